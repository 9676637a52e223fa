//! The cardholder's side (1101): from a wake-up to a receipt. It knows no network: messages in, messages out.
//!
//! ```text
//!   Wallet::offer(wake-up) -> Offer
//!   Offer::begin           -> PInitReq        Begun::accept(PInitRes)     -> Purchase
//!   Purchase::request      -> PReq            Sent::answer(PRes)          -> Progress      sent.rs
//!   Sent::code_forward     -> CodeForwardReq  Sent::answer(PRes)          -> Progress
//!   Sent::code_direct      -> CodeDirectReq   Sent::direct_answer         -> Progress
//!   Sent::inquiry          -> InqReq          Sent::answer(InqRes)        -> Progress
//! ```

mod kept;
mod sent;

use countersign_certs::{
    Certificate, EndEntityKind, KeyPair, RecipientCertificate, TrustAnchors, UnixTime,
    cms::signed::Signer,
};
use countersign_domain::{
    amount::Amount, binding::ShortReference, card::Card, digest::Sha256Digest, randomness::Entropy,
    time::Timestamp,
};
use thiserror::Error;

use crate::{
    asn1::{Received, SecretOctets, Text},
    message::{
        common::{BrandId, LocalId, Software},
        failure::{ErrorCode, ErrorMessage},
        initiation::{PInitReq, PInitResData, PWakeUp, PWakeUpData},
        purchase::{
            HodInput, Hpi, Inputs, Mode, OiData, OiDualSigned, OiUnsigned, PReq, PReqDualSigned,
            PReqUnsigned, PanData, PanToken, PiData, PiDataUnsigned, PiDualSigned, PiDualSignedTbe,
            PiHead, PiTbs, PiUnsignedTbe, PurchaseName,
        },
        wrapper::{Message, MessageWrapper},
    },
    name::{card_digits, random, unix_time},
    protect::{Digest, Gateway, KeyOf, Merchant, ProtectError, Sealed, Signature},
    record::{Order, OrderId},
    trust::verify_chain,
    wire::{Failure, SOFTWARE, unwrap, wrap},
};

pub(crate) use self::kept::KeptSent;
pub(crate) use self::sent::completion_of;
pub use self::sent::{Asked, CodeStart, Progress, Sent, Typed};

