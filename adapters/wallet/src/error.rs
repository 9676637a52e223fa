//! Why something is not done, and what the wire says of it.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_domain::{
    error::Error,
    invalid::InvalidInput,
    randomness::EntropyError,
    record::{Batch, StoreError},
    refusal::Refusal,
    register::Account,
    subscriber::DirectoryError,
};
use countersign_web::problem::Problem;
use thiserror::Error;

use crate::words::WORDS;

/// Why a message is refused, in the order of checking.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum MessageRefusal {
    /// It has more than 16 KiB.
    #[error("the message is too long")]
    TooLong,
    /// It is not three parts in base64url, with points between them (RFC 7515 section 7.1).
    #[error("the message is no JWS in its compact form")]
    NotCompact,
    /// Its header is not `alg`, `typ` and `kid`, each once, and nothing else.
    #[error("the header has more or less than alg, typ and kid")]
    Header,
    /// Its algorithm is not ES256.
    #[error("the algorithm is not ES256")]
    Algorithm,
    /// It is another message.
    #[error("the message is of another type")]
    Type,
    /// Nobody is known by its key.
    #[error("the key is not known")]
    UnknownKey,
    /// It was changed, or signed with another key.
    #[error("the signature is not right")]
    Signature,
    /// What is signed has a member too many, too few, twice or out of bounds.
    #[error("the content is not that of such a message")]
    Content,
    /// It is not from the party whose key signed it, or from whom it is expected.
    #[error("the message is from another party")]
    Issuer,
    /// It is for somebody else.
    #[error("the message is for another party")]
    Audience,
    /// It is good for longer than a day, or for no time at all.
    #[error("the message is good for too long, or never")]
    Validity,
    /// It is made later than now, by more than clocks are apart.
    #[error("the message is from the future")]
    FromFuture,
    /// Its time is over.
    #[error("the message has expired")]
    Expired,
}

impl MessageRefusal {
    /// Its name, in problems and vectors: a promise.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "message-too-long",
            Self::NotCompact => "message-not-compact",
            Self::Header => "message-header",
            Self::Algorithm => "message-algorithm",
            Self::Type => "message-type",
            Self::UnknownKey => "message-key-unknown",
            Self::Signature => "message-signature",
            Self::Content => "message-content",
            Self::Issuer => "message-issuer",
            Self::Audience => "message-audience",
            Self::FromFuture => "message-from-future",
            Self::Expired => "message-expired",
            Self::Validity => "message-validity",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotCompact
            | Self::Header
            | Self::Algorithm
            | Self::Type
            | Self::Content
            | Self::Issuer
            | Self::Audience
            | Self::FromFuture
            | Self::Validity => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnknownKey | Self::Signature => StatusCode::FORBIDDEN,
            Self::Expired => StatusCode::GONE,
        }
    }
}

/// Why money is not moved.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum MoneyRefusal {
    /// The wallet has less than that: what is held for other payments does not count.
    #[error("the wallet has not enough funds")]
    InsufficientFunds,
    /// It is more than one payment may be.
    #[error("the amount is above the limit of a payment")]
    PaymentLimit,
    /// With what was paid today, it is more than a day may have.
    #[error("the amount is above what is left of the day's limit")]
    DayLimit,
    /// The wallet would have more than a wallet may.
    #[error("the wallet would have more than its limit")]
    BalanceLimit,
    /// Less than that was paid in from the card: no more is paid to it.
    #[error("less than that was paid in from the card")]
    NotPaidIn,
    /// The wallet is of another currency.
    #[error("the wallet is of another currency")]
    OtherCurrency,
    /// No wallets of that currency are kept.
    #[error("no wallets of that currency are kept")]
    NoSuchCurrency,
    /// The wallet is not empty, or something is held or under way.
    #[error("the wallet is not empty")]
    NotEmpty,
}

impl MoneyRefusal {
    /// Its name, in problems: a promise.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficient-funds",
            Self::PaymentLimit => "payment-limit",
            Self::DayLimit => "day-limit",
            Self::BalanceLimit => "balance-limit",
            Self::NotPaidIn => "not-paid-in",
            Self::OtherCurrency => "other-currency",
            Self::NoSuchCurrency => "no-such-currency",
            Self::NotEmpty => "wallet-not-empty",
        }
    }
}

/// Why a ticket that is in order is not paid.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TicketRefusal {
    /// Its payment is under way, from elsewhere or by another request.
    #[error("the ticket is being paid")]
    Taken,
    /// It is paid: a ticket is paid once.
    #[error("the ticket is paid")]
    Paid,
    /// The merchant made another ticket of the same number.
    #[error("there is another ticket of that number")]
    OtherTicket,
    /// It was tried too often.
    #[error("the ticket was tried too often")]
    TooManyTries,
    /// The code was joined to another transaction than the one that is being paid.
    #[error("the code was joined to another transaction")]
    OtherTransaction,
}

