//! A further message with the same code.

use super::Verifier;
use crate::{
    challenge::Challenge,
    error::Error,
    id::{ChallengeId, MessageId, SessionId},
    message::{Message, MessageState},
    record::{Batch, StoreError, Versioned},
    refusal::Outcome,
};

/// What becomes of a message that a limit of the phone, of the client or of the relying party stops.
#[derive(Clone, Copy)]
enum Stopped {
    /// The refusal is told, and nothing is counted.
    Told,
    /// It is counted with the challenge and goes nowhere.
    Untold,
    /// The same, where the commit has said already that a limit stops it.
    Known,
}

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
        // A limit that the commit refuses is counted there.
        Outcome::of(self.send_again(id, session, Stopped::Told).await).map(Outcome::flat)
    }

    /// As [`resend`](Self::resend), where not even a limit of the phone may be told (ASVS 6.3.8): a message that a limit stops
    /// is counted with the challenge and not sent. The challenge's own pause and number of messages are told.
    ///
    /// # Errors
    /// As [`resend`](Self::resend).
    pub async fn resend_untold(
        &self,
        id: &ChallengeId,
        session: &SessionId,
    ) -> Result<Outcome<Challenge>, Error> {
        match self.send_again(id, session, Stopped::Untold).await {
            Err(Error::Store(StoreError::Exhausted { .. })) => {
                self.send_again(id, session, Stopped::Known).await
            }
            sent => sent,
        }
    }

    async fn send_again(
        &self,
        id: &ChallengeId,
        session: &SessionId,
        stopped: Stopped,
    ) -> Result<Outcome<Challenge>, Error> {
        let change = |found: Versioned<Challenge>| async move {
            let (now, mut batch) = (self.ports.clock.now(), Batch::default());
            let message = MessageId::made_at(now, self.ports.entropy.as_ref())?;
            let step = match found.value.count_send(session, message, now) {
                Ok(step) => step,
                Err(refusal) => {
                    return Ok((batch, (Outcome::Refused(refusal.clone()), Some(refusal))));
                }
            };
            let refusal = match stopped {
                Stopped::Told | Stopped::Untold => {
                    self.guard().resend(&step.next, now, &mut batch).await?
                }
                Stopped::Known => None,
            };
            let outcome = match (stopped, &refusal) {
                (Stopped::Told | Stopped::Untold, None) => {
                    step.next.message(now).insert_into(&mut batch)?;
                    Outcome::Done(batch.step(found.version, step, now)?.value)
                }
                (Stopped::Told, Some(refusal)) => Outcome::Refused(refusal.clone()),
                // No fact: none was sent.
                (Stopped::Untold, Some(_)) | (Stopped::Known, _) => {
                    let state = MessageState::Withheld { at: now };
                    Message { state, ..step.next.message(now) }.insert_into(&mut batch)?;
                    let counted = Versioned { version: found.version, value: step.next };
                    batch.replace(&counted)?;
                    Outcome::Done(counted.value)
                }
            };
            Ok((batch, (outcome, refusal)))
        };
        let (outcome, refusal) = self.ports.store.change(id.as_str(), change).await?;
        refusal.iter().for_each(|refusal| self.refuses(refusal));
        Ok(outcome)
    }
}
