//! Where everything is kept: a file of ours or a database.

use std::{ops::RangeInclusive, path::PathBuf, sync::Arc};

use countersign_domain::{keys::KeyRing, ports::Store, secret::Secret};
use countersign_store::{Database, Inspection, PostgresStore, SqliteStore};
use rustls::RootCertStore;

use crate::{
    config::{Config, Files, StoreSection},
    error::{ConfigError, StartError},
    folder::AuthorityFolder,
    tls::trusted,
};

pub(crate) const URL: &str = "store.url";
const AUTHORITIES: &str = "store.authorities";
const PASSWORD: &str = "store.password_file";
const SCHEMA: &str = "store.schema";

/// One writes, and one reads at least.
const CONNECTIONS_ALLOWED: RangeInclusive<usize> = 2..=100;

/// A store that is open.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    /// The same where it is a database, whose connections are watched.
    pub(crate) database: Option<Arc<PostgresStore>>,
}

/// A store before it is opened.
#[derive(Debug)]
pub(crate) enum StorePlace {
    /// One SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Database(Box<Database>),
}

impl StorePlace {
    /// The configured one, if there is any: an authority that runs alone needs nothing beside its register.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, ConfigError> {
        match &config.store {
            Some(section) if section.path.is_some() == section.url.is_some() => {
                Err(ConfigError::unusable("store", "needs either a path or a url"))
            }
            Some(StoreSection { url: None, schema: Some(_), .. }) => {
                Err(ConfigError::unusable(SCHEMA, "is of a database: there is no store.url"))
            }
            Some(section) => match &section.url {
                Some(url) => database(section, url, &config.files).map(Some),
                None => Ok(store_file(config).map(Self::File)),
            },
            None => Ok(store_file(config).map(Self::File)),
        }
    }

    /// The database of that URL, with the password and the authorities of the configuration.
    pub(crate) fn at(config: &Config, url: &str) -> Result<Self, ConfigError> {
        match &config.store {
            Some(section) => database(section, url, &config.files),
            None => Err(ConfigError::unusable("store", "is not there")),
        }
    }

    /// Opens the store; a file is made when it is not there, a database's schema is not.
    pub(crate) async fn open(&self, keys: Arc<KeyRing>) -> Result<Opened, StartError> {
        let unusable = |error: &dyn std::fmt::Display| StartError::Store(error.to_string());
        match self {
            Self::File(path) => {
                let store = SqliteStore::open_sealed(path, keys);
                let store = Arc::new(store.map_err(|error| unusable(&error))?);
                Ok(Opened { store, database: None })
            }
            Self::Database(database) => {
                let store = PostgresStore::open(database, keys).await;
                let database = Arc::new(store.map_err(|error| unusable(&error))?);
                let store: Arc<dyn Store> = Arc::<PostgresStore>::clone(&database);
                Ok(Opened { store, database: Some(database) })
            }
        }
    }

    /// Begins to find out whether the store is whole, where it is a file.
    pub(crate) fn inspect(&self) -> Result<Option<Inspection>, StartError> {
        match self {
            Self::File(path) => {
                let begun = Inspection::start(path);
                begun.map(Some).map_err(|error| StartError::Store(error.to_string()))
            }
            Self::Database(_) => Ok(None),
        }
    }

    /// As [`StorePlace::open`], of a store that must be there.
    pub(crate) async fn open_existing(
        &self,
        keys: Arc<KeyRing>,
    ) -> Result<Arc<dyn Store>, StartError> {
        match self {
            Self::File(path) if !path.exists() => {
                Err(StartError::Store(format!("there is no {}", path.display())))
            }
            Self::File(_) | Self::Database(_) => Ok(self.open(keys).await?.store),
        }
    }
}

/// The file where everything is kept, unless that is a database: an authority that runs alone needs nothing beside its register.
pub(crate) fn store_file(config: &Config) -> Option<PathBuf> {
    let register =
        |folder: &PathBuf| AuthorityFolder::at(&config.files.path(folder)).register_file();
    let store = config.store.as_ref().and_then(|section| section.path.as_ref());
    if config.store.is_some() {
        return store.map(|path| config.files.path(path));
    }
    config.authority.as_ref().map(|authority| register(&authority.folder))
}

/// The folder of the authority whose register is kept beside the store.
pub(crate) fn register_beside(config: &Config) -> Option<AuthorityFolder> {
    let authority = config.authority.as_ref().filter(|_| config.store.is_some())?;
    Some(AuthorityFolder::at(&config.files.path(&authority.folder)))
}

/// Where the store of a command is.
pub(crate) fn existing_place(config: &Config) -> Result<StorePlace, StartError> {
    let none = || StartError::Store("the configuration names none".to_owned());
    StorePlace::of(config)?.ok_or_else(none)
}

/// The configured store, for a program that looks beside the servers at what they keep.
///
/// # Errors
/// When there is none, or it cannot be opened.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    existing(config).await.map(|(store, _)| store)
}

/// The store of a command, with the keys of the configuration.
pub(crate) async fn existing(
    config: &Config,
) -> Result<(Arc<dyn Store>, Arc<KeyRing>), StartError> {
    let place = existing_place(config)?;
    let keys = Arc::new(config.keys.ring(&config.files)?);
    Ok((place.open_existing(Arc::clone(&keys)).await?, keys))
}

fn database(section: &StoreSection, url: &str, files: &Files) -> Result<StorePlace, ConfigError> {
    let unusable = |error| ConfigError::unusable(URL, error);
    let authorities = section.authorities.as_deref();
    let authorities = match trusted(files, authorities, AUTHORITIES) {
        // A system without any trusts no server, and a connection that stays on the machine needs none.
        Err(_) if authorities.is_none() => RootCertStore::empty(),
        trusted => trusted?,
    };
    let database = Database::at(&Secret::new(url.to_owned()), authorities).map_err(unusable)?;
    if database.has_password() {
        return Err(ConfigError::unusable(
            URL,
            "has a password in it: it belongs into store.password_file",
        ));
    }
    let database = match section.connections {
        None => database,
        Some(connections) if CONNECTIONS_ALLOWED.contains(&connections) => {
            database.with_connections(connections)
        }
        Some(_) => {
            let (least, most) = (CONNECTIONS_ALLOWED.start(), CONNECTIONS_ALLOWED.end());
            let why = format!("must be {least} to {most}");
            return Err(ConfigError::unusable("store.connections", why));
        }
    };
    let database = match &section.schema {
        None => database,
        Some(schema) => {
            let named = database.with_schema(schema);
            named.map_err(|error| ConfigError::unusable(SCHEMA, error))?
        }
    };
    let Some(file) = &section.password_file else {
        return Ok(StorePlace::Database(Box::new(database)));
    };
    let text = files.secret(file, PASSWORD)?;
    let password = Secret::new(text.trim_end_matches(['\r', '\n']).to_owned());
    Ok(StorePlace::Database(Box::new(database.with_password(&password))))
}
