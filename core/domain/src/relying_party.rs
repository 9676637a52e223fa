//! Relying parties: for whom people are authenticated, and what they may ask for.

use crate::{id::RelyingPartyId, transaction::Payee};

/// A service that relies on our answer: in payments, a merchant. How it proves who it is (an API key, a client
/// certificate, a terminal's line) is the adapter's affair.
#[derive(Clone, Debug, PartialEq)]
pub struct RelyingParty {
    /// Its id.
    pub id: RelyingPartyId,
    /// Its name, as people see it on the page and on the phone. Never taken from a request.
    pub name: Payee,
    /// Whether it may enter subscribers into the directory, and so decide which phone is asked.
    pub may_enrol: bool,
    /// Whether its payers are told that they are not known, and shown digits of phone and card before the code: then a
    /// stranger can learn who is known (ASVS 6.3.8).
    pub tells_unknown: bool,
}
