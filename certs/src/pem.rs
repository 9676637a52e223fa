//! Files as other programs write them: PEM (RFC 7468) with whatever stands around it, or DER.
//!
//! One reader for requests, certificates, revocation lists and keys. It forgives what says nothing: text, blank lines and
//! byte order marks in front, between and behind, any ends of lines, blanks at their ends, UTF-16 as a Windows shell
//! writes it. It forgives nothing that could be left out without a word: a block that is cut short, or one of another
//! kind, is an error.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::Error;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// As much of a label that is not expected as an error shows.
const MAX_LABEL_CHARS: usize = 40;
/// What may stand beside a certificate in a file for a TLS server, and says nothing of what is read.
const KEYS: [&str; 6] = [
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "EC PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PARAMETERS",
    "DH PARAMETERS",
];

/// What a file is expected to hold.
pub(crate) struct Expected {
    /// Its name in an error.
    name: &'static str,
    /// The labels that programs give it.
    labels: &'static [&'static str],
    /// Labels of what may stand beside it.
    beside: &'static [&'static str],
    /// The error when it is not well-formed.
    malformed: Error,
}

/// Keytool, certtool and Windows write the older label (RFC 7468 section 7).
pub(crate) const REQUEST: Expected = Expected {
    name: "a certificate request",
    labels: &["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"],
    // A private key is not sent to an authority.
    beside: &[],
    malformed: Error::MalformedRequest,
};

/// With the older label (RFC 7468 section 5.1).
pub(crate) const CERTIFICATE: Expected = Expected {
    name: "a certificate",
    labels: &["CERTIFICATE", "X509 CERTIFICATE"],
    beside: &KEYS,
    malformed: Error::MalformedCertificate,
};

/// With the label that some programs give it (RFC 7468 section 6).
pub(crate) const REVOCATION_LIST: Expected = Expected {
    name: "a revocation list",
    labels: &["X509 CRL", "CRL"],
    beside: &[],
    malformed: Error::MalformedRevocationList,
};

/// RFC 7468 section 10.
pub(crate) const PRIVATE_KEY: Expected = Expected {
    name: "a private key in PKCS#8",
    labels: &["PRIVATE KEY"],
    beside: &["CERTIFICATE", "EC PARAMETERS", "DH PARAMETERS"],
    malformed: Error::MalformedKey,
};

/// Of a TLS server, as any program made it.
pub(crate) const TLS_KEY: Expected = Expected {
    name: "a private key",
    labels: &["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"],
    beside: &["CERTIFICATE", "EC PARAMETERS", "DH PARAMETERS"],
    malformed: Error::MalformedKey,
};

/// RFC 7468 section 11.
pub(crate) const ENCRYPTED_KEY: Expected = Expected {
    name: "an encrypted private key in PKCS#8",
    labels: &["ENCRYPTED PRIVATE KEY"],
    beside: &["CERTIFICATE", "EC PARAMETERS", "DH PARAMETERS"],
    malformed: Error::MalformedKey,
};

/// RFC 7468 section 13.
pub(crate) const PUBLIC_KEY: Expected = Expected {
    name: "a public key",
    labels: &["PUBLIC KEY"],
    beside: &[],
    malformed: Error::MalformedKey,
};

/// A file's content as DER: that of every block that is expected, in order, or the content itself where there is no block
/// in it. At least one.
///
/// # Errors
/// That of `expected` when the content is not well-formed; [`Error::UnexpectedPem`] for a block of another kind.
pub(crate) fn read(content: &[u8], expected: &Expected) -> Result<Vec<Zeroizing<Vec<u8>>>, Error> {
    let malformed = || expected.malformed.clone();
    let text = match text(content) {
        Some(text) if text.contains(BEGIN) => text,
        _ if is_signed_data(content) => return Err(unexpected("PKCS7", expected)),
        _ if is_sequence(content) => return Ok(vec![Zeroizing::new(content.to_vec())]),
        _ => return Err(malformed()),
    };
    let mut found = Vec::new();
    for block in blocks(&text).ok_or_else(malformed)? {
        if expected.beside.contains(&block.label) {
            continue;
        }
        if block.is_encrypted() && expected.malformed == Error::MalformedKey {
            return Err(Error::LegacyEncryption);
        }
        if !expected.labels.contains(&block.label) {
            return Err(unexpected(block.label, expected));
        }
        found.push(block.decode().ok_or_else(malformed)?);
    }
    if found.is_empty() {
        let others = blocks(&text).ok_or_else(malformed)?;
        return Err(others.first().map_or_else(malformed, |it| unexpected(it.label, expected)));
    }
    Ok(found)
}

