//! What a script can say: what all flows have in common, by subject, then each flow's own steps.
//!
//! Names of people are words (`Alice`, `Bob`); `{amount}` and `{time}` are those of `phrase.rs`, and what follows a
//! colon is looked up there, too.
#![expect(
    clippy::needless_pass_by_ref_mut,
    reason = "a step is given the story as the library passes it"
)]

mod access;
mod answer;
mod bank;
mod certificate;
mod clock;
mod people;
mod phone;
mod pin;
mod registration;
mod set;
mod settle;
mod wallet;

mod checkout;
