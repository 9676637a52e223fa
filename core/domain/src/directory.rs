//! The directory of subscribers, kept in the store.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    card::Card,
    error::Error,
    event::Event,
    id::{Identifier, KeyId, SubscriberId},
    keys::SealedCard,
    limits::{self, Unlocked},
    pin::{NewPin, Pin, PinError, PinFrom, PinHasher},
    ports::{Directory, Ports},
    record::{Batch, RecordKey, Stored, Versioned},
    reseal::{Kind, Sealed},
    subscriber::{DirectoryError, Subscriber},
};

/// A subscriber as kept: the card sealed.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct SubscriberRecord {
    identifier: Identifier,
    address: Address,
    card: Option<SealedCard>,
    /// By which facts name the subscriber.
    reference: SubscriberId,
    /// The ids of the links that lead from the card to here.
    links: Vec<String>,
    /// Whether nobody is to know the subscriber for now.
    locked: bool,
}

impl SubscriberRecord {
    /// What facts about the subscriber are about. The identifier is not in it, so that it goes with the record.
    fn about(&self) -> RecordKey {
        RecordKey { collection: Self::COLLECTION, id: self.reference.as_str().to_owned() }
    }
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

/// A way from the card leads on under the current key only where it leads to this subscriber: a card belongs to the one it was
/// entered for last.
#[async_trait]
impl Sealed for SubscriberRecord {
    fn keys(&self) -> Vec<&KeyId> {
        self.card.iter().map(SealedCard::key).collect()
    }

    async fn resealed(mut self, ports: &Ports, batch: &mut Batch) -> Result<Self, Error> {
        let Ports { store, keys, entropy, .. } = ports;
        let Some(sealed) = self.card.take() else { return Ok(self) };
        let context = self.identifier.as_str();
        let index = keys.card_index(&keys.open_card(&sealed, context)?)?;
        self.card = Some(keys.reseal_card(sealed, context, entropy.as_ref())?);
        for link in self.links.iter().filter(|link| **link != index) {
            let found = store.find::<CardLink>(link).await?;
            let Some(found) = found.filter(|found| found.value.identifier == self.identifier)
            else {
                continue;
            };
            batch.remove(&found);
            if store.find::<CardLink>(&index).await?.is_none() {
                let identifier = self.identifier.clone();
                batch.insert(&CardLink { index: index.clone(), identifier })?;
            }
        }
        self.links = vec![index];
        Ok(self)
    }
}

/// The records of a directory that keep something sealed.
pub fn sealed() -> Kind {
    Kind::of::<SubscriberRecord>()
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

    /// Enters a subscriber, or replaces what was known of that identifier. One who is locked stays so.
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
        let Ports { store, keys, entropy, clock } = &self.ports;
        let identifier = &subscriber.identifier;
        let seal = |card| keys.seal_card(card, identifier.as_str(), entropy.as_ref());
        let found = store.find::<SubscriberRecord>(identifier.as_str()).await?;
        let before = found.as_ref().map(|found| &found.value);
        let index = subscriber.card.as_ref().map(|card| keys.card_index(card)).transpose()?;
        let record = SubscriberRecord {
            identifier: identifier.clone(),
            address: subscriber.address.clone(),
            card: subscriber.card.as_ref().map(seal).transpose()?,
            reference: match before {
                Some(before) => before.reference.clone(),
                None => SubscriberId::random(entropy.as_ref())?,
            },
            links: index.iter().cloned().collect(),
            locked: before.is_some_and(|before| before.locked),
        };
        let mut batch = Batch::default();
        for link in before.into_iter().flat_map(|before| &before.links) {
            if index.as_ref() != Some(link) {
                self.unlink(&mut batch, link, identifier).await?;
            }
        }
        if let Some(index) = index {
            let found = store.find::<CardLink>(&index).await?;
            let link = CardLink { index, identifier: identifier.clone() };
            batch.put(found.map(|found| found.version), link)?;
        }
        if let Some(pin) = pin {
            let none = || PinError { cause: "nothing hashes PINs here".to_owned() };
            let hasher = self.pins.as_deref().ok_or_else(none)?;
            let id = Pin::id_for(identifier, &subscriber.address);
            let set = Pin::set(id.clone(), pin, PinFrom::Enrolment, hasher, entropy.as_ref());
            let set = set.await?;
            batch.put(store.find::<Pin>(&id).await?.map(|found| found.version), set)?;
        }
        batch.fact(record.about(), clock.now(), Event::SubscriberEntered);
        batch.put(found.map(|found| found.version), record)?;
        Ok(store.commit(batch).await?)
    }

