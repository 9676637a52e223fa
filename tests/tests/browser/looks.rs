//! Narrow and dark, light and wide: nothing is cut off, and all can be read.

use crate::driver::{Browser, Wanted};

/// Every page of the sandbox and of the payer, on that screen.
async fn every_page(wanted: Wanted, screen: &str) {
    let browser = Browser::open(wanted).await;
    let phone = format!("/phones/{}", browser.sandbox.person().number);
    for (name, path) in [
        ("stage", "/"),
        ("shop", "/shop"),
        ("phones", "/phones"),
        ("phone", phone.as_str()),
        ("bank", "/bank"),
    ] {
        browser.visit(path).await;
        browser.must_be_accessible(&format!("{name}, {screen}")).await;
        browser.picture(&format!("{screen}-{name}")).await;
    }
    browser.go_to_pay().await;
    browser.must_be_accessible(&format!("who pays, {screen}")).await;
    browser.picture(&format!("{screen}-who-pays")).await;
    browser.type_into("#user_id", "alice").await;
    browser.type_into("#user_id", "\u{e007}").await;
    browser.reads("Type the code").await;
    browser.must_be_accessible(&format!("code, {screen}")).await;
    browser.picture(&format!("{screen}-code")).await;
    browser.visit("/").await;
    browser.click("#live-begun a[href^='/purchases/']").await;
    browser.reads("0110 authorization: done").await;
    browser.must_be_accessible(&format!("flow, {screen}")).await;
    browser.picture(&format!("{screen}-flow")).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_dark_screen_shows_everything() {
    let wanted = Wanted { width: 390, dark: true, ..Wanted::default() };
    every_page(wanted, "narrow-dark").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wide_light_screen_shows_everything() {
    every_page(Wanted::default(), "wide-light").await;
}
