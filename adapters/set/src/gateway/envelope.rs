//! Whether a merchant's message is authentic. Whatever is not so is answered alike and after the same time: neither what
//! decrypts nor what verifies can be told by asking.

use std::{thread, time::Duration};

use countersign_certs::{EndEntityKind, RecipientCertificate};
use countersign_domain::{hex, id::RelyingPartyId, transaction::Payee};
use tokio::{task::spawn_blocking, time::Instant};

use super::PaymentGateway;
use crate::{
    asn1::{Random, Received},
    message::{
        authorization::AuthTags,
        common::{Chain, RrTags},
        failure::ErrorCode,
        wrapper::MessageHeader,
    },
    name::unix_time,
    protect::{Gateway, KeyOf, Merchant, Sealed, Signed},
    stop::Stop,
    table::Content,
    trust::verify_chain,
};

/// How long it takes to say that something is not authentic, from when it was begun to be looked at: more than all checks
/// take together (an RSA key of 4096 bits decrypts in some ten milliseconds), so that the time does not tell which failed.
const NOT_AUTHENTIC: Duration = Duration::from_millis(25);

/// The end of the wait, which is slept to the microsecond: the runtime's timer counts whole milliseconds from when it begins
/// to wait, and so would give away how long the checks took.
const EXACTLY: Duration = Duration::from_millis(4);

/// Waits until whatever is not authentic is answered.
pub(crate) async fn as_long_as_any(begun: Instant) {
    // What took longer, on a machine that has too much to do, is answered at the next of such times.
    let periods = begun.elapsed().as_millis().checked_div(NOT_AUTHENTIC.as_millis());
    let periods = u32::try_from(periods.unwrap_or(0)).unwrap_or(u32::MAX).saturating_add(1);
    let wait = NOT_AUTHENTIC.saturating_mul(periods);
    tokio::time::sleep_until(begun + wait.saturating_sub(EXACTLY)).await;
    let left = wait.saturating_sub(begun.elapsed());
    let _: Result<_, _> = spawn_blocking(move || thread::sleep(left)).await;
}

/// A merchant whose message is authentic.
pub(crate) struct Caller {
    pub(crate) merchant: RelyingPartyId,
    pub(crate) name: Payee,
    /// The key that signed.
    pub(crate) key: KeyOf<Merchant>,
    /// To whom the answer is encrypted.
    pub(crate) recipient: RecipientCertificate,
}

impl Caller {
    /// Under which a request's answer is kept: one merchant cannot ask for another's.
    pub(crate) fn request_id(&self, rrpid: &Random) -> String {
        request_id(&self.merchant, rrpid)
    }

    /// The same for a cardholder, who has no name here.
    pub(crate) fn cardholder(rrpid: &Random) -> String {
        format!("gateway::{}", hex::encode(rrpid.as_bytes()))
    }
}

/// Under which the answer to a merchant's request is kept.
pub(crate) fn request_id(merchant: &RelyingPartyId, rrpid: &Random) -> String {
    format!("gateway:{merchant}:{}", hex::encode(rrpid.as_bytes()))
}

/// What a request says of itself.
pub(crate) struct Asking<'a> {
    pub(crate) rr_tags: &'a RrTags,
    /// The purchase, if it is about one.
    pub(crate) xid: Option<&'a Random>,
    /// To whom the answer is to be encrypted.
    pub(crate) chain: &'a Chain,
}

impl<'a> Asking<'a> {
    /// A request about a purchase.
    pub(crate) const fn of(tags: &'a AuthTags, chain: &'a Chain) -> Self {
        let AuthTags { auth_rr_tags, trans_ids } = tags;
        Self { rr_tags: auth_rr_tags, xid: Some(&trans_ids.xid), chain }
    }
}

/// Opens the envelope, verifies the signature, and asks who the signer is (SET book 2, the gateway's first check; W11).
pub(crate) fn authentic<T: Content>(
    gateway: &PaymentGateway,
    enc: &Sealed<Signed<T, Merchant>, Gateway>,
    header: &MessageHeader,
    asking: impl Fn(&T) -> Asking<'_>,
) -> Result<(Received<T>, Caller), Stop> {
    let read = || {
        let signed = enc.open(&gateway.keys.exchange_keys).ok()?;
        let (anchors, now) = (gateway.trust.anchors(), unix_time(gateway.ports.clock.now()));
        let (structure, signer) = signed.verify(&anchors, now).ok()?;
        let Asking { rr_tags, xid, chain } = asking(&structure);
        let merchant = rr_tags.merchant_id.as_str();
        let is_named = header.names(&rr_tags.rrpid, xid);
        let is_for_us = gateway.is_own(&rr_tags.gateway);
        if signer.common_name() != Some(merchant) || !is_named || !is_for_us {
            return None;
        }
        let merchant = RelyingPartyId::try_from(merchant).ok()?;
        let name = gateway.settings.merchants.get(&merchant)?.clone();
        let receives = EndEntityKind::MerchantKeyExchange;
        let receiver = verify_chain(&anchors, chain, now, receives).ok()?;
        if receiver.common_name() != signer.common_name() {
            return None;
        }
        let recipient = receiver.recipient()?.clone();
        let key = KeyOf::new(*signer.key_sha256());
        Some((structure, Caller { merchant, name, key, recipient }))
    };
    read().ok_or(Stop::Told(ErrorCode::SignatureFailure))
}
