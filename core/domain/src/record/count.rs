//! What is counted in windows of time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::time::Timestamp;

/// One more of something, in each of its windows, which the commit checks: it has no version, so that what many do at once is
/// counted and conflicts with nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Count {
    /// Of whom or what it is one more. It holds keyed hashes, never a number or an address.
    pub subject: String,
    /// A window that was over by now is forgotten, and another one begins.
    pub at: Timestamp,
    /// In which windows, each up to its bound: in all of them, or in none.
    pub windows: Vec<Window>,
}

/// One window of a [`Count`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Window {
    /// What a refusal is told by, such as `number-day`.
    pub counter: &'static str,
    /// The end of a window that begins now; one that has begun keeps its own.
    pub until: Timestamp,
    /// How many there may be in a window, this one included.
    pub at_most: u32,
}

/// The windows of one subject as a store keeps them, as of its last count. A store keeps them together, as they are read and
/// written together.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Windows(BTreeMap<String, Begun>);

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    count: u32,
    until: Timestamp,
}

impl Windows {
    /// As they are with one more; windows that are over are forgotten.
    ///
    /// # Errors
    /// [`StoreError::Exhausted`], with the first window in which there would be one too many.
    pub fn counted(&self, count: &Count) -> Result<Self, StoreError> {
        let begun = self.0.iter().filter(|(_, begun)| begun.until > count.at);
        let mut windows: BTreeMap<_, _> =
            begun.map(|(counter, begun)| (counter.clone(), *begun)).collect();
        for Window { counter, until, at_most } in &count.windows {
            let begun =
                windows.entry((*counter).to_owned()).or_insert(Begun { count: 0, until: *until });
            if begun.count >= *at_most {
                let wait_seconds = begun.until.seconds_from(count.at);
                return Err(StoreError::Exhausted { counter, wait_seconds });
            }
            begun.count = begun.count.saturating_add(1);
        }
        Ok(Self(windows))
    }

    /// When the last of them is over, and they may be forgotten altogether. None where there are none.
    pub fn until(&self) -> Option<Timestamp> {
        self.0.values().map(|begun| begun.until).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000);

    fn count(at: Timestamp, windows: [(&'static str, u32, u32); 2]) -> Count {
        let windows = windows.map(|(counter, seconds, at_most)| Window {
            counter,
            until: at.plus_seconds(seconds),
            at_most,
        });
        Count { subject: "number/1".to_owned(), at, windows: windows.into() }
    }

    #[test]
    fn windows_are_kept_in_words_that_an_operator_can_read() {
        let windows =
            Windows::default().counted(&count(NOW, [("pause", 20, 1), ("day", 86_400, 9)]));
        let windows = windows.unwrap();
        let text = r#"{"day":{"count":1,"until":87400000},"pause":{"count":1,"until":1020000}}"#;
        assert_eq!(serde_json::to_string(&windows).unwrap(), text);
        assert_eq!(serde_json::from_str::<Windows>(text).unwrap(), windows);
        assert_eq!(windows.until(), Some(NOW.plus_seconds(86_400)));
        assert_eq!(Windows::default().until(), None);
    }

    #[test]
    fn a_window_that_is_not_counted_any_more_is_forgotten_when_it_is_over() {
        let before =
            Windows::default().counted(&count(NOW, [("hour", 3_600, 9), ("day", 86_400, 9)]));
        let before = before.unwrap();
        for (at, kept) in [(NOW.plus_seconds(3_599), true), (NOW.plus_seconds(3_600), false)] {
            let windows = before.counted(&count(at, [("day", 86_400, 9), ("pause", 20, 1)]));
            assert_eq!(windows.unwrap().0.contains_key("hour"), kept, "{at}");
        }
    }
}
