//! Revocation lists: ours judged by OpenSSL, OpenSSL's read by us, and what a verifier does with them.

use countersign_certs::{
    Authority, CertificateDer, KeyPair, ListFault, Phone, PhoneNumber, Profile, Refusal,
    RevocationList, RevocationReason, Revoked, Serial, TrustAnchors, UnixTime, Validity,
};

use crate::support::{Hierarchy, NOW, NUMBER, at, days, openssl, read, try_openssl, write};

fn serial(certificate: &CertificateDer<'_>) -> Serial {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).unwrap();
    let bytes: [u8; 16] = parsed.raw_serial().try_into().unwrap();
    Serial::from_random(bytes)
}

fn list(authority: &Authority, revoked: &[Revoked]) -> RevocationList {
    authority.revocation_list(revoked, 7, days(7)).unwrap()
}

fn revoked(certificate: &CertificateDer<'_>) -> Revoked {
    Revoked { serial: serial(certificate), at: at(NOW), reason: RevocationReason::KeyCompromise }
}

fn verify(
    hierarchy: &Hierarchy,
    lists: &[RevocationList],
    client: &CertificateDer<'static>,
    now: UnixTime,
) -> Result<(), Refusal> {
    let anchors = hierarchy.anchors().with_revocation_lists(lists).unwrap();
    let chain = [client.clone(), hierarchy.issuing.certificate().der().clone()];
    anchors.verify_client(&chain, now).map(|_| ())
}

#[test]
fn a_revoked_certificate_is_refused_and_its_neighbour_is_not() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let (lost, kept) = (hierarchy.clear_client(&key), hierarchy.clear_client(&key));
    let lists = [list(&hierarchy.root, &[]), list(&hierarchy.issuing, &[revoked(lost.der())])];
    assert_eq!(verify(&hierarchy, &lists, lost.der(), at(NOW + 1)), Err(Refusal::Revoked));
    assert_eq!(verify(&hierarchy, &lists, kept.der(), at(NOW + 1)), Ok(()));
}

#[test]
fn below_a_revoked_authority_nobody_is_trusted() {
    let hierarchy = Hierarchy::new();
    let client = hierarchy.clear_client(&KeyPair::generate().unwrap());
    let authority = revoked(hierarchy.issuing.certificate().der());
    let lists = [list(&hierarchy.root, &[authority]), list(&hierarchy.issuing, &[])];
    assert_eq!(verify(&hierarchy, &lists, client.der(), at(NOW + 1)), Err(Refusal::Revoked));
}

#[test]
fn what_nobody_knows_to_be_good_is_refused() {
    let hierarchy = Hierarchy::new();
    let client = hierarchy.clear_client(&KeyPair::generate().unwrap());
    let roots = list(&hierarchy.root, &[]);
    let issuings = list(&hierarchy.issuing, &[]);
    // Another authority of the same name.
    let same_name = Authority::root("Test root", days(3650)).unwrap();
    let same_name = same_name.issuing("Test issuing authority", days(1825)).unwrap();
    let forged = list(&same_name, &[]);
    for (what, lists, now) in [
        ("the issuer's is missing", vec![roots.clone()], NOW),
        ("the root's is missing", vec![issuings.clone()], NOW),
        ("it is late", vec![roots.clone(), issuings.clone()], NOW + 8 * 86_400),
        ("another signed it", vec![roots.clone(), forged], NOW),
    ] {
        assert_eq!(
            verify(&hierarchy, &lists, client.der(), at(now)),
            Err(Refusal::RevocationUnknown),
            "{what}"
        );
    }
    assert_eq!(verify(&hierarchy, &[roots, issuings], client.der(), at(NOW)), Ok(()));
    assert_eq!(verify(&hierarchy, &[], client.der(), at(NOW)), Ok(()));
}

