//! The hash of PINs, computed where nothing waits for it.

use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use countersign_domain::{
    pin::{PinError, PinHasher, TypedPin},
    secret::Secret,
};
use tokio::{sync::Semaphore, task};

/// OWASP's parameters for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at once: 76 MiB, whoever asks. More wait in turn.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// Argon2id (RFC 9106), on threads of their own: a hash takes tens of milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Argon2id;

#[async_trait]
impl PinHasher for Argon2id {
    async fn hash(&self, pin: &TypedPin, salt: [u8; 16]) -> Result<Secret<[u8; 32]>, PinError> {
        let _permit = AT_ONCE.acquire().await.map_err(|error| failed(&error))?;
        let pin = pin.clone();
        let hashed = task::spawn_blocking(move || hash(&pin, &salt)).await;
        hashed.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }
}

fn hash(pin: &TypedPin, salt: &[u8; 16]) -> Result<Secret<[u8; 32]>, argon2::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32))?;
    let mut hash = [0; 32];
    let argon2id = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2id.hash_password_into(pin.expose().as_bytes(), salt, &mut hash)?;
    Ok(Secret::new(hash))
}

fn failed(error: &dyn std::fmt::Display) -> PinError {
    PinError { cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_of_the_pin_and_of_its_salt() {
        let hash = async |pin: &str, salt| {
            let pin = pin.to_owned().try_into().unwrap();
            Argon2id.hash(&pin, [salt; 16]).await.unwrap()
        };
        let first = hash("283915", 1).await;
        assert!(first == hash("283915", 1).await);
        assert!(first != hash("283916", 1).await);
        assert!(first != hash("283915", 2).await);
    }

    /// `echo -n 283915 | argon2 0123456789abcdef -id -t 2 -k 19456 -p 1 -l 32 -r`, by the reference implementation.
    #[tokio::test]
    async fn a_hash_is_that_of_the_reference_implementation() {
        let pin = "283915".to_owned().try_into().unwrap();
        let hash = Argon2id.hash(&pin, *b"0123456789abcdef").await.unwrap();
        let hash: String = hash.expose().iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(hash, "fcfea12406e1bc3db360f682e3f822b549d0f25f3505d3a6b2bb9b7a07999a30");
    }
}
