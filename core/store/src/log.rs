//! The write-ahead log, which grows for as long as somebody reads what is in it: SQLite begins it anew only when nobody does.

use std::{ffi::OsString, fs, path::PathBuf, time::Duration};

use rusqlite::Connection;

use crate::schema::BUSY_TIMEOUT;

/// The octets that the log may take on the disk once it is written back, and from which on it is seen to that it is: some ten
/// times what SQLite lets it grow to by itself.
pub(crate) const LIMIT_OCTETS: u32 = 64 << 20;

/// How long commits wait for those who read, each time that the log has grown by its limit.
const PATIENCE: Duration = Duration::from_millis(50);

/// The log of a connection that writes.
pub(crate) struct Log {
    file: PathBuf,
    limit: u64,
    /// From which size on it is looked after.
    next: u64,
}

impl Log {
    pub(crate) fn of(connection: &Connection) -> Self {
        let limit = u64::from(LIMIT_OCTETS);
        let mut file = OsString::from(connection.path().unwrap_or_default());
        file.push("-wal");
        Self { file: file.into(), limit, next: limit }
    }

    fn octets(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |file| file.len())
    }

    /// After a commit: writes a long log back and begins it anew. Reads that are over soon are waited for, as with many of them
    /// there might never be a moment without one; of one that goes on, such as a copy that is made, the log tells.
    pub(crate) fn keep_short(&mut self, connection: &Connection) {
        let octets = self.octets();
        if octets <= self.limit {
            self.next = self.limit;
        }
        if octets <= self.next {
            return;
        }
        match begin_anew(connection) {
            Ok(true) => self.next = self.limit,
            Ok(false) => {
                tracing::warn!(octets, "the store's log grows: somebody reads the file for long");
                self.next = octets.saturating_add(self.limit);
            }
            Err(error) => {
                tracing::error!(octets, %error, "the store's log cannot be written back");
                self.next = octets.saturating_add(self.limit);
            }
        }
    }
}

/// False when somebody reads what is in the log.
fn begin_anew(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(PATIENCE)?;
    let is_busy =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(!is_busy?)
}
