//! The authority over HTTP: EST (RFC 7030), the revocation list, and enrolment for programs and for people.
//!
//! All of it is to be served under TLS. EST's authentication is the enrolment: its token is the user, the code that the
//! phone showed is the password.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::JsonRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_certs::{Certificate, Request, to_certs_only};
use countersign_domain::{code::TypedCode, summary::Locale};
use countersign_web::{peer_certificate::PeerCertificates, problem::Problem};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{
    enrolment::{EnrolmentToken, Enrolments},
    error::AuthorityError,
    flow::LIST_LIFETIME,
    page,
};

/// Longest body that is read: a request in base64, and a form around it.
const MAX_BODY_BYTES: usize = 32 * 1024;
/// How long a signed revocation list is handed out before the next is signed.
const LIST_KEPT: Duration = Duration::from_secs(60);

/// What the routes share.
pub struct Desk {
    /// Those who enrol.
    pub enrolments: Enrolments,
    /// The authority's certificate and those above it, the root last.
    pub chain: Vec<Certificate>,
    list: Mutex<Option<(Instant, Bytes)>>,
}

impl Desk {
    /// A desk for these enrolments.
    pub fn new(enrolments: Enrolments, chain: Vec<Certificate>) -> Self {
        Self { enrolments, chain, list: Mutex::default() }
    }

    /// A certificate with what stands above it, without the root.
    pub(crate) fn with_chain(&self, certificate: Certificate) -> Vec<Certificate> {
        let above = self.chain.iter().filter(|above| !above.is_self_issued());
        [certificate].into_iter().chain(above.cloned()).collect()
    }

    /// As [`Enrolments::finish`], which is gone through with although whoever asked may have gone: the code is used up.
    pub(crate) async fn finish(
        self: &Arc<Self>,
        token: EnrolmentToken,
        code: TypedCode,
        request: Request,
        old: Option<Certificate>,
    ) -> Result<Certificate, AuthorityError> {
        let desk = Arc::clone(self);
        let finishing = tokio::spawn(async move {
            let enrolments = &desk.enrolments;
            enrolments.finish(&token, &code, &request, old.as_ref()).await
        });
        finishing.await.unwrap_or_else(|_| Err(countersign_certs::Error::Failed("issuing").into()))
    }
}

pub(crate) type Shared = State<Arc<Desk>>;

/// The routes, to be mounted under TLS, with [`PeerCertificates`] in the request's extensions when the listener asks for
/// client certificates, which `simplereenroll` needs.
pub fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/.well-known/est/cacerts", get(authorities))
        .route("/.well-known/est/csrattrs", get(attributes))
        .route("/.well-known/est/simpleenroll", post(enrol))
        .route("/.well-known/est/simplereenroll", post(enrol_again))
        .route("/v1/enrolments", post(start))
        .route("/list.crl", get(list))
        .merge(page::routes())
        .fallback(async || Problem::not_found("There is no such resource here."))
        .method_not_allowed_fallback(async || {
            Problem::method_not_allowed("This resource knows other methods.")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(desk)
}

/// The authority's certificate and those above it (RFC 7030 section 4.1).
async fn authorities(State(desk): Shared) -> Result<Response, AuthorityError> {
    Ok(certificates(&to_certs_only(&desk.chain)?))
}

/// What a request should be like (RFC 7030 section 4.5.2): a P-256 key, signed with ECDSA and SHA-256.
async fn attributes() -> Response {
    const KIND: &str = "application/csrattrs";
    encoded(HeaderValue::from_static(KIND), &CSR_ATTRIBUTES)
}

/// Issues for a request and a proof (RFC 7030 section 4.2).
async fn enrol(State(desk): Shared, headers: HeaderMap, body: Bytes) -> Response {
    answer(issue(&desk, &headers, &body, None).await)
}

/// Issues in place of the certificate that the client presents (RFC 7030 section 4.2.2). The number is proved again: it
/// may belong to somebody else by now.
async fn enrol_again(
    State(desk): Shared,
    headers: HeaderMap,
    peer: Option<Extension<PeerCertificates>>,
    body: Bytes,
) -> Response {
    let presented = peer.and_then(|Extension(peer)| peer.0.into_iter().next());
    let presented = presented.and_then(|der| Certificate::from_der(der.into()).ok());
    let Some(old) = presented else {
        let detail = "Present the certificate that is to be renewed in the TLS handshake.";
        return Problem::new(
            StatusCode::FORBIDDEN,
            "certificate-not-presented",
            "A client certificate is needed",
            detail,
        )
        .into_response();
    };
    answer(issue(&desk, &headers, &body, Some(old)).await)
}

async fn issue(
    desk: &Arc<Desk>,
    headers: &HeaderMap,
    body: &[u8],
    old: Option<Certificate>,
) -> Result<Response, Problem> {
    let (token, code) = proof(headers).ok_or_else(unproved)?;
    let request = request(headers, body)?;
    match desk.finish(token, code, request, old).await {
        // The certificate alone (RFC 7030 section 4.2.3); those above it are at cacerts.
        Ok(certificate) => {
            Ok(certificates(&to_certs_only(&[certificate]).map_err(AuthorityError::from)?))
        }
        // Here the proof is the authentication (RFC 7030 section 3.2.3).
        Err(error @ (AuthorityError::Refused(_) | AuthorityError::NoEnrolment)) => {
            let problem = Problem::from(error);
            let (name, title) = (problem.name().to_owned(), problem.title());
            let unauthorised = StatusCode::UNAUTHORIZED;
            Err(Problem::new(unauthorised, &name, title, problem.detail()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Who has no proof is told how one is given here, and not the scheme of the merchants' API.
fn answer(issued: Result<Response, Problem>) -> Response {
    let mut response = issued.unwrap_or_else(IntoResponse::into_response);
    if response.status() == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Basic realm=\"enrolment\", charset=\"UTF-8\"");
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

/// The enrolment and the code, as HTTP Basic has user and password (RFC 7617).
fn proof(headers: &HeaderMap) -> Option<(EnrolmentToken, TypedCode)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    let credentials = STANDARD.decode(credentials.trim()).ok()?;
    let credentials = zeroize::Zeroizing::new(String::from_utf8(credentials).ok()?);
    let (token, code) = credentials.split_once(':')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| Some((token.parse().ok()?, code.try_into().ok()?)))?
}

fn unproved() -> Problem {
    let detail = "Begin at POST /v1/enrolments; then give the enrolment as user and the code from the phone as password.";
    Problem::new(StatusCode::UNAUTHORIZED, "proof-needed", "The number must be proved", detail)
}

/// The request in an EST body: base64 of DER, with line breaks or without (RFC 7030 section 4, RFC 8951 section 3.1).
fn request(headers: &HeaderMap, body: &[u8]) -> Result<Request, Problem> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/pkcs10") {
        let detail = "Send a PKCS#10 request as application/pkcs10, its DER in base64.";
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-pkcs10",
            "This is not a certificate request",
            detail,
        ));
    }
    let packed: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(packed);
    let der = der.map_err(|_| countersign_certs::Error::MalformedRequest);
    let request = der.and_then(|der| Request::from_der(&der));
    Ok(request.map_err(AuthorityError::from)?)
}

