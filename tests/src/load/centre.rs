//! An SMS centre that costs little: it takes every message over, confirms its delivery at once, and hands the code to
//! whoever waits for a message about that amount.

use std::{
    collections::HashMap,
    io::Result,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use countersign_channels::smpp::{
    pdu::{Body, ESM_CLASS_RECEIPT, Parameter, Pdu, ShortMessage, first_pdu, tag},
    status::Status,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

/// A centre at work; ends when dropped.
pub struct Centre {
    address: SocketAddr,
    waiting: Arc<Waiting>,
    task: JoinHandle<()>,
}

/// The payers that wait for a code, by amount as the message writes it.
#[derive(Default)]
struct Waiting(Mutex<HashMap<String, oneshot::Sender<String>>>);

impl Centre {
    /// Opens it on a free port of this machine.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let waiting = Arc::new(Waiting::default());
        let shared = Arc::clone(&waiting);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let waiting = Arc::clone(&shared);
                // A session that breaks is the client's affair: it will bind again.
                tokio::spawn(async move { serve(stream, &waiting).await });
            }
        });
        Ok(Self { address, waiting, task })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The code of the next message about that amount.
    pub fn code(&self, amount: &str) -> oneshot::Receiver<String> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(amount.to_owned(), sender);
        receiver
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, waiting: &Waiting) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut received, mut outgoing) = (Vec::new(), Vec::new());
    let mut taken = 0_u32;
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
        while let Ok(Some(octets)) = first_pdu(&received) {
            let (length, pdu) = (octets.len(), Pdu::decode(octets));
            received.drain(..length);
            let Ok(Pdu { sequence, body, .. }) = pdu else {
                continue;
            };
            for pdu in answers(sequence, body, &mut taken, waiting) {
                // What is encoded here is made of what was decoded, and of short texts of ours.
                let _fits = pdu.encode(&mut outgoing);
            }
        }
        stream.write_all(&outgoing).await?;
        outgoing.clear();
    }
}

fn answers(sequence: u32, body: Body, taken: &mut u32, waiting: &Waiting) -> Vec<Pdu> {
    let yes = |body| Pdu::response(sequence, Status::ESME_ROK, body);
    match body {
        Body::BindTransceiver(_) => {
            vec![yes(Body::BindTransceiverResp { system_id: "load".to_owned() })]
        }
        Body::SubmitSm(message) => {
            *taken += 1;
            let message_id = format!("{taken:08x}");
            waiting.show(&message);
            let receipt = receipt(&message, &message_id);
            vec![
                yes(Body::SubmitSmResp { message_id }),
                Pdu::request(*taken, Body::DeliverSm(receipt)),
            ]
        }
        Body::EnquireLink => vec![yes(Body::EnquireLinkResp)],
        Body::Unbind => vec![yes(Body::UnbindResp)],
        _ => Vec::new(),
    }
}

impl Waiting {
    /// `Pay 49.90 EUR to ...`, and at the end `#123456`: both are the same in GSM 03.38 and in ASCII.
    fn show(&self, message: &ShortMessage) {
        let text = String::from_utf8_lossy(&message.short_message);
        let amount = text.split(' ').nth(1).unwrap_or_default();
        let Some((_, code)) = text.rsplit_once('#') else {
            return;
        };
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.remove(amount) {
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
