//! What an authority refuses to issue.

use std::time::Duration;

use countersign_certs::{
    Authority, Certificate, Error, KeyPair, MAX_RECIPIENTS, Phone, PhoneExtension, PhoneNumber,
    Profile, RecipientCertificate, RecipientKey, Refusal, TrustAnchors, Validity, read_phone,
};

use crate::support::{Gateway, Hierarchy, NOW, NUMBER, at, days, holder};

#[test]
fn a_bad_request_is_refused_by_the_rule_it_breaks() {
    let hierarchy = Hierarchy::new();
    let number = PhoneNumber::new(NUMBER).unwrap();
    let holder = holder();
    let client = |common_name| Profile::TlsClient { common_name, phone: Phone::Clear(&number) };
    let server =
        |dns_names| Profile::TlsServer { common_name: "shop", dns_names, ip_addresses: &[] };
    let encrypted = |gateways| {
        let phone = Phone::Encrypted { holder: &holder, gateways };
        Profile::TlsClient { common_name: "user-42", phone }
    };
    let too_long = "x".repeat(65);
    let too_many = vec![hierarchy.gateway.recipient(); MAX_RECIPIENTS + 1];
    let year = days(365);
    for (rule, profile, validity, error) in [
        ("no name", client(""), year, Error::InvalidCommonName),
        ("a long name", client(&too_long), year, Error::InvalidCommonName),
        ("a control character", client("user\n42"), year, Error::InvalidCommonName),
        ("no server name", server(&[]), year, Error::NoServerName),
        ("a bad DNS name", server(&["shop example"]), year, Error::InvalidDnsName),
        ("no gateway", encrypted(&[]), year, Error::RecipientCount),
        ("too many gateways", encrypted(&too_many), year, Error::RecipientCount),
        ("outliving the authority", client("u"), days(1826), Error::OutsideAuthorityValidity),
        (
            "older than the authority",
            client("u"),
            Validity::new(at(NOW - 1), Duration::from_secs(2)).unwrap(),
            Error::OutsideAuthorityValidity,
        ),
    ] {
        let key = KeyPair::generate().unwrap();
        let issued = hierarchy.issuing.issue(&profile, key.public_key(), validity);
        assert_eq!(issued.unwrap_err(), error, "{rule}");
    }
}

#[test]
fn the_largest_envelope_that_is_issued_is_read() {
    let hierarchy = Hierarchy::new();
    let mut gateways: Vec<_> =
        (1..MAX_RECIPIENTS).map(|_| Gateway::of(&hierarchy.issuing).recipient()).collect();
    gateways.push(hierarchy.gateway.recipient());
    let holder = holder();
    let phone = Phone::Encrypted { holder: &holder, gateways: &gateways };
    let key = KeyPair::generate().unwrap();
    let certificate = hierarchy.issue(&Profile::TlsClient { common_name: "u", phone }, &key);
    let keys = [Gateway::of(&hierarchy.issuing).reader(), hierarchy.gateway.reader()];
    let read = read_phone(certificate.der(), PhoneExtension::default(), &keys).unwrap();
    assert_eq!(read.number.expose(), NUMBER);
}

#[test]
fn an_authority_with_its_own_extension_is_read_where_it_is_known_only() {
    let extension: PhoneExtension = "1.3.6.1.4.1.32473.7".parse().unwrap();
    let root = Authority::root("Root", days(365)).unwrap().with_phone_extension(extension);
    let issuing = root.issuing("Issuing", days(365)).unwrap();
    let gateway = Gateway::of(&issuing);
    let (holder, gateways) = (holder(), [gateway.recipient()]);
    let phone = Phone::Encrypted { holder: &holder, gateways: &gateways };
    let key = KeyPair::generate().unwrap();
    let profile = Profile::TlsClient { common_name: "u", phone };
    let client = issuing.issue(&profile, key.public_key(), days(9)).unwrap();

    let chain = [client.der().clone(), issuing.certificate().der().clone()];
    let anchors = TrustAnchors::new(&[root.certificate().clone()]).unwrap();
    let phone = |anchors: &TrustAnchors| {
        anchors.verify_client(&chain, at(NOW)).unwrap().phone(&[gateway.reader()])
    };
    assert_eq!(phone(&anchors).unwrap_err(), Refusal::NoPhone);
    let anchors = anchors.with_phone_extension(extension);
    assert_eq!(phone(&anchors).unwrap().number.expose(), NUMBER);
}

