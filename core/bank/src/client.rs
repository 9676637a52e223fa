//! The port: a question is sent, waited for and repeated until it is answered or its tries are used up.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::{
    amount::Amount,
    bank::{ApprovalCode, BankError, BankRequest, Decision},
    ports::{Clock, IssuingBank},
};
use countersign_iso8583::{Message, frame};
use tokio::{
    sync::{Mutex, Semaphore, mpsc, oneshot, watch},
    time::timeout,
};
use tracing::warn;

use crate::{
    connection::{self, Key, Question},
    request, response,
    settings::{InvalidSettings, Iso8583Settings},
};

/// An issuing bank that is reached over ISO 8583, on a connection that is kept up.
pub struct Iso8583Bank {
    settings: Iso8583Settings,
    clock: Arc<dyn Clock>,
    questions: mpsc::Sender<Question>,
    asked: Mutex<mpsc::Receiver<Question>>,
    in_flight: Semaphore,
    stop: watch::Sender<bool>,
}

impl Iso8583Bank {
    /// A bank that is not connected to: [`Self::run`] does that.
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn new(settings: Iso8583Settings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let (questions, asked) = mpsc::channel(settings.window);
        Ok(Self {
            in_flight: Semaphore::new(settings.window),
            asked: Mutex::new(asked),
            stop: watch::Sender::new(false),
            settings,
            clock,
            questions,
        })
    }

    /// Keeps a connection up, until [`Self::stop`] and the end of what was under way then.
    ///
    /// If this future is dropped instead, the outcome of the questions under way is unknown.
    pub async fn run(&self) {
        let mut asked = self.asked.lock().await;
        let stop = self.stop.subscribe();
        connection::keep(&self.settings, self.clock.as_ref(), &mut asked, stop).await;
    }

    /// Asks nothing more, waits for the answers to what was asked, closes the connection, and ends [`Self::run`].
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Sends a message until it is answered: first as it is, then marked as a repeat.
    async fn exchange(&self, first: Message) -> Result<Answer, BankError> {
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
                Ok(message) => return Ok(Answer { message, repeated: sent }),
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

/// What the bank said, and to what: once a try went unanswered, the answer may be that to its repeat.
struct Answer {
    message: Message,
    repeated: bool,
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
        let question = request::authorization(&self.settings, request)?;
        let Answer { message, repeated } = self.exchange(question).await?;
        response::decision(&message, repeated)
    }

    async fn capture(
        &self,
        request: &BankRequest,
        approval: &ApprovalCode,
        amount: Amount,
    ) -> Result<(), BankError> {
        let advice = request::completion(&self.settings, request, approval, amount)?;
        response::accepted(&self.exchange(advice).await?.message)
    }

    /// `0200` with the processing code of a return; repeated until it is answered.
    async fn credit(&self, request: &BankRequest) -> Result<(), BankError> {
        let credit = request::credit(&self.settings, request)?;
        let Answer { message, repeated } = self.exchange(credit).await?;
        response::credited(&message, repeated)
    }

    /// `0400` that names the return.
    async fn reverse_credit(&self, request: &BankRequest) -> Result<(), BankError> {
        let reversal = request::credit_reversal(&self.settings, request)?;
        let Answer { message, repeated } = self.exchange(reversal).await?;
        response::credited(&message, repeated)
    }

    async fn void(
        &self,
        request: &BankRequest,
        approval: Option<&ApprovalCode>,
    ) -> Result<(), BankError> {
        let reversal = request::reversal(&self.settings, request, approval)?;
        response::voided(&self.exchange(reversal).await?.message)
    }
}
