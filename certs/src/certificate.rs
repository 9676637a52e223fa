//! A certificate, and how long it lasts.

use std::{collections::HashSet, fmt, net::IpAddr, sync::Arc, time::Duration};

use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

use crate::{
    error::{Error, Refusal},
    pem,
    serial::Serial,
};

/// The largest certificate that is read. Ours have about 1 KiB; an envelope may add 6.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// 9999-12-31T23:59:59Z, the last that GeneralizedTime can say (RFC 5280 section 4.1.2.5.2).
const LAST_SECOND: u64 = 253_402_300_799;

/// A well-formed X.509 certificate. That it is well-formed is all that is known of it: see
/// [`TrustAnchors`](crate::TrustAnchors) for whether to trust it.
#[derive(Clone)]
pub struct Certificate {
    der: CertificateDer<'static>,
    said: Arc<Said>,
}

/// What is asked of a certificate each time it signs or is looked for: read once, when its DER is.
struct Said {
    serial: Vec<u8>,
    /// The names as they are encoded.
    issuer: Vec<u8>,
    subject: Vec<u8>,
    /// The SubjectPublicKeyInfo.
    key: Vec<u8>,
    key_sha256: [u8; 32],
    key_identifier: Option<Vec<u8>>,
}

impl Said {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        Self {
            serial: certificate.raw_serial().to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
            subject: certificate.subject().as_raw().to_vec(),
            key: certificate.public_key().raw.to_vec(),
            key_sha256: key_hash(certificate),
            key_identifier: key_identifier(certificate),
        }
    }
}

impl Certificate {
    /// As [`Certificate::from_file`].
    ///
    /// # Errors
    /// As [`Certificate::from_file`].
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        Self::from_file(pem.as_bytes())
    }

    /// The certificate in a file, DER or PEM; those of the authorities above it may stand behind it, each above the one before.
    ///
    /// # Errors
    /// [`Error::MalformedCertificate`], [`Error::UnexpectedPem`]; [`Error::SeveralInFile`] when it is not clear which one is
    /// meant.
    pub fn from_file(content: &[u8]) -> Result<Self, Error> {
        let all = Self::all_from_file(content)?;
        let is_chain = all
            .iter()
            .zip(all.iter().skip(1))
            .all(|(one, above)| one.said.issuer == above.said.subject && !one.is_self_issued());
        if !is_chain {
            return Err(Error::SeveralInFile("a certificate and those above it"));
        }
        all.into_iter().next().ok_or(Error::MalformedCertificate)
    }

    /// Every certificate in a file, DER or PEM, at least one.
    ///
    /// # Errors
    /// [`Error::MalformedCertificate`], [`Error::UnexpectedPem`].
    pub fn all_from_file(content: &[u8]) -> Result<Vec<Self>, Error> {
        certificates_from_file(content)?.into_iter().map(Self::from_der).collect()
    }

    /// A certificate from its DER.
    ///
    /// # Errors
    /// [`Error::MalformedCertificate`].
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, Error> {
        let parsed = parse(&der).map_err(|_| Error::MalformedCertificate)?;
        let said = Arc::new(Said::of(&parsed));
        Ok(Self { der, said })
    }

    /// Whether it names itself as its issuer, as roots do.
    pub fn is_self_issued(&self) -> bool {
        self.said.subject == self.said.issuer
    }

    /// The serial number, if it is one that an authority of ours can have given.
    pub fn serial(&self) -> Option<Serial> {
        let bytes = self.said.serial.as_slice().try_into().ok()?;
        Some(Serial::from_random(bytes)).filter(|serial| *serial.as_bytes() == bytes)
    }

    /// The subject's common name, if it has exactly one.
    pub fn common_name(&self) -> Option<String> {
        let parsed = parse(&self.der).ok()?;
        let mut names = parsed.subject().iter_common_name();
        let name = names.next()?.as_str().ok()?.to_owned();
        names.next().is_none().then_some(name)
    }

    /// SHA-256 of the SubjectPublicKeyInfo: of the key that it is for.
    pub fn key_sha256(&self) -> [u8; 32] {
        self.said.key_sha256
    }

    /// The SubjectPublicKeyInfo, as it stands in the certificate.
    pub(crate) fn key(&self) -> &[u8] {
        &self.said.key
    }

    /// The issuer's name, as it stands in the certificate.
    pub(crate) fn issuer(&self) -> &[u8] {
        &self.said.issuer
    }

    /// The subject's name, as it stands in the certificate.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.said.subject
    }

    /// The serial number, whoever has given it.
    pub(crate) fn raw_serial(&self) -> &[u8] {
        &self.said.serial
    }

    /// The subject key identifier (RFC 5280 section 4.2.1.2).
    pub(crate) fn key_identifier(&self) -> Option<&[u8]> {
        self.said.key_identifier.as_deref()
    }

    /// The DNS names and addresses in subjectAltName.
    pub fn server_names(&self) -> (Vec<String>, Vec<IpAddr>) {
        let (mut dns_names, mut addresses) = (Vec::new(), Vec::new());
        let parsed = parse(&self.der).ok();
        let names = parsed.as_ref().and_then(|parsed| {
            let names = parsed.subject_alternative_name().ok().flatten()?;
            Some(&names.value.general_names)
        });
        for name in names.into_iter().flatten() {
            match name {
                GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
                GeneralName::IPAddress(octets) => addresses.extend(address(octets)),
                _ => {}
            }
        }
        (dns_names, addresses)
    }

    /// The DER, as TLS wants it.
    pub const fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The PEM text.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn to_pem(&self) -> Result<String, Error> {
        to_pem("CERTIFICATE", &self.der)
    }
}

