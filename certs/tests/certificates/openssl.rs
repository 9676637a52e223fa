//! OpenSSL judges what is issued here, and what OpenSSL makes is read here.

use std::{net::IpAddr, path::Path, time::Duration};

use countersign_certs::{
    Authority, Card, Certificate, Holder, KeyPair, Phone, PhoneExtension, PhoneNumber, Profile,
    RecordFault, Refusal, Validity, read_phone,
};

use crate::support::{
    self, Gateway, Hierarchy, NOW, NUMBER, at, holder, openssl, read, try_openssl, write,
};

#[test]
fn openssl_verifies_every_profile_strictly() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let server = hierarchy.issue(
        &Profile::TlsServer {
            common_name: "shop.example",
            dns_names: &["shop.example", "www.shop.example"],
            ip_addresses: &["127.0.0.1".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()],
        },
        &key,
    );
    let folder = tempfile::tempdir().unwrap();
    write_authorities(folder.path(), &hierarchy);
    for (certificate, purpose) in [
        (&server, "sslserver -verify_hostname www.shop.example"),
        (&server, "sslserver -verify_ip ::1"),
        (&hierarchy.clear_client(&key), "sslclient"),
        (&hierarchy.encrypted_client(&key, &holder()), "sslclient"),
        (&hierarchy.gateway.certificate, "any"),
    ] {
        write(folder.path(), "leaf.pem", certificate.to_pem().unwrap());
        let said = openssl(
            folder.path(),
            &format!(
                "verify -x509_strict -attime {NOW} -purpose {purpose} -CAfile root.pem -untrusted issuing.pem leaf.pem"
            ),
        );
        assert_eq!(said.trim(), "leaf.pem: OK", "{purpose}");
    }
}

#[test]
fn openssl_shows_what_a_profile_promises() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clear = hierarchy.clear_client(&key);
    let encrypted = hierarchy.encrypted_client(&key, &holder());
    for (certificate, promises) in [
        (
            hierarchy.root.certificate(),
            &["CA:TRUE\n", "Certificate Sign, CRL Sign\n", "Subject: CN=Test root"][..],
        ),
        (
            hierarchy.issuing.certificate(),
            &["CA:TRUE, pathlen:0\n", "Certificate Sign, CRL Sign\n", "Issuer: CN=Test root"],
        ),
        (
            &clear,
            &[
                "CA:FALSE",
                "Digital Signature\n",
                "TLS Web Client Authentication\n",
                "URI:tel:+33612345678\n",
                "Not Before: Jan 15 08:00:00 2027 GMT",
                "Not After : Jan 15 08:00:00 2028 GMT",
                "ASN1 OID: prime256v1",
                "Signature Algorithm: ecdsa-with-SHA256",
            ],
        ),
        (&encrypted, &["CA:FALSE", "TLS Web Client Authentication\n", "10235461:"]),
        (&hierarchy.gateway.certificate, &["CA:FALSE", "Key Agreement\n"]),
    ] {
        write(folder.path(), "leaf.pem", certificate.to_pem().unwrap());
        let text = openssl(folder.path(), "x509 -in leaf.pem -noout -text -nameopt RFC2253");
        for promise in
            promises.iter().chain(&["Subject Key Identifier", "Authority Key Identifier"])
        {
            assert!(text.contains(promise), "{promise:?} is missing in\n{text}");
        }
    }
}

#[test]
fn serial_numbers_are_positive_16_bytes_and_differ() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut serials: Vec<String> = (0..8)
        .map(|_| {
            let certificate = hierarchy.clear_client(&key);
            write(folder.path(), "leaf.pem", certificate.to_pem().unwrap());
            openssl(folder.path(), "x509 -in leaf.pem -noout -serial")
        })
        .collect();
    assert!(serials.iter().all(|serial| serial.trim().len() == "serial=".len() + 32));
    serials.sort();
    serials.dedup();
    assert_eq!(serials.len(), 8);
}

#[test]
fn openssl_decrypts_the_number_as_either_of_two_gateways_and_as_no_other() {
    let hierarchy = Hierarchy::new();
    let [first, second, stranger] = [(); 3].map(|()| Gateway::of(&hierarchy.issuing));
    let card = Some(Card::new("4970100000000154", "2029-12").unwrap());
    let holder = Holder { number: PhoneNumber::new(NUMBER).unwrap(), card };
    let gateways = [first.recipient(), second.recipient()];
    let phone = Phone::Encrypted { holder: &holder, gateways: &gateways };
    let key = KeyPair::generate().unwrap();
    let client = hierarchy.issue(&Profile::TlsClient { common_name: "user-42", phone }, &key);

    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "envelope.der", envelope_by_openssl(folder.path(), &client));
    for (gateway, name) in [(&first, "first"), (&second, "second"), (&stranger, "stranger")] {
        gateway.write(folder.path(), name);
    }
    for name in ["first", "second"] {
        openssl(folder.path(), &decrypt_as(name));
        let shown = openssl(folder.path(), "asn1parse -inform DER -in record.der");
        for field in
            ["INTEGER           :01", ":+33612345678    ", ":4970100000000154   ", ":2029-12"]
        {
            assert!(shown.contains(field), "{field:?} is missing in\n{shown}");
        }
    }
    assert!(!try_openssl(folder.path(), &decrypt_as("stranger")).status.success());
}

