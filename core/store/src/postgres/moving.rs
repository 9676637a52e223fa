//! Moves a store from a file to a database: `countersign migrate --from`.
//!
//! The file is locked meanwhile, so that no server runs on it. Rows are copied in the order of their keys, some thousand in each
//! transaction: when it was interrupted, what stands in the database says where it goes on. Until every row was found to be the
//! same on both sides, and books and facts to be right, the schema has a mark that no server starts with.

use std::path::Path;

use countersign_domain::{hex, keys::KeyRing, record::StoreError};
use ring::digest::{Context, SHA256};
use rusqlite::{Connection, params_from_iter, types::Value};
use thiserror::Error;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use super::{
    connection::Client,
    database::Database,
    error::{DatabaseError, told},
    query::get,
    schema::{self, Copied},
    snapshot::Snapshot,
    write::PUT_END,
};
use crate::{
    books::{Difference, Findings},
    chain::{self, ChainFindings},
    error::{OpenError, unavailable},
    schema as file_schema,
};

/// Rows of one transaction.
const ROWS: usize = 2_000;

/// A table of both, with the columns of its key first.
struct Table {
    name: &'static str,
    keys: usize,
    columns: &'static [(&'static str, Type)],
}

/// What others refer to comes first.
const TABLES: [Table; 5] = [
    Table {
        name: "facts",
        keys: 1,
        columns: &[
            ("sequence", Type::INT8),
            ("collection", Type::TEXT),
            ("id", Type::TEXT),
            ("at", Type::INT8),
            ("body", Type::TEXT),
            ("digest", Type::BYTEA),
        ],
    },
    Table {
        name: "postings",
        keys: 1,
        columns: &[
            ("sequence", Type::INT8),
            ("id", Type::TEXT),
            ("debit", Type::TEXT),
            ("credit", Type::TEXT),
            ("currency", Type::TEXT),
            ("amount_minor", Type::INT8),
            ("floor_minor", Type::INT8),
            ("at", Type::INT8),
        ],
    },
    Table {
        name: "entries",
        keys: 3,
        columns: &[
            ("account", Type::TEXT),
            ("currency", Type::TEXT),
            ("sequence", Type::INT8),
            ("debit_minor", Type::INT8),
            ("credit_minor", Type::INT8),
            ("latest_at", Type::INT8),
        ],
    },
    Table {
        name: "records",
        keys: 2,
        columns: &[
            ("collection", Type::TEXT),
            ("id", Type::TEXT),
            ("version", Type::INT8),
            ("due_at", Type::INT8),
            ("final_at", Type::INT8),
            ("body", Type::TEXT),
        ],
    },
    Table {
        name: "counters",
        keys: 1,
        columns: &[("subject", Type::TEXT), ("until", Type::INT8), ("windows", Type::TEXT)],
    },
];

/// Why a store was not moved. What was copied so far stays, and the same command goes on from there.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum MoveError {
    /// The file cannot be used.
    #[error(transparent)]
    From(#[from] OpenError),
    /// Something else has the file open.
    #[error("a server is running on {path}, or something else has it open: stop that first")]
    Running {
        /// Which file.
        path: String,
    },
    /// The database cannot be used.
    #[error(transparent)]
    To(#[from] DatabaseError),
    /// The database has a store of its own.
    #[error("{database} has a store already: move to an empty database, or another schema")]
    NotEmpty {
        /// Which database.
        database: String,
    },
    /// The database has part of another store, or of this one as it was before.
    #[error(
        "{database} has part of another store, or this one was changed since: remove that part with \
         DROP SCHEMA \"{schema}\" CASCADE, and begin again"
    )]
    OtherCopy {
        /// Which database.
        database: String,
        /// The schema of the store in it.
        schema: String,
    },
    /// One of the two cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy is not the store: some of it was changed between two tries.
    #[error(
        "{table} differ: {from} rows in the file, {to} in the database, and they are not the same: remove the copy with \
         DROP SCHEMA \"{schema}\" CASCADE, and begin again"
    )]
    Differs {
        /// The schema of the store in the database.
        schema: String,
        /// Which table.
        table: &'static str,
        /// Rows in the file.
        from: u64,
        /// Rows in the database.
        to: u64,
    },
    /// The file was wrong before.
    #[error(
        "{what} of the file are wrong: look with `countersign check`; the copy was not made a store"
    )]
    Wrong {
        /// Books or facts.
        what: &'static str,
    },
}

