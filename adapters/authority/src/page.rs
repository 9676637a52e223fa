//! Enrolment for a person in a browser: name and number, then the code, then a file to import.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{State, rejection::FormRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use countersign_certs::{KeyPair, Request, check_passphrase, to_pkcs12};
use countersign_domain::{code::TypedCode, summary::Locale};
use countersign_web::{
    page::{Page, STYLE},
    problem::Problem,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    enrolment::{EnrolmentToken, Started},
    error::AuthorityError,
    routes::{Desk, Shared},
};

pub(crate) fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/enrol", get(ask).post(start)).route("/enrol/code", post(finish))
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct Ask<'a> {
    style: &'static str,
    problem: Option<&'a Problem>,
    identifier: &'a str,
    number: &'a str,
}

#[derive(Template)]
#[template(path = "code.html")]
struct Code<'a> {
    style: &'static str,
    problem: Option<&'a Problem>,
    started: &'a Started,
}

fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Page::new(status, html, "").into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be made");
            Problem::internal().into_response()
        }
    }
}

async fn ask() -> Response {
    asking(None, "", "")
}

fn asking(problem: Option<&Problem>, identifier: &str, number: &str) -> Response {
    let status = problem.map_or(StatusCode::OK, Problem::status);
    page(status, &Ask { style: STYLE, problem, identifier, number })
}

fn coding(problem: Option<&Problem>, started: &Started) -> Response {
    let status = problem.map_or(StatusCode::OK, Problem::status);
    page(status, &Code { style: STYLE, problem, started })
}

#[derive(Deserialize)]
struct StartForm {
    identifier: String,
    number: String,
}

async fn start(State(desk): Shared, form: Result<Form<StartForm>, FormRejection>) -> Response {
    let Ok(Form(form)) = form else {
        let problem = Problem::invalid("Give your name here and your number.");
        return asking(Some(&problem), "", "");
    };
    let begun = async {
        let identifier = form.identifier.trim().try_into()?;
        // People part the digits of a number with blanks.
        let number: String = form.number.split_whitespace().collect();
        let number = number.try_into()?;
        desk.enrolments.start(identifier, number, Locale::En).await
    };
    match begun.await {
        Ok(started) => coding(None, &started),
        Err(error) => {
            let error: AuthorityError = error;
            asking(Some(&error.into()), &form.identifier, &form.number)
        }
    }
}

#[derive(Deserialize)]
struct CodeForm {
    enrolment: String,
    code: String,
    /// A request, in PEM, of who has a key.
    #[serde(default)]
    request: String,
    /// The passphrase for the file of who has none.
    #[serde(default)]
    passphrase: String,
}

async fn finish(State(desk): Shared, form: Result<Form<CodeForm>, FormRejection>) -> Response {
    let Ok(Form(form)) = form else {
        let problem = Problem::invalid("Something is missing. Begin again.");
        return asking(Some(&problem), "", "");
    };
    let (code, passphrase) = (Zeroizing::new(form.code), Zeroizing::new(form.passphrase));
    let issued = async {
        let token = form.enrolment.parse()?;
        let code = code.as_str().try_into()?;
        issue(&desk, token, code, &form.request, passphrase).await
    };
    match issued.await {
        Ok(file) => file,
        Err(error) => again(&desk, &form.enrolment, &error.into()).await,
    }
}

/// While there is something left to try, it is tried where it was.
async fn again(desk: &Desk, enrolment: &str, problem: &Problem) -> Response {
    let started = match enrolment.parse() {
        Ok(token) => desk.enrolments.look(&token).await.ok(),
        Err(_) => None,
    };
    match started {
        Some(started) => coding(Some(problem), &started),
        None => asking(Some(problem), "", ""),
    }
}

/// The file: the certificate with its chain for who has a key, and everything for who has none.
async fn issue(
    desk: &Arc<Desk>,
    token: EnrolmentToken,
    code: TypedCode,
    request: &str,
    passphrase: Zeroizing<String>,
) -> Result<Response, AuthorityError> {
    if !request.trim().is_empty() {
        let request = Request::from_file(request.as_bytes())?;
        let certificate = desk.finish(token, code, request, None).await?;
        let mut pem = String::new();
        for certificate in desk.with_chain(certificate) {
            pem.push_str(&certificate.to_pem()?);
        }
        let kind = "application/x-pem-file";
        return Ok(file(kind, "certificate.pem", pem.into_bytes()));
    }
    // What can be refused is refused before a key is made, and before the code is used up.
    check_passphrase(&passphrase)?;
    desk.enrolments.look(&token).await?;
    let key = KeyPair::generate()?;
    let request = Request::from_file(key.to_request_pem("enrolment")?.as_bytes())?;
    let certificate = desk.finish(token, code, request, None).await?;
    let mut chain = vec![certificate];
    chain.extend(desk.chain.iter().cloned());
    // It takes a while, as it must: not on a thread that serves others.
    let packed = move || to_pkcs12(&key, &chain, "countersign", &passphrase);
    let packed = tokio::task::spawn_blocking(packed).await;
    let packed = packed.unwrap_or(Err(countersign_certs::Error::Failed("making a PKCS#12 file")));
    Ok(file("application/x-pkcs12", "certificate.p12", packed?))
}

fn file(kind: &'static str, name: &str, content: Vec<u8>) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, content).into_response()
}
