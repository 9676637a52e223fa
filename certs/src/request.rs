//! Requests for certificates: PKCS#10 (RFC 2986), as OpenSSL, browsers' tools and devices make them.
//!
//! A request proves that its sender has the private key, and tells names that it would like. What stands in the
//! certificate is for the authority to decide.

use std::net::IpAddr;

use der::{
    Decode as _, Encode as _, Header, Reader as _, Sequence, SliceReader, Tag, Tagged as _,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier},
};
use x509_parser::{
    asn1_rs::Oid,
    certification_request::X509CertificationRequestInfo,
    cri_attributes::ParsedCriAttribute,
    extensions::{GeneralName, ParsedExtension},
    oid_registry::{
        OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
        OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384,
    },
    prelude::FromDer as _,
};

use crate::{certificate::address, error::Error, key::PublicKey, pem, signature::SignerKey};

/// Their names, for those who sent another.
const SIGNATURE_NAMES: &str =
    "ECDSA with SHA-256 or SHA-384, RSA PKCS #1 v1.5 with SHA-256, SHA-384 or SHA-512";
/// RSA and ECDSA with SHA-256 and longer.
const SIGNATURES: [Oid<'_>; 5] = [
    OID_PKCS1_SHA256WITHRSA,
    OID_PKCS1_SHA384WITHRSA,
    OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384,
];
/// `[0] IMPLICIT Attributes`, empty.
const NO_ATTRIBUTES: [u8; 2] = [0xa0, 0];
/// The largest request that is read.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// A request whose signature was made with the key that it is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    key: PublicKey,
    common_name: Option<String>,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
}

impl Request {
    /// A request from a file's content: DER, or PEM as other programs write it.
    ///
    /// # Errors
    /// [`Error::MalformedRequest`], [`Error::UnexpectedPem`], [`Error::SeveralInFile`], and as [`Request::from_der`].
    pub fn from_file(content: &[u8]) -> Result<Self, Error> {
        if content.len() > MAX_REQUEST_BYTES {
            return Err(Error::MalformedRequest);
        }
        Self::from_der(&pem::read_one(content, &pem::REQUEST)?)
    }

    /// A request from its DER.
    ///
    /// # Errors
    /// [`Error::MalformedRequest`], [`Error::KeyNotAllowed`], [`Error::SignatureAlgorithm`], [`Error::RequestSignature`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        if der.len() > MAX_REQUEST_BYTES {
            return Err(Error::MalformedRequest);
        }
        let parts = CertificationRequest::from_der(der).map_err(|_| Error::MalformedRequest)?;
        let read = parts.info().ok_or(Error::MalformedRequest)?;
        let Ok(([], info)) = X509CertificationRequestInfo::from_der(&read) else {
            return Err(Error::MalformedRequest);
        };
        let key = PublicKey::from_spki(info.subject_pki.raw)?;
        if !parts.is_signed_with(info.subject_pki.raw)? {
            return Err(Error::RequestSignature);
        }
        let mut names = info.subject.iter_common_name();
        let common_name = match (names.next(), names.next()) {
            (Some(name), None) => name.as_str().ok().map(str::to_owned),
            _ => None,
        };
        let mut read = Self { key, common_name, dns_names: Vec::new(), ip_addresses: Vec::new() };
        for attribute in info.iter_attributes() {
            let ParsedCriAttribute::ExtensionRequest(requested) = attribute.parsed_attribute()
            else {
                continue;
            };
            for extension in &requested.extensions {
                if let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension()
                {
                    names.general_names.iter().for_each(|name| read.add(name));
                }
            }
        }
        Ok(read)
    }

    /// Names of servers are taken up; a number in a request was not proved, and is not.
    fn add(&mut self, name: &GeneralName<'_>) {
        match name {
            GeneralName::DNSName(name) => self.dns_names.push((*name).to_owned()),
            GeneralName::IPAddress(octets) => self.ip_addresses.extend(address(octets)),
            _ => {}
        }
    }

    /// The key that it is for.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The common name that it would like, if it has exactly one.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The DNS names that it would like.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// The addresses that it would like.
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.ip_addresses
    }
}

/// CertificationRequest (RFC 2986 section 4.2).
#[derive(Sequence)]
struct CertificationRequest<'a> {
    info: AnyRef<'a>,
    algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
}

impl CertificationRequest<'_> {
    /// What was signed, with the attributes that must stand in it (RFC 2986 section 4.1) even if there are none: some
    /// programs leave them off.
    fn info(&self) -> Option<Vec<u8>> {
        if self.info.tag() != Tag::Sequence {
            return None;
        }
        let content = self.info.value();
        let mut reader = SliceReader::new(content).ok()?;
        for _ in ["version", "subject", "subjectPKInfo"] {
            let _: AnyRef<'_> = reader.decode().ok()?;
        }
        if !reader.is_finished() {
            return self.info.to_der().ok();
        }
        let content = [content, &NO_ATTRIBUTES].concat();
        let length = content.len().try_into().ok()?;
        let mut info = Header::new(Tag::Sequence, length).to_der().ok()?;
        info.extend(content);
        Some(info)
    }

    fn is_signed_with(&self, key: &[u8]) -> Result<bool, Error> {
        let malformed = |_| Error::MalformedRequest;
        let algorithm = self.algorithm.value();
        let mut reader = SliceReader::new(algorithm).map_err(malformed)?;
        let named: ObjectIdentifier = reader.decode().map_err(malformed)?;
        if !SIGNATURES.iter().any(|known| known.as_bytes() == named.as_bytes()) {
            return Err(Error::SignatureAlgorithm(SIGNATURE_NAMES));
        }
        let signed = self.info.to_der().map_err(malformed)?;
        let signature = self.signature.as_bytes().ok_or(Error::MalformedRequest)?;
        let key = SignerKey::from_spki(key);
        Ok(key.is_some_and(|key| key.verify(algorithm, &signed, signature).is_ok()))
    }
}
