use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use async_trait::async_trait;
use countersign_domain::{
    amount::Amount,
    bank::{ApprovalCode, BankError, BankRequest, Decision},
    id::{MessageId, SessionId},
    lane::Lane,
    message::{Accepted, OutboundMessage, SendError},
    policy::PolicySettings,
    ports::{Clock as _, IssuingBank},
    record::Batch,
    testing::Fixture,
};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::*;
use crate::lanes::{self, MAX_OTHERS_SENDING, MAX_PAYMENTS_SENDING};

/// A network that takes over what pays, and thinks about everything else for ever.
#[derive(Default)]
struct Stuck {
    payments: Mutex<usize>,
    others: Mutex<usize>,
}

#[async_trait]
impl Messenger for Stuck {
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        if !message.text.expose().contains("EUR") {
            *self.others.lock().unwrap() += 1;
            std::future::pending::<()>().await;
        }
        *self.payments.lock().unwrap() += 1;
        Err(SendError::Permanent { cause: "a test's network".to_owned() })
    }
}

/// What a bank makes of the first releases.
#[derive(Clone, Copy, Debug)]
enum First {
    Panics,
    IsNotAnswered,
}

/// A bank that approves, and releases but for the first so many.
struct Odd {
    first: First,
    odd: usize,
    asked: AtomicUsize,
    released: AtomicUsize,
    at_once: AtomicUsize,
    most: AtomicUsize,
}

impl Odd {
    fn of(first: First, odd: usize) -> Arc<Self> {
        let [asked, released, at_once, most] = [const { AtomicUsize::new(0) }; 4];
        Arc::new(Self { first, odd, asked, released, at_once, most })
    }
}

#[async_trait]
impl IssuingBank for Odd {
    async fn authorize(&self, _: &BankRequest) -> Result<Decision, BankError> {
        Ok(Decision::Approved { approval: "123456".to_owned().try_into().unwrap() })
    }

    async fn capture(&self, _: &BankRequest, _: &ApprovalCode, _: Amount) -> Result<(), BankError> {
        Ok(())
    }

    async fn credit(&self, _: &BankRequest) -> Result<(), BankError> {
        Ok(())
    }

    async fn reverse_credit(&self, _: &BankRequest) -> Result<(), BankError> {
        Ok(())
    }

    async fn void(&self, _: &BankRequest, _: Option<&ApprovalCode>) -> Result<(), BankError> {
        let at_once = self.at_once.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(at_once, SeqCst);
        if self.asked.fetch_add(1, SeqCst) < self.odd {
            match self.first {
                First::Panics => {
                    self.at_once.fetch_sub(1, SeqCst);
                    panic!("as the test wants it");
                }
                First::IsNotAnswered => std::future::pending::<()>().await,
            }
        }
        task::yield_now().await;
        self.released.fetch_add(1, SeqCst);
        self.at_once.fetch_sub(1, SeqCst);
        Ok(())
    }
}

/// Payments that are due, each with something to release at that bank.
async fn left_alone(shop: &Fixture, bank: &Arc<Odd>, count: usize) -> Arc<Gateway> {
    let gateway = Gateway::new(shop.ports.clone(), bank.clone(), shop.verifier.clone());
    for _ in 0..count {
        gateway.start_payment(shop.purchase("49.90"), Batch::default()).await.unwrap();
    }
    shop.clock.advance_seconds(86_400);
    Arc::new(gateway)
}

