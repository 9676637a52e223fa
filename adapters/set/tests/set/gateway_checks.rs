//! The gateway's checks of a request for an authorization (SET book 2), in their order, each with its answer. Whatever is
//! not authentic has one and the same answer: neither what decrypts nor what verifies can be found out by asking.

use std::{sync::Arc, time::Duration};

use countersign_certs::{
    AuthorityKind, AuthorityProfile, Certificate, KeyPair, KeyUse, RecipientCertificate, Serial,
    SigningKey, TrustAnchors,
};
use countersign_domain::{policy::PolicySettings, testing::other_card};
use countersign_set::{
    asn1::SecretOctets,
    message::{
        authorization::{AuthCode, AuthReqTbs},
        code::CodeReqTbs,
        failure::ErrorCode,
        purchase::{CompletionCode, Pi, PiDualSigned, PiHead},
        wrapper::Message,
    },
    protect::{Digest, Gateway, KeyOf, Merchant, Sealed, Signed},
    testing::{self, BRAND, Issuer, MERCHANT, OTHER_MERCHANT, Parties, Setup},
};

use crate::forge::{self, Authorization};

type Enc = Sealed<Signed<AuthReqTbs, Merchant>, Gateway>;

/// Those that the gateway is not to trust.
fn not_trusted(
    parties: &mut Parties,
    issue: impl Fn(&Issuer) -> (Certificate, KeyPair),
) -> Vec<(&'static str, (Certificate, KeyPair))> {
    let (bad, anchors) = forge::not_trusted(parties, issue);
    parties.gateway.trust.replace(anchors);
    bad
}

#[tokio::test]
async fn whatever_is_not_authentic_of_a_merchants_message_has_one_answer() {
    let mut parties = Parties::new();
    let bad_signers =
        not_trusted(&mut parties, |issuer| issuer.merchant(MERCHANT, KeyUse::Signature));
    let parties = &parties;
    let (_, message) = forge::held(parties, "49.90").await;
    let honest = Authorization::open(parties, &message);
    let Message::AuthReq(sent) = forge::read(&message).message else { panic!() };
    let (_, elsewhere) =
        testing::gateway(&parties.fixture, &parties.issuer, "gateway-2", Setup::default());
    let elsewhere = RecipientCertificate::new(&elsewhere).unwrap();
    let here = forge::cert_pe(parties);
    let own = forge::merchant_signer(parties);
    let signed: Signed<AuthReqTbs, Merchant> = forge::sign(parties, &honest.tbs, &own);
    let unsigned: Enc =
        forge::presumed(&Sealed::<AuthReqTbs, Gateway>::seal(&honest.tbs, &here).unwrap());
    let (_, question) = forge::code_req(parties, &honest.tbs, None);
    let other_structure: Signed<CodeReqTbs, Merchant> = forge::sign(parties, &question, &own);
    let other_structure = forge::presumed::<Signed<AuthReqTbs, Merchant>>(&other_structure);

    let sealed = |signed: &Signed<AuthReqTbs, Merchant>| Sealed::seal(signed, &here).unwrap();
    let mut cases = vec![
        ("for another gateway", honest.carry(Sealed::seal(&signed, &elsewhere).unwrap())),
        ("a tag that is wrong", honest.carry(forge::flipped(&sent.enc))),
        ("no SignedData", honest.carry(unsigned)),
        ("another structure", honest.carry(sealed(&other_structure))),
        ("a signature that is wrong", honest.carry(sealed(&forge::flipped(&signed)))),
    ];
    let mut signed_by = |what, certificate: &Certificate, key: &dyn SigningKey| {
        let signer = countersign_certs::cms::signed::Signer { certificate, key, above: &[] };
        cases.push((what, honest.close_as(parties, &signer)));
    };
    for (what, (certificate, key)) in &bad_signers {
        signed_by(what, certificate, key);
    }
    let exchange = parties.issuer.merchant(MERCHANT, KeyUse::KeyExchange);
    signed_by("a key for key exchange", &exchange.0, &exchange.1);
    let identity = parties.wallet.identity.as_ref().unwrap();
    signed_by("a cardholder", &identity.certificate, &identity.key);
    signed_by("a gateway", &parties.gateway.keys.certificate, parties.gateway.keys.key.as_ref());
    let other = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::Signature);
    signed_by("another merchant's certificate", &other.0, &other.1);

    let mut edited = |what, edit: &dyn Fn(&mut Authorization)| {
        let mut changed = honest.clone();
        edit(&mut changed);
        cases.push((what, changed.close(parties)));
    };
    let others_exchange = parties.issuer.merchant(OTHER_MERCHANT, KeyUse::KeyExchange).0;
    edited("another merchant receives", &|one| {
        one.tbs.auth_req_data.me_certificates = forge::chain(&others_exchange);
    });
    edited("a signature key receives", &|one| {
        one.tbs.auth_req_data.me_certificates = forge::chain(&parties.merchant.keys.certificate);
    });
    edited("another request inside", &|one| {
        one.tbs.auth_req_data.auth_tags.auth_rr_tags.rrpid = parties.random().into();
    });
    edited("another gateway inside", &|one| {
        one.tbs.auth_req_data.auth_tags.auth_rr_tags.gateway = KeyOf::new([7; 32]);
    });
    edited("another purchase inside", &|one| one.header.xid = Some(parties.random().into()));
    let stranger = parties.issuer.merchant("somebody", KeyUse::Signature);
    let mut unknown = honest.clone();
    unknown.tbs.auth_req_data.auth_tags.auth_rr_tags.merchant_id = "somebody".try_into().unwrap();
    cases.push(("not a merchant of ours", unknown.close_as(parties, &forge::signer(&stranger))));
    let (_, other_payment) = forge::held(parties, "49.90").await;
    let other_payment = Authorization::open(parties, &other_payment).pi;
    let swapped = Authorization { pi: other_payment, ..honest.clone() };
    cases.push(("another payment beside it", swapped.carry(sent.enc.clone())));

    for (what, message) in cases {
        let answer = forge::ask(parties, &message).await;
        assert_eq!(answer, Err(ErrorCode::SignatureFailure), "{what}");
    }
    assert!(parties.fixture.bank.calls().is_empty());
    // And the honest one goes through, so that it was not for another reason.
    let answer = forge::ask(parties, &message).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::CodePending);
}