#[test]
fn the_newest_list_that_the_issuer_signed_counts_in_whatever_order_they_come() {
    let hierarchy = Hierarchy::new();
    let client = hierarchy.clear_client(&KeyPair::generate().unwrap());
    let roots = list(&hierarchy.root, &[]);
    let numbered = |authority: &Authority, revoked: &[Revoked], number, validity| {
        authority.revocation_list(revoked, number, validity).unwrap()
    };
    let (with, issuing) = ([revoked(client.der())], &hierarchy.issuing);
    let older = numbered(issuing, &[], 7, days(7));
    let newer = numbered(issuing, &with, 8, days(7));
    let same_number_later = numbered(issuing, &with, 7, later(1));
    let of_two_octets = numbered(issuing, &with, 0x0100, days(7));
    let of_one_octet = numbered(issuing, &[], 0x00ff, days(7));
    let newer_but_late = numbered(issuing, &[], 9, days(1));
    // The authority's name and key identifier with a higher number, but signed with another key.
    let forged = forged_as(&numbered(issuing, &[], 99, days(7)));
    let unknown = Err(Refusal::RevocationUnknown);
    for (what, lists, now, verdict) in [
        ("an older one", [older.clone(), newer.clone()], 2, Err(Refusal::Revoked)),
        ("the same number", [older, same_number_later], 2, Err(Refusal::Revoked)),
        ("octets compared", [of_one_octet, of_two_octets], 2, Err(Refusal::Revoked)),
        ("forged", [forged.clone(), newer], 2, Err(Refusal::Revoked)),
        ("forged, and none else", [forged, roots.clone()], 2, unknown.clone()),
        (
            "the newest is late",
            [newer_but_late, numbered(issuing, &[], 7, days(7))],
            2 * 86_400,
            unknown,
        ),
    ] {
        let [one, other] = lists;
        for lists in [[&roots, &one, &other], [&other, &one, &roots], [&one, &other, &roots]] {
            let lists = lists.map(Clone::clone);
            assert_eq!(verify(&hierarchy, &lists, client.der(), at(NOW + now)), verdict, "{what}");
            let anchors = hierarchy.anchors().with_revocation_lists(&lists).unwrap();
            let chain = hierarchy.chain(&client);
            assert_eq!(anchors.verify_handshake(&chain, at(NOW + now)), verdict, "{what}");
        }
    }
}

#[test]
fn an_anchor_disowns_a_list_in_its_name_that_its_key_did_not_sign() {
    let hierarchy = Hierarchy::new();
    let (roots, issuings) = (list(&hierarchy.root, &[]), list(&hierarchy.issuing, &[]));
    // The same name with another key: the list says so itself, and is of an authority that is not trusted here.
    let rekeyed = Authority::root("Test root", days(3650)).unwrap();
    for (what, list, expected) in [
        ("its own", roots.clone(), false),
        ("forged or damaged", forged_as(&roots), true),
        ("another key of the name", list(&rekeyed, &[]), false),
        ("not an anchor's", forged_as(&issuings), false),
    ] {
        assert_eq!(hierarchy.anchors().disown(&list), Ok(expected), "{what}");
    }
}

#[test]
fn an_authority_that_changed_its_key_has_a_list_for_each_key() {
    let root = Authority::root("Root", days(3650)).unwrap();
    let keys = [(); 2].map(|()| root.issuing("Issuing authority", days(1825)).unwrap());
    let client = |issuing: &Authority| {
        let (number, key) = (PhoneNumber::new(NUMBER).unwrap(), KeyPair::generate().unwrap());
        let profile = Profile::TlsClient { common_name: "user-42", phone: Phone::Clear(&number) };
        issuing.issue(&profile, key.public_key(), days(30)).unwrap()
    };
    let clients = [client(&keys[0]), client(&keys[1])];
    // The newer number is the old key's: each key's count for itself.
    let old = keys[0].revocation_list(&[revoked(clients[0].der())], 20, days(7)).unwrap();
    let new = keys[1].revocation_list(&[], 1, days(7)).unwrap();
    let roots = list(&root, &[]);
    assert_eq!(RevocationList::newest(&[old.clone(), new.clone()]).len(), 2);
    for lists in [[&old, &new, &roots], [&new, &old, &roots]] {
        let anchors = TrustAnchors::new(&[root.certificate().clone()]).unwrap();
        let anchors = anchors.with_revocation_lists(&lists.map(Clone::clone)).unwrap();
        let verdict = |which: usize| {
            let chain = [&clients[which], keys[which].certificate()];
            let chain = chain.map(|certificate| certificate.der().clone());
            anchors.verify_client(&chain, at(NOW + 1)).map(|_| ())
        };
        assert_eq!((verdict(0), verdict(1)), (Err(Refusal::Revoked), Ok(())));
    }
}

