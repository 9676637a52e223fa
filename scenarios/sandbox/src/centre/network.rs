//! The handsets, and the way of a message to one of them. Nothing here does any I/O.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use countersign_channels::{
    smpp::{
        pdu::{ESM_CLASS_RECEIPT, ESM_CLASS_UDHI, Parameter, ShortMessage, tag},
        status::Status,
    },
    sms::{
        header,
        reassembly::{Key, Reassembly},
        receipt::State,
        text, validity,
    },
};
use tokio::time::Instant;

use super::{CentreError, OPERATOR_ID};
use crate::journal::{About, Journal, Party, mask, mask_code};

/// Handsets at once.
pub(super) const MAX_HANDSETS: usize = 1_000;

/// Messages that a handset keeps; the oldest gives way.
const MAX_MESSAGES: usize = 200;

/// Messages that may wait for handsets that are off.
const MAX_WAITING: usize = 10_000;

/// How long a message without a validity period waits.
const DEFAULT_VALIDITY: Duration = Duration::from_secs(24 * 3_600);

/// Messages of which parts are missing, over all handsets.
const MAX_INCOMPLETE: usize = 1_000;

/// What a handset shows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HandsetMessage {
    /// The sender.
    pub from: String,
    /// What; parts are joined.
    pub text: String,
    /// When it arrived.
    pub at: Instant,
}

/// A receipt for an account.
pub(super) struct Report {
    pub(super) system_id: String,
    pub(super) receipt: ShortMessage,
}

/// All handsets, and what waits for them.
pub(super) struct Network {
    handsets: HashMap<String, Handset>,
    waiting: VecDeque<Waiting>,
    incomplete: Reassembly,
    submitted: u64,
    sent: u8,
    journal: Journal,
}

struct Handset {
    reachable: bool,
    barred: bool,
    messages: VecDeque<HandsetMessage>,
}

/// A submission that was accepted.
struct Waiting {
    id: String,
    system_id: String,
    message: ShortMessage,
    expires_at: Instant,
}

impl Network {
    pub(super) fn noting(journal: Journal) -> Self {
        Self {
            journal,
            handsets: HashMap::new(),
            waiting: VecDeque::new(),
            incomplete: Reassembly::new(MAX_INCOMPLETE, DEFAULT_VALIDITY),
            submitted: 0,
            sent: 0,
        }
    }

    pub(super) fn add_handset(&mut self, number: &str) -> Result<(), CentreError> {
        let number = plain(number);
        if !self.handsets.contains_key(number) && self.handsets.len() >= MAX_HANDSETS {
            return Err(CentreError::TooManyHandsets);
        }
        self.handsets.entry(number.to_owned()).or_insert_with(|| Handset {
            reachable: true,
            barred: false,
            messages: VecDeque::new(),
        });
        Ok(())
    }

    pub(super) fn numbers(&self) -> Vec<String> {
        let mut numbers: Vec<_> = self.handsets.keys().map(|number| format!("+{number}")).collect();
        numbers.sort();
        numbers
    }

    pub(super) fn messages(&self, number: &str) -> Result<Vec<HandsetMessage>, CentreError> {
        let handset = self.handsets.get(plain(number)).ok_or(CentreError::UnknownHandset)?;
        Ok(handset.messages.iter().cloned().collect())
    }

    pub(super) const fn submitted_count(&self) -> u64 {
        self.submitted
    }

    /// The address of a handset that sends, and the reference of the parts of its next message.
    pub(super) fn sender(&mut self, number: &str) -> Result<(String, u8), CentreError> {
        self.handset(number)?;
        self.sent = self.sent.wrapping_add(1);
        Ok((plain(number).to_owned(), self.sent))
    }

    pub(super) fn set_barred(&mut self, number: &str, barred: bool) -> Result<(), CentreError> {
        self.handset(number)?.barred = barred;
        Ok(())
    }

    /// Switches a handset on or off; on, it gets what waited for it.
    pub(super) fn set_reachable(
        &mut self,
        number: &str,
        reachable: bool,
        now: Instant,
    ) -> Result<Vec<Report>, CentreError> {
        self.handset(number)?.reachable = reachable;
        let number = plain(number);
        let is_for_it = |waiting: &Waiting| plain(&waiting.message.destination.digits) == number;
        let waiting = self.take_waiting(is_for_it);
        Ok(waiting.into_iter().filter_map(|waiting| self.try_to_deliver(waiting, now)).collect())
    }

