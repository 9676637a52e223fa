//! What is told of a card without a certificate (2KP): the same whether or not somebody vouches for it (ASVS 6.3.8). The holder
//! of a certificate (3KP) is told of the own card.

use countersign_domain::{
    address::Msisdn, directory::Subscribers, policy::PolicySettings, subscriber::Subscriber,
    testing::card,
};
use countersign_set::{
    cardholder::{Progress, Sent},
    message::authorization::AuthCode,
    testing::{Parties, Setup},
};

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

/// A purchase without a certificate, to the third wrong code.
async fn bought(number: Option<&str>) -> (Vec<String>, usize) {
    let mut parties = Parties::with(PolicySettings::default(), Setup::default());
    parties.wallet.identity = None;
    if let Some(number) = number {
        let subscriber = Subscriber {
            identifier: "alice".try_into().unwrap(),
            address: Msisdn::try_from(number).unwrap().into(),
            card: Some(card()),
        };
        Subscribers::new(parties.fixture.ports.clone()).enrol(&subscriber).await.unwrap();
    }
    let (sent, progress): (Sent, _) = parties.buy("49.90").await;
    let mut shown = vec![seen(&progress.unwrap())];
    shown.push(seen(&parties.inquire(&sent).await.unwrap()));
    for direct in [false, true, false] {
        let progress = match direct {
            false => parties.type_code(&sent, "0000000000").await,
            true => parties.type_code_direct(&sent, "0000000000").await,
        };
        shown.push(seen(&progress.unwrap()));
        shown.push(seen(&parties.inquire(&sent).await.unwrap()));
    }
    assert!(parties.fixture.bank.call_names().is_empty(), "the bank is not asked");
    let messages = usize::from(parties.fixture.next_message().await.is_some());
    (shown, messages)
}

#[tokio::test]
async fn a_card_without_a_certificate_is_answered_alike_known_or_not_and_where_no_message_goes() {
    let (known, _) = bought(Some("+33612345678")).await;
    assert!(known[0].contains("CodePending"), "{known:?}");
    for number in [None, Some("+881612345678")] {
        assert_eq!(bought(number).await, (known.clone(), 0), "{number:?}");
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
