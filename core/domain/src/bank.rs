//! What is said to the issuing bank, in terms that every card protocol has.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    amount::Amount,
    card::Card,
    id::RelyingPartyId,
    invalid::{Field, InvalidInput},
    randomness::{Entropy, EntropyError},
    time::Timestamp,
    transaction::Payee,
};

/// Names one purchase towards the bank, the same in every call and in every repetition of a call.
///
/// Fixed before the bank is first asked and stored with the payment, so that a repetition after a crash is the same
/// message and is debited once.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct BankReference {
    /// System trace audit number, ISO 8583 field 11: 1 to 999999.
    pub stan: u32,
    /// Retrieval reference number, ISO 8583 field 37: 12 characters of `0-9A-Z`.
    pub retrieval: String,
    /// Transmission date and time, ISO 8583 field 7.
    pub transmitted_at: Timestamp,
}

impl BankReference {
    /// A new reference; the retrieval number alone has about 60 random bits.
    ///
    /// # Errors
    /// When the source of randomness fails.
    #[expect(clippy::arithmetic_side_effects, reason = "draws below constants that are not zero")]
    pub fn random(entropy: &dyn Entropy, now: Timestamp) -> Result<Self, EntropyError> {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        let mut random = u128::from_be_bytes(bytes);
        let mut draw = |sides: u128| {
            let drawn = random % sides;
            random /= sides;
            u32::try_from(drawn).unwrap_or_default()
        };
        let stan = draw(999_999) + 1;
        let retrieval = (0..12).filter_map(|_| char::from_digit(draw(36), 36)).collect::<String>();
        Ok(Self { stan, retrieval: retrieval.to_ascii_uppercase(), transmitted_at: now })
    }
}

/// One purchase, as the bank is told of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BankRequest {
    /// Makes a repetition recognisable.
    pub reference: BankReference,
    /// The card to debit.
    pub card: Card,
    /// In minor units of its currency.
    pub amount: Amount,
    /// The payee, as the payer sees it.
    pub payee: Payee,
    /// The payee, as the gateway knows it.
    pub relying_party: RelyingPartyId,
}

impl BankRequest {
    /// A purchase under a reference.
    pub const fn new(
        reference: BankReference,
        card: Card,
        amount: Amount,
        payee: Payee,
        relying_party: RelyingPartyId,
    ) -> Self {
        Self { reference, card, amount, payee, relying_party }
    }
}

/// What the bank decided.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The amount is held.
    Approved {
        /// The bank's proof of it.
        approval: ApprovalCode,
    },
    /// The bank refuses.
    Declined {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
}

/// The bank did not answer the question.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum BankError {
    /// Nothing was sent: no connection could be had.
    #[error("the bank cannot be reached: {cause}")]
    Unreachable {
        /// What failed; no card number.
        cause: String,
    },
    /// Something was sent and no answer came: it may or may not have been done. Ask again with the same request, or void.
    #[error("the bank's answer is not known: {cause}")]
    Unknown {
        /// What failed; no card number.
        cause: String,
    },
    /// The bank refused a credit or its reversal, or a capture or a void, which are advices that it should not refuse.
    #[error("the bank refused with response {response}")]
    Refused {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
}

/// Text of the bank, ISO 8583 `an`: 1 to `max` letters, digits and spaces, and not only spaces.
macro_rules! bank_code {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The code as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidInput;

            fn try_from(text: String) -> Result<Self, InvalidInput> {
                let well_formed = (1..=$max).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ')
                    && text.bytes().any(|b| b != b' ');
                if well_formed {
                    Ok(Self(text))
                } else {
                    Err(InvalidInput::new(Field::$name, concat!("is not 1 to ", $max, " letters and digits")))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

bank_code!(
    /// The bank's proof that it holds the amount, ISO 8583 field 38.
    ApprovalCode, 6
);
bank_code!(
    /// The bank's answer, ISO 8583 field 39, such as `51` (not enough funds).
    ResponseCode, 2
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;

    #[test]
    fn a_reference_fits_the_fields_of_the_card_protocol() {
        let entropy = SeededEntropy::new(3);
        for _ in 0..100 {
            let reference =
                BankReference::random(&entropy, Timestamp::from_unix_seconds(0)).unwrap();
            assert!((1..=999_999).contains(&reference.stan));
            assert_eq!(reference.retrieval.len(), 12);
            assert!(reference.retrieval.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'Z')));
        }
    }

    #[test]
    fn an_approval_of_seven_characters_is_refused() {
        assert!(ApprovalCode::try_from("A12345".to_owned()).is_ok());
        assert!(ApprovalCode::try_from("A123456".to_owned()).is_err());
        assert!(ResponseCode::try_from(String::new()).is_err());
    }
}
