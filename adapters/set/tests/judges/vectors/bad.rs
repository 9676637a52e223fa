//! What must be refused: a good vector in which one rule is broken, in checking order.

use super::{Vector, read};
use crate::walk::{elements, value_of};

/// Rows of name, type, expectation, bytes and why.
type Row = (&'static str, &'static str, &'static str, Vec<u8>, &'static str);

/// What the decoder says of a value out of bounds.
const INTEGER: &str = "malformed ASN.1 DER value for INTEGER";
const OCTETS: &str = "malformed ASN.1 DER value for OCTET STRING";
const TIME: &str = "malformed ASN.1 DER value for GeneralizedTime";
const TEXT: &str = "malformed ASN.1 DER value for UTF8String";
const DIGITS: &str = "malformed ASN.1 DER value for NumericString";
const LIST: &str = "malformed ASN.1 DER value for SEQUENCE";
const ENUMERATED: &str = "malformed ASN.1 DER value for ENUMERATED";

/// All of them, from the good ones on disk.
pub(super) fn all() -> Vec<Vector> {
    let good = Good(read("p256"));
    let parts = [
        good.encodings(),
        good.headers(),
        good.values(),
        good.lists(),
        good.options(),
        good.batches(),
    ];
    let rows = parts.into_iter().zip([100, 200, 300, 400, 500, 600]);
    rows.flat_map(|(rows, start)| {
        rows.into_iter().enumerate().map(move |(place, (name, kind, expect, der, why))| Vector {
            place: start + place,
            name: name.to_owned(),
            why: why.to_owned(),
            fields: vec![("type", kind.to_owned()), ("expect", expect.to_owned())],
            der,
        })
    })
    .collect()
}

struct Good(Vec<Vector>);

impl Good {
    fn message(&self, name: &str) -> Vec<u8> {
        self.0.iter().find(|vector| vector.field("message") == Some(name)).unwrap().der.clone()
    }

    fn structure(&self, kind: &str) -> Vec<u8> {
        self.0.iter().find(|vector| vector.kind() == kind).expect(kind).der.clone()
    }

    fn with(&self, kind: &str, path: &[usize], element: &[u8]) -> Vec<u8> {
        edit(&self.structure(kind), path, &|_| element.to_vec())
    }

