//! What becomes of messages between their commits and the network: by its workers, over fakes.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countersign_domain::{
    id::{MessageId, SessionId},
    lane::Lane,
    message::{Accepted, Message, OutboundMessage, SendError},
    ports::{Messenger, Ports, Turn},
    record::{Record, Version, Versioned},
    testing::{Fixture, MemoryStore},
    verifier::Verifier,
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::*;
use crate::{
    lanes::{self, Exits, MAX_OTHERS_SENDING},
    workers::{look_for_doubted, send_born, send_messages},
};

/// A network with room for so many messages at once; a message needs its room until it is answered.
struct Network {
    room: Arc<Semaphore>,
    taken: Mutex<Vec<MessageId>>,
}

impl Network {
    fn with_room(room: usize) -> Arc<Self> {
        Arc::new(Self { room: Arc::new(Semaphore::new(room)), taken: Mutex::default() })
    }

    fn taken(&self) -> Vec<MessageId> {
        self.taken.lock().unwrap().clone()
    }

    async fn until_taken(&self, count: usize) {
        let all = async {
            while self.taken().len() < count {
                sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(
            timeout(Duration::from_secs(60), all).await.is_ok(),
            "{} of {count}",
            self.taken().len()
        );
    }
}

#[async_trait]
impl Messenger for Network {
    async fn turn(&self, _lane: Lane) -> Turn {
        Box::new(Arc::clone(&self.room).acquire_owned().await)
    }

    fn try_turn(&self, _lane: Lane) -> Option<Turn> {
        Some(Box::new(Arc::clone(&self.room).try_acquire_owned().ok()?))
    }

    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        self.taken.lock().unwrap().push(message.id.clone());
        let network_id = message.id.to_string();
        Ok(Accepted { references: vec![network_id.clone()], network_id })
    }
}

/// A store at which a commit waits as long as it is shut, and fails when it is broken: before it is done, or, when answers are
/// late, after it.
#[derive(Default)]
struct Door {
    store: Arc<MemoryStore>,
    is_shut: watch::Sender<bool>,
    is_broken: AtomicBool,
    is_late: AtomicBool,
}

impl Door {
    async fn until_waited_at_by(&self, count: usize) {
        let waited = async {
            while self.is_shut.receiver_count() < count {
                sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(timeout(Duration::from_secs(60), waited).await.is_ok());
    }
}

#[async_trait]
impl Store for Door {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let done = match self.is_late.load(Ordering::Relaxed) {
            true => Some(self.store.commit(batch.clone()).await),
            false => None,
        };
        self.is_shut.subscribe().wait_for(|is_shut| !is_shut).await.unwrap();
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable { cause: "as the test wants it".to_owned() });
        }
        match done {
            Some(done) => done,
            None => self.store.commit(batch).await,
        }
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.store.as_ref()
    }
}

/// A process over the fixture's ports, whose messages go to that network.
struct Process {
    store: Arc<NotifyingStore>,
    gateway: Arc<countersign_domain::gateway::Gateway>,
    outbox: Arc<countersign_domain::outbox::Outbox>,
    verifier: Verifier,
}

impl Process {
    fn on(shop: &Fixture, store: Arc<dyn Store>, network: Option<Arc<Network>>) -> (Self, Exits) {
        let network = network.map(|network| -> Arc<dyn Messenger> { network });
        let (entrances, exits) = lanes::all(network);
        let (clock, metrics) = (Arc::clone(&shop.ports.clock), Arc::new(Metrics::new()));
        let store = Arc::new(NotifyingStore::of(store, clock, metrics, entrances));
        let (gateway, outbox) = shop.process_on(store.clone());
        let ports = Ports { store: store.clone(), ..shop.ports.clone() };
        let verifier = Verifier::new(ports, shop.policy.clone())
            .with_limits(countersign_domain::testing::unbounded());
        let (gateway, outbox) = (Arc::new(gateway), Arc::new(outbox));
        (Self { store, gateway, outbox, verifier }, exits)
    }

