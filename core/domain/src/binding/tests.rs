use std::{collections::HashMap, fs, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{
    address::Msisdn,
    agreement::{DocumentFact, ProtocolOrder},
    amount::Amount,
    code::AuthenticationCode,
    digest::Sha256Digest,
    secret::Secret,
    testing::{binding, card, other_card},
    transaction::{Item, Payee, Reference},
};

/// The `name: value` lines of a vector; a name may have several.
struct Vector(HashMap<String, Vec<String>>);

impl Vector {
    fn read(text: &str) -> Self {
        let mut fields: HashMap<String, Vec<String>> = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.split_once(": ").expect("name: value");
            fields.entry(name.to_owned()).or_default().push(value.to_owned());
        }
        Self(fields)
    }

    fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    fn one(&self, name: &str) -> String {
        let [value] = self.all(name) else { panic!("not one {name}") };
        value.clone()
    }

    fn binding(&self) -> Binding {
        let origin = self.all("origin").first();
        Binding {
            challenge: self.one("challenge").try_into().unwrap(),
            relying_party: self.one("relying-party").try_into().unwrap(),
            person: Person {
                identifier: self.one("identifier").try_into().unwrap(),
                address: Msisdn::try_from(self.one("msisdn")).unwrap().into(),
                session: self.one("session").try_into().unwrap(),
                locale: self.one("locale").try_into().unwrap(),
                origin: origin.map(|origin| origin.as_str().try_into().unwrap()),
            },
            issued_at: Timestamp::from_unix_millis(self.one("issued-at-millis").parse().unwrap()),
            agreement: self.agreement(),
        }
    }

    fn agreement(&self) -> Agreement {
        let digest =
            |name: &str| self.all(name).first().map(|text| text.clone().try_into().unwrap());
        match self.one("agreement").as_str() {
            "access" => Agreement::Access { to: self.one("to").try_into().unwrap() },
            "certificate" => Agreement::Certificate { name: self.one("name").try_into().unwrap() },
            "payment" => {
                let account = self.all("account").first();
                Agreement::Payment {
                    transaction: self.transaction(&self.one("amount-minor")),
                    account: account
                        .map(|text| serde_json::from_value(text.as_str().into()).unwrap()),
                    order: digest("order-sha256").map(|order| ProtocolOrder {
                        digest: order,
                        name: digest("order-name-sha256").unwrap(),
                    }),
                }
            }
            "document" => {
                let fact = |text: &String| {
                    let (label, value) = text.split_once(" = ").unwrap();
                    DocumentFact {
                        label: label.try_into().unwrap(),
                        value: value.try_into().unwrap(),
                    }
                };
                let facts = self.all("fact").iter().map(fact).collect();
                let title = self.one("title").try_into().unwrap();
                let document = Document::new(title, facts, digest("document-sha256").unwrap());
                Agreement::Document(document.unwrap())
            }
            other => panic!("{other}"),
        }
    }

    fn transaction(&self, amount_minor: &str) -> Transaction {
        let item = |text: &String| {
            let (quantity, name) = text.split_once(' ').unwrap();
            Item { name: name.try_into().unwrap(), quantity: quantity.parse().unwrap() }
        };
        let currency = self.one("currency").try_into().unwrap();
        Transaction::new(
            Amount::new(amount_minor.parse().unwrap(), currency).unwrap(),
            self.one("payee").try_into().unwrap(),
            self.one("reference").try_into().unwrap(),
            self.all("item").iter().map(item).collect(),
        )
        .unwrap()
    }

    /// The expectations, computed.
    fn computed(&self) -> [(&'static str, String); 4] {
        let binding = self.binding();
        let key: [u8; 32] = crate::hex::decode(&self.one("key")).unwrap().try_into().unwrap();
        let code = AuthenticationCode::derive(&Secret::new(key), &binding, 8).unwrap();
        [
            ("expect-encoding", crate::hex::encode(&binding.canonical_bytes())),
            ("expect-sha256", crate::hex::encode(binding.digest().as_ref())),
            ("expect-reference", binding.reference().as_str().to_owned()),
            ("expect-code-8", code.expose().to_owned()),
        ]
    }
}

#[test]
fn every_vector_of_the_encoding_and_the_code_holds() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/binding");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut held = 0;
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "txt")) {
        let vector = Vector::read(&fs::read_to_string(&path).unwrap());
        for (name, computed) in vector.computed() {
            assert_eq!(computed, vector.one(name), "{name} of {}", path.display());
        }
        held += 1;
    }
    assert_eq!(held, 17, "the folder has this many vectors");
}

/// Any binding: few values for each field and short texts, so that what differs little is often drawn.
fn any_binding() -> impl Strategy<Value = Binding> {
    let id = |prefix: &'static str| (0..3_u8).prop_map(move |n| format!("{prefix}_{n:032x}"));
    (id("ch"), "[ab]{1,3}", any_person(id("ses")), 0..3_u64, any_agreement()).prop_map(
        |(challenge, relying_party, person, millis, agreement)| Binding {
            challenge: challenge.try_into().unwrap(),
            relying_party: relying_party.try_into().unwrap(),
            person,
            issued_at: Timestamp::from_unix_millis(millis),
            agreement,
        },
    )
}

