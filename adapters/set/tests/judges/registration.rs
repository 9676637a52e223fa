//! A registration as files, and OpenSSL, which reads every signature and envelope of it.

use std::{fs, path::PathBuf, sync::Arc};

use countersign_certs::{KeyKind, KeyUse, RecipientKey};
use countersign_domain::{
    hex,
    testing::{Fixture, START},
};
use countersign_set::{
    applicant::{Form, Invitation, Registrant},
    message::{
        registration::{CertStatusCode, IdData, RegWakeUp},
        wrapper::{Message, MessageWrapper},
    },
    table::{Described as _, Role},
    testing::{
        GATEWAY, Issuer, business,
        registration::{AUTHORITY, Registry},
    },
};
use der::Decode as _;

use crate::{
    house::{Said, folder, recipient_keys as all_keys, write_pair},
    programs::{done, read, run, write as write_file},
    vectors::{self, make::Files},
    walk::{Found, walk},
};

pub(crate) const FOLDER: &str = "registration";

/// Under which names and keys the authority answers: `RRPID KEY`, a line each, in hexadecimal.
fn back_keys_file() -> PathBuf {
    folder(FOLDER).join("keys/test-only-back-keys.txt")
}

fn back_keys() -> Vec<[String; 2]> {
    let text = fs::read_to_string(back_keys_file()).unwrap();
    let both = |line: &str| line.split_once(' ').map(|(id, key)| [id.to_owned(), key.to_owned()]);
    text.lines().map(|line| both(line).unwrap()).collect()
}

/// What opens every envelope: the authority's key, and those that were sent to it.
pub(crate) fn recipient_keys(authority: RecipientKey) -> Vec<RecipientKey> {
    let shared = |[id, key]: [String; 2]| {
        let [id, key] = [id, key].map(|text| hex::decode(&text).unwrap());
        RecipientKey::shared(&id, &key.try_into().unwrap())
    };
    std::iter::once(authority).chain(back_keys().into_iter().map(shared)).collect()
}

/// An authority whose keys are written down.
fn registry() -> Registry {
    let issuer = Issuer::new(START, KeyKind::P256);
    let keys = folder(FOLDER).join("keys");
    fs::create_dir_all(&keys).unwrap();
    let gateway = issuer.gateway(GATEWAY, KeyUse::KeyExchange);
    write_pair(&keys, "test-only-gateway-exchange", &gateway.0, &gateway.1);
    let root = issuer.root.certificate().to_pem().unwrap();
    fs::write(keys.join("test-only-root.pem"), root).unwrap();
    let mut registry = Registry::over(Fixture::new(), issuer, &gateway.0);
    for (name, key_use) in
        [("authority-signature", KeyUse::Signature), ("authority-exchange", KeyUse::KeyExchange)]
    {
        let (certificate, key) = registry.issuer.authority(AUTHORITY, key_use);
        write_pair(&keys, &format!("test-only-{name}"), &certificate, &key);
        let own = &mut Arc::get_mut(&mut registry.authority).unwrap().keys;
        match key_use {
            KeyUse::Signature => (own.certificate, own.key) = (certificate, Arc::new(key)),
            KeyUse::KeyExchange => {
                own.exchange_keys = vec![RecipientKey::new(&certificate, &key).unwrap()];
                own.exchange = vec![certificate];
            }
        }
    }
    registry
}

/// Writes keys and files where there are none: a registration whose code is right the second time, a card that is
/// referred, a merchant and a gateway that wait for the operator, an error.
pub(crate) async fn write() {
    if folder(FOLDER).exists() {
        return;
    }
    let registry = registry();
    registry.enrol().await;
    let mut said: Vec<Said> = Vec::new();
    let registrant = registry.registrant();
    registered(&registry, &registrant, &mut said).await;
    let other = Registrant { brand: "Other".try_into().unwrap(), ..registry.registrant() };
    begun(&registry, &other, &mut said).await;
    for id_data in [business::merchant("dupont"), business::gateway("gateway-1")] {
        approved(&registry, id_data, &mut said).await;
    }
    said.push(("Error", registry.authority.answer(b"").await.unwrap()));
    fs::write(back_keys_file(), written_back_keys(&registry, &said)).unwrap();
    let mut files = Files::new(FOLDER);
    for (name, message) in said {
        files.message(name, &message);
    }
    files.write();
}

