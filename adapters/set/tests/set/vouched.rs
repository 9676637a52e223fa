//! A card is debited only with the consent of the phone that is vouched for that card (decision 8).

use countersign_domain::{
    address::Msisdn,
    card::Card,
    directory::Subscribers,
    subscriber::Subscriber,
    testing::{card, other_card},
};
use countersign_set::{asn1::SecretOctets, message::authorization::AuthCode, testing::Parties};

/// What is answered to a purchase with `paid`, by a certificate with a number and `vouched` beside it, where the directory
/// has `paid` under the phone of that number, of another one, or not at all.
async fn answered(paid: Card, vouched: Option<Card>, directory: Option<&str>) -> Option<AuthCode> {
    let mut parties = Parties::new();
    let secret = SecretOctets::from([6; 20]);
    let vouched = vouched.map(|card| {
        let expiry = card.expiry().to_string();
        countersign_certs::Card::new(card.expose_number(), &expiry).unwrap()
    });
    let cert_pe = parties.gateway.keys.exchange.first().unwrap();
    let identity = parties.issuer.cardholder_with(&paid, &secret, cert_pe, vouched);
    parties.wallet.identity = Some(identity);
    parties.wallet.card = paid.clone();
    if let Some(number) = directory {
        let subscriber = Subscriber {
            identifier: "bob".try_into().unwrap(),
            address: Msisdn::try_from(number).unwrap().into(),
            card: Some(paid),
        };
        Subscribers::new(parties.fixture.ports.clone()).enrol(&subscriber).await.unwrap();
    }
    let (_, progress) = parties.buy("49.90").await;
    progress.unwrap().auth_code
}

#[tokio::test]
async fn the_phone_in_a_certificate_is_asked_for_a_card_that_is_vouched_for_with_it_only() {
    const OWN: &str = "+33612345678";
    const OTHER: &str = "+33698765432";
    for (rule, vouched, directory, expected) in [
        ("the authority put both into it", Some(card()), None, AuthCode::CodePending),
        ("the authority put another card into it", Some(other_card()), None, AuthCode::NoPhone),
        ("nobody vouches for the card", None, None, AuthCode::NoPhone),
        ("the directory has the card under that number", None, Some(OWN), AuthCode::CodePending),
        ("the directory has it under another's", None, Some(OTHER), AuthCode::NoPhone),
        (
            "what the directory says of a card that the authority did not vouch for",
            Some(other_card()),
            Some(OWN),
            AuthCode::NoPhone,
        ),
    ] {
        assert_eq!(answered(card(), vouched, directory).await, Some(expected), "{rule}");
    }
}
