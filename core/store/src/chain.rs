//! The chain of the facts. Each one's digest is over the digest before it and everything in its row; the last digest is kept
//! apart, sealed with a key that is not in the file. Somebody who writes to the file without that key can change a fact, and
//! even the digests after it, but not the seal; and the next fact is chained to what was sealed, and not to what stands in the
//! table. What this cannot find is a whole older file in the place of a newer one: its seal was right once. For that, the log
//! has the end of the chain at each start.
//!
//! Only the end is sealed, and not every fact: a master secret can then be dropped as soon as the end was sealed with another.

use std::{
    path::{self, Path},
    sync::Arc,
};

use countersign_domain::{error::Error, hex, id::KeyId, keys::KeyRing, record::StoreError};
use ring::digest::{Context, SHA256};
use rusqlite::{Connection, TransactionBehavior};

use crate::{
    books::PROGRESS,
    error::{corrupt, unavailable},
    schema,
};

pub(crate) const READ: &str = "SELECT sequence, digest, key, seal FROM chain WHERE only_row = 1";
pub(crate) const PUT: &str = "
    UPDATE chain SET sequence = ?1, digest = ?2, key = ?3, seal = ?4 WHERE only_row = 1";
pub(crate) const LAST: &str = "SELECT coalesce(max(sequence), 0) FROM facts";
const FACTS: &str = "
    SELECT sequence, collection, id, at, body, digest FROM facts ORDER BY sequence";

/// Where the chain ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct End {
    /// Of the last fact.
    pub(crate) sequence: i64,
    /// Over it and all before it.
    pub(crate) digest: [u8; 32],
}

impl Default for End {
    fn default() -> Self {
        Self::START
    }
}

impl End {
    /// Before the first fact.
    pub(crate) const START: Self = Self { sequence: 0, digest: [0; 32] };

    /// The end after one more fact.
    pub(crate) fn then(self, collection: &[u8], id: &[u8], at: i64, body: &[u8]) -> Self {
        let sequence = self.sequence.saturating_add(1);
        let mut context = Context::new(&SHA256);
        context.update(&self.digest);
        context.update(&sequence.to_be_bytes());
        context.update(&at.to_be_bytes());
        for text in [collection, id, body] {
            // With its length before it, so that no two facts have the same octets.
            context.update(&text.len().to_be_bytes());
            context.update(text);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Self { sequence, digest }
    }

    /// What is sealed.
    pub(crate) fn octets(&self) -> Vec<u8> {
        [self.sequence.to_be_bytes().as_slice(), &self.digest].concat()
    }
}

/// The end as the store has it.
pub(crate) struct Kept {
    pub(crate) end: End,
    pub(crate) seal: Option<(KeyId, [u8; 32])>,
}

impl Kept {
    pub(crate) fn of(
        end: End,
        key: Option<String>,
        seal: Option<[u8; 32]>,
    ) -> Result<Self, StoreError> {
        let seal = match (key, seal) {
            (None, None) => None,
            (Some(key), Some(seal)) => {
                let key = KeyId::try_from(key).map_err(|_| broken("the seal names no key"))?;
                Some((key, seal))
            }
            _ => return Err(broken("the seal is not whole")),
        };
        Ok(Self { end, seal })
    }

    /// What is kept elsewhere tells later that no older store took the place of this one.
    pub(crate) fn tell(&self) {
        if self.end != End::START {
            let (sequence, digest) = (self.end.sequence, hex::encode(&self.end.digest));
            tracing::info!(sequence, digest, "the chain of facts ends here");
        }
    }
}

/// What extends the chain: with the keys that seal its end, or without any.
#[derive(Debug)]
pub(crate) struct Chain {
    keys: Option<Arc<KeyRing>>,
}

impl Chain {
    /// Without a key: it extends a chain only that nobody has sealed.
    pub(crate) const fn unsealed() -> Self {
        Self { keys: None }
    }

    pub(crate) const fn sealed(keys: Arc<KeyRing>) -> Self {
        Self { keys: Some(keys) }
    }

    /// Proves the end, and seals it with the current key: that of a new file for the first time, and that of any other in case
    /// the current key is another one by now.
    pub(crate) fn open(&self, connection: &mut Connection) -> Result<(), StoreError> {
        // Under the lock: another process may be appending.
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(unavailable)?;
        let kept = read(&transaction)?;
        let last: i64 = transaction.query_row(LAST, [], |row| row.get(0)).map_err(unavailable)?;
        if self.adopt(&kept, last)? {
            self.put(&transaction, kept.end)?;
            transaction.commit().map_err(unavailable)?;
        }
        kept.tell();
        Ok(())
    }

