//! Problem documents (RFC 9457): what a program is told when the answer is no. A page says the same in the person's
//! language; both take their words from the same files.

use std::fmt;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use countersign_domain::invalid::{Field, InvalidInput};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    answer::guard,
    words::{Filling, FluentValue, Language, SHARED, Words},
};

/// What every `type` begins with.
const PREFIX: &str = "urn:countersign:problem:";

/// A problem document. Its `type` is `urn:countersign:problem:` and a name that is a promise: clients may act on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: StatusCode,
    name: String,
    words: &'static Words,
    /// Which of the words: those of the name, unless something closer is known.
    key: String,
    /// Boxed, so that an `Err` with a problem stays small.
    plain: Option<Box<Plain>>,
    /// Members of the problem's own; they fill the words, too.
    members: Map<String, Value>,
    /// What else fills the words.
    filling: Map<String, Value>,
    /// The value at fault, if one is.
    field: Option<Field>,
}

/// English that is in no file, for programs alone.
#[derive(Clone, Debug, PartialEq)]
struct Plain {
    title: Option<&'static str>,
    detail: String,
}

/// The values that people type, and their words.
const TYPED: [(Field, &str); 7] = [
    (Field::CardNumber, "field-card-number"),
    (Field::CardExpiry, "field-card-expiry"),
    (Field::Identifier, "field-identifier"),
    (Field::Msisdn, "field-number"),
    (Field::Code, "field-code"),
    (Field::Pin, "field-pin"),
    (Field::NewPin, "field-new-pin"),
];

