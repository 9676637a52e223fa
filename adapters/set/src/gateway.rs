//! The payment gateway's side (1103): checks what merchant and cardholder say of one purchase against each other, has the
//! code asked for, and answers.
//!
//! ```text
//!   AuthReq       -> envelope.rs: authentic? -> payment.rs: of whom, for what? -> the payment begins (code, bank)
//!   CodeReq       -> envelope.rs             -> the code is checked, or how it stands is told
//!   CodeDirectReq -> the code is checked
//!   CapReq, ...   -> settlement.rs: reversal, capture, credit, each once
//!   BatchAdminReq -> batch.rs: what of them was counted
//!   PCertReq      -> certificates.rs: to what is to be encrypted
//!   every answer  -> answer.rs, kept under its request and given again byte for byte
//! ```

mod answer;
mod batch;
mod certificates;
mod envelope;
mod payment;
mod removed;
mod settlement;

use std::{collections::BTreeMap, sync::Arc};

use countersign_certs::{Certificate, RecipientKey, SigningKey, cms::signed::Signer};
use countersign_domain::{
    code::TypedCode,
    error::Error,
    gateway::Gateway as Payments,
    id::RelyingPartyId,
    payment::Payment,
    pin::TypedPin,
    ports::{Directory, Ports},
    record::{Batch, StoreError},
    refusal::{Outcome, Refusal},
    relying_party::RelyingParty,
    response::Response,
    time::Timestamp,
};
use der::Encode as _;
use tokio::time::Instant;

use crate::{
    asn1::{Random, Received},
    message::{
        authorization::{Answer, AuthCode, AuthReq, AuthReqTbs, AuthResTbs},
        code::{CodeDirectReq, CodeDirectResData, CodeReqTbs, CodeResTbs, CodeSubmission},
        common::{BrandId, Url},
        failure::{ErrorCode, ErrorMessage, ErrorTbs},
        wrapper::{Message, MessageHeader},
    },
    name::{random, session_of, unix_time},
    protect::{Digest, Gateway, KeyOf, Merchant, Sealed, Signed},
    record::{Answered, GatewayPurchase, PurchaseSigner},
    stop::Stop,
    trust::Trust,
    wire::{Failure, is_untimely, unwrap, wrap},
};
pub(crate) use envelope::as_long_as_any;
use envelope::{Asking, Caller, authentic};
use payment::Checked;

/// The gateway's certificates and keys.
pub struct GatewayKeys {
    /// The certificate of the key that signs.
    pub certificate: Certificate,
    /// Those above it.
    pub above: Vec<Certificate>,
    /// The key that signs.
    pub key: Arc<dyn SigningKey>,
    /// The certificates that are encrypted to (SET's `Cert-PE`): several while keys are changed, that of the new key first.
    pub exchange: Vec<Certificate>,
    /// Those above them, in any order.
    pub exchange_above: Vec<Certificate>,
    /// Their keys.
    pub exchange_keys: Vec<RecipientKey>,
    /// The keys that open numbers in certificates; often the same.
    pub phones: Vec<RecipientKey>,
}

/// What a gateway takes.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// The brands of cards that it takes.
    pub brands: Vec<BrandId>,
    /// Whether purchases without a client certificate are taken (2KP, F11.v1).
    pub unsigned: bool,
    /// Where it takes messages.
    pub url: Url,
    /// The merchants that it works for.
    pub merchants: BTreeMap<RelyingPartyId, RelyingParty>,
    /// The keys with which a merchant signs since it has others than its earlier purchases name: they settle those, too.
    pub successors: BTreeMap<RelyingPartyId, Vec<KeyOf<Merchant>>>,
}

/// The payment gateway. Holds no state of its own.
pub struct PaymentGateway {
    /// Store, time, randomness and keys.
    pub ports: Ports,
    /// Which phone is vouched for which person and card.
    pub directory: Arc<dyn Directory>,
    /// Runs the payments.
    pub payments: Arc<Payments>,
    /// Its certificates and keys.
    pub keys: GatewayKeys,
    /// What it takes.
    pub settings: GatewaySettings,
    /// The authorities that are trusted.
    pub trust: Trust,
}

