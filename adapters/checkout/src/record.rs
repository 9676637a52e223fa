//! What is kept of a checkout.

use countersign_domain::{
    id::{CorrelationId, PaymentId, RelyingPartyId},
    locale::Locale,
    random_id,
    record::Stored,
    time::Timestamp,
    transaction::Transaction,
};
use serde::{Deserialize, Serialize};

random_id!(
    /// Names a checkout: the id alone shows amount and payee.
    CheckoutId, "co_"
);

/// A merchant's wish to be paid, and the payment that a payer began for it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Checkout {
    pub(crate) id: CheckoutId,
    pub(crate) relying_party: RelyingPartyId,
    pub(crate) transaction: Transaction,
    pub(crate) return_url: Option<String>,
    pub(crate) locale: Option<Locale>,
    pub(crate) expires_at: Timestamp,
    /// The merchant cancelled it: no payment may be begun.
    pub(crate) void: bool,
    /// Whether its payer is told that nobody knows him or her.
    #[serde(default)]
    pub(crate) tells_unknown: bool,
    /// The certificates that the payer of the last payment was known by, in base64: what is revoked meanwhile pays nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) certificates: Vec<String>,
    /// Payments begun so far, and the last of them.
    pub(crate) tries: u8,
    pub(crate) payment: Option<PaymentId>,
    /// Follows it through logs.
    #[serde(default)]
    pub(crate) correlation: Option<CorrelationId>,
}

/// The records of checkouts.
pub const CHECKOUTS: &str = Checkout::COLLECTION;

impl Stored for Checkout {
    const COLLECTION: &'static str = "checkout";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn final_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }

    fn correlation(&self) -> Option<&CorrelationId> {
        self.correlation.as_ref()
    }
}
