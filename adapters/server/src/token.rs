//! An authority's key in a token (PKCS #11): it is made there, signs there and never leaves it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use countersign_certs::{Error, KeyKind, PublicKey, SigningKey, sha256};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error as TokenError, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};

use crate::{file::Failure, key_uri::KeyUri};

/// The P-256 curve by its object identifier (RFC 5480 section 2.1.1.1), as CKA_EC_PARAMS has it.
const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
/// id-ecPublicKey on P-256, and rsaEncryption: the contents of an AlgorithmIdentifier.
const EC_PUBLIC_KEY: [u8; 9] = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const RSA_ENCRYPTION: [u8; 13] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];

/// What is signed to see that a public key belongs to its private one.
const PROBE: &[u8] = b"countersign: the public key beside this private key";

/// A library is initialised once in a process.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// A key in a token.
pub(super) struct TokenKey {
    session: Mutex<Session>,
    private: ObjectHandle,
    public: PublicKey,
    is_rsa: bool,
}

impl TokenKey {
    /// The key that is there.
    pub(super) fn open(uri: &KeyUri) -> Result<Self, Failure> {
        let session = log_in(uri)?;
        let found = find(&session, uri)?;
        let private = found.ok_or_else(|| format!("{uri}: there is no such key in the token"))?;
        Self::of(session, private, uri)
    }

    /// The key that is there, or a new one under that name.
    pub(super) fn open_or_generate(uri: &KeyUri, kind: KeyKind) -> Result<Self, Failure> {
        let session = log_in(uri)?;
        let private = match find(&session, uri)? {
            Some(private) => private,
            None => generate(&session, uri, kind).map_err(|error| unusable(uri, &error))?,
        };
        let key = Self::of(session, private, uri)?;
        let wants_rsa = match kind {
            KeyKind::P256 => false,
            KeyKind::Rsa3072 => true,
        };
        if key.is_rsa != wants_rsa {
            let there = if key.is_rsa { "RSA" } else { "P-256" };
            return Err(format!("{uri}: the key in the token is {there}").into());
        }
        Ok(key)
    }

    fn of(session: Session, private: ObjectHandle, uri: &KeyUri) -> Result<Self, Failure> {
        let public = public_object(&session, private, uri)?;
        let (spki, is_rsa) = public_key(&session, public).map_err(|error| unusable(uri, &error))?;
        let public = PublicKey::from_spki(&spki).map_err(|error| unusable(uri, &error))?;
        let key = Self { session: Mutex::new(session), private, public, is_rsa };
        // A token lets anything stand beside a private key: that the two belong together is seen by a signature alone.
        let signature = key.sign(PROBE).map_err(|error| unusable(uri, &error))?;
        if !key.public.verifies(PROBE, &signature) {
            return Err(format!("{uri}: the public key beside it in the token is another's").into());
        }
        Ok(key)
    }
}

impl SigningKey for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        const SIGNING: Error = Error::Failed("signing in the token");
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_rsa {
            let signed = session.sign(&Mechanism::Sha256RsaPkcs, self.private, message);
            return signed.map_err(|_| SIGNING);
        }
        let signed = session.sign(&Mechanism::Ecdsa, self.private, &sha256(message));
        let signature = signed.map_err(|_| SIGNING)?;
        // PKCS #11 has both integers side by side, certificates have them in a SEQUENCE (RFC 3279 section 2.2.3).
        let (r, s) = signature.split_at_checked(signature.len() / 2).ok_or(SIGNING)?;
        Ok(tlv(0x30, &[integer(r), integer(s)].concat()))
    }
}

fn log_in(uri: &KeyUri) -> Result<Session, Failure> {
    let module = module(&uri.module()?)?;
    let open = || {
        for slot in module.get_slots_with_initialized_token()? {
            if module.get_token_info(slot)?.label() == uri.token {
                return module.open_rw_session(slot).map(Some);
            }
        }
        Ok(None)
    };
    let session = open().map_err(|error: TokenError| unusable(uri, &error))?;
    let session = session.ok_or_else(|| format!("{uri}: there is no such token"))?;
    let pin = AuthPin::from(uri.pin()?.as_str().to_owned());
    match session.login(UserType::User, Some(&pin)) {
        // Another key of the same token is in use in this process.
        Ok(()) | Err(TokenError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(error) => Err(unusable(uri, &error)),
    }
}

fn module(path: &Path) -> Result<Pkcs11, Failure> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let load = || {
        let module = Pkcs11::new(path)?;
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        Ok(module)
    };
    let module = load().map_err(|error: TokenError| format!("{}: {error}", path.display()))?;
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

/// The one private key of that name.
fn find(session: &Session, uri: &KeyUri) -> Result<Option<ObjectHandle>, Failure> {
    let named = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Label(uri.object.clone().into_bytes()),
    ];
    let found = session.find_objects(&named).map_err(|error| unusable(uri, &error))?;
    match found.as_slice() {
        [] => Ok(None),
        [key] => Ok(Some(*key)),
        _ => Err(format!("{uri}: the token has several keys of that name").into()),
    }
}