    /// Proves the end of a store that is opened, whose last fact has that number. Gives whether it must be sealed now.
    pub(crate) fn adopt(&self, kept: &Kept, last: i64) -> Result<bool, StoreError> {
        if last != kept.end.sequence {
            let chained = kept.end.sequence;
            return Err(broken(format!("there are facts up to {last}, and {chained} are chained")));
        }
        let Some(keys) = &self.keys else { return Ok(false) };
        match &kept.seal {
            None if kept.end != End::START => return Err(broken("the chain has no seal")),
            None => {}
            Some(_) => prove(keys, kept)?,
        }
        Ok(kept.seal.as_ref().is_none_or(|(key, _)| key != keys.current()))
    }

    /// The end to extend. It was sealed by a process like this one, or nobody has sealed it.
    pub(crate) fn end(&self, connection: &Connection) -> Result<End, StoreError> {
        self.extended(&read(connection)?)
    }

    /// That end, if this process may extend it.
    pub(crate) fn extended(&self, kept: &Kept) -> Result<End, StoreError> {
        match (&self.keys, &kept.seal) {
            (None, None) => {}
            (None, Some(_)) => {
                return Err(unavailable("its facts are sealed, and this process has no key"));
            }
            (Some(_), None) => return Err(broken("the chain has no seal")),
            (Some(keys), Some(_)) => prove(keys, kept)?,
        }
        Ok(kept.end)
    }

    /// The key that seals that end, and the seal; none without keys.
    pub(crate) fn seal(&self, end: End) -> Result<Option<(String, [u8; 32])>, StoreError> {
        let seal = self.keys.as_ref().map(|keys| keys.seal_facts(&end.octets())).transpose();
        let seal = seal.map_err(unavailable)?;
        Ok(seal.map(|(key, seal)| (key.as_str().to_owned(), seal)))
    }

    pub(crate) fn put(&self, connection: &Connection, end: End) -> Result<(), StoreError> {
        let (key, seal) = self.seal(end)?.unzip();
        let put = connection.prepare_cached(PUT).and_then(|mut put| {
            put.execute((
                end.sequence,
                end.digest.as_slice(),
                key,
                seal.as_ref().map(|seal| seal.as_slice()),
            ))
        });
        match put.map_err(unavailable)? {
            1 => Ok(()),
            _ => Err(broken("the end of the chain is missing")),
        }
    }
}

/// That the end was sealed with a key of that ring, if it was sealed at all.
pub(crate) fn proven(connection: &Connection, keys: &KeyRing) -> Result<(), StoreError> {
    let kept = read(connection)?;
    match kept.seal {
        Some(_) => prove(keys, &kept),
        None => Ok(()),
    }
}

pub(crate) fn read(connection: &Connection) -> Result<Kept, StoreError> {
    let row = connection.prepare_cached(READ).and_then(|mut read| {
        read.query_row([], |row| {
            let end = End { sequence: row.get(0)?, digest: row.get(1)? };
            Ok((end, row.get::<_, Option<String>>(2)?, row.get::<_, Option<[u8; 32]>>(3)?))
        })
    });
    let (end, key, seal) = match row {
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            return Err(broken("the end of the chain is missing"));
        }
        row => row.map_err(unavailable)?,
    };
    Kept::of(end, key, seal)
}

/// Whether a holder of the key sealed that end.
fn prove(keys: &KeyRing, kept: &Kept) -> Result<(), StoreError> {
    let Some((key, seal)) = &kept.seal else { return Err(broken("the chain has no seal")) };
    keys.verify_facts(key, &kept.end.octets(), seal).map_err(|error| match error {
        Error::UnknownKey(key) => {
            broken(format!("the end is sealed with key {key}, which is not configured"))
        }
        _ => broken("the end is not the one that was sealed"),
    })
}

/// Of what is wrong with the chain, only what that is: it is told where the chain is named.
pub(crate) fn cause_of(error: StoreError) -> String {
    match error {
        StoreError::Corrupt { cause, .. } => cause,
        StoreError::Conflict { .. }
        | StoreError::Overdrawn { .. }
        | StoreError::Exhausted { .. }
        | StoreError::Unavailable { .. } => error.to_string(),
    }
}

pub(crate) fn broken(cause: impl Into<String>) -> StoreError {
    corrupt("the chain of facts", cause)
}

/// The facts of a store as they were when it was opened; servers may be running.
#[derive(Debug)]
pub struct Facts {
    connection: Connection,
}

