//! How structures are protected: digests kept apart by type, signatures, envelopes, each bound to its structure and role by
//! its type. What is protected is always the bytes that were received.

use std::{fmt, marker::PhantomData};

use countersign_certs::{
    Certificate, EndEntityKind, PublicKey, RecipientCertificate, RecipientKey, Refusal,
    TrustAnchors, UnixTime, VerifiedCertificate,
    cms::{
        sealed,
        signed::{self, Form, Signer},
    },
    sha256,
};
use der::{Decode, Encode, FixedTag, Header, Length, Reader, Tag, Writer, asn1::ObjectIdentifier};
use thiserror::Error;

use crate::{
    asn1::{Element, Received, written_as_element},
    table::{CONTENT_TYPES, Content, Described, Kind, Role},
};

/// Why something protected is not accepted.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ProtectError {
    /// The envelope does not open.
    #[error("the envelope of {what} is refused: {fault}")]
    Sealed {
        /// What should be in it.
        what: &'static str,
        /// What is wrong.
        fault: countersign_certs::SealedFault,
    },
    /// The signature or its signer is refused.
    #[error("the signature over {what} is refused: {refusal}")]
    Signed {
        /// What should be signed.
        what: &'static str,
        /// What is wrong.
        refusal: Refusal,
    },
    /// What was protected is not what it should be.
    #[error("{what} is not well-formed")]
    Malformed {
        /// What it should be.
        what: &'static str,
    },
    /// A key, or a library, failed on our side.
    #[error("protecting {what} failed: {cause}")]
    Failed {
        /// What was to be protected.
        what: &'static str,
        /// What failed.
        cause: countersign_certs::Error,
    },
}

/// Somebody who takes part, as a type.
pub trait Party: Clone + fmt::Debug + Send + Sync + 'static {
    /// Which part it plays in figure 11.
    const ROLE: Role;
}

/// Somebody with certificates.
pub trait Certified: Party {
    /// The certificate with which that role signs.
    const SIGNS: EndEntityKind;
    /// The certificate to which is encrypted for that role; a cardholder has none.
    const RECEIVES: Option<EndEntityKind>;
}

/// Makes the parties.
macro_rules! parties {
    ($($(#[$doc:meta])* $name:ident $signs:ident $receives:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Eq, PartialEq)]
            pub enum $name {}

            impl Party for $name {
                const ROLE: Role = Role::$name;
            }

            impl Certified for $name {
                const SIGNS: EndEntityKind = EndEntityKind::$signs;
                const RECEIVES: Option<EndEntityKind> = $receives;
            }
        )+
    };
}

parties! {
    /// The one who pays.
    Cardholder Cardholder None;
    /// The one who sells.
    Merchant MerchantSignature Some(EndEntityKind::MerchantKeyExchange);
    /// The payment gateway.
    Gateway GatewaySignature Some(EndEntityKind::GatewayKeyExchange);
    /// The authority at which cardholders register.
    Authority AuthoritySignature Some(EndEntityKind::AuthorityKeyExchange);
}

/// The one that registers: it has a new key and no certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Applicant {}

impl Party for Applicant {
    const ROLE: Role = Role::Applicant;
}

/// Below it stand the content types.
const ABOVE: ObjectIdentifier = ObjectIdentifier::new_unwrap(CONTENT_TYPES);

/// The content type of a structure.
///
/// # Errors
/// None but for a table with a number that is too long.
fn content_type<T: Content>() -> Result<ObjectIdentifier, ProtectError> {
    ABOVE.push_arc(T::NUMBER).map_err(|_| ProtectError::Malformed { what: name::<T>() })
}

const fn name<T: Content>() -> &'static str {
    T::STRUCTURE.name
}

fn malformed<T: Content>(_: der::Error) -> ProtectError {
    ProtectError::Malformed { what: name::<T>() }
}

/// SHA-256 over the content type and the DER of a structure: SET's `DD`, which keeps a digest of one structure from being
/// mistaken for that of another.
pub struct Digest<T>([u8; 32], PhantomData<fn() -> T>);

impl<T: Content> Digest<T> {
    /// The digest of a structure as it was received.
    ///
    /// # Errors
    /// None but for a table with a number that is none.
    pub fn of(structure: &Received<T>) -> Result<Self, ProtectError> {
        let mut input = content_type::<T>()?.to_der().map_err(malformed::<T>)?;
        input.extend(structure.as_bytes());
        Ok(Self(sha256(&input), PhantomData))
    }

    /// One that was kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes, PhantomData)
    }
}

impl<T> Digest<T> {
    /// The 32 octets.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl<T: Content> Described for Digest<T> {
    const KIND: &'static Kind = &Kind::Digest(T::STRUCTURE.name);
}

/// SHA-256 of somebody's public key (SubjectPublicKeyInfo): whom is meant, whatever certificate he shows.
pub struct KeyOf<P>([u8; 32], PhantomData<fn() -> P>);

