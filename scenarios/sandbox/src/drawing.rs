//! The flow of one purchase: everything that was sent for it, in the order in which it was sent.

use std::{collections::BTreeSet, fmt::Write as _};

use serde::{Deserialize, Serialize};

use crate::journal::{About, Journal, Note, Party};

mod html;

pub use html::STYLE;

/// One arrow of a flow.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Arrow {
    /// Milliseconds after the first.
    pub after_millis: u64,
    /// The sender.
    pub from: Party,
    /// The receiver.
    pub to: Party,
    /// Whether it answers another.
    pub is_answer: bool,
    /// Whether the outbox sent it, or it comes of that: it has its own time beside the requests and their answers.
    pub is_beside: bool,
    /// What it is, in a few words.
    pub label: String,
    /// What was in it, name by name; what is secret is masked.
    pub detail: Vec<(String, String)>,
}

/// What was sent for one purchase.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Flow {
    /// The arrows, in the order in which they were sent.
    pub arrows: Vec<Arrow>,
}

/// By what the notes of a purchase are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traces {
    /// The id of what the flow is about.
    pub(crate) subject: String,
    /// The challenges, by which an operator knows its orders.
    pub(crate) challenges: Vec<String>,
    /// The bank's references.
    pub(crate) bank: Vec<String>,
    /// The centre's ids of the messages.
    pub(crate) messages: Vec<String>,
}

impl Party {
    /// Its name, as a flow shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payer => "Payer",
            Self::Merchant => "Merchant",
            Self::Server => "Countersign",
            Self::Bank => "Bank",
            Self::Operator => "Operator",
            Self::Centre => "SMS centre",
            Self::Phone => "Phone",
        }
    }
}

/// The other ids of what a flow is about.
pub(crate) fn names<'a>(notes: &'a [Note], subject: &str) -> Vec<&'a str> {
    let name_of = |note: &'a Note| match &note.about {
        About::Named { subject: id, name } if id == subject => Some(name.as_str()),
        About::Named { .. } | About::Subject(_) | About::Bank(_) => None,
        About::Message { .. } | About::Order(_) | About::Nothing => None,
    };
    notes.iter().filter_map(name_of).collect()
}

impl Flow {
    /// The purchase with those traces.
    pub(crate) fn of(journal: &Journal, traces: &Traces) -> Self {
        let notes = journal.all();
        // A long message has parts: the centre names each, and we know the name of the last.
        let wholes: BTreeSet<&str> = notes
            .iter()
            .filter_map(|note| match &note.about {
                About::Message { id, whole } if traces.messages.contains(id) => {
                    Some(whole.as_str())
                }
                _ => None,
            })
            .collect();
        let names = names(&notes, &traces.subject);
        let is_its = |note: &&Note| match &note.about {
            About::Subject(id) | About::Named { subject: id, .. } => {
                *id == traces.subject
                    || names.contains(&id.as_str())
                    || traces.challenges.contains(id)
            }
            About::Order(challenge) => traces.challenges.contains(challenge),
            About::Bank(retrieval) => traces.bank.contains(retrieval),
            About::Message { whole, .. } => wholes.contains(whole.as_str()),
            About::Nothing => false,
        };
        // What somebody does within his own house is not sent.
        let its = notes.iter().filter(|note| note.from != note.to).filter(is_its);
        let its: Vec<&Note> = its.collect();
        let Some(first) = its.first().map(|note| note.at) else {
            return Self::default();
        };
        let arrows = its.into_iter().map(|note| Arrow {
            after_millis: u64::try_from(note.at.duration_since(first).as_millis())
                .unwrap_or(u64::MAX),
            from: note.from,
            to: note.to,
            is_answer: note.is_answer,
            is_beside: matches!(note.about, About::Message { .. } | About::Order(_)),
            label: note.label.clone(),
            detail: note.detail.clone(),
        });
        Self { arrows: arrows.collect() }
    }

    /// Everybody who takes part, from left to right.
    pub fn parties(&self) -> Vec<Party> {
        let ends = self.arrows.iter().flat_map(|arrow| [arrow.from, arrow.to]);
        ends.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The flow as a Mermaid sequence diagram. It has no times and no ids, and what is sent beside the requests has one
    /// place: the same purchase gives the same text.
    pub fn mermaid(&self) -> String {
        let mut text = "sequenceDiagram\n".to_owned();
        for party in self.parties() {
            let _ = writeln!(text, "    participant {party:?} as {}", party.name());
        }
        for arrow in self.in_one_order() {
            let line = if arrow.is_answer { "-->>" } else { "->>" };
            // Mermaid takes a semicolon for the end of a line, and # for the beginning of an entity.
            let label = arrow.label.replace(';', ",").replace('#', "");
            let _ = writeln!(text, "    {:?}{line}{:?}: {label}", arrow.from, arrow.to);
        }
        text
    }

    /// The arrows; what is sent beside the requests comes after the answers to what was asked last. An answer and the
    /// message that its request began leave at the same time: on the wire either may be the first.
    fn in_one_order(&self) -> Vec<&Arrow> {
        let mut turn = 0_usize;
        let mut placed: Vec<(usize, Depth, &Arrow)> = Vec::new();
        for arrow in &self.arrows {
            let depth = arrow.depth();
            if depth == Depth::Request && !arrow.is_answer {
                turn += 1;
            }
            let asked = placed.iter().rev().find(|(_, _, asked)| {
                arrow.is_answer && depth != Depth::Request && asked.is_answered_by(arrow)
            });
            placed.push((asked.map_or(turn, |(turn, ..)| *turn), depth, arrow));
        }
        placed.sort_by_key(|(turn, depth, _)| (*turn, *depth));
        placed.into_iter().map(|(.., arrow)| arrow).collect()
    }
}

/// How far from the requests an arrow is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Depth {
    /// A request, what is asked to answer it, or its answer.
    Request,
    /// An order to the operator, of which a message comes.
    Order,
    /// A message, and what becomes of it.
    Message,
}

