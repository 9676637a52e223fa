//! A certificate with an encrypted phone number, from the root to the gateway that reads it (figure 13).
//!
//! Prints it. To look at it: `cargo run --example issue_phone_bearing | openssl x509 -noout -text`.

use std::{error::Error, io::Write, time::Duration};

use countersign_certs::{
    Authority, Card, Holder, KeyPair, KeyUse, Phone, PhoneNumber, Profile, RecipientCertificate,
    RecipientKey, TrustAnchors, UnixTime, Validity,
};

fn main() -> Result<(), Box<dyn Error>> {
    Ok(std::io::stdout().write_all(issue_and_read()?.as_bytes())?)
}

fn issue_and_read() -> Result<String, Box<dyn Error>> {
    // Time is a parameter: this is 15 January 2027.
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    let days = |count: u64| Validity::new(now, Duration::from_secs(count * 86_400));

    // The authorities. Only the root's certificate need be known in advance.
    let root = Authority::root("Example root", days(3650)?)?;
    let issuing = root.issuing("Example issuing authority", days(1825)?)?;

    // The gateway that may read numbers. Its key does nothing else.
    let gateway_key = KeyPair::generate()?;
    let profile =
        Profile::PaymentGateway { common_name: "Example gateway", key_use: KeyUse::KeyExchange };
    let gateway = issuing.issue(&profile, gateway_key.public_key(), days(365)?)?;

    // The client, with a number and a card that only the gateway can read.
    let holder = Holder {
        number: PhoneNumber::new("+33612345678")?,
        card: Some(Card::new("4970100000000154", "2029-12")?),
    };
    let client_key = KeyPair::generate()?;
    let gateways = [RecipientCertificate::new(&gateway)?];
    let phone = Phone::Encrypted { holder: &holder, gateways: &gateways };
    let profile = Profile::TlsClient { common_name: "user-42", phone };
    let client = issuing.issue(&profile, client_key.public_key(), days(365)?)?;

    // What the merchant's server does with it after the TLS handshake.
    let anchors = TrustAnchors::new(&[root.certificate().clone()])?;
    let chain = [client.der().clone(), issuing.certificate().der().clone()];
    let verified = anchors.verify_client(&chain, now)?;
    let read = verified.phone(&[RecipientKey::new(&gateway, &gateway_key)?])?;
    assert_eq!(read.number.expose(), "+33612345678");
    assert!(read.card.is_some());
    Ok(client.to_pem()?)
}

#[test]
fn the_example_runs() {
    assert!(issue_and_read().is_ok());
}
