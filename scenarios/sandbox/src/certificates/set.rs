//! The certificates of figure 11: of the sandbox's merchant and gateway, of another merchant and another gateway that are as
//! genuine, of the cardholder, and of a thief.

use std::path::PathBuf;

use countersign_certs::{
    Card, Certificate, Holder, KeyPair, KeyUse, Phone, PhoneNumber, Profile, RecipientCertificate,
    Request,
};
use countersign_domain::time::Timestamp;
use countersign_server::SystemEntropy;
use countersign_set::wallet_file::{NewWallet, WalletFile};

use super::{
    AUTHORITY, BRAND, CardholderWallet, GATEWAY, MERCHANT, Maker, PASSWORD, WALLET, moved,
};
use crate::{error::SandboxError, person::Person};

/// The name of a gateway that is not the sandbox's: testers play it.
const OTHER_GATEWAY: &str = "Another gateway";
/// The id of a merchant that is not the sandbox's: testers play it.
const OTHER_MERCHANT: &str = "martin";

impl Maker<'_> {
    /// What gateways and merchants sign with, and what is encrypted to them; but for the gateway's own.
    pub(super) fn parties(&self) -> Result<(), SandboxError> {
        let merchant = |common_name, key_use| Profile::Merchant { common_name, key_use };
        let gateway = |common_name, key_use| Profile::PaymentGateway { common_name, key_use };
        let authority =
            |key_use| Profile::RegistrationAuthority { common_name: AUTHORITY, key_use };
        for (name, profile) in [
            ("authority-signature", authority(KeyUse::Signature)),
            ("authority-exchange", authority(KeyUse::KeyExchange)),
            ("gateway-signature", gateway(GATEWAY, KeyUse::Signature)),
            // The gateway has changed its key: the merchant's configuration has the earlier one.
            ("gateway-next", gateway(GATEWAY, KeyUse::KeyExchange)),
            ("dupont-signature", merchant(MERCHANT, KeyUse::Signature)),
            ("dupont-exchange", merchant(MERCHANT, KeyUse::KeyExchange)),
            ("other-gateway", gateway(OTHER_GATEWAY, KeyUse::KeyExchange)),
            ("martin-signature", merchant(OTHER_MERCHANT, KeyUse::Signature)),
            ("martin-exchange", merchant(OTHER_MERCHANT, KeyUse::KeyExchange)),
        ] {
            let key = KeyPair::generate()?;
            let certificate = self.issue(&profile, key.public_key())?;
            self.write(name, &certificate, &key, &self.issuing)?;
        }
        Ok(())
    }

    /// The cardholder's wallet; and that of a thief who has the card, and in whose certificate is the envelope of another
    /// one, with the thief's own number.
    pub(super) fn wallets(
        &self,
        person: &Person,
        gateway: &RecipientCertificate,
    ) -> Result<CardholderWallet, SandboxError> {
        let (wallet, certificate) = self.cardholder(person, gateway)?;
        let file = self.fill(wallet, &certificate, WALLET)?;
        let thief = Person { card: person.card.clone(), ..Person::numbered("mallory", 9_999) };
        let (_, other) = self.cardholder(&thief, gateway)?;
        let (wallet, own) = self.cardholder(&thief, gateway)?;
        let moved = moved::with_envelope_of(&other, &own, &self.issuing)?;
        self.fill(wallet, &moved, "mallory.wallet")?;
        Ok(CardholderWallet { file, password: PASSWORD, holder: person.clone() })
    }

    /// A wallet, and the certificate for it: number and card encrypted to the gateway (F11.v2), the key under a static
    /// password (F11.7).
    fn cardholder(
        &self,
        person: &Person,
        gateway: &RecipientCertificate,
    ) -> Result<(WalletFile, Certificate), SandboxError> {
        let new = NewWallet { card: &person.card()?, brand: BRAND, language: "en" };
        let (wallet, request) = WalletFile::new(&new, PASSWORD, &SystemEntropy::default())?;
        let request = Request::from_file(request.as_bytes())?;
        let holder = Holder {
            number: PhoneNumber::new(&person.number)?,
            card: Some(Card::new(&person.card.number, &person.card.expiry)?),
        };
        let phone = Phone::Encrypted { holder: &holder, gateways: std::slice::from_ref(gateway) };
        let common_name = request.common_name().unwrap_or_default();
        let profile = Profile::Cardholder { common_name, phone };
        Ok((wallet, self.issue(&profile, request.key())?))
    }

    fn fill(
        &self,
        mut wallet: WalletFile,
        certificate: &Certificate,
        name: &str,
    ) -> Result<PathBuf, SandboxError> {
        wallet.trust(&self.root.certificate().to_pem()?)?;
        let chain = certificate.to_pem()? + &self.issuing.certificate().to_pem()?;
        wallet.certify(&chain, Timestamp::from_unix_seconds(self.now))?;
        let file = self.folder.join(name);
        wallet.create(&file)?;
        Ok(file)
    }
}
