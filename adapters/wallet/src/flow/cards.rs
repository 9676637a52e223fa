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
        for index in &indexes {
            let Some(tie) = store.find::<CardTie>(index).await? else { continue };
            if tie.value.holder != *visitor.identifier() {
                return Err(WalletError::CardRefused);
            }
            // Tied before: by another name now, or once more.
            let id = tie.value.card;
            let found = store.expect::<TiedCard>(id.as_str()).await?;
            let sealed = Some(keys.seal_card(card, id.as_str(), entropy.as_ref())?);
            let name = name.clone();
            batch.replace(&found.map(|tied| TiedCard { name, sealed, ..tied }))?;
            return Ok((batch, id));
        }
        let found = store.expect::<Holder>(visitor.identifier().as_str()).await?;
        if found.value.cards.len() >= MAX_OWNED {
            return Err(WalletError::TooMany);
        }
        let id = CardId::random(entropy.as_ref())?;
        let holder = visitor.identifier().clone();
        if let Some(index) = indexes.into_iter().next() {
            batch.insert(&CardTie { index, holder: holder.clone(), card: id.clone() })?;
        }
        batch.insert(&TiedCard {
            id: id.clone(),
            holder,
            name: name.clone(),
            masked: card.masked(),
            sealed: Some(keys.seal_card(card, id.as_str(), entropy.as_ref())?),
        })?;
        let mut holder = found;
        holder.value.cards.push(id.clone());
        batch.replace(&holder)?;
        Ok((batch, id))
    }

    /// Forgets a card's number. The card stays the person's: nobody else can tie it.
    ///
    /// # Errors
    /// When there is no such card of this person, or the store fails.
    pub async fn untie_card(&self, visitor: &Visitor, id: &CardId) -> Result<(), WalletError> {
        let forget = |found: Versioned<TiedCard>| async move {
            let mut batch = Batch::default();
            if found.value.holder != *visitor.identifier() {
                return Err(no_card(id));
            }
            batch.replace(&found.map(|tied| TiedCard { sealed: None, ..tied }))?;
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
            let tied = store.expect::<TiedCard>(id.as_str()).await?.value;
            if tied.sealed.is_some() {
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