/// What was found in the facts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChainFindings {
    /// How many there are.
    pub facts: u64,
    /// The digest over all of them, in hexadecimal: whoever keeps it elsewhere can tell later that none of them has gone.
    pub digest: String,
    /// The key that sealed it; none where no process with a key has opened the store yet.
    pub key: Option<KeyId>,
    /// Where the chain breaks first, if it does.
    pub broken: Option<Break>,
}

/// Where a chain of facts breaks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Break {
    /// This fact is not what was committed there, or one before it is missing.
    Fact {
        /// Its place in the chain: 1 for the first fact.
        sequence: i64,
        /// What it is about: collection and id.
        about: String,
    },
    /// The facts and their digests agree, but the end is another than the one that was sealed.
    End {
        /// What is wrong with it.
        cause: String,
    },
}

impl Facts {
    /// Opens the facts of that store.
    ///
    /// # Errors
    /// When there is no store, its schema is not ours, or it cannot be read.
    pub fn open(store: &Path) -> Result<Self, StoreError> {
        let store = path::absolute(store).map_err(unavailable)?;
        let connection = schema::open_reader(&store).map_err(unavailable)?;
        // One snapshot for all that is asked.
        connection.execute_batch("BEGIN").map_err(unavailable)?;
        schema::has_schema(&connection, &store).map_err(unavailable)?;
        schema::check_schema(&connection, &store).map_err(unavailable)?;
        Ok(Self { connection })
    }

    /// Recomputes the chain from its first fact to its end, in the memory of one fact.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn check(&self, keys: &KeyRing) -> Result<ChainFindings, StoreError> {
        let recomputed = recomputed(&self.connection).map_err(unavailable)?;
        Ok(recomputed.beside(read(&self.connection), keys))
    }
}

fn recomputed(connection: &Connection) -> rusqlite::Result<Recomputed> {
    let mut statement = connection.prepare(FACTS)?;
    let mut rows = statement.query([])?;
    let mut recomputed = Recomputed::default();
    while let Some(row) = rows.next()? {
        recomputed.fact(&StoredFact {
            sequence: row.get(0)?,
            collection: row.get_ref(1)?.as_bytes()?,
            id: row.get_ref(2)?.as_bytes()?,
            at: row.get(3)?,
            body: row.get_ref(4)?.as_bytes()?,
            digest: row.get_ref(5)?.as_blob()?,
        });
    }
    Ok(recomputed)
}

/// A fact as it stands in the table.
pub(crate) struct StoredFact<'a> {
    pub(crate) sequence: i64,
    pub(crate) collection: &'a [u8],
    pub(crate) id: &'a [u8],
    pub(crate) at: i64,
    pub(crate) body: &'a [u8],
    pub(crate) digest: &'a [u8],
}

/// The chain by what stands in the table, whatever that is read from.
#[derive(Default)]
pub(crate) struct Recomputed {
    end: End,
    facts: u64,
    broken: Option<Break>,
}

impl Recomputed {
    /// The next fact in the order of sequences.
    pub(crate) fn fact(&mut self, fact: &StoredFact<'_>) {
        let StoredFact { sequence, collection, id, at, body, digest } = *fact;
        self.end = self.end.then(collection, id, at, body);
        self.facts = self.facts.saturating_add(1);
        if self.facts.is_multiple_of(PROGRESS) {
            tracing::info!(facts = self.facts, "checking the facts");
        }
        let fits = sequence == self.end.sequence && digest == self.end.digest;
        if !fits && self.broken.is_none() {
            let [collection, id] = [collection, id].map(String::from_utf8_lossy);
            self.broken = Some(Break::Fact { sequence, about: format!("{collection} {id}") });
        }
    }

    /// What is found beside the end as it is kept.
    pub(crate) fn beside(self, kept: Result<Kept, StoreError>, keys: &KeyRing) -> ChainFindings {
        let Self { end, facts, broken } = self;
        let (key, sealed) = match kept {
            Ok(kept) => {
                let sealed = match &kept.seal {
                    Some(_) => prove(keys, &kept),
                    None if kept.end == End::START => Ok(()),
                    None => Err(self::broken("the chain has no seal")),
                };
                let same = sealed.and_then(|()| match kept.end == end {
                    true => Ok(()),
                    false => Err(self::broken(format!("{} were sealed", kept.end.sequence))),
                });
                (kept.seal.map(|(key, _)| key), same)
            }
            Err(error) => (None, Err(error)),
        };
        let at_its_end = || sealed.err().map(|error| Break::End { cause: cause_of(error) });
        let digest = hex::encode(&end.digest);
        ChainFindings { facts, digest, key, broken: broken.or_else(at_its_end) }
    }
}
