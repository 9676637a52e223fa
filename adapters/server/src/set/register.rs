//! `countersign set register`: registers a card at an authority, over HTTP.

use std::path::Path;

use countersign_certs::Certificate;
use countersign_set::{
    applicant::{CodeStart, Form, Invitation, Registrant, Registration, Standing},
    cardholder::WalletError,
    link::{HttpClient, HttpError},
    message::registration::CertStatusCode,
    wallet_file::{NewWallet, WalletFile},
};
use serde_json::json;

use super::{
    Outcome,
    arguments::Register,
    pay::{ask, code_in, line, now, typed, until_answered},
    wallet::{card, new_password, password},
};
use crate::{
    config::Files,
    file::{Failure, Place, ROOM, read_text, unusable},
    folder::pem_of,
    system::SystemEntropy,
    tls,
};

/// Registers the wallet's card, and has its key certified.
pub(super) async fn register(arguments: &Register) -> Result<Outcome, Failure> {
    let files = Files::default();
    let authorities = arguments.tls_authorities.as_deref();
    let client = HttpClient::new(tls::client(&files, authorities, "--tls-authorities")?);
    let (mut wallet, registrant) = wallet(arguments)?;
    // Room for its certificate, before a code is used up for it.
    let room = Place::with_room_for(&arguments.wallet, ROOM)?;
    let teller = Teller { json: arguments.json };
    let entropy = SystemEntropy::default();
    let applicant = Applicant { arguments, client, registrant, teller, entropy };
    let Some(certificates) = applicant.register().await? else {
        return Ok(Outcome::NotPaid);
    };
    let path = &arguments.wallet;
    let certified = wallet.certify(&pem_of(&certificates)?, now());
    certified.map_err(|error| unusable(path, &error))?;
    drop(room);
    wallet.replace(path)?;
    applicant.teller.registered()?;
    Ok(Outcome::Done)
}

/// The wallet at that place, opened. One that is not there is made before anything is asked for: its key must not be lost.
fn wallet(arguments: &Register) -> Result<(WalletFile, Registrant), Failure> {
    let path = &arguments.wallet;
    let (wallet, secret) = match (path.exists(), &arguments.card_file) {
        (true, None) => {
            let wallet = WalletFile::read(path).map_err(|error| unusable(path, &error))?;
            (wallet, password(arguments.password_file.as_deref(), "Password of the wallet: ")?)
        }
        (true, Some(_)) => {
            let why = "is there already: without --card-file its own card is registered";
            return Err(unusable(path, &why));
        }
        (false, Some(card_file)) => {
            let card = card(card_file)?;
            let secret = new_password(arguments.password_file.as_deref())?;
            let brand = arguments.brand.as_deref().unwrap_or_default();
            let new = NewWallet { card: &card, brand, language: &arguments.language };
            let (mut wallet, _) = WalletFile::new(&new, &secret, &SystemEntropy::default())?;
            trust(&mut wallet, arguments.trust.as_deref())?;
            wallet.create(path)?;
            (wallet, secret)
        }
        (false, None) => {
            let why = "is not there: give --card-file, --brand and --trust, and it is made";
            return Err(unusable(path, &why));
        }
    };
    if wallet.signs() {
        return Err(unusable(path, &"has a certificate already"));
    }
    let registrant = wallet.registrant(&secret).map_err(|error| unusable(path, &error))?;
    Ok((wallet, registrant))
}

fn trust(wallet: &mut WalletFile, authorities: Option<&Path>) -> Result<(), Failure> {
    match authorities {
        Some(path) => wallet.trust(&read_text(path)?).map_err(|error| unusable(path, &error)),
        None => Ok(()),
    }
}

/// The one that registers, at the terminal.
struct Applicant<'a> {
    arguments: &'a Register,
    client: HttpClient,
    registrant: Registrant,
    teller: Teller,
    entropy: SystemEntropy,
}

