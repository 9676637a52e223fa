//! What a script can say, by who acts.
//!
//! Names of people are words (`Alice`, `Bob`); `{amount}` and `{time}` are those of `phrase.rs`, and what follows a
//! colon is looked up there, too.
#![expect(
    clippy::needless_pass_by_ref_mut,
    reason = "a step is given the story as the library passes it"
)]

pub(crate) mod access;
mod bank;
mod certificate;
mod merchant;
mod payer;
mod phone;
mod purchase;
