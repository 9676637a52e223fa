//! Kinds of authorities and of certificates: what is fixed for each, in one row.

use std::time::Duration;

use der::asn1::ObjectIdentifier;
use x509_parser::extensions::ExtendedKeyUsage;

static SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
static CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
static CARDHOLDER: ObjectIdentifier = ObjectIdentifier::new_unwrap(
    "1.2.840.113556.1.8000.2554.31838.7946.37812.19758.35425.998269.10235461.1.1",
);
static MERCHANT: ObjectIdentifier = ObjectIdentifier::new_unwrap(
    "1.2.840.113556.1.8000.2554.31838.7946.37812.19758.35425.998269.10235461.1.2",
);
static PAYMENT_GATEWAY: ObjectIdentifier = ObjectIdentifier::new_unwrap(
    "1.2.840.113556.1.8000.2554.31838.7946.37812.19758.35425.998269.10235461.1.3",
);
static REGISTRATION: ObjectIdentifier = ObjectIdentifier::new_unwrap(
    "1.2.840.113556.1.8000.2554.31838.7946.37812.19758.35425.998269.10235461.1.4",
);
/// With the leap days that can be among them.
const FIVE_YEARS: u64 = 5 * 365 + 2;
const SIX_YEARS: u64 = 6 * 365 + 2;

/// What an authority is for. Each stands below one with a longer path (figure 11, as SET draws it).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthorityKind {
    /// Signs itself; makes brands. Its key is used a few times in its life and is best kept offline.
    ///
    /// Patent: *autorité suprême*.
    Root,
    /// Makes geopolitical and issuing authorities for one brand of cards.
    Brand,
    /// Makes issuing authorities for one country or region of a brand.
    Geopolitical,
    /// Issues to end entities of every kind: enough for one house.
    Issuing,
    /// Issues to cardholders and TLS clients, and never to servers.
    Cardholders,
    /// Issues to merchants and their TLS servers.
    Merchants,
    /// Issues to payment gateways and their TLS servers.
    Gateways,
}

/// What is fixed for a kind of authority. Each outlives those below it.
struct AuthorityRow {
    name: &'static str,
    /// How many authorities may stand below (RFC 5280 section 4.2.1.9), which tells the kinds apart that make authorities.
    path_length: Option<u8>,
    longest: Duration,
    usual: Duration,
    /// What those that it issues to may do: anything when there is none.
    purposes: &'static [Purpose],
}

impl AuthorityKind {
    /// Every kind, from the root down.
    pub const ALL: [Self; 7] = [
        Self::Root,
        Self::Brand,
        Self::Geopolitical,
        Self::Issuing,
        Self::Cardholders,
        Self::Merchants,
        Self::Gateways,
    ];

    const fn row(self) -> AuthorityRow {
        use Purpose::{Cardholder, ClientAuth, Merchant, PaymentGateway, Registration, ServerAuth};
        let (name, path_length, longest, usual, purposes): (_, _, _, _, &[Purpose]) = match self {
            Self::Root => ("root", None, 25, 20, &[]),
            Self::Brand => ("brand", Some(2), 15, 12, &[]),
            Self::Geopolitical => ("geopolitical", Some(1), 12, 10, &[]),
            Self::Issuing => ("issuing", Some(0), 10, 8, &[]),
            Self::Cardholders => {
                ("cardholders", Some(0), 10, 8, &[ClientAuth, Cardholder, Registration])
            }
            Self::Merchants => ("merchants", Some(0), 10, 8, &[ServerAuth, Merchant]),
            Self::Gateways => ("gateways", Some(0), 10, 8, &[ServerAuth, PaymentGateway]),
        };
        // With the leap days that can be among the longest, and those that are among the usual.
        let (longest, usual) = (days(longest * 365 + longest / 4 + 1), days(usual * 1_461 / 4));
        AuthorityRow { name, path_length, longest, usual, purposes }
    }

    /// Its name, such as `geopolitical`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How many authorities may stand below it: any number when there is none.
    pub const fn path_length(self) -> Option<u8> {
        self.row().path_length
    }

    /// The longest that such an authority lasts.
    pub const fn max_lifetime(self) -> Duration {
        self.row().longest
    }

