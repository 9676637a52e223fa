//! The authority's side of registration. A cardholder's new key gets a certificate with card and number, once the phone is
//! proved that is vouched for the card (F11.1); a merchant's and a gateway's keys, once the operator has approved them.
//!
//! ```text
//!   CardCInitReq  -> who is encrypted to      nothing is kept of these: whoever asks again is answered again
//!   RegFormReq    -> the form, signed
//!   Me-AqCInitReq -> business.rs: both at once, for a merchant or a gateway
//!   CertReq       -> request.rs: is the card one that is vouched for? a code goes to its phone
//!                    business.rs: the operator is to decide
//!   CertInqReq    -> code.rs: the code is checked; the issuer certifies the key
//!                    business.rs: the issuer certifies both keys, once the operator has approved
//! ```
//!
//! Whether a card is known is told to nobody who cannot read its phone: with an unknown card all goes the same way, takes the
//! same time, and no code is right.

mod business;
mod code;
mod record;
mod request;

pub(crate) use self::record::{CodesAsked, Registration};

use std::sync::Arc;

use countersign_certs::{
    Certificate, PublicKey, RecipientCertificate, RecipientKey, SigningKey, cms::signed::Signer,
    sha256,
};
use countersign_domain::{
    hex,
    id::{RelyingPartyId, SessionId},
    ports::{Directory, Ports},
    record::Batch,
    time::Timestamp,
    verifier::Verifier,
};
use countersign_web::client_address::ClientAddress;
use tokio::time::Instant;

use crate::{
    asn1::{Random, Received, Text},
    gateway::as_long_as_any,
    issuer::CertificateIssuer,
    message::{
        common::{BrandId, LocalId, Url},
        failure::{ErrorCode, ErrorMessage, ErrorTbs},
        purchase::PanData,
        registration::{
            BackKey, Bin, CardCInitReq, CardCInitResTbs, CertReqTbs, CertResData, CertStatusCode,
            ReferralData, RegCodeStart, RegFormData, RegFormOrReferral, RegFormReq, RegFormResTbs,
            RegWakeUpData,
        },
        wrapper::{Message, MessageHeader},
    },
    name::{generalized_time, random, session_of_hash, unix_time},
    protect::{Applicant, Authority, Digest, Sealed, Signed},
    record::Answered,
    stop::Stop,
    table::Content,
    trust::to_chain,
    wire::{Failure, unwrap, wrap},
};

/// The authority's certificates and keys for messages. None of them signs certificates.
pub struct AuthorityKeys {
    /// The certificate of the key that signs.
    pub certificate: Certificate,
    /// Those above it.
    pub above: Vec<Certificate>,
    /// The key that signs.
    pub key: Arc<dyn SigningKey>,
    /// The certificate that is encrypted to, and those above it.
    pub exchange: Vec<Certificate>,
    /// Its key, and those of earlier ones while keys are changed.
    pub exchange_keys: Vec<RecipientKey>,
}

/// Whom an authority registers.
#[derive(Clone, Debug)]
pub struct AuthoritySettings {
    /// The name that people know.
    pub name: Text<64>,
    /// Where it takes messages.
    pub url: Url,
    /// The brand of the cards that it vouches for.
    pub brand: BrandId,
    /// What their numbers begin with.
    pub prefixes: Vec<String>,
    /// The terms that a person agrees to by registering.
    pub policy: Text<1024>,
    /// In whose name codes are sent.
    pub relying_party: RelyingPartyId,
    /// Which merchants and gateways it registers; none where there is none.
    pub businesses: Option<BusinessSettings>,
}

/// Which merchants and gateways an authority registers.
#[derive(Clone, Debug)]
pub struct BusinessSettings {
    /// Their acquirers.
    pub acquirers: Vec<Bin>,
    /// The terms that they agree to by registering.
    pub policy: Text<1024>,
}

impl AuthoritySettings {
    /// Whether cards of that brand with such a number are vouched for, known or not.
    fn vouches_for(&self, number: &str) -> bool {
        self.prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()))
    }
}

/// The authority at which cardholders register. Holds no state of its own.
pub struct RegistrationAuthority {
    /// Store, time, randomness and keys.
    pub ports: Ports,
    /// Which phone is vouched for which card.
    pub directory: Arc<dyn Directory>,
    /// Makes and checks codes.
    pub verifier: Arc<Verifier>,
    /// Certifies the keys.
    pub issuer: Arc<dyn CertificateIssuer>,
    /// Its certificates and keys for messages.
    pub keys: AuthorityKeys,
    /// Whom it registers.
    pub settings: AuthoritySettings,
}

/// A request of somebody with a new key, authentic.
struct Asked<T> {
    tbs: Received<T>,
    key: PublicKey,
    digest: Digest<T>,
}

/// What is told of a registration.
struct Standing {
    status: CertStatusCode,
    code_start: Option<RegCodeStart>,
    certificates: Vec<Certificate>,
    exchange_certificates: Vec<Certificate>,
}

