//! What an authority keeps in a register of its own goes once it has expired for long enough: the person's name and number.

use std::{fs, path::Path, time::Duration};

use countersign_authority::Issued;
use countersign_certs::EndEntityKind;
use countersign_domain::ports::Store;
use countersign_store::{SqliteStore, backup};

use crate::support::{NUMBER, Town};

const DAY_SECONDS: u64 = 86_400;
/// A register beside the store, and everything kept for as short as may be.
const BESIDE: &str = "[store]\npath = \"countersign.db\"\n";
const SHORTLY: &str = "[retention]\ndays = 30\n";

/// Names in a certificate that are nowhere else.
const FIRST: &str = "quartz";
const SECOND: &str = "gneiss";

/// Enrols by the code of the message of that number; the serial number of the certificate.
async fn enrolled(town: &Town, name: &str, message: usize) -> String {
    town.request(name);
    let token = town.begin(name, NUMBER);
    let proof = format!("{token}:{}", town.code(message).await);
    let (status, answer) = town.est("simpleenroll", &proof, name, &[]);
    assert_eq!(status, 200, "{answer}");
    town.unpack(&answer, name);
    let said = town.openssl(&format!("x509 -in {name}.pem -noout -serial"));
    said.trim().trim_start_matches("serial=").to_lowercase()
}

async fn is_in(register: &Path, serial: &str) -> bool {
    let register: &dyn Store = &SqliteStore::open(register).unwrap();
    register.find::<Issued>(serial).await.unwrap().is_some()
}

async fn count(register: &Path, collection: &'static str) -> usize {
    let register: &dyn Store = &SqliteStore::open(register).unwrap();
    register.page(collection, "", 10).await.unwrap().len()
}

/// The serial numbers in the list that is published, and the list's own number.
fn published(town: &Town) -> (String, u64) {
    let (status, _) = town.curl("/list.crl", &["-o", "list.crl"]);
    assert_eq!(status, 200);
    let text = town.openssl("crl -inform DER -in list.crl -noout -text -CAfile ca/authority.pem");
    assert!(text.contains("verify OK"), "{text}");
    let number = town.openssl("crl -inform DER -in list.crl -noout -crlnumber");
    let number = number.trim().trim_start_matches("crlNumber=").trim_start_matches("0x");
    (text.to_lowercase(), u64::from_str_radix(number, 16).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_goes_from_a_register_beside_the_store_and_what_it_serves_stays_right() {
    let mut town = Town::new(false).await;
    let register = town.path().join("ca/register.db");
    let lifetime = EndEntityKind::TlsClient.usual_lifetime().as_secs();
    let seconds = |seconds: u64| u32::try_from(seconds).unwrap();
    let first = enrolled(&town, FIRST, 1).await;
    let server = town.later(seconds(lifetime / 2), BESIDE).await;
    let second = enrolled(&town, SECOND, 2).await;
    for serial in [&first, &second] {
        let revoke = format!("revoke --dir DIR/ca --passphrase-file DIR/pw --serial {serial}");
        town.ca(&revoke).await;
    }
    let (list, earlier) = published(&town);
    assert!(list.contains(&first) && list.contains(&second), "{list}");
    server.stop().await;

    let (mut number, much_later) = (earlier, seconds(lifetime + 31 * DAY_SECONDS));
    // Starting again makes no difference.
    for _ in 0..2 {
        let server = town.later(much_later, &format!("{BESIDE}{SHORTLY}")).await;
        // The first server had its codes in the register, too.
        for collection in ["certificate", "challenge", "message", "network_reference"] {
            let kept = usize::from(collection == "certificate");
            let removed = async {
                while count(&register, collection).await > kept {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            // The server looks once a minute.
            let in_time = tokio::time::timeout(Duration::from_secs(180), removed).await;
            assert!(in_time.is_ok(), "{collection} is kept");
        }
        assert!(!is_in(&register, &first).await);
        assert!(is_in(&register, &second).await, "it has not expired");
        let (list, later) = published(&town);
        assert!(!list.contains(&first) && list.contains(&second), "{list}");
        assert!(later > number, "{later} after {number}");
        number = later;
        // Nobody has the key certified again.
        let token = town.begin("another", NUMBER);
        let message = usize::try_from(number - earlier).unwrap() + 2;
        let proof = format!("{token}:{}", town.code(message).await);
        let (status, answer) = town.est("simpleenroll", &proof, FIRST, &[]);
        assert_eq!(status, 409, "{answer}");
        server.stop().await;
    }
    let copy = town.path().join("copy.db");
    backup(&register, &copy).unwrap();
    let file = fs::read(&copy).unwrap();
    let has = |text: &str| file.windows(text.len()).any(|found| found == text.as_bytes());
    assert!(has(SECOND), "what is kept is in the file");
    assert!(!has(FIRST), "what was removed is still in the file");
}
