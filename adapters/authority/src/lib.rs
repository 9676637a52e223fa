//! A certificate authority: what was issued, for which proof, and what was revoked (figure 11; claims 25 to 27).
//!
//! A public key is certified once. A number goes into a certificate only after its holder has typed back a code that was
//! sent to it: [`ProvedNumber`] is made of the domain's proof. What is issued is kept before it is
//! given out. X.509 itself is `countersign-certs`' affair; this crate opens no listener and reads no file.
//!
//! ```text
//!   Issuance (kind, name, key, proved number)
//!     |
//!     v
//!   flow.rs: CertificateAuthority --> countersign-certs: Authority (signs)
//!     |        issue, renew, revoke, revocation_list
//!     v
//!   Store: what was issued by serial number, keys by their hash, the last list's number
//! ```

mod enrolment;
mod flow;

mod error;
mod issuance;
mod message;
mod page;
mod record;
mod routes;
mod words;

pub use enrolment::{EnrolmentToken, Enrolments, Started};
pub use error::AuthorityError;
pub use flow::{CertificateAuthority, LIST_LIFETIME, Numbers, last_issued};
pub use issuance::Issuance;
pub use record::{FINAL, Issued, ProvedNumber, Revocation};
pub use routes::{AuthorityService, routes};
