//! The merchant of figure 12, which nobody kills: it signs tickets, and delivers each once for its receipt.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Mutex,
};

use countersign_certs::KeyPair;
use countersign_domain::{amount::Amount, time::Timestamp};
use countersign_wallet::{
    jws::{PublicKey, SigningKey},
    merchant::{Delivered, NotDelivered, Order, Till},
    message::{Goods, registration::Registration},
};

use crate::client::Client;

/// Till and counter.
pub(crate) struct Counter {
    till: Till,
    delivered: Delivered,
    sales: Mutex<BTreeMap<u64, Sale>>,
}

/// A ticket and what became of it, by its amount.
#[derive(Default)]
struct Sale {
    ticket: String,
    /// That came first.
    receipt: Option<String>,
    deliveries: u32,
}

impl Counter {
    /// Registers a key at the server.
    pub(crate) async fn open(client: &Client, folder: PathBuf, now: Timestamp) -> Self {
        let key = SigningKey::from_pkcs8(KeyPair::generate().unwrap().expose_der()).unwrap();
        let server = "localhost".try_into().unwrap();
        let new = Registration::new(&key, "dupont".try_into().unwrap(), server, now).unwrap();
        let new = serde_json::to_string(&new).unwrap();
        let taken = client.merchant("POST", "/v1/wallet/keys", "none", &new).await.unwrap();
        assert_eq!(taken.status, 200, "{}", taken.body);
        let server_keys: Vec<PublicKey> =
            serde_json::from_value(taken.body.get("server_keys").unwrap().clone()).unwrap();
        let till = Till {
            merchant: taken.text("/merchant").try_into().unwrap(),
            key,
            server: taken.text("/server").as_str().try_into().unwrap(),
            server_keys,
        };
        let delivered = Delivered::in_folder(folder).unwrap();
        Self { till, delivered, sales: Mutex::default() }
    }

    pub(crate) fn merchant(&self) -> &str {
        self.till.merchant.as_str()
    }

    /// A ticket of so many cents, which no other has.
    pub(crate) fn ticket(&self, cents: u64, now: Timestamp) -> String {
        let order = Order {
            number: format!("ticket-{cents:08}").try_into().unwrap(),
            amount: Amount::new(cents, "EUR".try_into().unwrap()).unwrap(),
            reference: format!("order {cents}").as_str().try_into().unwrap(),
            goods: Goods::default(),
        };
        let ticket = self.till.sign(&self.till.ticket(order, now)).unwrap();
        let sale = Sale { ticket: ticket.clone(), ..Sale::default() };
        self.sales.lock().unwrap().insert(cents, sale);
        ticket
    }

    /// Hands in a receipt, as often as somebody has one.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn hand_in(
        &self,
        cents: u64,
        receipt: &str,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        let mut sales = self.sales.lock().unwrap();
        let sale = sales.get_mut(&cents).ok_or("a receipt is for a ticket")?;
        let Ok(sold) = self.till.check(receipt, &sale.ticket, now) else {
            return Err("the merchant can verify every receipt");
        };
        if self.delivered.take(&sold) != Err(NotDelivered::Taken) {
            sale.deliveries += 1;
        }
        if sale.receipt.get_or_insert_with(|| receipt.to_owned()) != receipt {
            return Err("a receipt is given again byte for byte");
        }
        if sale.deliveries == 1 { Ok(()) } else { Err("what is paid is delivered once") }
    }

    /// The amounts that were delivered.
    pub(crate) fn delivered(&self) -> BTreeSet<u64> {
        let sales = self.sales.lock().unwrap();
        sales.iter().filter(|(_, sale)| sale.deliveries > 0).map(|(cents, _)| *cents).collect()
    }
}
