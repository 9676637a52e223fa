//! An authority at which cardholders register, and one that registers there.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use countersign_certs::{
    Certificate, EndEntityKind, Holder, KeyKind, KeyPair, KeyUse, Phone, PhoneNumber, Profile,
    PublicKey, RecipientCertificate, RecipientKey,
};
use countersign_domain::{
    address::Msisdn,
    directory::Subscribers,
    ports::Clock as _,
    subscriber::Subscriber,
    testing::{Fixture, SeededEntropy, card},
    time::Timestamp,
};

use super::{BRAND, Door, GATEWAY, Issuer, PHONE};
use crate::{
    applicant::{Form, Invitation, Registrant, Registration, Standing},
    asn1::SecretOctets,
    authority::{AuthorityKeys, AuthoritySettings, BusinessSettings, RegistrationAuthority},
    cardholder::WalletError,
    http::authority_routes,
    issuer::{CertificateIssuer, IssuerError, NewCardholder},
};

pub const AUTHORITY: &str = "authority-1";
pub const POLICY: &str = "The card pays only after a code that goes to its phone.";
pub const ACQUIRER: &str = "497010";
pub const BUSINESS_POLICY: &str = "Keys that are lost are told to the acquirer.";

/// Certifies with the key of an [`Issuer`], and keeps what it issued in memory.
pub struct Register {
    issuer: Arc<Issuer>,
    /// The gateway that numbers are encrypted to.
    gateway: RecipientCertificate,
    issued: Mutex<Vec<Certificate>>,
    /// Whether its own certificate, say, is over.
    pub is_over: AtomicBool,
    /// Whether the process dies before it certifies a cardholder.
    pub dies: AtomicBool,
}

impl Register {
    pub fn new(issuer: Arc<Issuer>, gateway: &Certificate) -> Self {
        let gateway = RecipientCertificate::new(gateway).unwrap();
        Self {
            issuer,
            gateway,
            issued: Mutex::default(),
            is_over: AtomicBool::default(),
            dies: AtomicBool::default(),
        }
    }

