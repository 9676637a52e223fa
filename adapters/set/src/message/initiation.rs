//! Before the purchase: the merchant offers, the cardholder answers, the purchase gets its name.

use der::asn1::GeneralizedTime;

use super::common::{
    BrandId, Chain, CurrencyAmount, LocalId, MerchantId, OrderText, TransIds, Url,
};
use crate::{
    asn1::{Random, Text},
    protect::{Merchant, Signed},
    table::{Row, Structure, structures},
};

/// The wake-up as it is sent.
pub type PWakeUp = Signed<PWakeUpData, Merchant>;
/// The answer to a `PInitReq` as it is sent.
pub type PInitRes = Signed<PInitResData, Merchant>;

pub(crate) const ROWS: &[&Structure] =
    &[PWakeUpData::STRUCTURE, PInitReq::STRUCTURE, PInitResData::STRUCTURE];

structures! {
    /// Wakes the cardholder's program up: what is offered, by whom, for how much (F11.8). SET leaves it to the web; here it
    /// is signed.
    PWakeUpData = "PWakeUpData" 200 {
        /// The merchant's own identifier: its order.
        lid_m = "lid-M": LocalId,
        /// The goods in words: what is hashed into the order, and shown.
        order_description = "orderDescription": OrderText,
        /// What is to be paid.
        purch_amt = "purchAmt": CurrencyAmount,
        /// The merchant, by its id at the gateway.
        merchant_id = "merchantID": MerchantId,
        /// The merchant, by the name that people know.
        merchant_name = "merchantName": Text<40>,
        /// Where the payment's messages are taken.
        set_url = "setURL": Url,
        /// When the offer was made.
        date = "date": GeneralizedTime,
    }

    /// The cardholder wants to buy (F11.8).
    PInitReq = "PInitReq" {
        /// This request and its answer.
        rrpid = "rrpid": Random,
        /// The cardholder's language (RFC 5646).
        language = "language": Text<35>,
        /// The cardholder's own identifier.
        lid_c = "lid-C": LocalId,
        /// The merchant's order, from the wake-up.
        lid_m = "lid-M": LocalId,
        /// To be given back: the answer is no older than this.
        chall_c = "chall-C": Random,
        /// The brand of the card, by which the merchant chooses a gateway.
        brand_id = "brandID": BrandId,
    }

    /// What the merchant answers: the purchase's name, and the gateway (F11.2, F11.8).
    PInitResData = "PInitResData" 12 {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// The request that is answered.
        rrpid = "rrpid": Random,
        /// The cardholder's challenge, given back.
        chall_c = "chall-C": Random,
        /// To be given back in the purchase: it is no older than this.
        chall_m = "chall-M": Random,
        /// The merchant, by its id at the gateway.
        merchant_id = "merchantID": MerchantId,
        /// Where the gateway takes a code without the merchant in between.
        gateway_url = "gatewayURL": Url,
        /// The gateway's certificate to encrypt to (SET's `Cert-PE`), and those above it.
        pe_certificates = "peCertificates": Chain,
    }
}
