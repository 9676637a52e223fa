//! Profiles: what a certificate is for, and therefore what stands in it.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::DnsName;

use crate::{
    certificate::{PublicKey, Validity},
    envelope,
    error::Error,
    extension::PhoneExtension,
    gateway::GatewayCertificate,
    phone::{Holder, PhoneNumber},
    record,
};

/// What a certificate is for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Profile<'a> {
    /// A TLS server.
    TlsServer {
        /// The subject's common name, for people to read.
        common_name: &'a str,
        /// The names it is reached by.
        dns_names: &'a [&'a str],
        /// The addresses it is reached by.
        ip_addresses: &'a [IpAddr],
    },
    /// A TLS client that bears a phone number. Its holder must have proved the number before.
    TlsClient {
        /// The subject's common name: a user's identifier, never the number or the card.
        common_name: &'a str,
        /// The number and who can read it.
        phone: Phone<'a>,
    },
    /// A gateway that numbers are encrypted to.
    Gateway {
        /// The subject's common name.
        common_name: &'a str,
    },
}

/// A phone number in a certificate.
#[derive(Debug)]
#[non_exhaustive]
pub enum Phone<'a> {
    /// For all to read: a `tel:` URI (RFC 3966) in subjectAltName.
    Clear(&'a PhoneNumber),
    /// For gateways to read, and only for them; it may bring a card.
    Encrypted {
        /// The number, and the card if any.
        holder: &'a Holder,
        /// Those who can read it, 1 to 8.
        gateways: &'a [GatewayCertificate],
    },
}

/// What an end entity's certificate will hold.
pub(crate) fn end_entity(
    profile: &Profile<'_>,
    subject_key: &PublicKey,
    validity: Validity,
    extension: PhoneExtension,
) -> Result<CertificateParams, Error> {
    let common_name = match profile {
        Profile::TlsServer { common_name, .. }
        | Profile::TlsClient { common_name, .. }
        | Profile::Gateway { common_name } => common_name,
    };
    let mut params = subject(common_name, validity)?;
    params.is_ca = IsCa::ExplicitNoCa;
    match profile {
        Profile::TlsServer {
            dns_names,
            ip_addresses,
            ..
        } => {
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.subject_alt_names = server_names(dns_names, ip_addresses)?;
        }
        Profile::TlsClient { phone, .. } => {
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            add_phone(&mut params, phone, subject_key, extension)?;
        }
        Profile::Gateway { .. } => params.key_usages = vec![KeyUsagePurpose::KeyAgreement],
    }
    Ok(params)
}

/// What an authority's certificate will hold. `path_length` is how many authorities may stand below it.
pub(crate) fn authority(
    common_name: &str,
    validity: Validity,
    path_length: BasicConstraints,
) -> Result<CertificateParams, Error> {
    let mut params = subject(common_name, validity)?;
    params.is_ca = IsCa::Ca(path_length);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// What every certificate holds: serial number, subject, validity, authority key identifier.
fn subject(common_name: &str, validity: Validity) -> Result<CertificateParams, Error> {
    let length_is_right = (1..=MAX_COMMON_NAME_CHARS).contains(&common_name.chars().count());
    if !length_is_right || common_name.chars().any(char::is_control) {
        return Err(Error::InvalidCommonName);
    }
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, common_name);

    let mut params = CertificateParams::default();
    params.serial_number = Some(serial_number()?);
    params.distinguished_name = distinguished_name;
    params.not_before = Validity::date(validity.not_before())?;
    params.not_after = Validity::date(validity.not_after())?;
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// 16 bytes, positive and always of full length: unique without a register (RFC 5280 section 4.1.2.2).
fn serial_number() -> Result<SerialNumber, Error> {
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| Error::Failed("drawing a serial number"))?;
    let [first, ..] = &mut serial;
    *first = (*first & 0x7f) | 0x40;
    Ok(SerialNumber::from_slice(&serial))
}

fn server_names(dns_names: &[&str], ip_addresses: &[IpAddr]) -> Result<Vec<SanType>, Error> {
    if dns_names.is_empty() && ip_addresses.is_empty() {
        return Err(Error::NoServerName);
    }
    let dns_names = dns_names.iter().map(|name| {
        DnsName::try_from(*name).map_err(|_| Error::InvalidDnsName)?;
        (*name)
            .try_into()
            .map(SanType::DnsName)
            .map_err(|_| Error::InvalidDnsName)
    });
    dns_names
        .chain(
            ip_addresses
                .iter()
                .map(|address| Ok(SanType::IpAddress(*address))),
        )
        .collect()
}

fn add_phone(
    params: &mut CertificateParams,
    phone: &Phone<'_>,
    subject_key: &PublicKey,
    extension: PhoneExtension,
) -> Result<(), Error> {
    match phone {
        Phone::Clear(number) => {
            let uri = format!("tel:{}", number.expose());
            let uri = uri
                .try_into()
                .map_err(|_| Error::Failed("encoding a tel: URI"))?;
            params.subject_alt_names = vec![SanType::URI(uri)];
        }
        Phone::Encrypted { holder, gateways } => {
            let record = record::encode(holder, &subject_key.sha256())?;
            let envelope = envelope::seal(&record, gateways)?;
            params.custom_extensions = vec![extension.with(envelope)];
        }
    }
    Ok(())
}

/// RFC 5280 appendix A, `ub-common-name`.
const MAX_COMMON_NAME_CHARS: usize = 64;
