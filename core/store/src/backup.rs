//! A copy of a store that is being written to.

use std::{
    fs,
    path::{self, Path},
};

use countersign_domain::record::StoreError;

use crate::{error::unavailable, schema};

/// Writes a copy of a whole store, as of now, to a file that must not exist yet. Servers may be running: their commits and
/// reads do not wait.
///
/// # Errors
/// [`StoreError::Unavailable`] when there is no store, or the copy exists or cannot be written.
pub fn backup(store: &Path, to: &Path) -> Result<(), StoreError> {
    let (store, to) = (path::absolute(store), path::absolute(to));
    let (store, to) = (store.map_err(unavailable)?, to.map_err(unavailable)?);
    let connection = schema::open_reader(&store).map_err(unavailable)?;
    schema::has_schema(&connection, &store).map_err(unavailable)?;
    let name = to.to_str().ok_or_else(|| unavailable("the name of the file is not UTF-8"))?;
    schema::create_private(&to).map_err(|error| unavailable(format_args!("{name}: {error}")))?;
    let written = connection.execute("VACUUM INTO ?1", [name]).map_err(unavailable);
    let synced = written
        .and_then(|_| fs::File::open(&to).and_then(|file| file.sync_all()).map_err(unavailable));
    if synced.is_err() {
        // Half a copy must not be mistaken for one. If it cannot be removed either, the error that began it counts.
        let _ = fs::remove_file(&to);
    }
    synced
}
