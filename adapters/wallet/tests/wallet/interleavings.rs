//! Whatever meets, in whatever order, and whatever dies: the books balance, a ticket is debited once, and only with a code,
//! and one that asks again gets the first answer again.

#![expect(clippy::indexing_slicing, reason = "a strategy draws below the lengths")]

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use countersign_domain::{
    bank::BankError,
    ports::Clock as _,
    register::Posting,
    testing::{BankCall, Fixture, MemoryStore},
};
use countersign_wallet::{
    flow::{NewTransfer, PaymentStatus, Started, TransferStatus, TransferView},
    message::{Source, Ticket},
    testing::{Parties, Process, Rich, request},
};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};

use crate::turns::{Act, Turns, meet, run};

const TICKETS: [(&str, &str); 3] =
    [("ticket-0001", "60.00"), ("ticket-0002", "70.00"), ("ticket-0003", "0.01")];
const NONCES: [&str; 2] = ["nonce-0001", "nonce-0002"];
const KEYS: [&str; 2] = ["transfer-1", "transfer-2"];
const AMOUNTS: [&str; 3] = ["30.00", "100.00", "450.00"];

/// What can happen.
#[derive(Clone, Debug)]
enum Deed {
    Pay { who: usize, ticket: usize, by_card: bool, nonce: usize },
    TypeCode { ticket: usize, right: bool },
    Cancel { ticket: usize },
    PayIn { who: usize, key: usize, amount: usize },
    TypePayIn { who: usize },
    TakeOut { who: usize, key: usize, amount: usize },
    BankFailsOrWorks,
    TimeRunsOut,
    Resume,
    PayOut,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let who = 0..2_usize;
    let deed = prop_oneof![
        6 => (who.clone(), 0..3_usize, any::<bool>(), 0..2_usize).prop_map(
            |(who, ticket, by_card, nonce)| Deed::Pay { who, ticket, by_card, nonce }
        ),
        6 => (0..3_usize, select(vec![true, true, true, false]))
            .prop_map(|(ticket, right)| Deed::TypeCode { ticket, right }),
        1 => (0..3_usize).prop_map(|ticket| Deed::Cancel { ticket }),
        2 => (who.clone(), 0..2_usize, 0..3_usize)
            .prop_map(|(who, key, amount)| Deed::PayIn { who, key, amount }),
        3 => who.clone().prop_map(|who| Deed::TypePayIn { who }),
        2 => (who, 0..2_usize, 0..3_usize)
            .prop_map(|(who, key, amount)| Deed::TakeOut { who, key, amount }),
        1 => Just(Deed::BankFailsOrWorks),
        1 => Just(Deed::TimeRunsOut),
        1 => Just(Deed::Resume),
        1 => Just(Deed::PayOut),
    ];
    vec(deed, 2..24)
}

/// What was said so far.
#[derive(Default)]
struct Said {
    started: Vec<(usize, usize, Started)>,
    answers: BTreeMap<(usize, usize, bool, usize), Started>,
    receipts: BTreeMap<usize, BTreeSet<String>>,
    typed: BTreeSet<usize>,
    paying_in: Vec<(usize, TransferView)>,
    bank_fails: bool,
}

struct World {
    store: Arc<MemoryStore>,
    /// At whose store things meet and die.
    parties: Parties,
    /// On the same store, undisturbed.
    calm: Process,
    people: [Rich; 2],
    tickets: Vec<Ticket>,
    said: Mutex<Said>,
}

/// The same ports, for another process.
pub(crate) fn twin(of: &Fixture) -> Fixture {
    let Fixture { store, clock, entropy, bank, messenger, policy, ports, .. } = of;
    Fixture {
        store: store.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        bank: bank.clone(),
        messenger: messenger.clone(),
        policy: policy.clone(),
        ports: ports.clone(),
        ..Fixture::new()
    }
}

impl World {
    async fn new() -> Self {
        let first = Parties::new().await;
        let fixture = twin(&first.process.fixture);
        let store = fixture.store.clone();
        let people = [
            first.process.person_with("alice", "100.00").await,
            first.process.person_with("bob", "100.00").await,
        ];
        let tickets = TICKETS.iter().map(|(number, amount)| first.ticket(number, amount)).collect();
        let process = Process::on(fixture, Arc::new(Turns(store.clone())));
        let parties = Parties { process, till: first.till };
        let said = Mutex::default();
        Self { store, parties, calm: first.process, people, tickets, said }
    }

