//! A merchant's chain that was verified before is refused all the same as soon as it is not to be trusted any more.

use countersign_certs::{
    Certificate, CertificateDer, EndEntityKind, KeyPair, KeyUse, Profile, Refusal,
    RevocationReason, Revoked, TrustAnchors, UnixTime,
};

use crate::support::{Hierarchy, NOW, at, days};

const DAY: u64 = 86_400;
const SIGNS: EndEntityKind = EndEntityKind::MerchantSignature;

fn merchant(hierarchy: &Hierarchy) -> Certificate {
    let profile = Profile::Merchant { common_name: "shop", key_use: KeyUse::Signature };
    hierarchy.issue(&profile, &KeyPair::generate().unwrap())
}

fn verify(
    anchors: &TrustAnchors,
    chain: &[CertificateDer<'_>],
    now: UnixTime,
    role: EndEntityKind,
) -> Result<(), Refusal> {
    anchors.verify(chain, now, role).map(drop)
}

#[test]
fn a_certificate_that_is_revoked_between_two_messages_is_refused_at_the_second() {
    let hierarchy = Hierarchy::new();
    let certificate = merchant(&hierarchy);
    let chain = hierarchy.chain(&certificate);
    let roots = hierarchy.root.revocation_list(&[], 1, days(7)).unwrap();
    let list = |revoked: &[Revoked], number| {
        [roots.clone(), hierarchy.issuing.revocation_list(revoked, number, days(7)).unwrap()]
    };
    let before = hierarchy.anchors().with_revocation_lists(&list(&[], 1)).unwrap();
    assert_eq!(verify(&before, &chain, at(NOW), SIGNS), Ok(()));
    let reason = RevocationReason::KeyCompromise;
    let revoked = Revoked { serial: certificate.serial().unwrap(), at: at(NOW), reason };
    let after = before.clone().with_revocation_lists(&list(&[revoked], 2)).unwrap();
    assert_eq!(verify(&after, &chain, at(NOW), SIGNS), Err(Refusal::Revoked));
    assert_eq!(verify(&before, &chain, at(NOW), SIGNS), Ok(()), "as the lists were");
    // Without a list there was nothing to be revoked by.
    let none = hierarchy.anchors();
    assert_eq!(verify(&none, &chain, at(NOW), SIGNS), Ok(()));
    let after = none.with_revocation_lists(&list(&[revoked], 2)).unwrap();
    assert_eq!(verify(&after, &chain, at(NOW), SIGNS), Err(Refusal::Revoked));
}

#[test]
fn the_time_is_looked_at_each_time() {
    let hierarchy = Hierarchy::new();
    let chain = hierarchy.chain(&merchant(&hierarchy));
    let lists = [&hierarchy.root, &hierarchy.issuing]
        .map(|authority| authority.revocation_list(&[], 1, days(7)).unwrap());
    let with_lists = hierarchy.anchors().with_revocation_lists(&lists).unwrap();
    let anchors = hierarchy.anchors();
    for (what, anchors, now, verdict) in [
        ("its last second", &anchors, NOW + 365 * DAY, Ok(())),
        ("it has run out", &anchors, NOW + 365 * DAY + 1, Err(Refusal::Expired)),
        ("a clock that was set back", &anchors, NOW - 1, Err(Refusal::NotYetValid)),
        ("the lists' last second", &with_lists, NOW + 7 * DAY - 1, Ok(())),
        ("the lists are late", &with_lists, NOW + 7 * DAY, Err(Refusal::RevocationUnknown)),
    ] {
        assert_eq!(verify(anchors, &chain, at(NOW), SIGNS), Ok(()), "{what}: at first");
        assert_eq!(verify(anchors, &chain, at(now), SIGNS), verdict, "{what}");
    }
}

#[test]
fn what_is_known_of_a_chain_says_nothing_of_another_role_chain_or_trust() {
    let hierarchy = Hierarchy::new();
    let chain = hierarchy.chain(&merchant(&hierarchy));
    let anchors = hierarchy.anchors();
    assert_eq!(verify(&anchors, &chain, at(NOW), SIGNS), Ok(()));
    for role in EndEntityKind::ALL.into_iter().filter(|role| *role != SIGNS) {
        assert_eq!(verify(&anchors, &chain, at(NOW), role), Err(Refusal::WrongUsage), "{role:?}");
    }
    let [head, issuing] = chain.as_slice() else { panic!("a chain of two") };
    let mut other = head.to_vec();
    *other.last_mut().unwrap() ^= 1;
    let other = CertificateDer::from(other);
    // The same octets, as one certificate.
    let joined = CertificateDer::from([head.as_ref(), issuing.as_ref()].concat());
    for (what, chain, refusal) in [
        ("another signature", vec![other, issuing.clone()], Refusal::BadSignature),
        ("without the authority", vec![head.clone()], Refusal::UnknownAuthority),
        ("octets behind it", vec![joined], Refusal::Malformed),
    ] {
        assert_eq!(verify(&anchors, &chain, at(NOW), SIGNS), Err(refusal), "{what}");
    }
    let foreign = Hierarchy::new().anchors();
    assert!(verify(&foreign, &chain, at(NOW), SIGNS).is_err(), "another root");
    assert_eq!(verify(&anchors, &chain, at(NOW), SIGNS), Ok(()));
}
