//! The same of people who come in to a wallet, or open one under a name that somebody has, by programs and on pages.

use std::fs;

use countersign_sandbox::with_check_digit;
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

    /// As to pay a ticket: it is carried along, whatever it is. A further message is asked for, too soon and in time.
    fn sign_in_on_the_page(mut self) -> Vec<Seen> {
        let form = format!("identifier={}&ticket=a.b.c", self.name);
        self.form("/sign-in", &form);
        self.form("/sign-in/resend", "ticket=a.b.c");
        self.trial.advance(31);
        self.form("/sign-in/resend", "ticket=a.b.c");
        for _ in 0..4 {
            self.form("/sign-in/code", "code=0000000000");
        }
        self.seen
    }

    /// What is answered of something by that name; `body` makes it a POST.
    fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) {
        let body = body.map(Value::to_string);
        let json = ["-H", "Content-Type: application/json", "-X", method];
        let body = body.as_deref().map(|body| ["-d", body]);
        let arguments = [&json[..], body.as_ref().map_or(&[], |body| &body[..])].concat();
        let answer = self.curl(path, &arguments);
        self.keep(answer);
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

/// Somebody comes to have a wallet, and the phone has rung for nothing else since; its number.
fn opened<'a>(trial: &'a Trial, name: &str, number: &str) -> (Visit<'a>, String) {
    let mut visit = Visit::new(trial, "owner", name);
    let opening =
        json!({ "identifier": name, "number": number, "name": "daily", "currency": "EUR" });
    let begun = visit.post("/v1/openings", &opening);
    let code = code_of_next(trial, number, 0);
    let path = format!("/v1/openings/{}/code", begun["opening"].as_str().unwrap());
    let opened = visit.post(&path, &json!({ "code": code }));
    assert_eq!(visit.seen.last().unwrap().0, 200, "{:?}", visit.seen);
    (visit, opened["wallet"].as_str().unwrap().to_owned())
}

/// The code of the message after so many.
fn code_of_next(trial: &Trial, number: &str, before: usize) -> String {
    let text = until("the message", || trial.texts(number).get(before).cloned());
    text.split("Code ").nth(1).unwrap().split(',').next().unwrap().to_owned()
}

