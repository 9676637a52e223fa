//! Kills the server with SIGKILL, its store losing what was not synced, at random instants of many purchases at once, and
//! counts what came of each: docs/security/killed.md.
//!
//! The server is a process of its own: this program again, see `server`. Bank, SMS centre and handsets live on, and are
//! the witnesses.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for testers: it may fail loudly, is told by the environment, and says what it does"
)]

mod buyer;
mod client;
mod judge;
mod random;
mod server;
mod set;
mod two;
mod wallet;

use std::{
    env,
    sync::{Arc, Mutex, atomic::AtomicBool, atomic::Ordering},
    time::{Duration, Instant},
};

use countersign_sandbox::{Sandbox, Settings};
use countersign_tests::killable::Site;
use tokio::{
    task::{JoinSet, LocalSet},
    time::sleep,
};

use crate::{
    buyer::Buyer,
    client::Client,
    judge::{Purchase, Verdict},
    random::Random,
    server::{Victim, power_loss, serve_only},
};

/// Kills, when the environment asks for no other number.
const KILLS: u64 = 200;
/// People who buy at once.
const BUYERS: u64 = 12;
/// Longest life of a server, in milliseconds: about as long as a purchase takes.
const LONGEST_LIFE: u64 = 300;

/// What everybody sees.
pub(crate) struct Campaign {
    pub(crate) client: Client,
    pub(crate) purchases: Mutex<Vec<Purchase>>,
    pub(crate) is_over: AtomicBool,
}

impl Campaign {
    /// With clients who buy and now and then hang up.
    fn begin(client: Client, random: &mut Random) -> (Arc<Self>, JoinSet<()>) {
        client.hang_up_at_random(Random::new(random.draw()));
        let campaign =
            Arc::new(Self { client, purchases: Mutex::default(), is_over: AtomicBool::new(false) });
        let mut buyers = JoinSet::new();
        for _ in 0..BUYERS {
            let buyer = Buyer::new(Random::new(random.draw()), Arc::clone(&campaign));
            buyers.spawn_local(buyer.buy_until_it_is_over());
        }
        (campaign, buyers)
    }
}

fn asked(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_doubled_however_often_the_server_is_killed() {
    LocalSet::new().run_until(campaign()).await;
}

async fn campaign() {
    let seed = asked("COUNTERSIGN_SEED", Random::of_the_system());
    let kills = asked("COUNTERSIGN_KILLS", KILLS);
    println!(
        "{kills} kills, seed {seed}; again: COUNTERSIGN_KILLS={kills} COUNTERSIGN_SEED={seed} cargo test -p countersign-tests --test campaign -- --nocapture"
    );
    let begun = Instant::now();
    let mut random = Random::new(seed);

    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::in_folder(folder.path().join("sandbox"));
    let sandbox = Sandbox::start(settings).await.unwrap();
    let site = Site::beside(&sandbox, "campaign").unwrap();
    serve_only(&site.configuration, "checkout");
    let victim = Victim::new(site.configuration.clone(), Some(power_loss(sandbox.folder())));
    let (campaign, mut buyers) = Campaign::begin(Client::of(&sandbox, [&site]), &mut random);

    let mut later = 0;
    for _ in 0..kills {
        // Now and then so much later that codes, leases and their payments have run out.
        later += if random.below(5) == 0 { random.below(90) } else { 0 };
        let server = victim.start(later).await;
        sleep(Duration::from_millis(random.below(LONGEST_LIFE))).await;
        server.kill();
    }

    // At last a server that lives, after all that could still run out.
    let server = victim.start(later + 900).await;
    campaign.is_over.store(true, Ordering::Relaxed);
    campaign.client.hang_up_no_more();
    while let Some(ended) = buyers.join_next().await {
        ended.unwrap();
    }
    let (client, purchases) = (&campaign.client, campaign.purchases.lock().unwrap().clone());
    let mut verdict = Verdict::ask_the_server(purchases, async |purchase| {
        let path = format!("/v1/checkouts/{}", purchase.name);
        let answer = client.merchant("GET", &path, "none", "").await?;
        Some((answer.status, answer.stands().to_owned()))
    })
    .await;
    verdict.ask_the_bank(async |card| client.account(card).await).await;
    verdict.ask_the_phones(async |number| client.texts(number).await).await;
    server.kill();
    verdict.ask_the_register(&site.configuration).await;
    println!("{} in {} s", verdict.summary(), begun.elapsed().as_secs());
    assert!(
        verdict.broken.is_empty(),
        "seed {seed}, {kills} kills:\n  {}",
        verdict.broken.join("\n  ")
    );
    verdict.must_have_tried_everything();
}
