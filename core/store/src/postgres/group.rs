//! What becomes of a group of batches. It is decided here, from what was read of everything that they touch, and not in the
//! database: the whole group is then one read and one write, and a batch that conflicts is left out of the write.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
};

use countersign_domain::{
    event::Fact,
    record::{Batch, Count, Record, RecordKey, Removal, StoreError, Sweep, Version},
    register::{Account, Balance, Posting},
};

use crate::{
    chain::End,
    error::{corrupt, corrupt_json},
    stored::{Counter, Last, integer},
};

/// An account in one currency, by its name and the currency's code.
pub(super) type Side<'a> = (&'a str, &'a str);

/// Everything that a group touches, each once and in order: what must be read before it can be decided.
#[derive(Debug)]
pub(super) struct Touched<'a> {
    pub(super) records: Vec<&'a RecordKey>,
    pub(super) postings: Vec<&'a str>,
    pub(super) sides: Vec<Side<'a>>,
    pub(super) counters: Vec<&'a str>,
    pub(super) has_facts: bool,
}

impl<'a> Touched<'a> {
    pub(super) fn by(batches: &[&'a Batch]) -> Self {
        let (mut records, mut postings) = (BTreeSet::new(), BTreeSet::new());
        let (mut sides, mut counters) = (BTreeSet::new(), BTreeSet::new());
        for batch in batches {
            let written = batch.inserts.iter().chain(&batch.replacements).map(|record| &record.key);
            records.extend(written.chain(batch.removals.iter().map(|removal| &removal.key)));
            for Posting { id, debit, credit, amount, .. } in &batch.postings {
                let currency = amount.currency().code();
                sides.extend([(debit.as_str(), currency), (credit.as_str(), currency)]);
                postings.insert(id.as_str());
            }
            counters.extend(batch.counts.iter().map(|count| count.subject.as_str()));
        }
        Self {
            records: records.into_iter().filter(|key| can_be_kept(&key.id)).collect(),
            postings: postings.into_iter().filter(|id| can_be_kept(id)).collect(),
            sides: sides.into_iter().collect(),
            counters: counters.into_iter().filter(|subject| can_be_kept(subject)).collect(),
            has_facts: batches.iter().any(|batch| !batch.facts.is_empty()),
        }
    }
}

/// The text of PostgreSQL has no NUL.
pub(super) fn can_be_kept(text: &str) -> bool {
    !text.contains('\0')
}

/// What was read of all that a group touches.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// The versions of the records that there are.
    pub(super) versions: HashMap<&'a RecordKey, i64>,
    /// The postings that were made before.
    pub(super) posted: HashSet<String>,
    /// The number of the last posting of all.
    pub(super) last_posting: i64,
    /// The last entries of the accounts that have any.
    pub(super) lasts: HashMap<Side<'a>, Last>,
    /// The windows of what was counted before, as they are kept.
    pub(super) counters: HashMap<&'a str, String>,
    /// Where the chain of facts ends.
    pub(super) end: End,
}

/// A record as it is to be kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row<'a> {
    pub(super) version: i64,
    pub(super) due_at: Option<i64>,
    pub(super) final_at: Option<i64>,
    pub(super) body: &'a str,
}

#[derive(Debug)]
pub(super) struct FactRow<'a> {
    pub(super) about: &'a RecordKey,
    pub(super) at: i64,
    pub(super) body: String,
    pub(super) end: End,
}

#[derive(Debug)]
pub(super) struct PostingRow<'a> {
    pub(super) sequence: i64,
    pub(super) posting: &'a Posting,
    pub(super) amount_minor: i64,
    pub(super) at: i64,
}

#[derive(Debug)]
pub(super) struct EntryRow<'a> {
    pub(super) side: Side<'a>,
    pub(super) sequence: i64,
    pub(super) debit_minor: i64,
    pub(super) credit_minor: i64,
    pub(super) latest_at: i64,
}