impl Applicant<'_> {
    /// The certificate and those above it; none when the authority refuses, or the person does.
    async fn register(&self) -> Result<Option<Vec<Certificate>>, Failure> {
        let url = &self.arguments.authority_url;
        let wake_up = until_answered(url, || self.client.invitation(url)).await?;
        let invitation = Invitation::read(&wake_up, &self.registrant.trust, now())?;
        let (url, name) = (invitation.url().to_owned(), invitation.authority_name().to_owned());
        let Some(form) = self.form(invitation, &url).await? else {
            return Ok(None);
        };
        self.teller.terms(&name, form.policy())?;
        if !self.arguments.yes && !self.teller.is_agreed("Register this card? [y/N] ")? {
            return self.teller.not_registered("calledOff");
        }
        let (message, asked, registration) =
            form.request(&self.registrant, &self.entropy, now())?;
        let answer = self.send(&url, &message).await?;
        let mut standing = registration.answer(&asked, &answer, &self.registrant, now())?;
        loop {
            let Some(start) = still_open(&standing) else {
                return self.ended(standing);
            };
            let Some(code) = self.teller.code(start, standing.status)? else {
                return self.teller.not_registered("calledOff");
            };
            standing = self.prove(&registration, &url, &code).await?;
        }
    }

    /// The form for the card, if the authority registers such cards.
    async fn form(&self, invitation: Invitation, url: &str) -> Result<Option<Form>, Failure> {
        let (registrant, entropy) = (&self.registrant, &self.entropy);
        let (message, begun) = invitation.begin(entropy, now())?;
        let introduced = begun.accept(&self.send(url, &message).await?, registrant, now())?;
        let (message, asked) = introduced.ask_form(registrant, entropy, now())?;
        match asked.accept(&self.send(url, &message).await?, registrant, now()) {
            Err(WalletError::Referred(why)) => self.teller.not_registered(&why),
            form => Ok(Some(form?)),
        }
    }

    async fn prove(
        &self,
        registration: &Registration,
        url: &str,
        code: &str,
    ) -> Result<Standing, Failure> {
        let (message, asked) = registration.prove(code, &self.registrant, &self.entropy, now())?;
        let answer = self.send(url, &message).await?;
        Ok(registration.answer(&asked, &answer, &self.registrant, now())?)
    }

    fn ended(&self, standing: Standing) -> Result<Option<Vec<Certificate>>, Failure> {
        match standing.status {
            CertStatusCode::RequestComplete => Ok(Some(standing.certificates)),
            CertStatusCode::InvalidBin
            | CertStatusCode::RequestPended
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

    async fn send(&self, url: &str, message: &[u8]) -> Result<Vec<u8>, HttpError> {
        until_answered(url, || self.client.register(url, message.to_vec())).await
    }
}

/// What to ask the person for, while there is something.
const fn still_open(standing: &Standing) -> Option<&CodeStart> {
    match standing.status {
        CertStatusCode::CodeAsked | CertStatusCode::CodeWrong => standing.code.as_ref(),
        CertStatusCode::RequestComplete
        | CertStatusCode::InvalidBin
        | CertStatusCode::RequestPended
        | CertStatusCode::RejectedByAcquirer
        | CertStatusCode::RequestRejected
        | CertStatusCode::CodeExpired
        | CertStatusCode::CodeLocked
        | CertStatusCode::CardExpired
        | CertStatusCode::TooManyCodes
        | CertStatusCode::KeysEqual
        | CertStatusCode::KeyUsed
        | CertStatusCode::TooManyPending => None,
    }
}

/// Tells the person, or the script, what happens.
pub(super) struct Teller {
    pub(super) json: bool,
}

impl Teller {
    pub(super) fn terms(&self, authority: &str, policy: &str) -> Result<(), Failure> {
        if self.json {
            return line(&json!({ "event": "terms", "authority": authority, "policy": policy }));
        }
        line(&format_args!("{authority}: {policy}"))
    }

    pub(super) fn is_agreed(&self, question: &str) -> Result<bool, Failure> {
        if !self.json {
            ask(question)?;
        }
        Ok(typed()?.is_some_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes")))
    }

    /// The code that the person types; none when the person gives up.
    fn code(&self, start: &CodeStart, status: CertStatusCode) -> Result<Option<String>, Failure> {
        let mut wrong = status == CertStatusCode::CodeWrong;
        loop {
            let CodeStart { digits, attempts_left, reference, .. } = start;
            if self.json {
                line(&json!({
                    "event": if wrong { "code_wrong" } else { "code_asked" },
                    "digits": digits, "attempts_left": attempts_left, "reference": reference,
                }))?;
            } else {
                if wrong {
                    line(&"This is not the code.")?;
                }
                ask(&format!(
                    "Code ({digits} digits) in the message with reference {reference} to the card's phone: "
                ))?;
            }
            let Some(typed) = typed()? else { return Ok(None) };
            if let Some(code) = code_in(&typed, *digits) {
                return Ok(Some(code));
            }
            wrong = true;
        }
    }

    fn registered(&self) -> Result<(), Failure> {
        if self.json {
            return line(&json!({ "event": "registered" }));
        }
        line(&"Registered: the wallet has its certificate.")
    }

    pub(super) fn not_registered<T>(&self, cause: &str) -> Result<Option<T>, Failure> {
        if self.json {
            line(&json!({ "event": "not_registered", "cause": cause }))?;
        } else {
            line(&format_args!("Not registered: {cause}."))?;
        }
        Ok(None)
    }
}
