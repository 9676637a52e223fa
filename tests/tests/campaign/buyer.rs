//! Somebody who buys again and again, whatever becomes of the server meanwhile: who hears nothing looks again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_sandbox::with_check_digit;
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    Campaign,
    judge::{AtBank, Purchase, decimal},
    random::Random,
};

/// Before somebody who heard nothing looks again.
const PAUSE: Duration = Duration::from_millis(15);
/// For how long somebody waits for a message.
const PATIENCE: Duration = Duration::from_secs(5);
/// Purchases until somebody moves and has another phone and card: a handset keeps its last 200 messages, and all are
/// to be counted.
const PURCHASES_UNTIL_A_MOVE: u64 = 100;
/// The smallest amount, in cents: above what the sandbox lets pass without a code. Every purchase has its own.
const SMALLEST: u64 = 600;

static NEXT_AMOUNT: AtomicU64 = AtomicU64::new(SMALLEST);
static NEXT_PERSON: AtomicU64 = AtomicU64::new(1);

pub(crate) struct Buyer {
    user_id: String,
    number: String,
    card: String,
    random: Random,
    campaign: Arc<Campaign>,
}

/// What somebody does who has a code.
enum Deed {
    /// Types it, this many times at once.
    Type { at_once: u64 },
    /// Types this many wrong ones first.
    Mistype { times: u64 },
    /// Goes away.
    Leave,
    /// Types it, while calling the payment off.
    Waver,
    /// Types it, while the merchant calls it off.
    Race,
}

impl Buyer {
    pub(crate) fn new(random: Random, campaign: Arc<Campaign>) -> Self {
        Self {
            user_id: String::new(),
            number: String::new(),
            card: String::new(),
            random,
            campaign,
        }
    }

    pub(crate) async fn buy_until_it_is_over(mut self) {
        let is_over = Arc::clone(&self.campaign);
        let is_over = || is_over.is_over.load(Ordering::Relaxed);
        while !is_over() {
            self.move_in().await;
            for _ in 0..PURCHASES_UNTIL_A_MOVE {
                if is_over() {
                    break;
                }
                self.buy().await;
            }
        }
    }

