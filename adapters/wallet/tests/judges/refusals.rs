//! The table of refusals: one row for each rule, in the order of checking.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign_domain::{testing::START, time::Timestamp};
use countersign_wallet::{
    error::MessageRefusal,
    jws::MAX_BYTES,
    message::{MAX_TICKET_SECONDS, SKEW_SECONDS},
};

use proptest::prelude::*;

use crate::forge::{Forged, Kind, STRANGER, read, read_at};

/// What of a message a row changes: two rows that change the same cannot be had at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Header,
    Content,
    Key,
    Compact,
}

/// A message that is not in order.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) why: &'static str,
    /// None for both.
    pub(crate) only: Option<Kind>,
    pub(crate) refusal: MessageRefusal,
    part: Part,
    change: fn(&mut Forged),
}

impl Row {
    pub(crate) fn is_of(&self, kind: Kind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }

    pub(crate) fn forged(&self, kind: Kind) -> Forged {
        let mut forged = Forged::good(kind);
        (self.change)(&mut forged);
        forged
    }
}

macro_rules! rows {
    ($($refusal:ident in $part:ident $(of $kind:ident)? : $name:literal, $why:literal, $change:expr;)+) => {
        vec![$(Row {
            name: $name,
            why: $why,
            only: rows!(@kind $($kind)?),
            refusal: MessageRefusal::$refusal,
            part: Part::$part,
            change: $change,
        }),+]
    };
    (@kind) => { None };
    (@kind $kind:ident) => { Some(Kind::$kind) };
}

fn signature(compact: &str) -> (&str, Vec<u8>) {
    let (signed, signature) = compact.rsplit_once('.').unwrap();
    (signed, BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap())
}

