//! How to reach the bank, how it knows us and our merchants, and how long to wait for it.

use std::{collections::BTreeMap, time::Duration};

use countersign_domain::id::RelyingPartyId;
use countersign_iso8583::{Field, FieldError};
use thiserror::Error;

use crate::request;

/// The most questions in flight; every new one looks through those that wait.
const MAX_WINDOW: usize = 1000;
/// The longest time that a setting may name: nobody waits longer for a payment.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// How to reach the bank, how it knows us, and every limit of the driver. [`Iso8583Settings::new`] fills in the
/// defaults named below.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Iso8583Settings {
    /// The bank's host name or address.
    pub host: String,
    /// The bank's TCP port.
    pub port: u16,
    /// Our number as an acquirer, field 32: 1 to 11 digits, given by the bank.
    pub acquirer_id: String,
    /// Our terminal, field 41: 8 characters. Default `GATEWAY1`.
    pub terminal_id: String,
    /// What the merchants trade in, field 18: a merchant category code (ISO 18245). Default `5999`, other shops.
    pub merchant_category: String,
    /// By which number the bank knows a relying party, field 42: 1 to 15 printable characters. Needed only for those
    /// whose id does not fit the field, or is not what the bank calls them. Default: none.
    pub merchant_numbers: BTreeMap<RelyingPartyId, String>,
    /// For how long a question waits to be sent, and a connection to be made. Default 5 seconds.
    pub connect_timeout: Duration,
    /// For how long a question that was sent waits for its answer before it is repeated. Default 10 seconds.
    pub response_timeout: Duration,
    /// How many times a question is sent, repeats included. Default 3.
    pub tries: u32,
    /// Questions that may wait for their answer at once: 1 to 1,000; the next ones wait for a place. Default 64.
    pub window: usize,
    /// After how long a silence the bank is sent an echo test. Default 30 seconds.
    pub keepalive_after: Duration,
    /// The first pause before the bank is connected to again; each further one is twice as long, up to
    /// [`Self::max_reconnect_pause`]. Default 200 milliseconds.
    pub reconnect_pause: Duration,
    /// The longest pause before the bank is connected to again. Default 10 seconds.
    pub max_reconnect_pause: Duration,
}

/// A setting that cannot work.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{setting} {why}")]
#[non_exhaustive]
pub struct InvalidSettings {
    /// Its name.
    pub setting: &'static str,
    /// Which rule it breaks, as the rest of a sentence.
    pub why: String,
}

impl Iso8583Settings {
    /// Settings with the defaults, for a host and the acquirer number by which it knows us.
    pub fn new(host: &str, port: u16, acquirer_id: &str) -> Self {
        Self {
            host: host.to_owned(),
            port,
            acquirer_id: acquirer_id.to_owned(),
            terminal_id: "GATEWAY1".to_owned(),
            merchant_category: "5999".to_owned(),
            merchant_numbers: BTreeMap::new(),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(10),
            tries: 3,
            window: 64,
            keepalive_after: Duration::from_secs(30),
            reconnect_pause: Duration::from_millis(200),
            max_reconnect_pause: Duration::from_secs(10),
        }
    }

    /// Checks every bound, that the bank's protocol can say who we are, and that it tells merchants apart.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        let rules = [
            (!self.host.is_empty(), "host", "is empty"),
            (self.port != 0, "port", "is zero"),
            (self.tries != 0, "tries", "is zero"),
            ((1..=MAX_WINDOW).contains(&self.window), "window", "is not 1 to 1,000"),
            (within_bounds(self.connect_timeout), "connect_timeout", "is not up to an hour"),
            (within_bounds(self.response_timeout), "response_timeout", "is not up to an hour"),
            (within_bounds(self.keepalive_after), "keepalive_after", "is not up to an hour"),
            (within_bounds(self.reconnect_pause), "reconnect_pause", "is not up to an hour"),
            (
                (self.reconnect_pause..=MAX_WAIT).contains(&self.max_reconnect_pause),
                "max_reconnect_pause",
                "is shorter than reconnect_pause or longer than an hour",
            ),
        ];
        for (holds, setting, why) in rules {
            if !holds {
                return Err(InvalidSettings { setting, why: why.to_owned() });
            }
        }
        request::template(self)?;
        self.check_parties(self.merchant_numbers.keys())
    }

    /// The number by which the bank knows a relying party: the one that is configured, or else its id. `None` when that
    /// does not fit the bank's field.
    pub fn merchant_number<'a>(&'a self, party: &'a RelyingPartyId) -> Option<&'a str> {
        merchant_number(party.as_str(), self.merchant_numbers.get(party).map(String::as_str))
    }

    /// Checks that the bank can tell each of these relying parties from every other, so that none is paid for another.
    ///
    /// # Errors
    /// The first one that has no number, or that of another.
    pub fn check_parties<'a>(
        &'a self,
        parties: impl IntoIterator<Item = &'a RelyingPartyId>,
    ) -> Result<(), InvalidSettings> {
        let refuse = |why| Err(InvalidSettings { setting: "merchant_numbers", why });
        let mut known: BTreeMap<&str, &RelyingPartyId> = BTreeMap::new();
        for party in parties {
            let Some(number) = self.merchant_number(party) else {
                return refuse(format!(
                    "must give {party} a number of 1 to 15 printable ASCII characters (ISO 8583 field 42)"
                ));
            };
            if let Some(other) = known.insert(number, party)
                && other != party
            {
                return refuse(format!(
                    "must not give {other} and {party} the same number {number}"
                ));
            }
        }
        Ok(())
    }
}

