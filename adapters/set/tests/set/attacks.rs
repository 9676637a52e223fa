//! Weaknesses W1 to W12 of SET, and what thieves, merchants and gateways try: each is refused, and nothing is paid. All of
//! it goes over sockets, as an attacker would send it.

use std::sync::Arc;

use countersign_certs::{KeyUse, RecipientCertificate, cms::signed::Signer};
use countersign_domain::testing::other_card;
use countersign_set::{
    asn1::SecretOctets,
    cardholder::WalletError,
    http::gateway_routes,
    message::{
        authorization::AuthCode,
        failure::ErrorCode,
        purchase::{CompletionCode, Hpi, PReq, Pi, PiDualSigned, PiTbs},
        wrapper::Message,
    },
    protect::{Digest, KeyOf, Sealed, Signature},
    testing::{self, Door, GATEWAY, Issuer, MERCHANT, OTHER_MERCHANT, Parties, Setup},
};

use der::Encode as _;

use crate::forge::{self, Authorization};

/// A house whose roles take messages over sockets.
fn house() -> Parties {
    Parties::new().over_sockets()
}

/// What the gateway says to an authorization.
async fn said(parties: &Parties, authorization: &Authorization) -> Result<AuthCode, ErrorCode> {
    let answer = forge::ask(parties, &authorization.close(parties)).await;
    answer.map(|answer| answer.auth_code)
}

/// A code of so many digits that is not this one.
fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

/// Nothing was paid, and no phone rang.
async fn nothing_happened(parties: &Parties) {
    assert!(parties.fixture.bank.calls().is_empty());
    assert!(parties.fixture.next_message().await.is_none());
}

/// W1: SET's dual signature does not say for whom the card is meant.
#[tokio::test]
async fn a_payment_that_another_gateway_reenvelopes_is_refused_here() {
    let parties = house();
    let (other, cert_pe) =
        testing::gateway(&parties.fixture, &parties.issuer, "gateway-2", Setup::default());
    let (_, message) = forge::held(&parties, "49.90").await;
    let honest = Authorization::open(&parties, &message);
    // What the cardholder meant for the other gateway: signed so, and encrypted by it to this one.
    let identity = parties.wallet.identity.as_ref().unwrap();
    let meant = KeyOf::new(cert_pe.key_sha256());
    let theirs = honest.resigned(&parties, &forge::identity_signer(identity), |tbe| {
        tbe.pi_data = forge::changed(&tbe.pi_data, |data| data.pi_head.gateway = meant.clone());
    });
    assert_eq!(said(&parties, &theirs).await, Ok(AuthCode::PiAuthMismatch));
    // With its own name put in, the signature is over something else.
    let forged = theirs.renamed(&parties).resealed(&parties, |tbe| {
        tbe.pi_data = forge::changed(&tbe.pi_data, |data| {
            data.pi_head.gateway = KeyOf::new(parties.gateway.keys.exchange[0].key_sha256());
        });
    });
    assert_eq!(said(&parties, &forged).await, Ok(AuthCode::PiAuthMismatch));
    nothing_happened(&parties).await;
    // And what was meant for this one is refused there, even encrypted to it.
    let Pi::DualSigned(pi) = &honest.pi else { panic!() };
    let tbe = pi.pi_sealed.open(&parties.gateway.keys.exchange_keys).unwrap();
    let recipient = RecipientCertificate::new(&cert_pe).unwrap();
    let pi_sealed = Sealed::seal(&tbe, &recipient).unwrap();
    let pi = Pi::DualSigned(PiDualSigned { pi_signature: pi.pi_signature.clone(), pi_sealed });
    let mut carried = Authorization { pi, ..honest.renamed(&parties) };
    carried.tbs.auth_req_data.auth_tags.auth_rr_tags.gateway = meant;
    let carried = carried.close_to(&parties, &recipient);
    let answer = Door::open(gateway_routes(Arc::new(other)), "/set").answer(&carried).await;
    let answer = forge::answer_of(&parties, &answer, &parties.merchant.keys.exchange_key);
    assert_eq!(answer.unwrap().auth_code, AuthCode::PiAuthMismatch);
    nothing_happened(&parties).await;
}