#[test]
fn lists_are_ordered_by_number_however_long_and_then_by_time() {
    let issuing = Hierarchy::new().issuing;
    let of = |number, validity| issuing.revocation_list(&[], number, validity).unwrap();
    let in_order = [
        of(1, days(7)),
        of(0xff, days(7)),
        of(0x0100, days(7)),
        of(0x0100, later(1)),
        of(u64::MAX, days(7)),
        // 2^64, and the largest of 20 octets less one, and that one.
        long(&issuing, &[1, 0, 0, 0, 0, 0, 0, 0, 0]),
        long(&issuing, &[&[0x7f][..], &[0xff; 18], &[0xfe]].concat()),
        long(&issuing, &[&[0x7f][..], &[0xff; 19]].concat()),
    ];
    for (place, list) in in_order.iter().enumerate() {
        let newer = in_order.iter().map(|other| other.is_newer_than(list));
        let expected = (0..in_order.len()).map(|other| other > place);
        assert!(newer.eq(expected), "{place}");
    }
    assert_eq!(RevocationList::newest(&in_order), [&in_order[7]]);
    assert_eq!([in_order[4].number(), in_order[5].number()], [Some(u64::MAX), None]);
}

#[test]
fn one_that_lasts_less_than_a_list_says_that_none_is_published_and_needs_none() {
    let hierarchy = Hierarchy::new();
    let number = PhoneNumber::new(NUMBER).unwrap();
    let issue = |issuing: &Authority, validity| {
        let (key, phone) = (KeyPair::generate().unwrap(), Phone::Clear(&number));
        let profile = Profile::TlsClient { common_name: "user-42", phone };
        issuing.issue(&profile, key.public_key(), validity).unwrap()
    };
    let url = Some("http://lists.example/list.crl".to_owned());
    let issuing = hierarchy.root.issuing("Issuing", days(30)).unwrap();
    let issuing = issuing.with_revocation_list_url(url).unwrap();
    let (short, long) = (issue(&issuing, days(6)), issue(&issuing, days(7)));
    let folder = tempfile::tempdir().unwrap();
    let text = |certificate: &countersign_certs::Certificate| {
        write(folder.path(), "one.pem", certificate.to_pem().unwrap());
        openssl(folder.path(), "x509 -in one.pem -noout -text")
    };
    // OpenSSL 3.0 knows no name for it.
    for (certificate, says_none) in [(&short, true), (&long, false)] {
        let said = text(certificate);
        let is_there = said.contains("2.5.29.56") || said.contains("No Revocation Available");
        assert_eq!(is_there, says_none, "{said}");
        assert_eq!(said.contains("lists.example"), !says_none, "{said}");
    }
    let roots = list(&hierarchy.root, &[]);
    let with_short = list(&issuing, &[revoked(short.der())]);
    let unknown = Err(Refusal::RevocationUnknown);
    for (what, certificate, lists, verdict) in [
        ("no list of its issuer", &short, vec![roots.clone()], Ok(())),
        ("the other needs one", &long, vec![roots.clone()], unknown.clone()),
        ("its issuer's needs one", &short, vec![with_short.clone()], unknown),
        ("revoked all the same", &short, vec![roots, with_short], Err(Refusal::Revoked)),
    ] {
        let anchors = hierarchy.anchors().with_revocation_lists(&lists).unwrap();
        let chain = [certificate, issuing.certificate()].map(|one| one.der().clone());
        let judged = anchors.verify_client(&chain, at(NOW + 1)).map(|_| ());
        assert_eq!(judged, verdict, "{what}");
    }
}

