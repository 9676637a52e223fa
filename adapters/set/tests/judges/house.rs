//! Cardholder, merchant and gateway with keys that can be written down, and what they say to each other in a purchase.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use countersign_certs::{Certificate, KeyKind, KeyPair, KeyUse, RecipientKey, TrustAnchors};
use countersign_domain::{
    address::Msisdn,
    amount::Amount,
    directory::Subscribers,
    policy::PolicySettings,
    record::Batch,
    subscriber::Subscriber,
    testing::{Fixture, START, SeededEntropy, card},
};
use countersign_set::{
    BatchNumber, OrderId, SettlementId, Trust,
    asn1::SecretOctets,
    cardholder::{Identity, Purchase, Wallet},
    gateway::{GatewayKeys, PaymentGateway},
    merchant::{GatewayLink, LinkError, MerchantKeys, MerchantServer, NewOrder},
    message::{
        batch::BaStatus,
        settlement::{SettlementCode, SettlementKind},
    },
    testing::{BRAND, GATEWAY, Issuer, MERCHANT, Setup, gateway, merchant},
};

use crate::registration;

/// The certificates and keys of a house, as files: `test-only-NAME.pem`, `test-only-NAME.key`, and the root.
pub(crate) const NAMES: [&str; 5] = [
    "cardholder",
    "merchant-signature",
    "merchant-exchange",
    "gateway-signature",
    "gateway-exchange",
];

/// One certificate and its key.
pub(crate) type Pair = (Certificate, KeyPair);

/// Where the files of a kind of keys are.
pub(crate) fn folder(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(of)
}

/// Makes keys and certificates, and writes them down.
pub(crate) fn write_keys(of: &str, kind: KeyKind) {
    let issuer = Issuer::new(START, kind);
    let gateway = issuer.gateway(GATEWAY, KeyUse::KeyExchange);
    let cardholder = issuer.cardholder(&card(), &pan_secret(), &gateway.0);
    let pairs = [
        (cardholder.certificate, cardholder.key),
        issuer.merchant(MERCHANT, KeyUse::Signature),
        issuer.merchant(MERCHANT, KeyUse::KeyExchange),
        issuer.gateway(GATEWAY, KeyUse::Signature),
        gateway,
    ];
    let folder = folder(of).join("keys");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("test-only-root.pem"), issuer.root.certificate().to_pem().unwrap())
        .unwrap();
    for ((certificate, key), name) in pairs.iter().zip(NAMES) {
        write_pair(&folder, &format!("test-only-{name}"), certificate, key);
    }
}

/// Writes `<name>.pem` and `<name>.key`.
pub(crate) fn write_pair(folder: &Path, name: &str, certificate: &Certificate, key: &KeyPair) {
    fs::write(folder.join(format!("{name}.pem")), certificate.to_pem().unwrap()).unwrap();
    fs::write(folder.join(format!("{name}.key")), key.expose_pem().unwrap().as_bytes()).unwrap();
}

/// The pair of that name.
pub(crate) fn pair(of: &str, name: &str) -> Pair {
    let file = |ending| folder(of).join(format!("keys/test-only-{name}.{ending}"));
    let [certificate, key] = ["pem", "key"].map(|ending| fs::read_to_string(file(ending)).unwrap());
    (Certificate::from_pem(&certificate).unwrap(), KeyPair::from_pem(&key).unwrap())
}

/// The root that everyone trusts.
pub(crate) fn root(of: &str) -> Certificate {
    let pem = fs::read_to_string(folder(of).join("keys/test-only-root.pem")).unwrap();
    Certificate::from_pem(&pem).unwrap()
}

/// What opens every envelope.
pub(crate) fn recipient_keys(of: &str) -> Vec<RecipientKey> {
    let key = |name| {
        let (certificate, key) = pair(of, name);
        RecipientKey::new(&certificate, &key).unwrap()
    };
    if of == registration::FOLDER {
        return registration::recipient_keys(key("authority-exchange"));
    }
    ["gateway-exchange", "merchant-exchange"].map(key).into()
}