/// How far it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moving {
    /// What is copied.
    pub table: &'static str,
    /// Rows that are there, with those of an earlier try.
    pub there: u64,
    /// Rows that there will be.
    pub of: u64,
}

/// What was moved, and found to be the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Moved {
    /// Rows that were there from an earlier try.
    pub before: u64,
    /// Rows that were copied now.
    pub copied: u64,
    /// Records of each collection.
    pub records: Vec<(String, u64)>,
    /// What was found in the books.
    pub books: Findings,
    /// What was found in the facts.
    pub facts: ChainFindings,
}

/// Moves the store in that file to a database that is empty, or has part of the same store from an earlier try. The file keeps
/// its rows, and at the end a mark that no server starts with. `told` hears how far it is.
///
/// # Errors
/// See [`MoveError`].
pub async fn move_store(
    from: &Path,
    to: &Database,
    keys: &KeyRing,
    mut told: impl FnMut(Moving) + Send,
) -> Result<Moved, MoveError> {
    let source = Source::lock(from, to)?;
    chain::proven(&source.connection, keys)?;
    let client = to.connect().await?;
    match schema::begin_copy(&client, to, &source.identity()?).await? {
        Copied::FromThis => {}
        Copied::FromAnother => {
            let (database, schema) = (to.name().to_owned(), to.schema().to_owned());
            return Err(MoveError::OtherCopy { database, schema });
        }
        Copied::IsStore => return Err(MoveError::NotEmpty { database: to.name().to_owned() }),
    }
    let (mut before, mut copied) = (0_u64, 0_u64);
    for table in &TABLES {
        let there = table.count_there(&client).await?;
        let mut moving = Moving { table: table.name, there, of: source.count(table)? };
        before = before.saturating_add(there);
        told(moving);
        let mut last = table.last_there(&client).await?;
        loop {
            let rows = source.page(table, &last)?;
            let Some(end) = rows.last() else { break };
            last = end.iter().take(table.keys).cloned().collect();
            let written = table.write(&client, &rows).await?;
            (copied, moving.there) =
                (copied.saturating_add(written), moving.there.saturating_add(written));
            told(moving);
        }
    }
    put_end(&client, &source).await?;
    let mut snapshot = Snapshot::on(client).await?;
    let mut moved = prove(&mut snapshot, &source, to, keys).await?;
    (moved.before, moved.copied) = (before, copied);
    // The file first: when this is interrupted no server starts on either, and the next try ends it.
    file_schema::mark_moved(&source.connection, to.name()).map_err(unavailable)?;
    schema::end_copy(&snapshot.end().await?, to).await?;
    Ok(moved)
}

/// The end of the chain with its seal, to the letter: the keys stay the same.
async fn put_end(client: &Client, source: &Source) -> Result<(), StoreError> {
    let kept = chain::read(&source.connection)?;
    let digest = kept.end.digest.as_slice();
    let (key, seal) = kept.seal.as_ref().map(|(key, seal)| (key.as_str(), seal.as_slice())).unzip();
    let put = client.execute(PUT_END, &[&kept.end.sequence, &digest, &key, &seal]).await;
    put.map(drop).map_err(|error| unavailable(told(&error)))
}