/// Why a cardholder's program does not go on.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WalletError {
    /// A message is not one.
    #[error("what the other side sent is refused: {0}")]
    Unreadable(ErrorCode),
    /// The other side cannot process what was sent.
    #[error("the other side cannot process the message: {0}")]
    Answered(ErrorCode),
    /// A signature or a certificate is refused.
    #[error(transparent)]
    NotAuthentic(#[from] ProtectError),
    /// The answer is to another question.
    #[error("the answer does not belong to this purchase: {0} differs")]
    Mismatch(&'static str),
    /// The authority registers no such cards, merchants or gateways.
    #[error("the authority does not register this: {0}")]
    Referred(String),
    /// The offer is in money that is not known.
    #[error("the offer is not in a currency that is known")]
    Money,
    /// It failed on this side.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<der::Error> for WalletError {
    fn from(error: der::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<countersign_domain::randomness::EntropyError> for WalletError {
    fn from(error: countersign_domain::randomness::EntropyError) -> Self {
        Self::Failed(error.into())
    }
}

/// A certificate and its key, with which the cardholder signs.
#[derive(Debug)]
pub struct Identity {
    /// What tells the gateway that the key, the card and the number are one person's.
    pub certificate: Certificate,
    /// Those above it.
    pub above: Vec<Certificate>,
    /// What signs orders and inquiries.
    pub key: KeyPair,
    /// What ties the card to the name in the certificate.
    pub pan_secret: SecretOctets,
}

/// What a cardholder pays with, unlocked (F11.7).
#[derive(Debug)]
pub struct Wallet {
    /// What is debited.
    pub card: Card,
    /// Its brand.
    pub brand: BrandId,
    /// The certificate; without one, the code is all that proves the person (F11.v1).
    pub identity: Option<Identity>,
    /// The authorities that are trusted for merchants and gateways.
    pub trust: TrustAnchors,
    /// The language of messages (RFC 5646).
    pub language: Text<35>,
}

/// What a merchant offers, its signature verified.
#[derive(Clone, Debug)]
pub struct Offer {
    data: PWakeUpData,
    merchant: KeyOf<Merchant>,
}

impl Wallet {
    /// The offer in a wake-up.
    ///
    /// # Errors
    /// When it is not signed by a merchant that is trusted, or is not money that is known.
    pub fn offer(&self, wake_up: &[u8], now: Timestamp) -> Result<Offer, WalletError> {
        Offer::read(wake_up, &self.trust, now)
    }

    fn signer(&self) -> Option<Signer<'_>> {
        self.identity.as_ref().map(|identity| Signer {
            certificate: &identity.certificate,
            key: &identity.key,
            above: &identity.above,
        })
    }
}

impl Offer {
    /// The offer in a wake-up: it can be looked at before the wallet is opened.
    ///
    /// # Errors
    /// When it is not signed by a merchant that is trusted, or is not money that is known.
    pub fn read(wake_up: &[u8], trust: &TrustAnchors, now: Timestamp) -> Result<Self, WalletError> {
        use der::Decode as _;
        let unreadable = |_| WalletError::Unreadable(ErrorCode::DecodingFailure);
        let wake_up = PWakeUp::from_der(wake_up).map_err(unreadable)?;
        let (data, signer) = wake_up.verify(trust, unix_time(now))?;
        let merchant = KeyOf::new(*signer.key_sha256());
        if signer.common_name() != Some(data.merchant_id.as_str()) {
            return Err(WalletError::Mismatch("merchantID"));
        }
        let offer = Self { data: data.into_value(), merchant };
        offer.amount()?;
        Ok(offer)
    }

    /// What is to be paid.
    ///
    /// # Errors
    /// When it is not money that is known.
    pub fn amount(&self) -> Result<Amount, WalletError> {
        Amount::try_from(&self.data.purch_amt).map_err(|_| WalletError::Money)
    }

    /// The merchant, by the name that people know.
    pub fn merchant_name(&self) -> &str {
        self.data.merchant_name.as_str()
    }

    /// The goods in words.
    pub fn description(&self) -> &str {
        self.data.order_description.as_str()
    }

    /// The merchant's order, if its name in messages is an id of ours.
    pub fn order(&self) -> Option<OrderId> {
        Order::id_of(&self.data.lid_m)
    }

    /// Where the merchant takes messages.
    pub fn url(&self) -> &str {
        self.data.set_url.as_str()
    }

    /// The first message (F11.8).
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn begin(
        self,
        wallet: &Wallet,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Begun), WalletError> {
        let request = PInitReq {
            rrpid: random(entropy)?.into(),
            language: wallet.language.clone(),
            lid_c: LocalId::try_from(random(entropy)?.to_vec())?,
            lid_m: self.data.lid_m.clone(),
            chall_c: random(entropy)?.into(),
            brand_id: wallet.brand.clone(),
        };
        let message = wrap(Message::PInitReq(request.clone()), &request.rrpid, None, now)?;
        Ok((message, Begun { offer: self, request }))
    }
}

/// A purchase that the merchant has not named yet.
#[derive(Clone, Debug)]
pub struct Begun {
    offer: Offer,
    request: PInitReq,
}

impl Begun {
    /// Checks the merchant's answer (SET book 2, the cardholder's checks on PInitRes): its signer is who made the offer; the
    /// identifiers and the challenge are the cardholder's own; the gateway is one that is trusted.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn accept(
        self,
        answer: &[u8],
        wallet: &Wallet,
        now: Timestamp,
    ) -> Result<Purchase, WalletError> {
        let wrapper = read(answer)?;
        let Message::PInitRes(signed) = wrapper.message else {
            return Err(unexpected(wrapper, &wallet.trust, now));
        };
        let at = unix_time(now);
        let (answer, signer) = signed.verify(&wallet.trust, at)?;
        let Self { offer, request } = self;
        for (field, is_equal) in [
            ("signer", offer.merchant == KeyOf::new(*signer.key_sha256())),
            ("merchantID", answer.merchant_id == offer.data.merchant_id),
            ("lid-C", answer.trans_ids.lid_c == request.lid_c),
            ("lid-M", answer.trans_ids.lid_m == request.lid_m),
            ("rrpid", answer.rrpid == request.rrpid),
            ("chall-C", answer.chall_c == request.chall_c),
        ] {
            if !is_equal {
                return Err(WalletError::Mismatch(field));
            }
        }
        let gateway = gateway_of(&answer, &wallet.trust, at)?;
        Ok(Purchase { offer, answer, gateway })
    }
}

/// The gateway that the merchant names, if it is one: its certificate is looked at before anything is encrypted to it.
fn gateway_of(
    answer: &PInitResData,
    trust: &TrustAnchors,
    at: UnixTime,
) -> Result<GatewaySeen, WalletError> {
    let role = EndEntityKind::GatewayKeyExchange;
    let verified = verify_chain(trust, &answer.pe_certificates, at, role)
        .map_err(|refusal| ProtectError::Signed { what: "Cert-PE", refusal })?;
    let cause = countersign_certs::Error::NotARecipient;
    let recipient = verified.recipient().cloned();
    let recipient = recipient.ok_or(ProtectError::Failed { what: "Cert-PE", cause })?;
    let key = KeyOf::new(*verified.key_sha256());
    Ok(GatewaySeen { recipient, key, name: verified.common_name().map(str::to_owned) })
}

/// The gateway as the wallet has verified it.
#[derive(Clone, Debug)]
struct GatewaySeen {
    recipient: RecipientCertificate,
    key: KeyOf<Gateway>,
    /// Its certificates, to sign and to encrypt to, bear one name.
    name: Option<String>,
}

impl GatewaySeen {
    fn is_named(&self, name: Option<&str>) -> bool {
        name.is_some() && self.name.as_deref() == name
    }
}

/// A purchase that has a name, and a gateway.
#[derive(Clone, Debug)]
pub struct Purchase {
    offer: Offer,
    answer: Received<PInitResData>,
    gateway: GatewaySeen,
}

impl Purchase {
    /// What is offered.
    pub const fn offer(&self) -> &Offer {
        &self.offer
    }

    /// The few characters that stand in the message to the phone, too, and must be the same (W12).
    ///
    /// # Errors
    /// None: what is named can be encoded.
    pub fn reference(&self) -> Result<ShortReference, WalletError> {
        let name = Received::new(PurchaseName {
            xid: self.answer.trans_ids.xid.clone(),
            merchant_id: self.answer.merchant_id.clone(),
            purch_amt: self.offer.data.purch_amt.clone(),
            gateway: self.gateway.key.clone(),
        })?;
        let digest = Digest::of(&name)?;
        Ok(ShortReference::of(&Sha256Digest::new(*digest.as_bytes())))
    }

    /// The purchase itself (F11.4): order and payment, tied by the dual signature where there is a certificate.
    ///
    /// # Errors
    /// When the source of randomness or a key fails.
    pub fn request(
        self,
        wallet: &Wallet,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Asked, Sent), WalletError> {
        let trans_ids = self.answer.trans_ids.clone();
        let hod_input = Received::new(HodInput {
            od: self.offer.data.order_description.clone(),
            purch_amt: self.offer.data.purch_amt.clone(),
            od_salt: random(entropy)?.into(),
        })?;
        let hod = Digest::of(&hod_input)?;
        let oi_data = Received::new(OiData {
            trans_ids: trans_ids.clone(),
            rrpid: random(entropy)?.into(),
            chall_c: random(entropy)?.into(),
            hod: hod.clone(),
            od_salt: hod_input.od_salt.clone(),
            chall_m: self.answer.chall_m.clone(),
            brand_id: wallet.brand.clone(),
            gateway: self.gateway.key.clone(),
        })?;
        let asked = Asked { rrpid: oi_data.rrpid.clone(), chall_c: oi_data.chall_c.clone() };
        let pi_head = PiHead {
            trans_ids: trans_ids.clone(),
            inputs: Inputs { hod: hod.clone(), purch_amt: self.offer.data.purch_amt.clone() },
            merchant_id: self.answer.merchant_id.clone(),
            merchant: self.offer.merchant.clone(),
            brand_id: wallet.brand.clone(),
            gateway: self.gateway.key.clone(),
            sw_ident: Software::try_from(SOFTWARE)?,
        };
        let ex_nonce = SecretOctets::from(random(entropy)?);
        let (p_req, pi_tbs, mode) =
            self.dual(wallet, pi_head, oi_data, ex_nonce.clone(), unix_time(now))?;
        let message = wrap(Message::PReq(p_req), &asked.rrpid, Some(&trans_ids.xid), now)?;
        Ok((message, asked, Sent { purchase: self, pi_tbs, hod, mode, ex_nonce }))
    }

    /// The dual signature and the envelope, or the envelope alone.
    fn dual(
        &self,
        wallet: &Wallet,
        pi_head: PiHead,
        oi_data: Received<OiData>,
        ex_nonce: SecretOctets,
        at: UnixTime,
    ) -> Result<(PReq, Digest<PiTbs>, Mode), WalletError> {
        let h_oi_data = Digest::of(&oi_data)?;
        let (pan, card_expiry) = card_digits(&wallet.card)?;
        let pi_tbs = |hpi, h_oi_data| {
            Received::new(PiTbs { hpi, h_oi_data, gateway: self.gateway.key.clone() })
        };
        match (&wallet.identity, wallet.signer()) {
            (Some(identity), Some(signer)) => {
                let pan_secret = identity.pan_secret.clone();
                let pan_data = PanData { pan, card_expiry, pan_secret, ex_nonce };
                let pi_data = Received::new(PiData { pi_head, pan_data })?;
                let h_pi_data = Digest::of(&pi_data)?;
                let tbs = pi_tbs(Hpi::Signed(h_pi_data.clone()), h_oi_data.clone())?;
                let pi_dual_signed = PiDualSigned {
                    pi_signature: Signature::sign(&tbs, &signer, at)?,
                    pi_sealed: Sealed::seal(
                        &PiDualSignedTbe { pi_data, h_oi_data },
                        &self.gateway.recipient,
                    )?,
                };
                let oi_dual_signed = OiDualSigned { oi_data, h_pi_data };
                let p_req = PReqDualSigned { pi_dual_signed, oi_dual_signed };
                Ok((PReq::DualSigned(p_req), Digest::of(&tbs)?, Mode::DualSigned))
            }
            (None, _) | (_, None) => {
                let pan_token = PanToken { pan, card_expiry, ex_nonce };
                let pi_data_unsigned = Received::new(PiDataUnsigned { pi_head, pan_token })?;
                let h_pi_data_unsigned = Digest::of(&pi_data_unsigned)?;
                let tbs = pi_tbs(Hpi::Unsigned(h_pi_data_unsigned.clone()), h_oi_data.clone())?;
                let pi_unsigned = Sealed::seal(
                    &PiUnsignedTbe { pi_data_unsigned, h_oi_data },
                    &self.gateway.recipient,
                )?;
                let oi_unsigned = OiUnsigned { oi_data, h_pi_data_unsigned };
                let p_req = PReqUnsigned { pi_unsigned, oi_unsigned };
                Ok((PReq::Unsigned(p_req), Digest::of(&tbs)?, Mode::Unsigned))
            }
        }
    }
}

pub(crate) fn read(answer: &[u8]) -> Result<MessageWrapper, WalletError> {
    unwrap(answer).map_err(WalletError::Unreadable)
}

/// An error, or another message than was waited for. What an error says ends this attempt and is trusted in nothing else.
pub(crate) fn unexpected(
    wrapper: MessageWrapper,
    trust: &TrustAnchors,
    now: Timestamp,
) -> WalletError {
    let Message::Error(error) = wrapper.message else {
        return WalletError::Mismatch("message");
    };
    let at = unix_time(now);
    let tbs = match &error {
        ErrorMessage::OfMerchant(signed) => signed.verify(trust, at).map(|(tbs, _)| tbs.error_code),
        ErrorMessage::OfGateway(signed) => signed.verify(trust, at).map(|(tbs, _)| tbs.error_code),
        ErrorMessage::OfAuthority(signed) => {
            signed.verify(trust, at).map(|(tbs, _)| tbs.error_code)
        }
        ErrorMessage::Unsigned(tbs) => Ok(tbs.error_code),
    };
    tbs.map_or_else(WalletError::NotAuthentic, WalletError::Answered)
}
