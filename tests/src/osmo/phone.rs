//! The test phone: attaches one subscriber to the MSC, shows what arrives, sends what it is told to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::centre::OsmoCentre;
use super::error::PhoneError;
use super::sgsap::{self, FromMsc, Identity};
use super::short_message_service::{self as service, Cp, Rp};
use super::sms_pdu::{self, Deliver, Part};

const ATTACH_WITHIN: Duration = Duration::from_secs(5);
/// The MSC waits five seconds for the ESME to answer a message.
const SENT_WITHIN: Duration = Duration::from_secs(10);
/// Messages kept until somebody looks, and texts whose parts are still arriving. Beyond it the phone's memory is full.
const MEMORY: usize = 64;

/// A message as the phone shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedSms {
    /// The sender: a name as it stands; a number in digits, with a plus sign when it is international.
    pub from: String,
    /// The text; parts of a long one are joined.
    pub text: String,
}

/// A phone that is switched on. Dropping it breaks its association with the MSC.
pub struct Phone {
    shown: mpsc::Receiver<Result<ReceivedSms, PhoneError>>,
    to_send: mpsc::Sender<Outgoing>,
    next_reference: u8,
    reject: Arc<AtomicBool>,
}

/// A message to send, and where to say what became of it.
struct Outgoing {
    reference: u8,
    tpdu: Vec<u8>,
    outcome: oneshot::Sender<Result<(), PhoneError>>,
}

impl Phone {
    /// Switches on a phone with the SIM of a subscriber that the centre knows.
    ///
    /// # Errors
    /// When the IMSI is malformed, the centre does not know it, or does not answer.
    pub async fn attach(centre: &OsmoCentre, imsi: &str) -> Result<Self, PhoneError> {
        let identity = Identity::new(imsi)?;
        let stream =
            TcpStream::connect(centre.sgs_address()).await.map_err(|error| disconnected(&error))?;
        stream.set_nodelay(true).map_err(|error| disconnected(&error))?;

        let (show, shown) = mpsc::channel(MEMORY);
        let (to_send, outgoing) = mpsc::channel(1);
        let reject = Arc::new(AtomicBool::new(false));
        let mut radio = Radio {
            link: Framed::new(stream, sgsap::records()),
            identity,
            show,
            reject: Arc::clone(&reject),
            unfinished: VecDeque::new(),
            sending: None,
        };
        timeout(ATTACH_WITHIN, radio.update_location())
            .await
            .map_err(|_| PhoneError::TimedOut { awaited: "location update" })??;
        tokio::spawn(radio.run(outgoing));
        Ok(Self { shown, to_send, next_reference: 1, reject })
    }

    /// The next message that arrives, or that has arrived since the last call.
    ///
    /// # Errors
    /// When none comes in time, or what comes cannot be read.
    pub async fn next_message(&mut self, within: Duration) -> Result<ReceivedSms, PhoneError> {
        match timeout(within, self.shown.recv()).await {
            Ok(Some(message)) => message,
            Ok(None) => Err(PhoneError::Disconnected { reason: String::from("it has ended") }),
            Err(_) => Err(PhoneError::TimedOut { awaited: "message" }),
        }
    }

    /// Sends a message, for example to the short code, and waits until the network has taken it.
    ///
    /// # Errors
    /// When it does not fit into one SMS, the network refuses it (as it does when no ESME is bound), or does not answer.
    pub async fn send(&mut self, to: &str, text: &str) -> Result<(), PhoneError> {
        let reference = self.next_reference;
        self.next_reference = reference.wrapping_add(1);
        let tpdu = sms_pdu::write_submit(reference, to, text)?;
        let (outcome, sent) = oneshot::channel();
        let ended = || PhoneError::Disconnected { reason: String::from("it has ended") };
        self.to_send.send(Outgoing { reference, tpdu, outcome }).await.map_err(|_| ended())?;
        match timeout(SENT_WITHIN, sent).await {
            Ok(result) => result.map_err(|_| ended())?,
            Err(_) => Err(PhoneError::TimedOut { awaited: "answer to the message sent" }),
        }
    }

    /// From now on refuses each message with RP-ERROR cause 22, memory capacity exceeded; or accepts again.
    pub fn reject(&self, reject: bool) {
        self.reject.store(reject, Ordering::Relaxed);
    }
}

/// The phone's side of the association.
struct Radio {
    link: Framed<TcpStream, LengthDelimitedCodec>,
    identity: Identity,
    show: mpsc::Sender<Result<ReceivedSms, PhoneError>>,
    reject: Arc<AtomicBool>,
    unfinished: VecDeque<LongText>,
    sending: Option<Outgoing>,
}

/// Parts of a long text, so far.
struct LongText {
    from: String,
    reference: u16,
    parts: Vec<Option<String>>,
}

impl Radio {
    /// Attaches (3GPP TS 29.118 section 5.2): the MSC asks the register, and accepts or refuses.
    async fn update_location(&mut self) -> Result<(), PhoneError> {
        self.transmit(self.identity.location_update_request()).await?;
        loop {
            let message = match self.link.next().await {
                Some(message) => message.map_err(|error| disconnected(&error))?,
                None => {
                    return Err(PhoneError::Disconnected {
                        reason: String::from("closed by the MSC"),
                    });
                }
            };
            match sgsap::read(&message)? {
                FromMsc::LocationUpdateAccepted { new_identity: true } => {
                    return self.transmit(self.identity.identity_taken()).await;
                }
                FromMsc::LocationUpdateAccepted { new_identity: false } => return Ok(()),
                FromMsc::LocationUpdateRejected { cause } => {
                    return Err(PhoneError::AttachRefused { cause });
                }
                _ => self.receive(&message).await?,
            }
        }
    }

