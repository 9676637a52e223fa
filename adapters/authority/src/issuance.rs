//! What an authority is asked to issue.

use std::{net::IpAddr, time::Duration};

use countersign_certs::{EndEntityKind, KeyUse, Phone, Profile, PublicKey, Request};
use countersign_domain::card::Card;

use crate::{error::AuthorityError, record::ProvedNumber};

/// A certificate to be issued.
#[derive(Clone, Debug)]
pub struct Issuance {
    /// What it is for.
    pub kind: EndEntityKind,
    /// The subject's common name.
    pub common_name: String,
    /// The names that a server is reached by.
    pub dns_names: Vec<String>,
    /// The addresses that a server is reached by.
    pub ip_addresses: Vec<IpAddr>,
    /// The number, which its holder has proved.
    pub number: Option<ProvedNumber>,
    /// The card that is vouched for beside the number, encrypted as it is.
    pub card: Option<Card>,
    /// The one to be certified.
    pub key: PublicKey,
    /// How long it lasts.
    pub lifetime: Duration,
}

impl Issuance {
    /// For that key, under that name and no other: what a request asks for beside its key is not looked at.
    pub fn of(kind: EndEntityKind, key: &PublicKey, common_name: String) -> Self {
        Self {
            kind,
            common_name,
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            number: None,
            card: None,
            key: key.clone(),
            lifetime: kind.usual_lifetime(),
        }
    }

    /// With the names that a request asks for, which anybody can write into one: for those who have looked at them.
    ///
    /// # Errors
    /// [`AuthorityError::NoCommonName`].
    pub fn asked_for(kind: EndEntityKind, request: &Request) -> Result<Self, AuthorityError> {
        let common_name = request.common_name().ok_or(AuthorityError::NoCommonName)?;
        Ok(Self {
            dns_names: request.dns_names().to_vec(),
            ip_addresses: request.ip_addresses().to_vec(),
            ..Self::of(kind, request.key(), common_name.to_owned())
        })
    }

    /// The profile of its kind, filled.
    pub(crate) fn profile<'a>(
        &'a self,
        dns_names: &'a [&'a str],
        phone: Option<Phone<'a>>,
    ) -> Result<Profile<'a>, AuthorityError> {
        let common_name = self.common_name.as_str();
        let merchant = |key_use| Profile::Merchant { common_name, key_use };
        let gateway = |key_use| Profile::PaymentGateway { common_name, key_use };
        let authority = |key_use| Profile::RegistrationAuthority { common_name, key_use };
        let phone = || phone.ok_or(AuthorityError::NumberNotProved);
        Ok(match self.kind {
            EndEntityKind::TlsServer => {
                Profile::TlsServer { common_name, dns_names, ip_addresses: &self.ip_addresses }
            }
            EndEntityKind::TlsClient => Profile::TlsClient { common_name, phone: phone()? },
            EndEntityKind::Cardholder => Profile::Cardholder { common_name, phone: phone()? },
            EndEntityKind::MerchantSignature => merchant(KeyUse::Signature),
            EndEntityKind::MerchantKeyExchange => merchant(KeyUse::KeyExchange),
            EndEntityKind::GatewaySignature => gateway(KeyUse::Signature),
            EndEntityKind::GatewayKeyExchange => gateway(KeyUse::KeyExchange),
            EndEntityKind::AuthoritySignature => authority(KeyUse::Signature),
            EndEntityKind::AuthorityKeyExchange => authority(KeyUse::KeyExchange),
        })
    }
}
