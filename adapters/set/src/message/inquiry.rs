//! How a purchase stands, asked by the cardholder at any time; answered as a purchase is.

use super::common::TransIds;
use crate::{
    asn1::Random,
    protect::{Cardholder, Signed},
    table::{Row, Structure, choices, structures},
};

pub(crate) const ROWS: &[&Structure] = &[InqReqData::STRUCTURE, InqReq::STRUCTURE];

structures! {
    /// The question.
    InqReqData = "InqReqData" 208 {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// To be given back: the answer is no older than this.
        chall_c2 = "chall-C2": Random,
    }
}

choices! {
    /// Signed if the purchase was, by the same certificate.
    InqReq = "InqReq" {
        ["0"] /// Of a purchase with a client certificate.
        Signed = "inqReqSigned": Signed<InqReqData, Cardholder>,
        ["1"] /// Of one without.
        Unsigned = "inqReqUnsigned": InqReqData,
    }
}
