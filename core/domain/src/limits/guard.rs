//! What the verifier asks of the limits, at each step of a challenge.

use std::net::IpAddr;

use super::{
    DAY_SECONDS, Limits, index,
    standing::{self, Found, Standing},
};
use crate::{
    address::{Address, Msisdn},
    agreement::Agreement,
    challenge::Challenge,
    error::Error,
    event::Event,
    id::MessageId,
    message::{Message, MessageState, Says},
    ports::Ports,
    record::{Batch, Count, Stored as _, Version, Window},
    refusal::{Outcome, PAUSE, Refusal},
    time::Timestamp,
};

const HOUR_SECONDS: u32 = 3_600;
/// A number's range is all of it but so many digits.
const RANGE_DIGITS: usize = 4;

/// The limits, over a store.
pub(crate) struct Guard<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) limits: &'a Limits,
}

/// What happened to a challenge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Happened {
    /// The code was right, and that is its end.
    Proved,
    /// The code was wrong.
    Failed,
    /// The code was wrong, and that is its end.
    FailedAndEnded,
    /// It ended for something else.
    Ended,
    /// The code was right, and it goes on.
    Tried,
}

/// How a phone stands with a response that is being counted.
#[derive(Clone)]
pub(crate) struct Counted {
    version: Option<Version>,
    standing: Standing,
}

