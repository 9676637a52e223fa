//! The wallet's checks of what merchant and gateway answer (SET book 2), in their order, each with its error.

use std::sync::Arc;

use countersign_certs::{Certificate, KeyUse, cms::signed::Signer};
use countersign_set::{
    cardholder::{Asked, Begun, Sent, WalletError},
    merchant::KnownGateway,
    message::{
        code::{CodeDirectResData, CodeStartData},
        failure::{ErrorCode, ErrorMessage, ErrorTbs},
        initiation::{PInitResData, PWakeUp, PWakeUpData},
        purchase::{PResData, ReceiptData},
        wrapper::Message,
    },
    protect::{Digest, KeyOf, Merchant, ProtectError, Signed},
    testing::{GATEWAY, Issuer, MERCHANT, OTHER_MERCHANT, Parties, Setup},
};
use der::{Decode as _, Encode as _};

use crate::forge::{self, Edit};

/// Whether a structure's signature is what is refused.
fn is_refused<T>(result: Result<T, WalletError>) -> bool {
    matches!(result, Err(WalletError::NotAuthentic(ProtectError::Signed { .. })))
}

#[tokio::test]
async fn an_offer_is_of_a_merchant_that_is_trusted_and_named_in_it() {
    let parties = Parties::new();
    let order = parties.order("49.90").await;
    let wake_up = parties.merchant.wake_up(&order.id).await.unwrap();
    let (data, _) = PWakeUp::from_der(&wake_up)
        .unwrap()
        .verify(&parties.issuer.trust(), forge::at(&parties))
        .unwrap();
    let offer = |edit: &dyn Fn(&mut PWakeUpData),
                 pair: &(Certificate, countersign_certs::KeyPair)| {
        let data = forge::changed(&data, edit).into_value();
        let signed: Signed<_, Merchant> = forge::sign(&parties, &data, &forge::signer(pair));
        parties.wallet.offer(&signed.to_der().unwrap(), parties.now()).map(|_| ())
    };
    let own = parties.issuer.merchant(MERCHANT, KeyUse::Signature);
    assert_eq!(offer(&|_| {}, &own), Ok(()));
    let foreign = Issuer::new(parties.now(), Default::default());
    assert!(is_refused(offer(&|_| {}, &foreign.merchant(MERCHANT, KeyUse::Signature))));
    assert!(is_refused(offer(&|_| {}, &parties.issuer.merchant(MERCHANT, KeyUse::KeyExchange))));
    assert!(is_refused(offer(&|_| {}, &parties.issuer.gateway(MERCHANT, KeyUse::Signature))));
    let other = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::Signature);
    assert_eq!(offer(&|_| {}, &other), Err(WalletError::Mismatch("merchantID")));
    let no_money = |data: &mut PWakeUpData| data.purch_amt.currency = 1.try_into().unwrap();
    assert_eq!(offer(&no_money, &own), Err(WalletError::Money));
    let no_cents = |data: &mut PWakeUpData| data.purch_amt.amt_exp10 = 0.try_into().unwrap();
    assert_eq!(offer(&no_cents, &own), Err(WalletError::Money));
    let nothing = parties.wallet.offer(b"", parties.now()).map(|_| ());
    assert_eq!(nothing, Err(WalletError::Unreadable(ErrorCode::DecodingFailure)));
}

