//! Payers who are known by nothing but their TLS client certificate (F13.v1).

use countersign_certs::Profile;
use countersign_domain::testing::START;
use countersign_web::peer_certificate::PeerCertificates;
use serde_json::json;

use crate::browser::Browser;
use crate::hierarchy::{Hierarchy, days};
use crate::support::{CARD, NUMBER, Shop};

const JSON: &str = "application/json";
const HTML: &str = "text/html";

const OTHER_CARD: &str = "5555555555554444";

/// The fields of a card.
fn typed(card: &str) -> String {
    format!("certificate=presented&card_number={card}&card_expiry=12/29")
}

/// Neither the bank nor a phone was asked.
async fn nobody_was_asked(shop: &Shop) -> bool {
    shop.fixture.next_message().await.is_none() && shop.fixture.bank.calls().is_empty()
}

#[tokio::test]
async fn a_number_in_clear_pays_with_the_card_of_the_same_phone() {
    let hierarchy = Hierarchy::new("Test");
    let shop = hierarchy.shop();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let peer = hierarchy.clear(days(0, 365));
    let browser = Browser::presenting(peer, &shop, &page, JSON).await;
    let asked = browser.submit(&page, &typed(CARD)).await;
    assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
    let form = format!("code={}", shop.code().await);
    let rung = shop.fixture.messenger.taken();
    assert_eq!(rung.len(), 1);
    assert_eq!(rung[0].to.msisdn().unwrap().expose(), NUMBER);
    let paid = browser.submit(&format!("{page}/code"), &form).await;
    assert_eq!(paid.text("/status"), "paid", "{paid:?}");
}

#[tokio::test]
async fn a_payment_whose_certificate_is_revoked_before_the_code_comes_is_not_captured() {
    let hierarchy = Hierarchy::new("Test");
    let shop = hierarchy.shop();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let peer = hierarchy.clear(days(0, 365));
    let browser = Browser::presenting(peer.clone(), &shop, &page, JSON).await;
    browser.submit(&page, &typed(CARD)).await;
    let form = format!("code={}", shop.code().await);
    let revoking = hierarchy.revoking(&peer, START);
    shop.certificates.as_ref().unwrap().trust(revoking);
    let refused = browser.submit(&format!("{page}/code"), &form).await;
    assert_eq!(refused.refusal(), (403, "certificate-revoked".to_owned()));
    assert_eq!(shop.fixture.bank.call_names(), ["authorize", "void"]);
    let again = browser.submit(&format!("{page}/code"), &form).await;
    assert_ne!(again.text("/status"), "paid", "{again:?}");
}

#[tokio::test]
async fn a_number_in_clear_does_not_pay_with_somebody_elses_card_or_with_none() {
    let hierarchy = Hierarchy::new("Test");
    let shop = hierarchy.shop();
    let bob =
        json!({ "number": "+33687654321", "card": { "number": OTHER_CARD, "expiry": "12/29" } });
    let path = "/v1/subscribers/bob";
    shop.call("dupont", "PUT", path, &[], bob.to_string()).await;
    let page = shop.order("dupont").await;
    let peer = hierarchy.clear(days(0, 365));
    let browser = Browser::presenting(peer, &shop, &page, JSON).await;
    let bare = hierarchy.encrypted(None, &hierarchy.gateway);
    let bare = Browser::presenting(bare, &shop, &page, JSON).await;
    let refused = bare.submit(&page, "").await;
    assert_eq!(refused.refusal(), (422, "card-needed".to_owned()));
    for (rule, form, problem) in [
        ("another's", typed(OTHER_CARD), "payer-not-recognised"),
        ("unknown", typed(CARD), "payer-not-recognised"),
        ("none", "certificate=presented".to_owned(), "card-needed"),
        ("an empty form", String::new(), "card-needed"),
    ] {
        let refused = browser.submit(&page, &form).await;
        assert_eq!(refused.refusal(), (422, problem.to_owned()), "{rule}");
        assert!(!refused.body.contains("555555"), "{rule}: {refused:?}");
    }
    assert!(nobody_was_asked(&shop).await);
}

#[tokio::test]
async fn an_encrypted_number_and_card_pay_with_nothing_typed_and_nobody_enrolled() {
    let hierarchy = Hierarchy::new("Test");
    let shop = hierarchy.shop();
    let page = shop.order("dupont").await;
    let peer = hierarchy.encrypted(Some(CARD), &hierarchy.gateway);
    let browser = Browser::presenting(peer, &shop, &page, JSON).await;
    let asked = browser.submit(&page, "").await;
    assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
    assert_eq!(asked.text("/card"), "•••• 0154");
    assert!(!asked.body.contains(CARD) && !asked.body.contains(NUMBER));
    let form = format!("code={}", shop.code().await);
    let paid = browser.submit(&format!("{page}/code"), &form).await;
    assert_eq!(paid.text("/status"), "paid", "{paid:?}");
}

#[tokio::test]
async fn the_card_in_a_certificate_is_the_one_that_is_debited() {
    let hierarchy = Hierarchy::new("Test");
    let shop = hierarchy.shop();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let peer = hierarchy.encrypted(Some(OTHER_CARD), &hierarchy.gateway);
    let browser = Browser::presenting(peer, &shop, &page, JSON).await;
    let asked = browser.submit(&page, &typed(CARD)).await;
    assert_eq!(asked.text("/card"), "•••• 4444", "{asked:?}");
}

