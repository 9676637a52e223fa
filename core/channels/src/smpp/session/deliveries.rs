//! What the centre asks of us: messages that it delivers are for the domain, and what we cannot read has an answer, too.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Session;
use crate::smpp::{
    pdu::{Body, Malformed, Pdu, RESPONSE_BIT, ShortMessage, command},
    status::Status,
};

/// What became of a deliver_sm or a data_sm.
pub(super) struct Verdict {
    pub(super) sequence: u32,
    pub(super) status: Status,
    pub(super) answer: Body,
}

impl<S: AsyncRead + AsyncWrite> Session<S> {
    /// Answers what cannot be read as far as its header tells how.
    pub(super) fn refuse(&mut self, malformed: Malformed) {
        tracing::warn!(error = %malformed, "the centre sent a malformed PDU");
        let Malformed { command_id, sequence, .. } = malformed;
        let unusable = |answer| Pdu::response(sequence, Status::ESME_RX_P_APPN, answer);
        match command_id {
            command::DELIVER_SM => self.say(&unusable(Body::DeliverSmResp)),
            command::DATA_SM => self.say(&unusable(Body::DataSmResp)),
            _ if command_id & RESPONSE_BIT == 0 => self.nack(sequence, Status::ESME_RINVCMDLEN),
            _ => {}
        }
    }

    pub(super) fn nack(&mut self, sequence: u32, status: Status) {
        self.say(&Pdu::response(sequence, status, Body::GenericNack));
    }

    /// Hands what is delivered to the domain; the answer follows when the domain has it.
    pub(super) fn deliver(&mut self, sequence: u32, message: ShortMessage, answer: Body) {
        self.deliveries += 1;
        let (receiver, verdicts) = (Arc::clone(&self.receiver), self.verdicts.0.clone());
        // On its own, so that the end of the session does not tear the domain's work.
        tokio::spawn(async move {
            let status = receiver.take(message).await;
            let _: Result<_, _> = verdicts.send(Verdict { sequence, status, answer }).await;
        });
    }
}
