//! The gateway's certificates to encrypt to, asked for by a merchant. Neither message is encrypted: the merchant may have no
//! certificate that the gateway can still read, and there is nothing to hide.

use super::common::{Chain, RrTags};
use crate::{
    protect::{Digest, Gateway, Merchant, Signed},
    table::{Row, Structure, structures},
};

/// The question as it is sent.
pub type PCertReq = Signed<PCertReqData, Merchant>;
/// The answer as it is sent.
pub type PCertRes = Signed<PCertResTbs, Gateway>;

pub(crate) const ROWS: &[&Structure] = &[PCertReqData::STRUCTURE, PCertResTbs::STRUCTURE];

structures! {
    /// Which certificate is to be encrypted to from now on.
    PCertReqData = "PCertReqData" 38 {
        /// The request. The gateway's key in it is the one that the merchant knows, which may be an earlier one.
        rr_tags = "pCertRRTags": RrTags,
    }

    /// This one.
    PCertResTbs = "PCertResTBS" 39 {
        /// The request, and whose it was.
        rr_tags = "pCertRRTags": RrTags,
        /// The request that is answered, as it was signed.
        h_p_cert_req = "hPCertReq": Digest<PCertReqData>,
        /// The gateway's certificate to encrypt to, and those above it.
        pe_certificates = "peCertificates": Chain,
    }
}
