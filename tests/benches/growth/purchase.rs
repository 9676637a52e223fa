//! A whole purchase as the product leaves it in its store, and many more like it: each with ids, facts and postings of its own,
//! and all that becomes final is.

use countersign_domain::{
    event::Fact,
    hex,
    id::{RelyingPartyId, time_in_id},
    ports::Store,
    record::{Batch, Record, RecordKey, Version},
    register::{Account, Cut, Entry, Position, Posting, Span},
    retention::COLLECTIONS,
    time::Timestamp,
};
use countersign_web::idempotency;
use serde_json::Value;

/// The collections in which a purchase leaves a record.
pub(crate) fn collections() -> Vec<&'static str> {
    COLLECTIONS.into_iter().chain(["checkout", idempotency::COLLECTION]).collect()
}

/// Between two purchases: 200 a second.
const MILLIS_BETWEEN: u64 = 5;
/// Payers, each of whom buys again and again.
const PAYERS: u64 = 100_000;

/// What a purchase leaves.
pub(crate) struct Purchase {
    ids: Vec<String>,
    records: Vec<(&'static str, Text, Text)>,
    facts: Vec<(&'static str, Text, Text)>,
    postings: Vec<(Text, Posting)>,
}

impl Purchase {
    /// The only one in that store.
    pub(crate) async fn in_store(store: &dyn Store) -> Self {
        let (mut found, mut told) = (Vec::new(), Vec::new());
        for collection in collections() {
            let mut page = store.page(collection, "", 100).await.unwrap();
            assert!(!page.is_empty(), "a purchase leaves no {collection}");
            found.append(&mut page);
        }
        for Record { key, .. } in &found {
            let facts = store.facts(key).await.unwrap();
            told.extend(facts.iter().map(|fact| (key, serde_json::to_string(fact).unwrap())));
        }
        let ids: Vec<String> = found.iter().map(|record| record.key.id.clone()).collect();
        let text = |text: &str| Text::of(text, &ids);
        let records = found
            .iter()
            .map(|Record { key, body, .. }| (key.collection, text(&key.id), text(body)));
        let facts =
            told.iter().map(|(about, fact)| (about.collection, text(&about.id), text(fact)));
        let postings = posted(store, &found).await.into_iter();
        let postings = postings.map(|Entry { posting, .. }| (text(&posting.id), posting));
        Self {
            records: records.collect(),
            facts: facts.collect(),
            postings: postings.collect(),
            ids,
        }
    }

    /// That many more, as one batch, of which the first one has that number.
    pub(crate) fn more(&self, first: u64, count: u64, begin: Timestamp) -> Batch {
        let mut batch = Batch::default();
        for number in first..first + count {
            let at = Timestamp::from_unix_millis(begin.unix_millis() + number * MILLIS_BETWEEN);
            let ids: Vec<String> = (0_u64..)
                .zip(&self.ids)
                .map(|(nth, id)| another(id, at, number << 8 | nth))
                .collect();
            for (collection, id, body) in &self.records {
                batch.inserts.push(Record {
                    key: RecordKey { collection, id: id.with(&ids) },
                    version: Version::FIRST,
                    due_at: None,
                    final_at: Some(at),
                    body: body.with(&ids),
                });
            }
            for (collection, id, fact) in &self.facts {
                let fact: Fact = serde_json::from_str(&fact.with(&ids)).unwrap();
                batch
                    .facts
                    .push((RecordKey { collection, id: id.with(&ids) }, Fact { at, ..fact }));
            }
            for (id, posting) in &self.postings {
                let payer = format!("payer:client-{}", number * 77_773 % PAYERS);
                batch.postings.push(Posting {
                    id: id.with(&ids),
                    debit: Account::try_from(payer).unwrap(),
                    at,
                    ..posting.clone()
                });
            }
        }
        batch
    }
}

/// What was posted to the merchant.
async fn posted(store: &dyn Store, found: &[Record]) -> Vec<Entry> {
    let checkout = found.iter().find(|record| record.key.collection == "checkout").unwrap();
    let checkout: Value = serde_json::from_str(&checkout.body).unwrap();
    let merchant = checkout.get("relying_party").and_then(Value::as_str).unwrap();
    let merchant = Account::relying_party(&RelyingPartyId::try_from(merchant).unwrap());
    let span = Span { opens: Cut::After(Position::START), closes: Cut::After(Position::END) };
    let statement = store.statement(&merchant, "EUR".try_into().unwrap(), span, 100).await.unwrap();
    assert!(!statement.entries.is_empty(), "nothing was posted");
    statement.entries
}

/// An id like that one, of another time: those that are in order of time stay so, short ones of a network that counts are
/// longer, and others are anywhere.
fn another(id: &str, at: Timestamp, seed: u64) -> String {
    let digits = id.bytes().rev().take_while(u8::is_ascii_hexdigit).count();
    let mut made = id.split_at(id.len() - digits).0.to_owned();
    if digits < 16 {
        return format!("{made}{seed:016x}");
    }
    if made.ends_with('_') {
        made.push_str(&time_in_id(at));
    }
    let mut state = seed;
    while made.len() < id.len() {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        made.push_str(&hex::encode(&(mixed ^ (mixed >> 31)).to_be_bytes()));
    }
    made.truncate(id.len());
    made
}

/// A text in pieces: what is the same in each, or the id of that number.
struct Text(Vec<Piece>);

enum Piece {
    Same(String),
    Id(usize),
}

impl Text {
    fn of(text: &str, ids: &[String]) -> Self {
        let mut pieces = vec![Piece::Same(text.to_owned())];
        for (number, id) in ids.iter().enumerate() {
            let split = |piece| match piece {
                Piece::Id(_) => vec![piece],
                Piece::Same(text) => {
                    let mut parts = Vec::new();
                    for (nth, part) in text.split(id.as_str()).enumerate() {
                        parts.extend((nth > 0).then_some(Piece::Id(number)));
                        parts.push(Piece::Same(part.to_owned()));
                    }
                    parts
                }
            };
            pieces = pieces.into_iter().flat_map(split).collect();
        }
        Self(pieces)
    }

    fn with(&self, ids: &[String]) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Same(text) => text.clone(),
            Piece::Id(number) => ids.get(*number).cloned().unwrap_or_default(),
        };
        self.0.iter().map(piece).collect()
    }
}
