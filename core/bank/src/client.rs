//! The port: a question is sent, waited for and repeated until it is answered or its tries are used up.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::{
    bank::{ApprovalCode, BankRequest},
    ports::{BankError, Clock, Decision, IssuingBank},
};
use countersign_iso8583::{Message, frame};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};
use tracing::warn;

use crate::{
    connection::{self, Key, Question},
    request, response,
    settings::{InvalidSettings, Settings},
};

/// An issuing bank that is reached over ISO 8583.
///
/// Dropping it closes the connection.
#[derive(Debug)]
pub struct Iso8583Bank {
    settings: Settings,
    template: Message,
    questions: mpsc::Sender<Question>,
    in_flight: Semaphore,
}

impl Iso8583Bank {
    /// Starts to connect, in a task of the tokio runtime that this is called in, and keeps connected from then on.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let template = request::template(&settings)?;
        let (questions, asked) = mpsc::channel(settings.max_in_flight);
        tokio::spawn(connection::keep(settings.clone(), clock, asked));
        Ok(Self {
            in_flight: Semaphore::new(settings.max_in_flight),
            settings,
            template,
            questions,
        })
    }

    /// Sends a message until it is answered: first as it is, then marked as a repeat.
    async fn exchange(&self, first: Message) -> Result<Message, BankError> {
        let Ok(Ok(_place)) = timeout(self.settings.connect_timeout, self.in_flight.acquire()).await
        else {
            return Err(BankError::Unreachable {
                cause: "too many questions are in flight".to_owned(),
            });
        };
        let key = Key::of_answer_to(&first);
        let mut message = first;
        let mut sent = false;
        for attempt in 1..=self.settings.tries {
            match self.ask(&message, &key).await {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::NotSent) if !sent => {
                    return Err(BankError::Unreachable {
                        cause: "there is no connection".to_owned(),
                    });
                }
                Err(unanswered) => {
                    warn!(%key, attempt, ?unanswered, "the bank did not answer");
                    sent = true;
                }
            }
            let repeat = message.mti().repeat();
            message = message.with_mti(repeat);
        }
        Err(BankError::Unknown { cause: format!("no answer after {} tries", self.settings.tries) })
    }

    /// Sends a message once and waits for its answer.
    async fn ask(&self, message: &Message, key: &Key) -> Result<Message, Unanswered> {
        let (started, mut has_started) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let question = Question { key: key.clone(), frame: frame(message), started, answer };
        let hand_over = async {
            self.questions.send(question).await.is_ok() && (&mut has_started).await.is_ok()
        };
        if timeout(self.settings.connect_timeout, hand_over).await != Ok(true) {
            // Once closed it cannot start any more; but it may have started since.
            has_started.close();
            has_started.try_recv().map_err(|_| Unanswered::NotSent)?;
        }
        match timeout(self.settings.response_timeout, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Unanswered::ConnectionLost),
            Err(_) => Err(Unanswered::TimedOut),
        }
    }
}

/// Why a message has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unanswered {
    /// No byte of it was sent, and none will be.
    NotSent,
    /// The connection ended after it was sent.
    ConnectionLost,
    /// The time for the answer is over.
    TimedOut,
}

#[async_trait]
impl IssuingBank for Iso8583Bank {
    async fn authorize(&self, request: &BankRequest) -> Result<Decision, BankError> {
        let answer = self.exchange(request::authorization(&self.template, request)?).await?;
        response::decision(&answer)
    }

    async fn capture(
        &self,
        request: &BankRequest,
        approval: &ApprovalCode,
    ) -> Result<(), BankError> {
        let answer = self.exchange(request::completion(&self.template, request, approval)?).await?;
        response::captured(&answer)
    }

    async fn void(
        &self,
        request: &BankRequest,
        approval: Option<&ApprovalCode>,
    ) -> Result<(), BankError> {
        let answer = self.exchange(request::reversal(&self.template, request, approval)?).await?;
        response::voided(&answer)
    }
}
