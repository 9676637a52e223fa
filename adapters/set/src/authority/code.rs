//! What is asked of a registration that was begun. With the typed code: where it is the one that was sent, the key is
//! certified.

use countersign_certs::PublicKey;
use countersign_domain::{
    code::TypedCode,
    error::Error,
    record::{Batch, Versioned},
    refusal::Outcome,
};
use tokio::time::Instant;

use super::{Asked, RegistrationAuthority, Reply, Standing, record::Registration};
use crate::{
    gateway::as_long_as_any,
    issuer::NewCardholder,
    message::{
        failure::ErrorCode,
        registration::{CertInqReq, CertInqReqTbs, CertStatusCode, PhoneProof},
        wrapper::{Message, MessageHeader},
    },
    name::{card_of, cardholder_name},
    stop::Stop,
};

/// What a counted attempt may come to.
enum Counted {
    /// The code may be looked at.
    Attempt(Registration),
    Over(CertStatusCode),
}

impl RegistrationAuthority {
    /// The proof of the phone; or the question of a merchant or a gateway, which has none to bring.
    pub(super) async fn prove(
        &self,
        header: &MessageHeader,
        request: &CertInqReq,
        begun: Instant,
    ) -> Result<Vec<u8>, Stop> {
        let asked = self.authentic(request, header, |tbs: &CertInqReqTbs| &tbs.rrpid)?;
        let id = Self::request_id(&asked.key, &header.rrpid);
        if let Some(answer) = self.answered(&id, asked.digest.as_bytes()).await? {
            return Ok(answer);
        }
        let (tbs, mut batch) = (&asked.tbs, Batch::default());
        let standing = match &tbs.phone_proof {
            Some(proof) => self.proved(&asked, proof).await?,
            None => self.inquired(&asked, &mut batch).await?,
        };
        let is_done = !standing.certificates.is_empty();
        let reply = Reply {
            rrpid: &tbs.rrpid,
            lid_ee: &tbs.lid_ee,
            chall_ee3: &tbs.chall_ee3,
            back_key: &tbs.ca_back_key,
            h_cert_req: tbs.h_cert_req.clone(),
        };
        let message = self.told(standing, reply, Message::CertInqRes)?;
        let kept = self.keep(batch, id, asked.digest.as_bytes(), message).await?;
        if !is_done {
            as_long_as_any(begun, self.ports.entropy.as_ref()).await;
        }
        Ok(kept)
    }

    /// What comes of the code, if it is of a registration of this card, this request and this key.
    async fn proved(
        &self,
        asked: &Asked<CertInqReqTbs>,
        proof: &PhoneProof,
    ) -> Result<Standing, Stop> {
        let h_cert_req = &asked.tbs.h_cert_req;
        let registration = Registration::id_of(h_cert_req);
        let registration = self.ports.store.find::<Registration>(&registration).await?;
        let registration = registration.ok_or(Stop::Told(ErrorCode::UnknownLid))?.value;
        // The same card, request and key as the phone was asked for.
        if registration.session != Self::session(&proof.pan_data, h_cert_req, &asked.key)? {
            return Err(Stop::Told(ErrorCode::SignatureFailure));
        }
        self.certified(&asked.key, proof, &registration).await
    }

    /// The certificate, if the code is right; the same one again, if it was issued before.
    async fn certified(
        &self,
        key: &PublicKey,
        phone: &PhoneProof,
        registration: &Registration,
    ) -> Result<Standing, Stop> {
        if let Some(certificates) = self.issuer.certified(key).await? {
            return Ok(Standing::complete(certificates));
        }
        // What can fail for another cause fails before an attempt is counted and the code used up.
        let pan_data = &phone.pan_data;
        let card = card_of(&pan_data.pan, &pan_data.card_expiry)?;
        let name = cardholder_name(&card, &pan_data.pan_secret)?;
        let typed = TypedCode::try_from(phone.code.expose())?;
        self.issuer.check(&name, key).await?;
        // The process that had the proof died before the key was certified: the proof is of this card, request and key.
        if let Some(challenge) = &registration.challenge {
            let session = &registration.session;
            if let Some(proof) = self.verifier.verified_again(challenge, session, &typed).await? {
                let holder = NewCardholder { name: &name, key, card: &card, proof: &proof };
                return Ok(Standing::complete(self.issuer.certify(holder).await?));
            }
        }
        let registration = match self.count(registration).await? {
            Counted::Over(status) => return Ok(status.into()),
            Counted::Attempt(registration) => registration,
        };
        if let Some(challenge) = &registration.challenge {
            let session = &registration.session;
            let checked = self.verifier.finish_challenge(challenge, session, &typed).await?;
            if let Outcome::Done(proof) = checked {
                let holder = NewCardholder { name: &name, key, card: &card, proof: &proof };
                return Ok(Standing::complete(self.issuer.certify(holder).await?));
            }
        }
        if registration.attempts_left == 0 {
            return Ok(CertStatusCode::CodeLocked.into());
        }
        let code_start = Some(self.code_start(&registration)?);
        Ok(Standing { code_start, ..CertStatusCode::CodeWrong.into() })
    }

    /// Counts an attempt before the code is looked at, of a card that is known as of one that is not: what is told is this
    /// count's alone.
    async fn count(&self, registration: &Registration) -> Result<Counted, Error> {
        let change = |found: Versioned<Registration>| async move {
            let mut batch = Batch::default();
            if found.value.attempts_left == 0 {
                return Ok((batch, Counted::Over(CertStatusCode::CodeLocked)));
            }
            if self.ports.clock.now() >= found.value.expires_at {
                return Ok((batch, Counted::Over(CertStatusCode::CodeExpired)));
            }
            let counted = found.map(Registration::attempted);
            batch.replace(&counted)?;
            Ok((batch, Counted::Attempt(counted.value)))
        };
        self.ports.store.change(&registration.id, change).await
    }
}
