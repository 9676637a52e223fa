//! CSV (RFC 4180), for spreadsheet programs, which calculate what looks like a formula.

use countersign_domain::register::{Balance, Entry, Statement};

use crate::{
    heading::{Heading, Unfit, is_last},
    value::{date_time, decimal},
};

const HEADER: &str = "line,at,reference,text,debit,credit,balance,currency\r\n";

/// The page as lines of CSV. The first page begins with the names of the columns and the opening balance, the last one ends
/// with the closing balance. `text` says what an entry is, for people.
///
/// # Errors
/// [`Unfit::Time`].
pub fn csv(
    heading: &Heading<'_>,
    statement: &Statement,
    text: impl Fn(&Entry) -> String,
) -> Result<String, Unfit> {
    let mut lines = String::new();
    if heading.is_first() {
        lines.push_str(HEADER);
        lines.push_str(&balance(heading, "opening", date_time(heading.from)?, statement.opening));
    }
    for entry in &statement.entries {
        lines.push_str(&movement(heading, entry, &text(entry))?);
    }
    if is_last(statement) {
        lines.push_str(&balance(heading, "closing", date_time(heading.to)?, statement.closing));
    }
    Ok(lines)
}

fn balance(heading: &Heading<'_>, line: &str, at: String, balance: Balance) -> String {
    let currency = heading.currency;
    format!("{line},{at},,,,,{},{currency}\r\n", decimal(balance.net_minor(), currency))
}

fn movement(heading: &Heading<'_>, entry: &Entry, text: &str) -> Result<String, Unfit> {
    let (is_debit, is_credit) = heading.sides(entry);
    let amount = entry.posting.amount.to_decimal();
    let debit = if is_debit { amount.as_str() } else { "" };
    let credit = if is_credit { amount.as_str() } else { "" };
    Ok(format!(
        "entry,{},{},{},{debit},{credit},{},{}\r\n",
        date_time(entry.posting.at)?,
        cell(&entry.posting.id),
        cell(text),
        decimal(entry.balance.net_minor(), heading.currency),
        heading.currency,
    ))
}

/// Text of others as one cell, which no spreadsheet program calculates: an apostrophe stands before whatever could begin a
/// formula, at the beginning and after what another program might read as the end of a cell (OWASP, CSV injection). Control
/// characters become spaces: no line ends inside a cell.
fn cell(text: &str) -> String {
    let mut safe = String::from('"');
    let mut begins = true;
    for character in text.chars().map(|c| if is_break(c) { ' ' } else { c }) {
        // The wide forms are calculated, too, where Japanese is written.
        if begins && matches!(character, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') {
            safe.push('\'');
        }
        begins = matches!(character, ',' | ';' | '|' | '"') || (begins && character == ' ');
        safe.push(character);
        if character == '"' {
            safe.push('"');
        }
    }
    safe.push('"');
    safe
}

fn is_break(character: char) -> bool {
    character.is_control() || character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_never_more_than_a_cell() {
        for (text, expected) in [
            ("", r#""""#),
            ("Book \u{e9}", r#""Book é""#),
            ("a,b", r#""a,b""#),
            (r#"the "best" one"#, r#""the ""best"" one""#),
            ("2-1=1", r#""2-1=1""#),
            ("=1+1", r#""'=1+1""#),
            ("+1", r#""'+1""#),
            ("-1", r#""'-1""#),
            ("@SUM(A1)", r#""'@SUM(A1)""#),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("\t=1", r#"" '=1""#),
            ("\r\n=1", r#""  '=1""#),
            ("\u{a0}=1", r#"" '=1""#),
            ("a;=1", r#""a;'=1""#),
            ("a, =1", r#""a, '=1""#),
            (r#"a"=1"#, r#""a""'=1""#),
            ("a\n=1", r#""a =1""#),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
