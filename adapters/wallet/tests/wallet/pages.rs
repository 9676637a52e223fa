//! The pages of people, as a browser without a script uses them.

mod again;

use std::sync::Mutex;

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use countersign_domain::{
    id::ChallengeId,
    pin::PinFrom,
    policy::{PolicySettings, Profile},
    ports::Clock as _,
    relying_party::RelyingParty,
    testing::START,
    time::Timestamp,
};
use countersign_wallet::{
    flow::CodeAsked,
    http::client_routes,
    merchant::NotDelivered,
    message::{Ticket, registration::Registration},
    pages::page_routes,
    testing::{ALICE, BOB, Parties, SERVER, other_key, till},
};
use countersign_web::{
    return_url::ReturnUrl,
    testing::{Answer, send},
};

const FORM: &str = "application/x-www-form-urlencoded";

/// A browser: it keeps its session.
struct Browser<'p> {
    parties: &'p Parties,
    routes: Router,
    cookie: Mutex<String>,
    language: &'static str,
}

impl<'p> Browser<'p> {
    fn of(parties: &'p Parties) -> Self {
        let wallets = &parties.process.wallets;
        let routes = client_routes(wallets.clone()).merge(page_routes(wallets.clone()));
        Self { parties, routes, cookie: Mutex::default(), language: "en" }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let cookie = self.cookie.lock().unwrap().clone();
        let request = Request::builder().method(method).uri(path).header("Cookie", cookie);
        let request = request.header("Accept-Language", self.language);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = send(&self.routes, request.body(Body::from(body)).unwrap()).await;
        if let Some((cookie, _)) = answer.header(header::SET_COOKIE).split_once(';') {
            cookie.clone_into(&mut self.cookie.lock().unwrap());
        }
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], String::new()).await
    }

    /// A page that is there.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    async fn post(&self, path: &str, body: impl Into<String>) -> Answer {
        self.ask("POST", path, &[("Content-Type", FORM)], body.into()).await
    }

    /// Where a form that did what it should leads to.
    async fn sent(&self, path: &str, body: impl Into<String>) -> String {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        answer.header(header::LOCATION).to_owned()
    }

    /// The code of the message that has the reference that stands on the page.
    async fn code(&self, page: &str) -> String {
        let entropy = self.parties.process.fixture.entropy.as_ref();
        let asked = CodeAsked {
            challenge: ChallengeId::made_at(Timestamp::from_unix_millis(0), entropy).unwrap(),
            phone: String::new(),
            short_reference: between(page, "must say ref ", "."),
            expires_at: Timestamp::from_unix_millis(0),
            pin: None,
        };
        self.parties.process.read(&asked).await
    }

    /// Opens a wallet by the page.
    async fn open(&self) {
        // As a messenger pastes it.
        let number = format!("%E2%80%AA{}%E2%80%AC", encoded(ALICE));
        let form = format!("identifier=alice&number={number}&name=Daily&currency=EUR");
        let path = self.sent("/open", form).await;
        let code = self.code(&self.page(&path).await).await;
        assert_eq!(self.sent(&format!("{path}/code"), format!("code={code}")).await, "/");
    }

    /// Ties the card that is vouched for, and pays in; the path of the wallet.
    async fn with_money(&self, euros: &str) -> String {
        self.open().await;
        assert_eq!(self.sent("/cards", CARD).await, "/cards");
        let wallet = format!("/wallets/{}", between(&self.page("/").await, "/wallets/", "\""));
        let page = self.page(&wallet).await;
        let path = self.sent(&format!("{wallet}/pay-in"), transfer(&page, euros)).await;
        let code = self.code(&self.page(&path).await).await;
        assert_eq!(self.sent(&format!("{path}/code"), format!("code={code}")).await, path);
        wallet
    }
}

const CARD: &str = "name=Blue&card_number=4970100000000154&card_expiry=12%2F29";

fn encoded(number: &str) -> String {
    number.replace('+', "%2B")
}

fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before} is not in {text}"));
    rest.split_once(after).unwrap().0.to_owned()
}

