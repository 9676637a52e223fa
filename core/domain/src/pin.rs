//! A PIN or password of a person: what may be one, what is kept of it, and who hashes it.

use std::fmt;

use async_trait::async_trait;
use ring::digest;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroize as _;

use crate::{
    address::{Address, Msisdn},
    element::Element,
    hex,
    id::Identifier,
    invalid::{Field, InvalidInput},
    person::Person,
    randomness::{Entropy, EntropyError},
    record::Stored,
    secret::Secret,
};

/// Wrong ones in a row after which a PIN is good no more, until it is set anew (RTS art. 4(3)(b)).
const MAX_FAILURES: u8 = 5;

/// More is refused before any work is done for it. NIST SP 800-63B asks for 64 characters at least.
const MAX_BYTES: usize = 256;

/// Passwords and PINs that are guessed first, beside those that a rule finds (NIST SP 800-63B section 5.1.1.2).
const GUESSED: [&str; 12] = [
    "password",
    "password1",
    "passw0rd",
    "motdepasse",
    "iloveyou",
    "qwertyui",
    "qwertyuiop",
    "azertyui",
    "azertyuiop",
    "sunshine",
    "princess",
    "football",
];

/// What a person typed as his or her PIN or password; compared octet for octet, as it came (no Unicode normalization).
#[derive(Clone)]
pub struct TypedPin(Secret<String>);

impl TypedPin {
    /// It, for the function that makes a hash of it. Not for logs.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for TypedPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedPin(..)")
    }
}

impl TryFrom<String> for TypedPin {
    type Error = InvalidInput;

    fn try_from(mut text: String) -> Result<Self, InvalidInput> {
        if (1..=MAX_BYTES).contains(&text.len()) {
            return Ok(Self(Secret::new(text)));
        }
        text.zeroize();
        Err(InvalidInput::new(Field::Pin, "must be 1 to 256 octets"))
    }
}

/// What may become somebody's PIN or password: a PIN of 6 digits or more, or a password of 8 characters or more, and none
/// that is guessed first (NIST SP 800-63B sections 5.1.1.1 and 5.1.1.2). There is no rule of composition.
#[derive(Clone, Debug)]
pub struct NewPin(TypedPin);

impl NewPin {
    /// It, as it would be typed.
    pub const fn typed(&self) -> &TypedPin {
        &self.0
    }
}

impl TryFrom<String> for NewPin {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let refuse = |why| Err(InvalidInput::new(Field::NewPin, why));
        let typed = TypedPin::try_from(text)
            .map_err(|_| InvalidInput::new(Field::NewPin, "must be 1 to 256 octets"))?;
        let text = typed.expose();
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        if text.chars().count() < if is_number { 6 } else { 8 } {
            return refuse("must be 6 digits, or 8 characters, or more");
        }
        if is_guessed_first(text) {
            return refuse("is one of those that are guessed first");
        }
        Ok(Self(typed))
    }
}

/// One character or a short group over and over, neighbours in a row, or on the list.
fn is_guessed_first(text: &str) -> bool {
    let bytes = text.as_bytes();
    let repeats = |period: usize| {
        bytes.iter().zip(bytes.iter().skip(period)).all(|(one, later)| one == later)
    };
    let by_step = |step: u8| {
        bytes.iter().zip(bytes.iter().skip(1)).all(|(one, next)| one.wrapping_add(step) == *next)
    };
    (1..=3).any(repeats)
        || by_step(1)
        || by_step(u8::MAX)
        || GUESSED.contains(&text.to_ascii_lowercase().as_str())
}

/// Whether a challenge asks for a PIN beside its code.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PinDemand {
    /// It does not.
    #[default]
    No,
    /// It does.
    Ask,
    /// It does, and lets the person set one instead, which ends it.
    AskOrSet,
}

/// By which way PINs come to be.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PinFrom {
    /// A relying party that may enter subscribers enters them, too.
    #[default]
    Enrolment,
    /// A person may set one with a code from the phone, as well.
    Code,
}

/// Makes a hash of a PIN that is dear to compute: Argon2id (RFC 9106), where nothing else runs in the meantime.
#[async_trait]
pub trait PinHasher: Send + Sync {
    /// The hash under that salt.
    ///
    /// # Errors
    /// When it cannot be computed now.
    async fn hash(&self, pin: &TypedPin, salt: [u8; 16]) -> Result<Secret<[u8; 32]>, PinError>;
}

