//! Revocation lists that we do not issue ourselves: those that are understood whole, and those that are refused by name.

use countersign_certs::{
    Authority, CertificateDer, Error, KeyPair, ListFault as Fault, Refusal, RevocationList,
};
use rcgen::SigningKey as _;
use x509_parser::{certificate::X509Certificate, extensions::ParsedExtension};

use crate::support::{Hierarchy, NOW, at, days, openssl, read, write};

const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 35];
const NUMBER: &[u8] = &[0x55, 0x1d, 20];
const REASON: &[u8] = &[0x55, 0x1d, 21];
const DELTA: &[u8] = &[0x55, 0x1d, 27];
const POINT: &[u8] = &[0x55, 0x1d, 28];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
const FRESHEST: &[u8] = &[0x55, 0x1d, 46];
const UNKNOWN: &[u8] = &[0x2a, 0x03, 0x04];

/// A list that is made octet by octet.
#[derive(Clone)]
struct Made {
    version: Option<u8>,
    next_update: Option<&'static str>,
    /// What stands in the entries of its revoked certificates.
    entries: Vec<Vec<u8>>,
    number: Option<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
}

impl Made {
    fn new() -> Self {
        let (version, next_update) = (Some(1), Some("270201000000Z"));
        Self {
            version,
            next_update,
            entries: Vec::new(),
            number: Some(vec![1]),
            extensions: Vec::new(),
        }
    }

    fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    fn numbered(self, number: &[u8]) -> Self {
        Self { number: Some(number.to_vec()), ..self }
    }

    fn revoking(mut self, serial: &[u8], extensions: &[Vec<u8>]) -> Self {
        let mut entry = [tlv(2, serial), tlv(0x17, b"270101000000Z")].concat();
        if !extensions.is_empty() {
            entry.extend(tlv(0x30, &extensions.concat()));
        }
        self.entries.push(tlv(0x30, &entry));
        self
    }

    fn signed(&self, authority: &Authority) -> Vec<u8> {
        let key = rcgen::KeyPair::from_pem(&authority.key().expose_pem().unwrap()).unwrap();
        let certificate = authority.certificate();
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate.der()).unwrap();
        let key_id = tlv(0x30, &tlv(0x80, key_identifier(&parsed)));
        let number = self.number.as_ref().map(|number| extension(NUMBER, false, &tlv(2, number)));
        let extensions = [
            extension(AUTHORITY_KEY, false, &key_id),
            number.unwrap_or_default(),
            self.extensions.concat(),
        ];
        let algorithm = tlv(0x30, &tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
        let entries = self.entries.concat();
        let tbs = [
            self.version.map(|version| tlv(2, &[version])).unwrap_or_default(),
            algorithm.clone(),
            parsed.subject().as_raw().to_vec(),
            tlv(0x17, b"270101000000Z"),
            self.next_update.map(|time| tlv(0x17, time.as_bytes())).unwrap_or_default(),
            if entries.is_empty() { Vec::new() } else { tlv(0x30, &entries) },
            if self.version.is_some() {
                tlv(0xa0, &tlv(0x30, &extensions.concat()))
            } else {
                Vec::new()
            },
        ];
        let tbs = tlv(0x30, &tbs.concat());
        let signature = [&[0][..], &key.sign(&tbs).unwrap()].concat();
        tlv(0x30, &[tbs, algorithm, tlv(3, &signature)].concat())
    }
}

fn key_identifier<'a>(certificate: &'a X509Certificate<'_>) -> &'a [u8] {
    let mut extensions = certificate.iter_extensions();
    let found = extensions.find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    });
    found.unwrap()
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length = match (length, content.len()) {
        ([_, low], 0..0x80) => vec![low],
        ([_, low], 0x80..0x100) => vec![0x81, low],
        ([high, low], _) => vec![0x82, high, low],
    };
    [vec![tag], length, content.to_vec()].concat()
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(1, &[0xff]) } else { Vec::new() };
    tlv(0x30, &[tlv(6, oid), critical, tlv(4, value)].concat())
}

fn uri(uri: &str) -> Vec<u8> {
    tlv(0x86, uri.as_bytes())
}

/// A distribution point that has these full names.
fn at_names(names: &[Vec<u8>]) -> Vec<u8> {
    tlv(0xa0, &tlv(0xa0, &names.concat()))
}

