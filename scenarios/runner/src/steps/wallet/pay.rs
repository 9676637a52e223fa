//! A ticket between client and server: looked at, paid, the code typed, the receipt.

use cucumber::{then, when};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, eventually, same},
    flows::wallet::{minor, not_paid},
    phrase::Money,
    wire::Json,
    world::Story,
};

impl Story {
    /// Sends the ticket with what is to pay for it (GRT2).
    async fn asks_to_pay(&mut self, name: &str, source: Value) -> Outcome {
        let nonce = format!("request-{:08}", self.unique());
        let ticket = &self.wallets.ticket()?.compact;
        let request = json!({ "ticket": ticket, "source": source, "nonce": nonce });
        self.sends_request(name, request).await.map(drop)
    }

    async fn sends_request(&mut self, name: &str, request: Value) -> Result<Option<Json>, Failure> {
        let started = self.client_asks(name, "POST", "/v1/payments", &request).await?;
        if let Some(Json(asked)) = &started {
            let ticket = self.wallets.ticket_mut()?;
            (ticket.request, ticket.asked) = (Some(request), Some(asked.clone()));
        }
        Ok(started)
    }

    /// Sends a code with the transaction that it is for (IS); a receipt is kept.
    pub(in crate::steps) async fn sends_typed(&mut self, name: &str, typed: Value) -> Outcome {
        let path = format!("/v1/payments/{}/code", self.wallets.ticket()?.payment);
        let paid = self.client_asks(name, "POST", &path, &typed).await?;
        if let Some(receipt) = paid.as_ref().and_then(|paid| paid.text("/receipt")) {
            self.wallets.ticket_mut()?.receipt = Some(receipt.to_owned());
        }
        Ok(())
    }

    fn request_before(&self) -> Result<Value, Failure> {
        let request = self.wallets.ticket()?.request.clone();
        request.ok_or_else(|| Failure::new("nobody has begun to pay the ticket"))
    }

    /// Waits until the ticket's payment stands there.
    async fn payment_comes_to(&self, name: &str, status: &str) -> Result<Json, Failure> {
        let path = format!("/v1/payments/{}", self.wallets.ticket()?.payment);
        eventually(|| async {
            let payment = self.client_looks(name, &path).await?;
            same("the payment to be", payment.text("/status"), Some(status))?;
            Ok(payment)
        })
        .await
    }
}

#[when(expr = "{word} looks at the ticket")]
async fn looks(story: &mut Story, name: String) -> Outcome {
    let body = json!({ "ticket": story.wallets.ticket()?.compact });
    story.client_asks(&name, "POST", "/v1/tickets", &body).await.map(drop)
}

/// As the server read it, with the merchant by the name that the server knows.
#[then(expr = "the ticket says {amount} to {string} for {string}")]
fn ticket_says(story: &mut Story, amount: Money, payee: String, goods: String) -> Outcome {
    let shown = story.answered()?.json();
    let (came, currency) = (shown.number("/amount_minor"), amount.0.currency());
    same("the amount, in minor units, to be", came, Some(amount.0.amount_minor()))?;
    same("the currency to be", shown.text("/currency"), Some(currency.code()))?;
    same("the merchant to be", shown.text("/payee"), Some(&*payee))?;
    same("the goods to be", shown.text("/goods/0/name"), Some(&*goods))
}

#[when(regex = r#"^(\w+) pays the ticket from the wallet "([^"]*)"$"#)]
async fn pays_from_wallet(story: &mut Story, name: String, wallet: String) -> Outcome {
    let source = json!({ "wallet": story.wallets.wallet(&name, &wallet)?.0 });
    story.asks_to_pay(&name, source).await
}

#[when(regex = r#"^(\w+) pays the ticket from (\w+)'s wallet "([^"]*)"$"#)]
async fn pays_from_anothers(
    story: &mut Story,
    name: String,
    owner: String,
    wallet: String,
) -> Outcome {
    let source = json!({ "wallet": story.wallets.wallet(&owner, &wallet)?.0 });
    story.asks_to_pay(&name, source).await
}

#[when(regex = r#"^(\w+) pays the ticket with the card "([^"]*)"$"#)]
async fn pays_with_card(story: &mut Story, name: String, card: String) -> Outcome {
    let source = json!({ "card": story.wallets.card(&name, &card)? });
    story.asks_to_pay(&name, source).await
}

#[when(regex = r#"^(\w+) pays the ticket with (\w+)'s card "([^"]*)"$"#)]
async fn pays_with_anothers(
    story: &mut Story,
    name: String,
    owner: String,
    card: String,
) -> Outcome {
    let source = json!({ "card": story.wallets.card(&owner, &card)? });
    story.asks_to_pay(&name, source).await
}

#[when(expr = "{word} sends the payment request again")]
async fn sends_request_again(story: &mut Story, name: String) -> Outcome {
    let (request, first) = (story.request_before()?, story.wallets.ticket()?.asked.clone());
    let again = story.sends_request(&name, request).await?;
    same("the answer to be", Some(story.yes(again)?.0), first)
}