/// W2: the merchant cannot see to which gateway the payment is encrypted, but to which one it was meant.
#[tokio::test]
async fn an_order_that_names_another_gateway_than_the_merchant_is_rejected() {
    let parties = house();
    let (message, _) = forge::p_req(&parties, "49.90").await;
    let other = KeyOf::new([7; 32]);
    let elsewhere =
        forge::edited_p_req(&parties, &message, |oi_data| oi_data.gateway = other, |_| {});
    let answer = forge::tell(&parties, &elsewhere).await.unwrap();
    assert_eq!(answer.completion_code, CompletionCode::OrderRejected);
    nothing_happened(&parties).await;
}

/// W3: SET's AuthRes names neither merchant nor request.
#[tokio::test]
async fn the_merchant_trusts_an_answer_to_its_own_last_request_only() {
    let parties = house();
    // A purchase that is paid: its answer is what a thief wants to be given for another.
    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    parties.type_code(&sent, &code).await.unwrap().receipt.unwrap();
    let (authorized, paid) = {
        let seen = parties.wire.seen.lock().unwrap();
        (seen[0].1.clone(), seen[1].1.clone())
    };
    let own = forge::gateway_signer(&parties);
    let (certificate, key) = parties.issuer.gateway("gateway-2", KeyUse::Signature);
    let other_gateway = (certificate, key);
    let other_gateway = forge::signer(&other_gateway);
    let merchant = forge::merchant_signer(&parties);
    for what in [
        "AuthRes of another purchase",
        "CodeRes of another purchase",
        "another merchant",
        "another request",
        "another content",
        "another purchase",
        "another amount",
        "another gateway",
        "no gateway",
        "no message",
    ] {
        let (sent, message) = forge::held(&parties, "49.90").await;
        let (tags, digest, trans_ids) = Authorization::open(&parties, &message).named();
        let answer =
            |signer, edit: &dyn Fn(&mut countersign_set::message::authorization::AuthResTbs)| {
                forge::reanswered(&parties, &authorized, signer, |tbs| {
                    tbs.auth_rr_tags = tags.clone();
                    tbs.h_auth_req = digest.clone();
                    tbs.answer.trans_ids = trans_ids.clone();
                    tbs.answer.auth_code = AuthCode::Approved;
                    edit(tbs);
                })
            };
        let instead = match what {
            "AuthRes of another purchase" => authorized.clone(),
            "CodeRes of another purchase" => paid.clone(),
            "another merchant" => answer(&own, &|tbs| {
                tbs.auth_rr_tags.merchant_id = OTHER_MERCHANT.try_into().unwrap();
            }),
            "another request" => {
                answer(&own, &|tbs| tbs.auth_rr_tags.rrpid = parties.random().into())
            }
            "another content" => answer(&own, &|tbs| tbs.h_auth_req = Digest::from_bytes([1; 32])),
            "another purchase" => {
                answer(&own, &|tbs| tbs.answer.trans_ids.xid = parties.random().into())
            }
            "another amount" => answer(&own, &|tbs| {
                tbs.answer.auth_amt.amount = 1.try_into().unwrap();
            }),
            "another gateway" => answer(&other_gateway, &|_| {}),
            "no gateway" => answer(&merchant, &|_| {}),
            _ => b"no message".to_vec(),
        };
        *parties.wire.instead.lock().unwrap() = Some(instead);
        let progress = parties.inquire(&sent).await.unwrap();
        assert_eq!(progress.completion, CompletionCode::OrderReceived, "{what}");
        assert_eq!(progress.auth_code, None, "{what}");
        // Without the attacker the right one comes.
        let progress = parties.inquire(&sent).await.unwrap();
        assert_eq!(progress.completion, CompletionCode::CodeAsked, "{what}");
    }
}

