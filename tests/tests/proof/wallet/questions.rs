//! What is asked of the payment of a ticket: that something never happens, or that it can.

use crate::{
    model::FieldName,
    properties::Question,
    prover::Found::{self, NoWay, Way},
};

const PAYMENT: &str = include_str!("payment.rules");

/// What there is of an honest run.
const ALL: &[&str] = &["numbered", "own-signature", "linked", "code", "reference"];

/// What the attacker has of the client.
struct Mode {
    name: &'static str,
    tags: &'static [&'static str],
}

const MODES: &[Mode] = &[
    Mode { name: "the attacker's server is used, too", tags: &["other-server"] },
    Mode {
        name: "the attacker's server is used, too, and requests are forged",
        tags: &["other-server", "forged"],
    },
    Mode { name: "the session is stolen", tags: &["stolen"] },
];

const FORGED: &[&str] = &["forged", "other-server"];

/// What the client wants of everything that there is, but what must not be debited: payee, server, amount, currency,
/// reference, goods, source.
const WANTED: [(&str, [&str; 7]); 7] = [
    ("the payee who was meant", ["nx", "G", "A", "E", "R", "B", "S"]),
    ("by the server that was meant", ["N", "gx", "A", "E", "R", "B", "S"]),
    ("the amount that was agreed to", ["N", "G", "a1", "E", "R", "B", "S"]),
    ("the currency that was agreed to", ["N", "G", "A", "e1", "R", "B", "S"]),
    ("the order that was agreed to", ["N", "G", "A", "E", "r1", "B", "S"]),
    ("the goods that were agreed to", ["N", "G", "A", "E", "R", "b1", "S"]),
    ("the wallet or card that was chosen", ["N", "G", "A", "E", "R", "B", "wallet(c)"]),
];

/// The merchant offers all, and the books let all pass.
const FREELY: &str = "rule offered then offers(G, A, E, R, B)
     rule covered then covered(C, I, A, E, R, B)";

const NEVER_DEBITED: &str = "rule never if debited(c, id(m), J, a2, e2, r2, b2, card(c), Digest)";

/// What the merchant offers, of everything but what must not be debited for it or delivered by it.
const OFFERED_ALL_BUT: &str = "rule offered
       then offers(gx, A, E, R, B)
       then offers(G, a1, E, R, B)
       then offers(G, A, e1, R, B)
       then offers(G, A, E, r1, B)
       then offers(G, A, E, R, b1)
     rule covered then covered(C, I, A, E, R, B)
     rule wanted then wanted(N, G, A, E, R, B, S)";

/// What is paid, of everything but what must not be delivered.
const PAID_ALL_BUT: &str = "rule offered then offers(G, A, E, R, B)
     rule covered
       then covered(C, id(mx), A, E, R, B)
       then covered(C, I, a1, E, R, B)
       then covered(C, I, A, e1, R, B)
       then covered(C, I, A, E, r1, B)
       then covered(C, I, A, E, R, b1)
     rule wanted then wanted(N, G, A, E, R, B, S)";

const NEVER_DEBITED_FOR: &str = "rule never if debited(C, id(m), J, a2, e2, r2, b2, S, Digest)";

const NEVER_DELIVERED: &str = "rule never if delivered(g, I, a2, e2, r2, b2)";

/// What a receipt says of the order it says by the ticket's digest.
const NEVER_SHOWN: &str = "rule never if is_shown(g, id(m), J, digest(Ticket{iss: I, aud: G, jti: J2, iat: Made, exp: Late,
       amount_minor: a2, currency: e2, reference: r2, goods: b2}), A, E)
     rule never-an-amount if is_shown(g, id(m), number(g, a2, e2, r2, b2), Digest, A, E)";

/// No other merchant is paid either, so that nobody pays that amount.
const NEVER_SHOWN_AN_AMOUNT: &str = "rule offered then offers(G, A, E, R, B)
     rule covered then covered(C, I, a1, e1, R, B)
     rule wanted then wanted(N, G, A, E, R, B, S)
     rule never if is_shown(g, I, J, Digest, a2, E)
     rule never-a-currency if is_shown(g, I, J, Digest, A, e2)";

const NEVER_KNOWN: &str = "rule never if att(code(c, Link))";

/// All codes are seen but that of one ticket, which is of no use without its own.
const SEEN_ALL_BUT: &str = "rule seen
       then seen(id(mx), A, E, R, B)
       then seen(I, a1, E, R, B)
       then seen(I, A, e1, R, B)
       then seen(I, A, E, r1, B)
       then seen(I, A, E, R, b1)
     rule never if debited(c, id(m), J, a2, e2, r2, b2, S, Digest)";

