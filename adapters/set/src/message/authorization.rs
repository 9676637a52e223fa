//! Between merchant and gateway: the authorization (F11.5, F11.6).

use super::{
    code::CodeStartData,
    common::{Chain, CurrencyAmount, RrTags, TransIds},
    purchase::{HodInput, Mode, OiData, Pi, Receipt},
};
use crate::{
    asn1::{Number, Received},
    protect::{Digest, Gateway, Merchant, Sealed, Signed},
    table::{Row, Structure, enumerations, structures},
};

/// The answer to an authorization as it is sent.
pub type AuthRes = Sealed<Signed<AuthResTbs, Gateway>, Merchant>;

pub(crate) const ROWS: &[&Structure] = &[
    AuthTags::STRUCTURE,
    CheckDigests::STRUCTURE,
    AuthReqPayload::STRUCTURE,
    AuthReqData::STRUCTURE,
    AuthReqTbs::STRUCTURE,
    AuthReq::STRUCTURE,
    AuthCode::STRUCTURE,
    Answer::STRUCTURE,
    AuthResTbs::STRUCTURE,
];

structures! {
    /// Names a request about a purchase.
    AuthTags = "AuthTags" {
        /// The request.
        auth_rr_tags = "authRRTags": RrTags,
        /// The purchase.
        trans_ids = "transIDs": TransIds,
    }

    /// What the merchant saw of the order, computed by itself, to be compared with what the cardholder sent the gateway.
    CheckDigests = "CheckDigests" {
        /// The order as the merchant received it.
        h_oi_data = "hOIData": Digest<OiData>,
        /// What is bought, from the merchant's own books.
        hod2 = "hod2": Digest<HodInput>,
    }

    /// What the merchant asks for.
    AuthReqPayload = "AuthReqPayload" {
        /// What is to be held.
        auth_req_amt = "authReqAmt": CurrencyAmount,
        /// Whether it is to be debited at once.
        capture_now = "captureNow": bool,
    }

    /// A request for an authorization.
    AuthReqData = "AuthReqData" {
        /// Request and purchase.
        auth_tags = "authTags": AuthTags,
        /// What the merchant saw of the order.
        check_digests = "checkDigests": CheckDigests,
        /// What is asked for.
        auth_req_payload = "authReqPayload": AuthReqPayload,
        /// The merchant's certificate to encrypt the answer to, and those above it.
        me_certificates = "meCertificates": Chain,
    }

    /// What the merchant signs: the request, and the payment that goes beside it.
    AuthReqTbs = "AuthReqTBS" 16 {
        /// The request.
        auth_req_data = "authReqData": AuthReqData,
        /// The payment beside it.
        h_baggage = "hBaggage": Digest<Pi>,
    }

    /// A request for an authorization as it is sent (SET's `EncB`).
    AuthReq = "AuthReq" {
        /// The request.
        enc = "enc": Sealed<Signed<AuthReqTbs, Merchant>, Gateway>,
        /// The payment, which the merchant cannot read.
        baggage = "baggage": Received<Pi>,
    }
}

enumerations! {
    /// What the gateway says to an authorization. Those above 1000 are ours, outside SET's numbers.
    AuthCode = "AuthCode" {
        /// The bank holds the amount, or has debited it.
        Approved = "approved" 0,
        /// It will not be paid, for a reason without a code of its own.
        UnspecifiedFailure = "unspecifiedFailure" 1,
        /// The bank refused.
        Declined = "declined" 2,
        /// The bank did not answer: the purchase is over, and what may be held is released.
        NoReply = "noReply" 3,
        /// The amount is not the one that the cardholder agreed to.
        AmountError = "amountError" 5,
        /// The card is past its last month.
        ExpiredCard = "expiredCard" 6,
        /// The purchase cannot be what it says it is.
        InvalidTransaction = "invalidTransaction" 7,
        /// The payment was used already.
        PiPreviouslyUsed = "piPreviouslyUsed" 9,
        /// The payment does not belong to the request: another purchase, order, merchant or gateway, or not authentic.
        PiAuthMismatch = "piAuthMismatch" 12,
        /// Capturing at once is not done here.
        CaptureNotSupported = "captureNotSupported" 14,
        /// A payment without a client certificate is not taken here.
        SignatureRequired = "signatureRequired" 15,
        /// The card is of another brand than the gateway.
        CardMerchBrandMismatch = "cardMerchBrandMismatch" 16,
        /// A code is on its way to the phone, and waited for.
        CodePending = "codePending" 1001,
        /// The code was wrong; another may be typed.
        CodeWrong = "codeWrong" 1002,
        /// No code came in time.
        CodeExpired = "codeExpired" 1003,
        /// Too many codes were wrong.
        CodeLocked = "codeLocked" 1004,
        /// There is no phone that somebody vouches for.
        NoPhone = "noPhone" 1005,
        /// The purchase was called off.
        Cancelled = "cancelled" 1006,
        /// The bank is being asked; ask again.
        UnderWay = "underWay" 1007,
        /// The request was made too long ago to be begun, or in the future.
        Untimely = "untimely" 1008,
    }
}

structures! {
    /// How a purchase stands at the gateway.
    Answer = "Answer" {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// What is held or debited, or asked for.
        auth_amt = "authAmt": CurrencyAmount,
        /// What the gateway says.
        auth_code = "authCode": AuthCode,
        /// Whether it is debited.
        captured = "captured": bool,
        ["0"] /// Whether the cardholder signed, once that is known (W5).
        mode = "mode": Mode,
        ["1"] /// How many codes may still be typed.
        attempts_left = "attemptsLeft": Number<0, 5>,
        ["2"] /// What to ask the person for, for the cardholder.
        code_start = "codeStart": Signed<CodeStartData, Gateway>,
        ["3"] /// The receipt, for the cardholder (W4).
        receipt = "receipt": Receipt,
    }

    /// What the gateway signs: to whom, to which request, and how the purchase stands (W3).
    AuthResTbs = "AuthResTBS" 17 {
        /// The request, and whose it was.
        auth_rr_tags = "authRRTags": RrTags,
        /// The request that is answered, as it was signed.
        h_auth_req = "hAuthReq": Digest<AuthReqTbs>,
        /// How the purchase stands.
        answer = "answer": Answer,
    }
}
