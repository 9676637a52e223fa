//! Each role is verified for itself, and a second path is found where the first is outside the profile.

use countersign_certs::{
    Authority, AuthorityKind, AuthorityProfile, Certificate, CertificateDer, EndEntityKind,
    KeyPair, KeyUse, Phone, PhoneNumber, Profile, ProfileFault, Refusal, Serial, TrustAnchors,
};
use rcgen::{CertificateParams, CustomExtension, DnType, Issuer, KeyUsagePurpose};

use crate::support::{Hierarchy, NOW, NUMBER, at, days};

/// One profile of each kind.
fn profiles(number: &PhoneNumber) -> [Profile<'_>; 9] {
    let common_name = "example";
    let merchant = |key_use| Profile::Merchant { common_name, key_use };
    let gateway = |key_use| Profile::PaymentGateway { common_name, key_use };
    let authority = |key_use| Profile::RegistrationAuthority { common_name, key_use };
    [
        Profile::TlsServer { common_name, dns_names: &["shop.example"], ip_addresses: &[] },
        Profile::TlsClient { common_name, phone: Phone::Clear(number) },
        Profile::Cardholder { common_name, phone: Phone::Clear(number) },
        merchant(KeyUse::Signature),
        merchant(KeyUse::KeyExchange),
        gateway(KeyUse::Signature),
        gateway(KeyUse::KeyExchange),
        authority(KeyUse::Signature),
        authority(KeyUse::KeyExchange),
    ]
}

#[test]
fn each_role_that_is_issued_is_verified_and_no_other_is() {
    let hierarchy = Hierarchy::new();
    let number = PhoneNumber::new(NUMBER).unwrap();
    for (profile, kind) in profiles(&number).iter().zip(EndEntityKind::ALL) {
        assert_eq!(profile.kind(), kind);
        let key = KeyPair::generate().unwrap();
        let chain = hierarchy.chain(&hierarchy.issue(profile, &key));
        for role in EndEntityKind::ALL {
            let verified = hierarchy.anchors().verify(&chain, at(NOW), role);
            if role == kind {
                let verified = verified.unwrap();
                assert_eq!(verified.role(), role);
                assert_eq!(verified.common_name(), Some("example"));
                assert_eq!(verified.phone(&[]).is_ok(), role.bears_number(), "{role:?}");
            } else {
                assert_eq!(verified.unwrap_err(), Refusal::WrongUsage, "{kind:?} as {role:?}");
            }
        }
    }
}

#[test]
fn a_merchant_s_or_gateway_s_key_has_exactly_one_use() {
    use KeyUsagePurpose::{ContentCommitment, DigitalSignature, KeyAgreement, KeyEncipherment};
    let hierarchy = Hierarchy::new();
    let pair = |key: &KeyPair| rcgen::KeyPair::from_pem(&key.expose_pem().unwrap()).unwrap();
    let issuing = &hierarchy.issuing;
    let issuer = Issuer::from_ca_cert_der(issuing.certificate().der(), pair(issuing.key()));
    let issuer = issuer.unwrap();
    let holder = pair(&KeyPair::generate().unwrap());
    let arc = "1.2.840.113556.1.8000.2554.31838.7946.37812.19758.35425.998269.10235461.1";
    let leaf = |role: u64, usages: &[KeyUsagePurpose]| {
        let mut params = CertificateParams::default();
        params.use_authority_key_identifier_extension = true;
        params.not_before = time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        params.not_after = time::OffsetDateTime::from_unix_timestamp(1_810_000_000).unwrap();
        params.key_usages = usages.to_vec();
        let purpose = arc.split('.').map(|number| number.parse().unwrap()).chain([role]).collect();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::Other(purpose)];
        params.signed_by(&holder, &issuer).unwrap().der().clone()
    };
    for (arc, signs, exchanges) in [
        (2, EndEntityKind::MerchantSignature, EndEntityKind::MerchantKeyExchange),
        (3, EndEntityKind::GatewaySignature, EndEntityKind::GatewayKeyExchange),
        (4, EndEntityKind::AuthoritySignature, EndEntityKind::AuthorityKeyExchange),
    ] {
        for (usages, may_sign, may_exchange) in [
            (&[][..], false, false),
            (&[DigitalSignature], true, false),
            (&[DigitalSignature, ContentCommitment], true, false),
            (&[KeyAgreement], false, true),
            (&[KeyEncipherment], false, true),
            (&[DigitalSignature, KeyAgreement], false, false),
            (&[DigitalSignature, KeyEncipherment], false, false),
            (&[ContentCommitment, KeyAgreement], false, false),
        ] {
            let chain = [leaf(arc, usages), issuing.certificate().der().clone()];
            for (role, may) in [(signs, may_sign), (exchanges, may_exchange)] {
                let verified = hierarchy.anchors().verify(&chain, at(NOW), role).map(|_| ());
                let expected = if may { Ok(()) } else { Err(Refusal::WrongUsage) };
                assert_eq!(verified, expected, "{role:?} {usages:?}");
            }
        }
    }
}

