//! The merchant's checks of a purchase (SET book 2), in their order, each with its answer.

use std::time::Duration;

use countersign_certs::{KeyUse, UnixTime, Validity};
use countersign_domain::policy::PolicySettings;
use countersign_set::{
    asn1::SecretOctets,
    message::{
        failure::ErrorCode,
        inquiry::{InqReq, InqReqData},
        purchase::{CompletionCode, OiData, PReq, PReqDualSigned},
        wrapper::{Message, MessageHeader},
    },
    protect::{Cardholder, Digest, Signed},
    testing::{Issuer, MERCHANT, Parties, Setup},
};

use crate::forge::{self, Edit};

/// The same purchase, its dual signature by another.
fn signed_by(
    parties: &Parties,
    message: &[u8],
    signer: &countersign_certs::cms::signed::Signer<'_>,
) -> Vec<u8> {
    forge::edited(message, |wrapper| {
        let Message::PReq(PReq::DualSigned(request)) = &mut wrapper.message else { panic!() };
        forge::sign_p_req(parties, request, signer);
    })
}

#[tokio::test]
async fn whatever_is_not_authentic_of_a_purchase_has_one_answer() {
    let mut parties = Parties::new();
    let (card, secret) = (parties.wallet.card.clone(), SecretOctets::from([5; 20]));
    let cert_pe = parties.gateway.keys.exchange[0].clone();
    let foreign = Issuer::new(parties.now(), Default::default());
    let foreign = foreign.cardholder(&card, &secret, &cert_pe);
    let valid = parties.issuer.validity;
    let begun = Duration::from_secs(parties.now().unix_seconds() - 3_000);
    let begun = UnixTime::since_unix_epoch(begun);
    parties.issuer.validity = Validity::new(begun, Duration::from_secs(2_000)).unwrap();
    let expired = parties.issuer.cardholder(&card, &secret, &cert_pe);
    parties.issuer.validity = valid;
    let revoked = parties.issuer.cardholder(&card, &secret, &cert_pe);
    parties.merchant.trust.replace(forge::revoking(&parties, &revoked.certificate));
    let merchant = parties.issuer.merchant(MERCHANT, KeyUse::Signature);

    let parties = &parties;
    let (message, _) = forge::p_req(parties, "49.90").await;
    let dual = |edit: &dyn Fn(&mut PReqDualSigned)| {
        forge::edited(&message, |wrapper| {
            let Message::PReq(PReq::DualSigned(request)) = &mut wrapper.message else { panic!() };
            edit(request);
        })
    };
    let order = |edit: &dyn Fn(&mut OiData)| {
        dual(&|request| {
            request.oi_dual_signed.oi_data = forge::changed(&request.oi_dual_signed.oi_data, edit);
        })
    };
    for (what, message) in [
        (
            "a signature that is wrong",
            dual(&|request| {
                let pi = &mut request.pi_dual_signed;
                pi.pi_signature = forge::flipped(&pi.pi_signature);
            }),
        ),
        (
            "another payment",
            dual(&|request| {
                request.oi_dual_signed.h_pi_data = Digest::from_bytes([1; 32]);
            }),
        ),
        ("another order", order(&|data| data.hod = Digest::from_bytes([1; 32]))),
        ("another salt", order(&|data| data.od_salt = [1; 20].into())),
        (
            "another gateway",
            order(&|data| {
                data.gateway = countersign_set::protect::KeyOf::new([1; 32]);
            }),
        ),
        ("a foreign root", signed_by(parties, &message, &forge::identity_signer(&foreign))),
        ("expired", signed_by(parties, &message, &forge::identity_signer(&expired))),
        ("revoked", signed_by(parties, &message, &forge::identity_signer(&revoked))),
        ("a merchant", signed_by(parties, &message, &forge::signer(&merchant))),
        ("a gateway", signed_by(parties, &message, &forge::gateway_signer(parties))),
    ] {
        let answer = forge::tell(parties, &message).await;
        assert_eq!(answer, Err(ErrorCode::SignatureFailure), "{what}");
    }
    assert!(parties.wire.seen.lock().unwrap().is_empty(), "the gateway hears of none");
    let answer = forge::tell(parties, &message).await.unwrap();
    assert_eq!(answer.completion_code, CompletionCode::CodeAsked);
}

