//! By which names phone and bank know what belongs together.

use countersign_wallet::{
    References,
    flow::{TransferStatus, TransferView},
    testing::{Parties, Rich},
};

async fn of(parties: &Parties, id: &str) -> (usize, usize) {
    let References { challenges, bank } =
        References::of(parties.process.fixture.ports.store.as_ref(), id).await.unwrap();
    (challenges.len(), bank.len())
}

async fn paid_in(parties: &Parties, alice: &Rich) -> TransferView {
    let new = alice.transfer("second-pay-in", "10.00");
    let begun = parties.process.wallets.start_pay_in(&alice.visitor, &new).await.unwrap();
    assert!(matches!(begun.status, TransferStatus::AwaitingCode(_)), "{begun:?}");
    begun
}

#[tokio::test]
async fn a_payment_has_the_codes_and_the_bank_s_references_of_all_its_tries() {
    let parties = Parties::new().await;
    let alice = parties.process.person_with("alice", "100.00").await;
    let wallets = &parties.process.wallets;
    let ticket = parties.signed("ticket-0001", "49.90");

    let first = alice.from_wallet(&ticket, "nonce-0001");
    let started = wallets.start_payment(&alice.visitor, &first).await.unwrap();
    let id = started.payment.as_str();
    assert_eq!(of(&parties, id).await, (1, 0), "the wallet's bank is not asked");

    wallets.cancel_payment(&alice.visitor, &started.payment).await.unwrap();
    let second = alice.from_card(&ticket, "nonce-0002");
    wallets.start_payment(&alice.visitor, &second).await.unwrap();
    assert_eq!(of(&parties, id).await, (2, 1));
}

#[tokio::test]
async fn a_movement_has_those_of_its_bank_and_what_nobody_began_has_none() {
    let parties = Parties::new().await;
    let alice = parties.process.person_with("alice", "100.00").await;
    let begun = paid_in(&parties, &alice).await;
    assert_eq!(of(&parties, begun.id.as_str()).await, (1, 1));

    let out = alice.transfer("first-out", "10.00");
    let out = parties.process.wallets.take_out(&alice.visitor, &out).await.unwrap();
    assert_eq!(of(&parties, out.id.as_str()).await, (0, 1), "no code is asked for");

    for id in ["pur_00112233445566778899aabbccddeeff", "nothing"] {
        assert_eq!(of(&parties, id).await, (0, 0), "{id}");
    }
}
