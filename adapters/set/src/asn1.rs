//! The types of fields: bounded values of DER (X.690), each of which knows how it is written in ASN.1.

use std::fmt;

use countersign_certs::Certificate;
use countersign_domain::shown::is_unshowable;
use der::{
    Decode, DecodeValue, Encode, EncodeValue, ErrorKind, FixedTag, Header, Length, Reader, Tag,
    Writer, asn1::GeneralizedTime,
};
use zeroize::Zeroizing;

mod received;

pub use self::received::Received;
use crate::table::{Described, Kind};

/// How many octets an identifier, a challenge, a salt or a nonce has in SET.
pub const RANDOM_OCTETS: usize = 20;

/// What is wrong with the value of a field.
const fn out_of_bounds(tag: Tag) -> der::Error {
    der::Error::new(ErrorKind::Value { tag }, Length::ZERO)
}

/// Writes the bytes of a value, whatever type has them.
macro_rules! written_as_bytes {
    ([$($generics:tt)*] $name:ty, $tag:expr) => {
        impl<$($generics)*> FixedTag for $name {
            const TAG: Tag = $tag;
        }

        impl<$($generics)*> EncodeValue for $name {
            fn value_len(&self) -> der::Result<Length> {
                Length::try_from(self.0.len())
            }

            fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
                writer.write(self.0.as_ref())
            }
        }
    };
}

/// `OCTET STRING (SIZE(MIN..MAX))`, for everyone to see.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Octets<const MIN: usize, const MAX: usize>(Vec<u8>);

/// Twenty random octets: an identifier, a challenge, a salt.
pub type Random = Octets<RANDOM_OCTETS, RANDOM_OCTETS>;

impl<const MIN: usize, const MAX: usize> Octets<MIN, MAX> {
    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> TryFrom<Vec<u8>> for Octets<MIN, MAX> {
    type Error = der::Error;

    fn try_from(bytes: Vec<u8>) -> der::Result<Self> {
        let fits = (MIN..=MAX).contains(&bytes.len());
        fits.then_some(Self(bytes)).ok_or(out_of_bounds(Tag::OctetString))
    }
}

impl From<[u8; RANDOM_OCTETS]> for Random {
    fn from(bytes: [u8; RANDOM_OCTETS]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<'a, const MIN: usize, const MAX: usize> DecodeValue<'a> for Octets<MIN, MAX> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        Self::try_from(reader.read_slice(header.length())?.to_vec())
    }
}

written_as_bytes!([const MIN: usize, const MAX: usize] Octets<MIN, MAX>, Tag::OctetString);

impl<const MIN: usize, const MAX: usize> Described for Octets<MIN, MAX> {
    const KIND: &'static Kind = &Kind::Octets { min: MIN, max: MAX };
}

/// `OCTET STRING (SIZE(N))` that only those may see to whom it is encrypted. Never printed, wiped when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct SecretOctets<const N: usize = RANDOM_OCTETS>(Zeroizing<[u8; N]>);

impl<const N: usize> SecretOctets<N> {
    /// The octets. Not for logs.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> From<[u8; N]> for SecretOctets<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl<'a, const N: usize> DecodeValue<'a> for SecretOctets<N> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let bytes = reader.read_slice(header.length())?.try_into();
        bytes.map(|bytes| Self(Zeroizing::new(bytes))).map_err(|_| out_of_bounds(Tag::OctetString))
    }
}

written_as_bytes!([const N: usize] SecretOctets<N>, Tag::OctetString);

impl<const N: usize> Described for SecretOctets<N> {
    const KIND: &'static Kind = &Kind::Octets { min: N, max: N };
}

impl<const N: usize> fmt::Debug for SecretOctets<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretOctets(..)")
    }
}

/// `UTF8String (SIZE(1..MAX))`, counted in characters, without those that nobody sees or that reverse others: people read it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<&str> for Text<MAX> {
    type Error = der::Error;

    fn try_from(text: &str) -> der::Result<Self> {
        is_text::<MAX>(text)?;
        let shown = !text.chars().any(is_unshowable);
        shown.then(|| Self(text.to_owned())).ok_or(out_of_bounds(Tag::Utf8String))
    }
}

impl<'a, const MAX: usize> DecodeValue<'a> for Text<MAX> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let bytes = reader.read_slice(header.length())?;
        Self::try_from(std::str::from_utf8(bytes).map_err(|_| out_of_bounds(Tag::Utf8String))?)
    }
}

written_as_bytes!([const MAX: usize] Text<MAX>, Tag::Utf8String);

impl<const MAX: usize> Described for Text<MAX> {
    const KIND: &'static Kind = &Kind::Text { max: MAX };
}

/// The same, that only those may see to whom it is encrypted: a PIN. Never printed, wiped when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct SecretText<const MAX: usize>(Zeroizing<String>);

