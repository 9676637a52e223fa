//! What every HTTP flow of Countersign shares, on axum.
//!
//! It knows no flow: a flow takes from here who is asking, whether it was asked before, how a refusal looks on the wire
//! and on a page, and the page that asks for the code. Only the directory, which all flows share, has a route here.
//!
//! ```text
//!   request --> ApiCaller (relying party) ---+
//!           --> IdempotencyKey               |
//!           --> Session, Guest (a person)    +--> flow, to its end --> Problem (RFC 9457) | page
//!           --> PeerCertificates (TLS, 9440) |
//!           --> body, form ------------------+
//! ```

// The caller: a relying party or a person, in which matter, known by what.
pub mod correlation;
pub mod guest;
pub mod holder;
pub mod host;
pub mod origin;
pub mod own_forms;
pub mod peer_certificate;
pub mod relying_party;
pub mod return_url;
pub mod session;
// The request: read without quoting it, done once, and to its end.
pub mod body;
pub mod idempotency;
pub mod misfit;
mod objects;
pub mod step;
pub mod transaction;
// The answer: problems, pages and their words.
pub mod accept;
pub mod answer;
pub mod astray;
pub mod client_address;
pub mod code_page;
pub mod icon;
pub mod page;
pub mod problem;
mod refusals;
pub mod theme;
pub mod untold;
pub mod words;
// What is asked of other servers.
pub mod client;
// The API, and the directory's part of it.
pub mod api;
pub mod described;
pub mod pins;
pub mod subscribers;

#[cfg(feature = "testing")]
pub mod testing;