/// As [`read`], where there must be one and no more.
pub(crate) fn read_one(content: &[u8], expected: &Expected) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut found = read(content, expected)?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Error::SeveralInFile(expected.name)),
        (None, _) => Err(expected.malformed.clone()),
    }
}

/// A label comes from outside: it must not write lines or be long.
fn unexpected(label: &str, expected: &Expected) -> Error {
    let is_shown = |character: &char| *character == ' ' || character.is_ascii_graphic();
    let found = label.chars().filter(is_shown).take(MAX_LABEL_CHARS).collect();
    Error::UnexpectedPem { found, expected: expected.name }
}

/// What stands between two lines of dashes.
struct Block<'a> {
    label: &'a str,
    lines: Vec<&'a str>,
}

impl Block<'_> {
    /// Headers (RFC 1421 section 4.4): from the first line to a blank one, each a name, a colon and a value that may be folded.
    fn headers(&self) -> &[&str] {
        let has_any = self.lines.first().is_some_and(|first| first.contains(':'));
        let end = self.lines.iter().position(|line| line.is_empty());
        let end = end.or_else(|| self.lines.iter().position(|line| !line.contains(':')));
        let headers = end.and_then(|end| self.lines.get(..end));
        headers.filter(|_| has_any).unwrap_or_default()
    }

    /// Whether it is encrypted as before PKCS#8: with a key that one round of MD5 makes of the passphrase.
    fn is_encrypted(&self) -> bool {
        self.headers().iter().any(|header| {
            header.starts_with("DEK-Info:") || header.replace(' ', "") == "Proc-Type:4,ENCRYPTED"
        })
    }

    fn decode(&self) -> Option<Zeroizing<Vec<u8>>> {
        if self.is_encrypted() {
            return None;
        }
        let mut base64 = Zeroizing::new(String::new());
        for line in self.lines.iter().skip(self.headers().len()) {
            base64.extend(line.split_ascii_whitespace());
        }
        let der = STANDARD.decode(base64.as_bytes()).ok().map(Zeroizing::new);
        der.filter(|der| is_sequence(der))
    }
}

/// Whether it begins as everything does that is read here. Decoders of others pass over some bits of a tag.
fn is_sequence(der: &[u8]) -> bool {
    der.first() == Some(&0x30)
}

/// Whether it is a bundle of certificates (RFC 5652 section 5.1), which Windows and Java hand out as `.p7b`.
fn is_signed_data(der: &[u8]) -> bool {
    const ID_SIGNED_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    // Behind the tag and the length, which has at most five octets.
    is_sequence(der) && der.windows(ID_SIGNED_DATA.len()).take(7).any(|part| part == ID_SIGNED_DATA)
}

/// The blocks of a text; nothing when one of them does not end as it begins.
fn blocks(text: &str) -> Option<Vec<Block<'_>>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for line in text.split('\n').flat_map(split_at_returns).map(bare) {
        if let Some(rest) = line.strip_prefix(BEGIN) {
            if open.is_some() {
                return None;
            }
            open = Some(Block { label: rest.strip_suffix(DASHES)?, lines: Vec::new() });
        } else if let Some(rest) = line.strip_prefix(END) {
            let block = open.take()?;
            if rest.strip_suffix(DASHES)? != block.label {
                return None;
            }
            blocks.push(block);
        } else if let Some(block) = &mut open {
            block.lines.push(line);
        }
    }
    open.is_none().then_some(blocks)
}

/// A return alone ends a line, too; one in front of a line feed ends no other.
fn split_at_returns(line: &str) -> std::str::Split<'_, char> {
    line.strip_suffix('\r').unwrap_or(line).split('\r')
}

/// A line without what says nothing; files with a mark that were put together have it in the middle, too.
fn bare(line: &str) -> &str {
    line.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}')
}

/// The content as text; nothing where it is none. UTF-16 has its mark in front. What stands around the blocks may be in
/// any encoding.
fn text(content: &[u8]) -> Option<Cow<'_, str>> {
    let units: fn([u8; 2]) -> u16 = match content {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        // DER, whatever stands in it.
        [0x30, 0x80..=0xff, ..] => return None,
        _ => return Some(String::from_utf8_lossy(content)),
    };
    let mut units: Vec<u16> =
        content.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(units).collect();
    let text = String::from_utf16_lossy(&units);
    units.zeroize();
    Some(text.into())
}
