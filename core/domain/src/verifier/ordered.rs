//! Codes that an operator computes, sends and compares (F12.v1). Its verdict and what it means here cannot be one commit: what
//! waits is held until the verdict, and posted or released in the batch of the conclusion. A crash in between leaves the
//! challenge pending; the same code, typed again, has the same verdict, and time ends what nobody types.

use super::{Operated, Verifier};
use crate::{
    challenge::{Challenge, ChallengeRequest, Verified, orderable},
    element::Element,
    error::Error,
    id::{MessageId, SessionId},
    message::{Accepted, SendError},
    operator::{CodeOrder, OperatorError, Verdict},
    pin::PinDemand,
    record::Versioned,
    refusal::{Outcome, Refusal},
    response::Response,
};

impl Verifier {
    /// Whether the code of what is asked for is the operator's.
    pub(super) fn orders(&self, request: &ChallengeRequest) -> bool {
        let is_of_party = |operated: &Operated| operated.party == request.relying_party;
        self.operator.as_ref().is_some_and(is_of_party) && orderable(&request.agreement).is_some()
    }

    /// Asks the operator whether that is the code, where a response would be accepted.
    pub(super) async fn ask_operator(
        &self,
        found: Versioned<Challenge>,
        session: &SessionId,
        response: &Response,
    ) -> Result<Outcome<Verified>, Error> {
        let challenge = &found.value;
        // A stranger to the session cannot use up the attempts of its owner.
        if !challenge.is_of(session) {
            return Ok(Outcome::Refused(Refusal::OtherSession));
        }
        if let Some(refusal) = challenge.over() {
            return Ok(Outcome::Refused(refusal));
        }
        if self.ports.clock.now() >= challenge.expires_at {
            self.expire(challenge.id()).await?;
            return Ok(Outcome::Refused(Refusal::Late));
        }
        if let Some(refusal) = self.guard().refusal(challenge, self.ports.clock.now()).await? {
            return Ok(Outcome::Refused(refusal));
        }
        let verdict =
            self.operated()?.operator.check(&order_of(challenge)?, response.code.secret()).await?;
        let verdict = &verdict;
        if challenge.pin() == PinDemand::No {
            let elements = || vec![Element::Phone];
            let conclude = |challenge: Challenge, now| challenge.judged(verdict, elements(), now);
            return self.conclude(found, conclude).await;
        }
        // Counted here as well: the operator counts no wrong PIN. After its verdict, so that one who is away costs no attempt.
        let (counted, attempt) = match self.count(found, session).await? {
            Outcome::Done(counted) => counted,
            Outcome::Refused(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let conclude = |challenge: Challenge, pin: Option<Element>, now| {
            challenge.judged_with(attempt, verdict, pin, now)
        };
        let is_right = matches!(verdict, Verdict::Accepted { .. });
        self.conclude_pin(counted, is_right, response.pin.as_ref(), conclude).await
    }

    /// Has the operator send the code. It is known there by the message's id, and no receipt comes for it.
    pub(crate) async fn order_code(
        &self,
        order: &CodeOrder,
        message: &MessageId,
    ) -> Result<Accepted, SendError> {
        let operated =
            self.operated().map_err(|error| SendError::Temporary { cause: error.to_string() })?;
        operated.operator.send(order, message).await?;
        let name = message.to_string();
        Ok(Accepted { references: vec![name.clone()], network_id: name })
    }

    fn operated(&self) -> Result<&Operated, OperatorError> {
        let none = || OperatorError::Unreachable { cause: "none is configured here".to_owned() };
        self.operator.as_ref().ok_or_else(none)
    }
}

/// What the operator is told. A challenge whose code is not ours always has it.
pub(crate) fn order_of(challenge: &Challenge) -> Result<CodeOrder, OperatorError> {
    let none = || OperatorError::Unreachable { cause: "the challenge has no order".to_owned() };
    challenge.code_order().ok_or_else(none)
}
