//! What is sent twice, or asked for again; and where a page opens.

use super::*;

#[tokio::test]
async fn a_form_that_is_sent_twice_leads_to_where_its_first_one_did() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    let form = format!("identifier=alice&number={}&name=Daily&currency=EUR", encoded(ALICE));
    let path = alice.sent("/open", form).await;
    let code = alice.code(&alice.page(&path).await).await;
    for _ in 0..2 {
        assert_eq!(alice.sent(&format!("{path}/code"), format!("code={code}")).await, "/");
    }
    alice.sent("/sign-out", "").await;
    let path = alice.sent("/sign-in", "identifier=alice").await;
    let code = alice.code(&alice.page(&path).await).await;
    for _ in 0..2 {
        assert_eq!(alice.sent("/sign-in/code", format!("code={code}")).await, "/");
    }
    assert_eq!(alice.sent("/cards", CARD).await, "/cards");
    let wallet = format!("/wallets/{}", between(&alice.page("/").await, "/wallets/", "\""));
    let page = alice.page(&wallet).await;
    let path = alice.sent(&format!("{wallet}/pay-in"), transfer(&page, "50.00")).await;
    let code = alice.code(&alice.page(&path).await).await;
    for _ in 0..2 {
        assert_eq!(alice.sent(&format!("{path}/code"), format!("code={code}")).await, path);
    }
    let ticket = parties.signed("ticket-0001", "25.50");
    let source = wallet.trim_start_matches("/wallets/");
    let begin = async || {
        let page = alice.page(&format!("/pay?ticket={ticket}")).await;
        let pay = format!("ticket={ticket}&nonce={}&source={source}", hidden(&page, "nonce"));
        alice.sent("/pay", pay).await
    };
    let path = begin().await;
    for _ in 0..2 {
        assert_eq!(alice.sent(&format!("{path}/cancel"), "").await, path);
    }
    assert_eq!(begin().await, path);
    let page = alice.page(&path).await;
    let code = alice.code(&page).await;
    for _ in 0..2 {
        assert_eq!(alice.sent(&format!("{path}/code"), typed(&page, &code)).await, path);
    }
    assert_eq!(alice.post(&format!("{path}/cancel"), "").await.status, 409);
}

#[tokio::test]
async fn the_code_of_an_opening_of_paying_in_and_of_signing_in_is_sent_again_after_a_while() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    let again = async |path: &str| {
        let first = alice.code(&alice.page(path).await).await;
        let resend = format!("{path}/resend");
        let early = alice.post(&resend, "").await;
        assert_eq!(early.status, 429, "{early:?}");
        assert!(early.body.contains("Too soon for another message"), "{early:?}");
        parties.process.fixture.clock.advance_seconds(31);
        assert_eq!(alice.sent(&resend, "").await, path);
        assert_eq!(alice.code(&alice.page(path).await).await, first);
        first
    };
    let form = format!("identifier=alice&number={}&name=Daily&currency=EUR", encoded(ALICE));
    let path = alice.sent("/open", form).await;
    let code = again(&path).await;
    // Another browser has no part in it.
    let stranger = Browser::of(&parties);
    stranger.get("/").await;
    assert!(stranger.post(&format!("{path}/resend"), "").await.status.is_client_error());
    assert_eq!(alice.sent(&format!("{path}/code"), format!("code={code}")).await, "/");
    assert_eq!(alice.sent("/cards", CARD).await, "/cards");
    let wallet = format!("/wallets/{}", between(&alice.page("/").await, "/wallets/", "\""));
    let page = alice.page(&wallet).await;
    let path = alice.sent(&format!("{wallet}/pay-in"), transfer(&page, "50.00")).await;
    again(&path).await;
    alice.sent("/sign-out", "").await;
    let path = alice.sent("/sign-in", "identifier=alice").await;
    let code = again(&path).await;
    assert_eq!(alice.get("/sign-in/resend").await.header(header::LOCATION), "/sign-in");
    assert_eq!(alice.sent("/sign-in/code", format!("code={code}")).await, "/");
    // Nothing is awaited there any more.
    assert_eq!(alice.sent("/sign-in/resend", "").await, "/sign-in");
    assert_eq!(alice.get("/sign-in").await.header(header::LOCATION), "/");
}

#[tokio::test]
async fn what_is_wrong_is_said_once_and_the_page_opens_there() {
    let parties = Parties::new().await;
    let alice = Browser::of(&parties);
    let form = "identifier=alice&number=0612345678&name=Daily&currency=EUR";
    let refused = alice.post("/open", form).await.body;
    assert_eq!(refused.matches("as it is dialled from abroad").count(), 1, "{refused}");
    let marked = between(&refused, "<input id=\"number\"", ">");
    assert!(marked.contains("autofocus") && marked.contains("number-hint problem"), "{marked}");
    assert!(!refused.contains("role=\"alert\""), "{refused}");
}
