//! What the policy decided for a payment.

use serde::{Deserialize, Serialize};

use crate::element::Element;

/// Whether the bank is asked before or after the person.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The code is sent only when the bank has granted the amount (claims 9 and 10; F7.707 before F7.708).
    #[default]
    BankFirst,
    /// The bank is asked last, after the code was checked (F7.v1, F8.v1).
    CodeFirst,
}

/// How a payment is made: what the policy answers, kept with the payment and told in its first fact.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Plan {
    pub(crate) bank: BankTurn,
    pub(crate) code: CodeDemand,
    pub(crate) capture: CaptureTime,
}

impl Plan {
    /// The same for a payer whom nobody knows: a code is asked for, and the bank is not asked before.
    pub(crate) const fn of_nobody(self) -> Self {
        let bank = match self.bank {
            BankTurn::First | BankTurn::Last => BankTurn::Last,
            BankTurn::Skip => BankTurn::Skip,
        };
        Self { bank, code: CodeDemand::Ask, ..self }
    }

    /// When the bank is asked.
    pub const fn bank(self) -> BankTurn {
        self.bank
    }

    /// Whether a code is asked for.
    pub const fn code(self) -> CodeDemand {
        self.code
    }

    /// When the amount is debited.
    pub const fn capture(self) -> CaptureTime {
        self.capture
    }
}

/// When the bank is asked to hold the amount.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BankTurn {
    /// Before the person.
    First,
    /// After the person.
    Last,
    /// Not at all: the amount is only posted, for a bill (F10.1006).
    Skip,
}

/// Whether both channels are needed (C23).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeDemand {
    /// A code is sent and typed back. Patent: *transmission à sécuriser*.
    Ask,
    /// One channel is enough. Patent: *transmission normale*.
    Exempt(Exemption),
}

/// Why no code is asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exemption {
    /// A low amount, with few and little in all since the last code (RTS art. 16).
    LowValue,
    /// The policy's own limit amount (C24), where it is above what RTS art. 16 exempts, or in another currency than its.
    BelowLimit,
}

/// When the amount is debited, once the bank holds it and the person has agreed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureTime {
    /// At once.
    #[default]
    AtOnce,
    /// When the relying party says so, all of it or a part.
    Later,
}

impl KnownBy {
    /// What that proves. A name and a card's digits may be known to anybody; the key of a certificate may not.
    pub(crate) fn elements(self) -> Vec<Element> {
        match self {
            Self::UserId | Self::Card | Self::Unsigned => Vec::new(),
            Self::Certificate => vec![Element::CertificateKey],
        }
    }
}

impl Exemption {
    /// Its name, in views: a promise.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LowValue => "low_value",
            Self::BelowLimit => "below_limit",
        }
    }

    /// The article of the RTS that allows it, where one does.
    pub const fn article(self) -> Option<&'static str> {
        match self {
            Self::LowValue => Some("RTS art. 16"),
            Self::BelowLimit => None,
        }
    }
}

/// How the payer became known.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownBy {
    /// By a name that anybody may type (F13.3).
    UserId,
    /// By a card (F13.v2).
    Card,
    /// By a certificate whose key the payer holds (F13.v1).
    Certificate,
    /// By a card, in an order that nobody signed (F11.v1): a code is asked for, whatever the amount.
    Unsigned,
}
