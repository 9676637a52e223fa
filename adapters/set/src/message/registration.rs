//! Registration (F11.1): a new key of the cardholder gets its certificate, once the phone is proved that is vouched for the
//! card.

use der::asn1::GeneralizedTime;

use super::{
    common::{BrandId, Chain, LocalId, Url},
    purchase::PanData,
};
use crate::{
    asn1::{Number, Random, Received, SecretDigits, SecretOctets, Text},
    protect::{Applicant, Authority, Digest, Sealed, Signed},
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
/// The wish for a certificate as it is sent: the new key signs it (proof of possession).
pub type CertReq = Sealed<Signed<CertReqTbs, Applicant>, Authority>;
/// An answer as it is sent: under the back key of its request.
pub type CertRes = Sealed<Signed<CertResData, Authority>, Applicant>;
/// The proof of the phone as it is sent.
pub type CertInqReq = Sealed<Signed<CertInqReqTbs, Applicant>, Authority>;
/// A key under which one answer is encrypted.
pub type BackKey = SecretOctets<32>;

pub(crate) const ROWS: &[&Structure] = &[
    RegWakeUpData::STRUCTURE,
    CardCInitReq::STRUCTURE,
    CardCInitResTbs::STRUCTURE,
    RegFormReqTbe::STRUCTURE,
    RegFormData::STRUCTURE,
    ReferralData::STRUCTURE,
    RegFormOrReferral::STRUCTURE,
    RegFormResTbs::STRUCTURE,
    CertReqTbs::STRUCTURE,
    CertStatusCode::STRUCTURE,
    RegCodeStart::STRUCTURE,
    CertResData::STRUCTURE,
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

    /// The authority does not vouch for such a card.
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

    /// What the new key signs: whose card it shall pay with. The key that signs is the one that is certified.
    CertReqTbs = "CertReqTBS" 46 {
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier of this registration.
        lid_ee = "lid-EE": LocalId,
        /// To be given back: the answer is no older than this.
        chall_ee3 = "chall-EE3": Random,
        /// The language of the message to the phone (RFC 5646).
        language = "language": Text<35>,
        /// The form, with what the person agrees to, as the authority signed it.
        reg_form_res = "regFormRes": RegFormRes,
        /// The card, what ties it to the name in the certificate, and what proves that the code comes of the one that asked.
        pan_data = "panData": Received<PanData>,
        /// Under which the answer is encrypted.
        ca_back_key = "caBackKey": BackKey,
    }
}

enumerations! {
    /// How a registration stands. The first numbers are SET's, those above 1000 ours.
    CertStatusCode = "CertStatusCode" {
        /// The certificate is there.
        RequestComplete = "requestComplete" 1,
        /// The authority does not vouch for cards with such a number, or it is no card's.
        InvalidBin = "invalidBIN" 3,
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
        ["1"] /// The certificate, and those above it.
        certificates = "certificates": Chain,
    }

    /// What the new key signs when the phone is proved.
    CertInqReqTbs = "CertInqReqTBS" 48 {
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// The applicant's own identifier of this registration.
        lid_ee = "lid-EE": LocalId,
        /// To be given back: the answer is no older than this.
        chall_ee3 = "chall-EE3": Random,
        /// The wish for a certificate, as it was signed.
        h_cert_req = "hCertReq": Digest<CertReqTbs>,
        /// The card once more: the authority keeps none meanwhile.
        pan_data = "panData": Received<PanData>,
        /// As the person typed it.
        code = "code": SecretDigits<6, 10>,
        /// Under which the answer is encrypted.
        ca_back_key = "caBackKey": BackKey,
    }
}
