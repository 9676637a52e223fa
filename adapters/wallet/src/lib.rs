//! Figure 12: wallets, and the intermediation server that client and merchant pay and are paid through.
//!
//! ```text
//!    merchant 1202 --- ticket ---> client 1201 --- ticket, wallet or card ---> Wallets 1203
//!         ^                            |  <---- challenge ------------------      |   hold
//!         |                            |  ----- code, transaction --------->      |   debit + receipt
//!         +-------- receipt -----------+  <---- receipt --------------------      v
//!    verifies it offline,                                    Verifier (1205), Gateway, books
//!    takes it once, delivers
//! ```
//!
//! Client and merchant never deal in money with each other. The merchant signs what it wants to be paid for; the server
//! holds the amount, has the person authenticated by a code on the phone that shows amount and payee, and in the commit in
//! which the code is accepted debits the wallet and keeps the receipt, which the merchant verifies without asking anybody.
//!
//! A server makes [`Wallets`] of what it has. Its verifier is told what waits for codes here, and every few seconds
//! [`Wallets::resume`] looks after what nobody is at:
//!
//! ```
//! use std::sync::Arc;
//!
//! use countersign_domain::{
//!     gateway::{AwaitedPayments, Gateway},
//!     policy::Policy,
//!     ports::{Directory, IssuingBank, Ports},
//!     verifier::Verifier,
//! };
//! use countersign_wallet::{House, Wallets, flow::awaited};
//!
//! fn wallets(
//!     ports: Ports,
//!     policy: Policy,
//!     directory: Arc<dyn Directory>,
//!     bank: Arc<dyn IssuingBank>,
//!     house: House,
//! ) -> Wallets {
//!     let house = Arc::new(house);
//!     let payments = Arc::new(AwaitedPayments::of(ports.store.clone()));
//!     let verifier = Verifier::new(ports.clone(), policy).with_waiting(payments);
//!     let verifier = awaited(&ports, &house).into_iter().fold(verifier, Verifier::with_waiting);
//!     let verifier = Arc::new(verifier);
//!     let gateway = Arc::new(Gateway::new(ports.clone(), bank.clone(), verifier.clone()));
//!     Wallets { ports, directory, verifier, gateway, bank, house }
//! }
//! ```
//!
//! - [`flow::Wallets`]: the server's side, which knows no HTTP.
//! - [`http`]: the same for the programs of people, and [`merchants_api`] for those of merchants.
//! - [`pages`]: the same for people in a browser.
//! - [`merchant`]: the merchant's side: make a ticket, check a receipt, take it once.
//! - [`message`] and [`table`]: what goes over the wire.

pub mod error;
pub mod flow;
mod house;
pub mod http;
pub mod jws;
pub mod merchant;
pub mod merchants_api;
pub mod message;
pub mod pages;
mod purchase;
mod purse;
pub mod record;
mod references;
mod sealed;
mod standing;
mod statement;
pub mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod withdrawal;
mod words;

pub use self::{
    flow::Wallets,
    house::{Fee, House},
    purse::Limits,
    record::FINAL,
    references::References,
    sealed::sealed,
    standing::Standing,
    statement::WalletStatement,
};
