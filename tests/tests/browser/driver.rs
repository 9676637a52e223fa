//! Chromium under chromedriver, with a profile of its own, and the sandbox that it looks at.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use countersign_domain::policy::Profile;
use countersign_sandbox::{Sandbox, Settings};
use fantoccini::{Client, ClientBuilder, Locator, elements::Element, wd::WindowHandle};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Screens that are less wide are phones'.
const NARROW: u32 = 500;

/// What a browser is to be like.
pub(crate) struct Wanted {
    pub(crate) width: u32,
    pub(crate) languages: &'static str,
    pub(crate) dark: bool,
    /// Whether the person's client certificate is in it.
    pub(crate) certificate: bool,
    /// The profile of the sandbox's policy.
    pub(crate) profile: Option<Profile>,
    /// A root that is trusted besides the sandbox's.
    pub(crate) root: Option<PathBuf>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            width: 1100,
            languages: "en",
            dark: false,
            certificate: false,
            profile: None,
            root: None,
        }
    }
}

/// A browser in front of a sandbox.
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) sandbox: Sandbox,
    /// Whether its screen is a phone's.
    pub(crate) is_narrow: bool,
    _driver: Driver,
    _folder: TempDir,
}

/// A chromedriver, ended with its browsers.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Browser {
    pub(crate) async fn open(wanted: Wanted) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::in_folder(folder.path().join("sandbox"));
        settings.furnished = true;
        settings.profile = wanted.profile;
        let sandbox = Sandbox::start(settings).await.unwrap();
        let home = folder.path().join("home");
        trust(&home, &sandbox, &wanted);
        let (driver, url) = start_driver(&home, sandbox.checkout_url());
        let client = connect(&url, &home, &wanted).await;
        let is_narrow = wanted.width < NARROW;
        Self { client, sandbox, is_narrow, _driver: driver, _folder: folder }
    }

    /// The window that opens beside this one.
    pub(crate) async fn window_beside(&self, this: &WindowHandle) -> WindowHandle {
        let end = Instant::now() + PATIENCE;
        loop {
            let windows = self.client.windows().await.unwrap();
            if let Some(other) = windows.into_iter().find(|window| window != this) {
                return other;
            }
            assert!(Instant::now() < end, "no window opens");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Goes to a page of the sandbox.
    pub(crate) async fn visit(&self, path: &str) {
        let url = format!("{}{path}", self.sandbox.control_url());
        self.client.goto(&url).await.unwrap();
    }

    /// The first that the selector finds, once there is one.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE);
        let found = wait.for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error| unreachable!("{css}: {error}"))
    }

    pub(crate) async fn click(&self, css: &str) {
        let end = Instant::now() + PATIENCE;
        // What is live may be another element by the time it is clicked.
        while let Err(error) = self.find(css).await.click().await {
            assert!(Instant::now() < end, "{css}: {error}");
        }
    }

    /// Puts a text in at once, in place of what is there, as a keyboard or the clipboard does: what limits the field acts as
    /// it does on people.
    pub(crate) async fn paste_into(&self, css: &str, text: &str) {
        self.find(css).await;
        let paste = "const [css, text] = arguments; const field = document.querySelector(css); \
                     field.focus(); field.select(); return document.execCommand('insertText', false, text)";
        assert_eq!(self.run(paste, vec![json!(css), json!(text)]).await, true, "{css}");
    }

    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        self.find(css).await.send_keys(text).await.unwrap();
    }

    /// What the page says, once it says that.
    pub(crate) async fn reads(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let said =
                self.run("return document.body ? document.body.innerText : ''", vec![]).await;
            let said = said.as_str().unwrap_or_default().to_owned();
            if said.contains(text) {
                return said;
            }
            assert!(Instant::now() < end, "the page does not say {text:?} but {said:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_default()
    }

    /// Keeps a picture of the page.
    pub(crate) async fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seen");
        fs::create_dir_all(&folder).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    /// The code of the last message, as the phone's page shows it, read in a window of its own.
    pub(crate) async fn read_code(&self) -> String {
        let here = self.client.window().await.unwrap();
        let phone = self.client.new_window(true).await.unwrap();
        self.client.switch_to_window(phone.handle).await.unwrap();
        self.visit(&format!("/phones/{}", self.sandbox.person().number)).await;
        self.find(".bubble b").await;
        let script = "return document.querySelector('.bubble b').innerText";
        let code = self.run(script, vec![]).await.as_str().unwrap().to_owned();
        self.picture("phone").await;
        self.client.close_window().await.unwrap();
        self.client.switch_to_window(here).await.unwrap();
        code
    }

    /// Buys the book in the shop: the browser is at its payment page.
    pub(crate) async fn go_to_pay(&self) {
        self.visit("/shop").await;
        self.click("input[value=book] + button").await;
        self.reads("8.90").await;
    }

    pub(crate) async fn close(self) {
        self.client.close().await.unwrap();
        self.sandbox.stop().await;
    }
}

