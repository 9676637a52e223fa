//! What comes in over HTTP, and the valid types that it becomes.

use countersign_domain::{
    card::{Card, CardExpiry},
    id::{CorrelationId, Identifier},
    invalid::InvalidInput,
    locale::Locale,
    relying_party::RelyingParty,
    transaction::Transaction,
};
use countersign_web::{
    return_url::ReturnUrl,
    transaction::{AmountBody, ItemBody, transaction},
    words::Language,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::identity::PayerHint;

/// A merchant's wish to be paid.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCheckout {
    /// In minor units of its currency.
    pub amount: AmountBody,
    /// The merchant's reference of the order, 1 to 64 characters.
    #[schema(example = "order-1")]
    pub reference: String,
    /// What is bought, at most 20 kinds; shown on the phone, too.
    #[serde(default)]
    pub items: Vec<ItemBody>,
    /// Where the payer may go back to at the end: `https`, or `http` to the payer's own machine, to try it.
    #[serde(default)]
    pub return_url: Option<String>,
    /// The language of page and message: `en` or `fr`. Absent, it is the one that the payer's browser asks for.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "en")]
    pub locale: Option<Language>,
}

/// A checkout to be created.
#[derive(Clone, Debug)]
pub struct NewCheckout {
    /// What is to be paid.
    pub transaction: Transaction,
    /// Where the payer may go back to.
    pub return_url: Option<String>,
    /// The language of the message and of the page, when the merchant knows it; otherwise the payer's browser says it.
    pub locale: Option<Locale>,
    /// By which the merchant follows the purchase through logs; without one, we make one.
    pub correlation: Option<CorrelationId>,
    /// Whether the payer is told that nobody knows him or her: the merchant's configuration.
    pub tells_unknown: bool,
}

/// The form by which a payer says who he or she is. Empty fields are as good as absent: browsers send them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayForm {
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    card_number: String,
    #[serde(default)]
    card_expiry: String,
    /// Not empty when the payer is to be known by the client certificate, even beside a card.
    #[serde(default)]
    certificate: String,
}

/// The form with the code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeForm {
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) pin: Option<String>,
    #[serde(default)]
    pub(crate) new_pin: String,
}

impl CreateCheckout {
    /// The checkout of that merchant.
    pub(crate) fn into_new(
        self,
        merchant: &RelyingParty,
        correlation: Option<CorrelationId>,
    ) -> Result<NewCheckout, InvalidInput> {
        let transaction =
            transaction(&self.amount, merchant.name.clone(), self.reference, self.items)?;
        let return_url = self.return_url.map(ReturnUrl::try_from).transpose()?.map(String::from);
        Ok(NewCheckout {
            transaction,
            return_url,
            locale: self.locale.as_ref().map(Language::locale),
            correlation,
            tells_unknown: merchant.tells_unknown,
        })
    }
}

impl TryFrom<PayForm> for PayerHint {
    type Error = InvalidInput;

    fn try_from(form: PayForm) -> Result<Self, InvalidInput> {
        let card = match (form.card_number.trim(), form.card_expiry.trim()) {
            ("", "") => None,
            (number, expiry) => Some(Card::new(number, CardExpiry::try_from(expiry)?)?),
        };
        let by_certificate = !form.certificate.trim().is_empty();
        match (form.user_id.trim(), card) {
            ("", card) if by_certificate || card.is_none() => Ok(Self::Certificate(card)),
            ("", Some(card)) => Ok(Self::Card(card)),
            (user_id, card) => Ok(Self::UserId(Identifier::try_from(user_id)?, card)),
        }
    }
}
