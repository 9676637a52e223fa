//! What an authority has revoked: a list that it signs (RFC 5280 section 5), and reading one that others signed.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use der::{Decode as _, Encode as _, Tag, TagNumber, Tagged as _, asn1::AnyRef};
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, RevokedCertParams, SerialNumber,
};
use rustls_pki_types::{CertificateRevocationListDer, UnixTime};
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::{
    extensions::{IssuingDistributionPoint, ParsedExtension, X509Extension},
    prelude::FromDer as _,
    revocation_list::CertificateRevocationList,
};

use crate::{
    certificate::{Validity, sha256, to_pem, unix_time},
    error::{Error, ListFault},
    key::RcgenSigner,
    pem,
    serial::Serial,
    signature,
};

/// The largest list that is read: some 200,000 certificates.
pub const MAX_REVOCATION_LIST_BYTES: usize = 8 * 1024 * 1024;
/// The issuing distribution points of lists that are of all end entities, or of all authorities, wherever they are published
/// (RFC 5280 section 5.2.5): there is one DER of each.
const OF_A_KIND: [&[u8]; 2] = [&[0x30, 3, 0x81, 1, 0xff], &[0x30, 3, 0x82, 1, 0xff]];
/// Of TBSCertList (RFC 5280 section 5.1).
const EXTENSIONS: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
/// RFC 5280 section 5.2.3.
const MAX_NUMBER_OCTETS: usize = 20;

/// Why a certificate is revoked (RFC 5280 section 5.3.1). What is on hold for a while and what is a delta's are not here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RevocationReason {
    /// No reason is given.
    #[default]
    Unspecified,
    /// The private key is, or may be, in other hands: a lost computer, a stolen file.
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
    /// Of which certificate.
    pub serial: Serial,
    /// Since when.
    pub at: UnixTime,
    /// The reason that its issuer gives.
    pub reason: RevocationReason,
}

/// A list of revoked certificates. Until [`RevocationList::is_verified`], that it is well-formed is all that is known of it.
#[derive(Clone)]
pub struct RevocationList {
    der: CertificateRevocationListDer<'static>,
    source: Source,
    number: Vec<u8>,
    this_update: i64,
    next_update: UnixTime,
    entries: Arc<CertRevocationList<'static>>,
    len: usize,
    verified: Arc<AtomicBool>,
}

/// Whose list it is and what of: the issuer's name, its key's identifier (RFC 5280 section 5.2.1) and, where the list
/// does not cover all that the issuer issued, its scope (section 5.2.5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Source {
    issuer: Vec<u8>,
    key_id: Option<Vec<u8>>,
    scope: Option<Vec<u8>>,
}

impl Source {
    pub(crate) fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    pub(crate) fn key_id(&self) -> Option<&[u8]> {
        self.key_id.as_deref()
    }
}

/// The same bytes.
impl PartialEq for RevocationList {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for RevocationList {}

impl RevocationList {
    pub(crate) fn sign(
        revoked: &[Revoked],
        number: u64,
        validity: Validity,
        issuer: &Issuer<'_, RcgenSigner<'_>>,
    ) -> Result<Self, Error> {
        const SIGNING: Error = Error::Failed("signing a revocation list");
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
        let list = params.signed_by(issuer).map_err(|_| SIGNING)?;
        Self::read(list.into()).map_err(|_| SIGNING)
    }

