//! One bound session: a single task owns the connection, the window and every timer.
//!
//! Everything that must not be mixed up is decided here. A submission ends as answered, as certainly not with the
//! centre, or as in doubt, by whether its octets were written before the connection ended. What the centre has no room for
//! is submitted again before all else, at the pace that it takes.

mod deliveries;
mod outgoing;
mod pace;
mod submissions;
mod window;

use std::{fmt, sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use zeroize::{Zeroize, Zeroizing};

use self::{
    deliveries::Verdict,
    outgoing::Outgoing,
    pace::{Pace, Room},
    submissions::Submissions,
    window::{Pending, Window},
};
use super::{
    inbound::Receiver,
    pdu::{Body, Pdu, RESPONSE_BIT, ShortMessage, Unfit, first_pdu},
    settings::{SmppSettings, Validity},
    status::Status,
};
use crate::sms::validity;

/// Requests of the centre that may be in the domain's hands at once; no more is read before one of them is answered.
const MAX_DELIVERIES: usize = 64;

/// Octets that may wait to be written. Answers to a centre that asks and does not read would grow without end.
const MAX_OUTGOING_OCTETS: usize = 1_048_576;

/// Where a PDU has its sequence_number (section 3.2).
const SEQUENCE_OFFSET: usize = 12;

/// Octets read at once.
const READ_OCTETS: usize = 16_384;

/// How many times each of the timers is looked at within its time.
const TICKS_PER_TIMEOUT: u32 = 10;

/// The runtime's timers are no finer.
const MIN_TICK: Duration = Duration::from_millis(1);

/// The way into a session, for submissions.
#[derive(Clone)]
pub(super) struct Link {
    /// A place for each message that waits for an answer.
    pub(super) places: Arc<Semaphore>,
    /// For first parts. Has room for as many as the window has.
    pub(super) requests: mpsc::Sender<Submission>,
    /// For further parts, which go before the first of others: nobody reads a part.
    pub(super) further: mpsc::Sender<Submission>,
}

/// A submit_sm on its way.
pub(super) struct Submission {
    /// Without its validity_period, which is what is left when it is written.
    message: ShortMessage,
    /// When it is of no use any more.
    dies_at: Instant,
    /// Until when it may wait for being taken.
    patience: Instant,
    /// Its place among what was written, once it was.
    order: Option<u64>,
    /// Where the sender of it waits.
    outcome: oneshot::Sender<(Outcome, Place)>,
    /// Its place in the window.
    place: Place,
}

/// A place in the window; free again when this is dropped.
pub(super) type Place = OwnedSemaphorePermit;

impl Submission {
    pub(super) const fn new(
        message: ShortMessage,
        dies_at: Instant,
        patience: Instant,
        outcome: oneshot::Sender<(Outcome, Place)>,
        place: Place,
    ) -> Self {
        Self { message, dies_at, patience, order: None, outcome, place }
    }

    /// Tells the outcome, and gives the place back; the sender may have given up waiting.
    fn end(self, outcome: Outcome) {
        let _: Result<_, _> = self.outcome.send((outcome, self.place));
    }
}

/// How a submission ended.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// The centre answered; not that it has no room, unless for too long.
    Answered { status: Status, message_id: String },
    /// The centre certainly did not get it, or had no room for it.
    NotWritten(&'static str),
    /// The centre may have got it.
    InDoubt(&'static str),
    /// It is of no use any more, and was not written.
    Dead,
    /// It cannot be written.
    Unfit(Unfit),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    /// We were told to stop.
    Stopped,
    /// The centre unbound.
    Unbound,
    /// The connection closed or broke.
    Lost,
    /// The centre was silent for too long.
    Silent,
    /// The centre sent something that cannot be cut into PDUs.
    Garbage,
    /// The centre asked and did not read the answers.
    Unread,
}

/// One bound session.
pub(super) struct Session<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    received: BytesMut,
    outgoing: Outgoing,
    unflushed: bool,
    submissions: Submissions,
    window: Window,
    pace: Pace,
    receiver: Arc<Receiver>,
    deliveries: usize,
    verdicts: (mpsc::Sender<Verdict>, mpsc::Receiver<Verdict>),
    last_heard: Instant,
    enquired_at: Option<Instant>,
    closing: Option<Closing>,
    settings: Arc<SmppSettings>,
}

struct Closing {
    deadline: Instant,
    unbind_sent: bool,
}

impl<S: AsyncRead + AsyncWrite> Session<S> {
    /// A session on a bound connection, of which `received` was read already and which has used one sequence number.
    pub(super) fn new(
        stream: S,
        received: BytesMut,
        receiver: Arc<Receiver>,
        settings: Arc<SmppSettings>,
    ) -> (Self, Link) {
        let (reader, writer) = tokio::io::split(stream);
        let places = Arc::new(Semaphore::new(settings.window));
        let (first, requests) = mpsc::channel(settings.window);
        let (more, further) = mpsc::channel(settings.window);
        let link = Link { places, requests: first, further: more };
        let now = Instant::now();
        let session = Self {
            reader,
            writer,
            received,
            outgoing: Outgoing::default(),
            unflushed: false,
            submissions: Submissions::new(further, requests),
            window: Window::new(),
            pace: Pace::new(settings.max_per_second, settings.throttle_pause, now),
            receiver,
            deliveries: 0,
            verdicts: mpsc::channel(MAX_DELIVERIES),
            last_heard: now,
            enquired_at: None,
            closing: None,
            settings,
        };
        (session, link)
    }

    /// Runs until the session ends. Every submission has its outcome then.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> End {
        let end = match self.read_pdus() {
            Ok(()) => self.talk(&mut stop).await,
            Err(end) => end,
        };
        self.submissions.end().await;
        let written = match end {
            End::Stopped | End::Unbound | End::Garbage => {
                self.farewell().await;
                u64::MAX
            }
            End::Lost | End::Silent | End::Unread => self.outgoing.written(),
        };
        self.window.end(written);
        end
    }

    /// What is left to say, such as unbind_resp, is worth one try.
    async fn farewell(&mut self) {
        let Self { writer, outgoing, settings, .. } = self;
        let said = async {
            writer.write_all(outgoing.unwritten()).await?;
            writer.shutdown().await
        };
        let _: Result<_, _> = tokio::time::timeout(settings.response_timeout, said).await;
    }

    /// The life of the session: reads, writes and looks at the clock until something ends it.
    async fn talk(&mut self, stop: &mut watch::Receiver<bool>) -> End {
        let shortest = self.settings.response_timeout.min(self.settings.keepalive_after);
        let mut ticks = interval((shortest / TICKS_PER_TIMEOUT).max(MIN_TICK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.received.reserve(READ_OCTETS);
            let open = self.closing.is_none();
            let (may_take, wake) = match self.pace.room(self.window.len(), Instant::now()) {
                Room::Now(count) => (count, None),
                Room::At(time) => (0, Some(time)),
                Room::AfterAnswer => (0, None),
            };
            let may_read = self.deliveries < MAX_DELIVERIES;
            let may_write = self.unflushed || !self.outgoing.is_empty();
            let step = tokio::select! {
                read = self.reader.read_buf(&mut self.received), if may_read => match read {
                    Ok(0) | Err(_) => Err(End::Lost),
                    Ok(_) => self.heard(),
                },
                written = write_or_flush(&mut self.writer, self.outgoing.unwritten()), if may_write => match written {
                    Ok(octets) => {
                        self.outgoing.advance(octets);
                        self.unflushed = octets > 0;
                        Ok(())
                    }
                    Err(_) => Err(End::Lost),
                },
                submission = self.submissions.next(), if open && may_take > 0 => {
                    self.submit(submission);
                    for _ in 1..may_take {
                        let Some(submission) = self.submissions.next_waiting() else {
                            break;
                        };
                        self.submit(submission);
                    }
                    Ok(())
                },
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if open && wake.is_some() => Ok(()),
                Some(Verdict { sequence, status, answer }) = self.verdicts.1.recv() => {
                    self.deliveries = self.deliveries.saturating_sub(1);
                    self.say(&Pdu::response(sequence, status, answer));
                    // What was read before, and not looked at for want of room.
                    self.read_pdus()
                },
                _ = ticks.tick() => self.look_at_the_clock(),
                _ = stop.wait_for(|stop| *stop), if open => {
                    let deadline = Instant::now() + self.settings.response_timeout;
                    self.closing = Some(Closing { deadline, unbind_sent: false });
                    Ok(())
                },
            };
            if let Err(end) = step {
                return end;
            }
            self.unbind_if_done();
        }
    }

    /// The centre is there.
    fn heard(&mut self) -> Result<(), End> {
        self.last_heard = Instant::now();
        self.enquired_at = None;
        self.read_pdus()
    }

    fn read_pdus(&mut self) -> Result<(), End> {
        loop {
            if self.deliveries >= MAX_DELIVERIES {
                return Ok(());
            }
            let octets = match first_pdu(&self.received) {
                Ok(Some(octets)) => octets,
                Ok(None) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%error, "the centre sent garbage");
                    self.say(&Pdu::response(0, Status::ESME_RINVCMDLEN, Body::GenericNack));
                    return Err(End::Garbage);
                }
            };
            let (length, pdu) = (octets.len(), Pdu::decode(octets));
            // It may have been a text from a phone, with a code.
            if let Some(octets) = self.received.get_mut(..length) {
                octets.zeroize();
            }
            self.received.advance(length);
            match pdu {
                Ok(pdu) => self.answer(pdu)?,
                Err(malformed) => self.refuse(malformed),
            }
            if self.outgoing.unwritten().len() > MAX_OUTGOING_OCTETS {
                return Err(End::Unread);
            }
        }
    }

    fn answer(&mut self, pdu: Pdu) -> Result<(), End> {
        let Pdu { status, sequence, body } = pdu;
        match body {
            Body::SubmitSmResp { message_id } => {
                self.settle(sequence, Outcome::Answered { status, message_id })
            }
            Body::GenericNack => {
                // A nack that says "no error" is a no all the same.
                let status =
                    if status == Status::ESME_ROK { Status::ESME_RUNKNOWNERR } else { status };
                self.settle(sequence, Outcome::Answered { status, message_id: String::new() });
            }
            Body::DeliverSm(message) => self.deliver(sequence, message, Body::DeliverSmResp),
            Body::DataSm(message) => self.deliver(sequence, message, Body::DataSmResp),
            Body::EnquireLink => {
                self.say(&Pdu::response(sequence, Status::ESME_ROK, Body::EnquireLinkResp))
            }
            Body::Unbind => {
                self.say(&Pdu::response(sequence, Status::ESME_ROK, Body::UnbindResp));
                return Err(End::Unbound);
            }
            Body::UnbindResp if self.closing.is_some() => return Err(End::Stopped),
            // That we heard it was all that counts.
            Body::EnquireLinkResp | Body::AlertNotification | Body::Outbind => {}
            Body::UnbindResp
            | Body::BindTransceiverResp { .. }
            | Body::DeliverSmResp
            | Body::DataSmResp => {
                tracing::debug!(sequence, "an answer to nothing");
            }
            Body::BindTransceiver(_) | Body::SubmitSm(_) => {
                self.nack(sequence, Status::ESME_RINVCMDID)
            }
            Body::Other { command_id } if command_id & RESPONSE_BIT == 0 => {
                tracing::debug!(command_id, "a request that we do not know");
                self.nack(sequence, Status::ESME_RINVCMDID);
            }
            Body::Other { command_id } => {
                tracing::debug!(command_id, "an answer that we do not know")
            }
        }
        Ok(())
    }

    fn submit(&mut self, mut submission: Submission) {
        let now = Instant::now();
        if submission.outcome.is_closed() {
            return;
        }
        // Only now: a message that waited has less life left. In whole seconds, and zero would mean the centre's own.
        let left = submission.dies_at.saturating_duration_since(now);
        if left < Duration::from_secs(1) {
            return submission.end(Outcome::Dead);
        }
        if self.settings.validity == Validity::Relative {
            submission.message.validity_period = validity::relative(left);
        }
        let order = self.window.next_order();
        submission.order.get_or_insert(order);
        let mut octets = Zeroizing::new(Vec::with_capacity(512));
        let pdu = Pdu::request(0, Body::SubmitSm(std::mem::take(&mut submission.message)));
        let encoded = pdu.encode(&mut octets);
        if let Body::SubmitSm(message) = pdu.body {
            submission.message = message;
        }
        if let Err(unfit) = encoded {
            return submission.end(Outcome::Unfit(unfit));
        }
        let written_at = self.outgoing.end() + u64::try_from(octets.len()).unwrap_or(u64::MAX);
        let deadline = now + self.settings.response_timeout;
        let sequence = self.window.add(Pending { submission, written_at, deadline }).to_be_bytes();
        for (octet, value) in octets.iter_mut().skip(SEQUENCE_OFFSET).zip(sequence) {
            *octet = value;
        }
        self.outgoing.push(&octets);
        self.pace.took(now);
    }

    fn settle(&mut self, sequence: u32, outcome: Outcome) {
        let Some(Pending { submission, .. }) = self.window.take(sequence) else {
            tracing::debug!(sequence, "an answer to nothing, or too late");
            return;
        };
        let now = Instant::now();
        if let Outcome::Answered { status, .. } = &outcome {
            self.pace.answered(*status, self.window.len(), now);
            if status.is_throttling() && submission.patience > now && self.closing.is_none() {
                tracing::debug!(%status, "the centre has no room for a message yet");
                return self.submissions.put_back(submission);
            }
        }
        submission.end(outcome);
    }

    fn look_at_the_clock(&mut self) -> Result<(), End> {
        let now = Instant::now();
        self.submissions.give_up(now);
        if self.closing.as_ref().is_some_and(|closing| closing.deadline <= now) {
            return Err(End::Stopped);
        }
        if self.deliveries >= MAX_DELIVERIES {
            // The silence is ours: answers wait unread behind what the domain has in its hands.
            self.last_heard = now;
            self.enquired_at = self.enquired_at.map(|_| now);
            return Ok(());
        }
        while let Some(pending) = self.window.take_overdue(now) {
            pending.submission.end(Outcome::InDoubt("no answer in time"));
        }
        match self.enquired_at {
            Some(at) if now - at >= self.settings.response_timeout => return Err(End::Silent),
            None if now - self.last_heard >= self.settings.keepalive_after => {
                let sequence = self.window.next_sequence();
                self.say(&Pdu::request(sequence, Body::EnquireLink));
                self.enquired_at = Some(now);
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// Once we are to stop: unbinds as soon as nothing waits for an answer any more.
    fn unbind_if_done(&mut self) {
        let idle = self.window.is_empty() && self.deliveries == 0;
        if let Some(closing) = self.closing.as_mut().filter(|closing| idle && !closing.unbind_sent)
        {
            closing.unbind_sent = true;
            let sequence = self.window.next_sequence();
            self.say(&Pdu::request(sequence, Body::Unbind));
        }
    }

    fn say(&mut self, pdu: &Pdu) {
        // None of these has a field that may not fit.
        let mut octets = Vec::new();
        if pdu.encode(&mut octets).is_ok() {
            self.outgoing.push(&octets);
        }
    }
}

/// Writes some octets, or flushes when there are none: TLS may still hold what it took.
async fn write_or_flush<S: AsyncWrite>(
    writer: &mut WriteHalf<S>,
    octets: &[u8],
) -> std::io::Result<usize> {
    if octets.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write(octets).await? {
        0 => Err(std::io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "we stopped",
            Self::Unbound => "the centre unbound",
            Self::Lost => "the connection was lost",
            Self::Silent => "the centre was silent",
            Self::Garbage => "the centre sent garbage",
            Self::Unread => "the centre does not read our answers",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use countersign_domain::{
        message::{Inbound, InboxError},
        ports::Inbox,
        secret::Secret,
        testing::FakeClock,
        time::Timestamp,
    };
    use tokio::io::duplex;

    use super::*;
    use crate::smpp::{SourceAddress, forms::Forms};

    struct Nobody;

    #[async_trait::async_trait]
    impl Inbox for Nobody {
        async fn accept(&self, _: Inbound) -> Result<(), InboxError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_submission_that_was_cut_short_is_certainly_not_sent() {
        let source = SourceAddress::ShortCode("3800".to_owned());
        let settings = SmppSettings::new("centre", 2775, "me", Secret::new(String::new()), source);
        let clock = FakeClock::at(Timestamp::from_unix_seconds(0));
        let forms = Arc::new(Mutex::new(Forms::new(None)));
        let alphabet = settings.default_alphabet;
        let receiver = Receiver::new(Arc::new(Nobody), Arc::new(clock), forms, alphabet);
        // Room for one submission and a half.
        let (near, far) = duplex(250);
        let (session, link) =
            Session::new(near, BytesMut::new(), Arc::new(receiver), Arc::new(settings));
        let mut waiting = Vec::new();
        for _ in 0..2 {
            let place = Arc::clone(&link.places).acquire_owned().await.unwrap();
            let (outcome, answer) = oneshot::channel();
            let text = Zeroizing::new(vec![b'x'; 100]);
            let message = ShortMessage { short_message: text, ..ShortMessage::default() };
            let later = Instant::now() + Duration::from_secs(60);
            let submission = Submission::new(message, later, later, outcome, place);
            assert!(link.requests.try_send(submission).is_ok());
            waiting.push(answer);
        }
        let stop = watch::Sender::new(false);
        let running = tokio::spawn(session.run(stop.subscribe()));
        while link.requests.capacity() < link.requests.max_capacity() {
            tokio::task::yield_now().await;
        }
        drop(far);
        assert_eq!(running.await.unwrap(), End::Lost);
        let mut outcomes = Vec::new();
        for answer in waiting {
            outcomes.push(answer.await.unwrap().0);
        }
        let why = "the session ended";
        assert_eq!(outcomes, [Outcome::InDoubt(why), Outcome::NotWritten(why)]);
    }
}
