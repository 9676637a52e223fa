//! What was received, beside what it means.

use std::ops::Deref;

use der::{Decode, Encode, Length, Reader, Writer};
use zeroize::Zeroizing;

use crate::table::{Described, Kind};

/// A value together with the bytes it was received as: what is hashed and signed are these, never an encoding made anew
/// (docs/security/proof.md, W7).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Received<T> {
    value: T,
    /// Wiped when dropped: what was decrypted may hold a card.
    bytes: Zeroizing<Vec<u8>>,
}

impl<T> Received<T> {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value alone.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T: Encode> Received<T> {
    /// A value of ours, encoded this once.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn new(value: T) -> der::Result<Self> {
        Ok(Self { bytes: Zeroizing::new(value.to_der()?), value })
    }
}

impl<T: for<'a> Decode<'a, Error = der::Error>> Received<T> {
    /// What somebody has sent.
    ///
    /// # Errors
    /// When it is not exactly one value in DER.
    pub fn from_der(bytes: &[u8]) -> der::Result<Self> {
        Ok(Self { value: T::from_der(bytes)?, bytes: Zeroizing::new(bytes.to_vec()) })
    }
}

impl<T> Deref for Received<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'a, T: for<'b> Decode<'b, Error = der::Error> + 'a> Decode<'a> for Received<T> {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        Self::from_der(reader.tlv_bytes()?)
    }
}

impl<T> Encode for Received<T> {
    fn encoded_len(&self) -> der::Result<Length> {
        Length::try_from(self.bytes.len())
    }

    fn encode(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(&self.bytes)
    }
}

impl<T: Described> Described for Received<T> {
    const KIND: &'static Kind = T::KIND;
}
