//! What an authority issues, keeps and revokes, on the store in memory.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod died;
mod pages;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use countersign_authority::{
    AuthorityError, CertificateAuthority, Issuance, Issued, LIST_LIFETIME, Numbers, ProvedNumber,
};
use countersign_certs::{
    Authority, AuthorityKind, AuthorityProfile, EndEntityKind, Error, KeyPair, Request,
    RevocationReason, Serial, TrustAnchors, UnixTime, Validity,
};
use countersign_domain::{
    id::SessionId,
    message::{Accepted, OutboundMessage, SendError},
    outbox::Outbox,
    policy::Policy,
    ports::{Clock as _, Messenger, Ports, Store},
    refusal::Outcome,
    testing::{FakeClock, Fixture, MemoryStore, PlainWords, START, SeededEntropy, key_ring},
    verifier::Verifier,
};
use tokio::task::JoinSet;

const YEAR: Duration = Duration::from_secs(365 * 86_400);

struct House {
    root: Authority,
    clock: Arc<FakeClock>,
    store: Arc<dyn Store>,
    seed: u64,
}

impl House {
    fn new() -> Self {
        let begin = UnixTime::since_unix_epoch(Duration::from_secs(START.unix_seconds() - 86_400));
        let validity = Validity::new(begin, 20 * YEAR).unwrap();
        Self {
            root: Authority::root("Root", validity).unwrap(),
            clock: Arc::new(FakeClock::at(START)),
            store: Arc::new(MemoryStore::default()),
            seed: 1,
        }
    }

    /// The ports of a process over the house's store.
    fn ports(&self) -> Ports {
        Ports {
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1000 + self.seed)),
            keys: Arc::new(key_ring()),
        }
    }

    /// A process over the house's store.
    fn authority(&mut self) -> CertificateAuthority {
        let key = KeyPair::from_pem(&self.root.key().expose_pem().unwrap()).unwrap();
        let authority = Authority::new(self.root.certificate().clone(), key).unwrap();
        self.seed += 1;
        CertificateAuthority::new(
            authority,
            Numbers::Clear,
            Arc::clone(&self.store),
            self.clock.clone(),
            Arc::new(SeededEntropy::new(self.seed)),
        )
    }
}

fn issuance(kind: EndEntityKind, key: &KeyPair) -> Issuance {
    let request = key.to_request_pem("shop.example").unwrap();
    let request = Request::from_file(request.as_bytes()).unwrap();
    let mut issuance = Issuance::asked_for(kind, &request).unwrap();
    issuance.dns_names = vec!["shop.example".to_owned()];
    issuance
}

#[tokio::test]
async fn what_would_be_refused_is_refused_before_anything_is_signed_or_kept() {
    let mut house = House::new();
    let authority = house.authority();
    let key = KeyPair::generate().unwrap();
    let good = issuance(EndEntityKind::TlsServer, &key);
    assert_eq!(authority.check(&good).await, Ok(()));
    let nameless = Issuance { dns_names: Vec::new(), ..good.clone() };
    assert_eq!(authority.check(&nameless).await, Err(Error::NoServerName.into()));
    let long = Issuance { lifetime: 2 * YEAR, ..good.clone() };
    assert_eq!(authority.check(&long).await, Err(Error::LifetimeTooLong.into()));
    let people = issuance(EndEntityKind::TlsClient, &key);
    assert_eq!(authority.check(&people).await, Err(AuthorityError::NumberNotProved));
    // Nothing was kept: the key is still free.
    let issued = authority.issue(&good).await.unwrap();
    let before = AuthorityError::KeyCertifiedBefore { serial: serial(&issued).to_string() };
    assert_eq!(authority.check(&good).await, Err(before));
}

#[test]
fn of_a_request_nothing_but_the_key_counts_unless_its_names_are_asked_for() {
    let key = KeyPair::generate().unwrap();
    let request = key.to_request_pem("mallory").unwrap();
    let request = Request::from_file(request.as_bytes()).unwrap();
    let kind = EndEntityKind::TlsServer;
    let named = Issuance::of(kind, request.key(), "alice".to_owned());
    assert_eq!((named.common_name.as_str(), named.dns_names.len()), ("alice", 0));
    assert_eq!(Issuance::asked_for(kind, &request).unwrap().common_name, "mallory");
}

/// A phone that shows what is sent to it.
#[derive(Default)]
struct Phone(Mutex<String>);

#[async_trait]
impl Messenger for Phone {
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        self.0.lock().unwrap().clone_from(message.text.expose());
        Ok(Accepted { references: vec!["1".to_owned()], network_id: String::new() })
    }
}

