//! What is asked of a registration, and why its other fields are there.

use crate::{model::FieldName, properties::Question, prover::Found};

const REGISTRATION: &str = include_str!("registration.rules");
const BUSINESSES: &str = include_str!("businesses.rules");

/// Of everything that may not be, that it is not; with the tags under which it must hold.
const PROPERTIES: &[(&str, &[&str], &str)] = &[
    (
        "nobody is certified for a card whose phone is another's",
        &["attacker", "stolen-card"],
        "rule never if issued(px, c, Policy)",
    ),
    (
        "nobody's card is certified for a key but its holder's own, and the applicant's key for no other card",
        &["attacker", "stolen-card"],
        "rule never if issued(p, cx, Policy)",
    ),
    (
        "the one that is certified has agreed to the policy that the authority gave, and was shown it",
        &["attacker", "stolen-card"],
        "rule never if issued(p, c, policy(b2))",
    ),
    (
        "the code is learned by phone and authority alone",
        &["attacker", "stolen-card"],
        "rule never if att(code(c, Session))",
    ),
    (
        "the card is learned by the authority alone",
        &["attacker"],
        "rule never if att(pan(c))
         rule never-either if att(expiry(c))
         rule never-the-secret if att(pan_secret(c))",
    ),
    (
        "the applicant keeps only the certificate of its own key and card",
        &["attacker", "stolen-card"],
        "rule never if keeps(S, certificate(px, C, Secret))
         rule never-of-another-card if keeps(S, certificate(P, cx, Secret))",
    ),
];

/// The same, of merchants and gateways.
const OF_BUSINESSES: &[(&str, &[&str], &str)] = &[
    (
        "nobody is certified as a merchant whose name is another's",
        &["attacker"],
        "rule never if issued(px1, Other, n1, Policy)
         rule never-either if issued(px1, Other, n2, Policy)",
    ),
    (
        "a key to encrypt to is certified for the holder of the key that signs alone",
        &["attacker"],
        "rule never if issued(px1, p2, Name, Policy)
         rule never-either if issued(p1, px2, Name, Policy)",
    ),
    (
        "a merchant is certified under the name that it asked for",
        &["attacker"],
        "rule never if issued(p1, Other, n2, Policy)",
    ),
    (
        "a merchant that is certified has agreed to the policy that the authority gave",
        &["attacker"],
        "rule never if issued(p1, Other, Name, policy(b2))",
    ),
    (
        "a merchant keeps only the certificates of its own keys",
        &["attacker"],
        "rule never if keeps(S, certificate(px1, Name), Other)
         rule never-either if keeps(S, Certificate, certificate(px2, Name))",
    ),
];

