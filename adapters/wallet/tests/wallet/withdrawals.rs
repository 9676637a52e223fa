//! What goes from a wallet to a card, where the bank is silent, refuses, or a process dies: nothing is lost and nothing is
//! paid twice, and what nobody can know a person settles.

use std::{collections::BTreeSet, sync::Arc};

use countersign_domain::{
    bank::BankError,
    error::Error,
    event::Event,
    gateway::StuckPayments,
    keys::KeyRing,
    payment::Stuck,
    ports::{Ports, Reads as _},
    record::RecordKey,
    secret::Secret,
    settlement::{BankOperation, Because, Settlement},
    testing::BankCall,
};
use countersign_wallet::{
    Wallets,
    flow::{NewTransfer, StuckTransfers, TransferStatus},
    record::{NotPaid, TransferId},
    testing::{Parties, Process, Rich},
};

use crate::{
    interleavings::twin,
    turns::{Act, Turns, meet},
};

const DAY_SECONDS: u32 = 86_400;

fn silent() -> BankError {
    BankError::Unknown { cause: "no answer".to_owned() }
}

fn refused() -> BankError {
    BankError::Refused { response: "57".to_owned().try_into().unwrap() }
}

fn because() -> Because {
    "told by the bank's desk".to_owned().try_into().unwrap()
}

/// Alice with 100.00 EUR in her wallet, and 40.00 of them that are to go out.
struct Out {
    process: Process,
    alice: Rich,
    new: NewTransfer,
}

impl Out {
    async fn new() -> Self {
        let process = Parties::new().await.process;
        let alice = process.person_with("alice", "100.00").await;
        let new = alice.transfer("take-out-1", "40.00");
        Self { process, alice, new }
    }

    fn bank_says(&self, error: Option<BankError>) {
        self.process.fixture.bank.fail_with(error);
    }

    /// Another process on the same store, which gives others a turn before each of its operations.
    fn beside(&self) -> Process {
        let fixture = twin(&self.process.fixture);
        let store = Arc::new(Turns(fixture.store.clone()));
        Process::on(fixture, store)
    }

    async fn ask(&self, process: &Process) -> Option<TransferId> {
        let view = process.wallets.take_out(&self.alice.visitor, &self.new).await;
        view.ok().map(|view| view.id)
    }

    /// Where it stands; begun again, if it is not begun.
    async fn status(&self) -> TransferStatus {
        let wallets = &self.process.wallets;
        wallets.take_out(&self.alice.visitor, &self.new).await.unwrap().status
    }

    /// What is available, and what is held, in cents.
    async fn money(&self) -> (u64, u64) {
        let Self { process, alice, .. } = self;
        let view = process.wallets.wallet(&alice.visitor, &alice.wallet).await.unwrap();
        (view.available_minor, view.held_minor)
    }

    async fn pass(&self, seconds: u32, step: u32) {
        for _ in 0..seconds / step {
            self.process.fixture.clock.advance_seconds(step.into());
            self.process.wallets.resume(10).await.unwrap();
        }
    }

    /// How often the bank was told.
    fn told(&self) -> usize {
        let calls = self.process.fixture.bank.calls();
        calls.iter().filter(|call| matches!(call, BankCall::Credit(..))).count()
    }

    async fn listed(&self) -> Vec<Stuck> {
        let Ports { store, clock, .. } = &self.process.fixture.ports;
        StuckPayments::new(store.clone(), clock.clone()).list(10).await.unwrap()
    }

    fn desk(&self) -> StuckTransfers {
        let Ports { store, clock, .. } = &self.process.fixture.ports;
        StuckTransfers::new(store.clone(), clock.clone())
    }

    async fn facts(&self, id: &TransferId) -> Vec<Event> {
        let about = RecordKey { collection: "wallet_transfer", id: id.to_string() };
        let facts = self.process.fixture.store.facts(&about).await.unwrap();
        facts.into_iter().map(|fact| fact.event).collect()
    }

    /// The bank did it, as a person found out: the books say what the bank did.
    async fn settle_as_credited(&self, id: &TransferId) {
        let settled = self.desk().settle(id, Settlement::Credited, &because()).await;
        assert_eq!(settled, Ok("done"));
        assert_eq!(self.money().await, (6_000, 0));
        assert_eq!(self.process.balance("payer:alice").await, -6_000);
        assert_eq!(self.listed().await, []);
    }
}

