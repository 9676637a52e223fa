//! The purchase: the order for the merchant, the payment for the gateway, and the dual signature that ties them (F11.4).

use der::asn1::GeneralizedTime;

use super::{
    authorization::AuthCode,
    code::CodeStartData,
    common::{BrandId, CurrencyAmount, MerchantId, OrderText, Software, TransIds},
};
use crate::{
    asn1::{Number, Random, Received, SecretDigits, SecretOctets, Text},
    protect::{Cardholder, Digest, Gateway, KeyOf, Merchant, Sealed, Signature, Signed},
    table::{Row, Structure, choices, enumerations, structures},
};

/// The answer to a purchase, to a code and to an inquiry, as it is sent.
pub type PRes = Signed<PResData, Merchant>;
/// A receipt as it is given out.
pub type Receipt = Signed<ReceiptData, Gateway>;
/// The payment of a purchase without a client certificate, as it is sent.
pub type PiUnsigned = Sealed<PiUnsignedTbe, Gateway>;

pub(crate) const ROWS: &[&Structure] = &[
    HodInput::STRUCTURE,
    OiData::STRUCTURE,
    Inputs::STRUCTURE,
    PiHead::STRUCTURE,
    PanData::STRUCTURE,
    PanToken::STRUCTURE,
    PiData::STRUCTURE,
    PiDataUnsigned::STRUCTURE,
    Hpi::STRUCTURE,
    PiTbs::STRUCTURE,
    PiDualSignedTbe::STRUCTURE,
    PiUnsignedTbe::STRUCTURE,
    PiDualSigned::STRUCTURE,
    OiDualSigned::STRUCTURE,
    PReqDualSigned::STRUCTURE,
    OiUnsigned::STRUCTURE,
    PReqUnsigned::STRUCTURE,
    PReq::STRUCTURE,
    Pi::STRUCTURE,
    Mode::STRUCTURE,
    CompletionCode::STRUCTURE,
    PResData::STRUCTURE,
    ReceiptData::STRUCTURE,
    PurchaseName::STRUCTURE,
];

structures! {
    /// What is bought, for how much: hashed, so that the gateway never sees the goods.
    HodInput = "HODInput" 7 {
        /// The goods in words, as in the wake-up.
        od = "od": OrderText,
        /// What is to be paid.
        purch_amt = "purchAmt": CurrencyAmount,
        /// So that goods cannot be guessed from the hash.
        od_salt = "odSalt": Random,
    }

    /// The order, for the merchant.
    OiData = "OIData" 3 {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// To be given back: the answer is no older than this.
        chall_c = "chall-C": Random,
        /// What is bought.
        hod = "hod": Digest<HodInput>,
        /// The salt of that digest.
        od_salt = "odSalt": Random,
        /// The merchant's challenge, given back.
        chall_m = "chall-M": Random,
        /// The brand of the card.
        brand_id = "brandID": BrandId,
        /// The gateway that is meant (W2).
        gateway = "gateway": KeyOf<Gateway>,
    }

    /// What the gateway is told of the order.
    Inputs = "Inputs" {
        /// What is bought.
        hod = "hod": Digest<HodInput>,
        /// What is to be paid: the merchant never sends it to the gateway in the cardholder's name.
        purch_amt = "purchAmt": CurrencyAmount,
    }

    /// The payment without the card.
    PiHead = "PIHead" {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// What is bought, for how much.
        inputs = "inputs": Inputs,
        /// The merchant, by its id at the gateway.
        merchant_id = "merchantID": MerchantId,
        /// The merchant's key, as it signed the answer to the cardholder's first message (W11).
        merchant = "merchant": KeyOf<Merchant>,
        /// The brand of the card.
        brand_id = "brandID": BrandId,
        /// The gateway that is meant (W1).
        gateway = "gateway": KeyOf<Gateway>,
        /// Which program made the payment.
        sw_ident = "swIdent": Software,
    }

    /// The card, of a cardholder with a certificate.
    PanData = "PANData" 0 {
        /// The card's number.
        pan = "pan": SecretDigits<12, 19>,
        /// Its last good month, YYYYMM.
        card_expiry = "cardExpiry": SecretDigits<6, 6>,
        /// Ties the card to the name in the certificate.
        pan_secret = "panSecret": SecretOctets,
        /// Known to cardholder and gateway alone: the session of this payment.
        ex_nonce = "exNonce": SecretOctets,
    }

    /// The card, of a cardholder without a certificate.
    PanToken = "PANToken" 1 {
        /// The card's number.
        pan = "pan": SecretDigits<12, 19>,
        /// Its last good month, YYYYMM.
        card_expiry = "cardExpiry": SecretDigits<6, 6>,
        /// Known to cardholder and gateway alone: the session of this payment.
        ex_nonce = "exNonce": SecretOctets,
    }

    /// The payment, for the gateway.
    PiData = "PIData" 5 {
        /// Without the card.
        pi_head = "piHead": PiHead,
        /// The card.
        pan_data = "panData": PanData,
    }

    /// The payment of a cardholder without a certificate, for the gateway.
    PiDataUnsigned = "PIDataUnsigned" 6 {
        /// Without the card.
        pi_head = "piHead": PiHead,
        /// The card.
        pan_token = "panToken": PanToken,
    }
}

