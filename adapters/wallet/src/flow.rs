//! The server's side: people, wallets, cards, payments, merchants. It knows no HTTP, and holds no state of its own.

mod asked;
mod begin;
mod cards;
mod merchants;
mod opening;
mod pay;
mod returns;
mod settle;
mod stuck;
mod take_out;
mod transfer;
mod view;

use std::sync::Arc;

use countersign_domain::{
    amount::{Amount, Currency},
    challenge::Challenge,
    error::Error,
    gateway::Gateway,
    id::{ChallengeId, Identifier, SessionId},
    locale::Locale,
    person::Person,
    ports::{Directory, IssuingBank, Ports, Store},
    record::{Batch, Stored as _, Versioned},
    register::Account,
    time::Timestamp,
    verifier::Verifier,
};
use countersign_web::client_address::ClientAddress;

pub use self::{
    cards::CardView,
    opening::NewWallet,
    pay::{PaymentStatus, PaymentView, Started, TicketView},
    settle::awaited,
    stuck::StuckTransfers,
    transfer::{NewTransfer, TransferStatus, TransferView},
    view::WalletView,
};
use crate::{
    error::{MoneyRefusal, WalletError},
    house::House,
    message::{PinAsked, WalletNumber},
    purse::available,
    record::{Holder, Visit, Wallet},
};

/// How long a person is at a session without a sign of life, in seconds: five minutes (RTS art. 4(3)(d)).
const VISIT_SECONDS: u32 = 300;

/// A visit that has less than that left is renewed by a sign of life, in seconds: most of them write nothing.
const RENEWED_BELOW_SECONDS: u32 = 240;

/// How long what a bank is asked for is left to the process that asks, in seconds, before another looks.
const LOOK_AGAIN_SECONDS: u32 = 60;

/// How many wallets and how many cards one person may have: records that list them stay small.
const MAX_OWNED: usize = 8;

/// Wallets and what is done with them. The verifier must know what of it waits: see [`awaited`].
pub struct Wallets {
    /// Store, time, randomness and keys.
    pub ports: Ports,
    /// Which phone is vouched for which card.
    pub directory: Arc<dyn Directory>,
    /// Makes and checks codes.
    pub verifier: Arc<Verifier>,
    /// Takes from cards.
    pub gateway: Arc<Gateway>,
    /// Gives back to cards.
    pub bank: Arc<dyn IssuingBank>,
    /// Whose they are.
    pub house: Arc<House>,
}

/// A person who has typed a code at a session, not long ago. Only [`Wallets::visitor`] makes one.
#[derive(Clone, Debug)]
pub struct Visitor {
    person: Person,
    client: ClientAddress,
}

impl Visitor {
    /// The person.
    pub const fn person(&self) -> &Person {
        &self.person
    }

    /// The same, from that address.
    pub(crate) fn at(self, client: ClientAddress) -> Self {
        Self { client, ..self }
    }

    fn identifier(&self) -> &Identifier {
        &self.person.identifier
    }
}

/// A code is on its way to a phone: what the page shows beside its field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CodeAsked {
    /// Which code it is that is awaited.
    pub challenge: ChallengeId,
    /// The phone's number, masked; none where it would tell a stranger who is known.
    pub phone: String,
    /// What stands in the message, too.
    pub short_reference: String,
    /// From when on no code is accepted.
    pub expires_at: Timestamp,
    /// What is asked for beside it.
    pub pin: Option<PinAsked>,
}

impl From<&Challenge> for CodeAsked {
    fn from(challenge: &Challenge) -> Self {
        Self {
            challenge: challenge.id().clone(),
            phone: challenge.masked_address(),
            short_reference: challenge.reference().as_str().to_owned(),
            expires_at: challenge.expires_at(),
            pin: PinAsked::of(challenge.pin()),
        }
    }
}

