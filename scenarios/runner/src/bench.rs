//! The sandbox that scenarios are run against: our own, or one that runs already.

use std::sync::Arc;

use hyper::header::{self, HeaderName};
use serde_json::Value;

use crate::{
    control::Control,
    description::Description,
    failure::Failure,
    wire::{self, Answer, Ask, Tls},
};

/// One sandbox.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) control: Control,
    pub(crate) description: Description,
}

/// A request to the API of relying parties.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// The relying party's, or none.
    pub(crate) api_key: Option<&'a str>,
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) body: Option<&'a Value>,
}

/// The sandboxes of a run, by the order in which their policy asks bank and phone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Benches {
    pub(crate) bank_first: Option<Arc<Bench>>,
    pub(crate) code_first: Option<Arc<Bench>>,
}

impl Bench {
    /// The sandbox at that control URL.
    pub(crate) async fn at(url: &str) -> Result<Self, Failure> {
        let control = Control::new(url);
        let description = control.description().await?;
        Ok(Self { control, description })
    }

    /// Calls the API.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let tls = Tls::new(&self.description.authority, None)?;
        let url = format!("{}{}", self.description.api, call.path);
        let mut headers = Vec::new();
        if let Some(key) = call.api_key {
            headers.push((header::AUTHORIZATION, format!("Bearer {key}")));
        }
        if let Some(key) = call.idempotency_key {
            headers.push((HeaderName::from_static("idempotency-key"), key.to_owned()));
        }
        // What a tester reads is no part of what happens, and is not drawn.
        if call.method == "GET" {
            headers.push((HeaderName::from_static(countersign_sandbox::OWN_LOOK), "1".to_owned()));
        }
        let body = call.body.map(Value::to_string).unwrap_or_default();
        Ok(wire::ask(Some(&tls), Ask { method: call.method, url: &url, headers, body }).await)
    }
}

impl Benches {
    /// Only the sandbox at that control URL, whichever its order is.
    pub(crate) async fn at(url: &str) -> Result<Self, Failure> {
        let bench = Arc::new(Bench::at(url).await?);
        Ok(if bench.description.order == "code_first" {
            Self { code_first: Some(bench), bank_first: None }
        } else {
            Self { bank_first: Some(bench), code_first: None }
        })
    }

    /// The one that a scenario is for.
    pub(crate) fn of(&self, code_first: bool) -> Option<&Arc<Bench>> {
        if code_first { self.code_first.as_ref() } else { self.bank_first.as_ref() }
    }
}
