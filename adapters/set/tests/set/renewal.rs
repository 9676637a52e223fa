//! The gateway has another key to encrypt to: the merchant asks (PCertReq), and encrypts to the new one without a restart.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use countersign_certs::{
    Certificate, KeyUse, RecipientKey, SigningKey, TrustAnchors, UnixTime, Validity,
    cms::signed::Signer,
};
use countersign_set::{
    BatchNumber,
    asn1::{CertificateElement, Received},
    cardholder::{Progress, WalletError},
    gateway::{GatewayKeys, PaymentGateway},
    merchant::{GatewayLink, KnownGateway, LinkError, MerchantServer},
    message::{
        certificates::{PCertReqData, PCertResTbs},
        failure::ErrorCode,
        purchase::CompletionCode,
        wrapper::Message,
    },
    protect::{Digest, KeyOf, Signed},
    testing::{self, GATEWAY, Issuer, MERCHANT, OTHER_MERCHANT, Parties, Setup, Wire},
};

use crate::forge::{self, Edit};

/// The merchant's program goes on; its questions now go to that gateway.
fn reach(parties: &mut Parties, gateway: Arc<PaymentGateway>) {
    parties.wire = Arc::new(Wire::to(gateway.clone()));
    Arc::get_mut(&mut parties.merchant).unwrap().link = parties.wire.clone();
    parties.gateway = gateway;
}

fn current(merchant: &MerchantServer) -> Certificate {
    merchant.gateway.current()[0].clone()
}

fn completion(progress: Result<Progress, WalletError>) -> CompletionCode {
    progress.unwrap().completion
}

#[tokio::test]
async fn what_the_gateway_cannot_read_makes_the_merchant_ask_and_the_next_purchase_is_paid() {
    let mut parties = Parties::new();
    let before = current(&parties.merchant);
    let (gateway, new) =
        testing::gateway(&parties.fixture, &parties.issuer, GATEWAY, Setup::default());
    reach(&mut parties, Arc::new(gateway));
    parties.enrol().await;
    parties.wallet.identity = None;
    let (_, lost) = parties.buy("49.90").await;
    assert_eq!(completion(lost), CompletionCode::OrderReceived, "the gateway has not read it");
    assert_ne!(before, new);
    assert_eq!(current(&parties.merchant), new);
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(completion(progress), CompletionCode::CodeAsked);
    let (code, _) = parties.phone().await.unwrap();
    let paid = parties.type_code(&sent, &code).await;
    assert_eq!(completion(paid), CompletionCode::CapturePerformed);
}