/// What a field holds that nobody sees.
fn hidden(page: &str, name: &str) -> String {
    between(page, &format!("name=\"{name}\" value=\""), "\"")
}

fn transfer(page: &str, euros: &str) -> String {
    let card = between(page, "<option value=\"", "\"");
    format!("key={}&amount={euros}&card={card}", hidden(page, "key"))
}

/// What the page sends with the code.
fn typed(page: &str, code: &str) -> String {
    let fields = ["ticket_sha256", "merchant", "amount_minor", "currency"];
    let hidden = fields.map(|name| format!("{name}={}&", hidden(page, name)));
    format!("{}code={code}", hidden.concat())
}

#[tokio::test]
async fn a_wallet_is_opened_with_the_code_and_filled_from_the_card_once() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    assert!(alice.page("/").await.contains("No wallet yet?"));
    let wallet = alice.with_money("100,00").await;
    let page = alice.page(&wallet).await;
    assert!(page.contains("100.00\u{a0}EUR") && page.contains("Paid in"), "{page}");
    // A form that is sent again moves nothing again: it has the same key.
    let out = transfer(&page, "40.00");
    let path = alice.sent(&format!("{wallet}/take-out"), out.clone()).await;
    assert_eq!(alice.sent(&format!("{wallet}/take-out"), out).await, path);
    assert!(alice.page(&path).await.contains("Available after it: 60.00\u{a0}EUR"));
    let page = alice.page(&wallet).await;
    assert!(page.contains("\u{2212}40.00\u{a0}EUR") && page.contains("Taken out"), "{page}");
    let csv = alice.get(&between(&page, "As a file: <a href=\"", "\"").replace("&#38;", "&")).await;
    assert!(csv.header(header::CONTENT_TYPE).starts_with("text/csv"), "{csv:?}");
    assert!(csv.body.contains("60.00"), "{csv:?}");
}

#[tokio::test]
async fn a_wallet_is_closed_when_it_is_empty() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    let wallet = alice.with_money("10.00").await;
    let close = format!("{wallet}/close");
    let refused = alice.post(&close, "").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body.contains("The wallet is not empty"), "{refused:?}");
    let page = alice.page(&wallet).await;
    alice.sent(&format!("{wallet}/take-out"), transfer(&page, "10")).await;
    assert_eq!(alice.sent(&close, "").await, "/");
    assert!(alice.page("/").await.contains("Closed on "));
    assert!(!alice.page(&wallet).await.contains("/pay-in"));
}

#[tokio::test]
async fn a_card_has_a_name_and_is_forgotten_when_its_holder_says_so() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    alice.open().await;
    alice.sent("/cards", CARD).await;
    let page = alice.page("/cards").await;
    assert!(page.contains("Blue") && !page.contains("4970100000000154"), "{page}");
    let forget = format!("/cards/{}", between(&page, "action=\"/cards/", "\""));
    assert_eq!(alice.sent(&forget, "").await, "/cards");
    assert!(alice.page("/cards").await.contains("No card is tied."));
}

#[tokio::test]
async fn a_person_who_signs_out_comes_in_again_by_the_code_alone() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    alice.open().await;
    assert_eq!(alice.sent("/sign-out", "").await, "/");
    let refused = alice.get("/cards").await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.body.contains("Nobody is signed in") && refused.body.contains("/sign-in"));
    let path = alice.sent("/sign-in", "identifier=alice").await;
    assert_eq!(path, "/sign-in");
    let page = alice.page(&path).await;
    let code = alice.code(&page).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for left in ["2 attempts left", "One attempt left"] {
        let refused = alice.post("/sign-in/code", format!("code={wrong}")).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body.contains(left) && refused.body.contains("aria-invalid"));
    }
    assert_eq!(alice.sent("/sign-in/code", format!("code={code}")).await, "/");
    assert!(alice.page("/").await.contains("Daily"));
}

