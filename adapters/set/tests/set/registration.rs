//! Registration (F11.1): a code to the phone of the card, and then a certificate with both.

mod applicant;
mod business;
mod dies;

use std::sync::atomic::Ordering;

use countersign_certs::{
    EndEntityKind, KeyKind, KeyPair, KeyUse, RecipientCertificate, RecipientKey, TrustAnchors,
    UnixTime, cms::signed::Signer, to_self_certified,
};
use countersign_domain::{
    card::Card,
    testing::{Fixture, card},
};
use countersign_set::{
    applicant::{Asked, Invitation, Registrant, Registration, Standing},
    asn1::{Received, SecretOctets},
    cardholder::{Identity, WalletError},
    message::{
        failure::{ErrorCode, ErrorMessage},
        purchase::PanData,
        registration::{
            CardWish, CertInqReqTbs, CertReqTbs, CertResData, CertStatusCode, CertSubject,
            RegFormReqTbe,
        },
        wrapper::{Message, MessageHeader},
    },
    protect::{Applicant, Authority, Sealed, Signed},
    table::Content,
    testing::{
        Issuer, Parties,
        registration::{AUTHORITY, POLICY, Registry},
    },
};

use crate::forge::{self, Edit};

/// A card that the authority vouches for, and the directory does not know.
fn unknown_card() -> Card {
    Card::new("4970100000000162", "12/29".try_into().unwrap()).unwrap()
}

fn at(registry: &Registry) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(registry.now().unix_seconds()))
}

async fn known() -> Registry {
    let registry = Registry::new(KeyKind::default());
    registry.enrol().await;
    registry
}

// ---- what must come of it ------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_certificate_of_a_registration_pays_where_no_directory_knows_the_card() {
    for kind in [KeyKind::P256, KeyKind::Rsa3072] {
        let mut parties = Parties::new();
        let cert_pe = parties.gateway.keys.exchange[0].clone();
        let issuer = Issuer::new(parties.now(), kind);
        // The authority's directory is its own.
        let registry = Registry::over(Fixture::new(), issuer, &cert_pe);
        registry.enrol().await;
        let registrant = registry.registrant();
        assert_eq!(registry.form(&registrant).await.unwrap().policy(), POLICY);
        let (registration, asked) = registry.request(&registrant).await.unwrap();
        assert_eq!(asked.status, CertStatusCode::CodeAsked);
        let (_, code, _) = registry.phone().await.unwrap();
        let done = registry.prove(&registration, &registrant, &code).await.unwrap();
        assert_eq!(done.status, CertStatusCode::RequestComplete);

        let roots =
            [&parties.issuer, registry.issuer.as_ref()].map(|one| one.root.certificate().clone());
        let trust = || TrustAnchors::new(&roots).unwrap();
        parties.gateway.trust.replace(trust());
        parties.merchant.trust.replace(trust());
        let Registrant { key, pan_secret, .. } = registrant;
        let [certificate] = done.certificates.try_into().unwrap();
        parties.wallet.identity =
            Some(Identity { certificate, above: Vec::new(), key, pan_secret });
        let (sent, progress) = parties.buy("49.90").await;
        assert!(progress.unwrap().code.is_some());
        let (code, _) = parties.phone().await.unwrap();
        assert!(parties.type_code(&sent, &code).await.unwrap().receipt.is_some());
    }
}

#[tokio::test]
async fn the_message_names_the_card_and_the_reference_that_the_wallet_shows() {
    let registry = known().await;
    let (_, asked) = registry.request(&registry.registrant()).await.unwrap();
    let (text, code, reference) = registry.phone().await.unwrap();
    assert!(text.starts_with("Certificate for Example ...0154"), "{text}");
    let start = asked.code.unwrap();
    assert_eq!(start.reference, reference);
    assert_eq!(usize::from(start.digits), code.len());
}

