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
use countersign_wallet::References;

use self::counter::Counter;
use super::{Ground, messages_of, opened, unreadable};
use crate::{
    address::{free_port, host},
    counterparties::Counterparties,
    drawing::{Flow, Traces},
    error::SandboxError,
    folder::write_secret,
    journal::{Request, Said},
    operator::Operator,
    problem::ControlError,
};

/// The relying party that has the wallets.
pub(crate) const HOUSE: &str = "wallets";
/// By which name tickets and receipts know the server.
const WALLET_HOST: &str = "localhost";
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

/// Whether this is the id of a payment, of a movement or of an opening.
pub(super) fn is_one(id: &str) -> bool {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    ["pur_", "trf_", "opn_"].iter().any(|kind| id.starts_with(kind)) && id.bytes().all(is_id)
}

/// Its flow. By which references bank and centre know it, the server's records say.
pub(super) async fn flow(shared: &Counterparties, id: &str) -> Result<Flow, ControlError> {
    let mut traces = Traces { subject: id.to_owned(), ..Traces::default() };
    let store = opened(shared)?;
    let references = References::of(&store, id).await.map_err(|error| unreadable(&error))?;
    traces.bank = references.bank;
    for challenge in &references.challenges {
        let messages = messages_of(&store, challenge).await;
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
