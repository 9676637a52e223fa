//! A payer on a phone, in both languages: each state of a checkout, and where there is none.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::driver::{Browser, PATIENCE, Wanted};

struct Words {
    code: &'static str,
    wrong: &'static str,
    mistyped: &'static str,
    not_paid: &'static str,
    paid: &'static str,
    other: &'static str,
    late: &'static str,
    begin: &'static str,
}

const ENGLISH: Words = Words {
    code: "Type the code",
    wrong: "This is not the code",
    mistyped: "The card number is mistyped",
    not_paid: "Nothing was paid",
    paid: "Paid",
    other: "In another browser",
    late: "Too late",
    begin: "How do you pay?",
};

const FRENCH: Words = Words {
    code: "Tapez le code",
    wrong: "Ce n’est pas le code",
    mistyped: "Le numéro de carte est mal tapé",
    not_paid: "Rien n’a été payé",
    paid: "Payé",
    other: "Dans un autre navigateur",
    late: "Trop tard",
    begin: "Comment payez-vous ?",
};

impl Browser {
    /// A new order of the book: the browser is at its payment page.
    pub(crate) async fn order(&self) -> String {
        self.visit("/shop").await;
        self.click("input[value=book] + button").await;
        self.find("#user_id").await;
        self.client.current_url().await.unwrap().to_string()
    }

    /// Pays as alice, with her user name.
    pub(crate) async fn pay_as_alice(&self) {
        self.type_into("#user_id", "alice\u{e007}").await;
        self.find("#code").await;
    }

