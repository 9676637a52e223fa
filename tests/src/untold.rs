//! What two people are shown, compared byte by byte but for what is another one each time: ids, times, the short reference.

use serde_json::{Value, json};

use crate::curl::Answer;

/// What an answer showed: its status and its text.
pub type Seen = (u16, String);

/// Members that are other ones each time.
const TIMES: [&str; 5] = ["at", "until", "expires_in_seconds", "resend_in_seconds", "wait_seconds"];
const NAMES: [&str; 2] = ["bank_reference", "payment"];

/// Without ids: every run of 32 hexadecimal digits.
fn without_ids(text: &str) -> String {
    let mut plain = String::new();
    let mut run = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_hexdigit() {
            run.push(character);
            continue;
        }
        plain.push_str(if run.len() >= 32 { "ID" } else { &run });
        run.clear();
        plain.push(character);
    }
    plain
}

fn plain(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| match name.as_str() {
                name if TIMES.contains(&name) && value.is_number() => (name.to_owned(), json!(0)),
                name if NAMES.contains(&name) && value.is_string() => {
                    (name.to_owned(), json!("NAME"))
                }
                _ => (name, plain(value)),
            })
            .collect(),
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::String(text) => Value::String(without_times(&without_ids(&text))),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// What stands between two texts is dropped.
fn without_between(text: &str, from: &str, to: &str) -> String {
    let mut parts = text.split(from);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(from);
        plain.push_str(part.split_once(to).map_or(part, |(_, rest)| rest));
    }
    plain
}

/// Without how long something takes yet, as words say it.
fn without_times(text: &str) -> String {
    let times = [("Time left: ", "."), ("again in ", "."), ("another in ", ".")];
    times.into_iter().fold(text.to_owned(), |text, (from, to)| without_between(&text, from, to))
}

/// An answer without what is another one each time; the reference, where it has one, is `REF`.
pub fn kept(answer: Answer, reference: &str) -> Seen {
    let text = match answer.body {
        Value::String(page) => {
            let page = without_times(&without_ids(&page));
            // The class by which the button appears, by the time that is left.
            without_between(&page, "class=\"wait in-", "\"")
        }
        body => plain(body).to_string(),
    };
    match reference {
        "" => (answer.status, text),
        reference => (answer.status, text.replace(reference, "REF")),
    }
}

/// The same of an answer with its headers (`curl -i`), of which none but its moment may differ.
pub fn kept_whole(answer: Answer, reference: &str) -> Seen {
    let Answer { status, body, complaint } = answer;
    // With the answer that led there, where there was one.
    let lines = body.as_str().unwrap_or_default().lines().filter(|line| !line.starts_with("date:"));
    // The seconds that are left are others each time; that there are some is compared.
    let lines =
        lines.map(|line| if line.starts_with("retry-after:") { "retry-after:" } else { line });
    let text = lines.collect::<Vec<_>>().join("\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
    let (_, body) = kept(Answer { status, body, complaint }, reference);
    (status, format!("{}\n\n{body}", without_ids(head)))
}

/// That both were shown the same, step by step.
///
/// # Panics
/// When they were not.
pub fn assert_same(what: &str, one: &[Seen], other: &[Seen]) {
    for (step, (one, other)) in one.iter().zip(other).enumerate() {
        assert_eq!(one, other, "{what}, at step {step}");
    }
    assert_eq!(one.len(), other.len());
}
