use std::time::Duration;

use countersign_domain::card::CardExpiry;
use countersign_iso8583::{Field, Mti};

use super::*;

const NUMBER: &str = "4970100000000154";

fn card() -> Card {
    Card::new(NUMBER, CardExpiry::try_from("12/29").unwrap()).unwrap()
}

/// A bank where the card's account has 100.00 EUR.
async fn open() -> Bank {
    let bank = Bank::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    bank.open_account(card(), 10_000, "EUR".try_into().unwrap());
    bank
}

/// A message about a purchase of 49.90 EUR under that trace number.
fn purchase(mti: Mti, stan: u32) -> Message {
    let message = [
        (Field::PAN, NUMBER.to_owned()),
        (Field::AMOUNT, "000000004990".to_owned()),
        (Field::TRANSMISSION_TIME, "0314150926".to_owned()),
        (Field::STAN, format!("{stan:06}")),
        (Field::EXPIRY, "2912".to_owned()),
        (Field::ACQUIRER, "123456".to_owned()),
        (Field::RETRIEVAL_REFERENCE, format!("0A1B2C{stan:06}")),
        (Field::CARD_ACCEPTOR_NAME, format!("{:<40}", "Librairie")),
        (Field::CURRENCY, "978".to_owned()),
    ];
    message
        .into_iter()
        .fold(Message::new(mti), |message, (field, value)| message.with(field, value).unwrap())
}

fn completion(stan: u32, approval: &str) -> Message {
    purchase(Mti::COMPLETION_ADVICE, stan).with(Field::APPROVAL_CODE, approval).unwrap()
}

fn reversal(stan: u32) -> Message {
    let original = format!("0100{stan:06}03141509260000012345600000000000");
    purchase(Mti::REVERSAL_REQUEST, stan).with(Field::ORIGINAL_DATA, original).unwrap()
}

/// A gateway's end of a connection.
struct Line {
    stream: TcpStream,
    buffer: FrameBuffer,
}

impl Line {
    async fn to(bank: &Bank) -> Self {
        Self {
            stream: TcpStream::connect(bank.address()).await.unwrap(),
            buffer: FrameBuffer::new(),
        }
    }

    async fn say(&mut self, message: &Message) {
        self.stream.write_all(&frame(message)).await.unwrap();
    }

    /// The next message; `None` when the bank closes the connection.
    async fn hear(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.buffer.next_message().unwrap() {
                return Some(message);
            }
            let read =
                timeout(Duration::from_secs(5), self.stream.read_buf(self.buffer.unfilled()));
            if read.await.unwrap().unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn ask(&mut self, message: &Message) -> Message {
        self.say(message).await;
        self.hear().await.unwrap()
    }

    /// The response code of the answer.
    async fn response(&mut self, message: &Message) -> String {
        self.ask(message).await.text(Field::RESPONSE_CODE).unwrap().to_owned()
    }

    /// Authorizes a purchase; its approval code.
    async fn authorize(&mut self, stan: u32) -> String {
        let answer = self.ask(&purchase(Mti::AUTHORIZATION_REQUEST, stan)).await;
        assert_eq!(answer.text(Field::RESPONSE_CODE), Some("00"));
        answer.text(Field::APPROVAL_CODE).unwrap().to_owned()
    }
}

fn kinds(bank: &Bank) -> Vec<MovementKind> {
    bank.movements(&card()).iter().map(|movement| movement.kind).collect()
}

/// What is on the account and what of it is held, in cents.
fn sums(bank: &Bank) -> (u64, u64) {
    let accounts = bank.accounts();
    let account = accounts.first().unwrap();
    (account.balance_minor, account.held_minor)
}

#[tokio::test]
async fn an_authorization_holds_and_its_completion_debits() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let request = purchase(Mti::AUTHORIZATION_REQUEST, 1);
    let answer = line.ask(&request).await;
    assert_eq!(answer.mti(), Mti::AUTHORIZATION_RESPONSE);
    for echoed in [Field::AMOUNT, Field::TRANSMISSION_TIME, Field::STAN, Field::RETRIEVAL_REFERENCE]
    {
        assert_eq!(answer.bytes(echoed), request.bytes(echoed), "{echoed}");
    }
    assert_eq!(sums(&bank), (10_000, 4990));

