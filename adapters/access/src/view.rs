//! What a relying party is shown of a challenge.

use std::fmt;

use countersign_domain::{
    agreement::Agreement,
    challenge::{Challenge, State, Verified},
    id::SessionId,
    time::Timestamp,
};
use countersign_web::{
    code_page::CodeView,
    described::ElementName,
    transaction::{AmountBody, ItemBody},
};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a challenge stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChallengeStatus)]
pub enum Status {
    /// The code is waited for.
    Pending,
    /// It was typed back.
    Verified,
    /// It was ended without: `cause` says why.
    Refused,
    /// It was not typed back in time.
    Expired,
}

impl Status {
    /// Time ends a challenge whether or not somebody looked.
    pub(crate) fn of(challenge: &Challenge, now: Timestamp) -> Self {
        match challenge.state() {
            State::Pending if now >= challenge.expires_at() => Self::Expired,
            State::Pending => Self::Pending,
            State::Verified { .. } => Self::Verified,
            State::Refused { .. } => Self::Refused,
            State::Expired { .. } => Self::Expired,
        }
    }

    /// Its name, as the API gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }
}

/// What the person is asked to agree to, as the phone shows it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurposeView {
    /// Access to that.
    AccessTo(String),
    /// A payment.
    Payment {
        /// What is paid, as the message says it.
        amount: AmountBody,
        /// To the relying party, by its configured name.
        payee: String,
        /// The relying party's reference of the order.
        reference: String,
        /// What is bought.
        items: Vec<ItemBody>,
    },
}

impl PurposeView {
    /// `None` for what this flow never asks for.
    fn of(agreement: &Agreement) -> Option<Self> {
        match agreement {
            Agreement::Access { to } => Some(Self::AccessTo(to.to_string())),
            Agreement::Payment { transaction, .. } => Some(Self::Payment {
                amount: transaction.amount().into(),
                payee: transaction.payee().to_string(),
                reference: transaction.reference().to_string(),
                items: transaction.items().iter().map(ItemBody::from).collect(),
            }),
            Agreement::Certificate { .. } | Agreement::Document(_) => None,
        }
    }
}

/// A challenge as its relying party sees it: no full number, no code, no session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChallengeView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// The person.
    pub user_id: String,
    /// What the person is asked to agree to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<PurposeView>,
    /// The code, while it is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeView>,
    /// What the person proved: `phone`, and `pin` or `pin_set_by_code`. Nothing before it is verified.
    #[schema(value_type = Vec<ElementName>, example = json!(["phone", "pin"]))]
    pub elements: Vec<&'static str>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// Its name in logs: the trace id of the request's `traceparent`, or one of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl ChallengeView {
    pub(crate) fn of(challenge: &Challenge, code: CodeView, now: Timestamp) -> Self {
        let status = Status::of(challenge, now);
        let is_pending = status == Status::Pending;
        Self {
            id: challenge.id().to_string(),
            status,
            user_id: challenge.person().identifier.to_string(),
            purpose: PurposeView::of(challenge.agreement()),
            code: is_pending.then_some(code),
            elements: challenge.elements().iter().map(|element| element.name()).collect(),
            cause: match challenge.state() {
                State::Refused { reason, .. } => Some(reason.name()),
                State::Pending | State::Verified { .. } | State::Expired { .. } => None,
            },
            correlation_id: challenge.correlation().map(ToString::to_string),
        }
    }
}

/// A challenge that was started, with the secret that its response needs.
#[derive(Serialize, ToSchema)]
pub struct StartedView {
    /// To be kept beside the person's own session, and shown to nobody: the response is accepted with it alone.
    #[schema(example = "ses_0123456789abcdef0123456789abcdef", pattern = "^ses_[0-9a-f]{32}$")]
    pub session: String,
    /// The challenge.
    #[serde(flatten)]
    pub challenge: ChallengeView,
}

impl StartedView {
    pub(crate) fn new(session: &SessionId, challenge: ChallengeView) -> Self {
        Self { session: session.as_str().to_owned(), challenge }
    }
}

/// Without the session.
impl fmt::Debug for StartedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedView").field("challenge", &self.challenge).finish_non_exhaustive()
    }
}

/// Yes, and what is proved by it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct VerifiedView {
    /// The challenge.
    pub id: String,
    /// `verified`.
    pub status: Status,
    /// The person, who can read what is sent to that number.
    pub user_id: String,
    /// The number, masked.
    pub number: String,
    /// What the person agreed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<PurposeView>,
}

impl VerifiedView {
    /// Made of the proof, which there is one of; `challenge` is the one that it is of.
    pub(crate) fn of(proof: &Verified, challenge: &Challenge) -> Self {
        Self {
            id: proof.challenge().to_string(),
            status: Status::Verified,
            user_id: proof.person().identifier.to_string(),
            number: proof.person().address.masked(),
            purpose: PurposeView::of(challenge.agreement()),
        }
    }
}
