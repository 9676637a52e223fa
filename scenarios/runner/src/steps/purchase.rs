//! What becomes of a purchase, and the time that passes meanwhile.

use cucumber::{then, when};

use crate::{
    failure::{Outcome, eventually, same},
    phrase::{self, Seconds},
    world::Story,
};

impl Story {
    /// Waits until the merchant sees the purchase there, and for that cause if one is given.
    pub(crate) async fn purchase_comes_to(&self, status: &str, cause: Option<&str>) -> Outcome {
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
    story.purchase_comes_to(phrase::status(&status)?, None).await
}

#[then(regex = r"^the purchase (is void|is declined): (.+)$")]
async fn purchase_is_not_made(story: &mut Story, status: String, cause: String) -> Outcome {
    let (status, cause) = (phrase::status(&status)?, phrase::cause(&cause)?);
    story.purchase_comes_to(status, Some(cause)).await
}

#[then(regex = r"^the purchase was a (normal|secured) transaction$")]
async fn purchase_was(story: &mut Story, selection: String) -> Outcome {
    let view = story.merchant_view().await?;
    same("the selection to be", view.text("/selection"), Some(selection.as_str()))
}

#[when(expr = "{time} pass")]
async fn time_passes(story: &mut Story, time: Seconds) -> Outcome {
    story.bench()?.control.advance_clock(time.0).await
}
