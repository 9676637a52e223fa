//! Whether a certificate is to be trusted in a role: path validation (RFC 5280 section 6) by rustls-webpki.
//!
//! What rustls-webpki leaves to its caller is added: the certificate must name the role, and key usages, where there are
//! any, must fit; each certificate must be as RFC 5280's profile has
//! authorities write it. Where revocation lists are given, each certificate of the path must be on none, and its issuer's
//! list must be there and be current.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_parser::{certificate::X509Certificate, x509::AttributeTypeAndValue};

use crate::{
    certificate::{self, Certificate, Validity},
    cms::{ContentType, RecipientCertificate, RecipientKey, signed},
    error::{Error, Refusal},
    extension::PhoneExtension,
    kind::{EndEntityKind, KeyUse},
    known::{ChainId, KnownChains},
    phone::Holder,
    read::read_phone,
    revocation::{self, RevocationLists},
    revocation_list::RevocationList,
    strict,
};

/// The most certificates in a chain. Root, brand, issuing authority and client are four, and the root need not come.
pub const MAX_CHAIN: usize = 8;

/// The authorities that are trusted.
#[derive(Clone, Debug)]
pub struct TrustAnchors {
    anchors: Vec<TrustAnchor<'static>>,
    /// Those of them whose keys may not sign revocation lists.
    without_lists: Vec<TrustAnchor<'static>>,
    /// Their certificates: webpki's anchors have no key identifier.
    authorities: Vec<Certificate>,
    revocation_lists: RevocationLists,
    phone_extension: PhoneExtension,
    /// What was verified by all of the above.
    known: KnownChains<VerifiedCertificate>,
}

impl TrustAnchors {
    /// Trusts these authorities. As RFC 5280 section 6.1 has it, their own validity is not looked at: an anchor is
    /// trusted until it is taken out.
    ///
    /// # Errors
    /// [`Error::NoTrustAnchor`], [`Error::NotAnAuthority`].
    pub fn new(authorities: &[Certificate]) -> Result<Self, Error> {
        if authorities.is_empty() {
            return Err(Error::NoTrustAnchor);
        }
        let mut anchors = Vec::new();
        let mut without_lists = Vec::new();
        for authority in authorities {
            let (anchor, may_sign_lists) = anchor(authority)?;
            if !may_sign_lists {
                without_lists.push(anchor.clone());
            }
            anchors.push(anchor);
        }
        Ok(Self {
            anchors,
            without_lists,
            authorities: authorities.to_vec(),
            revocation_lists: RevocationLists::default(),
            phone_extension: PhoneExtension::default(),
            known: KnownChains::default(),
        })
    }

