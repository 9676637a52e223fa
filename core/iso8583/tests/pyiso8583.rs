//! Exchanges messages with pyiso8583, a codec that is not ours, in both directions.
//!
//! Needs `python3` with its `venv` module, and a package index for the first run; the environment is kept for later
//! runs.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of a test")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use countersign_iso8583::{Content, Field, Length, Message, Mti};
use serde_json::{Map, Value, json};

const PYISO8583: &str = "pyiso8583==4.0.1";

#[test]
fn pyiso8583_and_this_codec_read_and_write_the_same() {
    let messages =
        [vec![authorization(), completion(), reversal(), echo()], one_of_every_field()].concat();
    let answers = exchange(&messages);
    assert_eq!(answers.len(), messages.len());
    for (message, answer) in messages.iter().zip(answers) {
        // What we write, they read as we mean it.
        assert_eq!(answer["fields"], fields(message), "{message:?}");
        // What they write, we read as they mean it; and there is one way to write it.
        let theirs = from_hex(answer["bytes"].as_str().unwrap());
        assert_eq!(Message::decode(&theirs).as_ref(), Ok(message));
        assert_eq!(theirs, *message.encode(), "{message:?}");
    }
}

fn message(mti: Mti, fields: &[(Field, &str)]) -> Message {
    fields
        .iter()
        .fold(Message::new(mti), |message, (field, value)| message.with(*field, value).unwrap())
}

fn authorization() -> Message {
    message(
        Mti::AUTHORIZATION_REQUEST,
        &[
            (Field::PAN, "4970100000000154"),
            (Field::PROCESSING_CODE, "000000"),
            (Field::AMOUNT, "000000004990"),
            (Field::TRANSMISSION_TIME, "0314150926"),
            (Field::STAN, "000123"),
            (Field::LOCAL_TIME, "150926"),
            (Field::LOCAL_DATE, "0314"),
            (Field::EXPIRY, "2912"),
            (Field::MERCHANT_TYPE, "5942"),
            (Field::POS_ENTRY_MODE, "010"),
            (Field::POS_CONDITION, "01"),
            (Field::ACQUIRER, "123456"),
            (Field::RETRIEVAL_REFERENCE, "0A1B2C3D4E5F"),
            (Field::TERMINAL, "GATEWAY1"),
            (Field::CARD_ACCEPTOR, "SHOP-1         "),
            (Field::CARD_ACCEPTOR_NAME, "Librairie Dupont & Cie                  "),
            (Field::CURRENCY, "978"),
        ],
    )
}

fn completion() -> Message {
    let advice = authorization().with_mti(Mti::COMPLETION_ADVICE.repeat());
    advice.with(Field::APPROVAL_CODE, "A12345").unwrap()
}

fn reversal() -> Message {
    let reversal = authorization().with_mti(Mti::REVERSAL_REQUEST);
    reversal.with(Field::ORIGINAL_DATA, "010000012303141509260000012345600000000000").unwrap()
}

fn echo() -> Message {
    message(
        Mti::NETWORK_REQUEST,
        &[(Field::STAN, "000001"), (Field::NETWORK_MANAGEMENT_CODE, "301")],
    )
}

/// A message for each field of our table alone, its value as long as it may be: checks the one table by the other.
fn one_of_every_field() -> Vec<Message> {
    let one = |field: &Field| {
        // The one length that differs: their table counts 255 bytes of card data in field 55.
        let bytes = if field.number() == 55 { 255 } else { field.length().max() };
        let filler = match field.content() {
            Content::Ans | Content::Z => "4970=<?>",
            Content::N | Content::XN => "12345",
            Content::An | Content::B => "A1b2 ",
        };
        let value = filler.chars().cycle().take(bytes).collect::<String>();
        let value =
            if field.content() == Content::XN { value.replacen('1', "D", 1) } else { value };
        message(Mti::AUTHORIZATION_REQUEST, &[(*field, &value)])
    };
    Field::ALL.iter().map(one).collect()
}

/// A message as pyiso8583 shows one: text as text, bytes as hexadecimal digits.
fn fields(message: &Message) -> Value {
    let mut fields = Map::from_iter([("t".to_owned(), json!(message.mti().to_string()))]);
    for field in Field::ALL {
        let Some(value) = message.bytes(*field) else {
            continue;
        };
        // Their table has text in the private fields; binary are the fixed ones and the card's data.
        let binary = field.content() == Content::B
            && (matches!(field.length(), Length::Fixed(_)) || field.number() == 55);
        let shown = if binary {
            to_hex(value).to_uppercase()
        } else {
            String::from_utf8(value.to_vec()).unwrap()
        };
        fields.insert(field.number().to_string(), json!(shown));
    }
    Value::Object(fields)
}

/// Lets pyiso8583 read and write the messages.
fn exchange(messages: &[Message]) -> Vec<Value> {
    let lines = messages.iter().map(|message| {
        let vector = json!({ "fields": fields(message), "bytes": to_hex(&message.encode()) });
        format!("{vector}\n")
    });
    let mut program = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pyiso8583.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the environment's python starts");
    // A thread writes, so that neither side waits for the other with a full pipe.
    let (mut stdin, lines) = (program.stdin.take().unwrap(), lines.collect::<String>());
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success(), "pyiso8583 refused a message; its error is above");
    writer.join().unwrap().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A python that has pyiso8583, in an environment under the target folder that is made once.
fn python() -> PathBuf {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PYISO8583.replace("==", "-"));
    let (python, complete) = (environment.join("bin/python"), environment.join("complete"));
    if !complete.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PYISO8583]));
        fs::write(complete, "").unwrap();
    }
    python
}

fn run(command: &mut Command) {
    let remedy = format!(
        "this test needs python3, its venv module and pip, and a package index that has {PYISO8583}: \
         install them (Debian: apt-get install python3 python3-venv)"
    );
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}; {remedy}"));
    assert!(status.success(), "{command:?}: {status}; {remedy}");
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
