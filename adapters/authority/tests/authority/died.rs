//! A process that dies after a code was right and before the certificate is kept, or before it is given.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use countersign_authority::{AuthorityError, EnrolmentToken, Enrolments};
use countersign_certs::{EndEntityKind, KeyPair, Request};
use countersign_domain::{
    address::Msisdn,
    code::TypedCode,
    id::SessionId,
    locale::Locale,
    outbox::Outbox,
    policy::Policy,
    ports::{Reads, Store},
    record::{Batch, StoreError},
    refusal::Refusal,
    testing::PlainWords,
    verifier::Verifier,
};
use countersign_web::client_address::ClientAddress;

use crate::{House, Phone};

/// A store that is gone when a certificate is to be kept.
pub(crate) struct Dying {
    inner: Arc<dyn Store>,
    dies: AtomicBool,
}

impl Dying {
    pub(crate) fn on(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, dies: false.into() })
    }

    pub(crate) fn set_dying(&self, dies: bool) {
        self.dies.store(dies, Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for Dying {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let keeps = batch.inserts.iter().any(|record| record.key.collection == "certificate");
        if keeps && self.dies.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable { cause: "dead".to_owned() });
        }
        self.inner.commit(batch).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.inner.reads()
    }
}

/// An authority over a store that can die, and somebody who has the code of an enrolment.
struct Desk {
    house: House,
    store: Arc<Dying>,
    enrolments: Enrolments,
    token: EnrolmentToken,
    code: TypedCode,
    wrong: TypedCode,
}

impl Desk {
    async fn new() -> Self {
        let mut house = House::new();
        let store = Dying::on(Arc::clone(&house.store));
        house.store = store.clone();
        let ports = house.ports();
        let verifier = Verifier::new(ports.clone(), Policy::default())
            .with_limits(countersign_domain::testing::unbounded());
        let verifier = Arc::new(verifier);
        let enrolments = Enrolments {
            authority: Arc::new(house.authority()),
            verifier: verifier.clone(),
            ports: ports.clone(),
            relying_party: "authority".try_into().unwrap(),
            kind: EndEntityKind::TlsClient,
            origin: "ca.example.com".try_into().unwrap(),
        };
        let number = Msisdn::try_from("+33639980001").unwrap();
        let (name, client) = ("alice".try_into().unwrap(), ClientAddress::default());
        let session = SessionId::random(ports.entropy.as_ref()).unwrap();
        let started = enrolments.start(name, number, session, Locale::default(), client).await;
        let started = started.unwrap();
        let outbox = Outbox::new(ports, verifier, Arc::new(PlainWords));
        let phone = Phone::default();
        outbox.send(outbox.due(1).await.unwrap().first().unwrap(), &phone).await.unwrap();
        let text = phone.0.into_inner().unwrap();
        let (_, code) = text.rsplit_once('#').unwrap();
        let wrong = if code == "111111" { "222222" } else { "111111" };
        let [code, wrong] = [code, wrong].map(|digits| digits.try_into().unwrap());
        Self { house, store, enrolments, token: started.token, code, wrong }
    }

    async fn finish(&self, code: &TypedCode, key: &KeyPair) -> Result<Vec<u8>, AuthorityError> {
        let request = Request::from_file(key.to_request_pem("me").unwrap().as_bytes()).unwrap();
        let issued = self.enrolments.finish(&self.token, code, &request, None).await;
        issued.map(|certificate| certificate.der().to_vec())
    }
}

fn used() -> AuthorityError {
    AuthorityError::Refused(Refusal::AlreadyUsed)
}

#[tokio::test]
async fn a_code_that_was_right_when_the_process_died_is_good_for_one_certificate() {
    let [first, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
    // A program asks again with its key; the page makes another one.
    for (again, later) in [(&first, &other), (&other, &first)] {
        let desk = Desk::new().await;
        desk.store.set_dying(true);
        for _ in 0..4 {
            let died = desk.finish(&desk.code, &first).await.unwrap_err();
            assert!(matches!(died, AuthorityError::Domain(_)), "{died:?}");
        }
        desk.store.set_dying(false);
        assert_eq!(desk.finish(&desk.wrong, again).await, Err(used()));
        let issued = desk.finish(&desk.code, again).await.unwrap();
        // The same again is answered as before, and nothing else is.
        assert_eq!(desk.finish(&desk.code, again).await, Ok(issued));
        assert_eq!(desk.finish(&desk.code, later).await, Err(used()));
        assert_eq!(desk.finish(&desk.wrong, again).await, Err(used()));
    }
}

#[tokio::test]
async fn a_certificate_whose_answer_was_lost_is_given_again_while_its_code_lasts() {
    let (desk, key) = (Desk::new().await, KeyPair::generate().unwrap());
    let issued = desk.finish(&desk.code, &key).await.unwrap();
    desk.house.clock.advance_seconds(299);
    assert_eq!(desk.finish(&desk.code, &key).await, Ok(issued));
    desk.house.clock.advance_seconds(1);
    assert_eq!(desk.finish(&desk.code, &key).await, Err(used()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_requests_that_take_a_proof_up_at_once_one_is_issued_a_certificate() {
    let desk = Arc::new(Desk::new().await);
    desk.store.set_dying(true);
    let died = KeyPair::generate().unwrap();
    assert!(desk.finish(&desk.code, &died).await.is_err());
    desk.store.set_dying(false);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let desk = Arc::clone(&desk);
        asking.spawn(async move { desk.finish(&desk.code, &KeyPair::generate().unwrap()).await });
    }
    let answers = asking.join_all().await;
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused, vec![used(); 7]);
}
