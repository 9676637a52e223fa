//! SignedData (RFC 5652 section 5): one signer, ECDSA on P-256 or RSA, SHA-256, content inside or beside it.
//!
//! ```text
//! ContentInfo { signedData,
//!     SignedData { version 1 (3 when the content is not id-data),
//!         { SHA-256 },
//!         { content type, content if attached },
//!         [0] { the signer's certificate and those above it },
//!         { SignerInfo { 1, issuer and serial number, SHA-256,
//!             [0] { contentType, messageDigest, signingTime, signingCertificateV2 },
//!             ecdsa-with-SHA256 | sha256WithRSAEncryption, signature } } } }
//! ```
//!
//! What is read is strict DER and nothing else: one signer, signed attributes, no unsigned ones. Other signed attributes
//! are permitted, as OpenSSL adds some. Whether the signer is to be trusted is not asked here: see
//! [`TrustAnchors::verify_signed`](crate::TrustAnchors::verify_signed).

use std::time::Duration;

use der::{
    Any, AnyRef, Decode as _, Encode as _, Reader as _, Sequence, Tagged as _,
    asn1::{GeneralizedTime, ObjectIdentifier, OctetString, SetOfVec, UtcTime},
};
use rustls_pki_types::{UnixTime, alg_id};
use x509_cert::{spki::AlgorithmIdentifierOwned, time::Time};

use super::{ContentType, ID_SHA256, Shape, is_sha256, shape_of};
use crate::{
    certificate::{Certificate, sha256, unix_time},
    error::{Error, SignedFault},
    key::{PublicKeyKind, SigningKey},
    signature::SignerKey,
};

/// The largest message that is read, its content included.
pub const MAX_SIGNED_BYTES: usize = 256 * 1024;
/// The most certificates that one brings.
const MAX_CERTIFICATES: usize = 8;
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ID_CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const ID_MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const ID_SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
/// RFC 5035 section 3.
const ID_SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const ID_ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ID_SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
/// As OpenSSL names RSA signatures; the digest says the rest (RFC 5754 section 3.2).
const ID_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const VERSION_OF_OTHERS: u8 = 3;

/// The signer: a certificate and its key.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The certificate of the key.
    pub certificate: &'a Certificate,
    /// The one to be certified.
    pub key: &'a dyn SigningKey,
    /// The certificates above it that are sent along.
    pub above: &'a [Certificate],
}

/// Where the signed content is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// In the message.
    Attached,
    /// Beside it.
    Detached,
}

/// A message whose signature is right. Whether its signer is to be trusted is another question.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What was signed.
    pub content: Vec<u8>,
    /// The signer's certificate first, then the others that came along.
    pub chain: Vec<Certificate>,
    /// When the signer says it was signed.
    pub signed_at: Option<UnixTime>,
}

/// Signs content of that type at that time.
///
/// # Errors
/// [`Error::KeyMismatch`] when the key is not the certificate's; [`Error::MalformedCertificate`], [`Error::Failed`].
pub fn sign(
    content: &[u8],
    content_type: ContentType,
    form: Form,
    signer: &Signer<'_>,
    at: UnixTime,
) -> Result<Vec<u8>, Error> {
    let Signer { certificate, key, above } = *signer;
    if certificate.key_sha256() != key.public_key().sha256() {
        return Err(Error::KeyMismatch);
    }
    let encoding = |_: der::Error| Error::Failed("encoding a signed message");
    let attributes = signed_attributes(content, content_type, certificate, at).map_err(encoding)?;
    let signature = key.sign(&attributes.to_der().map_err(encoding)?)?;
    let kind = key.public_key().kind();
    let sid = issuer_and_serial(certificate)?;
    let build = || {
        let signer_info = SignerInfo {
            version: 1,
            sid,
            digest_algorithm: sha256_algorithm(),
            signed_attributes: Some(attributes),
            signature_algorithm: signature_algorithm(kind),
            signature: OctetString::new(signature)?,
            unsigned_attributes: None,
        };
        let certificates = [certificate].into_iter().chain(above);
        let certificates = certificates.map(|certificate| Any::from_der(certificate.der()));
        let attached = match form {
            Form::Attached => Some(OctetString::new(content)?),
            Form::Detached => None,
        };
        let signed = SignedData {
            version: version_for(content_type),
            digest_algorithms: vec![Any::encode_from(&sha256_algorithm())?].try_into()?,
            content: EncapsulatedContent { content_type: content_type.0, content: attached },
            certificates: Some(certificates.collect::<der::Result<Vec<_>>>()?.try_into()?),
            lists: None,
            signers: vec![Any::encode_from(&signer_info)?].try_into()?,
        };
        ContentInfo { content_type: ID_SIGNED_DATA, content: signed }.to_der()
    };
    build().map_err(encoding)
}

