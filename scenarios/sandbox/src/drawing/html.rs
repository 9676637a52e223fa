//! A flow, drawn: a sequence diagram of HTML elements, each arrow of which opens to what was sent. It needs the style sheet
//! of [`STYLE`] and no script.

use askama::Template;

use super::{Arrow, Flow};
use crate::journal::Party;

/// The style sheet of the sandbox's pages and of drawn flows.
pub const STYLE: &str = include_str!("../../assets/sandbox.css");

#[derive(Template)]
#[template(path = "flow.html")]
struct Drawing<'a> {
    prefix: &'a str,
    parties: &'a [Party],
    arrows: Vec<Placed<'a>>,
}

/// An arrow with the classes that put it into its place.
struct Placed<'a> {
    arrow: &'a Arrow,
    class: String,
    span: String,
}

impl Flow {
    /// The flow as HTML. The ids in it begin with `prefix`: on one page, no two flows may have the same.
    pub fn html(&self, prefix: &str) -> String {
        let parties = self.parties();
        let place =
            |party: Party| parties.iter().position(|found| *found == party).unwrap_or_default();
        let arrows = self.arrows.iter().map(|arrow| {
            let (from, to) = (place(arrow.from), place(arrow.to));
            let (left, right) = (from.min(to), from.max(to));
            let direction = if from < to { "right" } else { "left" };
            let answer = if arrow.is_answer { " answer" } else { "" };
            // Near the right edge a label ends with its arrow, so that it stays on the page.
            let late = if right + 1 == parties.len() { " late" } else { "" };
            Placed {
                arrow,
                class: format!("{direction}{answer}{late}"),
                // Each lane has two columns, and its line between them.
                span: format!("a{} b{}", 2 * left + 2, 2 * right + 2),
            }
        });
        let drawing = Drawing { prefix, parties: &parties, arrows: arrows.collect() };
        drawing.render().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrow(from: Party, to: Party, is_answer: bool, label: &str) -> Arrow {
        Arrow {
            after_millis: 0,
            from,
            to,
            is_answer,
            is_beside: false,
            label: label.to_owned(),
            detail: vec![("text".to_owned(), "<script>".to_owned())],
        }
    }

    #[test]
    fn an_arrow_is_between_its_lanes_and_what_it_says_is_text() {
        let flow = Flow {
            arrows: vec![
                arrow(Party::Payer, Party::Server, false, "types the code"),
                arrow(Party::Server, Party::Payer, true, "200 paid"),
                arrow(Party::Bank, Party::Server, true, "0110 authorization: done"),
            ],
        };
        let html = flow.html("x");
        assert!(
            html.contains(
                r#"<ul class="lanes n3"><li>Payer</li><li>Countersign</li><li>Bank</li>"#
            ),
            "{html}"
        );
        assert!(
            html.contains(r#"<summary class="right"><span class="label a2 b4">types the code"#),
            "{html}"
        );
        assert!(
            html.contains(r#"<summary class="left answer"><span class="label a2 b4">200 paid"#),
            "{html}"
        );
        assert!(
            html.contains(r#"<summary class="left answer late"><span class="label a4 b6">"#),
            "{html}"
        );
        assert!(!html.contains("<script>") && html.contains("id=\"x1\""), "{html}");
    }
}
