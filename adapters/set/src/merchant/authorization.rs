//! What the merchant asks of the gateway, and which answers it trusts. A question is kept before it is sent, and sent
//! again as it is: the gateway gives the same answer.

use countersign_certs::{Certificate, RecipientCertificate};
use countersign_domain::{
    error::Error,
    record::{Batch, StoreError, Stored as _, Versioned},
    time::Timestamp,
};
use der::{Decode as _, Encode as _};

use super::{LinkError, MerchantServer, order::Ordered};
use crate::{
    asn1::{Random, Received},
    message::{
        authorization::{
            Answer, AuthCode, AuthReq, AuthReqData, AuthReqPayload, AuthReqTbs, AuthTags,
            CheckDigests,
        },
        code::{CodeReqTbs, CodeSubmission},
        common::{CurrencyAmount, RrTags},
        failure::ErrorCode,
        purchase::CompletionCode,
        wrapper::{Message, MessageWrapper},
    },
    name::{generalized_time, random, unix_time},
    protect::{Digest, Gateway, KeyOf, Merchant, ProtectError, Sealed, Signed},
    record::{Bought, Bytes, Hash, Order, Question, Sale},
    stop::Stop,
    table::Content,
    trust::to_chain,
    wire::{Failure, unwrap, wrap},
};

/// How long after a question the gateway is asked again, in seconds: a cardholder who types the code straight to the gateway
/// need not tell the merchant.
const ASK_AGAIN_SECONDS: u32 = 15;

