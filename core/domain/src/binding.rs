//! What a code is linked to (RTS art. 5, *dynamic linking*), in one canonical encoding.

use ring::digest::{Digest, SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::{
    card::MaskedCard,
    id::{ChallengeId, Identifier, RelyingPartyId, SessionId},
    time::Timestamp,
    transaction::Transaction,
};

/// First field of the encoding: what it is, and its version.
const LABEL: &str = "countersign binding 1";

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
    /// Who the person is (C14).
    pub identifier: Identifier,
    /// The session on the first channel (C11, C15).
    pub session: SessionId,
    /// When the code was made (C13).
    pub issued_at: Timestamp,
    /// The account to debit, masked (C16).
    pub account: Option<MaskedCard>,
    /// What the person agrees to; nothing when only access is asked for.
    pub transaction: Option<Transaction>,
}

impl Binding {
    /// SHA-256 of [`Binding::canonical_bytes`].
    pub(crate) fn digest(&self) -> Digest {
        digest(&SHA256, &self.canonical_bytes())
    }

    /// The canonical encoding: each field as its length (4 bytes, big-endian) and its bytes, always all of them in the
    /// same order; a number is 8 bytes, big-endian; a list is its count, as a number, and its elements' fields; what may
    /// be absent is a list of none or one. Two bindings that differ have encodings that differ.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.text(LABEL);
        encoder.text(self.challenge.as_str());
        encoder.text(self.relying_party.as_str());
        encoder.text(self.identifier.as_str());
        encoder.text(self.session.as_str());
        encoder.number(self.issued_at.unix_millis());
        encoder
            .list(self.account.as_slice(), |encoder, account| encoder.text(&account.to_string()));
        encoder.list(self.transaction.as_slice(), Encoder::transaction);
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