choices! {
    /// The digest of a payment, and which kind it is.
    Hpi = "HPI" {
        ["0"] /// Of a cardholder with a certificate.
        Signed = "hPIData": Digest<PiData>,
        ["1"] /// Of one without.
        Unsigned = "hPIDataUnsigned": Digest<PiDataUnsigned>,
    }
}

structures! {
    /// What the cardholder signs: payment and order together, and for which gateway. Its digest is what the code is bound
    /// to, signed or not.
    PiTbs = "PI-TBS" 13 {
        /// The payment.
        hpi = "hPI": Hpi,
        /// The order.
        h_oi_data = "hOIData": Digest<OiData>,
        /// The gateway that is meant (W1): SET has it nowhere.
        gateway = "gateway": KeyOf<Gateway>,
    }

    /// What the gateway decrypts, of a cardholder with a certificate.
    PiDualSignedTbe = "PIDualSignedTBE" 50 {
        /// The payment.
        pi_data = "piData": Received<PiData>,
        /// The order that belongs to it.
        h_oi_data = "hOIData": Digest<OiData>,
    }

    /// What the gateway decrypts, of a cardholder without a certificate.
    PiUnsignedTbe = "PIUnsignedTBE" 51 {
        /// The payment.
        pi_data_unsigned = "piDataUnsigned": Received<PiDataUnsigned>,
        /// The order that belongs to it.
        h_oi_data = "hOIData": Digest<OiData>,
    }

    /// The payment, signed with the order and encrypted to the gateway.
    PiDualSigned = "PIDualSigned" {
        /// The dual signature.
        pi_signature = "piSignature": Signature<PiTbs, Cardholder>,
        /// The payment.
        pi_sealed = "piSealed": Sealed<PiDualSignedTbe, Gateway>,
    }

    /// The order, and the digest of the payment that belongs to it.
    OiDualSigned = "OIDualSigned" {
        /// The order.
        oi_data = "oiData": Received<OiData>,
        /// The payment.
        h_pi_data = "hPIData": Digest<PiData>,
    }

    /// A purchase with a client certificate (3KP).
    PReqDualSigned = "PReqDualSigned" {
        /// For the gateway.
        pi_dual_signed = "piDualSigned": PiDualSigned,
        /// For the merchant.
        oi_dual_signed = "oiDualSigned": OiDualSigned,
    }

    /// The order of a purchase without a client certificate.
    OiUnsigned = "OIUnsigned" {
        /// The order.
        oi_data = "oiData": Received<OiData>,
        /// The payment.
        h_pi_data_unsigned = "hPIDataUnsigned": Digest<PiDataUnsigned>,
    }

    /// A purchase without a client certificate (2KP, F11.v1): the code is all that proves the person.
    PReqUnsigned = "PReqUnsigned" {
        /// For the gateway.
        pi_unsigned = "piUnsigned": PiUnsigned,
        /// For the merchant.
        oi_unsigned = "oiUnsigned": OiUnsigned,
    }
}

