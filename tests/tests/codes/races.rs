//! Many right answers at once (RTS art. 4(1): a code is good once).

use std::sync::Arc;

use countersign_domain::{
    challenge::Challenge, event::Event, policy::PolicySettings, ports::Store, record::RecordKey,
    refusal::Refusal, testing::key_ring,
};
use countersign_server::SystemEntropy;
use countersign_store::{PostgresStore, SqliteStore, testing};
use countersign_tests::desk::{Desk, PAYEE};
use tokio::{sync::Barrier, task::JoinSet};

const ROUNDS: usize = 1_000;
/// On PostgreSQL a round takes several times as long.
const ROUNDS_ON_POSTGRES: usize = 100;
const RACERS: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_right_answers_at_once_exactly_one_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    let counted = races(vec![Arc::new(store)], ROUNDS).await;
    println!("{ROUNDS} rounds of {RACERS}: answers counted in a round {counted:?}");
}

/// As from two processes: half of the answers come to each.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_right_answers_at_once_to_two_stores_on_one_database_exactly_one_is_accepted() {
    let database = testing::new_store().await;
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..2 {
        let keys = Arc::new(key_ring());
        stores.push(Arc::new(PostgresStore::open(&database, keys).await.unwrap()));
    }
    let counted = races(stores, ROUNDS_ON_POSTGRES).await;
    println!("{ROUNDS_ON_POSTGRES} rounds of {RACERS}: answers counted in a round {counted:?}");
}

/// How often one, two, three of a round's answers were counted: they did race.
async fn races(stores: Vec<Arc<dyn Store>>, rounds: usize) -> Vec<usize> {
    let settings = PolicySettings::default();
    let max_attempts = settings.max_attempts;
    let desks = stores.iter().map(|store| {
        let entropy = Arc::new(SystemEntropy::default());
        Arc::new(Desk::open(Arc::clone(store), entropy, settings.clone().try_into().unwrap()))
    });
    let (desks, store) = (desks.collect::<Vec<_>>(), &stores[0]);
    let mut counted_in_rounds = vec![0; usize::from(max_attempts) + 1];
    for _ in 0..rounds {
        let challenge = race(&desks).await;
        let key = RecordKey::of::<Challenge>(challenge.id().as_str());
        let facts = store.facts(&key).await.unwrap();
        let counted: Vec<u8> = facts
            .iter()
            .filter_map(|fact| match fact.event {
                Event::AttemptCounted { number } => Some(number),
                _ => None,
            })
            .collect();
        let verified =
            facts.iter().filter(|fact| matches!(fact.event, Event::ChallengeVerified { .. }));
        assert_eq!(verified.count(), 1, "{facts:?}");
        // Counted one after the other, none twice, none above the limit, and as many as the record says.
        let kept = store.expect::<Challenge>(challenge.id().as_str()).await;
        let spent = max_attempts - kept.unwrap().value.attempts_left();
        assert_eq!(counted, (1..=spent).collect::<Vec<_>>(), "{facts:?}");
        *counted_in_rounds.get_mut(usize::from(spent)).unwrap() += 1;
    }
    counted_in_rounds
}

/// One round: all of them type the right code; asserts that one is accepted.
async fn race(desks: &[Arc<Desk>]) -> Challenge {
    let desk = &desks[0];
    let session = desk.session().unwrap();
    let challenge = desk.ask(&session, "49.90", PAYEE).await.unwrap();
    let code = desk.read(&challenge).await.unwrap().unwrap();
    let line = Arc::new(Barrier::new(RACERS));
    let mut racers = JoinSet::new();
    for desk in desks.iter().cycle().take(RACERS) {
        let (desk, line) = (Arc::clone(desk), Arc::clone(&line));
        let (id, session, code) = (challenge.id().clone(), session.clone(), code.clone());
        racers.spawn(async move {
            line.wait().await;
            desk.type_code(&id, &session, &code).await.unwrap()
        });
    }
    let mut accepted = 0;
    for answer in racers.join_all().await {
        match answer {
            None => accepted += 1,
            Some(Refusal::AlreadyUsed | Refusal::TooManyAttempts) => {}
            Some(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(accepted, 1, "{challenge:?}");
    challenge
}
