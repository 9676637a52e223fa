//! Money: in and out of a wallet, what it has, and what its statement says.

use cucumber::{then, when};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, eventually, same},
    flows::wallet::{Moved, minor},
    phrase::Money,
    world::Story,
};

impl Story {
    fn moved(&self, name: &str) -> Result<Moved, Failure> {
        let moved = self.wallets.known(name)?.moved.clone();
        moved.ok_or_else(|| Failure::new(format!("{name} has moved no money")))
    }

    /// Moves money, which is drawn.
    async fn begins(&mut self, name: &str, path: &'static str, movement: Value) -> Outcome {
        let begun = self.moves(name, path, movement).await?;
        if let Some(transfer) = begun.as_ref().and_then(|begun| begun.text("/transfer")) {
            self.wallets.draw(transfer);
        }
        Ok(())
    }
}

#[when(expr = "{word} pays {amount} into the wallet {string} from the card {string}")]
async fn pays_in(
    story: &mut Story,
    name: String,
    amount: Money,
    wallet: String,
    card: String,
) -> Outcome {
    let movement = story.movement(&name, &wallet, &card, amount)?;
    story.begins(&name, "/v1/pay-ins", movement).await
}

#[when(expr = "{word} takes {amount} out of the wallet {string} to the card {string}")]
async fn takes_out(
    story: &mut Story,
    name: String,
    amount: Money,
    wallet: String,
    card: String,
) -> Outcome {
    let movement = story.movement(&name, &wallet, &card, amount)?;
    story.begins(&name, "/v1/take-outs", movement).await
}

#[when(expr = "{word} asks to move the same again")]
async fn moves_again(story: &mut Story, name: String) -> Outcome {
    let before = story.moved(&name)?;
    let again = story.moves(&name, before.path, before.body).await?;
    let again = story.yes(again)?;
    same("the transfer to be", again.text("/transfer"), Some(&*before.transfer))
}

#[when(expr = "{word} asks to move {amount} under the same key")]
async fn moves_other(story: &mut Story, name: String, amount: Money) -> Outcome {
    let Moved { path, mut body, .. } = story.moved(&name)?;
    if let Some(member) = body.get_mut("amount_minor") {
        *member = json!(amount.0.amount_minor());
    }
    story.moves(&name, path, body).await.map(drop)
}

#[then(expr = "{word}'s money is moved")]
async fn money_is_moved(story: &mut Story, name: String) -> Outcome {
    let (story, path) = (&*story, format!("/v1/transfers/{}", story.moved(&name)?.transfer));
    eventually(|| async {
        let transfer = story.client_looks(&name, &path).await?;
        same("the transfer to be", transfer.text("/status"), Some("done"))
    })
    .await
}

#[then(
    regex = r#"^(\w+)'s wallet "([^"]*)" has (\d+\.\d\d) ([A-Z]{3})(?:, and (\d+\.\d\d) [A-Z]{3} held)?$"#
)]
async fn wallet_has(
    story: &mut Story,
    name: String,
    wallet: String,
    available: String,
    currency: String,
    held: String,
) -> Outcome {
    let story = &*story;
    let path = format!("/v1/wallets/{}", story.wallets.wallet(&name, &wallet)?.0);
    let available = minor(&available, &currency)?;
    let held = if held.is_empty() { 0 } else { minor(&held, &currency)? };
    eventually(|| async {
        let shown = story.client_looks(&name, &path).await?;
        same("the currency to be", shown.text("/currency"), Some(&*currency))?;
        let came = (shown.number("/available_minor"), shown.number("/held_minor"));
        same("available and held, in minor units, to be", came, (Some(available), Some(held)))
    })
    .await
}

#[then(
    regex = r#"^the statement of (\w+)'s wallet "([^"]*)" says (.+), and (\d+\.\d\d) at the end$"#
)]
async fn statement_says(
    story: &mut Story,
    name: String,
    wallet: String,
    movements: String,
    end: String,
) -> Outcome {
    let (number, currency) = story.wallets.wallet(&name, &wallet)?.clone();
    let statement = story.client_looks(&name, &format!("/v1/wallets/{number}/statement")).await?;
    let moved = statement.0.pointer("/movements").and_then(Value::as_array).into_iter().flatten();
    let came: Vec<_> = moved.map(|movement| movement.get("amount_minor")?.as_i64()).collect();
    let said = movements.split(", ").map(|text| {
        let (sign, value) = text.split_at_checked(1).unwrap_or_default();
        let minor = i64::try_from(minor(value, &currency)?).unwrap_or_default();
        Ok(Some(if sign == "-" { minor.saturating_neg() } else { minor }))
    });
    let said = said.collect::<Result<Vec<_>, Failure>>()?;
    same("the movements, in minor units, to be", came, said)?;
    let closing = statement.number("/closing_minor");
    same("the balance at the end to be", closing, Some(minor(&end, &currency)?))
}
