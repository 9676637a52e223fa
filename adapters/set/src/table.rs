//! The one table of structures: what each is called, which fields it has, what of it is hashed, signed, and encrypted to
//! whom. The codec is made from it, and so are the ASN.1 module, the reference page and the model that is proved.

use crate::message;

/// Where our structures stand among object identifiers: one leaf for each content type.
pub const CONTENT_TYPES: &str =
    "1.2.840.113556.1.8000.2554.31838.7946.37812.19758.35425.998269.10235461.2";

/// Those who take part (figure 11: 1101, 1102, 1103).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// The one who pays, 1101.
    Cardholder,
    /// The one who sells, 1102.
    Merchant,
    /// The payment gateway, 1103.
    Gateway,
    /// The authority at which cardholders register (F11.1).
    Authority,
    /// The one that registers: its new key has no certificate yet.
    Applicant,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `OCTET STRING`.
    Octets {
        /// Fewest octets.
        min: usize,
        /// Most octets.
        max: usize,
    },
    /// `UTF8String` of at least one character.
    Text {
        /// Most characters.
        max: usize,
    },
    /// `NumericString`.
    Digits {
        /// Fewest digits.
        min: usize,
        /// Most digits.
        max: usize,
    },
    /// `INTEGER`.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// `BOOLEAN`.
    Boolean,
    /// `GeneralizedTime`.
    Time,
    /// A `Certificate` (RFC 5280).
    Certificate,
    /// Another structure, choice or enumeration of the table, by name.
    Named(&'static str),
    /// `SEQUENCE OF`.
    List {
        /// Of what.
        of: &'static Self,
        /// Fewest elements.
        min: usize,
        /// Most elements.
        max: usize,
    },
    /// SHA-256 over the content type and the DER of a structure (SET's `DD`).
    Digest(&'static str),
    /// SHA-256 of a public key: whom somebody means.
    KeyOf(Role),
    /// CMS SignedData by somebody over a structure (SET's `S`, or `SO` when the structure is not in it).
    Signed {
        /// The structure.
        what: &'static str,
        /// The signer.
        by: Role,
        /// Whether the structure is in the message.
        attached: bool,
    },
    /// CMS AuthEnvelopedData to somebody (SET's `E`).
    Sealed {
        /// What is in it.
        what: &'static Self,
        /// The recipient.
        to: Role,
    },
}

/// What can be a field.
pub trait Described {
    /// What it is in ASN.1, and how it is protected.
    const KIND: &'static Kind;
}

/// A field of a structure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field {
    /// As SET or we call it.
    pub name: &'static str,
    /// What it holds.
    pub kind: &'static Kind,
    /// The tag under which it may be there; it must be there when there is none.
    pub optional: Option<u16>,
    /// What it is for.
    pub doc: &'static str,
}

/// What a name of the table stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// A `SEQUENCE`.
    Sequence(&'static [Field]),
    /// A `CHOICE`, each under its tag.
    Choice(&'static [Field]),
    /// An `ENUMERATED`: names and numbers.
    Enumerated(&'static [(&'static str, u32)]),
}

/// A row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Structure {
    /// As SET or we call it.
    pub name: &'static str,
    /// Its leaf below [`CONTENT_TYPES`] where it is hashed, signed or encrypted by itself.
    pub number: Option<u16>,
    /// What it is for.
    pub doc: &'static str,
    /// What it is made of.
    pub shape: Shape,
}

/// A type that is a row of the table.
pub trait Row: Described {
    /// The row.
    const STRUCTURE: &'static Structure;
}

/// A structure that is hashed, signed or encrypted by itself: its content type keeps it apart from all others.
pub trait Content:
    Row + der::Encode + for<'a> der::Decode<'a, Error = der::Error> + Clone + Send + Sync + 'static
{
    /// The leaf of its content type below [`CONTENT_TYPES`].
    const NUMBER: u32;
}

/// The table, in reading order.
pub fn rows() -> Vec<&'static Structure> {
    [
        message::common::ROWS,
        message::initiation::ROWS,
        message::purchase::ROWS,
        message::authorization::ROWS,
        message::code::ROWS,
        message::settlement::ROWS,
        message::batch::ROWS,
        message::certificates::ROWS,
        message::inquiry::ROWS,
        message::registration::ROWS,
        message::failure::ROWS,
        message::wrapper::ROWS,
    ]
    .concat()
}

