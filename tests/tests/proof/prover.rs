//! The two provers, run on the same clauses.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Mutex,
};

/// How long one may take, in seconds: hundreds of times what it takes, as a machine may have much else to do.
const SECONDS: u32 = 60;

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Prover {
    E,
    Spass,
}

/// What was found out about clauses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// They contradict each other: there is a way to the goal.
    Way,
    /// They do not: everything that follows from them was derived.
    NoWay,
    /// Neither, in time.
    Nothing(String),
}

/// The answers that were given. The same clauses with other names are not asked again: four of the five settlements differ
/// in their names alone.
#[derive(Default)]
pub(crate) struct Answers(Mutex<HashMap<(Prover, String), Found>>);

impl Answers {
    /// What a prover finds out about clauses, which are kept in a file for people to look at.
    pub(crate) fn of(&self, prover: Prover, tptp: &str, file: &Path) -> Found {
        fs::write(file, tptp).unwrap();
        let asked = (prover, nameless(tptp));
        if let Some(found) = self.0.lock().unwrap().get(&asked) {
            return found.clone();
        }
        let found = prover.run(file);
        self.0.lock().unwrap().insert(asked, found.clone());
        found
    }
}

/// Clauses with a number for each name, in the order in which they come.
fn nameless(tptp: &str) -> String {
    let mut numbers = HashMap::new();
    let mut nameless = String::with_capacity(tptp.len());
    for part in tptp.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        if !word.is_empty() {
            let next = numbers.len();
            let kind = if word.starts_with(|c: char| c.is_ascii_uppercase()) { 'V' } else { 'f' };
            nameless.push(kind);
            nameless.push_str(&numbers.entry(word).or_insert(next).to_string());
        }
        nameless.push_str(&part[word.len()..]);
    }
    nameless
}

impl Prover {
    fn run(self, file: &Path) -> Found {
        let (program, arguments, way, no_way) = match self {
            Self::E => (
                "eprover",
                vec![
                    "-s".to_owned(),
                    "--tstp-format".to_owned(),
                    "-WSelectMaxLComplexAvoidPosPred".to_owned(),
                    "-tKBO6".to_owned(),
                    "--no-preprocessing".to_owned(),
                    format!("--cpu-limit={SECONDS}"),
                ],
                "SZS status Unsatisfiable",
                "SZS status Satisfiable",
            ),
            Self::Spass => (
                "SPASS",
                vec![
                    "-TPTP=1".to_owned(),
                    "-PGiven=0".to_owned(),
                    "-PProblem=0".to_owned(),
                    format!("-TimeLimit={SECONDS}"),
                ],
                "Proof found",
                "Completion found",
            ),
        };
        let run = Command::new(program).args(arguments).arg(file).stdin(Stdio::null()).output();
        let output = run.unwrap_or_else(|error| panic!("{program}, of tests/install.sh: {error}"));
        let text = String::from_utf8_lossy(&output.stdout);
        match (text.contains(way), text.contains(no_way)) {
            (true, false) => Found::Way,
            (false, true) => Found::NoWay,
            _ => Found::Nothing(text.chars().take(500).collect()),
        }
    }
}
