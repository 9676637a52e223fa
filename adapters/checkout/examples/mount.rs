//! The checkout in somebody's own server, beside a page of its own, over the domain's fakes: a server has drivers
//! instead. The session's cookie is `Secure` and `__Host-`, so real use needs TLS in front.
#![expect(clippy::print_stdout, reason = "the terminal is the phone")]

use std::{error::Error, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use countersign_checkout::{Checkouts, merchant_api, payer_pages};
use countersign_domain::{directory::Subscribers, relying_party::RelyingParty, testing};
use countersign_web::{
    api::api,
    relying_party::{ApiClient, KeyHash, RelyingParties},
    subscribers::subscribers,
    theme::Themes,
};

fn routes(shop: &testing::Fixture) -> Result<Router, Box<dyn Error>> {
    let directory = Arc::new(Subscribers::new(shop.ports.clone()));
    let checkouts = Arc::new(Checkouts {
        ports: shop.ports.clone(),
        directory: directory.clone(),
        gateway: shop.gateway.clone(),
        certificates: None,
        public_origin: "http://127.0.0.1:3000".to_owned().try_into()?,
    });
    let merchant = RelyingParty {
        id: "dupont".try_into()?,
        name: "Librairie Dupont".try_into()?,
        may_enrol: true,
        tells_unknown: false,
    };
    let merchant = ApiClient { party: merchant, api_key_sha256: KeyHash::of("128 random bits") };
    let parties = RelyingParties::new(vec![merchant]);
    let api =
        api([merchant_api(checkouts.clone(), parties.clone()), subscribers(directory, parties)]);
    Ok(Router::new()
        .route("/", get(async || "my own page"))
        .nest("/countersign", api)
        .merge(payer_pages(checkouts, Themes::default())))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shop = Arc::new(testing::Fixture::new());
    let app = routes(&shop)?;
    println!("{}", include_str!("mount.txt"));
    // Messages are committed with their challenge, and sent after it: by whoever looks.
    tokio::spawn(async move {
        let mut shown = String::new();
        loop {
            if let Some(text) = shop.next_message().await.filter(|text| *text != shown) {
                println!("{text}\n");
                shown = text;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}

#[tokio::test]
async fn all_routes_answer() {
    use tower::ServiceExt as _;
    let app = routes(&testing::Fixture::new()).unwrap();
    let mounted = ["/", "/countersign/openapi.json", "/pay/1/code"];
    for (path, status) in mounted.into_iter().zip([200, 200, 303]) {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty());
        let answer = app.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}