#[tokio::test]
async fn a_purchase_that_is_not_what_was_offered_is_told_what_is_wrong() {
    let parties = Parties::new();
    let order = |message: &[u8], edit: &dyn Fn(&mut OiData)| {
        forge::edited_p_req(&parties, message, edit, |header: &mut MessageHeader| {
            header.xid = None;
        })
    };
    let edits: [(&str, Edit<OiData>, Result<CompletionCode, ErrorCode>); 9] = [
        ("request", |one| one.rrpid = [1; 20].into(), Err(ErrorCode::WrapperMsgMismatch)),
        ("purchase", |one| one.trans_ids.xid = [1; 20].into(), Err(ErrorCode::UnknownXid)),
        (
            "cardholder's identifier",
            |one| one.trans_ids.lid_c = vec![1].try_into().unwrap(),
            Err(ErrorCode::UnknownLid),
        ),
        (
            "merchant's identifier",
            |one| one.trans_ids.lid_m = vec![1].try_into().unwrap(),
            Err(ErrorCode::UnknownLid),
        ),
        ("challenge", |one| one.chall_m = [1; 20].into(), Err(ErrorCode::ChallengeMismatch)),
        (
            "goods or amount",
            |one| one.hod = Digest::from_bytes([1; 32]),
            Ok(CompletionCode::OrderRejected),
        ),
        ("salt", |one| one.od_salt = [1; 20].into(), Ok(CompletionCode::OrderRejected)),
        (
            "brand",
            |one| one.brand_id = "Other".try_into().unwrap(),
            Ok(CompletionCode::OrderRejected),
        ),
        (
            "gateway (W2)",
            |one| one.gateway = countersign_set::protect::KeyOf::new([1; 32]),
            Ok(CompletionCode::OrderRejected),
        ),
    ];
    let (message, _) = forge::p_req(&parties, "49.90").await;
    for (what, edit, expected) in &edits {
        // Each of a purchase of its own: an answer is kept under its request.
        let (message, _) = forge::p_req(&parties, "49.90").await;
        let answer = forge::tell(&parties, &order(&message, edit)).await;
        assert_eq!(answer.map(|data| data.completion_code), *expected, "{what}");
    }
    // Of all at once the first is told; without it, the second; and so on.
    for (place, (what, _, expected)) in edits.iter().enumerate() {
        let (message, _) = forge::p_req(&parties, "49.90").await;
        let all = order(&message, &|data| {
            edits.iter().skip(place).for_each(|(_, edit, _)| edit(data));
        });
        let answer = forge::tell(&parties, &all).await;
        assert_eq!(answer.map(|data| data.completion_code), *expected, "{what} and all after it");
    }
    let elsewhere = forge::edited(&message, |wrapper| wrapper.header.xid = Some([1; 20].into()));
    assert_eq!(forge::tell(&parties, &elsewhere).await, Err(ErrorCode::WrapperMsgMismatch));
    assert!(parties.wire.seen.lock().unwrap().is_empty(), "the gateway hears of none");
}

#[tokio::test]
async fn a_purchase_without_a_signature_is_refused_where_one_is_required() {
    let setup = Setup { signed_only: true, ..Setup::default() };
    let mut parties = Parties::with(PolicySettings::bank_first(), setup);
    parties.wallet.identity = None;
    let (_, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::SignatureRequired);
    assert!(parties.wire.seen.lock().unwrap().is_empty(), "the gateway hears of none");
}

