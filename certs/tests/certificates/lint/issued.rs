//! Everything that authorities here issue: each kind of authority, each profile, each kind of key, and lists.

use std::{sync::LazyLock, time::Duration};

use countersign_certs::{
    Authority, AuthorityKind, AuthorityProfile, Card, Certificate, Error, Holder, KeyKind, KeyPair,
    KeyUse, Phone, PhoneNumber, Profile, RecipientCertificate, RevocationReason, Revoked, Serial,
    Validity,
};

use crate::support::{Gateway, Hierarchy, NOW, NUMBER, at, holder};

/// 1 June 2049: what is issued then for a year ends after the last UTCTime (RFC 5280 section 4.1.2.5).
const LATE: u64 = 2_506_118_400;
const DAY: u64 = 86_400;

/// A certificate or a list, and who signed it.
pub(super) struct Issued {
    pub(super) what: String,
    pub(super) der: Vec<u8>,
    /// The authority's own certificate; of a root, its own.
    pub(super) issuer: Vec<u8>,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Authority,
    EndEntity,
    List,
}

static EVERYTHING: LazyLock<Vec<Issued>> = LazyLock::new(|| {
    let mut everything = Vec::new();
    for (begin, kind) in [(NOW, KeyKind::P256), (LATE, KeyKind::Rsa3072)] {
        House { begin, kind }.issue(&mut everything);
    }
    everything
});

pub(super) fn certificates() -> impl Iterator<Item = &'static Issued> {
    EVERYTHING.iter().filter(|issued| issued.kind != Kind::List)
}

pub(super) fn lists() -> impl Iterator<Item = &'static Issued> {
    EVERYTHING.iter().filter(|issued| issued.kind == Kind::List)
}

/// Authorities of one kind of key, from that time on.
struct House {
    begin: u64,
    kind: KeyKind,
}

impl House {
    fn days(&self, count: u64) -> Validity {
        Validity::new(at(self.begin), Duration::from_secs(count * DAY)).unwrap()
    }

    fn key(&self) -> KeyPair {
        KeyPair::generate_kind(self.kind).unwrap()
    }

    fn issue(&self, everything: &mut Vec<Issued>) {
        let profile = AuthorityProfile {
            organization: Some("Carte d\u{2019}exemple"),
            country: Some("FR"),
            ..AuthorityProfile::new(AuthorityKind::Root, "Root")
        };
        let serial = Serial::random().unwrap();
        let root = Authority::new_root(&profile, self.key(), self.days(9_000), serial).unwrap();
        let certificate = root.certificate().der().to_vec();
        everything.push(Issued {
            what: format!("{:?} root", self.kind),
            issuer: certificate.clone(),
            der: certificate,
            kind: Kind::Authority,
        });
        let brand = self.below(&root, AuthorityKind::Brand, 5_000, everything);
        let country = self.below(&brand, AuthorityKind::Geopolitical, 4_000, everything);
        for kind in [
            AuthorityKind::Issuing,
            AuthorityKind::Cardholders,
            AuthorityKind::Merchants,
            AuthorityKind::Gateways,
        ] {
            let authority = self.below(&country, kind, 3_000, everything);
            self.end_entities(&authority, everything);
            self.lists(&authority, everything);
        }
    }

    fn below(
        &self,
        above: &Authority,
        kind: AuthorityKind,
        days: u64,
        everything: &mut Vec<Issued>,
    ) -> Authority {
        let is_for_servers = kind == AuthorityKind::Merchants || kind == AuthorityKind::Gateways;
        let name = format!("{kind:?}");
        let profile = AuthorityProfile {
            dns_domains: if is_for_servers { &["example"] } else { &[] },
            ..AuthorityProfile::new(kind, &name)
        };
        let (key, serial) = (self.key(), Serial::random().unwrap());
        let certificate = above.certify(&profile, key.public_key(), self.days(days), serial);
        let certificate = certificate.unwrap();
        everything.push(self.issued(&certificate, above, Kind::Authority, &name));
        let url = "http://authority.example/list.crl".to_owned();
        Authority::new(certificate, key).unwrap().with_revocation_list_url(Some(url)).unwrap()
    }

