//! What the messages of figure 12 are called when they are drawn, and by what they find their payment.

use axum::{
    body::Bytes,
    http::{HeaderMap, Method},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign_domain::amount::{Amount, Currency};
use countersign_wallet::message::{PurchaseId, Ticket};
use serde_json::Value;

use crate::{
    bodies::{fields, flatten},
    journal::{Detail, Party, Request, Said, mask},
};

/// A request of a client's computer.
pub(super) fn request(method: &Method, path: &str, body: &Bytes) -> Option<Request> {
    // The pages of one that was begun have the API's paths.
    let path = path.strip_prefix("/v1/").or_else(|| path.strip_prefix('/'))?;
    let mut parts = path.split('/');
    let (what, id, action) = (parts.next()?, parts.next(), parts.next());
    let said = said(body);
    let label = match (what, id, action) {
        ("openings", None, _) => "asks for a wallet".to_owned(),
        ("pay-ins", None, _) => format!("pays {} in", money(&said)),
        ("take-outs", None, _) => format!("takes {} out", money(&said)),
        ("openings" | "pay-ins", Some(_), Some("code")) => "types the code".to_owned(),
        ("tickets", None, _) => "passes the ticket on, to see it".to_owned(),
        ("pay", None, _) if method != Method::POST => return None,
        ("payments" | "pay", None, _) => format!("PaymentRequest (GRT2): {}", source(&said)),
        ("payments", Some(_), Some("code")) => "CodeTyped (CAR)".to_owned(),
        ("payments", Some(_), Some("resend")) => "asks for another message".to_owned(),
        ("payments", Some(_), Some("cancel")) => "calls the payment off".to_owned(),
        ("payments", Some(_), None) if method == Method::GET => "looks at the payment".to_owned(),
        ("transfers", Some(_), None) => "looks at the transfer".to_owned(),
        _ => return None,
    };
    let ticket = said.get("ticket").and_then(Value::as_str).and_then(content);
    let subject = id.map(str::to_owned).or_else(|| payment(ticket.as_ref()?));
    Some(Request {
        from: Party::Payer,
        to: Party::Server,
        label,
        detail: ticket.map_or_else(Vec::new, |ticket| named("ticket", &ticket)),
        begins: subject.is_none(),
        from_outbox: false,
        subject,
    })
}

/// What a program says, or a page's form.
fn said(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let fields = form_urlencoded::parse(body).into_owned();
        fields.map(|(name, value)| (name, Value::from(value))).collect()
    })
}

/// What it is answered, where that is a message of the exchange.
pub(super) fn answer(headers: &HeaderMap, body: &Bytes) -> Option<Said> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let has = |members: &[&str]| members.iter().all(|member| said.get(*member).is_some());
    let receipt = said.get("receipt").and_then(Value::as_str).and_then(content);
    let label = if receipt.is_some() {
        "Receipt (GPT3), signed"
    } else if has(&["payment", "short_reference"]) {
        "ChallengeStarted (CAC)"
    } else if has(&["payment", "payee"]) {
        "the ticket is the merchant's"
    } else if has(&["opening"]) {
        "asks for the code"
    } else if has(&["wallet"]) && said.as_object().is_some_and(|all| all.len() == 1) {
        "the wallet is open"
    } else {
        return None;
    };
    let mut detail = receipt.map_or_else(Vec::new, |receipt| named("receipt", &receipt));
    detail.extend(fields(headers, body));
    Some(Said { label: label.to_owned(), detail, name: None })
}

/// What is signed of a message (RFC 7515 section 7.1), its signature not looked at.
pub(super) fn content(compact: &str) -> Option<Value> {
    let payload = compact.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// The members of a message that is signed.
pub(super) fn named(message: &str, content: &Value) -> Detail {
    let mut found = Vec::new();
    flatten(message.to_owned(), content, &mut found);
    found
}

/// The payment of a ticket, whoever signed it.
pub(super) fn payment(ticket: &Value) -> Option<String> {
    let ticket: Ticket = serde_json::from_value(ticket.clone()).ok()?;
    PurchaseId::of(&ticket).ok().map(|id| id.as_str().to_owned())
}

fn source(said: &Value) -> &'static str {
    let of_form = said.get("source").and_then(Value::as_str).unwrap_or_default();
    if said.pointer("/source/card").is_some() || of_form.starts_with("crd_") {
        "by card"
    } else {
        "from the wallet"
    }
}

fn money(said: &Value) -> String {
    let minor = said.get("amount_minor").and_then(Value::as_u64);
    let currency = said.get("currency").and_then(Value::as_str);
    let amount = minor
        .zip(currency)
        .and_then(|(minor, currency)| Amount::new(minor, Currency::try_from(currency).ok()?).ok());
    amount.map_or_else(|| "something".to_owned(), |amount| mask(&amount.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_called_what_it_asks() {
        let none = Bytes::new();
        let money = Bytes::from(r#"{"amount_minor":10000,"currency":"EUR"}"#);
        let by_card = Bytes::from(r#"{"ticket":"a.b.c","source":{"card":"crd_1"}}"#);
        let form = Bytes::from("ticket=a.b.c&source=crd_1");
        for (method, path, body, label, subject) in [
            (Method::POST, "/v1/openings", &none, "asks for a wallet", None),
            (Method::POST, "/v1/openings/opn_1/code", &none, "types the code", Some("opn_1")),
            (Method::POST, "/v1/pay-ins", &money, "pays 100.00 EUR in", None),
            (Method::POST, "/v1/payments", &by_card, "PaymentRequest (GRT2): by card", None),
            (Method::POST, "/pay", &form, "PaymentRequest (GRT2): by card", None),
            (Method::POST, "/payments/pur_1/code", &none, "CodeTyped (CAR)", Some("pur_1")),
            (Method::POST, "/v1/payments/pur_1/code", &none, "CodeTyped (CAR)", Some("pur_1")),
        ] {
            let request = request(&method, path, body).unwrap();
            let subject = subject.map(str::to_owned);
            assert_eq!((&*request.label, &request.subject), (label, &subject), "{path}");
            assert_eq!(request.begins, subject.is_none(), "{path}");
        }
        assert!(request(&Method::POST, "/v1/checkouts", &none).is_none());
        assert!(request(&Method::GET, "/pay", &none).is_none());
        assert!(request(&Method::GET, "/pay/co_1", &none).is_none());
    }
}
