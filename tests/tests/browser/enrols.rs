//! Somebody enrols for a certificate on the authority's page.

use crate::{
    driver::{Browser, Wanted},
    town::{NUMBER, Town},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_enrols_on_a_page_that_all_can_use() {
    let town = Town::new(false).await;
    let browser = Browser::open(Wanted {
        width: 360,
        root: Some(town.path().join("root/authority.pem")),
        ..Wanted::default()
    })
    .await;
    browser.client.goto(&town.url("/enrol")).await.unwrap();
    browser.must_be_accessible("enrolment").await;
    browser.picture("enrolment").await;
    browser.type_into("#identifier", "alice").await;
    browser.type_into("#number", "0639980001\u{e007}").await;
    browser.reads("Type the number as it is dialled from abroad").await;
    browser.must_be_accessible("enrolment, refused").await;
    let number = browser.find("#number").await;
    number.clear().await.unwrap();
    browser.type_into("#number", &format!("{NUMBER}\u{e007}")).await;
    browser.reads("Type the code").await;
    let code = town.code(1).await;
    let wrong = if code == "111111" { "222222" } else { "111111" };
    browser.type_into("#code", wrong).await;
    browser.type_into("#passphrase", "correct-horse-battery\u{e007}").await;
    browser.reads("This is not the code").await;
    browser.must_be_accessible("enrolment, wrong code").await;
    browser.picture("enrolment-wrong-code").await;
    browser.close().await;
}
