//! What people do twice: two tabs, two clicks, back, reload; and what was cancelled is begun again.

use crate::driver::{Browser, Wanted};

impl Browser {
    /// The same page in a second tab, which is not loaded again; the browser stays at the first.
    async fn in_two_tabs(&self) -> fantoccini::wd::WindowHandle {
        let here = self.client.window().await.unwrap();
        let page = self.client.current_url().await.unwrap();
        let other = self.client.new_window(true).await.unwrap().handle;
        self.client.switch_to_window(other.clone()).await.unwrap();
        self.client.goto(page.as_str()).await.unwrap();
        self.client.switch_to_window(here).await.unwrap();
        other
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_was_cancelled_is_begun_again_at_once_at_its_page_and_at_the_shop() {
    let browser = Browser::open(Wanted::default()).await;
    let page = browser.order().await;
    browser.pay_as_alice().await;
    browser.click("form[action$='/cancel'] button").await;
    let said = browser.reads("The payment was cancelled").await;
    assert!(said.contains("How do you pay?") || said.contains("Your bank is being told"), "{said}");
    browser.must_say_each_thing_once("cancelled").await;

    // Back leads to where it stands now, and not to the form for a code that is none any more.
    browser.client.back().await.unwrap();
    browser.reads("The payment was cancelled").await;

    // The same order once more at the shop, while the bank may still be told.
    browser.order().await;
    browser.pay_as_alice().await;
    let code = browser.code_beside().await;
    browser.send_code(&code).await;
    browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    browser.client.refresh().await.unwrap();
    browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    browser.client.back().await.unwrap();
    browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;

    browser.client.goto(&page).await.unwrap();
    browser.begin_again().await;
    browser.pay_as_alice().await;
    let code = browser.code_beside().await;
    browser.send_code(&code).await;
    browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_twice_is_done_once_and_the_second_shows_the_same() {
    let browser = Browser::open(Wanted::default()).await;
    let first = browser.client.window().await.unwrap();
    let to = async |tab: &fantoccini::wd::WindowHandle| {
        browser.client.switch_to_window(tab.clone()).await.unwrap();
    };
    let nothing_is_wrong = async || {
        browser.must_say_each_thing_once("sent twice").await;
        let problems = "return document.querySelectorAll('#problem').length";
        assert_eq!(browser.run(problems, vec![]).await, 0);
    };
    browser.order().await;
    let second = browser.in_two_tabs().await;
    browser.pay_as_alice().await;
    to(&second).await;
    browser.pay_as_alice().await;
    nothing_is_wrong().await;

    // Both tabs ask for the code of the one payment.
    let code = browser.code_beside().await;
    to(&first).await;
    browser.send_code(&code).await;
    browser.find("section.done").await;
    to(&second).await;
    browser.send_code(&code).await;
    browser.find("section.done").await;
    nothing_is_wrong().await;

    to(&first).await;
    browser.order().await;
    browser.pay_as_alice().await;
    let third = browser.in_two_tabs().await;
    let fourth = browser.in_two_tabs().await;
    browser.click("form[action$='/cancel'] button").await;
    browser.reads("The payment was cancelled").await;
    to(&third).await;
    browser.click("form[action$='/cancel'] button").await;
    browser.reads("The payment was cancelled").await;
    nothing_is_wrong().await;
    // A code that comes too late for it is no second box, either.
    to(&fourth).await;
    browser.send_code("12345678").await;
    browser.reads("The payment was cancelled").await;
    browser.must_say_each_thing_once("a code for what was cancelled").await;
    browser.close().await;
}