#[tokio::test]
async fn the_certificate_bears_the_card_and_the_number_for_the_gateway_alone() {
    let parties = Parties::new();
    let cert_pe = parties.gateway.keys.exchange[0].clone();
    let issuer = Issuer::new(parties.now(), KeyKind::default());
    let registry = Registry::over(Fixture::new(), issuer, &cert_pe);
    registry.enrol().await;
    let registrant = registry.registrant();
    let (registration, _) = registry.request(&registrant).await.unwrap();
    let (_, code, _) = registry.phone().await.unwrap();
    let done = registry.prove(&registration, &registrant, &code).await.unwrap();
    let [certificate] = done.certificates.try_into().unwrap();
    assert_eq!(certificate.key_sha256(), registrant.key.public_key().sha256());
    let verified = registry
        .issuer
        .trust()
        .verify(&[certificate.der().clone()], at(&registry), EndEntityKind::Cardholder)
        .unwrap();
    let holder = verified.phone(&parties.gateway.keys.phones).unwrap();
    assert_eq!(holder.number.expose(), "+33612345678");
    assert_eq!(holder.card.unwrap().expose_number(), card().expose_number());
    assert!(verified.phone(&[]).is_err());
}

// ---- nobody without the code ---------------------------------------------------------------------------------------

#[tokio::test]
async fn until_a_code_is_right_a_card_that_is_known_is_told_from_one_that_is_not_by_nothing() {
    let mut told = Vec::new();
    // All signatures of RSA are of one length, and so are the answers of one authority.
    let registry = Registry::new(KeyKind::Rsa3072).over_sockets();
    registry.enrol().await;
    let door = registry.door.as_ref().unwrap();
    for card in [card(), unknown_card()] {
        let before = door.heads().len();
        let registrant = Registrant { card, ..registry.registrant() };
        let mut seen = Vec::new();
        let (registration, asked) = registry.request(&registrant).await.unwrap();
        let mut note = |standing: &Standing| {
            let start = standing.code.as_ref();
            seen.push((
                standing.status,
                start.map(|start| {
                    let left = start.expires_at.seconds_from(registry.now());
                    (start.digits, start.attempts_left, left)
                }),
                start.map(|start| start.reference.len()),
                standing.certificates.len(),
            ));
        };
        note(&asked);
        for _ in 0..4 {
            note(&registry.prove(&registration, &registrant, "000000").await.unwrap());
        }
        // Another code, which comes too late.
        let (registration, asked) = registry.request(&registrant).await.unwrap();
        note(&asked);
        registry.fixture.clock.advance_seconds(300);
        note(&registry.prove(&registration, &registrant, "000000").await.unwrap());
        for _ in 0..4 {
            note(&registry.request(&registrant).await.unwrap().1);
        }
        assert_eq!(registry.register.count(), 0);
        told.push((seen, door.heads().split_off(before)));
    }
    let statuses: Vec<_> = told[0].0.iter().map(|(status, ..)| *status).collect();
    use CertStatusCode as Code;
    assert_eq!(
        statuses,
        [
            Code::CodeAsked,
            Code::CodeWrong,
            Code::CodeWrong,
            Code::CodeLocked,
            Code::CodeLocked,
            Code::CodeAsked,
            Code::CodeExpired,
            Code::CodeAsked,
            Code::CodeAsked,
            Code::CodeAsked,
            Code::TooManyCodes
        ]
    );
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn the_phone_rings_for_the_very_card_of_the_directory_alone() {
    for other in
        [unknown_card(), Card::new(card().expose_number(), "11/29".try_into().unwrap()).unwrap()]
    {
        let registry = known().await;
        let registrant = Registrant { card: other, ..registry.registrant() };
        let (_, asked) = registry.request(&registrant).await.unwrap();
        assert_eq!(asked.status, CertStatusCode::CodeAsked);
        assert_eq!(registry.rung().await, 0);
    }
}

#[tokio::test]
async fn the_right_code_is_right_for_the_last_attempt_and_not_after_it() {
    for wrong in [2, 3] {
        let registry = known().await;
        let registrant = registry.registrant();
        let (registration, _) = registry.request(&registrant).await.unwrap();
        let (_, code, _) = registry.phone().await.unwrap();
        for _ in 0..wrong {
            registry.prove(&registration, &registrant, "000000").await.unwrap();
        }
        let last = registry.prove(&registration, &registrant, &code).await.unwrap();
        let expected = match wrong {
            2 => CertStatusCode::RequestComplete,
            _ => CertStatusCode::CodeLocked,
        };
        assert_eq!(last.status, expected);
        assert_eq!(registry.register.count(), usize::from(wrong == 2));
    }
}

#[tokio::test]
async fn what_cannot_be_certified_uses_up_neither_the_code_nor_an_attempt() {
    let registry = known().await;
    let registrant = registry.registrant();
    let (registration, _) = registry.request(&registrant).await.unwrap();
    let (_, code, _) = registry.phone().await.unwrap();
    registry.register.is_over.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        assert!(registry.prove(&registration, &registrant, &code).await.is_err());
    }
    registry.register.is_over.store(false, Ordering::SeqCst);
    let done = registry.prove(&registration, &registrant, &code).await.unwrap();
    assert_eq!(done.status, CertStatusCode::RequestComplete);
    assert_eq!(registry.register.count(), 1);
}