#[test]
fn a_list_signed_in_another_way_is_told_which_ways_there_are() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "ca.cnf",
        "[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ndefault_md=sha1\ndefault_crl_days=7\ncrlnumber=number\n[n]\nauthorityKeyIdentifier=keyid:always\n",
    );
    write(folder.path(), "index.txt", "");
    write(folder.path(), "number", "01\n");
    openssl(
        folder.path(),
        "req -x509 -new -nodes -newkey rsa:2048 -keyout ca.key -out ca.pem -subj /CN=CA",
    );
    openssl(
        folder.path(),
        "ca -config ca.cnf -gencrl -cert ca.pem -keyfile ca.key -crlexts n -out list.pem",
    );
    let error = RevocationList::from_file(&read(folder.path(), "list.pem")).unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("signature algorithm is not one of: ECDSA on P-256"), "{said}");
}

/// From so many seconds after [`NOW`].
fn later(seconds: u64) -> Validity {
    Validity::new(at(NOW + seconds), std::time::Duration::from_secs(7 * 86_400)).unwrap()
}

/// Where the lists of a part of what an authority issued are published.
const SHARD: &str = "http://lists.example/1.crl";

/// An authority's list of what names [`SHARD`], from so many seconds after [`NOW`].
fn sharded(authority: &Authority, number: u64, revoked: &[Revoked], from: u64) -> RevocationList {
    let key = rcgen::KeyPair::from_pem(&authority.key().expose_pem().unwrap()).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_der(authority.certificate().der(), key).unwrap();
    let date = |seconds: u64| {
        time::OffsetDateTime::from_unix_timestamp(i64::try_from(NOW + seconds).unwrap()).unwrap()
    };
    let entry = |revoked: &Revoked| rcgen::RevokedCertParams {
        serial_number: rcgen::SerialNumber::from_slice(revoked.serial.as_bytes()),
        revocation_time: date(0),
        reason_code: None,
        invalidity_date: None,
    };
    let params = rcgen::CertificateRevocationListParams {
        this_update: date(from),
        next_update: date(from + 7 * 86_400),
        crl_number: rcgen::SerialNumber::from(number),
        issuing_distribution_point: Some(rcgen::CrlIssuingDistributionPoint {
            distribution_point: rcgen::CrlDistributionPoint { uris: vec![SHARD.to_owned()] },
            scope: None,
        }),
        revoked_certs: revoked.iter().map(entry).collect(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    RevocationList::from_der(params.signed_by(&issuer).unwrap().der()).unwrap()
}

/// A distribution point of that full name, in a list of points.
fn point(uri: &str) -> Vec<u8> {
    let uri = [&[0x86, u8::try_from(uri.len()).unwrap()], uri.as_bytes()].concat();
    // From the name outwards: fullName, distributionPoint, DistributionPoint, the list of them.
    [0xa0, 0xa0, 0x30, 0x30].into_iter().fold(uri, |content, tag| {
        [vec![tag, u8::try_from(content.len()).unwrap()], content].concat()
    })
}

/// A certificate with these CRL distribution points.
fn leaf(issuing: &Authority, points: Option<Vec<u8>>) -> CertificateDer<'static> {
    let signer = rcgen::KeyPair::from_pem(&issuing.key().expose_pem().unwrap()).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_der(issuing.certificate().der(), signer).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.not_before = time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    params.not_after = time::OffsetDateTime::from_unix_timestamp(1_801_000_000).unwrap();
    params.custom_extensions = points
        .map(|points| rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 31], points))
        .into_iter()
        .collect();
    let serial = Serial::random().unwrap();
    params.serial_number = Some(rcgen::SerialNumber::from_slice(serial.as_bytes()));
    let key = rcgen::KeyPair::generate().unwrap();
    params.signed_by(&key, &issuer).unwrap().der().clone()
}

