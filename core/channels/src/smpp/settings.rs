//! How to reach the centre, how it knows us, and how patient we are.

use std::{fmt, time::Duration};

use countersign_domain::{address::Msisdn, secret::Secret};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use thiserror::Error;

use super::{pdu::Address, reference::IdForm};

/// Settings of one session. [`SmppSettings::new`] fills in the defaults named below.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SmppSettings {
    /// The centre's host name or address.
    pub host: String,
    /// The centre's TCP port; 2775 is registered for SMPP.
    pub port: u16,
    /// The account: 1 to 15 ASCII characters.
    pub system_id: String,
    /// The account's password: up to 8 ASCII characters by the standard, and up to 64 at centres that do not keep it.
    pub password: Secret<String>,
    /// What the centre wants to be told about our kind of system: up to 12 ASCII characters. Default: empty.
    pub system_type: String,
    /// From whom the messages come.
    pub source: SourceAddress,
    /// Asks the centre to deliver at once and to answer only then (transaction mode, section 5.2.12): a phone that is
    /// off or refuses is known of at once, and gets nothing later. A centre may refuse that. Default: store and forward.
    pub transaction_mode: bool,
    /// Submissions that may wait for their answer at once: 1 to 1,000; the next ones wait for a place. Default: 10.
    pub window: usize,
    /// Submissions in each second at most; a longer message counts once for each part. Default: as the centre allows.
    pub max_per_second: Option<u32>,
    /// How long a place in the window is waited for, and how long an answer: up to 25 seconds each, so that a message
    /// is settled in less than a minute. Default: 10 seconds.
    pub response_timeout: Duration,
    /// After how long a silence the centre is asked whether it is there. Default: 30 seconds.
    pub keepalive_after: Duration,
    /// The first pause before the centre is called again; each further one is twice as long, up to
    /// [`Self::max_reconnect_pause`], until a session has lived for longer than the next would be. Default: 1 second.
    pub reconnect_pause: Duration,
    /// The longest pause before the centre is called again. Default: 60 seconds.
    pub max_reconnect_pause: Duration,
    /// The longest pause between two tries while the centre asks to slow down (ESME_RTHROTTLED, ESME_RMSGQFUL) and takes
    /// nothing. Default: 1 second.
    pub throttle_pause: Duration,
    /// How the centre writes in receipts the ids that it gave in its answers. Default: as its receipts show.
    pub receipt_ids: Option<IdForm>,
    /// What data_coding 0 means to the centre. Default: GSM 03.38.
    pub default_alphabet: DefaultAlphabet,
    /// How the centre is told until when a message is worth delivering. Default: relative.
    pub validity: Validity,
    /// TLS, if the centre offers it. Default: none.
    pub tls: Option<TlsSettings>,
}

/// TLS to the centre.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsSettings {
    /// The name that the centre's certificate must bear.
    pub server_name: String,
    /// The authorities that may have issued it, as PEM.
    pub roots_pem: String,
}

/// What data_coding 0 means to a centre, which the standard leaves to it (section 5.2.19).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DefaultAlphabet {
    /// GSM 03.38, one septet in each octet.
    #[default]
    Gsm7,
    /// ISO 8859-1. A text with characters that are not in GSM 03.38, too, goes out in UTF-16.
    Latin1,
}

/// How a validity_period is written (section 7.1.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Validity {
    /// What is left of the code's life.
    #[default]
    Relative,
    /// When it ends, in universal time: for centres that refuse the other form, and whose clocks are right.
    Absolute,
    /// Not at all, for centres that refuse both. A message may arrive long after its code has died: the payer reads a code
    /// that nobody accepts any more, and a phone that was off shows a payment that was cancelled.
    Unsaid,
}

/// From whom a message comes, as the phone shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SourceAddress {
    /// A name: 1 to 11 ASCII letters, digits, spaces and `. - _ &`, not digits alone. Nobody can answer it.
    Name(String),
    /// A short code: 3 to 8 digits of the operator's own.
    ShortCode(String),
    /// A number.
    Number(Msisdn),
}

/// A setting that cannot work.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{setting} {why}")]
#[non_exhaustive]
pub struct InvalidSettings {
    /// Its name.
    pub setting: &'static str,
    /// Which rule it breaks, as the rest of a sentence.
    pub why: &'static str,
}

