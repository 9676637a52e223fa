//! The third role of figure 11: the cardholder's server is killed while a few people pay on its page, as with browsers without
//! a script. Gateway and merchant live on, so that what each of the three says can be compared.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use countersign_certs::{Holder, Phone, PhoneNumber, Profile, RecipientCertificate, Request};
use countersign_domain::{card::Card, ports::Clock as _};
use countersign_sandbox::with_check_digit;
use countersign_server::{SystemClock, SystemEntropy};
use countersign_set::wallet_file::{NewWallet, WalletFile};
use tokio::{
    task::{JoinSet, LocalSet, spawn_blocking},
    time::sleep,
};

use super::{
    Campaign, KILLS, Kept, PAUSE,
    buyer::{Buyer, NEXT_AMOUNT, RICHES, code_on_phone, wrong},
    house::{self, House, PASSWORD, PHONE},
};
use crate::{
    asked,
    judge::{AtBank, Purchase, Verdict},
    random::Random,
    server::{Victim, power_loss},
};

/// One kill for so many of gateway and merchant.
const SHARE: u64 = 5;
/// Browsers that pay at once, each its own purchase, with the one wallet of the page.
const BROWSERS: u32 = 3;
/// How long the server lives at most between two kills, in milliseconds: a password alone takes a good part of it.
const LONGEST_LIFE: u64 = 1_000;
/// For how long somebody continues one purchase.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the page shows of a purchase.
#[derive(Debug, PartialEq)]
enum Shown {
    AsksPassword,
    AsksCode,
    Paid,
    NotPaid,
    Lost,
    /// The server was killed, or is not up again.
    Nothing,
}

/// The page, and what was bought on it.
struct Page {
    campaign: Arc<Campaign>,
    origin: String,
    card: String,
    bought: Mutex<Vec<Bought>>,
}

/// A purchase, where the page has it, its receipt if one was shown, and whether somebody left or mistyped it.
#[derive(Clone)]
struct Bought {
    purchase: Purchase,
    path: String,
    receipt: Option<Vec<u8>>,
    may_fail: bool,
}

impl Page {
    /// A wallet with a certificate, and the configuration of a server for it.
    fn beside(campaign: Arc<Campaign>) -> Self {
        let house = &campaign.house;
        let card = wallet(house);
        let [port] = house::free();
        let configuration = format!(
            r#"
tls = {{ certificate = "server.pem", key = "server.key" }}
store = {{ path = "cardholder.db" }}
keys = {{ current = "1", files = {{ 1 = "master.key" }} }}
[set.cardholder]
listen = "127.0.0.1:{port}"
wallet = "wallet.json"
tls_authorities = "root.pem"
"#
        );
        fs::write(house.path("cardholder.toml"), configuration).unwrap();
        let origin = format!("https://localhost:{port}");
        Self { campaign, origin, card, bought: Mutex::default() }
    }

    /// What a browser shows that follows redirects, and the status; 0 when there was no answer.
    async fn browse(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Vec<u8>) {
        let (campaign, url) = (Arc::clone(&self.campaign), format!("{}{path}", self.origin));
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answered = spawn_blocking(move || {
            let mut arguments = vec!["--location", url.as_str()];
            for field in &fields {
                arguments.extend(["--data-urlencode", field]);
            }
            campaign.house.curl(&arguments)
        });
        let answer = answered.await.unwrap();
        // A page that was cut off in the middle shows nothing that counts.
        let status = if answer.complaint.is_empty() { answer.status } else { 0 };
        (status, answer.body)
    }

    /// Loads a purchase again; with the page's text.
    async fn look(&self, path: &str) -> (Shown, String) {
        let (status, body) = self.browse(path, &[]).await;
        let text = String::from_utf8(body).unwrap();
        let has = |what: &str| text.contains(what);
        let shown = match status {
            200 if has(&format!("action=\"{path}/pay\"")) => Shown::AsksPassword,
            200 if has(&format!("action=\"{path}/code\"")) => Shown::AsksCode,
            200 if has("class=\"done\"") => Shown::Paid,
            200 if has("class=\"refusal\"") => Shown::NotPaid,
            404 => Shown::Lost,
            _ => Shown::Nothing,
        };
        (shown, text)
    }

    /// Offers an order until the page says where it keeps it: an answer that was lost costs nothing, as nothing is agreed.
    async fn offer(&self, order: &str) -> String {
        loop {
            let (_, body) = self.browse("/", &[("order", order)]).await;
            let text = String::from_utf8(body).unwrap();
            let path = text.split_once("action=\"/purchases/").and_then(|(_, rest)| {
                let (id, _) = rest.split_once("/pay\"")?;
                Some(format!("/purchases/{id}"))
            });
            match path {
                Some(path) => return path,
                None => sleep(PAUSE).await,
            }
        }
    }

