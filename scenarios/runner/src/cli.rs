//! The `scenario` program.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use cucumber::gherkin::tagexpr::TagOperation;

use crate::{
    catalogue::Catalogue,
    coverage::Coverage,
    run::{Outcome, Running, Stores, run},
    script::Scripts,
};

/// Where the project's own scripts are, from its root.
const SCRIPTS: &str = "scenarios/features";

/// Exit codes: something failed; something could not be tried at all.
const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;

/// Plays scripts against Countersign, and says what they cover. A script is Gherkin; see docs/guides/scenarios.md.
#[derive(Debug, Parser)]
#[command(name = "scenario", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays scripts. Ends with 0 when all passed, 1 when one failed, 2 when they could not be played.
    Run {
        /// A .feature file, or a folder of them.
        #[arg(default_value = SCRIPTS)]
        path: PathBuf,
        /// Only scenarios with these tags, such as "@F13.4 and not @serial".
        #[arg(long)]
        tags: Option<TagOperation>,
        /// The control of a sandbox that runs already, such as http://localhost:8080. Without it, sandboxes are started
        /// for the run.
        #[arg(long)]
        url: Option<String>,
        /// Where the servers of those sandboxes keep everything.
        #[arg(long, value_enum, default_value = "file", conflicts_with = "url")]
        store: Stores,
        /// Where to write a JUnit report.
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Where to write report.html, with counts, the rows that are covered, and each scenario with its steps and all
        /// that was sent, and the same flows as Mermaid, a file each, in flows.
        #[arg(long, value_name = "DIR")]
        report: Option<PathBuf>,
    },
    /// Lists figures, claims and applications with the scenarios that cover them, and those that none covers yet.
    List {
        /// A .feature file, or a folder of them.
        #[arg(default_value = SCRIPTS)]
        path: PathBuf,
        /// Only what no scenario covers.
        #[arg(long)]
        missing: bool,
        /// For a machine to read.
        #[arg(long)]
        json: bool,
    },
}

/// Does what the arguments of the process say.
pub fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run { path, tags, url, store, junit, report } => {
            play(&path, tags.as_ref(), &Running { url, store, junit, report })
        }
        Command::List { path, missing, json } => list(&path, missing, json),
    };
    done.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::from(UNUSABLE)
    })
}

fn play(path: &Path, tags: Option<&TagOperation>, running: &Running) -> Result<ExitCode, String> {
    let mut scripts = read(path, &Catalogue::of_project()?)?;
    if let Some(tags) = tags {
        scripts = scripts.select(tags);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let Outcome { passed, played, skipped } =
        runtime.block_on(run(scripts, running)).map_err(|error| error.to_string())?;
    say(&format!("{played} played, {} skipped.", skipped.len()));
    for scenario in &skipped {
        say(&format!("  skipped, as it is for another sandbox than this: {scenario}"));
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn list(path: &Path, missing: bool, json: bool) -> Result<ExitCode, String> {
    let catalogue = Catalogue::of_project()?;
    let mut coverage = Coverage::of(&catalogue, &read(path, &catalogue)?);
    if missing {
        coverage = coverage.only_missing();
    }
    if json {
        say(&serde_json::to_string_pretty(&coverage).map_err(|error| error.to_string())?);
    } else {
        say(coverage.to_string().trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path, catalogue: &Catalogue) -> Result<Scripts, String> {
    Scripts::read(path, catalogue).map_err(|error| {
        if path == Path::new(SCRIPTS) && !path.exists() {
            return format!(
                "{error}; go to the project's root, or name a script or a folder of them"
            );
        }
        error.to_string()
    })
}

#[expect(clippy::print_stdout, reason = "this is a program")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "this is a program")]
fn complain(error: &str) {
    eprintln!("scenario: {error}");
}
