//! What the tests share: a sandbox in a folder of its own, and waiting.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use countersign_sandbox::{ExternalCentre, Person, Sandbox, Settings, with_check_digit};
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
        Self::with(|settings| settings.centre = centre).await
    }

    /// The same, with the limits of a server that is configured with none of its own.
    pub(crate) async fn limited() -> Self {
        Self::with(|settings| settings.limited = true).await
    }

    /// The same, with other settings of the sandbox.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        // Kept by the test harness for the report of a test that fails.
        let _ = tracing_subscriber::fmt()
            .with_env_filter("countersign=debug,info")
            .with_ansi(false)
            .with_test_writer()
            .try_init();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::in_folder(folder.path().join("sandbox"));
        change(&mut settings);
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

    /// Sets the server's clock forward.
    pub(crate) fn advance(&self, seconds: u32) {
        let body = json!({ "advance_seconds": seconds });
        let advanced = self.shop.control("POST", "/clock", Some(&body));
        assert_eq!(advanced.status, 204, "{advanced:?}");
    }

    /// What a handset shows, oldest first.
    pub(crate) fn texts(&self, number: &str) -> Vec<String> {
        let shown = self.shop.control("GET", &format!("/handsets/{number}/messages"), None);
        let shown = shown.body.as_array().cloned().unwrap_or_default();
        shown.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
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
        self.movements_of(&self.person().card.number)
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

/// Somebody beside the sandbox's person, with a phone, a card and 1,000 EUR.
pub(crate) struct Payer {
    pub(crate) user_id: String,
    pub(crate) number: String,
    pub(crate) card: String,
}

impl Payer {
    /// The form that says the userId.
    pub(crate) fn by_user_id(&self) -> String {
        format!("user_id={}", self.user_id)
    }
}

impl Trial {
    /// A new subscriber, with that number.
    pub(crate) fn payer(&self, user_id: &str, number: &str) -> Payer {
        let digits = number.trim_start_matches('+');
        let (_, last) = digits.split_at(digits.len() - 9);
        let card = with_check_digit(&format!("497010{last}"));
        let account =
            json!({ "expiry": "2035-12", "balance": { "value": "1000.00", "currency": "EUR" } });
        self.shop.control("PUT", &format!("/handsets/{number}"), Some(&json!({ "state": "on" })));
        self.shop.control("PUT", &format!("/bank/cards/{card}"), Some(&account));
        let enrolled = self.shop.enrol(user_id, number, &card, "12/35");
        assert_eq!(enrolled.status, 204, "{enrolled:?}");
        Payer { user_id: user_id.to_owned(), number: number.to_owned(), card }
    }

    /// The movements on a card's account, by kind.
    pub(crate) fn movements_of(&self, card: &str) -> Vec<String> {
        let account = self.shop.control("GET", &format!("/bank/cards/{card}"), None);
        let movements = account.body["movements"].as_array().unwrap().iter();
        movements.map(|movement| movement["kind"].as_str().unwrap().to_owned()).collect()
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
