//! Servers and commands on a PostgreSQL database.

use std::{path::Path, process::Command};

use countersign_server::{Config, ConfigError, Server};
use countersign_store::testing;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    flows::{authority_alone, clock, folder, start},
    support::{Folder, request},
};

/// Exit code, standard output, standard error.
fn countersign(config: &Path, command: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let output = program.args(command).arg("--config").arg(config).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    (output.status.code().unwrap(), out, err)
}

fn on(url: &str, folder: &Folder) -> String {
    format!("{}[store]\nurl = \"{url}\"\n", authority_alone(folder))
}

#[test]
fn a_database_is_migrated_once_and_commands_say_what_they_are_not_for() {
    let folder = folder();
    let url = testing::empty_database();
    let config = folder.write(&on(&url, &folder));
    let (code, _, err) = countersign(&config, &["serve"]);
    let refused = "has no store yet: make it with `countersign migrate`";
    assert_eq!((code, err.contains(refused)), (1, true), "{err}");
    for told in ["the schema was made", "the schema is the one that this program makes"] {
        let (code, out, err) = countersign(&config, &["migrate"]);
        assert_eq!((code, out.contains(told)), (0, true), "{out}{err}");
        assert!(!out.contains("user="), "no more of the URL than host and database: {out}");
    }
    let (code, out, err) = countersign(&config, &["unlock", "--number", "+33612345678"]);
    assert_eq!(code, 3, "there is nothing to unlock: {out}{err}");
    let copy = folder.folder.path().join("copy.db");
    let (code, _, err) = countersign(&config, &["backup", "--to", copy.to_str().unwrap()]);
    let sentence = "a database is backed up with its own tools";
    assert_eq!((code, err.contains(sentence)), (1, true), "{err}");
}

