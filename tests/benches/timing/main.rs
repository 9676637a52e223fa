//! Whether the time of an answer tells something that the answer does not: `cargo bench -p countersign-tests --bench
//! timing`. Fails when it does, or when it would not have noticed.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

mod payers;
mod pins;

use std::{
    hint::black_box,
    pin::pin,
    process::ExitCode,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use countersign_domain::{
    address::Msisdn,
    card::Card,
    code::TypedCode,
    directory::Subscribers,
    policy::Policy,
    ports::{Directory as _, Entropy as _, Ports},
    secret::Secret,
    subscriber::Subscriber,
    testing::{MemoryStore, card, other_card, ports},
};
use countersign_server::SystemEntropy;
use countersign_tests::{
    desk::{Desk, PAYEE},
    load::welch::{LIMIT, Samples},
};

use crate::{payers::Beside, pins::Typed};

/// Samples of each measurement, unless `COUNTERSIGN_BENCH_SAMPLES` says another number.
const SAMPLES: usize = 100_000;
/// Prepared at once, then measured: preparation must not stand between two samples.
const BATCH: usize = 1_000;
/// A comparison takes nanoseconds, the clock some twenty: so many are one sample.
const COMPARISONS: usize = 16;
/// What the planted leak must come to: far above the limit, or nothing is proved by staying below it.
const PLANTED: f64 = 10.0 * LIMIT;

fn main() -> ExitCode {
    let samples = wanted();
    println!("Welch's t as dudect does it, {samples} samples of two kinds, interleaved at random");
    println!("{:<62} {:>9} {:>9} {:>9}", "", "median ns", "median ns", "t");
    let constant_time = compare(|one, other| one == other);
    let early_exit = compare(|one, other| {
        one.expose()
            .bytes()
            .zip(other.expose().bytes())
            .all(|(one, other)| black_box(one) == black_box(other))
    });
    let verdicts = [
        judge("comparison: right code | wrong code", &constant_time, |t| t < LIMIT),
        judge("finish_challenge: wrong at the first | at the last digit", &finish(), |t| t < LIMIT),
        judge("code and PIN: wrong code | right code, wrong PIN", &pins::answers(EITHER), |t| {
            t < LIMIT
        }),
        judge("code and PIN: wrong code, right PIN | both wrong", &pins::answers(SECOND), |t| {
            t < LIMIT
        }),
        judge(
            "self-check, no PIN is hashed where none is typed (must fail)",
            &pins::answers(PLANTED_PIN),
            |t| t > PLANTED,
        ),
        judge("self-check, a planted early exit: right | wrong (must fail)", &early_exit, |t| {
            t > PLANTED
        }),
    ];
    println!();
    println!("For information: the answers to these two differ, as one of them pays.");
    let _ =
        judge("code and PIN: right code, right PIN | wrong PIN", &pins::answers(PAYS), |_| true);
    println!();
    println!(
        "For information: with the store in memory, one record more or less in a commit is seen."
    );
    let _ = judge("begin: known | unknown payer", &payers::begin(), |_| true);
    for (beside, what) in [
        (Beside::Nothing, "wrong code: known | unknown payer"),
        (Beside::Pin, "wrong code and a PIN: known, without one | unknown payer"),
        (Beside::OtherPin, "wrong code and a PIN: known, with another | unknown payer"),
    ] {
        let _ = judge(what, &payers::wrong_code(beside), |_| true);
    }
    println!();
    println!(
        "For information: here the answer itself differs (docs/security/limits.md, Learning who is known),"
    );
    println!(
        "so the time tells nothing more. Known means one read and one card opened; unknown, one read."
    );
    let known: [fn(Card) -> Wanted; 2] = [|_| Wanted::Identifier, Wanted::Card];
    for (what, wanted) in ["userId", "card"].into_iter().zip(known) {
        let what = format!("directory: known | unknown {what}");
        let _ = judge(&what, &look_up(wanted), |_| true);
    }
    if verdicts.iter().all(|passed| *passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One way of typing, and another.
const EITHER: [Typed; 2] = [Typed::new(false, Some(true)), Typed::new(true, Some(false))];
const SECOND: [Typed; 2] = [Typed::new(false, Some(true)), Typed::new(false, Some(false))];
const PLANTED_PIN: [Typed; 2] = [Typed::new(false, Some(false)), Typed::new(false, None)];
const PAYS: [Typed; 2] = [Typed::new(true, Some(true)), Typed::new(true, Some(false))];

fn wanted() -> usize {
    let wanted = std::env::var_os("COUNTERSIGN_BENCH_SAMPLES");
    wanted.and_then(|wanted| wanted.to_str()?.parse().ok()).unwrap_or(SAMPLES)
}

fn judge(what: &str, samples: &Samples, passes: impl Fn(f64) -> bool) -> bool {
    let [first, second] = samples.medians();
    let t = samples.t();
    let passed = passes(t.abs());
    let verdict = if passed { "" } else { "  FAILED" };
    println!("{what:<62} {first:>9} {second:>9} {t:>9.2}{verdict}");
    passed
}

/// Measures batches of prepared inputs, each of a kind that was drawn.
fn measure<T>(mut prepare: impl FnMut(&[bool]) -> Vec<T>, mut run: impl FnMut(T)) -> Samples {
    let mut samples = Samples::default();
    // The first batch warms up.
    for batch in 0..=wanted() / BATCH {
        let mut bytes = [0; BATCH];
        SystemEntropy::default().fill(&mut bytes).unwrap();
        let kinds = bytes.map(|byte| byte & 1 == 1);
        for (kind, input) in kinds.into_iter().zip(prepare(&kinds)) {
            let begun = Instant::now();
            run(black_box(input));
            let nanos = begun.elapsed().as_nanos();
            if batch > 0 {
                samples.add(kind, u64::try_from(nanos).unwrap());
            }
        }
    }
    samples
}

/// What [`AuthenticationCode`](countersign_domain::code) compares with, on ten digits: a code with itself, and with
/// another.
fn compare(equal: impl Fn(&Secret<String>, &Secret<String>) -> bool) -> Samples {
    let code = || {
        let mut bytes = [0; 8];
        SystemEntropy::default().fill(&mut bytes).unwrap();
        let digits = u64::from_be_bytes(bytes) % 10_000_000_000;
        Secret::new(format!("{digits:010}"))
    };
    let pair = |wrong: &bool| {
        let (right, other) = (code(), code());
        let typed = if *wrong { &other } else { &right };
        // Both kinds are copies, so that both lie in memory in the same way.
        let typed = Secret::new(typed.expose().as_str().to_owned());
        (right, typed)
    };
    measure(
        |kinds| kinds.iter().map(pair).collect(),
        |(right, typed)| {
            for _ in 0..COMPARISONS {
                black_box(equal(black_box(&right), black_box(&typed)));
            }
            // Wiping and freeing belong to every sample alike.
        },
    )
}

/// The whole answer to a response that is wrong, with the store in memory: all digits right but the first, and all right
/// but the last.
fn finish() -> Samples {
    let entropy = Arc::new(SystemEntropy::default());
    let at_desk = |kinds: &[bool]| {
        let store = Arc::new(MemoryStore::default());
        let desk = Arc::new(Desk::open(store, entropy.clone(), Policy::default()));
        let asked = |at_last: &bool| {
            let session = desk.session().unwrap();
            let challenge = now(desk.ask(&session, "49.90", PAYEE)).unwrap();
            let text = now(desk.read_digits(&challenge)).unwrap().unwrap();
            let mut digits = text.into_bytes();
            let place = if *at_last { digits.len() - 1 } else { 0 };
            let digit = digits.get_mut(place).unwrap();
            *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
            let typed = TypedCode::try_from(String::from_utf8(digits).unwrap()).unwrap();
            (Arc::clone(&desk), challenge.id().clone(), session, typed)
        };
        kinds.iter().map(asked).collect()
    };
    measure(at_desk, |(desk, challenge, session, typed)| {
        let refused = now(desk.type_code(&challenge, &session, &typed)).unwrap();
        assert!(black_box(refused).is_some());
    })
}

/// By what somebody is looked up.
enum Wanted {
    Identifier,
    Card(Card),
}

/// Looks up somebody who is in the directory, and somebody who is not.
fn look_up(wanted: fn(Card) -> Wanted) -> Samples {
    let directory =
        Subscribers::new(Ports { entropy: Arc::new(SystemEntropy::default()), ..ports() });
    let alice = Subscriber {
        identifier: "alice".try_into().unwrap(),
        address: Msisdn::try_from("+33639980001").unwrap().into(),
        card: Some(card()),
    };
    now(directory.enrol(&alice)).unwrap();
    let input = |unknown: &bool| {
        let (name, card) = if *unknown { ("clara", other_card()) } else { ("alice", card()) };
        (name.try_into().unwrap(), wanted(card))
    };
    measure(
        |kinds| kinds.iter().map(input).collect(),
        |(name, wanted)| {
            let found = match &wanted {
                Wanted::Identifier => now(directory.by_identifier(&name)),
                Wanted::Card(card) => now(directory.by_card(card)),
            };
            drop(black_box(found.unwrap()));
        },
    )
}

/// The value of a future that waits for nothing, as all do over stores in memory.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}
