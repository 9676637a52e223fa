//! What authorities revoke is refused without a restart.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign_certs::{
    Authority, Certificate, KeyPair, Phone, PhoneNumber, Profile, RevocationReason, Revoked,
    Validity,
};
use countersign_domain::ports::Clock as _;
use countersign_server::{Config, Server, SystemClock};
use rustls::version::{TLS12, TLS13};

use crate::support::{DAY, Folder, ask, checkout, cookie, request, unix_time};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn has(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.0.lock().unwrap()).contains(text)
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn now() -> u64 {
    SystemClock::default().now().unix_seconds()
}

/// The root's list of that number, with the client's certificate in it or not.
fn list(folder: &Folder, number: u64, with_client: bool) -> Vec<u8> {
    list_for(folder, number, with_client, 0, 7 * DAY)
}

/// As [`list`], since so many seconds and for so long.
fn list_for(
    folder: &Folder,
    number: u64,
    with_client: bool,
    since: u64,
    lasting: Duration,
) -> Vec<u8> {
    let revoked = Revoked {
        serial: folder.client.0.serial().unwrap(),
        at: unix_time(now()),
        reason: RevocationReason::KeyCompromise,
    };
    let revoked = if with_client { vec![revoked] } else { vec![] };
    let validity = Validity::new(unix_time(now() - since), lasting).unwrap();
    let list = folder.root.revocation_list(&revoked, number, validity).unwrap();
    list.der().to_vec()
}

fn put(folder: &Folder, list: &[u8]) {
    let (path, new) = ("root.crl", "root.crl.new");
    let at = |name: &str| folder.folder.path().join(name);
    std::fs::write(at(new), list).unwrap();
    std::fs::rename(at(new), at(path)).unwrap();
}

fn configuration(folder: &Folder) -> String {
    let text = folder.configuration("");
    text.replace("client_authorities", "revocation_lists = [\"root.crl\"]\nclient_authorities")
}

async fn start(folder: &Folder) -> Server {
    let config = Config::from_toml(&configuration(folder), folder.folder.path()).unwrap();
    Server::start(config, Arc::new(SystemClock::default())).await.unwrap()
}

