//! What the person agrees to.

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    invalid::{Field, InvalidInput},
    shown::shown_text,
};

shown_text!(
    /// The payee, by the name that the payer knows.
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
    /// Pieces of it.
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
            return Err(InvalidInput::new(Field::Items, "are more than 20"));
        }
        if items.iter().any(|item| item.quantity == 0) {
            return Err(InvalidInput::new(Field::Items, "have a quantity of zero"));
        }
        Ok(Self { amount, payee, reference, items })
    }

    /// What is to be paid.
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// The payee, as the payer sees it.
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
                    Field::Payee,
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
        assert_eq!(
            with(vec![item(1); 21]),
            Err(InvalidInput::new(Field::Items, "are more than 20"))
        );
        assert_eq!(
            with(vec![item(0)]),
            Err(InvalidInput::new(Field::Items, "have a quantity of zero"))
        );
        assert!(with(vec![item(1); 20]).is_ok());
    }
}
