//! SET's structures, each by its own decoder: what is read is written the same.
#![no_main]

use countersign_set::message::{
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
        CodeDirectReq, CodeDirectResData, CodeForwardReq, CodeReqTbs, CodeResTbs, CodeStartData,
        CodeSubmissionTbe,
    },
    common::{AccountName, CurrencyAmount, RrTags, TransIds},
    failure::{ErrorMessage, ErrorTbs},
    initiation::{PInitReq, PInitResData, PWakeUpData},
    inquiry::{InqReq, InqReqData},
    purchase::{
        HodInput, Hpi, Inputs, OiData, OiDualSigned, OiUnsigned, PReq, PReqDualSigned,
        PReqUnsigned, PResData, PanData, PanToken, Pi, PiData, PiDataUnsigned, PiDualSigned,
        PiDualSignedTbe, PiHead, PiTbs, PiUnsignedTbe, PurchaseName, ReceiptData,
    },
    registration::{
        CardCInitResTbs, CertInqReqTbs, CertReqTbs, CertResData, ExchangeKeyTbs, MeAqCInitReq,
        MeAqCInitResTbs, RegFormReqTbe, RegFormResTbs, RegWakeUpData,
    },
    settlement::{
        AuthRevReqTbs, AuthRevResTbs, CapReqTbs, CapResTbs, CapRevReqTbs, CapRevResTbs, CredReqTbs,
        CredResTbs, CredRevReqTbs, CredRevResTbs, Settled,
    },
    wrapper::{Message, MessageHeader, MessageWrapper},
};
use der::{Decode, Encode};

fn read<T: Encode + for<'a> Decode<'a, Error = der::Error>>(der: &[u8]) {
    if let Ok(read) = T::from_der(der) {
        assert_eq!(read.to_der().expect("what was read can be written"), der);
    }
}

macro_rules! decoders {
    ($($type:ty),+ $(,)?) => { [$(read::<$type>),+] };
}

/// A seed's first byte is the place of its decoder.
const DECODERS: &[fn(&[u8])] = &decoders![
    MessageWrapper,
    AuthReqTbs,
    AuthResTbs,
    PInitResData,
    PResData,
    ReceiptData,
    OiData,
    PiDualSignedTbe,
    PiUnsignedTbe,
    CodeReqTbs,
    CodeResTbs,
    CodeStartData,
    CodeSubmissionTbe,
    CodeDirectResData,
    PWakeUpData,
    InqReqData,
    ErrorTbs,
    PiTbs,
    HodInput,
    PurchaseName,
    AccountName,
    Pi,
    CurrencyAmount,
    TransIds,
    RrTags,
    PInitReq,
    Inputs,
    PiHead,
    PanData,
    PanToken,
    PiData,
    PiDataUnsigned,
    Hpi,
    PiDualSigned,
    OiDualSigned,
    PReqDualSigned,
    OiUnsigned,
    PReqUnsigned,
    PReq,
    AuthTags,
    CheckDigests,
    AuthReqPayload,
    AuthReqData,
    AuthReq,
    Answer,
    CodeForwardReq,
    CodeDirectReq,
    InqReq,
    ErrorMessage,
    MessageHeader,
    Message,
    RegWakeUpData,
    CardCInitResTbs,
    RegFormReqTbe,
    RegFormResTbs,
    CertReqTbs,
    CertResData,
    CertInqReqTbs,
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
    MeAqCInitReq,
    MeAqCInitResTbs,
    ExchangeKeyTbs,
];

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (which, der) = input;
    DECODERS[usize::from(which) % DECODERS.len()](der);
});