async fn begun(parties: &Parties) -> (Vec<u8>, Begun) {
    let order = parties.order("49.90").await;
    let wake_up = parties.merchant.wake_up(&order.id).await.unwrap();
    let offer = parties.wallet.offer(&wake_up, parties.now()).unwrap();
    let (message, begun) = offer.begin(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    (parties.merchant.answer(&message).await.unwrap(), begun)
}

#[tokio::test]
async fn an_answer_that_names_a_purchase_is_to_this_wallet_and_names_a_gateway() {
    let parties = Parties::new();
    let (answer, begun) = begun(&parties).await;
    let own = forge::merchant_signer(&parties);
    let accept = |edit: &dyn Fn(&mut PInitResData), signer: &Signer<'_>| {
        let answer = forge::edited(&answer, |wrapper| {
            let Message::PInitRes(signed) = &mut wrapper.message else { panic!() };
            let (data, _) = signed.verify(&parties.issuer.trust(), forge::at(&parties)).unwrap();
            *signed = forge::sign(&parties, &forge::changed(&data, edit).into_value(), signer);
        });
        begun.clone().accept(&answer, &parties.wallet, parties.now()).map(|_| ())
    };
    assert_eq!(accept(&|_| {}, &own), Ok(()));
    let namesake = parties.issuer.merchant(MERCHANT, KeyUse::Signature);
    let refused = accept(&|_| {}, &forge::signer(&namesake));
    assert_eq!(refused, Err(WalletError::Mismatch("signer")));
    let edits: [(&str, Edit<PInitResData>); 5] = [
        ("merchantID", |data| data.merchant_id = OTHER_MERCHANT.try_into().unwrap()),
        ("lid-C", |data| data.trans_ids.lid_c = vec![1].try_into().unwrap()),
        ("lid-M", |data| data.trans_ids.lid_m = vec![1].try_into().unwrap()),
        ("rrpid", |data| data.rrpid = [1; 20].into()),
        ("chall-C", |data| data.chall_c = [1; 20].into()),
    ];
    for (place, (field, edit)) in edits.iter().enumerate() {
        assert_eq!(accept(edit, &own), Err(WalletError::Mismatch(field)), "{field}");
        let all = |data: &mut PInitResData| {
            edits.iter().skip(place).for_each(|(_, edit)| edit(data));
        };
        assert_eq!(accept(&all, &own), Err(WalletError::Mismatch(field)), "{field} and all after");
    }
    let foreign = Issuer::new(parties.now(), Default::default());
    for (what, certificate) in [
        ("a gateway of a foreign root", foreign.gateway("gateway-1", KeyUse::KeyExchange).0),
        ("a merchant", parties.merchant.keys.exchange[0].clone()),
        ("a gateway's key that signs", parties.gateway.keys.certificate.clone()),
    ] {
        let chain = forge::chain(&certificate);
        let refused = accept(&|data| data.pe_certificates = chain.clone(), &own);
        let Err(WalletError::NotAuthentic(ProtectError::Signed { what: refused, .. })) = refused
        else {
            panic!("{what}: {refused:?}")
        };
        assert_eq!(refused, "Cert-PE", "{what}");
    }
}

/// The wallet's view of an answer with something else in it.
struct Answered {
    parties: Parties,
    asked: Asked,
    sent: Sent,
    answer: Vec<u8>,
}

impl Answered {
    fn progress(&self, edit: impl FnOnce(&mut PResData)) -> Result<(), WalletError> {
        let Self { parties, asked, sent, answer } = self;
        let answer = forge::edited_p_res(parties, answer, edit);
        sent.answer(asked, &answer, &parties.wallet.trust, parties.now()).map(|_| ())
    }
}

async fn answered(is_exempt: bool) -> Answered {
    let policy = countersign_domain::policy::PolicySettings {
        normal_up_to: match is_exempt {
            true => vec![countersign_domain::testing::purchase("30.00").amount()],
            false => Vec::new(),
        },
        ..Default::default()
    };
    let parties = Parties::with(policy, Setup::default());
    let (message, asked, sent) = forge::p_req_of(&parties, "10.00").await;
    let answer = parties.merchant.answer(&message).await.unwrap();
    Answered { parties, asked, sent, answer }
}

#[tokio::test]
async fn an_answer_to_a_purchase_is_the_merchants_to_this_request() {
    let house = answered(false).await;
    assert_eq!(house.progress(|_| {}), Ok(()));
    let edits: [(&str, Edit<PResData>); 3] = [
        ("transIDs", |data| data.trans_ids.xid = [1; 20].into()),
        ("rrpid", |data| data.rrpid = [1; 20].into()),
        ("chall-C", |data| data.chall_c = [1; 20].into()),
    ];
    for (place, (field, edit)) in edits.iter().enumerate() {
        assert_eq!(house.progress(edit), Err(WalletError::Mismatch(field)), "{field}");
        let all = |data: &mut PResData| edits.iter().skip(place).for_each(|(_, edit)| edit(data));
        assert_eq!(house.progress(all), Err(WalletError::Mismatch(field)), "{field} and after");
    }
    let Answered { parties, asked, sent, answer } = &house;
    let namesake = parties.issuer.merchant(MERCHANT, KeyUse::Signature);
    let theirs = forge::edited(answer, |wrapper| {
        let Message::PRes(signed) = &mut wrapper.message else { panic!() };
        let (data, _) = signed.verify(&parties.issuer.trust(), forge::at(parties)).unwrap();
        *signed = forge::sign(parties, &data.into_value(), &forge::signer(&namesake));
    });
    let refused = sent.answer(asked, &theirs, &parties.wallet.trust, parties.now()).map(|_| ());
    assert_eq!(refused, Err(WalletError::Mismatch("signer")));
    let flipped = forge::edited(answer, |wrapper| {
        let Message::PRes(signed) = &mut wrapper.message else { panic!() };
        *signed = forge::flipped(signed);
    });
    assert!(is_refused(sent.answer(asked, &flipped, &parties.wallet.trust, parties.now())));
}

