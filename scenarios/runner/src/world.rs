//! What a scenario knows: its people, their phones and browsers, the purchases, and the last answer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use countersign_domain::amount::Amount;
use countersign_sandbox::with_check_digit;
use cucumber::World;
use serde_json::{Value, json};

use crate::{
    bench::Bench,
    browser::Browser,
    control::{Card, ClientCertificate},
    failure::Failure,
    steps::access::Asked,
    wire::{self, Ask, Json, Reply, Tls, Unanswered},
};

/// The state of one scenario.
#[derive(Debug, Default, World)]
pub(crate) struct Story {
    bench: Option<Arc<Bench>>,
    people: BTreeMap<String, Person>,
    pub(crate) purchases: Vec<Purchase>,
    /// All texts that steps have noted, whoever got them.
    pub(crate) heard: Vec<String>,
    /// Codes that the site has asked for.
    pub(crate) asked: Vec<Asked>,
    /// What the last deed was answered.
    pub(crate) answer: Option<Result<Reply, Unanswered>>,
}

/// Somebody with a phone, a card and an account.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) user_id: String,
    pub(crate) number: String,
    pub(crate) card: Card,
    pub(crate) browser: Browser,
    pub(crate) certificate: Option<ClientCertificate>,
    /// Messages on the handset that a step has taken note of, those from before the scenario included.
    pub(crate) noted: usize,
    /// Texts that came in this scenario.
    pub(crate) texts: Vec<String>,
}

/// What a merchant asked for.
#[derive(Clone, Debug)]
pub(crate) struct Purchase {
    pub(crate) amount: Amount,
    pub(crate) order: Value,
    pub(crate) key: String,
    pub(crate) id: String,
    /// The payment page.
    pub(crate) url: String,
}

impl Person {
    /// The code of the last message: what follows the last `#`.
    pub(crate) fn code(&self) -> Result<&str, Failure> {
        let text = self.texts.last().ok_or_else(|| Failure::new("no message came yet"))?;
        code_in(text)
    }
}

/// The code of a message: what follows the last `#`.
pub(crate) fn code_in(text: &str) -> Result<&str, Failure> {
    let code = text.rsplit_once('#').map(|(_, code)| code);
    code.ok_or_else(|| Failure::expected("a code after a #", text))
}

impl Story {
    /// The scenario is played there.
    pub(crate) fn begin_at(&mut self, bench: Arc<Bench>) {
        self.bench = Some(bench);
    }

    pub(crate) fn bench(&self) -> Result<&Bench, Failure> {
        self.bench.as_deref().ok_or_else(|| Failure::new("there is no sandbox for this scenario"))
    }

    /// Somebody new of that name, with a number and a card that nobody else has.
    pub(crate) async fn add_person(&mut self, name: &str) -> Result<&mut Person, Failure> {
        let unique = next_unique();
        let card = Card {
            number: with_check_digit(&format!("4970{unique:011}")),
            expiry: "2035-12".to_owned(),
        };
        let number = format!("+336{:08}", unique % 100_000_000);
        self.enter(name, format!("{}-{unique}", name.to_lowercase()), number, card, None).await
    }

    /// The holder of a certificate of the sandbox, under that name.
    pub(crate) async fn add_holder(
        &mut self,
        name: &str,
        certificate: ClientCertificate,
    ) -> Result<(), Failure> {
        let (number, card) = (certificate.number.clone(), certificate.card.clone());
        let user_id = format!("{}-{}", name.to_lowercase(), next_unique());
        self.enter(name, user_id, number, card, Some(certificate)).await.map(|_| ())
    }

    /// Gives a person a handset that is on and an account that is full, and notes what the handset shows already.
    async fn enter(
        &mut self,
        name: &str,
        user_id: String,
        number: String,
        card: Card,
        certificate: Option<ClientCertificate>,
    ) -> Result<&mut Person, Failure> {
        let Bench { control, description } = self.bench()?;
        control.set_handset(&number, "on").await?;
        let account = json!({
            "expiry": card.expiry, "balance": { "value": "1000.00", "currency": "EUR" },
            "refuses": false, "blocked": false,
        });
        control.set_card(&card.number, &account).await?;
        let noted = control.messages(&number).await?.len();
        let browser = Browser::new(description, certificate.as_ref())?;
        let person =
            Person { user_id, number, card, browser, certificate, noted, texts: Vec::new() };
        Ok(self.people.entry(name.to_owned()).insert_entry(person).into_mut())
    }

    pub(crate) fn person(&self, name: &str) -> Result<&Person, Failure> {
        self.people
            .get(name)
            .ok_or_else(|| Failure::new(format!("the script has not said who {name} is")))
    }

    pub(crate) fn person_mut(&mut self, name: &str) -> Result<&mut Person, Failure> {
        self.people
            .get_mut(name)
            .ok_or_else(|| Failure::new(format!("the script has not said who {name} is")))
    }

    /// The text that a step has noted last.
    pub(crate) fn last_text(&self) -> Result<&str, Failure> {
        let last = self.heard.last();
        last.map(String::as_str).ok_or_else(|| Failure::new("no message came yet"))
    }

    /// A number that no other scenario has.
    pub(crate) fn unique(&self) -> u64 {
        next_unique()
    }

    /// The purchase that is talked of: the last.
    pub(crate) fn purchase(&self) -> Result<&Purchase, Failure> {
        self.purchases
            .last()
            .ok_or_else(|| Failure::new("the merchant has not asked for anything yet"))
    }

    /// Calls the merchants' API under that key, or none.
    pub(crate) async fn merchant(
        &self,
        method: &str,
        path: &str,
        api_key: Option<&str>,
        idempotency_key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Result<Reply, Unanswered>, Failure> {
        let Bench { description, .. } = self.bench()?;
        let tls = Tls::new(&description.authority, None)?;
        let url = format!("{}{path}", description.api);
        let mut headers = Vec::new();
        if let Some(key) = api_key {
            headers.push((hyper::header::AUTHORIZATION, format!("Bearer {key}")));
        }
        if let Some(key) = idempotency_key {
            headers
                .push((hyper::header::HeaderName::from_static("idempotency-key"), key.to_owned()));
        }
        // What a tester reads is no part of the purchase, and is not drawn.
        if method == "GET" {
            headers.push((
                hyper::header::HeaderName::from_static(countersign_sandbox::OWN_LOOK),
                "1".to_owned(),
            ));
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        Ok(wire::ask(Some(&tls), Ask { method, url: &url, headers, body }).await)
    }

    /// What our merchant is answered to a question that must succeed.
    pub(crate) async fn merchant_reads(&self, path: &str) -> Result<Reply, Failure> {
        let key = &self.bench()?.description.api_key;
        let reply = self.merchant("GET", path, Some(key), None, None).await?;
        let reply = reply.map_err(|error| Failure::new(error.to_string()))?;
        if reply.status.is_success() {
            Ok(reply)
        } else {
            Err(Failure::new(format!("GET {path}: {reply}")))
        }
    }

    /// The purchase as the merchant sees it.
    pub(crate) async fn merchant_view(&self) -> Result<Json, Failure> {
        let path = format!("/v1/checkouts/{}", self.purchase()?.id);
        Ok(self.merchant_reads(&path).await?.json())
    }
}

/// A number that no other scenario has, in this run or, most likely, in another one against the same sandbox.
fn next_unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let start = *START.get_or_init(|| {
        use std::hash::BuildHasher as _;
        std::collections::hash_map::RandomState::new().hash_one("runner") % 90_000_000
    });
    start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)).wrapping_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_people_are_the_same() {
        assert_ne!(next_unique(), next_unique());
    }
}
