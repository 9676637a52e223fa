//! Names of things: random for what we make, checked text for what others name.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    invalid::{Field, InvalidInput},
    time::Timestamp,
};

/// Makes a type for ids of ours that say nothing: a prefix that says what is named, and 128 random bits in lower-case
/// hexadecimal. Flows name their own records with it.
#[macro_export]
macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $crate::our_id!($(#[$doc])* $name, $prefix, [32]);

        impl $name {
            /// A new one; two never meet.
            ///
            /// # Errors
            /// When the source of randomness fails.
            pub fn random(entropy: &dyn $crate::randomness::Entropy) -> Result<Self, $crate::randomness::EntropyError> {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes)?;
                Ok(Self(format!("{}{:032x}", $prefix, u128::from_be_bytes(bytes))))
            }
        }
    };
}

/// Makes a type for ids of records that are made all the time, in order of that time: 48 bits of milliseconds and then random
/// ones, as in RFC 9562 section 5.7. What is made together stands together in a store, which then writes few pages for each
/// commit, however much it holds.
///
/// It tells when it was made. There are 80 random bits, which tell ids apart; where to know an id is a right, such as to a
/// page, `capability` gives it the 128 that nobody guesses.
#[macro_export]
macro_rules! ordered_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $crate::our_id!($(#[$doc])* $name, $prefix, [32]);
        $crate::ordered_id!(@made_at $name, $prefix, 80);
    };
    ($(#[$doc:meta])* capability $name:ident, $prefix:literal) => {
        $crate::our_id!($(#[$doc])* $name, $prefix, [32, 44]);
        $crate::ordered_id!(@made_at $name, $prefix, 128);
    };
    (@made_at $name:ident, $prefix:literal, $random_bits:literal) => {
        impl $name {
            /// A new one, of that time; two never meet.
            ///
            /// # Errors
            /// When the source of randomness fails.
            pub fn made_at(
                now: $crate::time::Timestamp,
                entropy: &dyn $crate::randomness::Entropy,
            ) -> Result<Self, $crate::randomness::EntropyError> {
                let mut bytes = [0; $random_bits / 8];
                entropy.fill(&mut bytes)?;
                Ok(Self(format!("{}{}{}", $prefix, $crate::id::time_in_id(now), $crate::hex::encode(&bytes))))
            }
        }
    };
}

/// The first 48 bits of an id that is in order of time. They last until the year 10889.
#[doc(hidden)]
pub fn time_in_id(now: Timestamp) -> String {
    format!("{:012x}", now.unix_millis() & 0xffff_ffff_ffff)
}

/// What all ids of ours have: a prefix, and one of these numbers of hexadecimal digits.
#[doc(hidden)]
#[macro_export]
macro_rules! our_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, [$($digits:literal),+]) => {
        $(#[$doc])*
        #[derive(Clone, serde::Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        /// As much as tells two of them apart in a test: a session is half of a proof, and is not for logs.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let skipped = self.0.chars().count().saturating_sub(6);
                let tail: String = self.0.chars().skip(skipped).collect();
                write!(f, "{}..{tail}", $prefix)
            }
        }

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::invalid::InvalidInput;

            fn try_from(text: String) -> Result<Self, $crate::invalid::InvalidInput> {
                let well_formed = text.strip_prefix($prefix).is_some_and(|hex| {
                    [$($digits),+].contains(&hex.len()) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                });
                let refuse = || $crate::invalid::InvalidInput::new($crate::invalid::Field::Id, "is not one of ours");
                well_formed.then_some(Self(text)).ok_or_else(refuse)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

ordered_id!(
    /// Names a [`Challenge`](crate::challenge::Challenge).
    ChallengeId, "ch_"
);
ordered_id!(
    /// Names a [`Payment`](crate::payment::Payment).
    PaymentId, "pay_"
);
ordered_id!(
    /// Names a [`Message`](crate::message::Message) to a phone.
    MessageId, "msg_"
);
random_id!(
    /// Names the session on the first channel, in which the code must be typed back.
    ///
    /// Patent: *numéro de session unique*, 201; it changes with every session (C11, C15).
    SessionId, "ses_"
);

random_id!(
    /// Names a subscriber in facts, which are kept when the subscriber is gone: it says nothing of the person.
    SubscriberId, "sub_"
);

/// Follows one purchase through everybody's logs: the trace id of W3C Trace Context, 32 lower-case hexadecimal digits that
/// are not all zero. It has no room for anything secret.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String")]
pub struct CorrelationId(String);

impl CorrelationId {
    /// A new id, for callers that send none.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn random(
        entropy: &dyn crate::randomness::Entropy,
    ) -> Result<Self, crate::randomness::EntropyError> {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        // Zero is no trace id.
        Ok(Self(format!("{:032x}", u128::from_be_bytes(bytes).max(1))))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CorrelationId {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id =
            text.len() == 32 && text.bytes().all(is_digit) && text.bytes().any(|byte| byte != b'0');
        let refuse =
            || InvalidInput::new(Field::CorrelationId, "is not a trace id (W3C Trace Context)");
        is_id.then_some(Self(text)).ok_or_else(refuse)
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text from outside that names something: 1 to `max` printable ASCII characters, no space at either end.
macro_rules! outside_name {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Longest accepted text, in bytes.
            pub const MAX_BYTES: usize = $max;

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidInput;

            fn try_from(text: String) -> Result<Self, InvalidInput> {
                let refuse = |why| Err(InvalidInput::new(Field::$name, why));
                if text.is_empty() {
                    return refuse("is empty");
                }
                if text.len() > Self::MAX_BYTES {
                    return refuse(concat!("is longer than ", $max, " characters"));
                }
                if !text.bytes().all(|b| matches!(b, b' '..=b'~')) || text.trim() != text {
                    return refuse("has a character that is not printable ASCII, or a space at an end");
                }
                Ok(Self(text))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidInput;

            fn try_from(text: &str) -> Result<Self, InvalidInput> {
                Self::try_from(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

outside_name!(
    /// Whom the person claims to be: a `userId`, a subscription number, the key of a certificate.
    ///
    /// Patent: *identifiant*, the *invariant* of the code (figure 4, 202).
    Identifier, 128
);
outside_name!(
    /// The relying party (in payments: the merchant) on whose behalf a flow runs. What a bank or a protocol calls it is the
    /// business of their drivers.
    RelyingPartyId, 64
);
outside_name!(
    /// Which key a code was computed with, so that keys can change without a pause.
    KeyId, 32
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_795_773_600_123);

    #[test]
    fn an_id_reads_back_and_no_two_are_equal() {
        let entropy = SeededEntropy::new(1);
        let [one, two] = [(); 2].map(|()| SessionId::random(&entropy).unwrap());
        assert_ne!(one, two);
        assert_eq!(SessionId::try_from(one.as_str().to_owned()), Ok(one));
        let [one, two] = [(); 2].map(|()| ChallengeId::made_at(NOW, &entropy).unwrap());
        assert_ne!(one, two);
        assert_eq!(ChallengeId::try_from(one.as_str().to_owned()), Ok(one));
    }

    #[test]
    fn ids_of_records_are_in_the_order_of_their_milliseconds() {
        let entropy = SeededEntropy::new(1);
        let later = NOW.unix_millis() + 1;
        let times = [0, NOW.unix_millis(), later, later << 1, (1 << 48) - 1];
        let ids = times.map(|millis| {
            PaymentId::made_at(Timestamp::from_unix_millis(millis), &entropy).unwrap()
        });
        assert!(ids.is_sorted(), "{ids:?}");
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let payment = PaymentId::made_at(NOW, &SeededEntropy::new(1)).unwrap();
        assert!(ChallengeId::try_from(payment.as_str().to_owned()).is_err());
    }

    #[test]
    fn names_from_outside_are_bounded_printable_text() {
        for (text, why) in [
            (String::new(), "is empty"),
            ("x".repeat(129), "is longer than 128 characters"),
            (
                "a\nb".to_owned(),
                "has a character that is not printable ASCII, or a space at an end",
            ),
            (" a".to_owned(), "has a character that is not printable ASCII, or a space at an end"),
        ] {
            assert_eq!(Identifier::try_from(text), Err(InvalidInput::new(Field::Identifier, why)));
        }
    }
}
