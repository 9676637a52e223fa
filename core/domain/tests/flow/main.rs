//! The whole flow over fakes of every port: purchases, messages, and what crashes and races leave of them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod born;
mod cost;
mod crash;
mod limits;
mod message;
mod names;
mod pin;
mod purchase;
mod race;
mod receipts;
mod reseal;
mod retention;
mod store;
mod unsettled;
mod untold;

use countersign_domain::{
    code::TypedCode,
    id::{PaymentId, SessionId},
    payment::Payment,
    record::Batch,
    refusal::Refusal,
    testing::{BankCall, Fixture},
};

/// A purchase that waits for its code.
struct Waiting {
    payment: Payment,
    session: SessionId,
    code: String,
}

impl Waiting {
    /// Alice buys for that many euros, and reads the message.
    async fn at(shop: &Fixture, euros: &str) -> Self {
        let purchase = shop.purchase(euros);
        let session = purchase.person.session.clone();
        let payment = shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
        assert_eq!(payment.state().name(), "awaiting_code");
        let code = shop.code_in(&shop.next_message().await.unwrap());
        Self { payment, session, code }
    }

    /// Types a code: the state of the payment after it, and the refusal.
    async fn finish(&self, shop: &Fixture, typed: &TypedCode) -> (&'static str, Option<Refusal>) {
        let finished = shop.gateway.finish_payment(&self.payment, &self.session, typed).await;
        let refusal = finished.unwrap().done().err();
        (state_of(shop, self.payment.id()).await, refusal)
    }

    fn right_code(&self) -> TypedCode {
        self.code.as_str().try_into().unwrap()
    }

    /// The code with its last digit changed.
    fn wrong_code(&self) -> TypedCode {
        let (head, last) = self.code.split_at(5);
        format!("{head}{}", if last == "0" { "1" } else { "0" }).try_into().unwrap()
    }
}

/// The state's name of the payment as it stands.
async fn state_of(shop: &Fixture, payment: &PaymentId) -> &'static str {
    Payment::state(&shop.gateway.payment(payment).await.unwrap()).name()
}

/// How many different references the bank has seen.
fn bank_references(shop: &Fixture) -> usize {
    let reference = |call: BankCall| match call {
        BankCall::Authorize(reference)
        | BankCall::Capture(reference, _)
        | BankCall::Credit(reference, _)
        | BankCall::ReverseCredit(reference, _)
        | BankCall::Void(reference) => reference,
    };
    shop.bank.calls().into_iter().map(reference).collect::<std::collections::HashSet<_>>().len()
}