fn with_signature(signed: &str, signature: &[u8]) -> String {
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

const ALG: &str = r#""alg":"ES256""#;
const AMOUNT: &str = r#""amount_minor":4990"#;

/// All rows.
pub(crate) fn rows() -> Vec<Row> {
    [form(), header(), authenticity(), content(), meaning()].into_iter().flatten().collect()
}

fn form() -> Vec<Row> {
    rows! {
        TooLong in Compact: "too-long", "It has a byte more than a message may have.",
            |f| f.last = |compact| format!("{compact}{}", "A".repeat(MAX_BYTES + 1 - compact.len()));
        NotCompact in Compact: "two-parts", "Its signature is missing (RFC 7515 section 7.1).",
            |f| f.last = |compact| compact.rsplit_once('.').unwrap().0.to_owned();
        NotCompact in Compact: "four-parts", "It has a part more.",
            |f| f.last = |compact| format!("{compact}.AAAA");
        NotCompact in Compact: "padded", "Its base64url is padded (RFC 7515 section 2).",
            |f| f.last = |compact| format!("{compact}==");
        NotCompact in Compact: "line-break", "It has a line break at its end.",
            |f| f.last = |compact| format!("{compact}\n");
        NotCompact in Compact: "bits-left", "The last character has bits that nobody reads.",
            |f| f.last = |compact| {
                let (most, last) = compact.split_at(compact.len() - 1);
                let next = char::from(last.as_bytes().first().unwrap() + 1);
                format!("{most}{next}")
            };
    }
}

fn header() -> Vec<Row> {
    rows! {
        Header in Header: "header-no-json", "Its header is no JSON.", |f| f.header.insert(0, '{');
        Header in Header: "header-no-kid", "Its header names no key.",
            |f| f.in_header(r#","kid":""#, r#","KID":""#);
        Header in Header: "header-alg-twice", "Its header has two algorithms.",
            |f| f.in_header(ALG, r#""alg":"none","alg":"ES256""#);
        Header in Header: "header-crit", "It asks for an extension (RFC 7515 section 4.1.11).",
            |f| f.in_header(ALG, r#""crit":["exp"],"alg":"ES256""#);
        Header in Header: "header-unencoded", "Its content is to be read unencoded (RFC 7797).",
            |f| f.in_header(ALG, r#""b64":false,"alg":"ES256""#);
        Header in Header: "header-jwk", "It brings the key along by which it wants to be verified.",
            |f| f.in_header(ALG, r#""jwk":{"kty":"EC"},"alg":"ES256""#);
        Header in Header: "header-jku", "It says where the key is to be fetched.",
            |f| f.in_header(ALG, r#""jku":"https://example.com/keys","alg":"ES256""#);
        Algorithm in Header: "alg-none", "Nobody signed it (RFC 7518 section 3.6).",
            |f| f.in_header("ES256", "none");
        Algorithm in Header: "alg-none-unsigned", "Nobody signed it, and the signature is empty.",
            |f| {
                f.in_header("ES256", "none");
                f.last = |compact| format!("{}.", compact.rsplit_once('.').unwrap().0);
            };
        Algorithm in Header: "alg-hmac", "The public key is to be the secret of an HMAC.",
            |f| f.in_header("ES256", "HS256");
        Algorithm in Header: "alg-other-curve", "It is of another curve.",
            |f| f.in_header("ES256", "ES384");
        Algorithm in Header: "alg-lower-case", "Names of algorithms have one spelling.",
            |f| f.in_header("ES256", "es256");
        Type in Header: "typ-other", "It is another message of ours.", |f| match f.kind {
            Kind::Ticket => f.in_header("countersign-ticket", "countersign-receipt"),
            Kind::Receipt => f.in_header("countersign-receipt", "countersign-ticket"),
        };
        Type in Header: "typ-jwt", "It is a JWT of something else.", |f| match f.kind {
            Kind::Ticket => f.in_header("countersign-ticket+jws", "JWT"),
            Kind::Receipt => f.in_header("countersign-receipt+jws", "JWT"),
        };
    }
}

fn authenticity() -> Vec<Row> {
    rows! {
        UnknownKey in Header: "key-unknown", "Nobody has the key that it names.",
            |f| f.in_header(r#""kid":""#, r#""kid":"X"#);
        Signature in Key: "key-other", "It is signed with another key than the one that it names.",
            |f| f.key = STRANGER;
        Signature in Compact: "content-altered", "Its content was changed after it was signed.",
            |f| f.last = |compact| {
                let (signed, signature) = signature(&compact);
                let (header, content) = signed.split_once('.').unwrap();
                let content = BASE64_URL_SAFE_NO_PAD.decode(content).unwrap();
                let cheaper = String::from_utf8(content).unwrap().replace("4990", "0499");
                let signed = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(cheaper));
                with_signature(&signed, &signature)
            };
        Signature in Compact: "signature-short", "Its signature has 63 octets.",
            |f| f.last = |compact| {
                let (signed, signature) = signature(&compact);
                with_signature(signed, signature.get(..63).unwrap())
            };
        Signature in Compact: "signature-zero", "Its signature is r = s = 0 (CVE-2022-21449).",
            |f| f.last = |compact| with_signature(signature(&compact).0, &[0; 64]);
        Signature in Compact: "signature-empty", "Its signature is empty.",
            |f| f.last = |compact| with_signature(signature(&compact).0, &[]);
    }
}

fn content() -> Vec<Row> {
    rows! {
        Content in Content: "content-no-json", "Its content is no JSON.",
            |f| f.content.insert(0, '{');
        Content in Content: "content-more", "Something follows the content.",
            |f| f.content.push_str("{}");
        Content in Content: "member-missing", "A member is missing.",
            |f| f.in_content(r#""currency":"EUR""#, r#""CURRENCY":"EUR""#);
        Content in Content: "member-unknown", "It has a member that nobody knows.",
            |f| f.in_content(AMOUNT, r#""tip_minor":1,"amount_minor":4990"#);
        Content in Content: "member-twice", "It has two amounts.",
            |f| f.in_content(AMOUNT, r#""amount_minor":1,"amount_minor":4990"#);
        Content in Content: "amount-zero", "The amount is zero.",
            |f| f.in_content(AMOUNT, r#""amount_minor":0"#);
        Content in Content: "amount-negative", "The amount is below zero.",
            |f| f.in_content(AMOUNT, r#""amount_minor":-4990"#);
        Content in Content: "amount-fraction", "The amount has a fraction.",
            |f| f.in_content(AMOUNT, r#""amount_minor":4990.0"#);
        Content in Content: "amount-exponent", "The amount is written with an exponent.",
            |f| f.in_content(AMOUNT, r#""amount_minor":499e1"#);
        Content in Content: "amount-text", "The amount is a text.",
            |f| f.in_content(AMOUNT, r#""amount_minor":"4990""#);
        Content in Content: "amount-13-digits", "The amount has more than 12 digits.",
            |f| f.in_content(AMOUNT, r#""amount_minor":1000000000000"#);
        Content in Content: "amount-huge", "The amount is above what 64 bits hold.",
            |f| f.in_content(AMOUNT, r#""amount_minor":18446744073709556606"#);
        Content in Content: "currency-metal", "The currency has no minor unit.",
            |f| f.in_content("EUR", "XAU");
        Content in Content: "currency-lower-case", "The currency is no ISO 4217 code.",
            |f| f.in_content("EUR", "eur");
        Content in Content: "time-huge", "It is made after the year 9999.",
            |f| f.in_content(r#""iat":"#, r#""iat":1000"#);
        Content in Content: "server-upper-case", "The server is no host in lower case.",
            |f| f.in_content("wallet.example.com", "Wallet.example.com");
        Content in Content: "number-short", "The ticket's number has fewer than 8 characters.",
            |f| f.in_content("ticket-0001", "ticket1");
        Content in Content: "number-path", "The ticket's number is the path of a file.",
            |f| f.in_content("ticket-0001", "../ticket-0001");
        Content in Content of Ticket: "reference-lies", "The reference has a line break.",
            |f| f.in_content("order-1", r"order-1\nAmount 1 EUR");
        Content in Content of Ticket: "quantity-zero", "It sells nothing of something.",
            |f| f.in_content(r#""quantity":2"#, r#""quantity":0"#);
        Content in Content of Ticket: "goods-21", "It sells more than 20 kinds of goods.",
            |f| {
                let item = r#"{"name":"ISBN 2070360245","quantity":2}"#;
                f.in_content(item, &[item; 21].join(","));
            };
        Content in Content of Receipt: "digest-short", "The digest is of another algorithm.",
            |f| f.in_content(&"5a".repeat(32), &"5a".repeat(20));
        Content in Content of Receipt: "element-unknown", "It says that something was proved which nobody knows.",
            |f| f.in_content(r#""pin""#, r#""faith""#);
        Content in Content of Receipt: "element-twice", "It says that one element was proved twice.",
            |f| f.in_content(r#""pin""#, r#""phone""#);
        Content in Content of Receipt: "elements-null", "What is not there is said to be null.",
            |f| f.in_content(r#"["phone","pin"]"#, "null");
    }
}

fn meaning() -> Vec<Row> {
    rows! {
        Issuer in Content: "from-other", "It says that it is from somebody else than its key's owner.",
            |f| match f.kind {
                Kind::Ticket => f.in_content("mer_0123", "mer_3210"),
                Kind::Receipt => f.in_content("wallet.example.com", "wallet.example.net"),
            };
        Audience in Content: "for-other", "It is for another server, or merchant.", |f| match f.kind {
            Kind::Ticket => f.in_content("wallet.example.com", "wallet.example.net"),
            Kind::Receipt => f.in_content("mer_0123", "mer_3210"),
        };
        Validity in Content of Ticket: "good-never", "It expires when it is made.",
            |f| expires_after(f, 0);
        Validity in Content of Ticket: "good-for-days", "It is good for a second more than a day.",
            |f| expires_after(f, MAX_TICKET_SECONDS + 1);
        FromFuture in Content: "from-future", "It is made later than clocks may be apart.", |f| {
            made_at(f, START.unix_seconds() + SKEW_SECONDS + 1);
        };
        Expired in Content of Ticket: "expired", "Its last second is over.", |f| {
            made_at(f, START.unix_seconds() - 900);
            expires_after(f, 0);
        };
    }
}

fn made_at(forged: &mut Forged, seconds: u64) {
    forged
        .in_content(&format!(r#""iat":{}"#, START.unix_seconds()), &format!(r#""iat":{seconds}"#));
}

fn expires_after(forged: &mut Forged, seconds: u64) {
    let (before, after) = (START.unix_seconds() + 900, START.unix_seconds() + seconds);
    forged.in_content(&format!(r#""exp":{before}"#), &format!(r#""exp":{after}"#));
}

#[test]
fn a_message_is_refused_by_the_rule_it_breaks() {
    for kind in [Kind::Ticket, Kind::Receipt] {
        assert_eq!(read(kind, &Forged::good(kind).compact()), Ok(()));
        for row in rows().iter().filter(|row| row.is_of(kind)) {
            let compact = row.forged(kind).compact();
            assert_eq!(read(kind, &compact), Err(row.refusal), "{kind:?} {}", row.name);
        }
    }
}

#[test]
fn of_two_rules_the_one_that_is_checked_first_refuses() {
    let rows = rows();
    let mut pairs = 0;
    for kind in [Kind::Ticket, Kind::Receipt] {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.is_of(kind)).collect();
        for (place, first) in rows.iter().enumerate() {
            for second in rows.iter().skip(place + 1) {
                // What is altered after the signature presumes the good content.
                let is_altered =
                    first.part == Part::Compact && first.refusal == MessageRefusal::Signature;
                if first.part == second.part || is_altered {
                    continue;
                }
                let mut forged = second.forged(kind);
                (first.change)(&mut forged);
                let said = read(kind, &forged.compact());
                assert_eq!(said, Err(first.refusal), "{kind:?} {} {}", first.name, second.name);
                pairs += 1;
            }
        }
    }
    assert!(pairs > 500, "{pairs}");
}

#[test]
fn a_ticket_is_good_from_a_minute_before_its_making_to_the_second_before_its_end() {
    let good = Forged::good(Kind::Ticket).compact();
    let at = |seconds| {
        let now = Timestamp::from_unix_seconds(seconds);
        read_at(Kind::Ticket, &good, now)
    };
    let made = START.unix_seconds();
    assert_eq!(at(made - SKEW_SECONDS - 1), Err(MessageRefusal::FromFuture));
    assert_eq!(at(made - SKEW_SECONDS), Ok(()));
    assert_eq!(at(made + 899), Ok(()));
    assert_eq!(at(made + 900), Err(MessageRefusal::Expired));
}

proptest! {
    #[test]
    fn whatever_is_signed_or_sent_the_reader_does_not_panic(
        text in "[ -~]{0,200}|[A-Za-z0-9_.-]{0,200}",
        header in r#"\{("[a-z]{0,4}":("[A-Z0-9]{0,6}"|null|[0-9]{0,30}|\[\]),?){0,4}\}"#,
        content in r#"\{("[a-z_]{0,12}":("[ -~]{0,12}"|null|-?[0-9]{0,30}|\[\]|\{\}),?){0,9}\}"#,
    ) {
        for kind in [Kind::Ticket, Kind::Receipt] {
            prop_assert!(read(kind, &text).is_err());
            let good = Forged::good(kind);
            let of_header = Forged { header: header.clone(), ..good.clone() };
            prop_assert!(read(kind, &of_header.compact()).is_err());
            let of_content = Forged { content: content.clone(), ..good };
            prop_assert_eq!(read(kind, &of_content.compact()), Err(MessageRefusal::Content));
        }
    }
}
