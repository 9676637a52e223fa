//! Every reason for which a code, or a message with one, is refused is provoked, and counted under its name in the metrics, which
//! are those of the operator's guide.

use std::{collections::BTreeSet, fs};

use countersign_domain::policy::Profile;
use countersign_tests::curl::Answer;
use serde_json::{Value, json};

use crate::support::{Payer, Trial, until};

/// The names of the reasons in the row of the guide, which `tests/tests/reference.rs` holds to be all that there are.
fn reasons() -> BTreeSet<String> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/operate.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, row) = guide.split_once("| `countersign_refusals_total` | `reason` (").unwrap();
    let (names, _) = row.split_once(')').unwrap();
    names.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
}

/// What was counted so far, by reason.
fn counted(trial: &Trial) -> BTreeSet<String> {
    let described = trial.shop.control("GET", "/sandbox.json", None);
    let metrics = trial.shop.curl(&[&format!("{}/metrics", described.text("/operations"))]);
    let lines = metrics.body.as_str().unwrap().lines();
    let reasons = lines.filter_map(|line| {
        let (_, rest) = line.split_once("countersign_refusals_total{reason=\"")?;
        Some(rest.split('"').next()?.to_owned())
    });
    reasons.collect()
}

/// A challenge of a relying party with pages of its own.
struct Asked {
    path: String,
    session: String,
}

fn ask(trial: &Trial, payer: &Payer) -> Answer {
    let body = json!({ "user_id": payer.user_id, "purpose": "access" });
    trial.shop.merchant("POST", "/v1/challenges", Some(&body))
}

impl Asked {
    fn of(trial: &Trial, payer: &Payer) -> Self {
        let asked = ask(trial, payer);
        assert_eq!(asked.status, 201, "{asked:?}");
        let path = format!("/v1/challenges/{}", asked.text("/id"));
        Self { path, session: asked.text("/session").to_owned() }
    }

    fn post(&self, trial: &Trial, what: &str, mut body: Value) -> Answer {
        if body.get("session").is_none() {
            body["session"] = json!(self.session);
        }
        trial.shop.merchant("POST", &format!("{}/{what}", self.path), Some(&body))
    }

    fn types(&self, trial: &Trial, code: &str) -> Answer {
        self.post(trial, "response", json!({ "code": code }))
    }
}

const WRONG: &str = "0000000000";

/// The newest code of a phone, once it has so many messages.
fn code(trial: &Trial, payer: &Payer, messages: usize) -> String {
    let text = until("the message", || {
        let texts = trial.texts(&payer.number);
        texts.get(messages - 1).filter(|_| texts.len() >= messages).cloned()
    });
    let (_, rest) = text.split_once("Code ").unwrap();
    rest.chars().take_while(char::is_ascii_digit).collect()
}

/// That the last answer was a refusal for that reason, and is counted.
fn refused(trial: &Trial, answer: &Answer, reason: &str) {
    assert!(answer.text("/type").ends_with(&format!(":{reason}")), "{reason}: {answer:?}");
    assert!(counted(trial).contains(reason), "{reason} is not counted: {:?}", counted(trial));
}

/// What becomes of a code that is typed, or not.
fn of_codes(trial: &Trial) {
    let payer = trial.payer("codes", "+33639970041");
    let asked = Asked::of(trial, &payer);
    refused(trial, &asked.types(trial, WRONG), "wrong-code");
    let elsewhere = json!({ "code": WRONG, "session": format!("ses_{}", "1".repeat(32)) });
    refused(trial, &asked.post(trial, "response", elsewhere), "other-session");
    asked.types(trial, WRONG);
    refused(trial, &asked.types(trial, WRONG), "too-many-attempts");

    trial.advance(21);
    let asked = Asked::of(trial, &payer);
    let right = code(trial, &payer, 2);
    assert_eq!(asked.types(trial, &right).status, 200);
    refused(trial, &asked.types(trial, &right), "code-already-used");

    trial.advance(21);
    let asked = Asked::of(trial, &payer);
    trial.advance(301);
    refused(trial, &asked.types(trial, WRONG), "late-code");

    let asked = Asked::of(trial, &payer);
    trial.shop.merchant("POST", &format!("{}/cancel", asked.path), None);
    refused(trial, &asked.types(trial, WRONG), "cancelled");
}

