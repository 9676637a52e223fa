//! Files as other programs write them: keytool, certtool, OpenSSL, a Windows shell, people who paste.

use countersign_certs::{
    Certificate, Error, KeyPair, Request, RevocationList, TrustAnchors, pkcs8_from_file,
};

use crate::support::{Hierarchy, openssl, read, write};

fn vector(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/files/");
    std::fs::read(format!("{path}{name}")).unwrap()
}

fn of_requests(found: &str) -> Error {
    Error::UnexpectedPem { found: found.to_owned(), expected: "a certificate request" }
}

#[test]
fn a_request_is_read_as_keytool_certtool_and_openssl_write_it() {
    for name in [
        "keytool.csr",
        "certtool.csr",
        "certtool-notext.csr",
        "text.csr",
        "bom.csr",
        "prefix.csr",
        "no-attributes.der",
    ] {
        let read = Request::from_file(&vector(name)).map(|it| it.common_name().map(str::to_owned));
        assert_eq!(read, Ok(Some("shop.example".to_owned())), "{name}");
    }
    let names = Request::from_file(&vector("certtool.csr")).unwrap().dns_names().to_vec();
    assert_eq!(names, ["shop.example"]);
}

#[test]
fn a_request_signed_in_another_way_is_told_which_ways_there_are() {
    for name in ["sha512.csr", "pss.csr"] {
        let error = Request::from_file(&vector(name)).unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("signature algorithm is not one of: ECDSA with SHA-256"),
            "{said}"
        );
    }
}

/// The same text with what editors, mailers and shells make of it.
fn disguised(pem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16 = |mark: u16, octets: fn(u16) -> [u8; 2]| {
        let units = std::iter::once(mark).chain(pem.encode_utf16());
        units.flat_map(octets).collect::<Vec<u8>>()
    };
    let trailing = pem.replace('\n', " \t\n");
    let indented = pem.lines().map(|line| format!("  {line}\n")).collect::<String>();
    let one_line = {
        let (head, rest) = pem.split_once("-----\n").unwrap();
        let (body, tail) = rest.split_once("\n-----END").unwrap();
        format!("{head}-----\n{}\n-----END{tail}", body.replace('\n', ""))
    };
    vec![
        ("blank lines in front and behind", format!("\n\n{pem}\n\n").into_bytes()),
        ("blank lines within", pem.replace('\n', "\n\n").into_bytes()),
        ("CRLF", pem.replace('\n', "\r\n").into_bytes()),
        ("CR", pem.replace('\n', "\r").into_bytes()),
        ("trailing blanks", trailing.into_bytes()),
        ("indented", indented.into_bytes()),
        ("no end of line", pem.trim_end().as_bytes().to_vec()),
        ("one line", one_line.into_bytes()),
        ("UTF-8 with a mark", format!("\u{feff}{pem}").into_bytes()),
        ("text behind", format!("{pem}Sent from my telephone\n").into_bytes()),
        ("text in Latin-1", [b"caf\xe9\n", pem.as_bytes()].concat()),
        ("UTF-16, little-endian", utf16(0xfeff, u16::to_le_bytes)),
        ("UTF-16, big-endian", utf16(0xfeff, u16::to_be_bytes)),
    ]
}

#[test]
fn whatever_stands_around_a_block_it_is_read() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let request = key.to_request_pem("shop.example").unwrap();
    for (how, content) in disguised(&request) {
        assert_eq!(
            Request::from_file(&content).map(|it| it.key().clone()).as_ref(),
            Ok(key.public_key()),
            "{how}"
        );
    }
    let certificate = hierarchy.clear_client(&key);
    for (how, content) in disguised(&certificate.to_pem().unwrap()) {
        assert_eq!(Certificate::from_file(&content).as_ref(), Ok(&certificate), "{how}");
    }
    let list = hierarchy.root.revocation_list(&[], 1, hierarchy.root.validity()).unwrap();
    for (how, content) in disguised(&list.to_pem().unwrap()) {
        assert_eq!(RevocationList::from_file(&content).as_ref(), Ok(&list), "{how}");
    }
    for (how, content) in disguised(&key.expose_pem().unwrap()) {
        let read = KeyPair::from_file(&content).map(|it| it.public_key().clone());
        assert_eq!(read.as_ref(), Ok(key.public_key()), "{how}");
    }
}

