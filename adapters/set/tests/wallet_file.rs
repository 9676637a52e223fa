//! A wallet in a file: without the password it gives neither key nor card; a certificate is its own or refused.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use countersign_certs::{
    Holder, KeyKind, KeyUse, Phone, PhoneNumber, Profile, RecipientCertificate, Refusal, Request,
    UnixTime, Validity,
};
use countersign_domain::{
    ports::Clock as _,
    testing::{Fixture, SeededEntropy, card},
    time::Timestamp,
};
use countersign_set::{
    testing::{BRAND, Issuer},
    wallet_file::{NewWallet, WalletFile, WalletFileError},
};

const PASSWORD: &str = "a password for tests";

struct Desk {
    issuer: Issuer,
    now: Timestamp,
    wallet: WalletFile,
    request: Request,
}

impl Desk {
    fn new() -> Self {
        let now = Fixture::new().clock.now();
        let (wallet, request) = wallet(PASSWORD).unwrap();
        let request = Request::from_file(request.as_bytes()).unwrap();
        Self { issuer: Issuer::new(now, KeyKind::P256), now, wallet, request }
    }

    fn roots(&self) -> String {
        self.issuer.root.certificate().to_pem().unwrap()
    }

    /// A certificate for the wallet's request, under that name.
    fn certificate(&self, name: &str) -> String {
        let number = PhoneNumber::new("+33612345678").unwrap();
        let holder = Holder { number, card: None };
        let (gateway, _) = self.issuer.gateway("gateway-1", KeyUse::KeyExchange);
        let gateways = [RecipientCertificate::new(&gateway).unwrap()];
        let phone = Phone::Encrypted { holder: &holder, gateways: &gateways };
        let profile = Profile::Cardholder { common_name: name, phone };
        let since = UnixTime::since_unix_epoch(Duration::from_secs(self.now.unix_seconds()));
        let day = Validity::new(since, Duration::from_secs(86_400)).unwrap();
        let issued = self.issuer.root.issue(&profile, self.request.key(), day);
        issued.unwrap().to_pem().unwrap()
    }
}

fn wallet(password: &str) -> Result<(WalletFile, String), WalletFileError> {
    let card = card();
    let new = NewWallet { card: &card, brand: BRAND, language: "en" };
    WalletFile::new(&new, password, &SeededEntropy::new(1))
}

#[test]
fn a_wallet_is_opened_by_its_password_alone_and_shows_no_card() {
    let mut desk = Desk::new();
    assert_eq!(desk.wallet.open(PASSWORD).unwrap_err(), WalletFileError::NoAuthorities);
    desk.wallet.trust(&desk.roots()).unwrap();
    let opened = desk.wallet.open(PASSWORD).unwrap();
    assert_eq!((&opened.card, opened.identity.is_none()), (&card(), true));
    assert!(desk.wallet.open("another password").is_err());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.wallet");
    desk.wallet.create(&path).unwrap();
    assert!(matches!(desk.wallet.create(&path), Err(WalletFileError::File { .. })), "overwritten");
    desk.wallet.replace(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains(card().expose_number()));
    assert_eq!(WalletFile::read(&path), Ok(desk.wallet));
    for (rule, text, refused) in [
        ("JSON", "{".to_owned(), None),
        ("its version", text.replace("\"version\": 1", "\"version\": 2"), Some(2)),
        ("no unknown key", text.replace("\"brand\"", "\"brands\""), None),
    ] {
        fs::write(&path, text).unwrap();
        let error = WalletFile::read(&path).unwrap_err();
        match refused {
            Some(version) => assert_eq!(error, WalletFileError::Version(version), "{rule}"),
            None => assert!(matches!(error, WalletFileError::Form(_)), "{rule}: {error}"),
        }
    }
}

#[test]
fn a_card_of_another_wallet_does_not_open() {
    let (one, _) = wallet(PASSWORD).unwrap();
    let (other, _) = wallet(PASSWORD).unwrap();
    let value = |wallet: &WalletFile| serde_json::to_value(wallet).unwrap();
    let mut moved = value(&one);
    if let Some(card) = moved.get_mut("card") {
        *card = value(&other).get("card").unwrap().clone();
    }
    let mut moved: WalletFile = serde_json::from_value(moved).unwrap();
    moved.trust(&Desk::new().roots()).unwrap();
    let refused = WalletFileError::Domain(countersign_domain::error::Error::Sealed);
    assert_eq!(moved.open(PASSWORD).unwrap_err(), refused);
}

#[test]
fn a_certificate_is_the_wallets_own_or_refused_by_what_is_wrong() {
    let mut desk = Desk::new();
    let name = desk.request.common_name().unwrap().to_owned();
    let own = desk.certificate(&name);
    // Of the same name, and another key.
    let stranger = Desk::new();
    desk.wallet.trust(&stranger.roots()).unwrap();
    let of_stranger = desk.wallet.certify(&own, desk.now);
    assert_eq!(of_stranger, Err(WalletFileError::Refused(Refusal::BadSignature)));
    desk.wallet.trust(&desk.roots()).unwrap();
    let late = desk.now.plus_seconds(2 * 86_400);
    for (rule, certificate, now, refused) in [
        ("there is one", "", desk.now, WalletFileError::NoCertificate),
        ("its key", &*desk.roots(), desk.now, WalletFileError::OtherKey),
        ("its time", &own, late, WalletFileError::Refused(Refusal::Expired)),
        ("its name", &desk.certificate("alice"), desk.now, WalletFileError::OtherName),
    ] {
        assert_eq!(desk.wallet.certify(certificate, now), Err(refused), "{rule}");
        assert!(!desk.wallet.signs());
    }
    desk.wallet.certify(&own, desk.now).unwrap();
    assert!(desk.wallet.open(PASSWORD).unwrap().identity.is_some());
}

#[test]
fn a_password_has_twelve_characters() {
    assert!(matches!(wallet("too short"), Err(WalletFileError::Certs(_))));
}