    let approval = answer.text(Field::APPROVAL_CODE).unwrap();
    assert_eq!(line.response(&completion(1, approval)).await, "00");
    assert_eq!(sums(&bank), (5010, 0));
    assert_eq!(kinds(&bank), [MovementKind::Held, MovementKind::Debited]);
    let movements = bank.movements(&card());
    let debit = movements.last().unwrap();
    assert_eq!((debit.retrieval.as_str(), debit.payee.as_str()), ("0A1B2C000001", "Librairie"));
    assert_eq!(debit.amount.to_decimal(), "49.90");
}

#[tokio::test]
async fn a_completion_of_a_part_debits_it_once_and_releases_the_rest() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let approval = line.authorize(1).await;
    let part = completion(1, &approval).with(Field::AMOUNT, "000000002000").unwrap();
    for message in [part.clone(), part.clone().with_mti(Mti::COMPLETION_ADVICE.repeat())] {
        assert_eq!(line.response(&message).await, "00");
    }
    assert_eq!(sums(&bank), (8000, 0));
    let debited_and_released = [MovementKind::Held, MovementKind::Debited, MovementKind::Released];
    assert_eq!(kinds(&bank), debited_and_released);
    // Another part is another purchase under the same name.
    let other = part.with(Field::AMOUNT, "000000001000").unwrap();
    assert_eq!(line.response(&other).await, "94");
    assert_eq!(sums(&bank), (8000, 0));

    // A reversal names the whole purchase and gives back what was debited of it.
    assert_eq!(line.response(&reversal(1)).await, "00");
    assert_eq!(sums(&bank), (10_000, 0));
}

#[tokio::test]
async fn a_return_credits_once() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let request = purchase(Mti::FINANCIAL_REQUEST, 1);
    assert_eq!(line.response(&request).await, "12", "not a return");
    let request = request.with(Field::PROCESSING_CODE, "200000").unwrap();
    for message in [request.clone(), request.clone().with_mti(Mti::FINANCIAL_REQUEST.repeat())] {
        assert_eq!(line.response(&message).await, "00");
    }
    let more = request.with(Field::AMOUNT, "000000005000").unwrap();
    assert_eq!(line.response(&more).await, "94");
    assert_eq!(sums(&bank), (14_990, 0));
    assert_eq!(kinds(&bank), [MovementKind::Credited]);
    // One of another currency is refused.
    let dollars = purchase(Mti::FINANCIAL_REQUEST, 2).with(Field::CURRENCY, "840").unwrap();
    let dollars = dollars.with(Field::PROCESSING_CODE, "200000").unwrap();
    assert_eq!(line.response(&dollars).await, "12");
}

#[tokio::test]
async fn a_return_is_reversed_once_and_only_by_its_own_name() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let request = purchase(Mti::FINANCIAL_REQUEST, 1);
    let request = request.with(Field::PROCESSING_CODE, "200000").unwrap();
    let original = "020000000103141509260000012345600000000000";
    let undo = request.clone().with_mti(Mti::REVERSAL_REQUEST);
    let undo = undo.with(Field::ORIGINAL_DATA, original).unwrap();
    assert_eq!(line.response(&undo).await, "25", "nothing was returned yet");
    assert_eq!(line.response(&request).await, "00");
    assert_eq!(line.response(&reversal(1)).await, "25", "of an authorization");
    assert_eq!(sums(&bank), (14_990, 0));
    bank.open_account(card(), 4_989, "EUR".try_into().unwrap());
    assert_eq!(line.response(&undo).await, "51", "it is spent");
    bank.open_account(card(), 14_990, "EUR".try_into().unwrap());
    for message in [undo.clone(), undo.with_mti(Mti::REVERSAL_REQUEST.repeat())] {
        assert_eq!(line.response(&message).await, "00");
    }
    assert_eq!(sums(&bank), (10_000, 0));
    assert_eq!(kinds(&bank), [MovementKind::DebitedAgain]);
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_moves_nothing() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let approval = line.authorize(1).await;
    let mut other_line = Line::to(&bank).await;
    let again = other_line.ask(&purchase(Mti::AUTHORIZATION_REQUEST.repeat(), 1)).await;
    assert_eq!(again.text(Field::APPROVAL_CODE), Some(approval.as_str()));
    let advice = completion(1, &approval);
    for message in
        [advice.clone(), advice.clone(), advice.with_mti(Mti::COMPLETION_ADVICE.repeat())]
    {
        assert_eq!(line.response(&message).await, "00");
    }
    assert_eq!(kinds(&bank), [MovementKind::Held, MovementKind::Debited]);
    assert_eq!(sums(&bank), (5010, 0));
}

