//! The telecom operator as trusted third party (F12.v1): it computes the codes of others' payments with a key of its own, sends
//! them to its subscribers and compares what was typed.
//!
//! ```text
//!   intermediation server 1203                          operator                       phone 1204
//!     holds the amount       --- order, message --->   Desk: key, outbox  --- code --->   |
//!     asks the person                                   |                                 |
//!     takes what was typed   --- order, code ------->   counts, compares                  |
//!     posts or releases      <-- signed verdict -----   keeps what it said
//! ```
//!
//! The domain's port [`Operator`](countersign_domain::ports::Operator) has two implementations here: [`Desk`], in process, which
//! is what an operator runs; and [`HttpOperator`], by which another server asks a desk over HTTP, each side known to the other by
//! its certificate.
//!
//! - [`Desk`]: orders taken once, verdicts that stay the same.
//! - [`http`]: a desk for each client, which its certificate leads to.
//! - [`link`]: the client's side.
//! - [`message`]: what goes over the wire; [`statement`]: what an operator signs.

mod flow;
pub mod http;
pub mod link;
pub mod message;
mod record;
pub mod statement;

pub use self::{
    flow::{Desk, awaited},
    link::HttpOperator,
    record::{ORDERS, own_challenge},
};
