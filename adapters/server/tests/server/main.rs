//! A server over real sockets, with nothing behind its bank and its SMS centre; and the program.
#![expect(clippy::unwrap_used, reason = "a test's own steps fail the test")]

mod support;
mod unlock;

mod books;
mod database;
mod evidence;
mod flood;
mod flows;
mod guide;
mod keys;
mod listeners;
mod log;
mod moved;
mod openapi;
mod program;
mod revocation;
mod settle;
