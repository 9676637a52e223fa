//! What is asked of the model: that something never happens, or that it can.

mod heard;

use heard::HEARD;

use crate::{model::FieldName, prover::Found};

const PARTIES: &str = include_str!("parties.rules");
const PURCHASE: &str = include_str!("purchase.rules");
const ANSWERS: &str = include_str!("answers.rules");
const SETTLEMENT: &str = include_str!("settlement.rules");
const BATCH: &str = include_str!("batch.rules");
const CERTIFICATES: &str = include_str!("certificates.rules");

/// A question, and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) rules: [&'static str; 2],
    /// Which rules are in it.
    pub(crate) tags: Vec<&'static str>,
    /// What was wanted or decided, and what must not follow.
    pub(crate) text: String,
    /// Fixes that are taken out.
    pub(crate) without: &'static [FieldName],
    pub(crate) answer: Found,
}

/// How a purchase is made, and what is stolen.
struct Mode {
    name: &'static str,
    tags: &'static [&'static str],
}

const MODES: &[Mode] = &[
    Mode { name: "signed, with a code", tags: &["signed", "code", "reference"] },
    Mode {
        name: "signed, with a code, key and card stolen",
        tags: &["signed", "code", "reference", "stolen-key", "stolen-card"],
    },
    Mode { name: "signed, exempt from the code", tags: &["signed", "exempt"] },
    Mode { name: "unsigned, with a code", tags: &["unsigned", "code", "reference"] },
    Mode {
        name: "unsigned, with a code, card stolen",
        tags: &["unsigned", "code", "reference", "stolen-card"],
    },
];

/// What the cardholder wants, of everything that there is but what must not be debited; and that it is not debited.
const AGREEMENTS: &[(&str, &str)] = &[
    (
        "the gateway debits only what was meant for it",
        "rule wanted if merchant(M), amount(A), order(O)
           then wanted(M, gx, A, O)
         rule never if debited(c, M, A, T, Hod)",
    ),
    (
        "what is debited goes to the merchant who was meant",
        "rule wanted if gateway(G), amount(A), order(O)
           then wanted(mx, G, A, O)
           then wanted(mx2, G, A, O)
         rule never if debited(c, m, A, T, Hod)",
    ),
    (
        "what is debited is the amount that was agreed to",
        "rule wanted if merchant(M), gateway(G), order(O)
           then wanted(M, G, a1, O)
         rule never if debited(c, M, a2, T, Hod)",
    ),
    (
        "what is debited is for the order that was agreed to",
        "rule wanted if merchant(M), gateway(G), amount(A)
           then wanted(M, G, A, o1)
         rule never if debited(c, M, A, T, digest(HODInput{od: o2, purchAmt: _, odSalt: _}))",
    ),
];

/// Everything but one purchase at once, for each merchant: the strongest agreement, of gateway, merchant, amount and order;
/// and the secrecy of the code, and what a merchant is paid.
const AT_ONCE: &[&str] = &[
    "rule wanted if gateway(G), merchant(M), amount(A), order(O)
       then wanted(mx, G, A, O)
       then wanted(mx2, G, A, O)
       then wanted(M, gx, A, O)
       then wanted(M, G, a1, O)
       then wanted(M, G, A, o1)
     rule never-debited if debited(c, m, a2, T, digest(HODInput{od: o2, purchAmt: _, odSalt: _}))
     rule never-known if att(code(c, Agreed, Nonce))
     rule never-less if debited(C, m, a1, T, Hod), named(T, G, O, a2, Own)
     rule never-for-another-order if debited(C, m, A, T, digest(HODInput{od: o1, purchAmt: _, odSalt: _})),
       named(T, G, o2, A, Own)",
    "rule wanted if gateway(G), merchant(M), amount(A), order(O)
       then wanted(m, G, A, O)
       then wanted(mx2, G, A, O)
       then wanted(M, gx, A, O)
       then wanted(M, G, a1, O)
       then wanted(M, G, A, o1)
     rule never if debited(c, mx, a2, T, digest(HODInput{od: o2, purchAmt: _, odSalt: _}))",
];

const CODE_SECRET: &str = "rule wanted if gateway(G), merchant(M), amount(A), order(O)
       then wanted(M, G, A, O)
     rule never if att(code(c, Agreed, Nonce))";

