//! Published vectors, run against this crate's own functions, or the libraries' with the parameters used here.

mod deviations;
mod limbo;
mod wycheproof;
