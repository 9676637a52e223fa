//! The description of the API against programs that are not ours, and against the server that serves it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    flows::{ACCESS, WALLET},
    support::{Folder, request},
};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/openapi");

/// A body, whether it fits what is described, and whether it must be taken when it does.
#[derive(Deserialize)]
struct Asked {
    method: String,
    path: String,
    body: Value,
    fits: bool,
    must: bool,
}

/// What the server answered to it.
#[derive(Serialize)]
struct Answered {
    method: String,
    path: String,
    status: u16,
    #[serde(rename = "type")]
    media_type: String,
    body: Option<Value>,
}

fn done(command: &mut Command) {
    let works = command.status().is_ok_and(|status| status.success());
    assert!(works, "{command:?}: this test needs Python 3 with venv, and the network once");
}

/// The judges' packages, made once for each list of them; pip fetches them the first time.
fn environment() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi-judges");
    let list = Path::new(HERE).join("requirements.txt");
    let (wanted, installed) = (fs::read(&list).unwrap(), place.join("installed.txt"));
    if !fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        done(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
        let mut pip = Command::new(place.join("bin/pip"));
        pip.args(["--quiet", "--disable-pip-version-check", "install"]);
        done(pip.args(["--only-binary", ":all:", "--requirement"]).arg(&list));
        fs::write(installed, wanted).unwrap();
    }
    place
}

fn judge(arguments: &[&Path]) -> String {
    let mut command = Command::new("timeout");
    command.arg("120").arg(environment().join("bin/python")).arg(format!("{HERE}/judge.py"));
    let output = command.args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Status, media type and body.
fn read(answer: &str) -> (u16, String, Option<Value>) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let media_type = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media_type = media_type.map(|(_, value)| value.to_owned()).next().unwrap_or_default();
    (status, media_type, serde_json::from_str(body).ok())
}

#[tokio::test]
async fn the_description_is_valid_and_the_server_takes_and_answers_what_it_says() {
    let folder = Folder::new();
    let configuration = folder.configuration("") + ACCESS + WALLET;
    let server = folder.serve(&configuration).await;
    let api = server.address("api").unwrap();
    let served = folder.ask(api, &request("GET", "/openapi.json", "", "")).await;
    let kept = tempfile::tempdir().unwrap();
    let [document, answers] = ["document.json", "answers.json"].map(|name| kept.path().join(name));
    fs::write(&document, read(&served).2.unwrap().to_string()).unwrap();
    let asked: Vec<Asked> =
        serde_json::from_str(&judge(&[Path::new("requests"), &document])).unwrap();
    assert!(asked.len() > 500, "{}", asked.len());
    let key = "Authorization: Bearer key\r\n";
    let mut answered = Vec::new();
    for Asked { method, path, body, fits, must } in asked {
        let text = body.to_string();
        let called = path.replace("{identifier}", "alice");
        let called = called.replace("{id}", "ch_00000000000000000000000000000000");
        let asked = request(&method.to_uppercase(), &called, key, &text);
        let (status, media_type, body) = read(&folder.ask(api, &asked).await);
        let of = body.as_ref().and_then(|body| body["type"].as_str()).unwrap_or_default();
        let is_refused = ["malformed-json", "invalid-value"].iter().any(|name| of.ends_with(name));
        assert!(fits || is_refused, "taken: {method} {path} {text}: {status} {body:?}");
        assert!(!fits || !must || !is_refused, "refused: {method} {path} {text}: {body:?}");
        answered.push(Answered { method, path, status, media_type, body });
    }
    fs::write(&answers, serde_json::to_string(&answered).unwrap()).unwrap();
    judge(&[Path::new("answers"), &document, &answers]);
}