impl<P> KeyOf<P> {
    /// The key of that hash.
    pub const fn new(sha256: [u8; 32]) -> Self {
        Self(sha256, PhantomData)
    }

    /// The 32 octets.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl<P: Party> Described for KeyOf<P> {
    const KIND: &'static Kind = &Kind::KeyOf(P::ROLE);
}

/// Thirty-two octets, compared, shown in part and written as such.
macro_rules! thirty_two_octets {
    ($name:ident) => {
        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                Self(self.0, PhantomData)
            }
        }

        impl<T> PartialEq for $name<T> {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl<T> Eq for $name<T> {}

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("..)")
            }
        }

        impl<T> FixedTag for $name<T> {
            const TAG: Tag = Tag::OctetString;
        }

        impl<'a, T: 'a> der::DecodeValue<'a> for $name<T> {
            type Error = der::Error;

            fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
                let bytes = reader.read_slice(header.length())?;
                let bytes = bytes.try_into().map_err(|_| Tag::OctetString.value_error())?;
                Ok(Self(bytes, PhantomData))
            }
        }

        impl<T> der::EncodeValue for $name<T> {
            fn value_len(&self) -> der::Result<Length> {
                Length::try_from(self.0.len())
            }

            fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
                writer.write(&self.0)
            }
        }
    };
}

thirty_two_octets!(Digest);
thirty_two_octets!(KeyOf);

/// A structure signed by somebody, and in the message: SET's `S`.
pub struct Signed<T, P>(Element, PhantomData<fn() -> (T, P)>);

impl<T: Content, P: Party> Signed<T, P> {
    /// Signs a structure at that time.
    ///
    /// # Errors
    /// [`ProtectError::Failed`].
    pub fn sign(
        structure: &Received<T>,
        signer: &Signer<'_>,
        at: UnixTime,
    ) -> Result<Self, ProtectError> {
        let message = signed::sign(
            structure.as_bytes(),
            content_type::<T>()?.into(),
            Form::Attached,
            signer,
            at,
        );
        let message = message.map_err(|cause| ProtectError::Failed { what: name::<T>(), cause })?;
        message_of(&message, T::NAME)
    }
}

impl<T: Content, P: Certified> Signed<T, P> {
    /// What was signed, and by which certificate, if it is one of that role's that is trusted now.
    ///
    /// # Errors
    /// [`ProtectError::Signed`], [`ProtectError::Malformed`].
    pub fn verify(
        &self,
        trust: &TrustAnchors,
        now: UnixTime,
    ) -> Result<(Received<T>, VerifiedCertificate), ProtectError> {
        let (content, signer) = trust
            .verify_signed(self.0.as_bytes(), content_type::<T>()?.into(), None, now, P::SIGNS)
            .map_err(|refusal| ProtectError::Signed { what: name::<T>(), refusal })?;
        Ok((Received::from_der(&content).map_err(malformed::<T>)?, signer))
    }
}

impl<T: Content> Signed<T, Applicant> {
    /// What was signed, and the new key that signed it: its holder has it. The certificate in the message, which CMS wants, is
    /// the key's own and says nothing.
    ///
    /// # Errors
    /// [`ProtectError::Signed`], [`ProtectError::Malformed`].
    pub fn verify_new_key(&self) -> Result<(Received<T>, PublicKey), ProtectError> {
        let refused = |refusal| ProtectError::Signed { what: name::<T>(), refusal };
        let signed = signed::verify(self.0.as_bytes(), content_type::<T>()?.into(), None, &[]);
        let signed = signed.map_err(|fault| refused(fault.into()))?;
        let [own] = signed.chain.as_slice() else {
            return Err(ProtectError::Malformed { what: name::<T>() });
        };
        let key = PublicKey::of(own).map_err(|_| refused(Refusal::UnsupportedAlgorithm))?;
        Ok((Received::from_der(&signed.content).map_err(malformed::<T>)?, key))
    }
}

impl<T: Content, P: Certified> Signed<T, P> {
    /// What was signed, if it was with the key of that certificate of our own: what we said comes back.
    ///
    /// # Errors
    /// [`ProtectError::Signed`], [`ProtectError::Malformed`].
    pub fn verify_own(&self, own: &Certificate) -> Result<Received<T>, ProtectError> {
        let refused = |refusal| ProtectError::Signed { what: name::<T>(), refusal };
        let signed = signed::verify(self.0.as_bytes(), content_type::<T>()?.into(), None, &[]);
        let signed = signed.map_err(|fault| refused(fault.into()))?;
        if signed.chain.first().is_none_or(|signer| signer.key_sha256() != own.key_sha256()) {
            return Err(refused(Refusal::UnknownAuthority));
        }
        Received::from_der(&signed.content).map_err(malformed::<T>)
    }
}

impl<T: Content, P: Party> Described for Signed<T, P> {
    const KIND: &'static Kind =
        &Kind::Signed { what: T::STRUCTURE.name, by: P::ROLE, attached: true };
}