    /// X.690: one value, in DER, with the fields that there are.
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn encodings(&self) -> Vec<Row> {
        const M: &str = "MessageWrapper";
        let good = self.message("PInitReq");
        let value = value_of(&good);
        let message = |path: &[usize], change: &dyn Fn(&[u8]) -> Vec<u8>| edit(&good, path, change);
        let fields = |change: &dyn Fn(&mut Vec<&[u8]>)| {
            message(&[0], &|header| {
                let mut fields = elements(value_of(header));
                change(&mut fields);
                tlv(&[0x30], &fields.concat())
            })
        };
        let xid = self.message("PReq");
        let xid = |change: &dyn Fn(&[u8]) -> Vec<u8>| edit(&xid, &[0, 5], change);
        let unknown = |tag: &'static [u8]| message(&[1], &|one| tlv(tag, value_of(one)));
        vec![
            (
                "tag-alone",
                M,
                "ASN.1 DER message is incomplete: expected 2, actual 1",
                vec![0x30],
                "A tag without a length.",
            ),
            (
                "truncated",
                M,
                "ASN.1 DER message is incomplete: expected 170, actual 169",
                good[..good.len() - 1].to_vec(),
                "Its last byte is missing.",
            ),
            (
                "with-more",
                M,
                "trailing data at end of DER message: decoded 170 bytes, 2 bytes remaining",
                [&good[..], &[5, 0]].concat(),
                "A NULL behind it.",
            ),
            (
                "as-set",
                M,
                "unexpected ASN.1 DER tag: expected SEQUENCE, got SET",
                tlv(&[0x31], value),
                "A SET, not a SEQUENCE.",
            ),
            (
                "of-indefinite-length",
                M,
                "indefinite length disallowed/malformed",
                [&[0x30, 0x80], value, &[0, 0]].concat(),
                "BER's indefinite length (X.690 section 10.1).",
            ),
            (
                "of-long-length",
                M,
                "incorrect length for SEQUENCE",
                [
                    &[0x30, 0x83, 0][..],
                    &[
                        u8::try_from(value.len() >> 8).unwrap(),
                        u8::try_from(value.len() & 255).unwrap(),
                    ],
                    value,
                ]
                .concat(),
                "A length in more bytes than it needs (X.690 section 10.1).",
            ),
            (
                "field-missing",
                M,
                "unexpected ASN.1 DER tag: expected UTF8String, got OCTET STRING",
                fields(&|fields| fields.retain(|field| field[0] != 0x0C)),
                "A header without swIdent.",
            ),
            (
                "fields-swapped",
                M,
                "unexpected ASN.1 DER tag: expected GeneralizedTime, got UTF8String",
                fields(&|fields| fields.swap(2, 3)),
                "swIdent before date.",
            ),
            (
                "field-twice",
                M,
                "trailing data at end of DER message: decoded 69 bytes, 22 bytes remaining",
                fields(&|fields| fields.push(fields[4])),
                "rrpid twice.",
            ),
            (
                "field-unknown",
                M,
                "trailing data at end of DER message: decoded 69 bytes, 4 bytes remaining",
                fields(&|fields| fields.push(&[0xA1, 2, 5, 0])),
                "A field [1] that there is not.",
            ),
            (
                "option-implicit",
                M,
                "ASN.1 CONTEXT-SPECIFIC [0] (primitive) not canonically encoded as DER",
                xid(&|xid| tlv(&[0x80], value_of(value_of(xid)))),
                "An implicit tag where there is an explicit one.",
            ),
            (
                "option-empty",
                M,
                "ASN.1 DER message is incomplete: expected 73, actual 72",
                xid(&|_| vec![0xA0, 0]),
                "A tag around nothing.",
            ),
            (
                "option-with-more",
                M,
                "trailing data at end of DER message: decoded 94 bytes, 2 bytes remaining",
                xid(&|xid| tlv(&[0xA0], &[value_of(xid), &[5, 0]].concat())),
                "A tag around two values.",
            ),
            (
                "message-unknown",
                M,
                "unexpected ASN.1 DER tag: got CONTEXT-SPECIFIC [50] (constructed)",
                unknown(&[0xBF, 50]),
                "A message of number 50.",
            ),
            (
                "message-number-long",
                M,
                "invalid tag number",
                unknown(&[0xBF, 0x80, 0]),
                "The number of PInitReq in the long form (X.690 section 8.1.2).",
            ),
            (
                "message-primitive",
                M,
                "unexpected ASN.1 DER tag: got CONTEXT-SPECIFIC [0] (primitive)",
                unknown(&[0x80]),
                "A tag that is not constructed.",
            ),
        ]
    }

    /// What the header is refused for, though it is well-formed.
    fn headers(&self) -> Vec<Row> {
        const M: &str = "MessageWrapper";
        let good = self.message("PInitReq");
        let header = |field: usize, element: &[u8]| edit(&good, &[0, field], &|_| element.to_vec());
        vec![
            ("version-0", M, "versionTooOld", header(0, &[2, 1, 0]), "An older version."),
            ("version-2", M, "versionTooNew", header(0, &[2, 1, 2]), "A newer version."),
            (
                "answer-as-request",
                M,
                "messageNotSupported",
                self.message("PRes"),
                "An answer, sent to the merchant.",
            ),
            (
                "another-rrpid",
                M,
                "wrapperMsgMismatch",
                header(4, &tlv(&[4], &[9; 20])),
                "The header names another request than the message.",
            ),
        ]
    }

    /// Bounds of what is counted.
    fn batches(&self) -> Vec<Row> {
        const I: &str = "BatchItem";
        const B: &str = "BatchTotals";
        const W: &str = "ReturnTransactionDetail";
        const D: &str = "TransDetails";
        let items = |details: &[u8]| {
            let item = elements(value_of(details)).first().map(|item| item.to_vec());
            tlv(&[0x30], &item.unwrap_or_default().repeat(33))
        };
        vec![
            ("batch-0", I, INTEGER, self.with(I, &[0], &[2, 1, 0]), "Below 1."),
            ("item-0", I, INTEGER, self.with(I, &[1], &[2, 1, 0]), "Below 1."),
            ("item-10000", I, INTEGER, self.with(I, &[1], &[2, 2, 0x27, 0x10]), "Above 9999."),
            ("count-negative", B, INTEGER, self.with(B, &[2], &[2, 1, 0xFF]), "Below 0."),
            (
                "total-of-17-digits",
                B,
                INTEGER,
                self.with(B, &[3], &[2, 7, 0x23, 0x86, 0xF2, 0x6F, 0xC1, 0, 0]),
                "Above 9999999999999999.",
            ),
            ("items-33", W, INTEGER, self.with(W, &[1], &[2, 1, 33]), "More than one answer has."),
            (
                "details-of-33",
                D,
                LIST,
                edit(&self.structure(D), &[0], &items),
                "More items than one answer has.",
            ),
        ]
    }

