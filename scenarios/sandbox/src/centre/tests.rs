//! The centre, against a client that is told what to say, and against our own channel.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_channels::{
    SmppMessenger, SmppSettings, SourceAddress,
    smpp::{
        pdu::{Bind, Body, ESM_CLASS_RECEIPT, Parameter, Pdu, first_pdu, tag},
        status::Status,
    },
};
use countersign_domain::{
    address::Msisdn,
    id::MessageId,
    message::{Delivery as Fate, Inbound, InboxError, OutboundMessage},
    ports::{Clock, Inbox, Messenger as _},
    secret::Secret,
    time::Timestamp,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::{sleep, timeout},
};

use super::*;

const PHONE: &str = "+33612345678";
const SHORT: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);

async fn centre() -> Centre {
    let account = Account { system_id: "shop".to_owned(), password: "secret".to_owned() };
    let centre = Centre::start("127.0.0.1:0".parse().unwrap(), vec![account]).await.unwrap();
    centre.add_handset(PHONE).unwrap();
    centre
}

struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    sequence: u32,
}

impl Client {
    async fn connect(centre: &Centre) -> Self {
        let stream = TcpStream::connect(centre.address()).await.unwrap();
        Self { stream, received: Vec::new(), sequence: 0 }
    }

    async fn bound(centre: &Centre) -> Self {
        let mut client = Self::connect(centre).await;
        assert_eq!(client.bind("shop", "secret").await, Status::ESME_ROK);
        client
    }

    async fn bind(&mut self, system_id: &str, password: &str) -> Status {
        let bind = Bind {
            system_id: system_id.to_owned(),
            password: password.to_owned().into(),
            ..Bind::default()
        };
        self.ask(Body::BindTransceiver(bind)).await.status
    }

    async fn say(&mut self, pdu: &Pdu) {
        let mut octets = Vec::new();
        pdu.encode(&mut octets).unwrap();
        self.stream.write_all(&octets).await.unwrap();
    }

    /// A request and its answer, which is the next PDU.
    async fn ask(&mut self, body: Body) -> Pdu {
        self.sequence += 1;
        self.say(&Pdu::request(self.sequence, body)).await;
        let answer = self.next().await.unwrap();
        assert_eq!(answer.sequence, self.sequence);
        answer
    }

    async fn submit(&mut self, message: ShortMessage) -> Result<String, Status> {
        let answer = self.ask(Body::SubmitSm(message)).await;
        let Body::SubmitSmResp { message_id } = answer.body else { panic!("{answer:?}") };
        if answer.status == Status::ESME_ROK { Ok(message_id) } else { Err(answer.status) }
    }

    /// The next delivery, answered with `status`.
    async fn delivered(&mut self, status: Status) -> ShortMessage {
        let pdu = self.next().await.unwrap();
        let Body::DeliverSm(message) = pdu.body else { panic!("{pdu:?}") };
        self.say(&Pdu::response(pdu.sequence, status, Body::DeliverSmResp)).await;
        message
    }

    /// The next PDU, or `None` at the end of the connection.
    async fn next(&mut self) -> Option<Pdu> {
        let next = async {
            loop {
                if let Some(octets) = first_pdu(&self.received).unwrap() {
                    let (length, pdu) = (octets.len(), Pdu::decode(octets).unwrap());
                    self.received.drain(..length);
                    return Some(pdu);
                }
                if self.stream.read_buf(&mut self.received).await.unwrap_or(0) == 0 {
                    return None;
                }
            }
        };
        timeout(PATIENCE, next).await.unwrap()
    }

    async fn hears_nothing(&mut self) {
        let mut octet = [0];
        let read = timeout(SHORT, self.stream.read(&mut octet)).await;
        assert!(read.is_err() && self.received.is_empty());
    }
}

fn to(number: &str, text: &[u8]) -> ShortMessage {
    let digits = number.trim_start_matches('+').to_owned();
    ShortMessage {
        source: Address { ton: 5, npi: 0, digits: "SHOP".to_owned() },
        destination: Address { ton: 1, npi: 1, digits },
        registered_delivery: 1,
        short_message: text.to_vec().into(),
        parameters: vec![Parameter::new(tag::USER_MESSAGE_REFERENCE, [1, 2])],
        ..ShortMessage::default()
    }
}