#[tokio::test]
async fn whatever_is_not_authentic_of_a_payment_has_one_answer() {
    let mut parties = Parties::new();
    let card = parties.wallet.card.clone();
    let secret = SecretOctets::from([5; 20]);
    let cert_pe = parties.gateway.keys.exchange[0].clone();
    let issue = |issuer: &Issuer| {
        let identity = issuer.cardholder(&card, &secret, &cert_pe);
        (identity.certificate, identity.key)
    };
    let bad_signers = not_trusted(&mut parties, issue);
    let parties = &parties;
    let (_, message) = forge::held(parties, "49.90").await;
    let honest = Authorization::open(parties, &message);
    let Pi::DualSigned(pi) = honest.pi.clone() else { panic!() };
    let identity = parties.wallet.identity.as_ref().unwrap();
    let own = forge::identity_signer(identity);
    let (_, elsewhere) =
        testing::gateway(&parties.fixture, &parties.issuer, "gateway-2", Setup::default());
    let tbe = pi.pi_sealed.open(&parties.gateway.keys.exchange_keys).unwrap();
    let elsewhere = Sealed::seal(&tbe, &RecipientCertificate::new(&elsewhere).unwrap()).unwrap();
    let malformed =
        Sealed::<AuthReqTbs, Gateway>::seal(&honest.tbs, &forge::cert_pe(parties)).unwrap();

    let dual = |edit: &dyn Fn(&mut PiDualSigned)| {
        let mut pi = pi.clone();
        edit(&mut pi);
        Authorization { pi: Pi::DualSigned(pi), ..honest.clone() }
    };
    let head = |edit: &dyn Fn(&mut PiHead)| {
        honest.resigned(parties, &own, |tbe| {
            tbe.pi_data = forge::changed(&tbe.pi_data, |data| edit(&mut data.pi_head));
        })
    };
    let tags = |edit: &dyn Fn(&mut AuthReqTbs)| {
        let mut changed = honest.clone();
        edit(&mut changed.tbs);
        changed
    };
    let other_card = other_card();
    let stranger = parties.issuer.cardholder(&other_card, &SecretOctets::from([6; 20]), &cert_pe);
    let merchant = forge::merchant_signer(parties);
    let mut cases = vec![
        ("for another gateway", dual(&|pi| pi.pi_sealed = elsewhere.clone())),
        ("a tag that is wrong", dual(&|pi| pi.pi_sealed = forge::flipped(&pi.pi_sealed))),
        ("no payment in it", dual(&|pi| pi.pi_sealed = forge::presumed(&malformed))),
        (
            "a signature that is wrong",
            dual(&|pi| pi.pi_signature = forge::flipped(&pi.pi_signature)),
        ),
        (
            "changed after it was signed",
            honest.resealed(parties, |tbe| {
                tbe.pi_data = forge::changed(&tbe.pi_data, |data| {
                    data.pi_head.inputs.purch_amt.amount = 1.try_into().unwrap();
                });
            }),
        ),
        (
            "another order than was signed",
            honest.resealed(parties, |tbe| {
                tbe.h_oi_data = Digest::from_bytes([1; 32]);
            }),
        ),
        (
            "another person's certificate",
            honest.resigned(parties, &forge::identity_signer(&stranger), |_| {}),
        ),
        ("a merchant signs", honest.resigned(parties, &merchant, |_| {})),
        (
            "another card than the certificate's",
            honest.resigned(parties, &own, |tbe| {
                tbe.pi_data = forge::changed(&tbe.pi_data, |data| {
                    data.pan_data.pan = other_card.expose_number().try_into().unwrap();
                });
            }),
        ),
        (
            "no card number",
            honest.resigned(parties, &own, |tbe| {
                tbe.pi_data = forge::changed(&tbe.pi_data, |data| {
                    data.pan_data.pan = "4970100000000155".try_into().unwrap();
                });
            }),
        ),
        (
            "another secret",
            honest.resigned(parties, &own, |tbe| {
                tbe.pi_data = forge::changed(&tbe.pi_data, |data| {
                    data.pan_data.pan_secret = SecretOctets::from([6; 20]);
                });
            }),
        ),
        ("another gateway is meant (W1)", head(&|head| head.gateway = KeyOf::new([1; 32]))),
        ("another purchase", head(&|head| head.trans_ids.xid = parties.random().into())),
        (
            "another order of the cardholder",
            head(&|head| {
                head.trans_ids.lid_c = vec![1].try_into().unwrap();
            }),
        ),
        (
            "another order of the merchant",
            head(&|head| {
                head.trans_ids.lid_m = vec![1].try_into().unwrap();
            }),
        ),
        (
            "another order received",
            tags(&|tbs| {
                tbs.auth_req_data.check_digests.h_oi_data = Digest::from_bytes([1; 32]);
            }),
        ),
        (
            "other goods sold",
            tags(&|tbs| {
                tbs.auth_req_data.check_digests.hod2 = Digest::from_bytes([1; 32]);
            }),
        ),
        ("other goods bought", head(&|head| head.inputs.hod = Digest::from_bytes([1; 32]))),
        ("another merchant", head(&|head| head.merchant_id = OTHER_MERCHANT.try_into().unwrap())),
        ("another key of the merchant (W11)", head(&|head| head.merchant = KeyOf::new([1; 32]))),
    ];
    for (what, pair) in &bad_signers {
        cases.push((*what, honest.resigned(parties, &forge::signer(pair), |_| {})));
    }
    for (what, case) in cases {
        let message = case.renamed(parties).close(parties);
        let answer = forge::ask(parties, &message).await.unwrap();
        assert_eq!(answer.auth_code, AuthCode::PiAuthMismatch, "{what}");
        // Nor is anything else said of it.
        let more = (answer.captured, answer.mode, answer.attempts_left);
        assert_eq!(more, (false, None, None), "{what}");
        assert!(answer.code_start.is_none() && answer.receipt.is_none(), "{what}");
    }
    assert!(parties.fixture.bank.calls().is_empty());
    let answer = forge::ask(parties, &message).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::CodePending);
}

