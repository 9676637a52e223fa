//! Figure 11 in the campaign: gateway and merchant, a process and a store each, are killed at random instants of many
//! purchases at once; or two gateways on one PostgreSQL database, and a merchant on it with a store of its own. Cardholders, bank and SMS centre live on, and so does a relay between merchant and gateway, so that all
//! that was answered is known. The third role, a cardholder's server, is killed in `cardholder`: docs/security/killed.md.

mod buyer;
mod cardholder;
#[path = "../roles/support.rs"]
#[expect(dead_code, clippy::indexing_slicing, reason = "its roles are served and killed here")]
mod house;
mod judge;
mod relay;

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_domain::{card::Card, ports::Clock as _, time::Timestamp};
use countersign_server::SystemClock;
use countersign_set::{
    link::HttpClient,
    message::wrapper::{Message, MessageWrapper},
};
use countersign_store::testing;
use countersign_tests::killable::Killable;
use der::Decode as _;
use serde_json::{Value, json};
use tokio::{
    task::{JoinSet, LocalSet},
    time::sleep,
};

use self::{
    buyer::Buyer,
    house::{API_KEY, House, free},
};
use crate::{
    asked,
    client::{Client, trusting},
    judge::{Purchase, Verdict},
    random::Random,
    server::{Alive, Victim, power_loss},
};

/// Kills of a role, when the environment asks for no other number.
const KILLS: u64 = 60;
/// On a database.
const KILLS_ON_POSTGRESQL: u64 = 10;
/// People who buy at once.
const BUYERS: u32 = 8;
/// How long both live at most between two kills, in milliseconds: about as long as a purchase takes.
const LONGEST_LIFE: u64 = 500;
/// Before a message that was not answered is sent again.
const PAUSE: Duration = Duration::from_millis(25);
/// For how long it is.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message and its answer, as somebody heard it.
#[derive(Clone)]
pub(crate) struct Exchange {
    url: String,
    message: Vec<u8>,
    answer: Vec<u8>,
}

/// What everybody sees.
pub(crate) struct Campaign {
    house: House,
    client: HttpClient,
    shop: Client,
    purchases: Mutex<Vec<Purchase>>,
    heard: Arc<Mutex<Vec<Exchange>>>,
    /// By how many seconds everybody's clock is fast.
    later: AtomicU64,
    is_over: AtomicBool,
}

impl Campaign {
    async fn new(kept: Kept) -> Self {
        let house = House::new().await;
        let gateways = kept.gateways(&house).await;
        let tls = trusting(&house.path("root.pem"));
        let client = HttpClient::new(Arc::clone(&tls));
        let heard = Arc::default();
        let relay = relay::start(gateways, client.clone(), Arc::clone(&heard)).await;
        let configuration = house.path("merchant.toml");
        let mut text = fs::read_to_string(&configuration).unwrap();
        text.push_str(&format!("merchant_url = \"http://{relay}/set\"\n"));
        fs::write(&configuration, text).unwrap();
        Self {
            shop: Client::of_shop(tls, format!("https://localhost:{}", house.api), API_KEY),
            client,
            heard,
            house,
            purchases: Mutex::default(),
            later: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let later = u32::try_from(self.later.load(Ordering::Relaxed)).unwrap();
        SystemClock::default().now().plus_seconds(later)
    }

    /// Sends a message until it is answered: the same bytes, so that nothing is done twice.
    pub(crate) async fn exchange(&self, url: &str, message: &[u8]) -> Option<Vec<u8>> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.client.exchange(url, message.to_vec()).await {
                Ok(answer) => {
                    hear(&self.heard, url, message, &answer);
                    return Some(answer);
                }
                Err(error) => assert!(error.may_pass(), "{error}"),
            }
            sleep(PAUSE).await;
        }
        None
    }

    async fn ask_the_merchant(&self, purchases: Vec<Purchase>) -> Verdict {
        Verdict::ask_the_server(purchases, async |purchase| {
            let path = format!("/v1/set/orders/{}", purchase.name);
            let answer = self.shop.merchant("GET", &path, "none", "").await?;
            Some((answer.status, answer.stands().to_owned()))
        })
        .await
    }
}

