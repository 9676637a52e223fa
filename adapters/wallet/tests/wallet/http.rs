//! The routes of people's programs and of merchants.
#![expect(clippy::indexing_slicing, reason = "a member that JSON lacks is null")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use countersign_domain::{
    id::ChallengeId, relying_party::RelyingParty, testing::START, time::Timestamp,
};
use countersign_wallet::{
    House, Wallets,
    error::{MessageRefusal, MoneyRefusal, TicketRefusal, WalletError},
    flow::CodeAsked,
    http::client_routes,
    jws::{KeySet, SigningKey},
    merchant::{Delivered, Till},
    merchants_api::merchants_api,
    message::registration::Registration,
    testing::{ALICE, Parties, SERVER, house, merchant_key, other_key, server_key},
};
use countersign_web::{
    api::api,
    problem::Problem,
    relying_party::{ApiClient, KeyHash, RelyingParties},
    testing::{Answer, call, send},
    words::Language,
};
use serde_json::{Value, json};

const API_KEY: &str = "a key for tests";
const HOUSE_KEY: &str = "the house's key";

/// A person's program: it keeps its cookie.
struct Program<'p> {
    parties: &'p Parties,
    routes: Router,
    cookie: Mutex<String>,
}

impl<'p> Program<'p> {
    fn of(parties: &'p Parties) -> Self {
        let routes = client_routes(parties.process.wallets.clone());
        Self { parties, routes, cookie: Mutex::default() }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let cookie = self.cookie.lock().unwrap().clone();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(path).header("Cookie", cookie);
        let answer = send(&self.routes, request.body(Body::from(body)).unwrap()).await;
        if let Some((cookie, _)) = answer.header(header::SET_COOKIE).split_once(';') {
            cookie.clone_into(&mut self.cookie.lock().unwrap());
        }
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, Value::Null).await
    }

    /// The code that belongs to what was answered.
    async fn code(&self, asked: &Value) -> String {
        let text = |member: &str| asked[member].as_str().unwrap_or_default().to_owned();
        let entropy = self.parties.process.fixture.entropy.as_ref();
        let asked = CodeAsked {
            challenge: ChallengeId::made_at(Timestamp::from_unix_millis(0), entropy).unwrap(),
            phone: text("phone"),
            short_reference: text("short_reference"),
            expires_at: Timestamp::from_unix_millis(0),
            pin: None,
        };
        self.parties.process.read(&asked).await
    }

    /// Opens a wallet, ties the card and pays in; the numbers of both.
    async fn with_money(&self, amount_minor: u64) -> (String, String) {
        let number = ALICE.replace('+', "tel:00-");
        let new = json!({ "identifier": "alice", "number": number, "name": "Household",
                          "currency": "EUR" });
        let opening = self.ask("POST", "/v1/openings", new).await;
        assert_eq!(opening.status, 201, "{opening:?}");
        let code = self.code(&opening.json()["code"]).await;
        let path = format!("/v1/openings/{}/code", opening.text("/opening"));
        let opened = self.ask("POST", &path, json!({ "code": code })).await;
        let card = json!({ "number": "4970100000000154", "expiry": "12/29" });
        let tied = self.ask("POST", "/v1/cards", json!({ "name": "Blue", "card": card })).await;
        assert_eq!(tied.status, 201, "{tied:?}");
        let (wallet, card) = (opened.text("/wallet"), tied.text("/card"));
        let begun = self.ask("POST", "/v1/pay-ins", transfer(&wallet, &card, amount_minor)).await;
        assert_eq!(begun.text("/status"), "awaiting_code", "{begun:?}");
        let code = self.code(&begun.json()["code"]).await;
        let path = format!("/v1/pay-ins/{}/code", begun.text("/transfer"));
        let done = self.ask("POST", &path, json!({ "code": code })).await;
        assert_eq!(done.json()["balance_minor"], amount_minor, "{done:?}");
        (wallet, card)
    }
}

fn transfer(wallet: &str, card: &str, amount_minor: u64) -> Value {
    json!({ "key": format!("transfer-{amount_minor}"), "wallet": wallet, "card": card,
            "amount_minor": amount_minor, "currency": "EUR" })
}