    async fn happens(&self, deed: &Deed) {
        let process = &self.parties.process;
        match *deed {
            Deed::Pay { who, ticket, by_card, nonce } => {
                self.pay(who, ticket, by_card, nonce).await;
            }
            Deed::TypeCode { ticket, right } => self.type_code(ticket, right).await,
            Deed::Cancel { ticket } => {
                let last = self.last_started(ticket);
                if let Some((who, started)) = last {
                    let visitor = &self.people[who].visitor;
                    let _ = process.wallets.cancel_payment(visitor, &started.payment).await;
                }
            }
            Deed::PayIn { who, key, amount } => {
                let new = self.transfer(who, "in", key, amount);
                let visitor = &self.people[who].visitor;
                if let Ok(view) = process.wallets.start_pay_in(visitor, &new).await {
                    self.said.lock().unwrap().paying_in.push((who, view));
                }
            }
            Deed::TypePayIn { who } => self.type_pay_in(who).await,
            Deed::TakeOut { who, key, amount } => {
                let new = self.transfer(who, "out", key, amount);
                let _ = process.wallets.take_out(&self.people[who].visitor, &new).await;
            }
            Deed::BankFailsOrWorks => {
                let mut said = self.said.lock().unwrap();
                said.bank_fails = !said.bank_fails;
                let unknown = || BankError::Unknown { cause: "silent".to_owned() };
                process.fixture.bank.fail_with(said.bank_fails.then(unknown));
            }
            Deed::TimeRunsOut => {
                process.fixture.clock.advance_seconds(301);
                self.resume().await;
            }
            Deed::Resume => self.resume().await,
            Deed::PayOut => {
                let euro = "EUR".try_into().unwrap();
                let _ = process.wallets.pay_out(&self.parties.till.merchant, euro).await;
            }
        }
    }

    async fn resume(&self) {
        let _ = self.parties.process.gateway.resume(100).await;
        let _ = self.parties.process.wallets.resume(100).await;
    }

    fn transfer(&self, who: usize, way: &str, key: usize, amount: usize) -> NewTransfer {
        self.people[who].transfer(&format!("{way}-{}", KEYS[key]), AMOUNTS[amount])
    }

    fn signed(&self, ticket: usize) -> String {
        self.parties.till.sign(&self.tickets[ticket]).unwrap()
    }

    fn last_started(&self, ticket: usize) -> Option<(usize, Started)> {
        let said = self.said.lock().unwrap();
        let mut of_ticket = said.started.iter().rev().filter(|(_, of, _)| *of == ticket);
        of_ticket.next().map(|(who, _, started)| (*who, started.clone()))
    }

    async fn pay(&self, who: usize, ticket: usize, by_card: bool, nonce: usize) {
        let person = &self.people[who];
        let source = match by_card {
            true => Source::Card(person.card.clone()),
            false => Source::Wallet(person.wallet.clone()),
        };
        let request = request(&self.signed(ticket), source, NONCES[nonce]);
        let wallets = &self.parties.process.wallets;
        let Ok(started) = wallets.start_payment(&person.visitor, &request).await else { return };
        let mut said = self.said.lock().unwrap();
        said.started.push((who, ticket, started.clone()));
        let first = said.answers.entry((who, ticket, by_card, nonce));
        let first = first.or_insert_with(|| started.clone()).clone();
        assert_eq!(first, started, "one request is answered in two ways");
    }

    async fn type_code(&self, ticket: usize, right: bool) {
        let Some((who, started)) = self.last_started(ticket) else { return };
        let Some(asked) = &started.code else { return };
        let Some(code) = self.calm.read_if_any(asked).await else { return };
        let wrong = if code == "000000" { "111111" } else { "000000" };
        let typed = if right { code.as_str() } else { wrong };
        let typed = self.parties.typed(&started, &self.tickets[ticket], typed);
        if right {
            self.said.lock().unwrap().typed.insert(ticket);
        }
        let visitor = &self.people[who].visitor;
        let finished = self.parties.process.wallets.finish_payment(visitor, &typed).await;
        if let Ok(view) = finished
            && let PaymentStatus::Paid { receipt, .. } = view.status
        {
            self.said.lock().unwrap().receipts.entry(ticket).or_default().insert(receipt);
        }
    }

    async fn type_pay_in(&self, who: usize) {
        let last = {
            let said = self.said.lock().unwrap();
            said.paying_in.iter().rev().find(|(of, _)| *of == who).map(|(_, view)| view.clone())
        };
        let Some(TransferView { id, status: TransferStatus::AwaitingCode(asked), .. }) = last
        else {
            return;
        };
        let Some(code) = self.calm.read_if_any(&asked).await else { return };
        let typed = code.try_into().unwrap();
        let visitor = &self.people[who].visitor;
        let _ = self.parties.process.wallets.finish_pay_in(visitor, &id, &typed).await;
    }

