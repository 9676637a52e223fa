//! Which database, and how to reach it.

use std::{fmt, future::Future, net::IpAddr, time::Duration};

use countersign_domain::secret::Secret;
use rustls::RootCertStore;
use tokio::time::timeout;
use tokio_postgres::config::{Config, Host, SslMode, TargetSessionAttrs};

use super::{
    connection::{Client, Connections},
    error::{DatabaseError, pool_told},
    hosts::{ADDRESS_WITHIN, Hosts, USUAL_PORT, port_of},
    query::STATEMENT_LIMIT,
    shard::Shard,
    tls::Tls,
};

/// How long a store may take to be opened, or its schema to be made: with the wait for a commit of another process, and for
/// another that makes the same.
const OPENED_WITHIN: Duration = Duration::from_secs(30);

/// After which a server that says nothing is presumed gone.
const SILENT_FOR: Duration = Duration::from_secs(15);

/// A PostgreSQL database, by its connection URL. Its password is shown by nothing.
///
/// To another machine the connection is encrypted and the server's certificate is checked, unless the URL says
/// `sslmode=disable`. Of several hosts the one that can be written to is used.
#[derive(Clone)]
pub struct Database {
    config: Config,
    name: String,
    tls: Tls,
    connections: usize,
    shard: Shard,
}

/// How many connections a store has by default: one that writes, and the others read.
const CONNECTIONS: usize = 9;

impl Database {
    /// The database of that URL; the certificate of its server is to be from one of those authorities.
    ///
    /// # Errors
    /// [`DatabaseError::Url`] when it is no such URL.
    pub fn at(url: &Secret<String>, authorities: RootCertStore) -> Result<Self, DatabaseError> {
        // What libpq calls so is what is always done here.
        let url = url.expose().replace("sslmode=verify-full", "sslmode=require");
        let is_url = url.starts_with("postgresql://") || url.starts_with("postgres://");
        // The parser's own message may quote a password that was not percent-encoded.
        let config = url.parse::<Config>().ok().filter(|_| is_url);
        let mut config = config.ok_or(DatabaseError::Url)?;
        if !leads_somewhere(&config) {
            return Err(DatabaseError::Url);
        }
        if config.get_ssl_mode() == SslMode::Prefer {
            let mode = if stays_here(&config) { SslMode::Disable } else { SslMode::Require };
            config.ssl_mode(mode);
        }
        config
            .application_name("countersign")
            .connect_timeout(ADDRESS_WITHIN)
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(3))
            .keepalives_retries(3)
            .tcp_user_timeout(SILENT_FOR)
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let tls = Tls::trusting(authorities).map_err(|_| DatabaseError::Url)?;
        let (name, shard) = (name(&config), Shard::default());
        Ok(Self { name, config, tls, connections: CONNECTIONS, shard })
    }

    /// The URL without user, password and options; with the schema, if that is not the usual one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The PostgreSQL schema in which the store stands.
    pub fn schema(&self) -> &str {
        self.shard.name()
    }

    /// Whether the URL has a password in it.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// The same, with that password.
    #[must_use]
    pub fn with_password(mut self, password: &Secret<String>) -> Self {
        self.config.password(password.expose());
        self
    }

    /// The same, with at most so many connections for each store: one writes, and the others read.
    #[must_use]
    pub const fn with_connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// The same database, and another store in it: the one in the PostgreSQL schema of that name, in the place of `countersign`.
    ///
    /// # Errors
    /// [`DatabaseError::SchemaName`] when it is no name for one.
    pub fn with_schema(mut self, schema: &str) -> Result<Self, DatabaseError> {
        self.shard = Shard::named(schema)?;
        self.name = name(&self.config);
        if self.shard != Shard::default() {
            self.name.push_str(&format!(" (schema {schema})"));
        }
        Ok(self)
    }

    pub(super) const fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Those that read; one at least.
    pub(super) fn readers(&self) -> Result<Connections, DatabaseError> {
        self.connections(self.connections.saturating_sub(1).max(1), Some(STATEMENT_LIMIT))
    }

    /// The one that writes.
    pub(super) fn writer(&self) -> Result<Connections, DatabaseError> {
        self.connections(1, None)
    }

    fn connections(
        &self,
        most: usize,
        settings: Option<&'static str>,
    ) -> Result<Connections, DatabaseError> {
        let hosts = Hosts::of(self.config.clone(), self.tls.clone(), settings);
        let connections = Connections::of(hosts, hosts_of(&self.config), most, self.shard.clone());
        connections.map_err(|error| self.unusable(error))
    }

    /// A connection of its own.
    pub(super) async fn connect(&self) -> Result<Client, DatabaseError> {
        let connection = self.connections(1, None)?.get().await;
        connection.map_err(|error| self.unusable(pool_told(&error)))
    }

    /// What is asked of a server that may stand still.
    pub(super) async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        let silent = |_| self.unusable("the server does not answer in time");
        timeout(OPENED_WITHIN, asked).await.map_err(silent)?
    }

    pub(super) fn unusable(&self, cause: impl fmt::Display) -> DatabaseError {
        DatabaseError::Unusable { database: self.name.clone(), cause: cause.to_string() }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.name).finish()
    }
}

