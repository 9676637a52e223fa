//! The [`Messenger`] port over SMPP.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use countersign_domain::{
    lane::Lane,
    message::{Accepted, OutboundMessage, SendError},
    ports::{Clock, Inbox, Messenger, Turn},
};
use tokio::{
    sync::{Semaphore, oneshot, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    begun::Begun,
    connection::{Caller, Pauses},
    forms::Forms,
    inbound::Receiver,
    pdu::{Address, ESM_CLASS_TRANSACTION, ESM_CLASS_UDHI, Parameter, ShortMessage, tag},
    reference,
    session::{Link, Outcome, Place, Session, Submission},
    settings::{DefaultAlphabet, InvalidSettings, SmppSettings, Validity, international},
    status::Status,
};
use crate::sms::{
    text::{self, Alphabet, Encoded},
    validity,
};

/// Ask for a receipt when the message has come to its end (section 5.2.17).
const RECEIPT_WANTED: u8 = 1;

/// Octets of a password by the standard (section 5.2.2, without its NUL).
const STANDARD_PASSWORD: usize = 8;

/// Messages that may be on their way into the window beside those in it: the next ones are at hand when a place is free,
/// and all others stay in the line.
const READY_FOR_EACH_PLACE: usize = 2;

/// How long other messages let those of payments go first, at most.
const OTHERS_PATIENCE: Duration = Duration::from_secs(1);

/// How often they look whether one of a payment waits.
const OTHERS_LOOK: Duration = Duration::from_millis(20);

/// Sends texts through one message centre, over a session that is kept up.
///
/// A text of several parts is accepted when all its parts are; each is submitted once the one before it is with the centre,
/// and those that are stay there when the next has to wait. A receipt is asked for the last part only: the parts go out in
/// order, so the last to arrive speaks for all.
pub struct SmppMessenger {
    settings: Arc<SmppSettings>,
    caller: Caller,
    clock: Arc<dyn Clock>,
    source: Address,
    /// Ours for the next submission; it need only differ between messages to the same number.
    user_reference: AtomicU16,
    /// How the centre writes ids.
    forms: Arc<Mutex<Forms>>,
    /// Messages of which some parts are with the centre.
    begun: Mutex<Begun>,
    /// Room for messages that the session will soon take.
    line: Arc<Semaphore>,
    /// Messages of payments that wait for such room.
    payments_waiting: AtomicUsize,
    link: watch::Sender<Option<Link>>,
    stop: watch::Sender<bool>,
}

impl SmppMessenger {
    /// A messenger that is not connected: [`Self::run`] does that.
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn new(settings: SmppSettings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSettings> {
        settings.check()?;
        if settings.password.expose().len() > STANDARD_PASSWORD {
            tracing::warn!(
                "the password of the SMS centre is longer than SMPP 3.4 allows: a centre may refuse it"
            );
        }
        if settings.validity == Validity::Unsaid {
            tracing::warn!(
                "the SMS centre is not told until when a message is worth delivering: it may arrive after its code has died"
            );
        }
        let settings = Arc::new(settings);
        // Not the same after each start: what was sent before may still have its receipt to come.
        let [.., high, low] = clock.now().unix_millis().to_be_bytes();
        Ok(Self {
            caller: Caller::new(Arc::clone(&settings))?,
            source: settings.source.address(),
            user_reference: AtomicU16::new(u16::from_be_bytes([high, low])),
            forms: Arc::new(Mutex::new(Forms::new(settings.receipt_ids))),
            begun: Mutex::default(),
            line: Arc::new(Semaphore::new(settings.window.saturating_mul(READY_FOR_EACH_PLACE))),
            payments_waiting: AtomicUsize::new(0),
            link: watch::Sender::new(None),
            stop: watch::Sender::new(false),
            settings,
            clock,
        })
    }

    /// Keeps a session up and hands what arrives on it to `inbox`, until [`Self::stop`] and the end of what was under
    /// way then.
    ///
    /// If this future is dropped instead, submissions under way end in doubt.
    pub async fn run(&self, inbox: Arc<dyn Inbox>) {
        let (clock, forms) = (Arc::clone(&self.clock), Arc::clone(&self.forms));
        let receiver = Receiver::new(inbox, clock, forms, self.settings.default_alphabet);
        let receiver = Arc::new(receiver);
        let mut pauses = Pauses::new(&self.settings);
        let mut stop = self.stop.subscribe();
        while !*stop.borrow() {
            let called = tokio::select! {
                called = self.caller.call() => called,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match called {
                Ok((stream, received)) => {
                    tracing::info!(host = self.settings.host, "bound to the centre");
                    let begun = Instant::now();
                    let settings = Arc::clone(&self.settings);
                    let (session, link) =
                        Session::new(stream, received, Arc::clone(&receiver), settings);
                    self.link.send_replace(Some(link));
                    let end = session.run(stop.clone()).await;
                    self.link.send_replace(None);
                    pauses.after(begun.elapsed());
                    tracing::info!(host = self.settings.host, %end, "the session ended");
                }
                Err(error) => {
                    tracing::warn!(host = self.settings.host, %error, "not bound to the centre")
                }
            }
            let _: Result<_, _> = timeout(pauses.take(), stop.wait_for(|stop| *stop)).await;
        }
    }

    /// Takes no more messages, waits for the answers to those under way, unbinds, and ends [`Self::run`].
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether there is a session.
    pub fn is_bound(&self) -> bool {
        self.link.borrow().is_some()
    }

    /// Waits until there is a session.
    pub async fn until_bound(&self) {
        // The sender is ours: it cannot be gone.
        let _: Result<_, _> = self.link.subscribe().wait_for(Option::is_some).await;
    }

    /// Submits the parts that are not with the centre yet, one after the other. Returns the id of the last.
    async fn submit(
        &self,
        link: &Link,
        message: &OutboundMessage,
        parts: impl Iterator<Item = ShortMessage> + Send,
    ) -> Result<String, SendError> {
        let now = Instant::now();
        let patience = now + self.settings.response_timeout;
        let dies_at = now + Duration::from_secs(u64::from(message.valid_for_seconds));
        let mut done = self.begun().take(&message.id);
        let place = timeout_at(patience, Arc::clone(&link.places).acquire_owned()).await;
        let mut place = match place {
            Ok(Ok(place)) => Some(place),
            Ok(Err(_)) => None,
            Err(_) => {
                self.begun().keep(&message.id, done, dies_at);
                return Err(waiting("the window was full for too long"));
            }
        };
        for part in parts.skip(done.count) {
            let (outcome, again) =
                submit_part(link, part, dies_at, patience, place, done.count).await;
            place = again;
            match answer(outcome) {
                Ok(message_id) => done.add(message_id),
                Err(SendError::Unknown { cause }) => done.add_in_doubt(cause),
                Err(error) => {
                    self.begun().keep(&message.id, done, dies_at);
                    return Err(error);
                }
            }
        }
        done.result()
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        // A panic cannot leave it half changed.
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The validity period, where it is not what is left when a part is written.
    fn validity_period(&self, valid_for_seconds: u32) -> String {
        match self.settings.validity {
            Validity::Absolute => {
                let dies_at = self.clock.now().plus_seconds(valid_for_seconds);
                validity::absolute(dies_at.unix_seconds())
            }
            Validity::Relative | Validity::Unsaid => String::new(),
        }
    }

    /// The submit_sm of each part.
    fn parts(
        &self,
        to: Address,
        encoded: Encoded,
        first_reference: u16,
        valid_for_seconds: u32,
    ) -> impl Iterator<Item = ShortMessage> + Send + use<> {
        let count = encoded.parts.len();
        let (source, data_coding) = (self.source.clone(), encoded.alphabet.data_coding());
        let header = if count > 1 { ESM_CLASS_UDHI } else { 0 };
        let mode = if self.settings.transaction_mode { ESM_CLASS_TRANSACTION } else { 0 };
        let validity_period = self.validity_period(valid_for_seconds);
        encoded.parts.into_iter().zip(0_u16..).map(move |(short_message, place)| {
            let is_last = usize::from(place) + 1 == count;
            let user_reference = first_reference.wrapping_add(place);
            ShortMessage {
                source: source.clone(),
                destination: to.clone(),
                esm_class: header | mode,
                validity_period: validity_period.clone(),
                registered_delivery: if is_last { RECEIPT_WANTED } else { 0 },
                data_coding,
                short_message,
                parameters: vec![Parameter::new(
                    tag::USER_MESSAGE_REFERENCE,
                    user_reference.to_be_bytes(),
                )],
            }
        })
    }
}

#[async_trait]
impl Messenger for SmppMessenger {
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        let link = self.link.borrow().clone().ok_or_else(|| waiting("not bound to the centre"))?;
        let default = match self.settings.default_alphabet {
            DefaultAlphabet::Gsm7 => Alphabet::Gsm7,
            DefaultAlphabet::Latin1 => Alphabet::Latin1,
        };
        let reference = concatenation_reference(message);
        let encoded = text::encode_in(default, message.text.expose(), reference);
        let encoded = encoded.map_err(|error| SendError::Permanent { cause: error.to_string() })?;
        let countersign_domain::address::Address::Msisdn(number) = &message.to;
        let to = international(number);
        let count = u16::try_from(encoded.parts.len()).unwrap_or(1);
        let first_reference = self.user_reference.fetch_add(count, Ordering::Relaxed);

        let mut under_way = UnderWay::begin(&self.forms, &to.digits);
        let life = message.valid_for_seconds;
        let parts = self.parts(to.clone(), encoded, first_reference, life);
        let message_id = self.submit(&link, message, parts).await?;
        under_way.accepted_as = Some(message_id.clone());
        let last_reference = first_reference.wrapping_add(count - 1);
        let references =
            reference::of_submission(&message_id, &to.digits, last_reference, self.clock.now());
        tracing::debug!(message_id = %message.id, parts = count, centre_id = ?message_id, "accepted by the centre");
        Ok(Accepted { references, network_id: message_id })
    }

    async fn turn(&self, lane: Lane) -> Turn {
        let payment = match lane {
            // Its codes go to the phone without us.
            Lane::Operator => return Box::new(()),
            Lane::Payments => {
                self.until_bound().await;
                Some(Counted::begin(&self.payments_waiting))
            }
            Lane::Others => {
                self.until_bound().await;
                let until = Instant::now() + OTHERS_PATIENCE;
                while self.payments_waiting.load(Ordering::Relaxed) > 0 && Instant::now() < until {
                    sleep(OTHERS_LOOK).await;
                }
                None
            }
        };
        let turn = Arc::clone(&self.line).acquire_owned().await;
        drop(payment);
        Box::new(turn)
    }

    fn try_turn(&self, lane: Lane) -> Option<Turn> {
        match lane {
            // Its codes go to the phone without us.
            Lane::Operator => Some(Box::new(())),
            // Room that is free is waited for by nobody, so that others pass no payment by.
            Lane::Payments | Lane::Others if self.is_bound() => {
                Some(Box::new(Arc::clone(&self.line).try_acquire_owned().ok()?))
            }
            Lane::Payments | Lane::Others => None,
        }
    }
}

/// Counts one for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A message to a number that waits for the centre's answer, also when its sender gives up.
struct UnderWay<'a> {
    forms: &'a Mutex<Forms>,
    number: String,
    accepted_as: Option<String>,
}

impl<'a> UnderWay<'a> {
    fn begin(forms: &'a Mutex<Forms>, number: &str) -> Self {
        forms.lock().unwrap_or_else(PoisonError::into_inner).sending(number);
        Self { forms, number: number.to_owned(), accepted_as: None }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        forms.sent(&self.number, self.accepted_as.as_deref());
    }
}

/// Puts one part into the session's hands and waits for what becomes of it; the place in the window comes back with that.
async fn submit_part(
    link: &Link,
    part: ShortMessage,
    dies_at: Instant,
    patience: Instant,
    place: Option<Place>,
    parts_done: usize,
) -> (Outcome, Option<Place>) {
    let ended = || (Outcome::NotWritten("the session ended"), None);
    let Some(place) = place else {
        return ended();
    };
    let (outcome, waiting) = oneshot::channel();
    let submission = Submission::new(part, dies_at, patience, outcome, place);
    let way = if parts_done == 0 { &link.requests } else { &link.further };
    if way.try_send(submission).is_err() {
        return ended();
    }
    match waiting.await {
        Ok((outcome, place)) => (outcome, Some(place)),
        Err(_) => (Outcome::InDoubt("the session was dropped"), None),
    }
}

fn answer(outcome: Outcome) -> Result<String, SendError> {
    match outcome {
        Outcome::Answered { status: Status::ESME_ROK, message_id } => Ok(message_id),
        Outcome::Answered { status, .. } if status.is_throttling() => {
            Err(waiting(&status.to_string()))
        }
        Outcome::Answered { status, .. } if status.is_temporary() => {
            Err(SendError::Temporary { cause: status.to_string() })
        }
        Outcome::Answered { status, .. } => Err(SendError::Permanent { cause: status.to_string() }),
        Outcome::Dead => Err(SendError::Temporary { cause: "the code's life is over".to_owned() }),
        Outcome::NotWritten(cause) => Err(waiting(cause)),
        Outcome::InDoubt(cause) => Err(SendError::Unknown { cause: cause.to_owned() }),
        Outcome::Unfit(unfit) => Err(SendError::Permanent { cause: unfit.to_string() }),
    }
}

fn waiting(cause: &str) -> SendError {
    SendError::Waiting { cause: cause.to_owned() }
}

/// The same whenever this message is sent: from the end of its id, which is random.
fn concatenation_reference(message: &OutboundMessage) -> u8 {
    let id = message.id.as_str();
    let end = id.get(id.len().saturating_sub(2)..);
    end.and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0)
}
