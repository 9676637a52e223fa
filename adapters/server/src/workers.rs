//! What runs by itself: messages that are due are sent, payments that were left alone are resumed.

use std::{
    collections::{HashMap, VecDeque},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use countersign_domain::{
    error::Error,
    gateway::Gateway,
    id::PaymentId,
    outbox::{Born, Outbox},
    ports::{Messenger, Turn},
};
use tokio::{
    sync::{mpsc, watch},
    task::{self, JoinError, JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
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
/// Payments resumed side by side: far fewer than the questions that may wait for the bank (`window`), so that payers are served
/// while it answers none of these.
const PAYMENTS_SIDE_BY_SIDE: usize = 8;
/// Between two looks at payments while there are more: those who pay now commit, too.
const PAYMENTS_REST: Duration = Duration::from_millis(10);
/// How often messages are looked for that may have been committed, and how many times: half a minute, in which a store that
/// was away for a moment is back, and a commit under way is done.
const DOUBTED_PAUSE: Duration = Duration::from_secs(1);
const DOUBTED_LOOKS: u8 = 30;
/// Messages that are looked for at once: what one commit of many callers may leave.
const DOUBTED_AT_ONCE: usize = 1024;

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
                match sending.due().await {
                    Ok(due) => line = due.into(),
                    // What waits still waits.
                    Err(error) => tracing::error!(%error, "cannot read the outbox"),
                }
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

/// Looks for what would have been born by commits of which nothing is known, and puts what is there back in its line, where the
/// next look at the outbox finds it. What has not come for long enough was not committed; and what is left when `stop` turns
/// true ends unconfirmed, as after a crash.
pub(crate) async fn look_for_doubted(
    mut doubted: mpsc::Receiver<Born>,
    outbox: Arc<Outbox>,
    mut stop: watch::Receiver<bool>,
) {
    let mut looks = interval(DOUBTED_PAUSE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            Some(born) = doubted.recv(), if waiting.len() < DOUBTED_AT_ONCE => {
                waiting.push((born, DOUBTED_LOOKS));
                continue;
            }
            _ = looks.tick(), if !waiting.is_empty() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        let mut left = Vec::new();
        for (born, looks) in std::mem::take(&mut waiting) {
            if *stop.borrow() {
                return;
            }
            let is_over = outbox.put_back_born(&born).await.unwrap_or_else(|error| {
                tracing::warn!(message_id = %born.id(), %error, "cannot look for a message yet");
                false
            });
            let looks: u8 = looks.saturating_sub(1);
            if !is_over && looks > 0 {
                left.push((born, looks));
            }
        }
        waiting = left;
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
    async fn due(&self) -> Result<Vec<Waiting>, Error> {
        let mut due = self.outbox.due_in(self.shared.lane(), LOOK_AT).await?;
        due.retain(|id| !self.shared.is_under_way(id));
        Ok(due.into_iter().map(|id| self.shared.waits(id)).collect())
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
            // It waits until it is claimed: none is born before it.
            let sent = sending.outbox.send_first(&id, first, sending.messenger.as_ref());
            if let Err(error) = sent.await {
                tracing::error!(message_id = %id, %error, "cannot send a message now");
            }
            drop((under_way, turn, place));
        });
    }
}

/// Resumes payments until `stop` turns true, then waits for those that are under way: a few side by side, as their commits share
/// syncs. One for which the bank does not answer keeps its place, and holds up no others as long as there are places.
pub(crate) async fn resume_payments(gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>) {
    let mut resuming = Resuming { next_look: Some(Instant::now()), ..Resuming::default() };
    loop {
        let next_look = resuming.next_look;
        let ended = tokio::select! {
            Some(ended) = resuming.tasks.join_next_with_id() => Some(ended),
            () = sleep_until(next_look.unwrap_or_else(Instant::now)), if next_look.is_some() => None,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match ended {
            Some(ended) => resuming.ended(ended),
            None => resuming.look(&gateway).await,
        }
        resuming.fill(&gateway);
    }
    while let Some(ended) = resuming.tasks.join_next_with_id().await {
        resuming.ended(ended);
    }
}

/// Payments that are being resumed, and those of the last look that are to be.
#[derive(Default)]
struct Resuming {
    line: VecDeque<PaymentId>,
    tasks: JoinSet<bool>,
    under_way: HashMap<task::Id, PaymentId>,
    /// Whether the last look found a whole page, and how many could be resumed since.
    is_page: bool,
    resumed: usize,
    /// None as long as there is a line.
    next_look: Option<Instant>,
}

impl Resuming {
    async fn look(&mut self, gateway: &Gateway) {
        let due = gateway.due(PAYMENTS_AT_ONCE).await.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot resume payments");
            Vec::new()
        });
        (self.is_page, self.resumed, self.next_look) = (due.len() == PAYMENTS_AT_ONCE, 0, None);
        // What is under way is due until it is leased.
        let is_new = |id: &PaymentId| self.under_way.values().all(|known| known != id);
        self.line = due.into_iter().filter(is_new).collect();
    }

    /// Begins with as many as there are places for, in their order. After the last it is a while to the next look: a short one
    /// while there are more, as all that were captured are looked at once again, when they can be credited no longer, and that
    /// must go as fast as payments are made; but not where none could be resumed.
    fn fill(&mut self, gateway: &Arc<Gateway>) {
        while self.tasks.len() < PAYMENTS_SIDE_BY_SIDE
            && let Some(id) = self.line.pop_front()
        {
            let (gateway, resumed) = (Arc::clone(gateway), id.clone());
            let task = self.tasks.spawn(async move { gateway.resume_one(&resumed).await });
            self.under_way.insert(task.id(), id);
        }
        if self.line.is_empty() && self.next_look.is_none() {
            let has_more = self.is_page && self.resumed > 0;
            let pause = if has_more { PAYMENTS_REST } else { PAYMENTS_PAUSE };
            self.next_look = Some(Instant::now() + pause);
        }
    }

    /// Takes note of one that has ended, be it by a panic.
    fn ended(&mut self, ended: Result<(task::Id, bool), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let payment = self.under_way.remove(&id);
        match ended {
            Ok((_, true)) => self.resumed = self.resumed.saturating_add(1),
            Ok((_, false)) => {}
            Err(error) => {
                let payment = payment.as_ref().map(tracing::field::display);
                tracing::error!(payment, %error, "resuming a payment has failed");
            }
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

#[cfg(test)]
mod tests;
