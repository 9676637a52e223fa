//! A report for people: each scenario with its steps, and what was really sent for it, drawn.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use askama::Template;
use countersign_sandbox::{Flow, STYLE};
use cucumber::event::ScenarioFinished;

use crate::{error::RunError, script::Told, world::Story};

/// The folder of the Mermaid files.
const FLOWS: &str = "flows";

/// A report that is being made. Its clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    folder: PathBuf,
    played: Arc<Mutex<Vec<Played>>>,
}

/// A scenario that was played.
#[derive(Debug)]
struct Played {
    feature: String,
    file: String,
    line: usize,
    name: String,
    tags: Vec<String>,
    steps: Vec<String>,
    /// What went wrong, if anything.
    failure: Option<String>,
    flows: Vec<Flow>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    style: &'static str,
    passed: usize,
    failed: usize,
    played: &'a [Played],
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
        let failure = match ended {
            ScenarioFinished::StepFailed(_, _, error) => Some(error.to_string()),
            ScenarioFinished::BeforeHookFailed(_) => Some("it could not be begun".to_owned()),
            ScenarioFinished::StepSkipped => Some("a step is not known".to_owned()),
            ScenarioFinished::StepPassed => None,
        };
        let steps = told.scenario.steps.iter();
        let played = Played {
            feature: told.feature.name.clone(),
            file: told.file(),
            line: told.scenario.position.line,
            name: told.scenario.name.clone(),
            tags: told.tags().map(str::to_owned).collect(),
            steps: steps.map(|step| format!("{}{}", step.keyword, step.value)).collect(),
            failure,
            flows,
        };
        self.played.lock().unwrap_or_else(PoisonError::into_inner).push(played);
    }

    /// Writes what was played, in the order of the scripts.
    pub(crate) fn write(&self) -> Result<(), RunError> {
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        played.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        let failed = played.iter().filter(|played| played.failure.is_some()).count();
        let page = Page { style: STYLE, passed: played.len() - failed, failed, played: &played };
        let html = page.render().map_err(|error| RunError::Report {
            path: self.folder.clone(),
            cause: error.to_string(),
        })?;
        write(&self.folder.join("report.html"), &html)?;
        for played in played.iter().filter(|played| !played.flows.is_empty()) {
            let file =
                format!("{}-{}.md", played.file.trim_end_matches(".feature"), slug(&played.name));
            write(&self.folder.join(FLOWS).join(file), &played.markdown())?;
        }
        Ok(())
    }
}

impl Played {
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
    fn drawings(&self, number: &usize) -> Vec<String> {
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
}
