//! What runs by itself: messages that are due are sent, payments that were left alone are resumed.

use std::{
    collections::VecDeque,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use countersign_domain::{
    error::Error,
    gateway::Gateway,
    id::PaymentId,
    outbox::Outbox,
    ports::{Messenger, Turn},
};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval, sleep},
};

use crate::lanes::{Exit, Handed, Place, Shared, Waiting};

/// What runs beside the listeners, once it is spawned.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// When a server ends.
#[derive(Clone)]
pub(crate) struct Signals {
    /// Turns true when nothing new is to be begun.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Turns true when all that was begun has ended.
    pub(crate) closing: watch::Receiver<bool>,
}

/// How often the outbox is looked at: for messages to be sent again, and for those of a process that has died. New ones
/// are announced.
const OUTBOX_PAUSE: Duration = Duration::from_millis(250);
/// How often payments are looked at: they wait for seconds at least.
const PAYMENTS_PAUSE: Duration = Duration::from_millis(500);
/// Messages that are looked at for those that are due in a lane: more than the other lane's limits let wait.
const LOOK_AT: usize = 4096;
/// The outbox is looked at when no more than so many wait in the line: with more, there is enough to do.
const LOOK_BELOW: usize = 16;
/// Payments taken up in one look.
const PAYMENTS_AT_ONCE: usize = 64;

/// Sends what of a lane was announced and what of it is due until `stop` turns true, then waits for what is being sent.
pub(crate) async fn send_messages(
    exit: Exit,
    outbox: Arc<Outbox>,
    messenger: Arc<impl Messenger + 'static>,
    mut stop: watch::Receiver<bool>,
) {
    let Exit { shared, mut announced } = exit;
    let sending = Arc::new(Sending { shared, outbox, messenger });
    let mut looks = interval(OUTBOX_PAUSE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut line = VecDeque::new();
    // Kept from one step to the next, so that a wait for a turn does not begin anew with each look.
    let mut turn = pin!(sending.turn());
    loop {
        let step = tokio::select! {
            Some(new) = announced.recv() => Step::New(new),
            _ = looks.tick(), if line.len() <= LOOK_BELOW => Step::Look,
            (turn, place) = &mut turn, if !line.is_empty() => Step::Send(turn, place),
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match step {
            Step::New(new) => line.push_back(new),
            // What is due is in its order; what was announced is among it.
            Step::Look => {
                line = sending.due().await.into();
                if line.is_empty() {
                    // Nothing may hold a turn that nobody needs.
                    turn.set(sending.turn());
                }
            }
            Step::Send(granted, place) => {
                turn.set(sending.turn());
                if let Some(first) = line.pop_front() {
                    sending.send(first, granted, place);
                }
            }
        }
    }
    turn.set(sending.turn());
    sending.shared.until_quiet().await;
}

/// Sends what is born being sent. Apart from the lanes, so that it waits for none of their looks at the store; and when `stop`
/// turns true until the end of what was promised a turn before: once committed it is sent by nobody else.
pub(crate) async fn send_born(
    mut handed: mpsc::Receiver<Handed>,
    lanes: Vec<Arc<Shared>>,
    outbox: Arc<Outbox>,
    messenger: Arc<impl Messenger + 'static>,
    mut stop: watch::Receiver<bool>,
) {
    let send = |Handed { born, under_way, turn, place }| {
        let (outbox, messenger) = (Arc::clone(&outbox), Arc::clone(&messenger));
        tokio::spawn(async move {
            let id = born.id().clone();
            if let Err(error) = outbox.send_born(born, messenger.as_ref()).await {
                tracing::error!(message_id = %id, %error, "cannot send a message now");
            }
            drop((under_way, turn, place));
        });
    };
    loop {
        tokio::select! {
            Some(born) = handed.recv() => send(born),
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    handed.close();
    while let Some(born) = handed.recv().await {
        send(born);
    }
    for lane in lanes {
        lane.until_quiet().await;
    }
}

/// What a lane does next.
enum Step {
    New(Waiting),
    Look,
    Send(Turn, Option<Place>),
}

/// What of a lane is being sent by this process.
struct Sending<M> {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    messenger: Arc<M>,
}

impl<M: Messenger + 'static> Sending<M> {
    async fn due(&self) -> Vec<Waiting> {
        let due = self.outbox.due_in(self.shared.lane(), LOOK_AT).await;
        let mut due = due.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read the outbox");
            Vec::new()
        });
        due.retain(|id| !self.shared.is_under_way(id));
        due.into_iter().map(|id| self.shared.waits(id)).collect()
    }

    /// Waits for a place here, and for a turn at the network: what has none yet stays in the line.
    async fn turn(&self) -> (Turn, Option<Place>) {
        let place = self.shared.place().await;
        (self.messenger.turn(self.shared.lane()).await, place)
    }

    /// Begins, unless that message is under way already.
    fn send(self: &Arc<Self>, first: Waiting, turn: Turn, place: Option<Place>) {
        // One that was announced is due until it is claimed.
        let Some(under_way) = self.shared.begin(&first.id) else {
            return;
        };
        let (sending, id) = (Arc::clone(self), first.id.clone());
        tokio::spawn(async move {
            if let Err(error) = sending.outbox.send(&id, sending.messenger.as_ref()).await {
                tracing::error!(message_id = %id, %error, "cannot send a message now");
            }
            drop((under_way, turn, place));
        });
    }
}

/// Resumes payments until `stop` turns true. There is no pause while there are more: all that were captured are looked at once
/// again, when they can be credited no longer, and that must go as fast as payments are made.
pub(crate) async fn resume_payments(gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>) {
    loop {
        let resumed = resume_due(&gateway).await.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot resume payments");
            0
        });
        let pause = if resumed < PAYMENTS_AT_ONCE { PAYMENTS_PAUSE } else { Duration::ZERO };
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

/// Resumes some payments that are due, side by side: their commits share syncs, and a bank that does not answer for one holds up
/// no other. Tells of how many it could.
async fn resume_due(gateway: &Arc<Gateway>) -> Result<usize, Error> {
    let due = gateway.due(PAYMENTS_AT_ONCE).await?;
    let resume = |id: PaymentId| {
        let gateway = Arc::clone(gateway);
        async move { gateway.resume_one(&id).await }
    };
    let resumed = due.into_iter().map(resume).collect::<JoinSet<_>>().join_all().await;
    Ok(resumed.into_iter().filter(|resumed| *resumed).count())
}

/// Waits until all of them have ended.
pub(crate) async fn ended(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task has failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use countersign_domain::{
        id::{MessageId, SessionId},
        lane::Lane,
        message::{Accepted, OutboundMessage, SendError},
        ports::Clock as _,
        record::Batch,
        testing::Fixture,
    };
    use tokio::{sync::Semaphore, time::timeout};

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

    #[tokio::test]
    async fn of_payments_that_are_due_a_page_is_resumed_at_once_and_the_rest_with_the_next_look() {
        let shop = Fixture::new();
        for _ in 0..=PAYMENTS_AT_ONCE {
            shop.gateway.start_payment(shop.purchase("49.90"), Batch::default()).await.unwrap();
        }
        shop.clock.advance_seconds(86_400);
        for resumed in [PAYMENTS_AT_ONCE, 1, 0] {
            assert_eq!(resume_due(&shop.gateway).await, Ok(resumed));
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
            announces.way(lane, id.clone(), &mut Batch::default(), shop.clock.now()).go();
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
}
