//! What is ordered from an authority.

use std::{net::IpAddr, time::Duration};

use countersign_certs::{AuthorityKind, KeyUse, Phone, Profile, PublicKey, Request};

use crate::{error::AuthorityError, record::ProvedNumber};

/// What a certificate is for, by name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Leaf {
    /// A TLS server.
    TlsServer,
    /// A TLS client that bears a number.
    TlsClient,
    /// A cardholder who signs, with a number.
    Cardholder,
    /// A merchant who signs.
    MerchantSignature,
    /// A merchant to whom is encrypted.
    MerchantKeyExchange,
    /// A gateway that signs.
    GatewaySignature,
    /// A gateway to which is encrypted.
    GatewayKeyExchange,
}

impl Leaf {
    /// Every profile, with its name.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::TlsServer, "tls-server"),
        (Self::TlsClient, "tls-client"),
        (Self::Cardholder, "cardholder"),
        (Self::MerchantSignature, "merchant-signature"),
        (Self::MerchantKeyExchange, "merchant-key-exchange"),
        (Self::GatewaySignature, "gateway-signature"),
        (Self::GatewayKeyExchange, "gateway-key-exchange"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(leaf, _)| *leaf == self);
        named.map_or("", |(_, name)| name)
    }

    /// The profile of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let named = Self::ALL.iter().find(|(_, known)| *known == name);
        named.map(|(leaf, _)| *leaf)
    }

    /// Whether a certificate of it bears a number.
    pub const fn bears_number(self) -> bool {
        matches!(self, Self::TlsClient | Self::Cardholder)
    }

    /// How long it lasts when nobody says otherwise.
    pub const fn default_lifetime(self) -> Duration {
        let days = match self {
            Self::TlsServer => 397,
            Self::TlsClient | Self::Cardholder => 730,
            _ => 1_095,
        };
        Duration::from_secs(days * 86_400)
    }

    /// The profile, filled.
    pub(crate) fn profile<'a>(
        self,
        order: &'a Order,
        dns_names: &'a [&'a str],
        phone: Option<Phone<'a>>,
    ) -> Result<Profile<'a>, AuthorityError> {
        let common_name = order.common_name.as_str();
        let merchant = |key_use| Profile::Merchant { common_name, key_use };
        let gateway = |key_use| Profile::Gateway { common_name, key_use };
        let phone = || phone.ok_or(AuthorityError::NumberNotProved);
        Ok(match self {
            Self::TlsServer => {
                Profile::TlsServer { common_name, dns_names, ip_addresses: &order.ip_addresses }
            }
            Self::TlsClient => Profile::TlsClient { common_name, phone: phone()? },
            Self::Cardholder => Profile::Cardholder { common_name, phone: phone()? },
            Self::MerchantSignature => merchant(KeyUse::Signature),
            Self::MerchantKeyExchange => merchant(KeyUse::KeyExchange),
            Self::GatewaySignature => gateway(KeyUse::Signature),
            Self::GatewayKeyExchange => gateway(KeyUse::KeyExchange),
        })
    }
}

/// Every kind of authority, with its name.
pub const AUTHORITY_KINDS: [(AuthorityKind, &str); 7] = [
    (AuthorityKind::Root, "root"),
    (AuthorityKind::Brand, "brand"),
    (AuthorityKind::Geopolitical, "geopolitical"),
    (AuthorityKind::Issuing, "issuing"),
    (AuthorityKind::Cardholders, "cardholders"),
    (AuthorityKind::Merchants, "merchants"),
    (AuthorityKind::Gateways, "gateways"),
];

pub(crate) fn kind_name(kind: AuthorityKind) -> &'static str {
    let named = AUTHORITY_KINDS.iter().find(|(known, _)| *known == kind);
    named.map_or("", |(_, name)| name)
}

/// An order for a certificate.
#[derive(Clone, Debug)]
pub struct Order {
    /// What for.
    pub leaf: Leaf,
    /// The subject's common name.
    pub common_name: String,
    /// The names that a server is reached by.
    pub dns_names: Vec<String>,
    /// The addresses that a server is reached by.
    pub ip_addresses: Vec<IpAddr>,
    /// The number, which its holder has proved.
    pub number: Option<ProvedNumber>,
    /// The key.
    pub key: PublicKey,
    /// How long it lasts.
    pub lifetime: Duration,
}

impl Order {
    /// What a request asks for, under the name that it has if no other is given. Only what the profile permits is taken
    /// from it.
    ///
    /// # Errors
    /// [`AuthorityError::NoCommonName`].
    pub fn of(
        leaf: Leaf,
        request: &Request,
        common_name: Option<String>,
    ) -> Result<Self, AuthorityError> {
        let common_name = common_name.or_else(|| request.common_name().map(str::to_owned));
        Ok(Self {
            leaf,
            common_name: common_name.ok_or(AuthorityError::NoCommonName)?,
            dns_names: request.dns_names().to_vec(),
            ip_addresses: request.ip_addresses().to_vec(),
            number: None,
            key: request.key().clone(),
            lifetime: leaf.default_lifetime(),
        })
    }
}