// ---- what an attacker may try --------------------------------------------------------------------------------------

/// The body of a request with which the house's keys are the attacker's, changed and made anew.
struct Forged<'a> {
    registry: &'a Registry,
    registrant: &'a Registrant,
}

impl Forged<'_> {
    fn opened<T: Content>(&self, sealed: &Sealed<Signed<T, Applicant>, Authority>) -> Received<T> {
        let signed = sealed.open(&self.registry.authority.keys.exchange_keys).unwrap();
        signed.verify_new_key().unwrap().0
    }

    fn closed<T: Content>(
        &self,
        tbs: &Received<T>,
        key: &KeyPair,
    ) -> Sealed<Signed<T, Applicant>, Authority> {
        let own = to_self_certified(key, at(self.registry)).unwrap();
        self.signed_by(tbs, &Signer { certificate: &own, key, above: &[] })
    }

    fn signed_by<T: Content>(
        &self,
        tbs: &Received<T>,
        signer: &Signer<'_>,
    ) -> Sealed<Signed<T, Applicant>, Authority> {
        let signed = Signed::sign(tbs, signer, at(self.registry)).unwrap();
        Sealed::seal(&signed, &self.recipient()).unwrap()
    }

    fn recipient(&self) -> RecipientCertificate {
        RecipientCertificate::new(&self.registry.authority.keys.exchange[0]).unwrap()
    }

    /// The wish for a certificate.
    fn request(&self, message: &[u8], edit: impl FnOnce(&mut CertReqTbs)) -> Vec<u8> {
        let MessageAndHeader(header, Message::CertReq(sealed)) = of(message) else { panic!() };
        let tbs = forge::changed(&self.opened(&sealed), edit);
        forge::write(&header, Message::CertReq(self.closed(&tbs, &self.registrant.key)))
    }

    /// The same, with another wish for a card.
    fn wish(&self, message: &[u8], edit: impl FnOnce(&mut CardWish)) -> Vec<u8> {
        self.request(message, |tbs| {
            let CertSubject::Card(wish) = &mut tbs.subject else { panic!() };
            edit(wish);
        })
    }

    /// The proof of the phone, signed with that key.
    fn proof(
        &self,
        message: &[u8],
        key: &KeyPair,
        edit: impl FnOnce(&mut CertInqReqTbs),
    ) -> Vec<u8> {
        let MessageAndHeader(header, Message::CertInqReq(sealed)) = of(message) else { panic!() };
        let tbs = forge::changed(&self.opened(&sealed), edit);
        forge::write(&header, Message::CertInqReq(self.closed(&tbs, key)))
    }
}

fn wish_in(tbs: &CertReqTbs) -> &CardWish {
    let CertSubject::Card(wish) = &tbs.subject else { panic!() };
    wish
}

struct MessageAndHeader(MessageHeader, Message);

fn of(message: &[u8]) -> MessageAndHeader {
    let wrapper = forge::read(message);
    MessageAndHeader(wrapper.header, wrapper.message)
}

/// What the authority says of a message, if it is an error; it is signed.
async fn error_of(registry: &Registry, message: &[u8]) -> Option<ErrorCode> {
    let answer = registry.authority.answer(message).await.unwrap();
    let Message::Error(error) = forge::read(&answer).message else { return None };
    let ErrorMessage::OfAuthority(signed) = error else { panic!("{error:?}") };
    Some(signed.verify(&registry.issuer.trust(), at(registry)).unwrap().0.error_code)
}

async fn requested(registry: &Registry, registrant: &Registrant) -> (Vec<u8>, Asked, Registration) {
    let form = registry.form(registrant).await.unwrap();
    form.request(registrant, &registry.entropy, registry.now()).unwrap()
}