/// As RFC 9457 has it, in English.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// A problem that all flows share, in the words of its name.
    pub fn shared(status: StatusCode, name: &'static str) -> Self {
        Self::said(&SHARED, status, name)
    }

    pub(crate) fn said(words: &'static Words, status: StatusCode, name: &str) -> Self {
        Self {
            status,
            name: name.to_owned(),
            words,
            key: name.to_owned(),
            plain: None,
            members: Map::new(),
            filling: Map::new(),
            field: None,
        }
    }

    /// A problem that no page shows, in plain English.
    pub fn new(
        status: StatusCode,
        name: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self::said(&SHARED, status, name).in_plain(Some(title), detail.into())
    }

    /// A value cannot be used; `rule` says to programs which rule it breaks.
    pub fn invalid(rule: impl Into<String>) -> Self {
        let problem = Self::shared(StatusCode::UNPROCESSABLE_ENTITY, "invalid-value");
        problem.in_plain(None, rule.into())
    }

    /// A value cannot be used, for that reason.
    pub fn broken_rule(reason: &dyn fmt::Display) -> Self {
        Self::invalid(sentence(&reason.to_string()))
    }

    /// The value of the member at that path breaks a rule.
    pub(crate) fn of_member(path: &dyn fmt::Display, error: &InvalidInput) -> Self {
        let problem = Self::invalid(format!("{path} {}.", error.why));
        Self { field: Some(error.field), ..problem.with("field", path.to_string()) }
    }

    /// Where that value is at fault, it is named by its path in the body, as what a reader of the body refuses is.
    #[must_use]
    pub fn of_value_at(mut self, field: Field, path: &str) -> Self {
        if self.field == Some(field) {
            let begin = sentence(&field.to_string());
            let begin = begin.trim_end_matches('.');
            if let Some(plain) = &mut self.plain
                && let Some(why) = plain.detail.strip_prefix(begin)
            {
                plain.detail = format!("{path}{why}");
            }
            self = self.with("field", path);
        }
        self
    }

    /// There is no such record, or it is not the caller's.
    pub fn no_record() -> Self {
        Self::shared(StatusCode::NOT_FOUND, "not-found").worded("no-record")
    }

    /// Something is not there; `detail` says to programs what.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::no_record().in_plain(None, detail.into())
    }

    fn in_plain(self, title: Option<&'static str>, detail: String) -> Self {
        Self { plain: Some(Box::new(Plain { title, detail })), ..self }
    }

    /// A fault on our side: the log has it, the caller learns no more than that.
    pub fn internal() -> Self {
        Self::shared(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }

    /// It is not known whether it was done, or how far: what was begun goes on.
    pub fn outcome_unknown() -> Self {
        Self::shared(StatusCode::SERVICE_UNAVAILABLE, OUTCOME_UNKNOWN)
    }

    /// Whether it is that.
    pub fn is_outcome_unknown(&self) -> bool {
        self.name == OUTCOME_UNKNOWN
    }

    /// Tells a program where to look again, where it is not known how it ended.
    #[must_use]
    pub fn look_again_at(self, path: impl Into<String>) -> Self {
        match self.is_outcome_unknown() {
            true => self.with("look_again", path.into()),
            false => self,
        }
    }

    /// In other words than those of its name: one type may have several causes.
    #[must_use]
    pub fn worded(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    /// With another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Adds a member of the problem's own (RFC 9457 §3.2).
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// Fills the words, without a member.
    #[must_use]
    pub fn filled(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.filling.insert(name.to_owned(), value.into());
        self
    }

    /// Time alone makes the answer another one: programs are told in seconds, people in the unit that they would choose.
    #[must_use]
    pub fn waiting(self, seconds: u32) -> Self {
        let (unit, count) = match seconds {
            0 => ("now", 0),
            1..=119 => ("seconds", seconds),
            120..=7_199 => ("minutes", seconds.div_ceil(60)),
            7_200.. => ("hours", seconds.div_ceil(3_600)),
        };
        let problem = self.with(WAIT_SECONDS, seconds);
        problem.filled("wait_unit", unit).filled("wait_count", count)
    }

    /// After how many seconds a client may ask again (RFC 9110 section 10.2.3); before, it asks in vain.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        let told = self.members.get(WAIT_SECONDS).and_then(Value::as_u64);
        told.or_else(|| {
            (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECONDS)
        })
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether nothing is wrong but that things moved on: what was sent was used, done or called off meanwhile.
    pub fn is_moved_on(&self) -> bool {
        matches!(self.status, StatusCode::CONFLICT | StatusCode::GONE)
    }

    /// Its name: what `type` ends with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which of the words say it: its name, or what is closer.
    pub fn words(&self) -> &str {
        &self.key
    }

    /// Which value is at fault.
    pub const fn field(&self) -> Option<Field> {
        self.field
    }

    /// What happened, in a few words of that language.
    pub fn title(&self, language: &Language) -> String {
        let found = self.find(language, &format!("err-{}", self.key));
        let plain = || self.plain_title().map(str::to_owned);
        found.or_else(plain).unwrap_or_else(|| self.name.clone())
    }

    /// What to do about it, in that language.
    pub fn detail(&self, language: &Language) -> String {
        let of_field = self.field().and_then(field_words);
        let found = of_field.and_then(|name| self.find(language, name));
        found
            .or_else(|| self.find(language, &format!("rec-{}", self.key)))
            .or_else(|| self.plain.as_ref().map(|plain| plain.detail.clone()))
            .unwrap_or_default()
    }

    /// What is wrong, where it stands beside the field that it is about: a value's rule alone says it.
    pub fn beside_field(&self, language: &Language) -> String {
        match self.field().and_then(field_words) {
            Some(_) => self.detail(language),
            None => format!("{}. {}", self.title(language), self.detail(language)),
        }
    }

    /// What a program is told to do about it: the broken rule where there is one.
    pub fn explanation(&self) -> String {
        let plain = self.plain.as_ref().map(|plain| plain.detail.clone());
        plain.unwrap_or_else(|| self.detail(&Language::default()))
    }

    /// Whether its words are in the files: what happened, and what to do.
    pub fn is_worded(&self, language: &Language) -> bool {
        ["err", "rec"]
            .into_iter()
            .all(|part| self.find(language, &format!("{part}-{}", self.key)).is_some())
    }

    fn plain_title(&self) -> Option<&'static str> {
        self.plain.as_ref().and_then(|plain| plain.title)
    }

    fn find(&self, language: &Language, name: &str) -> Option<String> {
        let values = self.members.iter().chain(&self.filling);
        let filling: Vec<Filling<'_>> =
            values.map(|(name, value)| (name.as_str(), filler(value))).collect();
        self.words.find(language, name, &filling)
    }

    pub(crate) fn document(&self) -> Document<'_> {
        let english = Language::default();
        Document {
            kind: format!("{PREFIX}{}", self.name),
            title: self.plain_title().map_or_else(|| self.title(&english), str::to_owned),
            status: self.status.as_u16(),
            detail: self.explanation(),
            members: &self.members,
        }
    }
}

impl From<InvalidInput> for Problem {
    fn from(error: InvalidInput) -> Self {
        let problem = Self::broken_rule(&error).with("field", error.field.name());
        Self { field: Some(error.field), ..problem }
    }
}

/// The words of a value that people type; others are for programs, and have none.
fn field_words(field: Field) -> Option<&'static str> {
    TYPED.iter().find(|(typed, _)| *typed == field).map(|(_, words)| *words)
}

fn filler(value: &Value) -> FluentValue<'_> {
    match value {
        Value::Number(number) => FluentValue::from(number.as_u64().unwrap_or_default()),
        Value::String(text) => FluentValue::from(text.as_str()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => FluentValue::None,
    }
}