    async fn receipt(&self, path: &str) -> Option<Vec<u8>> {
        let (status, body) = self.browse(&format!("{path}/receipt"), &[]).await;
        (status == 200).then_some(body)
    }

    /// Sends a form; what came of it is seen when the purchase is loaded again.
    async fn send(&self, path: &str, field: (&str, &str)) {
        self.browse(path, &[field]).await;
    }
}

/// Makes the wallet, its certificate and its account; gives the card's number.
fn wallet(house: &House) -> String {
    let digits = with_check_digit("497010000030001");
    let card = Card::new(&digits, "12/35".try_into().unwrap()).unwrap();
    house.bank.open_account(card.clone(), RICHES, "EUR".try_into().unwrap());
    let new = NewWallet { card: &card, brand: "Example", language: "en" };
    let (mut wallet, request) = WalletFile::new(&new, PASSWORD, &SystemEntropy::default()).unwrap();
    let request = Request::from_file(request.as_bytes()).unwrap();
    let holder = Holder {
        number: PhoneNumber::new(PHONE).unwrap(),
        card: Some(countersign_certs::Card::new(&digits, "2035-12").unwrap()),
    };
    let gateways = [RecipientCertificate::new(&house.cert_pe).unwrap()];
    let profile = Profile::Cardholder {
        common_name: request.common_name().unwrap(),
        phone: Phone::Encrypted { holder: &holder, gateways: &gateways },
    };
    let certificate = house.root.issue(&profile, request.key(), house.validity).unwrap();
    wallet.trust(&house.root.certificate().to_pem().unwrap()).unwrap();
    let now = SystemClock::default().now();
    wallet.certify(&certificate.to_pem().unwrap(), now).unwrap();
    wallet.create(&house.path("wallet.json")).unwrap();
    digits
}

/// Somebody at a browser.
struct Person {
    random: Random,
    buyer: Buyer,
    page: Arc<Page>,
    /// Counts purchases, from another number for each person: every third is left, so that the first three are not alike.
    turn: u32,
}

impl Person {
    async fn pay_until_it_is_over(mut self) {
        let page = Arc::clone(&self.page);
        while !page.campaign.is_over.load(Ordering::Relaxed) {
            let bought = self.buy().await;
            page.bought.lock().unwrap().push(bought);
        }
    }

    async fn buy(&mut self) -> Bought {
        let page = Arc::clone(&self.page);
        let amount = NEXT_AMOUNT.fetch_add(1, Ordering::Relaxed);
        let (name, url) = self.buyer.order(amount).await.unwrap();
        let purchase = Purchase {
            name,
            amount,
            number: PHONE.to_owned(),
            card: page.card.clone(),
            at_bank: AtBank::Debits,
            agreed: false,
            heard_paid: false,
        };
        let end = Instant::now() + PATIENCE;
        // Once a message is on its way.
        let leaves = self.turn.is_multiple_of(3);
        self.turn += 1;
        let path = page.offer(&url).await;
        let mut bought = Bought { purchase, path, receipt: None, may_fail: leaves };
        while Instant::now() < end {
            let (shown, text) = page.look(&bought.path).await;
            match shown {
                Shown::AsksPassword => {
                    self.submit(&format!("{}/pay", bought.path), ("password", PASSWORD)).await;
                }
                Shown::AsksCode if leaves => break,
                Shown::AsksCode => self.type_code(&mut bought, &text).await,
                Shown::Paid => {
                    bought.purchase.heard_paid = true;
                    bought.receipt = page.receipt(&bought.path).await;
                    if bought.receipt.is_some() {
                        break;
                    }
                }
                Shown::NotPaid | Shown::Lost => break,
                Shown::Nothing => sleep(PAUSE).await,
            }
        }
        bought
    }

    /// Types the code once page and phone show one reference (W12); or mistypes it.
    async fn type_code(&mut self, bought: &mut Bought, text: &str) {
        let house = &self.page.campaign.house;
        let Some((code, reference)) = code_on_phone(house, PHONE, bought.purchase.amount) else {
            return sleep(PAUSE).await;
        };
        assert!(text.contains(&format!("<dd id=\"reference\">{reference}</dd>")), "{text}");
        let is_mistyped = self.random.below(6) == 0;
        let typed = if is_mistyped { wrong(&code) } else { code };
        bought.purchase.agreed |= !is_mistyped;
        bought.may_fail |= is_mistyped;
        self.submit(&format!("{}/code", bought.path), ("code", &typed)).await;
    }

