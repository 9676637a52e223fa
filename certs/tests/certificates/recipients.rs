//! Gateways with RSA keys beside those with P-256, and one gateway with its old and its new key.

use std::path::Path;

use cms::{
    authenveloped_data::AuthEnvelopedData,
    content_info::CmsVersion,
    enveloped_data::{
        KeyAgreeRecipientIdentifier, KeyTransRecipientInfo, RecipientIdentifier, RecipientInfo,
    },
};
use countersign_certs::{
    Certificate, Error, KeyKind, KeyPair, KeyUse, Phone, PhoneExtension, Profile,
    RecipientCertificate, RecipientKey, RecordFault, Refusal, SealedFault as Fault, read_phone,
};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};

use crate::{
    openssl::{decrypt_as, envelope_by_openssl, openssl_client},
    phones::{cut, decode, encode, envelope_of, turn},
    support::{
        EXTENSION, Gateway, Hierarchy, NUMBER, forge, holder, openssl, read, try_openssl, write,
    },
};

#[test]
fn openssl_decrypts_the_number_as_any_of_the_gateways_and_as_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let hierarchy = Hierarchy::new();
    hierarchy.gateway.write(folder, "p256");
    let [small, large, _] = [("rsa3072", 3072), ("rsa4096", 4096), ("stranger", 3072)]
        .map(|(name, bits)| RsaGateway::make(folder, name, bits));
    let gateways = [small.recipient(), hierarchy.gateway.recipient(), large.recipient()];
    let client = client_of(&hierarchy, &KeyPair::generate().unwrap(), &gateways);

    write(folder, "envelope.der", envelope_by_openssl(folder, &client));
    for name in ["rsa3072", "p256", "rsa4096"] {
        openssl(folder, &decrypt_as(name));
        let shown = openssl(folder, "asn1parse -inform DER -in record.der");
        assert!(shown.contains(":+33612345678    "), "{name}\n{shown}");
    }
    assert!(!try_openssl(folder, &decrypt_as("stranger")).status.success());
    let shown = openssl(folder, "cms -cmsout -print -inform DER -in envelope.der");
    for promise in [
        "d.ktri: \n        version: 2\n",
        "algorithm: rsaesOaep (1.2.840.113549.1.1.7)",
        "OBJECT            :mgf1\n",
        "OBJECT            :sha256\n",
    ] {
        assert!(shown.contains(promise), "{promise:?} is missing in\n{shown}");
    }
}

#[test]
fn an_envelope_that_openssl_made_for_both_kinds_is_read_with_either_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let hierarchy = Hierarchy::new();
    hierarchy.gateway.write(folder, "p256");
    let rsa = RsaGateway::make(folder, "rsa", 3072);
    let (to_p256, to_rsa) =
        ("-recip p256.pem -keyopt ecdh_kdf_md:sha256", format!("-recip rsa.pem {OAEP_SHA256}"));
    for (recipients, keys) in [
        (to_rsa.clone(), vec![rsa.reader()]),
        (format!("{to_p256} {to_rsa}"), vec![rsa.reader()]),
        (format!("{to_p256} {to_rsa}"), vec![hierarchy.gateway.reader()]),
    ] {
        let client = openssl_client(folder, &recipients);
        let holder = read_phone(client.der(), PhoneExtension::default(), &keys).unwrap();
        assert_eq!(holder.number.expose(), NUMBER, "{recipients}");
    }
}

#[test]
fn key_transport_that_openssl_does_otherwise_is_refused_by_the_rule() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rsa = RsaGateway::make(folder, "rsa", 3072);
    write(folder, "record.der", "any");
    let key = KeyPair::generate().unwrap();
    let cases: [(_, _, Refusal); 8] = [
        ("PKCS#1 v1.5", "-keyid -recip rsa.pem", Fault::KeyTransport.into()),
        (
            "OAEP with SHA-1",
            "-keyid -recip rsa.pem -keyopt rsa_padding_mode:oaep",
            Fault::KeyTransport.into(),
        ),
        (
            "MGF1 with SHA-1",
            "-keyid -recip rsa.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1",
            Fault::KeyTransport.into(),
        ),
        (
            "OAEP with SHA-384",
            "-keyid -recip rsa.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha384 -keyopt rsa_mgf1_md:sha384",
            Fault::KeyTransport.into(),
        ),
        (
            "a label",
            "-keyid -recip rsa.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256 \
             -keyopt rsa_oaep_label:70",
            Fault::KeyTransport.into(),
        ),
        (
            "a recipient by issuer and serial",
            "-recip rsa.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256",
            Fault::RecipientKind.into(),
        ),
        (
            "a key of its own and a password",
            "-keyid -recip rsa.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256 \
             -secretkey 000102030405060708090a0b0c0d0e0f -secretkeyid 01",
            Fault::RecipientKind.into(),
        ),
        (
            "no phone record inside",
            "-keyid -recip rsa.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256",
            RecordFault::Malformed.into(),
        ),
    ];
    for (rule, options, fault) in cases {
        openssl(
            folder,
            &format!(
                "cms -encrypt -binary -outform DER -in record.der -out envelope.der -aes-256-gcm {options}"
            ),
        );
        let certificate = forge(&key, &[(EXTENSION, &read(folder, "envelope.der"))], &[]);
        let refusal = read_phone(&certificate, PhoneExtension::default(), &[rsa.reader()]);
        assert_eq!(refusal.unwrap_err(), fault, "{rule}");
    }
}

