//! Everything that the domain needs from outside, on one screen.
//!
//! A driver implements one of these traits and knows no other driver; the feature `testing` has a fake of each.
//! The one trait here that the domain itself implements is [`Inbox`], by which a driver hands over what arrives.

use std::{ops::Deref, sync::Arc};

use async_trait::async_trait;

use crate::{
    amount::{Amount, Currency},
    bank::{ApprovalCode, BankError, BankRequest, Decision},
    card::Card,
    error::Error,
    event::Fact,
    id::{Identifier, MessageId},
    keys::KeyRing,
    lane::Lane,
    message::{Accepted, Inbound, InboxError, OutboundMessage, SendError},
    operator::{CodeOrder, OperatorError, Verdict},
    record::{Batch, Record, RecordKey, StoreError, Stored, Versioned},
    register::{Account, Balance, Span, Statement},
    secret::Secret,
    subscriber::{DirectoryError, Subscriber},
    time::Timestamp,
};
pub use crate::{
    phrase::Words,
    randomness::{Entropy, EntropyError},
};

/// How often a transition is made again because another process changed the same record in between. A record is changed by
/// its own person and by what happens to its message: tens of collisions in a row mean that something is wrong.
pub(crate) const MAX_CONTENTION: usize = 64;

/// What every service of the domain is made of. Cloning it shares the ports.
#[derive(Clone)]
pub struct Ports {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and nonces.
    pub entropy: Arc<dyn Entropy>,
    /// The keys of codes and of what is sealed.
    pub keys: Arc<KeyRing>,
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Keeps records, facts and postings. What [`Store::commit`] returned `Ok` for is still there after a power loss.
///
/// A `dyn Store` has the methods of [`Reads`], too. A layer around a store has a `commit` of its own and hands on the
/// reads.
#[async_trait]
pub trait Store: Send + Sync {
    /// Commits all of the batch or nothing of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a record to insert exists, a record to replace or remove has another version, or a posting
    /// was made before; [`StoreError::Overdrawn`] when a posting would bring an account below the posting's floor, after
    /// those before it in the batch; [`StoreError::Exhausted`] when it would count one too many, which is looked at last;
    /// [`StoreError::Unavailable`] when it cannot be known to be durable.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;

    /// What reads from it.
    fn reads(&self) -> &(dyn Reads + 'static);
}

/// What can be read from a [`Store`]. A read sees every commit that was answered before it began.
#[async_trait]
pub trait Reads: Send + Sync {
    /// The record as last committed.
    ///
    /// # Errors
    /// When the store fails.
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>, StoreError>;

