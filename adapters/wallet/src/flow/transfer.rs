//! Between wallets and cards: paying in, which asks bank and person; and where either way stands.

use countersign_domain::{
    amount::Amount,
    challenge::Challenge,
    error::Error,
    id::PaymentId,
    invalid::InvalidInput,
    payment::{PaymentRequest, PaymentState},
    plan::{CaptureTime, KnownBy},
    ports::Ports,
    record::{Batch, RecordKey, Step, StoreError, Stored as _, Versioned},
    response::Response,
    time::Timestamp,
    transaction::Transaction,
};

use super::{
    CodeAsked, LOOK_AGAIN_SECONDS, Visitor, Wallets, pin,
    settle::{Outcome, outcome},
};
use crate::{
    error::{WalletError, attempted},
    message::{CardId, Token, WalletNumber},
    purchase::with,
    record::{Direction, NotPaid, Transfer, TransferId, TransferState},
};

/// Money that is to be moved between a wallet and a card.
#[derive(Clone, Debug)]
pub struct NewTransfer {
    /// The person's name for it: the same name moves money once.
    pub key: Token,
    /// One of the person's own.
    pub wallet: WalletNumber,
    /// Tied to the person.
    pub card: CardId,
    /// In minor units of the wallet's currency.
    pub amount: Amount,
}

/// A movement between a wallet and a card, as its holder sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TransferView {
    /// Names it.
    pub id: TransferId,
    /// One of the person's own.
    pub wallet: WalletNumber,
    /// Whether it is paid in, and not taken out.
    pub comes_in: bool,
    /// In minor units of the wallet's currency.
    pub amount: Amount,
    /// Where it stands.
    pub status: TransferStatus,
}

/// Where a movement between a wallet and a card stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TransferStatus {
    /// The person has the next action.
    AwaitingCode(CodeAsked),
    /// The bank has.
    Processing,
    /// It is made.
    Done {
        /// What was available in the wallet after it, in minor units.
        balance_minor: u64,
        /// When it was made.
        at: Timestamp,
    },
    /// It is not made.
    NotMade {
        /// What ended it.
        cause: NotPaid,
        /// When it was noticed.
        at: Timestamp,
    },
}

impl Wallets {
    /// Begins to pay in: makes sure that the wallet has room, then asks bank and person. The same again is the same movement.
    ///
    /// # Errors
    /// [`MoneyRefusal::BalanceLimit`](crate::error::MoneyRefusal::BalanceLimit), [`WalletError::KeyReused`], and when a port
    /// fails.
    pub async fn start_pay_in(
        &self,
        visitor: &Visitor,
        new: &NewTransfer,
    ) -> Result<TransferView, WalletError> {
        let begin = || async move { attempted(self.begin_pay_in(visitor, new).await) };
        let id = self.ports.store.attempt(begin).await??;
        self.settle_pay_in(&id).await?;
        self.transfer(visitor, &id).await
    }

    /// Takes the code, and pays in when it corresponds.
    ///
    /// # Errors
    /// The refusal with its cause, and when a port fails.
    pub async fn finish_pay_in(
        &self,
        visitor: &Visitor,
        id: &TransferId,
        response: impl Into<Response>,
    ) -> Result<TransferView, WalletError> {
        let transfer = self.own_transfer(visitor, id).await?.value;
        let Direction::In { payment } = &transfer.direction else {
            return Err(transfer.not_now().into());
        };
        let payment = self.gateway.payment(payment).await?;
        let session = &visitor.person().session;
        let outcome = self.gateway.finish_payment(&payment, session, response).await?;
        self.settle_pay_in(id).await?;
        outcome.done().map_err(WalletError::Refused)?;
        self.transfer(visitor, id).await
    }

    /// Sends the code with which money is paid in once more.
    ///
    /// # Errors
    /// The refusal with its cause, and when a port fails.
    pub async fn resend_pay_in_code(
        &self,
        visitor: &Visitor,
        id: &TransferId,
    ) -> Result<(), WalletError> {
        let transfer = self.own_transfer(visitor, id).await?.value;
        let Direction::In { payment } = &transfer.direction else {
            return Err(transfer.not_now().into());
        };
        let payment = self.gateway.payment(payment).await?;
        let sent = self.gateway.resend_code(&payment, &visitor.person().session).await?;
        sent.done().map(drop).map_err(WalletError::Refused)
    }