async fn until(count: &AtomicUsize, enough: usize) {
    let all = async {
        while count.load(SeqCst) < enough {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(Duration::from_secs(60), all).await.is_ok(), "{count:?} of {enough}");
}

#[tokio::test]
async fn a_payment_that_fails_by_a_panic_or_is_not_answered_keeps_no_other_from_being_resumed() {
    for first in [First::Panics, First::IsNotAnswered] {
        let shop = Fixture::with_policy(PolicySettings::bank_first());
        let bank = Odd::of(first, 3);
        let count = 2 * PAYMENTS_AT_ONCE + 10;
        let gateway = left_alone(&shop, &bank, count).await;
        let (stop, stopping) = watch::channel(false);
        let mut resuming = tokio::spawn(resume_payments(gateway, stopping));
        until(&bank.released, count - 3).await;
        assert!(bank.most.load(SeqCst) <= PAYMENTS_SIDE_BY_SIDE, "{first:?}");
        assert!(!resuming.is_finished(), "{first:?}");
        stop.send_replace(true);
        match first {
            First::Panics => (&mut resuming).await.unwrap(),
            // It waits for them; a server does for so long only.
            First::IsNotAnswered => resuming.abort(),
        }
    }
}

#[tokio::test]
async fn a_bank_that_answers_nothing_is_asked_for_a_few_at_once() {
    let shop = Fixture::with_policy(PolicySettings::bank_first());
    let bank = Odd::of(First::IsNotAnswered, usize::MAX);
    let gateway = left_alone(&shop, &bank, 3 * PAYMENTS_SIDE_BY_SIDE).await;
    let (_stop, stopping) = watch::channel(false);
    let resuming = tokio::spawn(resume_payments(gateway, stopping));
    until(&bank.asked, PAYMENTS_SIDE_BY_SIDE).await;
    // Longer than to the next look.
    sleep(PAYMENTS_PAUSE + PAYMENTS_PAUSE / 2).await;
    assert_eq!(bank.asked.load(SeqCst), PAYMENTS_SIDE_BY_SIDE);
    resuming.abort();
}

#[tokio::test]
async fn payments_are_resumed_page_by_page_in_their_order() {
    let shop = Fixture::with_policy(PolicySettings::bank_first());
    let gateway = left_alone(&shop, &Odd::of(First::Panics, 0), PAYMENTS_AT_ONCE + 1).await;
    let due = gateway.due(PAYMENTS_AT_ONCE).await.unwrap();
    let (before, mut resuming) = (Instant::now(), Resuming::default());
    resuming.look(&gateway).await;
    resuming.fill(&gateway);
    let (first, line) = due.split_at(PAYMENTS_SIDE_BY_SIDE);
    assert!(first.iter().all(|id| resuming.under_way.values().any(|known| known == id)));
    assert_eq!(resuming.line, line);
    // None of them is begun twice, although it is due.
    resuming.look(&gateway).await;
    assert_eq!(resuming.line, line);
    for (resumed, pause) in [(PAYMENTS_AT_ONCE, PAYMENTS_REST), (1, PAYMENTS_PAUSE)] {
        let mut ends = 0;
        while let Some(ended) = resuming.tasks.join_next_with_id().await {
            resuming.ended(ended);
            resuming.fill(&gateway);
            ends += 1;
        }
        assert_eq!(ends, resumed);
        assert!(resuming.under_way.is_empty());
        let after = Instant::now();
        let next = resuming.next_look.unwrap();
        assert!((before + pause..=after + pause).contains(&next));
        resuming.look(&gateway).await;
        resuming.fill(&gateway);
    }
}

#[tokio::test]
async fn messages_that_anybody_can_cause_do_not_keep_a_payers_code_waiting() {
    let shop = Fixture::new();
    for _ in 0..MAX_PAYMENTS_SENDING * 2 {
        let session = SessionId::random(shop.entropy.as_ref()).unwrap();
        shop.verifier.start_challenge(shop.access(session)).await.unwrap().done().unwrap();
    }
    let network = Arc::new(Stuck::default());
    let (stop, stopping) = watch::channel(false);
    // Nothing is announced, as after a restart: what is due is found.
    let (_announces, exits) = lanes::all(None);
    for exit in exits.lanes {
        let (outbox, network) = (Arc::clone(&shop.outbox), Arc::clone(&network));
        tokio::spawn(send_messages(exit, outbox, network, stopping.clone()));
    }
    sleep(OUTBOX_PAUSE).await;
    shop.gateway.start_payment(shop.purchase("49.90"), Batch::default()).await.unwrap();
    let sent = async {
        while *network.payments.lock().unwrap() == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(Duration::from_secs(5), sent).await.is_ok(), "the payer waits");
    let others = *network.others.lock().unwrap();
    assert_eq!(u32::try_from(others), Ok(MAX_OTHERS_SENDING));
    stop.send_replace(true);
}

/// A network that takes one message at a time, as soon as it has room for one.
struct Narrow {
    room: Arc<Semaphore>,
    taken: Mutex<Vec<MessageId>>,
}

#[async_trait]
impl Messenger for Narrow {
    async fn turn(&self, _lane: Lane) -> Turn {
        Box::new(Arc::clone(&self.room).acquire_owned().await)
    }

    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        self.taken.lock().unwrap().push(message.id.clone());
        let network_id = message.id.to_string();
        Ok(Accepted { references: vec![network_id.clone()], network_id })
    }
}

/// What a lane sends of the payments and others that wait, in its order; they are announced to it, or found.
async fn sent_in(lane: Lane, is_announced: bool) {
    let shop = Fixture::new();
    for _ in 0..50 {
        shop.gateway.start_payment(shop.purchase("49.90"), Batch::default()).await.unwrap();
        let session = SessionId::random(shop.entropy.as_ref()).unwrap();
        shop.verifier.start_challenge(shop.access(session)).await.unwrap().done().unwrap();
        shop.clock.advance_seconds(1);
    }
    let expected = shop.outbox.due_in(lane, 1_000).await.unwrap();
    assert_eq!(expected.len(), 50);
    let (announces, exits) = lanes::all(None);
    for id in expected.iter().filter(|_| is_announced) {
        let messages = vec![(lane, id.clone())];
        let mut batch = Batch { messages, ..Batch::default() };
        announces.ways(&mut batch, shop.clock.now()).go();
    }
    let exit = exits.lanes.into_iter().find(|exit| exit.shared.lane() == lane).unwrap();
    let room = Arc::new(Semaphore::new(0));
    let network = Arc::new(Narrow { room: Arc::clone(&room), taken: Mutex::default() });
    let (stop, stopping) = watch::channel(false);
    let (outbox, messenger) = (Arc::clone(&shop.outbox), Arc::clone(&network));
    let sending = tokio::spawn(send_messages(exit, outbox, messenger, stopping));
    // Long enough for a look at the outbox while all wait for the network.
    sleep(OUTBOX_PAUSE + OUTBOX_PAUSE / 2).await;
    assert!(network.taken.lock().unwrap().is_empty());
    room.add_permits(1);
    let all = async {
        while network.taken.lock().unwrap().len() < expected.len() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(Duration::from_secs(20), all).await.is_ok(), "some are not sent");
    assert_eq!(*network.taken.lock().unwrap(), expected, "{lane:?}, announced: {is_announced}");
    stop.send_replace(true);
    sending.await.unwrap();
}

#[tokio::test]
async fn a_lane_is_fed_in_the_order_in_which_its_messages_were_committed() {
    for lane in [Lane::Payments, Lane::Others] {
        for is_announced in [true, false] {
            sent_in(lane, is_announced).await;
        }
    }
}