#[tokio::test]
async fn a_request_for_a_code_is_of_the_gateway_that_was_meant_and_of_this_payment() {
    let house = answered(false).await;
    let Answered { parties, .. } = &house;
    let start = |edit: &dyn Fn(&mut CodeStartData), signer: &Signer<'_>| {
        house.progress(|data| {
            let start = data.code_start.take().unwrap();
            let (start, _) = start.verify(&parties.issuer.trust(), forge::at(parties)).unwrap();
            let start = forge::changed(&start, edit).into_value();
            data.code_start = Some(forge::sign(parties, &start, signer));
        })
    };
    let own = forge::gateway_signer(parties);
    assert_eq!(start(&|_| {}, &own), Ok(()));
    let other = parties.issuer.gateway("gateway-2", KeyUse::Signature);
    let refused = start(&|_| {}, &forge::signer(&other));
    assert_eq!(refused, Err(WalletError::Mismatch("signer")));
    assert!(is_refused(start(&|_| {}, &forge::merchant_signer(parties))));
    let edits: [(&str, Edit<CodeStartData>); 4] = [
        ("transIDs", |data| data.trans_ids.xid = [1; 20].into()),
        ("hPI-TBS", |data| data.h_pi_tbs = Digest::from_bytes([1; 32])),
        ("merchantID", |data| data.merchant_id = OTHER_MERCHANT.try_into().unwrap()),
        ("gateway", |data| data.gateway = KeyOf::new([1; 32])),
    ];
    for (field, edit) in &edits {
        assert_eq!(start(edit, &own), Err(WalletError::Mismatch(field)), "{field}");
    }
}

#[tokio::test]
async fn a_receipt_is_of_the_gateway_that_was_meant_and_of_this_purchase() {
    let house = answered(true).await;
    let Answered { parties, .. } = &house;
    let receipt = |edit: &dyn Fn(&mut ReceiptData), signer: &Signer<'_>| {
        house.progress(|data| {
            let receipt = data.receipt.take().unwrap();
            let (receipt, _) = receipt.verify(&parties.issuer.trust(), forge::at(parties)).unwrap();
            let receipt = forge::changed(&receipt, edit).into_value();
            data.receipt = Some(forge::sign(parties, &receipt, signer));
        })
    };
    let own = forge::gateway_signer(parties);
    assert_eq!(receipt(&|_| {}, &own), Ok(()));
    let other = parties.issuer.gateway("gateway-2", KeyUse::Signature);
    let refused = receipt(&|_| {}, &forge::signer(&other));
    assert_eq!(refused, Err(WalletError::Mismatch("signer")));
    assert!(is_refused(receipt(&|_| {}, &forge::merchant_signer(parties))));
    let edits: [(&str, Edit<ReceiptData>); 6] = [
        ("transIDs", |data| data.trans_ids.xid = [1; 20].into()),
        ("merchantID", |data| data.merchant_id = OTHER_MERCHANT.try_into().unwrap()),
        ("hod", |data| data.hod = Digest::from_bytes([1; 32])),
        ("purchAmt", |data| data.purch_amt.amount = 1.try_into().unwrap()),
        ("hPI-TBS", |data| data.h_pi_tbs = Digest::from_bytes([1; 32])),
        ("mode", |data| data.mode = countersign_set::message::purchase::Mode::Unsigned),
    ];
    for (field, edit) in &edits {
        assert_eq!(receipt(edit, &own), Err(WalletError::Mismatch(field)), "{field}");
    }
}

#[tokio::test]
async fn a_direct_answer_is_the_gateways_to_this_request() {
    let parties = Parties::new();
    let (sent, _) = parties.buy("49.90").await;
    let (message, rrpid) = sent.code_direct("123456", &parties.entropy, parties.now()).unwrap();
    let answer = parties.gateway.answer(&message).await.unwrap();
    let (data, _) = match forge::read(&answer).message {
        Message::CodeDirectRes(signed) => {
            signed.verify(&parties.issuer.trust(), forge::at(&parties)).unwrap()
        }
        _ => panic!(),
    };
    let accept = |edit: &dyn Fn(&mut CodeDirectResData), signer: &Signer<'_>| {
        let answer = forge::edited(&answer, |wrapper| {
            let data = forge::changed(&data, edit).into_value();
            wrapper.message = Message::CodeDirectRes(forge::sign(&parties, &data, signer));
        });
        sent.direct_answer(&rrpid, &answer, &parties.wallet.trust, parties.now()).map(|_| ())
    };
    let own = forge::gateway_signer(&parties);
    assert_eq!(accept(&|_| {}, &own), Ok(()));
    let other = parties.issuer.gateway("gateway-2", KeyUse::Signature);
    assert_eq!(accept(&|_| {}, &forge::signer(&other)), Err(WalletError::Mismatch("signer")));
    assert!(is_refused(accept(&|_| {}, &forge::merchant_signer(&parties))));
    let refused = accept(&|data| data.rrpid = [1; 20].into(), &own);
    assert_eq!(refused, Err(WalletError::Mismatch("rrpid")));
    let refused = accept(&|data| data.xid = [1; 20].into(), &own);
    assert_eq!(refused, Err(WalletError::Mismatch("xid")));
}

