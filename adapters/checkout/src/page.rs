//! The page: one template that shows a checkout in each of its states.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_web::{
    page::{Page, STYLE},
    problem::Problem,
};

use crate::view::{CheckoutView, Status};

#[derive(Template)]
#[template(path = "checkout.html")]
struct Checkout<'a> {
    style: &'static str,
    view: Option<&'a CheckoutView>,
    return_url: Option<&'a str>,
    has_certificate: bool,
    problem: Option<&'a Problem>,
}

/// The checkout, with what is wrong if anything is.
pub(crate) fn checkout(
    view: &CheckoutView,
    return_url: Option<&str>,
    has_certificate: bool,
    problem: Option<&Problem>,
) -> Response {
    render(&Checkout {
        style: STYLE,
        view: Some(view),
        return_url,
        has_certificate,
        problem,
    })
}

/// What is wrong, when there is no checkout to show.
pub(crate) fn problem(problem: &Problem) -> Response {
    render(&Checkout {
        style: STYLE,
        view: None,
        return_url: None,
        has_certificate: false,
        problem: Some(problem),
    })
}

fn render(checkout: &Checkout<'_>) -> Response {
    let status = checkout.problem.map_or(StatusCode::OK, Problem::status);
    match checkout.render() {
        Ok(html) => Page::new(status, html).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page cannot be rendered");
            Problem::internal().into_response()
        }
    }
}

impl CheckoutView {
    fn is(&self, status: &str) -> bool {
        match self.status {
            Status::Open => status == "open",
            Status::AwaitingCode => status == "awaiting_code",
            Status::Processing => status == "processing",
            Status::Paid => status == "paid",
            Status::Declined | Status::Voided => status == "failed",
            Status::Expired => status == "expired",
        }
    }

    /// Why nothing was paid, in the payer's words.
    fn why(&self) -> &'static str {
        match self.cause {
            Some("declined-by-bank") => "Your bank declined the payment.",
            Some("too-many-attempts") => "Too many wrong codes were typed.",
            Some("late-code") => "No code was typed in time.",
            Some("phone-unreachable") => "Your phone could not be reached.",
            Some("cancelled") => "The payment was called off.",
            _ => "The payment was interrupted.",
        }
    }
}
