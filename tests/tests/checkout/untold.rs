//! What a stranger is shown of somebody who is known, of somebody who is not, and of a card with a wrong expiry: byte by byte the
//! same, but for ids, times and the short reference, which are each time others (ASVS 6.3.8).

use countersign_sandbox::with_check_digit;
use countersign_tests::{
    curl::{Answer, Browser},
    untold::{Seen, assert_same, kept},
};
use serde_json::json;

use crate::support::{Trial, until};

mod access;
mod wallet;

/// A page that is waited at, and what is seen of it.
struct Visit<'a> {
    trial: &'a Trial,
    browser: Browser<'a>,
    page: String,
    reference: String,
    seen: Vec<Seen>,
}

impl<'a> Visit<'a> {
    fn begin(trial: &'a Trial, name: &str, form: &str) -> Self {
        let browser = trial.shop.browser(name);
        let page = trial.shop.order("49.90", &json!([]));
        let asked = browser.pay(&page, form);
        assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
        let reference = asked.text("/code/reference").to_owned();
        let mut visit = Self { trial, browser, page, reference, seen: Vec::new() };
        visit.keep(asked);
        visit
    }

    fn keep(&mut self, answer: Answer) {
        self.seen.push(kept(answer, &self.reference));
    }

    /// The page, and what the merchant is told.
    fn look(&mut self) {
        let checkout = format!("/v1/checkouts/{}", self.page.rsplit('/').next().unwrap());
        self.keep(self.browser.open(&self.page, &[]));
        self.keep(self.browser.look(&self.page, &[]));
        self.keep(self.trial.shop.merchant("GET", &checkout, None));
        self.keep(self.trial.shop.merchant("GET", &format!("{checkout}/trace"), None));
    }

    /// Both as programs and as people see the answer.
    fn post(&mut self, what: &str, form: &str) -> String {
        let url = format!("{}/{what}", self.page);
        let answer = self.browser.open(&url, &["-d", form]);
        let problem = answer.text("/type").rsplit(':').next().unwrap().to_owned();
        self.keep(answer);
        self.keep(self.browser.look(&self.page, &[]));
        problem
    }

    /// From another message to the third wrong code.
    fn guess(mut self) -> Vec<Seen> {
        self.look();
        assert_eq!(self.post("resend", ""), "message-too-soon");
        assert_eq!(self.post("code", "code=0000000000"), "wrong-code");
        let url = format!("{}/code", self.page);
        self.keep(self.browser.look(&url, &["-d", "code=0000000000"]));
        self.look();
        assert_eq!(self.post("code", "code=0000000000"), "too-many-attempts");
        self.look();
        self.seen
    }

    /// From another message to the end that the payer makes.
    fn cancel(mut self) -> Vec<Seen> {
        self.look();
        assert_eq!(self.post("resend", ""), "message-too-soon");
        self.post("cancel", "");
        self.look();
        self.seen
    }
}

/// That a message would have arrived by now: a page that told of it would be another one.
fn wait_for_a_message(trial: &Trial, number: &str, before: usize) {
    until("the phone rings", || (trial.texts(number).len() > before).then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_unknown_user_or_card_is_shown_what_a_known_one_is() {
    let trial = Trial::limited().await;
    let alice = trial.payer("alice", "+33639970001");
    let bob = trial.payer("bob", "+33639970002");
    let carol = trial.payer("carol", "+33639970003");
    let by_card = |card: &str| format!("card_number={card}&card_expiry=12/35");
    let nobodys = with_check_digit("497010999999999");
    for (payer, known, unknown) in [
        (&alice, alice.by_user_id(), "user_id=nobody-of-that-name".to_owned()),
        (&bob, by_card(&bob.card), by_card(&nobodys)),
        (
            &carol,
            format!("{}&{}", carol.by_user_id(), by_card(&carol.card)),
            format!("{}&{}", alice.by_user_id(), by_card(&nobodys)),
        ),
    ] {
        trial.advance(86_400);
        let before = trial.texts(&payer.number).len();
        let visit = Visit::begin(&trial, "known", &known);
        wait_for_a_message(&trial, &payer.number, before);
        let of_known = visit.guess();
        let of_unknown = Visit::begin(&trial, "unknown", &unknown).guess();
        assert_same(&unknown, &of_known, &of_unknown);
    }
    for payer in [&alice, &bob, &carol] {
        let texts = trial.texts(&payer.number);
        let codes = texts.iter().filter(|text| text.starts_with("Pay 49.90")).count();
        assert_eq!(codes, 1, "{texts:?}");
        assert!(trial.movements_of(&payer.card).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_wrong_expiries_are_shown_what_the_right_one_is_and_the_bank_is_not_asked() {
    let trial = Trial::limited().await;
    let card = &trial.person().card.number;
    let shown = |expiry: &str| {
        let form = format!("card_number={card}&card_expiry={expiry}");
        let visit = Visit::begin(&trial, "guesser", &form);
        visit.cancel()
    };
    let of_right = shown("12/35");
    for month in 1..=10 {
        // Six messages may be sent in an hour.
        trial.advance(900);
        let expiry = format!("{month:02}/33");
        assert_same(&expiry, &of_right, &shown(&expiry));
    }
    assert!(trial.movements().is_empty(), "{:?}", trial.movements());
}
