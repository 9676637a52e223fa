//! `countersign unlock`: a phone that is blocked, and one that is not.

use std::{path::Path, process::Command, sync::Arc};

use countersign_domain::{
    address::Msisdn,
    agreement::Agreement,
    challenge::ChallengeRequest,
    code::TypedCode,
    directory::Subscribers,
    id::SessionId,
    keys::KeyRing,
    limits::{LimitSettings, Limits},
    locale::Locale,
    person::Person,
    policy::Policy,
    ports::Ports,
    refusal::Outcome,
    secret::Secret,
    subscriber::Subscriber,
    verifier::Verifier,
};
use countersign_server::{SystemClock, SystemEntropy};
use countersign_store::SqliteStore;
use serde_json::{Value, json};

use crate::support::Folder;

const NUMBER: &str = "+33612345678";

/// The ports of the folder's configuration.
pub(crate) fn ports(folder: &Folder) -> Ports {
    ports_with(folder, "1", 0x0a)
}

/// The ports with one key, of which each octet is the same.
pub(crate) fn ports_with(folder: &Folder, id: &str, octet: u8) -> Ports {
    let key = || id.try_into().unwrap();
    let keys = KeyRing::new(key(), vec![(key(), Secret::new([octet; 32]))]).unwrap();
    let (keys, file) = (Arc::new(keys), folder.folder.path().join("countersign.db"));
    Ports {
        store: Arc::new(SqliteStore::open_sealed(&file, Arc::clone(&keys)).unwrap()),
        clock: Arc::new(SystemClock::default()),
        entropy: Arc::new(SystemEntropy::default()),
        keys,
    }
}

/// Status, output and errors of the program.
pub(crate) fn countersign(arguments: &[&str], config: &Path) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let output = program.args(arguments).arg("--config").arg(config).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// So many wrong codes in a row.
async fn fail(ports: &Ports, times: u32) {
    let settings = LimitSettings {
        pause_seconds: 0,
        messages_per_number_an_hour: 0,
        messages_per_range_an_hour: 0,
        ..LimitSettings::default()
    };
    let limits = Limits::try_from(settings).unwrap();
    let verifier = Verifier::new(ports.clone(), Policy::default()).with_limits(limits);
    for _ in 0..times {
        let session = SessionId::random(ports.entropy.as_ref()).unwrap();
        let person = Person {
            identifier: "alice".try_into().unwrap(),
            address: Msisdn::try_from(NUMBER).unwrap().into(),
            session: session.clone(),
            locale: Locale::try_from("en").unwrap(),
            origin: None,
        };
        let request = ChallengeRequest {
            relying_party: "dupont".try_into().unwrap(),
            person,
            agreement: Agreement::Access { to: "Library".try_into().unwrap() },
            from: None,
            waiting: None,
            correlation: None,
        };
        let begun = verifier.start_challenge(request).await.unwrap().done().unwrap();
        let wrong = TypedCode::try_from("000000".to_owned()).unwrap();
        let answered = verifier.finish_challenge(begun.id(), &session, &wrong).await.unwrap();
        assert!(matches!(answered, Outcome::Refused(_)));
    }
}

#[tokio::test]
async fn a_block_is_ended_once_by_number_or_subscriber_and_says_what_it_was() {
    let folder = Folder::new();
    let config = folder.write(&folder.configuration(""));
    let number = ["unlock", "--number", NUMBER];
    let (code, _, err) = countersign(&number, &config);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("there is no ") && err.contains("countersign.db"), "{err}");

    let ports = ports(&folder);
    let nothing = "+336*****678: no wrong code since the last right one; nothing to unlock\n";
    let masked = countersign_domain::address::Address::from(Msisdn::try_from(NUMBER).unwrap());
    let nothing = nothing.replace("+336*****678", &masked.masked());
    assert_eq!(countersign(&number, &config), (3, nothing.clone(), String::new()));
    fail(&ports, 5).await;
    let (code, out, err) = countersign(&number, &config);
    let told = format!("{}: unlocked after 5 wrong codes in a row\n", masked.masked());
    assert_eq!((code, out), (0, told), "{err}");
    assert_eq!(countersign(&number, &config).0, 3, "it was ended before");

    fail(&ports, 2).await;
    let by_name = ["unlock", "--subscriber", "alice", "--json"];
    let (code, _, err) = countersign(&by_name, &config);
    assert_eq!((code, err.as_str()), (1, "countersign: there is no subscriber alice\n"));
    let alice = Subscriber {
        identifier: "alice".try_into().unwrap(),
        address: Msisdn::try_from(NUMBER).unwrap().into(),
        card: None,
    };
    Subscribers::new(ports).enrol(&alice).await.unwrap();
    for (code, failures) in [(0, 2), (3, 0)] {
        let (status, out, err) = countersign(&by_name, &config);
        let found: Value = serde_json::from_str(&out).unwrap();
        let is = json!({
            "phone": "the phone of alice", "unlocked": failures > 0, "failures": failures, "was_blocked": false,
        });
        assert_eq!((status, found), (code, is), "{err}");
    }
}

#[test]
fn what_is_no_phone_is_refused() {
    let folder = Folder::new();
    let config = folder.write(&folder.configuration(""));
    for (arguments, code) in [
        (&["unlock"][..], 2),
        (&["unlock", "--number", NUMBER, "--subscriber", "alice"], 2),
        (&["unlock", "--number", "0612345678"], 1),
    ] {
        assert_eq!(countersign(arguments, &config).0, code, "{arguments:?}");
    }
}
