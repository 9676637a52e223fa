//! A wish for a certificate: is it for a card that is vouched for? Then a code goes to its phone, if it has one. One for a
//! merchant or a gateway waits for the operator.

use countersign_domain::{
    agreement::Agreement,
    binding::ShortReference,
    card::Card,
    challenge::{Challenge, ChallengeRequest},
    digest::Sha256Digest,
    error::Error,
    id::{ChallengeId, SessionId},
    locale::Locale,
    person::Person,
    record::{Batch, Version},
    refusal::Refusal,
    subscriber::Subscriber,
    time::Timestamp,
};
use countersign_web::client_address::ClientAddress;
use tokio::time::Instant;

use super::{
    Asked, RegistrationAuthority, Reply, Standing,
    record::{CodesAsked, Registration},
};
use crate::{
    asn1::{Received, Text},
    gateway::as_long_as_any,
    message::{
        failure::ErrorCode,
        registration::{
            CardWish, CertReq, CertReqTbs, CertStatusCode, CertSubject, RegCodeStart,
            RegFormOrReferral, RegFormResTbs,
        },
        wrapper::{Message, MessageHeader},
    },
    name::{card_of, generalized_time, is_past, random},
    stop::Stop,
    wire::is_untimely,
};

/// Codes that are asked for with one card in a day at most: the person is not known yet, and a phone rings for each.
const MAX_CODES_A_DAY: u8 = 5;

/// A wish for a certificate in which everything fits.
struct Checked {
    card: Card,
    session: SessionId,
    /// The count of codes asked for with this card, and which version it replaces.
    counted: (Option<Version>, CodesAsked),
}

impl RegistrationAuthority {
    /// A wish for a certificate (SET book 2, the authority's checks on CertReq).
    pub(super) async fn request(
        &self,
        header: &MessageHeader,
        request: &CertReq,
        client: ClientAddress,
        begun: Instant,
    ) -> Result<Vec<u8>, Stop> {
        let asked = self.authentic(request, header, |tbs: &CertReqTbs| &tbs.rrpid)?;
        let id = Self::request_id(&asked.key, &header.rrpid);
        if let Some(answer) = self.answered(&id, asked.digest.as_bytes()).await? {
            return Ok(answer);
        }
        let kept = match self.take(&asked, &id, Some(client)).await {
            // A limit of the phone was reached in the commit: it is told to nobody.
            Err(stop) if stop.is_limit() => self.take(&asked, &id, None).await,
            kept => kept,
        }?;
        as_long_as_any(begun, self.ports.entropy.as_ref()).await;
        Ok(kept)
    }

    /// Commits what comes of the wish with its answer.
    async fn take(
        &self,
        asked: &Asked<CertReqTbs>,
        id: &str,
        rings: Option<ClientAddress>,
    ) -> Result<Vec<u8>, Stop> {
        let mut batch = Batch::default();
        let standing = match &asked.tbs.subject {
            CertSubject::Card(wish) => self.ask_phone(asked, wish, rings, &mut batch).await?,
            CertSubject::Business(wish) => self.wait_for_operator(asked, wish, &mut batch).await?,
        };
        let reply = Reply {
            rrpid: &asked.tbs.rrpid,
            lid_ee: &asked.tbs.lid_ee,
            chall_ee3: &asked.tbs.chall_ee3,
            back_key: &asked.tbs.ca_back_key,
            h_cert_req: asked.digest.clone(),
        };
        let message = self.told(standing, reply, Message::CertRes)?;
        self.keep(batch, id.to_owned(), asked.digest.as_bytes(), message).await
    }

    /// A cardholder's wish.
    async fn ask_phone(
        &self,
        asked: &Asked<CertReqTbs>,
        wish: &CardWish,
        rings: Option<ClientAddress>,
        batch: &mut Batch,
    ) -> Result<Standing, Stop> {
        let form = self.own_form(asked, wish)?;
        // A key is certified once, and the one that has it may have its certificate again.
        if let Some(certificates) = self.issuer.certified(&asked.key).await? {
            return Ok(Standing::complete(certificates));
        }
        match self.check(asked, wish, &form).await? {
            Ok(checked) => self.ask(checked, asked, &wish.language, rings, batch).await,
            Err(status) => Ok(status.into()),
        }
    }

    /// The form that comes back, if it is of this authority and this registration.
    fn own_form(&self, asked: &Asked<CertReqTbs>, wish: &CardWish) -> Result<RegFormResTbs, Stop> {
        let form = wish.reg_form_res.verify_own(&self.keys.certificate);
        let form = form.ok().filter(|form| form.lid_ee == asked.tbs.lid_ee);
        form.map(Received::into_value).ok_or(Stop::Told(ErrorCode::SignatureFailure))
    }

