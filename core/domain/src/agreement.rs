//! What a person agrees to: the only thing that a message is made of, and all of it is what the code is linked to.

use serde::{Deserialize, Serialize};

use crate::{
    card::MaskedCard,
    digest::Sha256Digest,
    invalid::{Field, InvalidInput},
    lane::Lane,
    shown::shown_text,
    transaction::{Payee, Transaction},
};

shown_text!(
    /// What access is asked to.
    ServiceName, 40
);
shown_text!(
    /// The name in a certificate.
    CertificateName, 64
);
shown_text!(
    /// What a document is called.
    DocumentTitle, 60
);
shown_text!(
    /// What a fact of a document is called, such as `To account`.
    FactLabel, 24
);
shown_text!(
    /// A fact of a document, such as an account, a stake, a quantity.
    FactValue, 64
);

/// A relying party asks for access in its own name.
impl From<&Payee> for ServiceName {
    fn from(name: &Payee) -> Self {
        Self(name.as_str().to_owned())
    }
}

/// What a person agrees to by typing back a code.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Agreement {
    /// To come in (figures 4 and 5).
    Access {
        /// The service, by the name that the person knows.
        to: ServiceName,
    },
    /// That a certificate is issued with the person's number (F11.1).
    Certificate {
        /// The name in it.
        name: CertificateName,
    },
    /// To pay (figure 7, 708).
    Payment {
        /// Amount, payee and goods.
        transaction: Transaction,
        /// The account to debit, masked (C16).
        account: Option<MaskedCard>,
        /// The protocol's own order, where there is one.
        order: Option<ProtocolOrder>,
    },
    /// That a document or a message is the person's (A2, A3, A6, F6).
    Document(Document),
}

/// The order of a protocol that has its own, such as SET: the code is linked to all of it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct ProtocolOrder {
    /// The digest of the order, such as that of SET's PI-TBS.
    pub digest: Sha256Digest,
    /// The digest of what names it, which both sides know: the short reference is made of it. Nothing may be in it that
    /// the payer's side can choose, or a thief of keys tries orders until their reference is another's.
    pub name: Sha256Digest,
}

/// A document or message, as a person agrees to it without seeing all of it on the phone.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "DocumentParts")]
pub struct Document {
    title: DocumentTitle,
    facts: Vec<DocumentFact>,
    digest: Sha256Digest,
}

/// Something that the person must see before agreeing to a document.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct DocumentFact {
    /// What it is called.
    pub label: FactLabel,
    /// What it is.
    pub value: FactValue,
}

/// A document before its bounds were checked.
#[derive(Deserialize)]
struct DocumentParts {
    title: DocumentTitle,
    facts: Vec<DocumentFact>,
    digest: Sha256Digest,
}

impl Document {
    /// How many facts a document may show: more are not read on a phone.
    pub const MAX_FACTS: usize = 6;
    /// How long title and facts are together, in units of UTF-16, unless each character is one of ASCII's: of the 670 units
    /// that a message of ten parts has then, the rest is the code's and the origin's. In GSM 03.38, which has ASCII but for
    /// the grave accent, everything fits.
    pub const MAX_UNITS: usize = 320;

    /// A document of that title and SHA-256 digest, of which these facts are shown.
    ///
    /// # Errors
    /// When there are more than [`Document::MAX_FACTS`], or they are longer than a message to a phone holds.
    pub fn new(
        title: DocumentTitle,
        facts: Vec<DocumentFact>,
        digest: Sha256Digest,
    ) -> Result<Self, InvalidInput> {
        if facts.len() > Self::MAX_FACTS {
            return Err(InvalidInput::new(Field::Facts, "are more than 6"));
        }
        let facts_units = facts.iter().map(DocumentFact::units).fold(0, usize::saturating_add);
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii() && byte != b'`');
        let all_plain = is_plain(title.as_str())
            && facts
                .iter()
                .all(|fact| is_plain(fact.label.as_str()) && is_plain(fact.value.as_str()));
        if !all_plain && facts_units.saturating_add(units(title.as_str())) > Self::MAX_UNITS {
            let why = "are longer, with the title, than a message in this alphabet can be";
            return Err(InvalidInput::new(Field::Facts, why));
        }
        Ok(Self { title, facts, digest })
    }

    /// What it is called.
    pub const fn title(&self) -> &DocumentTitle {
        &self.title
    }

    /// What is shown of it, in order.
    pub fn facts(&self) -> &[DocumentFact] {
        &self.facts
    }

    /// The SHA-256 of its bytes.
    pub const fn digest(&self) -> &Sha256Digest {
        &self.digest
    }
}

impl DocumentFact {
    /// Of its line in the message.
    fn units(&self) -> usize {
        units(self.label.as_str()).saturating_add(units(self.value.as_str())).saturating_add(3)
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

impl TryFrom<DocumentParts> for Document {
    type Error = InvalidInput;

    fn try_from(parts: DocumentParts) -> Result<Self, InvalidInput> {
        Self::new(parts.title, parts.facts, parts.digest)
    }
}

impl Agreement {
    /// Where the message that asks for it waits.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Payment { .. } => Lane::Payments,
            Self::Access { .. } | Self::Certificate { .. } | Self::Document(_) => Lane::Others,
        }
    }

    /// The payment that is agreed to, if it is one.
    pub const fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Payment { transaction, .. } => Some(transaction),
            Self::Access { .. } | Self::Certificate { .. } | Self::Document(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_shows_at_most_six_facts_however_it_is_read() {
        let fact = DocumentFact {
            label: "Stake".try_into().unwrap(),
            value: "10.00 EUR".try_into().unwrap(),
        };
        let new = |count| {
            let digest = Sha256Digest::new([1; 32]);
            Document::new("Bet".try_into().unwrap(), vec![fact.clone(); count], digest)
        };
        let refused = InvalidInput::new(Field::Facts, "are more than 6");
        assert_eq!(new(7), Err(refused));
        let mut stored = serde_json::to_value(Agreement::Document(new(6).unwrap())).unwrap();
        let facts = stored.get_mut("facts").and_then(serde_json::Value::as_array_mut).unwrap();
        facts.push(facts[0].clone());
        assert!(serde_json::from_value::<Agreement>(stored).is_err());
    }

    #[test]
    fn a_document_that_no_message_can_hold_is_refused() {
        let new = |letter: &str, value_chars: usize| {
            let fact = DocumentFact {
                label: letter.repeat(FactLabel::MAX_CHARS).try_into().unwrap(),
                value: letter.repeat(value_chars).try_into().unwrap(),
            };
            let title = letter.repeat(DocumentTitle::MAX_CHARS).try_into().unwrap();
            Document::new(title, vec![fact; Document::MAX_FACTS], Sha256Digest::new([1; 32]))
        };
        let why = "are longer, with the title, than a message in this alphabet can be";
        let refused = Err(InvalidInput::new(Field::Facts, why));
        assert!(new("a", FactValue::MAX_CHARS).is_ok());
        // 60, and six times 24, 3 and the value.
        assert!(new("\u{436}", 16).is_ok());
        for (letter, chars) in [("\u{436}", 17), ("`", 17), ("\u{1f600}", 1)] {
            assert_eq!(new(letter, chars), refused, "{letter}");
        }
    }
}
