//! What is issued is judged by OpenSSL, GnuTLS and NSS, and what is bad is refused by the rule it breaks.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "the functions that tests share may panic as tests do, and tables are long"
)]

mod chains;
mod elsewhere;
mod files;
mod gnutls;
mod hierarchy;
mod issuing;
mod known;
mod lint;
mod list_faults;
mod names;
mod nss;
mod openssl;
mod phones;
mod pkits;
mod python;
mod recipients;
mod requests;
mod revocation;
mod roles;
mod signed;
mod strict;
mod support;
mod tn_auth_lists;
mod vectors;