    /// How long it lasts when nothing else is asked for.
    pub const fn usual_lifetime(self) -> Duration {
        self.row().usual
    }

    pub(crate) const fn purposes(self) -> &'static [Purpose] {
        self.row().purposes
    }
}

/// What a certificate of an end entity is for: the role in which it is issued, and verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EndEntityKind {
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
    /// A payment gateway that signs.
    GatewaySignature,
    /// A payment gateway to which is encrypted.
    GatewayKeyExchange,
    /// An authority that signs what it answers to those who register (F11.1). Its own key signs certificates and nothing
    /// else.
    AuthoritySignature,
    /// An authority to which those who register encrypt.
    AuthorityKeyExchange,
}

/// What is fixed for a kind of end entity.
struct EndEntityRow {
    name: &'static str,
    purpose: Purpose,
    key_use: KeyUse,
    longest: Duration,
    usual: Duration,
}

impl EndEntityKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::TlsServer,
        Self::TlsClient,
        Self::Cardholder,
        Self::MerchantSignature,
        Self::MerchantKeyExchange,
        Self::GatewaySignature,
        Self::GatewayKeyExchange,
        Self::AuthoritySignature,
        Self::AuthorityKeyExchange,
    ];

    /// The longest: TLS servers a day less than browsers have it (398), keys that decrypt a year more than those who encrypt
    /// to them look at them, people as long as a card.
    const fn row(self) -> EndEntityRow {
        use KeyUse::{KeyExchange, Signature};
        use Purpose::{Cardholder, ClientAuth, Merchant, PaymentGateway, Registration, ServerAuth};
        let (name, purpose, key_use, longest, usual) = match self {
            Self::TlsServer => ("tls-server", ServerAuth, Signature, 397, 397),
            Self::TlsClient => ("tls-client", ClientAuth, Signature, FIVE_YEARS, 730),
            Self::Cardholder => ("cardholder", Cardholder, Signature, FIVE_YEARS, 730),
            Self::MerchantSignature => {
                ("merchant-signature", Merchant, Signature, SIX_YEARS, 1_095)
            }
            Self::MerchantKeyExchange => {
                ("merchant-key-exchange", Merchant, KeyExchange, SIX_YEARS, 1_095)
            }
            Self::GatewaySignature => {
                ("gateway-signature", PaymentGateway, Signature, SIX_YEARS, 1_095)
            }
            Self::GatewayKeyExchange => {
                ("gateway-key-exchange", PaymentGateway, KeyExchange, SIX_YEARS, 1_095)
            }
            Self::AuthoritySignature => {
                ("authority-signature", Registration, Signature, SIX_YEARS, 1_095)
            }
            Self::AuthorityKeyExchange => {
                ("authority-key-exchange", Registration, KeyExchange, SIX_YEARS, 1_095)
            }
        };
        EndEntityRow { name, purpose, key_use, longest: days(longest), usual: days(usual) }
    }

    /// Its name, such as `tls-client`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a certificate of it bears a number.
    pub const fn bears_number(self) -> bool {
        match self {
            Self::TlsClient | Self::Cardholder => true,
            Self::TlsServer
            | Self::MerchantSignature
            | Self::MerchantKeyExchange
            | Self::GatewaySignature
            | Self::GatewayKeyExchange
            | Self::AuthoritySignature
            | Self::AuthorityKeyExchange => false,
        }
    }

    /// What its key does.
    pub const fn key_use(self) -> KeyUse {
        self.row().key_use
    }

    /// Whether its holder has another key for the other use: merchants, gateways and authorities do.
    pub(crate) const fn has_key_for_each_use(self) -> bool {
        match self {
            Self::TlsServer | Self::TlsClient | Self::Cardholder => false,
            Self::MerchantSignature
            | Self::MerchantKeyExchange
            | Self::GatewaySignature
            | Self::GatewayKeyExchange
            | Self::AuthoritySignature
            | Self::AuthorityKeyExchange => true,
        }
    }

    /// Whether its holder shows the same chain in message after message: those with a key for each use do. A person shows
    /// one once in a purchase, and what bears a number is not kept.
    pub(crate) const fn comes_again(self) -> bool {
        self.has_key_for_each_use()
    }

    /// The longest that such a certificate lasts.
    pub const fn max_lifetime(self) -> Duration {
        self.row().longest
    }

    /// How long it lasts when nothing else is asked for.
    pub const fn usual_lifetime(self) -> Duration {
        self.row().usual
    }

    pub(crate) const fn purpose(self) -> Purpose {
        self.row().purpose
    }
}

