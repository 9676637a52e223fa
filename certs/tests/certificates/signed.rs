//! Signed messages: ours judged by OpenSSL, OpenSSL's read by us, and what is bad refused by the rule it breaks.

use std::path::Path;

use countersign_certs::{
    Certificate, EndEntityKind, Error, KeyKind, KeyPair, KeyUse, Profile, Refusal, SignedFault,
    cms::{
        ContentType, sealed,
        signed::{self, Form, MAX_SIGNED_BYTES, Signer},
    },
};

use crate::support::{Hierarchy, NOW, at, days, openssl, read, try_openssl, write};

const CONTENT: &[u8] = b"1 234,56 EUR to Example shop\n";
/// Content of a type of its own.
const OWN: &str = "1.3.6.1.4.1.32473.7";

/// A merchant who signs, below an authority.
struct Merchant {
    hierarchy: Hierarchy,
    certificate: Certificate,
    key: KeyPair,
}

impl Merchant {
    fn new(kind: KeyKind) -> Self {
        let hierarchy = Hierarchy::new();
        let key = KeyPair::generate_kind(kind).unwrap();
        let profile = Profile::Merchant { common_name: "Shop", key_use: KeyUse::Signature };
        let certificate = hierarchy.issue(&profile, &key);
        Self { hierarchy, certificate, key }
    }

    fn sign(&self, content_type: ContentType, form: Form) -> Vec<u8> {
        let above = [self.hierarchy.issuing.certificate().clone()];
        let signer = Signer { certificate: &self.certificate, key: &self.key, above: &above };
        signed::sign(CONTENT, content_type, form, &signer, at(NOW)).unwrap()
    }

    fn verify(&self, message: &[u8], detached: Option<&[u8]>) -> Result<Vec<u8>, Refusal> {
        let role = EndEntityKind::MerchantSignature;
        let anchors = self.hierarchy.anchors();
        let verified = anchors.verify_signed(message, ContentType::DATA, detached, at(NOW), role);
        verified.map(|(content, by)| {
            assert_eq!(by.certificate(), self.certificate.der());
            content
        })
    }

    fn write(&self, folder: &Path) {
        let pem = |certificate: &Certificate| certificate.to_pem().unwrap();
        write(folder, "root.pem", pem(self.hierarchy.root.certificate()));
        write(folder, "issuing.pem", pem(self.hierarchy.issuing.certificate()));
        write(folder, "shop.pem", pem(&self.certificate));
        write(folder, "shop.key", self.key.expose_pem().unwrap().as_bytes());
        write(folder, "content", CONTENT);
    }
}

fn own() -> ContentType {
    OWN.parse().unwrap()
}

#[test]
fn openssl_verifies_what_is_signed_attached_and_detached_and_refuses_other_content() {
    for kind in [KeyKind::P256, KeyKind::Rsa3072] {
        let merchant = Merchant::new(kind);
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        merchant.write(folder);
        let verify = format!(
            "cms -verify -binary -inform DER -CAfile root.pem -purpose any -attime {NOW} -out out"
        );
        for content_type in [ContentType::DATA, own()] {
            write(folder, "attached", merchant.sign(content_type, Form::Attached));
            openssl(folder, &format!("{verify} -in attached"));
            assert_eq!(read(folder, "out"), CONTENT);
            write(folder, "detached", merchant.sign(content_type, Form::Detached));
            openssl(folder, &format!("{verify} -in detached -content content"));
        }
        write(folder, "other", b"9 999,99 EUR to Example shop\n");
        let refused = try_openssl(folder, &format!("{verify} -in detached -content other"));
        assert!(!refused.status.success());
        let shown = openssl(folder, "cms -cmsout -print -inform DER -in attached");
        for promise in ["contentType", "messageDigest", "signingTime", "signingCertificateV2"] {
            assert!(shown.contains(promise), "{promise}\n{shown}");
        }
    }
}

#[test]
fn what_openssl_signs_is_verified() {
    for kind in [KeyKind::P256, KeyKind::Rsa3072] {
        let merchant = Merchant::new(kind);
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        merchant.write(folder);
        let sign = "cms -sign -binary -outform DER -in content -signer shop.pem -inkey shop.key -md sha256 -certfile issuing.pem -out message";
        for (options, detached) in [
            ("-nodetach", None),
            ("", Some(CONTENT)),
            // Named by its key identifier, with a signing certificate, without S/MIME capabilities.
            ("-nodetach -keyid", None),
            ("-nodetach -cades", None),
            ("-nodetach -nosmimecap", None),
        ] {
            openssl(folder, &format!("{sign} {options}"));
            let message = read(folder, "message");
            assert_eq!(merchant.verify(&message, detached).unwrap(), CONTENT, "{options}");
        }
        openssl(folder, &format!("{sign} -nodetach -econtent_type {OWN}"));
        let signed = signed::verify(&read(folder, "message"), own(), None, &[]).unwrap();
        assert_eq!(signed.content, CONTENT);
        // Without certificates, by one that is known.
        openssl(folder, &format!("{sign} -nodetach -nocerts"));
        let message = read(folder, "message");
        let known = [merchant.certificate.clone()];
        let verify = |known| signed::verify(&message, ContentType::DATA, None, known);
        assert_eq!(verify(&known).unwrap().chain[0], known[0]);
        assert_eq!(verify(&[]).unwrap_err(), SignedFault::UnknownSigner);
    }
}

