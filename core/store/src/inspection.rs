//! Whether the file is whole, found out beside the traffic. To read all of a large file before a start takes minutes; to read it
//! in one go beside the traffic keeps the log from being written back for as long. So it is read in pieces, with a rest after
//! each, and every read is over at once.
//!
//! It reads every record, fact and posting with its entries, and so nearly all of the file, but neither the indexes nor pages
//! that are free: those are for [`check_pages`], which reads everything at once.

use std::{
    io,
    path::{self, Path},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use countersign_domain::record::StoreError;
use rusqlite::{Connection, ErrorCode, InterruptHandle};

use crate::{books::PROGRESS, error::unavailable, schema, threads::Thread};

/// Rows that are read at once.
const ROWS: u32 = 1_000;
/// It rests for so many times as long as it read, so that it takes a quarter of one thread at most.
const REST: u32 = 3;
/// After a piece that could not be read for another cause than damage.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// For each table what a piece of it comes to: where it ends, and how many rows it has. That a value was read is seen from its
/// length. Entries are found by their postings, which are in order of time; counters are few, and forgotten within days.
const TABLES: [(&str, &str); 3] = [
    (
        "records",
        "SELECT max(place), count(*), sum(length(body)) FROM (
             SELECT rowid AS place, body FROM records WHERE rowid > ?1 ORDER BY rowid LIMIT ?2)",
    ),
    (
        "facts",
        "SELECT max(place), count(*), sum(length(body) + length(digest)) FROM (
             SELECT sequence AS place, body, digest FROM facts WHERE sequence > ?1 ORDER BY sequence LIMIT ?2)",
    ),
    (
        "postings",
        "SELECT max(place), count(*), sum(latest) FROM (
             SELECT sequence AS place, (SELECT max(latest_at) FROM entries e WHERE e.currency = p.currency
                 AND e.sequence = p.sequence AND e.account IN (p.debit, p.credit)) AS latest
             FROM postings p WHERE sequence > ?1 ORDER BY sequence LIMIT ?2)",
    ),
];

/// What is known of a file by now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Inspected {
    /// Nothing is wrong so far.
    Running {
        /// Rows that were read.
        rows: u64,
    },
    /// Every row can be read.
    Whole {
        /// How many there are.
        rows: u64,
    },
    /// Something cannot be read.
    Damaged {
        /// In which table, and what SQLite says of it.
        cause: String,
    },
}

/// A look at a whole file beside the traffic. Dropping it ends it.
pub struct Inspection {
    state: Arc<Mutex<Inspected>>,
    reading: InterruptHandle,
    // Before the thread: it ends when this is gone.
    _stop: mpsc::Sender<()>,
    _thread: Thread,
}

impl Drop for Inspection {
    /// A cold disk may take seconds for a piece.
    fn drop(&mut self) {
        self.reading.interrupt();
    }
}

impl Inspection {
    /// Begins to read that store, which was opened before.
    ///
    /// # Errors
    /// When it cannot be opened, or there can be no thread.
    pub fn start(store: &Path) -> io::Result<Self> {
        let store = path::absolute(store)?;
        let connection = schema::open_reader(&store).map_err(io::Error::other)?;
        let reading = connection.get_interrupt_handle();
        let (stop, stopped) = mpsc::channel();
        let state = Arc::new(Mutex::new(Inspected::Running { rows: 0 }));
        let told = Arc::clone(&state);
        let thread = Thread::spawn("store-inspection", move || {
            inspect(&connection, &store, &stopped, &told);
        })?;
        Ok(Self { state, reading, _stop: stop, _thread: thread })
    }

