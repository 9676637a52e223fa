//! After a purchase by SET: what the shop asks for, and what it is told.

use cucumber::{given, then, when};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, eventually, same},
    flows::{set, settle},
    phrase::Money,
    world::Story,
};

impl Story {
    async fn settles(&mut self, kind: &str, amount: Money) -> Outcome {
        let batch = self.set.settling.batch;
        let id = settle::ask(self.bench()?, self.set.order()?, kind, amount.0, batch).await?;
        self.set.settling.last = Some(id);
        Ok(())
    }
}

#[when(expr = "the shop gives back {amount} of the order")]
async fn gives_back(story: &mut Story, amount: Money) -> Outcome {
    story.settles("credit", amount).await
}

#[when(expr = "the shop has the credit of {amount} undone")]
async fn has_credit_undone(story: &mut Story, amount: Money) -> Outcome {
    story.settles("credit_reversal", amount).await
}

impl Story {
    fn batch(&self) -> Result<u32, Failure> {
        self.set.settling.batch.ok_or_else(|| Failure::new("the shop has opened no batch"))
    }
}

/// The merchant's configuration has the earlier certificate.
#[then(
    "the payment is encrypted to the gateway's new key, and not to the one that the merchant was given"
)]
fn encrypted_to_new_key(story: &mut Story) -> Outcome {
    let folder = &story.bench()?.description.folder;
    let message = &story.set.last()?.message;
    same("the new key to open it", set::opens(folder, "gateway-next", message)?, true)?;
    same("the earlier key to open it", set::opens(folder, "gateway", message)?, false)
}

/// Every scenario has a batch of its own.
#[given(expr = "the shop has opened batch {int} in {word}")]
async fn has_opened_batch(story: &mut Story, number: u32, currency: String) -> Outcome {
    let body = json!({ "currency": currency });
    let batch = settle::batch(story.bench()?, "PUT", &number.to_string(), Some(&body)).await?;
    same("the batch to be", batch.get("standing"), Some(&json!("open")))?;
    story.set.settling.batch = Some(number);
    Ok(())
}

#[then(expr = "shop and gateway have counted {amount} given back and {amount} debited")]
async fn have_counted(story: &mut Story, credited: Money, debited: Money) -> Outcome {
    let path = format!("{}?from=1", story.batch()?);
    let batch = settle::batch(story.bench()?, "GET", &path, None).await?;
    for side in ["", "/gateway"] {
        let number =
            |name| batch.pointer(&format!("{side}/counted/{name}")).and_then(Value::as_u64);
        let counted = (number("credited_minor"), number("debited_minor"));
        let expected = (Some(credited.0.amount_minor()), Some(debited.0.amount_minor()));
        same("what is counted, in minor units, to be", counted, expected)?;
    }
    Ok(())
}

#[when("the shop closes the batch")]
async fn closes_batch(story: &mut Story) -> Outcome {
    let path = format!("{}/close", story.batch()?);
    let batch = settle::batch(story.bench()?, "POST", &path, None).await?;
    same("the batch to be", batch.get("standing"), Some(&json!("closed")))
}

#[then("nothing more can be counted in the batch")]
async fn nothing_more(story: &mut Story) -> Outcome {
    let (bench, order, batch) = (story.bench()?, story.set.order()?, Some(story.batch()?));
    let amount = "0.01 EUR".parse::<Money>().map_err(Failure::new)?;
    match settle::ask(bench, order, "credit", amount.0, batch).await {
        Ok(id) => Err(Failure::expected("a refusal", id)),
        Err(_) => Ok(()),
    }
}

#[then(regex = r"^the shop is told: (.+)$")]
async fn shop_is_told(story: &mut Story, words: String) -> Outcome {
    let expected = settle::answer(&words)?;
    eventually(|| async {
        let code = settle::code(story.bench()?, story.set.settling.last()?).await?;
        same("the gateway to say", code.as_deref(), Some(expected))
    })
    .await
}
