//! A telecom operator that computes and sends codes for us, as a trusted third party (F12.v1): what it is told, and what it
//! says.

use thiserror::Error;

use crate::{
    address::Address, amount::Amount, digest::Sha256Digest, id::ChallengeId, locale::Locale,
    origin::Origin, refusal::Refusal, transaction::Payee,
};

/// All that an operator is told of a payment: who is to be asked, what the person reads, and digests that the code is linked
/// to. No card, no account, no goods, and no name by which the person is known here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CodeOrder {
    /// Our challenge: an operator computes one code for it, however often it is told.
    pub challenge: ChallengeId,
    /// The receiver: an operator knows its subscribers by their numbers.
    pub to: Address,
    /// The language of the message.
    pub locale: Locale,
    /// The page that asks for the code.
    pub origin: Option<Origin>,
    /// What is to be paid.
    pub amount: Amount,
    /// To whom, as the person knows it.
    pub payee: Payee,
    /// The digest of the protocol's own order, such as a ticket.
    pub digest: Sha256Digest,
    /// What the short reference is made of, which the page shows too.
    pub name: Sha256Digest,
}

/// What an operator says of what was typed. It says the same when it is asked again with the same code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is the code.
    Accepted {
        /// The operator's word for it, signed: it is kept with the challenge.
        statement: String,
    },
    /// It is not, or no code is accepted any more. The operator counts the attempts.
    Refused(Refusal),
}

/// There is no verdict. What waits for it goes on waiting, and the same may be asked again.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum OperatorError {
    /// The operator was not asked: it has counted nothing.
    #[error("the operator cannot be reached: {cause}")]
    Unreachable {
        /// What failed; no code, no number.
        cause: String,
    },
    /// It was asked, and what it said did not arrive or is of no use: it may have counted a response, or accepted it.
    #[error("the operator gave no verdict: {cause}")]
    Unknown {
        /// What failed; no code, no number.
        cause: String,
    },
}