#[tokio::test]
async fn the_merchant_trusts_no_gateway_that_is_foreign_expired_or_revoked() {
    let mut parties = house();
    let issue = |issuer: &Issuer| issuer.gateway(GATEWAY, KeyUse::Signature);
    let (gateways, anchors) = forge::not_trusted(&mut parties, issue);
    parties.merchant.trust.replace(anchors);
    parties.buy("49.90").await.1.unwrap();
    let answered = parties.wire.seen.lock().unwrap()[0].1.clone();
    for (what, pair) in &gateways {
        let (sent, message) = forge::held(&parties, "49.90").await;
        let (tags, digest, trans_ids) = Authorization::open(&parties, &message).named();
        let refusal = |signer: &Signer<'_>| {
            forge::reanswered(&parties, &answered, signer, |tbs| {
                (tbs.auth_rr_tags, tbs.h_auth_req) = (tags.clone(), digest.clone());
                tbs.answer.trans_ids = trans_ids.clone();
                tbs.answer.auth_code = AuthCode::Declined;
                tbs.answer.code_start = None;
            })
        };
        *parties.wire.instead.lock().unwrap() = Some(refusal(&forge::signer(pair)));
        let progress = parties.inquire(&sent).await.unwrap();
        assert_eq!(progress.auth_code, None, "{what}");
        // From the gateway itself the same would be trusted.
        *parties.wire.instead.lock().unwrap() = Some(refusal(&forge::gateway_signer(&parties)));
        let progress = parties.inquire(&sent).await.unwrap();
        assert_eq!(progress.auth_code, Some(AuthCode::Declined), "{what}");
    }
}

/// W4: SET's PRes is the merchant's word alone.
#[tokio::test]
async fn a_merchant_that_says_paid_without_the_gateways_receipt_is_not_trusted() {
    let parties = house();
    let (message, asked, sent) = forge::p_req_of(&parties, "49.90").await;
    let answer = parties.tell_merchant(&message).await;
    for completion in [CompletionCode::AuthorizationPerformed, CompletionCode::CapturePerformed] {
        let lie = forge::edited_p_res(&parties, &answer, |data| {
            data.completion_code = completion;
            data.code_start = None;
        });
        let refused = sent.answer(&asked, &lie, &parties.wallet.trust, parties.now());
        assert_eq!(
            refused.map(|progress| progress.completion),
            Err(WalletError::Mismatch("receipt"))
        );
    }
}

/// W5: a payment without a signature is as good as a signed one; here it needs the code, and is called what it is.
#[tokio::test]
async fn a_stolen_card_number_pays_nothing_without_the_phone() {
    let mut parties = house();
    parties.enrol().await;
    parties.wallet.identity = None;
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::CodeAsked);
    let (code, _) = parties.phone().await.unwrap();
    for _ in 0..3 {
        parties.type_code(&sent, wrong(&code)).await.unwrap();
    }
    let late = parties.type_code(&sent, &code).await.unwrap();
    assert_eq!(late.auth_code, Some(AuthCode::CodeLocked));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "void"]);
}

/// The same with a stolen certificate, its key and its card.
#[tokio::test]
async fn a_stolen_certificate_pays_nothing_without_the_phone() {
    let parties = house();
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::CodeAsked);
    let (code, _) = parties.phone().await.unwrap();
    let mut left = Vec::new();
    for _ in 0..3 {
        let progress = parties.type_code_direct(&sent, wrong(&code)).await.unwrap();
        left.push((progress.auth_code.unwrap(), progress.attempts_left));
    }
    let expected = [
        (AuthCode::CodeWrong, Some(2)),
        (AuthCode::CodeWrong, Some(1)),
        (AuthCode::CodeLocked, None),
    ];
    assert_eq!(left, expected);
    let late = parties.type_code_direct(&sent, &code).await.unwrap();
    assert_eq!(late.auth_code, Some(AuthCode::CodeLocked), "the right one comes too late");
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "void"]);
}

