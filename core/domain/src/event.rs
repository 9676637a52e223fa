//! Facts: what happened, kept for ever, for whoever must prove it later (A2, RTS art. 29).
//!
//! No type in an [`Event`] can hold a code, a full card number or a full phone number.

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    bank::{ApprovalCode, ResponseCode},
    card::MaskedCard,
    element::Element,
    id::{ChallengeId, MessageId},
    plan::Plan,
    refusal::{Refusal, VoidCause},
    settlement::{BankOperation, Because, Settlement},
    time::Timestamp,
};

/// Something that happened to a record.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fact {
    /// When that happened.
    pub at: Timestamp,
    /// What it was, with its members.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A challenge began, and its message was put into the outbox.
    ChallengeStarted {
        /// To which receiver, masked.
        to: String,
        /// Its id in the outbox.
        message: MessageId,
    },
    /// A further message with the same code was put into the outbox.
    CodeResent {
        /// Its id in the outbox.
        message: MessageId,
    },
    /// A response was counted; what became of it follows, if anything did.
    AttemptCounted {
        /// 1 for the first.
        number: u8,
    },
    /// The response corresponds: the challenge is over.
    ChallengeVerified {
        /// What it proved.
        #[serde(default)]
        elements: Vec<Element>,
    },
    /// The challenge is over without a right response.
    ChallengeRefused {
        /// What ended it.
        cause: Refusal,
    },
    /// So many wrong codes in a row were typed for a phone that none is accepted for a while; the phone is told.
    PhoneBlocked {
        /// How many in a row.
        failures: u32,
        /// Until when.
        until: Timestamp,
        /// The message that tells it, in the outbox.
        message: MessageId,
    },
    /// An operator ended the row of wrong codes of a phone, and its block with it (RTS art. 4(4)).
    PhoneUnblocked {
        /// How many there were in a row.
        failures: u32,
    },
    /// The network took a message over.
    MessageSent {
        /// Its id in the outbox.
        message: MessageId,
        /// By which the network's operator knows it.
        #[serde(skip_serializing_if = "Option::is_none")]
        network_id: Option<String>,
    },
    /// The receiver has a message.
    MessageDelivered {
        /// Its id in the outbox.
        message: MessageId,
    },
    /// A message will not arrive.
    MessageFailed {
        /// Its id in the outbox.
        message: MessageId,
        /// What the network said.
        cause: String,
    },
    /// It is not known whether the network took a message over; it is not sent again.
    MessageUnconfirmed {
        /// Its id in the outbox.
        message: MessageId,
    },
    /// A text arrived from the second network.
    TextReceived {
        /// From whom, masked.
        from: String,
    },
    /// A subscriber was entered into the directory, or entered again.
    SubscriberEntered,
    /// A subscriber is treated as one whom nobody knows, until unlocked.
    SubscriberLocked,
    /// A subscriber is known again.
    SubscriberUnlocked,
    /// What the directory had of a subscriber is gone.
    SubscriberRemoved,
    /// A payment began.
    PaymentStarted {
        /// In minor units of its currency.
        amount: Amount,
        /// How it is to be made (C23).
        plan: Plan,
        /// From which card.
        card: MaskedCard,
        /// What was proved of the payer before.
        #[serde(default)]
        elements: Vec<Element>,
    },
    /// The bank holds the amount.
    PaymentAuthorized {
        /// The bank's proof.
        approval: ApprovalCode,
    },
    /// The bank refuses.
    PaymentDeclined {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
    /// The person is asked for a code.
    CodeAsked {
        /// The challenge that it waits for.
        challenge: ChallengeId,
    },
    /// The person agreed: the amount will be taken.
    PaymentAgreed,
    /// The relying party asked to debit the amount, or a part of what is held.
    CaptureAsked {
        /// In minor units of its currency.
        amount: Amount,
    },
    /// The amount is debited, and posted.
    PaymentCaptured {
        /// In minor units of its currency.
        amount: Amount,
    },
    /// The relying party asked to give some of it back.
    CreditAsked {
        /// In minor units of its currency.
        amount: Amount,
    },
    /// The amount is given back, and posted.
    PaymentCredited {
        /// In minor units of its currency.
        amount: Amount,
    },
    /// The bank refuses to give it back.
    CreditRefused {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
    /// The relying party asked to undo a credit.
    CreditReversalAsked {
        /// In minor units of its currency.
        amount: Amount,
    },
    /// What was given back is debited again, and posted.
    CreditReversed {
        /// In minor units of its currency.
        amount: Amount,
    },
    /// The bank refuses to debit it again.
    CreditReversalRefused {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
    /// The payment will not be made; what the bank held will be released.
    PaymentVoiding {
        /// What ended it.
        cause: VoidCause,
    },
    /// The payment was not made and holds nothing.
    PaymentVoided,
    /// The bank refuses what it must do: it is told again, later.
    BankRefused {
        /// What it was told.
        operation: BankOperation,
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
    /// The bank refused it too often, or did not answer for too long: it is told no more until a person has looked.
    PaymentStuck {
        /// What it was told.
        operation: BankOperation,
    },
    /// A person wants the bank to be told again.
    RetryAsked {
        /// What it is told.
        operation: BankOperation,
    },
    /// A person confirmed what became of it; what that means follows.
    PaymentSettled {
        /// What was confirmed.
        settlement: Settlement,
        /// Why, in the person's words.
        because: Because,
    },
}