    /// Ends what has waited for too long.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Report> {
        let expired = self.take_waiting(|waiting| waiting.expires_at <= now);
        expired.iter().filter_map(|waiting| self.report(waiting, State::Expired)).collect()
    }

    /// Accepts a submission and tries to deliver it. Returns its id, and the receipt if it has come to its end.
    pub(super) fn submit(
        &mut self,
        system_id: &str,
        message: ShortMessage,
        now: Instant,
    ) -> Result<(String, Option<Report>), Status> {
        if !self.handsets.contains_key(plain(&message.destination.digits)) {
            return Err(Status::ESME_RINVDSTADR);
        }
        if message.esm_class & ESM_CLASS_UDHI != 0 && header::read(&message.short_message).is_none()
        {
            return Err(Status::ESME_RINVESMCLASS);
        }
        if text::decode(message.data_coding, &[]).is_none() {
            return Err(Status::ESME_RSUBMITFAIL);
        }
        let valid_for = match message.validity_period.as_str() {
            "" => DEFAULT_VALIDITY,
            period => validity::read_relative(period).ok_or(Status::ESME_RINVEXPIRY)?,
        };
        if self.waiting.len() >= MAX_WAITING {
            return Err(Status::ESME_RMSGQFUL);
        }
        self.submitted += 1;
        let id = format!("{:08x}", self.submitted);
        let (server, centre) = (party(system_id), Party::Centre);
        let about = about(&id, &message);
        self.journal.asked(server, centre, "submit_sm", fields(&message), about.clone());
        let answer = vec![("message_id".to_owned(), id.clone())];
        self.journal.answered(centre, server, "submit_sm_resp", answer, about);
        let waiting = Waiting {
            id: id.clone(),
            system_id: system_id.to_owned(),
            message,
            expires_at: now + valid_for,
        };
        Ok((id, self.try_to_deliver(waiting, now)))
    }

    /// Delivers to a handset that is on and not barred; what cannot be delivered now waits.
    fn try_to_deliver(&mut self, waiting: Waiting, now: Instant) -> Option<Report> {
        let handset = self.handset(&waiting.message.destination.digits).ok()?;
        if handset.barred {
            return self.report(&waiting, State::Undeliverable);
        }
        if waiting.expires_at <= now {
            return self.report(&waiting, State::Expired);
        }
        if !handset.reachable {
            self.waiting.push_back(waiting);
            return None;
        }
        self.show(&waiting.id, &waiting.message, now);
        self.report(&waiting, State::Delivered)
    }

    /// Shows a message on its handset, once all its parts are there.
    fn show(&mut self, id: &str, message: &ShortMessage, now: Instant) {
        let (from, to) = (&message.source.digits, &message.destination.digits);
        let whole = match header::read(&message.short_message) {
            Some((Some(part), octets)) if message.esm_class & ESM_CLASS_UDHI != 0 => {
                let key = Key::new(from, to, message.data_coding, part);
                let whole = self.incomplete.add(&key, part.part, octets.to_vec().into(), now);
                if whole.is_some() {
                    self.incomplete.forget(&key);
                }
                whole
            }
            Some((None, octets)) if message.esm_class & ESM_CLASS_UDHI != 0 => {
                Some(octets.to_vec().into())
            }
            _ => Some(message.short_message.clone()),
        };
        let Some(text) = whole.and_then(|octets| text::decode(message.data_coding, &octets)) else {
            return;
        };
        let plus = if message.source.ton == 1 { "+" } else { "" };
        let from = format!("{plus}{from}");
        let Ok(handset) = self.handset(to) else {
            return;
        };
        if handset.messages.len() >= MAX_MESSAGES {
            handset.messages.pop_front();
        }
        let shown = vec![("from".to_owned(), from.clone()), ("text".to_owned(), mask_code(&text))];
        handset.messages.push_back(HandsetMessage { from, text: text.to_string(), at: now });
        let first_line = text.lines().next().unwrap_or_default();
        let label = format!("shows: {}", mask(first_line));
        let about = about(id, message);
        self.journal.asked(Party::Centre, Party::Phone, label, shown, about);
    }

    /// The receipt about a message, noted, if its sender wants one.
    fn report(&self, waiting: &Waiting, state: State) -> Option<Report> {
        let report = report(waiting, state)?;
        let about = about(&waiting.id, &waiting.message);
        let detail = fields(&report.receipt);
        let label = format!("deliver_sm: receipt {state}");
        self.journal.asked(Party::Centre, party(&waiting.system_id), label, detail, about);
        Some(report)
    }

    fn handset(&mut self, number: &str) -> Result<&mut Handset, CentreError> {
        self.handsets.get_mut(plain(number)).ok_or(CentreError::UnknownHandset)
    }

    fn take_waiting(&mut self, which: impl FnMut(&Waiting) -> bool) -> Vec<Waiting> {
        let (taken, left) = self.waiting.drain(..).partition::<Vec<_>, _>(which);
        self.waiting = left.into();
        taken
    }
}

