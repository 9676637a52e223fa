//! Numbers in a TNAuthList (RFC 8226), alone and beside a number in another place.

use std::path::Path;

use countersign_certs::{
    Certificate, KeyPair, PhoneExtension, PhoneNumber, Refusal, TnAuthList, TnEntry, read_phone,
};

use crate::support::{
    EXTENSION, Hierarchy, NUMBER, TN_AUTH_LIST, forge, holder, openssl, read, write,
};

#[test]
fn a_list_that_openssl_made_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let number = |entries| {
        let certificate = openssl_certificate(folder.path(), entries);
        read_phone(certificate.der(), PhoneExtension::default(), &[])
            .map(|holder| holder.number.expose().to_owned())
    };
    assert_eq!(number("one=EXP:2,IA5:33612345678"), Ok(NUMBER.to_owned()));
    for entries in [
        "spc=EXP:0,IA5:1234",
        "range=EXP:1,SEQUENCE:range",
        "spc=EXP:0,IA5:1234\nrange=EXP:1,SEQUENCE:range",
    ] {
        assert_eq!(number(entries), Err(Refusal::NoPhone), "{entries}");
    }
    assert_eq!(
        number("spc=EXP:0,IA5:1234\none=EXP:2,IA5:33612345678"),
        Err(Refusal::SeveralPhones)
    );
    assert_eq!(
        number("one=IMP:2,IA5:33612345678"),
        Err(Refusal::TnAuthList)
    );
}

#[test]
fn openssl_reads_a_list_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let list = TnAuthList::of(&PhoneNumber::new(NUMBER).unwrap());
    write(folder.path(), "list.der", list.to_der().unwrap());
    let shown = openssl(folder.path(), "asn1parse -inform DER -in list.der");
    for line in ["cons: cont [ 2 ]", "IA5STRING         :33612345678"] {
        assert!(shown.contains(line), "{line:?} is missing in\n{shown}");
    }
    let TnEntry::One(number) = &list.entries()[0] else {
        panic!("one number")
    };
    assert_eq!(number.expose(), "33612345678");
}

#[test]
fn a_number_in_a_list_counts_with_those_in_other_places() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let envelope = crate::phones::envelope_of(hierarchy.encrypted_client(&key, &holder()).der());
    let list = |number| {
        let number = PhoneNumber::new(number).unwrap();
        TnAuthList::of(&number).to_der().unwrap()
    };
    let (same, other) = (list(NUMBER), list("+33612345679"));
    let provider = b"\x30\x08\xa0\x06\x16\x041234".to_vec();
    let national = b"\x30\x0e\xa2\x0c\x16\x0a0612345678".to_vec();
    let short = b"\x30\x07\xa2\x05\x16\x03#31".to_vec();
    let uri: &[&str] = &["tel:+33612345678"];
    let encrypted: &[u8] = &envelope;
    for (rule, lists, envelope, uris, expected) in [
        ("a list", vec![&same], None, &[][..], Ok(())),
        ("a list and the same URI", vec![&same], None, uri, Ok(())),
        ("a provider and a URI", vec![&provider], None, uri, Ok(())),
        (
            "a provider and an envelope",
            vec![&provider],
            Some(encrypted),
            &[],
            Ok(()),
        ),
        (
            "a provider",
            vec![&provider],
            None,
            &[],
            Err(Refusal::NoPhone),
        ),
        (
            "another number",
            vec![&other],
            None,
            uri,
            Err(Refusal::SeveralPhones),
        ),
        (
            "two lists",
            vec![&same, &same],
            None,
            &[],
            Err(Refusal::SeveralPhones),
        ),
        (
            "two providers' lists",
            vec![&provider, &provider],
            None,
            uri,
            Err(Refusal::SeveralPhones),
        ),
        (
            "a list and an envelope",
            vec![&same],
            Some(encrypted),
            &[],
            Err(Refusal::SeveralPhones),
        ),
        (
            "a national number",
            vec![&national],
            None,
            &[],
            Err(Refusal::NumberNotE164),
        ),
        (
            "a short number",
            vec![&short],
            None,
            &[],
            Err(Refusal::NumberNotE164),
        ),
        (
            "a URI of another form",
            vec![&same],
            None,
            &["tel:+33-612345678"],
            Err(Refusal::SeveralPhones),
        ),
    ] {
        let mut extensions: Vec<(&[u64], &[u8])> = lists
            .iter()
            .map(|list| (TN_AUTH_LIST, list.as_slice()))
            .collect();
        extensions.extend(envelope.map(|envelope| (EXTENSION, envelope)));
        let certificate = forge(&key, &extensions, uris);
        let keys = [hierarchy.gateway.reader()];
        let read = read_phone(&certificate, PhoneExtension::default(), &keys)
            .map(|holder| assert_eq!(holder.number.expose(), NUMBER));
        assert_eq!(read, expected, "{rule}");
    }
}

/// A self-signed certificate with a TNAuthList of these entries, in OpenSSL's words.
fn openssl_certificate(folder: &Path, entries: &str) -> Certificate {
    write(
        folder,
        "list.cnf",
        format!(
            "[req]\ndistinguished_name=name\nx509_extensions=extensions\n[name]\n\
             [extensions]\n1.3.6.1.5.5.7.1.26=ASN1:SEQUENCE:tn\n[tn]\n{entries}\n\
             [range]\nstart=IA5:33612345000\ncount=INTEGER:100\n"
        ),
    );
    openssl(
        folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout c.key -subj /CN=c -config list.cnf \
         -out c.pem",
    );
    Certificate::from_pem(&String::from_utf8(read(folder, "c.pem")).unwrap()).unwrap()
}
