//! Which of a database's hosts a connection is made to: the first one that lets it in and can be written to, within a time
//! for each, whatever became of the others.

use std::{
    fmt, io,
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use tokio::{net::lookup_host, time::timeout};
use tokio_postgres::{
    Error,
    config::{Config, Host},
};

use super::{error::told, tls::Tls};

/// After which an address that does not answer is passed over for the next: time for one SYN that is lost.
pub(super) const ADDRESS_WITHIN: Duration = Duration::from_secs(2);

/// After which an address is passed over that has not let a connection in: one that accepts it and says nothing, as a server does
/// that stands still, is as good as dark.
pub(super) const LET_IN_WITHIN: Duration = Duration::from_secs(4);

/// What a URL without a port means.
pub(super) const USUAL_PORT: u16 = 5432;

/// Where a server listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Address {
    /// The name that its certificate must be of; a folder for a socket.
    host: Option<Host>,
    ip: Option<IpAddr>,
    port: u16,
}

/// Makes the connections of a pool.
pub(super) struct Hosts {
    config: Config,
    tls: Tls,
    /// Sent on each connection before it is used.
    settings: Option<&'static str>,
    /// Where the next connection is sought first.
    begin: Mutex<Begin>,
}

/// A connection, and where it leads.
pub(super) struct Connected {
    pub(super) client: ClientWrapper,
    pub(super) address: Address,
    /// What was asked on it and is not answered.
    pub(super) unanswered: AtomicUsize,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Begin {
    /// As the URL says.
    #[default]
    AtTheFirst,
    /// There: it let the last one in.
    At(Address),
    /// At the one behind it.
    Behind(Address),
}

impl Begin {
    /// The addresses in the order in which they are to be asked.
    fn order(&self, mut addresses: Vec<Address>) -> Vec<Address> {
        let place = |sought: &Address| addresses.iter().position(|address| address == sought);
        let first = match self {
            Self::AtTheFirst => None,
            Self::At(address) => place(address),
            Self::Behind(address) => place(address).map(|place| place.saturating_add(1)),
        };
        let first = first.unwrap_or_default().checked_rem(addresses.len()).unwrap_or_default();
        addresses.rotate_left(first);
        addresses
    }
}

/// Why no connection was made: of the address that was asked last.
#[derive(Debug)]
pub(super) enum Unreached {
    /// The names of the hosts have no address.
    Nowhere(io::Error),
    /// It does not answer in time.
    Silent,
    /// It answered so, or cannot be reached.
    Failed(Error),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere(error) => write!(f, "its address cannot be found: {error}"),
            Self::Silent => f.write_str("the server does not let a connection in"),
            Self::Failed(error) => f.write_str(&told(error)),
        }
    }
}

/// An address that is being asked. However that ends, also when nobody waits for it any more, the next connection is sought
/// accordingly; unless another has found out something newer meanwhile.
struct Asking<'a> {
    hosts: &'a Hosts,
    seen: Begin,
    then: Begin,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.hosts.move_on(&self.seen, &self.then);
    }
}

impl Hosts {
    pub(super) const fn of(config: Config, tls: Tls, settings: Option<&'static str>) -> Self {
        Self { config, tls, settings, begin: Mutex::new(Begin::AtTheFirst) }
    }

    /// The server there says nothing: if the next connection would be sought there, it is sought elsewhere first.
    pub(super) fn pass_over(&self, address: &Address) {
        self.move_on(&Begin::At(address.clone()), &Begin::Behind(address.clone()));
    }

    fn begin(&self) -> MutexGuard<'_, Begin> {
        self.begin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn move_on(&self, from: &Begin, to: &Begin) {
        let mut begin = self.begin();
        if *begin == *from {
            begin.clone_from(to);
        }
    }

    /// In time, or the address is passed over.
    async fn let_in(&self, address: &Address) -> Result<ClientWrapper, Unreached> {
        let config = config_of(&self.config, address);
        let connecting = async {
            let (client, connection) = config.connect(self.tls.clone()).await?;
            let carrying = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(cause = told(&error), "a connection to the database was lost");
                }
            });
            let client = ClientWrapper::new(client, carrying);
            if let Some(settings) = self.settings {
                client.batch_execute(settings).await?;
            }
            Ok(client)
        };
        // Boxed: it is seldom made, and every read would have room for it.
        let connected = timeout(LET_IN_WITHIN, Box::pin(connecting)).await;
        connected.map_err(|_| Unreached::Silent)?.map_err(Unreached::Failed)
    }
}

