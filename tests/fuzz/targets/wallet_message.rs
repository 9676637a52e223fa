//! The wallet's messages: tickets and receipts as they come; with a header or a content that was overwritten before it was
//! signed, by a merchant or a server with a good key; and what TLS alone protects.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine as _, prelude::*};
use countersign_domain::testing::START;
use countersign_wallet::{
    jws::Unverified,
    merchant::Till,
    message::{ChallengeStarted, CodeTyped, PaymentRequest, Receipt, Ticket},
    table::Signed,
    testing::{MERCHANT_KEY, SERVER_KEY, merchant_key, till},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_slice, to_value};

const MERCHANT: &str = "mer_0123456789abcdef0123456789abcdef";

const TICKET: &str = include_str!("../keys/ticket.jws");
const RECEIPT: &str = include_str!("../keys/receipt.jws");

static TILL: LazyLock<Till> = LazyLock::new(|| {
    till(MERCHANT.to_owned().try_into().expect("a merchant's number"), merchant_key())
});

/// A key, and header and content of a good message that it signed.
struct Signer {
    key: EcdsaKeyPair,
    header: Vec<u8>,
    content: Vec<u8>,
}

static OF_MERCHANT: LazyLock<Signer> = LazyLock::new(|| Signer::new(MERCHANT_KEY, TICKET));
static OF_SERVER: LazyLock<Signer> = LazyLock::new(|| Signer::new(SERVER_KEY, RECEIPT));

impl Signer {
    fn new(pkcs8: &str, message: &str) -> Self {
        let pkcs8 = BASE64_STANDARD.decode(pkcs8).expect("a key in Base64");
        let (header, content) = parts(message);
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random);
        Self { key: key.expect("a key on P-256"), header, content }
    }

    fn sign(&self, header: &[u8], content: &[u8]) -> String {
        let [header, content] = [header, content].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        let signed = format!("{header}.{content}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("randomness");
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and content of a message in the compact form.
fn parts(message: &str) -> (Vec<u8>, Vec<u8>) {
    let mut parts = message.split('.').map(|part| BASE64_URL_SAFE_NO_PAD.decode(part));
    let mut next = || parts.next().expect("three parts").expect("base64url");
    (next(), next())
}

/// A digest's digits are hexadecimal in either case.
fn json(written: &[u8]) -> Value {
    let mut value: Value = from_slice(written).expect("what was read is JSON");
    if let Some(Value::String(digits)) = value.get_mut("ticket_sha256") {
        digits.make_ascii_lowercase();
    }
    value
}

/// What is read is all that was written, each member once and as it was.
fn is_all_of<T: Serialize>(read: &T, written: &[u8]) {
    let value = json(written);
    assert_eq!(to_value(read).expect("what was read can be written"), value);
}

fn header_is_ours<T: Signed>(header: &[u8]) {
    let header: Value = from_slice(header).expect("a header that was read is JSON");
    assert_eq!(header.as_object().expect("it is an object").len(), 3);
    assert_eq!((&header["alg"], &header["typ"]), (&"ES256".into(), &T::TYP.into()));
}

/// A ticket, as the server takes it.
fn ticket(message: &str) -> bool {
    let Till { merchant, key, server, .. } = &*TILL;
    let verified = Unverified::read(message)
        .and_then(|ticket| Ticket::verified(ticket, merchant, key.public(), server));
    let Ok(read) = verified else { return false };
    let (header, content) = parts(message);
    header_is_ours::<Ticket>(&header);
    is_all_of(&read.message, &content);
    let life_seconds = read.message.exp.get() - read.message.iat.get();
    assert!((1..=86_400).contains(&life_seconds));
    // What a merchant may sign is a ticket of its own till as well.
    let again = TILL.sign(&read.message).expect("randomness");
    let again = Ticket::verified(
        Unverified::read(&again).expect("its own form"),
        merchant,
        key.public(),
        server,
    );
    assert_eq!(again.expect("its own signature").message, read.message);
    true
}

/// A receipt, as the merchant takes it: for the one ticket that there is, and for nothing else.
fn receipt(message: &str) -> bool {
    let Ok(paid) = TILL.check(message, TICKET, START) else { return false };
    let (header, content) = parts(message);
    header_is_ours::<Receipt>(&header);
    let (content, good) = (json(&content), json(&OF_SERVER.content));
    let (content, good) = (content.as_object().expect("object"), good.as_object().expect("object"));
    assert!(content.keys().eq(good.keys()));
    for (member, value) in content {
        // The receipt's own number, and when the ticket was paid.
        let is_free = ["jti", "iat"].contains(&member.as_str());
        assert!(is_free || *value == good[member], "{member} is of another ticket");
    }
    is_all_of(&paid, &OF_MERCHANT.content);
    true
}

fn channel<T: Serialize + DeserializeOwned>(message: &[u8]) {
    if let Ok(read) = from_slice::<T>(message) {
        is_all_of(&read, message);
    }
}

/// Nobody here has the keys: what passes was signed before.
fn as_it_comes(message: &[u8], takes: fn(&str) -> bool, good: &str) {
    let Ok(message) = str::from_utf8(message) else { return };
    if takes(message) {
        assert_eq!(
            message.rsplit_once('.').map(|(signed, _)| signed),
            good.rsplit_once('.').map(|(signed, _)| signed)
        );
    }
}

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (which, with) = input;
    let (merchant, server) = (&*OF_MERCHANT, &*OF_SERVER);
    match which % 9 {
        0 => as_it_comes(with, ticket, TICKET),
        1 => as_it_comes(with, receipt, RECEIPT),
        2 => drop(ticket(&merchant.sign(&merchant.header, with))),
        3 => drop(ticket(&merchant.sign(with, &merchant.content))),
        4 => drop(receipt(&server.sign(&server.header, with))),
        5 => drop(receipt(&server.sign(with, &server.content))),
        6 => channel::<PaymentRequest>(with),
        7 => channel::<ChallengeStarted>(with),
        _ => channel::<CodeTyped>(with),
    }
});
