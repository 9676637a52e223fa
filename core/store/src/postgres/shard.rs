//! One store of several in a database: the PostgreSQL schema in which all of it stands, its chain and its lock with it. No
//! statement names a table of another schema: docs/decisions/0052.

use std::{borrow::Cow, fmt, sync::Arc};

use super::error::DatabaseError;

/// The usual name, by which every statement in this program names its tables.
const USUAL: &str = "countersign";

/// As PostgreSQL bounds a name.
const MAX_LENGTH: usize = 63;

/// PostgreSQL keeps these names for itself.
const RESERVED: &str = "pg_";

/// The schema of a store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Shard(Arc<str>);

impl Default for Shard {
    fn default() -> Self {
        Self(USUAL.into())
    }
}

/// As a statement has it: quoted, as a name such as `order` must be.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl Shard {
    /// Of small letters, digits and `_`: what PostgreSQL would fold or escape cannot be in one, so that the name in the
    /// configuration is the one that people type.
    pub(super) fn named(name: &str) -> Result<Self, DatabaseError> {
        let begins = |first: char| first.is_ascii_lowercase() || first == '_';
        let goes_on = |next: char| begins(next) || next.is_ascii_digit();
        let is_name = name.len() <= MAX_LENGTH
            && name.starts_with(begins)
            && name.chars().all(goes_on)
            && !name.starts_with(RESERVED);
        match is_name {
            true => Ok(Self(name.into())),
            false => Err(DatabaseError::SchemaName),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// The statement with the tables of this store in the place of the usual ones.
    pub(super) fn sql<'a>(&self, statement: &'a str) -> Cow<'a, str> {
        match &*self.0 {
            USUAL => Cow::Borrowed(statement),
            _ => Cow::Owned(statement.replace("countersign.", &format!("{self}."))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_named_as_people_type_it() {
        let longest = "a".repeat(63);
        for name in ["countersign", "acme", "_", "shard_7", "order", "user", &longest] {
            assert_eq!(Shard::named(name).unwrap().name(), name);
        }
        let too_long = "a".repeat(64);
        for name in [
            "", "7", "Acme", "a-b", "a b", "a.b", "a\"b", "a;b", "a'b", "\u{e9}", "pg_temp",
            "pg_x", "a\0", &too_long,
        ] {
            assert_eq!(Shard::named(name), Err(DatabaseError::SchemaName), "{name:?}");
        }
    }

    #[test]
    fn a_statement_names_the_tables_of_its_own_store() {
        let statement = "SELECT 1 FROM countersign.records r JOIN countersign.facts USING (id)";
        assert_eq!(Shard::default().sql(statement), statement);
        let other = Shard::named("order").unwrap().sql(statement);
        assert_eq!(other, "SELECT 1 FROM \"order\".records r JOIN \"order\".facts USING (id)");
    }
}
