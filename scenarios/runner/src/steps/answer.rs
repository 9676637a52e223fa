//! What the last deed was answered.

use cucumber::then;

use crate::{
    failure::{Outcome, same},
    phrase,
    world::Story,
};

#[then(regex = r"^the answer is no: (.+)$")]
fn answer_is_no(story: &mut Story, cause: String) -> Outcome {
    story.refused(phrase::cause(&cause)?, "")
}

/// The words that a person reads, where one name has several.
#[then(expr = "the answer says {string}")]
fn answer_says(story: &mut Story, words: String) -> Outcome {
    same("the answer's title to be", story.answered()?.json().text("/title"), Some(&*words))
}