#[test]
fn an_authority_for_one_role_vouches_for_no_other() {
    let root = Authority::root("Root", days(3_000)).unwrap();
    let key = KeyPair::generate().unwrap();
    let certify = |kind| {
        let profile = AuthorityProfile::new(kind, "Issuing authority");
        let serial = Serial::random().unwrap();
        root.certify(&profile, key.public_key(), days(2_000), serial).unwrap()
    };
    let own = KeyPair::from_pem(&key.expose_pem().unwrap()).unwrap();
    let free = Authority::new(certify(AuthorityKind::Issuing), own).unwrap();
    let number = PhoneNumber::new(NUMBER).unwrap();
    let anchors = TrustAnchors::new(&[root.certificate().clone()]).unwrap();
    let holder = KeyPair::generate().unwrap();
    for kind in [AuthorityKind::Cardholders, AuthorityKind::Merchants, AuthorityKind::Gateways] {
        let issuer = certify(kind);
        let authority =
            Authority::new(issuer.clone(), KeyPair::from_pem(&key.expose_pem().unwrap()).unwrap());
        let authority = authority.unwrap();
        for profile in profiles(&number) {
            let leaf = free.issue(&profile, holder.public_key(), days(30)).unwrap();
            let chain = [leaf.der().clone(), issuer.der().clone()];
            let verified = anchors.verify(&chain, at(NOW), profile.kind()).map(|_| ());
            let permitted = authority.permits(profile.kind());
            let expected = if permitted { Ok(()) } else { Err(Refusal::WrongUsage) };
            assert_eq!(verified, expected, "{kind:?} {profile:?}");
        }
    }
}

/// The issuing authority's name and key, certified by two roots: once outside the profile, once within.
struct CrossSigned {
    roots: [Certificate; 2],
    outside: CertificateDer<'static>,
    within: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
}

impl CrossSigned {
    fn new() -> Self {
        let roots =
            ["One root", "Other root"].map(|name| Authority::root(name, days(900)).unwrap());
        let key = KeyPair::generate().unwrap();
        let profile = AuthorityProfile::new(AuthorityKind::Issuing, "Issuing authority");
        let serial = Serial::random().unwrap();
        let within = roots[1].certify(&profile, key.public_key(), days(800), serial).unwrap();
        let outside = without_critical_constraints(&roots[0], &key);
        let issuing = Authority::new(within.clone(), key).unwrap();
        let number = PhoneNumber::new(NUMBER).unwrap();
        let client = Profile::TlsClient { common_name: "user-42", phone: Phone::Clear(&number) };
        let holder = KeyPair::generate().unwrap();
        let leaf = issuing.issue(&client, holder.public_key(), days(30)).unwrap();
        Self {
            roots: roots.map(|root| root.certificate().clone()),
            outside,
            within: within.der().clone(),
            leaf: leaf.der().clone(),
        }
    }
}

/// RFC 5280 section 4.2.1.9 wants an authority's basic constraints to be critical; rustls-webpki does not ask.
fn without_critical_constraints(root: &Authority, key: &KeyPair) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Issuing authority");
    params.use_authority_key_identifier_extension = true;
    params.not_before = time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    params.not_after = time::OffsetDateTime::from_unix_timestamp(1_830_000_000).unwrap();
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let pair = |key: &KeyPair| rcgen::KeyPair::from_pem(&key.expose_pem().unwrap()).unwrap();
    let issuer = Issuer::from_ca_cert_der(root.certificate().der(), pair(root.key())).unwrap();
    let constraints = CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 3, 1, 1, 0xff]);
    params.custom_extensions = vec![constraints];
    // RFC 5280 section 4.2.1.2: an authority's own key is named.
    let id = CustomExtension::from_oid_content(&[2, 5, 29, 14], vec![4, 4, 1, 2, 3, 4]);
    params.custom_extensions.push(id);
    params.signed_by(&pair(key), &issuer).unwrap().der().clone()
}

#[test]
fn where_one_path_is_outside_the_profile_another_is_found() {
    let CrossSigned { roots, outside, within, leaf } = CrossSigned::new();
    let fault = Err(Refusal::OutsideProfile(ProfileFault::BasicConstraints));
    let verify = |roots: &[Certificate], chain: &[&CertificateDer<'static>]| {
        let anchors = TrustAnchors::new(roots).unwrap();
        let chain: Vec<_> = [&leaf].into_iter().chain(chain.iter().copied()).cloned().collect();
        anchors.verify_client(&chain, at(NOW + 1)).map(|_| ())
    };
    assert_eq!(verify(&roots[..1], &[&outside]), fault, "alone it is refused");
    assert_eq!(verify(&roots, &[&outside, &within]), Ok(()));
    assert_eq!(verify(&roots, &[&within, &outside]), Ok(()));
    // Where the good path leads to nobody who is trusted, the fault of the other one is told.
    assert_eq!(verify(&roots[..1], &[&outside, &within]), fault);
    assert_eq!(verify(&roots[..1], &[&within, &outside]), fault);
}
