//! After the authorization, between merchant and gateway: reversal, capture, its reversal, credit, its reversal. Each has its
//! own types, so that a request to give back can never be presented as one to debit.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    authorization::AuthTags,
    batch::BatchItem,
    common::{Chain, CurrencyAmount, RrTags, TransIds},
    wrapper::Message,
};
use crate::{
    protect::{Digest, Gateway, Merchant, Sealed, Signed},
    table::{Content, Row, Structure, enumerations, structures},
};

pub(crate) const ROWS: &[&Structure] = &[
    SettlementCode::STRUCTURE,
    Settled::STRUCTURE,
    AuthRevReqTbs::STRUCTURE,
    AuthRevResTbs::STRUCTURE,
    CapReqTbs::STRUCTURE,
    CapResTbs::STRUCTURE,
    CapRevReqTbs::STRUCTURE,
    CapRevResTbs::STRUCTURE,
    CredReqTbs::STRUCTURE,
    CredResTbs::STRUCTURE,
    CredRevReqTbs::STRUCTURE,
    CredRevResTbs::STRUCTURE,
];

enumerations! {
    /// What the gateway says to a reversal, a capture or a credit.
    SettlementCode = "SettlementCode" {
        /// It is done.
        Success = "success" 0,
        /// It is not done, for a reason without a code of its own.
        UnspecifiedFailure = "unspecifiedFailure" 1,
        /// The purchase is not in a state for it: not authorized, captured already, not captured, too long ago.
        NotNow = "notNow" 2,
        /// It is more than is held, or than was captured and not given back, or no credit is of it, or the batch is of
        /// another currency.
        AmountError = "amountError" 3,
        /// The bank refused.
        Declined = "declined" 4,
        /// The bank has not answered, and is told again; ask again.
        UnderWay = "underWay" 5,
        /// It is to be counted in a batch that is not there.
        BatchUnknown = "batchUnknown" 8,
        /// It is to be counted in a batch that is closed.
        BatchClosed = "batchClosed" 9,
        /// Its number in the batch is another item's.
        SequenceNumUsed = "sequenceNumUsed" 1001,
    }
}

structures! {
    /// What became of a reversal, a capture or a credit, and how the purchase stands after it.
    Settled = "Settled" {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// What was asked for.
        req_amt = "reqAmt": CurrencyAmount,
        /// What the gateway says.
        code = "code": SettlementCode,
        ["0"] /// What is debited in all.
        captured_amt = "capturedAmt": CurrencyAmount,
        ["1"] /// What of it was given back in all.
        credited_amt = "creditedAmt": CurrencyAmount,
    }
}

/// A request of a merchant about an authorization, and its result.
pub trait Settlement: Content {
    /// What answers it.
    type Result: Content;

    /// What it is.
    const OPERATION: SettlementKind;

    /// A request.
    fn new(auth_tags: AuthTags, req_amt: CurrencyAmount, me_certificates: Chain) -> Self;

    /// The same, counted in a batch, where that is possible.
    #[must_use]
    fn counted(self, _: BatchItem) -> Self {
        self
    }

    /// Where it is counted.
    fn item(&self) -> Option<&BatchItem> {
        None
    }

    /// Request and purchase, the amount, and the certificate to encrypt the answer to.
    fn parts(&self) -> (&AuthTags, &CurrencyAmount, &Chain);

    /// The result of the request of that digest.
    fn result(rr_tags: RrTags, request: Digest<Self>, settled: Settled) -> Self::Result;

    /// The request that a result is of, its digest, and what became of it.
    fn result_parts(result: &Self::Result) -> (&RrTags, &[u8; 32], &Settled);

    /// The request as a message.
    fn request_message(request: Sealed<Signed<Self, Merchant>, Gateway>) -> Message;

    /// The result as a message.
    fn result_message(result: Sealed<Signed<Self::Result, Gateway>, Merchant>) -> Message;

    /// The result in a message, if it is one.
    fn result_in(message: Message) -> Option<Sealed<Signed<Self::Result, Gateway>, Merchant>>;
}

/// What is done with an authorization.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettlementKind {
    /// What the bank holds is released.
    AuthReversal,
    /// All of it or a part is debited, and the rest released.
    Capture,
    /// All that was debited is given back.
    CaptureReversal,
    /// Some of what was debited is given back.
    Credit,
    /// What was given back by one credit is debited again.
    CreditReversal,
}

