//! What can go wrong ([`Error`]) and what is rightly said no to ([`Refusal`] and its causes).
//!
//! No variant carries a number, a card or a key, so that each may be logged.

use thiserror::Error;

/// An input of ours is not usable, or the cryptography failed. The operator has something to repair.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Error {
    /// The phone number is not `+` and 7 to 15 digits, the first not 0 (E.164).
    #[error("the phone number is not E.164: write + and 7 to 15 digits")]
    InvalidPhoneNumber,
    /// The card number is not 12 to 19 digits with a right check digit (ISO/IEC 7812-1).
    #[error("the card number must have 12 to 19 digits and a right check digit")]
    InvalidCardNumber,
    /// The card's expiry is not `YYYY-MM`.
    #[error("the card expiry is not YYYY-MM")]
    InvalidCardExpiry,
    /// A common name is empty, over 64 characters (RFC 5280 appendix A, `ub-common-name`) or holds characters that are not
    /// seen, or that reverse others.
    #[error(
        "the common name must have 1 to 64 characters, and none that is invisible or reverses others"
    )]
    InvalidCommonName,
    /// A common name that OpenSSL and the JDK read as a DNS name, outside the domains that the authority's certificate
    /// permits: they would refuse the certificate.
    #[error(
        "the common name looks like a DNS name outside this authority's domains, and the certificate would be refused: \
         choose another name, or another authority"
    )]
    CommonNameOutsideDomains,
    /// A DNS name or an address of a server, or a domain of an authority, is outside what the authority's certificate permits.
    #[error(
        "a name or an address is outside this authority's domains, and the certificate would be refused: choose another \
         name, or another authority"
    )]
    NameOutsideDomains,
    /// A DNS name of a server is not one.
    #[error("a DNS name of the server is not valid")]
    InvalidDnsName,
    /// The address of the revocation list is not a URI in ASCII (RFC 5280 section 4.2.1.6).
    #[error("the address of the revocation list is not a URI: write it as http://host/list.crl")]
    InvalidRevocationListUrl,
    /// A server profile has neither a DNS name nor an IP address.
    #[error("a server certificate needs a DNS name or an IP address")]
    NoServerName,
    /// A validity that lasts no second or ends after the year 9999 (RFC 5280 section 4.1.2.5).
    #[error("the validity must last at least a second and end before the year 10000")]
    InvalidValidity,
    /// The certificate would be valid when its authority's is not.
    #[error("the validity must lie within the authority's own")]
    OutsideAuthorityValidity,
    /// The authority would stand below one that permits no such authority below it.
    #[error("this authority may not make another authority")]
    MayNotMakeAuthorities,
    /// The authority's own certificate permits no such purpose: cardholders' authorities issue to no server.
    #[error("this authority may not issue certificates for this purpose")]
    MayNotIssue,
    /// The certificate would last longer than its profile permits.
    #[error("the validity is longer than this profile permits")]
    LifetimeTooLong,
    /// The country is not two capital letters (ISO 3166 alpha-2).
    #[error("the country must be two capital letters, as in FR")]
    InvalidCountry,
    /// The text is not a serial number of ours.
    #[error("not a serial number: write its 32 hexadecimal digits")]
    InvalidSerial,
    /// The certificate given is not an authority's: it has not `cA`, or a key usage without `keyCertSign`.
    #[error("the certificate is not an authority's")]
    NotAnAuthority,
    /// The authority's name has two attributes of one type, or two in one part. What it issues could not name it so
    /// (RFC 5280 section 4.1.2.4).
    #[error(
        "the authority's name has an attribute twice, or two in one part, and cannot be an issuer's here"
    )]
    AuthorityName,
    /// The certificate given is not one to encrypt to: it has no subject key identifier, or neither a P-256 key with
    /// `keyAgreement` nor an RSA key of 3072 or 4096 bits with `keyEncipherment`.
    #[error(
        "the certificate is not one to encrypt to: it needs a key identifier, and P-256 with keyAgreement or RSA of 3072 or \
         4096 bits (2048 are too few) with keyEncipherment"
    )]
    NotARecipient,
    /// What is encrypted needs 1 to 8 recipients that can read it.
    #[error("what is encrypted needs 1 to 8 recipients")]
    RecipientCount,
    /// The key does not belong to the certificate.
    #[error("the key does not belong to the certificate")]
    KeyMismatch,
    /// The file or the DER in it is not a certificate.
    #[error("not a well-formed certificate")]
    MalformedCertificate,
    /// The text is not a private key in PKCS#8 PEM, or the bytes are not a key.
    #[error("not a well-formed key: private keys are read as PKCS#8 PEM")]
    MalformedKey,
    /// The key is of another kind than those in use, or too weak.
    #[error("the key must be P-256, or RSA of 3072 or 4096 bits")]
    KeyNotAllowed,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the key")]
    WrongPassphrase,
    /// A passphrase that would protect nothing.
    #[error("the passphrase must have 12 characters or more")]
    PassphraseTooShort,
    /// A passphrase for a PKCS#12 file has a character that such a file cannot be sealed under.
    #[error(
        "the passphrase has a character beyond U+FFFF, which a PKCS#12 file cannot be sealed under"
    )]
    PassphraseBeyondBmp,
    /// The bytes are not a PKCS#10 request, in DER or PEM, of at most 16 KiB.
    #[error("not a well-formed certificate request")]
    MalformedRequest,
    /// A request or a revocation list is signed with an algorithm that is not used here; those that are stand behind it.
    #[error("signature algorithm is not one of: {0}")]
    SignatureAlgorithm(&'static str),
    /// A key is encrypted as before PKCS#8, under a passphrase that can be tried out in no time.
    #[error(
        "the key is encrypted in the way of old (DEK-Info): convert it with: openssl pkcs8 -topk8 -in OLD -out NEW, and \
         -nocrypt where it is to have no passphrase"
    )]
    LegacyEncryption,
    /// A PEM file holds something else than what is expected.
    #[error("the file holds {found} where {expected} is expected{}", conversion(found, expected))]
    UnexpectedPem {
        /// The label that the file has.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A file holds several of what there must be one of.
    #[error("the file holds more than {0}")]
    SeveralInFile(&'static str),
    /// A request was not signed with the key that it is for.
    #[error("the request is not signed with its own key")]
    RequestSignature,
    /// The bytes are not a revocation list, in DER or PEM, of at most 8 MiB.
    #[error("not a well-formed revocation list")]
    MalformedRevocationList,
    /// A revocation list is not understood whole, and half of one would let in what the other half revokes.
    #[error("the revocation list cannot be used: {0}")]
    UnusableRevocationList(#[from] ListFault),
    /// The text is not a dotted object identifier whose parts fit 32 bits.
    #[error("not an object identifier whose parts fit 32 bits")]
    InvalidObjectIdentifier,
    /// There is not one trust anchor.
    #[error("there is no trust anchor")]
    NoTrustAnchor,
    /// The cryptographic library or an encoder failed at what is named; not the caller's fault.
    #[error("failed: {0}")]
    Failed(&'static str),
}

/// How one is made of the other, where a command does.
fn conversion(found: &str, expected: &str) -> &'static str {
    match (found, expected) {
        ("PKCS7" | "CMS", "a certificate") => {
            ": convert it with: openssl pkcs7 -print_certs -in OLD -out NEW"
        }
        ("TRUSTED CERTIFICATE", "a certificate") => {
            ": convert it with: openssl x509 -in OLD -out NEW"
        }
        ("EC PRIVATE KEY" | "RSA PRIVATE KEY", "a private key in PKCS#8") => {
            ": convert it with: openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW"
        }
        _ => "",
    }
}

/// A certificate is not accepted, and why. In checking order.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Refusal {
    // The chain.
    /// No certificate was presented.
    #[error("no certificate was presented")]
    NoCertificate,
    /// More than [`MAX_CHAIN`](crate::MAX_CHAIN) certificates were presented.
    #[error("too many certificates in the chain")]
    ChainTooLong,
    /// A certificate is over [`MAX_CERTIFICATE_BYTES`](crate::MAX_CERTIFICATE_BYTES).
    #[error("a certificate is too large")]
    CertificateTooLarge,
    /// A certificate is not well-formed DER of X.509 version 3.
    #[error("a certificate is malformed")]
    Malformed,
    /// A certificate has a critical extension that is not known (RFC 5280 section 4.2).
    #[error("a certificate has an unknown critical extension")]
    UnknownCriticalExtension,
    /// A certificate in the path is past its notAfter.
    #[error("a certificate has expired")]
    Expired,
    /// A certificate in the path is before its notBefore.
    #[error("a certificate is not valid yet")]
    NotYetValid,
    /// The certificate presented is an authority's.
    #[error("an authority's certificate was presented as a client's")]
    AuthorityAsClient,
    /// A certificate in the path was issued by one that is not an authority.
    #[error("the issuer is not an authority")]
    IssuerNotAuthority,
    /// The path has more authorities than one of them permits, or is too deep.
    #[error("the path has more authorities than permitted")]
    PathTooLong,
    /// The certificate is not for TLS client authentication, or an issuer's not for signing certificates.
    #[error("a certificate is not for this usage")]
    WrongUsage,
    /// No path leads to a trust anchor.
    #[error("the certificate comes from an unknown authority")]
    UnknownAuthority,
    /// A signature in the path is wrong.
    #[error("a signature is wrong")]
    BadSignature,
    /// A signature or key algorithm is not one of those in use: SHA-1 and RSA under 2048 bits are not.
    #[error(
        "signature algorithm is not one of: ECDSA on P-256, P-384 or P-521, Ed25519, RSA of 2048 to 8192 bits, each with \
         SHA-256 or longer"
    )]
    UnsupportedAlgorithm,
    /// A name is outside an authority's name constraints.
    #[error("a name is not permitted by the authority's constraints")]
    NameNotPermitted,
    /// An authority in the path has revoked the certificate.
    #[error("a certificate was revoked")]
    Revoked,
    /// Whether a certificate in the path was revoked cannot be known: its issuer's list is missing, past its next update,
    /// or not signed by it.
    #[error("it is not known whether a certificate was revoked")]
    RevocationUnknown,
    /// Path validation failed for another reason, complexity limits among them.
    #[error("the certificate could not be validated")]
    NotValidated,
    /// A certificate in the path is not as RFC 5280 has authorities write it.
    #[error("a certificate is outside the profile of RFC 5280: {0}")]
    OutsideProfile(#[from] ProfileFault),

    // What was signed with it.
    /// The signed message is not well-formed, or its signature is wrong.
    #[error("the signed message is refused: {0}")]
    Signed(#[from] SignedFault),

    // The number in it.
    /// The certificate bears no phone number, in clear or encrypted.
    #[error("the certificate bears no phone number")]
    NoPhone,
    /// The certificate bears more than one phone number, one both in clear and encrypted, or an extension for numbers
    /// twice.
    #[error("the certificate bears more than one phone number")]
    SeveralPhones,
    /// The list of numbers is not one, in DER, of 1 to [`MAX_TN_ENTRIES`](crate::MAX_TN_ENTRIES) entries and at most
    /// [`MAX_TN_AUTH_LIST_BYTES`](crate::MAX_TN_AUTH_LIST_BYTES) (RFC 8226 section 9).
    #[error("the list of phone numbers (TNAuthList) is malformed")]
    TnAuthList,
    /// The encrypted number cannot be read.
    #[error("the encrypted phone number is refused: {0}")]
    Envelope(#[from] SealedFault),
    /// The encrypted number was decrypted, but is no phone record.
    #[error("the phone record is refused: {0}")]
    Record(#[from] RecordFault),
    /// The encrypted number was made for another subject key: it was moved from another certificate.
    #[error("the encrypted phone number was made for another key")]
    MovedFromAnotherCertificate,
    /// The number is not in E.164 form.
    #[error("the phone number is not E.164")]
    NumberNotE164,
    /// The card's number or expiry is not valid.
    #[error("the card is not valid")]
    CardInvalid,
}

/// Which rule of RFC 5280's profile for certificates (section 4) is broken.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ProfileFault {
    /// The serial number is not positive, or over 20 octets (section 4.1.2.2).
    #[error("the serial number is not positive or too long")]
    SerialNumber,
    /// The issuer has an empty name (section 4.1.2.4).
    #[error("the issuer has no name")]
    IssuerName,
    /// An extension that is known is malformed, or there twice (section 4.2).
    #[error("an extension is malformed or there twice")]
    Extension,
    /// The issuer's key is not named (section 4.2.1.1).
    #[error("the authority key identifier is missing")]
    AuthorityKey,
    /// An authority's own key is not named (section 4.2.1.2).
    #[error("the subject key identifier is missing")]
    SubjectKey,
    /// The key may sign certificates, but is not an authority's (section 4.2.1.9).
    #[error("keyCertSign without cA")]
    CertificateSigning,
    /// The basic constraints of an authority are not critical (section 4.2.1.9).
    #[error("basic constraints are not critical")]
    BasicConstraints,
    /// Name constraints are not an authority's, not critical or empty (section 4.2.1.10).
    #[error("name constraints are out of place, not critical or empty")]
    NameConstraints,
    /// Policy constraints are not critical (section 4.2.1.11).
    #[error("policy constraints are not critical")]
    PolicyConstraints,
    /// The subject has an empty name, and no critical subjectAltName or is an authority (section 4.1.2.6).
    #[error("the subject has no name")]
    SubjectName,
}

/// What a revocation list is or has that is not understood here (RFC 5280 section 5), with the list that is.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ListFault {
    /// It does not say when the next one is due (section 5.1.2.5), so that nobody could tell when it is late.
    #[error("it does not say when the next one is due (nextUpdate)")]
    NextUpdate,
    /// It is of version 1, which has no number (section 5.1.2.1).
    #[error("it is of version 1, which has no number: have it made in version 2")]
    Version,
    /// Its number is missing, critical, there twice, negative or longer than 20 octets (section 5.2.3).
    #[error("its number is missing, critical, there twice, negative or longer than 20 octets")]
    Number,
    /// It has only what changed since another one (section 5.2.4).
    #[error("it is a delta list, which has changes only: name the complete list")]
    Delta,
    /// It tells of certificates that others issued (sections 5.2.5 and 5.3.3).
    #[error("it is an indirect list: name one that each authority issues for itself")]
    Indirect,
    /// It tells of some reasons only (section 5.2.5).
    #[error("it is for some reasons only: name one that is for all reasons")]
    SomeReasons,
    /// It tells of attribute certificates (section 5.2.5), which nobody shows here.
    #[error("it is for attribute certificates only")]
    AttributeCertificates,
    /// It covers a part of what its authority issued, and neither a full name nor one kind of certificates alone says which
    /// (section 5.2.5).
    #[error(
        "its issuing distribution point has no full name and is not of one kind of certificates: name the complete list, or one that says where it is published"
    )]
    DistributionPoint,
    /// The number of a certificate in it has octets that it does not need (X.690 section 8.3.2): as certificates are found by
    /// their octets, that one would not be.
    #[error(
        "the number of a revoked certificate is not in as few octets as it can be, as DER has it"
    )]
    Serial,
    /// It, or an entry of it, has a critical extension that is not known (sections 5.2 and 5.3).
    #[error("it or an entry of it has a critical extension that is not known here")]
    CriticalExtension,
}