/// A PIN cannot be compared or set now.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("a PIN cannot be looked at: {cause}")]
pub struct PinError {
    /// What failed; no PIN.
    pub cause: String,
}

/// What is kept of a person's PIN. The person is a name *and* a number: another who has the name elsewhere has another
/// PIN, and a number that changes leaves it behind.
#[derive(Deserialize, Serialize)]
pub(crate) struct Pin {
    person: String,
    salt: String,
    hash: String,
    by: PinFrom,
    failures: u8,
}

impl Stored for Pin {
    const COLLECTION: &'static str = "pin";

    fn id(&self) -> &str {
        &self.person
    }
}

impl Pin {
    /// Under which a person's is kept: a digest, as identifiers may be as long as they like.
    pub(crate) fn id_of(person: &Person) -> String {
        Self::id_for(&person.identifier, &person.address)
    }

    /// The same, of a person who is at no session.
    pub(crate) fn id_for(identifier: &Identifier, address: &Address) -> String {
        let name = identifier.as_str();
        let address = address.msisdn().map_or("", Msisdn::expose);
        let text = format!("countersign pin\n{}\n{name}\n{address}", name.len());
        hex::encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    }

    /// The PIN of that person, hashed.
    pub(crate) async fn set(
        id: String,
        pin: &NewPin,
        by: PinFrom,
        hasher: &dyn PinHasher,
        entropy: &dyn Entropy,
    ) -> Result<Self, PinError> {
        let mut salt = [0; 16];
        let refuse = |error: EntropyError| PinError { cause: error.to_string() };
        entropy.fill(&mut salt).map_err(refuse)?;
        let hash = hasher.hash(pin.typed(), salt).await?;
        Ok(Self {
            person: id,
            salt: hex::encode(&salt),
            hash: hex::encode(hash.expose()),
            by,
            failures: 0,
        })
    }

    pub(crate) fn salt(&self) -> Option<[u8; 16]> {
        hex::decode(&self.salt).and_then(|salt| salt.try_into().ok())
    }

    /// What a hash under that salt proves. All is looked at whatever comes of it, so that time does not tell: somebody without the
    /// phone may ask as well.
    pub(crate) fn proves(&self, salt: [u8; 16], hash: &Secret<[u8; 32]>) -> Option<Element> {
        let is_same = hex::encode(hash.expose()).as_bytes().ct_eq(self.hash.as_bytes());
        let is_of_salt = hex::encode(&salt).as_bytes().ct_eq(self.salt.as_bytes());
        let is_locked = self.failures >= MAX_FAILURES;
        let good = bool::from(is_same & is_of_salt) & !is_locked;
        good.then_some(match self.by {
            PinFrom::Enrolment => Element::Pin,
            PinFrom::Code => Element::PinSetByCode,
        })
    }

    /// After a response with the right code: only the holder of the phone can use up a PIN's tries.
    pub(crate) fn tried(self, right: bool) -> Self {
        let failures = if right { 0 } else { self.failures.saturating_add(1).min(MAX_FAILURES) };
        Self { failures, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(text: &str) -> Result<NewPin, &'static str> {
        NewPin::try_from(text.to_owned()).map_err(|error| error.why)
    }

    #[test]
    fn a_pin_is_long_enough_and_not_among_those_that_are_guessed_first() {
        let (short, guessed) = (
            "must be 6 digits, or 8 characters, or more",
            "is one of those that are guessed first",
        );
        let long = "1 ".repeat(129);
        for (text, why) in [
            ("", "must be 1 to 256 octets"),
            (long.as_str(), "must be 1 to 256 octets"),
            ("28391", short),
            ("abcdxyz", short),
            ("000000", guessed),
            ("123456", guessed),
            ("987654", guessed),
            ("121212", guessed),
            ("123123", guessed),
            ("abcdefgh", guessed),
            ("Password", guessed),
        ] {
            assert_eq!(new(text).map(drop), Err(why), "{text}");
        }
        for text in ["283915", "correct horse", "été à Sète"] {
            assert_eq!(new(text).map(drop), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_pin_is_not_shown_by_debug() {
        let shown = format!("{:?}", new("283915").unwrap());
        assert!(!shown.contains("283915"), "{shown}");
    }
}
