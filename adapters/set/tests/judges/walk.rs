//! Takes a message apart as the table says it is made, without the codec: what stands in it, what is digested, signed and
//! encrypted, opened with the keys of all who take part.

use countersign_certs::{RecipientKey, cms::sealed};
use countersign_set::table::{Kind, Role, Shape, Structure, rows};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _, asn1::AnyRef};

/// Something that stands in a message.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// A structure.
    Structure { row: &'static Structure, der: Vec<u8> },
    /// A signature, with what is signed if that is in it.
    Signed { what: &'static str, by: Role, content: Option<Vec<u8>>, message: Vec<u8> },
    /// An envelope, and what is in it.
    Sealed { to: Role, content: Vec<u8>, message: Vec<u8> },
    /// The digest of a structure.
    Digest { of: &'static str, value: Vec<u8> },
}

/// Everything in a value of that kind, in order, itself first.
pub(crate) fn walk(kind: &'static Kind, der: &[u8], keys: &[RecipientKey]) -> Vec<Found> {
    let mut walk = Walk { keys, found: Vec::new() };
    walk.value(kind, der);
    walk.found
}

/// The row of that name.
pub(crate) fn row(name: &str) -> &'static Structure {
    rows().into_iter().find(|row| row.name == name).expect(name)
}

struct Walk<'a> {
    keys: &'a [RecipientKey],
    found: Vec<Found>,
}

impl Walk<'_> {
    fn value(&mut self, kind: &'static Kind, der: &[u8]) {
        match kind {
            Kind::Named(name) => self.structure(row(name), der),
            Kind::List { of, .. } => {
                elements(value_of(der)).into_iter().for_each(|one| self.value(of, one));
            }
            Kind::Digest(of) => {
                self.found.push(Found::Digest { of, value: value_of(der).to_vec() });
            }
            Kind::Signed { what, by, attached } => {
                let content = signed_content(der);
                assert_eq!(content.is_some(), *attached, "{what}");
                let found = content.clone();
                let message = der.to_vec();
                self.found.push(Found::Signed { what, by: *by, content: found, message });
                if let Some(content) = content {
                    self.structure(row(what), &content);
                }
            }
            Kind::Sealed { what, to } => {
                let content = sealed::open(der, self.keys).expect("an envelope").to_vec();
                let (found, message) = (content.clone(), der.to_vec());
                self.found.push(Found::Sealed { to: *to, content: found, message });
                self.value(what, &content);
            }
            Kind::Octets { .. }
            | Kind::Text { .. }
            | Kind::Digits { .. }
            | Kind::Integer { .. }
            | Kind::Boolean
            | Kind::Time
            | Kind::Certificate
            | Kind::KeyOf(_) => {}
        }
    }

    fn structure(&mut self, row: &'static Structure, der: &[u8]) {
        self.found.push(Found::Structure { row, der: der.to_vec() });
        match row.shape {
            Shape::Enumerated(_) => {}
            Shape::Choice(fields) => {
                let number = tag_number(der);
                let chosen = fields.iter().find(|field| field.optional == number);
                self.value(chosen.expect(row.name).kind, value_of(der));
            }
            Shape::Sequence(fields) => {
                let mut elements = elements(value_of(der)).into_iter().peekable();
                for field in fields {
                    let there = match field.optional {
                        None => Some(elements.next().expect(field.name)),
                        Some(tag) => elements
                            .next_if(|element| tag_number(element) == Some(tag))
                            .map(value_of),
                    };
                    if let Some(der) = there {
                        self.value(field.kind, der);
                    }
                }
                assert_eq!(elements.next(), None, "{} has more", row.name);
            }
        }
    }
}

/// What is between the length and the end of one element.
pub(crate) fn value_of(der: &[u8]) -> &[u8] {
    AnyRef::from_der(der).unwrap().value()
}

/// The elements of a constructed value.
pub(crate) fn elements(value: &[u8]) -> Vec<&[u8]> {
    let mut reader = SliceReader::new(value).unwrap();
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(reader.tlv_bytes().unwrap());
    }
    elements
}

fn tag_number(der: &[u8]) -> Option<u16> {
    match AnyRef::from_der(der).unwrap().tag() {
        Tag::ContextSpecific { constructed: true, number } => u16::try_from(number.value()).ok(),
        _ => None,
    }
}

/// What is signed in a SignedData, if it is in it (RFC 5652 section 5.2).
fn signed_content(message: &[u8]) -> Option<Vec<u8>> {
    let [_, content] = elements(value_of(message)).try_into().expect("a ContentInfo");
    let signed_data = elements(value_of(value_of(content)));
    let encapsulated = elements(value_of(signed_data.get(2).expect("encapContentInfo")));
    encapsulated.get(1).map(|content| value_of(value_of(content)).to_vec())
}
