//! What an older key seals is resealed under the current one, whatever happens meanwhile.

use std::sync::Arc;

use countersign_domain::{
    address::Msisdn,
    card::Card,
    directory::{self, Subscribers},
    error::Error,
    id::{Identifier, KeyId},
    keys::KeyRing,
    policy::PolicySettings,
    ports::{Directory as _, Ports},
    reseal::{self, Kind, Left, Resealed, Resealing},
    secret::Secret,
    subscriber::Subscriber,
    testing::{Fixture, Unhurried, card, other_card},
};

use crate::Waiting;

fn key(id: &str) -> KeyId {
    KeyId::try_from(id).unwrap()
}

/// `k1` is the fixture's own.
fn ring(current: &str, others: &[&str]) -> Arc<KeyRing> {
    let secret = |id: &str| Secret::new([if id == "k1" { 9 } else { 2 }; 32]);
    let ids = others.iter().copied().chain([current]);
    Arc::new(KeyRing::new(key(current), ids.map(|id| (key(id), secret(id))).collect()).unwrap())
}

fn kinds() -> Vec<Kind> {
    vec![directory::sealed(), reseal::payments()]
}

fn subscriber(name: &str, card: Card) -> Subscriber {
    let address = Msisdn::try_from("+33612345678").unwrap().into();
    Subscriber { identifier: Identifier::try_from(name).unwrap(), address, card: Some(card) }
}

/// 300 subscribers with a card each, which is the last one's; another with a card of her own; and a payment that waits.
async fn filled() -> Fixture {
    let shop = Fixture::with_policy(PolicySettings::default());
    let directory = Subscribers::new(shop.ports.clone());
    for number in 0..300 {
        directory.enrol(&subscriber(&format!("person-{number:03}"), card())).await.unwrap();
    }
    directory.enrol(&subscriber("zoe", other_card())).await.unwrap();
    Waiting::at(&shop, "49.90").await;
    shop
}

fn under(shop: &Fixture, keys: Arc<KeyRing>) -> Ports {
    Ports { keys, ..shop.ports.clone() }
}

async fn to_its_end(mut resealing: Resealing) -> Resealed {
    while resealing.next_page().await.unwrap() {}
    resealing.so_far().clone()
}

#[tokio::test]
async fn after_resealing_all_is_known_without_the_old_key() {
    let shop = filled().await;
    let both = under(&shop, ring("k2", &["k1"]));
    let before = reseal::tally(&both, &kinds()).await.unwrap();
    let counts = |key_id: &str| [((key(key_id), "payment"), 1), ((key(key_id), "subscriber"), 301)];
    assert_eq!(before.into_iter().collect::<Vec<_>>(), counts("k1"));
    let done = to_its_end(Resealing::new(both.clone(), kinds())).await;
    assert_eq!(done, Resealed { done: 302, ..Resealed::default() });
    let after = reseal::tally(&both, &kinds()).await.unwrap();
    assert_eq!(after.into_iter().collect::<Vec<_>>(), counts("k2"));
    let directory = Subscribers::new(under(&shop, ring("k2", &[])));
    let last = subscriber("person-299", card());
    assert_eq!(directory.by_identifier(&last.identifier).await, Ok(Some(last.clone())));
    // A card stays that of the one whom it was entered for last.
    assert_eq!(directory.by_card(&card()).await, Ok(Some(last)));
    let zoe = subscriber("zoe", other_card());
    assert_eq!(directory.by_card(&other_card()).await, Ok(Some(zoe)));
    let links = shop.store.records().into_iter().filter(|kept| kept.key.collection == "card");
    assert_eq!(links.count(), 2, "a way from a card under the old key is left");
}

#[tokio::test]
async fn a_resealing_that_was_torn_off_begins_again_and_does_only_what_is_left() {
    let shop = filled().await;
    let both = under(&shop, ring("k2", &["k1"]));
    let mut torn = Resealing::new(both.clone(), kinds());
    assert_eq!(torn.next_page().await, Ok(true));
    let done = torn.so_far().done;
    assert_eq!(done, 128, "a page");
    drop(torn);
    assert_eq!(to_its_end(Resealing::new(both.clone(), kinds())).await.done, 302 - done);
    let kept = shop.store.records();
    assert_eq!(to_its_end(Resealing::new(both, kinds())).await, Resealed::default());
    assert_eq!(shop.store.records(), kept, "nothing is written again");
}

#[tokio::test]
async fn what_others_change_meanwhile_is_resealed_as_they_left_it() {
    let shop = filled().await;
    let both = under(&shop, ring("k2", &["k1"]));
    // Another process still makes what is new with the old key.
    let other = Subscribers::new(shop.ports.clone());
    let unhurried = Arc::new(Unhurried(shop.store.clone()));
    let resealing = Resealing::new(Ports { store: unhurried, ..both.clone() }, kinds());
    let changed = subscriber("person-005", other_card());
    let (done, entered) = tokio::join!(to_its_end(resealing), other.enrol(&changed));
    assert_eq!((entered, done.left), (Ok(()), 0));
    assert_eq!(done.done, 302);
    let tally = reseal::tally(&both, &kinds()).await.unwrap();
    assert!(tally.keys().all(|(under, _)| *under == key("k2")), "{tally:?}");
    let directory = Subscribers::new(under(&shop, ring("k2", &[])));
    assert_eq!(directory.by_card(&other_card()).await, Ok(Some(changed)));
}

#[tokio::test]
async fn what_a_key_that_is_missing_or_wrong_sealed_is_kept_and_named() {
    for (keys, cause) in [(ring("k2", &[]), Error::UnknownKey(key("k1"))), (wrong(), Error::Sealed)]
    {
        let shop = Fixture::new();
        let alice = subscriber("alice", card());
        Subscribers::new(shop.ports.clone()).enrol(&alice).await.unwrap();
        let before = shop.store.records();
        let done = to_its_end(Resealing::new(under(&shop, keys), kinds())).await;
        let record = before.iter().find(|kept| kept.key.collection == "subscriber").unwrap();
        let named = vec![Left { record: record.key.clone(), cause }];
        assert_eq!(done, Resealed { done: 0, left: 1, named });
        assert_eq!(shop.store.records(), before);
    }
}

/// Another secret by the name of the old key.
fn wrong() -> Arc<KeyRing> {
    let keys = [("k1", 8), ("k2", 2)].map(|(id, byte)| (key(id), Secret::new([byte; 32])));
    Arc::new(KeyRing::new(key("k2"), keys.into()).unwrap())
}
