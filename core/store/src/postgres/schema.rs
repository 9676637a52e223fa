//! Makes the schema, and finds out whether it is to the letter the one that this program makes, on a server that keeps what
//! it acknowledged.

use std::collections::BTreeMap;

use tokio_postgres::error::SqlState;

use super::{
    connection::Client,
    database::Database,
    error::{DatabaseError, told},
    transaction,
};
use crate::error::Alteration;

const SCHEMA: &str = include_str!("schema.sql");

/// The version of [`SCHEMA`], one more with every change of it.
const VERSION: u32 = 2;

/// Marks the schema as ours: its comment is this with the version behind it.
const MARK: &str = "Countersign store, version ";

/// Only one process makes the schema at a time. The number is "CSGN".
const LOCK: &str = "
    BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(1129531214)";

/// Only one process moves a store to a schema at a time.
const COPY_LOCK: &str = "SELECT pg_advisory_lock(1129531215, hashtext($1))";

const COPY_LIMITS: &str = "
    SET lock_timeout = '10s'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/// Whether there is a schema of our name, and its comment.
const FOUND: &str = "
    SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1";

/// Behind the version while a store is being moved to the database, with the identity of that store behind it.
const PARTIAL: &str = ", part of ";

/// Whether nobody has used a store yet: not even its chain was sealed.
const IS_UNUSED: &str = "
    SELECT (SELECT key IS NULL AND sequence = 0 FROM countersign.chain)
        AND NOT EXISTS (SELECT 1 FROM countersign.records) AND NOT EXISTS (SELECT 1 FROM countersign.facts)
        AND NOT EXISTS (SELECT 1 FROM countersign.postings) AND NOT EXISTS (SELECT 1 FROM countersign.entries)
        AND NOT EXISTS (SELECT 1 FROM countersign.counters)";

/// Everything that stands in a schema: what it is, and its definition without the name of the schema.
const OBJECTS: &str = r#"
    WITH tables AS (SELECT * FROM pg_class WHERE relnamespace = $1 AND relkind NOT IN ('i', 'I', 't')),
    objects (object, definition) AS (
        SELECT 'table ' || relname, concat_ws(' ', relkind, relrowsecurity, relforcerowsecurity, reloptions::text, (
            SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
                attgenerated, collname, pg_get_expr(adbin, adrelid)), ', ' ORDER BY attnum)
            FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
            LEFT JOIN pg_collation l ON l.oid = attcollation
            WHERE attrelid = tables.oid AND attnum > 0 AND NOT attisdropped))
        FROM tables
        UNION ALL SELECT 'constraint ' || conname, concat_ws(' ', conrelid::regclass, convalidated, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = $1
        UNION ALL SELECT 'index ' || c.relname, concat_ws(' ', indisvalid, pg_get_indexdef(indexrelid))
        FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE c.relnamespace = $1
        UNION ALL SELECT 'trigger ' || tgname, concat_ws(' ', tgenabled, pg_get_triggerdef(oid))
        FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM tables) AND NOT tgisinternal
        UNION ALL SELECT 'function ' || proname, pg_get_functiondef(oid)
        FROM pg_proc WHERE pronamespace = $1 AND prokind IN ('f', 'p', 'w')
        UNION ALL SELECT 'rule ' || rulename, pg_get_ruledef(oid)
        FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM tables) AND rulename <> '_RETURN'
        UNION ALL SELECT 'policy ' || polname, ''
        FROM pg_policy WHERE polrelid IN (SELECT oid FROM tables))
    SELECT object, regexp_replace(coalesce(definition, ''), '"?\m($2|pg_temp(_[0-9]+)?)\M"?\.', '', 'g') FROM objects"#;

/// Where one of these is off, the server loses what it has acknowledged.
const DURABLE: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// Makes the schema of a new store; leaves one as it is that is there already. Gives whether it was made.
///
/// # Errors
/// See [`DatabaseError`].
pub async fn make_schema(database: &Database) -> Result<bool, DatabaseError> {
    let client = database.connect().await?;
    let made = async {
        let is_new = match make_in(&client, database).await? {
            Made::New => true,
            Made::Before(found) => found.map(|()| false)?,
        };
        check(&client, database).await?;
        Ok(is_new)
    };
    database.in_time(made).await
}