/// Makes the pairs: a request and its result.
macro_rules! settlements {
    ($(
        $(#[doc = $doc:literal])+ $request:ident = $request_asn1:literal $request_number:literal $(in $item:ident)?,
        $(#[doc = $result_doc:literal])+ $result:ident = $result_asn1:literal $result_number:literal,
        $digest:ident $digest_asn1:literal, $req_message:ident, $res_message:ident, $kind:ident;
    )+) => {
        structures! {
            $(
                $(#[doc = $doc])+
                $request = $request_asn1 $request_number {
                    /// Request and purchase.
                    auth_tags = "authTags": AuthTags,
                    /// What is to be released, debited, given back or debited again.
                    req_amt = "reqAmt": CurrencyAmount,
                    /// The merchant's certificate to encrypt the answer to, and those above it.
                    me_certificates = "meCertificates": Chain,
                    $(["0"] /// In which batch it is counted, and as which item.
                    $item = "batchItem": BatchItem,)?
                }

                $(#[doc = $result_doc])+
                $result = $result_asn1 $result_number {
                    /// The request, and whose it was.
                    rr_tags = "rrTags": RrTags,
                    /// The request that is answered, as it was signed.
                    $digest = $digest_asn1: Digest<$request>,
                    /// What became of it.
                    settled = "settled": Settled,
                }
            )+
        }

        $(
            impl Settlement for $request {
                type Result = $result;

                const OPERATION: SettlementKind = SettlementKind::$kind;

                fn new(auth_tags: AuthTags, req_amt: CurrencyAmount, me_certificates: Chain) -> Self {
                    Self { auth_tags, req_amt, me_certificates, $($item: None)? }
                }

                $(
                    fn counted(self, item: BatchItem) -> Self {
                        Self { $item: Some(item), ..self }
                    }

                    fn item(&self) -> Option<&BatchItem> {
                        self.$item.as_ref()
                    }
                )?

                fn parts(&self) -> (&AuthTags, &CurrencyAmount, &Chain) {
                    (&self.auth_tags, &self.req_amt, &self.me_certificates)
                }

                fn result(rr_tags: RrTags, request: Digest<Self>, settled: Settled) -> $result {
                    $result { rr_tags, $digest: request, settled }
                }

                fn result_parts(result: &$result) -> (&RrTags, &[u8; 32], &Settled) {
                    (&result.rr_tags, result.$digest.as_bytes(), &result.settled)
                }

                fn request_message(request: Sealed<Signed<Self, Merchant>, Gateway>) -> Message {
                    Message::$req_message(request)
                }

                fn result_message(result: Sealed<Signed<$result, Gateway>, Merchant>) -> Message {
                    Message::$res_message(result)
                }

                fn result_in(message: Message) -> Option<Sealed<Signed<$result, Gateway>, Merchant>> {
                    match message {
                        Message::$res_message(result) => Some(result),
                        _ => None,
                    }
                }
            }
        )+
    };
}

settlements! {
    /// What is held is to be released.
    AuthRevReqTbs = "AuthRevReqTBS" 23,
    /// What became of it.
    AuthRevResTbs = "AuthRevResTBS" 25,
    h_auth_rev_req "hAuthRevReq", AuthRevReq, AuthRevRes, AuthReversal;

    /// What is held, or a part of it, is to be debited.
    CapReqTbs = "CapReqTBS" 26 in batch_item,
    /// What became of it.
    CapResTbs = "CapResTBS" 28,
    h_cap_req "hCapReq", CapReq, CapRes, Capture;

    /// All that was debited is to be given back.
    CapRevReqTbs = "CapRevReqTBS" 29 in batch_item,
    /// What became of it.
    CapRevResTbs = "CapRevResTBS" 31,
    h_cap_rev_req "hCapRevReq", CapRevReq, CapRevRes, CaptureReversal;

    /// Some of what was debited is to be given back.
    CredReqTbs = "CredReqTBS" 32 in batch_item,
    /// What became of it.
    CredResTbs = "CredResTBS" 34,
    h_cred_req "hCredReq", CredReq, CredRes, Credit;

    /// What one credit gave back is to be debited again: the latest of that amount.
    CredRevReqTbs = "CredRevReqTBS" 35 in batch_item,
    /// What became of it.
    CredRevResTbs = "CredRevResTBS" 37,
    h_cred_rev_req "hCredRevReq", CredRevReq, CredRevRes, CreditReversal;
}
