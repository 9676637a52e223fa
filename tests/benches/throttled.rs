//! An SMS centre that throttles: the time until it has the last code, over what its rate allows: `cargo bench -p
//! countersign-tests --bench throttled`. What is waited for is the centre, so that an optimised build changes little.
#![expect(
    clippy::float_arithmetic,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use countersign_channels::{SmppMessenger, SmppSettings, SourceAddress};
use countersign_domain::{
    address::Msisdn,
    id::MessageId,
    lane::Lane,
    message::{Inbound, InboxError, OutboundMessage, SendError},
    ports::{Clock as _, Inbox, Messenger as _},
    secret::Secret,
};
use countersign_server::{SystemClock, SystemEntropy};
use countersign_tests::load::{
    centre::Centre,
    shop::{Shop, serve_if_asked},
    table::{Row, disturbance, foreign, ratio, title, watched},
    throttle::{Count, Throttle},
};
use tokio::{runtime::Runtime, task::JoinSet, time::Instant};

const MESSAGES: u32 = 250;
const COUNTS: [Count; 4] = [Count::Clock, Count::Sliding, Count::Bucket, Count::Spaced];
const RATES: [u32; 2] = [20, 100];
/// Submissions of a hundred that are refused at random.
const AT_RANDOM: [u64; 4] = [10, 20, 33, 50];

/// Messages through a centre that counts nothing: it answers at once.
const MANY: u32 = 5_000;

const GOAL: &str = "<= 1.15x";

/// Purchases through the server, the clients that make them, and the centre's rate.
const PURCHASES: u32 = 500;
const CLIENTS: u32 = 25;
const RATE: u32 = 50;

fn main() {
    serve_if_asked();
    let runtime = Runtime::new().unwrap();
    let mut foreign = foreign();
    title(
        "Seconds until a centre that throttles has the last of 250 messages, beside what its rate allows",
    );
    for parts in [1, 2] {
        for rate in RATES {
            let took = watched(&mut foreign, &[], || {
                let throttles = COUNTS.map(|count| Throttle::new(count, rate));
                runtime.block_on(all_of(parts, throttles))
            });
            for (count, took) in COUNTS.into_iter().zip(took) {
                tell(
                    &format!("{count:?}, {rate}/s, {parts} part(s)"),
                    took,
                    MESSAGES * parts,
                    rate,
                );
            }
        }
    }
    beside_a_rate(&mut foreign, &runtime);
    without_a_rate(&mut foreign, &runtime);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let took = watched(&mut foreign, &[], || runtime.block_on(purchased(folder.path())));
    let what = format!("{PURCHASES} purchases, {RATE}/s, one in ten throttled at random");
    tell(&what, took, PURCHASES, RATE);
    disturbance(&foreign);
}

/// Some are refused at random beside a rate.
fn beside_a_rate(foreign: &mut Row, runtime: &Runtime) {
    let rate = RATES[0];
    for at_random in &AT_RANDOM[..3] {
        let throttles =
            COUNTS.map(|count| Throttle::new(count, rate).with_random_refusals(*at_random));
        let took = watched(foreign, &[], || runtime.block_on(all_of(1, throttles)));
        for (count, took) in COUNTS.into_iter().zip(took) {
            let what = format!("{count:?}, {rate}/s, {at_random} % refused at random");
            tell(&what, took, MESSAGES, rate);
        }
    }
}

/// Some are refused at random, and nothing is counted: what is possible is what a centre takes that refuses none.
fn without_a_rate(foreign: &mut Row, runtime: &Runtime) {
    for at_random in AT_RANDOM {
        let [none, some] = [0, at_random].map(|at_random| {
            let throttle = Throttle::new(Count::Nothing, 1).with_random_refusals(at_random);
            let took = || runtime.block_on(submitted(MANY, 1, throttle));
            watched(foreign, &[], took).as_secs_f64()
        });
        let mut row = Row::new(format!("{MANY}, no rate, {at_random} % refused at random"));
        row.add(some);
        row.print();
        let taken = f64::from(u32::try_from(100 - at_random).unwrap()) / 100.0;
        ratio("    over what is possible", some, none / taken, GOAL);
    }
}

fn tell(what: &str, took: Duration, submissions: u32, rate: u32) {
    let allowed = f64::from(submissions) / f64::from(rate);
    let mut row = Row::new(what);
    row.add(took.as_secs_f64());
    row.print();
    ratio("    over what the rate allows", took.as_secs_f64(), allowed, GOAL);
}