type Change = fn(&mut KeyTransRecipientInfo);

#[test]
fn a_recipient_by_key_transport_that_was_spoiled_is_refused_by_the_rule_it_breaks() {
    let case = Case::new();
    let good = decode(&case.envelope);
    assert_eq!(case.read(&encode(&good)), Ok(()), "before it is spoiled");
    let cases: [(&str, Change, Fault); 8] = [
        ("version 0", |k| k.version = CmsVersion::V0, Fault::RecipientKind),
        (
            "PKCS#1 v1.5 by name",
            |k| k.key_enc_alg.oid = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"),
            Fault::KeyTransport,
        ),
        ("no parameters, which is SHA-1", |k| k.key_enc_alg.parameters = None, Fault::KeyTransport),
        ("a key changed", |k| turn(&mut k.enc_key), Fault::WrappedKey),
        ("a key cut short", |k| cut(&mut k.enc_key, 383), Fault::WrappedKey),
        ("no key", |k| cut(&mut k.enc_key, 0), Fault::WrappedKey),
        ("a key too long", |k| k.enc_key = OctetString::new([0; 512]).unwrap(), Fault::WrappedKey),
        (
            "a key over the modulus",
            |k| k.enc_key = OctetString::new([0xff; 384]).unwrap(),
            Fault::WrappedKey,
        ),
    ];
    for (rule, change, fault) in cases {
        let mut enveloped = good.clone();
        ktri(&mut enveloped, change);
        assert_eq!(case.read(&encode(&enveloped)), Err(fault.into()), "{rule}");
    }
}

/// Two keys may have one identifier, as whoever makes a certificate chooses it.
#[test]
fn what_is_encrypted_to_a_key_of_another_kind_is_not_ours() {
    let case = Case::new();
    let hierarchy = Hierarchy::new();
    let p256 = envelope_of(hierarchy.encrypted_client(&case.key, &holder()).der());
    let p256 = decode(&p256);
    let RecipientInfo::Kari(recipient) = &p256.recip_infos.0.as_slice()[0] else {
        panic!("key agreement")
    };
    let KeyAgreeRecipientIdentifier::RKeyId(id) = &recipient.recipient_enc_keys[0].rid else {
        panic!("a key identifier")
    };
    let mut enveloped = decode(&case.envelope);
    ktri(&mut enveloped, |recipient| {
        let id = id.subject_key_identifier.clone();
        recipient.rid = RecipientIdentifier::SubjectKeyIdentifier(id);
    });
    let certificate = forge(&case.key, &[(EXTENSION, &encode(&enveloped))], &[]);
    let keys = [hierarchy.gateway.reader()];
    let read = read_phone(&certificate, PhoneExtension::default(), &keys);
    assert_eq!(read.unwrap_err(), Fault::WrongRecipient.into());
}

#[test]
fn no_bit_of_an_envelope_to_an_rsa_gateway_can_be_turned() {
    let case = Case::new();
    for place in 0..case.envelope.len() {
        let mut turned = case.envelope.clone();
        turned[place] ^= 1 << (place % 8);
        assert!(case.read(&turned).is_err(), "byte {place}");
    }
}

#[test]
fn eight_gateways_of_the_largest_keys_fit() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = RsaGateway::make(folder.path(), "rsa", 4096);
    let gateways = vec![gateway.recipient(); countersign_certs::MAX_RECIPIENTS];
    let client = client_of(&Hierarchy::new(), &KeyPair::generate().unwrap(), &gateways);
    let keys = [gateway.reader()];
    assert!(read_phone(client.der(), PhoneExtension::default(), &keys).is_ok());
}