fn any_person(sessions: impl Strategy<Value = String>) -> impl Strategy<Value = Person> {
    let origins = prop::option::of("[ab]{1,2}");
    ("[ab]{1,3}", "[+]336000000[01]", sessions, "[ab]{2,3}", origins).prop_map(
        |(identifier, number, session, locale, origin)| Person {
            identifier: identifier.try_into().unwrap(),
            address: Msisdn::try_from(number).unwrap().into(),
            session: session.try_into().unwrap(),
            locale: locale.try_into().unwrap(),
            origin: origin.map(|origin| origin.try_into().unwrap()),
        },
    )
}

fn any_digest() -> impl Strategy<Value = Sha256Digest> {
    (0..2_u8).prop_map(|byte| Sha256Digest::new([byte; 32]))
}

fn any_order() -> impl Strategy<Value = ProtocolOrder> {
    (any_digest(), any_digest()).prop_map(|(digest, name)| ProtocolOrder { digest, name })
}

fn any_agreement() -> impl Strategy<Value = Agreement> {
    let accounts = [None, Some(card().masked()), Some(other_card().masked())];
    let accounts = prop::sample::select(accounts.to_vec());
    let fact = ("[ab]{1,2}", "[ab]{1,2}").prop_map(|(label, value)| DocumentFact {
        label: label.try_into().unwrap(),
        value: value.try_into().unwrap(),
    });
    let document = ("[ab]{1,2}", prop::collection::vec(fact, 0..3), any_digest());
    prop_oneof![
        "[ab]{1,3}".prop_map(|to| Agreement::Access { to: to.try_into().unwrap() }),
        "[ab]{1,3}".prop_map(|name| Agreement::Certificate { name: name.try_into().unwrap() }),
        (any_transaction(), accounts, prop::option::of(any_order())).prop_map(
            |(transaction, account, order)| Agreement::Payment { transaction, account, order }
        ),
        document.prop_map(|(title, facts, digest)| {
            Agreement::Document(Document::new(title.try_into().unwrap(), facts, digest).unwrap())
        }),
    ]
}

fn any_transaction() -> impl Strategy<Value = Transaction> {
    let item = ("[ab]{1,2}", 1..3_u32)
        .prop_map(|(name, quantity)| Item { name: name.try_into().unwrap(), quantity });
    let currency = prop::sample::select(vec!["EUR", "USD", "JPY"]);
    (1..4_u64, currency, "[ab]{1,3}", "[ab]{1,3}", prop::collection::vec(item, 0..3)).prop_map(
        |(minor, currency, payee, reference, items)| {
            let amount = Amount::new(minor, currency.try_into().unwrap()).unwrap();
            let (payee, reference) =
                (Payee::try_from(payee).unwrap(), Reference::try_from(reference).unwrap());
            Transaction::new(amount, payee, reference, items).unwrap()
        },
    )
}

/// One field of `binding` as `other` has it.
fn with_one_field_of(mut binding: Binding, other: Binding, field: usize) -> Binding {
    match field {
        0 => binding.challenge = other.challenge,
        1 => binding.relying_party = other.relying_party,
        2 => binding.person.identifier = other.person.identifier,
        3 => binding.person.address = other.person.address,
        4 => binding.person.session = other.person.session,
        5 => binding.person.locale = other.person.locale,
        6 => binding.person.origin = other.person.origin,
        7 => binding.issued_at = other.issued_at,
        _ => binding.agreement = other.agreement,
    }
    binding
}

proptest! {
    #[test]
    fn two_bindings_have_the_same_encoding_only_when_they_are_equal(one in any_binding(), two in any_binding()) {
        prop_assert_eq!(one == two, one.canonical_bytes() == two.canonical_bytes());
    }

    #[test]
    fn a_change_of_one_field_makes_another_encoding(one in any_binding(), two in any_binding(), field in 0..9_usize) {
        let changed = with_one_field_of(one.clone(), two, field);
        prop_assert_eq!(one == changed, one.canonical_bytes() == changed.canonical_bytes());
    }

    #[test]
    fn what_moves_from_one_name_to_the_next_makes_another_encoding(text in "[ab]{20}", at in 1..16_usize) {
        let split = |at: usize| {
            let mut split = binding();
            split.relying_party = text[..at].try_into().unwrap();
            split.person.identifier = text[at..].try_into().unwrap();
            split
        };
        prop_assert_eq!(at == 1, split(at).canonical_bytes() == split(1).canonical_bytes());
    }

    #[test]
    fn a_reference_is_four_characters_that_are_told_apart(binding in any_binding()) {
        let reference = binding.reference();
        prop_assert_eq!(reference.as_str().len(), 4);
        prop_assert!(reference.as_str().chars().all(|c| REFERENCE_ALPHABET.contains(&c)));
    }

    #[test]
    fn the_reference_of_a_protocols_own_order_is_of_its_name_alone(
        one in any_binding(), two in any_binding(), order in any_order(), digest in any_digest()
    ) {
        let with = |mut binding: Binding, order| {
            if let Agreement::Payment { order: own, .. } = &mut binding.agreement {
                *own = Some(order);
            }
            matches!(binding.agreement, Agreement::Payment { .. }).then(|| binding.reference())
        };
        let other = ProtocolOrder { digest, ..order.clone() };
        let references = [with(one, order.clone()), with(two, other)];
        for reference in references.into_iter().flatten() {
            prop_assert_eq!(reference, ShortReference::of(&order.name));
        }
    }

    #[test]
    fn a_stored_binding_reads_back_with_the_same_encoding(binding in any_binding()) {
        let read: Binding = serde_json::from_str(&serde_json::to_string(&binding).unwrap()).unwrap();
        prop_assert_eq!(read.canonical_bytes(), binding.canonical_bytes());
    }
}
