//! A cardholder who pays again and again, whatever becomes of merchant and gateway meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_certs::{
    Holder, KeyPair, Phone, PhoneNumber, Profile, RecipientCertificate, TrustAnchors,
};
use countersign_domain::{card::Card, randomness::Entropy as _};
use countersign_sandbox::with_check_digit;
use countersign_server::SystemEntropy;
use countersign_set::{
    asn1::SecretOctets,
    cardholder::{Identity, Progress, Sent, Wallet},
    cardholder_name,
    message::purchase::CompletionCode,
};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use super::{Campaign, PAUSE, house::House};
use crate::{
    judge::{AtBank, Purchase, decimal},
    random::Random,
};

/// For how long somebody waits for a message, and for what came of a code.
const PATIENCE: Duration = Duration::from_secs(5);
/// Purchases until somebody moves: a handset keeps its last 200 messages, and all are to be counted.
const PURCHASES_UNTIL_A_MOVE: u64 = 100;
/// The smallest amount, in cents: no purchase is small enough to need no code. Every purchase has its own.
const SMALLEST: u64 = 5_000;
/// What is on each account, in cents.
pub(crate) const RICHES: u64 = 900_000_000;

pub(crate) static NEXT_AMOUNT: AtomicU64 = AtomicU64::new(SMALLEST);
static NEXT_PERSON: AtomicU32 = AtomicU32::new(1);

/// Somebody with a card, a certificate and a phone.
struct Person {
    number: String,
    wallet: Wallet,
}

pub(crate) struct Buyer {
    random: Random,
    entropy: SystemEntropy,
    campaign: Arc<Campaign>,
}

/// Which way a code is sent.
#[derive(Clone, Copy)]
enum Way {
    Merchant,
    Gateway,
}

impl Buyer {
    pub(crate) fn new(random: Random, campaign: Arc<Campaign>) -> Self {
        Self { random, entropy: SystemEntropy::default(), campaign }
    }

    pub(crate) async fn buy_until_it_is_over(mut self) {
        let campaign = Arc::clone(&self.campaign);
        let is_over = || campaign.is_over.load(Ordering::Relaxed);
        while !is_over() {
            let person = self.move_in();
            for _ in 0..PURCHASES_UNTIL_A_MOVE {
                if is_over() {
                    break;
                }
                self.buy(&person).await;
            }
        }
    }

    fn move_in(&self) -> Person {
        let person = NEXT_PERSON.fetch_add(1, Ordering::Relaxed);
        let house = &self.campaign.house;
        let number = format!("+3363997{person:04}");
        house.centre.add_handset(&number).unwrap();
        let digits = with_check_digit(&format!("49701000002{person:04}"));
        let card = Card::new(&digits, "12/35".try_into().unwrap()).unwrap();
        house.bank.open_account(card.clone(), RICHES, "EUR".try_into().unwrap());
        let mut secret = [0; 20];
        self.entropy.fill(&mut secret).unwrap();
        let secret = SecretOctets::from(secret);
        let holder = Holder {
            number: PhoneNumber::new(&number).unwrap(),
            card: Some(countersign_certs::Card::new(&digits, "2035-12").unwrap()),
        };
        let gateways = [RecipientCertificate::new(&house.cert_pe).unwrap()];
        let common_name = cardholder_name(&card, &secret).unwrap();
        let profile = Profile::Cardholder {
            common_name: &common_name,
            phone: Phone::Encrypted { holder: &holder, gateways: &gateways },
        };
        let key = KeyPair::generate().unwrap();
        let certificate = house.root.issue(&profile, key.public_key(), house.validity).unwrap();
        let wallet = Wallet {
            card,
            brand: "Example".try_into().unwrap(),
            identity: Some(Identity { certificate, above: Vec::new(), key, pan_secret: secret }),
            trust: TrustAnchors::new(std::slice::from_ref(house.root.certificate())).unwrap(),
            language: "en".try_into().unwrap(),
        };
        Person { number, wallet }
    }

