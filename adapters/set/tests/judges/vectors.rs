//! `tests/vectors`: every message of a purchase and every structure in it, as files. See the README there.

mod bad;
pub(crate) mod make;

use std::{collections::BTreeMap, fmt, fs};

use countersign_certs::sha256;
use countersign_domain::{binding::ShortReference, digest::Sha256Digest, hex, testing::START};
use countersign_set::{
    message::{
        failure::ErrorMessage,
        wrapper::{Message, MessageWrapper},
    },
    table::{CONTENT_TYPES, Described as _, Shape, rows},
};
use der::{Decode as _, Encode as _, asn1::ObjectIdentifier, pem::LineEnding};

use crate::{
    codec::written_again,
    house::{House, folder, recipient_keys},
    registration,
    walk::{Found, elements, value_of, walk},
};

const LABEL: &str = "SET";

/// The folders of good vectors.
pub(crate) const GOOD: [&str; 3] = ["p256", "rsa3072", registration::FOLDER];

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Vector {
    /// Files are sorted by it.
    place: usize,
    pub(crate) name: String,
    why: String,
    /// The ASN.1 type, the digest, what is expected, and what else there is to know.
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) der: Vec<u8>,
}

impl Vector {
    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(of, _)| *of == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn kind(&self) -> &str {
        self.field("type").expect("a type")
    }

    fn file(&self) -> String {
        format!("{:03}-{}.txt", self.place, self.name)
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.why)?;
        for (key, value) in &self.fields {
            writeln!(f, "{key}: {value}")?;
        }
        f.write_str(&der::pem::encode_string(LABEL, LineEnding::LF, &self.der).unwrap())
    }
}

const KEYS: [&str; 9] =
    ["type", "message", "of", "by", "to", "content", "digest", "reference", "expect"];

/// The vectors of a folder, in order.
pub(crate) fn read(of: &str) -> Vec<Vector> {
    let mut names: Vec<_> = fs::read_dir(folder(of))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "{of}");
    names.iter().map(|name| read_one(of, name)).collect()
}

fn read_one(of: &str, file: &str) -> Vector {
    let text = fs::read_to_string(folder(of).join(format!("{file}.txt"))).unwrap();
    let (place, name) = file.split_once('-').unwrap();
    let pem = text.find("-----BEGIN").expect(file);
    let (head, pem) = text.split_at(pem);
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let fields = fields.filter_map(|(key, value)| {
        let key = KEYS.into_iter().find(|known| *known == key)?;
        Some((key, value.to_owned()))
    });
    Vector {
        place: place.parse().unwrap(),
        name: name.to_owned(),
        why: head.lines().next().unwrap().trim_start_matches("# ").to_owned(),
        fields: fields.collect(),
        der: der::pem::decode_vec(pem.as_bytes()).unwrap().1,
    }
}

/// DD, computed from what the page says.
fn digest(number: u16, der: &[u8]) -> String {
    let oid = ObjectIdentifier::new(&format!("{CONTENT_TYPES}.{number}")).unwrap();
    hex::encode(&sha256(&[&oid.to_der().unwrap(), der].concat()))
}

#[test]
fn every_vector_is_read_and_written_the_same() {
    for vector in GOOD.into_iter().flat_map(read) {
        let again = written_again(vector.kind(), &vector.der);
        assert_eq!(vector.field("expect"), Some("the same bytes"), "{}", vector.name);
        assert_eq!(again.as_ref(), Ok(&vector.der), "{}", vector.name);
    }
}

/// The vectors, and each message alone, which stands in its wrapper.
fn with_messages() -> Vec<Vector> {
    let mut vectors = [read("p256"), read(registration::FOLDER)].concat();
    let messages: Vec<_> = vectors
        .iter()
        .filter(|vector| vector.kind() == "MessageWrapper")
        .map(|vector| Vector {
            fields: vec![("type", "Message".to_owned())],
            der: elements(value_of(&vector.der)).last().unwrap().to_vec(),
            ..vector.clone()
        })
        .collect();
    vectors.extend(messages);
    vectors
}

#[test]
fn every_structure_has_a_vector_and_its_digest() {
    let vectors = with_messages();
    for row in rows() {
        if matches!(row.shape, Shape::Enumerated(_)) {
            continue;
        }
        let own: Vec<_> = vectors.iter().filter(|vector| vector.kind() == row.name).collect();
        assert!(!own.is_empty(), "{}", row.name);
        for vector in own {
            let wanted = row.number.map(|number| digest(number, &vector.der));
            assert_eq!(vector.field("digest"), wanted.as_deref(), "{}", vector.name);
        }
    }
}

