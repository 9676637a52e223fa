//! Purchases of figure 11 at the gateway, beside the bare cryptography in them: `cargo bench -p countersign-tests --bench
//! set`. One thread, store and bank in memory.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

mod bare;

use std::time::{Duration, Instant};

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
    parties: Parties,
    bare: Bare,
    ours: Row,
    limit: Row,
    latency: Row,
}

impl Contest {
    fn new(name: &str, kind: KeyKind) -> Self {
        let setup = Setup { key_kind: kind, ..Setup::default() };
        Self {
            parties: Parties::with(PolicySettings::default(), setup),
            bare: Bare::new(kind),
            ours: Row::new(format!("{name}: purchases per core-second at the gateway")),
            limit: Row::new(format!("{name}: the bare operations in one, so many times a second")),
            latency: Row::new(format!("{name}: one purchase, all three roles, ms")),
        }
    }

    fn pass(&mut self, runtime: &Runtime) {
        let begun = Instant::now();
        *self.parties.wire.spent.lock().unwrap() = Duration::ZERO;
        runtime.block_on(async {
            for _ in 0..PURCHASES {
                purchase(&self.parties).await;
            }
        });
        let all = begun.elapsed().as_secs_f64();
        let spent = self.parties.wire.spent.lock().unwrap().as_secs_f64();
        self.ours.add(f64::from(PURCHASES) / spent);
        self.latency.add(all * 1_000.0 / f64::from(PURCHASES));
        let begun = Instant::now();
        for _ in 0..PURCHASES {
            self.bare.purchase();
        }
        self.limit.add(f64::from(PURCHASES) / begun.elapsed().as_secs_f64());
        self.parties.wire.seen.lock().unwrap().clear();
    }
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
    let mut contests =
        [Contest::new("P-256", KeyKind::P256), Contest::new("RSA-3072", KeyKind::Rsa3072)];
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
        contest.latency.print();
    }
    disturbance(&foreign);
    println!("\nThe bare operations of one purchase at the gateway: {}.", bare::WHAT);
    for (name, contest) in ["P-256", "RSA-3072"].iter().zip(&contests) {
        let what = format!("P9 {name}, ours / the bare operations");
        ratio(&what, contest.ours.median(), contest.limit.median(), ">= 0.85x");
    }
}
