//! Profiles: what a certificate is for, and therefore what stands in it.

use std::{net::IpAddr, time::Duration};

use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CrlDistributionPoint, CustomExtension,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyUsagePurpose,
    NameConstraints, SanType,
};
use rustls_pki_types::DnsName;

use crate::{
    certificate::Validity,
    cms::RecipientCertificate,
    error::Error,
    extension::PhoneExtension,
    key::{PublicKey, PublicKeyKind},
    kind::{AuthorityKind, EndEntityKind, KeyUse, Purpose},
    phone::{Holder, PhoneNumber},
    phone_record,
    serial::Serial,
    tn_auth_list::TnAuthList,
};

/// RFC 5280 appendix A, `ub-common-name` and `ub-organization-name`.
const MAX_COMMON_NAME_CHARS: usize = 64;
const MAX_ORGANIZATION_CHARS: usize = 64;

/// How long the revocation list of an authority that issues to end entities is valid. A certificate that lasts less is over
/// before a list that names it must be looked at: it says that there is none for it (RFC 9608).
pub const LIST_PERIOD: Duration = Duration::from_secs(7 * 86_400);
/// id-ce-noRevAvail (RFC 9608 section 2).
pub(crate) const NO_REV_AVAIL: [u64; 4] = [2, 5, 29, 56];
/// NULL.
const NO_REV_AVAIL_VALUE: [u8; 2] = [5, 0];

/// What a certificate is for.
#[derive(Debug)]
pub enum Profile<'a> {
    /// A TLS server: a merchant's shop, or a gateway.
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
        /// The number, in clear or encrypted.
        phone: Phone<'a>,
    },
    /// A cardholder who signs payments (figure 11, F11.1) and whose number the gateway reads (F11.v2). Its holder must
    /// have proved the number before.
    Cardholder {
        /// The subject's common name: a user's identifier, never the number or the card.
        common_name: &'a str,
        /// The number, in clear or encrypted.
        phone: Phone<'a>,
    },
    /// A merchant who signs payments, or to whom payments are encrypted (figure 11).
    Merchant {
        /// The subject's common name.
        common_name: &'a str,
        /// What the key does: one certificate for each.
        key_use: KeyUse,
    },
    /// A payment gateway that signs answers, or to which payments and numbers are encrypted.
    PaymentGateway {
        /// The subject's common name.
        common_name: &'a str,
        /// What the key does: one certificate for each.
        key_use: KeyUse,
    },
    /// An authority at which cardholders register (figure 11, F11.1): what it answers with, or what is encrypted to. No key of
    /// it signs certificates.
    RegistrationAuthority {
        /// The subject's common name.
        common_name: &'a str,
        /// What the key does: one certificate for each.
        key_use: KeyUse,
    },
}

/// A new authority.
#[derive(Clone, Copy, Debug)]
pub struct AuthorityProfile<'a> {
    /// What it is for.
    pub kind: AuthorityKind,
    /// Its common name.
    pub common_name: &'a str,
    /// The organisation: the brand. What it issues bears it too.
    pub organization: Option<&'a str>,
    /// The country, ISO 3166 alpha-2. What it issues bears it too.
    pub country: Option<&'a str>,
    /// The domains that its servers may have names in; any when there is none.
    pub dns_domains: &'a [&'a str],
}

impl<'a> AuthorityProfile<'a> {
    /// An authority of that kind, without organisation, country and limits on names.
    pub const fn new(kind: AuthorityKind, common_name: &'a str) -> Self {
        Self { kind, common_name, organization: None, country: None, dns_domains: &[] }
    }
}

/// A phone number in a certificate.
#[derive(Debug)]
pub enum Phone<'a> {
    /// For all to read: a `tel:` URI (RFC 3966) in subjectAltName.
    Clear(&'a PhoneNumber),
    /// For gateways to read, and only for them; it may bring a card.
    Encrypted {
        /// The number, and the card if any.
        holder: &'a Holder,
        /// Those who can read it, 1 to 8.
        gateways: &'a [RecipientCertificate],
    },
}

/// What every certificate of one authority has in common.
pub(crate) struct Frame<'a> {
    pub(crate) validity: Validity,
    pub(crate) serial: Serial,
    /// Where the authority publishes what it has revoked.
    pub(crate) revocation_list_url: Option<&'a str>,
    /// The authority's own organisation and country.
    pub(crate) organization: Option<&'a str>,
    pub(crate) country: Option<&'a str>,
    pub(crate) phone_extension: PhoneExtension,
    /// Whether the authority has the right to assert numbers (RFC 8226).
    pub(crate) asserts_numbers: bool,
}

