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
    config::{CheckoutSection, Files, TlsSection, unreadable},
    error::ConfigError,
};

pub(crate) const CLIENT_AUTHORITIES: &str = "checkout.client_authorities";
pub(crate) const REVOCATION_LISTS: &str = "checkout.revocation_lists";

/// The trust anchors of client certificates, and what was revoked of them.
pub(crate) fn trust_anchors(
    section: &CheckoutSection,
    files: &Files,
    revoked: &[RevocationList],
) -> Result<Option<TrustAnchors>, ConfigError> {
    let Some(authorities) = &section.client_authorities else {
        return Ok(None);
    };
    let unusable = |error| ConfigError::unusable(CLIENT_AUTHORITIES, error);
    let anchors = TrustAnchors::from_pem(&files.text(authorities)?).map_err(unusable)?;
    let unusable = |error| ConfigError::unusable(REVOCATION_LISTS, error);
    Ok(Some(anchors.with_revocation_lists(revoked).map_err(unusable)?))
}

/// What reads client certificates, where authorities are trusted.
pub(crate) fn certificate_reader(
    section: &CheckoutSection,
    files: &Files,
    revoked: &[RevocationList],
) -> Result<Option<CertificateReader>, ConfigError> {
    let Some(anchors) = trust_anchors(section, files, revoked)? else {
        return Ok(None);
    };
    let keys = section.gateway_keys.iter().map(|pair| gateway_key(files, pair));
    let keys = keys.collect::<Result<_, _>>()?;
    Ok(Some(CertificateReader::new(anchors, keys)))
}

fn gateway_key(files: &Files, pair: &TlsSection) -> Result<GatewayKey, ConfigError> {
    let unusable = |error| ConfigError::unusable("checkout.gateway_keys", error);
    let certificate = Certificate::from_pem(&files.text(&pair.certificate)?).map_err(unusable)?;
    let key = KeyPair::from_pem(&files.text(&pair.key)?).map_err(unusable)?;
    GatewayKey::new(&certificate, &key).map_err(unusable)
}

/// The lists that the configuration names.
pub(crate) fn revocation_lists(
    section: &CheckoutSection,
    files: &Files,
) -> Result<Vec<RevocationList>, ConfigError> {
    let read = |path: &PathBuf| {
        let path = files.path(path);
        let content = bounded(&path).map_err(|error| unreadable(&path, &error))?;
        RevocationList::from_file(&content).map_err(|error| {
            ConfigError::unusable(REVOCATION_LISTS, format!("{}: {error}", path.display()))
        })
    };
    section.revocation_lists.iter().map(read).collect()
}

/// Not more than a list may have, and one octet that shows that it has more.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_REVOCATION_LIST_BYTES).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    let file = fs::File::open(path)?;
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    Ok(content)
}
