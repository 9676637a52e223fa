//! Files that are read whole, and written whole or not at all.

use std::{
    fs,
    io::{self, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use countersign_domain::{hex, randomness::Entropy as _};

use crate::system::SystemEntropy;

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
    Place::with_room_for(path, 0)?.fill(content)
}

/// Room for certificates with their chain, or for a message's receipt, in octets.
pub(crate) const ROOM: usize = 64 * 1024;

/// The place of a file that will be written once what cannot be undone is done: that it can be written is found out before.
pub(crate) struct Place {
    path: PathBuf,
    folder: PathBuf,
    beside: PathBuf,
    file: fs::File,
}

impl Place {
    /// Beside the file, on the same disk, with room for that many octets. It is given up when this is dropped.
    pub(crate) fn with_room_for(path: &Path, octets: usize) -> Result<Self, Failure> {
        Self::reserve(path, octets, &mut fs::OpenOptions::new())
    }

    /// The same, of a file that only its owner can read, and that must not be there yet.
    pub(crate) fn of_secret(path: &Path, octets: usize) -> Result<Self, Failure> {
        if path.exists() {
            return Err(format!("{} is there already", path.display()).into());
        }
        Self::reserve(path, octets, fs::OpenOptions::new().mode(0o600))
    }

    fn reserve(path: &Path, octets: usize, options: &mut fs::OpenOptions) -> Result<Self, Failure> {
        // What is no file cannot be replaced by one: /dev/stdout, or a folder.
        if path.exists() && !path.is_file() {
            return Err(unusable(path, &"is no file"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new(".")).to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Another name each time: what a process that was killed left behind stands in nobody's way.
        let mut random = [0; 8];
        SystemEntropy::default().fill(&mut random)?;
        let beside = folder.join(format!(".{name}.{}", hex::encode(&random)));
        let open = options.write(true).create_new(true).open(&beside);
        let file = open.map_err(|error| unusable(&beside, &error))?;
        let mut place = Self { path: path.to_owned(), folder, beside, file };
        place.make_room(octets).map_err(|error| unusable(path, &error))?;
        Ok(place)
    }

    fn make_room(&mut self, octets: usize) -> io::Result<()> {
        self.file.write_all(&vec![0; octets])?;
        self.file.sync_all()?;
        self.file.seek(io::SeekFrom::Start(0)).map(drop)
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn fill(mut self, content: &[u8]) -> Result<(), Failure> {
        self.put(content).map_err(|error| unusable(&self.path, &error))
    }

    fn put(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.file.set_len(u64::try_from(content.len()).map_err(io::Error::other)?)?;
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.path)?;
        fs::File::open(&self.folder)?.sync_all()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It is not there any more once the file is written.
        let _: Result<(), _> = fs::remove_file(&self.beside);
    }
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
