//! A purchase that was sent: its code, its answers, how it stands.

use countersign_certs::TrustAnchors;
use countersign_domain::{code::TypedCode, randomness::Entropy, time::Timestamp};

use super::{Purchase, Wallet, WalletError, read, unexpected};
use crate::{
    asn1::{Random, Received, SecretDigits, SecretOctets, SecretText},
    message::{
        authorization::AuthCode,
        code::{
            CodeDirectReq, CodeDirectResData, CodeForwardReq, CodeStartData, CodeSubmission,
            CodeSubmissionTbe,
        },
        common::TransIds,
        inquiry::{InqReq, InqReqData},
        purchase::{CompletionCode, HodInput, Mode, PResData, PiTbs, Receipt, ReceiptData},
        wrapper::Message,
    },
    name::{random, unix_time},
    protect::{Digest, Gateway, KeyOf, Sealed, Signed},
    wire::wrap,
};

/// A purchase that was sent, and what its answer must be.
#[derive(Debug)]
pub struct Sent {
    pub(super) purchase: Purchase,
    /// What was agreed to: payment, order and gateway.
    pub(super) pi_tbs: Digest<PiTbs>,
    /// What was bought.
    pub(super) hod: Digest<HodInput>,
    pub(super) mode: Mode,
    pub(super) ex_nonce: SecretOctets,
}

/// A question to the merchant that is not answered yet.
#[derive(Clone, Debug)]
pub struct Asked {
    pub(crate) rrpid: Random,
    pub(crate) chall_c: Random,
}

/// How a purchase stands, as merchant and gateway say.
#[derive(Clone, Debug)]
pub struct Progress {
    /// How far it is.
    pub completion: CompletionCode,
    /// What the gateway says.
    pub auth_code: Option<AuthCode>,
    /// How many codes may still be typed.
    pub attempts_left: Option<u8>,
    /// What to ask the person for.
    pub code: Option<CodeStart>,
    /// The gateway's receipt, verified, and as it came.
    pub receipt: Option<(ReceiptData, Vec<u8>)>,
}

/// A code is on its way to the phone.
#[derive(Clone, Debug)]
pub struct CodeStart {
    /// The phone, masked.
    pub phone: String,
    /// How many digits it has.
    pub digits: u8,
    /// How many codes may be typed.
    pub attempts_left: u8,
    /// Where the gateway takes it without the merchant in between.
    pub gateway_url: String,
    /// Until when.
    pub expires_at: Timestamp,
    /// Whether the person's PIN is asked for beside it.
    pub asks_pin: bool,
}

/// What a person typed back.
#[derive(Clone, Copy)]
pub struct Typed<'a> {
    /// The digits that came in the message, and nothing else.
    pub code: &'a str,
    /// The PIN or password, where it is asked for.
    pub pin: Option<&'a str>,
}

impl<'a> From<&'a str> for Typed<'a> {
    fn from(code: &'a str) -> Self {
        Self { code, pin: None }
    }
}

impl<'a> From<&'a String> for Typed<'a> {
    fn from(code: &'a String) -> Self {
        code.as_str().into()
    }
}

impl CodeStart {
    /// Whether it has as many digits as the code that was sent. Another one need not cost an attempt.
    pub fn can_be(&self, code: &TypedCode) -> bool {
        code.expose().len() == usize::from(self.digits)
    }
}

impl Sent {
    /// The purchase.
    pub const fn purchase(&self) -> &Purchase {
        &self.purchase
    }

