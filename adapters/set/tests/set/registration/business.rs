//! Merchants and gateways: the operator approves, and both of their keys are certified.

use std::sync::Arc;

use countersign_certs::{
    Certificate, EndEntityKind, KeyKind, KeyPair, KeyUse, Profile, PublicKey, RecipientCertificate,
    RecipientKey, TrustAnchors, cms::signed::Signer, to_self_certified,
};
use countersign_domain::{hex, testing::Fixture};
use countersign_set::{
    applicant::business::{Business, Waiting},
    applicant::{Asked, Invitation},
    asn1::Received,
    cardholder::WalletError,
    message::{
        failure::ErrorCode,
        purchase::PanData,
        registration::{
            BusinessWish, CertInqReqTbs, CertReqTbs, CertResData, CertStatusCode, CertSubject,
            ExchangeKeyTbs, IdData, MeAqCInitReq, MeAqCInitResTbs, PhoneProof,
        },
        wrapper::Message,
    },
    protect::{Applicant, Authority, Digest, KeyOf, ProtectError, Sealed, Signed},
    registrations::{MAX_OPEN, NotDecided, RegistrationState},
    table::Content,
    testing::{
        GATEWAY, Issuer, MERCHANT, Parties,
        business::{gateway, merchant},
        registration::{AUTHORITY, BUSINESS_POLICY, Registry},
    },
};

use super::{
    MessageAndHeader,
    applicant::{Signers, check_answers, is_refused},
    at, error_of, of,
};
use crate::forge::{self, Edit};

fn registry() -> Registry {
    Registry::new(KeyKind::default())
}

/// Registered, approved, certified.
async fn certified(registry: &Registry, business: &Business) -> [Vec<Certificate>; 2] {
    let (waiting, asked) = registry.business_request(business).await.unwrap();
    assert_eq!(asked.status, CertStatusCode::RequestPended);
    registry.decide(business, true).await.unwrap();
    let done = registry.inquire(&waiting, business).await.unwrap();
    assert_eq!(done.status, CertStatusCode::RequestComplete);
    [done.certificates, done.exchange_certificates]
}

// ---- what must come of it ------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_merchant_sells_with_the_certificates_that_the_operator_approved() {
    for kind in [KeyKind::P256, KeyKind::Rsa3072] {
        let mut parties = Parties::new();
        let cert_pe = parties.gateway.keys.exchange[0].clone();
        let registry = Registry::over(Fixture::new(), Issuer::new(parties.now(), kind), &cert_pe);
        let business = registry.business(merchant(MERCHANT));
        let form = registry.business_form(&business).await.unwrap();
        assert_eq!(form.policy(), BUSINESS_POLICY);
        let [certificates, exchange] = certified(&registry, &business).await;

        let roots =
            [&parties.issuer, registry.issuer.as_ref()].map(|one| one.root.certificate().clone());
        let trust = || TrustAnchors::new(&roots).unwrap();
        parties.gateway.trust.replace(trust());
        parties.merchant.trust.replace(trust());
        parties.wallet.trust = trust();
        let keys = &mut Arc::get_mut(&mut parties.merchant).unwrap().keys;
        keys.exchange_key = RecipientKey::new(&exchange[0], &business.exchange_key).unwrap();
        keys.exchange = exchange;
        keys.certificate = certificates[0].clone();
        keys.key = Arc::new(business.key);
        let (sent, progress) = parties.buy("49.90").await;
        assert!(progress.unwrap().code.is_some());
        let (code, _) = parties.phone().await.unwrap();
        assert!(parties.type_code(&sent, &code).await.unwrap().receipt.is_some());
    }
}

