//! What wallets' server and operator say to each other (F12.v1), when it is drawn, and by what it finds its payment.

use axum::{body::Bytes, http::HeaderMap};
use countersign_domain::id::{ChallengeId, RelyingPartyId};
use countersign_operator::own_challenge;
use countersign_store::SqliteStore;
use serde_json::Value;

use super::{
    super::{messages_of, unreadable},
    HOUSE,
    messages::{content, named},
};
use crate::{
    bodies::fields,
    journal::{Party, Request, Said},
    operator::Operator,
    problem::ControlError,
};

/// Where orders are sent to.
const ORDERS: &str = "/v1/codes";

/// A request of the wallets' server. Its subject is the server's own challenge.
pub(super) fn request(path: &str, body: &Bytes) -> Option<Request> {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let (label, challenge) = match path {
        ORDERS => ("the code of an order is to be sent", said.pointer("/order/challenge")),
        "/v1/codes/check" => ("is this the code of the order?", said.get("challenge")),
        _ => return None,
    };
    Some(Request {
        from: Party::Server,
        to: Party::Operator,
        label: label.to_owned(),
        detail: Vec::new(),
        subject: challenge.and_then(Value::as_str).map(str::to_owned),
        begins: false,
        from_outbox: path == ORDERS,
    })
}

/// What the operator says of a code.
pub(super) fn answer(headers: &HeaderMap, body: &Bytes) -> Option<Said> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let accepted = said.get("accepted").and_then(Value::as_str).and_then(content);
    let label = match (&accepted, said.get("refused")) {
        (Some(_), _) => "it is the code, signed",
        (None, Some(_)) => "it is not the code",
        (None, None) => return None,
    };
    let mut detail = accepted.map_or_else(Vec::new, |statement| named("statement", &statement));
    detail.extend(fields(headers, body));
    Some(Said { label: label.to_owned(), detail, name: None })
}

/// By what the centre knows the operator's messages for a challenge of the wallets' server.
pub(super) async fn messages(
    operator: &Operator,
    challenge: &ChallengeId,
) -> Result<Vec<String>, ControlError> {
    let client = RelyingPartyId::try_from(HOUSE)?;
    let store = SqliteStore::open(&operator.store()).map_err(|error| unreadable(&error))?;
    let own = own_challenge(&store, &client, challenge).await;
    match own.map_err(|error| unreadable(&error))? {
        Some(own) => messages_of(&store, &own).await.map_err(|error| unreadable(&error)),
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_with_the_operator_is_between_the_two_and_of_the_challenge() {
        let order = Bytes::from(r#"{"message":"msg_1","order":{"challenge":"ch_1"}}"#);
        let typed = Bytes::from(r#"{"challenge":"ch_1","code":"123456"}"#);
        for (path, body) in [("/v1/codes", &order), ("/v1/codes/check", &typed)] {
            let request = request(path, body).unwrap();
            assert_eq!((request.from, request.to), (Party::Server, Party::Operator), "{path}");
            assert_eq!(request.subject.as_deref(), Some("ch_1"), "{path}");
            assert_eq!(request.from_outbox, path == ORDERS, "{path}");
        }
        assert!(request("/v1/payments", &typed).is_none());
    }

    #[test]
    fn an_answer_of_the_operator_says_whether_it_is_the_code() {
        let headers = HeaderMap::new();
        let label = |body: &'static str| {
            answer(&headers, &Bytes::from_static(body.as_bytes())).map(|said| said.label)
        };
        // {"challenge":"ch_1"}, between a header and a signature.
        let accepted = r#"{"accepted":"e30.eyJjaGFsbGVuZ2UiOiJjaF8xIn0.AA"}"#;
        assert_eq!(label(accepted).as_deref(), Some("it is the code, signed"));
        let refused = r#"{"refused":{"cause":"wrong_code","attempts_left":2}}"#;
        assert_eq!(label(refused).as_deref(), Some("it is not the code"));
        assert_eq!(label("{}"), None);
    }
}
