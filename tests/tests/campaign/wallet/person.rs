//! Somebody with a wallet and a card, who pays from both, pays in and takes out, whatever becomes of the server meanwhile.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_sandbox::with_check_digit;
use serde_json::{Map, Value, json};
use tokio::{join, time::sleep};

use super::{Answered, Campaign, SAME_ANSWER};
use crate::{
    client::Answer,
    judge::{AtBank, Purchase},
    random::Random,
};

/// Before somebody who heard nothing looks again.
const PAUSE: Duration = Duration::from_millis(25);
/// For how long somebody waits for an answer, or for a message.
const PATIENCE: Duration = Duration::from_secs(5);
/// Deeds until somebody moves: a handset keeps its last 200 messages, and all are to be counted.
const DEEDS_UNTIL_A_MOVE: u64 = 60;
/// The smallest amount, in cents: above what the sandbox lets pass without a code. Every deed has its own.
const SMALLEST: u64 = 600;
/// What somebody pays in at first, above the amounts of all deeds.
const RICHES: u64 = 5_000_000;

static NEXT_AMOUNT: AtomicU64 = AtomicU64::new(SMALLEST);
static NEXT_PERSON: AtomicU64 = AtomicU64::new(1);

/// A person's program: its visit, and what it knows.
pub(crate) struct Person {
    pub(crate) identifier: String,
    pub(crate) number: String,
    pub(crate) card_number: String,
    pub(crate) wallet: String,
    card: String,
    cookie: Mutex<String>,
    /// One signs in at a time: of two codes, the last counts.
    signing_in: tokio::sync::Mutex<()>,
}

/// What somebody does again and again.
pub(crate) struct Habits {
    random: Random,
    campaign: Arc<Campaign>,
}

/// What somebody does with a code.
#[derive(Clone, Copy)]
enum Deed {
    /// Types it, this many times at once.
    Type { at_once: u64 },
    /// Types a wrong one first.
    Mistype,
    /// Types it, while calling the payment off.
    Waver,
    /// Goes away.
    Leave,
}

/// Something that a code was asked for.
struct Asked<'a> {
    code_path: &'a str,
    look_path: &'a str,
    cancel_path: Option<&'a str>,
    /// What is sent beside the code.
    bound: Map<String, Value>,
}

impl Habits {
    pub(crate) const fn new(random: Random, campaign: Arc<Campaign>) -> Self {
        Self { random, campaign }
    }

    pub(crate) async fn pay_until_it_is_over(mut self) {
        let campaign = Arc::clone(&self.campaign);
        let is_over = || campaign.is_over.load(Ordering::Relaxed);
        while !is_over() {
            let Some(person) = Person::move_in(&campaign).await else { continue };
            let person = Arc::new(person);
            let riches = RICHES + NEXT_AMOUNT.fetch_add(1, Ordering::Relaxed);
            person.pay_in(&campaign, riches, Deed::Type { at_once: 1 }).await;
            campaign.people.lock().unwrap().push(Arc::clone(&person));
            for _ in 0..DEEDS_UNTIL_A_MOVE / 2 {
                if is_over() {
                    break;
                }
                let [mut one, mut other] = [(); 2].map(|()| Random::new(self.random.draw()));
                join!(person.act(&campaign, &mut one), person.act(&campaign, &mut other));
            }
        }
    }
}

