//! The words of pages and problems (Project Fluent): a folder for each language, here and in each flow. What all flows say
//! stands here; another language is another folder in each.

use std::{borrow::Cow, collections::HashMap, fmt, ptr, sync::LazyLock};

use axum::http::StatusCode;

use countersign_domain::{
    invalid::{Field, InvalidInput},
    locale::Locale,
    phrase::{Phrase, Words as MessageWords},
};
pub use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader as _, StaticLoader, static_loader};

use serde::{Deserialize, Serialize};

use crate::{accept::thousandths, problem::Problem};

/// The language when nothing better is known, and that of problem documents.
const FALLBACK: &str = "en";

static_loader! {
    static SHARED_FILES = {
        locales: "./locales",
        fallback_language: "en",
        // The marks would be copied with an amount, and are not needed for left-to-right scripts.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// The words that all flows share.
pub static SHARED: Words = Words(&SHARED_FILES);

/// The words of a flow, and behind them the shared ones.
#[derive(Clone, Copy)]
pub struct Words(&'static LazyLock<StaticLoader>);

/// A language that pages and messages speak.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(LanguageIdentifier);

/// What a text is filled with: a name of the file's, and its value.
pub type Filling<'a> = (&'a str, FluentValue<'a>);

impl Language {
    /// The language that there are words for by which that range is met best (RFC 4647 section 3.4, lookup): `fr-CH` by `fr`.
    /// `fr_CH` is read as well.
    pub fn known(range: &str) -> Option<Self> {
        let range = range.replace('_', "-").to_ascii_lowercase();
        let mut range = range.as_str();
        loop {
            let same = |known: &&LanguageIdentifier| known.to_string().eq_ignore_ascii_case(range);
            if let Some(known) = SHARED_FILES.locales().find(same) {
                return Some(Self(known.clone()));
            }
            range = shorter(range)?;
        }
    }

    /// The best that a browser asks for (`Accept-Language`, RFC 9110 section 12.5.4), if there is a file for any.
    pub fn accepted<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let ranges = lines.into_iter().flat_map(|line| line.split(','));
        let mut wanted: Vec<_> = ranges.filter_map(weighed).collect();
        // The sort is stable: of equals, the first is preferred.
        wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let mut acceptable = wanted.iter().filter(|(weight, _)| *weight > 0);
        acceptable.find_map(|(_, tag)| Self::known(tag))
    }

    /// All that there are, by their tags.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<_> = SHARED_FILES.locales().cloned().map(Self).collect();
        all.sort_by_key(Self::tag);
        all
    }

    /// Its tag, such as `fr`.
    pub fn tag(&self) -> String {
        self.0.to_string()
    }

    /// The language of the message to the phone.
    pub fn locale(&self) -> Locale {
        Locale::try_from(self.0.language.as_str()).unwrap_or_default()
    }
}

impl Words {
    /// The words in a flow's files, which `fluent_templates::static_loader!` reads.
    pub const fn new(files: &'static LazyLock<StaticLoader>) -> Self {
        Self(files)
    }

    /// The text of that name.
    pub fn say(&self, language: &Language, name: &str, filling: &[Filling<'_>]) -> String {
        self.find(language, name, filling).unwrap_or_else(|| name.to_owned())
    }

    /// The text of that name, if there is one.
    pub fn find(&self, language: &Language, name: &str, filling: &[Filling<'_>]) -> Option<String> {
        let filling =
            filling.iter().map(|(name, value)| (Cow::Owned((*name).to_owned()), value.clone()));
        let filling: HashMap<_, _> = filling.collect();
        let look =
            |files: &StaticLoader| files.try_lookup_complete(&language.0, name, Some(&filling));
        look(self.0).or_else(|| look(&SHARED_FILES))
    }

    /// A problem of that name, whose words are `err-NAME` (what happened) and `rec-NAME` (what to do).
    pub fn problem(&'static self, status: StatusCode, name: &'static str) -> Problem {
        Problem::said(self, status, name)
    }
}

/// Two are the same when they are the same files.
impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.0, other.0)
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(..)")
    }
}

impl From<&Locale> for Language {
    fn from(locale: &Locale) -> Self {
        Self::known(locale.as_str()).unwrap_or_default()
    }
}

/// A language that somebody asks for by its tag; one without words is refused.
/// The language that somebody else's program wishes for: a range (RFC 4647 section 2), such as `fr-CH`. That there are no
/// words in it refuses nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct LanguageRange(String);

/// Longest range that is read: those of the registry have at most 35 characters (RFC 5646 section 4.4.1).
const MAX_RANGE: usize = 64;

impl LanguageRange {
    /// What a description says of it.
    pub const PATTERN: &str = r"^(\*|[A-Za-z]{1,8})([-_](\*|[A-Za-z0-9]{1,8}))*$";

    /// The language that there are words for by which it is met best.
    pub fn language(&self) -> Option<Language> {
        Language::known(&self.0)
    }
}

