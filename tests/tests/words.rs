//! The words of the house: what the table under "Words" in CONTRIBUTING.md bans stands in no source, no page and no
//! text that a person reads.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What is read: everything that people do.
const EXTENSIONS: &[&str] = &["rs", "md", "ftl", "html", "toml", "feature"];

/// A row of the table.
struct Ban {
    /// Words that follow each other. One with a capital is meant at the beginning of a sentence that is no question; one
    /// with a star at its end, with every ending; `/// When.`, as the whole comment.
    patterns: Vec<String>,
    /// Text in which they are meant otherwise.
    fine: Vec<String>,
    /// What to say instead.
    instead: String,
}

/// A word of a file.
struct Word<'a> {
    text: &'a str,
    lower: String,
    /// Where it is in the file.
    at: usize,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The table under "Words".
fn bans() -> Vec<Ban> {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let (_, section) = text.split_once("\n## Words\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let &[banned, instead, fine] = cells.as_slice() else {
            panic!("{row} has not three cells")
        };
        Ban { patterns: quoted(banned), fine: quoted(fine), instead: instead.to_owned() }
    })
    .collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The words of a text. An underscore is between two: names of tests are sentences, too.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(char::is_alphanumeric) {
        let from_start = rest.split_at(start).1;
        let end = from_start.find(|c: char| !c.is_alphanumeric()).unwrap_or(from_start.len());
        let (word, after) = from_start.split_at(end);
        let at = text.len() - from_start.len();
        words.push(Word { text: word, lower: word.to_lowercase(), at });
        rest = after;
    }
    words
}

/// Where a text breaks a ban, as line numbers with the pattern.
fn hits<'b>(text: &str, bans: &'b [Ban]) -> Vec<(usize, &'b str, &'b str)> {
    let (words, lower) = (words(text), text.to_lowercase());
    let mut hits = Vec::new();
    for ban in bans {
        for pattern in &ban.patterns {
            // Most files have none of it: that is the quickest to find.
            let first = pattern.trim_start_matches("/// ").split([' ', '*']).next();
            if !lower.contains(&first.unwrap_or_default().to_lowercase()) {
                continue;
            }
            let found = match pattern.strip_prefix("/// ") {
                Some(comment) => comments(text, comment),
                None => phrases(text, &words, pattern),
            };
            let found = found.into_iter().filter(|at| !is_fine(text, *at, &ban.fine));
            hits.extend(
                found.map(|at| (line_of(text, at), pattern.as_str(), ban.instead.as_str())),
            );
        }
    }
    hits.sort_unstable();
    hits
}

/// Where a comment says this and nothing else.
fn comments(text: &str, comment: &str) -> Vec<usize> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        let said = line.trim().strip_prefix("///").map(str::trim);
        if said == Some(comment) {
            found.push(at);
        }
        at += line.len();
    }
    found
}

/// Where the words of a pattern follow each other, also over the end of a line of a comment.
fn phrases(text: &str, words: &[Word<'_>], pattern: &str) -> Vec<usize> {
    let wanted: Vec<&str> = pattern.split(' ').collect();
    let begins_a_sentence = pattern.starts_with(char::is_uppercase);
    let windows = words.windows(wanted.len());
    let found = windows.filter(|window| {
        let same = window.iter().zip(&wanted).all(|(word, wanted)| is(word, wanted));
        let joined = window.windows(2).all(|pair| match pair {
            [one, next] => is_gap(&text[one.at + one.text.len()..next.at]),
            _ => true,
        });
        same && joined
    });
    let found = found.filter_map(|window| window.first()).map(|word| word.at);
    found.filter(|at| !begins_a_sentence || !is_question(&text[*at..])).collect()
}

fn is(word: &Word<'_>, wanted: &str) -> bool {
    if wanted.starts_with(char::is_uppercase) {
        return word.text == wanted;
    }
    let beginning = wanted.strip_suffix('*');
    beginning.map_or(word.lower == wanted, |beginning| word.lower.starts_with(beginning))
}

/// What may stand between two words of a phrase: blanks, and the beginning of the next line of a comment.
fn is_gap(between: &str) -> bool {
    let blank = |c: char| c.is_whitespace() || c == '_';
    let marks = |c: char| blank(c) || matches!(c, '/' | '!' | '#' | '>');
    between.chars().all(blank) || between.contains('\n') && between.chars().all(marks)
}

/// Whether the sentence that begins here ends with a question mark.
fn is_question(text: &str) -> bool {
    let end = text.find(['.', '?', '!', ':', '|']);
    end.is_some_and(|end| text[end..].starts_with('?'))
}

/// Whether what is found here stands in a text in which it is meant otherwise.
fn is_fine(text: &str, at: usize, fine: &[String]) -> bool {
    fine.iter().any(|fine| {
        let from = at.saturating_sub(fine.len());
        let around = text.get(text.floor_char_boundary(from)..).unwrap_or_default();
        let around = &around[..around.floor_char_boundary(at - from + fine.len() + 1)];
        around.to_lowercase().contains(&fine.to_lowercase())
    })
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Comments that say no more than the name below them, such as `/// The message.` above `message`.
fn repeats(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let of_one_line = lines.windows(3).enumerate().filter(|(_, window)| match window {
        [before, comment, below] => {
            let named = comment.strip_prefix("/// The ").and_then(|said| said.strip_suffix('.'));
            let name = below.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            let name = name.trim_start_matches("fn ").split(|c: char| !is_name(c)).next();
            !before.starts_with("///")
                && named.is_some()
                && named.map(|n| n.replace(' ', "_")).as_deref() == name
        }
        _ => false,
    });
    of_one_line.map(|(index, _)| index + 2).collect()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Every file that people read, from the root, without what is built or fetched.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&&*name) {
                files(&path, found);
            }
        } else if path.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known)) {
            found.push(path);
        }
    }
}

