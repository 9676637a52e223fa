//! What a code costs, beside what its cryptography costs: `cargo bench -p countersign-tests --bench code`.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{hint::black_box, time::Instant};

use countersign_domain::{
    secret::Secret,
    testing::{binding, code},
};
use countersign_tests::load::table::{Row, disturbance, foreign, ratio, title, watched};
use ring::{
    digest::{SHA256, digest},
    hmac,
};

const PASSES: usize = 5;
const TIMES: u32 = 200_000;

/// Octets that the HMAC of a code goes over (RFC 6287 §5.1): the suite's name and a zero, question, session and time.
const INPUT: usize = "OCRA-1:HOTP-SHA256-6:QH64-S064-T1S".len() + 1 + 128 + 64 + 8;

fn main() {
    let (secret, binding) = (Secret::new([7; 32]), binding());
    let (input, linked) = ([0x5a; INPUT], binding.canonical_bytes());
    let prepared = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    let mut rows = [
        Row::new("a code, from its binding to its digits"),
        Row::new(format!("what it must hash: {} octets, a key, {INPUT} octets", linked.len())),
        Row::new(format!("ring's bare HMAC-SHA-256 of {INPUT} octets")),
    ];
    let mut foreign = foreign();
    for _ in 0..PASSES {
        watched(&mut foreign, &[], || {
            let [ours, hashes, bare] = &mut rows;
            ours.add(nanos(|| drop(black_box(code(&secret, black_box(&binding), 6).unwrap()))));
            hashes.add(nanos(|| {
                black_box(digest(&SHA256, black_box(&linked)));
                let key = hmac::Key::new(hmac::HMAC_SHA256, black_box(secret.expose()));
                black_box(hmac::sign(&key, black_box(&input)));
            }));
            bare.add(nanos(|| {
                black_box(hmac::sign(&prepared, black_box(&input)));
            }));
        });
    }
    title("Nanoseconds for each");
    rows.iter().for_each(Row::print);
    disturbance(&foreign);
    println!();
    let [ours, hashes, bare] = &rows;
    ratio("a code / what it must hash", ours.median(), hashes.median(), "none set");
    ratio("a code / the bare HMAC", ours.median(), bare.median(), "none set");
}

fn nanos(what: impl Fn()) -> f64 {
    let begun = Instant::now();
    for _ in 0..TIMES {
        what();
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES)
}