#[test]
fn an_issuing_authority_makes_no_other() {
    let hierarchy = Hierarchy::new();
    let error = hierarchy.issuing.issuing("Another", days(9)).unwrap_err();
    assert_eq!(error, Error::MayNotMakeAuthorities);
    let error = hierarchy.root.issuing("Another", days(3651)).unwrap_err();
    assert_eq!(error, Error::OutsideAuthorityValidity);
}

#[test]
fn a_validity_has_a_second_and_ends_before_the_year_10000() {
    for (start, seconds) in [(NOW, 0), (NOW, 253_402_300_800 - NOW), (u64::MAX, 1)] {
        let validity = Validity::new(at(start), Duration::from_secs(seconds));
        assert_eq!(validity.unwrap_err(), Error::InvalidValidity, "{start} {seconds}");
    }
    assert!(Validity::new(at(NOW), Duration::from_secs(253_402_300_799 - NOW)).is_ok());
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let hierarchy = Hierarchy::new();
    let pem = |certificate: &Certificate| certificate.to_pem().unwrap();
    let (root, issuing, gateway) = (&hierarchy.root, &hierarchy.issuing, &hierarchy.gateway);
    let root_key = root.key().expose_pem().unwrap();
    let gateway_key = gateway.key.expose_pem().unwrap();

    let load = |certificate: &str, key: &str| Authority::from_pem(certificate, key).unwrap_err();
    assert_eq!(load("", &root_key), Error::MalformedCertificate);
    assert_eq!(load(&pem(root.certificate()), ""), Error::MalformedKey);
    assert_eq!(load(&pem(&gateway.certificate), &gateway_key), Error::NotAnAuthority);
    assert_eq!(load(&pem(issuing.certificate()), &root_key), Error::KeyMismatch);

    let not_a_gateway = RecipientCertificate::new(root.certificate()).unwrap_err();
    assert_eq!(not_a_gateway, Error::NotARecipient);
    let mismatch = RecipientKey::new(&gateway.certificate, root.key()).unwrap_err();
    assert_eq!(mismatch, Error::KeyMismatch);
}

#[test]
fn no_key_is_shown() {
    let hierarchy = Hierarchy::new();
    assert_eq!(format!("{:?}", hierarchy.root.key()), "KeyPair(..)");
    let shown = format!("{:?} {:?}", hierarchy.root, hierarchy.gateway.reader());
    assert!(!shown.contains("KeyPair {"), "{shown}");
}

#[test]
fn a_certificate_and_a_client_do_not_show_their_number() {
    let hierarchy = Hierarchy::new();
    let certificate = hierarchy.clear_client(&KeyPair::generate().unwrap());
    let chain = hierarchy.chain(&certificate);
    let client = hierarchy.anchors().verify_client(&chain, at(NOW)).unwrap();
    assert_eq!(
        format!("{certificate:?}"),
        format!("Certificate({} bytes)", certificate.der().len())
    );
    let shown = format!("{client:?}");
    assert!(shown.contains("user-42") && shown.len() < 200, "{shown}");
}

/// X.690 section 11.6: the elements of a set are in the order of their encodings.
#[test]
fn recipients_are_in_the_order_of_their_encodings() {
    let hierarchy = Hierarchy::new();
    let gateways = [(); 4].map(|()| Gateway::of(&hierarchy.issuing).recipient());
    let key = KeyPair::generate().unwrap();
    for _ in 0..8 {
        let phone = Phone::Encrypted { holder: &holder(), gateways: &gateways };
        let client = hierarchy.issue(&Profile::TlsClient { common_name: "user-42", phone }, &key);
        // What precedes each ephemeral point; up to there the recipients are alike.
        let points: Vec<&[u8]> = client
            .der()
            .windows(14 + 65)
            .filter(|window| {
                window.starts_with(b"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x03\x42\x00")
            })
            .map(|window| &window[14..])
            .collect();
        assert_eq!(points.len(), gateways.len());
        assert!(points.is_sorted());
    }
}
