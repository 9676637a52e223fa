//! The [`Messenger`] port over SMPP.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use countersign_domain::{
    message::{Accepted, OutboundMessage, SendError},
    ports::{Clock, Inbox, Messenger},
};
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, timeout, timeout_at},
};
use zeroize::Zeroizing;

use super::{
    connection::{Caller, Pauses},
    inbound::Receiver,
    pdu::{
        Address, Body, ESM_CLASS_TRANSACTION, ESM_CLASS_UDHI, Parameter, Pdu, ShortMessage, tag,
    },
    reference,
    session::{Link, Outcome, Session, Submission},
    settings::{InvalidSettings, SmppSettings, international},
    status::Status,
};
use crate::sms::{
    text::{self, Encoded},
    validity,
};

/// Ask for a receipt when the message has come to its end (section 5.2.17).
const RECEIPT_WANTED: u8 = 1;

/// Sends texts through one message centre, over a session that is kept up.
///
/// A text of several parts is accepted when all its parts are. A receipt is asked for its last part only: the parts go
/// out in order, so the last to arrive speaks for all. When some parts were refused for now and others taken, the text
/// may be sent again: the parts bear the same reference, and a phone shows nothing until it has them all.
pub struct SmppMessenger {
    settings: Arc<SmppSettings>,
    caller: Caller,
    clock: Arc<dyn Clock>,
    source: Address,
    /// Ours for the next submission; it need only differ between messages to the same number.
    user_reference: AtomicU16,
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
        let settings = Arc::new(settings);
        // Not the same after each start: what was sent before may still have its receipt to come.
        let [.., high, low] = clock.now().unix_millis().to_be_bytes();
        Ok(Self {
            caller: Caller::new(Arc::clone(&settings))?,
            source: settings.source.address(),
            user_reference: AtomicU16::new(u16::from_be_bytes([high, low])),
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
        let receiver = Arc::new(Receiver::new(inbox, Arc::clone(&self.clock)));
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
                    pauses.reset();
                    let settings = Arc::clone(&self.settings);
                    let (session, link) =
                        Session::new(stream, received, Arc::clone(&receiver), settings);
                    self.link.send_replace(Some(link));
                    let end = session.run(stop.clone()).await;
                    self.link.send_replace(None);
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

    /// Puts one part into the session's hands once there is room in the window.
    async fn submit(
        &self,
        link: &Link,
        mut message: ShortMessage,
        dies_at: Instant,
        patience: Instant,
    ) -> Result<oneshot::Receiver<Outcome>, SendError> {
        let place = timeout_at(patience, Arc::clone(&link.places).acquire_owned()).await;
        let place = place.map_err(|_| temporary("the window was full for too long"))?;
        let place = place.map_err(|_| temporary("the session ended"))?;

        // Only now: a message that waited has less life left. In whole seconds, and zero would mean the centre's own.
        let left = dies_at.saturating_duration_since(Instant::now());
        if left < Duration::from_secs(1) {
            return Err(temporary("the code's life is over"));
        }
        message.validity_period = validity::relative(left);
        let mut octets = Zeroizing::new(Vec::with_capacity(512));
        let pdu = Pdu::request(0, Body::SubmitSm(message));
        pdu.encode(&mut octets)
            .map_err(|error| SendError::Permanent { cause: error.to_string() })?;

        let (outcome, waiting) = oneshot::channel();
        let sent = link.requests.try_send(Submission { octets, outcome, place });
        sent.map_err(|_| temporary("the session ended"))?;
        Ok(waiting)
    }

    /// The submit_sm of each part, without the validity period.
    fn parts(
        &self,
        to: Address,
        encoded: Encoded,
        first_reference: u16,
    ) -> impl Iterator<Item = ShortMessage> {
        let count = encoded.parts.len();
        let (source, data_coding) = (self.source.clone(), encoded.alphabet.data_coding());
        let header = if count > 1 { ESM_CLASS_UDHI } else { 0 };
        let mode = if self.settings.transaction_mode { ESM_CLASS_TRANSACTION } else { 0 };
        encoded.parts.into_iter().zip(0_u16..).map(move |(short_message, place)| {
            let is_last = usize::from(place) + 1 == count;
            let user_reference = first_reference.wrapping_add(place);
            ShortMessage {
                source: source.clone(),
                destination: to.clone(),
                esm_class: header | mode,
                registered_delivery: if is_last { RECEIPT_WANTED } else { 0 },
                data_coding,
                short_message,
                parameters: vec![Parameter::new(
                    tag::USER_MESSAGE_REFERENCE,
                    user_reference.to_be_bytes(),
                )],
                ..ShortMessage::default()
            }
        })
    }
}

#[async_trait]
impl Messenger for SmppMessenger {
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        let now = Instant::now();
        let dies_at = now + Duration::from_secs(u64::from(message.valid_for_seconds));
        let patience = now + self.settings.response_timeout;
        let link =
            self.link.borrow().clone().ok_or_else(|| temporary("not bound to the centre"))?;

        let encoded = text::encode(message.text.expose(), concatenation_reference(message));
        let encoded = encoded.map_err(|error| SendError::Permanent { cause: error.to_string() })?;
        let countersign_domain::address::Address::Msisdn(number) = &message.to;
        let to = international(number);
        let count = u16::try_from(encoded.parts.len()).unwrap_or(1);
        let first_reference = self.user_reference.fetch_add(count, Ordering::Relaxed);

        let mut verdict = Verdict::default();
        let mut waiting = Vec::with_capacity(usize::from(count));
        for part in self.parts(to.clone(), encoded, first_reference) {
            match self.submit(&link, part, dies_at, patience).await {
                Ok(outcome) => waiting.push(outcome),
                Err(error) => {
                    verdict.add(Err(error));
                    break;
                }
            }
        }
        for outcome in waiting {
            let unheard = Outcome::InDoubt("the session was dropped");
            verdict.add(answer(outcome.await.unwrap_or(unheard)));
        }
        let message_id = verdict.result()?;
        let last_reference = first_reference.wrapping_add(count - 1);
        let reference =
            reference::of_submission(&message_id, &to.digits, last_reference, self.clock.now());
        tracing::debug!(message_id = %message.id, parts = count, reference, "accepted by the centre");
        Ok(Accepted { reference, network_id: message_id })
    }
}

/// What is to be told about a message, from what became of its parts: the first error of the gravest kind, or the id of
/// the last part.
///
/// A part that the centre refused for good settles the matter, and so does one that it certainly has not: without it,
/// no phone shows the others.
#[derive(Default)]
struct Verdict {
    message_id: String,
    error: Option<SendError>,
}

impl Verdict {
    fn add(&mut self, answer: Result<String, SendError>) {
        const fn gravity(error: &SendError) -> u8 {
            match error {
                SendError::Permanent { .. } => 3,
                SendError::Temporary { .. } => 2,
                _ => 1,
            }
        }
        match answer {
            Ok(message_id) => self.message_id = message_id,
            Err(error)
                if self.error.as_ref().is_none_or(|known| gravity(&error) > gravity(known)) =>
            {
                self.error = Some(error);
            }
            Err(_) => {}
        }
    }

