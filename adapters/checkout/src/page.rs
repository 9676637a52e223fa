//! The page: one template that shows a checkout in each of its states, in the payer's language and the merchant's colour.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_domain::id::RelyingPartyId;
use countersign_web::{
    page::{Page, STYLE},
    problem::Problem,
    theme::{Theme, Themes},
};
use fluent_templates::fluent_bundle::FluentValue;

use crate::{
    flow::Shown,
    message::AmountBody,
    view::{CheckoutView, CodeView, Status},
    words::{Filling, Language},
};

/// How a page is shown to whoever asks.
pub(crate) struct Look<'a> {
    pub(crate) themes: &'a Themes,
    pub(crate) language: Language,
    /// Whether the browser presented a certificate.
    pub(crate) has_certificate: bool,
}

/// The template's data. Its methods are the words.
#[derive(Template)]
#[template(path = "checkout.html")]
struct Checkout<'a> {
    style: &'static str,
    more_style: &'a str,
    language: &'a Language,
    shown: Option<&'a Shown>,
    logo: Option<&'a RelyingPartyId>,
    has_certificate: bool,
    problem: Option<&'a Problem>,
}

/// The checkout, with what is wrong if anything is; or what is wrong alone, when there is no checkout to show.
pub(crate) fn checkout(
    shown: Option<&Shown>,
    look: &Look<'_>,
    problem: Option<&Problem>,
) -> Response {
    let party = shown.map(|shown| &shown.relying_party);
    let theme = party.and_then(|party| look.themes.of(party));
    let more_style = theme.map(style_of).unwrap_or_default();
    let page = Checkout {
        style: STYLE,
        more_style: &more_style,
        language: &look.language,
        shown,
        logo: party.filter(|_| theme.is_some_and(|theme| theme.logo.is_some())),
        has_certificate: look.has_certificate,
        problem,
    };
    let status = problem.map_or(StatusCode::OK, Problem::status);
    match page.render() {
        Ok(html) => Page::new(status, html, &more_style).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page cannot be rendered");
            Problem::internal().into_response()
        }
    }
}

/// The colour is the background of what is pressed, with white on it: it was checked for that.
fn style_of(theme: &Theme) -> String {
    theme.colour.map_or_else(String::new, |colour| format!(":root{{--press:{colour}}}"))
}

impl Checkout<'_> {
    fn say(&self, name: &str) -> String {
        self.language.say(name, &[])
    }

    fn say_with<'v>(
        &self,
        name: &str,
        what: &'static str,
        value: impl Into<FluentValue<'v>>,
    ) -> String {
        self.language.say(name, &[(what, value.into())])
    }

    fn payee(&self) -> &str {
        self.shown.map_or("", |shown| &shown.view.payee)
    }

    /// An amount as people of that language write it.
    fn amount(&self, amount: &AmountBody) -> String {
        let value = amount.value.replace('.', &self.say("decimal-mark"));
        format!("{value}\u{a0}{}", amount.currency)
    }

    fn paid(&self, view: &CheckoutView) -> String {
        let amount: Filling<'_> = ("amount", self.amount(&view.amount).into());
        self.language.say("paid-detail", &[amount, ("payee", view.payee.as_str().into())])
    }

    fn sent(&self, code: &CodeView) -> String {
        let name = match code.message {
            "delivered" => "code-arrived",
            "failed" => "code-failed",
            _ => "code-on-its-way",
        };
        self.say_with(name, "number", code.number.as_str())
    }

    fn time_left(&self, code: &CodeView) -> String {
        let (minutes, seconds) = (code.expires_in_seconds / 60, code.expires_in_seconds % 60);
        self.language.say("time-left", &[("minutes", minutes.into()), ("seconds", seconds.into())])
    }

    /// When the message may be asked for again.
    fn resend(&self, code: &CodeView) -> String {
        match code.resend_in_seconds {
            None => self.say("problem-too-many-messages-detail"),
            Some(0) => self.say("resend-now"),
            Some(seconds) => self.say_with("resend-after", "seconds", seconds),
        }
    }

    /// Why nothing was paid, and what to do.
    fn why(&self, view: &CheckoutView) -> String {
        let cause = view.cause.unwrap_or("interrupted");
        let named = self.language.find(&format!("cause-{cause}"), &[]);
        named.unwrap_or_else(|| self.say("cause-interrupted"))
    }

    fn other_languages(&self) -> Vec<Language> {
        Language::all()
    }

    /// Its own name for itself.
    fn name_of(&self, language: &Language) -> String {
        language.say("language-name", &[])
    }

    fn is_spoken(&self, language: &Language) -> bool {
        self.language == language
    }

    /// What happened. A problem that the language has no words for speaks English.
    fn problem_title(&self, problem: &Problem) -> String {
        let name = words_of(problem.name());
        let found = self.language.find(&format!("problem-{name}"), &[]);
        found.unwrap_or_else(|| problem.title().to_owned())
    }

    /// What to do about it.
    fn problem_detail(&self, problem: &Problem) -> String {
        let find = |name: String, filling: &[Filling<'_>]| self.language.find(&name, filling);
        let name = problem.name();
        let own = match field_at_fault(problem) {
            Some(field) if name == "invalid-value" => find(format!("field-{field}"), &[]),
            _ if name.starts_with("certificate-") => find(format!("problem-{name}"), &[]),
            _ => None,
        };
        let wait: Filling<'_> = ("wait_seconds", number(problem, "wait_seconds"));
        own.or_else(|| find(format!("problem-{}-detail", words_of(name)), &[wait]))
            .unwrap_or_else(|| problem.detail().to_owned())
    }

    /// Whether that field is to be marked.
    fn is_wrong(&self, field: &str) -> bool {
        self.problem.and_then(field_at_fault) == Some(field)
    }
}

/// The field of the page's forms that the problem is about.
fn field_at_fault(problem: &Problem) -> Option<&'static str> {
    let field = problem.member("field").and_then(serde_json::Value::as_str);
    match (problem.name(), field) {
        ("wrong-code", _) | (_, Some("code")) => Some("code"),
        (_, Some("card number")) => Some("card_number"),
        (_, Some("card expiry")) => Some("card_expiry"),
        (_, Some("Identifier")) => Some("user_id"),
        _ => None,
    }
}

/// All causes of a refused certificate have one title.
fn words_of(name: &str) -> &str {
    if name.starts_with("certificate-") { "certificate" } else { name }
}

fn number(problem: &Problem, member: &str) -> FluentValue<'static> {
    let number = problem.member(member).and_then(serde_json::Value::as_u64);
    FluentValue::from(number.unwrap_or_default())
}

impl Shown {
    /// What the template shows.
    fn stands(&self) -> &'static str {
        match self.view.status {
            Status::Open => "open",
            Status::AwaitingCode => "awaiting_code",
            Status::Processing => "processing",
            Status::Paid => "paid",
            Status::Declined | Status::Voided => "failed",
            Status::Expired => "expired",
        }
    }
}

impl CodeView {
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