/// A profile in which the sandbox's authority is trusted, and the person's certificate if it is wanted.
fn trust(home: &Path, sandbox: &Sandbox, wanted: &Wanted) {
    let store = home.join(".pki/nssdb");
    fs::create_dir_all(&store).unwrap();
    let store = format!("sql:{}", store.display());
    must("certutil", &["-d", &store, "-N", "--empty-password"]);
    let roots = [sandbox.authority()].into_iter().chain(wanted.root.as_deref());
    for (name, root) in ["sandbox", "other"].into_iter().zip(roots) {
        let root = root.to_string_lossy();
        must("certutil", &["-d", &store, "-A", "-t", "C,,", "-n", name, "-i", &root]);
    }
    if wanted.certificate {
        let (own, key) = sandbox.client_certificate();
        let (own, key) = (own.to_string_lossy(), key.to_string_lossy());
        let file = home.join("alice.p12").to_string_lossy().into_owned();
        // As the sandbox's first page tells people to.
        must(
            "openssl",
            &[
                "pkcs12", "-export", "-in", &own, "-inkey", &key, "-name", "alice", "-passout",
                "pass:", "-out", &file,
            ],
        );
        must("pk12util", &["-d", &store, "-i", &file, "-W", ""]);
    }
}

fn must(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output();
    let done =
        done.unwrap_or_else(|error| unreachable!("{program}, see tests/install.sh: {error}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program}: {said}");
}

/// Starts chromedriver in a mount namespace in which Chromium's policies are ours: without one that chooses the client
/// certificate, the browser asks by a dialog that no driver can answer.
fn start_driver(home: &Path, checkout: &str) -> (Driver, String) {
    let policies = home.join("policies");
    fs::create_dir_all(policies.join("policies/managed")).unwrap();
    let choose = json!({ "pattern": checkout, "filter": {} }).to_string();
    let policy = json!({ "AutoSelectCertificateForUrls": [choose] });
    fs::write(policies.join("policies/managed/tests.json"), policy.to_string()).unwrap();
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let script =
        "mount --bind \"$1\" /etc/chromium && exec chromedriver --port=\"$2\" --log-level=SEVERE";
    let child = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            // When it is killed, so is every browser that it has started: the namespace ends with its first process.
            "--pid",
            "--mount-proc",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(&policies)
        .arg(port.to_string())
        .env("HOME", home)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    (Driver(child.unwrap()), format!("http://127.0.0.1:{port}"))
}

async fn connect(url: &str, home: &Path, wanted: &Wanted) -> Client {
    let profile: PathBuf = home.join("profile");
    let mut arguments = vec![
        "--headless=new".to_owned(),
        // It runs as the root of its namespace, which Chromium's own sandbox refuses; it sees loopback only.
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        format!("--user-data-dir={}", profile.display()),
        format!("--window-size={},1000", wanted.width),
    ];
    if wanted.dark {
        arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": {
            "binary": "/usr/bin/chromium",
            "args": arguments,
            "prefs": { "intl.accept_languages": wanted.languages },
        },
    });
    let Value::Object(capabilities) = capabilities else {
        unreachable!("it is an object");
    };
    let end = Instant::now() + PATIENCE;
    loop {
        let mut builder =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        match builder.capabilities(capabilities.clone()).connect(url).await {
            Ok(client) => {
                // Smaller than a window can be.
                if wanted.width < NARROW {
                    narrow(&client, wanted.width).await;
                }
                return client;
            }
            Err(error) => {
                assert!(Instant::now() < end, "chromedriver, see tests/install.sh: {error}")
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn narrow(client: &Client, width: u32) {
    client.set_window_size(width, 800).await.unwrap();
}
