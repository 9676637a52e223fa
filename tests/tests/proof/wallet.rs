//! The same of figure 12: the payment of a ticket, of the table that the wallet's messages are made of.

mod questions;
mod reasons;

use countersign_set::table::{self as set, Kind, Role, Shape, Structure};
use countersign_wallet::{
    message::MESSAGES,
    table::{self, Message, Party, Protection},
};

use self::{
    questions::{properties, questions},
    reasons::REASONS,
};
use crate::{
    clauses, folder, in_threads,
    model::{FieldName, fields},
    prover::{Answers, Found, Prover},
};

/// SET's rows, of which the model knows the secret fields, and the wallet's messages as rows of the same form.
fn rows() -> Vec<&'static Structure> {
    let mut rows = set::rows();
    rows.extend(MESSAGES.iter().map(row));
    rows
}

fn row(message: &Message) -> &'static Structure {
    let fields: Vec<set::Field> = message
        .fields
        .iter()
        .map(|field| set::Field {
            name: field.name,
            kind: leak(kind(&field.kind)),
            optional: field.optional.then_some(0),
            doc: field.doc,
        })
        .collect();
    let shape = Shape::Sequence(fields.leak());
    leak(Structure { name: message.name, number: None, doc: message.doc, shape })
}

/// As long as the test runs.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// What the model asks of a member: whether it is a digest, a signed message, or a value that nobody looks into.
fn kind(kind: &table::Kind) -> Kind {
    match kind {
        table::Kind::Digest(what) => Kind::Digest(what),
        table::Kind::Compact(what) => Kind::Signed { what, by: signer(what), attached: true },
        table::Kind::Integer { .. } => Kind::Integer { min: 0, max: i64::MAX },
        table::Kind::Text { .. }
        | table::Kind::Word(_)
        | table::Kind::Words(_)
        | table::Kind::Token { .. }
        | table::Kind::Id(_)
        | table::Kind::Host
        | table::Kind::Currency
        | table::Kind::Choice(_)
        | table::Kind::List { .. } => Kind::Text { max: usize::MAX },
    }
}

fn signer(name: &str) -> Role {
    let message = MESSAGES.iter().find(|message| message.name == name).unwrap();
    match message.protection {
        Protection::Signed { by: Party::Client, .. } => Role::Cardholder,
        Protection::Signed { by: Party::Merchant, .. } => Role::Merchant,
        Protection::Signed { by: Party::Server, .. } => Role::Gateway,
        Protection::Channel { .. } => panic!("{name} is not signed"),
    }
}

#[test]
fn both_provers_give_each_question_about_a_ticket_its_answer() {
    let folder = folder("wallet-questions");
    let (table, answers) = (rows(), Answers::default());
    let questions = questions();
    let holding = questions.iter().filter(|question| question.answer == Found::NoWay).count();
    assert!(holding >= 20, "{holding} properties");
    let work: Vec<(usize, Prover)> = (0..questions.len())
        .flat_map(|place| [(place, Prover::E), (place, Prover::Spass)])
        .collect();
    let wrong = in_threads(&work, |(place, prover)| {
        let question = &questions[*place];
        let file = folder.join(format!("{place:02}-{prover:?}.p"));
        let found = answers.of(*prover, &clauses(question, &[], &table), &file);
        (found != question.answer).then(|| {
            format!("{}: {prover:?} finds {found:?}, see {}", question.name, file.display())
        })
    });
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_member_of_each_message_holds_up_a_property_or_has_a_reason() {
    let folder = folder("wallet-members");
    let (table, answers) = (rows(), Answers::default());
    let all: Vec<FieldName> = MESSAGES
        .iter()
        .flat_map(|message| fields(row(message)).iter().map(|field| (message.name, field.name)))
        .collect();
    let properties = properties();
    let wrong = in_threads(&all, |member| {
        let (message, name) = member;
        let file = folder.join(format!("{message}.{name}.p"));
        let reason = REASONS.iter().find(|(of, named, _)| of == message && named == name);
        let fallen = properties.iter().find(|property| {
            let clauses = clauses(property, &[*member], &table);
            answers.of(Prover::E, &clauses, &file) == Found::Way
        });
        match (fallen, reason) {
            (Some(_), None) | (None, Some(_)) => None,
            (Some(property), Some(_)) => Some(format!(
                "{message}.{name} needs no reason: without it falls {:?}",
                property.name
            )),
            (None, None) => Some(format!("{message}.{name} holds up nothing, and has no reason")),
        }
    });
    let unknown = REASONS.iter().filter(|(of, named, _)| !all.contains(&(*of, *named)));
    let unknown = unknown.map(|(of, named, _)| format!("there is a reason for {of}.{named}"));
    let wrong: Vec<String> = wrong.into_iter().flatten().chain(unknown).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
