//! A bank that does as it is told, and remembers what it was asked.

use std::sync::Mutex;

use async_trait::async_trait;

use crate::{
    amount::Amount,
    bank::{ApprovalCode, BankError, BankReference, BankRequest, Decision},
    ports::IssuingBank,
};

/// What the bank was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BankCall {
    Authorize(BankReference),
    Capture(BankReference, Amount),
    Credit(BankReference, Amount),
    ReverseCredit(BankReference, Amount),
    Void(BankReference),
}

impl BankCall {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Authorize(_) => "authorize",
            Self::Capture(..) => "capture",
            Self::Credit(..) => "credit",
            Self::ReverseCredit(..) => "reverse_credit",
            Self::Void(_) => "void",
        }
    }
}

/// Approves unless told otherwise.
#[derive(Debug, Default)]
pub struct FakeBank {
    calls: Mutex<Vec<BankCall>>,
    declines_with: Mutex<Option<String>>,
    fails_with: Mutex<Option<BankError>>,
}

impl FakeBank {
    /// From now on authorizations are declined with that response.
    pub fn decline_with(&self, response: &str) {
        *self.declines_with.lock().unwrap() = Some(response.to_owned());
    }

    /// From now on nothing is answered but that; `None` for normal work.
    pub fn fail_with(&self, error: Option<BankError>) {
        *self.fails_with.lock().unwrap() = error;
    }

    /// What was asked, in order.
    pub fn calls(&self) -> Vec<BankCall> {
        self.calls.lock().unwrap().clone()
    }

    /// The names of what was asked, in order.
    pub fn call_names(&self) -> Vec<&'static str> {
        self.calls().iter().map(BankCall::name).collect()
    }

    fn note(&self, call: BankCall) -> Result<(), BankError> {
        self.calls.lock().unwrap().push(call);
        self.fails_with.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl IssuingBank for FakeBank {
    async fn authorize(&self, request: &BankRequest) -> Result<Decision, BankError> {
        self.note(BankCall::Authorize(request.reference.clone()))?;
        Ok(match self.declines_with.lock().unwrap().clone() {
            Some(response) => Decision::Declined { response: response.try_into().unwrap() },
            None => Decision::Approved {
                approval: ApprovalCode::try_from("A12345".to_owned()).unwrap(),
            },
        })
    }

    async fn capture(
        &self,
        request: &BankRequest,
        _approval: &ApprovalCode,
        amount: Amount,
    ) -> Result<(), BankError> {
        self.note(BankCall::Capture(request.reference.clone(), amount))
    }

    async fn credit(&self, request: &BankRequest) -> Result<(), BankError> {
        self.note(BankCall::Credit(request.reference.clone(), request.amount))
    }

    async fn reverse_credit(&self, request: &BankRequest) -> Result<(), BankError> {
        self.note(BankCall::ReverseCredit(request.reference.clone(), request.amount))
    }

    async fn void(
        &self,
        request: &BankRequest,
        _approval: Option<&ApprovalCode>,
    ) -> Result<(), BankError> {
        self.note(BankCall::Void(request.reference.clone()))
    }
}