#[tokio::test]
async fn each_key_is_certified_for_its_use_in_the_role_and_name_that_were_asked_for() {
    for (id_data, name, kinds) in [
        (
            merchant(MERCHANT),
            MERCHANT,
            [EndEntityKind::MerchantSignature, EndEntityKind::MerchantKeyExchange],
        ),
        (
            gateway(GATEWAY),
            GATEWAY,
            [EndEntityKind::GatewaySignature, EndEntityKind::GatewayKeyExchange],
        ),
    ] {
        let registry = registry();
        let business = registry.business(id_data);
        let chains = certified(&registry, &business).await;
        let keys = [&business.key, &business.exchange_key];
        for ((chain, kind), key) in chains.iter().zip(kinds).zip(keys) {
            let chain = [chain[0].der().clone()];
            let verified = registry.issuer.trust().verify(&chain, at(&registry), kind).unwrap();
            assert_eq!(verified.common_name(), Some(name));
            assert_eq!(*verified.key_sha256(), key.public_key().sha256());
        }
    }
}

#[tokio::test]
async fn nobody_is_certified_until_the_operator_has_approved_and_nobody_whom_it_refused() {
    for approved in [true, false] {
        let registry = registry();
        let business = registry.business(merchant(MERCHANT));
        let (waiting, asked) = registry.business_request(&business).await.unwrap();
        let pended = registry.inquire(&waiting, &business).await.unwrap();
        for standing in [&asked, &pended] {
            assert_eq!(standing.status, CertStatusCode::RequestPended);
            assert_eq!(standing.certificates.len() + standing.exchange_certificates.len(), 0);
        }
        assert_eq!(registry.register.count(), 0);
        registry.decide(&business, approved).await.unwrap();
        let decided = registry.inquire(&waiting, &business).await.unwrap();
        let (status, state, count) = match approved {
            true => (CertStatusCode::RequestComplete, RegistrationState::Certified, 2),
            false => (CertStatusCode::RejectedByAcquirer, RegistrationState::Refused, 0),
        };
        assert_eq!((decided.status, registry.register.count()), (status, count));
        // What is decided stays so, whatever the operator says later.
        for again in [true, false] {
            let decided = registry.decide(&business, again).await;
            assert_eq!(decided.unwrap_err(), NotDecided::Before(state));
        }
        assert_eq!(registry.inquire(&waiting, &business).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn the_operator_sees_who_asks_for_which_name_and_with_which_keys() {
    let registry = registry();
    let first = registry.business(merchant(MERCHANT));
    registry.business_request(&first).await.unwrap();
    registry.fixture.clock.advance_seconds(1);
    let second = registry.business(merchant(MERCHANT));
    registry.business_request(&second).await.unwrap();
    let open = registry.open().await;
    for (found, business) in open.iter().zip([&first, &second]) {
        let sha256 = |key: &KeyPair| hex::encode(&key.public_key().sha256());
        assert_eq!(found.id, sha256(&business.key));
        assert_eq!(found.exchange_key_sha256(), sha256(&business.exchange_key));
        assert_eq!((found.name.as_str(), found.role.name()), (MERCHANT, "merchant"));
        assert_eq!((found.acquirer_bin.as_str(), found.state.name()), ("497010", "pending"));
    }
    assert_eq!(open.len(), 2, "both of one name");
    registry.decide(&second, false).await.unwrap();
    registry.decide(&first, true).await.unwrap();
    let open = registry.open().await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].state, RegistrationState::Approved);
    let stranger = registry.business(merchant("nobody"));
    assert_eq!(registry.decide(&stranger, true).await.unwrap_err(), NotDecided::Unknown);
}

// ---- what an attacker may try --------------------------------------------------------------------------------------

async fn requested(registry: &Registry, business: &Business) -> (Vec<u8>, Asked, Waiting) {
    let form = registry.business_form(business).await.unwrap();
    form.request(business, &registry.entropy, registry.now()).unwrap()
}

fn signed<T: Content>(
    registry: &Registry,
    tbs: &Received<T>,
    key: &KeyPair,
) -> Signed<T, Applicant> {
    let own = to_self_certified(key, at(registry)).unwrap();
    Signed::sign(tbs, &Signer { certificate: &own, key, above: &[] }, at(registry)).unwrap()
}

fn sealed<T: Content>(
    registry: &Registry,
    tbs: &Received<T>,
    key: &KeyPair,
) -> Sealed<Signed<T, Applicant>, Authority> {
    let recipient = RecipientCertificate::new(&registry.authority.keys.exchange[0]).unwrap();
    Sealed::seal(&signed(registry, tbs, key), &recipient).unwrap()
}

fn opened(registry: &Registry, message: &[u8]) -> Received<CertReqTbs> {
    let MessageAndHeader(_, Message::CertReq(sealed)) = of(message) else { panic!() };
    sealed.open(&registry.authority.keys.exchange_keys).unwrap().verify_new_key().unwrap().0
}

/// The wish with another content, signed by that key.
fn wish(
    registry: &Registry,
    key: &KeyPair,
    message: &[u8],
    edit: impl FnOnce(&mut BusinessWish),
) -> Vec<u8> {
    let tbs = forge::changed(&opened(registry, message), |tbs| {
        let CertSubject::Business(wish) = &mut tbs.subject else { panic!() };
        edit(wish);
    });
    let MessageAndHeader(header, _) = of(message);
    forge::write(&header, Message::CertReq(sealed(registry, &tbs, key)))
}

/// What the new key to encrypt to says of that to sign with.
fn belongs_to(
    registry: &Registry,
    exchange: &KeyPair,
    key: &PublicKey,
) -> Signed<ExchangeKeyTbs, Applicant> {
    let tbs = ExchangeKeyTbs { signature_key: KeyOf::new(key.sha256()) };
    signed(registry, &Received::new(tbs).unwrap(), exchange)
}

/// How the authority says that the wish stands.
async fn status(registry: &Registry, message: &[u8]) -> CertStatusCode {
    let answer = registry.authority.answer(message).await.unwrap();
    let MessageAndHeader(header, Message::CertRes(sealed)) = of(&answer) else { panic!() };
    let back_key = *opened(registry, message).ca_back_key.expose();
    let opens = RecipientKey::shared(header.rrpid.as_bytes(), &back_key);
    let signed: Signed<CertResData, Authority> = sealed.open(&[opens]).unwrap();
    signed.verify(&registry.issuer.trust(), at(registry)).unwrap().0.cert_status
}

/// A rule, the key that signs, and what is changed before.
type WishEdit<'a> = (&'static str, &'a KeyPair, &'a dyn Fn(&mut BusinessWish));

