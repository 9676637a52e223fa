//! A further message with the same code.

use super::Verifier;
use crate::{
    challenge::Challenge,
    error::Error,
    id::{ChallengeId, MessageId, SessionId},
    message::{Message, MessageState},
    record::{Batch, Versioned},
    refusal::Outcome,
};

impl Verifier {
    /// Sends the same code once more; neither time nor attempts begin anew.
    ///
    /// # Errors
    /// When there is no such challenge, or a port fails.
    pub async fn resend(
        &self,
        id: &ChallengeId,
        session: &SessionId,
    ) -> Result<Outcome<Challenge>, Error> {
        let change = |found: Versioned<Challenge>| async move {
            let now = self.ports.clock.now();
            let message = MessageId::made_at(now, self.ports.entropy.as_ref())?;
            let mut batch = Batch::default();
            let outcome = match found.value.count_send(session, message, now) {
                Err(refusal) => Outcome::Refused(refusal),
                Ok(step) => match self.guard().resend(&step.next, now, &mut batch).await? {
                    Some(refusal) => Outcome::Refused(refusal),
                    None => {
                        step.next.message(now).insert_into(&mut batch)?;
                        Outcome::Done(batch.step(found.version, step, now)?.value)
                    }
                },
            };
            Ok((batch, outcome))
        };
        let resent = self.ports.store.change(id.as_str(), change).await;
        // A limit that the commit refuses is counted there.
        Outcome::of(resent.map(|resent| self.watched(resent))).map(Outcome::flat)
    }

    /// As [`resend`](Self::resend), where not even a limit of the phone may be told (ASVS 6.3.8): a message that a limit refuses
    /// is counted with the challenge and not sent. The challenge's own pause and number of messages are told.
    ///
    /// # Errors
    /// As [`resend`](Self::resend).
    pub async fn resend_untold(
        &self,
        id: &ChallengeId,
        session: &SessionId,
    ) -> Result<Outcome<Challenge>, Error> {
        match self.resend(id, session).await? {
            Outcome::Refused(_) => self.withhold(id, session).await,
            sent @ Outcome::Done(_) => Ok(sent),
        }
    }

    /// Counts a message that goes nowhere.
    async fn withhold(
        &self,
        id: &ChallengeId,
        session: &SessionId,
    ) -> Result<Outcome<Challenge>, Error> {
        let change = |found: Versioned<Challenge>| async move {
            let now = self.ports.clock.now();
            let message = MessageId::made_at(now, self.ports.entropy.as_ref())?;
            let mut batch = Batch::default();
            let outcome = match found.value.count_send(session, message, now) {
                Err(refusal) => Outcome::Refused(refusal),
                Ok(step) => {
                    let state = MessageState::Withheld { at: now };
                    Message { state, ..step.next.message(now) }.insert_into(&mut batch)?;
                    Outcome::Done(batch.step(found.version, step, now)?.value)
                }
            };
            Ok((batch, outcome))
        };
        self.ports.store.change(id.as_str(), change).await
    }
}
