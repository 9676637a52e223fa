//! TNAuthList (RFC 8226): the telephone numbers that a certificate's holder, or an authority, may assert.
//!
//! ```text
//! TNAuthorizationList ::= SEQUENCE SIZE (1..MAX) OF TNEntry       -- here at most 64 entries in 4 KiB
//! TNEntry ::= CHOICE {                                            -- explicit tags
//!     spc   [0] IA5String,                                        -- a service provider's code
//!     range [1] SEQUENCE { start TelephoneNumber, count INTEGER (2..MAX) },
//!     one   [2] TelephoneNumber }
//! TelephoneNumber ::= IA5String (SIZE (1..15)) (FROM ("0123456789#*"))
//! ```
//!
//! A list of one number and nothing else is a holder's, and that number is borne as a `tel:` URI's is. Service
//! providers and ranges are what an authority may assert, and bear no number.

use std::fmt;

use der::{
    Any, AnyRef, Decode, Encode, Sequence, Tag, TagNumber, Tagged,
    asn1::{Ia5StringRef, ObjectIdentifier},
};
use rcgen::CustomExtension;
use x509_parser::certificate::X509Certificate;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Refusal},
    phone::PhoneNumber,
};

/// The most entries of a [`TnAuthList`] that is read.
pub const MAX_TN_ENTRIES: usize = 64;
/// The largest [`TnAuthList`] that is read: 64 numbers have about 1,300 bytes, and service providers' codes are short.
pub const MAX_TN_AUTH_LIST_BYTES: usize = 4 * 1024;
/// RFC 8226 appendix A, `TelephoneNumber`; E.164 allows 15 digits as well.
const MAX_NUMBER_CHARS: usize = 15;
const SPC: Tag = explicit(TagNumber(0));
const RANGE: Tag = explicit(TagNumber(1));
const ONE: Tag = explicit(TagNumber(2));
/// RFC 8226 section 9, `id-pe-TNAuthList`.
const ID_PE_TN_AUTH_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.26");

/// The value of a TNAuthList extension (RFC 8226 section 9): 1 to 64 entries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TnAuthList {
    entries: Vec<TnEntry>,
}

/// One entry of a [`TnAuthList`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TnEntry {
    /// All numbers of the service provider with this code.
    ServiceProvider(String),
    /// This many numbers, 2 or more, one after the other.
    Range {
        /// The first of them.
        start: TelephoneNumber,
        /// How many there are.
        count: u64,
    },
    /// One number.
    One(TelephoneNumber),
}

/// 1 to 15 digits, `#` and `*`, as RFC 8226 writes a number: without a `+`. Never printed, wiped when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct TelephoneNumber(Zeroizing<String>);

impl TnAuthList {
    /// The list of this one number.
    pub fn of(number: &PhoneNumber) -> Self {
        let digits = number.expose().trim_start_matches('+').to_owned();
        Self { entries: vec![TnEntry::One(TelephoneNumber(Zeroizing::new(digits)))] }
    }

    /// Reads the value of the extension. DER only.
    ///
    /// # Errors
    /// [`Refusal::TnAuthList`].
    pub fn from_der(der: &[u8]) -> Result<Self, Refusal> {
        if der.len() > MAX_TN_AUTH_LIST_BYTES {
            return Err(Refusal::TnAuthList);
        }
        let entries: Vec<AnyRef<'_>> = Vec::from_der(der).map_err(|_| Refusal::TnAuthList)?;
        if entries.is_empty() || entries.len() > MAX_TN_ENTRIES {
            return Err(Refusal::TnAuthList);
        }
        let entries = entries
            .into_iter()
            .map(|entry| TnEntry::decode(entry).ok_or(Refusal::TnAuthList))
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// The value of the extension.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        self.entries
            .iter()
            .map(TnEntry::encode)
            .collect::<der::Result<Vec<Any>>>()
            .and_then(|entries| entries.to_der())
            .map_err(|_| Error::Failed("encoding a TNAuthList"))
    }

    /// The entries, in the order in which they stand.
    pub fn entries(&self) -> &[TnEntry] {
        &self.entries
    }

