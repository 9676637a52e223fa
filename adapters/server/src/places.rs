//! Places for what is done at once, so many in all and so many for each network that somebody comes from.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Where somebody comes from: an IPv4 address, or an IPv6 /64, all of which a subscriber has (RFC 6177).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _in_all: OwnedSemaphorePermit,
    _of_network: Option<OwnedSemaphorePermit>,
}

/// A place among all, taken before it is known who comes.
#[derive(Debug)]
pub(crate) struct Reserved(OwnedSemaphorePermit);

/// So many in all, and for each network.
#[derive(Debug)]
pub(crate) struct Places {
    in_all: Arc<Semaphore>,
    max: u32,
    /// Networks that hold a place, or wait for one.
    networks: Mutex<HashMap<Network, Weak<Semaphore>>>,
    max_for_each: usize,
    /// Many people come from there: no bound but that of all.
    exempt: Vec<Network>,
}

impl Places {
    pub(crate) fn new(max: u32, max_for_each: u32, exempt: &[IpAddr]) -> Self {
        let count = |count| usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            in_all: Arc::new(Semaphore::new(count(max))),
            max,
            networks: Mutex::default(),
            max_for_each: count(max_for_each),
            exempt: exempt.iter().copied().map(Network::from).collect(),
        }
    }

    /// Waits for a place among all; `None` never comes, as no places are closed.
    pub(crate) async fn reserve(&self) -> Option<Reserved> {
        Arc::clone(&self.in_all).acquire_owned().await.ok().map(Reserved)
    }

    /// Makes a reserved place that network's, unless it has all that it may have.
    pub(crate) fn give(&self, Reserved(in_all): Reserved, peer: IpAddr) -> Option<Place> {
        let of_network = match self.of(peer) {
            None => None,
            Some(places) => Some(places.try_acquire_owned().ok()?),
        };
        Some(Place { _in_all: in_all, _of_network: of_network })
    }

    /// A place now, or none.
    pub(crate) fn take(&self, peer: IpAddr) -> Option<Place> {
        let in_all = Arc::clone(&self.in_all).try_acquire_owned().ok()?;
        self.give(Reserved(in_all), peer)
    }

    /// Waits for a place: first behind those of the same network, so that they take nothing from others meanwhile.
    pub(crate) async fn wait(&self, peer: IpAddr) -> Option<Place> {
        let of_network = match self.of(peer) {
            None => None,
            Some(places) => Some(places.acquire_owned().await.ok()?),
        };
        let Reserved(in_all) = self.reserve().await?;
        Some(Place { _in_all: in_all, _of_network: of_network })
    }

    /// How many are held.
    pub(crate) fn held(&self) -> u32 {
        let free = u32::try_from(self.in_all.available_permits()).unwrap_or(u32::MAX);
        self.max.saturating_sub(free)
    }

    /// Waits until none is held.
    pub(crate) async fn all_free(&self) {
        drop(self.in_all.acquire_many(self.max).await);
    }

    fn of(&self, peer: IpAddr) -> Option<Arc<Semaphore>> {
        let network = Network::from(peer);
        if self.exempt.contains(&network) {
            return None;
        }
        // Nothing that holds it can panic half way.
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = networks.get(&network).and_then(Weak::upgrade) {
            return Some(places);
        }
        // What is forgotten holds nothing. Looked for where the map would grow, so that the cost is shared by what came.
        if networks.len() == networks.capacity() {
            networks.retain(|_, places| places.strong_count() > 0);
        }
        let places = Arc::new(Semaphore::new(self.max_for_each));
        networks.insert(network, Arc::downgrade(&places));
        Some(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn a_network_has_so_many_places_and_another_has_its_own() {
        for (one, same, other) in [
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"),
        ] {
            let places = Places::new(8, 2, &[]);
            let held = [places.take(from(one)), places.take(from(same))];
            assert!(held.iter().all(Option::is_some), "{one}");
            assert!(places.take(from(one)).is_none(), "{one} has three");
            assert!(places.take(from(other)).is_some(), "{other} is kept out by {one}");
            drop(held);
            assert!(places.take(from(same)).is_some(), "{same} has none after all are free");
        }
    }

    #[test]
    fn an_exempt_address_is_bound_by_all_places_alone() {
        let places = Places::new(3, 1, &[from("10.0.0.5")]);
        let held: Vec<_> = (0..4).map_while(|_| places.take(from("10.0.0.5"))).collect();
        assert_eq!((held.len(), places.held()), (3, 3));
    }

    #[tokio::test]
    async fn a_network_that_waits_keeps_no_place_from_others() {
        let places = Places::new(2, 1, &[]);
        let held = places.wait(from("192.0.2.1")).await.unwrap();
        let mut waiting = Box::pin(places.wait(from("192.0.2.1")));
        let none = tokio::time::timeout(std::time::Duration::from_millis(20), &mut waiting).await;
        assert!(none.is_err(), "it did not wait");
        assert!(places.take(from("192.0.2.2")).is_some());
        drop(held);
        assert!(waiting.await.is_some());
    }

    #[test]
    fn networks_without_a_place_are_forgotten() {
        let places = Places::new(2, 1, &[]);
        for number in 0..10_000_u32 {
            assert!(places.take(IpAddr::from(number.to_be_bytes())).is_some());
        }
        assert!(places.networks.lock().unwrap().capacity() < 100);
    }
}
