//! GnuTLS judges what is issued here.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use countersign_certs::{
    Authority, Certificate, KeyPair, KeyUse, Phone, PhoneExtension, PhoneNumber, Profile,
    RecipientCertificate, UnixTime, Validity,
};

use crate::support::{NUMBER, holder, run, write};

const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";

#[test]
fn gnutls_verifies_both_ways_to_bear_a_number_for_clients_only() {
    let issued = Issued::now();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    issued.write(folder);
    for name in ["clear", "encrypted"] {
        let (trusted, said) = verify(folder, "root.pem", name, CLIENT_AUTH);
        assert!(trusted, "{name}\n{said}");
        let (trusted, said) = verify(folder, "root.pem", name, SERVER_AUTH);
        assert!(!trusted, "{name} is trusted as a server\n{said}");
        let (trusted, said) = verify(folder, "stranger.pem", name, CLIENT_AUTH);
        assert!(!trusted, "{name} is trusted under another root\n{said}");
    }
}

#[test]
fn gnutls_shows_the_number_in_clear_and_the_extension_that_it_does_not_know() {
    let issued = Issued::now();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    issued.write(folder);
    let extension = format!("Unknown extension {} (not critical)", PhoneExtension::default());
    for (name, promises) in
        [("clear", &["URI: tel:+33612345678\n"][..]), ("encrypted", &[extension.as_str()])]
    {
        let (shown, text) =
            run(folder, "certtool", &format!("--certificate-info --infile {name}.pem"));
        assert!(shown, "{text}");
        for promise in promises.iter().chain(&[
            "Certificate Authority (CA): FALSE",
            "Digital signature.",
            "TLS WWW Client.",
        ]) {
            assert!(text.contains(promise), "{promise:?} is missing in\n{text}");
        }
    }
}

/// Certificates that are valid now.
struct Issued {
    root: Certificate,
    stranger: Certificate,
    issuing: Certificate,
    clear: Certificate,
    encrypted: Certificate,
}

impl Issued {
    fn now() -> Self {
        let valid = today();
        let root = Authority::root("Test root", valid).unwrap();
        let stranger = Authority::root("Test root", valid).unwrap();
        let issuing = root.issuing("Test issuing authority", valid).unwrap();
        let key = KeyPair::generate().unwrap();
        let issue =
            |profile: &Profile<'_>| issuing.issue(profile, key.public_key(), valid).unwrap();

        let gateway = issue(&Profile::PaymentGateway {
            common_name: "Test gateway",
            key_use: KeyUse::KeyExchange,
        });
        let gateways = [RecipientCertificate::new(&gateway).unwrap()];
        let (number, holder) = (PhoneNumber::new(NUMBER).unwrap(), holder());
        let client = |phone| issue(&Profile::TlsClient { common_name: "user-42", phone });
        Self {
            clear: client(Phone::Clear(&number)),
            encrypted: client(Phone::Encrypted { holder: &holder, gateways: &gateways }),
            root: root.certificate().clone(),
            stranger: stranger.certificate().clone(),
            issuing: issuing.certificate().clone(),
        }
    }

    /// Writes the roots, and each client with its issuing authority behind it, as a chain is written in PEM.
    fn write(&self, folder: &Path) {
        let issuing = self.issuing.to_pem().unwrap();
        write(folder, "root.pem", self.root.to_pem().unwrap());
        write(folder, "stranger.pem", self.stranger.to_pem().unwrap());
        for (name, client) in [("clear", &self.clear), ("encrypted", &self.encrypted)] {
            let chain = format!("{}{issuing}", client.to_pem().unwrap());
            write(folder, &format!("{name}.pem"), chain);
        }
    }
}

fn verify(folder: &Path, root: &str, name: &str, purpose: &str) -> (bool, String) {
    let arguments = format!(
        "--verify --verify-profile medium --load-ca-certificate {root} --verify-purpose {purpose} --infile {name}.pem"
    );
    run(folder, "certtool", &arguments)
}

/// From an hour ago to tomorrow.
#[expect(
    clippy::disallowed_methods,
    reason = "certtool looks at the machine's clock and takes no other time"
)]
pub(crate) fn today() -> Validity {
    let hour = Duration::from_secs(3600);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Validity::new(UnixTime::since_unix_epoch(now - hour), 25 * hour).unwrap()
}