#[test]
fn every_command_means_the_schema_of_the_configuration() {
    let folder = folder();
    let url = testing::empty_database();
    let config = folder.write(&(on(&url, &folder) + "schema = \"acme\"\n"));
    let secret = folder.folder.path().join("pw");
    std::fs::set_permissions(secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (code, out, err) = countersign(&config, &["migrate"]);
    assert_eq!(
        (code, out.contains(" (schema acme): the schema was made")),
        (0, true),
        "{out}{err}"
    );
    assert_eq!(countersign(&config, &["unlock", "--number", "+33612345678"]).0, 3);
    let (code, out, err) = countersign(&config, &["check", "--store", "--books", "--facts"]);
    assert_eq!(code, 0, "{out}{err}");
    let schemas = "SELECT string_agg(DISTINCT schemaname, ' ') FROM pg_tables
                   WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    assert_eq!(testing::sql(&url, schemas), "acme");
    testing::sql(&url, "DROP TRIGGER facts_are_append_only ON acme.facts");
    let (code, _, err) = countersign(&config, &["check"]);
    let altered = "trigger facts_are_append_only is missing";
    assert_eq!((code, err.contains(altered)), (1, true), "{err}");
}

#[test]
fn a_check_tells_of_a_database_what_it_tells_of_a_file() {
    let folder = folder();
    let url = testing::empty_database();
    let config = folder.write(&on(&url, &folder));
    // Others may not read it, or a check says so.
    let secret = folder.folder.path().join("pw");
    std::fs::set_permissions(secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let all = ["check", "--store", "--books", "--facts", "--json"];
    let (code, _, err) = countersign(&config, &all);
    assert_eq!((code, err.contains("has no store yet")), (1, true), "{err}");
    assert_eq!(countersign(&config, &["migrate"]).0, 0);
    // One that was sealed, as the first server does it.
    assert_eq!(countersign(&config, &["unlock", "--number", "+33612345678"]).0, 3);
    let found = |code| {
        let (ended, out, err) = countersign(&config, &all);
        assert_eq!(ended, code, "{out}{err}");
        let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        <[Value; 3]>::try_from(lines.collect::<Vec<_>>()).unwrap()
    };
    let [store, books, facts] = found(0);
    assert_eq!(store, json!({ "right": true, "wrong": [], "data_checksums": false }));
    assert_eq!((&books["right"], &books["postings"]), (&json!(true), &json!(0)));
    assert_eq!((&facts["right"], &facts["facts"]), (&json!(true), &json!(0)));
    let post = "INSERT INTO countersign.postings VALUES (1, 'p', 'wallet:a', 'shop:b', 'EUR', 5, NULL, 1);
                INSERT INTO countersign.entries VALUES ('wallet:a', 'EUR', 1, 5, 0, 1), ('shop:b', 'EUR', 1, 0, 5, 1)";
    testing::sql(&url, post);
    let [_, books, _] = found(0);
    let even = json!([{ "currency": "EUR", "debit_minor": "5", "credit_minor": "5" }]);
    assert_eq!((&books["balances"], &books["totals"]), (&json!(2), &even));

    let tampered = "SET session_replication_role = replica; DELETE FROM countersign.entries WHERE account = 'shop:b';
                    INSERT INTO countersign.facts VALUES (1, 'challenge', 'c', 1, '{}', decode(repeat('00', 32), 'hex'))";
    testing::sql(&url, tampered);
    let [_, books, facts] = found(1);
    let missing = json!([{ "account": "shop:b", "currency": "EUR", "position": 1, "wrong": "no_entry", "detail": null }]);
    assert_eq!((&books["right"], &books["differences"]), (&json!(false), &missing));
    let broken = json!({ "sequence": 1, "about": "challenge c" });
    assert_eq!((&facts["right"], &facts["broken"]), (&json!(false), &broken));

    testing::sql(&url, "DROP TRIGGER entries_are_append_only ON countersign.entries");
    let (code, out, err) = countersign(&config, &["check"]);
    let altered = "trigger entries_are_append_only is missing";
    assert_eq!((code, err.contains(altered), &*out), (1, true, ""), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_database_see_what_the_other_did() {
    let folder = folder();
    let url = testing::empty_database();
    countersign_store::make_schema(&testing::database(&url)).await.unwrap();
    let one = start(&folder, &on(&url, &folder)).await;
    let other = start(&folder, &on(&url, &folder)).await;
    let messages = "SELECT count(*) FROM countersign.records WHERE collection = 'message'";
    for (number, server) in [&one, &other].into_iter().enumerate() {
        let begun = enrols(&folder, server, number).await;
        assert!(begun.starts_with("HTTP/1.1 201 "), "{begun}");
    }
    assert_eq!(testing::sql(&url, messages), "2");
    one.stop().await;
    other.stop().await;
}

/// Begins the enrolment of one of ten.
async fn enrols(folder: &Folder, server: &Server, number: usize) -> String {
    let body = format!(r#"{{"identifier":"alice{number}","number":"+3361234567{number}"}}"#);
    let json = "Content-Type: application/json\r\n";
    let enrolment = request("POST", "/v1/enrolments", json, &body);
    folder.ask(server.address("authority").unwrap(), &enrolment).await
}

/// What operators and their machines are told.
async fn operations(server: &Server, path: &str) -> String {
    let address = server.address("operations").unwrap();
    let mut watching = TcpStream::connect(address).await.unwrap();
    watching.write_all(request("GET", path, "", "").as_bytes()).await.unwrap();
    let mut said = String::new();
    watching.read_to_string(&mut said).await.unwrap();
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_database_stands_still_a_server_says_so_and_goes_on_when_that_does() {
    let folder = folder();
    let database = testing::Encrypted::start();
    countersign_store::make_schema(&testing::database(&database.socket())).await.unwrap();
    let listens = "[operations]\nlisten = \"127.0.0.1:0\"\n";
    let server = start(&folder, &(on(&database.socket(), &folder) + listens)).await;
    let begun = enrols(&folder, &server, 0).await;
    assert!(begun.starts_with("HTTP/1.1 201 "), "{begun}");
    let metrics = operations(&server, "/metrics").await;
    for line in [
        "countersign_store_connections_max{of=\"reads\"} 8\n",
        "countersign_store_connections_max{of=\"commits\"} 1\n",
        "countersign_store_connections{of=\"commits\",state=\"idle\"} ",
        "countersign_store_connections{of=\"reads\",state=\"busy\"} ",
        "countersign_store_waiting{of=\"reads\"} ",
        "countersign_store_waiting{of=\"commits\"} ",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }

    let frozen = database.freeze();
    let (ready, metrics, refused) = tokio::join!(
        operations(&server, "/ready"),
        operations(&server, "/metrics"),
        enrols(&folder, &server, 1),
    );
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    assert!(ready.contains("\"store\":\"does not answer\""), "{ready}");
    assert!(metrics.starts_with("HTTP/1.1 200 "), "{metrics}");
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");

    drop(frozen);
    let begun = enrols(&folder, &server, 2).await;
    assert!(begun.starts_with("HTTP/1.1 201 "), "{begun}");
    let ready = operations(&server, "/ready").await;
    assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
    server.stop().await;
}

#[test]
fn a_store_is_a_path_or_a_url_and_a_password_stands_in_a_file() {
    let folder = folder();
    for (section, key, why) in [
        ("", "store", "needs either a path or a url"),
        ("path = \"x.db\"\nurl = \"postgresql://db/x\"", "store", "needs either a path or a url"),
        (
            "url = \"postgresql://me:s3cret@db/x\"",
            "store.url",
            "has a password in it: it belongs into store.password_file",
        ),
        (
            "path = \"x.db\"\nschema = \"acme\"",
            "store.schema",
            "is of a database: there is no store.url",
        ),
        (
            "url = \"postgresql://db/x\"\nschema = \"Acme\"",
            "store.schema",
            "the name of a schema is small letters, digits and _, at most 63 of them, and begins with no digit and not with pg_",
        ),
    ] {
        let text = format!("{}[store]\n{section}\n", authority_alone(&folder));
        let config = Config::from_toml(&text, folder.folder.path()).unwrap();
        let refused = ConfigError::Unusable { key, why: why.to_owned() };
        assert_eq!(Server::check(&config, clock()), Err(refused), "{section}");
    }
    for (connections, is_right) in [(1, false), (2, true), (100, true), (101, false)] {
        let section = format!("url = \"postgresql://db/x\"\nconnections = {connections}");
        let text = format!("{}[store]\n{section}\n", authority_alone(&folder));
        let config = Config::from_toml(&text, folder.folder.path()).unwrap();
        let checked = Server::check(&config, clock());
        assert_eq!(checked.is_ok(), is_right, "{connections}: {checked:?}");
    }
    let text = format!("{}[store]\nurl = \"me:s3cret@db/x\"\n", authority_alone(&folder));
    let config = Config::from_toml(&text, folder.folder.path()).unwrap();
    let refused = Server::check(&config, clock()).unwrap_err().to_string();
    assert!(refused.contains("postgresql://") && !refused.contains("s3cret"), "{refused}");
}
