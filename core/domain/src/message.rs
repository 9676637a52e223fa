//! Messages on the second network: what is sent, what the network says of it, what arrives.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    address::{Address, Msisdn},
    id::{ChallengeId, CorrelationId, MessageId},
    lane::Lane,
    record::{Batch, StoreError, Stored},
    secret::Secret,
    time::Timestamp,
};

/// How long the commit by which a message is being sent may last: with a later one it is not handed over.
const COMMIT_SECONDS: u32 = 10;

/// The longest that a driver takes with a message: the SMS centre's is given 25 seconds for a place, and 25 for the answer.
const DRIVER_SECONDS: u32 = 50;

/// After how many seconds a message that is being sent is presumed in doubt: its sender has crashed. The time of a commit,
/// then of a driver: whoever still has a message in hand has it within its lease.
pub(crate) const LEASE_SECONDS: u32 = COMMIT_SECONDS + DRIVER_SECONDS;

/// After how many seconds in the line the payer is told that the message waits.
const WAIT_SHOWN_SECONDS: u32 = 3;

/// A message with a code, without the code: the text is made when it is sent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Message {
    pub(crate) id: MessageId,
    pub(crate) challenge: ChallengeId,
    pub(crate) lane: Lane,
    pub(crate) to: Address,
    pub(crate) expires_at: Timestamp,
    pub(crate) tries: u8,
    pub(crate) state: MessageState,
    /// Since when it stands in the line, once it was taken out of it: it goes back there when the network had no room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Timestamp>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Says::is_code")]
    pub(crate) says: Says,
    /// Follows it through logs.
    pub(crate) correlation: Option<CorrelationId>,
}

/// What a message says.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub(crate) enum Says {
    /// The code, with what is agreed to by it.
    #[default]
    Code,
    /// That no code is accepted for a while. It is sent although the challenge may be over.
    Blocked {
        /// Until when.
        until: Timestamp,
    },
}

impl Says {
    pub(crate) const fn is_code(&self) -> bool {
        matches!(self, Self::Code)
    }
}

/// Where a message stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MessageState {
    /// To be sent.
    Queued {
        /// Not before.
        not_before: Timestamp,
    },
    /// Being sent.
    Sending {
        /// Since.
        since: Timestamp,
    },
    /// The network took it over.
    Sent {
        /// When that happened.
        at: Timestamp,
    },
    /// The receiver has it.
    Delivered {
        /// When that happened.
        at: Timestamp,
    },
    /// It will not arrive.
    Failed {
        /// What the network said.
        cause: String,
        /// When that happened.
        at: Timestamp,
    },
    /// It is not known whether the network took it over.
    Unconfirmed {
        /// Since.
        at: Timestamp,
    },
    /// There is nobody to send it to. It is kept so that a person whom nobody knows costs the same work (ASVS 6.3.8).
    Withheld {
        /// Since.
        at: Timestamp,
    },
}

impl MessageState {
    pub(crate) fn after(delivery: &Delivery, now: Timestamp) -> Self {
        match delivery {
            Delivery::Delivered => Self::Delivered { at: now },
            Delivery::Failed { cause } => Self::Failed { cause: cause.clone(), at: now },
        }
    }

    /// Whether nothing more can become of it.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::Failed { .. } | Self::Withheld { .. })
    }

    /// The state's name, as the API gives it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Sending { .. } => "sending",
            Self::Sent { .. } => "sent",
            Self::Delivered { .. } => "delivered",
            Self::Failed { .. } => "failed",
            Self::Unconfirmed { .. } => "unconfirmed",
            // No page shows it: where there may be nobody, nothing is shown of where a message stands.
            Self::Withheld { .. } => "queued",
        }
    }
}

impl Message {
    /// Inserts it beside its challenge, to be sent as soon as the batch is committed, unless there is nobody to send it to.
    pub(crate) fn insert_into(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if !self.state.is_final() {
            batch.messages.push((self.lane, self.id.clone()));
        }
        batch.insert(self)
    }

    /// Takes it out of the line, to be sent now; it may go back to its place there.
    pub(crate) fn leave_line(&mut self, now: Timestamp) {
        if let MessageState::Queued { not_before } = self.state {
            self.place.get_or_insert(not_before);
        }
        self.state = MessageState::Sending { since: now };
    }

    /// Puts it back to its place in the line: the network has nothing of it.
    pub(crate) fn return_to_line(&mut self, now: Timestamp) {
        self.state = MessageState::Queued { not_before: self.place.unwrap_or(now) };
    }

    /// Whether its lease lasts for as long as a driver may take.
    pub(crate) fn can_be_handed_over(&self, now: Timestamp) -> bool {
        match self.state {
            MessageState::Sending { since } => since.plus_seconds(COMMIT_SECONDS) > now,
            MessageState::Queued { .. }
            | MessageState::Sent { .. }
            | MessageState::Delivered { .. }
            | MessageState::Failed { .. }
            | MessageState::Unconfirmed { .. }
            | MessageState::Withheld { .. } => false,
        }
    }

    /// Its id.
    pub const fn id(&self) -> &MessageId {
        &self.id
    }

    /// Where it stands.
    pub const fn state(&self) -> &MessageState {
        &self.state
    }

