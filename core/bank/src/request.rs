//! What is asked: a purchase as a message.

use countersign_domain::{
    bank::{ApprovalCode, BankRequest},
    ports::BankError,
    time::Timestamp,
    transaction::Payee,
};
use countersign_iso8583::{Field, FieldError, Message, Mti};

use crate::settings::{InvalidSettings, Settings};

/// Field 3: goods and services, from the default account.
const PURCHASE: &str = "000000";
/// Field 22: the card number was typed, and nothing is known of a PIN.
const NUMBER_TYPED: &str = "010";
/// Field 25: the customer is not present.
const CUSTOMER_NOT_PRESENT: &str = "01";

/// What every purchase says of us.
pub(crate) fn template(settings: &Settings) -> Result<Message, InvalidSettings> {
    let template = Message::new(Mti::AUTHORIZATION_REQUEST)
        .with(Field::PROCESSING_CODE, PURCHASE)?
        .with(Field::MERCHANT_TYPE, &settings.merchant_type)?
        .with(Field::POS_ENTRY_MODE, NUMBER_TYPED)?
        .with(Field::POS_CONDITION, CUSTOMER_NOT_PRESENT)?
        .with(Field::ACQUIRER, &settings.acquirer)?
        .with(Field::TERMINAL, &settings.terminal)?;
    Ok(template)
}

/// `0100`: hold the amount.
pub(crate) fn authorization(
    template: &Message,
    request: &BankRequest,
) -> Result<Message, BankError> {
    let time = TransmissionTime::of(request.reference.transmitted_at)?;
    let purchase = || {
        let (card, amount) = (&request.card, request.amount);
        template
            .clone()
            .with(Field::PAN, card.expose_number())?
            .with(Field::AMOUNT, format!("{:012}", amount.amount_minor()))?
            .with(Field::TRANSMISSION_TIME, format!("{}{}", time.date, time.time))?
            .with(Field::STAN, format!("{:06}", request.reference.stan))?
            // The gateway knows no place of its merchants, hence no other local time.
            .with(Field::LOCAL_TIME, &time.time)?
            .with(Field::LOCAL_DATE, &time.date)?
            .with(
                Field::EXPIRY,
                format!("{:02}{:02}", card.expiry().year() % 100, card.expiry().month()),
            )?
            .with(Field::RETRIEVAL_REFERENCE, &request.reference.retrieval)?
            // The bank tells merchants apart by this field: one that does not fit is refused, not cut.
            .with(Field::CARD_ACCEPTOR, format!("{:<15}", request.relying_party.as_str()))?
            .with(Field::CARD_ACCEPTOR_NAME, card_acceptor_name(&request.payee))?
            .with(Field::CURRENCY, format!("{:03}", amount.currency().numeric()))
    };
    purchase().map_err(|error| unsendable(&error))
}

/// `0220`: debit what is held.
pub(crate) fn completion(
    template: &Message,
    request: &BankRequest,
    approval: &ApprovalCode,
) -> Result<Message, BankError> {
    let purchase = authorization(template, request)?.with_mti(Mti::COMPLETION_ADVICE);
    with_approval(purchase, approval).map_err(|error| unsendable(&error))
}

/// `0400`: release what is held, or may be held.
pub(crate) fn reversal(
    template: &Message,
    request: &BankRequest,
    approval: Option<&ApprovalCode>,
) -> Result<Message, BankError> {
    let original = authorization(template, request)?;
    let reverse = || {
        let reversal = original
            .clone()
            .with_mti(Mti::REVERSAL_REQUEST)
            .with(Field::ORIGINAL_DATA, original_data(&original))?;
        approval.map_or(Ok(reversal.clone()), |approval| with_approval(reversal, approval))
    };
    reverse().map_err(|error| unsendable(&error))
}

fn with_approval(message: Message, approval: &ApprovalCode) -> Result<Message, FieldError> {
    message.with(Field::APPROVAL_CODE, format!("{:<6}", approval.as_str()))
}

/// Field 90 names the message to reverse: its type (4), trace number (6), transmission time (10), acquirer (11) and
/// forwarding institution (11, here none), numbers filled up with zeros on the left.
fn original_data(original: &Message) -> String {
    let text = |field| original.text(field).unwrap_or_default();
    let (stan, transmitted) = (text(Field::STAN), text(Field::TRANSMISSION_TIME));
    format!("{}{stan}{transmitted}{:0>11}{:011}", original.mti(), text(Field::ACQUIRER), 0)
}

/// A point in time as the fields 7, 12 and 13 have it, UTC.
struct TransmissionTime {
    /// `MMDD`.
    date: String,
    /// `hhmmss`.
    time: String,
}

impl TransmissionTime {
    fn of(timestamp: Timestamp) -> Result<Self, BankError> {
        let time = i64::try_from(timestamp.unix_seconds())
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .ok_or_else(|| BankError::Unreachable {
                cause: "the transmission time is out of range".to_owned(),
            })?;
        Ok(Self {
            date: time.strftime("%m%d").to_string(),
            time: time.strftime("%H%M%S").to_string(),
        })
    }
}

/// `MMDDhhmmss`, field 7.
pub(crate) fn transmission_time(timestamp: Timestamp) -> Result<String, BankError> {
    TransmissionTime::of(timestamp).map(|time| time.date + &time.time)
}

/// The payee's name in the 40 characters of field 43, which has no accents.
fn card_acceptor_name(payee: &Payee) -> String {
    let name = payee.as_str().chars().map(|c| match c {
        ' '..='~' => c,
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ñ' => 'N',
        'Ò'..='Ö' | 'Ø' => 'O',
        'Ù'..='Ü' => 'U',
        'Ý' => 'Y',
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        _ => '?',
    });
    format!("{:<40}", name.collect::<String>())
}

/// A purchase that the bank's protocol cannot say. Nothing was sent.
fn unsendable(error: &FieldError) -> BankError {
    BankError::Unreachable { cause: format!("the purchase cannot be told to the bank: {error}") }
}
