//! Ends the block of a phone: `countersign unlock`.

use countersign_domain::{
    address::{Address, Msisdn},
    directory::Subscribers,
    error::Error,
    id::Identifier,
    limits::{self, Unlocked},
};
use serde_json::{Value, json};

use crate::{at_hand, config::Config, file::Failure};

/// Whose block is ended.
#[derive(Clone, Debug)]
pub enum Phone {
    /// That number's.
    Number(Msisdn),
    /// That of a subscriber of the directory.
    OfSubscriber(Identifier),
}

/// What was done, for people and for programs.
#[derive(Debug)]
pub struct UnlockReport {
    /// Whether there was a row of wrong codes to end.
    pub unlocked: bool,
    /// A line for people.
    pub text: String,
    /// The same for programs.
    pub json: Value,
}

/// Forgets the wrong codes in a row of a phone, and the block with them; that is a fact.
///
/// # Errors
/// When there is no store, no such subscriber, or it cannot be used.
pub async fn unlock(config: &Config, phone: &Phone) -> Result<UnlockReport, Failure> {
    let ports = at_hand::ports(config).await?;
    let (whose, done) = match phone {
        Phone::Number(number) => {
            (Address::from(number.clone()).masked(), limits::unlock(&ports, number).await)
        }
        Phone::OfSubscriber(identifier) => (
            format!("the phone of {identifier}"),
            Subscribers::new(ports).unblock(identifier).await,
        ),
    };
    match done {
        Ok(done) => Ok(report(&whose, done)),
        Err(Error::NotFound { id, .. }) => Err(format!("there is no subscriber {id}").into()),
        Err(error) => Err(error.into()),
    }
}

fn report(whose: &str, done: Option<Unlocked>) -> UnlockReport {
    let (failures, was_blocked) = done.map_or((0, false), |done| (done.failures, done.was_blocked));
    let text = match done {
        None => format!("{whose}: no wrong code since the last right one; nothing to unlock"),
        Some(Unlocked { failures, was_blocked: true }) => {
            format!("{whose}: unlocked after {failures} wrong codes in a row")
        }
        Some(Unlocked { failures, was_blocked: false }) => {
            format!("{whose}: was not blocked; {failures} wrong codes in a row are forgotten")
        }
    };
    let unlocked = done.is_some();
    let json = json!({
        "phone": whose, "unlocked": unlocked, "failures": failures, "was_blocked": was_blocked,
    });
    UnlockReport { unlocked, text, json }
}