/// What is sent with the code (CAR).
fn typed(shown: &Value, code: &str) -> Value {
    json!({ "payment": shown["payment"], "ticket_sha256": shown["ticket_sha256"],
            "merchant": shown["iss"], "amount_minor": shown["amount_minor"],
            "currency": shown["currency"], "code": code })
}

#[tokio::test]
async fn a_ticket_is_paid_over_http_and_its_receipt_is_taken_offline_once() {
    let parties = Parties::new().await;
    let alice = Program::of(&parties);
    let (wallet, _) = alice.with_money(10_000).await;
    let ticket = parties.signed("ticket-0001", "25.50");

    let shown = alice.ask("POST", "/v1/tickets", json!({ "ticket": ticket })).await;
    assert_eq!(
        (shown.text("/payee").as_str(), &shown.json()["amount_minor"]),
        ("Librairie Dupont", &json!(2_550))
    );
    let request =
        json!({ "ticket": ticket, "source": { "wallet": wallet }, "nonce": "nonce-0001" });
    let asked = alice.ask("POST", "/v1/payments", request.clone()).await;
    assert_eq!(asked.status, 201, "{asked:?}");
    assert_eq!(asked.json(), alice.ask("POST", "/v1/payments", request).await.json());
    let held = alice.get(&format!("/v1/wallets/{wallet}")).await.json();
    assert_eq!((&held["available_minor"], &held["held_minor"]), (&json!(7_450), &json!(2_550)));

    let code = alice.code(&asked.json()).await;
    let (path, body) = (asked.header(header::LOCATION), typed(&shown.json(), &code));
    let paid = alice.ask("POST", &format!("{path}/code"), body).await;
    assert_eq!(
        (paid.text("/status").as_str(), &paid.json()["balance_minor"]),
        ("paid", &json!(7_450))
    );
    assert_eq!(alice.get(path).await.json(), paid.json());

    let (now, folder) = (Timestamp::from_unix_millis(u64::MAX / 2), tempfile::tempdir().unwrap());
    let sold = parties.till.check(&paid.text("/receipt"), &ticket, now).unwrap();
    let delivered = Delivered::in_folder(folder.path()).unwrap();
    delivered.take(&sold).unwrap();
    assert!(delivered.take(&sold).is_err());
}

#[tokio::test]
async fn a_statement_is_given_as_json_csv_and_camt_of_the_same_movements() {
    let parties = Parties::new().await;
    let alice = Program::of(&parties);
    let (wallet, card) = alice.with_money(10_000).await;
    let out = alice.ask("POST", "/v1/take-outs", transfer(&wallet, &card, 4_000)).await;
    assert_eq!(
        (out.text("/status").as_str(), &out.json()["balance_minor"]),
        ("done", &json!(6_000))
    );

    let path = format!("/v1/wallets/{wallet}/statement");
    let said = alice.get(&path).await.json();
    assert_eq!((&said["opening_minor"], &said["closing_minor"]), (&json!(0), &json!(6_000)));
    let amounts: Vec<_> =
        said["movements"].as_array().unwrap().iter().map(|one| &one["amount_minor"]).collect();
    assert_eq!(amounts, [&json!(10_000), &json!(-4_000)]);
    let csv = alice.get(&format!("{path}?format=csv")).await;
    assert!(csv.header(header::CONTENT_TYPE).starts_with("text/csv"), "{csv:?}");
    let xml = alice.get(&format!("{path}?format=camt053")).await;
    assert_eq!(xml.body.matches("<Ntry>").count(), 2, "{xml:?}");
    for text in [&csv.body, &xml.body] {
        assert!(text.contains(&out.text("/transfer")) && text.contains("60.00"), "{text}");
    }
    // What is later than all of them has no movement.
    let none = alice.get(&format!("{path}?from=9999999999")).await.json();
    assert_eq!(none["movements"], json!([]));
    assert_eq!(
        alice.get(&format!("{path}?form=csv")).await.refusal(),
        (422, "invalid-value".into())
    );
}

