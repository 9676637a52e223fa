//! What may be seen where.

use countersign_domain::card::Card;
use countersign_set::{
    message::purchase::{Pi, PiDualSignedTbe, PiUnsignedTbe},
    testing::Parties,
};

use crate::forge::{self, Authorization};

/// What must not be printed: as text, as hexadecimal, and as a list of octets.
fn shapes(secret: &[u8]) -> Vec<String> {
    let hex = secret.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let list = format!("{secret:?}");
    let list = list.trim_matches(['[', ']']).to_owned();
    let text = std::str::from_utf8(secret).ok().map(str::to_owned);
    [Some(hex), Some(list), text].into_iter().flatten().collect()
}

#[tokio::test]
async fn an_opened_payment_prints_neither_card_nor_secrets() {
    let mut parties = Parties::new();
    let keys = parties.gateway.clone();
    let keys = &keys.keys.exchange_keys;
    let (_, message) = forge::held(&parties, "49.90").await;
    let Pi::DualSigned(pi) = Authorization::open(&parties, &message).pi else { panic!() };
    let signed: PiDualSignedTbe = pi.pi_sealed.open(keys).unwrap();
    parties.wallet.identity = None;
    let (_, message) = forge::held(&parties, "49.90").await;
    let Pi::Unsigned(pi) = Authorization::open(&parties, &message).pi else { panic!() };
    let unsigned: PiUnsignedTbe = pi.open(keys).unwrap();

    let card: &Card = &parties.wallet.card;
    let secrets = [
        shapes(card.expose_number().as_bytes()),
        shapes(signed.pi_data.pan_data.pan_secret.expose()),
        shapes(signed.pi_data.pan_data.ex_nonce.expose()),
        shapes(unsigned.pi_data_unsigned.pan_token.ex_nonce.expose()),
    ];
    let printed = format!("{signed:?} {unsigned:?}");
    for shape in secrets.concat() {
        assert!(!printed.contains(&shape), "{shape}");
    }
}