impl Manager for Hosts {
    type Type = Connected;
    type Error = Unreached;

    async fn create(&self) -> Result<Connected, Unreached> {
        let nowhere = io::Error::from(io::ErrorKind::AddrNotAvailable);
        let mut unreached = Unreached::Nowhere(nowhere);
        let addresses = addresses(&self.config).await?;
        let mut seen = self.begin().clone();
        for address in seen.order(addresses) {
            let then = Begin::Behind(address.clone());
            let mut asking = Asking { hosts: self, seen, then };
            match self.let_in(&address).await {
                Ok(client) => {
                    asking.then = Begin::At(address.clone());
                    return Ok(Connected { client, address, unanswered: AtomicUsize::new(0) });
                }
                Err(failed) => unreached = failed,
            }
            drop(asking);
            seen = Begin::Behind(address);
        }
        Err(unreached)
    }

    async fn recycle(&self, connected: &mut Connected, _: &Metrics) -> RecycleResult<Unreached> {
        if connected.client.is_closed() {
            return Err(RecycleError::message("it was lost"));
        }
        match connected.unanswered.load(Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err(RecycleError::message("its last answer was not waited for")),
        }
    }
}

/// All addresses of all hosts; an error only where none has any.
async fn addresses(config: &Config) -> Result<Vec<Address>, Unreached> {
    let (hosts, ips) = (config.get_hosts(), config.get_hostaddrs());
    let mut found = Vec::new();
    let mut unknown = None;
    for place in 0..hosts.len().max(ips.len()) {
        let (host, ip) = (hosts.get(place).cloned(), ips.get(place).copied());
        let port = port_of(config, place);
        let name = match (&host, ip) {
            (Some(Host::Tcp(name)), None) => name.clone(),
            _ => {
                found.push(Address { host, ip, port });
                continue;
            }
        };
        let looked_up = timeout(ADDRESS_WITHIN, lookup_host((name, port))).await;
        match looked_up.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(sockets) => found.extend(sockets.map(|socket| Address {
                host: host.clone(),
                ip: Some(socket.ip()),
                port,
            })),
            Err(error) => unknown = Some(error),
        }
    }
    match unknown {
        Some(error) if found.is_empty() => Err(Unreached::Nowhere(error)),
        Some(_) | None => Ok(found),
    }
}

/// One port is that of all hosts.
pub(super) fn port_of(config: &Config, place: usize) -> u16 {
    let ports = config.get_ports();
    ports.get(place).or_else(|| ports.first()).copied().unwrap_or(USUAL_PORT)
}

