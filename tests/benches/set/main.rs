//! Purchases of figure 11 at the gateway, beside the bare cryptography in them: `cargo bench -p countersign-tests --bench
//! set`, or `-- P-256` for these keys alone. One thread, store and bank in memory.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

mod bare;

use std::{
    env,
    time::{Duration, Instant},
};

use countersign_certs::KeyKind;
use countersign_domain::policy::PolicySettings;
use countersign_set::testing::{Parties, Setup};
use countersign_tests::load::table::{Row, disturbance, foreign, ratio, title, watched};
use tokio::runtime::{Builder, Runtime};

use bare::Bare;

const PASSES: usize = 5;
/// Purchases in a pass.
const PURCHASES: u32 = 200;

/// One kind of keys, of all certificates.
struct Contest {
    name: &'static str,
    parties: Parties,
    bare: Bare,
    ours: Row,
    limit: Row,
    /// The same without what is remembered.
    left: Row,
    latency: Row,
}

impl Contest {
    fn new(name: &'static str, kind: KeyKind) -> Self {
        let setup = Setup { key_kind: kind, ..Setup::default() };
        Self {
            name,
            parties: Parties::with(PolicySettings::bank_first(), setup),
            bare: Bare::new(kind),
            ours: Row::new(format!("{name}: purchases per core-second at the gateway")),
            limit: Row::new(format!("{name}: the bare operations in one, so many times a second")),
            left: Row::new(format!("{name}: without the certificates that are known")),
            latency: Row::new(format!("{name}: one purchase, all three roles, ms")),
        }
    }

    /// In turns, so that what others do to the machine meets all alike; and the middle of each, so that a purchase in which
    /// another program had the core does not count.
    fn pass(&mut self, runtime: &Runtime) {
        let [mut ours, mut limit, mut left, mut all] = [const { Vec::new() }; 4];
        for _ in 0..PURCHASES {
            *self.parties.wire.spent.lock().unwrap() = Duration::ZERO;
            all.push(timed(|| runtime.block_on(purchase(&self.parties))));
            ours.push(*self.parties.wire.spent.lock().unwrap());
            limit.push(timed(|| self.bare.purchase(bare::VERIFIED)));
            left.push(timed(|| self.bare.purchase(bare::VERIFIED_OF_KNOWN)));
        }
        self.ours.add(1.0 / middle(ours));
        self.limit.add(1.0 / middle(limit));
        self.left.add(1.0 / middle(left));
        self.latency.add(1_000.0 * middle(all));
        self.parties.wire.seen.lock().unwrap().clear();
    }
}

fn timed(once: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    once();
    begun.elapsed()
}

/// The median, in seconds.
fn middle(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64()
}

/// From the order to the receipt, the code through the merchant.
async fn purchase(parties: &Parties) {
    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    let paid = parties.type_code(&sent, &code).await.unwrap();
    assert!(paid.receipt.is_some());
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let kinds = [("P-256", KeyKind::P256), ("RSA-3072", KeyKind::Rsa3072)];
    let wanted: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let kinds = kinds
        .into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name));
    let mut contests: Vec<Contest> = kinds.map(|(name, kind)| Contest::new(name, kind)).collect();
    let mut foreign = foreign();
    for _ in 0..PASSES {
        for contest in &mut contests {
            watched(&mut foreign, &[], || contest.pass(&runtime));
        }
    }
    title(
        "A purchase with a dual signature, the number in the certificate, a code through the merchant",
    );
    for contest in &contests {
        contest.ours.print();
        contest.limit.print();
        contest.left.print();
        contest.latency.print();
    }
    disturbance(&foreign);
    println!("\nThe bare operations of one purchase at the gateway: {}.", bare::WHAT);
    for contest in &contests {
        let name = contest.name;
        let what = format!("P9 {name}, ours / the bare operations");
        ratio(&what, contest.ours.median(), contest.limit.median(), ">= 0.85x");
        let what = format!("   {name}, ours / those without the certificates that are known");
        ratio(&what, contest.ours.median(), contest.left.median(), "");
    }
}