impl PaymentGateway {
    /// The answer to a message, whatever it is.
    ///
    /// # Errors
    /// When not even an error can be said: a key or the source of randomness fails.
    pub async fn answer(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let (begun, came) = (Instant::now(), self.ports.clock.now());
        let (rrpid, answered) = match unwrap(message) {
            Err(code) => (None, Err(Stop::Told(code))),
            Ok(wrapper) => {
                let header = wrapper.header;
                let answered = match wrapper.message {
                    Message::AuthReq(request) => self.authorize(&header, &request).await,
                    Message::CodeReq(request) => self.code(&header, &request).await,
                    Message::CodeDirectReq(request) => self.code_direct(&header, &request).await,
                    Message::AuthRevReq(request) => self.settle(&header, &request).await,
                    Message::CapReq(request) => self.settle(&header, &request).await,
                    Message::CapRevReq(request) => self.settle(&header, &request).await,
                    Message::CredReq(request) => self.settle(&header, &request).await,
                    Message::CredRevReq(request) => self.settle(&header, &request).await,
                    Message::BatchAdminReq(request) => self.administer(&header, &request).await,
                    Message::PCertReq(request) => self.certificates(&header, &request).await,
                    Message::PInitReq(_)
                    | Message::PInitRes(_)
                    | Message::PReq(_)
                    | Message::PRes(_)
                    | Message::InqReq(_)
                    | Message::InqRes(_)
                    | Message::AuthRes(_)
                    | Message::AuthRevRes(_)
                    | Message::CapRes(_)
                    | Message::CapRevRes(_)
                    | Message::CredRes(_)
                    | Message::CredRevRes(_)
                    | Message::BatchAdminRes(_)
                    | Message::PCertRes(_)
                    | Message::CodeRes(_)
                    | Message::CodeForwardReq(_)
                    | Message::CodeForwardRes(_)
                    | Message::CodeDirectRes(_)
                    | Message::CardCInitReq(_)
                    | Message::CardCInitRes(_)
                    | Message::MeAqCInitReq(_)
                    | Message::MeAqCInitRes(_)
                    | Message::RegFormReq(_)
                    | Message::RegFormRes(_)
                    | Message::CertReq(_)
                    | Message::CertRes(_)
                    | Message::CertInqReq(_)
                    | Message::CertInqRes(_)
                    | Message::Error(_) => Err(Stop::Told(ErrorCode::MessageNotSupported)),
                };
                (Some(header.rrpid), answered)
            }
        };
        let code = match answered {
            Ok(answer) => return Ok(answer),
            Err(stop) => stop.told("gateway"),
        };
        // Signed before the wait: the checks leave the caches that a signature is made with in different states.
        let error = self.error(code, rrpid, came);
        if code == ErrorCode::SignatureFailure {
            as_long_as_any(begun, self.ports.entropy.as_ref()).await;
        }
        error
    }

    /// An error, signed, with the time when the message came: that of the end of the checks would tell, at the turn of a
    /// second, how long they took.
    fn error(
        &self,
        code: ErrorCode,
        rrpid: Option<Random>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let entropy = self.ports.entropy.as_ref();
        let nonce = Random::from(random(entropy)?);
        let about = rrpid.clone().unwrap_or_else(|| nonce.clone());
        let tbs = Received::new(ErrorTbs { error_code: code, error_nonce: nonce, rrpid })?;
        let error = ErrorMessage::OfGateway(Signed::sign(&tbs, &self.signer(), unix_time(now))?);
        Ok(wrap(Message::Error(error), &about, None, now)?)
    }

