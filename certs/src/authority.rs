//! Authorities: a root, and the issuing authority that it makes.

use std::fmt;

use rcgen::{BasicConstraints, CertificateParams, Issuer};

use crate::{
    certificate::{self, Certificate, KeyPair, PublicKey, Validity},
    error::Error,
    extension::PhoneExtension,
    profile::{self, Profile},
};

/// A certification authority: a certificate that may sign certificates, and its key.
///
/// Patent: *gestionnaire de certification*; the root is the *autorité suprême*.
pub struct Authority {
    certificate: Certificate,
    key: KeyPair,
    validity: Validity,
    makes_authorities: bool,
    phone_extension: PhoneExtension,
}

impl Authority {
    /// A new root: it signs itself, and its certificate is the trust anchor.
    ///
    /// # Errors
    /// [`Error::InvalidCommonName`], [`Error::Failed`].
    pub fn root(common_name: &str, validity: Validity) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let params = profile::authority(common_name, validity, BasicConstraints::Unconstrained)?;
        let certificate = params.self_signed(key.signer()).map_err(|_| SIGNING)?;
        Self::new(Certificate::from_der(certificate.into())?, key)
    }

    /// A new issuing authority under this root. It signs end entities only (path length 0).
    ///
    /// # Errors
    /// [`Error::MayNotMakeAuthorities`], [`Error::OutsideAuthorityValidity`], [`Error::InvalidCommonName`],
    /// [`Error::Failed`].
    pub fn issuing(&self, common_name: &str, validity: Validity) -> Result<Self, Error> {
        if !self.makes_authorities {
            return Err(Error::MayNotMakeAuthorities);
        }
        let key = KeyPair::generate()?;
        let params = profile::authority(common_name, validity, BasicConstraints::Constrained(0))?;
        let certificate = self.sign(&params, key.public_key(), validity)?;
        Ok(Self::new(certificate, key)?.with_phone_extension(self.phone_extension))
    }

    /// An authority from what [`Authority::certificate`] and [`Authority::key`] were saved as.
    ///
    /// # Errors
    /// [`Error::MalformedCertificate`], [`Error::MalformedKey`], [`Error::NotAnAuthority`], [`Error::KeyMismatch`].
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, Error> {
        Self::new(Certificate::from_pem(certificate)?, KeyPair::from_pem(key)?)
    }

    fn new(certificate: Certificate, key: KeyPair) -> Result<Self, Error> {
        let parsed =
            certificate::parse(certificate.der()).map_err(|_| Error::MalformedCertificate)?;
        let path_length = certificate::authority_path_length(&parsed)?;
        if certificate::key_hash(&parsed) != key.public_key().sha256() {
            return Err(Error::KeyMismatch);
        }
        let validity = Validity::of(&parsed).map_err(|_| Error::MalformedCertificate)?;
        Ok(Self {
            certificate,
            key,
            validity,
            makes_authorities: path_length != Some(0),
            phone_extension: PhoneExtension::default(),
        })
    }

    /// The same authority with its own extension for encrypted numbers.
    #[must_use]
    pub fn with_phone_extension(mut self, extension: PhoneExtension) -> Self {
        self.phone_extension = extension;
        self
    }

    /// Issues a certificate for the key.
    ///
    /// That the subject has the private key and, for a phone, has proved the number, is for the caller to know.
    ///
    /// # Errors
    /// [`Error::OutsideAuthorityValidity`], and what the profile's own fields can be wrong in.
    pub fn issue(
        &self,
        profile: &Profile<'_>,
        subject_key: &PublicKey,
        validity: Validity,
    ) -> Result<Certificate, Error> {
        let params = profile::end_entity(profile, subject_key, validity, self.phone_extension)?;
        self.sign(&params, subject_key, validity)
    }

    fn sign(
        &self,
        params: &CertificateParams,
        subject_key: &PublicKey,
        validity: Validity,
    ) -> Result<Certificate, Error> {
        if !self.validity.contains(&validity) {
            return Err(Error::OutsideAuthorityValidity);
        }
        let issuer = Issuer::from_ca_cert_der(self.certificate.der(), self.key.signer())
            .map_err(|_| Error::MalformedCertificate)?;
        let certificate = params
            .signed_by(subject_key.subject(), &issuer)
            .map_err(|_| SIGNING)?;
        Certificate::from_der(certificate.into())
    }

    /// The authority's own certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The authority's key.
    pub const fn key(&self) -> &KeyPair {
        &self.key
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

const SIGNING: Error = Error::Failed("signing a certificate");
