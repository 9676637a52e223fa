//! What an operator sees of one purchase: its metrics, its lines in the log, and whether the server is well.
//!
//! One test in a program of its own: the log of a process is one.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{
    io,
    sync::{Arc, Mutex},
    thread::sleep,
    time::{Duration, Instant},
};

use countersign_sandbox::{Sandbox, Settings};
use countersign_tests::curl::Shop;
use serde_json::Value;

/// W3C Trace Context's own example.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The log, kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn begin() -> Self {
        let log = Self::default();
        let written = log.clone();
        tracing_subscriber::fmt()
            .json()
            .with_env_filter("countersign=debug,info")
            .with_writer(move || written.clone())
            .init();
        log
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines of a trace: it is in the line itself or in a span around it.
    fn of(&self, trace: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().filter(|line| line.contains(trace));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The names of the facts among lines, in order.
fn facts(lines: &[Value]) -> Vec<&str> {
    let named = lines.iter().filter_map(|line| line["fields"]["event"].as_str());
    named.collect()
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(15);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not in time: {what}");
        sleep(Duration::from_millis(50));
    }
}

/// A purchase whose merchant sends a `traceparent`, with one wrong code first. The address of its page, and the code.
fn buy(sandbox: &Sandbox, shop: &Shop) -> (String, String) {
    let person = sandbox.person();
    shop.enrol(&person.user_id, &person.number, &person.card.number, &person.card.expiry);
    let created = shop.curl(&[
        "-H",
        &format!("Authorization: Bearer {}", sandbox.api_key()),
        "-H",
        &format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01"),
        "-d",
        r#"{"amount":{"value":"49.90","currency":"EUR"},"reference":"order-1"}"#,
        &format!("{}/v1/checkouts", shop.api),
    ]);
    assert_eq!(created.text("/correlation_id"), TRACE, "{created:?}");
    let page = created.text("/url").to_owned();
    let browser = shop.browser("payer");
    browser.pay(&page, &format!("user_id={}", person.user_id));
    let code = until("the phone shows a code", || {
        let shown = shop.control("GET", &format!("/handsets/{}/messages", person.number), None);
        let text = shown.body.pointer("/0/text")?.as_str()?.to_owned();
        text.rsplit_once('#').map(|(_, code)| code.to_owned())
    });
    browser.type_code(&page, "000000000");
    let typed = browser.type_code(&page, &code);
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
    (page, code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_purchase_can_be_followed_by_its_trace_id_and_is_counted() {
    let log = Log::begin();
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::in_folder(folder.path().join("sandbox"));
    let sandbox = Sandbox::start(settings).await.unwrap();
    let shop = Shop::of(&sandbox);
    let described = shop.control("GET", "/sandbox.json", None);
    let operations = described.text("/operations");
    let ask = |path: &str| shop.curl(&[&format!("{operations}{path}")]);

    let ready = until("bound to the centre", || {
        let ready = ask("/ready");
        (ready.text("/sms") == "bound").then_some(ready)
    });
    assert_eq!((ready.status, ready.text("/store")), (200, "answers"), "{ready:?}");
    assert_eq!(ask("/health").text("/status"), "up");
    assert_eq!(ask("/elsewhere").status, 404);

    let (page, code) = buy(&sandbox, &shop);
    all_that_happened_is_logged_under_the_merchants_trace_id(&log);
    what_comes_without_a_trace_id_is_logged_under_the_one_that_is_answered(&log, &sandbox, &shop);
    nothing_secret_is_logged(&log, &sandbox, &page, &code);
    let shown = ask("/metrics");
    all_that_happened_is_counted(shown.body.as_str().unwrap());
    the_dashboard_shows_what_there_is(shown.body.as_str().unwrap());
    sandbox.stop().await;
}

/// From the merchant's request to the SMS and to the bank.
fn all_that_happened_is_logged_under_the_merchants_trace_id(log: &Log) {
    let lines = until("the receipt is logged", || {
        let lines = log.of(TRACE);
        facts(&lines).contains(&"message_delivered").then_some(lines)
    });
    let mut happened = facts(&lines);
    happened.sort_unstable();
    let expected = "attempt_counted attempt_counted challenge_started challenge_verified code_asked message_delivered \
                    message_sent payment_agreed payment_authorized payment_captured payment_started";
    assert_eq!(happened.join(" "), expected);
    let has = |message: &str| lines.iter().any(|line| line["fields"]["message"] == message);
    assert!(has("accepted by the centre"), "{lines:?}");
    each_request_is_one_line_of(&lines, TRACE);
}

/// What operators see by default, and which relying party asked.
fn each_request_is_one_line_of(lines: &[Value], trace: &str) {
    let mut of_requests = lines.iter().filter(|line| {
        let is_of_request = line["spans"][0]["name"] == "request";
        is_of_request && ["INFO", "WARN", "ERROR"].iter().any(|level| line["level"] == *level)
    });
    let created = of_requests.next().unwrap();
    assert_eq!(created["fields"]["message"], "answered");
    let span = &created["spans"][0];
    assert_eq!((&span["relying_party"], &span["correlation"]), (&"dupont".into(), &trace.into()));
    assert_eq!(of_requests.next(), None);
}

fn what_comes_without_a_trace_id_is_logged_under_the_one_that_is_answered(
    log: &Log,
    sandbox: &Sandbox,
    shop: &Shop,
) {
    let key = format!("Authorization: Bearer {}", sandbox.api_key());
    let checkouts = format!("{}/v1/checkouts", shop.api);
    let order = r#"{"amount":{"value":"8.90","currency":"EUR"},"reference":"order-2"}"#;
    let ids = [(); 2].map(|()| {
        let created = shop.curl(&["-H", &key, "-d", order, &checkouts]);
        assert_eq!(created.status, 201, "{created:?}");
        created.text("/correlation_id").to_owned()
    });
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        assert!(id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
        let lines = log.of(&id);
        each_request_is_one_line_of(&lines, &id);
    }
}

fn nothing_secret_is_logged(log: &Log, sandbox: &Sandbox, page: &str, code: &str) {
    let (text, person) = (log.text(), sandbox.person());
    let digits = person.number.trim_start_matches('+');
    for secret in [code, &person.card.number, digits, sandbox.api_key(), "000000000"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
    assert!(!text.contains(page.rsplit('/').next().unwrap()), "a page's address is in the log");
}

fn all_that_happened_is_counted(metrics: &str) {
    for line in [
        r#"challenges_total{outcome="started",cause=""} 1"#,
        r#"challenges_total{outcome="verified",cause=""} 1"#,
        "attempts_total 2",
        r#"payments_total{outcome="captured",cause=""} 1"#,
        r#"messages_total{outcome="delivered",cause=""} 1"#,
        r#"sms_submission_seconds_count{outcome="accepted"} 1"#,
        "sms_receipt_seconds_count 1",
        r#"bank_seconds_count{operation="authorize",outcome="approved"} 1"#,
        r#"bank_seconds_count{operation="capture",outcome="done"} 1"#,
        r#"due{kind="messages"} 0"#,
        "sms_bound 1",
        r#"http_seconds_count{listener="checkout",method="POST",route="/pay/{id}/code",status="422"} 1"#,
    ] {
        let line = format!("countersign_{line}");
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
}

fn the_dashboard_shows_what_there_is(metrics: &str) {
    let guides = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides");
    let [dashboard, guide] = ["dashboard.json", "operate.md"]
        .map(|name| std::fs::read_to_string(format!("{guides}/{name}")).unwrap());
    let mut names: Vec<&str> =
        dashboard.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_').collect();
    names.retain(|name| name.starts_with("countersign_"));
    assert!(names.len() > 10);
    for name in &names {
        // What has no value yet is not shown: where the store is a file, it has no connections.
        let is_there = metrics.contains(name) || guide.contains(&format!("`{name}`"));
        assert!(is_there, "the dashboard shows {name}, which there is not");
    }
    let told = guide.split("\n| `countersign_").skip(1).filter_map(|row| row.split('`').next());
    for metric in told.filter(|metric| *metric != "build_info") {
        let metric = format!("countersign_{metric}");
        assert!(
            names.iter().any(|name| name.starts_with(&metric)),
            "the dashboard does not show {metric}"
        );
    }
}
