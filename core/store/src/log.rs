//! The write-ahead log, which grows for as long as somebody reads what is in it: SQLite begins it anew only when nobody does.
//!
//! It is seen to that this happens: with many short reads, one after the other, there may never be a moment without one; and
//! what was removed from the file is still in the log. Of a read that goes on for long, such as a copy that is made, the log of
//! the server tells; one that is never over must not fill the disk.

use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use countersign_domain::record::StoreError;
use rusqlite::Connection;

use crate::{error::unavailable, schema::BUSY_TIMEOUT};

/// The octets that the log may take on the disk once it is written back, and from which on it is seen to that it is: sixteen
/// times the size at which SQLite begins to write it back.
pub(crate) const LIMIT_OCTETS: u32 = 64 << 20;

/// The octets from which on nothing is committed until the log is written back: more than is committed while an ordinary store
/// is copied, and less than a disk has free that a store may grow on.
const MAX_OCTETS: u64 = 1 << 30;

/// How long commits wait for those who read, each time that the log is to begin anew.
const PATIENCE: Duration = Duration::from_millis(50);

/// How often the log is begun anew to get rid of what was removed, at most, under load and while somebody reads for long: commits
/// wait each time. Under load there is a commit soon that does it.
const REMOVED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The log of a connection that writes.
pub(crate) struct Log {
    file: PathBuf,
    limit: u64,
    most: u64,
    octets: u64,
    /// From which size on it is to begin anew.
    next: u64,
    /// Whether something that was removed is in it; when it was last tried to begin the log anew, and whether in vain.
    removed: bool,
    tried: Option<Instant>,
    in_vain: bool,
    is_full: bool,
}

impl Log {
    pub(crate) fn of(connection: &Connection) -> Self {
        Self::up_to(u64::from(LIMIT_OCTETS), MAX_OCTETS, connection)
    }

    fn up_to(limit: u64, most: u64, connection: &Connection) -> Self {
        let mut file = OsString::from(connection.path().unwrap_or_default());
        file.push("-wal");
        let mut log = Self {
            file: file.into(),
            limit,
            most,
            octets: 0,
            next: limit,
            removed: false,
            tried: None,
            in_vain: false,
            is_full: false,
        };
        log.look();
        // An earlier process may have removed something while somebody read.
        log.removed = log.octets > 0;
        log
    }

    fn look(&mut self) {
        self.octets = fs::metadata(&self.file).map_or(0, |file| file.len());
        if self.octets <= self.limit {
            self.next = self.limit;
        }
    }

    /// Before a commit: whether there is room for it. A log that is full is tried to be written back each time, so that commits
    /// go on as soon as nobody reads.
    pub(crate) fn has_room(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if self.octets <= self.most {
            return Ok(());
        }
        let octets = self.octets;
        let failure = match self.begin_anew(connection) {
            Ok(true) => None,
            Ok(false) => Some(unavailable(format_args!(
                "the store's log has {octets} octets and is full, as somebody reads the file for long: end that copy, or that \
                 transaction in sqlite3"
            ))),
            Err(error) => Some(unavailable(error)),
        };
        match &failure {
            Some(failure) if !self.is_full => tracing::error!(%failure, "nothing is committed"),
            None if self.is_full => tracing::info!("the store's log has room again"),
            Some(_) | None => {}
        }
        self.is_full = failure.is_some();
        failure.map_or(Ok(()), Err)
    }

    /// After a commit, under load or not: writes a long log back, or one with something that was `removed`, and begins it anew.
    pub(crate) fn keep_short(&mut self, removed: bool, under_load: bool, connection: &Connection) {
        self.look();
        let is_long = self.octets > self.next;
        self.removed |= removed;
        let may_wait = under_load || self.in_vain;
        let is_to_go = self.removed
            && self.tried.is_none_or(|tried| !may_wait || tried.elapsed() > REMOVED_AGAIN_AFTER);
        if !is_long && !is_to_go {
            return;
        }
        self.tried = Some(Instant::now());
        let octets = self.octets;
        match self.begin_anew(connection) {
            Ok(true) => return,
            Ok(false) if is_long => {
                tracing::warn!(octets, "the store's log grows: somebody reads the file for long");
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!(octets, %error, "the store's log cannot be written back");
            }
        }
        if is_long {
            self.next = octets.saturating_add(self.limit);
        }
    }

