//! What the tests share: a small hierarchy, and OpenSSL to judge it.

use std::{
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use countersign_certs::{
    Authority, Certificate, CertificateDer, Holder, KeyPair, KeyUse, Phone, PhoneNumber, Profile,
    RecipientCertificate, RecipientKey, TrustAnchors, UnixTime, Validity,
};

/// 15 January 2027, the time of all tests.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const NUMBER: &str = "+33612345678";

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(crate) fn days(count: u64) -> Validity {
    Validity::new(at(NOW), Duration::from_secs(count * 86_400)).unwrap()
}

/// Root, issuing authority and one gateway.
pub(crate) struct Hierarchy {
    pub(crate) root: Authority,
    pub(crate) issuing: Authority,
    pub(crate) gateway: Gateway,
}

pub(crate) struct Gateway {
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

impl Hierarchy {
    pub(crate) fn new() -> Self {
        let root = Authority::root("Test root", days(3650)).unwrap();
        let issuing = root.issuing("Test issuing authority", days(1825)).unwrap();
        let gateway = Gateway::of(&issuing);
        Self { root, issuing, gateway }
    }

    pub(crate) fn anchors(&self) -> TrustAnchors {
        TrustAnchors::new(&[self.root.certificate().clone()]).unwrap()
    }

    pub(crate) fn issue(&self, profile: &Profile<'_>, key: &KeyPair) -> Certificate {
        self.issuing.issue(profile, key.public_key(), days(365)).unwrap()
    }

    pub(crate) fn clear_client(&self, key: &KeyPair) -> Certificate {
        let number = PhoneNumber::new(NUMBER).unwrap();
        let phone = Phone::Clear(&number);
        self.issue(&Profile::TlsClient { common_name: "user-42", phone }, key)
    }

    pub(crate) fn encrypted_client(&self, key: &KeyPair, holder: &Holder) -> Certificate {
        let gateways = [self.gateway.recipient()];
        let phone = Phone::Encrypted { holder, gateways: &gateways };
        self.issue(&Profile::TlsClient { common_name: "user-42", phone }, key)
    }

    /// The chain as a client sends it: its own certificate and the issuing authority's.
    pub(crate) fn chain(&self, client: &Certificate) -> Vec<CertificateDer<'static>> {
        vec![client.der().clone(), self.issuing.certificate().der().clone()]
    }
}

impl Gateway {
    pub(crate) fn of(authority: &Authority) -> Self {
        let key = KeyPair::generate().unwrap();
        let profile =
            Profile::PaymentGateway { common_name: "Test gateway", key_use: KeyUse::KeyExchange };
        let certificate = authority.issue(&profile, key.public_key(), days(365)).unwrap();
        Self { certificate, key }
    }

    pub(crate) fn recipient(&self) -> RecipientCertificate {
        RecipientCertificate::new(&self.certificate).unwrap()
    }

    pub(crate) fn reader(&self) -> RecipientKey {
        RecipientKey::new(&self.certificate, &self.key).unwrap()
    }

    /// Writes `<name>.pem` and `<name>.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        write(folder, &format!("{name}.pem"), self.certificate.to_pem().unwrap());
        write(folder, &format!("{name}.key"), self.key.expose_pem().unwrap().as_str());
    }
}

pub(crate) fn holder() -> Holder {
    Holder { number: PhoneNumber::new(NUMBER).unwrap(), card: None }
}

pub(crate) fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), content).unwrap();
}

pub(crate) fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

/// Runs OpenSSL in a folder; `arguments` are parted by spaces. Panics with what it said when it fails.
pub(crate) fn openssl(folder: &Path, arguments: &str) -> String {
    let output = try_openssl(folder, arguments);
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "openssl {arguments}\n{said}\n{complained}");
    said.into_owned()
}

/// Runs OpenSSL in a folder, whether it succeeds or not.
pub(crate) fn try_openssl(folder: &Path, arguments: &str) -> Output {
    Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("these tests need the openssl program (3.0 or later) in PATH; install it")
}

/// Runs a program in a folder, whether it succeeds or not; `arguments` are parted by spaces. What it says on both
/// streams is in the text.
pub(crate) fn run(folder: &Path, program: &str, arguments: &str) -> (bool, String) {
    let output = Command::new(program)
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!("these tests need {program}, which tests/install.sh installs: {error}")
        });
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The arcs of the extension that bears an encrypted number.
pub(crate) const EXTENSION: &[u64] =
    &[1, 2, 840, 113556, 1, 8000, 2554, 31838, 7946, 37812, 19758, 35425, 998269, 10235461];

/// The arcs of TNAuthList (RFC 8226).
pub(crate) const TN_AUTH_LIST: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 26];

/// A self-signed certificate with any extensions and any URIs, for what no authority of ours would issue.
pub(crate) fn forge(
    key: &KeyPair,
    extensions: &[(&[u64], &[u8])],
    uris: &[&str],
) -> CertificateDer<'static> {
    let mut params = rcgen::CertificateParams::default();
    params.custom_extensions = extensions
        .iter()
        .map(|(oid, value)| rcgen::CustomExtension::from_oid_content(oid, value.to_vec()))
        .collect();
    params.subject_alt_names =
        uris.iter().map(|uri| rcgen::SanType::URI((*uri).try_into().unwrap())).collect();
    let key = rcgen::KeyPair::from_pem(&key.expose_pem().unwrap()).unwrap();
    params.self_signed(&key).unwrap().der().clone()
}
