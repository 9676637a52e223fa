//! Amounts and items in JSON, and the transaction that they become.

use countersign_domain::{
    amount::{Amount, Currency},
    invalid::InvalidInput,
    transaction::{Item, ItemName, Payee, Reference, Transaction},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount: a decimal number as text, and its currency.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountBody {
    /// Such as `49.90`; no more decimals than the currency has.
    #[schema(example = "49.90")]
    pub value: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
}

/// Something bought.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemBody {
    /// Its reference or name, 1 to 64 characters.
    #[schema(example = "ISBN 2070360245")]
    pub name: String,
    /// At least 1; 1 where it is left out.
    #[serde(default = "one")]
    #[schema(example = 1)]
    pub quantity: u32,
}

const fn one() -> u32 {
    1
}

/// The payment of that amount to `payee`, whose name comes from no body.
///
/// # Errors
/// When one of them breaks a rule; they are checked in this order: amount, items, reference.
pub fn transaction(
    amount: &AmountBody,
    payee: Payee,
    reference: String,
    items: Vec<ItemBody>,
) -> Result<Transaction, InvalidInput> {
    let currency = Currency::try_from(amount.currency.as_str())?;
    let amount = Amount::from_decimal(&amount.value, currency)?;
    let items = items.into_iter().map(Item::try_from).collect::<Result<_, _>>()?;
    Transaction::new(amount, payee, Reference::try_from(reference)?, items)
}

impl From<Amount> for AmountBody {
    fn from(amount: Amount) -> Self {
        Self { value: amount.to_decimal(), currency: amount.currency().code().to_owned() }
    }
}

impl From<&Item> for ItemBody {
    fn from(item: &Item) -> Self {
        Self { name: item.name.to_string(), quantity: item.quantity }
    }
}

impl TryFrom<ItemBody> for Item {
    type Error = InvalidInput;

    fn try_from(body: ItemBody) -> Result<Self, InvalidInput> {
        Ok(Self { name: ItemName::try_from(body.name)?, quantity: body.quantity })
    }
}
