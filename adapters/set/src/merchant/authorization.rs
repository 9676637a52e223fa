//! What the merchant asks of the gateway, and what it believes of the answer. A question is kept before it is sent, and sent
//! again as it is: the gateway gives the same answer.

use countersign_certs::{EndEntityKind, RecipientCertificate};
use countersign_domain::{
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
        common::{CurrencyAmount, RrTags, TransIds},
        failure::ErrorCode,
        purchase::CompletionCode,
        wrapper::Message,
    },
    name::{generalized_time, random, unix_time},
    protect::{Digest, Gateway, KeyOf, Merchant, ProtectError, Sealed, Signed},
    record::{Bought, Bytes, Hash, Order, Question, Sale},
    stop::Stop,
    table::Content,
    trust::{to_chain, verify_chain},
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
            // Somebody else is at it.
            Err(StoreError::Conflict { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        sale.version = sale.version.next();
        let own = Random::from(random(self.ports.entropy.as_ref())?);
        self.ask(sale, &own, None).await.map(drop)
    }

    /// Whether this is the gateway that the merchant names.
    pub(super) fn names(&self, gateway: &KeyOf<Gateway>) -> bool {
        let named = self.settings.gateway.first();
        named.is_some_and(|named| named.key_sha256() == *gateway.as_bytes())
    }

    /// Keeps the purchase with the question for the gateway. The inner error is the answer to the cardholder: another
    /// purchase of the same order is under way, or paid.
    pub(super) async fn begin(
        &self,
        ordered: Ordered,
        rrpid: &Random,
    ) -> Result<Result<Versioned<Sale>, CompletionCode>, Stop> {
        let Ordered { mut sale, mut order, .. } = ordered;
        if let Some(bought) = &sale.value.bought {
            // The same request, whose answer could not be kept; or another one, for a name that is used.
            let is_this = bought.rrpid.0 == rrpid.as_bytes();
            return Ok(if is_this { Ok(sale) } else { Err(CompletionCode::OrderRejected) });
        }
        if self.is_taken(&order.value).await? || self.ports.clock.now() >= order.value.expires_at {
            return Ok(Err(CompletionCode::OrderRejected));
        }
        let trans_ids = sale.value.trans_ids()?;
        let (auth_rr_tags, own) = self.tags()?;
        let tbs = Received::new(AuthReqTbs {
            auth_req_data: AuthReqData {
                auth_tags: AuthTags { auth_rr_tags, trans_ids: trans_ids.clone() },
                check_digests: CheckDigests { h_oi_data: ordered.h_oi_data, hod2: ordered.hod },
                auth_req_payload: AuthReqPayload {
                    auth_req_amt: CurrencyAmount::try_from(order.value.amount)?,
                    capture_now: self.settings.capture_now,
                },
                me_certificates: to_chain(&self.keys.exchange)?,
            },
            h_baggage: Digest::of(&ordered.pi)?,
        })?;
        let request = AuthReq { enc: self.sealed(&tbs)?, baggage: ordered.pi };
        sale.value.bought = Some(Bought {
            rrpid: Bytes(rrpid.as_bytes().to_vec()),
            signer: ordered.signer.map(Hash),
            authorization: self.question(&tbs, Message::AuthReq(request), &own, &trans_ids)?,
            question: None,
            answer: None,
            captured: None,
            credited: None,
        });
        sale.value.next_at = Some(self.ports.clock.now().plus_seconds(ASK_AGAIN_SECONDS));
        order.value.sale = Some(Sale::id_of(&trans_ids.xid));
        let mut batch = Batch::default();
        batch.replace(&sale)?;
        batch.replace(&order)?;
        match self.ports.store.commit(batch).await {
            Ok(()) => Ok(Ok(Versioned { version: sale.version.next(), value: sale.value })),
            // By this request, which was sent twice at once; or by another purchase of the order.
            Err(StoreError::Conflict { .. }) => {
                let id = Sale::id_of(&trans_ids.xid);
                let found = self.ports.store.expect::<Sale>(&id).await?;
                let bought = found.value.bought.as_ref();
                let is_this = bought.is_some_and(|bought| bought.rrpid.0 == rrpid.as_bytes());
                Ok(if is_this { Ok(found) } else { Err(CompletionCode::OrderRejected) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an order is paid, or about to be.
    async fn is_taken(&self, order: &Order) -> Result<bool, Stop> {
        let Some(sale) = &order.sale else { return Ok(false) };
        let sale = self.ports.store.expect::<Sale>(sale).await?.value;
        Ok(sale.answer()?.is_none_or(|answer| !came_to_nothing(answer.auth_code)))
    }

    /// Has the gateway authorize, if it has not answered yet.
    pub(super) async fn authorize(&self, sale: Versioned<Sale>) -> Result<Sale, Stop> {
        let question = match &sale.value.bought {
            Some(bought) if bought.answer.is_none() => bought.authorization.clone(),
            Some(_) | None => return Ok(sale.value),
        };
        self.exchange(sale, question).await
    }

    /// Asks the gateway how a purchase stands, with the cardholder's code if there is one.
    pub(super) async fn ask(
        &self,
        mut sale: Versioned<Sale>,
        rrpid: &Random,
        code: Option<CodeSubmission>,
    ) -> Result<Sale, Stop> {
        if sale.value.bought.is_none() {
            return match code {
                Some(_) => Err(Stop::Told(ErrorCode::UnknownXid)),
                None => Ok(sale.value),
            };
        }
        match sale.value.answer()? {
            // It is not known whether the gateway has the purchase at all.
            None => {
                let asked = self.authorize(sale).await?;
                match code {
                    Some(_) if asked.answer()?.is_some() => {
                        let id = Sale::id_of(&asked.trans_ids()?.xid);
                        sale = self.ports.store.expect::<Sale>(&id).await?;
                    }
                    Some(_) | None => return Ok(asked),
                }
            }
            Some(answer) if is_final(answer.auth_code) => return Ok(sale.value),
            Some(_) => {}
        }
        let trans_ids = sale.value.trans_ids()?;
        let kept = sale.value.bought.as_ref().and_then(|bought| bought.question.as_ref());
        let question = match kept {
            Some((asked_by, question)) if asked_by.0 == rrpid.as_bytes() => question.clone(),
            _ => {
                let (rr_tags, own) = self.tags()?;
                let tbs = Received::new(CodeReqTbs {
                    auth_tags: AuthTags { auth_rr_tags: rr_tags, trans_ids: trans_ids.clone() },
                    me_certificates: to_chain(&self.keys.exchange)?,
                    code_submission: code,
                })?;
                // A code must not count twice; an inquiry may, and must not take a code's place.
                let is_kept = tbs.code_submission.is_some();
                let message = Message::CodeReq(self.sealed(&tbs)?);
                let question = self.question(&tbs, message, &own, &trans_ids)?;
                if let Some(bought) = sale.value.bought.as_mut().filter(|_| is_kept) {
                    let asked_by = Bytes(rrpid.as_bytes().to_vec());
                    bought.question = Some((asked_by, question.clone()));
                    let mut batch = Batch::default();
                    batch.replace(&sale)?;
                    self.ports.store.commit(batch).await?;
                    sale.version = sale.version.next();
                }
                question
            }
        };
        self.exchange(sale, question).await
    }

    /// Sends a question, and keeps what the gateway answers. Without an answer that is believed, the sale stays as it is.
    async fn exchange(&self, sale: Versioned<Sale>, question: Question) -> Result<Sale, Stop> {
        let answered = match self.send(&question).await? {
            Ok(answered) => answered,
            Err(error) => {
                tracing::warn!(%error, "asking the gateway again later");
                return Ok(sale.value);
            }
        };
        let order = self.ports.store.expect::<Order>(sale.value.order.as_str()).await?.value;
        let answer = match self.believed(&answered, &question, &sale.value, &order)? {
            Ok(answer) => answer,
            Err(why) => {
                tracing::error!(why, "the gateway's answer is not believed");
                return Ok(sale.value);
            }
        };
        let (kept, ends) = (Bytes(answer.to_der()?), is_final(answer.auth_code));
        let id = Sale::id_of(&sale.value.trans_ids()?.xid);
        let keep = |mut found: Versioned<Sale>| {
            let kept = kept.clone();
            async move {
                let mut batch = Batch::default();
                // What is over stays over, whichever answer came last.
                let over = found.value.answer()?.is_some_and(|answer| is_final(answer.auth_code));
                if let Some(bought) = found.value.bought.as_mut().filter(|_| !over) {
                    bought.answer = Some(kept);
                    if ends {
                        found.value.next_at = None;
                    }
                    batch.replace(&found)?;
                }
                Ok((batch, found.value))
            }
        };
        Ok(self.ports.store.change(&id, keep).await?)
    }

    /// Checks the gateway's answer: from the gateway that was asked, to this merchant, about this very question (W3). The
    /// inner error says why it is not believed.
    fn believed(
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
            (self.is_our_gateway(&signer, now)?, "another gateway has signed it"),
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

    /// Whether a signer bears the name of the gateway that is encrypted to.
    pub(super) fn is_our_gateway(&self, signer: &str, now: Timestamp) -> der::Result<bool> {
        let gateway = verify_chain(
            &self.trust.anchors(),
            &to_chain(&self.settings.gateway)?,
            unix_time(now),
            EndEntityKind::GatewayKeyExchange,
        );
        Ok(gateway.is_ok_and(|gateway| gateway.common_name() == Some(signer)))
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
    ) -> Result<Sealed<Signed<T, Merchant>, Gateway>, Stop> {
        let now = unix_time(self.ports.clock.now());
        let failed = |cause| ProtectError::Failed { what: "Cert-PE", cause };
        let certificate = self.settings.gateway.first();
        let certificate =
            certificate.ok_or_else(|| failed(countersign_certs::Error::NotARecipient))?;
        let recipient = RecipientCertificate::new(certificate).map_err(failed)?;
        Ok(Sealed::seal(&Signed::sign(tbs, &self.signer(), now)?, &recipient)?)
    }

    pub(super) fn question<T: Content>(
        &self,
        tbs: &Received<T>,
        message: Message,
        rrpid: &Random,
        trans_ids: &TransIds,
    ) -> Result<Question, Stop> {
        Ok(Question {
            rrpid: Bytes(rrpid.as_bytes().to_vec()),
            xid: Bytes(trans_ids.xid.as_bytes().to_vec()),
            digest: Hash(*Digest::of(tbs)?.as_bytes()),
            message: Bytes(message.to_der()?),
        })
    }

    /// Sends a question, as it was signed, under a header of now.
    pub(super) async fn send(
        &self,
        question: &Question,
    ) -> Result<Result<Vec<u8>, LinkError>, Failure> {
        let rrpid = Random::try_from(question.rrpid.0.clone())?;
        let xid = Random::try_from(question.xid.0.clone())?;
        let message = Message::from_der(&question.message.0)?;
        let message = wrap(message, &rrpid, Some(&xid), self.ports.clock.now())?;
        Ok(self.link.exchange(message).await)
    }

    /// The name of a new request of this merchant.
    pub(super) fn tags(&self) -> Result<(RrTags, Random), Stop> {
        let rrpid = Random::from(random(self.ports.entropy.as_ref())?);
        let date = generalized_time(self.ports.clock.now())?;
        let tags = RrTags { rrpid: rrpid.clone(), merchant_id: self.merchant_id()?, date };
        Ok((tags, rrpid))
    }
}

/// Whether nothing more will be said of a purchase.
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
