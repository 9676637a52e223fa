//! What in a body is not as it should be: named by its path as the client wrote it (`items[2].name`), with the rule, and
//! never quoted.

use std::fmt::Display;

use axum::http::StatusCode;
use countersign_domain::invalid::{Field, InvalidInput};
use serde_json::error::Category;

use crate::problem::Problem;

/// Names the member of a body whose value breaks a rule.
pub trait InMember<T> {
    /// The same, with the member's path in the body.
    ///
    /// # Errors
    /// `invalid-value`, in whose detail and `field` the path is.
    fn in_member(self, path: impl Display) -> Result<T, Problem>;
}

impl<T> InMember<T> for Result<T, InvalidInput> {
    fn in_member(self, path: impl Display) -> Result<T, Problem> {
        self.map_err(|error| Problem::of_member(&path, &error))
    }
}

/// What a reader says of a body that is not what it should be.
pub(crate) fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let said = error.inner().to_string();
    let place = format!(" at line {} column {}", error.inner().line(), error.inner().column());
    let said = said.strip_suffix(&place).unwrap_or(&said);
    let path = match error.path().to_string() {
        path if path == "." => String::new(),
        path => path,
    };
    let named = match error.inner().classify() {
        Category::Data => data_misfit(said, &path),
        Category::Io | Category::Syntax | Category::Eof => None,
    };
    named.unwrap_or_else(|| misplaced(error.inner()))
}

/// What is named by its place alone.
pub(crate) fn misplaced(error: &serde_json::Error) -> Problem {
    malformed().filled("line", error.line()).filled("column", error.column())
}

/// A body in which nothing is, or something alone in place of an object with members.
pub(crate) fn no_object() -> Problem {
    malformed().worded("body-no-object")
}

fn malformed() -> Problem {
    Problem::shared(StatusCode::BAD_REQUEST, "malformed-json")
}

/// By what the reader says: only names of ours, the kind that was expected, and the client's own names are taken from it.
fn data_misfit(said: &str, path: &str) -> Option<Problem> {
    let of = |words, member: &str| malformed().worded(words).filled("member", member);
    let quoted = |prefix| said.strip_prefix(prefix).and_then(|rest| rest.split_once('`'));
    if let Some((member, _)) = quoted("missing field `") {
        return Some(
            of("missing-member", &joined(path, member)).with("field", joined(path, member)),
        );
    }
    if let Some((member, _)) = quoted("duplicate field `") {
        let member = joined(path, member);
        return Some(of("doubled-member", &member).with("field", member));
    }
    if let Some((member, _)) = quoted("unknown field `") {
        let member = is_tellable(member).then(|| joined(path, member))?;
        return Some(of("unknown-member", &member).with("field", member));
    }
    if path.is_empty() {
        // What stands alone, in place of an object with members.
        let is_object = said
            .rsplit_once(", expected ")
            .is_some_and(|(_, expected)| in_json(expected) == "an object");
        return is_object.then(no_object);
    }
    if !path.split(['.', '[']).all(is_tellable) {
        return None;
    }
    // The rules of our own types quote nothing; some begin with the name of what breaks them.
    let ours = |name: &Field| said.strip_prefix(name.name()).and_then(|why| why.strip_prefix(' '));
    let nameless = ["is ", "must "].iter().any(|begin| said.starts_with(begin)).then_some(said);
    if let Some(why) = Field::ALL.iter().find_map(ours).or(nameless) {
        return Some(Problem::invalid(format!("{path} {why}.")).with("field", path));
    }
    // What was found may be anything, and stands before the last of these.
    let expected = said.rsplit_once(", expected ").map_or("valid", |(_, expected)| expected);
    Some(of("unfit-member", path).filled("expected", in_json(expected)).with("field", path))
}

/// What the reader expects, as somebody who writes JSON calls it.
fn in_json(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "i32" | "i64" => "a whole number",
        "a sequence" => "a list",
        "a map" => "an object",
        expected if expected.starts_with("struct ") => "an object",
        expected => expected,
    }
}

fn joined(path: &str, member: &str) -> String {
    let is_there =
        path == member || path.strip_suffix(member).is_some_and(|rest| rest.ends_with('.'));
    match path {
        "" => member.to_owned(),
        path if is_there => path.to_owned(),
        path => format!("{path}.{member}"),
    }
}

/// Longest name of a client's that is told, and most digits in it: a value that was put in a name's place may be a card.
const MAX_NAME: usize = 40;
const MAX_DIGITS: usize = 4;

fn is_tellable(name: &str) -> bool {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b']');
    name.len() <= MAX_NAME && digits <= MAX_DIGITS && name.bytes().all(is_word)
}

#[cfg(test)]
mod tests {
    use countersign_domain::id::Identifier;

