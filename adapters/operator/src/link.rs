//! The client's side: an operator that is asked over HTTP. A message that was not answered may be sent again, as an operator does
//! once what it is told twice.

use async_trait::async_trait;
use axum::http::Method;
use countersign_domain::{
    id::MessageId,
    message::SendError,
    operator::{CodeOrder, OperatorError, Verdict},
    ports::Operator,
    secret::Secret,
};
use countersign_web::client::{HttpClient, HttpError};
use serde::Serialize;

use crate::{
    http::{CHECK, CODES},
    message::{Answer, Checking, Order, Sending},
    statement::StatementVerifier,
};

const JSON: &str = "application/json";

/// Longest answer that is read, in octets: a statement has some 700.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// An operator elsewhere.
pub struct HttpOperator {
    client: HttpClient,
    url: String,
    verifier: StatementVerifier,
}

impl HttpOperator {
    /// The operator at that address, such as `https://codes.example.com`, whose statements that key verifies.
    ///
    /// # Errors
    /// [`HttpError::Address`].
    pub fn new(
        client: HttpClient,
        url: &str,
        verifier: StatementVerifier,
    ) -> Result<Self, HttpError> {
        HttpClient::check(url)?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), verifier })
    }

    async fn ask(&self, path: &str, body: &impl Serialize) -> Result<Vec<u8>, HttpError> {
        let url = format!("{}{path}", self.url);
        // Nothing in it that JSON could not have.
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.client.exchange(&url, Method::POST, body, JSON).await
    }

    fn judged(&self, answer: Answer, order: &Order) -> Result<Verdict, OperatorError> {
        match answer {
            Answer::Refused(refusal) => Ok(Verdict::Refused(refusal)),
            Answer::Accepted(statement) => match self.verifier.verify(&statement, order) {
                Ok(_) => Ok(Verdict::Accepted { statement }),
                Err(refusal) => Err(cannot(refusal)),
            },
        }
    }
}

#[async_trait]
impl Operator for HttpOperator {
    async fn send(&self, order: &CodeOrder, message: &MessageId) -> Result<(), SendError> {
        let sending = Sending { message: message.clone(), order: Order::from(order) };
        match self.ask(CODES, &sending).await {
            Ok(_) => Ok(()),
            Err(error) => Err(unsent(&error)),
        }
    }

    async fn check(
        &self,
        order: &CodeOrder,
        typed: &Secret<String>,
    ) -> Result<Verdict, OperatorError> {
        let order = Order::from(order);
        let checking = Checking {
            challenge: order.challenge.clone(),
            order_sha256: order.sha256(),
            code: typed.clone(),
        };
        let answer = self.ask(CHECK, &checking).await.map_err(|error| unjudged(&error))?;
        let answer = serde_json::from_slice(&answer);
        let answer = answer.map_err(|_| cannot("the answer is none"))?;
        self.judged(answer, &order)
    }
}

fn cannot(cause: impl ToString) -> OperatorError {
    OperatorError::Unknown { cause: cause.to_string() }
}

/// Only where the question did not leave this machine is it known that nothing was counted.
fn unjudged(error: &HttpError) -> OperatorError {
    match error {
        HttpError::Address(_) | HttpError::Unreachable { .. } => {
            OperatorError::Unreachable { cause: error.to_string() }
        }
        HttpError::Status { .. }
        | HttpError::Broken { .. }
        | HttpError::Late { .. }
        | HttpError::MediaType { .. }
        | HttpError::Body { .. } => cannot(error),
    }
}

/// By the statuses of [`http`](crate::http); what is wrong with the connection, or with our certificate, may pass.
fn unsent(error: &HttpError) -> SendError {
    let cause = error.to_string();
    match error {
        HttpError::Status { status: 422, .. } => SendError::Permanent { cause },
        HttpError::Status { status: 409, .. } => SendError::Unknown { cause },
        HttpError::Status { .. }
        | HttpError::Unreachable { .. }
        | HttpError::Broken { .. }
        | HttpError::Late { .. }
        | HttpError::MediaType { .. }
        | HttpError::Body { .. }
        | HttpError::Address(_) => SendError::Temporary { cause },
    }
}
