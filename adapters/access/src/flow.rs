//! The flow of figures 4 and 5: start, type the code, end.

use std::{collections::BTreeMap, sync::Arc};

use countersign_domain::{
    agreement::Agreement,
    challenge::{Challenge, ChallengeRequest, State},
    error::Error,
    event::Fact,
    id::{ChallengeId, Identifier, RelyingPartyId, SessionId},
    invalid::{Field, InvalidInput},
    limits,
    message::Message,
    origin::Origin,
    person::Person,
    ports::{Directory, Ports},
    record::{Batch, StoreError, Stored as _},
    refusal::{Outcome, Refusal},
    relying_party::RelyingParty,
    response::Response,
    subscriber::Subscriber,
    verifier::Verifier,
};
use countersign_web::{
    code_page::CodeView, correlation::given_or_new, idempotency, untold::before_the_code,
};

use crate::{
    error::AccessError,
    message::NewChallenge,
    view::{ChallengeView, StartedView, Status, VerifiedView},
};

/// The hosts of each relying party's own pages.
pub type Origins = BTreeMap<RelyingPartyId, Vec<Origin>>;

/// The challenges of relying parties that have pages of their own. Holds no state of its own.
pub struct Challenges {
    /// Store, time, randomness and keys.
    pub ports: Ports,
    /// Which phone is vouched for which person.
    pub directory: Arc<dyn Directory>,
    /// Makes and checks codes.
    pub verifier: Arc<Verifier>,
    /// Hosts that messages may be bound to.
    pub origins: Origins,
}

