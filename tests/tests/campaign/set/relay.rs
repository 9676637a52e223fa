//! Between merchant and gateway, so that it is known what each was answered; it holds nothing back.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign_set::link::HttpClient;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{Exchange, hear};

/// Where it listens. What comes goes to the gateways in turn.
pub(crate) async fn start(
    gateways: Vec<u16>,
    client: HttpClient,
    heard: Arc<Mutex<Vec<Exchange>>>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let turn = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (gateways, turn) = (gateways.clone(), Arc::clone(&turn));
            let (client, heard) = (client.clone(), Arc::clone(&heard));
            let service = service_fn(move |request| {
                let nth = turn.fetch_add(1, Ordering::Relaxed) % gateways.len();
                let url = format!("https://localhost:{}/set", gateways.get(nth).unwrap());
                relay(url, client.clone(), Arc::clone(&heard), request)
            });
            // A merchant that was killed has no use for its answer.
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

async fn relay(
    url: String,
    client: HttpClient,
    heard: Arc<Mutex<Vec<Exchange>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    let Ok(body) = request.into_body().collect().await else { return Ok(response) };
    let message = body.to_bytes().to_vec();
    if let Ok(answer) = client.exchange(&url, message.clone()).await {
        hear(&heard, &url, &message, &answer);
        *response.status_mut() = StatusCode::OK;
        let media_type = header::HeaderValue::from_static("application/set-payment");
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        *response.body_mut() = Full::from(answer);
    }
    Ok(response)
}
