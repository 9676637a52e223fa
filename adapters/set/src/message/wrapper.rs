//! What is around every message: version, time, names.

use der::asn1::GeneralizedTime;

use super::{
    authorization::{AuthReq, AuthRes},
    batch::{BatchAdminReq, BatchAdminRes},
    certificates::{PCertReq, PCertRes},
    code::{CodeDirectReq, CodeDirectRes, CodeForwardReq, CodeReq, CodeRes},
    common::Software,
    failure::ErrorMessage,
    initiation::{PInitReq, PInitRes},
    inquiry::InqReq,
    purchase::{PReq, PRes},
    registration::{
        CardCInitReq, CardCInitRes, CertInqReq, CertReq, CertRes, MeAqCInitReq, MeAqCInitRes,
        RegFormReq, RegFormRes,
    },
    settlement::{
        AuthRevReqTbs, AuthRevResTbs, CapReqTbs, CapResTbs, CapRevReqTbs, CapRevResTbs, CredReqTbs,
        CredResTbs, CredRevReqTbs, CredRevResTbs,
    },
};
use crate::{
    asn1::{Number, Random},
    protect::{Gateway, Merchant, Sealed, Signed},
    table::{Row, Structure, choices, structures},
};

pub(crate) const ROWS: &[&Structure] =
    &[MessageHeader::STRUCTURE, Message::STRUCTURE, MessageWrapper::STRUCTURE];

structures! {
    /// What is known of a message before it is opened. Nothing is decided by it alone.
    MessageHeader = "MessageHeader" {
        /// The version of the protocol: 1.
        version = "version": Number<0, 999>,
        /// The revision of the version: 0.
        revision = "revision": Number<0, 999>,
        /// When the message was made.
        date = "date": GeneralizedTime,
        /// Which program made it.
        sw_ident = "swIdent": Software,
        /// The request and its answer.
        rrpid = "rrpid": Random,
        ["0"] /// The purchase, once it has a name.
        xid = "xid": Random,
    }
}

impl MessageHeader {
    /// Whether it names this request and, where it names a purchase, this one.
    pub(crate) fn names(&self, rrpid: &Random, xid: Option<&Random>) -> bool {
        self.rrpid == *rrpid && self.xid.as_ref().is_none_or(|named| Some(named) == xid)
    }
}

choices! {
    /// The messages. The first numbers are SET's; those from 40 are ours.
    #[expect(clippy::large_enum_variant, reason = "there is one at a time")]
    Message = "Message" {
        ["0"] /// The cardholder wants to buy.
        PInitReq = "pInitReq": PInitReq,
        ["1"] /// The merchant names purchase and gateway.
        PInitRes = "pInitRes": PInitRes,
        ["2"] /// The cardholder buys.
        PReq = "pReq": PReq,
        ["3"] /// The merchant answers.
        PRes = "pRes": PRes,
        ["4"] /// The cardholder asks how it stands.
        InqReq = "inqReq": InqReq,
        ["5"] /// The merchant answers.
        InqRes = "inqRes": PRes,
        ["6"] /// The merchant wants an authorization.
        AuthReq = "authReq": AuthReq,
        ["7"] /// The gateway answers.
        AuthRes = "authRes": AuthRes,
        ["8"] /// The merchant releases what is held.
        AuthRevReq = "authRevReq": Sealed<Signed<AuthRevReqTbs, Merchant>, Gateway>,
        ["9"] /// The gateway answers.
        AuthRevRes = "authRevRes": Sealed<Signed<AuthRevResTbs, Gateway>, Merchant>,
        ["10"] /// The merchant debits what is held, or a part of it.
        CapReq = "capReq": Sealed<Signed<CapReqTbs, Merchant>, Gateway>,
        ["11"] /// The gateway answers.
        CapRes = "capRes": Sealed<Signed<CapResTbs, Gateway>, Merchant>,
        ["12"] /// The merchant gives back all that was debited.
        CapRevReq = "capRevReq": Sealed<Signed<CapRevReqTbs, Merchant>, Gateway>,
        ["13"] /// The gateway answers.
        CapRevRes = "capRevRes": Sealed<Signed<CapRevResTbs, Gateway>, Merchant>,
        ["14"] /// The merchant gives some of it back.
        CredReq = "credReq": Sealed<Signed<CredReqTbs, Merchant>, Gateway>,
        ["15"] /// The gateway answers.
        CredRes = "credRes": Sealed<Signed<CredResTbs, Gateway>, Merchant>,
        ["16"] /// The merchant has a credit undone.
        CredRevReq = "credRevReq": Sealed<Signed<CredRevReqTbs, Merchant>, Gateway>,
        ["17"] /// The gateway answers.
        CredRevRes = "credRevRes": Sealed<Signed<CredRevResTbs, Gateway>, Merchant>,
        ["18"] /// The merchant asks for the gateway's certificates.
        PCertReq = "pCertReq": PCertReq,
        ["19"] /// The gateway answers.
        PCertRes = "pCertRes": PCertRes,
        ["20"] /// The merchant opens or closes a batch, or asks how it stands.
        BatchAdminReq = "batchAdminReq": BatchAdminReq,
        ["21"] /// The gateway answers.
        BatchAdminRes = "batchAdminRes": BatchAdminRes,
        ["22"] /// Somebody wants to register.
        CardCInitReq = "cardCInitReq": CardCInitReq,
        ["23"] /// The authority says who it is.
        CardCInitRes = "cardCInitRes": CardCInitRes,
        ["24"] /// A merchant or a gateway wants to register.
        MeAqCInitReq = "me-AqCInitReq": MeAqCInitReq,
        ["25"] /// The authority says who it is, and gives the form.
        MeAqCInitRes = "me-AqCInitRes": MeAqCInitRes,
        ["26"] /// The applicant asks for the form of a card.
        RegFormReq = "regFormReq": RegFormReq,
        ["27"] /// The authority gives it, or says who does.
        RegFormRes = "regFormRes": RegFormRes,
        ["28"] /// The applicant asks for a certificate.
        CertReq = "certReq": CertReq,
        ["29"] /// The authority answers.
        CertRes = "certRes": CertRes,
        ["30"] /// The applicant proves the phone, or asks again.
        CertInqReq = "certInqReq": CertInqReq,
        ["31"] /// The authority answers.
        CertInqRes = "certInqRes": CertRes,
        ["40"] /// The merchant hands a code on, or asks how it stands.
        CodeReq = "codeReq": CodeReq,
        ["41"] /// The gateway answers.
        CodeRes = "codeRes": CodeRes,
        ["42"] /// The cardholder types a code, through the merchant.
        CodeForwardReq = "codeForwardReq": CodeForwardReq,
        ["43"] /// The merchant answers.
        CodeForwardRes = "codeForwardRes": PRes,
        ["44"] /// The cardholder types a code, straight to the gateway.
        CodeDirectReq = "codeDirectReq": CodeDirectReq,
        ["45"] /// The gateway answers.
        CodeDirectRes = "codeDirectRes": CodeDirectRes,
        ["999"] /// The message cannot be processed.
        Error = "error": ErrorMessage,
    }
}

structures! {
    /// A message as it goes over HTTP.
    MessageWrapper = "MessageWrapper" {
        /// What is known before it is opened.
        header = "messageHeader": MessageHeader,
        /// One of those above.
        message = "message": Message,
    }
}