impl MerchantServer {
    /// Asks the gateway about up to `limit` purchases that are not over and about which nobody has asked for a while. Returns
    /// how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&self, limit: usize) -> Result<usize, Failure> {
        let now = self.ports.clock.now();
        let due = self.ports.store.due(Sale::COLLECTION, now, limit).await?;
        for record in &due {
            if let Err(stop) = self.ask_again(&record.key.id).await {
                stop.told("merchant");
            }
        }
        Ok(due.len())
    }

    async fn ask_again(&self, id: &str) -> Result<(), Stop> {
        let mut sale = self.ports.store.expect::<Sale>(id).await?;
        sale.value.next_at = Some(self.ports.clock.now().plus_seconds(ASK_AGAIN_SECONDS));
        let mut batch = Batch::default();
        batch.replace(&sale)?;
        match self.ports.store.commit(batch).await {
            Ok(()) => {}
            // Another process or request is at it.
            Err(StoreError::Conflict { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let own = Random::from(random(self.ports.entropy.as_ref())?);
        self.ask(sale.value, &own, None).await.map(drop)
    }

    /// Whether this is the gateway that the merchant names, by a key that it has or had.
    pub(super) fn names(&self, gateway: &KeyOf<Gateway>) -> bool {
        self.gateway.has(gateway)
    }

    /// Keeps the purchase with the question for the gateway. The inner error is the answer to the cardholder: another
    /// purchase of the same order is under way, or paid.
    pub(super) async fn begin(
        &self,
        ordered: Ordered,
        rrpid: &Random,
        asked: &[u8; 32],
    ) -> Result<Result<Versioned<Sale>, CompletionCode>, Stop> {
        if ordered.sale.value.bought.is_some() {
            return of_this_request(ordered.sale, rrpid, asked);
        }
        let bought = self.bought(&ordered, rrpid, asked)?;
        let begin = |mut sale: Versioned<Sale>| {
            let bought = bought.clone();
            async move {
                if sale.value.bought.is_some() {
                    return Ok((Batch::default(), Some(sale)));
                }
                let mut order = self.ports.store.expect::<Order>(sale.value.order.as_str()).await?;
                let is_late = self.ports.clock.now() >= order.value.expires_at;
                if is_late || self.is_taken(&order.value).await? {
                    return Ok((Batch::default(), None));
                }
                sale.value.bought = Some(bought);
                sale.value.next_at = Some(self.ports.clock.now().plus_seconds(ASK_AGAIN_SECONDS));
                order.value.sale = Some(sale.value.id().to_owned());
                let mut batch = Batch::default();
                batch.replace(&sale)?;
                batch.replace(&order)?;
                Ok((batch, Some(Versioned { version: sale.version.next(), value: sale.value })))
            }
        };
        match self.ports.store.change_found(ordered.sale, begin).await? {
            Some(sale) => of_this_request(sale, rrpid, asked),
            None => Ok(Err(CompletionCode::OrderRejected)),
        }
    }

    /// What is kept of a purchase, with the question for the gateway.
    fn bought(&self, ordered: &Ordered, rrpid: &Random, asked: &[u8; 32]) -> Result<Bought, Stop> {
        let trans_ids = ordered.sale.value.trans_ids()?;
        let (auth_rr_tags, own) = self.tags()?;
        let tbs = Received::new(AuthReqTbs {
            auth_req_data: AuthReqData {
                auth_tags: AuthTags { auth_rr_tags, trans_ids },
                check_digests: CheckDigests {
                    h_oi_data: ordered.h_oi_data.clone(),
                    hod2: ordered.hod.clone(),
                },
                auth_req_payload: AuthReqPayload {
                    auth_req_amt: CurrencyAmount::try_from(ordered.order.amount)?,
                    capture_now: self.settings.capture_now,
                },
                me_certificates: to_chain(&self.keys.exchange)?,
            },
            h_baggage: Digest::of(&ordered.pi)?,
        })?;
        let request = AuthReq { enc: self.sealed(&tbs)?, baggage: ordered.pi.clone() };
        Ok(Bought {
            rrpid: Bytes(rrpid.as_bytes().to_vec()),
            asked: Hash(*asked),
            signer: ordered.signer.map(Hash),
            authorization: Some(question(&tbs, &Message::AuthReq(request), &own)?),
            question: None,
            answer: None,
            captured: None,
            credited: None,
            is_reversed: false,
        })
    }

    /// Whether an order is paid, or about to be.
    async fn is_taken(&self, order: &Order) -> Result<bool, Error> {
        let Some(sale) = &order.sale else { return Ok(false) };
        let sale = self.ports.store.expect::<Sale>(sale).await?.value;
        Ok(sale.answer()?.is_none_or(|answer| !came_to_nothing(answer.auth_code)))
    }

    /// Has the gateway authorize, if it has not answered yet.
    pub(super) async fn authorize(&self, sale: Sale) -> Result<Sale, Stop> {
        let question = sale.bought.as_ref().and_then(|bought| bought.authorization.clone());
        match question {
            Some(question) => self.exchange(sale, question).await,
            None => Ok(sale),
        }
    }

    /// Asks the gateway how a purchase stands, with the cardholder's code if there is one.
    pub(super) async fn ask(
        &self,
        mut sale: Sale,
        rrpid: &Random,
        code: Option<CodeSubmission>,
    ) -> Result<Sale, Stop> {
        if sale.bought.is_none() {
            return match code {
                Some(_) => Err(Stop::Told(ErrorCode::UnknownXid)),
                None => Ok(sale),
            };
        }
        // It is not known whether the gateway has the purchase at all.
        if sale.answer()?.is_none() {
            sale = self.authorize(sale).await?;
            if code.is_none() {
                return Ok(sale);
            }
        }
        let Some(answer) = sale.answer()? else { return Ok(sale) };
        let code = match is_final(answer.auth_code) {
            false => code,
            // What is only held may have been released since, by the gateway, the bank or the time; a code changes nothing.
            true if sale.is_only_held()? => None,
            true => return Ok(sale),
        };
        let (sale, question) = self.code_question(sale, rrpid, code).await?;
        self.exchange(sale, question).await
    }

    /// The question of one request of the cardholder, kept before it is sent.
    async fn code_question(
        &self,
        sale: Sale,
        rrpid: &Random,
        code: Option<CodeSubmission>,
    ) -> Result<(Sale, Question), Stop> {
        let kept = sale.bought.as_ref().and_then(|bought| bought.question.clone());
        if let Some((_, question)) = kept.filter(|(asked_by, _)| asked_by.0 == rrpid.as_bytes()) {
            return Ok((sale, question));
        }
        let trans_ids = sale.trans_ids()?;
        let (auth_rr_tags, own) = self.tags()?;
        let tbs = Received::new(CodeReqTbs {
            auth_tags: AuthTags { auth_rr_tags, trans_ids },
            me_certificates: to_chain(&self.keys.exchange)?,
            code_submission: code,
        })?;
        let question = question(&tbs, &Message::CodeReq(self.sealed(&tbs)?), &own)?;
        // A code must not count twice; an inquiry may, and must not take a code's place.
        if tbs.code_submission.is_none() {
            return Ok((sale, question));
        }
        let keep = |mut found: Versioned<Sale>| {
            let asked = (Bytes(rrpid.as_bytes().to_vec()), question.clone());
            async move {
                let mut batch = Batch::default();
                if let Some(bought) = &mut found.value.bought {
                    bought.question = Some(asked);
                    batch.replace(&found)?;
                }
                Ok((batch, found.value))
            }
        };
        let sale = self.ports.store.change(sale.id(), keep).await?;
        Ok((sale, question))
    }

    /// Sends a question, and keeps what the gateway answers. Without an answer that is trusted, the sale stays as it is.
    async fn exchange(&self, sale: Sale, question: Question) -> Result<Sale, Stop> {
        let answered = match self.send(&question, Some(&sale.trans_ids()?.xid)).await? {
            Ok(answered) => answered,
            Err(error) => {
                tracing::warn!(%error, "asking the gateway again later");
                return Ok(sale);
            }
        };
        let order = self.ports.store.expect::<Order>(sale.order.as_str()).await?.value;
        let answer = match self.trusted(&answered, &question, &sale, &order)? {
            Ok(answer) => answer,
            Err(why) => {
                tracing::error!(why, "the gateway's answer is refused");
                return Ok(sale);
            }
        };
        let (kept, ends) = (Bytes(answer.to_der()?), is_final(answer.auth_code));
        let answer = &answer;
        let keep = |mut found: Versioned<Sale>| {
            let kept = kept.clone();
            async move {
                let mut batch = Batch::default();
                let is_new = tells_more(answer, &found.value)?;
                let is_asked_for = ends && found.value.next_at.take().is_some();
                if let Some(bought) = found.value.bought.as_mut().filter(|_| is_new) {
                    (bought.answer, bought.authorization) = (Some(kept), None);
                }
                if is_new || is_asked_for {
                    batch.replace(&found)?;
                }
                Ok((batch, found.value))
            }
        };
        Ok(self.ports.store.change(sale.id(), keep).await?)
    }

    /// Checks the gateway's answer: from the gateway that was asked, to this merchant, about this very question (W3). The
    /// inner error says why it is refused.
    fn trusted(
        &self,
        answered: &[u8],
        question: &Question,
        sale: &Sale,
        order: &Order,
    ) -> Result<Result<Answer, &'static str>, Stop> {
        let now = self.ports.clock.now();
        let (tags, digest, answer, signer) = match unwrap(answered).map(|one| one.message) {
            Ok(Message::AuthRes(sealed)) => {
                let Some((tbs, signer)) = self.opened(&sealed, now) else {
                    return Ok(Err("it is not authentic"));
                };
                let tbs = tbs.into_value();
                (tbs.auth_rr_tags, *tbs.h_auth_req.as_bytes(), tbs.answer, signer)
            }
            Ok(Message::CodeRes(sealed)) => {
                let Some((tbs, signer)) = self.opened(&sealed, now) else {
                    return Ok(Err("it is not authentic"));
                };
                let tbs = tbs.into_value();
                (tbs.rr_tags, *tbs.h_code_req.as_bytes(), tbs.answer, signer)
            }
            Ok(Message::Error(_)) => return Ok(Err("it could not process the question")),
            Ok(_) | Err(_) => return Ok(Err("it is no answer")),
        };
        let checks = [
            (self.gateway.is_named(&signer), "another gateway has signed it"),
            (tags.rrpid.as_bytes() == question.rrpid.0, "it is to another request"),
            (tags.merchant_id.as_str() == self.settings.id.as_str(), "it is to another merchant"),
            (digest == question.digest.0, "it is to another content"),
            (answer.trans_ids == sale.trans_ids()?, "it is of another purchase"),
            (
                answer.auth_amt == CurrencyAmount::try_from(order.amount)?,
                "it is about another amount",
            ),
        ];
        let wrong = checks.into_iter().find_map(|(fits, why)| (!fits).then_some(why));
        Ok(wrong.map_or(Ok(answer), Err))
    }

    /// Sends a question, as it was signed, under a header of now. When the gateway cannot process it, it may have another key.
    pub(super) async fn send(
        &self,
        question: &Question,
        xid: Option<&Random>,
    ) -> Result<Result<Vec<u8>, LinkError>, Failure> {
        let answered = self.exchanged(question, xid).await?;
        let message = answered.as_ref().ok().map(|answered| unwrap(answered));
        if let Some(Ok(MessageWrapper { message: Message::Error(_), .. })) = message {
            self.doubt_gateway().await?;
        }
        Ok(answered)
    }

    pub(super) async fn exchanged(
        &self,
        question: &Question,
        xid: Option<&Random>,
    ) -> Result<Result<Vec<u8>, LinkError>, Failure> {
        let rrpid = Random::try_from(question.rrpid.0.clone())?;
        let message = Message::from_der(&question.message.0)?;
        let message = wrap(message, &rrpid, xid, self.ports.clock.now())?;
        Ok(self.link.exchange(message).await)
    }

    /// What is in an answer, and the name of its signer.
    pub(super) fn opened<T: Content>(
        &self,
        sealed: &Sealed<Signed<T, Gateway>, Merchant>,
        now: Timestamp,
    ) -> Option<(Received<T>, String)> {
        let signed = sealed.open(std::slice::from_ref(&self.keys.exchange_key)).ok()?;
        let (tbs, signer) = signed.verify(&self.trust.anchors(), unix_time(now)).ok()?;
        Some((tbs, signer.common_name()?.to_owned()))
    }

    /// Signed, and encrypted to the gateway.
    pub(super) fn sealed<T: Content>(
        &self,
        tbs: &Received<T>,
    ) -> Result<Sealed<Signed<T, Merchant>, Gateway>, Failure> {
        let now = unix_time(self.ports.clock.now());
        let recipient = RecipientCertificate::new(&self.gateway_certificate()?);
        let recipient = recipient.map_err(of_the_gateway)?;
        Ok(Sealed::seal(&Signed::sign(tbs, &self.signer(), now)?, &recipient)?)
    }

    /// The gateway's certificate that is encrypted to.
    fn gateway_certificate(&self) -> Result<Certificate, ProtectError> {
        let certificate = self.gateway.current().into_iter().next();
        certificate.ok_or_else(|| of_the_gateway(countersign_certs::Error::NotARecipient))
    }

    /// The name of a new request of this merchant.
    pub(super) fn tags(&self) -> Result<(RrTags, Random), Failure> {
        let rrpid = Random::from(random(self.ports.entropy.as_ref())?);
        let date = generalized_time(self.ports.clock.now())?;
        let gateway = KeyOf::new(self.gateway_certificate()?.key_sha256());
        let tags = RrTags { rrpid: rrpid.clone(), merchant_id: self.merchant_id()?, date, gateway };
        Ok((tags, rrpid))
    }
}

const fn of_the_gateway(cause: countersign_certs::Error) -> ProtectError {
    ProtectError::Failed { what: "Cert-PE", cause }
}

/// A purchase that has begun, if it was by this request, whose answer could not be kept.
fn of_this_request(
    sale: Versioned<Sale>,
    rrpid: &Random,
    asked: &[u8; 32],
) -> Result<Result<Versioned<Sale>, CompletionCode>, Stop> {
    match &sale.value.bought {
        Some(bought) if bought.rrpid.0 != rrpid.as_bytes() => {
            Ok(Err(CompletionCode::OrderRejected))
        }
        Some(bought) if bought.asked.0 != *asked => Err(Stop::Told(ErrorCode::UnknownRrpid)),
        Some(_) | None => Ok(Ok(sale)),
    }
}

pub(super) fn question<T: Content>(
    tbs: &Received<T>,
    message: &Message,
    rrpid: &Random,
) -> Result<Question, Failure> {
    Ok(Question {
        rrpid: Bytes(rrpid.as_bytes().to_vec()),
        digest: Hash(*Digest::of(tbs)?.as_bytes()),
        message: Bytes(message.to_der()?),
    })
}

/// Whether an answer says what is not known of a sale yet. What is over stays over, whichever answer came last; what is only
/// held ends by a debit or a release.
fn tells_more(answer: &Answer, sale: &Sale) -> Result<bool, StoreError> {
    let ends = is_final(answer.auth_code);
    Ok(match sale.answer()? {
        None => true,
        Some(_) if sale.is_only_held()? => {
            ends && (answer.auth_code, answer.captured) != (AuthCode::Approved, false)
        }
        Some(before) => !is_final(before.auth_code),
    })
}

/// Whether nothing more will be said of a purchase, unless it is only held.
pub(crate) const fn is_final(code: AuthCode) -> bool {
    match code {
        AuthCode::CodePending
        | AuthCode::CodeWrong
        | AuthCode::UnderWay
        | AuthCode::InvalidTransaction => false,
        AuthCode::Approved
        | AuthCode::UnspecifiedFailure
        | AuthCode::Declined
        | AuthCode::NoReply
        | AuthCode::AmountError
        | AuthCode::ExpiredCard
        | AuthCode::PiPreviouslyUsed
        | AuthCode::PiAuthMismatch
        | AuthCode::CaptureNotSupported
        | AuthCode::SignatureRequired
        | AuthCode::CardMerchBrandMismatch
        | AuthCode::CodeExpired
        | AuthCode::CodeLocked
        | AuthCode::NoPhone
        | AuthCode::Cancelled
        | AuthCode::Untimely => true,
    }
}

/// Whether the order may be bought by another purchase.
const fn came_to_nothing(code: AuthCode) -> bool {
    is_final(code) && !matches!(code, AuthCode::Approved)
}
