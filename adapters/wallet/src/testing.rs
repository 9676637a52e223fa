//! The house, a person with a phone and cards, and a merchant with a till, in one process: for tests and benches.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test house fails loudly")]
#![expect(missing_docs, reason = "its names say what they are")]

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use countersign_domain::{
    address::{Address, Msisdn},
    amount::Amount,
    card::Card,
    code::TypedCode,
    directory::Subscribers,
    gateway::{AwaitedPayments, Gateway},
    id::SessionId,
    locale::Locale,
    outbox::Outbox,
    policy::PolicySettings,
    ports::{Clock as _, Operator, Store},
    register::Account,
    subscriber::Subscriber,
    testing::{Fixture, PlainWords, QuickHasher, card, other_card},
    verifier::Verifier,
};
use countersign_web::client_address::ClientAddress;

use crate::{
    Fee, House, Limits, Wallets,
    flow::{CodeAsked, NewTransfer, NewWallet, Started, TransferStatus, Visitor, awaited},
    jws::SigningKey,
    merchant::{Order, Till},
    message::{
        CardId, Code, CodeTyped, Compact, Goods, Item, MerchantNumber, PaymentRequest, Source,
        Ticket, WalletNumber,
    },
};

pub const PAYOUT_EVERY_SECONDS: u32 = 86_400;
pub const SERVER: &str = "wallet.example.com";
pub const ALICE: &str = "+33612345678";
pub const BOB: &str = "+33687654321";

pub const MERCHANT_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggSItuOBl81SduMjldnXrkajQqZc0+itJL9FoIR1A4h6hRANCAAR8ETR5T7dryHLs8Tblj2S5cqvlbKvlKqEzVSDMfYZsmWdHE3Q5cZlDq46ZRz5xxEhB6YtfdrLpelNnYHoWakus";
pub const SERVER_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7jRzCmf3n5/p+LjDKvDriHhArBz8HQxU6PAaf6NaVcihRANCAASMpj0tdYY5WOG9EXwIsq2lIgsRinSGMFZ3cEezzoku6ek8cI+B9Pm50v//kDAhlbyYMCvHJRF/zCNHmImnEwot";
pub const OTHER_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnUhpbspo6tQsEH+Ke4efzDPZMR/N9GsCJNxSKYdpWk2hRANCAARaIZnO6TI6zWqqtAMCSFzqaAsBYoh7ac37kM5IT/WDwo334eEkNMr3lK1MNGAfPb1fxv8LxJJ80s35hrgKh+iy";

/// PKCS #8 in Base64, so that a test can sign what the library does not.
pub fn key(pkcs8: &str) -> SigningKey {
    SigningKey::from_pkcs8(&BASE64_STANDARD.decode(pkcs8).unwrap()).unwrap()
}

/// What the merchant's tickets are signed with.
pub fn merchant_key() -> SigningKey {
    key(MERCHANT_KEY)
}

/// What receipts are signed with.
pub fn server_key() -> SigningKey {
    key(SERVER_KEY)
}

/// A key that neither has.
pub fn other_key() -> SigningKey {
    key(OTHER_KEY)
}

pub fn euros(text: &str) -> Amount {
    Amount::from_decimal(text, "EUR".try_into().unwrap()).unwrap()
}

/// What one process runs. Several may run on one store.
pub struct Process {
    pub fixture: Fixture,
    pub outbox: Outbox,
    pub gateway: Arc<Gateway>,
    pub wallets: Arc<Wallets>,
    pub directory: Arc<Subscribers>,
}

/// The house with a merchant; Alice and Bob have a phone and a card each.
pub struct Parties {
    pub process: Process,
    pub till: Till,
}

impl Process {
    /// Over a fixture whose ports have that store.
    pub fn on(fixture: Fixture, store: Arc<dyn Store>) -> Self {
        Self::operated(fixture, store, None)
    }

    /// The same; where there is an operator, the codes of tickets are its.
    pub fn operated(
        mut fixture: Fixture,
        store: Arc<dyn Store>,
        operator: Option<Arc<dyn Operator>>,
    ) -> Self {
        fixture.ports.store = store;
        let ports = fixture.ports.clone();
        let house = Arc::new(house());
        let payments = Arc::new(AwaitedPayments::of(ports.store.clone()));
        let verifier = Verifier::new(ports.clone(), fixture.policy.clone())
            .with_waiting(payments)
            .with_pins(Arc::new(QuickHasher))
            .with_limits(countersign_domain::testing::unbounded());
        let verifier = awaited(&ports, &house).into_iter().fold(verifier, Verifier::with_waiting);
        let verifier = Arc::new(match operator {
            Some(operator) => verifier.with_operator(house.party.clone(), operator),
            None => verifier,
        });
        let outbox = Outbox::new(ports.clone(), verifier.clone(), Arc::new(PlainWords));
        let gateway = Arc::new(Gateway::new(ports.clone(), fixture.bank.clone(), verifier.clone()));
        let pins = Arc::new(QuickHasher);
        let directory = Arc::new(Subscribers::new(ports.clone()).with_pins(pins));
        let wallets = Arc::new(Wallets {
            ports,
            directory: directory.clone(),
            verifier,
            gateway: gateway.clone(),
            bank: fixture.bank.clone(),
            house,
        });
        Self { fixture, outbox, gateway, wallets, directory }
    }