#[tokio::test]
async fn a_certificate_is_refused_by_the_rule_it_breaks_and_nobody_is_asked() {
    let hierarchy = Hierarchy::new("Test");
    let (other, forged) = (Hierarchy::new("Other"), Hierarchy::new("Test"));
    let shop = hierarchy.shop();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let elsewhere = hierarchy.encrypted(Some(CARD), &other.gateway);
    let server = Profile::TlsServer {
        common_name: "shop.example",
        dns_names: &["shop.example"],
        ip_addresses: &[],
    };
    let mut alone = hierarchy.clear(days(0, 365));
    alone.0.truncate(1);
    for (cause, peer) in [
        ("unknown-authority", other.clear(days(0, 365))),
        ("unknown-authority", alone),
        ("bad-signature", forged.clear(days(0, 365))),
        ("expired", hierarchy.clear(days(-2, 1))),
        ("not-yet-valid", hierarchy.clear(days(1, 1))),
        ("wrong-usage", hierarchy.present(&server, days(0, 365))),
        ("phone-not-readable", elsewhere),
        ("malformed", PeerCertificates(vec![b"no DER".to_vec()])),
    ] {
        let browser = Browser::presenting(peer.clone(), &shop, &page, JSON).await;
        let refused = browser.submit(&page, &typed(CARD)).await;
        let expected = (403, format!("certificate-{cause}"));
        assert_eq!(refused.refusal(), expected, "{refused:?}");
        // A browser is told on the page, and may pay otherwise.
        let browser = Browser::presenting(peer, &shop, &page, HTML).await;
        let shown = browser.submit(&page, &typed(CARD)).await;
        assert_eq!(shown.status, 403, "{cause}");
        assert!(shown.body.contains("Your certificate is not accepted"));
        assert!(shown.body.contains("Pay with my user name"), "{cause}");
        assert!(!shown.body.contains(CARD), "{cause}");
    }
    assert!(nobody_was_asked(&shop).await);
}

#[tokio::test]
async fn who_presents_no_certificate_is_not_known_by_one() {
    let hierarchy = Hierarchy::new("Test");
    let presented = hierarchy.encrypted(Some(CARD), &hierarchy.gateway);
    for (rule, shop, peer) in [
        ("none", hierarchy.shop(), PeerCertificates::default()),
        ("no authority is trusted", Shop::new(), presented),
    ] {
        shop.enrol().await;
        let page = shop.order("dupont").await;
        let browser = Browser::presenting(peer, &shop, &page, JSON).await;
        for form in ["", "certificate=presented", &typed(CARD)] {
            let refused = browser.submit(&page, form).await;
            let expected = (422, "payer-not-given".to_owned());
            assert_eq!(refused.refusal(), expected, "{rule}: {form}");
        }
        assert!(nobody_was_asked(&shop).await, "{rule}");
    }
}

#[tokio::test]
async fn a_page_offers_the_certificate_to_whoever_presented_one() {
    let hierarchy = Hierarchy::new("Test");
    let shop = hierarchy.shop();
    let page = shop.order("dupont").await;
    for (peer, offered) in
        [(hierarchy.clear(days(0, 365)), true), (PeerCertificates::default(), false)]
    {
        let browser = Browser::presenting(peer, &shop, &page, HTML).await;
        let shown = browser.open(&page).await;
        assert_eq!(shown.body.contains("Pay with my certificate"), offered);
        assert!(!shown.body.contains(NUMBER), "{shown:?}");
    }
}

#[tokio::test]
async fn a_wrong_card_is_marked_in_the_form_that_was_sent_and_in_no_other() {
    let hierarchy = Hierarchy::new("Test");
    let shop = hierarchy.shop();
    let page = shop.order("dupont").await;
    let peer = hierarchy.clear(days(0, 365));
    let browser = Browser::presenting(peer, &shop, &page, HTML).await;
    let stranger = Browser::at(&shop, &page, HTML).await;
    let (own, plain) = ("certificate=presented&", "");
    for (browser, form, fields, marked) in [
        (&browser, own, "card_number=4970100000000155&card_expiry=12/29", "own_card_number"),
        (&browser, own, "card_number=4970100000000154&card_expiry=13/29", "own_card_expiry"),
        (&browser, plain, "card_number=4970100000000155&card_expiry=12/29", "card_number"),
        (&browser, plain, "card_number=4970100000000154&card_expiry=13/29", "card_expiry"),
        // Without a certificate there is no form of it.
        (&stranger, own, "card_number=4970100000000155&card_expiry=12/29", "card_number"),
        (&stranger, plain, "card_number=4970100000000154&card_expiry=", "card_expiry"),
    ] {
        let refused = browser.submit(&page, &format!("{form}{fields}")).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        let (_, body) = refused.body.split_once("<body>").unwrap();
        assert_eq!(body.matches("aria-invalid").count(), 1, "{marked}: {body}");
        let (before, _) = body.split_once("aria-invalid").unwrap();
        let (_, input) = before.rsplit_once("<input id=\"").unwrap();
        assert_eq!(input.split('"').next(), Some(marked), "{form}{fields}");
        for once in ["id=\"problem\"", " autofocus"] {
            assert_eq!(body.matches(once).count(), 1, "{once}: {body}");
        }
    }
}