/// Checks the signature of a message over content of that type: what is in it, or what is beside it (`detached`). The
/// signer's certificate is looked for in the message, and among those that are known.
///
/// # Errors
/// [`SignedFault`].
pub fn verify(
    message: &[u8],
    content_type: ContentType,
    detached: Option<&[u8]>,
    known: &[Certificate],
) -> Result<Signed, SignedFault> {
    let signed = decode(message)?;
    if signed.content.content_type != content_type.0 {
        return Err(SignedFault::InnerType);
    }
    if signed.version != version_for(content_type) && signed.version != VERSION_OF_OTHERS {
        return Err(SignedFault::Version);
    }
    let content = match (&signed.content.content, detached) {
        (Some(attached), None) => attached.as_bytes(),
        (None, Some(detached)) => detached,
        (Some(_), Some(_)) | (None, None) => return Err(SignedFault::Content),
    };
    let [digest] = signed.digest_algorithms.as_slice() else {
        return Err(SignedFault::DigestAlgorithm);
    };
    if !digest.decode_as().is_ok_and(|digest| is_sha256(&digest)) {
        return Err(SignedFault::DigestAlgorithm);
    }
    if signed.lists.is_some() {
        return Err(SignedFault::Attributes);
    }
    let brought = certificates(signed.certificates.as_ref())?;
    let [signer_info] = signed.signers.as_slice() else {
        return Err(SignedFault::SignerCount);
    };
    let signer_info: SignerInfo = signer_info.decode_as().map_err(|_| SignedFault::Malformed)?;
    let signer = signer_info.find(brought.iter().chain(known))?.clone();
    let signed_at = signer_info.check(content, content_type, &signer)?;
    let others = brought.into_iter().filter(|certificate| *certificate != signer);
    let chain = [signer.clone()].into_iter().chain(others).collect();
    Ok(Signed { content: content.to_vec(), chain, signed_at })
}

/// Certificates in one message without a signature ("certs-only", RFC 5751 section 3.8), as EST hands them out.
///
/// # Errors
/// [`Error::Failed`].
pub fn to_certs_only(certificates: &[Certificate]) -> Result<Vec<u8>, Error> {
    let encode = || {
        let certificates = certificates.iter();
        let certificates = certificates.map(|certificate| Any::from_der(certificate.der()));
        let content = SignedData {
            version: 1,
            digest_algorithms: SetOfVec::new(),
            content: EncapsulatedContent { content_type: ContentType::DATA.0, content: None },
            certificates: Some(certificates.collect::<der::Result<Vec<_>>>()?.try_into()?),
            lists: None,
            signers: SetOfVec::new(),
        };
        ContentInfo { content_type: ID_SIGNED_DATA, content }.to_der()
    };
    encode().map_err(|_: der::Error| Error::Failed("encoding certificates"))
}

#[derive(Sequence)]
struct ContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: SignedData,
}

/// What is in a set stays as it is encoded, so that the set has the order of the encodings (X.690 section 11.6).
#[derive(Sequence)]
struct SignedData {
    version: u8,
    digest_algorithms: SetOfVec<Any>,
    content: EncapsulatedContent,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    certificates: Option<SetOfVec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    lists: Option<SetOfVec<Any>>,
    signers: SetOfVec<Any>,
}

#[derive(Sequence)]
struct EncapsulatedContent {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    content: Option<OctetString>,
}

#[derive(Sequence)]
struct SignerInfo {
    version: u8,
    /// IssuerAndSerialNumber, or `[0]` a subject key identifier.
    sid: Any,
    digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    signed_attributes: Option<SetOfVec<Any>>,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    unsigned_attributes: Option<SetOfVec<Any>>,
}

#[derive(Sequence)]
struct IssuerAndSerialNumber {
    issuer: Any,
    serial_number: Any,
}

#[derive(Sequence)]
struct Attribute {
    kind: ObjectIdentifier,
    values: SetOfVec<Any>,
}