/// What an end entity's certificate will hold.
pub(crate) fn end_entity(
    profile: &Profile<'_>,
    subject_key: &PublicKey,
    frame: &Frame<'_>,
) -> Result<CertificateParams, Error> {
    if profile.kind().max_lifetime() < frame.validity.lifetime() {
        return Err(Error::LifetimeTooLong);
    }
    let mut params = subject(profile.common_name(), frame)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = profile.key_usages(subject_key.kind());
    params.extended_key_usages = vec![to_rcgen(profile.kind().purpose())];
    match profile {
        Profile::TlsServer { dns_names, ip_addresses, .. } => {
            params.subject_alt_names = server_names(dns_names, ip_addresses)?
        }
        Profile::TlsClient { phone, .. } | Profile::Cardholder { phone, .. } => {
            add_phone(&mut params, phone, subject_key, frame)?;
        }
        Profile::Merchant { .. }
        | Profile::PaymentGateway { .. }
        | Profile::RegistrationAuthority { .. } => {}
    }
    if frame.validity.lifetime() < LIST_PERIOD {
        // Not beside the place of a list (RFC 9608 section 4).
        params.crl_distribution_points.clear();
        let value = NO_REV_AVAIL_VALUE.to_vec();
        params.custom_extensions.push(CustomExtension::from_oid_content(&NO_REV_AVAIL, value));
    }
    Ok(params)
}

impl Profile<'_> {
    /// Whether a DNS name stands in subjectAltName: then the common name is not read as one (RFC 6125 section 6.4.4).
    pub(crate) const fn has_dns_name(&self) -> bool {
        matches!(self, Self::TlsServer { dns_names, .. } if !dns_names.is_empty())
    }

    pub(crate) const fn common_name(&self) -> &str {
        match self {
            Self::TlsServer { common_name, .. }
            | Self::TlsClient { common_name, .. }
            | Self::Cardholder { common_name, .. }
            | Self::Merchant { common_name, .. }
            | Self::PaymentGateway { common_name, .. }
            | Self::RegistrationAuthority { common_name, .. } => common_name,
        }
    }

    /// What it is for, by name.
    pub const fn kind(&self) -> EndEntityKind {
        match self {
            Self::TlsServer { .. } => EndEntityKind::TlsServer,
            Self::TlsClient { .. } => EndEntityKind::TlsClient,
            Self::Cardholder { .. } => EndEntityKind::Cardholder,
            Self::Merchant { key_use: KeyUse::Signature, .. } => EndEntityKind::MerchantSignature,
            Self::Merchant { key_use: KeyUse::KeyExchange, .. } => {
                EndEntityKind::MerchantKeyExchange
            }
            Self::PaymentGateway { key_use: KeyUse::Signature, .. } => {
                EndEntityKind::GatewaySignature
            }
            Self::PaymentGateway { key_use: KeyUse::KeyExchange, .. } => {
                EndEntityKind::GatewayKeyExchange
            }
            Self::RegistrationAuthority { key_use: KeyUse::Signature, .. } => {
                EndEntityKind::AuthoritySignature
            }
            Self::RegistrationAuthority { key_use: KeyUse::KeyExchange, .. } => {
                EndEntityKind::AuthorityKeyExchange
            }
        }
    }

    fn key_usages(&self, key: PublicKeyKind) -> Vec<KeyUsagePurpose> {
        use KeyUsagePurpose::{ContentCommitment, DigitalSignature, KeyAgreement, KeyEncipherment};
        match self.kind() {
            EndEntityKind::TlsServer | EndEntityKind::TlsClient => vec![DigitalSignature],
            EndEntityKind::Cardholder
            | EndEntityKind::MerchantSignature
            | EndEntityKind::GatewaySignature
            | EndEntityKind::AuthoritySignature => vec![DigitalSignature, ContentCommitment],
            EndEntityKind::MerchantKeyExchange
            | EndEntityKind::GatewayKeyExchange
            | EndEntityKind::AuthorityKeyExchange => match key {
                PublicKeyKind::Curve => vec![KeyAgreement],
                PublicKeyKind::Rsa => vec![KeyEncipherment],
            },
        }
    }
}

/// What an authority's certificate will hold.
pub(crate) fn authority(
    profile: &AuthorityProfile<'_>,
    frame: &Frame<'_>,
) -> Result<CertificateParams, Error> {
    if profile.kind.max_lifetime() < frame.validity.lifetime() {
        return Err(Error::LifetimeTooLong);
    }
    let mut params = subject(profile.common_name, frame)?;
    params.is_ca = IsCa::Ca(match profile.kind.path_length() {
        None => BasicConstraints::Unconstrained,
        Some(below) => BasicConstraints::Constrained(below),
    });
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = profile.kind.purposes().iter().copied().map(to_rcgen).collect();
    params.name_constraints = name_constraints(profile)?;
    Ok(params)
}

/// Keeps an authority to its domains, if it has any.
///
/// An authority for people has none, not even to exclude every server: OpenSSL and the JDK hold a common name such as
/// `alice.martin` to limits on DNS names, too, and the JDK fails at an empty one. That it issues to no server is said by
/// its extended key usage.
fn name_constraints(profile: &AuthorityProfile<'_>) -> Result<Option<NameConstraints>, Error> {
    if profile.kind == AuthorityKind::Cardholders || profile.dns_domains.is_empty() {
        return Ok(None);
    }
    let domain = |name: &&str| {
        check_dns_name(name)?;
        Ok(GeneralSubtree::DnsName((*name).to_owned()))
    };
    Ok(Some(NameConstraints {
        permitted_subtrees: profile.dns_domains.iter().map(domain).collect::<Result<_, Error>>()?,
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([0; 4], 0)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0; 16], 0)),
        ],
    }))
}

