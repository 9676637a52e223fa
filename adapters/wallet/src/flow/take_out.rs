//! Out of wallets, to cards: the bank is told to credit the card until it has, or until a person must look.

use countersign_domain::{
    bank::{BankError, BankReference, BankRequest},
    error::Error,
    event::Event,
    ports::Ports,
    record::{Batch, Step, Version, Versioned},
    settlement::InVain,
};

use super::{NewTransfer, TransferView, Visitor, Wallets, pin};
use crate::{
    error::{WalletError, attempted},
    purchase::with,
    record::{Direction, NotPaid, Transfer, TransferId},
};

impl Wallets {
    /// Takes money out, to a card that no less was paid in from. The same again is the same movement.
    ///
    /// # Errors
    /// [`MoneyRefusal`](crate::error::MoneyRefusal), [`WalletError::KeyReused`], and when a port fails.
    pub async fn take_out(
        &self,
        visitor: &Visitor,
        new: &NewTransfer,
    ) -> Result<TransferView, WalletError> {
        let begin = || async move { attempted(self.begin_take_out(visitor, new).await) };
        let (id, begun) = self.ports.store.attempt(begin).await??;
        // A client that asks for the same again only looks: the bank is being told.
        if let Some(value) = begun {
            self.credit(Versioned { version: Version::FIRST, value }).await?;
        }
        self.transfer(visitor, &id).await
    }

    /// The movement of that name, and what was begun if there was none.
    async fn begin_take_out(
        &self,
        visitor: &Visitor,
        new: &NewTransfer,
    ) -> Result<(Batch, (TransferId, Option<Transfer>)), WalletError> {
        let mut batch = Batch::default();
        if let Some(before) = self.transfer_before(visitor, new, "out").await? {
            return Ok((batch, (before, None)));
        }
        let Ports { store, clock, entropy, .. } = &self.ports;
        let now = clock.now();
        self.open_for(visitor, &new.wallet, new.amount).await?;
        let sealed = self.sealed(visitor, &new.card).await?;
        let reference = BankReference::random(entropy.as_ref(), now)?;
        let direction = Direction::Out { reference, sealed, told: Default::default() };
        let transfer = new.transfer(visitor, direction, now)?;
        pin(store, &new.wallet, new.amount.currency(), &mut batch).await?;
        let postings = transfer.movement(now).withdraw(&new.wallet, &new.card)?;
        let asked = Event::CreditAsked { amount: new.amount };
        let begun = batch.begin(with(Step::new(transfer, asked), postings), now)?;
        Ok((batch, (begun.id.clone(), Some(begun))))
    }

    /// Tells the bank to credit the card, always under one reference, and keeps what it says.
    pub(super) async fn credit(&self, taken: Versioned<Transfer>) -> Result<(), Error> {
        let said = match self.credit_request(&taken.value) {
            Ok(Some(request)) => self.bank.credit(&request).await.map_err(InVain::from),
            Ok(None) => return Ok(()),
            // Only a person puts a key back.
            Err(Error::Sealed | Error::UnknownKey(_)) => Err(InVain::CardDoesNotOpen),
            Err(error) => return Err(error),
        };
        let (ours, said) = (taken.version, &said);
        let keep = |found: Versioned<Transfer>| async move {
            // Another process has taken it over since, and hears the bank itself.
            if found.version != ours {
                return Ok((Batch::default(), None));
            }
            self.after(found, said).await
        };
        let in_vain = self.ports.store.change_found(taken, keep).await?;
        if let (Some(transfer), Err(cause)) = (in_vain, said) {
            self.tell(&transfer, cause);
        }
        Ok(())
    }

    /// Says of what is committed what the bank has not done.
    fn tell(&self, transfer: &Transfer, cause: &InVain) {
        let id = &transfer.id;
        match transfer.stuck(&self.house.party) {
            Some(stuck) => {
                tracing::error!(transfer = %id, tries = stuck.tries, %cause, "the bank does not do what it must: a person must ask it and settle the transfer (countersign payments)");
            }
            None => tracing::warn!(transfer = %id, %cause, "the bank will be told again"),
        }
    }

    /// What becomes of it by what the bank said; and the movement as it is then, where that was in vain.
    async fn after(
        &self,
        found: Versioned<Transfer>,
        said: &Result<(), InVain>,
    ) -> Result<(Batch, Option<Transfer>), Error> {
        let (now, mut batch) = (self.ports.clock.now(), Batch::default());
        let transfer = found.value;
        let (store, amount) = (&self.ports.store, transfer.amount);
        let mut in_vain = None;
        let step = match said {
            Ok(()) => {
                let wallet = &transfer.wallet;
                let balance = pin(store, wallet, amount.currency(), &mut batch).await?;
                transfer.withdrawn(balance, now)?
            }
            // What was asked before may have been done: then a refusal is the answer to the repeat.
            Err(InVain::Bank(BankError::Refused { response })) if !transfer.may_be_done() => {
                pin(store, &transfer.wallet, amount.currency(), &mut batch).await?;
                transfer.not_withdrawn(NotPaid::Bank { response: response.clone() }, now)?
            }
            Err(cause) => {
                let step = transfer.in_vain(cause, now)?;
                if let Some(stuck) = step.next.stuck(&self.house.party) {
                    batch.insert(&stuck)?;
                }
                in_vain = Some(step.next.clone());
                step
            }
        };
        batch.step(found.version, step, now)?;
        Ok((batch, in_vain))
    }

    /// What the bank is told; nothing of what is over, or comes in.
    fn credit_request(&self, transfer: &Transfer) -> Result<Option<BankRequest>, Error> {
        let Some((reference, sealed)) = transfer.on_its_way_out() else { return Ok(None) };
        Ok(Some(BankRequest::new(
            reference.clone(),
            self.ports.keys.open_card(sealed, transfer.card.as_str())?,
            transfer.amount,
            self.house.name.clone(),
            self.house.party.clone(),
        )))
    }
}