    /// Up to `limit` records of a collection that are due at `now` or earlier, earliest first.
    ///
    /// # Errors
    /// When the store fails.
    async fn due(
        &self,
        collection: &'static str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// When the first records of a collection became final, up to `limit` of them: at `from` or later and before `before`,
    /// earliest first.
    ///
    /// # Errors
    /// When the store fails.
    async fn final_between(
        &self,
        collection: &'static str,
        from: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timestamp>, StoreError>;

    /// Up to `limit` records of a collection whose ids come after that one, in the order of their ids; after `""`, the first.
    ///
    /// # Errors
    /// When the store fails.
    async fn page(
        &self,
        collection: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// How many records of a collection are due at `now` or earlier.
    ///
    /// # Errors
    /// When the store fails.
    async fn count_due(&self, collection: &'static str, now: Timestamp) -> Result<u64, StoreError>;

    /// The facts about a record, in the order in which they were committed.
    ///
    /// # Errors
    /// When the store fails.
    async fn facts(&self, about: &RecordKey) -> Result<Vec<Fact>, StoreError>;

    /// What was posted to the debit and to the credit of an account in one currency.
    ///
    /// # Errors
    /// When the store fails.
    async fn balance(&self, account: &Account, currency: Currency) -> Result<Balance, StoreError>;

    /// An account in one currency, as of one commit: the balances at both ends of the span and its first `limit` entries.
    ///
    /// # Errors
    /// When the store fails.
    async fn statement(
        &self,
        account: &Account,
        currency: Currency,
        span: Span,
        limit: usize,
    ) -> Result<Statement, StoreError>;
}

/// Knows which receiver belongs to whom. A trusted third party (F4.203) is an implementation behind it.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The subscriber of that identifier (F13.4).
    ///
    /// # Errors
    /// When the directory cannot answer; an unknown identifier is `Ok(None)`.
    async fn by_identifier(
        &self,
        identifier: &Identifier,
    ) -> Result<Option<Subscriber>, DirectoryError>;

    /// The subscriber of that card (F13.v2).
    ///
    /// # Errors
    /// When the directory cannot answer; an unknown card is `Ok(None)`.
    async fn by_card(&self, card: &Card) -> Result<Option<Subscriber>, DirectoryError>;
}

/// Carries a text to a receiver on the second network.
///
/// Patent: *serveur de messages*, 109.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Hands the message to the network; `Ok` once the network has confirmed that it took it over.
    ///
    /// # Errors
    /// See [`SendError`]: each kind says whether the message may be sent again.
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError>;

    /// Waits until the network would take a message of that lane, so that what cannot be sent yet stays in the line, in its
    /// order. The turn ends when what is returned is dropped.
    async fn turn(&self, _lane: Lane) -> Turn {
        Box::new(())
    }

    /// A turn at once, where the network would take a message of that lane now and nothing waits for it: then the message
    /// need not be queued. A driver that cannot tell gives none.
    fn try_turn(&self, _lane: Lane) -> Option<Turn> {
        None
    }
}

/// A place at the network, for one message.
pub type Turn = Box<dyn Send>;

/// Computes codes, sends them and compares what was typed, with a key of its own: the telecom operator as trusted third party
/// (F12.v1). Every call may be repeated.
#[async_trait]
pub trait Operator: Send + Sync {
    /// Has the code of an order sent; once for each message, and always the same code.
    ///
    /// # Errors
    /// See [`SendError`]: each kind says whether it may be told again.
    async fn send(&self, order: &CodeOrder, message: &MessageId) -> Result<(), SendError>;

    /// Whether that was typed is the code of the order. The operator counts the attempt before it compares, and answers after
    /// what it says is durable.
    ///
    /// # Errors
    /// When there is no verdict; it may be asked again.
    async fn check(
        &self,
        order: &CodeOrder,
        typed: &Secret<String>,
    ) -> Result<Verdict, OperatorError>;
}

/// Takes what arrives from the second network. The domain's [`Outbox`](crate::outbox::Outbox) implements it.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Takes over a receipt or a text; a driver acknowledges to the network only after `Ok`.
    ///
    /// A receipt may come before [`Messenger::send`] returned: it is kept for a while and finds its message then.
    ///
    /// # Errors
    /// When it could not be kept; the network should offer it again.
    async fn accept(&self, inbound: Inbound) -> Result<(), InboxError>;
}

/// The bank that issued the card.
///
/// Every call may be repeated with the same [`BankRequest`]: its reference makes the bank do it once only.
///
/// Patent: *serveur bancaire*, 706.
#[async_trait]
pub trait IssuingBank: Send + Sync {
    /// Asks the bank to hold the amount on the card's account.
    ///
    /// # Errors
    /// See [`BankError`].
    async fn authorize(&self, request: &BankRequest) -> Result<Decision, BankError>;

    /// Tells the bank to debit what it authorized, or a part of it; what is left is released.
    ///
    /// # Errors
    /// See [`BankError`].
    async fn capture(
        &self,
        request: &BankRequest,
        approval: &ApprovalCode,
        amount: Amount,
    ) -> Result<(), BankError>;

