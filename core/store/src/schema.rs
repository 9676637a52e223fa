//! Opens the file: whose it is, which schema it has, and that a commit to it is durable.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io,
    path::{self, Path},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::{
    error::{Alteration, OpenError},
    log::LIMIT_OCTETS,
};

/// Marks the file as ours (`PRAGMA application_id`): "CSGN".
const APPLICATION_ID: i64 = 0x4353_474E;

const SCHEMA: &str = include_str!("schema.sql");

/// The version of [`SCHEMA`] (`PRAGMA user_version`), one more with every change of it. Files of earlier versions were made
/// before the first release, and nothing brings them up to date: facts that were not chained when they were committed would be
/// vouched for by a chain that is made later.
const VERSION: usize = 5;

/// Everything that a schema is made of. The tables that SQLite makes for itself belong to one of ours, and have no text.
const OBJECTS: &str = "
    SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema";

/// Beside them in a file whose store was moved to a database: no server starts on it, and builds that do not know the mark take
/// it for an alteration.
const MOVED: (&str, &str) =
    ("table moved_to", "CREATE TABLE moved_to (database TEXT NOT NULL) STRICT");

/// How long to wait for another process that writes to the same file.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a step that another process disturbed is tried, one [`BUSY_PAUSE`] apart.
const BUSY_TRIES: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// The connection that writes. Makes the file and its schema if there is none.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    match create_private(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(unusable(path, error));
        }
        _ => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(path, flags)?;
    make_schema(&mut connection, path)?;
    check_schema(&connection, path)?;
    is_here(&connection, path)?;
    make_durable(&connection, path)?;
    // What is removed is a person's data, and is written over; otherwise it stays in the file until its place is needed.
    connection.pragma_update(None, "secure_delete", true).map_err(|error| refusal(path, &error))?;
    Ok(connection)
}

/// A connection that reads, to a file that [`open_writer`] has opened.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// As [`open_reader`], but a busy file is an error at once: whoever asks must not be held up.
pub(crate) fn open_impatient_reader(path: &Path) -> Result<Connection, OpenError> {
    let connection = open_reader(path)?;
    connection.busy_timeout(Duration::ZERO).map_err(|error| refusal(path, &error))?;
    Ok(connection)
}

/// The only connection to the file of a store: nobody else can open it as long as this one lives. None when somebody has.
pub(crate) fn open_alone(path: &Path) -> Result<Option<Connection>, OpenError> {
    let path = &path::absolute(path).map_err(|error| unusable(path, error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags)?;
    let failed = |error| refusal(path, &error);
    connection.busy_timeout(Duration::ZERO).map_err(failed)?;
    // Before the first look at the file: that one takes the lock, and every server that has opened it holds one.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(failed)?;
    match connection.execute_batch("BEGIN IMMEDIATE; COMMIT") {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
        alone => {
            alone.map_err(failed)?;
            match has_schema(&connection, path)? {
                true => check_schema(&connection, path).map(|()| Some(connection)),
                false => Err(OpenError::Foreign { path: path.to_owned() }),
            }
        }
    }
}

/// Makes an empty file, where there is none, for its owner's eyes only, as it will hold phone numbers; SQLite gives the files beside it the
/// same rights.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| refusal(path, &error))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| refusal(path, &error))?;
    Ok(connection)
}