/// Without the ban-list itself, and without what this test tries it on.
fn read(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    if path.ends_with("tests/tests/words.rs") {
        return String::new();
    }
    if !path.ends_with("CONTRIBUTING.md") {
        return text;
    }
    // Its lines stay, so that numbers of lines are right.
    text.lines()
        .map(|line| if line.starts_with("| `") { "\n" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Judges every file, and lists what breaks the rule.
fn judge(rule: impl Fn(&str) -> Vec<String>) {
    let (mut broken, mut paths) = (Vec::new(), Vec::new());
    files(&root(), &mut paths);
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        broken.extend(rule(&read(&path)).into_iter().map(|hit| format!("{name}:{hit}")));
    }
    assert!(broken.is_empty(), "{} places:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn no_banned_word_is_said() {
    let bans = bans();
    judge(|text| {
        let hits = hits(text, &bans).into_iter();
        hits.map(|(line, pattern, instead)| format!("{line}: `{pattern}`; say {instead}")).collect()
    });
}

#[test]
fn no_comment_only_repeats_the_name_below_it() {
    judge(|text| {
        repeats(text).into_iter().map(|line| format!("{line}: repeats the name")).collect()
    });
}

#[test]
fn a_pattern_finds_what_it_means_and_nothing_else() {
    let ban = |pattern: &str, fine: &str| {
        let fine = fine.split_terminator(';').map(str::to_owned).collect();
        vec![Ban { patterns: vec![pattern.to_owned()], fine, instead: String::new() }]
    };
    for (text, pattern, fine, lines) in [
        ("by chance", "chance", "", &[1][..]),
        ("let Chance = 1;", "chance", "", &[1]),
        ("fn is_there_by_chance_only()", "chance", "", &[1]),
        ("chancel", "chance", "", &[]),
        ("is it believed?", "believe*", "", &[1]),
        ("a\nis taken\n    /// for dead", "taken for", "", &[2]),
        ("it was taken. For that", "taken for", "", &[]),
        ("the figures\nof figures 7 and 8", "figures", "figures 7", &[1]),
        ("Who has none calls it.", "Who", "", &[1]),
        ("Who pays? The merchant.", "Who", "", &[]),
        ("the one who pays", "Who", "", &[]),
        ("    /// When.\n    at: u64", "/// When.", "", &[1]),
        ("    /// When. Not later.\n", "/// When.", "", &[]),
    ] {
        let bans = ban(pattern, fine);
        let found: Vec<usize> = hits(text, &bans).into_iter().map(|(line, ..)| line).collect();
        assert_eq!(found, lines, "{pattern} in {text}");
    }
}

#[test]
fn a_comment_repeats_the_name_below_it_when_it_says_no_more() {
    for (text, lines) in [
        ("{\n    /// The message.\n    message: MessageId,", &[2][..]),
        ("{\n    /// The relying party.\n    pub(crate) relying_party: Id,", &[2]),
        ("{\n    /// The message that carried the code.\n    message: MessageId,", &[]),
        ("{\n    /// A long story.\n    /// The message.\n    message: MessageId,", &[]),
        ("{\n    /// The receiver.\n    address: Address,", &[]),
    ] {
        assert_eq!(repeats(text), lines, "{text}");
    }
}