#[test]
fn der_is_read_where_pem_is_usual() {
    let hierarchy = Hierarchy::new();
    let (key, root) = (KeyPair::generate().unwrap(), hierarchy.root.certificate());
    assert_eq!(Certificate::from_file(root.der()).as_ref(), Ok(root));
    assert!(TrustAnchors::from_file(root.der()).is_ok());
    let read = KeyPair::from_file(key.expose_der()).unwrap();
    assert_eq!(read.public_key(), key.public_key());
    assert_eq!(pkcs8_from_file(key.expose_der()).unwrap().as_slice(), key.expose_der());
}

#[test]
fn of_several_in_a_file_all_are_read_or_none() {
    let bundle = vector("bundle.pem");
    assert_eq!(RevocationList::all_from_file(&bundle).map(|lists| lists.len()), Ok(2));
    let several = Error::SeveralInFile("a revocation list");
    assert_eq!(RevocationList::from_file(&bundle), Err(several));
    let request = vector("keytool.csr");
    let twice = [request.as_slice(), &request].concat();
    let several = Error::SeveralInFile("a certificate request");
    assert_eq!(Request::from_file(&twice), Err(several));

    let hierarchy = Hierarchy::new();
    let (root, issuing) = (hierarchy.root.certificate(), hierarchy.issuing.certificate());
    let key = KeyPair::generate().unwrap();
    let leaf = hierarchy.clear_client(&key);
    let file = |of: &[&Certificate]| {
        of.iter().map(|it| it.to_pem().unwrap()).collect::<String>().into_bytes()
    };
    // A chain is how certificates are handed out: the first is meant.
    for chain in [&[&leaf][..], &[&leaf, issuing], &[&leaf, issuing, root]] {
        assert_eq!(Certificate::from_file(&file(chain)).as_ref(), Ok(&leaf));
        assert_eq!(Certificate::all_from_file(&file(chain)).map(|all| all.len()), Ok(chain.len()));
    }
    for bundle in [&[root, issuing][..], &[&leaf, root], &[&leaf, &leaf]] {
        let read = Certificate::from_file(&file(bundle));
        assert_eq!(read, Err(Error::SeveralInFile("a certificate and those above it")));
    }
    let keys = [key.expose_pem().unwrap().as_bytes(), &file(&[&leaf, issuing])].concat();
    assert_eq!(Certificate::from_file(&keys).as_ref(), Ok(&leaf), "a key stands beside it");
    assert_eq!(KeyPair::from_file(&keys).unwrap().public_key(), key.public_key());
    // The last is cut short: the first alone would be less than the file means to say.
    let mut cut = file(&[root, issuing]);
    cut.truncate(cut.len() - 40);
    assert_eq!(Certificate::all_from_file(&cut), Err(Error::MalformedCertificate));
}

#[test]
fn lists_with_text_a_mark_or_a_blank_line_in_front_are_read() {
    for name in ["text.pem", "bom.pem", "blankline.pem"] {
        assert_eq!(
            RevocationList::from_file(&vector(name)).map(|list| list.number()),
            Ok(Some(1)),
            "{name}"
        );
    }
}