/// What ties the cardholder's card to the name in the certificate.
pub(crate) fn pan_secret() -> SecretOctets {
    SecretOctets::from([5; 20])
}

/// The way to the gateway, and what went over it.
struct Line {
    gateway: Arc<PaymentGateway>,
    seen: Mutex<Vec<[Vec<u8>; 2]>>,
}

#[async_trait]
impl GatewayLink for Line {
    async fn exchange(&self, message: Vec<u8>) -> Result<Vec<u8>, LinkError> {
        let answer = self.gateway.answer(&message).await.unwrap();
        self.seen.lock().unwrap().push([message, answer.clone()]);
        Ok(answer)
    }
}

/// All who take part, with the keys of the files.
pub(crate) struct House {
    pub(crate) fixture: Fixture,
    pub(crate) gateway: Arc<PaymentGateway>,
    pub(crate) merchant: MerchantServer,
    pub(crate) wallet: Wallet,
    line: Arc<Line>,
    entropy: SeededEntropy,
}

impl House {
    pub(crate) fn new(of: &'static str) -> Self {
        let policy = PolicySettings { credit_days: 30, ..PolicySettings::bank_first() };
        let fixture = Fixture::with_policy(policy);
        let trust = || TrustAnchors::new(&[root(of)]).unwrap();
        // Its certificates are replaced below.
        let issuer = Issuer::new(START, KeyKind::default());
        let (mut gateway, _) = gateway(&fixture, &issuer, GATEWAY, Setup::default());
        let (certificate, key) = pair(of, "gateway-signature");
        let (cert_pe, exchange_key) = pair(of, "gateway-exchange");
        gateway.keys = GatewayKeys {
            certificate,
            above: Vec::new(),
            key: Arc::new(key),
            exchange: vec![cert_pe.clone()],
            exchange_above: Vec::new(),
            exchange_keys: vec![RecipientKey::new(&cert_pe, &exchange_key).unwrap()],
            phones: vec![RecipientKey::new(&cert_pe, &exchange_key).unwrap()],
        };
        gateway.trust = Trust::new(trust());
        let gateway = Arc::new(gateway);
        let line = Arc::new(Line { gateway: gateway.clone(), seen: Mutex::default() });
        let mut merchant =
            merchant(&fixture, &issuer, MERCHANT, &cert_pe, line.clone(), Setup::default());
        let (certificate, key) = pair(of, "merchant-signature");
        let (exchange, exchange_key) = pair(of, "merchant-exchange");
        merchant.keys = MerchantKeys {
            certificate,
            above: Vec::new(),
            key: Arc::new(key),
            exchange_key: RecipientKey::new(&exchange, &exchange_key).unwrap(),
            exchange: vec![exchange],
        };
        merchant.trust = Trust::new(trust());
        let (certificate, key) = pair(of, "cardholder");
        let identity = Identity { certificate, above: Vec::new(), key, pan_secret: pan_secret() };
        let wallet = Wallet {
            card: card(),
            brand: BRAND.try_into().unwrap(),
            identity: Some(identity),
            trust: trust(),
            language: "en".try_into().unwrap(),
        };
        let entropy = SeededEntropy::new(11);
        Self { fixture, gateway, merchant, wallet, line, entropy }
    }

    /// A wake-up, and the messages until the purchase has a name.
    pub(crate) async fn named(&self, said: &mut Vec<Said>) -> Purchase {
        let amount = Amount::from_decimal("49.90", "EUR".try_into().unwrap()).unwrap();
        let new = NewOrder { amount, description: "Two books".try_into().unwrap() };
        let order = self.merchant.create_order(new, Batch::default()).await.unwrap();
        let wake_up = self.merchant.wake_up(&order.id).await.unwrap();
        said.push(("PWakeUp", wake_up.clone()));
        let offer = self.wallet.offer(&wake_up, START).unwrap();
        let (message, begun) = offer.begin(&self.wallet, &self.entropy, START).unwrap();
        let answer = self.ask(said, "PInitReq", message, "PInitRes").await;
        begun.accept(&answer, &self.wallet, START).unwrap()
    }

