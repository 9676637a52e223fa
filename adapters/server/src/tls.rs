//! TLS 1.2 and 1.3 by rustls with ring. Client certificates are asked for where authorities are trusted.

use std::{path::Path, sync::Arc};

use countersign_certs::{
    Certificate, Error, Refusal, RevocationList, TrustAnchors, certificates_from_file,
    tls_key_from_file,
};
use rustls::{
    CertificateError, CipherSuite, ClientConfig, ConfigBuilder, DigitallySignedStruct,
    DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    client::{WantsClientCert, danger::HandshakeSignatureValid},
    crypto::{CryptoProvider, ring},
    server::{
        NoServerSessionStorage, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use crate::{
    config::{CheckoutSection, Config, Files, TlsSection},
    error::ConfigError,
    trust::{CLIENT_AUTHORITIES, REVOCATION_LISTS},
};

/// The payers' listener: client certificates of the configured authorities, less those that are revoked.
pub(crate) fn for_payers(
    config: &Config,
    section: &CheckoutSection,
    revoked: &[RevocationList],
) -> Result<Arc<ServerConfig>, ConfigError> {
    let authorities = section.client_authorities.as_deref();
    let authorities = authorities
        .map(|path| certificates(&config.files, path, CLIENT_AUTHORITIES))
        .transpose()?;
    server_config(&config.tls, &config.files, authorities, revoked)
}

/// A listener that asks for no certificate.
pub(crate) fn without_clients(config: &Config) -> Result<Arc<ServerConfig>, ConfigError> {
    server_config(&config.tls, &config.files, None, &[])
}

/// A listener that demands a certificate of those authorities.
pub(crate) fn for_clients(
    config: &Config,
    authorities: &Path,
    key: &'static str,
) -> Result<Arc<ServerConfig>, ConfigError> {
    let roots = roots(&certificates(&config.files, authorities, key)?, key)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| ConfigError::unusable(key, error))?;
    listening(&config.tls, &config.files, Some(verifier))
}

/// What one listener does for TLS; `authorities` whose client certificates are accepted, but not demanded (F13.2), and
/// what they have revoked.
pub(crate) fn server_config(
    section: &TlsSection,
    files: &Files,
    authorities: Option<Vec<CertificateDer<'static>>>,
    revoked: &[RevocationList],
) -> Result<Arc<ServerConfig>, ConfigError> {
    let verifier = authorities.map(|authorities| client_verifier(authorities, revoked));
    listening(section, files, verifier.transpose()?)
}

fn listening(
    section: &TlsSection,
    files: &Files,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<ServerConfig>, ConfigError> {
    let (chain, key) = identity(section, files, "tls.certificate", "tls.key")?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aes_128_first()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::unusable("tls", error))?;
    let asks_for_certificates = clients.is_some();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(clients),
    };
    let mut tls = builder
        .with_single_cert(chain, key)
        .map_err(|error| ConfigError::unusable("tls.certificate", error))?;
    tls.ignore_client_order = true;
    if asks_for_certificates {
        // A session that is resumed asks nobody whether its certificate was revoked meanwhile.
        tls.session_storage = Arc::new(NoServerSessionStorage {});
        tls.send_tls13_tickets = 0;
    }
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

/// Those of ring, with AES-128-GCM and SHA-256 before the others: OpenSSL's clients put SHA-384 first, for which few processors
/// have instructions, and a handshake hashes much. Browsers on phones without AES in hardware would rather have ChaCha20; of the
/// few kilobytes of a page they do not notice.
fn aes_128_first() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        !matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    });
    provider
}

/// What a connection of ours trusts: the authorities in that file, or those that the system trusts.
pub(crate) fn client(
    files: &Files,
    authorities: Option<&Path>,
    key: &'static str,
) -> Result<Arc<ClientConfig>, ConfigError> {
    Ok(Arc::new(connecting(files, authorities, key)?.with_no_client_auth()))
}

/// The same, of a connection that presents a certificate of ours.
pub(crate) fn client_as(
    section: &TlsSection,
    files: &Files,
    authorities: Option<&Path>,
    key: &'static str,
) -> Result<Arc<ClientConfig>, ConfigError> {
    let (chain, private) = identity(section, files, key, key)?;
    let config = connecting(files, authorities, key)?.with_client_auth_cert(chain, private);
    Ok(Arc::new(config.map_err(|error| ConfigError::unusable(key, error))?))
}

