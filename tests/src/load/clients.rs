//! Clients that work at once, without a pause or at a rate.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    machine::cpu_seconds,
    shop::{Shop, Till, Times},
};

/// Clients at once.
pub const CLIENTS: u32 = 32;

/// What clients did, and what it took: from the first deed to the last, as connecting and enrolling them is no part of it.
pub struct Done {
    /// Of each deed.
    pub times: Vec<Times>,
    seconds: f64,
    cpu_seconds: f64,
}

impl Done {
    /// Deeds a second.
    pub fn rate(&self) -> f64 {
        self.count() / self.seconds
    }

    /// The server's CPU for each deed, in microseconds.
    pub fn cpu_micros(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.count()
    }

    /// One part of each, in seconds.
    pub fn seconds(&self, part: impl Fn(&Times) -> f64) -> Vec<f64> {
        self.times.iter().map(part).collect()
    }

    fn count(&self) -> f64 {
        self.times.len() as f64
    }
}

/// What all clients do for a while, each with a person and a phone of its own: one deed after the other, or one begun in each `gap`. A deed is given an amount that
/// nobody else pays at the same time: by it the centre knows whose code it is.
#[expect(clippy::missing_panics_doc, reason = "a client that cannot connect ends the program")]
pub async fn load<D, F>(shop: &Arc<Shop>, time: Duration, gap: Option<Duration>, deed: D) -> Done
where
    D: Fn(Arc<Shop>, Till, String) -> F + Clone + Send + 'static,
    F: Future<Output = (Till, Times)> + Send,
{
    let mut tills = Vec::new();
    for client in 0..CLIENTS {
        #[expect(clippy::unwrap_used, reason = "a client that cannot connect ends the program")]
        tills.push((client, shop.till_of(client).await.unwrap()));
    }
    let (before, begun) = (cpu_seconds(shop.process()), Instant::now());
    let mut clients = JoinSet::new();
    for (client, mut till) in tills {
        let (shop, deed) = (Arc::clone(shop), deed.clone());
        clients.spawn(async move {
            let amount = format!("{}.00", 100 + client);
            let mut times = Vec::new();
            let mut next = begun + gap.unwrap_or_default() * client / CLIENTS;
            while begun.elapsed() < time {
                if let Some(gap) = gap {
                    sleep_until(next).await;
                    next += gap;
                }
                let took;
                (till, took) = deed(Arc::clone(&shop), till, amount.clone()).await;
                times.push(took);
            }
            times
        });
    }
    let times = clients.join_all().await.into_iter().flatten().collect();
    let seconds = begun.elapsed().as_secs_f64();
    Done { times, seconds, cpu_seconds: cpu_seconds(shop.process()) - before }
}
