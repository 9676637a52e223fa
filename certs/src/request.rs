//! Requests for certificates: PKCS#10 (RFC 2986), as OpenSSL, browsers' tools and devices make them.
//!
//! A request proves that its sender has the private key, and tells names that it would like. What stands in the
//! certificate is for the authority to decide.

use std::net::IpAddr;

use rustls_pki_types::{CertificateSigningRequestDer, pem::PemObject as _};
use x509_parser::{
    asn1_rs::Oid,
    certification_request::X509CertificationRequest,
    extensions::{GeneralName, ParsedExtension},
    oid_registry::{
        OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
        OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384,
    },
    prelude::FromDer as _,
};

use crate::{certificate::address, error::Error, key::PublicKey};

/// RSA and ECDSA with SHA-256 and longer.
const SIGNATURES: [Oid<'_>; 5] = [
    OID_PKCS1_SHA256WITHRSA,
    OID_PKCS1_SHA384WITHRSA,
    OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384,
];
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
    /// A request from a file's content: DER, or PEM.
    ///
    /// # Errors
    /// [`Error::MalformedRequest`], [`Error::RequestSignature`], [`Error::KeyNotAllowed`].
    pub fn from_file(content: &[u8]) -> Result<Self, Error> {
        if content.len() > MAX_REQUEST_BYTES {
            return Err(Error::MalformedRequest);
        }
        let text = content.trim_ascii_start();
        if text.starts_with(b"-----BEGIN") {
            let der = CertificateSigningRequestDer::from_pem_slice(text)
                .map_err(|_| Error::MalformedRequest)?;
            return Self::from_der(&der);
        }
        Self::from_der(content)
    }

    /// A request from its DER.
    ///
    /// # Errors
    /// As [`Request::from_file`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        if der.len() > MAX_REQUEST_BYTES {
            return Err(Error::MalformedRequest);
        }
        let Ok(([], request)) = X509CertificationRequest::from_der(der) else {
            return Err(Error::MalformedRequest);
        };
        let info = &request.certification_request_info;
        let key = PublicKey::from_spki(info.subject_pki.raw)?;
        // The library would take SHA-1, for requests of old.
        if !SIGNATURES.contains(&request.signature_algorithm.algorithm) {
            return Err(Error::RequestSignature);
        }
        request.verify_signature().map_err(|_| Error::RequestSignature)?;
        let mut names = info.subject.iter_common_name();
        let common_name = match (names.next(), names.next()) {
            (Some(name), None) => name.as_str().ok().map(str::to_owned),
            _ => None,
        };
        let mut read = Self { key, common_name, dns_names: Vec::new(), ip_addresses: Vec::new() };
        for extension in request.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::SubjectAlternativeName(names) = extension {
                names.general_names.iter().for_each(|name| read.add(name));
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