choices! {
    /// A purchase.
    PReq = "PReq" {
        ["0"] /// With a client certificate.
        DualSigned = "pReqDualSigned": PReqDualSigned,
        ["1"] /// Without one.
        Unsigned = "pReqUnsigned": PReqUnsigned,
    }

    /// The payment, as the merchant hands it on to the gateway without being able to read it.
    Pi = "PI" 4 {
        ["0"] /// Of a cardholder without a certificate.
        Unsigned = "piUnsigned": PiUnsigned,
        ["1"] /// Of one with a certificate.
        DualSigned = "piDualSigned": PiDualSigned,
    }
}

enumerations! {
    /// Whether the cardholder signed (W5).
    Mode = "Mode" {
        /// No client certificate: the code is all that proves the person.
        Unsigned = "unsigned" 0,
        /// A dual signature.
        DualSigned = "dualSigned" 1,
    }

    /// How far a purchase is. `codeAsked`, `signatureRequired` and `notAuthorized` are ours, outside SET's numbers.
    CompletionCode = "CompletionCode" {
        /// The order is not what was offered.
        OrderRejected = "orderRejected" 1,
        /// The order is taken; how it ends can be asked later.
        OrderReceived = "orderReceived" 2,
        /// There is no such order.
        OrderNotReceived = "orderNotReceived" 3,
        /// The bank holds the amount.
        AuthorizationPerformed = "authorizationPerformed" 4,
        /// The amount is debited.
        CapturePerformed = "capturePerformed" 5,
        /// It was given back.
        CreditPerformed = "creditPerformed" 6,
        /// A code is on its way to the phone, and waited for.
        CodeAsked = "codeAsked" 1000,
        /// A purchase without a client certificate is not taken here.
        SignatureRequired = "signatureRequired" 1001,
        /// It will not be paid.
        NotAuthorized = "notAuthorized" 1002,
    }
}

structures! {
    /// What the merchant answers to a purchase, a code and an inquiry (F11.5, F11.11).
    PResData = "PResData" 14 {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// The request that is answered.
        rrpid = "rrpid": Random,
        /// The cardholder's challenge of that request, given back.
        chall_c = "chall-C": Random,
        /// How far the purchase is.
        completion_code = "completionCode": CompletionCode,
        ["0"] /// What the gateway said.
        auth_code = "authCode": AuthCode,
        ["1"] /// How many codes may still be typed.
        attempts_left = "attemptsLeft": Number<0, 5>,
        ["2"] /// What to ask the person for, signed by the gateway.
        code_start = "codeStart": Signed<CodeStartData, Gateway>,
        ["3"] /// The gateway's own word that it is paid (W4).
        receipt = "receipt": Receipt,
    }

    /// The gateway's word for the cardholder, to be kept and verified by anyone (W4).
    ReceiptData = "ReceiptData" 201 {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// The merchant, by its id at the gateway.
        merchant_id = "merchantID": MerchantId,
        /// The merchant, by the name that people know.
        merchant_name = "merchantName": Text<40>,
        /// What was bought.
        hod = "hod": Digest<HodInput>,
        /// What the cardholder agreed to pay.
        purch_amt = "purchAmt": CurrencyAmount,
        /// What was agreed to: payment, order and gateway.
        h_pi_tbs = "hPI-TBS": Digest<PiTbs>,
        /// Whether the cardholder signed.
        mode = "mode": Mode,
        /// Whether a code was typed.
        code_verified = "codeVerified": bool,
        /// What the gateway did.
        auth_code = "authCode": AuthCode,
        /// When the gateway wrote it.
        date = "date": GeneralizedTime,
    }

    /// What the short reference stands for, in the message and beside the code's field (W12). Everything in it is fixed
    /// before the cardholder adds anything: whoever stole a key cannot try payments until their reference is another's.
    PurchaseName = "PurchaseName" 202 {
        /// The purchase: made by the merchant.
        xid = "xid": Random,
        /// The merchant, by its id at the gateway.
        merchant_id = "merchantID": MerchantId,
        /// What is to be paid.
        purch_amt = "purchAmt": CurrencyAmount,
        /// The gateway that is meant.
        gateway = "gateway": KeyOf<Gateway>,
    }
}