/// That every row is the same on both sides, and that what they say is right.
async fn prove(
    snapshot: &mut Snapshot,
    source: &Source,
    database: &Database,
    keys: &KeyRing,
) -> Result<Moved, MoveError> {
    for table in &TABLES {
        let mut there = Rows::default();
        let query = format!(
            "SELECT {} FROM countersign.{} ORDER BY {}",
            table.columns(),
            table.name,
            table.keys()
        );
        snapshot.each(&query, |row| table.read(row).map(|row| there.add(&row))).await?;
        let here = source.rows(table)?;
        let ((from, digest), (to, other)) = (here.end(), there.end());
        if (from, digest) != (to, other) {
            let schema = database.schema().to_owned();
            return Err(MoveError::Differs { schema, table: table.name, from, to });
        }
    }
    let mut wrong = 0_u64;
    let differs = |_: Difference| wrong = wrong.saturating_add(1);
    let books = snapshot.check_books(differs).await?;
    if wrong > 0 || !books.are_even() {
        return Err(MoveError::Wrong { what: "the books" });
    }
    let facts = snapshot.check_facts(keys).await?;
    if facts.broken.is_some() {
        return Err(MoveError::Wrong { what: "the facts" });
    }
    let mut records = Vec::new();
    let counts = "SELECT collection, count(*) FROM countersign.records GROUP BY collection ORDER BY collection";
    snapshot
        .each(counts, |row| {
            records.push((get(row, 0)?, u64::try_from(get::<i64>(row, 1)?).unwrap_or_default()));
            Ok(())
        })
        .await?;
    Ok(Moved { before: 0, copied: 0, records, books, facts })
}

/// The file, locked: nobody else can even read it.
struct Source {
    connection: Connection,
}

impl Source {
    /// Of a store that was not moved to another database before.
    fn lock(path: &Path, to: &Database) -> Result<Self, MoveError> {
        let connection = file_schema::open_alone(path)?;
        let running = || MoveError::Running { path: path.display().to_string() };
        let connection = connection.ok_or_else(running)?;
        match file_schema::moved_to(&connection, path)? {
            Some(database) if database != to.name() => {
                Err(OpenError::Moved { path: path.to_owned(), database }.into())
            }
            Some(_) | None => Ok(Self { connection }),
        }
    }

    /// Another after every commit, nearly: what does not show here is found at the end.
    fn identity(&self) -> Result<String, StoreError> {
        let kept = chain::read(&self.connection)?;
        let mut context = Context::new(&SHA256);
        context.update(&kept.end.octets());
        for table in &TABLES {
            context.update(&self.count(table)?.to_be_bytes());
        }
        Ok(hex::encode(context.finish().as_ref()))
    }

    fn count(&self, table: &Table) -> Result<u64, StoreError> {
        let count = format!("SELECT count(*) FROM {}", table.name);
        let count = self.connection.query_row(&count, [], |row| row.get::<_, i64>(0));
        Ok(u64::try_from(count.map_err(unavailable)?).unwrap_or_default())
    }

    /// The rows whose keys come after that one; the first ones after none.
    fn page(&self, table: &Table, last: &[Value]) -> Result<Vec<Vec<Value>>, StoreError> {
        let after = match last {
            [] => String::new(),
            _ => format!("WHERE ({}) > ({})", table.keys(), vec!["?"; last.len()].join(", ")),
        };
        let query = format!(
            "SELECT {} FROM {} {after} ORDER BY {} LIMIT {ROWS}",
            table.columns(),
            table.name,
            table.keys()
        );
        let read = || {
            let mut statement = self.connection.prepare_cached(&query)?;
            let rows = statement.query_map(params_from_iter(last), |row| values(table, row))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(unavailable)
    }

    fn rows(&self, table: &Table) -> Result<Rows, StoreError> {
        let query =
            format!("SELECT {} FROM {} ORDER BY {}", table.columns(), table.name, table.keys());
        let read = || {
            let mut all = Rows::default();
            let mut statement = self.connection.prepare(&query)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                all.add(&values(table, row)?);
            }
            Ok::<_, rusqlite::Error>(all)
        };
        read().map_err(unavailable)
    }
}

