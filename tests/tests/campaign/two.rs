//! Two servers on one PostgreSQL database. Either is killed in the middle of purchases, and requests go to both in turn: what
//! one began the other finishes, and each thing is done once.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use countersign_sandbox::{Sandbox, Settings};
use countersign_server::{books, facts};
use countersign_store::testing;
use countersign_tests::killable::{Killable, Site};
use tokio::{task::LocalSet, time::sleep};

use crate::{
    Campaign, asked,
    client::Client,
    judge::Verdict,
    random::Random,
    server::{Victim, serve_only},
};

/// Kills, when the environment asks for no other number.
const KILLS: u64 = 10;
/// Longest time in milliseconds between two kills, and until a server comes back that was killed.
const LONGEST_LIFE: u64 = 400;
/// After that many days everything is over that was ever begun.
const RETENTION_DAYS: u64 = 31;
/// For what is found out by looking again and again: the server's longest pause between two tries is a minute, and there may be two.
const PATIENCE: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_servers_on_one_database_either_may_be_killed_and_nothing_is_lost_or_doubled() {
    LocalSet::new().run_until(campaign()).await;
}

async fn campaign() {
    let seed = asked("COUNTERSIGN_SEED", Random::of_the_system());
    let kills = asked("COUNTERSIGN_POSTGRES_KILLS", KILLS);
    println!(
        "{kills} kills of one of two servers, seed {seed}; again: COUNTERSIGN_POSTGRES_KILLS={kills} COUNTERSIGN_SEED={seed} cargo test -p countersign-tests --test campaign two:: -- --nocapture"
    );
    let begun = Instant::now();
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(Settings::in_folder(folder.path().join("sandbox"))).await.unwrap();
    let url = testing::new_store_url().await;
    let sites = ["one", "other"].map(|name| Site::on_database(&sandbox, name, &url).unwrap());
    for site in &sites {
        serve_only(&site.configuration, "checkout");
        keep_for_days(site);
    }
    let [one, other] = sites.clone().map(|site| Victim::new(site.configuration, None));
    let mut servers = [one.start(0).await, other.start(0).await];
    let (campaign, mut buyers) = Campaign::begin(Client::of(&sandbox, &sites), &mut random);
    let mut later = 0;
    for number in 1..=kills {
        sleep(Duration::from_millis(random.below(LONGEST_LIFE))).await;
        // Now and then both, and so much later that codes, leases and their payments have run out: their clocks are alike.
        servers = match (number % 5, random.below(2), servers) {
            (0, _, [first, second]) => {
                first.kill();
                second.kill();
                later += random.below(90);
                [one.start(later).await, other.start(later).await]
            }
            (_, 0, [first, second]) => [comes_back(&one, first, later, &mut random).await, second],
            (_, _, [first, second]) => {
                [first, comes_back(&other, second, later, &mut random).await]
            }
        };
    }

    // One is killed for good. The other has to finish what both began, after all that could still run out.
    drop(servers);
    let server = other.start(later + 900).await;
    campaign.is_over.store(true, Ordering::Relaxed);
    campaign.client.hang_up_no_more();
    while let Some(ended) = buyers.join_next().await {
        ended.unwrap();
    }
    let verdict = judged(&campaign, &sites).await;
    println!("{} in {} s", verdict.summary(), begun.elapsed().as_secs());
    let broken = verdict.broken.join("\n  ");
    assert!(verdict.broken.is_empty(), "seed {seed}, {kills} kills:\n  {broken}");
    verdict.must_have_tried_everything();
    drop(server);
    both_remove_what_is_over([&one, &other], &url).await;
    println!("in {} s, with what is over removed", begun.elapsed().as_secs());
}

async fn comes_back(
    victim: &Victim,
    server: Killable,
    later: u64,
    random: &mut Random,
) -> Killable {
    server.kill();
    sleep(Duration::from_millis(random.below(LONGEST_LIFE))).await;
    victim.start(later).await
}

fn keep_for_days(site: &Site) {
    let mut text = std::fs::read_to_string(&site.configuration).unwrap();
    text.push_str(&format!("\n[retention]\ndays = {RETENTION_DAYS}\n"));
    std::fs::write(&site.configuration, text).unwrap();
}

async fn judged(campaign: &Campaign, sites: &[Site; 2]) -> Verdict {
    let (client, purchases) = (&campaign.client, campaign.purchases.lock().unwrap().clone());
    let mut verdict = Verdict::ask_the_server(purchases, async |purchase| {
        let path = format!("/v1/checkouts/{}", purchase.name);
        let answer = client.merchant("GET", &path, "none", "").await?;
        Some((answer.status, answer.stands().to_owned()))
    })
    .await;
    verdict.ask_the_bank(async |card| client.account(card).await).await;
    verdict.ask_the_phones(async |number| client.texts(number).await).await;
    verdict.ask_the_register(&sites[0].configuration).await;
    verdict
}

/// Both find the same to be removed at the same time; facts and books stay as they are.
async fn both_remove_what_is_over([one, other]: [&Victim; 2], url: &str) {
    let count = |what: &str| testing::sql(url, &format!("SELECT count(*) FROM countersign.{what}"));
    let checkouts = || count("records WHERE collection = 'checkout'");
    let postings = count("postings");
    assert_ne!(checkouts(), "0");
    let later = (RETENTION_DAYS + 2) * 86_400;
    let _servers = [one.start(later).await, other.start(later).await];
    let end = Instant::now() + PATIENCE;
    while checkouts() != "0" {
        assert!(Instant::now() < end, "{} checkouts are still there", checkouts());
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(count("postings"), postings);
    let configuration = one.configuration();
    let books = books(&configuration, None).await.unwrap();
    assert!(books.right, "{}", books.text);
    let facts = facts(&configuration).await.unwrap();
    assert!(facts.right, "{}", facts.text);
}
