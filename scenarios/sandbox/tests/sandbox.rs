//! A sandbox comes to be from nothing, says why when it cannot, and does what its control is told.
#![expect(clippy::unwrap_used, reason = "a test's own steps fail the test")]

use std::{fs, net::SocketAddr, path::PathBuf};

use countersign_sandbox::{Sandbox, SandboxError, Settings};
use countersign_server::{Config, Server, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

async fn sandbox() -> (TempDir, Sandbox) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::in_folder(folder.path());
    let sandbox = Sandbox::start(settings).await.unwrap();
    (folder, sandbox)
}

/// Asks the control, as a person with `curl` would: status and body.
async fn ask(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let url = sandbox.control_url();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn the_configuration_that_it_writes_is_one_that_a_server_starts_with() {
    let (_folder, sandbox) = sandbox().await;
    let config = Config::read(sandbox.configuration()).unwrap();
    let flows = Server::check(&config, std::sync::Arc::new(SystemClock::default()));
    assert_eq!(
        flows,
        Ok(vec![
            "checkout",
            "authority",
            "access",
            "set.gateway",
            "set.merchant",
            "set.cardholder",
            "set.authority",
            "wallet",
        ])
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_folder_that_holds_something_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("precious"), "").unwrap();
    let refused = Sandbox::start(Settings::in_folder(folder.path())).await;
    let in_use = SandboxError::FolderInUse(PathBuf::from(folder.path()));
    assert_eq!(refused.err(), Some(in_use));
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let changes: [fn(&mut Settings, SocketAddr); 3] = [
        |settings, address| settings.checkout = address,
        |settings, address| settings.api = address,
        |settings, address| settings.control = address,
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::in_folder(folder.path());
        change(&mut settings, address);
        let refused = Sandbox::start(settings).await.err();
        assert!(
            matches!(&refused, Some(SandboxError::Listen { address: named, .. }) if *named == address),
            "{refused:?}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn keys_and_passwords_are_their_owners_alone_to_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, _sandbox) = sandbox().await;
    let mut secrets = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "key" || e == "password" || e == "wallet") {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
            secrets += 1;
        }
    }
    assert_eq!(secrets, 22);
}

#[tokio::test]
async fn it_says_of_itself_what_a_tester_needs() {
    let (_folder, sandbox) = sandbox().await;
    let (status, facts) = ask(&sandbox, "GET", "/sandbox.json", &Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(facts["order"], "bank_first");
    assert_eq!(facts["person"]["user_id"], "alice");
    for name in ["encrypted", "clear", "foreign", "expired", "moved"] {
        let files = &facts["certificates"][name];
        for file in ["certificate", "key"] {
            let path = files[file].as_str().unwrap();
            assert!(fs::metadata(path).is_ok(), "{path}");
        }
        assert_eq!(files["number"], facts["person"]["number"]);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn an_operator_has_secrets_of_its_own_and_goes_away_and_comes_back_where_it_was() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::in_folder(folder.path());
    settings.operator = true;
    let sandbox = Sandbox::start(settings).await.unwrap();
    let secret = |name: &str| {
        let path = folder.path().join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{name}");
        fs::read_to_string(path).unwrap()
    };
    for (servers, operators) in [
        ("master-1.key", "operator/master-o.key"),
        ("centre.password", "operator/centre.password"),
        ("operator-client.key", "operator/statements.key"),
    ] {
        assert_ne!(secret(servers), secret(operators), "{servers}");
    }
    let (_, facts) = ask(&sandbox, "GET", "/sandbox.json", &Value::Null).await;
    let address = facts["operator"].as_str().unwrap().trim_start_matches("https://").to_owned();
    for (away, is_there) in [(false, true), (true, false), (true, false), (false, true)] {
        let told = ask(&sandbox, "PUT", "/operator", &json!({ "away": away })).await;
        assert_eq!(told.0, 204, "{told:?}");
        assert_eq!(TcpStream::connect(&address).await.is_ok(), is_there, "{away}");
    }
    sandbox.stop().await;
}

/// Each row: what is asked, and how the answer must be: its status, and what its detail says.
async fn assert_refused(rows: &[(&str, &str, Value, u16, &str)]) {
    let (_folder, sandbox) = sandbox().await;
    for (method, path, body, status, detail) in rows {
        let (answered, problem) = ask(&sandbox, method, path, body).await;
        assert_eq!(answered, *status, "{method} {path} {body}: {problem}");
        let said = problem.get("detail").and_then(Value::as_str).unwrap_or_default();
        assert!(said.contains(detail), "{method} {path} {body}: {said}");
    }
}

#[tokio::test]
async fn handsets_clock_and_operator_refuse_by_the_rule_that_is_broken() {
    let nobody = "/handsets/+33699999999";
    let text = json!({ "to": "1", "text": "x" });
    assert_refused(&[
        ("GET", "/nowhere", Value::Null, 404, "There are / for people"),
        ("GET", "/handsets/+33699999999/messages", Value::Null, 404, "No handset has this number."),
        ("PUT", nobody, json!({ "state": "broken" }), 422, "unknown variant `broken`"),
        ("POST", "/handsets/+33699999999/send", text, 404, "No handset has this number."),
        ("POST", "/clock", json!({ "advance_seconds": 86_401 }), 422, "is more than a day"),
        ("POST", "/clock", json!({ "advance_seconds": -1 }), 422, "invalid value"),
        ("PUT", "/operator", json!({ "away": "far" }), 422, "invalid type"),
        ("PUT", "/operator", json!({ "away": true }), 404, "This sandbox has no operator"),
    ])
    .await;
}

#[tokio::test]
async fn the_bookshop_refuses_by_the_rule_that_is_broken() {
    let tickets = "/bookshop/tickets";
    let basket = |value: &str, currency: &str, goods: &str| {
        let amount = json!({ "value": value, "currency": currency });
        json!({ "amount": amount, "goods": goods })
    };
    let unknown = json!({ "number": "00112233445566778899aabbccddeeff", "receipt": "a.b.c" });
    assert_refused(&[
        ("POST", tickets, basket("many", "EUR", "Two books"), 422, "is not a decimal number"),
        ("POST", tickets, basket("1.00", "E", "Two books"), 422, "currency"),
        ("POST", tickets, basket("1.00", "EUR", ""), 422, "ItemName is empty."),
        ("POST", "/bookshop/receipts", unknown, 404, "The shop sold no such ticket."),
    ])
    .await;
}

#[tokio::test]
async fn accounts_refuse_by_the_rule_that_is_broken() {
    let card = "/bank/cards/4970101234567890";
    let no_account = "The bank has no account for this card.";
    assert_refused(&[
        ("GET", card, Value::Null, 404, no_account),
        ("PUT", card, json!({}), 404, no_account),
        ("PUT", card, json!({ "expiry": "2035-12" }), 422, "has a wrong check digit"),
        ("PUT", card, json!({ "expiry": "never" }), 422, "is not MM/YY"),
        ("PUT", card, json!({ "surprise": 1 }), 422, "unknown field `surprise`"),
    ])
    .await;
}

#[tokio::test]
async fn an_account_is_opened_changed_and_looked_at() {
    let (_folder, sandbox) = sandbox().await;
    let card = "/bank/cards/4970100000000162";
    let opened = ask(&sandbox, "PUT", card, &json!({ "expiry": "2035-12" })).await;
    assert_eq!(opened.0, 204, "{}", opened.1);
    let change = json!({ "balance": { "value": "20.00", "currency": "EUR" }, "refuses": true });
    assert_eq!(ask(&sandbox, "PUT", card, &change).await.0, 204);
    let (_, account) = ask(&sandbox, "GET", card, &Value::Null).await;
    assert_eq!(account["balance_minor"], 2_000);
    assert_eq!(account["refuses"], true);
    assert_eq!(account["card"], "•••• 0162");
}
