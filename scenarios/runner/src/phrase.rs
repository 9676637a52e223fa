//! The words of the scripts, and what they are called on the wire.

use countersign_domain::amount::{Amount, Currency};
use cucumber::Parameter;

/// An amount, such as `49.90 EUR`.
#[derive(Clone, Copy, Debug, Parameter, PartialEq)]
#[param(name = "amount", regex = r"\d+(?:\.\d+)? [A-Z]{3}")]
pub(crate) struct Money(pub(crate) Amount);

impl std::str::FromStr for Money {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (value, currency) = text.split_once(' ').unwrap_or((text, ""));
        let currency = Currency::try_from(currency).map_err(|error| error.to_string())?;
        Amount::from_decimal(value, currency).map(Self).map_err(|error| error.to_string())
    }
}

/// A time, such as `6 minutes` or `31 seconds`, in seconds.
#[derive(Clone, Copy, Debug, Parameter, PartialEq)]
#[param(name = "time", regex = r"\d+ (?:second|minute)s?")]
pub(crate) struct Seconds(pub(crate) u32);

impl std::str::FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
        let number: u32 = number
            .parse()
            .map_err(|_| format!("{number} is not a number of seconds or minutes"))?;
        let factor = if unit.starts_with("minute") { 60 } else { 1 };
        number.checked_mul(factor).map(Self).ok_or_else(|| format!("{text} is too long"))
    }
}

/// Why the answer is no, or why the money did not move: the name in the problem's type, or in the view's `cause`.
pub(crate) fn cause(words: &str) -> Result<&'static str, String> {
    look_up(CAUSES, words)
}

/// Why a certificate is refused: the name in the problem's type, and the alert's name when TLS refuses it already
/// (RFC 8446 section 6.2).
pub(crate) fn certificate_cause(words: &str) -> Result<(&'static str, &'static str), String> {
    let problem = look_up(CERTIFICATE_CAUSES, words)?;
    let alert = match problem {
        "certificate-unknown-authority" => "UnknownCA",
        "certificate-expired" => "CertificateExpired",
        _ => "",
    };
    Ok((problem, alert))
}

/// What can be said, each with its name on the wire.
pub(crate) type Table = &'static [(&'static str, &'static str)];

const CAUSES: Table = &[
    ("the code is wrong", "wrong-code"),
    ("too many wrong codes", "too-many-attempts"),
    ("the code came too late", "late-code"),
    ("the code was used already", "code-already-used"),
    ("a PIN was set, and nothing else", "pin-set"),
    ("this is no code", "invalid-value"),
    ("it is another session", "other-session"),
    ("the phone cannot be reached", "phone-unreachable"),
    ("it was called off", "cancelled"),
    ("the bank did not answer", "interrupted"),
    ("it is too soon for another message", "message-too-soon"),
    ("there were too many messages", "too-many-messages"),
    ("as many messages as may be were sent", "message-limit"),
    ("other payments wait for a code", "too-many-waiting"),
    ("the phone is blocked", "blocked"),
    ("the phone is locked", "locked"),
    ("no messages go to that phone", "phone-not-served"),
    ("the bank refuses", "declined-by-bank"),
    ("the payer is not known", "payer-not-recognised"),
    ("the person is not known", "person-not-recognised"),
    ("a card is needed", "card-needed"),
    ("nobody said who pays", "payer-not-given"),
    ("this cannot be done now", "not-now"),
    ("it is to be tried again", "not-available"),
    ("there is no such thing", "not-found"),
    ("the key was used for another order", "idempotency-key-reused"),
    ("the merchant's key is not known", "not-authenticated"),
    ("nobody is signed in", "not-signed-in"),
    ("the card cannot be tied", "card-refused"),
    ("the wallet has not enough", "insufficient-funds"),
    ("it is more than one payment may be", "payment-limit"),
    ("it is more than is left of the day", "day-limit"),
    ("the wallet would have too much", "balance-limit"),
    ("the wallet is of another currency", "other-currency"),
    ("no wallets of that currency are kept", "no-such-currency"),
    ("the wallet is not empty", "wallet-not-empty"),
    ("the ticket is being paid", "ticket-taken"),
    ("the ticket is paid already", "ticket-paid"),
    ("there is another ticket of that number", "ticket-number-reused"),
    ("the code was joined to another transaction", "other-transaction"),
    ("the signature is not right", "message-signature"),
    ("the algorithm is not the one", "message-algorithm"),
    ("it is a message of another type", "message-type"),
    ("its key is not known", "message-key-unknown"),
    ("it is from another party", "message-issuer"),
    ("it is for another party", "message-audience"),
    ("it is good for too long", "message-validity"),
    ("it is from the future", "message-from-future"),
    ("it has expired", "message-expired"),
    ("the receipt is for another ticket", "receipt-other-ticket"),
    ("the ticket was delivered before", "ticket-delivered"),
];

const CERTIFICATE_CAUSES: Table = &[
    ("its authority is not known", "certificate-unknown-authority"),
    ("it has expired", "certificate-expired"),
    ("its number is another certificate's", "certificate-phone-moved"),
];

/// The name of those words.
pub(crate) fn look_up(table: Table, words: &str) -> Result<&'static str, String> {
    table.iter().find(|(known, _)| *known == words).map(|(_, name)| *name).ok_or_else(|| {
        let known: Vec<_> = table.iter().map(|(known, _)| *known).collect();
        format!("the script says \"{words}\"; what can be said here is: {}", known.join("; "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_seconds_and_minutes() {
        assert_eq!("31 seconds".parse(), Ok(Seconds(31)));
        assert_eq!("6 minutes".parse(), Ok(Seconds(360)));
        assert!("99999999999 seconds".parse::<Seconds>().is_err());
        assert!("99999999 minutes".parse::<Seconds>().is_err());
    }

    #[test]
    fn words_that_are_not_known_are_answered_with_those_that_are() {
        let refused = cause("the code is rong").unwrap_err();
        assert!(
            refused.contains("the code is rong") && refused.contains("the code is wrong"),
            "{refused}"
        );
    }
}