/// What became of making a schema.
enum Made {
    New,
    /// There was one, and this is what is found of its version.
    Before(Result<(), DatabaseError>),
}

/// In a transaction that ends with the connection where it fails.
async fn make_in(client: &Client, database: &Database) -> Result<Made, DatabaseError> {
    let failed = |error| database.unusable(told(&error));
    client.batch_execute(LOCK).await.map_err(failed)?;
    let found = check_version(client, database).await;
    let is_new = matches!(found, Err(DatabaseError::Empty { .. }));
    if is_new {
        let shard = database.shard();
        let make = format!(
            "CREATE SCHEMA {shard}; COMMENT ON SCHEMA {shard} IS '{MARK}{VERSION}'; {SCHEMA}"
        );
        client.batch_execute(&make).await.map_err(failed)?;
    }
    client.batch_execute("COMMIT").await.map_err(failed)?;
    Ok(if is_new { Made::New } else { Made::Before(found) })
}

/// What stands in a database to which a store is to be moved.
pub(super) enum Copied {
    /// Part of that store, or nothing of it yet: it can go on.
    FromThis,
    /// Part of another one.
    FromAnother,
    /// A store that is in use.
    IsStore,
}

/// Marks the schema, which is made if it is not there, as that of a store that is being moved to it. As long as the connection
/// lives, no other can do the same.
pub(super) async fn begin_copy(
    client: &Client,
    database: &Database,
    identity: &str,
) -> Result<Copied, DatabaseError> {
    let failed = |error| database.unusable(told(&error));
    // The server's own limits are not meant for what copies everything.
    client.batch_execute(COPY_LIMITS).await.map_err(failed)?;
    let locked = client.rows(COPY_LOCK, &[&database.schema()]).await;
    locked.map_err(|error| match error.code() {
        Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            DatabaseError::Moving { database: database.name().to_owned() }
        }
        _ => failed(error),
    })?;
    match make_in(client, database).await? {
        Made::New | Made::Before(Ok(()) | Err(DatabaseError::Partial { .. })) => {}
        Made::Before(Err(error)) => return Err(error),
    }
    let copied = begin_copy_in(client, database, identity).await?;
    if let Copied::FromThis = copied {
        check_durability(client, database).await?;
        check_objects(client, database).await?;
    }
    Ok(copied)
}

/// Under the lock of every commit: no server begins to use the store between the look and the mark.
async fn begin_copy_in(
    client: &Client,
    database: &Database,
    identity: &str,
) -> Result<Copied, DatabaseError> {
    let failed = |error| database.unusable(told(&error));
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(failed)?;
    client.rows(transaction::LOCK, &[]).await.map_err(failed)?;
    let row = client.query_one(FOUND, &[&database.schema()]).await.map_err(failed)?;
    let found: String = row.try_get(0).map_err(failed)?;
    let copied = match found.split_once(PARTIAL) {
        Some((_, of)) if of == identity => Copied::FromThis,
        Some(_) => Copied::FromAnother,
        None => {
            let unused = client.query_one(IS_UNUSED, &[]).await.map_err(failed)?;
            match unused.try_get::<_, Option<bool>>(0).map_err(failed)? {
                Some(true) => Copied::FromThis,
                Some(false) | None => Copied::IsStore,
            }
        }
    };
    if let Copied::FromThis = copied {
        comment(client, database, &format!("{PARTIAL}{identity}")).await?;
    }
    client.batch_execute("COMMIT").await.map_err(failed)?;
    Ok(copied)
}

/// From now on it is a store.
pub(super) async fn end_copy(client: &Client, database: &Database) -> Result<(), DatabaseError> {
    comment(client, database, "").await
}

async fn comment(client: &Client, database: &Database, more: &str) -> Result<(), DatabaseError> {
    let comment = format!("COMMENT ON SCHEMA {} IS '{MARK}{VERSION}{more}'", database.shard());
    client.batch_execute(&comment).await.map_err(|error| database.unusable(told(&error)))
}

