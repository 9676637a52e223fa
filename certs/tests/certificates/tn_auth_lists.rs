//! Numbers in a TNAuthList (RFC 8226), alone and beside a number in another place.

use std::path::Path;

use countersign_certs::{
    Certificate, KeyPair, MAX_TN_AUTH_LIST_BYTES, MAX_TN_ENTRIES, PhoneExtension, PhoneNumber,
    Refusal, TnAuthList, TnEntry, read_phone,
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
    assert_eq!(number("one=IMP:2,IA5:33612345678"), Err(Refusal::TnAuthList));
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
    let TnEntry::One(number) = &list.entries()[0] else { panic!("one number") };
    assert_eq!(number.expose(), "33612345678");
}

#[test]
fn a_number_in_a_list_counts_with_those_in_other_places() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let envelope = crate::phones::envelope_of(hierarchy.encrypted_client(&key, &holder()).der());
    let (number, code) = (one("33612345678"), provider("1234"));
    let several = range("33612345000", &[100]);
    let same = list(&[&number]);
    let other = list(&[&one("33612345679")]);
    let provider = list(&[&code]);
    let authority = list(&[&several, &code]);
    let twice = list(&[&number, &number]);
    let with_code = list(&[&number, &code]);
    let with_range = list(&[&several, &number]);
    let national = list(&[&one("0612345678")]);
    let short = list(&[&one("#31")]);
    let uri: &[&str] = &["tel:+33612345678"];
    let encrypted: &[u8] = &envelope;
    for (rule, lists, envelope, uris, expected) in [
        ("a list", vec![&same], None, &[][..], Ok(())),
        ("a list and the same URI", vec![&same], None, uri, Ok(())),
        ("a provider and a URI", vec![&provider], None, uri, Ok(())),
        ("a provider and an envelope", vec![&provider], Some(encrypted), &[], Ok(())),
        ("a provider", vec![&provider], None, &[], Err(Refusal::NoPhone)),
        ("another number", vec![&other], None, uri, Err(Refusal::SeveralPhones)),
        ("an authority", vec![&authority], None, &[], Err(Refusal::NoPhone)),
        ("a number twice in a list", vec![&twice], None, &[], Err(Refusal::SeveralPhones)),
        ("a number and a provider", vec![&with_code], None, uri, Err(Refusal::SeveralPhones)),
        ("a number and a range", vec![&with_range], None, &[], Err(Refusal::SeveralPhones)),
        ("two lists", vec![&same, &same], None, &[], Err(Refusal::SeveralPhones)),
        (
            "two providers' lists",
            vec![&provider, &provider],
            None,
            uri,
            Err(Refusal::SeveralPhones),
        ),
        ("a list and an envelope", vec![&same], Some(encrypted), &[], Err(Refusal::SeveralPhones)),
        ("a national number", vec![&national], None, &[], Err(Refusal::NumberNotE164)),
        ("a short number", vec![&short], None, &[], Err(Refusal::NumberNotE164)),
        (
            "a URI of another form",
            vec![&same],
            None,
            &["tel:+33-612345678"],
            Err(Refusal::SeveralPhones),
        ),
    ] {
        let mut extensions: Vec<(&[u64], &[u8])> =
            lists.iter().map(|list| (TN_AUTH_LIST, list.as_slice())).collect();
        extensions.extend(envelope.map(|envelope| (EXTENSION, envelope)));
        let certificate = forge(&key, &extensions, uris);
        let keys = [hierarchy.gateway.reader()];
        let read = read_phone(&certificate, PhoneExtension::default(), &keys)
            .map(|holder| assert_eq!(holder.number.expose(), NUMBER));
        assert_eq!(read, expected, "{rule}");
    }
}

#[test]
fn every_form_is_read_and_written_back_the_same() {
    let der = list(&[
        &provider("1234"),
        &range("33612345000", &[2]),
        &range("336", &[0, 0xff]),
        &one("123456789012345"),
        &one("#31*"),
    ]);
    let read = TnAuthList::from_der(&der).unwrap();
    assert_eq!(read.entries().len(), 5);
    assert_eq!(read.entries()[0], TnEntry::ServiceProvider("1234".to_owned()));
    assert!(matches!(read.entries()[2], TnEntry::Range { count: 255, .. }));
    assert_eq!(read.to_der().unwrap(), der);
}

