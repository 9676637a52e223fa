//! A PostgreSQL server for tests: one for each test program, which stops with it.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign_domain::secret::Secret;

use crate::{Database, make_schema};

/// Where Debian has the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The first version that the store is for.
const OLDEST: u32 = 15;

/// How often a port is tried that another program may take before the server does.
const PORTS: u32 = 5;

static CLUSTER: LazyLock<Result<Cluster, String>> = LazyLock::new(|| Cluster::start(None));

fn cluster() -> &'static Cluster {
    CLUSTER.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// Starts the program's own server, if it does not run yet.
///
/// # Errors
/// When PostgreSQL is not installed or does not start: what to do.
pub fn start() -> Result<(), String> {
    CLUSTER.as_ref().map(drop).map_err(Clone::clone)
}

struct Cluster {
    programs: PathBuf,
    folder: String,
    /// Holds the other end of the server's input.
    _server: Child,
}

/// An empty database of the program's own server: its URL.
///
/// # Panics
/// When PostgreSQL is not installed or does not start.
pub fn empty_database() -> String {
    static MADE: AtomicUsize = AtomicUsize::new(1);
    let name = format!("store_{}", MADE.fetch_add(1, Ordering::Relaxed));
    let url = |name| format!("postgresql:///{name}?host={}&user=countersign", cluster().folder);
    sql(&url("postgres"), &format!("CREATE DATABASE {name}"));
    url(&name)
}

/// A copy of the program's database of that URL, whose connections are ended: the copy's URL.
///
/// # Panics
/// When it cannot be made.
pub fn copy_of(url: &str) -> String {
    let (database, socket) = url.trim_start_matches("postgresql:///").split_once('?').unwrap();
    let (name, server) = (format!("{database}_copy"), format!("postgresql:///postgres?{socket}"));
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname";
    sql(&server, &format!("{end} = '{database}'"));
    sql(&server, &format!("CREATE DATABASE {name} TEMPLATE {database} STRATEGY file_copy"));
    format!("postgresql:///{name}?{socket}")
}

/// A database with the schema of a new store.
///
/// # Panics
/// As [`empty_database`].
pub async fn new_store() -> Database {
    database(&new_store_url().await)
}

/// As [`new_store`], its URL.
///
/// # Panics
/// As [`empty_database`].
pub async fn new_store_url() -> String {
    let url = empty_database();
    make_schema(&database(&url)).await.unwrap();
    url
}

/// A store in a schema of its own, and a role that has rights on nothing but that.
pub struct OwnSchema {
    /// The database, as that role.
    pub url: String,
    /// For `store.schema`.
    pub schema: String,
}

/// A new store in a schema of its own, beside all others that this made, in one database.
///
/// # Panics
/// As [`empty_database`].
pub async fn new_shard() -> OwnSchema {
    static MADE: AtomicUsize = AtomicUsize::new(1);
    static DATABASE: LazyLock<String> = LazyLock::new(empty_database);
    let name = format!("shard_{}", MADE.fetch_add(1, Ordering::Relaxed));
    let owned = database(&DATABASE).with_schema(&name).unwrap();
    make_schema(&owned).await.unwrap();
    let rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA";
    let role = format!(
        "CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA {name} TO {name}; GRANT {rights} {name} TO {name}"
    );
    sql(&DATABASE, &role);
    OwnSchema { url: DATABASE.replace("user=countersign", &format!("user={name}")), schema: name }
}

/// Where that program of the same PostgreSQL is, such as `pgbench`.
pub fn program(name: &str) -> PathBuf {
    cluster().programs.join(name)
}

/// The database of that URL.
///
/// # Panics
/// When it is none.
pub fn database(url: &str) -> Database {
    Database::at(&Secret::new(url.to_owned()), rustls::RootCertStore::empty()).unwrap()
}

/// A server of its own that encrypts, and stops with this.
pub struct Encrypted {
    cluster: Cluster,
    port: u16,
}

