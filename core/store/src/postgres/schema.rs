//! Makes the schema, and finds out whether it is to the letter the one that this program makes, on a server that keeps what
//! it acknowledged.

use std::collections::BTreeMap;

use deadpool_postgres::Object;
use tokio_postgres::GenericClient;

use super::{
    database::Database,
    error::{DatabaseError, pool_told, told},
};
use crate::error::Alteration;

const SCHEMA: &str = include_str!("schema.sql");

/// The version of [`SCHEMA`], one more with every change of it.
const VERSION: u32 = 1;

/// Marks the schema as ours: its comment is this with the version behind it.
const MARK: &str = "Countersign store, version ";

/// Only one process makes the schema at a time. The number is "CSGN".
const LOCK: &str = "SELECT pg_advisory_xact_lock(1129531214)";

/// Whether there is a schema of our name, and its comment.
const FOUND: &str = "
    SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'countersign'";

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
    SELECT object, regexp_replace(coalesce(definition, ''), '\m(countersign|pg_temp(_[0-9]+)?)\.', '', 'g') FROM objects"#;

/// Where one of these is off, the server loses what it has acknowledged.
const DURABLE: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// Makes the schema of a new store; leaves one as it is that is there already. Gives whether it was made.
///
/// # Errors
/// See [`DatabaseError`].
pub async fn make_schema(database: &Database) -> Result<bool, DatabaseError> {
    let failed = |error| database.unusable(told(&error));
    let pool = database.pool(1)?;
    let mut client = pool.get().await.map_err(|error| database.unusable(pool_told(&error)))?;
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute(LOCK).await.map_err(failed)?;
    let is_new = match check_version(&*transaction, database).await {
        Err(DatabaseError::Empty { .. }) => true,
        other => other.map(|()| false)?,
    };
    if is_new {
        let make = format!(
            "CREATE SCHEMA countersign; COMMENT ON SCHEMA countersign IS '{MARK}{VERSION}'; {SCHEMA}"
        );
        transaction.batch_execute(&make).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)?;
    check(&mut client, database).await?;
    Ok(is_new)
}

/// Whether the database has a store that this program may use; nothing is written to it.
pub(super) async fn check(client: &mut Object, database: &Database) -> Result<(), DatabaseError> {
    check_version(&***client, database).await?;
    check_durability(client, database).await?;
    check_objects(client, database).await
}

async fn check_version(
    client: &impl GenericClient,
    database: &Database,
) -> Result<(), DatabaseError> {
    let name = || database.name().to_owned();
    let found = client.query_opt(FOUND, &[]).await;
    let row = found.map_err(|error| database.unusable(told(&error)))?;
    let comment: Option<String> = match &row {
        None => return Err(DatabaseError::Empty { database: name() }),
        Some(row) => row.try_get(0).map_err(|error| database.unusable(told(&error)))?,
    };
    match comment.as_deref().and_then(|comment| comment.strip_prefix(MARK)) {
        None => Err(DatabaseError::Foreign { database: name() }),
        Some(found) if found == VERSION.to_string() => Ok(()),
        Some(found) => Err(DatabaseError::OtherVersion {
            database: name(),
            found: found.to_owned(),
            known: VERSION,
        }),
    }
}

async fn check_durability(client: &Object, database: &Database) -> Result<(), DatabaseError> {
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
async fn check_objects(client: &mut Object, database: &Database) -> Result<(), DatabaseError> {
    let failed = |error| database.unusable(told(&error));
    let transaction = client.transaction().await.map_err(failed)?;
    // Nothing unqualified but what is PostgreSQL's own.
    transaction.batch_execute("SET LOCAL search_path = pg_catalog").await.map_err(failed)?;
    let found = objects(&*transaction, "'countersign'::regnamespace").await.map_err(failed)?;
    let fresh =
        SCHEMA.replace("countersign.", "pg_temp.").replace("CREATE TABLE", "CREATE TEMP TABLE");
    transaction.batch_execute(&fresh).await.map_err(failed)?;
    let ours = objects(&*transaction, "pg_my_temp_schema()").await.map_err(failed)?;
    transaction.rollback().await.map_err(failed)?;
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
    client: &impl GenericClient,
    schema: &str,
) -> Result<BTreeMap<String, String>, tokio_postgres::Error> {
    let query = OBJECTS.replace("$1", schema);
    let rows = client.query(&query, &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
