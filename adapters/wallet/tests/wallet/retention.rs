//! What is left of people once all that was theirs is over for long enough: the books, and nothing that says who they were.

use std::collections::BTreeSet;

use countersign_domain::{
    locale::Locale,
    retention::{COLLECTIONS, Kept, Retention},
    testing::{BankCall, card},
};
use countersign_wallet::{
    FINAL,
    error::{MessageRefusal, WalletError},
    flow::{StuckTransfers, TransferStatus},
    message::PaymentRequest,
    testing::{ALICE, Parties, Process, Rich},
};

const DAY_SECONDS: u32 = 86_400;
const DAYS: u32 = 30;

/// Removes what was final for thirty days, a few records at once.
async fn sweep(process: &Process) {
    let collections = COLLECTIONS.into_iter().chain(FINAL);
    let seconds = DAYS * DAY_SECONDS;
    let kept = collections.map(|collection| Kept { collection, seconds }).collect();
    let mut retention = Retention::new(process.fixture.ports.clone(), kept);
    while retention.remove(2).await.unwrap() > 0 {}
}

async fn days_later(process: &Process, days: u32) {
    process.fixture.clock.advance_seconds(u64::from(days * DAY_SECONDS));
    process.gateway.resume(100).await.unwrap();
    process.wallets.resume(100).await.unwrap();
    sweep(process).await;
}

fn there(process: &Process) -> BTreeSet<&'static str> {
    process.fixture.store.records().iter().map(|record| record.key.collection).collect()
}

/// Whether that stands in a record.
fn says(process: &Process, text: &str) -> Vec<String> {
    let records = process.fixture.store.records().into_iter();
    records.filter(|one| one.body.contains(text)).map(|one| one.key.to_string()).collect()
}

/// Alice has paid in 100.00, bought for 30.00 from the wallet and for 20.00 by card, and taken out what was left.
struct Over {
    parties: Parties,
    alice: Rich,
    bought: PaymentRequest,
}

impl Over {
    async fn new() -> Self {
        let parties = Parties::new().await;
        let process = &parties.process;
        let alice = process.person_with("alice", "100.00").await;
        let mut requests = Vec::new();
        for (number, amount, is_from_wallet) in
            [("ticket-0001", "30.00", true), ("ticket-0002", "20.00", false)]
        {
            let ticket = parties.ticket(number, amount);
            let signed = parties.till.sign(&ticket).unwrap();
            let pay = match is_from_wallet {
                true => alice.from_wallet(&signed, number),
                false => alice.from_card(&signed, number),
            };
            let started = process.wallets.start_payment(&alice.visitor, &pay).await.unwrap();
            let code = process.read(started.code.as_ref().unwrap()).await;
            let typed = parties.typed(&started, &ticket, &code);
            process.wallets.finish_payment(&alice.visitor, &typed).await.unwrap();
            requests.push(pay);
        }
        let out = alice.transfer("take-out-1", "70.00");
        let out = process.wallets.take_out(&alice.visitor, &out).await.unwrap();
        assert!(matches!(out.status, TransferStatus::Done { .. }), "{out:?}");
        let bought = requests.swap_remove(0);
        Self { parties, alice, bought }
    }
}

#[tokio::test]
async fn of_a_person_who_left_the_books_and_facts_are_left_and_no_record_says_who_it_was() {
    let Over { parties, alice, .. } = Over::new().await;
    let process = &parties.process;
    process.wallets.untie_card(&alice.visitor, &alice.card).await.unwrap();
    process.wallets.close(&alice.visitor, &alice.wallet).await.unwrap();
    // The directory of the house is another matter: there a person is removed by those who entered the person.
    process.directory.remove(&"alice".try_into().unwrap()).await.unwrap();
    let postings = process.fixture.store.postings();
    days_later(process, DAYS).await;
    assert!(there(process).contains("wallet_holder"), "its time is not over");
    days_later(process, 1).await;
    let masked = card().masked().to_string();
    for text in [ALICE, "Household", "Blue card", &masked, "\"alice\""] {
        let mut found = says(process, text);
        // That the card was somebody's.
        found.retain(|key| !key.starts_with("wallet_card_tie"));
        assert_eq!(found, Vec::<String>::new(), "{text}");
    }
    let made: Vec<_> = process.fixture.store.postings().into_iter().take(postings.len()).collect();
    assert_eq!(made, postings);
    let merchant = &parties.till.merchant;
    assert_eq!(process.balance(&format!("wallet_merchant:{merchant}")).await, 0, "it is paid out");
    assert!(there(process).contains("wallet_payout"));
}

