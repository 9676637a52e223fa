//! The operator's side: an order becomes a challenge of its own, and its end is signed. It knows no HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::{
    agreement::{Agreement, ProtocolOrder},
    challenge::{Challenge, ChallengeRequest, Waiting},
    code::TypedCode,
    digest::Sha256Digest,
    error::Error,
    id::{ChallengeId, Identifier, MessageId, RelyingPartyId, SessionId},
    message::SendError,
    operator::{CodeOrder, OperatorError, Verdict},
    person::Person,
    ports::{Operator, Ports},
    randomness::EntropyError,
    record::{Batch, Stored as _, Versioned},
    refusal::{Outcome, Refusal},
    secret::Secret,
    time::Timestamp,
    transaction::{Reference, Transaction},
    verifier::{End, Verifier, Waits},
};

use crate::{
    message::Order,
    record::Taken,
    statement::{KeyFault, Statement, StatementKey},
};

/// Where one client's orders are taken. Its verifier must know what of it waits: see [`awaited`].
pub struct Desk {
    /// Store, time, randomness and keys.
    pub ports: Ports,
    /// Makes and checks codes.
    pub verifier: Arc<Verifier>,
    /// The client.
    pub party: RelyingPartyId,
}

/// What became of an order.
enum Taking {
    /// Its message is in the outbox, now or since before.
    Sent,
    /// The client has another order of that name.
    OtherOrder,
    /// A limit of the phone or of the client is reached.
    Refused(Refusal),
    /// It was taken before, and another message of its challenge is asked for.
    Again { own: ChallengeId, session: SessionId },
}

impl Desk {
    /// Takes an order, unless it was taken before, and sends the code once for each message.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn take(&self, order: &Order, message: &MessageId) -> Result<(), SendError> {
        let begin = || self.begin(order, message);
        match self.ports.store.attempt(begin).await.map_err(not_now)? {
            Taking::Sent => Ok(()),
            Taking::OtherOrder => {
                let cause = "there is another order of that name".to_owned();
                Err(SendError::Permanent { cause })
            }
            Taking::Refused(refusal) => Err(refused(&refusal)),
            Taking::Again { own, session } => {
                self.send_again(&own, &session).await?;
                self.note(order, message).await.map_err(not_now)
            }
        }
    }

    /// Whether that is the code of an order: the attempt is counted, compared, and what is said of it is kept. A code that was
    /// accepted is accepted again, with the same words.
    ///
    /// # Errors
    /// When there is no such order, and when a port fails.
    pub async fn verdict(
        &self,
        challenge: &ChallengeId,
        order_sha256: &Sha256Digest,
        typed: &TypedCode,
    ) -> Result<Verdict, Error> {
        let id = Taken::id_of(&self.party, challenge);
        let store = &self.ports.store;
        let taken = store.expect::<Taken>(&id).await?.value;
        if taken.order.sha256() != *order_sha256 {
            return Err(Error::NotFound { collection: Taken::COLLECTION, id });
        }
        let refusal =
            match self.verifier.finish_challenge(&taken.challenge, &taken.session, typed).await? {
                Outcome::Done(_) => None,
                Outcome::Refused(Refusal::AlreadyUsed) => {
                    let own = store.expect::<Challenge>(taken.challenge.as_str()).await?.value;
                    let is_it = self.verifier.was_verified_by(&own, typed)?;
                    (!is_it).then_some(Refusal::AlreadyUsed)
                }
                Outcome::Refused(refusal) => Some(refusal),
            };
        if let Some(refusal) = refusal {
            return Ok(Verdict::Refused(refusal));
        }
        let statement = store.expect::<Taken>(&id).await?.value.statement;
        let unsaid = || Error::NotFound { collection: Taken::COLLECTION, id };
        statement.map(|statement| Verdict::Accepted { statement }).ok_or_else(unsaid)
    }

    async fn begin(&self, order: &Order, message: &MessageId) -> Result<(Batch, Taking), Error> {
        let Ports { store, entropy, clock, .. } = &self.ports;
        let (id, mut batch) = (Taken::id_of(&self.party, &order.challenge), Batch::default());
        if let Some(found) = store.find::<Taken>(&id).await? {
            let taking = if found.value.order != *order {
                Taking::OtherOrder
            } else if found.value.messages.contains(message) {
                Taking::Sent
            } else {
                let Taken { challenge: own, session, .. } = found.value;
                Taking::Again { own, session }
            };
            return Ok((batch, taking));
        }
        order.currency.must_be_payable(clock.now())?;
        let session = SessionId::random(entropy.as_ref())?;
        let waiting = Waiting { collection: Taken::COLLECTION.to_owned(), id: id.clone() };
        let request = self.request(order, session.clone(), waiting)?;
        let own = match self.verifier.add_challenge(request, &mut batch).await? {
            Outcome::Done(own) => own,
            Outcome::Refused(refusal) => return Ok((batch, Taking::Refused(refusal))),
        };
        batch.insert(&Taken {
            id,
            order: order.clone(),
            challenge: own.id().clone(),
            session,
            messages: vec![message.clone()],
            statement: None,
            expires_at: Some(own.expires_at()),
        })?;
        Ok((batch, Taking::Sent))
    }

    /// The client's name of the order stands for the goods and for the person's name, neither of which we are told: the
    /// subscriber is known by the number, which a name that can be printed must not hold.
    fn request(
        &self,
        order: &Order,
        session: SessionId,
        waiting: Waiting,
    ) -> Result<ChallengeRequest, Error> {
        let reference = Reference::try_from(order.challenge.as_str())?;
        let transaction =
            Transaction::new(order.amount()?, order.payee.clone(), reference, Vec::new())?;
        let protocol = ProtocolOrder { digest: order.digest.clone(), name: order.name.clone() };
        let person = Person {
            identifier: Identifier::try_from(order.challenge.as_str())?,
            address: order.number.clone().into(),
            session,
            locale: order.locale.clone(),
            origin: order.origin.clone(),
        };
        Ok(ChallengeRequest {
            relying_party: self.party.clone(),
            person,
            agreement: Agreement::Payment { transaction, account: None, order: Some(protocol) },
            from: None,
            waiting: Some(waiting),
            correlation: None,
        })
    }

    async fn send_again(&self, own: &ChallengeId, session: &SessionId) -> Result<(), SendError> {
        match self.verifier.resend(own, session).await.map_err(not_now)? {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refusal @ Refusal::TooSoon { .. }) => {
                Err(SendError::Temporary { cause: refusal.name().to_owned() })
            }
            // What was sent before is as good as it was.
            Outcome::Refused(refusal) => {
                Err(SendError::Unknown { cause: refusal.name().to_owned() })
            }
        }
    }

    /// A message that was sent is not sent again.
    async fn note(&self, order: &Order, message: &MessageId) -> Result<(), Error> {
        let note = |mut found: Versioned<Taken>| async move {
            let mut batch = Batch::default();
            found.value.messages.push(message.clone());
            batch.replace(&found)?;
            Ok((batch, ()))
        };
        self.ports.store.change(&Taken::id_of(&self.party, &order.challenge), note).await
    }
}

