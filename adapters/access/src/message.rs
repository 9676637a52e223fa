//! What comes in over HTTP, and the valid types that it becomes.

use std::net::IpAddr;

use countersign_domain::{
    agreement::{Agreement, ServiceName},
    id::{CorrelationId, Identifier, SessionId},
    invalid::{Field, InvalidInput},
    locale::Locale,
    origin::Origin,
    relying_party::RelyingParty,
    response::Response,
};
use countersign_web::{
    code_page::response,
    misfit::InMember as _,
    problem::Problem,
    transaction::{AmountBody, ItemBody, transaction},
    words::LanguageRange,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// A relying party's wish that a person be asked for a code.
#[derive(Clone, Debug, Deserialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartChallenge {
    /// The person's name in the directory, which knows the phone: no request says a number.
    #[schema(
        example = "alice",
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]([ -~]*[!-~])?$"
    )]
    pub user_id: String,
    /// What the person is asked to agree to.
    pub purpose: PurposeBody,
    /// The language of the message, as a tag: of `fr-CH`, `fr` is spoken (RFC 4647). Absent, or where there are no words in it,
    /// it is English.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64, pattern = r"^(\*|[A-Za-z]{1,8})([-_](\*|[A-Za-z0-9]{1,8}))*$", example = "fr-CH")]
    pub locale: Option<LanguageRange>,
    /// The host of the page on which the code will be typed, one of those configured for the relying party: a browser then
    /// offers the code to that page alone. Without it the message has no such line.
    #[serde(default)]
    #[schema(example = "login.example.com", max_length = 253)]
    pub origin: Option<String>,
    /// The address from which the person's browser comes to the relying party's page: messages are limited for each. Without it
    /// they are not, as all that is asked comes from the relying party.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "192.0.2.7")]
    pub client_address: Option<IpAddr>,
}

/// What a person is asked to agree to.
#[derive(Clone, Debug, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurposeBody {
    /// Access to the relying party, by its configured name.
    Access,
    /// Access to a part of it: the message says `NAME: TEXT`, the relying party's name and this, together at most 40 characters.
    #[schema(example = json!({ "access_to": "payroll" }))]
    AccessTo(String),
    /// A payment to the relying party, which makes it itself.
    Payment(PaymentBody),
}

/// A payment to the relying party.
#[derive(Clone, Debug, Deserialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentBody {
    /// What is paid, more than nothing.
    pub amount: AmountBody,
    /// The relying party's reference of the order, 1 to 64 characters.
    #[schema(example = "order-1", min_length = 1, max_length = 64, pattern = r"^\S(.*\S)?$")]
    pub reference: String,
    /// What is bought, at most 20 kinds; shown on the phone, too.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub items: Vec<ItemBody>,
}

/// What the person typed, and in which session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypedBody {
    #[schema(pattern = "^ses_[0-9a-f]{32}$")]
    session: String,
    /// 6 to 10 digits, spaces and hyphens are dropped.
    #[schema(example = "123456", min_length = 6)]
    code: String,
    /// The PIN, where the challenge's `code.pin` says that it is asked for.
    #[serde(default)]
    #[schema(format = Password, write_only, max_length = 256)]
    pin: String,
    /// A PIN to set, where `code.pin` is `asked_or_set`: nothing else is done with the code.
    #[serde(default)]
    #[schema(format = Password, write_only, max_length = 256)]
    new_pin: String,
}

/// The session that asks for another message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendBody {
    #[schema(pattern = "^ses_[0-9a-f]{32}$")]
    session: String,
}

/// A challenge to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct NewChallenge {
    /// The person.
    pub identifier: Identifier,
    /// What the person is asked to agree to.
    pub agreement: Agreement,
    /// The language of the message.
    pub locale: Locale,
    /// The host of the page that asks for the code, not yet looked up among the configured ones.
    pub origin: Option<Origin>,
    /// By which the relying party follows the challenge through logs; without one, we make one.
    pub correlation: Option<CorrelationId>,
    /// Where the person's browser is, as the relying party says.
    pub client: Option<IpAddr>,
}

impl StartChallenge {
    /// The challenge that this relying party asks for.
    pub(crate) fn into_new(
        self,
        party: &RelyingParty,
        correlation: Option<CorrelationId>,
    ) -> Result<NewChallenge, Problem> {
        Ok(NewChallenge {
            identifier: Identifier::try_from(self.user_id).in_member("user_id")?,
            agreement: self.purpose.into_agreement(party)?,
            locale: self.locale.and_then(|range| range.language()).unwrap_or_default().locale(),
            origin: self.origin.map(Origin::try_from).transpose().in_member("origin")?,
            correlation,
            client: self.client_address,
        })
    }
}

impl PurposeBody {
    /// The configured name stands in each of them: a message never speaks in another's name.
    fn into_agreement(self, party: &RelyingParty) -> Result<Agreement, Problem> {
        Ok(match self {
            Self::Access => Agreement::Access { to: (&party.name).into() },
            Self::AccessTo(part) => {
                Agreement::Access { to: part_of(party, part).in_member("purpose.access_to")? }
            }
            Self::Payment(PaymentBody { amount, reference, items }) => {
                let (at, payee) = ("purpose.payment.", party.name.clone());
                let transaction = transaction(at, &amount, payee, reference, items)?;
                Agreement::Payment { transaction, account: None, order: None }
            }
        })
    }
}

impl TypedBody {
    pub(crate) const fn has_pin(&self) -> bool {
        !self.pin.is_empty()
    }

    pub(crate) fn into_typed(self) -> Result<(SessionId, Response), InvalidInput> {
        Ok((session(self.session)?, response(self.code, self.pin, self.new_pin)?))
    }
}

impl ResendBody {
    pub(crate) fn into_session(self) -> Result<SessionId, InvalidInput> {
        session(self.session)
    }
}

/// Both are checked: a space before the part is no end of the whole. Named as the body names it.
fn part_of(party: &RelyingParty, part: String) -> Result<ServiceName, InvalidInput> {
    ServiceName::try_from(part)
        .and_then(|part| ServiceName::try_from(format!("{}: {part}", party.name)))
        .map_err(|error| InvalidInput::new(Field::AccessTo, error.why))
}

/// Named as the body names it.
fn session(text: String) -> Result<SessionId, InvalidInput> {
    SessionId::try_from(text).map_err(|_| InvalidInput::new(Field::Session, "is not one of ours"))
}
