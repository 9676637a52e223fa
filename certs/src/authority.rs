//! Authorities: a root, those below it, and what they issue.

use std::fmt;

use rcgen::{CertificateParams, Issuer};
use x509_parser::certificate::X509Certificate;

use crate::{
    certificate::{self, Certificate, Validity},
    domains::Limits,
    error::Error,
    extension::PhoneExtension,
    key::{KeyPair, PublicKey, RcgenSigner, SigningKey},
    kind::{AuthorityKind, EndEntityKind, Purpose},
    profile::{self, AuthorityProfile, Frame, Profile},
    revocation_list::{RevocationList, Revoked},
    serial::Serial,
};

const SIGNING: Error = Error::Failed("signing a certificate");

/// A certification authority: a certificate that may sign certificates, and its key.
///
/// Patent: *gestionnaire de certification*.
///
/// Its key is in memory, or wherever a [`SigningKey`] of another kind has it.
pub struct Authority<K = KeyPair> {
    certificate: Certificate,
    key: K,
    validity: Validity,
    path_length: Option<u32>,
    /// What those that it issues to may do; anything when there is none.
    purposes: Option<Vec<Purpose>>,
    limits: Limits,
    organization: Option<String>,
    country: Option<String>,
    phone_extension: PhoneExtension,
    asserts_numbers: bool,
    revocation_list_url: Option<String>,
}

impl Authority {
    /// A new root with a P-256 key, a common name and nothing else: it signs itself, and its certificate is the trust
    /// anchor.
    ///
    /// # Errors
    /// As [`Authority::new_root`].
    pub fn root(common_name: &str, validity: Validity) -> Result<Self, Error> {
        let profile = AuthorityProfile::new(AuthorityKind::Root, common_name);
        Self::new_root(&profile, KeyPair::generate()?, validity, Serial::random()?)
    }

    /// An authority from what [`Authority::certificate`] and [`Authority::key`] were saved as.
    ///
    /// # Errors
    /// As [`Authority::new`], and [`Error::MalformedKey`].
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, Error> {
        Self::new(Certificate::from_pem(certificate)?, KeyPair::from_pem(key)?)
    }
}

impl<K: SigningKey> Authority<K> {
    /// A new root that signs itself with that key.
    ///
    /// # Errors
    /// [`Error::InvalidCommonName`], [`Error::InvalidCountry`], [`Error::LifetimeTooLong`], [`Error::Failed`].
    pub fn new_root(
        profile: &AuthorityProfile<'_>,
        key: K,
        validity: Validity,
        serial: Serial,
    ) -> Result<Self, Error> {
        let frame = Frame {
            validity,
            serial,
            revocation_list_url: None,
            organization: profile.organization,
            country: profile.country,
            phone_extension: PhoneExtension::default(),
            asserts_numbers: false,
        };
        let params = profile::authority(profile, &frame)?;
        let certificate = params.self_signed(&RcgenSigner(&key)).map_err(|_| SIGNING)?;
        Self::new(Certificate::from_der(certificate.into())?, key)
    }

    /// A new authority under this one, with a P-256 key, that issues to end entities of every kind.
    ///
    /// # Errors
    /// As [`Authority::certify`].
    pub fn issuing(&self, common_name: &str, validity: Validity) -> Result<Authority, Error> {
        let profile = AuthorityProfile::new(AuthorityKind::Issuing, common_name);
        let key = KeyPair::generate()?;
        let certificate = self.certify(&profile, key.public_key(), validity, Serial::random()?)?;
        Ok(Authority::new(certificate, key)?.with_phone_extension(self.phone_extension))
    }

    /// Certifies an authority that has its key elsewhere.
    ///
    /// # Errors
    /// [`Error::MayNotMakeAuthorities`], [`Error::OutsideAuthorityValidity`], [`Error::LifetimeTooLong`],
    /// [`Error::InvalidCommonName`], [`Error::InvalidCountry`], [`Error::InvalidDnsName`], [`Error::NameOutsideDomains`],
    /// [`Error::InvalidRevocationListUrl`], [`Error::Failed`].
    pub fn certify(
        &self,
        profile: &AuthorityProfile<'_>,
        key: &PublicKey,
        validity: Validity,
        serial: Serial,
    ) -> Result<Certificate, Error> {
        let params = self.authority_params(profile, validity, serial)?;
        self.sign(&params, key)
    }

    /// Refuses what [`Authority::certify`] would refuse, and signs nothing.
    ///
    /// # Errors
    /// As [`Authority::certify`].
    pub fn check_certify(
        &self,
        profile: &AuthorityProfile<'_>,
        validity: Validity,
    ) -> Result<(), Error> {
        self.authority_params(profile, validity, Serial::random()?).map(drop)
    }