    pub fn session(&self) -> SessionId {
        SessionId::random(self.fixture.entropy.as_ref()).unwrap()
    }

    /// The code that stands in the message beside that reference.
    pub async fn read(&self, asked: &CodeAsked) -> String {
        self.read_if_any(asked).await.expect("a message with that reference")
    }

    /// The same; none where the challenge was over before its message was sent.
    pub async fn read_if_any(&self, asked: &CodeAsked) -> Option<String> {
        for id in self.outbox.due(1000).await.unwrap() {
            self.outbox.send(&id, self.fixture.messenger.as_ref()).await.unwrap();
        }
        let beside = format!(", ref {},", asked.short_reference);
        let taken = self.fixture.messenger.taken();
        let texts = taken.iter().rev().map(|message| message.text.expose());
        let mut codes = texts.filter_map(|text| {
            let (_, rest) = text.split_once("Code ")?;
            rest.split_once(&beside).map(|(code, _)| code.to_owned())
        });
        codes.next()
    }

    async fn type_back(&self, asked: &CodeAsked) -> TypedCode {
        self.read(asked).await.try_into().unwrap()
    }

    /// Opens a wallet, with the phone of that number, at a new session.
    pub async fn open(&self, who: &str, phone: &str) -> (Visitor, WalletNumber) {
        let session = self.session();
        let new = NewWallet {
            identifier: who.try_into().unwrap(),
            address: phone_of(phone),
            name: "Household".try_into().unwrap(),
            currency: "EUR".try_into().unwrap(),
        };
        let (id, asked) = self
            .wallets
            .start_opening(new, session.clone(), Locale::default(), ClientAddress::default())
            .await
            .unwrap();
        let typed = self.type_back(&asked).await;
        let number = self.wallets.finish_opening(&id, &session, &typed).await.unwrap();
        (self.wallets.visitor(&session, Locale::default()).await.unwrap(), number)
    }

    pub async fn tie(&self, visitor: &Visitor, card: &Card) -> CardId {
        self.wallets.tie_card(visitor, &"Blue card".try_into().unwrap(), card).await.unwrap()
    }

    /// Pays in, with the code; what is available after it.
    pub async fn pay_in(&self, visitor: &Visitor, new: &NewTransfer) -> u64 {
        let begun = self.wallets.start_pay_in(visitor, new).await.unwrap();
        let TransferStatus::AwaitingCode(asked) = &begun.status else {
            unreachable!("paying in is {begun:?}")
        };
        let typed = self.type_back(asked).await;
        let done = self.wallets.finish_pay_in(visitor, &begun.id, &typed).await.unwrap();
        let TransferStatus::Done { balance_minor, .. } = done.status else {
            unreachable!("paying in is {done:?}")
        };
        balance_minor
    }

    /// A person with a card and a wallet that has so many euros.
    pub async fn person_with(&self, who: &str, euros_in: &str) -> Rich {
        let (phone, card) = match who {
            "alice" => (ALICE, card()),
            "bob" => (BOB, other_card()),
            other => unreachable!("nobody knows {other}"),
        };
        self.person(who, phone, &card, euros_in).await
    }

    /// The same of somebody else, whose phone is vouched for the card.
    pub async fn person(&self, who: &str, phone: &str, card: &Card, euros_in: &str) -> Rich {
        let (visitor, wallet) = self.open(who, phone).await;
        let card = self.tie(&visitor, card).await;
        let rich = Rich { visitor, wallet, card };
        self.pay_in(&rich.visitor, &rich.transfer("first-pay-in", euros_in)).await;
        rich
    }

    /// Debits and credits of an account in euros.
    pub async fn balance(&self, account: &str) -> i128 {
        let account = Account::try_from(account.to_owned()).unwrap();
        let currency = "EUR".try_into().unwrap();
        self.fixture.ports.store.balance(&account, currency).await.unwrap().net_minor()
    }
}