    /// As [`TrustAnchors::from_file`].
    ///
    /// # Errors
    /// As [`TrustAnchors::from_file`].
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        Self::from_file(pem.as_bytes())
    }

    /// Trusts the authorities in a file of one or more certificates, DER or PEM.
    ///
    /// # Errors
    /// [`Error::NoTrustAnchor`] when it is empty, those of [`Certificate::all_from_file`] and of [`TrustAnchors::new`].
    pub fn from_file(content: &[u8]) -> Result<Self, Error> {
        if content.trim_ascii().is_empty() {
            return Err(Error::NoTrustAnchor);
        }
        Self::new(&Certificate::all_from_file(content)?)
    }

    /// The same anchors, with the extension that their authorities use for encrypted numbers.
    #[must_use]
    pub fn with_phone_extension(self, extension: PhoneExtension) -> Self {
        Self { phone_extension: extension, known: KnownChains::default(), ..self }
    }

    /// The same anchors, with what authorities have revoked. As soon as there is one list, there must be a current one of
    /// every authority in a path: what is not known to be good is refused. No list at all turns the check off.
    ///
    /// In whatever order they come, for each certificate the newest list of each scope counts that its issuer's key has
    /// signed: it must be on none of them, and one that covers it must be current. An older one never stands in for the
    /// newest of its scope, even where that is past its next update.
    ///
    /// # Errors
    /// [`Error::MalformedRevocationList`].
    pub fn with_revocation_lists(self, lists: &[RevocationList]) -> Result<Self, Error> {
        let revocation_lists = RevocationLists::new(lists)?;
        Ok(Self { revocation_lists, known: KnownChains::default(), ..self })
    }

    /// Whether a list names the key of one of these authorities as the one that signed it, and that key did not: it is
    /// forged, or was damaged on its way. Of others' lists nothing is known before a chain brings their certificate.
    ///
    /// # Errors
    /// [`Error::MalformedRevocationList`].
    pub fn disown(&self, list: &RevocationList) -> Result<bool, Error> {
        let (issuer, key_id) = (list.source().issuer(), list.source().key_id());
        let named = self.authorities.iter().filter(|authority| {
            authority.subject() == issuer && authority.key_identifier() == key_id
        });
        let keys: Vec<_> = named.map(Certificate::key).collect();
        Ok(!keys.is_empty() && !revocation::is_signed_with_any(list, &keys)?)
    }

    /// The same anchors, with that memory.
    #[cfg(test)]
    pub(crate) fn remembering(self, known: KnownChains<VerifiedCertificate>) -> Self {
        Self { known, ..self }
    }

    /// What a TLS handshake asks of a client's chain: a path for client authentication, nothing in it revoked. Whether it
    /// is within the profile is for [`TrustAnchors::verify_client`], when the certificate is used: a refusal in the
    /// handshake cannot be explained to the person.
    ///
    /// # Errors
    /// [`Refusal`], down to [`Refusal::NotValidated`].
    pub fn verify_handshake(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let (head, intermediates) = split(chain)?;
        let parsed = certificate::parse(head)?;
        self.find_path(head, intermediates, now, KeyUsage::client_auth(), &|path| {
            self.check_revocation(path, &parsed, now)
        })
    }

    /// Verifies a TLS client's chain: [`TrustAnchors::verify`] with [`EndEntityKind::TlsClient`].
    ///
    /// # Errors
    /// As [`TrustAnchors::verify`].
    pub fn verify_client(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<VerifiedCertificate, Refusal> {
        self.verify(chain, now, EndEntityKind::TlsClient)
    }

    /// Verifies a chain, the certificate in question first, at a given time and for one role. A server's name is for the
    /// caller to compare: TLS libraries do.
    ///
    /// A merchant's or gateway's chain that was verified before, byte for byte in the same role, is not verified again as
    /// long as none of its certificates has run out and no revocation list is due to be followed by another. Other lists are
    /// other trust anchors ([`TrustAnchors::with_revocation_lists`]), which remember nothing of these.
    ///
    /// # Errors
    /// [`Refusal`], down to [`Refusal::OutsideProfile`].
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
        role: EndEntityKind,
    ) -> Result<VerifiedCertificate, Refusal> {
        if !role.comes_again() {
            return self.verify_anew(chain, now, role).map(|(verified, _)| verified);
        }
        let id = ChainId::of(chain, role);
        if let Some(verified) = self.known.find(&id, now) {
            return Ok(verified);
        }
        let (verified, until) = self.verify_anew(chain, now, role)?;
        self.known.keep(id, now, until, &verified);
        Ok(verified)
    }

    /// The certificate, and the first second in which the answer may be another one.
    fn verify_anew(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
        role: EndEntityKind,
    ) -> Result<(VerifiedCertificate, UnixTime), Refusal> {
        let (head, intermediates) = split(chain)?;
        let parsed = certificate::parse(head)?;
        for intermediate in intermediates {
            certificate::parse(intermediate)?;
        }
        let usage = KeyUsage::required_if_present(role.purpose().oid().as_bytes());
        let authorities_last = Cell::new(None);
        self.find_path(head, intermediates, now, usage, &|path| {
            self.check_revocation(path, &parsed, now)?;
            authorities_last.set(check_authorities(path)?);
            Ok(())
        })?;
        check_role(&parsed, role)?;
        if !strict::has_strong_key(&parsed) {
            return Err(Refusal::UnsupportedAlgorithm);
        }
        strict::check(&parsed)?;
        let not_after = Validity::of(&parsed)?.not_after();
        let verified = VerifiedCertificate {
            role,
            common_name: only(parsed.subject().iter_common_name()),
            organization: only(parsed.subject().iter_organization()),
            key_sha256: certificate::key_hash(&parsed),
            serial: parsed.raw_serial().to_vec(),
            not_after,
            recipient: RecipientCertificate::of(&parsed).ok(),
            certificate: head.clone().into_owned(),
            chain: chain.iter().map(|one| one.clone().into_owned()).collect(),
            phone_extension: self.phone_extension,
        };
        let last = authorities_last.get().map_or(not_after, |last| last.min(not_after));
        let after = certificate::unix_time(last.as_secs().saturating_add(1));
        let due = self.revocation_lists.next_due(now);
        Ok((verified, due.map_or(after, |due| due.min(after))))
    }

    /// Verifies a signed message and its signer, for one role: what was signed, and by which certificate. `detached` is the
    /// content where it is beside the message. A role that has keys sent to it signs nothing.
    ///
    /// # Errors
    /// [`Refusal::WrongUsage`], [`Refusal::Signed`], and as [`TrustAnchors::verify`].
    pub fn verify_signed(
        &self,
        message: &[u8],
        content_type: ContentType,
        detached: Option<&[u8]>,
        now: UnixTime,
        role: EndEntityKind,
    ) -> Result<(Vec<u8>, VerifiedCertificate), Refusal> {
        match role.key_use() {
            KeyUse::Signature => {}
            // What such a key makes is no signature of anyone's, well-formed as it may be.
            KeyUse::KeyExchange => return Err(Refusal::WrongUsage),
        }
        let signed = signed::verify(message, content_type, detached, &[])?;
        let chain: Vec<_> = signed.chain.iter().map(|one| one.der().clone()).collect();
        Ok((signed.content, self.verify(&chain, now, role)?))
    }

    /// Finds a path from the head to an anchor that `accept` has nothing against. One that it refuses is not the last word:
    /// with a cross-signed authority there may be another (RFC 4158 section 2.4). Where there is none, the first refusal
    /// is told.
    fn find_path(
        &self,
        head: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        usage: KeyUsage,
        accept: &dyn Fn(&VerifiedPath<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let first_refusal = RefCell::new(None);
        let verify_path = |path: &VerifiedPath<'_>| {
            accept(path).map_err(|refusal| {
                first_refusal.borrow_mut().get_or_insert(refusal);
                webpki::Error::UnknownIssuer
            })
        };
        let end_entity = EndEntityCert::try_from(head).map_err(refusal_of)?;
        let found = end_entity.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &self.anchors,
            intermediates,
            now,
            usage,
            None,
            Some(&verify_path),
        );
        match found {
            Ok(_) => Ok(()),
            Err(error) => Err(first_refusal.take().unwrap_or_else(|| refusal_of(error))),
        }
    }

    fn check_revocation(
        &self,
        path: &VerifiedPath<'_>,
        head: &X509Certificate<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let anchor_may_sign_lists = !self.without_lists.contains(path.anchor());
        self.revocation_lists.check(path, head, anchor_may_sign_lists, now)
    }
}