fn certificates(message: &[u8]) -> Response {
    const KIND: &str = "application/pkcs7-mime; smime-type=certs-only";
    encoded(HeaderValue::from_static(KIND), message)
}

/// An EST body: base64 in lines (RFC 2045 section 6.8).
fn encoded(kind: HeaderValue, content: &[u8]) -> Response {
    const LINE: usize = 76;
    let text = STANDARD.encode(content);
    let mut lines = String::with_capacity(text.len() + text.len() / LINE * 2 + 2);
    for (place, character) in text.chars().enumerate() {
        if place > 0 && place % LINE == 0 {
            lines.push_str("\r\n");
        }
        lines.push(character);
    }
    lines.push_str("\r\n");
    let encoding = HeaderName::from_static("content-transfer-encoding");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (encoding, HeaderValue::from_static("base64")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, lines).into_response()
}

/// Who wants to enrol.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StartBody {
    identifier: String,
    number: String,
    locale: Option<Locale>,
}

/// An enrolment that was begun.
#[derive(Serialize)]
struct StartedBody {
    enrolment: String,
    masked_number: String,
    expires_in_seconds: u32,
}

async fn start(
    State(desk): Shared,
    body: Result<Json<StartBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(body) = body.map_err(|rejection| Problem::invalid(rejection.body_text()))?;
    let (identifier, number) = (
        body.identifier.try_into().map_err(AuthorityError::from)?,
        body.number.try_into().map_err(AuthorityError::from)?,
    );
    let locale = body.locale.unwrap_or(Locale::En);
    let started = desk.enrolments.start(identifier, number, locale).await?;
    let answer = StartedBody {
        enrolment: started.token.to_string(),
        masked_number: started.masked_number,
        expires_in_seconds: started.expires_in_seconds,
    };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, no_store, Json(answer)).into_response())
}

/// What was revoked (RFC 5280 section 5), DER.
async fn list(State(desk): Shared) -> Result<Response, AuthorityError> {
    let mut kept = desk.list.lock().await;
    let der = match kept.as_ref().filter(|(signed, _)| signed.elapsed() < LIST_KEPT) {
        Some((_, der)) => der.clone(),
        None => {
            let list = desk.enrolments.authority.revocation_list(LIST_LIFETIME).await?;
            let der = Bytes::copy_from_slice(list.der());
            *kept = Some((Instant::now(), der.clone()));
            der
        }
    };
    let kind = HeaderValue::from_static("application/pkix-crl");
    Ok(([(header::CONTENT_TYPE, kind)], der).into_response())
}

/// CsrAttrs: the attribute ecPublicKey with prime256v1, and ecdsa-with-SHA256.
const CSR_ATTRIBUTES: [u8; 35] = [
    0x30, 0x21, 0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x31, 0x0a, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x04, 0x03, 0x02,
];