/// What becomes of messages that are asked for.
fn of_messages(trial: &Trial) {
    let payer = trial.payer("messages", "+33639970042");
    let asked = Asked::of(trial, &payer);
    refused(trial, &asked.post(trial, "resend", json!({})), "message-too-soon");
    for _ in 0..2 {
        trial.advance(31);
        assert_eq!(asked.post(trial, "resend", json!({})).status, 200);
    }
    trial.advance(31);
    refused(trial, &asked.post(trial, "resend", json!({})), "too-many-messages");
    for _ in 0..3 {
        Asked::of(trial, &payer);
        trial.advance(21);
    }
    refused(trial, &ask(trial, &payer), "message-limit");
}

/// A relying party may not be told these, and is not: somebody who opens a wallet, for a number that nobody vouches for, is.
fn of_countries_and_phones(trial: &Trial) {
    let jar = trial.folder.path().join("opening.cookies").to_string_lossy().into_owned();
    let post = |path: &str, body: &Value| {
        let (url, body) = (format!("{}{path}", trial.sandbox.wallets_url()), body.to_string());
        let json = "Content-Type: application/json";
        trial.shop.curl(&["-b", &jar, "-c", &jar, "-H", json, "-d", &body, &url])
    };
    let open = |number: &str| {
        let opening =
            json!({ "identifier": number, "number": number, "name": "daily", "currency": "EUR" });
        post("/v1/openings", &opening)
    };
    refused(trial, &open("+881639970043"), "phone-not-served");
    let barred = "+33639970043";
    trial.shop.control("PUT", &format!("/handsets/{barred}"), Some(&json!({ "state": "barred" })));
    let opening = open(barred).text("/opening").to_owned();
    // A code that is typed before the network's answer would count.
    until("the network's answer", || {
        let page = format!("{}/openings/{opening}", trial.sandbox.wallets_url());
        (trial.shop.curl(&["-b", &jar, &page]).status == 410).then_some(())
    });
    let typed = post(&format!("/v1/openings/{opening}/code"), &json!({ "code": WRONG }));
    refused(trial, &typed, "phone-unreachable");
}

/// What becomes of a phone whose codes are guessed at, and of one for which much waits.
fn of_phones_that_are_guessed_at(trial: &Trial) {
    let payer = trial.payer("waits", "+33639970044");
    let payment = json!({ "user_id": payer.user_id, "purpose": { "payment": {
        "amount": { "value": "49.90", "currency": "EUR" }, "reference": "order-1",
    } } });
    let begin = || trial.shop.merchant("POST", "/v1/challenges", Some(&payment));
    for _ in 0..2 {
        assert_eq!(begin().status, 201);
        trial.advance(21);
    }
    refused(trial, &begin(), "too-many-waiting");

    let payer = trial.payer("guessed", "+33639970045");
    let mut failures = 0;
    while failures < 100 {
        // No block is longer than a day.
        trial.advance(86_400);
        let asked = Asked::of(trial, &payer);
        for _ in 0..3 {
            let answer = asked.types(trial, WRONG);
            if answer.text("/type").ends_with(":blocked") {
                refused(trial, &answer, "blocked");
                break;
            }
            failures += 1;
            if failures == 100 {
                break;
            }
        }
    }
    trial.advance(86_400);
    refused(trial, &ask(trial, &payer), "locked");
}

/// Under a profile that asks for a PIN, it can be set with a code, and nothing else is done for that code.
fn of_pins(trial: &Trial) {
    let payer = trial.payer("pins", "+33639970046");
    let payment = json!({ "user_id": payer.user_id, "purpose": { "payment": {
        "amount": { "value": "49.90", "currency": "EUR" }, "reference": "order-1",
    } } });
    let asked = trial.shop.merchant("POST", "/v1/challenges", Some(&payment));
    let path = format!("/v1/challenges/{}/response", asked.text("/id"));
    let code = code(trial, &payer, 1);
    let typed = json!({ "session": asked.text("/session"), "code": code, "new_pin": "283915" });
    refused(trial, &trial.shop.merchant("POST", &path, Some(&typed)), "pin-set");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_reason_for_a_refusal_is_counted_by_its_name() {
    let trial = Trial::limited().await;
    assert!(counted(&trial).is_empty(), "{:?}", counted(&trial));
    of_codes(&trial);
    of_messages(&trial);
    of_countries_and_phones(&trial);
    of_phones_that_are_guessed_at(&trial);
    let with_pins = Trial::with(|settings| settings.profile = Some(Profile::Psd2)).await;
    of_pins(&with_pins);
    let all: BTreeSet<_> = counted(&trial).union(&counted(&with_pins)).cloned().collect();
    assert_eq!(all, reasons(), "one is not provoked here, or not in the guide");
}