#[tokio::test]
async fn a_person_who_left_comes_back_as_anybody_with_the_same_card_under_the_same_name_or_another()
{
    for name in ["alice", "carol"] {
        let Over { parties, alice, .. } = Over::new().await;
        let process = &parties.process;
        process.wallets.untie_card(&alice.visitor, &alice.card).await.unwrap();
        process.wallets.close(&alice.visitor, &alice.wallet).await.unwrap();
        days_later(process, DAYS + 1).await;
        let session = &alice.visitor.person().session;
        let gone = process.wallets.visitor(session, Locale::default()).await;
        assert_eq!(gone.unwrap_err(), WalletError::NotSignedIn);
        let (visitor, _) = process.open(name, ALICE).await;
        assert_eq!(process.wallets.wallets(&visitor).await.unwrap().len(), 1, "{name}");
        let tied = process.tie(&visitor, &card()).await;
        let cards = process.wallets.cards(&visitor).await.unwrap();
        assert_eq!(cards.iter().map(|card| card.id.clone()).collect::<Vec<_>>(), [tied], "{name}");
    }
}

#[tokio::test]
async fn a_person_who_stays_keeps_wallet_card_and_what_may_go_back_to_it_however_old_they_are() {
    let parties = Parties::new().await;
    let process = &parties.process;
    let alice = process.person_with("alice", "100.00").await;
    process.wallets.untie_card(&alice.visitor, &alice.card).await.unwrap();
    days_later(process, 400).await;
    let left = there(process);
    assert!(left.contains("wallet_holder") && left.contains("wallet"), "{left:?}");
    assert_eq!(says(process, "Blue card"), Vec::<String>::new(), "it was untied long ago");
    // Tied again it is the same card: what was paid in from it may go out to it.
    let again = process.open("alice", ALICE).await.0;
    assert_eq!(process.wallets.cards(&again).await.unwrap(), []);
    assert_eq!(process.tie(&again, &card()).await, alice.card);
    assert_eq!(process.wallets.cards(&again).await.unwrap().len(), 1);
    let out = alice.transfer("take-out-1", "100.00");
    let out = process.wallets.take_out(&again, &out).await.unwrap();
    assert!(matches!(out.status, TransferStatus::Done { .. }), "{out:?}");
}

#[tokio::test]
async fn what_is_not_over_stays_however_old_it_is() {
    let parties = Parties::new().await;
    let process = &parties.process;
    let alice = process.person_with("alice", "100.00").await;
    let silent = countersign_domain::bank::BankError::Unknown { cause: "no answer".to_owned() };
    process.fixture.bank.fail_with(Some(silent));
    let out = alice.transfer("take-out-1", "40.00");
    let out = process.wallets.take_out(&alice.visitor, &out).await.unwrap();
    assert_eq!(out.status, TransferStatus::Processing);
    for _ in 0..40 {
        days_later(process, 10).await;
    }
    let stuck = says(process, out.id.as_str());
    assert!(stuck.iter().any(|key| key.starts_with("stuck_payment")), "{stuck:?}");
    assert!(stuck.iter().any(|key| key.starts_with("wallet_transfer")), "{stuck:?}");
    // A person ends it; from then on its time runs.
    let ports = &process.fixture.ports;
    let desk = StuckTransfers::new(ports.store.clone(), ports.clock.clone());
    desk.retry(&out.id).await.unwrap();
    process.fixture.bank.fail_with(None);
    process.wallets.resume(10).await.unwrap();
    days_later(process, DAYS - 1).await;
    assert_eq!(says(process, out.id.as_str()).len(), 1);
    days_later(process, 2).await;
    assert_eq!(says(process, out.id.as_str()), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_asked_before_it_was_removed_moves_no_money_when_it_is_asked_again() {
    let Over { parties, alice, bought } = Over::new().await;
    let process = &parties.process;
    days_later(process, DAYS + 1).await;
    let left = there(process);
    for gone in ["wallet_purchase", "wallet_transfer", "payment", "challenge", "message"] {
        assert!(!left.contains(gone), "{gone}: {left:?}");
    }
    let visitor = process.open("alice", ALICE).await.0;
    let (postings, calls) = (process.fixture.store.postings(), process.fixture.bank.calls().len());
    let paid = process.wallets.start_payment(&visitor, &bought).await;
    assert_eq!(paid.unwrap_err(), WalletError::Message(MessageRefusal::Expired));
    let (wallets, new) = (&process.wallets, |key, amount| alice.transfer(key, amount));
    let reused = WalletError::KeyReused;
    let again = wallets.start_pay_in(&visitor, &new("first-pay-in", "100.00")).await;
    assert_eq!(again.unwrap_err(), reused);
    let again = wallets.take_out(&visitor, &new("take-out-1", "70.00")).await;
    assert_eq!(again.unwrap_err(), reused);
    // Nor the other way.
    let other = wallets.start_pay_in(&visitor, &new("take-out-1", "70.00")).await;
    assert_eq!(other.unwrap_err(), reused);
    assert_eq!(process.fixture.store.postings(), postings);
    let calls_now: Vec<BankCall> = process.fixture.bank.calls();
    assert_eq!(calls_now.len(), calls);
    // Another name is another movement.
    process.pay_in(&visitor, &new("second-pay-in", "10.00")).await;
}
