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

/// Whether a passphrase can seal a PKCS#12 file: to be asked before anything is done for whose sake the file is made.
/// RFC 7292 appendix B.1 derives from a BMPString, which ends at U+FFFF; programs differ in what they make of more.
///
/// # Errors
/// [`Error::PassphraseTooShort`], [`Error::PassphraseBeyondBmp`].
pub fn check_pkcs12_passphrase(passphrase: &str) -> Result<(), Error> {
    check_passphrase(passphrase)?;
    if passphrase.chars().all(is_in_bmp) { Ok(()) } else { Err(Error::PassphraseBeyondBmp) }
}

const fn is_in_bmp(character: char) -> bool {
    character.len_utf16() == 1
}

/// The PKCS#12 file of a key and its chain, the certificate for the key first: PBES2 with PBKDF2-HMAC-SHA-256 and
/// AES-256-CBC, sealed with HMAC-SHA-256. The passphrase is all that protects the key. The name is there to be read: what
/// a BMPString cannot hold (RFC 2985 section 5.5.1) stands in it as U+FFFD.
///
/// # Errors
/// As [`check_pkcs12_passphrase`], [`Error::KeyMismatch`], [`Error::Failed`].
pub fn to_pkcs12(
    key: &KeyPair,
    chain: &[Certificate],
    name: &str,
    passphrase: &str,
) -> Result<Vec<u8>, Error> {
    const FAILED: Error = Error::Failed("making a PKCS#12 file");
    check_pkcs12_passphrase(passphrase)?;
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
    let name: String = name
        .chars()
        .map(|character| if is_in_bmp(character) { character } else { char::REPLACEMENT_CHARACTER })
        .collect();
    store.add_entry(&name, KeyStoreEntry::PrivateKeyChain(chain));
    store
        .writer(passphrase)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(ROUNDS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ROUNDS)
        .write()
        .map_err(|_| FAILED)
}
