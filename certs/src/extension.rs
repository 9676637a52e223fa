//! The extension that bears an encrypted number.

use std::{fmt, str::FromStr};

use der::asn1::ObjectIdentifier;
use rcgen::CustomExtension;
use x509_parser::certificate::X509Certificate;

use crate::error::{Error, Refusal};

/// The object identifier of the extension that bears an encrypted number. An authority may configure its own; who
/// reads its certificates must then know it.
///
/// The extension is never critical, so that software which does not know it goes on working (RFC 5280 section 4.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PhoneExtension(ObjectIdentifier);

/// The project's own, in the arc for identifiers made from a GUID.
impl Default for PhoneExtension {
    fn default() -> Self {
        Self(ObjectIdentifier::new_unwrap(
            "1.2.840.113556.1.8000.2554.31838.7946.37812.19758.35425.998269.10235461",
        ))
    }
}

impl FromStr for PhoneExtension {
    type Err = Error;

    /// From dotted decimal. Its parts must fit 32 bits, as many programs read no longer ones.
    fn from_str(dotted: &str) -> Result<Self, Error> {
        ObjectIdentifier::new(dotted).map(Self).map_err(|_| Error::InvalidObjectIdentifier)
    }
}

impl fmt::Display for PhoneExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PhoneExtension {
    /// The extension with this envelope in it.
    pub(crate) fn with(self, envelope: Vec<u8>) -> CustomExtension {
        CustomExtension::from_oid_content(&self.arcs(), envelope)
    }

    pub(crate) fn arcs(self) -> Vec<u64> {
        self.0.arcs().map(u64::from).collect()
    }

    /// The envelope that a certificate has in this extension. Two of them are refused (RFC 5280 section 4.2).
    pub(crate) fn find<'a>(
        self,
        certificate: &'a X509Certificate<'_>,
    ) -> Result<Option<&'a [u8]>, Refusal> {
        let mut found = certificate
            .iter_extensions()
            .filter(|extension| extension.oid.as_bytes() == self.0.as_bytes());
        match (found.next(), found.next()) {
            (extension, None) => Ok(extension.map(|extension| extension.value)),
            (_, Some(_)) => Err(Refusal::SeveralPhones),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_that_others_cannot_read_is_refused() {
        for text in ["", "phone", "1", "1.2.", "3.1.2", "2.25.4294967296"] {
            let parsed = text.parse::<PhoneExtension>();
            assert_eq!(parsed, Err(Error::InvalidObjectIdentifier), "{text}");
        }
        let another: PhoneExtension = "1.3.6.1.4.1.32473.7".parse().unwrap();
        assert_eq!(another.to_string(), "1.3.6.1.4.1.32473.7");
    }
}
