//! Cards that are tied to a person, by names of the person's own.

use countersign_domain::{
    card::{Card, MaskedCard},
    error::Error,
    keys::SealedCard,
    ports::Ports,
    record::{Batch, Stored as _, Versioned},
};

use super::{MAX_OWNED, Visitor, Wallets};
use crate::{
    error::{WalletError, attempted},
    message::{CardId, CardName},
    record::{CardTie, Holder, TiedCard},
};

/// A card, as its holder may see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CardView {
    /// Names it in requests.
    pub id: CardId,
    /// What the person calls it.
    pub name: CardName,
    /// Its last digits.
    pub masked: MaskedCard,
}

impl Wallets {
    /// Ties a card to the person. A card is debited only with the consent of the phone that is vouched for that card, and
    /// is one person's: a card that the directory does not know with this phone, or that is tied to somebody else, is
    /// refused, and the answer does not say which.
    ///
    /// # Errors
    /// [`WalletError::CardRefused`], [`WalletError::TooMany`], and when a port fails.
    pub async fn tie_card(
        &self,
        visitor: &Visitor,
        name: &CardName,
        card: &Card,
    ) -> Result<CardId, WalletError> {
        let vouched = self.directory.by_card(card).await?;
        if vouched.is_none_or(|holder| holder.address != visitor.person().address) {
            return Err(WalletError::CardRefused);
        }
        let tie = || async move { attempted(self.tie(visitor, name, card).await) };
        self.ports.store.attempt(tie).await?
    }

    async fn tie(
        &self,
        visitor: &Visitor,
        name: &CardName,
        card: &Card,
    ) -> Result<(Batch, CardId), WalletError> {
        let Ports { store, entropy, keys, .. } = &self.ports;
        let mut batch = Batch::default();
        // Under every key of the ring: a card that was tied before the key changed is tied.
        let indexes = keys.card_indexes(card);
        let mut tie = None;
        for index in &indexes {
            if tie.is_none() {
                tie = store.find::<CardTie>(index).await?;
            }
        }
        let is_own = |tie: &&Versioned<CardTie>| tie.value.holder == *visitor.identifier();
        // Tied before: by another name now, or once more, under the id that the books know it by.
        let id = match tie.as_ref().filter(is_own) {
            Some(tie) => tie.value.card.clone(),
            None => CardId::random(entropy.as_ref())?,
        };
        let tied = self.tied(visitor, id.clone(), name, card)?;
        match tie {
            Some(tie) if is_own(&&tie) => {}
            // It was that of a person who has left, and of whom nothing is known any more.
            Some(tie) if store.find::<Holder>(tie.value.holder.as_str()).await?.is_none() => {
                let (holder, card) = (tied.holder.clone(), id.clone());
                batch.replace(&tie.map(|tie| CardTie { holder, card, ..tie }))?;
            }
            Some(_) => return Err(WalletError::CardRefused),
            None => {
                if let Some(index) = indexes.into_iter().next() {
                    let (holder, card) = (tied.holder.clone(), id.clone());
                    batch.insert(&CardTie { index, holder, card })?;
                }
            }
        }
        let mut holder = store.expect::<Holder>(visitor.identifier().as_str()).await?;
        if !holder.value.cards.contains(&id) {
            if holder.value.cards.len() >= MAX_OWNED {
                return Err(WalletError::TooMany);
            }
            holder.value.cards.push(id.clone());
        }
        batch.replace(&holder.map(|holder| Holder { left_at: None, ..holder }))?;
        let found = store.find::<TiedCard>(id.as_str()).await?;
        batch.put(found.map(|found| found.version), tied)?;
        Ok((batch, id))
    }

    fn tied(
        &self,
        visitor: &Visitor,
        id: CardId,
        name: &CardName,
        card: &Card,
    ) -> Result<TiedCard, Error> {
        let Ports { entropy, keys, .. } = &self.ports;
        let sealed = keys.seal_card(card, id.as_str(), entropy.as_ref())?;
        Ok(TiedCard {
            id,
            holder: visitor.identifier().clone(),
            name: name.clone(),
            masked: card.masked(),
            sealed: Some(sealed),
            untied_at: None,
        })
    }

    /// Forgets a card's number. The card stays the person's: nobody else can tie it, until the person has left.
    ///
    /// # Errors
    /// When there is no such card of this person, or the store fails.
    pub async fn untie_card(&self, visitor: &Visitor, id: &CardId) -> Result<(), WalletError> {
        let forget = |found: Versioned<TiedCard>| async move {
            let mut batch = Batch::default();
            if found.value.holder != *visitor.identifier() {
                return Err(no_card(id));
            }
            if found.value.sealed.is_some() {
                let untied_at = Some(self.ports.clock.now());
                self.keep_or_leave(&found.value.holder, id.as_str(), &mut batch).await?;
                batch.replace(&found.map(|tied| TiedCard { sealed: None, untied_at, ..tied }))?;
            }
            Ok((batch, ()))
        };
        Ok(self.ports.store.change(id.as_str(), forget).await?)
    }

    /// The cards that the person can use.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn cards(&self, visitor: &Visitor) -> Result<Vec<CardView>, WalletError> {
        let store = &self.ports.store;
        let holder = store.expect::<Holder>(visitor.identifier().as_str()).await?.value;
        let mut cards = Vec::new();
        for id in holder.cards {
            // One that was untied long ago is removed.
            let tied = store.find::<TiedCard>(id.as_str()).await?.map(|found| found.value);
            if let Some(tied) = tied.filter(|tied| tied.sealed.is_some()) {
                cards.push(CardView { id, name: tied.name, masked: tied.masked });
            }
        }
        Ok(cards)
    }

    /// A card of that person in clear, for the bank.
    pub(super) async fn card(&self, visitor: &Visitor, id: &CardId) -> Result<Card, Error> {
        self.ports.keys.open_card(&self.sealed(visitor, id).await?, id.as_str())
    }

    /// A card of that person, as it is kept.
    pub(super) async fn sealed(&self, visitor: &Visitor, id: &CardId) -> Result<SealedCard, Error> {
        let tied = self.ports.store.expect::<TiedCard>(id.as_str()).await?.value;
        let sealed = tied.sealed.filter(|_| tied.holder == *visitor.identifier());
        sealed.ok_or_else(|| no_card(id))
    }
}

fn no_card(id: &CardId) -> Error {
    Error::NotFound { collection: TiedCard::COLLECTION, id: id.to_string() }
}
