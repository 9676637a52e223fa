//! Answers as hosts of others write them: `tests/answers`, each with what must come of it.

use std::{fs, path::Path};

use countersign_domain::bank::{BankError, Decision};
use countersign_iso8583::{Field, Message, Mti};
use tokio::time::{Duration, timeout};

use crate::played::{Line, approved, authorize, purchase, response_code, start};

/// What the files have in the fields 7, 11 and 37, for the question's own.
const ECHOED: [(&[u8], Field); 3] = [
    (b"1126073000", Field::TRANSMISSION_TIME),
    (b"700212", Field::STAN),
    (b"OXK3V8JVXMUN", Field::RETRIEVAL_REFERENCE),
];

/// What comes of an answer; `None` when it must be passed over.
type Expected = Option<Result<Decision, BankError>>;

fn expected(text: &str) -> Expected {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("approved", code) => Some(approved(code)),
        ("declined", code) => Some(Ok(Decision::Declined { response: response_code(code) })),
        ("unknown", cause) => Some(Err(BankError::Unknown { cause: cause.to_owned() })),
        _ => (text == "ignored").then_some(None).unwrap(),
    }
}

fn vector(file: &Path) -> (Vec<u8>, Expected) {
    let text = fs::read_to_string(file).unwrap();
    let mut hex = String::new();
    let mut comes = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix("expect: ") {
            Some(text) => comes.push(expected(text)),
            None => hex.push_str(line),
        }
    }
    let octet = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let [comes] = <[_; 1]>::try_from(comes).unwrap();
    ((0..hex.len()).step_by(2).map(octet).collect(), comes)
}

/// The bytes of a file as an answer to that question.
fn patched(mut bytes: Vec<u8>, question: &Message) -> Vec<u8> {
    for (of_file, field) in ECHOED {
        let ours = question.bytes(field).unwrap();
        if let Some(at) = bytes.windows(of_file.len()).position(|window| window == of_file) {
            bytes.splice(at..at + ours.len(), ours.iter().copied());
        }
    }
    bytes
}

#[tokio::test]
async fn an_odd_answer_is_read_for_what_is_used_of_it_and_harms_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    for (stan, file) in (1..).zip(files) {
        let (bytes, comes) = vector(&file);
        let decision = authorize(&driver, purchase(stan));
        let question = bank.question().await;
        let other = authorize(&driver, purchase(1000 + stan));
        let other_question = bank.question().await;
        bank.say_bytes(&patched(bytes, &question)).await;
        bank.answer(&other_question, "00", "OTHER1").await;
        assert_eq!(other.await.unwrap(), approved("OTHER1"), "{}", file.display());
        if comes.is_none() {
            assert!(!decision.is_finished(), "{}", file.display());
            bank.answer(&question, "00", "AFTER1").await;
        }
        let comes = comes.unwrap_or_else(|| approved("AFTER1"));
        assert_eq!(decision.await.unwrap(), comes, "{}", file.display());
    }
}

#[tokio::test]
async fn an_answer_that_may_be_that_of_two_questions_is_that_of_neither() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let mut namesake = purchase(1);
    namesake.reference.retrieval = "ZZZZZZ000001".to_owned();
    let (one, other) = (authorize(&driver, purchase(1)), authorize(&driver, namesake));
    let (first, second) = (bank.question().await, bank.question().await);
    let terse = Message::new(Mti::AUTHORIZATION_RESPONSE)
        .with(Field::STAN, "000001")
        .and_then(|answer| answer.with(Field::RESPONSE_CODE, "51"))
        .unwrap();
    bank.say(&terse).await;
    bank.answer(&first, "00", "FIRST1").await;
    bank.answer(&second, "00", "SECOND").await;
    let mut answers = [one.await.unwrap(), other.await.unwrap()];
    if first.text(Field::RETRIEVAL_REFERENCE) == Some("ZZZZZZ000001") {
        answers.reverse();
    }
    assert_eq!(answers, [approved("FIRST1"), approved("SECOND")]);
}

#[tokio::test]
async fn a_host_that_tells_of_its_network_is_answered() {
    let (_driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    for (told, answered) in [("0800", "0810"), ("0801", "0810"), ("0820", "0830"), ("0821", "0830")]
    {
        let told = Message::new(Mti::try_from(told.as_bytes()).unwrap())
            .with(Field::TRANSMISSION_TIME, "0314150926")
            .and_then(|told| told.with(Field::STAN, "000007"))
            .and_then(|told| told.with(Field::NETWORK_MANAGEMENT_CODE, "001"))
            .unwrap();
        bank.say(&told).await;
        let answer = bank.question().await;
        let expected = told.with_mti(Mti::try_from(answered.as_bytes()).unwrap());
        assert_eq!(answer, expected.with(Field::RESPONSE_CODE, "00").unwrap());
    }
}

#[tokio::test]
async fn a_stream_that_is_out_of_step_is_given_up_though_it_never_falls_silent() {
    let (_driver, listener) = start(|settings| {
        settings.keepalive_after = Duration::from_millis(50);
        settings.response_timeout = Duration::from_millis(200);
    })
    .await;
    let mut bank = Line::accept(&listener).await;
    let ended = async {
        loop {
            bank.say_bytes(b"\0\x05HTTP/").await;
            if timeout(Duration::from_millis(20), bank.hear()).await == Ok(None) {
                return;
            }
        }
    };
    timeout(Duration::from_secs(5), ended).await.unwrap();
}