/// The certificate at the head of a chain, and those that came with it.
fn split<'a, 'b>(
    chain: &'a [CertificateDer<'b>],
) -> Result<(&'a CertificateDer<'b>, &'a [CertificateDer<'b>]), Refusal> {
    let split = chain.split_first().ok_or(Refusal::NoCertificate)?;
    if chain.len() > MAX_CHAIN { Err(Refusal::ChainTooLong) } else { Ok(split) }
}

/// Checks what rustls-webpki does not ask of the authorities of a path. Gives the last second in which all of them are valid;
/// nothing when there are none.
fn check_authorities(path: &VerifiedPath<'_>) -> Result<Option<UnixTime>, Refusal> {
    let mut last = None;
    for issuer in path.intermediate_certificates() {
        let der = issuer.der();
        let issuer = certificate::parse(&der)?;
        if !certificate::may_sign_certificates(&issuer) {
            return Err(Refusal::WrongUsage);
        }
        strict::check(&issuer)?;
        let not_after = Validity::of(&issuer)?.not_after();
        last = Some(last.map_or(not_after, |last: UnixTime| last.min(not_after)));
    }
    Ok(last)
}

/// A certificate that was verified for a role. Only [`TrustAnchors::verify`] makes one.
#[derive(Clone)]
pub struct VerifiedCertificate {
    role: EndEntityKind,
    certificate: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    common_name: Option<String>,
    organization: Option<String>,
    key_sha256: [u8; 32],
    serial: Vec<u8>,
    not_after: UnixTime,
    recipient: Option<RecipientCertificate>,
    phone_extension: PhoneExtension,
}

impl VerifiedCertificate {
    /// What it was verified for.
    pub const fn role(&self) -> EndEntityKind {
        self.role
    }

    /// The number that the certificate bears, and the card if any. `keys` are the gateway's own; without one, only a
    /// number in clear can be read.
    ///
    /// # Errors
    /// [`Refusal::NoPhone`] and the variants after it.
    pub fn phone(&self, keys: &[RecipientKey]) -> Result<Holder, Refusal> {
        read_phone(&self.certificate, self.phone_extension, keys)
    }