#[tokio::test]
async fn a_wish_is_of_the_form_that_was_given_and_of_two_keys_of_one_holder() {
    let registry = registry();
    let business = registry.business(merchant(MERCHANT));
    let (honest, _, _) = requested(&registry, &business).await;
    let tbs = opened(&registry, &honest);
    let CertSubject::Business(own) = &tbs.subject else { panic!() };
    let form = own.me_aq_c_init_res.verify_own(&registry.authority.keys.certificate).unwrap();
    let of_another_authority = {
        let other = registry.issuer.authority(AUTHORITY, KeyUse::Signature);
        Signed::sign(&form, &forge::signer(&other), at(&registry)).unwrap()
    };
    let of_another_registration = {
        let other = registry.business(merchant(MERCHANT));
        let (message, _, _) = requested(&registry, &other).await;
        let other = opened(&registry, &message);
        let CertSubject::Business(wish) = &other.subject else { panic!() };
        wish.me_aq_c_init_res.clone()
    };
    let thief = KeyPair::generate().unwrap();
    let made_for_another = belongs_to(&registry, &business.exchange_key, thief.public_key());
    let edits: [WishEdit<'_>; 6] = [
        ("a form of nobody", &business.key, &|wish| {
            wish.me_aq_c_init_res = forge::flipped(&wish.me_aq_c_init_res);
        }),
        ("a form of another authority", &business.key, &|wish| {
            wish.me_aq_c_init_res = of_another_authority.clone();
        }),
        ("a form of another registration", &business.key, &|wish| {
            wish.me_aq_c_init_res = of_another_registration.clone();
        }),
        ("a signature of the key to encrypt to that is wrong", &business.key, &|wish| {
            wish.exchange_key = forge::flipped(&wish.exchange_key);
        }),
        ("a key to encrypt to that belongs to another", &business.key, &|wish| {
            wish.exchange_key = made_for_another.clone();
        }),
        ("another's key to encrypt to, in one's own name", &thief, &|_| {}),
    ];
    for (name, key, edit) in edits {
        let message = wish(&registry, key, &honest, edit);
        assert_eq!(
            error_of(&registry, &message).await,
            Some(ErrorCode::SignatureFailure),
            "{name}"
        );
    }
    assert!(registry.open().await.is_empty());
}

