//! Tickets that the bookshop did not sign so, and those of its second till.

use cucumber::{given, when};
use serde_json::json;

use crate::{
    failure::{Failure, Outcome},
    flows::wallet::forged::{
        self, Forgery, Till, open, order, revoke, unsigned, with_amount, with_signature_of,
    },
    phrase::Money,
    world::Story,
};

impl Story {
    /// The ticket that is talked of is another from now on.
    fn changes(&mut self, changed: String) -> Outcome {
        self.wallets.ticket_mut()?.compact = changed;
        Ok(())
    }

    fn second_till(&self) -> Result<&Till, Failure> {
        let till = self.wallets.till.as_ref();
        till.ok_or_else(|| Failure::new("the bookshop has no second till"))
    }

    /// The second till signs a ticket of that number.
    async fn second_till_signs(&mut self, number: &str, amount: Money) -> Outcome {
        let now = self.bench()?.control.time().await?;
        let till = self.second_till()?;
        let ticket = till.ticket(order(number, amount.0)?, now);
        let signed = till.sign(&ticket).map_err(|error| Failure::new(error.to_string()))?;
        self.wallets.add_ticket(None, signed)
    }
}

#[when(expr = "somebody changes the ticket to {amount}")]
fn changes_amount(story: &mut Story, amount: Money) -> Outcome {
    let changed = with_amount(&story.wallets.ticket()?.compact, amount.0)?;
    story.changes(changed)
}

#[when("somebody says in the ticket that it needs no signature")]
fn needs_no_signature(story: &mut Story) -> Outcome {
    let changed = unsigned(&story.wallets.ticket()?.compact)?;
    story.changes(changed)
}

#[when("somebody puts the signature of the ticket before under the ticket")]
fn other_signature(story: &mut Story) -> Outcome {
    let before = &story.wallets.ticket_before()?.compact;
    let changed = with_signature_of(&story.wallets.ticket()?.compact, before)?;
    story.changes(changed)
}

#[when(expr = "{word} looks at the receipt as if it were a ticket")]
async fn looks_at_receipt(story: &mut Story, name: String) -> Outcome {
    let body = json!({ "ticket": story.wallets.ticket()?.receipt });
    story.client_asks(&name, "POST", "/v1/tickets", &body).await.map(drop)
}

#[when(regex = r"^(?:\w+) gets a ticket of (\d+\.\d+ [A-Z]{3}) (.+)$")]
async fn gets_forged(story: &mut Story, amount: Money, how: String) -> Outcome {
    if how == "from the second till" {
        let number = format!("ticket-{:08}", story.unique());
        return story.second_till_signs(&number, amount).await;
    }
    let (forgery, number) = (Forgery::of(&how)?, format!("ticket-{:08}", story.unique()));
    let ticket = forgery.sign(story.bench()?, &number, amount.0).await?;
    story.wallets.add_ticket(None, ticket)
}

#[given("the bookshop has a second till")]
async fn has_second_till(story: &mut Story) -> Outcome {
    let till = open(story.bench()?, &story.bench()?.description.api_key).await?;
    story.wallets.till = Some(till);
    Ok(())
}

#[when("the bookshop revokes the key of the second till")]
async fn revokes(story: &mut Story) -> Outcome {
    revoke(story.bench()?, story.second_till()?).await
}

#[when(regex = r"^(?:\w+) gets another ticket of the same number, of (\d+\.\d+ [A-Z]{3})$")]
async fn gets_same_number(story: &mut Story, amount: Money) -> Outcome {
    let signed = forged::content(&story.wallets.ticket()?.compact)?;
    let number = signed.get("jti").and_then(serde_json::Value::as_str).unwrap_or_default();
    let number = number.to_owned();
    story.second_till_signs(&number, amount).await
}