    /// A purchase with a dual signature; its code goes through the merchant.
    pub(crate) async fn dual_signed(&self) -> Vec<Said> {
        let mut said = Vec::new();
        let purchase = self.named(&mut said).await;
        let (message, asked, sent) = purchase.request(&self.wallet, &self.entropy, START).unwrap();
        let answer = self.ask(&mut said, "PReq", message, "PRes").await;
        sent.answer(&asked, &answer, &self.wallet.trust, START).unwrap();
        let code = self.phone().await;
        let (message, asked) = sent.code_forward(&code, &self.entropy, START).unwrap();
        let answer = self.ask(&mut said, "CodeForwardReq", message, "CodeForwardRes").await;
        let paid = sent.answer(&asked, &answer, &self.wallet.trust, START).unwrap();
        assert!(paid.receipt.is_some());
        let (message, asked) = sent.inquiry(&self.wallet, &self.entropy, START).unwrap();
        let answer = self.ask(&mut said, "InqReq", message, "InqRes").await;
        sent.answer(&asked, &answer, &self.wallet.trust, START).unwrap();
        said
    }

    /// A purchase without a certificate; its code goes straight to the gateway, the second time the right one.
    pub(crate) async fn unsigned(&mut self) -> Vec<Said> {
        self.wallet.identity = None;
        let subscriber = Subscriber {
            identifier: "alice".try_into().unwrap(),
            address: Msisdn::try_from("+33612345678").unwrap().into(),
            card: Some(card()),
        };
        Subscribers::new(self.fixture.ports.clone()).enrol(&subscriber).await.unwrap();
        let mut said = Vec::new();
        let purchase = self.named(&mut said).await;
        let (message, asked, sent) = purchase.request(&self.wallet, &self.entropy, START).unwrap();
        let answer = self.ask(&mut said, "PReq", message, "PRes").await;
        sent.answer(&asked, &answer, &self.wallet.trust, START).unwrap();
        let (message, asked) = sent.inquiry(&self.wallet, &self.entropy, START).unwrap();
        let answer = self.ask(&mut said, "InqReq", message, "InqRes").await;
        sent.answer(&asked, &answer, &self.wallet.trust, START).unwrap();
        let code = self.phone().await;
        let wrong = if code.starts_with('0') { "123456" } else { "012345" };
        for code in [wrong, &code] {
            let (message, rrpid) = sent.code_direct(code, &self.entropy, START).unwrap();
            let answer = self.gateway.answer(&message).await.unwrap();
            said.push(("CodeDirectReq", message));
            said.push(("CodeDirectRes", answer.clone()));
            sent.direct_answer(&rrpid, &answer, &self.wallet.trust, START).unwrap();
        }
        said
    }

    /// What merchant and gateway say after authorizations: one is reversed, one captured and partly given back and the
    /// credit undone, one captured and the capture reversed.
    pub(crate) async fn settled(&mut self) -> Vec<Said> {
        use SettlementKind::{AuthReversal, Capture, CaptureReversal, Credit, CreditReversal};
        self.merchant.settings.capture_now = false;
        let mut said = Vec::new();
        for kinds in [
            [AuthReversal].as_slice(),
            &[Capture, Credit, CreditReversal],
            &[Capture, CaptureReversal],
        ] {
            let order = self.authorized().await;
            for kind in kinds {
                let part = "20.00";
                let part = Amount::from_decimal(part, "EUR".try_into().unwrap()).unwrap();
                let amount = matches!(kind, Credit | CreditReversal).then_some(part);
                let id = SettlementId::random(&self.entropy).unwrap();
                let settled =
                    self.merchant.settle(id, &order, *kind, amount, None, Batch::default());
                assert_eq!(settled.await.unwrap().code(), Some(SettlementCode::Success));
                let (request, result) = match kind {
                    AuthReversal => ("AuthRevReq", "AuthRevRes"),
                    Capture => ("CapReq", "CapRes"),
                    CaptureReversal => ("CapRevReq", "CapRevRes"),
                    Credit => ("CredReq", "CredRes"),
                    CreditReversal => ("CredRevReq", "CredRevRes"),
                };
                for [message, answer] in self.line.seen.lock().unwrap().drain(..) {
                    said.extend([(request, message), (result, answer)]);
                }
            }
        }
        said
    }