    /// Asks the bank to give back the request's amount, after a capture. The request has a reference of this credit's own.
    ///
    /// # Errors
    /// See [`BankError`].
    async fn credit(&self, request: &BankRequest) -> Result<(), BankError>;

    /// Asks the bank to debit again what it gave back. The request is that of the credit, reference and all.
    ///
    /// # Errors
    /// See [`BankError`].
    async fn reverse_credit(&self, request: &BankRequest) -> Result<(), BankError>;

    /// Tells the bank to release what it authorized, or may have authorized: a bank that held nothing agrees, too.
    ///
    /// # Errors
    /// See [`BankError`].
    async fn void(
        &self,
        request: &BankRequest,
        approval: Option<&ApprovalCode>,
    ) -> Result<(), BankError>;
}

/// So that a read needs no `reads()` before it.
impl Deref for dyn Store + '_ {
    type Target = dyn Reads;

    fn deref(&self) -> &Self::Target {
        self.reads()
    }
}

impl dyn Store + '_ {
    /// The value of a record, if there is one.
    ///
    /// # Errors
    /// When the store fails or the record cannot be read.
    pub async fn find<T: Stored>(&self, id: &str) -> Result<Option<Versioned<T>>, StoreError> {
        self.load(&RecordKey::of::<T>(id)).await?.map(Versioned::try_from).transpose()
    }

    /// The value of a record that must be there.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, and when the store fails.
    pub async fn expect<T: Stored>(&self, id: &str) -> Result<Versioned<T>, Error> {
        let missing = || Error::NotFound { collection: T::COLLECTION, id: id.to_owned() };
        self.find(id).await?.ok_or_else(missing)
    }

    /// Changes a record: loads it, makes the transition, commits its batch, and on a conflict does so again on what
    /// another left. A batch with nothing in it is not committed.
    ///
    /// # Errors
    /// [`Error::NotFound`], what `transition` gives but for a conflict, [`Error::Contention`], and when the store fails.
    pub async fn change<T: Stored, A, F>(
        &self,
        id: &str,
        transition: impl Fn(Versioned<T>) -> F,
    ) -> Result<A, Error>
    where
        F: Future<Output = Result<(Batch, A), Error>>,
    {
        let found = self.expect(id).await?;
        self.change_found(found, transition).await
    }

    /// As `change`, of a record that was loaded or committed just now.
    ///
    /// # Errors
    /// As `change`.
    pub async fn change_found<T: Stored, A, F>(
        &self,
        found: Versioned<T>,
        transition: impl Fn(Versioned<T>) -> F,
    ) -> Result<A, Error>
    where
        F: Future<Output = Result<(Batch, A), Error>>,
    {
        let id = found.value.id().to_owned();
        let (id, transition) = (&id, &transition);
        let mut found = Some(found);
        self.attempt(|| {
            let known = found.take();
            async move {
                let found = match known {
                    Some(known) => known,
                    None => self.expect(id).await?,
                };
                transition(found).await
            }
        })
        .await
    }

    /// Commits the batch that `attempt` makes; on a conflict, which `attempt` may itself have seen, attempts it again.
    ///
    /// # Errors
    /// What `attempt` gives but for a conflict, [`Error::Contention`], and when the store fails.
    pub async fn attempt<A, F>(&self, mut attempt: impl FnMut() -> F) -> Result<A, Error>
    where
        F: Future<Output = Result<(Batch, A), Error>>,
    {
        for _ in 0..MAX_CONTENTION {
            let committed = match attempt().await {
                Ok((batch, answer)) if batch.is_empty() => return Ok(answer),
                Ok((batch, answer)) => {
                    self.commit(batch).await.map(|()| answer).map_err(Error::from)
                }
                Err(error) => Err(error),
            };
            match committed {
                Err(Error::Store(StoreError::Conflict { .. })) => {}
                committed => return committed,
            }
        }
        Err(Error::Contention)
    }
}
