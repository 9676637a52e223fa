use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign_domain::{bank::BankError, ports::IssuingBank};
use countersign_iso8583::{Field, Message, Mti, frame};
use tokio::{net::TcpListener, time::sleep};

use crate::played::{
    Line, answer_to, approved, authorize, impatient, patient, purchase, run, start,
};

#[tokio::test]
async fn a_silent_bank_is_asked_again_with_the_same_message_marked_as_a_repeat() {
    let (driver, listener) = start(impatient).await;
    let mut bank = Line::accept(&listener).await;
    let decision = authorize(&driver, purchase(1));
    let first = bank.question().await;
    let repeat = bank.question().await;
    assert_eq!(repeat.mti().to_string(), "0101");
    assert_eq!(repeat, first.with_mti(repeat.mti()));
    bank.answer(&repeat, "00", "A12345").await;
    assert_eq!(decision.await.unwrap(), approved("A12345"));
}

#[tokio::test]
async fn a_late_answer_to_the_first_message_answers_the_repeat() {
    let (driver, listener) = start(impatient).await;
    let mut bank = Line::accept(&listener).await;
    let decision = authorize(&driver, purchase(1));
    let first = bank.question().await;
    bank.question().await;
    bank.answer(&first, "00", "A12345").await;
    assert_eq!(decision.await.unwrap(), approved("A12345"));
}

#[tokio::test]
async fn a_decline_of_a_repeat_is_not_the_answer_to_the_first_question() {
    for response in ["05", "12", "14", "51", "54", "62"] {
        let (driver, listener) = start(impatient).await;
        let mut bank = Line::accept(&listener).await;
        let decision = authorize(&driver, purchase(1));
        bank.question().await;
        let repeat = bank.question().await;
        bank.answer(&repeat, response, "").await;
        let cause = format!("declined only when asked again (response {response})");
        assert_eq!(decision.await.unwrap(), Err(BankError::Unknown { cause }));
    }
}

#[tokio::test]
async fn a_bank_that_stays_silent_is_asked_so_many_times_and_the_outcome_is_not_known() {
    let (driver, listener) = start(impatient).await;
    let mut bank = Line::accept(&listener).await;
    let outcome = authorize(&driver, purchase(1)).await.unwrap();
    assert_eq!(outcome, Err(BankError::Unknown { cause: "no answer after 3 tries".to_owned() }));
    let mut heard = Vec::new();
    driver.stop();
    while let Some(question) = bank.hear().await {
        heard.push(question.mti().to_string());
    }
    assert_eq!(heard, ["0100", "0101", "0101"]);
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_is_made_again_and_the_question_repeated() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let decision = authorize(&driver, purchase(1));
    let first = bank.question().await;
    // Half of the answer, then nothing more.
    let answer = frame(&answer_to(&first, "00", "A12345"));
    bank.say_bytes(&answer[..answer.len() / 2]).await;
    drop(bank);

    let mut bank = Line::accept(&listener).await;
    let repeat = bank.question().await;
    assert_eq!(repeat, first.with_mti(Mti::AUTHORIZATION_REQUEST.repeat()));
    bank.answer(&repeat, "00", "A12345").await;
    assert_eq!(decision.await.unwrap(), approved("A12345"));
}

#[tokio::test]
async fn a_length_that_no_message_has_ends_the_connection_and_the_question_is_repeated() {
    let (driver, listener) = start(|_| {}).await;
    let decision = authorize(&driver, purchase(1));
    let mut bank = Line::accept(&listener).await;
    bank.question().await;
    bank.say_bytes(b"\xff\xff").await;
    assert_eq!(bank.hear().await, None);
    let mut bank = Line::accept(&listener).await;
    let question = bank.question().await;
    bank.answer(&question, "00", "A12345").await;
    assert_eq!(decision.await.unwrap(), approved("A12345"));
}

#[tokio::test]
async fn an_answer_that_comes_twice_counts_once() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    for stan in [1, 2] {
        let decision = authorize(&driver, purchase(stan));
        let question = bank.question().await;
        bank.answer(&question, "00", "A12345").await;
        bank.answer(&question, "05", "").await;
        assert_eq!(decision.await.unwrap(), approved("A12345"));
    }
}

#[tokio::test]
async fn a_bank_that_does_not_listen_cannot_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = patient(listener.local_addr().unwrap());
    drop(listener);
    settings.connect_timeout = Duration::from_millis(100);
    let driver = run(settings);
    let outcome = driver.authorize(&purchase(1)).await;
    assert_eq!(outcome, Err(BankError::Unreachable { cause: "there is no connection".to_owned() }));
}

