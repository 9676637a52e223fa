//! Messages that the library would not make: header and content as text, signed as they are.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use countersign_domain::{testing::START, time::Timestamp};
use countersign_wallet::{
    error::MessageRefusal,
    jws::{PublicKey, Unverified},
    message::{MerchantNumber, Receipt, Ticket},
    testing::{MERCHANT_KEY, OTHER_KEY, SERVER, SERVER_KEY, merchant_key, server_key, till},
};

pub(crate) const MERCHANT: &str = "mer_0123456789abcdef0123456789abcdef";

/// Which of the two signed messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Ticket,
    Receipt,
}

use Kind::{Receipt as OfServer, Ticket as OfMerchant};

/// A message in the making.
#[derive(Clone, Debug)]
pub(crate) struct Forged {
    pub(crate) kind: Kind,
    pub(crate) header: String,
    pub(crate) content: String,
    /// PKCS #8 in Base64.
    pub(crate) key: &'static str,
    /// What happens to the compact form at last.
    pub(crate) last: fn(String) -> String,
}

impl Forged {
    /// One that is in order.
    pub(crate) fn good(kind: Kind) -> Self {
        let at = START.unix_seconds();
        let (typ, key, public, content) = match kind {
            OfMerchant => (
                "countersign-ticket+jws",
                MERCHANT_KEY,
                merchant_key().public().clone(),
                format!(
                    r#"{{"iss":"{MERCHANT}","aud":"{SERVER}","jti":"ticket-0001","iat":{at},"exp":{},"amount_minor":4990,"currency":"EUR","reference":"order-1","goods":[{{"name":"ISBN 2070360245","quantity":2}}]}}"#,
                    at + 900
                ),
            ),
            OfServer => (
                "countersign-receipt+jws",
                SERVER_KEY,
                server_key().public().clone(),
                format!(
                    r#"{{"iss":"{SERVER}","aud":"{MERCHANT}","jti":"rcp_0123456789abcdef0123456789abcdef","iat":{at},"ticket":"ticket-0001","ticket_sha256":"{}","amount_minor":4990,"currency":"EUR","elements":["phone","pin"]}}"#,
                    "5a".repeat(32)
                ),
            ),
        };
        let header = format!(r#"{{"typ":"{typ}","alg":"ES256","kid":"{}"}}"#, public.id());
        Self { kind, header, content, key, last: |compact| compact }
    }

    pub(crate) fn in_header(&mut self, from: &str, to: &str) {
        assert!(self.header.contains(from), "{from}");
        self.header = self.header.replacen(from, to, 1);
    }

    pub(crate) fn in_content(&mut self, from: &str, to: &str) {
        assert!(self.content.contains(from), "{from}");
        self.content = self.content.replacen(from, to, 1);
    }

    /// The compact form.
    pub(crate) fn compact(&self) -> String {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(&self.header), encode(&self.content));
        let pkcs8 = BASE64_STANDARD.decode(self.key).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        (self.last)(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// What its reader says of a message at the time at which good ones are made.
pub(crate) fn read(kind: Kind, compact: &str) -> Result<(), MessageRefusal> {
    read_at(kind, compact, START)
}

pub(crate) fn read_at(kind: Kind, compact: &str, now: Timestamp) -> Result<(), MessageRefusal> {
    let merchant = MerchantNumber::try_from(MERCHANT.to_owned()).unwrap();
    let till = till(merchant.clone(), merchant_key());
    let server = &till.server;
    match kind {
        OfMerchant => {
            let unverified = Unverified::read(compact)?;
            let key = till.key.public();
            Ticket::verified(unverified, &merchant, key, server)?.message.check_time(now)
        }
        OfServer => {
            let unverified = Unverified::read(compact)?;
            let key = server_key();
            Receipt::verified(unverified, server, key.public(), &merchant, now).map(drop)
        }
    }
}

/// A key that neither party has.
pub(crate) const STRANGER: &str = OTHER_KEY;

/// The keys by which vectors are verified, as a set (RFC 7517).
pub(crate) fn keys() -> [PublicKey; 2] {
    [merchant_key().public().clone(), server_key().public().clone()]
}
