//! What happened, where it may not be told whether a person is known (ASVS 6.3.8).

use countersign_domain::{
    card::MaskedCard,
    event::{Event, Fact},
};

/// A fact as it is told before the code: the same of a person whom nobody knows. Nothing of the message, no digits.
#[must_use]
pub fn before_the_code(mut fact: Fact) -> Option<Fact> {
    match &mut fact.event {
        Event::ChallengeStarted { to, .. } => to.clear(),
        Event::PaymentStarted { card, .. } => *card = MaskedCard::hidden(),
        Event::MessageSent { .. }
        | Event::MessageDelivered { .. }
        | Event::MessageFailed { .. }
        | Event::MessageUnconfirmed { .. }
        | Event::PhoneBlocked { .. } => return None,
        Event::CodeResent { .. }
        | Event::AttemptCounted { .. }
        | Event::ChallengeVerified { .. }
        | Event::ChallengeRefused { .. }
        | Event::PhoneUnblocked { .. }
        | Event::TextReceived { .. }
        | Event::SubscriberEntered
        | Event::SubscriberLocked
        | Event::SubscriberUnlocked
        | Event::SubscriberRemoved
        | Event::PaymentAuthorized { .. }
        | Event::PaymentDeclined { .. }
        | Event::CodeAsked { .. }
        | Event::PaymentAgreed
        | Event::CaptureAsked { .. }
        | Event::PaymentCaptured { .. }
        | Event::CreditAsked { .. }
        | Event::PaymentCredited { .. }
        | Event::CreditRefused { .. }
        | Event::CreditReversalAsked { .. }
        | Event::CreditReversed { .. }
        | Event::CreditReversalRefused { .. }
        | Event::PaymentVoiding { .. }
        | Event::PaymentVoided
        | Event::BankRefused { .. }
        | Event::PaymentStuck { .. }
        | Event::RetryAsked { .. }
        | Event::PaymentSettled { .. } => {}
    }
    Some(fact)
}
