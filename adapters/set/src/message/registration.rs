//! Registration: new keys get their certificates. A cardholder's, once the phone is proved that is vouched for the card
//! (F11.1); a merchant's and a gateway's, once the authority's operator has approved them.

use der::asn1::GeneralizedTime;

use super::{
    common::{BrandId, Chain, LocalId, MerchantId, Url},
    purchase::PanData,
};
use crate::{
    asn1::{Digits, Number, Random, Received, SecretDigits, SecretOctets, Text},
    protect::{Applicant, Authority, Digest, KeyOf, Sealed, Signed},
    table::{Row, Structure, choices, enumerations, structures},
};

/// Where one registers, as it is sent.
pub type RegWakeUp = Signed<RegWakeUpData, Authority>;
/// The authority's introduction as it is sent.
pub type CardCInitRes = Signed<CardCInitResTbs, Authority>;
/// The wish for a form as it is sent.
pub type RegFormReq = Sealed<RegFormReqTbe, Authority>;
/// The form as it is sent.
pub type RegFormRes = Signed<RegFormResTbs, Authority>;
/// The authority's answer to a merchant or a gateway as it is sent.
pub type MeAqCInitRes = Signed<MeAqCInitResTbs, Authority>;
/// The wish for a certificate as it is sent: the new key signs it (proof of possession).
pub type CertReq = Sealed<Signed<CertReqTbs, Applicant>, Authority>;
/// An answer as it is sent: under the back key of its request.
pub type CertRes = Sealed<Signed<CertResData, Authority>, Applicant>;
/// The proof of the phone, or the question whether it is approved by now, as it is sent.
pub type CertInqReq = Sealed<Signed<CertInqReqTbs, Applicant>, Authority>;
/// A key under which one answer is encrypted.
pub type BackKey = SecretOctets<32>;
/// An acquirer, by its number (SET's `BIN`).
pub type Bin = Digits<6, 6>;

pub(crate) const ROWS: &[&Structure] = &[
    RegWakeUpData::STRUCTURE,
    CardCInitReq::STRUCTURE,
    CardCInitResTbs::STRUCTURE,
    RegFormReqTbe::STRUCTURE,
    RegFormData::STRUCTURE,
    ReferralData::STRUCTURE,
    RegFormOrReferral::STRUCTURE,
    RegFormResTbs::STRUCTURE,
    MerchantAcquirerId::STRUCTURE,
    AcquirerId::STRUCTURE,
    IdData::STRUCTURE,
    MeAqCInitReq::STRUCTURE,
    MeAqCInitResTbs::STRUCTURE,
    CardWish::STRUCTURE,
    ExchangeKeyTbs::STRUCTURE,
    BusinessWish::STRUCTURE,
    CertSubject::STRUCTURE,
    CertReqTbs::STRUCTURE,
    CertStatusCode::STRUCTURE,
    RegCodeStart::STRUCTURE,
    CertResData::STRUCTURE,
    PhoneProof::STRUCTURE,
    CertInqReqTbs::STRUCTURE,
];

structures! {
    /// Wakes the cardholder's program up: where one registers.
    RegWakeUpData = "RegWakeUpData" 240 {
        /// The authority, by the name that people know.
        ca_name = "caName": Text<64>,
        /// Where it takes messages.
        set_url = "setURL": Url,
    }

    /// Somebody wants to register.
    CardCInitReq = "CardCInitReq" {
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier of this registration.
        lid_ee = "lid-EE": LocalId,
        /// To be given back: the answer is no older than this.
        chall_ee = "chall-EE": Random,
    }

    /// What the authority answers: to whom is encrypted.
    CardCInitResTbs = "CardCInitResTBS" 42 {
        /// The request that is answered.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier, given back.
        lid_ee = "lid-EE": LocalId,
        /// The applicant's challenge, given back.
        chall_ee = "chall-EE": Random,
        /// The authority's certificate to encrypt to, and those above it.
        cae_certificates = "caeCertificates": Chain,
    }

    /// The card for which a form is wanted, for the authority alone.
    RegFormReqTbe = "RegFormReqTBE" 76 {
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier of this registration.
        lid_ee = "lid-EE": LocalId,
        /// To be given back: the answer is no older than this.
        chall_ee2 = "chall-EE2": Random,
        /// The brand of the card.
        brand_id = "brandID": BrandId,
        /// The card's number.
        pan = "pan": SecretDigits<12, 19>,
    }

    /// What the person agrees to.
    RegFormData = "RegFormData" {
        /// What the authority asks for and promises; to be shown before anything else is sent.
        policy_text = "policyText": Text<1024>,
    }

    /// The authority does not vouch for such a card, or registers no such merchant or gateway.
    ReferralData = "ReferralData" {
        /// Why, for people.
        reason = "reason": Text<256>,
    }
}

