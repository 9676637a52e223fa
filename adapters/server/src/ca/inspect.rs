//! `countersign ca inspect`.

use countersign_authority::Issued;
use countersign_certs::{
    Certificate, KeyPair, PhoneExtension, RecipientKey, Refusal, UnixTime, read_phone,
};
use countersign_domain::{hex, ports::Store, shown::is_unshowable};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{arguments::Inspect, print};
use crate::{
    file::{Failure, read},
    folder::{AuthorityFolder, read_certificate},
};

pub(super) async fn inspect(arguments: &Inspect) -> Result<(), Failure> {
    let certificate = match (&arguments.file, arguments.serial, &arguments.dir) {
        (Some(file), ..) => read_certificate(file)?,
        (None, Some(serial), Some(dir)) => {
            let issued = in_register(&AuthorityFolder::at(dir), &serial.to_string()).await?;
            issued
                .ok_or_else(|| format!("no certificate {serial} was issued there"))?
                .to_certificate()?
        }
        _ => return Err("which certificate? Give a file, or --serial and --dir".into()),
    };
    let mut shown = says(&certificate)?;
    let keys = match (&arguments.gateway, &arguments.gateway_key) {
        (Some(gateway), Some(key)) => {
            let key = KeyPair::from_file(&read(key)?)?;
            vec![RecipientKey::new(&read_certificate(gateway)?, &key)?]
        }
        _ => Vec::new(),
    };
    shown.insert("number".to_owned(), number(&certificate, &keys));
    if let Some(dir) = &arguments.dir {
        let serial = certificate.serial().map(|serial| serial.to_string());
        let folder = AuthorityFolder::at(dir);
        let issued = in_register(&folder, &serial.unwrap_or_default()).await?;
        shown.insert("register".to_owned(), issued.map_or(Value::Null, register));
    }
    let shown = Value::Object(shown);
    let text = if arguments.json { format!("{shown:#}\n") } else { lines(&shown) };
    print(&text);
    Ok(())
}

async fn in_register(folder: &AuthorityFolder, serial: &str) -> Result<Option<Issued>, Failure> {
    let store = folder.existing_register()?;
    let store: &dyn Store = &store;
    Ok(store.find::<Issued>(serial).await?.map(|found| found.value))
}

fn says(certificate: &Certificate) -> Result<Map<String, Value>, Failure> {
    let read = countersign_certs::inspect(certificate)?;
    let authority = match read.authority {
        None => "no".to_owned(),
        Some(None) => "yes, any number of authorities below it".to_owned(),
        Some(Some(below)) => format!("yes, {below} authorities below it"),
    };
    let members = json!({
        "subject": read.subject,
        "issuer": read.issuer,
        "serial": read.serial,
        "not_before": date(read.not_before),
        "not_after": date(read.not_after),
        "key": read.key,
        "key_sha256": hex::encode(&read.key_sha256),
        "signature": read.signature,
        "authority": authority,
        "key_usages": read.key_usages,
        "purposes": read.purposes,
        "names": read.names,
        "revocation_lists": read.revocation_lists,
    });
    match members {
        Value::Object(members) => Ok(members),
        _ => Err("it cannot be shown".into()),
    }
}

/// The number, or why it is not there to be read.
fn number(certificate: &Certificate, keys: &[RecipientKey]) -> Value {
    match read_phone(certificate.der(), PhoneExtension::default(), keys) {
        Ok(holder) => json!({ "number": holder.number.expose(), "card": holder.card.is_some() }),
        Err(Refusal::NoPhone) => Value::Null,
        Err(refusal) => json!({ "not_read": refusal.to_string() }),
    }
}

fn register(issued: Issued) -> Value {
    json!({
        "profile": issued.profile,
        "common_name": issued.common_name,
        "issued_at": date_of_seconds(issued.issued_at.unix_seconds()),
        "number_proved_by": issued.number.map(|proved| proved.challenge().to_string()),
        "replaces": issued.replaces,
        "revoked": issued.revoked.map(|revocation| json!({
            "at": date_of_seconds(revocation.at.unix_seconds()),
            "reason": revocation.reason,
        })),
    })
}

fn date(time: UnixTime) -> String {
    date_of_seconds(time.as_secs())
}

fn date_of_seconds(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok();
    let time = time.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| seconds.to_string(), |time| time.to_string())
}

/// In which order people read it.
const ORDER: [&str; 15] = [
    "subject",
    "issuer",
    "serial",
    "not_before",
    "not_after",
    "authority",
    "purposes",
    "key_usages",
    "names",
    "number",
    "revocation_lists",
    "key",
    "key_sha256",
    "signature",
    "register",
];

/// One line for each member that has something to say.
fn lines(shown: &Value) -> String {
    let mut text = String::new();
    for name in ORDER {
        let value = match shown.get(name).unwrap_or(&Value::Null) {
            Value::Null => continue,
            Value::String(value) => value.clone(),
            Value::Array(values) if values.is_empty() => continue,
            Value::Array(values) => {
                let words = values.iter().map(|value| value.as_str().unwrap_or_default());
                words.collect::<Vec<_>>().join(", ")
            }
            value => value.to_string(),
        };
        text.push_str(&format!("{name:<18}{}\n", printable(&value)));
    }
    text
}

/// The text in a certificate comes from outside: it must not write lines, move the cursor, hide or reverse what is read.
pub(super) fn printable(text: &str) -> String {
    let shown = |character: char| match character {
        character if is_unshowable(character) => character.escape_default().to_string(),
        character => character.to_string(),
    };
    text.chars().map(shown).collect()
}