#[tokio::test]
async fn a_page_does_not_tell_who_has_a_wallet() {
    let parties = Parties::new().await;
    Browser::of(&parties).open().await;
    let mut pages = Vec::new();
    for form in ["identifier=alice", "identifier=nobody"] {
        let stranger = Browser::of(&parties);
        let path = stranger.sent("/sign-in", form).await;
        let asked = stranger.page(&path).await;
        let refused = stranger.post("/sign-in/code", "code=12345".to_owned()).await;
        let reference = between(&asked, "must say ref ", ".");
        pages.push([asked, refused.body].map(|page| page.replace(&reference, "")));
    }
    let [known, unknown] = &pages[..] else { panic!("two were asked") };
    assert_eq!(known, unknown);
    assert!(known[0].contains("If that name or card is known here") && known[0].contains("code"));
}

#[tokio::test]
async fn after_too_many_wrong_codes_no_further_one_is_asked_for() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    alice.open().await;
    alice.sent("/sign-out", "").await;
    let path = alice.sent("/sign-in", "identifier=alice").await;
    let code = alice.code(&alice.page(&path).await).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for status in [422, 422, 403] {
        let refused = alice.post("/sign-in/code", format!("code={wrong}")).await;
        assert_eq!(refused.status, status, "{refused:?}");
    }
    let over = alice.get("/sign-in").await;
    assert_eq!(over.status, 403, "{over:?}");
    assert!(over.body.contains("Too many wrong codes") && !over.body.contains("id=\"code\""));
}

#[tokio::test]
async fn a_ticket_is_paid_from_wallet_or_card_and_its_receipt_handed_to_the_merchant() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    let wallet = alice.with_money("100.00").await;
    let now = parties.process.fixture.clock.now();
    for (number, is_card) in [("ticket-0001", false), ("ticket-0002", true)] {
        let ticket = parties.signed(number, "25.50");
        let page = alice.page(&format!("/pay?ticket={ticket}")).await;
        for shown in ["25.50\u{a0}EUR", "Librairie Dupont", "ISBN 2070360245", "order-1"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        let card = format!("crd_{}", between(&page, "value=\"crd_", "\""));
        let source = if is_card { card.as_str() } else { wallet.trim_start_matches("/wallets/") };
        let pay = format!("ticket={ticket}&nonce={}&source={source}", hidden(&page, "nonce"));
        let path = alice.sent("/pay", pay.clone()).await;
        assert_eq!(alice.sent("/pay", pay).await, path, "the same form begins nothing more");
        assert_eq!(alice.get(&format!("/pay?ticket={ticket}")).await.status, 303);
        let page = alice.page(&path).await;
        let code = alice.code(&page).await;
        assert_eq!(alice.sent(&format!("{path}/code"), typed(&page, &code)).await, path);

        let paid = alice.page(&path).await;
        assert!(paid.contains("25.50\u{a0}EUR to Librairie Dupont."), "{paid}");
        assert!(paid.contains("takes no receipt from a browser"), "{paid}");
        let receipt = alice.get(&format!("{path}/receipt")).await;
        assert_eq!(receipt.header(header::CONTENT_TYPE), "application/jose");
        assert!(parties.till.check(&receipt.body, &ticket, now).is_ok());
        let other = parties.signed("ticket-0003", "25.50");
        let checked = parties.till.check(&receipt.body, &other, now);
        assert_eq!(checked, Err(NotDelivered::OtherTicket));
    }
    assert!(alice.page(&wallet).await.contains("74.50\u{a0}EUR"));
}

