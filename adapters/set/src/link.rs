//! The way to a gateway or a merchant over HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::Method;
use countersign_web::client;
pub use countersign_web::client::HttpError;
use rustls::ClientConfig;

use crate::{
    http::{INITIATION, PAYMENT, REGISTRATION, REGISTRATION_INITIATION},
    merchant::{GatewayLink, LinkError},
    wire::MAX_MESSAGE_BYTES,
};

/// A client of SET's messages over HTTP.
#[derive(Clone)]
pub struct HttpClient(client::HttpClient);

/// The way to one gateway.
pub struct HttpLink {
    client: HttpClient,
    url: String,
}

impl HttpLink {
    /// The way to the gateway that takes messages there.
    ///
    /// # Errors
    /// [`HttpError::Address`].
    pub fn new(client: HttpClient, url: &str) -> Result<Self, HttpError> {
        client::HttpClient::check(url)?;
        Ok(Self { client, url: url.to_owned() })
    }
}

#[async_trait]
impl GatewayLink for HttpLink {
    async fn exchange(&self, message: Vec<u8>) -> Result<Vec<u8>, LinkError> {
        let answered = self.client.exchange(&self.url, message).await;
        answered.map_err(|error| LinkError { cause: error.to_string() })
    }
}

impl HttpClient {
    /// A client that trusts what that configuration trusts, where the address begins with `https`.
    pub const fn new(tls: Arc<ClientConfig>) -> Self {
        Self(client::HttpClient::new(tls, MAX_MESSAGE_BYTES))
    }

    /// Sends a message, and gives the answer.
    ///
    /// # Errors
    /// When there is none: whether the message arrived is not known.
    pub async fn exchange(&self, url: &str, message: Vec<u8>) -> Result<Vec<u8>, HttpError> {
        self.0.exchange(url, Method::POST, message, PAYMENT).await
    }

    /// The wake-up at the address of an order.
    ///
    /// # Errors
    /// When there is none.
    pub async fn wake_up(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        self.0.exchange(url, Method::GET, Vec::new(), INITIATION).await
    }

    /// Sends a message of a registration, and gives the answer.
    ///
    /// # Errors
    /// When there is none: whether the message arrived is not known.
    pub async fn register(&self, url: &str, message: Vec<u8>) -> Result<Vec<u8>, HttpError> {
        self.0.exchange(url, Method::POST, message, REGISTRATION).await
    }

    /// What an authority says of where one registers.
    ///
    /// # Errors
    /// When there is none.
    pub async fn invitation(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        self.0.exchange(url, Method::GET, Vec::new(), REGISTRATION_INITIATION).await
    }
}