#[tokio::test]
async fn a_question_that_was_given_up_is_not_sent_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut settings = patient(address);
    settings.connect_timeout = Duration::from_millis(100);
    let driver = run(settings);
    assert!(driver.authorize(&purchase(1)).await.is_err());

    let listener = TcpListener::bind(address).await.unwrap();
    let mut bank = Line::accept(&listener).await;
    let _second = authorize(&driver, purchase(2));
    assert_eq!(bank.question().await.text(Field::STAN), Some("000002"));
}

#[tokio::test]
async fn more_questions_than_may_be_in_flight_wait_for_a_place() {
    let (driver, listener) = start(|settings| {
        settings.window = 1;
        settings.connect_timeout = Duration::from_millis(300);
    })
    .await;
    let mut bank = Line::accept(&listener).await;
    let first = authorize(&driver, purchase(1));
    let question = bank.question().await;
    let too_many = authorize(&driver, purchase(2)).await.unwrap();
    assert_eq!(
        too_many,
        Err(BankError::Unreachable { cause: "too many questions are in flight".to_owned() })
    );
    let waits = authorize(&driver, purchase(3));
    bank.answer(&question, "00", "A12345").await;
    assert_eq!(first.await.unwrap(), approved("A12345"));
    let question = bank.question().await;
    assert_eq!(question.text(Field::STAN), Some("000003"));
    bank.answer(&question, "00", "A12345").await;
    assert_eq!(waits.await.unwrap(), approved("A12345"));
}

#[tokio::test]
async fn the_banks_echo_test_is_answered() {
    let (_driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let test = Message::new(Mti::NETWORK_REQUEST)
        .with(Field::TRANSMISSION_TIME, "0314150926")
        .and_then(|test| test.with(Field::STAN, "000007"))
        .and_then(|test| test.with(Field::NETWORK_MANAGEMENT_CODE, "301"))
        .unwrap();
    bank.say(&test).await;
    let expected = test.with_mti(Mti::NETWORK_RESPONSE).with(Field::RESPONSE_CODE, "00").unwrap();
    assert_eq!(bank.question().await, expected);
}

#[tokio::test]
async fn a_quiet_connection_is_tested_and_given_up_when_the_test_is_not_answered() {
    let (_driver, listener) = start(|settings| {
        settings.keepalive_after = Duration::from_millis(50);
        settings.response_timeout = Duration::from_millis(500);
    })
    .await;
    let mut bank = Line::accept(&listener).await;
    for stan in ["000001", "000002"] {
        let test = bank.question().await;
        assert_eq!(test.mti(), Mti::NETWORK_REQUEST);
        assert_eq!(test.text(Field::TRANSMISSION_TIME), Some("0314150926"));
        assert_eq!(test.text(Field::NETWORK_MANAGEMENT_CODE), Some("301"));
        assert_eq!(test.text(Field::STAN), Some(stan));
        let echoed = [Field::TRANSMISSION_TIME, Field::STAN, Field::NETWORK_MANAGEMENT_CODE];
        bank.say(&test.response(&echoed).unwrap().with(Field::RESPONSE_CODE, "00").unwrap()).await;
    }
    bank.question().await;
    assert_eq!(bank.hear().await, None);
    Line::accept(&listener).await;
}

#[tokio::test]
async fn a_driver_that_is_stopped_waits_for_answers_under_way_and_asks_nothing_more() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let under_way = authorize(&driver, purchase(1));
    let question = bank.question().await;
    driver.stop();
    sleep(Duration::from_millis(20)).await;
    let unsent = Err(BankError::Unreachable { cause: "there is no connection".to_owned() });
    assert_eq!(driver.authorize(&purchase(2)).await, unsent);
    bank.answer(&question, "00", "A12345").await;
    assert_eq!(under_way.await.unwrap(), approved("A12345"));
    assert_eq!(bank.hear().await, None);
}

#[tokio::test]
async fn no_log_has_a_card_number() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer({
        let log = log.clone();
        move || log.clone()
    });
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let (driver, listener) = start(impatient).await;
    let mut bank = Line::accept(&listener).await;
    let decision = authorize(&driver, purchase(1));
    let question = bank.question().await;
    bank.answer(&question.clone().with(Field::STAN, "000009").unwrap(), "00", "A12345").await;
    let repeat = bank.question().await;
    bank.say_bytes(b"\0\x104970100000000154").await;
    bank.say_bytes(&[b"\xff\xff".as_slice(), &repeat.encode()].concat()).await;
    let mut bank = Line::accept(&listener).await;
    bank.question().await;
    drop(bank);
    assert!(decision.await.unwrap().is_err());

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for seen in [
        "answers no question in flight",
        "stan 000009",
        "did not answer",
        "no message of the bank",
        "out of step",
    ] {
        assert!(log.contains(seen), "{seen} is not in {log}");
    }
    // Eight of its last digits: four are easily found in a time or a port.
    assert!(!log.contains("497010") && !log.contains("00000154"), "{log}");
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
