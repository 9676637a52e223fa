//! People pay by SET (figure 11): the wallet, the phone, and what was sent.

use crate::driver::{Browser, Wanted};

impl Browser {
    /// Buys the book in the shop by SET: the browser is at the wallet.
    async fn go_to_wallet(&self) {
        self.visit("/shop").await;
        self.click("input[value=book] ~ button[formaction='/wallet']").await;
        self.reads("Address of the order").await;
        self.click("form button").await;
        self.reads("Open your wallet").await;
    }

    async fn open_wallet(&self, password: &str) {
        self.type_into("#password", password).await;
        self.click("form button").await;
    }

    async fn text_of(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_paid_by_set_with_the_reference_that_the_phone_shows_and_drawn() {
    let browser = Browser::open(Wanted::default()).await;
    browser.go_to_wallet().await;
    browser.reads("8.90\u{a0}EUR").await;
    browser.reads("Librairie Dupont").await;
    browser.reads("Le Petit Prince").await;
    browser.must_be_accessible("a locked wallet").await;
    browser.picture("wallet-locked").await;

    browser.open_wallet("another password").await;
    let shut = browser.reads("This is not the password").await;
    assert!(!shut.contains("Reference"), "{shut}");
    browser.must_be_accessible("a wrong password").await;

    browser.open_wallet("figure eleven").await;
    browser.reads("Type the code").await;
    browser.must_be_accessible("a wallet that asks for the code").await;
    browser.picture("wallet-code").await;
    let reference = browser.text_of("#reference").await;
    assert_eq!(reference.len(), 4, "{reference}");

    let code = browser.read_code().await;
    let wallet = browser.client.window().await.unwrap();
    let phone = browser.client.new_window(true).await.unwrap();
    browser.client.switch_to_window(phone.handle).await.unwrap();
    browser.visit(&format!("/phones/{}", browser.sandbox.person().number)).await;
    let message = browser.text_of(".bubble").await;
    assert!(message.contains(&format!("ref {reference},")), "{reference}: {message}");
    assert!(message.contains("8.90 EUR to Librairie Dupont"), "{message}");
    browser.client.close_window().await.unwrap();
    browser.client.switch_to_window(wallet).await.unwrap();

    browser.type_into("#code", &code).await;
    browser.click("form button").await;
    browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    browser.reads("The gateway's signed receipt").await;
    browser.must_be_accessible("paid by SET").await;
    browser.picture("wallet-paid").await;

    browser.visit("/").await;
    browser.click("a[href^='/purchases/ord_']").await;
    let drawn = browser.reads("CodeForwardRes").await;
    for message in ["PWakeUp", "PInitReq", "PReq", "AuthReq", "0110 authorization: done", "CodeReq"]
    {
        assert!(drawn.contains(message), "{message}: {drawn}");
    }
    let all = browser.run("return document.body.textContent", vec![]).await;
    let all = all.as_str().unwrap();
    assert!(!all.contains(&code) && !all.contains("4970100000000154"), "{all}");
    browser.must_be_accessible("a flow by SET").await;
    browser.picture("wallet-flow").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_wrong_codes_in_the_wallet_pay_nothing() {
    let browser = Browser::open(Wanted::default()).await;
    browser.go_to_wallet().await;
    browser.open_wallet("figure eleven").await;
    browser.reads("3 attempts left").await;
    let wrong = if browser.read_code().await == "000000" { "111111" } else { "000000" };
    for left in ["2 attempts left", "One attempt left"] {
        browser.type_into("#code", wrong).await;
        browser.click("form button").await;
        browser.reads(left).await;
        browser.reads("This is not the code").await;
    }
    browser.must_be_accessible("a wrong code in the wallet").await;
    browser.type_into("#code", wrong).await;
    browser.click("form button").await;
    browser.reads("Too many wrong codes were typed.").await;
    browser.must_be_accessible("a purchase by SET that is not paid").await;
    browser.visit("/bank").await;
    browser.reads("1000.00 EUR").await;
    browser.close().await;
}
