//! What was proved of a person, and by what (PSD2 art. 4(30): two or more of knowledge, possession and inherence).

use serde::{Deserialize, Serialize};

/// A category of elements. Two elements of one category are one: the breach of one must not be the breach of the other (RTS
/// art. 9(1)).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Something that only the person knows (RTS art. 6).
    Knowledge,
    /// Something that only the person possesses (RTS art. 7).
    Possession,
    /// Something that the person is (RTS art. 8). No element of ours is of it.
    Inherence,
}

/// An element, and how it was proved.
///
/// The password that opens a key on the person's own device is none: its check is not seen here. Only the key is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    /// The phone, by a code that was sent to it and typed back.
    Phone,
    /// The private key of the person's certificate, by a signature.
    CertificateKey,
    /// A PIN or password which a relying party had entered for the person.
    Pin,
    /// A PIN or password which the person set with nothing but a code from the phone.
    PinSetByCode,
}

impl Element {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Phone, Self::CertificateKey, Self::Pin, Self::PinSetByCode];

    /// What kind of proof it is.
    pub const fn category(self) -> Category {
        match self {
            Self::Phone | Self::CertificateKey => Category::Possession,
            Self::Pin | Self::PinSetByCode => Category::Knowledge,
        }
    }

    /// Its name, in facts and views: a promise.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::CertificateKey => "certificate_key",
            Self::Pin => "pin",
            Self::PinSetByCode => "pin_set_by_code",
        }
    }
}

/// Whether the elements are of two categories at least.
pub fn are_independent(elements: &[Element]) -> bool {
    let mut categories: Vec<Category> = elements.iter().map(|element| element.category()).collect();
    categories.sort_unstable();
    categories.dedup();
    categories.len() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_elements_of_one_category_are_one() {
        for (elements, independent) in [
            (vec![], false),
            (vec![Element::Phone], false),
            (vec![Element::Phone, Element::CertificateKey], false),
            (vec![Element::Pin, Element::PinSetByCode], false),
            (vec![Element::Phone, Element::Pin], true),
            (vec![Element::CertificateKey, Element::PinSetByCode], true),
        ] {
            assert_eq!(are_independent(&elements), independent, "{elements:?}");
        }
    }

    #[test]
    fn an_element_is_written_by_its_name() {
        for element in Element::ALL {
            assert_eq!(serde_json::to_value(element).unwrap(), element.name());
        }
    }
}
