//! The wallets' books: which accounts there are, and what each movement posts.
//!
//! ```text
//!   payer --capture--> relying_party (the house) --pay in--> wallet --hold--> wallet_held --debit--> wallet_merchant
//!     ^                                                        ^                 |    |                  |       |
//!     |                                                        +---- release ----+    |                  v       v
//!     +------------------------------- take out --------------------------------------+         wallet_payout  wallet_fee
//! ```
//!
//! A balance is what is on the credit side. A limit is a balance, too, of an account beside the wallet's, and its floor is
//! the limit: `wallet_room` owes all that the wallet has or is about to have, `wallet_day` what was paid on a day, and
//! `wallet_returnable` is owed what was paid in from a card. So a limit is checked by the commit that would break it, and by
//! nothing that could be looked at before it.
//!
//! A merchant's account has no floor, and neither has the house's: no payment can be refused for their sake, and no customer
//! waits for another.

use countersign_domain::{
    amount::{Amount, Currency},
    id::{Identifier, RelyingPartyId},
    invalid::InvalidInput,
    register::{Account, AccountKind, Entry, Posting},
    time::Timestamp,
};

use crate::{
    error::{MoneyRefusal, WalletError},
    message::{CardId, MerchantNumber, WalletNumber},
};

const WALLET: AccountKind = AccountKind::new("wallet");
const HELD: AccountKind = AccountKind::new("wallet_held");
const MERCHANT: AccountKind = AccountKind::new("wallet_merchant");
const PAYOUT: AccountKind = AccountKind::new("wallet_payout");
const FEE: AccountKind = AccountKind::new("wallet_fee");
const ROOM: AccountKind = AccountKind::new("wallet_room");
const DAY: AccountKind = AccountKind::new("wallet_day");
const RETURNABLE: AccountKind = AccountKind::new("wallet_returnable");
/// The other side of what only counts.
const COUNTER: AccountKind = AccountKind::new("wallet_counter");

const SECONDS_OF_A_DAY: u64 = 86_400;

/// What wallets of one currency may have and do, in minor units.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Of the wallets that they are for.
    pub currency: Currency,
    /// The most that a wallet may have.
    pub balance_minor: u64,
    /// The most that one payment may be.
    pub payment_minor: u64,
    /// The most that may be paid on one day (UTC).
    pub day_minor: u64,
}

/// The day of a time, counted from the Unix epoch.
pub(crate) const fn day_of(now: Timestamp) -> u64 {
    now.unix_seconds() / SECONDS_OF_A_DAY
}

/// What is available in a wallet.
pub(crate) fn available(wallet: &WalletNumber) -> Result<Account, InvalidInput> {
    Account::new(WALLET, wallet.as_str())
}

/// What of a wallet is held.
pub(crate) fn held(wallet: &WalletNumber) -> Result<Account, InvalidInput> {
    Account::new(HELD, wallet.as_str())
}

/// What a merchant is owed.
pub(crate) fn owed_to(merchant: &MerchantNumber) -> Result<Account, InvalidInput> {
    Account::new(MERCHANT, merchant.as_str())
}

/// What a house has paid out to merchants, and is to transfer to their banks.
pub(crate) fn paid_out_by(house: &RelyingPartyId) -> Result<Account, InvalidInput> {
    Account::new(PAYOUT, house.as_str())
}

fn room(wallet: &WalletNumber) -> Result<Account, InvalidInput> {
    Account::new(ROOM, wallet.as_str())
}

fn returnable(card: &CardId) -> Result<Account, InvalidInput> {
    Account::new(RETURNABLE, card.as_str())
}

fn paid_on(wallet: &WalletNumber, day: u64) -> Result<Account, InvalidInput> {
    Account::new(DAY, &format!("{wallet}/{day}"))
}

/// The other side of what only counts. It has no floor: nobody waits for it.
fn counter() -> Result<Account, InvalidInput> {
    Account::new(COUNTER, "limits")
}

/// One movement: its postings are named by it, so that it is posted once ever.
pub(crate) struct Movement<'a> {
    pub(crate) id: &'a str,
    pub(crate) amount: Amount,
    pub(crate) at: Timestamp,
}

type Postings = Result<Vec<Posting>, InvalidInput>;

