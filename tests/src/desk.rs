//! A desk: the domain's verifier and outbox on a given store, and a phone that shows what is sent to it.
//!
//! No network, no bank: what is tried is the code, under many hands at once.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use countersign_domain::{
    address::Msisdn,
    agreement::Agreement,
    amount::Amount,
    challenge::{Challenge, ChallengeRequest},
    code::TypedCode,
    directory::Subscribers,
    error::Error,
    id::{ChallengeId, SessionId},
    limits::Limits,
    message::{Accepted, OutboundMessage, SendError},
    outbox::Outbox,
    person::Person,
    pin::NewPin,
    policy::Policy,
    ports::{Clock, Entropy, Messenger, Ports, Store},
    refusal::Refusal,
    subscriber::Subscriber,
    testing::{FakeClock, PlainWords, QuickHasher, START, alice, card, key_ring, unbounded},
    time::Timestamp,
    transaction::{Payee, Reference, Transaction},
    verifier::Verifier,
};
use countersign_server::SystemClock;

/// The payee unless a test says otherwise.
pub const PAYEE: &str = "Librairie Dupont";

/// How many phones there are, so that the next is another one at every desk.
static PHONES: AtomicU32 = AtomicU32::new(0);

/// One process at work on a store.
pub struct Desk {
    /// Makes and checks codes.
    pub verifier: Arc<Verifier>,
    /// Has the messages.
    pub outbox: Outbox,
    directory: Subscribers,
    /// Whether those who ask have addresses, as at a page, and are counted by them.
    has_clients: bool,
    entropy: Arc<dyn Entropy>,
}

impl Desk {
    /// A process on that store. Every desk has the same keys, so each can finish what another began. The clock stands still: no
    /// code dies of age.
    pub fn open(store: Arc<dyn Store>, entropy: Arc<dyn Entropy>, policy: Policy) -> Self {
        Self::open_at(START, store, entropy, policy)
    }

    /// As [`Desk::open`], at another time.
    pub fn open_at(
        now: Timestamp,
        store: Arc<dyn Store>,
        entropy: Arc<dyn Entropy>,
        policy: Policy,
    ) -> Self {
        Self::limited(Arc::new(FakeClock::at(now)), store, entropy, policy, unbounded())
    }

    /// As [`Desk::open`], by the system's clock, as a server is: what is new has an id after all that there is.
    pub fn by_the_clock(store: Arc<dyn Store>, entropy: Arc<dyn Entropy>, policy: Policy) -> Self {
        Self::limited(Arc::new(SystemClock::default()), store, entropy, policy, unbounded())
    }

    /// As [`Desk::by_the_clock`], with limits that nothing reaches: what it costs to count for them is what they are there for.
    pub fn counting(
        store: Arc<dyn Store>,
        entropy: Arc<dyn Entropy>,
        policy: Policy,
        limits: Limits,
    ) -> Self {
        let clock = Arc::new(SystemClock::default());
        Self { has_clients: true, ..Self::limited(clock, store, entropy, policy, limits) }
    }

    fn limited(
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        entropy: Arc<dyn Entropy>,
        policy: Policy,
        limits: Limits,
    ) -> Self {
        let ports =
            Ports { store, clock, entropy: Arc::clone(&entropy), keys: Arc::new(key_ring()) };
        let pins = Arc::new(QuickHasher);
        let verifier = Verifier::new(ports.clone(), policy).with_limits(limits);
        let verifier = Arc::new(verifier.with_pins(pins.clone()));
        let directory = Subscribers::new(ports.clone()).with_pins(pins);
        let outbox = Outbox::new(ports, Arc::clone(&verifier), Arc::new(PlainWords));
        Self { verifier, outbox, directory, has_clients: false, entropy }
    }

    /// A new session.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn session(&self) -> Result<SessionId, Error> {
        Ok(SessionId::random(self.entropy.as_ref())?)
    }

    /// Asks somebody in that session to agree to pay some euros to somebody. Each time it is another phone: what happens to one
    /// phone is done one after the other, and is not what desks are for.
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
        let phone = PHONES.fetch_add(1, Ordering::Relaxed);
        let address = Msisdn::try_from(format!("+336{phone:08}"))?.into();
        let request = ChallengeRequest {
            relying_party: "librairie".try_into()?,
            person: Person { address, ..alice(session.clone(), "pay.example.com") },
            agreement: Agreement::Payment {
                transaction,
                account: Some(card().masked()),
                order: None,
            },
            from: self.has_clients.then(|| Ipv4Addr::from_bits(phone).into()),
            waiting: None,
            correlation: None,
        };
        let started = self.verifier.start_challenge(request).await?;
        started.done().map_err(|refusal| unreachable(&refusal))
    }

    /// Enters the PIN of the person whom a challenge asks.
    ///
    /// # Errors
    /// When it may be none, or the store fails.
    pub async fn enter_pin(&self, challenge: &Challenge, pin: &str) -> Result<(), Error> {
        let Person { identifier, address, .. } = challenge.person().clone();
        let pin = NewPin::try_from(pin.to_owned())?;
        let subscriber = Subscriber { identifier, address, card: None };
        self.directory.enrol_with(&subscriber, Some(&pin)).await
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
        shown(&self.outbox, challenge).await
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
        Ok(answer.done().err())
    }
}

/// Sends the last message of a challenge; the digits that the phone shows, nothing when it shows none.
///
/// # Errors
/// When the store fails.
pub async fn shown(outbox: &Outbox, challenge: &Challenge) -> Result<Option<String>, Error> {
    let phone = Phone::default();
    outbox.send(challenge.last_message(), &phone).await?;
    let text = phone.text.into_inner();
    let text = text.unwrap_or_else(PoisonError::into_inner);
    // The code is what follows the last `#` (origin-bound one-time codes).
    let code = text.as_deref().and_then(|text| text.rsplit_once('#'));
    Ok(code.map(|(_, code)| code.to_owned()))
}

/// A desk has no limits, so that only one of another kind is refused.
fn unreachable(refusal: &Refusal) -> Error {
    Error::NobodyWaits { collection: refusal.name().to_owned() }
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
        Ok(Accepted { references: vec![message.id.to_string()], network_id: String::new() })
    }
}
