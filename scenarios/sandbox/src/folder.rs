//! The folder of a sandbox, and the files in it.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::error::SandboxError;

/// The folder, made if it is not there.
pub(crate) fn empty_folder(folder: &Path) -> Result<PathBuf, SandboxError> {
    let failed = |error| SandboxError::file(folder, &error);
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(SandboxError::FolderInUse(folder.to_owned()));
    }
    folder.canonicalize().map_err(failed)
}

/// Writes a file that everybody may read.
pub(crate) fn write_public(path: &Path, text: &str) -> Result<(), SandboxError> {
    fs::write(path, text).map_err(|error| SandboxError::file(path, &error))
}

/// Writes a file that its owner alone may read.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), SandboxError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| SandboxError::file(path, &error))
}
