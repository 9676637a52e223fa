//! What an operator signs: that the code of an order was typed. A JWS (RFC 7515) in its compact form, ES256.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use countersign_domain::{
    amount::Currency, digest::Sha256Digest, id::ChallengeId, time::Timestamp, transaction::Payee,
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::message::Order;

/// The `typ` of a statement.
pub const TYP: &str = "countersign-code-accepted+jwt";

/// What is said of an order. All of it is in the digest; what an auditor asks for is there in clear, too.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The client's name for the order.
    pub challenge: ChallengeId,
    /// The digest of the whole order.
    pub order_sha256: Sha256Digest,
    /// The digest of the client's own order, such as a ticket.
    pub digest: Sha256Digest,
    /// In minor units.
    pub amount_minor: u64,
    /// Of the amount.
    pub currency: Currency,
    /// To whom.
    pub payee: Payee,
    /// When the code was accepted, in seconds since the Unix epoch.
    pub iat: u64,
}

/// Why a statement is of no use.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum StatementRefusal {
    /// It is no such JWS, or not of the operator's key.
    #[error("the statement is not signed by the operator")]
    Signature,
    /// It is of another order than the one that was asked about.
    #[error("the statement is of another order")]
    OtherOrder,
}

/// A key on P-256 cannot be read in the form that is asked for, or cannot sign now.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the key is none on P-256 in this form")]
pub struct KeyFault;

/// What an operator signs its statements with.
#[derive(Clone)]
pub struct StatementKey(EncodingKey);

/// What statements are verified with.
#[derive(Clone)]
pub struct StatementVerifier(DecodingKey);

impl Statement {
    /// That the code of this order was typed.
    pub(crate) fn of(order: &Order, at: Timestamp) -> Self {
        Self {
            challenge: order.challenge.clone(),
            order_sha256: order.sha256(),
            digest: order.digest.clone(),
            amount_minor: order.amount_minor,
            currency: order.currency,
            payee: order.payee.clone(),
            iat: at.unix_seconds(),
        }
    }
}

impl StatementKey {
    /// The key in a PKCS #8 structure (RFC 5208), DER.
    ///
    /// # Errors
    /// When it is not one on P-256.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFault> {
        let key = Self(EncodingKey::from_ec_der(der));
        // A key that cannot sign is found now, and not at the first code.
        encode(&Header::new(Algorithm::ES256), &(), &key.0).map_err(|_| KeyFault)?;
        Ok(key)
    }

    pub(crate) fn sign(&self, statement: &Statement) -> Result<String, KeyFault> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYP.to_owned());
        encode(&header, statement, &self.0).map_err(|_| KeyFault)
    }
}

impl StatementVerifier {
    /// The public key in a SubjectPublicKeyInfo (RFC 5280), DER.
    ///
    /// # Errors
    /// When it is not one on P-256.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyFault> {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der).map_err(|_| KeyFault)?;
        Ok(Self(DecodingKey::from_ec_der(der)))
    }

    /// Whether the operator says so of this very order.
    ///
    /// # Errors
    /// The refusal.
    pub fn verify(&self, compact: &str, order: &Order) -> Result<Statement, StatementRefusal> {
        let header = decode_header(compact).map_err(|_| StatementRefusal::Signature)?;
        if header.typ.as_deref() != Some(TYP) {
            return Err(StatementRefusal::Signature);
        }
        let mut validation = Validation::new(Algorithm::ES256);
        // It is good for ever: the challenge that it ends was asked about in time.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let read = decode::<Statement>(compact, &self.0, &validation);
        let statement = read.map_err(|_| StatementRefusal::Signature)?.claims;
        let of_order = Statement {
            iat: statement.iat,
            ..Statement::of(order, Timestamp::from_unix_seconds(0))
        };
        if statement == of_order { Ok(statement) } else { Err(StatementRefusal::OtherOrder) }
    }
}

impl fmt::Debug for StatementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatementKey(..)")
    }
}
