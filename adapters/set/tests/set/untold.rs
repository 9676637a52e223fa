//! What is told of a card without a certificate (2KP): the same whether or not somebody vouches for it (ASVS 6.3.8), in status,
//! headers, length and what the cardholder's program reads, and in as many messages. The holder of a certificate (3KP) is told of
//! the own card, and of no other.

use countersign_certs::KeyKind;
use countersign_domain::{
    address::Msisdn, card::Card, directory::Subscribers, policy::PolicySettings,
    subscriber::Subscriber, testing::card,
};
use countersign_set::{
    asn1::SecretOctets,
    cardholder::{Progress, Sent},
    message::authorization::AuthCode,
    testing::{Parties, Setup},
};

use crate::removed::days_later;

/// What a cardholder's program sees, without what is drawn anew each time.
fn seen(progress: &Progress) -> String {
    let code = progress.code.as_ref().map(|code| (&code.phone, code.digits, code.attempts_left));
    format!(
        "{:?} {:?} {:?} {code:?} {}",
        progress.completion,
        progress.auth_code,
        progress.attempts_left,
        progress.receipt.is_some()
    )
}

/// All of a test is done in one house, with its certificates; and all signatures of RSA are of one length, so that the lengths of
/// answers can be compared.
fn over_sockets() -> Parties {
    let setup = Setup { key_kind: KeyKind::Rsa3072, ..Setup::default() };
    Parties::with(PolicySettings::default(), setup).over_sockets()
}

async fn enrol(parties: &Parties, number: &str, card: Card) {
    let address = Msisdn::try_from(number).unwrap().into();
    let subscriber =
        Subscriber { identifier: "alice".try_into().unwrap(), address, card: Some(card) };
    Subscribers::new(parties.fixture.ports.clone()).enrol(&subscriber).await.unwrap();
}

/// What was shown, and the heads of the answers of merchant and gateway after so many.
type Shown = (Vec<String>, [Vec<String>; 2]);

fn shown(parties: &Parties, seen: Vec<String>, before: &[Vec<String>; 2]) -> Shown {
    assert!(parties.fixture.bank.call_names().is_empty(), "the bank is not asked");
    let [merchant, gateway] = parties.heads();
    let [of_merchant, of_gateway] = before.each_ref().map(Vec::len);
    (seen, [merchant[of_merchant..].to_vec(), gateway[of_gateway..].to_vec()])
}

/// A purchase without a certificate, to the third wrong code.
async fn bought(parties: &Parties) -> Shown {
    let before = parties.heads();
    let (sent, progress): (Sent, _) = parties.buy("49.90").await;
    let mut told = vec![seen(&progress.unwrap())];
    told.push(seen(&parties.inquire(&sent).await.unwrap()));
    for direct in [false, true, false] {
        let progress = match direct {
            false => parties.type_code(&sent, "0000000000").await,
            true => parties.type_code_direct(&sent, "0000000000").await,
        };
        told.push(seen(&progress.unwrap()));
        told.push(seen(&parties.inquire(&sent).await.unwrap()));
    }
    shown(parties, told, &before)
}

/// Whether a phone rings for another purchase.
async fn rings(parties: &Parties) -> bool {
    let (_, progress) = parties.buy("19.90").await;
    assert!(seen(&progress.unwrap()).contains("CodePending"));
    parties.fixture.next_message().await.is_some()
}

#[tokio::test]
async fn a_card_without_a_certificate_is_answered_alike_known_or_not_and_where_no_message_goes() {
    let mut parties = over_sockets();
    parties.wallet.identity = None;
    let unknown = bought(&parties).await;
    assert!(unknown.0[0].contains("CodePending"), "{unknown:?}");
    assert!(unknown.1.iter().all(|heads| heads.len() > 3), "{unknown:?}");
    enrol(&parties, "+881612345678", card()).await;
    assert_eq!(bought(&parties).await, unknown, "where no message goes");
    assert!(!rings(&parties).await);
    enrol(&parties, "+33612345678", card()).await;
    assert_eq!(bought(&parties).await, unknown, "known");
    assert!(rings(&parties).await);
}

/// Two purchases by the holder of a certificate for a phone of the own, which says nothing of a card: with one of which the holder
/// knows the number. Anybody can have the name of such a certificate made for it.
async fn tried(parties: &Parties) -> Shown {
    let (before, mut told) = (parties.heads(), Vec::new());
    for euros in ["49.90", "19.90"] {
        let (sent, progress) = parties.buy(euros).await;
        told.push(seen(&progress.unwrap()));
        told.push(seen(&parties.inquire(&sent).await.unwrap()));
    }
    shown(parties, told, &before)
}

#[tokio::test]
async fn with_a_certificate_for_the_own_phone_anothers_card_is_answered_as_one_that_nobody_has() {
    let mut parties = over_sockets();
    let (secret, cert_pe) = (SecretOctets::from([5; 20]), parties.gateway.keys.exchange[0].clone());
    let identity = parties.issuer.cardholder_with(&card(), &secret, &cert_pe, None);
    parties.wallet.identity = Some(identity);
    let unknown = tried(&parties).await;
    assert!(unknown.0[0].contains("NoPhone"), "{unknown:?}");
    let same_number = Card::new(card().expose_number(), "11/29".try_into().unwrap()).unwrap();
    for (number, card) in
        [("+33712345678", card()), ("+881612345678", card()), ("+33712345678", same_number)]
    {
        enrol(&parties, number, card).await;
        assert_eq!(tried(&parties).await, unknown, "{number}");
    }
    assert_eq!(parties.fixture.next_message().await, None);
}

/// What is told of two purchases without a certificate whose payments were removed: of one with wrong codes, and of one that
/// nobody answered.
async fn told_of_removed(parties: &Parties) -> Shown {
    let before = parties.heads();
    let (locked, _) = parties.buy("49.90").await;
    for _ in 0..3 {
        parties.type_code(&locked, "0000000000").await.unwrap();
    }
    let (late, _) = parties.buy("10.00").await;
    days_later(&parties.fixture).await;
    let mut told = Vec::new();
    for sent in [&locked, &late] {
        told.push(seen(&parties.inquire(sent).await.unwrap()));
        let refused = parties.type_code_direct(sent, "0000000000").await.unwrap_err();
        told.push(format!("{refused:?}"));
        told.push(seen(&parties.inquire(sent).await.unwrap()));
    }
    shown(parties, told, &before)
}

#[tokio::test]
async fn of_a_payment_that_was_removed_nothing_tells_whether_its_card_was_known() {
    let mut parties = over_sockets();
    parties.wallet.identity = None;
    let unknown = told_of_removed(&parties).await;
    assert!(unknown.0[0].contains("CodeLocked"), "{unknown:?}");
    for number in ["+881612345678", "+33612345678"] {
        enrol(&parties, number, card()).await;
        assert_eq!(told_of_removed(&parties).await, unknown, "{number}");
    }
}

#[tokio::test]
async fn a_merchant_that_has_it_told_has_it_told() {
    let setup = Setup { tells_unknown: true, ..Setup::default() };
    let mut parties = Parties::with(PolicySettings::bank_first(), setup);
    parties.wallet.identity = None;
    let (_, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().auth_code, Some(AuthCode::NoPhone));
}
