//! To what is to be encrypted from now on, told to the merchants that the gateway works for.

use countersign_certs::{Certificate, EndEntityKind};
use countersign_domain::{id::RelyingPartyId, record::Batch};

use super::{PaymentGateway, envelope::request_id};
use crate::{
    asn1::Received,
    message::{
        certificates::{PCertReq, PCertReqData, PCertResTbs},
        failure::ErrorCode,
        wrapper::{Message, MessageHeader},
    },
    name::unix_time,
    protect::{Digest, Signed},
    stop::Stop,
    trust::{to_chain, verify_chain},
    wire::wrap,
};

impl PaymentGateway {
    /// Tells a merchant the certificate to encrypt to.
    pub(super) async fn certificates(
        &self,
        header: &MessageHeader,
        request: &PCertReq,
    ) -> Result<Vec<u8>, Stop> {
        let asking = self.asking_merchant(header, request);
        let (data, merchant) = asking.ok_or(Stop::Told(ErrorCode::SignatureFailure))?;
        let (asked, now) = (Digest::of(&data)?, self.ports.clock.now());
        let answer = || async {
            let mut chain = vec![self.current_exchange()?];
            chain.extend(&self.keys.exchange_above);
            let tbs = Received::new(PCertResTbs {
                rr_tags: data.rr_tags.clone(),
                h_p_cert_req: asked.clone(),
                pe_certificates: to_chain(chain)?,
            })?;
            let signed = Signed::sign(&tbs, &self.signer(), unix_time(now))?;
            let message = wrap(Message::PCertRes(signed), &header.rrpid, None, now)?;
            Ok((Batch::default(), message))
        };
        self.keep_with(&request_id(&merchant, &header.rrpid), asked.as_bytes(), answer).await
    }

    /// A request and the merchant of ours that has signed it, if it is authentic. For which gateway's key it is, is not looked
    /// at: that may be one that this gateway does not have any more.
    fn asking_merchant(
        &self,
        header: &MessageHeader,
        request: &PCertReq,
    ) -> Option<(Received<PCertReqData>, RelyingPartyId)> {
        let now = unix_time(self.ports.clock.now());
        let (data, signer) = request.verify(&self.trust.anchors(), now).ok()?;
        let merchant = data.rr_tags.merchant_id.as_str();
        if signer.common_name() != Some(merchant) || !header.names(&data.rr_tags.rrpid, None) {
            return None;
        }
        let merchant = RelyingPartyId::try_from(merchant).ok()?;
        self.settings.merchants.contains_key(&merchant).then_some((data, merchant))
    }

    /// The first of the certificates that is good now; the first of all when none is.
    fn current_exchange(&self) -> Result<&Certificate, Stop> {
        let (anchors, now) = (self.trust.anchors(), unix_time(self.ports.clock.now()));
        let is_good = |certificate: &&Certificate| {
            let chain = std::iter::once(*certificate).chain(&self.keys.exchange_above);
            let role = EndEntityKind::GatewayKeyExchange;
            to_chain(chain).is_ok_and(|chain| verify_chain(&anchors, &chain, now, role).is_ok())
        };
        let mut all = self.keys.exchange.iter();
        let found = all.find(is_good).or_else(|| self.keys.exchange.first());
        found.ok_or(Stop::Told(ErrorCode::UnspecifiedFailure))
    }
}