    /// Bounds of values.
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn values(&self) -> Vec<Row> {
        const A: &str = "CurrencyAmount";
        const T: &str = "TransIDs";
        const P: &str = "PANData";
        const R: &str = "ReceiptData";
        let amount = |field: usize, element: &[u8]| self.with(A, &[field], element);
        let ids = |field: usize, tag: u8, value: &[u8]| self.with(T, &[field], &tlv(&[tag], value));
        let pan = |field: usize, value: &[u8]| self.with(P, &[field], &tlv(&[0x12], value));
        let receipt = |field: usize, element: &[u8]| self.with(R, &[field], element);
        let long = "a".repeat(36);
        vec![
            ("currency-0", A, INTEGER, amount(0, &[2, 1, 0]), "Below 1."),
            ("currency-1000", A, INTEGER, amount(0, &[2, 2, 3, 0xE8]), "Above 999."),
            ("amount-negative", A, INTEGER, amount(1, &[2, 1, 0xFF]), "Below 1."),
            (
                "amount-of-13-digits",
                A,
                INTEGER,
                amount(1, &[2, 6, 0, 0xE8, 0xD4, 0xA5, 0x10, 0]),
                "Above 999999999999.",
            ),
            (
                "amount-with-zeros",
                A,
                "ASN.1 INTEGER not canonically encoded as DER",
                amount(1, &[2, 2, 0, 1]),
                "An INTEGER with a leading zero (X.690 section 8.3.2).",
            ),
            ("exponent-1", A, INTEGER, amount(2, &[2, 1, 1]), "Above 0."),
            (
                "exponent-empty",
                A,
                "incorrect length for INTEGER",
                amount(2, &[2, 0]),
                "An INTEGER of no bytes.",
            ),
            ("local-id-empty", T, OCTETS, ids(0, 4, &[]), "No octet."),
            ("local-id-of-21", T, OCTETS, ids(0, 4, &[1; 21]), "More than 20 octets."),
            ("xid-of-19", T, OCTETS, ids(2, 4, &[1; 19]), "Fewer than 20 octets."),
            ("xid-of-21", T, OCTETS, ids(2, 4, &[1; 21]), "More than 20 octets."),
            (
                "xid-in-pieces",
                T,
                "unknown/unsupported ASN.1 DER tag: 0x24",
                ids(2, 0x24, &tlv(&[4], &[1; 20])),
                "A constructed OCTET STRING (X.690 section 10.2).",
            ),
            (
                "date-without-seconds",
                T,
                TIME,
                ids(3, 0x18, b"202701150800Z"),
                "X.690 section 11.7.2.",
            ),
            (
                "date-with-fraction",
                T,
                TIME,
                ids(3, 0x18, b"20270115080000.5Z"),
                "Whole seconds only.",
            ),
            (
                "date-with-offset",
                T,
                TIME,
                ids(3, 0x18, b"20270115080000+0000"),
                "X.690 section 11.7.1.",
            ),
            ("date-that-is-none", T, TIME, ids(3, 0x18, b"20270230080000Z"), "30 February."),
            ("language-empty", T, TEXT, ids(4, 0x0C, &[]), "No character."),
            ("language-of-36", T, TEXT, ids(4, 0x0C, long.as_bytes()), "More than 35 characters."),
            ("language-with-control", T, TEXT, ids(4, 0x0C, b"e\n"), "A control character."),
            ("language-not-utf8", T, TEXT, ids(4, 0x0C, &[0xC3, 0x28]), "Bytes that are no UTF-8."),
            (
                "language-printable",
                T,
                "unexpected ASN.1 DER tag: expected UTF8String, got PrintableString",
                ids(4, 0x13, b"en"),
                "A PrintableString.",
            ),
            ("card-of-11", P, DIGITS, pan(0, b"49701000000"), "Fewer than 12 digits."),
            ("card-of-20", P, DIGITS, pan(0, b"49701000000001540000"), "More than 19 digits."),
            ("card-with-letter", P, DIGITS, pan(0, b"49701000000O0154"), "A letter."),
            (
                "card-in-groups",
                P,
                DIGITS,
                pan(0, b"4970 1000 0000 0154"),
                "Spaces, which a NumericString may have.",
            ),
            ("expiry-of-5", P, DIGITS, pan(1, b"20291"), "Not YYYYMM."),
            (
                "secret-of-19",
                P,
                OCTETS,
                self.with(P, &[2], &tlv(&[4], &[5; 19])),
                "Fewer than 20 octets.",
            ),
            ("digest-of-31", R, OCTETS, receipt(3, &tlv(&[4], &[1; 31])), "Fewer than 32 octets."),
            ("digest-of-33", R, OCTETS, receipt(3, &tlv(&[4], &[1; 33])), "More than 32 octets."),
            (
                "mode-unknown",
                R,
                ENUMERATED,
                receipt(6, &[0x0A, 1, 2]),
                "A number that there is not.",
            ),
            (
                "mode-with-zeros",
                R,
                "ASN.1 INTEGER not canonically encoded as DER",
                receipt(6, &[0x0A, 2, 0, 1]),
                "An ENUMERATED with a leading zero.",
            ),
            (
                "boolean-1",
                R,
                "ASN.1 BOOLEAN not canonically encoded as DER",
                receipt(7, &[1, 1, 1]),
                "BER's TRUE (X.690 section 11.1).",
            ),
        ]
    }

