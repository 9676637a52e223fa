//! Signed messages: JWS in its compact form (RFC 7515), ES256 and nothing else (RFC 8725 section 3.1).
//!
//! What a library reads of a header is what an attacker wrote. So the header is read here, by a structure that knows
//! `alg`, `typ` and `kid` and refuses all else, `crit` and `jwk` among it, before any cryptography.

use std::{fmt, marker::PhantomData};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign_domain::digest::Sha256Digest;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header,
    crypto::verify,
    encode,
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters,
        EllipticCurveKeyType, Jwk, ThumbprintHash,
    },
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{error::MessageRefusal, table::Signed};

/// Most bytes of a message: a ticket of twenty kinds of goods with long names has a third of them.
pub const MAX_BYTES: usize = 16 * 1024;

/// The one algorithm: ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4).
const ALGORITHM: &str = "ES256";

/// Octets of a coordinate of a point on P-256.
const COORDINATE_OCTETS: usize = 32;

/// A key is none on P-256 in the form that is asked for: PKCS #8 of a private key, or a JWK of a public key.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the key is none on P-256 in this form")]
pub struct KeyFault;

/// A private key on P-256.
#[derive(Clone)]
pub struct SigningKey {
    key: EncodingKey,
    public: PublicKey,
}

impl SigningKey {
    /// The key in a PKCS #8 structure (RFC 5208), DER.
    ///
    /// # Errors
    /// When it is not one on P-256.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFault> {
        let key = EncodingKey::from_ec_der(der);
        let jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(|_| KeyFault)?;
        let AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters { x, y, .. }) =
            jwk.algorithm
        else {
            return Err(KeyFault);
        };
        Ok(Self { key, public: PublicKey::new(x, y)? })
    }

    /// Its public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message.
    ///
    /// # Errors
    /// When there is no randomness for the signature.
    pub(crate) fn sign<T: Signed>(&self, message: &T) -> Result<String, KeyFault> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(T::TYP.to_owned());
        header.kid = Some(self.public.id.clone());
        encode(&header, message, &self.key).map_err(|_| KeyFault)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.public.id).finish_non_exhaustive()
    }
}

/// A public key on P-256, as a JWK (RFC 7517) has it. It is known by its thumbprint (RFC 7638), which is the `kid` of what it
/// verifies: two keys cannot have the same.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "PublicJwk", into = "PublicJwk")]
pub struct PublicKey {
    x: String,
    y: String,
    id: String,
}

/// The members of a public JWK. A private one, which has `d`, is refused: it was pasted by mistake.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PublicJwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
}

impl PublicKey {
    fn new(x: String, y: String) -> Result<Self, KeyFault> {
        let octets = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyFault);
        let (left, right) = (octets(&x)?, octets(&y)?);
        if left.len() != COORDINATE_OCTETS || right.len() != COORDINATE_OCTETS {
            return Err(KeyFault);
        }
        // A point that is not on the curve is refused now, and not at the first ticket.
        let point = [&[4], left.as_slice(), right.as_slice()].concat();
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyFault)?;
        let parameters = EllipticCurveKeyParameters {
            curve: EllipticCurve::P256,
            x: x.clone(),
            y: y.clone(),
            key_type: EllipticCurveKeyType::EC,
        };
        let jwk = Jwk {
            common: CommonParameters::default(),
            algorithm: AlgorithmParameters::EllipticCurve(parameters),
        };
        let id = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyFault)?;
        Ok(Self { x, y, id })
    }

    /// By which it is known: its thumbprint (RFC 7638).
    pub fn id(&self) -> &str {
        &self.id
    }

    fn decoding_key(&self) -> Result<DecodingKey, MessageRefusal> {
        DecodingKey::from_ec_components(&self.x, &self.y).map_err(|_| MessageRefusal::Signature)
    }
}

impl TryFrom<PublicJwk> for PublicKey {
    type Error = KeyFault;

    fn try_from(jwk: PublicJwk) -> Result<Self, KeyFault> {
        let is_for_this = jwk.kty == "EC"
            && jwk.crv == "P-256"
            && jwk.alg.is_none_or(|alg| alg == ALGORITHM)
            && jwk.usage.is_none_or(|usage| usage == "sig");
        if is_for_this { Self::new(jwk.x, jwk.y) } else { Err(KeyFault) }
    }
}

impl From<PublicKey> for PublicJwk {
    fn from(key: PublicKey) -> Self {
        Self {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: key.x,
            y: key.y,
            kid: Some(key.id),
            alg: Some(ALGORITHM.to_owned()),
            usage: Some("sig".to_owned()),
        }
    }
}

/// Public keys as a JWK Set has them (RFC 7517 section 5).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeySet {
    /// A merchant finds one among them by its `kid`.
    pub keys: Vec<PublicKey>,
}

/// The header that we write, and the only one that we read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// A message whose form is right and whose signature was not looked at.
#[derive(Debug)]
pub struct Unverified<'a, T> {
    kid: String,
    signed: &'a str,
    payload: Vec<u8>,
    signature: &'a str,
    kind: PhantomData<T>,
}

/// A message that was verified, and the digest of all of it that is signed.
///
/// The digest is not of the signature: of one message there are many (an ECDSA signature has a twin that is as good).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authentic<T> {
    /// What was signed.
    pub message: T,
    /// SHA-256 of header and content, as they came.
    pub digest: Sha256Digest,
}

impl<'a, T: Signed> Unverified<'a, T> {
    /// Takes a message apart, and reads its header.
    ///
    /// # Errors
    /// The refusal, by the order of [`MessageRefusal`].
    pub fn read(compact: &'a str) -> Result<Self, MessageRefusal> {
        if compact.len() > MAX_BYTES {
            return Err(MessageRefusal::TooLong);
        }
        let (signed, signature) = compact.rsplit_once('.').ok_or(MessageRefusal::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(MessageRefusal::NotCompact)?;
        let octets =
            |part| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| MessageRefusal::NotCompact);
        let (header, payload) = (octets(header)?, octets(payload)?);
        octets(signature)?;
        let header: StrictHeader =
            serde_json::from_slice(&header).map_err(|_| MessageRefusal::Header)?;
        if header.alg != ALGORITHM {
            return Err(MessageRefusal::Algorithm);
        }
        if header.typ != T::TYP {
            return Err(MessageRefusal::Type);
        }
        Ok(Self { kid: header.kid, signed, payload, signature, kind: PhantomData })
    }

    /// Whose key it says that it was signed with.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Verifies the signature, and only then reads what is signed.
    pub(crate) fn verify(self, key: &PublicKey) -> Result<Authentic<T>, MessageRefusal> {
        if self.kid != key.id {
            return Err(MessageRefusal::UnknownKey);
        }
        let key = key.decoding_key()?;
        match verify(self.signature, self.signed.as_bytes(), &key, Algorithm::ES256) {
            Ok(true) => {}
            Ok(false) | Err(_) => return Err(MessageRefusal::Signature),
        }
        let message = serde_json::from_slice(&self.payload).map_err(|_| MessageRefusal::Content)?;
        let mut octets = [0; 32];
        octets.copy_from_slice(digest(&SHA256, self.signed.as_bytes()).as_ref());
        Ok(Authentic { message, digest: Sha256Digest::new(octets) })
    }
}