/// The operator in process.
#[async_trait]
impl Operator for Desk {
    async fn send(&self, order: &CodeOrder, message: &MessageId) -> Result<(), SendError> {
        self.take(&Order::from(order), message).await
    }

    async fn check(
        &self,
        order: &CodeOrder,
        typed: &Secret<String>,
    ) -> Result<Verdict, OperatorError> {
        let cannot = |error: Error| OperatorError::Unknown { cause: error.to_string() };
        let typed = TypedCode::try_from(typed.expose().clone());
        let typed = typed.map_err(|error| cannot(error.into()))?;
        let order = Order::from(order);
        self.verdict(&order.challenge, &order.sha256(), &typed).await.map_err(cannot)
    }
}

/// Nothing was sent. The pause between two messages is over soon; what else is refused, the message does not outlive.
fn refused(refusal: &Refusal) -> SendError {
    let cause = refusal.name().to_owned();
    if matches!(refusal, Refusal::TooSoon { .. }) {
        return SendError::Temporary { cause };
    }
    SendError::Permanent { cause }
}

/// Nothing was sent, and the same may be asked again.
fn not_now(error: Error) -> SendError {
    if let Some(refusal) = error.refusal() {
        return refused(&refusal);
    }
    match error {
        Error::Invalid(error) => SendError::Permanent { cause: error.to_string() },
        error => {
            tracing::error!(%error, "cannot take an order");
            SendError::Temporary { cause: error.to_string() }
        }
    }
}

/// Orders that wait for the code: what is said of one is signed and kept in the batch in which its code is accepted.
struct AwaitedOrders {
    ports: Ports,
    key: StatementKey,
}

#[async_trait]
impl Waits for AwaitedOrders {
    fn collection(&self) -> &'static str {
        Taken::COLLECTION
    }

    async fn ended(
        &self,
        id: &str,
        end: End<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let End::Verified(_) = end else { return Ok(()) };
        let found = self.ports.store.expect::<Taken>(id).await?;
        let statement = self.key.sign(&Statement::of(&found.value.order, now));
        // A signature needs randomness, and nothing else that could fail.
        let statement = statement.map_err(|KeyFault| EntropyError)?;
        batch.replace(&found.map(|taken| Taken { statement: Some(statement), ..taken }))?;
        Ok(())
    }
}

/// What waits for codes here, for [`Verifier::with_waiting`].
pub fn awaited(ports: &Ports, key: StatementKey) -> Arc<dyn Waits> {
    Arc::new(AwaitedOrders { ports: ports.clone(), key })
}
