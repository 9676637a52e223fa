//! What people write: amounts, currencies, numbers, cards, expiries, codes, names. What is taken is written back the same.
#![no_main]

use countersign_domain::{
    address::Msisdn,
    amount::{Amount, Currency},
    card::{Card, CardExpiry},
    code::TypedCode,
    hex,
    id::{ChallengeId, CorrelationId, Identifier, KeyId, RelyingPartyId},
    transaction::{ItemName, Payee, Reference},
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let owned = || text.to_owned();
    for code in ["EUR", "JPY", "KWD"] {
        let currency = Currency::try_from(code).expect("ISO 4217");
        if let Ok(amount) = Amount::from_decimal(text, currency) {
            assert_eq!(Amount::from_decimal(&amount.to_decimal(), currency), Ok(amount));
        }
    }
    if let Ok(currency) = Currency::try_from(text) {
        assert_eq!(currency.code(), text);
    }
    if let Ok(expiry) = CardExpiry::try_from(owned()) {
        let _ = Card::new(text, expiry);
    }
    let expiry = CardExpiry::try_from("12/35".to_owned()).expect("an expiry");
    if let Ok(card) = Card::new(text, expiry) {
        assert!(!format!("{card:?}{}", card.masked()).contains(card.expose_number()));
    }
    if let Ok(number) = Msisdn::try_from(owned()) {
        assert!(!format!("{number:?}{}", number.masked()).contains(text));
    }
    let _ = TypedCode::try_from(owned());
    if let Some(bytes) = hex::decode(text) {
        assert_eq!(hex::encode(&bytes), text.to_ascii_lowercase());
    }
    let taken = [
        ChallengeId::try_from(owned()).map(|id| id.to_string()),
        CorrelationId::try_from(owned()).map(|id| id.to_string()),
        Identifier::try_from(owned()).map(|id| id.as_str().to_owned()),
        KeyId::try_from(owned()).map(|id| id.to_string()),
        RelyingPartyId::try_from(owned()).map(|id| id.to_string()),
        Payee::try_from(owned()).map(|name| name.to_string()),
        ItemName::try_from(owned()).map(|name| name.to_string()),
        Reference::try_from(owned()).map(|name| name.to_string()),
    ];
    for written in taken.into_iter().flatten() {
        assert_eq!(written, text);
    }
});