/// W6: all rests on the name of a purchase being used once.
#[tokio::test]
async fn another_merchant_cannot_take_a_purchases_name() {
    let parties = house();
    let (_, message) = forge::held(&parties, "49.90").await;
    let honest = Authorization::open(&parties, &message);
    parties.fixture.bank.decline_with("51");
    assert_eq!(said(&parties, &honest).await, Ok(AuthCode::Declined));
    // The other merchant has the cardholder's help, or key: everything fits but whose purchase it is.
    let (certificate, key) = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::Signature);
    let exchange = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::KeyExchange);
    let pair = (certificate, key);
    let identity = parties.wallet.identity.as_ref().unwrap();
    let mut theirs = honest.resigned(&parties, &forge::identity_signer(identity), |tbe| {
        tbe.pi_data = forge::changed(&tbe.pi_data, |data| {
            data.pi_head.merchant_id = OTHER_MERCHANT.try_into().unwrap();
            data.pi_head.merchant = KeyOf::new(pair.0.key_sha256());
        });
    });
    theirs.tbs.auth_req_data.auth_tags.auth_rr_tags.merchant_id =
        OTHER_MERCHANT.try_into().unwrap();
    theirs.tbs.auth_req_data.me_certificates = forge::chain(&exchange.0);
    let theirs = theirs.close_as(&parties, &forge::signer(&pair));
    let answer = parties.tell_gateway(&theirs).await;
    let opens = countersign_certs::RecipientKey::new(&exchange.0, &exchange.1).unwrap();
    let answer = forge::answer_of(&parties, &answer, &opens).unwrap();
    assert_eq!(answer.auth_code, AuthCode::PiPreviouslyUsed);
    // The first one may still ask how its own ended.
    let question = forge::code_req(&parties, &honest.tbs, None);
    let question = forge::closed_code_req(&parties, &question, &forge::merchant_signer(&parties));
    let answer = forge::ask(&parties, &question).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::Declined);
}

/// W7: what is hashed is what was received, so an order cannot be read in two ways.
#[tokio::test]
async fn an_old_order_does_not_go_with_a_new_payment() {
    let parties = house();
    let (old, _) = forge::p_req(&parties, "49.90").await;
    let (new, _) = forge::p_req(&parties, "49.90").await;
    let order_of = |message: &[u8]| match forge::read(message).message {
        Message::PReq(PReq::DualSigned(request)) => request,
        _ => panic!(),
    };
    let (old_request, header) = (order_of(&old), forge::read(&old).header);
    let new_request = order_of(&new);
    let mixed = countersign_set::message::purchase::PReqDualSigned {
        pi_dual_signed: new_request.pi_dual_signed,
        oi_dual_signed: old_request.oi_dual_signed,
    };
    let mixed = forge::write(&header, Message::PReq(PReq::DualSigned(mixed)));
    assert_eq!(forge::tell(&parties, &mixed).await, Err(ErrorCode::SignatureFailure));

    // A merchant that mixes them itself is found out at the gateway.
    let (_, one) = forge::held(&parties, "49.90").await;
    let (_, two) = forge::held(&parties, "49.90").await;
    let (one, two) = (Authorization::open(&parties, &one), Authorization::open(&parties, &two));
    let mixed = Authorization { pi: two.pi, ..one.clone() };
    assert_eq!(said(&parties, &mixed).await, Ok(AuthCode::PiAuthMismatch));
    let mut lying = one.clone();
    lying.tbs.auth_req_data.check_digests = two.tbs.auth_req_data.check_digests;
    assert_eq!(said(&parties, &lying.renamed(&parties)).await, Ok(AuthCode::PiAuthMismatch));
    nothing_happened(&parties).await;
}

#[tokio::test]
async fn a_payment_is_used_once_whatever_became_of_it() {
    // Under way, paid, locked: the same payment in a new request.
    for end in ["under way", "paid", "locked"] {
        let parties = house();
        let (sent, _) = parties.buy("49.90").await;
        let (code, _) = parties.phone().await.unwrap();
        let message = parties.wire.seen.lock().unwrap()[0].0.clone();
        let typed = match end {
            "paid" => vec![code.as_str()],
            "locked" => vec![wrong(&code); 3],
            _ => vec![],
        };
        for code in typed {
            parties.type_code(&sent, code).await.unwrap();
        }
        let again = Authorization::open(&parties, &message).renamed(&parties);
        assert_eq!(said(&parties, &again).await, Ok(AuthCode::PiPreviouslyUsed), "{end}");
        parties.fixture.next_message().await;
        assert_eq!(parties.fixture.messenger.taken().len(), 1, "{end}");
    }
}