#[tokio::test]
async fn what_is_a_persons_own_is_for_the_session_at_which_the_code_was_typed() {
    let parties = Parties::new().await;
    let (alice, stranger) = (Program::of(&parties), Program::of(&parties));
    let (wallet, card) = alice.with_money(1_000).await;
    let not_signed_in = (403, "not-signed-in".to_owned());
    for (method, path) in [
        ("GET", "/v1/wallets".to_owned()),
        ("GET", format!("/v1/wallets/{wallet}")),
        ("GET", format!("/v1/wallets/{wallet}/statement")),
        ("POST", format!("/v1/wallets/{wallet}/close")),
        ("GET", "/v1/cards".to_owned()),
        ("POST", "/v1/cards".to_owned()),
        ("DELETE", format!("/v1/cards/{card}")),
        ("POST", "/v1/pay-ins".to_owned()),
        ("POST", "/v1/take-outs".to_owned()),
        ("POST", "/v1/payments".to_owned()),
        ("DELETE", "/v1/visit".to_owned()),
    ] {
        let refused = stranger.ask(method, &path, Value::Null).await;
        assert_eq!(refused.refusal(), not_signed_in, "{method} {path}");
    }
    // By a code, another session is hers, too; until she leaves.
    let asked = stranger.ask("POST", "/v1/visit", json!({ "identifier": "alice" })).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    assert_eq!(stranger.get("/v1/wallets").await.refusal(), not_signed_in);
    let code = stranger.code(&asked.json()).await;
    let entered = stranger.ask("POST", "/v1/visit/code", json!({ "code": code })).await;
    assert_eq!(entered.status, 204, "{entered:?}");
    assert_eq!(stranger.get("/v1/wallets").await.json()[0]["number"], json!(wallet));
    assert_eq!(stranger.ask("DELETE", "/v1/visit", Value::Null).await.status, 204);
    assert_eq!(stranger.get("/v1/wallets").await.refusal(), not_signed_in);
}

#[tokio::test]
async fn a_refusal_has_its_name_and_says_what_to_do() {
    let parties = Parties::new().await;
    let alice = Program::of(&parties);
    let (wallet, card) = alice.with_money(1_000).await;
    let ticket = parties.signed("ticket-0001", "25.50");
    let pay = |ticket: &str, source: Value| json!({ "ticket": ticket, "source": source, "nonce": "nonce-0001" });
    let other = json!({ "payment": "pur_00000000000000000000000000000000", "ticket_sha256": "0".repeat(64),
                        "merchant": "mer_00000000000000000000000000000000", "amount_minor": 1,
                        "currency": "EUR", "code": "123456" });
    for (method, path, body, status, name) in [
        (
            "POST",
            "/v1/payments".to_owned(),
            pay(&ticket, json!({ "wallet": wallet })),
            409,
            "insufficient-funds",
        ),
        (
            "POST",
            "/v1/payments".to_owned(),
            pay("a.b", json!({ "wallet": wallet })),
            422,
            "message-not-compact",
        ),
        (
            "POST",
            "/v1/tickets".to_owned(),
            json!({ "ticket": format!("{ticket}A") }),
            403,
            "message-signature",
        ),
        (
            "POST",
            "/v1/take-outs".to_owned(),
            transfer(&wallet, &card, 1_001),
            409,
            "insufficient-funds",
        ),
        ("POST", format!("/v1/wallets/{wallet}/close"), Value::Null, 409, "wallet-not-empty"),
        (
            "POST",
            "/v1/payments/pur_11111111111111111111111111111111/code".to_owned(),
            other,
            409,
            "other-transaction",
        ),
        (
            "GET",
            "/v1/payments/pur_11111111111111111111111111111111".to_owned(),
            Value::Null,
            404,
            "not-found",
        ),
        ("GET", "/v1/nothing".to_owned(), Value::Null, 404, "not-found"),
        ("PUT", "/v1/cards".to_owned(), Value::Null, 405, "method-not-allowed"),
        ("POST", "/v1/visit".to_owned(), json!({ "name": "alice" }), 400, "malformed-json"),
    ] {
        let refused = alice.ask(method, &path, body).await;
        assert_eq!(refused.refusal(), (status, name.to_owned()), "{refused:?}");
        assert!(!refused.text("/detail").is_empty(), "{refused:?}");
    }
}

