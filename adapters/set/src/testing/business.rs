//! Merchants and gateways that register at the authority of the tests.

use countersign_certs::KeyPair;

use super::{
    BRAND,
    registration::{ACQUIRER, Registry},
};
use crate::{
    applicant::{
        Invitation, Standing,
        business::{Business, BusinessForm, Waiting},
    },
    cardholder::WalletError,
    message::registration::{AcquirerId, IdData, MerchantAcquirerId},
    registrations::{self, BusinessRegistration, NotDecided},
};

/// A merchant of the acquirer of the tests.
pub fn merchant(name: &str) -> IdData {
    IdData::Merchant(MerchantAcquirerId {
        merchant_bin: ACQUIRER.try_into().unwrap(),
        merchant_id: name.try_into().unwrap(),
    })
}

/// A gateway of that acquirer.
pub fn gateway(name: &str) -> IdData {
    IdData::Gateway(AcquirerId {
        acquirer_bin: ACQUIRER.try_into().unwrap(),
        acquirer_business_id: name.try_into().unwrap(),
    })
}

impl Registry {
    pub fn business(&self, id_data: IdData) -> Business {
        let key = || KeyPair::generate_kind(self.issuer.kind).unwrap();
        Business {
            id_data,
            brand: BRAND.try_into().unwrap(),
            key: key(),
            exchange_key: key(),
            trust: self.issuer.trust(),
        }
    }

    /// From the initiation to the form.
    pub async fn business_form(&self, business: &Business) -> Result<BusinessForm, WalletError> {
        let wake_up = self.authority.wake_up().unwrap();
        let invitation = Invitation::read(&wake_up, &business.trust, self.now())?;
        let (message, introducing) = invitation.introduce(business, &self.entropy, self.now())?;
        let answer = self.authority.answer(&message).await.unwrap();
        introducing.accept(&answer, business, self.now())
    }

    /// From the initiation to the answer to the wish for certificates.
    pub async fn business_request(
        &self,
        business: &Business,
    ) -> Result<(Waiting, Standing), WalletError> {
        let form = self.business_form(business).await?;
        let (message, asked, waiting) = form.request(business, &self.entropy, self.now())?;
        let answer = self.authority.answer(&message).await.unwrap();
        let standing = waiting.answer(&asked, &answer, business, self.now())?;
        Ok((waiting, standing))
    }

    /// Asks how it stands.
    pub async fn inquire(
        &self,
        waiting: &Waiting,
        business: &Business,
    ) -> Result<Standing, WalletError> {
        let (message, asked) = waiting.inquire(business, &self.entropy, self.now())?;
        let answer = self.authority.answer(&message).await.unwrap();
        waiting.answer(&asked, &answer, business, self.now())
    }

    /// What the operator says.
    pub async fn decide(
        &self,
        business: &Business,
        approved: bool,
    ) -> Result<BusinessRegistration, NotDecided> {
        let id = countersign_domain::hex::encode(&business.key.public_key().sha256());
        let store = self.fixture.ports.store.as_ref();
        registrations::decide(store, &id, approved).await.unwrap()
    }

    /// Those that the operator sees.
    pub async fn open(&self) -> Vec<BusinessRegistration> {
        registrations::open(self.fixture.ports.store.as_ref(), self.now()).await.unwrap()
    }
}