    /// Checks the wish. The inner error is the answer to it; none of them tells whether the card is known.
    async fn check(
        &self,
        asked: &Asked<CertReqTbs>,
        wish: &CardWish,
        form: &RegFormResTbs,
    ) -> Result<Result<Checked, CertStatusCode>, Stop> {
        let now = self.ports.clock.now();
        if matches!(form.reg_form_or_referral, RegFormOrReferral::Referral(_)) {
            return Ok(Err(CertStatusCode::InvalidBin));
        }
        if is_untimely(&form.date, now) {
            return Ok(Err(CertStatusCode::RequestRejected));
        }
        let pan_data = &wish.pan_data;
        let Ok(card) = card_of(&pan_data.pan, &pan_data.card_expiry) else {
            return Ok(Err(CertStatusCode::InvalidBin));
        };
        if !self.settings.vouches_for(card.expose_number()) {
            return Ok(Err(CertStatusCode::InvalidBin));
        }
        if is_past(&card, now) {
            return Ok(Err(CertStatusCode::CardExpired));
        }
        let Some(counted) = self.counted(&card, now).await? else {
            let left = CodesAsked::end_of(now).seconds_from(now);
            self.verifier.refuses(&Refusal::MessageLimit { wait_seconds: left });
            return Ok(Err(CertStatusCode::TooManyCodes));
        };
        let session = Self::session(pan_data, &asked.digest, &asked.key)?;
        Ok(Ok(Checked { card, session, counted }))
    }

    /// One more code with this card, if it is not one too many for a day.
    async fn counted(
        &self,
        card: &Card,
        now: Timestamp,
    ) -> Result<Option<(Option<Version>, CodesAsked)>, Stop> {
        let id = self.ports.keys.card_index(card)?;
        let day = now.unix_seconds() / 86_400;
        let found = self.ports.store.find::<CodesAsked>(&id).await?;
        let version = found.as_ref().map(|found| found.version);
        let before = found.map_or(0, |found| found.value.on(day));
        let counted = CodesAsked::new(id, day, before.saturating_add(1));
        Ok((before < MAX_CODES_A_DAY).then_some((version, counted)))
    }

    /// Has the phone ring for that client, unless a limit was reached.
    async fn ask(
        &self,
        checked: Checked,
        asked: &Asked<CertReqTbs>,
        language: &Text<35>,
        rings: Option<ClientAddress>,
        batch: &mut Batch,
    ) -> Result<Standing, Stop> {
        let Checked { card, session, counted: (version, counted) } = checked;
        batch.put(version, counted)?;
        let challenge = match rings {
            Some(client) => self.ring(&card, session.clone(), language, client, batch).await?,
            None => None,
        };
        let limits = self.verifier.policy().limits();
        let reference = match &challenge {
            Some(challenge) => challenge.reference(),
            None => self.any_reference()?,
        };
        let expires_at = self.ports.clock.now().plus_seconds(limits.ttl_seconds);
        let challenge = challenge.as_ref().map(|challenge| challenge.id().clone());
        let registration = self.registration(asked, session, challenge, &reference, expires_at);
        batch.insert(&registration)?;
        let code_start = Some(self.code_start(&registration)?);
        Ok(Standing { code_start, ..CertStatusCode::CodeAsked.into() })
    }

    fn registration(
        &self,
        asked: &Asked<CertReqTbs>,
        session: SessionId,
        challenge: Option<ChallengeId>,
        reference: &ShortReference,
        expires_at: Timestamp,
    ) -> Registration {
        Registration {
            id: Registration::id_of(&asked.digest),
            session,
            challenge,
            reference: reference.as_str().to_owned(),
            attempts_left: self.verifier.policy().limits().max_attempts,
            expires_at,
        }
    }

    /// What to ask the person for.
    pub(super) fn code_start(&self, registration: &Registration) -> der::Result<RegCodeStart> {
        Ok(RegCodeStart {
            digits: i64::from(self.verifier.policy().limits().code_digits).try_into()?,
            attempts_left: i64::from(registration.attempts_left).try_into()?,
            reference: Text::try_from(registration.reference.as_str())?,
            expires_at: generalized_time(registration.expires_at)?,
        })
    }

    /// A challenge to the holder of the card, if the directory has one of the very card; else one of nobody, and none is told
    /// which it was. Its session is of this card, this request and this key.
    async fn ring(
        &self,
        card: &Card,
        session: SessionId,
        language: &Text<35>,
        ClientAddress(from): ClientAddress,
        batch: &mut Batch,
    ) -> Result<Option<Challenge>, Stop> {
        let known = self.directory.by_card(card).await.map_err(Error::Directory)?;
        let known = known
            .filter(|known| known.card.as_ref() == Some(card) && known.address.msisdn().is_some());
        let is_known = known.is_some();
        let holder = match known {
            Some(holder) => holder,
            None => Subscriber::nobody("nobody".try_into()?, &self.ports.keys.card_index(card)?)?,
        };
        let language = language.as_str().split('-').next().unwrap_or_default();
        // Of the card's brand and last digits, in the characters of every phone (3GPP 23.038).
        let masked = card.masked().to_string();
        let last = masked.trim_start_matches(|masking: char| !masking.is_ascii_digit());
        let name = format!("{} ...{last}", self.settings.brand.as_str());
        let request = ChallengeRequest {
            relying_party: self.settings.relying_party.clone(),
            person: Person {
                identifier: holder.identifier,
                address: holder.address,
                session,
                locale: Locale::try_from(language).unwrap_or_default(),
                origin: None,
            },
            agreement: Agreement::Certificate { name: name.as_str().try_into()? },
            from,
            waiting: None,
            correlation: None,
        };
        // Not even a limit is told: what is refused looks as if the card was not known.
        Ok(self.verifier.add_untold_challenge(request, is_known, batch).await?.done().ok())
    }

    /// A reference that stands in no message, and looks like one that does.
    fn any_reference(&self) -> Result<ShortReference, Stop> {
        let random = random(self.ports.entropy.as_ref())?;
        Ok(ShortReference::of(&Sha256Digest::new(countersign_certs::sha256(&random))))
    }
}
