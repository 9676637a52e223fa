//! Figure 12 in the campaign: the intermediation server is killed at random instants of many payments from wallets and from
//! cards, of paying in, taking out and payouts; or one of two servers on one PostgreSQL database is. A merchant's till, bank and
//! SMS centre live on: docs/security/killed.md.

mod judge;
mod person;
mod till;

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_domain::{ports::Clock as _, time::Timestamp};
use countersign_sandbox::{Sandbox, Settings};
use countersign_server::{SystemClock, books, copy_store};
use countersign_store::{Books, SqliteStore, testing};
use countersign_tests::killable::Site;
use serde_json::Value;
use tokio::{
    task::{JoinSet, LocalSet, spawn_blocking},
    time::sleep,
};

use self::{
    person::{Habits, Person},
    till::Counter,
};
use crate::{
    asked,
    client::{Answer, Client},
    judge::{Purchase, decimal},
    random::Random,
    server::{Alive, Victim, power_loss, read, serve_only},
};

/// Kills, when the environment asks for no other number.
const KILLS: u64 = 15;
/// Of two servers on a database.
const KILLS_OF_TWO: u64 = 8;
/// People who pay at once, each two things at a time.
const PEOPLE: u64 = 8;
/// Longest life of a server, in milliseconds: about as long as a payment takes.
const LONGEST_LIFE: u64 = 400;
/// How often the store is copied while everybody pays, in kills.
const COPY_EVERY: u64 = 5;
/// For how long all may take to move in.
const PATIENCE: Duration = Duration::from_secs(60);

const SAME_ANSWER: &str = "the same key is given the first answer";

/// A request that was answered, to be sent again: under its key, the first answer is the only one.
pub(crate) struct Answered {
    person: Arc<Person>,
    path: &'static str,
    body: Value,
    /// What must be in every answer.
    first: Value,
}

/// What everybody sees.
pub(crate) struct Campaign {
    client: Client,
    counter: Counter,
    purchases: Mutex<Vec<Purchase>>,
    people: Mutex<Vec<Arc<Person>>>,
    answered: Mutex<Vec<Answered>>,
    /// Rules that were seen to be broken while it lasted.
    broken: Mutex<Vec<String>>,
    /// By how many seconds everybody's clock is fast.
    later: Arc<AtomicU64>,
    is_over: AtomicBool,
}

impl Campaign {
    pub(crate) fn breaks(&self, rule: &str, what: &str) {
        self.broken.lock().unwrap().push(format!("{rule}: {what}"));
    }

    /// Whether an answer says that an amount is paid; its receipt is handed in.
    pub(crate) fn hears_paid(&self, cents: u64, answer: &Answer) -> bool {
        if let Some(receipt) = answer.body.get("receipt").and_then(Value::as_str)
            && let Err(rule) = self.counter.hand_in(cents, receipt, self.now())
        {
            self.breaks(rule, &format!("{} EUR, {receipt}", decimal(cents)));
        }
        matches!(answer.stands(), "paid" | "done")
    }

