//! After a purchase by SET: the shop asks at `/v1/set/orders/{id}/settlements`.

use countersign_domain::amount::Amount;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Call},
    failure::Failure,
    flows::set::{Order, shown},
    phrase::{Table, look_up},
};

/// What a shop asked for in one scenario.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    /// The last settlement, by its id.
    pub(crate) last: Option<String>,
    /// The batch that is open, by its number.
    pub(crate) batch: Option<u32>,
}

impl Settling {
    /// The settlement that is talked of: the last.
    pub(crate) fn last(&self) -> Result<&str, Failure> {
        self.last.as_deref().ok_or_else(|| Failure::new("the shop has not asked for anything yet"))
    }
}

/// Asks for a settlement of that kind; gives its id.
pub(crate) async fn ask(
    bench: &Bench,
    order: &Order,
    kind: &str,
    amount: Amount,
    batch: Option<u32>,
) -> Result<String, Failure> {
    let price = json!({ "value": amount.to_decimal(), "currency": amount.currency().code() });
    let body = json!({ "kind": kind, "amount": price, "batch": batch });
    let path = format!("/v1/set/orders/{}/settlements", order.id);
    let api_key = Some(bench.description.api_key.as_str());
    let call = Call { method: "POST", path: &path, api_key, body: Some(&body), ..Call::default() };
    let view = shown(bench.call(call).await?)?;
    let id = view.get("id").and_then(Value::as_str).map(str::to_owned);
    id.ok_or_else(|| Failure::expected("a settlement with id", &view))
}

/// What the gateway says to a settlement.
pub(crate) async fn code(bench: &Bench, id: &str) -> Result<Option<String>, Failure> {
    let path = format!("/v1/set/settlements/{id}");
    let api_key = Some(bench.description.api_key.as_str());
    let call = Call { method: "GET", path: &path, api_key, ..Call::default() };
    let view = shown(bench.call(call).await?)?;
    Ok(view.get("code").and_then(Value::as_str).map(str::to_owned))
}

/// Opens, closes or looks at a batch.
pub(crate) async fn batch(
    bench: &Bench,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let (path, api_key) =
        (format!("/v1/set/batches/{path}"), Some(bench.description.api_key.as_str()));
    shown(bench.call(Call { method, path: &path, api_key, body, ..Call::default() }).await?)
}

/// What a shop is told, by the protocol's name.
pub(crate) fn answer(words: &str) -> Result<&'static str, String> {
    look_up(ANSWERS, words)
}

const ANSWERS: Table = &[
    ("it is done", "success"),
    ("the amount does not fit", "amountError"),
    ("the bank refuses", "declined"),
];