impl<const MAX: usize> SecretText<MAX> {
    /// The text. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<&str> for SecretText<MAX> {
    type Error = der::Error;

    fn try_from(text: &str) -> der::Result<Self> {
        is_text::<MAX>(text).map(|()| Self(Zeroizing::new(text.to_owned())))
    }
}

impl<'a, const MAX: usize> DecodeValue<'a> for SecretText<MAX> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let bytes = reader.read_slice(header.length())?;
        Self::try_from(std::str::from_utf8(bytes).map_err(|_| out_of_bounds(Tag::Utf8String))?)
    }
}

impl<const MAX: usize> FixedTag for SecretText<MAX> {
    const TAG: Tag = Tag::Utf8String;
}

impl<const MAX: usize> EncodeValue for SecretText<MAX> {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.0.as_bytes())
    }
}

impl<const MAX: usize> Described for SecretText<MAX> {
    const KIND: &'static Kind = &Kind::Text { max: MAX };
}

impl<const MAX: usize> fmt::Debug for SecretText<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

fn is_text<const MAX: usize>(text: &str) -> der::Result<()> {
    let fits = (1..=MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then_some(()).ok_or(out_of_bounds(Tag::Utf8String))
}

/// `NumericString (SIZE(MIN..MAX))` of digits, for everyone to see.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Digits<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Digits<MIN, MAX> {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> TryFrom<&str> for Digits<MIN, MAX> {
    type Error = der::Error;

    fn try_from(text: &str) -> der::Result<Self> {
        are_digits::<MIN, MAX>(text).map(|()| Self(text.to_owned()))
    }
}

impl<'a, const MIN: usize, const MAX: usize> DecodeValue<'a> for Digits<MIN, MAX> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let bytes = reader.read_slice(header.length())?;
        Self::try_from(std::str::from_utf8(bytes).map_err(|_| out_of_bounds(Tag::NumericString))?)
    }
}

written_as_bytes!([const MIN: usize, const MAX: usize] Digits<MIN, MAX>, Tag::NumericString);

impl<const MIN: usize, const MAX: usize> Described for Digits<MIN, MAX> {
    const KIND: &'static Kind = &Kind::Digits { min: MIN, max: MAX };
}

fn are_digits<const MIN: usize, const MAX: usize>(text: &str) -> der::Result<()> {
    let fits = (MIN..=MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(()).ok_or(out_of_bounds(Tag::NumericString))
}

/// `NumericString (SIZE(MIN..MAX))` of digits that only those may see to whom it is encrypted: a card's number, a code.
/// Never printed, wiped when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct SecretDigits<const MIN: usize, const MAX: usize>(Zeroizing<String>);

impl<const MIN: usize, const MAX: usize> SecretDigits<MIN, MAX> {
    /// The digits. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> TryFrom<&str> for SecretDigits<MIN, MAX> {
    type Error = der::Error;

    fn try_from(text: &str) -> der::Result<Self> {
        are_digits::<MIN, MAX>(text).map(|()| Self(Zeroizing::new(text.to_owned())))
    }
}

impl<'a, const MIN: usize, const MAX: usize> DecodeValue<'a> for SecretDigits<MIN, MAX> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let bytes = reader.read_slice(header.length())?;
        Self::try_from(std::str::from_utf8(bytes).map_err(|_| out_of_bounds(Tag::NumericString))?)
    }
}

impl<const MIN: usize, const MAX: usize> FixedTag for SecretDigits<MIN, MAX> {
    const TAG: Tag = Tag::NumericString;
}

impl<const MIN: usize, const MAX: usize> EncodeValue for SecretDigits<MIN, MAX> {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.0.as_bytes())
    }
}

impl<const MIN: usize, const MAX: usize> Described for SecretDigits<MIN, MAX> {
    const KIND: &'static Kind = &Kind::Digits { min: MIN, max: MAX };
}

impl<const MIN: usize, const MAX: usize> fmt::Debug for SecretDigits<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigits(..)")
    }
}

/// `INTEGER (MIN..MAX)`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Number<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Number<MIN, MAX> {
    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> TryFrom<i64> for Number<MIN, MAX> {
    type Error = der::Error;

    fn try_from(number: i64) -> der::Result<Self> {
        let fits = (MIN..=MAX).contains(&number);
        fits.then_some(Self(number)).ok_or(out_of_bounds(Tag::Integer))
    }
}

impl<const MIN: i64, const MAX: i64> FixedTag for Number<MIN, MAX> {
    const TAG: Tag = Tag::Integer;
}

impl<'a, const MIN: i64, const MAX: i64> DecodeValue<'a> for Number<MIN, MAX> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        Self::try_from(i64::decode_value(reader, header)?)
    }
}

