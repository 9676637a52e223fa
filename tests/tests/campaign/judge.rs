//! What may not have happened, asked of everybody who would know: the server, the bank, the phones and the register. A
//! campaign says how each is asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use countersign_domain::{amount::Currency, register::Account};
use countersign_server::open_store;
use serde_json::Value;
use tokio::time::sleep;

use crate::server::read;

/// For how long the last server may take to bring everything to its end, and then to tell the bank of it.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_FOR_THE_BANK: Duration = Duration::from_secs(5);
/// Before it is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// What is not at its end, in the words of all flows.
const UNDER_WAY: [&str; 4] = ["processing", "awaiting_code", "under_way", "code_asked"];
/// What is.
const ENDS: [&str; 6] = ["paid", "refused", "voided", "declined", "open", "expired"];

/// What somebody knows of money that was to be moved.
#[derive(Clone)]
pub(crate) struct Purchase {
    /// As the server names it.
    pub(crate) name: String,
    /// In cents; no two purchases have the same.
    pub(crate) amount: u64,
    pub(crate) number: String,
    pub(crate) card: String,
    pub(crate) at_bank: AtBank,
    /// Whether the right code was typed: without that, nothing may be debited.
    pub(crate) agreed: bool,
    /// Whether an answer said that it is paid: then it is.
    pub(crate) heard_paid: bool,
}

/// What the card's bank does when it is paid.
#[derive(Clone, Copy)]
pub(crate) enum AtBank {
    Debits,
    Credits,
    IsNotAsked,
}

impl AtBank {
    /// How often the card is debited.
    const fn times(self) -> i64 {
        match self {
            Self::Debits => 1,
            Self::Credits => -1,
            Self::IsNotAsked => 0,
        }
    }
}

/// How often an amount was debited by a movement, as the sandbox's bank calls it.
fn debited(kind: &str) -> i64 {
    match kind {
        "debited" | "debited_again" => 1,
        "given_back" | "credited" => -1,
        _ => 0,
    }
}

/// What came of all purchases.
#[derive(Clone, Default)]
pub(crate) struct Verdict {
    pub(crate) purchases: Vec<Purchase>,
    /// Each broken rule, with the purchase.
    pub(crate) broken: Vec<String>,
    /// How each purchase ended, by its amount.
    ends: BTreeMap<u64, String>,
    /// What the bank did, by the amount.
    movements: BTreeMap<u64, Vec<String>>,
    heard_paid: usize,
    debits: u64,
    debited_cents: u64,
    messages: usize,
}

impl Verdict {
    pub(crate) fn breaks(&mut self, rule: &str, purchase: &Purchase) {
        let (name, amount) = (&purchase.name, decimal(purchase.amount));
        let end = self.ends.get(&purchase.amount).map_or("", String::as_str);
        let movements = self.movements.get(&purchase.amount).map(|kinds| kinds.join(", "));
        let movements = movements.unwrap_or_default();
        self.broken.push(format!("{rule}: {name}, {amount} EUR, ended {end} ({movements})"));
    }

    pub(crate) fn is_paid(&self, purchase: &Purchase) -> bool {
        self.ends.get(&purchase.amount).is_some_and(|end| end == "paid")
    }

    pub(crate) fn summary(&self) -> String {
        let ended = ENDS.map(|end| (end, self.ends.values().filter(|found| *found == end).count()));
        let ended = ended.iter().filter(|(_, count)| *count > 0);
        let ended: Vec<String> = ended.map(|(end, count)| format!("{count} {end}")).collect();
        format!(
            "{} purchases: {} ({} heard to be paid); {} debits, {} messages; {} rules broken",
            self.ends.len(),
            ended.join(", "),
            self.heard_paid,
            self.debits,
            self.messages,
            self.broken.len(),
        )
    }

    /// A campaign in which nothing happened shows nothing.
    pub(crate) fn must_have_tried_everything(&self) {
        let paid = self.ends.values().filter(|end| *end == "paid").count();
        assert!(paid > 0 && paid < self.ends.len() && self.messages > 0, "{}", self.summary());
    }

