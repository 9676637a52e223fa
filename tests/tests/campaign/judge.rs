//! What may not have happened, asked of everybody who would know: the server, the bank, the phones and the register.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use countersign_domain::{amount::Currency, ports::Reads as _, register::Account};
use countersign_store::SqliteStore;
use countersign_tests::killable::Site;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    Campaign,
    buyer::{Purchase, decimal},
};

/// For how long the last server may take to bring everything to its end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of all purchases.
#[derive(Default)]
pub(crate) struct Verdict {
    /// Each broken rule, with the purchase.
    pub(crate) broken: Vec<String>,
    /// How each purchase ended, by its amount.
    ends: BTreeMap<u64, String>,
    heard_paid: usize,
    debited: u64,
    debited_cents: u64,
    messages: usize,
}

impl Verdict {
    fn breaks(&mut self, rule: &str, purchase: &Purchase) {
        let (checkout, amount) = (&purchase.checkout, decimal(purchase.amount));
        let end = self.ends.get(&purchase.amount).map_or("", String::as_str);
        self.broken.push(format!("{rule}: {checkout}, {amount} EUR, ended {end}"));
    }

    fn ended(&self, end: &str) -> usize {
        self.ends.values().filter(|found| *found == end).count()
    }

    pub(crate) fn summary(&self) -> String {
        format!(
            "{} purchases: {} paid ({} heard so), {} voided, {} never begun; {} debits, {} messages; {} rules broken",
            self.ends.len(),
            self.ended("paid"),
            self.heard_paid,
            self.ended("voided"),
            self.ended("open") + self.ended("expired"),
            self.debited,
            self.messages,
            self.broken.len(),
        )
    }

    /// A campaign in which nothing happened shows nothing.
    pub(crate) fn must_have_tried_everything(&self) {
        assert!(self.ended("paid") > 0 && self.ended("voided") > 0 && self.messages > 0);
    }
}

/// All that was begun comes to its end, and what was heard to be paid is paid.
pub(crate) async fn ask_the_server(campaign: &Campaign) -> Verdict {
    let purchases = campaign.purchases.lock().unwrap().clone();
    let mut verdict = Verdict::default();
    let end = Instant::now() + PATIENCE;
    for purchase in &purchases {
        let path = format!("/v1/checkouts/{}", purchase.checkout);
        let stands = loop {
            let answer = campaign.client.merchant("GET", &path, "none", "").await;
            let stands = answer.map(|answer| (answer.status, answer.stands().to_owned()));
            match stands {
                Some((200, stands))
                    if !matches!(stands.as_str(), "processing" | "awaiting_code") =>
                {
                    break stands;
                }
                Some((404, _)) => break "lost".to_owned(),
                stands if Instant::now() > end => {
                    break stands.map_or_else(|| "unanswered".to_owned(), |(_, stands)| stands);
                }
                _ => sleep(Duration::from_millis(50)).await,
            }
        };
        verdict.heard_paid += usize::from(purchase.heard_paid);
        verdict.ends.insert(purchase.amount, stands.clone());
        match stands.as_str() {
            "lost" => verdict.breaks("what was created is still there", purchase),
            "paid" | "voided" | "declined" | "open" | "expired" => {}
            _ => verdict.breaks("what is pending finishes or expires", purchase),
        }
        if purchase.heard_paid && stands != "paid" {
            verdict.breaks("what was confirmed is still there", purchase);
        }
    }
    // Releases that are still to be told to the bank are told now.
    sleep(Duration::from_secs(2)).await;
    verdict
}

/// An amount is debited once, for a person who agreed, and for a purchase that the server says is paid.
pub(crate) async fn ask_the_bank(campaign: &Campaign, verdict: &mut Verdict) {
    let purchases = campaign.purchases.lock().unwrap().clone();
    let by_amount: BTreeMap<u64, &Purchase> =
        purchases.iter().map(|purchase| (purchase.amount, purchase)).collect();
    let cards: BTreeSet<&String> = purchases.iter().map(|purchase| &purchase.card).collect();
    let mut debits: BTreeMap<u64, i64> = BTreeMap::new();
    for card in cards {
        let account = campaign.client.control("GET", &format!("/bank/cards/{card}"), "").await;
        let held = account.get("held_minor").and_then(Value::as_u64);
        if held != Some(0) {
            verdict.broken.push(format!("nothing stays held: {held:?} on a card"));
        }
        for movement in account.get("movements").and_then(Value::as_array).unwrap() {
            let amount = movement.pointer("/amount/amount_minor").and_then(Value::as_u64).unwrap();
            let change = match movement.get("kind").and_then(Value::as_str) {
                Some("debited") => 1,
                Some("given_back") => -1,
                _ => 0,
            };
            *debits.entry(amount).or_default() += change;
        }
    }
    for (amount, times) in debits {
        let Some(purchase) = by_amount.get(&amount) else {
            if times > 0 {
                verdict.broken.push(format!("nothing unknown is debited: {amount}"));
            }
            continue;
        };
        let is_paid = verdict.ends.get(&amount).is_some_and(|end| end == "paid");
        verdict.debited += u64::try_from(times).unwrap_or_default();
        verdict.debited_cents += amount * u64::try_from(times).unwrap_or_default();
        if times > 1 {
            verdict.breaks("nothing is captured twice", purchase);
        }
        if times > 0 && !purchase.agreed {
            verdict.breaks("nothing is captured without a verified code", purchase);
        }
        if (times > 0) != is_paid {
            verdict.breaks("what is debited is paid, and what is paid is debited", purchase);
        }
    }
}

/// A message is sent once: nobody asks for another one here, and what was handed to the network is not handed over again,
/// whether it was confirmed or is in doubt.
pub(crate) async fn ask_the_phones(campaign: &Campaign, verdict: &mut Verdict) {
    let purchases = campaign.purchases.lock().unwrap().clone();
    let numbers: BTreeSet<&String> = purchases.iter().map(|purchase| &purchase.number).collect();
    for number in numbers {
        let shown =
            campaign.client.control("GET", &format!("/handsets/{number}/messages"), "").await;
        let texts: Vec<&str> = shown
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|message| message.get("text")?.as_str())
            .collect();
        verdict.messages += texts.len();
        for purchase in purchases.iter().filter(|purchase| purchase.number == **number) {
            let text = format!("Pay {} EUR to ", decimal(purchase.amount));
            if texts.iter().filter(|found| found.starts_with(&text)).count() > 1 {
                verdict.breaks("no message is sent again", purchase);
            }
        }
    }
}

/// What is posted is what was debited, to the cent.
pub(crate) async fn ask_the_register(site: &Site, verdict: &mut Verdict) {
    let store = SqliteStore::open(&site.store).unwrap();
    let merchant = Account::relying_party(&"dupont".try_into().unwrap());
    let euro = Currency::try_from("EUR").unwrap();
    let posted = store.balance(&merchant, euro).await.unwrap().credit_minor;
    if posted != verdict.debited_cents {
        let debited = verdict.debited_cents;
        verdict
            .broken
            .push(format!("what is posted is what was debited: {posted} and {debited} cents"));
    }
}