#[tokio::test]
async fn a_receipt_is_handed_in_where_the_merchant_said_and_nowhere_else() {
    let parties = Parties::new().await;
    let (wallets, key) = (&parties.process.wallets, other_key());
    let dupont = RelyingParty {
        id: "dupont".try_into().unwrap(),
        name: "Dupont et fils".try_into().unwrap(),
        may_enrol: false,
        tells_unknown: false,
    };
    let url = ReturnUrl::try_from("https://shop.example/delivered".to_owned()).unwrap();
    assert!(wallets.set_return_url(&dupont.id, &url).await.is_err(), "it is no merchant yet");
    let (dupont_id, server) = (dupont.id.clone(), SERVER.try_into().unwrap());
    let new = Registration::new(&key, dupont_id, server, START).unwrap();
    let merchant = wallets.take_key(&dupont, &new).await.unwrap();
    wallets.set_return_url(&dupont.id, &url).await.unwrap();
    let till = till(merchant.clone(), key);
    let alice = Browser::of(&parties);
    let wallet = alice.with_money("100.00").await;
    let ticket = Ticket { iss: merchant, ..parties.ticket("ticket-0001", "25.50") };
    let ticket = till.sign(&ticket).unwrap();
    // What a link adds to the ticket is nobody's word.
    let page = alice.page(&format!("/pay?ticket={ticket}&return_url=https://evil.example/")).await;
    let source = wallet.trim_start_matches("/wallets/");
    let pay = format!("ticket={ticket}&nonce={}&source={source}", hidden(&page, "nonce"));
    let path = alice.sent("/pay", pay).await;
    let asked = alice.get(&path).await;
    let policy = asked.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("form-action 'self'; "), "{policy}");
    let code = alice.code(&asked.body).await;
    alice.sent(&format!("{path}/code"), typed(&asked.body, &code)).await;

    let paid = alice.get(&path).await;
    assert!(paid.body.contains("action=\"https://shop.example/delivered\""), "{paid:?}");
    let policy = paid.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("form-action 'self' https://shop.example;"), "{policy}");
    let (handed, receipt) = (hidden(&paid.body, "ticket"), hidden(&paid.body, "receipt"));
    assert_eq!(handed, ticket);
    let now = parties.process.fixture.clock.now();
    assert!(till.check(&receipt, &handed, now).is_ok());
}

#[tokio::test]
async fn a_payment_that_is_cancelled_or_refused_is_said_to_be_not_paid_and_can_be_tried_again() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    let wallet = alice.with_money("100.00").await;
    let ticket = parties.signed("ticket-0001", "25.50");
    let source = wallet.trim_start_matches("/wallets/");
    let begin = async || {
        let page = alice.page(&format!("/pay?ticket={ticket}")).await;
        let pay = format!("ticket={ticket}&nonce={}&source={source}", hidden(&page, "nonce"));
        alice.sent("/pay", pay).await
    };
    let path = begin().await;
    assert_eq!(alice.sent(&format!("{path}/cancel"), "").await, path);
    let page = alice.page(&path).await;
    assert!(page.contains("This was cancelled") && page.contains("/pay?ticket="), "{page}");
    assert_eq!(begin().await, path);
    let page = alice.page(&path).await;
    let code = alice.code(&page).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for status in [422, 422, 403] {
        let refused = alice.post(&format!("{path}/code"), typed(&page, wrong)).await;
        assert_eq!(refused.status, status, "{refused:?}");
    }
    assert!(alice.page(&path).await.contains("Too many wrong codes"));
    assert!(alice.page(&wallet).await.contains("100.00\u{a0}EUR"));
}

#[tokio::test]
async fn a_person_who_is_not_signed_in_sees_the_ticket_and_comes_back_to_it() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    alice.open().await;
    alice.sent("/sign-out", "").await;
    let ticket = parties.signed("ticket-0001", "25.50");
    let page = alice.page(&format!("/pay?ticket={ticket}")).await;
    assert!(page.contains("25.50\u{a0}EUR") && page.contains("Who pays?"), "{page}");
    assert!(page.contains(&format!("/open?ticket={ticket}")), "{page}");
    let form = format!("identifier=alice&ticket={}", hidden(&page, "ticket"));
    let path = alice.sent("/sign-in", form).await;
    let page = alice.page(&path).await;
    let form = format!("code={}&ticket={}", alice.code(&page).await, hidden(&page, "ticket"));
    let path = alice.sent("/sign-in/code", form).await;
    assert_eq!(path, format!("/pay?ticket={ticket}"));
    assert!(alice.page(&path).await.contains("Pay with"));
}

/// A form that breaks a rule: what it is sent with, and what is said, at which field if at one.
struct Refused<'a> {
    rule: &'a str,
    path: &'a str,
    body: String,
    status: u16,
    said: &'a str,
    field: &'a str,
}

