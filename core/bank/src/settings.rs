//! How to reach the bank, and how long to wait for it.

use std::time::Duration;

use countersign_iso8583::{Field, FieldError};
use thiserror::Error;

use crate::request;

/// How to reach the bank, who we are to it, and every limit of the driver.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The bank's host and port, such as `bank.example:8583`.
    pub host: String,
    /// Our number as an acquirer, field 32: 1 to 11 digits, given by the bank.
    pub acquirer: String,
    /// Our terminal, field 41: 8 characters. Default `GATEWAY1`.
    pub terminal: String,
    /// What the merchants trade in, field 18: a merchant category code (ISO 18245). Default `5999`, other shops.
    pub merchant_type: String,
    /// For how long a question waits to be sent, and a connection to be made. Default 5 seconds.
    pub connect_timeout: Duration,
    /// For how long a question that was sent waits for its answer before it is repeated. Default 10 seconds.
    pub response_timeout: Duration,
    /// How many times a question is sent, repeats included. Default 3.
    pub tries: u32,
    /// How many questions may be in flight at once, at most 1000; the next ones wait. Default 64.
    pub max_in_flight: usize,
    /// After how long without a byte from the bank an echo test is sent. Default 30 seconds.
    pub echo_interval: Duration,
    /// How long to wait before the first attempt to connect again. It doubles with every attempt that fails, up to
    /// `max_backoff`. Default 200 milliseconds.
    pub min_backoff: Duration,
    /// How long to wait between two attempts to connect at most. Default 10 seconds.
    pub max_backoff: Duration,
}

impl Settings {
    /// The defaults, for a host and the acquirer number that it knows us by.
    pub fn new(host: impl Into<String>, acquirer: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            acquirer: acquirer.into(),
            terminal: "GATEWAY1".to_owned(),
            merchant_type: "5999".to_owned(),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(10),
            tries: 3,
            max_in_flight: 64,
            echo_interval: Duration::from_secs(30),
            min_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(10),
        }
    }

    /// Checks that there is time, and at least one of everything, and that the bank's protocol can say who we are.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        let refuse = |setting, why| Err(InvalidSettings { setting, why });
        if self.host.is_empty() {
            return refuse("host", "is empty");
        }
        if self.tries == 0 {
            return refuse("tries", "is zero");
        }
        if !(1..=MAX_IN_FLIGHT).contains(&self.max_in_flight) {
            return refuse("max_in_flight", "is not 1 to 1000");
        }
        for (setting, time) in [
            ("connect_timeout", self.connect_timeout),
            ("response_timeout", self.response_timeout),
            ("echo_interval", self.echo_interval),
            ("min_backoff", self.min_backoff),
        ] {
            if time.is_zero() {
                return refuse(setting, "is zero");
            }
            if time > MAX_WAIT {
                return refuse(setting, "is longer than an hour");
            }
        }
        if !(self.min_backoff..=MAX_WAIT).contains(&self.max_backoff) {
            return refuse("max_backoff", "is shorter than min_backoff or longer than an hour");
        }
        request::template(self).map(|_| ())
    }
}

/// The most questions in flight; every new one looks through those that wait.
const MAX_IN_FLIGHT: usize = 1000;
/// The longest time that a setting may name: nobody waits longer for a payment.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// A setting that cannot be used.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the bank's setting {setting} {why}")]
#[non_exhaustive]
pub struct InvalidSettings {
    /// Which one.
    pub setting: &'static str,
    /// Why, as the rest of a sentence.
    pub why: &'static str,
}

impl From<FieldError> for InvalidSettings {
    fn from(error: FieldError) -> Self {
        match error.field {
            Field::ACQUIRER => Self { setting: "acquirer", why: "is not 1 to 11 digits" },
            Field::TERMINAL => {
                Self { setting: "terminal", why: "is not 8 printable ASCII characters" }
            }
            _ => Self { setting: "merchant_type", why: "is not 4 digits" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request;

    type Change = fn(&mut Settings);

    #[test]
    fn a_setting_that_cannot_be_used_is_named() {
        let cases: [(Change, &str, &str); 9] = [
            (|settings| settings.host.clear(), "host", "is empty"),
            (|settings| settings.tries = 0, "tries", "is zero"),
            (|settings| settings.max_in_flight = 0, "max_in_flight", "is not 1 to 1000"),
            (|settings| settings.response_timeout = Duration::ZERO, "response_timeout", "is zero"),
            (
                |settings| settings.echo_interval = Duration::MAX,
                "echo_interval",
                "is longer than an hour",
            ),
            (
                |settings| settings.max_backoff = Duration::ZERO,
                "max_backoff",
                "is shorter than min_backoff or longer than an hour",
            ),
            (
                |settings| settings.merchant_type = "shop".to_owned(),
                "merchant_type",
                "is not 4 digits",
            ),
            (
                |settings| settings.acquirer = "123456789012".to_owned(),
                "acquirer",
                "is not 1 to 11 digits",
            ),
            (
                |settings| settings.terminal = "T1".to_owned(),
                "terminal",
                "is not 8 printable ASCII characters",
            ),
        ];
        for (change, setting, why) in cases {
            let mut settings = Settings::new("bank.example:8583", "123456");
            change(&mut settings);
            let outcome = settings.check().and_then(|()| request::template(&settings));
            assert_eq!(outcome, Err(InvalidSettings { setting, why }));
        }
    }

    #[test]
    fn the_defaults_can_be_used() {
        let settings = Settings::new("bank.example:8583", "123456");
        assert_eq!(settings.check(), Ok(()));
        assert!(request::template(&settings).is_ok());
    }
}