/// The issuing distribution point of a part of what the authority issued.
fn point(parts: &[&[u8]]) -> Vec<u8> {
    extension(POINT, true, &tlv(0x30, &parts.concat()))
}

const ONLY_USERS: &[u8] = &[0x81, 1, 0xff];
const ONLY_AUTHORITIES: &[u8] = &[0x82, 1, 0xff];
const KEY_COMPROMISE: &[u8] = &[0x83, 2, 6, 0x40];
const INDIRECT: &[u8] = &[0x84, 1, 0xff];
const ONLY_ATTRIBUTES: &[u8] = &[0x85, 1, 0xff];
const PART_1: &str = "http://lists.example/1.crl";
const PART_2: &str = "http://lists.example/2.crl";

fn malformed() -> Option<Error> {
    Some(Error::MalformedRevocationList)
}

fn unusable(fault: Fault) -> Option<Error> {
    Some(Error::UnusableRevocationList(fault))
}

/// Each list is read as it should be, or refused as that.
fn judged<const N: usize>(lists: [(&str, Made, Option<Error>); N]) {
    let root = Authority::root("Root", days(3650)).unwrap();
    for (what, made, fault) in lists {
        assert_eq!(RevocationList::from_der(&made.signed(&root)).err(), fault, "{what}");
    }
}

#[test]
fn a_list_has_a_version_a_next_update_and_a_number_that_count() {
    let list = Made::new;
    let twenty = [&[0x7f][..], &[0xff; 19]].concat();
    let twenty_with_sign = [&[0, 0xff][..], &[0xff; 19]].concat();
    judged([
        ("20 octets", list().numbered(&twenty), None),
        ("20 octets and the sign's", list().numbered(&twenty_with_sign), None),
        ("21 octets", list().numbered(&[1; 21]), unusable(Fault::Number)),
        ("a negative number", list().numbered(&[0x80]), unusable(Fault::Number)),
        (
            "a number of many octets below zero",
            list().numbered(&[0xff; 20]),
            unusable(Fault::Number),
        ),
        ("no number", Made { number: None, ..list() }, unusable(Fault::Number)),
        ("two numbers", list().with(extension(NUMBER, false, &tlv(2, &[2]))), malformed()),
        (
            "a critical number",
            Made { number: None, ..list() }.with(extension(NUMBER, true, &tlv(2, &[2]))),
            unusable(Fault::Number),
        ),
        ("no next update", Made { next_update: None, ..list() }, unusable(Fault::NextUpdate)),
        ("version 1", Made { version: None, ..list() }, unusable(Fault::Version)),
        ("a version to come", Made { version: Some(2), ..list() }, unusable(Fault::Version)),
    ]);
}

