//! The main flow: [`Verifier::start_challenge`] and [`Verifier::finish_challenge`].

mod answer;
mod ordered;
mod pins;
mod resend;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use async_trait::async_trait;

pub(crate) use self::ordered::order_of;
use crate::{
    challenge::{
        Attempt, Challenge, ChallengeRequest, Opening, State, Transition, Verified, Waiting,
    },
    code::{AuthenticationCode, TypedCode},
    error::Error,
    id::{ChallengeId, MessageId, RelyingPartyId, SessionId},
    limits::{self, Guard, Happened, Limits},
    person::Person,
    pin::{PinDemand, PinHasher},
    policy::Policy,
    ports::{Operator, Ports},
    record::{Batch, Step, Stored as _, Version, Versioned},
    refusal::{Outcome, Refusal},
    response::Response,
    time::Timestamp,
};

/// Makes and checks codes. Holds no state of its own: any process with the same store and keys can finish what another
/// began.
///
/// Patent: *serveur de données*, *serveur d'authentification* 1306.
pub struct Verifier {
    ports: Ports,
    policy: Policy,
    waits: BTreeMap<&'static str, Arc<dyn Waits>>,
    operator: Option<Operated>,
    limits: Limits,
    pins: Option<Arc<dyn PinHasher>>,
    watch: Option<Watch>,
}

/// What is told of each refusal, such as a counter.
pub type Watch = Arc<dyn Fn(&Refusal) + Send + Sync>;

/// Whose payments' codes an operator computes.
struct Operated {
    party: RelyingPartyId,
    operator: Arc<dyn Operator>,
}

/// A flow whose records wait for challenges: a payment, a login, a message.
///
/// It adds what the end of a challenge means to its record to the very batch in which the challenge ends, so that no
/// crash can come in between and no further commit is paid for.
#[async_trait]
pub trait Waits: Send + Sync {
    /// The collection of the records that wait.
    fn collection(&self) -> &'static str;

    /// Whether what the code opens is an account from which payments are made: to see it is asked for as a payment is (PSD2
    /// art. 97(1)(a)).
    fn is_account(&self) -> bool {
        false
    }