    /// Types the code and sends it; the answer is there.
    pub(crate) async fn send_code(&self, code: &str) {
        self.paste_into("#code", code).await;
        let before = self.run("return performance.timeOrigin", vec![]).await;
        self.click("#code ~ button").await;
        let answered =
            "return document.readyState === 'complete' && performance.timeOrigin !== arguments[0]";
        let end = Instant::now() + PATIENCE;
        while self.run(answered, vec![before.clone()]).await != true {
            assert!(Instant::now() < end, "no answer to a code");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Once the bank has let go of the last payment, another is begun.
    pub(crate) async fn begin_again(&self) {
        let again = "const look = document.querySelector('section[role=status] a'); \
                     if (look) look.click(); return document.querySelector('#user_id') !== null";
        let end = Instant::now() + PATIENCE;
        while self.run(again, vec![]).await != true {
            assert!(Instant::now() < end, "no payment can be begun");
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn after(&self, seconds: u32) {
        self.visit("/").await;
        let script = "const [seconds, done] = arguments; \
                      fetch('/clock', { method: 'POST', headers: { 'content-type': 'application/json' }, \
                      body: JSON.stringify({ advance_seconds: seconds }) }).then((answer) => done(answer.status))";
        let status = self.client.execute_async(script, vec![json!(seconds)]).await.unwrap();
        assert_eq!(status, 204);
    }
}

async fn each_state(wanted: Wanted, words: &Words, screen: &str) {
    let browser = Browser::open(wanted).await;
    let seen = async |name: &str, title: &str| {
        browser.must_run_nothing().await;
        browser.must_be_called(title).await;
        browser.seen(screen, name).await;
    };
    let page = browser.order().await;
    seen("who pays", words.begin).await;
    browser.type_into("#card_number", "4970100000000155").await;
    browser.type_into("#card_expiry", "12/35\u{e007}").await;
    browser.reads(words.mistyped).await;
    seen("a mistyped card", "").await;

    browser.client.goto(&page).await.unwrap();
    browser.pay_as_alice().await;
    seen("the code", words.code).await;
    browser.send_code("0000000000").await;
    browser.reads(words.wrong).await;
    seen("a wrong code", words.wrong).await;
    // A tab that is restored asks for the address of the form.
    browser.client.goto(&format!("{page}/code")).await.unwrap();
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), page);
    browser.click("form[action$='/cancel'] button").await;
    browser.reads(words.not_paid).await;
    seen("cancelled", words.not_paid).await;

    browser.begin_again().await;
    browser.pay_as_alice().await;
    for _ in 0..3 {
        browser.send_code("0000000000").await;
    }
    browser.reads(words.not_paid).await;
    seen("too many wrong codes", "").await;

    browser.begin_again().await;
    browser.pay_as_alice().await;
    browser.client.delete_all_cookies().await.unwrap();
    browser.client.goto(&page).await.unwrap();
    browser.reads(words.other).await;
    seen("another browser", words.other).await;

    browser.order().await;
    browser.pay_as_alice().await;
    let code = browser.code_beside().await;
    browser.send_code(&code).await;
    browser.find("section.done").await;
    seen("paid", words.paid).await;

    let late = browser.order().await;
    browser.after(1801).await;
    browser.client.goto(&late).await.unwrap();
    browser.reads(words.late).await;
    seen("expired", words.late).await;
    browser.client.goto(&format!("{page}0")).await.unwrap();
    browser.find("#problem").await;
    seen("no such checkout", "").await;
    let nowhere = page.replace("/pay/", "/nowhere/");
    browser.client.goto(&nowhere).await.unwrap();
    browser.find("#problem").await;
    seen("nowhere", "").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_state_of_a_checkout_lies_well_on_a_phone_in_english() {
    each_state(Wanted { width: 390, ..Wanted::default() }, &ENGLISH, "checkout-en").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_state_of_a_checkout_lies_well_on_a_dark_phone_in_french() {
    let wanted = Wanted { width: 390, dark: true, languages: "fr-FR,fr", ..Wanted::default() };
    each_state(wanted, &FRENCH, "checkout-fr").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_shows_a_purchase_on_a_phone() {
    let browser = Browser::open(Wanted { width: 390, ..Wanted::default() }).await;
    let phone = format!("/phones/{}", browser.sandbox.person().number);
    browser.order().await;
    browser.pay_as_alice().await;
    let code = browser.code_beside().await;
    browser.send_code(&code).await;
    browser.find("section.done").await;
    for (name, path) in [
        ("stage", "/"),
        ("shop", "/shop"),
        ("phones", "/phones"),
        ("phone", phone.as_str()),
        ("bank", "/bank"),
    ] {
        browser.visit(path).await;
        browser.must_be_accessible(name).await;
        browser.picture(&format!("sandbox-{name}")).await;
    }
    browser.visit("/").await;
    browser.click("label[for=show-flow]").await;
    browser.must_be_accessible("stage, flow").await;
    browser.picture("sandbox-stage-flow").await;
    browser.click("#live-begun a[href^='/purchases/']").await;
    browser.reads("0230 completion: done").await;
    browser.click("details summary").await;
    browser.must_be_accessible("flow").await;
    browser.picture("sandbox-flow").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_by_set_lies_well_on_a_phone_in_french() {
    let wanted = Wanted { width: 390, languages: "fr-FR,fr", ..Wanted::default() };
    let browser = Browser::open(wanted).await;
    let seen = async |name: &str, title: &str| {
        browser.must_run_nothing().await;
        browser.must_be_called(title).await;
        browser.seen("set-fr", name).await;
    };
    browser.visit("/shop").await;
    browser.click("input[value=book] ~ button[formaction='/wallet']").await;
    browser.find("#order").await;
    seen("order", "Portefeuille").await;
    browser.click("form button").await;
    browser.find("#password").await;
    seen("locked", "Ouvrez votre portefeuille").await;
    browser.type_into("#password", "another password\u{e007}").await;
    browser.find("#problem + #password").await;
    seen("wrong password", "Ce n'est pas le mot de passe").await;
    let page = browser.client.current_url().await.unwrap();
    browser.client.goto(page.join("/nowhere").unwrap().as_str()).await.unwrap();
    browser.find("main a[href='/']").await;
    seen("nowhere", "Cette page n’existe pas").await;
    // Where the form was sent to, as a tab that is restored asks for it.
    browser.client.goto(page.as_str()).await.unwrap();
    browser.type_into("#password", "figure eleven\u{e007}").await;
    browser.find("#code").await;
    seen("code", "Tapez le code").await;
    let code = browser.code_beside().await;
    browser.send_code(if code == "000000" { "111111" } else { "000000" }).await;
    browser.find("#code[aria-invalid]").await;
    seen("wrong code", "Ce n’est pas le code").await;
    browser.send_code(&code).await;
    browser.find("section.done").await;
    seen("paid", "Payé").await;
    browser.close().await;
}