    /// Until the phone is dropped or the MSC is gone.
    async fn run(mut self, mut outgoing: mpsc::Receiver<Outgoing>) {
        loop {
            let done = tokio::select! {
                message = self.link.next() => match message {
                    Some(Ok(message)) => self.receive(&message).await,
                    _ => return,
                },
                message = outgoing.recv() => match message {
                    Some(message) => self.begin_sending(message).await,
                    None => return,
                },
            };
            if let Err(error) = done {
                // What could not be read is shown, so that a test sees it. There is nobody to tell when memory is full.
                drop(self.show.try_send(Err(error)));
            }
        }
    }

    async fn receive(&mut self, message: &[u8]) -> Result<(), PhoneError> {
        match sgsap::read(message)? {
            FromMsc::Reset => self.transmit(self.identity.reset_ack()).await,
            FromMsc::Paging { service } => {
                self.transmit(self.identity.service_request(service)).await
            }
            FromMsc::Downlink(nas) => self.receive_nas(nas).await,
            FromMsc::Status { cause } => {
                let error = PhoneError::NotUnderstood { cause };
                self.finish_sending(None, Err(error.clone()));
                Err(error)
            }
            FromMsc::LocationUpdateAccepted { .. }
            | FromMsc::LocationUpdateRejected { .. }
            | FromMsc::Other => Ok(()),
        }
    }

    /// Each CP-DATA is acknowledged before it is looked into (3GPP TS 24.011 section 5.3.2.1).
    async fn receive_nas(&mut self, nas: &[u8]) -> Result<(), PhoneError> {
        let downlink = service::read_downlink(nas)?;
        let octet = downlink.answer_octet;
        match downlink.content {
            Cp::Data(rp) => {
                self.uplink(&service::cp_ack(octet)).await?;
                match rp {
                    Rp::Data { reference, tpdu } => {
                        self.receive_sms(octet, reference, tpdu).await?
                    }
                    Rp::Ack { reference } => self.finish_sending(Some(reference), Ok(())),
                    Rp::Error { reference, cause } => {
                        self.finish_sending(
                            Some(reference),
                            Err(PhoneError::SendRefused { cause }),
                        );
                    }
                }
            }
            Cp::Error { cause } => {
                self.finish_sending(None, Err(PhoneError::SendRefused { cause }))
            }
            Cp::Ack => {}
        }
        Ok(())
    }

    async fn receive_sms(
        &mut self,
        octet: u8,
        reference: u8,
        tpdu: &[u8],
    ) -> Result<(), PhoneError> {
        if self.reject.load(Ordering::Relaxed) || self.show.capacity() == 0 {
            return self
                .uplink(&service::rp_error(octet, reference, service::MEMORY_CAPACITY_EXCEEDED))
                .await;
        }
        let deliver = match sms_pdu::read_deliver(tpdu) {
            Ok(deliver) => deliver,
            Err(error) => {
                self.uplink(&service::rp_error(octet, reference, service::PROTOCOL_ERROR)).await?;
                return Err(error.into());
            }
        };
        if let Some(whole) = self.join(deliver) {
            drop(self.show.try_send(Ok(whole)));
        }
        self.uplink(&service::rp_ack(octet, reference)).await
    }

    /// A message that is whole: at once when it has one part, with the last part otherwise (3GPP TS 23.040 section 9.2.3.24.1).
    fn join(&mut self, deliver: Deliver) -> Option<ReceivedSms> {
        let Deliver { from, text, part } = deliver;
        let Some(Part { reference, total, number }) = part else {
            return Some(ReceivedSms { from, text });
        };
        let same = |long: &LongText| {
            long.reference == reference
                && long.parts.len() == usize::from(total)
                && long.from == from
        };
        let mut long = match self.unfinished.iter().position(same) {
            Some(index) => self.unfinished.remove(index)?,
            None => LongText { from, reference, parts: vec![None; total.into()] },
        };
        if let Some(place) = long.parts.get_mut(usize::from(number) - 1) {
            *place = Some(text);
        }
        if let Some(texts) = long.parts.iter().cloned().collect::<Option<Vec<_>>>() {
            return Some(ReceivedSms { from: long.from, text: texts.concat() });
        }
        if self.unfinished.len() == MEMORY {
            self.unfinished.pop_front();
        }
        self.unfinished.push_back(long);
        None
    }

    async fn begin_sending(&mut self, message: Outgoing) -> Result<(), PhoneError> {
        let octet = service::begin_transaction(message.reference);
        let nas = service::rp_data(octet, message.reference, &message.tpdu)?;
        self.sending = Some(message);
        self.uplink(&nas).await
    }

    /// Tells the sender what became of its message; an answer to another message is not for it.
    fn finish_sending(&mut self, reference: Option<u8>, result: Result<(), PhoneError>) {
        if let Some(message) = self
            .sending
            .take_if(|message| reference.is_none_or(|answered| answered == message.reference))
        {
            // The sender may have stopped waiting.
            drop(message.outcome.send(result));
        }
    }

    async fn uplink(&mut self, nas: &[u8]) -> Result<(), PhoneError> {
        self.transmit(self.identity.uplink(nas)).await
    }

    async fn transmit(&mut self, message: Vec<u8>) -> Result<(), PhoneError> {
        self.link.send(message.as_slice()).await.map_err(|error| disconnected(&error))
    }
}

fn disconnected(error: &std::io::Error) -> PhoneError {
    PhoneError::Disconnected { reason: error.to_string() }
}