#[tokio::test]
async fn a_merchant_that_changes_the_amount_is_found_out() {
    let parties = house();
    let (_, message) = forge::held(&parties, "49.90").await;
    let honest = Authorization::open(&parties, &message);
    for minor in [4989, 4991, 499_000] {
        let mut greedy = honest.renamed(&parties);
        greedy.tbs.auth_req_data.auth_req_payload.auth_req_amt.amount = minor.try_into().unwrap();
        assert_eq!(said(&parties, &greedy).await, Ok(AuthCode::AmountError), "{minor}");
    }
    let mut greedy = honest.renamed(&parties);
    let dollars = &mut greedy.tbs.auth_req_data.auth_req_payload.auth_req_amt.currency;
    *dollars = 840.try_into().unwrap();
    assert_eq!(said(&parties, &greedy).await, Ok(AuthCode::AmountError));
    nothing_happened(&parties).await;
}

#[tokio::test]
async fn a_number_that_was_moved_from_another_certificate_rings_no_phone() {
    let mut parties = house();
    // The thief has the card and a certificate of its own name for it; the number in it is the thief's, copied from a
    // certificate that is the thief's by right.
    parties.enrol().await;
    let own = parties.wallet.identity.take().unwrap();
    let moved = forge::with_phone_of(&parties, &own.certificate);
    parties.wallet.identity = Some(moved);
    let (_, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().auth_code, Some(AuthCode::NoPhone));
    nothing_happened(&parties).await;
}

#[tokio::test]
async fn a_certificate_for_one_card_pays_with_no_other() {
    let mut parties = house();
    parties.wallet.card = other_card();
    let (_, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().auth_code, Some(AuthCode::PiAuthMismatch));
    nothing_happened(&parties).await;
}

/// W11: SET's MerchantID is text in the payment.
#[tokio::test]
async fn a_payment_for_one_merchant_is_of_no_use_to_another() {
    let parties = house();
    let (_, message) = forge::held(&parties, "49.90").await;
    let honest = Authorization::open(&parties, &message);
    let pair = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::Signature);
    let exchange = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::KeyExchange);
    let opens = countersign_certs::RecipientKey::new(&exchange.0, &exchange.1).unwrap();
    let mut theirs = honest.clone();
    theirs.tbs.auth_req_data.auth_tags.auth_rr_tags.merchant_id =
        OTHER_MERCHANT.try_into().unwrap();
    theirs.tbs.auth_req_data.me_certificates = forge::chain(&exchange.0);
    let theirs = theirs.close_as(&parties, &forge::signer(&pair));
    let answer = parties.tell_gateway(&theirs).await;
    let answer = forge::answer_of(&parties, &answer, &opens).unwrap();
    assert_eq!(answer.auth_code, AuthCode::PiAuthMismatch);
    // Nor to somebody with a certificate of the same name and another key.
    let namesake = parties.issuer.merchant(MERCHANT, KeyUse::Signature);
    let theirs = honest.renamed(&parties).close_as(&parties, &forge::signer(&namesake));
    let answer = forge::ask(&parties, &theirs).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::PiAuthMismatch);
    nothing_happened(&parties).await;
}

#[tokio::test]
async fn a_merchant_cannot_ask_about_anothers_purchase() {
    let parties = house();
    let (_, message) = forge::held(&parties, "49.90").await;
    forge::ask(&parties, &message).await.unwrap();
    let honest = Authorization::open(&parties, &message);
    let pair = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::Signature);
    let exchange = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::KeyExchange);
    let (header, mut tbs) = forge::code_req(&parties, &honest.tbs, None);
    tbs.auth_tags.auth_rr_tags.merchant_id = OTHER_MERCHANT.try_into().unwrap();
    tbs.me_certificates = forge::chain(&exchange.0);
    let question = forge::closed_code_req(&parties, &(header, tbs), &forge::signer(&pair));
    assert_eq!(forge::ask(&parties, &question).await, Err(ErrorCode::UnknownXid));
}

