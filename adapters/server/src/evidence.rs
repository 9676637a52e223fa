//! Whether the facts in the configured store are those that were committed: `countersign check --facts`; whether its file is
//! whole: `countersign check --store`; and whether its schema is the one that a server starts with.

use countersign_domain::record::StoreError;
use countersign_store::{
    Break, ChainFindings, DatabaseError, Facts, Snapshot, check_file, check_pages, check_schema,
};
use serde_json::{Value, json};

use crate::{
    config::Config,
    error::StartError,
    store_place::{StorePlace, existing_place},
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
pub async fn facts(config: &Config) -> Result<FactsReport, StartError> {
    let keys = config.keys.ring(&config.files)?;
    let found = match existing_place(config)? {
        StorePlace::File(file) => Facts::open(&file).and_then(|facts| facts.check(&keys)),
        StorePlace::Database(database) => {
            check_schema(&database).await.map_err(unusable)?;
            Snapshot::of(&database).await.map_err(unusable)?.check_facts(&keys).await
        }
    };
    Ok(report(&found.map_err(unreadable)?))
}

fn unreadable(error: StoreError) -> StartError {
    StartError::Store(error.to_string())
}

fn unusable(error: DatabaseError) -> StartError {
    StartError::Store(error.to_string())
}

/// What was found in the pages of the store, for people and for programs.
#[derive(Debug)]
pub struct PagesReport {
    /// Whether everything that was read is whole.
    pub right: bool,
    /// Lines for people.
    pub text: String,
    /// The same for programs.
    pub json: Value,
}

/// Reads every page of the configured store, indexes too; of a database every value of every row.
///
/// # Errors
/// When there is no store, or nothing of it can be read.
pub async fn pages(config: &Config) -> Result<PagesReport, StartError> {
    let (wrong, whole, checksums) = match existing_place(config)? {
        StorePlace::File(file) => {
            (check_pages(&file).map_err(unreadable)?, "every page is whole".to_owned(), None)
        }
        StorePlace::Database(database) => {
            let mut snapshot = Snapshot::of(&database).await.map_err(unusable)?;
            let checksums = snapshot.has_checksums().await.map_err(unreadable)?;
            let without = if checksums { "" } else { " The server has no checksums of its pages." };
            let whole = format!("every row can be read; indexes are for pg_amcheck.{without}");
            (snapshot.unreadable().await.map_err(unreadable)?, whole, Some(checksums))
        }
    };
    let right = wrong.is_empty();
    let text = match right {
        true => format!("store: {whole}"),
        false => wrong.iter().map(|line| format!("store: {line}")).collect::<Vec<_>>().join("\n"),
    };
    let mut json = json!({ "right": right, "wrong": wrong });
    if let (Some(checksums), Some(members)) = (checksums, json.as_object_mut()) {
        members.insert("data_checksums".to_owned(), checksums.into());
    }
    Ok(PagesReport { right, text, json })
}

/// Whether the schema of the configured store is the one that this program makes, if there is a file yet; a database must
/// have it.
///
/// # Errors
/// When it is not, or the store cannot be read.
pub async fn schema(config: &Config) -> Result<(), StartError> {
    match existing_place(config)? {
        StorePlace::File(file) if !file.exists() => Ok(()),
        StorePlace::File(file) => {
            check_file(&file).map_err(|error| StartError::Store(error.to_string()))
        }
        StorePlace::Database(database) => check_schema(&database).await.map_err(unusable),
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
