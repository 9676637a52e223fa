//! What centres send, octet by octet (`tests/vectors/smpp`), to a session with the domain behind it.

use std::{fs, path::Path, sync::Arc};

use countersign_channels::{
    SmppMessenger, SmppSettings, SourceAddress,
    smpp::{
        pdu::{Body, Pdu},
        status::Status,
    },
};
use countersign_domain::{
    event::Event, id::MessageId, message::Message, ports::Store, record::Batch, secret::Secret,
    testing::Fixture,
};
use tokio::task::JoinHandle;

use crate::centre::{Listener, Peer};

/// A shop whose messages go through a centre that each test plays.
struct Shop {
    fixture: Fixture,
    messenger: Arc<SmppMessenger>,
    listener: Listener,
}

impl Shop {
    async fn bound(change: impl FnOnce(&mut SmppSettings)) -> (Self, Peer) {
        let listener = Listener::open().await;
        let source = SourceAddress::try_from("Dupont").unwrap();
        let password = Secret::new("secret08".to_owned());
        let mut settings = SmppSettings::new("127.0.0.1", listener.port(), "me", password, source);
        change(&mut settings);
        let fixture = Fixture::new();
        let messenger = Arc::new(SmppMessenger::new(settings, fixture.clock.clone()).unwrap());
        tokio::spawn({
            let (messenger, outbox) = (messenger.clone(), fixture.outbox.clone());
            async move { messenger.run(outbox).await }
        });
        let shop = Self { fixture, messenger, listener };
        let peer = shop.listener.accept_and_bind(&shop.messenger).await;
        (shop, peer)
    }

    /// A purchase by that number, of which the message is on its way.
    async fn pay(&self, number: &str) -> (MessageId, JoinHandle<()>) {
        let mut purchase = self.fixture.purchase("49.90");
        purchase.person.address =
            countersign_domain::address::Msisdn::try_from(number).unwrap().into();
        let gateway = &self.fixture.gateway;
        let payment = gateway.start_payment(purchase, Batch::default()).await.unwrap();
        let message = gateway.challenge_of(&payment).await.unwrap().last_message().clone();
        let (outbox, messenger) = (self.fixture.outbox.clone(), self.messenger.clone());
        let sent = message.clone();
        let sending =
            tokio::spawn(async move { outbox.send(&sent, messenger.as_ref()).await.unwrap() });
        (message, sending)
    }

    /// The same, accepted under that id.
    async fn paid_as(&self, centre: &mut Peer, number: &str, id: &str) -> MessageId {
        let (message, sending) = self.pay(number).await;
        let (request, _) = centre.next_message().await;
        centre.accept(&request, id).await;
        sending.await.unwrap();
        message
    }

    async fn message(&self, id: &MessageId) -> Message {
        let store: &dyn Store = self.fixture.store.as_ref();
        store.expect::<Message>(id.as_str()).await.unwrap().value
    }

    async fn state(&self, id: &MessageId) -> &'static str {
        self.message(id).await.state().name()
    }
}

const NUMBER: &str = "+33639980001";

fn octets_of(hexadecimal: &str) -> Vec<u8> {
    let digits: String = hexadecimal.split_whitespace().collect();
    assert_eq!(digits.len() % 2, 0);
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

#[tokio::test]
async fn what_centres_send_is_read_as_it_is_meant() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/smpp");
    let mut read = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        let words: Vec<_> = first.split(' ').collect();
        let name = path.file_name().unwrap().display().to_string();
        match words.as_slice() {
            ["expect:", "answer", id] => assert_answer(&name, id, octets_of(rest)).await,
            ["expect:", kind @ ("deliver" | "data"), id, state] => {
                let answer = if *kind == "data" { Body::DataSmResp } else { Body::DeliverSmResp };
                assert_delivery(&name, id, state, answer, &octets_of(rest)).await;
            }
            other => panic!("{name}: {other:?}"),
        }
        read += 1;
    }
    assert_eq!(read, 31);
}

