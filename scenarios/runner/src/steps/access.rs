//! A site with pages of its own: it asks for a code to let people in, or to be paid, and passes on what they type.

use cucumber::{then, when};
use hyper::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, same},
    phrase::Money,
    wire::{Ask, Json, Reply, Tls, ask},
    world::Story,
};

/// A code that the site has asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    id: String,
    session: String,
}

impl Story {
    /// The site calls the API.
    async fn site(&mut self, method: &str, path: &str, body: &Value) -> Outcome {
        let description = &self.bench()?.description;
        let tls = Tls::new(&description.authority, None)?;
        let url = format!("{}{path}", description.api);
        let headers = vec![(AUTHORIZATION, format!("Bearer {}", description.api_key))];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.answer = Some(ask(Some(&tls), Ask { method, url: &url, headers, body }).await);
        Ok(())
    }

    /// The site asks for a code.
    async fn site_asks(&mut self, name: &str, purpose: Value) -> Outcome {
        let user_id = &self.person(name)?.user_id;
        let body = json!({ "user_id": user_id, "purpose": purpose, "origin": "localhost" });
        self.site("POST", "/v1/challenges", &body).await?;
        let shown = self.site_answer()?;
        if let (Some(id), Some(session)) = (shown.text("/id"), shown.text("/session")) {
            self.asked.push(Asked { id: id.to_owned(), session: session.to_owned() });
        }
        Ok(())
    }

    /// The code that the site has asked for last, or the one before.
    fn asked(&self, before: usize) -> Result<Asked, Failure> {
        let asked = self.asked.iter().rev().nth(before).cloned();
        asked.ok_or_else(|| Failure::new("the site has asked for no code"))
    }

    /// The site passes on a code for the challenge that it started last.
    async fn site_passes_on(&mut self, session: &str, code: &str) -> Outcome {
        let path = format!("/v1/challenges/{}/response", self.asked(0)?.id);
        self.site("POST", &path, &json!({ "session": session, "code": code })).await
    }

    fn site_reply(&self) -> Result<&Reply, Failure> {
        match &self.answer {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(error)) => Err(Failure::new(error.to_string())),
            None => Err(Failure::new("the site has asked for nothing")),
        }
    }

    fn site_answer(&self) -> Result<Json, Failure> {
        Ok(self.site_reply()?.json())
    }
}

#[when(regex = r"^(\w+) asks the site to come in(?: again)?$")]
async fn asks_to_come_in(story: &mut Story, name: String) -> Outcome {
    story.site_asks(&name, json!("access")).await
}

#[when(expr = "{word} asks the site to come into {string}")]
async fn asks_to_come_into(story: &mut Story, name: String, part: String) -> Outcome {
    story.site_asks(&name, json!({ "access_to": part })).await
}

#[when(expr = "{word} asks the site to pay {amount}")]
async fn asks_to_pay(story: &mut Story, name: String, amount: Money) -> Outcome {
    let Money(amount) = amount;
    let amount = json!({ "value": amount.to_decimal(), "currency": amount.currency().code() });
    let payment = json!({ "amount": amount, "reference": "order-1" });
    story.site_asks(&name, json!({ "payment": payment })).await
}

#[when(expr = "{word} types the code at the site")]
async fn types_the_code(story: &mut Story, name: String) -> Outcome {
    let (session, code) = (story.asked(0)?.session, story.person(&name)?.code()?.to_owned());
    story.site_passes_on(&session, &code).await
}

#[when(expr = "{word} types a wrong code at the site")]
async fn types_a_wrong_code(story: &mut Story, name: String) -> Outcome {
    let (session, right) = (story.asked(0)?.session, story.person(&name)?.code()?);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    story.site_passes_on(&session, wrong).await
}

#[when(expr = "{word} types the first code at the site")]
async fn types_the_first_code(story: &mut Story, name: String) -> Outcome {
    let session = story.asked(0)?.session;
    let first = story.person(&name)?.texts.first();
    let first = first.ok_or_else(|| Failure::new("no message came yet"))?;
    let code = crate::world::code_in(first)?.to_owned();
    story.site_passes_on(&session, &code).await
}

#[when(expr = "somebody types {word}'s code in the session before")]
async fn types_in_another_session(story: &mut Story, name: String) -> Outcome {
    let (session, code) = (story.asked(1)?.session, story.person(&name)?.code()?.to_owned());
    story.site_passes_on(&session, &code).await
}

#[when("the site calls it off")]
async fn calls_off(story: &mut Story) -> Outcome {
    let path = format!("/v1/challenges/{}/cancel", story.asked(0)?.id);
    story.site("POST", &path, &Value::Null).await
}

#[then(regex = r"^the site (lets (\w+) in|is told that (\w+) agreed)$")]
fn lets_in(story: &mut Story, said: String, guest: String, payer: String) -> Outcome {
    let name = if guest.is_empty() { &payer } else { &guest };
    let shown = story.site_answer()?;
    same(&said, shown.text("/status"), Some("verified"))?;
    same("the person to be", shown.text("/user_id"), Some(&*story.person(name)?.user_id))
}

#[then(expr = "the site sees that the challenge is {word}")]
async fn site_sees(story: &mut Story, status: String) -> Outcome {
    let path = format!("/v1/challenges/{}", story.asked(0)?.id);
    story.site("GET", &path, &Value::Null).await?;
    same("the challenge to be", story.site_answer()?.text("/status"), Some(&*status))
}