#[tokio::test]
async fn every_wish_that_is_refused_is_told_why_in_order() {
    use CertStatusCode as Code;
    let registry = registry();
    let business = registry.business(merchant(MERCHANT));

    // Signed although there was no form.
    let referred = registry.business(merchant("dupont "));
    let (message, introducing) = {
        let wake_up = registry.authority.wake_up().unwrap();
        let invitation = Invitation::read(&wake_up, &business.trust, registry.now()).unwrap();
        invitation.introduce(&referred, &registry.entropy, registry.now()).unwrap()
    };
    let answer = registry.authority.answer(&message).await.unwrap();
    let MessageAndHeader(_, Message::MeAqCInitRes(referral)) = of(&answer) else { panic!() };
    let refused = introducing.accept(&answer, &referred, registry.now()).map(|_| ());
    assert!(matches!(refused, Err(WalletError::Referred(_))), "{refused:?}");
    let lid = referral.verify_own(&registry.authority.keys.certificate).unwrap().lid_ee.clone();
    let (honest, _, _) = requested(&registry, &business).await;
    let insists = {
        let tbs = forge::changed(&opened(&registry, &honest), |tbs| {
            let CertSubject::Business(wish) = &mut tbs.subject else { panic!() };
            wish.me_aq_c_init_res = referral.clone();
            tbs.lid_ee = lid.clone();
        });
        let MessageAndHeader(header, _) = of(&honest);
        forge::write(&header, Message::CertReq(sealed(&registry, &tbs, &business.key)))
    };
    assert_eq!(status(&registry, &insists).await, Code::InvalidBin);

    let (late, _, _) = requested(&registry, &business).await;
    registry.fixture.clock.advance_seconds(30 * 60 + 1);
    assert_eq!(status(&registry, &late).await, Code::RequestRejected);

    let (honest, _, _) = requested(&registry, &business).await;
    let one_key = belongs_to(&registry, &business.key, business.key.public_key());
    let one_key =
        wish(&registry, &business.key, &honest, |wish| wish.exchange_key = one_key.clone());
    assert_eq!(status(&registry, &one_key).await, Code::KeysEqual);

    // Each of the keys, certified or registered before.
    let other = registry.business(merchant("other"));
    certified(&registry, &other).await;
    let open = registry.business(merchant("open"));
    registry.business_request(&open).await.unwrap();
    let own = || KeyPair::generate().unwrap();
    let elsewhere = |pair: &KeyPair| KeyPair::from_pem(&pair.expose_pem().unwrap()).unwrap();
    for (rule, key, exchange_key) in [
        ("certified to sign", elsewhere(&other.key), own()),
        ("certified to sign, now to encrypt to", own(), elsewhere(&other.key)),
        ("certified to encrypt to", own(), elsewhere(&other.exchange_key)),
        ("certified to encrypt to, now to sign", elsewhere(&other.exchange_key), own()),
        ("registered to sign", elsewhere(&open.key), own()),
        ("registered to sign, now to encrypt to", own(), elsewhere(&open.key)),
        ("registered to encrypt to", own(), elsewhere(&open.exchange_key)),
        ("registered to encrypt to, now to sign", elsewhere(&open.exchange_key), own()),
        (
            "both registered, under another name",
            elsewhere(&open.key),
            elsewhere(&open.exchange_key),
        ),
    ] {
        let used = Business { key, exchange_key, ..registry.business(merchant(MERCHANT)) };
        let (_, standing) = registry.business_request(&used).await.unwrap();
        assert_eq!(standing.status, Code::KeyUsed, "{rule}");
    }
    let as_gateway = Business {
        key: elsewhere(&open.key),
        exchange_key: elsewhere(&open.exchange_key),
        ..registry.business(gateway("open"))
    };
    let (_, standing) = registry.business_request(&as_gateway).await.unwrap();
    assert_eq!(standing.status, Code::KeyUsed, "in another role");

    assert_eq!(registry.open().await.len(), 1);
    for _ in 1..MAX_OPEN {
        let another = registry.business(merchant(MERCHANT));
        let (_, standing) = registry.business_request(&another).await.unwrap();
        assert_eq!(standing.status, Code::RequestPended);
    }
    let (_, standing) = registry.business_request(&business).await.unwrap();
    assert_eq!(standing.status, Code::TooManyPending);
    registry.decide(&open, false).await.unwrap();
    let (_, standing) = registry.business_request(&business).await.unwrap();
    assert_eq!(standing.status, Code::RequestPended);
}

