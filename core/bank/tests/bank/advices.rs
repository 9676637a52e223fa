use std::sync::Arc;

use countersign_bank::Iso8583Bank;
use countersign_domain::{
    amount::Amount,
    bank::{BankError, BankRequest},
    ports::IssuingBank,
};
use countersign_iso8583::{Field, Message, Mti};
use tokio::task::JoinHandle;

use crate::played::{Line, approval, impatient, purchase, response_code, start};

fn capture(driver: &Arc<Iso8583Bank>, request: BankRequest) -> JoinHandle<Result<(), BankError>> {
    let driver = Arc::clone(driver);
    tokio::spawn(async move { driver.capture(&request, &approval("A1"), request.amount).await })
}

fn void(driver: &Arc<Iso8583Bank>, request: BankRequest) -> JoinHandle<Result<(), BankError>> {
    let driver = Arc::clone(driver);
    tokio::spawn(async move { driver.void(&request, None).await })
}

fn amount(decimal: &str, currency: &str) -> Amount {
    Amount::from_decimal(decimal, currency.try_into().unwrap()).unwrap()
}

fn capture_of(
    driver: &Arc<Iso8583Bank>,
    decimal: &'static str,
) -> JoinHandle<Result<(), BankError>> {
    let driver = Arc::clone(driver);
    tokio::spawn(async move {
        driver.capture(&purchase(123), &approval("A1"), amount(decimal, "EUR")).await
    })
}

fn credit(
    driver: &Arc<Iso8583Bank>,
    mut request: BankRequest,
    decimal: &'static str,
) -> JoinHandle<Result<(), BankError>> {
    request.amount = amount(decimal, "EUR");
    let driver = Arc::clone(driver);
    tokio::spawn(async move { driver.credit(&request).await })
}

/// What tells a purchase from every other, the same in every message about it.
fn same_purchase(message: &Message) {
    for (field, value) in [
        (Field::PAN, "4970100000000154"),
        (Field::AMOUNT, "000000004990"),
        (Field::TRANSMISSION_TIME, "0314150926"),
        (Field::STAN, "000123"),
        (Field::ACQUIRER, "123456"),
        (Field::RETRIEVAL_REFERENCE, "0A1B2C000123"),
    ] {
        assert_eq!(message.text(field), Some(value), "{field}");
    }
}

#[tokio::test]
async fn a_capture_is_an_advice_with_the_approval_code() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let captured = capture(&driver, purchase(123));
    let advice = bank.question().await;
    bank.answer(&advice, "00", "").await;
    assert_eq!(captured.await.unwrap(), Ok(()));
    assert_eq!(advice.mti(), Mti::COMPLETION_ADVICE);
    assert_eq!(advice.text(Field::APPROVAL_CODE), Some("A1    "));
    same_purchase(&advice);
}

#[tokio::test]
async fn a_part_is_captured_under_the_reference_of_its_authorization() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let whole = capture(&driver, purchase(123));
    let of_all = bank.question().await;
    bank.answer(&of_all, "00", "").await;
    assert_eq!(whole.await.unwrap(), Ok(()));

    let part = capture_of(&driver, "20.00");
    let of_part = bank.question().await;
    bank.answer(&of_part, "00", "").await;
    assert_eq!(part.await.unwrap(), Ok(()));
    assert_eq!(of_part, of_all.with(Field::AMOUNT, "000000002000").unwrap());
}

#[tokio::test]
async fn more_than_was_authorized_is_not_captured() {
    let (driver, _listener) = start(|_| {}).await;
    let cause = "the purchase cannot be told to the bank: more would be debited than is held";
    for more in [amount("49.91", "EUR"), amount("49.90", "USD")] {
        let outcome = driver.capture(&purchase(1), &approval("A1"), more).await;
        assert_eq!(outcome, Err(BankError::Unreachable { cause: cause.to_owned() }), "{more}");
    }
}

#[tokio::test]
async fn a_credit_is_a_return_under_its_own_reference() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let credited = credit(&driver, purchase(123), "20.00");
    let request = bank.question().await;
    bank.answer(&request, "00", "").await;
    assert_eq!(credited.await.unwrap(), Ok(()));
    assert_eq!(request.mti(), Mti::FINANCIAL_REQUEST);
    for (field, value) in [
        (Field::PROCESSING_CODE, Some("200000")),
        (Field::AMOUNT, Some("000000002000")),
        (Field::STAN, Some("000123")),
        (Field::RETRIEVAL_REFERENCE, Some("0A1B2C000123")),
        (Field::APPROVAL_CODE, None),
    ] {
        assert_eq!(request.text(field), value, "{field}");
    }
}

#[tokio::test]
async fn the_reversal_of_a_credit_names_the_return() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let refused = BankError::Refused { response: response_code("51") };
    for (response, outcome) in [("51", Err(refused)), ("00", Ok(()))] {
        let (driver, mut request) = (Arc::clone(&driver), purchase(123));
        request.amount = amount("20.00", "EUR");
        let reversed = tokio::spawn(async move { driver.reverse_credit(&request).await });
        let asked = bank.question().await;
        bank.answer(&asked, response, "").await;
        assert_eq!(reversed.await.unwrap(), outcome, "{response}");
        assert_eq!(asked.mti(), Mti::REVERSAL_REQUEST);
        for (field, value) in [
            (Field::PROCESSING_CODE, Some("200000")),
            (Field::AMOUNT, Some("000000002000")),
            (Field::ORIGINAL_DATA, Some("020000012303141509260000012345600000000000")),
            (Field::APPROVAL_CODE, None),
        ] {
            assert_eq!(asked.text(field), value, "{field}");
        }
    }
}

