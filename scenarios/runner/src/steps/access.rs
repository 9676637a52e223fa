//! A site with pages of its own: it asks for a code to let people in, or to be paid, and passes on what they type.

use cucumber::{then, when};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, same},
    flows::access::{self, Asked},
    phrase::Money,
    wire::{Json, Reply},
    world::Story,
};

impl Story {
    /// The site asks for a code.
    async fn site_asks(&mut self, name: &str, purpose: Value) -> Outcome {
        let answer = access::start(self.bench()?, &self.person(name)?.user_id, &purpose).await?;
        self.answer = Some(answer);
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

    /// The site passes on a code for the challenge that it started last, in that session.
    async fn site_passes_on(&mut self, session: &str, code: &str) -> Outcome {
        let asked = Asked { session: session.to_owned(), ..self.asked(0)? };
        self.answer = Some(access::respond(self.bench()?, &asked, code).await?);
        Ok(())
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
    story.answer = Some(access::cancel(story.bench()?, &story.asked(0)?).await?);
    Ok(())
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
    story.answer = Some(access::view(story.bench()?, &story.asked(0)?).await?);
    same("the challenge to be", story.site_answer()?.text("/status"), Some(&*status))
}