    /// Nobody knows the subscriber from now on, by identifier or card, until he or she is unlocked. What was begun before ends
    /// with the time of its code.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such subscriber, and when the store fails.
    pub async fn lock(&self, identifier: &Identifier) -> Result<(), Error> {
        self.set_locked(identifier, true).await
    }

    /// The subscriber is known again.
    ///
    /// # Errors
    /// As `lock`.
    pub async fn unlock(&self, identifier: &Identifier) -> Result<(), Error> {
        self.set_locked(identifier, false).await
    }

    /// Ends the row of wrong codes of a subscriber's phone, and its block with it. A subscriber who is locked stays so.
    ///
    /// # Errors
    /// As `lock`.
    pub async fn unblock(&self, identifier: &Identifier) -> Result<Option<Unlocked>, Error> {
        let found = self.ports.store.expect::<SubscriberRecord>(identifier.as_str()).await?;
        let Address::Msisdn(number) = &found.value.address;
        limits::unlock(&self.ports, number).await
    }

    async fn set_locked(&self, identifier: &Identifier, locked: bool) -> Result<(), Error> {
        let change = async |found: Versioned<SubscriberRecord>| {
            let mut batch = Batch::default();
            if found.value.locked != locked {
                let event =
                    if locked { Event::SubscriberLocked } else { Event::SubscriberUnlocked };
                batch.fact(found.value.about(), self.ports.clock.now(), event);
                batch.replace(&found.map(|record| SubscriberRecord { locked, ..record }))?;
            }
            Ok((batch, ()))
        };
        self.ports.store.change(identifier.as_str(), change).await
    }

    /// Removes what is kept of a subscriber: number, card, the way from the card, and the PIN. What happened stays, under a
    /// name that says nothing of the person.
    ///
    /// # Errors
    /// As `lock`.
    pub async fn remove(&self, identifier: &Identifier) -> Result<(), Error> {
        let change = async |found: Versioned<SubscriberRecord>| {
            let mut batch = Batch::default();
            for link in &found.value.links {
                self.unlink(&mut batch, link, identifier).await?;
            }
            let pin = Pin::id_for(identifier, &found.value.address);
            if let Some(pin) = self.ports.store.find::<Pin>(&pin).await? {
                batch.remove(&pin);
            }
            batch.fact(found.value.about(), self.ports.clock.now(), Event::SubscriberRemoved);
            batch.remove(&found);
            Ok((batch, ()))
        };
        self.ports.store.change(identifier.as_str(), change).await
    }

    /// Removes a link in that batch, unless it leads to somebody else by now.
    async fn unlink(
        &self,
        batch: &mut Batch,
        index: &str,
        identifier: &Identifier,
    ) -> Result<(), Error> {
        let link = self.ports.store.find::<CardLink>(index).await?;
        if let Some(link) = link.filter(|link| link.value.identifier == *identifier) {
            batch.remove(&link);
        }
        Ok(())
    }