/// A signature by somebody over a structure that is not in the message: SET's `SO`.
pub struct Signature<T, P>(Element, PhantomData<fn() -> (T, P)>);

impl<T: Content, P: Party> Signature<T, P> {
    /// Signs a structure at that time.
    ///
    /// # Errors
    /// [`ProtectError::Failed`].
    pub fn sign(
        structure: &Received<T>,
        signer: &Signer<'_>,
        at: UnixTime,
    ) -> Result<Self, ProtectError> {
        let message = signed::sign(
            structure.as_bytes(),
            content_type::<T>()?.into(),
            Form::Detached,
            signer,
            at,
        );
        let message = message.map_err(|cause| ProtectError::Failed { what: name::<T>(), cause })?;
        message_of(&message, T::NAME)
    }
}

impl<T: Content, P: Certified> Signature<T, P> {
    /// By which certificate the structure was signed, if it is one of that role's that is trusted now.
    ///
    /// # Errors
    /// [`ProtectError::Signed`].
    pub fn verify(
        &self,
        structure: &Received<T>,
        trust: &TrustAnchors,
        now: UnixTime,
    ) -> Result<VerifiedCertificate, ProtectError> {
        let beside = Some(structure.as_bytes());
        trust
            .verify_signed(self.0.as_bytes(), content_type::<T>()?.into(), beside, now, P::SIGNS)
            .map(|(_, signer)| signer)
            .map_err(|refusal| ProtectError::Signed { what: name::<T>(), refusal })
    }
}

impl<T: Content, P: Party> Described for Signature<T, P> {
    const KIND: &'static Kind =
        &Kind::Signed { what: T::STRUCTURE.name, by: P::ROLE, attached: false };
}

/// A CMS message that was just made.
fn message_of<M: From<Element>>(message: &[u8], what: &'static str) -> Result<M, ProtectError> {
    let element = Element::from_der(message).map_err(|_| ProtectError::Malformed { what })?;
    Ok(M::from(element))
}

/// What can be in an envelope: a structure, or a signed one.
pub trait Enclosed: Described + Encode + for<'a> Decode<'a, Error = der::Error> {
    /// What it is called.
    const NAME: &'static str;
}

impl<T: Content> Enclosed for T {
    const NAME: &'static str = T::STRUCTURE.name;
}

impl<T: Content, P: Party> Enclosed for Signed<T, P> {
    const NAME: &'static str = T::STRUCTURE.name;
}

/// Something encrypted to somebody: SET's `E`, and `Enc` when what is in it is signed.
pub struct Sealed<T, P>(Element, PhantomData<fn() -> (T, P)>);

impl<T: Enclosed, P: Party> Sealed<T, P> {
    /// Encrypts to a recipient.
    ///
    /// # Errors
    /// [`ProtectError::Failed`].
    pub fn seal(enclosed: &T, recipient: &RecipientCertificate) -> Result<Self, ProtectError> {
        let malformed = |_| ProtectError::Malformed { what: T::NAME };
        let plaintext = zeroize::Zeroizing::new(enclosed.to_der().map_err(malformed)?);
        let message = sealed::seal(&plaintext, std::slice::from_ref(recipient));
        let message = message.map_err(|cause| ProtectError::Failed { what: T::NAME, cause })?;
        message_of(&message, T::NAME)
    }

    /// Decrypts with whichever of the keys it was encrypted to.
    ///
    /// # Errors
    /// [`ProtectError::Sealed`], [`ProtectError::Malformed`].
    pub fn open(&self, keys: &[RecipientKey]) -> Result<T, ProtectError> {
        let opened = sealed::open(self.0.as_bytes(), keys)
            .map_err(|fault| ProtectError::Sealed { what: T::NAME, fault })?;
        T::from_der(&opened).map_err(|_| ProtectError::Malformed { what: T::NAME })
    }
}

impl<T: Enclosed, P: Party> Described for Sealed<T, P> {
    const KIND: &'static Kind = &Kind::Sealed { what: T::KIND, to: P::ROLE };
}

/// A CMS message on the wire: it is decoded when it is opened or verified, and kept as it came until then.
macro_rules! cms_message {
    ($name:ident) => {
        impl<T, P> $name<T, P> {
            /// The message: a CMS ContentInfo in DER.
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl<T, P> Clone for $name<T, P> {
            fn clone(&self) -> Self {
                Self(self.0.clone(), PhantomData)
            }
        }

        impl<T, P> PartialEq for $name<T, P> {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl<T, P> Eq for $name<T, P> {}

        impl<T, P> fmt::Debug for $name<T, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.as_bytes().len())
            }
        }

        impl<T, P> From<Element> for $name<T, P> {
            fn from(message: Element) -> Self {
                Self(message, PhantomData)
            }
        }

        written_as_element!([T, P] $name<T, P>);
    };
}

cms_message!(Signed);
cms_message!(Signature);
cms_message!(Sealed);
