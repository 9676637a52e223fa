//! Merchants and gateways that register, as the authority's operator sees them: each waits until the operator has decided, and
//! is certified after that (authority/business.rs).

use countersign_certs::{EndEntityKind, Error as KeyError, PublicKey};
use countersign_domain::{
    error::Error,
    hex,
    ports::Store,
    record::{Batch, StoreError, Stored, Versioned},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use crate::{
    message::registration::{CertReqTbs, IdData},
    protect::Digest,
    record::{Bytes, Hash},
};

/// Registrations that wait, at most: anybody can ask, and an operator reads them one by one.
pub const MAX_OPEN: usize = 100;

/// Which part of figure 11 somebody registers for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BusinessRole {
    /// The one who sells, 1102.
    Merchant,
    /// The payment gateway, 1103.
    Gateway,
}

impl BusinessRole {
    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Gateway => "gateway",
        }
    }

    /// What its two certificates are for: to sign, and to be encrypted to.
    pub const fn kinds(self) -> [EndEntityKind; 2] {
        match self {
            Self::Merchant => {
                [EndEntityKind::MerchantSignature, EndEntityKind::MerchantKeyExchange]
            }
            Self::Gateway => [EndEntityKind::GatewaySignature, EndEntityKind::GatewayKeyExchange],
        }
    }
}

/// How a registration stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationState {
    /// The operator has not decided yet.
    Pending,
    /// The operator has approved; the certificates are made when they are asked for.
    Approved,
    /// The operator has refused.
    Refused,
    /// The certificates are made.
    Certified,
}

impl RegistrationState {
    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Certified => "certified",
        }
    }

    const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Approved => true,
            Self::Refused | Self::Certified => false,
        }
    }
}

/// A merchant or a gateway that registers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BusinessRegistration {
    /// SHA-256 of the key that signs, as hexadecimal digits: what the applicant reads out to the operator.
    pub id: String,
    /// What it registers as.
    pub role: BusinessRole,
    /// Its acquirer.
    pub acquirer_bin: String,
    /// The name that its certificates bear.
    pub name: String,
    /// When it asked first.
    pub asked_at: Timestamp,
    /// How it stands.
    pub state: RegistrationState,
    /// The key that is encrypted to (SubjectPublicKeyInfo).
    exchange_key: Bytes,
    /// The wish, as it was signed last.
    h_cert_req: Hash,
}

impl Stored for BusinessRegistration {
    const COLLECTION: &'static str = "set_business_registration";

    fn id(&self) -> &str {
        &self.id
    }

    /// An open one is the operator's to look at, or waits for the applicant.
    fn due_at(&self) -> Option<Timestamp> {
        self.state.is_open().then_some(self.asked_at)
    }
}

impl BusinessRegistration {
    /// One that waits for the operator.
    pub(crate) fn new(
        id_data: &IdData,
        key: &PublicKey,
        exchange_key: &PublicKey,
        h_cert_req: &Digest<CertReqTbs>,
        asked_at: Timestamp,
    ) -> Self {
        let (role, acquirer_bin, name) = match id_data {
            IdData::Merchant(merchant) => {
                (BusinessRole::Merchant, &merchant.merchant_bin, &merchant.merchant_id)
            }
            IdData::Gateway(gateway) => {
                (BusinessRole::Gateway, &gateway.acquirer_bin, &gateway.acquirer_business_id)
            }
        };
        Self {
            id: Self::id_of(key),
            role,
            acquirer_bin: acquirer_bin.as_str().to_owned(),
            name: name.as_str().to_owned(),
            asked_at,
            state: RegistrationState::Pending,
            exchange_key: Bytes(exchange_key.to_spki()),
            h_cert_req: Hash(*h_cert_req.as_bytes()),
        }
    }

    pub(crate) fn id_of(key: &PublicKey) -> String {
        hex::encode(&key.sha256())
    }

    /// Whether it is of the same keys, role, acquirer and name.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        let of = |one: &Self| {
            let Self { id, role, acquirer_bin, name, exchange_key, .. } = one.clone();
            (id, role, acquirer_bin, name, exchange_key)
        };
        of(self) == of(other)
    }

    /// Whether that is the wish which it is answered for.
    pub(crate) fn is_wish(&self, h_cert_req: &Digest<CertReqTbs>) -> bool {
        self.h_cert_req.0 == *h_cert_req.as_bytes()
    }

    /// The same, asked for once more: one that has lost the answers begins again with its keys.
    pub(crate) fn asked_again(self, again: Self) -> Self {
        Self { h_cert_req: again.h_cert_req, ..self }
    }

    pub(crate) fn in_state(self, state: RegistrationState) -> Self {
        Self { state, ..self }
    }

    pub(crate) fn exchange_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki(&self.exchange_key.0)
    }

    /// SHA-256 of the key that is encrypted to, as hexadecimal digits.
    pub fn exchange_key_sha256(&self) -> String {
        self.exchange_key().map_or_else(|_| String::new(), |key| hex::encode(&key.sha256()))
    }
}

/// Which registration a key to encrypt to belongs to: it is in one and no other.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ExchangeKeyUse {
    key_sha256: String,
    registration: String,
}

impl Stored for ExchangeKeyUse {
    const COLLECTION: &'static str = "set_exchange_key_use";

    fn id(&self) -> &str {
        &self.key_sha256
    }
}

impl ExchangeKeyUse {
    pub(crate) fn of(registration: &BusinessRegistration) -> Self {
        let registration_id = registration.id.clone();
        Self { key_sha256: registration.exchange_key_sha256(), registration: registration_id }
    }
}

/// Why a registration is not decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ThisError)]
pub enum NotDecided {
    /// There is none of that id.
    #[error("there is no such registration")]
    Unknown,
    /// It was decided before.
    #[error("it is {} already", .0.name())]
    Before(RegistrationState),
}

/// Those that are pending, or approved and not certified yet; the first to ask first.
///
/// # Errors
/// When the store fails.
pub async fn open(
    store: &dyn Store,
    now: Timestamp,
) -> Result<Vec<BusinessRegistration>, StoreError> {
    // Of some that were let in at the same time, each may have been the last.
    let limit = MAX_OPEN.saturating_mul(2);
    let due = store.due(BusinessRegistration::COLLECTION, now, limit).await?;
    let read = |record| Versioned::try_from(record).map(|found| found.value);
    due.into_iter().map(read).collect()
}

/// The one of that id.
///
/// # Errors
/// When the store fails.
pub async fn find(store: &dyn Store, id: &str) -> Result<Option<BusinessRegistration>, StoreError> {
    Ok(store.find::<BusinessRegistration>(id).await?.map(|found| found.value))
}

/// Approves or refuses one that is pending. What is decided stays so.
///
/// # Errors
/// When the store fails.
pub async fn decide(
    store: &dyn Store,
    id: &str,
    approved: bool,
) -> Result<Result<BusinessRegistration, NotDecided>, Error> {
    let state = if approved { RegistrationState::Approved } else { RegistrationState::Refused };
    let change = |found: Versioned<BusinessRegistration>| async move {
        let mut batch = Batch::default();
        if found.value.state != RegistrationState::Pending {
            return Ok((batch, Err(NotDecided::Before(found.value.state))));
        }
        let decided = found.map(|registration| registration.in_state(state));
        batch.replace(&decided)?;
        Ok((batch, Ok(decided.value)))
    };
    match store.change(id, change).await {
        Err(Error::NotFound { .. }) => Ok(Err(NotDecided::Unknown)),
        decided => decided,
    }
}