/// Makes structures: types with their codec, and their rows.
macro_rules! structures {
    ($($(#[doc = $doc:literal])+ $name:ident = $asn1:literal $($number:literal)? {
        $($(#[doc = $field_doc:literal])+ $field:ident = $field_asn1:literal : $type:ty,)*
        $([$tag:tt] $(#[doc = $optional_doc:literal])+ $optional:ident = $optional_asn1:literal : $optional_type:ty,)*
    })+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Debug, der::Sequence, Eq, PartialEq)]
            pub struct $name {
                $($(#[doc = $field_doc])+ pub $field: $type,)*
                $(
                    $(#[doc = $optional_doc])+
                    #[asn1(context_specific = $tag, tag_mode = "EXPLICIT", optional = "true")]
                    pub $optional: Option<$optional_type>,
                )*
            }

            impl $crate::table::Described for $name {
                const KIND: &'static $crate::table::Kind = &$crate::table::Kind::Named($asn1);
            }

            impl $crate::table::Row for $name {
                const STRUCTURE: &'static $crate::table::Structure = &$crate::table::Structure {
                    name: $asn1,
                    number: $crate::table::structures!(@number $($number)?),
                    doc: concat!($($doc),+),
                    shape: $crate::table::Shape::Sequence(&[
                        $($crate::table::Field {
                            name: $field_asn1,
                            kind: <$type as $crate::table::Described>::KIND,
                            optional: None,
                            doc: concat!($($field_doc),+),
                        },)*
                        $($crate::table::Field {
                            name: $optional_asn1,
                            kind: <$optional_type as $crate::table::Described>::KIND,
                            optional: Some($crate::table::tag_number($tag)),
                            doc: concat!($($optional_doc),+),
                        },)*
                    ]),
                };
            }

            $(impl $crate::table::Content for $name {
                const NUMBER: u32 = $number;
            })?
        )+
    };
    (@number) => { None };
    (@number $number:literal) => { Some($number) };
}

/// Makes choices: enums with their codec, and their rows.
macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $(#[expect $expect:tt])? $name:ident = $asn1:literal $($number:literal)? {
        $([$tag:tt] $(#[doc = $variant_doc:literal])+ $variant:ident = $variant_asn1:literal : $type:ty,)+
    })+) => {
        $(
            $(#[doc = $doc])+
            $(#[expect $expect])?
            #[derive(Clone, Debug, der::Choice, Eq, PartialEq)]
            pub enum $name {
                $(
                    $(#[doc = $variant_doc])+
                    #[asn1(context_specific = $tag, tag_mode = "EXPLICIT", constructed = "true")]
                    $variant($type),
                )+
            }

            impl $crate::table::Described for $name {
                const KIND: &'static $crate::table::Kind = &$crate::table::Kind::Named($asn1);
            }

            impl $crate::table::Row for $name {
                const STRUCTURE: &'static $crate::table::Structure = &$crate::table::Structure {
                    name: $asn1,
                    number: $crate::table::structures!(@number $($number)?),
                    doc: concat!($($doc),+),
                    shape: $crate::table::Shape::Choice(&[
                        $($crate::table::Field {
                            name: $variant_asn1,
                            kind: <$type as $crate::table::Described>::KIND,
                            optional: Some($crate::table::tag_number($tag)),
                            doc: concat!($($variant_doc),+),
                        },)+
                    ]),
                };
            }

            $(impl $crate::table::Content for $name {
                const NUMBER: u32 = $number;
            })?
        )+
    };
}

/// Makes enumerations: enums with their codec, and their rows.
macro_rules! enumerations {
    ($($(#[doc = $doc:literal])+ $name:ident = $asn1:literal {
        $($(#[doc = $variant_doc:literal])+ $variant:ident = $variant_asn1:literal $number:tt,)+
    })+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Copy, Debug, der::Enumerated, Eq, Hash, PartialEq)]
            #[repr(u32)]
            pub enum $name {
                $($(#[doc = $variant_doc])+ $variant = $number,)+
            }

            impl $name {
                /// Its name, as SET or we call it.
                pub const fn name(self) -> &'static str {
                    match self {
                        $(Self::$variant => $variant_asn1,)+
                    }
                }

                /// The one of that name.
                pub fn from_name(name: &str) -> Option<Self> {
                    [$(Self::$variant),+].into_iter().find(|one| one.name() == name)
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(self.name())
                }
            }

            impl $crate::table::Described for $name {
                const KIND: &'static $crate::table::Kind = &$crate::table::Kind::Named($asn1);
            }

            impl $crate::table::Row for $name {
                const STRUCTURE: &'static $crate::table::Structure = &$crate::table::Structure {
                    name: $asn1,
                    number: None,
                    doc: concat!($($doc),+),
                    shape: $crate::table::Shape::Enumerated(&[$(($variant_asn1, $number)),+]),
                };
            }
        )+
    };
}

pub(crate) use {choices, enumerations, structures};

const fn digit_of(byte: u8) -> u16 {
    match byte {
        b'1' => 1,
        b'2' => 2,
        b'3' => 3,
        b'4' => 4,
        b'5' => 5,
        b'6' => 6,
        b'7' => 7,
        b'8' => 8,
        b'9' => 9,
        _ => 0,
    }
}

/// The number in a tag as the codec's macro wants it.
pub(crate) const fn tag_number(text: &str) -> u16 {
    let (mut number, mut place) = (0_u16, 0);
    let bytes = text.as_bytes();
    while place < bytes.len() {
        if let Some((digit, _)) = bytes.split_at(place).1.split_first() {
            number = number * 10 + digit_of(*digit);
        }
        place += 1;
    }
    number
}
