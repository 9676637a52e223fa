//! Revocation lists: ours judged by OpenSSL, OpenSSL's read by us, and what a verifier does with them.

use countersign_certs::{
    Authority, CertificateDer, Error, KeyPair, Refusal, RevocationList, RevocationReason, Revoked,
    Serial, TrustAnchors, UnixTime,
};

use crate::support::{Hierarchy, NOW, at, days, openssl, read, try_openssl, write};

fn serial(certificate: &CertificateDer<'_>) -> Serial {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).unwrap();
    let bytes: [u8; 16] = parsed.raw_serial().try_into().unwrap();
    Serial::from_chance(bytes)
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
fn below_a_revoked_authority_nobody_is_believed() {
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
    assert_eq!(issued.next_update(), Some(at(NOW + 7 * 86_400)));
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
    assert_eq!(unnumbered, Err(Error::MalformedRevocationList));
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