    /// The typed code on its way through the merchant (F11.11).
    ///
    /// # Errors
    /// When the source of randomness or a key fails.
    pub fn code_forward<'a>(
        &self,
        typed: impl Into<Typed<'a>>,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Asked), WalletError> {
        let asked = Asked { rrpid: random(entropy)?.into(), chall_c: random(entropy)?.into() };
        let trans_ids = self.trans_ids().clone();
        let xid = trans_ids.xid.clone();
        let forward = CodeForwardReq {
            trans_ids,
            rrpid: asked.rrpid.clone(),
            chall_c: asked.chall_c.clone(),
            code_submission: self.submission(typed.into())?,
        };
        Ok((wrap(Message::CodeForwardReq(forward), &asked.rrpid, Some(&xid), now)?, asked))
    }

    /// The typed code straight to the gateway (F11.11).
    ///
    /// # Errors
    /// When the source of randomness or a key fails.
    pub fn code_direct<'a>(
        &self,
        typed: impl Into<Typed<'a>>,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Random), WalletError> {
        let rrpid = Random::from(random(entropy)?);
        let xid = self.trans_ids().xid.clone();
        let direct = CodeDirectReq {
            rrpid: rrpid.clone(),
            xid: xid.clone(),
            code_submission: self.submission(typed.into())?,
        };
        Ok((wrap(Message::CodeDirectReq(direct), &rrpid, Some(&xid), now)?, rrpid))
    }

    /// The question how the purchase stands, signed if the purchase was.
    ///
    /// # Errors
    /// When the source of randomness or a key fails.
    pub fn inquiry(
        &self,
        wallet: &Wallet,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Asked), WalletError> {
        let asked = Asked { rrpid: random(entropy)?.into(), chall_c: random(entropy)?.into() };
        let data = InqReqData {
            trans_ids: self.trans_ids().clone(),
            rrpid: asked.rrpid.clone(),
            chall_c2: asked.chall_c.clone(),
        };
        let xid = data.trans_ids.xid.clone();
        let inquiry = match wallet.signer() {
            Some(signer) => {
                InqReq::Signed(Signed::sign(&Received::new(data)?, &signer, unix_time(now))?)
            }
            None => InqReq::Unsigned(data),
        };
        Ok((wrap(Message::InqReq(inquiry), &asked.rrpid, Some(&xid), now)?, asked))
    }

    /// Checks the merchant's answer to the purchase, to a code or to an inquiry, and the gateway's own words in it.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn answer(
        &self,
        asked: &Asked,
        answer: &[u8],
        trust: &TrustAnchors,
        now: Timestamp,
    ) -> Result<Progress, WalletError> {
        let wrapper = read(answer)?;
        let (Message::PRes(signed) | Message::InqRes(signed) | Message::CodeForwardRes(signed)) =
            wrapper.message
        else {
            return Err(unexpected(wrapper, trust, now));
        };
        let (answer, signer) = signed.verify(trust, unix_time(now))?;
        for (field, is_equal) in [
            ("signer", self.purchase.offer.merchant == KeyOf::new(*signer.key_sha256())),
            ("transIDs", answer.trans_ids == *self.trans_ids()),
            ("rrpid", answer.rrpid == asked.rrpid),
            ("chall-C", answer.chall_c == asked.chall_c),
        ] {
            if !is_equal {
                return Err(WalletError::Mismatch(field));
            }
        }
        self.progress(&answer, trust, now)
    }

    fn progress(
        &self,
        answer: &PResData,
        trust: &TrustAnchors,
        now: Timestamp,
    ) -> Result<Progress, WalletError> {
        let code = match &answer.code_start {
            Some(start) => Some(self.code_start(start, trust, now)?),
            None => None,
        };
        let receipt = match &answer.receipt {
            Some(receipt) => Some(self.receipt(receipt, trust, now)?),
            None => None,
        };
        // A merchant's word alone is no proof that it is paid (W4).
        if is_paid(answer.completion_code) && receipt.is_none() {
            return Err(WalletError::Mismatch("receipt"));
        }
        Ok(Progress {
            completion: answer.completion_code,
            auth_code: answer.auth_code,
            attempts_left: answer.attempts_left.and_then(|left| u8::try_from(left.get()).ok()),
            code,
            receipt,
        })
    }

    /// Checks the gateway's answer to a code that was sent straight to it.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn direct_answer(
        &self,
        rrpid: &Random,
        answer: &[u8],
        trust: &TrustAnchors,
        now: Timestamp,
    ) -> Result<Progress, WalletError> {
        let wrapper = read(answer)?;
        let Message::CodeDirectRes(signed) = wrapper.message else {
            return Err(unexpected(wrapper, trust, now));
        };
        let (answer, signer) = signed.verify(trust, unix_time(now))?;
        let CodeDirectResData { auth_code, attempts_left, .. } = &*answer;
        for (field, is_equal) in [
            ("signer", self.purchase.gateway.is_named(signer.common_name())),
            ("rrpid", answer.rrpid == *rrpid),
            ("xid", answer.xid == self.trans_ids().xid),
        ] {
            if !is_equal {
                return Err(WalletError::Mismatch(field));
            }
        }
        let receipt = match &answer.receipt {
            Some(receipt) => Some(self.receipt(receipt, trust, now)?),
            None => None,
        };
        Ok(Progress {
            completion: completion_of(*auth_code, answer.captured),
            auth_code: Some(*auth_code),
            attempts_left: attempts_left.and_then(|left| u8::try_from(left.get()).ok()),
            code: None,
            receipt,
        })
    }

    /// The gateway's request for a code: of this purchase, from the gateway that it was encrypted to.
    fn code_start(
        &self,
        start: &Signed<CodeStartData, Gateway>,
        trust: &TrustAnchors,
        now: Timestamp,
    ) -> Result<CodeStart, WalletError> {
        let (start, signer) = start.verify(trust, unix_time(now))?;
        for (field, is_equal) in [
            ("signer", self.purchase.gateway.is_named(signer.common_name())),
            ("transIDs", start.trans_ids == *self.trans_ids()),
            ("hPI-TBS", start.h_pi_tbs == self.pi_tbs),
            ("merchantID", start.merchant_id == self.purchase.answer.merchant_id),
            ("gateway", start.gateway == self.purchase.gateway.key),
        ] {
            if !is_equal {
                return Err(WalletError::Mismatch(field));
            }
        }
        Ok(CodeStart {
            phone: start.phone.as_str().to_owned(),
            digits: u8::try_from(start.digits.get()).unwrap_or(6),
            attempts_left: u8::try_from(start.attempts_left.get()).unwrap_or(1),
            gateway_url: start.gateway_url.as_str().to_owned(),
            expires_at: crate::name::timestamp(&start.expires_at),
            asks_pin: start.pin_asked == Some(true),
        })
    }

    /// The gateway's receipt: of this purchase, this order, this amount.
    fn receipt(
        &self,
        receipt: &Receipt,
        trust: &TrustAnchors,
        now: Timestamp,
    ) -> Result<(ReceiptData, Vec<u8>), WalletError> {
        let (data, signer) = receipt.verify(trust, unix_time(now))?;
        for (field, is_equal) in [
            ("signer", self.purchase.gateway.is_named(signer.common_name())),
            ("transIDs", data.trans_ids == *self.trans_ids()),
            ("merchantID", data.merchant_id == self.purchase.answer.merchant_id),
            ("hod", data.hod == self.hod),
            ("purchAmt", data.purch_amt == self.purchase.offer.data.purch_amt),
            ("hPI-TBS", data.h_pi_tbs == self.pi_tbs),
            ("mode", data.mode == self.mode),
        ] {
            if !is_equal {
                return Err(WalletError::Mismatch(field));
            }
        }
        Ok((data.into_value(), receipt.as_bytes().to_vec()))
    }

    /// Encrypts a typed code to the gateway that the payment was encrypted to.
    fn submission(&self, typed: Typed<'_>) -> Result<CodeSubmission, WalletError> {
        let tbe = CodeSubmissionTbe {
            xid: self.trans_ids().xid.clone(),
            h_pi_tbs: self.pi_tbs.clone(),
            ex_nonce: self.ex_nonce.clone(),
            code: SecretDigits::try_from(typed.code)?,
            pin: typed.pin.map(SecretText::try_from).transpose()?,
        };
        Ok(Sealed::seal(&tbe, &self.purchase.gateway.recipient)?)
    }

    fn trans_ids(&self) -> &TransIds {
        &self.purchase.answer.trans_ids
    }
}

