//! Figure 11's hierarchy: root, brand, geopolitical, and three kinds of issuing authority, each kept to its own.

use countersign_certs::{
    Authority, AuthorityKind, AuthorityProfile, Certificate, CertificateDer, Error, KeyKind,
    KeyPair, KeyUse, Phone, PhoneNumber, Profile, Refusal, Serial, TrustAnchors, Validity,
};

use crate::support::{NOW, NUMBER, at, days, openssl, write};

/// Root, brand, geopolitical and an issuing authority of that kind.
struct Brand {
    root: Authority,
    brand: Authority,
    region: Authority,
}

fn below(above: &Authority, profile: &AuthorityProfile<'_>, lifetime: Validity) -> Authority {
    let key = KeyPair::generate().unwrap();
    let serial = Serial::random().unwrap();
    let certificate = above.certify(profile, key.public_key(), lifetime, serial).unwrap();
    Authority::new(certificate, key).unwrap()
}

impl Brand {
    fn new() -> Self {
        let root = Authority::root("Root", days(9_000)).unwrap();
        let brand = AuthorityProfile {
            organization: Some("Example Card"),
            ..AuthorityProfile::new(AuthorityKind::Brand, "Example Card brand authority")
        };
        let brand = below(&root, &brand, days(5_000));
        let region = AuthorityProfile {
            country: Some("FR"),
            ..AuthorityProfile::new(AuthorityKind::Geopolitical, "Example Card France")
        };
        let region = below(&brand, &region, days(4_000));
        Self { root, brand, region }
    }

    fn issuing(&self, kind: AuthorityKind) -> Authority {
        let profile = AuthorityProfile::new(kind, "Example Card issuing authority");
        below(&self.region, &profile, days(3_000))
    }

    /// What is presented with a leaf: the leaf's issuer, then up to the root.
    fn chain(&self, leaf: &Certificate, issuing: &Authority) -> Vec<CertificateDer<'static>> {
        let issuers = [issuing, &self.region, &self.brand].map(Authority::certificate);
        [leaf].into_iter().chain(issuers).map(|certificate| certificate.der().clone()).collect()
    }
}

fn client(number: &PhoneNumber) -> Profile<'_> {
    Profile::TlsClient { common_name: "user-42", phone: Phone::Clear(number) }
}

const SERVER: Profile<'_> = Profile::TlsServer {
    common_name: "shop.example",
    dns_names: &["shop.example"],
    ip_addresses: &[],
};

#[test]
fn a_client_of_the_whole_hierarchy_is_verified_and_bears_brand_and_country() {
    let brand = Brand::new();
    let issuing = brand.issuing(AuthorityKind::Cardholders);
    let (number, key) = (PhoneNumber::new(NUMBER).unwrap(), KeyPair::generate().unwrap());
    let leaf = issuing.issue(&client(&number), key.public_key(), days(365)).unwrap();
    let anchors = TrustAnchors::new(&[brand.root.certificate().clone()]).unwrap();
    let verified = anchors.verify_client(&brand.chain(&leaf, &issuing), at(NOW)).unwrap();
    assert_eq!(verified.phone(&[]).unwrap().number.expose(), NUMBER);

    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "leaf.pem", leaf.to_pem().unwrap());
    let subject = openssl(folder.path(), "x509 -in leaf.pem -noout -subject");
    assert_eq!(subject.trim(), "subject=C = FR, O = Example Card, CN = user-42");
}