/// The rest of a sentence as a sentence.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).chain(['.']).collect()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"countersign\""),
            );
        }
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        guard(response, false)
    }
}

/// After how long a client may look again at what could not be done.
const RETRY_AFTER_SECONDS: u64 = 5;

const OUTCOME_UNKNOWN: &str = "outcome-unknown";

/// The member that says how long.
const WAIT_SECONDS: &str = "wait_seconds";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_its_own() {
        let problem = Problem::invalid("amount must be above zero").with("attempts_left", 2);
        assert_eq!(
            serde_json::to_value(problem.document()).unwrap(),
            serde_json::json!({
                "type": "urn:countersign:problem:invalid-value",
                "title": "A value is not valid",
                "status": 422,
                "detail": "amount must be above zero",
                "attempts_left": 2,
            })
        );
    }

    #[test]
    fn where_to_look_again_is_told_where_the_outcome_is_not_known() {
        let unknown = Problem::outcome_unknown().look_again_at("/v1/checkouts/1");
        let document = serde_json::to_value(unknown.document()).unwrap();
        assert_eq!(
            (&document["status"], &document["look_again"]),
            (&503.into(), &"/v1/checkouts/1".into())
        );
        let known = Problem::internal().look_again_at("/v1/checkouts/1");
        assert_eq!(serde_json::to_value(known.document()).unwrap().get("look_again"), None);
    }

    #[test]
    fn a_page_says_in_its_language_what_the_document_says_in_english() {
        let french = Language::known("fr").unwrap();
        let problem = Problem::shared(StatusCode::TOO_MANY_REQUESTS, "message-too-soon");
        let problem = problem.waiting(7);
        assert_eq!(problem.document().title, "Too soon for another message");
        assert!(problem.document().detail.ends_with("Ask for another in 7 s."), "{problem:?}");
        assert_eq!(problem.title(&french), "Trop tôt pour un autre message");
        assert!(problem.detail(&french).ends_with("Demandez-en un autre dans 7 s."), "{problem:?}");
    }

    #[test]
    fn how_long_to_wait_is_in_the_header_and_the_body_and_in_the_unit_that_a_person_would_choose() {
        let french = Language::known("fr").unwrap();
        for (seconds, english_words, french_words) in [
            (0, "try again now.", "réessayez maintenant."),
            (1, "try again in 1 s.", "réessayez dans 1 s."),
            (119, "try again in 119 s.", "réessayez dans 119 s."),
            (120, "try again in 2 minutes.", "réessayez dans 2 minutes."),
            (840, "try again in 14 minutes.", "réessayez dans 14 minutes."),
            (7_199, "try again in 120 minutes.", "réessayez dans 120 minutes."),
            (7_201, "try again in 3 hours.", "réessayez dans 3 heures."),
            (86_400, "try again in 24 hours.", "réessayez dans 24 heures."),
        ] {
            let problem = Problem::shared(StatusCode::TOO_MANY_REQUESTS, "blocked");
            let problem = problem.waiting(seconds);
            assert!(problem.explanation().ends_with(english_words), "{problem:?}");
            assert!(problem.detail(&french).ends_with(french_words), "{problem:?}");
            let document = serde_json::to_value(problem.document()).unwrap();
            assert_eq!(document["wait_seconds"], seconds);
            let response = problem.into_response();
            let header = response.headers()[header::RETRY_AFTER].to_str().unwrap();
            assert_eq!(header, seconds.to_string());
        }
        let other = Problem::shared(StatusCode::FORBIDDEN, "locked").into_response();
        assert_eq!(other.headers().get(header::RETRY_AFTER), None);
        let down = Problem::shared(StatusCode::SERVICE_UNAVAILABLE, "not-available");
        assert_eq!(down.into_response().headers()[header::RETRY_AFTER], "5");
    }

    #[test]
    fn a_program_is_told_the_rule_and_a_person_what_the_field_wants() {
        let problem = Problem::from(InvalidInput::new(Field::Msisdn, "must begin with +"));
        assert_eq!(problem.document().detail, "Msisdn must begin with +.");
        assert!(
            problem.detail(&Language::default()).contains(": +33 6 12 34 56 78"),
            "{problem:?}"
        );
        let other = Problem::from(InvalidInput::new(Field::Amount, "must be above zero"));
        assert_eq!(other.document().detail, "Amount must be above zero.");
        assert_eq!(other.detail(&Language::default()), "Check what you typed.");
    }

    #[test]
    fn a_problem_says_that_it_is_one_and_is_not_cached() {
        let response = Problem::internal().into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}
