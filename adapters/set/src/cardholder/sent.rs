//! A purchase that was sent: its code, its answers, how it stands.

use countersign_domain::{randomness::Entropy, time::Timestamp};

use super::{Purchase, Wallet, WalletError, read, unexpected};
use crate::{
    asn1::{Random, Received, SecretDigits, SecretOctets},
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
    pub(super) rrpid: Random,
    pub(super) chall_c: Random,
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
    /// Where the gateway takes it without the merchant in between.
    pub gateway_url: String,
    /// Until when.
    pub expires_at: Timestamp,
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
    pub fn code_forward(
        &self,
        code: &str,
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
            code_submission: self.submission(code)?,
        };
        Ok((wrap(Message::CodeForwardReq(forward), &asked.rrpid, Some(&xid), now)?, asked))
    }

    /// The typed code straight to the gateway (F11.11).
    ///
    /// # Errors
    /// When the source of randomness or a key fails.
    pub fn code_direct(
        &self,
        code: &str,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Random), WalletError> {
        let rrpid = Random::from(random(entropy)?);
        let xid = self.trans_ids().xid.clone();
        let direct = CodeDirectReq {
            rrpid: rrpid.clone(),
            xid: xid.clone(),
            code_submission: self.submission(code)?,
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
        wallet: &Wallet,
        now: Timestamp,
    ) -> Result<Progress, WalletError> {
        let wrapper = read(answer)?;
        let (Message::PRes(signed) | Message::InqRes(signed) | Message::CodeForwardRes(signed)) =
            wrapper.message
        else {
            return Err(unexpected(wrapper, &wallet.trust, now));
        };
        let (answer, signer) = signed.verify(&wallet.trust, unix_time(now))?;
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
        self.progress(&answer, wallet, now)
    }

    fn progress(
        &self,
        answer: &PResData,
        wallet: &Wallet,
        now: Timestamp,
    ) -> Result<Progress, WalletError> {
        let code = match &answer.code_start {
            Some(start) => Some(self.code_start(start, wallet, now)?),
            None => None,
        };
        let receipt = match &answer.receipt {
            Some(receipt) => Some(self.receipt(receipt, wallet, now)?),
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
        wallet: &Wallet,
        now: Timestamp,
    ) -> Result<Progress, WalletError> {
        let wrapper = read(answer)?;
        let Message::CodeDirectRes(signed) = wrapper.message else {
            return Err(unexpected(wrapper, &wallet.trust, now));
        };
        let (answer, signer) = signed.verify(&wallet.trust, unix_time(now))?;
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
            Some(receipt) => Some(self.receipt(receipt, wallet, now)?),
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
        wallet: &Wallet,
        now: Timestamp,
    ) -> Result<CodeStart, WalletError> {
        let (start, signer) = start.verify(&wallet.trust, unix_time(now))?;
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
            gateway_url: start.gateway_url.as_str().to_owned(),
            expires_at: crate::name::timestamp(&start.expires_at),
        })
    }

    /// The gateway's receipt: of this purchase, this order, this amount.
    fn receipt(
        &self,
        receipt: &Receipt,
        wallet: &Wallet,
        now: Timestamp,
    ) -> Result<(ReceiptData, Vec<u8>), WalletError> {
        let (data, signer) = receipt.verify(&wallet.trust, unix_time(now))?;
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
    fn submission(&self, code: &str) -> Result<CodeSubmission, WalletError> {
        let typed = SecretDigits::try_from(code)?;
        let tbe = CodeSubmissionTbe {
            xid: self.trans_ids().xid.clone(),
            h_pi_tbs: self.pi_tbs.clone(),
            ex_nonce: self.ex_nonce.clone(),
            code: typed,
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
