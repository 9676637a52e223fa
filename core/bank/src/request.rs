//! What is asked: a purchase as a message.

use std::fmt;

use countersign_domain::{
    amount::Amount,
    bank::{ApprovalCode, BankError, BankRequest},
    time::Timestamp,
    transaction::Payee,
};
use countersign_iso8583::{Field, FieldError, Message, Mti};

use crate::settings::Iso8583Settings;

/// Field 3: goods and services, from the default account.
const PURCHASE: &str = "000000";
/// Field 3: a return, to the default account.
const RETURN: &str = "200000";
/// Field 22: the card number was typed, and nothing is known of a PIN.
const NUMBER_TYPED: &str = "010";
/// Field 25: the customer is not present.
const CUSTOMER_NOT_PRESENT: &str = "01";

/// What every message about a purchase says of us.
pub(crate) fn template(settings: &Iso8583Settings) -> Result<Message, FieldError> {
    Message::new(Mti::AUTHORIZATION_REQUEST)
        .with(Field::PROCESSING_CODE, PURCHASE)?
        .with(Field::MERCHANT_TYPE, &settings.merchant_category)?
        .with(Field::POS_ENTRY_MODE, NUMBER_TYPED)?
        .with(Field::POS_CONDITION, CUSTOMER_NOT_PRESENT)?
        .with(Field::ACQUIRER, &settings.acquirer_id)?
        .with(Field::TERMINAL, &settings.terminal_id)
}

/// `0100`: hold the amount.
pub(crate) fn authorization(
    settings: &Iso8583Settings,
    request: &BankRequest,
) -> Result<Message, BankError> {
    purchase(settings, request, request.amount)
}

/// `0220`: debit what is held, or a part of it and release the rest.
///
/// Field 4 is what is debited. The bank finds what it holds by the fields 7, 11, 37 and 38, which are those of the
/// authorization; the 1987 edition has no field for the amount that was authorized, and field 95 corrects the amount of
/// a reversal.
pub(crate) fn completion(
    settings: &Iso8583Settings,
    request: &BankRequest,
    approval: &ApprovalCode,
    amount: Amount,
) -> Result<Message, BankError> {
    let held = request.amount;
    if amount.currency() != held.currency() || amount.amount_minor() > held.amount_minor() {
        return Err(unsendable("more would be debited than is held"));
    }
    let advice = purchase(settings, request, amount)?.with_mti(Mti::COMPLETION_ADVICE);
    with_approval(advice, approval).map_err(unsendable)
}

/// `0200` as a return: credit the amount to the card's account.
pub(crate) fn credit(
    settings: &Iso8583Settings,
    request: &BankRequest,
) -> Result<Message, BankError> {
    let credit = purchase(settings, request, request.amount)?.with_mti(Mti::FINANCIAL_REQUEST);
    credit.with(Field::PROCESSING_CODE, RETURN).map_err(unsendable)
}

/// `0400`: release what is held, or may be held.
pub(crate) fn reversal(
    settings: &Iso8583Settings,
    request: &BankRequest,
    approval: Option<&ApprovalCode>,
) -> Result<Message, BankError> {
    let reversal = reversal_of(&authorization(settings, request)?)?;
    match approval {
        Some(approval) => with_approval(reversal, approval).map_err(unsendable),
        None => Ok(reversal),
    }
}

/// `0400`: debit again what a return has credited.
pub(crate) fn credit_reversal(
    settings: &Iso8583Settings,
    request: &BankRequest,
) -> Result<Message, BankError> {
    reversal_of(&credit(settings, request)?)
}

fn reversal_of(original: &Message) -> Result<Message, BankError> {
    let reversal = original
        .clone()
        .with_mti(Mti::REVERSAL_REQUEST)
        .with(Field::ORIGINAL_DATA, original_data(original));
    reversal.map_err(unsendable)
}

/// A purchase as an authorization of that amount.
fn purchase(
    settings: &Iso8583Settings,
    request: &BankRequest,
    amount: Amount,
) -> Result<Message, BankError> {
    let time = TransmissionTime::of(request.reference.transmitted_at)?;
    // The bank tells merchants apart by this number: one that does not fit is refused, not cut.
    let merchant = settings
        .merchant_number(&request.relying_party)
        .ok_or_else(|| unsendable("the relying party has no merchant number"))?;
    let purchase = || {
        let card = &request.card;
        let expiry = format!("{:02}{:02}", card.expiry().year() % 100, card.expiry().month());
        template(settings)?
            .with(Field::PAN, card.expose_number())?
            .with(Field::AMOUNT, format!("{:012}", amount.amount_minor()))?
            .with(Field::TRANSMISSION_TIME, format!("{}{}", time.date, time.time))?
            .with(Field::STAN, format!("{:06}", request.reference.stan))?
            // The gateway knows no place of its merchants, hence no other local time.
            .with(Field::LOCAL_TIME, &time.time)?
            .with(Field::LOCAL_DATE, &time.date)?
            .with(Field::EXPIRY, expiry)?
            .with(Field::RETRIEVAL_REFERENCE, &request.reference.retrieval)?
            .with(Field::CARD_ACCEPTOR, format!("{merchant:<15}"))?
            .with(Field::CARD_ACCEPTOR_NAME, card_acceptor_name(&request.payee))?
            .with(Field::CURRENCY, format!("{:03}", amount.currency().numeric()))
    };
    purchase().map_err(unsendable)
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

/// What the bank's protocol cannot say. Nothing was sent.
fn unsendable(cause: impl fmt::Display) -> BankError {
    BankError::Unreachable { cause: format!("the purchase cannot be told to the bank: {cause}") }
}
