//! The purchase of figure 11, its variants, and attacks on it.

mod purchase;
