//! The two provers, run on the same clauses.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// How long one may take, in seconds: hundreds of times what it takes, as a machine may have much else to do.
const SECONDS: u32 = 60;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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

impl Prover {
    /// Runs it on a file.
    pub(crate) fn run(self, file: &Path) -> Found {
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
