//! A holder's statement, as of one commit: to be shown, as CSV, and as ISO 20022 camt.053.

use countersign_domain::{
    amount::Currency,
    record::Versioned,
    register::{Account, Entry, Position, Span, Statement},
    time::Timestamp,
};
use countersign_statement::{Heading, Unfit, camt053, csv};

use crate::{
    error::WalletError,
    flow::{Visitor, Wallets},
    message::WalletNumber,
    purse::{about, available},
};

/// Movements in one answer: a longer time is asked for in parts.
const MAX_ENTRIES: usize = 2000;

/// What can be spent of a wallet, from one time to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WalletStatement {
    /// Whose statement it is.
    pub wallet: WalletNumber,
    /// In which its money is.
    pub currency: Currency,
    /// When its span opens.
    pub from: Timestamp,
    /// When its span closes.
    pub to: Timestamp,
    /// Balances and movements.
    pub statement: Statement,
    account: Account,
    made_at: Timestamp,
}

impl Wallets {
    /// A wallet's statement between two times; without them, since it was opened, and up to now.
    ///
    /// # Errors
    /// [`WalletError::StatementTooLong`], when this person has no such wallet, and when the store fails.
    pub async fn statement(
        &self,
        visitor: &Visitor,
        number: &WalletNumber,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<WalletStatement, WalletError> {
        let Versioned { value: wallet, .. } = self.owned(visitor, number).await?;
        let (account, currency) = (available(&wallet.number)?, wallet.currency);
        let made_at = self.ports.clock.now();
        // A span is open at its end: what is posted in this very moment belongs to a statement up to now.
        let opens = from.unwrap_or(wallet.opened_at);
        let closes = to.unwrap_or(made_at).max(opens);
        let span = match (from, to) {
            (None, None) => Span::ALL,
            (Some(_), None) => Span::between(opens, closes.plus_seconds(1)),
            (_, Some(_)) => Span::between(opens, closes),
        };
        let store = &self.ports.store;
        let statement = store.statement(&account, currency, span, MAX_ENTRIES).await?;
        if statement.rest().is_some() {
            return Err(WalletError::StatementTooLong);
        }
        Ok(WalletStatement {
            wallet: wallet.number,
            currency,
            from: opens,
            to: closes,
            statement,
            account,
            made_at,
        })
    }
}

impl WalletStatement {
    /// As CSV (RFC 4180).
    ///
    /// # Errors
    /// When a time is none that the format can say.
    pub fn csv(&self) -> Result<String, Unfit> {
        self.write(csv)
    }

    /// As ISO 20022 camt.053.
    ///
    /// # Errors
    /// When a time is none that the format can say.
    pub fn camt053(&self) -> Result<String, Unfit> {
        self.write(camt053)
    }

    /// Whether the entry came in.
    pub fn is_credit(&self, entry: &Entry) -> bool {
        entry.posting.credit == self.account
    }

    fn write(
        &self,
        format: impl FnOnce(&Heading<'_>, &Statement, fn(&Entry) -> String) -> Result<String, Unfit>,
    ) -> Result<String, Unfit> {
        // The formats have no room for the prefix of our names.
        let number = self.wallet.as_str().trim_start_matches("wal_");
        let half = number.get(..16).unwrap_or(number);
        let Position(closes) = self.statement.closes;
        let heading = Heading {
            id: &format!("{half}-{closes}"),
            account: &self.account,
            number,
            currency: self.currency,
            from: self.from,
            to: self.to,
            made_at: self.made_at,
            page: 1,
        };
        format(&heading, &self.statement, |entry| about(entry).to_owned())
    }
}