fn connecting(
    files: &Files,
    authorities: Option<&Path>,
    key: &'static str,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, ConfigError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::unusable("tls", error))?;
    Ok(builder.with_root_certificates(trusted(files, authorities, key)?))
}

/// The authorities in that file, or else those that the system trusts.
pub(crate) fn trusted(
    files: &Files,
    authorities: Option<&Path>,
    key: &'static str,
) -> Result<RootCertStore, ConfigError> {
    let trusted = match authorities {
        Some(path) => certificates(files, path, key)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    // A system has authorities that no path can be built to: they are left out.
    if roots.add_parsable_certificates(trusted).0 == 0 {
        return Err(ConfigError::unusable(key, "has no authority that TLS could trust"));
    }
    Ok(roots)
}

/// A certificate of ours with those above it, and its key.
fn identity(
    section: &TlsSection,
    files: &Files,
    certificate_key: &'static str,
    key_key: &'static str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ConfigError> {
    let chain = certificates(files, &section.certificate, certificate_key)?;
    let key = tls_key_from_file(&files.key(&section.key)?);
    let key = key.map_err(|error| match error {
        Error::MalformedKey => "names a file without a private key in PEM or DER".to_owned(),
        error => format!("names a file without a private key: {error}"),
    });
    Ok((chain, key.map_err(|why| ConfigError::unusable(key_key, why))?))
}

fn roots(
    authorities: &[CertificateDer<'static>],
    key: &'static str,
) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in authorities {
        roots.add(certificate.clone()).map_err(|error| ConfigError::unusable(key, error))?;
    }
    Ok(roots)
}

fn client_verifier(
    authorities: Vec<CertificateDer<'static>>,
    revoked: &[RevocationList],
) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    const KEY: &str = CLIENT_AUTHORITIES;
    let (roots, provider) = (roots(&authorities, KEY)?, Arc::new(ring::default_provider()));
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| ConfigError::unusable(KEY, error))?;
    if revoked.is_empty() {
        return Ok(verifier);
    }
    let authorities = authorities.into_iter().map(Certificate::from_der);
    let anchors = authorities
        .collect::<Result<Vec<_>, _>>()
        .and_then(|authorities| TrustAnchors::new(&authorities))
        .map_err(|error| ConfigError::unusable(KEY, error))?;
    let anchors = anchors
        .with_revocation_lists(revoked)
        .map_err(|error| ConfigError::unusable(REVOCATION_LISTS, error))?;
    Ok(Arc::new(RevocationVerifier { verifier, anchors }))
}

/// Client certificates by the revocation lists that a checkout goes by, too: rustls's own verifier takes the first list
/// with the issuer's name, though a newer one may stand behind it.
#[derive(Debug)]
struct RevocationVerifier {
    verifier: Arc<dyn ClientCertVerifier>,
    anchors: TrustAnchors,
}

impl ClientCertVerifier for RevocationVerifier {
    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let chain = [std::slice::from_ref(end_entity), intermediates].concat();
        match self.anchors.verify_handshake(&chain, now) {
            Ok(()) => Ok(ClientCertVerified::assertion()),
            Err(refusal) => Err(alert_for(&refusal).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// What rustls makes its alert of.
fn alert_for(refusal: &Refusal) -> CertificateError {
    match refusal {
        Refusal::Expired => CertificateError::Expired,
        Refusal::NotYetValid => CertificateError::NotValidYet,
        Refusal::Revoked => CertificateError::Revoked,
        Refusal::RevocationUnknown => CertificateError::UnknownRevocationStatus,
        Refusal::UnknownAuthority => CertificateError::UnknownIssuer,
        Refusal::BadSignature => CertificateError::BadSignature,
        Refusal::WrongUsage => CertificateError::InvalidPurpose,
        Refusal::Malformed | Refusal::CertificateTooLarge => CertificateError::BadEncoding,
        _ => CertificateError::ApplicationVerificationFailure,
    }
}

fn certificates(
    files: &Files,
    path: &Path,
    key: &'static str,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let why = |error| format!("names a file without a certificate: {error}");
    let read = certificates_from_file(&files.content(path)?);
    read.map_err(|error| ConfigError::unusable(key, why(error)))
}