    /// An authorization (F11.6, F11.9, F11.10).
    async fn authorize(&self, header: &MessageHeader, request: &AuthReq) -> Result<Vec<u8>, Stop> {
        let rrpid = &header.rrpid;
        let (tbs, caller) = authentic(self, &request.enc, header, |tbs: &AuthReqTbs| {
            Asking::of(&tbs.auth_req_data.auth_tags, &tbs.auth_req_data.me_certificates)
        })?;
        // The signature covers the payment beside it (SET's EncB).
        if tbs.h_baggage != Digest::of(&request.baggage)? {
            return Err(Stop::Told(ErrorCode::SignatureFailure));
        }
        let asked = Digest::of(&tbs)?;
        if let Some(answer) = self.answered(&caller.request_id(rrpid), asked.as_bytes()).await? {
            return Ok(answer);
        }
        let xid = &tbs.auth_req_data.auth_tags.trans_ids.xid;
        let answer = match self.begun(&caller, rrpid, xid, &asked).await? {
            Some(purchase) => self.now(&purchase, &caller).await?,
            None if self.is_untimely(&tbs) => {
                self.refused(&tbs.auth_req_data, AuthCode::Untimely)?
            }
            None => match self.check(&tbs, &request.baggage, &caller).await? {
                Ok(checked) => self.begin(checked, &caller, rrpid, &tbs, &asked).await?,
                Err(code) => self.refused(&tbs.auth_req_data, code)?,
            },
        };
        let signed = AuthResTbs {
            auth_rr_tags: tbs.auth_req_data.auth_tags.auth_rr_tags.clone(),
            h_auth_req: asked.clone(),
            answer,
        };
        let sealed = self.sealed(signed, &caller)?;
        self.keep(&caller, rrpid, xid, asked.as_bytes(), Message::AuthRes(sealed)).await
    }

    /// A code that came through the merchant, or the question how a purchase stands (F11.11).
    async fn code(
        &self,
        header: &MessageHeader,
        request: &crate::message::code::CodeReq,
    ) -> Result<Vec<u8>, Stop> {
        let rrpid = &header.rrpid;
        let (tbs, caller) = authentic(self, request, header, |tbs: &CodeReqTbs| {
            Asking::of(&tbs.auth_tags, &tbs.me_certificates)
        })?;
        let asked = Digest::of(&tbs)?;
        if let Some(answer) = self.answered(&caller.request_id(rrpid), asked.as_bytes()).await? {
            return Ok(answer);
        }
        let xid = &tbs.auth_tags.trans_ids.xid;
        let purchase = self.purchase_of(&caller, xid).await?;
        let answer = match &tbs.code_submission {
            Some(submission) => self.submit(&purchase, xid, submission).await?,
            None => self.now(&purchase, &caller).await?,
        };
        let signed = CodeResTbs {
            rr_tags: tbs.auth_tags.auth_rr_tags.clone(),
            h_code_req: asked.clone(),
            answer,
        };
        let sealed = self.sealed(signed, &caller)?;
        self.keep(&caller, rrpid, xid, asked.as_bytes(), Message::CodeRes(sealed)).await
    }

    /// A code straight from the cardholder (F11.11).
    async fn code_direct(
        &self,
        header: &MessageHeader,
        request: &CodeDirectReq,
    ) -> Result<Vec<u8>, Stop> {
        let rrpid = &header.rrpid;
        if !header.names(&request.rrpid, Some(&request.xid)) {
            return Err(Stop::Told(ErrorCode::WrapperMsgMismatch));
        }
        let asked = countersign_certs::sha256(&request.to_der()?);
        let request_id = Caller::cardholder(rrpid);
        if let Some(answer) = self.answered(&request_id, &asked).await? {
            return Ok(answer);
        }
        let xid = &request.xid;
        let purchase = self.purchase(xid).await?.ok_or(Stop::Told(ErrorCode::UnknownXid))?;
        let standing = self.submit(&purchase, xid, &request.code_submission).await?;
        let data = Received::new(CodeDirectResData {
            rrpid: rrpid.clone(),
            xid: xid.clone(),
            auth_code: standing.auth_code,
            captured: standing.captured,
            attempts_left: standing.attempts_left,
            receipt: standing.receipt,
        })?;
        let now = self.ports.clock.now();
        let signed = Signed::sign(&data, &self.signer(), unix_time(now))?;
        let message = wrap(Message::CodeDirectRes(signed), rrpid, Some(xid), now)?;
        self.keep_as(request_id, &asked, message).await
    }

