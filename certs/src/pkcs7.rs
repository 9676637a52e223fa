//! Certificates in one CMS message without a signature ("certs-only", RFC 5751 section 3.8), as EST hands them out.

use der::{
    Any, Decode as _, Encode as _, Sequence,
    asn1::{ObjectIdentifier, SetOfVec},
};

use crate::{certificate::Certificate, error::Error};

/// SignedData (RFC 5652 section 5.1) that holds certificates and nothing else.
#[derive(Sequence)]
struct CertsOnly {
    version: u8,
    digest_algorithms: SetOfVec<Any>,
    content: NoContent,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true")]
    certificates: SetOfVec<Any>,
    signer_infos: SetOfVec<Any>,
}

#[derive(Sequence)]
struct NoContent {
    content_type: ObjectIdentifier,
}

#[derive(Sequence)]
struct ContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: CertsOnly,
}

/// The certificates as one DER message.
///
/// # Errors
/// [`Error::Failed`].
pub fn to_certs_only(certificates: &[Certificate]) -> Result<Vec<u8>, Error> {
    let encode = || {
        let certificates = certificates
            .iter()
            .map(|certificate| Any::from_der(certificate.der()))
            .collect::<der::Result<Vec<_>>>()?;
        let message = ContentInfo {
            content_type: ID_SIGNED_DATA,
            content: CertsOnly {
                version: 1,
                digest_algorithms: SetOfVec::new(),
                content: NoContent { content_type: ID_DATA },
                certificates: certificates.try_into()?,
                signer_infos: SetOfVec::new(),
            },
        };
        message.to_der()
    };
    encode().map_err(|_: der::Error| Error::Failed("encoding certificates"))
}

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