#[test]
fn what_a_file_holds_instead_is_named() {
    let key = KeyPair::generate().unwrap();
    let request = key.to_request_pem("a").unwrap();
    let labelled = |label: &str| request.replace("CERTIFICATE REQUEST", label).into_bytes();
    let long = "A".repeat(60);
    for (label, found) in [
        ("PKCS7", "PKCS7"),
        ("CMS", "CMS"),
        ("CERTIFICATE", "CERTIFICATE"),
        // A key is not for an authority to see.
        ("PRIVATE KEY", "PRIVATE KEY"),
        ("a\u{202e}b\u{7}c", "abc"),
        (long.as_str(), "A".repeat(40).as_str()),
    ] {
        assert_eq!(Request::from_file(&labelled(label)).unwrap_err(), of_requests(found));
    }
    let instead =
        |found: &str, expected| Error::UnexpectedPem { found: found.to_owned(), expected };
    for label in ["PKCS7", "TRUSTED CERTIFICATE", "X509 CRL"] {
        let expected = instead(label, "a certificate");
        assert_eq!(Certificate::all_from_file(&labelled(label)).unwrap_err(), expected);
    }
    let certificate = labelled("CERTIFICATE");
    let expected = instead("CERTIFICATE", "a revocation list");
    assert_eq!(RevocationList::all_from_file(&certificate).unwrap_err(), expected);
    let expected = instead("EC PRIVATE KEY", "a private key in PKCS#8");
    assert_eq!(KeyPair::from_file(&labelled("EC PRIVATE KEY")).unwrap_err(), expected);
    assert_eq!(
        expected.to_string(),
        "the file holds EC PRIVATE KEY where a private key in PKCS#8 is expected: convert it with: openssl pkcs8 -topk8 \
         -nocrypt -in OLD -out NEW"
    );
}

#[test]
fn what_is_to_be_converted_is_told_with_the_command_that_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Hierarchy::new().root.certificate().clone();
    write(folder.path(), "one.pem", certificate.to_pem().unwrap());
    for made in [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
        "ec -in key.pem -aes256 -passout pass:a-long-passphrase -out legacy.pem",
        "crl2pkcs7 -nocrl -certfile one.pem -out bundle.pem",
        "crl2pkcs7 -nocrl -certfile one.pem -outform DER -out bundle.p7b",
        "x509 -in one.pem -trustout -setalias me -out trusted.pem",
    ] {
        openssl(folder.path(), made);
    }
    let legacy = read(folder.path(), "legacy.pem");
    assert!(String::from_utf8_lossy(&legacy).contains("DEK-Info"));
    for refused in [
        KeyPair::from_file(&legacy).map(drop),
        KeyPair::from_encrypted_pem(&String::from_utf8_lossy(&legacy), "a-long-passphrase")
            .map(drop),
        pkcs8_from_file(&legacy).map(drop),
    ] {
        assert_eq!(refused, Err(Error::LegacyEncryption));
    }
    let follow = |error: &Error, old: &str, more: &str| {
        let said = error.to_string();
        let (_, command) = said.split_once("convert it with: openssl ").unwrap();
        let command = command.split(',').next().unwrap();
        let command = command.replace("OLD", old).replace("NEW", "new.pem");
        openssl(folder.path(), &format!("{command} {more}"));
        read(folder.path(), "new.pem")
    };
    let pass = "-passin pass:a-long-passphrase";
    let sealed = format!("{pass} -passout pass:a-long-passphrase");
    let new = follow(&Error::LegacyEncryption, "legacy.pem", &sealed);
    assert!(
        KeyPair::from_encrypted_pem(&String::from_utf8_lossy(&new), "a-long-passphrase").is_ok()
    );
    let new = follow(&Error::LegacyEncryption, "legacy.pem", &format!("{pass} -nocrypt"));
    assert!(KeyPair::from_file(&new).is_ok());
    for (file, more) in [("bundle.pem", ""), ("bundle.p7b", "-inform DER"), ("trusted.pem", "")] {
        let error = Certificate::all_from_file(&read(folder.path(), file)).unwrap_err();
        assert!(matches!(error, Error::UnexpectedPem { .. }), "{file}: {error}");
        let new = follow(&error, file, more);
        assert_eq!(Certificate::all_from_file(&new), Ok(vec![certificate.clone()]), "{file}");
    }
    // Beside a certificate it is not looked at.
    let both = [legacy, certificate.to_pem().unwrap().into_bytes()].concat();
    assert_eq!(Certificate::from_file(&both), Ok(certificate));
}