    /// All that was begun comes to its end, and what was heard to be paid is paid. `ask` gives the status and where the
    /// purchase stands; none when there was no answer.
    pub(crate) async fn ask_the_server(
        purchases: Vec<Purchase>,
        ask: impl AsyncFn(&Purchase) -> Option<(u16, String)>,
    ) -> Self {
        let mut verdict = Self { purchases: purchases.clone(), ..Self::default() };
        let end = Instant::now() + PATIENCE;
        for purchase in &purchases {
            let stands = loop {
                match ask(purchase).await {
                    Some((200, stands)) if !UNDER_WAY.contains(&stands.as_str()) => break stands,
                    Some((404, _)) => break "lost".to_owned(),
                    stands if Instant::now() > end => {
                        break stands.map_or_else(|| "unanswered".to_owned(), |(_, stands)| stands);
                    }
                    _ => sleep(PAUSE).await,
                }
            };
            verdict.ends.insert(purchase.amount, stands.clone());
            verdict.heard_paid += usize::from(purchase.heard_paid);
            match stands.as_str() {
                "lost" => verdict.breaks("what was created is still there", purchase),
                end if ENDS.contains(&end) => {}
                _ => verdict.breaks("what is pending finishes or expires", purchase),
            }
            if purchase.heard_paid && stands != "paid" {
                verdict.breaks("what was confirmed is still there", purchase);
            }
        }
        verdict
    }

    /// An amount is debited once, for a person who agreed, and for a purchase that the server says is paid. `account` gives
    /// a card's account as the sandbox's control does. What is still to be told to the bank is told meanwhile.
    pub(crate) async fn ask_the_bank(&mut self, account: impl AsyncFn(&str) -> Value) {
        let cards: BTreeSet<&String> =
            self.purchases.iter().map(|purchase| &purchase.card).collect();
        let end = Instant::now() + PATIENCE_FOR_THE_BANK;
        loop {
            let mut accounts = Vec::new();
            for card in &cards {
                accounts.push(account(card).await);
            }
            let told = self.clone().after(&accounts);
            if told.broken.len() == self.broken.len() || Instant::now() > end {
                *self = told;
                return;
            }
            sleep(PAUSE).await;
        }
    }

    fn after(mut self, accounts: &[Value]) -> Self {
        let mut debits: BTreeMap<u64, i64> = BTreeMap::new();
        for account in accounts {
            let held = account.get("held_minor").and_then(Value::as_u64);
            if held != Some(0) {
                self.broken.push(format!("nothing stays held: {held:?} on a card"));
            }
            for movement in account.get("movements").and_then(Value::as_array).unwrap() {
                let amount = movement.pointer("/amount/amount_minor").and_then(Value::as_u64);
                let kind = movement.get("kind").and_then(Value::as_str).unwrap();
                self.movements.entry(amount.unwrap()).or_default().push(kind.to_owned());
                *debits.entry(amount.unwrap()).or_default() += debited(kind);
            }
        }
        for purchase in &self.purchases.clone() {
            let times = debits.remove(&purchase.amount).unwrap_or_default();
            let debited = u64::try_from(times).unwrap_or_default();
            self.debits += debited;
            self.debited_cents += purchase.amount * debited;
            if times.abs() > 1 {
                self.breaks("nothing is captured twice", purchase);
            }
            if times > 0 && !purchase.agreed {
                self.breaks("nothing is captured without a verified code", purchase);
            }
            let due = if self.is_paid(purchase) { purchase.at_bank.times() } else { 0 };
            if times != due {
                self.breaks("what is debited is paid, and what is paid is debited", purchase);
            }
        }
        for (amount, times) in debits {
            if times != 0 {
                self.broken.push(format!("nothing unknown is debited: {amount}"));
            }
        }
        self
    }

    /// A message is sent once: nobody asks for another one here, and what was handed to the network is not handed over
    /// again, whether it was confirmed or is in doubt. `texts` gives what a phone shows.
    pub(crate) async fn ask_the_phones(&mut self, texts: impl AsyncFn(&str) -> Vec<String>) {
        let mut by_number: BTreeMap<String, Vec<Purchase>> = BTreeMap::new();
        for purchase in &self.purchases {
            by_number.entry(purchase.number.clone()).or_default().push(purchase.clone());
        }
        for (number, purchases) in by_number {
            let shown = texts(&number).await;
            self.messages += shown.len();
            for purchase in &purchases {
                let text = format!("Pay {} EUR to ", decimal(purchase.amount));
                if shown.iter().filter(|found| found.starts_with(&text)).count() > 1 {
                    self.breaks("no message is sent again", purchase);
                }
            }
        }
    }

    /// What is posted is what was debited, to the cent.
    pub(crate) async fn ask_the_register(&mut self, configuration: &Path) {
        let store = open_store(&read(configuration)).await.unwrap();
        let merchant = Account::relying_party(&"dupont".try_into().unwrap());
        let euro = Currency::try_from("EUR").unwrap();
        let posted = store.reads().balance(&merchant, euro).await.unwrap().credit_minor;
        if posted != self.debited_cents {
            let debited = self.debited_cents;
            self.broken
                .push(format!("what is posted is what was debited: {posted} and {debited} cents"));
        }
    }
}

/// An amount as it is written.
pub(crate) fn decimal(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