#[tokio::test]
async fn a_payment_without_a_signature_that_does_not_belong_has_the_same_answer() {
    let mut parties = Parties::new();
    parties.enrol().await;
    parties.wallet.identity = None;
    let parties = &parties;
    let (_, message) = forge::held(parties, "49.90").await;
    let honest = Authorization::open(parties, &message);
    let Pi::Unsigned(pi) = honest.pi.clone() else { panic!() };
    let head = |edit: &dyn Fn(&mut PiHead)| {
        honest.unsigned(parties, |tbe| {
            tbe.pi_data_unsigned =
                forge::changed(&tbe.pi_data_unsigned, |data| edit(&mut data.pi_head));
        })
    };
    for (what, case) in [
        ("a tag", Authorization { pi: Pi::Unsigned(forge::flipped(&pi)), ..honest.clone() }),
        ("gateway", head(&|head| head.gateway = KeyOf::new([1; 32]))),
        ("purchase", head(&|head| head.trans_ids.xid = parties.random().into())),
        ("goods", head(&|head| head.inputs.hod = Digest::from_bytes([1; 32]))),
        ("merchant", head(&|head| head.merchant_id = OTHER_MERCHANT.try_into().unwrap())),
        ("key", head(&|head| head.merchant = KeyOf::new([1; 32]))),
        ("order", honest.unsigned(parties, |tbe| tbe.h_oi_data = Digest::from_bytes([1; 32]))),
        (
            "card",
            honest.unsigned(parties, |tbe| {
                tbe.pi_data_unsigned = forge::changed(&tbe.pi_data_unsigned, |data| {
                    data.pan_token.pan = "4970100000000155".try_into().unwrap();
                });
            }),
        ),
    ] {
        let message = case.renamed(parties).close(parties);
        let answer = forge::ask(parties, &message).await.unwrap();
        assert_eq!(answer.auth_code, AuthCode::PiAuthMismatch, "{what}");
    }
    let answer = forge::ask(parties, &message).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::CodePending);
}

