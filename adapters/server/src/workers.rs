//! What goes on by itself: messages that are due, payments that somebody left alone.

use std::{sync::Arc, time::Duration};

use countersign_domain::{
    error::Error, gateway::Gateway, id::MessageId, outbox::Outbox, ports::Messenger,
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::sleep,
};

/// How often the outbox is looked at. A person waits for the message; the look is one indexed read.
const OUTBOX_PAUSE: Duration = Duration::from_millis(50);
/// How often payments are looked at: they wait for seconds at least.
const PAYMENTS_PAUSE: Duration = Duration::from_millis(500);
/// Messages sent at once; the driver's window bounds them further.
const MAX_SENDING: usize = 256;
/// Payments taken up in one look.
const PAYMENTS_AT_ONCE: usize = 64;

/// Sends what is due until `stop` turns true, then waits for what is being sent.
pub(crate) fn send_messages(
    outbox: Arc<Outbox>,
    messenger: Arc<impl Messenger + 'static>,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(MAX_SENDING));
        loop {
            match outbox.due(places.available_permits()).await {
                Ok(due) => send(due, &outbox, &messenger, &places).await,
                Err(error) => tracing::error!(%error, "the outbox cannot be read"),
            }
            tokio::select! {
                () = sleep(OUTBOX_PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        if let Ok(all) = u32::try_from(MAX_SENDING) {
            drop(places.acquire_many(all).await);
        }
    })
}

async fn send(
    due: Vec<MessageId>,
    outbox: &Arc<Outbox>,
    messenger: &Arc<impl Messenger + 'static>,
    places: &Arc<Semaphore>,
) {
    for id in due {
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            return;
        };
        let (outbox, messenger) = (Arc::clone(outbox), Arc::clone(messenger));
        tokio::spawn(async move {
            if let Err(error) = outbox.send(&id, messenger.as_ref()).await {
                tracing::error!(message_id = %id, %error, "a message cannot be sent now");
            }
            drop(place);
        });
    }
}

/// Goes on with payments until `stop` turns true.
pub(crate) fn resume_payments(
    gateway: Arc<Gateway>,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let resumed: Result<usize, Error> = gateway.resume(PAYMENTS_AT_ONCE).await;
            if let Err(error) = resumed {
                tracing::error!(%error, "payments cannot be gone on with");
            }
            tokio::select! {
                () = sleep(PAYMENTS_PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
    })
}