#[test]
fn a_list_of_a_part_is_understood_whole_or_refused_by_name() {
    let list = Made::new;
    let part_1 = at_names(&[uri(PART_1)]);
    let relative = tlv(0xa0, &tlv(0xa1, &[]));
    let delta = |critical| extension(DELTA, critical, &tlv(2, &[1]));
    let issuer = extension(CERTIFICATE_ISSUER, true, &tlv(0x30, &uri("http://ca.example")));
    judged([
        ("a part", list().with(point(&[&part_1])), None),
        ("a part of users", list().with(point(&[&part_1, ONLY_USERS])), None),
        ("a part of authorities", list().with(point(&[&part_1, ONLY_AUTHORITIES])), None),
        ("a delta", list().with(delta(true)), unusable(Fault::Delta)),
        ("a delta that does not insist", list().with(delta(false)), unusable(Fault::Delta)),
        ("indirect", list().with(point(&[&part_1, INDIRECT])), unusable(Fault::Indirect)),
        ("another's entry", list().revoking(&[5], &[issuer]), unusable(Fault::Indirect)),
        (
            "some reasons",
            list().with(point(&[&part_1, KEY_COMPROMISE])),
            unusable(Fault::SomeReasons),
        ),
        (
            "attributes",
            list().with(point(&[&part_1, ONLY_ATTRIBUTES])),
            unusable(Fault::AttributeCertificates),
        ),
        ("all users", list().with(point(&[ONLY_USERS])), None),
        ("all authorities", list().with(point(&[ONLY_AUTHORITIES])), None),
        (
            "users and authorities",
            list().with(point(&[ONLY_USERS, ONLY_AUTHORITIES])),
            unusable(Fault::DistributionPoint),
        ),
        ("users or not", list().with(point(&[&[0x81, 1, 0]])), unusable(Fault::DistributionPoint)),
        ("nothing", list().with(point(&[])), unusable(Fault::DistributionPoint)),
        (
            "all users for some reasons",
            list().with(point(&[ONLY_USERS, KEY_COMPROMISE])),
            unusable(Fault::SomeReasons),
        ),
        (
            "all users, indirect",
            list().with(point(&[ONLY_USERS, INDIRECT])),
            unusable(Fault::Indirect),
        ),
        (
            "all users' delta",
            list().with(point(&[ONLY_USERS])).with(delta(true)),
            unusable(Fault::Delta),
        ),
        (
            "all users, and a critical extension that ends alike",
            list().with(point(&[ONLY_USERS])).with(extension(
                UNKNOWN,
                true,
                &tlv(0x30, ONLY_USERS),
            )),
            unusable(Fault::CriticalExtension),
        ),
        (
            "all users twice",
            list().with(point(&[ONLY_USERS])).with(point(&[ONLY_USERS])),
            malformed(),
        ),
        (
            "all users, and a place",
            list().with(point(&[ONLY_USERS])).with(point(&[&part_1])),
            malformed(),
        ),
        ("a relative name", list().with(point(&[&relative])), unusable(Fault::DistributionPoint)),
        ("a point twice", list().with(point(&[&part_1])).with(point(&[&part_1])), malformed()),
        ("a point that is none", list().with(extension(POINT, true, &[4, 0])), malformed()),
    ]);
}

#[test]
fn what_a_list_and_its_entries_bear_is_understood_whole_or_refused_by_name() {
    let list = Made::new;
    let part_1 = at_names(&[uri(PART_1)]);
    let reason = |code: u8| extension(REASON, false, &tlv(10, &[code]));
    judged([
        ("as it should be", list(), None),
        ("an entry", list().revoking(&[5], &[reason(1)]), None),
        ("an unknown extension", list().with(extension(UNKNOWN, false, &[5, 0])), None),
        (
            "a hint to deltas",
            list().with(extension(FRESHEST, false, &tlv(0x30, &tlv(0x30, &part_1)))),
            None,
        ),
        (
            "an unknown critical extension",
            list().with(extension(UNKNOWN, true, &[5, 0])),
            unusable(Fault::CriticalExtension),
        ),
        (
            "an entry with one",
            list().revoking(&[5], &[extension(UNKNOWN, true, &[5, 0])]),
            unusable(Fault::CriticalExtension),
        ),
        // Found by octets, it would be another number than the certificate's.
        ("a number with zeros in front", list().revoking(&[0, 5], &[]), unusable(Fault::Serial)),
        (
            "a number with zeros in front among others",
            list().revoking(&[5], &[]).revoking(&[0, 0, 0x80], &[]).revoking(&[6], &[]),
            unusable(Fault::Serial),
        ),
        ("a number of no octet", list().revoking(&[], &[]), unusable(Fault::Serial)),
    ]);
}

#[test]
fn a_revoked_certificate_is_on_the_list_whatever_else_that_is_about() {
    let hierarchy = Hierarchy::new();
    let client = hierarchy.clear_client(&KeyPair::generate().unwrap());
    let (_, parsed) = x509_parser::parse_x509_certificate(client.der()).unwrap();
    let serial = parsed.raw_serial();
    let part = |uris: &str, only| point(&[&at_names(&[uri(uris)]), only]);
    let full = Made::new();
    let with = Made::new().revoking(serial, &[]);
    let (revoked, unknown) = (Err(Refusal::Revoked), Err(Refusal::RevocationUnknown));
    for (what, lists, verdict) in [
        ("on none", vec![full.clone()], Ok(())),
        ("on the full one", vec![with.clone()], revoked.clone()),
        ("on a part", vec![full.clone(), with.clone().with(part(PART_2, &[]))], revoked.clone()),
        // An authority that renames the places of its parts, or sorts one wrongly.
        (
            "on the authorities'",
            vec![full.clone(), with.clone().with(part(PART_2, ONLY_AUTHORITIES))],
            revoked.clone(),
        ),
        ("on the users'", vec![with.clone().with(part(PART_1, ONLY_USERS))], revoked.clone()),
        ("on all users'", vec![with.clone().with(point(&[ONLY_USERS]))], revoked.clone()),
        ("on all authorities'", vec![full, with.with(point(&[ONLY_AUTHORITIES]))], revoked),
        ("all users' is there", vec![Made::new().with(point(&[ONLY_USERS]))], Ok(())),
        (
            "only all authorities' is there",
            vec![Made::new().with(point(&[ONLY_AUTHORITIES]))],
            unknown.clone(),
        ),
        // It names no place: of which part it is nobody can tell.
        ("a part is there", vec![Made::new().with(part(PART_1, &[]))], unknown.clone()),
        (
            "a users' part is there",
            vec![Made::new().with(part(PART_1, ONLY_USERS))],
            unknown.clone(),
        ),
        (
            "parts are there, and it is revoked in one that is not",
            vec![Made::new().with(part(PART_1, &[])), Made::new().with(part(PART_2, &[]))],
            unknown,
        ),
    ] {
        assert_eq!(judge(&hierarchy, &lists, client.der()), verdict, "{what}");
    }
}