impl<const MIN: i64, const MAX: i64> EncodeValue for Number<MIN, MAX> {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

impl<const MIN: i64, const MAX: i64> Described for Number<MIN, MAX> {
    const KIND: &'static Kind = &Kind::Integer { min: MIN, max: MAX };
}

impl Described for bool {
    const KIND: &'static Kind = &Kind::Boolean;
}

impl Described for GeneralizedTime {
    const KIND: &'static Kind = &Kind::Time;
}

/// `SEQUENCE (SIZE(MIN..MAX)) OF` something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List<T, const MIN: usize, const MAX: usize>(Vec<T>);

impl<T, const MIN: usize, const MAX: usize> List<T, MIN, MAX> {
    /// The elements, in order.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MIN: usize, const MAX: usize> TryFrom<Vec<T>> for List<T, MIN, MAX> {
    type Error = der::Error;

    fn try_from(elements: Vec<T>) -> der::Result<Self> {
        let fits = (MIN..=MAX).contains(&elements.len());
        fits.then_some(Self(elements)).ok_or(out_of_bounds(Tag::Sequence))
    }
}

impl<T, const MIN: usize, const MAX: usize> FixedTag for List<T, MIN, MAX> {
    const TAG: Tag = Tag::Sequence;
}

impl<'a, T: Decode<'a, Error = der::Error>, const MIN: usize, const MAX: usize> DecodeValue<'a>
    for List<T, MIN, MAX>
{
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let end = (reader.position() + header.length())?;
        let mut elements = Vec::new();
        while reader.position() < end {
            if elements.len() == MAX {
                return Err(out_of_bounds(Tag::Sequence));
            }
            elements.push(T::decode(reader)?);
        }
        Self::try_from(elements)
    }
}

impl<T: Encode, const MIN: usize, const MAX: usize> EncodeValue for List<T, MIN, MAX> {
    fn value_len(&self) -> der::Result<Length> {
        self.0.iter().try_fold(Length::ZERO, |length, element| length + element.encoded_len()?)
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.iter().try_for_each(|element| element.encode(writer))
    }
}

impl<T: Described, const MIN: usize, const MAX: usize> Described for List<T, MIN, MAX> {
    const KIND: &'static Kind = &Kind::List { of: T::KIND, min: MIN, max: MAX };
}

/// Any one SEQUENCE, kept as it was received: for what another decoder reads.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Element {
    der: Vec<u8>,
    /// Where its value begins.
    value_at: usize,
}

impl Element {
    /// The whole of it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.der
    }

    fn value(&self) -> &[u8] {
        self.der.split_at_checked(self.value_at).map(|(_, value)| value).unwrap_or_default()
    }
}

impl FixedTag for Element {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for Element {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        // A length in DER has one form, so this is what was received.
        let mut der = header.to_der()?;
        let value_at = der.len();
        der.extend(reader.read_slice(header.length())?);
        Ok(Self { der, value_at })
    }
}

impl EncodeValue for Element {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.value().len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.value())
    }
}

/// Reads and writes a type as the SEQUENCE in its first field.
macro_rules! written_as_element {
    ([$($generics:tt)*] $name:ty) => {
        impl<$($generics)*> der::FixedTag for $name {
            const TAG: der::Tag = der::Tag::Sequence;
        }

        impl<'a, $($generics)*> der::DecodeValue<'a> for $name
        where
            Self: From<$crate::asn1::Element> + 'a,
        {
            type Error = der::Error;

            fn decode_value<R: der::Reader<'a>>(
                reader: &mut R,
                header: der::Header,
            ) -> der::Result<Self> {
                $crate::asn1::Element::decode_value(reader, header).map(Self::from)
            }
        }

        impl<$($generics)*> der::EncodeValue for $name {
            fn value_len(&self) -> der::Result<der::Length> {
                self.0.value_len()
            }

            fn encode_value(&self, writer: &mut impl der::Writer) -> der::Result<()> {
                self.0.encode_value(writer)
            }
        }
    };
}

pub(crate) use written_as_element;

/// A certificate on the wire (RFC 5280), decoded where it is looked at.
#[derive(Clone, Eq, PartialEq)]
pub struct CertificateElement(Element);

impl CertificateElement {
    /// A certificate to be sent.
    ///
    /// # Errors
    /// None: a certificate is a SEQUENCE.
    pub fn new(certificate: &Certificate) -> der::Result<Self> {
        Element::from_der(certificate.der()).map(Self)
    }

    /// Its DER, if it is one.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<Element> for CertificateElement {
    fn from(element: Element) -> Self {
        Self(element)
    }
}

written_as_element!([] CertificateElement);

impl Described for CertificateElement {
    const KIND: &'static Kind = &Kind::Certificate;
}

/// Without its bytes, which may hold a number in clear.
impl fmt::Debug for CertificateElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateElement({} bytes)", self.as_bytes().len())
    }
}
