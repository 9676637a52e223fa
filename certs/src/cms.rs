//! The Cryptographic Message Syntax (RFC 5652), in the parts that are spoken here: one way of sealing, one of signing,
//! strict DER. OpenSSL 3 reads and makes both.
//!
//! ```text
//!   seal(content, recipients)      -> AuthEnvelopedData -> open(message, keys)           sealed.rs
//!   sign(content, type, signer)    -> SignedData        -> verify(message, type)         signed.rs
//! ```
//!
//! What is sealed and signed is a signed message as the content of a sealed one: what it is bound to stands inside.

pub(crate) mod agreement;
mod content_key;
pub(crate) mod recipient;
mod recipients;
pub mod sealed;
mod shared;
pub mod signed;
mod transport;

use std::str::FromStr;

use der::{ErrorKind, asn1::ObjectIdentifier};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::error::{Error, SealedFault, SignedFault};

pub use self::recipient::{RecipientCertificate, RecipientKey};
pub use self::recipients::MAX_RECIPIENTS;

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// What kind of content is signed. A protocol that gives each of its structures a type of its own has no signature over one
/// presented as that over another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ContentType(ObjectIdentifier);

impl ContentType {
    /// Bytes: what they mean stands inside them (`id-data`, RFC 5652 section 4).
    pub const DATA: Self = Self(ID_DATA);
}

impl From<ObjectIdentifier> for ContentType {
    fn from(identifier: ObjectIdentifier) -> Self {
        Self(identifier)
    }
}

impl FromStr for ContentType {
    type Err = Error;

    /// From dotted decimal. Its parts must fit 32 bits, as many programs read no longer ones.
    fn from_str(dotted: &str) -> Result<Self, Error> {
        ObjectIdentifier::new(dotted).map(Self).map_err(|_| Error::InvalidObjectIdentifier)
    }
}

/// What is wrong with the encoding of a message.
enum Shape {
    Truncated,
    TrailingBytes,
    NotDer,
    Malformed,
}

fn shape_of(error: &der::Error) -> Shape {
    match error.kind() {
        ErrorKind::Incomplete { .. } => Shape::Truncated,
        ErrorKind::TrailingData { .. } => Shape::TrailingBytes,
        ErrorKind::IndefiniteLength
        | ErrorKind::Length { .. }
        | ErrorKind::Noncanonical { .. }
        | ErrorKind::Overlength => Shape::NotDer,
        _ => Shape::Malformed,
    }
}

impl From<Shape> for SealedFault {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Truncated => Self::Truncated,
            Shape::TrailingBytes => Self::TrailingBytes,
            Shape::NotDer => Self::NotDer,
            Shape::Malformed => Self::Malformed,
        }
    }
}

impl From<Shape> for SignedFault {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Truncated => Self::Truncated,
            Shape::TrailingBytes => Self::TrailingBytes,
            Shape::NotDer => Self::NotDer,
            Shape::Malformed => Self::Malformed,
        }
    }
}

/// With NULL or without parameters: both are to be read (RFC 4055 section 2.1). OpenSSL writes none.
fn is_sha256(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.oid == ID_SHA256
        && algorithm.parameters.as_ref().is_none_or(|parameters| parameters.is_null())
}
