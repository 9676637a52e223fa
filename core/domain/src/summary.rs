//! The text that the person reads on the phone: payee and amount in clear, what is bought, and the code.

#[doc(hidden)]
pub use crate::{agreement::Purpose, locale::Locale};
use crate::{
    challenge::Challenge,
    code::AuthenticationCode,
    secret::Secret,
    time::Timestamp,
    transaction::{Item, Transaction},
};

/// Items that are listed one by one; more are counted.
const LISTED_ITEMS: usize = 4;

/// The words of a language.
struct Words {
    pay: &'static str,
    to: &'static str,
    more: &'static str,
    certificate: &'static str,
    code: &'static str,
    valid: &'static str,
    advice: &'static str,
}

const EN: Words = Words {
    pay: "Pay",
    to: "to",
    more: "more",
    certificate: "Certificate for",
    code: "Code",
    valid: "valid",
    advice: "Not you, or another amount? Do not type it.",
};

const FR: Words = Words {
    pay: "Payer",
    to: "à",
    more: "autres",
    certificate: "Certificat pour",
    code: "Code",
    valid: "valable",
    advice: "Pas vous, ou autre montant ? Ne le tapez pas.",
};

/// The message with the code. Amount and payee come first and cannot be left out (RTS art. 5(1)(a)); the last line lets
/// a browser offer the code to the right site only (origin-bound one-time codes), and nothing may follow it.
pub(crate) fn text(
    challenge: &Challenge,
    code: &AuthenticationCode,
    now: Timestamp,
) -> Secret<String> {
    let words = match challenge.locale {
        Locale::En => EN,
        Locale::Fr => FR,
    };
    let code = code.expose();
    let minutes = challenge.expires_at.seconds_from(now).div_ceil(60);
    let mut text = String::new();
    if let Some(transaction) = &challenge.binding.transaction {
        text.push_str(&purchase(transaction, &words));
    } else if challenge.purpose == Purpose::Certificate {
        let holder = &challenge.binding.identifier;
        text.push_str(&format!("{} {holder}\n", words.certificate));
    }
    let Words { code: word, valid, advice, .. } = words;
    text.push_str(&format!(
        "{word} {code}, {valid} {minutes} min. {advice}\n\n@{} #{code}",
        challenge.origin
    ));
    Secret::new(text)
}

/// Amount and payee, then goods and quantities (F13.v3), a line each.
fn purchase(transaction: &Transaction, words: &Words) -> String {
    let Words { pay, to, .. } = words;
    let mut lines = format!("{pay} {} {to} {}\n", transaction.amount(), transaction.payee());
    if !transaction.items().is_empty() {
        lines.push_str(&items(transaction.items(), words));
        lines.push('\n');
    }
    lines
}

fn items(items: &[Item], words: &Words) -> String {
    let listed =
        items.iter().take(LISTED_ITEMS).map(|item| format!("{} x {}", item.quantity, item.name));
    let mut parts: Vec<String> = listed.collect();
    if let Some(left @ 1..) = items.len().checked_sub(LISTED_ITEMS) {
        parts.push(format!("+{left} {}", words.more));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing::{challenge, purchase_of},
        transaction::ItemName,
    };

    fn text_of(challenge: &Challenge) -> String {
        let code =
            AuthenticationCode::derive(&Secret::new([7; 32]), &challenge.binding, 6).unwrap();
        let text = text(challenge, &code, challenge.binding.issued_at).expose().clone();
        text.replace(code.expose(), "123456")
    }

    #[test]
    fn amount_and_payee_come_first_and_the_origin_bound_line_last() {
        assert_eq!(
            text_of(&challenge()),
            "Pay 49.90 EUR to Librairie Dupont\n2 x ISBN 2070360245\n\
             Code 123456, valid 5 min. Not you, or another amount? Do not type it.\n\n\
             @pay.example.com #123456"
        );
    }

    #[test]
    fn a_french_message_says_the_same() {
        let french = Challenge { locale: Locale::Fr, ..challenge() };
        assert!(
            text_of(&french).starts_with("Payer 49.90 EUR à Librairie Dupont\n"),
            "{}",
            text_of(&french)
        );
    }

    #[test]
    fn items_beyond_the_fourth_are_counted() {
        let item = |name: &str| Item { name: ItemName::try_from(name).unwrap(), quantity: 1 };
        let mut many = challenge();
        many.binding.transaction =
            Some(purchase_of("9.00", ["A", "B", "C", "D", "E", "F"].map(item).to_vec()));
        assert!(
            text_of(&many).contains("1 x A, 1 x B, 1 x C, 1 x D, +2 more\n"),
            "{}",
            text_of(&many)
        );
    }

    #[test]
    fn a_certificate_is_asked_for_by_the_name_in_it() {
        let mut certificate = challenge();
        certificate.binding.transaction = None;
        certificate.purpose = Purpose::Certificate;
        let text = text_of(&certificate);
        let first = format!("Certificate for {}\nCode ", certificate.binding.identifier);
        assert!(text.starts_with(&first), "{text}");
    }

    #[test]
    fn access_alone_is_asked_for_without_an_amount() {
        let mut access = challenge();
        access.binding.transaction = None;
        assert!(text_of(&access).starts_with("Code 123456"), "{}", text_of(&access));
    }
}