    /// Bounds of lists, and what is in them.
    fn lists(&self) -> Vec<Row> {
        const I: &str = "PInitResData";
        let chain = |change: &dyn Fn(&[u8]) -> Vec<u8>| edit(&self.structure(I), &[6], change);
        vec![
            ("no-certificate", I, LIST, chain(&|_| tlv(&[0x30], &[])), "A chain of none."),
            (
                "nine-certificates",
                I,
                LIST,
                chain(&|list| tlv(&[0x30], &value_of(list).repeat(9))),
                "A chain of nine.",
            ),
            (
                "certificate-as-octets",
                I,
                "unexpected ASN.1 DER tag: expected SEQUENCE, got OCTET STRING",
                chain(&|list| tlv(&[0x30], &tlv(&[4], value_of(list)))),
                "A certificate in an OCTET STRING.",
            ),
            (
                "set-of-certificates",
                I,
                "unexpected ASN.1 DER tag: expected SEQUENCE, got SET",
                chain(&|list| tlv(&[0x31], value_of(list))),
                "A SET OF.",
            ),
            (
                "signature-as-octets",
                "PIDualSigned",
                "unexpected ASN.1 DER tag: expected SEQUENCE, got OCTET STRING",
                edit(&self.structure("PIDualSigned"), &[0], &|one| tlv(&[4], one)),
                "A CMS message in an OCTET STRING.",
            ),
        ]
    }

    /// Options of a structure with several.
    fn options(&self) -> Vec<Row> {
        const D: &str = "PResData";
        let good = self.structure(D);
        let fields = elements(value_of(&good));
        let (before, options) = fields.split_at(4);
        let made = |options: &[&[u8]]| tlv(&[0x30], &[before.concat(), options.concat()].concat());
        let [first, second, ..] = options else { unreachable!("it has a code") };
        vec![
            (
                "option-twice",
                D,
                "trailing data at end of DER message: decoded 142 bytes, 6 bytes remaining",
                made(&[first, first]),
                "authCode twice.",
            ),
            (
                "options-swapped",
                D,
                "trailing data at end of DER message: decoded 141 bytes, 6 bytes remaining",
                made(&[second, first]),
                "attemptsLeft before authCode.",
            ),
            (
                "attempts-6",
                D,
                INTEGER,
                made(&[first, &[0xA1, 3, 2, 1, 6]]),
                "More than 5 attempts left.",
            ),
        ]
    }
}

/// One element, with the shortest length.
fn tlv(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let bytes = value.len().to_be_bytes();
    let shortest: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    let length = match value.len() {
        ..128 => vec![u8::try_from(value.len()).unwrap()],
        _ => [&[0x80 | u8::try_from(shortest.len()).unwrap()], &shortest[..]].concat(),
    };
    [tag, &length, value].concat()
}

/// Changes the element at the end of a path of places, and every length on the way.
fn edit(der: &[u8], path: &[usize], change: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let Some((place, rest)) = path.split_first() else { return change(der) };
    let value = value_of(der);
    let changed = elements(value).into_iter().enumerate().map(|(at, element)| {
        if at == *place { edit(element, rest, change) } else { element.to_vec() }
    });
    let tag_bytes = if der.first().is_some_and(|tag| tag & 0x1F == 0x1F) { 2 } else { 1 };
    tlv(der.get(..tag_bytes).unwrap(), &changed.collect::<Vec<_>>().concat())
}