/// What every certificate holds: serial number, subject, validity, authority key identifier, where revocations stand.
fn subject(common_name: &str, frame: &Frame<'_>) -> Result<CertificateParams, Error> {
    check_name(common_name, MAX_COMMON_NAME_CHARS)?;
    let mut name = DistinguishedName::new();
    if let Some(country) = frame.country {
        let is_alpha2 = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        let country = country.try_into().ok().filter(|_| is_alpha2);
        let country = country.ok_or(Error::InvalidCountry)?;
        name.push(DnType::CountryName, rcgen::DnValue::PrintableString(country));
    }
    if let Some(organization) = frame.organization {
        check_name(organization, MAX_ORGANIZATION_CHARS)?;
        name.push(DnType::OrganizationName, organization);
    }
    name.push(DnType::CommonName, common_name);

    let mut params = CertificateParams::default();
    params.serial_number = Some(frame.serial.to_rcgen());
    params.distinguished_name = name;
    params.not_before = Validity::date(frame.validity.not_before())?;
    params.not_after = Validity::date(frame.validity.not_after())?;
    params.use_authority_key_identifier_extension = true;
    params.crl_distribution_points = frame
        .revocation_list_url
        .map(|url| CrlDistributionPoint { uris: vec![url.to_owned()] })
        .into_iter()
        .collect();
    Ok(params)
}

fn check_name(name: &str, max_chars: usize) -> Result<(), Error> {
    let length_is_right = (1..=max_chars).contains(&name.chars().count());
    if length_is_right && !name.chars().any(is_unshowable) {
        Ok(())
    } else {
        Err(Error::InvalidCommonName)
    }
}

/// With what nobody sees, or what reverses what is seen, one name is shown as another (UTS 39 section 5.2): controls, line
/// ends and Unicode's Default_Ignorable_Code_Point, the bidirectional controls among them.
fn is_unshowable(character: char) -> bool {
    // Of the others, a blank that counts as a symbol, and characters that Unicode gives no form.
    let is_blank =
        matches!(character, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffc}');
    let is_private = matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    let is_no_character =
        matches!(u32::from(character), 0xfdd0..=0xfdef) || u32::from(character) & 0xfffe == 0xfffe;
    character.is_control()
        || is_blank
        || is_private
        || is_no_character
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// The library lets names end with a dot, which RFC 5280 section 4.2.1.6 (RFC 1034 section 3.5) does not have: no name is
/// equal to one.
fn check_dns_name(name: &str) -> Result<(), Error> {
    match DnsName::try_from(name) {
        Ok(_) if !name.ends_with('.') => Ok(()),
        Ok(_) | Err(_) => Err(Error::InvalidDnsName),
    }
}

/// A URI in ASCII, with a scheme and something behind it (RFC 5280 section 4.2.1.6). The library panics at what is not
/// ASCII.
///
/// # Errors
/// [`Error::InvalidRevocationListUrl`].
pub fn check_revocation_list_url(url: &str) -> Result<(), Error> {
    let is_absolute =
        url.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if is_absolute && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(Error::InvalidRevocationListUrl)
    }
}

fn server_names(dns_names: &[&str], ip_addresses: &[IpAddr]) -> Result<Vec<SanType>, Error> {
    if dns_names.is_empty() && ip_addresses.is_empty() {
        return Err(Error::NoServerName);
    }
    let dns_names = dns_names.iter().map(|name| {
        check_dns_name(name)?;
        (*name).try_into().map(SanType::DnsName).map_err(|_| Error::InvalidDnsName)
    });
    dns_names.chain(ip_addresses.iter().map(|address| Ok(SanType::IpAddress(*address)))).collect()
}

fn add_phone(
    params: &mut CertificateParams,
    phone: &Phone<'_>,
    subject_key: &PublicKey,
    frame: &Frame<'_>,
) -> Result<(), Error> {
    match phone {
        Phone::Clear(number) => {
            let uri = format!("tel:{}", number.expose());
            let uri = uri.try_into().map_err(|_| Error::Failed("encoding a tel: URI"))?;
            params.subject_alt_names = vec![SanType::URI(uri)];
            if frame.asserts_numbers {
                params.custom_extensions = vec![TnAuthList::of(number).extension()?];
            }
        }
        Phone::Encrypted { holder, gateways } => {
            let envelope = phone_record::seal(holder, &subject_key.sha256(), gateways)?;
            params.custom_extensions = vec![frame.phone_extension.with(envelope)];
        }
    }
    Ok(())
}

fn to_rcgen(purpose: Purpose) -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(purpose.oid().arcs().map(u64::from).collect())
}
