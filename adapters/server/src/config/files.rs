//! The files that a configuration names.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use zeroize::Zeroizing;

use crate::error::ConfigError;

/// The rights of those who are neither a file's owner nor in its group. The group may have some: a service manager hands out
/// secrets by it.
const OF_OTHERS: u32 = 0o007;

/// What paths of a configuration are relative to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(super) folder: PathBuf,
    /// Secrets that were read and that others can read, too.
    pub(super) exposed: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Files {
    /// A path as the configuration means it.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The text of a file that the configuration names.
    pub(crate) fn text(&self, path: &Path) -> Result<Zeroizing<String>, ConfigError> {
        let path = self.path(path);
        fs::read_to_string(&path).map(Zeroizing::new).map_err(|error| unreadable(&path, &error))
    }

    /// The text of a file that holds a secret; `key` is the configuration's key that names it.
    pub(crate) fn secret(
        &self,
        path: &Path,
        key: &'static str,
    ) -> Result<Zeroizing<String>, ConfigError> {
        self.look_at(path)?;
        let text = self.text(path)?;
        let digits = text.trim();
        if !digits.is_empty() && digits.bytes().all(|digit| digit == b'0') {
            return Err(ConfigError::unusable(key, "names a file of zeros, which is no secret"));
        }
        Ok(text)
    }

    /// The content of a file that the configuration names, PEM or DER.
    pub(crate) fn content(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        let path = self.path(path);
        fs::read(&path).map(Zeroizing::new).map_err(|error| unreadable(&path, &error))
    }

    /// The content of a file with a private key.
    pub(crate) fn key(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        self.look_at(path)?;
        self.content(path)
    }

    /// Notes a file that holds a secret and that others than its owner and group can read or change.
    pub(crate) fn look_at(&self, path: &Path) -> Result<(), ConfigError> {
        let path = self.path(path);
        let found = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        if found.permissions().mode() & OF_OTHERS != 0 {
            let mut exposed = self.exposed.lock().unwrap_or_else(PoisonError::into_inner);
            exposed.insert(path);
        }
        Ok(())
    }
}

pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    ConfigError::Unreadable { file: path.display().to_string(), cause: error.to_string() }
}