    /// Alice buys; the message with her code.
    async fn payment(&self, shop: &Fixture) -> MessageId {
        let purchase = shop.purchase("49.90");
        let payment = self.gateway.start_payment(purchase, Batch::default()).await.unwrap();
        self.gateway.challenge_of(&payment).await.unwrap().last_message().clone()
    }

    /// Somebody asks for access; the message with the code.
    async fn other(&self, shop: &Fixture) -> MessageId {
        let session = SessionId::random(shop.entropy.as_ref()).unwrap();
        let begun = self.verifier.start_challenge(shop.access(session)).await.unwrap();
        begun.done().unwrap().last_message().clone()
    }

    /// What stands in the store of a message.
    async fn kept(&self, id: &MessageId) -> (Version, &'static str) {
        let key = RecordKey::of::<Message>(id.as_str());
        let record = self.store.reads().load(&key).await.unwrap().unwrap();
        let found = Versioned::<Message>::try_from(record).unwrap();
        (found.version, found.value.state().name())
    }

    /// Sends as a server does, until it is told to stop.
    fn work(
        &self,
        exits: Exits,
        network: &Arc<Network>,
        stop: &watch::Sender<bool>,
    ) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let lanes = exits.lanes.iter().map(|exit| Arc::clone(&exit.shared)).collect();
        for exit in exits.lanes {
            let (outbox, network) = (Arc::clone(&self.outbox), Arc::clone(network));
            tasks.spawn(send_messages(exit, outbox, network, stop.subscribe()));
        }
        let (outbox, network) = (Arc::clone(&self.outbox), Arc::clone(network));
        let doubting = Arc::clone(&self.outbox);
        tasks.spawn(send_born(exits.born, lanes, outbox, network, stop.subscribe()));
        tasks.spawn(look_for_doubted(exits.doubted, doubting, stop.subscribe()));
        tasks
    }
}

/// What was announced, lane by lane, and how many were born.
fn told(exits: &mut Exits) -> ([Vec<MessageId>; 3], usize) {
    let announced = exits.lanes.each_mut().map(|exit| {
        let next = || exit.announced.try_recv().ok().map(|waiting| waiting.id.clone());
        std::iter::from_fn(next).collect()
    });
    let born = std::iter::from_fn(|| exits.born.try_recv().ok().map(drop)).count();
    (announced, born)
}

#[tokio::test]
async fn where_the_network_has_room_a_message_is_born_being_sent_and_is_not_announced() {
    let (shop, network) = (Fixture::new(), Network::with_room(2));
    let (process, mut exits) = Process::on(&shop, shop.store.clone(), Some(network.clone()));
    let id = process.payment(&shop).await;
    assert_eq!(process.kept(&id).await, (Version(1), "sending"));
    let handed = exits.born.try_recv().unwrap();
    assert_eq!(network.room.available_permits(), 1, "its turn goes with it");
    drop(handed);
    assert_eq!(network.room.available_permits(), 2);
    assert_eq!(told(&mut exits), ([vec![], vec![], vec![]], 0));
}

#[tokio::test]
async fn where_it_has_none_or_is_not_there_a_message_is_announced_once_in_its_lane() {
    let shop = Fixture::new();
    for network in [None, Some(Network::with_room(0))] {
        let (process, mut exits) = Process::on(&shop, shop.store.clone(), network);
        let (payment, other) = (process.payment(&shop).await, process.other(&shop).await);
        for id in [&payment, &other] {
            assert_eq!(process.kept(id).await, (Version(1), "queued"));
        }
        assert_eq!(told(&mut exits), ([vec![payment], vec![other], vec![]], 0));
    }
}

#[tokio::test]
async fn a_lane_has_no_more_born_at_once_than_it_sends_and_leaves_the_others_theirs() {
    let (shop, network) = (Fixture::new(), Network::with_room(100));
    let (process, mut exits) = Process::on(&shop, shop.store.clone(), Some(network));
    for _ in 0..MAX_OTHERS_SENDING {
        let id = process.other(&shop).await;
        assert_eq!(process.kept(&id).await.1, "sending");
    }
    let one_more = process.other(&shop).await;
    assert_eq!(process.kept(&one_more).await.1, "queued");
    let payment = process.payment(&shop).await;
    assert_eq!(process.kept(&payment).await.1, "sending");
    let (announced, born) = told(&mut exits);
    assert_eq!(announced, [vec![], vec![one_more], vec![]]);
    assert_eq!(u32::try_from(born), Ok(MAX_OTHERS_SENDING + 1));
}

