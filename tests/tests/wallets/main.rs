//! Figure 12 over sockets: a person's program is `curl`, the merchant has the library's till, and between them are the
//! server, its store, an SMS centre and a bank.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test's own steps fail the test, and so does what is not in an answer"
)]

mod operator;

use countersign_certs::KeyPair;
use countersign_domain::{amount::Amount, ports::Clock as _, time::Timestamp};
use countersign_sandbox::{Sandbox, Settings};
use countersign_server::SystemClock;
use countersign_tests::curl::{Answer, Shop};
use countersign_wallet::{
    jws::{PublicKey, SigningKey},
    merchant::{Delivered, NotDelivered, Order, Till},
    message::{Goods, Item, registration::Registration},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A person's program: one cookie jar, so one visit.
struct Person {
    sandbox: Sandbox,
    shop: Shop,
    wallets: String,
    seen: usize,
    _folder: TempDir,
}

async fn sandbox() -> (TempDir, Sandbox) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::in_folder(folder.path().join("sandbox"));
    let sandbox = Sandbox::start(settings).await.unwrap();
    (folder, sandbox)
}

impl Person {
    async fn new() -> Self {
        let (folder, sandbox) = sandbox().await;
        let shop = Shop::of(&sandbox);
        let wallets = shop.control("GET", "/sandbox.json", None).text("/wallets").to_owned();
        Self::at(folder, sandbox, shop, wallets)
    }

