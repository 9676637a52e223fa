//! An issuing bank for testers: ISO 8583:1987 over real TCP, accounts in memory, switches to try what goes wrong.
//!
//! It holds an amount on `0100`, debits it, or a part of it, once on `0220`, releases it on `0400`, credits a return on
//! `0200`, debits that again on a `0400` that names it, and echoes on `0800`. A message that was answered before, by acquirer, transmission time, trace number and
//! retrieval reference, gets the same answer again and moves nothing.
//!
//! ```text
//!   the driver --- TCP ---> Bank: one task a connection ---> Ledger: accounts, purchases, answers given
//!                             |  silent?                        ^
//!   the tester ------------- open_account, refuse, block, movements
//! ```

mod ledger;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countersign_domain::{
    amount::Currency,
    card::{Card, MaskedCard},
};
use countersign_iso8583::{Field, FrameBuffer, FrameError, Message, Mti, frame};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tracing::{info, warn};

use crate::journal::{About, Journal, Party, mask};
use ledger::Ledger;
pub use ledger::{Account, Movement, MovementKind, Trouble};

/// How many connections the bank keeps at once; more are closed at once.
const MAX_CONNECTIONS: usize = 64;
/// How long a connection may be without a byte; a gateway sends an echo test more often than that.
const MAX_IDLE: Duration = Duration::from_secs(300);
/// How long a gateway may take to read an answer.
const MAX_WRITE: Duration = Duration::from_secs(10);

/// A running bank. Dropping it closes its connections and forgets its accounts.
#[derive(Debug)]
pub struct Bank {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

/// What all connections share.
#[derive(Debug, Default)]
struct Shared {
    ledger: Mutex<Ledger>,
    silent: AtomicBool,
    journal: Journal,
}

impl Bank {
    /// Opens the bank on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        Self::start_noting(address, Journal::default()).await
    }