/// Keeps what was answered. An error is no answer to be given again: the same message may be taken later.
fn hear(heard: &Mutex<Vec<Exchange>>, url: &str, message: &[u8], answer: &[u8]) {
    let wrapper = MessageWrapper::from_der(answer).unwrap();
    if !matches!(wrapper.message, Message::Error(_)) {
        let (url, message, answer) = (url.to_owned(), message.to_vec(), answer.to_vec());
        heard.lock().unwrap().push(Exchange { url, message, answer });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_purchase_of_figure_11_is_lost_or_doubled_however_often_gateway_and_merchant_are_killed()
{
    LocalSet::new().run_until(campaign(Kept::InFiles)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_purchase_of_figure_11_is_lost_or_doubled_by_two_gateways_on_one_database_that_are_killed()
 {
    LocalSet::new().run_until(campaign(Kept::OnPostgresql)).await;
}

/// Where the two roles keep everything.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    /// Each in a file, whose server's kill is a power loss.
    InFiles,
    /// Each in a schema of one database, and the gateway is two servers.
    OnPostgresql,
}

impl Kept {
    /// What the environment calls the number of kills, and how many there are when it asks for none.
    const fn kills(self) -> (&'static str, u64) {
        match self {
            Self::InFiles => ("COUNTERSIGN_SET_KILLS", KILLS),
            Self::OnPostgresql => ("COUNTERSIGN_SET_POSTGRES_KILLS", KILLS_ON_POSTGRESQL),
        }
    }

    /// Writes the configurations, and gives the ports of the gateways.
    async fn gateways(self, house: &House) -> Vec<u16> {
        if self == Self::InFiles {
            return vec![house.gateway];
        }
        for role in ["gateway", "merchant"] {
            let store = testing::new_shard().await;
            let (file, path) =
                (house.path(&format!("{role}.toml")), format!("path = \"{role}.db\""));
            let place = format!("url = \"{}\", schema = \"{}\"", store.url, store.schema);
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains(&path), "{text}");
            fs::write(file, text.replace(&path, &place)).unwrap();
        }
        // The same to everybody, as behind a balancer.
        let [gateway, api] = free();
        let text = fs::read_to_string(house.path("gateway.toml")).unwrap();
        let other = [(house.gateway, gateway), (house.gateway_api, api)].iter().fold(
            text,
            |text, (one, other)| {
                text.replace(&format!("\"127.0.0.1:{one}\""), &format!("\"127.0.0.1:{other}\""))
            },
        );
        fs::write(house.path(OTHER_GATEWAY), other).unwrap();
        vec![house.gateway, gateway]
    }

    fn roles(self, house: &House) -> Roles {
        let library = (self == Self::InFiles).then(|| power_loss(house.folder.path()));
        let victim = |name: &str| Victim::new(house.path(name), library.clone());
        let gateways = match self {
            Self::InFiles => vec![victim("gateway.toml")],
            Self::OnPostgresql => vec![victim("gateway.toml"), victim(OTHER_GATEWAY)],
        };
        Roles { gateways, merchant: victim("merchant.toml") }
    }
}

/// The configuration of the second gateway.
const OTHER_GATEWAY: &str = "other-gateway.toml";

async fn campaign(kept: Kept) {
    let seed = asked("COUNTERSIGN_SEED", Random::of_the_system());
    let (name, kills) = kept.kills();
    let kills = asked(name, kills);
    println!(
        "{kills} kills of gateway and merchant, seed {seed}; again: {name}={kills} COUNTERSIGN_SEED={seed} cargo test -p countersign-tests --test campaign figure_11 -- --nocapture"
    );
    let begun = Instant::now();
    let mut random = Random::new(seed);
    let campaign = Arc::new(Campaign::new(kept).await);
    let roles = kept.roles(&campaign.house);
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        let buyer = Buyer::new(Random::new(random.draw()), Arc::clone(&campaign));
        buyers.spawn_local(buyer.buy_until_it_is_over());
    }

    let mut alive = roles.start(0).await;
    for _ in 0..kills {
        sleep(Duration::from_millis(random.below(LONGEST_LIFE))).await;
        alive = roles.kill_some(alive, &mut random, &campaign.later).await;
    }

    // At last ones that live, after all that could still run out. A buyer who is at a purchase by then does not leave it.
    drop(alive);
    let later = campaign.later.load(Ordering::Relaxed) + 900;
    campaign.later.store(later, Ordering::Relaxed);
    campaign.is_over.store(true, Ordering::Relaxed);
    let _alive = roles.start(later).await;
    while let Some(ended) = buyers.join_next().await {
        ended.unwrap();
    }
    let purchases = campaign.purchases.lock().unwrap().clone();
    let mut verdict = campaign.ask_the_merchant(purchases).await;
    verdict.ask_the_bank(async |card| campaign.house.account(card)).await;
    verdict.ask_the_phones(async |number| campaign.house.texts(number)).await;
    let again = judge::ask_again(&campaign, &mut verdict).await;
    let took = begun.elapsed().as_secs();
    println!("{}; {again} answers given again; in {took} s", verdict.summary());
    let broken = verdict.broken.join("\n  ");
    assert!(verdict.broken.is_empty(), "seed {seed}, {kills} kills:\n  {broken}");
    verdict.must_have_tried_everything();
    assert!(again > 0);
}

impl House {
    /// A card's account, as the sandbox's control shows it.
    fn account(&self, number: &str) -> Value {
        let card = Card::new(number, "12/35".try_into().unwrap()).unwrap();
        let held_minor = self.bank.account(&card).unwrap().held_minor;
        json!({ "held_minor": held_minor, "movements": self.bank.movements(&card) })
    }

    /// What a phone shows.
    fn texts(&self, number: &str) -> Vec<String> {
        let shown = self.centre.handset(number).unwrap();
        shown.into_iter().map(|message| message.text).collect()
    }
}

/// The roles that are killed.
struct Roles {
    gateways: Vec<Victim>,
    merchant: Victim,
}

impl Roles {
    /// All of them, their clocks so many seconds fast.
    async fn start(&self, later: u64) -> (Alive, Killable) {
        (Alive::start(self.gateways.clone(), later).await, self.merchant.start(later).await)
    }

    /// Kills one or all and starts them again; all now and then so much later that codes, leases and their payments have
    /// run out, as their clocks are alike.
    async fn kill_some(
        &self,
        (mut gateways, merchant): (Alive, Killable),
        random: &mut Random,
        later: &AtomicU64,
    ) -> (Alive, Killable) {
        let now = later.load(Ordering::Relaxed);
        match random.below(4) {
            0 => {
                let one = random.below(u64::try_from(self.gateways.len()).unwrap());
                let killed = gateways.kill(Some(one));
                gateways.revive(killed, now).await;
                (gateways, merchant)
            }
            1 => {
                merchant.kill();
                (gateways, self.merchant.start(now).await)
            }
            both => {
                gateways.kill(None);
                merchant.kill();
                let then = if both == 2 { now } else { now + random.below(60) };
                later.store(then, Ordering::Relaxed);
                self.start(then).await
            }
        }
    }
}