#[tokio::test]
async fn a_code_certifies_the_card_and_the_key_that_the_phone_was_asked_for_and_no_others() {
    let registry = known().await;
    let registrant = registry.registrant();
    let (registration, _) = registry.request(&registrant).await.unwrap();
    let (_, code, _) = registry.phone().await.unwrap();
    let (message, _) =
        registration.prove(&code, &registrant, &registry.entropy, registry.now()).unwrap();
    let forged = Forged { registry: &registry, registrant: &registrant };
    let edits: [(&str, Edit<PanData>); 4] = [
        ("another card", |data| data.pan = "4970100000000162".try_into().unwrap()),
        ("another month", |data| data.card_expiry = "203001".try_into().unwrap()),
        ("another name", |data| data.pan_secret = SecretOctets::from([8; 20])),
        ("another session", |data| data.ex_nonce = SecretOctets::from([8; 20])),
    ];
    for (name, edit) in edits {
        let other = forged.proof(&message, &registrant.key, |tbs| {
            let proof = tbs.phone_proof.as_mut().unwrap();
            proof.pan_data = forge::changed(&proof.pan_data, edit);
        });
        assert_eq!(error_of(&registry, &other).await, Some(ErrorCode::SignatureFailure), "{name}");
    }
    let thief = KeyPair::generate().unwrap();
    let stolen = forged.proof(&message, &thief, |_| {});
    assert_eq!(error_of(&registry, &stolen).await, Some(ErrorCode::SignatureFailure));
    assert_eq!(registry.register.count(), 0);
    // None of these has cost an attempt.
    let start = registry.prove(&registration, &registrant, "000000").await.unwrap().code;
    assert_eq!(start.unwrap().attempts_left, 2);
    assert_eq!(error_of(&registry, &message).await, None);
    assert_eq!(registry.register.count(), 1);
}

#[tokio::test]
async fn a_code_is_of_one_registration() {
    let registry = known().await;
    let (mine, theirs) = (registry.registrant(), registry.registrant());
    let (first, _) = registry.request(&mine).await.unwrap();
    let (_, code, _) = registry.phone().await.unwrap();
    let (second, _) = registry.request(&theirs).await.unwrap();
    registry.phone().await.unwrap();
    let stolen = registry.prove(&second, &theirs, &code).await.unwrap();
    assert_eq!(stolen.status, CertStatusCode::CodeWrong);
    let own = registry.prove(&first, &mine, &code).await.unwrap();
    assert_eq!(own.status, CertStatusCode::RequestComplete);
}

#[tokio::test]
async fn every_wish_for_a_certificate_is_checked_in_order() {
    let registry = known().await;
    let registrant = registry.registrant();
    let (honest, _, _) = requested(&registry, &registrant).await;
    let forged = Forged { registry: &registry, registrant: &registrant };
    let MessageAndHeader(header, Message::CertReq(sealed)) = of(&honest) else { panic!() };
    let tbs = forged.opened(&sealed);
    let closed = forged.closed(&tbs, &registrant.key);
    let (elsewhere, _) = registry.issuer.authority(AUTHORITY, KeyUse::KeyExchange);
    let elsewhere = RecipientCertificate::new(&elsewhere).unwrap();
    let opened = closed.open(&registry.authority.keys.exchange_keys).unwrap();
    let write = |sealed| forge::write(&header, Message::CertReq(sealed));
    let other_form = {
        let form =
            wish_in(&tbs).reg_form_res.verify_own(&registry.authority.keys.certificate).unwrap();
        let other = registry.issuer.authority(AUTHORITY, KeyUse::Signature);
        Signed::sign(&form, &forge::signer(&other), at(&registry)).unwrap()
    };
    let other_rrpid =
        |message: &[u8]| forge::edited(message, |wrapper| wrapper.header.rrpid = [9; 20].into());
    for (name, message, expected) in [
        (
            "another's envelope",
            write(Sealed::seal(&opened, &elsewhere).unwrap()),
            ErrorCode::SignatureFailure,
        ),
        ("a tag that is wrong", write(forge::flipped(&closed)), ErrorCode::SignatureFailure),
        (
            "a signature that is wrong",
            write(Sealed::seal(&forge::flipped(&opened), &forged.recipient()).unwrap()),
            ErrorCode::SignatureFailure,
        ),
        ("another request than the wrapper's", other_rrpid(&honest), ErrorCode::SignatureFailure),
        (
            "a form of nobody",
            forged.wish(&honest, |wish| wish.reg_form_res = forge::flipped(&wish.reg_form_res)),
            ErrorCode::SignatureFailure,
        ),
        (
            "a form of another authority",
            forged.wish(&honest, |wish| wish.reg_form_res = other_form.clone()),
            ErrorCode::SignatureFailure,
        ),
        (
            "a form of another registration",
            forged.request(&honest, |tbs| tbs.lid_ee = vec![1].try_into().unwrap()),
            ErrorCode::SignatureFailure,
        ),
    ] {
        assert_eq!(error_of(&registry, &message).await, Some(expected), "{name}");
    }
    assert_eq!(registry.rung().await, 0);
}