#[test]
fn what_openssl_signs_in_another_way_is_refused_by_the_rule_it_breaks() {
    let merchant = Merchant::new(KeyKind::Rsa3072);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    merchant.write(folder);
    merchant.hierarchy.gateway.write(folder, "gateway");
    let sign = "cms -sign -binary -outform DER -in content -signer shop.pem -inkey shop.key -nodetach -out message";
    for (options, fault) in [
        ("-md sha256 -stream", SignedFault::NotDer),
        ("-md sha256 -noattr", SignedFault::Attributes),
        ("-md sha384", SignedFault::DigestAlgorithm),
        ("-md sha1", SignedFault::DigestAlgorithm),
        ("-md sha256 -signer gateway.pem -inkey gateway.key", SignedFault::SignerCount),
        ("-md sha256 -keyopt rsa_padding_mode:pss", SignedFault::SignatureAlgorithm),
        (&*format!("-md sha256 -econtent_type {OWN}"), SignedFault::InnerType),
    ] {
        openssl(folder, &format!("{sign} {options}"));
        let refused = merchant.verify(&read(folder, "message"), None).unwrap_err();
        assert_eq!(refused, Refusal::Signed(fault), "{options}");
    }
    let encrypt =
        "cms -encrypt -binary -outform DER -in content -out message -aes-256-cbc shop.pem";
    openssl(folder, encrypt);
    let refused = merchant.verify(&read(folder, "message"), None).unwrap_err();
    assert_eq!(refused, Refusal::Signed(SignedFault::ContentType));
}

/// Every way in which one octet can be another, and every length.
#[test]
fn no_other_message_passes_for_the_one_that_was_signed() {
    let merchant = Merchant::new(KeyKind::P256);
    let message = merchant.sign(ContentType::DATA, Form::Attached);
    let verified = signed::verify(&message, ContentType::DATA, None, &[]).unwrap();
    assert_eq!(verified.signed_at, Some(at(NOW)));
    assert_eq!(verified.chain.len(), 2);
    for place in 0..message.len() {
        let mut other = message.clone();
        other[place] ^= 1;
        if let Ok(passed) = signed::verify(&other, ContentType::DATA, None, &[]) {
            // Not under the signature: a certificate above, which is for path validation to judge.
            assert_eq!(
                (passed.content.as_slice(), &passed.chain[0]),
                (CONTENT, &verified.chain[0])
            );
            assert_ne!(passed.chain[1], verified.chain[1], "octet {place}");
        }
        let cut = signed::verify(&message[..place], ContentType::DATA, None, &[]);
        assert!(cut.is_err(), "{place} octets");
    }
}

#[test]
fn a_bad_message_is_refused_by_the_rule_it_breaks() {
    let merchant = Merchant::new(KeyKind::P256);
    let message = merchant.sign(ContentType::DATA, Form::Attached);
    let detached = merchant.sign(ContentType::DATA, Form::Detached);
    let replaced = |from: &[u8], to: &[u8]| {
        let place = message.windows(from.len()).position(|window| window == from).unwrap();
        let mut message = message.clone();
        message[place..place + from.len()].copy_from_slice(to);
        message
    };
    let mut version_2 = message.clone();
    // ContentInfo, its type, [0], SignedData, then the version.
    let version = message.windows(3).position(|window| window == [2, 1, 1]).unwrap();
    version_2[version + 2] = 2;
    let two = (Some(CONTENT), None);
    for (what, message, detached, fault) in [
        ("too large", vec![0x30; MAX_SIGNED_BYTES + 1], None, SignedFault::TooLarge),
        ("truncated", message[..message.len() - 1].to_vec(), None, SignedFault::Truncated),
        ("trailing", [&message[..], &[5, 0]].concat(), None, SignedFault::TrailingBytes),
        ("version 2", version_2, None, SignedFault::Version),
        ("content twice", message.clone(), two.0, SignedFault::Content),
        ("content nowhere", detached.clone(), two.1, SignedFault::Content),
        ("other content", detached, Some(&b"other"[..]), SignedFault::MessageDigest),
        ("content changed", replaced(b"1 234,56", b"9 999,99"), None, SignedFault::MessageDigest),
    ] {
        let refused = signed::verify(&message, ContentType::DATA, detached, &[]).unwrap_err();
        assert_eq!(refused, fault, "{what}");
    }
}

