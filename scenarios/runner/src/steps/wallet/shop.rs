//! The bookshop: it signs tickets, takes receipts, delivers, and is owed money.

use cucumber::{then, when};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, same},
    flows::wallet::{forged, owed},
    phrase::Money,
    wire::Reply,
    world::Story,
};

impl Story {
    /// Hands something to the bookshop as the receipt of the ticket that is talked of (GPT4).
    async fn hands(&mut self, receipt: &str) -> Outcome {
        let number = self.wallets.ticket()?.number.as_ref();
        let number = number.ok_or_else(|| Failure::new("the bookshop did not sign the ticket"))?;
        let body = json!({ "number": number, "receipt": receipt });
        self.answer = Some(self.bench()?.control.shop("/bookshop/receipts", &body).await);
        Ok(())
    }

    fn receipt(&self) -> Result<String, Failure> {
        let receipt = self.wallets.ticket()?.receipt.clone();
        receipt.ok_or_else(|| Failure::new("there is no receipt of the ticket"))
    }

    /// What the bookshop is owed for the ticket that is talked of, movement by movement.
    async fn owed_for_ticket(&self, amount: Money) -> Result<Vec<Value>, Failure> {
        let payment = &self.wallets.ticket()?.payment;
        let all = owed(self.bench()?, amount.0.currency()).await?;
        let is_its =
            |movement: &Value| movement.get("of").and_then(Value::as_str) == Some(payment.as_str());
        Ok(all.into_iter().filter(is_its).collect())
    }
}

/// The shop's ticket goes to the client's computer (F12.1, F12.2).
#[when(expr = "{word} buys {string} for {amount} at the bookshop")]
async fn buys(story: &mut Story, _name: String, goods: String, amount: Money) -> Outcome {
    let Money(amount) = amount;
    let price = json!({ "value": amount.to_decimal(), "currency": amount.currency().code() });
    let body = json!({ "amount": price, "goods": goods });
    let answer = story.bench()?.control.shop("/bookshop/tickets", &body).await;
    let reply = answer.map_err(|error| Failure::new(error.to_string()))?;
    let signed = reply.json();
    match (signed.text("/number"), signed.text("/ticket")) {
        (Some(number), Some(ticket)) => {
            story.wallets.add_ticket(Some(number.to_owned()), ticket.to_owned())
        }
        _ => Err(Failure::expected("a ticket", reply)),
    }
}

#[when(regex = r"^(?:\w+) hands the receipt to the bookshop(?: again)?$")]
async fn hands_receipt(story: &mut Story) -> Outcome {
    let receipt = story.receipt()?;
    story.hands(&receipt).await
}

#[when(regex = r"^(?:\w+) hands the receipt of the ticket before to the bookshop$")]
async fn hands_receipt_before(story: &mut Story) -> Outcome {
    let receipt = story.wallets.ticket_before()?.receipt.clone();
    let receipt = receipt.ok_or_else(|| Failure::new("the ticket before has no receipt"))?;
    story.hands(&receipt).await
}

#[when(regex = r"^(?:\w+) hands the receipt to the bookshop, changed to (\d+\.\d+ [A-Z]{3})$")]
async fn hands_changed(story: &mut Story, amount: Money) -> Outcome {
    let changed = forged::with_amount(&story.receipt()?, amount.0)?;
    story.hands(&changed).await
}

#[when(regex = r"^(?:\w+) hands the ticket to the bookshop as if it were the receipt$")]
async fn hands_ticket(story: &mut Story) -> Outcome {
    let ticket = story.wallets.ticket()?.compact.clone();
    story.hands(&ticket).await
}

#[then(expr = "the bookshop delivers {string}")]
fn delivers(story: &mut Story, goods: String) -> Outcome {
    let delivered = story.answered().map(Reply::json)?;
    same("what is delivered to be", delivered.text("/delivered"), Some(&*goods))
}

#[then(expr = "the bookshop is owed {amount} for the ticket")]
async fn is_owed(story: &mut Story, amount: Money) -> Outcome {
    let owed = story.owed_for_ticket(amount).await?;
    let came: Vec<_> = owed.iter().map(|one| one.get("amount_minor")?.as_u64()).collect();
    same("what is owed, in minor units, to be", came, vec![Some(amount.0.amount_minor())])
}

#[then(expr = "the bookshop is owed nothing for the ticket of {amount}")]
async fn is_owed_nothing(story: &mut Story, amount: Money) -> Outcome {
    same("what is owed to be", story.owed_for_ticket(amount).await?, Vec::new())
}

/// The receipt and the statement: all that a merchant gets of a payment of that amount.
#[then(expr = "nothing that the bookshop gets for the {amount} tells of {word}")]
async fn tells_nothing(story: &mut Story, amount: Money, name: String) -> Outcome {
    let receipt = forged::content(&story.receipt()?)?.to_string();
    let owed = story.owed_for_ticket(amount).await?;
    same("the movements of the ticket to be", owed.len(), 1)?;
    let got = format!("{receipt} {}", Value::from(owed));
    let person = story.person(&name)?;
    let mut secrets = vec![&*person.user_id, person.number.trim_start_matches('+')];
    secrets.push(&person.card.number);
    secrets.extend(story.wallets.names_of(&name));
    match secrets.into_iter().find(|secret| got.contains(secret)) {
        None => Ok(()),
        Some(secret) => Err(Failure::expected(format_args!("nothing of {secret}"), got)),
    }
}
