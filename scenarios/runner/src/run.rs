//! Plays scripts: finds a sandbox for each scenario, shows progress, and says what came of it.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use countersign_domain::{plan::Order, policy::Profile};
use countersign_sandbox::{Sandbox, Settings, StoreSchema};
use countersign_store::testing;
use cucumber::{
    World as _, WriterExt as _, cli,
    gherkin::Feature,
    parser,
    writer::{self, Coloring, Stats as _, Verbosity},
};
use futures_util::{FutureExt as _, stream};
use tempfile::TempDir;

use crate::{
    bench::{Bench, Benches},
    error::RunError,
    failure::Failure,
    report::Report,
    script::{Scripts, Told, Variant},
    world::Story,
};

/// Scenarios that are played at once.
const CONCURRENT: usize = 16;

/// Where servers keep everything.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Stores {
    /// Each in a file of its own.
    #[default]
    File,
    /// Each in a schema of one database, as a role that has rights on no other, of a PostgreSQL server that is started for the
    /// run; its programs must be installed.
    Postgres,
}

/// How scripts are to be played.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// The control of a sandbox that runs already; without it, the runner starts its own.
    pub url: Option<String>,
    /// Where the servers of its own sandboxes keep everything.
    pub store: Stores,
    /// Where a JUnit report goes.
    pub junit: Option<PathBuf>,
    /// The folder for a report with what was sent, drawn.
    pub report: Option<PathBuf>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whether all that was played passed.
    pub passed: bool,
    /// How many scenarios were played.
    pub played: usize,
    /// Which were not, as there was no sandbox for them.
    pub skipped: Vec<String>,
}

/// Plays the scripts. Its future stays on one thread: block on it.
///
/// # Errors
/// When nothing can be played; that scenarios fail is no error but the outcome.
pub async fn run(scripts: Scripts, running: &Running) -> Result<Outcome, RunError> {
    let junit = junit(running.junit.as_deref())?;
    let report = running.report.as_ref().map(|folder| Report::in_folder(folder));
    let report = report.transpose()?;
    let own = match &running.url {
        Some(_) => Own::default(),
        None => Own::start(&scripts, running.store).await?,
    };
    let benches = match &running.url {
        Some(url) => Benches::at(url).await.map_err(|failure| not_running(url, &failure))?,
        None => own.benches().await?,
    };
    let placeless = |told: &Told<'_>| benches.of(told.variant()).is_none();
    let skipped = scripts
        .scenarios()
        .filter(placeless)
        .map(|told| format!("{} {}", told.place(), told.scenario.name));
    let skipped: Vec<_> = skipped.collect();
    if let Some(report) = &report {
        scripts.scenarios().filter(placeless).for_each(|told| report.skip(told));
    }
    let scripts = scripts.keep(|told| !placeless(&told));
    let played = scripts.scenarios().count();
    if played == 0 && skipped.is_empty() {
        return Err(RunError::NothingSelected);
    }
    let passed = play(scripts.into_features(), benches, junit, report.clone()).await;
    own.stop().await;
    if let Some(report) = report {
        report.write()?;
    }
    Ok(Outcome { passed, played, skipped })
}

async fn play(
    features: Vec<Feature>,
    benches: Benches,
    junit: Box<dyn io::Write>,
    report: Option<Report>,
) -> bool {
    let seen = writer::Basic::raw(io::stdout(), Coloring::Auto, Verbosity::Default)
        .summarized()
        .tee::<Story, _>(writer::JUnit::for_tee(junit, 0))
        .normalized();
    let played = Story::cucumber::<&str>()
        .with_parser(Read(features))
        .with_writer(seen)
        .fail_on_skipped()
        .with_default_cli()
        .max_concurrent_scenarios(CONCURRENT)
        .before(move |feature, rule, scenario, story: &mut Story| {
            let bench = benches.of(Told { feature, rule, scenario }.variant()).cloned();
            async move {
                if let Some(bench) = bench {
                    story.begin_at(bench);
                }
            }
            .boxed_local()
        })
        .after(move |feature, rule, scenario, ended, story: Option<&mut Story>| {
            let told = Told { feature, rule, scenario };
            let report = report.clone();
            async move {
                if let Some(report) = report {
                    report.add(told, ended, story.as_deref()).await;
                }
            }
            .boxed_local()
        })
        .run(())
        .await;
    !played.execution_has_failed()
}

/// The features as they were read and checked before.
struct Read(Vec<Feature>);

impl parser::Parser<()> for Read {
    type Cli = cli::Empty;
    type Output = stream::Iter<std::vec::IntoIter<parser::Result<Feature>>>;

    fn parse(self, (): (), _: cli::Empty) -> Self::Output {
        stream::iter(self.0.into_iter().map(Ok).collect::<Vec<_>>())
    }
}

/// Sandboxes of our own, one of each kind that a script needs.
#[derive(Default)]
struct Own(Vec<(Variant, Sandbox, TempDir)>);

impl Own {
    async fn start(scripts: &Scripts, stores: Stores) -> Result<Self, RunError> {
        let mut own = Self::default();
        if let Stores::Postgres = stores {
            testing::start().map_err(RunError::NoPostgres)?;
        }
        let needed: BTreeSet<_> = scripts.scenarios().map(Told::variant).collect();
        for variant in needed {
            let folder = tempfile::Builder::new().prefix("countersign-scenarios-").tempdir();
            let folder = folder.map_err(|error| RunError::NoFolder(error.to_string()))?;
            let mut settings = Settings::in_folder(folder.path());
            settings.database = match stores {
                Stores::File => None,
                Stores::Postgres => {
                    let testing::OwnSchema { url, schema } = testing::new_shard().await;
                    Some(StoreSchema { url, schema })
                }
            };
            match variant {
                Variant::BankFirst => {}
                Variant::CodeFirst => settings.order = Order::CodeFirst,
                Variant::Operator => settings.operator = true,
                Variant::Limited => settings.limited = true,
                Variant::Psd2 => settings.profile = Some(Profile::Psd2),
            }
            own.0.push((variant, Sandbox::start(settings).await?, folder));
        }
        Ok(own)
    }

    async fn benches(&self) -> Result<Benches, RunError> {
        let mut benches = Benches::default();
        for (variant, sandbox, _) in &self.0 {
            let url = sandbox.control_url();
            let bench = Bench::at(&url).await.map_err(|failure| not_running(&url, &failure))?;
            benches.add(*variant, bench);
        }
        Ok(benches)
    }

    async fn stop(self) {
        for (_, sandbox, _) in self.0 {
            sandbox.stop().await;
        }
    }
}

fn junit(path: Option<&Path>) -> Result<Box<dyn io::Write>, RunError> {
    let Some(path) = path else {
        return Ok(Box::new(io::sink()));
    };
    let failed =
        |error: io::Error| RunError::Report { path: path.to_owned(), cause: error.to_string() };
    Ok(Box::new(fs::File::create(path).map_err(failed)?))
}

fn not_running(url: &str, failure: &Failure) -> RunError {
    RunError::NotRunning { url: url.to_owned(), cause: failure.to_string() }
}
