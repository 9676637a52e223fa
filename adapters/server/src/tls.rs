//! TLS 1.2 and 1.3 by rustls with ring. Client certificates are asked for where there are authorities to believe.

use std::{path::Path, sync::Arc};

use countersign_certs::RevocationList;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::{
    config::{Config, Files, TlsSection},
    error::ConfigError,
};

/// The payers' listener: client certificates of the configured authorities, less those that are revoked.
pub(crate) fn for_payers(
    config: &Config,
    revoked: &[RevocationList],
) -> Result<Arc<ServerConfig>, ConfigError> {
    let authorities = config.checkout.client_authorities.as_deref();
    let authorities = authorities
        .map(|path| certificates(&config.files, path, CLIENT_AUTHORITIES))
        .transpose()?;
    server_config(&config.tls, &config.files, authorities, revoked)
}

/// The merchants' listener, which asks for no certificate.
pub(crate) fn for_merchants(config: &Config) -> Result<Arc<ServerConfig>, ConfigError> {
    server_config(&config.tls, &config.files, None, &[])
}

/// What one listener does for TLS; `authorities` whose client certificates are accepted, but not demanded (F13.2), and
/// what they have revoked.
pub(crate) fn server_config(
    section: &TlsSection,
    files: &Files,
    authorities: Option<Vec<CertificateDer<'static>>>,
    revoked: &[RevocationList],
) -> Result<Arc<ServerConfig>, ConfigError> {
    let chain = certificates(files, &section.certificate, "tls.certificate")?;
    let key =
        PrivateKeyDer::from_pem_slice(files.text(&section.key)?.as_bytes()).map_err(|_| {
            ConfigError::unusable("tls.key", "names a file without a private key in PEM")
        })?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::unusable("tls", error))?;
    let builder = match authorities {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            builder.with_client_cert_verifier(client_verifier(authorities, revoked, provider)?)
        }
    };
    let mut tls = builder
        .with_single_cert(chain, key)
        .map_err(|error| ConfigError::unusable("tls.certificate", error))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

fn client_verifier(
    authorities: Vec<CertificateDer<'static>>,
    revoked: &[RevocationList],
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    const KEY: &str = CLIENT_AUTHORITIES;
    let mut roots = RootCertStore::empty();
    for certificate in authorities {
        roots.add(certificate).map_err(|error| ConfigError::unusable(KEY, error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .with_crls(revoked.iter().map(|list| list.der().clone()))
        .enforce_revocation_expiration()
        .allow_unauthenticated()
        .build()
        .map_err(|error| ConfigError::unusable(KEY, error))
}

const CLIENT_AUTHORITIES: &str = "checkout.client_authorities";

fn certificates(
    files: &Files,
    path: &Path,
    key: &'static str,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let text = files.text(path)?;
    let read = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    read.ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| ConfigError::unusable(key, "names a file without a certificate in PEM"))
}