#[test]
fn a_gateway_with_an_rsa_key_of_ours_is_issued_and_reads() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate_kind(KeyKind::Rsa3072).unwrap();
    let profile =
        Profile::PaymentGateway { common_name: "Test gateway", key_use: KeyUse::KeyExchange };
    let certificate = hierarchy.issue(&profile, &key);
    let gateways = [RecipientCertificate::new(&certificate).unwrap()];
    let client = client_of(&hierarchy, &KeyPair::generate().unwrap(), &gateways);
    let keys = [RecipientKey::new(&certificate, &key).unwrap()];
    let holder = read_phone(client.der(), PhoneExtension::default(), &keys).unwrap();
    assert_eq!(holder.number.expose(), NUMBER);
}

/// Key rotation: certificates live longer than a gateway wants to keep its key alone.
#[test]
fn an_old_and_a_new_gateway_key_stand_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let (old, new) = (&hierarchy.gateway, RsaGateway::make(folder.path(), "new", 3072));
    let stranger = Gateway::of(&hierarchy.issuing);
    let [for_old, for_new, for_both] =
        [&[old.recipient()][..], &[new.recipient()], &[old.recipient(), new.recipient()]]
            .map(|gateways| client_of(&hierarchy, &key, gateways));
    let reads = |client: &Certificate, keys: &[RecipientKey]| {
        read_phone(client.der(), PhoneExtension::default(), keys)
            .map(|holder| assert_eq!(holder.number.expose(), NUMBER))
    };
    let refused = Err(Refusal::Envelope(Fault::WrongRecipient));

    // Before, meanwhile in either order, after.
    let before = [old.reader()];
    let meanwhile = [new.reader(), old.reader()];
    let meanwhile_too = [old.reader(), stranger.reader(), new.reader()];
    let after = [new.reader()];
    for (client, expected) in [
        (&for_old, [Ok(()), Ok(()), Ok(()), refused.clone()]),
        (&for_new, [refused, Ok(()), Ok(()), Ok(())]),
        (&for_both, [const { Ok(()) }; 4]),
    ] {
        let keys = [&before[..], &meanwhile, &meanwhile_too, &after];
        assert_eq!(keys.map(|keys| reads(client, keys)), expected);
    }
}

#[test]
fn a_certificate_that_is_not_a_gateways_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, kind) in [
        ("rsa2048", "RSA -pkeyopt rsa_keygen_bits:2048"),
        ("rsa3071", "RSA -pkeyopt rsa_keygen_bits:3071"),
        ("rsa3072", "RSA -pkeyopt rsa_keygen_bits:3072"),
        ("p256", "EC -pkeyopt ec_paramgen_curve:P-256"),
        ("p384", "EC -pkeyopt ec_paramgen_curve:P-384"),
        ("x25519", "X25519"),
    ] {
        openssl(folder, &format!("genpkey -algorithm {kind} -out {name}.key"));
    }
    openssl(folder, "genpkey -algorithm ED25519 -out ca.key");
    openssl(folder, "req -x509 -new -key ca.key -subj /CN=ca -out ca.pem");
    let gateway = |key: &str, extensions: &str| {
        write(folder, "g.cnf", extensions);
        openssl(folder, &format!("pkey -in {key}.key -pubout -out g.pub"));
        openssl(
            folder,
            "x509 -new -force_pubkey g.pub -subj /CN=g -CA ca.pem -CAkey ca.key -extfile g.cnf -out g.pem",
        );
        RecipientCertificate::new(&certificate(folder, "g"))
    };
    let id = "subjectKeyIdentifier=hash\nkeyUsage=critical";
    let no_id = "subjectKeyIdentifier=none\nkeyUsage=critical";
    for (key, extensions) in [
        ("rsa3072", format!("{id},keyEncipherment")),
        ("rsa3072", format!("{id},keyEncipherment,keyAgreement")),
        ("p256", format!("{id},keyAgreement")),
    ] {
        assert!(gateway(key, &extensions).is_ok(), "{key} {extensions}");
    }
    for (key, extensions) in [
        ("rsa2048", format!("{id},keyEncipherment")),
        ("rsa3071", format!("{id},keyEncipherment")),
        ("p384", format!("{id},keyAgreement")),
        ("x25519", format!("{id},keyAgreement")),
        ("rsa3072", format!("{id},keyAgreement")),
        ("rsa3072", format!("{id},digitalSignature")),
        ("p256", format!("{id},keyEncipherment")),
        ("rsa3072", "subjectKeyIdentifier=hash".to_owned()),
        ("rsa3072", format!("{no_id},keyEncipherment")),
        ("p256", format!("{no_id},keyAgreement")),
    ] {
        let refused = gateway(key, &extensions).map(drop);
        assert_eq!(refused, Err(Error::NotARecipient), "{key} {extensions}");
    }
}