fn generate(session: &Session, uri: &KeyUri, kind: KeyKind) -> Result<ObjectHandle, TokenError> {
    let label = || Attribute::Label(uri.object.clone().into_bytes());
    let id = || Attribute::Id(uri.object.clone().into_bytes());
    let mut public = vec![Attribute::Token(true), Attribute::Verify(true), label(), id()];
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        label(),
        id(),
    ];
    let mechanism = match kind {
        KeyKind::P256 => {
            public.push(Attribute::EcParams(P256.to_vec()));
            Mechanism::EccKeyPairGen
        }
        KeyKind::Rsa3072 => {
            public.push(Attribute::ModulusBits(3072.into()));
            public.push(Attribute::PublicExponent(vec![1, 0, 1]));
            Mechanism::RsaPkcsKeyPairGen
        }
    };
    let (_, private) = session.generate_key_pair(&mechanism, &public, &private)?;
    Ok(private)
}

/// The object with the public half: the one beside the private one, with the same CKA_ID, or that one itself where the
/// token keeps no other.
fn public_object(
    session: &Session,
    private: ObjectHandle,
    uri: &KeyUri,
) -> Result<ObjectHandle, Failure> {
    let attributes = session.get_attributes(private, &[AttributeType::Id]);
    let id = attributes.map_err(|error| unusable(uri, &error))?.into_iter().find_map(|attribute| {
        match attribute {
            Attribute::Id(id) if !id.is_empty() => Some(id),
            _ => None,
        }
    });
    let id = id.ok_or_else(|| format!("{uri}: the key in the token has no CKA_ID"))?;
    let beside = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Id(id)];
    match session.find_objects(&beside).map_err(|error| unusable(uri, &error))?.as_slice() {
        [] => Ok(private),
        [public] => Ok(*public),
        _ => Err(format!("{uri}: the token has several public keys of its CKA_ID").into()),
    }
}

/// The public half as SubjectPublicKeyInfo, and whether it is RSA.
fn public_key(session: &Session, public: ObjectHandle) -> Result<(Vec<u8>, bool), TokenError> {
    let wanted = [AttributeType::KeyType];
    let is_rsa =
        session.get_attributes(public, &wanted)?.contains(&Attribute::KeyType(KeyType::RSA));
    if is_rsa {
        let wanted = [AttributeType::Modulus, AttributeType::PublicExponent];
        let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
        for attribute in session.get_attributes(public, &wanted)? {
            match attribute {
                Attribute::Modulus(octets) => modulus = octets,
                Attribute::PublicExponent(octets) => exponent = octets,
                _ => {}
            }
        }
        let key = tlv(0x30, &[integer(&modulus), integer(&exponent)].concat());
        return Ok((spki(&RSA_ENCRYPTION, &key), true));
    }
    let mut point = Vec::new();
    for attribute in session.get_attributes(public, &[AttributeType::EcPoint])? {
        if let Attribute::EcPoint(octets) = attribute {
            point = octets;
        }
    }
    Ok((spki(&[&EC_PUBLIC_KEY[..], &P256].concat(), bare_point(&point)), false))
}

/// A P-256 point without the OCTET STRING around it, which some tokens leave off: 65 octets, whatever they begin with.
fn bare_point(octets: &[u8]) -> &[u8] {
    match octets {
        [4, 65, point @ ..] if point.len() == 65 => point,
        _ => octets,
    }
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let key = tlv(3, &[&[0], key].concat());
    tlv(0x30, &[tlv(0x30, algorithm), key].concat())
}

/// A positive INTEGER (X.690 section 8.3) of big-endian octets.
fn integer(octets: &[u8]) -> Vec<u8> {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    let octets = octets.get(start..).unwrap_or_default();
    let is_high = octets.first().is_none_or(|first| first & 0x80 != 0);
    let sign: &[u8] = if is_high { &[0] } else { &[] };
    tlv(2, &[sign, octets].concat())
}

/// Tag, shortest length (X.690 section 10.1) and content.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let octets = length.iter().skip_while(|octet| **octet == 0).copied();
    let mut encoded = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => encoded.push(short),
        _ => {
            let count = u8::try_from(octets.clone().count()).unwrap_or_default();
            encoded.push(0x80 | count);
            encoded.extend(octets);
        }
    }
    encoded.extend(content);
    encoded
}

fn unusable(uri: &KeyUri, error: &dyn std::fmt::Display) -> Failure {
    format!("{uri}: {error}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_octet_string_is_taken_off_a_point_and_a_bare_point_stays_whole() {
        // Uncompressed, its X beginning with 0x41: as an OCTET STRING of 65 octets begins.
        let bare = [&[4, 65][..], &[7; 63]].concat();
        let wrapped = [&[4, 65], bare.as_slice()].concat();
        assert_eq!(bare_point(&bare), bare);
        assert_eq!(bare_point(&wrapped), bare);
    }
}
