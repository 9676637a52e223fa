//! Wallets: cards that are tied and paid out to, and people who leave.

use std::fs;

use countersign_domain::{
    bank::BankError,
    policy::PolicySettings,
    retention::{COLLECTIONS, Kept as KeptFor, Retention},
    testing::{BankCall, Fixture, card},
};
use countersign_server::{books, copy_store, facts};
use countersign_wallet::{
    FINAL,
    flow::TransferStatus,
    testing::{ALICE, Parties, Process},
};
use serde_json::json;

use crate::Kept;

const DAY_SECONDS: u32 = 86_400;

async fn parties(kept: &Kept) -> Parties {
    let mut fixture = Fixture::with_policy(PolicySettings::bank_first());
    fixture.ports = kept.ports(&fixture, &["k1"]);
    let store = fixture.ports.store.clone();
    Parties::on(fixture, store).await
}

/// Another process on the same file, with those keys.
fn again(kept: &Kept, of: &Fixture, ids: &[&str]) -> Process {
    let Fixture { clock, entropy, bank, messenger, policy, .. } = of;
    let (clock, entropy) = (clock.clone(), entropy.clone());
    let (bank, messenger, policy) = (bank.clone(), messenger.clone(), policy.clone());
    let ports = kept.ports(of, ids);
    let store = ports.store.clone();
    let fixture = Fixture { clock, entropy, bank, messenger, policy, ports, ..Fixture::new() };
    Process::on(fixture, store)
}

#[tokio::test]
async fn under_another_key_a_tied_card_pays_in_and_what_was_on_its_way_to_a_card_arrives() {
    let kept = Kept::new();
    let Parties { process, .. } = parties(&kept).await;
    let alice = process.person_with("alice", "100.00").await;
    let silent = BankError::Unknown { cause: "no answer".to_owned() };
    process.fixture.bank.fail_with(Some(silent));
    let out = alice.transfer("take-out-1", "40.00");
    let out = process.wallets.take_out(&alice.visitor, &out).await.unwrap();
    assert_eq!(out.status, TransferStatus::Processing);

    let seals = kept.key_changed().await;
    assert_eq!(seals, json!({ "subscriber": 2, "wallet_card": 1, "wallet_transfer": 1 }));

    let process = again(&kept, &process.fixture, &["k2"]);
    process.fixture.bank.fail_with(None);
    process.fixture.clock.advance_seconds(120);
    process.wallets.resume(10).await.unwrap();
    let visitor = &process.open("alice", ALICE).await.0;
    let out = process.wallets.transfer(visitor, &out.id).await.unwrap();
    assert!(matches!(out.status, TransferStatus::Done { .. }), "{out:?}");
    assert_eq!(process.pay_in(visitor, &alice.transfer("pay-in-2", "5.00")).await, 6_500);
    // The way from the card to its holder went with it.
    assert_eq!(process.tie(visitor, &card()).await, alice.card);
    let calls: Vec<BankCall> = process.fixture.bank.calls();
    assert!(!calls.is_empty());
}

#[tokio::test]
async fn of_a_person_who_left_nothing_is_in_the_file_and_its_books_and_facts_are_right() {
    let kept = Kept::new();
    let parties = parties(&kept).await;
    let process = &parties.process;
    let alice = process.person_with("alice", "100.00").await;
    let ticket = parties.ticket("ticket-0001", "30.00");
    let pay = alice.from_wallet(&parties.till.sign(&ticket).unwrap(), "nonce-0001");
    let started = process.wallets.start_payment(&alice.visitor, &pay).await.unwrap();
    let code = process.read(started.code.as_ref().unwrap()).await;
    let typed = parties.typed(&started, &ticket, &code);
    process.wallets.finish_payment(&alice.visitor, &typed).await.unwrap();
    let out = alice.transfer("take-out-1", "70.00");
    process.wallets.take_out(&alice.visitor, &out).await.unwrap();
    process.wallets.untie_card(&alice.visitor, &alice.card).await.unwrap();
    process.wallets.close(&alice.visitor, &alice.wallet).await.unwrap();
    process.directory.remove(&"alice".try_into().unwrap()).await.unwrap();

    // The last digits of a card stand in the facts of its payments.
    let personal = [ALICE, "4970100000000154", "Household", "Blue card", "ISBN 2070360245"];
    let found = |copy: &str| {
        let copy = kept.file(copy);
        copy_store(&kept.config(&["k1"]), &copy).unwrap();
        let file = fs::read(&copy).unwrap();
        let has = |text: &&str| file.windows(text.len()).any(|found| found == text.as_bytes());
        personal.into_iter().filter(has).collect::<Vec<_>>()
    };
    let before = found("before.db");
    for text in [ALICE, "Household", "Blue card", "ISBN 2070360245"] {
        assert!(before.contains(&text), "{text} is not looked for as it is kept: {before:?}");
    }
    let days = |days: u32| u64::from(days * DAY_SECONDS);
    process.fixture.clock.advance_seconds(days(2));
    process.wallets.resume(100).await.unwrap();
    process.fixture.clock.advance_seconds(days(31));
    let collections = COLLECTIONS.into_iter().chain(FINAL);
    let for_days = |collection| KeptFor { collection, seconds: 30 * DAY_SECONDS };
    let ports = process.fixture.ports.clone();
    let mut retention = Retention::new(ports, collections.map(for_days).collect());
    while retention.remove(3).await.unwrap() > 0 {}
    assert_eq!(found("after.db"), Vec::<&str>::new());
    // The books name the payer; of the records only the tie of the card does.
    let mut naming = Vec::new();
    for collection in COLLECTIONS.into_iter().chain(FINAL).chain(["wallet_card_tie"]) {
        let page = process.fixture.ports.store.page(collection, "", 100).await.unwrap();
        let names = page.iter().filter(|record| record.body.contains("\"alice\""));
        naming.extend(names.map(|record| record.key.collection));
    }
    assert_eq!(naming, ["wallet_card_tie"]);
    let config = kept.config(&["k1"]);
    let books = books(&config, None).await.unwrap();
    let facts = facts(&config).await.unwrap();
    assert!(books.right && facts.right, "{}\n{}", books.text, facts.text);
    assert!(books.json.to_string().contains("postings"), "{}", books.json);
}
