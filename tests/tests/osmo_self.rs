//! The harness around osmo-msc proves itself with an SMPP client that is not the product's: the PDUs of rusmpp on a plain socket.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's own steps fail the test"
)]

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

use countersign_tests::osmo::{CentreError, OsmoCentre, Phone, PhoneError, ReceivedSms};
use futures_util::{SinkExt, StreamExt};
use rusmpp::pdus::{BindTransceiver, DeliverSm, DeliverSmResp, SubmitSm};
use rusmpp::tokio_codec::CommandCodec;
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::{DataCoding, EsmClass, InterfaceVersion, Npi, RegisteredDelivery, Ton};
use rusmpp::{Command, CommandStatus, Pdu};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::Framed;

const IMSI: &str = "001010000000001";
const MSISDN: &str = "33612345678";
const WITHIN: Duration = Duration::from_secs(5);

/// SMPP 3.4 section 5.2.12, esm_class of submit_sm.
const STORE_AND_FORWARD: u8 = 0x03;
const TRANSACTION: u8 = 0x02;
const HEADER_INDICATOR: u8 = 0x40;
/// The same of deliver_sm: a receipt.
const RECEIPT: u8 = 0x04;

/// A minimal ESME, bound as transceiver.
struct Esme {
    link: Framed<TcpStream, CommandCodec>,
    sequence_number: u32,
    delivered: VecDeque<DeliverSm>,
}

impl Esme {
    async fn bind(centre: &OsmoCentre) -> Self {
        let stream = TcpStream::connect(centre.smpp_address()).await.unwrap();
        let mut esme = Self {
            link: Framed::new(stream, CommandCodec::new()),
            sequence_number: 0,
            delivered: VecDeque::new(),
        };
        let bind = BindTransceiver::builder()
            .system_id(COctetString::from_str(centre.system_id()).unwrap())
            .password(COctetString::from_str(centre.password()).unwrap())
            .interface_version(InterfaceVersion::Smpp3_4)
            .build();
        assert_eq!(esme.request(bind).await, CommandStatus::EsmeRok);
        esme
    }

    /// Sends a request and waits for the answer with its sequence number.
    async fn request(&mut self, pdu: impl Into<Pdu>) -> CommandStatus {
        self.sequence_number += 1;
        self.link
            .send(Command::new(CommandStatus::EsmeRok, self.sequence_number, pdu))
            .await
            .unwrap();
        loop {
            if let Some(status) = self.receive().await {
                return status;
            }
        }
    }

    /// Takes one PDU: the status when it is the awaited answer; a deliver_sm is answered and kept.
    async fn receive(&mut self) -> Option<CommandStatus> {
        let command = timeout(WITHIN, self.link.next())
            .await
            .expect("a PDU in time")
            .expect("a connection")
            .unwrap();
        match command.pdu() {
            Some(Pdu::DeliverSm(deliver)) => {
                self.delivered.push_back(deliver.clone());
                let answer = Command::new(
                    CommandStatus::EsmeRok,
                    command.sequence_number(),
                    DeliverSmResp::default(),
                );
                self.link.send(answer).await.unwrap();
                None
            }
            Some(Pdu::AlertNotification(_)) => None,
            _ => (command.sequence_number() == self.sequence_number).then(|| command.status()),
        }
    }

    async fn next_delivered(&mut self) -> DeliverSm {
        loop {
            if let Some(deliver) = self.delivered.pop_front() {
                return deliver;
            }
            assert_eq!(self.receive().await, None);
        }
    }

    /// Submits `octets` to the subscriber, from the name "SHOP".
    async fn submit(&mut self, esm_class: u8, coding: DataCoding, octets: &[u8]) -> CommandStatus {
        let submit = SubmitSm::builder()
            .source_addr_ton(Ton::Alphanumeric)
            .source_addr(COctetString::from_str("SHOP").unwrap())
            .dest_addr_ton(Ton::International)
            .dest_addr_npi(Npi::Isdn)
            .destination_addr(COctetString::from_str(MSISDN).unwrap())
            .esm_class(EsmClass::from(esm_class))
            .registered_delivery(RegisteredDelivery::request_all())
            .data_coding(coding)
            .short_message(OctetString::from_slice(octets).unwrap())
            .build();
        self.request(submit).await
    }
}

async fn centre_with_subscriber() -> OsmoCentre {
    let centre = OsmoCentre::start().await.unwrap_or_else(|error| panic!("{error}"));
    centre.add_subscriber(IMSI, MSISDN).await.unwrap();
    centre
}

fn ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn from_shop(text: &str) -> ReceivedSms {
    ReceivedSms { from: "SHOP".into(), text: text.into() }
}

#[tokio::test]
async fn a_message_is_shown_by_the_phone_and_a_receipt_comes_back() {
    let centre = centre_with_subscriber().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    let mut esme = Esme::bind(&centre).await;

    let status = esme
        .submit(STORE_AND_FORWARD, DataCoding::McSpecific, b"Pay 12.00 EUR to ACME? Code 654321")
        .await;
    assert_eq!(status, CommandStatus::EsmeRok);
    assert_eq!(
        phone.next_message(WITHIN).await,
        Ok(from_shop("Pay 12.00 EUR to ACME? Code 654321"))
    );

    let receipt = esme.next_delivered().await;
    assert_eq!(u8::from(receipt.esm_class) & RECEIPT, RECEIPT);
    assert_eq!(receipt.source_addr.as_str(), MSISDN);
    assert!(receipt.short_message().to_str().unwrap().contains("stat:DELIVRD"));
}

