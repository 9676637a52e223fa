//! Whether the facts in the configured store are those that were committed: `countersign check --facts`; whether its file is
//! whole: `countersign check --store`; and whether its schema is the one that a server starts with.

use countersign_domain::record::StoreError;
use countersign_store::{Break, ChainFindings, Facts, check_file, check_pages};
use serde_json::{Value, json};

use crate::{
    books::configured,
    config::Config,
    error::{ConfigError, StartError},
    store_place::StorePlace,
};

/// What was found, for people and for programs.
#[derive(Debug)]
pub struct FactsReport {
    /// Whether the chain of facts is whole and ends as it was sealed.
    pub right: bool,
    /// A line for people.
    pub text: String,
    /// The same for programs.
    pub json: Value,
}

/// Recomputes the chain of facts of the configured store.
///
/// # Errors
/// When there is no store, it cannot be read, or a key cannot.
pub fn facts(config: &Config) -> Result<FactsReport, StartError> {
    let unreadable = |error: StoreError| StartError::Store(error.to_string());
    let keys = config.keys.ring(&config.files)?;
    let facts = Facts::open(&configured(config).map_err(unreadable)?).map_err(unreadable)?;
    Ok(report(&facts.check(&keys).map_err(unreadable)?))
}

/// What was found in the pages of the store, for people and for programs.
#[derive(Debug)]
pub struct PagesReport {
    /// Whether every page can be read, and every index is right.
    pub right: bool,
    /// Lines for people.
    pub text: String,
    /// The same for programs.
    pub json: Value,
}

/// Reads every page of the configured store.
///
/// # Errors
/// When there is no store, or nothing of it can be read.
pub fn pages(config: &Config) -> Result<PagesReport, StoreError> {
    let wrong = check_pages(&configured(config)?)?;
    let right = wrong.is_empty();
    let text = match right {
        true => "store: every page is whole".to_owned(),
        false => wrong.iter().map(|line| format!("store: {line}")).collect::<Vec<_>>().join("\n"),
    };
    Ok(PagesReport { right, text, json: json!({ "right": right, "wrong": wrong }) })
}

/// Whether the schema of the configured store is the one that this program makes, if there is a file yet. A database is looked
/// at when a server starts.
///
/// # Errors
/// When it is not, or the file cannot be read.
pub fn schema(config: &Config) -> Result<(), StartError> {
    let none = |error: StoreError| ConfigError::unusable("store", error);
    if let Some(StorePlace::Database(_)) = StorePlace::of(config)? {
        return Ok(());
    }
    let file = configured(config).map_err(none)?;
    match file.exists() {
        true => check_file(&file).map_err(|error| StartError::Store(error.to_string())),
        false => Ok(()),
    }
}

fn report(found: &ChainFindings) -> FactsReport {
    let ChainFindings { facts, digest, key, broken } = found;
    let sealed = match key {
        Some(key) => format!("sealed with key {key}"),
        None => "not sealed yet".to_owned(),
    };
    let (wrong, at) = match broken {
        None => (None, Value::Null),
        Some(Break::Fact { sequence, about }) => (
            Some(format!("fact {sequence}, about {about}, is not what was committed there")),
            json!({ "sequence": sequence, "about": about }),
        ),
        Some(Break::End { cause }) => (Some(cause.clone()), json!({ "cause": cause })),
    };
    let text = match &wrong {
        None => format!("facts: {facts}, in one chain, {sealed}, digest {digest}"),
        Some(wrong) => format!("facts: {facts}, {sealed}; {wrong}"),
    };
    let json = json!({
        "right": wrong.is_none(), "facts": facts, "key": key.as_ref().map(ToString::to_string), "digest": digest, "broken": at,
    });
    FactsReport { right: wrong.is_none(), text, json }
}
