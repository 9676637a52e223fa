//! Virtual wallets (figure 12): the client's computer 1201 asks the intermediation server 1203 at `/v1`, and takes
//! tickets from the bookshop 1202 and receipts to it.

pub(crate) mod forged;

use std::collections::{BTreeMap, btree_map::Entry};

use countersign_domain::amount::{Amount, Currency};
use countersign_wallet::message::{self, PurchaseId};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Call},
    browser::Browser,
    failure::Failure,
    phrase::{Table, look_up},
    wire::{Answer, Json},
};

/// What was done with wallets in one scenario.
#[derive(Debug, Default)]
pub(crate) struct Wallets {
    clients: BTreeMap<String, Client>,
    /// The tickets that clients' computers have got, earliest first.
    tickets: Vec<Ticket>,
    /// The bookshop's second till, with which a tester signs what the bookshop does not.
    pub(crate) till: Option<forged::Till>,
    /// The ids of what is drawn.
    drawn: Vec<String>,
}

/// A person's computer: one cookie jar, so one visit.
#[derive(Debug)]
pub(crate) struct Client {
    browser: Browser,
    /// The person's wallets, by their names: number and currency.
    wallets: BTreeMap<String, (String, String)>,
    cards: BTreeMap<String, String>,
    /// The path that the next code goes to.
    pub(crate) awaits: Option<String>,
    /// The wallet that is being opened: name and currency.
    pub(crate) opening: Option<(String, String)>,
    /// What was sent to move money last, and by which id it is known.
    pub(crate) moved: Option<Moved>,
}

/// Money that is moved between a wallet and a card.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) path: &'static str,
    pub(crate) body: Value,
    pub(crate) transfer: String,
}

/// A ticket in the hands of a client.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    /// The shop's number of it; none for what the shop did not sign.
    pub(crate) number: Option<String>,
    pub(crate) compact: String,
    /// The id of its payment.
    pub(crate) payment: String,
    /// The request for its payment (GRT2), as it was sent last.
    pub(crate) request: Option<Value>,
    /// What the server asked for (CAC).
    pub(crate) asked: Option<Value>,
    pub(crate) receipt: Option<String>,
}

impl Wallets {
    /// The computer of somebody who has that browser; it is new if need be.
    pub(crate) fn client(&mut self, name: &str, browser: &Browser) -> Result<&mut Client, Failure> {
        match self.clients.entry(name.to_owned()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => Ok(new.insert(Client::new(browser.another()?))),
        }
    }

    /// The computer of somebody who has used it.
    pub(crate) fn known(&self, name: &str) -> Result<&Client, Failure> {
        let known = self.clients.get(name);
        known.ok_or_else(|| Failure::new(format!("{name} has no wallet yet")))
    }

    /// Number and currency of somebody's wallet.
    pub(crate) fn wallet(&self, name: &str, wallet: &str) -> Result<&(String, String), Failure> {
        let found = self.clients.get(name).and_then(|client| client.wallets.get(wallet));
        found.ok_or_else(|| Failure::new(format!("{name} has no wallet {wallet:?}")))
    }

    pub(crate) fn card(&self, name: &str, card: &str) -> Result<&str, Failure> {
        let found = self.clients.get(name).and_then(|client| client.cards.get(card));
        found
            .map(String::as_str)
            .ok_or_else(|| Failure::new(format!("{name} has tied no card {card:?}")))
    }

    /// The names by which the server knows what is somebody's: wallets and cards.
    pub(crate) fn names_of(&self, name: &str) -> Vec<&str> {
        let client = self.clients.get(name).into_iter();
        client
            .flat_map(|client| {
                let numbers = client.wallets.values().map(|(number, _)| number.as_str());
                numbers.chain(client.cards.values().map(String::as_str))
            })
            .collect()
    }

