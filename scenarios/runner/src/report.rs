//! A report for people: how many scenarios passed and which rows they cover, then each scenario with its steps, its rows
//! and what was really sent for it, drawn.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use askama::Template;
use countersign_sandbox::{Flow, STYLE};
use cucumber::event::ScenarioFinished;

use crate::{
    catalogue::{Catalogue, Group, Row},
    error::RunError,
    script::Told,
    world::Story,
};

/// The folder of the Mermaid files.
const FLOWS: &str = "flows";

/// A report that is being made. Its clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    folder: PathBuf,
    played: Arc<Mutex<Vec<Played>>>,
}

/// A scenario that was played, or was to be.
#[derive(Debug)]
struct Played {
    feature: String,
    file: String,
    line: usize,
    name: String,
    tags: Vec<String>,
    steps: Vec<String>,
    verdict: Verdict,
    flows: Vec<Flow>,
}

/// What a scenario came to.
#[derive(Debug, PartialEq)]
enum Verdict {
    Passed,
    /// A step failed, with its message.
    Failed(String),
    /// There was no sandbox for it.
    Skipped,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    style: &'static str,
    passed: usize,
    failed: usize,
    skipped: usize,
    covered: usize,
    not_covered: usize,
    /// The scripts' names, to filter by.
    files: Vec<&'a str>,
    groups: Vec<GroupView<'a>>,
    scenarios: Vec<ScenarioView<'a>>,
}

/// A figure, the claims, or the applications, with what came of each row.
struct GroupView<'a> {
    title: &'a str,
    covered: usize,
    rows: Vec<RowView<'a>>,
}

struct RowView<'a> {
    row: &'a Row,
    /// `passed`, `failed`, or `missing` when no scenario that was played names it.
    state: &'static str,
    /// The places of its scenarios in the report, from 1.
    scenarios: Vec<usize>,
}

struct ScenarioView<'a> {
    played: &'a Played,
    /// Which of the files it is in, from 1.
    file: usize,
    rows: Vec<&'a Row>,
    drawings: Vec<String>,
}

impl Report {
    /// A report in that folder, which is made if it is not there.
    pub(crate) fn in_folder(folder: &Path) -> Result<Self, RunError> {
        let flows = folder.join(FLOWS);
        fs::create_dir_all(&flows).map_err(|error| unwritable(&flows, &error))?;
        Ok(Self { folder: folder.to_owned(), played: Arc::default() })
    }

    /// Adds a scenario that has ended. What was sent is asked of the sandbox; that it cannot say is no failure of the
    /// scenario's.
    pub(crate) async fn add(
        &self,
        told: Told<'_>,
        ended: &ScenarioFinished,
        story: Option<&Story>,
    ) {
        let mut flows = Vec::new();
        if let Some(story) = story
            && let Ok(bench) = story.bench()
        {
            for path in story.drawn() {
                flows.extend(bench.control.flow(&path).await.ok());
            }
        }
        let verdict = match ended {
            ScenarioFinished::StepFailed(_, _, error) => Verdict::Failed(error.to_string()),
            ScenarioFinished::BeforeHookFailed(_) => {
                Verdict::Failed("it could not be begun".to_owned())
            }
            ScenarioFinished::StepSkipped => Verdict::Failed("a step is not known".to_owned()),
            ScenarioFinished::StepPassed => Verdict::Passed,
        };
        self.keep(told, verdict, flows);
    }

    /// Adds a scenario that is not played.
    pub(crate) fn skip(&self, told: Told<'_>) {
        self.keep(told, Verdict::Skipped, Vec::new());
    }

    fn keep(&self, told: Told<'_>, verdict: Verdict, flows: Vec<Flow>) {
        let steps = told.scenario.steps.iter();
        let played = Played {
            feature: told.feature.name.clone(),
            file: told.file(),
            line: told.scenario.position.line,
            name: told.scenario.name.clone(),
            tags: told.tags().map(str::to_owned).collect(),
            steps: steps.map(|step| format!("{}{}", step.keyword, step.value)).collect(),
            verdict,
            flows,
        };
        self.played.lock().unwrap_or_else(PoisonError::into_inner).push(played);
    }

    /// Writes what was played, in the order of the scripts.
    pub(crate) fn write(&self) -> Result<(), RunError> {
        let unusable = |cause: String| RunError::Report { path: self.folder.clone(), cause };
        let catalogue = Catalogue::of_project().map_err(unusable)?;
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        played.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        let html = Page::of(&catalogue, &played).render();
        let html = html.map_err(|error| unusable(error.to_string()))?;
        write(&self.folder.join("report.html"), &html)?;
        for played in played.iter().filter(|played| !played.flows.is_empty()) {
            let file =
                format!("{}-{}.md", played.file.trim_end_matches(".feature"), slug(&played.name));
            write(&self.folder.join(FLOWS).join(file), &played.markdown())?;
        }
        Ok(())
    }
}

