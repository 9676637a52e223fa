//! The steps of the checkout over TLS.

mod merchant;
mod payer;
mod purchase;
