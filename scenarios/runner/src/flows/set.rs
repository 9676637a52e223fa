//! SET (figure 11): the shop asks at `/v1/set/orders`; a cardholder's program speaks to merchant and gateway in their messages.

mod dishonest;

pub(crate) use dishonest::{
    Dishonest, GATEWAY, MERCHANT, OTHER_GATEWAY, OTHER_MERCHANT, QuestionToGateway, Taken, parts,
};

use std::{collections::BTreeMap, path::Path};

use countersign_certs::TrustAnchors;
use countersign_domain::{
    amount::Amount,
    card::{Card as DomainCard, CardExpiry},
    time::Timestamp,
};
use countersign_server::SystemEntropy;
use countersign_set::{
    asn1::{Random, Received},
    cardholder::{Asked, Progress, Purchase, Sent, Wallet, WalletError},
    link::HttpClient,
    message::{
        purchase::{OiData, PReq, Pi},
        wrapper::{Message, MessageWrapper},
    },
    protect::Digest,
    wallet_file::WalletFile,
};
use der::{Decode as _, Encode as _};
use serde_json::{Value, json};

use super::registration::Registering;
use crate::{
    bench::{Bench, Call},
    description::Card,
    failure::Failure,
    flows::settle::Settling,
    phrase::{Table, look_up},
    wire::{Answer, Tls},
};

/// What was bought by SET in one scenario.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) orders: Vec<Order>,
    /// The wallets that are open, by their owners' names.
    pub(crate) wallets: BTreeMap<String, Wallet>,
    /// The registration that is under way.
    pub(crate) registration: Option<Registering>,
    /// Whether one came to its end.
    pub(crate) has_registered: bool,
    /// The purchase that has a name and was not sent yet.
    pub(crate) named: Option<Purchase>,
    /// What the merchant answered when it named that purchase.
    pub(crate) name: Vec<u8>,
    pub(crate) bought: Vec<Bought>,
    /// The purchase that a dishonest merchant has, and what it asked the gateway.
    pub(crate) taken: Option<Taken>,
    /// The reference that the wallet showed of it.
    pub(crate) shown: Option<String>,
    pub(crate) asked: Option<QuestionToGateway>,
    /// What the wallet was told last, or why it accepts nothing of it.
    pub(crate) told: Option<Result<Progress, WalletError>>,
    /// What the shop asked for after a purchase.
    pub(crate) settling: Settling,
}

/// What a shop wants to be paid.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    /// Where its wake-up is.
    pub(crate) url: String,
}

/// A purchase that was sent.
#[derive(Debug)]
pub(crate) struct Bought {
    pub(crate) sent: Sent,
    pub(crate) asked: Asked,
    /// As it was sent, and as it was answered.
    pub(crate) message: Vec<u8>,
    pub(crate) answer: Vec<u8>,
    /// The code that was sent through the merchant.
    pub(crate) typed: Option<Vec<u8>>,
}

impl Counter {
    /// The order that is talked of: the last.
    pub(crate) fn order(&self) -> Result<&Order, Failure> {
        self.orders.last().ok_or_else(|| Failure::new("the shop has not asked for anything by SET"))
    }

    /// The purchase that is talked of: the last.
    pub(crate) fn last(&self) -> Result<&Bought, Failure> {
        self.bought.last().ok_or_else(|| Failure::new("nobody has paid by SET yet"))
    }

    pub(crate) fn last_mut(&mut self) -> Result<&mut Bought, Failure> {
        self.bought.last_mut().ok_or_else(|| Failure::new("nobody has paid by SET yet"))
    }

    /// What every open wallet trusts: the sandbox's authority.
    pub(crate) fn trust(&self) -> Result<&TrustAnchors, Failure> {
        let wallet = self.wallets.values().next();
        Ok(&wallet.ok_or_else(|| Failure::new("no wallet is open"))?.trust)
    }

    pub(crate) fn wallet(&self, name: &str) -> Result<&Wallet, Failure> {
        let wallet = self.wallets.get(name);
        wallet.ok_or_else(|| Failure::new(format!("{name}'s wallet is not open")))
    }

    /// What the wallet was told last, if it accepts it.
    pub(crate) fn progress(&self) -> Result<&Progress, Failure> {
        match &self.told {
            Some(Ok(progress)) => Ok(progress),
            Some(Err(error)) => Err(Failure::new(error.to_string())),
            None => Err(Failure::new("the wallet was told nothing yet")),
        }
    }