/// As [`Certificate::all_from_file`], for TLS libraries: what is in the DER is theirs to judge.
///
/// # Errors
/// [`Error::MalformedCertificate`], [`Error::UnexpectedPem`].
pub fn certificates_from_file(content: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = pem::read(content, &pem::CERTIFICATE)?;
    Ok(found.iter().map(|der| CertificateDer::from(der.to_vec())).collect())
}

/// The same bytes.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

/// Without the bytes, which may hold a number in clear.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.der.len())
    }
}

/// When a certificate is valid. Time is always told by the caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    not_before: UnixTime,
    not_after: UnixTime,
}

impl Validity {
    /// From `not_before` for `lifetime`, in whole seconds.
    ///
    /// # Errors
    /// [`Error::InvalidValidity`].
    pub fn new(not_before: UnixTime, lifetime: Duration) -> Result<Self, Error> {
        let end = not_before.as_secs().saturating_add(lifetime.as_secs());
        if lifetime.as_secs() == 0 || end > LAST_SECOND {
            return Err(Error::InvalidValidity);
        }
        Ok(Self { not_before, not_after: unix_time(end) })
    }

    /// The first second in which the certificate is valid.
    pub const fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second in which the certificate is valid.
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    pub(crate) fn lifetime(&self) -> Duration {
        let seconds = self.not_after.as_secs();
        Duration::from_secs(seconds.saturating_sub(self.not_before.as_secs()))
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.not_before.as_secs() <= other.not_before.as_secs()
            && other.not_after.as_secs() <= self.not_after.as_secs()
    }

    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Result<Self, Refusal> {
        let seconds = |timestamp: i64| u64::try_from(timestamp).map_err(|_| Refusal::Malformed);
        let validity = certificate.validity();
        Ok(Self {
            not_before: unix_time(seconds(validity.not_before.timestamp())?),
            not_after: unix_time(seconds(validity.not_after.timestamp())?),
        })
    }

    pub(crate) fn date(time: UnixTime) -> Result<OffsetDateTime, Error> {
        i64::try_from(time.as_secs())
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .ok_or(Error::InvalidValidity)
    }
}

/// Reads one certificate, bounded, with nothing behind it.
pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, Refusal> {
    if der.len() > MAX_CERTIFICATE_BYTES {
        return Err(Refusal::CertificateTooLarge);
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(Refusal::Malformed),
    }
}

/// The subject key identifier (RFC 5280 section 4.2.1.2).
pub(crate) fn key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    })
}

/// SHA-256 of the certificate's own SubjectPublicKeyInfo, over the bytes that were received.
pub(crate) fn key_hash(certificate: &X509Certificate<'_>) -> [u8; 32] {
    sha256(certificate.public_key().raw)
}

/// Whether the key may sign certificates: a key usage, if there is one, must say so (RFC 5280 section 6.1.4 (n)).
pub(crate) fn may_sign_certificates(certificate: &X509Certificate<'_>) -> bool {
    certificate.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}

/// Whether the key may sign revocation lists: a key usage, if there is one, must say so (RFC 5280 section 6.3.3 (f)).
pub(crate) fn may_sign_lists(certificate: &X509Certificate<'_>) -> bool {
    certificate.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.crl_sign()))
}

/// How many authorities may stand below this one (`None`: any number), if it is one.
pub(crate) fn authority_path_length(
    certificate: &X509Certificate<'_>,
) -> Result<Option<u32>, Error> {
    match certificate.basic_constraints() {
        Ok(Some(constraints)) if constraints.value.ca && may_sign_certificates(certificate) => {
            Ok(constraints.value.path_len_constraint)
        }
        _ => Err(Error::NotAnAuthority),
    }
}

/// Whether the subject can be written again as the issuer of others (RFC 5280 section 4.1.2.4). `rcgen` keeps one attribute
/// of each type, the last, and so would turn `DC=com, DC=example` into another name.
pub(crate) fn subject_can_be_issuer(certificate: &X509Certificate<'_>) -> bool {
    let mut types = HashSet::new();
    certificate.subject().iter_rdn().all(|part| {
        let mut attributes = part.iter();
        matches!(
            (attributes.next(), attributes.next()),
            (Some(attribute), None) if types.insert(attribute.attr_type())
        )
    })
}

/// An address as it stands in a certificate (RFC 5280 section 4.2.1.6).
pub(crate) fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    hash
}

pub(crate) fn to_pem(label: &str, der: &[u8]) -> Result<String, Error> {
    der::pem::encode_string(label, der::pem::LineEnding::LF, der)
        .map_err(|_| Error::Failed("encoding PEM"))
}

pub(crate) const fn unix_time(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