#[test]
fn a_wrong_signature_and_another_certificate_of_the_same_key_are_refused() {
    let merchant = Merchant::new(KeyKind::P256);
    let message = merchant.sign(ContentType::DATA, Form::Attached);
    let verify = |message: &[u8]| signed::verify(message, ContentType::DATA, None, &[]);
    // The signature comes last.
    let mut wrong = message.clone();
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(verify(&wrong).unwrap_err(), SignedFault::Signature);

    // Issuer, serial number and key are the same, what it is for is not (RFC 5035 section 2).
    let own = merchant.certificate.der();
    let profile = Profile::PaymentGateway { common_name: "Shop", key_use: KeyUse::Signature };
    let serial = merchant.certificate.serial().unwrap();
    let of_same_length = (0..100).find_map(|_| {
        let key = merchant.key.public_key();
        let issuing = &merchant.hierarchy.issuing;
        let other = issuing.issue_numbered(&profile, key, days(365), serial).unwrap();
        (other.der().len() == own.len()).then_some(other)
    });
    let other = of_same_length.expect("a signature has 70 to 72 octets");
    let place = message.windows(own.len()).position(|window| window == own.as_ref()).unwrap();
    let mut exchanged = message;
    exchanged[place..place + own.len()].copy_from_slice(other.der());
    assert_eq!(verify(&exchanged).unwrap_err(), SignedFault::SigningCertificate);
}

#[test]
fn a_signature_is_made_with_the_certificate_s_own_key_and_holds_for_its_role_alone() {
    let merchant = Merchant::new(KeyKind::P256);
    let other = KeyPair::generate().unwrap();
    let signer = Signer { certificate: &merchant.certificate, key: &other, above: &[] };
    let made = signed::sign(CONTENT, ContentType::DATA, Form::Attached, &signer, at(NOW));
    assert_eq!(made.unwrap_err(), Error::KeyMismatch);
    let message = merchant.sign(ContentType::DATA, Form::Attached);
    let role = EndEntityKind::GatewaySignature;
    let anchors = merchant.hierarchy.anchors();
    let verified = anchors.verify_signed(&message, ContentType::DATA, None, at(NOW), role);
    assert_eq!(verified.unwrap_err(), Refusal::WrongUsage);
}

#[test]
fn what_a_key_exchange_key_signs_is_nobody_s_signature() {
    let merchant = Merchant::new(KeyKind::P256);
    let key = KeyPair::generate().unwrap();
    let profile = Profile::Merchant { common_name: "Shop", key_use: KeyUse::KeyExchange };
    let certificate = merchant.hierarchy.issue(&profile, &key);
    let above = [merchant.hierarchy.issuing.certificate().clone()];
    let signer = Signer { certificate: &certificate, key: &key, above: &above };
    let made = signed::sign(CONTENT, ContentType::DATA, Form::Attached, &signer, at(NOW)).unwrap();
    for role in EndEntityKind::ALL {
        let anchors = merchant.hierarchy.anchors();
        let verified = anchors.verify_signed(&made, ContentType::DATA, None, at(NOW), role);
        assert_eq!(verified.unwrap_err(), Refusal::WrongUsage, "{role:?}");
    }
}

#[test]
fn what_is_signed_and_sealed_is_opened_and_verified_by_openssl_and_the_other_way_round() {
    let merchant = Merchant::new(KeyKind::P256);
    let gateway = &merchant.hierarchy.gateway;
    let message = merchant.sign(ContentType::DATA, Form::Attached);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    merchant.write(folder);
    gateway.write(folder, "gateway");
    write(folder, "sealed", sealed::seal(&message, &[gateway.recipient()]).unwrap());
    openssl(
        folder,
        "cms -decrypt -binary -inform DER -in sealed -inkey gateway.key -recip gateway.pem -out opened",
    );
    assert_eq!(read(folder, "opened"), message);

    write(folder, "message", &message);
    openssl(
        folder,
        "cms -encrypt -binary -outform DER -in message -out sealed -aes-256-gcm -aes256-wrap -keyid -recip gateway.pem -keyopt ecdh_kdf_md:sha256",
    );
    let opened = sealed::open(&read(folder, "sealed"), &[gateway.reader()]).unwrap();
    assert_eq!(merchant.verify(&opened, None).unwrap(), CONTENT);
}
