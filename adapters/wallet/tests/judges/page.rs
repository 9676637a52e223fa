//! docs/reference/wallet.md says what the tables say.

use std::{fmt::Write as _, fs, path::PathBuf};

use countersign_wallet::{
    message::{MESSAGES, registration},
    table::{Field, Kind, Message, Party, Protection, Term},
};

use crate::refusals::rows;

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/wallet.md")
}

/// The page with its parts made anew.
fn filled(page: &str) -> String {
    let registration = registration::MESSAGES.iter().map(table).collect();
    [("messages", messages()), ("registration", registration), ("refusals", refusals())]
        .into_iter()
        .fold(page.to_owned(), |page, (name, made)| {
            let (opening, closing) =
                (format!("<!-- {name}: made -->\n"), format!("<!-- {name} end -->"));
            let (before, rest) = page.split_once(&opening).unwrap();
            let (_, after) = rest.split_once(&closing).unwrap();
            format!("{before}{opening}\n{made}\n{closing}{after}")
        })
}

fn messages() -> String {
    MESSAGES.iter().map(table).collect::<Vec<_>>().join("\n")
}

fn table(message: &Message) -> String {
    let Message { name, figure, protection, doc, fields } = message;
    let kept = match protection {
        Protection::Signed { by, typ } => {
            format!("signed by the {}, `typ` `{typ}`", party(*by))
        }
        Protection::Channel { by } => format!("sent by the {}, kept by TLS", party(*by)),
    };
    let mut text = format!("### `{name}` ({figure})\n\n{} It is {kept}.\n\n", doc.trim());
    text.push_str("| member | what it holds | what it binds | what for |\n");
    text.push_str("| --- | --- | --- | --- |\n");
    for Field { name, kind, binds, optional, doc } in *fields {
        let (holds, binds) = (holds(kind), term(*binds));
        let holds = if *optional { format!("{holds}; may be absent") } else { holds };
        writeln!(text, "| `{name}` | {holds} | {binds} | {} |", doc.trim()).unwrap();
    }
    text
}

const fn party(party: Party) -> &'static str {
    match party {
        Party::Client => "client",
        Party::Merchant => "merchant",
        Party::Server => "server",
    }
}

const fn term(term: Term) -> &'static str {
    match term {
        Term::Merchant => "the merchant",
        Term::Server => "the server",
        Term::Ticket => "the ticket",
        Term::Amount => "the amount",
        Term::Order => "the order",
        Term::Payment => "the payment",
        Term::Source => "what pays",
        Term::Code => "the code",
        Term::Pin => "the PIN",
        Term::Receipt => "the receipt",
        Term::Itself => "the message itself",
        Term::Time => "the time",
        Term::Shown => "nothing",
    }
}

fn holds(kind: &Kind) -> String {
    match kind {
        Kind::Integer { min, max } => format!("integer, {min} to {max}"),
        Kind::Text { max } => format!("string, 1 to {max} characters that can be shown"),
        Kind::Word(words) => format!("one of `{}`", words.join("`, `")),
        Kind::Words(words) => format!("array of some of `{}`, each once", words.join("`, `")),
        Kind::Token { min, max } => {
            format!("string, {min} to {max} letters, digits, `-` and `_`")
        }
        Kind::Id(prefix) => format!("string, `{prefix}` and 32 hexadecimal digits"),
        Kind::Host => "string, a host in lower case".to_owned(),
        Kind::Currency => "string, an ISO 4217 code".to_owned(),
        Kind::Digest(of) => format!("string, SHA-256 of the signed `{of}`, 64 hexadecimal digits"),
        Kind::Compact(of) => format!("string, a signed `{of}`"),
        Kind::Choice(members) => format!("object with one member: {}", list(members, " or ")),
        Kind::List { of, max } => {
            format!("array of up to {max} objects with {}", list(of, " and "))
        }
    }
}

fn list(members: &[(&str, Kind)], between: &str) -> String {
    let member = |(name, kind): &(&str, Kind)| format!("`{name}` ({})", holds(kind));
    members.iter().map(member).collect::<Vec<_>>().join(between)
}

fn refusals() -> String {
    let mut text = String::from("| problem | vector | what is wrong |\n| --- | --- | --- |\n");
    for row in rows() {
        let why = row.why.trim_end_matches('.');
        writeln!(text, "| `{}` | {} | {why} |", row.refusal.name(), row.name).unwrap();
    }
    text
}

#[test]
fn the_page_says_what_the_tables_say() {
    let written = fs::read_to_string(file()).unwrap();
    assert!(written == filled(&written), "write it again: see write_the_page");
}

/// Not a test: writes it. `cargo test -p countersign-wallet --test judges -- --ignored write_the_page`
#[test]
#[ignore = "writes the tables of docs/reference/wallet.md"]
fn write_the_page() {
    let page = fs::read_to_string(file()).unwrap();
    fs::write(file(), filled(&page)).unwrap();
}