impl TryFrom<String> for LanguageRange {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let is_subtag = |subtag: &str| {
            let is_word = subtag.bytes().all(|byte| byte.is_ascii_alphanumeric());
            subtag == "*" || (is_word && (1..=8).contains(&subtag.len()))
        };
        let first = text.split(['-', '_']).next().unwrap_or_default();
        let is_range = text.len() <= MAX_RANGE
            && !first.bytes().any(|byte| byte.is_ascii_digit())
            && text.split(['-', '_']).all(is_subtag);
        let why = "must be a language tag, such as fr-CH";
        if is_range { Ok(Self(text)) } else { Err(InvalidInput::new(Field::Locale, why)) }
    }
}

impl From<LanguageRange> for String {
    fn from(range: LanguageRange) -> Self {
        range.0
    }
}

impl TryFrom<String> for Language {
    type Error = InvalidInput;

    fn try_from(tag: String) -> Result<Self, InvalidInput> {
        Self::known(&tag).ok_or_else(|| {
            InvalidInput::new(Field::Locale, "is not a language there are words for")
        })
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.tag()
    }
}

/// The words of messages to phones: pages and messages speak from the same files.
impl MessageWords for Words {
    fn say(&self, locale: &Locale, phrase: Phrase<'_>) -> String {
        let (name, filling): (_, Vec<Filling<'_>>) = match phrase {
            Phrase::Pay { amount, payee } => (
                "message-pay",
                vec![("amount", amount.to_string().into()), ("payee", payee.into())],
            ),
            Phrase::More { count } => ("message-more", vec![("count", count.into())]),
            Phrase::Access { to } => ("message-access", vec![("to", to.into())]),
            Phrase::Certificate { name } => ("message-certificate", vec![("name", name.into())]),
            Phrase::Document { title } => ("message-document", vec![("title", title.into())]),
            Phrase::Code { code, reference, minutes } => (
                "message-code",
                vec![
                    ("code", code.into()),
                    ("reference", reference.into()),
                    ("minutes", minutes.into()),
                ],
            ),
            Phrase::AdviceOnAmount => ("message-advice-on-amount", Vec::new()),
            Phrase::Blocked { minutes } => ("message-blocked", vec![("minutes", minutes.into())]),
            Phrase::Advice => ("message-advice", Vec::new()),
        };
        self.say(&Language::from(locale), name, &filling)
    }
}

impl Default for Language {
    fn default() -> Self {
        Self(FALLBACK.parse().unwrap_or_default())
    }
}

/// The range without its last subtag, and without what only announced it (RFC 4647 section 3.4).
fn shorter(range: &str) -> Option<&str> {
    let (shorter, _) = range.rsplit_once('-')?;
    match shorter.rsplit_once('-') {
        Some((shortest, last)) if last.len() == 1 => Some(shortest),
        _ => Some(shorter),
    }
}

/// A range of the header with its weight in thousandths; `None` for what is none.
fn weighed(range: &str) -> Option<(u32, &str)> {
    let (tag, weight) = match range.split_once(';') {
        None => (range, 1000),
        Some((tag, weight)) => {
            let (name, weight) = weight.split_once('=')?;
            (tag, thousandths(weight.trim()).filter(|_| name.trim().eq_ignore_ascii_case("q"))?)
        }
    };
    Some((weight, tag.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_browser_asks_for_the_best_that_there_is_counts() {
        for (header, taken) in [
            ("fr", Some("fr")),
            ("fr-CA,en;q=0.5", Some("fr")),
            ("de,fr;q=0.3,en;q=0.8", Some("en")),
            ("en;q=0,fr;q=0.001", Some("fr")),
            ("de,it;q=0.9", None),
            ("*", None),
            ("de-DE, *;q=0.5, fr-CA-x-a;Q=0.4", Some("fr")),
            ("", None),
            ("fr;q=2", None),
            ("fr;q=0.12345", None),
            (";;;,,,", None),
        ] {
            let language = Language::accepted([header]).map(|language| language.tag());
            assert_eq!(language.as_deref(), taken, "{header}");
        }
    }

    #[test]
    fn a_language_is_looked_up_by_the_range_that_is_asked_for() {
        for (range, found) in [
            ("fr", Some("fr")),
            ("FR", Some("fr")),
            ("fr-FR", Some("fr")),
            ("fr_CH", Some("fr")),
            ("fr-Latn-CA-x-private", Some("fr")),
            ("fr-u-co-phonebk", Some("fr")),
            ("en-GB-oxendict", Some("en")),
            ("fr-*", Some("fr")),
            ("de-AT", None),
            ("*", None),
            ("*-CH", None),
        ] {
            let range = LanguageRange::try_from(range.to_owned()).unwrap();
            assert_eq!(
                range.language().map(|language| language.tag()).as_deref(),
                found,
                "{range:?}"
            );
        }
        for refused in [
            "",
            "-",
            "fr-",
            "-fr",
            "fr FR",
            "français",
            "toolongasubtag",
            "1fr",
            &"fr-x".repeat(20),
        ] {
            assert!(LanguageRange::try_from(refused.to_owned()).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_text_is_filled_and_counts() {
        let french = Language::known("fr").unwrap();
        let attempts = |count: i64| [("attempts", FluentValue::from(count))];
        assert_eq!(SHARED.say(&french, "attempts-left", &attempts(1)), "Un essai restant");
        assert_eq!(SHARED.say(&french, "attempts-left", &attempts(2)), "2 essais restants");
    }
}