fn shown(centre: &Centre, number: &str) -> Vec<(String, String)> {
    let messages = centre.handset(number).unwrap();
    messages.into_iter().map(|message| (message.from, message.text)).collect()
}

fn receipt_text(receipt: &ShortMessage) -> &str {
    assert_eq!(receipt.esm_class, ESM_CLASS_RECEIPT);
    std::str::from_utf8(&receipt.short_message).unwrap()
}

#[tokio::test]
async fn a_submission_is_shown_and_its_receipt_sent() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    let id = client.submit(to(PHONE, b"code 123456 \x1B\x65")).await.unwrap();
    let receipt = client.delivered(Status::ESME_ROK).await;
    assert_eq!(
        receipt_text(&receipt),
        format!("id:{id} sub:001 dlvrd:001 stat:DELIVRD err:000 text:")
    );
    assert_eq!(receipt.source.digits, "33612345678");
    assert_eq!(receipt.parameter(tag::RECEIPTED_MESSAGE_ID), Some(format!("{id}\0").as_bytes()));
    assert_eq!(receipt.parameter(tag::MESSAGE_STATE), Some([2].as_slice()));
    assert_eq!(receipt.parameter(tag::USER_MESSAGE_REFERENCE), Some([1, 2].as_slice()));
    assert_eq!(shown(&centre, PHONE), [("SHOP".to_owned(), "code 123456 €".to_owned())]);
    assert_eq!(centre.submitted_count(), 1);
}

#[tokio::test]
async fn no_receipt_is_sent_where_none_is_wanted() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    for registered_delivery in [0, 2] {
        client.submit(ShortMessage { registered_delivery, ..to(PHONE, b"x") }).await.unwrap();
    }
    client.hears_nothing().await;
}

#[tokio::test]
async fn parts_are_shown_as_one_message() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    let long = "ê".repeat(100);
    for part in text::encode(&long, 7).unwrap().parts.iter().rev() {
        let message = ShortMessage { esm_class: ESM_CLASS_UDHI, data_coding: 8, ..to(PHONE, part) };
        client.submit(ShortMessage { registered_delivery: 0, ..message }).await.unwrap();
    }
    assert_eq!(shown(&centre, PHONE), [("SHOP".to_owned(), long)]);
    assert_eq!(centre.submitted_count(), 2);
}

#[tokio::test]
async fn a_submission_that_cannot_be_delivered_is_refused() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    let mut refused = async |message| client.submit(message).await.unwrap_err();
    assert_eq!(refused(to("+33699999999", b"x")).await, Status::ESME_RINVDSTADR);
    let bad_header = ShortMessage { esm_class: ESM_CLASS_UDHI, ..to(PHONE, &[99]) };
    assert_eq!(refused(bad_header).await, Status::ESME_RINVESMCLASS);
    assert_eq!(
        refused(ShortMessage { data_coding: 4, ..to(PHONE, b"x") }).await,
        Status::ESME_RSUBMITFAIL
    );
    let absolute =
        ShortMessage { validity_period: "301231235959000+".to_owned(), ..to(PHONE, b"x") };
    assert_eq!(refused(absolute).await, Status::ESME_RINVEXPIRY);
    assert_eq!((centre.submitted_count(), shown(&centre, PHONE).len()), (0, 0));
}

#[tokio::test]
async fn a_handset_that_is_off_gets_its_messages_when_it_is_on_again() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    centre.set_reachable(PHONE, false).unwrap();
    client.submit(to(PHONE, b"one")).await.unwrap();
    client.submit(to(PHONE, b"two")).await.unwrap();
    client.hears_nothing().await;
    assert!(shown(&centre, PHONE).is_empty());

    centre.set_reachable(PHONE, true).unwrap();
    for _ in 0..2 {
        assert!(receipt_text(&client.delivered(Status::ESME_ROK).await).contains("stat:DELIVRD"));
    }
    let texts: Vec<_> = shown(&centre, PHONE).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["one", "two"]);
}

