//! The message: a type and the values of its fields.

use std::{collections::BTreeMap, fmt};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    field::{Field, FieldError, FieldRule, Length},
    mti::{InvalidMti, Mti},
};

/// The longest message, in bytes: every field of the table at its longest.
pub const MAX_MESSAGE_BYTES: usize = {
    let mut bytes = MTI_BYTES + 2 * BITMAP_BYTES;
    let mut fields = Field::ALL;
    while let [field, rest @ ..] = fields {
        bytes += field.length().prefix_digits() + field.length().max();
        fields = rest;
    }
    bytes
};

const MTI_BYTES: usize = 4;
const BITMAP_BYTES: usize = 8;
/// The bit of the primary bitmap that announces the secondary one.
const SECONDARY: u8 = 1;

/// A message. Values are wiped when dropped.
///
/// Every value keeps the rules of its field, but in one that was [read](Self::read) from a host that may break them:
/// there [`Self::text`] has only values that keep them.
///
/// `Debug` shows the last four digits of the card number, and no value that could hold more of it.
#[derive(Clone, Eq, PartialEq)]
pub struct Message {
    mti: Mti,
    fields: BTreeMap<Field, Zeroizing<Vec<u8>>>,
}

impl Message {
    /// A message without fields.
    pub const fn new(mti: Mti) -> Self {
        Self { mti, fields: BTreeMap::new() }
    }

    /// The same message with that value in that field. Nothing is padded.
    ///
    /// # Errors
    /// When the value breaks a rule of the field.
    pub fn with(mut self, field: Field, value: impl AsRef<[u8]>) -> Result<Self, FieldError> {
        let value = value.as_ref();
        field.check(value)?;
        self.fields.insert(field, Zeroizing::new(value.to_vec()));
        Ok(self)
    }

    /// The same fields under another message type.
    #[must_use]
    pub fn with_mti(mut self, mti: Mti) -> Self {
        self.mti = mti;
        self
    }

    /// The response to this message, with the same values in the `echoed` fields that this message has, if they keep
    /// the rules.
    ///
    /// `None` when this message is a response itself.
    pub fn response(&self, echoed: &[Field]) -> Option<Self> {
        let fields = self.fields.iter();
        let fields =
            fields.filter(|(field, value)| echoed.contains(field) && field.check(value).is_ok());
        Some(Self {
            mti: self.mti.response()?,
            fields: fields.map(|(f, value)| (*f, value.clone())).collect(),
        })
    }

    /// What the message is for.
    pub const fn mti(&self) -> Mti {
        self.mti
    }

    /// The value of a field, whatever its bytes; a card number is among them, so mind where it goes.
    pub fn bytes(&self, field: Field) -> Option<&[u8]> {
        self.fields.get(&field).map(|value| value.as_slice())
    }

    /// The value of a field that holds text; `None` also when it holds bytes that are no text, or break a rule of the
    /// field. A card number is among them, so mind where it goes.
    pub fn text(&self, field: Field) -> Option<&str> {
        let value = self.bytes(field).filter(|value| field.check(value).is_ok())?;
        str::from_utf8(value).ok()
    }

    /// The message as it is sent, without the length before it; at most [`MAX_MESSAGE_BYTES`].
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let bitmap = self.fields.keys().fold(0, |bits, field| bits | bit(field.number()));
        let secondary = bitmap & u128::from(u64::MAX) != 0;
        let bitmap = if secondary { bitmap | bit(SECONDARY) } else { bitmap };
        let bitmap_bytes = if secondary { 2 * BITMAP_BYTES } else { BITMAP_BYTES };

        // Room for all of it at once: a buffer that grows would leave copies of the card number behind.
        let value_bytes = self
            .fields
            .iter()
            .map(|(f, value)| f.length().prefix_digits() + value.len())
            .sum::<usize>();
        let mut out = Zeroizing::new(Vec::with_capacity(MTI_BYTES + bitmap_bytes + value_bytes));
        out.extend(self.mti.to_ascii());
        out.extend(bitmap.to_be_bytes().iter().take(bitmap_bytes));
        for (field, value) in &self.fields {
            let digits = field.length().prefix_digits();
            if digits > 0 {
                out.extend(format!("{:0digits$}", value.len()).bytes());
            }
            out.extend(value.iter());
        }
        out
    }

    /// Reads a message that keeps every rule; `bytes` is all of it and nothing else.
    ///
    /// # Errors
    /// See [`DecodeError`]: the first rule that is broken, from left to right.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let Reading { message, unread } = Reading::of(bytes)?;
        for (field, value) in &message.fields {
            field.check(value)?;
        }
        unread.map_or(Ok(message), Err)
    }

    /// Reads what is there of a host's message, of which nobody uses all: fields may break their rules, and whatever
    /// stands behind the first field whose length cannot be told, or behind the last field, is left out.
    ///
    /// # Errors
    /// When there is no message type, or no bitmap.
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        Reading::of(bytes).map(|reading| reading.message)
    }
}