#[test]
fn a_certificate_and_an_envelope_that_openssl_made_are_read() {
    let hierarchy = Hierarchy::new();
    let folder = tempfile::tempdir().unwrap();
    hierarchy.gateway.write(folder.path(), "gateway");
    let certificate =
        openssl_client(folder.path(), "-recip gateway.pem -keyopt ecdh_kdf_md:sha256");
    let holder =
        read_phone(certificate.der(), PhoneExtension::default(), &[hierarchy.gateway.reader()])
            .unwrap();
    assert_eq!(holder.number.expose(), NUMBER);
    let card = holder.card.unwrap();
    assert_eq!((card.expose_number(), card.expose_expiry()), ("4970100000000154", "2029-12"));
}

#[test]
fn an_authority_that_openssl_made_is_loaded_and_issues() {
    let folder = tempfile::tempdir().unwrap();
    openssl(folder.path(), "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out root.key");
    openssl(
        folder.path(),
        "req -x509 -new -key root.key -subj /C=FR/O=Example/CN=Foreign -days 36500 -out root.pem \
         -addext keyUsage=critical,keyCertSign,cRLSign",
    );
    // OpenSSL's certificate begins at the wall clock's time, so the test's time must be long after it.
    let later = Validity::new(at(LATER), Duration::from_secs(365 * 86_400)).unwrap();
    let text = |name| String::from_utf8(read(folder.path(), name)).unwrap();
    let root = Authority::from_pem(&text("root.pem"), &text("root.key")).unwrap();
    let issuing = root.issuing("Test issuing authority", later).unwrap();
    let number = PhoneNumber::new(NUMBER).unwrap();
    let profile = Profile::TlsClient { common_name: "user-42", phone: Phone::Clear(&number) };
    let key = KeyPair::generate().unwrap();
    let client = issuing.issue(&profile, key.public_key(), later).unwrap();

    write(folder.path(), "issuing.pem", issuing.certificate().to_pem().unwrap());
    write(folder.path(), "client.pem", client.to_pem().unwrap());
    openssl(
        folder.path(),
        &format!(
            "verify -x509_strict -attime {LATER} -CAfile root.pem -untrusted issuing.pem client.pem"
        ),
    );
}

#[test]
fn an_authority_that_was_saved_is_loaded_and_its_key_is_readable_elsewhere() {
    let hierarchy = Hierarchy::new();
    let certificate = hierarchy.issuing.certificate().to_pem().unwrap();
    let key = hierarchy.issuing.key().expose_pem().unwrap();
    let loaded = Authority::from_pem(&certificate, &key).unwrap();
    assert_eq!(loaded.certificate(), hierarchy.issuing.certificate());

    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "issuing.key", key.as_str());
    write(folder.path(), "issuing.pem", certificate);
    assert_eq!(
        openssl(folder.path(), "pkey -in issuing.key -pubout"),
        openssl(folder.path(), "x509 -in issuing.pem -noout -pubkey")
    );
}

#[test]
fn gateways_that_openssl_encrypts_to_otherwise_are_refused_by_the_rule() {
    use countersign_certs::SealedFault as Fault;
    let hierarchy = Hierarchy::new();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    hierarchy.gateway.write(folder, "gateway");
    write(folder, "record.der", "any");
    let key = KeyPair::generate().unwrap();
    let recipient = "-recip gateway.pem -keyopt ecdh_kdf_md:sha256";
    let cases: [(_, _, Refusal); 7] = [
        (
            "an indefinite length",
            format!("-stream -aes-256-gcm -aes256-wrap -keyid {recipient}"),
            Fault::NotDer.into(),
        ),
        (
            "AES-CBC, not authenticated",
            format!("-aes-256-cbc -aes256-wrap -keyid {recipient}"),
            Fault::ContentType.into(),
        ),
        ("AES-128", format!("-aes-128-gcm -aes256-wrap -keyid {recipient}"), Fault::Cipher.into()),
        (
            "a recipient by issuer and serial",
            format!("-aes-256-gcm -aes256-wrap {recipient}"),
            Fault::RecipientKind.into(),
        ),
        (
            "a KDF with SHA-1",
            "-aes-256-gcm -aes256-wrap -keyid -recip gateway.pem".to_owned(),
            Fault::KeyAgreement.into(),
        ),
        (
            "AES-128 key wrap",
            format!("-aes-256-gcm -aes128-wrap -keyid {recipient}"),
            Fault::KeyAgreement.into(),
        ),
        (
            "no phone record inside",
            format!("-aes-256-gcm -aes256-wrap -keyid {recipient}"),
            RecordFault::Malformed.into(),
        ),
    ];
    for (rule, options, fault) in cases {
        openssl(
            folder,
            &format!(
                "cms -encrypt -binary -outform DER -in record.der -out envelope.der {options}"
            ),
        );
        let certificate =
            support::forge(&key, &[(support::EXTENSION, &read(folder, "envelope.der"))], &[]);
        let refusal =
            read_phone(&certificate, PhoneExtension::default(), &[hierarchy.gateway.reader()])
                .unwrap_err();
        assert_eq!(refusal, fault, "{rule}");
    }
}

