//! The sandbox that scenarios are run against: our own, or one that runs already.

use std::{collections::BTreeMap, sync::Arc};

use hyper::header::{self, HeaderName};
use serde_json::Value;

use crate::{
    control::Control,
    description::Description,
    failure::Failure,
    script::Variant,
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

/// The sandboxes of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Benches(BTreeMap<Variant, Arc<Bench>>);

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
    /// Only the sandbox at that control URL, whichever it is.
    pub(crate) async fn at(url: &str) -> Result<Self, Failure> {
        let bench = Bench::at(url).await?;
        let Description { operator, profile, order, .. } = &bench.description;
        let variant = match (operator, profile, order.as_str()) {
            (Some(_), _, _) => Variant::Operator,
            (None, Some(_), _) => Variant::Psd2,
            (None, None, "code_first") => Variant::CodeFirst,
            (None, None, _) => Variant::BankFirst,
        };
        let mut benches = Self::default();
        benches.add(variant, bench);
        Ok(benches)
    }

    pub(crate) fn add(&mut self, variant: Variant, bench: Bench) {
        self.0.insert(variant, Arc::new(bench));
    }

    /// The one that a scenario is for.
    pub(crate) fn of(&self, variant: Variant) -> Option<&Arc<Bench>> {
        self.0.get(&variant)
    }
}
