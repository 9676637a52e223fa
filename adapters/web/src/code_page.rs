//! The page that asks for the code: what may be shown of it, and its form.

use askama::Template;
use countersign_domain::{
    challenge::Challenge,
    code::TypedCode,
    invalid::{Field, InvalidInput},
    message::Message,
    pin::{NewPin, PinDemand, TypedPin},
    response::Response,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    described::{MessageStanding, PinAsked},
    problem::Problem,
    words::{Filling, Language, SHARED},
};

/// The code that is waited for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CodeView {
    /// The phone's number, masked; empty where it may not be told whether there is one.
    pub number: String,
    /// What the message must say, too: by it two messages are told apart, and one that another page caused is seen.
    pub reference: String,
    /// Where the message stands.
    #[schema(value_type = MessageStanding)]
    pub message: &'static str,
    /// How many responses are still accepted.
    pub attempts_left: u8,
    /// For how long a response is accepted.
    pub expires_in_seconds: u32,
    /// In how many seconds the message may be asked for again; absent when it is not sent any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resend_in_seconds: Option<u32>,
    /// Whether a PIN is asked for beside the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PinAsked>, example = "asked")]
    pub pin: Option<&'static str>,
}

/// What a form gives in answer to a challenge. Empty fields are as good as absent: browsers send them.
///
/// # Errors
/// When one of them cannot be what it is to be.
pub fn response(code: String, pin: String, new_pin: String) -> Result<Response, InvalidInput> {
    let code = TypedCode::try_from(code)?;
    if !new_pin.is_empty() {
        return Ok(Response::setting(code, NewPin::try_from(new_pin)?));
    }
    let pin = (!pin.is_empty()).then(|| TypedPin::try_from(pin)).transpose()?;
    Ok(Response::new(code, pin))
}

/// Where a PIN was typed beside a code, both are refused in one way, in words which leave open what is wrong.
#[must_use]
pub fn beside_pin(problem: Problem, has_pin: bool) -> Problem {
    match problem.name() {
        "wrong-code" if has_pin => problem.worded("wrong-code-or-pin"),
        _ => problem,
    }
}

const fn asked_pin(challenge: &Challenge) -> Option<&'static str> {
    match challenge.pin() {
        PinDemand::No => None,
        PinDemand::Ask => Some("asked"),
        PinDemand::AskOrSet => Some("asked_or_set"),
    }
}

impl CodeView {
    /// What may be shown of a challenge and its last message.
    pub fn of(challenge: &Challenge, message: &Message, now: Timestamp) -> Self {
        Self {
            number: challenge.masked_address(),
            reference: challenge.reference().as_str().to_owned(),
            message: message.standing(now),
            attempts_left: challenge.attempts_left(),
            expires_in_seconds: challenge.expires_at().seconds_from(now),
            resend_in_seconds: challenge.resend_wait_seconds(now),
            pin: asked_pin(challenge),
        }
    }

    /// The same of a person who may not be known: nothing of a phone, and nothing of where a message stands.
    pub fn untold(challenge: &Challenge, now: Timestamp) -> Self {
        Self {
            number: String::new(),
            reference: challenge.reference().as_str().to_owned(),
            message: "queued",
            attempts_left: challenge.attempts_left(),
            expires_in_seconds: challenge.expires_at().seconds_from(now),
            resend_in_seconds: challenge.resend_wait_seconds(now),
            pin: asked_pin(challenge),
        }
    }

    /// The class that shows the button for another message after a while, without a script: the style sheet has steps of
    /// five seconds. `None` when that is too far off.
    fn resend_class(&self) -> Option<String> {
        match self.resend_in_seconds?.div_ceil(5).saturating_mul(5) {
            0 => Some(String::new()),
            seconds @ 5..=60 => Some(format!("wait in-{seconds}")),
            _ => None,
        }
    }
}

/// The section of a page that asks for the code.
#[derive(Template)]
#[template(path = "code.html")]
pub struct CodeForm<'a> {
    /// The language that is spoken.
    pub language: &'a Language,
    /// The code that is asked for.
    pub view: &'a CodeView,
    /// The page's path. The forms go to `code`, `resend` and `cancel` below it.
    pub path: &'a str,
    /// What to compare before the code is typed.
    pub advice: Option<String>,
    /// Further fields, as HTML.
    pub fields: String,
    /// What typing the code does.
    pub button: String,
    /// Further fields of the form that has the message sent again, as HTML; `None` where there is no such form.
    pub resend_fields: Option<String>,
    /// What the button says that cancels; `None` where there is nothing to cancel.
    pub cancel: Option<String>,
    /// What is wrong.
    pub problem: Option<&'a Problem>,
}

impl CodeForm<'_> {
    fn say(&self, name: &str) -> String {
        SHARED.say(self.language, name, &[])
    }

    fn say_with(&self, name: &str, filling: &[Filling<'_>]) -> String {
        SHARED.say(self.language, name, filling)
    }

    fn sent(&self) -> String {
        let name = match self.view.message {
            _ if self.view.number.is_empty() => "code-on-its-way-if-known",
            "delivered" => "code-arrived",
            "failed" => "code-failed",
            "waiting" => "code-waits",
            _ => "code-on-its-way",
        };
        self.say_with(name, &[("number", self.view.number.as_str().into())])
    }

    fn reference(&self) -> String {
        self.say_with("code-reference", &[("reference", self.view.reference.as_str().into())])
    }

    fn attempts_left(&self) -> String {
        self.say_with("attempts-left", &[("attempts", self.view.attempts_left.into())])
    }

    fn time_left(&self) -> String {
        let left = self.view.expires_in_seconds;
        let (minutes, seconds) = (left / 60, left % 60);
        self.say_with("time-left", &[("minutes", minutes.into()), ("seconds", seconds.into())])
    }

    /// When the message may be asked for again.
    fn resend(&self) -> String {
        match self.view.resend_in_seconds {
            None => self.say("rec-too-many-messages"),
            Some(0) => self.say("resend-now"),
            Some(seconds) => self.say_with("resend-after", &[("seconds", seconds.into())]),
        }
    }

    /// Whether a PIN may be set with the code.
    fn is_pin_settable(&self) -> bool {
        self.view.pin == Some("asked_or_set")
    }

    /// Whether the PIN's field is to be marked: a wrong code and a wrong PIN are not told apart.
    fn is_pin_wrong(&self) -> bool {
        self.is_of(Field::Pin) || self.is_wrong_code()
    }

    /// Whether the code's field is to be marked.
    fn is_wrong(&self) -> bool {
        self.is_of(Field::Code) || self.is_wrong_code()
    }

    /// Whether the page opens at the code's field: not when something else is wrong, which is then to be heard first.
    fn has_focus(&self) -> bool {
        self.problem.is_none() || self.is_wrong()
    }

    fn is_wrong_code(&self) -> bool {
        self.problem.is_some_and(|problem| problem.name() == "wrong-code")
    }

    /// Whether what is wrong is that value.
    fn is_of(&self, field: Field) -> bool {
        self.problem.and_then(Problem::field) == Some(field)
    }

    /// What is wrong, beside the field.
    fn wrong(&self) -> String {
        self.problem.map(|problem| problem.beside_field(self.language)).unwrap_or_default()
    }
}