    fn result(self) -> Result<String, SendError> {
        match self.error {
            None => Ok(self.message_id),
            Some(error) => Err(error),
        }
    }
}

fn answer(outcome: Outcome) -> Result<String, SendError> {
    match outcome {
        Outcome::Answered { status: Status::ESME_ROK, message_id } => Ok(message_id),
        Outcome::Answered { status, .. } if status.is_temporary() => {
            Err(SendError::Temporary { cause: status.to_string() })
        }
        Outcome::Answered { status, .. } => Err(SendError::Permanent { cause: status.to_string() }),
        Outcome::NotWritten(cause) => Err(temporary(cause)),
        Outcome::InDoubt(cause) => Err(SendError::Unknown { cause: cause.to_owned() }),
    }
}

fn temporary(cause: &str) -> SendError {
    SendError::Temporary { cause: cause.to_owned() }
}

/// The same whenever this message is sent: from the end of its id, which is random.
fn concatenation_reference(message: &OutboundMessage) -> u8 {
    let id = message.id.as_str();
    let end = id.get(id.len().saturating_sub(2)..);
    end.and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(answers: &[Result<&str, &str>]) -> Result<String, SendError> {
        let mut verdict = Verdict::default();
        for answer in answers {
            let cause = String::new();
            verdict.add(match *answer {
                Ok(id) => Ok(id.to_owned()),
                Err("permanent") => Err(SendError::Permanent { cause }),
                Err("temporary") => Err(SendError::Temporary { cause }),
                Err(_) => Err(SendError::Unknown { cause }),
            });
        }
        verdict.result()
    }

    #[test]
    fn a_message_is_accepted_when_all_its_parts_are() {
        assert_eq!(verdict(&[Ok("1"), Ok("2")]), Ok("2".to_owned()));
    }

    #[test]
    fn one_part_in_doubt_makes_the_message_so() {
        assert!(matches!(verdict(&[Ok("1"), Err("unknown")]), Err(SendError::Unknown { .. })));
        assert!(matches!(verdict(&[Err("unknown"), Ok("2")]), Err(SendError::Unknown { .. })));
    }

    #[test]
    fn one_part_that_is_certainly_missing_settles_the_doubt() {
        assert!(matches!(
            verdict(&[Err("unknown"), Err("temporary")]),
            Err(SendError::Temporary { .. })
        ));
        let parts = [Err("temporary"), Err("permanent"), Err("unknown")];
        assert!(matches!(verdict(&parts), Err(SendError::Permanent { .. })));
    }
}
