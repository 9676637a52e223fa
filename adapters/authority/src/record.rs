//! What an authority keeps of what it issued.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_certs::{Certificate, EndEntityKind, Error, RevocationReason};
use countersign_domain::{
    address::Msisdn, challenge::Verified, id::ChallengeId, record::Stored, time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A certificate that was issued.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
pub struct Issued {
    /// Its serial number, as hexadecimal digits.
    pub serial: String,
    /// SHA-256 of the key that it is for, as hexadecimal digits.
    pub key_sha256: String,
    /// The name of its profile.
    pub profile: String,
    /// The subject's common name.
    pub common_name: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The last second in which it is valid.
    pub not_after: Timestamp,
    /// The number in it, and the challenge by which its holder proved it.
    pub number: Option<ProvedNumber>,
    /// The serial number of the certificate that it replaces.
    pub replaces: Option<String>,
    /// The certificate itself, DER in base64.
    pub certificate: String,
    /// Whether it was revoked.
    pub revoked: Option<Revocation>,
}

/// Without the certificate, which may hold a number in clear.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("serial", &self.serial)
            .field("profile", &self.profile)
            .field("common_name", &self.common_name)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

impl Issued {
    /// The certificate.
    ///
    /// # Errors
    /// [`countersign_certs::Error::MalformedCertificate`] when the record was not written here.
    pub fn to_certificate(&self) -> Result<Certificate, Error> {
        let der = STANDARD.decode(&self.certificate).map_err(|_| Error::MalformedCertificate)?;
        Certificate::from_der(der.into())
    }
}

/// A number that its holder has proved to have, by typing back a code that was sent to it (F11.1).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ProvedNumber {
    number: Msisdn,
    challenge: ChallengeId,
}

impl ProvedNumber {
    /// The number of the domain's proof: there is no other way to have one. `None` when the code went to another kind of
    /// address.
    pub fn of(verified: &Verified) -> Option<Self> {
        let number = verified.person().address.msisdn()?.clone();
        Some(Self { number, challenge: verified.challenge().clone() })
    }

    /// The number.
    pub const fn number(&self) -> &Msisdn {
        &self.number
    }

    /// The challenge that proved it: its facts are the evidence.
    pub const fn challenge(&self) -> &ChallengeId {
        &self.challenge
    }
}

/// Since when a certificate is revoked, and why.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Revocation {
    /// Since when.
    pub at: Timestamp,
    /// The name of the reason (RFC 5280 section 5.3.1).
    pub reason: String,
}

impl Revocation {
    pub(crate) fn reason(&self) -> RevocationReason {
        RevocationReason::from_name(&self.reason).unwrap_or_default()
    }
}

impl Stored for Issued {
    const COLLECTION: &'static str = "certificate";

    fn id(&self) -> &str {
        &self.serial
    }

    /// What is revoked must stand in the next list.
    fn due_at(&self) -> Option<Timestamp> {
        self.revoked.as_ref().map(|revocation| revocation.at)
    }

    /// After it has expired no list and no inquiry needs it. That its key was certified stays.
    fn final_at(&self) -> Option<Timestamp> {
        Some(self.not_after)
    }
}

/// Which certificate a proof of a number was used for: each is used once.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct UsedProof {
    challenge: ChallengeId,
    pub(crate) serial: String,
    at: Timestamp,
}

impl Stored for UsedProof {
    const COLLECTION: &'static str = "used_proof";

    fn id(&self) -> &str {
        self.challenge.as_str()
    }

    /// A code can be typed for minutes.
    fn final_at(&self) -> Option<Timestamp> {
        Some(self.at)
    }
}

impl UsedProof {
    /// That of a certificate with a number in it.
    pub(crate) fn of(issued: &Issued) -> Option<Self> {
        let challenge = issued.number.as_ref()?.challenge.clone();
        Some(Self { challenge, serial: issued.serial.clone(), at: issued.issued_at })
    }
}

/// What is removed once it is final: a certificate that has expired, as it holds a person's name and number, and what was kept
/// for minutes.
pub const FINAL: [&str; 3] = [Issued::COLLECTION, UsedProof::COLLECTION, CODES_SENT];

/// That a key was certified. A key is certified once: two certificates for one key could say two things of its holder.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct CertifiedKey {
    pub(crate) key_sha256: String,
    pub(crate) serial: String,
}

impl Stored for CertifiedKey {
    const COLLECTION: &'static str = "certified_key";

    fn id(&self) -> &str {
        &self.key_sha256
    }
}

/// Which certificate a merchant or a gateway was issued last under a name: one that asks for the same name may be another.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct CertifiedName {
    id: String,
    pub(crate) serial: String,
}

impl Stored for CertifiedName {
    const COLLECTION: &'static str = "certified_name";

    fn id(&self) -> &str {
        &self.id
    }
}

impl CertifiedName {
    pub(crate) fn id_of(profile: &str, name: &str) -> String {
        format!("{profile} {name}")
    }

    /// That of a certificate, if a name of its profile is one that people know somebody by.
    pub(crate) fn of(issued: &Issued) -> Option<Self> {
        let is_known_by_it = match EndEntityKind::from_name(&issued.profile)? {
            EndEntityKind::MerchantSignature
            | EndEntityKind::MerchantKeyExchange
            | EndEntityKind::GatewaySignature
            | EndEntityKind::GatewayKeyExchange => true,
            EndEntityKind::TlsServer
            | EndEntityKind::TlsClient
            | EndEntityKind::Cardholder
            | EndEntityKind::AuthoritySignature
            | EndEntityKind::AuthorityKeyExchange => false,
        };
        let id = Self::id_of(&issued.profile, &issued.common_name);
        is_known_by_it.then(|| Self { id, serial: issued.serial.clone() })
    }
}

/// The last revocation list that was signed. There is one such record.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct ListState {
    pub(crate) number: u64,
}

impl ListState {
    pub(crate) const ID: &'static str = "current";
}

impl Stored for ListState {
    const COLLECTION: &'static str = "revocation_list";

    fn id(&self) -> &str {
        Self::ID
    }
}

/// The records in which an earlier version counted the codes that were sent to a number.
const CODES_SENT: &str = "codes_sent";
