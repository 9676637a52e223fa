//! What the last deed was answered.

use cucumber::then;

use crate::{failure::Outcome, phrase, world::Story};

#[then(regex = r"^the answer is no: (.+)$")]
fn answer_is_no(story: &mut Story, cause: String) -> Outcome {
    story.refused(phrase::cause(&cause)?, "")
}