#[test]
fn openssl_verifies_the_whole_hierarchy_strictly_with_every_leaf() {
    let brand = Brand::new();
    let number = PhoneNumber::new(NUMBER).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pem = |authority: &Authority| authority.certificate().to_pem().unwrap();
    write(folder.path(), "root.pem", pem(&brand.root));
    let role = |common_name, key_use| Profile::Merchant { common_name, key_use };
    let gateway = |key_use| Profile::PaymentGateway { common_name: "gateway", key_use };
    let cardholder = Profile::Cardholder { common_name: "user-42", phone: Phone::Clear(&number) };
    for (kind, profile, purpose, usage) in [
        (AuthorityKind::Cardholders, client(&number), "sslclient", "Digital Signature\n"),
        (AuthorityKind::Cardholders, cardholder, "any", "Digital Signature, Non Repudiation\n"),
        (AuthorityKind::Merchants, SERVER, "sslserver", "Digital Signature\n"),
        (
            AuthorityKind::Merchants,
            role("shop", KeyUse::Signature),
            "any",
            "Digital Signature, Non Repudiation\n",
        ),
        (AuthorityKind::Merchants, role("shop", KeyUse::KeyExchange), "any", "Key "),
        (
            AuthorityKind::Gateways,
            gateway(KeyUse::Signature),
            "any",
            "Digital Signature, Non Repudiation\n",
        ),
        (AuthorityKind::Gateways, gateway(KeyUse::KeyExchange), "any", "Key "),
        (AuthorityKind::Gateways, SERVER, "sslserver", "Digital Signature\n"),
    ] {
        let issuing = brand.issuing(kind);
        let between = pem(&issuing) + &pem(&brand.region) + &pem(&brand.brand);
        write(folder.path(), "between.pem", between);
        for kind in [KeyKind::P256, KeyKind::Rsa3072] {
            let key = KeyPair::generate_kind(kind).unwrap();
            let leaf = issuing.issue(&profile, key.public_key(), days(300)).unwrap();
            write(folder.path(), "leaf.pem", leaf.to_pem().unwrap());
            let verify = format!(
                "verify -x509_strict -attime {NOW} -purpose {purpose} -CAfile root.pem -untrusted between.pem leaf.pem"
            );
            assert_eq!(openssl(folder.path(), &verify).trim(), "leaf.pem: OK");
            let shown = openssl(folder.path(), "x509 -in leaf.pem -noout -ext keyUsage");
            assert!(shown.contains(usage), "{profile:?}\n{shown}");
        }
    }
}

#[test]
fn an_authority_makes_only_those_with_a_shorter_path() {
    use AuthorityKind::{Brand as B, Cardholders, Geopolitical, Issuing, Root};
    let brand = Brand::new();
    let issuing = brand.issuing(AuthorityKind::Gateways);
    let key = KeyPair::generate().unwrap();
    for (above, kind) in [
        (&brand.root, Root),
        (&brand.brand, Root),
        (&brand.brand, B),
        (&brand.region, B),
        (&brand.region, Geopolitical),
        (&issuing, Geopolitical),
        (&issuing, Issuing),
        (&issuing, Cardholders),
    ] {
        let profile = AuthorityProfile::new(kind, "Another");
        let serial = Serial::random().unwrap();
        let made = above.certify(&profile, key.public_key(), days(9), serial);
        assert_eq!(made.unwrap_err(), Error::MayNotMakeAuthorities, "{kind:?}");
    }
}

#[test]
fn an_authority_issues_only_what_it_is_for() {
    let brand = Brand::new();
    let number = PhoneNumber::new(NUMBER).unwrap();
    let key = KeyPair::generate().unwrap();
    for (kind, profile) in [
        (AuthorityKind::Cardholders, SERVER),
        (AuthorityKind::Merchants, client(&number)),
        (AuthorityKind::Gateways, client(&number)),
    ] {
        let issued = brand.issuing(kind).issue(&profile, key.public_key(), days(30));
        assert_eq!(issued.unwrap_err(), Error::MayNotIssue, "{kind:?}");
    }
}

#[test]
fn a_verifier_holds_an_authority_to_what_it_is_for() {
    // A merchants' authority that breaks its word: it takes its key to another certificate of the same name.
    let brand = Brand::new();
    let merchants = brand.issuing(AuthorityKind::Merchants);
    let key = KeyPair::from_pem(&merchants.key().expose_pem().unwrap()).unwrap();
    let anything = AuthorityProfile::new(AuthorityKind::Issuing, "Example Card issuing authority");
    let anything = brand
        .region
        .certify(&anything, key.public_key(), days(3_000), Serial::random().unwrap())
        .unwrap();
    let free = Authority::new(anything, key).unwrap();
    let number = PhoneNumber::new(NUMBER).unwrap();
    let holder = KeyPair::generate().unwrap();
    let leaf = free.issue(&client(&number), holder.public_key(), days(30)).unwrap();
    let anchors = TrustAnchors::new(&[brand.root.certificate().clone()]).unwrap();
    assert!(anchors.verify_client(&brand.chain(&leaf, &free), at(NOW)).is_ok());
    let refused = anchors.verify_client(&brand.chain(&leaf, &merchants), at(NOW));
    assert_eq!(refused.unwrap_err(), Refusal::WrongUsage);
}

