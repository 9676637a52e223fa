//! A network that takes everything over unless told otherwise, and shows what it took.

use std::sync::Mutex;

use async_trait::async_trait;

use crate::{
    message::{Accepted, OutboundMessage, SendError},
    ports::Messenger,
};

/// Names messages `ref-1`, `ref-2` and so on.
#[derive(Debug, Default)]
pub struct FakeMessenger {
    taken: Mutex<Vec<OutboundMessage>>,
    fails_with: Mutex<Option<SendError>>,
}

impl FakeMessenger {
    /// From now on nothing is answered but that; `None` for normal work.
    pub fn fail_with(&self, error: Option<SendError>) {
        *self.fails_with.lock().unwrap() = error;
    }

    /// What was taken over, in order.
    pub fn taken(&self) -> Vec<OutboundMessage> {
        self.taken.lock().unwrap().clone()
    }
}

#[async_trait]
impl Messenger for FakeMessenger {
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        if let Some(error) = self.fails_with.lock().unwrap().clone() {
            return Err(error);
        }
        let mut taken = self.taken.lock().unwrap();
        taken.push(message.clone());
        Ok(Accepted {
            references: vec![format!("ref-{}", taken.len())],
            network_id: "network".to_owned(),
        })
    }
}
