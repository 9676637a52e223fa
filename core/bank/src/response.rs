//! What the bank's answer means: field 39, ISO 8583:1987 table of response codes.

use countersign_domain::bank::{ApprovalCode, BankError, Decision, ResponseCode};
use countersign_iso8583::{Field, Message};

use crate::client::Answer;

/// The bank's decision on an authorization. Once it was repeated, a decline is not the answer to what was asked first:
/// that may be approved and its answer lost, and no response code of ISO 8583:1987 says that it was refused.
pub(crate) fn decision(answer: &Answer) -> Result<Decision, BankError> {
    let response = response_code(&answer.message)?;
    match response.as_str() {
        "00" | "11" if answer.other_amount => {
            Err(unknown(&format!("approved for another amount (response {response})")))
        }
        "00" | "11" => Ok(Decision::Approved { approval: approval_code(&answer.message)? }),
        // Approved on terms that cannot be kept: an identity document seen (08), a part of the amount (10), a card to
        // be written (16). The bank may hold something, so that this is no decline.
        "08" | "10" | "16" => {
            Err(unknown(&format!("approved on terms that cannot be kept (response {response})")))
        }
        // In progress (09), answered too late (68), seen before (94): the bank does not say what became of it.
        "09" | "68" | "94" => {
            Err(unknown(&format!("the bank did not say what it decided (response {response})")))
        }
        _ if answer.repeated => {
            Err(unknown(&format!("declined only when asked again (response {response})")))
        }
        _ => Ok(Decision::Declined { response }),
    }
}

/// Whether the bank accepted a capture.
pub(crate) fn accepted(answer: &Message) -> Result<(), BankError> {
    let response = response_code(answer)?;
    match response.as_str() {
        // 94: the bank has seen this very message before; its first answer was lost.
        "00" | "11" | "94" => Ok(()),
        // In progress (09), answered too late (68), cut-off (90), issuer inoperative (91), malfunction (96).
        "09" | "68" | "90" | "91" | "96" => {
            Err(unknown(&format!("the bank is not ready (response {response})")))
        }
        _ => Err(BankError::Refused { response }),
    }
}

/// Whether the bank accepted a credit, or its reversal. Unlike an advice, a request may have been refused before: that
/// it was seen (94) does not say that it was done, and what is approved in part or on terms (08, 10, 16) is no clean
/// refusal. Once it was repeated, a refusal is not the answer to what was asked first: that may be done and its answer lost.
pub(crate) fn credited(answer: &Answer) -> Result<(), BankError> {
    let response = response_code(&answer.message)?;
    match response.as_str() {
        "00" | "11" if answer.other_amount => {
            Err(unknown(&format!("done for another amount (response {response})")))
        }
        "00" | "11" => Ok(()),
        "08" | "10" | "16" | "94" | "09" | "68" | "90" | "91" | "96" => {
            Err(unknown(&format!("the bank did not say whether it did so (response {response})")))
        }
        _ if answer.repeated => {
            Err(unknown(&format!("refused only when asked again (response {response})")))
        }
        _ => Err(BankError::Refused { response }),
    }
}

/// Whether the bank accepted a void. One that has no record of the purchase (25) holds nothing.
pub(crate) fn voided(answer: &Message) -> Result<(), BankError> {
    if response_code(answer)?.as_str() == "25" { Ok(()) } else { accepted(answer) }
}

fn response_code(answer: &Message) -> Result<ResponseCode, BankError> {
    let code = answer.text(Field::RESPONSE_CODE).unwrap_or_default().to_owned();
    ResponseCode::try_from(code).map_err(|_| unknown("the answer has no response code"))
}

fn approval_code(answer: &Message) -> Result<ApprovalCode, BankError> {
    let code = answer.text(Field::APPROVAL_CODE).unwrap_or_default().trim_end().to_owned();
    ApprovalCode::try_from(code).map_err(|_| unknown("the approval has no approval code"))
}

fn unknown(cause: &str) -> BankError {
    BankError::Unknown { cause: cause.to_owned() }
}