#[tokio::test]
async fn an_answer_is_encrypted_to_nobody_who_is_not_the_merchant() {
    let mut parties = Parties::new();
    let bad = not_trusted(&mut parties, |issuer| issuer.merchant(MERCHANT, KeyUse::KeyExchange));
    let (_, message) = forge::held(&parties, "49.90").await;
    let mut changed = Authorization::open(&parties, &message);
    for (what, (certificate, _)) in &bad {
        changed.tbs.auth_req_data.me_certificates = forge::chain(certificate);
        let answer = forge::ask(&parties, &changed.close(&parties)).await;
        assert_eq!(answer, Err(ErrorCode::SignatureFailure), "{what}");
    }
}

/// What is wrong with a payment that is authentic, in the order of checking: of two faults the first is told.
#[tokio::test]
async fn of_several_faults_the_first_is_told() {
    let mut parties = Parties::new();
    parties.wallet.identity = None;
    parties.wallet.card =
        countersign_domain::card::Card::new("4970100000000154", "12/26".try_into().unwrap())
            .unwrap();
    let parties = &parties;
    let (_, message) = forge::held(parties, "49.90").await;
    let honest = Authorization::open(parties, &message);
    let with = |brand: &str, minor: i64, order: u8| {
        let mut changed = honest.unsigned(parties, |tbe| {
            tbe.pi_data_unsigned = forge::changed(&tbe.pi_data_unsigned, |data| {
                data.pi_head.brand_id = brand.try_into().unwrap();
            });
        });
        let data = &mut changed.tbs.auth_req_data;
        data.auth_req_payload.auth_req_amt.amount = minor.try_into().unwrap();
        if order > 0 {
            data.check_digests.hod2 = Digest::from_bytes([order; 32]);
        }
        changed.renamed(parties)
    };
    for (what, case, code) in [
        ("order, brand, amount, card, phone", with("Other", 1, 1), AuthCode::PiAuthMismatch),
        ("brand, amount, card, phone", with("Other", 1, 0), AuthCode::CardMerchBrandMismatch),
        ("amount, card, phone", with(BRAND, 1, 0), AuthCode::AmountError),
        ("card, phone", with(BRAND, 4990, 0), AuthCode::ExpiredCard),
    ] {
        let answer = forge::ask(parties, &case.close(parties)).await.unwrap();
        assert_eq!(answer.auth_code, code, "{what}");
    }
    // Once it is used, nothing else is said of it but that.
    let setup = Setup { tells_unknown: true, ..Setup::default() };
    let mut parties = Parties::with(PolicySettings::bank_first(), setup);
    parties.wallet.identity = None;
    let (_, message) = forge::held(&parties, "49.90").await;
    let honest = Authorization::open(&parties, &message);
    let answer = forge::ask(&parties, &message).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::NoPhone);
    parties.enrol().await;
    let again = honest.renamed(&parties);
    let answer = forge::ask(&parties, &again.close(&parties)).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::CodePending, "what came to nothing was not used");
    let mut greedy = honest.renamed(&parties);
    greedy.tbs.auth_req_data.auth_req_payload.auth_req_amt.amount = 1.try_into().unwrap();
    let answer = forge::ask(&parties, &greedy.close(&parties)).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::PiPreviouslyUsed);
}