    /// The bank works, time passes, and everything that is due is resumed, by another process.
    async fn comes_to_rest(&self) {
        self.calm.fixture.bank.fail_with(None);
        for _ in 0..4 {
            self.calm.fixture.clock.advance_seconds(301);
            self.calm.gateway.resume(1000).await.unwrap();
            self.calm.wallets.resume(1000).await.unwrap();
        }
        for collection in ["wallet_purchase", "wallet_transfer", "payment"] {
            let far = self.calm.fixture.clock.now().plus_seconds(1000);
            let due = self.calm.fixture.ports.store.count_due(collection, far).await.unwrap();
            assert_eq!(due, 0, "{collection}");
        }
    }

    async fn check(&self) -> Paid {
        let postings = self.store.postings();
        let books = Books(&postings);
        books.keep_every_floor(&self.people);
        for person in &self.people {
            let (held, available, room) = (
                books.balance(&format!("wallet_held:{}", person.wallet)),
                books.balance(&format!("wallet:{}", person.wallet)),
                books.balance(&format!("wallet_room:{}", person.wallet)),
            );
            assert_eq!(held, 0, "held for ever");
            assert_eq!(room, -available, "the limit counts something else than the balance");
        }
        let sold = books.credits(&format!("wallet_merchant:{}", self.parties.till.merchant));
        let (mut paid, mut paid_minor) = (Paid::default(), 0);
        for (place, ticket) in self.tickets.iter().enumerate() {
            let status = self.status(place).await;
            let said = self.said.lock().unwrap();
            let given = said.receipts.get(&place).cloned().unwrap_or_default();
            let Some(PaymentStatus::Paid { receipt, balance_minor, .. }) = status else {
                assert!(given.is_empty(), "a receipt for what is not paid");
                continue;
            };
            assert!(said.typed.contains(&place), "debited without the code");
            assert!(given.iter().all(|given| *given == receipt), "two receipts of one ticket");
            let now = self.calm.fixture.clock.now();
            let delivered = self.parties.till.check(&receipt, &self.signed(place), now);
            assert_eq!(delivered.as_ref(), Ok(ticket));
            paid_minor += i128::from(ticket.amount_minor.get());
            match balance_minor {
                None => paid.by_card += 1,
                Some(balance_minor) => {
                    paid.from_wallet += 1;
                    books.must_say(ticket, i128::from(balance_minor), &self.people);
                }
            }
        }
        assert_eq!(sold, paid_minor, "what is sold is not what is paid");
        self.check_bank(&books);
        paid
    }

    /// As the person sees it who tried it last.
    async fn status(&self, ticket: usize) -> Option<PaymentStatus> {
        let (_, started) = self.last_started(ticket)?;
        for person in &self.people {
            let view = self.calm.wallets.payment(&person.visitor, &started.payment).await;
            if let Ok(view) = view {
                return Some(view.status);
            }
        }
        None
    }

    /// What the bank debited and gave back is what the books say.
    fn check_bank(&self, books: &Books<'_>) {
        let calls = self.calm.fixture.bank.calls();
        let mut once = Vec::new();
        for call in calls {
            if !once.contains(&call) {
                once.push(call);
            }
        }
        let net = once.iter().fold(0, |net, call| match call {
            BankCall::Capture(_, amount) | BankCall::ReverseCredit(_, amount) => {
                net + i128::from(amount.amount_minor())
            }
            BankCall::Credit(_, amount) => net - i128::from(amount.amount_minor()),
            BankCall::Authorize(_) | BankCall::Void(_) => net,
        });
        let payers = books.balance("payer:alice") + books.balance("payer:bob");
        assert_eq!(net, -payers, "bank and books");
        assert_eq!(books.balance("relying_party:wallets"), 0, "the house has somebody's money");
    }
}

/// How many tickets were paid: too few say nothing.
#[derive(Clone, Copy, Default)]
struct Paid {
    from_wallet: u32,
    by_card: u32,
}

/// The postings, and what they come to.
struct Books<'a>(&'a [Posting]);

