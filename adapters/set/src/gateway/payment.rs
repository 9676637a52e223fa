//! The gateway's checks of a payment (SET book 2, the gateway's checks on AuthReq), in their order, each with its answer.

use countersign_certs::{CertificateDer, EndEntityKind, Refusal, VerifiedCertificate};
use countersign_domain::{
    address::{Address, Msisdn},
    agreement::ProtocolOrder,
    amount::Amount,
    card::Card,
    digest::Sha256Digest,
    error::Error,
    hex,
    id::{Identifier, PaymentId},
    locale::Locale,
    payment::{Payment, PaymentRequest, PaymentState},
    person::Person,
    plan::{CaptureTime, KnownBy},
    record::{Version, Versioned},
    subscriber::Subscriber,
    transaction::{Reference, Transaction},
};
use tokio::time::Instant;

use super::{
    PaymentGateway,
    envelope::{Caller, as_long_as_any},
};
use crate::{
    asn1::{Random, Received, SecretOctets},
    message::{
        authorization::{AuthCode, AuthReqTbs},
        failure::ErrorCode,
        purchase::{
            HodInput, Hpi, Mode, OiData, Pi, PiDualSigned, PiHead, PiTbs, PiUnsigned, PurchaseName,
        },
        settlement::SettlementCode,
    },
    name::{card_of, cardholder_name, is_past, session_of, unix_time},
    protect::{Digest, Gateway, KeyOf},
    record::{GatewayPurchase, NewPurchase, PurchaseSigner},
    stop::Stop,
};

/// A payment in which everything fits.
pub(crate) struct Checked {
    pub(crate) request: PaymentRequest,
    /// Whether a phone is vouched for the card.
    pub(crate) is_known: bool,
    /// Whether that may be told: to the holder of a certificate, and where the merchant has it told (ASVS 6.3.8).
    pub(crate) is_told: bool,
    /// The record of an earlier try of the same purchase that came to nothing.
    pub(crate) replaces: Option<Version>,
    pi_tbs: Digest<PiTbs>,
    hod: Digest<HodInput>,
    gateway: KeyOf<Gateway>,
    mode: Mode,
    /// The cardholder's certificates, of a signed purchase.
    pub(crate) signer: Vec<CertificateDer<'static>>,
}

/// What is read from a payment whose envelope opened and whose signature, if it has one, is right.
struct Opened {
    pi_head: PiHead,
    h_oi_data: Digest<OiData>,
    pi_tbs: Digest<PiTbs>,
    card: Card,
    ex_nonce: SecretOctets,
    signer: Option<VerifiedCertificate>,
}

impl Checked {
    /// The record of the purchase that the payment is of.
    pub(crate) fn purchase(
        &self,
        caller: &Caller,
        rrpid: &Random,
        tbs: &AuthReqTbs,
        asked: &Digest<AuthReqTbs>,
    ) -> der::Result<GatewayPurchase> {
        GatewayPurchase::new(NewPurchase {
            trans_ids: &tbs.auth_req_data.auth_tags.trans_ids,
            merchant: caller.merchant.clone(),
            merchant_key: &caller.key,
            request: caller.request_id(rrpid),
            asked,
            payment: self.request.payment.clone(),
            pi_tbs: &self.pi_tbs,
            hod: &self.hod,
            gateway: &self.gateway,
            mode: self.mode,
        })
    }
}

impl PaymentGateway {
    /// Checks what the cardholder sent against what the merchant says. The inner error is the answer to the merchant.
    pub(crate) async fn check(
        &self,
        tbs: &AuthReqTbs,
        pi: &Pi,
        caller: &Caller,
    ) -> Result<Result<Checked, AuthCode>, Stop> {
        let begun = Instant::now();
        let opened = match pi {
            Pi::DualSigned(pi) => self.open_dual_signed(pi),
            Pi::Unsigned(_) if !self.settings.unsigned => {
                return Ok(Err(AuthCode::SignatureRequired));
            }
            Pi::Unsigned(pi) => self.open_unsigned(pi),
        };
        // Whatever is not authentic is told alike: neither what decrypts nor what verifies can be found out by asking.
        let Some(opened) = opened.filter(|opened| self.belongs(opened, tbs, caller)) else {
            as_long_as_any(begun, self.ports.entropy.as_ref()).await;
            return Ok(Err(AuthCode::PiAuthMismatch));
        };
        let replaces = match self.free(tbs, &opened.pi_tbs, caller).await? {
            Ok(replaces) => replaces,
            Err(code) => return Ok(Err(code)),
        };
        if let Err(code) = self.acceptable(&opened, tbs) {
            return Ok(Err(code));
        }
        let is_told = opened.signer.is_some() || caller.tells_unknown;
        let (payer, is_known) = match self.phone(&opened).await? {
            Some(payer) => (payer, true),
            None if is_told => return Ok(Err(AuthCode::NoPhone)),
            None => (self.nobody(&opened.card)?, false),
        };
        let request = self.request(&opened, payer, tbs, caller)?;
        let mode = if opened.signer.is_some() { Mode::DualSigned } else { Mode::Unsigned };
        let Opened { pi_head: PiHead { inputs, gateway, .. }, pi_tbs, signer, .. } = opened;
        let signer = signer.map(|signer| signer.chain().to_vec()).unwrap_or_default();
        let hod = inputs.hod;
        Ok(Ok(Checked { request, is_known, is_told, replaces, pi_tbs, hod, gateway, mode, signer }))
    }

