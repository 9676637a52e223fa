//! The authority over HTTP: EST (RFC 7030), the revocation list, and enrolment for programs and for people.
//!
//! All of it is to be served under TLS. EST's authentication is the enrolment: its token is the user, the code that the
//! phone showed is the password.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{self, DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use countersign_certs::{Certificate, Request, to_certs_only};
use countersign_domain::{
    address::Msisdn,
    code::TypedCode,
    id::{Identifier, SessionId},
    time::Timestamp,
};
use countersign_web::{
    accept::{self, offered},
    body::{JsonBody, Segment},
    client_address::ClientAddress,
    guest::Guest,
    misfit::InMember as _,
    own_forms::own_forms_only,
    peer_certificate::PeerCertificates,
    problem::Problem,
    step::to_the_end,
};
use tokio::sync::Mutex;

use crate::{
    enrolment::{EnrolmentToken, Enrolments},
    error::AuthorityError,
    flow::LIST_LIFETIME,
    message::{StartBody, StartedBody, attributes, certificates, proof, request},
    page,
    words::WORDS,
};

/// Longest body that is read: a request in base64, and a form around it.
const MAX_BODY_BYTES: usize = 32 * 1024;
/// How long a signed revocation list is handed out before the next is signed.
const LIST_KEPT_SECONDS: u32 = 60;

/// An authority over HTTP.
pub struct AuthorityService {
    /// The enrolments, and the authority that issues at their end.
    pub enrolments: Enrolments,
    /// The authority's certificate and those above it, the root last.
    pub chain: Vec<Certificate>,
    /// The list that was signed last, and when it is signed anew.
    list: Mutex<Option<(Timestamp, Bytes)>>,
}

impl AuthorityService {
    /// A service for these enrolments.
    pub fn new(enrolments: Enrolments, chain: Vec<Certificate>) -> Self {
        Self { enrolments, chain, list: Mutex::default() }
    }

    /// A certificate with what stands above it, without the root.
    pub(crate) fn with_chain(&self, certificate: Certificate) -> Vec<Certificate> {
        let above = self.chain.iter().filter(|above| !above.is_self_issued());
        [certificate].into_iter().chain(above.cloned()).collect()
    }

    /// As [`Enrolments::finish`], which runs to completion even if the client disconnects: the code is used up.
    pub(crate) async fn finish(
        self: &Arc<Self>,
        token: EnrolmentToken,
        code: TypedCode,
        request: Request,
        old: Option<Certificate>,
    ) -> Result<Certificate, AuthorityError> {
        let service = Arc::clone(self);
        to_the_end(
            async move { service.enrolments.finish(&token, &code, &request, old.as_ref()).await },
        )
        .await
    }
}

pub(crate) type Shared = State<Arc<AuthorityService>>;