#[tokio::test]
async fn merchants_and_gateways_of_another_acquirer_or_brand_and_ids_that_are_none_are_referred() {
    let other_acquirer = |id_data: IdData| match id_data {
        IdData::Merchant(mut merchant) => {
            merchant.merchant_bin = "555555".try_into().unwrap();
            IdData::Merchant(merchant)
        }
        IdData::Gateway(mut gateway) => {
            gateway.acquirer_bin = "555555".try_into().unwrap();
            IdData::Gateway(gateway)
        }
    };
    let mut registry = registry();
    let usual = registry.business(merchant(MERCHANT));
    for (rule, id_data, brand) in [
        ("another acquirer's merchant", other_acquirer(merchant(MERCHANT)), &usual.brand),
        ("another acquirer's gateway", other_acquirer(gateway(GATEWAY)), &usual.brand),
        ("another brand", merchant(MERCHANT), &"Other".try_into().unwrap()),
        ("an id that no gateway knows", merchant("Librairie Dupont "), &usual.brand),
    ] {
        let business = Business { brand: brand.clone(), ..registry.business(id_data) };
        let referred = registry.business_form(&business).await.map(|_| ());
        assert!(matches!(referred, Err(WalletError::Referred(_))), "{rule}: {referred:?}");
    }
    registry.business_form(&usual).await.unwrap();
    Arc::get_mut(&mut registry.authority).unwrap().settings.businesses = None;
    let referred = registry.business_form(&usual).await.map(|_| ());
    assert!(matches!(referred, Err(WalletError::Referred(_))), "where none are registered");
}

#[tokio::test]
async fn an_introduction_is_of_the_request_that_its_wrapper_names() {
    let registry = registry();
    let business = registry.business(merchant(MERCHANT));
    let wake_up = registry.authority.wake_up().unwrap();
    let invitation = Invitation::read(&wake_up, &business.trust, registry.now()).unwrap();
    let (message, _) = invitation.introduce(&business, &registry.entropy, registry.now()).unwrap();
    let other = forge::edited(&message, |wrapper| {
        let Message::MeAqCInitReq(MeAqCInitReq { rrpid, .. }) = &mut wrapper.message else {
            panic!()
        };
        *rrpid = [9; 20].into();
    });
    assert_eq!(error_of(&registry, &other).await, Some(ErrorCode::WrapperMsgMismatch));
}

