//! Everything that the domain needs from outside, on one screen.
//!
//! A driver implements one of these traits and knows no other driver; the feature `testing` has a fake of each.
//! The one trait here that the domain itself implements is [`Inbox`], by which a driver hands over what arrives.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    address::Msisdn,
    amount::Currency,
    bank::{ApprovalCode, BankRequest, ResponseCode},
    card::Card,
    event::Fact,
    id::{Identifier, MessageId},
    record::{Batch, Record, RecordKey},
    register::{Account, Balance, Entry, Position},
    secret::Secret,
    subscriber::Subscriber,
    time::Timestamp,
};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Gives chance fit for keys and ids.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bits.
    ///
    /// # Errors
    /// When the source fails.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
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
    /// [`StoreError::Conflict`] when a record to insert exists, a record to replace has another version, or a posting
    /// was made before; [`StoreError::Overdrawn`] when a posting would bring an account below the posting's floor, after
    /// those before it in the batch; [`StoreError::Unavailable`] when it cannot be known to be durable.
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

    /// Up to `limit` postings to either side of an account in one currency, in the order of their commits, after a
    /// position.
    ///
    /// # Errors
    /// When the store fails.
    async fn statement(
        &self,
        account: &Account,
        currency: Currency,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;
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

    /// Tells the bank to debit what it authorized.
    ///
    /// # Errors
    /// See [`BankError`].
    async fn capture(
        &self,
        request: &BankRequest,
        approval: &ApprovalCode,
    ) -> Result<(), BankError>;

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

/// A text on its way to a receiver.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundMessage {
    /// Our name for it.
    pub id: MessageId,
    /// To whom.
    pub to: Msisdn,
    /// What; it holds the code.
    pub text: Secret<String>,
    /// What is left of the code's life, in seconds: a code that is late should die on the way, not arrive.
    pub valid_for_seconds: u32,
}

impl OutboundMessage {
    /// A text for a receiver that is of no use after `valid_for_seconds`.
    pub const fn new(
        id: MessageId,
        to: Msisdn,
        text: Secret<String>,
        valid_for_seconds: u32,
    ) -> Self {
        Self { id, to, text, valid_for_seconds }
    }
}

/// The network has taken a message over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// By which a later receipt names this message; opaque to the domain, at most 128 bytes.
    pub reference: String,
    /// By which the network's operator knows it; for people, and not always different for each message.
    pub network_id: String,
}

/// The network has not confirmed that it took a message over.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SendError {
    /// It was certainly not taken over: no connection, throttled, queue full. Sending again later doubles nothing.
    #[error("not sent yet: {cause}")]
    Temporary {
        /// What the network said; no text, no number.
        cause: String,
    },
    /// It was refused for good, such as a number that does not exist.
    #[error("refused by the network: {cause}")]
    Permanent {
        /// What the network said; no text, no number.
        cause: String,
    },
    /// It was handed over but not confirmed: it may be on its way. Sending it again could double it.
    #[error("not known whether it was sent: {cause}")]
    Unknown {
        /// What the network said; no text, no number.
        cause: String,
    },
}

/// What arrives from the second network.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Inbound {
    /// What became of a message.
    Receipt(Receipt),
    /// A text that somebody sent us.
    Text(InboundText),
}

/// What became of a message that the network had taken over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// Names that the message may have, surest first, no two equal: one of them is the [`Accepted::reference`].
    pub references: Vec<String>,
    /// What became of it.
    pub delivery: Delivery,
}

/// The end of a message.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "delivery", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delivery {
    /// The receiver has it.
    Delivered,
    /// The receiver will not get it.
    Failed {
        /// What the network said; no text, no number.
        cause: String,
    },
}

/// A text that somebody sent us over the second network (claims 2 and 3).
#[derive(Clone, Debug, PartialEq)]
pub struct InboundText {
    /// Who sent it.
    pub from: Msisdn,
    /// To which of our numbers or short codes.
    pub to: String,
    /// What; it may hold a code.
    pub text: Secret<String>,
}

/// What the bank decided.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Decision {
    /// The amount is held.
    Approved {
        /// The bank's proof of it.
        approval: ApprovalCode,
    },
    /// The bank refuses.
    Declined {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
}

/// The bank did not answer the question.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BankError {
    /// Nothing was sent: no connection could be had.
    #[error("the bank cannot be reached: {cause}")]
    Unreachable {
        /// What failed; no card number.
        cause: String,
    },
    /// Something was sent and no answer came: it may or may not have been done. Ask again with the same request, or void.
    #[error("the bank's answer is not known: {cause}")]
    Unknown {
        /// What failed; no card number.
        cause: String,
    },
    /// The bank refused a capture or a void, which are advices that it should not refuse.
    #[error("the bank refused the advice with response {response}")]
    Refused {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
}

/// The store failed, or found a batch to be out of date.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else was faster; nothing was committed.
    #[error("{key} was changed or exists already")]
    Conflict {
        /// The first record or posting of the batch that stood in the way.
        key: String,
    },
    /// A posting would bring the account below its floor; nothing was committed.
    #[error("{account} would be overdrawn")]
    Overdrawn {
        /// The account that is debited.
        account: Account,
    },
    /// The store cannot be used, or a commit cannot be known to be durable.
    #[error("the store is not available: {cause}")]
    Unavailable {
        /// What failed.
        cause: String,
    },
    /// What is stored is not what we wrote.
    #[error("{key} cannot be read: {cause}")]
    Corrupt {
        /// Which record.
        key: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// The directory cannot answer.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("the directory cannot answer: {cause}")]
pub struct DirectoryError {
    /// What failed; no number, no card.
    pub cause: String,
}

/// What arrived could not be kept.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("what arrived could not be kept: {cause}")]
pub struct InboxError {
    /// What failed.
    pub cause: String,
}

/// The source of chance failed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the source of random bits failed")]
pub struct EntropyError;
