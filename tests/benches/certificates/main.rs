//! Certificates issued, beside PyPI `cryptography`, and encrypted numbers read, beside the bare cryptography in it:
//! `cargo bench -p countersign-tests --bench certificates`. Without Python 3 there is no peer.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

mod bare;
mod peer;

use std::{
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use countersign_certs::{
    Authority, Certificate, Holder, KeyPair, KeyUse, Phone, PhoneExtension, PhoneNumber, Profile,
    RecipientCertificate, RecipientKey, TrustAnchors, UnixTime, Validity, read_phone,
};
use countersign_tests::load::table::{Row, disturbance, foreign, ratio, title, watched};

use crate::{bare::Bare, peer::Peer};

const PASSES: usize = 5;
/// How long each contender runs in each pass.
const PASS: Duration = Duration::from_secs(1);
/// Names of profiles, as the peer knows them too.
const PROFILES: [&str; 3] = ["clear", "encrypted", "server"];
const DAY: u64 = 86_400;

fn main() {
    let house = House::new();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    house.write(folder.path());
    let mut peer = Peer::start(folder.path(), PASS);
    let bare = Bare::new(house.authority.key());
    let client = house.issue("encrypted");
    let row = |of: &str, what: &str| Row::new(format!("{of}: {what}"));
    let mut ours = PROFILES.map(|profile| row("countersign-certs", profile));
    let mut theirs = PROFILES.map(|profile| row("cryptography", profile));
    let mut signed = Row::new("ring: a bare ECDSA P-256 signature");
    let mut read = Row::new("read_phone of an encrypted number");
    let mut opened = Row::new("aws-lc-rs: a bare ECDH P-256 and AES-256-GCM open");
    let mut foreign = foreign();
    for _ in 0..PASSES {
        let processes: Vec<u32> = peer.iter().map(Peer::id).collect();
        watched(&mut foreign, &processes, || {
            for ((profile, ours), theirs) in PROFILES.iter().zip(&mut ours).zip(&mut theirs) {
                ours.add(rate(|| house.issue(profile)));
                if let Some(peer) = &mut peer {
                    let (rate, last) = peer.issue(profile);
                    house.check(profile, last);
                    theirs.add(rate);
                }
            }
            signed.add(rate(|| bare.sign()));
            read.add(rate(|| house.read(&client)));
            opened.add(rate(|| bare.open()));
        });
    }
    title("Certificates issued per second, P-256, one thread");
    ours.iter().chain(&theirs).for_each(Row::print);
    signed.print();
    title("Encrypted numbers read per second, one thread");
    read.print();
    opened.print();
    disturbance(&foreign);
    println!();
    if peer.is_none() {
        println!("No peer in this run: there is no Python 3 with venv, or no network for pip");
    }
    for ((profile, ours), theirs) in PROFILES.iter().zip(&ours).zip(&theirs) {
        let what = format!("issued, {profile}: ours / cryptography");
        ratio(&what, ours.median(), theirs.median(), "none set");
    }
    let [clear, ..] = &ours;
    let what = "issued, clear: ours / the bare signature";
    ratio(what, clear.median(), signed.median(), "none set");
    let what = "read: ours / the bare ECDH and open";
    ratio(what, read.median(), opened.median(), "none set");
}

/// How often in a second.
fn rate<T>(what: impl Fn() -> T) -> f64 {
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < PASS {
        black_box(what());
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

/// An authority, a gateway, and a subject who asks again and again.
struct House {
    authority: Authority,
    gateway: Certificate,
    readers: [RecipientKey; 1],
    recipients: [RecipientCertificate; 1],
    holder: Holder,
    subject: KeyPair,
    year: Validity,
}

impl House {
    fn new() -> Self {
        let year = Validity::new(now(), Duration::from_secs(365 * DAY)).unwrap();
        let authority = Authority::root("Bench authority", year).unwrap();
        let gateway_key = KeyPair::generate().unwrap();
        let profile =
            Profile::PaymentGateway { common_name: "Bench gateway", key_use: KeyUse::KeyExchange };
        let gateway = authority.issue(&profile, gateway_key.public_key(), year).unwrap();
        Self {
            readers: [RecipientKey::new(&gateway, &gateway_key).unwrap()],
            recipients: [RecipientCertificate::new(&gateway).unwrap()],
            authority,
            gateway,
            holder: Holder { number: PhoneNumber::new(NUMBER).unwrap(), card: None },
            subject: KeyPair::generate().unwrap(),
            year,
        }
    }

    fn write(&self, folder: &Path) {
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("authority.pem", &self.authority.certificate().to_pem().unwrap());
        write("authority.key", &self.authority.key().expose_pem().unwrap());
        write("gateway.pem", &self.gateway.to_pem().unwrap());
        write("subject.key", &self.subject.expose_pem().unwrap());
    }

    fn issue(&self, profile: &str) -> Certificate {
        let common_name = "user-42";
        let phone = match profile {
            "clear" => Some(Phone::Clear(&self.holder.number)),
            "encrypted" => {
                Some(Phone::Encrypted { holder: &self.holder, gateways: &self.recipients })
            }
            _ => None,
        };
        let profile = match phone {
            Some(phone) => Profile::TlsClient { common_name, phone },
            None => Profile::TlsServer {
                common_name,
                dns_names: &["shop.example", "www.shop.example"],
                ip_addresses: &[],
            },
        };
        let key = self.subject.public_key();
        self.authority.issue(&profile, key, self.year).unwrap()
    }

    fn read(&self, certificate: &Certificate) -> Holder {
        let extension = PhoneExtension::default();
        read_phone(certificate.der(), extension, &self.readers).unwrap()
    }

    /// The peer does the same work: its clients are trusted, and its numbers are read.
    fn check(&self, profile: &str, issued: Vec<u8>) {
        let ours = self.issue(profile).der().len();
        assert!(issued.len().abs_diff(ours) < 16, "{profile}: another size");
        if profile == "server" {
            return;
        }
        let anchors = TrustAnchors::new(&[self.authority.certificate().clone()]).unwrap();
        let client = anchors.verify_client(&[issued.into()], now()).unwrap();
        let holder = client.phone(&self.readers).unwrap();
        assert_eq!(holder.number.expose(), NUMBER);
    }
}

/// 15 January 2027.
fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000))
}

const NUMBER: &str = "+33612345678";