impl Person {
    /// Somebody new, with a phone, a card, a wallet, and the card tied to it.
    async fn move_in(campaign: &Campaign) -> Option<Self> {
        let person = NEXT_PERSON.fetch_add(1, Ordering::Relaxed);
        let mut new = Self {
            identifier: format!("person-{person}"),
            number: format!("+3363996{person:04}"),
            card_number: with_check_digit(&format!("49701000003{person:04}")),
            wallet: String::new(),
            card: String::new(),
            cookie: Mutex::default(),
            signing_in: tokio::sync::Mutex::default(),
        };
        let client = &campaign.client;
        client.control("PUT", &format!("/handsets/{}", new.number), r#"{"state":"on"}"#).await;
        let account = r#"{"expiry":"2035-12","balance":{"value":"900000.00","currency":"EUR"}}"#;
        client.control("PUT", &format!("/bank/cards/{}", new.card_number), account).await;
        let card = json!({ "number": new.card_number, "expiry": "12/35" });
        let subscriber = json!({ "number": new.number, "card": card }).to_string();
        let path = format!("/v1/subscribers/{}", new.identifier);
        let enrolled = client.merchant("PUT", &path, "none", &subscriber);
        if enrolled.await.is_none_or(|answer| answer.status != 204) {
            sleep(PAUSE).await;
            return None;
        }
        let opening = json!({
            "identifier": new.identifier, "number": new.number, "name": "daily", "currency": "EUR",
        });
        let opening = new.ask(campaign, "POST", "/v1/openings", &opening).await?;
        let code = new.code(campaign, &opening.text("/code/short_reference")).await?;
        let path = format!("/v1/openings/{}/code", opening.text("/opening"));
        new.ask(campaign, "POST", &path, &json!({ "code": code })).await?;
        let wallets = new.insist(campaign, "GET", "/v1/wallets", &Value::Null).await?;
        new.wallet = wallets.text("/0/number");
        let body = json!({ "name": "mine", "card": card });
        new.card = new.insist(campaign, "POST", "/v1/cards", &body).await?.text("/card");
        (!new.wallet.is_empty() && !new.card.is_empty()).then_some(new)
    }

    async fn act(self: &Arc<Self>, campaign: &Campaign, random: &mut Random) {
        let amount = NEXT_AMOUNT.fetch_add(1, Ordering::Relaxed);
        let deed = match random.below(10) {
            0..=5 => Deed::Type { at_once: 1 + random.below(3) },
            6 => Deed::Mistype,
            7..=8 => Deed::Waver,
            _ => Deed::Leave,
        };
        let (wallet, card) = (json!({ "wallet": self.wallet }), json!({ "card": self.card }));
        match random.below(10) {
            0..=4 => drop(self.pay(campaign, amount, (&wallet, None), deed).await),
            5..=6 => drop(self.pay(campaign, amount, (&card, None), deed).await),
            7 => drop(self.pay(campaign, amount, (&wallet, Some(&card)), deed).await),
            8 => drop(self.pay_in(campaign, amount, deed).await),
            _ => drop(self.take_out(campaign, amount).await),
        }
    }

    /// Pays a ticket; from one of two sources at once, where there are two: a ticket is paid once.
    async fn pay(
        self: &Arc<Self>,
        campaign: &Campaign,
        amount: u64,
        (source, other): (&Value, Option<&Value>),
        deed: Deed,
    ) -> Option<()> {
        let ticket = campaign.counter.ticket(amount, campaign.now());
        let shown =
            self.insist(campaign, "POST", "/v1/tickets", &json!({ "ticket": ticket })).await?;
        let request = |source: &Value, nonce: &str| json!({ "ticket": ticket, "source": source, "nonce": format!("{nonce}-{amount:08}") });
        let path = "/v1/payments";
        let first = request(source, "first");
        let (mut source, mut started) = (source, self.twice(campaign, path, &first).await?);
        if let Some(second) = other {
            let body = request(second, "second");
            let taken = self.insist(campaign, "POST", path, &body).await?;
            match (started.status, taken.status) {
                (201, 201) => campaign.breaks("a ticket is paid once", &ticket),
                (_, 201) => (source, started) = (second, taken),
                _ => {}
            }
        }
        if started.status != 201 {
            return None;
        }
        let is_by_card = source.get("card").is_some();
        let at_bank = if is_by_card { AtBank::Debits } else { AtBank::IsNotAsked };
        let mut purchase = self.purchase(shown.text("/payment"), amount, at_bank);
        let place = format!("{path}/{}", purchase.name);
        let bound = json!({
            "payment": purchase.name, "ticket_sha256": shown.text("/ticket_sha256"),
            "merchant": campaign.counter.merchant(), "amount_minor": amount, "currency": "EUR",
        });
        let asked = Asked {
            code_path: &format!("{place}/code"),
            look_path: &place,
            cancel_path: Some(&format!("{place}/cancel")),
            bound: bound.as_object().cloned().unwrap_or_default(),
        };
        if let Some(code) = self.code(campaign, &started.text("/short_reference")).await {
            self.type_code(campaign, &mut purchase, &asked, &code, deed).await;
        }
        campaign.purchases.lock().unwrap().push(purchase);
        Some(())
    }

    async fn pay_in(self: &Arc<Self>, campaign: &Campaign, amount: u64, deed: Deed) -> Option<()> {
        let begun = self.transfer(campaign, "/v1/pay-ins", amount).await?;
        let mut purchase = self.purchase(begun.text("/transfer"), amount, AtBank::Debits);
        let asked = Asked {
            code_path: &format!("/v1/pay-ins/{}/code", purchase.name),
            look_path: &format!("/v1/transfers/{}", purchase.name),
            // Paying in is not called off.
            cancel_path: None,
            bound: Map::new(),
        };
        let mut reference = begun.text("/code/short_reference");
        let end = Instant::now() + PATIENCE;
        while reference.is_empty() && Instant::now() < end {
            sleep(PAUSE).await;
            let looked = self.insist(campaign, "GET", asked.look_path, &Value::Null).await?;
            reference = looked.text("/code/short_reference");
        }
        if let Some(code) = self.code(campaign, &reference).await {
            self.type_code(campaign, &mut purchase, &asked, &code, deed).await;
        }
        campaign.purchases.lock().unwrap().push(purchase);
        Some(())
    }

    async fn take_out(self: &Arc<Self>, campaign: &Campaign, amount: u64) -> Option<()> {
        let begun = self.transfer(campaign, "/v1/take-outs", amount).await?;
        let mut purchase = self.purchase(begun.text("/transfer"), amount, AtBank::Credits);
        purchase.heard_paid = begun.stands() == "done";
        campaign.purchases.lock().unwrap().push(purchase);
        Some(())
    }

    /// Begins to move money between wallet and card.
    async fn transfer(
        self: &Arc<Self>,
        campaign: &Campaign,
        path: &'static str,
        amount: u64,
    ) -> Option<Answer> {
        let body = json!({
            "key": format!("transfer-{amount:08}"), "wallet": self.wallet, "card": self.card,
            "amount_minor": amount, "currency": "EUR",
        });
        let begun = self.twice(campaign, path, &body).await?;
        (begun.status == 201).then_some(begun)
    }

    fn purchase(&self, name: String, amount: u64, at_bank: AtBank) -> Purchase {
        Purchase {
            name,
            amount,
            number: self.number.clone(),
            card: self.card_number.clone(),
            at_bank,
            agreed: false,
            heard_paid: false,
        }
    }

    /// Sends a request two times at once; both hear the same, and so will all who send it again.
    async fn twice(
        self: &Arc<Self>,
        campaign: &Campaign,
        path: &'static str,
        body: &Value,
    ) -> Option<Answer> {
        let ask = || self.insist(campaign, "POST", path, body);
        let (one, other) = join!(ask(), ask());
        let (one, other) = (one?, other?);
        if (one.status, other.status) != (201, 201) {
            return Some(if one.status == 201 { one } else { other });
        }
        let (first, second) = (lasting(&one.body), lasting(&other.body));
        if first != second {
            campaign.breaks(SAME_ANSWER, &format!("{path} {first} and {second}"));
        }
        let answered = Answered { person: Arc::clone(self), path, body: body.clone(), first };
        campaign.answered.lock().unwrap().push(answered);
        Some(one)
    }

    /// Does that with the code until it is heard what came of it.
    async fn type_code(
        &self,
        campaign: &Campaign,
        purchase: &mut Purchase,
        asked: &Asked<'_>,
        code: &str,
        deed: Deed,
    ) {
        let at_once = match deed {
            Deed::Leave => return,
            Deed::Mistype => {
                let wrong = if code == "000000" { "111111" } else { "000000" };
                self.ask(campaign, "POST", asked.code_path, &asked.typed(wrong)).await;
                1
            }
            Deed::Type { at_once } => at_once,
            Deed::Waver => 1,
        };
        purchase.agreed = true;
        let (typed, amount) = (asked.typed(code), purchase.amount);
        let type_once = async || {
            let heard = self.ask(campaign, "POST", asked.code_path, &typed).await;
            heard.is_some_and(|heard| campaign.hears_paid(amount, &heard))
        };
        let waver = async {
            let Some(path) = asked.cancel_path.filter(|_| matches!(deed, Deed::Waver)) else {
                return false;
            };
            let heard = self.ask(campaign, "POST", path, &Value::Null).await;
            heard.is_some_and(|heard| campaign.hears_paid(amount, &heard))
        };
        let until_heard = async {
            let end = Instant::now() + PATIENCE;
            while Instant::now() < end {
                if type_once().await {
                    return true;
                }
                match self.insist(campaign, "GET", asked.look_path, &Value::Null).await {
                    Some(seen) if campaign.hears_paid(amount, &seen) => return true,
                    Some(seen) if matches!(seen.stands(), "not_paid" | "not_made") => return false,
                    _ => sleep(PAUSE).await,
                }
            }
            false
        };
        let heard = join!(
            until_heard,
            async { at_once > 1 && type_once().await },
            async { at_once > 2 && type_once().await },
            waver,
        );
        purchase.heard_paid = heard.0 || heard.1 || heard.2 || heard.3;
    }

    /// The code of the message with that reference.
    async fn code(&self, campaign: &Campaign, reference: &str) -> Option<String> {
        let beside = format!(", ref {reference},");
        let end = Instant::now() + PATIENCE;
        while !reference.is_empty() && Instant::now() < end {
            let texts = campaign.client.texts(&self.number).await;
            if let Some(found) = texts.iter().find(|text| text.contains(&beside)) {
                let (_, code) = found.split_once(&beside)?.0.rsplit_once("Code ")?;
                return Some(code.to_owned());
            }
            sleep(PAUSE).await;
        }
        None
    }

    /// Asks once, at this visit.
    async fn ask(
        &self,
        campaign: &Campaign,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Option<Answer> {
        let cookie = self.cookie.lock().unwrap().clone();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = campaign.client.person(method, path, &cookie, &body).await?;
        if let Some(cookie) = &answer.cookie {
            self.cookie.lock().unwrap().clone_from(cookie);
        }
        Some(answer)
    }

    /// Asks until there is an answer that is not "try again"; comes in again when the visit is over.
    pub(crate) async fn insist(
        &self,
        campaign: &Campaign,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Option<Answer> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.ask(campaign, method, path, body).await {
                Some(answer) if answer.problem() == "not-signed-in" => {
                    self.sign_in(campaign).await;
                }
                Some(answer) if answer.status < 500 && answer.problem() != "changed-meanwhile" => {
                    return Some(answer);
                }
                _ => sleep(PAUSE).await,
            }
        }
        None
    }

    async fn sign_in(&self, campaign: &Campaign) -> Option<()> {
        let _alone = self.signing_in.lock().await;
        let seen = self.ask(campaign, "GET", "/v1/cards", &Value::Null).await?;
        if seen.status != 403 {
            return Some(());
        }
        let visit = json!({ "identifier": self.identifier });
        let asked = self.ask(campaign, "POST", "/v1/visit", &visit).await?;
        let code = self.code(campaign, &asked.text("/short_reference")).await?;
        self.ask(campaign, "POST", "/v1/visit/code", &json!({ "code": code })).await.map(drop)
    }
}

impl Asked<'_> {
    fn typed(&self, code: &str) -> Value {
        let mut members = self.bound.clone();
        members.insert("code".to_owned(), json!(code));
        members.into()
    }
}

/// What is in every answer to a request: all of what asks for a code; of what shows how it stands, what it is about.
pub(crate) fn lasting(answer: &Value) -> Value {
    if answer.get("expires").is_some() {
        return answer.clone();
    }
    let about = ["payment", "transfer"].map(|member| answer.get(member).cloned());
    about.into_iter().flatten().collect()
}