    /// What is known by now.
    pub fn state(&self) -> Inspected {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn inspect(
    connection: &Connection,
    store: &Path,
    stopped: &mpsc::Receiver<()>,
    told: &Mutex<Inspected>,
) {
    let (store, begun) = (store.display(), Instant::now());
    let tell = |now: Inspected| *told.lock().unwrap_or_else(PoisonError::into_inner) = now;
    let mut rows = 0_u64;
    for (table, piece) in TABLES {
        let mut place = Some(0_i64);
        while let Some(after) = place {
            let (reading, mut pause) = (Instant::now(), Duration::ZERO);
            match read(connection, piece, after) {
                Ok((last, read)) => {
                    let before = rows / PROGRESS;
                    rows = rows.saturating_add(read.into());
                    place = last.filter(|_| read == ROWS);
                    tell(Inspected::Running { rows });
                    if rows / PROGRESS > before {
                        tracing::info!(%store, rows, "reading the store beside the traffic");
                    }
                }
                Err(error) if is_damage(&error) => {
                    tracing::error!(%store, table, %error,
                        "the store is damaged: look with `countersign check --store`, and restore a backup");
                    return tell(Inspected::Damaged { cause: format!("{table}: {error}") });
                }
                // A busy file, or one that cannot be read now, says nothing of what is in it: the piece is tried again.
                Err(error) => {
                    tracing::warn!(%store, table, %error, "cannot read the store beside the traffic");
                    pause = AGAIN_AFTER;
                }
            }
            let rest = reading.elapsed().saturating_mul(REST).max(pause);
            if !matches!(stopped.recv_timeout(rest), Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }
    let milliseconds = begun.elapsed().as_millis();
    tracing::info!(%store, rows, milliseconds, "every row of the store can be read");
    tell(Inspected::Whole { rows });
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Where that piece ends, and how many rows it has.
fn read(connection: &Connection, piece: &str, after: i64) -> rusqlite::Result<(Option<i64>, u32)> {
    let mut statement = connection.prepare_cached(piece)?;
    statement.query_row((after, ROWS), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// What is wrong with the pages of a store, indexes and free ones too, a line for each and a hundred at most: empty when it is
/// whole. Reads the whole file at once, and meanwhile its log is not written back.
///
/// # Errors
/// When there is no store, its schema is not ours, or nothing of it can be read.
pub fn check_pages(store: &Path) -> Result<Vec<String>, StoreError> {
    let store = path::absolute(store).map_err(unavailable)?;
    let connection = schema::open_reader(&store).map_err(unavailable)?;
    schema::has_schema(&connection, &store).map_err(unavailable)?;
    let found = connection.prepare("PRAGMA integrity_check").and_then(|mut check| {
        check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
    });
    match found {
        Ok(lines) if lines == ["ok"] => Ok(Vec::new()),
        Ok(lines) => Ok(lines),
        Err(error) => Ok(vec![error.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use rusqlite::params;
    use tempfile::TempDir;

    use super::*;

    /// A store with so many records of some kilobytes.
    fn store_of(records: u32) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = schema::open_writer(&folder.path().join("store.db")).unwrap();
        let transaction = connection.transaction().unwrap();
        for id in 0..records {
            let insert =
                "INSERT INTO records (collection, id, version, body) VALUES ('note', ?1, 1, ?2)";
            transaction.execute(insert, params![id.to_string(), "x".repeat(3_000)]).unwrap();
        }
        transaction.commit().unwrap();
        folder
    }

    fn outcome(folder: &TempDir) -> Inspected {
        let inspection = Inspection::start(&folder.path().join("store.db")).unwrap();
        loop {
            match inspection.state() {
                Inspected::Running { .. } => thread::sleep(Duration::from_millis(1)),
                over => return over,
            }
        }
    }

    #[test]
    fn every_row_of_a_whole_store_is_read_in_pieces() {
        for records in [0, 1, 1_000, 2_001] {
            let folder = store_of(records);
            assert_eq!(outcome(&folder), Inspected::Whole { rows: records.into() });
            assert_eq!(check_pages(&folder.path().join("store.db")), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_page_that_was_overwritten_is_found_and_its_table_named() {
        let folder = store_of(100);
        let path = folder.path().join("store.db");
        let mut file = fs::read(&path).unwrap();
        let middle = file.len() / 2;
        file[middle..middle + 8_192].fill(0xAA);
        fs::write(&path, file).unwrap();
        let found = outcome(&folder);
        assert!(
            matches!(&found, Inspected::Damaged { cause } if cause.starts_with("records: ")),
            "{found:?}"
        );
        assert!(!check_pages(&path).unwrap().is_empty());
    }

    #[test]
    fn one_that_is_dropped_ends() {
        let folder = store_of(2_000);
        drop(Inspection::start(&folder.path().join("store.db")).unwrap());
    }
}
