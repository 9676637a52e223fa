//! Certificates that are bad in themselves, and numbers that all can read.

use countersign_certs::{MAX_CERTIFICATE_BYTES, MAX_TN_AUTH_LIST_BYTES, MAX_TN_ENTRIES};
use der::{Any, Encode, Tag};
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, date_time_ymd};

use super::{Sealed, URI, Vector, in_clear, vectors};
use crate::{
    phones::{indefinite, long_length},
    support::NUMBER,
    tn_auth_lists::{list, one, provider, range, tlv},
    vectors::certificates::Parts,
};

pub(crate) fn good() -> Vec<Vector> {
    let good = list(&[&one("33612345678")]);
    let of_provider = list(&[&provider("1234")]);
    vectors(vec![
        (100, "good-uri", NUMBER, in_clear(&[URI], &[]), "A tel: URI (RFC 3966)."),
        (
            101,
            "good-list",
            NUMBER,
            in_clear(&[], &[&good]),
            "A TNAuthList of one number (RFC 8226).",
        ),
        (102, "good-uri-and-list", NUMBER, in_clear(&[URI], &[&good]), "The same number twice."),
        (
            106,
            "good-uri-and-provider",
            NUMBER,
            in_clear(&[URI], &[&of_provider]),
            "A service provider's code in a TNAuthList bears no number.",
        ),
    ])
}

pub(crate) fn certificates() -> Vec<Vector> {
    let good = in_clear(&[URI], &[]);
    let large = Parts::default().changed(|params| {
        let value = vec![0; MAX_CERTIFICATE_BYTES];
        params.custom_extensions = vec![CustomExtension::from_oid_content(OTHER_EXTENSION, value)];
    });
    let twice = Parts { uris: &[URI], ..Parts::default() };
    let twice = twice.changed(|params| {
        // SEQUENCE { [6] "tel:+33612345678" }, as rcgen writes it already.
        let value = tlv(0x30, &tlv(0x86, URI.as_bytes()));
        params.custom_extensions = vec![CustomExtension::from_oid_content(SUBJECT_ALT_NAME, value)];
    });
    let mut set = good.clone();
    set[0] = 0x31;
    vectors(vec![
        (200, "certificate-too-large", "CertificateTooLarge", large, "Over 16 KiB."),
        (
            201,
            "certificate-truncated",
            "Malformed",
            good[..good.len() - 1].to_vec(),
            "Its last byte is missing.",
        ),
        (
            202,
            "certificate-with-more",
            "Malformed",
            [&good[..], &[0]].concat(),
            "A byte follows it.",
        ),
        (
            203,
            "certificate-as-set",
            "Malformed",
            set,
            "The tag is SET, not SEQUENCE (RFC 5280 section 4.1).",
        ),
        (
            204,
            "certificate-of-indefinite-length",
            "Malformed",
            indefinite(&good),
            "BER, not DER (X.690 section 10.1).",
        ),
        (
            205,
            "certificate-of-long-length",
            "Malformed",
            long_length(&good),
            "BER, not DER (X.690 section 10.1).",
        ),
        (
            206,
            "certificate-with-names-twice",
            "Malformed",
            twice,
            "subjectAltName twice (RFC 5280 section 4.2).",
        ),
    ])
}

