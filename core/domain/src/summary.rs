//! The text that the person reads on the phone: what is agreed to in clear, and the code.

use crate::{
    agreement::Agreement,
    challenge::Challenge,
    code::AuthenticationCode,
    locale::Locale,
    phrase::{Phrase, Words},
    secret::Secret,
    time::Timestamp,
};

/// Items that are listed one by one; more are counted.
const LISTED_ITEMS: usize = 4;
/// As much of an item's name as is listed, in units of UTF-16: four of them, with all the rest at its longest, fit the
/// ten parts that a driver sends at most.
const ITEM_UNITS: usize = 30;

/// The message with the code, made of the agreement alone. Amount and payee come first and cannot be left out (RTS art.
/// 5(1)(a)); goods, which a merchant words as it likes, stand behind what we say; the last line lets a browser offer the
/// code to the right site only (origin-bound one-time codes), and nothing may follow it.
pub(crate) fn text(
    challenge: &Challenge,
    words: &dyn Words,
    code: &AuthenticationCode,
    now: Timestamp,
) -> Secret<String> {
    let person = &challenge.binding.person;
    let say = |phrase| words.say(&person.locale, phrase);
    let mut lines = agreed(&challenge.binding.agreement, &person.locale, words);
    let code = code.expose();
    let reference = challenge.reference();
    let code_line = say(Phrase::Code {
        code,
        reference: reference.as_str(),
        minutes: challenge.expires_at.seconds_from(now).div_ceil(60),
    });
    let advice = say(match challenge.binding.agreement {
        Agreement::Payment { .. } => Phrase::AdviceOnAmount,
        Agreement::Access { .. } | Agreement::Certificate { .. } | Agreement::Document(_) => {
            Phrase::Advice
        }
    });
    lines.push(format!("{code_line} {advice}"));
    lines.extend(goods(&challenge.binding.agreement, &person.locale, words));
    if let Some(origin) = &person.origin {
        lines.push(format!("\n@{origin} #{code}"));
    }
    Secret::new(lines.join("\n"))
}

/// That no code is accepted for a while: to the phone, once for each block, so that its holder knows that somebody tries.
pub(crate) fn blocked(
    challenge: &Challenge,
    words: &dyn Words,
    until: Timestamp,
    now: Timestamp,
) -> Secret<String> {
    let minutes = until.seconds_from(now).div_ceil(60);
    Secret::new(words.say(&challenge.person().locale, Phrase::Blocked { minutes }))
}

/// What the person agrees to, a line each.
fn agreed(agreement: &Agreement, locale: &Locale, words: &dyn Words) -> Vec<String> {
    let say = |phrase| words.say(locale, phrase);
    match agreement {
        Agreement::Access { to } => vec![say(Phrase::Access { to: to.as_str() })],
        Agreement::Certificate { name } => vec![say(Phrase::Certificate { name: name.as_str() })],
        Agreement::Payment { transaction, .. } => {
            let (amount, payee) = (transaction.amount(), transaction.payee().as_str());
            vec![say(Phrase::Pay { amount, payee })]
        }
        Agreement::Document(document) => {
            let title = say(Phrase::Document { title: document.title().as_str() });
            let facts = document.facts().iter();
            let facts = facts.map(|fact| format!("{}: {}", fact.label, fact.value));
            [title].into_iter().chain(facts).collect()
        }
    }
}