/// At merchants that are honest, and name gateways that are.
const CARD_SECRET: &str = "rule wanted if gateway(G), amount(A), order(O)
       then wanted(m, G, A, O)
     rule never if att(pan(c))
     rule never-either if att(expiry(c))";

const ORDERED: &str = "rule wanted if gateway(G), merchant(M), amount(A), order(O)
       then wanted(M, gx, A, O)
       then wanted(M, G, a1, O)
       then wanted(M, G, A, o1)
     rule never if ordered(c, g, o2, a2, T)";

const PAID: &str = "rule wanted if gateway(G), merchant(M), amount(A), order(O)
       then wanted(M, G, A, O)
     rule never-less if debited(C, m, a1, T, Hod), named(T, G, O, a2, Own)
     rule never-for-another-order if debited(C, m, A, T, digest(HODInput{od: o1, purchAmt: _, odSalt: _})),
       named(T, G, o2, A, Own)";

const HONEST: &str = "rule wanted then wanted(m, g, a1, o1)
     rule reached if debited(c, m, a1, T, Hod)";

const ANSWERED: &str = "rule all
       then asks_for(g, t1, a1, hoi1, hod1, yes, b)
       then is_asked(T, R, Challenge)
       then buys(m, g, t1, a1, hod1, agreed1, dual_signed)
       then approves(m, t1, a1, hoi1, hod1, yes, b, agreed1, dual_signed, yes)
       then has_the_phone_ring(m, t1, agreed1)
     rule reached if prompted(m, g, t1, agreed1, url(g), Phone, Digits),
       stands_later(g, t1, a1, approved, yes, dual_signed),
       told(m, t1, completion(approved, yes), approved), has_receipt(m, g, t1, a1, hod1, agreed1, dual_signed)";

/// Request, result, the digest in it, and the messages of both.
const SETTLEMENTS: [[&str; 5]; 5] = [
    ["AuthRevReqTBS", "AuthRevResTBS", "hAuthRevReq", "authRevReq", "authRevRes"],
    ["CapReqTBS", "CapResTBS", "hCapReq", "capReq", "capRes"],
    ["CapRevReqTBS", "CapRevResTBS", "hCapRevReq", "capRevReq", "capRevRes"],
    ["CredReqTBS", "CredResTBS", "hCredReq", "credReq", "credRes"],
    ["CredRevReqTBS", "CredRevResTBS", "hCredRevReq", "credRevReq", "credRevRes"],
];

/// Against whom the gateway settles, and how it knows the merchant.
const SETTLING: &[&str] = &["attacker", "twin", "by-key"];

/// What the merchant asks for, and what the gateway grants, of everything but what must not follow.
const SETTLED: &[(&str, &str)] = &[
    (
        "the gateway carries out only what the purchase's merchant asked of it",
        "rule asked
           then settles(gx, T, A, B, Seq)
           then settles(G, t1, A, B, Seq)
           then settles(G, T, a1, B, Seq)
         rule granted then grants(T, A, Code)
         rule known then has(m, T)
         rule never if carried_out(m, t2, a2, B, Seq)",
    ),
    ("the gateway carries out nothing for a namesake of the purchase's merchant", OF_A_NAMESAKE),
    (
        "a merchant hears of success only where the gateway granted it",
        "rule asked then settles(G, T, A, B, Seq)
         rule granted
           then grants(t1, A, success)
           then grants(T, a1, success)
           then grants(T, A, refused)
         rule known then has(M, T)
         rule never if is_settled(g, t2, a2, success)",
    ),
];

/// Of those that can be counted in a batch.
const COUNTED: (&str, &str) = (
    "the gateway counts it only where the purchase's merchant wanted it counted",
    "rule asked
       then settles(G, T, A, b1, Seq)
       then settles(G, T, A, B, s1)
     rule granted then grants(T, A, Code)
     rule known then has(m, T)
     rule never if carried_out(m, T, A, b2, s2)",
);

const OF_A_NAMESAKE: &str = "rule asked then settles(G, T, A, B, Seq)
     rule granted then grants(T, A, Code)
     rule known then has(m, T)
     rule never if carried_out(mx2, T, A, B, Seq)";

const SETTLED_HONESTLY: &str = "rule asked then settles(g, t1, a1, b1, s1)
     rule granted then grants(t1, a1, success)
     rule known then has(m, t1)
     rule reached if is_settled(g, t1, a1, success), carried_out(m, t1, a1, b1, s1)";

