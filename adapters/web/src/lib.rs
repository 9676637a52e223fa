//! What every HTTP flow of Countersign shares, on axum.
//!
//! It has no route of its own and knows no flow: a flow takes from here how a refusal looks on the wire, who is asking,
//! whether it was asked before, and the frame of a page.
//!
//! ```text
//!   request --> ApiCaller (relying party) ---+
//!           --> IdempotencyKey               +--> flow --> Problem (RFC 9457) | Page
//!           --> PeerCertificates (TLS, 9440) +
//! ```

// Who asks, and in which matter.
pub mod correlation;
pub mod peer_certificate;
pub mod relying_party;
// Whether it was asked before.
pub mod idempotency;
// What is answered.
pub mod page;
pub mod problem;
pub mod theme;