#[test]
fn headers_in_a_block_are_passed_over() {
    let request = KeyPair::generate().unwrap().to_request_pem("a").unwrap();
    let (begin, rest) = request.split_once('\n').unwrap();
    for (what, headers) in [
        ("one", "Comment: made by hand\n\n"),
        ("folded", "Comment: made\n  by hand\nX-Tool: 1.0\n\n"),
        ("without a blank line", "Comment: made by hand\n"),
        ("clear", "Proc-Type: 4,MIC-CLEAR\n\n"),
        ("a blank line alone", "\n"),
    ] {
        for end in ["\n", "\r\n", "\r", "  \n"] {
            let text = format!("{begin}\n{headers}{rest}").replace('\n', end);
            assert!(Request::from_file(text.as_bytes()).is_ok(), "{what}, {end:?}");
        }
    }
}

#[test]
fn a_file_is_refused_by_the_rule_it_breaks() {
    let request = KeyPair::generate().unwrap().to_request_pem("a").unwrap();
    let (begin, end) = ("-----BEGIN CERTIFICATE REQUEST-----", "-----END CERTIFICATE REQUEST-----");
    for (what, content) in [
        ("neither text nor DER", "hello".to_owned()),
        ("no end", request.replace(end, "")),
        ("no beginning", request.replace(begin, "")),
        ("ends as another", request.replace(end, "-----END CERTIFICATE-----")),
        ("begins twice", request.replace(begin, &format!("{begin}\n{begin}"))),
        ("dashes are missing", request.replace(begin, begin.trim_end_matches('-'))),
        ("not base64", request.replace("\nMI", "\nM*")),
        (
            "a header, as old OpenSSL encrypts",
            request.replace(begin, &format!("{begin}\nProc-Type: 4,ENCRYPTED")),
        ),
        ("nothing in it", format!("{begin}\n{end}\n")),
    ] {
        let read = Request::from_file(content.as_bytes()).map(|_| ());
        assert_eq!(read, Err(Error::MalformedRequest), "{what}");
    }
}

#[test]
fn the_newer_list_has_the_larger_number_however_many_octets_it_has() {
    let list = |name| RevocationList::from_file(&vector(name)).unwrap();
    for (newer, older) in
        [("newer.crl", "older.crl"), ("big-newer.crl", "big-older.crl"), ("edge1.crl", "edge.crl")]
    {
        let (newer, older) = (list(newer), list(older));
        assert!(newer.is_of_the_same_authority(&older));
        assert_eq!(newer.source_sha256(), older.source_sha256());
        assert!(newer.is_newer_than(&older) && !older.is_newer_than(&newer));
        let both = [older.clone(), newer.clone()];
        assert_eq!(RevocationList::newest(&both), [&newer]);
    }
    assert_ne!(list("root.crl").source_sha256(), list("newer.crl").source_sha256());
}

#[test]
fn the_revoked_certificate_is_refused_whatever_the_order_of_the_lists() {
    let anchors = TrustAnchors::from_file(&vector("root.pem")).unwrap();
    let chain: Vec<_> = Certificate::all_from_file(&vector("me.pem")).unwrap();
    let chain: Vec<_> = chain.iter().map(|certificate| certificate.der().clone()).collect();
    let lists = ["root.crl", "older.crl", "newer.crl"]
        .map(|name| RevocationList::from_file(&vector(name)).unwrap());
    let [root, older, newer] = lists;
    // 27 November 2026, when the lists are current.
    let now = crate::support::at(1_795_770_000);
    for lists in [[&root, &older, &newer], [&newer, &older, &root], [&older, &newer, &root]] {
        let anchors = anchors.clone().with_revocation_lists(&lists.map(Clone::clone)).unwrap();
        let verdict = anchors.verify_client(&chain, now).map(|_| ());
        assert_eq!(verdict, Err(countersign_certs::Refusal::Revoked));
    }
    let anchors = anchors.with_revocation_lists(&[root, older]).unwrap();
    assert_eq!(anchors.verify_client(&chain, now).map(|_| ()), Ok(()));
}