#[test]
fn a_part_covers_what_names_its_place_for_all_reasons_and_this_issuer() {
    let hierarchy = Hierarchy::new();
    let parts = [PART_1, PART_2].map(|place| Made::new().with(point(&[&at_names(&[uri(place)])])));
    let point = |fields: &[&[u8]]| tlv(0x30, &fields.concat());
    let (first, third) = (at_names(&[uri(PART_1)]), at_names(&[uri("http://lists.example/3.crl")]));
    let reasons =
        KEY_COMPROMISE.iter().copied().map(|octet| if octet == 0x83 { 0x81 } else { octet });
    let reasons: Vec<u8> = reasons.collect();
    let root = hierarchy.root.certificate();
    let (_, root) = x509_parser::parse_x509_certificate(root.der()).unwrap();
    let other = tlv(0xa2, &tlv(0xa4, root.subject().as_raw()));
    let unknown = Err(Refusal::RevocationUnknown);
    for (what, points, verdict) in [
        ("its place", vec![point(&[&first])], Ok(())),
        (
            "one of several names",
            vec![point(&[&at_names(&[uri("ldap://a"), uri(PART_2)])])],
            Ok(()),
        ),
        ("one of several points", vec![point(&[&third]), point(&[&first])], Ok(())),
        ("another place", vec![point(&[&third])], unknown.clone()),
        ("for some reasons", vec![point(&[&first, &reasons])], unknown.clone()),
        ("another issuer's", vec![point(&[&first, &other])], unknown.clone()),
        (
            "a name in other letters",
            vec![point(&[&at_names(&[uri("http://lists.example/1.CRL")])])],
            unknown,
        ),
    ] {
        let leaf = leaf(&hierarchy.issuing, &[7], &tlv(0x30, &points.concat()));
        assert_eq!(judge(&hierarchy, &parts, &leaf), verdict, "{what}");
    }
}

#[test]
fn the_list_of_all_users_covers_end_entities_alone_and_that_of_all_authorities_these_alone() {
    let hierarchy = Hierarchy::new();
    let points = tlv(0x30, &tlv(0x30, &at_names(&[uri(PART_1)])));
    let named = leaf(&hierarchy.issuing, &[7], &points);
    let nameless = hierarchy.clear_client(&KeyPair::generate().unwrap()).der().clone();
    let (users, authorities) = (
        || Made::new().with(point(&[ONLY_USERS])),
        || Made::new().with(point(&[ONLY_AUTHORITIES])),
    );
    let unknown = Err(Refusal::RevocationUnknown);
    for (what, of_issuing, of_root, verdict) in [
        ("both", users(), authorities(), Ok(())),
        ("users' of both", users(), users(), unknown.clone()),
        ("authorities' of both", authorities(), authorities(), unknown.clone()),
        ("the wrong way round", authorities(), users(), unknown),
    ] {
        let lists = [of_issuing.signed(&hierarchy.issuing), of_root.signed(&hierarchy.root)];
        for client in [&named, &nameless] {
            assert_eq!(judge_by(&hierarchy, &lists, client), verdict, "{what}");
        }
    }
}

