//! What comes in over HTTP, and the valid types that it becomes.

use countersign_domain::{
    card::{Card, CardExpiry},
    id::{CorrelationId, Identifier},
    locale::Locale,
    relying_party::RelyingParty,
    transaction::Transaction,
};
use countersign_web::{
    misfit::InMember as _,
    problem::Problem,
    return_url::ReturnUrl,
    transaction::{AmountBody, ItemBody, transaction},
    words::LanguageRange,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::identity::PayerHint;

/// A merchant's wish to be paid.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCheckout {
    /// What is to be paid, above zero.
    pub amount: AmountBody,
    /// The merchant's reference of the order, 1 to 64 characters.
    #[schema(example = "order-1", min_length = 1, max_length = 64, pattern = r"^\S(.*\S)?$")]
    pub reference: String,
    /// What is bought, at most 20 kinds; shown on the phone, too.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub items: Vec<ItemBody>,
    /// Where the payer may go back to at the end: `https`, or `http` to the payer's own machine, to try it.
    #[serde(default)]
    #[schema(max_length = 2048, example = "https://shop.example.com/order/1")]
    pub return_url: Option<String>,
    /// The language of page and message, as a tag: of `fr-CH`, `fr` is spoken (RFC 4647). Absent, or where there are no words
    /// in it, it is the one that the payer's browser asks for.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64, pattern = r"^(\*|[A-Za-z]{1,8})([-_](\*|[A-Za-z0-9]{1,8}))*$", example = "fr-CH")]
    pub locale: Option<LanguageRange>,
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
    ) -> Result<NewCheckout, Problem> {
        let payee = merchant.name.clone();
        let transaction = transaction("", &self.amount, payee, self.reference, self.items)?;
        let return_url = self.return_url.map(ReturnUrl::try_from).transpose();
        let return_url = return_url.in_member("return_url")?.map(String::from);
        Ok(NewCheckout {
            transaction,
            return_url,
            locale: self
                .locale
                .and_then(|range| range.language())
                .map(|language| language.locale()),
            correlation,
            tells_unknown: merchant.tells_unknown,
        })
    }
}

impl PayForm {
    pub(crate) fn is_by_certificate(&self) -> bool {
        !self.certificate.trim().is_empty()
    }
}

impl TryFrom<PayForm> for PayerHint {
    type Error = Problem;

    fn try_from(form: PayForm) -> Result<Self, Problem> {
        let card = match (form.card_number.trim(), form.card_expiry.trim()) {
            ("", "") => None,
            (number, expiry) => {
                let expiry = CardExpiry::try_from(expiry).in_member("card_expiry")?;
                Some(Card::new(number, expiry).in_member("card_number")?)
            }
        };
        match (form.user_id.trim(), card) {
            ("", card) if form.is_by_certificate() || card.is_none() => Ok(Self::Certificate(card)),
            ("", Some(card)) => Ok(Self::Card(card)),
            (user_id, card) => {
                Ok(Self::UserId(Identifier::try_from(user_id).in_member("user_id")?, card))
            }
        }
    }
}