impl Encrypted {
    /// On a free port of this machine, with a certificate of `localhost`.
    ///
    /// # Panics
    /// As [`empty_database`].
    pub fn start() -> Self {
        let start = |_| {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            Cluster::start(Some(port)).map(|cluster| Self { cluster, port }).ok()
        };
        (0..PORTS).find_map(start).unwrap_or_else(|| panic!("PostgreSQL does not start: see above"))
    }

    /// Its own database over TCP, by that name of this machine.
    pub fn url(&self, host: &str) -> String {
        format!("postgresql://countersign@{host}:{}/postgres", self.port)
    }

    /// The same database past TCP.
    pub fn socket(&self) -> String {
        let (folder, port) = (&self.cluster.folder, self.port);
        format!("postgresql:///postgres?host={folder}&port={port}&user=countersign")
    }

    /// Stops all of its processes where they stand, until this is dropped: what it was sent is taken, and nothing is answered.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) -> Frozen {
        let file = PathBuf::from(&self.cluster.folder).join("data/postmaster.pid");
        let text = fs::read_to_string(file).unwrap();
        let server = text.lines().next().unwrap().to_owned();
        // First the one that starts others.
        signal("STOP", std::slice::from_ref(&server));
        let mut frozen = children(&server);
        signal("STOP", &frozen);
        frozen.push(server);
        Frozen(frozen)
    }

    /// The authority of its certificate, as PEM.
    pub fn root(&self) -> PathBuf {
        PathBuf::from(&self.cluster.folder).join("root.pem")
    }
}

/// A server that stands still.
pub struct Frozen(Vec<String>);

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("CONT", &self.0);
    }
}

fn signal(name: &str, processes: &[String]) {
    let mut kill = Command::new("kill");
    // One may have ended by itself.
    kill.arg(format!("-{name}")).args(processes).stderr(Stdio::null()).status().unwrap();
}

/// Processes whose parent is that one.
fn children(of: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let is_child = |process: &fs::DirEntry| {
        // Behind the name, which may have anything in it: the state, and then the parent.
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        let (_, behind) = stat.rsplit_once(") ")?;
        Some(behind.split(' ').nth(1)? == of)
    };
    let children = processes.filter(|process| is_child(process) == Some(true));
    children.filter_map(|process| process.file_name().into_string().ok()).collect()
}

/// Has the statements executed past the store, one after the other, and gives what they print.
///
/// # Panics
/// When one of them fails.
pub fn sql(url: &str, statements: &str) -> String {
    let psql = Command::new(cluster().programs.join("psql"))
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
        .args(["--command", statements, url])
        .output();
    let printed = psql.unwrap();
    assert!(printed.status.success(), "{statements}: {}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8(printed.stdout).unwrap().trim().to_owned()
}

impl Cluster {
    fn start(port: Option<u16>) -> Result<Self, String> {
        let programs = programs().ok_or_else(|| {
            format!("PostgreSQL {OLDEST} or later is missing: run tests/install.sh, or install the package postgresql")
        })?;
        let id = Command::new("id").arg("-u").output().unwrap();
        let mut command = match id.stdout.trim_ascii() {
            // The server refuses to run as root: it runs as the user that its package made.
            b"0" => {
                let mut as_postgres = Command::new("setpriv");
                as_postgres.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]);
                as_postgres
            }
            _ => Command::new("sh"),
        };
        let mut server = command
            .args(["-c", include_str!("cluster.sh"), "cluster.sh"])
            .arg(&programs)
            .args(port.map(|port| port.to_string()))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut folder = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut folder).unwrap();
        if folder.is_empty() {
            let _ = server.wait();
            return Err("PostgreSQL does not start: see above".to_owned());
        }
        Ok(Self { programs, folder: folder.trim().to_owned(), _server: server })
    }
}

/// The folder of the newest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?.filter_map(Result::ok).filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let programs = version.path().join("bin");
        (number >= OLDEST && programs.join("postgres").exists()).then_some((number, programs))
    });
    versions.max().map(|(_, programs)| programs)
}
