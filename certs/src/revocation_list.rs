//! What an authority has revoked: a list that it signs (RFC 5280 section 5), and reading one that others signed.

use std::fmt;

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, RevokedCertParams, SerialNumber,
};
use rustls_pki_types::{CertificateRevocationListDer, UnixTime, pem::PemObject as _};
use x509_parser::{
    extensions::ParsedExtension, prelude::FromDer as _, revocation_list::CertificateRevocationList,
};

use crate::{
    certificate::{Validity, to_pem, unix_time},
    error::Error,
    serial::Serial,
};

/// Why a certificate is revoked (RFC 5280 section 5.3.1). What is on hold for a while and what is a delta's are not here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum RevocationReason {
    /// No reason is given.
    #[default]
    Unspecified,
    /// Somebody else has, or may have, the private key: a lost computer, a stolen file.
    KeyCompromise,
    /// The same of an authority.
    AuthorityCompromise,
    /// The name, the number or another thing in it is no longer true.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// It is not needed any more.
    CessationOfOperation,
    /// Its holder may no longer have it.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    /// Every reason, with the name that RFC 5280 gives it in its own words' style.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Unspecified, "unspecified"),
        (Self::KeyCompromise, "key-compromise"),
        (Self::AuthorityCompromise, "ca-compromise"),
        (Self::AffiliationChanged, "affiliation-changed"),
        (Self::Superseded, "superseded"),
        (Self::CessationOfOperation, "cessation-of-operation"),
        (Self::PrivilegeWithdrawn, "privilege-withdrawn"),
    ];

    /// Its name, such as `key-compromise`.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(reason, _)| *reason == self);
        named.map_or("unspecified", |(_, name)| name)
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let named = Self::ALL.iter().find(|(_, known)| *known == name);
        named.map(|(reason, _)| *reason)
    }

    /// Nothing for `unspecified`, which must not stand in a list (RFC 5280 section 5.3.1).
    const fn to_rcgen(self) -> Option<rcgen::RevocationReason> {
        use rcgen::RevocationReason as Theirs;
        match self {
            Self::Unspecified => None,
            Self::KeyCompromise => Some(Theirs::KeyCompromise),
            Self::AuthorityCompromise => Some(Theirs::CaCompromise),
            Self::AffiliationChanged => Some(Theirs::AffiliationChanged),
            Self::Superseded => Some(Theirs::Superseded),
            Self::CessationOfOperation => Some(Theirs::CessationOfOperation),
            Self::PrivilegeWithdrawn => Some(Theirs::PrivilegeWithdrawn),
        }
    }
}

/// A certificate that is revoked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Revoked {
    /// Which one.
    pub serial: Serial,
    /// Since when.
    pub at: UnixTime,
    /// Why.
    pub reason: RevocationReason,
}

/// A list of revoked certificates. That it is well-formed is all that is known of it.
#[derive(Clone, Eq, PartialEq)]
pub struct RevocationList(CertificateRevocationListDer<'static>);

impl RevocationList {
    pub(crate) fn sign(
        revoked: &[Revoked],
        number: u64,
        validity: Validity,
        issuer: &Issuer<'_, &rcgen::KeyPair>,
    ) -> Result<Self, Error> {
        let entry = |revoked: &Revoked| {
            Ok(RevokedCertParams {
                serial_number: revoked.serial.to_rcgen(),
                revocation_time: Validity::date(revoked.at)?,
                reason_code: revoked.reason.to_rcgen(),
                invalidity_date: None,
            })
        };
        let params = CertificateRevocationListParams {
            this_update: Validity::date(validity.not_before())?,
            next_update: Validity::date(validity.not_after())?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, Error>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list =
            params.signed_by(issuer).map_err(|_| Error::Failed("signing a revocation list"))?;
        Ok(Self(list.into()))
    }

    /// A list from its DER.
    ///
    /// # Errors
    /// [`Error::MalformedRevocationList`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        if der.len() > MAX_REVOCATION_LIST_BYTES {
            return Err(Error::MalformedRevocationList);
        }
        match CertificateRevocationList::from_der(der) {
            Ok(([], list)) if is_numbered(&list) => Ok(Self(der.to_vec().into())),
            Ok(_) | Err(_) => Err(Error::MalformedRevocationList),
        }
    }

    /// A list from a file's content: DER, or PEM.
    ///
    /// # Errors
    /// [`Error::MalformedRevocationList`].
    pub fn from_file(content: &[u8]) -> Result<Self, Error> {
        if content.starts_with(b"-----BEGIN") {
            let der = CertificateRevocationListDer::from_pem_slice(content)
                .map_err(|_| Error::MalformedRevocationList)?;
            return Self::from_der(&der);
        }
        Self::from_der(content)
    }

    /// The DER.
    pub const fn der(&self) -> &CertificateRevocationListDer<'static> {
        &self.0
    }

    /// The PEM text.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn to_pem(&self) -> Result<String, Error> {
        to_pem("X509 CRL", &self.0)
    }

    /// When the next list is due; after that this one is not believed.
    pub fn next_update(&self) -> Option<UnixTime> {
        let (_, list) = CertificateRevocationList::from_der(&self.0).ok()?;
        let seconds = list.next_update()?.timestamp();
        u64::try_from(seconds).ok().map(unix_time)
    }

    /// Whether the same authority issued the other one: the same name and key identifier. An authority that was made anew
    /// under an old name counts from one again.
    pub fn is_of_the_same_authority(&self, other: &Self) -> bool {
        let parse = |list| CertificateRevocationList::from_der(list);
        let (Ok((_, one)), Ok((_, other))) = (parse(&self.0), parse(&other.0)) else {
            return false;
        };
        one.issuer().as_raw() == other.issuer().as_raw() && signer_key(&one) == signer_key(&other)
    }

    /// Its number: the later of two lists has the larger.
    pub fn number(&self) -> Option<u64> {
        let (_, list) = CertificateRevocationList::from_der(&self.0).ok()?;
        u64::try_from(list.crl_number()?).ok()
    }

    /// How many certificates are in it.
    pub fn len(&self) -> usize {
        CertificateRevocationList::from_der(&self.0)
            .map_or(0, |(_, list)| list.iter_revoked_certificates().count())
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The authority key identifier (RFC 5280 section 5.2.1).
fn signer_key<'a>(list: &'a CertificateRevocationList<'_>) -> Option<&'a [u8]> {
    let found = list.extensions().iter();
    found
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref(),
            _ => None,
        })
        .map(|id| id.0)
        .next()
}

/// The list's number must be there, and not be critical (RFC 5280 section 5.2.3), which path validation does not ask.
fn is_numbered(list: &CertificateRevocationList<'_>) -> bool {
    let numbers = list
        .extensions()
        .iter()
        .filter(|extension| matches!(extension.parsed_extension(), ParsedExtension::CRLNumber(_)));
    numbers.filter(|extension| !extension.critical).count() == 1
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({} bytes)", self.0.len())
    }
}

/// The largest list that is read: some 200,000 certificates.
pub const MAX_REVOCATION_LIST_BYTES: usize = 8 * 1024 * 1024;
