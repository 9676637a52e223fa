//! Figure 11 from the wake-up to the receipt: every row and every variant.

use countersign_certs::PhoneExtension;
use countersign_domain::{
    plan::Order as Turns,
    policy::PolicySettings,
    testing::{card, purchase},
};
use countersign_set::{
    cardholder::{Progress, Sent, WalletError},
    message::{
        authorization::AuthCode,
        purchase::{CompletionCode, Mode},
        wrapper::Message,
    },
    testing::{Parties, Setup},
};

use crate::forge::{self, Authorization};

/// How the code comes back (F11.10).
#[derive(Clone, Copy, Debug)]
enum Way {
    ThroughTheMerchant,
    StraightToTheGateway,
}

const WAYS: [Way; 2] = [Way::ThroughTheMerchant, Way::StraightToTheGateway];

async fn type_code(parties: &Parties, way: Way, sent: &Sent, code: &str) -> Progress {
    let typed: Result<Progress, WalletError> = match way {
        Way::ThroughTheMerchant => parties.type_code(sent, code).await,
        Way::StraightToTheGateway => parties.type_code_direct(sent, code).await,
    };
    typed.unwrap()
}

#[tokio::test]
async fn a_purchase_is_paid_after_the_code_came_back_either_way() {
    for way in WAYS {
        let parties = Parties::new();
        let (sent, progress) = parties.buy("49.90").await;
        let progress = progress.unwrap();
        assert_eq!(progress.completion, CompletionCode::CodeAsked, "{way:?}");
        assert_eq!(progress.auth_code, Some(AuthCode::CodePending));
        assert!(progress.receipt.is_none());
        assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);

        let (code, _) = parties.phone().await.unwrap();
        let paid = type_code(&parties, way, &sent, &code).await;
        assert_eq!(paid.completion, CompletionCode::CapturePerformed, "{way:?}");
        let (receipt, _) = paid.receipt.unwrap();
        assert_eq!((receipt.mode, receipt.code_verified), (Mode::DualSigned, true));
        assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture"]);
        let known = parties.inquire(&sent).await.unwrap();
        assert_eq!(known.completion, CompletionCode::CapturePerformed, "the merchant learns it");
    }
}

#[tokio::test]
async fn a_purchase_whose_certificate_is_revoked_before_the_code_comes_is_not_captured() {
    for way in WAYS {
        let parties = Parties::new();
        let (sent, _) = parties.buy("49.90").await;
        let (code, _) = parties.phone().await.unwrap();
        let own = &parties.wallet.identity.as_ref().unwrap().certificate;
        parties.gateway.trust.replace(forge::revoking(&parties, own));
        let refused = type_code(&parties, way, &sent, &code).await;
        assert_eq!(refused.auth_code, Some(AuthCode::Cancelled), "{way:?}");
        assert!(refused.receipt.is_none());
        assert_eq!(parties.fixture.bank.call_names(), ["authorize", "void"], "{way:?}");
        // Another's that is revoked is no reason.
        let parties = Parties::new();
        let (sent, _) = parties.buy("49.90").await;
        let (code, _) = parties.phone().await.unwrap();
        let (other, _) = parties.issuer.merchant("other", countersign_certs::KeyUse::Signature);
        parties.gateway.trust.replace(forge::revoking(&parties, &other));
        let paid = type_code(&parties, way, &sent, &code).await;
        assert_eq!(paid.completion, CompletionCode::CapturePerformed, "{way:?}");
    }
}

#[tokio::test]
async fn the_message_has_amount_merchant_and_the_reference_that_the_wallet_shows() {
    let parties = Parties::new();
    let (sent, progress) = parties.buy("49.90").await;
    let text = parties.fixture.next_message().await.unwrap();
    assert!(text.starts_with("Pay 49.90 EUR to Librairie Dupont"), "{text}");
    let (_, reference) = parties.phone().await.unwrap();
    assert_eq!(sent.purchase().reference().unwrap().as_str(), reference);
    assert_eq!(sent.purchase().offer().merchant_name(), "Librairie Dupont");
    assert_eq!(sent.purchase().offer().amount().unwrap(), purchase("49.90").amount());
    let start = progress.unwrap().code.unwrap();
    assert!(
        !start.phone.contains(|c: char| c.is_ascii_digit()),
        "before the code: {}",
        start.phone
    );
    assert_eq!(start.digits, 6);
}

#[tokio::test]
async fn two_purchases_of_one_amount_at_one_merchant_have_two_references() {
    let parties = Parties::new();
    let (one, _) = parties.buy("49.90").await;
    let (two, _) = parties.buy("49.90").await;
    assert_ne!(one.purchase().reference().unwrap(), two.purchase().reference().unwrap());
}

#[tokio::test]
async fn without_a_certificate_a_code_is_asked_whatever_the_amount() {
    let exempt = PolicySettings {
        normal_up_to: vec![purchase("30.00").amount()],
        ..PolicySettings::bank_first()
    };
    let mut parties = Parties::with(exempt, Setup::default());
    parties.enrol().await;
    let (_, progress) = parties.buy("10.00").await;
    let paid = progress.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed, "with one it is exempt");
    assert!(!paid.receipt.unwrap().0.code_verified, "and the receipt says so");

    parties.wallet.identity = None;
    for (place, way) in WAYS.into_iter().enumerate() {
        let (sent, progress) = parties.buy("10.00").await;
        assert_eq!(progress.unwrap().completion, CompletionCode::CodeAsked);
        let (code, reference) = parties.phone().await.unwrap();
        assert_eq!(sent.purchase().reference().unwrap().as_str(), reference);
        let (receipt, _) = type_code(&parties, way, &sent, &code).await.receipt.unwrap();
        assert_eq!((receipt.mode, receipt.code_verified), (Mode::Unsigned, true));
        assert_eq!(parties.fixture.messenger.taken().len(), place + 1);
    }
}