/// Whether a store in that database can be opened; nothing is written to it.
///
/// # Errors
/// See [`DatabaseError`].
pub async fn check_schema(database: &Database) -> Result<(), DatabaseError> {
    let client = database.connect().await?;
    database.in_time(check(&client, database)).await
}

/// Whether the database has a store that this program may use; nothing is written to it.
pub(super) async fn check(client: &Client, database: &Database) -> Result<(), DatabaseError> {
    check_version(client, database).await?;
    check_durability(client, database).await?;
    check_objects(client, database).await
}

pub(super) async fn check_version(
    client: &Client,
    database: &Database,
) -> Result<(), DatabaseError> {
    let name = || database.name().to_owned();
    let found = client.query_opt(FOUND, &[&database.schema()]).await;
    let row = found.map_err(|error| database.unusable(told(&error)))?;
    let comment: Option<String> = match &row {
        None => return Err(DatabaseError::Empty { database: name() }),
        Some(row) => row.try_get(0).map_err(|error| database.unusable(told(&error)))?,
    };
    match comment.as_deref().and_then(|comment| comment.strip_prefix(MARK)) {
        None => {
            let schema = database.schema().to_owned();
            Err(DatabaseError::Foreign { database: name(), schema })
        }
        Some(found) if found == VERSION.to_string() => Ok(()),
        Some(found) if found.contains(PARTIAL) => Err(DatabaseError::Partial { database: name() }),
        Some(found) => Err(DatabaseError::OtherVersion {
            database: name(),
            found: found.to_owned(),
            known: VERSION,
        }),
    }
}

async fn check_durability(client: &Client, database: &Database) -> Result<(), DatabaseError> {
    for setting in DURABLE {
        let row = client.query_one("SELECT current_setting($1)", &[&setting]).await;
        let value = row.and_then(|row| row.try_get::<_, String>(0));
        if value.map_err(|error| database.unusable(told(&error)))? == "off" {
            let database = database.name().to_owned();
            return Err(DatabaseError::NotDurable { database, setting });
        }
    }
    Ok(())
}

/// Compares with a fresh schema, which is made beside it among the temporary tables and is gone afterwards: so each version of
/// PostgreSQL tells both in the same words.
async fn check_objects(client: &Client, database: &Database) -> Result<(), DatabaseError> {
    let failed = |error| database.unusable(told(&error));
    // Nothing unqualified but what is PostgreSQL's own.
    let begin = "BEGIN; SET LOCAL search_path = pg_catalog";
    client.batch_execute(begin).await.map_err(failed)?;
    let of = format!("'{}'::regnamespace", database.shard());
    let found = objects(client, database, &of).await.map_err(failed)?;
    let fresh =
        SCHEMA.replace("countersign.", "pg_temp.").replace("CREATE TABLE", "CREATE TEMP TABLE");
    client.batch_execute(&fresh).await.map_err(failed)?;
    let ours = objects(client, database, "pg_my_temp_schema()").await.map_err(failed)?;
    client.batch_execute("ROLLBACK").await.map_err(failed)?;
    let missing = ours.iter().find_map(|(object, text)| match found.get(object) {
        None => Some((object, Alteration::Missing)),
        Some(other) if other != text => Some((object, Alteration::Changed)),
        Some(_) => None,
    });
    let foreign = || found.keys().find(|object| !ours.contains_key(*object));
    match missing.or_else(|| foreign().map(|object| (object, Alteration::Added))) {
        None => Ok(()),
        Some((object, how)) => Err(DatabaseError::Altered {
            database: database.name().to_owned(),
            object: object.clone(),
            how,
        }),
    }
}

async fn objects(
    client: &Client,
    database: &Database,
    schema: &str,
) -> Result<BTreeMap<String, String>, tokio_postgres::Error> {
    let query = OBJECTS.replace("$1", schema).replace("$2", database.schema());
    let rows = client.rows(&query, &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
