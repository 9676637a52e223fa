//! Chains that are not trusted, in checking order.

use countersign_certs::{
    Authority, Certificate, CertificateDer, Error, KeyPair, MAX_CERTIFICATE_BYTES, MAX_CHAIN,
    Profile, Refusal, TrustAnchors,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyUsagePurpose};

use crate::support::{EXTENSION, Hierarchy, NOW, NUMBER, at, days, holder, openssl, read, write};

const YEAR: u64 = 365 * 86_400;

#[test]
fn a_good_chain_is_trusted_with_what_it_says() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let client = hierarchy.encrypted_client(&key, &holder());
    for now in [NOW, NOW + YEAR] {
        let verified =
            hierarchy.anchors().verify_client(&hierarchy.chain(&client), at(now)).unwrap();
        assert_eq!(verified.common_name(), Some("user-42"));
        assert_eq!(verified.not_after(), at(NOW + YEAR));
        assert_eq!(verified.certificate(), client.der());
        let read = verified.phone(&[hierarchy.gateway.reader()]).unwrap();
        assert_eq!(read.number.expose(), NUMBER);
    }
}

#[test]
fn serial_and_key_hash_are_what_openssl_says() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let client = hierarchy.clear_client(&key);
    let verified = hierarchy.anchors().verify_client(&hierarchy.chain(&client), at(NOW)).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "client.pem", client.to_pem().unwrap());
    write(folder, "client.key", key.expose_pem().unwrap().as_str());
    let serial = openssl(folder, "x509 -in client.pem -noout -serial");
    assert_eq!(serial.trim().to_lowercase(), format!("serial={}", hex(verified.serial())));
    openssl(folder, "pkey -in client.key -pubout -outform DER -out spki.der");
    let hash = openssl(folder, "dgst -sha256 -r spki.der");
    assert!(hash.starts_with(&hex(verified.key_sha256())), "{hash}");
}

#[test]
fn anchors_come_from_a_pem_of_several() {
    let hierarchy = Hierarchy::new();
    let another = Authority::root("Another root", days(3650)).unwrap();
    let pem = [&another, &hierarchy.root].map(|root| root.certificate().to_pem().unwrap()).concat();
    let key = KeyPair::generate().unwrap();
    let chain = hierarchy.chain(&hierarchy.clear_client(&key));
    assert!(TrustAnchors::from_pem(&pem).unwrap().verify_client(&chain, at(NOW)).is_ok());
}

#[test]
fn anchors_that_are_not_authorities_are_refused() {
    let hierarchy = Hierarchy::new();
    let leaf = hierarchy.clear_client(&KeyPair::generate().unwrap());
    assert_eq!(TrustAnchors::new(&[]).unwrap_err(), Error::NoTrustAnchor);
    assert_eq!(TrustAnchors::from_pem("").unwrap_err(), Error::NoTrustAnchor);
    assert_eq!(TrustAnchors::new(&[leaf]).unwrap_err(), Error::NotAnAuthority);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(TrustAnchors::from_pem(broken).unwrap_err(), Error::MalformedCertificate);
}