#[tokio::test]
async fn a_refusal_after_an_answer_was_lost_is_never_told_as_a_refusal() {
    let out = Out::new().await;
    out.bank_says(Some(silent()));
    let id = out.ask(&out.process).await.unwrap();
    out.bank_says(Some(refused()));
    out.pass(60, 15).await;
    assert_eq!(out.status().await, TransferStatus::Processing, "the first may have been done");
    assert_eq!(out.listed().await, []);
    out.pass(15 + 30 + 60 + 120, 15).await;
    let list = out.listed().await;
    let [stuck] = &list[..] else { panic!("{list:?}") };
    assert_eq!((stuck.id.as_str(), stuck.operation), (id.as_str(), BankOperation::Credit));
    assert_eq!((stuck.relying_party.as_str(), stuck.tries), ("wallets", 4));
    let told = out.told();
    out.pass(30 * DAY_SECONDS, DAY_SECONDS).await;
    assert_eq!(out.told(), told, "it is told no more");
    assert_eq!(
        (out.status().await, out.money().await),
        (TransferStatus::Processing, (6_000, 4_000))
    );
    assert!(matches!(out.facts(&id).await.last(), Some(Event::PaymentStuck { .. })));

    let wrong = out.desk().settle(&id, Settlement::Captured, &because()).await;
    assert!(matches!(wrong, Err(Error::NotNow { state: "pending", .. })), "{wrong:?}");
    out.settle_as_credited(&id).await;
    let facts = out.facts(&id).await;
    assert!(matches!(
        &facts[facts.len() - 2..],
        [Event::PaymentSettled { .. }, Event::PaymentCredited { .. }]
    ));
    let twice = out.desk().settle(&id, Settlement::NotCredited, &because()).await;
    assert!(matches!(twice, Err(Error::NotNow { state: "done", .. })), "{twice:?}");
}

#[tokio::test]
async fn what_a_person_confirms_not_to_be_credited_is_in_the_wallet_again() {
    let out = Out::new().await;
    out.bank_says(Some(silent()));
    let id = out.ask(&out.process).await.unwrap();
    out.pass(7 * DAY_SECONDS, 3_600).await;
    let told = out.told();
    assert!((100..200).contains(&told), "every hour, and not every minute: {told}");
    assert_eq!(out.listed().await.len(), 1);
    let settled = out.desk().settle(&id, Settlement::NotCredited, &because()).await;
    assert_eq!((settled, out.money().await), (Ok("not_made"), (10_000, 0)));
    let TransferStatus::NotMade { cause: NotPaid::Voided { .. }, .. } = out.status().await else {
        panic!("the bank did not refuse it")
    };
    out.bank_says(None);
    let again = out.alice.transfer("take-out-2", "100.00");
    let again = out.process.wallets.take_out(&out.alice.visitor, &again).await;
    assert!(matches!(again.unwrap().status, TransferStatus::Done { .. }));
}

#[tokio::test]
async fn a_person_may_have_the_bank_told_again_under_the_same_reference() {
    let out = Out::new().await;
    out.bank_says(Some(silent()));
    let id = out.ask(&out.process).await.unwrap();
    let early = out.desk().retry(&id).await;
    assert!(matches!(early, Err(Error::NotNow { .. })), "{early:?}");
    out.bank_says(Some(refused()));
    out.pass(600, 15).await;
    assert_eq!(out.desk().retry(&id).await, Ok("pending"));
    assert_eq!(out.listed().await, []);
    out.process.wallets.resume(10).await.unwrap();
    assert_eq!(out.status().await, TransferStatus::Processing, "the first is as open as it was");
    out.bank_says(None);
    out.pass(15, 15).await;
    assert!(matches!(out.status().await, TransferStatus::Done { balance_minor: 6_000, .. }));
    let calls = out.process.fixture.bank.calls();
    let credits: BTreeSet<String> = calls
        .iter()
        .filter(|call| matches!(call, BankCall::Credit(..)))
        .map(|call| format!("{call:?}"))
        .collect();
    assert_eq!(credits.len(), 1, "{credits:?}");
}

#[tokio::test]
async fn a_refusal_of_what_was_never_sent_before_is_told_and_the_money_is_back() {
    let out = Out::new().await;
    out.bank_says(Some(BankError::Unreachable { cause: "down".to_owned() }));
    out.ask(&out.process).await.unwrap();
    assert_eq!(out.status().await, TransferStatus::Processing);
    out.bank_says(Some(refused()));
    out.pass(15, 15).await;
    let TransferStatus::NotMade { cause: NotPaid::Bank { .. }, .. } = out.status().await else {
        panic!("the bank was told once")
    };
    assert_eq!(out.money().await, (10_000, 0));
}