/// How far a purchase is, by what the gateway says.
pub(crate) const fn completion_of(auth_code: AuthCode, captured: bool) -> CompletionCode {
    match auth_code {
        AuthCode::Approved if captured => CompletionCode::CapturePerformed,
        AuthCode::Approved => CompletionCode::AuthorizationPerformed,
        AuthCode::CodePending | AuthCode::CodeWrong => CompletionCode::CodeAsked,
        AuthCode::UnderWay => CompletionCode::OrderReceived,
        AuthCode::SignatureRequired => CompletionCode::SignatureRequired,
        AuthCode::UnspecifiedFailure
        | AuthCode::Declined
        | AuthCode::NoReply
        | AuthCode::AmountError
        | AuthCode::ExpiredCard
        | AuthCode::InvalidTransaction
        | AuthCode::PiPreviouslyUsed
        | AuthCode::PiAuthMismatch
        | AuthCode::CaptureNotSupported
        | AuthCode::CardMerchBrandMismatch
        | AuthCode::CodeExpired
        | AuthCode::CodeLocked
        | AuthCode::NoPhone
        | AuthCode::Cancelled
        | AuthCode::Untimely => CompletionCode::NotAuthorized,
    }
}

/// Whether a merchant says that the bank holds or has debited the amount.
const fn is_paid(completion: CompletionCode) -> bool {
    match completion {
        CompletionCode::AuthorizationPerformed
        | CompletionCode::CapturePerformed
        | CompletionCode::CreditPerformed => true,
        CompletionCode::OrderRejected
        | CompletionCode::OrderReceived
        | CompletionCode::OrderNotReceived
        | CompletionCode::CodeAsked
        | CompletionCode::SignatureRequired
        | CompletionCode::NotAuthorized => false,
    }
}
