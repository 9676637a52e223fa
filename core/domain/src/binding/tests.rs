use std::{collections::HashMap, fs, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{
    amount::Amount,
    code::AuthenticationCode,
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
        let account = |text: &String| serde_json::from_value(text.as_str().into()).unwrap();
        Binding {
            challenge: self.one("challenge").try_into().unwrap(),
            relying_party: self.one("relying-party").try_into().unwrap(),
            identifier: self.one("identifier").try_into().unwrap(),
            session: self.one("session").try_into().unwrap(),
            issued_at: Timestamp::from_unix_millis(self.one("issued-at-millis").parse().unwrap()),
            account: self.all("account").first().map(account),
            transaction: self.all("amount-minor").first().map(|minor| self.transaction(minor)),
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
    fn computed(&self) -> [(&'static str, String); 3] {
        let binding = self.binding();
        let key: [u8; 32] = crate::hex::decode(&self.one("key")).unwrap().try_into().unwrap();
        let code = AuthenticationCode::derive(&Secret::new(key), &binding, 8).unwrap();
        [
            ("expect-encoding", crate::hex::encode(&binding.canonical_bytes())),
            ("expect-sha256", crate::hex::encode(binding.digest().as_ref())),
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
    assert_eq!(held, 13, "the folder has this many vectors");
}

/// Any binding: few values for each field and short texts, so that what differs little is often drawn.
fn any_binding() -> impl Strategy<Value = Binding> {
    let id = |prefix: &'static str| (0..3_u8).prop_map(move |n| format!("{prefix}_{n:032x}"));
    let accounts = [None, Some(card().masked()), Some(other_card().masked())];
    (
        id("ch"),
        "[ab]{1,3}",
        "[ab]{1,3}",
        id("ses"),
        0..3_u64,
        prop::sample::select(accounts.to_vec()),
        prop::option::of(any_transaction()),
    )
        .prop_map(
            |(challenge, relying_party, identifier, session, millis, account, transaction)| {
                Binding {
                    challenge: challenge.try_into().unwrap(),
                    relying_party: relying_party.try_into().unwrap(),
                    identifier: identifier.try_into().unwrap(),
                    session: session.try_into().unwrap(),
                    issued_at: Timestamp::from_unix_millis(millis),
                    account,
                    transaction,
                }
            },
        )
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
        2 => binding.identifier = other.identifier,
        3 => binding.session = other.session,
        4 => binding.issued_at = other.issued_at,
        5 => binding.account = other.account,
        _ => binding.transaction = other.transaction,
    }
    binding
}

proptest! {
    #[test]
    fn two_bindings_have_the_same_encoding_only_when_they_are_equal(one in any_binding(), two in any_binding()) {
        prop_assert_eq!(one == two, one.canonical_bytes() == two.canonical_bytes());
    }

    #[test]
    fn a_change_of_one_field_makes_another_encoding(one in any_binding(), two in any_binding(), field in 0..7_usize) {
        let changed = with_one_field_of(one.clone(), two, field);
        prop_assert_eq!(one == changed, one.canonical_bytes() == changed.canonical_bytes());
    }

    #[test]
    fn what_moves_from_one_name_to_the_next_makes_another_encoding(text in "[ab]{20}", at in 1..16_usize) {
        let split = |at: usize| Binding {
            relying_party: text[..at].try_into().unwrap(),
            identifier: text[at..].try_into().unwrap(),
            ..binding()
        };
        prop_assert_eq!(at == 1, split(at).canonical_bytes() == split(1).canonical_bytes());
    }

    #[test]
    fn a_stored_binding_reads_back_with_the_same_encoding(binding in any_binding()) {
        let read: Binding = serde_json::from_str(&serde_json::to_string(&binding).unwrap()).unwrap();
        prop_assert_eq!(read.canonical_bytes(), binding.canonical_bytes());
    }
}
