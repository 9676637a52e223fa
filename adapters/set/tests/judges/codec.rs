//! Every structure's own codec, by the structure's name.

use countersign_set::{
    message::{
        authorization::{
            Answer, AuthReq, AuthReqData, AuthReqPayload, AuthReqTbs, AuthResTbs, AuthTags,
            CheckDigests,
        },
        batch::{
            BatchAdminReqData, BatchAdminResData, BatchItem, BatchStatus, BatchTotals,
            ReturnTransactionDetail, TransDetails, TransactionDetail,
        },
        certificates::{PCertReqData, PCertResTbs},
        code::{
            CodeDirectReq, CodeDirectResData, CodeForwardReq, CodeReqTbs, CodeResTbs,
            CodeStartData, CodeSubmissionTbe,
        },
        common::{AccountName, CurrencyAmount, RrTags, TransIds},
        failure::{ErrorMessage, ErrorTbs},
        initiation::{PInitReq, PInitResData, PWakeUp, PWakeUpData},
        inquiry::{InqReq, InqReqData},
        purchase::{
            HodInput, Hpi, Inputs, OiData, OiDualSigned, OiUnsigned, PReq, PReqDualSigned,
            PReqUnsigned, PResData, PanData, PanToken, Pi, PiData, PiDataUnsigned, PiDualSigned,
            PiDualSignedTbe, PiHead, PiTbs, PiUnsigned, PiUnsignedTbe, PurchaseName, ReceiptData,
        },
        registration::{
            AcquirerId, BusinessWish, CardCInitReq, CardCInitResTbs, CardWish, CertInqReqTbs,
            CertReqTbs, CertResData, CertSubject, ExchangeKeyTbs, IdData, MeAqCInitReq,
            MeAqCInitResTbs, MerchantAcquirerId, PhoneProof, ReferralData, RegCodeStart,
            RegFormData, RegFormOrReferral, RegFormReqTbe, RegFormResTbs, RegWakeUpData,
        },
        settlement::{
            AuthRevReqTbs, AuthRevResTbs, CapReqTbs, CapResTbs, CapRevReqTbs, CapRevResTbs,
            CredReqTbs, CredResTbs, CredRevReqTbs, CredRevResTbs, Settled,
        },
        wrapper::{Message, MessageHeader, MessageWrapper},
    },
    protect::{Cardholder, Signature},
    table::Row,
};
use der::{Decode, Encode};

type Codec = fn(&[u8]) -> der::Result<Vec<u8>>;

fn again<T: Encode + for<'a> Decode<'a, Error = der::Error>>(der: &[u8]) -> der::Result<Vec<u8>> {
    T::from_der(der)?.to_der()
}

macro_rules! codecs {
    ($($type:ty),+ $(,)?) => {{
        let codecs: &[(&'static str, Codec)] = &[$((<$type>::STRUCTURE.name, again::<$type>)),+];
        codecs.to_vec()
    }};
}

/// The structures of a purchase, and of every message.
fn of_purchase() -> Vec<(&'static str, Codec)> {
    codecs![
        CurrencyAmount,
        TransIds,
        AccountName,
        RrTags,
        PWakeUpData,
        PInitReq,
        PInitResData,
        HodInput,
        OiData,
        Inputs,
        PiHead,
        PanData,
        PanToken,
        PiData,
        PiDataUnsigned,
        Hpi,
        PiTbs,
        PiDualSignedTbe,
        PiUnsignedTbe,
        PiDualSigned,
        OiDualSigned,
        PReqDualSigned,
        OiUnsigned,
        PReqUnsigned,
        PReq,
        Pi,
        PResData,
        ReceiptData,
        PurchaseName,
        AuthTags,
        CheckDigests,
        AuthReqPayload,
        AuthReqData,
        AuthReqTbs,
        AuthReq,
        Answer,
        AuthResTbs,
        CodeStartData,
        CodeSubmissionTbe,
        CodeForwardReq,
        CodeReqTbs,
        CodeResTbs,
        CodeDirectReq,
        CodeDirectResData,
        InqReqData,
        InqReq,
        ErrorTbs,
        ErrorMessage,
        MessageHeader,
        Message,
        MessageWrapper,
    ]
}

/// Those of what comes after it.
fn of_settlement() -> Vec<(&'static str, Codec)> {
    codecs![
        Settled,
        AuthRevReqTbs,
        AuthRevResTbs,
        CapReqTbs,
        CapResTbs,
        CapRevReqTbs,
        CapRevResTbs,
        CredReqTbs,
        CredResTbs,
        CredRevReqTbs,
        CredRevResTbs,
        BatchItem,
        BatchTotals,
        ReturnTransactionDetail,
        BatchAdminReqData,
        BatchStatus,
        TransactionDetail,
        TransDetails,
        BatchAdminResData,
        PCertReqData,
        PCertResTbs,
    ]
}

fn of_registration() -> Vec<(&'static str, Codec)> {
    codecs![
        RegWakeUpData,
        CardCInitReq,
        CardCInitResTbs,
        RegFormReqTbe,
        RegFormData,
        ReferralData,
        RegFormOrReferral,
        RegFormResTbs,
        MerchantAcquirerId,
        AcquirerId,
        IdData,
        MeAqCInitReq,
        MeAqCInitResTbs,
        CardWish,
        ExchangeKeyTbs,
        BusinessWish,
        CertSubject,
        CertReqTbs,
        RegCodeStart,
        CertResData,
        PhoneProof,
        CertInqReqTbs,
    ]
}

/// What is written again after it was read as the structure of that name.
pub(crate) fn written_again(name: &str, der: &[u8]) -> der::Result<Vec<u8>> {
    // Of what is signed and encrypted the codec asks that it is one element; the rest is asked when it is opened.
    let cms: [(&str, Codec); 3] = [
        ("Signed", again::<PWakeUp>),
        ("Signature", again::<Signature<PiTbs, Cardholder>>),
        ("Sealed", again::<PiUnsigned>),
    ];
    let codecs = [of_purchase(), of_settlement(), of_registration()].concat();
    let (_, codec) = codecs.iter().chain(&cms).find(|(of, _)| *of == name).expect(name);
    codec(der)
}