/// Takes these octets as the answer to a submission.
async fn assert_answer(name: &str, id: &str, mut octets: Vec<u8>) {
    let (shop, mut centre) = Shop::bound(|_| {}).await;
    let (message, sending) = shop.pay(NUMBER).await;
    let (request, _) = centre.next_message().await;
    octets.splice(12..16, request.sequence.to_be_bytes());
    centre.say_octets(&octets).await;
    sending.await.unwrap();
    assert_eq!(shop.state(&message).await, "sent", "{name}");
    let facts = format!("{:?}", shop.fixture.store);
    let network_id = if id == "-" { String::new() } else { id.to_owned() };
    let sent = Event::MessageSent { message, network_id: Some(network_id) };
    assert!(facts.contains(&format!("{sent:?}")), "{name}: {sent:?} is not in {facts}");
}

/// Delivers these octets after a message was accepted under an id.
async fn assert_delivery(name: &str, id: &str, state: &str, answer: Body, octets: &[u8]) {
    let (shop, mut centre) = Shop::bound(|_| {}).await;
    let message = shop.paid_as(&mut centre, NUMBER, id).await;
    centre.say_octets(octets).await;
    assert_eq!(centre.next().await, Pdu::response(0x4D, Status::ESME_ROK, answer), "{name}");
    assert_eq!(shop.state(&message).await, state, "{name}");
}

/// A receipt from that number.
fn receipt(id: &str, number: &str, state: &str) -> Body {
    use countersign_channels::smpp::pdu::{Address, ESM_CLASS_RECEIPT, ShortMessage};
    let digits = number.trim_start_matches('+').to_owned();
    Body::DeliverSm(ShortMessage {
        source: Address { ton: 1, npi: 1, digits },
        destination: Address { ton: 5, npi: 0, digits: "Dupont".to_owned() },
        esm_class: ESM_CLASS_RECEIPT,
        short_message: format!("id:{id} sub:001 stat:{state} err:000 text:").into_bytes().into(),
        ..ShortMessage::default()
    })
}

/// Says a receipt and returns what it was answered.
async fn say(centre: &mut Peer, receipt: Body) -> Status {
    centre.say(&Pdu::request(9, receipt)).await;
    centre.next().await.status
}

/// As seen: ids decimal in the answer and hexadecimal in the receipt, one payer, two purchases.
#[tokio::test]
async fn a_receipt_never_voids_another_purchase() {
    let (shop, mut centre) = Shop::bound(|_| {}).await;
    let ten = shop.paid_as(&mut centre, NUMBER, "10").await;
    let sixteen = shop.paid_as(&mut centre, NUMBER, "16").await;
    // Of the message 16; but of 10 as well, for all that is known.
    assert_eq!(say(&mut centre, receipt("10", NUMBER, "UNDELIV")).await, Status::ESME_ROK);
    assert_eq!((shop.state(&ten).await, shop.state(&sixteen).await), ("sent", "sent"));
    // A receipt that fits in one form only tells the form.
    assert_eq!(say(&mut centre, receipt("A", NUMBER, "DELIVRD")).await, Status::ESME_ROK);
    assert_eq!((shop.state(&ten).await, shop.state(&sixteen).await), ("delivered", "sent"));
    assert_eq!(say(&mut centre, receipt("10", NUMBER, "UNDELIV")).await, Status::ESME_ROK);
    assert_eq!((shop.state(&ten).await, shop.state(&sixteen).await), ("delivered", "failed"));
}

#[tokio::test]
async fn a_form_that_is_configured_need_not_be_learned() {
    use countersign_channels::IdForm;
    for (form, answered, other, in_receipt) in [
        (IdForm::Hexadecimal, "16", "10", "10"),
        (IdForm::Decimal, "10", "16", "16"),
        (IdForm::Same, "10", "16", "0010"),
    ] {
        let (shop, mut centre) = Shop::bound(|settings| settings.receipt_ids = Some(form)).await;
        let other = shop.paid_as(&mut centre, NUMBER, other).await;
        let meant = shop.paid_as(&mut centre, NUMBER, answered).await;
        say(&mut centre, receipt(in_receipt, NUMBER, "UNDELIV")).await;
        assert_eq!((shop.state(&meant).await, shop.state(&other).await), ("failed", "sent"));
    }
}

