//! What one batch touches together, over all scenarios: what would have to stand under one key if the store were spread over
//! nodes (docs/decisions/0050). A new line is a new thing that must stand together; a line that has gone is one less.
#![expect(clippy::unwrap_used, reason = "a test's own steps fail the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Write as _},
    path::Path,
    sync::{Arc, Mutex},
};

use countersign_runner::{Catalogue, Running, Scripts, run};
use tracing::{Event, Level, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    Layer, filter::Targets, layer::Context, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// What each batch touches is said there.
const TOUCHES: &str = "countersign_server::touches";

/// Batches of several kinds of things; those that touch a part of what another one does are left out. A message that the network
/// refuses ends its challenge and what waits for that, sometimes in the batch that keeps the network's name for it.
const CROSSINGS: &str = include_str!("crossings.txt");

/// Kinds of things that one batch touches, two by two.
type Pairs = BTreeSet<(String, String)>;

/// What came so far: pairs, each with the first batch that had it.
#[derive(Clone, Default)]
struct Touched(Arc<Mutex<BTreeMap<(String, String), String>>>);

impl<S: Subscriber> Layer<S> for Touched {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        for pair in pairs(&line.0) {
            self.0.lock().unwrap().entry(pair).or_insert_with(|| line.0.clone());
        }
    }
}

/// A batch as a line: `records: challenge message, accounts: payer`.
#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let kinds = format!("{value:?}").replace(['{', '}', '"', ','], "");
        if !kinds.is_empty() {
            let comma = if self.0.is_empty() { "" } else { ", " };
            write!(self.0, "{comma}{}: {kinds}", field.name()).unwrap();
        }
    }
}

fn pairs(line: &str) -> Pairs {
    let parts = line.split(", ").filter_map(|part| part.split_once(": "));
    let kinds =
        parts.flat_map(|(of, kinds)| kinds.split(' ').map(move |kind| format!("{of} {kind}")));
    let kinds: Vec<String> = kinds.collect();
    let with_all =
        |one: &String| kinds.iter().map(|other| (one.clone(), other.clone())).collect::<Vec<_>>();
    kinds.iter().flat_map(with_all).filter(|(one, other)| one < other).collect()
}

#[test]
fn no_batch_of_any_scenario_touches_more_together_than_is_listed() {
    let touched = Touched::default();
    let only = Targets::new().with_target(TOUCHES, Level::TRACE);
    tracing_subscriber::registry().with(touched.clone().with_filter(only)).init();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/features");
    let scripts = Scripts::read(&folder, &Catalogue::of_project().unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let played = runtime.block_on(run(scripts, &Running::default())).unwrap();
    assert!(played.passed);
    let listed: Pairs = CROSSINGS.lines().flat_map(pairs).collect();
    let touched = touched.0.lock().unwrap().clone();
    assert!(!touched.is_empty());
    let new: BTreeSet<_> =
        touched.iter().filter(|(pair, _)| !listed.contains(pair)).map(|(_, line)| line).collect();
    assert!(new.is_empty(), "not listed yet: {new:#?}");
}