#[tokio::test]
async fn a_purchase_that_was_named_under_the_earlier_key_is_still_paid_while_the_gateway_has_it() {
    let mut parties = Parties::new();
    let (mut gateway, new) =
        testing::gateway(&parties.fixture, &parties.issuer, GATEWAY, Setup::default());
    let (earlier, key) = parties.issuer.gateway(GATEWAY, KeyUse::KeyExchange);
    gateway.keys.exchange.push(earlier.clone());
    gateway.keys.exchange_keys.push(RecipientKey::new(&earlier, &key).unwrap());
    reach(&mut parties, Arc::new(gateway));
    Arc::get_mut(&mut parties.merchant).unwrap().gateway = KnownGateway::new(vec![earlier]);
    parties.enrol().await;
    parties.wallet.identity = None;
    let order = parties.order("49.90").await;
    let purchase = parties.named(&order).await;
    parties.merchant.follow_gateway().await.unwrap();
    assert_eq!(current(&parties.merchant), new);
    let (message, asked, sent) =
        purchase.request(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    let answer = parties.merchant.answer(&message).await.unwrap();
    let progress = sent.answer(&asked, &answer, &parties.wallet.trust, parties.now());
    assert_eq!(completion(progress), CompletionCode::CodeAsked);
}

#[tokio::test]
async fn a_certificate_that_has_run_out_is_replaced_by_the_one_that_the_gateway_has_now() {
    let mut parties = Parties::new();
    let valid = parties.issuer.validity;
    let begun = Duration::from_secs(parties.now().unix_seconds() - 3_000);
    let begun = UnixTime::since_unix_epoch(begun);
    let over = Duration::from_secs(2_000);
    parties.issuer.validity = Validity::new(begun, over).unwrap();
    let (expired, _) = parties.issuer.gateway(GATEWAY, KeyUse::KeyExchange);
    parties.issuer.validity = valid;
    let good = parties.gateway.keys.exchange[0].clone();
    let (mut gateway, _) =
        testing::gateway(&parties.fixture, &parties.issuer, GATEWAY, Setup::default());
    gateway.keys.exchange = vec![expired.clone(), good.clone()];
    reach(&mut parties, Arc::new(gateway));
    Arc::get_mut(&mut parties.merchant).unwrap().gateway = KnownGateway::new(vec![expired]);
    parties.merchant.follow_gateway().await.unwrap();
    assert_eq!(current(&parties.merchant), good);
}

#[tokio::test]
async fn the_gateway_is_asked_each_hour_each_minute_when_silent_and_soon_when_in_doubt() {
    let parties = Parties::new();
    let asked =
        || parties.wire.seen.lock().unwrap().len() + parties.wire.held.lock().unwrap().len();
    for (what, seconds, is_cut, questions) in [
        ("at first", 0, false, 1),
        ("within the hour", 3_599, false, 1),
        ("after an hour, and it is silent", 1, true, 2),
        ("within a minute", 59, true, 2),
        ("after a minute", 1, false, 3),
    ] {
        parties.fixture.clock.advance_seconds(seconds);
        parties.wire.is_cut.store(is_cut, Ordering::SeqCst);
        parties.merchant.follow_gateway().await.unwrap();
        assert_eq!(asked(), questions, "{what}");
    }
    let order = parties.order("49.90").await;
    for (what, seconds, questions) in
        [("not again at once", 0, 4), ("and again", 10, 6), ("not at once", 9, 7)]
    {
        parties.fixture.clock.advance_seconds(seconds);
        let error = parties.gateway.answer(b"not DER").await.unwrap();
        *parties.wire.instead.lock().unwrap() = Some(error);
        let number = BatchNumber::try_from(u32::try_from(questions).unwrap());
        parties.merchant.open_batch(number.unwrap(), order.amount.currency()).await.unwrap();
        assert_eq!(asked(), questions, "{what}");
    }
}

/// The question of a merchant for the gateway's certificates, as it went over the wire, and its answer.
async fn asked(parties: &Parties) -> (Vec<u8>, Vec<u8>) {
    parties.merchant.follow_gateway().await.unwrap();
    parties.wire.seen.lock().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn whatever_is_not_authentic_of_a_question_for_certificates_has_one_answer() {
    let mut parties = Parties::new();
    let issue = |issuer: &Issuer| issuer.merchant(MERCHANT, KeyUse::Signature);
    let (strangers, anchors) = forge::not_trusted(&mut parties, issue);
    parties.gateway.trust.replace(anchors);
    let (question, answer) = asked(&parties).await;
    let signed = |signer: &Signer<'_>, edit: &dyn Fn(&mut PCertReqData)| {
        forge::edited(&question, |wrapper| {
            let Message::PCertReq(signed) = &mut wrapper.message else { panic!() };
            let (data, _) = signed.verify(&parties.issuer.trust(), forge::at(&parties)).unwrap();
            let mut data = data.into_value();
            edit(&mut data);
            *signed = forge::sign(&parties, &data, signer);
        })
    };
    let own = forge::merchant_signer(&parties);
    let other = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::Signature);
    let somebody = parties.issuer.merchant("somebody", KeyUse::Signature);
    let unknown =
        |data: &mut PCertReqData| data.rr_tags.merchant_id = "somebody".try_into().unwrap();
    let flipped = forge::edited(&question, |wrapper| {
        let Message::PCertReq(signed) = &mut wrapper.message else { panic!() };
        *signed = forge::flipped(signed);
    });
    let about = forge::edited(&question, |wrapper| wrapper.header.xid = Some([7; 20].into()));
    let mut cases = vec![
        ("a signature that is wrong", flipped),
        ("another merchant's signature", signed(&forge::signer(&other), &|_| {})),
        ("a gateway's signature", signed(&forge::gateway_signer(&parties), &|_| {})),
        ("not a merchant of ours", signed(&forge::signer(&somebody), &unknown)),
        ("another request inside", signed(&own, &|data| data.rr_tags.rrpid = [7; 20].into())),
        ("a purchase in the header", about),
    ];
    for (what, pair) in &strangers {
        cases.push((what, signed(&forge::signer(pair), &|_| {})));
    }
    for (what, message) in cases {
        let answer = forge::read(&parties.gateway.answer(&message).await.unwrap());
        assert_eq!(forge::error_code(answer, &parties), ErrorCode::SignatureFailure, "{what}");
    }
    let again = parties.gateway.answer(&question).await.unwrap();
    assert_eq!(again, answer, "the honest one gets its answer, byte for byte");
    let other_key = signed(&own, &|data| data.rr_tags.gateway = KeyOf::new([7; 32]));
    let answer = forge::read(&parties.gateway.answer(&other_key).await.unwrap());
    let used = forge::error_code(answer, &parties);
    assert_eq!(used, ErrorCode::UnknownRrpid, "another request under the same name");
}