#[test]
fn every_refusal_of_ours_has_words_in_every_language() {
    use MessageRefusal as M;
    let messages = [
        M::TooLong,
        M::NotCompact,
        M::Header,
        M::Algorithm,
        M::Type,
        M::UnknownKey,
        M::Signature,
        M::Content,
        M::Issuer,
        M::Audience,
        M::Validity,
        M::FromFuture,
        M::Expired,
    ];
    use MoneyRefusal as Y;
    let money = [
        Y::InsufficientFunds,
        Y::PaymentLimit,
        Y::DayLimit,
        Y::BalanceLimit,
        Y::NotPaidIn,
        Y::OtherCurrency,
        Y::NoSuchCurrency,
        Y::NotEmpty,
    ];
    use TicketRefusal as T;
    let tickets = [T::Taken, T::Paid, T::OtherTicket, T::TooManyTries, T::OtherTransaction];
    let others = [
        WalletError::NotSignedIn,
        WalletError::UnknownPerson,
        WalletError::CardRefused,
        WalletError::TooMany,
        WalletError::KeyRefused,
        WalletError::NameTaken,
        WalletError::StatementTooLong,
        WalletError::KeyReused,
        WalletError::NotNow("closed"),
    ];
    let all = messages.map(WalletError::from).into_iter();
    let all = all.chain(money.map(WalletError::from)).chain(tickets.map(WalletError::from));
    for error in all.chain(others) {
        let problem = Problem::from(error);
        for language in Language::all() {
            assert!(problem.is_worded(&language), "{problem:?}, {language:?}");
        }
    }
}

fn parties_api(parties: &Parties) -> Router {
    let client = |id: &str, key: &str| ApiClient {
        party: RelyingParty {
            id: id.try_into().unwrap(),
            name: format!("Shop {id}").as_str().try_into().unwrap(),
            may_enrol: false,
            tells_unknown: false,
        },
        api_key_sha256: KeyHash::of(key),
    };
    let clients = vec![
        client("dupont", API_KEY),
        client("other", "another key"),
        client("wallets", HOUSE_KEY),
    ];
    api([merchants_api(parties.process.wallets.clone(), RelyingParties::new(clients))])
}

#[tokio::test]
async fn a_relying_party_is_a_merchant_with_its_first_key_and_sells_under_it_until_it_is_revoked() {
    let parties = Parties::new().await;
    let (api, alice) = (parties_api(&parties), Program::of(&parties));
    let (wallet, _) = alice.with_money(10_000).await;
    let key = other_key();
    let take =
        async |who: &str, new: &str| call(&api, who, "POST", "/v1/wallet/keys", &[], new).await;
    let (new, others) = (registration("dupont", &key), registration("other", &key));

    let taken = take(API_KEY, &new).await;
    assert_eq!((taken.status.as_u16(), taken.text("/kid")), (200, key.public().id().to_owned()));
    assert_eq!(take(API_KEY, &new).await.json(), taken.json());
    assert_eq!(take("another key", &others).await.refusal(), (409, "key-refused".to_owned()));
    let first = registration("dupont", &merchant_key());
    assert_eq!(take(API_KEY, &first).await.refusal(), (409, "key-refused".to_owned()));
    assert_eq!(take("no key", &new).await.refusal(), (401, "not-authenticated".to_owned()));
    assert_eq!(alice.get("/jwks.json").await.json()["keys"], taken.json()["server_keys"]);

    let till = Till {
        merchant: taken.text("/merchant").try_into().unwrap(),
        key,
        server: taken.text("/server").as_str().try_into().unwrap(),
        server_keys: serde_json::from_value(taken.json()["server_keys"].clone()).unwrap(),
    };
    let mut ticket = parties.ticket("ticket-0001", "25.50");
    ticket.iss = till.merchant.clone();
    let signed = till.sign(&ticket).unwrap();
    let request =
        json!({ "ticket": signed, "source": { "wallet": wallet }, "nonce": "nonce-0001" });
    let shown = alice.ask("POST", "/v1/tickets", json!({ "ticket": signed })).await.json();
    let asked = alice.ask("POST", "/v1/payments", request).await;
    let code = alice.code(&asked.json()).await;
    let path = format!("{}/code", asked.header(header::LOCATION));
    let paid = alice.ask("POST", &path, typed(&shown, &code)).await;
    assert_eq!(paid.text("/status"), "paid", "{paid:?}");

    let path = "/v1/wallet/statement?currency=EUR";
    let said = call(&api, API_KEY, "GET", path, &[], "").await.json();
    assert_eq!((&said[0]["of"], &said[0]["amount_minor"]), (&shown["payment"], &json!(2_550)));
    let after = format!("{path}&after={}", said[0]["position"]);
    assert_eq!(call(&api, API_KEY, "GET", &after, &[], "").await.json(), json!([]));

    let path = format!("/v1/wallet/keys/{}", taken.text("/kid"));
    let others = call(&api, "another key", "DELETE", &path, &[], "").await;
    assert_eq!(others.refusal(), (404, "not-found".to_owned()));
    assert_eq!(call(&api, API_KEY, "DELETE", &path, &[], "").await.status, 204);
    let refused = alice.ask("POST", "/v1/tickets", json!({ "ticket": signed })).await;
    assert_eq!(refused.refusal(), (403, "message-key-unknown".to_owned()));
    assert_eq!(take(API_KEY, &new).await.refusal(), (409, "key-refused".to_owned()));
}