#[tokio::test]
async fn a_card_that_does_not_open_is_for_a_person_and_the_bank_is_told_once_its_key_is_back() {
    let out = Out::new().await;
    out.bank_says(Some(silent()));
    let id = out.ask(&out.process).await.unwrap();
    let told = out.told();
    let masters = vec![("2".try_into().unwrap(), Secret::new([0x22; 32]))];
    let keys = Arc::new(KeyRing::new("2".try_into().unwrap(), masters).unwrap());
    let whole = &out.process.wallets;
    let keyless = Wallets {
        ports: Ports { keys, ..whole.ports.clone() },
        directory: whole.directory.clone(),
        verifier: whole.verifier.clone(),
        gateway: whole.gateway.clone(),
        bank: whole.bank.clone(),
        house: whole.house.clone(),
    };
    for _ in 0..4 {
        out.process.fixture.clock.advance_seconds(3_600);
        keyless.resume(10).await.unwrap();
    }
    assert_eq!(out.told(), told, "without a card");
    assert!(matches!(&out.listed().await[..], [stuck] if stuck.card_does_not_open));
    out.bank_says(None);
    out.desk().retry(&id).await.unwrap();
    out.process.wallets.resume(10).await.unwrap();
    assert!(matches!(out.status().await, TransferStatus::Done { .. }));
}

/// A bank that did what it was told first, was not heard, and refuses every repeat.
fn is_silent_then_refuses(out: &Out) {
    let (told, bank) = (out.told(), &out.process.fixture.bank);
    bank.fail_with(Some(if told == 0 { silent() } else { refused() }));
}

/// Whatever met or died: what the bank did is never in the wallet again, and is settled by a person.
async fn comes_to_its_end(out: &Out) {
    is_silent_then_refuses(out);
    let id = out.ask(&out.process).await.unwrap();
    for _ in 0..60 {
        is_silent_then_refuses(out);
        out.pass(60, 60).await;
    }
    assert!(out.told() > 0);
    assert_eq!(
        (out.status().await, out.money().await),
        (TransferStatus::Processing, (6_000, 4_000))
    );
    assert_eq!(out.listed().await.len(), 1);
    let facts = out.facts(&id).await;
    let stuck = facts.iter().filter(|fact| matches!(fact, Event::PaymentStuck { .. }));
    assert_eq!(stuck.count(), 1);
    out.settle_as_credited(&id).await;
}

#[test]
fn a_death_at_any_operation_of_a_take_out_loses_nothing_and_gives_nothing_twice() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut deaths = 0;
    for dies_resuming in [false, true] {
        for at in 1.. {
            let out = runtime.block_on(Out::new());
            out.bank_says(Some(silent()));
            let beside = out.beside();
            if dies_resuming {
                runtime.block_on(out.ask(&out.process));
                out.bank_says(Some(refused()));
                out.process.fixture.clock.advance_seconds(60);
            }
            let act: Act<'_> = Box::pin(async {
                if dies_resuming {
                    let _ = beside.wallets.resume(10).await;
                } else {
                    let _ = out.ask(&beside).await;
                }
            });
            let has_ended = meet(act, at, drop);
            runtime.block_on(comes_to_its_end(&out));
            if has_ended {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths > 10, "{deaths}");
}

#[test]
fn whoever_asks_for_the_same_again_at_any_operation_does_not_hear_a_refusal_of_the_repeat() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for at in 1.. {
        let out = runtime.block_on(Out::new());
        out.bank_says(Some(silent()));
        let beside = out.beside();
        let act: Act<'_> = Box::pin(async {
            let _ = out.ask(&beside).await;
        });
        let has_ended = meet(act, at, |one| {
            is_silent_then_refuses(&out);
            runtime.block_on(out.ask(&out.process));
            is_silent_then_refuses(&out);
            if let Some(one) = one {
                runtime.block_on(one);
            }
        });
        assert_eq!(out.told(), 1, "at {at}");
        runtime.block_on(comes_to_its_end(&out));
        if has_ended {
            break;
        }
    }
}

#[test]
fn a_death_while_a_person_settles_settles_all_or_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut ends = BTreeSet::new();
    for at in 1.. {
        let out = runtime.block_on(Out::new());
        out.bank_says(Some(silent()));
        let id = runtime.block_on(out.ask(&out.process)).unwrap();
        runtime.block_on(out.pass(8 * DAY_SECONDS, 3_600));
        let Ports { store, clock, .. } = out.beside().fixture.ports;
        let desk = StuckTransfers::new(store, clock);
        let act: Act<'_> = Box::pin(async {
            desk.settle(&id, Settlement::Credited, &because()).await.unwrap();
        });
        let has_ended = meet(act, at, drop);
        let listed = runtime.block_on(out.listed()).len();
        let money = runtime.block_on(out.money());
        assert!(matches!((money, listed), ((6_000, 0), 0) | ((6_000, 4_000), 1)), "{money:?}");
        ends.insert(money);
        if has_ended {
            break;
        }
    }
    assert_eq!(ends, BTreeSet::from([(6_000, 0), (6_000, 4_000)]));
}