#[tokio::test]
async fn a_payment_without_a_signature_is_refused_where_one_is_required() {
    let setup = Setup { signed_only: true, ..Setup::default() };
    let mut parties = Parties::with(PolicySettings::bank_first(), setup);
    parties.enrol().await;
    parties.wallet.identity = None;
    // The merchant would take it.
    Arc::get_mut(&mut parties.merchant).unwrap().settings.unsigned = true;
    let (_, progress) = parties.buy("49.90").await;
    let progress = progress.unwrap();
    assert_eq!(progress.auth_code, Some(AuthCode::SignatureRequired));
    assert_eq!(progress.completion, CompletionCode::SignatureRequired);
    assert!(parties.fixture.bank.calls().is_empty());
}

#[tokio::test]
async fn a_certificate_of_one_brand_pays_with_no_card_of_another() {
    for (organization, code) in
        [("Other", AuthCode::CardMerchBrandMismatch), (BRAND, AuthCode::CodePending)]
    {
        let mut parties = Parties::new();
        let profile = AuthorityProfile {
            organization: Some(organization),
            ..AuthorityProfile::new(AuthorityKind::Root, "Brand root")
        };
        let key = KeyPair::generate().unwrap();
        let validity = parties.issuer.root.validity();
        let serial = Serial::random().unwrap();
        let brand =
            countersign_certs::Authority::new_root(&profile, key, validity, serial).unwrap();
        let roots = [parties.issuer.root.certificate().clone(), brand.certificate().clone()];
        for trust in [&parties.gateway.trust, &parties.merchant.trust] {
            trust.replace(TrustAnchors::new(&roots).unwrap());
        }
        let house = std::mem::replace(&mut parties.issuer.root, brand);
        let card = parties.wallet.card.clone();
        let cert_pe = parties.gateway.keys.exchange[0].clone();
        let secret = SecretOctets::from([5; 20]);
        parties.wallet.identity = Some(parties.issuer.cardholder(&card, &secret, &cert_pe));
        parties.issuer.root = house;
        let (_, progress) = parties.buy("49.90").await;
        assert_eq!(progress.unwrap().auth_code, Some(code), "{organization}");
    }
}