impl Browser<'_> {
    async fn must_be_refused(&self, refused: Refused<'_>) {
        let Refused { rule, path, body, status, said, field } = refused;
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, status, "{rule}: {answer:?}");
        assert!(answer.body.contains(said), "{rule}: {said}: {}", answer.body);
        let marked = format!("<input id=\"{field}\"");
        let input = answer.body.split(&marked).nth(1).map(|rest| rest.split('>').next().unwrap());
        let is_marked = input.is_some_and(|input| input.contains("aria-invalid=\"true\""));
        assert_eq!(is_marked, !field.is_empty(), "{rule}: {field}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_a_form_about_people_and_cards_lacks_is_said_at_its_field() {
    let parties = Parties::new().await;
    let (alice, stranger) = (Browser::of(&parties), Browser::of(&parties));
    alice.open().await;
    let form = |number: &str, name: &str| {
        format!("identifier=alice&number={}&name={name}&currency=EUR", encoded(number))
    };
    let nameless = "identifier=".to_owned();
    for (rule, path, body, said, field) in [
        ("a name", "/sign-in", nameless, "A value is not valid", "identifier"),
        (
            "a number",
            "/open",
            form("0612345678", "Daily"),
            "as it is dialled from abroad",
            "number",
        ),
        ("a national zero", "/open", form("+44 (0)7700 900106", "Daily"), "not +33 (0)6", "number"),
        ("a wallet's name", "/open", form(ALICE, ""), "at least one character", "name"),
    ] {
        stranger.must_be_refused(Refused { rule, path, body, status: 422, said, field }).await;
    }
    // That a name is another number's is not told before the code.
    assert_eq!(stranger.post("/open", form(BOB, "Daily")).await.status, 303);
    let vouched_for = CARD.replace("4970100000000154", "4970100000000253");
    for (rule, body, said, field) in [
        ("a card's name", CARD.replace("Blue", ""), "at least one character", "name"),
        ("a card's number", CARD.replace("0154", "0155"), "mistyped", "card_number"),
        ("an expiry", CARD.replace("12%2F29", "soon"), "MM/YY", "card_expiry"),
        ("one that is vouched for", vouched_for, "The card cannot be tied", "card_number"),
    ] {
        let path = "/cards";
        alice.must_be_refused(Refused { rule, path, body, status: 422, said, field }).await;
    }
}

#[tokio::test]
async fn money_that_is_not_moved_is_said_at_its_form() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    let wallet = alice.with_money("10.00").await;
    let page = alice.page(&wallet).await;
    let ticket = parties.signed("ticket-0001", "25.50");
    let source = wallet.trim_start_matches("/wallets/");
    let pay = |source: &str| format!("ticket={ticket}&nonce=nonce-0001&source={source}");
    let (pay_in, take_out) = (format!("{wallet}/pay-in"), format!("{wallet}/take-out"));
    let transfer = |euros: &str| transfer(&page, euros);
    let (into, out_of) = ("pay-in-amount", "take-out-amount");
    for (rule, path, body, status, said, field) in [
        ("an amount", &*pay_in, transfer("much"), 422, "above zero", into),
        ("room in the wallet", &*pay_in, transfer("500.01"), 409, "too full", into),
        ("what is in it", &*take_out, transfer("10.01"), 409, "not enough in the wallet", out_of),
        ("something that pays", "/pay", pay(""), 422, "Nothing is chosen", ""),
        ("funds", "/pay", pay(source), 409, "There is not enough in the wallet", ""),
    ] {
        alice.must_be_refused(Refused { rule, path, body, status, said, field }).await;
    }
}

#[tokio::test]
async fn a_ticket_that_is_refused_is_refused_on_a_page_with_a_way_on() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    let ticket = parties.signed("ticket-0001", "25.50");
    for (path, status, said) in [
        (format!("/pay?ticket={ticket}A"), 403, "The message is refused"),
        ("/pay?ticket=a.b".to_owned(), 422, "The message is refused"),
        ("/pay".to_owned(), 422, "The message is refused"),
    ] {
        let refused = alice.get(&path).await;
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(refused.body.contains(said) && refused.body.contains("href=\"/\""), "{refused:?}");
    }
}