    /// The number that a certificate with this list bears, if it bears one.
    ///
    /// A number beside anything else is one of several, and nothing says which of them is the holder's.
    pub(crate) fn number(&self) -> Result<Option<&TelephoneNumber>, Refusal> {
        match self.entries.as_slice() {
            [TnEntry::One(number)] => Ok(Some(number)),
            several => {
                let names_a_number = several.iter().any(|entry| matches!(entry, TnEntry::One(_)));
                if names_a_number { Err(Refusal::SeveralPhones) } else { Ok(None) }
            }
        }
    }

    /// The extension with this list in it, not critical: software that does not know it may ignore it (RFC 5280 section 4.2).
    pub(crate) fn extension(&self) -> Result<CustomExtension, Error> {
        let arcs: Vec<u64> = ID_PE_TN_AUTH_LIST.arcs().map(u64::from).collect();
        Ok(CustomExtension::from_oid_content(&arcs, self.to_der()?))
    }

    /// The list that a certificate has. Two of them are refused (RFC 5280 section 4.2).
    pub(crate) fn find(certificate: &X509Certificate<'_>) -> Result<Option<Self>, Refusal> {
        let mut found = certificate
            .iter_extensions()
            .filter(|extension| extension.oid.as_bytes() == ID_PE_TN_AUTH_LIST.as_bytes());
        match (found.next(), found.next()) {
            (extension, None) => {
                extension.map(|extension| Self::from_der(extension.value)).transpose()
            }
            (_, Some(_)) => Err(Refusal::SeveralPhones),
        }
    }
}

impl TnEntry {
    /// Explicit tags, so that a constructed one is around the value (RFC 8226 appendix A). Nothing may follow the value
    /// inside it.
    fn decode(entry: AnyRef<'_>) -> Option<Self> {
        match entry.tag() {
            SPC => {
                let code = Ia5StringRef::from_der(entry.value()).ok()?;
                Some(Self::ServiceProvider(code.as_str().to_owned()))
            }
            RANGE => {
                let Range { start, count } = Range::from_der(entry.value()).ok()?;
                let start = TelephoneNumber::new(start.as_str())?;
                (count >= 2).then_some(Self::Range { start, count })
            }
            ONE => {
                let number = Ia5StringRef::from_der(entry.value()).ok()?;
                TelephoneNumber::new(number.as_str()).map(Self::One)
            }
            _ => None,
        }
    }

    fn encode(&self) -> der::Result<Any> {
        let (tag, value) = match self {
            Self::ServiceProvider(code) => (SPC, Ia5StringRef::new(code)?.to_der()?),
            Self::Range { start, count } => {
                let start = Ia5StringRef::new(start.expose())?;
                let count = *count;
                (RANGE, Range { start, count }.to_der()?)
            }
            Self::One(number) => (ONE, Ia5StringRef::new(number.expose())?.to_der()?),
        };
        Any::new(tag, value)
    }
}

impl TelephoneNumber {
    fn new(text: &str) -> Option<Self> {
        let well_formed = (1..=MAX_NUMBER_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'#' | b'*'));
        well_formed.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The number as it stands in the list. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TelephoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TelephoneNumber(..)")
    }
}

/// RFC 8226 puts no end to `count`; 64 bits are more than there are numbers of 15 digits.
#[derive(Sequence)]
struct Range<'a> {
    start: Ia5StringRef<'a>,
    count: u64,
}

const fn explicit(number: TagNumber) -> Tag {
    Tag::ContextSpecific { constructed: true, number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_is_rfc_8226s_and_not_critical() {
        let number = PhoneNumber::new("+33612345678").unwrap();
        let written = TnAuthList::of(&number).to_der().unwrap();
        let extension = TnAuthList::of(&number).extension().unwrap();
        assert_eq!(extension.content(), written);
        let arcs: Vec<u64> = extension.oid_components().collect();
        assert_eq!(arcs, [1, 3, 6, 1, 5, 5, 7, 1, 26]);
        assert!(!extension.criticality());
    }
}