#[test]
fn a_bad_chain_is_refused_by_the_rule_it_breaks() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let good = hierarchy.chain(&hierarchy.clear_client(&key));
    let [client, issuing] = &good[..] else { panic!("two certificates") };
    let anchors = hierarchy.anchors();
    assert!(anchors.verify_client(&good, at(NOW)).is_ok());

    let with = |change: fn(&mut CertificateParams)| {
        vec![signed(&hierarchy.issuing, &key, change), issuing.clone()]
    };
    let server = Profile::TlsServer {
        common_name: "shop.example",
        dns_names: &["shop.example"],
        ip_addresses: &[],
    };
    let server = hierarchy.chain(&hierarchy.issue(&server, &key));
    let same_name = Authority::root("Test root", days(3650)).unwrap();
    let same_name = same_name.issuing("Test issuing authority", days(1825)).unwrap();
    let too_large = CertificateDer::from(vec![0x30; MAX_CERTIFICATE_BYTES + 1]);

    let cases: Vec<(&str, Vec<CertificateDer<'static>>, u64, Refusal)> = vec![
        ("no certificate", vec![], NOW, Refusal::NoCertificate),
        ("too many", vec![client.clone(); MAX_CHAIN + 1], NOW, Refusal::ChainTooLong),
        ("too large", vec![too_large.clone()], NOW, Refusal::CertificateTooLarge),
        ("a large issuer", vec![client.clone(), too_large], NOW, Refusal::CertificateTooLarge),
        ("truncated", vec![cut(client)], NOW, Refusal::Malformed),
        ("trailing bytes", vec![extended(client)], NOW, Refusal::Malformed),
        ("a truncated issuer", vec![client.clone(), cut(issuing)], NOW, Refusal::Malformed),
        (
            "an unknown critical extension",
            with(|params| {
                let mut extension = rcgen::CustomExtension::from_oid_content(EXTENSION, vec![5, 0]);
                extension.set_criticality(true);
                params.custom_extensions = vec![extension];
            }),
            NOW,
            Refusal::UnknownCriticalExtension,
        ),
        ("expired", good.clone(), NOW + YEAR + 1, Refusal::Expired),
        ("not yet valid", good.clone(), NOW - 1, Refusal::NotYetValid),
        ("an authority as client", vec![issuing.clone()], NOW, Refusal::AuthorityAsClient),
        ("a server's", server, NOW, Refusal::WrongUsage),
        ("no issuer", vec![client.clone()], NOW, Refusal::UnknownAuthority),
        ("a wrong signature", vec![flipped(client), issuing.clone()], NOW, Refusal::BadSignature),
        (
            "an authority of the same name",
            vec![client.clone(), same_name.certificate().der().clone()],
            NOW,
            Refusal::BadSignature,
        ),
        (
            "a name outside the constraints",
            constrained(&hierarchy.root, &key),
            NOW,
            Refusal::NameNotPermitted,
        ),
        (
            "an issuer without keyCertSign",
            below(&hierarchy.root, &key, client_params(), |params| {
                params.key_usages = vec![KeyUsagePurpose::CrlSign];
            }),
            NOW,
            Refusal::WrongUsage,
        ),
        (
            "any purpose",
            with(|params| params.extended_key_usages.clear()),
            NOW,
            Refusal::WrongUsage,
        ),
        (
            "a key that may not sign",
            with(|params| params.key_usages = vec![KeyUsagePurpose::KeyAgreement]),
            NOW,
            Refusal::WrongUsage,
        ),
    ];
    for (rule, chain, now, refusal) in cases {
        assert_eq!(anchors.verify_client(&chain, at(now)).unwrap_err(), refusal, "{rule}");
    }
}

#[test]
fn a_certificate_of_another_root_is_from_an_unknown_authority() {
    let (hierarchy, another) = (Hierarchy::new(), Authority::root("Another", days(9)).unwrap());
    let chain = hierarchy.chain(&hierarchy.clear_client(&KeyPair::generate().unwrap()));
    let anchors = TrustAnchors::new(&[another.certificate().clone()]).unwrap();
    assert_eq!(anchors.verify_client(&chain, at(NOW)).unwrap_err(), Refusal::UnknownAuthority);
}

#[test]
fn a_self_signed_client_is_from_an_unknown_authority() {
    let key = KeyPair::generate().unwrap();
    let signer = rcgen::KeyPair::from_pem(&key.expose_pem().unwrap()).unwrap();
    let certificate = client_params().self_signed(&signer).unwrap();
    let refusal = Hierarchy::new()
        .anchors()
        .verify_client(&[certificate.der().clone()], at(NOW))
        .unwrap_err();
    assert_eq!(refusal, Refusal::UnknownAuthority);
}