const HONEST: &str = "rule offered then offers(g, a1, e1, r1, b1)
     rule covered then covered(c, id(m), a1, e1, r1, b1)
     rule wanted then wanted(n, g, a1, e1, r1, b1, SOURCE)
     rule reached if debited(c, id(m), J, a1, e1, r1, b1, SOURCE, Digest), delivered(g, id(m), a1, e1, r1, b1)";

fn wants(all: &[[&str; 7]]) -> String {
    let facts: Vec<String> =
        all.iter().map(|places| format!("then wanted({})", places.join(", "))).collect();
    format!("rule wanted {}", facts.join("\n"))
}

fn question(
    name: String,
    tags: &[&[&'static str]],
    texts: &[&str],
    without: &'static [FieldName],
    answer: Found,
) -> Question {
    let (rules, tags, text) = ([PAYMENT, ""], tags.concat(), texts.join("\n"));
    Question { name, rules, tags, text, without, answer }
}

/// That nothing is debited, delivered or learned that may not be.
fn properties_of(mode: &Mode) -> Vec<Question> {
    let tags = [ALL, &["attacker"], mode.tags];
    let named = |name: &str| format!("{}: {name}", mode.name);
    let holds = |name: &str, texts: &[&str]| question(named(name), &tags, texts, &[], NoWay);
    let mut properties: Vec<Question> = WANTED
        .iter()
        .map(|(name, places)| {
            holds(
                &format!("what is debited is {name}"),
                &[FREELY, &wants(&[*places]), NEVER_DEBITED],
            )
        })
        .collect();
    properties.extend([
        holds("a merchant is paid what it asked", &[OFFERED_ALL_BUT, NEVER_DEBITED_FOR]),
        holds("a merchant delivers what it offered", &[OFFERED_ALL_BUT, NEVER_DELIVERED]),
        holds("a merchant delivers only what was paid", &[PAID_ALL_BUT, NEVER_DELIVERED]),
        holds("a receipt tells only what was paid", &[PAID_ALL_BUT, NEVER_SHOWN]),
        holds("a receipt tells how much was paid", &[NEVER_SHOWN_AN_AMOUNT]),
        holds(
            "nobody but phone and server learns the code",
            &[FREELY, &wants(&[["N", "G", "A", "E", "R", "B", "S"]]), NEVER_KNOWN],
        ),
    ]);
    properties
}

/// What holds with something else amiss.
fn amiss() -> Vec<Question> {
    let alike: &[&str] = &["numbered-alike", "own-signature", "linked", "code", "reference"];
    vec![
        question(
            "tickets are numbered alike: a receipt for one is none for another".to_owned(),
            &[alike, &["attacker", "stolen"]],
            &[PAID_ALL_BUT, NEVER_DELIVERED],
            &[],
            NoWay,
        ),
        question(
            "the session is stolen: the code of one payment is of no use to another".to_owned(),
            &[ALL, &["attacker", "stolen", "seen"]],
            &[FREELY, SEEN_ALL_BUT],
            &[],
            NoWay,
        ),
    ]
}

/// What is found when a fix is taken out.
fn attack(
    name: &str,
    tags: &[&[&'static str]],
    texts: &[&str],
    without: &'static [FieldName],
) -> Question {
    question(name.to_owned(), &[tags, &[&["attacker"]]].concat(), texts, without, Way)
}

/// Of ticket and receipt.
fn attacks_on_messages() -> Vec<Question> {
    vec![
        attack(
            "a ticket that anybody may sign is another amount's, in the merchant's name",
            &[&["numbered", "any-signature", "linked", "code", "reference"]],
            &[OFFERED_ALL_BUT, NEVER_DEBITED_FOR],
            &[],
        ),
        attack(
            "a ticket that names no server is paid at another",
            &[ALL],
            &[
                "rule offered then offers(gx, A, E, R, B)
                 rule covered then covered(C, I, A, E, R, B)",
                "rule never if debited(C, id(m), J, A, E, R, B, S, Digest)",
            ],
            &[("Ticket", "aud")],
        ),
        attack(
            "a receipt without digest is another ticket's of the same number",
            &[&["numbered-alike", "own-signature", "linked", "code", "reference"]],
            &[PAID_ALL_BUT, NEVER_DELIVERED],
            &[("Receipt", "ticket_sha256")],
        ),
        attack(
            "a receipt without digest and number is another ticket's of the same amount",
            &[ALL],
            &[PAID_ALL_BUT, NEVER_DELIVERED],
            &[("Receipt", "ticket_sha256"), ("Receipt", "ticket")],
        ),
        attack(
            "where neither ticket nor receipt names the merchant, another's ticket is copied and paid",
            &[ALL],
            &[PAID_ALL_BUT, NEVER_DELIVERED],
            &[("Ticket", "iss"), ("Receipt", "aud")],
        ),
    ]
}

/// Of code, message and person.
fn attacks_on_codes() -> Vec<Question> {
    let elsewhere = wants(&[["N", "gx", "A", "E", "R", "B", "S"]]);
    let twin = wants(&[["n", "g", "A", "E", "R", "B", "S"]]);
    let no_reference: &[&str] = &["numbered", "own-signature", "linked", "code", "no-reference"];
    let unlinked = |how: &'static str| {
        vec!["numbered", "own-signature", how, "code", "reference", "stolen", "seen"]
    };
    vec![
        attack(
            "a code that is not linked to the payee pays another",
            &[&unlinked("linked-without-payee")],
            &[FREELY, SEEN_ALL_BUT],
            &[],
        ),
        attack(
            "a code that is not linked to the amount pays another",
            &[&unlinked("linked-without-amount")],
            &[FREELY, SEEN_ALL_BUT],
            &[],
        ),
        attack(
            "a code that is linked to amount and payee only pays another ticket",
            &[&unlinked("linked-without-ticket")],
            &[FREELY, SEEN_ALL_BUT],
            &[],
        ),
        attack(
            "without a code, a forged request pays",
            &[&["numbered", "own-signature", "linked", "no-code"], FORGED],
            &[FREELY, NEVER_DEBITED],
            &[],
        ),
        attack(
            "a message without a reference gives the code away",
            &[no_reference, &["other-server"]],
            &[FREELY, &wants(&[["N", "G", "A", "E", "R", "B", "S"]]), NEVER_KNOWN],
            &[],
        ),
        attack(
            "a message without a reference has a forged request paid",
            &[no_reference, FORGED],
            &[FREELY, &elsewhere, NEVER_DEBITED],
            &[],
        ),
        attack(
            "a code that is typed at the attacker's server pays where he has the session, too",
            &[ALL, &["stolen", "other-server"]],
            &[FREELY, &elsewhere, NEVER_DEBITED],
            &[],
        ),
        attack(
            "two merchants of one name cannot be told apart by it",
            &[ALL, &["twin"]],
            &[
                "rule offered then offers(gx, A, E, R, B)
                 rule covered then covered(C, I, A, E, R, B)",
                &twin,
                "rule never if debited(c, id(mx2), J, a2, e2, r2, b2, card(c), Digest)",
            ],
            &[],
        ),
    ]
}

fn honest() -> Vec<Question> {
    let honest = ["wallet(c)", "card(c)"].into_iter();
    honest
        .map(|source| {
            let name = format!("an honest payment from {source} is possible");
            question(name, &[ALL], &[&HONEST.replace("SOURCE", source)], &[], Way)
        })
        .collect()
}

/// Everything that is asked.
pub(crate) fn questions() -> Vec<Question> {
    let properties = MODES.iter().flat_map(properties_of);
    properties
        .chain(amiss())
        .chain(attacks_on_messages())
        .chain(attacks_on_codes())
        .chain(honest())
        .collect()
}

/// What is asked again without each member: the same, with much at once, of the modes that hold against the most.
pub(crate) fn properties() -> Vec<Question> {
    let wants = wants(&WANTED.map(|(_, places)| places));
    let agreed = MODES.iter().skip(1).map(|mode| {
        let texts = [FREELY, &wants, NEVER_DEBITED, NEVER_KNOWN];
        question(mode.name.to_owned(), &[ALL, &["attacker"], mode.tags], &texts, &[], NoWay)
    });
    let stolen = |name: &str, texts: &[&str]| {
        question(name.to_owned(), &[ALL, &["attacker", "stolen"]], texts, &[], NoWay)
    };
    let merchants = [
        stolen("what a merchant asked", &[OFFERED_ALL_BUT, NEVER_DEBITED_FOR]),
        stolen("what was paid", &[PAID_ALL_BUT, NEVER_DELIVERED, NEVER_SHOWN]),
        stolen("how much was paid", &[NEVER_SHOWN_AN_AMOUNT]),
    ];
    agreed.chain(merchants).chain(amiss()).collect()
}