/// A number that was proved: there is no other way than to type the code back.
async fn proved(house: &House) -> ProvedNumber {
    let ports = house.ports();
    let entropy = ports.entropy.clone();
    let verifier = Arc::new(
        Verifier::new(ports.clone(), Policy::default())
            .with_limits(countersign_domain::testing::unbounded()),
    );
    let outbox = Outbox::new(ports, verifier.clone(), Arc::new(PlainWords));
    let session = SessionId::random(entropy.as_ref()).unwrap();
    let request = Fixture::new().access(session.clone());
    let challenge = verifier.start_challenge(request).await.unwrap().done().unwrap();
    let phone = Phone::default();
    outbox.send(challenge.last_message(), &phone).await.unwrap();
    let text = phone.0.into_inner().unwrap();
    let (_, code) = text.rsplit_once('#').unwrap();
    let code = code.try_into().unwrap();
    let answer = verifier.finish_challenge(challenge.id(), &session, &code);
    let Outcome::Done(verified) = answer.await.unwrap() else {
        unreachable!("the right code is refused")
    };
    ProvedNumber::of(&verified).unwrap()
}

fn serial(certificate: &countersign_certs::Certificate) -> Serial {
    certificate.serial().unwrap()
}

#[tokio::test]
async fn what_is_issued_is_kept_with_its_key_and_its_serial_number() {
    let mut house = House::new();
    let authority = house.authority();
    let key = KeyPair::generate().unwrap();
    let certificate = authority.issue(&issuance(EndEntityKind::TlsServer, &key)).await.unwrap();
    let kept: Issued = authority.find(serial(&certificate)).await.unwrap().value;
    assert_eq!(kept.common_name, "shop.example");
    assert_eq!(kept.profile, "tls-server");
    assert_eq!(kept.issued_at, house.clock.now());
    // It begins a little before, and does not last longer for that.
    let (skew, lifetime) = (300, 397 * 86_400);
    assert_eq!(kept.not_after.unix_seconds(), START.unix_seconds() - skew + lifetime);
    assert_eq!(kept.revoked, None);
}

#[tokio::test]
async fn a_key_is_certified_once_by_whatever_process_and_for_whatever_purpose() {
    let mut house = House::new();
    let key = KeyPair::generate().unwrap();
    let first = house.authority().issue(&issuance(EndEntityKind::TlsServer, &key)).await.unwrap();
    let again = house.authority().issue(&issuance(EndEntityKind::MerchantSignature, &key)).await;
    let before = AuthorityError::KeyCertifiedBefore { serial: serial(&first).to_string() };
    assert_eq!(again.unwrap_err(), before);
    let profile = AuthorityProfile::new(AuthorityKind::Brand, "Brand");
    let authority = house.authority();
    let certified = authority.certify(&profile, key.public_key(), 10 * YEAR);
    assert_eq!(certified.await.unwrap_err(), before);
}

#[tokio::test]
async fn a_number_that_nobody_proved_goes_into_no_certificate() {
    let mut house = House::new();
    let authority = house.authority();
    let key = KeyPair::generate().unwrap();
    for kind in [EndEntityKind::TlsClient, EndEntityKind::Cardholder] {
        let refused = authority.issue(&issuance(kind, &key)).await;
        assert_eq!(refused.unwrap_err(), AuthorityError::NumberNotProved);
    }
    // And none where it has no place.
    let mut server = issuance(EndEntityKind::TlsServer, &key);
    let proved = proved(&house).await;
    server.number = Some(proved.clone());
    assert_eq!(authority.issue(&server).await.unwrap_err(), AuthorityError::NumberHasNoPlace);
    let mut client = issuance(EndEntityKind::TlsClient, &key);
    client.number = Some(proved.clone());
    let certificate = authority.issue(&client).await.unwrap();
    let anchors = TrustAnchors::new(&[house.root.certificate().clone()]).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(START.unix_seconds()));
    let verified = anchors.verify_client(&[certificate.der().clone()], now).unwrap();
    let number = verified.phone(&[]).unwrap().number;
    assert_eq!(number.expose(), proved.number().expose());
}

