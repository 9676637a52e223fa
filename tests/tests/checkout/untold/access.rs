//! The same of people whom a relying party with pages of its own asks about, and of a phone that no message goes to.

use countersign_tests::untold::{Seen, assert_same, kept_whole};
use serde_json::{Value, json};

use super::wait_for_a_message;
use crate::support::{Trial, until};

/// A challenge that was started, and all that was answered of it.
struct Asked<'a> {
    trial: &'a Trial,
    id: String,
    session: String,
    reference: String,
    seen: Vec<Seen>,
}

fn start(trial: &Trial, user_id: &str, purpose: &Value) -> (Seen, Value) {
    let body = json!({ "user_id": user_id, "purpose": purpose });
    let whole = trial.shop.merchant_with(&["-i"], "POST", "/v1/challenges", Some(&body));
    let text = whole.body.as_str().unwrap().to_owned();
    let shown = text.split_once("\r\n\r\n").unwrap().1;
    let shown: Value = serde_json::from_str(shown).unwrap();
    let reference = shown.pointer("/code/reference").and_then(Value::as_str);
    let (status, text) = kept_whole(whole, reference.unwrap_or_default());
    ((status, text.replace(user_id, "SOMEBODY")), shown)
}

impl<'a> Asked<'a> {
    fn start(trial: &'a Trial, user_id: &str, purpose: &Value) -> Self {
        let (seen, shown) = start(trial, user_id, purpose);
        assert_eq!(seen.0, 201, "{seen:?}");
        let text = |pointer: &str| shown.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        Self {
            trial,
            id: text("/id"),
            session: text("/session"),
            reference: text("/code/reference"),
            seen: vec![seen],
        }
    }

    fn ask(&mut self, method: &str, what: &str, user_id: &str, body: Option<&Value>) {
        let path = format!("/v1/challenges/{}{what}", self.id);
        let whole = self.trial.shop.merchant_with(&["-i"], method, &path, body);
        let (status, text) = kept_whole(whole, &self.reference);
        self.seen.push((status, text.replace(user_id, "SOMEBODY")));
    }

    /// What the relying party is told, by every way.
    fn look(&mut self, user_id: &str) {
        self.ask("GET", "", user_id, None);
        self.ask("GET", "/trace", user_id, None);
    }

    /// From another message, too soon and in time, to the third wrong code; or to the end that the relying party makes.
    fn played(mut self, user_id: &str, is_cancelled: bool) -> Vec<Seen> {
        let session = json!({ "session": self.session });
        let typed = json!({ "session": self.session, "code": "0000000000" });
        let elsewhere = json!({ "session": format!("ses_{}", "1".repeat(32)), "code": "123456" });
        self.look(user_id);
        self.ask("POST", "/resend", user_id, Some(&session));
        self.ask("POST", "/response", user_id, Some(&elsewhere));
        self.trial.advance(31);
        self.ask("POST", "/resend", user_id, Some(&session));
        self.look(user_id);
        if is_cancelled {
            self.ask("POST", "/cancel", user_id, None);
        } else {
            for _ in 0..4 {
                self.ask("POST", "/response", user_id, Some(&typed));
                self.look(user_id);
            }
            self.ask("POST", "/cancel", user_id, None);
        }
        self.look(user_id);
        self.seen
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_relying_party_is_told_of_nobody_what_it_is_told_of_somebody() {
    let trial = Trial::limited().await;
    let alice = trial.payer("alice", "+33639970011");
    let far = trial.payer("farah", "+881639970012");
    let payment = json!({ "payment": {
        "amount": { "value": "49.90", "currency": "EUR" }, "reference": "order-1",
    } });
    for (purpose, is_cancelled) in
        [(json!("access"), false), (json!({ "access_to": "payroll" }), true), (payment, false)]
    {
        let mut shown = Vec::new();
        // Of one length, as the answer's length is compared, too.
        for user_id in ["alice", "zilch", "farah"] {
            trial.advance(86_400);
            let before = trial.texts(&alice.number).len();
            let asked = Asked::start(&trial, user_id, &purpose);
            if user_id == "alice" {
                // That a message would have arrived by now: an answer that told of it would be another one.
                wait_for_a_message(&trial, &alice.number, before);
            }
            shown.push(asked.played(user_id, is_cancelled));
        }
        let [alice, nobody, far] = shown.try_into().unwrap();
        assert_same("nobody of that name", &alice, &nobody);
        assert_same("a phone that no message goes to", &alice, &far);
    }
    assert!(trial.texts(&far.number).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_limits_and_the_block_of_nobody_are_those_of_somebody() {
    let trial = Trial::limited().await;
    trial.payer("alice", "+33639970013");
    let mut shown = Vec::new();
    for user_id in ["alice", "zilch"] {
        let mut seen = Vec::new();
        // Two with three wrong codes each are one more than five in a row.
        for _ in 0..2 {
            trial.advance(31);
            let asked = Asked::start(&trial, user_id, &json!("access"));
            seen.push(start(&trial, user_id, &json!("access")).0);
            seen.extend(asked.played(user_id, false));
        }
        trial.advance(31);
        seen.push(start(&trial, user_id, &json!("access")).0);
        let (_, last) = seen.last().unwrap();
        assert!(last.contains(":blocked"), "{last}");
        shown.push(seen);
    }
    let [alice, nobody] = shown.try_into().unwrap();
    assert_same("nobody of that name", &alice, &nobody);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_the_code_a_relying_party_is_told_whose_phone_it_was() {
    let trial = Trial::limited().await;
    let number = trial.person().number.clone();
    let user_id = trial.person().user_id.clone();
    let asked = Asked::start(&trial, &user_id, &json!("access"));
    let text = until("the message", || trial.texts(&number).last().cloned());
    let code: String =
        text.split_once("Code ").unwrap().1.chars().take_while(char::is_ascii_digit).collect();
    let typed = json!({ "session": asked.session, "code": code });
    let path = format!("/v1/challenges/{}", asked.id);
    let verified = trial.shop.merchant("POST", &format!("{path}/response"), Some(&typed));
    assert_eq!(verified.status, 200, "{verified:?}");
    assert!(verified.text("/number").contains('•'), "{verified:?}");
    let trace = trial.shop.merchant("GET", &format!("{path}/trace"), None).body.to_string();
    assert!(trace.contains('•') && trace.contains("message_sent"), "{trace}");
}
