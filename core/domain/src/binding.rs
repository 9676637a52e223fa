//! What a code is linked to (RTS art. 5, *dynamic linking*), in one canonical encoding.

use ring::digest::{Digest, SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    agreement::{Agreement, Document, ProtocolOrder},
    digest::Sha256Digest,
    id::{ChallengeId, RelyingPartyId},
    person::Person,
    time::Timestamp,
    transaction::Transaction,
};

/// First field of the encoding: what it is, and its version.
const LABEL: &str = "countersign binding 2";

/// What the reference is hashed with, so that it is no part of the binding's digest.
const REFERENCE_LABEL: &[u8] = b"countersign reference 1";

/// Characters that are told apart on a screen and aloud: no 0 and O, 1, I and L, 2 and Z, 5 and S, 8 and B, 6 and G.
const REFERENCE_ALPHABET: [char; 23] = [
    '3', '4', '6', '7', '9', 'A', 'C', 'D', 'E', 'F', 'H', 'J', 'K', 'M', 'N', 'P', 'R', 'T', 'U',
    'V', 'W', 'X', 'Y',
];

/// Characters of a reference: enough to tell a few messages apart and to see a relayed one, few enough to be compared.
const REFERENCE_CHARS: u32 = 4;

/// Everything that a code depends on, besides the key.
///
/// Patent: *invariant* (identifier), *variant* (session number) and *marqueur temporel* (F4.202), with the amount
/// (F7.708), the goods (F13.v3) and the account (C16).
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Binding {
    /// The challenge: random, so that no two codes have the same input (C12).
    pub challenge: ChallengeId,
    /// On whose behalf the person is asked.
    pub relying_party: RelyingPartyId,
    /// The person at the session, and how he or she is reached.
    pub person: Person,
    /// When the code was made (C13).
    pub issued_at: Timestamp,
    /// What the person agrees to.
    pub agreement: Agreement,
}

/// A few characters that stand in the message and beside the code's field, and must be the same: two messages are told
/// apart by them, and a message that another page caused is seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShortReference(String);

impl ShortReference {
    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The reference of a digest: the first 32 bits of the SHA-256 of `countersign reference 1` and the digest, as a number
    /// whose digits in base 23, lowest first, are characters of `34679ACDEFHJKMNPRTUVWXY`.
    pub fn of(named: &Sha256Digest) -> Self {
        let labelled = [REFERENCE_LABEL, named.as_bytes()].concat();
        let hash = digest(&SHA256, &labelled);
        let number =
            hash.as_ref().iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let base = u32::try_from(REFERENCE_ALPHABET.len()).unwrap_or(1);
        let characters = (0..REFERENCE_CHARS).filter_map(|place| {
            let digit = number.checked_div(base.checked_pow(place)?)?.checked_rem(base)?;
            REFERENCE_ALPHABET.get(usize::try_from(digit).ok()?)
        });
        Self(characters.collect())
    }
}

impl Binding {
    /// SHA-256 of [`Binding::canonical_bytes`].
    pub(crate) fn digest(&self) -> Digest {
        digest(&SHA256, &self.canonical_bytes())
    }

    /// What stands in the message and beside the code's field: of the order's name where a protocol has its own order, so
    /// that the payer's own program can say it without being told; of the binding's digest otherwise.
    pub fn reference(&self) -> ShortReference {
        match &self.agreement {
            Agreement::Payment { order: Some(ProtocolOrder { name, .. }), .. } => {
                ShortReference::of(name)
            }
            Agreement::Access { .. }
            | Agreement::Certificate { .. }
            | Agreement::Payment { order: None, .. }
            | Agreement::Document(_) => {
                let mut own = [0; 32];
                own.copy_from_slice(self.digest().as_ref());
                ShortReference::of(&Sha256Digest::new(own))
            }
        }
    }

    /// The canonical encoding: each field as its length (4 bytes, big-endian) and its bytes, always all of them in the
    /// same order; a number is 8 bytes, big-endian; a list is its count, as a number, and its elements' fields; what may
    /// be absent is a list of none or one; a choice is its name and the chosen's fields. Two bindings that differ have
    /// encodings that differ.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.text(LABEL);
        encoder.text(self.challenge.as_str());
        encoder.text(self.relying_party.as_str());
        encoder.person(&self.person);
        encoder.number(self.issued_at.unix_millis());
        encoder.agreement(&self.agreement);
        encoder.0
    }
}

#[derive(Default)]
struct Encoder(Vec<u8>);

impl Encoder {
    fn bytes(&mut self, bytes: &[u8]) {
        // Every text in a binding is bounded far below 4 GiB by its type.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend(length.to_be_bytes());
        self.0.extend(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_be_bytes());
    }

    fn list<T>(&mut self, elements: &[T], encode: impl Fn(&mut Self, &T)) {
        self.number(u64::try_from(elements.len()).unwrap_or(u64::MAX));
        for element in elements {
            encode(self, element);
        }
    }

    fn person(&mut self, person: &Person) {
        self.text(person.identifier.as_str());
        match &person.address {
            Address::Msisdn(number) => {
                self.text("msisdn");
                self.text(number.expose());
            }
        }
        self.text(person.session.as_str());
        self.text(person.locale.as_str());
        self.list(person.origin.as_slice(), |encoder, origin| encoder.text(origin.as_str()));
    }

    fn agreement(&mut self, agreement: &Agreement) {
        match agreement {
            Agreement::Access { to } => {
                self.text("access");
                self.text(to.as_str());
            }
            Agreement::Certificate { name } => {
                self.text("certificate");
                self.text(name.as_str());
            }
            Agreement::Payment { transaction, account, order } => {
                self.text("payment");
                self.transaction(transaction);
                self.list(account.as_slice(), |encoder, account| {
                    encoder.text(&account.to_string())
                });
                self.list(order.as_slice(), |encoder, order| {
                    encoder.bytes(order.digest.as_bytes());
                    encoder.bytes(order.name.as_bytes());
                });
            }
            Agreement::Document(document) => self.document(document),
        }
    }

    fn document(&mut self, document: &Document) {
        self.text("document");
        self.text(document.title().as_str());
        self.list(document.facts(), |encoder, fact| {
            encoder.text(fact.label.as_str());
            encoder.text(fact.value.as_str());
        });
        self.bytes(document.digest().as_bytes());
    }

    fn transaction(&mut self, transaction: &Transaction) {
        self.number(transaction.amount().amount_minor());
        self.text(transaction.amount().currency().code());
        self.text(transaction.payee().as_str());
        self.text(transaction.reference().as_str());
        self.list(transaction.items(), |encoder, item| {
            encoder.text(item.name.as_str());
            encoder.number(u64::from(item.quantity));
        });
    }
}

#[cfg(test)]
mod tests;
