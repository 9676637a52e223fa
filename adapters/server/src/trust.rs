//! Which certificates are trusted, from the files that the configuration names.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use countersign_certs::{
    Certificate, KeyPair, MAX_REVOCATION_LIST_BYTES, RecipientKey, RevocationList, TrustAnchors,
};
use countersign_web::holder::CertificateReader;

use crate::{
    config::{CheckoutSection, Files, TlsSection, unreadable},
    error::ConfigError,
};

pub(crate) const CLIENT_AUTHORITIES: &str = "checkout.client_authorities";
pub(crate) const REVOCATION_LISTS: &str = "checkout.revocation_lists";

/// Authorities that are trusted and their revocation lists: where they are, and the configuration's keys that say so.
#[derive(Clone)]
pub(crate) struct Authorities {
    pub(crate) files: Files,
    pub(crate) authorities: PathBuf,
    pub(crate) authorities_key: &'static str,
    pub(crate) lists: Vec<PathBuf>,
    pub(crate) lists_key: &'static str,
}

impl Authorities {
    /// Those whose client certificates a checkout trusts, if it trusts any.
    pub(crate) fn of_clients(section: &CheckoutSection, files: &Files) -> Option<Self> {
        Some(Self {
            files: files.clone(),
            authorities: section.client_authorities.clone()?,
            authorities_key: CLIENT_AUTHORITIES,
            lists: section.revocation_lists.clone(),
            lists_key: REVOCATION_LISTS,
        })
    }

    /// The lists as they are now.
    pub(crate) fn lists(&self) -> Result<Vec<RevocationList>, ConfigError> {
        let read = |path: &PathBuf| {
            let path = self.files.path(path);
            let content = bounded(&path).map_err(|error| unreadable(&path, &error))?;
            RevocationList::all_from_file(&content).map_err(|error| {
                ConfigError::unusable(self.lists_key, format!("{}: {error}", path.display()))
            })
        };
        let read = self.lists.iter().map(read).collect::<Result<Vec<_>, _>>();
        read.map(|lists| lists.concat())
    }

    /// The trust anchors, and what was revoked of them.
    pub(crate) fn anchors(&self, revoked: &[RevocationList]) -> Result<TrustAnchors, ConfigError> {
        let unusable = |error| ConfigError::unusable(self.authorities_key, error);
        let anchors = TrustAnchors::from_file(&self.files.content(&self.authorities)?);
        let unusable_lists = |error| ConfigError::unusable(self.lists_key, error);
        let anchors = anchors.map_err(unusable)?;
        for list in revoked {
            if anchors.disown(list).map_err(unusable_lists)? {
                let why = "name a list that the key which it names has not signed";
                return Err(ConfigError::unusable(self.lists_key, why));
            }
        }
        anchors.with_revocation_lists(revoked).map_err(unusable_lists)
    }
}

/// What reads the client certificates of those authorities.
pub(crate) fn certificate_reader(
    section: &CheckoutSection,
    authorities: &Authorities,
    revoked: &[RevocationList],
) -> Result<CertificateReader, ConfigError> {
    let keys = section.gateway_keys.iter().map(|pair| gateway_key(&authorities.files, pair));
    let keys = keys.collect::<Result<_, _>>()?;
    Ok(CertificateReader::new(authorities.anchors(revoked)?, keys))
}

fn gateway_key(files: &Files, pair: &TlsSection) -> Result<RecipientKey, ConfigError> {
    let unusable = |error| ConfigError::unusable("checkout.gateway_keys", error);
    let certificate = Certificate::from_file(&files.content(&pair.certificate)?);
    let certificate = certificate.map_err(unusable)?;
    let key = KeyPair::from_file(&files.key(&pair.key)?).map_err(unusable)?;
    RecipientKey::new(&certificate, &key).map_err(unusable)
}

/// Not more than a list may have, and one octet that shows that it has more.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_REVOCATION_LIST_BYTES).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    let file = fs::File::open(path)?;
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    Ok(content)
}