    /// The payment that a purchase became. Where it was removed, as its time was over, nothing more is done with the purchase, and
    /// it is not made again.
    async fn payment_of(&self, purchase: &GatewayPurchase) -> Result<Payment, Stop> {
        match self.payments.payment(&purchase.payment).await {
            Err(Error::NotFound { .. }) => Err(Stop::Told(ErrorCode::UnknownXid)),
            found => Ok(found?),
        }
    }

    /// How a purchase stands, or how it ended, for its merchant.
    async fn now(&self, purchase: &GatewayPurchase, caller: &Caller) -> Result<Answer, Stop> {
        match self.payments.payment(&purchase.payment).await {
            Err(Error::NotFound { .. }) => self.last_word(purchase, &caller.name).await,
            found => self.standing(purchase, &found?, None).await,
        }
    }

    /// Has a typed code checked; gives how the purchase stands then, and why the code is refused, if it is.
    async fn submit(
        &self,
        purchase: &GatewayPurchase,
        xid: &Random,
        submission: &CodeSubmission,
    ) -> Result<Answer, Stop> {
        let not_authentic = Stop::Told(ErrorCode::SignatureFailure);
        let Ok(opened) = submission.open(&self.keys.exchange_keys) else {
            return Err(not_authentic);
        };
        if opened.xid != *xid || opened.h_pi_tbs != purchase.pi_tbs() {
            return Err(not_authentic);
        }
        let session = session_of(&opened.ex_nonce)?;
        let pin = opened.pin.as_ref().map(|pin| TypedPin::try_from(pin.expose().to_owned()));
        let typed = TypedCode::try_from(opened.code.expose())?;
        let response = Response::new(typed, pin.transpose()?);
        let payment = self.payment_of(purchase).await?;
        self.must_still_be_trusted(purchase, &payment).await?;
        let refusal = match self.payments.finish_payment(&payment, &session, response).await {
            Ok(Outcome::Done(payment)) => return self.standing(purchase, &payment, None).await,
            // By this very request, before its answer could be kept.
            Ok(Outcome::Refused(Refusal::AlreadyUsed)) => None,
            Ok(Outcome::Refused(refusal)) => Some(refusal),
            // No code was asked for: how the purchase stands says the rest.
            Err(Error::NotNow { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let payment = self.payment_of(purchase).await?;
        self.standing(purchase, &payment, refusal).await
    }

    /// A request that somebody has held back must not make the phone ring long after the cardholder has gone.
    fn is_untimely(&self, tbs: &AuthReqTbs) -> bool {
        let made = &tbs.auth_req_data.auth_tags.auth_rr_tags.date;
        is_untimely(made, self.ports.clock.now())
    }

    /// The purchase that this very request began, before its answer could be kept.
    async fn begun(
        &self,
        caller: &Caller,
        rrpid: &Random,
        xid: &Random,
        asked: &Digest<AuthReqTbs>,
    ) -> Result<Option<GatewayPurchase>, Stop> {
        let found = self.purchase(xid).await?;
        let found = found.filter(|purchase| purchase.request == caller.request_id(rrpid));
        match found {
            Some(purchase) if purchase.asked() != *asked => {
                Err(Stop::Told(ErrorCode::UnknownRrpid))
            }
            found => Ok(found),
        }
    }

    /// A merchant's purchase of that name. Another's is none of this one's business.
    async fn purchase_of(&self, caller: &Caller, xid: &Random) -> Result<GatewayPurchase, Stop> {
        let purchase = self.purchase(xid).await?;
        let purchase = purchase.filter(|purchase| self.is_of(purchase, caller));
        purchase.ok_or(Stop::Told(ErrorCode::UnknownXid))
    }

    /// Whether a purchase is the caller's: by the key that its payment names, or by one that has followed it. The name alone
    /// could be another's (W11).
    fn is_of(&self, purchase: &GatewayPurchase, caller: &Caller) -> bool {
        purchase.merchant == caller.merchant && self.acts_for(&purchase.merchant_key(), caller)
    }

    /// Whether the caller has that key, or one that has followed it.
    fn acts_for(&self, key: &KeyOf<Merchant>, caller: &Caller) -> bool {
        let successors = self.settings.successors.get(&caller.merchant);
        *key == caller.key || successors.is_some_and(|keys| keys.contains(&caller.key))
    }

    async fn purchase(&self, xid: &Random) -> Result<Option<GatewayPurchase>, Stop> {
        let id = GatewayPurchase::id_of(xid);
        Ok(self.ports.store.find::<GatewayPurchase>(&id).await?.map(|found| found.value))
    }

    /// Begins the payment, in one commit with the record that names it: a payment that was begun is never begun again.
    async fn begin(
        &self,
        checked: Checked,
        caller: &Caller,
        rrpid: &Random,
        tbs: &AuthReqTbs,
        asked: &Digest<AuthReqTbs>,
    ) -> Result<Answer, Stop> {
        let purchase = checked.purchase(caller, rrpid, tbs, asked)?;
        let mut batch = Batch::default();
        batch.put(checked.replaces, purchase.clone())?;
        if !checked.signer.is_empty() {
            let now = self.ports.clock.now();
            batch.insert(&PurchaseSigner::new(purchase.payment.clone(), &checked.signer, now))?;
        }
        let begun = match checked.is_told {
            true => self.payments.start_payment(checked.request, batch).await,
            false => {
                let is_known = checked.is_known;
                self.payments.start_untold_payment(checked.request, is_known, batch).await
            }
        };
        match begun {
            Ok(payment) => self.standing(&purchase, &payment, None).await,
            // The same purchase was begun at the same time, by this request sent twice or by another.
            Err(Error::Store(StoreError::Conflict { .. })) => {
                let xid = &tbs.auth_req_data.auth_tags.trans_ids.xid;
                match self.begun(caller, rrpid, xid, asked).await? {
                    Some(begun) => self.now(&begun, caller).await,
                    None => Ok(self.refused(&tbs.auth_req_data, AuthCode::PiPreviouslyUsed)?),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn answered(&self, id: &str, asked: &[u8; 32]) -> Result<Option<Vec<u8>>, Stop> {
        Answered::find(self.ports.store.as_ref(), id, asked).await
    }

    /// Keeps an answer under its request before it is given.
    async fn keep(
        &self,
        caller: &Caller,
        rrpid: &Random,
        xid: &Random,
        asked: &[u8; 32],
        message: Message,
    ) -> Result<Vec<u8>, Stop> {
        let message = wrap(message, rrpid, Some(xid), self.ports.clock.now())?;
        self.keep_as(caller.request_id(rrpid), asked, message).await
    }

    async fn keep_as(
        &self,
        id: String,
        asked: &[u8; 32],
        message: Vec<u8>,
    ) -> Result<Vec<u8>, Stop> {
        Answered::keep(&self.ports, Batch::default(), id, asked, message).await
    }

    /// Signed, and encrypted to the merchant who asked.
    fn sealed<T: crate::table::Content>(
        &self,
        structure: T,
        caller: &Caller,
    ) -> Result<Sealed<Signed<T, Gateway>, Merchant>, Stop> {
        let now = unix_time(self.ports.clock.now());
        let signed = Signed::sign(&Received::new(structure)?, &self.signer(), now)?;
        Ok(Sealed::seal(&signed, &caller.recipient)?)
    }

    fn signer(&self) -> Signer<'_> {
        Signer {
            certificate: &self.keys.certificate,
            key: self.keys.key.as_ref(),
            above: &self.keys.above,
        }
    }

    /// Whether a key is one that is encrypted to here.
    fn is_own(&self, key: &KeyOf<Gateway>) -> bool {
        self.keys.exchange.iter().any(|own| own.key_sha256() == *key.as_bytes())
    }
}
