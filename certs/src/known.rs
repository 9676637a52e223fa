//! Chains that were verified, remembered for as long as nothing that was looked at can have changed.
//!
//! A merchant shows the same two chains in each of its messages. What is remembered belongs to one set of trust anchors
//! with its revocation lists, and ends with it: there is no way from one set to another.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest::{Context, SHA256};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::kind::EndEntityKind;

/// The most chains that are remembered, some two kilobytes each. One more, and all are forgotten: a gateway with more
/// merchants than this verifies some of them again.
const MAX_CHAINS: usize = 1_024;

/// Chains that were verified, each with what is known of its first certificate. Clones share them.
#[derive(Clone)]
pub(crate) struct KnownChains<V>(Arc<Mutex<HashMap<ChainId, Known<V>>>>);

/// A chain, byte for byte, in one role.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) struct ChainId([u8; 32]);

struct Known<V> {
    /// When it was verified. A clock that was set back is asked anew.
    since: UnixTime,
    /// The first second in which it must be looked at again.
    until: UnixTime,
    verified: V,
}

impl ChainId {
    pub(crate) fn of(chain: &[CertificateDer<'_>], role: EndEntityKind) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(role.name().as_bytes());
        for certificate in chain {
            // So that no two chains are the same bytes.
            hash.update(&certificate.len().to_be_bytes());
            hash.update(certificate);
        }
        let mut id = [0; 32];
        id.copy_from_slice(hash.finish().as_ref());
        Self(id)
    }
}

impl<V> Default for KnownChains<V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<V: Clone> KnownChains<V> {
    /// What is known of a chain at that time.
    pub(crate) fn find(&self, chain: &ChainId, now: UnixTime) -> Option<V> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(chain)?;
        let is_current = (found.since..found.until).contains(&now);
        is_current.then(|| found.verified.clone())
    }

    /// Remembers what was verified now, until then.
    pub(crate) fn keep(&self, chain: ChainId, now: UnixTime, until: UnixTime, verified: &V) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_CHAINS && !known.contains_key(&chain) {
            known.clear();
        }
        known.insert(chain, Known { since: now, until, verified: verified.clone() });
    }
}

impl<V> fmt::Debug for KnownChains<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownChains(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Authority, Certificate, KeyPair, KeyUse, Phone, PhoneNumber, Profile, TrustAnchors,
        Validity,
    };

    const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));

    fn issued(root: &Authority, profile: &Profile<'_>) -> Certificate {
        let day = Validity::new(NOW, Duration::from_secs(86_400)).unwrap();
        root.issue(profile, KeyPair::generate().unwrap().public_key(), day).unwrap()
    }

    fn len<V>(known: &KnownChains<V>) -> usize {
        known.0.lock().unwrap().len()
    }

    #[test]
    fn a_merchant_s_chain_is_remembered_and_one_that_bears_a_number_is_not() {
        let day = Validity::new(NOW, Duration::from_secs(86_400)).unwrap();
        let root = Authority::root("Root", day).unwrap();
        let known = KnownChains::default();
        let anchors = TrustAnchors::new(&[root.certificate().clone()]).unwrap();
        let anchors = anchors.remembering(known.clone());
        let number = PhoneNumber::new("+33612345678").unwrap();
        let phone = Phone::Clear(&number);
        let holder = issued(&root, &Profile::Cardholder { common_name: "holder", phone });
        let shop = Profile::Merchant { common_name: "shop", key_use: KeyUse::Signature };
        let shop = issued(&root, &shop);
        for (certificate, role, chains) in [
            (&holder, EndEntityKind::Cardholder, 0),
            (&shop, EndEntityKind::MerchantSignature, 1),
            (&shop, EndEntityKind::MerchantSignature, 1),
        ] {
            anchors.verify(&[certificate.der().clone()], NOW, role).unwrap();
            assert_eq!(len(&known), chains, "{role:?}");
        }
    }

    #[test]
    fn not_more_chains_are_remembered_than_there_is_room_for() {
        let day = Validity::new(NOW, Duration::from_secs(86_400)).unwrap();
        let root = Authority::root("Root", day).unwrap();
        let anchors = TrustAnchors::new(&[root.certificate().clone()]).unwrap();
        let shop = Profile::Merchant { common_name: "shop", key_use: KeyUse::Signature };
        let shop = issued(&root, &shop);
        let verified =
            anchors.verify(&[shop.der().clone()], NOW, EndEntityKind::MerchantSignature).unwrap();
        let known = KnownChains::default();
        let until = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_100));
        for number in 0..3 * MAX_CHAINS {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_be_bytes());
            known.keep(ChainId(id), NOW, until, &verified);
            assert!((1..=MAX_CHAINS).contains(&len(&known)));
            assert!(known.find(&ChainId(id), NOW).is_some(), "the newest is there");
        }
    }
}
