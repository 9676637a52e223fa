//! Merchants and gateways: their wish waits for the authority's operator, who decides at the command line
//! (registrations.rs); then both of their keys are certified.

use countersign_certs::{Certificate, EndEntityKind, Error, PublicKey};
use countersign_domain::{
    hex,
    id::RelyingPartyId,
    record::{Batch, Stored as _},
};

use super::{Asked, BusinessSettings, RegistrationAuthority, Standing};
use crate::{
    asn1::{Received, Text},
    issuer::IssuerError,
    message::{
        common::BrandId,
        failure::ErrorCode,
        registration::{
            BusinessWish, CertInqReqTbs, CertReqTbs, CertStatusCode, IdData, MeAqCInitReq,
            MeAqCInitResTbs, ReferralData, RegFormData, RegFormOrReferral,
        },
        wrapper::{Message, MessageHeader},
    },
    name::generalized_time,
    protect::{Applicant, KeyOf},
    registrations::{BusinessRegistration, ExchangeKeyUse, MAX_OPEN, RegistrationState},
    stop::Stop,
    trust::to_chain,
    wire::{is_untimely, wrap},
};

impl BusinessSettings {
    /// Whether such a one is registered, if the operator approves it.
    fn takes(&self, id_data: &IdData) -> bool {
        match id_data {
            // A gateway knows its merchants as relying parties.
            IdData::Merchant(merchant) => {
                self.acquirers.contains(&merchant.merchant_bin)
                    && RelyingPartyId::try_from(merchant.merchant_id.as_str()).is_ok()
            }
            IdData::Gateway(gateway) => self.acquirers.contains(&gateway.acquirer_bin),
        }
    }
}

impl RegistrationAuthority {
    /// Says who is encrypted to, and gives the form.
    pub(super) fn introduce_to(
        &self,
        header: &MessageHeader,
        request: &MeAqCInitReq,
    ) -> Result<Vec<u8>, Stop> {
        if header.rrpid != request.rrpid {
            return Err(Stop::Told(ErrorCode::WrapperMsgMismatch));
        }
        let now = self.ports.clock.now();
        let answer = self.signed(MeAqCInitResTbs {
            rrpid: request.rrpid.clone(),
            lid_ee: request.lid_ee.clone(),
            chall_ee: request.chall_ee.clone(),
            date: generalized_time(now)?,
            id_data: request.id_data.clone(),
            reg_form_or_referral: self.business_form(&request.id_data, &request.brand_id)?,
            cae_certificates: to_chain(&self.keys.exchange)?,
        })?;
        Ok(wrap(Message::MeAqCInitRes(answer), &request.rrpid, None, now)?)
    }

    fn business_form(&self, id_data: &IdData, brand: &BrandId) -> der::Result<RegFormOrReferral> {
        let settings = self.settings.businesses.as_ref().filter(|settings| settings.takes(id_data));
        match settings.filter(|_| *brand == self.settings.brand) {
            Some(settings) => {
                let policy_text = settings.policy.clone();
                Ok(RegFormOrReferral::Form(RegFormData { policy_text }))
            }
            None => {
                let reason = "No merchant or gateway of such an acquirer and brand is registered \
                              here, or none by such an id.";
                let reason = Text::try_from(reason)?;
                Ok(RegFormOrReferral::Referral(ReferralData { reason }))
            }
        }
    }

    /// A merchant's or a gateway's wish for certificates.
    pub(super) async fn wait_for_operator(
        &self,
        asked: &Asked<CertReqTbs>,
        wish: &BusinessWish,
        batch: &mut Batch,
    ) -> Result<Standing, Stop> {
        let form = self.own_business_form(asked, wish)?;
        let exchange_key = exchange_key(asked, wish)?;
        let now = self.ports.clock.now();
        if matches!(form.reg_form_or_referral, RegFormOrReferral::Referral(_)) {
            return Ok(CertStatusCode::InvalidBin.into());
        }
        if is_untimely(&form.date, now) {
            return Ok(CertStatusCode::RequestRejected.into());
        }
        if exchange_key == asked.key {
            return Ok(CertStatusCode::KeysEqual.into());
        }
        let (key, digest) = (&asked.key, &asked.digest);
        let new = BusinessRegistration::new(&form.id_data, key, &exchange_key, digest, now);
        let store = self.ports.store.as_ref();
        if let Some(found) = store.find::<BusinessRegistration>(new.id()).await? {
            if !found.value.is_of(&new) {
                return Ok(CertStatusCode::KeyUsed.into());
            }
            // One that has lost the answers begins again with its keys.
            let (standing, state) = self.decided(&found.value, key).await?;
            batch.replace(&found.map(|found| found.asked_again(new).in_state(state)))?;
            return Ok(standing);
        }
        if self.is_used(key).await? || self.is_used(&exchange_key).await? {
            return Ok(CertStatusCode::KeyUsed.into());
        }
        let open = store.count_due(BusinessRegistration::COLLECTION, now).await?;
        if usize::try_from(open).unwrap_or(usize::MAX) >= MAX_OPEN {
            return Ok(CertStatusCode::TooManyPending.into());
        }
        batch.insert(&new)?;
        batch.insert(&ExchangeKeyUse::of(&new))?;
        let BusinessRegistration { id, role, name, .. } = new;
        tracing::info!(id, role = role.name(), name, "a registration waits for the operator");
        Ok(CertStatusCode::RequestPended.into())
    }