/// From the initiation to the form, or the referral.
async fn begun(registry: &Registry, registrant: &Registrant, said: &mut Vec<Said>) -> Option<Form> {
    let wake_up = registry.authority.wake_up().unwrap();
    let invitation = Invitation::read(&wake_up, &registrant.trust, START).unwrap();
    let (message, begun) = invitation.begin(&registry.entropy, START).unwrap();
    let first = registry.authority.answer(&message).await.unwrap();
    said.extend([
        ("RegWakeUp", wake_up),
        ("CardCInitReq", message),
        ("CardCInitRes", first.clone()),
    ]);
    let introduced = begun.accept(&first, registrant, START).unwrap();
    let (message, asked) = introduced.ask_form(registrant, &registry.entropy, START).unwrap();
    let second = registry.authority.answer(&message).await.unwrap();
    said.extend([("RegFormReq", message), ("RegFormRes", second.clone())]);
    asked.accept(&second, registrant, START).ok()
}

async fn registered(registry: &Registry, registrant: &Registrant, said: &mut Vec<Said>) {
    let form = begun(registry, registrant, said).await.unwrap();
    let (message, asked, registration) =
        form.request(registrant, &registry.entropy, START).unwrap();
    let answer = registry.authority.answer(&message).await.unwrap();
    said.extend([("CertReq", message), ("CertRes", answer.clone())]);
    registration.answer(&asked, &answer, registrant, START).unwrap();
    let (_, code, _) = registry.phone().await.unwrap();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for code in [wrong, &code] {
        let (message, asked) =
            registration.prove(code, registrant, &registry.entropy, START).unwrap();
        let answer = registry.authority.answer(&message).await.unwrap();
        said.extend([("CertInqReq", message), ("CertInqRes", answer.clone())]);
        registration.answer(&asked, &answer, registrant, START).unwrap();
    }
    assert_eq!(registry.register.count(), 1);
}

/// From the initiation to the certificates, asked for once the operator has approved.
async fn approved(registry: &Registry, id_data: IdData, said: &mut Vec<Said>) {
    let (entropy, business) = (&registry.entropy, registry.business(id_data));
    let wake_up = registry.authority.wake_up().unwrap();
    let invitation = Invitation::read(&wake_up, &business.trust, START).unwrap();
    let (message, introducing) = invitation.introduce(&business, entropy, START).unwrap();
    let answer = registry.authority.answer(&message).await.unwrap();
    said.extend([("Me-AqCInitReq", message), ("Me-AqCInitRes", answer.clone())]);
    let form = introducing.accept(&answer, &business, START).unwrap();
    let (message, asked, waiting) = form.request(&business, entropy, START).unwrap();
    let answer = registry.authority.answer(&message).await.unwrap();
    said.extend([("CertReq", message), ("CertRes", answer.clone())]);
    waiting.answer(&asked, &answer, &business, START).unwrap();
    registry.decide(&business, true).await.unwrap();
    let (message, asked) = waiting.inquire(&business, entropy, START).unwrap();
    let answer = registry.authority.answer(&message).await.unwrap();
    said.extend([("CertInqReq", message), ("CertInqRes", answer.clone())]);
    let standing = waiting.answer(&asked, &answer, &business, START).unwrap();
    assert_eq!(standing.status, CertStatusCode::RequestComplete);
}

