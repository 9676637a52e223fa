//! A server in a process of its own, with bank and SMS centre in this one, and purchases in it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Error, Result},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_domain::{amount::Currency, card::Card, testing::MemoryStore};
use countersign_sandbox::{Person, Sandbox, Settings, bank::Bank};
use countersign_server::{Config, Log, LogForm, Server, SystemClock};
use tokio::sync::oneshot;

use super::{
    centre::Centre,
    http::{Connection, Dialler},
};

/// The configuration that a child serves.
const CONFIGURATION: &str = "COUNTERSIGN_LOAD_CONFIGURATION";

/// Set in a child that keeps everything in memory.
const IN_MEMORY: &str = "COUNTERSIGN_LOAD_IN_MEMORY";

/// As the `countersign` program has it, since what is measured is what that one would do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Submissions to the SMS centre that may wait for their answer.
const WINDOW: usize = 64;

/// When this process was started by [`Shop::open`], serves until it is killed, and never returns; to be called first in
/// `main`. What is served is what `countersign serve` serves, with its log.
pub fn serve_if_asked() {
    let Some(configuration) = env::var_os(CONFIGURATION) else {
        return;
    };
    #[expect(clippy::print_stderr, reason = "a program of its own")]
    if let Err(error) = serve(Path::new(&configuration)) {
        eprintln!("the server did not start: {error}");
    }
    std::process::exit(1);
}

fn serve(configuration: &Path) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (log, _end) = Log::to_standard_error(LogForm::Text)?;
    tracing_subscriber::fmt().with_env_filter("info").with_writer(log).init();
    let text = fs::read_to_string(configuration)?;
    let folder = configuration.parent().unwrap_or_else(|| Path::new("."));
    let config = Config::from_toml(&text, folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock = Arc::new(SystemClock::default());
        let _server = match env::var_os(IN_MEMORY) {
            Some(_) => Server::start_on(config, clock, Arc::new(MemoryStore::default())).await?,
            None => Server::start(config, clock).await?,
        };
        #[expect(clippy::print_stdout, reason = "the parent waits for it")]
        {
            println!("\nserving");
        }
        std::future::pending().await
    })
}

/// A server under load. Everything ends when it is dropped.
pub struct Shop {
    /// The centre that its messages go to.
    pub centre: Centre,
    /// For clients without a certificate.
    pub dialler: Dialler,
    /// For a client with the person's certificate, number and card in it encrypted.
    pub client: Dialler,
    /// Where certificates and keys are: `server.pem`, `server.key`, `root.pem`.
    pub folder: PathBuf,
    api: u16,
    checkout: u16,
    api_key: String,
    person: Person,
    /// The server and its bank, unless they are a sandbox's in this process.
    own: Option<(Child, Bank)>,
}

/// A merchant's and a payer's connection, both kept alive.
pub struct Till {
    api: Connection,
    /// The payer's.
    pub payer: Connection,
    /// As whom the payer is known.
    user_id: String,
}

/// How long parts of a purchase or of a challenge took, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// From the first request to the last answer.
    pub whole: f64,
    /// From typing the code to its answer: a commit, and with a purchase the bank's debit, and one commit more.
    pub verify: f64,
}

