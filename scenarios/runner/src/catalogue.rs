//! The rows: what the project is to do, by the ids that scripts name as tags.

use serde::{Deserialize, Serialize};

/// All rows, in groups, in the order in which they are listed.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "group")]
    groups: Vec<Group>,
}

/// A figure, the claims, or the applications.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Such as `F13` or `C`.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// One thing to do.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Such as `F13.4`, `C24` or `A4`.
    pub id: String,
    /// What it is, in one line.
    pub title: String,
}

impl Catalogue {
    /// The project's own rows, `scenarios/features/rows.toml`.
    ///
    /// # Errors
    /// When the file is not as expected: what is wrong, and where.
    pub fn of_project() -> Result<Self, String> {
        toml::from_str(include_str!("../../features/rows.toml"))
            .map_err(|error| format!("rows.toml: {error}"))
    }

    /// In the order of the report.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Whether there is a row of that id.
    pub fn has(&self, id: &str) -> bool {
        self.groups.iter().flat_map(|group| &group.rows).any(|row| row.id == id)
    }
}

/// Whether a tag means to be a row: `F`, `C` or `A`, and a digit.
pub(crate) fn is_row_like(tag: &str) -> bool {
    let rest = tag.strip_prefix(['F', 'C', 'A']);
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_there_once_and_begins_with_its_group() {
        let catalogue = Catalogue::of_project().unwrap();
        let mut seen = BTreeSet::new();
        for group in catalogue.groups() {
            for row in &group.rows {
                assert!(seen.insert(row.id.clone()), "{} is there twice", row.id);
                assert!(row.id.starts_with(&group.id), "{} is not of group {}", row.id, group.id);
                assert!(is_row_like(&row.id), "{}", row.id);
                assert!(!row.title.is_empty(), "{} has no title", row.id);
            }
        }
        let claims = (1..=29).map(|number| format!("C{number}"));
        let applications = (1..=8).map(|number| format!("A{number}"));
        for id in claims.chain(applications) {
            assert!(catalogue.has(&id), "{id} is missing");
        }
        for figure in 4..=13 {
            assert!(
                catalogue.groups().iter().any(|group| group.id == format!("F{figure}")),
                "F{figure} is missing"
            );
        }
    }

    #[test]
    fn a_tag_that_is_for_something_else_does_not_mean_to_be_a_row() {
        for tag in ["serial", "code-first", "Fast", "C", "wip"] {
            assert!(!is_row_like(tag), "{tag}");
        }
        assert!(is_row_like("F13.99"));
    }
}
