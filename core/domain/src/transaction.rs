//! What the person agrees to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{amount::Amount, invalid::InvalidInput};

/// Text shown to the payer: 1 to `max` characters, no control character, no space at an end.
macro_rules! shown_text {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Longest accepted text, in characters.
            pub const MAX_CHARS: usize = $max;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidInput;

            fn try_from(text: String) -> Result<Self, InvalidInput> {
                let refuse = |why| Err(InvalidInput::new(stringify!($name), why));
                if text.is_empty() {
                    return refuse("is empty");
                }
                if text.chars().count() > Self::MAX_CHARS {
                    return refuse(concat!("is longer than ", $max, " characters"));
                }
                if text.trim() != text || text.chars().any(is_unshowable) {
                    return refuse("has a control or invisible character, or a space at an end");
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

/// Characters with which a text could lie about itself on a small screen: line breaks, and the marks that reverse or
/// hide text.
fn is_unshowable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

shown_text!(
    /// Who is paid, as the payer knows the name.
    Payee, 40
);
shown_text!(
    /// The relying party's reference of the order.
    Reference, 64
);
shown_text!(
    /// The reference or name of something bought (F13.v3).
    ItemName, 64
);

/// Something bought, and how many (F6.v2, F13.v3).
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Item {
    /// Its reference or name.
    pub name: ItemName,
    /// How many.
    pub quantity: u32,
}

/// A payment that a person is asked to agree to. The code depends on all of it (RTS art. 5(1)(b)).
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "TransactionParts")]
pub struct Transaction {
    amount: Amount,
    payee: Payee,
    reference: Reference,
    items: Vec<Item>,
}

/// A transaction before its bounds were checked.
#[derive(Deserialize)]
struct TransactionParts {
    amount: Amount,
    payee: Payee,
    reference: Reference,
    items: Vec<Item>,
}

impl Transaction {
    /// How many kinds of goods one transaction may list.
    pub const MAX_ITEMS: usize = 20;

    /// A payment of `amount` to `payee`.
    ///
    /// # Errors
    /// When there are more than [`Transaction::MAX_ITEMS`] items, or an item of quantity zero.
    pub fn new(
        amount: Amount,
        payee: Payee,
        reference: Reference,
        items: Vec<Item>,
    ) -> Result<Self, InvalidInput> {
        if items.len() > Self::MAX_ITEMS {
            return Err(InvalidInput::new("items", "are more than 20"));
        }
        if items.iter().any(|item| item.quantity == 0) {
            return Err(InvalidInput::new("items", "have a quantity of zero"));
        }
        Ok(Self { amount, payee, reference, items })
    }

    /// How much.
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// Who is paid.
    pub const fn payee(&self) -> &Payee {
        &self.payee
    }

    /// The relying party's reference.
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    /// What is bought.
    pub fn items(&self) -> &[Item] {
        &self.items
    }
}

impl TryFrom<TransactionParts> for Transaction {
    type Error = InvalidInput;

    fn try_from(parts: TransactionParts) -> Result<Self, InvalidInput> {
        Self::new(parts.amount, parts.payee, parts.reference, parts.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_lie_on_a_screen_is_refused() {
        for name in ["Shop\nAmount 1 EUR", "Shop\u{202e}RUE", " Shop", "Shop\u{200b}"] {
            assert_eq!(
                Payee::try_from(name),
                Err(InvalidInput::new(
                    "Payee",
                    "has a control or invisible character, or a space at an end"
                )),
                "{name:?}"
            );
        }
        assert!(Payee::try_from("Librairie Dupont & Cie, été").is_ok());
    }

    #[test]
    fn a_transaction_lists_at_most_twenty_items_none_of_quantity_zero() {
        let item = |quantity| Item { name: ItemName::try_from("B-12").unwrap(), quantity };
        let with = |items| {
            Transaction::new(
                Amount::from_decimal("1", "EUR".try_into().unwrap()).unwrap(),
                Payee::try_from("Shop").unwrap(),
                Reference::try_from("R1").unwrap(),
                items,
            )
        };
        assert_eq!(with(vec![item(1); 21]), Err(InvalidInput::new("items", "are more than 20")));
        assert_eq!(with(vec![item(0)]), Err(InvalidInput::new("items", "have a quantity of zero")));
        assert!(with(vec![item(1); 20]).is_ok());
    }
}