    async fn buy(&mut self, person: &Person) {
        let amount = NEXT_AMOUNT.fetch_add(1, Ordering::Relaxed);
        let Some((name, url)) = self.order(amount).await else { return };
        let mut purchase = Purchase {
            name,
            amount,
            number: person.number.clone(),
            card: person.wallet.card.expose_number().to_owned(),
            at_bank: AtBank::Debits,
            agreed: false,
            heard_paid: false,
        };
        self.pay(&mut purchase, person, &url).await;
        self.campaign.purchases.lock().unwrap().push(purchase);
    }

    /// Asks until there is an answer.
    async fn insist<T>(&self, ask: impl AsyncFn() -> Option<T>) -> Option<T> {
        let end = Instant::now() + super::PATIENCE;
        while Instant::now() < end {
            if let Some(answer) = ask().await {
                return Some(answer);
            }
            sleep(PAUSE).await;
        }
        None
    }

    pub(crate) async fn order(&self, amount: u64) -> Option<(String, String)> {
        let order = json!({
            "amount": { "value": decimal(amount), "currency": "EUR" },
            "description": format!("Order {amount}"),
        });
        let (shop, order, key) = (&self.campaign.shop, order.to_string(), format!("set-{amount}"));
        let path = "/v1/set/orders";
        let created = self.insist(async || {
            let answer = shop.merchant("POST", path, &key, &order).await?;
            (answer.status == 201).then_some(answer)
        });
        let created = created.await?;
        Some((created.text("/id"), created.text("/url")))
    }

    /// From the wake-up to what came of it; `None` when it came to nothing before.
    async fn pay(&mut self, purchase: &mut Purchase, person: &Person, url: &str) -> Option<()> {
        let campaign = Arc::clone(&self.campaign);
        let wallet = &person.wallet;
        let wake_up = self.insist(async || campaign.client.wake_up(url).await.ok()).await?;
        let offer = wallet.offer(&wake_up, campaign.now()).unwrap();
        let merchant = offer.url().to_owned();
        let (message, begun) = offer.begin(wallet, &self.entropy, campaign.now()).unwrap();
        let answer = campaign.exchange(&merchant, &message).await?;
        let named = begun.accept(&answer, wallet, campaign.now()).ok()?;
        let (message, asked, sent) = named.request(wallet, &self.entropy, campaign.now()).unwrap();
        let answer = campaign.exchange(&merchant, &message).await?;
        let progress = sent.answer(&asked, &answer, &wallet.trust, campaign.now()).ok()?;
        let (code, gateway) = self.code(purchase, person, &sent, progress).await?;
        let wrong = wrong(&code);
        use Way::{Gateway, Merchant};
        let (right, wrong) = (code.as_str(), wrong.as_str());
        let deeds = match self.random.below(10) {
            0..=2 => vec![(right, Merchant)],
            3..=4 => vec![(right, Gateway)],
            5 => vec![(wrong, Merchant), (right, Merchant)],
            6 => vec![(wrong, Gateway), (right, Merchant)],
            // Goes away; not from the last ones, which are asked for the end of everything before a code's time has run out.
            7..=8 if !campaign.is_over.load(Ordering::Relaxed) => return None,
            7..=8 => vec![(right, Gateway)],
            _ => return self.type_both(purchase, person, &sent, right, &gateway).await,
        };
        for (typed, way) in deeds {
            purchase.agreed |= typed == right;
            self.type_code(purchase, person, &sent, (typed, &gateway), way).await;
        }
        self.wait(purchase, person, &sent).await
    }

    /// The code, once it is on the phone, and where the gateway takes it.
    async fn code(
        &self,
        purchase: &Purchase,
        person: &Person,
        sent: &Sent,
        mut progress: Progress,
    ) -> Option<(String, String)> {
        let house = &self.campaign.house;
        // Nor does anybody go away from the last ones because their answers take long.
        let is_last = self.campaign.is_over.load(Ordering::Relaxed);
        let end = Instant::now() + if is_last { super::PATIENCE } else { PATIENCE };
        let mut start = None;
        while Instant::now() < end {
            start = progress.code.take().or(start);
            match (progress.completion, &start) {
                (CompletionCode::CodeAsked, Some(start)) => {
                    if let Some((code, _)) = code_on_phone(house, &person.number, purchase.amount) {
                        return Some((code, start.gateway_url.clone()));
                    }
                }
                (CompletionCode::CodeAsked | CompletionCode::OrderReceived, _) => {
                    progress = self.inquire(person, sent).await?;
                }
                _ => return None,
            }
            sleep(PAUSE).await;
        }
        None
    }