#[tokio::test]
async fn every_card_and_key_is_checked_before_a_phone_rings() {
    let registry = known().await;
    let registrant = registry.registrant();
    let forged = Forged { registry: &registry, registrant: &registrant };
    let status = async |edit: &dyn Fn(&mut CardWish)| {
        let (message, _, _) = requested(&registry, &registrant).await;
        let message = forged.wish(&message, edit);
        let answer = registry.authority.answer(&message).await.unwrap();
        let Message::CertRes(sealed) = forge::read(&answer).message else { panic!() };
        opened_answer(&forged, &message, &sealed).cert_status
    };
    let card = |edit: Edit<PanData>| {
        move |wish: &mut CardWish| wish.pan_data = forge::changed(&wish.pan_data, edit)
    };
    use CertStatusCode as Code;
    let not_a_card = card(|data| data.pan = "4970100000000155".try_into().unwrap());
    assert_eq!(status(&not_a_card).await, Code::InvalidBin);
    let of_another_bank = card(|data| data.pan = "5555555555554444".try_into().unwrap());
    assert_eq!(status(&of_another_bank).await, Code::InvalidBin);
    let past = card(|data| data.card_expiry = "202601".try_into().unwrap());
    assert_eq!(status(&past).await, Code::CardExpired);
    assert_eq!(registry.rung().await, 0);
    assert_eq!(status(&|_| {}).await, Code::CodeAsked);

    // A form is good for half an hour.
    let (message, _, _) = requested(&registry, &registrant).await;
    registry.fixture.clock.advance_seconds(30 * 60 + 1);
    let answer = registry.authority.answer(&message).await.unwrap();
    let Message::CertRes(sealed) = forge::read(&answer).message else { panic!() };
    assert_eq!(opened_answer(&forged, &message, &sealed).cert_status, Code::RequestRejected);

    // A key is certified once; the one that has it is given its certificate again.
    let (registration, _) = registry.request(&registrant).await.unwrap();
    let (_, code, _) = registry.phone().await.unwrap();
    let done = registry.prove(&registration, &registrant, &code).await.unwrap();
    let rung = registry.rung().await;
    let again = registry.request(&registrant).await.unwrap().1;
    assert_eq!((again.status, again.certificates), (Code::RequestComplete, done.certificates));
    assert_eq!((registry.rung().await, registry.register.count()), (rung, 1));
}

/// The name and the key under which a wish is answered.
fn back_key(forged: &Forged<'_>, request: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let MessageAndHeader(header, Message::CertReq(sealed)) = of(request) else { panic!() };
    let tbs = forged.opened(&sealed);
    (header.rrpid.as_bytes().to_vec(), *tbs.ca_back_key.expose())
}

/// The answer to a wish, opened with the key that was sent along.
fn opened_answer(
    forged: &Forged<'_>,
    request: &[u8],
    sealed: &Sealed<Signed<CertResData, Authority>, Applicant>,
) -> CertResData {
    let (id, key) = back_key(forged, request);
    let signed = sealed.open(&[RecipientKey::shared(&id, &key)]).unwrap();
    let registry = forged.registry;
    signed.verify(&registry.issuer.trust(), at(registry)).unwrap().0.into_value()
}

#[tokio::test]
async fn cards_of_another_brand_or_bank_are_referred_before_anything_is_signed() {
    let registry = known().await;
    for registrant in [
        Registrant { brand: "Other".try_into().unwrap(), ..registry.registrant() },
        Registrant {
            card: Card::new("5555555555554444", "06/30".try_into().unwrap()).unwrap(),
            ..registry.registrant()
        },
    ] {
        let referred = registry.form(&registrant).await.map(|_| ());
        assert!(matches!(referred, Err(WalletError::Referred(_))), "{referred:?}");
    }
}

