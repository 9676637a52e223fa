//! The ways of new messages from their commits to those who send them, one for each lane.
//!
//! ```text
//!            nothing of the lane waits, and the network has a turn for it
//!   commit ----------------------------------------------------------------> born being sent, and sent
//!        \--- else ---> announced ---> the lane's line ---> its turn ---> claimed, and sent
//! ```
//!
//! Which way a message goes is decided before its commit, as it is committed in another state; it goes after it.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign_domain::{
    id::MessageId,
    lane::Lane,
    outbox::Born,
    ports::{Messenger, Turn},
    record::Batch,
    time::Timestamp,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Messages of one lane that may wait to be taken up.
const MAX_ANNOUNCED: usize = 1024;
/// Messages of payments sent at once; the driver's window bounds them further.
pub(crate) const MAX_PAYMENTS_SENDING: u32 = 256;
/// Others sent at once: so many at most are before a payment's in the driver, whose window and rate all share.
pub(crate) const MAX_OTHERS_SENDING: u32 = 8;
/// Messages that are born being sent and not taken up yet: whatever has a place has room.
const MAX_BORN: usize = 1024;

/// What those who commit and those who send know of a lane.
pub(crate) struct Shared {
    lane: Lane,
    places: Arc<Semaphore>,
    max_sending: u32,
    /// Messages that are announced, or are to be when they are committed, or stand in the line.
    waiting: AtomicUsize,
    under_way: Mutex<HashSet<MessageId>>,
}

/// A place among the messages of a lane that are being sent.
pub(crate) type Place = OwnedSemaphorePermit;

impl Shared {
    fn of(lane: Lane) -> Arc<Self> {
        let max_sending = match lane {
            Lane::Payments | Lane::Operator => MAX_PAYMENTS_SENDING,
            Lane::Others => MAX_OTHERS_SENDING,
        };
        let places = Arc::new(Semaphore::new(usize::try_from(max_sending).unwrap_or(1)));
        let (waiting, under_way) = (AtomicUsize::default(), Mutex::default());
        Arc::new(Self { lane, places, max_sending, waiting, under_way })
    }

    pub(crate) const fn lane(&self) -> Lane {
        self.lane
    }

    /// A message that waits, from before its commit until it is claimed. As long as one of the lane does, none is born being
    /// sent: it would be before it. Those that only a look at the outbox finds are counted from that look on: what the network
    /// put back, what another process left, and what there was no room to announce.
    pub(crate) fn waits(self: &Arc<Self>, id: MessageId) -> Waiting {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Waiting { id, lane: Arc::clone(self) }
    }

    /// Waits for a place.
    pub(crate) async fn place(&self) -> Option<Place> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// A place, where nothing waits for it.
    fn place_at_once(&self) -> Option<Place> {
        let is_free = self.waiting.load(Ordering::SeqCst) == 0;
        is_free.then(|| Arc::clone(&self.places).try_acquire_owned().ok()).flatten()
    }

    /// Begins to send a message, unless this process is at it already.
    pub(crate) fn begin(self: &Arc<Self>, id: &MessageId) -> Option<UnderWay> {
        let is_new = locked(&self.under_way).insert(id.clone());
        is_new.then(|| UnderWay { id: id.clone(), lane: Arc::clone(self) })
    }

    /// Whether this process is sending that message.
    pub(crate) fn is_under_way(&self, id: &MessageId) -> bool {
        locked(&self.under_way).contains(id)
    }

    /// Waits until nothing is being sent.
    pub(crate) async fn until_quiet(&self) {
        drop(self.places.acquire_many(self.max_sending).await);
    }
}

/// A message that waits to be sent, counted for as long.
pub(crate) struct Waiting {
    pub(crate) id: MessageId,
    lane: Arc<Shared>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.lane.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A message that this process is sending: it need not be taken up twice, however long it takes.
pub(crate) struct UnderWay {
    id: MessageId,
    lane: Arc<Shared>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        locked(&self.lane.under_way).remove(&self.id);
    }
}

fn locked(messages: &Mutex<HashSet<MessageId>>) -> MutexGuard<'_, HashSet<MessageId>> {
    // Nothing that holds it can panic half way.
    messages.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message that was committed as being sent, with its place and its turn.
pub(crate) struct Handed {
    pub(crate) born: Born,
    pub(crate) under_way: UnderWay,
    pub(crate) turn: Turn,
    pub(crate) place: Place,
}

/// The end of a lane at which messages are committed.
struct Entrance {
    shared: Arc<Shared>,
    announced: mpsc::Sender<Waiting>,
}

/// The end of a lane at which they are sent.
pub(crate) struct Exit {
    pub(crate) shared: Arc<Shared>,
    pub(crate) announced: mpsc::Receiver<Waiting>,
}