#[tokio::test]
async fn a_message_whose_validity_ends_is_never_shown() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    centre.set_reachable(PHONE, false).unwrap();
    let message = ShortMessage { validity_period: validity(1), ..to(PHONE, b"late") };
    client.submit(message).await.unwrap();
    assert!(receipt_text(&client.delivered(Status::ESME_ROK).await).contains("stat:EXPIRED"));
    centre.set_reachable(PHONE, true).unwrap();
    client.hears_nothing().await;
    assert!(shown(&centre, PHONE).is_empty());
}

fn validity(seconds: u64) -> String {
    countersign_channels::sms::validity::relative(Duration::from_secs(seconds))
}

#[tokio::test]
async fn a_barred_handset_gets_nothing() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    centre.set_barred(PHONE, true).unwrap();
    client.submit(to(PHONE, b"x")).await.unwrap();
    assert!(receipt_text(&client.delivered(Status::ESME_ROK).await).contains("stat:UNDELIV"));
    assert!(shown(&centre, PHONE).is_empty());
}

#[tokio::test]
async fn a_text_from_a_handset_goes_to_the_first_account() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    centre.send_from_handset(PHONE, "3800", "123456 €").unwrap();
    let message = client.delivered(Status::ESME_ROK).await;
    assert_eq!((message.source.ton, message.source.digits.as_str()), (1, "33612345678"));
    assert_eq!((message.destination.digits.as_str(), message.esm_class), ("3800", 0));
    assert_eq!(**message.short_message, *b"123456 \x1B\x65");
}

#[tokio::test]
async fn a_delivery_is_offered_again_until_it_is_taken() {
    let centre = centre().await;
    centre.send_from_handset(PHONE, "3800", "text").unwrap();
    // Nobody was bound; then somebody goes without an answer; then there is a temporary refusal.
    let mut client = Client::bound(&centre).await;
    client.next().await.unwrap();
    drop(client);
    sleep(SHORT).await;
    let mut client = Client::bound(&centre).await;
    client.delivered(Status::ESME_RX_T_APPN).await;
    client.delivered(Status::ESME_ROK).await;
    sleep(Duration::from_millis(600)).await;
    client.hears_nothing().await;
}

#[tokio::test]
async fn a_delivery_that_is_refused_for_good_is_not_offered_again() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    centre.send_from_handset(PHONE, "3800", "text").unwrap();
    client.delivered(Status::ESME_RX_P_APPN).await;
    sleep(Duration::from_millis(600)).await;
    client.hears_nothing().await;
}

#[tokio::test]
async fn only_an_account_with_its_password_is_bound() {
    let centre = centre().await;
    for (system_id, password, status) in
        [("other", "secret", Status::ESME_RINVSYSID), ("shop", "wrong", Status::ESME_RINVPASWD)]
    {
        let mut client = Client::connect(&centre).await;
        assert_eq!(client.bind(system_id, password).await, status);
        assert_eq!(client.next().await, None);
    }
    let mut client = Client::connect(&centre).await;
    assert_eq!(client.submit(to(PHONE, b"x")).await, Err(Status::ESME_RINVBNDSTS));
    assert_eq!(client.bind("shop", "secret").await, Status::ESME_ROK);
    assert_eq!(client.bind("shop", "secret").await, Status::ESME_RALYBND);
    assert!(client.submit(to(PHONE, b"x")).await.is_ok());
}

