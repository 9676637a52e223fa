//! An SMS centre with handsets, for a machine that has none.
//!
//! ```text
//!   our channel ──submit_sm──▶ session ──▶ network ──▶ handset   read by a test, or in a browser
//!               ◀─deliver_sm── session ◀── account ◀── receipts, and texts from handsets
//! ```
//!
//! It speaks SMPP 3.4 over TCP, so that what works here works with a centre. What it has is bounded and in memory. It
//! makes nothing of priorities, schedules and absolute validity periods, and gives texts from handsets to its first
//! account.

mod network;
mod session;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign_channels::{
    smpp::pdu::{Address, ESM_CLASS_UDHI, ShortMessage},
    sms::text,
};
use serde::Deserialize;
use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore},
    task::JoinHandle,
    time::{Instant, interval},
};

use self::network::{Network, Report};
use crate::journal::Journal;

pub use self::network::HandsetMessage;

/// The account of an operator that sends codes of its own: what it submits is its, in what is drawn.
pub(crate) const OPERATOR_ID: &str = "operator";

/// Connections at once.
const MAX_CONNECTIONS: usize = 64;

/// Deliveries that may wait for an account; the oldest gives way.
const MAX_UNDELIVERED: usize = 10_000;

/// How often it is looked whether a message's validity has ended.
const EXPIRY_TICK: Duration = Duration::from_millis(20);

/// An account that may bind.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its system_id.
    pub system_id: String,
    /// Its password; a secret of nobody.
    pub password: String,
}

/// Whether a handset can be reached.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HandsetState {
    On,
    Off,
    Barred,
}

/// A running centre; dropping it ends it.
pub struct Centre {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

/// What the centre cannot do.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CentreError {
    /// The address cannot be listened on.
    #[error("the centre cannot listen: {0}")]
    Listen(std::io::ErrorKind),
    /// There is no handset with that number.
    #[error("no handset has this number")]
    UnknownHandset,
    /// There is no room for another handset.
    #[error("there are {} handsets already", network::MAX_HANDSETS)]
    TooManyHandsets,
    /// The text does not fit the parts that a message may have.
    #[error(transparent)]
    TooLong(#[from] text::TooLong),
    /// There is no account to take a text from a handset.
    #[error("the centre has no account")]
    NoAccount,
}

/// What sessions and the centre's owner have in common.
struct Shared {
    network: Mutex<Network>,
    accounts: Vec<Mailbox>,
}

/// What waits for an account, whether it is bound or not.
struct Mailbox {
    account: Account,
    undelivered: Mutex<VecDeque<Delivery>>,
    filled: Notify,
}

struct Delivery {
    message: ShortMessage,
    not_before: Instant,
}

impl Centre {
    /// Listens on `address` (port 0: any that is free) for the sessions of `accounts`.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr, accounts: Vec<Account>) -> Result<Self, CentreError> {
        Self::start_noting(address, accounts, Journal::default()).await
    }

    /// As [`Centre::start`], noting what is submitted, shown and reported.
    pub(crate) async fn start_noting(
        address: SocketAddr,
        accounts: Vec<Account>,
        journal: Journal,
    ) -> Result<Self, CentreError> {
        let listening = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) =
            listening.await.map_err(|error: std::io::Error| CentreError::Listen(error.kind()))?;
        let accounts = accounts.into_iter().map(Mailbox::new).collect();
        let shared = Arc::new(Shared { network: Mutex::new(Network::noting(journal)), accounts });
        let tasks = [
            tokio::spawn(listen(Arc::clone(&shared), listener)),
            tokio::spawn(expire(Arc::clone(&shared))),
        ];
        Ok(Self { shared, address, tasks })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a handset that is on. Adding it again changes nothing.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add_handset(&self, number: &str) -> Result<(), CentreError> {
        self.shared.network().add_handset(number)
    }

    /// The numbers of all handsets.
    pub fn handsets(&self) -> Vec<String> {
        self.shared.network().numbers()
    }

    /// What a handset shows, oldest first.
    ///
    /// # Errors
    /// When there is no such handset.
    pub fn handset(&self, number: &str) -> Result<Vec<HandsetMessage>, CentreError> {
        self.shared.network().messages(number)
    }