    /// At wallets of that address, whose merchants' API the shop calls.
    fn at(folder: TempDir, sandbox: Sandbox, shop: Shop, wallets: String) -> Self {
        let alice = sandbox.person();
        let (number, card) = (&alice.number, &alice.card);
        assert_eq!(shop.enrol("alice", number, &card.number, &card.expiry).status, 204);
        Self { sandbox, shop, wallets, seen: 0, _folder: folder }
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let jar = self.sandbox.folder().join("wallet.cookies");
        let (jar, url) = (jar.to_string_lossy(), format!("{}{path}", self.wallets));
        let body = body.map(Value::to_string);
        let mut arguments = vec!["-b", &*jar, "-c", &*jar, "-X", method, &url];
        arguments.extend(["-H", "Content-Type: application/json"]);
        if let Some(body) = &body {
            arguments.extend(["-d", body]);
        }
        self.shop.curl(&arguments)
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(body))
    }

    /// The text of the next message, and its code.
    async fn message(&mut self) -> (String, String) {
        let path = format!("/handsets/{}/messages", self.sandbox.person().number);
        for _ in 0..100 {
            let shown = self.shop.control("GET", &path, None).body;
            let shown = shown.pointer("/messages").unwrap_or(&shown).as_array().unwrap().clone();
            if let Some(message) = shown.get(self.seen) {
                self.seen += 1;
                let text = message["text"].as_str().unwrap().to_owned();
                let code = text.split("Code ").nth(1).unwrap().split(',').next().unwrap();
                return (text.clone(), code.to_owned());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        unreachable!("no message came");
    }

    /// Opens a wallet and pays 100.00 EUR in from the card; the wallet's number and the card's.
    async fn with_money(&mut self) -> (String, String) {
        let alice = self.sandbox.person().clone();
        let opening = json!({
            "identifier": "alice", "number": alice.number, "name": "daily", "currency": "EUR",
        });
        let opening = self.post("/v1/openings", &opening);
        assert_eq!(opening.status, 201, "{opening:?}");
        let (_, code) = self.message().await;
        let path = format!("/v1/openings/{}/code", opening.text("/opening"));
        let opened = self.post(&path, &json!({ "code": code }));
        assert_eq!(opened.status, 200, "{opened:?}");
        let card = json!({ "number": alice.card.number, "expiry": alice.card.expiry });
        let tied = self.post("/v1/cards", &json!({ "name": "mine", "card": card }));
        assert_eq!(tied.status, 201, "{tied:?}");
        let (wallet, card) = (opened.text("/wallet").to_owned(), tied.text("/card").to_owned());
        let pay_in = json!({
            "key": "pay-in-0001", "wallet": wallet, "card": card,
            "amount_minor": 10_000, "currency": "EUR",
        });
        let begun = self.post("/v1/pay-ins", &pay_in);
        assert_eq!(begun.status, 201, "{begun:?}");
        let (_, code) = self.message().await;
        let path = format!("/v1/pay-ins/{}/code", begun.text("/transfer"));
        let paid_in = self.post(&path, &json!({ "code": code }));
        assert_eq!(paid_in.body["balance_minor"], 10_000, "{paid_in:?}");
        (wallet, card)
    }

    /// A merchant's till, its key known to the server.
    fn till(&self) -> Till {
        let key = SigningKey::from_pkcs8(KeyPair::generate().unwrap().expose_der()).unwrap();
        let server = "localhost".try_into().unwrap();
        let new = Registration::new(&key, "dupont".try_into().unwrap(), server, now()).unwrap();
        let new = serde_json::to_value(new).unwrap();
        let taken = self.shop.merchant("POST", "/v1/wallet/keys", Some(&new));
        assert_eq!(taken.status, 200, "{taken:?}");
        let server_keys: Vec<PublicKey> =
            serde_json::from_value(taken.body["server_keys"].clone()).unwrap();
        Till {
            merchant: taken.text("/merchant").to_owned().try_into().unwrap(),
            key,
            server: taken.text("/server").to_owned().try_into().unwrap(),
            server_keys,
        }
    }

    fn available(&self, wallet: &str) -> i64 {
        let shown = self.call("GET", &format!("/v1/wallets/{wallet}"), None);
        shown.body["available_minor"].as_i64().unwrap()
    }

    /// Begins to pay a ticket with that, and types that code, or the one of the message.
    async fn pay(&mut self, ticket: &str, source: Value, wrong: bool) -> Answer {
        let shown = self.post("/v1/tickets", &json!({ "ticket": ticket }));
        assert_eq!(shown.text("/payee"), "Librairie Dupont", "{shown:?}");
        let nonce = format!("nonce-{:08}", self.seen);
        let request = json!({ "ticket": ticket, "source": source, "nonce": nonce });
        let started = self.post("/v1/payments", &request);
        assert_eq!(started.status, 201, "{started:?}");
        let (text, code) = self.message().await;
        let reference = format!("ref {},", started.text("/short_reference"));
        assert!(text.starts_with("Pay 49.90 EUR to Librairie Dupont"), "{text}");
        assert!(text.contains(&reference), "{reference}: {text}");
        let wrong_code = if code == "000000" { "111111" } else { "000000" };
        let code = if wrong { wrong_code } else { code.as_str() };
        let typed = json!({
            "payment": started.text("/payment"), "ticket_sha256": started.text("/ticket_sha256"),
            "merchant": shown.text("/iss"), "amount_minor": 4_990, "currency": "EUR", "code": code,
        });
        self.post(&format!("/v1/payments/{}/code", started.text("/payment")), &typed)
    }
}

fn now() -> Timestamp {
    SystemClock::default().now()
}

/// A ticket for two books.
fn ticket(till: &Till, number: &str) -> String {
    let book =
        Item { name: "ISBN 2070360245".try_into().unwrap(), quantity: 2.try_into().unwrap() };
    let order = Order {
        number: number.to_owned().try_into().unwrap(),
        amount: Amount::from_decimal("49.90", "EUR".try_into().unwrap()).unwrap(),
        reference: "two books".try_into().unwrap(),
        goods: Goods::try_from(vec![book]).unwrap(),
    };
    till.sign(&till.ticket(order, now())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_paid_with_the_code_once_and_its_receipt_is_taken_once() {
    let mut person = Person::new().await;
    let (wallet, card) = person.with_money().await;
    let till = person.till();

    let first = ticket(&till, "ticket-0001");
    let from_wallet = json!({ "wallet": wallet });
    let refused = person.pay(&first, from_wallet.clone(), true).await;
    assert_eq!((refused.status, &refused.body["attempts_left"]), (422, &json!(2)), "{refused:?}");
    assert_eq!(person.available(&wallet), 5_010, "what is held is not there");
    let payment = person.post("/v1/tickets", &json!({ "ticket": first }));
    let path = format!("/v1/payments/{}/cancel", payment.text("/payment"));
    assert_eq!(person.call("POST", &path, None).text("/status"), "not_paid");
    assert_eq!(person.available(&wallet), 10_000, "nothing is held any more");

    let second = ticket(&till, "ticket-0002");
    let paid = person.pay(&second, from_wallet.clone(), false).await;
    assert_eq!((paid.text("/status"), &paid.body["balance_minor"]), ("paid", &json!(5_010)));
    let receipt = paid.text("/receipt");
    let sold = till.check(receipt, &second, now()).unwrap();
    let delivered = Delivered::in_folder(person.sandbox.folder().join("delivered")).unwrap();
    assert_eq!(delivered.take(&sold), Ok(()));
    assert_eq!(delivered.take(&sold), Err(NotDelivered::Taken));
    assert_eq!(till.check(receipt, &first, now()), Err(NotDelivered::OtherTicket));

    let third = ticket(&till, "ticket-0003");
    let poor = json!({ "ticket": ticket(&till, "ticket-0004"), "source": from_wallet,
        "nonce": "nonce-of-two" });
    let begun = person.post("/v1/payments", &poor);
    assert_eq!(begun.status, 201, "{begun:?}");
    person.message().await;
    let more =
        json!({ "ticket": third, "source": { "wallet": wallet }, "nonce": "nonce-of-three" });
    let refused = person.post("/v1/payments", &more);
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text("/type").ends_with("insufficient-funds"), "{refused:?}");
    let by_card = person.pay(&third, json!({ "card": card }), false).await;
    assert_eq!(by_card.text("/status"), "paid", "{by_card:?}");

    let owed = person.shop.merchant("GET", "/v1/wallet/statement?currency=EUR&after=0", None);
    let last = owed.body.as_array().unwrap().last().unwrap();
    assert_eq!(last["balance_minor"], 9_980, "{owed:?}");
    person.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stage_lists_tickets_with_what_became_of_them_and_draws_them() {
    let mut person = Person::new().await;
    let (wallet, _) = person.with_money().await;
    let from_wallet = json!({ "wallet": wallet });
    let basket = json!({ "amount": { "value": "49.90", "currency": "EUR" }, "goods": "two books" });
    let sell = |shop: &Shop| shop.control("POST", "/bookshop/tickets", Some(&basket));
    // The first row of the stage's table: the ticket's page, and how it stands.
    let last = |shop: &Shop| {
        let stage = shop.control("GET", "/", None).body.as_str().unwrap().to_owned();
        let row = stage.split("<tr><td data-is=\"What\"><a href=\"").nth(1).unwrap();
        let (page, row) = row.split_once("\">A ticket for 49.90 EUR</a>").unwrap();
        let (stands, _) = row.split_once("</strong>").unwrap();
        (page.to_owned(), stands.rsplit_once('>').unwrap().1.to_owned())
    };

    let called_off = sell(&person.shop);
    let (page, stands) = last(&person.shop);
    assert_eq!(stands, "open");
    let refused = person.pay(called_off.text("/ticket"), from_wallet.clone(), true).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(last(&person.shop), (page.clone(), "awaiting the code, or the bank".to_owned()));
    let path = page.replace("/purchases/", "/v1/payments/") + "/cancel";
    assert_eq!(person.call("POST", &path, None).text("/status"), "not_paid");
    assert_eq!(last(&person.shop), (page, "voided: called off".to_owned()));

    let sold = sell(&person.shop);
    let paid = person.pay(sold.text("/ticket"), from_wallet, false).await;
    let handed_in = json!({ "number": sold.body["number"], "receipt": paid.body["receipt"] });
    let delivered = person.shop.control("POST", "/bookshop/receipts", Some(&handed_in));
    assert_eq!(delivered.text("/delivered"), "two books", "{delivered:?}");
    let (page, stands) = last(&person.shop);
    assert_eq!(stands, "paid");
    let drawn = person.shop.control("GET", &page, None);
    let drawn = drawn.body.as_str().unwrap();
    for label in ["Ticket (GRT1), signed", "CodeTyped (CAR)", "delivers two books"] {
        assert!(drawn.contains(label), "{label}: {drawn}");
    }
    person.sandbox.stop().await;
}
