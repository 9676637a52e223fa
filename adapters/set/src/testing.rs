//! A cardholder, a merchant and a gateway with their certificates, in one process: for tests and benches.
#![expect(clippy::unwrap_used, reason = "a test house fails loudly")]
#![expect(missing_docs, clippy::missing_errors_doc, reason = "its names say what they are")]

use std::{
    collections::BTreeMap,
    future::ready,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::{Router, body::HttpBody as _, middleware::map_response, response::Response};
use countersign_certs::{
    Authority, Certificate, Holder, KeyKind, KeyPair, KeyUse, Phone, PhoneNumber, Profile,
    RecipientCertificate, RecipientKey, TrustAnchors, UnixTime, Validity,
};
use countersign_domain::{
    address::Msisdn,
    amount::Amount,
    card::Card,
    directory::Subscribers,
    policy::PolicySettings,
    ports::Clock as _,
    randomness::Entropy as _,
    record::Batch,
    relying_party::RelyingParty,
    subscriber::Subscriber,
    testing::{Fixture, SeededEntropy, card},
    time::Timestamp,
};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::net::TcpListener;

pub mod business;
pub mod registration;

use crate::{
    Order, Trust,
    asn1::SecretOctets,
    cardholder::{Identity, Offer, Progress, Sent, Typed, Wallet, WalletError},
    cardholder_name,
    gateway::{GatewayKeys, GatewaySettings, PaymentGateway},
    http::{gateway_routes, merchant_routes},
    link::HttpClient,
    merchant::{
        GatewayLink, KnownGateway, LinkError, MerchantKeys, MerchantServer, MerchantSettings,
        NewOrder,
    },
};

pub const BRAND: &str = "Example";
pub const MERCHANT: &str = "librairie";
/// Another merchant that the gateway works for.
pub const OTHER_MERCHANT: &str = "disquaire";
pub const GATEWAY: &str = "gateway-1";
pub const PHONE: &str = "+33612345678";

/// An authority for everyone, and what it issues.
pub struct Issuer {
    pub root: Authority,
    /// Of what it issues next.
    pub validity: Validity,
    kind: KeyKind,
}

impl Issuer {
    pub fn new(now: Timestamp, kind: KeyKind) -> Self {
        let start = now.unix_seconds().saturating_sub(3_600);
        let from = UnixTime::since_unix_epoch(Duration::from_secs(start));
        let years =
            |years: u64| Validity::new(from, Duration::from_secs(years * 31_536_000)).unwrap();
        let root = Authority::root("Example root", years(5)).unwrap();
        Self { root, validity: years(1), kind }
    }

    pub fn trust(&self) -> TrustAnchors {
        TrustAnchors::new(std::slice::from_ref(self.root.certificate())).unwrap()
    }

    pub fn issue(&self, profile: &Profile<'_>) -> (Certificate, KeyPair) {
        let key = KeyPair::generate_kind(self.kind).unwrap();
        let certificate = self.root.issue(profile, key.public_key(), self.validity).unwrap();
        (certificate, key)
    }

    pub fn merchant(&self, name: &str, key_use: KeyUse) -> (Certificate, KeyPair) {
        self.issue(&Profile::Merchant { common_name: name, key_use })
    }

    pub fn authority(&self, name: &str, key_use: KeyUse) -> (Certificate, KeyPair) {
        self.issue(&Profile::RegistrationAuthority { common_name: name, key_use })
    }

    pub fn gateway(&self, name: &str, key_use: KeyUse) -> (Certificate, KeyPair) {
        self.issue(&Profile::PaymentGateway { common_name: name, key_use })
    }

    /// A cardholder whose number is encrypted to a gateway (F11.v2).
    pub fn cardholder(
        &self,
        card: &Card,
        secret: &SecretOctets,
        gateway: &Certificate,
    ) -> Identity {
        let expiry = card.expiry().to_string();
        let vouched = countersign_certs::Card::new(card.expose_number(), &expiry).unwrap();
        self.cardholder_with(card, secret, gateway, Some(vouched))
    }

    /// The same, with whatever card the authority has put beside the number.
    pub fn cardholder_with(
        &self,
        card: &Card,
        secret: &SecretOctets,
        gateway: &Certificate,
        vouched: Option<countersign_certs::Card>,
    ) -> Identity {
        let number = PhoneNumber::new(PHONE).unwrap();
        let holder = Holder { number, card: vouched };
        let gateways = [RecipientCertificate::new(gateway).unwrap()];
        let phone = Phone::Encrypted { holder: &holder, gateways: &gateways };
        let common_name = cardholder_name(card, secret).unwrap();
        let (certificate, key) =
            self.issue(&Profile::Cardholder { common_name: &common_name, phone });
        Identity { certificate, above: Vec::new(), key, pan_secret: secret.clone() }
    }
}

/// Where a role takes messages over a socket.
pub struct Door {
    client: HttpClient,
    url: String,
    /// Status, headers and length of each answer.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Door {
    /// Serves a role on loopback, until the runtime ends.
    pub fn open(routes: Router, path: &str) -> Self {
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&heads);
        let routes = routes.layer(map_response(move |answer: Response| {
            let (status, length) = (answer.status(), answer.body().size_hint().exact());
            let head = format!("{status} {:?} {length:?}", answer.headers());
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(head);
            ready(answer)
        }));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let listener = TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let tls = tls.with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        Self { client: HttpClient::new(Arc::new(tls)), url, heads }
    }

    /// Status, headers and length of each answer that was given there.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is answered there to a message.
    pub async fn answer(&self, message: &[u8]) -> Vec<u8> {
        self.client.exchange(&self.url, message.to_vec()).await.unwrap()
    }

    /// The same of a message of a registration.
    pub async fn register(&self, message: &[u8]) -> Vec<u8> {
        self.client.register(&self.url, message.to_vec()).await.unwrap()
    }
}