    /// Adds to `batch` what this end means to the record `id`.
    ///
    /// It is asked about ends that do not come, too: what a right code would mean is added to a batch of its own before the code
    /// is looked at, whoever typed what (decision 49). So it reads, and fills the batch, and does nothing else.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](crate::record::StoreError::Conflict) when the record cannot take the end any more: the
    /// challenge was ended, and the record with it, after the challenge was read, and will be looked at again. Otherwise
    /// when a port fails; then nothing is committed.
    async fn ended(
        &self,
        id: &str,
        end: End<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error>;
}

/// How a challenge ended.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// The person typed back the code, once the batch is committed.
    Verified(&'a Verified),
    /// It will not be answered.
    Refused(&'a Refusal),
}

impl Verifier {
    /// A verifier over those ports, under that policy.
    pub fn new(ports: Ports, policy: Policy) -> Self {
        let limits = Limits::default();
        let waits = BTreeMap::new();
        Self { ports, policy, waits, operator: None, limits, pins: None, watch: None }
    }

    /// Each refusal is told to that, but those that a store gives in the commit, where no other trace of one is left: no fact,
    /// as nothing happened.
    #[must_use]
    pub fn with_watch(mut self, watch: Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// A flow refuses something by a limit of its own.
    pub fn refuses(&self, refusal: &Refusal) {
        if let Some(watch) = &self.watch {
            watch(refusal);
        }
    }

    fn watched<T>(&self, outcome: Outcome<T>) -> Outcome<T> {
        if let Outcome::Refused(refusal) = &outcome {
            self.refuses(refusal);
        }
        outcome
    }

    /// Under other limits of a phone, of a client and of a relying party than those by default.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Records of this flow may wait for challenges.
    #[must_use]
    pub fn with_waiting(mut self, flow: Arc<dyn Waits>) -> Self {
        self.waits.insert(flow.collection(), flow);
        self
    }

    /// The codes of that relying party's payments are computed, sent and compared by that operator (F12.v1), where they have
    /// an order of their own: both sides make the short reference of its name.
    #[must_use]
    pub fn with_operator(mut self, party: RelyingPartyId, operator: Arc<dyn Operator>) -> Self {
        self.operator = Some(Operated { party, operator });
        self
    }

    /// The policy that it follows.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Makes a code and puts the message with it into the outbox, both in one commit (F4.202 to F4.204).
    ///
    /// # Errors
    /// When a port fails.
    pub async fn start_challenge(
        &self,
        request: ChallengeRequest,
    ) -> Result<Outcome<Challenge>, Error> {
        let start = || async {
            let mut batch = Batch::default();
            let challenge = self.add_challenge(request.clone(), &mut batch).await?;
            Ok((batch, challenge))
        };
        Outcome::of(self.ports.store.attempt(start).await).map(Outcome::flat)
    }

    /// Checks what was typed back (F4.208 to F4.210). The answer is given after it is durable, and with it that it was tried.
    ///
    /// # Errors
    /// When there is no such challenge, or a port fails.
    pub async fn finish_challenge(
        &self,
        id: &ChallengeId,
        session: &SessionId,
        response: impl Into<Response>,
    ) -> Result<Outcome<Verified>, Error> {
        Ok(self.watched(self.check(id, session, response.into()).await?))
    }

    async fn check(
        &self,
        id: &ChallengeId,
        session: &SessionId,
        response: Response,
    ) -> Result<Outcome<Verified>, Error> {
        let found = self.ports.store.expect::<Challenge>(id.as_str()).await?;
        Self::must_be_settable(&found.value, &response)?;
        if found.value.key.is_none() {
            return self.ask_operator(found, session, &response).await;
        }
        if found.value.pin() == PinDemand::No {
            return self.answer(found, session, &response.code).await;
        }
        // A PIN is slow to compare: the attempt is counted in a commit before it, so that many at once cost no more of that
        // than are counted.
        let (counted, attempt) = match self.count(found, session).await? {
            Outcome::Done(counted) => counted,
            Outcome::Refused(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let code_is_right = self.is_right(&counted.value, &response.code)?;
        self.conclude_response(counted, attempt, code_is_right, &response).await
    }

    /// Whether that is the code of a challenge that is somebody's. The same work is done for nobody's.
    fn is_right(&self, challenge: &Challenge, typed: &TypedCode) -> Result<bool, Error> {
        let ordered = || not_now(challenge, "ordered from an operator");
        let key = self.ports.keys.code_key(challenge.key.as_ref().ok_or_else(ordered)?)?;
        let code = AuthenticationCode::derive(key, &challenge.binding, challenge.digits)?;
        Ok(code.matches(typed) & !challenge.of_nobody)
    }

    /// Whether a challenge was verified, and that is its code: what was answered once may be answered again.
    ///
    /// # Errors
    /// When the key is in the key ring no more.
    pub fn was_verified_by(&self, challenge: &Challenge, typed: &TypedCode) -> Result<bool, Error> {
        let (State::Verified { .. }, Some(key)) = (&challenge.state, &challenge.key) else {
            return Ok(false);
        };
        let key = self.ports.keys.code_key(key)?;
        Ok(AuthenticationCode::derive(key, &challenge.binding, challenge.digits)?.matches(typed))
    }

    /// The proof of a certificate's challenge once more, for one who types its code again while its time lasts: what had to follow
    /// may have been lost with the process that had the proof. A flow that takes it makes sure that it is used once, by a record
    /// that bears the challenge's id, in the commit that uses it. None where the challenge
    /// [may not prove again](Challenge::may_prove_again); a wrong code is counted with it.
    ///
    /// # Errors
    /// When there is no such challenge, or a port fails.
    pub async fn verified_again(
        &self,
        id: &ChallengeId,
        session: &SessionId,
        typed: &TypedCode,
    ) -> Result<Option<Verified>, Error> {
        let change = |found: Versioned<Challenge>| async move {
            let (now, mut batch) = (self.ports.clock.now(), Batch::default());
            if !found.value.is_of(session) || !found.value.may_prove_again(now) {
                return Ok((batch, None));
            }
            let is_right = self.was_verified_by(&found.value, typed)?;
            let proof = is_right.then(|| Verified::of(&found.value));
            // Both are committed against the version that was read: of codes that come at once, none is compared uncounted.
            match is_right {
                true => batch.replace(&found)?,
                false => drop(batch.step(found.version, found.value.count_wrong_again(), now)?),
            }
            Ok((batch, proof))
        };
        self.ports.store.change(id.as_str(), change).await
    }

    /// Ends a challenge because the person or the relying party called it off; one that is over stays as it is.
    ///
    /// # Errors
    /// When there is no such challenge, or a port fails.
    pub async fn cancel(&self, id: &ChallengeId) -> Result<(), Error> {
        self.close(id, |challenge, now| challenge.refuse(Refusal::Cancelled, now)).await
    }

    /// Ends a challenge whose time has run out; one that has time left, or is over, stays as it is.
    ///
    /// # Errors
    /// When there is no such challenge, or a port fails.
    pub async fn expire(&self, id: &ChallengeId) -> Result<(), Error> {
        self.close(id, Challenge::expire).await
    }

    /// As [`start_challenge`](Self::start_challenge), into a batch that a flow commits together with a record of its own. When
    /// it is refused, nothing was added. The commit may still refuse it: see [`Outcome::of`]; and may conflict with what else
    /// happens to the phone: then all is made again.
    ///
    /// # Errors
    /// When a port fails, or nothing here knows what waits for it.
    pub async fn add_challenge(
        &self,
        request: ChallengeRequest,
        batch: &mut Batch,
    ) -> Result<Outcome<Challenge>, Error> {
        let now = self.ports.clock.now();
        let begun = self.begin(request, now)?;
        self.add_within_limits(begun, now, batch).await
    }

    /// As [`add_challenge`](Self::add_challenge), where it may not be told whether somebody is known (ASVS 6.3.8): of a person
    /// who is not, or whose number no message goes to, nothing is sent, no code is right, and all else is as it is for others;
    /// its limits, too, as one that is told would tell who is known.
    ///
    /// # Errors
    /// As [`add_challenge`](Self::add_challenge).
    pub async fn add_untold_challenge(
        &self,
        request: ChallengeRequest,
        is_known: bool,
        batch: &mut Batch,
    ) -> Result<Outcome<Challenge>, Error> {
        let now = self.ports.clock.now();
        let mut begun = self.begin(request, now)?;
        begun.next.of_nobody = !is_known || !self.limits.serves_person(begun.next.person());
        self.add_within_limits(begun, now, batch).await
    }

    async fn add_within_limits(
        &self,
        begun: Step<Challenge>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Outcome<Challenge>, Error> {
        if let Some(refusal) = self.guard().start(&begun.next, now, batch).await? {
            return Ok(self.watched(Outcome::Refused(refusal)));
        }
        begun.next.message(now).insert_into(batch)?;
        Ok(Outcome::Done(batch.begin(begun, now)?))
    }

    /// Why a payment of that person would not be asked about now, if so: to be known before the bank holds anything.
    pub(crate) async fn refusal_to_wait(&self, person: &Person) -> Result<Option<Refusal>, Error> {
        let refusal = self.guard().refusal_to_wait(&person.address, self.ports.clock.now()).await?;
        refusal.iter().for_each(|refusal| self.refuses(refusal));
        Ok(refusal)
    }

    /// Counts a message that will be asked for from that address, where the message itself is asked for later.
    ///
    /// # Errors
    /// When the ring has no current key.
    pub(crate) fn count_client(
        &self,
        from: Option<IpAddr>,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let client = limits::client(&self.ports.keys, from)?;
        self.guard().count_client(client.as_deref(), self.ports.clock.now(), batch);
        Ok(())
    }

    const fn guard(&self) -> Guard<'_> {
        Guard { ports: &self.ports, limits: &self.limits }
    }

    /// A challenge of which nothing is sent and no code is right, where not even a limit may be told: all that is answered is
    /// as it is for others (ASVS 6.3.8).
    ///
    /// # Errors
    /// As [`Self::add_challenge`].
    pub fn add_challenge_of_nobody(
        &self,
        request: ChallengeRequest,
        batch: &mut Batch,
    ) -> Result<Challenge, Error> {
        let now = self.ports.clock.now();
        let mut begun = self.begin(request, now)?;
        begun.next.of_nobody = true;
        begun.next.message(now).insert_into(batch)?;
        Ok(batch.begin(begun, now)?)
    }

    fn begin(&self, request: ChallengeRequest, now: Timestamp) -> Result<Step<Challenge>, Error> {
        let entropy = self.ports.entropy.as_ref();
        let waiting = request.waiting.as_ref().map(|waiting| self.flow_of(waiting)).transpose()?;
        let is_ordered = self.orders(&request);
        let opens_account = waiting.is_some_and(Waits::is_account);
        let pin = match self.policy.pin_of(&request.agreement, opens_account) {
            // An operator's yes to a code is for what waits, and not for a PIN.
            PinDemand::AskOrSet if is_ordered => PinDemand::Ask,
            pin => pin,
        };
        let opening = Opening {
            id: ChallengeId::made_at(now, entropy)?,
            key: (!is_ordered).then(|| self.ports.keys.current().clone()),
            message: MessageId::made_at(now, entropy)?,
            pin,
            client: limits::client(&self.ports.keys, request.from)?,
        };
        Ok(Challenge::begin(request, opening, self.policy.limits(), now))
    }

    /// Adds the end of a challenge that was not verified to a batch, with what it means to whatever waits for it.
    pub(crate) async fn add_end(
        &self,
        version: Version,
        ended: Step<Challenge>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        self.guard().end(&ended.next, Happened::Ended, now, batch).await?;
        self.add_told_end(version, ended, now, batch).await
    }

    async fn add_told_end(
        &self,
        version: Version,
        ended: Step<Challenge>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let ended = batch.step(version, ended, now)?.value;
        match ended.over() {
            Some(refusal) => self.tell(&ended, End::Refused(&refusal), now, batch).await,
            None => Ok(()),
        }
    }

    /// Whether the flow of what waits for a challenge runs in this process.
    pub(crate) fn can_end(&self, challenge: &Challenge) -> bool {
        challenge.waiting.as_ref().is_none_or(|waiting| self.flow_of(waiting).is_ok())
    }

    /// Counts an attempt and commits the count.
    async fn count(
        &self,
        found: Versioned<Challenge>,
        session: &SessionId,
    ) -> Result<Outcome<(Versioned<Challenge>, Attempt)>, Error> {
        let change = |found: Versioned<Challenge>| async move {
            let now = self.ports.clock.now();
            let mut batch = Batch::default();
            let outcome = match found.value.count_attempt(session, now) {
                Transition::Refused(refusal) => Outcome::Refused(refusal),
                Transition::Ended(step, refusal) => {
                    self.add_end(found.version, step, now, &mut batch).await?;
                    Outcome::Refused(refusal)
                }
                Transition::Made(step, attempt) => {
                    match self.guard().count(&step.next, now, &mut batch).await? {
                        Some(refusal) => Outcome::Refused(refusal),
                        None => Outcome::Done((batch.step(found.version, step, now)?, attempt)),
                    }
                }
            };
            Ok((batch, outcome))
        };
        self.ports.store.change_found(found, change).await
    }

    /// Commits what a counted attempt comes to, together with what it means to whatever waits for the challenge.
    async fn conclude(
        &self,
        counted: Versioned<Challenge>,
        conclusion: impl Fn(Challenge, Timestamp) -> Transition<Verified>,
    ) -> Result<Outcome<Verified>, Error> {
        let conclusion = &conclusion;
        let change = |found: Versioned<Challenge>| async move {
            let now = self.ports.clock.now();
            let mut batch = Batch::default();
            let before = found.clone();
            let transition = conclusion(found.value, now);
            let outcome = self.add_conclusion(&before, transition, now, &mut batch).await?;
            Ok((batch, outcome))
        };
        self.ports.store.change_found(counted, change).await
    }

    /// Adds a conclusion to a batch, with what it means to whatever waits for the challenge.
    async fn add_conclusion(
        &self,
        before: &Versioned<Challenge>,
        conclusion: Transition<Verified>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Outcome<Verified>, Error> {
        // Others may have been answered meanwhile: what an operator says is not told in a block, whatever it is.
        if before.value.counts_with_verdict()
            && let Some(refusal) = self.guard().refusal(&before.value, now).await?
        {
            return Ok(Outcome::Refused(refusal));
        }
        Ok(match conclusion {
            Transition::Refused(refusal) => {
                if is_failure(&before.value, &refusal) {
                    self.guard().end(&before.value, Happened::Failed, now, batch).await?;
                }
                Outcome::Refused(refusal)
            }
            Transition::Ended(step, refusal) => {
                let happened = match refusal {
                    Refusal::PinSet => Happened::Proved,
                    _ if is_failure(&before.value, &refusal) => Happened::FailedAndEnded,
                    _ => Happened::Ended,
                };
                self.guard().end(&step.next, happened, now, batch).await?;
                self.add_told_end(before.version, step, now, batch).await?;
                Outcome::Refused(refusal)
            }
            Transition::Made(step, proof) => {
                self.guard().end(&step.next, Happened::Proved, now, batch).await?;
                let verified = batch.step(before.version, step, now)?;
                self.tell(&verified.value, End::Verified(&proof), now, batch).await?;
                Outcome::Done(proof)
            }
        })
    }

    async fn close(
        &self,
        id: &ChallengeId,
        transition: fn(Challenge, Timestamp) -> Option<Step<Challenge>>,
    ) -> Result<(), Error> {
        let change = |found: Versioned<Challenge>| async move {
            let now = self.ports.clock.now();
            let mut batch = Batch::default();
            if let Some(step) = transition(found.value, now) {
                self.add_end(found.version, step, now, &mut batch).await?;
            }
            Ok((batch, ()))
        };
        self.ports.store.change(id.as_str(), change).await
    }

    /// Tells whatever waits for a challenge how it ended.
    async fn tell(
        &self,
        challenge: &Challenge,
        end: End<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        match &challenge.waiting {
            Some(waiting) => self.flow_of(waiting)?.ended(&waiting.id, end, now, batch).await,
            None => Ok(()),
        }
    }

    fn flow_of(&self, waiting: &Waiting) -> Result<&dyn Waits, Error> {
        let flow = self.waits.get(waiting.collection.as_str());
        let unknown = || Error::NobodyWaits { collection: waiting.collection.clone() };
        flow.map(AsRef::as_ref).ok_or_else(unknown)
    }
}

fn not_now(challenge: &Challenge, state: &'static str) -> Error {
    Error::NotNow { collection: Challenge::COLLECTION, id: challenge.id().to_string(), state }
}

/// Whether a refusal means that something wrong was typed. Ours always does, once it was counted; an operator says other things,
/// too.
const fn is_failure(challenge: &Challenge, refusal: &Refusal) -> bool {
    challenge.key.is_some()
        || matches!(refusal, Refusal::WrongCode { .. } | Refusal::TooManyAttempts)
}
