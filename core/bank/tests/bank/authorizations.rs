use countersign_domain::{
    amount::Amount,
    bank::{BankError, Decision},
    ports::IssuingBank,
};
use countersign_iso8583::{Field, Mti};

use crate::played::{Line, approved, authorize, purchase, response_code, start};

#[tokio::test]
async fn an_authorization_says_all_that_the_bank_must_know() {
    let (driver, listener) = start(|_| {}).await;
    let decision = authorize(&driver, purchase(123));
    let mut bank = Line::accept(&listener).await;
    let question = bank.question().await;
    bank.answer(&question, "00", "A12345").await;
    assert_eq!(decision.await.unwrap(), approved("A12345"));

    assert_eq!(question.mti(), Mti::AUTHORIZATION_REQUEST);
    let expected = [
        (Field::PAN, "4970100000000154"),
        (Field::PROCESSING_CODE, "000000"),
        (Field::AMOUNT, "000000004990"),
        (Field::TRANSMISSION_TIME, "0314150926"),
        (Field::STAN, "000123"),
        (Field::LOCAL_TIME, "150926"),
        (Field::LOCAL_DATE, "0314"),
        (Field::EXPIRY, "2912"),
        (Field::MERCHANT_TYPE, "5999"),
        (Field::POS_ENTRY_MODE, "010"),
        (Field::POS_CONDITION, "01"),
        (Field::ACQUIRER, "123456"),
        (Field::RETRIEVAL_REFERENCE, "0A1B2C000123"),
        (Field::TERMINAL, "GATEWAY1"),
        (Field::CARD_ACCEPTOR, "shop-1         "),
        (Field::CARD_ACCEPTOR_NAME, "Epicerie Celik & fils                   "),
        (Field::CURRENCY, "978"),
    ];
    for field in Field::ALL {
        let expected =
            expected.iter().find(|(expected, _)| expected == field).map(|(_, value)| *value);
        assert_eq!(question.text(*field), expected, "{field}");
    }
}

#[tokio::test]
async fn a_response_code_decides() {
    let declined = |code| Ok(Decision::Declined { response: response_code(code) });
    let unknown = |cause: &str| Err(BankError::Unknown { cause: cause.to_owned() });
    let cases = [
        ("00", "A1    ", approved("A1")),
        ("11", "A12345", approved("A12345")),
        ("51", "", declined("51")),
        ("91", "", declined("91")),
        ("10", "A12345", unknown("approved on terms that cannot be kept (response 10)")),
        ("09", "", unknown("the bank did not say what it decided (response 09)")),
        ("94", "", unknown("the bank did not say what it decided (response 94)")),
        ("00", "", unknown("the approval has no approval code")),
        ("00", "      ", unknown("the approval has no approval code")),
        ("a1", "", declined("a1")),
        ("  ", "", unknown("the answer has no response code")),
    ];
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    for (response, approval, expected) in cases {
        let decision = authorize(&driver, purchase(1));
        let question = bank.question().await;
        bank.answer(&question, response, approval).await;
        assert_eq!(decision.await.unwrap(), expected, "{response}");
    }
}

#[tokio::test]
async fn answers_that_come_out_of_order_find_their_questions() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let first = authorize(&driver, purchase(1));
    let question_1 = bank.question().await;
    let second = authorize(&driver, purchase(2));
    let question_2 = bank.question().await;
    bank.answer(&question_2, "00", "SECOND").await;
    assert_eq!(second.await.unwrap(), approved("SECOND"));
    bank.answer(&question_1, "00", "FIRST1").await;
    assert_eq!(first.await.unwrap(), approved("FIRST1"));
}

#[tokio::test]
async fn two_that_ask_the_same_at_once_get_the_same_answer() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let (one, other) = (authorize(&driver, purchase(1)), authorize(&driver, purchase(1)));
    let question = bank.question().await;
    assert_eq!(bank.question().await, question);
    bank.answer(&question, "00", "A12345").await;
    assert_eq!(
        (one.await.unwrap(), other.await.unwrap()),
        (approved("A12345"), approved("A12345"))
    );
}

#[tokio::test]
async fn the_longest_names_that_the_domain_admits_fit_the_protocol() {
    let (driver, listener) = start(|_| {}).await;
    let mut bank = Line::accept(&listener).await;
    let mut longest = purchase(1);
    longest.relying_party = "x".repeat(15).try_into().unwrap();
    longest.payee = "É".repeat(40).try_into().unwrap();
    longest.amount = Amount::new(Amount::MAX_MINOR, longest.amount.currency()).unwrap();
    let asked = authorize(&driver, longest);
    let question = bank.question().await;
    bank.answer(&question, "00", "A12345").await;
    assert_eq!(asked.await.unwrap(), approved("A12345"));
}

#[tokio::test]
async fn what_the_bank_calls_us_and_the_merchant_is_configured() {
    let (driver, listener) = start(|settings| {
        settings.terminal_id = "TERM0042".to_owned();
        settings.merchant_category = "5942".to_owned();
        settings.merchant_numbers = [("shop-1".try_into().unwrap(), "000004711".to_owned())].into();
    })
    .await;
    let mut bank = Line::accept(&listener).await;
    let _asked = authorize(&driver, purchase(1));
    let question = bank.question().await;
    assert_eq!(question.text(Field::TERMINAL), Some("TERM0042"));
    assert_eq!(question.text(Field::MERCHANT_TYPE), Some("5942"));
    assert_eq!(question.text(Field::CARD_ACCEPTOR), Some("000004711      "));
}

#[tokio::test]
async fn a_purchase_that_does_not_fit_the_protocol_is_not_sent() {
    let (driver, _listener) = start(|_| {}).await;
    let mut bad_retrieval = purchase(1);
    bad_retrieval.reference.retrieval = "short".to_owned();
    for (request, field) in [
        (purchase(1_000_000), "field 11 (system trace audit number)"),
        (bad_retrieval, "field 37 (retrieval reference number)"),
    ] {
        let cause = format!(
            "the purchase cannot be told to the bank: {field} does not have its fixed length"
        );
        assert_eq!(driver.authorize(&request).await, Err(BankError::Unreachable { cause }));
    }
}
