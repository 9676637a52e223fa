//! The same of people who come in to a wallet, or open one under a name that somebody has, by programs and on pages.

use std::fs;

use countersign_tests::{
    curl::Answer,
    untold::{Seen, assert_same, kept_whole},
};
use serde_json::{Value, json};

use crate::support::{Trial, until};

/// One visit, with a cookie jar of its own.
struct Visit<'a> {
    trial: &'a Trial,
    jar: String,
    wallets: String,
    /// The name that is typed, and the reference that is shown.
    name: String,
    reference: String,
    seen: Vec<Seen>,
}

impl<'a> Visit<'a> {
    fn new(trial: &'a Trial, visit: &str, name: &str) -> Self {
        let jar = trial.folder.path().join(format!("{visit}-{name}.cookies"));
        let jar = jar.to_string_lossy().into_owned();
        // A jar of another round is another visit's.
        let _ = fs::remove_file(&jar);
        let wallets = trial.sandbox.wallets_url().to_owned();
        let (name, reference) = (name.to_owned(), String::new());
        Self { trial, jar, wallets, name, reference, seen: Vec::new() }
    }

    fn curl(&self, path: &str, more: &[&str]) -> Answer {
        let url = format!("{}{path}", self.wallets);
        let jar = ["-i", "-b", &self.jar, "-c", &self.jar, &url];
        self.trial.shop.curl(&[&jar, more].concat())
    }

    fn keep(&mut self, answer: Answer) -> String {
        let whole = answer.body.as_str().unwrap_or_default().to_owned();
        let (status, text) = kept_whole(answer, &self.reference);
        self.seen.push((status, text.replace(&self.name, "SOMEBODY")));
        whole
    }

    /// As programs ask; the body of the answer.
    fn post(&mut self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let answer = self.curl(path, &["-H", "Content-Type: application/json", "-d", &body]);
        let whole = answer.body.as_str().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_str(whole.split_once("\r\n\r\n").unwrap().1).unwrap();
        if let Some(reference) = reference_of(&body) {
            reference.clone_into(&mut self.reference);
        }
        self.keep(answer);
        body
    }

    /// As people do: the form is answered by a page, or leads to one.
    fn form(&mut self, path: &str, form: &str) {
        let origin = format!("Origin: {}", self.wallets);
        let answer = self.curl(path, &["-L", "-H", &origin, "-d", form]);
        let page = answer.body.as_str().unwrap_or_default();
        if let Some((_, rest)) = page.split_once("must say ref ") {
            rest.split('.').next().unwrap().clone_into(&mut self.reference);
        }
        self.keep(answer);
    }

    fn sign_in(mut self) -> Vec<Seen> {
        let identifier = json!({ "identifier": self.name });
        self.post("/v1/visit", &identifier);
        self.post("/v1/visit", &identifier);
        for _ in 0..4 {
            self.post("/v1/visit/code", &json!({ "code": "0000000000" }));
        }
        self.seen
    }

    fn sign_in_on_the_page(mut self) -> Vec<Seen> {
        let form = format!("identifier={}", self.name);
        self.form("/sign-in", &form);
        for _ in 0..4 {
            self.form("/sign-in/code", "code=0000000000");
        }
        self.seen
    }

    fn open(mut self, number: &str) -> Vec<Seen> {
        let opening = json!({
            "identifier": self.name, "number": number, "name": "daily", "currency": "EUR",
        });
        let opened = self.post("/v1/openings", &opening);
        let path = format!("/v1/openings/{}/code", opened["opening"].as_str().unwrap());
        for _ in 0..4 {
            self.post(&path, &json!({ "code": "0000000000" }));
        }
        self.seen
    }
}

/// Alice has a wallet, and her phone has rung for nothing else since.
fn alice_has_a_wallet(trial: &Trial) -> String {
    let number = trial.person().number.clone();
    let mut visit = Visit::new(trial, "owner", "alice");
    let opening =
        json!({ "identifier": "alice", "number": number, "name": "daily", "currency": "EUR" });
    let opened = visit.post("/v1/openings", &opening);
    let text = until("the message", || trial.texts(&number).last().cloned());
    let code = text.split("Code ").nth(1).unwrap().split(',').next().unwrap();
    let path = format!("/v1/openings/{}/code", opened["opening"].as_str().unwrap());
    visit.post(&path, &json!({ "code": code }));
    assert_eq!(visit.seen.last().unwrap().0, 200, "{:?}", visit.seen);
    number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn somebody_who_comes_in_or_opens_a_wallet_is_not_told_who_has_one() {
    let trial = Trial::limited().await;
    let number = alice_has_a_wallet(&trial);
    for round in ["fresh", "blocked"] {
        trial.advance(86_400);
        let before = trial.texts(&number).len();
        let of_alice = Visit::new(&trial, round, "alice").sign_in();
        until("her phone rings", || (trial.texts(&number).len() > before).then_some(()));
        let of_nobody = Visit::new(&trial, round, "zilch").sign_in();
        assert_same(round, &of_alice, &of_nobody);
        let of_alice = Visit::new(&trial, round, "alice").sign_in_on_the_page();
        let of_nobody = Visit::new(&trial, round, "zilch").sign_in_on_the_page();
        assert_same(&format!("{round}, on the page"), &of_alice, &of_nobody);
    }
    // Under a name that somebody has, and with a phone of one's own.
    let of_alice = Visit::new(&trial, "opening", "alice").open("+33639970021");
    let of_nobody = Visit::new(&trial, "opening", "zilch").open("+33639970121");
    assert_same("opening", &of_alice, &of_nobody);
}

/// The short reference that an answer shows.
fn reference_of(body: &Value) -> Option<&str> {
    let shown = body.pointer("/short_reference").or_else(|| body.pointer("/code/short_reference"));
    shown.and_then(Value::as_str)
}