    async fn find(&self, identifier: &Identifier) -> Result<Option<Subscriber>, Error> {
        let Some(Versioned { value: record, .. }) =
            self.ports.store.find::<SubscriberRecord>(identifier.as_str()).await?
        else {
            return Ok(None);
        };
        if record.locked {
            return Ok(None);
        }
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
    use std::sync::Arc;

    use super::*;
    use crate::{
        address::Msisdn,
        ports::Reads as _,
        testing::{MemoryStore, card, other_card},
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

    /// What is kept in the records of a directory, as one text.
    fn kept(store: &MemoryStore) -> String {
        format!("{:?}", store.records())
    }

    fn directory_and_store() -> (Subscribers, Arc<MemoryStore>) {
        let store = Arc::new(MemoryStore::default());
        let ports = Ports { store: store.clone(), ..crate::testing::ports() };
        (Subscribers::new(ports), store)
    }

    #[tokio::test]
    async fn a_locked_subscriber_is_known_to_nobody_until_unlocked() {
        let (directory, alice) = (subscribers(), alice(Some(card())));
        directory.enrol(&alice).await.unwrap();
        directory.lock(&alice.identifier).await.unwrap();
        // Entering again what a merchant has in its own list unlocks nobody.
        directory.enrol(&alice).await.unwrap();
        assert_eq!(directory.by_identifier(&alice.identifier).await, Ok(None));
        assert_eq!(directory.by_card(&card()).await, Ok(None));
        directory.unlock(&alice.identifier).await.unwrap();
        assert_eq!(directory.by_identifier(&alice.identifier).await, Ok(Some(alice.clone())));
        assert_eq!(directory.by_card(&card()).await, Ok(Some(alice)));
    }

    #[tokio::test]
    async fn of_a_subscriber_who_is_removed_no_record_says_anything() {
        let (directory, store) = directory_and_store();
        let alice = alice(Some(card()));
        directory.enrol(&alice).await.unwrap();
        directory.enrol(&Subscriber { card: Some(other_card()), ..alice.clone() }).await.unwrap();
        assert!(kept(&store).contains("alice"));
        directory.remove(&alice.identifier).await.unwrap();
        assert_eq!(store.records(), []);
        let again = directory.remove(&alice.identifier).await;
        assert!(matches!(again, Err(Error::NotFound { .. })), "{again:?}");
        for change in
            [directory.lock(&alice.identifier).await, directory.unlock(&alice.identifier).await]
        {
            assert!(matches!(change, Err(Error::NotFound { .. })), "{change:?}");
        }
    }

    #[tokio::test]
    async fn the_link_of_a_card_that_is_somebody_elses_by_now_stays() {
        let directory = subscribers();
        directory.enrol(&alice(Some(card()))).await.unwrap();
        let bob = Subscriber { identifier: "bob".try_into().unwrap(), ..alice(Some(card())) };
        directory.enrol(&bob).await.unwrap();
        directory.remove(&alice(None).identifier).await.unwrap();
        assert_eq!(directory.by_card(&card()).await, Ok(Some(bob)));
    }

    #[tokio::test]
    async fn what_became_of_a_subscriber_is_in_facts_that_do_not_name_the_person() {
        let (directory, store) = directory_and_store();
        let alice = alice(Some(card()));
        directory.enrol(&alice).await.unwrap();
        directory.lock(&alice.identifier).await.unwrap();
        directory.lock(&alice.identifier).await.unwrap();
        let found = directory.ports.store.find::<SubscriberRecord>("alice").await.unwrap();
        let about = found.unwrap().value.about();
        directory.unlock(&alice.identifier).await.unwrap();
        directory.remove(&alice.identifier).await.unwrap();
        let facts = store.facts(&about).await.unwrap();
        let events: Vec<Event> = facts.into_iter().map(|fact| fact.event).collect();
        assert_eq!(
            events,
            [
                Event::SubscriberEntered,
                Event::SubscriberLocked,
                Event::SubscriberUnlocked,
                Event::SubscriberRemoved
            ]
        );
        assert!(!about.to_string().contains("alice"), "{about}");
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
