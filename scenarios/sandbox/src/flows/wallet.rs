//! Wallets (figure 12): the intermediation server, and shops that are paid through it: one that people visit, and a bookshop
//! for programs.

mod bookshop;
mod counter;
mod messages;
mod operator;
mod shop;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method},
};
use countersign_certs::KeyPair;
use countersign_domain::refusal::{Refusal, VoidCause};
use countersign_wallet::{References, Standing, record::NotPaid};

use self::counter::Counter;
use super::{Ground, heard, messages_of, unreadable};
use crate::{
    address::{free_port, host},
    counterparties::Counterparties,
    drawing::{Flow, Traces},
    error::SandboxError,
    folder::write_secret,
    journal::{Note, Request, Said},
    operator::Operator,
    problem::ControlError,
    views::{Became, Begun, Tone, age},
};

/// The relying party that has the wallets.
pub(crate) const HOUSE: &str = "wallets";
/// By which name tickets and receipts know the server.
const WALLET_HOST: &str = "localhost";
/// What the id of a ticket's payment begins with.
const PAYMENT: &str = "pur_";
/// What receipts are signed with.
const KEY: &str = "wallet.key";

/// Its section of the server's configuration.
pub(super) fn section(ground: &Ground<'_>) -> Result<String, SandboxError> {
    write_secret(&ground.folder.join(KEY), &KeyPair::generate()?.expose_pem()?)?;
    let listen = free_port(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let host = host(listen);
    let link = ground.operator.map(Operator::link).unwrap_or_default();
    Ok(format!(
        r#"
[wallet]
listen = "{listen}"
public_origin = "https://{host}"
relying_party = "{HOUSE}"
signing_key = "{KEY}"
limits = [
    {{ currency = "EUR", balance = "500.00", payment = "200.00", day = "300.00" }},
    {{ currency = "USD", balance = "500.00", payment = "200.00", day = "300.00" }},
]
fee_basis_points = 100
{link}"#
    ))
}

/// What a client's computer asks of the shop.
pub(super) fn routes(counterparties: Arc<Counterparties>) -> Router {
    let counter = Counter::new(counterparties);
    shop::routes(counter.clone()).merge(bookshop::routes(counter))
}

/// What it asks of the server.
pub(super) fn request(method: &Method, path: &str, body: &Bytes) -> Option<Request> {
    messages::request(method, path, body).or_else(|| operator::request(path, body))
}

/// What it is answered.
pub(super) fn answer(headers: &HeaderMap, body: &Bytes) -> Option<Said> {
    messages::answer(headers, body).or_else(|| operator::answer(headers, body))
}

/// The tickets that were heard of last, latest first, and what became of them.
pub(super) async fn lately(shared: &Counterparties) -> Vec<Begun> {
    let notes = shared.journal.all();
    let heard = heard(&notes, |id| id.starts_with(PAYMENT) && is_one(id));
    if heard.is_empty() {
        return Vec::new();
    }
    let mut begun = Vec::new();
    for (id, first) in heard {
        let standing = Standing::of(shared.store.as_ref(), id).await.ok();
        begun.push(Begun {
            page: format!("/purchases/{id}"),
            id: id.to_owned(),
            what: title(first),
            at: first.at,
            age: age(first.at),
            became: standing.map_or(NOT_KNOWN, became),
        });
    }
    begun
}

/// What a ticket is called: `buys a book for 49.90 EUR` is its first note, where the sandbox's shops sold it.
fn title(note: &Note) -> String {
    let amount = note.label.rsplit_once(" for ").map(|(_, amount)| amount);
    amount.map_or_else(|| "A ticket".to_owned(), |amount| format!("A ticket for {amount}"))
}

const NOT_KNOWN: Became = Became { tone: Tone::Open, words: "not known" };

fn became(standing: Option<Standing>) -> Became {
    let (tone, words) = match standing {
        None => (Tone::Open, "open"),
        Some(Standing::Pending) => (Tone::Open, "awaiting the code, or the bank"),
        Some(Standing::Paid) => (Tone::Good, "paid"),
        Some(Standing::NotPaid(
            NotPaid::Code { refusal }
            | NotPaid::Voided { cause: VoidCause::NotVerified { refusal } },
        )) => (Tone::Bad, not_verified(&refusal)),
        Some(Standing::NotPaid(NotPaid::Bank { .. })) => (Tone::Bad, "refused: the bank declined"),
        Some(Standing::NotPaid(NotPaid::Voided { cause: VoidCause::CaptureRefused { .. } })) => {
            (Tone::Bad, "refused: the bank did not debit")
        }
        Some(Standing::NotPaid(NotPaid::Voided {
            cause: VoidCause::Interrupted | VoidCause::CalledOff | VoidCause::NotCaptured,
        })) => (Tone::Bad, "voided"),
    };
    Became { tone, words }
}

const fn not_verified(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::TooManyAttempts => "refused: too many wrong codes",
        Refusal::Late => "expired: no code came in time",
        Refusal::Undeliverable => "voided: the phone cannot be reached",
        Refusal::Cancelled => "voided: called off",
        Refusal::Blocked { .. } | Refusal::Locked => "refused: too many wrong codes for this phone",
        Refusal::MessageLimit { .. } => "refused: no further message for now",
        Refusal::PhoneNotServed => "refused: no messages to such a phone",
        Refusal::TooManyWaiting { .. } => "refused: other payments wait for a code",
        Refusal::WrongCode { .. }
        | Refusal::PinSet
        | Refusal::AlreadyUsed
        | Refusal::OtherSession
        | Refusal::TooManySends
        | Refusal::TooSoon { .. } => "voided",
    }
}

/// Whether this is the id of a payment, of a movement or of an opening.
pub(super) fn is_one(id: &str) -> bool {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    [PAYMENT, "trf_", "opn_"].iter().any(|kind| id.starts_with(kind)) && id.bytes().all(is_id)
}

/// Its flow. By which references bank and centre know it, the server's records say.
pub(super) async fn flow(shared: &Counterparties, id: &str) -> Result<Flow, ControlError> {
    let mut traces = Traces { subject: id.to_owned(), ..Traces::default() };
    let store = shared.store.as_ref();
    let references = References::of(store, id).await.map_err(|error| unreadable(&error))?;
    traces.bank = references.bank;
    for challenge in &references.challenges {
        let messages = messages_of(store, challenge).await;
        traces.messages.extend(messages.map_err(|error| unreadable(&error))?);
        if let Some(operator) = &shared.operator {
            traces.messages.extend(operator::messages(operator, challenge).await?);
            traces.challenges.push(challenge.as_str().to_owned());
        }
    }
    let flow = Flow::of(&shared.journal, &traces);
    if flow.arrows.is_empty() {
        return Err(ControlError::not_found("Nothing was sent for that."));
    }
    Ok(flow)
}
