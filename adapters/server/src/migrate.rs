//! `countersign migrate`: makes the schema of a database, or moves a store from a file to it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use countersign_store::{Database, Moved, Moving, make_schema, move_store};
use serde_json::{Value, json};

use crate::{
    config::Config,
    error::StartError,
    store_place::{StorePlace, existing_place},
};

/// Between two lines that say how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What was done, for people and for programs.
#[derive(Debug)]
pub struct MigrationReport {
    /// Lines for people.
    pub text: String,
    /// The same for programs.
    pub json: Value,
}

/// Makes the schema in the configured database, where it has none. With `from`, moves the store in that file to the database;
/// with `to`, to the one of that URL. `told` hears how far it is.
///
/// # Errors
/// When the store is not a database, or that cannot be used; or the store cannot be moved.
pub async fn migrate(
    config: &Config,
    from: Option<&Path>,
    to: Option<&str>,
    told: impl FnMut(&str) + Send,
) -> Result<MigrationReport, StartError> {
    let place = match to {
        Some(url) => StorePlace::at(config, url)?,
        None => existing_place(config)?,
    };
    let StorePlace::Database(database) = place else {
        let none = "only a database is migrated: store.url names none";
        return Err(StartError::Store(none.to_owned()));
    };
    match from {
        None => made(&database).await,
        Some(file) => moved(config, file, &database, told).await,
    }
}

async fn made(database: &Database) -> Result<MigrationReport, StartError> {
    let made = make_schema(database).await;
    let made = made.map_err(|error| StartError::Store(error.to_string()))?;
    let name = database.name();
    let text = match made {
        true => format!("{name}: the schema was made"),
        false => format!("{name}: the schema is the one that this program makes"),
    };
    Ok(MigrationReport { text, json: json!({ "database": name, "made": made }) })
}

async fn moved(
    config: &Config,
    file: &Path,
    database: &Database,
    mut told: impl FnMut(&str) + Send,
) -> Result<MigrationReport, StartError> {
    let keys = config.keys.ring(&config.files)?;
    let mut last = None::<(Instant, &str)>;
    let progress = |Moving { table, there, of }| {
        let is_due = last.is_none_or(|(at, of)| of != table || at.elapsed() >= TELL_EVERY);
        if is_due {
            told(&format!("{table}: {there} of {of}"));
            last = Some((Instant::now(), table));
        }
    };
    let moved = move_store(file, database, &keys, progress).await;
    let moved = moved.map_err(|error| StartError::Store(error.to_string()))?;
    Ok(report(file, database.name(), &moved))
}

fn report(file: &Path, database: &str, moved: &Moved) -> MigrationReport {
    let Moved { before, copied, records, books, facts } = moved;
    let mut lines: Vec<String> =
        records.iter().map(|(collection, count)| format!("{collection}: {count}")).collect();
    lines.push(format!(
        "{} postings, {} balances; debits equal credits",
        books.postings, books.balances
    ));
    lines.push(format!("{} facts, in one chain, digest {}", facts.facts, facts.digest));
    lines.push(format!(
        "{database}: {copied} rows were copied, {before} were there before; every row is the same on both sides"
    ));
    lines.push(format!("{}: no server starts on it any more", file.display()));
    let of_each: serde_json::Map<String, Value> =
        records.iter().map(|(name, count)| (name.clone(), (*count).into())).collect();
    let json = json!({
        "database": database, "copied": copied, "before": before, "records": of_each,
        "postings": books.postings, "balances": books.balances, "facts": facts.facts, "digest": facts.digest,
    });
    MigrationReport { text: lines.join("\n"), json }
}
