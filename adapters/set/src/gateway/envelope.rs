//! Whether a merchant's message is authentic. Whatever is not so is answered alike and after the same time: neither what
//! decrypts nor what verifies can be told by asking.

use std::{thread, time::Duration};

use countersign_certs::{EndEntityKind, RecipientCertificate};
use countersign_domain::{
    hex,
    id::RelyingPartyId,
    randomness::{Entropy, EntropyError},
    relying_party::RelyingParty,
    transaction::Payee,
};
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
/// and the answer's signature take together (an RSA key of 4096 bits decrypts in some ten milliseconds), so that the time does
/// not tell which failed.
const NOT_AUTHENTIC: Duration = Duration::from_millis(25);

/// The end of the wait, which is slept to the microsecond: the runtime's timer counts whole milliseconds from when it begins
/// to wait, and so would give away how long the checks took.
const EXACTLY: Duration = Duration::from_millis(4);

/// Twice up to so much is waited besides, drawn anew for each answer: checks that differ leave caches, timers and the
/// scheduler behind differently, which shifts the moment of waking by about a microsecond. The sum deviates by 408 us
/// (1 ms / sqrt(6)), so that a microsecond in the mean takes (2 * 4.5 * 408)^2, 13 million answers, to come to |t| = 4.5,
/// each of them a line in the log. A sum, as the edges of one draw are sharp: where a machine wakes to within 20 us, the
/// earliest and the latest answers alone would give the microsecond away after one million; those of the sum, after eight.
const JITTER: Duration = Duration::from_millis(1);

/// Waits until whatever is not authentic is answered. Nothing but giving the answer should be left to do then.
pub(crate) async fn as_long_as_any(begun: Instant, entropy: &dyn Entropy) {
    let wait = wait(begun.elapsed(), entropy);
    tokio::time::sleep_until(begun + wait.saturating_sub(EXACTLY)).await;
    let left = wait.saturating_sub(begun.elapsed());
    let _: Result<_, _> = spawn_blocking(move || thread::sleep(left)).await;
}

/// How long all takes together of which so much is over.
fn wait(taken: Duration, entropy: &dyn Entropy) -> Duration {
    // What took longer, on a machine that has too much to do, is answered at the next of such times.
    let periods = taken.as_millis().checked_div(NOT_AUTHENTIC.as_millis());
    let periods = u32::try_from(periods.unwrap_or(0)).unwrap_or(u32::MAX).saturating_add(1);
    NOT_AUTHENTIC.saturating_mul(periods) + drawn(entropy) + drawn(entropy)
}

/// Without randomness, the fixed wait is all there is.
fn drawn(entropy: &dyn Entropy) -> Duration {
    let mut octets = [0; 4];
    match entropy.fill(&mut octets) {
        Ok(()) => {
            let parts = u32::from_be_bytes(octets);
            JITTER.saturating_mul(parts).checked_div(u32::MAX).unwrap_or_default()
        }
        Err(EntropyError) => Duration::ZERO,
    }
}

/// A merchant whose message is authentic.
pub(crate) struct Caller {
    pub(crate) merchant: RelyingPartyId,
    pub(crate) name: Payee,
    /// Whether it has cardholders told that nobody knows their card.
    pub(crate) tells_unknown: bool,
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
        let RelyingParty { name, tells_unknown, .. } =
            gateway.settings.merchants.get(&merchant)?.clone();
        let receives = EndEntityKind::MerchantKeyExchange;
        let receiver = verify_chain(&anchors, chain, now, receives).ok()?;
        if receiver.common_name() != signer.common_name() {
            return None;
        }
        let recipient = receiver.recipient()?.clone();
        let key = KeyOf::new(*signer.key_sha256());
        Some((structure, Caller { merchant, name, tells_unknown, key, recipient }))
    };
    read().ok_or(Stop::Told(ErrorCode::SignatureFailure))
}

#[cfg(test)]
mod tests {
    use countersign_domain::testing::SeededEntropy;

    use super::*;

    /// A source of randomness that fails.
    struct Failing;

    impl Entropy for Failing {
        fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
            Err(EntropyError)
        }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn without_randomness_a_refusal_takes_the_fixed_time_whatever_the_checks_took() {
        for (taken, whole) in [(0, 25), (1, 25), (24, 25), (25, 50), (49, 50), (60, 75)] {
            assert_eq!(wait(MS * taken, &Failing), MS * whole, "{taken} ms");
        }
    }

    #[test]
    fn a_refusal_waits_for_the_sum_of_two_draws_besides() {
        let entropy = SeededEntropy::new(1);
        let waits: Vec<_> = (0..4_000).map(|_| wait(MS, &entropy) - NOT_AUTHENTIC).collect();
        let within = |from: Duration, to: Duration| {
            waits.iter().filter(|wait| (from..to).contains(*wait)).count()
        };
        assert_eq!(within(Duration::ZERO, JITTER * 2), waits.len());
        // An eighth of them in each outer quarter, and the rest between: of one draw it were a quarter in each.
        for (from, share) in [(0, 500), (1, 1_500), (2, 1_500), (3, 500)] {
            let found = within(JITTER / 2 * from, JITTER / 2 * (from + 1));
            assert!(found.abs_diff(share) < 120, "{from}: {found} of some {share}");
        }
    }
}
