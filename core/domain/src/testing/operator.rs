//! An operator in memory, which can be out of reach.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use crate::{
    hex,
    id::{ChallengeId, MessageId},
    message::SendError,
    operator::{CodeOrder, OperatorError, Verdict},
    ports::Operator,
    refusal::Refusal,
    secret::Secret,
};

/// Attempts for one code.
const MAX_ATTEMPTS: u8 = 3;

#[derive(Debug)]
struct Asked {
    order: CodeOrder,
    attempts: u8,
    accepted: bool,
}

/// Keeps what it was told; its code is a part of the order's digest, in digits.
#[derive(Debug, Default)]
pub struct FakeOperator {
    is_down: AtomicBool,
    asked: Mutex<BTreeMap<ChallengeId, Asked>>,
    sent: Mutex<BTreeSet<MessageId>>,
}

impl FakeOperator {
    /// Whether nobody can reach it.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// What it was told.
    pub fn orders(&self) -> Vec<CodeOrder> {
        self.asked.lock().unwrap().values().map(|asked| asked.order.clone()).collect()
    }

    /// How many messages it sent.
    pub fn sent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// How many responses it counted for that challenge.
    pub fn attempts(&self, challenge: &ChallengeId) -> u8 {
        self.asked.lock().unwrap()[challenge].attempts
    }

    /// The code that it sends.
    pub fn code(order: &CodeOrder) -> String {
        let digits = hex::encode(order.name.as_bytes());
        digits.bytes().take(6).map(|byte| char::from(b'0' + byte % 10)).collect()
    }
}

#[async_trait]
impl Operator for FakeOperator {
    async fn send(&self, order: &CodeOrder, message: &MessageId) -> Result<(), SendError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(SendError::Temporary { cause: "down".to_owned() });
        }
        let new = || Asked { order: order.clone(), attempts: 0, accepted: false };
        let mut asked = self.asked.lock().unwrap();
        let asked = asked.entry(order.challenge.clone()).or_insert_with(new);
        assert_eq!(asked.order, *order, "another order for the same challenge");
        self.sent.lock().unwrap().insert(message.clone());
        Ok(())
    }

    async fn check(
        &self,
        order: &CodeOrder,
        typed: &Secret<String>,
    ) -> Result<Verdict, OperatorError> {
        let cannot = |cause: &str| OperatorError::Unknown { cause: cause.to_owned() };
        if self.is_down.load(Ordering::SeqCst) {
            return Err(OperatorError::Unreachable { cause: "down".to_owned() });
        }
        let mut asked = self.asked.lock().unwrap();
        let asked = asked.get_mut(&order.challenge).ok_or_else(|| cannot("not asked"))?;
        if asked.order != *order {
            return Err(cannot("of another order"));
        }
        let is_right = *typed.expose() == Self::code(order);
        if asked.accepted && !is_right {
            return Ok(Verdict::Refused(Refusal::AlreadyUsed));
        }
        if !asked.accepted {
            if asked.attempts >= MAX_ATTEMPTS {
                return Ok(Verdict::Refused(Refusal::TooManyAttempts));
            }
            asked.attempts += 1;
            asked.accepted = is_right;
        }
        if is_right {
            return Ok(Verdict::Accepted { statement: format!("word for {}", order.challenge) });
        }
        Ok(Verdict::Refused(match MAX_ATTEMPTS - asked.attempts {
            0 => Refusal::TooManyAttempts,
            attempts_left => Refusal::WrongCode { attempts_left },
        }))
    }
}