impl SmppSettings {
    /// Settings with the defaults.
    pub fn new(
        host: &str,
        port: u16,
        system_id: &str,
        password: Secret<String>,
        source: SourceAddress,
    ) -> Self {
        Self {
            host: host.to_owned(),
            port,
            system_id: system_id.to_owned(),
            password,
            system_type: String::new(),
            source,
            transaction_mode: false,
            window: 10,
            max_per_second: None,
            response_timeout: Duration::from_secs(10),
            keepalive_after: Duration::from_secs(30),
            reconnect_pause: Duration::from_secs(1),
            max_reconnect_pause: Duration::from_secs(60),
            throttle_pause: Duration::from_secs(1),
            receipt_ids: None,
            default_alphabet: DefaultAlphabet::default(),
            validity: Validity::default(),
            tls: None,
        }
    }

    /// Checks every bound.
    pub(super) fn check(&self) -> Result<(), InvalidSettings> {
        let rules = [
            (!self.host.is_empty(), "host", "is empty"),
            (self.port != 0, "port", "is zero"),
            (is_ascii(&self.system_id, 1, 15), "system_id", "is not 1 to 15 ASCII characters"),
            (
                is_ascii(self.password.expose(), 0, 64),
                "password",
                "is longer than 64 ASCII characters",
            ),
            (
                is_ascii(&self.system_type, 0, 12),
                "system_type",
                "is longer than 12 ASCII characters",
            ),
            ((1..=1_000).contains(&self.window), "window", "is not 1 to 1,000"),
            (self.max_per_second != Some(0), "max_per_second", "is zero"),
            (within(self.response_timeout, 25), "response_timeout", "is not up to 25 seconds"),
            (within(self.keepalive_after, 3_600), "keepalive_after", "is not up to an hour"),
            (within(self.reconnect_pause, 3_600), "reconnect_pause", "is not up to an hour"),
            (
                within(self.max_reconnect_pause, 3_600),
                "max_reconnect_pause",
                "is not up to an hour",
            ),
            (within(self.throttle_pause, 60), "throttle_pause", "is not up to a minute"),
        ];
        for (holds, setting, why) in rules {
            if !holds {
                return Err(InvalidSettings { setting, why });
            }
        }
        Ok(())
    }
}

impl TlsSettings {
    /// What a TLS client needs.
    pub(super) fn parts(
        &self,
    ) -> Result<(ServerName<'static>, rustls::RootCertStore), InvalidSettings> {
        let invalid = |setting, why| InvalidSettings { setting, why };
        let name = ServerName::try_from(self.server_name.clone());
        let name = name.map_err(|_| invalid("server_name", "is not a host name"))?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.roots_pem.as_bytes()) {
            let certificate = certificate.map_err(|_| invalid("roots_pem", "is not PEM"))?;
            roots
                .add(certificate)
                .map_err(|_| invalid("roots_pem", "holds no certificate authority"))?;
        }
        if roots.is_empty() {
            return Err(invalid("roots_pem", "holds no certificate"));
        }
        Ok((name, roots))
    }
}

/// A short code, a number with its `+`, or else a name.
impl TryFrom<&str> for SourceAddress {
    type Error = InvalidSettings;