    fn issued(&self, what: &Certificate, by: &Authority, kind: Kind, name: &str) -> Issued {
        Issued {
            what: format!("{:?} {name}", self.kind),
            der: what.der().to_vec(),
            issuer: by.certificate().der().to_vec(),
            kind,
        }
    }

    /// What this authority may issue, for each kind of key.
    fn end_entities(&self, authority: &Authority, everything: &mut Vec<Issued>) {
        let numbers = Numbers::new();
        let before = everything.len();
        for key in [KeyKind::P256, KeyKind::Rsa3072] {
            let key = KeyPair::generate_kind(key).unwrap();
            for profile in profiles(&numbers) {
                match authority.issue(&profile, key.public_key(), self.days(365)) {
                    Ok(certificate) => {
                        let name = format!("{profile:?}");
                        let issued = self.issued(&certificate, authority, Kind::EndEntity, &name);
                        everything.push(issued);
                    }
                    // Those with domains exclude every address.
                    Err(Error::MayNotIssue | Error::NameOutsideDomains) => {}
                    Err(error) => panic!("{profile:?}: {error}"),
                }
            }
        }
        assert!(everything.len() >= before + 2, "it issues nothing");
    }

    /// A list without entries, and one with an entry for each reason.
    fn lists(&self, authority: &Authority, everything: &mut Vec<Issued>) {
        let revoked = RevocationReason::ALL.map(|(reason, _)| Revoked {
            serial: Serial::random().unwrap(),
            at: at(self.begin),
            reason,
        });
        for entries in [&[][..], &revoked] {
            let list = authority.revocation_list(entries, 128, self.days(365));
            everything.push(Issued {
                what: format!("{:?} list of {}", self.kind, entries.len()),
                der: list.unwrap().der().to_vec(),
                issuer: authority.certificate().der().to_vec(),
                kind: Kind::List,
            });
        }
    }
}

struct Numbers {
    clear: PhoneNumber,
    alone: Holder,
    with_card: Holder,
    gateways: Vec<RecipientCertificate>,
}

impl Numbers {
    fn new() -> Self {
        let hierarchy = Hierarchy::new();
        let another = || Gateway::of(&hierarchy.issuing).recipient();
        Self {
            clear: PhoneNumber::new(NUMBER).unwrap(),
            alone: holder(),
            with_card: Holder {
                number: PhoneNumber::new(NUMBER).unwrap(),
                card: Some(Card::new("4970100000000154", "2029-12").unwrap()),
            },
            gateways: vec![hierarchy.gateway.recipient(), another(), another()],
        }
    }

    fn encrypted<'a>(&'a self, holder: &'a Holder, gateways: usize) -> Phone<'a> {
        let gateways = &self.gateways[..gateways];
        Phone::Encrypted { holder, gateways }
    }
}

fn profiles(numbers: &Numbers) -> Vec<Profile<'_>> {
    let mut profiles = vec![Profile::TlsServer {
        common_name: "shop",
        dns_names: &["shop.example", "www.shop.example"],
        ip_addresses: &[
            std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ],
    }];
    let common_name = "Zo\u{eb}, user-42";
    let phones = || {
        [
            Phone::Clear(&numbers.clear),
            numbers.encrypted(&numbers.alone, 1),
            numbers.encrypted(&numbers.with_card, 3),
        ]
    };
    let clients = phones().map(|phone| Profile::TlsClient { common_name, phone });
    let holders = phones().map(|phone| Profile::Cardholder { common_name, phone });
    profiles.extend(clients.into_iter().chain(holders));
    for key_use in [KeyUse::Signature, KeyUse::KeyExchange] {
        profiles.push(Profile::Merchant { common_name, key_use });
        profiles.push(Profile::PaymentGateway { common_name, key_use });
    }
    profiles
}
