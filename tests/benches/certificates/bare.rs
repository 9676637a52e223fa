//! The cryptography alone, without anything around it, by the libraries that do it there too.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    error::Unspecified,
};
use countersign_certs::KeyPair;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Signature},
};

/// A phone record without a card: 2 octets, then version, number, salt and key hash, each with 2 of its own.
const RECORD: usize = 2 + (2 + 1) + (2 + 16) + (2 + 16) + (2 + 32);
/// About what is signed of a certificate with a number in clear.
const SIGNED: usize = 350;

pub(crate) struct Bare {
    signer: EcdsaKeyPair,
    random: SystemRandom,
    own: PrivateKey,
    /// Of the other side.
    point: Vec<u8>,
    sealed: [u8; RECORD],
    tag: Tag,
}

impl Bare {
    #[expect(
        clippy::disallowed_methods,
        reason = "a bare signature has no port for its randomness"
    )]
    pub(crate) fn new(signer: &KeyPair) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let own = PrivateKey::generate(&ECDH_P256).unwrap();
        let other = PrivateKey::generate(&ECDH_P256).unwrap();
        let point = other.compute_public_key().unwrap().as_ref().to_vec();
        let mut sealed = [0x5a; RECORD];
        let tag = cipher(&own, &point, |cipher| {
            cipher.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut sealed)
        });
        Self {
            signer: EcdsaKeyPair::from_pkcs8(algorithm, signer.expose_der(), &random).unwrap(),
            random,
            own,
            point,
            sealed,
            tag: tag.unwrap(),
        }
    }

    pub(crate) fn sign(&self) -> Signature {
        self.signer.sign(&self.random, &[0x5a; SIGNED]).unwrap()
    }

    pub(crate) fn open(&self) -> [u8; RECORD] {
        let mut content = self.sealed;
        let opened = cipher(&self.own, &self.point, |cipher| {
            let (tag, aad) = (self.tag.as_ref(), Aad::empty());
            cipher.open_in_place_separate_tag(nonce(), aad, tag, &mut content).map(|_| ())
        });
        opened.unwrap();
        content
    }
}

/// Uses the shared secret itself as key: no key derivation, and no wrapped key.
fn cipher<T>(
    own: &PrivateKey,
    point: &[u8],
    then: impl FnOnce(LessSafeKey) -> Result<T, Unspecified>,
) -> Result<T, Unspecified> {
    let other = UnparsedPublicKey::new(&ECDH_P256, point);
    agree(own, other, Unspecified, |shared| {
        then(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, shared)?))
    })
}

/// Always the same: nothing is protected here.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([7; NONCE_LEN])
}
