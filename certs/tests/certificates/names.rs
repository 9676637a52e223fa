//! Common names that look like something else, judged by OpenSSL, GnuTLS and the JDK.

use std::path::Path;

use countersign_certs::{
    Authority, AuthorityKind, AuthorityProfile, Certificate, Error, KeyPair, KeyUse, Phone,
    Profile, Serial, Validity,
};

use crate::{
    gnutls::today,
    support::{Hierarchy, holder, run, try_openssl, write},
};

const NAMES: [&str; 17] = [
    "alice",
    "alice.martin",
    "alice_martin",
    "alice.martin@bank.example",
    "alice-martin.example.com",
    "a_b.c-d",
    "Alice Martin",
    "Alice.Martin S.A.",
    "alice@bank.example",
    "alice.martin.",
    "10.0.0.1",
    "2001:db8::1",
    "*.bank.example",
    "*",
    "1alice",
    "-alice",
    "Ren\u{e9}.Martin",
];

/// A root and an authority below it that are valid now, as GnuTLS takes no other time.
struct House {
    root: Authority,
    issuing: Authority,
    valid: Validity,
}

impl House {
    fn new(kind: AuthorityKind, dns_domains: &[&str]) -> Self {
        let valid = today();
        let root = Authority::root("Test root", valid).unwrap();
        let key = KeyPair::generate().unwrap();
        let profile = AuthorityProfile {
            organization: Some("Example Card"),
            country: Some("FR"),
            dns_domains,
            ..AuthorityProfile::new(kind, "Test authority")
        };
        let serial = Serial::random().unwrap();
        let certificate = root.certify(&profile, key.public_key(), valid, serial).unwrap();
        let issuing = Authority::new(certificate, key).unwrap();
        Self { root, issuing, valid }
    }

    fn issue(&self, profile: &Profile<'_>) -> Result<Certificate, Error> {
        let key = KeyPair::generate().unwrap();
        self.issuing.issue(profile, key.public_key(), self.valid)
    }

    fn write(&self, folder: &Path) {
        write(folder, "root.pem", self.root.certificate().to_pem().unwrap());
        write(folder, "issuing.pem", self.issuing.certificate().to_pem().unwrap());
    }
}

/// What OpenSSL, for that purpose, and GnuTLS have to say against the certificates `0.pem`, `1.pem` and so on.
fn judge(folder: &Path, count: usize, purpose: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for number in 0..count {
        let verify = format!(
            "verify -x509_strict -purpose {purpose} -CAfile root.pem -untrusted issuing.pem"
        );
        let said = try_openssl(folder, &format!("{verify} {number}.pem"));
        if !said.status.success() {
            complaints.push(format!("OpenSSL {}", String::from_utf8_lossy(&said.stderr)));
        }
        let leaf = std::fs::read_to_string(folder.join(format!("{number}.pem"))).unwrap();
        let issuing = std::fs::read_to_string(folder.join("issuing.pem")).unwrap();
        write(folder, "chain.pem", leaf + &issuing);
        let verify =
            "--verify --verify-profile medium --load-ca-certificate root.pem --infile chain.pem";
        let (trusted, said) = run(folder, "certtool", verify);
        if !trusted {
            complaints.push(format!("GnuTLS {number}.pem: {said}"));
        }
    }
    complaints
}

/// What the JDK's PKIX has to say against them.
fn jdk(folder: &Path, count: usize) -> Vec<String> {
    write(folder, "Pkix.java", include_str!("Pkix.java"));
    let leaves: Vec<_> = (0..count).map(|number| format!("{number}.pem")).collect();
    let asked = format!("Pkix.java root.pem issuing.pem {}", leaves.join(" "));
    let (judged, said) = run(folder, "java", &asked);
    assert!(judged, "{said}");
    let verdicts = leaves.iter().map(|leaf| {
        let of_it = said.lines().find(|line| line.starts_with(&format!("{leaf}: ")));
        of_it.unwrap_or_else(|| panic!("the JDK says nothing of {leaf}: {said}"))
    });
    verdicts.filter(|line| !line.ends_with(": OK")).map(str::to_owned).collect()
}