impl From<CertStatusCode> for Standing {
    fn from(status: CertStatusCode) -> Self {
        Self {
            status,
            code_start: None,
            certificates: Vec::new(),
            exchange_certificates: Vec::new(),
        }
    }
}

impl Standing {
    fn complete(certificates: Vec<Certificate>) -> Self {
        Self { certificates, ..CertStatusCode::RequestComplete.into() }
    }
}

/// Whom an answer goes to, and what it answers.
struct Reply<'a> {
    rrpid: &'a Random,
    lid_ee: &'a LocalId,
    chall_ee3: &'a Random,
    back_key: &'a BackKey,
    h_cert_req: Digest<CertReqTbs>,
}

impl RegistrationAuthority {
    /// The initiation: where one registers.
    ///
    /// # Errors
    /// When the key fails.
    pub fn wake_up(&self) -> Result<Vec<u8>, Failure> {
        let data = RegWakeUpData {
            ca_name: self.settings.name.clone(),
            set_url: self.settings.url.clone(),
        };
        Ok(self.signed(data)?.as_bytes().to_vec())
    }

    /// The answer to a message, whatever it is, wherever it comes from.
    ///
    /// # Errors
    /// When not even an error can be said: a key or the source of randomness fails.
    pub async fn answer(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.answer_to(ClientAddress::default(), message).await
    }