impl TicketRefusal {
    /// Its name, in problems: a promise.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Taken => "ticket-taken",
            Self::Paid => "ticket-paid",
            Self::OtherTicket => "ticket-number-reused",
            Self::TooManyTries => "too-many-payments",
            Self::OtherTransaction => "other-transaction",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::TooManyTries => StatusCode::TOO_MANY_REQUESTS,
            Self::Taken | Self::Paid | Self::OtherTicket | Self::OtherTransaction => {
                StatusCode::CONFLICT
            }
        }
    }
}

/// Why something is not done.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WalletError {
    /// The domain's no, or its failure. [`Error::Contention`] says: try again.
    #[error(transparent)]
    Domain(Error),
    /// The code is refused, or a further message is.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// A message of the exchange is refused.
    #[error(transparent)]
    Message(#[from] MessageRefusal),
    /// Money is not moved.
    #[error(transparent)]
    Money(#[from] MoneyRefusal),
    /// The ticket is not paid.
    #[error(transparent)]
    Ticket(#[from] TicketRefusal),
    /// Nobody signed in at this session.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The identifier is another's, or has another number: one answer, as it would tell who is known here.
    #[error("the person is not known")]
    UnknownPerson,
    /// The card is not vouched for this person's phone, or is tied to somebody else: one answer.
    #[error("the card cannot be tied")]
    CardRefused,
    /// As many wallets or cards as one person may have.
    #[error("a person may not have more of them")]
    TooMany,
    /// The key to sign tickets with is another merchant's, or was revoked.
    #[error("the key cannot be taken")]
    KeyRefused,
    /// Another merchant has that name, by which people know it.
    #[error("another merchant has that name")]
    NameTaken,
    /// It has more movements than one answer gives.
    #[error("the statement is too long")]
    StatementTooLong,
    /// The request's name was used for another content.
    #[error("the key was used for another request")]
    KeyReused,
    /// Its state does not permit that.
    #[error("it is {0}")]
    NotNow(&'static str),
}

/// What an attempt is to the store: a fault of the domain's, of which a conflict is attempted again; or an answer, of which
/// a refusal commits nothing.
pub(crate) fn attempted<T>(
    result: Result<(Batch, T), WalletError>,
) -> Result<(Batch, Result<T, WalletError>), Error> {
    match result {
        Ok((batch, answer)) => Ok((batch, Ok(answer))),
        Err(WalletError::Domain(error)) => Err(error),
        Err(refused) => Ok((Batch::default(), Err(refused))),
    }
}

impl From<Error> for WalletError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Store(StoreError::Overdrawn { account }) => {
                below_its_floor(account).map_or(Self::Domain(error), Self::Money)
            }
            _ => Self::Domain(error),
        }
    }
}

/// Which limit it is that a posting to that account would break.
fn below_its_floor(account: &Account) -> Option<MoneyRefusal> {
    let (kind, _) = account.as_str().split_once(':')?;
    match kind {
        "wallet" => Some(MoneyRefusal::InsufficientFunds),
        "wallet_day" => Some(MoneyRefusal::DayLimit),
        "wallet_room" => Some(MoneyRefusal::BalanceLimit),
        "wallet_returnable" => Some(MoneyRefusal::NotPaidIn),
        _ => None,
    }
}

/// What the domain's errors are made of is the domain's error.
macro_rules! of_the_domain {
    ($($type:ty),+) => {
        $(impl From<$type> for WalletError {
            fn from(error: $type) -> Self {
                Error::from(error).into()
            }
        })+
    };
}

of_the_domain!(StoreError, DirectoryError, EntropyError, InvalidInput);

impl From<WalletError> for Problem {
    fn from(error: WalletError) -> Self {
        let (conflict, unprocessable) = (StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY);
        let of = |status, name| WORDS.problem(status, name);
        match error {
            WalletError::Domain(error) => Self::from(&error),
            WalletError::Refused(refusal) => Self::from(&refusal),
            WalletError::Message(refusal) => of(refusal.status(), refusal.name()),
            WalletError::Money(refusal) => of(conflict, refusal.name()),
            WalletError::Ticket(refusal) => of(refusal.status(), refusal.name()),
            WalletError::NotSignedIn => of(StatusCode::FORBIDDEN, "not-signed-in"),
            WalletError::UnknownPerson => of(unprocessable, "person-not-recognised"),
            WalletError::CardRefused => of(unprocessable, "card-refused"),
            WalletError::TooMany => of(conflict, "too-many"),
            WalletError::KeyRefused => of(conflict, "key-refused"),
            WalletError::NameTaken => of(conflict, "name-taken"),
            WalletError::StatementTooLong => of(unprocessable, "statement-too-long"),
            WalletError::KeyReused => Self::shared(unprocessable, "idempotency-key-reused"),
            WalletError::NotNow(state) => Self::not_now(state),
        }
    }
}

impl IntoResponse for WalletError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