impl Movement<'_> {
    fn post(&self, what: &str, debit: Account, credit: Account) -> Posting {
        Posting::new(format!("{}/{what}", self.id), debit, credit, self.amount, self.at)
    }

    /// Counts the amount at an account, of which no more than the floor says may be counted.
    fn count(&self, what: &str, at: Account, floor_minor: i64) -> Result<Posting, InvalidInput> {
        Ok(self.post(what, at, counter()?).not_below(floor_minor))
    }

    fn uncount(&self, what: &str, at: Account) -> Result<Posting, InvalidInput> {
        Ok(self.post(what, counter()?, at))
    }

    fn end_of_hold(&self, wallet: &WalletNumber, to: Account) -> Result<Posting, InvalidInput> {
        Ok(self.post("end", held(wallet)?, to).not_below(0))
    }

    /// A payment is asked for: the amount counts as spent, and as paid on that day, from now on.
    pub(crate) fn hold(
        &self,
        wallet: &WalletNumber,
        day: u64,
        limits: &Limits,
    ) -> Result<Vec<Posting>, WalletError> {
        if self.amount.amount_minor() > limits.payment_minor {
            return Err(MoneyRefusal::PaymentLimit.into());
        }
        Ok(vec![
            self.post("hold", available(wallet)?, held(wallet)?).not_below(0),
            self.count("day", paid_on(wallet, day)?, below_zero(limits.day_minor))?,
        ])
    }

    /// It is not made.
    pub(crate) fn release(&self, wallet: &WalletNumber, day: u64) -> Postings {
        Ok(vec![
            self.end_of_hold(wallet, available(wallet)?)?,
            self.uncount("day-end", paid_on(wallet, day)?)?,
        ])
    }

    /// It is made. Its posting has the name that its release would have: a hold ends once.
    pub(crate) fn debit(&self, wallet: &WalletNumber, merchant: &MerchantNumber) -> Postings {
        Ok(vec![
            self.end_of_hold(wallet, owed_to(merchant)?)?,
            self.uncount("room-end", room(wallet)?)?,
        ])
    }

    /// The bank captured the price of a ticket.
    pub(crate) fn charge(&self, house: &RelyingPartyId, merchant: &MerchantNumber) -> Postings {
        Ok(vec![self.post("end", Account::relying_party(house), owed_to(merchant)?)])
    }

    /// Money is about to come in: there must be room for it before a bank is asked.
    pub(crate) fn reserve(&self, wallet: &WalletNumber, limits: &Limits) -> Postings {
        Ok(vec![self.count("room", room(wallet)?, below_zero(limits.balance_minor))?])
    }

    /// The bank captured it.
    pub(crate) fn pay_in(
        &self,
        house: &RelyingPartyId,
        wallet: &WalletNumber,
        card: &CardId,
    ) -> Postings {
        Ok(vec![
            self.post("end", Account::relying_party(house), available(wallet)?),
            self.uncount("card", returnable(card)?)?,
        ])
    }

    /// It did not come. Its posting has the name that its coming would have.
    pub(crate) fn unreserve(&self, wallet: &WalletNumber) -> Postings {
        Ok(vec![self.uncount("end", room(wallet)?)?])
    }

    /// Money is on its way out, to the card that it came from.
    pub(crate) fn withdraw(&self, wallet: &WalletNumber, card: &CardId) -> Postings {
        Ok(vec![
            self.post("hold", available(wallet)?, held(wallet)?).not_below(0),
            self.count("card", returnable(card)?, 0)?,
        ])
    }

    /// The bank gave it back to the card.
    pub(crate) fn withdrawn(&self, wallet: &WalletNumber, holder: &Identifier) -> Postings {
        Ok(vec![
            self.end_of_hold(wallet, Account::payer(holder))?,
            self.uncount("room-end", room(wallet)?)?,
        ])
    }

    /// The bank refuses to.
    pub(crate) fn not_withdrawn(&self, wallet: &WalletNumber, card: &CardId) -> Postings {
        Ok(vec![
            self.end_of_hold(wallet, available(wallet)?)?,
            self.uncount("card-end", returnable(card)?)?,
        ])
    }

    /// The wallet is closed: the amount is all the room that it may have, and all of it is free only when nothing is in the
    /// wallet, held, or about to come. It stays taken, so that nothing comes any more.
    pub(crate) fn close(&self, wallet: &WalletNumber) -> Postings {
        let floor = below_zero(self.amount.amount_minor());
        Ok(vec![self.count("room", room(wallet)?, floor)?])
    }

    /// A merchant is paid out.
    pub(crate) fn pay_out(&self, merchant: &MerchantNumber, house: &RelyingPartyId) -> Postings {
        Ok(vec![self.post("out", owed_to(merchant)?, paid_out_by(house)?)])
    }

    /// The house keeps that of what a merchant is owed.
    pub(crate) fn fee(&self, merchant: &MerchantNumber, house: &RelyingPartyId) -> Postings {
        Ok(vec![self.post("fee", owed_to(merchant)?, Account::new(FEE, house.as_str())?)])
    }
}

/// What an entry is of, a payment, a transfer or a payout, by its name: what is before the first `/` of its posting's.
pub(crate) fn about(entry: &Entry) -> &str {
    let id = entry.posting.id.as_str();
    id.split_once('/').map_or(id, |(name, _)| name)
}

fn below_zero(limit_minor: u64) -> i64 {
    i64::try_from(limit_minor).map_or(i64::MIN, |limit| limit.saturating_neg())
}