impl Books<'_> {
    fn balance(&self, account: &str) -> i128 {
        self.running(account).last().map_or(0, |(_, balance)| *balance)
    }

    fn credits(&self, account: &str) -> i128 {
        let of = self.0.iter().filter(|posting| posting.credit.as_str() == account);
        of.map(|posting| i128::from(posting.amount.amount_minor())).sum()
    }

    /// Each posting of an account, and the balance after it.
    fn running(&self, account: &str) -> Vec<(&Posting, i128)> {
        let mut balance = 0;
        let of = self.0.iter().filter(|posting| {
            posting.debit.as_str() == account || posting.credit.as_str() == account
        });
        of.map(|posting| {
            let amount = i128::from(posting.amount.amount_minor());
            balance += if posting.credit.as_str() == account { amount } else { -amount };
            (posting, balance)
        })
        .collect()
    }

    fn keep_every_floor(&self, people: &[Rich]) {
        for Rich { wallet, card, .. } in people {
            let day = self.0.iter().map(|posting| posting.debit.as_str());
            let days: BTreeSet<&str> =
                day.filter(|of| of.starts_with(&format!("wallet_day:{wallet}"))).collect();
            let floors = [
                (format!("wallet:{wallet}"), 0),
                (format!("wallet_held:{wallet}"), 0),
                (format!("wallet_room:{wallet}"), -50_000),
                (format!("wallet_returnable:{card}"), 0),
            ];
            let days = days.into_iter().map(|day| (day.to_owned(), -30_000));
            for (account, floor) in floors.into_iter().chain(days) {
                for (posting, balance) in self.running(&account) {
                    assert!(balance >= floor, "{account} has {balance} after {}", posting.id);
                }
            }
        }
    }

    /// The balance that was said with the receipt is the one after the debit.
    fn must_say(&self, ticket: &Ticket, said: i128, people: &[Rich]) {
        let is_debit = |posting: &&Posting| {
            posting.credit.as_str() == format!("wallet_merchant:{}", ticket.iss)
                && posting.amount.amount_minor() == ticket.amount_minor.get()
        };
        let place = self.0.iter().position(|posting| is_debit(&posting)).unwrap();
        let until = Books(&self.0[..=place]);
        let debit = self.0[place].debit.as_str();
        let payer = people.iter().find(|person| debit == format!("wallet_held:{}", person.wallet));
        let wallet = &payer.unwrap().wallet;
        assert_eq!(until.balance(&format!("wallet:{wallet}")), said, "the balance after it");
    }
}

#[test]
fn whatever_meets_and_whatever_dies_the_books_are_right() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (cases, paid) = (300, Cell::new(Paid::default()));
    let mut runner = TestRunner::new(ProptestConfig { cases, ..ProptestConfig::default() });
    let happenings = (deeds(), 1..5_usize, any::<u64>(), select(vec![0_u64, 5, 30]));
    let ran = runner.run(&happenings, |(deeds, at_once, seed, deaths_in_thousand)| {
        let world = runtime.block_on(World::new());
        for (place, meeting) in (0..).zip(deeds.chunks(at_once)) {
            let acts = meeting.iter().map(|deed| -> Act<'_> { Box::pin(world.happens(deed)) });
            run(acts.collect(), seed.wrapping_add(place), deaths_in_thousand);
        }
        runtime.block_on(world.comes_to_rest());
        let Paid { from_wallet, by_card } = runtime.block_on(world.check());
        let before = paid.get();
        paid.set(Paid {
            from_wallet: before.from_wallet + from_wallet,
            by_card: before.by_card + by_card,
        });
        Ok(())
    });
    ran.unwrap();
    let Paid { from_wallet, by_card } = paid.get();
    assert!(from_wallet.min(by_card) > cases / 10, "{from_wallet} and {by_card}: too few");
}

/// What meets: a ticket is held, another is to be, a card's bank has approved, and money is coming in.
const MEETING: [Deed; 8] = [
    Deed::Pay { who: 0, ticket: 2, by_card: false, nonce: 0 },
    Deed::TypeCode { ticket: 0, right: true },
    Deed::TypeCode { ticket: 1, right: true },
    Deed::Cancel { ticket: 0 },
    Deed::TypePayIn { who: 0 },
    Deed::TakeOut { who: 0, key: 0, amount: 0 },
    Deed::TimeRunsOut,
    Deed::PayOut,
];

/// A world in which all of that can happen.
async fn about_to_meet() -> World {
    let world = World::new().await;
    let calm = [
        Deed::Pay { who: 0, ticket: 0, by_card: false, nonce: 0 },
        Deed::Pay { who: 0, ticket: 1, by_card: true, nonce: 0 },
        Deed::PayIn { who: 0, key: 0, amount: 0 },
    ];
    for deed in &calm {
        world.happens(deed).await;
    }
    world
}

#[test]
fn whatever_happens_at_any_operation_of_another_the_books_are_right() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for ours in &MEETING {
        for theirs in &MEETING {
            for at in 1.. {
                let world = runtime.block_on(about_to_meet());
                let has_ended = meet(Box::pin(world.happens(ours)), at, |one| {
                    runtime.block_on(world.happens(theirs));
                    if let Some(one) = one {
                        runtime.block_on(one);
                    }
                });
                runtime.block_on(world.comes_to_rest());
                runtime.block_on(world.check());
                if has_ended {
                    break;
                }
            }
        }
    }
}

#[test]
fn what_dies_at_any_operation_and_is_done_again_leaves_the_books_right() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for ours in &MEETING {
        for at in 1.. {
            let world = runtime.block_on(about_to_meet());
            let has_ended = meet(Box::pin(world.happens(ours)), at, drop);
            runtime.block_on(world.happens(ours));
            runtime.block_on(world.comes_to_rest());
            runtime.block_on(world.check());
            if has_ended {
                break;
            }
        }
    }
}