/// SigningCertificateV2 (RFC 5035 section 3), without policies.
#[derive(Sequence)]
struct SigningCertificate {
    certificates: Vec<CertificateId>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

#[derive(Sequence)]
struct CertificateId {
    /// SHA-256 when it is absent.
    #[asn1(optional = "true")]
    hash_algorithm: Option<AlgorithmIdentifierOwned>,
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

fn decode(message: &[u8]) -> Result<SignedData, SignedFault> {
    if message.len() > MAX_SIGNED_BYTES {
        return Err(SignedFault::TooLarge);
    }
    let fault = |error: der::Error| SignedFault::from(shape_of(&error));
    let outer = AnyRef::from_der(message).map_err(fault)?;
    let named: ObjectIdentifier = outer
        .sequence(|reader| {
            let kind = reader.decode()?;
            // The rest is read below.
            let _: AnyRef<'_> = reader.decode()?;
            Ok(kind)
        })
        .map_err(fault)?;
    if named != ID_SIGNED_DATA {
        return Err(SignedFault::ContentType);
    }
    let read = ContentInfo::from_der(message).map_err(fault)?;
    // The decoder sorts sets where it should refuse them; encoding again shows it.
    if read.to_der().map_err(fault)? != message {
        return Err(SignedFault::from(Shape::NotDer));
    }
    Ok(read.content)
}

fn certificates(set: Option<&SetOfVec<Any>>) -> Result<Vec<Certificate>, SignedFault> {
    let certificates = set.map(SetOfVec::as_slice).unwrap_or_default();
    if certificates.len() > MAX_CERTIFICATES {
        return Err(SignedFault::Certificate);
    }
    let read = |certificate: &Any| {
        let der = certificate.to_der().map_err(|_| SignedFault::Certificate)?;
        Certificate::from_der(der.into()).map_err(|_| SignedFault::Certificate)
    };
    certificates.iter().map(read).collect()
}

impl SignerInfo {
    /// The certificate that it names.
    fn find<'a>(
        &self,
        mut certificates: impl Iterator<Item = &'a Certificate>,
    ) -> Result<&'a Certificate, SignedFault> {
        let found = match self.version {
            1 => certificates.find(|certificate| {
                issuer_and_serial(certificate).is_ok_and(|names| names == self.sid)
            }),
            3 => {
                let key_id = key_identifier(&self.sid).ok_or(SignedFault::Malformed)?;
                certificates.find(|one| one.key_identifier() == Some(key_id))
            }
            _ => return Err(SignedFault::Version),
        };
        found.ok_or(SignedFault::UnknownSigner)
    }

    /// Checks attributes and signature, and tells when the signer says it was.
    fn check(
        &self,
        content: &[u8],
        content_type: ContentType,
        signer: &Certificate,
    ) -> Result<Option<UnixTime>, SignedFault> {
        if !is_sha256(&self.digest_algorithm) {
            return Err(SignedFault::DigestAlgorithm);
        }
        let set = self.signed_attributes.as_ref().ok_or(SignedFault::Attributes)?;
        if self.unsigned_attributes.is_some() {
            return Err(SignedFault::Attributes);
        }
        let attributes = Attributes::read(set)?;
        let named: ObjectIdentifier =
            attributes.get(ID_CONTENT_TYPE)?.ok_or(SignedFault::Attributes)?;
        let digest: OctetString =
            attributes.get(ID_MESSAGE_DIGEST)?.ok_or(SignedFault::Attributes)?;
        if named != content_type.0 {
            return Err(SignedFault::Attributes);
        }
        if digest.as_bytes() != sha256(content) {
            return Err(SignedFault::MessageDigest);
        }
        let signed_at: Option<Time> = attributes.get(ID_SIGNING_TIME)?;
        if let Some(named) = attributes.get::<SigningCertificate>(ID_SIGNING_CERTIFICATE_V2)?
            && !named.is(signer)
        {
            return Err(SignedFault::SigningCertificate);
        }
        self.check_signature(set, signer)?;
        Ok(signed_at.map(|time| unix_time(time.to_unix_duration().as_secs())))
    }

    /// The signature is over the set with its own tag, not with that of the field (RFC 5652 section 5.4).
    fn check_signature(
        &self,
        attributes: &SetOfVec<Any>,
        signer: &Certificate,
    ) -> Result<(), SignedFault> {
        let algorithm = if self.signature_algorithm.oid == ID_ECDSA_WITH_SHA256 {
            alg_id::ECDSA_SHA256
        } else if [ID_SHA256_WITH_RSA, ID_RSA].contains(&self.signature_algorithm.oid) {
            alg_id::RSA_PKCS1_SHA256
        } else {
            return Err(SignedFault::SignatureAlgorithm);
        };
        let message = attributes.to_der().map_err(|_| SignedFault::Malformed)?;
        SignerKey::from_spki(signer.key())
            .ok_or(SignedFault::Certificate)?
            .verify(algorithm.as_ref(), &message, self.signature.as_bytes())
            .map_err(|_| SignedFault::Signature)
    }
}