    async fn move_in(&mut self) {
        let person = NEXT_PERSON.fetch_add(1, Ordering::Relaxed);
        self.user_id = format!("buyer-{person}");
        self.number = format!("+3363998{person:04}");
        self.card = with_check_digit(&format!("49701000001{person:04}"));
        let client = &self.campaign.client;
        client.control("PUT", &format!("/handsets/{}", self.number), r#"{"state":"on"}"#).await;
        let account = r#"{"expiry":"2035-12","balance":{"value":"9000000.00","currency":"EUR"}}"#;
        client.control("PUT", &format!("/bank/cards/{}", self.card), account).await;
        let subscriber =
            json!({ "number": self.number, "card": { "number": self.card, "expiry": "12/35" } });
        let path = format!("/v1/subscribers/{}", self.user_id);
        while client
            .merchant("PUT", &path, "none", &subscriber.to_string())
            .await
            .is_none_or(|answer| answer.status != 204)
        {
            sleep(PAUSE).await;
        }
    }

    async fn buy(&mut self) {
        let amount = NEXT_AMOUNT.fetch_add(1, Ordering::Relaxed);
        let Some(name) = self.order(amount).await else {
            return;
        };
        let mut purchase = Purchase {
            name,
            amount,
            number: self.number.clone(),
            card: self.card.clone(),
            at_bank: AtBank::Debits,
            agreed: false,
            heard_paid: false,
        };
        if let Some(cookie) = self.open(&purchase).await
            && let Some(code) = self.begin(&purchase, &cookie).await
        {
            self.act(&mut purchase, &cookie, &code).await;
        }
        self.campaign.purchases.lock().unwrap().push(purchase);
    }

    /// Asks until there is an answer, or all is over.
    async fn insist<T>(&self, ask: impl AsyncFn() -> Option<T>) -> Option<T> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(answer) = ask().await {
                return Some(answer);
            }
            sleep(PAUSE).await;
        }
        None
    }

    async fn order(&self, amount: u64) -> Option<String> {
        let order = json!({
            "amount": { "value": decimal(amount), "currency": "EUR" },
            "reference": format!("order-{amount}"),
        });
        let (client, order) = (&self.campaign.client, order.to_string());
        let key = format!("order-{amount}");
        let created =
            self.insist(async || client.merchant("POST", "/v1/checkouts", &key, &order).await);
        let id = created.await?.text("/id");
        (!id.is_empty()).then_some(id)
    }

    async fn open(&self, purchase: &Purchase) -> Option<String> {
        let page = format!("/pay/{}", purchase.name);
        let client = &self.campaign.client;
        let opened = self.insist(async || client.payer("GET", &page, "none=0", "").await);
        opened.await?.cookie
    }

    /// Says who pays, once: an answer that was not heard is looked for. The code, when there is one to be typed.
    async fn begin(&self, purchase: &Purchase, cookie: &str) -> Option<String> {
        let page = format!("/pay/{}", purchase.name);
        let client = &self.campaign.client;
        let form = format!("user_id={}", self.user_id);
        let end = Instant::now() + PATIENCE;
        let text = format!("Pay {} EUR to ", decimal(purchase.amount));
        while Instant::now() < end {
            let seen = client.payer("GET", &page, cookie, "").await;
            match seen.as_ref().map(crate::client::Answer::stands) {
                Some("open") => {
                    client.payer("POST", &page, cookie, &form).await;
                    continue;
                }
                Some("awaiting_code") => {
                    let shown = client.texts(&self.number).await;
                    if let Some(found) = shown.iter().rev().find(|found| found.starts_with(&text)) {
                        return Some(found.rsplit_once('#').unwrap().1.to_owned());
                    }
                }
                Some("paid" | "declined" | "voided" | "expired") => return None,
                _ => {}
            }
            sleep(PAUSE).await;
        }
        None
    }

    async fn act(&mut self, purchase: &mut Purchase, cookie: &str, code: &str) {
        let deed = match self.random.below(12) {
            0..=5 => Deed::Type { at_once: 1 + self.random.below(4) },
            6..=7 => Deed::Mistype { times: 1 + self.random.below(3) },
            // Not from the last server: it is asked for the end of everything before a code's time has run out.
            8 if !self.campaign.is_over.load(Ordering::Relaxed) => Deed::Leave,
            9 => Deed::Waver,
            _ => Deed::Race,
        };
        let page = format!("/pay/{}", purchase.name);
        match deed {
            Deed::Leave => {}
            Deed::Type { at_once } => {
                let others = (0..at_once).map(|_| ("POST", format!("{page}/code"), true));
                self.type_code(purchase, cookie, code, others.collect()).await;
            }
            Deed::Mistype { times } => {
                let client = &self.campaign.client;
                for _ in 0..times {
                    client.payer("POST", &format!("{page}/code"), cookie, "code=0000000000").await;
                }
                self.type_code(purchase, cookie, code, Vec::new()).await;
            }
            Deed::Waver => {
                let cancel = vec![("POST", format!("{page}/cancel"), true)];
                self.type_code(purchase, cookie, code, cancel).await;
            }
            Deed::Race => {
                let void = format!("/v1/checkouts/{}/void", purchase.name);
                self.type_code(purchase, cookie, code, vec![("POST", void, false)]).await;
            }
        }
    }

    /// Types the code until it is heard what came of it, while the others do what they do, each once.
    async fn type_code(
        &self,
        purchase: &mut Purchase,
        cookie: &str,
        code: &str,
        others: Vec<(&'static str, String, bool)>,
    ) {
        purchase.agreed = true;
        let form = format!("code={code}");
        let mut at_once = JoinSet::new();
        for (method, path, as_payer) in others {
            let (campaign, cookie, form) =
                (Arc::clone(&self.campaign), cookie.to_owned(), form.clone());
            at_once.spawn(async move {
                if as_payer {
                    campaign.client.payer(method, &path, &cookie, &form).await
                } else {
                    campaign.client.merchant(method, &path, "none", "").await
                }
            });
        }
        let page = format!("/pay/{}", purchase.name);
        let client = &self.campaign.client;
        let heard = self.insist(async || {
            client.payer("POST", &format!("{page}/code"), cookie, &form).await;
            let seen = client.payer("GET", &page, cookie, "").await?;
            let is_over = !matches!(seen.stands(), "awaiting_code" | "processing" | "");
            is_over.then_some(seen)
        });
        purchase.heard_paid = heard.await.is_some_and(|seen| seen.stands() == "paid");
        while let Some(answered) = at_once.join_next().await {
            let paid = answered.unwrap().is_some_and(|answer| answer.stands() == "paid");
            purchase.heard_paid |= paid;
        }
    }
}