/// The text of field 42 before it is filled up with blanks, which is why none may stand at its end.
fn merchant_number<'a>(id: &'a str, configured: Option<&'a str>) -> Option<&'a str> {
    let number = configured.unwrap_or(id);
    let printable = number.bytes().all(|b| matches!(b, b' '..=b'~')) && number.trim() == number;
    ((1..=15).contains(&number.len()) && printable).then_some(number)
}

fn within_bounds(wait: Duration) -> bool {
    !wait.is_zero() && wait <= MAX_WAIT
}

impl From<FieldError> for InvalidSettings {
    fn from(error: FieldError) -> Self {
        let (setting, why) = match error.field {
            Field::ACQUIRER => ("acquirer_id", "is not 1 to 11 digits"),
            Field::TERMINAL => ("terminal_id", "is not 8 printable ASCII characters"),
            _ => ("merchant_category", "is not 4 digits"),
        };
        Self { setting, why: why.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Iso8583Settings);

    fn settings() -> Iso8583Settings {
        Iso8583Settings::new("bank.example", 8583, "123456")
    }

    fn party(id: &str) -> RelyingPartyId {
        RelyingPartyId::try_from(id).unwrap()
    }

    #[test]
    fn a_setting_that_cannot_be_used_is_named() {
        const NOT_AN_HOUR: &str = "is not up to an hour";
        let cases: [(Change, &str, &str); 14] = [
            (|s| s.host.clear(), "host", "is empty"),
            (|s| s.port = 0, "port", "is zero"),
            (|s| s.tries = 0, "tries", "is zero"),
            (|s| s.window = 0, "window", "is not 1 to 1,000"),
            (|s| s.window = 1001, "window", "is not 1 to 1,000"),
            (|s| s.connect_timeout = Duration::ZERO, "connect_timeout", NOT_AN_HOUR),
            (|s| s.response_timeout = Duration::ZERO, "response_timeout", NOT_AN_HOUR),
            (|s| s.keepalive_after = Duration::MAX, "keepalive_after", NOT_AN_HOUR),
            (|s| s.reconnect_pause = Duration::ZERO, "reconnect_pause", NOT_AN_HOUR),
            (
                |s| s.max_reconnect_pause = Duration::ZERO,
                "max_reconnect_pause",
                "is shorter than reconnect_pause or longer than an hour",
            ),
            (|s| s.merchant_category = "shop".to_owned(), "merchant_category", "is not 4 digits"),
            (|s| s.acquirer_id = "123456789012".to_owned(), "acquirer_id", "is not 1 to 11 digits"),
            (
                |s| s.terminal_id = "T1".to_owned(),
                "terminal_id",
                "is not 8 printable ASCII characters",
            ),
            (
                |s| s.merchant_numbers = [(party("dupont"), "1".repeat(16))].into(),
                "merchant_numbers",
                "must give dupont a number of 1 to 15 printable ASCII characters (ISO 8583 field 42)",
            ),
        ];
        for (change, setting, why) in cases {
            let mut settings = settings();
            change(&mut settings);
            assert_eq!(settings.check(), Err(InvalidSettings { setting, why: why.to_owned() }));
        }
    }

    #[test]
    fn the_defaults_can_be_used() {
        assert_eq!(settings().check(), Ok(()));
    }

    #[test]
    fn a_merchant_number_is_the_configured_one_or_an_id_that_fits_the_field() {
        let long = "librairie-dupont-en-ligne";
        for (id, configured, number) in [
            ("dupont", None, Some("dupont")),
            ("dupont", Some("4711"), Some("4711")),
            ("fifteen-letters", None, Some("fifteen-letters")),
            (long, Some("4711"), Some("4711")),
            (long, None, None),
            ("dupont", Some(""), None),
            ("dupont", Some("sixteen-letters-"), None),
            ("dupont", Some("4711 "), None),
            ("dupont", Some("Épicerie"), None),
        ] {
            assert_eq!(merchant_number(id, configured), number, "{id}, {configured:?}");
        }
    }

    #[test]
    fn two_relying_parties_under_one_number_are_refused() {
        let (dupont, durand) = (party("dupont"), party("durand"));
        let mut settings = settings();
        assert_eq!(settings.check_parties([&dupont, &durand, &dupont]), Ok(()));

        // One is called as the id of the other: known only once both are.
        settings.merchant_numbers = [(durand.clone(), "dupont".to_owned())].into();
        assert_eq!(settings.check(), Ok(()));
        let why = "must not give dupont and durand the same number dupont".to_owned();
        let refused = Err(InvalidSettings { setting: "merchant_numbers", why });
        assert_eq!(settings.check_parties([&dupont, &durand]), refused);

        settings.merchant_numbers =
            [(dupont, "4711".to_owned()), (durand, "4711".to_owned())].into();
        let why = "must not give dupont and durand the same number 4711".to_owned();
        assert_eq!(settings.check(), Err(InvalidSettings { setting: "merchant_numbers", why }));
    }
}
