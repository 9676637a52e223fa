//! What runs by itself: messages that are due are sent, payments that were left alone are resumed.

use std::{
    collections::HashSet,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign_domain::{
    error::Error, gateway::Gateway, id::MessageId, outbox::Outbox, ports::Messenger,
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};

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
/// Messages sent at once; the driver's window bounds them further.
const MAX_SENDING: usize = 256;
/// Payments taken up in one look.
const PAYMENTS_AT_ONCE: usize = 64;

/// Sends what was `committed` and what is due until `stop` turns true, then waits for what is being sent.
pub(crate) async fn send_messages(
    outbox: Arc<Outbox>,
    messenger: Arc<impl Messenger + 'static>,
    mut committed: mpsc::Receiver<MessageId>,
    mut stop: watch::Receiver<bool>,
) {
    let sending = Arc::new(Sending { outbox, messenger, under_way: Mutex::default() });
    let places = Arc::new(Semaphore::new(MAX_SENDING));
    let mut looks = interval(OUTBOX_PAUSE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let new = tokio::select! {
            Some(id) = committed.recv() => Some(id),
            _ = looks.tick() => None,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let due = match new {
            Some(id) => vec![id],
            None => sending.due().await,
        };
        for id in due {
            sending.send(id, &places).await;
        }
    }
    if let Ok(all) = u32::try_from(MAX_SENDING) {
        drop(places.acquire_many(all).await);
    }
}

/// What is being sent by this process.
struct Sending<M> {
    outbox: Arc<Outbox>,
    messenger: Arc<M>,
    /// A message that was announced is due until it is claimed: it need not be taken up twice.
    under_way: Mutex<HashSet<MessageId>>,
}

impl<M: Messenger + 'static> Sending<M> {
    async fn due(&self) -> Vec<MessageId> {
        let due = self.outbox.due(MAX_SENDING).await;
        due.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read the outbox");
            Vec::new()
        })
    }

    /// Waits for a place, and begins.
    async fn send(self: &Arc<Self>, id: MessageId, places: &Arc<Semaphore>) {
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            return;
        };
        if !self.under_way().insert(id.clone()) {
            return;
        }
        let sending = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = sending.outbox.send(&id, sending.messenger.as_ref()).await {
                tracing::error!(message_id = %id, %error, "cannot send a message now");
            }
            sending.under_way().remove(&id);
            drop(place);
        });
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<MessageId>> {
        // Nothing that holds it can panic half way.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resumes payments until `stop` turns true.
pub(crate) async fn resume_payments(gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>) {
    loop {
        let resumed: Result<usize, Error> = gateway.resume(PAYMENTS_AT_ONCE).await;
        if let Err(error) = resumed {
            tracing::error!(%error, "cannot resume payments");
        }
        tokio::select! {
            () = sleep(PAYMENTS_PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

/// Waits until all of them have ended.
pub(crate) async fn ended(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task has failed");
        }
    }
}
