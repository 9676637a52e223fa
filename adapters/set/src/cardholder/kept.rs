//! A purchase that was sent, as a cardholder's program keeps it over a restart.

use countersign_certs::TrustAnchors;
use countersign_domain::time::Timestamp;
use der::{Decode as _, Encode as _};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::{Offer, Purchase, Sent, WalletError, gateway_of};
use crate::{
    asn1::{Received, SecretOctets},
    message::purchase::Mode,
    name::unix_time,
    protect::Digest,
    record::{Bytes, Hash},
};

/// What is needed beside the wake-up. It holds a secret, and is kept sealed.
#[derive(Deserialize, Serialize)]
pub(crate) struct KeptSent {
    /// What the merchant answered when it named the purchase.
    named: Bytes,
    pi_tbs: Hash,
    hod: Hash,
    is_signed: bool,
    /// What the gateway knows this cardholder's program by.
    ex_nonce: Bytes,
}

impl KeptSent {
    pub(crate) fn of(sent: &Sent) -> Result<Self, WalletError> {
        Ok(Self {
            named: Bytes(sent.purchase.answer.to_der()?),
            pi_tbs: Hash(*sent.pi_tbs.as_bytes()),
            hod: Hash(*sent.hod.as_bytes()),
            is_signed: matches!(sent.mode, Mode::DualSigned),
            ex_nonce: Bytes(sent.ex_nonce.to_der()?),
        })
    }

    /// The purchase again, with the offer, as trusted when it was begun.
    pub(crate) fn sent(
        &self,
        offer: Offer,
        trust: &TrustAnchors,
        begun_at: Timestamp,
    ) -> Result<Sent, WalletError> {
        let answer = Received::from_der(&self.named.0)?;
        let gateway = gateway_of(&answer, trust, unix_time(begun_at))?;
        Ok(Sent {
            purchase: Purchase { offer, answer, gateway },
            pi_tbs: Digest::from_bytes(self.pi_tbs.0),
            hod: Digest::from_bytes(self.hod.0),
            mode: if self.is_signed { Mode::DualSigned } else { Mode::Unsigned },
            ex_nonce: SecretOctets::from_der(&self.ex_nonce.0)?,
        })
    }
}

impl Drop for KeptSent {
    fn drop(&mut self) {
        self.ex_nonce.0.zeroize();
    }
}
