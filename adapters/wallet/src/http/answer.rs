//! What people's programs are answered, beside the messages of the exchange. Times are seconds since the Unix epoch.

use countersign_domain::{
    amount::Currency,
    digest::Sha256Digest,
    element::Element,
    register::Entry,
    time::Timestamp,
    transaction::{Payee, Transaction},
};
use serde::Serialize;

use crate::{
    WalletStatement,
    flow::{
        CardView, CodeAsked, PaymentStatus, PaymentView, TicketView, TransferStatus, TransferView,
        WalletView,
    },
    message::{
        CardId, CardName, PinAsked, PurchaseId, Seconds, Source, Ticket, WalletName, WalletNumber,
    },
    purse::about,
    record::{NotPaid, OpeningId, TransferId},
};

/// A code is on its way.
#[derive(Serialize)]
pub(super) struct CodeAnswer {
    phone: String,
    short_reference: String,
    expires_in_seconds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<PinAsked>,
}

impl CodeAnswer {
    pub(super) fn of(asked: &CodeAsked, now: Timestamp) -> Self {
        Self {
            phone: asked.phone.clone(),
            short_reference: asked.short_reference.clone(),
            expires_in_seconds: asked.expires_at.seconds_from(now),
            pin: asked.pin,
        }
    }
}

/// Whether a code is on its way is not said: that would tell who has a wallet.
#[derive(Serialize)]
pub(super) struct VisitAnswer {
    short_reference: String,
    expires_in_seconds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<PinAsked>,
}

impl VisitAnswer {
    pub(super) fn of(asked: CodeAsked, now: Timestamp) -> Self {
        let expires_in_seconds = asked.expires_at.seconds_from(now);
        let CodeAsked { short_reference, pin, .. } = asked;
        Self { short_reference, expires_in_seconds, pin }
    }
}

#[derive(Serialize)]
pub(super) struct OpeningAnswer {
    pub(super) opening: OpeningId,
    pub(super) code: CodeAnswer,
}

#[derive(Serialize)]
pub(super) struct WalletAnswer {
    number: WalletNumber,
    name: WalletName,
    currency: Currency,
    available_minor: u64,
    held_minor: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<Seconds>,
}

impl From<WalletView> for WalletAnswer {
    fn from(view: WalletView) -> Self {
        let WalletView { number, name, currency, available_minor, held_minor, closed_at } = view;
        let closed_at = closed_at.map(Seconds::from);
        Self { number, name, currency, available_minor, held_minor, closed_at }
    }
}

#[derive(Serialize)]
pub(super) struct CardAnswer {
    id: CardId,
    name: CardName,
    masked: String,
}

impl From<CardView> for CardAnswer {
    fn from(CardView { id, name, masked }: CardView) -> Self {
        Self { id, name, masked: masked.to_string() }
    }
}

/// Balances are in minor units, and so are movements: what goes out has a minus.
#[derive(Serialize)]
pub(super) struct StatementAnswer {
    wallet: WalletNumber,
    currency: Currency,
    from: Seconds,
    to: Seconds,
    opening_minor: i128,
    movements: Vec<Movement>,
    closing_minor: i128,
}

#[derive(Serialize)]
struct Movement {
    at: Seconds,
    /// The payment or the transfer that it is of.
    of: String,
    amount_minor: i128,
    balance_minor: i128,
}

impl StatementAnswer {
    pub(super) fn of(statement: &WalletStatement) -> Self {
        let movement = |entry: &Entry| {
            let amount = i128::from(entry.posting.amount.amount_minor());
            Movement {
                at: entry.posting.at.into(),
                of: about(entry).to_owned(),
                amount_minor: if statement.is_credit(entry) { amount } else { -amount },
                balance_minor: entry.balance.net_minor(),
            }
        };
        Self {
            wallet: statement.wallet.clone(),
            currency: statement.currency,
            from: statement.from.into(),
            to: statement.to.into(),
            opening_minor: statement.statement.opening.net_minor(),
            movements: statement.statement.entries.iter().map(movement).collect(),
            closing_minor: statement.statement.closing.net_minor(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct TicketAnswer {
    payment: PurchaseId,
    ticket_sha256: Sha256Digest,
    payee: Payee,
    #[serde(flatten)]
    ticket: Ticket,
}

impl From<TicketView> for TicketAnswer {
    fn from(TicketView { payment, ticket, ticket_sha256, payee }: TicketView) -> Self {
        Self { payment, ticket_sha256, payee, ticket }
    }
}

/// Where something stands that bank and person are asked about.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Status {
    AwaitingCode {
        code: CodeAnswer,
    },
    Processing,
    Paid {
        receipt: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        balance_minor: Option<u64>,
        at: Seconds,
    },
    NotPaid {
        cause: NotPaid,
        at: Seconds,
    },
    Done {
        balance_minor: u64,
        at: Seconds,
    },
    NotMade {
        cause: NotPaid,
        at: Seconds,
    },
}

#[derive(Serialize)]
pub(super) struct PaymentAnswer {
    payment: PurchaseId,
    ticket_sha256: Sha256Digest,
    transaction: Transaction,
    source: Source,
    /// What was proved of the payer, once the code was accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    elements: Vec<Element>,
    #[serde(flatten)]
    status: Status,
}

impl PaymentAnswer {
    pub(super) fn of(view: PaymentView, now: Timestamp) -> Self {
        let PaymentView { payment, ticket_sha256, transaction, source, elements, status, .. } =
            view;
        let status = match status {
            PaymentStatus::AwaitingCode(asked) => {
                Status::AwaitingCode { code: CodeAnswer::of(&asked, now) }
            }
            PaymentStatus::Processing => Status::Processing,
            PaymentStatus::Paid { receipt, balance_minor, at } => {
                Status::Paid { receipt, balance_minor, at: at.into() }
            }
            PaymentStatus::NotPaid { cause, at } => Status::NotPaid { cause, at: at.into() },
        };
        Self { payment, ticket_sha256, transaction, source, elements, status }
    }
}

#[derive(Serialize)]
pub(super) struct TransferAnswer {
    transfer: TransferId,
    amount_minor: u64,
    currency: Currency,
    #[serde(flatten)]
    status: Status,
}

impl TransferAnswer {
    pub(super) fn of(view: &TransferView, now: Timestamp) -> Self {
        let status = match &view.status {
            TransferStatus::AwaitingCode(asked) => {
                Status::AwaitingCode { code: CodeAnswer::of(asked, now) }
            }
            TransferStatus::Processing => Status::Processing,
            TransferStatus::Done { balance_minor, at } => {
                Status::Done { balance_minor: *balance_minor, at: (*at).into() }
            }
            TransferStatus::NotMade { cause, at } => {
                Status::NotMade { cause: cause.clone(), at: (*at).into() }
            }
        };
        Self {
            transfer: view.id.clone(),
            amount_minor: view.amount.amount_minor(),
            currency: view.amount.currency(),
            status,
        }
    }
}