fn open(lane: Lane) -> (Entrance, Exit) {
    let (announce, announced) = mpsc::channel(MAX_ANNOUNCED);
    let shared = Shared::of(lane);
    (Entrance { shared: Arc::clone(&shared), announced: announce }, Exit { shared, announced })
}

/// Where messages are committed.
pub(crate) struct Entrances {
    payments: Entrance,
    others: Entrance,
    operator: Entrance,
    born: mpsc::Sender<Handed>,
    doubted: mpsc::Sender<Born>,
    /// The way to the phones, where it is configured.
    messenger: Option<Arc<dyn Messenger>>,
}

/// Where they are sent.
pub(crate) struct Exits {
    pub(crate) lanes: [Exit; 3],
    pub(crate) born: mpsc::Receiver<Handed>,
    /// What would have been born, by commits of which nothing is known.
    pub(crate) doubted: mpsc::Receiver<Born>,
}

/// All lanes, to that network.
pub(crate) fn all(messenger: Option<Arc<dyn Messenger>>) -> (Entrances, Exits) {
    let (born, handed) = mpsc::channel(MAX_BORN);
    let (doubted, looked_for) = mpsc::channel(MAX_BORN);
    let (payments, of_payments) = open(Lane::Payments);
    let (others, of_others) = open(Lane::Others);
    let (operator, of_operator) = open(Lane::Operator);
    let lanes = [of_payments, of_others, of_operator];
    let entrances = Entrances { payments, others, operator, born, doubted, messenger };
    (entrances, Exits { lanes, born: handed, doubted: looked_for })
}

/// Where a message goes once it is committed. When it is dropped instead, all that was kept for it is free.
#[must_use]
enum Way {
    /// It is sent at once.
    Born(mpsc::OwnedPermit<Handed>, Box<Handed>),
    /// It is announced to its lane.
    Announced(mpsc::Sender<Waiting>, Waiting),
}

impl Entrances {
    /// The ways of the messages that this batch inserts. Those that go at once are changed in the batch: they are to be committed
    /// as being sent.
    pub(crate) fn ways(&self, batch: &mut Batch, now: Timestamp) -> Ways<'_> {
        let messages = batch.messages.clone();
        let ways = messages.into_iter().map(|(lane, id)| self.way(lane, id, batch, now)).collect();
        Ways { ways, doubted: &self.doubted }
    }

    /// The way of a message that this batch inserts.
    fn way(&self, lane: Lane, id: MessageId, batch: &mut Batch, now: Timestamp) -> Way {
        let entrance = match lane {
            Lane::Payments => &self.payments,
            Lane::Others => &self.others,
            Lane::Operator => &self.operator,
        };
        self.born(&entrance.shared, &id, batch, now).unwrap_or_else(|| {
            Way::Announced(entrance.announced.clone(), entrance.shared.waits(id))
        })
    }

    fn born(
        &self,
        lane: &Arc<Shared>,
        id: &MessageId,
        batch: &mut Batch,
        now: Timestamp,
    ) -> Option<Way> {
        let messenger = self.messenger.as_ref()?;
        let place = lane.place_at_once()?;
        // None when the server stops: then nobody would take it up.
        let room = self.born.clone().try_reserve_owned().ok()?;
        let turn = messenger.try_turn(lane.lane)?;
        let under_way = lane.begin(id)?;
        let born = Born::in_batch(batch, id, now).unwrap_or_else(|error| {
            tracing::error!(message_id = %id, %error, "a batch whose message cannot be read");
            None
        })?;
        Some(Way::Born(room, Box::new(Handed { born, under_way, turn, place })))
    }
}

/// The ways of a batch's messages, until it is known what became of its commit. It may never be: the store does not answer, or
/// whoever waited for the answer goes away. Then what would be sent at once, and by nobody else, is looked for.
#[must_use]
pub(crate) struct Ways<'a> {
    ways: Vec<Way>,
    doubted: &'a mpsc::Sender<Born>,
}

impl Ways<'_> {
    /// The batch is committed.
    pub(crate) fn go(mut self) {
        std::mem::take(&mut self.ways).into_iter().for_each(Way::go);
    }

    /// Nothing of the batch is committed.
    pub(crate) fn end(mut self) {
        self.ways.clear();
    }
}

impl Drop for Ways<'_> {
    fn drop(&mut self) {
        for way in std::mem::take(&mut self.ways) {
            match way {
                // With no room for one more, it ends unconfirmed, as after a crash.
                Way::Born(_, handed) => drop(self.doubted.try_send(handed.born)),
                // The next look at the outbox finds it.
                Way::Announced(..) => {}
            }
        }
    }
}

impl Way {
    /// Sends it on its way, now that it is committed.
    fn go(self) {
        match self {
            Self::Born(room, handed) => drop(room.send(*handed)),
            // Where there is no room for it, the next look at the outbox finds it.
            Self::Announced(announced, waiting) => drop(announced.try_send(waiting)),
        }
    }
}
