//! Enrolment: a number goes into a certificate only after its holder typed back a code that was sent to it (F11.1 with
//! our own medicine).

use std::{fmt, str::FromStr, sync::Arc};

use countersign_certs::{Certificate, EndEntityKind, Request};
use countersign_domain::{
    address::Msisdn,
    agreement::Agreement,
    challenge::{Challenge, ChallengeRequest},
    code::TypedCode,
    error::Error,
    id::{ChallengeId, Identifier, RelyingPartyId, SessionId},
    invalid::InvalidInput,
    limits,
    locale::Locale,
    message::Message,
    origin::Origin,
    person::Person,
    ports::Ports,
    record::{Batch, Count},
    refusal::{Outcome, Refusal},
    verifier::Verifier,
};
use countersign_web::{client_address::ClientAddress, code_page::CodeView};

use crate::{
    error::AuthorityError, flow::CertificateAuthority, issuance::Issuance, message::in_message,
    record::ProvedNumber,
};

/// Codes that are sent to one number in a day at most: the person is not known yet, and a phone rings for each.
const MAX_CODES_A_DAY: u32 = 5;
/// RFC 5280 appendix A, `ub-common-name`.
const MAX_COMMON_NAME_CHARS: usize = 64;

/// People who enrol.
pub struct Enrolments {
    /// Issues the certificates.
    pub authority: Arc<CertificateAuthority>,
    /// Makes and checks codes.
    pub verifier: Arc<Verifier>,
    /// Store, time, randomness and keys.
    pub ports: Ports,
    /// The name that codes are sent in.
    pub relying_party: RelyingPartyId,
    /// What is issued to people.
    pub kind: EndEntityKind,
    /// The host of the page that asks for the code, for the message's origin-bound last line.
    pub origin: Origin,
}

/// An enrolment that waits for its code: this and the code together are issued a certificate.
#[derive(Clone, PartialEq)]
pub struct EnrolmentToken {
    challenge: ChallengeId,
    session: SessionId,
}

/// Without the session, which is half of the proof.
impl fmt::Debug for EnrolmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrolmentToken({}..)", self.challenge.as_str())
    }
}

/// As it is given to the person who enrols, and not for logs.
impl fmt::Display for EnrolmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.challenge.as_str(), self.session.as_str())
    }
}

impl FromStr for EnrolmentToken {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        let nothing = AuthorityError::NoEnrolment;
        let (challenge, session) = text.split_once('.').ok_or_else(|| nothing.clone())?;
        let session = session.to_owned().try_into().map_err(|_| nothing.clone())?;
        Ok(Self { challenge: challenge.to_owned().try_into().map_err(|_| nothing)?, session })
    }
}

impl EnrolmentToken {
    /// That of the enrolment which was begun at that session.
    pub(crate) const fn at(session: SessionId, challenge: ChallengeId) -> Self {
        Self { challenge, session }
    }

    /// Where a person's browser finds it again. The session is not in it: the browser has it as a cookie.
    pub(crate) fn path(&self) -> String {
        format!("/enrol/{}", self.challenge.as_str())
    }
}

/// An enrolment that was begun.
#[derive(Clone, Debug)]
pub struct Started {
    /// Names it.
    pub token: EnrolmentToken,
    /// What may be shown of its code.
    pub code: CodeView,
    /// Whether its code may be sent again at all: not after it was right.
    pub can_resend: bool,
}