/// Why a sealed message is refused. In checking order.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SealedFault {
    /// It is over [`MAX_SEALED_BYTES`](crate::cms::sealed::MAX_SEALED_BYTES); around a number, over
    /// [`MAX_ENVELOPE_BYTES`](crate::MAX_ENVELOPE_BYTES).
    #[error("too large")]
    TooLarge,
    /// It ends before its lengths say.
    #[error("truncated")]
    Truncated,
    /// Bytes follow its end.
    #[error("trailing bytes")]
    TrailingBytes,
    /// It is BER, not DER: an indefinite length, a set that is not sorted, a length or integer that is not minimal.
    #[error("not DER")]
    NotDer,
    /// Its structure is not RFC 5083's.
    #[error("malformed")]
    Malformed,
    /// It is CMS of another type; EnvelopedData, which AES-CBC uses, is not authenticated.
    #[error("not AuthEnvelopedData")]
    ContentType,
    /// Its version is not 0 (RFC 5083 section 2.1).
    #[error("unsupported version")]
    Version,
    /// It has originator certificates or attributes, which have no use here.
    #[error("unexpected attributes")]
    Attributes,
    /// What is inside is not `id-data`.
    #[error("unexpected inner type")]
    InnerType,
    /// The content is not encrypted with AES-256-GCM.
    #[error("the cipher is not AES-256-GCM")]
    Cipher,
    /// The nonce has not 12 bytes (RFC 5084 section 3.2).
    #[error("the nonce has not 12 bytes")]
    NonceLength,
    /// The tag has not 16 bytes, or is not declared to. A short tag can be forged.
    #[error("the tag has not 16 bytes")]
    TagLength,
    /// It has no recipient or more than [`MAX_RECIPIENTS`](crate::cms::MAX_RECIPIENTS).
    #[error("too few or too many recipients")]
    RecipientCount,
    /// A recipient is not one by key agreement or key transport, named by its key identifier.
    #[error("unexpected kind of recipient")]
    RecipientKind,
    /// Key agreement is not dhSinglePass-stdDH-sha256kdf with AES-256 key wrap (RFC 5753).
    #[error("unexpected key agreement")]
    KeyAgreement,
    /// Key transport is not RSAES-OAEP with SHA-256, MGF1 with SHA-256 and no label (RFC 4055): SHA-1 and PKCS#1 v1.5
    /// are refused.
    #[error("unexpected key transport")]
    KeyTransport,
    /// It is for none of the keys that were given.
    #[error("not for this recipient")]
    WrongRecipient,
    /// The sender's ephemeral key is not a point on P-256.
    #[error("the ephemeral key is not on P-256")]
    EphemeralKey,
    /// The wrapped content key does not open (RFC 3394, RFC 8017 section 7.1.2).
    #[error("the wrapped key does not open")]
    WrappedKey,
    /// The tag does not match: content, nonce or tag was tampered with.
    #[error("the tag does not match")]
    Tag,
}