/// The routes, to be mounted under TLS, with [`PeerCertificates`] in the request's extensions when the listener asks for
/// client certificates, which `simplereenroll` needs.
pub fn routes(service: Arc<AuthorityService>) -> Router {
    Router::new()
        .nest("/.well-known/est", est())
        .nest("/.well-known/est/{label}", est().route_layer(from_fn(labelled)))
        .route(
            "/v1/enrolments",
            post(start).route_layer(from_fn_with_state(&accept::JSON[..], offered)),
        )
        .route("/list.crl", get(list))
        .merge(page::routes())
        .fallback(async |guest: Guest, headers: HeaderMap| {
            page::nowhere(&guest, &headers, &Problem::shared(StatusCode::NOT_FOUND, "not-found"))
        })
        .method_not_allowed_fallback(async |guest: Guest, headers: HeaderMap| {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            page::nowhere(&guest, &headers, &Problem::shared(status, "method-not-allowed"))
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(own_forms_only))
        .with_state(service)
}

/// EST's operations.
const OPERATIONS: [&str; 4] = ["cacerts", "csrattrs", "simpleenroll", "simplereenroll"];

fn est() -> Router<Arc<AuthorityService>> {
    let [authorities_at, attributes_at, enrol_at, enrol_again_at] =
        OPERATIONS.map(|operation| format!("/{operation}"));
    Router::new()
        .route(&authorities_at, get(authorities))
        .route(&attributes_at, get(async || attributes()))
        .route(&enrol_at, post(enrol))
        .route(&enrol_again_at, post(enrol_again))
}

/// A client may name the authority that it means (RFC 7030 section 3.2.2). There is one here, whatever a client calls it; but
/// no label is an operation's name.
async fn labelled(label: Segment, request: extract::Request, next: Next) -> Response {
    match label {
        Ok(Path(label)) if !OPERATIONS.contains(&label.as_str()) => next.run(request).await,
        Ok(_) | Err(_) => Problem::shared(StatusCode::NOT_FOUND, "not-found").into_response(),
    }
}

/// The authority's certificate and those above it (RFC 7030 section 4.1).
async fn authorities(State(service): Shared) -> Result<Response, AuthorityError> {
    Ok(certificates(&to_certs_only(&service.chain)?))
}

/// Issues for a request and a proof (RFC 7030 section 4.2).
async fn enrol(State(service): Shared, headers: HeaderMap, body: Bytes) -> Response {
    answer(issue(&service, &headers, &body, None).await)
}

/// Issues in place of the certificate that the client presents (RFC 7030 section 4.2.2). The number is proved again: it
/// may belong to another person by now.
async fn enrol_again(
    State(service): Shared,
    headers: HeaderMap,
    peer: Option<Extension<PeerCertificates>>,
    body: Bytes,
) -> Response {
    let presented = peer.and_then(|Extension(peer)| peer.0.into_iter().next());
    let presented = presented.and_then(|der| Certificate::from_der(der.into()).ok());
    let Some(old) = presented else {
        let problem = WORDS.problem(StatusCode::FORBIDDEN, "certificate-not-presented");
        return problem.into_response();
    };
    answer(issue(&service, &headers, &body, Some(old)).await)
}

async fn issue(
    service: &Arc<AuthorityService>,
    headers: &HeaderMap,
    body: &[u8],
    old: Option<Certificate>,
) -> Result<Response, Problem> {
    let unproved = || WORDS.problem(StatusCode::UNAUTHORIZED, "proof-needed");
    let (token, code) = proof(headers).ok_or_else(unproved)?;
    let request = request(headers, body)?;
    match service.finish(token, code, request, old).await {
        // The certificate alone (RFC 7030 section 4.2.3); those above it are at cacerts.
        Ok(certificate) => {
            Ok(certificates(&to_certs_only(&[certificate]).map_err(AuthorityError::from)?))
        }
        // Here the proof is the authentication (RFC 7030 section 3.2.3).
        Err(error @ (AuthorityError::Refused(_) | AuthorityError::NoEnrolment)) => {
            Err(Problem::from(error).with_status(StatusCode::UNAUTHORIZED))
        }
        Err(error) => Err(error.into()),
    }
}

/// A client without proof is told how one is given here, and not the scheme of the merchants' API.
fn answer(issued: Result<Response, Problem>) -> Response {
    let mut response = issued.unwrap_or_else(IntoResponse::into_response);
    if response.status() == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Basic realm=\"enrolment\", charset=\"UTF-8\"");
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

async fn start(
    State(service): Shared,
    client: ClientAddress,
    body: JsonBody,
) -> Result<Response, Problem> {
    let body: StartBody = body.read()?;
    let identifier = Identifier::try_from(body.identifier).in_member("identifier")?;
    let number = Msisdn::typed(&body.number).in_member("number")?;
    let locale = body.locale.and_then(|range| range.language()).unwrap_or_default().locale();
    let session = SessionId::random(service.enrolments.ports.entropy.as_ref());
    let session = session.map_err(AuthorityError::from)?;
    let started = service.enrolments.start(identifier, number, session, locale, client).await?;
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, no_store, Json(StartedBody::from(started))).into_response())
}

/// What was revoked (RFC 5280 section 5), DER.
async fn list(State(service): Shared) -> Result<Response, AuthorityError> {
    let now = service.enrolments.ports.clock.now();
    let mut kept = service.list.lock().await;
    let der = match kept.as_ref().filter(|(until, _)| now < *until) {
        Some((_, der)) => der.clone(),
        None => {
            let list = service.enrolments.authority.revocation_list(LIST_LIFETIME).await?;
            let der = Bytes::copy_from_slice(list.der());
            *kept = Some((now.plus_seconds(LIST_KEPT_SECONDS), der.clone()));
            der
        }
    };
    let kind = HeaderValue::from_static("application/pkix-crl");
    Ok(([(header::CONTENT_TYPE, kind)], der).into_response())
}
