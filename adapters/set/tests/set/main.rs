//! The purchase of figure 11, its variants, and attacks on it.
#![allow(dead_code, reason = "an attacker's tools, of which each file takes some")]

mod attacks;
mod forge;
mod gateway_checks;
mod once;
mod purchase;
mod secrets;