    /// False when somebody reads what is in the log for longer than is waited.
    fn begin_anew(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        connection.busy_timeout(PATIENCE)?;
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        let is_busy = connection.query_row(truncate, [], |row| row.get::<_, bool>(0));
        connection.busy_timeout(BUSY_TIMEOUT)?;
        self.in_vain = true;
        let is_empty = !is_busy?;
        self.in_vain = !is_empty;
        if is_empty {
            self.removed = false;
            self.look();
        }
        Ok(is_empty)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        thread,
    };

    use countersign_domain::{
        record::{Batch, Record, RecordKey, Removal, Sweep, Version},
        time::Timestamp,
    };
    use tempfile::TempDir;

    use super::*;
    use crate::{chain::Chain, schema, writer::Writer};

    const LIMIT: u64 = 1 << 20;

    /// Octets of a record.
    const BODY: usize = 1 << 16;

    fn file(folder: &TempDir) -> PathBuf {
        folder.path().join("store.db")
    }

    fn log_octets(folder: &TempDir) -> u64 {
        fs::metadata(folder.path().join("store.db-wal")).unwrap().len()
    }

    /// A writer whose log may have so many octets.
    fn writer(folder: &TempDir, most: u64) -> Writer {
        let connection = schema::open_writer(&file(folder)).unwrap();
        let log = Log::up_to(LIMIT, most, &connection);
        Writer::start(connection, Chain::unsealed(), log).unwrap()
    }

    fn large(version: u64) -> Record {
        // SQLite writes no page that stays as it was.
        let body = if version.is_multiple_of(2) { "x" } else { "y" }.repeat(BODY);
        let key = RecordKey { collection: "note", id: "large".to_owned() };
        Record { key, version: Version(version), due_at: None, final_at: None, body }
    }

    async fn commit(writer: &Writer, version: u64) -> Result<(), StoreError> {
        let batch = match version {
            1 => Batch { inserts: vec![large(1)], ..Batch::default() },
            _ => Batch { replacements: vec![large(version)], ..Batch::default() },
        };
        writer.commit(batch).await
    }

