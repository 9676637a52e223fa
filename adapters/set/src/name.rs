//! Names: random octets, times, the name of a cardholder in a certificate, the session that a payment brings.

use std::time::Duration;

use countersign_certs::{UnixTime, sha256};
use countersign_domain::{
    card::{Card, CardExpiry},
    hex,
    id::SessionId,
    invalid::InvalidInput,
    randomness::{Entropy, EntropyError},
    time::Timestamp,
};
use der::{DateTime, Encode as _, asn1::GeneralizedTime};
use ring::hmac;

use crate::{
    asn1::{RANDOM_OCTETS, SecretDigits, SecretOctets},
    message::common::AccountName,
};

/// Twenty random octets.
///
/// # Errors
/// When the source of randomness fails.
pub(crate) fn random(entropy: &dyn Entropy) -> Result<[u8; RANDOM_OCTETS], EntropyError> {
    let mut bytes = [0; RANDOM_OCTETS];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

/// The time as certificates have it.
pub(crate) const fn unix_time(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(now.unix_seconds()))
}

/// The time as messages have it, in whole seconds.
///
/// # Errors
/// After the year 9999.
pub(crate) fn generalized_time(now: Timestamp) -> der::Result<GeneralizedTime> {
    let since = Duration::from_secs(now.unix_seconds());
    DateTime::from_unix_duration(since).map(GeneralizedTime::from_date_time)
}

/// The time in a message.
pub(crate) fn timestamp(time: &GeneralizedTime) -> Timestamp {
    Timestamp::from_unix_seconds(time.to_unix_duration().as_secs())
}

/// The card's number and last month, as messages have them.
///
/// # Errors
/// None for a card of ours: its number has 12 to 19 digits.
pub(crate) fn card_digits(card: &Card) -> der::Result<(SecretDigits<12, 19>, SecretDigits<6, 6>)> {
    let expiry = card.expiry();
    let month = format!("{:04}{:02}", expiry.year(), expiry.month());
    Ok((card.expose_number().try_into()?, month.as_str().try_into()?))
}

/// The card in a message.
///
/// # Errors
/// When it is none.
pub(crate) fn card_of(
    pan: &SecretDigits<12, 19>,
    expiry: &SecretDigits<6, 6>,
) -> Result<Card, InvalidInput> {
    let (year, month) = expiry.expose().split_at_checked(4).unwrap_or_default();
    Card::new(pan.expose(), CardExpiry::try_from(format!("{year}-{month}"))?)
}

/// Whether a card's last good month is over, everywhere on earth.
pub(crate) fn is_past(card: &Card, now: Timestamp) -> bool {
    let expiry = card.expiry();
    let (year, month) = match expiry.month() {
        12 => (expiry.year().saturating_add(1), 1),
        month => (expiry.year(), month.saturating_add(1)),
    };
    let end = DateTime::new(year, month, 1, 12, 0, 0);
    end.is_ok_and(|end| now.unix_seconds() >= end.unix_duration().as_secs())
}

/// The name of a cardholder in a certificate: HMAC-SHA-256 of card and expiry under a secret that the cardholder and, in a
/// payment, the gateway know. It tells nobody the card; the gateway, which is told both, sees that the card is the signer's.
///
/// # Errors
/// None for a card of ours.
pub fn cardholder_name(card: &Card, pan_secret: &SecretOctets) -> der::Result<String> {
    let (pan, card_expiry) = card_digits(card)?;
    let named = zeroize::Zeroizing::new(AccountName { pan, card_expiry }.to_der()?);
    let key = hmac::Key::new(hmac::HMAC_SHA256, pan_secret.expose());
    Ok(hex::encode(hmac::sign(&key, &named).as_ref()))
}

/// The session of a payment: who knows the nonce in it is who made it. The nonce itself is not kept.
///
/// # Errors
/// None: the text is an id of ours.
pub(crate) fn session_of(ex_nonce: &SecretOctets) -> Result<SessionId, InvalidInput> {
    let labelled = [b"countersign set session 1".as_slice(), ex_nonce.expose()].concat();
    session_of_hash(&sha256(&labelled))
}

/// The session that a hash stands for.
///
/// # Errors
/// None: the text is an id of ours.
pub(crate) fn session_of_hash(hash: &[u8; 32]) -> Result<SessionId, InvalidInput> {
    let half = hash.split_at_checked(16).map(|(half, _)| half).unwrap_or_default();
    SessionId::try_from(format!("ses_{}", hex::encode(half)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_changes_with_card_month_and_secret_and_shows_none() {
        let card =
            |number: &str, month: &str| Card::new(number, month.try_into().unwrap()).unwrap();
        let name = |card: &Card, secret| {
            cardholder_name(card, &SecretOctets::from([secret; RANDOM_OCTETS])).unwrap()
        };
        let names = [
            name(&card("4970100000000154", "12/29"), 1),
            name(&card("4970100000000162", "12/29"), 1),
            name(&card("4970100000000154", "11/29"), 1),
            name(&card("4970100000000154", "12/29"), 2),
        ];
        for (place, one) in names.iter().enumerate() {
            assert_eq!(names.iter().position(|other| other == one), Some(place));
            assert_eq!(one.len(), 64, "as much as a common name holds");
            assert!(!one.contains("49701"));
        }
    }
}
