//! Messages of which some parts are with the centre and others are not yet.
//!
//! What the centre has is not sent again: each part costs, and many phones show a part that comes twice as another message.

use std::collections::HashMap;

use countersign_domain::{id::MessageId, message::SendError};
use tokio::time::Instant;

/// Messages that are remembered; of more, all parts are sent again.
const MAX_REMEMBERED: usize = 1_024;

/// What became of the first parts of a message.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parts {
    /// How many need not be sent again.
    pub(super) count: usize,
    /// The id of the last of them.
    last_id: String,
    /// Why it is not known of one whether the centre has it.
    doubt: Option<String>,
}

impl Parts {
    /// The centre has the next part.
    pub(super) fn add(&mut self, message_id: String) {
        self.count = self.count.saturating_add(1);
        self.last_id = message_id;
    }

    /// The centre may have the next part.
    pub(super) fn add_in_doubt(&mut self, cause: String) {
        self.count = self.count.saturating_add(1);
        self.doubt.get_or_insert(cause);
    }

    /// What is to be told of the message, once all parts are away.
    pub(super) fn result(self) -> Result<String, SendError> {
        match self.doubt {
            None => Ok(self.last_id),
            Some(cause) => Err(SendError::Unknown { cause }),
        }
    }
}

/// The messages, each until its code has died.
#[derive(Default)]
pub(super) struct Begun(HashMap<MessageId, (Parts, Instant)>);

impl Begun {
    /// What became of that message before; it is not remembered any more.
    pub(super) fn take(&mut self, message: &MessageId) -> Parts {
        self.0.remove(message).map(|(parts, _)| parts).unwrap_or_default()
    }

    /// Remembers what became of that message.
    pub(super) fn keep(&mut self, message: &MessageId, parts: Parts, until: Instant) {
        if parts.count == 0 {
            return;
        }
        if self.0.len() >= MAX_REMEMBERED {
            let now = Instant::now();
            self.0.retain(|_, (_, until)| *until > now);
        }
        if self.0.len() < MAX_REMEMBERED {
            self.0.insert(message.clone(), (parts, until));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn message(number: usize) -> MessageId {
        MessageId::try_from(format!("msg_{number:032x}")).unwrap()
    }

    fn parts(ids: &[&str]) -> Parts {
        let mut parts = Parts::default();
        ids.iter().for_each(|id| parts.add((*id).to_owned()));
        parts
    }

    #[test]
    fn a_message_is_accepted_when_all_its_parts_are() {
        assert_eq!(parts(&["1", "2"]).result(), Ok("2".to_owned()));
    }

    #[test]
    fn one_part_in_doubt_makes_the_message_so() {
        let mut one = parts(&["1"]);
        one.add_in_doubt("first".to_owned());
        one.add("3".to_owned());
        one.add_in_doubt("second".to_owned());
        assert_eq!(one.count, 4);
        assert_eq!(one.result(), Err(SendError::Unknown { cause: "first".to_owned() }));
    }

    #[test]
    fn what_was_sent_of_a_message_is_remembered_until_its_code_has_died() {
        let (mut begun, now) = (Begun::default(), Instant::now());
        begun.keep(&message(0), parts(&["1"]), now + Duration::from_secs(9));
        assert_eq!(begun.take(&message(0)), parts(&["1"]));
        assert_eq!(begun.take(&message(0)), Parts::default());
        for number in 0..2_000 {
            begun.keep(&message(number), parts(&["1"]), now);
        }
        assert!(begun.0.len() <= MAX_REMEMBERED);
        begun.keep(&message(7_777), parts(&["1"]), now + Duration::from_secs(9));
        assert_eq!(begun.take(&message(7_777)).count, 1);
    }
}