/// What batches change: first of one batch, then of all that are made.
#[derive(Debug, Default)]
pub(super) struct Changes<'a> {
    /// Records as they will be; none where one will be gone.
    pub(super) records: HashMap<&'a RecordKey, Option<Row<'a>>>,
    /// What is removed of what is there then: a group writes before it sweeps.
    pub(super) sweeps: Vec<&'a Sweep>,
    pub(super) facts: Vec<FactRow<'a>>,
    pub(super) postings: Vec<PostingRow<'a>>,
    pub(super) entries: Vec<EntryRow<'a>>,
    pub(super) counters: HashMap<&'a str, Counter>,
    posted: HashSet<&'a str>,
    lasts: HashMap<Side<'a>, Last>,
}

/// A group while it is decided.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) found: Found<'a>,
    pub(super) changes: Changes<'a>,
}

impl<'a> Group<'a> {
    pub(super) fn of(found: Found<'a>) -> Self {
        Self { found, changes: Changes::default() }
    }

    /// Takes the batch into what will be written, or nothing of it. It sees those before it.
    pub(super) fn take(&mut self, batch: &'a Batch) -> Result<(), StoreError> {
        let more = self.decide(batch)?;
        let all = &mut self.changes;
        all.records.extend(more.records);
        all.sweeps.extend(more.sweeps);
        all.facts.extend(more.facts);
        all.postings.extend(more.postings);
        all.entries.extend(more.entries);
        all.counters.extend(more.counters);
        all.posted.extend(more.posted);
        all.lasts.extend(more.lasts);
        Ok(())
    }

    /// Where the chain of facts ends after all that was taken.
    pub(super) fn end(&self) -> End {
        self.changes.facts.last().map_or(self.found.end, |fact| fact.end)
    }

    /// The number of the last posting after all that was taken.
    fn last_posting(&self) -> i64 {
        self.changes.postings.last().map_or(self.found.last_posting, |posting| posting.sequence)
    }

