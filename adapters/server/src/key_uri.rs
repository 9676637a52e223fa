//! Where an authority's key is when it is in a token: a PKCS #11 URI (RFC 7512).

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::file::{Failure, read_text};

/// The environment variable that names the token's library where the URI does not.
pub(crate) const MODULE: &str = "COUNTERSIGN_PKCS11_MODULE";

/// A key in a token. The PIN is never in it: only where to read it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct KeyUri {
    text: String,
    /// The token's label.
    pub(crate) token: String,
    /// The key's label.
    pub(crate) object: String,
    module_path: Option<PathBuf>,
    pin_source: PathBuf,
}

#[cfg_attr(not(feature = "pkcs11"), expect(dead_code, reason = "a token is used with the feature"))]
impl KeyUri {
    /// The token's library: of the URI, or of the environment.
    pub(crate) fn module(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.module_path {
            return Ok(path.clone());
        }
        let said = std::env::var_os(MODULE);
        said.map(PathBuf::from).ok_or_else(|| {
            format!("no token library: write module-path=..., or set {MODULE}").into()
        })
    }

    /// The PIN, without the end of its line.
    pub(crate) fn pin(&self) -> Result<Zeroizing<String>, Failure> {
        let text = Zeroizing::new(read_text(&self.pin_source)?);
        Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

impl FromStr for KeyUri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("pkcs11:").ok_or("a key is written pkcs11:token=...")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut token, mut object, mut module_path, mut pin_source) = (None, None, None, None);
        let path = path.split(';').filter(|part| !part.is_empty());
        let query = query.split('&').filter(|part| !part.is_empty());
        for part in path.chain(query) {
            let (name, value) = part.split_once('=').ok_or("an attribute is written name=value")?;
            let value = decoded(value).ok_or_else(|| format!("{name} is not percent-encoded"))?;
            let place = match name {
                "token" => &mut token,
                "object" => &mut object,
                "module-path" => &mut module_path,
                "pin-source" => &mut pin_source,
                "type" if value == "private" => continue,
                "pin-value" => {
                    return Err("a PIN is not written down: give pin-source=file:...".into());
                }
                _ => return Err(format!("{name} is not read here")),
            };
            if place.replace(value).is_some() {
                return Err(format!("{name} is there twice"));
            }
        }
        let pin_source = pin_source.ok_or("pin-source is missing: the file with the PIN")?;
        let pin_source = pin_source.strip_prefix("file:").ok_or("pin-source is not file:...")?;
        Ok(Self {
            text: text.to_owned(),
            token: token.filter(|label| !label.is_empty()).ok_or("token is missing")?,
            object: object.filter(|label| !label.is_empty()).ok_or("object is missing")?,
            module_path: module_path.map(PathBuf::from),
            pin_source: Path::new(pin_source).to_owned(),
        })
    }
}

impl TryFrom<String> for KeyUri {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<KeyUri> for String {
    fn from(uri: KeyUri) -> Self {
        uri.text
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Percent-encoded octets (RFC 3986 section 2.1) as text.
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        octets.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_token_is_named_by_token_and_object() {
        let uri: KeyUri =
            "pkcs11:token=House%20of%20keys;object=root;type=private?module-path=/lib/t.so&pin-source=file:/run/pin"
                .parse()
                .unwrap();
        assert_eq!((uri.token.as_str(), uri.object.as_str()), ("House of keys", "root"));
        assert_eq!(uri.module().unwrap(), Path::new("/lib/t.so"));
        assert_eq!(uri.pin_source, Path::new("/run/pin"));
    }

    #[test]
    fn a_uri_that_cannot_be_used_is_refused_by_what_is_wrong() {
        for (uri, complaint) in [
            ("root.key", "a key is written"),
            ("pkcs11:token", "written name=value"),
            ("pkcs11:token=%zz;object=a?pin-source=file:p", "token is not percent-encoded"),
            ("pkcs11:token=%f;object=a?pin-source=file:p", "token is not percent-encoded"),
            ("pkcs11:token=a;object=b?pin-value=1234", "a PIN is not written down"),
            ("pkcs11:token=a;object=b;serial=7?pin-source=file:p", "serial is not read here"),
            ("pkcs11:token=a;token=b;object=c?pin-source=file:p", "token is there twice"),
            ("pkcs11:token=a;object=b", "pin-source is missing"),
            ("pkcs11:token=a;object=b?pin-source=|get", "pin-source is not file:"),
            ("pkcs11:object=b?pin-source=file:p", "token is missing"),
            ("pkcs11:token=a;object=?pin-source=file:p", "object is missing"),
        ] {
            let refused = uri.parse::<KeyUri>().unwrap_err();
            assert!(refused.contains(complaint), "{uri}: {refused}");
            assert!(!refused.contains("1234"), "{refused}");
        }
    }
}