    /// The form that comes back, if it is of this authority and this registration.
    fn own_business_form(
        &self,
        asked: &Asked<CertReqTbs>,
        wish: &BusinessWish,
    ) -> Result<MeAqCInitResTbs, Stop> {
        let form = wish.me_aq_c_init_res.verify_own(&self.keys.certificate);
        let form = form.ok().filter(|form| form.lid_ee == asked.tbs.lid_ee);
        form.map(Received::into_value).ok_or(Stop::Told(ErrorCode::SignatureFailure))
    }

    /// Whether a key is certified, or in a registration: one to sign with is looked for among these by the caller.
    async fn is_used(&self, key: &PublicKey) -> Result<bool, Stop> {
        let (store, id) = (self.ports.store.as_ref(), hex::encode(&key.sha256()));
        Ok(store.find::<BusinessRegistration>(&id).await?.is_some()
            || store.find::<ExchangeKeyUse>(&id).await?.is_some()
            || self.issuer.certified(key).await?.is_some())
    }

    /// How it stands by now.
    pub(super) async fn inquired(
        &self,
        asked: &Asked<CertInqReqTbs>,
        batch: &mut Batch,
    ) -> Result<Standing, Stop> {
        let id = BusinessRegistration::id_of(&asked.key);
        let found = self.ports.store.find::<BusinessRegistration>(&id).await?;
        let found = found.filter(|found| found.value.is_wish(&asked.tbs.h_cert_req));
        let found = found.ok_or(Stop::Told(ErrorCode::UnknownLid))?;
        let (standing, state) = self.decided(&found.value, &asked.key).await?;
        if state != found.value.state {
            batch.replace(&found.map(|found| found.in_state(state)))?;
        }
        Ok(standing)
    }

    /// What the operator has decided, done: both keys are certified where they are not yet.
    async fn decided(
        &self,
        registration: &BusinessRegistration,
        key: &PublicKey,
    ) -> Result<(Standing, RegistrationState), Stop> {
        match registration.state {
            state @ RegistrationState::Pending => Ok((CertStatusCode::RequestPended.into(), state)),
            state @ RegistrationState::Refused => {
                Ok((CertStatusCode::RejectedByAcquirer.into(), state))
            }
            RegistrationState::Approved | RegistrationState::Certified => {
                let unreadable = |error: Error| IssuerError { cause: error.to_string() };
                let exchange_key = registration.exchange_key().map_err(unreadable)?;
                let [signs, receives] = registration.role.kinds();
                let name = &registration.name;
                let standing = Standing {
                    exchange_certificates: self.certificates(receives, name, &exchange_key).await?,
                    ..Standing::complete(self.certificates(signs, name, key).await?)
                };
                Ok((standing, RegistrationState::Certified))
            }
        }
    }

    /// The key's certificate and those above it: made now, or before a server died between the first and the second.
    async fn certificates(
        &self,
        kind: EndEntityKind,
        name: &str,
        key: &PublicKey,
    ) -> Result<Vec<Certificate>, IssuerError> {
        match self.issuer.certified(key).await? {
            Some(certificates) => Ok(certificates),
            None => self.issuer.certify_business(kind, name, key).await,
        }
    }
}

/// The key that is encrypted to: its holder has it, and says that it belongs to the key that signs. Else one could have
/// another's certified under a name of one's own.
fn exchange_key(asked: &Asked<CertReqTbs>, wish: &BusinessWish) -> Result<PublicKey, Stop> {
    let verified = wish.exchange_key.verify_new_key().ok();
    let signature_key = KeyOf::<Applicant>::new(asked.key.sha256());
    let verified = verified.filter(|(tbs, _)| tbs.signature_key == signature_key);
    verified.map(|(_, key)| key).ok_or(Stop::Told(ErrorCode::SignatureFailure))
}