/// A person with a wallet that has money.
#[derive(Clone, Debug)]
pub struct Rich {
    pub visitor: Visitor,
    pub wallet: WalletNumber,
    pub card: CardId,
}

impl Rich {
    pub fn transfer(&self, key: &str, amount: &str) -> NewTransfer {
        NewTransfer {
            key: key.try_into().unwrap(),
            wallet: self.wallet.clone(),
            card: self.card.clone(),
            amount: euros(amount),
        }
    }

    pub fn from_wallet(&self, ticket: &str, nonce: &str) -> PaymentRequest {
        request(ticket, Source::Wallet(self.wallet.clone()), nonce)
    }

    pub fn from_card(&self, ticket: &str, nonce: &str) -> PaymentRequest {
        request(ticket, Source::Card(self.card.clone()), nonce)
    }
}

pub fn request(ticket: &str, source: Source, nonce: &str) -> PaymentRequest {
    PaymentRequest { ticket: Compact(ticket.to_owned()), source, nonce: nonce.try_into().unwrap() }
}

pub fn phone_of(number: &str) -> Address {
    Msisdn::try_from(number).unwrap().into()
}

pub fn house() -> House {
    House {
        name: "Example wallets".try_into().unwrap(),
        origin: SERVER.try_into().unwrap(),
        party: "wallets".try_into().unwrap(),
        key: server_key(),
        earlier_keys: Vec::new(),
        limits: vec![Limits {
            currency: "EUR".try_into().unwrap(),
            balance_minor: 50_000,
            payment_minor: 20_000,
            day_minor: 30_000,
        }],
        fee: Fee { basis_points: 150 },
        payout_every_seconds: PAYOUT_EVERY_SECONDS,
    }
}

impl Parties {
    pub async fn new() -> Self {
        Self::with(PolicySettings::bank_first()).await
    }

    pub async fn with(policy: PolicySettings) -> Self {
        let fixture = Fixture::with_policy(policy);
        let store = fixture.store.clone();
        Self::on(fixture, store).await
    }

    pub async fn on(fixture: Fixture, store: Arc<dyn Store>) -> Self {
        Self::furnished(Process::on(fixture, store)).await
    }

    /// Around a house whose tickets' codes are that operator's.
    pub async fn operated(operator: Arc<dyn Operator>) -> Self {
        Self::operated_under(PolicySettings::bank_first(), operator).await
    }

    /// The same under another policy.
    pub async fn operated_under(policy: PolicySettings, operator: Arc<dyn Operator>) -> Self {
        let fixture = Fixture::with_policy(policy);
        let store = fixture.store.clone();
        Self::furnished(Process::operated(fixture, store, Some(operator))).await
    }

    async fn furnished(process: Process) -> Self {
        for (identifier, phone, card) in [("alice", ALICE, card()), ("bob", BOB, other_card())] {
            let subscriber = Subscriber {
                identifier: identifier.try_into().unwrap(),
                address: phone_of(phone),
                card: Some(card),
            };
            process.directory.enrol(&subscriber).await.unwrap();
        }
        let key = merchant_key();
        let name = "Librairie Dupont".try_into().unwrap();
        let merchant = process.wallets.open_merchant(name, key.public().clone()).await.unwrap();
        let till = till(merchant, key);
        Self { process, till }
    }

    /// A ticket of that number for two books.
    pub fn ticket(&self, number: &str, amount: &str) -> Ticket {
        let item =
            Item { name: "ISBN 2070360245".try_into().unwrap(), quantity: 2.try_into().unwrap() };
        let order = Order {
            number: number.try_into().unwrap(),
            amount: euros(amount),
            reference: "order-1".try_into().unwrap(),
            goods: Goods::try_from(vec![item]).unwrap(),
        };
        self.till.ticket(order, self.process.fixture.clock.now())
    }

    /// The same, signed.
    pub fn signed(&self, number: &str, amount: &str) -> String {
        self.till.sign(&self.ticket(number, amount)).unwrap()
    }

    /// What the client sends with the code (IS).
    pub fn typed(&self, started: &Started, ticket: &Ticket, code: &str) -> CodeTyped {
        CodeTyped {
            payment: started.payment.clone(),
            ticket_sha256: started.ticket_sha256.clone(),
            merchant: ticket.iss.clone(),
            amount_minor: ticket.amount_minor,
            currency: ticket.currency,
            code: Code::from(code.to_owned()),
            pin: None,
            new_pin: None,
        }
    }
}

pub fn till(merchant: MerchantNumber, key: SigningKey) -> Till {
    Till {
        merchant,
        key,
        server: SERVER.try_into().unwrap(),
        server_keys: vec![server_key().public().clone()],
    }
}
