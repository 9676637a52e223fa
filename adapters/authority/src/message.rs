//! What comes in over HTTP, and the valid types that it becomes; EST's own encodings (RFC 7030).

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_certs::Request;
use countersign_domain::{address::Msisdn, code::TypedCode, id::Identifier, invalid::InvalidInput};
use countersign_web::{body::is_of_type, problem::Problem, words::LanguageRange};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    enrolment::{EnrolmentToken, Started},
    error::AuthorityError,
    words::WORDS,
};

/// A wish to enrol.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartBody {
    pub(crate) identifier: String,
    pub(crate) number: String,
    pub(crate) locale: Option<LanguageRange>,
}

/// An enrolment that was begun.
#[derive(Serialize)]
pub(crate) struct StartedBody {
    enrolment: String,
    masked_number: String,
    expires_in_seconds: u32,
}

impl From<Started> for StartedBody {
    fn from(started: Started) -> Self {
        Self {
            enrolment: started.token.to_string(),
            masked_number: started.code.number,
            expires_in_seconds: started.code.expires_in_seconds,
        }
    }
}

/// The form by which a person enrols.
#[derive(Default, Deserialize)]
pub(crate) struct StartForm {
    pub(crate) identifier: String,
    pub(crate) number: String,
}

impl StartForm {
    pub(crate) fn read(&self) -> Result<(Identifier, Msisdn), InvalidInput> {
        Ok((self.identifier.trim().try_into()?, Msisdn::typed(&self.number)?))
    }
}

/// The form with the code, and with a request or a passphrase.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct CodeForm {
    pub(crate) code: String,
    /// A request, in PEM, for a key that the person has.
    #[serde(default)]
    pub(crate) request: String,
    /// The passphrase for the file with a new key.
    #[serde(default)]
    pub(crate) passphrase: String,
}

/// The enrolment and the code, as HTTP Basic has user and password (RFC 7617).
pub(crate) fn proof(headers: &HeaderMap) -> Option<(EnrolmentToken, TypedCode)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    let credentials = STANDARD.decode(credentials.trim()).ok()?;
    let credentials = Zeroizing::new(String::from_utf8(credentials).ok()?);
    let (token, code) = credentials.split_once(':')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| Some((token.parse().ok()?, code.try_into().ok()?)))?
}

/// The request in an EST body: base64 of DER, with line breaks or without (RFC 7030 section 4, RFC 8951 section 3.1). Some
/// clients send the DER itself, or PEM, or that in base64; what they call the encoding says nothing (RFC 8951 section 3.1).
pub(crate) fn request(headers: &HeaderMap, body: &[u8]) -> Result<Request, Problem> {
    if !is_of_type(headers, "application/pkcs10") {
        return Err(WORDS.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-pkcs10"));
    }
    let packed: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let unpacked = STANDARD.decode(packed);
    let request = Request::from_file(unpacked.as_deref().unwrap_or(body));
    Ok(request.map_err(AuthorityError::from)?)
}

/// As much of a name as a message to a phone shows.
const MAX_NAME_CHARS: usize = 24;
/// More digits than these could be a number to call, or a code.
const MAX_DIGITS: usize = 4;

/// A name that anybody can type, as a message to a phone says it: quoted, short, and nothing in it can be followed or
/// called. The number's holder, who may be another person, must read it as a name and never as what we say.
pub(crate) fn in_message(identifier: &Identifier) -> String {
    let name = identifier.as_str();
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let shown: String = name
        .chars()
        .map(|character| match character {
            '0'..='9' if digits > MAX_DIGITS => '*',
            letter if letter.is_ascii_alphanumeric() => letter,
            '-' | '_' | '\'' => character,
            // Between letters, phones make links of dots, slashes, colons and at signs.
            _ => ' ',
        })
        .collect();
    let mut short = shown.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    if short.len() > MAX_NAME_CHARS {
        short = short.chars().take(MAX_NAME_CHARS).collect::<String>().trim_end().to_owned() + "..";
    }
    format!("\"{short}\"")
}

/// An EST body with certificates alone.
pub(crate) fn certificates(message: &[u8]) -> Response {
    const KIND: &str = "application/pkcs7-mime; smime-type=certs-only";
    encoded(KIND, message)
}

/// What a request should be like (RFC 7030 section 4.5.2): a P-256 key, signed with ECDSA and SHA-256.
pub(crate) fn attributes() -> Response {
    encoded("application/csrattrs", &CSR_ATTRIBUTES)
}

/// An EST body: base64 in lines (RFC 2045 section 6.8).
fn encoded(kind: &'static str, content: &[u8]) -> Response {
    const LINE: usize = 76;
    let text = STANDARD.encode(content);
    let mut lines = String::with_capacity(text.len() + text.len() / LINE * 2 + 2);
    for (place, character) in text.chars().enumerate() {
        if place > 0 && place % LINE == 0 {
            lines.push_str("\r\n");
        }
        lines.push(character);
    }
    lines.push_str("\r\n");
    let encoding = HeaderName::from_static("content-transfer-encoding");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (encoding, HeaderValue::from_static("base64")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, lines).into_response()
}

/// CsrAttrs: the attribute ecPublicKey with prime256v1, and ecdsa-with-SHA256.
const CSR_ATTRIBUTES: [u8; 35] = [
    0x30, 0x21, 0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x31, 0x0a, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x04, 0x03, 0x02,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_stranger_types_carries_no_message() {
        for (name, shown) in [
            ("alice", "\"alice\""),
            ("alice.martin", "\"alice martin\""),
            ("alice@bank.example", "\"alice bank example\""),
            ("o'neill_2-b", "\"o'neill_2-b\""),
            ("user-1985", "\"user-1985\""),
            ("user-19851", "\"user-*****\""),
            ("call 0800 12 34 56", "\"call **** ** ** **\""),
            ("http://evil.example/p?x=1", "\"http evil example p x 1\""),
            ("http://evil.example/payments", "\"http evil example paymen..\""),
            ("a\" Code 1234, b", "\"a Code 1234 b\""),
            ("www.evil.example", "\"www evil example\""),
            ("...", "\"\""),
        ] {
            let identifier = Identifier::try_from(name).unwrap();
            assert_eq!(in_message(&identifier), shown, "{name}");
        }
    }
}