/// W12: a second gateway lets the phone ring for another purchase of the same merchant and amount, and learns its code.
#[tokio::test]
async fn a_second_gateway_that_asks_for_a_code_shows_another_reference_and_cannot_open_the_code() {
    let parties = house();
    let (other, cert_pe) =
        testing::gateway(&parties.fixture, &parties.issuer, "gateway-2", Setup::default());
    let (theft, _) = parties.buy("49.90").await;
    let (code, on_the_phone) = parties.phone().await.unwrap();
    // The victim buys through the second gateway, and compares what the phone says with what the wallet shows.
    let through_other = testing::merchant(
        &parties.fixture,
        &parties.issuer,
        MERCHANT,
        &cert_pe,
        parties.wire.clone(),
        Setup::default(),
    );
    let victim = forge::named_at(&parties, &through_other, "49.90").await;
    assert_ne!(victim.reference().unwrap().as_str(), on_the_phone);
    let (_, _, victim) = victim.request(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    // A code that is typed all the same is sealed for that gateway, about that purchase.
    let (typed, _) = victim.code_direct(&code, &parties.entropy, parties.now()).unwrap();
    let Message::CodeDirectReq(request) = forge::read(&typed).message else { panic!() };
    assert!(request.code_submission.open(&parties.gateway.keys.exchange_keys).is_err());
    let learnt = request.code_submission.open(&other.keys.exchange_keys).unwrap();
    // The second gateway now knows the code, but not what goes with the payment it is for.
    let (stolen, _) = theft.code_direct(&code, &parties.entropy, parties.now()).unwrap();
    let mut tbe = forge::submission(&parties, &stolen);
    tbe.ex_nonce = learnt.ex_nonce;
    let forged = forge::with_submission(&parties, &stolen, &tbe);
    let answer = forge::direct(&parties, &forged).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::InvalidTransaction);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
}

#[tokio::test]
async fn a_code_is_of_one_purchase_one_wallet_and_its_time() {
    let parties = house();
    let (one, _) = parties.buy("49.90").await;
    let (code_of_one, _) = parties.phone().await.unwrap();
    let (two, _) = parties.buy("49.90").await;
    let (code_of_two, _) = parties.phone().await.unwrap();
    assert_ne!(code_of_one, code_of_two);
    let progress = parties.type_code(&two, &code_of_one).await.unwrap();
    assert_eq!((progress.auth_code, progress.attempts_left), (Some(AuthCode::CodeWrong), Some(2)));

    // Somebody who saw code and purchase, but not the nonce in the payment: not even an attempt is counted.
    let (honest, _) = one.code_direct(&code_of_one, &parties.entropy, parties.now()).unwrap();
    let mut tbe = forge::submission(&parties, &honest);
    tbe.ex_nonce = SecretOctets::from(parties.random());
    let other_wallet = forge::with_submission(&parties, &honest, &tbe);
    let answer = forge::direct(&parties, &other_wallet).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::InvalidTransaction);
    assert_eq!(answer.attempts_left, 3.try_into().ok());
    assert!(answer.receipt.is_none());

    // Late.
    parties.fixture.clock.advance_seconds(301);
    let progress = parties.type_code(&one, &code_of_one).await.unwrap();
    assert_eq!(progress.auth_code, Some(AuthCode::CodeExpired));
    let bank = parties.fixture.bank.call_names();
    assert!(!bank.contains(&"capture"), "{bank:?}");
}

#[tokio::test]
async fn a_code_that_does_not_name_its_purchase_is_told_as_one_that_does_not_open() {
    let parties = house();
    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    let (honest, _) = sent.code_direct(&code, &parties.entropy, parties.now()).unwrap();
    let right = || forge::submission(&parties, &honest);
    let mut other_xid = right();
    other_xid.xid = parties.random().into();
    let mut other_payment = right();
    other_payment.h_pi_tbs = Digest::from_bytes([1; 32]);
    let (_, cert_pe) =
        testing::gateway(&parties.fixture, &parties.issuer, "gateway-2", Setup::default());
    let elsewhere = Sealed::seal(&right(), &RecipientCertificate::new(&cert_pe).unwrap()).unwrap();
    for (what, message) in [
        ("another purchase", forge::with_submission(&parties, &honest, &other_xid)),
        ("another payment", forge::with_submission(&parties, &honest, &other_payment)),
        ("another gateway", forge::with_sealed_submission(&parties, &honest, elsewhere)),
        (
            "a tag that is wrong",
            forge::edited(&honest, |wrapper| {
                let Message::CodeDirectReq(request) = &mut wrapper.message else { panic!() };
                request.code_submission = forge::flipped(&request.code_submission);
            }),
        ),
    ] {
        let answer = forge::direct(&parties, &message).await;
        assert_eq!(answer.map(|data| data.auth_code), Err(ErrorCode::SignatureFailure), "{what}");
    }
    let unknown = forge::edited(&honest, |wrapper| {
        let Message::CodeDirectReq(request) = &mut wrapper.message else { panic!() };
        request.xid = parties.random().into();
        wrapper.header.xid = None;
    });
    let answer = forge::direct(&parties, &unknown).await;
    assert_eq!(answer.map(|data| data.auth_code), Err(ErrorCode::UnknownXid));
    let paid = parties.type_code(&sent, &code).await.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed, "no attempt was lost by it");
}