#[tokio::test]
async fn an_id_that_several_numbers_share_is_that_of_the_receipts_number() {
    let (shop, mut centre) = Shop::bound(|_| {}).await;
    // The last six digits are the same.
    let other = "+41799980001";
    let first = shop.paid_as(&mut centre, NUMBER, "77").await;
    let second = shop.paid_as(&mut centre, other, "77").await;
    say(&mut centre, receipt("77", NUMBER, "UNDELIV")).await;
    assert_eq!((shop.state(&first).await, shop.state(&second).await), ("failed", "sent"));
}

#[tokio::test]
async fn a_receipt_that_a_submission_under_way_may_be_meant_by_has_to_come_again() {
    let (shop, mut centre) = Shop::bound(|_| {}).await;
    let ten = shop.paid_as(&mut centre, NUMBER, "10").await;
    let (sixteen, sending) = shop.pay(NUMBER).await;
    let (request, _) = centre.next_message().await;
    let early = receipt("10", NUMBER, "UNDELIV");
    assert_eq!(say(&mut centre, early.clone()).await, Status::ESME_RX_T_APPN);
    centre.accept(&request, "16").await;
    sending.await.unwrap();
    // Now it is known to be of either, and ends none.
    assert_eq!(say(&mut centre, early).await, Status::ESME_ROK);
    assert_eq!((shop.state(&ten).await, shop.state(&sixteen).await), ("sent", "sent"));
}

/// An early receipt whose id could be either's, or nobody's, ends neither, in whatever order the answers come.
#[tokio::test]
async fn an_early_receipt_while_two_messages_are_under_way_ends_neither() {
    for (foreign, number) in
        [("10", NUMBER), ("999", NUMBER), ("10", "+41791112233"), ("zz", NUMBER)]
    {
        let (shop, mut centre) = Shop::bound(|_| {}).await;
        let (first, first_sending) = shop.pay(NUMBER).await;
        let (first_request, _) = centre.next_message().await;
        let (second, second_sending) = shop.pay(NUMBER).await;
        let (second_request, _) = centre.next_message().await;
        let early = receipt(foreign, number, "UNDELIV");
        let answered = say(&mut centre, early.clone()).await;
        centre.accept(&second_request, "16").await;
        centre.accept(&first_request, "10").await;
        first_sending.await.unwrap();
        second_sending.await.unwrap();
        if answered == Status::ESME_RX_T_APPN {
            assert_eq!(say(&mut centre, early).await, Status::ESME_ROK);
        }
        let states = (shop.state(&first).await, shop.state(&second).await);
        assert_eq!(states, ("sent", "sent"), "{foreign} to {number}");
    }
}

#[tokio::test]
async fn a_receipt_before_the_answer_finds_its_message() {
    for (answered, in_receipt) in [("77", "77"), ("119", "77"), ("XkQzPwRs", "XkQzPwRs")] {
        let (shop, mut centre) = Shop::bound(|_| {}).await;
        let (message, sending) = shop.pay(NUMBER).await;
        let (request, _) = centre.next_message().await;
        let early = receipt(in_receipt, NUMBER, "UNDELIV");
        assert_eq!(say(&mut centre, early).await, Status::ESME_ROK);
        centre.accept(&request, answered).await;
        sending.await.unwrap();
        assert_eq!(shop.state(&message).await, "failed", "{answered}");
    }
}

#[tokio::test]
async fn thirty_messages_of_a_centre_with_two_forms_each_get_their_own_receipt() {
    let (shop, mut centre) = Shop::bound(|_| {}).await;
    let mut messages = Vec::new();
    for id in 100..130_u32 {
        let number = format!("+336399{:05}", id % 7);
        messages.push((
            id,
            number.clone(),
            shop.paid_as(&mut centre, &number, &id.to_string()).await,
        ));
    }
    for (id, number, _) in &messages {
        let state = if id % 3 == 0 { "UNDELIV" } else { "DELIVRD" };
        say(&mut centre, receipt(&format!("{id:08X}"), number, state)).await;
    }
    for (id, _, message) in &messages {
        let expected = if id % 3 == 0 { "failed" } else { "delivered" };
        assert_eq!(shop.state(message).await, expected, "{id}");
    }
}