    fn keep(&self, certificate: Certificate) -> Vec<Certificate> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.push(certificate.clone());
        vec![certificate]
    }

    /// How many certificates were issued.
    pub fn count(&self) -> usize {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[async_trait]
impl CertificateIssuer for Register {
    async fn certified(&self, key: &PublicKey) -> Result<Option<Vec<Certificate>>, IssuerError> {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let found = issued.iter().find(|one| one.key_sha256() == key.sha256());
        Ok(found.map(|one| vec![one.clone()]))
    }

    async fn check(&self, _name: &str, _key: &PublicKey) -> Result<(), IssuerError> {
        match self.is_over.load(Ordering::SeqCst) {
            true => Err(IssuerError { cause: "over".to_owned() }),
            false => Ok(()),
        }
    }

    async fn certify(&self, new: NewCardholder<'_>) -> Result<Vec<Certificate>, IssuerError> {
        if self.dies.load(Ordering::SeqCst) {
            return Err(IssuerError { cause: "dead".to_owned() });
        }
        let number = new.proof.person().address.msisdn().unwrap();
        let expiry = new.card.expiry().to_string();
        let card = countersign_certs::Card::new(new.card.expose_number(), &expiry).unwrap();
        let holder =
            Holder { number: PhoneNumber::new(number.expose()).unwrap(), card: Some(card) };
        let gateways = [self.gateway.clone()];
        let phone = Phone::Encrypted { holder: &holder, gateways: &gateways };
        let profile = Profile::Cardholder { common_name: new.name, phone };
        let certificate = self.issuer.root.issue(&profile, new.key, self.issuer.validity).unwrap();
        Ok(self.keep(certificate))
    }

    async fn certify_business(
        &self,
        kind: EndEntityKind,
        name: &str,
        key: &PublicKey,
    ) -> Result<Vec<Certificate>, IssuerError> {
        let merchant = |key_use| Profile::Merchant { common_name: name, key_use };
        let gateway = |key_use| Profile::PaymentGateway { common_name: name, key_use };
        let profile = match kind {
            EndEntityKind::MerchantSignature => merchant(KeyUse::Signature),
            EndEntityKind::MerchantKeyExchange => merchant(KeyUse::KeyExchange),
            EndEntityKind::GatewaySignature => gateway(KeyUse::Signature),
            EndEntityKind::GatewayKeyExchange => gateway(KeyUse::KeyExchange),
            EndEntityKind::TlsServer
            | EndEntityKind::TlsClient
            | EndEntityKind::Cardholder
            | EndEntityKind::AuthoritySignature
            | EndEntityKind::AuthorityKeyExchange => {
                return Err(IssuerError { cause: format!("{} is no business", kind.name()) });
            }
        };
        Ok(self.keep(self.issuer.root.issue(&profile, key, self.issuer.validity).unwrap()))
    }
}

/// An authority and its register, over a fixture.
pub struct Registry {
    pub fixture: Fixture,
    pub issuer: Arc<Issuer>,
    pub register: Arc<Register>,
    pub authority: Arc<RegistrationAuthority>,
    pub entropy: SeededEntropy,
    /// Where the authority takes messages, when it takes them over a socket.
    pub door: Option<Door>,
}

impl Registry {
    /// One that encrypts numbers to that gateway.
    pub fn over(fixture: Fixture, issuer: Issuer, gateway: &Certificate) -> Self {
        let issuer = Arc::new(issuer);
        let register = Arc::new(Register::new(Arc::clone(&issuer), gateway));
        let signature = issuer.authority(AUTHORITY, KeyUse::Signature);
        let exchange = issuer.authority(AUTHORITY, KeyUse::KeyExchange);
        let authority = authority(&fixture, register.clone(), signature, exchange);
        Self {
            authority: Arc::new(authority),
            entropy: SeededEntropy::new(78),
            door: None,
            fixture,
            issuer,
            register,
        }
    }

    /// One that is alone, with a directory that knows nobody yet.
    pub fn new(kind: KeyKind) -> Self {
        let fixture = Fixture::new();
        let issuer = Issuer::new(fixture.clock.now(), kind);
        let (gateway, _) = issuer.gateway(GATEWAY, KeyUse::KeyExchange);
        Self::over(fixture, issuer, &gateway)
    }

    /// The same, whose messages all go over a socket.
    #[must_use]
    pub fn over_sockets(self) -> Self {
        let routes = authority_routes(Arc::clone(&self.authority));
        Self { door: Some(Door::open(routes, "/set/registration")), ..self }
    }

    /// What the authority answers.
    pub async fn tell(&self, message: &[u8]) -> Vec<u8> {
        match &self.door {
            Some(door) => door.register(message).await,
            None => self.authority.answer(message).await.unwrap(),
        }
    }

    /// Has the directory know the card of the tests.
    pub async fn enrol(&self) {
        let subscriber = Subscriber {
            identifier: "alice".try_into().unwrap(),
            address: Msisdn::try_from(PHONE).unwrap().into(),
            card: Some(card()),
        };
        Subscribers::new(self.fixture.ports.clone()).enrol(&subscriber).await.unwrap();
    }

    pub fn now(&self) -> Timestamp {
        self.fixture.clock.now()
    }

    pub fn registrant(&self) -> Registrant {
        Registrant {
            card: card(),
            brand: BRAND.try_into().unwrap(),
            key: KeyPair::generate_kind(self.issuer.kind).unwrap(),
            pan_secret: SecretOctets::from([7; 20]),
            trust: self.issuer.trust(),
            language: "en".try_into().unwrap(),
        }
    }

    /// From the initiation to the form.
    pub async fn form(&self, registrant: &Registrant) -> Result<Form, WalletError> {
        let wake_up = self.authority.wake_up().unwrap();
        let invitation = Invitation::read(&wake_up, &registrant.trust, self.now())?;
        let (message, begun) = invitation.begin(&self.entropy, self.now())?;
        let answer = self.tell(&message).await;
        let introduced = begun.accept(&answer, registrant, self.now())?;
        let (message, asked) = introduced.ask_form(registrant, &self.entropy, self.now())?;
        let answer = self.tell(&message).await;
        asked.accept(&answer, registrant, self.now())
    }

    /// From the initiation to the answer to the wish for a certificate.
    pub async fn request(
        &self,
        registrant: &Registrant,
    ) -> Result<(Registration, Standing), WalletError> {
        let form = self.form(registrant).await?;
        let (message, asked, registration) = form.request(registrant, &self.entropy, self.now())?;
        let answer = self.tell(&message).await;
        let standing = registration.answer(&asked, &answer, registrant, self.now())?;
        Ok((registration, standing))
    }

    /// Types a code.
    pub async fn prove(
        &self,
        registration: &Registration,
        registrant: &Registrant,
        code: &str,
    ) -> Result<Standing, WalletError> {
        let (message, asked) = registration.prove(code, registrant, &self.entropy, self.now())?;
        let answer = self.tell(&message).await;
        registration.answer(&asked, &answer, registrant, self.now())
    }

    /// How often the phone has rung.
    pub async fn rung(&self) -> usize {
        self.fixture.next_message().await;
        self.fixture.messenger.taken().len()
    }

    /// The last message to the phone: its text, the code and the reference in it.
    pub async fn phone(&self) -> Option<(String, String, String)> {
        let text = self.fixture.next_message().await?;
        let (_, rest) = text.split_once("Code ")?;
        let (code, rest) = rest.split_once(", ref ")?;
        Some((text.clone(), code.to_owned(), rest.get(..4)?.to_owned()))
    }
}

/// An authority with those certificates and keys for messages.
pub fn authority(
    fixture: &Fixture,
    issuer: Arc<dyn CertificateIssuer>,
    (certificate, key): (Certificate, KeyPair),
    (exchange, exchange_key): (Certificate, KeyPair),
) -> RegistrationAuthority {
    RegistrationAuthority {
        ports: fixture.ports.clone(),
        directory: Arc::new(Subscribers::new(fixture.ports.clone())),
        verifier: fixture.verifier.clone(),
        issuer,
        keys: AuthorityKeys {
            certificate,
            above: Vec::new(),
            key: Arc::new(key),
            exchange_keys: vec![RecipientKey::new(&exchange, &exchange_key).unwrap()],
            exchange: vec![exchange],
        },
        settings: AuthoritySettings {
            name: "Example Bank".try_into().unwrap(),
            url: "https://ca.example.com/set/registration".try_into().unwrap(),
            brand: BRAND.try_into().unwrap(),
            prefixes: vec!["497010".to_owned()],
            policy: POLICY.try_into().unwrap(),
            relying_party: "authority".try_into().unwrap(),
            businesses: Some(BusinessSettings {
                acquirers: vec![ACQUIRER.try_into().unwrap()],
                policy: BUSINESS_POLICY.try_into().unwrap(),
            }),
        },
    }
}
