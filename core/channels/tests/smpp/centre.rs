//! A centre that does nothing by itself, and our side of the session with it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use countersign_channels::{
    SmppMessenger, SmppSettings, SourceAddress,
    smpp::{
        pdu::{Body, Pdu, ShortMessage, first_pdu},
        status::Status,
    },
};
use countersign_domain::{
    address::Msisdn,
    id::MessageId,
    message::{Accepted, Inbound, InboxError, OutboundMessage, SendError},
    ports::{Inbox, Messenger},
    secret::Secret,
    testing::FakeClock,
    time::Timestamp,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const NUMBER: &str = "+33612345678";

/// Where a centre is called.
pub(crate) struct Listener(TcpListener);

impl Listener {
    pub(crate) async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// The next connection, before its bind.
    async fn accept(&self) -> Peer {
        let (stream, _) = timeout(PATIENCE, self.0.accept()).await.unwrap().unwrap();
        Peer { stream, received: BytesMut::new() }
    }

    /// The next session. With a short patience of ours, a slow machine may take several calls.
    pub(crate) async fn accept_and_bind(&self, messenger: &SmppMessenger) -> Peer {
        loop {
            let mut peer = self.accept().await;
            let Some(bind) = peer.next_or_end().await else {
                continue;
            };
            let answer = Body::BindTransceiverResp { system_id: "centre".to_owned() };
            peer.answer(&bind, answer).await;
            if timeout(Duration::from_secs(1), messenger.until_bound()).await.is_ok() {
                return peer;
            }
        }
    }
}

/// A centre and a messenger that calls it.
pub(crate) struct Scene {
    listener: Listener,
    pub(crate) messenger: Arc<SmppMessenger>,
    pub(crate) inbox: Arc<FakeInbox>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) running: JoinHandle<()>,
}

impl Scene {
    /// Our side, with short times and what `change` makes of them; and the bound session as the centre sees it.
    pub(crate) async fn bound(change: impl FnOnce(&mut SmppSettings)) -> (Self, Peer) {
        let scene = Self::unbound(change).await;
        let peer = scene.accept_and_bind().await;
        (scene, peer)
    }

    pub(crate) async fn unbound(change: impl FnOnce(&mut SmppSettings)) -> Self {
        let listener = Listener::open().await;
        let source = SourceAddress::try_from("SHOP").unwrap();
        let password = Secret::new("secret08".to_owned());
        let port = listener.port();
        let mut settings = SmppSettings::new("127.0.0.1", port, "countersign", password, source);
        settings.reconnect_pause = Duration::from_millis(20);
        settings.throttle_pause = Duration::from_millis(100);
        settings.response_timeout = Duration::from_secs(5);
        change(&mut settings);

        let clock = Arc::new(FakeClock::at(Timestamp::from_unix_seconds(1_700_000_000)));
        let messenger = Arc::new(SmppMessenger::new(settings, clock.clone()).unwrap());
        let inbox = Arc::new(FakeInbox::default());
        let running = tokio::spawn({
            let (messenger, inbox) = (messenger.clone(), inbox.clone());
            async move { messenger.run(inbox).await }
        });
        Self { listener, messenger, inbox, clock, running }
    }

    /// The next connection, before its bind.
    pub(crate) async fn accept(&self) -> Peer {
        self.listener.accept().await
    }

    /// The next session.
    pub(crate) async fn accept_and_bind(&self) -> Peer {
        self.listener.accept_and_bind(&self.messenger).await
    }

    /// Sends a text in a task of its own.
    pub(crate) fn send(&self, text: &str) -> JoinHandle<Result<Accepted, SendError>> {
        self.send_valid_for(text, 300)
    }

    pub(crate) fn send_valid_for(
        &self,
        text: &str,
        seconds: u32,
    ) -> JoinHandle<Result<Accepted, SendError>> {
        self.send_as(0xA7, text, seconds)
    }

    /// Sends a message with that end of its id.
    pub(crate) fn send_as(
        &self,
        number: u32,
        text: &str,
        seconds: u32,
    ) -> JoinHandle<Result<Accepted, SendError>> {
        let id = MessageId::try_from(format!("msg_{number:032x}")).unwrap();
        let to = Msisdn::try_from(NUMBER).unwrap().into();
        let message = OutboundMessage::new(id, to, Secret::new(text.to_owned()), seconds);
        let messenger = self.messenger.clone();
        tokio::spawn(async move { messenger.send(&message).await })
    }
}

