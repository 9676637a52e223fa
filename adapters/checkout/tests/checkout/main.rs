//! The checkout as HTTP, over the domain's fakes.
#![expect(clippy::unwrap_used, reason = "a test's own steps fail the test")]

mod browser;
mod hierarchy;
mod support;
mod unknown;

mod bad_input;
mod certificates;
mod limits;
mod merchant;
mod openapi;
mod page;
mod payer;
mod pin;
