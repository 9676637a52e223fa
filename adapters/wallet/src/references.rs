//! By which names phone and bank know what belongs to a payment, a movement or an opening: for those who follow one
//! through every message that was sent for it.

use countersign_domain::{
    error::Error,
    id::{ChallengeId, PaymentId},
    payment::Payment,
    ports::Store,
};

use crate::{
    message::PurchaseId,
    record::{Direction, Opening, OpeningId, Purchase, Transfer, TransferId, Way},
};

/// What phone and bank were asked for one of them, earliest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct References {
    /// The codes that were asked for.
    pub challenges: Vec<ChallengeId>,
    /// The retrieval reference numbers of what the bank was asked (ISO 8583 field 37).
    pub bank: Vec<String>,
}

impl References {
    /// Those of that payment of a ticket, movement or opening; none when nothing of that name was begun.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(store: &dyn Store, id: &str) -> Result<Self, Error> {
        let mut found = Self::default();
        if PurchaseId::try_from(id.to_owned()).is_ok() {
            let purchase = store.find::<Purchase>(id).await?.map(|found| found.value);
            let tries = purchase
                .into_iter()
                .flat_map(|Purchase { earlier, current, .. }| earlier.into_iter().chain([current]));
            for tried in tries {
                match tried.way {
                    Way::Wallet { challenge, .. } => found.challenges.push(challenge),
                    Way::Card { payment, .. } => found.add(store, &payment).await?,
                }
            }
        } else if TransferId::try_from(id.to_owned()).is_ok() {
            match store.find::<Transfer>(id).await?.map(|found| found.value.direction) {
                Some(Direction::In { payment }) => found.add(store, &payment).await?,
                Some(Direction::Out { reference, .. }) => found.bank.push(reference.retrieval),
                None => {}
            }
        } else if OpeningId::try_from(id.to_owned()).is_ok() {
            let opening = store.find::<Opening>(id).await?;
            found.challenges.extend(opening.and_then(|opening| opening.value.challenge));
        }
        Ok(found)
    }

    /// Adds those of a card's payment.
    async fn add(&mut self, store: &dyn Store, payment: &PaymentId) -> Result<(), Error> {
        // It may be removed before what it was made for.
        let Some(found) = store.find::<Payment>(payment.as_str()).await? else { return Ok(()) };
        let payment = found.value;
        self.bank.push(payment.bank_reference().to_owned());
        self.challenges.extend(payment.challenge().cloned());
        Ok(())
    }
}
