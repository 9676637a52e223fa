//! Merchant, gateway and cardholder on a store at whose operations something can happen; and one purchase after the other.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use countersign_certs::KeyKind;
use countersign_domain::{
    ports::Clock as _,
    record::Batch,
    testing::{BankCall, Fixture, SeededEntropy, card},
};
use countersign_set::{
    asn1::SecretOctets,
    cardholder::{Asked, Progress, Sent, Wallet, WalletError},
    gateway::PaymentGateway,
    merchant::{GatewayLink, LinkError, MerchantServer, NewOrder},
    message::{
        failure::ErrorCode,
        wrapper::{Message, MessageWrapper},
    },
    testing::{BRAND, GATEWAY, Issuer, MERCHANT, Setup, gateway, merchant},
};
use der::Decode as _;

use crate::store::Eventful;

/// A role, and a question to it.
type Question = (&'static str, Vec<u8>);

/// Every answer to a question so far.
#[derive(Default)]
struct Answers(Mutex<BTreeMap<Question, Vec<u8>>>);

impl Answers {
    /// The same question is answered alike, byte for byte. An error is no answer: the question may be asked again.
    fn note(&self, of: &'static str, question: &[u8], answer: &[u8]) {
        if matches!(message(answer), Message::Error(_)) {
            return;
        }
        let mut answers = self.0.lock().unwrap();
        let before = answers.entry((of, question.to_vec())).or_insert_with(|| answer.to_vec());
        assert!(before == answer, "the {of} answers one question in two ways");
    }
}

fn message(bytes: &[u8]) -> Message {
    MessageWrapper::from_der(bytes).unwrap().message
}

/// The way from the merchant to the gateway.
struct Wire {
    gateway: Arc<PaymentGateway>,
    answers: Arc<Answers>,
    seen: Mutex<Vec<Vec<u8>>>,
    is_cut: AtomicBool,
}

#[async_trait]
impl GatewayLink for Wire {
    async fn exchange(&self, question: Vec<u8>) -> Result<Vec<u8>, LinkError> {
        // Somebody on the wire sees what does not arrive, too.
        self.seen.lock().unwrap().push(question.clone());
        if self.is_cut.load(Ordering::SeqCst) {
            return Err(LinkError { cause: "cut".to_owned() });
        }
        let answer = self.gateway.answer(&question).await;
        let answer = answer.map_err(|error| LinkError { cause: error.to_string() })?;
        self.answers.note("gateway", &question, &answer);
        Ok(answer)
    }
}

pub(crate) struct House {
    pub(crate) store: Arc<Eventful>,
    fixture: Fixture,
    gateway: Arc<PaymentGateway>,
    merchant: MerchantServer,
    wire: Arc<Wire>,
    wallet: Wallet,
    entropy: SeededEntropy,
    answers: Arc<Answers>,
}

/// A purchase that has a name, and was perhaps sent.
pub(crate) struct Purchase {
    pub(crate) p_req: Vec<u8>,
    sent: Sent,
    /// How much the bank was asked, and the wire has seen, before.
    calls_before: usize,
    seen_before: usize,
    /// The code, once the person has read it, and the messages with it.
    code: Mutex<Option<String>>,
    submissions: Mutex<BTreeMap<bool, Vec<u8>>>,
}

impl House {
    pub(crate) fn new() -> Self {
        let mut fixture = Fixture::new();
        let store = Eventful::on(fixture.store.clone());
        fixture.gateway = Arc::new(fixture.process_on(store.clone()).0);
        fixture.ports.store = store.clone();
        let issuer = Issuer::new(fixture.clock.now(), KeyKind::default());
        let (gateway, cert_pe) = gateway(&fixture, &issuer, GATEWAY, Setup::default());
        let gateway = Arc::new(gateway);
        let answers = Arc::new(Answers::default());
        let wire = Arc::new(Wire {
            gateway: gateway.clone(),
            answers: answers.clone(),
            seen: Mutex::default(),
            is_cut: AtomicBool::new(false),
        });
        let merchant =
            merchant(&fixture, &issuer, MERCHANT, &cert_pe, wire.clone(), Setup::default());
        let secret = SecretOctets::from([5; 20]);
        let wallet = Wallet {
            card: card(),
            brand: BRAND.try_into().unwrap(),
            identity: Some(issuer.cardholder(&card(), &secret, &cert_pe)),
            trust: issuer.trust(),
            language: "en".try_into().unwrap(),
        };
        let entropy = SeededEntropy::new(77);
        Self { store, fixture, gateway, merchant, wire, wallet, entropy, answers }
    }

    /// Another purchase, of another order.
    pub(crate) async fn purchase(&self) -> Purchase {
        self.answers.0.lock().unwrap().clear();
        let now = self.fixture.clock.now();
        let new = NewOrder {
            amount: countersign_domain::testing::purchase("49.90").amount(),
            description: "Two books".try_into().unwrap(),
        };
        let order = self.merchant.create_order(new, Batch::default()).await.unwrap();
        let wake_up = self.merchant.wake_up(&order.id).await.unwrap();
        let offer = self.wallet.offer(&wake_up, now).unwrap();
        let (message, begun) = offer.begin(&self.wallet, &self.entropy, now).unwrap();
        let answer = self.merchant.answer(&message).await.unwrap();
        let named = begun.accept(&answer, &self.wallet, now).unwrap();
        let (p_req, _, sent) = named.request(&self.wallet, &self.entropy, now).unwrap();
        Purchase {
            p_req,
            sent,
            calls_before: self.fixture.bank.calls().len(),
            seen_before: self.wire.seen.lock().unwrap().len(),
            code: Mutex::default(),
            submissions: Mutex::default(),
        }
    }

    pub(crate) async fn ask_merchant(&self, question: &[u8]) {
        let answer = self.merchant.answer(question).await.unwrap();
        self.answers.note("merchant", question, &answer);
    }

    pub(crate) async fn ask_gateway(&self, question: &[u8]) {
        let answer = self.gateway.answer(question).await.unwrap();
        self.answers.note("gateway", question, &answer);
    }

    /// The person types what stands beside the reference of the purchase, if there is such a message.
    pub(crate) async fn right_code(&self, purchase: &Purchase, is_direct: bool) {
        let typed = purchase.code.lock().unwrap().clone();
        let code = match typed {
            Some(code) => code,
            None => match self.read(purchase).await {
                Some(code) => code,
                None => return,
            },
        };
        *purchase.code.lock().unwrap() = Some(code.clone());
        let kept = purchase.submissions.lock().unwrap().get(&is_direct).cloned();
        let message = kept.unwrap_or_else(|| self.submission(purchase, &code, is_direct));
        purchase.submissions.lock().unwrap().insert(is_direct, message.clone());
        self.submit(&message, is_direct).await;
    }

    async fn read(&self, purchase: &Purchase) -> Option<String> {
        let text = self.fixture.next_message().await?;
        let (_, rest) = text.split_once("Code ")?;
        let (code, rest) = rest.split_once(", ref ")?;
        let reference = purchase.sent.purchase().reference().unwrap();
        rest.starts_with(reference.as_str()).then(|| code.to_owned())
    }

    /// Another code than any phone has shown, in a message of its own.
    pub(crate) async fn wrong_code(&self, purchase: &Purchase, is_direct: bool) {
        let right = purchase.code.lock().unwrap().clone();
        let right = match right {
            Some(code) => Some(code),
            None => self.read(purchase).await,
        };
        let wrong = if right.as_deref() == Some("000000") { "111111" } else { "000000" };
        let message = self.submission(purchase, wrong, is_direct);
        self.submit(&message, is_direct).await;
    }

    fn submission(&self, purchase: &Purchase, code: &str, is_direct: bool) -> Vec<u8> {
        let now = self.fixture.clock.now();
        match is_direct {
            true => purchase.sent.code_direct(code, &self.entropy, now).unwrap().0,
            false => purchase.sent.code_forward(code, &self.entropy, now).unwrap().0,
        }
    }

    async fn submit(&self, message: &[u8], is_direct: bool) {
        match is_direct {
            true => self.ask_gateway(message).await,
            false => self.ask_merchant(message).await,
        }
    }

    pub(crate) fn cut_or_mend(&self) {
        self.wire.is_cut.fetch_xor(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.wire.is_cut.store(false, Ordering::SeqCst);
    }

    /// Codes expire, leases run out, and what is due is resumed.
    pub(crate) async fn let_time_run_out(&self) {
        self.fixture.clock.advance_seconds(300);
        self.fixture.gateway.resume(100).await.unwrap();
    }

    /// What the bank was asked for a purchase. The same again is one: the bank knows it by its reference.
    pub(crate) fn calls_for(&self, purchase: &Purchase) -> Vec<&'static str> {
        let mut calls: Vec<BankCall> = Vec::new();
        for call in self.fixture.bank.calls().split_off(purchase.calls_before) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        calls.iter().map(BankCall::name).collect()
    }
}

impl Purchase {
    pub(crate) fn was_right_code_typed(&self) -> bool {
        !self.submissions.lock().unwrap().is_empty()
    }

    /// The merchant's request for an authorization, as somebody on the wire has seen it.
    pub(crate) fn seen_authorization(&self, house: &House) -> Option<Vec<u8>> {
        let seen =
            house.wire.seen.lock().unwrap().get(self.seen_before..).unwrap_or_default().to_vec();
        seen.into_iter().find(|bytes| matches!(message(bytes), Message::AuthReq(_)))
    }

    pub(crate) fn inquiry(&self, house: &House) -> (Vec<u8>, Asked) {
        let now = house.fixture.clock.now();
        self.sent.inquiry(&house.wallet, &house.entropy, now).unwrap()
    }

    /// How it stands; nothing, where the merchant knows nobody yet who may ask.
    async fn inquire(&self, house: &House) -> Option<Progress> {
        let (question, asked) = self.inquiry(house);
        let answer = house.merchant.answer(&question).await.unwrap();
        match self.sent.answer(&asked, &answer, &house.wallet.trust, house.fixture.clock.now()) {
            Ok(progress) => Some(progress),
            Err(WalletError::Answered(ErrorCode::SignatureFailure)) => None,
            Err(error) => panic!("an inquiry is answered with {error}"),
        }
    }

    /// How it stands when its time is over.
    pub(crate) async fn ends(&self, house: &House) -> Option<Progress> {
        self.inquire(house).await;
        house.let_time_run_out().await;
        self.inquire(house).await
    }
}
