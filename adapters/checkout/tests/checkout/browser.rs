//! A payer's browser.

use axum::{
    body::Body,
    http::{Request, header},
};
use countersign_web::peer_certificate::PeerCertificates;

use crate::support::{Answer, Shop};

/// A browser: one cookie, one way of asking, and the certificate that it presents, if any.
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    shop: &'a Shop,
    cookie: String,
    accept: &'static str,
    pub(crate) languages: &'static str,
    peer: PeerCertificates,
}

impl<'a> Browser<'a> {
    /// A browser that has opened the page.
    pub(crate) async fn at(shop: &'a Shop, page: &str, accept: &'static str) -> Self {
        Self::presenting(PeerCertificates::default(), shop, page, accept).await
    }

    /// A browser that has opened the page with those certificates.
    pub(crate) async fn presenting(
        peer: PeerCertificates,
        shop: &'a Shop,
        page: &str,
        accept: &'static str,
    ) -> Self {
        let mut browser = Self { shop, cookie: String::new(), accept, languages: "", peer };
        let shown = browser.open(page).await;
        let set = shown.header(header::SET_COOKIE);
        set.split(';').next().unwrap().clone_into(&mut browser.cookie);
        browser
    }

    pub(crate) async fn open(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    pub(crate) async fn submit(&self, path: &str, form: &str) -> Answer {
        self.ask("POST", path, form).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, form: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Accept", self.accept)
            .header("Accept-Language", self.languages)
            .header("Cookie", &self.cookie)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .extension(self.peer.clone())
            .body(Body::from(form.to_owned()));
        self.shop.raw_page(request.unwrap()).await
    }
}
