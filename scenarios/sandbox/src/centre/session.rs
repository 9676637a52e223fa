//! One connection with the centre, from its bind to its end.

use std::{collections::HashMap, time::Duration};

use countersign_channels::smpp::{
    pdu::{Bind, Body, MAX_SEQUENCE, Malformed, Pdu, RESPONSE_BIT, ShortMessage, first_pdu},
    status::Status,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{Mailbox, Shared};

/// How the centre names itself.
const SYSTEM_ID: &str = "sandbox";

/// How long a bind is waited for, and a client that does not read.
const PATIENCE: Duration = Duration::from_secs(10);

/// After how long a silence the client is asked whether it is there, and after how long it is given up.
const ENQUIRE_AFTER: Duration = Duration::from_secs(60);
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// How often the clock is looked at, and what has to be delivered again.
const TICK: Duration = Duration::from_millis(100);

/// How long after a temporary refusal a delivery is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Deliveries that may wait for an answer.
const WINDOW: usize = 10;

/// Why a session ended.
#[derive(Debug)]
pub(super) enum End {
    Closed,
    NotBound,
    Unbound,
    Silent,
    Garbage,
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self::Closed
    }
}

/// Speaks with one client until the end. What was delivered and not confirmed goes to the account's next session.
pub(super) async fn run(shared: &Shared, stream: TcpStream) -> End {
    let mut session = Session {
        shared,
        stream,
        received: Vec::new(),
        outgoing: Vec::new(),
        mailbox: None,
        unconfirmed: HashMap::new(),
        next_sequence: 1,
        begun: Instant::now(),
        last_heard: Instant::now(),
        enquired: false,
    };
    let end = session.talk().await;
    let _: Result<_, _> = session.flush().await;
    if let Some(mailbox) = session.mailbox {
        for message in session.unconfirmed.into_values() {
            mailbox.put(message);
        }
    }
    end
}

struct Session<'a> {
    shared: &'a Shared,
    stream: TcpStream,
    received: Vec<u8>,
    outgoing: Vec<u8>,
    /// The account's, once it has bound.
    mailbox: Option<&'a Mailbox>,
    unconfirmed: HashMap<u32, ShortMessage>,
    next_sequence: u32,
    begun: Instant,
    last_heard: Instant,
    enquired: bool,
}

