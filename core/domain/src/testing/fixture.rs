//! A gateway over fakes, with a payer who has a phone.

use std::sync::Arc;

use super::{
    FakeBank, FakeClock, FakeMessenger, MemoryStore, PlainWords, QuickHasher, START, SeededEntropy,
    alice, card, key_ring, purchase, unbounded,
};
use crate::{
    agreement::Agreement,
    challenge::ChallengeRequest,
    error::Error,
    gateway::{AwaitedPayments, Gateway},
    id::{PaymentId, SessionId},
    outbox::Outbox,
    payment::PaymentRequest,
    plan::{CaptureTime, KnownBy},
    policy::{Policy, PolicySettings},
    ports::{Clock as _, Ports, Store},
    verifier::Verifier,
};

/// What a process runs, over those ports.
fn services(
    ports: &Ports,
    policy: &Policy,
    bank: Arc<FakeBank>,
) -> (Arc<Verifier>, Outbox, Gateway) {
    let payments = Arc::new(AwaitedPayments::of(ports.store.clone()));
    let verifier = Verifier::new(ports.clone(), policy.clone())
        .with_waiting(payments)
        .with_limits(unbounded())
        .with_pins(Arc::new(QuickHasher));
    let verifier = Arc::new(verifier);
    let outbox = Outbox::new(ports.clone(), verifier.clone(), Arc::new(PlainWords));
    let gateway = Gateway::new(ports.clone(), bank, verifier.clone());
    (verifier, outbox, gateway)
}

/// Everything that a payment or an access needs, faked.
pub struct Fixture {
    pub store: Arc<MemoryStore>,
    pub clock: Arc<FakeClock>,
    pub entropy: Arc<SeededEntropy>,
    pub bank: Arc<FakeBank>,
    pub messenger: Arc<FakeMessenger>,
    pub policy: Policy,
    pub ports: Ports,
    pub verifier: Arc<Verifier>,
    pub outbox: Arc<Outbox>,
    pub gateway: Arc<Gateway>,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with_policy(PolicySettings::bank_first())
    }

    pub fn with_policy(settings: PolicySettings) -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(FakeClock::at(START));
        let entropy = Arc::new(SeededEntropy::new(1));
        let bank = Arc::new(FakeBank::default());
        let messenger = Arc::new(FakeMessenger::default());
        let policy = Policy::try_from(settings).unwrap();
        let ports = Ports {
            store: store.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            keys: Arc::new(key_ring()),
        };
        let (verifier, outbox, gateway) = services(&ports, &policy, bank.clone());
        let (outbox, gateway) = (Arc::new(outbox), Arc::new(gateway));
        Self { store, clock, entropy, bank, messenger, policy, ports, verifier, outbox, gateway }
    }

    /// Another process: the same keys, clock and bank, on that store.
    pub fn process_on(&self, store: Arc<dyn Store>) -> (Gateway, Outbox) {
        let ports = Ports { store, ..self.ports.clone() };
        let (_, outbox, gateway) = services(&ports, &self.policy, self.bank.clone());
        (gateway, outbox)
    }

    /// Alice's purchase for that many euros, in a new session.
    pub fn purchase(&self, euros: &str) -> PaymentRequest {
        let session = SessionId::random(self.entropy.as_ref()).unwrap();
        PaymentRequest {
            payment: PaymentId::made_at(self.clock.now(), self.entropy.as_ref()).unwrap(),
            relying_party: "librairie".try_into().unwrap(),
            person: alice(session, "pay.example.com"),
            card: card(),
            transaction: purchase(euros),
            order: None,
            known_by: KnownBy::UserId,
            from: None,
            capture: CaptureTime::AtOnce,
            correlation: None,
        }
    }

    /// Alice asks for access in that session.
    pub fn access(&self, session: SessionId) -> ChallengeRequest {
        ChallengeRequest {
            relying_party: "library".try_into().unwrap(),
            person: alice(session, "library.example.com"),
            agreement: Agreement::Access { to: "City library".try_into().unwrap() },
            from: None,
            waiting: None,
            correlation: None,
        }
    }

    /// Sends what is due; the last text that the network took over.
    pub async fn next_message(&self) -> Option<String> {
        for id in self.outbox.due(100).await.unwrap() {
            self.outbox.send(&id, self.messenger.as_ref()).await.unwrap();
        }
        self.messenger.taken().last().map(|message| message.text.expose().clone())
    }

    /// The code in a text: what follows the last `#`.
    pub fn code_in(&self, text: &str) -> String {
        text.rsplit_once('#').expect("an origin-bound line").1.to_owned()
    }
}

impl Gateway {
    /// Resumes up to `limit` payments, one after the other, and tells of how many there were.
    pub async fn resume(&self, limit: usize) -> Result<usize, Error> {
        let due = self.due(limit).await?;
        for id in &due {
            self.resume_one(id).await;
        }
        Ok(due.len())
    }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}