    /// A list from its DER.
    ///
    /// # Errors
    /// [`Error::MalformedRevocationList`]; [`Error::SignatureAlgorithm`] when no signature like its own is checked here;
    /// [`Error::UnusableRevocationList`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        if der.len() > MAX_REVOCATION_LIST_BYTES {
            return Err(Error::MalformedRevocationList);
        }
        Self::read(der.to_vec().into())
    }

    fn read(der: CertificateRevocationListDer<'static>) -> Result<Self, Error> {
        const MALFORMED: Error = Error::MalformedRevocationList;
        let ([], list) = CertificateRevocationList::from_der(&der).map_err(|_| MALFORMED)? else {
            return Err(MALFORMED);
        };
        if !signature::is_known(list.signature_algorithm.algorithm.as_bytes()) {
            return Err(Error::SignatureAlgorithm(signature::NAMES));
        }
        let entries = entries(&der, &list)?;
        let next_update = list.next_update().ok_or(ListFault::NextUpdate)?.timestamp();
        let source = Source {
            issuer: list.issuer().as_raw().to_vec(),
            key_id: signer_key(&list).map(<[u8]>::to_vec),
            scope: scope(&list).map(|(extension, _)| extension.value.to_vec()),
        };
        Ok(Self {
            source,
            number: number(&list)?,
            this_update: list.last_update().timestamp(),
            next_update: unix_time(u64::try_from(next_update).map_err(|_| MALFORMED)?),
            entries: Arc::new(entries.into()),
            len: list.iter_revoked_certificates().count(),
            verified: Arc::default(),
            der,
        })
    }

    /// The only list in a file: DER, or PEM as other programs write it.
    ///
    /// # Errors
    /// As [`RevocationList::all_from_file`]; [`Error::SeveralInFile`].
    pub fn from_file(content: &[u8]) -> Result<Self, Error> {
        Self::from_der(&pem::read_one(content, &pem::REVOCATION_LIST)?)
    }

    /// Every list in a file, at least one: DER, or PEM as other programs write it.
    ///
    /// # Errors
    /// [`Error::UnexpectedPem`], and as [`RevocationList::from_der`].
    pub fn all_from_file(content: &[u8]) -> Result<Vec<Self>, Error> {
        let found = pem::read(content, &pem::REVOCATION_LIST)?;
        found.iter().map(|der| Self::from_der(der)).collect()
    }

    /// The DER.
    pub const fn der(&self) -> &CertificateRevocationListDer<'static> {
        &self.der
    }

    /// The PEM text.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn to_pem(&self) -> Result<String, Error> {
        to_pem("X509 CRL", &self.der)
    }

    /// When the next list is due; after that this one is not trusted.
    pub const fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// Whether the same authority issued the other one: the same name and key identifier, for the same scope. An authority
    /// that was made anew under an old name counts from one again.
    pub fn is_of_the_same_authority(&self, other: &Self) -> bool {
        self.source == other.source
    }

    /// Whether it was issued after the other one: it has the larger number (RFC 5280 section 5.2.3), however many octets
    /// that has, or under the same number the later thisUpdate. Meaningful for lists of the same authority.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.age() > other.age()
    }

    pub(crate) const fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) const fn entries(&self) -> &Arc<CertRevocationList<'static>> {
        &self.entries
    }

    /// Whether a trusted authority was found to have signed it: a trust anchor, or an authority below one in a chain that was
    /// verified by this list. Clones know it of each other. What a list says of itself, such as its number, must not be
    /// remembered before.
    pub fn is_verified(&self) -> bool {
        self.verified.load(Ordering::Relaxed)
    }

    /// What [`RevocationList::is_verified`] of all clones reads.
    pub(crate) const fn verified(&self) -> &Arc<AtomicBool> {
        &self.verified
    }

    /// Orders lists of one source, the newest last.
    pub(crate) fn age(&self) -> impl Ord {
        (self.number.len(), &self.number, self.this_update)
    }

    /// SHA-256 of what [`RevocationList::is_of_the_same_authority`] compares: by it a list is known that was seen before.
    pub fn source_sha256(&self) -> [u8; 32] {
        let Source { issuer, key_id, scope } = &self.source;
        let mut parts = Vec::new();
        for part in [Some(issuer), key_id.as_ref(), scope.as_ref()] {
            // Which are there, and how long each is: no two sources are the same octets.
            let length =
                part.map_or(u64::MAX, |part| u64::try_from(part.len()).unwrap_or(u64::MAX));
            parts.extend(length.to_be_bytes());
            parts.extend(part.into_iter().flatten());
        }
        sha256(&parts)
    }

    /// Its number (RFC 5280 section 5.2.3), big-endian without zeros in front, at most 20 octets.
    pub fn number_octets(&self) -> &[u8] {
        &self.number
    }

    /// When it was issued, in seconds since the Unix epoch: of two lists with one number the later is the newer.
    pub const fn this_update(&self) -> i64 {
        self.this_update
    }

    /// The newest list of each authority, by what the lists say of themselves: no signature is checked here.
    pub fn newest(lists: &[Self]) -> Vec<&Self> {
        let is_newest = |list: &&Self| {
            let same = |other: &&Self| other.is_of_the_same_authority(list);
            !lists.iter().filter(same).any(|other| other.is_newer_than(list))
        };
        lists.iter().filter(is_newest).collect()
    }

    /// Its number, if it fits 64 bits: the later of two lists has the larger. To compare, see
    /// [`RevocationList::is_newer_than`].
    pub fn number(&self) -> Option<u64> {
        self.number.iter().try_fold(0_u64, |number, octet| {
            number.checked_mul(256)?.checked_add(u64::from(*octet))
        })
    }

    /// How many certificates are in it.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is revoked.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The authority key identifier (RFC 5280 section 5.2.1).
fn signer_key<'a>(list: &'a CertificateRevocationList<'_>) -> Option<&'a [u8]> {
    list.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    })
}

/// The issuing distribution point (RFC 5280 section 5.2.5).
pub(crate) fn scope<'a>(
    list: &'a CertificateRevocationList<'_>,
) -> Option<(&'a X509Extension<'a>, &'a IssuingDistributionPoint<'a>)> {
    list.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::IssuingDistributionPoint(point) => Some((extension, point)),
        _ => None,
    })
}