#[tokio::test]
async fn nobody_is_born_before_one_that_waits_in_the_same_lane() {
    let (shop, network) = (Fixture::new(), Network::with_room(0));
    let (process, mut exits) = Process::on(&shop, shop.store.clone(), Some(network.clone()));
    let first = process.payment(&shop).await;
    network.room.add_permits(5);
    let second = process.payment(&shop).await;
    assert_eq!(process.kept(&second).await.1, "queued");
    assert_eq!(process.kept(&process.other(&shop).await).await.1, "sending", "nothing waits there");
    assert_eq!(told(&mut exits), ([vec![first, second], vec![], vec![]], 1));
    // Both were taken up.
    let third = process.payment(&shop).await;
    assert_eq!(process.kept(&third).await.1, "sending");
}

#[tokio::test]
async fn of_a_commit_that_fails_nothing_is_told_or_sent_and_its_turn_is_free() {
    for room in [0, 3] {
        let (shop, network) = (Fixture::new(), Network::with_room(room));
        let door = Arc::new(Door { store: shop.store.clone(), ..Door::default() });
        let (process, mut exits) = Process::on(&shop, door.clone(), Some(network.clone()));
        door.is_broken.store(true, Ordering::Relaxed);
        for _ in 0..2 * MAX_OTHERS_SENDING {
            let session = SessionId::random(shop.entropy.as_ref()).unwrap();
            assert!(process.verifier.start_challenge(shop.access(session)).await.is_err());
        }
        assert_eq!(told(&mut exits), ([vec![], vec![], vec![]], 0));
        assert_eq!(network.room.available_permits(), room);
        door.is_broken.store(false, Ordering::Relaxed);
        let expected = if room == 0 { "queued" } else { "sending" };
        assert_eq!(process.kept(&process.other(&shop).await).await.1, expected);
    }
}

/// The store's answer is lost, or whoever waits for it goes away.
#[tokio::test]
async fn what_a_commit_left_of_which_nothing_is_known_is_sent_once() {
    for goes_away in [false, true] {
        let (shop, network) = (Fixture::new(), Network::with_room(20));
        let door = Arc::new(Door { store: shop.store.clone(), ..Door::default() });
        let (process, exits) = Process::on(&shop, door.clone(), Some(network.clone()));
        let stop = watch::Sender::new(false);
        let mut tasks = process.work(exits, &network, &stop);
        door.is_late.store(true, Ordering::Relaxed);
        door.is_broken.store(!goes_away, Ordering::Relaxed);
        door.is_shut.send_replace(goes_away);
        for _ in 0..5 {
            let session = SessionId::random(shop.entropy.as_ref()).unwrap();
            let access = process.verifier.start_challenge(shop.access(session));
            tokio::select! {
                biased;
                done = access => assert!(!goes_away && done.is_err()),
                () = std::future::ready(()) => assert!(goes_away),
            }
        }
        door.is_late.store(false, Ordering::Relaxed);
        door.is_broken.store(false, Ordering::Relaxed);
        door.is_shut.send_replace(false);
        network.until_taken(5).await;
        let is_message = |record: &Record| record.key.collection == "message";
        let messages = || shop.store.records().into_iter().filter(is_message);
        let all_sent = async {
            while !messages().all(|record| record.body.contains("\"sent\"")) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(Duration::from_secs(60), all_sent).await.is_ok());
        assert_eq!((messages().count(), network.taken().len()), (5, 5));
        stop.send_replace(true);
        while tasks.join_next().await.is_some() {}
        assert_eq!(network.room.available_permits(), 20);
    }
}