/// Goods and quantities (F13.v3), if there are any.
fn goods(agreement: &Agreement, locale: &Locale, words: &dyn Words) -> Option<String> {
    let items = agreement.transaction()?.items();
    let listed = items.iter().take(LISTED_ITEMS).map(|item| {
        let name = shortened(item.name.as_str());
        format!("{} x {name}", item.quantity)
    });
    let mut parts: Vec<String> = listed.collect();
    if let Some(count @ 1..) = items.len().checked_sub(LISTED_ITEMS) {
        parts.push(words.say(locale, Phrase::More { count }));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The beginning of a long name, which then ends in two dots.
fn shortened(name: &str) -> String {
    const MARK: &str = "..";
    if name.encode_utf16().count() <= ITEM_UNITS {
        return name.to_owned();
    }
    let mut left = ITEM_UNITS.saturating_sub(MARK.len());
    let fits = |character: &char| {
        let room = left.checked_sub(character.len_utf16());
        left = room.unwrap_or(0);
        room.is_some()
    };
    let mut short: String = name.chars().take_while(fits).collect();
    short.push_str(MARK);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agreement::{Document, DocumentFact},
        amount::Amount,
        digest::Sha256Digest,
        testing::{PlainWords, challenge, purchase_of},
        transaction::{Item, ItemName, Payee, Transaction},
    };

    fn text_of(challenge: &Challenge) -> String {
        let code =
            AuthenticationCode::derive(&Secret::new([7; 32]), &challenge.binding, 6).unwrap();
        let now = challenge.binding.issued_at;
        let text = text(challenge, &PlainWords, &code, now).expose().clone();
        let reference = challenge.binding.reference();
        text.replace(code.expose(), "123456").replace(reference.as_str(), "REF4")
    }

    fn agreeing_to(agreement: Agreement) -> Challenge {
        let mut challenge = challenge();
        challenge.binding.agreement = agreement;
        challenge
    }

    #[test]
    fn amount_and_payee_come_first_and_the_origin_bound_line_last() {
        assert_eq!(
            text_of(&challenge()),
            "Pay 49.90 EUR to Librairie Dupont\n\
             Code 123456, ref REF4, 5 min. Not you, or another amount? Do not type it.\n\
             2 x ISBN 2070360245\n\n\
             @pay.example.com #123456"
        );
    }

    #[test]
    fn without_a_page_there_is_no_origin_bound_line() {
        let mut terminal = challenge();
        terminal.binding.person.origin = None;
        let text = text_of(&terminal);
        assert!(text.ends_with("Do not type it.\n2 x ISBN 2070360245"), "{text}");
    }

    #[test]
    fn items_beyond_the_fourth_are_counted() {
        let item = |name: &str| Item { name: ItemName::try_from(name).unwrap(), quantity: 1 };
        let many = purchase_of("9.00", ["A", "B", "C", "D", "E", "F"].map(item).to_vec());
        let many =
            agreeing_to(Agreement::Payment { transaction: many, account: None, order: None });
        let text = text_of(&many);
        assert!(text.contains("1 x A, 1 x B, 1 x C, 1 x D, +2 more\n"), "{text}");
    }

    #[test]
    fn a_long_name_of_an_item_is_shortened_and_a_character_is_never_split() {
        for (name, shown) in [
            ("A name that has thirty letters", "A name that has thirty letters"),
            ("A name that has more than that.", "A name that has more than th.."),
            (&"\u{1f600}".repeat(15), &*"\u{1f600}".repeat(15)),
            (&"\u{1f600}".repeat(16), &*("\u{1f600}".repeat(14) + "..")),
            (
                &("a".to_owned() + &"\u{1f600}".repeat(15)),
                &*("a".to_owned() + &"\u{1f600}".repeat(13) + ".."),
            ),
        ] {
            assert_eq!(shortened(name), shown);
        }
    }

    #[test]
    fn whatever_is_bought_the_message_fits_the_ten_parts_that_are_sent_at_most() {
        // 67 units of UTF-16 in each of several parts (3GPP TS 23.040).
        const MOST: usize = 670;
        let name = ItemName::try_from("\u{1f600}".repeat(ItemName::MAX_CHARS)).unwrap();
        let item = Item { name, quantity: u32::MAX };
        let transaction = Transaction::new(
            Amount::new(999_999_999_999, "EUR".try_into().unwrap()).unwrap(),
            Payee::try_from("\u{1f600}".repeat(Payee::MAX_CHARS)).unwrap(),
            "R".try_into().unwrap(),
            vec![item; Transaction::MAX_ITEMS],
        );
        let mut challenge = agreeing_to(Agreement::Payment {
            transaction: transaction.unwrap(),
            account: None,
            order: None,
        });
        let label = "a".repeat(60);
        let host = format!("{label}.{label}.{label}.{label}.example");
        challenge.binding.person.origin = Some(host.as_str().try_into().unwrap());
        let units = text_of(&challenge).encode_utf16().count();
        assert!(units <= MOST, "{units}");
    }

    #[test]
    fn each_agreement_says_what_is_agreed_to_and_an_amount_only_where_there_is_one() {
        let fact = |label: &str, value: &str| DocumentFact {
            label: label.try_into().unwrap(),
            value: value.try_into().unwrap(),
        };
        let facts = vec![fact("From", "FR76 0001"), fact("To", "FR76 0002")];
        let digest = Sha256Digest::new([7; 32]);
        let transfer = Document::new("Transfer".try_into().unwrap(), facts, digest).unwrap();
        for (agreement, said) in [
            (
                Agreement::Access { to: "City library".try_into().unwrap() },
                "Access to City library\n",
            ),
            (
                Agreement::Certificate { name: "alice".try_into().unwrap() },
                "Certificate for alice\n",
            ),
            (Agreement::Document(transfer), "Agree to: Transfer\nFrom: FR76 0001\nTo: FR76 0002\n"),
        ] {
            let text = text_of(&agreeing_to(agreement));
            assert!(text.starts_with(said), "{text}");
            assert!(text.contains("5 min. Not you? Do not type it."), "{text}");
        }
    }
}