impl Enrolments {
    /// Sends a code to the number, which is good at that session only.
    ///
    /// # Errors
    /// [`AuthorityError::Refused`] where a limit is reached, when the identifier is too long for a common name, and when a port
    /// fails.
    pub async fn start(
        &self,
        identifier: Identifier,
        number: Msisdn,
        session: SessionId,
        locale: Locale,
        ClientAddress(from): ClientAddress,
    ) -> Result<Started, AuthorityError> {
        if identifier.as_str().chars().count() > MAX_COMMON_NAME_CHARS {
            return Err(countersign_certs::Error::InvalidCommonName.into());
        }
        self.authority.check_common_name(identifier.as_str())?;
        let counted = self.one_more_code(&number)?;
        let request = ChallengeRequest {
            relying_party: self.relying_party.clone(),
            agreement: agreement(&identifier)?,
            person: Person {
                identifier,
                address: number.into(),
                session: session.clone(),
                locale,
                origin: Some(self.origin.clone()),
            },
            from,
            waiting: None,
            correlation: None,
        };
        let start = || async {
            let mut batch = Batch::default();
            let challenge = self.verifier.add_challenge(request.clone(), &mut batch).await?;
            batch.count(counted.clone());
            Ok((batch, challenge))
        };
        let challenge = Outcome::of(self.ports.store.attempt(start).await).map(Outcome::flat)?;
        let challenge = challenge.done().map_err(AuthorityError::Refused)?;
        self.started(&challenge, EnrolmentToken { challenge: challenge.id().clone(), session })
            .await
    }

    /// Whether what this serves can be done at all: to be asked before it is begun.
    ///
    /// # Errors
    /// [`AuthorityError::NumberHasNoPlace`], [`countersign_certs::Error::MayNotIssue`].
    pub fn check(&self) -> Result<(), AuthorityError> {
        if !self.kind.bears_number() {
            return Err(AuthorityError::NumberHasNoPlace);
        }
        if !self.authority.may_issue_to_people(self.kind) {
            return Err(countersign_certs::Error::MayNotIssue.into());
        }
        Ok(())
    }

    /// Looks at an enrolment again. One whose code was right and of which nothing came, as a process died in between, still waits
    /// for its code.
    ///
    /// # Errors
    /// [`AuthorityError::NoEnrolment`], [`AuthorityError::Refused`] when it is over, and when the store fails.
    pub async fn look(&self, token: &EnrolmentToken) -> Result<Started, AuthorityError> {
        let challenge = self.challenge(token).await?;
        let now = self.ports.clock.now();
        if challenge.may_prove_again(now)
            && !self.authority.has_issued_for(&token.challenge).await?
        {
            let mut again = self.started(&challenge, token.clone()).await?;
            (again.can_resend, again.code.resend_in_seconds) = (false, None);
            // The response that was right is not one of the wrong ones.
            again.code.attempts_left = again.code.attempts_left.saturating_add(1);
            return Ok(again);
        }
        // Nobody may have looked since its time ran out.
        let is_late = challenge.expires_at() <= now;
        match challenge.over().or_else(|| is_late.then_some(Refusal::Late)) {
            Some(refusal) => Err(AuthorityError::Refused(refusal)),
            None => self.started(&challenge, token.clone()).await,
        }
    }

    /// Sends the code of an enrolment once more: it counts as one of the number's codes of the day.
    ///
    /// # Errors
    /// [`AuthorityError::NoEnrolment`], [`AuthorityError::Refused`] when it is over, too soon, or a limit is reached, and when a
    /// port fails.
    pub async fn resend(&self, token: &EnrolmentToken) -> Result<(), AuthorityError> {
        let challenge = self.challenge(token).await?;
        let now = self.ports.clock.now();
        // What is refused anyhow is not counted.
        if challenge.over().is_none()
            && challenge.resend_wait_seconds(now) == Some(0)
            && let Some(number) = challenge.person().address.msisdn()
        {
            let batch = Batch { counts: vec![self.one_more_code(number)?], ..Batch::default() };
            let counted = self.ports.store.commit(batch).await.map_err(Error::from);
            Outcome::of(counted)?.done().map_err(AuthorityError::Refused)?;
        }
        let sent = self.verifier.resend(&token.challenge, &token.session).await?;
        sent.done().map(drop).map_err(AuthorityError::Refused)
    }

    /// One more of the codes that go to that number in a day.
    fn one_more_code(&self, number: &Msisdn) -> Result<Count, Error> {
        let of_number = ("enrolment-number-day", number.expose());
        limits::one_more_a_day(&self.ports.keys, of_number, MAX_CODES_A_DAY, self.ports.clock.now())
    }

