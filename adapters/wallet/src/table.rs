//! The one table of the exchange's messages: their types are made from it, and so are the documented schema and the model
//! that is proved.

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

/// Those who take part (figure 12: 1201, 1202, 1203).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Party {
    /// The one who pays, at the computer 1201.
    Client,
    /// The one who sells, 1202.
    Merchant,
    /// The intermediation server, 1203.
    Server,
}

/// How a message is kept from being changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protection {
    /// By a signature: JWS in its compact form (RFC 7515), ES256, of that `typ` (RFC 8725 section 3.11).
    Signed {
        /// The signer.
        by: Party,
        /// The `typ` of its header.
        typ: &'static str,
    },
    /// By the channel: TLS, and the session of that party.
    Channel {
        /// The sender.
        by: Party,
    },
}

/// What a member holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A whole number.
    Integer {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A string that people may read, of at least one character.
    Text {
        /// Most characters.
        max: usize,
    },
    /// One of these strings.
    Word(&'static [&'static str]),
    /// An array of some of these strings, each once.
    Words(&'static [&'static str]),
    /// A string of letters, digits, `-` and `_`.
    Token {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// A name of ours: this prefix, and 32 hexadecimal digits.
    Id(&'static str),
    /// A host name in lower case.
    Host,
    /// An ISO 4217 code.
    Currency,
    /// SHA-256 over what is signed of a message (RFC 7515 section 5.1, step 5), 64 hexadecimal digits.
    Digest(&'static str),
    /// A signed message, handed on unchanged.
    Compact(&'static str),
    /// An object with one of these members, which holds that.
    Choice(&'static [(&'static str, Self)]),
    /// An array of objects with those members.
    List {
        /// The members of each, and what they hold.
        of: &'static [(&'static str, Self)],
        /// Most elements.
        max: usize,
    },
}

/// What a member says, whatever it is called. What two messages of one payment say in the same term must be equal: that is
/// what they bind.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Term {
    /// The merchant that is paid.
    Merchant,
    /// The server that takes the money.
    Server,
    /// The ticket: all of it, or its number.
    Ticket,
    /// What is to be paid, with its currency.
    Amount,
    /// What is bought.
    Order,
    /// The payment of the ticket.
    Payment,
    /// What pays.
    Source,
    /// The code from the phone.
    Code,
    /// The PIN of the person.
    Pin,
    /// The receipt.
    Receipt,
    /// This message: no second is the same.
    Itself,
    /// A point in time, which bounds for how long the message is good.
    Time,
    /// Nothing: people read it.
    Shown,
}

/// What can be a member.
pub trait Described {
    /// What it holds.
    const KIND: Kind;
}

/// A member of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field {
    /// Its name in the JSON.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it binds.
    pub binds: Term,
    /// Whether it may be absent. It is never `null`.
    pub optional: bool,
    /// What it is for.
    pub doc: &'static str,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Message {
    /// As we call it.
    pub name: &'static str,
    /// As figure 12 calls it.
    pub figure: &'static str,
    /// How it is kept from being changed.
    pub protection: Protection,
    /// What it is for.
    pub doc: &'static str,
    /// Its members, in order.
    pub fields: &'static [Field],
}

/// A type that is a row of the table.
pub trait Row: Serialize + DeserializeOwned {
    /// The row.
    const MESSAGE: Message;
}

/// A message that is signed.
pub trait Signed: Row {
    /// The `typ` of its header: what keeps one from being read as another.
    const TYP: &'static str;
}

/// Makes messages: types with their codec, and their rows. Unknown and doubled members are refused by the codec.
macro_rules! messages {
    ($($(#[doc = $doc:literal])+ $name:ident = $figure:literal by $by:ident $(signed as $typ:literal)? {
        $($(#[doc = $field_doc:literal])+ $field:ident : $type:ty as $term:ident,)+
        $([optional] $(#[doc = $optional_doc:literal])+ $optional:ident : $optional_type:ty as $optional_term:ident,)*
    })+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Debug, serde::Deserialize, Eq, PartialEq, serde::Serialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[doc = $field_doc])+ pub $field: $type,)+
                $(
                    $(#[doc = $optional_doc])+
                    #[serde(
                        default,
                        deserialize_with = "crate::table::present",
                        skip_serializing_if = "Option::is_none"
                    )]
                    pub $optional: Option<$optional_type>,
                )*
            }

            impl $crate::table::Row for $name {
                const MESSAGE: $crate::table::Message = $crate::table::Message {
                    name: stringify!($name),
                    figure: $figure,
                    protection: $crate::table::messages!(@protection $by $($typ)?),
                    doc: concat!($($doc),+),
                    fields: &[$($crate::table::Field {
                        name: stringify!($field),
                        kind: <$type as $crate::table::Described>::KIND,
                        binds: $crate::table::Term::$term,
                        optional: false,
                        doc: concat!($($field_doc),+),
                    },)+ $($crate::table::Field {
                        name: stringify!($optional),
                        kind: <$optional_type as $crate::table::Described>::KIND,
                        binds: $crate::table::Term::$optional_term,
                        optional: true,
                        doc: concat!($($optional_doc),+),
                    },)*],
                };
            }

            $(impl $crate::table::Signed for $name {
                const TYP: &'static str = $typ;
            })?
        )+

        /// The table, in the order of the exchange.
        pub const MESSAGES: &[$crate::table::Message] =
            &[$(<$name as $crate::table::Row>::MESSAGE),+];
    };
    (@protection $by:ident) => {
        $crate::table::Protection::Channel { by: $crate::table::Party::$by }
    };
    (@protection $by:ident $typ:literal) => {
        $crate::table::Protection::Signed { by: $crate::table::Party::$by, typ: $typ }
    };
}

pub(crate) use messages;

/// An optional member that is there: not `null`, which would be a second way to say that it is absent.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    member: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(member).map(Some)
}

/// Says what types hold.
macro_rules! described {
    ($($type:ty => $kind:expr,)+) => {
        $(impl $crate::table::Described for $type {
            const KIND: $crate::table::Kind = $kind;
        })+
    };
}

pub(crate) use described;