    /// The name of what the wallet was told last.
    pub(crate) fn told(&self) -> String {
        match &self.told {
            Some(Ok(Progress { auth_code: Some(code), .. })) => code.name().to_owned(),
            Some(Ok(progress)) => progress.completion.name().to_owned(),
            Some(Err(WalletError::Answered(code))) => code.name().to_owned(),
            Some(Err(error)) => error.to_string(),
            None => "nothing".to_owned(),
        }
    }

    /// The purchase that a dishonest merchant has.
    pub(crate) fn taken(&self) -> Result<&Taken, Failure> {
        self.taken.as_ref().ok_or_else(|| Failure::new("nobody has paid a dishonest merchant"))
    }

    /// What the gateway was asked last by it.
    pub(crate) fn asked(&self) -> Result<&QuestionToGateway, Failure> {
        let asked = self.asked.as_ref();
        asked.ok_or_else(|| Failure::new("the merchant has not asked the gateway"))
    }

    /// Where the sandbox has what was sent for each.
    pub(crate) fn drawn(&self) -> impl Iterator<Item = String> {
        let registrations = self.has_registered.then_some("registrations").into_iter();
        let orders = self.orders.iter().map(|order| order.id.as_str());
        registrations.chain(orders).map(|id| format!("/purchases/{id}/flow.json"))
    }
}

/// A shop wants to be paid.
pub(crate) async fn create(bench: &Bench, amount: Amount, goods: &str) -> Result<Order, Failure> {
    let price = json!({ "value": amount.to_decimal(), "currency": amount.currency().code() });
    let body = json!({ "amount": price, "description": goods });
    let api_key = Some(bench.description.api_key.as_str());
    let (method, path) = ("POST", "/v1/set/orders");
    let call = Call { method, path, api_key, body: Some(&body), ..Call::default() };
    let view = shown(bench.call(call).await?)?;
    let text = |member: &str| {
        let found = view.get(member).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| Failure::expected(format_args!("an order with {member}"), &view))
    };
    Ok(Order { id: text("id")?, url: text("url")? })
}

/// The order as its shop sees it.
pub(crate) async fn view(bench: &Bench, order: &Order) -> Result<Value, Failure> {
    let path = format!("/v1/set/orders/{}", order.id);
    let api_key = Some(bench.description.api_key.as_str());
    shown(bench.call(Call { method: "GET", path: &path, api_key, ..Call::default() }).await?)
}

pub(crate) fn shown(answer: Answer) -> Result<Value, Failure> {
    match answer {
        Ok(reply) if reply.status.is_success() => Ok(reply.json().0),
        Ok(reply) => Err(Failure::expected("an order", reply)),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

/// Opens a wallet of the sandbox (F11.7).
pub(crate) fn open(file: &Path, password: &str) -> Result<Wallet, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let file = WalletFile::read(file).map_err(|error| failed(&error))?;
    file.open(password).map_err(|error| failed(&error))
}

/// A wallet with a card and without a certificate (F11.v1): it trusts whom the sandbox's wallet trusts.
pub(crate) fn unsigned(bench: &Bench, card: &Card) -> Result<Wallet, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let file = WalletFile::read(&bench.description.wallet.file).map_err(|error| failed(&error))?;
    let expiry = CardExpiry::try_from(card.expiry.as_str()).map_err(|error| failed(&error))?;
    Ok(Wallet {
        card: DomainCard::new(&card.number, expiry).map_err(|error| failed(&error))?,
        brand: "Sandbox".try_into().map_err(|error| failed(&error))?,
        identity: None,
        trust: file.anchors().map_err(|error| failed(&error))?,
        language: "en".try_into().map_err(|error| failed(&error))?,
    })
}

/// A cardholder's program at one sandbox, at one moment of the server's time.
pub(crate) struct Program {
    client: HttpClient,
    pub(crate) now: Timestamp,
    pub(crate) entropy: SystemEntropy,
}

impl Program {
    pub(crate) async fn at(bench: &Bench) -> Result<Self, Failure> {
        let tls = Tls::new(&bench.description.authority, None)?;
        let (client, now) = (HttpClient::new(tls.config()), bench.control.time().await?);
        Ok(Self { client, now, entropy: SystemEntropy::default() })
    }

    /// From the wake-up to a purchase that has a name (F11.2, F11.3), which is given as `on_the_way` leaves it.
    pub(crate) async fn take(
        &self,
        wallet: &Wallet,
        order: &Order,
        on_the_way: impl Fn(Vec<u8>) -> Result<Vec<u8>, Failure>,
    ) -> Result<(Purchase, Vec<u8>), Failure> {
        let wake_up = self.client.wake_up(&order.url).await;
        let wake_up = wake_up.map_err(|error| Failure::new(error.to_string()))?;
        let offer = wallet.offer(&wake_up, self.now).map_err(refused)?;
        let url = offer.url().to_owned();
        let (message, begun) = offer.begin(wallet, &self.entropy, self.now).map_err(refused)?;
        let answer = on_the_way(self.exchange(&url, message).await?)?;
        Ok((begun.accept(&answer, wallet, self.now).map_err(refused)?, answer))
    }