    /// The name of where it stands, as the API gives it: `waiting` when it has been in the line for so long that the payer
    /// would wonder, which is the network's pace or its absence.
    pub fn standing(&self, now: Timestamp) -> &'static str {
        match self.state {
            MessageState::Queued { not_before } => {
                let since = self.place.unwrap_or(not_before);
                let waits = since.plus_seconds(WAIT_SHOWN_SECONDS) <= now;
                if waits { "waiting" } else { self.state.name() }
            }
            MessageState::Sending { .. }
            | MessageState::Sent { .. }
            | MessageState::Delivered { .. }
            | MessageState::Failed { .. }
            | MessageState::Unconfirmed { .. }
            | MessageState::Withheld { .. } => self.state.name(),
        }
    }

    /// Whether a receipt that comes now can still be about it.
    pub(crate) fn is_recent(&self, now: Timestamp) -> bool {
        self.expires_at.plus_seconds(LEASE_SECONDS) > now
    }
}

impl Stored for Message {
    const COLLECTION: &'static str = "message";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            MessageState::Queued { not_before } => Some(not_before),
            MessageState::Sending { since } => Some(since.plus_seconds(LEASE_SECONDS)),
            MessageState::Sent { .. }
            | MessageState::Delivered { .. }
            | MessageState::Failed { .. }
            | MessageState::Unconfirmed { .. }
            | MessageState::Withheld { .. } => None,
        }
    }

    /// A message is of no use after the time of its code, whatever the network still says of it.
    fn final_at(&self) -> Option<Timestamp> {
        self.due_at().is_none().then_some(self.expires_at)
    }

    fn correlation(&self) -> Option<&CorrelationId> {
        self.correlation.as_ref()
    }
}

/// A text on its way to a receiver.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundMessage {
    /// Our name for it.
    pub id: MessageId,
    /// To whom.
    pub to: Address,
    /// What; it holds the code.
    pub text: Secret<String>,
    /// What is left of the code's life, in seconds: a code that is late should die on the way, not arrive.
    pub valid_for_seconds: u32,
}

impl OutboundMessage {
    /// A text for a receiver that is of no use after `valid_for_seconds`.
    pub const fn new(
        id: MessageId,
        to: Address,
        text: Secret<String>,
        valid_for_seconds: u32,
    ) -> Self {
        Self { id, to, text, valid_for_seconds }
    }
}

/// The network has taken a message over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// By which a later receipt names this message; opaque to the domain, at most 128 bytes each.
    pub references: Vec<String>,
    /// By which the network's operator knows it; for people, and not always different for each message.
    pub network_id: String,
}

/// The network has not confirmed that it took a message over.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SendError {
    /// The network had no room for it: no connection, throttled, queue full. Nothing was tried, so it counts no try: it goes
    /// back to its place in the line.
    #[error("waits for the network: {cause}")]
    Waiting {
        /// What the network said; no text, no number.
        cause: String,
    },
    /// It was certainly not taken over, for a fault that may pass. Sending again later doubles nothing.
    #[error("not sent yet: {cause}")]
    Temporary {
        /// What the network said; no text, no number.
        cause: String,
    },
    /// It was refused for good, such as a number that does not exist.
    #[error("refused by the network: {cause}")]
    Permanent {
        /// What the network said; no text, no number.
        cause: String,
    },
    /// It was handed over but not confirmed: it may be on its way. Sending it again could double it.
    #[error("not known whether it was sent: {cause}")]
    Unknown {
        /// What the network said; no text, no number.
        cause: String,
    },
}

/// What arrives from the second network.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// What became of a message.
    Receipt(Receipt),
    /// A text that somebody sent us.
    Text(InboundText),
}

/// What became of a message that the network had taken over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// Names that the message may have, which are among its [`Accepted::references`]: those of one rank are equally sure,
    /// and the surest rank comes first. Where one rank names several messages, none is meant.
    pub ranks: Vec<Vec<String>>,
    /// The numbers that the receipt bears, in any form: the message went to one of them, unless there are none.
    pub numbers: Vec<Tail>,
    /// What became of it.
    pub delivery: Delivery,
}

/// The end of a number as somebody else writes it: what national and international forms of it have in common.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Tail(String);

/// Fewer digits than these are a short code, not a phone's number.
const MIN_TAIL_DIGITS: usize = 6;

impl Tail {
    /// The end of what may be a number; `None` when it is none, such as a name or a short code.
    pub fn of(address: &str) -> Option<Self> {
        let digits = address.trim().trim_start_matches('+').trim_start_matches('0');
        let is_number =
            digits.len() >= MIN_TAIL_DIGITS && digits.bytes().all(|octet| octet.is_ascii_digit());
        is_number.then(|| Self(digits.to_owned()))
    }

    /// Whether it may be the end of that address.
    fn ends(&self, address: &Address) -> bool {
        let Address::Msisdn(number) = address;
        number.expose().ends_with(&self.0)
    }

    /// Whether a receipt that bears these numbers may be about a message to `address`.
    pub(crate) fn any_ends(numbers: &[Self], address: &Address) -> bool {
        numbers.is_empty() || numbers.iter().any(|number| number.ends(address))
    }
}

/// Without the number.
impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tail(..)")
    }
}

/// The end of a message.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "delivery", rename_all = "snake_case")]
pub enum Delivery {
    /// The receiver has it.
    Delivered,
    /// The receiver will not get it.
    Failed {
        /// What the network said; no text, no number.
        cause: String,
    },
}

/// A text that somebody sent us over the second network (claims 2 and 3).
#[derive(Clone, Debug, PartialEq)]
pub struct InboundText {
    /// The sender's number.
    pub from: Msisdn,
    /// To which of our numbers or short codes.
    pub to: String,
    /// What; it may hold a code.
    pub text: Secret<String>,
}

/// What arrived could not be kept.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("what arrived could not be kept: {cause}")]
pub struct InboxError {
    /// What failed.
    pub cause: String,
}
