//! Whether a path's certificates are revoked (RFC 5280 section 6.3), by the newest list of each scope that the issuer's
//! key signed.
//!
//! rustls-webpki takes the first list with the issuer's name. Where an older list stands before a newer one, or the lists
//! of an authority that changed its key stand side by side, that is the wrong one: so lists are chosen here, for each
//! certificate of a path that was found.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use der::{
    Decode as _, Encode as _, Sequence,
    asn1::{AnyRef, BitStringRef},
};
use rustls_pki_types::UnixTime;
use webpki::{CertRevocationList, VerifiedPath};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{DistributionPointName, GeneralName, ParsedExtension},
    oid_registry::OID_X509_EXT_CRL_DISTRIBUTION_POINTS,
    prelude::FromDer as _,
    revocation_list::CertificateRevocationList,
};

use crate::{
    certificate,
    error::{Error, Refusal},
    profile::NO_REV_AVAIL,
    revocation_list::{self, RevocationList, Source},
    signature::SignerKey,
};

/// The lists that are configured. Those of one source stand newest first; numbers of different sources say nothing of
/// each other (RFC 5280 section 5.2.3).
#[derive(Clone, Debug, Default)]
pub(crate) struct RevocationLists(Arc<[KnownList]>);

#[derive(Debug)]
struct KnownList {
    entries: Arc<CertRevocationList<'static>>,
    source: Source,
    /// `None` when it covers all that its issuer issued.
    scope: Option<Scope>,
    next_update: UnixTime,
    tbs: Vec<u8>,
    /// The contents of the signature's AlgorithmIdentifier.
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    /// Of the list that it was read from.
    verified: Arc<AtomicBool>,
}

/// What a list is about, where that is a part of what its issuer issued (RFC 5280 section 5.2.5).
#[derive(Debug)]
struct Scope {
    only_authorities: bool,
    only_end_entities: bool,
    /// The URIs of its distribution point; `None` when it has no such point, and is not one of several of its kind.
    published_at: Option<Vec<String>>,
}

/// CertificateList (RFC 5280 section 5.1).
#[derive(Sequence)]
struct CertificateList<'a> {
    tbs: AnyRef<'a>,
    algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
}

/// The key that must have signed a list, and whether it may.
struct ListSigner<'a> {
    key: Option<SignerKey<'a>>,
    may_sign_lists: bool,
}

impl RevocationLists {
    pub(crate) fn new(lists: &[RevocationList]) -> Result<Self, Error> {
        let mut newest_first: Vec<&RevocationList> = lists.iter().collect();
        newest_first.sort_by(|one, other| other.age().cmp(&one.age()));
        let known = newest_first.into_iter().map(KnownList::read);
        known.collect::<Option<_>>().map(Self).ok_or(Error::MalformedRevocationList)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the first list after that time is due to be followed by another: until then, and as long as these are the lists,
    /// what is not revoked stays so.
    pub(crate) fn next_due(&self, now: UnixTime) -> Option<UnixTime> {
        self.0.iter().map(|list| list.next_update).filter(|due| *due > now).min()
    }

    /// Checks every certificate of a path, from the anchor down: each is on no list, and its issuer's is there and current.
    pub(crate) fn check(
        &self,
        path: &VerifiedPath<'_>,
        head: &X509Certificate<'_>,
        anchor_may_sign_lists: bool,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        if self.is_empty() {
            return Ok(());
        }
        let anchor = path.anchor();
        let mut signer = ListSigner {
            key: SignerKey::from_contents(&anchor.subject_public_key_info),
            may_sign_lists: anchor_may_sign_lists,
        };
        let intermediates: Vec<_> =
            path.intermediate_certificates().rev().map(|certificate| certificate.der()).collect();
        for der in &intermediates {
            let authority = certificate::parse(der)?;
            self.check_one(&authority, &signer, now)?;
            signer = ListSigner {
                may_sign_lists: certificate::may_sign_lists(&authority),
                key: SignerKey::from_spki(authority.tbs_certificate.subject_pki.raw),
            };
        }
        self.check_one(head, &signer, now)
    }

    fn check_one(
        &self,
        certificate: &X509Certificate<'_>,
        issuer: &ListSigner<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        // No list has to say of it that it is good; one that says that it is revoked counts all the same.
        let mut is_known = says_that_none_is_published(certificate);
        let key = match issuer.key.as_ref().filter(|_| issuer.may_sign_lists) {
            Some(key) => key,
            None if is_known => return Ok(()),
            None => return Err(Refusal::RevocationUnknown),
        };
        for list in self.newest(certificate, key) {
            match list.entries.find_serial(certificate.raw_serial()) {
                Ok(None) => {
                    let is_current = now.as_secs() < list.next_update.as_secs();
                    is_known |= is_current && list.covers(certificate);
                }
                // A late list still tells what was revoked when it was made.
                Ok(Some(_)) => return Err(Refusal::Revoked),
                Err(_) => return Err(Refusal::RevocationUnknown),
            }
        }
        if is_known { Ok(()) } else { Err(Refusal::RevocationUnknown) }
    }

    /// The newest list of each source that the issuer's name and key are of. One that another key signed does not count,
    /// however new it says it is. That a list is about others says nothing for a certificate that is on it: numbers are
    /// given once.
    fn newest(&self, certificate: &X509Certificate<'_>, key: &SignerKey<'_>) -> Vec<&KnownList> {
        let mut newest: Vec<&KnownList> = Vec::new();
        for list in self.0.iter().filter(|list| list.is_of_the_issuer_of(certificate)) {
            let is_older = newest.iter().any(|newer| newer.source == list.source);
            if !is_older && list.is_signed_with(key) {
                newest.push(list);
            }
        }
        newest
    }
}

/// Whether one of those keys, each the SubjectPublicKeyInfo of a trusted authority, has signed a list.
pub(crate) fn is_signed_with_any(list: &RevocationList, keys: &[&[u8]]) -> Result<bool, Error> {
    let list = KnownList::read(list).ok_or(Error::MalformedRevocationList)?;
    let mut keys = keys.iter().filter_map(|key| SignerKey::from_spki(key));
    Ok(keys.any(|key| list.is_signed_with(&key)))
}

impl KnownList {
    fn read(list: &RevocationList) -> Option<Self> {
        let parts = CertificateList::from_der(list.der()).ok()?;
        Some(Self {
            entries: Arc::clone(list.entries()),
            source: list.source().clone(),
            scope: Scope::of(list)?,
            next_update: list.next_update(),
            tbs: parts.tbs.to_der().ok()?,
            algorithm: parts.algorithm.value().to_vec(),
            signature: parts.signature.as_bytes()?.to_vec(),
            verified: Arc::clone(list.verified()),
        })
    }

