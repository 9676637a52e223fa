//! Registering by SET (F11.1): a new key of a cardholder, at the sandbox's authority.

use countersign_certs::KeyPair;
use countersign_domain::card::{Card as DomainCard, CardExpiry};
use countersign_set::{
    applicant::{Invitation, Registrant, Registration, Standing},
    asn1::SecretOctets,
    cardholder::{Identity, Wallet},
    wallet_file::WalletFile,
};

use super::set::{Program, refused};
use crate::{bench::Bench, description::Card, failure::Failure};

/// A registration that was asked for.
#[derive(Debug)]
pub(crate) struct Registering {
    url: String,
    registrant: Registrant,
    registration: Registration,
    /// What the authority said last.
    pub(crate) told: Standing,
}

/// Asks for a certificate for a card; the wallet trusts whom the sandbox's wallet trusts.
pub(crate) async fn register(bench: &Bench, card: &Card) -> Result<Registering, Failure> {
    let registrant = registrant(bench, card)?;
    let program = Program::at(bench).await?;
    let (client, now, entropy) = (program.client(), program.now, &program.entropy);
    let wake_up = client.invitation(&bench.description.registration).await.map_err(failed)?;
    let invitation = Invitation::read(&wake_up, &registrant.trust, now).map_err(refused)?;
    let url = invitation.url().to_owned();
    let (message, begun) = invitation.begin(entropy, now).map_err(refused)?;
    let answer = client.register(&url, message).await.map_err(failed)?;
    let introduced = begun.accept(&answer, &registrant, now).map_err(refused)?;
    let (message, asked) = introduced.ask_form(&registrant, entropy, now).map_err(refused)?;
    let answer = client.register(&url, message).await.map_err(failed)?;
    let form = asked.accept(&answer, &registrant, now).map_err(refused)?;
    let request = form.request(&registrant, entropy, now);
    let (message, asked, registration) = request.map_err(refused)?;
    let answer = client.register(&url, message).await.map_err(failed)?;
    let told = registration.answer(&asked, &answer, &registrant, now).map_err(refused)?;
    Ok(Registering { url, registrant, registration, told })
}

impl Registering {
    /// Sends a code.
    pub(crate) async fn prove(&mut self, bench: &Bench, code: &str) -> Result<(), Failure> {
        let program = Program::at(bench).await?;
        let proof = self.registration.prove(code, &self.registrant, &program.entropy, program.now);
        let (message, asked) = proof.map_err(refused)?;
        let answer = program.client().register(&self.url, message).await.map_err(failed)?;
        let told = self.registration.answer(&asked, &answer, &self.registrant, program.now);
        self.told = told.map_err(refused)?;
        Ok(())
    }

    /// The wallet, once the key is certified.
    pub(crate) fn wallet(self) -> Result<Wallet, Failure> {
        let mut chain = self.told.certificates.into_iter();
        let certificate = chain.next().ok_or_else(|| Failure::new("there is no certificate"))?;
        let Registrant { card, brand, key, pan_secret, trust, language } = self.registrant;
        let identity = Some(Identity { certificate, above: chain.collect(), key, pan_secret });
        Ok(Wallet { card, brand, identity, trust, language })
    }
}

fn registrant(bench: &Bench, card: &Card) -> Result<Registrant, Failure> {
    let file = WalletFile::read(&bench.description.wallet.file).map_err(failed)?;
    let expiry = CardExpiry::try_from(card.expiry.as_str()).map_err(failed)?;
    Ok(Registrant {
        card: DomainCard::new(&card.number, expiry).map_err(failed)?,
        brand: "Sandbox".try_into().map_err(failed)?,
        key: KeyPair::generate().map_err(failed)?,
        pan_secret: SecretOctets::from([7; 20]),
        trust: file.anchors().map_err(failed)?,
        language: "en".try_into().map_err(failed)?,
    })
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