    /// A movement as it stands. What the bank has ended is seen by whoever looks, as of a payment.
    ///
    /// # Errors
    /// When this person has no such movement, and when the store fails.
    pub async fn transfer(
        &self,
        visitor: &Visitor,
        id: &TransferId,
    ) -> Result<TransferView, WalletError> {
        let mut transfer = self.own_transfer(visitor, id).await?.value;
        if let (TransferState::Pending, Direction::In { .. }) =
            (&transfer.state, &transfer.direction)
        {
            self.settle_pay_in(id).await?;
            transfer = self.own_transfer(visitor, id).await?.value;
        }
        let status = match (transfer.state, &transfer.direction) {
            (TransferState::Done { balance_minor, at }, _) => {
                TransferStatus::Done { balance_minor, at }
            }
            (TransferState::NotMade { cause, at }, _) => {
                let cause = cause.since(at, self.ports.clock.now());
                TransferStatus::NotMade { cause, at }
            }
            (TransferState::Pending, Direction::In { payment }) => self.paying_in(payment).await?,
            (TransferState::Pending, Direction::Out { .. }) => TransferStatus::Processing,
        };
        let comes_in = matches!(transfer.direction, Direction::In { .. });
        let Transfer { id, wallet, amount, .. } = transfer;
        Ok(TransferView { id, wallet, comes_in, amount, status })
    }

    async fn paying_in(&self, payment: &PaymentId) -> Result<TransferStatus, Error> {
        let payment = self.gateway.payment(payment).await?;
        match (payment.challenge(), payment.state()) {
            (Some(challenge), PaymentState::AwaitingCode { .. }) => {
                let store = &self.ports.store;
                let challenge = store.expect::<Challenge>(challenge.as_str()).await?.value;
                Ok(TransferStatus::AwaitingCode(CodeAsked::from(&challenge)))
            }
            _ => Ok(TransferStatus::Processing),
        }
    }

