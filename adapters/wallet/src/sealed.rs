//! What wallets keep sealed, for [`countersign_domain::reseal`].

use async_trait::async_trait;
use countersign_domain::{
    error::Error,
    id::KeyId,
    keys::SealedCard,
    ports::Ports,
    record::Batch,
    reseal::{Kind, Sealed},
};

use crate::record::{CardTie, Direction, TiedCard, Transfer};

/// Cards that are tied to people, and those of movements to cards.
pub fn sealed() -> [Kind; 2] {
    [Kind::of::<TiedCard>(), Kind::of::<Transfer>()]
}

/// The tie of a card goes with it, so that it stays one person's without the old key.
#[async_trait]
impl Sealed for TiedCard {
    fn keys(&self) -> Vec<&KeyId> {
        self.sealed.iter().map(SealedCard::key).collect()
    }

    async fn resealed(mut self, ports: &Ports, batch: &mut Batch) -> Result<Self, Error> {
        let Ports { store, keys, entropy, .. } = ports;
        let Some(sealed) = self.sealed.take() else { return Ok(self) };
        let indexes = keys.card_indexes(&keys.open_card(&sealed, self.id.as_str())?);
        self.sealed = Some(keys.reseal_card(sealed, self.id.as_str(), entropy.as_ref())?);
        let mut indexes = indexes.into_iter();
        let Some(current) = indexes.next() else { return Ok(self) };
        let mut is_tied = store.find::<CardTie>(&current).await?.is_some();
        for older in indexes {
            let Some(tie) = store.find::<CardTie>(&older).await? else { continue };
            if tie.value.card != self.id {
                continue;
            }
            batch.remove(&tie);
            if !is_tied {
                batch.insert(&CardTie { index: current.clone(), ..tie.value })?;
                is_tied = true;
            }
        }
        Ok(self)
    }
}

#[async_trait]
impl Sealed for Transfer {
    fn keys(&self) -> Vec<&KeyId> {
        match &self.direction {
            Direction::In { .. } => Vec::new(),
            Direction::Out { sealed, .. } => vec![sealed.key()],
        }
    }

    async fn resealed(mut self, ports: &Ports, _: &mut Batch) -> Result<Self, Error> {
        let Ports { keys, entropy, .. } = ports;
        self.direction = match self.direction {
            Direction::Out { reference, sealed, told } => {
                let sealed = keys.reseal_card(sealed, self.card.as_str(), entropy.as_ref())?;
                Direction::Out { reference, sealed, told }
            }
            to_the_wallet @ Direction::In { .. } => to_the_wallet,
        };
        Ok(self)
    }
}
