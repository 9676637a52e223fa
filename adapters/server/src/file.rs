//! Files that are read whole, and written whole or not at all.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

/// What a command at the terminal says when it fails.
pub(crate) type Failure = Box<dyn std::error::Error>;

pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unusable(path, &error))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| unusable(path, &error))
}

/// Writes a file whole or not at all: what is published may be read, and written by another process, at any time.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let put = || {
        let mut file = fs::File::create_new(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(folder)?.sync_all()
    };
    put().map_err(|error| {
        let _: Result<(), _> = fs::remove_file(&beside);
        unusable(path, &error)
    })
}

/// Writes a file that only its owner can read, and that is not there yet.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let put = || {
        let mut file = options.open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    put().map_err(|error| unusable(path, &error))
}

pub(crate) fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    format!("{}: {error}", path.display()).into()
}
