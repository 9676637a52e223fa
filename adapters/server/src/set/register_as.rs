//! `countersign set register-as`: registers a merchant or a gateway at an authority, over HTTP.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use countersign_certs::{KeyKind, KeyPair, TrustAnchors};
use countersign_domain::hex;
use countersign_set::{
    applicant::{
        Invitation, Standing,
        business::{Business, BusinessForm, Waiting},
    },
    cardholder::WalletError,
    link::{HttpClient, HttpError},
    message::registration::{AcquirerId, CertStatusCode, IdData, MerchantAcquirerId},
};
use serde_json::json;
use tokio::time::sleep;

use super::{
    Outcome,
    arguments::{As, RegisterAs},
    pay::{line, now, until_answered},
    register::Teller,
};
use crate::{
    config::Files,
    file::{Failure, Place, ROOM, read, unusable, write_secret},
    folder::{pem_of, read_certificates},
    system::SystemEntropy,
    tls,
};

/// How long between two questions whether the operator has decided.
const PAUSE: Duration = Duration::from_secs(2);

/// Registers, and writes the certificates where the mounts read them.
pub(super) async fn register_as(arguments: &RegisterAs) -> Result<Outcome, Failure> {
    let files = Files::default();
    let authorities = arguments.tls_authorities.as_deref();
    let client = HttpClient::new(tls::client(&files, authorities, "--tls-authorities")?);
    let written = [file(arguments, "signature.pem"), file(arguments, "exchange.pem")];
    let [signature, exchange] = &written;
    if signature.exists() && exchange.exists() {
        return Err(unusable(signature, &"is there already, and so is the other certificate"));
    }
    // What is issued is written: that it can be is known before anything is asked for.
    let places = (Place::with_room_for(signature, ROOM)?, Place::with_room_for(exchange, ROOM)?);
    let applicant = Applicant {
        arguments,
        client,
        business: business(arguments)?,
        teller: Teller { json: arguments.json },
        entropy: SystemEntropy::default(),
    };
    let Some(standing) = applicant.register().await? else {
        return Ok(Outcome::NotPaid);
    };
    places.0.fill(pem_of(&standing.certificates)?.as_bytes())?;
    places.1.fill(pem_of(&standing.exchange_certificates)?.as_bytes())?;
    applicant.registered(&written)?;
    Ok(Outcome::Done)
}

fn file(arguments: &RegisterAs, name: &str) -> PathBuf {
    PathBuf::from(format!("{}-{name}", arguments.files))
}

/// What registers, with its keys. Those that are not there are made before anything is asked for: they must not be lost.
fn business(arguments: &RegisterAs) -> Result<Business, Failure> {
    let RegisterAs { role, name, acquirer, brand, trust, .. } = arguments;
    let no_acquirer = |_| format!("--acquirer {acquirer} is not 6 digits");
    let acquirer = acquirer.as_str().try_into().map_err(no_acquirer)?;
    let no_name = |_| format!("--name {name} is not 1 to 64 characters");
    let name = name.as_str().try_into().map_err(no_name)?;
    let id_data = match role {
        As::Merchant => {
            IdData::Merchant(MerchantAcquirerId { merchant_bin: acquirer, merchant_id: name })
        }
        As::Gateway => {
            IdData::Gateway(AcquirerId { acquirer_bin: acquirer, acquirer_business_id: name })
        }
    };
    let no_brand = |_| format!("--brand {brand} is not 1 to 64 characters");
    let brand = brand.as_str().try_into().map_err(no_brand)?;
    let anchors = TrustAnchors::new(&read_certificates(trust)?);
    let kind = if arguments.rsa { KeyKind::Rsa3072 } else { KeyKind::P256 };
    Ok(Business {
        id_data,
        brand,
        trust: anchors.map_err(|error| unusable(trust, &error))?,
        key: key(&file(arguments, "signature.key"), kind)?,
        exchange_key: key(&file(arguments, "exchange.key"), kind)?,
    })
}

fn key(path: &Path, kind: KeyKind) -> Result<KeyPair, Failure> {
    if path.exists() {
        return KeyPair::from_file(&read(path)?).map_err(|error| unusable(path, &error));
    }
    let key = KeyPair::generate_kind(kind)?;
    write_secret(path, key.expose_pem()?.as_bytes())?;
    Ok(key)
}