/// Whether a client with or without its certificate is answered.
async fn answered(folder: &Folder, server: &Server, with_certificate: bool) -> bool {
    let mut answers = Vec::new();
    for version in [&TLS12, &TLS13] {
        let tls = folder.tls(&[version], with_certificate);
        let request = request("GET", "/pay/none", "", "");
        let answer = ask(&tls, server.address("checkout").unwrap(), request.as_bytes()).await;
        answers.push(answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 404")));
    }
    assert_eq!(answers.first(), answers.last(), "TLS 1.2 and 1.3 differ");
    answers == [true, true]
}

/// Waits, for not longer than some looks at the files, until it is so.
async fn until_answered(folder: &Folder, server: &Server, wanted: bool) {
    for _ in 0..40 {
        if answered(folder, server, true).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(answered(folder, server, true).await, wanted, "it is not so yet");
}

#[tokio::test]
async fn a_client_that_is_revoked_while_the_server_runs_is_refused_in_the_handshake() {
    let folder = Folder::new();
    put(&folder, &list(&folder, 1, false));
    let server = start(&folder).await;
    assert!(answered(&folder, &server, true).await);
    put(&folder, &list(&folder, 2, true));
    until_answered(&folder, &server, false).await;
    assert!(answered(&folder, &server, false).await, "others are refused, too");
    // What cannot be read, and what is older, changes nothing.
    for useless in [b"junk".to_vec(), list(&folder, 1, false)] {
        put(&folder, &useless);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!answered(&folder, &server, true).await);
    }
    put(&folder, &list(&folder, 3, false));
    until_answered(&folder, &server, true).await;
    server.stop().await;
}

#[tokio::test]
async fn of_an_older_and_a_newer_list_the_newer_counts_in_the_handshake_whatever_the_order() {
    let folder = Folder::new();
    let at = |name: &str| folder.folder.path().join(name);
    std::fs::write(at("older.crl"), list(&folder, 1, false)).unwrap();
    std::fs::write(at("newer.crl"), list(&folder, 2, true)).unwrap();
    for order in ["\"older.crl\", \"newer.crl\"", "\"newer.crl\", \"older.crl\""] {
        let text = configuration(&folder).replace("\"root.crl\"", order);
        let config = Config::from_toml(&text, folder.folder.path()).unwrap();
        let server = Server::start(config, Arc::new(SystemClock::default())).await.unwrap();
        assert!(!answered(&folder, &server, true).await, "{order}");
        assert!(answered(&folder, &server, false).await, "{order}");
        server.stop().await;
    }
}

#[tokio::test]
async fn beside_an_older_list_a_newer_one_comes_into_force_while_the_server_runs() {
    let folder = Folder::new();
    // The older one is late, too, which does no harm beside a current one.
    let older = list_for(&folder, 1, false, 3_600, Duration::from_secs(60));
    std::fs::write(folder.folder.path().join("older.crl"), older).unwrap();
    put(&folder, &list(&folder, 2, false));
    let text = configuration(&folder).replace("[\"root.crl\"]", "[\"older.crl\", \"root.crl\"]");
    let config = Config::from_toml(&text, folder.folder.path()).unwrap();
    let server = Server::start(config, Arc::new(SystemClock::default())).await.unwrap();
    assert!(answered(&folder, &server, true).await);
    put(&folder, &list(&folder, 3, true));
    until_answered(&folder, &server, false).await;
    server.stop().await;
}

#[tokio::test]
async fn after_a_restart_no_older_list_is_in_force_than_before() {
    let folder = Folder::new();
    put(&folder, &list(&folder, 7, false));
    let server = start(&folder).await;
    // The newest that was ever in force counts, not the one at the start.
    put(&folder, &list(&folder, 0x0102_0304_0506, true));
    until_answered(&folder, &server, false).await;
    server.stop().await;
    put(&folder, &list(&folder, 8, false));
    let config = Config::from_toml(&configuration(&folder), folder.folder.path()).unwrap();
    let refused = Server::start(config, Arc::new(SystemClock::default())).await;
    let said = refused.err().unwrap().to_string();
    for words in
        ["checkout.revocation_lists names a list (number 0x08)", "0x010203040506", "put the newer"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    put(&folder, &list(&folder, 0x0102_0304_0507, false));
    let server = start(&folder).await;
    assert!(answered(&folder, &server, true).await);
    server.stop().await;
}

#[tokio::test]
async fn a_list_that_its_authority_did_not_sign_is_not_in_force_and_keeps_no_later_one_out() {
    let folder = Folder::new();
    let mut forged = list(&folder, 900, false);
    *forged.last_mut().unwrap() ^= 1;
    put(&folder, &forged);
    let config = Config::from_toml(&configuration(&folder), folder.folder.path()).unwrap();
    let refused = Server::check(&config, Arc::new(SystemClock::default())).unwrap_err();
    assert!(refused.to_string().contains("has not signed"), "{refused}");
    put(&folder, &list(&folder, 1, false));
    let server = start(&folder).await;
    put(&folder, &forged);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(answered(&folder, &server, true).await);
    put(&folder, &list(&folder, 2, true));
    until_answered(&folder, &server, false).await;
    server.stop().await;
}

/// An authority below the root, which has issued the client's certificate.
fn issuing_authority(folder: &mut Folder) -> Authority {
    let validity = Validity::new(unix_time(now() - DAY.as_secs()), 300 * DAY).unwrap();
    let issuing = folder.root.issuing("Test issuer", validity).unwrap();
    (folder.client, folder.above) = (client_of(&issuing), vec![issuing.certificate().clone()]);
    issuing
}

fn client_of(authority: &Authority) -> (Certificate, KeyPair) {
    let (key, number) = (KeyPair::generate().unwrap(), PhoneNumber::new("+33612345678").unwrap());
    let profile = Profile::TlsClient { common_name: "client", phone: Phone::Clear(&number) };
    let validity = Validity::new(unix_time(now() - DAY.as_secs()), 300 * DAY).unwrap();
    (authority.issue(&profile, key.public_key(), validity).unwrap(), key)
}

/// What the checkout says of a certificate that the handshake has accepted, once somebody pays with it.
async fn pay_with_certificate(folder: &Folder, server: &Server) -> String {
    let page = checkout(folder, server.address("api").unwrap()).await;
    let address = server.address("checkout").unwrap();
    let headers = cookie(folder, address, &page).await;
    let pay = request("POST", &page, &headers, "certificate=presented");
    ask(&folder.tls(&[&TLS13], true), address, pay.as_bytes()).await.unwrap()
}

#[tokio::test]
async fn an_issuing_authority_is_trusted_without_the_root_above_it_and_its_own_list_counts() {
    let mut folder = Folder::new();
    let issuing = issuing_authority(&mut folder);
    let pem = issuing.certificate().to_pem().unwrap();
    std::fs::write(folder.folder.path().join("root.pem"), pem).unwrap();
    let signed = |number: u64, revoked: &[Revoked]| {
        let validity = Validity::new(unix_time(now()), 7 * DAY).unwrap();
        issuing.revocation_list(revoked, number, validity).unwrap().der().to_vec()
    };
    let revoked = Revoked {
        serial: folder.client.0.serial().unwrap(),
        at: unix_time(now()),
        reason: RevocationReason::KeyCompromise,
    };
    // Without lists, with the authority's own one alone, and whether or not its certificate comes along.
    let text = folder.configuration("");
    let without_lists = folder.serve(&text).await;
    put(&folder, &signed(1, &[]));
    let with_list = start(&folder).await;
    let above = std::mem::take(&mut folder.above);
    for server in [&without_lists, &with_list] {
        assert!(answered(&folder, server, true).await);
        folder.above.clone_from(&above);
        assert!(answered(&folder, server, true).await);
        folder.above.clear();
    }
    // The checkout reads it as the handshake did: it lacks a card, and no authority.
    let said = pay_with_certificate(&folder, &with_list).await;
    assert!(said.contains("card-needed"), "{said}");
    put(&folder, &signed(2, &[revoked]));
    until_answered(&folder, &with_list, false).await;
    // What the root has issued itself is not trusted any more.
    folder.client = client_of(&folder.root);
    assert!(!answered(&folder, &without_lists, true).await);
    without_lists.stop().await;
    with_list.stop().await;
}

#[tokio::test]
async fn a_list_below_the_trusted_authorities_is_remembered_once_it_is_verified() {
    let mut folder = Folder::new();
    let issuing = issuing_authority(&mut folder);
    let signed = |number: u64| {
        let validity = Validity::new(unix_time(now()), 7 * DAY).unwrap();
        issuing.revocation_list(&[], number, validity).unwrap().der().to_vec()
    };
    let mut forged = signed(900);
    *forged.last_mut().unwrap() ^= 1;
    std::fs::write(folder.folder.path().join("above.crl"), list(&folder, 1, false)).unwrap();
    let text = configuration(&folder).replace("[\"root.crl\"]", "[\"above.crl\", \"root.crl\"]");
    let serve = async || {
        let config = Config::from_toml(&text, folder.folder.path()).unwrap();
        Server::start(config, Arc::new(SystemClock::default())).await
    };
    // Its number is as false as its signature: it keeps no later list out, here and after a restart.
    put(&folder, &forged);
    let server = serve().await.unwrap();
    assert!(!answered(&folder, &server, true).await);
    put(&folder, &signed(5));
    until_answered(&folder, &server, true).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.stop().await;
    put(&folder, &signed(4));
    let refused = serve().await.err().unwrap().to_string();
    assert!(refused.contains("(number 0x05)"), "{refused}");
    // Beside a forged one it does not come in force, either.
    let both = [forged, signed(4)]
        .map(|list| countersign_certs::RevocationList::from_der(&list).unwrap().to_pem().unwrap());
    put(&folder, both.concat().as_bytes());
    let server = serve().await.unwrap();
    assert!(!answered(&folder, &server, true).await);
    put(&folder, &signed(5));
    until_answered(&folder, &server, true).await;
    server.stop().await;
}

#[tokio::test]
async fn every_list_in_a_file_counts() {
    let folder = Folder::new();
    let pem = |number, with_client| {
        let list = list(&folder, number, with_client);
        countersign_certs::RevocationList::from_der(&list).unwrap().to_pem().unwrap()
    };
    let lists = format!("Older\n{}\nNewer\n{}", pem(1, false), pem(2, true));
    put(&folder, lists.as_bytes());
    let server = start(&folder).await;
    assert!(!answered(&folder, &server, true).await);
    server.stop().await;
    // One that is cut short is not as if it were not there.
    put(&folder, lists.trim_end().trim_end_matches('-').as_bytes());
    let config = Config::from_toml(&configuration(&folder), folder.folder.path()).unwrap();
    let refused = Server::check(&config, Arc::new(SystemClock::default())).unwrap_err();
    assert!(refused.to_string().contains("not a well-formed revocation list"), "{refused}");
}

#[tokio::test]
async fn behind_a_revocation_list_that_is_late_no_certificate_is_trusted() {
    let folder = Folder::new();
    put(&folder, &list_for(&folder, 1, false, 3_600, Duration::from_secs(60)));
    let server = start(&folder).await;
    assert!(!answered(&folder, &server, true).await);
    assert!(answered(&folder, &server, false).await);
    server.stop().await;
}

#[tokio::test]
async fn a_list_that_cannot_be_used_is_told_by_name() {
    let folder = Folder::new();
    let text = configuration(&folder);
    for (content, words) in [
        (None, "root.crl cannot be read"),
        (Some("junk"), "root.crl: not a well-formed revocation list"),
    ] {
        if let Some(content) = content {
            put(&folder, content.as_bytes());
        }
        let config = Config::from_toml(&text, folder.folder.path()).unwrap();
        let refused = Server::check(&config, Arc::new(SystemClock::default()));
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }
    let without = text.replace("client_authorities = \"root.pem\"\n", "");
    let refused = Config::from_toml(&without, folder.folder.path()).unwrap_err();
    assert!(refused.to_string().contains("of no use without"));
}

#[tokio::test]
async fn a_list_that_is_not_understood_whole_is_refused_by_name_and_the_one_in_force_stays() {
    // A delta list of PKITS (section 4.15): what it lacks is not known to be good.
    const DELTA: &str = include_str!("../../../../certs/tests/vectors/files/delta.pem");
    let folder = Folder::new();
    let refused = |config: Config| Server::check(&config, Arc::new(SystemClock::default()));
    put(&folder, DELTA.as_bytes());
    let config = || Config::from_toml(&configuration(&folder), folder.folder.path()).unwrap();
    let said = refused(config()).unwrap_err().to_string();
    for part in ["checkout.revocation_lists", "root.crl", "it is a delta list"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    put(&folder, &list(&folder, 1, true));
    let server = start(&folder).await;
    assert!(!answered(&folder, &server, true).await);
    let log = Log::default();
    let written = log.clone();
    let logged = tracing_subscriber::fmt().with_writer(move || written.clone()).finish();
    let _logged = tracing::subscriber::set_default(logged);
    put(&folder, DELTA.as_bytes());
    let refused = async {
        while !log.has("it is a delta list") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), refused).await.unwrap();
    assert!(!answered(&folder, &server, true).await);
    assert!(answered(&folder, &server, false).await);
    server.stop().await;
}