impl Session<'_> {
    async fn talk(&mut self) -> End {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mailbox = self.mailbox;
            let filled = async {
                match mailbox {
                    Some(mailbox) => mailbox.filled.notified().await,
                    None => std::future::pending().await,
                }
            };
            let step = tokio::select! {
                read = self.stream.read_buf(&mut self.received) => match read {
                    Ok(0) | Err(_) => Err(End::Closed),
                    Ok(_) => self.read_pdus(),
                },
                () = filled => Ok(()),
                _ = ticks.tick() => self.look_at_the_clock(),
            };
            if let Err(end) = step {
                return end;
            }
            self.deliver();
            if let Err(end) = self.flush().await {
                return end;
            }
        }
    }

    fn read_pdus(&mut self) -> Result<(), End> {
        (self.last_heard, self.enquired) = (Instant::now(), false);
        loop {
            let (length, pdu) = match first_pdu(&self.received) {
                Ok(Some(octets)) => (octets.len(), Pdu::decode(octets)),
                Ok(None) => return Ok(()),
                Err(error) => {
                    tracing::debug!(%error, "a client of the centre sent garbage");
                    self.respond(0, Status::ESME_RINVCMDLEN, Body::GenericNack);
                    return Err(End::Garbage);
                }
            };
            self.received.drain(..length);
            match pdu {
                Ok(pdu) => self.answer(pdu)?,
                Err(Malformed { command_id, sequence, .. }) => {
                    if command_id & RESPONSE_BIT == 0 {
                        self.respond(sequence, Status::ESME_RINVCMDLEN, Body::GenericNack);
                    }
                }
            }
        }
    }

    fn answer(&mut self, pdu: Pdu) -> Result<(), End> {
        let Pdu { status, sequence, body } = pdu;
        match body {
            Body::BindTransceiver(bind) => return self.bind(sequence, &bind),
            Body::SubmitSm(message) => self.submit(sequence, message),
            Body::DeliverSmResp => self.confirmed(sequence, status),
            Body::EnquireLink => self.respond(sequence, Status::ESME_ROK, Body::EnquireLinkResp),
            Body::Unbind => {
                self.respond(sequence, Status::ESME_ROK, Body::UnbindResp);
                return Err(End::Unbound);
            }
            other if other.command_id() & RESPONSE_BIT == 0 => {
                self.respond(sequence, Status::ESME_RINVCMDID, Body::GenericNack);
            }
            _ => {}
        }
        Ok(())
    }

    fn bind(&mut self, sequence: u32, bind: &Bind) -> Result<(), End> {
        let known = self.shared.mailbox(&bind.system_id);
        let status = match known {
            _ if self.mailbox.is_some() => Status::ESME_RALYBND,
            None => Status::ESME_RINVSYSID,
            Some(mailbox) if mailbox.account.password != *bind.password => Status::ESME_RINVPASWD,
            Some(_) => Status::ESME_ROK,
        };
        let answer = Body::BindTransceiverResp { system_id: SYSTEM_ID.to_owned() };
        self.respond(sequence, status, answer);
        if self.mailbox.is_some() {
            return Ok(());
        }
        self.mailbox = known.filter(|_| status == Status::ESME_ROK);
        if self.mailbox.is_some() { Ok(()) } else { Err(End::NotBound) }
    }

    fn submit(&mut self, sequence: u32, message: ShortMessage) {
        let Some(mailbox) = self.mailbox else {
            let refusal = Body::SubmitSmResp { message_id: String::new() };
            return self.respond(sequence, Status::ESME_RINVBNDSTS, refusal);
        };
        let system_id = &mailbox.account.system_id;
        let submitted = self.shared.network().submit(system_id, message, Instant::now());
        match submitted {
            Ok((message_id, report)) => {
                self.respond(sequence, Status::ESME_ROK, Body::SubmitSmResp { message_id });
                self.shared.report(report.into_iter().collect());
            }
            Err(status) => {
                self.respond(sequence, status, Body::SubmitSmResp { message_id: String::new() });
            }
        }
    }

    /// Sends what waits for the account, as far as the window goes.
    fn deliver(&mut self) {
        while self.unconfirmed.len() < WINDOW {
            let Some(message) = self.mailbox.and_then(Mailbox::take) else {
                return;
            };
            let sequence = self.request(Body::DeliverSm(message.clone()));
            self.unconfirmed.insert(sequence, message);
        }
    }

    fn confirmed(&mut self, sequence: u32, status: Status) {
        let message = self.unconfirmed.remove(&sequence).filter(|_| status.is_temporary());
        if let (Some(message), Some(mailbox)) = (message, self.mailbox) {
            mailbox.put_again(message, RETRY_PAUSE);
        }
    }

    fn look_at_the_clock(&mut self) -> Result<(), End> {
        if self.mailbox.is_none() && self.begun.elapsed() > PATIENCE {
            return Err(End::NotBound);
        }
        let silent_for = self.last_heard.elapsed();
        if silent_for > GIVE_UP_AFTER {
            return Err(End::Silent);
        }
        if silent_for > ENQUIRE_AFTER && !self.enquired {
            self.request(Body::EnquireLink);
            self.enquired = true;
        }
        Ok(())
    }

    fn request(&mut self, body: Body) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = sequence % MAX_SEQUENCE + 1;
        self.say(&Pdu::request(sequence, body));
        sequence
    }

    fn respond(&mut self, sequence: u32, status: Status, body: Body) {
        self.say(&Pdu::response(sequence, status, body));
    }

    fn say(&mut self, pdu: &Pdu) {
        if let Err(error) = pdu.encode(&mut self.outgoing) {
            tracing::warn!(%error, "the centre cannot say what it wants to");
        }
    }

    async fn flush(&mut self) -> Result<(), End> {
        let written = timeout(PATIENCE, self.stream.write_all(&self.outgoing)).await;
        self.outgoing.clear();
        Ok(written.map_err(|_| End::Silent)??)
    }
}