    /// Nobody, under that card.
    fn nobody(&self, card: &Card) -> Result<(Identifier, Address), Stop> {
        let by = self.ports.keys.card_index(card)?;
        let nobody = Subscriber::nobody("nobody".try_into()?, &by)?;
        Ok((nobody.identifier, nobody.address))
    }

    /// A purchase that was begun with a certificate ends when that is not accepted any more: it may have been revoked since. A
    /// list that is late is a reason to wait: the code is not looked at.
    pub(crate) async fn must_still_be_trusted(
        &self,
        purchase: &GatewayPurchase,
        payment: &Payment,
    ) -> Result<(), Stop> {
        if !matches!(payment.state(), PaymentState::AwaitingCode { .. }) {
            return Ok(());
        }
        let Some(chain) = self.signer_of(purchase).await? else { return Ok(()) };
        let now = unix_time(self.ports.clock.now());
        match self.trust.anchors().verify(&chain, now, EndEntityKind::Cardholder) {
            Ok(_) => Ok(()),
            Err(Refusal::RevocationUnknown) => Err(Stop::Told(ErrorCode::SignatureFailure)),
            Err(refusal) => {
                tracing::info!(%refusal, "the certificate of a purchase is not accepted any more");
                Ok(self.payments.cancel_payment(payment).await.map(drop)?)
            }
        }
    }