#[tokio::test]
async fn an_order_is_named_eight_times_and_bought_within_half_an_hour() {
    let parties = Parties::new();
    let order = parties.order("49.90").await;
    let begin = || async {
        let wake_up = parties.merchant.wake_up(&order.id).await.unwrap();
        let offer = parties.wallet.offer(&wake_up, parties.now()).unwrap();
        let begun = offer.begin(&parties.wallet, &parties.entropy, parties.now()).unwrap();
        (parties.merchant.answer(&begun.0).await.unwrap(), begun.1)
    };
    let mut last = None;
    for _ in 0..8 {
        let (answer, begun) = begin().await;
        last = Some(begun.accept(&answer, &parties.wallet, parties.now()).unwrap());
    }
    let (answer, _) = begin().await;
    assert_eq!(forge::error_code(forge::read(&answer), &parties), ErrorCode::UnknownLid);
    parties.fixture.clock.advance_seconds(30 * 60);
    let request = last.unwrap().request(&parties.wallet, &parties.entropy, parties.now());
    let answer = forge::tell(&parties, &request.unwrap().0).await.unwrap();
    assert_eq!(answer.completion_code, CompletionCode::OrderRejected);

    let late = parties.order("49.90").await;
    let wake_up = parties.merchant.wake_up(&late.id).await.unwrap();
    parties.fixture.clock.advance_seconds(30 * 60);
    let offer = parties.wallet.offer(&wake_up, parties.now()).unwrap();
    let (message, _) = offer.begin(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    let answer = parties.merchant.answer(&message).await.unwrap();
    assert_eq!(forge::error_code(forge::read(&answer), &parties), ErrorCode::UnknownLid);
}

#[tokio::test]
async fn only_the_signer_of_a_purchase_may_ask_how_it_stands() {
    let mut parties = Parties::new();
    let (sent, _) = parties.buy("49.90").await;
    assert_eq!(parties.inquire(&sent).await.unwrap().completion, CompletionCode::CodeAsked);
    let (unsigned, trans_ids) = {
        let identity = parties.wallet.identity.take();
        let (message, _) = sent.inquiry(&parties.wallet, &parties.entropy, parties.now()).unwrap();
        parties.wallet.identity = identity;
        let Message::InqReq(InqReq::Unsigned(data)) = forge::read(&message).message else {
            panic!()
        };
        (message, data.trans_ids)
    };
    let card = parties.wallet.card.clone();
    let cert_pe = parties.gateway.keys.exchange[0].clone();
    let other = parties.issuer.cardholder(&card, &SecretOctets::from([6; 20]), &cert_pe);
    let signed = |signer| {
        let header = forge::header(&parties, parties.random().into());
        let rrpid = header.rrpid.clone();
        let data =
            InqReqData { trans_ids: trans_ids.clone(), rrpid, chall_c2: parties.random().into() };
        let signed: Signed<InqReqData, Cardholder> = forge::sign(&parties, &data, signer);
        (header, signed)
    };
    let write = |(header, signed): (MessageHeader, _)| {
        forge::write(&header, Message::InqReq(InqReq::Signed(signed)))
    };
    let own = forge::identity_signer(parties.wallet.identity.as_ref().unwrap());
    let (header, flipped) = signed(&own);
    let mut elsewhere = signed(&own);
    elsewhere.0.rrpid = parties.random().into();
    for (what, message, code) in [
        ("nobody", unsigned, ErrorCode::SignatureFailure),
        ("another", write(signed(&forge::identity_signer(&other))), ErrorCode::SignatureFailure),
        (
            "a merchant",
            write(signed(&forge::merchant_signer(&parties))),
            ErrorCode::SignatureFailure,
        ),
        ("a bad signature", write((header, forge::flipped(&flipped))), ErrorCode::SignatureFailure),
        ("another request", write(elsewhere), ErrorCode::WrapperMsgMismatch),
    ] {
        assert_eq!(forge::tell(&parties, &message).await, Err(code), "{what}");
    }
}

#[tokio::test]
async fn a_cardholder_whose_purchase_did_not_arrive_is_told_so() {
    for is_signed in [true, false] {
        let mut parties = Parties::new();
        if !is_signed {
            parties.wallet.identity = None;
        }
        let (_, _, sent) = forge::p_req_of(&parties, "49.90").await;
        let progress = parties.inquire(&sent).await.unwrap();
        assert_eq!(progress.completion, CompletionCode::OrderNotReceived, "{is_signed}");
        let (code, _) = sent.code_forward("123456", &parties.entropy, parties.now()).unwrap();
        assert_eq!(forge::tell(&parties, &code).await, Err(ErrorCode::UnknownXid));
    }
}

#[tokio::test]
async fn a_message_around_which_something_is_wrong_is_told_what() {
    let parties = Parties::new();
    let (message, sent) = forge::p_req(&parties, "49.90").await;
    let (code, _) = sent.code_forward("123456", &parties.entropy, parties.now()).unwrap();
    let (direct, _) = sent.code_direct("123456", &parties.entropy, parties.now()).unwrap();
    let header = |message: &[u8], edit: &dyn Fn(&mut MessageHeader)| {
        forge::edited(message, |wrapper| edit(&mut wrapper.header))
    };
    for (what, message, code) in [
        ("too large", vec![0; 128 * 1024 + 1], ErrorCode::MessageTooBig),
        ("no DER", vec![0x30, 0x80], ErrorCode::DecodingFailure),
        (
            "an old version",
            header(&message, &|header| header.version = 0.try_into().unwrap()),
            ErrorCode::VersionTooOld,
        ),
        (
            "a new version",
            header(&message, &|header| header.version = 2.try_into().unwrap()),
            ErrorCode::VersionTooNew,
        ),
        ("for a gateway", direct, ErrorCode::MessageNotSupported),
        (
            "another request",
            header(&code, &|header| header.rrpid = [1; 20].into()),
            ErrorCode::WrapperMsgMismatch,
        ),
        (
            "another purchase",
            header(&code, &|header| header.xid = Some([1; 20].into())),
            ErrorCode::WrapperMsgMismatch,
        ),
    ] {
        assert_eq!(forge::tell(&parties, &message).await, Err(code), "{what}");
    }
}