impl<'a> Page<'a> {
    fn of(catalogue: &'a Catalogue, played: &'a [Played]) -> Self {
        let count = |name| played.iter().filter(|played| played.verdict.name() == name).count();
        let mut files: Vec<_> = played.iter().map(|played| played.file.as_str()).collect();
        files.dedup();
        let groups: Vec<_> =
            catalogue.groups().iter().map(|group| GroupView::of(group, played)).collect();
        let covered = groups.iter().map(|group| group.covered).sum();
        let rows: usize = groups.iter().map(|group| group.rows.len()).sum();
        let all_rows = || catalogue.groups().iter().flat_map(|group| &group.rows);
        let scenarios = (1..).zip(played).map(|(number, played)| ScenarioView {
            played,
            file: files.iter().position(|file| *file == played.file).unwrap_or_default() + 1,
            rows: all_rows().filter(|row| played.covers(row)).collect(),
            drawings: played.drawings(number),
        });
        Self {
            style: STYLE,
            passed: count("passed"),
            failed: count("failed"),
            skipped: count("skipped"),
            covered,
            not_covered: rows.saturating_sub(covered),
            scenarios: scenarios.collect(),
            groups,
            files,
        }
    }
}

impl<'a> GroupView<'a> {
    fn of(group: &'a Group, played: &[Played]) -> Self {
        let rows: Vec<_> = group.rows.iter().map(|row| RowView::of(row, played)).collect();
        let covered = rows.iter().filter(|row| row.state == "passed").count();
        Self { title: &group.title, covered, rows }
    }
}

impl<'a> RowView<'a> {
    /// A row is covered when a scenario that names it passed, and none that names it failed.
    fn of(row: &'a Row, played: &[Played]) -> Self {
        let its = || (1..).zip(played).filter(|(_, played)| played.covers(row));
        let any = |name| its().any(|(_, played)| played.verdict.name() == name);
        let state = match (any("failed"), any("passed")) {
            (true, _) => "failed",
            (false, true) => "passed",
            (false, false) => "missing",
        };
        Self { row, state, scenarios: its().map(|(number, _)| number).collect() }
    }
}

impl Verdict {
    /// As the page and its style name it.
    const fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Played {
    fn covers(&self, row: &Row) -> bool {
        self.tags.contains(&row.id)
    }

    /// Why it failed, if it did.
    const fn failure(&self) -> Option<&String> {
        match &self.verdict {
            Verdict::Failed(why) => Some(why),
            Verdict::Passed | Verdict::Skipped => None,
        }
    }

    /// The scenario as Markdown with Mermaid diagrams. It has no times and no ids.
    fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n\n", self.name, self.feature);
        for step in &self.steps {
            text.push_str(&format!("- {step}\n"));
        }
        for flow in &self.flows {
            text.push_str(&format!("\n```mermaid\n{}```\n", flow.mermaid()));
        }
        text
    }

    /// The flows as HTML; `number` is the scenario's place in the report.
    fn drawings(&self, number: usize) -> Vec<String> {
        let prefix = |place: usize| format!("s{number}-{place}-");
        let flows = self.flows.iter().enumerate();
        flows.map(|(place, flow)| flow.html(&prefix(place))).collect()
    }
}

/// A name as a file's name.
fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}

fn write(path: &Path, text: &str) -> Result<(), RunError> {
    fs::write(path, text).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> RunError {
    RunError::Report { path: path.to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_file_s_name() {
        assert_eq!(slug("A userId, unknown: 49.90 EUR!"), "a-userid-unknown-49-90-eur");
    }

    fn played(tags: &[&str], verdict: Verdict) -> Played {
        Played {
            feature: "Figure 13".to_owned(),
            file: "figure-13.feature".to_owned(),
            line: 1,
            name: "A purchase".to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            steps: Vec::new(),
            verdict,
            flows: Vec::new(),
        }
    }

    #[test]
    fn a_row_is_covered_when_a_scenario_that_names_it_passed_and_none_failed() {
        let failed = || Verdict::Failed("why".to_owned());
        let all = [
            played(&["F13.1", "F13.2", "serial"], Verdict::Passed),
            played(&["F13.2"], failed()),
            played(&["F13.3"], Verdict::Skipped),
        ];
        let catalogue = Catalogue::of_project().unwrap();
        let page = Page::of(&catalogue, &all);
        assert_eq!((page.passed, page.failed, page.skipped), (1, 1, 1));
        assert_eq!(page.covered, 1);
        let rows = || page.groups.iter().flat_map(|group| &group.rows);
        assert_eq!(page.covered + page.not_covered, rows().count());
        for (id, state, scenarios) in [
            ("F13.1", "passed", vec![1]),
            ("F13.2", "failed", vec![1, 2]),
            ("F13.3", "missing", vec![3]),
            ("F13.4", "missing", vec![]),
        ] {
            let row = rows().find(|row| row.row.id == id).unwrap();
            assert_eq!((row.state, &row.scenarios), (state, &scenarios), "{id}");
        }
        let shown: Vec<_> = page.scenarios[0].rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(shown, ["F13.1", "F13.2"]);
    }
}