    /// What the batch changes. Its parts are looked at in the order in which every store looks at them: the first that stands
    /// in the way is the one that is named.
    fn decide(&self, batch: &'a Batch) -> Result<Changes<'a>, StoreError> {
        let mut draft = Changes::default();
        for record in &batch.inserts {
            draft.not_named(&record.key)?;
            let row = row(record, Version::FIRST)?;
            self.put(&mut draft, &record.key, None, Some(row))?;
        }
        for record in &batch.replacements {
            draft.not_named(&record.key)?;
            let row = row(record, record.version)?;
            self.put(&mut draft, &record.key, Some(row.version.saturating_sub(1)), Some(row))?;
        }
        for Removal { key, version } in &batch.removals {
            draft.not_named(key)?;
            let version = integer(version.0, key, "version")?;
            self.put(&mut draft, key, Some(version), None)?;
        }
        draft.sweeps.extend(&batch.sweep);
        let mut end = self.end();
        for (about, fact) in &batch.facts {
            let fact = fact_row(about, fact, end)?;
            end = fact.end;
            draft.facts.push(fact);
        }
        for posting in &batch.postings {
            self.post(&mut draft, posting)?;
        }
        for count in &batch.counts {
            self.count(&mut draft, count)?;
        }
        Ok(draft)
    }

    /// A record that has to have that version before, or must not be there.
    fn put(
        &self,
        draft: &mut Changes<'a>,
        key: &'a RecordKey,
        before: Option<i64>,
        row: Option<Row<'a>>,
    ) -> Result<(), StoreError> {
        let now = match self.changes.records.get(key) {
            Some(row) => row.map(|row| row.version),
            None => self.found.versions.get(key).copied(),
        };
        if now != before {
            return Err(conflict(key));
        }
        draft.records.insert(key, row);
        Ok(())
    }

    fn post(&self, draft: &mut Changes<'a>, posting: &'a Posting) -> Result<(), StoreError> {
        let Posting { id, debit, credit, amount, floor_minor, at } = posting;
        kept_text(id, id, "id")?;
        let at = integer(at.unix_millis(), id, "at")?;
        let amount_minor = integer(amount.amount_minor(), id, "amount_minor")?;
        let before = self.found.posted.contains(id) || self.changes.posted.contains(id.as_str());
        if before || !draft.posted.insert(id) {
            return Err(conflict(id));
        }
        let last = draft.postings.last().map(|posting| posting.sequence);
        let sequence = last.unwrap_or_else(|| self.last_posting()).saturating_add(1);
        draft.postings.push(PostingRow { sequence, posting, amount_minor, at });
        let balance = self.enter(draft, posting, sequence, debit)?;
        if floor_minor.is_some_and(|floor| balance.net_minor() < i128::from(floor)) {
            return Err(StoreError::Overdrawn { account: debit.clone() });
        }
        if credit != debit {
            self.enter(draft, posting, sequence, credit)?;
        }
        Ok(())
    }

    /// Enters a posting in one of its accounts, whose balance it gives.
    fn enter(
        &self,
        draft: &mut Changes<'a>,
        posting: &'a Posting,
        sequence: i64,
        account: &'a Account,
    ) -> Result<Balance, StoreError> {
        let side = (account.as_str(), posting.amount.currency().code());
        let known = [&draft.lasts, &self.changes.lasts, &self.found.lasts];
        let before = known.into_iter().find_map(|lasts| lasts.get(&side));
        let before = before.copied().unwrap_or(Last::NONE);
        let balance = before
            .balance
            .after(posting, account)
            .ok_or_else(|| corrupt(account, "a sum of its postings is too large"))?;
        let latest_at = before.latest_at.max(posting.at);
        draft.entries.push(EntryRow {
            side,
            sequence,
            debit_minor: integer(balance.debit_minor, account, "debit_minor")?,
            credit_minor: integer(balance.credit_minor, account, "credit_minor")?,
            latest_at: integer(latest_at.unix_millis(), account, "at")?,
        });
        draft.lasts.insert(side, Last { sequence, balance, latest_at });
        Ok(balance)
    }

    fn count(&self, draft: &mut Changes<'a>, one: &'a Count) -> Result<(), StoreError> {
        let subject = one.subject.as_str();
        kept_text(subject, subject, "subject")?;
        let decided = [&draft.counters, &self.changes.counters];
        let decided = decided.into_iter().find_map(|counters| counters.get(subject));
        let kept = decided.map(|counter| &counter.windows);
        let kept = kept.or_else(|| self.found.counters.get(subject)).map(String::as_str);
        draft.counters.extend(Counter::of(kept, one)?.map(|counter| (subject, counter)));
        Ok(())
    }
}

impl Changes<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.sweeps.is_empty()
            && self.facts.is_empty()
            && self.postings.is_empty()
            && self.counters.is_empty()
    }

    /// A batch names each record once: a second naming conflicts with the first.
    fn not_named(&self, key: &RecordKey) -> Result<(), StoreError> {
        match self.records.contains_key(key) {
            true => Err(conflict(key)),
            false => Ok(()),
        }
    }
}

fn row(record: &Record, version: Version) -> Result<Row<'_>, StoreError> {
    let Record { key, due_at, final_at, body, .. } = record;
    kept_text(&key.id, key, "id")?;
    let version = integer(version.0, key, "version")?;
    let due_at = due_at.map(|at| integer(at.unix_millis(), key, "due_at")).transpose()?;
    let final_at = final_at.map(|at| integer(at.unix_millis(), key, "final_at")).transpose()?;
    Ok(Row { version, due_at, final_at, body: kept_text(body, key, "body")? })
}

fn fact_row<'a>(about: &'a RecordKey, fact: &Fact, end: End) -> Result<FactRow<'a>, StoreError> {
    kept_text(&about.id, about, "id")?;
    let at = integer(fact.at.unix_millis(), about, "at")?;
    let body = serde_json::to_string(fact).map_err(|error| corrupt_json(about, &error))?;
    let end = end.then(about.collection.as_bytes(), about.id.as_bytes(), at, body.as_bytes());
    Ok(FactRow { about, at, body, end })
}

fn kept_text<'a>(text: &'a str, key: impl fmt::Display, name: &str) -> Result<&'a str, StoreError> {
    match can_be_kept(text) {
        true => Ok(text),
        false => Err(corrupt(key, format!("{name} has a NUL"))),
    }
}

fn conflict(key: impl fmt::Display) -> StoreError {
    StoreError::Conflict { key: key.to_string() }
}
