//! Ours, not SET's: the code that goes to the phone, and comes back through the merchant or straight to the gateway.

use der::asn1::GeneralizedTime;

use super::{
    authorization::{Answer, AuthCode, AuthTags},
    common::{Chain, MerchantId, RrTags, TransIds, Url},
    purchase::{PiTbs, Receipt},
};
use crate::{
    asn1::{Number, Random, SecretDigits, SecretOctets, SecretText, Text},
    protect::{Digest, Gateway, KeyOf, Merchant, Sealed, Signed},
    table::{Row, Structure, structures},
};

/// A typed code as it is sent: for the gateway alone, whoever carries it.
pub type CodeSubmission = Sealed<CodeSubmissionTbe, Gateway>;
/// A merchant's request about a code as it is sent.
pub type CodeReq = Sealed<Signed<CodeReqTbs, Merchant>, Gateway>;
/// Its answer as it is sent.
pub type CodeRes = Sealed<Signed<CodeResTbs, Gateway>, Merchant>;
/// The answer to a cardholder's code as it is sent.
pub type CodeDirectRes = Signed<CodeDirectResData, Gateway>;

pub(crate) const ROWS: &[&Structure] = &[
    CodeStartData::STRUCTURE,
    CodeSubmissionTbe::STRUCTURE,
    CodeForwardReq::STRUCTURE,
    CodeReqTbs::STRUCTURE,
    CodeResTbs::STRUCTURE,
    CodeDirectReq::STRUCTURE,
    CodeDirectResData::STRUCTURE,
];

structures! {
    /// Asks the cardholder for the code that is on its way to the phone (F11.10).
    CodeStartData = "CodeStartData" 203 {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// What the code is bound to.
        h_pi_tbs = "hPI-TBS": Digest<PiTbs>,
        /// For whom the code pays.
        merchant_id = "merchantID": MerchantId,
        /// The gateway that checks it.
        gateway = "gateway": KeyOf<Gateway>,
        /// Where the gateway takes it without the merchant in between.
        gateway_url = "gatewayURL": Url,
        /// The phone, masked.
        phone = "phone": Text<40>,
        /// How many digits the code has.
        digits = "digits": Number<6, 10>,
        /// How many codes may be typed.
        attempts_left = "attemptsLeft": Number<0, 5>,
        /// Until when.
        expires_at = "expiresAt": GeneralizedTime,
        ["0"] /// Whether the person's PIN is asked for beside the code.
        pin_asked = "pinAsked": bool,
    }

    /// A typed code, for the gateway alone (F11.11).
    CodeSubmissionTbe = "CodeSubmissionTBE" 204 {
        /// The purchase.
        xid = "xid": Random,
        /// What the code was bound to.
        h_pi_tbs = "hPI-TBS": Digest<PiTbs>,
        /// From the payment: who types the code is who paid.
        ex_nonce = "exNonce": SecretOctets,
        /// As the person typed it.
        code = "code": SecretDigits<6, 10>,
        ["0"] /// The person's PIN or password, where it is asked for.
        pin = "pin": SecretText<256>,
    }

    /// A typed code on its way through the merchant; answered as a purchase is.
    CodeForwardReq = "CodeForwardReq" {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// To be given back: the answer is no older than this.
        chall_c = "chall-C": Random,
        /// The code.
        code_submission = "codeSubmission": CodeSubmission,
    }

    /// What the merchant signs: a cardholder's code, or the question how the purchase stands.
    CodeReqTbs = "CodeReqTBS" 205 {
        /// Request and purchase.
        auth_tags = "authTags": AuthTags,
        /// The merchant's certificate to encrypt the answer to, and those above it.
        me_certificates = "meCertificates": Chain,
        ["0"] /// The code; without one, only how the purchase stands is asked.
        code_submission = "codeSubmission": CodeSubmission,
    }

    /// What the gateway signs: to whom, to which request, and how the purchase stands.
    CodeResTbs = "CodeResTBS" 206 {
        /// The request, and whose it was.
        rr_tags = "rrTags": RrTags,
        /// The request that is answered, as it was signed.
        h_code_req = "hCodeReq": Digest<CodeReqTbs>,
        /// How the purchase stands.
        answer = "answer": Answer,
    }

    /// A typed code straight to the gateway.
    CodeDirectReq = "CodeDirectReq" {
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// The purchase.
        xid = "xid": Random,
        /// The code.
        code_submission = "codeSubmission": CodeSubmission,
    }

    /// What the gateway answers to it.
    CodeDirectResData = "CodeDirectResData" 207 {
        /// The request that is answered.
        rrpid = "rrpid": Random,
        /// The purchase.
        xid = "xid": Random,
        /// What the gateway says.
        auth_code = "authCode": AuthCode,
        /// Whether the amount is debited.
        captured = "captured": bool,
        ["0"] /// How many codes may still be typed.
        attempts_left = "attemptsLeft": Number<0, 5>,
        ["1"] /// The receipt (W4).
        receipt = "receipt": Receipt,
    }
}