#[test]
fn every_alternative_of_a_choice_has_a_vector() {
    let vectors = with_messages();
    for row in rows() {
        let Shape::Choice(fields) = row.shape else { continue };
        for field in fields {
            let tag = field.optional.unwrap();
            let tag = match tag {
                ..31 => vec![0xA0 | u8::try_from(tag).unwrap()],
                31..128 => vec![0xBF, u8::try_from(tag).unwrap()],
                _ => vec![
                    0xBF,
                    0x80 | u8::try_from(tag >> 7).unwrap(),
                    u8::try_from(tag & 127).unwrap(),
                ],
            };
            let mut own = vectors.iter().filter(|vector| vector.kind() == row.name);
            assert!(own.any(|vector| vector.der.starts_with(&tag)), "{} {}", row.name, field.name);
        }
    }
}

/// SET's linkage: what is digested is what was sent elsewhere, or is known to both sides.
#[test]
fn every_digest_in_a_message_is_that_of_a_structure() {
    for of in GOOD {
        let vectors = read(of);
        let (mut digests, mut structures) = (Vec::new(), BTreeMap::new());
        for vector in &vectors {
            if let Some(digest) = vector.field("digest") {
                structures.insert((vector.kind().to_owned(), digest.to_owned()), ());
            }
        }
        for vector in vectors.iter().filter(|vector| vector.kind() == "MessageWrapper") {
            for found in walk(MessageWrapper::KIND, &vector.der, &recipient_keys(of)) {
                match found {
                    Found::Digest { of, value } => digests.push((of, hex::encode(&value))),
                    Found::Structure { row, der } => {
                        if let Some(number) = row.number {
                            let key = (row.name.to_owned(), digest(number, &der));
                            structures.insert(key, ());
                        }
                    }
                    Found::Signed { .. } | Found::Sealed { .. } => {}
                }
            }
        }
        assert!(digests.len() >= if of == registration::FOLDER { 5 } else { 20 }, "{of}");
        for (structure, value) in digests {
            let key = (structure.to_owned(), value);
            assert!(structures.contains_key(&key), "{of}: nothing has the digest {key:?}");
        }
    }
}

#[test]
fn a_short_reference_is_of_the_purchases_name() {
    let vectors = read("p256");
    let name = vectors.iter().find(|vector| vector.kind() == "PurchaseName").unwrap();
    let digest = hex::decode(name.field("digest").unwrap()).unwrap();
    let digest = Sha256Digest::new(digest.try_into().unwrap());
    assert_eq!(name.field("reference"), Some(ShortReference::of(&digest).as_str()));
}

/// What the codec refuses it names; what the wrapper is refused for, the merchant answers.
#[tokio::test]
async fn every_bad_vector_is_refused_as_it_says() {
    let house = House::new("p256");
    for vector in read("bad") {
        let is_message = vector.kind() == "MessageWrapper";
        let answers = async || {
            let merchant = house.merchant.answer(&vector.der).await.unwrap();
            let gateway = house.gateway.answer(&vector.der).await.unwrap();
            [merchant, gateway].map(|answer| error_of(&answer))
        };
        let outcome = match written_again(vector.kind(), &vector.der) {
            Err(error) => {
                if is_message {
                    assert_eq!(answers().await, ["decodingFailure"; 2], "{}", vector.name);
                }
                error.kind().to_string()
            }
            Ok(_) if is_message => answers().await[0].clone(),
            Ok(_) => "read".to_owned(),
        };
        assert_eq!(Some(outcome.as_str()), vector.field("expect"), "{}", vector.name);
    }
}

/// The code in an error message.
fn error_of(message: &[u8]) -> String {
    let wrapper = MessageWrapper::from_der(message).unwrap();
    let code = match wrapper.message {
        Message::Error(ErrorMessage::OfMerchant(signed)) => {
            signed.verify(&trust(), at()).unwrap().0.error_code
        }
        Message::Error(ErrorMessage::OfGateway(signed)) => {
            signed.verify(&trust(), at()).unwrap().0.error_code
        }
        other => unreachable!("no error: {other:?}"),
    };
    code.to_string()
}

fn trust() -> countersign_certs::TrustAnchors {
    countersign_certs::TrustAnchors::new(&[crate::house::root("p256")]).unwrap()
}

fn at() -> countersign_certs::UnixTime {
    countersign_certs::UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        START.unix_seconds(),
    ))
}

#[test]
fn every_bad_vector_can_be_made_again() {
    let made = bad::all();
    assert_eq!(made.len(), read("bad").len());
    for vector in made {
        let written = fs::read_to_string(folder("bad").join(vector.file())).expect(&vector.name);
        assert!(written == vector.to_string(), "{}", vector.name);
    }
}

/// Not a test: writes the files, with new keys where there are none.
/// `cargo test -p countersign-set --test judges -- --ignored write_the_vectors`
#[tokio::test]
#[ignore = "writes tests/vectors"]
async fn write_the_vectors() {
    make::write().await;
    make::write_with_pin();
    registration::write().await;
    for vector in bad::all() {
        fs::create_dir_all(folder("bad")).unwrap();
        fs::write(folder("bad").join(vector.file()), vector.to_string()).unwrap();
    }
}
