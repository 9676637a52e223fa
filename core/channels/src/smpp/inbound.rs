//! What a deliver_sm holds: a receipt, or a text from a phone (SMPP 3.4 section 4.6.1).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use countersign_domain::{
    address::Msisdn,
    message::{Delivery, Inbound, InboundText, Receipt},
    ports::{Clock, Inbox},
    secret::Secret,
};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{
    pdu::{Address, ESM_CLASS_RECEIPT, ESM_CLASS_TYPE, ESM_CLASS_UDHI, ShortMessage, tag},
    reference,
    status::Status,
};
use crate::sms::{
    header::{self, Concatenation},
    reassembly::{Key, Reassembly},
    receipt::{self, State},
    text,
};

/// Messages from phones that may be incomplete at once; anybody can send a first part.
const MAX_INCOMPLETE: usize = 1_000;

/// How long the other parts are waited for: as long as a code may live.
const MAX_INCOMPLETE_AGE: Duration = Duration::from_secs(600);

/// Longest error code of a receipt that is passed on: it comes from outside and goes to logs.
const MAX_ERROR_CHARACTERS: usize = 8;

/// Codings of a text (section 5.2.19).
const IA5: u8 = 1;
const UCS2: u8 = 8;

/// Takes in what the centre delivers, over all sessions.
pub(super) struct Receiver {
    inbox: Arc<dyn Inbox>,
    clock: Arc<dyn Clock>,
    incomplete: Mutex<Reassembly>,
}

impl Receiver {
    pub(super) fn new(inbox: Arc<dyn Inbox>, clock: Arc<dyn Clock>) -> Self {
        let incomplete = Mutex::new(Reassembly::new(MAX_INCOMPLETE, MAX_INCOMPLETE_AGE));
        Self { inbox, clock, incomplete }
    }

    /// Hands it over and says what to answer: ESME_ROK once the domain has it or when it means nothing to us,
    /// ESME_RX_T_APPN when the centre should offer it again, ESME_RX_P_APPN when it cannot be used at all.
    pub(super) async fn take(&self, message: ShortMessage) -> Status {
        let message_type = message.esm_class & ESM_CLASS_TYPE;
        // Some centres send receipts as plain messages; a phone cannot add this parameter, so nothing can be forged.
        if message_type == ESM_CLASS_RECEIPT
            || message.parameter(tag::RECEIPTED_MESSAGE_ID).is_some()
        {
            return match self.receipt(&message) {
                Some(receipt) => self.accept(Inbound::Receipt(receipt)).await,
                None => Status::ESME_ROK,
            };
        }
        if message_type != 0 {
            tracing::debug!(message_type, "a notification that is no end was left aside");
            return Status::ESME_ROK;
        }
        self.text(&message).await
    }

    async fn accept(&self, inbound: Inbound) -> Status {
        match self.inbox.accept(inbound).await {
            Ok(()) => Status::ESME_ROK,
            Err(error) => {
                tracing::warn!(%error, "the centre has to try again");
                Status::ESME_RX_T_APPN
            }
        }
    }

    /// The end of a message, if this is one. The optional parameters say it better than the text, which each centre
    /// writes in its own way.
    fn receipt(&self, message: &ShortMessage) -> Option<Receipt> {
        let written = receipt::read(&receipt_text(message));
        let id = message.parameter(tag::RECEIPTED_MESSAGE_ID).map(without_nul).or(written.id);
        let state = message
            .parameter(tag::MESSAGE_STATE)
            .and_then(|value| State::from_message_state(*value.first()?));
        let Some(state) = state.or(written.state) else {
            tracing::warn!("a receipt without a state was left aside");
            return None;
        };
        let delivery = match state {
            State::Delivered => Delivery::Delivered,
            State::Expired | State::Deleted | State::Undeliverable | State::Rejected => {
                Delivery::Failed { cause: cause(state, written.error.as_deref()) }
            }
            State::Enroute | State::Accepted | State::Unknown => {
                tracing::debug!(%state, "a receipt that is no end was left aside");
                return None;
            }
        };
        let user_reference = message.parameter(tag::USER_MESSAGE_REFERENCE).and_then(number);
        let now = self.clock.now();
        let references =
            reference::of_receipt(id.as_deref(), &message.source.digits, user_reference, now);
        if references.is_empty() {
            tracing::warn!(%state, "a receipt that names no message was left aside");
            return None;
        }
        Some(Receipt { references, delivery })
    }