#[tokio::test]
async fn nobody_is_born_before_one_whose_claim_is_not_committed_yet() {
    let (shop, network) = (Fixture::new(), Network::with_room(0));
    let door = Arc::new(Door { store: shop.store.clone(), ..Door::default() });
    let (process, exits) = Process::on(&shop, door.clone(), Some(network.clone()));
    process.payment(&shop).await;
    let stop = watch::Sender::new(false);
    let mut tasks = process.work(exits, &network, &stop);
    door.is_shut.send_replace(true);
    network.room.add_permits(5);
    door.until_waited_at_by(1).await;
    assert_eq!(network.room.available_permits(), 4);
    let (gateway, purchase) = (Arc::clone(&process.gateway), shop.purchase("20.00"));
    let second =
        tokio::spawn(async move { gateway.start_payment(purchase, Batch::default()).await });
    door.until_waited_at_by(2).await;
    assert_eq!(network.room.available_permits(), 4, "it has a turn already");
    door.is_shut.send_replace(false);
    second.await.unwrap().unwrap();
    network.until_taken(2).await;
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
}

#[tokio::test]
async fn a_batch_whose_message_cannot_be_read_is_committed_or_refused_as_it_is() {
    let (shop, network) = (Fixture::new(), Network::with_room(1));
    let (process, mut exits) = Process::on(&shop, shop.store.clone(), Some(network));
    let id: MessageId = "msg_00000000000000000000000000000001".to_owned().try_into().unwrap();
    let record = Record {
        key: RecordKey { collection: "message", id: id.to_string() },
        version: Version::FIRST,
        due_at: None,
        final_at: None,
        body: "{}".to_owned(),
    };
    let batch = |inserts| Batch {
        inserts,
        messages: vec![(Lane::Payments, id.clone())],
        ..Batch::default()
    };
    assert!(process.store.commit(batch(vec![record.clone(), record.clone()])).await.is_err());
    assert_eq!(told(&mut exits), ([vec![], vec![], vec![]], 0));
    process.store.commit(batch(vec![record])).await.unwrap();
    assert_eq!(told(&mut exits), ([vec![id], vec![], vec![]], 0));
}

#[tokio::test]
async fn what_is_born_is_sent_and_settled_and_is_done_with_two_versions() {
    let (shop, network) = (Fixture::new(), Network::with_room(1));
    let (process, exits) = Process::on(&shop, shop.store.clone(), Some(network.clone()));
    let stop = watch::Sender::new(false);
    let mut tasks = process.work(exits, &network, &stop);
    for count in 1..=20 {
        let id = process.payment(&shop).await;
        network.until_taken(count).await;
        // The turn is free once it is settled.
        drop(network.room.acquire().await.unwrap());
        assert_eq!(process.kept(&id).await, (Version(2), "sent"));
    }
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
}

/// Committed one after the other, while the network is now and then full.
#[tokio::test]
async fn a_lane_is_fed_in_its_order_whether_messages_are_born_or_claimed() {
    for lane in [Lane::Payments, Lane::Others] {
        let (shop, network) = (Fixture::new(), Network::with_room(0));
        let (process, exits) = Process::on(&shop, shop.store.clone(), Some(network.clone()));
        let stop = watch::Sender::new(false);
        let mut tasks = process.work(exits, &network, &stop);
        let (mut expected, mut states) = (Vec::new(), BTreeSet::new());
        for round in 0..30 {
            let is_shut = round % 2 == 0;
            let shut = is_shut.then(|| Arc::clone(&network.room).try_acquire_owned());
            for _ in 0..round % 4 {
                let id = match lane {
                    Lane::Payments => process.payment(&shop).await,
                    Lane::Others | Lane::Operator => process.other(&shop).await,
                };
                states.insert(process.kept(&id).await.1);
                expected.push(id);
                // What is due at one time has no order.
                shop.clock.advance_seconds(1);
            }
            drop(shut);
            if round % 3 == 0 {
                sleep(Duration::from_millis(round)).await;
            }
            if round == 5 {
                network.room.add_permits(1);
            }
        }
        network.until_taken(expected.len()).await;
        assert_eq!(network.taken(), expected, "{lane:?}");
        assert!(states.contains("queued") && states.len() > 1, "{states:?}");
        // And now that nothing waits, it is as if nothing ever had.
        drop(network.room.acquire().await.unwrap());
        let id = process.payment(&shop).await;
        assert_ne!(process.kept(&id).await.1, "queued");
        stop.send_replace(true);
        while tasks.join_next().await.is_some() {}
    }
}