    /// The subject's common name, if it has exactly one.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The subject's organisation, the brand of cards, if it has exactly one.
    pub fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the holder's identity, whatever certificate is shown.
    pub const fn key_sha256(&self) -> &[u8; 32] {
        &self.key_sha256
    }

    /// The serial number, big-endian, as it stands in the certificate.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The last second in which the certificate is valid.
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// What is encrypted to its holder with, if its key is for that: [`RecipientCertificate::new`].
    pub const fn recipient(&self) -> Option<&RecipientCertificate> {
        self.recipient.as_ref()
    }

    /// The chain that was presented, the certificate first: it can be verified again later, when more may be revoked.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The certificate.
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }
}

/// Without the certificate, which may hold a number in clear.
impl fmt::Debug for VerifiedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedCertificate")
            .field("role", &self.role)
            .field("common_name", &self.common_name)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

/// The anchor, and whether its key may sign revocation lists.
fn anchor(authority: &Certificate) -> Result<(TrustAnchor<'static>, bool), Error> {
    let parsed = certificate::parse(authority.der()).map_err(|_| Error::MalformedCertificate)?;
    certificate::authority_path_length(&parsed)?;
    let anchor = webpki::anchor_from_trusted_cert(authority.der())
        .map_err(|_| Error::MalformedCertificate)?;
    Ok((anchor.to_owned(), certificate::may_sign_lists(&parsed)))
}

/// The purpose must stand there by name: a certificate for any purpose was not issued to pay with. A key usage, if there is
/// one, must permit what the role's key does: signing, which TLS 1.3 has both sides do, or having keys sent to it. Those who
/// have a key for each must say which one it is: what is signed must not be what is decrypted.
fn check_role(certificate: &X509Certificate<'_>, role: EndEntityKind) -> Result<(), Refusal> {
    let extended = certificate.extended_key_usage().map_err(|_| Refusal::Malformed)?;
    let usage = certificate.key_usage().map_err(|_| Refusal::Malformed)?;
    let named = extended.is_some_and(|extended| role.purpose().is_named_in(extended.value));
    let fits = match usage.map(|usage| usage.value) {
        None => !role.has_key_for_each_use(),
        Some(usage) => {
            let exchanges = usage.key_agreement() || usage.key_encipherment();
            let (does, does_other) = match role.key_use() {
                KeyUse::Signature => (usage.digital_signature(), exchanges),
                KeyUse::KeyExchange => {
                    (exchanges, usage.digital_signature() || usage.non_repudiation())
                }
            };
            does && !(does_other && role.has_key_for_each_use())
        }
    };
    if named && fits { Ok(()) } else { Err(Refusal::WrongUsage) }
}

/// The text of an attribute that a name has exactly once.
fn only<'a>(mut names: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Option<String> {
    match (names.next(), names.next()) {
        (Some(name), None) => name.as_str().ok().map(str::to_owned),
        _ => None,
    }
}

fn refusal_of(error: webpki::Error) -> Refusal {
    use webpki::Error as Webpki;
    match error {
        Webpki::BadDer
        | Webpki::BadDerTime
        | Webpki::ExtensionValueInvalid
        | Webpki::InvalidCertValidity
        | Webpki::InvalidSerialNumber
        | Webpki::MalformedExtensions
        | Webpki::SignatureAlgorithmMismatch
        | Webpki::TrailingData(_)
        | Webpki::UnsupportedCertVersion => Refusal::Malformed,
        Webpki::UnsupportedCriticalExtension => Refusal::UnknownCriticalExtension,
        Webpki::CertExpired { .. } => Refusal::Expired,
        Webpki::CertNotValidYet { .. } => Refusal::NotYetValid,
        Webpki::CaUsedAsEndEntity => Refusal::AuthorityAsClient,
        Webpki::EndEntityUsedAsCa => Refusal::IssuerNotAuthority,
        Webpki::PathLenConstraintViolated | Webpki::MaximumPathDepthExceeded => {
            Refusal::PathTooLong
        }
        Webpki::RequiredEkuNotFoundContext(_) | Webpki::EmptyEkuExtension => Refusal::WrongUsage,
        Webpki::UnknownIssuer => Refusal::UnknownAuthority,
        Webpki::InvalidSignatureForPublicKey => Refusal::BadSignature,
        Webpki::UnsupportedSignatureAlgorithmContext(_)
        | Webpki::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            Refusal::UnsupportedAlgorithm
        }
        Webpki::NameConstraintViolation => Refusal::NameNotPermitted,
        // Limits on complexity, and causes that later versions of the library may add.
        _ => Refusal::NotValidated,
    }
}
