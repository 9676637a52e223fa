//! An SMS centre that costs little: it takes every message over, or as many as a limit lets it, confirms its delivery
//! after a moment, and hands the code to whoever waits for a message about that amount.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    future::pending,
    io::Result,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign_channels::{
    smpp::{
        pdu::{
            Body, ESM_CLASS_RECEIPT, ESM_CLASS_UDHI, Parameter, Pdu, ShortMessage, first_pdu, tag,
        },
        status::Status,
    },
    sms::header,
};
use countersign_sandbox::ExternalCentre;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use super::throttle::Throttle;

/// From a submission to its receipt. No phone is faster; a receipt beside the answer measures a race that no phone causes.
const RECEIPT_AFTER: Duration = Duration::from_millis(50);

/// A centre at work; ends when dropped.
pub struct Centre {
    address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

/// What has been submitted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Submitted {
    /// Submissions that were taken over, each part counted.
    pub taken: u32,
    /// Of these, those that had been taken over before.
    pub again: u32,
    /// Submissions that were throttled.
    pub throttled: u32,
    /// When the last was taken over.
    pub last: Option<Instant>,
}

/// What its sessions have in common.
#[derive(Default)]
struct Desk {
    throttle: Option<Throttle>,
    submitted: Submitted,
    /// Receiver and octets: no message is sent to one phone twice.
    seen: HashSet<(String, Vec<u8>)>,
    /// Parts, by their receiver and reference.
    parts: HashMap<(String, u16), BTreeMap<u8, Vec<u8>>>,
    /// The payers that wait for a code, by amount as the message writes it.
    waiting: HashMap<String, oneshot::Sender<String>>,
}

impl Centre {
    /// Opens it on a free port of this machine.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Mutex::new(Desk::default()));
        let shared = Arc::clone(&desk);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let desk = Arc::clone(&shared);
                // A session that breaks is the client's affair: it will bind again.
                tokio::spawn(async move { serve(stream, &desk).await });
            }
        });
        Ok(Self { address, desk, task })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The code of the next message about that amount.
    pub fn code(&self, amount: &str) -> oneshot::Receiver<String> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.desk).waiting.insert(amount.to_owned(), sender);
        receiver
    }

    /// As a server is told of it.
    pub fn external(&self) -> ExternalCentre {
        ExternalCentre {
            address: self.address.to_string(),
            system_id: "load".to_owned(),
            password: "load".to_owned(),
            source: "Dupont".to_owned(),
            transaction_mode: false,
        }
    }

    /// From now on, it takes no more than that.
    pub fn throttle(&self, throttle: Throttle) {
        lock(&self.desk).throttle = Some(throttle);
    }

    /// What has been submitted so far.
    pub fn submitted(&self) -> Submitted {
        lock(&self.desk).submitted
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, desk: &Mutex<Desk>) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut received, mut outgoing) = (Vec::new(), Vec::new());
    let mut receipts: VecDeque<(Instant, Pdu)> = VecDeque::new();
    loop {
        let next = receipts.front().map(|(at, _)| *at);
        let time = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            read = stream.read_buf(&mut received) => if read? == 0 {
                return Ok(());
            },
            () = time => {}
        }
        let mut pdus = Vec::new();
        while let Ok(Some(octets)) = first_pdu(&received) {
            let (length, pdu) = (octets.len(), Pdu::decode(octets));
            received.drain(..length);
            let Ok(Pdu { sequence, body, .. }) = pdu else {
                continue;
            };
            let (answer, receipt) = answer(sequence, body, desk);
            pdus.extend(answer);
            receipts.extend(receipt.map(|receipt| (Instant::now() + RECEIPT_AFTER, receipt)));
        }
        let now = Instant::now();
        while receipts.front().is_some_and(|(at, _)| *at <= now) {
            pdus.extend(receipts.pop_front().map(|(_, receipt)| receipt));
        }
        for pdu in pdus {
            // What is encoded here is made of what was decoded, and of short texts of ours.
            let _fits = pdu.encode(&mut outgoing);
        }
        stream.write_all(&outgoing).await?;
        outgoing.clear();
    }
}