    /// A client has got a ticket, whose payment is drawn.
    pub(crate) fn add_ticket(
        &mut self,
        number: Option<String>,
        compact: String,
    ) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
        let signed = serde_json::from_value::<message::Ticket>(forged::content(&compact)?);
        let signed = signed.map_err(|error| failed(&error))?;
        let payment = PurchaseId::of(&signed).map_err(|error| failed(&error))?;
        self.draw(payment.as_str());
        let payment = payment.as_str().to_owned();
        let (request, asked, receipt) = (None, None, None);
        self.tickets.push(Ticket { number, compact, payment, request, asked, receipt });
        Ok(())
    }

    /// The ticket that is talked of: the last.
    pub(crate) fn ticket(&self) -> Result<&Ticket, Failure> {
        self.tickets.last().ok_or_else(|| Failure::new("nobody has got a ticket yet"))
    }

    pub(crate) fn ticket_mut(&mut self) -> Result<&mut Ticket, Failure> {
        self.tickets.last_mut().ok_or_else(|| Failure::new("nobody has got a ticket yet"))
    }

    /// The ticket before the one that is talked of.
    pub(crate) fn ticket_before(&self) -> Result<&Ticket, Failure> {
        let before = self.tickets.iter().rev().nth(1);
        before.ok_or_else(|| Failure::new("nobody has got two tickets yet"))
    }

    /// What was begun under that id is drawn.
    pub(crate) fn draw(&mut self, id: &str) {
        if !self.drawn.iter().any(|known| known == id) {
            self.drawn.push(id.to_owned());
        }
    }

    /// Where the sandbox has what was sent for each.
    pub(crate) fn drawn(&self) -> impl Iterator<Item = String> {
        self.drawn.iter().map(|id| format!("/purchases/{id}/flow.json"))
    }
}

impl Client {
    fn new(browser: Browser) -> Self {
        let (wallets, cards) = (BTreeMap::new(), BTreeMap::new());
        Self { browser, wallets, cards, awaits: None, opening: None, moved: None }
    }

    pub(crate) async fn ask(
        &mut self,
        bench: &Bench,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Answer {
        self.browser.send(method, &format!("{}{path}", bench.description.wallets), body).await
    }

    /// Looks at something of the person's, as a tester.
    pub(crate) async fn look(&self, bench: &Bench, path: &str) -> Answer {
        self.browser.look(&format!("{}{path}", bench.description.wallets)).await
    }

    pub(crate) fn has_wallet(&mut self, name: &str, number: &str, currency: &str) {
        self.wallets.insert(name.to_owned(), (number.to_owned(), currency.to_owned()));
    }

    pub(crate) fn has_card(&mut self, name: &str, id: &str) {
        self.cards.insert(name.to_owned(), id.to_owned());
    }

    pub(crate) fn has_no_card(&self) -> bool {
        self.cards.is_empty()
    }
}

impl Ticket {
    /// What goes with the code (IS): the transaction, as the ticket has it.
    pub(crate) fn typed(&self, code: &str) -> Result<Value, Failure> {
        let signed = forged::content(&self.compact)?;
        let asked = self.asked.as_ref();
        let asked = asked.ok_or_else(|| Failure::new("nobody has begun to pay the ticket"))?;
        let of = |json: &Value, member: &str| json.get(member).cloned().unwrap_or_default();
        Ok(json!({
            "payment": self.payment, "ticket_sha256": of(asked, "ticket_sha256"),
            "merchant": of(&signed, "iss"), "amount_minor": of(&signed, "amount_minor"),
            "currency": of(&signed, "currency"), "code": code,
        }))
    }
}

/// What the merchant is owed in that currency, all of it.
pub(crate) async fn owed(bench: &Bench, currency: Currency) -> Result<Vec<Value>, Failure> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let code = currency.code();
        let path = format!("/v1/wallet/statement?currency={code}&after={after}");
        let api_key = Some(bench.description.api_key.as_str());
        let call = Call { method: "GET", path: &path, api_key, ..Call::default() };
        let reply = bench.call(call).await?.map_err(|error| Failure::new(error.to_string()))?;
        let Json(Value::Array(movements)) = reply.json() else {
            return Err(Failure::expected("movements", reply));
        };
        let last = movements.last().and_then(|movement| movement.get("position")?.as_u64());
        all.extend(movements);
        match last {
            Some(position) => after = position,
            None => return Ok(all),
        }
    }
}

/// An amount in minor units, as the API has it; it may be zero.
pub(crate) fn minor(value: &str, currency: &str) -> Result<u64, Failure> {
    if value.chars().all(|character| matches!(character, '0' | '.')) {
        return Ok(0);
    }
    let currency = Currency::try_from(currency).map_err(|error| Failure::new(error.to_string()))?;
    let amount = Amount::from_decimal(value, currency);
    amount.map(Amount::amount_minor).map_err(|error| Failure::new(error.to_string()))
}

/// Why a ticket is not paid, by the name in the answer.
pub(crate) fn not_paid(words: &str) -> Result<&'static str, String> {
    look_up(NOT_PAID, words)
}

const NOT_PAID: Table = &[
    ("too many wrong codes", "too_many_attempts"),
    ("the code came too late", "late"),
    ("it was called off", "cancelled"),
    ("the phone cannot be reached", "undeliverable"),
    ("the bank refuses", "bank"),
];
