//! How a request is to be answered: as JSON or as a page, and in which language.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Query},
    http::{header, request::Parts},
    response::Response,
};
use countersign_domain::locale::Locale;
use serde::Deserialize;

use crate::{
    page::WantsJson,
    session::{cookie, set_cookie},
    words::Language,
};

/// The cookie that keeps which language the person chose.
const LANGUAGE_COOKIE: &str = "__Host-countersign-language";

/// What a request says of the answer that it wants.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Whether JSON is wanted, and no page.
    pub wants: WantsJson,
    /// The language that was chosen on the page, now or before.
    chosen: Option<Language>,
    /// The best that the browser asks for.
    accepted: Option<Language>,
}

impl<S: Send + Sync> FromRequestParts<S> for Guest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let wants = WantsJson::from_request_parts(parts, state).await?;
        let now = language_in_query(parts);
        let before = || cookie(&parts.headers, LANGUAGE_COOKIE).and_then(Language::known);
        let accepted = parts.headers.get_all(header::ACCEPT_LANGUAGE).iter();
        Ok(Self {
            wants,
            chosen: now.or_else(before),
            accepted: Language::accepted(accepted.filter_map(|line| line.to_str().ok())),
        })
    }
}

impl Guest {
    /// The chosen language, else what the relying party asked for, else what the browser asks for.
    pub fn language(&self, asked_for: Option<&Locale>) -> Language {
        let chosen = self.chosen.clone().or_else(|| asked_for.map(Language::from));
        chosen.or_else(|| self.accepted.clone()).unwrap_or_default()
    }

    /// Has the browser keep the language that was chosen.
    pub fn keep_language(&self, response: &mut Response) {
        if let Some(language) = &self.chosen {
            set_cookie(response, LANGUAGE_COOKIE, &language.tag());
        }
    }
}

/// The language that a link of the page asks for.
fn language_in_query(parts: &Parts) -> Option<Language> {
    #[derive(Deserialize)]
    struct Asked {
        language: String,
    }
    let Query(asked) = Query::<Asked>::try_from_uri(&parts.uri).ok()?;
    Language::known(&asked.language)
}