    fn begin(path: &Path) -> Connection {
        let reader = schema::open_reader(path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM records").unwrap();
        reader
    }

    /// Reads, each short, and each begun before the one before it ends.
    fn read_without_a_pause(path: &Path, go_on: &AtomicBool) {
        let mut before = begin(path);
        while go_on.load(Ordering::Relaxed) {
            let next = begin(path);
            thread::sleep(PATIENCE / 25);
            drop(std::mem::replace(&mut before, next));
        }
    }

    #[tokio::test]
    async fn the_log_begins_anew_though_there_is_no_moment_without_a_short_read() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, u64::MAX);
        commit(&writer, 1).await.unwrap();
        let go_on = Arc::new(AtomicBool::new(true));
        let reading = thread::spawn({
            let (path, go_on) = (file(&folder), Arc::clone(&go_on));
            move || read_without_a_pause(&path, &go_on)
        });
        let (mut begun_anew, mut before, mut version) = (0, log_octets(&folder), 1);
        while begun_anew < 3 {
            version += 1;
            assert!(version < 1_500, "{before} octets, begun anew {begun_anew} times");
            commit(&writer, version).await.unwrap();
            let now = log_octets(&folder);
            begun_anew += u32::from(now < before);
            before = now;
        }
        go_on.store(false, Ordering::Relaxed);
        reading.join().unwrap();
    }

    #[tokio::test]
    async fn while_the_log_is_full_nothing_is_committed_and_afterwards_all_is() {
        const MOST: u64 = 2 * LIMIT;
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, MOST);
        commit(&writer, 1).await.unwrap();
        let reader = begin(&file(&folder));
        let mut version = 2;
        while commit(&writer, version).await.is_ok() {
            version += 1;
            assert!(log_octets(&folder) < MOST + LIMIT / 2);
        }
        let octets = log_octets(&folder);
        let cause = format!(
            "the store's log has {octets} octets and is full, as somebody reads the file for long: end that copy, or that \
             transaction in sqlite3"
        );
        let full = Err(StoreError::Unavailable { cause });
        for _ in 0..3 {
            assert_eq!(commit(&writer, version).await, full);
            assert_eq!(writer.commit(Batch::default()).await, full);
        }
        assert!(octets > MOST && log_octets(&folder) == octets);
        drop(reader);
        for version in version..version + 3 {
            assert_eq!(commit(&writer, version).await, Ok(()));
        }
        assert!(log_octets(&folder) < LIMIT);
    }

    /// Whether that stands in the file or in its log.
    fn is_kept(folder: &TempDir, text: &str) -> bool {
        ["store.db", "store.db-wal"].iter().any(|name| {
            let octets = fs::read(folder.path().join(name)).unwrap();
            octets.windows(text.len()).any(|part| part == text.as_bytes())
        })
    }

    /// As a sweep removes, one collection after the other, and then nothing more is committed.
    #[tokio::test]
    async fn what_is_removed_in_commits_one_after_the_other_is_gone_after_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, u64::MAX);
        commit(&writer, 1).await.unwrap();
        let numbers: Vec<_> = (0..8).map(|place| format!("+3361234567{place}")).collect();
        let key = |number: &String| RecordKey { collection: "note", id: number.clone() };
        for number in &numbers {
            let record = Record {
                key: key(number),
                body: number.clone(),
                version: Version::FIRST,
                ..large(1)
            };
            writer.commit(Batch { inserts: vec![record], ..Batch::default() }).await.unwrap();
        }
        for number in &numbers {
            let removal = Removal { key: key(number), version: Version::FIRST };
            writer.commit(Batch { removals: vec![removal], ..Batch::default() }).await.unwrap();
        }
        let end = Instant::now() + Duration::from_secs(60);
        while numbers.iter().any(|number| is_kept(&folder, number)) {
            assert!(Instant::now() < end, "something is kept");
            thread::sleep(PATIENCE / 10);
        }
    }

    #[tokio::test]
    async fn what_was_removed_is_neither_in_the_file_nor_in_its_log() {
        const NUMBER: &str = "+33612345678";
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, u64::MAX);
        commit(&writer, 1).await.unwrap();
        let removal = || {
            let key = RecordKey { collection: "note", id: "a".to_owned() };
            Batch { removals: vec![Removal { key, version: Version::FIRST }], ..Batch::default() }
        };
        let sweep = || {
            let (from, to) = (Timestamp::EPOCH, Timestamp::from_unix_millis(1));
            let sweep = Some(Sweep { collection: "note", from, to, at_most: 1 });
            Batch { sweep, ..Batch::default() }
        };
        for (is_read, gone) in
            [(false, removal()), (true, removal()), (false, sweep()), (true, sweep())]
        {
            let key = RecordKey { collection: "note", id: "a".to_owned() };
            let personal = Record {
                key,
                version: Version::FIRST,
                final_at: Some(Timestamp::from_unix_millis(1)),
                body: NUMBER.to_owned(),
                ..large(1)
            };
            writer.commit(Batch { inserts: vec![personal], ..Batch::default() }).await.unwrap();
            assert!(is_kept(&folder, NUMBER));
            let reader = is_read.then(|| begin(&file(&folder)));
            writer.commit(gone).await.unwrap();
            // With the answer to the next commit it is seen what was done after the one before.
            writer.commit(Batch::default()).await.unwrap();
            assert_eq!(is_kept(&folder, NUMBER), is_read);
            drop(reader);
            while is_kept(&folder, NUMBER) {
                writer.commit(Batch::default()).await.unwrap();
            }
        }
    }
}