#[test]
fn a_number_of_the_most_octets_is_found_on_a_list() {
    let hierarchy = Hierarchy::new();
    let points = tlv(0x30, &tlv(0x30, &at_names(&[uri(PART_1)])));
    // As it stands in the certificate: with the octet of the sign, where the first bit is set.
    for serial in
        [vec![0x7f; 20], [&[0][..], &[0x80; 19]].concat(), [&[0][..], &[0x80; 20]].concat()]
    {
        let leaf = leaf(&hierarchy.issuing, &serial, &points);
        let (_, parsed) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        assert_eq!(parsed.raw_serial(), serial);
        let with = [Made::new().revoking(&serial, &[])];
        assert_eq!(judge(&hierarchy, &with, &leaf), Err(Refusal::Revoked), "{serial:x?}");
        assert_eq!(judge(&hierarchy, &[Made::new()], &leaf), Ok(()), "{serial:x?}");
    }
}

#[test]
fn openssl_s_partial_lists_are_understood_or_refused_as_ours_are() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=7\n\
        [n]\nauthorityKeyIdentifier=keyid:always\nissuingDistributionPoint=critical,@point\n[point]\n";
    write(folder.path(), "index.txt", "");
    openssl(
        folder.path(),
        "req -x509 -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout ca.key -out ca.pem -subj /CN=CA -addext keyUsage=keyCertSign,cRLSign",
    );
    for (point, fault) in [
        ("fullname=URI:http://lists.example/1.crl", None),
        ("fullname=URI:http://lists.example/1.crl\nonlyuser=TRUE", None),
        ("fullname=URI:http://lists.example/1.crl\nonlyCA=TRUE", None),
        ("onlyuser=TRUE", None),
        ("onlyCA=TRUE", None),
        ("onlyAA=TRUE", Some(Fault::AttributeCertificates)),
        ("fullname=URI:http://a\nindirectCRL=TRUE", Some(Fault::Indirect)),
        ("fullname=URI:http://a\nonlyAA=TRUE", Some(Fault::AttributeCertificates)),
        ("fullname=URI:http://a\nonlysomereasons=keyCompromise", Some(Fault::SomeReasons)),
    ] {
        write(folder.path(), "number", "01\n");
        write(folder.path(), "ca.cnf", format!("{config}{point}\n"));
        openssl(
            folder.path(),
            "ca -config ca.cnf -gencrl -cert ca.pem -keyfile ca.key -crlexts n -out list.pem",
        );
        let list = RevocationList::from_file(&read(folder.path(), "list.pem"));
        assert_eq!(list.err(), fault.map(Error::UnusableRevocationList), "{point}");
    }
}

/// By these lists of the issuing authority and an empty one of the root.
fn judge(
    hierarchy: &Hierarchy,
    lists: &[Made],
    client: &CertificateDer<'static>,
) -> Result<(), Refusal> {
    let issuing = lists.iter().map(|made| made.signed(&hierarchy.issuing));
    let lists: Vec<_> = issuing.chain([Made::new().signed(&hierarchy.root)]).collect();
    judge_by(hierarchy, &lists, client)
}

fn judge_by(
    hierarchy: &Hierarchy,
    lists: &[Vec<u8>],
    client: &CertificateDer<'static>,
) -> Result<(), Refusal> {
    let lists: Vec<_> = lists.iter().map(|list| RevocationList::from_der(list).unwrap()).collect();
    let anchors = hierarchy.anchors().with_revocation_lists(&lists).unwrap();
    let chain = [client.clone(), hierarchy.issuing.certificate().der().clone()];
    anchors.verify_handshake(&chain, at(NOW + 1))
}

/// A certificate that names these places of lists.
fn leaf(issuing: &Authority, serial: &[u8], points: &[u8]) -> CertificateDer<'static> {
    let signer = rcgen::KeyPair::from_pem(&issuing.key().expose_pem().unwrap()).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_der(issuing.certificate().der(), signer).unwrap();
    let time = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    let mut params = rcgen::CertificateParams::default();
    (params.not_before, params.not_after) = (time(1_800_000_000), time(1_800_086_400));
    params.serial_number = Some(rcgen::SerialNumber::from_slice(serial));
    let points = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 31], points.to_vec());
    params.custom_extensions = vec![points];
    let key = rcgen::KeyPair::generate().unwrap();
    params.signed_by(&key, &issuer).unwrap().der().clone()
}