#[test]
fn a_key_that_is_not_the_gateways_is_refused_by_the_rule_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let hierarchy = Hierarchy::new();
    let [one, another] = ["one", "another"].map(|name| RsaGateway::make(folder.path(), name, 3072));
    let p256 = &hierarchy.gateway;
    let stranger = KeyPair::generate().unwrap();
    for (rule, certificate, key, error) in [
        ("RSA of another", &one.certificate, another.key.as_slice(), Error::KeyMismatch),
        ("P-256 for RSA", &one.certificate, p256.key.expose_der(), Error::KeyMismatch),
        ("RSA for P-256", &p256.certificate, &one.key, Error::KeyMismatch),
        ("P-256 of another", &p256.certificate, stranger.expose_der(), Error::KeyMismatch),
        ("no key", &one.certificate, b"key", Error::MalformedKey),
        ("a key cut short", &one.certificate, &one.key[..one.key.len() - 1], Error::MalformedKey),
        (
            "no gateway",
            hierarchy.root.certificate(),
            hierarchy.root.key().expose_der(),
            Error::NotARecipient,
        ),
    ] {
        let refused = RecipientKey::from_pkcs8(certificate, key);
        assert_eq!(refused.unwrap_err(), error, "{rule}");
    }
    assert!(RecipientKey::from_pkcs8(&p256.certificate, p256.key.expose_der()).is_ok());
}

/// Options of `openssl cms -encrypt`, after its `-recip`.
const OAEP_SHA256: &str =
    "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256";

/// A gateway whose RSA key and certificate OpenSSL made.
struct RsaGateway {
    certificate: Certificate,
    key: Vec<u8>,
}

impl RsaGateway {
    /// Leaves `<name>.key` and `<name>.pem` in the folder.
    fn make(folder: &Path, name: &str, bits: u32) -> Self {
        openssl(
            folder,
            &format!("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{bits} -out {name}.key"),
        );
        openssl(
            folder,
            &format!(
                "req -x509 -new -key {name}.key -subj /CN={name} -out {name}.pem \
                 -addext keyUsage=critical,keyEncipherment"
            ),
        );
        openssl(
            folder,
            &format!("pkcs8 -topk8 -nocrypt -in {name}.key -outform DER -out {name}.pkcs8"),
        );
        Self { certificate: certificate(folder, name), key: read(folder, &format!("{name}.pkcs8")) }
    }

    fn recipient(&self) -> RecipientCertificate {
        RecipientCertificate::new(&self.certificate).unwrap()
    }

    fn reader(&self) -> RecipientKey {
        RecipientKey::from_pkcs8(&self.certificate, &self.key).unwrap()
    }
}

/// A good envelope to one RSA gateway, and the certificate key it was made for.
struct Case {
    key: KeyPair,
    keys: [RecipientKey; 1],
    envelope: Vec<u8>,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gateway = RsaGateway::make(folder.path(), "rsa", 3072);
        let key = KeyPair::generate().unwrap();
        let client = client_of(&Hierarchy::new(), &key, &[gateway.recipient()]);
        Self { key, keys: [gateway.reader()], envelope: envelope_of(client.der()) }
    }

    fn read(&self, envelope: &[u8]) -> Result<(), Refusal> {
        let certificate = forge(&self.key, &[(EXTENSION, envelope)], &[]);
        read_phone(&certificate, PhoneExtension::default(), &self.keys).map(drop)
    }
}

/// A client's certificate with the number encrypted to these gateways.
pub(crate) fn client_of(
    hierarchy: &Hierarchy,
    key: &KeyPair,
    gateways: &[RecipientCertificate],
) -> Certificate {
    let holder = holder();
    let phone = Phone::Encrypted { holder: &holder, gateways };
    let profile = Profile::TlsClient { common_name: "user-42", phone };
    hierarchy.issue(&profile, key)
}

fn certificate(folder: &Path, name: &str) -> Certificate {
    let pem = String::from_utf8(read(folder, &format!("{name}.pem"))).unwrap();
    Certificate::from_pem(&pem).unwrap()
}

/// Changes the one recipient.
pub(crate) fn ktri(
    enveloped: &mut AuthEnvelopedData,
    change: impl FnOnce(&mut KeyTransRecipientInfo),
) {
    let RecipientInfo::Ktri(mut recipient) = enveloped.recip_infos.0.as_slice()[0].clone() else {
        panic!("key transport")
    };
    change(&mut recipient);
    enveloped.recip_infos = SetOfVec::from_iter([RecipientInfo::Ktri(recipient)]).unwrap().into();
}