#[test]
fn an_expired_issuing_authority_is_refused() {
    let root = Authority::root("Test root", days(3650)).unwrap();
    let key = KeyPair::generate().unwrap();
    let chain = below(&root, &key, client_params(), |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let anchors = TrustAnchors::new(&[root.certificate().clone()]).unwrap();
    assert_eq!(anchors.verify_client(&chain, at(NOW + 1)).unwrap_err(), Refusal::Expired);
}

#[test]
fn an_issuer_that_is_no_authority_is_refused() {
    let hierarchy = Hierarchy::new();
    let (key, holder_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let holder_certificate = hierarchy.clear_client(&holder_key);
    let client = signed_with(&holder_certificate, &holder_key, &key, client_params());
    let chain =
        [client, holder_certificate.der().clone(), hierarchy.chain(&holder_certificate)[1].clone()];
    let refusal = hierarchy.anchors().verify_client(&chain, at(NOW)).unwrap_err();
    assert_eq!(refusal, Refusal::IssuerNotAuthority);
}

#[test]
fn an_authority_below_an_issuing_authority_is_refused() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let mut chain = below(&hierarchy.issuing, &key, client_params(), |_| {});
    chain.push(hierarchy.issuing.certificate().der().clone());
    let refusal = hierarchy.anchors().verify_client(&chain, at(NOW)).unwrap_err();
    assert_eq!(refusal, Refusal::PathTooLong);
}

#[test]
fn a_signature_over_sha1_is_refused() {
    let hierarchy = Hierarchy::new();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "root.pem", hierarchy.root.certificate().to_pem().unwrap());
    write(folder, "root.key", hierarchy.root.key().expose_pem().unwrap().as_str());
    write(
        folder,
        "client.cnf",
        "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth\n",
    );
    openssl(folder, "req -new -newkey rsa:2048 -noenc -keyout c.key -subj /CN=c -out c.csr");
    openssl(
        folder,
        "x509 -req -sha1 -in c.csr -CA root.pem -CAkey root.key -days 36500 -extfile client.cnf -outform DER -out c.der",
    );
    // OpenSSL's certificate begins at the wall clock's time, so the test's time must be long after it: 2049.
    let client = CertificateDer::from(read(folder, "c.der"));
    let refusal = hierarchy.anchors().verify_client(&[client], at(2_500_000_000)).unwrap_err();
    assert_eq!(refusal, Refusal::UnsupportedAlgorithm);
}

/// A certificate by this authority that its own profiles would not give.
pub(crate) fn signed(
    authority: &Authority,
    key: &KeyPair,
    change: impl FnOnce(&mut CertificateParams),
) -> CertificateDer<'static> {
    let mut params = client_params();
    change(&mut params);
    signed_with(authority.certificate(), authority.key(), key, params)
}

fn signed_with(
    issuer: &Certificate,
    issuer_key: &KeyPair,
    key: &KeyPair,
    params: CertificateParams,
) -> CertificateDer<'static> {
    let [issuer_key, key] =
        [issuer_key, key].map(|key| rcgen::KeyPair::from_pem(&key.expose_pem().unwrap()).unwrap());
    let issuer = Issuer::from_ca_cert_der(issuer.der(), issuer_key).unwrap();
    params.signed_by(&key, &issuer).unwrap().der().clone()
}

/// A client's chain through another authority below this one.
pub(crate) fn below(
    authority: &Authority,
    key: &KeyPair,
    client: CertificateParams,
    change: impl FnOnce(&mut CertificateParams),
) -> Vec<CertificateDer<'static>> {
    let between_key = KeyPair::generate().unwrap();
    let between = signed(authority, &between_key, |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "Between");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.extended_key_usages.clear();
        change(params);
    });
    let issuer = Certificate::from_der(between.clone()).unwrap();
    vec![signed_with(&issuer, &between_key, key, client), between]
}

/// A client named outside what its authority is constrained to.
fn constrained(root: &Authority, key: &KeyPair) -> Vec<CertificateDer<'static>> {
    let mut client = client_params();
    client.subject_alt_names = vec![rcgen::SanType::DnsName("example.com".try_into().unwrap())];
    below(root, key, client, |params| {
        params.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("example.org".to_owned())],
            excluded_subtrees: vec![],
        });
    })
}

/// A client's certificate as it should be, to be spoiled.
pub(crate) fn client_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn cut(certificate: &CertificateDer<'_>) -> CertificateDer<'static> {
    certificate[..certificate.len() - 1].to_vec().into()
}

fn extended(certificate: &CertificateDer<'_>) -> CertificateDer<'static> {
    [certificate.as_ref(), &[0]].concat().into()
}

/// The last bit of the signature turned.
fn flipped(certificate: &CertificateDer<'_>) -> CertificateDer<'static> {
    let mut bytes = certificate.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    bytes.into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
