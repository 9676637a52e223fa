//! Virtual wallets: opening and closing one, cards, coming and going; and how everything of theirs is asked.

mod forged;
mod money;
mod operator;
mod pay;
mod shop;

use cucumber::{given, then, when};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome},
    flows::wallet::{Moved, minor},
    phrase::Money,
    wire::{Json, Reply},
    world::Story,
};

impl Story {
    /// Somebody's computer asks the server. The answer is kept, and given when it is a yes.
    async fn client_asks(
        &mut self,
        name: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Option<Json>, Failure> {
        let (bench, client) = self.client(name)?;
        let answer = client.ask(&bench, method, path, body).await;
        let yes = answer.as_ref().ok().filter(|reply| reply.status.is_success()).map(Reply::json);
        self.answer = Some(answer);
        Ok(yes)
    }

    /// A yes to what was asked, for steps that go no further without one.
    fn yes(&self, answer: Option<Json>) -> Result<Json, Failure> {
        match (answer, self.answered()) {
            (Some(yes), _) => Ok(yes),
            (None, Ok(reply)) => Err(Failure::expected("a yes", reply)),
            (None, Err(failure)) => Err(failure),
        }
    }

    /// What the person's computer would show.
    async fn client_looks(&self, name: &str, path: &str) -> Result<Json, Failure> {
        let reply = self.wallets.known(name)?.look(self.bench()?, path).await;
        let reply = reply.map_err(|error| Failure::new(error.to_string()))?;
        match reply.status.is_success() {
            true => Ok(reply.json()),
            false => Err(Failure::expected(format_args!("what is at {path}"), reply)),
        }
    }

    /// Asks for a wallet, for the phone of that person.
    async fn asks_for_wallet(
        &mut self,
        name: &str,
        identifier: &str,
        wallet: &str,
        currency: &str,
    ) -> Result<Option<Json>, Failure> {
        let number = &self.person(name)?.number;
        let body = json!({
            "identifier": identifier, "number": number, "name": wallet, "currency": currency,
        });
        let asked = self.client_asks(name, "POST", "/v1/openings", &body).await?;
        let opening = asked.as_ref().and_then(|asked| asked.text("/opening"));
        let path = opening.map(|opening| format!("/v1/openings/{opening}/code"));
        let (_, client) = self.client(name)?;
        client.opening = Some((wallet.to_owned(), currency.to_owned()));
        client.awaits = path;
        Ok(asked)
    }

    async fn ties(
        &mut self,
        name: &str,
        holder: &str,
        card: &str,
    ) -> Result<Option<Json>, Failure> {
        let of = &self.person(holder)?.card;
        let body = json!({ "name": card, "card": { "number": of.number, "expiry": of.expiry } });
        let tied = self.client_asks(name, "POST", "/v1/cards", &body).await?;
        if let Some(id) = tied.as_ref().and_then(|tied| tied.text("/card")) {
            self.client(name)?.1.has_card(card, id);
        }
        Ok(tied)
    }

    /// Sends what moves money; a code for it goes to where the answer says.
    async fn moves(
        &mut self,
        name: &str,
        path: &'static str,
        body: Value,
    ) -> Result<Option<Json>, Failure> {
        let begun = self.client_asks(name, "POST", path, &body).await?;
        if let Some(transfer) = begun.as_ref().and_then(|begun| begun.text("/transfer")) {
            let transfer = transfer.to_owned();
            let (_, client) = self.client(name)?;
            client.awaits = Some(format!("/v1/pay-ins/{transfer}/code"));
            client.moved = Some(Moved { path, body, transfer });
        }
        Ok(begun)
    }

    fn movement(
        &self,
        name: &str,
        wallet: &str,
        card: &str,
        amount: Money,
    ) -> Result<Value, Failure> {
        let (number, currency) = self.wallets.wallet(name, wallet)?;
        let amount_minor = minor(&amount.0.to_decimal(), currency)?;
        Ok(json!({
            "key": format!("transfer-{:08}", self.unique()), "wallet": number,
            "card": self.wallets.card(name, card)?, "amount_minor": amount_minor,
            "currency": currency,
        }))
    }

    /// Sends a code, and what is typed beside it, where one is awaited; a wallet that it opens is the person's.
    pub(super) async fn types_awaited(
        &mut self,
        name: &str,
        typed: &Value,
    ) -> Result<Option<Json>, Failure> {
        let awaits = self.wallets.known(name)?.awaits.clone();
        let path = awaits.ok_or_else(|| Failure::new(format!("{name} is asked for no code")))?;
        let done = self.client_asks(name, "POST", &path, typed).await?;
        if let Some(number) = done.as_ref().and_then(|done| done.text("/wallet")) {
            let number = number.to_owned();
            let (_, client) = self.client(name)?;
            if let Some((wallet, currency)) = client.opening.take() {
                client.has_wallet(&wallet, &number, &currency);
            }
        }
        Ok(done)
    }

    /// Reads the code from the phone, and types it, with the PIN of a person who has one.
    async fn reads_and_types(&mut self, name: &str) -> Outcome {
        self.next_text(name).await?;
        let person = self.person(name)?;
        let mut typed = json!({ "code": person.code()? });
        if let (Some(pin), Some(members)) = (&person.pin, typed.as_object_mut()) {
            members.insert("pin".to_owned(), pin.as_str().into());
        }
        let done = self.types_awaited(name, &typed).await?;
        self.yes(done).map(drop)
    }
}

/// With the code for it, and for what is paid in from the card `mine`, which is tied first if need be.
#[given(expr = "{word} has a wallet {string} with {amount}")]
async fn has_wallet_with(
    story: &mut Story,
    name: String,
    wallet: String,
    amount: Money,
) -> Outcome {
    let (user_id, currency) = (story.person(&name)?.user_id.clone(), amount.0.currency());
    let asked = story.asks_for_wallet(&name, &user_id, &wallet, currency.code()).await?;
    story.yes(asked)?;
    story.reads_and_types(&name).await?;
    if story.wallets.known(&name)?.has_no_card() {
        let tied = story.ties(&name, &name, "mine").await?;
        story.yes(tied)?;
    }
    let movement = story.movement(&name, &wallet, "mine", amount)?;
    let begun = story.moves(&name, "/v1/pay-ins", movement).await?;
    story.yes(begun)?;
    story.reads_and_types(&name).await
}

#[when(expr = "{word} opens a wallet {string} in {word}")]
async fn opens(story: &mut Story, name: String, wallet: String, currency: String) -> Outcome {
    let user_id = story.person(&name)?.user_id.clone();
    let asked = story.asks_for_wallet(&name, &user_id, &wallet, &currency).await?;
    if let Some(opening) = asked.as_ref().and_then(|asked| asked.text("/opening")) {
        story.wallets.draw(opening);
    }
    Ok(())
}

#[when(regex = r#"^(\w+) opens a wallet "([^"]*)" in ([A-Z]{3}) under (\w+)'s identifier$"#)]
async fn opens_as(
    story: &mut Story,
    name: String,
    wallet: String,
    currency: String,
    other: String,
) -> Outcome {
    let user_id = story.person(&other)?.user_id.clone();
    story.asks_for_wallet(&name, &user_id, &wallet, &currency).await.map(drop)
}

#[when(regex = r"^(\w+) types (the|a wrong) code to (?:open the wallet|pay in|come in)$")]
async fn types_code_to(story: &mut Story, name: String, which: String) -> Outcome {
    let code = story.which_code(&name, &which)?;
    story.types_awaited(&name, &json!({ "code": code })).await.map(drop)
}

#[when(expr = "{word} ties the card as {string}")]
async fn ties_card(story: &mut Story, name: String, card: String) -> Outcome {
    story.ties(&name, &name, &card).await.map(drop)
}

#[when(regex = r#"^(\w+) ties (\w+)'s card as "([^"]*)"$"#)]
async fn ties_anothers_card(
    story: &mut Story,
    name: String,
    holder: String,
    card: String,
) -> Outcome {
    story.ties(&name, &holder, &card).await.map(drop)
}

#[when(expr = "{word} closes the wallet {string}")]
async fn closes(story: &mut Story, name: String, wallet: String) -> Outcome {
    let path = format!("/v1/wallets/{}/close", story.wallets.wallet(&name, &wallet)?.0);
    story.client_asks(&name, "POST", &path, &json!({})).await.map(drop)
}

#[then(expr = "{word}'s wallet {string} is closed")]
async fn is_closed(story: &mut Story, name: String, wallet: String) -> Outcome {
    let path = format!("/v1/wallets/{}", story.wallets.wallet(&name, &wallet)?.0);
    let shown = story.client_looks(&name, &path).await?;
    match shown.number("/closed_at") {
        Some(_) => Ok(()),
        None => Err(Failure::expected("a wallet that is closed", shown.0)),
    }
}

#[when(expr = "{word} leaves the wallets")]
async fn leaves(story: &mut Story, name: String) -> Outcome {
    story.client_asks(&name, "DELETE", "/v1/visit", &json!({})).await.map(drop)
}

#[when(expr = "{word} asks to come in to the wallets")]
async fn asks_to_come_in(story: &mut Story, name: String) -> Outcome {
    let body = json!({ "identifier": story.person(&name)?.user_id });
    story.client_asks(&name, "POST", "/v1/visit", &body).await?;
    story.client(&name)?.1.awaits = Some("/v1/visit/code".to_owned());
    Ok(())
}
