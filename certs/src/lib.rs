//! Issue, read and check X.509 certificates that bear a phone number.
//!
//! A certificate tells a gateway where to send the code: the number stands in it in clear, or encrypted so that only
//! chosen gateways can read it, with the holder's card if need be. This library knows no network, no clock and no
//! store: time is a parameter, and what was issued is for the caller to record. It does not ask whether the number is
//! its holder's: prove that with a code before issuing.
//!
//! ```text
//!   KeyPair ----public key----+                                       TrustAnchors
//!                             v                                            |
//!   Authority::root -> issuing -> issue(Profile) -> Certificate -> verify(chain, now, role)
//!                             ^                                            |
//!        Holder + RecipientCertificate                   VerifiedCertificate::phone(RecipientKey) -> Holder
//! ```
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use countersign_certs::{Authority, KeyPair, Phone, PhoneNumber, Profile, TrustAnchors, UnixTime, Validity};
//!
//! let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
//! let year = Validity::new(now, Duration::from_secs(365 * 86_400))?;
//! let root = Authority::root("Example root", year)?;
//!
//! let number = PhoneNumber::new("+33612345678")?;
//! let key = KeyPair::generate()?;
//! let profile = Profile::TlsClient { common_name: "user-42", phone: Phone::Clear(&number) };
//! let certificate = root.issue(&profile, key.public_key(), year)?;
//!
//! let anchors = TrustAnchors::new(&[root.certificate().clone()])?;
//! let client = anchors.verify_client(&[certificate.der().clone()], now)?;
//! assert_eq!(client.phone(&[])?.number.expose(), "+33612345678");
//! # Ok(())
//! # }
//! ```
//!
//! Keys, nonces, salts and serial numbers come from the cryptographic libraries' own randomness, not from a
//! parameter: a caller who could choose them could break the encryption.

// What there is: certificates and keys; what a certificate says of its holder; what can go wrong.
mod certificate;
mod error;
mod key;
mod kind;
mod pem;
mod phone;
mod serial;
mod tn_auth_list;

// Issuing: authorities, what they issue and for which requests; and revoking it.
mod authority;
mod domains;
mod pkcs12;
mod profile;
mod request;
mod revocation_list;

// Sealed and signed messages, and the encrypted number on top of them.
pub mod cms;
mod extension;
mod phone_record;

// What a certificate says; reading the number; and whether to trust it.
mod inspect;
mod known;
mod read;
mod revocation;
mod signature;
mod strict;
mod verify;

// Published vectors, against what is private here too.
#[cfg(test)]
mod vectors;

pub use self::cms::{MAX_RECIPIENTS, RecipientCertificate, RecipientKey, signed::to_certs_only};
pub use authority::Authority;
pub use certificate::{
    Certificate, MAX_CERTIFICATE_BYTES, Validity, certificates_from_file, sha256,
};
pub use error::{Error, ListFault, ProfileFault, RecordFault, Refusal, SealedFault, SignedFault};
pub use extension::PhoneExtension;
pub use inspect::{Inspection, inspect};
pub use key::{
    KeyKind, KeyPair, PublicKey, SigningKey, check_passphrase, pkcs8_from_file, spki_from_file,
    tls_key_from_file, to_request_pem, to_self_certified,
};
pub use kind::{AuthorityKind, EndEntityKind, KeyUse};
pub use phone::{Card, Holder, PhoneNumber};
pub use phone_record::MAX_ENVELOPE_BYTES;
pub use pkcs12::{check_pkcs12_passphrase, to_pkcs12};
pub use profile::{AuthorityProfile, LIST_PERIOD, Phone, Profile, check_revocation_list_url};
pub use read::read_phone;
pub use request::{MAX_REQUEST_BYTES, Request};
pub use revocation_list::{MAX_REVOCATION_LIST_BYTES, RevocationList, RevocationReason, Revoked};
pub use rustls_pki_types::{CertificateDer, UnixTime};
pub use serial::Serial;
pub use tn_auth_list::{
    MAX_TN_AUTH_LIST_BYTES, MAX_TN_ENTRIES, TelephoneNumber, TnAuthList, TnEntry,
};
pub use verify::{MAX_CHAIN, TrustAnchors, VerifiedCertificate};
