//! Amounts and items in JSON, and the transaction that they become.

use std::num::NonZeroU32;

use countersign_domain::{
    amount::{Amount, Currency},
    invalid::{Field, InvalidInput},
    transaction::{Item, ItemName, Payee, Reference, Transaction},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{misfit::InMember as _, problem::Problem};

/// An amount: a decimal number as text, and its currency.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountBody {
    /// Such as `49.90`; no more decimals than the currency has.
    #[schema(example = "49.90", pattern = r"^(?!0*(\.0*)?$)[0-9]{1,12}(\.[0-9]{1,4})?$")]
    pub value: String,
    /// ISO 4217.
    #[schema(example = "EUR", pattern = "^[A-Z]{3}$")]
    pub currency: String,
}

/// Something bought.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemBody {
    /// Its reference or name, 1 to 64 characters.
    #[schema(
        example = "ISBN 2070360245",
        min_length = 1,
        max_length = 64,
        pattern = r"^\S(.*\S)?$"
    )]
    pub name: String,
    /// At least 1; 1 where it is left out.
    #[serde(default = "one")]
    #[schema(example = 1, minimum = 1, maximum = 4_294_967_295_u32)]
    pub quantity: u32,
}

const fn one() -> u32 {
    1
}

/// The payment of that amount to `payee`, whose name comes from no body; `at` is what the paths of its members begin with.
///
/// # Errors
/// When one of them breaks a rule; they are checked in this order: amount, items, reference.
pub fn transaction(
    at: &str,
    amount: &AmountBody,
    payee: Payee,
    reference: String,
    items: Vec<ItemBody>,
) -> Result<Transaction, Problem> {
    let amount = amount.amount(&format!("{at}amount"))?;
    let items_at = format!("{at}items");
    let item = |(index, body): (usize, ItemBody)| body.item(&format!("{items_at}[{index}]"));
    let items = items.into_iter().enumerate().map(item).collect::<Result<_, _>>()?;
    let reference = Reference::try_from(reference).in_member(format!("{at}reference"))?;
    Transaction::new(amount, payee, reference, items).in_member(items_at)
}

impl AmountBody {
    /// The amount; `path` is where this is in the body.
    ///
    /// # Errors
    /// `invalid-value`, with the path of what is wrong.
    pub fn amount(&self, path: &str) -> Result<Amount, Problem> {
        let currency = Currency::try_from(self.currency.as_str());
        let currency = currency.in_member(format!("{path}.currency"))?;
        Amount::from_decimal(&self.value, currency).in_member(format!("{path}.value"))
    }
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

impl ItemBody {
    fn item(self, path: &str) -> Result<Item, Problem> {
        let name = ItemName::try_from(self.name).in_member(format!("{path}.name"))?;
        let quantity = NonZeroU32::new(self.quantity).map(NonZeroU32::get);
        let none = InvalidInput::new(Field::Items, "is zero");
        let quantity = quantity.ok_or(none).in_member(format!("{path}.quantity"))?;
        Ok(Item { name, quantity })
    }
}
