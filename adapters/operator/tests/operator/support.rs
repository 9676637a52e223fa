//! A desk with an outbox and a phone.

use std::sync::Arc;

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use countersign_domain::{
    address::Msisdn,
    amount::Amount,
    digest::Sha256Digest,
    id::{ChallengeId, MessageId},
    locale::Locale,
    operator::CodeOrder,
    outbox::Outbox,
    secret::Secret,
    testing::{Fixture, PlainWords},
    verifier::Verifier,
};
use countersign_operator::{
    Desk, awaited,
    statement::{StatementKey, StatementVerifier},
};

pub(crate) const PHONE: &str = "+33612345678";

/// A new key, and what verifies it.
pub(crate) fn keys() -> (StatementKey, StatementVerifier) {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let key = StatementKey::from_pkcs8(pkcs8.as_ref()).unwrap();
    (key, StatementVerifier::from_spki(spki.as_ref()).unwrap())
}

/// What an operator runs.
pub(crate) struct Operating {
    pub(crate) fixture: Fixture,
    outbox: Outbox,
    verifier: Arc<Verifier>,
    pub(crate) statements: StatementVerifier,
}

impl Operating {
    pub(crate) fn new() -> Self {
        let fixture = Fixture::new();
        let (key, statements) = keys();
        let ports = fixture.ports.clone();
        let verifier = Verifier::new(ports.clone(), fixture.policy.clone())
            .with_limits(countersign_domain::testing::unbounded());
        let verifier = Arc::new(verifier.with_waiting(awaited(&ports, key)));
        let outbox = Outbox::new(ports, verifier.clone(), Arc::new(PlainWords));
        Self { fixture, outbox, verifier, statements }
    }

    /// The desk of the client of that name.
    pub(crate) fn desk(&self, party: &str) -> Arc<Desk> {
        let (ports, verifier) = (self.fixture.ports.clone(), self.verifier.clone());
        Arc::new(Desk { ports, verifier, party: party.try_into().unwrap() })
    }

    /// What came to the phone so far, oldest first.
    pub(crate) async fn texts(&self) -> Vec<String> {
        for id in self.outbox.due(10).await.unwrap() {
            self.outbox.send(&id, self.fixture.messenger.as_ref()).await.unwrap();
        }
        let taken = self.fixture.messenger.taken();
        taken.iter().map(|message| message.text.expose().clone()).collect()
    }

    /// The code in the last text.
    pub(crate) async fn code(&self) -> Secret<String> {
        let text = self.texts().await.pop().unwrap();
        Secret::new(self.fixture.code_in(&text))
    }
}

/// Another code than that.
pub(crate) fn wrong(code: &Secret<String>) -> Secret<String> {
    let wrong = if code.expose() == "000000" { "111111" } else { "000000" };
    Secret::new(wrong.to_owned())
}

pub(crate) fn order(number: u8) -> CodeOrder {
    CodeOrder {
        challenge: ChallengeId::try_from(format!("ch_{number:032x}")).unwrap(),
        to: Msisdn::try_from(PHONE).unwrap().into(),
        locale: Locale::default(),
        origin: Some("wallet.example.com".try_into().unwrap()),
        amount: Amount::from_decimal("49.90", "EUR".try_into().unwrap()).unwrap(),
        payee: "Librairie Dupont".try_into().unwrap(),
        digest: Sha256Digest::new([number; 32]),
        name: Sha256Digest::new([7; 32]),
    }
}

pub(crate) fn message(number: u8) -> MessageId {
    MessageId::try_from(format!("msg_{number:032x}")).unwrap()
}