/// What it revokes, where all that it says is understood.
fn entries(
    der: &[u8],
    list: &CertificateRevocationList<'_>,
) -> Result<OwnedCertRevocationList, Error> {
    // These rustls-webpki refuses, too, but has no name for.
    if list.version().is_none() {
        return Err(ListFault::Version.into());
    }
    if list.next_update().is_none() {
        return Err(ListFault::NextUpdate.into());
    }
    if scope(list).is_some_and(|(_, point)| point.only_contains_attribute_certs) {
        return Err(ListFault::AttributeCertificates.into());
    }
    let of_a_kind = scope(list).filter(|(point, _)| OF_A_KIND.contains(&point.value));
    let read = match of_a_kind {
        Some((point, _)) => {
            &*without(der, point.oid.as_bytes()).map_err(|_| Error::MalformedRevocationList)?
        }
        None => der,
    };
    let entries = OwnedCertRevocationList::from_der(read).map_err(|error| fault(&error))?;
    let tbs = &list.tbs_cert_list;
    let is_unread = |extension: &X509Extension<'_>| {
        matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. })
    };
    // One that only one of the two readers understands would be a list of another scope for each.
    if tbs.extensions_map().is_err() || tbs.iter_extensions().any(is_unread) {
        return Err(Error::MalformedRevocationList);
    }
    // A number is found by its octets.
    let is_der = list.iter_revoked_certificates().all(|entry| is_minimal(entry.raw_serial()));
    if is_der { Ok(entries) } else { Err(ListFault::Serial.into()) }
}

/// The list without extensions of that type, its signature as it was: rustls-webpki, which is asked for the entries alone, knows no
/// issuing distribution point without a name.
fn without(der: &[u8], oid: &[u8]) -> der::Result<Vec<u8>> {
    let [tbs, signed @ ..] = &*Vec::<AnyRef<'_>>::from_der(der)? else { return Ok(der.to_vec()) };
    let mut fields = Vec::new();
    for field in tbs.decode_as::<Vec<AnyRef<'_>>>()? {
        if field.tag() != EXTENSIONS {
            fields.extend(field.to_der()?);
            continue;
        }
        let mut kept = Vec::new();
        for extension in Vec::<AnyRef<'_>>::from_der(field.value())? {
            let parts = extension.decode_as::<Vec<AnyRef<'_>>>()?;
            if parts.first().is_none_or(|id| id.value() != oid) {
                kept.push(extension);
            }
        }
        fields.extend(AnyRef::new(EXTENSIONS, &kept.to_der()?)?.to_der()?);
    }
    let mut list = AnyRef::new(Tag::Sequence, &fields)?.to_der()?;
    for part in signed {
        list.extend(part.to_der()?);
    }
    AnyRef::new(Tag::Sequence, &list)?.to_der()
}

/// Whether an INTEGER is in as few octets as it can be (X.690 section 8.3.2).
const fn is_minimal(integer: &[u8]) -> bool {
    match integer {
        [] => false,
        [0, next, ..] => *next >= 0x80,
        [0xff, next, ..] => *next < 0x80,
        [..] => true,
    }
}

fn fault(error: &webpki::Error) -> Error {
    use webpki::Error as Webpki;
    let fault = match error {
        Webpki::UnsupportedCrlVersion => ListFault::Version,
        Webpki::InvalidCrlNumber => ListFault::Number,
        Webpki::UnsupportedDeltaCrl => ListFault::Delta,
        Webpki::UnsupportedIndirectCrl => ListFault::Indirect,
        Webpki::UnsupportedRevocationReasonsPartitioning => ListFault::SomeReasons,
        Webpki::UnsupportedCrlIssuingDistributionPoint => ListFault::DistributionPoint,
        Webpki::UnsupportedCriticalExtension => ListFault::CriticalExtension,
        _ => return Error::MalformedRevocationList,
    };
    fault.into()
}

/// The list's number, big-endian without zeros in front. It must be there once, and not be critical (RFC 5280 section
/// 5.2.3), which path validation does not ask.
fn number(list: &CertificateRevocationList<'_>) -> Result<Vec<u8>, ListFault> {
    let mut numbers =
        list.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLNumber(number) => Some((extension.critical, number)),
            _ => None,
        });
    match (numbers.next(), numbers.next()) {
        (Some((false, number)), None) => {
            let octets = number.to_bytes_be().into_iter().skip_while(|octet| *octet == 0);
            let octets = Some(octets.collect());
            octets
                .filter(|octets: &Vec<u8>| octets.len() <= MAX_NUMBER_OCTETS)
                .ok_or(ListFault::Number)
        }
        _ => Err(ListFault::Number),
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({} bytes)", self.der.len())
    }
}