/// An inbox that throws receipts away.
struct Nobody;

#[async_trait]
impl Inbox for Nobody {
    async fn accept(&self, _: Inbound) -> Result<(), InboxError> {
        Ok(())
    }
}

/// The centres at once: each is waited for most of the time.
async fn all_of(parts: u32, throttles: [Throttle; 4]) -> Vec<Duration> {
    let centres = throttles.map(|throttle| tokio::spawn(submitted(MESSAGES, parts, throttle)));
    let mut took = Vec::new();
    for centre in centres {
        took.push(centre.await.unwrap());
    }
    took
}

/// All messages at once, as the outbox hands them over.
async fn submitted(messages: u32, parts: u32, throttle: Throttle) -> Duration {
    let centre = Centre::start().await.unwrap();
    let source = SourceAddress::ShortCode("3800".to_owned());
    let password = Secret::new("load".to_owned());
    let port = centre.address().port();
    let settings = SmppSettings::new("127.0.0.1", port, "load", password, source);
    let messenger =
        Arc::new(SmppMessenger::new(settings, Arc::new(SystemClock::default())).unwrap());
    let session = Arc::clone(&messenger);
    let session = tokio::spawn(async move { session.run(Arc::new(Nobody)).await });
    messenger.until_bound().await;
    let text = format!(
        "Pay 49.90 EUR to Dupont\n{}\n#483920",
        "x".repeat(if parts > 1 { 200 } else { 20 })
    );
    let (begun, now) = (Instant::now(), SystemClock::default().now());
    centre.throttle(throttle);
    let mut senders = JoinSet::new();
    for number in 0..messages {
        let id = MessageId::made_at(now, &SystemEntropy::default()).unwrap();
        let to = Msisdn::try_from(format!("+336123{number:05}").as_str()).unwrap().into();
        let message = OutboundMessage::new(id, to, Secret::new(text.clone()), 300);
        let messenger = Arc::clone(&messenger);
        senders.spawn(async move {
            loop {
                let turn = messenger.turn(Lane::Payments).await;
                let sent = messenger.send(&message).await;
                drop(turn);
                match sent {
                    Ok(_) => return,
                    // It goes back to the line.
                    Err(SendError::Waiting { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    senders.join_all().await;
    let sent = centre.submitted();
    assert_eq!((sent.taken, sent.again), (messages * parts, 0), "{sent:?}");
    messenger.stop();
    session.await.unwrap();
    sent.last.unwrap() - begun
}

/// All purchases at once through a server in a process of its own; each is paid.
async fn purchased(folder: &Path) -> Duration {
    let shop = Arc::new(Shop::open(folder, "load.db").await.unwrap());
    let mut till = shop.till().await.unwrap();
    for payer in 0..PURCHASES {
        let number = format!("+336123{payer:05}");
        shop.enrol(&mut till, &format!("payer-{payer}"), &number).await.unwrap();
    }
    // Nothing is taken before all wait: how fast they come is not what is measured.
    shop.centre.throttle(Throttle::new(Count::Clock, 0));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let shop = Arc::clone(&shop);
        clients.spawn(async move {
            let (mut till, mut asked) = (shop.till().await.unwrap(), Vec::new());
            for payer in (client..PURCHASES).step_by(usize::try_from(CLIENTS).unwrap()) {
                // More than what needs no code.
                let (who, amount) =
                    (format!("user_id=payer-{payer}"), format!("{}.00", payer + 10));
                let page = shop.order_at(&mut till, &amount).await.unwrap();
                asked.push((shop.ask(&mut till.payer, &page, &amount, &who).await.unwrap(), page));
            }
            asked
        });
    }
    let asked = clients.join_all().await;
    let begun = Instant::now();
    shop.centre.throttle(Throttle::new(Count::Clock, RATE).with_random_refusals(10));
    let mut payers = JoinSet::new();
    for (asked, page) in asked.into_iter().flatten() {
        let shop = Arc::clone(&shop);
        payers.spawn(async move {
            let code = asked.code.await.unwrap();
            let mut till = shop.till().await.unwrap();
            asked.session.type_code(&mut till.payer, &page, &code).await.unwrap();
        });
    }
    payers.join_all().await;
    let sent = shop.centre.submitted();
    assert_eq!((sent.taken, sent.again), (PURCHASES, 0), "{sent:?}");
    sent.last.unwrap() - begun
}