fn hosts_of(config: &Config) -> usize {
    config.get_hosts().len().max(config.get_hostaddrs().len())
}

/// Where there are names and addresses, and several ports, they belong together.
fn leads_somewhere(config: &Config) -> bool {
    let count = hosts_of(config);
    let is_one_each = |of_them: usize| of_them == count;
    let (names, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
    let ports = config.get_ports().len();
    count > 0
        && (names == 0 || is_one_each(names))
        && (addresses == 0 || is_one_each(addresses))
        && (ports <= 1 || is_one_each(ports))
}

/// Whether no octet leaves this machine.
fn stays_here(config: &Config) -> bool {
    let loopback = |host: &str| host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let here = |host: &Host| match host {
        Host::Tcp(host) => host == "localhost" || loopback(host),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(here),
        addresses => addresses.iter().all(IpAddr::is_loopback),
    }
}

fn name(config: &Config) -> String {
    let host = |host: &Host| match host {
        Host::Tcp(host) => host.clone(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.display().to_string(),
    };
    let mut hosts: Vec<String> = config.get_hosts().iter().map(host).collect();
    if hosts.is_empty() {
        hosts = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    }
    // Two servers on one host are two databases.
    for (place, host) in hosts.iter_mut().enumerate() {
        match port_of(config, place) {
            USUAL_PORT => {}
            port => host.push_str(&format!(":{port}")),
        }
    }
    let database = config.get_dbname().or_else(|| config.get_user()).unwrap_or_default();
    format!("postgresql://{}/{database}", hosts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<Database, DatabaseError> {
        Database::at(&Secret::new(url.to_owned()), RootCertStore::empty())
    }

    #[test]
    fn no_password_is_shown_whether_the_url_is_right_or_wrong() {
        for url in [
            "postgresql://shop:s3cret@db.example/store",
            "postgresql://shop:s3cret?x=1@db.example/store",
            "postgresql://shop@db.example/store?s3cret=1",
            "postgresql://db.example/store?password=s3cret",
            "host=db.example password=s3cret",
            "mysql://shop:s3cret@db.example/store",
            "postgresql://shop:s3cret@",
        ] {
            let shown = match at(url) {
                Ok(database) => format!("{database:?} {}", database.name()),
                Err(error) => format!("{error:?} {error}"),
            };
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }

    #[test]
    fn to_another_machine_it_is_encrypted_unless_the_url_says_otherwise() {
        for (url, mode) in [
            ("postgresql://db.example/store", SslMode::Require),
            ("postgresql://db.example/store?sslmode=prefer", SslMode::Require),
            ("postgresql://db.example/store?sslmode=verify-full", SslMode::Require),
            ("postgresql://db.example/store?sslmode=disable", SslMode::Disable),
            ("postgresql://localhost,db.example/store", SslMode::Require),
            ("postgresql://localhost/store?hostaddr=192.0.2.1", SslMode::Require),
            ("postgresql://localhost/store", SslMode::Disable),
            ("postgresql://127.0.0.1/store?sslmode=require", SslMode::Require),
            ("postgresql:///store?host=/run/postgresql", SslMode::Disable),
        ] {
            assert_eq!(at(url).unwrap().config.get_ssl_mode(), mode, "{url}");
        }
    }

    #[test]
    fn a_database_is_named_without_its_user_and_options() {
        let name = |url| at(url).unwrap().name().to_owned();
        assert_eq!(
            name("postgresql://u:p@a.example,b.example:5433/store?connect_timeout=1"),
            "postgresql://a.example,b.example:5433/store"
        );
        assert_eq!(
            name("postgresql:///store?host=/run/postgresql&user=u"),
            "postgresql:///run/postgresql/store"
        );
    }
}
