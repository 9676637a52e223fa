//! What becomes of a purchase, and what phone and bank show of it.

use cucumber::{then, when};

use crate::{
    failure::{Failure, Outcome, eventually, same},
    flows::checkout,
    phrase::{self, Seconds},
    world::{Story, code_in},
};

impl Story {
    /// Waits until the merchant sees the purchase there, and for that cause if one is given.
    pub(super) async fn purchase_comes_to(&self, status: &str, cause: Option<&str>) -> Outcome {
        eventually(|| async {
            let view = self.merchant_view().await?;
            same("the purchase to be", view.text("/status"), Some(status))?;
            match cause {
                None => Ok(()),
                Some(cause) => same("the cause to be", view.text("/cause"), Some(cause)),
            }
        })
        .await
    }
}

#[then(regex = r"^the purchase (is open|is paid|is expired|waits for the code)$")]
async fn purchase_is(story: &mut Story, status: String) -> Outcome {
    story.purchase_comes_to(checkout::status(&status)?, None).await
}

#[then(regex = r"^the purchase (is void|is declined|is being released): (.+)$")]
async fn purchase_is_not_made(story: &mut Story, status: String, cause: String) -> Outcome {
    let (status, cause) = (checkout::status(&status)?, phrase::cause(&cause)?);
    story.purchase_comes_to(status, Some(cause)).await
}

/// As a person at the command line, who has asked the bank's desk.
#[when(regex = r"^the operator settles the purchase as (voided|captured)$")]
async fn operator_settles(story: &mut Story, settlement: String) -> Outcome {
    let view = story.merchant_view().await?;
    let payment = view.text("/payment").unwrap_or_default();
    story.bench()?.control.settle(payment, &settlement).await
}

/// What a limit refused, time alone makes another answer.
#[then(expr = "the purchase says to wait at most {time}")]
async fn purchase_says_to_wait(story: &mut Story, at_most: Seconds) -> Outcome {
    let view = story.merchant_view().await?;
    match view.number("/wait_seconds") {
        Some(seconds) if (1..=u64::from(at_most.0)).contains(&seconds) => Ok(()),
        seconds => Err(Failure::expected(
            format_args!("1 to {} seconds", at_most.0),
            format!("{seconds:?}"),
        )),
    }
}

#[then(regex = r"^the purchase was a (normal|secured) transaction$")]
async fn purchase_was(story: &mut Story, selection: String) -> Outcome {
    let view = story.merchant_view().await?;
    same("the selection to be", view.text("/selection"), Some(selection.as_str()))
}

#[then("the message shows the amount and the payee")]
async fn message_shows(story: &mut Story) -> Outcome {
    let view = story.merchant_view().await?;
    let (amount, payee) =
        (story.purchase()?.amount.to_string(), view.text("/payee").unwrap_or_default());
    story.text_says(&format!("shows {amount} and {payee}"), |text| {
        text.contains(&amount) && text.contains(payee)
    })
}

/// Origin-bound one-time codes: `@host #code`, and nothing after it.
#[then("the last line of the message binds the code to the payment page")]
fn last_line_binds(story: &mut Story) -> Outcome {
    let url = story.purchase()?.url.clone();
    let host =
        url.split('/').nth(2).and_then(|authority| authority.split(':').next()).unwrap_or_default();
    let line = format!("@{host} #{}", code_in(story.last_text()?)?);
    story.text_says(&format!("ends with the line {line}"), |text| {
        text.lines().last() == Some(line.as_str())
    })
}

#[then(expr = "{word} is debited the amount once")]
async fn is_debited_the_amount_once(story: &mut Story, name: String) -> Outcome {
    let amount = story.purchase()?.amount;
    story.debited_once(&name, amount).await
}