#[tokio::test]
async fn certificates_that_are_not_the_gateways_to_this_question_are_not_accepted() {
    let mut parties = Parties::new();
    let issue = |issuer: &Issuer| issuer.gateway(GATEWAY, KeyUse::KeyExchange);
    let (strangers, anchors) = forge::not_trusted(&mut parties, issue);
    parties.merchant.trust.replace(anchors);
    let new = parties.issuer.gateway(GATEWAY, KeyUse::KeyExchange).0;
    let before = current(&parties.merchant);
    let (other, elsewhere) =
        testing::gateway(&parties.fixture, &parties.issuer, "gateway-2", Setup::default());
    let word = |keys: &GatewayKeys| (keys.certificate.clone(), keys.key.clone());
    let (own, other) = (word(&parties.gateway.keys), word(&other.keys));
    let keys = &parties.merchant.keys;
    let merchants = (keys.certificate.clone(), keys.key.clone());
    let signs = own.0.clone();
    let unchanged: Edit<PCertResTbs> = |_| {};
    let mut cases = vec![
        ("another gateway's word", other, new.clone(), unchanged),
        ("a merchant's word", merchants, new.clone(), unchanged),
        ("another gateway's certificate", own.clone(), elsewhere, unchanged),
        ("a certificate to sign", own.clone(), signs, unchanged),
        ("to another request", own.clone(), new.clone(), |tbs| {
            tbs.rr_tags.rrpid = [7; 20].into();
        }),
        ("to another merchant", own.clone(), new.clone(), |tbs| {
            tbs.rr_tags.merchant_id = OTHER_MERCHANT.try_into().unwrap();
        }),
        ("to another content", own.clone(), new.clone(), |tbs| {
            tbs.h_p_cert_req = Digest::from_bytes([7; 32]);
        }),
    ];
    for (what, (certificate, _)) in strangers {
        cases.push((what, own.clone(), certificate, unchanged));
    }
    cases.push(("the honest one", own, new.clone(), unchanged));
    for (what, (certificate, key), receives, edit) in cases {
        let chain = vec![CertificateElement::new(&receives).unwrap()];
        let change = move |tbs: &mut PCertResTbs| {
            tbs.pe_certificates = chain.clone().try_into().unwrap();
            edit(tbs);
        };
        let link = Forger {
            gateway: parties.gateway.clone(),
            trust: parties.issuer.trust(),
            at: forge::at(&parties),
            certificate,
            key,
            edit: Box::new(change),
        };
        Arc::get_mut(&mut parties.merchant).unwrap().link = Arc::new(link);
        parties.merchant.follow_gateway().await.unwrap();
        let is_honest = what == "the honest one";
        assert_eq!(
            current(&parties.merchant),
            if is_honest { &new } else { &before }.clone(),
            "{what}"
        );
        parties.fixture.clock.advance_seconds(60);
    }
}

/// Somebody on the wire who makes another answer of the gateway's, and signs it.
struct Forger {
    gateway: Arc<PaymentGateway>,
    trust: TrustAnchors,
    at: UnixTime,
    certificate: Certificate,
    key: Arc<dyn SigningKey>,
    edit: Box<dyn Fn(&mut PCertResTbs) + Send + Sync>,
}

#[async_trait]
impl GatewayLink for Forger {
    async fn exchange(&self, message: Vec<u8>) -> Result<Vec<u8>, LinkError> {
        let answer = self.gateway.answer(&message).await.unwrap();
        Ok(forge::edited(&answer, |wrapper| {
            let Message::PCertRes(signed) = &mut wrapper.message else { panic!() };
            let (tbs, _) = signed.verify(&self.trust, self.at).unwrap();
            let mut tbs = tbs.into_value();
            (self.edit)(&mut tbs);
            let (certificate, key) = (&self.certificate, self.key.as_ref());
            let signer = Signer { certificate, key, above: &[] };
            *signed = Signed::sign(&Received::new(tbs).unwrap(), &signer, self.at).unwrap();
        }))
    }
}