    /// What merchant and gateway say of a batch: it is opened, one item is counted in it, it is looked at, and closed.
    pub(crate) async fn counted(&mut self) -> Vec<Said> {
        self.merchant.settings.capture_now = false;
        let order = self.authorized().await;
        let number = BatchNumber::try_from(20_270_115).unwrap();
        let mut said = Vec::new();
        let mut heard = |request, answer| {
            for [message, answered] in self.line.seen.lock().unwrap().drain(..) {
                said.extend([(request, message), (answer, answered)]);
            }
        };
        let batch = self.merchant.open_batch(number, "EUR".try_into().unwrap()).await.unwrap();
        assert_eq!(batch.opened(), Some(BaStatus::Success));
        heard("BatchAdminReq", "BatchAdminRes");
        let id = SettlementId::random(&self.entropy).unwrap();
        let (kind, batch) = (SettlementKind::Capture, Batch::default());
        let captured = self.merchant.settle(id, &order, kind, None, Some(number), batch).await;
        assert_eq!(captured.unwrap().code(), Some(SettlementCode::Success));
        heard("CapReq", "CapRes");
        let batch = self.merchant.batch(number).await.unwrap();
        let first = 1.try_into().unwrap();
        self.merchant.counted_by_gateway(&batch, first).await.unwrap().unwrap();
        let closed = self.merchant.close_batch(number).await.unwrap();
        assert_eq!(closed.closed(), Some(BaStatus::Success));
        heard("BatchAdminReq", "BatchAdminRes");
        said
    }

    /// A merchant asks for the gateway's certificates.
    pub(crate) async fn certificates(&self) -> Vec<Said> {
        self.merchant.follow_gateway().await.unwrap();
        let seen = self.line.seen.lock().unwrap().drain(..).next();
        let [message, answer] = seen.unwrap();
        vec![("PCertReq", message), ("PCertRes", answer)]
    }

    /// An order that is authorized, and not captured.
    async fn authorized(&self) -> OrderId {
        let mut said = Vec::new();
        let purchase = self.named(&mut said).await;
        let (message, asked, sent) = purchase.request(&self.wallet, &self.entropy, START).unwrap();
        let answer = self.ask(&mut said, "PReq", message, "PRes").await;
        sent.answer(&asked, &answer, &self.wallet.trust, START).unwrap();
        let (message, _) = sent.code_forward(&self.phone().await, &self.entropy, START).unwrap();
        self.ask(&mut said, "CodeForwardReq", message, "CodeForwardRes").await;
        sent.purchase().offer().order().unwrap()
    }

    /// Asks the merchant; what merchant and gateway say of it stands in between.
    async fn ask(
        &self,
        said: &mut Vec<Said>,
        name: &'static str,
        message: Vec<u8>,
        answered: &'static str,
    ) -> Vec<u8> {
        let answer = self.merchant.answer(&message).await.unwrap();
        said.push((name, message));
        for [message, answer] in self.line.seen.lock().unwrap().drain(..) {
            let is_purchase = name == "PReq";
            said.push((if is_purchase { "AuthReq" } else { "CodeReq" }, message));
            said.push((if is_purchase { "AuthRes" } else { "CodeRes" }, answer));
        }
        said.push((answered, answer.clone()));
        answer
    }

    /// The code in the message to the phone.
    pub(crate) async fn phone(&self) -> String {
        let text = self.fixture.next_message().await.unwrap();
        let (_, rest) = text.split_once("Code ").unwrap();
        rest.split_once(',').unwrap().0.to_owned()
    }
}

/// A message by its name, as vectors call it.
pub(crate) type Said = (&'static str, Vec<u8>);
