//! The bank that a test plays, and the purchase that it is asked about.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use countersign_bank::{Iso8583Bank, Iso8583Settings};
use countersign_domain::{
    amount::Amount,
    bank::{ApprovalCode, BankError, BankReference, BankRequest, Decision, ResponseCode},
    card::{Card, CardExpiry},
    id::RelyingPartyId,
    ports::{Clock, IssuingBank},
    time::Timestamp,
    transaction::Payee,
};
use countersign_iso8583::{Field, FrameBuffer, Message, frame};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

/// 2026-03-14 15:09:26 UTC.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_500_966);
/// Longer than anything that a test waits for.
const TOO_LONG: Duration = Duration::from_secs(5);

/// A clock that stands still.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Patient with the bank, so that a slow machine makes no repeat; quick to connect again.
pub(crate) fn patient(bank: SocketAddr) -> Iso8583Settings {
    let mut settings = Iso8583Settings::new(&bank.ip().to_string(), bank.port(), "123456");
    settings.response_timeout = Duration::from_secs(60);
    settings.reconnect_pause = Duration::from_millis(10);
    settings
}

/// A purchase of 49.90 EUR under that trace number.
pub(crate) fn purchase(stan: u32) -> BankRequest {
    BankRequest::new(
        BankReference { stan, retrieval: format!("0A1B2C{stan:06}"), transmitted_at: NOW },
        Card::new("4970100000000154", CardExpiry::try_from("12/29").unwrap()).unwrap(),
        Amount::from_decimal("49.90", "EUR".try_into().unwrap()).unwrap(),
        Payee::try_from("Épicerie Çelik & fils").unwrap(),
        RelyingPartyId::try_from("shop-1").unwrap(),
    )
}

pub(crate) fn approval(code: &str) -> ApprovalCode {
    ApprovalCode::try_from(code.to_owned()).unwrap()
}

pub(crate) fn response_code(code: &str) -> ResponseCode {
    ResponseCode::try_from(code.to_owned()).unwrap()
}

pub(crate) fn approved(code: &str) -> Result<Decision, BankError> {
    Ok(Decision::Approved { approval: approval(code) })
}

/// A driver, and the listener of the bank that it is to call.
pub(crate) async fn start(
    change: impl FnOnce(&mut Iso8583Settings),
) -> (Arc<Iso8583Bank>, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = patient(listener.local_addr().unwrap());
    change(&mut settings);
    (run(settings), listener)
}

/// A driver that keeps its connection up in the background.
pub(crate) fn run(settings: Iso8583Settings) -> Arc<Iso8583Bank> {
    let driver = Arc::new(Iso8583Bank::new(settings, Arc::new(Still)).unwrap());
    let running = Arc::clone(&driver);
    tokio::spawn(async move { running.run().await });
    driver
}

/// Waits so short for an answer that a test can wait for the repeat.
pub(crate) fn impatient(settings: &mut Iso8583Settings) {
    settings.response_timeout = Duration::from_millis(300);
}

/// Asks for an authorization in the background.
pub(crate) fn authorize(
    driver: &Arc<Iso8583Bank>,
    request: BankRequest,
) -> JoinHandle<Result<Decision, BankError>> {
    let driver = Arc::clone(driver);
    tokio::spawn(async move { driver.authorize(&request).await })
}

/// The bank's end of a connection.
pub(crate) struct Line {
    stream: TcpStream,
    buffer: FrameBuffer,
}

impl Line {
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(TOO_LONG, listener.accept()).await.unwrap().unwrap();
        Self { stream, buffer: FrameBuffer::new() }
    }

    /// The next message; `None` when the driver closes the connection.
    pub(crate) async fn hear(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.buffer.next_message().unwrap() {
                return Some(message);
            }
            let read = timeout(TOO_LONG, self.stream.read_buf(self.buffer.unfilled()));
            if read.await.unwrap().unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn question(&mut self) -> Message {
        self.hear().await.unwrap()
    }

    pub(crate) async fn say(&mut self, message: &Message) {
        self.stream.write_all(&frame(message)).await.unwrap();
    }

    pub(crate) async fn say_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Answers with a response code, and an approval code unless it is empty.
    pub(crate) async fn answer(&mut self, question: &Message, response: &str, approval: &str) {
        self.say(&answer_to(question, response, approval)).await;
    }
}

/// A bank's answer: what it must echo, and what it decided.
pub(crate) fn answer_to(question: &Message, response: &str, approval: &str) -> Message {
    let echoed = [
        Field::PAN,
        Field::AMOUNT,
        Field::TRANSMISSION_TIME,
        Field::STAN,
        Field::RETRIEVAL_REFERENCE,
        Field::CURRENCY,
    ];
    let answer = question.response(&echoed).unwrap().with(Field::RESPONSE_CODE, response).unwrap();
    if approval.is_empty() { answer } else { answer.with(Field::APPROVAL_CODE, approval).unwrap() }
}