/// What the merchant asks about a batch, and what the gateway says, of everything but what must not follow.
const BATCHES: &[(&str, &str)] = &[
    (
        "the gateway opens, closes and tells of a batch only as its merchant asked of it",
        "rule asked
           then administers(gx, B, Do, N, Which)
           then administers(G, b1, Do, N, Which)
           then administers(G, B, open, N, Which)
           then administers(G, B, Do, n1, Which)
           then administers(G, B, Do, N, w1)
         rule counted then balances(M, B, Do, N, Said, Counted, Items)
         rule known then opened_by(m, B)
         rule never if is_administered(m, b2, close, n2, w2)",
    ),
    ("the gateway tells a namesake nothing of a merchant's batch", OF_A_NAMESAKES_BATCH),
    (
        "a merchant is told only what the gateway has counted, and of its own batch",
        "rule asked then administers(G, B, Do, N, Which)
         rule counted
           then balances(mx, B, Do, N, Said, Counted, Items)
           then balances(M, b1, Do, N, Said, Counted, Items)
           then balances(M, B, open, N, Said, Counted, Items)
           then balances(M, B, Do, n1, Said, Counted, Items)
           then balances(M, B, Do, N, out_of_balance, Counted, Items)
           then balances(M, B, Do, N, Said, n1, Items)
           then balances(M, B, Do, N, Said, Counted, i1)
         rule known then opened_by(M, B)
         rule never if is_told(g, b2, close, n2, success, n2, i2)",
    ),
];

const OF_A_NAMESAKES_BATCH: &str = "rule asked then administers(G, B, Do, N, Which)
     rule counted then balances(M, B, Do, N, Said, Counted, Items)
     rule known then opened_by(m, B)
     rule never if is_administered(mx2, B, Do, N, Which)";

const COUNTED_HONESTLY: &str = "rule asked then administers(g, b1, close, n1, w1)
     rule counted then balances(m, b1, close, n1, success, n1, i1)
     rule known then opened_by(m, b1)
     rule reached if is_told(g, b1, close, n1, success, n1, i1), is_administered(m, b1, close, n1, w1)";

/// Which certificate the gateway has, and what must not be encrypted to.
const FOLLOWED: &[(&str, &str)] = &[
    (
        "a merchant encrypts only to a certificate that its gateway has told",
        "rule has then has_certificate(g, k1)
         rule never if encrypts_to(g, k2)",
    ),
    (
        "the gateway tells only those who are certified merchants",
        "rule has then has_certificate(g, k1)
         rule never if is_asked_for_certificate(m2)",
    ),
];

const FOLLOWED_HONESTLY: &str = "rule has then has_certificate(g, k1)
     rule reached if encrypts_to(g, k1), is_asked_for_certificate(m)";