impl Guard<'_> {
    /// Whether a new challenge may have its first message. What is counted is added to the batch.
    pub(crate) async fn start(
        &self,
        challenge: &Challenge,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Option<Refusal>, Error> {
        let number = number_of(challenge);
        if !self.is_served(challenge) {
            return Ok(Some(Refusal::PhoneNotServed));
        }
        let Found { version, standing } = standing::find(self.ports, number).await?;
        if let Some(refusal) = standing.refusal(now) {
            return Ok(Some(refusal));
        }
        let at_most = self.limits.settings().payments_waiting;
        if at_most > 0 && matches!(challenge.agreement(), Agreement::Payment { .. }) {
            match standing.waiting_for(challenge.id(), challenge.expires_at, at_most, now) {
                Ok(waiting) => batch.put(version, waiting)?,
                Err(refusal) => return Ok(Some(refusal)),
            }
        }
        self.count_message(challenge, now, batch)?;
        Ok(None)
    }

    /// Whether a challenge may have a further message. What is counted is added to the batch.
    pub(crate) async fn resend(
        &self,
        challenge: &Challenge,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Option<Refusal>, Error> {
        if !self.is_served(challenge) {
            return Ok(Some(Refusal::PhoneNotServed));
        }
        let standing = standing::find(self.ports, number_of(challenge)).await?.standing;
        let refusal = standing.refusal(now);
        if refusal.is_none() {
            self.count_message(challenge, now, batch)?;
        }
        Ok(refusal)
    }

    /// Why a payment would not wait for that phone now, if so.
    pub(crate) async fn refusal_to_wait(
        &self,
        address: &Address,
        now: Timestamp,
    ) -> Result<Option<Refusal>, Error> {
        let Address::Msisdn(number) = address;
        if !self.limits.serves(number) {
            return Ok(Some(Refusal::PhoneNotServed));
        }
        let standing = standing::find(self.ports, number).await?.standing;
        let full = || standing.full(self.limits.settings().payments_waiting, now);
        Ok(standing.refusal(now).or_else(full))
    }

    /// Why no code is looked at for the phone now, if so.
    pub(crate) async fn refusal(
        &self,
        challenge: &Challenge,
        now: Timestamp,
    ) -> Result<Option<Refusal>, Error> {
        Ok(standing::find(self.ports, number_of(challenge)).await?.standing.refusal(now))
    }

    /// Counts a response in the batch in which the challenge counts it, before it is looked at.
    pub(crate) async fn count(
        &self,
        challenge: &Challenge,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Option<Refusal>, Error> {
        let Found { version, standing } = standing::find(self.ports, number_of(challenge)).await?;
        let refusal = standing.refusal(now);
        if refusal.is_none() {
            batch.put(version, standing.counted(self.limits.settings(), now))?;
        }
        Ok(refusal)
    }

    /// How the phone of a challenge stands with one more response, of which it is not known yet what it comes to.
    pub(crate) async fn counted(
        &self,
        challenge: &Challenge,
        now: Timestamp,
    ) -> Result<Outcome<Counted>, Error> {
        let Found { version, standing } = standing::find(self.ports, number_of(challenge)).await?;
        Ok(match standing.refusal(now) {
            Some(refusal) => Outcome::Refused(refusal),
            None => Outcome::Done(Counted {
                version,
                standing: standing.counted(self.limits.settings(), now),
            }),
        })
    }

    /// Adds to the batch what it means to the phone that this happened to the challenge.
    pub(crate) async fn end(
        &self,
        challenge: &Challenge,
        happened: Happened,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let Found { version, standing: before } =
            standing::find(self.ports, number_of(challenge)).await?;
        let standing = self.after(before.clone(), challenge, happened, now, batch)?;
        if standing != before {
            batch.put(version, standing)?;
        }
        Ok(())
    }

    /// The same of a response that is counted in that batch.
    pub(crate) fn end_counted(
        &self,
        counted: Counted,
        challenge: &Challenge,
        happened: Happened,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let standing = self.after(counted.standing, challenge, happened, now, batch)?;
        Ok(batch.put(counted.version, standing)?)
    }

    /// How a phone stands after that. It is told, once, when it is blocked.
    fn after(
        &self,
        mut standing: Standing,
        challenge: &Challenge,
        happened: Happened,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Standing, Error> {
        match happened {
            Happened::Failed | Happened::FailedAndEnded if challenge.counts_with_verdict() => {
                standing = standing.counted(self.limits.settings(), now);
            }
            Happened::Failed | Happened::FailedAndEnded | Happened::Ended => {}
            Happened::Proved | Happened::Tried => standing = standing.proved(),
        }
        if !matches!(happened, Happened::Failed | Happened::Tried) {
            standing = standing.ended(challenge.id());
        }
        if matches!(happened, Happened::Failed | Happened::FailedAndEnded) {
            let (told, until) = standing.tell(now);
            standing = told;
            let is_rung = !challenge.of_nobody && self.is_served(challenge);
            if let Some(until) = until.filter(|_| is_rung) {
                self.tell(challenge, standing.failures(), until, now, batch)?;
            }
        }
        Ok(standing)
    }

    /// The number of somebody whom nobody knows is in no country, and gets no message.
    fn is_served(&self, challenge: &Challenge) -> bool {
        challenge.of_nobody || self.limits.serves(number_of(challenge))
    }

    /// Puts a message that it is blocked into the outbox, for the phone's holder, who may not be the one who types.
    fn tell(
        &self,
        challenge: &Challenge,
        failures: u32,
        until: Timestamp,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let id = MessageId::made_at(now, self.ports.entropy.as_ref())?;
        let message = Message {
            id: id.clone(),
            expires_at: until,
            tries: 0,
            state: MessageState::Queued { not_before: now },
            says: Says::Blocked { until },
            ..challenge.message(now)
        };
        message.insert_into(batch)?;
        let event = Event::PhoneBlocked { failures, until, message: id };
        batch.fact(challenge.key(), now, event);
        Ok(())
    }

    fn count_message(
        &self,
        challenge: &Challenge,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let settings = self.limits.settings();
        let number = number_of(challenge).expose();
        let range = number.get(..number.len().saturating_sub(RANGE_DIGITS)).unwrap_or(number);
        let party = challenge.relying_party().as_str();
        let (number, range) = (index(&self.ports.keys, number)?, index(&self.ports.keys, range)?);
        let pause = u32::from(settings.pause_seconds > 0);
        let of_number = [
            (PAUSE, settings.pause_seconds, pause),
            ("number-hour", HOUR_SECONDS, settings.messages_per_number_an_hour),
            ("number-day", DAY_SECONDS, settings.messages_per_number_a_day),
        ];
        let of_range = [("range-hour", HOUR_SECONDS, settings.messages_per_range_an_hour)];
        let of_party = [
            ("party-hour", HOUR_SECONDS, settings.messages_per_relying_party_an_hour),
            ("party-day", DAY_SECONDS, settings.messages_per_relying_party_a_day),
        ];
        count(("number", &number), &of_number, now, batch);
        count(("range", &range), &of_range, now, batch);
        count(("party", party), &of_party, now, batch);
        self.count_client(challenge.client.as_deref(), now, batch);
        Ok(())
    }

    /// Counts a message that a client asks for.
    pub(crate) fn count_client(&self, client: Option<&str>, now: Timestamp, batch: &mut Batch) {
        let Some(client) = client else { return };
        let settings = self.limits.settings();
        let of_client = [
            ("client-hour", HOUR_SECONDS, settings.messages_per_client_an_hour),
            ("client-day", DAY_SECONDS, settings.messages_per_client_a_day),
        ];
        count(("client", client), &of_client, now, batch);
    }
}

/// One more in those of the windows that have a limit: each has a name, so many seconds, and how many there may be in it.
fn count(
    (kind, of): (&str, &str),
    windows: &[(&'static str, u32, u32)],
    now: Timestamp,
    batch: &mut Batch,
) {
    let limited = windows.iter().filter(|(_, _, at_most)| *at_most > 0);
    let windows: Vec<_> = limited
        .map(|&(counter, seconds, at_most)| Window {
            counter,
            until: now.plus_seconds(seconds),
            at_most,
        })
        .collect();
    if !windows.is_empty() {
        batch.count(Count { subject: format!("{kind}/{of}"), at: now, windows });
    }
}

const fn number_of(challenge: &Challenge) -> &Msisdn {
    let Address::Msisdn(number) = &challenge.person().address;
    number
}

/// An IPv4 address; of an IPv6 address the first 64 bits, as a subscriber has all the others (RFC 6177).
pub(super) fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ] {
            let network = |text: &str| network_of(text.parse().unwrap());
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
    }
}