#[when(expr = "{word} sends the payment request again with the card {string}")]
async fn sends_request_with_card(story: &mut Story, name: String, card: String) -> Outcome {
    let mut request = story.request_before()?;
    let card = json!({ "card": story.wallets.card(&name, &card)? });
    if let Some(source) = request.get_mut("source") {
        *source = card;
    }
    story.sends_request(&name, request).await.map(drop)
}

/// The message CAC: payment, ticket, phone and reference.
#[then("the server asks for the code")]
fn server_asks(story: &mut Story) -> Outcome {
    let asked = story.answered()?.json();
    let has = |pointer| asked.text(pointer).is_some();
    if has("/short_reference") && has("/phone") {
        return Ok(());
    }
    Err(Failure::expected("the question for the code", asked.0))
}

#[then("the message bears the reference that the server told")]
fn message_bears_reference(story: &mut Story) -> Outcome {
    let asked = story.wallets.ticket()?.asked.as_ref();
    let reference = asked.and_then(|asked| asked.get("short_reference")?.as_str());
    let reference = reference.ok_or_else(|| Failure::new("no code was asked for"))?;
    let line = format!("ref {reference},");
    story.text_says(&format!("says \"{line}\""), |text| text.contains(&line))
}

#[when(regex = r"^(\w+) types (the|a wrong) code for the ticket(?: again)?$")]
async fn types_code(story: &mut Story, name: String, which: String) -> Outcome {
    let code = story.which_code(&name, &which)?;
    let typed = story.wallets.ticket()?.typed(&code)?;
    story.sends_typed(&name, typed).await
}

#[when(regex = r"^(\w+) types (\w+)'s code for the ticket$")]
async fn types_anothers(story: &mut Story, name: String, owner: String) -> Outcome {
    let code = story.person(&owner)?.code()?.to_owned();
    let typed = story.wallets.ticket()?.typed(&code)?;
    story.sends_typed(&name, typed).await
}

#[when(expr = "{word} types the first ticket's code for the ticket")]
async fn types_first(story: &mut Story, name: String) -> Outcome {
    let texts = &story.person(&name)?.texts;
    let before = texts.iter().rev().nth(1);
    let before = before.ok_or_else(|| Failure::new("there was no message before"))?;
    let code = crate::world::code_in(before)?.to_owned();
    let typed = story.wallets.ticket()?.typed(&code)?;
    story.sends_typed(&name, typed).await
}

#[when(expr = "{word} types the code for the ticket, and somebody joins it to {amount}")]
async fn types_for_another_amount(story: &mut Story, name: String, amount: Money) -> Outcome {
    let code = story.person(&name)?.code()?.to_owned();
    let mut typed = story.wallets.ticket()?.typed(&code)?;
    if let Some(member) = typed.get_mut("amount_minor") {
        *member = json!(amount.0.amount_minor());
    }
    story.sends_typed(&name, typed).await
}

#[when(expr = "{word} calls the ticket's payment off")]
async fn calls_off(story: &mut Story, name: String) -> Outcome {
    let path = format!("/v1/payments/{}/cancel", story.wallets.ticket()?.payment);
    story.client_asks(&name, "POST", &path, &json!({})).await.map(drop)
}

/// The receipt is kept.
#[then(expr = "{word}'s ticket is paid")]
async fn is_paid(story: &mut Story, name: String) -> Outcome {
    let paid = story.payment_comes_to(&name, "paid").await?;
    let receipt = paid.text("/receipt").map(str::to_owned);
    let receipt = receipt.ok_or_else(|| Failure::expected("a receipt", &paid.0))?;
    match story.wallets.ticket_mut()?.receipt.replace(receipt.clone()) {
        Some(before) => same("the receipt to be", receipt, before),
        None => Ok(()),
    }
}

#[then(expr = "{word}'s ticket waits for the code")]
async fn waits(story: &mut Story, name: String) -> Outcome {
    story.payment_comes_to(&name, "awaiting_code").await.map(drop)
}

#[then(regex = r"^(\w+)'s ticket is not paid: (.+)$")]
async fn is_not_paid(story: &mut Story, name: String, cause: String) -> Outcome {
    let expected = not_paid(&cause)?;
    let payment = story.payment_comes_to(&name, "not_paid").await?;
    let because = payment.text("/cause/because");
    let came = payment.text("/cause/refusal/cause").or(because);
    same("the cause to be", came, Some(expected))
}

#[then(regex = r"^the answer says that (\d+\.\d\d) ([A-Z]{3}) are left$")]
fn says_what_is_left(story: &mut Story, value: String, currency: String) -> Outcome {
    let left = story.answered()?.json().number("/balance_minor");
    same("the balance, in minor units, to be", left, Some(minor(&value, &currency)?))
}
