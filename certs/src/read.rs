//! From a certificate to the number it bears.

use rustls_pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};
use zeroize::Zeroizing;

use crate::{
    certificate,
    cms::RecipientKey,
    error::Refusal,
    extension::PhoneExtension,
    phone::{Holder, PhoneNumber},
    phone_record,
    tn_auth_list::TnAuthList,
};

/// Reads the number that a certificate bears, in clear (a `tel:` URI in subjectAltName, a TNAuthList of one number, or
/// both with the same number) or encrypted.
///
/// This does not say that the certificate is to be trusted: anyone can write one.
/// [`VerifiedCertificate::phone`](crate::VerifiedCertificate::phone) is what a payment may rest on.
/// `keys` are the gateway's own; without one, only a number in clear can be read.
///
/// # Errors
/// [`Refusal::NoPhone`] and the variants after it; [`Refusal::Malformed`], [`Refusal::CertificateTooLarge`].
pub fn read_phone(
    certificate: &CertificateDer<'_>,
    extension: PhoneExtension,
    keys: &[RecipientKey],
) -> Result<Holder, Refusal> {
    let certificate = certificate::parse(certificate)?;
    let in_clear = number_in_clear(&certificate)?;
    let encrypted = extension.find(&certificate)?;
    match (in_clear, encrypted) {
        (None, None) => Err(Refusal::NoPhone),
        (Some(_), Some(_)) => Err(Refusal::SeveralPhones),
        (Some(text), None) => {
            let number = PhoneNumber::new(&text).map_err(|_| Refusal::NumberNotE164)?;
            Ok(Holder { number, card: None })
        }
        (None, Some(envelope)) => {
            phone_record::open(envelope, &certificate::key_hash(&certificate), keys)
        }
    }
}

/// The text of the number that all can read, however many times it is said: it must be the same each time.
fn number_in_clear(
    certificate: &X509Certificate<'_>,
) -> Result<Option<Zeroizing<String>>, Refusal> {
    let uri = tel_uri(certificate)?;
    let list = TnAuthList::find(certificate)?;
    let listed = match &list {
        Some(list) => list.number()?,
        None => None,
    };
    // RFC 8226 writes E.164 numbers without their plus.
    let listed = listed.map(|number| Zeroizing::new(format!("+{}", number.expose())));
    match (uri, listed) {
        (Some(uri), Some(listed)) if uri != listed.as_str() => Err(Refusal::SeveralPhones),
        (_, Some(number)) => Ok(Some(number)),
        (uri, None) => Ok(uri.map(|number| Zeroizing::new(number.to_owned()))),
    }
}

/// What follows the scheme in the certificate's one `tel:` URI.
///
/// RFC 3966 lets separators and parameters follow; an authority of ours writes none, so that equal numbers are equal
/// bytes. They are refused as not E.164.
fn tel_uri<'a>(certificate: &'a X509Certificate<'_>) -> Result<Option<&'a str>, Refusal> {
    let names = certificate.subject_alternative_name().map_err(|_| Refusal::Malformed)?;
    let mut found = names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| match name {
            GeneralName::URI(uri) => uri.split_once(':'),
            _ => None,
        })
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("tel"));
    match (found.next(), found.next()) {
        (uri, None) => Ok(uri.map(|(_, number)| number)),
        (_, Some(_)) => Err(Refusal::SeveralPhones),
    }
}
