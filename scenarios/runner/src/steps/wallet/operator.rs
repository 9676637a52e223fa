//! The operator that keeps the codes of tickets (F12.v1): there, or away.

use cucumber::when;

use crate::{failure::Outcome, world::Story};

#[when("the operator goes away")]
async fn goes_away(story: &mut Story) -> Outcome {
    story.bench()?.control.set_operator_away(true).await
}

#[when("the operator comes back")]
async fn comes_back(story: &mut Story) -> Outcome {
    story.bench()?.control.set_operator_away(false).await
}
