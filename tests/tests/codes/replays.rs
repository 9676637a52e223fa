//! A code that was accepted, or that is good for something else, typed again and again (RTS art. 4(1), 5(1)(d)).

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign_domain::{
    challenge::Refusal,
    code::TypedCode,
    id::{ChallengeId, SessionId},
    policy::{Policy, PolicySettings},
    ports::Entropy as _,
    testing::SeededEntropy,
};
use countersign_store::SqliteStore;
use countersign_tests::desk::{Desk, PAYEE};
use tokio::task::JoinSet;

/// Codes that are accepted once, each with a hundred replays.
const CODES: usize = 1_000;
/// Those who replay at once.
const HANDS: usize = 32;
/// How often the store is closed and opened again in the part that is about that.
const RESTARTS: usize = 5;
/// Answers that a challenge takes (the policy's highest): so many replays are compared at each.
const ATTEMPTS: u8 = 5;

/// What is tried with a code. The numbers are for one code, and are a hundred together.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    /// The same code at the same challenge, in the same session.
    Twice,
    /// At the same challenge, from another session.
    FromAnotherSession,
    /// At another challenge for the same purchase, in its own session.
    InAnotherSession,
    OtherAmount,
    OtherPayee,
    /// As [`Kind::Twice`], by a process that did not see the code accepted.
    AfterRestart,
}

/// A replay to be made: which code, where.
#[derive(Clone)]
struct Replay {
    kind: Kind,
    challenge: ChallengeId,
    session: SessionId,
    code: TypedCode,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_000_replays_none_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let open = || Arc::new(SqliteStore::open(&file).unwrap());
    let store = open();
    let mut replays = prepare(&store).await;
    assert_eq!(replays.len(), 100_000);
    shuffle(&mut replays);
    let (after, before): (Vec<_>, Vec<_>) =
        replays.into_iter().partition(|replay| replay.kind == Kind::AfterRestart);
    let mut answers = play(store, before).await;
    for part in after.chunks(after.len().div_ceil(RESTARTS)) {
        answers.extend(play(open(), part.to_vec()).await);
    }
    let mut counts = BTreeMap::new();
    for (kind, refusal) in answers {
        let refusal = refusal.unwrap_or_else(|| panic!("{kind:?}: a replay was accepted"));
        *counts.entry((kind, cause(kind, &refusal))).or_insert(0) += 1;
    }
    println!("100000 replays, {RESTARTS} restarts, 0 accepted:");
    for ((kind, cause), count) in counts {
        println!("{:>20} {cause:>16} {count:>6}", format!("{kind:?}"));
    }
}

/// Opens the challenges, has each code accepted once, and lists what is to be tried. The seed is the same in each run:
/// no wrong code is right by accident today and wrong tomorrow.
async fn prepare(store: &Arc<SqliteStore>) -> Vec<Replay> {
    let mut hands = JoinSet::new();
    for (hand, seed) in (0..HANDS).zip(1_u64..) {
        let desk = Desk::open(store.clone(), Arc::new(SeededEntropy::new(seed)), policy());
        let share = (hand..CODES).step_by(HANDS).count();
        hands.spawn(async move {
            let mut replays = Vec::new();
            for _ in 0..share {
                replays.extend(replays_of_one_code(&desk).await);
            }
            replays
        });
    }
    hands.join_all().await.into_iter().flatten().collect()
}

async fn replays_of_one_code(desk: &Desk) -> Vec<Replay> {
    let (session, other_session) = (desk.session().unwrap(), desk.session().unwrap());
    let paid = desk.ask(&session, "49.90", PAYEE).await.unwrap();
    let code = desk.read(&paid).await.unwrap().unwrap();
    let accepted = desk.type_code(paid.id(), &session, &code).await.unwrap();
    assert_eq!(accepted, None);

    let mut replays = Vec::new();
    let mut add = |kind, count, challenge: &ChallengeId, session: &SessionId| {
        let replay = Replay {
            kind,
            challenge: challenge.clone(),
            session: session.clone(),
            code: code.clone(),
        };
        replays.extend(std::iter::repeat_n(replay, count));
    };
    add(Kind::Twice, 30, paid.id(), &session);
    add(Kind::FromAnotherSession, 20, paid.id(), &other_session);
    add(Kind::AfterRestart, 25, paid.id(), &session);
    for (kind, in_session, euros, payee) in [
        (Kind::InAnotherSession, &other_session, "49.90", PAYEE),
        (Kind::OtherAmount, &session, "49.91", PAYEE),
        (Kind::OtherAmount, &session, "4990.00", PAYEE),
        (Kind::OtherPayee, &session, "49.90", "Librairie Dupond"),
        (Kind::OtherPayee, &session, "49.90", "Mallory"),
    ] {
        let other = desk.ask(in_session, euros, payee).await.unwrap();
        add(kind, ATTEMPTS.into(), other.id(), in_session);
    }
    replays
}

/// Makes those replays with many hands at once, and closes the store.
async fn play(store: Arc<SqliteStore>, replays: Vec<Replay>) -> Vec<(Kind, Option<Refusal>)> {
    let entropy = Arc::new(SeededEntropy::new(0));
    let desk = Arc::new(Desk::open(store, entropy, policy()));
    let (replays, next) = (Arc::new(replays), Arc::new(AtomicUsize::new(0)));
    let mut hands = JoinSet::new();
    for _ in 0..HANDS {
        let (desk, replays, next) = (Arc::clone(&desk), Arc::clone(&replays), Arc::clone(&next));
        hands.spawn(async move {
            let mut answers = Vec::new();
            while let Some(replay) = replays.get(next.fetch_add(1, Ordering::Relaxed)) {
                let Replay { kind, challenge, session, code } = replay;
                let typed = desk.type_code(challenge, session, code).await;
                answers.push((*kind, typed.unwrap()));
            }
            answers
        });
    }
    hands.join_all().await.into_iter().flatten().collect()
}

/// The refusal's name; fails when it is not one that this kind may get.
fn cause(kind: Kind, refusal: &Refusal) -> &'static str {
    match (kind, refusal) {
        (Kind::Twice | Kind::AfterRestart, Refusal::AlreadyUsed) => "already used",
        (Kind::FromAnotherSession, Refusal::OtherSession) => "other session",
        (
            Kind::InAnotherSession | Kind::OtherAmount | Kind::OtherPayee,
            Refusal::WrongCode { .. },
        ) => "wrong code",
        // The fifth of a challenge, which it ends.
        (
            Kind::InAnotherSession | Kind::OtherAmount | Kind::OtherPayee,
            Refusal::TooManyAttempts,
        ) => "and the last",
        _ => panic!("{kind:?}: {refusal:?}"),
    }
}

/// Ten digits, so that the code of another purchase is not the same one by accident.
fn policy() -> Policy {
    let settings =
        PolicySettings { code_digits: 10, max_attempts: ATTEMPTS, ..PolicySettings::default() };
    settings.try_into().unwrap()
}

/// Fisher and Yates.
fn shuffle<T>(list: &mut [T]) {
    let entropy = SeededEntropy::new(7);
    for last in (1..list.len()).rev() {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes).unwrap();
        let below = u64::try_from(last).unwrap() + 1;
        list.swap(last, usize::try_from(u64::from_be_bytes(bytes) % below).unwrap());
    }
}
