//! Python reads what is issued here, with the program of `docs/guides/read-elsewhere.md`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use cms::{authenveloped_data::AuthEnvelopedData, content_info::ContentInfo};
use countersign_certs::{Certificate, CertificateDer, KeyPair, PhoneExtension};
use der::{Any, Decode, Encode, asn1::OctetString};

use crate::support::{EXTENSION, Gateway, Hierarchy, NUMBER, forge, holder, run, write};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/python");

/// The longest, in seconds, that making the environment, fetching and reading may each take.
const WITHIN_SECONDS: u32 = 120;

#[test]
fn python_reads_a_number_that_was_encrypted_here() {
    let case = Case::new();
    let (done, said) = case.read(case.client.der());
    assert!(done, "{said}");
    assert_eq!(said.trim(), NUMBER);
}

#[test]
fn python_refuses_what_is_not_as_it_was_written_here() {
    let case = Case::new();
    let envelope = case.envelope();
    let stranger = KeyPair::generate().unwrap();
    let in_another = forge(&stranger, &[(EXTENSION, &envelope)], &[]);
    let altered = |alter: fn(&mut AuthEnvelopedData)| {
        let altered = altered(&envelope, alter);
        forge(&case.key, &[(EXTENSION, &altered)], &[])
    };
    for (rule, certificate, refusal) in [
        ("no number in it", forge(&case.key, &[], &[]), "there is not one encrypted number"),
        (
            "another number in clear",
            forge(&case.key, &[(EXTENSION, &envelope)], &["TEL:+33699999999"]),
            "another number, in clear",
        ),
        (
            "bytes behind it",
            forge(&case.key, &[(EXTENSION, &[&envelope[..], &[5, 0]].concat())], &[]),
            "trailing data",
        ),
        (
            "a tag of 12 bytes",
            altered(|e| e.mac = OctetString::new(&e.mac.as_bytes()[..12]).unwrap()),
            "nonce or tag of another length",
        ),
        ("a nonce of 16 bytes", altered(lengthen_nonce), "nonce or tag of another length"),
        (
            "a tag that was turned",
            altered(|e| e.mac = OctetString::new([0; 16]).unwrap()),
            "InvalidTag",
        ),
        ("an envelope for another key", in_another, "made for another certificate"),
    ] {
        let (done, said) = case.read(&certificate);
        assert!(!done, "{rule}");
        assert!(said.contains(refusal), "{rule}:\n{said}");
    }
}

#[test]
fn python_refuses_an_envelope_for_other_gateways() {
    let mut case = Case::new();
    case.hierarchy.gateway = Gateway::of(&case.hierarchy.issuing);
    let (done, said) = case.read(case.client.der());
    assert!(!done && said.contains("encrypted to other gateways"), "{said}");
}

struct Case {
    hierarchy: Hierarchy,
    key: KeyPair,
    client: Certificate,
}

impl Case {
    fn new() -> Self {
        let hierarchy = Hierarchy::new();
        let key = KeyPair::generate().unwrap();
        let client = hierarchy.encrypted_client(&key, &holder());
        Self { hierarchy, key, client }
    }

    /// What the guide's program says of a certificate, as the gateway.
    fn read(&self, certificate: &CertificateDer<'_>) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::from_der(certificate.clone().into_owned()).unwrap();
        write(folder.path(), "client.pem", certificate.to_pem().unwrap());
        self.hierarchy.gateway.write(folder.path(), "gateway");
        let python = environment().join("bin/python");
        let arguments = format!(
            "{WITHIN_SECONDS} {} {GUIDE}/read_phone.py client.pem gateway.pem gateway.key",
            python.display()
        );
        run(folder.path(), "timeout", &arguments)
    }

    fn envelope(&self) -> Vec<u8> {
        let (_, parsed) = x509_parser::parse_x509_certificate(self.client.der()).unwrap();
        let extension = parsed
            .iter_extensions()
            .find(|extension| extension.oid.to_id_string() == PhoneExtension::default().to_string())
            .unwrap();
        extension.value.to_vec()
    }
}

/// Where the packages are that the guide asks for. Made once for each list of them; pip fetches them the first time.
fn environment() -> &'static Path {
    static ENVIRONMENT: OnceLock<PathBuf> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("read-phone");
        let wanted = fs::read(Path::new(GUIDE).join("requirements.txt")).unwrap();
        let installed = folder.join("installed.txt");
        if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
            return folder;
        }
        let place = folder.display();
        for step in [
            format!("python3 -m venv --clear {place}"),
            format!(
                "{place}/bin/pip --quiet --disable-pip-version-check install --only-binary :all: \
                 --requirement {GUIDE}/requirements.txt"
            ),
        ] {
            let (done, said) = run(Path::new("/"), "timeout", &format!("{WITHIN_SECONDS} {step}"));
            assert!(
                done,
                "these tests need Python 3 with venv, and the network once: {step}\n{said}"
            );
        }
        fs::write(installed, wanted).unwrap();
        folder
    })
}

fn altered(envelope: &[u8], alter: fn(&mut AuthEnvelopedData)) -> Vec<u8> {
    let mut outer = ContentInfo::from_der(envelope).unwrap();
    let mut enveloped: AuthEnvelopedData = outer.content.decode_as().unwrap();
    alter(&mut enveloped);
    outer.content = Any::encode_from(&enveloped).unwrap();
    outer.to_der().unwrap()
}

/// GCMParameters with 16 bytes of nonce, which GCM knows too (RFC 5084 section 3.2).
fn lengthen_nonce(enveloped: &mut AuthEnvelopedData) {
    let parameters = [&[0x30, 21, 4, 16][..], &[7; 16], &[2, 1, 16]].concat();
    let algorithm = &mut enveloped.auth_encrypted_content_info.content_enc_alg;
    algorithm.parameters = Some(Any::from_der(&parameters).unwrap());
}
