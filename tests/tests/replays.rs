//! A code is good once, in its session, for its amount and payee, on the real store: races for one code, and replays.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use countersign_domain::{
    amount::Amount,
    challenge::Challenge,
    code::TypedCode,
    id::SessionId,
    outbox::Outbox,
    policy::{Policy, PolicySettings},
    ports::{Accepted, Messenger, OutboundMessage, SendError, Store},
    testing::{Fixture, key_ring},
    transaction::{Payee, Reference, Transaction},
    verifier::{Answer, ChallengeRequest, Verifier},
};
use countersign_store::SqliteStore;
use tokio::task::JoinSet;

/// Races for one code, and how many type it at once in each.
const RACES: usize = 1_000;
const RACERS: usize = 32;

/// A phone that shows its last message.
#[derive(Default)]
struct Phone(Mutex<String>);

#[async_trait]
impl Messenger for Phone {
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        message
            .text
            .expose()
            .clone_into(&mut self.0.lock().unwrap());
        Ok(Accepted {
            reference: message.id.to_string(),
            network_id: String::new(),
        })
    }
}

/// A process: a verifier with its outbox on a store of its own.
struct Process {
    fixture: Fixture,
    verifier: Arc<Verifier>,
    outbox: Outbox,
    phone: Phone,
}

/// A challenge with the code that the phone showed.
struct Asked {
    challenge: Challenge,
    session: SessionId,
    code: TypedCode,
}

impl Process {
    fn on(file: &Path) -> Self {
        let fixture = Fixture::new();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(file).unwrap());
        // Ten digits: that two codes are equal by chance is left out of these counts.
        let settings = PolicySettings {
            code_digits: 10,
            max_attempts: 5,
            ..PolicySettings::default()
        };
        let policy = Policy::try_from(settings).unwrap();
        let (clock, entropy) = (fixture.clock.clone(), fixture.entropy.clone());
        let keys = Arc::new(key_ring());
        let outbox = Outbox::new(Arc::clone(&store), clock.clone(), keys.clone());
        Self {
            verifier: Arc::new(Verifier::new(store, clock, entropy, keys, policy)),
            outbox,
            phone: Phone::default(),
            fixture,
        }
    }

    fn session(&self) -> SessionId {
        SessionId::random(self.fixture.entropy.as_ref()).unwrap()
    }

    /// Asks Alice to agree to that payment, in that session.
    async fn ask(&self, session: &SessionId, euros: &str, payee: &str) -> Asked {
        let amount = Amount::from_decimal(euros, "EUR".try_into().unwrap()).unwrap();
        let (payee, reference) = (
            Payee::try_from(payee).unwrap(),
            Reference::try_from("order").unwrap(),
        );
        let request = ChallengeRequest {
            transaction: Some(Transaction::new(amount, payee, reference, Vec::new()).unwrap()),
            ..self.fixture.access(session.clone())
        };
        let challenge = self.verifier.start_challenge(request).await.unwrap();
        for due in self.outbox.due(2).await.unwrap() {
            self.outbox.send(&due, &self.phone).await.unwrap();
        }
        let text = self.phone.0.lock().unwrap().clone();
        Asked {
            challenge,
            session: session.clone(),
            code: TypedCode::try_from(self.fixture.code_in(&text)).unwrap(),
        }
    }

    /// Whether the code is accepted.
    async fn accepts(&self, asked: &Asked, session: &SessionId, code: &TypedCode) -> bool {
        let answer = self
            .verifier
            .finish_challenge(asked.challenge.id(), session, code)
            .await;
        matches!(answer.unwrap(), Answer::Verified(_))
    }

    async fn verified(&self) -> Asked {
        let asked = self.ask(&self.session(), "49.90", "Librairie Dupont").await;
        assert!(self.accepts(&asked, &asked.session, &asked.code).await);
        asked
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_type_one_code_at_once_one_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let process = Arc::new(Process::on(&folder.path().join("store.db")));
    for race in 0..RACES {
        let asked = Arc::new(
            process
                .ask(&process.session(), "49.90", "Librairie Dupont")
                .await,
        );
        let mut racers = JoinSet::new();
        for _ in 0..RACERS {
            let (process, asked) = (Arc::clone(&process), Arc::clone(&asked));
            racers.spawn(async move {
                let verifier = Arc::clone(&process.verifier);
                let finished =
                    verifier.finish_challenge(asked.challenge.id(), &asked.session, &asked.code);
                // Who is overtaken too often is told so, and has not won.
                matches!(finished.await, Ok(Answer::Verified(_)))
            });
        }
        let winners = racers
            .join_all()
            .await
            .into_iter()
            .filter(|won| *won)
            .count();
        assert_eq!(winners, 1, "race {race}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_thousand_replays_none_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let process = Process::on(&file);
    let used = process.verified().await;
    let waiting = process
        .ask(&process.session(), "49.90", "Librairie Dupont")
        .await;
    let mut refused = 0;
    for _ in 0..30_000 {
        assert!(
            !process.accepts(&used, &used.session, &used.code).await,
            "the same code twice"
        );
        assert!(
            !process
                .accepts(&waiting, &process.session(), &waiting.code)
                .await,
            "in another session"
        );
        refused += 2;
    }
    // In the same session, a code for one payment is typed for one that differs in amount or payee only.
    for number in 0..2_500 {
        let session = process.session();
        let known = process.ask(&session, "49.90", "Librairie Dupont").await;
        for (euros, payee) in [
            ("4990.00", "Librairie Dupont"),
            ("49.90", "Librairie Durand"),
        ] {
            let other = process.ask(&session, euros, payee).await;
            for _ in 0..4 {
                assert!(
                    !process.accepts(&other, &session, &known.code).await,
                    "{euros} to {payee}, {number}"
                );
                refused += 1;
            }
        }
    }
    drop(process);
    let process = Process::on(&file);
    for _ in 0..20_000 {
        assert!(
            !process.accepts(&used, &used.session, &used.code).await,
            "after a restart"
        );
        refused += 1;
    }
    println!("{refused} replays refused");
    assert_eq!(refused, 100_000);
    // Nobody who only replayed has used up anything: the code that waits is still good.
    assert!(
        process
            .accepts(&waiting, &waiting.session, &waiting.code)
            .await
    );
}