choices! {
    /// A form, or why there is none.
    RegFormOrReferral = "RegFormOrReferral" {
        ["0"] /// The form.
        Form = "regFormData": RegFormData,
        ["1"] /// There is none here.
        Referral = "referralData": ReferralData,
    }
}

structures! {
    /// What the authority answers: the form for cards of that brand and issuer, whether this one is known or not.
    RegFormResTbs = "RegFormResTBS" 44 {
        /// The request that is answered.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier, given back.
        lid_ee = "lid-EE": LocalId,
        /// The applicant's challenge, given back.
        chall_ee2 = "chall-EE2": Random,
        /// When it was asked for: it is good for half an hour.
        date = "date": GeneralizedTime,
        /// The form.
        reg_form_or_referral = "regFormOrReferral": RegFormOrReferral,
    }

    /// A merchant, by its acquirer and by its own id.
    MerchantAcquirerId = "MerchantAcquirerID" {
        /// The acquirer.
        merchant_bin = "merchantBIN": Bin,
        /// The merchant, by its id at the gateway: its name in the certificates.
        merchant_id = "merchantID": MerchantId,
    }

    /// A gateway, by the acquirer whose payments it takes, and by its own name.
    AcquirerId = "AcquirerID" {
        /// The acquirer.
        acquirer_bin = "acquirerBIN": Bin,
        /// The gateway's name in the certificates.
        acquirer_business_id = "acquirerBusinessID": Text<64>,
    }
}

choices! {
    /// Which of both registers, and as what.
    IdData = "IDData" {
        ["0"] /// A merchant.
        Merchant = "merchantAcquirerID": MerchantAcquirerId,
        ["1"] /// A gateway.
        Gateway = "acquirerID": AcquirerId,
    }
}

structures! {
    /// A merchant or a gateway wants to register.
    MeAqCInitReq = "Me-AqCInitReq" {
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier of this registration.
        lid_ee = "lid-EE": LocalId,
        /// To be given back: the answer is no older than this.
        chall_ee = "chall-EE": Random,
        /// Which merchant or gateway it is.
        id_data = "idData": IdData,
        /// The brand whose cards it takes.
        brand_id = "brandID": BrandId,
    }

    /// What the authority answers: the form, and to whom is encrypted.
    MeAqCInitResTbs = "Me-AqCInitResTBS" 43 {
        /// The request that is answered.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier, given back.
        lid_ee = "lid-EE": LocalId,
        /// The applicant's challenge, given back.
        chall_ee = "chall-EE": Random,
        /// When it was asked for: it is good for half an hour.
        date = "date": GeneralizedTime,
        /// Which merchant or gateway the form is for.
        id_data = "idData": IdData,
        /// The form, or why there is none.
        reg_form_or_referral = "regFormOrReferral": RegFormOrReferral,
        /// The authority's certificate to encrypt to, and those above it.
        cae_certificates = "caeCertificates": Chain,
    }

    /// A card that the new key shall pay with.
    CardWish = "CardWish" {
        /// The language of the message to the phone (RFC 5646).
        language = "language": Text<35>,
        /// The form, with what the person agrees to, as the authority signed it.
        reg_form_res = "regFormRes": RegFormRes,
        /// The card, what ties it to the name in the certificate, and what proves that the code comes of the one that asked.
        pan_data = "panData": Received<PanData>,
    }

    /// What the new key that is encrypted to signs, once (as in PKCS#10): its holder has it, and is the one that signs.
    ExchangeKeyTbs = "ExchangeKeyTBS" 241 {
        /// The new key to sign with that it belongs to.
        signature_key = "signatureKey": KeyOf<Applicant>,
    }

    /// A merchant or a gateway that shall have certificates.
    BusinessWish = "BusinessWish" {
        /// The form, with which of them it is and what it agrees to, as the authority signed it.
        me_aq_c_init_res = "me-AqCInitRes": MeAqCInitRes,
        /// The new key to encrypt to; that to sign with signs the whole.
        exchange_key = "exchangeKey": Signed<ExchangeKeyTbs, Applicant>,
    }
}

