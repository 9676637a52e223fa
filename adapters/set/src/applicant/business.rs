//! The side of a merchant or a gateway: from an initiation to the certificates of two new keys, once the authority's operator
//! has approved.
//!
//! ```text
//!   Invitation::read(wake-up)
//!   Invitation::introduce -> Me-AqCInitReq  Introducing::accept(Me-AqCInitRes)  -> BusinessForm
//!   BusinessForm::request -> CertReq        Waiting::answer(CertRes)            -> Standing
//!   Waiting::inquire      -> CertInqReq     Waiting::answer(CertInqRes)         -> Standing
//! ```

use countersign_certs::{Certificate, EndEntityKind, KeyPair, PublicKey, TrustAnchors, UnixTime};
use countersign_domain::{randomness::Entropy, time::Timestamp};

use super::{
    Asked, Introduced, Invitation, Standing, Wish, all_equal, is_key_of, policy, recipient,
    signed_with,
};
use crate::{
    asn1::Received,
    cardholder::{WalletError, read, unexpected},
    message::{
        common::{BrandId, LocalId},
        registration::{
            BusinessWish, CertReqTbs, CertStatusCode, CertSubject, ExchangeKeyTbs, IdData,
            MeAqCInitReq, MeAqCInitRes,
        },
        wrapper::Message,
    },
    name::{random, unix_time},
    protect::{Authority, Digest, KeyOf, ProtectError},
    registrations::BusinessRole,
    wire::wrap,
};

/// A merchant or a gateway that registers: two keys that have no certificates yet.
#[derive(Debug)]
pub struct Business {
    /// Which one it is.
    pub id_data: IdData,
    /// The brand whose cards it takes.
    pub brand: BrandId,
    /// The key to sign with.
    pub key: KeyPair,
    /// The key to be encrypted to.
    pub exchange_key: KeyPair,
    /// The authorities that are trusted.
    pub trust: TrustAnchors,
}

impl Business {
    const fn role(&self) -> BusinessRole {
        match self.id_data {
            IdData::Merchant(_) => BusinessRole::Merchant,
            IdData::Gateway(_) => BusinessRole::Gateway,
        }
    }

    fn name(&self) -> &str {
        match &self.id_data {
            IdData::Merchant(merchant) => merchant.merchant_id.as_str(),
            IdData::Gateway(gateway) => gateway.acquirer_business_id.as_str(),
        }
    }

    /// Checks that what was issued is what was asked for: for these keys, in this name, for this role.
    fn check(&self, standing: &Standing, at: UnixTime) -> Result<(), WalletError> {
        let [signs, receives] = self.role().kinds();
        self.check_chain(&standing.certificates, self.key.public_key(), signs, at)?;
        let exchange_key = self.exchange_key.public_key();
        self.check_chain(&standing.exchange_certificates, exchange_key, receives, at)
    }

    fn check_chain(
        &self,
        chain: &[Certificate],
        key: &PublicKey,
        kind: EndEntityKind,
        at: UnixTime,
    ) -> Result<(), WalletError> {
        let chain: Vec<_> = chain.iter().map(|one| one.der().clone()).collect();
        let verified = self.trust.verify(&chain, at, kind).map_err(|refusal| {
            ProtectError::Signed { what: "the certificate that was issued", refusal }
        })?;
        all_equal([
            ("the certified key", *verified.key_sha256() == key.sha256()),
            ("the certified name", verified.common_name() == Some(self.name())),
        ])
    }
}

impl Invitation {
    /// The first message of a merchant or a gateway.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn introduce(
        self,
        business: &Business,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Introducing), WalletError> {
        let request = MeAqCInitReq {
            rrpid: random(entropy)?.into(),
            lid_ee: LocalId::try_from(random(entropy)?.to_vec())?,
            chall_ee: random(entropy)?.into(),
            id_data: business.id_data.clone(),
            brand_id: business.brand.clone(),
        };
        let message = wrap(Message::MeAqCInitReq(request.clone()), &request.rrpid, None, now)?;
        Ok((message, Introducing { authority: self.authority, request }))
    }
}