impl Wallets {
    /// The person who signed in at that session; to ask is a sign of life.
    ///
    /// # Errors
    /// [`WalletError::NotSignedIn`], and when the store fails.
    pub async fn visitor(
        &self,
        session: &SessionId,
        locale: Locale,
    ) -> Result<Visitor, WalletError> {
        let (store, now) = (&self.ports.store, self.ports.clock.now());
        let visit = store.find::<Visit>(session.as_str()).await?.map(|found| found.value);
        let visit = visit.filter(|visit| visit.lasts(now)).ok_or(WalletError::NotSignedIn)?;
        let holder = store.find::<Holder>(visit.identifier.as_str()).await?;
        // The code of a visit of nobody was sent to nobody, and was guessed.
        let holder = holder.ok_or(WalletError::NotSignedIn)?.value;
        let is_short = |until: Timestamp| until.seconds_from(now) < RENEWED_BELOW_SECONDS;
        if holder.left_at.is_none() && visit.until.is_some_and(is_short) {
            self.renew(session, now).await?;
        }
        let person = self.person(&holder, session.clone(), locale);
        Ok(Visitor { person, client: ClientAddress::default() })
    }

    /// Resumes up to `limit` payments and as many transfers that nobody is at: whose person's time has run out, or whose
    /// process has crashed; and pays as many merchants whose time has come. Returns how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&self, limit: usize) -> Result<usize, Error> {
        let (purchases, transfers) =
            (self.resume_purchases(limit).await?, self.resume_transfers(limit).await?);
        let payouts = self.resume_payouts(limit).await?;
        Ok(purchases.saturating_add(transfers).saturating_add(payouts))
    }

    async fn renew(&self, session: &SessionId, now: Timestamp) -> Result<(), Error> {
        let renew = |found: Versioned<Visit>| async move {
            let mut batch = Batch::default();
            if found.value.lasts(now) {
                let until = Some(now.plus_seconds(VISIT_SECONDS));
                batch.replace(&found.map(|visit| Visit { until, ..visit }))?;
            }
            Ok((batch, ()))
        };
        self.ports.store.change(session.as_str(), renew).await
    }

    fn person(&self, holder: &Holder, session: SessionId, locale: Locale) -> Person {
        Person {
            identifier: holder.identifier.clone(),
            address: holder.address.clone(),
            session,
            locale,
            origin: Some(self.house.origin.clone()),
        }
    }

    /// A wallet of that person; another's is not found.
    pub(crate) async fn owned(
        &self,
        visitor: &Visitor,
        number: &WalletNumber,
    ) -> Result<Versioned<Wallet>, Error> {
        let found = self.ports.store.expect::<Wallet>(number.as_str()).await?;
        if found.value.holder == *visitor.identifier() {
            return Ok(found);
        }
        Err(Error::NotFound { collection: Wallet::COLLECTION, id: number.to_string() })
    }

    /// Whether it is one of this person's own, open, and of the currency of that amount.
    async fn open_for(
        &self,
        visitor: &Visitor,
        number: &WalletNumber,
        amount: Amount,
    ) -> Result<(), WalletError> {
        let wallet = self.owned(visitor, number).await?.value;
        if wallet.closed_at.is_some() {
            return Err(WalletError::NotNow("closed"));
        }
        if wallet.currency != amount.currency() {
            return Err(MoneyRefusal::OtherCurrency.into());
        }
        Ok(())
    }
}

/// Adds the wallet, unchanged, to a batch that moves its money, and gives what is available in it: a commit in between is a
/// conflict, so that the balance after a movement can be said in the answer to it.
async fn pin(
    store: &Arc<dyn Store>,
    number: &WalletNumber,
    currency: Currency,
    batch: &mut Batch,
) -> Result<u64, Error> {
    let wallet = store.expect::<Wallet>(number.as_str()).await?;
    batch.replace(&wallet)?;
    balance_of(store, &available(number)?, currency).await
}

async fn balance_of(
    store: &Arc<dyn Store>,
    account: &Account,
    currency: Currency,
) -> Result<u64, Error> {
    let balance = store.balance(account, currency).await?;
    // No wallet is below its floor of zero.
    Ok(u64::try_from(balance.net_minor()).unwrap_or_default())
}