    use crate::body::json;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read into")]
    struct Order {
        items: Vec<Item>,
        #[serde(default)]
        card: Option<Card>,
        #[serde(default)]
        user: Option<Identifier>,
        #[serde(default)]
        kind: Option<Kind>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read into")]
    struct Item {
        quantity: u32,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read into")]
    struct Card {
        number: String,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "it is only read into")]
    enum Kind {
        Sale,
        Refund(Item),
    }

    /// The rule, the body, status, field, and what is said.
    const MISFITS: &[(&str, &str, u16, &str, &str)] = &[
        ("a member too few", "{}", 400, "items", "The member items is missing"),
        (
            "the same, further in",
            r#"{"items":[{"quantity":1},{}]}"#,
            400,
            "items[1].quantity",
            "missing",
        ),
        ("in the card", r#"{"items":[],"card":{}}"#, 400, "card.number", "missing"),
        (
            "a member too many",
            r#"{"items":[],"card":{"numbr":""}}"#,
            400,
            "card.numbr",
            "no member card.numbr",
        ),
        ("at the top", r#"{"locle":1}"#, 400, "locle", "no member locle"),
        (
            "in a list",
            r#"{"items":[{"quantity":1,"price":2}]}"#,
            400,
            "items[0].price",
            "no member",
        ),
        (
            "a number as text",
            r#"{"items":[{"quantity":"4970100000000155"}]}"#,
            400,
            "items[0].quantity",
            "must be a whole number",
        ),
        (
            "text as a number",
            r#"{"items":[],"card":{"number":4970100000000155}}"#,
            400,
            "card.number",
            "must be a string",
        ),
        (
            "a fraction",
            r#"{"items":[{"quantity":1.5}]}"#,
            400,
            "items[0].quantity",
            "must be a whole number",
        ),
        (
            "a number too low",
            r#"{"items":[{"quantity":-1}]}"#,
            400,
            "items[0].quantity",
            "must be a whole number",
        ),
        ("null", r#"{"items":null}"#, 400, "items", "must be a list"),
        (
            "text that says what is expected",
            r#"{"items":"4970100000000155, expected a card"}"#,
            400,
            "items",
            "must be a list",
        ),
        (
            "no such choice",
            r#"{"items":[],"kind":"4970100000000155"}"#,
            400,
            "kind",
            "`sale` or `refund`",
        ),
        (
            "inside a choice",
            r#"{"items":[],"kind":{"refund":{}}}"#,
            400,
            "kind.refund.quantity",
            "missing",
        ),
        ("twice", r#"{"items":[],"items":[]}"#, 400, "items", "twice"),
        (
            "twice, further in",
            r#"{"items":[],"card":{"number":"a","number":"b"}}"#,
            400,
            "card.number",
            "twice",
        ),
        ("a rule of ours", r#"{"items":[],"user":""}"#, 422, "user", "user is empty."),
        ("a card as a name", r#"{"4970100000000155":""}"#, 400, "", "line 1, column 19"),
        ("a sentence as a name", r#"{"my card is secret":""}"#, 400, "", "line 1, column 20"),
        ("no JSON", "4970100000000155x", 400, "", "must be an object"),
        ("half of one", r#"{"items":["#, 400, "", "line 1"),
        ("more behind it", r#"{"items":[]} {}"#, 400, "", "line 1, column 14"),
        ("a list", "[]", 400, "", "must be an object"),
        ("a list of members' values", "[[],null,null,null]", 400, "", "must be an object"),
        ("a text", r#""4970100000000155""#, 400, "", "must be an object"),
        ("a number", "4970100000000155", 400, "", "must be an object"),
        ("null", "null", 400, "", "must be an object"),
        ("nothing", "", 400, "", "must be an object"),
        ("blanks", " \r\n", 400, "", "must be an object"),
        (
            "a list in an object's place",
            r#"{"items":[],"card":["4970100000000155"]}"#,
            400,
            "card",
            "must be an object",
        ),
        ("a list in a list", r#"{"items":[[1]]}"#, 400, "items[0]", "must be an object"),
    ];

    #[test]
    fn what_is_refused_is_named_by_its_path_with_the_rule_and_never_quoted() {
        for (rule, body, status, field, said) in MISFITS {
            let problem = json::<Order>(body.as_bytes()).map(|_| ()).unwrap_err();
            let document = serde_json::to_value(problem.document()).unwrap();
            let told = (problem.status().as_u16(), document["field"].as_str().unwrap_or_default());
            assert_eq!(told, (*status, *field), "{rule}: {document}");
            assert!(problem.explanation().contains(said), "{rule}: {}", problem.explanation());
            assert!(!format!("{problem:?}").contains("4970100000000155"), "{rule}: {problem:?}");
        }
    }
}