    /// The same for a client at that address: the messages that it asks for are limited.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn answer_to(
        &self,
        client: ClientAddress,
        message: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let (begun, came) = (Instant::now(), self.ports.clock.now());
        let (rrpid, answered) = match unwrap(message) {
            Err(code) => (None, Err(Stop::Told(code))),
            Ok(wrapper) => {
                let header = wrapper.header;
                let answered = match wrapper.message {
                    Message::CardCInitReq(request) => self.introduce(&header, &request),
                    Message::MeAqCInitReq(request) => self.introduce_to(&header, &request),
                    Message::RegFormReq(request) => self.form(&header, &request),
                    Message::CertReq(request) => {
                        self.request(&header, &request, client, begun).await
                    }
                    Message::CertInqReq(request) => self.prove(&header, &request, begun).await,
                    Message::PInitReq(_)
                    | Message::PInitRes(_)
                    | Message::PReq(_)
                    | Message::PRes(_)
                    | Message::InqReq(_)
                    | Message::InqRes(_)
                    | Message::AuthReq(_)
                    | Message::AuthRes(_)
                    | Message::AuthRevReq(_)
                    | Message::AuthRevRes(_)
                    | Message::CapReq(_)
                    | Message::CapRes(_)
                    | Message::CapRevReq(_)
                    | Message::CapRevRes(_)
                    | Message::CredReq(_)
                    | Message::CredRes(_)
                    | Message::CredRevReq(_)
                    | Message::CredRevRes(_)
                    | Message::PCertReq(_)
                    | Message::PCertRes(_)
                    | Message::BatchAdminReq(_)
                    | Message::BatchAdminRes(_)
                    | Message::CodeReq(_)
                    | Message::CodeRes(_)
                    | Message::CodeForwardReq(_)
                    | Message::CodeForwardRes(_)
                    | Message::CodeDirectReq(_)
                    | Message::CodeDirectRes(_)
                    | Message::CardCInitRes(_)
                    | Message::MeAqCInitRes(_)
                    | Message::RegFormRes(_)
                    | Message::CertRes(_)
                    | Message::CertInqRes(_)
                    | Message::Error(_) => Err(Stop::Told(ErrorCode::MessageNotSupported)),
                };
                (Some(header.rrpid), answered)
            }
        };
        let code = match answered {
            Ok(answer) => return Ok(answer),
            Err(stop) => stop.told("authority"),
        };
        // Signed before the wait, as by the gateway.
        let error = self.error(code, rrpid, came);
        if code == ErrorCode::SignatureFailure {
            as_long_as_any(begun, self.ports.entropy.as_ref()).await;
        }
        error
    }

    /// An error, signed, with the time when the message came, as the gateway's.
    fn error(
        &self,
        code: ErrorCode,
        rrpid: Option<Random>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let entropy = self.ports.entropy.as_ref();
        let nonce = Random::from(random(entropy)?);
        let about = rrpid.clone().unwrap_or_else(|| nonce.clone());
        let error = self.signed(ErrorTbs { error_code: code, error_nonce: nonce, rrpid })?;
        Ok(wrap(Message::Error(ErrorMessage::OfAuthority(error)), &about, None, now)?)
    }

    /// Says who is encrypted to.
    fn introduce(&self, header: &MessageHeader, request: &CardCInitReq) -> Result<Vec<u8>, Stop> {
        if header.rrpid != request.rrpid {
            return Err(Stop::Told(ErrorCode::WrapperMsgMismatch));
        }
        let answer = self.signed(CardCInitResTbs {
            rrpid: request.rrpid.clone(),
            lid_ee: request.lid_ee.clone(),
            chall_ee: request.chall_ee.clone(),
            cae_certificates: to_chain(&self.keys.exchange)?,
        })?;
        let now = self.ports.clock.now();
        Ok(wrap(Message::CardCInitRes(answer), &request.rrpid, None, now)?)
    }

    /// The form, the same for all cards that are vouched for.
    fn form(&self, header: &MessageHeader, request: &RegFormReq) -> Result<Vec<u8>, Stop> {
        let opened = request.open(&self.keys.exchange_keys).ok();
        let opened = opened.filter(|opened| opened.rrpid == header.rrpid);
        let opened = opened.ok_or(Stop::Told(ErrorCode::SignatureFailure))?;
        let is_vouched_for = opened.brand_id == self.settings.brand
            && self.settings.vouches_for(opened.pan.expose());
        let now = self.ports.clock.now();
        let answer = self.signed(RegFormResTbs {
            rrpid: opened.rrpid.clone(),
            lid_ee: opened.lid_ee,
            chall_ee2: opened.chall_ee2,
            date: generalized_time(now)?,
            reg_form_or_referral: if is_vouched_for {
                let policy_text = self.settings.policy.clone();
                RegFormOrReferral::Form(RegFormData { policy_text })
            } else {
                let reason = Text::try_from("Cards with such a number are not registered here.")?;
                RegFormOrReferral::Referral(ReferralData { reason })
            },
        })?;
        Ok(wrap(Message::RegFormRes(answer), &opened.rrpid, None, now)?)
    }

    /// Opens the envelope and verifies that the new key signed.
    fn authentic<T: Content>(
        &self,
        request: &Sealed<Signed<T, Applicant>, Authority>,
        header: &MessageHeader,
        rrpid: impl Fn(&T) -> &Random,
    ) -> Result<Asked<T>, Stop> {
        let read = || {
            let signed = request.open(&self.keys.exchange_keys).ok()?;
            let (tbs, key) = signed.verify_new_key().ok()?;
            let digest = Digest::of(&tbs).ok()?;
            (*rrpid(&tbs) == header.rrpid).then_some(Asked { tbs, key, digest })
        };
        read().ok_or(Stop::Told(ErrorCode::SignatureFailure))
    }

    /// The session of a registration: of one card, with all that the applicant says of it, one wish and one key. A code is of
    /// one session, so it certifies no other key, and no other card.
    fn session(
        pan_data: &Received<PanData>,
        h_cert_req: &Digest<CertReqTbs>,
        key: &PublicKey,
    ) -> Result<SessionId, Failure> {
        let labelled = [
            b"countersign set registration 1".as_slice(),
            Digest::of(pan_data)?.as_bytes(),
            h_cert_req.as_bytes(),
            &key.sha256(),
        ]
        .concat();
        Ok(session_of_hash(&sha256(&labelled))?)
    }

    /// Under which a request's answer is kept: one key cannot ask for another's.
    fn request_id(key: &PublicKey, rrpid: &Random) -> String {
        format!("authority:{}:{}", hex::encode(&key.sha256()), hex::encode(rrpid.as_bytes()))
    }

    async fn answered(&self, id: &str, asked: &[u8; 32]) -> Result<Option<Vec<u8>>, Stop> {
        Answered::find(self.ports.store.as_ref(), id, asked).await
    }

    /// Keeps an answer under its request, with what else is to be kept, before it is given.
    async fn keep(
        &self,
        batch: Batch,
        id: String,
        asked: &[u8; 32],
        message: Vec<u8>,
    ) -> Result<Vec<u8>, Stop> {
        Answered::keep(&self.ports, batch, id, asked, message).await
    }

    /// How a registration stands, signed, and under the key that came with the request.
    fn told(
        &self,
        standing: Standing,
        reply: Reply<'_>,
        message: fn(Sealed<Signed<CertResData, Authority>, Applicant>) -> Message,
    ) -> Result<Vec<u8>, Stop> {
        tracing::info!(status = %standing.status, "a registration is answered");
        let chain = |certificates: &[Certificate]| match certificates {
            [] => Ok(None),
            chain => to_chain(chain).map(Some),
        };
        let signed = self.signed(CertResData {
            rrpid: reply.rrpid.clone(),
            lid_ee: reply.lid_ee.clone(),
            chall_ee3: reply.chall_ee3.clone(),
            h_cert_req: reply.h_cert_req,
            cert_status: standing.status,
            code_start: standing.code_start,
            certificates: chain(&standing.certificates)?,
            exchange_certificates: chain(&standing.exchange_certificates)?,
        })?;
        let back_key = reply.back_key.expose();
        let recipient = RecipientCertificate::shared(reply.rrpid.as_bytes(), back_key);
        let sealed = Sealed::seal(&signed, &recipient)?;
        Ok(wrap(message(sealed), reply.rrpid, None, self.ports.clock.now())?)
    }

    fn signed<T: Content>(&self, structure: T) -> Result<Signed<T, Authority>, Failure> {
        let signer = Signer {
            certificate: &self.keys.certificate,
            key: self.keys.key.as_ref(),
            above: &self.keys.above,
        };
        let now = unix_time(self.ports.clock.now());
        Ok(Signed::sign(&Received::new(structure)?, &signer, now)?)
    }
}