/// The way from the merchant to the gateway, on which an attacker may sit.
pub struct Wire {
    gateway: Arc<PaymentGateway>,
    /// Where the gateway takes messages, when it takes them over a socket.
    door: OnceLock<Door>,
    /// What went over it, question and answer.
    pub seen: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
    /// What the gateway did not get.
    pub held: Mutex<Vec<Vec<u8>>>,
    /// Whether the gateway is out of reach.
    pub is_cut: AtomicBool,
    /// The time that the gateway's answers took.
    pub spent: Mutex<Duration>,
    /// Whether answers are lost on their way back.
    pub loses_answers: AtomicBool,
    /// What is given instead of the next answer.
    pub instead: Mutex<Option<Vec<u8>>>,
}

impl Wire {
    pub fn to(gateway: Arc<PaymentGateway>) -> Self {
        Self {
            gateway,
            door: OnceLock::new(),
            seen: Mutex::default(),
            spent: Mutex::default(),
            held: Mutex::default(),
            is_cut: AtomicBool::new(false),
            loses_answers: AtomicBool::new(false),
            instead: Mutex::default(),
        }
    }
}

#[async_trait]
impl GatewayLink for Wire {
    async fn exchange(&self, message: Vec<u8>) -> Result<Vec<u8>, LinkError> {
        if self.is_cut.load(Ordering::SeqCst) {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push(message);
            return Err(LinkError { cause: "cut".to_owned() });
        }
        let begun = Instant::now();
        let answer = match self.door.get() {
            Some(door) => Ok(door.answer(&message).await),
            None => self.gateway.answer(&message).await,
        };
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner) += begun.elapsed();
        let answer = answer.map_err(|error| LinkError { cause: error.to_string() })?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push((message, answer.clone()));
        if self.loses_answers.load(Ordering::SeqCst) {
            return Err(LinkError { cause: "lost".to_owned() });
        }
        let instead = self.instead.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(instead.unwrap_or(answer))
    }
}

/// All who take part, over one fixture.
pub struct Parties {
    pub fixture: Fixture,
    pub issuer: Issuer,
    pub gateway: Arc<PaymentGateway>,
    pub merchant: Arc<MerchantServer>,
    /// Where the merchant takes messages, when it takes them over a socket.
    door: Option<Door>,
    pub wire: Arc<Wire>,
    pub wallet: Wallet,
    pub entropy: SeededEntropy,
}

/// How the parties differ from the usual.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    pub key_kind: KeyKind,
    /// Whether gateway and merchant refuse purchases without a client certificate.
    pub signed_only: bool,
    /// Whether a card without a certificate that nobody vouches for is told so.
    pub tells_unknown: bool,
    /// Whether the amount is captured by another message.
    pub capture_later: bool,
}

impl Parties {
    pub fn new() -> Self {
        Self::with(PolicySettings::bank_first(), Setup::default())
    }

    pub fn with(policy: PolicySettings, setup: Setup) -> Self {
        Self::over(Fixture::with_policy(policy), setup)
    }

