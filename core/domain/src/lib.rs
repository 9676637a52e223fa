//! The core of Countersign: a code that depends on the person, the session, the time, the amount and the payee goes to
//! a phone over a second network; only when the person types it back in the same session does anything happen.
//!
//! This crate knows no network, no HTTP, no X.509, no database and no wall clock: what it needs from outside are the
//! traits of [`ports`].
//!
//! ```text
//!            start_payment                                      finish_payment
//!                 |                                                   |
//!                 v                                                   v
//!   Gateway: select --> authorize --> ask a code ........ agree --> capture --> Captured
//!             (C23)     IssuingBank        |                 ^     IssuingBank
//!                                          v                 |
//!                       Verifier: start_challenge     finish_challenge
//!                                          |                 ^
//!                                          v                 |
//!                            Outbox --> Messenger --> phone --> person
//! ```
//!
//! Every step is one [`record::Batch`], committed whole, so that a crash between two steps loses and doubles nothing.
//!
//! ```
//! # #[cfg(feature = "testing")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use countersign_domain::{code::TypedCode, payment::PaymentState, record::Batch, refusal::Outcome, testing::Fixture};
//!
//! let shop = Fixture::new();
//! let purchase = shop.purchase("49.90");
//! let session = purchase.person.session.clone();
//! let payment = shop.gateway.start_payment(purchase, Batch::default()).await?;
//! assert_eq!(payment.state().name(), "awaiting_code");
//!
//! let sms = shop.next_message().await.expect("the phone rings");
//! assert!(sms.contains("49.90 EUR to Librairie Dupont"));
//! let typed = TypedCode::try_from(shop.code_in(&sms))?;
//! let finished = shop.gateway.finish_payment(&payment, &session, &typed).await?;
//! assert_eq!(finished.map(|payment| payment.state().name()), Outcome::Done("captured"));
//! # Ok::<(), countersign_domain::error::Error>(()) }).unwrap();
//! ```
#![warn(clippy::arithmetic_side_effects)]

// Values.
pub mod address;
pub mod amount;
pub mod card;
pub mod digest;
pub mod element;
pub mod hex;
pub mod id;
pub mod invalid;
pub mod lane;
pub mod locale;
pub mod origin;
pub mod person;
pub mod randomness;
pub mod secret;
pub mod shown;
pub mod time;
pub mod transaction;
mod typed;

// What is kept, and what is asked of the outside.
pub mod bank;
pub mod error;
pub mod event;
pub mod keys;
pub mod message;
pub mod operator;
pub mod phrase;
pub mod pin;
pub mod plan;
pub mod ports;
pub mod record;
pub mod refusal;
pub mod register;
pub mod relying_party;
pub mod settlement;
pub mod subscriber;

// State machines, pure.
pub mod agreement;
pub mod binding;
pub mod challenge;
pub mod code;
pub mod exempted;
mod ocra;
pub mod payment;
pub mod policy;
pub mod response;
mod summary;

// The flow.
pub mod directory;
pub mod gateway;
pub mod limits;
pub mod outbox;
pub mod reseal;
pub mod retention;
pub mod verifier;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
