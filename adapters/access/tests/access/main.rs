//! Challenges as HTTP, over the domain's fakes.
#![expect(clippy::unwrap_used, reason = "a test's own steps fail the test")]

mod support;

mod bad_input;
mod challenges;
mod openapi;
mod parties;
mod pin;