    pub(crate) fn now(&self) -> Timestamp {
        let later = u32::try_from(self.later.load(Ordering::Relaxed)).unwrap();
        SystemClock::default().now().plus_seconds(later)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_money_of_figure_12_is_lost_or_doubled_however_often_the_wallets_are_killed() {
    LocalSet::new().run_until(campaign(Kept::InAFile)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_money_of_figure_12_is_lost_or_doubled_whichever_of_two_servers_on_one_database_is_killed()
 {
    LocalSet::new().run_until(campaign(Kept::OnPostgresql)).await;
}

/// Where the wallets are.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    /// In the file of one server, whose kill is a power loss.
    InAFile,
    /// On a database of two.
    OnPostgresql,
}

impl Kept {
    /// What the environment calls the number of kills, and how many there are when it asks for none.
    const fn kills(self) -> (&'static str, u64) {
        match self {
            Self::InAFile => ("COUNTERSIGN_WALLET_KILLS", KILLS),
            Self::OnPostgresql => ("COUNTERSIGN_WALLET_POSTGRES_KILLS", KILLS_OF_TWO),
        }
    }

    /// The servers, of which each can do what the others began.
    async fn sites(self, sandbox: &Sandbox) -> Vec<Site> {
        let sites = match self {
            Self::InAFile => vec![Site::beside(sandbox, "wallets").unwrap()],
            Self::OnPostgresql => {
                let url = testing::new_store_url().await;
                let on = |name| Site::on_database(sandbox, name, &url).unwrap();
                vec![on("wallets"), on("others")]
            }
        };
        for site in &sites {
            serve_only(&site.configuration, "wallet");
            set_the_terms(&site.configuration);
            // All are the same service to people, as behind a balancer.
            let text = fs::read_to_string(&site.configuration).unwrap();
            let name = sites.first().unwrap().wallets.as_str();
            fs::write(&site.configuration, text.replace(&site.wallets, name)).unwrap();
        }
        sites
    }

    fn victim(self, site: &Site, sandbox: &Sandbox) -> Victim {
        let library = (self == Self::InAFile).then(|| power_loss(sandbox.folder()));
        Victim::new(site.configuration.clone(), library)
    }
}

async fn campaign(kept: Kept) {
    let seed = asked("COUNTERSIGN_SEED", Random::of_the_system());
    let (name, kills) = kept.kills();
    let kills = asked(name, kills);
    println!(
        "{kills} kills of the wallets, seed {seed}; again: {name}={kills} COUNTERSIGN_SEED={seed} cargo test -p countersign-tests --test campaign figure_12 -- --nocapture"
    );
    let begun = Instant::now();
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(Settings::in_folder(folder.path().join("sandbox"))).await.unwrap();
    let sites = kept.sites(&sandbox).await;
    let site = sites.first().unwrap();
    let victims: Vec<Victim> = sites.iter().map(|site| kept.victim(site, &sandbox)).collect();
    let last = victims.last().unwrap().clone();

    let mut servers = Alive::start(victims, 0).await;
    let client = Client::of(&sandbox, &sites);
    let (delivered, now) = (sandbox.folder().join("delivered"), SystemClock::default().now());
    let campaign = Arc::new(Campaign {
        counter: Counter::open(&client, delivered, now).await,
        client,
        purchases: Mutex::default(),
        people: Mutex::default(),
        answered: Mutex::default(),
        broken: Mutex::default(),
        later: Arc::default(),
        is_over: AtomicBool::new(false),
    });
    let mut people = JoinSet::new();
    for _ in 0..PEOPLE {
        let habits = Habits::new(Random::new(random.draw()), Arc::clone(&campaign));
        people.spawn_local(habits.pay_until_it_is_over());
    }
    all_move_in(&campaign, begun).await;
    campaign.client.hang_up_at_random(Random::new(random.draw()));
    let mut later = 0;
    for number in 0..kills {
        sleep(Duration::from_millis(random.below(LONGEST_LIFE))).await;
        if kept == Kept::InAFile && number % COPY_EVERY == 0 {
            let configuration = site.configuration.clone();
            let copied = spawn_blocking(move || check_a_copy(&configuration)).await.unwrap();
            campaign.broken.lock().unwrap().extend(copied);
        }
        // Now and then so much later that leases have run out, and visits: then all of them, as their clocks are alike.
        let much_later = random.below(5) == 0;
        let one = random.below(u64::try_from(sites.len()).unwrap());
        let killed = servers.kill((!much_later).then_some(one));
        check_the_books(&campaign, &site.configuration).await;
        later += if much_later { random.below(90) } else { 0 };
        campaign.later.store(later, Ordering::Relaxed);
        servers.revive(killed, later).await;
    }
    all_go_home(&campaign, people).await;

    // At last a server that lives, after all that could still run out. Of two it must finish what both began.
    drop(servers);
    campaign.later.store(later + 900, Ordering::Relaxed);
    let server = last.start(later + 900).await;
    campaign.client.ask_the_last_only();
    let mut verdict = judge::ask_the_server(&campaign).await;
    let again = judge::ask_again(&campaign, &mut verdict).await;
    judge::ask_the_wallets(&campaign, &mut verdict).await;
    judge::ask_the_merchant(&campaign, &mut verdict).await;
    server.kill();
    judge::ask_the_books(&campaign, &site.configuration, &mut verdict).await;
    let (receipts, took) = (campaign.counter.delivered().len(), begun.elapsed().as_secs());
    verdict.broken.append(&mut campaign.broken.lock().unwrap());
    let summary = verdict.summary();
    println!("{summary}; {receipts} tickets delivered, {again} answers given again; in {took} s");
    assert_eq!(verdict.broken, [""; 0], "seed {seed}, {kills} kills");
    verdict.must_have_tried_everything();
    assert!(receipts > 0 && again > 0);
}

/// Lets everybody end what they are at, and hear what came of it.
async fn all_go_home(campaign: &Campaign, mut people: JoinSet<()>) {
    campaign.is_over.store(true, Ordering::Relaxed);
    campaign.client.hang_up_no_more();
    while let Some(ended) = people.join_next().await {
        ended.unwrap();
    }
}

/// Waits until everybody has a wallet with money in it.
async fn all_move_in(campaign: &Campaign, begun: Instant) {
    let moved_in = || campaign.people.lock().unwrap().len();
    while moved_in() < usize::try_from(PEOPLE).unwrap() {
        assert!(begun.elapsed() < PATIENCE, "{} of {PEOPLE} have moved in", moved_in());
        sleep(Duration::from_millis(20)).await;
    }
}

/// People of the campaign pay all day long, and merchants are paid at once.
fn set_the_terms(configuration: &Path) {
    let text = fs::read_to_string(configuration).unwrap();
    let limits = r#"limits = [{ currency = "EUR", balance = "9000000.00", payment = "90000.00", day = "9000000.00" }]
payout_every_seconds = 2"#;
    let (before, rest) = text.split_once("\nlimits = [").unwrap();
    let (_, after) = rest.split_once("\n]\n").unwrap();
    fs::write(configuration, format!("{before}\n{limits}\n{after}")).unwrap();
}

/// What was synced before the server was killed is in balance: `countersign check --books`.
async fn check_the_books(campaign: &Campaign, configuration: &Path) {
    let report = books(&read(configuration), None).await.unwrap();
    if !report.right {
        campaign.breaks("the books balance after every kill", &report.text);
    }
}

/// A copy that is made meanwhile is a store, and in balance: `countersign backup`.
fn check_a_copy(configuration: &Path) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    copy_store(&read(configuration), &copy).unwrap();
    SqliteStore::open(&copy).unwrap();
    let (books, mut wrong) = (Books::open(&copy).unwrap(), Vec::new());
    let found = books.check(|difference| wrong.push(difference)).unwrap();
    let is_right = found.postings > 0 && found.are_even() && wrong.is_empty();
    (!is_right).then(|| format!("the books balance in every copy: {found:?}, {wrong:?}"))
}