fn certificates(texts: &[(&str, &str)], tags: &[&'static str], answer: &Found) -> Vec<Question> {
    let question = |(name, text): &(&str, &str)| Question {
        name: format!("pCertReq: {name}"),
        rules: [PARTIES, CERTIFICATES],
        tags: tags.to_vec(),
        text: (*text).to_owned(),
        without: &[],
        answer: answer.clone(),
    };
    texts.iter().map(question).collect()
}

fn batches(texts: &[(&str, &str)], tags: &[&'static str], answer: &Found) -> Vec<Question> {
    let question = |(name, text): &(&str, &str)| Question {
        name: format!("batchAdminReq: {name}"),
        rules: [PARTIES, BATCH],
        tags: tags.to_vec(),
        text: (*text).to_owned(),
        without: &[],
        answer: answer.clone(),
    };
    texts.iter().map(question).collect()
}

/// The same questions about each kind of settlement.
fn settlements(texts: &[(&str, &str)], tags: &[&'static str], answer: &Found) -> Vec<Question> {
    let mut questions = Vec::new();
    for [request, result, digest, ask, reply] in SETTLEMENTS {
        let is_counted = request != "AuthRevReqTBS";
        let item = ", batchItem: BatchItem{batchID: B, batchSequenceNum: Seq}";
        let rules = SETTLEMENT
            .replace("ITEM", if is_counted { item } else { "" })
            .replace("REQUEST", request)
            .replace("RESULT", result)
            .replace("DIGEST", digest)
            .replace("Message.ASK", &format!("Message.{ask}"))
            .replace("Message.ANSWER", &format!("Message.{reply}"));
        // As long as the test runs.
        let rules: &'static str = Box::leak(rules.into_boxed_str());
        let counted = (is_counted && texts == SETTLED).then_some(&COUNTED);
        questions.extend(texts.iter().chain(counted).map(|(name, text)| Question {
            name: format!("{ask}: {name}"),
            rules: [PARTIES, rules],
            tags: tags.to_vec(),
            text: (*text).to_owned(),
            without: &[],
            answer: answer.clone(),
        }));
    }
    questions
}

/// The weaknesses that the literature and our own model found, with the fix taken out: W1, W2, W3, W5, W11,
/// W12.
fn attacks() -> Vec<Question> {
    let by = |place: usize| AGREEMENTS[place].1;
    let attack = |name: &str, tags: &[&'static str], text: &str, without| {
        purchase(
            name.to_owned(),
            &[tags, &["attacker", "any-gateway"]].concat(),
            text,
            without,
            Found::Way,
        )
    };
    let stolen = ["signed", "code", "no-reference", "stolen-key", "stolen-card"];
    let w3 = "rule asked then asks_for(G, T, A, Hoi, Hod, Now, B)
         rule approved then approves(mx, T, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
         rule never if stands(g, T, A, approved, Captured, Mode, Hoi)";
    vec![
        attack(
            "W1: a payment is encrypted again, to another gateway, when nothing in it names the gateway",
            &["signed", "exempt"],
            by(0),
            &[("PI-TBS", "gateway"), ("PIHead", "gateway"), ("OIData", "gateway")],
        ),
        answers(
            "W3: an answer that names neither merchant nor request is another merchant's"
                .to_owned(),
            &["attacker"],
            w3,
            &[("RRTags", "merchantID"), ("AuthResTBS", "hAuthReq")],
            Found::Way,
        ),
        attack(
            "W2: a merchant takes an order that was signed for another gateway, when nothing that it sees names one",
            &["signed", "exempt"],
            ORDERED,
            &[("PInitResData", "peCertificates"), ("PI-TBS", "gateway"), ("OIData", "gateway")],
        ),
        attack(
            "W5: a card number is enough without signature and code",
            &["unsigned", "exempt"],
            by(0),
            &[],
        ),
        attack(
            "W11: another merchant of the same name is paid when the payment does not name the key",
            &["signed", "exempt", "twin"],
            "rule wanted if gateway(G), amount(A), order(O)
               then wanted(mx2, G, A, O)
             rule never if debited(c, m, A, T, Hod)",
            &[("PIHead", "merchant")],
        ),
        attack("W12: a message without a reference pays for another purchase", &stolen, by(0), &[]),
        attack("W12: a message without a reference gives the code away", &stolen, CODE_SECRET, &[]),
        attack(
            "an exemption trusts the key: its thief pays",
            &["signed", "exempt", "stolen-key", "stolen-card"],
            by(0),
            &[],
        ),
    ]
}

fn purchase(
    name: String,
    tags: &[&'static str],
    text: &str,
    without: &'static [FieldName],
    answer: Found,
) -> Question {
    let (rules, tags, text) = ([PARTIES, PURCHASE], tags.to_vec(), text.to_owned());
    Question { name, rules, tags, text, without, answer }
}

fn answers(
    name: String,
    tags: &[&'static str],
    text: &str,
    without: &'static [FieldName],
    answer: Found,
) -> Question {
    let (rules, tags, text) = ([PARTIES, ANSWERS], tags.to_vec(), text.to_owned());
    Question { name, rules, tags, text, without, answer }
}

/// That nothing is debited or learned that may not be; what is stolen is not secret.
fn properties_of(mode: &Mode) -> Vec<Question> {
    let tags = [mode.tags, &["attacker", "twin", "any-gateway"]].concat();
    let has = |tag: &str| mode.tags.contains(&tag);
    let named = |name: &str| format!("{}: {name}", mode.name);
    let mut properties = AGREEMENTS.to_vec();
    properties.push(("a merchant is paid what it asked, for the order that it has", PAID));
    if has("code") {
        properties.push(("nobody but phone and gateway learns the code", CODE_SECRET));
    }
    if has("signed") && !has("stolen-key") {
        properties.push(("the merchant takes only an order that was signed for it", ORDERED));
    }
    let properties = properties.into_iter();
    let mut properties: Vec<Question> = properties
        .map(|(name, text)| purchase(named(name), &tags, text, &[], Found::NoWay))
        .collect();
    if !has("stolen-card") {
        let tags = [mode.tags, &["attacker", "twin"]].concat();
        let name = named("nobody but the gateway that the merchant names learns the card");
        properties.push(purchase(name, &tags, CARD_SECRET, &[], Found::NoWay));
    }
    properties
}

fn heard() -> Vec<Question> {
    let heard = HEARD.iter();
    heard
        .map(|(name, text)| {
            answers((*name).to_owned(), &["attacker", "twin"], text, &[], Found::NoWay)
        })
        .collect()
}

/// W2's fix alone: the order that the merchant reads names the gateway, and nothing else does.
fn the_order_alone_names_the_gateway() -> Question {
    purchase(
        "W2: the merchant takes only an order that was signed for its gateway, as the order alone tells".to_owned(),
        &["signed", "exempt", "attacker", "any-gateway"],
        ORDERED,
        &[("PInitResData", "peCertificates"), ("PI-TBS", "gateway"), ("PIHead", "gateway")],
        Found::NoWay,
    )
}

/// Everything that is asked.
pub(crate) fn questions() -> Vec<Question> {
    let mut questions: Vec<Question> = MODES.iter().flat_map(properties_of).collect();
    questions.extend(heard());
    questions.extend(settlements(SETTLED, SETTLING, &Found::NoWay));
    let honest = [("an honest one is possible", SETTLED_HONESTLY)];
    questions.extend(settlements(&honest, &["by-key"], &Found::Way));
    let namesake =
        "W11: another merchant of the same name settles when merchants are known by name";
    let by_name = ["attacker", "twin", "by-name"];
    questions.extend(settlements(&[(namesake, OF_A_NAMESAKE)], &by_name, &Found::Way));
    questions.extend(batches(BATCHES, SETTLING, &Found::NoWay));
    questions.extend(batches(
        &[("an honest one is possible", COUNTED_HONESTLY)],
        &["by-key"],
        &Found::Way,
    ));
    let namesake =
        "W11: another merchant of the same name closes batches when merchants are known by name";
    questions.extend(batches(&[(namesake, OF_A_NAMESAKES_BATCH)], &by_name, &Found::Way));
    questions.extend(certificates(FOLLOWED, &["attacker", "twin"], &Found::NoWay));
    let honest = [("an honest one is possible", FOLLOWED_HONESTLY)];
    questions.extend(certificates(&honest, &[], &Found::Way));
    questions.extend(attacks());
    questions.push(the_order_alone_names_the_gateway());
    questions.extend(MODES.iter().map(|mode| {
        let name = format!("{}: an honest purchase is possible", mode.name);
        purchase(name, mode.tags, HONEST, &[], Found::Way)
    }));
    let name = "honest answers are possible".to_owned();
    questions.push(answers(name, &[], ANSWERED, &[], Found::Way));
    questions
}

/// What is asked again without each field: the same, with much at once, of the modes that hold against the most.
pub(crate) fn properties() -> Vec<Question> {
    let mut questions = Vec::new();
    for mode in MODES {
        let has = |tag: &str| mode.tags.contains(&tag);
        if has("stolen-card") || has("exempt") {
            let tags = [mode.tags, &["attacker", "twin", "any-gateway"]].concat();
            questions.extend(
                AT_ONCE
                    .iter()
                    .map(|text| purchase(mode.name.to_owned(), &tags, text, &[], Found::NoWay)),
            );
        }
        if has("signed") && has("exempt") {
            let tags = [mode.tags, &["attacker", "twin", "any-gateway"]].concat();
            let name = format!("{}, the order", mode.name);
            questions.push(purchase(name, &tags, ORDERED, &[], Found::NoWay));
        }
        if !has("stolen-card") && (has("exempt") || has("unsigned")) {
            let tags = [mode.tags, &["attacker", "twin"]].concat();
            let name = format!("{}, the card", mode.name);
            questions.push(purchase(name, &tags, CARD_SECRET, &[], Found::NoWay));
        }
    }
    questions.extend(heard());
    questions.extend(settlements(SETTLED, SETTLING, &Found::NoWay));
    questions.extend(batches(BATCHES, SETTLING, &Found::NoWay));
    questions.extend(certificates(FOLLOWED, &["attacker", "twin"], &Found::NoWay));
    questions
}
