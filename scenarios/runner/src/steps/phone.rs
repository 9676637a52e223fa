//! The phone, and what it shows.

use std::time::Duration;

use cucumber::{given, then};
use tokio::time::sleep;

use crate::{
    control::Shown,
    failure::{Failure, Outcome, eventually, same},
    world::{Story, code_in},
};

/// How long nothing must come for nothing to be coming: several looks of the server at its outbox.
const SILENCE: Duration = Duration::from_millis(400);

impl Story {
    /// Waits for the next message on the person's phone, and notes it.
    pub(super) async fn next_text(&mut self, name: &str) -> Result<(), Failure> {
        let control = &self.bench()?.control;
        let person = self.person(name)?;
        let Shown { from, text } = eventually(|| async {
            let shown = control.messages(&person.number).await?;
            let next = shown.into_iter().nth(person.noted);
            next.ok_or_else(|| Failure::new(format!("no message has come to {name}")))
        })
        .await?;
        let person = self.person_mut(name)?;
        person.noted = person.noted.saturating_add(1);
        person.texts.push(text.clone());
        self.heard.push(text);
        self.heard_from = Some(from);
        Ok(())
    }

    /// The codes of all messages that steps have noted.
    pub(crate) fn codes(&self) -> Vec<&str> {
        self.heard.iter().filter_map(|text| code_in(text).ok()).collect()
    }

    /// A code that no message of this scenario has.
    pub(super) fn wrong_code(&self) -> String {
        let right = self.codes();
        let mut all = (0_u32..).map(|number| format!("{number:06}"));
        all.find(|code| !right.contains(&code.as_str())).unwrap_or_default()
    }

    /// The last text that came to anybody, with what was expected of it.
    pub(super) fn text_says(&self, what: &str, so: impl Fn(&str) -> bool) -> Outcome {
        let text = self.last_text()?;
        if so(text) {
            Ok(())
        } else {
            Err(Failure::expected(format_args!("a message that {what}"), text))
        }
    }
}

#[given(regex = r"^(\w+)'s phone is (on|off|barred)$")]
async fn phone_is(story: &mut Story, name: String, state: String) -> Outcome {
    let number = &story.person(&name)?.number;
    story.bench()?.control.set_handset(number, &state).await
}

#[then(expr = "{word} gets a message with a code")]
async fn gets_a_message(story: &mut Story, name: String) -> Outcome {
    story.next_text(&name).await?;
    let code = story.person(&name)?.code()?;
    let is_code = (6..=10).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    if is_code { Ok(()) } else { Err(Failure::expected("a code of 6 to 10 digits", code)) }
}

#[then(expr = "{word} gets a message that says {string}")]
async fn gets_a_message_that_says(story: &mut Story, name: String, expected: String) -> Outcome {
    story.next_text(&name).await?;
    story.text_says(&format!("says \"{expected}\""), |text| text.contains(&expected))
}

#[then(expr = "{word} gets a message with the same code")]
async fn gets_the_same_code(story: &mut Story, name: String) -> Outcome {
    let before = story.person(&name)?.code()?.to_owned();
    story.next_text(&name).await?;
    same("the code to be", story.person(&name)?.code()?, before.as_str())
}

#[then(expr = "{word} gets a message with another code")]
async fn gets_another_code(story: &mut Story, name: String) -> Outcome {
    let before = story.person(&name)?.code()?.to_owned();
    story.next_text(&name).await?;
    let code = story.person(&name)?.code()?;
    if code == before { Err(Failure::expected("another code", code)) } else { Ok(()) }
}

#[then(regex = r"^no message (?:goes|has come) to (\w+)$")]
async fn no_message(story: &mut Story, name: String) -> Outcome {
    sleep(SILENCE).await;
    let person = story.person(&name)?;
    let shown = story.bench()?.control.messages(&person.number).await?;
    match shown.get(person.noted) {
        None => Ok(()),
        Some(came) => Err(Failure::expected("no message", &came.text)),
    }
}

#[then(expr = "the message says {string}")]
fn message_says(story: &mut Story, expected: String) -> Outcome {
    story.text_says(&format!("says \"{expected}\""), |text| text.contains(&expected))
}

#[then(expr = "the message comes from {string}")]
fn message_comes_from(story: &mut Story, expected: String) -> Outcome {
    same("the sender to be", story.heard_from.as_deref(), Some(&*expected))
}