    async fn begin_pay_in(
        &self,
        visitor: &Visitor,
        new: &NewTransfer,
    ) -> Result<(Batch, TransferId), WalletError> {
        if let Some(before) = self.transfer_before(visitor, new, "in").await? {
            return Ok((Batch::default(), before));
        }
        let Ports { clock, entropy, .. } = &self.ports;
        self.open_for(visitor, &new.wallet, new.amount).await?;
        let limits = self.house.limits(new.amount.currency())?;
        let request = PaymentRequest {
            payment: PaymentId::made_at(clock.now(), entropy.as_ref())?,
            relying_party: self.house.party.clone(),
            person: visitor.person().clone(),
            card: self.card(visitor, &new.card).await?,
            transaction: Transaction::new(
                new.amount,
                self.house.name.clone(),
                new.key.as_str().try_into()?,
                Vec::new(),
            )?,
            order: None,
            known_by: KnownBy::UserId,
            from: visitor.client.0,
            capture: CaptureTime::AtOnce,
            correlation: None,
        };
        let direction = Direction::In { payment: request.payment.clone() };
        let (now, mut batch) = (clock.now(), Batch::default());
        let transfer = new.transfer(visitor, direction, now)?;
        batch.postings.extend(transfer.movement(now).reserve(&new.wallet, limits)?);
        batch.insert(&transfer)?;
        let once: Vec<_> = batch.postings.iter().map(|posting| posting.id.clone()).collect();
        match self.gateway.start_payment(request, batch).await {
            Ok(_) => Ok((Batch::default(), transfer.id)),
            // The books know a movement of that name, which is over and was removed.
            Err(Error::Store(StoreError::Conflict { key })) if once.contains(&key) => {
                Err(WalletError::KeyReused)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The movement that began under that name, if one did and is the same.
    pub(super) async fn transfer_before(
        &self,
        visitor: &Visitor,
        new: &NewTransfer,
        direction: &str,
    ) -> Result<Option<TransferId>, WalletError> {
        let id = TransferId::of(visitor.identifier(), &new.key)?;
        let store = &self.ports.store;
        // Read before the record, which may be committed in between: facts without it are of a movement that was removed since.
        let is_new = store.facts(&RecordKey::of::<Transfer>(id.as_str())).await?.is_empty();
        let Some(found) = store.find::<Transfer>(id.as_str()).await? else {
            return if is_new { Ok(None) } else { Err(WalletError::KeyReused) };
        };
        let before = found.value;
        let is_same = before.direction.name() == direction
            && before.wallet == new.wallet
            && before.card == new.card
            && before.amount == new.amount;
        if is_same { Ok(Some(id)) } else { Err(WalletError::KeyReused) }
    }

    /// Ends a payment into a wallet when its bank has.
    async fn settle_pay_in(&self, id: &TransferId) -> Result<(), Error> {
        let settle = |found: Versioned<Transfer>| async move {
            let (now, mut batch) = (self.ports.clock.now(), Batch::default());
            let transfer = found.value;
            let (TransferState::Pending, Direction::In { payment }) =
                (&transfer.state, &transfer.direction)
            else {
                return Ok((batch, ()));
            };
            let (wallet, movement) = (&transfer.wallet, transfer.movement(now));
            let (postings, state) = match outcome(&self.gateway.payment(payment).await?) {
                Outcome::Open => return Ok((batch, ())),
                Outcome::Captured => {
                    let store = &self.ports.store;
                    let currency = transfer.amount.currency();
                    let before = pin(store, wallet, currency, &mut batch).await?;
                    let balance_minor = before.saturating_add(transfer.amount.amount_minor());
                    let postings = movement.pay_in(&self.house.party, wallet, &transfer.card)?;
                    (postings, TransferState::Done { balance_minor, at: now })
                }
                Outcome::NotPaid(cause) => {
                    (movement.unreserve(wallet)?, TransferState::NotMade { cause, at: now })
                }
            };
            let ended = Step::silent(Transfer { state, next_at: None, ..transfer });
            batch.step(found.version, with(ended, postings), now)?;
            Ok((batch, ()))
        };
        self.ports.store.change(id.as_str(), settle).await
    }

    pub(super) async fn resume_transfers(&self, limit: usize) -> Result<usize, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let due = store.due(Transfer::COLLECTION, clock.now(), limit).await?;
        for record in &due {
            if let Err(error) = self.resume_transfer(&record.key.id).await {
                tracing::error!(transfer = record.key.id, %error, "cannot resume this transfer yet");
            }
        }
        Ok(due.len())
    }

    /// Takes it for this process by a commit, and looks what the bank says.
    async fn resume_transfer(&self, id: &str) -> Result<(), Error> {
        let lease = |found: Versioned<Transfer>| async move {
            let (now, mut batch) = (self.ports.clock.now(), Batch::default());
            if !found.value.is_due(now) {
                return Ok((batch, None));
            }
            let next_at = Some(now.plus_seconds(LOOK_AGAIN_SECONDS));
            let leased = found.map(|transfer| Transfer { next_at, ..transfer.taken_up() });
            batch.replace(&leased)?;
            // As it is once that is committed.
            let version = leased.version.next();
            Ok((batch, Some(Versioned { version, ..leased })))
        };
        let Some(leased) = self.ports.store.change(id, lease).await? else { return Ok(()) };
        match &leased.value.direction {
            Direction::In { .. } => self.settle_pay_in(&leased.value.id).await,
            Direction::Out { .. } => self.credit(leased).await,
        }
    }

    async fn own_transfer(
        &self,
        visitor: &Visitor,
        id: &TransferId,
    ) -> Result<Versioned<Transfer>, Error> {
        let found = self.ports.store.expect::<Transfer>(id.as_str()).await?;
        if found.value.holder == *visitor.identifier() {
            return Ok(found);
        }
        Err(Error::NotFound { collection: Transfer::COLLECTION, id: id.to_string() })
    }
}

impl NewTransfer {
    pub(super) fn transfer(
        &self,
        visitor: &Visitor,
        direction: Direction,
        now: Timestamp,
    ) -> Result<Transfer, InvalidInput> {
        Ok(Transfer {
            id: TransferId::of(visitor.identifier(), &self.key)?,
            holder: visitor.identifier().clone(),
            wallet: self.wallet.clone(),
            card: self.card.clone(),
            amount: self.amount,
            direction,
            state: TransferState::Pending,
            next_at: Some(now.plus_seconds(LOOK_AGAIN_SECONDS)),
        })
    }
}