    /// Whether the key, which is a trusted authority's, has signed it.
    fn is_signed_with(&self, key: &SignerKey<'_>) -> bool {
        let is_signed = key.verify(&self.algorithm, &self.tbs, &self.signature).is_ok();
        if is_signed {
            self.verified.store(true, Ordering::Relaxed);
        }
        is_signed
    }

    fn is_of_the_issuer_of(&self, certificate: &X509Certificate<'_>) -> bool {
        self.source.issuer() == certificate.issuer().as_raw()
    }

    fn covers(&self, certificate: &X509Certificate<'_>) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.includes(certificate))
    }
}

impl Scope {
    fn of(list: &RevocationList) -> Option<Option<Self>> {
        let (_, list) = CertificateRevocationList::from_der(list.der()).ok()?;
        Some(revocation_list::scope(&list).map(|(_, point)| {
            Self {
                only_authorities: point.only_contains_ca_certs,
                only_end_entities: point.only_contains_user_certs,
                published_at: (point.distribution_point.as_ref())
                    .map(|name| uris(Some(name)).map(str::to_owned).collect()),
            }
        }))
    }

    /// Whether the list says anything of the certificate (RFC 5280 section 6.3.3 (b)).
    fn includes(&self, certificate: &X509Certificate<'_>) -> bool {
        let is_authority = certificate.is_ca();
        if self.only_authorities && !is_authority || self.only_end_entities && is_authority {
            return false;
        }
        let Some(published_at) = &self.published_at else { return true };
        // A certificate that names no place is of a part that nobody here can tell (section 6.3.3 (b)(2)(i)).
        let mut extensions = certificate
            .iter_extensions()
            .filter(|extension| extension.oid == OID_X509_EXT_CRL_DISTRIBUTION_POINTS);
        extensions.any(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => points.iter().any(|point| {
                // Such a point tells of another authority's list, or of one for some reasons.
                if point.crl_issuer.is_some() || point.reasons.is_some() {
                    return false;
                }
                let mut named = uris(point.distribution_point.as_ref());
                named.any(|uri| published_at.iter().any(|known| known == uri))
            }),
            // Points that cannot be read are not no points: no part of the lists is known to be the certificate's.
            _ => false,
        })
    }
}

/// Whether it says that its issuer publishes nothing of its revocation (RFC 9608): it must be an end entity's (section 4) and
/// name no place of a list.
fn says_that_none_is_published(certificate: &X509Certificate<'_>) -> bool {
    let mut says_none = false;
    for extension in certificate.iter_extensions() {
        if extension.oid == OID_X509_EXT_CRL_DISTRIBUTION_POINTS {
            return false;
        }
        says_none |= extension.oid.iter().is_some_and(|arcs| arcs.eq(NO_REV_AVAIL));
    }
    says_none && !certificate.is_ca()
}

fn uris<'a>(point: Option<&'a DistributionPointName<'_>>) -> impl Iterator<Item = &'a str> {
    let names = match point {
        Some(DistributionPointName::FullName(names)) => names.as_slice(),
        Some(DistributionPointName::NameRelativeToCRLIssuer(_)) | None => &[],
    };
    names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    })
}