    async fn text(&self, message: &ShortMessage) -> Status {
        let Some(from) = sender(&message.source) else {
            tracing::warn!(source = ?message.source, "a text from no number was refused");
            return Status::ESME_RX_P_APPN;
        };
        let Some((part, octets)) = part(message) else {
            tracing::warn!(from = %from, "a text with a bad header was refused");
            return Status::ESME_RX_P_APPN;
        };
        let key = part.map(|part| {
            (
                Key::new(
                    &message.source.digits,
                    &message.destination.digits,
                    message.data_coding,
                    part,
                ),
                part.part,
            )
        });
        let octets = match &key {
            None => Zeroizing::new(octets.to_vec()),
            Some((key, number)) => {
                let part = Zeroizing::new(octets.to_vec());
                match self.incomplete().add(key, *number, part, Instant::now()) {
                    Some(whole) => whole,
                    // Acknowledged before the whole is handed over: a centre may send the next part only after it.
                    None => return Status::ESME_ROK,
                }
            }
        };
        let Some(mut text) = text::decode(message.data_coding, &octets) else {
            tracing::warn!(from = %from, data_coding = message.data_coding, "a message that is no text was refused");
            return Status::ESME_RX_P_APPN;
        };
        let text = Secret::new(std::mem::take(&mut *text));
        let status = self
            .accept(Inbound::Text(InboundText { from, to: receiver(&message.destination), text }))
            .await;
        if let Some((key, _)) = key.filter(|_| status == Status::ESME_ROK) {
            self.incomplete().forget(&key);
        }
        status
    }

    fn incomplete(&self) -> std::sync::MutexGuard<'_, Reassembly> {
        // A panic cannot leave it half changed: it is a cache of octets.
        self.incomplete.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the message says: in short_message, or in message_payload when that is empty (section 5.3.2.32).
fn user_data(message: &ShortMessage) -> &[u8] {
    let payload =
        message.parameter(tag::MESSAGE_PAYLOAD).filter(|_| message.short_message.is_empty());
    payload.unwrap_or(&message.short_message)
}

/// What a receipt says. It is plain ASCII whatever its coding is said to be (OsmoMSC: 2, octets), but for UCS-2.
fn receipt_text(message: &ShortMessage) -> Zeroizing<String> {
    let coding = if message.data_coding == UCS2 { UCS2 } else { IA5 };
    text::decode(coding, user_data(message)).unwrap_or_default()
}

/// Which part of a longer message it is, if it is one, by its header or by the sar parameters (section 5.3.2.22 to 24);
/// and its text's octets. `None` when the header cannot be read.
fn part(message: &ShortMessage) -> Option<(Option<Concatenation>, &[u8])> {
    let octets = user_data(message);
    if message.esm_class & ESM_CLASS_UDHI != 0 {
        let (part, octets) = header::read(octets)?;
        return Some((part.filter(|part| part.total > 1), octets));
    }
    let value = |tag| message.parameter(tag).and_then(number);
    let sar = || {
        Some(Concatenation {
            reference: value(tag::SAR_MSG_REF_NUM)?,
            total: u8::try_from(value(tag::SAR_TOTAL_SEGMENTS)?).ok()?,
            part: u8::try_from(value(tag::SAR_SEGMENT_SEQNUM)?).ok()?,
        })
    };
    Some((sar().filter(|part| part.total > 1 && (1..=part.total).contains(&part.part)), octets))
}

/// A phone's number. Centres that do not tell the type of number mean an international one, and so do those that call
/// it their network's own (OsmoMSC, type 3). A national one cannot be made whole here.
fn sender(address: &Address) -> Option<Msisdn> {
    let digits = address.digits.trim_start_matches('+');
    matches!(address.ton, 0 | 1 | 3).then(|| Msisdn::try_from(format!("+{digits}")).ok()).flatten()
}

fn receiver(address: &Address) -> String {
    let plus = if address.ton == 1 && !address.digits.starts_with('+') { "+" } else { "" };
    format!("{plus}{}", address.digits)
}

/// A number of one or two octets; OsmoMSC returns the second only.
fn number(value: &[u8]) -> Option<u16> {
    match value {
        [low] => Some(u16::from(*low)),
        [high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// receipted_message_id is a C-Octet String, but not every centre ends it with a NUL.
fn without_nul(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()
}

fn cause(state: State, error: Option<&str>) -> String {
    let error = error.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric);
    let error: String = error.take(MAX_ERROR_CHARACTERS).collect();
    if error.is_empty() { state.to_string() } else { format!("{state}, error {error}") }
}