    /// As [`Bank::start`], noting what is asked and answered.
    pub(crate) async fn start_noting(address: SocketAddr, journal: Journal) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { journal, ..Shared::default() });
        let listener = tokio::spawn(listen(listener, Arc::clone(&shared)));
        info!(%address, "the bank is open");
        Ok(Self { address, shared, listener })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens an account that the card draws on, with a balance in minor units. An account that the card has already
    /// is replaced, with its movements.
    pub fn open_account(&self, card: Card, balance_minor: u64, currency: Currency) {
        self.shared.ledger().open(card, balance_minor, currency);
    }

    /// The card of that number that an account was opened for.
    pub fn card(&self, number: &str) -> Option<Card> {
        let mut ledger = self.shared.ledger();
        ledger.account(number).map(|account| account.card.clone())
    }

    /// The account that the card draws on, as it is now.
    pub fn account(&self, card: &Card) -> Option<Account> {
        let mut ledger = self.shared.ledger();
        ledger.account(card.expose_number()).map(|account| account.seen())
    }

    /// The accounts, as they are now, in the order in which they were opened.
    pub fn accounts(&self) -> Vec<Account> {
        self.shared.ledger().accounts()
    }

    /// Whether every further authorization of the card is refused (response 05).
    ///
    /// # Errors
    /// When the card has no account.
    pub fn refuse(&self, card: &Card, refuse: bool) -> Result<(), UnknownCard> {
        self.shared.ledger().account(card.expose_number()).ok_or(UnknownCard)?.refuses = refuse;
        Ok(())
    }

    /// Whether the card is blocked, as one that was lost (response 62).
    ///
    /// # Errors
    /// When the card has no account.
    pub fn block(&self, card: &Card, block: bool) -> Result<(), UnknownCard> {
        self.shared.ledger().account(card.expose_number()).ok_or(UnknownCard)?.blocked = block;
        Ok(())
    }

    /// What the bank does not do as it should for the card.
    ///
    /// # Errors
    /// When the card has no account.
    pub fn trouble(&self, card: &Card, trouble: Trouble) -> Result<(), UnknownCard> {
        self.shared.ledger().account(card.expose_number()).ok_or(UnknownCard)?.trouble = trouble;
        Ok(())
    }

    /// Whether the bank keeps its answers to itself. It still does what it is asked: the case in which a gateway must
    /// repeat, and must not be debited twice.
    pub fn set_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::Relaxed);
    }

    /// What moved on any account, account by account, oldest first.
    pub(crate) fn all_movements(&self) -> Vec<(MaskedCard, Movement)> {
        self.shared.ledger().all_movements()
    }

    /// What moved on the card's account, oldest first; nothing when it has none.
    pub fn movements(&self, card: &Card) -> Vec<Movement> {
        self.shared
            .ledger()
            .account(card.expose_number())
            .map(|account| account.movements.clone())
            .unwrap_or_default()
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Shared {
    /// The ledger. A task that panicked has left it whole: every change of it is one step.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Notes a message. Echo tests are of no purchase.
    fn note(&self, message: &Message) {
        if message.mti().class() == Mti::NETWORK_REQUEST.class() {
            return;
        }
        let shown = |field: Field| match (field, message.text(field)?) {
            (Field::EXPIRY, _) => Some("••••".to_owned()),
            (_, text) => Some(mask(text)),
        };
        let fields = Field::ALL.iter().filter_map(|field| {
            let name = format!("{} {}", field.number(), field.name());
            Some((name, shown(*field)?))
        });
        let mut detail = vec![("type".to_owned(), message.mti().to_string())];
        detail.extend(fields);
        let about = message
            .text(Field::RETRIEVAL_REFERENCE)
            .map_or(About::Nothing, |retrieval| About::Bank(retrieval.to_owned()));
        let (server, bank) = (Party::Server, Party::Bank);
        if message.mti().is_response() {
            self.journal.answered(bank, server, label(message), detail, about);
        } else {
            self.journal.asked(server, bank, label(message), detail, about);
        }
    }
}

/// A message in a few words.
fn label(message: &Message) -> String {
    let mti = message.mti();
    let purpose = match mti.class() {
        1 => "authorization",
        2 if mti.first() == Mti::FINANCIAL_REQUEST || mti == Mti::FINANCIAL_RESPONSE => "return",
        2 => "completion",
        _ => "reversal",
    };
    match message.text(Field::RESPONSE_CODE) {
        Some("00") if mti.is_response() => format!("{mti} {purpose}: done"),
        Some(code) if mti.is_response() => format!("{mti} {purpose}: refused, {code}"),
        _ => format!("{mti} {purpose}"),
    }
}

/// No account was opened for the card.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the bank has no account for this card")]
pub struct UnknownCard;

/// Accepts connections until the bank is dropped, and the connections with it.
async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "the bank cannot accept a connection");
                // Such as too many open files: at once it would fail again.
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            warn!(MAX_CONNECTIONS, "the bank closed a connection: it has too many");
            continue;
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let _place = place;
            match serve(stream, &shared).await {
                Ok(()) => info!("a gateway closed its connection to the bank"),
                Err(end) => warn!(%end, "the bank closed a connection"),
            }
        });
    }
}

/// Answers message after message until the gateway closes the connection.
async fn serve(mut stream: TcpStream, shared: &Shared) -> Result<(), End> {
    stream.set_nodelay(true)?;
    let mut buffer = FrameBuffer::new();
    loop {
        while let Some(message) = buffer.next_message()? {
            if let Some(answer) = answer(&message, shared) {
                let written = timeout(MAX_WRITE, stream.write_all(&frame(&answer))).await;
                written.map_err(|_| End::TooSlow)??;
            }
        }
        let read = timeout(MAX_IDLE, stream.read_buf(buffer.unfilled())).await;
        if read.map_err(|_| End::TooSlow)?? == 0 {
            return if buffer.is_empty() { Ok(()) } else { Err(End::CutShort) };
        }
    }
}

/// What the bank says to a message; nothing to a response, and nothing while it is silent.
fn answer(message: &Message, shared: &Shared) -> Option<Message> {
    let answer = shared.ledger().answer(message);
    shared.note(message);
    let silent = shared.silent.load(Ordering::Relaxed);
    info!(mti = %message.mti(), answered = answer.is_some() && !silent, "the bank was asked");
    let answer = answer.filter(|_| !silent);
    if let Some(answer) = &answer {
        shared.note(answer);
    }
    answer
}

/// Why the bank closed a connection.
#[derive(Debug, Error)]
enum End {
    #[error("what came is no message: {0}")]
    Garbage(#[from] FrameError),
    #[error("the gateway was too slow")]
    TooSlow,
    #[error("the last message was cut short")]
    CutShort,
    #[error("{0}")]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests;
