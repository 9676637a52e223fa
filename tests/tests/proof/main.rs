//! The proof (docs/security/proof.md): a first-order model of the purchase, generated from the table that the codec is
//! made of, and two provers that must agree on each question.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod model;
mod properties;
mod prover;
mod reasons;
mod registration;
mod wallet;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
};

use countersign_set::table::{self, Kind, Shape, Structure};
use model::{FieldName, Model, fields};
use properties::{Question, properties, questions};
use prover::{Answers, Found, Prover};
use reasons::REASONS;

/// How many provers run at once: tests are run on machines with two cores.
const AT_ONCE: usize = 2;

/// Held by the test whose provers run: they are stopped when they take too long, which those of the others would make them.
static TURN: Mutex<()> = Mutex::new(());

/// Does the work in threads, in any order, and gives what came out in the order of the work.
fn in_threads<W: Sync, R: Send>(work: &[W], each: impl Fn(&W) -> R + Sync) -> Vec<R> {
    let _turn = TURN.lock().unwrap();
    let next = Mutex::new(0..work.len());
    let done = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(place) = next.lock().unwrap().next() else { break };
                    let result = each(&work[place]);
                    done.lock().unwrap().insert(place, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proof").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn clauses(question: &Question, without: &[FieldName], table: &[&'static Structure]) -> String {
    let without = [question.without, without].concat();
    let [parties, rules] = question.rules;
    Model::new(table, &without, &question.tags, &[parties, rules, &question.text]).to_tptp()
}

#[test]
fn both_provers_give_each_question_its_answer() {
    let folder = folder("questions");
    let (table, answers) = (table::rows(), Answers::default());
    let questions = [questions(), registration::questions()].concat();
    let holding = questions.iter().filter(|question| question.answer == Found::NoWay).count();
    assert!(holding >= 20, "{holding} properties");
    let work: Vec<(usize, Prover)> = (0..questions.len())
        .flat_map(|place| [(place, Prover::E), (place, Prover::Spass)])
        .collect();
    let wrong: Vec<String> = in_threads(&work, |(place, prover)| {
        let question = &questions[*place];
        let file = folder.join(format!("{place:02}-{prover:?}.p"));
        let found = answers.of(*prover, &clauses(question, &[], &table), &file);
        (found != question.answer).then(|| {
            format!("{}: {prover:?} finds {found:?}, see {}", question.name, file.display())
        })
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The structures that are signed or digested somewhere, with those in them; the purchase's name is digested, too.
fn protected(table: &[&'static Structure]) -> BTreeSet<&'static str> {
    fn contents(kind: &Kind, found: &mut Vec<&'static str>) {
        match kind {
            Kind::Digest(what) | Kind::Signed { what, .. } => found.push(what),
            Kind::Sealed { what, .. } => contents(what, found),
            _ => {}
        }
    }
    let mut open = vec!["PurchaseName"];
    for structure in table {
        if let Shape::Sequence(all) | Shape::Choice(all) = structure.shape {
            all.iter().for_each(|field| contents(field.kind, &mut open));
        }
    }
    let mut protected = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !protected.insert(name) {
            continue;
        }
        let structure = table.iter().find(|structure| structure.name == name).unwrap();
        if let Shape::Sequence(all) | Shape::Choice(all) = structure.shape {
            open.extend(all.iter().filter_map(|field| match field.kind {
                Kind::Named(name) | Kind::List { of: Kind::Named(name), .. } => Some(*name),
                _ => None,
            }));
        }
    }
    protected
}

#[test]
fn each_protected_field_holds_up_a_property_or_has_a_reason() {
    let folder = folder("fields");
    let (table, answers) = (table::rows(), Answers::default());
    let protected = protected(&table);
    let all: Vec<FieldName> = table
        .iter()
        .filter(|structure| protected.contains(structure.name))
        .flat_map(|structure| fields(structure).iter().map(|field| (structure.name, field.name)))
        .collect();
    let reasons = [REASONS, registration::REASONS].concat();
    let properties: Vec<(Question, BTreeSet<&str>)> = [properties(), registration::properties()]
        .concat()
        .into_iter()
        .map(|property| (property.clone(), structures(&property, &table)))
        .collect();
    let ask = |property, without: &[FieldName], file: &Path| {
        answers.of(Prover::E, &clauses(property, without, &table), file)
    };
    for (property, _) in &properties {
        let found = ask(property, &[], &folder.join("none.p"));
        assert_eq!(found, property.answer, "{}, and no field is taken out", property.name);
    }
    let wrong: Vec<String> = in_threads(&all, |field| {
        let (structure, name) = field;
        let file = folder.join(format!("{structure}.{name}.p"));
        let reason = reasons.iter().find(|(of, named, _)| of == structure && named == name);
        let fallen = properties.iter().find(|(property, structures)| {
            structures.contains(structure) && ask(property, &[*field], &file) == Found::Way
        });
        match (fallen, reason) {
            (Some(_), None) | (None, Some(_)) => None,
            (Some((property, _)), Some(_)) => Some(format!(
                "{structure}.{name} needs no reason: without it falls {:?}",
                property.name
            )),
            (None, None) => Some(format!("{structure}.{name} holds up nothing, and has no reason")),
        }
    })
    .into_iter()
    .flatten()
    .chain(reasons.iter().filter(|(of, named, _)| !all.contains(&(*of, *named))).map(
        |(of, named, _)| format!("there is a reason for {of}.{named}, which is not protected"),
    ))
    .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The structures that stand in a question's rules.
fn structures(question: &Question, table: &[&'static Structure]) -> BTreeSet<&'static str> {
    let [parties, rules] = question.rules;
    let model = Model::new(table, &[], &question.tags, &[parties, rules, &question.text]);
    model.structures().clone()
}