/// What the merchant has: not one of its keys opens a payment.
#[tokio::test]
async fn the_merchant_has_no_key_that_opens_a_payment_or_a_code() {
    let parties = house();
    let (message, sent) = forge::p_req(&parties, "49.90").await;
    let Message::PReq(PReq::DualSigned(request)) = forge::read(&message).message else { panic!() };
    let (code, _) = sent.code_forward("123456", &parties.entropy, parties.now()).unwrap();
    let Message::CodeForwardReq(code) = forge::read(&code).message else { panic!() };
    let keys = std::slice::from_ref(&parties.merchant.keys.exchange_key);
    assert!(request.pi_dual_signed.pi_sealed.open(keys).is_err());
    assert!(code.code_submission.open(keys).is_err());
}

#[tokio::test]
async fn a_signature_over_the_payment_alone_or_over_another_order_is_none_over_both() {
    let parties = house();
    let (message, _) = forge::p_req(&parties, "49.90").await;
    let mixed = forge::edited(&message, |wrapper| {
        let Message::PReq(PReq::DualSigned(request)) = &mut wrapper.message else { panic!() };
        let signed = countersign_set::asn1::Received::new(PiTbs {
            hpi: Hpi::Signed(request.oi_dual_signed.h_pi_data.clone()),
            h_oi_data: Digest::from_bytes([0; 32]),
            gateway: request.oi_dual_signed.oi_data.gateway.clone(),
        });
        let signer = forge::identity_signer(parties.wallet.identity.as_ref().unwrap());
        request.pi_dual_signed.pi_signature =
            Signature::sign(&signed.unwrap(), &signer, forge::at(&parties)).unwrap();
    });
    assert_eq!(forge::tell(&parties, &mixed).await, Err(ErrorCode::SignatureFailure));
}

/// One bit, at places all over whatever is signed or encrypted.
#[tokio::test]
async fn a_bit_that_is_changed_anywhere_in_what_is_protected_is_noticed() {
    let parties = house();
    let (purchase, _) = forge::p_req(&parties, "49.90").await;
    let Message::PReq(PReq::DualSigned(request)) = forge::read(&purchase).message else { panic!() };
    let (dual, order) = (request.pi_dual_signed, request.oi_dual_signed);
    let part = |part: &dyn Fn() -> der::Result<Vec<u8>>| part().unwrap();
    for (what, part) in [
        ("the dual signature", part(&|| dual.pi_signature.to_der())),
        ("the order", part(&|| order.oi_data.to_der())),
        ("the digest of the payment", part(&|| order.h_pi_data.to_der())),
    ] {
        for flipped in forge::bits_flipped(&purchase, &part, 60) {
            let answer = forge::tell(&parties, &flipped).await;
            let said = answer.map(|data| data.completion_code);
            assert!(said.is_err() || said == Ok(CompletionCode::OrderRejected), "{what}: {said:?}");
        }
    }
    let (_, message) = forge::held(&parties, "49.90").await;
    let Message::AuthReq(request) = forge::read(&message).message else { panic!() };
    for (what, part) in [
        ("the envelope", part(&|| request.enc.to_der())),
        ("the payment", part(&|| request.baggage.to_der())),
    ] {
        for flipped in forge::bits_flipped(&message, &part, 25) {
            let said = forge::ask(&parties, &flipped).await.map(|answer| answer.auth_code);
            assert!(said.is_err(), "{what}: {said:?}");
        }
    }
    nothing_happened(&parties).await;
    let answer = forge::ask(&parties, &message).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::CodePending);
}
