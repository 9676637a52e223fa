//! The merchant's checks of a purchase (SET book 2, the merchant's checks on PReq), in their order, each with its answer.

use countersign_domain::record::Versioned;

use super::MerchantServer;
use crate::{
    asn1::Received,
    message::{
        common::{CurrencyAmount, OrderText},
        failure::ErrorCode,
        purchase::{CompletionCode, HodInput, Hpi, OiData, PReq, Pi, PiTbs},
        wrapper::MessageHeader,
    },
    name::unix_time,
    protect::Digest,
    record::{Order, Sale},
    stop::Stop,
};

/// A purchase that is what was offered.
pub(super) struct Ordered {
    pub(super) sale: Versioned<Sale>,
    pub(super) order: Order,
    pub(super) pi: Received<Pi>,
    pub(super) h_oi_data: Digest<OiData>,
    pub(super) hod: Digest<HodInput>,
    pub(super) signer: Option<[u8; 32]>,
}

impl PReq {
    /// The order in it.
    pub fn oi_data(&self) -> &Received<OiData> {
        match self {
            Self::DualSigned(request) => &request.oi_dual_signed.oi_data,
            Self::Unsigned(request) => &request.oi_unsigned.oi_data,
        }
    }
}

impl MerchantServer {
    /// Checks a purchase. The inner error is the answer to the cardholder.
    pub(super) async fn ordered(
        &self,
        request: &PReq,
        header: &MessageHeader,
    ) -> Result<Result<Ordered, CompletionCode>, Stop> {
        let oi_data = request.oi_data();
        if !header.names(&oi_data.rrpid, Some(&oi_data.trans_ids.xid)) {
            return Err(Stop::Told(ErrorCode::WrapperMsgMismatch));
        }
        let h_oi_data = Digest::of(oi_data)?;
        let (pi, signer) = match request {
            PReq::DualSigned(request) => {
                let pi = &request.pi_dual_signed;
                let signed = Received::new(PiTbs {
                    hpi: Hpi::Signed(request.oi_dual_signed.h_pi_data.clone()),
                    h_oi_data: h_oi_data.clone(),
                    gateway: oi_data.gateway.clone(),
                })?;
                let (anchors, now) = (self.trust.anchors(), unix_time(self.ports.clock.now()));
                let signer = pi.pi_signature.verify(&signed, &anchors, now);
                let not_authentic = |_| Stop::Told(ErrorCode::SignatureFailure);
                let signer = *signer.map_err(not_authentic)?.key_sha256();
                (Pi::DualSigned(pi.clone()), Some(signer))
            }
            PReq::Unsigned(_) if !self.settings.unsigned => {
                return Ok(Err(CompletionCode::SignatureRequired));
            }
            PReq::Unsigned(request) => (Pi::Unsigned(request.pi_unsigned.clone()), None),
        };
        let sale = self.sale(&oi_data.trans_ids).await?;
        if oi_data.chall_m.as_bytes() != sale.value.chall_m.0 {
            return Err(Stop::Told(ErrorCode::ChallengeMismatch));
        }
        let order = self.ports.store.expect::<Order>(sale.value.order.as_str()).await?;
        let order = order.value;
        let hod_input = Received::new(HodInput {
            od: OrderText::try_from(order.description.as_str())?,
            purch_amt: CurrencyAmount::try_from(order.amount)?,
            od_salt: oi_data.od_salt.clone(),
        })?;
        let hod = Digest::of(&hod_input)?;
        let fits = [
            oi_data.hod == hod,
            oi_data.brand_id.as_str() == sale.value.brand,
            // W2: the gateway that the cardholder encrypted to is the one that was named.
            self.names(&oi_data.gateway),
        ];
        if !fits.into_iter().all(|fits| fits) {
            return Ok(Err(CompletionCode::OrderRejected));
        }
        Ok(Ok(Ordered { sale, order, pi: Received::new(pi)?, h_oi_data, hod, signer }))
    }
}
