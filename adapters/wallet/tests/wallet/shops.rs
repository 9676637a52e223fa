//! The example shop is paid.

#[expect(dead_code, reason = "its main is not run")]
#[path = "../../examples/shop.rs"]
mod shop;

use countersign_domain::testing::START;
use countersign_wallet::{flow::PaymentStatus, merchant::Delivered, testing::Parties};
use countersign_web::testing::call;
use serde_json::json;

#[tokio::test]
async fn the_example_shop_delivers_what_is_paid_and_once() {
    let parties = Parties::new().await;
    let process = &parties.process;
    let alice = process.person_with("alice", "100.00").await;
    let folder = tempfile::tempdir().unwrap();
    let shop = shop::routes(shop::Shop {
        till: parties.till.clone(),
        delivered: Delivered::in_folder(folder.path()).unwrap(),
        now: || START,
    });
    let ticket = call(&shop, "", "POST", "/ticket", &[], "").await.body;
    let pay = alice.from_wallet(&ticket, "nonce-0001");
    let started = process.wallets.start_payment(&alice.visitor, &pay).await.unwrap();
    let shown = process.wallets.show_ticket(&ticket).await.unwrap();
    let code = process.read(started.code.as_ref().unwrap()).await;
    let typed = parties.typed(&started, &shown.ticket, &code);
    let paid = process.wallets.finish_payment(&alice.visitor, &typed).await.unwrap();
    let PaymentStatus::Paid { receipt, .. } = paid.status else { panic!("{paid:?}") };

    let deliver = async |receipt: &str| {
        let body = json!({ "ticket": ticket, "receipt": receipt }).to_string();
        let headers = [("Content-Type", "application/json")];
        let answer = call(&shop, "", "POST", "/deliver", &headers, body).await;
        (answer.status.as_u16(), answer.body)
    };
    let (signed, _) = receipt.rsplit_once('.').unwrap();
    let refused = deliver(&format!("{signed}.")).await;
    assert_eq!(refused, (409, "the signature is not right".to_owned()));
    assert_eq!(deliver(&receipt).await, (200, "Here is two books.".to_owned()));
    assert_eq!(deliver(&receipt).await, (409, "the ticket was delivered before".to_owned()));
}

#[test]
fn the_example_shop_has_fewer_than_a_hundred_lines() {
    assert!(include_str!("../../examples/shop.rs").lines().count() < 100);
}