    fn authority_params(
        &self,
        profile: &AuthorityProfile<'_>,
        validity: Validity,
        serial: Serial,
    ) -> Result<CertificateParams, Error> {
        // A root signs itself.
        let below = profile.kind.path_length().ok_or(Error::MayNotMakeAuthorities)?;
        if self.path_length.is_some_and(|length| length <= u32::from(below)) {
            return Err(Error::MayNotMakeAuthorities);
        }
        self.limits.check_domains(profile.dns_domains)?;
        let mut frame = self.frame(validity, serial);
        frame.organization = profile.organization.or(frame.organization);
        frame.country = profile.country.or(frame.country);
        let params = profile::authority(profile, &frame)?;
        self.check_validity(validity)?;
        Ok(params)
    }

    /// An authority from its certificate and key.
    ///
    /// # Errors
    /// [`Error::MalformedCertificate`], [`Error::NotAnAuthority`], [`Error::AuthorityName`], [`Error::KeyMismatch`].
    pub fn new(certificate: Certificate, key: K) -> Result<Self, Error> {
        let parsed =
            certificate::parse(certificate.der()).map_err(|_| Error::MalformedCertificate)?;
        let path_length = certificate::authority_path_length(&parsed)?;
        if !certificate::subject_can_be_issuer(&parsed) {
            return Err(Error::AuthorityName);
        }
        if certificate::key_hash(&parsed) != key.public_key().sha256() {
            return Err(Error::KeyMismatch);
        }
        let validity = Validity::of(&parsed).map_err(|_| Error::MalformedCertificate)?;
        let text = |attribute: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
            attribute.and_then(|attribute| attribute.as_str().ok().map(str::to_owned))
        };
        let organization = text(parsed.subject().iter_organization().next());
        let country = text(parsed.subject().iter_country().next());
        let purposes = purposes(&parsed)?;
        let limits = Limits::of(&parsed)?;
        Ok(Self {
            certificate,
            key,
            validity,
            path_length,
            purposes,
            limits,
            organization,
            country,
            phone_extension: PhoneExtension::default(),
            asserts_numbers: false,
            revocation_list_url: None,
        })
    }

    /// The same authority, kept to what those above it permit, too.
    ///
    /// # Errors
    /// [`Error::MalformedCertificate`].
    pub fn below(mut self, above: &[Certificate]) -> Result<Self, Error> {
        for authority in above {
            let parsed =
                certificate::parse(authority.der()).map_err(|_| Error::MalformedCertificate)?;
            self.limits.below(&parsed)?;
        }
        Ok(self)
    }

    /// The same authority with its own extension for encrypted numbers.
    #[must_use]
    pub const fn with_phone_extension(mut self, extension: PhoneExtension) -> Self {
        self.phone_extension = extension;
        self
    }

    /// The same authority, which has the right to assert numbers: those in clear stand in a TNAuthList, too (RFC 8226). An
    /// operator has it for its own numbers, and can sell it.
    #[must_use]
    pub const fn asserting_numbers(mut self, asserts: bool) -> Self {
        self.asserts_numbers = asserts;
        self
    }

    /// The same authority, whose certificates say where its revocation list is (RFC 5280 section 4.2.1.13).
    ///
    /// # Errors
    /// [`Error::InvalidRevocationListUrl`].
    pub fn with_revocation_list_url(mut self, url: Option<String>) -> Result<Self, Error> {
        url.as_deref().map_or(Ok(()), profile::check_revocation_list_url)?;
        self.revocation_list_url = url;
        Ok(self)
    }

    /// Issues a certificate for the key, with a serial number of its own.
    ///
    /// # Errors
    /// As [`Authority::issue_numbered`].
    pub fn issue(
        &self,
        profile: &Profile<'_>,
        subject_key: &PublicKey,
        validity: Validity,
    ) -> Result<Certificate, Error> {
        self.issue_numbered(profile, subject_key, validity, Serial::random()?)
    }

    /// Issues a certificate for the key. It bears this authority's organisation and country.
    ///
    /// That the subject has the private key and, for a phone, has proved the number, is for the caller to know.
    ///
    /// # Errors
    /// [`Error::OutsideAuthorityValidity`], [`Error::MayNotIssue`], [`Error::LifetimeTooLong`],
    /// [`Error::CommonNameOutsideDomains`], [`Error::NameOutsideDomains`], and what the profile's own fields can be wrong in.
    pub fn issue_numbered(
        &self,
        profile: &Profile<'_>,
        subject_key: &PublicKey,
        validity: Validity,
        serial: Serial,
    ) -> Result<Certificate, Error> {
        let params = self.end_entity_params(profile, subject_key, validity, serial)?;
        self.sign(&params, subject_key)
    }

    /// Refuses what [`Authority::issue`] would refuse, and signs nothing.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub fn check(
        &self,
        profile: &Profile<'_>,
        subject_key: &PublicKey,
        validity: Validity,
    ) -> Result<(), Error> {
        self.end_entity_params(profile, subject_key, validity, Serial::random()?).map(drop)
    }

    fn end_entity_params(
        &self,
        profile: &Profile<'_>,
        subject_key: &PublicKey,
        validity: Validity,
        serial: Serial,
    ) -> Result<CertificateParams, Error> {
        if !self.permits(profile.kind()) {
            return Err(Error::MayNotIssue);
        }
        if !profile.has_dns_name() {
            self.check_common_name(profile.common_name())?;
        }
        if let Profile::TlsServer { dns_names, ip_addresses, .. } = profile {
            self.limits.check_server(dns_names, ip_addresses)?;
        }
        let params = profile::end_entity(profile, subject_key, &self.frame(validity, serial))?;
        self.check_validity(validity)?;
        Ok(params)
    }

    fn check_validity(&self, validity: Validity) -> Result<(), Error> {
        match self.validity.contains(&validity) {
            true => Ok(()),
            false => Err(Error::OutsideAuthorityValidity),
        }
    }

    /// The list of what this authority has revoked (RFC 5280 section 5): complete, valid for that time.
    ///
    /// # Errors
    /// [`Error::InvalidValidity`], [`Error::Failed`].
    pub fn revocation_list(
        &self,
        revoked: &[Revoked],
        number: u64,
        validity: Validity,
    ) -> Result<RevocationList, Error> {
        RevocationList::sign(revoked, number, validity, &self.issuer()?)
    }

    fn frame(&self, validity: Validity, serial: Serial) -> Frame<'_> {
        Frame {
            validity,
            serial,
            revocation_list_url: self.revocation_list_url.as_deref(),
            organization: self.organization.as_deref(),
            country: self.country.as_deref(),
            phone_extension: self.phone_extension,
            asserts_numbers: self.asserts_numbers,
        }
    }

    fn sign(
        &self,
        params: &CertificateParams,
        subject_key: &PublicKey,
    ) -> Result<Certificate, Error> {
        let certificate =
            params.signed_by(subject_key.subject(), &self.issuer()?).map_err(|_| SIGNING)?;
        Certificate::from_der(certificate.into())
    }

    fn issuer(&self) -> Result<Issuer<'_, RcgenSigner<'_>>, Error> {
        Issuer::from_ca_cert_der(self.certificate.der(), RcgenSigner(&self.key))
            .map_err(|_| Error::MalformedCertificate)
    }

    /// Whether its own certificate lets it issue those: authorities for people issue to no server.
    pub fn permits(&self, kind: EndEntityKind) -> bool {
        self.purposes.as_ref().is_none_or(|purposes| purposes.contains(&kind.purpose()))
    }

    /// Whether a certificate without a DNS name may have this common name.
    ///
    /// # Errors
    /// [`Error::CommonNameOutsideDomains`].
    pub fn check_common_name(&self, name: &str) -> Result<(), Error> {
        self.limits.check_common_name(name)
    }

    /// The authority's own certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The authority's key.
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// When the authority's certificate is valid; what it issues must lie within.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The same authority, wherever its key is.
    pub fn boxed(self) -> Authority<Box<dyn SigningKey>>
    where
        K: 'static,
    {
        Authority {
            certificate: self.certificate,
            key: Box::new(self.key),
            validity: self.validity,
            path_length: self.path_length,
            purposes: self.purposes,
            limits: self.limits,
            organization: self.organization,
            country: self.country,
            phone_extension: self.phone_extension,
            asserts_numbers: self.asserts_numbers,
            revocation_list_url: self.revocation_list_url,
        }
    }
}

impl<K> fmt::Debug for Authority<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("validity", &self.validity).finish_non_exhaustive()
    }
}

/// What an authority's certificate permits, of what is issued here; `None`: anything.
fn purposes(certificate: &X509Certificate<'_>) -> Result<Option<Vec<Purpose>>, Error> {
    let extended = certificate.extended_key_usage().map_err(|_| Error::MalformedCertificate)?;
    let extended = extended.map(|extended| extended.value).filter(|extended| !extended.any);
    Ok(extended.map(|extended| {
        let named = Purpose::ALL.into_iter().filter(|purpose| purpose.is_named_in(extended));
        named.collect()
    }))
}