#[tokio::test]
async fn a_silent_bank_still_does_what_it_is_asked() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let approval = line.authorize(1).await;
    bank.set_silent(true);
    line.say(&completion(1, &approval)).await;
    while kinds(&bank).len() < 2 {
        sleep(Duration::from_millis(5)).await;
    }
    bank.set_silent(false);
    // The one answer that comes is that to the repeat.
    let repeat = completion(1, &approval).with_mti(Mti::COMPLETION_ADVICE.repeat());
    assert_eq!(line.response(&repeat).await, "00");
    assert_eq!(line.ask(&purchase(Mti::NETWORK_REQUEST, 2)).await.mti(), Mti::NETWORK_RESPONSE);
    assert_eq!(kinds(&bank), [MovementKind::Held, MovementKind::Debited]);
}

#[tokio::test]
async fn a_bank_that_refuses_what_it_must_do_moves_nothing() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let approval = line.authorize(1).await;
    let (refuses_captures, refuses_reversals) = (true, true);
    let trouble = Trouble { refuses_captures, refuses_reversals, ..Trouble::default() };
    bank.trouble(&card(), trouble).unwrap();
    assert_eq!(line.response(&completion(1, &approval)).await, "12");
    assert_eq!(line.response(&reversal(1)).await, "12");
    assert_eq!(kinds(&bank), [MovementKind::Held]);
    bank.trouble(&card(), Trouble::default()).unwrap();
    assert_eq!(line.response(&reversal(1)).await, "00");
}

#[tokio::test]
async fn a_bank_that_refuses_repeats_has_done_what_it_was_asked_first() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let approval = line.authorize(1).await;
    bank.trouble(&card(), Trouble { refuses_repeats: true, ..Trouble::default() }).unwrap();
    line.say(&completion(1, &approval)).await;
    let repeat = completion(1, &approval).with_mti(Mti::COMPLETION_ADVICE.repeat());
    // The one answer that comes is that to the repeat.
    assert_eq!(line.response(&repeat).await, "05");
    assert_eq!(kinds(&bank), [MovementKind::Held, MovementKind::Debited]);
}

#[tokio::test]
async fn a_reversal_releases_the_hold_once() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let approval = line.authorize(1).await;
    for message in [reversal(1), reversal(1).with_mti(Mti::REVERSAL_REQUEST.repeat())] {
        assert_eq!(line.response(&message).await, "00");
    }
    assert_eq!(kinds(&bank), [MovementKind::Held, MovementKind::Released]);
    assert_eq!(sums(&bank), (10_000, 0));
    assert_eq!(line.response(&completion(1, &approval)).await, "12");
}

#[tokio::test]
async fn a_reversal_after_the_completion_gives_the_amount_back() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let approval = line.authorize(1).await;
    assert_eq!(line.response(&completion(1, &approval)).await, "00");
    assert_eq!(line.response(&reversal(1)).await, "00");
    assert_eq!(kinds(&bank), [MovementKind::Held, MovementKind::Debited, MovementKind::GivenBack]);
    assert_eq!(sums(&bank), (10_000, 0));
}

#[tokio::test]
async fn an_authorization_that_comes_after_its_reversal_holds_nothing() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    for message in [reversal(1), reversal(1).with_mti(Mti::REVERSAL_REQUEST.repeat())] {
        assert_eq!(line.response(&message).await, "25");
    }
    assert_eq!(line.response(&purchase(Mti::AUTHORIZATION_REQUEST, 1)).await, "12");
    assert_eq!(kinds(&bank), []);
}

