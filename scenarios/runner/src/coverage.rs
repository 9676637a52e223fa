//! What the scripts cover: row by row, the scenarios that name it.

use std::fmt;

use serde::Serialize;

use crate::{
    catalogue::{Catalogue, Row},
    script::Scripts,
};

/// Every row with its scenarios.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// Rows that a scenario covers.
    pub covered: usize,
    /// Rows that none covers.
    pub missing: usize,
    /// The rows, in groups.
    pub groups: Vec<CoveredGroup>,
}

/// A figure, the claims, or the applications.
#[derive(Clone, Debug, Serialize)]
pub struct CoveredGroup {
    /// Such as `F13` or `C`.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Its rows.
    pub rows: Vec<CoveredRow>,
}

/// A row with its scenarios.
#[derive(Clone, Debug, Serialize)]
pub struct CoveredRow {
    /// The row.
    #[serde(flatten)]
    pub row: Row,
    /// The scenarios that name it.
    pub scenarios: Vec<Covering>,
}

/// A scenario that names a row.
#[derive(Clone, Debug, Serialize)]
pub struct Covering {
    /// The script.
    pub file: String,
    /// Where in it.
    pub line: usize,
    /// What it is called.
    pub name: String,
}

impl Coverage {
    /// What those scripts cover of that catalogue.
    pub fn of(catalogue: &Catalogue, scripts: &Scripts) -> Self {
        let covering = |row: &Row| {
            let naming = scripts.scenarios().filter(|told| told.tags().any(|tag| tag == row.id));
            naming
                .map(|told| Covering {
                    file: told.file(),
                    line: told.scenario.position.line,
                    name: told.scenario.name.clone(),
                })
                .collect()
        };
        let groups = catalogue.groups().iter().map(|group| CoveredGroup {
            id: group.id.clone(),
            title: group.title.clone(),
            rows: group
                .rows
                .iter()
                .map(|row| CoveredRow { row: row.clone(), scenarios: covering(row) })
                .collect(),
        });
        let groups: Vec<_> = groups.collect();
        let rows = || groups.iter().flat_map(|group| &group.rows);
        let covered = rows().filter(|row| !row.scenarios.is_empty()).count();
        let missing = rows().count().saturating_sub(covered);
        Self { covered, missing, groups }
    }

    /// Leaves only the rows that no scenario covers.
    #[must_use]
    pub fn only_missing(mut self) -> Self {
        for group in &mut self.groups {
            group.rows.retain(|row| row.scenarios.is_empty());
        }
        self.groups.retain(|group| !group.rows.is_empty());
        self
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            writeln!(f, "{}", group.title)?;
            for CoveredRow { row, scenarios } in &group.rows {
                let mark = if scenarios.is_empty() { "-" } else { "+" };
                writeln!(f, "  {mark} {:<9} {}", row.id, row.title)?;
                for Covering { file, line, name } in scenarios {
                    writeln!(f, "              {file}:{line} {name}")?;
                }
            }
            writeln!(f)?;
        }
        writeln!(f, "{} rows are covered (+), {} are not yet (-).", self.covered, self.missing)
    }
}