#[tokio::test]
async fn a_number_in_the_certificate_needs_no_directory_and_one_in_the_directory_no_certificate() {
    // F11.v2: nobody is enrolled.
    let setup = Setup { tells_unknown: true, ..Setup::default() };
    let mut parties = Parties::with(PolicySettings::bank_first(), setup);
    parties.buy("49.90").await.1.unwrap();
    assert!(parties.phone().await.is_some());

    // F11.8: no certificate, and at first nobody is enrolled.
    parties.wallet.identity = None;
    let (_, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().auth_code, Some(AuthCode::NoPhone));
    parties.enrol().await;
    let (_, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().auth_code, Some(AuthCode::CodePending));
}

#[tokio::test]
async fn a_certificate_without_a_number_is_looked_up_by_its_card() {
    let parties = Parties::new();
    parties.enrol().await;
    // For this gateway the number is in another extension: the certificate has none.
    let elsewhere = "1.2.3.4".parse::<PhoneExtension>().unwrap();
    parties.gateway.trust.replace(parties.issuer.trust().with_phone_extension(elsewhere));
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().auth_code, Some(AuthCode::CodePending));
    let (code, _) = parties.phone().await.unwrap();
    let (receipt, _) = parties.type_code(&sent, &code).await.unwrap().receipt.unwrap();
    assert_eq!(receipt.mode, Mode::DualSigned);
}

#[tokio::test]
async fn the_bank_is_asked_before_the_code_or_after_it_as_the_plan_says() {
    for (order, before, after) in [
        (Turns::BankFirst, vec!["authorize"], vec!["authorize", "capture"]),
        (Turns::CodeFirst, vec![], vec!["authorize", "capture"]),
    ] {
        let policy = PolicySettings { order, ..PolicySettings::bank_first() };
        let parties = Parties::with(policy, Setup::default());
        let (sent, _) = parties.buy("49.90").await;
        assert_eq!(parties.fixture.bank.call_names(), before, "{order:?}");
        let (code, _) = parties.phone().await.unwrap();
        parties.type_code(&sent, &code).await.unwrap().receipt.unwrap();
        assert_eq!(parties.fixture.bank.call_names(), after, "{order:?}");
    }
}

#[tokio::test]
async fn a_bank_that_refuses_ends_the_purchase_before_or_after_the_code() {
    for order in [Turns::BankFirst, Turns::CodeFirst] {
        let policy = PolicySettings { order, ..PolicySettings::bank_first() };
        let parties = Parties::with(policy, Setup::default());
        parties.fixture.bank.decline_with("51");
        let (sent, progress) = parties.buy("49.90").await;
        let progress = match order {
            Turns::BankFirst => progress.unwrap(),
            Turns::CodeFirst => {
                let (code, _) = parties.phone().await.unwrap();
                parties.type_code(&sent, &code).await.unwrap()
            }
        };
        assert_eq!(progress.completion, CompletionCode::NotAuthorized, "{order:?}");
        assert_eq!(progress.auth_code, Some(AuthCode::Declined));
        assert!(progress.receipt.is_none());
    }
}

#[tokio::test]
async fn what_is_captured_later_is_authorized_until_then_whichever_way_the_code_came() {
    for way in WAYS {
        let setup = Setup { capture_later: true, ..Setup::default() };
        let parties = Parties::with(PolicySettings::bank_first(), setup);
        let (sent, _) = parties.buy("49.90").await;
        let (code, _) = parties.phone().await.unwrap();
        let authorized = type_code(&parties, way, &sent, &code).await;
        assert_eq!(authorized.completion, CompletionCode::AuthorizationPerformed, "{way:?}");
        authorized.receipt.unwrap();
        assert_eq!(parties.fixture.bank.call_names(), ["authorize"], "{way:?}");
    }
}

#[tokio::test]
async fn rsa_keys_do_what_keys_on_curves_do() {
    let setup = Setup { key_kind: countersign_certs::KeyKind::Rsa3072, ..Setup::default() };
    let parties = Parties::with(PolicySettings::bank_first(), setup);
    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    let paid = parties.type_code(&sent, &code).await.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed);
}

#[tokio::test]
async fn the_language_of_the_wallet_is_the_language_of_the_message() {
    let mut parties = Parties::new();
    parties.wallet.language = "fr-CA".try_into().unwrap();
    let (_, message) = forge::held(&parties, "49.90").await;
    forge::ask(&parties, &message).await.unwrap();
    let is_french = |body: &str| body.contains(r#""locale":"fr"#);
    let records = parties.fixture.store.records();
    assert!(records.iter().any(|one| one.key.collection == "challenge" && is_french(&one.body)));
}

#[tokio::test]
async fn the_gateway_sees_no_goods_and_the_merchant_no_card() {
    let parties = Parties::new();
    let (_, message) = forge::held(&parties, "49.90").await;
    let opened = Authorization::open(&parties, &message);
    assert!(!format!("{opened:?}").contains("books"));
    let Message::AuthReq(request) = forge::read(&message).message else { panic!() };
    let own = std::slice::from_ref(&parties.merchant.keys.exchange_key);
    assert!(request.enc.open(own).is_err());
    let (_, message) = forge::held(&parties, "49.90").await;
    forge::ask(&parties, &message).await.unwrap();
    let plans = parties.fixture.store.records();
    let number = card().expose_number().to_owned();
    assert!(plans.iter().all(|record| !record.body.contains(&number)));
}
