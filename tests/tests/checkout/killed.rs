//! A server that is killed with SIGKILL in the middle of a purchase goes on with it when it is started again.
//!
//! The server is a process of its own: this program again, see `child`. Bank, centre and handset live on.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use countersign_server::{Config, Server, SystemClock};

use crate::support::{Trial, code_in};

/// The configuration that a child serves; without it, `child` does nothing.
const CONFIGURATION: &str = "COUNTERSIGN_TEST_CONFIGURATION";

/// Not a test of anything: the process that is killed.
#[test]
fn child() {
    let Some(configuration) = env::var_os(CONFIGURATION) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let configuration = Path::new(&configuration);
        let text = fs::read_to_string(configuration).unwrap();
        let config = Config::from_toml(&text, configuration.parent().unwrap()).unwrap();
        let _server = Server::start(config, Arc::new(SystemClock::default()))
            .await
            .unwrap();
        println!("\nserving");
        std::future::pending::<()>().await;
    });
}

/// A server in a process of its own.
struct Process(Child);

impl Process {
    fn start(configuration: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["killed::child", "--exact", "--nocapture"])
            .env(CONFIGURATION, configuration)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let serves = said
            .lines()
            .any(|line| line.is_ok_and(|line| line == "serving"));
        assert!(serves, "the server did not start");
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The sandbox's configuration on other ports and another store, for a server that can be killed. Its pages are at the
/// returned addresses, API first.
fn configuration(trial: &Trial) -> (std::path::PathBuf, String, String) {
    let free = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let (api, checkout) = (free(), free());
    let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
    let text = fs::read_to_string(trial.sandbox.configuration()).unwrap();
    let text = text
        .replace(&format!(":{}", port(&trial.shop.api)), &format!(":{api}"))
        .replace(
            &format!(":{}", port(&trial.shop.checkout)),
            &format!(":{checkout}"),
        )
        .replace("countersign.db", "killed.db");
    let file = trial.sandbox.folder().join("killed.toml");
    fs::write(&file, text).unwrap();
    let url = |port: u16| format!("https://localhost:{port}");
    (file, url(api), url(checkout))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_purchase_outlives_the_server_at_every_step() {
    let mut trial = Trial::start(None).await;
    let (file, api, checkout) = configuration(&trial);
    trial.shop.api = api;
    trial.shop.checkout = checkout;
    let person = trial.person().clone();
    let submitted = || trial.movements();

    let server = Process::start(&file);
    trial.shop.enrol(
        &person.user_id,
        &person.number,
        &person.card.number,
        &person.card.expiry,
    );
    let page = trial.shop.order("49.90", &serde_json::json!([]));
    server.kill();

    // The checkout is still there; now the code is sent, and the server killed while it is waited for.
    let server = Process::start(&file);
    let browser = trial.shop.browser("payer");
    let asked = browser.pay(&page, &format!("user_id={}", person.user_id));
    assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
    let code = code_in(&trial.text()).to_owned();
    let wrong = browser.type_code(&page, "000000000");
    assert_eq!(wrong.body["attempts_left"], 2, "{wrong:?}");
    server.kill();

    // The attempt is still counted, the code is still good, and the phone got no second message.
    let server = Process::start(&file);
    let seen = browser.open(&page, &[]);
    assert_eq!(seen.body["code"]["attempts_left"], 2, "{seen:?}");
    let typed = browser.type_code(&page, &code);
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
    server.kill();

    // It is paid for good, once; the code is not accepted again.
    let server = Process::start(&file);
    assert_eq!(browser.open(&page, &[]).text("/status"), "paid");
    let again = browser.type_code(&page, &code);
    assert_eq!(again.status, 409, "{again:?}");
    assert_eq!(submitted(), ["held", "debited"]);
    let shown = trial.shop.control(
        "GET",
        &format!("/handsets/{}/messages", person.number),
        None,
    );
    assert_eq!(shown.body.as_array().unwrap().len(), 1, "{shown:?}");
    server.kill();
}