    /// Switches a handset on or off. What comes while it is off waits until its validity ends.
    ///
    /// # Errors
    /// When there is no such handset.
    pub fn set_reachable(&self, number: &str, reachable: bool) -> Result<(), CentreError> {
        let reports = self.shared.network().set_reachable(number, reachable, Instant::now())?;
        self.shared.report(reports);
        Ok(())
    }

    /// Bars a handset, or admits it again. What comes while it is barred is undeliverable at once.
    ///
    /// # Errors
    /// When there is no such handset.
    pub fn set_barred(&self, number: &str, barred: bool) -> Result<(), CentreError> {
        self.shared.network().set_barred(number, barred)
    }

    /// Puts a handset into that state; one that is not there is added.
    pub(crate) fn set_state(&self, number: &str, state: HandsetState) -> Result<(), CentreError> {
        self.add_handset(number)?;
        self.set_barred(number, matches!(state, HandsetState::Barred))?;
        self.set_reachable(number, !matches!(state, HandsetState::Off))
    }

    /// Sends a text from a handset to the first account.
    ///
    /// # Errors
    /// When there is no such handset or no account, or when the text is too long.
    pub fn send_from_handset(&self, number: &str, to: &str, text: &str) -> Result<(), CentreError> {
        let (number, reference) = self.shared.network().sender(number)?;
        let mailbox = self.shared.accounts.first().ok_or(CentreError::NoAccount)?;
        let encoded = text::encode(text, reference)?;
        let esm_class = if encoded.parts.len() > 1 { ESM_CLASS_UDHI } else { 0 };
        for short_message in encoded.parts {
            mailbox.put(ShortMessage {
                source: Address { ton: 1, npi: 1, digits: number.clone() },
                destination: Address { ton: 0, npi: 1, digits: to.to_owned() },
                esm_class,
                data_coding: encoded.alphabet.data_coding(),
                short_message,
                ..ShortMessage::default()
            });
        }
        Ok(())
    }

    /// How many submissions were accepted, each part counted.
    pub fn submitted_count(&self) -> u64 {
        self.shared.network().submitted_count()
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        // The sessions belong to the listening task and end with it.
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn listen(shared: Arc<Shared>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut sessions = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                sessions.spawn(async move {
                    let end = session::run(&shared, stream).await;
                    tracing::debug!(?end, "a session with the centre ended");
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the centre could not accept a connection");
                tokio::time::sleep(EXPIRY_TICK).await;
            }
        }
        while sessions.try_join_next().is_some() {}
    }
}

async fn expire(shared: Arc<Shared>) {
    let mut ticks = interval(EXPIRY_TICK);
    loop {
        let now = ticks.tick().await;
        let reports = shared.network().expire(now);
        shared.report(reports);
    }
}

impl Shared {
    fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, reports: Vec<Report>) {
        for Report { system_id, receipt } in reports {
            if let Some(mailbox) = self.mailbox(&system_id) {
                mailbox.put(receipt);
            }
        }
    }

    fn mailbox(&self, system_id: &str) -> Option<&Mailbox> {
        self.accounts.iter().find(|mailbox| mailbox.account.system_id == system_id)
    }
}

impl Mailbox {
    fn new(account: Account) -> Self {
        Self { account, undelivered: Mutex::default(), filled: Notify::new() }
    }

    fn put(&self, message: ShortMessage) {
        self.put_again(message, Duration::ZERO);
    }

    /// Puts in what is to be delivered not before `pause` has passed.
    fn put_again(&self, message: ShortMessage, pause: Duration) {
        let mut undelivered = self.undelivered();
        if undelivered.len() >= MAX_UNDELIVERED {
            undelivered.pop_front();
        }
        undelivered.push_back(Delivery { message, not_before: Instant::now() + pause });
        self.filled.notify_one();
    }

    /// Takes the oldest that may be delivered now.
    fn take(&self) -> Option<ShortMessage> {
        let now = Instant::now();
        let mut undelivered = self.undelivered();
        let place = undelivered.iter().position(|delivery| delivery.not_before <= now)?;
        undelivered.remove(place).map(|delivery| delivery.message)
    }

    fn undelivered(&self) -> MutexGuard<'_, VecDeque<Delivery>> {
        self.undelivered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
