//! What the tests share: a sandbox in a folder of its own, and waiting.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use countersign_sandbox::{ExternalCentre, Person, Sandbox, Settings};
use countersign_tests::curl::{Answer, Browser, Shop};
use serde_json::json;
use tempfile::TempDir;

/// For how long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(15);

/// A sandbox, gone with its folder at the end.
pub(crate) struct Trial {
    pub(crate) sandbox: Sandbox,
    pub(crate) shop: Shop,
    pub(crate) folder: TempDir,
}

impl Trial {
    /// A sandbox in which the person is a subscriber with a card.
    pub(crate) async fn start(centre: Option<ExternalCentre>) -> Self {
        // Kept by the test harness for the report of a test that fails.
        let _ = tracing_subscriber::fmt()
            .with_env_filter("countersign=debug,info")
            .with_ansi(false)
            .with_test_writer()
            .try_init();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::in_folder(folder.path().join("sandbox"));
        settings.centre = centre;
        let sandbox = Sandbox::start(settings).await.unwrap();
        let shop = Shop::of(&sandbox);
        let Person { user_id, number, card, .. } = sandbox.person();
        let enrolled = shop.enrol(user_id, number, &card.number, &card.expiry);
        assert_eq!(enrolled.status, 204, "{enrolled:?}");
        Self { sandbox, shop, folder }
    }

    pub(crate) fn person(&self) -> &Person {
        self.sandbox.person()
    }

    /// The person begins to pay 49.90 EUR with the userId; the address of the page.
    pub(crate) fn begin(&self, browser: &Browser<'_>) -> String {
        let page = self.shop.order("49.90", &json!([]));
        let asked = browser.pay(&page, &format!("user_id={}", self.person().user_id));
        assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
        page
    }

    /// What the person's handset in the sandbox shows last, once there is something.
    pub(crate) fn text(&self) -> String {
        let path = format!("/handsets/{}/messages", self.person().number);
        let shown = until("the phone shows a message", || {
            let shown = self.shop.control("GET", &path, None);
            shown.body.get(0).is_some().then_some(shown)
        });
        let last = shown.body.as_array().unwrap().last().unwrap();
        last["text"].as_str().unwrap().to_owned()
    }

    /// The movements on the person's account, by kind.
    pub(crate) fn movements(&self) -> Vec<String> {
        let path = format!("/bank/cards/{}", self.person().card.number);
        let account = self.shop.control("GET", &path, None);
        let movements = account.body["movements"].as_array().unwrap().iter();
        let kinds = movements.map(|movement| movement["kind"].as_str().unwrap().to_owned());
        kinds.collect()
    }

    /// Waits until the page has that status.
    pub(crate) fn wait_for_status(
        &self,
        browser: &Browser<'_>,
        page: &str,
        status: &str,
    ) -> Answer {
        until(status, || {
            let seen = browser.open(page, &[]);
            (seen.text("/status") == status).then_some(seen)
        })
    }
}

/// The code of a message: what follows the last `#`.
pub(crate) fn code_in(text: &str) -> &str {
    text.rsplit_once('#').unwrap().1
}

/// Looks again and again until there is something.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not in time: {what}");
        sleep(Duration::from_millis(50));
    }
}