    /// Sends a form, now and then from two windows at once.
    async fn submit(&mut self, path: &str, field: (&str, &str)) {
        if self.random.below(4) == 0 {
            tokio::join!(self.page.send(path, field), self.page.send(path, field));
        } else {
            self.page.send(path, field).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_purchase_of_figure_11_is_lost_or_doubled_however_often_the_cardholders_server_is_killed()
 {
    LocalSet::new().run_until(campaign()).await;
}

async fn campaign() {
    let seed = asked("COUNTERSIGN_SEED", Random::of_the_system());
    let asked_for = asked("COUNTERSIGN_SET_KILLS", KILLS);
    let kills = asked_for.div_ceil(SHARE);
    println!(
        "{kills} kills of the cardholder's server, seed {seed}; again: COUNTERSIGN_SET_KILLS={asked_for} COUNTERSIGN_SEED={seed} cargo test -p countersign-tests --test campaign cardholders -- --nocapture"
    );
    let begun = Instant::now();
    let mut random = Random::new(seed);
    let campaign = Arc::new(Campaign::new(Kept::InFiles).await);
    let page = Arc::new(Page::beside(Arc::clone(&campaign)));
    let house = &campaign.house;
    let library = power_loss(house.folder.path());
    let roles = Kept::InFiles.roles(house);
    let cardholder = Victim::new(house.path("cardholder.toml"), Some(library));
    let others = roles.start(0).await;
    let mut killed = cardholder.start(0).await;
    let mut people = JoinSet::new();
    for turn in 0..BROWSERS {
        let buyer = Buyer::new(Random::new(random.draw()), Arc::clone(&campaign));
        let (random, page) = (Random::new(random.draw()), Arc::clone(&page));
        let person = Person { random, buyer, page, turn };
        people.spawn_local(person.pay_until_it_is_over());
    }
    for _ in 0..kills {
        sleep(Duration::from_millis(random.below(LONGEST_LIFE))).await;
        killed.kill();
        killed = cardholder.start(0).await;
    }
    campaign.is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = people.join_next().await {
        ended.unwrap();
    }

    // At last all three once more, after all that could still run out.
    drop((killed, others));
    let _alive = (roles.start(900).await, cardholder.start(900).await);
    let bought = page.bought.lock().unwrap().clone();
    let (verdict, receipts) = judge(&page, &bought).await;
    let took = begun.elapsed().as_secs();
    println!("{}; {receipts} receipts shown again; in {took} s", verdict.summary());
    let broken = verdict.broken.join("\n  ");
    assert!(verdict.broken.is_empty(), "seed {seed}, {kills} kills:\n  {broken}");
    verdict.must_have_tried_everything();
    assert!(receipts > 0);
}

/// What the page shows at last, and whether merchant and bank say the same. How many receipts it shows again.
async fn judge(page: &Page, bought: &[Bought]) -> (Verdict, usize) {
    let mut at_last = BTreeMap::new();
    for one in bought {
        at_last.insert(one.purchase.amount, at_last_shown(page, one).await);
    }
    let purchases = bought.iter().map(|one| one.purchase.clone()).collect();
    let mut verdict = page.campaign.ask_the_merchant(purchases).await;
    let house = &page.campaign.house;
    verdict.ask_the_bank(async |card| house.account(card)).await;
    verdict.ask_the_phones(async |number| house.texts(number)).await;
    let mut receipts = 0;
    for one in bought {
        let end = if verdict.is_paid(&one.purchase) { Shown::Paid } else { Shown::NotPaid };
        match at_last.get(&one.purchase.amount) {
            Some(Shown::Lost) => verdict.breaks("what the page kept is still there", &one.purchase),
            Some(shown) if *shown == end => {}
            _ => verdict.breaks("page, merchant and bank tell one end", &one.purchase),
        }
        if end != Shown::Paid && !one.may_fail {
            verdict.breaks("what nobody left or mistyped is paid", &one.purchase);
        }
        let Some(receipt) = &one.receipt else { continue };
        receipts += 1;
        if page.receipt(&one.path).await.as_ref() != Some(receipt) {
            verdict.breaks("a receipt is shown again byte for byte", &one.purchase);
        }
    }
    (verdict, receipts)
}

/// The end as the page shows it. Somebody who left comes back, and types what is too late by now.
async fn at_last_shown(page: &Page, bought: &Bought) -> Shown {
    let path = &bought.path;
    let (shown, _) = page.look(path).await;
    if shown != Shown::AsksCode {
        return shown;
    }
    let house = &page.campaign.house;
    let (late, _) = code_on_phone(house, PHONE, bought.purchase.amount).unwrap();
    page.send(&format!("{path}/code"), ("code", &late)).await;
    page.look(path).await.0
}
