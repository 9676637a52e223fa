//! The parts of docs/reference/set.md that are made from the table.

use std::{collections::BTreeMap, fmt::Write as _};

use countersign_set::table::{Field, Kind, Shape, Structure, rows};

use crate::module::{asn1, enclosed, of};

/// The names of the parts, and what is in them.
pub(crate) fn parts() -> [(&'static str, String); 3] {
    [("protected", protected()), ("structures", structures()), ("codes", codes())]
}

/// The page with its parts made anew.
pub(crate) fn filled(page: &str) -> String {
    parts().into_iter().fold(page.to_owned(), |page, (name, made)| {
        let (opening, closing) =
            (format!("<!-- {name}: made -->\n"), format!("<!-- {name} end -->"));
        let (before, rest) = page.split_once(&opening).expect(name);
        let (_, after) = rest.split_once(&closing).expect(name);
        format!("{before}{opening}\n{made}\n{closing}{after}")
    })
}

/// What is digested, signed and encrypted by itself, and where.
fn protected() -> String {
    let mut text = String::from(
        "| structure | content type | digested in | signed by, in | encrypted to, in |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    let mut numbered: Vec<_> = rows().into_iter().filter(|row| row.number.is_some()).collect();
    numbered.sort_by_key(|row| row.number);
    for row in numbered {
        let mut places = Places::default();
        for (place, kind) in everywhere() {
            places.look(row.name, &place, kind);
        }
        let number = row.number.unwrap();
        let Places { digested, signed, sealed } = places;
        let digested = digested.join(", ");
        let [signed, sealed] = [signed, sealed].map(by_role);
        writeln!(text, "| `{}` | {number} | {digested} | {signed} | {sealed} |", row.name).unwrap();
    }
    text
}

/// Each role with its places.
fn by_role(places: BTreeMap<&'static str, Vec<String>>) -> String {
    let said = |(role, places): (_, Vec<String>)| format!("{role}: {}", places.join(", "));
    places.into_iter().map(said).collect::<Vec<_>>().join("; ")
}

/// Every field of every structure, and those that are sent by themselves.
fn everywhere() -> Vec<(String, &'static Kind)> {
    let mut found = Vec::new();
    for row in rows() {
        let (Shape::Sequence(fields) | Shape::Choice(fields)) = row.shape else { continue };
        for field in fields {
            found.push((format!("`{}.{}`", row.name, field.name), field.kind));
        }
    }
    found
}

#[derive(Default)]
struct Places {
    digested: Vec<String>,
    signed: BTreeMap<&'static str, Vec<String>>,
    sealed: BTreeMap<&'static str, Vec<String>>,
}

impl Places {
    fn look(&mut self, name: &str, place: &str, kind: &Kind) {
        match kind {
            Kind::Digest(of) if *of == name => self.digested.push(place.to_owned()),
            Kind::Signed { what, by, attached } if *what == name => {
                let how = if *attached { "" } else { " (detached)" };
                self.signed.entry(of(*by)).or_default().push(format!("{place}{how}"));
            }
            Kind::Sealed { what, to } => {
                let is_in_it = match what {
                    Kind::Named(within) | Kind::Signed { what: within, .. } => *within == name,
                    other => unreachable!("nothing of the kind is encrypted: {other:?}"),
                };
                if is_in_it {
                    self.look(name, place, what);
                    self.sealed.entry(of(*to)).or_default().push(place.to_owned());
                }
            }
            Kind::List { of, .. } => self.look(name, place, of),
            Kind::Octets { .. }
            | Kind::Text { .. }
            | Kind::Digits { .. }
            | Kind::Integer { .. }
            | Kind::Boolean
            | Kind::Time
            | Kind::Certificate
            | Kind::Named(_)
            | Kind::Digest(_)
            | Kind::KeyOf(_)
            | Kind::Signed { .. } => {}
        }
    }
}

/// Every structure with its fields.
fn structures() -> String {
    let made = rows().into_iter().filter_map(|row| match row.shape {
        Shape::Sequence(fields) => Some(table(row, fields, false)),
        Shape::Choice(fields) => Some(table(row, fields, true)),
        Shape::Enumerated(_) => None,
    });
    made.collect::<Vec<_>>().join("\n")
}

fn table(row: &Structure, fields: &[Field], is_choice: bool) -> String {
    let content_type =
        row.number.map_or(String::new(), |number| format!(", content type {number}"));
    let shape = if is_choice { "one of" } else { "a sequence" };
    let mut text = format!("### `{}`\n\n{} ({shape}{content_type})\n\n", row.name, row.doc.trim());
    text.push_str("| field | tag | what it holds | what for |\n| --- | --- | --- | --- |\n");
    for field in fields {
        let tag = match field.optional {
            Some(tag) if is_choice => format!("[{tag}]"),
            Some(tag) => format!("[{tag}], optional"),
            None => String::new(),
        };
        let Field { name, kind, doc, .. } = field;
        writeln!(text, "| `{name}` | {tag} | {} | {} |", holds(kind), doc.trim()).unwrap();
    }
    text
}

/// What a field holds, and how that is protected.
fn holds(kind: &Kind) -> String {
    match kind {
        Kind::Digest(of) => format!("DD(`{of}`)"),
        Kind::KeyOf(role) => format!("SHA-256 of the {}'s key", of(*role)),
        Kind::Signed { what, by, attached: true } => format!("`{what}`, signed by the {}", of(*by)),
        Kind::Signed { what, by, attached: false } => {
            format!("signature of the {} over `{what}`", of(*by))
        }
        Kind::Sealed { what, to } => {
            let what = enclosed(what);
            let what =
                what.replacen("Signed of ", "`", 1).replacen(" by the ", "`, signed by the ", 1);
            let what = if what.contains('`') { what } else { format!("`{what}`") };
            format!("{what}, encrypted to the {}", of(*to))
        }
        Kind::Named(name) => format!("`{name}`"),
        Kind::Octets { .. }
        | Kind::Text { .. }
        | Kind::Digits { .. }
        | Kind::Integer { .. }
        | Kind::Boolean
        | Kind::Time
        | Kind::Certificate
        | Kind::List { .. } => asn1(kind),
    }
}

/// Every enumeration with its numbers.
fn codes() -> String {
    let made = rows().into_iter().filter_map(|row| match row.shape {
        Shape::Enumerated(values) => {
            let mut text = format!("### `{}`\n\n{}\n\n", row.name, row.doc.trim());
            text.push_str("| number | name |\n| --- | --- |\n");
            for (name, number) in values {
                writeln!(text, "| {number} | `{name}` |").unwrap();
            }
            Some(text)
        }
        Shape::Sequence(_) | Shape::Choice(_) => None,
    });
    made.collect::<Vec<_>>().join("\n")
}
