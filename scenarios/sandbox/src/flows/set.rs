//! SET (figure 11): gateway, merchant and the cardholder's wallet in the same server, with sockets between them.

mod messages;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Form, Router,
    body::Bytes,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, Method},
    response::{IntoResponse as _, Redirect},
    routing::post,
};
use countersign_domain::{payment::Payment, ports::Store};
use countersign_set::{Sale, message::authorization::AuthCode, payment_of};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    checkout::{self, good},
    heard, messages_of, unreadable,
};
use crate::{
    address::{free_port, host},
    certificates::{AUTHORITY_FOLDER, BRAND, MERCHANT, WALLET},
    counterparties::Counterparties,
    drawing::{Flow, Traces, names},
    error::SandboxError,
    journal::{Request, Said},
    page::Answer,
    problem::ControlError,
    views::{Became, Begun, Tone, age},
};

/// Its sections of the server's configuration.
pub(super) fn section() -> Result<String, SandboxError> {
    let free = || free_port(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let (gateway, merchant, cardholder) = (free()?, free()?, free()?);
    let (enrolment, registration) = (free()?, free()?);
    let (at_gateway, at_merchant) = (host(gateway), host(merchant));
    let (at_enrolment, at_registration) = (host(enrolment), host(registration));
    Ok(format!(
        r#"
[set.gateway]
listen = "{gateway}"
public_origin = "https://{at_gateway}"
signature = {{ certificate = "gateway-signature.pem", key = "gateway-signature.key" }}
exchange = [
    {{ certificate = "gateway-next.pem", key = "gateway-next.key" }},
    {{ certificate = "gateway.pem", key = "gateway.key" }},
]
authorities = "root.pem"
brands = ["{BRAND}"]

[set.merchant]
listen = "{merchant}"
public_origin = "https://{at_merchant}"
relying_party = "{MERCHANT}"
signature = {{ certificate = "dupont-signature.pem", key = "dupont-signature.key" }}
exchange = {{ certificate = "dupont-exchange.pem", key = "dupont-exchange.key" }}
authorities = "root.pem"

[set.merchant.gateway]
url = "https://{at_gateway}/set"
certificate = "gateway.pem"
tls_authorities = "root.pem"

[set.cardholder]
listen = "{cardholder}"
wallet = "{WALLET}"
tls_authorities = "root.pem"

[authority]
listen = "{enrolment}"
public_origin = "https://{at_enrolment}"
folder = "{AUTHORITY_FOLDER}"
passphrase_file = "authority.password"
profile = "cardholder"
gateways = ["gateway.pem"]

[set.authority]
listen = "{registration}"
public_origin = "https://{at_registration}"
signature = {{ certificate = "authority-signature.pem", key = "authority-signature.key" }}
exchange = {{ certificate = "authority-exchange.pem", key = "authority-exchange.key" }}
name = "Sandbox Bank"
brand = "{BRAND}"
card_prefixes = ["497000", "497010"]
policy = "The card pays only after a code that goes to its phone."
"#
    ))
}

pub(super) fn routes(counterparties: Arc<Counterparties>) -> Router {
    Router::new().route("/wallet", post(wake)).with_state(counterparties)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuyForm {
    good: String,
}

/// The shop makes an order, and the browser hands its address to the wallet.
async fn wake(
    State(shared): State<Arc<Counterparties>>,
    form: Result<Form<BuyForm>, FormRejection>,
) -> Answer {
    let Form(BuyForm { good: key }) = form?;
    let good = good(&key).ok_or_else(|| ControlError::invalid("The shop does not sell that."))?;
    let order = json!({
        "amount": { "value": good.price, "currency": "EUR" },
        "description": good.name,
    });
    let created = shared.merchant.call("POST", "/v1/set/orders", &order).await?;
    let url = created.get("url").and_then(Value::as_str).unwrap_or_default();
    let order: String = form_urlencoded::byte_serialize(url.as_bytes()).collect();
    Ok(Redirect::to(&format!("{}/?order={order}", shared.facts.wallet_page)).into_response())
}

/// What cardholder, merchant and gateway say to each other.
pub(super) fn request(method: &Method, path: &str, body: &Bytes) -> Option<Request> {
    messages::request(method, path, body)
}

/// What they answer.
pub(super) fn answer(headers: &HeaderMap, body: &Bytes) -> Option<Said> {
    messages::answer(headers, body)
}

/// Whether this is the id of an order.
pub(super) fn is_order(id: &str) -> bool {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    id.starts_with("ord_") && id.bytes().all(is_id)
}

/// The orders that were heard of last, latest first, and what became of them.
pub(super) async fn lately(shared: &Counterparties) -> Vec<Begun> {
    let notes = shared.journal.all();
    let mut begun = Vec::new();
    for (id, first) in heard(&notes, is_order) {
        let purchases = names(&notes, id);
        begun.push(Begun {
            page: format!("/purchases/{id}"),
            id: id.to_owned(),
            what: checkout::title(first),
            at: first.at,
            age: age(first.at),
            became: standing(shared, &purchases).await.unwrap_or(NOT_KNOWN),
        });
    }
    begun
}

const NOT_KNOWN: Became = Became { tone: Tone::Open, words: "not known" };

/// How the last of these purchases stands. The merchant's records are read and nobody is asked: a page that looks must not
/// have messages sent.
async fn standing(shared: &Counterparties, purchases: &[&str]) -> Result<Became, ControlError> {
    let mut last = Became { tone: Tone::Open, words: "open" };
    if purchases.is_empty() {
        return Ok(last);
    }
    let store = shared.store.as_ref();
    for xid in purchases {
        let sale = store.find::<Sale>(xid).await.map_err(|error| unreadable(&error))?;
        let standing = sale.map(|sale| sale.value.standing()).transpose();
        if let Some((code, captured)) = standing.map_err(|error| unreadable(&error))?.flatten() {
            last = became(code, captured);
        }
    }
    Ok(last)
}

/// What became of a purchase about which the gateway said that last.
const fn became(code: AuthCode, captured: bool) -> Became {
    let (tone, words) = match code {
        AuthCode::Approved if captured => (Tone::Good, "paid"),
        AuthCode::Approved => (Tone::Good, "authorized"),
        AuthCode::CodePending => (Tone::Open, "awaiting the code"),
        AuthCode::CodeWrong => (Tone::Open, "awaiting the code: a wrong one was typed"),
        AuthCode::NoReply | AuthCode::UnderWay => (Tone::Open, "the bank is being asked"),
        AuthCode::CodeLocked => (Tone::Bad, "refused: too many wrong codes"),
        AuthCode::CodeExpired => (Tone::Bad, "expired: no code came in time"),
        AuthCode::NoPhone => (Tone::Bad, "refused: no phone is vouched for"),
        AuthCode::Declined => (Tone::Bad, "refused: the bank declined"),
        AuthCode::Cancelled => (Tone::Bad, "voided: called off"),
        AuthCode::Untimely => (Tone::Bad, "refused: the request was held back"),
        AuthCode::SignatureRequired => (Tone::Bad, "refused: a signature is needed"),
        AuthCode::UnspecifiedFailure
        | AuthCode::AmountError
        | AuthCode::ExpiredCard
        | AuthCode::InvalidTransaction
        | AuthCode::PiPreviouslyUsed
        | AuthCode::PiAuthMismatch
        | AuthCode::CaptureNotSupported
        | AuthCode::CardMerchBrandMismatch => (Tone::Bad, "refused by the gateway"),
    };
    Became { tone, words }
}

/// By what the messages of registrations are found: nothing that anybody on the way could read names one of them.
pub(super) const REGISTRATIONS: &str = "registrations";

/// The flow since somebody last asked how one registers, without what the phone got.
pub(super) fn registration(shared: &Counterparties) -> Flow {
    let traces = Traces { subject: REGISTRATIONS.to_owned(), ..Traces::default() };
    let mut flow = Flow::of(&shared.journal, &traces);
    let last = flow.arrows.iter().rposition(|arrow| arrow.label == messages::ASKS_HOW);
    flow.arrows.drain(..last.unwrap_or(0));
    let begun = flow.arrows.first().map_or(0, |first| first.after_millis);
    for arrow in &mut flow.arrows {
        arrow.after_millis = arrow.after_millis.saturating_sub(begun);
    }
    flow
}

/// The flow of an order, with every purchase that it came to. By which references bank and centre know them, the gateway's
/// records say.
pub(super) async fn flow(shared: &Counterparties, order: &str) -> Result<Flow, ControlError> {
    let notes = shared.journal.all();
    let mut traces = Traces { subject: order.to_owned(), ..Traces::default() };
    let purchases = names(&notes, order);
    if !purchases.is_empty() {
        for xid in purchases {
            trace(shared.store.as_ref(), xid, &mut traces)
                .await
                .map_err(|error| unreadable(&error))?;
        }
    }
    let flow = Flow::of(&shared.journal, &traces);
    if flow.arrows.is_empty() {
        return Err(ControlError::not_found("Nothing was sent for such an order."));
    }
    Ok(flow)
}

/// Adds the references of one purchase.
async fn trace(
    store: &dyn Store,
    xid: &str,
    traces: &mut Traces,
) -> Result<(), countersign_domain::error::Error> {
    let Some(payment) = payment_of(store, xid).await? else { return Ok(()) };
    let payment = store.expect::<Payment>(payment.as_str()).await?.value;
    traces.bank.push(payment.bank_reference().to_owned());
    let Some(challenge) = payment.challenge() else { return Ok(()) };
    traces.messages.extend(messages_of(store, challenge).await?);
    Ok(())
}