#[tokio::test]
async fn a_message_of_the_phone_arrives_at_the_esme() {
    let centre = centre_with_subscriber().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    let mut esme = Esme::bind(&centre).await;

    let (sent, delivered) =
        tokio::join!(phone.send(centre.short_code(), "YES 654321 {é}"), esme.next_delivered());
    assert_eq!(sent, Ok(()));
    assert_eq!(delivered.source_addr.as_str(), MSISDN);
    assert_eq!(delivered.destination_addr.as_str(), centre.short_code());
    // The default coding of this SMSC is the GSM alphabet, one septet an octet.
    assert_eq!(delivered.short_message().as_ref(), b"YES 654321 \x1B\x28\x05\x1B\x29");
}

#[tokio::test]
async fn both_alphabets_are_shown() {
    let centre = centre_with_subscriber().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    let mut esme = Esme::bind(&centre).await;

    for (coding, octets, text) in [
        (DataCoding::McSpecific, b"\x00 12\x1B\x65 \x05 \x1B\x3C!\x1B\x3E".to_vec(), "@ 12€ é [!]"),
        (DataCoding::Ucs2, ucs2("Œuf 12€ 😀"), "Œuf 12€ 😀"),
    ] {
        assert_eq!(esme.submit(TRANSACTION, coding, &octets).await, CommandStatus::EsmeRok);
        assert_eq!(phone.next_message(WITHIN).await, Ok(from_shop(text)));
    }
}

#[tokio::test]
async fn the_parts_of_a_long_text_are_joined_in_their_order() {
    let centre = centre_with_subscriber().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    let mut esme = Esme::bind(&centre).await;

    let (first, second) = ("a".repeat(153), "b".repeat(7));
    let parts = [
        [b"\x05\x00\x03\x07\x02\x02", second.as_bytes()].concat(),
        [b"\x05\x00\x03\x07\x02\x01", first.as_bytes()].concat(),
    ];
    for part in parts {
        let status =
            esme.submit(TRANSACTION | HEADER_INDICATOR, DataCoding::McSpecific, &part).await;
        assert_eq!(status, CommandStatus::EsmeRok);
    }
    assert_eq!(phone.next_message(WITHIN).await, Ok(from_shop(&format!("{first}{second}"))));

    // A 16-bit reference with UCS-2. With 7-bit text this MSC puts one septet too many after such a header.
    for (header, text) in
        [(b"\x06\x08\x04\x01\x07\x02\x01", "Œuf "), (b"\x06\x08\x04\x01\x07\x02\x02", "😀")]
    {
        let part = [&header[..], &ucs2(text)].concat();
        assert_eq!(
            esme.submit(TRANSACTION | HEADER_INDICATOR, DataCoding::Ucs2, &part).await,
            CommandStatus::EsmeRok
        );
    }
    assert_eq!(phone.next_message(WITHIN).await, Ok(from_shop("Œuf 😀")));
}

#[tokio::test]
async fn a_rejecting_phone_makes_the_submission_fail() {
    let centre = centre_with_subscriber().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    let mut esme = Esme::bind(&centre).await;

    phone.reject(true);
    let status = esme.submit(TRANSACTION, DataCoding::McSpecific, b"first").await;
    assert_eq!(status, CommandStatus::EsmeRdeliveryfailure);
    phone.reject(false);
    assert_eq!(
        esme.submit(TRANSACTION, DataCoding::McSpecific, b"second").await,
        CommandStatus::EsmeRok
    );
    assert_eq!(phone.next_message(WITHIN).await, Ok(from_shop("second")));
}

#[tokio::test]
async fn a_phone_switched_off_gets_its_message_when_it_comes_back() {
    let centre = centre_with_subscriber().await;
    let mut esme = Esme::bind(&centre).await;

    assert_eq!(
        esme.submit(TRANSACTION, DataCoding::McSpecific, b"now or never").await,
        CommandStatus::EsmeRinvdstadr
    );
    assert_eq!(
        esme.submit(STORE_AND_FORWARD, DataCoding::McSpecific, b"any time").await,
        CommandStatus::EsmeRok
    );
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    assert_eq!(phone.next_message(WITHIN).await, Ok(from_shop("any time")));
}

#[tokio::test]
async fn each_phone_gets_its_own_message() {
    let centre = centre_with_subscriber().await;
    centre.add_subscriber("001010000000002", "33687654321").await.unwrap();
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    let mut other = Phone::attach(&centre, "001010000000002").await.unwrap();
    let mut esme = Esme::bind(&centre).await;

    assert_eq!(
        esme.submit(TRANSACTION, DataCoding::McSpecific, b"for one").await,
        CommandStatus::EsmeRok
    );
    assert_eq!(phone.next_message(WITHIN).await, Ok(from_shop("for one")));
    let nothing = PhoneError::TimedOut { awaited: "message" };
    assert_eq!(other.next_message(Duration::from_millis(100)).await, Err(nothing));
}

#[tokio::test]
async fn a_message_to_the_short_code_is_refused_when_no_esme_is_bound() {
    let centre = centre_with_subscriber().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    // RP-Cause 38, network out of order.
    assert_eq!(
        phone.send(centre.short_code(), "anyone?").await,
        Err(PhoneError::SendRefused { cause: 38 })
    );
}

#[tokio::test]
async fn a_sim_that_the_centre_does_not_know_is_refused() {
    let centre = OsmoCentre::start().await.unwrap();
    let refusal = Phone::attach(&centre, IMSI).await.err();
    assert!(matches!(refusal, Some(PhoneError::AttachRefused { .. })), "{refusal:?}");
}

#[tokio::test]
async fn an_imsi_is_added_once() {
    let centre = centre_with_subscriber().await;
    let refusal = centre.add_subscriber(IMSI, "33687654321").await.err();
    assert!(matches!(refusal, Some(CentreError::Refused { .. })), "{refusal:?}");
}
