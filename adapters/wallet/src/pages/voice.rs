//! What pages say, in the person's language.

use countersign_domain::{
    amount::{Amount, Currency},
    invalid::Field,
    time::Timestamp,
};
use countersign_web::{
    page::IS_THE_PROBLEM,
    problem::Problem,
    words::{Filling, FluentValue, Language},
};

use crate::{record::NotPaid, words::WORDS};

/// A language, and how money and time are written in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice<'a>(pub(super) &'a Language);

impl Voice<'_> {
    pub(super) fn say(self, name: &str) -> String {
        WORDS.say(self.0, name, &[])
    }

    pub(super) fn say_with<'v>(
        self,
        name: &str,
        what: &str,
        value: impl Into<FluentValue<'v>>,
    ) -> String {
        self.say_all(name, &[(what, value.into())])
    }

    pub(super) fn say_all(self, name: &str, filling: &[Filling<'_>]) -> String {
        WORDS.say(self.0, name, filling)
    }

    pub(super) fn amount(self, amount: Amount) -> String {
        self.money(amount.amount_minor().into(), amount.currency())
    }

    /// As people of that language write it; what goes out has a minus.
    pub(super) fn money(self, minor: i128, currency: Currency) -> String {
        let places = usize::from(currency.minor_digits());
        let width = places.saturating_add(1);
        let digits = format!("{:0>width$}", minor.unsigned_abs());
        let number = match digits.split_at_checked(digits.len().saturating_sub(places)) {
            Some((whole, fraction)) if !fraction.is_empty() => {
                format!("{whole}{}{fraction}", self.say("decimal-mark"))
            }
            _ => digits,
        };
        let sign = if minor < 0 { "\u{2212}" } else { "" };
        format!("{sign}{number}\u{a0}{currency}")
    }

    /// To the minute, in UTC: all of a house's days are of UTC, its limits', too.
    pub(super) fn time(self, at: &Timestamp) -> String {
        let millis = i64::try_from(at.unix_millis()).ok();
        let time = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
        time.map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
    }

    /// Why money did not move, and what to do.
    pub(super) fn why(self, cause: &NotPaid) -> String {
        match cause {
            NotPaid::Code { refusal } => {
                let problem = Problem::from(refusal);
                format!("{}. {}", problem.title(self.0), problem.detail(self.0))
            }
            NotPaid::Bank { .. } => self.say("cause-bank"),
            NotPaid::Voided { .. } => self.say("cause-voided"),
        }
    }

    /// What is wrong with a field, beside it: in the wallets' own words where the field is theirs.
    pub(super) fn wrong(self, problem: &Problem) -> String {
        let own = match problem.field() {
            Some(Field::Amount) => Some("wrong-amount"),
            Some(Field::ServiceName | Field::ItemName) => Some("wrong-name"),
            _ => None,
        };
        own.map_or_else(|| problem.beside_field(self.0), |name| self.say(name))
    }

    /// What marks the words of why money did not move, where that is also what is wrong with what was sent.
    pub(super) fn mark(self, cause: &NotPaid, problem: Option<&Problem>) -> &'static str {
        match (cause, problem) {
            (NotPaid::Code { refusal }, Some(problem)) if refusal.name() == problem.name() => {
                IS_THE_PROBLEM
            }
            _ => "",
        }
    }
}

/// The name of the form's field that a problem is about, if it is about one.
pub(super) fn field_of(problem: &Problem) -> Option<&'static str> {
    match problem.field() {
        Some(Field::Identifier) => return Some("identifier"),
        Some(Field::Msisdn) => return Some("number"),
        Some(Field::ServiceName | Field::ItemName) => return Some("name"),
        Some(Field::CardNumber) => return Some("card_number"),
        Some(Field::CardExpiry) => return Some("card_expiry"),
        Some(Field::Amount) => return Some("amount"),
        Some(Field::Currency) => return Some("currency"),
        Some(_) | None => {}
    }
    match problem.name() {
        "person-not-recognised" => Some("identifier"),
        "card-refused" => Some("card_number"),
        "insufficient-funds" | "balance-limit" | "not-paid-in" => Some("amount"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_as_people_of_that_language_write_it() {
        let (english, french) = (Language::default(), Language::known("fr").unwrap());
        for (minor, code, in_english, in_french) in [
            (4990, "EUR", "49.90\u{a0}EUR", "49,90\u{a0}EUR"),
            (-5, "EUR", "\u{2212}0.05\u{a0}EUR", "\u{2212}0,05\u{a0}EUR"),
            (0, "JPY", "0\u{a0}JPY", "0\u{a0}JPY"),
        ] {
            let currency = code.try_into().unwrap();
            assert_eq!(Voice(&english).money(minor, currency), in_english);
            assert_eq!(Voice(&french).money(minor, currency), in_french);
        }
    }

    #[test]
    fn a_time_is_said_to_the_minute() {
        let language = Language::default();
        let at = Timestamp::from_unix_seconds(1_795_900_259);
        assert_eq!(Voice(&language).time(&at), "2026-11-28 21:10 UTC");
    }
}
