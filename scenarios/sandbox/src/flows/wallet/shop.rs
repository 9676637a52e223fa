//! The shop, paid from a wallet: it signs a ticket, checks the receipt without asking anybody, and delivers once.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};
use countersign_certs::KeyPair;
use countersign_domain::{
    amount::Amount,
    hex,
    ports::{Clock as _, Entropy as _},
};
use countersign_server::SystemEntropy;
use countersign_wallet::{
    jws::{PublicKey, SigningKey},
    merchant::{Delivered, NotDelivered, Order, Till},
    message::{Goods, Item, registration::Registration},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    certificates::MERCHANT,
    counterparties::Counterparties,
    flows::checkout::{Good, good},
    page::{Answer, Frame, show},
    person::euro,
    problem::ControlError,
};

/// What the shop has delivered: a folder.
const DELIVERED: &str = "delivered";

/// The shop's till, which it has from its first customer on, and what went out.
#[derive(Clone)]
struct Shop {
    shared: Arc<Counterparties>,
    till: Arc<OnceCell<Till>>,
}

pub(in crate::flows) fn routes(shared: Arc<Counterparties>) -> Router {
    Router::new()
        .route("/by-wallet", post(hand_ticket))
        .route("/delivered", get(async || Redirect::to("/shop")).post(deliver))
        .with_state(Shop { shared, till: Arc::default() })
}

impl Shop {
    /// The till; its key is given to the server when it is first needed, and so is where receipts are handed in.
    async fn till(&self) -> Result<&Till, ControlError> {
        self.till.get_or_try_init(|| self.new_till()).await
    }

    async fn new_till(&self) -> Result<Till, ControlError> {
        let key = KeyPair::generate().map_err(|error| failed(&error))?;
        let key = SigningKey::from_pkcs8(key.expose_der()).map_err(|error| failed(&error))?;
        let (dupont, server) = (MERCHANT.try_into()?, "localhost".try_into()?);
        let now = self.shared.clock.now();
        let new = Registration::new(&key, dupont, server, now).map_err(|error| failed(&error))?;
        let new = serde_json::to_value(new).map_err(|error| failed(&error))?;
        let merchant = &self.shared.merchant;
        let taken = merchant.call("POST", "/v1/wallet/keys", &new).await?;
        let handed_in = format!("http://localhost:{}/delivered", self.shared.address.port());
        let handed_in = json!({ "return_url": handed_in });
        merchant.call("PUT", "/v1/wallet/return-url", &handed_in).await?;
        let text =
            |member: &str| taken.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let server_keys = taken.get("server_keys").cloned().unwrap_or_default();
        let server_keys: Vec<PublicKey> =
            serde_json::from_value(server_keys).map_err(|error| failed(&error))?;
        let (merchant, server) = (text("merchant").try_into()?, text("server").try_into()?);
        Ok(Till { merchant, key, server, server_keys })
    }

    fn order(good: &Good) -> Result<Order, ControlError> {
        let mut number = [0; 16];
        SystemEntropy::default().fill(&mut number).map_err(|error| failed(&error))?;
        let goods = vec![Item {
            name: good.name.try_into()?,
            quantity: 1_u64.try_into().map_err(|why: &str| failed(&why))?,
        }];
        let currency = euro().map_err(|error| failed(&error))?;
        Ok(Order {
            number: hex::encode(&number).try_into()?,
            amount: Amount::from_decimal(good.price, currency)?,
            reference: format!("shop-{}", good.key).try_into()?,
            goods: Goods::try_from(goods)?,
        })
    }
}

fn failed(error: &dyn std::fmt::Display) -> ControlError {
    ControlError::internal(&error.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuyForm {
    good: String,
}

/// The shop signs a ticket (GRT1), and the browser takes it to the wallet.
async fn hand_ticket(
    State(shop): State<Shop>,
    form: Result<Form<BuyForm>, FormRejection>,
) -> Answer {
    let Form(BuyForm { good: key }) = form?;
    let good = good(&key).ok_or_else(|| ControlError::invalid("The shop does not sell that."))?;
    let till = shop.till().await?;
    let ticket = till.ticket(Shop::order(good)?, shop.shared.clock.now());
    let ticket = till.sign(&ticket).map_err(|error| failed(&error))?;
    let wallets = &shop.shared.facts.wallets;
    Ok(Redirect::to(&format!("{wallets}/pay?ticket={ticket}")).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaidForm {
    ticket: String,
    receipt: String,
}

#[derive(Template)]
#[template(path = "delivered.html")]
struct Out {
    frame: Frame,
    what: String,
}

/// The browser hands in the receipt (GPT4): it is checked offline, and what it pays for is delivered once.
async fn deliver(State(shop): State<Shop>, form: Result<Form<PaidForm>, FormRejection>) -> Answer {
    let Form(PaidForm { ticket, receipt }) = form?;
    let checked = shop.till().await?.check(&receipt, &ticket, shop.shared.clock.now());
    let folder = shop.shared.facts.folder.join(DELIVERED);
    let delivered = Delivered::in_folder(folder).map_err(|error| failed(&error))?;
    let ticket = checked.and_then(|ticket| delivered.take(&ticket).map(|()| ticket));
    let ticket = ticket.map_err(not_delivered)?;
    let what = ticket.goods.names().next().unwrap_or_default().to_owned();
    show(&Out { frame: shop.shared.places.at(""), what })
}

fn not_delivered(refused: NotDelivered) -> ControlError {
    let status = match &refused {
        NotDelivered::Message(_) => StatusCode::FORBIDDEN,
        NotDelivered::OtherTicket | NotDelivered::Taken => StatusCode::CONFLICT,
        NotDelivered::Unknown(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let why = format!("{refused}.");
    ControlError::of(status, "not-delivered", "Nothing is delivered", why)
}