impl Shop {
    /// Makes certificates and keys as the sandbox does, starts the server as a child, and enrols Alice. The store is
    /// `store`, in the folder if it is a plain name.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn open(folder: &Path, store: &str) -> Result<Self> {
        Self::open_with(folder, store, Centre::start().await?).await
    }

    /// As [`Self::open`], with a centre that is there already.
    ///
    /// # Errors
    /// As there.
    pub async fn open_with(folder: &Path, store: &str, centre: Centre) -> Result<Self> {
        Self::start(folder, &format!("path = \"{store}\""), centre, Kept::ByItsStore).await
    }

    /// As [`Self::open`], with nothing kept but in the server's memory: what it could do if a commit cost nothing.
    ///
    /// # Errors
    /// As there.
    pub async fn open_in_memory(folder: &Path) -> Result<Self> {
        // The sandbox's own file, which is there, and stays as it is.
        Self::start(folder, "path = \"countersign.db\"", Centre::start().await?, Kept::InMemory)
            .await
    }

    /// As [`Self::open`], with everything kept in the PostgreSQL database of that URL, whose schema is there.
    ///
    /// # Errors
    /// As there.
    pub async fn open_on(folder: &Path, url: &str) -> Result<Self> {
        Self::start(folder, &format!("url = \"{url}\""), Centre::start().await?, Kept::ByItsStore)
            .await
    }

    async fn start(folder: &Path, store: &str, centre: Centre, kept: Kept) -> Result<Self> {
        let mut settings = Settings::in_folder(folder.join("shop"));
        settings.centre = Some(centre.external());
        // It makes everything that a server needs, and gives its ports free again.
        let sandbox = Sandbox::start(settings).await.map_err(Error::other)?;
        let text = fs::read_to_string(sandbox.configuration())?;
        let mut shop = Self::of(&sandbox, centre)?;
        sandbox.stop().await;

        let bank = Bank::start(([127, 0, 0, 1], 0).into()).await?;
        let card = &shop.person.card;
        let expiry = card.expiry.as_str().try_into();
        let card = Card::new(&card.number, expiry.map_err(Error::other)?);
        let euro = Currency::try_from("EUR").map_err(Error::other)?;
        bank.open_account(card.map_err(Error::other)?, u64::MAX / 4, euro);
        let configuration = shop.configuration();
        let (before, _) = text.split_once("[bank]").unwrap_or_default();
        let (_, parties) = text.split_once("[[relying_party]]").unwrap_or_default();
        let before = before
            .replace("path = \"countersign.db\"", store)
            .replace("[sms]", &format!("[sms]\nwindow = {WINDOW}"));
        let bank_address = bank.address();
        let text =
            format!("{before}[bank]\naddress = \"{bank_address}\"\n[[relying_party]]{parties}");
        fs::write(&configuration, text)?;

        shop.own = Some((start(&configuration, kept)?, bank));
        let Person { user_id, number, .. } = &shop.person;
        shop.enrol(&mut shop.till().await?, user_id, number).await?;
        Ok(shop)
    }

    /// The configuration of its server, unless that is a sandbox's.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("load.toml")
    }

    /// Ends the server, and gives its store free.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn stop(&mut self) -> Result<()> {
        let Some((server, _)) = &mut self.own else { return Ok(()) };
        server.kill()?;
        server.wait().map(drop)
    }

    /// Starts a server that was ended; how long it took until a payer had an answer of it.
    ///
    /// # Errors
    /// When it does not start, or does not answer.
    pub async fn start_again(&mut self) -> Result<Duration> {
        let (begun, started) = (Instant::now(), start(&self.configuration(), Kept::ByItsStore)?);
        if let Some((server, _)) = &mut self.own {
            *server = started;
        }
        let mut payer = self.dialler.dial(self.checkout).await?;
        payer.call("GET", "/pay/no-such-page", "", "").await?;
        Ok(begun.elapsed())
    }

    /// The server of a sandbox that is at work, whose messages go to that centre.
    ///
    /// # Errors
    /// When its certificates cannot be read.
    pub fn of(sandbox: &Sandbox, centre: Centre) -> Result<Self> {
        let authority = fs::read_to_string(sandbox.authority())?;
        let (chain, key) = sandbox.client_certificate();
        let (chain, key) = (fs::read_to_string(chain)?, fs::read_to_string(key)?);
        Ok(Self {
            centre,
            dialler: Dialler::new(&authority, None)?,
            client: Dialler::new(&authority, Some((&chain, &key)))?,
            folder: sandbox.folder().to_owned(),
            api: port(sandbox.api_url()),
            checkout: port(sandbox.checkout_url()),
            api_key: sandbox.api_key().to_owned(),
            person: sandbox.person().clone(),
            own: None,
        })
    }

    /// Enrols a payer with that number and the person's card.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn enrol(&self, till: &mut Till, user_id: &str, number: &str) -> Result<()> {
        let (card, expiry) = (&self.person.card.number, &self.person.card.expiry);
        let body =
            format!(r#"{{"number":"{number}","card":{{"number":"{card}","expiry":"{expiry}"}}}}"#);
        let path = format!("/v1/subscribers/{user_id}");
        let enrolled = till.api.call("PUT", &path, &self.merchant(), &body).await?;
        expect(204, enrolled.status, &enrolled.body)
    }

    /// The server's process.
    pub fn process(&self) -> u32 {
        self.own.as_ref().map_or_else(std::process::id, |(server, _)| server.id())
    }

    /// Where payers are served.
    pub const fn checkout_port(&self) -> u16 {
        self.checkout
    }

    fn merchant(&self) -> String {
        format!("authorization: Bearer {}\r\n", self.api_key)
    }

    /// Two connections, kept alive. The payer is Alice.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn till(&self) -> Result<Till> {
        Ok(Till {
            api: self.dialler.dial(self.api).await?,
            payer: self.dialler.dial(self.checkout).await?,
            user_id: self.person.user_id.clone(),
        })
    }

    /// As [`Self::till`]; the payer is enrolled, with a phone of their own: what happens to one phone at the same time is done
    /// one after the other, and refused when there is too much of it.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses the payer.
    pub async fn till_of(&self, client: u32) -> Result<Till> {
        let user_id = format!("client-{client}");
        let mut till = Till { user_id: user_id.clone(), ..self.till().await? };
        self.enrol(&mut till, &user_id, &format!("+336124{client:05}")).await?;
        Ok(till)
    }

    /// A whole purchase of an amount that nobody else pays at the same time, by the till's payer, known by userId.
    ///
    /// # Errors
    /// When it is not paid in the end.
    pub async fn purchase(&self, till: &mut Till, amount: &str) -> Result<Times> {
        let begun = Instant::now();
        let page = self.order_at(till, amount).await?;
        let who = format!("user_id={}", till.user_id);
        let verify = self.pay(&mut till.payer, &page, amount, &who).await?;
        Ok(Times { whole: begun.elapsed().as_secs_f64(), verify })
    }

    /// A challenge about an amount that nobody else pays at the same time, started and verified: two requests, as a relying
    /// party with pages of its own makes them.
    ///
    /// # Errors
    /// When it is not verified in the end.
    pub async fn challenge(&self, till: &mut Till, amount: &str) -> Result<Times> {
        let begun = Instant::now();
        let body = format!(
            r#"{{"user_id":"{user_id}","origin":"localhost","purpose":{{"payment":{{"amount":{{"value":"{amount}","currency":"EUR"}},"reference":"order-1"}}}}}}"#,
            user_id = till.user_id
        );
        let code = self.centre.code(amount);
        let started = till.api.call("POST", "/v1/challenges", &self.merchant(), &body).await?;
        expect(201, started.status, &started.body)?;
        let code = in_time(code).await?;
        let typed = Instant::now();
        let path = format!("/v1/challenges/{}/response", started.text("id"));
        let session = started.text("session");
        let body = format!(r#"{{"session":"{session}","code":"{code}"}}"#);
        let verified = till.api.call("POST", &path, &self.merchant(), &body).await?;
        expect(200, verified.status, &verified.body)?;
        Ok(Times { whole: begun.elapsed().as_secs_f64(), verify: typed.elapsed().as_secs_f64() })
    }

    /// Creates a checkout; the path of its page.
    ///
    /// # Errors
    /// When it is not created.
    pub async fn order_at(&self, till: &mut Till, amount: &str) -> Result<String> {
        self.order_of(till, amount, "[]").await
    }

    /// As [`Self::order_at`], under an `Idempotency-Key`.
    ///
    /// # Errors
    /// As there.
    pub async fn order_once(&self, till: &mut Till, amount: &str, key: &str) -> Result<String> {
        self.order(till, amount, "[]", &format!("idempotency-key: {key}\r\n")).await
    }

    /// As [`Self::order_at`], with items as JSON.
    ///
    /// # Errors
    /// As there.
    pub async fn order_of(&self, till: &mut Till, amount: &str, items: &str) -> Result<String> {
        self.order(till, amount, items, "").await
    }

    async fn order(
        &self,
        till: &mut Till,
        amount: &str,
        items: &str,
        headers: &str,
    ) -> Result<String> {
        let body = format!(
            r#"{{"amount":{{"value":"{amount}","currency":"EUR"}},"reference":"order-1","items":{items}}}"#
        );
        let headers = self.merchant() + headers;
        let created = till.api.call("POST", "/v1/checkouts", &headers, &body).await?;
        expect(201, created.status, &created.body)?;
        Ok(format!("/pay/{}", created.text("id")))
    }

    /// Opens the page, says who pays, and types the code; the seconds from typing it to the answer.
    ///
    /// # Errors
    /// When it is not paid in the end.
    pub async fn pay(
        &self,
        payer: &mut Connection,
        page: &str,
        amount: &str,
        who: &str,
    ) -> Result<f64> {
        let asked = self.ask(payer, page, amount, who).await?;
        let code = in_time(asked.code).await?;
        let begun = Instant::now();
        asked.session.type_code(payer, page, &code).await?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Opens the page and says who pays; the code is to come.
    ///
    /// # Errors
    /// When the server does not ask for one.
    pub async fn ask(
        &self,
        payer: &mut Connection,
        page: &str,
        amount: &str,
        who: &str,
    ) -> Result<Asked> {
        let opened = payer.call("GET", page, "", "").await?;
        expect(200, opened.status, &opened.body)?;
        let form = "content-type: application/x-www-form-urlencoded";
        let headers = format!("cookie: {}\r\n{form}\r\n", restored(opened.cookie()));
        let code = self.centre.code(amount);
        let asked = payer.call("POST", page, &headers, who).await?;
        if asked.text("status") != "awaiting_code" {
            return Err(Error::other(format!("no code: {} {}", asked.status, asked.body)));
        }
        Ok(Asked { code, session: Session { headers } })
    }
}

/// A payer who waits for a code.
pub struct Asked {
    /// The code, once the phone has it.
    pub code: oneshot::Receiver<String>,
    /// In which it is to be typed.
    pub session: Session,
}

/// A payer's session at a page.
pub struct Session {
    headers: String,
}

impl Session {
    /// Types a code.
    ///
    /// # Errors
    /// When the purchase is not paid with it.
    pub async fn type_code(&self, payer: &mut Connection, page: &str, code: &str) -> Result<()> {
        let (path, form) = (format!("{page}/code"), format!("code={code}"));
        let paid = payer.call("POST", &path, &self.headers, &form).await?;
        match paid.text("status") {
            "paid" => Ok(()),
            _ => Err(Error::other(format!("not paid: {} {}", paid.status, paid.body))),
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some((server, _)) = &mut self.own {
            // It has nothing that must outlive it.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Where a server keeps what it keeps.
#[derive(Clone, Copy)]
enum Kept {
    ByItsStore,
    InMemory,
}

fn start(configuration: &Path, kept: Kept) -> Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    if let Kept::InMemory = kept {
        command.env(IN_MEMORY, "1");
    }
    let mut child = command
        .env(CONFIGURATION, configuration)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let said = child.stdout.take().map(BufReader::new);
    let serves =
        said.is_some_and(|said| said.lines().any(|line| line.is_ok_and(|line| line == "serving")));
    if serves { Ok(child) } else { Err(Error::other("the server did not start")) }
}

async fn in_time(code: oneshot::Receiver<String>) -> Result<String> {
    let code = tokio::time::timeout(Duration::from_secs(20), code).await;
    code.map_err(Error::other)?.map_err(Error::other)
}

/// The cookie's name has one capital letter, and headers were lowered to be read.
fn restored(cookie: &str) -> String {
    cookie.replace("__host-", "__Host-")
}

fn port(url: &str) -> u16 {
    let port = url.rsplit(':').next();
    port.and_then(|port| port.parse().ok()).unwrap_or_default()
}

fn expect(wanted: u16, status: u16, body: &str) -> Result<()> {
    if status == wanted {
        Ok(())
    } else {
        Err(Error::other(format!("{status} and not {wanted}: {body}")))
    }
}
