//! The `scenario` program: what it plays, what it refuses, and how it ends.
#![expect(clippy::unwrap_used, reason = "a test's own steps fail the test")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::{Mutex, PoisonError},
};

use countersign_sandbox::{Sandbox, Settings};
use serde_json::Value;

/// Held by what plays all scenarios: two runs at once keep each other from ending in time.
static WHOLE: Mutex<()> = Mutex::new(());

fn scenario(arguments: &[&str]) -> (i32, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_scenario"))
        .args(arguments)
        .current_dir(root)
        .output()
        .unwrap();
    let said = [stdout, stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (status.code().unwrap(), said)
}

/// A script of that text in a folder of its own.
fn script(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trial.feature");
    fs::write(&file, text).unwrap();
    let path = file.to_string_lossy().into_owned();
    (folder, path)
}

#[test]
fn every_scenario_of_the_project_passes_and_is_reported() {
    let _alone = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.xml");
    let (code, said) = scenario(&["run", "--junit", &report.to_string_lossy()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(" played, 0 skipped."), "{said}");
    let report = fs::read_to_string(report).unwrap();
    let told = report.matches("<testcase ").count();
    assert!(said.contains(&format!("\n{told} played")), "{told}: {said}");
}

/// A batch that named a table of another schema would fail: docs/decisions/0052.
#[test]
fn every_scenario_of_the_project_passes_on_postgresql_with_rights_on_the_schema_of_one_store() {
    let _alone = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    let (code, said) = scenario(&["run", "--store", "postgres"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(" played, 0 skipped."), "{said}");
}

#[test]
fn a_scenario_that_fails_ends_the_program_with_1() {
    let (_folder, path) = script(
        "Feature: Trial\n  Scenario: Nobody pays\n    Given Alice is a subscriber with a card\n    \
         And the merchant asks for 49.90 EUR\n    Then the purchase was a secured transaction\n",
    );
    let (code, said) = scenario(&["run", &path]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("expected: the selection to be"), "{said}");
}

#[test]
fn a_step_that_is_not_known_fails() {
    let (_folder, path) = script(
        "Feature: Trial\n  Scenario: Wishes\n    Given the merchant gives everything away\n",
    );
    let (code, said) = scenario(&["run", &path]);
    assert_eq!(code, 1, "{said}");
}

#[test]
fn what_cannot_be_played_is_refused_by_the_rule_it_breaks() {
    let row = script(
        "Feature: Trial\n  @F99.1\n  Scenario: A row\n    Given Alice is nobody's subscriber\n",
    );
    let empty = script("Feature: Trial\n  Scenario: Nothing\n");
    let no_gherkin = script("Once upon a time\n");
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("missing/report.xml");
    let report = report.to_string_lossy().into_owned();
    for (arguments, why) in [
        (vec!["run", "nowhere.feature"], "nowhere.feature: "),
        (vec!["run", "docs"], "there is no .feature file"),
        (vec!["run", &no_gherkin.1], "trial.feature"),
        (vec!["run", &row.1], "trial.feature:3: @F99.1 is not a row"),
        (vec!["run", &empty.1], "the scenario has no steps"),
        (vec!["run", "--tags", "@nothing"], "no scenario is selected"),
        (vec!["run", "--tags", "(("], "--tags"),
        (vec!["run", "--junit", &report], "report.xml: "),
        (vec!["run", "--url", "http://127.0.0.1:1"], "does the sandbox run?"),
        (vec!["list", "nowhere"], "nowhere: "),
        (vec!["dance"], "unrecognized subcommand"),
    ] {
        let (code, said) = scenario(&arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}

#[test]
fn a_running_sandbox_plays_what_it_can_and_the_rest_is_named() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let started = Sandbox::start(Settings::in_folder(folder.path()));
    let sandbox = runtime.block_on(started).unwrap();
    let url = sandbox.control_url();
    let (code, said) = scenario(&["run", "--url", &url, "--tags", "@F8.805 or @F8.v1"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 played, 1 skipped."), "{said}");
    assert!(said.contains("for another sandbox than this: figure-08.feature:"), "{said}");
    runtime.block_on(sandbox.stop());
}

#[test]
fn the_list_has_every_row_and_no_figure_that_is_done_lacks_one() {
    let (code, said) = scenario(&["list", "--json"]);
    assert_eq!(code, 0, "{said}");
    let coverage: Value = serde_json::from_str(&said).unwrap();
    let groups = coverage["groups"].as_array().unwrap();
    let rows = groups.iter().flat_map(|group| group["rows"].as_array().unwrap());
    let bare = rows.filter(|row| row["scenarios"].as_array().unwrap().is_empty());
    let bare: Vec<_> = bare.map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(coverage["missing"], bare.len());
    for figure in ["F7.", "F8.", "F11.", "F12.", "F13."] {
        assert!(!bare.iter().any(|id| id.starts_with(figure)), "{bare:?}");
    }
    // What later issues bring is listed as not covered, and not left out.
    assert!(bare.contains(&"F9.908"), "{bare:?}");
    let (code, said) = scenario(&["list", "--missing"]);
    assert_eq!(code, 0);
    assert!(said.contains("- F9.908") && !said.contains("F13.4"), "{said}");
}

/// The files of a folder, by name, with what is in them.
fn files(folder: &Path) -> std::collections::BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).unwrap())
    };
    entries.map(read).collect()
}

#[test]
fn the_drawn_flows_in_the_documentation_are_what_is_really_sent() {
    let mut kept = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/figures"));
    let index = kept.remove("README.md").unwrap();
    assert!(kept.keys().all(|name| index.contains(name)), "the index has not all");
    assert!(kept.len() >= 5);
    let folder = tempfile::tempdir().unwrap();
    let (code, said) =
        scenario(&["run", "--tags", "@drawn", "--report", &folder.path().to_string_lossy()]);
    assert_eq!(code, 0, "{said}");
    let mut drawn = files(&folder.path().join("flows"));
    assert!(drawn.keys().eq(kept.keys()), "{:?}", drawn.keys());
    drawn.retain(|name, text| kept.get(name) != Some(text));
    kept.retain(|name, _| drawn.contains_key(name));
    assert_eq!(
        drawn, kept,
        "scenario run --tags @drawn --report DIR, then copy DIR/flows to docs/figures"
    );
}

#[test]
fn a_report_shows_steps_and_flows_and_what_failed() {
    let (folder, path) = script(
        "Feature: Trial\n  @F13.5\n  Scenario: Half a purchase\n    Given Alice is a subscriber with a card\n    \
         And the merchant asks for 49.90 EUR\n    When Alice gives the userId\n    Then the purchase is paid\n",
    );
    let report = folder.path().join("report");
    let (code, said) = scenario(&["run", &path, "--report", &report.to_string_lossy()]);
    assert_eq!(code, 1, "{said}");
    let html = fs::read_to_string(report.join("report.html")).unwrap();
    for shown in [
        "0 passed, 1 failed, 0 skipped",
        "0 covered",
        "id=\"only-failed\"",
        "Half a purchase",
        "<strong class=\"failed\">F13.5</strong>",
        "When Alice gives the userId",
        "0100 authorization",
        "sequenceDiagram",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
    assert!(!html.contains("<script"), "{html}");
    let flow = fs::read_to_string(report.join("flows/trial-half-a-purchase.md")).unwrap();
    assert!(flow.contains("Server->>Bank: 0100 authorization"), "{flow}");
}
