//! A gateway over fakes, with a payer who has a phone.

use std::sync::Arc;

use super::{
    FakeBank, FakeClock, FakeMessenger, MemoryStore, START, SeededEntropy, card, key_ring, purchase,
};
use crate::{
    agreement::Purpose,
    gateway::Gateway,
    id::{PaymentId, SessionId},
    locale::Locale,
    outbox::Outbox,
    policy::{Policy, PolicySettings},
    ports::Store,
    purchase::{Payer, Purchase},
    verifier::{ChallengeRequest, Verifier},
};

/// Everything that a payment or an access needs, faked.
pub struct Fixture {
    pub store: Arc<MemoryStore>,
    pub clock: Arc<FakeClock>,
    pub entropy: Arc<SeededEntropy>,
    pub bank: Arc<FakeBank>,
    pub messenger: Arc<FakeMessenger>,
    pub policy: Policy,
    pub verifier: Verifier,
    pub outbox: Arc<Outbox>,
    pub gateway: Arc<Gateway>,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with_policy(PolicySettings::default())
    }

    pub fn with_policy(settings: PolicySettings) -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(FakeClock::at(START));
        let entropy = Arc::new(SeededEntropy::new(1));
        let bank = Arc::new(FakeBank::default());
        let messenger = Arc::new(FakeMessenger::default());
        let policy = Policy::try_from(settings).unwrap();
        let keys = Arc::new(key_ring());
        let verifier = Verifier::new(
            store.clone(),
            clock.clone(),
            entropy.clone(),
            keys.clone(),
            policy.clone(),
        );
        let outbox = Arc::new(Outbox::new(store.clone(), clock.clone(), keys.clone()));
        let gateway = Gateway::new(
            store.clone(),
            clock.clone(),
            entropy.clone(),
            bank.clone(),
            keys,
            policy.clone(),
        );
        let gateway = Arc::new(gateway);
        Self { store, clock, entropy, bank, messenger, policy, verifier, outbox, gateway }
    }

    /// Another process: the same keys, clock and bank, on that store.
    pub fn process_on(&self, store: Arc<dyn Store>) -> (Gateway, Outbox) {
        let keys = Arc::new(key_ring());
        let outbox = Outbox::new(store.clone(), self.clock.clone(), keys.clone());
        let (clock, entropy, bank) = (self.clock.clone(), self.entropy.clone(), self.bank.clone());
        (Gateway::new(store, clock, entropy, bank, keys, self.policy.clone()), outbox)
    }

    /// Alice's purchase for that many euros, in a new session.
    pub fn purchase(&self, euros: &str) -> Purchase {
        Purchase {
            payment: PaymentId::random(self.entropy.as_ref()).unwrap(),
            relying_party: "librairie".try_into().unwrap(),
            session: SessionId::random(self.entropy.as_ref()).unwrap(),
            payer: Payer {
                identifier: "alice".try_into().unwrap(),
                number: "+33612345678".try_into().unwrap(),
                card: card(),
            },
            transaction: purchase(euros),
            locale: Locale::En,
            origin: "pay.example.com".to_owned(),
            correlation: None,
        }
    }

    /// Alice asks for access in that session.
    pub fn access(&self, session: SessionId) -> ChallengeRequest {
        ChallengeRequest {
            relying_party: "library".try_into().unwrap(),
            identifier: "alice".try_into().unwrap(),
            session,
            number: "+33612345678".try_into().unwrap(),
            account: None,
            transaction: None,
            payment: None,
            purpose: Purpose::Access,
            locale: Locale::En,
            origin: "library.example.com".to_owned(),
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

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}