    async fn inquire(&self, person: &Person, sent: &Sent) -> Option<Progress> {
        let (campaign, wallet) = (&self.campaign, &person.wallet);
        let (message, asked) = sent.inquiry(wallet, &self.entropy, campaign.now()).unwrap();
        let answer = campaign.exchange(sent.purchase().offer().url(), &message).await?;
        sent.answer(&asked, &answer, &wallet.trust, campaign.now()).ok()
    }

    /// Sends a code, two times at once: both hear the same.
    async fn type_code(
        &self,
        purchase: &mut Purchase,
        person: &Person,
        sent: &Sent,
        (code, gateway): (&str, &str),
        way: Way,
    ) {
        let (campaign, wallet) = (&self.campaign, &person.wallet);
        let progress = match way {
            Way::Merchant => {
                let (message, asked) =
                    sent.code_forward(code, &self.entropy, campaign.now()).unwrap();
                let answer = self.twice(sent.purchase().offer().url(), message).await;
                answer.and_then(|answer| {
                    sent.answer(&asked, &answer, &wallet.trust, campaign.now()).ok()
                })
            }
            Way::Gateway => {
                let (message, rrpid) =
                    sent.code_direct(code, &self.entropy, campaign.now()).unwrap();
                let answer = self.twice(gateway, message).await;
                answer.and_then(|answer| {
                    sent.direct_answer(&rrpid, &answer, &wallet.trust, campaign.now()).ok()
                })
            }
        };
        purchase.heard_paid |= progress.is_some_and(|progress| progress.receipt.is_some());
    }

    async fn twice(&self, url: &str, message: Vec<u8>) -> Option<Vec<u8>> {
        let (campaign, again, to) = (Arc::clone(&self.campaign), message.clone(), url.to_owned());
        let mut other = JoinSet::new();
        other.spawn_local(async move { campaign.exchange(&to, &again).await });
        let answer = self.campaign.exchange(url, &message).await;
        other.join_next().await.and_then(Result::ok).flatten().or(answer)
    }

    /// Types the code on both ways.
    async fn type_both(
        &self,
        purchase: &mut Purchase,
        person: &Person,
        sent: &Sent,
        code: &str,
        gateway: &str,
    ) -> Option<()> {
        purchase.agreed = true;
        let (mut one, mut other) = (purchase.clone(), purchase.clone());
        tokio::join!(
            self.type_code(&mut one, person, sent, (code, gateway), Way::Merchant),
            self.type_code(&mut other, person, sent, (code, gateway), Way::Gateway),
        );
        purchase.heard_paid = one.heard_paid || other.heard_paid;
        self.wait(purchase, person, sent).await
    }

    /// Asks how it stands until that is known.
    async fn wait(&self, purchase: &mut Purchase, person: &Person, sent: &Sent) -> Option<()> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && !purchase.heard_paid {
            let progress = self.inquire(person, sent).await?;
            purchase.heard_paid = progress.receipt.is_some();
            if !matches!(
                progress.completion,
                CompletionCode::CodeAsked | CompletionCode::OrderReceived
            ) {
                break;
            }
            sleep(PAUSE).await;
        }
        Some(())
    }
}

/// Code and reference in the newest message about that amount, once there is one.
pub(crate) fn code_on_phone(house: &House, number: &str, amount: u64) -> Option<(String, String)> {
    let text = format!("Pay {} EUR to ", decimal(amount));
    let shown = house.centre.handset(number).unwrap();
    let found = shown.iter().rev().find(|shown| shown.text.starts_with(&text))?;
    let (_, rest) = found.text.split_once("Code ").unwrap();
    let (code, rest) = rest.split_once(", ref ").unwrap();
    Some((code.to_owned(), rest.get(..4).unwrap().to_owned()))
}

/// As many digits as the code has, each another one.
pub(crate) fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '1' { '2' } else { '1' }).collect()
}