#[tokio::test]
async fn how_it_stands_is_told_to_the_key_that_asked_and_of_the_wish_that_it_signed_last() {
    let registry = registry();
    let business = registry.business(merchant(MERCHANT));
    let (earlier, _) = registry.business_request(&business).await.unwrap();
    registry.decide(&business, true).await.unwrap();
    // One that has lost the answers begins again.
    let (later, standing) = registry.business_request(&business).await.unwrap();
    assert_eq!(standing.status, CertStatusCode::RequestComplete);
    let inquired = registry.inquire(&later, &business).await.unwrap();
    assert_eq!(inquired.certificates, standing.certificates);
    let (message, _) = earlier.inquire(&business, &registry.entropy, registry.now()).unwrap();
    assert_eq!(error_of(&registry, &message).await, Some(ErrorCode::UnknownLid));

    let (message, _) = later.inquire(&business, &registry.entropy, registry.now()).unwrap();
    let MessageAndHeader(header, Message::CertInqReq(request)) = of(&message) else { panic!() };
    let keys = &registry.authority.keys.exchange_keys;
    let tbs: Received<CertInqReqTbs> = request.open(keys).unwrap().verify_new_key().unwrap().0;
    let thief = KeyPair::generate().unwrap();
    let of_another_key = sealed(&registry, &tbs, &thief);
    let with_a_code = forge::changed(&tbs, |tbs| {
        let pan_data = PanData {
            pan: "4970100000000154".try_into().unwrap(),
            card_expiry: "203512".try_into().unwrap(),
            pan_secret: [5; 20].into(),
            ex_nonce: [6; 20].into(),
        };
        tbs.phone_proof = Some(PhoneProof {
            pan_data: Received::new(pan_data).unwrap(),
            code: "000000".try_into().unwrap(),
        });
    });
    let with_a_code = sealed(&registry, &with_a_code, &business.key);
    for request in [of_another_key, with_a_code] {
        let message = forge::write(&header, Message::CertInqReq(request));
        assert_eq!(error_of(&registry, &message).await, Some(ErrorCode::UnknownLid));
    }
}

// ---- once ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_same_request_of_a_merchant_gets_the_same_answer_and_each_key_one_certificate() {
    let registry = registry();
    let business = registry.business(merchant(MERCHANT));
    let (request, asked, waiting) = requested(&registry, &business).await;
    let pended = registry.authority.answer(&request).await.unwrap();
    let (question, _) = waiting.inquire(&business, &registry.entropy, registry.now()).unwrap();
    let still = registry.authority.answer(&question).await.unwrap();
    registry.decide(&business, true).await.unwrap();
    // What was answered before the operator approved is answered the same.
    assert_eq!(registry.authority.answer(&request).await.unwrap(), pended);
    assert_eq!(registry.authority.answer(&question).await.unwrap(), still);
    waiting.answer(&asked, &pended, &business, registry.now()).unwrap();
    assert_eq!(registry.register.count(), 0);
    let (question, _) = waiting.inquire(&business, &registry.entropy, registry.now()).unwrap();
    let done = registry.authority.answer(&question).await.unwrap();
    assert_eq!(registry.authority.answer(&question).await.unwrap(), done);
    registry.inquire(&waiting, &business).await.unwrap();
    assert_eq!(registry.register.count(), 2);

    let other = wish(&registry, &business.key, &request, |wish| {
        wish.exchange_key =
            belongs_to(&registry, &business.exchange_key, business.key.public_key());
    });
    assert_eq!(error_of(&registry, &other).await, Some(ErrorCode::UnknownRrpid));
}

// ---- what the applicant checks -------------------------------------------------------------------------------------

#[tokio::test]
async fn a_merchant_checks_the_form_of_the_authority() {
    let mut registry = registry();
    let signers = Signers::new(&mut registry);
    let registry = &registry;
    let business = registry.business(merchant(MERCHANT));
    let now = registry.now();
    let wake_up = registry.authority.wake_up().unwrap();
    let invitation = Invitation::read(&wake_up, &business.trust, now).unwrap();
    let (message, introducing) = invitation.introduce(&business, &registry.entropy, now).unwrap();
    let answer = registry.authority.answer(&message).await.unwrap();
    let MessageAndHeader(header, Message::MeAqCInitRes(form)) = of(&answer) else { panic!() };
    let (data, _) = form.verify(&business.trust, at(registry)).unwrap();
    let reads = |signed: &Signed<MeAqCInitResTbs, Authority>| {
        let message = forge::write(&header, Message::MeAqCInitRes(signed.clone()));
        introducing.clone().accept(&message, &business, now).map(|_| ())
    };
    let edits: [(&str, Edit<MeAqCInitResTbs>); 4] = [
        ("rrpid", |data| data.rrpid = [9; 20].into()),
        ("lid-EE", |data| data.lid_ee = vec![9].try_into().unwrap()),
        ("chall-EE", |data| data.chall_ee = [9; 20].into()),
        ("idData", |data| data.id_data = merchant("another")),
    ];
    check_answers(registry, &signers, &data, &reads, &edits);
    let own = |data: &Received<MeAqCInitResTbs>| {
        reads(&Signed::sign(data, &forge::signer(&signers.own), at(registry)).unwrap())
    };
    let (other, _) = registry.issuer.gateway(GATEWAY, KeyUse::KeyExchange);
    let to_a_gateway = forge::changed(&data, |data| data.cae_certificates = forge::chain(&other));
    assert!(is_refused(own(&to_a_gateway)));
    let (other, _) = registry.issuer.authority("authority-2", KeyUse::KeyExchange);
    let to_another = forge::changed(&data, |data| data.cae_certificates = forge::chain(&other));
    assert_eq!(own(&to_another), Err(WalletError::Mismatch("Cert-CAE")));
}

