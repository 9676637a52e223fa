//! Fakes of every port, and the values that tests begin with. Not for use outside tests.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a fake may fail a test loudly")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    missing_docs,
    clippy::missing_errors_doc,
    reason = "tests only"
)]

mod bank;
mod fixture;
mod messenger;
mod operator;
mod pin;
mod store;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

pub use bank::{BankCall, FakeBank};
pub use fixture::Fixture;
pub use messenger::FakeMessenger;
pub use operator::FakeOperator;
pub use pin::QuickHasher;
pub use store::{MemoryStore, Unhurried};

use crate::{
    address::Msisdn,
    agreement::Agreement,
    amount::Amount,
    binding::Binding,
    card::Card,
    challenge::{Challenge, ChallengeRequest, Opening},
    code::AuthenticationCode,
    id::SessionId,
    invalid::InvalidInput,
    keys::KeyRing,
    limits::{LimitSettings, Limits},
    locale::Locale,
    person::Person,
    phrase::{Phrase, Words},
    pin::PinDemand,
    plan::KnownBy,
    policy::PolicySettings,
    ports::{Clock, Ports},
    randomness::{Entropy, EntropyError},
    secret::Secret,
    time::Timestamp,
    transaction::{Item, ItemName, Payee, Reference, Transaction},
};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FakeClock(AtomicU64);

impl FakeClock {
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.unix_millis()))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix_millis(), Ordering::SeqCst);
    }

    pub fn advance_seconds(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness that is the same for the same seed (SplitMix64).
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let mut state = self.0.lock().unwrap();
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let word = (word ^ (word >> 31)).to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// English, whatever the language: what the domain's own tests read.
#[derive(Debug)]
pub struct PlainWords;

impl Words for PlainWords {
    fn say(&self, _: &Locale, phrase: Phrase<'_>) -> String {
        match phrase {
            Phrase::Pay { amount, payee } => format!("Pay {amount} to {payee}"),
            Phrase::More { count } => format!("+{count} more"),
            Phrase::Access { to } => format!("Access to {to}"),
            Phrase::Certificate { name } => format!("Certificate for {name}"),
            Phrase::Document { title } => format!("Agree to: {title}"),
            Phrase::Code { code, reference, minutes } => {
                format!("Code {code}, ref {reference}, {minutes} min.")
            }
            Phrase::Blocked { minutes } => format!("Blocked for {minutes} min."),
            Phrase::AdviceOnAmount => "Not you, or another amount? Do not type it.".to_owned(),
            Phrase::Advice => "Not you? Do not type it.".to_owned(),
        }
    }
}

/// Limits that no test reaches which is not about them.
pub fn unbounded() -> Limits {
    Limits::try_from(LimitSettings {
        failures_in_a_row: 100,
        payments_waiting: 0,
        pause_seconds: 0,
        messages_per_number_an_hour: 0,
        messages_per_number_a_day: 0,
        messages_per_range_an_hour: 0,
        messages_per_client_an_hour: 0,
        messages_per_client_a_day: 0,
        messages_per_relying_party_an_hour: 0,
        messages_per_relying_party_a_day: 0,
        ..LimitSettings::default()
    })
    .unwrap()
}

/// The time at which fixtures begin.
pub const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// A test card number of a known scheme.
pub fn card() -> Card {
    Card::new("4970100000000154", "12/29".try_into().unwrap()).unwrap()
}

pub fn other_card() -> Card {
    Card::new("5555555555554444", "06/30".try_into().unwrap()).unwrap()
}

pub fn key_ring() -> KeyRing {
    KeyRing::new("k1".try_into().unwrap(), vec![("k1".try_into().unwrap(), Secret::new([9; 32]))])
        .unwrap()
}

/// An empty store, a clock that stands still, known randomness and keys.
pub fn ports() -> Ports {
    Ports {
        store: Arc::new(MemoryStore::default()),
        clock: Arc::new(FakeClock::at(START)),
        entropy: Arc::new(SeededEntropy::new(1)),
        keys: Arc::new(key_ring()),
    }
}

/// Two books for that many euros.
pub fn purchase(euros: &str) -> Transaction {
    purchase_in(euros, "EUR")
}

pub fn purchase_in(amount: &str, currency: &str) -> Transaction {
    let amount = Amount::from_decimal(amount, currency.try_into().unwrap()).unwrap();
    books(amount, vec![Item { name: ItemName::try_from("ISBN 2070360245").unwrap(), quantity: 2 }])
}

pub fn purchase_of(euros: &str, items: Vec<Item>) -> Transaction {
    books(Amount::from_decimal(euros, "EUR".try_into().unwrap()).unwrap(), items)
}

fn books(amount: Amount, items: Vec<Item>) -> Transaction {
    let payee = Payee::try_from("Librairie Dupont").unwrap();
    Transaction::new(amount, payee, Reference::try_from("order-1").unwrap(), items).unwrap()
}

/// Alice at that session of a page.
pub fn alice(session: SessionId, origin: &str) -> Person {
    Person {
        identifier: "alice".try_into().unwrap(),
        address: Msisdn::try_from("+33612345678").unwrap().into(),
        session,
        locale: Locale::default(),
        origin: Some(origin.try_into().unwrap()),
    }
}

/// Alice's purchase of 49.90 euros in a session.
pub fn binding() -> Binding {
    let id = |prefix: &str| format!("{prefix}_{:032x}", 0x0123_4567_89ab_cdef_u64);
    Binding {
        challenge: id("ch").try_into().unwrap(),
        relying_party: "librairie".try_into().unwrap(),
        person: alice(id("ses").try_into().unwrap(), "pay.example.com"),
        issued_at: START,
        agreement: Agreement::Payment {
            transaction: purchase("49.90"),
            account: Some(card().masked()),
            order: None,
        },
    }
}

/// The code of a binding, to measure what it costs: only the domain computes codes.
///
/// # Errors
/// When no code has so many digits.
pub fn code(
    secret: &Secret<[u8; 32]>,
    binding: &Binding,
    digits: u8,
) -> Result<AuthenticationCode, InvalidInput> {
    AuthenticationCode::derive(secret, binding, digits)
}

impl PolicySettings {
    /// The defaults, but that the bank is asked first, however the payer is known (claims 9 and 10; F7.707 before F7.708).
    pub fn bank_first() -> Self {
        Self {
            bank_first_known_by: vec![
                KnownBy::UserId,
                KnownBy::Card,
                KnownBy::Certificate,
                KnownBy::Unsigned,
            ],
            ..Self::default()
        }
    }
}

/// The pending challenge of [`binding`], under the default policy.
pub fn challenge() -> Challenge {
    let Binding { challenge, relying_party, person, issued_at, agreement } = binding();
    let request = ChallengeRequest {
        relying_party,
        person,
        agreement,
        from: None,
        waiting: None,
        correlation: None,
    };
    let opening = Opening {
        id: challenge,
        key: Some("k1".try_into().unwrap()),
        message: format!("msg_{:032x}", 1).try_into().unwrap(),
        pin: PinDemand::No,
        client: None,
    };
    Challenge::begin(request, opening, &PolicySettings::default(), issued_at).next
}
