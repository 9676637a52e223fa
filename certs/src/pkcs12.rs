//! A key with its certificates in one file, for a browser or a telephone to import (RFC 7292).

use p12_keystore::{
    Certificate as Bag, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey,
    PrivateKeyChain,
};

use crate::{
    certificate::Certificate,
    error::Error,
    key::{KeyPair, check_passphrase},
};

/// The key may be derived four times when the file is opened, on a telephone too.
const ROUNDS: u32 = 100_000;

/// The PKCS#12 file of a key and its chain, the certificate for the key first: PBES2 with PBKDF2-HMAC-SHA-256 and
/// AES-256-CBC, sealed with HMAC-SHA-256. The passphrase is all that protects the key.
///
/// # Errors
/// [`Error::PassphraseTooShort`], [`Error::KeyMismatch`], [`Error::Failed`].
pub fn to_pkcs12(
    key: &KeyPair,
    chain: &[Certificate],
    name: &str,
    passphrase: &str,
) -> Result<Vec<u8>, Error> {
    const FAILED: Error = Error::Failed("making a PKCS#12 file");
    check_passphrase(passphrase)?;
    let [leaf, ..] = chain else {
        return Err(Error::KeyMismatch);
    };
    if leaf.key_sha256() != key.public_key().sha256() {
        return Err(Error::KeyMismatch);
    }
    let bags = chain
        .iter()
        .map(|certificate| Bag::from_der(certificate.der()).map_err(|_| FAILED))
        .collect::<Result<Vec<_>, _>>()?;
    let private = PrivateKey::from_der(key.expose_der()).map_err(|_| FAILED)?;
    let chain = PrivateKeyChain::new(key.public_key().sha256().as_slice(), private, bags);
    let mut store = KeyStore::new();
    store.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
    store
        .writer(passphrase)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(ROUNDS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ROUNDS)
        .write()
        .map_err(|_| FAILED)
}
