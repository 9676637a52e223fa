//! The folder of an authority: `authority.pem` (its certificate), `chain.pem` (those above it), `authority.key`
//! (encrypted), `register.db`, and `settings.toml`. A root can stay offline: nothing else needs its folder.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_authority::{CertificateAuthority, Numbers};
use countersign_certs::{Authority, Certificate, KeyKind, KeyPair, SigningKey};
use countersign_store::SqliteStore;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    file::{Failure, Place, ROOM, read, read_text, unusable, write, write_secret},
    key_uri::KeyUri,
    system::{SystemClock, SystemEntropy},
};

/// The environment variable that holds the passphrase where no file does.
const PASSPHRASE: &str = "COUNTERSIGN_CA_PASSPHRASE";

const SETTINGS: &str = "settings.toml";

/// What an authority is told once and keeps to.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where its revocation list is published.
    pub(crate) crl_url: Option<String>,
    /// Whether it has the right to assert numbers (RFC 8226).
    #[serde(default)]
    pub(crate) asserts_numbers: bool,
    /// Its key, where that is in a token.
    pub(crate) key: Option<KeyUri>,
}

/// How a folder keeps an authority's key.
pub(crate) enum KeptKey {
    /// PKCS#8 in PEM, encrypted.
    Encrypted(String),
    /// By name: it is in a token.
    InToken(KeyUri),
}

/// An authority's folder.
pub(crate) struct AuthorityFolder(PathBuf);

/// Where an authority's certificate and the chain above it will be, tried before it is certified.
pub(crate) struct AuthorityPlaces {
    chain: Place,
    certificate: Place,
}

impl AuthorityPlaces {
    /// Keeps them.
    pub(crate) fn keep(self, own: &Certificate, above: &[Certificate]) -> Result<(), Failure> {
        self.chain.fill(pem_of(above)?.as_bytes())?;
        self.certificate.fill(own.to_pem()?.as_bytes())
    }
}

impl AuthorityFolder {
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// A folder for a new authority; there must be none in it yet.
    pub(crate) fn to_be(path: &Path) -> Result<Self, Failure> {
        let folder = Self::at(path);
        if folder.key().exists() || folder.file(SETTINGS).exists() {
            return Err(format!("{} has an authority already", path.display()).into());
        }
        Ok(folder)
    }

