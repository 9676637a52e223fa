//! What may not have happened to purchases of figure 11, asked of everybody who would know: the merchant, the bank, the
//! phones, and once more of both roles.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_sandbox::bank::MovementKind;
use tokio::{task::JoinSet, time::sleep};

use super::{Campaign, Exchange, buyer::Purchase};
use crate::buyer::decimal;

/// For how long the last two may take to bring everything to its end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages that are asked again at once.
const AT_ONCE: usize = 8;

/// What came of all purchases.
#[derive(Default)]
pub(crate) struct Verdict {
    /// Each broken rule, with the purchase.
    pub(crate) broken: Vec<String>,
    /// How each purchase ended, by its amount.
    ends: BTreeMap<u64, String>,
    /// What else is known of it: what the gateway said, and what the bank did.
    known: BTreeMap<u64, Vec<String>>,
    receipts: usize,
    debits: u64,
    messages: usize,
    again: usize,
}

impl Verdict {
    fn breaks(&mut self, rule: &str, purchase: &Purchase) {
        let (order, amount) = (&purchase.order, decimal(purchase.amount));
        let end = self.ends.get(&purchase.amount).map_or("", String::as_str);
        let known = self.known.get(&purchase.amount).map(|known| known.join(", "));
        let known = known.unwrap_or_default();
        self.broken.push(format!("{rule}: {order}, {amount} EUR, ended {end} ({known})"));
    }

    fn ended(&self, end: &str) -> usize {
        self.ends.values().filter(|found| *found == end).count()
    }

    pub(crate) fn summary(&self) -> String {
        format!(
            "{} purchases: {} paid ({} receipts), {} refused, {} never begun; {} debits, {} messages; {} answers given again; {} rules broken",
            self.ends.len(),
            self.ended("paid"),
            self.receipts,
            self.ended("refused"),
            self.ended("open") + self.ended("expired"),
            self.debits,
            self.messages,
            self.again,
            self.broken.len(),
        )
    }

    /// A campaign in which nothing happened shows nothing.
    pub(crate) fn must_have_tried_everything(&self) {
        assert!(self.ended("paid") > 0 && self.ended("refused") > 0 && self.messages > 0);
        assert!(self.again > 0);
    }
}

/// All that was begun comes to its end, and what has a receipt is paid.
pub(crate) async fn ask_the_merchant(campaign: &Campaign) -> Verdict {
    let purchases = campaign.purchases.lock().unwrap().clone();
    let mut verdict = Verdict::default();
    let end = Instant::now() + PATIENCE;
    for purchase in &purchases {
        let path = format!("/v1/set/orders/{}", purchase.order);
        let stands = loop {
            let answer = campaign.shop.merchant("GET", &path, "none", "").await;
            let said = answer.as_ref().map(|answer| answer.text("/auth_code"));
            let stands = answer.map(|answer| (answer.status, answer.stands().to_owned()));
            match stands {
                Some((200, stands)) if !matches!(stands.as_str(), "under_way" | "code_asked") => {
                    verdict.known.entry(purchase.amount).or_default().extend(said);
                    break stands;
                }
                Some((404, _)) => break "lost".to_owned(),
                stands if Instant::now() > end => {
                    break stands.map_or_else(|| "unanswered".to_owned(), |(_, stands)| stands);
                }
                _ => sleep(Duration::from_millis(50)).await,
            }
        };
        verdict.ends.insert(purchase.amount, stands.clone());
        match stands.as_str() {
            "lost" => verdict.breaks("what was ordered is still there", purchase),
            "paid" | "refused" | "open" | "expired" => {}
            _ => verdict.breaks("what is pending finishes or expires", purchase),
        }
        verdict.receipts += usize::from(purchase.has_receipt);
        if purchase.has_receipt && stands != "paid" {
            verdict.breaks("what has a receipt is paid", purchase);
        }
    }
    // Releases that are still to be told to the bank are told now.
    sleep(Duration::from_secs(2)).await;
    verdict
}

/// An amount is debited once, for a person who agreed, and for a purchase that the merchant says is paid.
pub(crate) fn ask_the_bank(campaign: &Campaign, verdict: &mut Verdict) {
    let purchases = campaign.purchases.lock().unwrap().clone();
    let bank = &campaign.house.bank;
    let cards: BTreeMap<String, _> = purchases
        .iter()
        .map(|purchase| (purchase.card.expose_number().to_owned(), &purchase.card))
        .collect();
    let mut debits: BTreeMap<u64, i64> = BTreeMap::new();
    for card in cards.values() {
        let held = bank.account(card).unwrap().held_minor;
        if held != 0 {
            verdict.broken.push(format!("nothing stays held: {held} cents on a card"));
        }
        for movement in bank.movements(card) {
            let amount = movement.amount.amount_minor();
            verdict.known.entry(amount).or_default().push(format!("{:?}", movement.kind));
            *debits.entry(amount).or_default() += match movement.kind {
                MovementKind::Debited => 1,
                MovementKind::GivenBack => -1,
                _ => 0,
            };
        }
    }
    for purchase in &purchases {
        let times = debits.remove(&purchase.amount).unwrap_or_default();
        let is_paid = verdict.ends.get(&purchase.amount).is_some_and(|end| end == "paid");
        verdict.debits += u64::try_from(times).unwrap_or_default();
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
    for (amount, times) in debits {
        if times > 0 {
            verdict.broken.push(format!("nothing unknown is debited: {amount}"));
        }
    }
}

/// A message is sent once: nobody asks for another one here.
pub(crate) fn ask_the_phones(campaign: &Campaign, verdict: &mut Verdict) {
    let purchases = campaign.purchases.lock().unwrap().clone();
    let numbers: BTreeSet<&String> = purchases.iter().map(|purchase| &purchase.number).collect();
    for number in numbers {
        let shown = campaign.house.centre.handset(number).unwrap();
        verdict.messages += shown.len();
        for purchase in purchases.iter().filter(|purchase| purchase.number == **number) {
            let text = format!("Pay {} EUR to ", decimal(purchase.amount));
            if shown.iter().filter(|found| found.text.starts_with(&text)).count() > 1 {
                verdict.breaks("no message is sent again", purchase);
            }
        }
    }
}

/// The same message is given the same answer, byte for byte: at once, and by the last two.
pub(crate) async fn ask_again(campaign: &Arc<Campaign>, verdict: &mut Verdict) {
    const RULE: &str = "a signed answer is given again byte for byte";
    let heard = campaign.heard.lock().unwrap().clone();
    let mut first: HashMap<(String, Vec<u8>), Vec<u8>> = HashMap::new();
    for Exchange { url, message, answer } in heard {
        let known = first.entry((url.clone(), message)).or_insert_with(|| answer.clone());
        if *known != answer {
            verdict.broken.push(format!("{RULE}: {url} gave two to one message"));
        }
    }
    let mut asking = JoinSet::new();
    for ((url, message), answer) in first {
        if asking.len() == AT_ONCE {
            heard_again(asking.join_next().await.unwrap().unwrap(), verdict);
        }
        let client = campaign.client.clone();
        asking.spawn(async move {
            let again = client.exchange(&url, message).await;
            (again.is_ok_and(|again| again == answer), url)
        });
    }
    while let Some(asked) = asking.join_next().await {
        heard_again(asked.unwrap(), verdict);
    }

    fn heard_again((is_same, url): (bool, String), verdict: &mut Verdict) {
        verdict.again += 1;
        if !is_same {
            verdict.broken.push(format!("{RULE}: {url}, after the last start"));
        }
    }
}