pub(crate) fn chains() -> Vec<Vector> {
    let good = Parts { uris: &[URI], ..Parts::default() };
    let critical = good.changed(|params| {
        let mut extension = CustomExtension::from_oid_content(OTHER_EXTENSION, vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions = vec![extension];
    });
    let expired = good.changed(|params| {
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 15);
    });
    let early = good.changed(|params| params.not_before = date_time_ymd(2027, 1, 16));
    let server = good.changed(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let any = good.changed(|params| params.extended_key_usages.clear());
    let mut forged = good.certificate();
    *forged.last_mut().unwrap() ^= 1;
    vectors(vec![
        (
            300,
            "unknown-critical-extension",
            "UnknownCriticalExtension",
            critical,
            "RFC 5280 section 4.2.",
        ),
        (
            301,
            "expired",
            "Expired",
            expired,
            "The time is 15 January 2027, 08:00 UTC; it ended at 00:00.",
        ),
        (
            302,
            "not-yet-valid",
            "NotYetValid",
            early,
            "The time is 15 January 2027; it begins a day later.",
        ),
        (303, "wrong-usage", "WrongUsage", server, "For serverAuth only."),
        (304, "no-usage", "WrongUsage", any, "For no usage by name."),
        (305, "wrong-signature", "BadSignature", forged, "A bit of the signature is turned."),
    ])
}

pub(crate) fn numbers(sealed: &Sealed) -> Vec<Vector> {
    let good = list(&[&one("33612345678")]);
    let other = list(&[&one("33612345679")]);
    let two = list(&[&one("33612345678"), &one("33612345679")]);
    let of_provider = list(&[&provider("1234")]);
    let of_range = list(&[&range("33612345000", &[100])]);
    let parts = |uris, lists, envelopes| {
        let parts = Parts { uris, lists, envelopes, moved: false };
        parts.certificate()
    };
    let envelope = sealed.p256.as_slice();
    let several = "SeveralPhones";
    vectors(vec![
        (
            306,
            "two-lists",
            "OutsideProfile(Extension)",
            in_clear(&[], &[&good, &good]),
            "An extension twice (RFC 5280 section 4.2).",
        ),
        (
            307,
            "two-envelopes",
            "OutsideProfile(Extension)",
            parts(&[], &[], &[envelope, envelope]),
            "An extension twice (RFC 5280 section 4.2).",
        ),
        (400, "no-number", "NoPhone", in_clear(&[], &[]), "It bears none."),
        (
            401,
            "list-of-a-provider",
            "NoPhone",
            in_clear(&[], &[&of_provider]),
            "spc says what an authority may assert.",
        ),
        (402, "list-of-a-range", "NoPhone", in_clear(&[], &[&of_range]), "So does range."),
        (410, "two-uris", several, in_clear(&[URI, "tel:+33612345679"], &[]), "Two numbers."),
        (411, "two-numbers-in-a-list", several, in_clear(&[], &[&two]), "Two numbers."),
        (412, "list-and-another-uri", several, in_clear(&[URI], &[&other]), "Two numbers."),
        (
            413,
            "envelope-and-uri",
            several,
            parts(&[URI], &[], &[envelope]),
            "What is encrypted is not in clear.",
        ),
        (
            414,
            "envelope-and-list",
            several,
            parts(&[], &[&good], &[envelope]),
            "What is encrypted is not in clear.",
        ),
    ])
}

pub(crate) fn lists() -> Vec<Vector> {
    let number = one("33612345678");
    let good = list(&[&number]);
    let many = vec![number.as_slice(); MAX_TN_ENTRIES + 1].concat();
    let many = Any::new(Tag::Sequence, many).unwrap().to_der().unwrap();
    let large = Any::new(Tag::Sequence, vec![0; MAX_TN_AUTH_LIST_BYTES]).unwrap();
    let large = large.to_der().unwrap();
    let truncated = &good[..good.len() - 1];
    let rows: [(u16, &str, &[u8], &str); 13] = [
        (500, "list-too-large", &large, "Over 4 KiB."),
        (501, "list-truncated", truncated, "Its last byte is missing."),
        (
            502,
            "list-of-indefinite-length",
            &indefinite(&good),
            "BER, not DER (X.690 section 10.1).",
        ),
        (503, "list-of-long-length", &long_length(&good), "BER, not DER (X.690 section 10.1)."),
        (504, "list-empty", &list(&[]), "SIZE (1..MAX) (RFC 8226 section 9)."),
        (505, "list-of-65", &many, "More entries than are read."),
        (506, "list-with-implicit-tag", &list(&[&tlv(0x82, b"33612345678")]), "Tags are explicit."),
        (
            507,
            "list-with-unknown-tag",
            &list(&[&tlv(0xa3, &tlv(0x16, b"336"))]),
            "There is no [3].",
        ),
        (
            508,
            "list-of-utf8",
            &list(&[&tlv(0xa2, &tlv(0x0c, b"336"))]),
            "UTF8String, not IA5String.",
        ),
        (509, "list-with-range-of-one", &list(&[&range("336", &[1])]), "count INTEGER (2..MAX)."),
        (510, "list-with-no-digit", &list(&[&one("")]), "SIZE (1..15)."),
        (511, "list-with-16-digits", &list(&[&one("1234567890123456")]), "SIZE (1..15)."),
        (512, "list-with-a-letter", &list(&[&one("3361234567a")]), "FROM (\"0123456789#*\")."),
    ];
    let rows = rows
        .map(|(place, name, list, why)| (place, name, "TnAuthList", in_clear(&[], &[list]), why));
    vectors(rows.to_vec())
}

pub(crate) fn numbers_that_are_none() -> Vec<Vector> {
    let short = list(&[&one("112")]);
    let not_e164 = "NumberNotE164";
    vectors(vec![
        (
            650,
            "national-number",
            not_e164,
            in_clear(&["tel:0612345678"], &[]),
            "Not E.164: no country code.",
        ),
        (
            651,
            "number-with-separators",
            not_e164,
            in_clear(&["tel:+33-612345678"], &[]),
            "Equal numbers are equal bytes.",
        ),
        (
            652,
            "short-number-in-a-list",
            not_e164,
            in_clear(&[], &[&short]),
            "Not E.164: an emergency number.",
        ),
    ])
}

/// The documentation's arc (RFC 5612): an extension that nobody knows.
const OTHER_EXTENSION: &[u64] = &[1, 3, 6, 1, 4, 1, 32473, 7];
const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
