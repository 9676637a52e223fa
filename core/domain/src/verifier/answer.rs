//! What is typed, where it is a code of ours alone: counted and answered in one commit; or tried, and not used.

use super::{End, Verifier, not_now};
use crate::{
    challenge::{Attempt, Challenge, Transition, Verified},
    code::TypedCode,
    error::Error,
    id::{ChallengeId, SessionId},
    limits::{Counted, Happened},
    pin::PinDemand,
    record::{Batch, Step, Version, Versioned},
    refusal::Outcome,
    time::Timestamp,
};

/// A response that is being counted, of which it is not known yet whether it is right.
#[derive(Clone)]
struct Counting {
    /// The challenge's version before it.
    version: Version,
    step: Step<Challenge>,
    attempt: Attempt,
    standing: Counted,
}

impl Verifier {
    /// As [`finish_challenge`](Self::finish_challenge), and a right code is not used: for what is refused for another cause,
    /// which is told to nobody without the phone. The attempt is counted, and the row of failures is ended by a right one.
    ///
    /// # Errors
    /// As [`finish_challenge`](Self::finish_challenge); [`Error::NotNow`] for one with more than a code of ours.
    pub async fn try_code(
        &self,
        id: &ChallengeId,
        session: &SessionId,
        code: &TypedCode,
    ) -> Result<Outcome<()>, Error> {
        let found = self.ports.store.expect::<Challenge>(id.as_str()).await?;
        if found.value.key.is_none() || found.value.pin() != PinDemand::No {
            return Err(not_now(&found.value, "asked for more than a code of ours"));
        }
        let (counted, attempt) = match self.count(found, session).await? {
            Outcome::Done(counted) => counted,
            Outcome::Refused(refusal) => return Ok(self.watched(Outcome::Refused(refusal))),
        };
        if self.is_right(&counted.value, code)? {
            let tried = |found: Versioned<Challenge>| async move {
                let (now, mut batch) = (self.ports.clock.now(), Batch::default());
                self.guard().end(&found.value, Happened::Tried, now, &mut batch).await?;
                Ok((batch, Outcome::Done(())))
            };
            return self.ports.store.change_found(counted, tried).await;
        }
        let wrong = self.conclude_response(counted, attempt, false, &code.into()).await?;
        Ok(self.watched(wrong.map(drop)))
    }

    /// Counts a response and draws its conclusion, in one commit (decision 49).
    ///
    /// Both ends are made before the code is looked at, so that what fails in one of them fails whatever was typed. Between
    /// the comparison and the commit nothing is said to anybody, and a commit that conflicts is forgotten with what was
    /// compared: of responses that come at once, one is answered, and the others look again at what it left.
    pub(super) async fn answer(
        &self,
        found: Versioned<Challenge>,
        session: &SessionId,
        typed: &TypedCode,
    ) -> Result<Outcome<Verified>, Error> {
        let change = |found: Versioned<Challenge>| async move {
            let (now, version) = (self.ports.clock.now(), found.version);
            let (counted, attempt) = match found.value.count_attempt(session, now) {
                Transition::Refused(refusal) => {
                    return Ok((Batch::default(), Outcome::Refused(refusal)));
                }
                Transition::Ended(step, refusal) => {
                    let mut batch = Batch::default();
                    self.add_end(version, step, now, &mut batch).await?;
                    return Ok((batch, Outcome::Refused(refusal)));
                }
                Transition::Made(counted, attempt) => (counted, attempt),
            };
            let standing = match self.guard().counted(&counted.next, now).await? {
                Outcome::Done(standing) => standing,
                Outcome::Refused(refusal) => {
                    return Ok((Batch::default(), Outcome::Refused(refusal)));
                }
            };
            let counted = Counting { version, step: counted, attempt, standing };
            let right = self.answered(counted.clone(), true, now).await?;
            let wrong = self.answered(counted.clone(), false, now).await?;
            let is_right = self.is_right(&counted.step.next, typed)?;
            Ok(if is_right { right } else { wrong })
        };
        self.ports.store.change_found(found, change).await
    }

    /// What is committed and answered when a response is counted that is right, or wrong.
    async fn answered(
        &self,
        counting: Counting,
        is_right: bool,
        now: Timestamp,
    ) -> Result<(Batch, Outcome<Verified>), Error> {
        let Counting { version, step: counted, attempt, standing } = counting;
        let mut batch = Batch::default();
        let challenge = counted.next.clone();
        let conclusion = challenge.clone().conclude(attempt, is_right, now);
        let happened = match &conclusion {
            Transition::Made(..) => Happened::Proved,
            Transition::Ended(..) => Happened::FailedAndEnded,
            Transition::Refused(_) => Happened::Failed,
        };
        self.guard().end_counted(standing, &challenge, happened, now, &mut batch)?;
        let outcome = match conclusion {
            Transition::Refused(refusal) => {
                batch.step(version, counted, now)?;
                Outcome::Refused(refusal)
            }
            Transition::Ended(ended, refusal) => {
                self.add_told_end(version, counted.followed_by(ended), now, &mut batch).await?;
                Outcome::Refused(refusal)
            }
            Transition::Made(verified, proof) => {
                let verified = batch.step(version, counted.followed_by(verified), now)?;
                self.tell(&verified.value, End::Verified(&proof), now, &mut batch).await?;
                Outcome::Done(proof)
            }
        };
        Ok((batch, outcome))
    }
}