/// What a merchant sends to register a key.
fn registration(merchant: &str, key: &SigningKey) -> String {
    let (merchant, server) = (merchant.try_into().unwrap(), SERVER.try_into().unwrap());
    serde_json::to_string(&Registration::new(key, merchant, server, START).unwrap()).unwrap()
}

#[tokio::test]
async fn a_key_is_taken_with_the_proof_that_its_private_half_is_the_callers() {
    let parties = Parties::new().await;
    let (api, key) = (parties_api(&parties), other_key());
    let proof = |merchant: &str, server: &str, by: &SigningKey, at| {
        let (merchant, server) = (merchant.try_into().unwrap(), server.try_into().unwrap());
        let by = Registration::new(by, merchant, server, at).unwrap();
        serde_json::to_string(&Registration { key: key.public().clone(), ..by }).unwrap()
    };
    let ticket = parties.signed("ticket-0001", "25.50");
    let of_ticket = json!({ "key": key.public(), "proof": ticket }).to_string();
    let seconds = START.unix_seconds();
    let at = Timestamp::from_unix_seconds;
    for (body, status, name) in [
        (serde_json::to_string(key.public()).unwrap(), 400, "malformed-json"),
        (of_ticket, 422, "message-type"),
        // It was signed by somebody else, who has the public key, as everybody may.
        (proof("dupont", SERVER, &merchant_key(), START), 403, "message-key-unknown"),
        (proof("other", SERVER, &key, START), 422, "message-issuer"),
        (proof("dupont", "other.example.com", &key, START), 422, "message-audience"),
        (proof("dupont", SERVER, &key, at(seconds + 61)), 422, "message-from-future"),
        (proof("dupont", SERVER, &key, at(seconds - 600)), 410, "message-expired"),
    ] {
        let refused = call(&api, API_KEY, "POST", "/v1/wallet/keys", &[], body).await;
        assert_eq!(refused.refusal(), (status, name.to_owned()), "{refused:?}");
    }
    let good = proof("dupont", SERVER, &key, at(seconds - 599));
    assert_eq!(call(&api, API_KEY, "POST", "/v1/wallet/keys", &[], good).await.status, 200);
}

#[tokio::test]
async fn the_keys_that_receipts_were_signed_with_before_are_published_with_the_present_one() {
    let parties = Parties::new().await;
    let Wallets { ports, directory, verifier, gateway, bank, .. } = &*parties.process.wallets;
    let (old, new) = (server_key().public().clone(), other_key());
    let house = House { key: new.clone(), earlier_keys: vec![old.clone()], ..house() };
    let wallets = Arc::new(Wallets {
        ports: ports.clone(),
        directory: directory.clone(),
        verifier: verifier.clone(),
        gateway: gateway.clone(),
        bank: bank.clone(),
        house: Arc::new(house),
    });
    let keys = call(&client_routes(wallets), "", "GET", "/jwks.json", &[], "").await;
    let set: KeySet = serde_json::from_str(&keys.body).unwrap();
    assert_eq!(set.keys, [new.public().clone(), old]);
}