#[test]
fn whatever_a_person_is_called_openssl_gnutls_and_the_jdk_trust_the_certificate() {
    for (kind, purpose) in [
        (AuthorityKind::Cardholders, "sslclient"),
        (AuthorityKind::Issuing, "sslclient"),
        // OpenSSL has no name for signing payments.
        (AuthorityKind::Cardholders, "any"),
    ] {
        let house = House::new(kind, &[]);
        let gateways = [Hierarchy::new().gateway.recipient()];
        let (folder, holder) = (tempfile::tempdir().unwrap(), holder());
        let folder = folder.path();
        house.write(folder);
        let mut count = 0;
        for common_name in NAMES {
            let hidden = || Phone::Encrypted { holder: &holder, gateways: &gateways };
            // Without subjectAltName a common name is looked at.
            for phone in [Phone::Clear(&holder.number), hidden()] {
                let profile = match purpose {
                    "any" => Profile::Cardholder { common_name, phone },
                    _ => Profile::TlsClient { common_name, phone },
                };
                let leaf = house.issue(&profile).unwrap();
                write(folder, &format!("{count}.pem"), leaf.to_pem().unwrap());
                count += 1;
            }
        }
        let complaints = [judge(folder, count, purpose), jdk(folder, count)].concat();
        assert_eq!(complaints, Vec::<String>::new(), "{kind:?} {purpose}");
    }
}

