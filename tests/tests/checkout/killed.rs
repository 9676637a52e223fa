//! A server that is killed with SIGKILL in the middle of a purchase resumes it when it is started again.
//!
//! The server is a process of its own: this program again, see `child`. Bank, centre and handset live on.

use std::{env, fs, path::Path, sync::Arc};

use countersign_server::{Config, Server, SystemClock};
use countersign_tests::killable::{Killable, SERVING, Site};

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
        let _server = Server::start(config, Arc::new(SystemClock::default())).await.unwrap();
        println!("\n{SERVING}");
        std::future::pending::<()>().await;
    });
}

/// A server in a process of its own.
pub(crate) fn start(site: &Site) -> Killable {
    Killable::start("killed::child", &[(CONFIGURATION, &site.configuration)]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_purchase_outlives_the_server_at_every_step() {
    let mut trial = Trial::start(None).await;
    let site = Site::beside(&trial.sandbox, "killed").unwrap();
    trial.shop.api.clone_from(&site.api);
    trial.shop.checkout.clone_from(&site.checkout);
    let person = trial.person().clone();
    let submitted = || trial.movements();

    let server = start(&site);
    trial.shop.enrol(&person.user_id, &person.number, &person.card.number, &person.card.expiry);
    let page = trial.shop.order("49.90", &serde_json::json!([]));
    server.kill();

    // The checkout is still there; now the code is sent, and the server killed while it is waited for.
    let server = start(&site);
    let browser = trial.shop.browser("payer");
    let asked = browser.pay(&page, &format!("user_id={}", person.user_id));
    assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
    let code = code_in(&trial.text()).to_owned();
    let wrong = browser.type_code(&page, "000000000");
    assert_eq!(wrong.body["attempts_left"], 2, "{wrong:?}");
    server.kill();

    // The attempt is still counted, the code is still good, and the phone got no second message.
    let server = start(&site);
    let seen = browser.open(&page, &[]);
    assert_eq!(seen.body["code"]["attempts_left"], 2, "{seen:?}");
    let typed = browser.type_code(&page, &code);
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
    server.kill();

    // It is paid for good, once; the code is not accepted again.
    let server = start(&site);
    assert_eq!(browser.open(&page, &[]).text("/status"), "paid");
    let again = browser.type_code(&page, &code);
    assert_eq!(again.status, 409, "{again:?}");
    assert_eq!(submitted(), ["held", "debited"]);
    let shown = trial.shop.control("GET", &format!("/handsets/{}/messages", person.number), None);
    assert_eq!(shown.body.as_array().unwrap().len(), 1, "{shown:?}");
    server.kill();
}