impl Challenges {
    /// Sends a code to the person's phone (F4.200 to F4.204); asked again under the same `Idempotency-Key`, gives the same
    /// challenge and session.
    ///
    /// The session is made here and not taken from the relying party: it is half of the proof, and must not be guessed.
    ///
    /// A person whom nobody knows gets the same answers and no code, unless the relying party has it told (ASVS 6.3.8).
    ///
    /// # Errors
    /// When the key was used for something else, the origin is not the relying party's, a person who is not known may be told
    /// so, or a port fails.
    pub async fn start(
        &self,
        party: &RelyingParty,
        new: NewChallenge,
        request: &idempotency::Request,
    ) -> Result<StartedView, AccessError> {
        if let Some(answered) = self.answered(party, request).await? {
            return Ok(answered);
        }
        self.check_origin(&party.id, new.origin.as_ref())?;
        if let Some(transaction) = new.agreement.transaction() {
            let currency = transaction.amount().currency();
            currency.must_be_payable(self.ports.clock.now()).map_err(Error::from)?;
        }
        let (person, is_known) = match self.directory.by_identifier(&new.identifier).await? {
            Some(person) => (person, true),
            None if party.tells_unknown => return Err(AccessError::UnknownPerson),
            None => (nobody(new.identifier)?, false),
        };
        let entropy = self.ports.entropy.as_ref();
        let correlation = given_or_new(new.correlation, entropy)?;
        let asked = ChallengeRequest {
            relying_party: party.id.clone(),
            person: Person {
                identifier: person.identifier,
                address: person.address,
                session: SessionId::random(entropy)?,
                locale: new.locale,
                origin: new.origin,
            },
            agreement: new.agreement,
            // The person is at the relying party's own page.
            from: new.client,
            waiting: None,
            correlation: Some(correlation),
        };
        let start = || async {
            let mut batch = Batch::default();
            let verifier = &self.verifier;
            let begun = match party.tells_unknown {
                true => verifier.add_challenge(asked.clone(), &mut batch).await?,
                false => verifier.add_untold_challenge(asked.clone(), is_known, &mut batch).await?,
            };
            let challenge = match begun.done() {
                Ok(challenge) => challenge,
                Err(refusal) => return Ok((Batch::default(), Ok(Outcome::Refused(refusal)))),
            };
            if let Some(answered) = request.record(challenge.id().clone(), self.ports.clock.now()) {
                batch.insert(&answered)?;
            }
            let committed = self.ports.store.commit(batch).await.map_err(Error::from);
            match Outcome::of(committed.map(|()| challenge)) {
                Err(error) if limits::is_contended(&error) => Err(error),
                committed => Ok((Batch::default(), committed)),
            }
        };
        match self.ports.store.attempt(start).await? {
            Ok(Outcome::Done(challenge)) => self.started(party, &challenge).await,
            Ok(Outcome::Refused(refusal)) => Err(AccessError::Refused(refusal)),
            // The same request was answered meanwhile: the same answer is given.
            Err(error @ Error::Store(StoreError::Conflict { .. })) => {
                self.answered(party, request).await?.ok_or_else(|| error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A challenge as it stands; another relying party's is not found.
    ///
    /// # Errors
    /// When there is none, or a port fails.
    pub async fn view(
        &self,
        party: &RelyingParty,
        id: &ChallengeId,
    ) -> Result<ChallengeView, AccessError> {
        self.view_of(party, &self.owned(party, id).await?).await
    }

    /// Takes what the person typed back (F4.208 to F4.210). A code is good once: of two right responses one is told so.
    ///
    /// # Errors
    /// The refusal with its cause, and when a port fails.
    pub async fn finish(
        &self,
        party: &RelyingParty,
        id: &ChallengeId,
        session: &SessionId,
        response: Response,
    ) -> Result<VerifiedView, AccessError> {
        let challenge = self.owned(party, id).await?;
        match self.verifier.finish_challenge(id, session, response).await? {
            Outcome::Done(proof) => Ok(VerifiedView::of(&proof, &challenge)),
            Outcome::Refused(refusal) => Err(AccessError::Refused(refusal)),
        }
    }

    /// Sends the code once more.
    ///
    /// # Errors
    /// The refusal with its cause, and when a port fails.
    pub async fn resend(
        &self,
        party: &RelyingParty,
        id: &ChallengeId,
        session: &SessionId,
    ) -> Result<ChallengeView, AccessError> {
        self.owned(party, id).await?;
        match self.verifier.resend(id, session).await? {
            Outcome::Done(challenge) => self.view_of(party, &challenge).await,
            Outcome::Refused(refusal) => Err(AccessError::Refused(refusal)),
        }
    }

    /// Ends a challenge on the relying party's behalf; one that it cancelled before stays so.
    ///
    /// # Errors
    /// When it ended in another way, and when a port fails.
    pub async fn cancel(
        &self,
        party: &RelyingParty,
        id: &ChallengeId,
    ) -> Result<ChallengeView, AccessError> {
        self.owned(party, id).await?;
        self.verifier.cancel(id).await?;
        let challenge = self.owned(party, id).await?;
        match challenge.state() {
            State::Refused { reason: Refusal::Cancelled, .. } => {
                self.view_of(party, &challenge).await
            }
            State::Pending
            | State::Verified { .. }
            | State::Refused { .. }
            | State::Expired { .. } => {
                let status = Status::of(&challenge, self.ports.clock.now());
                Err(AccessError::NotNow(status.name()))
            }
        }
    }

    /// Everything that happened to a challenge, in order (A2, RTS art. 29).
    ///
    /// # Errors
    /// When there is none, or a port fails.
    pub async fn trace(
        &self,
        party: &RelyingParty,
        id: &ChallengeId,
    ) -> Result<Vec<Fact>, AccessError> {
        let challenge = self.owned(party, id).await?;
        let facts = self.ports.store.facts(&challenge.key()).await?;
        if is_told(party, &challenge) {
            return Ok(facts);
        }
        Ok(facts.into_iter().filter_map(before_the_code).collect())
    }

    /// What was answered to the same request before.
    async fn answered(
        &self,
        party: &RelyingParty,
        request: &idempotency::Request,
    ) -> Result<Option<StartedView>, AccessError> {
        match request.answered::<ChallengeId>(self.ports.store.as_ref()).await? {
            Some(id) => Ok(Some(self.started(party, &self.owned(party, &id).await?).await?)),
            None => Ok(None),
        }
    }

    async fn started(
        &self,
        party: &RelyingParty,
        challenge: &Challenge,
    ) -> Result<StartedView, AccessError> {
        let view = self.view_of(party, challenge).await?;
        Ok(StartedView::new(&challenge.person().session, view))
    }

    async fn view_of(
        &self,
        party: &RelyingParty,
        challenge: &Challenge,
    ) -> Result<ChallengeView, AccessError> {
        let now = self.ports.clock.now();
        if !is_told(party, challenge) {
            let code = CodeView::untold(challenge, now);
            return Ok(ChallengeView::of(challenge, code, now));
        }
        let message = challenge.last_message().as_str();
        let message = self.ports.store.expect::<Message>(message).await?.value;
        Ok(ChallengeView::of(challenge, CodeView::of(challenge, &message, now), now))
    }

    /// A message bound to another's page would have a browser type the code there.
    fn check_origin(
        &self,
        party: &RelyingPartyId,
        origin: Option<&Origin>,
    ) -> Result<(), AccessError> {
        let of_party = self.origins.get(party).map_or(&[][..], Vec::as_slice);
        match origin {
            Some(origin) if !of_party.contains(origin) => {
                let why = "is not configured for this relying party";
                Err(Error::from(InvalidInput::new(Field::Origin, why)).into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A challenge that something waits for, such as a payment, or that is about something else, such as a certificate, is
    /// the business of the flow that began it.
    async fn owned(
        &self,
        party: &RelyingParty,
        id: &ChallengeId,
    ) -> Result<Challenge, AccessError> {
        let challenge = self.ports.store.expect::<Challenge>(id.as_str()).await?.value;
        let is_ours = match challenge.agreement() {
            Agreement::Access { .. } | Agreement::Payment { .. } => challenge.waiting().is_none(),
            Agreement::Certificate { .. } | Agreement::Document(_) => false,
        };
        if is_ours && *challenge.relying_party() == party.id {
            return Ok(challenge);
        }
        Err(Error::NotFound { collection: Challenge::COLLECTION, id: id.to_string() }.into())
    }
}

/// Whether a relying party may be told what there is of a phone: after the code in any case.
fn is_told(party: &RelyingParty, challenge: &Challenge) -> bool {
    party.tells_unknown || matches!(challenge.state(), State::Verified { .. })
}

/// Somebody whom nobody knows, under what was asked for.
fn nobody(identifier: Identifier) -> Result<Subscriber, InvalidInput> {
    let by = identifier.as_str().to_owned();
    Subscriber::nobody(identifier, &by)
}
