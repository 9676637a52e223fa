//! What a deliver_sm or a data_sm holds: a receipt, or a text from a phone (SMPP 3.4 sections 4.6.1 and 4.7.1).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use countersign_domain::{
    address::Msisdn,
    message::{Delivery, Inbound, InboundText, Receipt, Tail},
    ports::{Clock, Inbox},
    secret::Secret,
};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{
    forms::{Forms, Reading},
    pdu::{Address, ESM_CLASS_RECEIPT, ESM_CLASS_TYPE, ESM_CLASS_UDHI, ShortMessage, tag},
    reference::{self, IdForm},
    settings::DefaultAlphabet,
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

/// Octets of them that are kept at once.
const MAX_INCOMPLETE_OCTETS: usize = 1_048_576;

/// Longest error code of a receipt that is passed on: it comes from outside and goes to logs.
const MAX_ERROR_CHARACTERS: usize = 8;

/// Codings of a text (section 5.2.19).
const DEFAULT: u8 = 0;
const LATIN_1: u8 = 3;

/// `_` in GSM 03.38, which some centres leave so in an id.
const GSM_UNDERSCORE: u8 = 0x11;

/// Takes in what the centre delivers, over all sessions.
pub(super) struct Receiver {
    inbox: Arc<dyn Inbox>,
    clock: Arc<dyn Clock>,
    forms: Arc<Mutex<Forms>>,
    default_alphabet: DefaultAlphabet,
    incomplete: Mutex<Reassembly>,
}

/// What a receipt comes to.
enum Reported {
    /// Something for the domain.
    Receipt(Receipt),
    /// Nothing.
    Nothing,
    /// Nothing yet: which message is meant depends on an answer that is under way.
    Later,
}

impl Receiver {
    pub(super) fn new(
        inbox: Arc<dyn Inbox>,
        clock: Arc<dyn Clock>,
        forms: Arc<Mutex<Forms>>,
        default_alphabet: DefaultAlphabet,
    ) -> Self {
        let incomplete = Reassembly::new(MAX_INCOMPLETE, MAX_INCOMPLETE_AGE)
            .with_max_octets(MAX_INCOMPLETE_OCTETS);
        Self { inbox, clock, forms, default_alphabet, incomplete: Mutex::new(incomplete) }
    }

    /// Hands it over and says what to answer: ESME_ROK once the domain has it or when it means nothing to us,
    /// ESME_RX_T_APPN when the centre should offer it again, ESME_RX_P_APPN when it cannot be used at all.
    pub(super) async fn take(&self, message: ShortMessage) -> Status {
        let message_type = message.esm_class & ESM_CLASS_TYPE;
        // Some centres send receipts as plain messages; a phone cannot add these parameters, so nothing can be forged.
        if message_type == ESM_CLASS_RECEIPT
            || message.parameter(tag::RECEIPTED_MESSAGE_ID).is_some()
            || message.parameter(tag::MESSAGE_STATE).is_some()
        {
            return match self.receipt(&message) {
                Reported::Receipt(receipt) => self.accept(Inbound::Receipt(receipt)).await,
                Reported::Nothing => Status::ESME_ROK,
                Reported::Later => Status::ESME_RX_T_APPN,
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
    fn receipt(&self, message: &ShortMessage) -> Reported {
        let written = receipt::read(&receipt_text(message));
        let id = message.parameter(tag::RECEIPTED_MESSAGE_ID).map(without_nul);
        let id = id.filter(|id| !id.is_empty()).or(written.id);
        let state = message.parameter(tag::MESSAGE_STATE).and_then(state);
        let Some(state) = state.or(written.state) else {
            tracing::warn!("a receipt without a state was left aside");
            return Reported::Nothing;
        };
        let delivery = match state {
            State::Delivered => Delivery::Delivered,
            State::Expired | State::Deleted | State::Undeliverable | State::Rejected => {
                Delivery::Failed { cause: cause(state, written.error.as_deref()) }
            }
            State::Enroute | State::Accepted | State::Unknown => {
                tracing::debug!(%state, "a receipt that is no end was left aside");
                return Reported::Nothing;
            }
        };
        self.about(message, id.as_deref(), delivery)
    }

    /// Which message it is about. Not every centre turns the addresses round: the message went to one of them.
    fn about(&self, message: &ShortMessage, id: Option<&str>, delivery: Delivery) -> Reported {
        let addresses = [&message.source, &message.destination].map(|address| &address.digits);
        let (digits, numbers): (Vec<&str>, Vec<Tail>) = addresses
            .into_iter()
            .filter_map(|address| Some((address.trim(), Tail::of(address)?)))
            .unzip();
        let reading = id.map(|id| self.forms().read(id, &digits));
        let open = reading.as_ref().is_some_and(|reading| reading.is_open);
        if open && numbers.is_empty() {
            tracing::warn!(
                "a receipt that bears no number and an id of unknown form was left aside"
            );
            return Reported::Nothing;
        }
        let later = reading.as_ref().is_some_and(|reading| reading.may_be_under_way);
        if later && matches!(delivery, Delivery::Failed { .. }) {
            tracing::debug!("a receipt that may be about a message under way has to come again");
            return Reported::Later;
        }
        let forms = reading.map_or_else(|| vec![IdForm::Same], |Reading { forms, .. }| forms);
        let user_reference = message.parameter(tag::USER_MESSAGE_REFERENCE).and_then(number);
        let ranks = reference::of_receipt(id, &forms, &digits, user_reference, self.clock.now());
        if ranks.is_empty() {
            tracing::warn!("a receipt that names no message was left aside");
            return Reported::Nothing;
        }
        // The centre's id alone: digits of the number are in some of the names.
        tracing::debug!(?id, ?delivery, "a receipt came");
        Reported::Receipt(Receipt { ranks, numbers, delivery })
    }

    fn forms(&self) -> std::sync::MutexGuard<'_, Forms> {
        // A panic cannot leave it half changed: what it says is learned again.
        self.forms.lock().unwrap_or_else(PoisonError::into_inner)
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
        let coding = match (message.data_coding, self.default_alphabet) {
            (DEFAULT, DefaultAlphabet::Latin1) => LATIN_1,
            (coding, DefaultAlphabet::Gsm7 | DefaultAlphabet::Latin1) => coding,
        };
        let Some(mut text) = text::decode(coding, &octets) else {
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
    let is_empty = message.short_message.iter().all(|octet| *octet == 0);
    let payload = message.parameter(tag::MESSAGE_PAYLOAD).filter(|_| is_empty);
    payload.unwrap_or(&message.short_message)
}

/// What a receipt says. It is ASCII in one octet for each letter or in two, whatever its coding is said to be (OsmoMSC: 2,
/// octets): zeros are the other half of a letter, or filling.
fn receipt_text(message: &ShortMessage) -> Zeroizing<String> {
    let octets = user_data(message);
    let has_header = message.esm_class & ESM_CLASS_UDHI != 0;
    let headed = header::read(octets).filter(|_| has_header).map(|(_, text)| text);
    let letters = headed.unwrap_or(octets).iter().filter_map(|&octet| match octet {
        0 => None,
        GSM_UNDERSCORE => Some('_'),
        // What is not ASCII stands between words, such as the mark at the begin of UTF-16.
        _ => Some(if octet.is_ascii() { char::from(octet) } else { ' ' }),
    });
    Zeroizing::new(letters.collect())
}

/// A message_state, which not every centre writes in one octet, nor as a number.
fn state(value: &[u8]) -> Option<State> {
    let value = match value {
        [digit @ b'0'..=b'9'] | [digit @ b'0'..=b'9', 0] => digit - b'0',
        [zeros @ .., value] if zeros.iter().all(|octet| *octet == 0) => *value,
        _ => return None,
    };
    State::from_message_state(value)
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

/// receipted_message_id is a C-Octet String, but not every centre ends it with a NUL, and some fill it up.
fn without_nul(value: &[u8]) -> String {
    let text = value.split(|octet| *octet == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim().to_owned()
}

fn cause(state: State, error: Option<&str>) -> String {
    let error = error.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric);
    let error: String = error.take(MAX_ERROR_CHARACTERS).collect();
    if error.is_empty() { state.to_string() } else { format!("{state}, error {error}") }
}