#[tokio::test]
async fn a_message_around_which_something_is_wrong_is_told_what() {
    let parties = Parties::new();
    let (sent, message) = forge::held(&parties, "49.90").await;
    let (typed, _) = sent.code_direct("123456", &parties.entropy, parties.now()).unwrap();
    let at = parties.now().unix_seconds();
    let header = |edit: &dyn Fn(&mut countersign_set::message::wrapper::MessageHeader)| {
        forge::edited(&message, |wrapper| edit(&mut wrapper.header))
    };
    let mut trailing = message.clone();
    trailing.push(0);
    for (what, message, code) in [
        ("too large", vec![0; 128 * 1024 + 1], ErrorCode::MessageTooBig),
        ("nothing", Vec::new(), ErrorCode::DecodingFailure),
        ("more than a message", trailing, ErrorCode::DecodingFailure),
        (
            "old version",
            header(&|header| header.version = 0.try_into().unwrap()),
            ErrorCode::VersionTooOld,
        ),
        (
            "new version",
            header(&|header| header.version = 2.try_into().unwrap()),
            ErrorCode::VersionTooNew,
        ),
        (
            "a message for a merchant",
            forge::p_req(&parties, "49.90").await.0,
            ErrorCode::MessageNotSupported,
        ),
        (
            "a code under another request",
            forge::edited(&typed, |wrapper| {
                wrapper.header.rrpid = parties.random().into();
            }),
            ErrorCode::WrapperMsgMismatch,
        ),
        (
            "a code about another purchase",
            forge::edited(&typed, |wrapper| {
                wrapper.header.xid = Some(parties.random().into());
            }),
            ErrorCode::WrapperMsgMismatch,
        ),
        ("a code of no purchase", typed.clone(), ErrorCode::UnknownXid),
    ] {
        assert_eq!(forge::ask(&parties, &message).await, Err(code), "{what}");
    }
    // Within ten minutes clocks may differ.
    let slow = header(&|header| header.date = forge::time(at - 600));
    assert_eq!(forge::ask(&parties, &slow).await.unwrap().auth_code, AuthCode::CodePending);
}

/// Without it the time tells how far a message came: a curve's point is multiplied for each check that it passes.
#[tokio::test]
async fn whatever_is_not_authentic_is_answered_after_the_same_time() {
    let parties = Parties::new();
    let (sent, message) = forge::held(&parties, "49.90").await;
    let honest = Authorization::open(&parties, &message);
    let Message::AuthReq(request) = forge::read(&message).message else { panic!() };
    let Pi::DualSigned(pi) = honest.pi.clone() else { panic!() };
    let dual = |pi| Authorization { pi: Pi::DualSigned(pi), ..honest.renamed(&parties) };
    let seal = forge::flipped(&pi.pi_sealed);
    let unsealed = dual(PiDualSigned { pi_sealed: seal, ..pi.clone() }).close(&parties);
    let signature = forge::flipped(&pi.pi_signature);
    let unsigned = dual(PiDualSigned { pi_signature: signature, ..pi }).close(&parties);
    let gateway = forge::gateway_signer(&parties);
    let (typed, _) = sent.code_direct("123456", &parties.entropy, parties.now()).unwrap();
    let typed = forge::edited(&typed, |wrapper| {
        let Message::CodeDirectReq(request) = &mut wrapper.message else { panic!() };
        request.code_submission = forge::flipped(&request.code_submission);
    });
    let tag = honest.carry(forge::flipped(&request.enc));
    let role = honest.close_as(&parties, &gateway);
    let timed = async |message: &[u8]| {
        let begun = std::time::Instant::now();
        let answer = forge::ask(&parties, message).await;
        (begun.elapsed(), answer.map(|answer| answer.auth_code))
    };
    let least = Duration::from_millis(25);
    for (what, message) in [("a tag", &tag), ("a role", &role)] {
        let (took, answer) = timed(message).await;
        assert_eq!(answer, Err(ErrorCode::SignatureFailure), "{what}");
        assert!(took >= least, "{what}: {took:?}");
    }
    for (what, message) in [("a payment's tag", &unsealed), ("a payment's signature", &unsigned)] {
        let (took, answer) = timed(message).await;
        assert_eq!(answer, Ok(AuthCode::PiAuthMismatch), "{what}");
        assert!(took >= least, "{what}: {took:?}");
    }
    forge::ask(&parties, &message).await.unwrap();
    let (took, answer) = timed(&typed).await;
    assert_eq!(answer, Err(ErrorCode::SignatureFailure), "a code's tag");
    assert!(took >= least, "a code's tag: {took:?}");
}
