//! The testers' scripts: found, read, checked and selected before anything is run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cucumber::{
    feature::Ext as _,
    gherkin::{Feature, GherkinEnv, Rule, Scenario, tagexpr::TagOperation},
    tag::Ext as _,
};
use thiserror::Error;

use crate::catalogue::{Catalogue, is_row_like};

/// The sandbox that a scenario is for, by its tag.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Variant {
    /// Its policy asks the bank before the phone. Without a tag.
    BankFirst,
    /// Its policy asks the phone before the bank (F7.v1): `@code-first`.
    CodeFirst,
    /// Limits, order and what is told of whom are those by default: `@limited`. Other sandboxes have nearly no limits, ask the bank
    /// first for names, and say whom they do not know.
    Limited,
    /// As the first, and a PIN is asked for beside the codes of payments and wallets, which a code may set: `@psd2`.
    Psd2,
    /// As the first, and a telecom operator keeps the codes of tickets (F12.v1): `@operator`.
    Operator,
}

/// Why scripts cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ScriptError {
    /// The path leads nowhere, or to what cannot be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// As it was given.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// There is no script.
    #[error("{path}: there is no .feature file")]
    None {
        /// As it was given.
        path: PathBuf,
    },
    /// It is no Gherkin.
    #[error("{cause}")]
    Malformed {
        /// Where, and what was expected.
        cause: String,
    },
    /// A tag means to be a row, and is none.
    #[error("{place}: @{tag} is not a row; see `scenario list`")]
    UnknownRow {
        /// File and line.
        place: String,
        /// As it stands in the script.
        tag: String,
    },
    /// A scenario without steps would pass whatever happens.
    #[error("{place}: the scenario has no steps")]
    NoSteps {
        /// File and line.
        place: String,
    },
}

/// Scripts that were read.
#[derive(Clone, Debug)]
pub struct Scripts(Vec<Feature>);

impl Scripts {
    /// Reads a script, or all scripts of a folder.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn read(path: &Path, catalogue: &Catalogue) -> Result<Self, ScriptError> {
        let files = files(path)?;
        if files.is_empty() {
            return Err(ScriptError::None { path: path.to_owned() });
        }
        let scripts = Self(files.iter().map(|file| feature(file)).collect::<Result<_, _>>()?);
        scripts.check(catalogue)?;
        Ok(scripts)
    }

    /// Every scenario, in the order of the files.
    pub fn scenarios(&self) -> impl Iterator<Item = Told<'_>> {
        self.0.iter().flat_map(told)
    }

    /// Leaves only the scenarios that satisfy the expression.
    #[must_use]
    pub fn select(self, tags: &TagOperation) -> Self {
        self.keep(|told| tags.eval(told.tags().collect::<Vec<_>>()))
    }

    /// Leaves only the scenarios for which `wanted` says so.
    #[must_use]
    pub fn keep(mut self, wanted: impl Fn(Told<'_>) -> bool) -> Self {
        for feature in &mut self.0 {
            // In the order of `told`: the feature's own scenarios, then each rule's.
            let verdicts: Vec<bool> = told(feature).map(&wanted).collect();
            let mut verdicts = verdicts.into_iter();
            let mut stays = |_: &Scenario| verdicts.next().unwrap_or_default();
            feature.scenarios.retain(&mut stays);
            for rule in &mut feature.rules {
                rule.scenarios.retain(&mut stays);
            }
            feature.rules.retain(|rule| !rule.scenarios.is_empty());
        }
        self.0.retain(|feature| told(feature).next().is_some());
        self
    }

    /// The features, to be run.
    pub(crate) fn into_features(self) -> Vec<Feature> {
        self.0
    }

    fn check(&self, catalogue: &Catalogue) -> Result<(), ScriptError> {
        for told in self.scenarios() {
            if told.scenario.steps.is_empty() {
                return Err(ScriptError::NoSteps { place: told.place() });
            }
            if let Some(tag) = told.tags().find(|tag| is_row_like(tag) && !catalogue.has(tag)) {
                return Err(ScriptError::UnknownRow { place: told.place(), tag: tag.to_owned() });
            }
        }
        Ok(())
    }
}

/// A scenario, and where it is told.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// In which feature.
    pub feature: &'a Feature,
    /// Under which rule, if any.
    pub rule: Option<&'a Rule>,
    /// As it was parsed.
    pub scenario: &'a Scenario,
}

impl<'a> Told<'a> {
    /// Its tags: the feature's, the rule's, its own.
    pub fn tags(self) -> impl Iterator<Item = &'a str> {
        let of_rule = self.rule.into_iter().flat_map(|rule| &rule.tags);
        self.feature.tags.iter().chain(of_rule).chain(&self.scenario.tags).map(String::as_str)
    }

    /// The sandbox that it is for.
    pub fn variant(self) -> Variant {
        let variant_of = |tag: &str| match tag {
            "code-first" => Some(Variant::CodeFirst),
            "operator" => Some(Variant::Operator),
            "limited" => Some(Variant::Limited),
            "psd2" => Some(Variant::Psd2),
            _ => None,
        };
        self.tags().find_map(variant_of).unwrap_or(Variant::BankFirst)
    }

    /// Its file's name, without the folder.
    pub fn file(self) -> String {
        let name = self.feature.path.as_deref().and_then(Path::file_name);
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// File and line, for a person to find it.
    pub fn place(self) -> String {
        format!("{}:{}", self.file(), self.scenario.position.line)
    }
}

fn told(feature: &Feature) -> impl Iterator<Item = Told<'_>> {
    let plain =
        feature.scenarios.iter().map(move |scenario| Told { feature, rule: None, scenario });
    let ruled = feature.rules.iter().flat_map(move |rule| {
        rule.scenarios.iter().map(move |scenario| Told { feature, rule: Some(rule), scenario })
    });
    plain.chain(ruled)
}

/// The file itself, or the scripts of a folder and its folders, by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, ScriptError> {
    let unreadable = |error: std::io::Error| ScriptError::Unreadable {
        path: path.to_owned(),
        cause: error.to_string(),
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(unreadable)?;
    let mut inside = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    inside.retain(|entry| {
        entry.is_dir() || entry.extension().is_some_and(|extension| extension == "feature")
    });
    inside.sort();
    let mut found = Vec::new();
    for entry in inside {
        found.extend(files(&entry)?);
    }
    Ok(found)
}

/// One script: outlines expanded, backgrounds put in front of the scenarios that they are for.
fn feature(file: &Path) -> Result<Feature, ScriptError> {
    let malformed =
        |error: &dyn std::fmt::Display| ScriptError::Malformed { cause: error.to_string() };
    let feature =
        Feature::parse_path(file, GherkinEnv::default()).map_err(|error| malformed(&error))?;
    let mut feature = feature.expand_examples().map_err(|error| malformed(&error))?;
    let before_all =
        feature.background.take().map(|background| background.steps).unwrap_or_default();
    for scenario in &mut feature.scenarios {
        scenario.steps.splice(..0, before_all.iter().cloned());
    }
    for rule in &mut feature.rules {
        let before_rule =
            rule.background.take().map(|background| background.steps).unwrap_or_default();
        for scenario in &mut rule.scenarios {
            scenario.steps.splice(..0, before_all.iter().chain(&before_rule).cloned());
        }
    }
    Ok(feature)
}
