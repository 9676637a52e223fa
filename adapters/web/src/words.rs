//! The page's words: one file a language, `locales/LANGUAGE/page.ftl` (Project Fluent). Another language is another file.

use std::{borrow::Cow, collections::HashMap};

use countersign_domain::summary::Locale;
use fluent_templates::{
    LanguageIdentifier, Loader as _, fluent_bundle::FluentValue, static_loader,
};

/// What is spoken when nothing better is known; every name is there.
const FALLBACK: &str = "en";

static_loader! {
    static WORDS = {
        locales: "./locales",
        fallback_language: "en",
        // The marks would be copied with an amount, and are not needed for left-to-right scripts.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// A language of the page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Language(LanguageIdentifier);

/// What a text is filled with: a name of the file's, and its value.
pub(crate) type Filling<'a> = (&'static str, FluentValue<'a>);

impl Language {
    /// The language of that tag (BCP 47), if there is a file for it.
    pub(crate) fn known(tag: &str) -> Option<Self> {
        let tag: LanguageIdentifier = tag.parse().ok()?;
        let same = |known: &&LanguageIdentifier| known.language == tag.language;
        WORDS.locales().find(same).cloned().map(Self)
    }

    /// The best that a browser asks for (`Accept-Language`, RFC 9110 section 12.5.4), if there is a file for any.
    pub(crate) fn accepted(header: &str) -> Option<Self> {
        let mut wanted: Vec<_> = header.split(',').filter_map(weighed).collect();
        // The sort is stable: of equals, the first is preferred.
        wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let mut acceptable = wanted.iter().filter(|(weight, _)| *weight > 0);
        acceptable.find_map(|(_, tag)| Self::known(tag))
    }

    /// All that there are, by their tags.
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<_> = WORDS.locales().cloned().map(Self).collect();
        all.sort_by_key(Self::tag);
        all
    }

    /// Its tag, such as `fr`.
    pub(crate) fn tag(&self) -> String {
        self.0.to_string()
    }

    /// The language of the message to the phone that fits best.
    pub(crate) fn locale(&self) -> Locale {
        match self.0.language.as_str() {
            "fr" => Locale::Fr,
            _ => Locale::En,
        }
    }

    /// The text of that name.
    pub(crate) fn say(&self, name: &str, filling: &[Filling<'_>]) -> String {
        self.find(name, filling).unwrap_or_else(|| name.to_owned())
    }

    /// The text of that name, if there is one.
    pub(crate) fn find(&self, name: &str, filling: &[Filling<'_>]) -> Option<String> {
        let filling = filling.iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone()));
        let filling: HashMap<_, _> = filling.collect();
        WORDS.try_lookup_complete(&self.0, name, Some(&filling))
    }
}

impl From<Locale> for Language {
    fn from(locale: Locale) -> Self {
        let tag = match locale {
            Locale::En => "en",
            Locale::Fr => "fr",
        };
        Self::known(tag).unwrap_or_default()
    }
}

impl Default for Language {
    fn default() -> Self {
        Self(FALLBACK.parse().unwrap_or_default())
    }
}

/// A range of the header with its weight in thousandths; `None` for what is none.
fn weighed(range: &str) -> Option<(u32, &str)> {
    let (tag, weight) = match range.split_once(';') {
        None => (range, 1000),
        Some((tag, weight)) => (tag, thousandths(weight.trim().strip_prefix("q=")?)?),
    };
    Some((weight, tag.trim()))
}

/// `0.8` as 800; at most three decimals (RFC 9110 section 12.4.2).
fn thousandths(weight: &str) -> Option<u32> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    match (whole, decimals.len()) {
        ("1", 0..=3) if decimals.bytes().all(|digit| digit == b'0') => Some(1000),
        ("0", 0..=3) => format!("{decimals:0<3}").parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn french() -> Language {
        Language::known("fr").unwrap()
    }

    #[test]
    fn the_best_that_a_browser_asks_for_and_that_there_is_is_taken() {
        for (header, taken) in [
            ("fr", Some("fr")),
            ("fr-CA,en;q=0.5", Some("fr")),
            ("de,fr;q=0.3,en;q=0.8", Some("en")),
            ("en;q=0,fr;q=0.001", Some("fr")),
            ("de,it;q=0.9", None),
            ("*", None),
            ("", None),
            ("fr;q=2", None),
            ("fr;q=0.12345", None),
            (";;;,,,", None),
        ] {
            let language = Language::accepted(header).map(|language| language.tag());
            assert_eq!(language.as_deref(), taken, "{header}");
        }
    }

    #[test]
    fn a_text_is_filled_and_counts() {
        let attempts = |count: i64| [("attempts", FluentValue::from(count))];
        assert_eq!(french().say("attempts-left", &attempts(1)), "Un essai restant");
        assert_eq!(french().say("attempts-left", &attempts(2)), "2 essais restants");
        let payee = [("payee", FluentValue::from("Librairie Dupont"))];
        assert_eq!(french().say("title", &payee), "Payer Librairie Dupont");
    }

    /// The names in a file: what stands at the beginning of a line before ` = `.
    fn names(text: &str) -> BTreeSet<&str> {
        let definitions = text.lines().filter_map(|line| line.split_once(" = "));
        let names = definitions.map(|(name, _)| name);
        names.filter(|name| !name.starts_with([' ', '#'])).collect()
    }

    #[test]
    fn every_language_has_every_name() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("locales");
        let read = |tag: &str| std::fs::read_to_string(folder.join(tag).join("page.ftl")).unwrap();
        let english = read(FALLBACK);
        assert!(names(&english).len() > 50);
        for language in Language::all() {
            let other = read(&language.tag());
            assert_eq!(names(&english), names(&other), "{}", language.tag());
        }
    }
}