    pub(crate) const fn client(&self) -> &HttpClient {
        &self.client
    }

    pub(crate) async fn exchange(&self, url: &str, message: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let answered = self.client.exchange(url, message).await;
        answered.map_err(|error| Failure::new(error.to_string()))
    }
}

pub(crate) fn refused(error: WalletError) -> Failure {
    Failure::new(error.to_string())
}

/// A purchase with other goods in its order: whoever changes it can make every digest anew, and no signature.
pub(crate) fn with_other_goods(message: &[u8]) -> Result<Vec<u8>, Failure> {
    let changed = |order: &Received<OiData>| {
        let mut other = order.clone().into_value();
        other.hod = Digest::from_bytes([7; 32]);
        Received::new(other)
    };
    let mut wrapper = MessageWrapper::from_der(message).map_err(not_der)?;
    match &mut wrapper.message {
        Message::PReq(PReq::DualSigned(request)) => {
            let order = &mut request.oi_dual_signed.oi_data;
            *order = changed(order).map_err(not_der)?;
        }
        Message::PReq(PReq::Unsigned(request)) => {
            let order = &mut request.oi_unsigned.oi_data;
            *order = changed(order).map_err(not_der)?;
        }
        _ => return Err(Failure::new("it is no purchase")),
    }
    wrapper.to_der().map_err(not_der)
}

/// The same message, as if it were another request.
pub(crate) fn in_another_wrapper(message: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut wrapper = MessageWrapper::from_der(message).map_err(not_der)?;
    wrapper.header.rrpid = Random::from([9; 20]);
    wrapper.to_der().map_err(not_der)
}

/// A purchase with the payment of another one.
pub(crate) fn with_payment_of(other: &[u8], message: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut wrapper = MessageWrapper::from_der(message).map_err(not_der)?;
    match (parts(other)?.0, &mut wrapper.message) {
        (Pi::DualSigned(payment), Message::PReq(PReq::DualSigned(request))) => {
            request.pi_dual_signed = payment;
        }
        (Pi::Unsigned(payment), Message::PReq(PReq::Unsigned(request))) => {
            request.pi_unsigned = payment;
        }
        _ => return Err(Failure::new("one is signed and the other is not")),
    }
    wrapper.to_der().map_err(not_der)
}

/// Whether a key of the sandbox's folder opens the payment, or the code, in a message.
pub(crate) fn opens(folder: &Path, name: &str, message: &[u8]) -> Result<bool, Failure> {
    let keys = [dishonest::recipient_key(folder, name)?];
    match MessageWrapper::from_der(message).map_err(not_der)?.message {
        Message::PReq(PReq::DualSigned(request)) => {
            Ok(request.pi_dual_signed.pi_sealed.open(&keys).is_ok())
        }
        Message::PReq(PReq::Unsigned(request)) => Ok(request.pi_unsigned.open(&keys).is_ok()),
        Message::CodeForwardReq(request) => Ok(request.code_submission.open(&keys).is_ok()),
        _ => Err(Failure::new("it is neither a purchase nor a code")),
    }
}

fn not_der(error: der::Error) -> Failure {
    Failure::new(error.to_string())
}

/// What a wallet is told, by the protocol's name.
pub(crate) fn answer(words: &str) -> Result<&'static str, String> {
    look_up(ANSWERS, words)
}

/// Where an order stands, as its shop sees it.
pub(crate) fn status(words: &str) -> Result<&'static str, String> {
    look_up(STATUSES, words)
}

const ANSWERS: Table = &[
    ("it is paid", "approved"),
    ("a code is asked for", "codePending"),
    ("the code is wrong", "codeWrong"),
    ("too many wrong codes", "codeLocked"),
    ("the code came too late", "codeExpired"),
    ("the bank refuses", "declined"),
    ("no phone is vouched for", "noPhone"),
    ("the order is refused", "orderRejected"),
    ("the message is not authentic", "signatureFailure"),
    ("the wrapper is another message's", "wrapperMsgMismatch"),
    ("the amount is not the one that was signed", "amountError"),
    ("the payment does not belong to the request", "piAuthMismatch"),
    ("the payment was used before", "piPreviouslyUsed"),
];

const STATUSES: Table = &[
    ("is open", "open"),
    ("waits for the code", "code_asked"),
    ("is paid", "paid"),
    ("is refused", "refused"),
];