/// One connection, as the centre sees it.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    received: BytesMut,
}

impl Peer {
    /// The next PDU; the test fails when there is none.
    pub(crate) async fn next(&mut self) -> Pdu {
        timeout(PATIENCE, self.next_or_end()).await.unwrap().expect("the connection ended")
    }

    /// The next PDU, or `None` when the connection ended.
    pub(crate) async fn next_or_end(&mut self) -> Option<Pdu> {
        loop {
            if let Some(octets) = first_pdu(&self.received).unwrap() {
                let (length, pdu) = (octets.len(), Pdu::decode(octets).unwrap());
                self.received.advance(length);
                return Some(pdu);
            }
            if self.stream.read_buf(&mut self.received).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The test fails when something comes within `duration`.
    pub(crate) async fn hears_nothing_for(&mut self, duration: Duration) {
        let heard = timeout(duration, self.next_or_end()).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    /// Waits for the end of the connection.
    pub(crate) async fn hears_the_end(&mut self) {
        timeout(PATIENCE, async { while self.next_or_end().await.is_some() {} }).await.unwrap();
    }

    pub(crate) async fn next_message(&mut self) -> (Pdu, ShortMessage) {
        let pdu = self.next().await;
        let Body::SubmitSm(message) = pdu.body.clone() else { panic!("{pdu:?} is no submit_sm") };
        (pdu, message)
    }

    pub(crate) async fn say(&mut self, pdu: &Pdu) {
        let mut octets = Vec::new();
        pdu.encode(&mut octets).unwrap();
        self.say_octets(&octets).await;
    }

    pub(crate) async fn say_octets(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    pub(crate) async fn answer(&mut self, request: &Pdu, body: Body) {
        self.say(&Pdu::response(request.sequence, Status::ESME_ROK, body)).await;
    }

    pub(crate) async fn accept(&mut self, request: &Pdu, message_id: &str) {
        self.answer(request, Body::SubmitSmResp { message_id: message_id.to_owned() }).await;
    }

    pub(crate) async fn refuse(&mut self, request: &Pdu, status: Status) {
        let body = Body::SubmitSmResp { message_id: String::new() };
        self.say(&Pdu::response(request.sequence, status, body)).await;
    }

    /// Delivers a message and returns what it was answered.
    pub(crate) async fn deliver(&mut self, sequence: u32, message: ShortMessage) -> Status {
        self.say(&Pdu::request(sequence, Body::DeliverSm(message))).await;
        let answer = self.next().await;
        assert_eq!((answer.sequence, answer.body), (sequence, Body::DeliverSmResp));
        answer.status
    }
}

/// An inbox that keeps what it takes; it can be made to fail, or to wait.
pub(crate) struct FakeInbox {
    taken: Mutex<Vec<Inbound>>,
    fails: Mutex<bool>,
    /// How many it has in its hands, and had at most.
    in_hands: Mutex<(usize, usize)>,
    pub(crate) gate: Semaphore,
}

impl Default for FakeInbox {
    fn default() -> Self {
        let open = Semaphore::new(Semaphore::MAX_PERMITS);
        let (taken, fails, in_hands) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { taken, fails, in_hands, gate: open }
    }
}

impl FakeInbox {
    pub(crate) fn taken(&self) -> Vec<Inbound> {
        self.taken.lock().unwrap().clone()
    }

    pub(crate) fn fail(&self, fails: bool) {
        *self.fails.lock().unwrap() = fails;
    }

    /// How many it had in its hands at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.in_hands.lock().unwrap().1
    }

    /// What comes waits until [`Self::open`].
    pub(crate) fn close(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn open(&self) {
        self.gate.add_permits(100_000);
    }
}

#[async_trait]
impl Inbox for FakeInbox {
    async fn accept(&self, inbound: Inbound) -> Result<(), InboxError> {
        {
            let mut in_hands = self.in_hands.lock().unwrap();
            in_hands.0 += 1;
            in_hands.1 = in_hands.1.max(in_hands.0);
        }
        let _permit = self.gate.acquire().await.unwrap();
        self.in_hands.lock().unwrap().0 -= 1;
        if *self.fails.lock().unwrap() {
            return Err(InboxError { cause: "the disk is full".to_owned() });
        }
        self.taken.lock().unwrap().push(inbound);
        Ok(())
    }
}