#[tokio::test]
async fn an_error_ends_an_attempt_and_one_with_a_signature_that_is_wrong_is_none() {
    let Answered { parties, asked, sent, answer } = answered(false).await;
    let tbs =
        ErrorTbs { error_code: ErrorCode::UnknownXid, error_nonce: [1; 20].into(), rrpid: None };
    let by_merchant: Signed<ErrorTbs, Merchant> =
        forge::sign(&parties, &tbs, &forge::merchant_signer(&parties));
    let answers = |error: ErrorMessage| {
        let error = forge::edited(&answer, |wrapper| wrapper.message = Message::Error(error));
        sent.answer(&asked, &error, &parties.wallet.trust, parties.now()).map(|_| ())
    };
    let told = Err(WalletError::Answered(ErrorCode::UnknownXid));
    assert_eq!(answers(ErrorMessage::OfMerchant(by_merchant.clone())), told);
    assert_eq!(answers(ErrorMessage::Unsigned(tbs)), told);
    assert!(is_refused(answers(ErrorMessage::OfMerchant(forge::flipped(&by_merchant)))));
    assert!(is_refused(answers(ErrorMessage::OfGateway(forge::presumed(&by_merchant)))));
    let other = forge::edited(&answer, |wrapper| {
        let (message, _) = sent.code_forward("123456", &parties.entropy, parties.now()).unwrap();
        wrapper.message = forge::read(&message).message;
    });
    let refused = sent.answer(&asked, &other, &parties.wallet.trust, parties.now()).map(|_| ());
    assert_eq!(refused, Err(WalletError::Mismatch("message")));
    let refused = sent.answer(&asked, b"", &parties.wallet.trust, parties.now()).map(|_| ());
    assert_eq!(refused, Err(WalletError::Unreadable(ErrorCode::DecodingFailure)));
}

/// A foreign root, a certificate that has expired or is revoked, of each role that the wallet hears of.
#[tokio::test]
async fn a_certificate_that_is_not_to_be_trusted_is_refused_of_each_role() {
    let mut house = answered(false).await;
    let issue = |issuer: &Issuer| issuer.gateway(GATEWAY, KeyUse::Signature);
    let (gateways, anchors) = forge::not_trusted(&mut house.parties, issue);
    house.parties.wallet.trust = anchors;
    for (what, pair) in &gateways {
        let refused = house.progress(|data| {
            let start = data.code_start.take().unwrap();
            let at = forge::at(&house.parties);
            let (start, _) = start.verify(&house.parties.issuer.trust(), at).unwrap();
            let theirs = forge::signer(pair);
            data.code_start = Some(forge::sign(&house.parties, &start.into_value(), &theirs));
        });
        assert!(is_refused(refused), "{what}");
    }

    let mut parties = Parties::new();
    let issue = |issuer: &Issuer| issuer.gateway(GATEWAY, KeyUse::KeyExchange);
    let (receivers, anchors) = forge::not_trusted(&mut parties, issue);
    parties.wallet.trust = anchors;
    for (what, (certificate, _)) in receivers {
        let merchant = Arc::get_mut(&mut parties.merchant).unwrap();
        merchant.gateway = KnownGateway::new(vec![certificate]);
        let (answer, begun) = begun(&parties).await;
        assert!(is_refused(begun.accept(&answer, &parties.wallet, parties.now())), "{what}");
    }

    let mut parties = Parties::new();
    let issue = |issuer: &Issuer| issuer.merchant(MERCHANT, KeyUse::Signature);
    let (merchants, anchors) = forge::not_trusted(&mut parties, issue);
    parties.wallet.trust = anchors;
    for (what, (certificate, key)) in merchants {
        let merchant = Arc::get_mut(&mut parties.merchant).unwrap();
        (merchant.keys.certificate, merchant.keys.key) = (certificate, Arc::new(key));
        let order = parties.order("49.90").await;
        let wake_up = parties.merchant.wake_up(&order.id).await.unwrap();
        assert!(is_refused(parties.wallet.offer(&wake_up, parties.now())), "{what}");
    }
}
