//! A page of the domain's [`Statement`](countersign_domain::register::Statement) as text for others' programs: [`csv`] for
//! spreadsheets (RFC 4180), [`camt053`] for accounting (ISO 20022, camt.053.001.08). A page is bounded by the one who read it;
//! of pages of one instant, the CSV is one file when they are put together, and the camt.053 are messages that say which page
//! they are.
//!
//! A statement is of the credit side, as a bank's is: the balance is credits minus debits.
//!
//! Modules in reading order: `heading` (what a statement is of), `csv`, `camt` (ISO 20022), `value` (numbers and times).

mod heading;

mod camt;
mod csv;
mod value;

pub use camt::camt053;
pub use csv::csv;
pub use heading::{Heading, Unfit};