    /// What keeps a purchase from being captured after its code was right: the certificate that it was begun with is revoked, and
    /// what the bank holds is released. One that has only expired was good when the cardholder agreed. A list that is late is
    /// a reason to wait.
    pub(super) async fn kept_from_capture(
        &self,
        purchase: &GatewayPurchase,
        payment: &Payment,
    ) -> Result<Option<SettlementCode>, Error> {
        if !matches!(payment.state(), PaymentState::Authorized { .. }) {
            return Ok(None);
        }
        let Some(chain) = self.signer_of(purchase).await? else { return Ok(None) };
        let now = unix_time(self.ports.clock.now());
        match self.trust.anchors().verify(&chain, now, EndEntityKind::Cardholder) {
            Err(Refusal::Revoked) => {
                tracing::info!("the certificate of a purchase was revoked before its capture");
                self.payments.cancel_payment(payment).await?;
                Ok(Some(SettlementCode::Declined))
            }
            Err(Refusal::RevocationUnknown) => Ok(Some(SettlementCode::UnderWay)),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// The cardholder's certificates, of a signed purchase. Without them nothing is debited.
    async fn signer_of(
        &self,
        purchase: &GatewayPurchase,
    ) -> Result<Option<Vec<CertificateDer<'static>>>, Error> {
        if purchase.mode() == Mode::Unsigned {
            return Ok(None);
        }
        let payment = purchase.payment.as_str();
        let signer = self.ports.store.expect::<PurchaseSigner>(payment).await?;
        Ok(Some(signer.value.chain()))
    }

    /// The payment of a cardholder with a certificate. Its digests are made of what was received (W7).
    fn open_dual_signed(&self, pi: &PiDualSigned) -> Option<Opened> {
        let opened = pi.pi_sealed.open(&self.keys.exchange_keys).ok()?;
        let (h_oi_data, pi_data) = (opened.h_oi_data, opened.pi_data);
        let signed = Received::new(PiTbs {
            hpi: Hpi::Signed(Digest::of(&pi_data).ok()?),
            h_oi_data: h_oi_data.clone(),
            gateway: pi_data.pi_head.gateway.clone(),
        })
        .ok()?;
        let now = unix_time(self.ports.clock.now());
        let signer = pi.pi_signature.verify(&signed, &self.trust.anchors(), now).ok()?;
        let pan_data = &pi_data.pan_data;
        let card = card_of(&pan_data.pan, &pan_data.card_expiry).ok()?;
        // The card is the signer's: its number, under the secret, is the name in the certificate (SET book 1).
        let name = cardholder_name(&card, &pan_data.pan_secret).ok()?;
        if signer.common_name() != Some(name.as_str()) {
            return None;
        }
        Some(Opened {
            pi_tbs: Digest::of(&signed).ok()?,
            h_oi_data,
            card,
            ex_nonce: pan_data.ex_nonce.clone(),
            signer: Some(signer),
            pi_head: pi_data.pi_head.clone(),
        })
    }

    /// The payment of a cardholder without one.
    fn open_unsigned(&self, pi: &PiUnsigned) -> Option<Opened> {
        let opened = pi.open(&self.keys.exchange_keys).ok()?;
        let (h_oi_data, pi_data) = (opened.h_oi_data, opened.pi_data_unsigned);
        let meant = Received::new(PiTbs {
            hpi: Hpi::Unsigned(Digest::of(&pi_data).ok()?),
            h_oi_data: h_oi_data.clone(),
            gateway: pi_data.pi_head.gateway.clone(),
        })
        .ok()?;
        let pan_token = &pi_data.pan_token;
        Some(Opened {
            pi_tbs: Digest::of(&meant).ok()?,
            h_oi_data,
            card: card_of(&pan_token.pan, &pan_token.card_expiry).ok()?,
            ex_nonce: pan_token.ex_nonce.clone(),
            signer: None,
            pi_head: pi_data.pi_head.clone(),
        })
    }

    /// Whether the payment is of this purchase, order, merchant and gateway.
    fn belongs(&self, opened: &Opened, tbs: &AuthReqTbs, caller: &Caller) -> bool {
        let data = &tbs.auth_req_data;
        let head = &opened.pi_head;
        let fits = [
            // Re-enveloped for another gateway, or by one (W1).
            self.is_own(&head.gateway),
            head.trans_ids == data.auth_tags.trans_ids,
            // The order that the merchant received, and what it sold (the gateway compares two copies).
            opened.h_oi_data == data.check_digests.h_oi_data,
            head.inputs.hod == data.check_digests.hod2,
            // W11: the merchant by its id and by its key.
            head.merchant_id.as_str() == caller.merchant.as_str(),
            head.merchant == caller.key,
        ];
        fits.into_iter().all(|fits| fits)
    }

    /// Whether neither this payment nor another of this purchase was used; gives the record of a try that came to nothing.
    async fn free(
        &self,
        tbs: &AuthReqTbs,
        pi_tbs: &Digest<PiTbs>,
        caller: &Caller,
    ) -> Result<Result<Option<Version>, AuthCode>, Stop> {
        let id = GatewayPurchase::id_of(&tbs.auth_req_data.auth_tags.trans_ids.xid);
        let Some(Versioned { version, value }) =
            self.ports.store.find::<GatewayPurchase>(&id).await?
        else {
            return Ok(Ok(None));
        };
        let payment = match self.payments.payment(&value.payment).await {
            Err(Error::NotFound { .. }) => return Ok(Err(AuthCode::PiPreviouslyUsed)),
            found => found?,
        };
        let came_to_nothing =
            matches!(payment.state(), PaymentState::Declined { .. } | PaymentState::Voided { .. });
        // A payment is used once, even if it came to nothing: with it the phone could be made to ring again.
        let is_another = value.pi_tbs() != *pi_tbs;
        // Another merchant's purchase stays: that merchant may still ask how it ended (W6).
        let is_own = self.is_of(&value, caller);
        Ok(if came_to_nothing && is_another && is_own {
            Ok(Some(version))
        } else {
            Err(AuthCode::PiPreviouslyUsed)
        })
    }

    /// Whether the gateway takes such a payment.
    fn acceptable(&self, opened: &Opened, tbs: &AuthReqTbs) -> Result<(), AuthCode> {
        let brand = &opened.pi_head.brand_id;
        let signed_for = opened.signer.as_ref().and_then(VerifiedCertificate::organization);
        if !self.settings.brands.contains(brand)
            || signed_for.is_some_and(|organization| organization != brand.as_str())
        {
            return Err(AuthCode::CardMerchBrandMismatch);
        }
        let agreed = &opened.pi_head.inputs.purch_amt;
        let now = self.ports.clock.now();
        let is_payable = Amount::try_from(agreed)
            .is_ok_and(|amount| amount.currency().must_be_payable(now).is_ok());
        if tbs.auth_req_data.auth_req_payload.auth_req_amt != *agreed || !is_payable {
            return Err(AuthCode::AmountError);
        }
        if is_past(&opened.card, now) {
            return Err(AuthCode::ExpiredCard);
        }
        Ok(())
    }

    /// The phone that is vouched for that card (decision 8): by the authority that put both into one certificate (F11.v2), or
    /// by the directory (F11.10). A certificate with a number alone vouches for no card: its holder could name anybody's.
    async fn phone(&self, opened: &Opened) -> Result<Option<(Identifier, Address)>, Stop> {
        let Some(signer) = &opened.signer else {
            return self.phone_of_card(&opened.card, |_| true).await;
        };
        let holder = match signer.phone(&self.keys.phones) {
            Ok(holder) => holder,
            Err(Refusal::NoPhone) => {
                return self.phone_of_card(&opened.card, |_| true).await;
            }
            // A number that was moved here from another certificate is no reason to look elsewhere.
            Err(refusal) => {
                tracing::warn!(%refusal, "the number in a cardholder's certificate is refused");
                return Ok(None);
            }
        };
        let address = Address::from(Msisdn::try_from(holder.number.expose())?);
        match holder.card {
            Some(card) if card.expose_number() == opened.card.expose_number() => {
                let key = hex::encode(signer.key_sha256());
                Ok(Some((Identifier::try_from(format!("x509:{key}"))?, address)))
            }
            Some(_) => Ok(None),
            None => self.phone_of_card(&opened.card, |known| *known == address).await,
        }
    }

    /// The phone that the directory has for a card, if it is as expected.
    async fn phone_of_card(
        &self,
        card: &Card,
        expected: impl Fn(&Address) -> bool + Send,
    ) -> Result<Option<(Identifier, Address)>, Stop> {
        let subscriber = self.directory.by_card(card).await.map_err(Error::Directory)?;
        let subscriber = subscriber.filter(|subscriber| expected(&subscriber.address));
        Ok(subscriber.map(|subscriber| (subscriber.identifier, subscriber.address)))
    }

    fn request(
        &self,
        opened: &Opened,
        (identifier, address): (Identifier, Address),
        tbs: &AuthReqTbs,
        caller: &Caller,
    ) -> Result<PaymentRequest, Stop> {
        let Opened { pi_head, pi_tbs, card, ex_nonce, signer, .. } = opened;
        let amount = Amount::try_from(&pi_head.inputs.purch_amt)?;
        let xid = &pi_head.trans_ids.xid;
        let name = Received::new(PurchaseName {
            xid: xid.clone(),
            merchant_id: pi_head.merchant_id.clone(),
            purch_amt: pi_head.inputs.purch_amt.clone(),
            gateway: pi_head.gateway.clone(),
        })?;
        let name = Digest::of(&name)?;
        let reference = Reference::try_from(hex::encode(xid.as_bytes()).as_str())?;
        let language = pi_head.trans_ids.language.as_str();
        let language = language.split('-').next().unwrap_or_default();
        Ok(PaymentRequest {
            payment: PaymentId::made_at(self.ports.clock.now(), self.ports.entropy.as_ref())?,
            relying_party: caller.merchant.clone(),
            person: Person {
                identifier,
                address,
                session: session_of(ex_nonce)?,
                locale: Locale::try_from(language).unwrap_or_default(),
                origin: None,
            },
            card: card.clone(),
            transaction: Transaction::new(amount, caller.name.clone(), reference, Vec::new())?,
            order: Some(ProtocolOrder {
                digest: Sha256Digest::new(*pi_tbs.as_bytes()),
                name: Sha256Digest::new(*name.as_bytes()),
            }),
            // Without a signature the code is mandatory, whatever the amount (W5).
            known_by: if signer.is_some() { KnownBy::Certificate } else { KnownBy::Unsigned },
            from: None,
            capture: match tbs.auth_req_data.auth_req_payload.capture_now {
                true => CaptureTime::AtOnce,
                false => CaptureTime::Later,
            },
            correlation: None,
        })
    }
}