/// The one that registers, at the terminal.
struct Applicant<'a> {
    arguments: &'a RegisterAs,
    client: HttpClient,
    business: Business,
    teller: Teller,
    entropy: SystemEntropy,
}

impl Applicant<'_> {
    /// With both certificates; none when the operator has not approved, or the one at the terminal does not agree.
    async fn register(&self) -> Result<Option<Standing>, Failure> {
        let url = &self.arguments.authority_url;
        let wake_up = until_answered(url, || self.client.invitation(url)).await?;
        let invitation = Invitation::read(&wake_up, &self.business.trust, now())?;
        let (url, name) = (invitation.url().to_owned(), invitation.authority_name().to_owned());
        let Some(form) = self.form(invitation, &url).await? else {
            return Ok(None);
        };
        self.teller.terms(&name, form.policy())?;
        if !self.arguments.yes && !self.teller.is_agreed("Register with these terms? [y/N] ")? {
            return self.teller.not_registered("calledOff");
        }
        let (message, asked, waiting) = form.request(&self.business, &self.entropy, now())?;
        let answer = self.send(&url, &message).await?;
        let first = waiting.answer(&asked, &answer, &self.business, now())?;
        self.ended(self.until_decided(&waiting, &url, first).await?)
    }

    /// The form, if the authority registers such a merchant or gateway.
    async fn form(
        &self,
        invitation: Invitation,
        url: &str,
    ) -> Result<Option<BusinessForm>, Failure> {
        let (message, introducing) = invitation.introduce(&self.business, &self.entropy, now())?;
        let answer = self.send(url, &message).await?;
        match introducing.accept(&answer, &self.business, now()) {
            Err(WalletError::Referred(why)) => self.teller.not_registered(&why),
            form => Ok(Some(form?)),
        }
    }

    /// Asks until the operator has decided, or has taken too long.
    async fn until_decided(
        &self,
        waiting: &Waiting,
        url: &str,
        first: Standing,
    ) -> Result<Standing, Failure> {
        let end = Instant::now().checked_add(Duration::from_secs(self.arguments.wait_seconds));
        let mut standing = first;
        if standing.status == CertStatusCode::RequestPended {
            self.pending()?;
        }
        while standing.status == CertStatusCode::RequestPended
            && end.is_none_or(|end| Instant::now() < end)
        {
            sleep(PAUSE).await;
            let (message, asked) = waiting.inquire(&self.business, &self.entropy, now())?;
            let answer = self.send(url, &message).await?;
            standing = waiting.answer(&asked, &answer, &self.business, now())?;
        }
        Ok(standing)
    }

    fn ended(&self, standing: Standing) -> Result<Option<Standing>, Failure> {
        match standing.status {
            CertStatusCode::RequestComplete => Ok(Some(standing)),
            // It was said already; asked again, the same keys are told how it stands.
            CertStatusCode::RequestPended => Ok(None),
            CertStatusCode::InvalidBin
            | CertStatusCode::RejectedByAcquirer
            | CertStatusCode::RequestRejected
            | CertStatusCode::CodeAsked
            | CertStatusCode::CodeWrong
            | CertStatusCode::CodeExpired
            | CertStatusCode::CodeLocked
            | CertStatusCode::CardExpired
            | CertStatusCode::TooManyCodes
            | CertStatusCode::KeysEqual
            | CertStatusCode::KeyUsed
            | CertStatusCode::TooManyPending => self.teller.not_registered(standing.status.name()),
        }
    }

    /// What the operator is to be told by another way, so that it approves these keys and no others.
    fn pending(&self) -> Result<(), Failure> {
        let id = hex::encode(&self.business.key.public_key().sha256());
        if self.arguments.json {
            return line(&json!({ "event": "pending", "id": id }));
        }
        line(&format_args!("The operator is to approve it. Read out to the operator: {id}"))
    }

    fn registered(&self, written: &[PathBuf; 2]) -> Result<(), Failure> {
        let [signature, exchange] = written;
        if self.arguments.json {
            return line(&json!({
                "event": "registered", "signature": signature, "exchange": exchange,
            }));
        }
        line(&format_args!("Registered: {}, {}.", signature.display(), exchange.display()))
    }

    async fn send(&self, url: &str, message: &[u8]) -> Result<Vec<u8>, HttpError> {
        until_answered(url, || self.client.register(url, message.to_vec())).await
    }
}