#[tokio::test]
async fn a_certificate_is_renewed_for_a_new_key_with_what_it_had() {
    let mut house = House::new();
    let authority = house.authority();
    let (old_key, new_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let old = authority.issue(&issuance(EndEntityKind::TlsServer, &old_key)).await;
    let old = serial(&old.unwrap());
    let same_key = authority.renew(old, old_key.public_key(), None).await;
    let before = AuthorityError::KeyCertifiedBefore { serial: old.to_string() };
    assert_eq!(same_key.unwrap_err(), before);
    let new = authority.renew(old, new_key.public_key(), None).await;
    let new = new.unwrap();
    assert_eq!(new.server_names().0, ["shop.example"]);
    let new = authority.find(serial(&new)).await.unwrap().value;
    let old = authority.find(old).await.unwrap().value;
    assert_eq!(new.replaces, Some(old.serial));
    assert_eq!(new.profile, old.profile);
    assert_eq!(old.revoked, None);
}

#[tokio::test]
async fn a_certificate_with_a_number_is_not_renewed_without_a_new_proof() {
    let mut house = House::new();
    let authority = house.authority();
    let key = KeyPair::generate().unwrap();
    let mut client = issuance(EndEntityKind::TlsClient, &key);
    client.number = Some(proved(&house).await);
    let old = serial(&authority.issue(&client).await.unwrap());
    let another = KeyPair::generate().unwrap();
    let renewed = authority.renew(old, another.public_key(), None).await;
    assert_eq!(renewed.unwrap_err(), AuthorityError::NumberNotProved);
}

#[tokio::test]
async fn what_is_kept_shows_no_number() {
    let mut house = House::new();
    let authority = house.authority();
    let mut client = issuance(EndEntityKind::TlsClient, &KeyPair::generate().unwrap());
    let proved = proved(&house).await;
    client.number = Some(proved.clone());
    let issued = authority.issue(&client).await.unwrap();
    let kept = authority.find(serial(&issued)).await.unwrap().value;
    let shown = format!("{kept:?} {proved:?}");
    assert!(!shown.contains(proved.number().expose()), "{shown}");
    assert!(!shown.contains(&kept.certificate), "{shown}");
}

#[tokio::test]
async fn what_was_revoked_or_has_expired_is_not_renewed() {
    let mut house = House::new();
    let authority = house.authority();
    let key = KeyPair::generate().unwrap();
    let issued = authority.issue(&issuance(EndEntityKind::TlsServer, &key)).await.unwrap();
    let old = serial(&issued);
    let another = KeyPair::generate().unwrap();
    house.clock.advance_seconds(398 * 86_400);
    let expired = AuthorityError::Expired { serial: old.to_string() };
    let renewed = authority.renew(old, another.public_key(), None).await;
    assert_eq!(renewed.unwrap_err(), expired);
    let reason = RevocationReason::KeyCompromise;
    authority.revoke(old, reason).await.unwrap();
    let revoked = AuthorityError::RevokedBefore { serial: old.to_string() };
    let renewed = authority.renew(old, another.public_key(), None).await;
    assert_eq!(renewed.unwrap_err(), revoked);
    assert_eq!(authority.revoke(old, reason).await.unwrap_err(), revoked);
    let nobodys = Serial::from_random([7; 16]);
    assert_eq!(
        authority.revoke(nobodys, reason).await.unwrap_err(),
        AuthorityError::UnknownSerial { serial: nobodys.to_string() }
    );
}

#[tokio::test]
async fn a_list_has_what_is_revoked_until_one_after_it_expired_and_numbers_only_grow() {
    let mut house = House::new();
    let authority = house.authority();
    let key = KeyPair::generate().unwrap();
    let issued = authority.issue(&issuance(EndEntityKind::TlsServer, &key)).await.unwrap();
    assert!(authority.revocation_list(LIST_LIFETIME).await.unwrap().is_empty());
    authority.revoke(serial(&issued), RevocationReason::Superseded).await.unwrap();
    let list = house.authority().revocation_list(LIST_LIFETIME).await.unwrap();
    assert_eq!((list.len(), list.number()), (1, Some(2)));
    house.clock.advance_seconds(398 * 86_400);
    let list = house.authority().revocation_list(LIST_LIFETIME).await.unwrap();
    assert_eq!(list.len(), 1, "it expired a day ago, and stands in one list more");
    house.clock.advance_seconds(8 * 86_400);
    let list = house.authority().revocation_list(LIST_LIFETIME).await.unwrap();
    assert_eq!((list.len(), list.number()), (0, Some(4)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_lists_that_are_signed_at_once_a_later_one_never_lacks_what_an_earlier_one_has() {
    let mut house = House::new();
    let mut signing = JoinSet::new();
    let authority = Arc::new(house.authority());
    for _ in 0..8 {
        let key = KeyPair::generate().unwrap();
        let issued = authority.issue(&issuance(EndEntityKind::GatewaySignature, &key)).await;
        let (serial, authority) = (serial(&issued.unwrap()), Arc::clone(&authority));
        signing.spawn(async move {
            let reason = RevocationReason::Superseded;
            authority.revoke(serial, reason).await.unwrap();
            authority.revocation_list(LIST_LIFETIME).await.unwrap()
        });
    }
    let mut lists = signing.join_all().await;
    lists.sort_by_key(|list| list.number());
    let lengths: Vec<usize> = lists.iter().map(|list| list.len()).collect();
    assert!(lengths.is_sorted(), "{lengths:?}");
    assert_eq!(lengths.last(), Some(&8));
}

#[tokio::test]
async fn what_does_not_last_as_long_as_its_authority_is_refused_and_its_key_stays_free() {
    let mut house = House::new();
    let authority = house.authority();
    let key = KeyPair::generate().unwrap();
    house.clock.advance_seconds(19 * YEAR.as_secs());
    let mut late = issuance(EndEntityKind::GatewaySignature, &key);
    late.lifetime = 2 * YEAR;
    let refused = authority.issue(&late).await.unwrap_err();
    assert_eq!(refused, Error::OutsideAuthorityValidity.into());
    late.lifetime = YEAR / 2;
    assert!(authority.issue(&late).await.is_ok());
}
