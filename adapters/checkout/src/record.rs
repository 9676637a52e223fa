//! What is kept of a checkout.

use countersign_domain::{
    id::{CorrelationId, PaymentId, RelyingPartyId},
    locale::Locale,
    ordered_id,
    record::Stored,
    time::Timestamp,
    transaction::Transaction,
};
use serde::{Deserialize, Serialize};

ordered_id!(
    /// Names a checkout: the id alone shows amount and payee.
    capability CheckoutId, "co_"
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

#[cfg(test)]
mod tests {
    use countersign_domain::testing::SeededEntropy;

    use super::*;

    #[test]
    fn what_shows_amount_and_payee_has_128_random_bits_and_is_read_without_its_time_too() {
        let now = Timestamp::from_unix_millis(1_795_773_600_123);
        let id = CheckoutId::made_at(now, &SeededEntropy::new(1)).unwrap();
        let (time, random) = id.as_str()["co_".len()..].split_at(12);
        assert_eq!((u64::from_str_radix(time, 16), random.len()), (Ok(now.unix_millis()), 32));
        assert!(CheckoutId::try_from(format!("co_{random}")).is_ok());
        assert!(CheckoutId::try_from(format!("co_{time}{random}0")).is_err());
    }
}
