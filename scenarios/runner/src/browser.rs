//! A payer's browser: one cookie jar, so one session; one certificate, or none.

use std::path::PathBuf;

use hyper::header;

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
        self.ask("GET", url, "text/html", None).await
    }

    /// Opens a page as JSON.
    pub(crate) async fn open(&mut self, url: &str) -> Result<Reply, Unanswered> {
        self.ask("GET", url, "application/json", None).await
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
        self.ask("POST", &format!("{page}{action}"), "application/json", Some(form.finish())).await
    }

    async fn ask(
        &mut self,
        method: &str,
        url: &str,
        accept: &str,
        form: Option<String>,
    ) -> Result<Reply, Unanswered> {
        let mut headers = vec![(header::ACCEPT, accept.to_owned())];
        if let Some(cookie) = &self.cookie {
            headers.push((header::COOKIE, cookie.clone()));
        }
        if form.is_some() {
            headers.push((header::CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned()));
        }
        let body = form.unwrap_or_default();
        let reply = wire::ask(Some(&self.tls), Ask { method, url, headers, body }).await?;
        let set = reply.headers.get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
        if let Some(pair) = set.and_then(|cookie| cookie.split(';').next()) {
            self.cookie = Some(pair.to_owned());
        }
        Ok(reply)
    }
}
