//! The ASN.1 module of docs/reference/set.asn1, written from the table.

use std::fmt::Write as _;

use countersign_set::table::{CONTENT_TYPES, Field, Kind, Role, Shape, Structure, rows};

/// What stands before the structures: CMS, as much of it as is spoken.
const HEAD: &str = include_str!("module_head.asn1");

/// The whole module.
pub(crate) fn module() -> String {
    let mut text = HEAD.replace("@ARC@", &arc());
    text.push_str("\n-- Content types: of what is digested, signed or encrypted by itself.\n\n");
    let mut content: Vec<_> =
        rows().into_iter().filter_map(|row| Some((row.number?, row.name))).collect();
    content.sort_unstable();
    for (number, name) in content {
        writeln!(text, "id-{name} OBJECT IDENTIFIER ::= {{ id-set {number} }}").unwrap();
    }
    text.push_str("\n-- Structures.\n");
    for row in rows() {
        text.push('\n');
        text.push_str(&structure(row));
    }
    text.push_str("\nEND\n");
    text
}

/// The arc of the content types as a value: its first arcs have names.
fn arc() -> String {
    CONTENT_TYPES.replacen("1.2.", "iso(1) member-body(2) ", 1).replace('.', " ")
}

fn structure(row: &Structure) -> String {
    let mut text = comment("", row.doc);
    let lines = match row.shape {
        Shape::Sequence(fields) => fields.iter().map(field).collect::<Vec<_>>(),
        Shape::Choice(fields) => fields.iter().map(alternative).collect(),
        Shape::Enumerated(values) => {
            values.iter().map(|(name, number)| (format!("{name}({number})"), None)).collect()
        }
    };
    let opening = match row.shape {
        Shape::Sequence(_) => "SEQUENCE",
        Shape::Choice(_) => "CHOICE",
        Shape::Enumerated(_) => "ENUMERATED",
    };
    writeln!(text, "{} ::= {opening} {{", row.name).unwrap();
    let last = lines.len() - 1;
    for (place, (line, said)) in lines.into_iter().enumerate() {
        if let Some(said) = said {
            text.push_str(&comment("    ", &said));
        }
        let comma = if place == last { "" } else { "," };
        writeln!(text, "    {line}{comma}").unwrap();
    }
    text.push_str("}\n");
    text
}

fn field(field: &Field) -> (String, Option<String>) {
    let Field { name, kind, optional, .. } = field;
    let line = match optional {
        Some(tag) => format!("{name} [{tag}] {} OPTIONAL", asn1(kind)),
        None => format!("{name} {}", asn1(kind)),
    };
    (line, Some(said(field)))
}

fn alternative(field: &Field) -> (String, Option<String>) {
    let tag = field.optional.unwrap();
    (format!("{} [{tag}] {}", field.name, asn1(field.kind)), Some(said(field)))
}

/// What a field is for, and how it is protected.
fn said(field: &Field) -> String {
    let doc = field.doc.trim();
    match protection(field.kind) {
        Some(protection) => format!("{doc} {protection}"),
        None => doc.to_owned(),
    }
}

/// A sentence on what is digested, signed, encrypted, and to whom.
fn protection(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Digest(of) => Some(format!("DD({of}).")),
        Kind::KeyOf(role) => Some(format!("SHA-256 of the {}'s SubjectPublicKeyInfo.", of(*role))),
        Kind::Signed { what, by, attached: true } => {
            Some(format!("{what}, signed by the {}.", of(*by)))
        }
        Kind::Signed { what, by, attached: false } => {
            Some(format!("By the {}, over {what}, which is not in it.", of(*by)))
        }
        Kind::Sealed { what, to } => {
            Some(format!("{}, encrypted to the {}.", enclosed(what), of(*to)))
        }
        Kind::List { of, .. } => protection(of),
        Kind::Octets { .. }
        | Kind::Text { .. }
        | Kind::Digits { .. }
        | Kind::Integer { .. }
        | Kind::Boolean
        | Kind::Time
        | Kind::Certificate
        | Kind::Named(_) => None,
    }
}

/// What is in an envelope, in words.
pub(crate) fn enclosed(kind: &Kind) -> String {
    match kind {
        Kind::Named(name) => (*name).to_owned(),
        Kind::Signed { what, by, .. } => format!("Signed of {what} by the {}", of(*by)),
        other => unreachable!("nothing of the kind is encrypted: {other:?}"),
    }
}

pub(crate) fn of(role: Role) -> &'static str {
    match role {
        Role::Cardholder => "cardholder",
        Role::Merchant => "merchant",
        Role::Gateway => "gateway",
        Role::Authority => "authority",
        Role::Applicant => "applicant",
    }
}

/// A kind as ASN.1 writes it.
pub(crate) fn asn1(kind: &Kind) -> String {
    match kind {
        Kind::Octets { min, max } => format!("OCTET STRING ({})", size(*min, *max)),
        Kind::Text { max } => format!("UTF8String ({})", size(1, *max)),
        Kind::Digits { min, max } => format!("NumericString ({})", size(*min, *max)),
        Kind::Integer { min, max } => format!("INTEGER ({min}..{max})"),
        Kind::Boolean => "BOOLEAN".to_owned(),
        Kind::Time => "GeneralizedTime".to_owned(),
        Kind::Certificate => "Certificate".to_owned(),
        Kind::Named(name) => (*name).to_owned(),
        Kind::List { of, min, max } => format!("SEQUENCE ({}) OF {}", size(*min, *max), asn1(of)),
        Kind::Digest(_) => "Digest".to_owned(),
        Kind::KeyOf(_) => "KeyDigest".to_owned(),
        Kind::Signed { attached: true, .. } => "Signed".to_owned(),
        Kind::Signed { attached: false, .. } => "Signature".to_owned(),
        Kind::Sealed { .. } => "Sealed".to_owned(),
    }
}

fn size(min: usize, max: usize) -> String {
    if min == max { format!("SIZE({min})") } else { format!("SIZE({min}..{max})") }
}

/// A comment in lines of at most a hundred columns.
fn comment(indent: &str, text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().unwrap();
        if indent.len() + 3 + line.len() + word.len() > 99 {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{indent}-- {line}\n")).collect()
}