fn values(table: &Table, row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<Value>> {
    (0..table.columns.len()).map(|column| row.get(column)).collect()
}

/// Rows in their order, as a count and a digest.
struct Rows {
    count: u64,
    digest: Context,
}

impl Default for Rows {
    fn default() -> Self {
        Self { count: 0, digest: Context::new(&SHA256) }
    }
}

impl Rows {
    fn add(&mut self, row: &[Value]) {
        self.count = self.count.saturating_add(1);
        for value in row {
            // Each with its kind and its length before it, so that no two rows have the same octets.
            let number;
            let (kind, octets): (u8, &[u8]) = match value {
                Value::Null => (0, &[]),
                Value::Integer(value) => {
                    number = value.to_be_bytes();
                    (1, &number)
                }
                Value::Real(value) => {
                    number = value.to_be_bytes();
                    (2, &number)
                }
                Value::Text(text) => (3, text.as_bytes()),
                Value::Blob(octets) => (4, octets),
            };
            self.digest.update(&[kind]);
            self.digest.update(&octets.len().to_be_bytes());
            self.digest.update(octets);
        }
    }

    fn end(self) -> (u64, Vec<u8>) {
        (self.count, self.digest.finish().as_ref().to_vec())
    }
}

impl Table {
    fn columns(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    fn keys(&self) -> String {
        let keys = self.columns.iter().take(self.keys);
        keys.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// A row of the database, as the file would have it.
    fn read(&self, row: &Row) -> Result<Vec<Value>, StoreError> {
        let column = |(number, (_, kind)): (usize, &(&str, Type))| {
            Ok(match *kind {
                Type::INT8 => get::<Option<i64>>(row, number)?.map_or(Value::Null, Value::Integer),
                Type::BYTEA => Value::Blob(get(row, number)?),
                _ => Value::Text(get(row, number)?),
            })
        };
        self.columns.iter().enumerate().take(row.len()).map(column).collect()
    }

    async fn count_there(&self, client: &Client) -> Result<u64, StoreError> {
        let count = format!("SELECT count(*) FROM countersign.{}", self.name);
        let count = client.query_one(&count, &[]).await;
        let count: i64 = get(&count.map_err(|error| unavailable(told(&error)))?, 0)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// The last key that was copied, in the order of the file, which is that of octets on both sides.
    async fn last_there(&self, client: &Client) -> Result<Vec<Value>, StoreError> {
        let order = self.keys().replace(',', " DESC,");
        let last = format!(
            "SELECT {} FROM countersign.{} ORDER BY {order} DESC LIMIT 1",
            self.keys(),
            self.name
        );
        let row = client.query_opt(&last, &[]).await.map_err(|error| unavailable(told(&error)))?;
        row.map_or(Ok(Vec::new()), |row| self.read(&row))
    }

    /// All of these rows, or none.
    async fn write(&self, client: &Client, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        let (columns, name) = (self.columns(), self.name);
        let copy = format!("COPY countersign.{name} ({columns}) FROM STDIN (FORMAT binary)");
        let types: Vec<Type> = self.columns.iter().map(|(_, kind)| kind.clone()).collect();
        let write = async {
            let mut writer = std::pin::pin!(client.copy_in(&copy, &types).await?);
            for row in rows {
                let cells: Vec<Box<dyn ToSql + Sync + Send>> = row.iter().map(cell).collect();
                writer.as_mut().write_raw(cells).await?;
            }
            writer.finish().await
        };
        write.await.map_err(|error| unavailable(format_args!("{name}: {}", told(&error))))
    }
}

fn cell(value: &Value) -> Box<dyn ToSql + Sync + Send> {
    match value {
        Value::Null => Box::new(None::<i64>),
        Value::Integer(value) => Box::new(*value),
        Value::Real(value) => Box::new(*value),
        Value::Text(text) => Box::new(text.clone()),
        Value::Blob(octets) => Box::new(octets.clone()),
    }
}