/// Makes the schema in a fresh file. Nothing is written before it is known whose file this is.
fn make_schema(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| refusal(path, &error);
    // Under the lock from the start: another process may be opening the same file.
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if has_schema(&transaction, path)? {
        return Ok(());
    }
    tracing::info!(path = %path.display(), version = VERSION, "making the schema of a new store");
    transaction.execute_batch(SCHEMA).map_err(failed)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", VERSION.to_string()).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Whether the file has the schema of this program; false when nobody has written to it.
pub(crate) fn has_schema(connection: &Connection, path: &Path) -> Result<bool, OpenError> {
    let header = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
                  FROM pragma_application_id, pragma_user_version";
    let (application, version, objects): (i64, i64, i64) = connection
        .query_row(header, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(|error| refusal(path, &error))?;
    let path = || path.to_owned();
    match (application, usize::try_from(version)) {
        (0, Ok(0)) if objects == 0 => Ok(false),
        (APPLICATION_ID, Ok(VERSION)) => Ok(true),
        (APPLICATION_ID, Ok(found @ 1..VERSION)) => {
            Err(OpenError::OlderSchema { path: path(), found, known: VERSION })
        }
        (APPLICATION_ID, Ok(found)) if found > VERSION => {
            Err(OpenError::NewerSchema { path: path(), found, known: VERSION })
        }
        _ => Err(OpenError::Foreign { path: path() }),
    }
}

/// Whether the schema is to the letter the one that this program makes. What holds without a look at the rows, such as that
/// facts are append-only, is in it: a file without a trigger of ours keeps no promise.
pub(crate) fn check_schema(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let (mut found, ours) = (
        objects(connection).map_err(|error| refusal(path, &error))?,
        expected().map_err(|error| refusal(path, &error))?,
    );
    if found.get(MOVED.0).is_some_and(|text| text == MOVED.1) {
        found.remove(MOVED.0);
    }
    let missing = ours.iter().find_map(|(object, text)| match found.get(object) {
        None => Some((object, Alteration::Missing)),
        Some(other) if other != text => Some((object, Alteration::Changed)),
        Some(_) => None,
    });
    let foreign = || found.keys().find(|object| !ours.contains_key(*object));
    match missing.or_else(|| foreign().map(|object| (object, Alteration::Added))) {
        None => Ok(()),
        Some((object, how)) => {
            Err(OpenError::Altered { path: path.to_owned(), object: object.clone(), how })
        }
    }
}

/// Refuses a file whose store was moved away.
fn is_here(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    match moved_to(connection, path)? {
        Some(database) => Err(OpenError::Moved { path: path.to_owned(), database }),
        None => Ok(()),
    }
}

/// The database to which the store in a file was moved. Its schema was checked before.
pub(crate) fn moved_to(connection: &Connection, path: &Path) -> Result<Option<String>, OpenError> {
    let failed = |error| refusal(path, &error);
    if !objects(connection).map_err(failed)?.contains_key(MOVED.0) {
        return Ok(None);
    }
    let database =
        connection
            .query_row("SELECT coalesce(max(database), '') FROM moved_to", [], |row| row.get(0));
    database.map(Some).map_err(failed)
}

/// Says in the file that its store was moved to that database.
pub(crate) fn mark_moved(connection: &Connection, database: &str) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let mark = connection.unchecked_transaction()?;
    mark.execute_batch(&format!("DROP TABLE IF EXISTS moved_to; {}", MOVED.1))?;
    mark.execute("INSERT INTO moved_to (database) VALUES (?1)", [database])?;
    mark.commit()
}

/// Whether a server would start on a file, as far as its schema says; nothing is written to it.
///
/// # Errors
/// See [`OpenError`].
pub fn check_file(path: &Path) -> Result<(), OpenError> {
    let path = path::absolute(path).map_err(|error| unusable(path, error))?;
    let connection = open_reader(&path)?;
    if !has_schema(&connection, &path)? {
        return Ok(());
    }
    check_schema(&connection, &path)?;
    is_here(&connection, &path)
}

/// As SQLite keeps the schema of a new store.
fn expected() -> rusqlite::Result<BTreeMap<String, String>> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(SCHEMA)?;
    objects(&fresh)
}

fn objects(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare(OBJECTS)?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Asks for a write-ahead log that is synced on every commit, and trusts only what it reads back.
fn make_durable(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let ask = || {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Where a plain fsync stops at the disk's cache (macOS), ask for the one that does not.
        connection.pragma_update(None, "fullfsync", true)?;
        // What a long reader made of the log is given back to the disk when the log begins anew.
        connection.pragma_update_and_check(None, "journal_size_limit", LIMIT_OCTETS, |_| Ok(()))?;
        let synchronous = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        Ok((mode, synchronous))
    };
    let granted: (String, i64) = while_busy(ask).map_err(|error| refusal(path, &error))?;
    match (granted.0.as_str(), granted.1) {
        ("wal", 2) => Ok(()),
        (mode, synchronous) => Err(unusable(
            path,
            format_args!("it has journal_mode {mode} and synchronous {synchronous}, not wal and 2"),
        )),
    }
}

/// Changing to the write-ahead log does not wait for a busy file by itself.
fn while_busy<T>(step: impl Fn() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    for _ in 1..BUSY_TRIES {
        match step() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(BUSY_PAUSE);
            }
            outcome => return outcome,
        }
    }
    step()
}

pub(crate) fn refusal(path: &Path, error: &rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: path.to_owned() },
        Some(ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { path: path.to_owned(), cause: error.to_string() }
        }
        _ => unusable(path, error),
    }
}

fn unusable(path: &Path, cause: impl std::fmt::Display) -> OpenError {
    OpenError::Unusable { path: path.to_owned(), cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_is_synced_to_a_write_ahead_log() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("store.db")).unwrap();
        let told = "SELECT concat_ws(' ', journal_mode, synchronous, fullfsync)
                    FROM pragma_journal_mode, pragma_synchronous, pragma_fullfsync";
        assert_eq!(
            connection.query_one(told, [], |row| row.get::<_, String>(0)).unwrap(),
            "wal 2 1"
        );
    }

    #[test]
    fn a_file_without_a_write_ahead_log_is_refused() {
        // A database in memory has none, and says so.
        let connection = Connection::open_in_memory().unwrap();
        let cause = "it has journal_mode memory and synchronous 2, not wal and 2".to_owned();
        let path = Path::new("store.db");
        assert_eq!(
            make_durable(&connection, path),
            Err(OpenError::Unusable { path: path.to_owned(), cause })
        );
    }

    #[test]
    fn sqlite_can_be_trusted_with_two_processes_on_one_log() {
        // Before 3.51.3 two checkpoints at once could leave part of the log out of the file.
        assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    }
}
