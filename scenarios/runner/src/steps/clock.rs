//! Time that passes.

use cucumber::when;

use crate::{failure::Outcome, phrase::Seconds, world::Story};

#[when(expr = "{time} pass")]
async fn time_passes(story: &mut Story, time: Seconds) -> Outcome {
    story.bench()?.control.advance_clock(time.0).await
}
