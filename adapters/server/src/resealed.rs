//! What each master secret still seals: `countersign check --keys`; and sealing it anew: `countersign reseal`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use countersign_domain::{
    directory,
    error::Error,
    id::KeyId,
    keys::KeyRing,
    ports::Ports,
    reseal::{self, Kind, Left, Resealed, Resealing, Tally},
};
use countersign_set::cardholder_server;
use serde_json::{Value, json};

use crate::{at_hand, config::Config, file::Failure};

/// Between two lines that say how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What was found or done, for people and for programs.
#[derive(Debug)]
pub struct KeysReport {
    /// Whether all that is sealed can be opened, and, after a resealing, is sealed under the current key.
    pub right: bool,
    /// Lines for people.
    pub text: String,
    /// The same for programs.
    pub json: Value,
}

/// All records that keep something sealed, whichever flows run.
fn kinds() -> Vec<Kind> {
    let mut kinds = vec![directory::sealed(), reseal::payments(), cardholder_server::sealed()];
    kinds.extend(countersign_wallet::sealed());
    kinds
}

/// Counts what each key seals in the configured store.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub async fn keys(config: &Config) -> Result<KeysReport, Failure> {
    let ports = at_hand::ports(config).await?;
    let tally = reseal::tally(&ports, &kinds()).await?;
    Ok(of_keys(&ports.keys, &tally))
}

/// Seals under the current key what in the configured store is sealed under another one; `told` hears how far it is.
///
/// # Errors
/// When there is no store, or it cannot be used: what was resealed stays so.
pub async fn reseal(config: &Config, told: impl FnMut(&str) + Send) -> Result<KeysReport, Failure> {
    let ports = at_hand::ports(config).await?;
    let older = older(&ports.keys, &reseal::tally(&ports, &kinds()).await?);
    let begun = Instant::now();
    let done = to_its_end(&ports, older, told).await?;
    Ok(of_resealing(ports.keys.current(), &done, begun.elapsed()))
}

async fn to_its_end(
    ports: &Ports,
    older: u64,
    mut told: impl FnMut(&str) + Send,
) -> Result<Resealed, Error> {
    let mut resealing = Resealing::new(ports.clone(), kinds());
    let (begun, mut last) = (Instant::now(), None::<Instant>);
    loop {
        let page = Instant::now();
        if !resealing.next_page().await? {
            return Ok(resealing.so_far().clone());
        }
        let so_far = resealing.so_far();
        if so_far.done > 0 && last.is_none_or(|last| last.elapsed() >= TELL_EVERY) {
            told(&progress(so_far.done, so_far.left, older, begun.elapsed()));
            last = Some(Instant::now());
        }
        // Servers that wait for the file have as much of it.
        tokio::time::sleep(page.elapsed()).await;
    }
}

fn older(keys: &KeyRing, tally: &Tally) -> u64 {
    let older = tally.iter().filter(|((key, _), _)| key != keys.current());
    older.map(|(_, count)| count).fold(0, |sum, count| sum.saturating_add(*count))
}

fn progress(done: u64, left: u64, older: u64, since: Duration) -> String {
    let to_do = older.saturating_sub(done).saturating_sub(left);
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(1);
    let a_second = done.saturating_mul(1000).checked_div(millis).unwrap_or(0).max(1);
    let seconds = to_do.checked_div(a_second).unwrap_or(0);
    format!("resealed {done} of {older}, {a_second} a second, {seconds} s to go")
}

fn of_resealing(current: &KeyId, done: &Resealed, took: Duration) -> KeysReport {
    let Resealed { done, left, named } = done;
    let line = |Left { record, cause }: &Left| format!("{record} is as it was: {cause}");
    let mut lines: Vec<String> = named.iter().map(line).collect();
    lines.push(format!("resealed {done} under key {current}; {left} could not be"));
    let kept = |Left { record, cause }: &Left| json!({ "collection": record.collection, "id": record.id, "cause": cause.to_string() });
    let json = json!({
        "right": *left == 0, "current": current.as_str(), "resealed": done, "left": left,
        "kept": named.iter().map(kept).collect::<Vec<_>>(), "seconds": took.as_secs(),
    });
    KeysReport { right: *left == 0, text: lines.join("\n"), json }
}

fn of_keys(keys: &KeyRing, tally: &Tally) -> KeysReport {
    let mut of_each: BTreeMap<&KeyId, BTreeMap<&str, u64>> =
        keys.ids().map(|key| (key, BTreeMap::new())).collect();
    for ((key, collection), count) in tally {
        of_each.entry(key).or_default().insert(collection, *count);
    }
    let known: BTreeSet<&KeyId> = keys.ids().collect();
    let (mut lines, mut told, mut right) = (Vec::new(), Vec::new(), true);
    for (key, seals) in of_each {
        let (is_current, is_known) = (key == keys.current(), known.contains(key));
        right &= is_known;
        let total = seals.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let each: Vec<_> =
            seals.iter().map(|(collection, count)| format!("{count} {collection}")).collect();
        let what = if each.is_empty() { "nothing".to_owned() } else { each.join(", ") };
        let then = match (is_known, is_current, total) {
            (false, _, _) => "; it is not configured: what it seals cannot be opened",
            (true, true, _) => " (current)",
            (true, false, 0) => "; it can be removed",
            (true, false, _) => "; it is needed until countersign reseal was run",
        };
        lines.push(format!("key {key} seals {what}{then}"));
        told.push(json!({
            "key": key.as_str(), "configured": is_known, "current": is_current, "seals": seals,
            "total": total, "removable": is_known && !is_current && total == 0,
        }));
    }
    let json = json!({ "right": right, "keys": told });
    KeysReport { right, text: lines.join("\n"), json }
}
