//! What a scenario knows: its people, their phones and browsers, what the flows remember, and the last answer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use countersign_sandbox::with_check_digit;
use cucumber::World;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Call},
    browser::Browser,
    description::{Card, ClientCertificate},
    failure::{Failure, Outcome},
    flows::{
        access::Asked,
        checkout::Checkouts,
        set::Counter,
        wallet::{Client, Wallets},
    },
    wire::{Answer, Reply, Unanswered},
};

/// The state of one scenario.
#[derive(Debug, Default, World)]
pub(crate) struct Story {
    bench: Option<Arc<Bench>>,
    people: BTreeMap<String, Person>,
    pub(crate) checkouts: Checkouts,
    /// What was bought by SET.
    pub(crate) set: Counter,
    /// What was done with virtual wallets.
    pub(crate) wallets: Wallets,
    /// All texts that steps have noted, on any phone.
    pub(crate) heard: Vec<String>,
    /// The sender of the last of them.
    pub(crate) heard_from: Option<String>,
    /// Codes that the site has asked for.
    pub(crate) asked: Vec<Asked>,
    /// What the last deed was answered.
    pub(crate) answer: Option<Answer>,
}

/// Somebody with a phone, a card and an account.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) user_id: String,
    pub(crate) number: String,
    pub(crate) card: Card,
    pub(crate) browser: Browser,
    pub(crate) certificate: Option<ClientCertificate>,
    /// The PIN, once a relying party has entered it or the person has set it.
    pub(crate) pin: Option<String>,
    /// Messages on the handset that a step has taken note of, those from before the scenario included.
    pub(crate) noted: usize,
    /// Texts that came in this scenario.
    pub(crate) texts: Vec<String>,
}

impl Person {
    /// The code of the last message.
    pub(crate) fn code(&self) -> Result<&str, Failure> {
        let text = self.texts.last().ok_or_else(|| Failure::new("no message came yet"))?;
        code_in(text)
    }
}

/// The code of a message: what follows the last `#`, for browsers; without that line, what follows `Code`, for people.
pub(crate) fn code_in(text: &str) -> Result<&str, Failure> {
    let code = match text.rsplit_once('#') {
        Some((_, code)) => Some(code),
        None => text.split_once("Code ").and_then(|(_, rest)| rest.split(',').next()),
    };
    code.ok_or_else(|| Failure::expected("a code after a # or after Code", text))
}

impl Story {
    /// The scenario is played there.
    pub(crate) fn begin_at(&mut self, bench: Arc<Bench>) {
        self.bench = Some(bench);
    }

    pub(crate) fn bench(&self) -> Result<&Bench, Failure> {
        self.bench.as_deref().ok_or_else(|| Failure::new("there is no sandbox for this scenario"))
    }

    /// Where the sandbox has what was sent, for each flow that was begun.
    pub(crate) fn drawn(&self) -> Vec<String> {
        self.checkouts.drawn().chain(self.set.drawn()).chain(self.wallets.drawn()).collect()
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

    /// The holder of the sandbox's wallet, under that name.
    pub(crate) async fn add_cardholder(&mut self, name: &str) -> Result<(), Failure> {
        let wallet = self.bench()?.description.wallet.clone();
        let user_id = format!("{}-{}", name.to_lowercase(), next_unique());
        self.enter(name, user_id, wallet.number, wallet.card, None).await.map(|_| ())
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
            "refuses": false, "blocked": false, "refuses_captures": false, "refuses_reversals": false,
        });
        control.set_card(&card.number, &account).await?;
        let noted = control.messages(&number).await?.len();
        let browser = Browser::new(description, certificate.as_ref())?;
        let (pin, texts) = (None, Vec::new());
        let person = Person { user_id, number, card, browser, certificate, pin, noted, texts };
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

    /// Somebody's computer, at the virtual wallets.
    pub(crate) fn client(&mut self, name: &str) -> Result<(Arc<Bench>, &mut Client), Failure> {
        let bench = self.bench.clone();
        let bench = bench.ok_or_else(|| Failure::new("there is no sandbox for this scenario"))?;
        let browser = &self.person(name)?.browser.clone();
        Ok((bench, self.wallets.client(name, browser)?))
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

    /// Enters a person into the server's directory, as a relying party does.
    pub(crate) async fn enrol(&self, name: &str, with_card: bool) -> Outcome {
        let person = self.person(name)?;
        let card = with_card
            .then(|| json!({ "number": person.card.number, "expiry": person.card.expiry }));
        let mut body = json!({ "number": person.number, "card": card });
        if let (Some(pin), Some(members)) = (&person.pin, body.as_object_mut()) {
            members.insert("pin".to_owned(), pin.as_str().into());
        }
        self.subscriber("PUT", name, "", Some(&body)).await
    }

    /// Has something done to a person in the server's directory, as a relying party does.
    pub(crate) async fn subscriber(
        &self,
        method: &'static str,
        name: &str,
        action: &str,
        body: Option<&Value>,
    ) -> Outcome {
        let bench = self.bench()?;
        let path = format!("/v1/subscribers/{}{action}", self.person(name)?.user_id);
        let api_key = Some(bench.description.api_key.as_str());
        let call = Call { method, path: &path, api_key, body, ..Call::default() };
        match bench.call(call).await? {
            Ok(reply) if reply.status.as_u16() == 204 => Ok(()),
            Ok(reply) => Err(Failure::expected("204", reply)),
            Err(error) => Err(Failure::new(error.to_string())),
        }
    }

    /// The last answer, if there was one at all.
    pub(crate) fn answered(&self) -> Result<&Reply, Failure> {
        match &self.answer {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(error)) => Err(Failure::new(error.to_string())),
            None => Err(Failure::new("nobody has asked for anything yet")),
        }
    }

    /// The last answer is a no of that name, or a TLS alert of that name.
    pub(crate) fn refused(&self, problem: &str, alert: &str) -> Outcome {
        match &self.answer {
            Some(Ok(reply)) if reply.problem().as_deref() == Some(problem) => Ok(()),
            Some(Err(Unanswered::Alert(came))) if came == alert => Ok(()),
            Some(Ok(reply)) => Err(Failure::expected(format_args!("the problem {problem}"), reply)),
            Some(Err(error)) => {
                Err(Failure::expected(format_args!("the problem {problem}"), error))
            }
            None => Err(Failure::new("nobody has asked for anything yet")),
        }
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
