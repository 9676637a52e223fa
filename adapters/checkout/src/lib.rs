//! Figures 7, 8 and 13: a TLS checkout whose payer is authenticated over a second network.
//!
//! A merchant's back end creates a checkout over the API and sends the payer's browser to its page. The page shows
//! amount and payee, learns who pays (`userId`, a card, or nothing but the TLS client certificate), asks for the code
//! that went to the phone, and shows the outcome. Whose phone it is, the code, the bank and the register are the domain's
//! business; this crate ends no TLS session and opens no listener: it is the merchants' part of the API and the payers'
//! pages, to be mounted.
//!
//! ```text
//!   merchant's back end                        payer's browser (client certificate optional)
//!        | POST /v1/checkouts                       | GET, POST /pay/{id}[/code|/resend|/cancel]
//!        v                                          v
//!      api.rs                                    payer.rs --> page.rs (HTML) or JSON
//!        +-------------------> flow.rs <------------+
//!                                |  identity.rs: userId | card | certificate -> Payer
//!                                v
//!              countersign-domain: Gateway, Directory, Store
//! ```
//!
//! `examples/mount.rs` mounts it in a server of your own.

// The flow: what a checkout is, its payer, and what is done with it.
mod flow;
mod identity;
mod record;
mod view;
// The wire: bytes in, valid types out; refusals in, problems and pages out.
mod api;
mod error;
mod message;
mod page;
mod payer;
mod words;

pub use api::merchant_api;
pub use error::CheckoutError;
pub use flow::Checkouts;
pub use identity::PayerHint;
pub use message::{CreateCheckout, NewCheckout};
pub use payer::payer_pages;
pub use record::{CHECKOUTS, CheckoutId};
pub use view::{CheckoutView, ExemptionView, MerchantView, PayerView, Status};
