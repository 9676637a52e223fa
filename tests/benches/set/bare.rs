//! The cryptography of one purchase at the gateway, without anything around it, by the libraries that do it there, too.

use std::hint::black_box;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    agreement::{
        ECDH_P256, EphemeralPrivateKey, PrivateKey, UnparsedPublicKey, agree, agree_ephemeral,
    },
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::{
        KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
        PrivateDecryptingKey,
    },
};
use countersign_certs::{KeyKind, KeyPair, SigningKey as _};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey as Verifier, VerificationAlgorithm,
};

/// What is counted.
pub(crate) const WHAT: &str = "8 signatures verified (3 of requests and payment, 1 of the cardholder's certificate, 4 of the \
                               merchant's), 4 made (two answers, the request for a code, the receipt), 5 envelopes opened (two \
                               requests, payment, number, code), 2 made; 16 KB of SHA-256";
/// Signatures that are verified when nothing is remembered.
pub(crate) const VERIFIED: usize = 8;
/// Those that remain when the merchant's chains are known.
pub(crate) const VERIFIED_OF_KNOWN: usize = 4;
const SIGNED: usize = 4;
const OPENED: usize = 5;
const SEALED: usize = 2;

/// About what is signed: the attributes of a message.
const MESSAGE: &[u8] = &[0x5a; 250];
/// About what is in the digests of all structures.
const DIGESTED: &[u8] = &[0x5a; 16 * 1024];
/// About what is in an envelope: 4 KB in the largest, some 200 octets in the smallest.
const ENCLOSED: usize = 1_800;

pub(crate) struct Bare {
    key: KeyPair,
    public: Vec<u8>,
    signature: Vec<u8>,
    verify: &'static dyn VerificationAlgorithm,
    envelope: Envelope,
    aead: LessSafeKey,
    enclosed: Vec<u8>,
}

/// What opens and makes an envelope.
enum Envelope {
    Agreement { own: PrivateKey, point: Vec<u8>, random: SystemRandom },
    Transport { own: OaepPrivateDecryptingKey, to: OaepPublicEncryptingKey, wrapped: Vec<u8> },
}

impl Bare {
    #[expect(
        clippy::disallowed_methods,
        reason = "a bare signature has no port for its randomness"
    )]
    pub(crate) fn new(kind: KeyKind) -> Self {
        let key = KeyPair::generate_kind(kind).unwrap();
        let (public, verify): (_, &dyn VerificationAlgorithm) = match kind {
            KeyKind::P256 => {
                let random = ring::rand::SystemRandom::new();
                let own = EcdsaKeyPair::from_pkcs8(
                    &ECDSA_P256_SHA256_ASN1_SIGNING,
                    key.expose_der(),
                    &random,
                );
                (own.unwrap().public_key().as_ref().to_vec(), &ECDSA_P256_SHA256_ASN1)
            }
            KeyKind::Rsa3072 => {
                let own = RsaKeyPair::from_pkcs8(key.expose_der()).unwrap();
                (own.public_key().as_ref().to_vec(), &RSA_PKCS1_2048_8192_SHA256)
            }
        };
        let signature = key.sign(MESSAGE).unwrap();
        let aead = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
        let mut enclosed = vec![0x5a; ENCLOSED];
        aead.seal_in_place_append_tag(nonce(), Aad::empty(), &mut enclosed).unwrap();
        let envelope = Envelope::new(kind);
        Self { public, signature, verify, envelope, aead, enclosed, key }
    }

    pub(crate) fn purchase(&self, verified: usize) {
        black_box(digest(&SHA256, black_box(DIGESTED)));
        for _ in 0..verified {
            let verifier = Verifier::new(self.verify, black_box(&self.public));
            verifier.verify(black_box(MESSAGE), &self.signature).unwrap();
        }
        for _ in 0..SIGNED {
            black_box(self.key.sign(black_box(MESSAGE)).unwrap());
        }
        for _ in 0..OPENED {
            self.envelope.open();
            let mut content = self.enclosed.clone();
            black_box(self.aead.open_in_place(nonce(), Aad::empty(), &mut content).unwrap());
        }
        for _ in 0..SEALED {
            self.envelope.seal();
            let mut content = vec![0x5a; ENCLOSED];
            self.aead.seal_in_place_append_tag(nonce(), Aad::empty(), &mut content).unwrap();
            black_box(content);
        }
    }
}

/// The same each time: nothing secret is encrypted here.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

impl Envelope {
    fn new(kind: KeyKind) -> Self {
        match kind {
            KeyKind::P256 => {
                let other = PrivateKey::generate(&ECDH_P256).unwrap();
                Self::Agreement {
                    own: PrivateKey::generate(&ECDH_P256).unwrap(),
                    point: other.compute_public_key().unwrap().as_ref().to_vec(),
                    random: SystemRandom::new(),
                }
            }
            KeyKind::Rsa3072 => {
                let own = PrivateDecryptingKey::generate(KeySize::Rsa3072).unwrap();
                let to = OaepPublicEncryptingKey::new(own.public_key()).unwrap();
                let own = OaepPrivateDecryptingKey::new(own).unwrap();
                let mut wrapped = vec![0; to.ciphertext_size()];
                to.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut wrapped, None).unwrap();
                Self::Transport { own, to, wrapped }
            }
        }
    }

    fn open(&self) {
        match self {
            Self::Agreement { own, point, .. } => {
                let other = UnparsedPublicKey::new(&ECDH_P256, black_box(point));
                black_box(agree(own, other, (), |shared| Ok(shared.to_vec())).unwrap());
            }
            Self::Transport { own, wrapped, .. } => {
                let mut key = vec![0; own.min_output_size()];
                black_box(own.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut key, None).unwrap());
            }
        }
    }

    fn seal(&self) {
        match self {
            Self::Agreement { point, random, .. } => {
                let own = EphemeralPrivateKey::generate(&ECDH_P256, random).unwrap();
                black_box(own.compute_public_key().unwrap());
                let other = UnparsedPublicKey::new(&ECDH_P256, black_box(point));
                black_box(agree_ephemeral(own, other, (), |shared| Ok(shared.to_vec())).unwrap());
            }
            Self::Transport { to, wrapped, .. } => {
                let mut again = vec![0; wrapped.len()];
                to.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut again, None).unwrap();
            }
        }
    }
}