#[test]
fn of_lists_of_several_scopes_the_newest_of_each_is_asked() {
    let hierarchy = Hierarchy::new();
    let client = leaf(&hierarchy.issuing, Some(point(SHARD)));
    let roots = hierarchy.root.revocation_list(&[], 1, days(30)).unwrap();
    let issuing = &hierarchy.issuing;
    let with = [revoked(&client)];
    let full = |revoked, number, lasts| issuing.revocation_list(revoked, number, lasts).unwrap();
    let (day, unknown) = (86_400, Refusal::RevocationUnknown);
    for (what, lists, now, verdict) in [
        (
            "on the full list, whose number is the lower one",
            vec![full(&with, 12, days(7)), sharded(issuing, 900, &[], 0)],
            1,
            Err(Refusal::Revoked),
        ),
        (
            "on the part's list, whose number is the lower one",
            vec![full(&[], 900, days(7)), sharded(issuing, 12, &with, 0)],
            1,
            Err(Refusal::Revoked),
        ),
        (
            "on a late list",
            vec![full(&with, 12, days(1)), sharded(issuing, 900, &[], 0)],
            2 * day,
            Err(Refusal::Revoked),
        ),
        (
            "on an older list of the part alone",
            vec![sharded(issuing, 3, &with, 0), sharded(issuing, 4, &[], 0)],
            1,
            Ok(()),
        ),
        (
            "one of them is late",
            vec![full(&[], 900, days(1)), sharded(issuing, 12, &[], 0)],
            2 * day,
            Ok(()),
        ),
        (
            "each is late",
            vec![full(&[], 12, days(1)), sharded(issuing, 900, &[], 0)],
            8 * day,
            Err(unknown),
        ),
    ] {
        let forwards: Vec<_> = lists.iter().chain([&roots]).cloned().collect();
        let backwards: Vec<_> = forwards.iter().rev().cloned().collect();
        for lists in [forwards, backwards] {
            let anchors = hierarchy.anchors().with_revocation_lists(&lists).unwrap();
            let chain = [client.clone(), issuing.certificate().der().clone()];
            assert_eq!(anchors.verify_handshake(&chain, at(NOW + now)), verdict, "{what}");
        }
    }
}

#[test]
fn a_part_s_list_does_not_cover_a_certificate_whose_points_cannot_be_read() {
    let hierarchy = Hierarchy::new();
    let issuing = &hierarchy.issuing;
    let lists = [list(&hierarchy.root, &[]), sharded(issuing, 1, &[], 0)];
    let anchors = hierarchy.anchors().with_revocation_lists(&lists).unwrap();
    for (what, points, verdict) in [
        ("none", None, Err(Refusal::RevocationUnknown)),
        ("the list's", Some(point(SHARD)), Ok(())),
        ("another", Some(point("http://lists.example/2.crl")), Err(Refusal::RevocationUnknown)),
        ("no point in the list", Some(vec![0x30, 0]), Err(Refusal::RevocationUnknown)),
        ("not a point", Some(vec![0x30, 3, 4, 1, 7]), Err(Refusal::RevocationUnknown)),
        ("cut short", Some(vec![0x30, 2, 0x30, 9]), Err(Refusal::RevocationUnknown)),
    ] {
        let leaf = leaf(issuing, points);
        let chain = [leaf, issuing.certificate().der().clone()];
        assert_eq!(anchors.verify_handshake(&chain, at(NOW + 1)), verdict, "{what}");
    }
}

