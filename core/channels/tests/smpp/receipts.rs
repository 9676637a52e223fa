//! Receipts at every moment, through messenger and outbox: whenever the centre sends them, each finds its message and no
//! other.

use std::{collections::HashMap, sync::Arc, time::Duration};

use countersign_channels::{
    SmppMessenger, SmppSettings, SourceAddress,
    smpp::{
        pdu::{Address, Body, ESM_CLASS_RECEIPT, Pdu, ShortMessage},
        status::Status,
    },
};
use countersign_domain::{
    address::Msisdn,
    challenge::ChallengeRequest,
    id::{MessageId, SessionId},
    message::Message,
    person::Person,
    ports::Store,
    refusal::Outcome,
    secret::Secret,
    testing::Fixture,
};
use tokio::{task::JoinSet, time::timeout};

use crate::centre::{Listener, Peer};

/// Phones, each of which gets one message after the other, all at once.
const PHONES: u32 = 64;
const MESSAGES: u32 = 32;

/// How the phones' numbers begin.
const PHONE: &str = "336123";

/// Whether that phone gets that message of those to it: one in five does not arrive, at each phone others.
const fn arrives(phone: u32, number: u32) -> bool {
    !(phone + number).is_multiple_of(5)
}

/// When the centre sends a receipt: before its answer to the submission, with it, or after it.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// It answers only once the receipt was taken over.
    Before,
    /// In one write with the answer.
    With,
    /// In a write of its own.
    After,
}

/// A centre that delivers at once, or cannot. Its ids are hexadecimal: many are decimal numbers, too, of which it has said nothing.
async fn serve(mut peer: Peer, moment: Moment) {
    peer.stream.set_nodelay(true).unwrap();
    let (mut unanswered, mut submitted) = (HashMap::new(), HashMap::new());
    for number in 1_u32.. {
        let request = loop {
            let Some(pdu) = peer.next_or_end().await else { return };
            match pdu.body {
                Body::SubmitSm(_) => break pdu,
                Body::DeliverSmResp => {
                    assert_eq!(pdu.status, Status::ESME_ROK);
                    if let Some(answer) = unanswered.remove(&pdu.sequence) {
                        peer.say(&answer).await;
                    }
                }
                other => panic!("{other:?}"),
            }
        };
        let Body::SubmitSm(message) = &request.body else { continue };
        let digits = message.destination.digits.strip_prefix(PHONE).unwrap();
        let before: &mut u32 = submitted.entry(digits.to_owned()).or_default();
        let arrives = arrives(digits.parse().unwrap(), *before);
        *before += 1;
        let message_id = format!("{number:08x}");
        let receipt = receipt(message, &message_id, arrives);
        let receipt = Pdu::request(number, Body::DeliverSm(receipt));
        let answer =
            Pdu::response(request.sequence, Status::ESME_ROK, Body::SubmitSmResp { message_id });
        match moment {
            Moment::Before => {
                unanswered.insert(number, answer);
                peer.say(&receipt).await;
            }
            Moment::With => {
                let mut octets = Vec::new();
                answer.encode(&mut octets).unwrap();
                receipt.encode(&mut octets).unwrap();
                peer.say_octets(&octets).await;
            }
            Moment::After => {
                peer.say(&answer).await;
                peer.say(&receipt).await;
            }
        }
    }
}

fn receipt(message: &ShortMessage, id: &str, arrives: bool) -> ShortMessage {
    let state =
        if arrives { "dlvrd:001 stat:DELIVRD err:000" } else { "dlvrd:000 stat:UNDELIV err:001" };
    let text = format!("id:{id} sub:001 {state} text:");
    ShortMessage {
        source: message.destination.clone(),
        destination: Address { ton: 3, npi: 1, digits: "3800".to_owned() },
        esm_class: ESM_CLASS_RECEIPT,
        short_message: text.into_bytes().into(),
        ..ShortMessage::default()
    }
}

/// What is asked of the person with that phone.
fn access(shop: &Fixture, phone: u32) -> ChallengeRequest {
    let asked = shop.access(SessionId::random(shop.entropy.as_ref()).unwrap());
    let number = Msisdn::try_from(format!("+{PHONE}{phone:05}").as_str()).unwrap();
    ChallengeRequest { person: Person { address: number.into(), ..asked.person }, ..asked }
}

/// Messages to that phone, each sent once the one before was taken over, and how each must end.
async fn send_to(
    shop: Arc<Fixture>,
    messenger: Arc<SmppMessenger>,
    phone: u32,
) -> Vec<(MessageId, &'static str)> {
    let mut sent = Vec::new();
    for number in 0..MESSAGES {
        let asked = shop.verifier.start_challenge(access(&shop, phone)).await.unwrap();
        let Outcome::Done(challenge) = asked else { panic!("{asked:?}") };
        let id = challenge.last_message().clone();
        shop.outbox.send(&id, messenger.as_ref()).await.unwrap();
        sent.push((id, if arrives(phone, number) { "delivered" } else { "failed" }));
    }
    sent
}

async fn state(shop: &Fixture, id: &MessageId) -> &'static str {
    let store: &dyn Store = shop.store.as_ref();
    store.expect::<Message>(id.as_str()).await.unwrap().value.state().name()
}

/// Sends to all phones, and waits until each message has ended as it must.
async fn send_to_all(shop: &Arc<Fixture>, messenger: &Arc<SmppMessenger>) {
    let phones = (0..PHONES).map(|phone| send_to(shop.clone(), messenger.clone(), phone));
    let sent = phones.collect::<JoinSet<_>>().join_all().await.concat();
    assert_eq!(sent.len(), usize::try_from(PHONES * MESSAGES).unwrap());
    let all = async {
        for (id, expected) in &sent {
            loop {
                match state(shop, id).await {
                    ended @ ("delivered" | "failed") => {
                        assert_eq!(ended, *expected, "{id} got the receipt of another");
                        break;
                    }
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        }
    };
    if timeout(Duration::from_secs(60), all).await.is_err() {
        let mut lost = Vec::new();
        for (id, expected) in &sent {
            if state(shop, id).await != *expected {
                lost.push(id);
            }
        }
        panic!("the receipts of {lost:?} were lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whenever_its_receipt_comes_every_message_ends_as_it_says() {
    for moment in [Moment::Before, Moment::With, Moment::After] {
        let (shop, listener) = (Arc::new(Fixture::new()), Listener::open().await);
        let source = SourceAddress::try_from("SHOP").unwrap();
        let password = Secret::new("secret08".to_owned());
        let mut settings =
            SmppSettings::new("127.0.0.1", listener.port(), "countersign", password, source);
        settings.window = 64;
        let messenger = Arc::new(SmppMessenger::new(settings, shop.clock.clone()).unwrap());
        let running = tokio::spawn({
            let (messenger, inbox) = (messenger.clone(), shop.outbox.clone());
            async move { messenger.run(inbox).await }
        });
        let peer = listener.accept_and_bind(&messenger).await;
        let mut centre = tokio::spawn(serve(peer, moment));
        tokio::select! {
            () = send_to_all(&shop, &messenger) => {}
            ended = &mut centre => panic!("{moment:?}: the centre ended: {ended:?}"),
        }
        messenger.stop();
        running.await.unwrap();
        centre.abort();
    }
}