impl Arrow {
    const fn depth(&self) -> Depth {
        match (self.is_beside, self.from, self.to) {
            (false, ..) => Depth::Request,
            (true, Party::Operator, Party::Server) | (true, Party::Server, Party::Operator) => {
                Depth::Order
            }
            (true, ..) => Depth::Message,
        }
    }

    /// Whether an answer is to this one, as far as its ends tell.
    fn is_answered_by(&self, answer: &Self) -> bool {
        !self.is_answer
            && self.is_beside == answer.is_beside
            && (self.from, self.to) == (answer.to, answer.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_has_the_notes_of_its_purchase_with_all_parts_of_its_message_and_no_others() {
        let journal = Journal::default();
        let note = |label: &str, about| {
            journal.asked(Party::Server, Party::Centre, label, Vec::new(), about);
        };
        let part =
            |id: &str, whole: &str| About::Message { id: id.to_owned(), whole: whole.to_owned() };
        note("mine", About::Subject("co_1".to_owned()));
        let (subject, name) = ("co_1".to_owned(), "xid".to_owned());
        note("named", About::Named { subject, name });
        note("by its other name", About::Subject("xid".to_owned()));
        journal.asked(
            Party::Merchant,
            Party::Merchant,
            "within the house",
            Vec::new(),
            About::Subject("co_1".to_owned()),
        );
        note("other", About::Subject("co_2".to_owned()));
        note("to the operator", About::Subject("ch_1".to_owned()));
        note("another to the operator", About::Subject("ch_2".to_owned()));
        note("bank", About::Bank("RRN1".to_owned()));
        note("other bank", About::Bank("RRN2".to_owned()));
        note("part 1", part("0a", "long"));
        note("part 2", part("0b", "long"));
        note("other message", part("0c", "short"));
        note("nobody's", About::Nothing);
        let traces = Traces {
            subject: "co_1".to_owned(),
            challenges: vec!["ch_1".to_owned()],
            bank: vec!["RRN1".to_owned()],
            messages: vec!["0b".to_owned()],
        };
        let flow = Flow::of(&journal, &traces);
        let labels: Vec<_> = flow.arrows.iter().map(|arrow| arrow.label.as_str()).collect();
        assert_eq!(
            labels,
            ["mine", "named", "by its other name", "to the operator", "bank", "part 1", "part 2"]
        );
        let mermaid = flow.mermaid();
        assert!(
            mermaid.starts_with("sequenceDiagram\n    participant Server as Countersign\n"),
            "{mermaid}"
        );
        assert!(mermaid.ends_with("Server->>Centre: part 2\n"), "{mermaid}");
    }

    /// A flow of arrows given as `from to label`; `<` before the label makes an answer, `+` one beside the requests.
    fn flow(arrows: &[(Party, Party, &str)]) -> Flow {
        let arrow = |(from, to, label): &(Party, Party, &str)| Arrow {
            after_millis: 0,
            from: *from,
            to: *to,
            is_answer: label.contains('<'),
            is_beside: label.contains('+'),
            label: label.trim_start_matches(['<', '+']).to_owned(),
            detail: Vec::new(),
        };
        Flow { arrows: arrows.iter().map(arrow).collect() }
    }

    #[test]
    fn what_is_sent_beside_the_requests_is_drawn_after_the_answers_whichever_came_first() {
        use Party::{Bank, Centre, Merchant, Operator, Payer, Phone, Server};
        let asked = [
            (Payer, Merchant, "pays"),
            (Merchant, Server, "authorise"),
            (Server, Bank, "0100"),
            (Bank, Server, "<0110"),
        ];
        let answers = [(Server, Merchant, "<waits"), (Merchant, Payer, "<type the code")];
        let order = [(Server, Operator, "+order"), (Operator, Server, "+<200")];
        let message = [(Operator, Centre, "+submit_sm"), (Centre, Phone, "+shows")];
        let typed = [
            (Payer, Server, "types the code"),
            (Server, Operator, "is it the code?"),
            (Operator, Server, "<it is"),
            (Server, Payer, "<paid"),
        ];
        let drawn = flow(&[&asked[..], &answers, &order, &message, &typed].concat()).mermaid();
        for other in [
            [&asked[..], &order, &message, &answers, &typed].concat(),
            [&asked[..], &answers[..1], &order, &message, &answers[1..], &typed].concat(),
            [&asked[..], &answers, &order[..1], &message, &order[1..], &typed].concat(),
            // The operator's answer is late: the payer was faster.
            [&asked[..], &order[..1], &message, &answers, &typed, &order[1..]].concat(),
            [&asked[..], &answers, &order[..1], &message, &typed[..1], &order[1..], &typed[1..]]
                .concat(),
        ] {
            assert_eq!(flow(&other).mermaid(), drawn);
        }
        // What is asked within a request stays there, even of the same operator.
        let end = "Payer->>Server: types the code\n    Server->>Operator: is it the code?\n    \
                   Operator-->>Server: it is\n    Server-->>Payer: paid\n";
        assert!(drawn.ends_with(end), "{drawn}");
    }
}
