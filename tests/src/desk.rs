//! A desk: the domain's verifier and outbox on a given store, and a phone that shows what is sent to it.
//!
//! No network, no bank: what is tried is the code, under many hands at once.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use countersign_domain::{
    amount::Amount,
    challenge::{Challenge, Refusal},
    code::TypedCode,
    error::Error,
    id::{ChallengeId, SessionId},
    outbox::Outbox,
    policy::Policy,
    ports::{Accepted, Clock, Entropy, Messenger, OutboundMessage, SendError, Store},
    summary::{Locale, Purpose},
    testing::{FakeClock, START, card, key_ring},
    transaction::{Payee, Reference, Transaction},
    verifier::{Answer, ChallengeRequest, Verifier},
};

/// The payee unless a test says otherwise.
pub const PAYEE: &str = "Librairie Dupont";

/// One process at work on a store. The clock stands still: no code dies of age.
pub struct Desk {
    /// Makes and checks codes.
    pub verifier: Verifier,
    /// Has the messages.
    pub outbox: Outbox,
    entropy: Arc<dyn Entropy>,
}

impl Desk {
    /// A process on that store. Every desk has the same keys, so each can finish what another began.
    pub fn open(store: Arc<dyn Store>, entropy: Arc<dyn Entropy>, policy: Policy) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::at(START));
        let keys = Arc::new(key_ring());
        let outbox = Outbox::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&keys));
        let verifier = Verifier::new(store, clock, Arc::clone(&entropy), keys, policy);
        Self { verifier, outbox, entropy }
    }

    /// A new session.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn session(&self) -> Result<SessionId, Error> {
        Ok(SessionId::random(self.entropy.as_ref())?)
    }

    /// Asks Alice in that session to agree to pay some euros to somebody.
    ///
    /// # Errors
    /// When amount or payee are not valid, or the store fails.
    pub async fn ask(
        &self,
        session: &SessionId,
        euros: &str,
        payee: &str,
    ) -> Result<Challenge, Error> {
        let amount = Amount::from_decimal(euros, "EUR".try_into()?)?;
        let reference = Reference::try_from("order-1")?;
        let transaction = Transaction::new(amount, Payee::try_from(payee)?, reference, Vec::new())?;
        let request = ChallengeRequest {
            relying_party: "librairie".try_into()?,
            identifier: "alice".try_into()?,
            session: session.clone(),
            number: "+33639980001".try_into()?,
            account: Some(card().masked()),
            transaction: Some(transaction),
            payment: None,
            correlation: None,
            purpose: Purpose::Access,
            locale: Locale::En,
            origin: "pay.example.com".to_owned(),
        };
        self.verifier.start_challenge(request).await
    }

    /// Sends the message of a challenge; the code that the phone shows, nothing when it shows none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(&self, challenge: &Challenge) -> Result<Option<TypedCode>, Error> {
        let digits = self.read_digits(challenge).await?;
        Ok(digits.map(TypedCode::try_from).transpose()?)
    }

    /// As [`Desk::read`], as the phone shows it, so that one can mistype it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read_digits(&self, challenge: &Challenge) -> Result<Option<String>, Error> {
        let phone = Phone::default();
        self.outbox.send(challenge.last_message(), &phone).await?;
        let text = phone.text.into_inner();
        let text = text.unwrap_or_else(PoisonError::into_inner);
        // The code is what follows the last `#` (origin-bound one-time codes).
        let code = text.as_deref().and_then(|text| text.rsplit_once('#'));
        Ok(code.map(|(_, code)| code.to_owned()))
    }

    /// Types a code at a challenge; the refusal, or nothing when it is accepted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn type_code(
        &self,
        challenge: &ChallengeId,
        session: &SessionId,
        code: &TypedCode,
    ) -> Result<Option<Refusal>, Error> {
        let answer = self.verifier.finish_challenge(challenge, session, code).await?;
        Ok(match answer {
            Answer::Refused(refusal) => Some(refusal),
            // A proof that the payment may go on: whatever else it may become, it is no refusal.
            _ => None,
        })
    }
}

/// Takes everything over and shows the last text.
#[derive(Default)]
struct Phone {
    text: Mutex<Option<String>>,
}

#[async_trait]
impl Messenger for Phone {
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        *text = Some(message.text.expose().clone());
        Ok(Accepted { reference: message.id.to_string(), network_id: String::new() })
    }
}
