//! What of the roles of figure 11 is removed once it is final. What stays has nobody's data: which purchases and requests there
//! were, and what batches came to.

use countersign_domain::record::Stored as _;

use crate::{
    authority::{CodesAsked, Registration},
    cardholder_server::Held,
    record::{Answered, Order, PurchaseSigner},
};

/// Their collections.
pub const FINAL: [&str; 6] = [
    Answered::COLLECTION,
    Order::COLLECTION,
    PurchaseSigner::COLLECTION,
    Registration::COLLECTION,
    CodesAsked::COLLECTION,
    Held::COLLECTION,
];