#[tokio::test]
async fn a_client_that_is_not_understood_is_told_so() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    assert_eq!(client.ask(Body::EnquireLink).await.body, Body::EnquireLinkResp);
    let other = client.ask(Body::Other { command_id: 0x21 }).await;
    assert_eq!((other.status, other.body), (Status::ESME_RINVCMDID, Body::GenericNack));
    let malformed = [17, 4, 0, 9].map(u32::to_be_bytes).concat();
    client.stream.write_all(&malformed).await.unwrap();
    client.stream.write_all(&[0]).await.unwrap();
    assert_eq!(client.next().await.unwrap().status, Status::ESME_RINVCMDLEN);
    assert_eq!(client.ask(Body::Unbind).await.body, Body::UnbindResp);
    assert_eq!(client.next().await, None);

    let mut client = Client::connect(&centre).await;
    client.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(client.next().await.unwrap().body, Body::GenericNack);
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn a_handset_that_does_not_exist_is_an_error() {
    let centre = centre().await;
    let unknown = Err(CentreError::UnknownHandset);
    assert_eq!(centre.handset("+33699999999").map(|_| ()), unknown);
    assert_eq!(centre.set_reachable("+33699999999", true), unknown);
    assert_eq!(centre.set_barred("+33699999999", true), unknown);
    assert_eq!(centre.send_from_handset("+33699999999", "3800", "x"), unknown);
    assert_eq!(centre.handsets(), [PHONE]);
}

#[tokio::test]
async fn there_is_an_end_to_handsets_and_to_what_they_keep() {
    let centre = centre().await;
    for number in 1..network::MAX_HANDSETS {
        centre.add_handset(&format!("+336{number:08}")).unwrap();
    }
    assert_eq!(centre.add_handset("+33700000000"), Err(CentreError::TooManyHandsets));
    assert_eq!(centre.add_handset(PHONE), Ok(()));

    let mut client = Client::bound(&centre).await;
    for number in 0..201 {
        let message = to(PHONE, number.to_string().as_bytes());
        client.submit(ShortMessage { registered_delivery: 0, ..message }).await.unwrap();
    }
    let shown = shown(&centre, PHONE);
    assert_eq!((shown.len(), shown[0].1.as_str()), (200, "1"));
}

#[tokio::test]
async fn a_centre_that_is_dropped_ends_its_sessions() {
    let centre = centre().await;
    let mut client = Client::bound(&centre).await;
    drop(centre);
    assert_eq!(client.next().await, None);
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_700_000_000)
    }
}

struct Taken(mpsc::UnboundedSender<Inbound>);

#[async_trait]
impl Inbox for Taken {
    async fn accept(&self, inbound: Inbound) -> Result<(), InboxError> {
        self.0.send(inbound).map_err(|_| InboxError { cause: "gone".to_owned() })
    }
}

#[tokio::test]
async fn our_channel_and_the_centre_understand_each_other() {
    let centre = centre().await;
    let source = SourceAddress::try_from("SHOP").unwrap();
    let password = Secret::new("secret".to_owned());
    let port = centre.address().port();
    let settings = SmppSettings::new("127.0.0.1", port, "shop", password, source);
    let messenger = Arc::new(SmppMessenger::new(settings, Arc::new(Noon)).unwrap());
    let (sender, mut taken) = mpsc::unbounded_channel();
    let running = tokio::spawn({
        let messenger = Arc::clone(&messenger);
        async move { messenger.run(Arc::new(Taken(sender))).await }
    });
    timeout(PATIENCE, messenger.until_bound()).await.unwrap();

    // Long enough for two parts.
    let text = format!("Code 123456, être débité de 49,99 € {}", "!".repeat(60));
    let id = MessageId::try_from(format!("msg_{:032x}", 1)).unwrap();
    let to = Msisdn::try_from(PHONE).unwrap();
    let message = OutboundMessage::new(id, to.into(), Secret::new(text.clone()), 300);
    let accepted = messenger.send(&message).await.unwrap();
    let Some(Inbound::Receipt(receipt)) = timeout(PATIENCE, taken.recv()).await.unwrap() else {
        panic!()
    };
    assert!(receipt.ranks.iter().flatten().any(|name| accepted.references.contains(name)));
    assert_eq!(receipt.delivery, Fate::Delivered);
    assert_eq!(shown(&centre, PHONE), [("SHOP".to_owned(), text.clone())]);

    centre.send_from_handset(PHONE, "3800", &text).unwrap();
    let Some(Inbound::Text(received)) = timeout(PATIENCE, taken.recv()).await.unwrap() else {
        panic!()
    };
    assert_eq!((received.from.expose(), received.to.as_str()), (PHONE, "3800"));
    assert_eq!(received.text.expose(), &text);

    messenger.stop();
    timeout(PATIENCE, running).await.unwrap().unwrap();
}