/// An authority's list of a number that only big-endian octets can say.
fn long(authority: &Authority, number: &[u8]) -> RevocationList {
    let key = rcgen::KeyPair::from_pem(&authority.key().expose_pem().unwrap()).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_der(authority.certificate().der(), key).unwrap();
    let date = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    let now = i64::try_from(NOW).unwrap();
    let params = rcgen::CertificateRevocationListParams {
        this_update: date(now),
        next_update: date(now + 86_400),
        crl_number: rcgen::SerialNumber::from_slice(number),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    RevocationList::from_der(params.signed_by(&issuer).unwrap().der()).unwrap()
}

/// The same list, its signature no longer its issuer's.
fn forged_as(list: &RevocationList) -> RevocationList {
    let mut der = list.der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    RevocationList::from_der(&der).unwrap()
}

#[test]
fn openssl_reads_our_list_with_every_reason_and_refuses_by_it() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let lost = hierarchy.clear_client(&key);
    let folder = tempfile::tempdir().unwrap();
    let others = RevocationReason::ALL.map(|(reason, _)| Revoked {
        serial: Serial::random().unwrap(),
        at: at(NOW),
        reason,
    });
    let revoked: Vec<_> = others.into_iter().chain([revoked(lost.der())]).collect();
    let pem = |authority: &Authority| authority.certificate().to_pem().unwrap();
    let issued = list(&hierarchy.issuing, &revoked);
    assert_eq!(issued.len(), 8);
    assert_eq!(issued.next_update(), at(NOW + 7 * 86_400));
    write(folder.path(), "list.pem", issued.to_pem().unwrap());
    write(folder.path(), "issuing.pem", pem(&hierarchy.issuing));
    let said = openssl(folder.path(), "crl -in list.pem -noout -text -CAfile issuing.pem");
    for words in [
        "X509v3 CRL Number: \n                7",
        "Key Compromise",
        "CA Compromise",
        "Affiliation Changed",
        "Superseded",
        "Cessation Of Operation",
        "Privilege Withdrawn",
        "ecdsa-with-SHA256",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(!said.contains("Unspecified"), "{said}");

    let lists = issued.to_pem().unwrap() + &list(&hierarchy.root, &[]).to_pem().unwrap();
    write(folder.path(), "lists.pem", lists);
    write(folder.path(), "root.pem", pem(&hierarchy.root));
    write(folder.path(), "lost.pem", lost.to_pem().unwrap());
    let refused = try_openssl(
        folder.path(),
        &format!(
            "verify -attime {NOW} -crl_check_all -CRLfile lists.pem -CAfile root.pem -untrusted issuing.pem lost.pem"
        ),
    );
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("certificate revoked"), "{said}");
}

#[test]
fn openssl_s_list_is_read_and_one_without_a_number_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "ca.cnf",
        "[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=7\n[n]\nauthorityKeyIdentifier=keyid:always\n",
    );
    write(folder.path(), "index.txt", "");
    openssl(
        folder.path(),
        "req -x509 -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout ca.key -out ca.pem -subj /CN=CA -addext keyUsage=keyCertSign,cRLSign",
    );
    let made = |number: &str| {
        openssl(
            folder.path(),
            &format!(
                "ca -config ca.cnf -gencrl -cert ca.pem -keyfile ca.key {number} -out list.pem"
            ),
        );
        read(folder.path(), "list.pem")
    };
    write(folder.path(), "number", "01\n");
    let config = String::from_utf8(read(folder.path(), "ca.cnf")).unwrap();
    let numbered = config.replace("[a]\n", "[a]\ncrlnumber=number\n");
    write(folder.path(), "ca.cnf", &numbered);
    let good = RevocationList::from_file(&made("-crlexts n")).unwrap();
    assert!(good.is_empty());
    let anchors = |list| {
        let authority = countersign_certs::Certificate::from_pem(
            &String::from_utf8(read(folder.path(), "ca.pem")).unwrap(),
        );
        TrustAnchors::new(&[authority.unwrap()]).unwrap().with_revocation_lists(&[list])
    };
    assert!(anchors(good).is_ok());

    write(folder.path(), "ca.cnf", config);
    let unnumbered = RevocationList::from_file(&made("-crlexts n"));
    assert_eq!(unnumbered, Err(ListFault::Number.into()));
}

#[test]
fn lists_are_of_the_same_authority_by_name_and_key() {
    let hierarchy = Hierarchy::new();
    let (one, later) = (list(&hierarchy.root, &[]), list(&hierarchy.root, &[]));
    assert!(one.is_of_the_same_authority(&later));
    let same_name = Authority::root("Test root", days(3650)).unwrap();
    assert!(!one.is_of_the_same_authority(&list(&same_name, &[])));
    assert!(!one.is_of_the_same_authority(&list(&hierarchy.issuing, &[])));
}