/// Why a signed message is refused. In checking order.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SignedFault {
    /// It is over [`MAX_SIGNED_BYTES`](crate::cms::signed::MAX_SIGNED_BYTES).
    #[error("too large")]
    TooLarge,
    /// It ends before its lengths say.
    #[error("truncated")]
    Truncated,
    /// Bytes follow its end.
    #[error("trailing bytes")]
    TrailingBytes,
    /// It is BER, not DER: an indefinite length, a set that is not sorted, a length or integer that is not minimal.
    #[error("not DER")]
    NotDer,
    /// It is CMS of another type.
    #[error("not SignedData")]
    ContentType,
    /// Its structure is not RFC 5652's.
    #[error("malformed")]
    Malformed,
    /// What is signed is of another type than expected.
    #[error("unexpected inner type")]
    InnerType,
    /// A version does not fit what stands below it (RFC 5652 sections 5.1 and 5.3).
    #[error("unsupported version")]
    Version,
    /// The content is in the message though it was expected beside it, or the other way round.
    #[error("the content is not where it was expected")]
    Content,
    /// The digest is not SHA-256.
    #[error("the digest is not SHA-256")]
    DigestAlgorithm,
    /// It brings more than 8 certificates, or one that is malformed.
    #[error("a certificate in it is malformed, or there are too many")]
    Certificate,
    /// It has not exactly one signer.
    #[error("not exactly one signer")]
    SignerCount,
    /// The signer's certificate is neither in it nor known.
    #[error("the signer's certificate is not there")]
    UnknownSigner,
    /// Signed attributes are missing, malformed, there twice or say another content type, or there are unsigned ones or
    /// revocation lists.
    #[error("unexpected attributes")]
    Attributes,
    /// The content is not the one that was signed.
    #[error("the content is not what was signed")]
    MessageDigest,
    /// The signer meant another certificate for its key (RFC 5035).
    #[error("signed for another certificate")]
    SigningCertificate,
    /// The signature is neither ECDSA nor RSA PKCS #1 v1.5, with SHA-256.
    #[error("unexpected signature algorithm")]
    SignatureAlgorithm,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
}

/// Why a phone record, once decrypted, is refused.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum RecordFault {
    /// It is not a phone record.
    #[error("it is malformed")]
    Malformed,
    /// Its version is not known.
    #[error("its version is not known")]
    Version,
}
