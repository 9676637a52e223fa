//! How the payment of a ticket stands, for those who look at the store and ask nobody.

use countersign_domain::{error::Error, ports::Store};

use crate::record::{NotPaid, Purchase, PurchaseState};

/// How the payment of a ticket stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// The person or the bank has the next action.
    Pending,
    /// It is paid.
    Paid,
    /// It is not paid, for that reason; the ticket may be tried again.
    NotPaid(NotPaid),
}

impl Standing {
    /// That of the payment with that id; none when nobody has begun it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(store: &dyn Store, id: &str) -> Result<Option<Self>, Error> {
        let found = store.find::<Purchase>(id).await?;
        Ok(found.map(|found| match found.value.state {
            PurchaseState::Pending => Self::Pending,
            PurchaseState::Paid { .. } => Self::Paid,
            PurchaseState::NotPaid { cause, .. } => Self::NotPaid(cause),
        }))
    }
}
