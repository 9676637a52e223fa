//! What people's programs send, beside the messages of the exchange.

use countersign_domain::{
    address::Msisdn,
    amount::{Amount, Currency},
    card::Card,
    id::Identifier,
    invalid::InvalidInput,
    response::Response,
    time::Timestamp,
};
use countersign_web::{misfit::InMember as _, problem::Problem, subscribers::CardBody};
use serde::Deserialize;

use crate::{
    flow::{NewTransfer, NewWallet},
    message::{
        CardId, CardName, Code, Compact, Minor, Pin, Token, WalletName, WalletNumber, response,
    },
};

/// A wallet to be opened.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOpening {
    identifier: Identifier,
    number: String,
    name: WalletName,
    currency: Currency,
}

impl NewOpening {
    pub(super) fn new_wallet(self) -> Result<NewWallet, Problem> {
        let Self { identifier, number, name, currency } = self;
        let address = Msisdn::typed(&number).in_member("number")?.into();
        Ok(NewWallet { identifier, address, name, currency })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    pub(super) identifier: Identifier,
}

/// A code that is for nothing but the session's own step, and what is asked for beside it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    code: Code,
    #[serde(default)]
    pin: Option<Pin>,
    #[serde(default)]
    new_pin: Option<Pin>,
}

impl Typed {
    /// What was typed back, and whether a PIN was beside the code.
    pub(super) fn response(&self) -> Result<(Response, bool), InvalidInput> {
        let response = response(&self.code, self.pin.as_ref(), self.new_pin.as_ref())?;
        Ok((response, self.pin.is_some()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCard {
    name: CardName,
    card: CardBody,
}

impl NewCard {
    pub(super) fn named(self) -> Result<(CardName, Card), Problem> {
        Ok((self.name, self.card.card("card")?))
    }
}

/// Money to be paid in or taken out. Sent again under the same key, it is the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTransferBody {
    key: Token,
    wallet: WalletNumber,
    card: CardId,
    amount_minor: Minor,
    currency: Currency,
}

impl NewTransferBody {
    pub(super) fn transfer(self) -> Result<NewTransfer, Problem> {
        let Self { key, wallet, card, amount_minor, currency } = self;
        let amount = Amount::new(amount_minor.get(), currency).in_member("amount_minor")?;
        Ok(NewTransfer { key, wallet, card, amount })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShownTicket {
    pub(super) ticket: Compact,
}

/// Between two times, in seconds since the Unix epoch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatementQuery {
    from: Option<u64>,
    to: Option<u64>,
    #[serde(default)]
    pub(super) format: Format,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Json,
    Csv,
    Camt053,
}

impl StatementQuery {
    pub(super) fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let at = |seconds: u64| Timestamp::from_unix_millis(seconds.saturating_mul(1000));
        (self.from.map(at), self.to.map(at))
    }
}
