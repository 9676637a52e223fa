//! A payer's browser: one cookie jar, so one session; one certificate, or none.

use std::path::PathBuf;

use countersign_sandbox::OWN_LOOK;
use hyper::header::{self, HeaderName};
use serde_json::Value;

use crate::{
    description::{ClientCertificate, Description},
    failure::Failure,
    wire::{self, Ask, Reply, Tls, Unanswered},
};

/// A browser.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    authority: PathBuf,
    tls: Tls,
    cookie: Option<String>,
}

impl Browser {
    /// A new one, without cookies.
    pub(crate) fn new(
        description: &Description,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Self, Failure> {
        let authority = description.authority.clone();
        let tls = Tls::new(&authority, certificate)?;
        Ok(Self { authority, tls, cookie: None })
    }

    /// Another browser of somebody without a certificate.
    pub(crate) fn another(&self) -> Result<Self, Failure> {
        let (authority, tls) = (self.authority.clone(), Tls::new(&self.authority, None)?);
        Ok(Self { authority, tls, cookie: None })
    }

    /// Opens a page for a person to read.
    pub(crate) async fn read(&mut self, url: &str) -> Result<Reply, Unanswered> {
        self.ask("GET", url, "text/html", Sent::Nothing).await
    }

    /// Opens a page as JSON.
    pub(crate) async fn open(&mut self, url: &str) -> Result<Reply, Unanswered> {
        self.ask("GET", url, "application/json", Sent::Nothing).await
    }

    /// Looks at what a tester wants to know: it is no part of what happens, and is not drawn.
    pub(crate) async fn look(&self, url: &str) -> Result<Reply, Unanswered> {
        self.exchange("GET", url, "application/json", Sent::Look).await
    }

    /// Sends JSON, as a program does.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        url: &str,
        body: &Value,
    ) -> Result<Reply, Unanswered> {
        self.ask(method, url, "application/json", Sent::Json(body.to_string())).await
    }

    /// Sends a form. A session begins with the page, so a browser without one opens it first.
    pub(crate) async fn submit(
        &mut self,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<Reply, Unanswered> {
        if self.cookie.is_none() {
            self.open(page).await?;
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let sent = Sent::Form(form.finish());
        self.ask("POST", &format!("{page}{action}"), "application/json", sent).await
    }

    /// Sends something, and keeps the cookie that it is given.
    async fn ask(
        &mut self,
        method: &str,
        url: &str,
        accept: &str,
        sent: Sent,
    ) -> Result<Reply, Unanswered> {
        let reply = self.exchange(method, url, accept, sent).await?;
        let set = reply.headers.get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
        if let Some(pair) = set.and_then(|cookie| cookie.split(';').next()) {
            self.cookie = Some(pair.to_owned());
        }
        Ok(reply)
    }

    async fn exchange(
        &self,
        method: &str,
        url: &str,
        accept: &str,
        sent: Sent,
    ) -> Result<Reply, Unanswered> {
        let mut headers = vec![(header::ACCEPT, accept.to_owned())];
        if let Some(cookie) = &self.cookie {
            headers.push((header::COOKIE, cookie.clone()));
        }
        let media_type = |name: &str| (header::CONTENT_TYPE, name.to_owned());
        let body = match sent {
            Sent::Nothing => String::new(),
            Sent::Look => {
                headers.push((HeaderName::from_static(OWN_LOOK), "1".to_owned()));
                String::new()
            }
            Sent::Form(form) => {
                headers.push(media_type("application/x-www-form-urlencoded"));
                form
            }
            Sent::Json(json) => {
                headers.push(media_type("application/json"));
                json
            }
        };
        wire::ask(Some(&self.tls), Ask { method, url, headers, body }).await
    }
}

/// What goes with a request.
enum Sent {
    Nothing,
    /// Nothing, and the request is a tester's.
    Look,
    Form(String),
    Json(String),
}