/// The keys under which requests want to be answered, as the authority reads them.
fn written_back_keys(registry: &Registry, said: &[Said]) -> String {
    let keys = &registry.authority.keys.exchange_keys;
    let mut lines = String::new();
    for (_, message) in said {
        let Ok(wrapper) = MessageWrapper::from_der(message) else { continue };
        let key = match wrapper.message {
            Message::CertReq(sealed) => {
                let (tbs, _) = sealed.open(keys).unwrap().verify_new_key().unwrap();
                hex::encode(tbs.ca_back_key.expose())
            }
            Message::CertInqReq(sealed) => {
                let (tbs, _) = sealed.open(keys).unwrap().verify_new_key().unwrap();
                hex::encode(tbs.ca_back_key.expose())
            }
            _ => continue,
        };
        let rrpid = hex::encode(wrapper.header.rrpid.as_bytes());
        lines.push_str(&format!("{rrpid} {key}\n"));
    }
    lines
}

/// Everything that is signed or encrypted in the recorded registration.
fn protected() -> Vec<Found> {
    let keys = all_keys(FOLDER);
    let messages = vectors::read(FOLDER).into_iter().filter_map(|vector| match vector.kind() {
        "MessageWrapper" => Some(walk(MessageWrapper::KIND, &vector.der, &keys)),
        "Signed" if vector.field("of") == Some("RegWakeUpData") => {
            Some(walk(RegWakeUp::KIND, &vector.der, &keys))
        }
        _ => None,
    });
    messages.flatten().collect()
}

#[test]
fn openssl_verifies_every_signature_of_a_registration_and_decrypts_every_envelope() {
    let there = tempfile::tempdir().unwrap();
    let there = there.path();
    for file in
        ["root.pem", "authority-exchange.pem", "authority-exchange.key", "authority-signature.pem"]
    {
        let from = folder(FOLDER).join("keys").join(format!("test-only-{file}"));
        fs::copy(from, there.join(file)).unwrap();
    }
    let at = START.unix_seconds();
    let (mut signed, mut sealed) = ([0, 0], [0, 0]);
    for found in protected() {
        match found {
            Found::Signed { what, by, content, message } => {
                write_file(there, "signed.der", message);
                // A new key's own certificate proves nothing but that its holder signed.
                let trust = match by {
                    Role::Applicant => "-noverify".to_owned(),
                    _ => format!("-CAfile root.pem -purpose any -attime {at}"),
                };
                let arguments = format!(
                    "cms -verify -binary -inform DER -in signed.der {trust} -signer signer.pem -out content.der"
                );
                let (verified, said) = run(there, "openssl", &arguments);
                assert!(verified, "{what}: {said}");
                assert_eq!(read(there, "content.der"), content.unwrap(), "{what}");
                let own = ["signer.pem", "authority-signature.pem"]
                    .map(|file| done(there, "openssl", &format!("x509 -in {file} -outform PEM")));
                assert_eq!(own[0] == own[1], by == Role::Authority, "{what}");
                signed[usize::from(by == Role::Applicant)] += 1;
            }
            Found::Sealed { to, content, message } => {
                write_file(there, "sealed.der", message);
                let opens = match to {
                    Role::Applicant => back_keys()
                        .iter()
                        .map(|[id, key]| format!("-secretkey {key} -secretkeyid {id}"))
                        .collect(),
                    _ => vec![
                        "-recip authority-exchange.pem -inkey authority-exchange.key".to_owned(),
                    ],
                };
                let opened = opens.iter().any(|with| {
                    let arguments = format!(
                        "cms -decrypt -binary -inform DER -in sealed.der {with} -out opened.der"
                    );
                    run(there, "openssl", &arguments).0
                });
                assert!(opened, "{to:?}");
                assert_eq!(read(there, "opened.der"), content, "{to:?}");
                sealed[usize::from(to == Role::Applicant)] += 1;
            }
            Found::Structure { .. } | Found::Digest { .. } => {}
        }
    }
    assert_eq!(signed[1], 9, "a wish and two codes; twice a wish, its other key, and a question");
    assert!(signed[0] >= 15, "{signed:?}");
    assert_eq!(sealed, [9, 7]);
}
