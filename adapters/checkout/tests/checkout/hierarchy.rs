//! Authorities, a gateway, and clients' certificates that bear a phone number.

use std::time::Duration;

use countersign_certs::{
    Authority, Card, Certificate, Holder, KeyPair, KeyUse, Phone, PhoneNumber, Profile,
    RecipientCertificate, RecipientKey, RevocationReason, Revoked, TrustAnchors, UnixTime,
    Validity,
};
use countersign_domain::{testing::START, time::Timestamp};
use countersign_web::holder::CertificateReader;
use countersign_web::peer_certificate::PeerCertificates;

use crate::support::{NUMBER, Shop};

const DAY: i64 = 86_400;

/// That many days, from a day that is so far from the fixtures' first.
pub(crate) fn days(from: i64, count: u64) -> Validity {
    let start = START.unix_seconds().checked_add_signed(from * DAY).unwrap();
    let not_before = UnixTime::since_unix_epoch(Duration::from_secs(start));
    Validity::new(not_before, Duration::from_secs(count * 86_400)).unwrap()
}

/// A root, an issuing authority, and a gateway that reads what is encrypted to it.
pub(crate) struct Hierarchy {
    root: Authority,
    issuing: Authority,
    pub(crate) gateway: Certificate,
    gateway_key: KeyPair,
}

impl Hierarchy {
    pub(crate) fn new(name: &str) -> Self {
        let root = Authority::root(name, days(-100, 3650)).unwrap();
        let issuing = root.issuing(&format!("{name} issuer"), days(-100, 1825)).unwrap();
        let gateway_key = KeyPair::generate().unwrap();
        let profile =
            Profile::PaymentGateway { common_name: "Test gateway", key_use: KeyUse::KeyExchange };
        let gateway = issuing.issue(&profile, gateway_key.public_key(), days(0, 365)).unwrap();
        Self { root, issuing, gateway, gateway_key }
    }

    /// What is trusted once that client's certificate is revoked.
    pub(crate) fn revoking(&self, client: &PeerCertificates, since: Timestamp) -> TrustAnchors {
        let own = Certificate::from_file(client.0.first().unwrap()).unwrap();
        let since = UnixTime::since_unix_epoch(Duration::from_secs(since.unix_seconds()));
        let reason = RevocationReason::KeyCompromise;
        let entry = Revoked { serial: own.serial().unwrap(), at: since, reason };
        let lists = [(&self.root, &[][..]), (&self.issuing, &[entry])]
            .map(|(authority, revoked)| authority.revocation_list(revoked, 1, days(0, 7)).unwrap());
        self.anchors().with_revocation_lists(&lists).unwrap()
    }

    fn anchors(&self) -> TrustAnchors {
        TrustAnchors::new(&[self.root.certificate().clone()]).unwrap()
    }

    /// A shop that trusts this root and has this gateway's key.
    pub(crate) fn shop(&self) -> Shop {
        let anchors = self.anchors();
        let key = RecipientKey::new(&self.gateway, &self.gateway_key).unwrap();
        Shop::trusting(Some(CertificateReader::new(anchors, vec![key])))
    }

    /// What a client sends: its own certificate, and the issuing authority's.
    pub(crate) fn present(&self, profile: &Profile<'_>, validity: Validity) -> PeerCertificates {
        let key = KeyPair::generate().unwrap();
        let client = self.issuing.issue(profile, key.public_key(), validity);
        let der = |certificate: &Certificate| certificate.der().to_vec();
        PeerCertificates(vec![der(&client.unwrap()), der(self.issuing.certificate())])
    }

    pub(crate) fn clear(&self, validity: Validity) -> PeerCertificates {
        let number = PhoneNumber::new(NUMBER).unwrap();
        self.present(&client(Phone::Clear(&number)), validity)
    }

    /// A number that is encrypted to that gateway.
    pub(crate) fn encrypted(&self, card: Option<&str>, gateway: &Certificate) -> PeerCertificates {
        let holder = Holder {
            number: PhoneNumber::new(NUMBER).unwrap(),
            card: card.map(|number| Card::new(number, "2029-12").unwrap()),
        };
        let phone = Phone::Encrypted {
            holder: &holder,
            gateways: &[RecipientCertificate::new(gateway).unwrap()],
        };
        self.present(&client(phone), days(0, 365))
    }
}

fn client(phone: Phone<'_>) -> Profile<'_> {
    Profile::TlsClient { common_name: "user-42", phone }
}
