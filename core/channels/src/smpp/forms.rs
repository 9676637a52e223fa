//! What the centre's answers and receipts have shown of how it writes ids; what Kannel has a setting for (`msg-id-type`).

use std::collections::{HashMap, VecDeque};

use super::reference::{self, IdForm};

/// Accepted messages that are remembered to learn from.
const MAX_REMEMBERED: usize = 1_024;

/// How the centre writes ids, as configured or as learned.
pub(super) struct Forms {
    configured: Option<IdForm>,
    learned: Option<IdForm>,
    /// Whether an id with the digits of hexadecimal numbers only was in an answer, and in a receipt.
    hexadecimal: (bool, bool),
    /// Id and end of the number of what was accepted lately.
    accepted: VecDeque<(String, String)>,
    /// How many messages to the number with that end wait for the centre's answer.
    under_way: HashMap<String, usize>,
}

/// How the id of a receipt may be read.
#[derive(Debug, PartialEq)]
pub(super) struct Reading {
    /// In these forms.
    pub(super) forms: Vec<IdForm>,
    /// Whether that leaves several ids.
    pub(super) is_open: bool,
    /// Whether one of these ids may still be given to a message that waits for the centre's answer, beside one that has it.
    pub(super) may_be_under_way: bool,
}

impl Forms {
    pub(super) fn new(configured: Option<IdForm>) -> Self {
        let (accepted, under_way) = (VecDeque::new(), HashMap::new());
        Self { configured, learned: None, hexadecimal: (false, false), accepted, under_way }
    }

    /// Notes that a message to that number goes out.
    pub(super) fn sending(&mut self, number: &str) {
        *self.under_way.entry(reference::tail(number).to_owned()).or_default() += 1;
    }