#[test]
fn a_list_does_not_show_its_numbers() {
    let number = PhoneNumber::new("+33612345678").unwrap();
    let shown = format!("{:?}", TnAuthList::of(&number));
    assert_eq!(shown, "TnAuthList { entries: [One(TelephoneNumber(..))] }");
}

#[test]
fn a_bad_list_is_refused_by_the_rule_it_breaks() {
    let good = one("33612345678");
    let many = vec![good.as_slice(); MAX_TN_ENTRIES + 1].concat();
    let many_bytes = u16::try_from(many.len()).unwrap().to_be_bytes();
    for (rule, der) in [
        ("too large", vec![0x30; MAX_TN_AUTH_LIST_BYTES + 1]),
        ("no bytes", vec![]),
        ("empty", list(&[])),
        ("too many", [&[0x30, 0x82], &many_bytes[..], &many].concat()),
        ("truncated", list(&[&good])[..10].to_vec()),
        ("trailing bytes", [list(&[&good]), vec![5, 0]].concat()),
        ("a set", tlv(0x31, &good)),
        ("an indefinite length", [&[0x30, 0x80], &good[..], &[0, 0]].concat()),
        ("a length that is not minimal", [&[0x30, 0x81, 15], &good[..]].concat()),
        ("no tag", list(&[&ia5("33612345678")])),
        ("an implicit tag", list(&[&tlv(0x82, b"33612345678")])),
        ("an unknown tag", list(&[&tlv(0xa3, &ia5("336"))])),
        ("a tag of the wrong class", list(&[&tlv(0x62, &ia5("336"))])),
        ("an empty entry", list(&[&tlv(0xa2, &[])])),
        ("two numbers in one tag", list(&[&tlv(0xa2, &[ia5("336"), ia5("337")].concat())])),
        ("another string", list(&[&tlv(0xa2, &tlv(0x0c, b"336"))])),
        ("another string in a code", list(&[&tlv(0xa0, &tlv(0x0c, b"1234"))])),
        ("no digit", list(&[&one("")])),
        ("16 digits", list(&[&one("1234567890123456")])),
        ("a letter", list(&[&one("3361234567a")])),
        ("a plus", list(&[&one("+33612345678")])),
        ("a byte over 127", list(&[&tlv(0xa2, &tlv(0x16, &[0xb2]))])),
        ("a range of one", list(&[&range("336", &[1])])),
        ("a range of none", list(&[&range("336", &[0])])),
        ("a negative range", list(&[&range("336", &[0xff])])),
        ("a count that is not minimal", list(&[&range("336", &[0, 2])])),
        ("a count over 64 bits", list(&[&range("336", &[1; 9])])),
        ("a range without count", list(&[&tlv(0xa1, &tlv(0x30, &ia5("336")))])),
        ("a range from a letter", list(&[&range("a", &[2])])),
        (
            "something after the count",
            list(&[&tlv(0xa1, &tlv(0x30, &[ia5("336"), tlv(2, &[2]), ia5("3")].concat()))]),
        ),
    ] {
        assert_eq!(TnAuthList::from_der(&der), Err(Refusal::TnAuthList), "{rule}");
    }
}

/// A TLV of less than 128 bytes.
pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    assert!(length < 128, "one byte of length");
    [&[tag, length], value].concat()
}

pub(crate) fn list(entries: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &entries.concat())
}

pub(crate) fn one(number: &str) -> Vec<u8> {
    tlv(0xa2, &ia5(number))
}

pub(crate) fn range(start: &str, count: &[u8]) -> Vec<u8> {
    tlv(0xa1, &tlv(0x30, &[ia5(start), tlv(2, count)].concat()))
}

pub(crate) fn provider(code: &str) -> Vec<u8> {
    tlv(0xa0, &ia5(code))
}

fn ia5(text: &str) -> Vec<u8> {
    tlv(0x16, text.as_bytes())
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