/// The same with one address only: a list of several has one time limit for all that is behind the connecting.
fn config_of(all: &Config, address: &Address) -> Config {
    let mut one = Config::new();
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(name) = all.get_application_name() {
        one.application_name(name);
    }
    if let Some(within) = all.get_connect_timeout() {
        one.connect_timeout(*within);
    }
    if let Some(within) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*within);
    }
    if let Some(interval) = all.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle())
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(all.get_target_session_attrs())
        .port(address.port);
    match &address.host {
        Some(Host::Tcp(name)) => one.host(name),
        #[cfg(unix)]
        Some(Host::Unix(folder)) => one.host_path(folder),
        None => &mut one,
    };
    if let Some(ip) = address.ip {
        one.hostaddr(ip);
    }
    one
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_connection_to_one_address_has_everything_of_the_url() {
        let url = "postgresql://me:secret@a.example:1,b.example:2/shop?hostaddr=192.0.2.1,192.0.2.2\
                   &options=-c%20geqo%3Doff&sslmode=require&sslnegotiation=direct&channel_binding=disable&connect_timeout=7\
                   &tcp_user_timeout=8&keepalives=0&keepalives_idle=9&keepalives_interval=10&keepalives_retries=11\
                   &application_name=till&target_session_attrs=read-write";
        let one = "postgresql://me:secret@b.example:2/shop?hostaddr=192.0.2.2\
                   &options=-c%20geqo%3Doff&sslmode=require&sslnegotiation=direct&channel_binding=disable&connect_timeout=7\
                   &tcp_user_timeout=8&keepalives=0&keepalives_idle=9&keepalives_interval=10&keepalives_retries=11\
                   &application_name=till&target_session_attrs=read-write";
        let [all, one] = [url, one].map(|url| url.parse::<Config>().unwrap());
        let addresses = addresses(&all).await.unwrap();
        assert_eq!(addresses.len(), 2);
        assert!(config_of(&all, &addresses[1]) == one);
    }

    /// With three hosts, and their addresses.
    async fn three() -> (Hosts, Vec<Address>) {
        let config = "host=a,b,c hostaddr=192.0.2.1,192.0.2.2,192.0.2.3".parse::<Config>().unwrap();
        let addresses = addresses(&config).await.unwrap();
        let tls = Tls::trusting(rustls::RootCertStore::empty()).unwrap();
        (Hosts::of(config, tls, None), addresses)
    }

    #[tokio::test]
    async fn the_next_connection_is_sought_where_the_last_was_found_and_behind_what_was_silent() {
        let (hosts, addresses) = three().await;
        let first = || hosts.begin().order(addresses.clone()).first().cloned();
        assert_eq!(first().as_ref(), addresses.first());
        *hosts.begin() = Begin::At(addresses[2].clone());
        assert_eq!(first().as_ref(), addresses.last());
        hosts.pass_over(&addresses[0]);
        assert_eq!(first().as_ref(), addresses.last(), "another one was silent");
        hosts.pass_over(&addresses[2]);
        assert_eq!(first().as_ref(), addresses.first());
        *hosts.begin() = Begin::Behind(addresses[0].clone());
        hosts.pass_over(&addresses[0]);
        hosts.pass_over(&addresses[1]);
        assert_eq!(first().as_ref(), addresses.get(1), "nobody was let in there since");
        assert_eq!(hosts.begin().order(addresses.clone()).len(), 3);
        let gone = Address { host: None, ip: None, port: 1 };
        *hosts.begin() = Begin::Behind(gone);
        assert_eq!(first().as_ref(), addresses.first(), "a name may have other addresses by now");
    }

    #[tokio::test]
    async fn an_address_that_is_asked_is_passed_over_when_that_fails_or_is_given_up_and_not_before()
    {
        let (hosts, addresses) = three().await;
        let [at, behind] = [Begin::At, Begin::Behind].map(|begin| {
            let of = addresses.clone();
            move |nth: usize| begin(of[nth].clone())
        });
        let asking = |seen, then| Asking { hosts: &hosts, seen, then };
        let burst = [0; 8].map(|nth| asking(Begin::AtTheFirst, behind(nth)));
        assert_eq!(*hosts.begin(), Begin::AtTheFirst, "nothing is wrong");
        drop(burst);
        assert_eq!(*hosts.begin(), behind(0));
        // Of two that ask the next, one is let in; the other is slower, and changes nothing.
        let slow = asking(behind(0), behind(1));
        drop(asking(behind(0), at(1)));
        drop(slow);
        assert_eq!(*hosts.begin(), at(1));
    }

    #[tokio::test]
    async fn as_many_as_are_made_at_once_are_all_sought_at_a_host_that_is_well() {
        let [first, second] = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let [one, other] = [&first, &second].map(|listener| listener.local_addr().unwrap().port());
        let config = format!("host=127.0.0.1,127.0.0.1 port={one},{other} user=a sslmode=disable");
        let tls = Tls::trusting(rustls::RootCertStore::empty()).unwrap();
        let hosts = Arc::new(Hosts::of(config.parse().unwrap(), tls, None));
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let hosts = Arc::clone(&hosts);
            asked.spawn(async move { hosts.create().await.is_ok() });
        }
        // Neither listener says anything: each waits at the host that it asked first.
        let first = tokio::task::spawn_blocking(move || [(); 8].map(|()| first.accept().unwrap()));
        timeout(Duration::from_secs(60), first).await.unwrap().unwrap();
        asked.shutdown().await;
        second.set_nonblocking(true).unwrap();
        let nobody = second.accept().unwrap_err().kind();
        assert_eq!(nobody, io::ErrorKind::WouldBlock);
        assert!(matches!(*hosts.begin(), Begin::Behind(_)), "all were given up there");
    }
}