#[tokio::test]
async fn an_authorization_is_declined_by_the_first_rule_it_breaks() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let mut cases = Vec::new();
    for (field, value, expected) in [
        (Field::PAN, "4970100000000162", "14"),
        (Field::EXPIRY, "2911", "54"),
        (Field::CURRENCY, "840", "12"),
        (Field::AMOUNT, "000000000000", "13"),
        (Field::AMOUNT, "000000010001", "51"),
        (Field::AMOUNT, "000000010000", "00"),
        // Now all of it is held.
        (Field::AMOUNT, "000000000001", "51"),
    ] {
        let stan = u32::try_from(cases.len()).unwrap() + 1;
        let request = purchase(Mti::AUTHORIZATION_REQUEST, stan).with(field, value).unwrap();
        cases.push((expected, line.response(&request).await));
    }
    bank.refuse(&card(), true).unwrap();
    cases.push(("05", line.response(&purchase(Mti::AUTHORIZATION_REQUEST, 20)).await));
    bank.block(&card(), true).unwrap();
    cases.push(("62", line.response(&purchase(Mti::AUTHORIZATION_REQUEST, 21)).await));
    for (expected, response) in cases {
        assert_eq!(response, expected);
    }
    assert_eq!(kinds(&bank), [MovementKind::Held]);
}

#[tokio::test]
async fn an_advice_that_does_not_fit_its_purchase_moves_nothing() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let approval = line.authorize(1).await;
    let other_amount = completion(1, &approval).with(Field::AMOUNT, "000000004991").unwrap();
    assert_eq!(line.response(&other_amount).await, "94");
    assert_eq!(line.response(&completion(2, &approval)).await, "25");
    let other_original = "010000000203141509260000012345600000000000";
    let reversal = reversal(1).with(Field::ORIGINAL_DATA, other_original).unwrap();
    assert_eq!(line.response(&reversal).await, "30");
    assert_eq!(line.response(&completion(1, "XXXXXX")).await, "12");
    assert_eq!(kinds(&bank), [MovementKind::Held]);
    // Put right, the same advice is taken.
    assert_eq!(line.response(&completion(1, &approval)).await, "00");
}

#[tokio::test]
async fn a_message_without_a_needed_field_is_a_format_error() {
    let bank = open().await;
    let mut line = Line::to(&bank).await;
    let without_card =
        Message::new(Mti::AUTHORIZATION_REQUEST).with(Field::STAN, "000001").unwrap();
    assert_eq!(line.response(&without_card).await, "30");
}

#[tokio::test]
async fn garbage_closes_the_connection_and_no_other() {
    let bank = open().await;
    let mut good = Line::to(&bank).await;
    for garbage in [b"\0\0".as_slice(), b"\xff\xff", b"GET / HTTP/1.1\r\n\r\n", b"\0\x05HELLO"] {
        let mut bad = Line::to(&bank).await;
        bad.stream.write_all(garbage).await.unwrap();
        // What is announced as a long message may just never come whole; the end of the stream says so.
        bad.stream.shutdown().await.unwrap();
        assert_eq!(bad.hear().await, None);
    }
    good.authorize(1).await;
}

#[tokio::test]
async fn a_connection_too_many_is_closed_and_a_place_given_back_is_taken_again() {
    let bank = open().await;
    let mut lines = Vec::new();
    for stan in 1..=MAX_CONNECTIONS {
        let mut line = Line::to(&bank).await;
        line.ask(&purchase(Mti::NETWORK_REQUEST, u32::try_from(stan).unwrap())).await;
        lines.push(line);
    }
    assert_eq!(Line::to(&bank).await.hear().await, None);
    lines.pop();
    let echo = purchase(Mti::NETWORK_REQUEST, 99);
    // The bank sees the end of the closed connection a moment later.
    for _ in 0..100 {
        let mut line = Line::to(&bank).await;
        if line.stream.write_all(&frame(&echo)).await.is_ok() && line.hear().await.is_some() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("no place was given back");
}

#[tokio::test]
async fn a_card_without_an_account_cannot_be_switched() {
    let bank = Bank::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    assert_eq!(bank.refuse(&card(), true), Err(UnknownCard));
    assert_eq!(bank.block(&card(), true), Err(UnknownCard));
    assert_eq!(bank.movements(&card()), []);
}

#[tokio::test]
async fn a_tester_sees_no_card_number() {
    let bank = open().await;
    Line::to(&bank).await.authorize(1).await;
    let shown = format!("{bank:?} {:?}", bank.accounts());
    assert!(shown.contains("•••• 0154") && !shown.contains("497010"), "{shown}");
}
