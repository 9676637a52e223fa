//! Clients that work at once, without a pause or at a rate.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::shop::{Shop, Till, Times};

/// Clients at once.
pub const CLIENTS: u32 = 32;

/// What all clients do for a while, each with a person and a phone of its own: one deed after the other, or one begun in each `gap`. A deed is given an amount that
/// nobody else pays at the same time: by it the centre knows whose code it is.
#[expect(clippy::missing_panics_doc, reason = "a client that cannot connect ends the program")]
pub async fn load<D, F>(
    shop: &Arc<Shop>,
    time: Duration,
    gap: Option<Duration>,
    deed: D,
) -> Vec<Times>
where
    D: Fn(Arc<Shop>, Till, String) -> F + Clone + Send + 'static,
    F: Future<Output = (Till, Times)> + Send,
{
    let mut tills = Vec::new();
    for client in 0..CLIENTS {
        #[expect(clippy::unwrap_used, reason = "a client that cannot connect ends the program")]
        tills.push((client, shop.till_of(client).await.unwrap()));
    }
    let begun = Instant::now();
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
    clients.join_all().await.into_iter().flatten().collect()
}