#[tokio::test]
async fn a_server_that_stops_sends_what_was_committed_as_being_sent_and_has_nothing_more_born() {
    let (shop, network) = (Fixture::new(), Network::with_room(3));
    let door = Arc::new(Door { store: shop.store.clone(), ..Door::default() });
    let (process, exits) = Process::on(&shop, door.clone(), Some(network.clone()));
    let process = Arc::new(process);
    let stop = watch::Sender::new(false);
    let mut tasks = process.work(exits, &network, &stop);
    // One is promised a turn, and its commit takes long.
    door.is_shut.send_replace(true);
    let request = shop.access(SessionId::random(shop.entropy.as_ref()).unwrap());
    let beginning = Arc::clone(&process);
    let begun = tokio::spawn(async move { beginning.verifier.start_challenge(request).await });
    while network.room.available_permits() == 3 {
        tokio::task::yield_now().await;
    }
    stop.send_replace(true);
    // The lanes end; the promise is waited for.
    for _ in 0..2 {
        sleep(Duration::from_millis(20)).await;
    }
    assert!(network.taken().is_empty());
    door.is_shut.send_replace(false);
    let begun = begun.await.unwrap().unwrap().done().unwrap();
    while tasks.join_next().await.is_some() {}
    assert_eq!(network.taken(), [begun.last_message().clone()]);
    assert_eq!(process.kept(begun.last_message()).await, (Version(2), "sent"));
    let late = process.payment(&shop).await;
    assert_eq!(process.kept(&late).await, (Version(1), "queued"));
    assert_eq!(network.room.available_permits(), 3);
}

/// A look at the outbox long after its lease finds it.
#[tokio::test]
async fn what_a_process_is_still_sending_is_not_taken_up_again_by_it() {
    let (shop, network) = (Fixture::new(), Network::with_room(1));
    let (process, mut exits) = Process::on(&shop, shop.store.clone(), Some(network.clone()));
    let id = process.payment(&shop).await;
    let handed = exits.born.try_recv().unwrap();
    shop.clock.advance_seconds(61);
    let shared =
        Arc::clone(&exits.lanes.iter().find(|exit| exit.shared.is_under_way(&id)).unwrap().shared);
    let (stop, network) = (watch::Sender::new(false), Network::with_room(1));
    let mut tasks = process.work(exits, &network, &stop);
    sleep(Duration::from_millis(600)).await;
    assert_eq!(process.kept(&id).await, (Version(1), "sending"));
    drop(handed);
    assert!(!shared.is_under_way(&id));
    let doubted = async {
        while process.kept(&id).await.1 != "unconfirmed" {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(Duration::from_secs(60), doubted).await.is_ok());
    assert!(network.taken().is_empty());
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
}

#[tokio::test]
async fn of_two_processes_on_one_store_one_sends_each_message() {
    let shop = Fixture::new();
    let stop = watch::Sender::new(false);
    let (mut tasks, mut processes, mut networks) = (JoinSet::new(), Vec::new(), Vec::new());
    for _ in 0..2 {
        let network = Network::with_room(1);
        let (process, exits) = Process::on(&shop, shop.store.clone(), Some(network.clone()));
        tasks.spawn(process.work(exits, &network, &stop).join_all());
        processes.push(process);
        networks.push(network);
    }
    let (mut expected, mut states) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..100 {
        for process in &processes {
            let id = process.payment(&shop).await;
            states.insert(process.kept(&id).await.1);
            expected.insert(id);
        }
        if number % 25 == 0 {
            // Long enough for each to look at what both have in the outbox.
            sleep(Duration::from_millis(300)).await;
        }
    }
    let all = || networks.iter().flat_map(|network| network.taken()).collect::<Vec<_>>();
    let done = async {
        while all().len() < expected.len() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(Duration::from_secs(60), done).await.is_ok());
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
    let taken = all();
    assert_eq!(taken.len(), expected.len(), "some were sent twice");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(states.contains("queued") && states.len() > 1, "{states:?}");
}