    async fn started(
        &self,
        challenge: &Challenge,
        token: EnrolmentToken,
    ) -> Result<Started, AuthorityError> {
        let message =
            self.ports.store.expect::<Message>(challenge.last_message().as_str()).await?.value;
        let code = CodeView::of(challenge, &message, self.ports.clock.now());
        Ok(Started { token, code, can_resend: true })
    }

    /// The challenge's id alone, which logs have, says nothing. One of another flow that shares the store is none of ours, in
    /// whatever session it was begun: what its person agrees to by the code is not this certificate.
    async fn challenge(&self, token: &EnrolmentToken) -> Result<Challenge, AuthorityError> {
        let id = token.challenge.as_str();
        let found = self.ports.store.find::<Challenge>(id).await?;
        let found = found.map(|found| found.value).filter(|found| found.is_of(&token.session));
        let challenge = found.ok_or(AuthorityError::NoEnrolment)?;
        match *challenge.agreement() == agreement(&challenge.person().identifier)? {
            true => Ok(challenge),
            false => Err(AuthorityError::NoEnrolment),
        }
    }

    /// Issues a certificate when the code is typed back: in the name that the enrolment was begun with, with the number
    /// that the code went to, for the key of the request. `old` is the certificate that it takes the place of, which the
    /// holder has shown to have.
    ///
    /// What can be refused for another cause is refused before the code is used up, and a key that is certified after the code was
    /// seen to be right. The same code again, while its time lasts, gives the same certificate for the same key; and where the
    /// code was used up and nothing issued, as a process died in between, a certificate for that key or another.
    ///
    /// # Errors
    /// [`AuthorityError::Refused`], [`AuthorityError::NoEnrolment`], [`AuthorityError::KeyCertifiedBefore`],
    /// [`AuthorityError::OtherHolder`], and as [`CertificateAuthority::issue`].
    pub async fn finish(
        &self,
        token: &EnrolmentToken,
        code: &TypedCode,
        request: &Request,
        old: Option<&Certificate>,
    ) -> Result<Certificate, AuthorityError> {
        let challenge = self.challenge(token).await?;
        let old = match old {
            Some(certificate) => Some(self.authority.recognise(certificate).await?),
            None => None,
        };
        if let Some(old) = &old {
            let same_number = old.number.as_ref().map(ProvedNumber::number);
            let person = challenge.person();
            let same_name = old.common_name == person.identifier.as_str();
            if !same_name || same_number != person.address.msisdn() {
                return Err(AuthorityError::OtherHolder);
            }
        }
        let kind = old.as_ref().and_then(|old| EndEntityKind::from_name(&old.profile));
        let kind = kind.unwrap_or(self.kind);
        let name = challenge.person().identifier.as_str().to_owned();
        let mut issuance = Issuance::of(kind, request.key(), name);
        issuance.lifetime = self.authority.at_most(issuance.lifetime);
        let (id, session) = (&token.challenge, &token.session);
        let replaces = old.map(|old| old.serial);
        // Its certificate, or the answer with it, was lost with the process that made it.
        if let Some(verified) = self.verifier.verified_again(id, session, code).await? {
            if let Some(issued) = self.authority.issued_for(id, request.key()).await? {
                return Ok(issued);
            }
            issuance.number = ProvedNumber::of(&verified);
            return self.authority.issue_in_place_of(&issuance, replaces).await;
        }
        match self.authority.check_unproved(&issuance).await {
            // Whose key is certified is told to nobody without the phone; and the code stays good for another key.
            Err(certified @ AuthorityError::KeyCertifiedBefore { .. }) => {
                let tried = self.verifier.try_code(id, session, code).await?;
                return Err(tried.done().map_or_else(AuthorityError::Refused, |()| certified));
            }
            checked => checked?,
        }
        let answer = self.verifier.finish_challenge(id, session, code).await?;
        let verified = answer.done().map_err(AuthorityError::Refused)?;
        issuance.number = ProvedNumber::of(&verified);
        self.authority.issue_in_place_of(&issuance, replaces).await
    }
}

/// What is agreed to by the code: a certificate in that name.
fn agreement(identifier: &Identifier) -> Result<Agreement, InvalidInput> {
    Ok(Agreement::Certificate { name: in_message(identifier).try_into()? })
}
