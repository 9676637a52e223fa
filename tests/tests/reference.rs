//! docs/reference/facts.md against the domain: every fact and every refusal is on the page with its name and its
//! members, and none that is not. The enums are read as they are written, wherever the domain keeps them.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{collections::BTreeMap, fs, path::Path};

/// A variant of an enum: its name as serde writes it, and the names of its fields.
type Variants = BTreeMap<String, Vec<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The source of the domain that declares an enum.
fn source_of(name: &str) -> String {
    let files = fs::read_dir(root().join("core/domain/src")).unwrap();
    let sources = files.filter_map(|file| fs::read_to_string(file.unwrap().path()).ok());
    let declaration = format!("pub enum {name} {{");
    let mut declaring = sources.filter(|source| source.contains(&declaration));
    declaring.next().unwrap_or_else(|| panic!("the domain has no enum {name}"))
}

/// What the braces after this text enclose: from the next line to the brace that closes at the margin.
fn block<'s>(source: &'s str, opening: &str) -> &'s str {
    let (_, rest) = source.split_once(opening).unwrap();
    rest.split("\n}").next().unwrap()
}

/// The variants of an enum with `rename_all = "snake_case"`, as rustfmt writes them.
fn variants(name: &str) -> Variants {
    let source = source_of(name);
    let mut variants = Variants::new();
    let mut current = String::new();
    for line in block(&source, &format!("pub enum {name} {{")).lines() {
        let (indent, item) = (line.len() - line.trim_start().len(), line.trim());
        if item.starts_with(char::is_uppercase) && indent == 4 {
            let variant = item.split(|c: char| !c.is_alphanumeric()).next().unwrap();
            current = snake_case(variant);
            variants.insert(current.clone(), Vec::new());
        } else if let Some((field, _)) = item.split_once(": ")
            && indent == 8
            && field.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        {
            variants.get_mut(&current).unwrap().push(field.to_owned());
        }
    }
    assert!(!variants.is_empty(), "{name} has no variants");
    variants
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// The names that `name()` of an enum gives, by variant.
fn names(name: &str) -> BTreeMap<String, String> {
    let source = source_of(name);
    let arms = block(&source, &format!("impl {name} {{")).lines().filter_map(|line| {
        let (variant, name) = line.trim().strip_prefix("Self::")?.split_once(" => \"")?;
        let variant = variant.split(' ').next()?;
        Some((snake_case(variant), name.trim_end_matches(',').trim_end_matches('"').to_owned()))
    });
    arms.collect()
}

/// The rows of the page under a heading, by their first cell.
fn rows(heading: &str) -> BTreeMap<String, String> {
    let page = fs::read_to_string(root().join("docs/reference/facts.md")).unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
}

#[test]
fn every_fact_refusal_and_cause_is_on_the_page_with_its_members() {
    for (name, heading) in
        [("Event", "Facts"), ("Refusal", "Refusals"), ("VoidCause", "Why a payment is voided")]
    {
        let (variants, rows) = (variants(name), rows(heading));
        let (known, told): (Vec<_>, Vec<_>) = (variants.keys().collect(), rows.keys().collect());
        assert_eq!(told, known, "{heading}");
        for (variant, fields) in variants {
            for field in fields {
                let row = rows.get(&variant).unwrap();
                assert!(row.contains(&format!("`{field}`")), "{variant} is without {field}");
            }
        }
    }
}

#[test]
fn a_refusal_and_a_cause_are_on_the_page_by_their_names() {
    for (name, heading) in [("Refusal", "Refusals"), ("VoidCause", "Why a payment is voided")] {
        let (rows, names) = (rows(heading), names(name));
        assert!(!names.is_empty(), "{name} has no names");
        for (variant, name) in names {
            let row = rows.get(&variant).unwrap();
            assert!(row.contains(&format!("`{name}`")), "{variant} is not called {name}: {row}");
        }
    }
}

/// `tests/tests/checkout/refused.rs` provokes each of them.
#[test]
fn every_reason_of_a_refusal_is_in_the_row_of_its_metric_and_among_the_problems() {
    let page = |name: &str| fs::read_to_string(root().join("docs").join(name)).unwrap();
    let guide = page("guides/operate.md");
    let (_, row) = guide.split_once("| `countersign_refusals_total` | `reason` (").unwrap();
    let told = row.split(')').next().unwrap().split(", ").map(|name| name.trim_matches('`'));
    let mut known: Vec<_> = names("Refusal").into_values().collect();
    known.sort_unstable();
    assert_eq!(known, told.collect::<Vec<_>>());
    assert_eq!(known.len(), variants("Refusal").len(), "one has no name");
    let problems = page("reference/http.md");
    for name in known {
        assert!(problems.contains(&format!("\n| `{name}` |")), "{name} is not among the problems");
    }
}

#[test]
fn an_enum_is_read_as_it_is_written() {
    let events = variants("Event");
    assert_eq!(events.get("challenge_started"), Some(&vec!["to".to_owned(), "message".to_owned()]));
    assert_eq!(events.get("challenge_verified"), Some(&vec!["elements".to_owned()]));
    assert_eq!(events.get("payment_agreed"), Some(&Vec::new()));
    assert_eq!(names("Refusal").get("late").map(String::as_str), Some("late-code"));
}