#[tokio::test]
async fn a_credit_without_an_answer_is_repeated_as_such() {
    let (driver, listener) = start(impatient).await;
    let mut bank = Line::accept(&listener).await;
    let credited = credit(&driver, purchase(1), "20.00");
    let first = bank.question().await;
    let repeat = bank.question().await;
    assert_eq!(repeat.mti().to_string(), "0201");
    assert_eq!(repeat, first.with_mti(repeat.mti()));
    bank.answer(&repeat, "00", "").await;
    assert_eq!(credited.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_refusal_of_a_repeat_is_not_the_answer_to_the_first_credit() {
    let (driver, listener) = start(impatient).await;
    let mut bank = Line::accept(&listener).await;
    let credited = credit(&driver, purchase(1), "20.00");
    bank.question().await;
    let repeat = bank.question().await;
    bank.answer(&repeat, "57", "").await;
    let cause = "refused only when asked again (response 57)".to_owned();
    assert_eq!(credited.await.unwrap(), Err(BankError::Unknown { cause: cause.clone() }));

    let reversing = Arc::clone(&driver);
    let reversed = tokio::spawn(async move { reversing.reverse_credit(&purchase(1)).await });
    bank.question().await;
    let repeat = bank.question().await;
    bank.answer(&repeat, "57", "").await;
    assert_eq!(reversed.await.unwrap(), Err(BankError::Unknown { cause }));
}

#[tokio::test]
async fn a_void_names_the_authorization_that_it_reverses() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let voided = void(&driver, purchase(123));
    let reversal = bank.question().await;
    bank.answer(&reversal, "00", "").await;
    assert_eq!(voided.await.unwrap(), Ok(()));
    assert_eq!(reversal.mti(), Mti::REVERSAL_REQUEST);
    assert_eq!(reversal.text(Field::APPROVAL_CODE), None);
    assert_eq!(
        reversal.text(Field::ORIGINAL_DATA),
        Some("010000012303141509260000012345600000000000")
    );
    same_purchase(&reversal);
}

#[tokio::test]
async fn an_advice_is_accepted_refused_or_not_known() {
    let refused = |code| Err(BankError::Refused { response: response_code(code) });
    let not_ready =
        || Err(BankError::Unknown { cause: "the bank is not ready (response 91)".to_owned() });
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    for (response, of_capture, of_void) in [
        ("00", Ok(()), Ok(())),
        ("94", Ok(()), Ok(())),
        ("25", refused("25"), Ok(())),
        ("91", not_ready(), not_ready()),
        ("12", refused("12"), refused("12")),
    ] {
        let captured = capture(&driver, purchase(1));
        let advice = bank.question().await;
        bank.answer(&advice, response, "").await;
        assert_eq!(captured.await.unwrap(), of_capture, "capture {response}");

        let voided = void(&driver, purchase(1));
        let reversal = bank.question().await;
        bank.answer(&reversal, response, "").await;
        assert_eq!(voided.await.unwrap(), of_void, "void {response}");
    }
}

#[tokio::test]
async fn an_advice_without_an_answer_is_repeated_as_such() {
    let (driver, listener) = start(impatient).await;
    let mut bank = Line::accept(&listener).await;
    let captured = capture(&driver, purchase(1));
    let first = bank.question().await;
    let repeat = bank.question().await;
    assert_eq!(repeat.mti().to_string(), "0221");
    assert_eq!(repeat, first.with_mti(repeat.mti()));
    bank.answer(&repeat, "00", "").await;
    assert_eq!(captured.await.unwrap(), Ok(()));

    let voided = void(&driver, purchase(1));
    let first = bank.question().await;
    let repeat = bank.question().await;
    assert_eq!(repeat.mti().to_string(), "0401");
    assert_eq!(repeat, first.with_mti(repeat.mti()));
    bank.answer(&repeat, "00", "").await;
    assert_eq!(voided.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn the_answer_to_an_authorization_does_not_answer_its_capture() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let captured = capture(&driver, purchase(1));
    let advice = bank.question().await;
    let authorization = advice.clone().with_mti(Mti::AUTHORIZATION_REQUEST);
    bank.answer(&authorization, "00", "A12345").await;
    bank.answer(&advice, "12", "").await;
    assert_eq!(captured.await.unwrap(), Err(BankError::Refused { response: response_code("12") }));
}

/// A credit is a request: that it was seen before does not say that it was done, nor does an approval on terms.
#[tokio::test]
async fn a_credit_is_accepted_refused_or_not_known() {
    let unknown = |code: &str| {
        let cause = format!("the bank did not say whether it did so (response {code})");
        Err(BankError::Unknown { cause })
    };
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    for (response, outcome) in [
        ("00", Ok(())),
        ("10", unknown("10")),
        ("91", unknown("91")),
        ("94", unknown("94")),
        ("57", Err(BankError::Refused { response: response_code("57") })),
    ] {
        let credited = credit(&driver, purchase(1), "49.90");
        let request = bank.question().await;
        bank.answer(&request, response, "").await;
        assert_eq!(credited.await.unwrap(), outcome, "{response}");
    }
}
