//! Figures 4 and 5: a person is asked for a code on behalf of a relying party that has pages of its own, over HTTP.
//!
//! The relying party starts a challenge for access, or for a payment that it makes itself; the person reads on the phone
//! what it is for, and types the code on the relying party's page, which passes it on. No bank is asked and nothing is
//! posted: the answer is all.
//!
//! ```text
//!   person's browser        relying party                              here                       phone
//!        | asks to come in       |                                      |                           |
//!        |---------------------->| POST /v1/challenges                  |                           |
//!        |                       |------------------------------------->| message with the code     |
//!        |                       |            id, session (a secret)    |-------------------------->|
//!        |                       |<-------------------------------------|                           |
//!        | types the code        |                                      |                           |
//!        |---------------------->| POST /v1/challenges/{id}/response    |                           |
//!        |                       |  session, code                       |                           |
//!        |                       |------------------------------------->|                           |
//!        | comes in              |            verified, or why not      |                           |
//!        |<----------------------|<-------------------------------------|                           |
//! ```
//!
//! It keeps nothing but the domain's challenges: one is this flow's when it is the caller's, about access
//! or a payment, and nothing waits for it.
//!
//! `examples/verify.rs` is a whole exchange.

// The flow: what is done with a challenge.
mod flow;
mod view;
// The wire: bytes in, valid types out; refusals in, problems out.
mod api;
mod error;
mod message;

pub use api::challenge_api;
pub use error::AccessError;
pub use flow::{Challenges, Origins};
pub use message::{NewChallenge, PaymentBody, PurposeBody, StartChallenge};
pub use view::{ChallengeView, PurposeView, StartedView, Status, VerifiedView};