/// The answer to a request, and the receipt that is to follow.
fn answer(sequence: u32, body: Body, desk: &Mutex<Desk>) -> (Option<Pdu>, Option<Pdu>) {
    let yes = |body| Some(Pdu::response(sequence, Status::ESME_ROK, body));
    match body {
        Body::BindTransceiver(_) => {
            (yes(Body::BindTransceiverResp { system_id: "load".to_owned() }), None)
        }
        Body::SubmitSm(message) => {
            let Some(number) = lock(desk).take(&message) else {
                let body = Body::SubmitSmResp { message_id: String::new() };
                return (Some(Pdu::response(sequence, Status::ESME_RTHROTTLED, body)), None);
            };
            let message_id = format!("{number:08x}");
            let wanted = message.registered_delivery & 1 != 0;
            let receipt = wanted.then(|| receipt(&message, &message_id));
            let receipt = receipt.map(|receipt| Pdu::request(number, Body::DeliverSm(receipt)));
            (yes(Body::SubmitSmResp { message_id }), receipt)
        }
        Body::EnquireLink => (yes(Body::EnquireLinkResp), None),
        Body::Unbind => (yes(Body::UnbindResp), None),
        _ => (None, None),
    }
}

impl Desk {
    /// The number that a submission gets, unless it is throttled.
    fn take(&mut self, message: &ShortMessage) -> Option<u32> {
        let now = Instant::now();
        let submitted = &mut self.submitted;
        if self.throttle.as_mut().is_some_and(|throttle| !throttle.takes(now)) {
            submitted.throttled += 1;
            return None;
        }
        submitted.taken += 1;
        submitted.last = Some(now);
        let number = submitted.taken;
        if self.throttle.is_some() {
            let one = (message.destination.digits.clone(), message.short_message.to_vec());
            self.submitted.again += u32::from(!self.seen.insert(one));
        }
        if let Some(text) = self.whole(message) {
            self.show(&String::from_utf8_lossy(&text));
        }
        Some(number)
    }

    /// The octets of a message, once all its parts are there.
    fn whole(&mut self, message: &ShortMessage) -> Option<Vec<u8>> {
        if message.esm_class & ESM_CLASS_UDHI == 0 {
            return Some(message.short_message.to_vec());
        }
        let (part, octets) = header::read(&message.short_message)?;
        let part = part?;
        let key = (message.destination.digits.clone(), part.reference);
        let parts = self.parts.entry(key.clone()).or_default();
        parts.insert(part.part, octets.to_vec());
        if parts.len() < usize::from(part.total) {
            return None;
        }
        let parts = self.parts.remove(&key)?;
        Some(parts.into_values().flatten().collect())
    }

    /// `Pay 49.90 EUR to ...`, and at the end `#123456`: both are the same in GSM 03.38 and in ASCII.
    fn show(&mut self, text: &str) {
        let amount = text.split(' ').nth(1).unwrap_or_default();
        let Some((_, code)) = text.rsplit_once('#') else {
            return;
        };
        if let Some(sender) = self.waiting.remove(amount) {
            let _gone = sender.send(code.to_owned());
        }
    }
}

fn receipt(message: &ShortMessage, id: &str) -> ShortMessage {
    let text = format!("id:{id} sub:001 dlvrd:001 stat:DELIVRD err:000 text:");
    ShortMessage {
        source: message.destination.clone(),
        destination: message.source.clone(),
        esm_class: ESM_CLASS_RECEIPT,
        short_message: text.into_bytes().into(),
        parameters: vec![Parameter::new(tag::RECEIPTED_MESSAGE_ID, format!("{id}\0"))],
        ..ShortMessage::default()
    }
}
