//! How a merchant registers a key: with the proof that it has the private half. What is signed with a key is its holder's,
//! and nobody may register the key of another as its own.

use countersign_domain::{id::RelyingPartyId, origin::Origin, time::Timestamp};
use serde::{Deserialize, Serialize};

use super::{Compact, Seconds, check_not_from_future};
use crate::{
    error::MessageRefusal,
    jws::{KeyFault, PublicKey, SigningKey, Unverified},
    table::{Kind, described, messages},
};

/// How old a proof may be, in seconds: it is made to be sent at once.
const MAX_PROOF_SECONDS: u64 = 600;

described! {
    RelyingPartyId => Kind::Text { max: RelyingPartyId::MAX_BYTES },
}

messages! {
    /// Proof that a merchant has the private half of a key, with which it is signed.
    KeyProof = "before GRT1" by Merchant signed as "countersign-key+jws" {
        /// The merchant, by the id that the server knows it by at its API.
        iss: RelyingPartyId as Merchant,
        /// The server at which the key is registered.
        aud: Origin as Server,
        /// When it was made.
        iat: Seconds as Time,
    }
}

/// A key that a merchant wants to sign its tickets with.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Its public half.
    pub key: PublicKey,
    /// A [`KeyProof`], signed with it.
    pub proof: Compact,
}

impl Registration {
    /// Registers that key of that merchant at that server.
    ///
    /// # Errors
    /// When there is no randomness for the signature.
    pub fn new(
        key: &SigningKey,
        merchant: RelyingPartyId,
        server: Origin,
        now: Timestamp,
    ) -> Result<Self, KeyFault> {
        let proof = KeyProof { iss: merchant, aud: server, iat: now.into() };
        Ok(Self { key: key.public().clone(), proof: Compact(key.sign(&proof)?) })
    }

    /// The key, when the proof is that merchant's, for that server, and was made just now.
    ///
    /// # Errors
    /// The refusal, by the order of [`MessageRefusal`].
    pub(crate) fn verified(
        &self,
        merchant: &RelyingPartyId,
        server: &Origin,
        now: Timestamp,
    ) -> Result<&PublicKey, MessageRefusal> {
        let proof = Unverified::<KeyProof>::read(&self.proof.0)?.verify(&self.key)?.message;
        if proof.iss != *merchant {
            return Err(MessageRefusal::Issuer);
        }
        if proof.aud != *server {
            return Err(MessageRefusal::Audience);
        }
        check_not_from_future(proof.iat, now)?;
        if proof.iat.get().saturating_add(MAX_PROOF_SECONDS) <= now.unix_seconds() {
            return Err(MessageRefusal::Expired);
        }
        Ok(&self.key)
    }
}
