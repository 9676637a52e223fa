//! Tickets that the bookshop never signed so: what a dishonest client or another merchant makes of one, and what a
//! second till of the bookshop's signs that the first does not.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign_certs::KeyPair;
use countersign_domain::{amount::Amount, time::Timestamp};
use countersign_wallet::{
    jws::SigningKey,
    merchant::{self, Order},
    message::{Goods, Seconds, registration::Registration},
};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Call},
    failure::Failure,
};

/// A till whose key a tester has.
pub(crate) type Till = merchant::Till;

/// How a ticket is not what a merchant would sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Forgery {
    /// With a key that the server does not know.
    UnknownKey,
    /// Signed by a merchant, in another one's name.
    OtherMerchant,
    /// For another server.
    OtherServer,
    /// Whose time is over.
    Expired,
    /// Of tomorrow.
    FromFuture,
    /// Good for a year.
    ForAYear,
}

impl Forgery {
    /// Of those words.
    pub(crate) fn of(words: &str) -> Result<Self, String> {
        let known = [
            ("with a key that nobody knows", Self::UnknownKey),
            ("that another merchant signed in its name", Self::OtherMerchant),
            ("that is for another server", Self::OtherServer),
            ("that has expired", Self::Expired),
            ("of tomorrow", Self::FromFuture),
            ("that is good for a year", Self::ForAYear),
        ];
        let found = known.iter().find(|(said, _)| *said == words).map(|(_, forgery)| *forgery);
        found.ok_or_else(|| {
            let known: Vec<_> = known.iter().map(|(said, _)| *said).collect();
            format!("the script says a ticket {words:?}; there are: {}", known.join("; "))
        })
    }

    /// A ticket of that kind.
    pub(crate) async fn sign(
        self,
        bench: &Bench,
        number: &str,
        amount: Amount,
    ) -> Result<String, Failure> {
        let (own, other) = (&bench.description.api_key, &bench.description.other_api_key);
        let now = bench.control.time().await?;
        let mut till = open(bench, own).await?;
        let made = match self {
            Self::Expired => back(now, 20 * 60),
            Self::FromFuture => now.plus_seconds(DAY_SECONDS),
            Self::UnknownKey | Self::OtherMerchant | Self::OtherServer | Self::ForAYear => now,
        };
        match self {
            Self::UnknownKey => till.key = new_key()?,
            Self::OtherMerchant => till.key = open(bench, other).await?.key,
            Self::OtherServer => till.server = "elsewhere.example".try_into().map_err(failed)?,
            Self::Expired | Self::FromFuture | Self::ForAYear => {}
        }
        let mut ticket = till.ticket(order(number, amount)?, made);
        if self == Self::ForAYear {
            ticket.exp = Seconds::from(made.plus_seconds(365 * DAY_SECONDS));
        }
        till.sign(&ticket).map_err(failed)
    }
}

const DAY_SECONDS: u32 = 86_400;

/// A till whose key the server takes for the relying party of that API key.
pub(crate) async fn open(bench: &Bench, api_key: &str) -> Result<Till, Failure> {
    let key = new_key()?;
    let merchant = if api_key == bench.description.api_key { "dupont" } else { "martin" };
    let merchant = merchant.try_into().map_err(failed)?;
    let server = "localhost".try_into().map_err(failed)?;
    let now = bench.control.time().await?;
    let new = Registration::new(&key, merchant, server, now).map_err(failed)?;
    let new = serde_json::to_value(new).map_err(failed)?;
    let (path, api_key) = ("/v1/wallet/keys", Some(api_key));
    let call = Call { method: "POST", path, api_key, body: Some(&new), ..Call::default() };
    let reply = bench.call(call).await?.map_err(failed)?;
    let taken = reply.json();
    let text = |member: &str| {
        let found = taken.text(member).map(str::to_owned);
        found.ok_or_else(|| Failure::expected("what a till needs", &reply))
    };
    let keys = taken.0.get("server_keys").cloned().unwrap_or_default();
    Ok(Till {
        merchant: text("/merchant")?.try_into().map_err(failed)?,
        key,
        server: text("/server")?.try_into().map_err(failed)?,
        server_keys: serde_json::from_value(keys).map_err(failed)?,
    })
}

/// The server forgets that key of the bookshop's.
pub(crate) async fn revoke(bench: &Bench, till: &Till) -> Result<(), Failure> {
    let path = format!("/v1/wallet/keys/{}", till.key.public().id());
    let api_key = Some(bench.description.api_key.as_str());
    let call = Call { method: "DELETE", path: &path, api_key, ..Call::default() };
    let reply = bench.call(call).await?.map_err(failed)?;
    if reply.status.is_success() { Ok(()) } else { Err(Failure::expected("204", reply)) }
}

pub(crate) fn order(number: &str, amount: Amount) -> Result<Order, Failure> {
    Ok(Order {
        number: number.try_into().map_err(failed)?,
        amount,
        reference: "by-wallet".try_into().map_err(failed)?,
        goods: Goods::default(),
    })
}

fn new_key() -> Result<SigningKey, Failure> {
    SigningKey::from_pkcs8(KeyPair::generate().map_err(failed)?.expose_der()).map_err(failed)
}

fn back(now: Timestamp, seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(now.unix_seconds().saturating_sub(seconds))
}

/// What a message says, its signature not looked at.
pub(crate) fn content(compact: &str) -> Result<Value, Failure> {
    let [_, content, _] = parts(compact)?;
    let octets = BASE64_URL_SAFE_NO_PAD.decode(content).map_err(failed)?;
    serde_json::from_slice(&octets).map_err(failed)
}

/// The same message with another amount, and the signature that it had.
pub(crate) fn with_amount(compact: &str, amount: Amount) -> Result<String, Failure> {
    let [header, _, signature] = parts(compact)?;
    let mut content = content(compact)?;
    if let Some(member) = content.get_mut("amount_minor") {
        *member = json!(amount.amount_minor());
    }
    Ok(format!("{header}.{}.{signature}", encoded(&content)))
}

/// The same message, which says that nothing has to be verified (RFC 7515 appendix A.5).
pub(crate) fn unsigned(compact: &str) -> Result<String, Failure> {
    let [header, content, _] = parts(compact)?;
    let octets = BASE64_URL_SAFE_NO_PAD.decode(header).map_err(failed)?;
    let mut header: Value = serde_json::from_slice(&octets).map_err(failed)?;
    if let Some(member) = header.get_mut("alg") {
        *member = json!("none");
    }
    Ok(format!("{}.{content}.", encoded(&header)))
}

/// The message with the signature of another.
pub(crate) fn with_signature_of(compact: &str, other: &str) -> Result<String, Failure> {
    let ([header, content, _], [.., signature]) = (parts(compact)?, parts(other)?);
    Ok(format!("{header}.{content}.{signature}"))
}

fn parts(compact: &str) -> Result<[&str; 3], Failure> {
    let parts: Vec<_> = compact.split('.').collect();
    parts.try_into().map_err(|_| Failure::expected("a signed message", compact))
}

fn encoded(json: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
