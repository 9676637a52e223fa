//! Which client certificates are trusted, from the files that the configuration names.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use countersign_certs::{
    Certificate, GatewayKey, KeyPair, MAX_REVOCATION_LIST_BYTES, RevocationList, TrustAnchors,
};
use countersign_web::holder::CertificateReader;

use crate::{
    config::{Config, unreadable},
    error::ConfigError,
};

pub(crate) const CLIENT_AUTHORITIES: &str = "checkout.client_authorities";
pub(crate) const REVOCATION_LISTS: &str = "checkout.revocation_lists";

/// The trust anchors of client certificates, and what was revoked of them.
pub(crate) fn trust_anchors(
    config: &Config,
    revoked: &[RevocationList],
) -> Result<Option<TrustAnchors>, ConfigError> {
    let Some(authorities) = &config.checkout.client_authorities else {
        return Ok(None);
    };
    let unusable = |error| ConfigError::unusable(CLIENT_AUTHORITIES, error);
    let anchors = TrustAnchors::from_pem(&config.files.text(authorities)?).map_err(unusable)?;
    let unusable = |error| ConfigError::unusable(REVOCATION_LISTS, error);
    Ok(Some(anchors.with_revocation_lists(revoked).map_err(unusable)?))
}

/// What reads client certificates, where authorities are trusted.
pub(crate) fn certificate_reader(
    config: &Config,
    revoked: &[RevocationList],
) -> Result<Option<CertificateReader>, ConfigError> {
    let Some(anchors) = trust_anchors(config, revoked)? else {
        return Ok(None);
    };
    let keys = config.checkout.gateway_keys.iter();
    let keys = keys
        .map(|files| gateway_key(config, &files.certificate, &files.key))
        .collect::<Result<_, _>>()?;
    Ok(Some(CertificateReader::new(anchors, keys)))
}

fn gateway_key(config: &Config, certificate: &Path, key: &Path) -> Result<GatewayKey, ConfigError> {
    let unusable = |error| ConfigError::unusable("checkout.gateway_keys", error);
    let certificate = Certificate::from_pem(&config.files.text(certificate)?).map_err(unusable)?;
    let key = KeyPair::from_pem(&config.files.text(key)?).map_err(unusable)?;
    GatewayKey::new(&certificate, &key).map_err(unusable)
}

/// The lists that the configuration names.
pub(crate) fn revocation_lists(config: &Config) -> Result<Vec<RevocationList>, ConfigError> {
    let read = |path: &PathBuf| {
        let path = config.files.path(path);
        let content = bounded(&path).map_err(|error| unreadable(&path, &error))?;
        RevocationList::from_file(&content).map_err(|error| {
            ConfigError::unusable(REVOCATION_LISTS, format!("{}: {error}", path.display()))
        })
    };
    config.checkout.revocation_lists.iter().map(read).collect()
}

/// Not more than a list may have, and one octet that shows that it has more.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_REVOCATION_LIST_BYTES).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    let file = fs::File::open(path)?;
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    Ok(content)
}