    fn try_from(text: &str) -> Result<Self, InvalidSettings> {
        let invalid = |why| InvalidSettings { setting: "source", why };
        if text.starts_with('+') {
            return Msisdn::typed(text).map(Self::Number).map_err(|error| invalid(error.why));
        }
        if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()) {
            let short = (3..=8).contains(&text.len());
            return if short {
                Ok(Self::ShortCode(text.to_owned()))
            } else {
                Err(invalid("is no short code of 3 to 8 digits"))
            };
        }
        let shown = |octet: u8| octet.is_ascii_alphanumeric() || b" .-_&".contains(&octet);
        if !text.bytes().all(shown) || !(1..=11).contains(&text.len()) {
            return Err(invalid("is not 1 to 11 ASCII letters, digits, spaces and . - _ &"));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl SourceAddress {
    /// With type of number and numbering plan as centres expect them (SMPP 3.4 sections 5.2.5 and 5.2.6): a name is
    /// alphanumeric, a short code network specific, a number international and ISDN.
    pub(super) fn address(&self) -> Address {
        let (ton, npi, digits) = match self {
            Self::Name(name) => (5, 0, name.as_str()),
            Self::ShortCode(digits) => (3, 0, digits.as_str()),
            Self::Number(number) => return international(number),
        };
        Address { ton, npi, digits: digits.to_owned() }
    }
}

/// A number as an address: international, ISDN, without its `+`.
pub(super) fn international(number: &Msisdn) -> Address {
    Address { ton: 1, npi: 1, digits: number.expose().trim_start_matches('+').to_owned() }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) | Self::ShortCode(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

fn is_ascii(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic())
}

fn within(duration: Duration, max_seconds: u64) -> bool {
    !duration.is_zero() && duration <= Duration::from_secs(max_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SmppSettings {
        let source = SourceAddress::Name("SHOP".to_owned());
        SmppSettings::new(
            "127.0.0.1",
            2775,
            "countersign",
            Secret::new("secret".to_owned()),
            source,
        )
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(settings().check(), Ok(()));
    }

    #[test]
    fn a_setting_out_of_bounds_is_refused_by_its_name() {
        let refused = |change: fn(&mut SmppSettings)| {
            let mut settings = settings();
            change(&mut settings);
            settings.check().unwrap_err().setting
        };
        assert_eq!(refused(|s| s.host.clear()), "host");
        assert_eq!(refused(|s| s.port = 0), "port");
        assert_eq!(refused(|s| s.system_id.clear()), "system_id");
        assert_eq!(refused(|s| s.system_id = "1234567890123456".to_owned()), "system_id");
        assert_eq!(refused(|s| s.system_id = "é".to_owned()), "system_id");
        assert_eq!(refused(|s| s.password = Secret::new("1".repeat(65))), "password");
        assert_eq!(refused(|s| s.system_type = "1234567890123".to_owned()), "system_type");
        assert_eq!(refused(|s| s.window = 0), "window");
        assert_eq!(refused(|s| s.window = 1_001), "window");
        assert_eq!(refused(|s| s.max_per_second = Some(0)), "max_per_second");
        assert_eq!(refused(|s| s.response_timeout = Duration::from_secs(26)), "response_timeout");
        assert_eq!(refused(|s| s.response_timeout = Duration::ZERO), "response_timeout");
        assert_eq!(refused(|s| s.keepalive_after = Duration::ZERO), "keepalive_after");
        assert_eq!(refused(|s| s.reconnect_pause = Duration::ZERO), "reconnect_pause");
        assert_eq!(refused(|s| s.max_reconnect_pause = Duration::ZERO), "max_reconnect_pause");
        assert_eq!(refused(|s| s.throttle_pause = Duration::ZERO), "throttle_pause");
    }

    #[test]
    fn type_and_plan_follow_from_the_source() {
        for (text, ton, npi, digits) in [
            ("SHOP 24", 5, 0, "SHOP 24"),
            ("A.B-C_D&E F", 5, 0, "A.B-C_D&E F"),
            ("38.00", 5, 0, "38.00"),
            ("3800", 3, 0, "3800"),
            ("+33612345678", 1, 1, "33612345678"),
        ] {
            let address = SourceAddress::try_from(text).unwrap().address();
            assert_eq!((address.ton, address.npi, address.digits.as_str()), (ton, npi, digits));
        }
    }

    #[test]
    fn a_source_that_no_phone_shows_is_refused() {
        for text in ["", "A NAME TOO LONG", "CAFÉ", "SHOP!", "12", "123456789", "+12"] {
            assert_eq!(SourceAddress::try_from(text).unwrap_err().setting, "source", "{text}");
        }
    }

    #[test]
    fn tls_without_an_authority_is_refused() {
        let tls = |server_name: &str, roots_pem: &str| {
            let tls = TlsSettings {
                server_name: server_name.to_owned(),
                roots_pem: roots_pem.to_owned(),
            };
            tls.parts().unwrap_err()
        };
        assert_eq!(tls("not a name", "").setting, "server_name");
        assert_eq!(tls("centre.example", "").why, "holds no certificate");
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(tls("centre.example", pem).why, "holds no certificate authority");
    }

    #[test]
    fn the_password_is_not_shown() {
        assert!(!format!("{:?}", settings()).contains("secret"));
    }
}