/// What a key does. No key does both: what is signed must not be what is decrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyUse {
    /// Signs.
    Signature,
    /// Agrees on keys (P-256), or has keys enciphered to it (RSA).
    KeyExchange,
}

/// What stands in the extended key usage, and must not be outside of the authority's own: a verifier holds those below an
/// authority to it. The roles in a payment are an arc below the project's own identifier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    ServerAuth,
    ClientAuth,
    Cardholder,
    Merchant,
    PaymentGateway,
    Registration,
}

impl Purpose {
    pub(crate) const ALL: [Self; 6] = [
        Self::ServerAuth,
        Self::ClientAuth,
        Self::Cardholder,
        Self::Merchant,
        Self::PaymentGateway,
        Self::Registration,
    ];

    pub(crate) const fn oid(self) -> &'static ObjectIdentifier {
        match self {
            Self::ServerAuth => &SERVER_AUTH,
            Self::ClientAuth => &CLIENT_AUTH,
            Self::Cardholder => &CARDHOLDER,
            Self::Merchant => &MERCHANT,
            Self::PaymentGateway => &PAYMENT_GATEWAY,
            Self::Registration => &REGISTRATION,
        }
    }

    /// Whether the extension says so by name.
    pub(crate) fn is_named_in(self, extension: &ExtendedKeyUsage<'_>) -> bool {
        match self {
            Self::ServerAuth => extension.server_auth,
            Self::ClientAuth => extension.client_auth,
            Self::Cardholder | Self::Merchant | Self::PaymentGateway | Self::Registration => {
                let mut others = extension.other.iter();
                others.any(|other| other.as_bytes() == self.oid().as_bytes())
            }
        }
    }
}

const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_by_its_name_and_none_else() {
        for kind in AuthorityKind::ALL {
            assert_eq!(AuthorityKind::from_name(kind.name()), Some(kind));
        }
        for kind in EndEntityKind::ALL {
            assert_eq!(EndEntityKind::from_name(kind.name()), Some(kind));
            assert_eq!(AuthorityKind::from_name(kind.name()), None);
        }
        assert_eq!(EndEntityKind::from_name("root"), None);
    }

    #[test]
    fn the_usual_lifetimes_are_those_that_the_command_line_promises_and_none_is_too_long() {
        let in_days = |lifetime: Duration| lifetime.as_secs() / 86_400;
        let usual = AuthorityKind::ALL.map(|kind| in_days(kind.usual_lifetime()));
        assert_eq!(usual, [7_305, 4_383, 3_652, 2_922, 2_922, 2_922, 2_922]);
        let longest = AuthorityKind::ALL.map(|kind| in_days(kind.max_lifetime()));
        assert_eq!(longest, [9_132, 5_479, 4_384, 3_653, 3_653, 3_653, 3_653]);
        assert!(AuthorityKind::ALL.iter().all(|kind| kind.usual_lifetime() < kind.max_lifetime()));
        let all = EndEntityKind::ALL.iter();
        assert!(all.clone().all(|kind| kind.usual_lifetime() <= kind.max_lifetime()));
        let longest = EndEntityKind::ALL.map(|kind| in_days(kind.max_lifetime()));
        assert_eq!(longest, [397, 1_827, 1_827, 2_192, 2_192, 2_192, 2_192, 2_192, 2_192]);
    }

    #[test]
    fn a_purpose_of_our_own_is_below_the_project_s_identifier() {
        let own = crate::extension::PhoneExtension::default().to_string();
        for (purpose, arc) in [
            (Purpose::Cardholder, 1),
            (Purpose::Merchant, 2),
            (Purpose::PaymentGateway, 3),
            (Purpose::Registration, 4),
        ] {
            assert_eq!(purpose.oid().to_string(), format!("{own}.1.{arc}"));
        }
    }
}