/// Alice has a wallet; the number of her phone.
fn alice_has_a_wallet(trial: &Trial) -> String {
    let number = trial.person().number.clone();
    opened(trial, "alice", &number);
    number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn somebody_who_comes_in_or_opens_a_wallet_is_not_told_who_has_one() {
    let trial = Trial::limited().await;
    let number = alice_has_a_wallet(&trial);
    for round in ["fresh", "blocked"] {
        trial.advance(86_400);
        let before = trial.texts(&number).len();
        // One after the other, so that as much time has passed since the block began.
        let [of_alice, of_nobody] = ["alice", "zilch"].map(|name| {
            let by_program = Visit::new(&trial, round, name).sign_in();
            if name == "alice" {
                until("her phone rings", || (trial.texts(&number).len() > before).then_some(()));
            }
            (by_program, Visit::new(&trial, round, name).sign_in_on_the_page())
        });
        assert_same(round, &of_alice.0, &of_nobody.0);
        assert_same(&format!("{round}, on the page"), &of_alice.1, &of_nobody.1);
    }
    // Under a name that somebody has, and with a phone of one's own.
    for number in ["+33639970021", "+33639970121"] {
        let on = json!({ "state": "on" });
        trial.shop.control("PUT", &format!("/handsets/{number}"), Some(&on));
    }
    let of_alice = Visit::new(&trial, "opening", "alice").open("+33639970021");
    let of_nobody = Visit::new(&trial, "opening", "zilch").open("+33639970121");
    assert_same("opening", &of_alice, &of_nobody);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn that_a_phone_has_had_all_its_messages_is_not_told_where_another_is_asked_for() {
    let trial = Trial::limited().await;
    let number = alice_has_a_wallet(&trial);
    // All but one of the six of an hour.
    trial.advance(3_600);
    let (user_id, before) = (&trial.person().user_id, trial.texts(&number).len());
    for _ in 0..5 {
        let body = json!({ "user_id": user_id, "purpose": "access" });
        let asked = trial.shop.merchant("POST", "/v1/challenges", Some(&body));
        assert_eq!(asked.status, 201, "{asked:?}");
        trial.advance(21);
    }
    let of_alice = Visit::new(&trial, "full", "alice").sign_in_on_the_page();
    let of_nobody = Visit::new(&trial, "full", "zilch").sign_in_on_the_page();
    assert_same("the limit of an hour", &of_alice, &of_nobody);
    // The first of the page went out, and the one after it did not.
    let texts = until("her phone rings", || {
        let texts = trial.texts(&number);
        (texts.len() >= before + 6).then_some(texts)
    });
    let codes = texts.iter().skip(before).filter(|text| text.contains("Code ")).count();
    assert_eq!(codes, 6, "{texts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_visitor_is_told_of_what_is_anothers_what_is_told_of_what_nobody_has() {
    let trial = Trial::limited().await;
    let alice = trial.payer("alice", "+33639970031");
    let bob = trial.payer("bob", "+33639970032");
    let (mut owner, wallet) = opened(&trial, "alice", &alice.number);
    let (visitor, own) = opened(&trial, "bob", &bob.number);
    let card =
        |number: &str| json!({ "name": "mine", "card": { "number": number, "expiry": "12/35" } });
    let tied = owner.post("/v1/cards", &card(&alice.card));
    let tied = tied["card"].as_str().unwrap().to_owned();
    trial.advance(21);
    let pay_in = |key: &str, wallet: &str, card: &str| json!({ "key": key, "wallet": wallet, "card": card, "amount_minor": 5_000, "currency": "EUR" });
    let transfer = owner.post("/v1/pay-ins", &pay_in("pay-in-0001", &wallet, &tied));
    let transfer = transfer["transfer"].as_str().unwrap().to_owned();
    let other = |id: &str| {
        let (kept, last) = id.split_at(id.len() - 1);
        format!("{kept}{}", if last == "0" { "1" } else { "0" })
    };
    let nobodys = with_check_digit("497010999999999");
    let things = [wallet.clone(), tied.clone(), transfer.clone(), alice.card.clone()];
    let others = [other(&wallet), other(&tied), other(&transfer), nobodys];
    let shown = [things, others].map(|[wallet, tied, transfer, number]| {
        let mut visit = Visit {
            seen: Vec::new(),
            jar: visitor.jar.clone(),
            ..Visit::new(&trial, "visit", "bob")
        };
        for path in [
            format!("/v1/wallets/{wallet}"),
            format!("/v1/wallets/{wallet}/statement"),
            format!("/v1/transfers/{transfer}"),
            format!("/wallets/{wallet}"),
            format!("/transfers/{transfer}"),
        ] {
            visit.ask("GET", &path, None);
        }
        visit.ask("POST", &format!("/v1/wallets/{wallet}/close"), Some(&json!({})));
        visit.ask("DELETE", &format!("/v1/cards/{tied}"), None);
        let code = json!({ "code": "0000000000" });
        visit.ask("POST", &format!("/v1/pay-ins/{transfer}/code"), Some(&code));
        visit.ask("POST", "/v1/pay-ins", Some(&pay_in("pay-in-0002", &own, &tied)));
        visit.ask("POST", "/v1/take-outs", Some(&pay_in("take-out-01", &wallet, &tied)));
        visit.ask("POST", "/v1/take-outs", Some(&pay_in("take-out-02", &own, &tied)));
        visit.ask("POST", "/v1/cards", Some(&card(&number)));
        assert!(
            visit.seen.iter().all(|(status, _)| (400..500).contains(status)),
            "{:?}",
            visit.seen
        );
        let names = [wallet, tied, transfer];
        let without = |text: String| names.iter().fold(text, |text, name| text.replace(name, "IT"));
        visit.seen.into_iter().map(|(status, text)| (status, without(text))).collect::<Vec<_>>()
    });
    assert_same("what is alice's", &shown[0], &shown[1]);
}

/// The short reference that an answer shows.
fn reference_of(body: &Value) -> Option<&str> {
    let shown = body.pointer("/short_reference").or_else(|| body.pointer("/code/short_reference"));
    shown.and_then(Value::as_str)
}