#[test]
fn an_authority_kept_to_domains_issues_no_name_that_openssl_would_refuse() {
    let house = House::new(AuthorityKind::Issuing, &["bank.example"]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    house.write(folder);
    let holder = holder();
    let (mut count, mut outside_for_jdk) = (0, Vec::new());
    for common_name in ["pay.bank.example", "bank.example"].into_iter().chain(NAMES) {
        let profile = Profile::TlsClient { common_name, phone: Phone::Clear(&holder.number) };
        let issued = house.issue(&profile);
        let outside = ["alice.martin", "alice-martin.example.com", "a_b.c-d", "10.0.0.1"];
        if outside.contains(&common_name) {
            assert_eq!(issued.unwrap_err(), Error::CommonNameOutsideDomains, "{common_name}");
            continue;
        }
        // The JDK holds a single label and an IPv6 address to the limits, too. Nobody else does, and merchants are called so:
        // people are issued to by authorities without domains.
        if ["alice", "1alice", "2001:db8::1"].contains(&common_name) {
            outside_for_jdk.push(format!("{count}.pem"));
        }
        write(folder, &format!("{count}.pem"), issued.unwrap().to_pem().unwrap());
        count += 1;
    }
    assert_eq!(judge(folder, count, "sslclient"), Vec::<String>::new());
    let refused = jdk(folder, count);
    let refused = refused.iter().filter_map(|said| said.split_once(": ")).map(|(name, _)| name);
    assert!(refused.eq(outside_for_jdk.iter().map(String::as_str)));
    // Beside a DNS name in subjectAltName nobody looks at the common name.
    let server = |dns_names| Profile::TlsServer {
        common_name: "Example shop.Paris",
        dns_names,
        ip_addresses: &[],
    };
    assert!(house.issue(&server(&["pay.bank.example"])).is_ok());
    let outside = house.issue(&server(&["pay.bank.example", "pay.shop.example"]));
    assert_eq!(outside.unwrap_err(), Error::NameOutsideDomains);
    // It excludes every address, too.
    let addressed = house.issue(&Profile::TlsServer {
        common_name: "Example shop",
        dns_names: &["pay.bank.example"],
        ip_addresses: &["192.0.2.1".parse().unwrap()],
    });
    assert_eq!(addressed.unwrap_err(), Error::NameOutsideDomains);
    let merchant = Profile::Merchant { common_name: "St.Pierre", key_use: KeyUse::Signature };
    assert_eq!(house.issue(&merchant).unwrap_err(), Error::CommonNameOutsideDomains);
}

#[test]
fn an_authority_kept_to_domains_certifies_none_for_others() {
    let root = Authority::root("Test root", today()).unwrap();
    let certify = |above: &Authority, kind, dns_domains: &[&str]| {
        let profile = AuthorityProfile { dns_domains, ..AuthorityProfile::new(kind, "Below") };
        let (key, serial) = (KeyPair::generate().unwrap(), Serial::random().unwrap());
        let certificate = above.certify(&profile, key.public_key(), today(), serial)?;
        Authority::new(certificate, key)
    };
    let brand = certify(&root, AuthorityKind::Brand, &["bank.example"]).unwrap();
    for (domains, expected) in [
        (&["pay.bank.example"][..], Ok(())),
        (&[], Ok(())),
        (&["shop.example"], Err(Error::NameOutsideDomains)),
        (&["pay.bank.example", "shop.example"], Err(Error::NameOutsideDomains)),
    ] {
        let below = certify(&brand, AuthorityKind::Issuing, domains).map(|_| ());
        assert_eq!(below, expected, "{domains:?}");
    }
    // One without domains of its own is kept to those above it, once it is told of them.
    let free = certify(&brand, AuthorityKind::Issuing, &[]).unwrap();
    let kept = certify(&brand, AuthorityKind::Issuing, &[]).unwrap();
    let kept = kept.below(&[brand.certificate().clone(), root.certificate().clone()]).unwrap();
    let outside = Err(Error::NameOutsideDomains);
    for (issuing, dns_name, expected) in [
        (&free, "pay.shop.example", Ok(())),
        (&kept, "pay.bank.example", Ok(())),
        (&kept, "pay.shop.example", outside),
    ] {
        let profile =
            Profile::TlsServer { common_name: "Shop", dns_names: &[dns_name], ip_addresses: &[] };
        let key = KeyPair::generate().unwrap();
        assert_eq!(issuing.check(&profile, key.public_key(), today()), expected, "{dns_name}");
    }
}

#[test]
fn no_name_has_characters_that_nobody_sees_or_that_reverse_others() {
    let house = House::new(AuthorityKind::Issuing, &[]);
    let issue = |common_name: &str| {
        let profile = Profile::Merchant { common_name, key_use: KeyUse::Signature };
        house.issue(&profile).map(|_| ())
    };
    // Of each kind that Default_Ignorable_Code_Point has, and controls and ends of lines.
    for hidden in [
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{17b4}',
        '\u{180b}',
        '\u{180e}',
        '\u{200b}',
        '\u{200e}',
        '\u{2028}',
        '\u{2029}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{3164}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{fffa}',
        '\u{fffc}',
        '\u{2800}',
        '\u{f8ff}',
        '\u{fdd0}',
        '\u{ffff}',
        '\u{f0000}',
        '\u{10ffff}',
        '\u{1bca0}',
        '\u{1d173}',
        '\u{e0001}',
        '\u{e0061}',
        '\u{e0100}',
        '\u{7}',
        '\u{85}',
    ] {
        let refused = issue(&format!("Shop{hidden}Lyon"));
        assert_eq!(refused, Err(Error::InvalidCommonName), "{hidden:?}");
        let profile = AuthorityProfile {
            organization: Some(&format!("Card{hidden}")),
            ..AuthorityProfile::new(AuthorityKind::Root, "Root")
        };
        let key = KeyPair::generate().unwrap();
        let root = Authority::new_root(&profile, key, house.valid, Serial::random().unwrap());
        assert_eq!(root.map(|_| ()).unwrap_err(), Error::InvalidCommonName, "{hidden:?}");
    }
    for seen in ["Librairie Dupont & Cie, été", "שלום", "مقهى", "भोजनालय", "寿司", "Ægir's"]
    {
        assert_eq!(issue(seen), Ok(()), "{seen}");
    }
}

/// What keeps an authority for people from being a servers' one is its extended key usage alone.
#[test]
fn a_server_below_an_authority_for_people_is_trusted_by_nobody_who_asks_for_a_server() {
    let house = House::new(AuthorityKind::Cardholders, &[]);
    // It breaks its word: the same name and key, in a certificate that would let it.
    let key = KeyPair::from_pem(&house.issuing.key().expose_pem().unwrap()).unwrap();
    let free = AuthorityProfile {
        organization: Some("Example Card"),
        country: Some("FR"),
        ..AuthorityProfile::new(AuthorityKind::Issuing, "Test authority")
    };
    let serial = Serial::random().unwrap();
    let free = house.root.certify(&free, key.public_key(), house.valid, serial).unwrap();
    let cardholders = house.issuing.certificate().to_pem().unwrap();
    let rogue = House { issuing: Authority::new(free, key).unwrap(), ..house };
    let leaf = rogue
        .issue(&Profile::TlsServer {
            common_name: "shop.example",
            dns_names: &["shop.example"],
            ip_addresses: &["192.0.2.1".parse().unwrap()],
        })
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    rogue.write(folder);
    write(folder, "0.pem", leaf.to_pem().unwrap());
    let ask = || {
        let verify =
            "verify -x509_strict -purpose sslserver -CAfile root.pem -untrusted issuing.pem 0.pem";
        let by_openssl = try_openssl(folder, verify);
        let leaf = std::fs::read_to_string(folder.join("0.pem")).unwrap();
        let issuing = std::fs::read_to_string(folder.join("issuing.pem")).unwrap();
        write(folder, "chain.pem", leaf + &issuing);
        let verify = "--verify --verify-profile medium --load-ca-certificate root.pem --verify-purpose 1.3.6.1.5.5.7.3.1 --infile chain.pem";
        (by_openssl.status.success(), run(folder, "certtool", verify).0)
    };
    assert_eq!(ask(), (true, true), "below the other certificate it is good");
    write(folder, "issuing.pem", cardholders);
    assert_eq!(ask(), (false, false));
}
