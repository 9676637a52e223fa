//! The payer at the payment page.

use cucumber::{then, when};
use serde_json::Value;

use crate::{
    browser::Browser,
    failure::{Failure, Outcome, eventually, same},
    flows::checkout::form,
    phrase::{Money, Seconds},
    wire::Json,
    world::{Story, code_in},
};

impl Story {
    /// The person sends a form of the payment page.
    pub(in crate::steps) async fn submit(
        &mut self,
        name: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Outcome {
        let page = self.purchase()?.url.clone();
        let browser = &mut self.person_mut(name)?.browser;
        let answer = browser.submit(&page, action, fields).await;
        self.answer = Some(answer);
        Ok(())
    }

    /// Says who pays: a userId, a card, or nothing.
    async fn pay(
        &mut self,
        name: &str,
        user_id: Option<String>,
        card: Option<(String, String)>,
    ) -> Outcome {
        self.say_who_pays(name, "user_id", user_id.as_deref(), card).await
    }

    /// Pays by the client certificate, with a card if it bears none.
    async fn present(&mut self, name: &str, card: Option<(String, String)>) -> Outcome {
        self.say_who_pays(name, "certificate", Some("presented"), card).await
    }

    async fn say_who_pays(
        &mut self,
        name: &str,
        field: &str,
        value: Option<&str>,
        card: Option<(String, String)>,
    ) -> Outcome {
        let mut fields: Vec<_> = value.map(|value| (field, value)).into_iter().collect();
        if let Some((number, expiry)) = &card {
            fields.extend([("card_number", number.as_str()), ("card_expiry", expiry)]);
        }
        self.submit(name, form::PAY, &fields).await
    }

    fn user_id_of(&self, name: &str) -> Result<String, Failure> {
        Ok(self.person(name)?.user_id.clone())
    }

    fn card_of(&self, name: &str) -> Result<(String, String), Failure> {
        let card = &self.person(name)?.card;
        Ok((card.number.clone(), card.expiry.clone()))
    }

    /// The purchase as the person's browser shows it.
    async fn payer_view(&self, name: &str) -> Result<Json, Failure> {
        // A look must change nothing: it has the same cookie.
        let mut browser = self.person(name)?.browser.clone();
        let reply = browser.open(&self.purchase()?.url).await;
        Ok(reply.map_err(|error| Failure::new(error.to_string()))?.json())
    }
}

#[when(expr = "{word} opens the payment page")]
async fn opens_the_page(story: &mut Story, name: String) -> Outcome {
    let page = story.purchase()?.url.clone();
    story.answer = Some(story.person_mut(&name)?.browser.read(&page).await);
    Ok(())
}

#[when(expr = "{word} opens the payment page in a new browser")]
async fn opens_the_page_anew(story: &mut Story, name: String) -> Outcome {
    let page = story.purchase()?.url.clone();
    let certificate = story.person(&name)?.certificate.clone();
    let browser = Browser::new(&story.bench()?.description, certificate.as_ref())?;
    let person = story.person_mut(&name)?;
    person.browser = browser;
    let answer = person.browser.read(&page).await;
    story.answer = Some(answer);
    Ok(())
}

#[then("the page shows the amount and the payee")]
async fn page_shows(story: &mut Story) -> Outcome {
    let view = story.merchant_view().await?;
    let amount = story.purchase()?.amount;
    // The page keeps an amount on one line by a space that does not break.
    let page = story.answered()?.body.replace('\u{a0}', " ");
    for shown in [amount.to_string().as_str(), view.text("/payee").unwrap_or_default()] {
        if !page.contains(shown) {
            return Err(Failure::expected(format_args!("a page that shows \"{shown}\""), page));
        }
    }
    Ok(())
}

#[when(expr = "{word} gives the userId")]
async fn gives_user_id(story: &mut Story, name: String) -> Outcome {
    let user_id = story.user_id_of(&name)?;
    story.pay(&name, Some(user_id), None).await
}

#[when(expr = "{word} gives the userId and the card")]
async fn gives_user_id_and_card(story: &mut Story, name: String) -> Outcome {
    let (user_id, card) = (story.user_id_of(&name)?, story.card_of(&name)?);
    story.pay(&name, Some(user_id), Some(card)).await
}

#[when(regex = r"^(\w+) gives the userId and (\w+)'s card$")]
async fn gives_user_id_and_anothers_card(
    story: &mut Story,
    name: String,
    holder: String,
) -> Outcome {
    let (user_id, card) = (story.user_id_of(&name)?, story.card_of(&holder)?);
    story.pay(&name, Some(user_id), Some(card)).await
}

#[when(expr = "{word} gives the card")]
async fn gives_card(story: &mut Story, name: String) -> Outcome {
    let card = story.card_of(&name)?;
    story.pay(&name, None, Some(card)).await
}

#[when(regex = r"^(\w+) gives (\w+)'s card$")]
async fn gives_anothers_card(story: &mut Story, name: String, holder: String) -> Outcome {
    let card = story.card_of(&holder)?;
    story.pay(&name, None, Some(card)).await
}

#[when(expr = "{word} gives the card with another expiry")]
async fn gives_card_with_another_expiry(story: &mut Story, name: String) -> Outcome {
    let (number, _) = story.card_of(&name)?;
    story.pay(&name, None, Some((number, "2034-11".to_owned()))).await
}

#[when(expr = "{word} gives nothing")]
async fn gives_nothing(story: &mut Story, name: String) -> Outcome {
    story.pay(&name, None, None).await
}

#[when(expr = "{word} presents the certificate")]
async fn presents(story: &mut Story, name: String) -> Outcome {
    story.present(&name, None).await
}

#[when(expr = "{word} presents the certificate and the card")]
async fn presents_with_card(story: &mut Story, name: String) -> Outcome {
    let card = story.card_of(&name)?;
    story.present(&name, Some(card)).await
}

#[when(regex = r"^(\w+) presents the certificate and (\w+)'s card$")]
async fn presents_with_anothers_card(story: &mut Story, name: String, holder: String) -> Outcome {
    let card = story.card_of(&holder)?;
    story.present(&name, Some(card)).await
}

#[when(expr = "{word} types the code")]
async fn types_the_code(story: &mut Story, name: String) -> Outcome {
    let code = story.person(&name)?.code()?.to_owned();
    story.submit(&name, form::CODE, &[("code", &code)]).await
}

#[when(expr = "{word} types the code of {amount}")]
async fn types_the_code_of(story: &mut Story, name: String, amount: Money) -> Outcome {
    let shown = amount.0.to_string();
    let texts = &story.person(&name)?.texts;
    let text = texts.iter().find(|text| text.contains(&shown));
    let text = text.ok_or_else(|| {
        Failure::expected(format_args!("a message that says {shown}"), texts.join("\n"))
    })?;
    let code = code_in(text)?.to_owned();
    story.submit(&name, form::CODE, &[("code", &code)]).await
}

#[when(expr = "{word} types a wrong code")]
async fn types_a_wrong_code(story: &mut Story, name: String) -> Outcome {
    let wrong = story.wrong_code();
    story.submit(&name, form::CODE, &[("code", &wrong)]).await
}

#[when(expr = "{word} types {string}")]
async fn types(story: &mut Story, name: String, typed: String) -> Outcome {
    story.submit(&name, form::CODE, &[("code", &typed)]).await
}

/// What somebody else does to the purchase in a browser of his or her own.
async fn by_somebody_else(
    story: &mut Story,
    name: &str,
    action: &str,
    fields: &[(&str, &str)],
) -> Outcome {
    let page = story.purchase()?.url.clone();
    let mut browser = story.person(name)?.browser.another()?;
    story.answer = Some(browser.submit(&page, action, fields).await);
    Ok(())
}

#[when(regex = r"^somebody else types (\w+)'s code in another browser$")]
async fn somebody_else_types(story: &mut Story, name: String) -> Outcome {
    let code = story.person(&name)?.code()?.to_owned();
    by_somebody_else(story, &name, form::CODE, &[("code", &code)]).await
}

#[when(regex = r"^somebody else calls (\w+)'s payment off in another browser$")]
async fn somebody_else_calls_off(story: &mut Story, name: String) -> Outcome {
    by_somebody_else(story, &name, form::CANCEL, &[]).await
}

#[when(expr = "{word} calls the payment off")]
async fn calls_off(story: &mut Story, name: String) -> Outcome {
    story.submit(&name, form::CANCEL, &[]).await
}

#[when(expr = "{word} begins {int} payments and calls each off, {time} apart")]
async fn begins_and_calls_off(
    story: &mut Story,
    name: String,
    payments: u32,
    apart: Seconds,
) -> Outcome {
    for _ in 0..payments {
        let amount = "49.90 EUR".parse::<Money>().map_err(Failure::new)?;
        story.ask_for(amount, Value::Array(Vec::new()), "en").await?;
        gives_user_id(story, name.clone()).await?;
        story.next_text(&name).await?;
        calls_off(story, name.clone()).await?;
        story.bench()?.control.advance_clock(apart.0).await?;
    }
    Ok(())
}

#[when(expr = "{word} asks for the message again")]
async fn asks_again(story: &mut Story, name: String) -> Outcome {
    story.submit(&name, form::RESEND, &[]).await
}

#[then(expr = "{int} attempts are left")]
fn attempts_are_left(story: &mut Story, left: u64) -> Outcome {
    same("the attempts left to be", story.answered()?.json().number("/attempts_left"), Some(left))
}

#[then(expr = "{word} has {int} attempts left")]
async fn has_attempts_left(story: &mut Story, name: String, left: u64) -> Outcome {
    let view = story.payer_view(&name).await?;
    same("the attempts left to be", view.number("/code/attempts_left"), Some(left))
}

#[then(expr = "the message is on its way to {word}")]
async fn message_is_on_its_way(story: &mut Story, name: String) -> Outcome {
    message_is(story, &name, "sent").await
}

#[then(expr = "the payment page says that the message is delivered to {word}")]
async fn message_is_delivered(story: &mut Story, name: String) -> Outcome {
    message_is(story, &name, "delivered").await
}

async fn message_is(story: &Story, name: &str, state: &str) -> Outcome {
    eventually(|| async {
        let view = story.payer_view(name).await?;
        same("the message to be", view.text("/code/message"), Some(state))
    })
    .await
}