/// A registration whose authority has not given its form yet.
#[derive(Clone, Debug)]
pub struct Introducing {
    authority: KeyOf<Authority>,
    request: MeAqCInitReq,
}

impl Introducing {
    /// Checks the authority's answer (SET book 2, the merchant's checks on Me-AqCInitRes).
    ///
    /// # Errors
    /// The first check that fails; [`WalletError::Referred`] when the authority registers no such merchant or gateway.
    pub fn accept(
        self,
        answer: &[u8],
        business: &Business,
        now: Timestamp,
    ) -> Result<BusinessForm, WalletError> {
        let wrapper = read(answer)?;
        let Message::MeAqCInitRes(signed) = wrapper.message else {
            return Err(unexpected(wrapper, &business.trust, now));
        };
        let at = unix_time(now);
        let (answer, signer) = signed.verify(&business.trust, at)?;
        let Self { authority, request } = self;
        all_equal([
            ("signer", is_key_of(&authority, &signer)),
            ("rrpid", answer.rrpid == request.rrpid),
            ("lid-EE", answer.lid_ee == request.lid_ee),
            ("chall-EE", answer.chall_ee == request.chall_ee),
            ("idData", answer.id_data == request.id_data),
        ])?;
        let recipient = recipient(&answer.cae_certificates, &signer, &business.trust, at)?;
        let authority = Introduced { authority, recipient, lid_ee: request.lid_ee };
        let policy = policy(&answer.reg_form_or_referral)?;
        Ok(BusinessForm { authority, signed, policy })
    }
}

/// A form, to be agreed to.
#[derive(Clone, Debug)]
pub struct BusinessForm {
    authority: Introduced,
    signed: MeAqCInitRes,
    policy: String,
}

impl BusinessForm {
    /// What the merchant or the gateway agrees to.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The wish for certificates, signed with the new key to sign with; that to encrypt to signs that it belongs to it.
    ///
    /// # Errors
    /// When the source of randomness or a key fails.
    pub fn request(
        self,
        business: &Business,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Asked, Waiting), WalletError> {
        let signature_key = KeyOf::new(business.key.public_key().sha256());
        let exchange_key = Received::new(ExchangeKeyTbs { signature_key })?;
        let asked = Asked::new(entropy)?;
        let tbs = Received::new(CertReqTbs {
            rrpid: asked.rrpid.clone(),
            lid_ee: self.authority.lid_ee.clone(),
            chall_ee3: asked.chall_ee3.clone(),
            subject: CertSubject::Business(BusinessWish {
                me_aq_c_init_res: self.signed,
                exchange_key: signed_with(&business.exchange_key, &exchange_key, now)?,
            }),
            ca_back_key: asked.back_key.clone(),
        })?;
        let wish = Wish { authority: self.authority, h_cert_req: Digest::of(&tbs)? };
        let sealed = wish.authority.sealed(&tbs, &business.key, now)?;
        let message = wrap(Message::CertReq(sealed), &asked.rrpid, None, now)?;
        Ok((message, asked, Waiting(wish)))
    }
}

/// A wish that was signed, and what its answers must be of.
#[derive(Debug)]
pub struct Waiting(Wish);

impl Waiting {
    /// Asks whether the operator has decided.
    ///
    /// # Errors
    /// When the source of randomness or a key fails.
    pub fn inquire(
        &self,
        business: &Business,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Asked), WalletError> {
        self.0.inquire(None, &business.key, entropy, now)
    }

    /// Checks an answer, as a cardholder does; and that certificates are for the keys and the name that were asked for.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn answer(
        &self,
        asked: &Asked,
        answer: &[u8],
        business: &Business,
        now: Timestamp,
    ) -> Result<Standing, WalletError> {
        let standing = self.0.answer(asked, answer, &business.trust, now)?;
        if standing.status == CertStatusCode::RequestComplete {
            business.check(&standing, unix_time(now))?;
        }
        Ok(standing)
    }
}