/// 22 March 2049.
const LATER: u64 = 2_500_000_000;

/// A self-signed client certificate whose record, envelope to these recipients, and extension OpenSSL made.
pub(crate) fn openssl_client(folder: &Path, recipients: &str) -> Certificate {
    openssl(folder, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out client.key");
    openssl(folder, "pkey -in client.key -pubout -outform DER -out spki.der");
    let hash = openssl(folder, "dgst -sha256 -hex -r spki.der");
    let (hash, _) = hash.split_once(' ').unwrap();
    write(
        folder,
        "record.cnf",
        format!(
            "asn1 = SEQUENCE:record\n[record]\nversion = INTEGER:1\nnumber = IA5:\"{NUMBER}    \"\n\
             salt = FORMAT:HEX,OCTETSTRING:{salt}\nhash = FORMAT:HEX,OCTETSTRING:{hash}\ncard = SEQUENCE:card\n\
             [card]\nnumber = IA5:\"4970100000000154   \"\nexpiry = IA5:2029-12\n",
            salt = "5a".repeat(16)
        ),
    );
    openssl(folder, "asn1parse -genconf record.cnf -noout -out record.der");
    openssl(
        folder,
        &format!(
            "cms -encrypt -binary -outform DER -in record.der -out envelope.der -aes-256-gcm -aes256-wrap -keyid \
             {recipients}"
        ),
    );
    let envelope: String =
        read(folder, "envelope.der").iter().map(|byte| format!("{byte:02x}")).collect();
    openssl(
        folder,
        &format!(
            "req -x509 -new -key client.key -subj /CN=user -out client.pem -addext {}=DER:{envelope}",
            PhoneExtension::default()
        ),
    );
    Certificate::from_pem(&String::from_utf8(read(folder, "client.pem")).unwrap()).unwrap()
}

/// The value of a certificate's extension, cut out by OpenSSL.
pub(crate) fn envelope_by_openssl(folder: &Path, certificate: &Certificate) -> Vec<u8> {
    write(folder, "certificate.der", certificate.der());
    let shown = openssl(folder, "asn1parse -inform DER -in certificate.der");
    let mut lines =
        shown.lines().skip_while(|line| !line.contains(&PhoneExtension::default().to_string()));
    let value = lines.nth(1).expect("the extension's value follows its identifier");
    assert!(value.contains("OCTET STRING"), "not critical, so no BOOLEAN before it: {value}");
    let (offset, _) = value.trim().split_once(':').unwrap();
    openssl(
        folder,
        &format!(
            "asn1parse -inform DER -in certificate.der -strparse {offset} -noout -out envelope.der"
        ),
    );
    read(folder, "envelope.der")
}

fn write_authorities(folder: &Path, hierarchy: &Hierarchy) {
    write(folder, "root.pem", hierarchy.root.certificate().to_pem().unwrap());
    write(folder, "issuing.pem", hierarchy.issuing.certificate().to_pem().unwrap());
}

pub(crate) fn decrypt_as(gateway: &str) -> String {
    format!(
        "cms -decrypt -binary -inform DER -in envelope.der -recip {gateway}.pem -inkey {gateway}.key -out record.der"
    )
}

/// SET's `EK`: what is answered under a key that was sent along.
#[test]
fn openssl_reads_and_makes_what_is_under_a_shared_key() {
    use countersign_certs::{RecipientCertificate, RecipientKey, SealedFault, cms::sealed};
    let folder = tempfile::tempdir().unwrap();
    let (id, key) = ([7; 20], [9; 32]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let shared = format!("-secretkey {} -secretkeyid {}", hex(&key), hex(&id));
    let message = sealed::seal(b"content", &[RecipientCertificate::shared(&id, &key)]).unwrap();
    write(folder.path(), "sealed.der", &message);
    let arguments = "cms -decrypt -binary -inform DER -in sealed.der -out opened.bin";
    openssl(folder.path(), &format!("{arguments} {shared}"));
    assert_eq!(read(folder.path(), "opened.bin"), b"content");

    write(folder.path(), "plain.bin", b"another");
    let arguments = "cms -encrypt -binary -outform DER -in plain.bin -out made.der -aes-256-gcm";
    openssl(folder.path(), &format!("{arguments} {shared}"));
    let made = read(folder.path(), "made.der");
    let own = [RecipientKey::shared(&id, &key)];
    assert_eq!(*sealed::open(&made, &own).unwrap(), b"another");
    for (name, other, fault) in [
        ("another key", RecipientKey::shared(&id, &[8; 32]), SealedFault::WrappedKey),
        ("another identifier", RecipientKey::shared(&[6; 20], &key), SealedFault::WrongRecipient),
    ] {
        assert_eq!(sealed::open(&made, &[other]).map(|_| ()), Err(fault), "{name}");
    }
}