    pub fn over(fixture: Fixture, setup: Setup) -> Self {
        let issuer = Issuer::new(fixture.clock.now(), setup.key_kind);
        let (gateway, cert_pe) = gateway(&fixture, &issuer, GATEWAY, setup);
        let gateway = Arc::new(gateway);
        let wire = Arc::new(Wire::to(gateway.clone()));
        let merchant = merchant(&fixture, &issuer, MERCHANT, &cert_pe, wire.clone(), setup);
        let secret = SecretOctets::from([5; 20]);
        let wallet = Wallet {
            card: card(),
            brand: BRAND.try_into().unwrap(),
            identity: Some(issuer.cardholder(&card(), &secret, &cert_pe)),
            trust: issuer.trust(),
            language: "en".try_into().unwrap(),
        };
        let entropy = SeededEntropy::new(77);
        let merchant = Arc::new(merchant);
        Self { fixture, issuer, gateway, merchant, door: None, wire, wallet, entropy }
    }

    /// The same, whose messages all go over sockets.
    #[must_use]
    pub fn over_sockets(self) -> Self {
        let gateway = Door::open(gateway_routes(self.gateway.clone()), "/set");
        assert!(self.wire.door.set(gateway).is_ok(), "they are open already");
        let door = Some(Door::open(merchant_routes(self.merchant.clone()), "/set"));
        Self { door, ..self }
    }

    /// Status, headers and length of each answer of the merchant and of the gateway, where they are asked over sockets.
    pub fn heads(&self) -> [Vec<String>; 2] {
        [self.door.as_ref(), self.wire.door.get()]
            .map(|door| door.map(Door::heads).unwrap_or_default())
    }

    /// What the merchant answers.
    pub async fn tell_merchant(&self, message: &[u8]) -> Vec<u8> {
        match &self.door {
            Some(door) => door.answer(message).await,
            None => self.merchant.answer(message).await.unwrap(),
        }
    }

    /// What the gateway answers.
    pub async fn tell_gateway(&self, message: &[u8]) -> Vec<u8> {
        match self.wire.door.get() {
            Some(door) => door.answer(message).await,
            None => self.gateway.answer(message).await.unwrap(),
        }
    }

    /// Without a client certificate the card is looked up in the directory (F11.8).
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

    pub async fn order(&self, euros: &str) -> Order {
        let amount = Amount::from_decimal(euros, "EUR".try_into().unwrap()).unwrap();
        let description = "Two books".try_into().unwrap();
        let new = NewOrder { amount, description };
        self.merchant.create_order(new, Batch::default()).await.unwrap()
    }

    /// From the wake-up to a purchase that has a name.
    pub async fn named(&self, order: &Order) -> crate::cardholder::Purchase {
        let wake_up = self.merchant.wake_up(&order.id).await.unwrap();
        let offer = self.wallet.offer(&wake_up, self.now()).unwrap();
        self.accept(offer).await.unwrap()
    }

    pub async fn accept(&self, offer: Offer) -> Result<crate::cardholder::Purchase, WalletError> {
        let (message, begun) = offer.begin(&self.wallet, &self.entropy, self.now())?;
        let answer = self.tell_merchant(&message).await;
        begun.accept(&answer, &self.wallet, self.now())
    }

    /// From the wake-up to the answer to the purchase.
    pub async fn buy(&self, euros: &str) -> (Sent, Result<Progress, WalletError>) {
        let order = self.order(euros).await;
        self.buy_order(&order).await
    }

    pub async fn buy_order(&self, order: &Order) -> (Sent, Result<Progress, WalletError>) {
        let purchase = self.named(order).await;
        let (message, asked, sent) =
            purchase.request(&self.wallet, &self.entropy, self.now()).unwrap();
        let answer = self.tell_merchant(&message).await;
        let progress = sent.answer(&asked, &answer, &self.wallet.trust, self.now());
        (sent, progress)
    }

    /// The code in the last message to the phone, and the reference beside it.
    pub async fn phone(&self) -> Option<(String, String)> {
        let text = self.fixture.next_message().await?;
        let (_, rest) = text.split_once("Code ")?;
        let (code, rest) = rest.split_once(", ref ")?;
        Some((code.to_owned(), rest.get(..4)?.to_owned()))
    }