    /// Makes it, for its owner alone to look into, with the authority's key, encrypted, or the key's name.
    pub(crate) fn create(&self, key: &KeptKey, settings: Settings) -> Result<(), Failure> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.0).map_err(|error| unusable(&self.0, &error))?;
        match key {
            KeptKey::Encrypted(pem) => {
                self.settle(&settings)?;
                write_secret(&self.key(), pem.as_bytes())
            }
            KeptKey::InToken(uri) => self.settle(&Settings { key: Some(uri.clone()), ..settings }),
        }
    }

    fn settle(&self, settings: &Settings) -> Result<(), Failure> {
        let text = toml::to_string(settings)?;
        write(&self.file(SETTINGS), text.as_bytes())
    }

    fn settings(&self) -> Result<Settings, Failure> {
        Ok(toml::from_str(&read_text(&self.file(SETTINGS))?)?)
    }

    /// Keeps what it was told before, where nothing else is said now.
    pub(crate) fn amend(&self, settings: Settings) -> Result<(), Failure> {
        let before = self.settings()?;
        self.settle(&Settings {
            crl_url: settings.crl_url.or(before.crl_url),
            asserts_numbers: settings.asserts_numbers || before.asserts_numbers,
            key: settings.key.or(before.key),
        })
    }

    /// The holder of this lock alone signs lists. Released when it is dropped, or its process ends.
    pub(crate) fn lock(&self) -> Result<fs::File, Failure> {
        let path = self.file("list.lock");
        let lock = || {
            let file = fs::File::create(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error: std::io::Error| unusable(&path, &error))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn key(&self) -> PathBuf {
        self.file("authority.key")
    }

    pub(crate) fn request(&self) -> PathBuf {
        self.file("authority.csr")
    }

    pub(crate) fn list(&self) -> PathBuf {
        self.file("list.crl")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.file("authority.pem")
    }

    /// The key: in the token that the settings name, or in the folder, opened with the passphrase of a file or of the
    /// environment.
    pub(crate) fn open_key(
        &self,
        passphrase_file: Option<&Path>,
    ) -> Result<Box<dyn SigningKey>, Failure> {
        if let Some(uri) = self.settings()?.key {
            return token_key(&uri);
        }
        let secret = passphrase(passphrase_file)?;
        let path = self.key();
        let pem = read_text(&path)?;
        let key = KeyPair::from_encrypted_pem(&pem, &secret);
        Ok(Box::new(key.map_err(|error| unusable(&path, &error))?))
    }

    /// Where its certificate and the chain above it will be.
    pub(crate) fn places(&self) -> Result<AuthorityPlaces, Failure> {
        Ok(AuthorityPlaces {
            chain: Place::with_room_for(&self.file("chain.pem"), ROOM)?,
            certificate: Place::with_room_for(&self.certificate(), ROOM)?,
        })
    }

    /// What was made for an authority that is not certified goes, too.
    pub(crate) fn undo(&self) {
        for made in [self.key(), self.file(SETTINGS)] {
            let _: Result<(), _> = fs::remove_file(made);
        }
        let _: Result<(), _> = fs::remove_dir(&self.0);
    }

    /// The authority's certificate and those above it, the root last.
    pub(crate) fn chain(&self) -> Result<Vec<Certificate>, Failure> {
        let mut chain = vec![read_certificate(&self.certificate())?];
        chain.extend(read_certificates(&self.file("chain.pem"))?);
        Ok(chain)
    }

    /// The authority, its key opened.
    pub(crate) fn authority(
        &self,
        passphrase_file: Option<&Path>,
    ) -> Result<Authority<Box<dyn SigningKey>>, Failure> {
        let certificate = read_certificate(&self.certificate())?;
        let settings = self.settings()?;
        let authority = Authority::new(certificate, self.open_key(passphrase_file)?)?;
        Ok(authority
            .below(&read_certificates(&self.file("chain.pem"))?)?
            .with_revocation_list_url(settings.crl_url)?
            .asserting_numbers(settings.asserts_numbers))
    }

    /// The authority with its register. At the command line nothing with a number is issued, so how numbers stand is no
    /// matter.
    pub(crate) fn open(
        &self,
        passphrase_file: Option<&Path>,
    ) -> Result<CertificateAuthority, Failure> {
        Ok(CertificateAuthority::new(
            self.authority(passphrase_file)?,
            Numbers::Clear,
            Arc::new(self.register()?),
            Arc::new(SystemClock::default()),
            Arc::new(SystemEntropy::default()),
        ))
    }

    /// The register, which must be there: looking makes none.
    pub(crate) fn existing_register(&self) -> Result<SqliteStore, Failure> {
        let path = self.register_file();
        if !path.exists() {
            return Err(format!("{} is not there: nothing was issued here", path.display()).into());
        }
        self.register()
    }

    pub(crate) fn register(&self) -> Result<SqliteStore, Failure> {
        Ok(SqliteStore::open(&self.register_file())?)
    }

    pub(crate) fn register_file(&self) -> PathBuf {
        self.file("register.db")
    }
}

/// The key in a token.
#[cfg(feature = "pkcs11")]
pub(crate) fn token_key(uri: &KeyUri) -> Result<Box<dyn SigningKey>, Failure> {
    Ok(Box::new(crate::token::TokenKey::open(uri)?))
}

/// The key in a token, which is made there if it is not there yet.
#[cfg(feature = "pkcs11")]
pub(crate) fn new_token_key(uri: &KeyUri, kind: KeyKind) -> Result<Box<dyn SigningKey>, Failure> {
    Ok(Box::new(crate::token::TokenKey::open_or_generate(uri, kind)?))
}

#[cfg(not(feature = "pkcs11"))]
pub(crate) fn token_key(uri: &KeyUri) -> Result<Box<dyn SigningKey>, Failure> {
    let (token, why) = (&uri.token, "this program was built without PKCS #11");
    Err(format!("the key is in token {token}: {why} (cargo build --features pkcs11)").into())
}

#[cfg(not(feature = "pkcs11"))]
pub(crate) fn new_token_key(uri: &KeyUri, _: KeyKind) -> Result<Box<dyn SigningKey>, Failure> {
    token_key(uri)
}

/// The passphrase from a file, without the end of its line; else from the environment.
pub(crate) fn passphrase(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    if let Some(file) = file {
        let text = Zeroizing::new(read_text(file)?);
        return Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    #[expect(clippy::disallowed_methods, reason = "a program may be told by its environment")]
    let said = std::env::var(PASSPHRASE).ok();
    said.map(Zeroizing::new)
        .ok_or_else(|| format!("no passphrase: give --passphrase-file, or set {PASSPHRASE}").into())
}

/// A certificate in PEM or DER.
pub(crate) fn read_certificate(path: &Path) -> Result<Certificate, Failure> {
    Certificate::from_file(&read(path)?).map_err(|error| unusable(path, &error))
}

/// Every certificate in a file, PEM or DER; above a root there is none.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let content = read(path)?;
    if content.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    Certificate::all_from_file(&content).map_err(|error| unusable(path, &error))
}

pub(crate) fn pem_of(certificates: &[Certificate]) -> Result<String, Failure> {
    let mut pem = String::new();
    for certificate in certificates {
        pem.push_str(&certificate.to_pem()?);
    }
    Ok(pem)
}