choices! {
    /// What the certificates shall be for.
    CertSubject = "CertSubject" {
        ["0"] /// A card.
        Card = "card": CardWish,
        ["1"] /// A merchant or a gateway.
        Business = "business": BusinessWish,
    }
}

structures! {
    /// What the new key signs: what it shall be certified for. The key that signs is the one that is certified.
    CertReqTbs = "CertReqTBS" 46 {
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier of this registration.
        lid_ee = "lid-EE": LocalId,
        /// To be given back: the answer is no older than this.
        chall_ee3 = "chall-EE3": Random,
        /// What it shall be certified for.
        subject = "subject": CertSubject,
        /// Under which the answer is encrypted.
        ca_back_key = "caBackKey": BackKey,
    }
}

enumerations! {
    /// How a registration stands. The first numbers are SET's, those above 1000 ours.
    CertStatusCode = "CertStatusCode" {
        /// The certificate is there.
        RequestComplete = "requestComplete" 1,
        /// The authority does not vouch for cards with such a number, or it is no card's; it registers no merchant or gateway
        /// of such an acquirer.
        InvalidBin = "invalidBIN" 3,
        /// The merchant or the gateway waits for the authority's operator: ask again.
        RequestPended = "requestPended" 8,
        /// The authority's operator has refused the merchant or the gateway.
        RejectedByAcquirer = "rejectedByAquirer" 9,
        /// The form is too old: ask for another.
        RequestRejected = "requestRejected" 10,
        /// A code is on its way to the phone that is vouched for the card, if there is one.
        CodeAsked = "codeAsked" 1001,
        /// The code is not the one that was sent.
        CodeWrong = "codeWrong" 1002,
        /// The code came too late.
        CodeExpired = "codeExpired" 1003,
        /// Too many codes were wrong.
        CodeLocked = "codeLocked" 1004,
        /// The card is past its last good month.
        CardExpired = "cardExpired" 1005,
        /// So many codes were asked for with this card today that no further one is sent.
        TooManyCodes = "tooManyCodes" 1006,
        /// The key to sign with is the key to encrypt to.
        KeysEqual = "keysEqual" 1007,
        /// One of the keys is certified, or registered as something else.
        KeyUsed = "keyUsed" 1008,
        /// So many merchants and gateways wait for the operator that no further one is taken.
        TooManyPending = "tooManyPending" 1009,
    }
}

structures! {
    /// What to ask the person for. It does not say which phone, or whether there is one.
    RegCodeStart = "RegCodeStart" {
        /// How many digits the code has.
        digits = "digits": Number<6, 10>,
        /// How many codes may be typed.
        attempts_left = "attemptsLeft": Number<0, 5>,
        /// The few characters that the message to the phone shows, too (W12).
        reference = "reference": Text<8>,
        /// Until when.
        expires_at = "expiresAt": GeneralizedTime,
    }

    /// What the authority answers.
    CertResData = "CertResData" 47 {
        /// The request that is answered.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier, given back.
        lid_ee = "lid-EE": LocalId,
        /// The applicant's challenge, given back.
        chall_ee3 = "chall-EE3": Random,
        /// The wish for a certificate that is answered, as it was signed.
        h_cert_req = "hCertReq": Digest<CertReqTbs>,
        /// How it stands.
        cert_status = "certStatus": CertStatusCode,
        ["0"] /// What to ask the person for.
        code_start = "codeStart": RegCodeStart,
        ["1"] /// The certificate of the key that signed the wish, and those above it.
        certificates = "certificates": Chain,
        ["2"] /// The certificate of a merchant's or a gateway's key to encrypt to, and those above it.
        exchange_certificates = "exchangeCertificates": Chain,
    }

    /// What proves the phone.
    PhoneProof = "PhoneProof" {
        /// The card once more: the authority keeps none meanwhile.
        pan_data = "panData": Received<PanData>,
        /// As the person typed it.
        code = "code": SecretDigits<6, 10>,
    }

    /// What the new key signs when the phone is proved, or to ask whether the operator has approved by now.
    CertInqReqTbs = "CertInqReqTBS" 48 {
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier of this registration.
        lid_ee = "lid-EE": LocalId,
        /// To be given back: the answer is no older than this.
        chall_ee3 = "chall-EE3": Random,
        /// The wish for a certificate, as it was signed.
        h_cert_req = "hCertReq": Digest<CertReqTbs>,
        /// Under which the answer is encrypted.
        ca_back_key = "caBackKey": BackKey,
        ["0"] /// Of a cardholder alone.
        phone_proof = "phoneProof": PhoneProof,
    }
}