#[tokio::test]
async fn the_house_alone_reads_what_it_is_to_transfer_to_merchants() {
    let parties = Parties::new().await;
    let (api, alice) = (parties_api(&parties), Program::of(&parties));
    let (wallet, _) = alice.with_money(10_000).await;
    let ticket = parties.signed("ticket-0001", "25.50");
    let shown = alice.ask("POST", "/v1/tickets", json!({ "ticket": ticket })).await.json();
    let pay = json!({ "ticket": ticket, "source": { "wallet": wallet }, "nonce": "nonce-0001" });
    let asked = alice.ask("POST", "/v1/payments", pay).await;
    let (path, code) = (asked.header(header::LOCATION), alice.code(&asked.json()).await);
    alice.ask("POST", &format!("{path}/code"), typed(&shown, &code)).await;
    let merchant = &parties.till.merchant;
    let euro = "EUR".try_into().unwrap();
    parties.process.wallets.pay_out(merchant, euro).await.unwrap();

    let path = "/v1/wallet/payouts?currency=EUR";
    let told = call(&api, HOUSE_KEY, "GET", path, &[], "").await.json();
    let payout = &told[0];
    assert_eq!(payout["payout"], json!(format!("{merchant}-1")));
    // 1.5 % of 25.50, rounded down, is kept.
    assert_eq!((&payout["total_minor"], &payout["net_minor"]), (&json!(2_550), &json!(2_512)));
    let after = format!("{path}&after={}", payout["position"]);
    assert_eq!(call(&api, HOUSE_KEY, "GET", &after, &[], "").await.json(), json!([]));
    let refused = call(&api, API_KEY, "GET", path, &[], "").await;
    assert_eq!(refused.refusal(), (404, "not-found".to_owned()));
}

#[tokio::test]
async fn where_receipts_are_handed_in_is_said_by_a_merchant_under_its_key() {
    let parties = Parties::new().await;
    let api = parties_api(&parties);
    let say = async |who: &str, url: &str| {
        let body = json!({ "return_url": url }).to_string();
        call(&api, who, "PUT", "/v1/wallet/return-url", &[], body).await
    };
    let url = "https://shop.example/delivered";
    assert_eq!(say(API_KEY, url).await.refusal(), (404, "not-found".to_owned()));
    let new = registration("dupont", &other_key());
    let taken = call(&api, API_KEY, "POST", "/v1/wallet/keys", &[], new).await;
    let merchant = taken.text("/merchant").try_into().unwrap();
    assert_eq!(say("no key", url).await.refusal(), (401, "not-authenticated".to_owned()));
    for other in ["http://shop.example/", "/delivered", "javascript:alert(1)"] {
        let refused = say(API_KEY, other).await;
        assert_eq!(
            (refused.status.as_u16(), &*refused.text("/field")),
            (422, "return_url"),
            "{other}"
        );
    }
    let wallets = &parties.process.wallets;
    assert_eq!(wallets.return_url(&merchant).await.unwrap(), None);
    assert_eq!(say(API_KEY, url).await.status, 204);
    let said = wallets.return_url(&merchant).await.unwrap();
    assert_eq!(said.map(String::from).as_deref(), Some(url));
}

#[tokio::test]
async fn a_program_that_hangs_up_loses_nothing() {
    let parties = Arc::new(Parties::new().await);
    let alice = Program::of(&parties);
    let (wallet, _) = alice.with_money(10_000).await;
    let ticket = parties.signed("ticket-0001", "25.50");
    let shown = alice.ask("POST", "/v1/tickets", json!({ "ticket": ticket })).await.json();
    let request =
        json!({ "ticket": ticket, "source": { "wallet": wallet }, "nonce": "nonce-0001" });
    let asked = alice.ask("POST", "/v1/payments", request).await;
    let code = alice.code(&asked.json()).await;
    let path = asked.header(header::LOCATION);
    let path_of_code = format!("{path}/code");
    let finishing = alice.ask("POST", &path_of_code, typed(&shown, &code));
    // It is polled once, and dropped.
    let _: Result<_, _> = tokio::time::timeout(Duration::ZERO, finishing).await;
    for _ in 0..500 {
        if alice.get(path).await.text("/status") == "paid" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the payment did not come to its end: {:?}", alice.get(path).await);
}
