//! The directory of subscribers, kept in the store.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    card::Card,
    error::Error,
    id::Identifier,
    keys::SealedCard,
    pin::{NewPin, Pin, PinError, PinFrom, PinHasher},
    ports::{Directory, Ports},
    record::{Batch, Stored, Versioned},
    subscriber::{DirectoryError, Subscriber},
};

/// A subscriber as kept: the card sealed.
#[derive(Debug, Deserialize, Serialize)]
struct SubscriberRecord {
    identifier: Identifier,
    address: Address,
    card: Option<SealedCard>,
}

impl Stored for SubscriberRecord {
    const COLLECTION: &'static str = "subscriber";

    fn id(&self) -> &str {
        self.identifier.as_str()
    }
}

/// From the keyed hash of a card's number to its holder (F13.v2).
#[derive(Debug, Deserialize, Serialize)]
struct CardLink {
    index: String,
    identifier: Identifier,
}

impl Stored for CardLink {
    const COLLECTION: &'static str = "card";

    fn id(&self) -> &str {
        &self.index
    }
}

/// The directory that is kept in the store.
pub struct Subscribers {
    ports: Ports,
    pins: Option<Arc<dyn PinHasher>>,
}

impl Subscribers {
    /// The directory in the store of those ports.
    pub const fn new(ports: Ports) -> Self {
        Self { ports, pins: None }
    }

    /// PINs are hashed by that.
    #[must_use]
    pub fn with_pins(mut self, hasher: Arc<dyn PinHasher>) -> Self {
        self.pins = Some(hasher);
        self
    }

    /// Enters a subscriber, or replaces what was known of that identifier.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](crate::record::StoreError::Conflict) when somebody else changes the same subscriber.
    pub async fn enrol(&self, subscriber: &Subscriber) -> Result<(), Error> {
        self.enrol_with(subscriber, None).await
    }

    /// The same, with a PIN in place of any that the person had; without one, a person whose number stays keeps it.
    ///
    /// # Errors
    /// As [`Self::enrol`], and when the PIN cannot be hashed.
    pub async fn enrol_with(
        &self,
        subscriber: &Subscriber,
        pin: Option<&NewPin>,
    ) -> Result<(), Error> {
        let identifier = &subscriber.identifier;
        let seal = |card| {
            self.ports.keys.seal_card(card, identifier.as_str(), self.ports.entropy.as_ref())
        };
        let mut batch = Batch::default();
        let record = SubscriberRecord {
            identifier: identifier.clone(),
            address: subscriber.address.clone(),
            card: subscriber.card.as_ref().map(seal).transpose()?,
        };
        let found = self.ports.store.find::<SubscriberRecord>(identifier.as_str()).await?;
        batch.put(found.map(|found| found.version), record)?;
        if let Some(index) = subscriber
            .card
            .as_ref()
            .and_then(|card| self.ports.keys.card_indexes(card).into_iter().next())
        {
            let found = self.ports.store.find::<CardLink>(&index).await?;
            batch.put(
                found.map(|found| found.version),
                CardLink { index, identifier: identifier.clone() },
            )?;
        }
        if let Some(pin) = pin {
            let none = || PinError { cause: "nothing hashes PINs here".to_owned() };
            let hasher = self.pins.as_deref().ok_or_else(none)?;
            let id = Pin::id_for(identifier, &subscriber.address);
            let entropy = self.ports.entropy.as_ref();
            let set = Pin::set(id.clone(), pin, PinFrom::Enrolment, hasher, entropy).await?;
            batch.put(self.ports.store.find::<Pin>(&id).await?.map(|found| found.version), set)?;
        }
        Ok(self.ports.store.commit(batch).await?)
    }

    async fn find(&self, identifier: &Identifier) -> Result<Option<Subscriber>, Error> {
        let Some(Versioned { value: record, .. }) =
            self.ports.store.find::<SubscriberRecord>(identifier.as_str()).await?
        else {
            return Ok(None);
        };
        let card = record
            .card
            .map(|sealed| self.ports.keys.open_card(&sealed, record.identifier.as_str()))
            .transpose()?;
        Ok(Some(Subscriber { identifier: record.identifier, address: record.address, card }))
    }

    async fn find_by_card(&self, card: &Card) -> Result<Option<Subscriber>, Error> {
        for index in self.ports.keys.card_indexes(card) {
            if let Some(link) = self.ports.store.find::<CardLink>(&index).await? {
                let holder = self.find(&link.value.identifier).await?;
                // The link of a card that its holder gave up leads to a subscriber who has another one.
                let holds = |holder: &Subscriber| {
                    holder
                        .card
                        .as_ref()
                        .is_some_and(|held| held.expose_number() == card.expose_number())
                };
                return Ok(holder.filter(holds));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl Directory for Subscribers {
    async fn by_identifier(
        &self,
        identifier: &Identifier,
    ) -> Result<Option<Subscriber>, DirectoryError> {
        self.find(identifier).await.map_err(|error| DirectoryError { cause: error.to_string() })
    }

    async fn by_card(&self, card: &Card) -> Result<Option<Subscriber>, DirectoryError> {
        self.find_by_card(card).await.map_err(|error| DirectoryError { cause: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::Msisdn,
        testing::{card, other_card},
    };

    fn subscribers() -> Subscribers {
        Subscribers::new(crate::testing::ports())
    }

    fn alice(card: Option<Card>) -> Subscriber {
        Subscriber {
            identifier: "alice".try_into().unwrap(),
            address: Msisdn::try_from("+33612345678").unwrap().into(),
            card,
        }
    }

    #[tokio::test]
    async fn a_subscriber_is_found_by_identifier_and_by_card() {
        let directory = subscribers();
        directory.enrol(&alice(Some(card()))).await.unwrap();
        assert_eq!(
            directory.by_identifier(&alice(None).identifier).await,
            Ok(Some(alice(Some(card()))))
        );
        assert_eq!(directory.by_card(&card()).await, Ok(Some(alice(Some(card())))));
        assert_eq!(directory.by_card(&other_card()).await, Ok(None));
    }

    #[tokio::test]
    async fn a_card_that_its_holder_gave_up_finds_nobody() {
        let directory = subscribers();
        directory.enrol(&alice(Some(card()))).await.unwrap();
        directory.enrol(&alice(Some(other_card()))).await.unwrap();
        assert_eq!(directory.by_card(&card()).await, Ok(None));
        assert_eq!(directory.by_card(&other_card()).await, Ok(Some(alice(Some(other_card())))));
    }
}