#[tokio::test]
async fn the_pages_of_one_person_are_not_anothers() {
    let parties = Parties::new().await;
    let (alice, bob) = (Browser::of(&parties), Browser::of(&parties));
    let wallet = alice.with_money("10.00").await;
    let form = format!("identifier=bob&number={}&name=Daily&currency=EUR", encoded(BOB));
    let opening = bob.sent("/open", form).await;
    assert_eq!(alice.get(&opening).await.status, 404, "an opening of another session");
    let code = bob.code(&bob.page(&opening).await).await;
    bob.sent(&format!("{opening}/code"), format!("code={code}")).await;
    for path in [wallet.clone(), format!("{wallet}?days=7")] {
        let refused = bob.get(&path).await;
        assert_eq!(refused.status, 404, "{refused:?}");
        assert!(refused.body.contains("There is no such thing"), "{refused:?}");
    }
    assert_eq!(bob.post(&format!("{wallet}/close"), "").await.status, 404);
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    alice.open().await;
    for site in ["cross-site", "same-site"] {
        let headers = [("Content-Type", FORM), ("Sec-Fetch-Site", site)];
        let refused = alice.ask("POST", "/sign-out", &headers, String::new()).await;
        assert_eq!(refused.refusal(), (403, "other-site".to_owned()));
    }
    assert!(alice.page("/").await.contains("Daily"), "she is still signed in");
}

#[tokio::test]
async fn a_page_speaks_the_language_that_is_chosen_and_offers_the_other() {
    let parties = Parties::new().await;
    let alice = Browser { language: "fr", ..Browser::of(&parties) };
    let page = alice.page("/").await;
    assert!(page.contains("<html lang=\"fr\"") && page.contains("Vos portefeuilles"), "{page}");
    let ticket = parties.signed("ticket-0001", "25.50");
    let page = alice.page(&format!("/pay?ticket={ticket}")).await;
    assert!(page.contains("25,50\u{a0}EUR"), "{page}");
    let other = between(&page, "<a href=\"/pay", "\"").replace("&#38;", "&");
    let english = alice.page(&format!("/pay{other}")).await;
    assert!(english.contains("25.50\u{a0}EUR"), "{other}: {english}");
}

#[tokio::test]
async fn under_psd2_the_pages_ask_for_the_pin_and_take_it() {
    let parties = Parties::with(PolicySettings {
        profile: Some(Profile::Psd2),
        pin_from: PinFrom::Code,
        ..PolicySettings::bank_first()
    })
    .await;
    let alice = Browser::of(&parties);
    let form = format!("identifier=alice&number={}&name=Daily&currency=EUR", encoded(ALICE));
    let path = alice.sent("/open", form.clone()).await;
    let page = alice.page(&path).await;
    assert!(page.contains(r#"id="pin""#) && page.contains(r#"id="new_pin""#), "{page}");
    let typed = format!("code={}&pin=&new_pin=283915", alice.code(&page).await);
    let set = alice.post(&format!("{path}/code"), typed).await;
    assert_eq!(set.status, 409);
    assert!(set.body.contains("Your PIN is set"), "{}", set.body);

    let path = alice.sent("/open", form).await;
    let code = alice.code(&alice.page(&path).await).await;
    for (typed, status) in [
        (format!("code={code}&pin=283916&new_pin="), 422),
        (format!("code={code}&pin=283915&new_pin="), 303),
    ] {
        let answer = alice.post(&format!("{path}/code"), typed).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(status == 303 || answer.body.contains("Code or PIN is not right"));
    }

    assert_eq!(alice.sent("/cards", CARD).await, "/cards");
    let wallet = format!("/wallets/{}", between(&alice.page("/").await, "/wallets/", "\""));
    let page = alice.page(&wallet).await;
    let path = alice.sent(&format!("{wallet}/pay-in"), transfer(&page, "80.00")).await;
    let page = alice.page(&path).await;
    let typed = format!("code={}&pin=283915&new_pin=", alice.code(&page).await);
    assert_eq!(alice.sent(&format!("{path}/code"), typed).await, path);
}
