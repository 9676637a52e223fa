//! `sandbox bank` and `sandbox centre`: one counterparty alone, with a client of its own protocol in front of it.
#![expect(clippy::unwrap_used, reason = "a test's own steps fail the test")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
};

use countersign_channels::smpp::{
    pdu::{Address, Bind, Body, Pdu, ShortMessage, first_pdu},
    status::Status,
};
use countersign_iso8583::{Field, FrameBuffer, Message, Mti, frame};
use serde_json::Value;

const CARD: &str = "4970100000000154";
const PHONE: &str = "+33639980001";
const FREE: [&str; 5] = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--json"];

/// A counterparty at work, and what it says of itself.
struct Lone {
    child: Child,
    said: Value,
}

impl Drop for Lone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lone {
    fn start(which: &str, more: &[&str]) -> Self {
        let mut child =
            sandbox(&[&[which], &FREE[..], more].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, said: serde_json::from_str(&line).unwrap() }
    }

    /// What it says under that name.
    fn told(&self, name: &str) -> &str {
        self.said.get(name).and_then(Value::as_str).unwrap()
    }

    fn connect(&self, to: &str) -> TcpStream {
        TcpStream::connect(self.told(to)).unwrap()
    }

    /// What the control answers to a GET.
    fn look(&self, path: &str) -> String {
        let url = self.told("control");
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ctrl-C, and how the program ends.
    fn interrupt(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

fn sandbox(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.args(arguments);
    command
}

/// An authorization of 49.90 EUR.
fn authorization() -> Message {
    let fields = [
        (Field::PAN, CARD),
        (Field::AMOUNT, "000000004990"),
        (Field::TRANSMISSION_TIME, "0314150926"),
        (Field::STAN, "000001"),
        (Field::EXPIRY, "3512"),
        (Field::ACQUIRER, "123456"),
        (Field::RETRIEVAL_REFERENCE, "0A1B2C000001"),
        (Field::CURRENCY, "978"),
    ];
    let message = Message::new(Mti::AUTHORIZATION_REQUEST);
    fields.into_iter().fold(message, |message, (field, value)| message.with(field, value).unwrap())
}

#[test]
fn a_bank_alone_holds_an_amount_shows_it_and_ends_with_0() {
    let lone = Lone::start("bank", &[]);
    let mut stream = lone.connect("bank");
    stream.write_all(&frame(&authorization())).unwrap();
    let mut buffer = FrameBuffer::new();
    let answer = loop {
        let mut octets = [0; 512];
        let read = stream.read(&mut octets).unwrap();
        assert_ne!(read, 0, "the bank closed the connection");
        buffer.unfilled().extend_from_slice(&octets[..read]);
        if let Some(answer) = buffer.next_message().unwrap() {
            break answer;
        }
    };
    assert_eq!(answer.text(Field::RESPONSE_CODE), Some("00"));
    let account = lone.look(&format!("/bank/cards/{CARD}"));
    assert!(account.contains(r#""held_minor":4990"#), "{account}");
    let page = lone.look("/bank");
    assert!(page.contains("49.90 EUR") && !page.contains("register"), "{page}");
    assert!(lone.look("/").contains("location: /bank"));
    assert_eq!(lone.interrupt(), Some(0));
}

#[test]
fn a_bank_alone_opens_the_accounts_that_it_is_told() {
    let lone = Lone::start("bank", &["--account", "4970100000000162, 2030-01, 20.00 EUR"]);
    let account = lone.look("/bank/cards/4970100000000162");
    assert!(account.contains(r#""balance_minor":2000"#), "{account}");
    assert!(lone.look(&format!("/bank/cards/{CARD}")).starts_with("HTTP/1.1 404"));
}

/// Sends a request; the next PDU is its answer.
fn ask(stream: &mut TcpStream, sequence: u32, body: Body) -> Pdu {
    let mut octets = Vec::new();
    Pdu::request(sequence, body).encode(&mut octets).unwrap();
    stream.write_all(&octets).unwrap();
    let mut received = Vec::new();
    loop {
        let mut octets = [0; 512];
        let read = stream.read(&mut octets).unwrap();
        assert_ne!(read, 0, "the centre closed the connection");
        received.extend(octets.iter().take(read));
        if let Some(octets) = first_pdu(&received).unwrap() {
            return Pdu::decode(octets).unwrap();
        }
    }
}

#[test]
fn a_centre_alone_takes_a_message_shows_it_and_ends_with_0() {
    let lone = Lone::start("centre", &["--system-id", "shop", "--password", "secret"]);
    assert_eq!(lone.said["system_id"], "shop");
    let mut stream = lone.connect("centre");
    let bind = Bind {
        system_id: "shop".to_owned(),
        password: "secret".to_owned().into(),
        ..Bind::default()
    };
    assert_eq!(ask(&mut stream, 1, Body::BindTransceiver(bind)).status, Status::ESME_ROK);
    let message = ShortMessage {
        destination: Address { ton: 1, npi: 1, digits: PHONE.trim_start_matches('+').to_owned() },
        short_message: b"Hello".to_vec().into(),
        ..ShortMessage::default()
    };
    assert_eq!(ask(&mut stream, 2, Body::SubmitSm(message)).status, Status::ESME_ROK);
    let shown = lone.look(&format!("/handsets/{PHONE}/messages"));
    assert!(shown.contains(r#""text":"Hello""#), "{shown}");
    for page in ["/phones".to_owned(), format!("/phones/{PHONE}")] {
        assert!(lone.look(&page).contains("Hello"), "{page}");
    }
    assert!(lone.look("/").contains("location: /phones"));
    assert_eq!(lone.interrupt(), Some(0));
}

#[test]
fn what_cannot_be_run_is_said_and_ends_with_1_or_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    for (arguments, code, why) in [
        (vec!["bank", "--listen", &taken, "--control", free], 1, taken.as_str()),
        (vec!["bank", "--listen", free, "--control", &taken], 1, &taken),
        (vec!["centre", "--listen", &taken, "--control", free], 1, &taken),
        (vec!["centre", "--listen", free, "--control", &taken], 1, &taken),
        (vec!["bank", "--account", "4970100000000154"], 2, "CARD,YYYY-MM,AMOUNT"),
        (vec!["bank", "--account", "4970100000000155,2035-12,1.00 EUR"], 2, "check digit"),
        (vec!["bank", "--account", "4970100000000154,never,1.00 EUR"], 2, "MM/YY"),
        (vec!["bank", "--account", "4970100000000154,2035-12,1.00"], 2, "currency"),
        (vec!["centre", "--password", "much-too-long"], 2, "1 to 8"),
        (vec!["centre", "--handset", "0639980001"], 2, "begin with +"),
        (vec!["shop"], 2, "shop"),
    ] {
        let Output { status, stderr, .. } = sandbox(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}

#[test]
fn the_help_says_what_each_is_and_how_the_program_ends() {
    for (arguments, said) in [
        (vec!["--help"], "Ends with 0 on Ctrl-C"),
        (vec!["bank", "--help"], "127.0.0.1:8583"),
        (vec!["centre", "--help"], "127.0.0.1:2775"),
    ] {
        let Output { status, stdout, .. } = sandbox(&arguments).output().unwrap();
        assert_eq!(status.code(), Some(0));
        let help = String::from_utf8_lossy(&stdout);
        assert!(help.contains(said), "{arguments:?}: {help}");
    }
}
