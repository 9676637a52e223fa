//! The page: one template that shows a checkout in each of its states, in the payer's language and the merchant's colour.

use askama::Template;
use axum::response::{IntoResponse, Response};
use countersign_domain::invalid::Field;
use countersign_web::{
    code_page::CodeForm,
    page::{Brand, IS_THE_PROBLEM, PageStyle, looking_again, page},
    problem::Problem,
    theme::Themes,
    transaction::AmountBody,
    words::{Filling, FluentValue, Language},
};

use crate::{
    view::{CheckoutView, PayerView, Status},
    words::WORDS,
};

/// The template's data. Its methods are the words.
#[derive(Template)]
#[template(path = "checkout.html")]
struct Checkout<'a> {
    language: &'a Language,
    shown: &'a PayerView,
    path: &'a str,
    has_certificate: bool,
    wrong: Option<Wrong<'a>>,
}

/// What is wrong with what was sent, and which form it is to be marked in.
#[derive(Clone, Copy)]
pub(crate) struct Wrong<'a> {
    pub(crate) problem: &'a Problem,
    /// Whether that is the form of the certificate, which has fields for a card, too.
    pub(crate) is_beside_certificate: bool,
}

/// The checkout, with what is wrong if anything is.
pub(crate) fn checkout(
    shown: &PayerView,
    language: &Language,
    has_certificate: bool,
    themes: &Themes,
    wrong: Option<Wrong<'_>>,
) -> Response {
    let path = format!("/pay/{}", shown.view.id);
    let part = Checkout { language, shown, path: &path, has_certificate, wrong };
    let problem = part.problem();
    let main = match part.render() {
        Ok(main) => main,
        Err(error) => {
            tracing::error!(%error, "cannot render the checkout's page");
            return Problem::internal().into_response();
        }
    };
    let (id, name) = (&shown.relying_party, shown.view.payee.as_str());
    let party = Some(Brand { id, name, theme: themes.of(id) });
    let style = PageStyle { language, party, path: Some(&path) };
    let page = page(&part.title(), style, problem, &main);
    match shown.view.status {
        Status::Processing => looking_again(page, &path),
        Status::Open
        | Status::AwaitingCode
        | Status::Paid
        | Status::Releasing
        | Status::Declined
        | Status::Voided
        | Status::Expired => page,
    }
}

/// What is wrong alone, when there is no checkout to show; of a page at that path.
pub(crate) fn problem(problem: &Problem, language: &Language, path: &str) -> Response {
    let style = PageStyle { language, party: None, path: Some(path) };
    page(&WORDS.say(language, "title-none", &[]), style, Some(problem), "")
}

impl Checkout<'_> {
    fn say(&self, name: &str) -> String {
        WORDS.say(self.language, name, &[])
    }

    fn problem(&self) -> Option<&Problem> {
        self.wrong.map(|wrong| wrong.problem)
    }

    fn say_with<'v>(&self, name: &str, what: &str, value: impl Into<FluentValue<'v>>) -> String {
        WORDS.say(self.language, name, &[(what, value.into())])
    }

    /// An amount as people of that language write it.
    fn amount(&self, amount: &AmountBody) -> String {
        let value = amount.value.replace('.', &self.say("decimal-mark"));
        format!("{value}\u{a0}{}", amount.currency)
    }

    fn paid(&self, view: &CheckoutView) -> String {
        let amount: Filling<'_> = ("amount", self.amount(&view.amount).into());
        WORDS.say(self.language, "paid-detail", &[amount, ("payee", view.payee.as_str().into())])
    }

    /// The form for the code, in the session that asked for it.
    fn code_form(&self) -> Option<CodeForm<'_>> {
        let view = self.shown.view.code.as_ref()?;
        let amount = self.amount(&self.shown.view.amount);
        Some(CodeForm {
            language: self.language,
            view,
            path: self.path,
            advice: Some(self.say("compare")),
            fields: String::new(),
            button: self.say_with("pay-amount", "amount", amount),
            resend_fields: Some(String::new()),
            cancel: Some(self.say("cancel-payment")),
            problem: self.problem(),
        })
    }

    /// Why nothing was paid, and what to do.
    fn why(&self, view: &CheckoutView) -> String {
        if let Some(limit) = &view.limit {
            return Problem::from(limit).detail(self.language);
        }
        let cause = view.cause.unwrap_or("interrupted");
        let named = WORDS.find(self.language, &format!("cause-{cause}"), &[]);
        named.unwrap_or_else(|| self.say("cause-interrupted"))
    }

    /// Whether this field is to be marked, in the form of the certificate or in another.
    fn is_wrong(&self, field: Field, is_beside_certificate: bool) -> bool {
        // Without a certificate the form that has it is not there.
        let is_there = |wrong: &Wrong<'_>| {
            (wrong.is_beside_certificate && self.has_certificate) == is_beside_certificate
        };
        let wrong = self.wrong.filter(is_there);
        wrong.and_then(|wrong| wrong.problem.field()) == Some(field)
    }

    /// What marks it, for eyes and ears: the page opens there.
    fn mark(&self, field: Field, is_beside_certificate: bool) -> &'static str {
        match self.is_wrong(field, is_beside_certificate) {
            true => r#" aria-invalid="true" aria-describedby="problem" autofocus"#,
            false => "",
        }
    }

    /// What is wrong, beside the field.
    fn wrong(&self) -> String {
        self.problem().map(|problem| problem.beside_field(self.language)).unwrap_or_default()
    }

    /// What marks the section that says why nothing was paid, when that is also what is wrong with what was sent: it is not
    /// said twice.
    fn is_the_problem(&self) -> &'static str {
        let cause = self.shown.view.cause;
        match cause.is_some() && self.problem().map(Problem::name) == cause {
            true => IS_THE_PROBLEM,
            false => "",
        }
    }

    /// What the page is about, and where that stands.
    fn title(&self) -> String {
        let state = match self.shown.stands() {
            "awaiting_code" if self.shown.view.code.is_some() => "type-code",
            "awaiting_code" => "other-browser",
            "processing" => "processing",
            "paid" => "paid",
            "releasing" | "failed" => "not-paid",
            "expired" => "expired",
            _ => "who-pays",
        };
        let about = self.say_with("title", "payee", self.shown.view.payee.as_str());
        format!("{} · {about}", self.say(state))
    }
}

impl PayerView {
    /// What the template shows.
    const fn stands(&self) -> &'static str {
        match self.view.status {
            Status::Open => "open",
            Status::AwaitingCode => "awaiting_code",
            Status::Processing => "processing",
            Status::Paid => "paid",
            Status::Releasing => "releasing",
            Status::Declined | Status::Voided => "failed",
            Status::Expired => "expired",
        }
    }
}
