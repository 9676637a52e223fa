//! What a certificate says, for people and programs to read. It is not a judgement: see [`TrustAnchors`](crate::TrustAnchors).

use std::fmt;

use rustls_pki_types::UnixTime;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    oid_registry::{OidRegistry, format_oid},
    public_key::PublicKey,
};

use crate::{
    certificate::{self, Certificate, Validity, address},
    error::Refusal,
};

/// What a certificate says.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Inspection {
    /// Its subject, as text.
    pub subject: String,
    /// Its issuer, as text.
    pub issuer: String,
    /// The serial number, as hexadecimal digits.
    pub serial: String,
    /// The first second in which it is valid.
    pub not_before: UnixTime,
    /// The last second in which it is valid.
    pub not_after: UnixTime,
    /// The kind of key, such as `P-256`.
    pub key: String,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub key_sha256: [u8; 32],
    /// The signature's algorithm.
    pub signature: String,
    /// Whether it is an authority's, and how many authorities may stand below it, if that is limited.
    pub authority: Option<Option<u32>>,
    /// What the key may do.
    pub key_usages: Vec<String>,
    /// What the certificate is for.
    pub purposes: Vec<String>,
    /// The names it goes by, each with its kind.
    pub names: Vec<String>,
    /// Where its authority publishes what it has revoked.
    pub revocation_lists: Vec<String>,
}

/// Without the names, a number in clear among them.
impl fmt::Debug for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspection")
            .field("subject", &self.subject)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

/// What a certificate says. The number in it is read by [`read_phone`](crate::read_phone).
///
/// # Errors
/// [`Refusal::Malformed`].
pub fn inspect(certificate: &Certificate) -> Result<Inspection, Refusal> {
    let parsed = certificate::parse(certificate.der())?;
    let validity = Validity::of(&parsed)?;
    let registry = OidRegistry::default().with_crypto().with_x509();
    let constraints = parsed.basic_constraints().map_err(|_| Refusal::Malformed)?;
    let authority = constraints.filter(|constraints| constraints.value.ca);
    Ok(Inspection {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        serial: hex(parsed.raw_serial()),
        not_before: validity.not_before(),
        not_after: validity.not_after(),
        key: key(&parsed),
        key_sha256: certificate::key_hash(&parsed),
        signature: format_oid(&parsed.signature_algorithm.algorithm, &registry),
        authority: authority.map(|constraints| constraints.value.path_len_constraint),
        key_usages: key_usages(&parsed)?,
        purposes: purposes(&parsed)?,
        names: names(&parsed)?,
        revocation_lists: revocation_lists(&parsed),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key(certificate: &X509Certificate<'_>) -> String {
    match certificate.public_key().parsed() {
        Ok(PublicKey::EC(point)) => format!("P-{}", point.key_size()),
        Ok(PublicKey::RSA(key)) => format!("RSA-{}", key.key_size()),
        _ => "unknown".to_owned(),
    }
}

fn key_usages(certificate: &X509Certificate<'_>) -> Result<Vec<String>, Refusal> {
    let usage = certificate.key_usage().map_err(|_| Refusal::Malformed)?;
    let text = usage.map(|usage| usage.value.to_string());
    let words = text.unwrap_or_default();
    Ok(words.split(", ").filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

fn purposes(certificate: &X509Certificate<'_>) -> Result<Vec<String>, Refusal> {
    let extended = certificate.extended_key_usage().map_err(|_| Refusal::Malformed)?;
    let Some(extended) = extended.map(|extended| extended.value) else {
        return Ok(Vec::new());
    };
    let known = [
        (extended.any, "any"),
        (extended.server_auth, "serverAuth"),
        (extended.client_auth, "clientAuth"),
    ];
    let known = known.iter().filter(|(is_there, _)| *is_there);
    let others = extended.other.iter().map(ToString::to_string);
    Ok(known.map(|(_, name)| (*name).to_owned()).chain(others).collect())
}

fn names(certificate: &X509Certificate<'_>) -> Result<Vec<String>, Refusal> {
    let names = certificate.subject_alternative_name().map_err(|_| Refusal::Malformed)?;
    let names = names.iter().flat_map(|names| &names.value.general_names);
    Ok(names
        .map(|name| match name {
            GeneralName::DNSName(name) => format!("DNS:{name}"),
            GeneralName::URI(uri) => format!("URI:{uri}"),
            GeneralName::IPAddress(octets) => {
                address(octets).map_or_else(|| "IP:?".to_owned(), |address| format!("IP:{address}"))
            }
            other => other.to_string(),
        })
        .collect())
}

fn revocation_lists(certificate: &X509Certificate<'_>) -> Vec<String> {
    let points =
        certificate.iter_extensions().filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => Some(points),
            _ => None,
        });
    let names = points.flat_map(|points| points.points.iter()).filter_map(|point| {
        match point.distribution_point.as_ref()? {
            x509_parser::extensions::DistributionPointName::FullName(names) => Some(names),
            x509_parser::extensions::DistributionPointName::NameRelativeToCRLIssuer(_) => None,
        }
    });
    names
        .flatten()
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        })
        .collect()
}