#[tokio::test]
async fn a_form_is_asked_for_in_an_envelope_of_its_own_request() {
    let registry = known().await;
    let registrant = registry.registrant();
    let wake_up = registry.authority.wake_up().unwrap();
    let invitation = Invitation::read(&wake_up, &registrant.trust, registry.now()).unwrap();
    let (first, begun) = invitation.begin(&registry.entropy, registry.now()).unwrap();
    let other = forge::edited(&first, |wrapper| wrapper.header.rrpid = [9; 20].into());
    let answer = error_of(&registry, &other).await;
    assert_eq!(answer, Some(ErrorCode::WrapperMsgMismatch));
    let answer = registry.authority.answer(&first).await.unwrap();
    let introduced = begun.accept(&answer, &registrant, registry.now()).unwrap();
    let (second, _) = introduced.ask_form(&registrant, &registry.entropy, registry.now()).unwrap();
    let other = forge::edited(&second, |wrapper| wrapper.header.rrpid = [9; 20].into());
    assert_eq!(error_of(&registry, &other).await, Some(ErrorCode::SignatureFailure));
    let flipped = forge::edited(&second, |wrapper| {
        let Message::RegFormReq(sealed) = &mut wrapper.message else { panic!() };
        *sealed = forge::flipped::<Sealed<RegFormReqTbe, Authority>>(sealed);
    });
    assert_eq!(error_of(&registry, &flipped).await, Some(ErrorCode::SignatureFailure));
}

#[tokio::test]
async fn a_code_for_nothing_that_was_asked_for_is_told_so() {
    let registry = known().await;
    let registrant = registry.registrant();
    let (_, _, registration) = requested(&registry, &registrant).await;
    let (message, _) =
        registration.prove("000000", &registrant, &registry.entropy, registry.now()).unwrap();
    assert_eq!(error_of(&registry, &message).await, Some(ErrorCode::UnknownLid));
}

// ---- once ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_does_nothing_more() {
    let registry = known().await;
    let registrant = registry.registrant();
    let (request, asked, registration) = requested(&registry, &registrant).await;
    let first = registry.authority.answer(&request).await.unwrap();
    assert_eq!(registry.authority.answer(&request).await.unwrap(), first);
    let (_, code, _) = registry.phone().await.unwrap();
    assert_eq!(registry.rung().await, 1, "the phone rings once");
    registration.answer(&asked, &first, &registrant, registry.now()).unwrap();
    let (wrong, _) =
        registration.prove("000000", &registrant, &registry.entropy, registry.now()).unwrap();
    let refused = registry.authority.answer(&wrong).await.unwrap();
    assert_eq!(registry.authority.answer(&wrong).await.unwrap(), refused);
    let (proof, asked) =
        registration.prove(&code, &registrant, &registry.entropy, registry.now()).unwrap();
    let done = registry.authority.answer(&proof).await.unwrap();
    assert_eq!(registry.authority.answer(&proof).await.unwrap(), done);
    let standing = registration.answer(&asked, &done, &registrant, registry.now()).unwrap();
    assert_eq!(standing.status, CertStatusCode::RequestComplete);
    // The one that has the key and asks again is given the certificate that there is.
    let again = registry.prove(&registration, &registrant, "000000").await.unwrap();
    assert_eq!(again.certificates, standing.certificates);
    assert_eq!(registry.register.count(), 1);
}

#[tokio::test]
async fn a_request_used_again_for_something_else_is_refused() {
    let registry = known().await;
    let registrant = registry.registrant();
    let (message, _, _) = requested(&registry, &registrant).await;
    registry.authority.answer(&message).await.unwrap();
    let forged = Forged { registry: &registry, registrant: &registrant };
    let other = forged.wish(&message, |wish| wish.language = "fr".try_into().unwrap());
    assert_eq!(error_of(&registry, &other).await, Some(ErrorCode::UnknownRrpid));
}

#[tokio::test]
async fn an_authority_answers_no_message_of_a_purchase() {
    let parties = Parties::new();
    let registry = known().await;
    let order = parties.order("49.90").await;
    let wake_up = parties.merchant.wake_up(&order.id).await.unwrap();
    let offer = parties.wallet.offer(&wake_up, parties.now()).unwrap();
    let (message, _) = offer.begin(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    let answer = error_of(&registry, &message).await;
    assert_eq!(answer, Some(ErrorCode::MessageNotSupported));
}