fn question(
    name: &str,
    tags: &[&'static str],
    text: &str,
    without: &'static [FieldName],
    answer: Found,
) -> Question {
    let (name, text) = (format!("registration: {name}"), text.to_owned());
    Question { name, rules: ["", REGISTRATION], tags: tags.to_vec(), text, without, answer }
}

fn of_businesses(question: Question) -> Question {
    Question { rules: ["", BUSINESSES], ..question }
}

pub(crate) fn properties() -> Vec<Question> {
    let holding = |(name, tags, text): &(&str, &[&'static str], &str)| {
        question(name, tags, text, &[], Found::NoWay)
    };
    let of_cards = PROPERTIES.iter().map(holding);
    of_cards.chain(OF_BUSINESSES.iter().map(holding).map(of_businesses)).collect()
}

/// What comes of merchants' and gateways' registration when what holds it is taken out.
fn attacks_on_businesses() -> Vec<Question> {
    let by = |place: usize| {
        let (_, tags, text) = OF_BUSINESSES[place];
        (tags, text)
    };
    let attack = |name: &str, place: usize, without| {
        let (tags, text) = by(place);
        question(name, tags, text, without, Found::Way)
    };
    let attacks = [
        question(
            "an operator that compares no key certifies anybody under any name",
            &["attacker", "no-operator"],
            by(0).1,
            &[],
            Found::Way,
        ),
        attack(
            "a key to encrypt to that names no key to sign with is certified for another",
            1,
            &[("ExchangeKeyTBS", "signatureKey")],
        ),
        attack(
            "an answer to a merchant that does not name the wish is another's",
            4,
            &[("CertResData", "hCertReq")],
        ),
        question(
            "a merchant can register",
            &[],
            "rule reached if issued(p1, p2, n1, policy(b1)),
               keeps(s1, certificate(p1, n1), certificate(p2, n1))",
            &[],
            Found::Way,
        ),
    ];
    attacks.into_iter().map(of_businesses).collect()
}

/// Everything that is asked: the properties, what comes of it when what holds them is taken out, and that somebody can
/// register.
pub(crate) fn questions() -> Vec<Question> {
    let by = |place: usize| {
        let (_, tags, text) = PROPERTIES[place];
        (tags, text)
    };
    let attack = |name: &str, place: usize, without| {
        let (tags, text) = by(place);
        question(name, tags, text, without, Found::Way)
    };
    let mut questions = properties();
    questions.extend([
        question(
            "without a code, a card number is enough",
            &["attacker", "stolen-card", "no-code"],
            by(0).1,
            &[],
            Found::Way,
        ),
        attack(
            "an old introduction, which is bound to no question, has the card encrypted to a stolen key",
            4,
            &[
                ("CardCInitResTBS", "rrpid"),
                ("CardCInitResTBS", "lid-EE"),
                ("CardCInitResTBS", "chall-EE"),
            ],
        ),
        attack(
            "an answer that does not name the wish is another's",
            5,
            &[("CertResData", "hCertReq")],
        ),
        question(
            "somebody can register",
            &[],
            "rule reached if issued(p, c, policy(b1)), keeps(s1, certificate(p, c, Secret))",
            &[],
            Found::Way,
        ),
    ]);
    questions.extend(attacks_on_businesses());
    questions
}

/// As [`crate::reasons::REASONS`].
pub(crate) const REASONS: &[(&str, &str, &str)] = &[
    ("CardCInitResTBS", "rrpid", ONE_OF),
    ("CardCInitResTBS", "lid-EE", ONE_OF),
    ("CardCInitResTBS", "chall-EE", ONE_OF),
    ("RegFormResTBS", "rrpid", SHOWN_TERMS),
    ("RegFormResTBS", "lid-EE", SHOWN_TERMS),
    ("RegFormResTBS", "chall-EE2", SHOWN_TERMS),
    ("RegFormResTBS", "date", TIME),
    ("ReferralData", "reason", "for people; nothing comes after it"),
    ("CertReqTBS", "rrpid", NAMED),
    ("CertReqTBS", "lid-EE", "for the applicant's own books; the form has it, too"),
    ("CertReqTBS", "chall-EE3", NAMED),
    ("CardWish", "language", "in which words the message is written"),
    ("CardWish", "panData", "the card stands in PhoneProof once more, and the code is of that one"),
    ("CertReqTBS", "caBackKey", BACK_KEY),
    ("RegCodeStart", "digits", SHOWN),
    ("RegCodeStart", "attemptsLeft", SHOWN),
    (
        "RegCodeStart",
        "reference",
        "keeps the person from typing a code beside the wrong registration, where it is refused: it is bound to the right one",
    ),
    ("RegCodeStart", "expiresAt", TIME),
    ("CertResData", "rrpid", NAMES_IT_TOO),
    ("CertResData", "lid-EE", NAMES_IT_TOO),
    ("CertResData", "chall-EE3", NAMES_IT_TOO),
    ("CertResData", "certStatus", "what is asked for, or there, is beside it"),
    ("CertResData", "codeStart", SHOWN),
    ("CertInqReqTBS", "rrpid", NAMED),
    ("CertInqReqTBS", "lid-EE", "for the applicant's own books"),
    ("CertInqReqTBS", "chall-EE3", NAMED),
    ("CertInqReqTBS", "hCertReq", "by it the registration is found; the code is of one wish"),
    ("PhoneProof", "panData", "the authority keeps no card meanwhile; the code is of one card"),
    ("CertInqReqTBS", "caBackKey", BACK_KEY),
    ("Me-AqCInitResTBS", "rrpid", FORM_OF_ONE),
    ("Me-AqCInitResTBS", "lid-EE", FORM_OF_ONE),
    ("Me-AqCInitResTBS", "chall-EE", FORM_OF_ONE),
    ("Me-AqCInitResTBS", "date", TIME),
    ("MerchantAcquirerID", "merchantBIN", "shown to the operator; no certificate has it"),
    ("AcquirerID", "acquirerBIN", "shown to the operator; no certificate has it"),
    (
        "AcquirerID",
        "acquirerBusinessID",
        "the model has merchants alone; a gateway's is as merchantID",
    ),
    (
        "Me-AqCInitResTBS",
        "caeCertificates",
        "nothing in a merchant's wish is secret but the back key, and nothing in what it opens",
    ),
];

const ONE_OF: &str = "each of those that are given back ties the answer to its question; all are taken out in an attack above";
const FORM_OF_ONE: &str = "name and policy are compared, whatever it answers";
const NAMES_IT_TOO: &str = "hCertReq names the wish, too";
const SHOWN_TERMS: &str = "the person reads what is agreed to, whatever it answers";
const TIME: &str = "the model knows no time; the program compares it with its clock, or shows it";
const NAMED: &str = "names the question, and the answer names it";
const BACK_KEY: &str = "that nobody else reads the answer, in which there is neither card nor code";
const SHOWN: &str = "shown to people, and counted by the authority";