    /// Types a code, through the merchant.
    pub async fn type_code<'a>(
        &self,
        sent: &Sent,
        typed: impl Into<Typed<'a>>,
    ) -> Result<Progress, WalletError> {
        let (message, asked) = sent.code_forward(typed, &self.entropy, self.now())?;
        let answer = self.tell_merchant(&message).await;
        sent.answer(&asked, &answer, &self.wallet.trust, self.now())
    }

    /// Types a code, straight to the gateway.
    pub async fn type_code_direct<'a>(
        &self,
        sent: &Sent,
        typed: impl Into<Typed<'a>>,
    ) -> Result<Progress, WalletError> {
        let (message, rrpid) = sent.code_direct(typed, &self.entropy, self.now())?;
        let answer = self.tell_gateway(&message).await;
        sent.direct_answer(&rrpid, &answer, &self.wallet.trust, self.now())
    }

    /// Asks the merchant how it stands.
    pub async fn inquire(&self, sent: &Sent) -> Result<Progress, WalletError> {
        let (message, asked) = sent.inquiry(&self.wallet, &self.entropy, self.now())?;
        let answer = self.tell_merchant(&message).await;
        sent.answer(&asked, &answer, &self.wallet.trust, self.now())
    }

    /// Another merchant of the same gateway, on the same store.
    pub fn second_merchant(&self, name: &str) -> MerchantServer {
        let cert_pe = self.gateway.keys.exchange.first().unwrap();
        let (fixture, wire) = (&self.fixture, self.wire.clone());
        merchant(fixture, &self.issuer, name, cert_pe, wire, Setup::default())
    }

    /// Twenty random octets.
    pub fn random(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        self.entropy.fill(&mut bytes).unwrap();
        bytes
    }
}

impl Default for Parties {
    fn default() -> Self {
        Self::new()
    }
}

/// A gateway, and its certificate to encrypt to.
pub fn gateway(
    fixture: &Fixture,
    issuer: &Issuer,
    name: &str,
    setup: Setup,
) -> (PaymentGateway, Certificate) {
    let (certificate, key) = issuer.gateway(name, KeyUse::Signature);
    let (cert_pe, exchange_key) = issuer.gateway(name, KeyUse::KeyExchange);
    let gateway = PaymentGateway {
        ports: fixture.ports.clone(),
        directory: Arc::new(Subscribers::new(fixture.ports.clone())),
        payments: fixture.gateway.clone(),
        keys: GatewayKeys {
            certificate,
            above: Vec::new(),
            key: Arc::new(key),
            exchange: vec![cert_pe.clone()],
            exchange_above: Vec::new(),
            exchange_keys: vec![RecipientKey::new(&cert_pe, &exchange_key).unwrap()],
            phones: vec![RecipientKey::new(&cert_pe, &exchange_key).unwrap()],
        },
        settings: GatewaySettings {
            brands: vec![BRAND.try_into().unwrap()],
            unsigned: !setup.signed_only,
            url: "https://gateway.example.com/set".try_into().unwrap(),
            merchants: BTreeMap::from(
                [(MERCHANT, "Librairie Dupont"), (OTHER_MERCHANT, "Disquaire Martin")].map(
                    |(id, name)| {
                        let party = RelyingParty {
                            id: id.try_into().unwrap(),
                            name: name.try_into().unwrap(),
                            may_enrol: false,
                            tells_unknown: setup.tells_unknown,
                        };
                        (party.id.clone(), party)
                    },
                ),
            ),
            successors: BTreeMap::new(),
        },
        trust: Trust::new(issuer.trust()),
    };
    (gateway, cert_pe)
}

/// A merchant who works with the gateway of that certificate.
pub fn merchant(
    fixture: &Fixture,
    issuer: &Issuer,
    name: &str,
    cert_pe: &Certificate,
    link: Arc<dyn GatewayLink>,
    setup: Setup,
) -> MerchantServer {
    let (certificate, key) = issuer.merchant(name, KeyUse::Signature);
    let (exchange, exchange_key) = issuer.merchant(name, KeyUse::KeyExchange);
    MerchantServer {
        ports: fixture.ports.clone(),
        keys: MerchantKeys {
            certificate,
            above: Vec::new(),
            key: Arc::new(key),
            exchange_key: RecipientKey::new(&exchange, &exchange_key).unwrap(),
            exchange: vec![exchange],
        },
        settings: MerchantSettings {
            id: name.try_into().unwrap(),
            name: "Librairie Dupont".try_into().unwrap(),
            url: "https://shop.example.com/set".try_into().unwrap(),
            unsigned: !setup.signed_only,
            capture_now: !setup.capture_later,
            gateway_url: "https://gateway.example.com/set".try_into().unwrap(),
        },
        trust: Trust::new(issuer.trust()),
        gateway: KnownGateway::new(vec![cert_pe.clone()]),
        link,
    }
}