/// The receipt about a message, if its sender wants one: always (1), or when it failed (2), as section 5.2.17 says. Its
/// text is short of the dates, which take a wall clock.
fn report(waiting: &Waiting, state: State) -> Option<Report> {
    let Waiting { id, system_id, message, .. } = waiting;
    let wanted = match message.registered_delivery & 0b11 {
        1 => true,
        2 => state != State::Delivered,
        _ => false,
    };
    let delivered = u8::from(state == State::Delivered);
    let text = format!("id:{id} sub:001 dlvrd:{delivered:03} stat:{state} err:000 text:");
    let mut parameters = vec![
        Parameter::new(tag::RECEIPTED_MESSAGE_ID, format!("{id}\0")),
        Parameter::new(tag::MESSAGE_STATE, [state.message_state()]),
    ];
    let reference = message.parameter(tag::USER_MESSAGE_REFERENCE);
    parameters.extend(reference.map(|value| Parameter::new(tag::USER_MESSAGE_REFERENCE, value)));
    let receipt = ShortMessage {
        source: message.destination.clone(),
        destination: message.source.clone(),
        esm_class: ESM_CLASS_RECEIPT,
        short_message: text.into_bytes().into(),
        parameters,
        ..ShortMessage::default()
    };
    wanted.then(|| Report { system_id: system_id.clone(), receipt })
}

/// What a message is known by. The parts of a long one have a reference in common, for the same receiver.
fn about(id: &str, message: &ShortMessage) -> About {
    let concatenated = match header::read(&message.short_message) {
        Some((Some(part), _)) if message.esm_class & ESM_CLASS_UDHI != 0 => Some(part.reference),
        _ => None,
    };
    let whole = concatenated.map_or_else(
        || id.to_owned(),
        |reference| format!("{} {reference}", message.destination.digits),
    );
    About::Message { id: id.to_owned(), whole }
}

/// What is in a message, its code and its numbers masked.
fn fields(message: &ShortMessage) -> Vec<(String, String)> {
    let octets = match header::read(&message.short_message) {
        Some((_, octets)) if message.esm_class & ESM_CLASS_UDHI != 0 => octets,
        _ => &message.short_message,
    };
    let text = text::decode(message.data_coding, octets);
    // The end of a long message alone has no code after a #, and may be it: digits are not shown at all.
    let shown = text.map(|text| match message.esm_class & ESM_CLASS_UDHI {
        0 => mask_code(&text),
        _ => mask_code(&text).replace(|letter: char| letter.is_ascii_digit(), "•"),
    });
    [
        ("source_addr", mask(&message.source.digits)),
        ("destination_addr", mask(&message.destination.digits)),
        ("esm_class", message.esm_class.to_string()),
        ("data_coding", message.data_coding.to_string()),
        ("validity_period", message.validity_period.clone()),
        ("short_message", shown.unwrap_or_default()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The one who has that account.
fn party(system_id: &str) -> Party {
    if system_id == OPERATOR_ID { Party::Operator } else { Party::Server }
}

/// A number as addresses have it: without its `+`.
fn plain(number: &str) -> &str {
    number.trim_start_matches('+')
}