impl SigningCertificate {
    fn of(certificate: &Certificate) -> der::Result<Self> {
        let hash = OctetString::new(sha256(certificate.der()))?;
        let id = CertificateId { hash_algorithm: None, hash, issuer_serial: None };
        Ok(Self { certificates: vec![id], policies: None })
    }

    /// Whether the first that it names, which is the signer's, is that one.
    fn is(&self, certificate: &Certificate) -> bool {
        self.certificates.first().is_some_and(|first| {
            first.hash_algorithm.as_ref().is_none_or(is_sha256)
                && first.hash.as_bytes() == sha256(certificate.der())
        })
    }
}

/// Signed attributes, each kind once (RFC 5652 section 5.3).
struct Attributes(Vec<Attribute>);

impl Attributes {
    fn read(set: &SetOfVec<Any>) -> Result<Self, SignedFault> {
        let read = set.iter().map(|attribute| attribute.decode_as::<Attribute>());
        let attributes = read.collect::<der::Result<Vec<_>>>();
        let attributes = attributes.map_err(|_| SignedFault::Attributes)?;
        let is_twice =
            |one: &Attribute| attributes.iter().filter(|other| other.kind == one.kind).count() > 1;
        if attributes.iter().any(is_twice) {
            return Err(SignedFault::Attributes);
        }
        Ok(Self(attributes))
    }

    /// The one value of an attribute, if it is there.
    fn get<T>(&self, kind: ObjectIdentifier) -> Result<Option<T>, SignedFault>
    where
        T: for<'a> der::Decode<'a, Error = der::Error>,
    {
        let Some(found) = self.0.iter().find(|attribute| attribute.kind == kind) else {
            return Ok(None);
        };
        let [value] = found.values.as_slice() else {
            return Err(SignedFault::Attributes);
        };
        let value = value.to_der().and_then(|value| T::from_der(&value));
        value.map(Some).map_err(|_| SignedFault::Attributes)
    }
}

fn signed_attributes(
    content: &[u8],
    content_type: ContentType,
    certificate: &Certificate,
    at: UnixTime,
) -> der::Result<SetOfVec<Any>> {
    let attribute = |kind, value: Any| {
        let values = vec![value].try_into()?;
        Any::encode_from(&Attribute { kind, values })
    };
    let since_epoch = Duration::from_secs(at.as_secs());
    // RFC 5652 section 11.3: UTCTime through the year 2049.
    let at = match UtcTime::from_unix_duration(since_epoch) {
        Ok(time) => Time::UtcTime(time),
        Err(_) => Time::GeneralTime(GeneralizedTime::from_unix_duration(since_epoch)?),
    };
    let digest = OctetString::new(sha256(content))?;
    vec![
        attribute(ID_CONTENT_TYPE, Any::encode_from(&content_type.0)?)?,
        attribute(ID_MESSAGE_DIGEST, Any::encode_from(&digest)?)?,
        attribute(ID_SIGNING_TIME, Any::encode_from(&at)?)?,
        attribute(
            ID_SIGNING_CERTIFICATE_V2,
            Any::encode_from(&SigningCertificate::of(certificate)?)?,
        )?,
    ]
    .try_into()
}

fn issuer_and_serial(certificate: &Certificate) -> Result<Any, Error> {
    let build = || {
        Any::encode_from(&IssuerAndSerialNumber {
            issuer: Any::from_der(certificate.issuer())?,
            serial_number: Any::new(der::Tag::Integer, certificate.raw_serial())?,
        })
    };
    build().map_err(|_: der::Error| Error::MalformedCertificate)
}

/// The subject key identifier in `[0]`, implicitly tagged.
fn key_identifier(sid: &Any) -> Option<&[u8]> {
    let is_key_identifier =
        sid.tag() == der::Tag::ContextSpecific { constructed: false, number: der::TagNumber(0) };
    is_key_identifier.then(|| sid.value())
}

fn sha256_algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ID_SHA256, parameters: None }
}

fn signature_algorithm(kind: PublicKeyKind) -> AlgorithmIdentifierOwned {
    match kind {
        PublicKeyKind::Curve => {
            AlgorithmIdentifierOwned { oid: ID_ECDSA_WITH_SHA256, parameters: None }
        }
        PublicKeyKind::Rsa => {
            AlgorithmIdentifierOwned { oid: ID_SHA256_WITH_RSA, parameters: Some(Any::null()) }
        }
    }
}

/// RFC 5652 section 5.1: 3 for content that is not id-data, and where a signer is named by key identifier.
fn version_for(content_type: ContentType) -> u8 {
    if content_type == ContentType::DATA { 1 } else { VERSION_OF_OTHERS }
}