/// As much of a message as could be told apart, and why not all of it.
struct Reading {
    message: Message,
    unread: Option<DecodeError>,
}

impl Reading {
    fn of(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(DecodeError::TooLong { bytes: bytes.len() });
        }
        let (mti, rest) = bytes.split_at_checked(MTI_BYTES).ok_or(InvalidMti::CutShort)?;
        let mut message = Message::new(Mti::try_from(mti)?);
        let (bitmap, mut rest) = read_bitmap(rest)?;
        for number in (2..=128).filter(|number| bitmap & bit(*number) != 0) {
            let Some(field) = Field::numbered(number) else {
                return Ok(Self { message, unread: Some(DecodeError::TertiaryBitmap) });
            };
            match read_value(field, rest) {
                Ok((value, after)) => {
                    message.fields.insert(field, Zeroizing::new(value.to_vec()));
                    rest = after;
                }
                Err(broken) => return Ok(Self { message, unread: Some(broken.into()) }),
            }
        }
        let trailing = (!rest.is_empty()).then_some(DecodeError::Trailing { bytes: rest.len() });
        Ok(Self { message, unread: trailing })
    }
}

/// The bit of a field in both bitmaps taken as one number: bit 1 is the highest.
const fn bit(number: u8) -> u128 {
    1 << (128 - number)
}

/// Reads one bitmap, or two when the first says so.
fn read_bitmap(bytes: &[u8]) -> Result<(u128, &[u8]), DecodeError> {
    let (primary, rest) =
        bytes.split_first_chunk().ok_or(DecodeError::Bitmap { which: "primary" })?;
    let primary = u128::from(u64::from_be_bytes(*primary)) << 64;
    if primary & bit(SECONDARY) == 0 {
        return Ok((primary, rest));
    }
    let (secondary, rest) =
        rest.split_first_chunk().ok_or(DecodeError::Bitmap { which: "secondary" })?;
    Ok((primary | u128::from(u64::from_be_bytes(*secondary)), rest))
}

/// Takes the value of a field off the front; its length is that of the table or of the digits before it.
fn read_value(field: Field, bytes: &[u8]) -> Result<(&[u8], &[u8]), FieldError> {
    let cut_short = field.broke(FieldRule::CutShort);
    let (value_bytes, rest) = match field.length() {
        Length::Fixed(value_bytes) => (value_bytes, bytes),
        Length::LlVar(_) | Length::LllVar(_) => {
            let (prefix, rest) =
                bytes.split_at_checked(field.length().prefix_digits()).ok_or(cut_short)?;
            if !prefix.iter().all(u8::is_ascii_digit) {
                return Err(field.broke(FieldRule::LengthNotDigits));
            }
            let value_bytes = prefix
                .iter()
                .fold(0, |sum, digit| sum * 10 + usize::from(digit.saturating_sub(b'0')));
            (value_bytes, rest)
        }
    };
    rest.split_at_checked(value_bytes).ok_or(cut_short)
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(&format!("Message {}", self.mti));
        for (field, value) in &self.fields {
            shown.field(&field.number().to_string(), &Shown { field: *field, value });
        }
        shown.finish()
    }
}

/// A value as it may be shown.
struct Shown<'a> {
    field: Field,
    value: &'a [u8],
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A card number has at least 12 digits (ISO/IEC 7812-1); the last four of a shorter one would say too much.
        let last_four = if self.value.len() >= 12 { self.value.last_chunk::<4>() } else { None };
        match (self.field, last_four, str::from_utf8(self.value)) {
            (Field::PAN, Some(last), _) => write!(f, "\"•••• {}\"", last.escape_ascii()),
            (field, _, Ok(text)) if field.may_be_shown() && field.check(self.value).is_ok() => {
                fmt::Debug::fmt(text, f)
            }
            _ => write!(f, "({} bytes)", self.value.len()),
        }
    }
}

/// Bytes that are no message. Names the first rule that they break, and never quotes them.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is longer than any message can be.
    #[error("the message has {bytes} bytes, more than {MAX_MESSAGE_BYTES}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It does not begin with a message type.
    #[error(transparent)]
    Mti(#[from] InvalidMti),
    /// It ends before a bitmap does.
    #[error("the {which} bitmap is cut short")]
    Bitmap {
        /// `primary` or `secondary`.
        which: &'static str,
    },
    /// Bit 65 is set: it would announce fields above 128, which the edition of 1987 does not have.
    #[error("field 65 (bitmap, tertiary) is announced and not supported")]
    TertiaryBitmap,
    /// A value breaks a rule of its field.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Something follows the last field that the bitmap announces.
    #[error("{bytes} bytes follow the last field")]
    Trailing {
        /// How many of them.
        bytes: usize,
    },
}

#[cfg(test)]
mod tests;
