//! Servers and commands on a PostgreSQL database.

use std::{path::Path, process::Command};

use countersign_server::{Config, ConfigError, Server};
use countersign_store::testing;

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
    for question in ["--books", "--facts"] {
        let (code, _, err) = countersign(&config, &["check", question]);
        let sentence = "this is for a store that is a file; the configured one is a database";
        assert_eq!((code, err.contains(sentence)), (1, true), "{question}: {err}");
    }
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
        let body = format!(r#"{{"identifier":"alice{number}","number":"+3361234567{number}"}}"#);
        let json = "Content-Type: application/json\r\n";
        let enrolment = request("POST", "/v1/enrolments", json, &body);
        let begun = folder.ask(server.address("authority").unwrap(), &enrolment).await;
        assert!(begun.starts_with("HTTP/1.1 201 "), "{begun}");
    }
    assert_eq!(testing::sql(&url, messages), "2");
    one.stop().await;
    other.stop().await;
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
    ] {
        let text = format!("{}[store]\n{section}\n", authority_alone(&folder));
        let config = Config::from_toml(&text, folder.folder.path()).unwrap();
        let refused = ConfigError::Unusable { key, why: why.to_owned() };
        assert_eq!(Server::check(&config, clock()), Err(refused), "{section}");
    }
    let text = format!("{}[store]\nurl = \"me:s3cret@db/x\"\n", authority_alone(&folder));
    let config = Config::from_toml(&text, folder.folder.path()).unwrap();
    let refused = Server::check(&config, clock()).unwrap_err().to_string();
    assert!(refused.contains("postgresql://") && !refused.contains("s3cret"), "{refused}");
}