#[tokio::test]
async fn a_merchant_keeps_certificates_of_its_own_keys_name_and_role_alone() {
    let mut registry = registry();
    let signers = Signers::new(&mut registry);
    let registry = &registry;
    let business = registry.business(merchant(MERCHANT));
    let (message, asked, waiting) = requested(registry, &business).await;
    registry.authority.answer(&message).await.unwrap();
    let issued = |id_data: IdData, [key, exchange_key]: [&KeyPair; 2]| {
        [(KeyUse::Signature, key), (KeyUse::KeyExchange, exchange_key)].map(|(key_use, key)| {
            let profile = match &id_data {
                IdData::Merchant(merchant) => {
                    Profile::Merchant { common_name: merchant.merchant_id.as_str(), key_use }
                }
                IdData::Gateway(gateway) => {
                    let common_name = gateway.acquirer_business_id.as_str();
                    Profile::PaymentGateway { common_name, key_use }
                }
            };
            let Issuer { root, validity, .. } = registry.issuer.as_ref();
            root.issue(&profile, key.public_key(), *validity).unwrap()
        })
    };
    let tbs = opened(registry, &message);
    let MessageAndHeader(header, _) = of(&message);
    let answered = |[certificate, exchange]: &[Certificate; 2]| {
        let data = CertResData {
            rrpid: tbs.rrpid.clone(),
            lid_ee: tbs.lid_ee.clone(),
            chall_ee3: tbs.chall_ee3.clone(),
            h_cert_req: Digest::of(&tbs).unwrap(),
            cert_status: CertStatusCode::RequestComplete,
            code_start: None,
            certificates: Some(forge::chain(certificate)),
            exchange_certificates: Some(forge::chain(exchange)),
        };
        let data = Received::new(data).unwrap();
        let signed = Signed::sign(&data, &forge::signer(&signers.own), at(registry)).unwrap();
        let back_key =
            RecipientCertificate::shared(header.rrpid.as_bytes(), tbs.ca_back_key.expose());
        let sealed = Sealed::seal(&signed, &back_key).unwrap();
        let message = forge::write(&header, Message::CertRes(sealed));
        waiting.answer(&asked, &message, &business, registry.now()).map(|_| ())
    };
    let keys = [&business.key, &business.exchange_key];
    let own = issued(merchant(MERCHANT), keys);
    assert_eq!(answered(&own), Ok(()));
    let another = KeyPair::generate().unwrap();
    let [other_key, _] = issued(merchant(MERCHANT), [&another, &business.exchange_key]);
    let [_, other_exchange] = issued(merchant(MERCHANT), [&business.key, &another]);
    let [key, exchange] = own;
    for other in [[other_key, exchange.clone()], [key.clone(), other_exchange]] {
        assert_eq!(answered(&other), Err(WalletError::Mismatch("the certified key")));
    }
    let other_name = issued(merchant("another"), keys);
    assert_eq!(answered(&other_name), Err(WalletError::Mismatch("the certified name")));
    for other in [issued(gateway(MERCHANT), keys), [exchange, key]] {
        let refused = answered(&other);
        assert!(
            matches!(refused, Err(WalletError::NotAuthentic(ProtectError::Signed { .. }))),
            "{refused:?}"
        );
    }
}