    /// Notes what became of it.
    pub(super) fn sent(&mut self, number: &str, accepted_as: Option<&str>) {
        let tail = reference::tail(number);
        if let Some(count) = self.under_way.get_mut(tail) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.under_way.remove(tail);
            }
        }
        if let Some(id) = accepted_as.and_then(reference::plain) {
            self.hexadecimal.0 |= reference::is_hexadecimal_only(&id);
            if self.accepted.len() >= MAX_REMEMBERED {
                self.accepted.pop_front();
            }
            self.accepted.push_back((id, tail.to_owned()));
        }
    }

    /// How the id of a receipt that bears these addresses is to be read. What is known of its message is learned from: a
    /// receipt that fits in one form only, and that none under way can be meant by, tells the form.
    pub(super) fn read(&mut self, id: &str, numbers: &[&str]) -> Reading {
        let known = |form| Reading { forms: vec![form], is_open: false, may_be_under_way: false };
        if let Some(form) = self.configured {
            return known(form);
        }
        let Some(plain) = reference::plain(id) else {
            return known(IdForm::Same);
        };
        self.hexadecimal.1 |= reference::is_hexadecimal_only(&plain);
        let readings = reference::readings(&plain, &IdForm::ALL);
        let tails: Vec<_> = numbers.iter().map(|number| reference::tail(number)).collect();
        let fits = |id: &String| {
            self.accepted
                .iter()
                .any(|(accepted, tail)| accepted == id && tails.contains(&tail.as_str()))
        };
        let fitting: Vec<IdForm> =
            readings.iter().filter(|(_, id)| fits(id)).map(|(form, _)| *form).collect();
        let under_way: usize = tails.iter().filter_map(|tail| self.under_way.get(*tail)).sum();
        // What is under way may be what is meant: nothing is learned of it, nor contradicted by it.
        if let [form] = fitting.as_slice()
            && readings.len() > 1
            && under_way == 0
        {
            self.learn(*form);
        }
        if let Some(form) = self.known() {
            return known(form);
        }
        let forms = self.possible();
        let is_open = reference::readings(&plain, &forms).len() > 1;
        Reading {
            is_open,
            may_be_under_way: is_open
                && under_way > 0
                && fitting.len().saturating_add(under_way) > 1,
            forms,
        }
    }

    fn learn(&mut self, form: IdForm) {
        match self.known() {
            Some(known) if known != form => {
                tracing::warn!(?known, fits = ?form, "receipts bear ids in different forms");
                (self.learned, self.hexadecimal) = (None, (false, false));
            }
            Some(_) => {}
            None => {
                tracing::info!(?form, "the form of ids in receipts is learned");
                self.learned = Some(form);
            }
        }
    }

    /// The form that was learned, or that nothing else is left of.
    fn known(&self) -> Option<IdForm> {
        match self.possible().as_slice() {
            [form] => Some(*form),
            _ => self.learned,
        }
    }

    /// The forms that what was seen does not rule out: a centre that writes a hexadecimal number in one place writes no decimal
    /// ones there.
    fn possible(&self) -> Vec<IdForm> {
        let (answered, received) = self.hexadecimal;
        let is_possible = |form: &IdForm| match form {
            IdForm::Same => true,
            IdForm::Hexadecimal => !answered,
            IdForm::Decimal => !received,
        };
        IdForm::ALL.into_iter().filter(is_possible).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "33612345678";
    const B: &str = "33698765432";

    fn accepted(ids: &[(&str, &str)]) -> Forms {
        let mut forms = Forms::new(None);
        for (id, number) in ids {
            forms.sending(number);
            forms.sent(number, Some(id));
        }
        forms
    }

    #[test]
    fn a_receipt_that_fits_in_one_form_only_tells_the_form() {
        for (answered, receipt, form) in [
            ("1234", "1234", IdForm::Same),
            ("1234", "4D2", IdForm::Hexadecimal),
            ("00004d2", "1234", IdForm::Decimal),
        ] {
            let mut forms = accepted(&[(answered, A)]);
            assert_eq!(forms.read(receipt, &[A]).forms, [form]);
            // Another one, of which nothing is known, is read alike.
            assert_eq!(forms.read("77", &[B]).forms, [form]);
        }
    }

    #[test]
    fn what_is_hexadecimal_in_one_place_is_decimal_in_no_other_answer_or_receipt() {
        let mut forms = accepted(&[("0000000a", A), ("00000010", A)]);
        forms.sending(A);
        assert_eq!(forms.read("10", &[A]).forms, [IdForm::Same, IdForm::Decimal]);
        forms.read("0000000b", &[B]);
        let reading = forms.read("10", &[A]);
        assert_eq!(reading.forms, [IdForm::Same]);
        assert!(!reading.is_open && !reading.may_be_under_way);
        // Unless it turns out that there are several, such as one centre behind another.
        forms.sent(B, Some("00000063"));
        assert_eq!(forms.read("99", &[B]).forms, IdForm::ALL);
        // A name tells nothing of numbers.
        let mut forms = accepted(&[("message-10", A)]);
        forms.sending(A);
        assert_eq!(forms.read("10", &[A]).forms, IdForm::ALL);
    }

    #[test]
    fn a_receipt_that_fits_in_two_forms_or_none_or_another_number_tells_nothing() {
        for (ids, receipt) in [
            (vec![("10", A), ("16", A)], "10"),
            (vec![("11", A)], "10"),
            (vec![("10", B)], "10"),
            (vec![("9", A)], "9"),
        ] {
            let mut forms = accepted(&ids);
            forms.read(receipt, &[A]);
            assert_eq!(forms.learned, None, "{ids:?}");
        }
    }

    #[test]
    fn a_receipt_that_a_message_under_way_may_be_meant_by_tells_nothing() {
        let mut forms = accepted(&[("10", A)]);
        forms.sending(A);
        let reading = forms.read("10", &[A]);
        assert_eq!(reading.forms, IdForm::ALL);
        assert!(reading.is_open && reading.may_be_under_way);
        forms.sent(A, None);
        assert_eq!(forms.read("10", &[A]).forms, [IdForm::Same]);
    }

    #[test]
    fn a_receipt_of_the_only_message_under_way_may_be_kept_for_it() {
        let mut forms = accepted(&[]);
        forms.sending(A);
        assert!(!forms.read("10", &[A]).may_be_under_way);
    }

    #[test]
    fn what_contradicts_what_was_learned_is_not_learned_from() {
        let mut forms = accepted(&[("1234", A), ("99", B)]);
        assert_eq!(forms.read("1234", &[A]).forms, [IdForm::Same]);
        assert_eq!(forms.read("63", &[B]).forms, IdForm::ALL);
    }

    #[test]
    fn what_is_configured_is_not_learned() {
        let mut forms = Forms::new(Some(IdForm::Decimal));
        forms.sent(A, Some("10"));
        assert_eq!(forms.read("10", &[A]).forms, [IdForm::Decimal]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut forms = accepted(&[]);
        for id in 0..2_000 {
            forms.sending(A);
            forms.sent(A, Some(&id.to_string()));
        }
        assert_eq!((forms.accepted.len(), forms.under_way.len()), (MAX_REMEMBERED, 0));
    }
}
