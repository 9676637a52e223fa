//! The code: computed from what it is linked to, computed again to check it, and stored nowhere.

use std::fmt;

use ring::hmac;
use zeroize::Zeroize as _;

use crate::{
    binding::Binding,
    hex,
    invalid::{Field, InvalidInput},
    ocra::{DataInput, Suite},
    secret::Secret,
    typed,
};

/// The value that the person reads on the phone and types back in the session.
///
/// An OCRA value (RFC 6287) of 6 to 10 digits with HMAC-SHA-256: the question is the SHA-256 of the binding's canonical
/// encoding, S is the session, T the time of issue in seconds. A change of amount, currency, payee or anything else in
/// the binding makes another code (RTS art. 5(1)(d)).
///
/// Patent: *information confidentielle*, *certificat de transaction*, CAT, TID.
#[derive(Debug)]
pub struct AuthenticationCode(Secret<String>);

impl AuthenticationCode {
    /// Computes the code of a binding.
    ///
    /// # Errors
    /// When `digits` is not 4 to 10.
    pub(crate) fn derive(
        secret: &Secret<[u8; 32]>,
        binding: &Binding,
        digits: u8,
    ) -> Result<Self, InvalidInput> {
        let suite = Suite::parse(&format!("OCRA-1:HOTP-SHA256-{digits}:QH64-S064-T1S"))?;
        let key: hmac::Key = suite.key(secret.expose());
        let question = hex::encode(binding.digest().as_ref());
        let input = DataInput {
            question: &question,
            session: binding.person.session.as_str().as_bytes(),
            time_steps: binding.issued_at.unix_seconds(),
            ..DataInput::default()
        };
        suite.compute(&key, &input).map(|value| Self(Secret::new(value)))
    }

    /// The digits, for the message to the phone and for nothing else.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether this is what was typed; takes the same time whichever digit differs.
    pub(crate) fn matches(&self, typed: &TypedCode) -> bool {
        self.0 == typed.0
    }
}

/// What the person typed back: 6 to 10 digits, of any script, with spaces, dashes and invisible characters among them.
///
/// Patent: *message confidentiel*, 208.
#[derive(Clone)]
pub struct TypedCode(Secret<String>);

impl TypedCode {
    /// The digits, for a program that passes them on. Not for logs.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The same, for an operator that compares it.
    pub(crate) const fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

impl TryFrom<String> for TypedCode {
    type Error = InvalidInput;

    fn try_from(mut text: String) -> Result<Self, InvalidInput> {
        let digits = typed::plain(&text);
        text.zeroize();
        let well_formed = (6..=10).contains(&digits.expose().len())
            && digits.expose().bytes().all(|b| b.is_ascii_digit());
        if well_formed {
            Ok(Self(digits))
        } else {
            Err(InvalidInput::new(Field::Code, "is not 6 to 10 digits"))
        }
    }
}

impl TryFrom<&str> for TypedCode {
    type Error = InvalidInput;

    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Debug for TypedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::Msisdn, agreement::Agreement, testing::binding};

    fn code_of(binding: &Binding) -> String {
        AuthenticationCode::derive(&Secret::new([7; 32]), binding, 8).unwrap().expose().to_owned()
    }

    #[test]
    fn a_change_of_any_linked_value_makes_another_code() {
        let original = binding();
        let mut changed = vec![original.clone(); 8];
        changed[0].challenge = "ch_ffffffffffffffffffffffffffffffff".to_owned().try_into().unwrap();
        changed[1].relying_party = "other".try_into().unwrap();
        changed[2].person.identifier = "bob".try_into().unwrap();
        changed[3].person.session =
            "ses_ffffffffffffffffffffffffffffffff".to_owned().try_into().unwrap();
        changed[4].issued_at = original.issued_at.plus_seconds(1);
        changed[5].person.address = Msisdn::try_from("+33612345679").unwrap().into();
        changed[6].person.origin = None;
        changed[7].agreement = Agreement::Access { to: "Librairie Dupont".try_into().unwrap() };
        let codes: Vec<String> = changed.iter().map(code_of).collect();
        assert!(codes.iter().all(|code| *code != code_of(&original)), "{codes:?}");
    }

    #[test]
    fn another_key_makes_another_code() {
        let other = AuthenticationCode::derive(&Secret::new([8; 32]), &binding(), 8).unwrap();
        assert_ne!(other.expose(), code_of(&binding()));
    }

    #[test]
    fn a_code_is_typed_with_or_without_spaces() {
        let code = AuthenticationCode::derive(&Secret::new([7; 32]), &binding(), 8).unwrap();
        let (head, tail) = code.expose().split_at(4);
        for typed in [format!("{head}{tail}"), format!(" {head} {tail} "), format!("{head}-{tail}")]
        {
            assert!(code.matches(&TypedCode::try_from(typed).unwrap()));
        }
    }

    #[test]
    fn what_is_not_six_to_ten_digits_is_no_code() {
        for text in ["", "12345", "12345678901", "12345a", "½23456"] {
            assert!(TypedCode::try_from(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_of_typed_codes_panic(text in ".*", digits in "[0-9 -]{0,16}") {
            let _ = TypedCode::try_from(text);
            let count = digits.bytes().filter(u8::is_ascii_digit).count();
            proptest::prop_assert_eq!(TypedCode::try_from(digits).is_ok(), (6..=10).contains(&count));
        }
    }

    #[test]
    fn neither_a_code_nor_what_was_typed_is_shown_by_debug() {
        let code = AuthenticationCode::derive(&Secret::new([7; 32]), &binding(), 6).unwrap();
        let typed = TypedCode::try_from(code.expose()).unwrap();
        assert_eq!(format!("{code:?} {typed:?}"), "AuthenticationCode(Secret(..)) TypedCode(..)");
    }
}
