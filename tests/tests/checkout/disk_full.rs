//! A disk that is full while the bank holds or debits an amount: nobody is told that nothing was done, what was begun goes on once
//! there is room, and nothing is debited twice.
//!
//! The server is a process of its own that can write to no file for a while (`RLIMIT_FSIZE`); the bank keeps its first answer to
//! itself, so that the disk is full when its second one comes.

use std::{env, fs, path::Path, sync::Arc, thread};

use countersign_domain::{ports::Clock, time::Timestamp};
use countersign_server::{Config, Server, SystemClock};
use countersign_tests::{
    curl::Answer,
    killable::{Killable, SERVING, Site},
};
use serde_json::json;

use crate::support::{Trial, code_in, until};

/// The configuration that a child serves; without it, `child` does nothing.
const CONFIGURATION: &str = "COUNTERSIGN_TEST_FULL_CONFIGURATION";

/// The machine's clock, and as many seconds more as the file beside the configuration has octets.
struct Later(std::path::PathBuf);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        let ahead = fs::metadata(&self.0).map_or(0, |file| file.len());
        SystemClock::default().now().plus_seconds(u32::try_from(ahead).unwrap())
    }
}

/// Not a test of anything: the process whose disk is full.
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
        let clock = Arc::new(Later(configuration.with_extension("ahead")));
        let _server = Server::start(config, clock).await.unwrap();
        println!("\n{SERVING}");
        std::future::pending::<()>().await;
    });
}

/// A server whose bank has two seconds to answer, and what it serves.
struct Full {
    trial: Trial,
    site: Site,
    server: Killable,
}

impl Full {
    async fn new(name: &str, bank_first: bool) -> Self {
        let mut trial = Trial::start(None).await;
        let site = Site::beside(&trial.sandbox, name).unwrap();
        let mut text = fs::read_to_string(&site.configuration).unwrap();
        text = text.replace("[bank]\n", "[bank]\nresponse_timeout_seconds = 2\n");
        if !bank_first {
            let known = r#"["user_id", "card", "certificate", "unsigned"]"#;
            assert!(text.contains(known), "{text}");
            text = text.replace(known, "[]");
        }
        fs::write(&site.configuration, text).unwrap();
        trial.shop.api.clone_from(&site.api);
        trial.shop.checkout.clone_from(&site.checkout);
        let environment: [(&str, &Path); 1] = [(CONFIGURATION, &site.configuration)];
        let server = Killable::start("disk_full::child", &environment).unwrap();
        let person = trial.person().clone();
        let card = &person.card;
        trial.shop.enrol(&person.user_id, &person.number, &card.number, &card.expiry);
        Self { trial, site, server }
    }

    fn bank_is_silent(&self, silent: bool) {
        let told =
            self.trial.shop.control("PUT", "/bank/silent", Some(&json!({ "silent": silent })));
        assert_eq!(told.status, 204, "{told:?}");
    }

    fn moved(&self, kind: &str) -> bool {
        self.trial.movements().iter().any(|movement| movement == kind)
    }

    /// The code is typed; when the bank has done `what`, and before it is heard, there is no room on the disk any more.
    fn type_code_until(&self, page: &str, code: &str, what: &str) -> Answer {
        let browser = self.trial.shop.browser("payer");
        self.bank_is_silent(true);
        thread::scope(|scope| {
            let typed = scope.spawn(|| browser.type_code(page, code));
            until(what, || self.moved(what).then_some(()));
            self.server.fills_disk(true).unwrap();
            self.bank_is_silent(false);
            typed.join().unwrap()
        })
    }

    /// Time passes for the server.
    fn advance(&self, seconds: usize) {
        fs::write(self.site.configuration.with_extension("ahead"), "x".repeat(seconds)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disk_that_is_full_while_the_bank_holds_or_debits_makes_nobody_pay_twice() {
    for (bank_first, what) in [(true, "debited"), (false, "held")] {
        let full = Full::new(what, bank_first).await;
        let (trial, user_id) = (&full.trial, &full.trial.person().user_id);
        let browser = trial.shop.browser("payer");
        let page = trial.shop.order("49.90", &json!([]));
        let asked = browser.pay(&page, &format!("user_id={user_id}"));
        assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
        let code = code_in(&trial.text()).to_owned();

        let answer = full.type_code_until(&page, &code, what);
        assert_eq!(answer.status, 503, "{what}: {answer:?}");
        assert!(answer.text("/type").ends_with(":outcome-unknown"), "{what}: {answer:?}");
        let path = page.rsplit_once("/pay/").unwrap().1;
        assert_eq!(answer.text("/look_again"), format!("/pay/{path}"), "{answer:?}");
        // A payer who looks, or types again, is told no more than that; there is nothing to press.
        let seen = browser.look(&page, &[]);
        let seen = seen.body.as_str().unwrap();
        assert!(seen.contains("One moment") && !seen.contains("<button"), "{what}: {seen}");
        let again = browser.type_code(&page, &code);
        assert!([409, 503].contains(&again.status), "{what}: {again:?}");
        let merchant = trial.shop.merchant("GET", &format!("/v1/checkouts/{path}"), None);
        assert_eq!(merchant.text("/status"), "processing", "{what}: {merchant:?}");

        full.server.fills_disk(false).unwrap();
        full.advance(61);
        trial.wait_for_status(&browser, &page, "paid");
        assert_eq!(trial.movements(), ["held", "debited"], "{what}");
        let again = browser.type_code(&page, &code);
        assert_eq!(again.status, 409, "{what}: {again:?}");
        full.server.kill();
    }
}