#[test]
fn an_authority_for_people_has_no_limits_on_names_and_others_only_their_domains() {
    let brand = Brand::new();
    let folder = tempfile::tempdir().unwrap();
    let text = |authority: &Authority| {
        write(folder.path(), "authority.pem", authority.certificate().to_pem().unwrap());
        openssl(folder.path(), "x509 -in authority.pem -noout -text")
    };
    let cardholders = text(&brand.issuing(AuthorityKind::Cardholders));
    assert!(!cardholders.contains("Name Constraints"), "{cardholders}");
    let profile = AuthorityProfile {
        dns_domains: &["shop.example"],
        ..AuthorityProfile::new(AuthorityKind::Merchants, "Merchants")
    };
    let merchants = below(&brand.region, &profile, days(3_000));
    assert!(text(&merchants).contains("Permitted:\n                  DNS:shop.example"));

    let elsewhere = Profile::TlsServer {
        common_name: "elsewhere",
        dns_names: &["elsewhere.example"],
        ip_addresses: &[],
    };
    let key = KeyPair::generate().unwrap();
    let issue = |by: &Authority, profile| by.issue(profile, key.public_key(), days(30));
    // It refuses, and OpenSSL would if it did not: the same name and key, in a certificate that has no limits.
    assert_eq!(issue(&merchants, &elsewhere).unwrap_err(), Error::NameOutsideDomains);
    let own = KeyPair::from_pem(&merchants.key().expose_pem().unwrap()).unwrap();
    let profile = AuthorityProfile::new(AuthorityKind::Merchants, "Merchants");
    let serial = Serial::random().unwrap();
    let free = brand.region.certify(&profile, own.public_key(), days(3_000), serial).unwrap();
    let free = Authority::new(free, own).unwrap();
    let pem = |authority: &Authority| authority.certificate().to_pem().unwrap();
    write(folder.path(), "root.pem", pem(&brand.root));
    let between = pem(&merchants) + &pem(&brand.region) + &pem(&brand.brand);
    write(folder.path(), "between.pem", between);
    for (profile, verdict) in [(&SERVER, "OK"), (&elsewhere, "permitted subtree violation")] {
        let leaf = issue(&free, profile).unwrap();
        write(folder.path(), "leaf.pem", leaf.to_pem().unwrap());
        let verify =
            format!("verify -attime {NOW} -CAfile root.pem -untrusted between.pem leaf.pem");
        let output = crate::support::try_openssl(folder.path(), &verify);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(verdict), "{said}");
    }
}

#[test]
fn what_lasts_longer_than_its_profile_permits_is_refused() {
    let root = Authority::root("Root", days(9_000)).unwrap();
    let key = KeyPair::generate().unwrap();
    let number = PhoneNumber::new(NUMBER).unwrap();
    for (profile, most) in [(SERVER, 397), (client(&number), 1_827)] {
        assert!(root.issue(&profile, key.public_key(), days(most)).is_ok());
        let longer = root.issue(&profile, key.public_key(), days(most + 1));
        assert_eq!(longer.unwrap_err(), Error::LifetimeTooLong, "{profile:?}");
    }
    assert_eq!(root.issuing("Issuing", days(3_654)).unwrap_err(), Error::LifetimeTooLong);
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let validity = days(365);
    let serial = Serial::random().unwrap();
    let new = |profile: &AuthorityProfile<'_>| {
        let key = KeyPair::generate().unwrap();
        Authority::new_root(profile, key, validity, serial).unwrap_err()
    };
    let root = AuthorityProfile::new(AuthorityKind::Root, "Root");
    for country in ["fr", "FRA", "F", "", "F\u{c9}"] {
        let profile = AuthorityProfile { country: Some(country), ..root };
        assert_eq!(new(&profile), Error::InvalidCountry, "{country}");
    }
    let long = "x".repeat(65);
    for organization in ["", &long, "two\nlines"] {
        let profile = AuthorityProfile { organization: Some(organization), ..root };
        assert_eq!(new(&profile), Error::InvalidCommonName, "{organization}");
    }
}

#[test]
fn an_authority_that_asserts_numbers_writes_them_in_a_tn_auth_list_too() {
    let root = Authority::root("Operator", days(3_000)).unwrap();
    let root = root.asserting_numbers(true);
    let number = PhoneNumber::new(NUMBER).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = root.issue(&client(&number), key.public_key(), days(365)).unwrap();
    let anchors = TrustAnchors::new(&[root.certificate().clone()]).unwrap();
    let verified = anchors.verify_client(&[leaf.der().clone()], at(NOW)).unwrap();
    assert_eq!(verified.phone(&[]).unwrap().number.expose(), NUMBER);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "leaf.pem", leaf.to_pem().unwrap());
    let text = openssl(folder.path(), "x509 -in leaf.pem -noout -text");
    assert!(text.contains("1.3.6.1.5.5.7.1.26"), "{text}");
    assert!(text.contains("33612345678"), "{text}");
}
