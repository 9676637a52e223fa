//! People buy.

use fantoccini::key::Key;

use crate::driver::{Browser, Wanted};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_paid_with_the_code_from_the_phone_and_drawn_as_it_happens() {
    let browser = Browser::open(Wanted::default()).await;
    browser.visit("/").await;
    browser.picture("stage-empty").await;
    browser.go_to_pay().await;
    browser.picture("who-pays").await;
    browser.type_into("#user_id", "alice").await;
    browser
        .client
        .find(fantoccini::Locator::Css("#user_id ~ button"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    browser.reads("Type the code").await;
    browser.picture("code").await;
    let code = browser.read_code().await;

    // The flow, in another window, before the code is typed; it is never loaded again.
    let shop = browser.client.window().await.unwrap();
    let flow = browser.client.new_window(true).await.unwrap().handle;
    browser.client.switch_to_window(flow.clone()).await.unwrap();
    browser.visit("/").await;
    browser.click("#live-begun a[href^='/purchases/']").await;
    let drawn = browser.reads("0110 authorization: done").await;
    assert!(!drawn.contains("0220 completion"), "{drawn}");
    browser.click("details summary").await;
    browser.client.switch_to_window(shop.clone()).await.unwrap();

    browser.type_into("#code", &code).await;
    browser.click("#code ~ button").await;
    browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    browser.picture("paid").await;
    browser.must_be_accessible("paid").await;

    browser.client.switch_to_window(flow).await.unwrap();
    let drawn = browser.reads("0230 completion: done").await;
    assert!(!drawn.contains(&code), "{drawn}");
    assert!(drawn.contains("POST /v1/checkouts"), "what was open is closed: {drawn}");
    browser.picture("flow").await;
    browser.must_be_accessible("flow").await;
    browser.visit("/bank").await;
    browser.reads("991.10 EUR").await;
    browser.must_be_accessible("bank").await;
    browser.picture("bank").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stage_shows_shop_phone_and_flow_while_the_payment_page_is_beside_it() {
    let browser = Browser::open(Wanted { width: 1280, ..Wanted::default() }).await;
    browser.visit("/").await;
    let stage = browser.client.window().await.unwrap();
    browser.click("input[value=book] + button").await;
    let payment = browser.window_beside(&stage).await;
    browser.client.switch_to_window(payment.clone()).await.unwrap();
    browser.reads("How do you pay?").await;
    browser.type_into("#user_id", "alice").await;
    browser.type_into("#user_id", "\u{e007}").await;
    browser.reads("Type the code").await;

    // The stage is never loaded again.
    browser.client.switch_to_window(stage.clone()).await.unwrap();
    browser.reads("awaiting the code").await;
    browser.reads("0110 authorization: done").await;
    browser.find("#live-phone .bubble b").await;
    let script = "return document.querySelector('#live-phone .bubble b').innerText";
    let code = browser.run(script, vec![]).await.as_str().unwrap().to_owned();
    browser.must_be_accessible("stage").await;
    browser.picture("stage").await;

    browser.client.switch_to_window(payment).await.unwrap();
    browser.type_into("#code", &code).await;
    browser.click("#code ~ button").await;
    browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    browser.client.switch_to_window(stage).await.unwrap();
    let shown = browser.reads("0230 completion: done").await;
    assert!(!shown.contains("HTTP"), "{shown}");
    browser.find("#live-begun strong.good").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_narrow_screen_the_stage_has_tabs() {
    let browser = Browser::open(Wanted { width: 390, ..Wanted::default() }).await;
    browser.visit("/").await;
    let seen = "return [...document.querySelectorAll('.pane')].filter((pane) => pane.offsetParent !== null).length";
    for (tab, says) in [
        ("shop", "Buy Le Petit Prince"),
        ("phone", "No message yet"),
        ("flow", "Nothing yet: buy something."),
    ] {
        browser.click(&format!("label[for=show-{tab}]")).await;
        browser.reads(says).await;
        assert_eq!(browser.run(seen, vec![]).await, 1, "{tab}");
        browser.must_be_accessible(&format!("stage, {tab}")).await;
        browser.picture(&format!("stage-{tab}")).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_pays_without_anything_typed_but_the_code() {
    let browser = Browser::open(Wanted { certificate: true, ..Wanted::default() }).await;
    browser.go_to_pay().await;
    browser.reads("Your browser presented a certificate").await;
    browser.must_be_accessible("with a certificate").await;
    browser.click("input[name=certificate] ~ button").await;
    browser.reads("Type the code").await;
    let code = browser.read_code().await;
    browser.type_into("#code", &code).await;
    browser.click("#code ~ button").await;
    browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_code_is_refused_with_what_to_do_and_three_end_it() {
    let browser = Browser::open(Wanted::default()).await;
    browser.go_to_pay().await;
    browser.type_into("#user_id", "alice").await;
    browser.type_into("#user_id", "\u{e007}").await;
    browser.reads("3 attempts left").await;
    for left in ["2 attempts left", "One attempt left"] {
        browser.type_into("#code", "0000000000").await;
        browser.click("#code ~ button").await;
        browser.reads(left).await;
        browser.reads("Look at the message again").await;
        browser.must_be_accessible("a wrong code").await;
    }
    browser.picture("refused").await;
    browser.type_into("#code", "0000000000").await;
    browser.click("#code ~ button").await;
    browser.reads("Too many wrong codes").await;
    browser.reads("Nothing was paid").await;
    browser.must_be_accessible("too many wrong codes").await;
    browser.picture("ended").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_french_browser_speaks_french_and_can_be_told_otherwise() {
    let browser = Browser::open(Wanted { languages: "fr-FR,fr", ..Wanted::default() }).await;
    browser.visit("/shop").await;
    browser.click("input[value=book] + button").await;
    browser.reads("Comment payez-vous ?").await;
    browser.reads("8,90\u{a0}EUR").await;
    browser.type_into("#user_id", "alice").await;
    browser.type_into("#user_id", "\u{e007}").await;
    browser.reads("3 essais restants").await;
    browser.must_be_accessible("in French").await;
    browser.picture("french").await;
    browser.click("a[hreflang=en]").await;
    browser.reads("3 attempts left").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_done_with_the_keyboard_alone() {
    let browser = Browser::open(Wanted::default()).await;
    browser.go_to_pay().await;
    // To a place, by no other means than Tab; what has the focus is said by its name.
    let tab_to = async |name: &str| {
        for _ in 0..20 {
            let active = browser.client.active_element().await.unwrap();
            let here = browser
                .run("const it = document.activeElement; return it.id || it.innerText", vec![])
                .await;
            if here.as_str().is_some_and(|here| here.contains(name)) {
                return active;
            }
            active.send_keys(&char::from(Key::Tab).to_string()).await.unwrap();
        }
        unreachable!("Tab does not lead to {name}");
    };
    let enter = char::from(Key::Enter).to_string();
    tab_to("user_id").await.send_keys("alice").await.unwrap();
    tab_to("Pay with my user name").await.send_keys(&enter).await.unwrap();
    browser.reads("Type the code").await;
    let code = browser.read_code().await;
    // The code's field has the focus from the beginning.
    tab_to("code").await.send_keys(&code).await.unwrap();
    tab_to("Pay 8.90").await.send_keys(&enter).await.unwrap();
    browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    browser.close().await;
}
