//! The connection to the bank's host: made, kept alive, made again; and which answer belongs to which question.

use std::{fmt, io};

use countersign_domain::ports::Clock;
use countersign_iso8583::{Field, FrameBuffer, FrameError, Message, Mti, frame};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until, timeout},
};
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::{request::transmission_time, settings::Iso8583Settings};

/// The class of messages about the connection itself: sign-on, sign-off, keys, echo tests.
const NETWORK_MANAGEMENT: u8 = 8;
/// Field 70: an echo test.
const ECHO_TEST: &str = "301";
/// Field 39 of an answer to the bank's own echo test.
const DONE: &str = "00";

/// A message to send, and where its answer goes.
pub(crate) struct Question {
    /// Tells its answer.
    pub(crate) key: Key,
    /// The bytes to send; they hold the card number.
    pub(crate) frame: Zeroizing<Vec<u8>>,
    /// Told just before the first byte is sent. When nobody waits any more, nothing is sent.
    pub(crate) started: oneshot::Sender<()>,
    /// Told the answer; dropped when the connection ends first.
    pub(crate) answer: oneshot::Sender<Message>,
}

/// What of a question its answer is found by. Hosts give the trace number and the terminal back; some put a retrieval
/// reference or a transmission time of their own beside them, or leave one out, and some round, so that the amount
/// is a matter of what was decided, not of whose answer it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Key {
    mti: Option<Mti>,
    stan: Option<String>,
    terminal: Option<String>,
    retrieval: Option<String>,
    transmitted: Option<String>,
}

impl Key {
    /// The key of the answer to a question.
    pub(crate) fn of_answer_to(question: &Message) -> Self {
        Self { mti: question.mti().response(), ..Self::of_answer(question) }
    }

    fn of_answer(answer: &Message) -> Self {
        let text = |field| answer.text(field).map(|text| text.trim_end().to_owned());
        Self {
            mti: Some(answer.mti().first()),
            stan: text(Field::STAN),
            terminal: text(Field::TERMINAL),
            retrieval: text(Field::RETRIEVAL_REFERENCE),
            transmitted: text(Field::TRANSMISSION_TIME),
        }
    }

    /// Whether an answer with that key can be the answer, and how surely. The retrieval reference or the transmission time
    /// is that of the question, or there is neither: one that has others answers another question of the same trace number.
    fn is_answered_by(&self, answer: &Self) -> Option<Match> {
        let other_terminal = answer.terminal.is_some() && answer.terminal != self.terminal;
        if self.mti != answer.mti || self.stan != answer.stan || other_terminal {
            return None;
        }
        if answer.retrieval.is_some() && self.retrieval == answer.retrieval {
            return Some(Match::ByRetrieval);
        }
        let timely = answer.transmitted.is_some() && self.transmitted == answer.transmitted;
        let bare = answer.retrieval.is_none() && answer.transmitted.is_none();
        (timely || bare).then_some(Match::ByTraceNumber)
    }
}

/// How surely an answer belongs to a question.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum Match {
    /// By the six digits of the trace number, and what else the host gave back.
    ByTraceNumber,
    /// By the retrieval reference, which has some 60 random bits.
    ByRetrieval,
}

/// Type, trace number and retrieval reference, for logs.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mti = self.mti.map(|mti| mti.to_string());
        for (name, value) in [("mti", &mti), (" stan", &self.stan), (" retrieval", &self.retrieval)]
        {
            write!(f, "{name} {}", value.as_deref().unwrap_or("none"))?;
        }
        Ok(())
    }
}

/// Keeps a connection up until it is told to stop.
pub(crate) async fn keep(
    settings: &Iso8583Settings,
    clock: &dyn Clock,
    questions: &mut mpsc::Receiver<Question>,
    mut stop: watch::Receiver<bool>,
) {
    let mut pause = settings.reconnect_pause;
    let (host, port) = (settings.host.as_str(), settings.port);
    while !*stop.borrow() {
        let connected = tokio::select! {
            connected = connect(settings) => connected,
            () = stopped(&mut stop) => break,
        };
        match connected {
            Ok(stream) => {
                info!(host, port, "connected to the bank");
                let mut connection = Connection::new(stream, settings, clock);
                let Err(end) = connection.serve(questions, &mut stop).await else {
                    give_back(questions).await;
                    return connection.drain().await;
                };
                warn!(host, port, %end, in_flight = connection.in_flight(), "the connection to the bank ended");
                // A host that spoke is a good one: the next failure starts from the shortest pause again.
                if connection.has_heard {
                    pause = settings.reconnect_pause;
                }
            }
            Err(end) => warn!(host, port, %end, "the bank cannot be reached"),
        }
        let _: Result<_, _> = timeout(pause, stopped(&mut stop)).await;
        pause = pause.saturating_mul(2).min(settings.max_reconnect_pause);
    }
    give_back(questions).await;
}

/// Tells the callers of what waits to be sent, and of what may still come, that it never will be sent.
async fn give_back(questions: &mut mpsc::Receiver<Question>) {
    questions.close();
    while questions.recv().await.is_some() {}
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The sender is the driver's own: it cannot be gone.
    let _: Result<_, _> = stop.wait_for(|stop| *stop).await;
}

async fn connect(settings: &Iso8583Settings) -> Result<TcpStream, End> {
    let address = (settings.host.as_str(), settings.port);
    let stream = timeout(settings.connect_timeout, TcpStream::connect(address)).await;
    let stream = stream.map_err(|_| End::Slow("accept the connection"))??;
    // A question is one small packet; to wait for more of it would only be late.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection, and the questions that wait for an answer on it.
struct Connection<'a> {
    stream: TcpStream,
    buffer: FrameBuffer,
    waiting: Vec<(Key, oneshot::Sender<Message>)>,
    settings: &'a Iso8583Settings,
    clock: &'a dyn Clock,
    echoes: u32,
    has_heard: bool,
}

impl<'a> Connection<'a> {
    fn new(stream: TcpStream, settings: &'a Iso8583Settings, clock: &'a dyn Clock) -> Self {
        Self {
            stream,
            buffer: FrameBuffer::new(),
            waiting: Vec::new(),
            settings,
            clock,
            echoes: 0,
            has_heard: false,
        }
    }

    /// Sends questions and hands answers over until the connection ends; `Ok` when it was told to stop.
    async fn serve(
        &mut self,
        questions: &mut mpsc::Receiver<Question>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), End> {
        let mut silence = Silence::Quiet;
        let mut until = Instant::now() + self.settings.keepalive_after;
        loop {
            tokio::select! {
                question = questions.recv() => match question {
                    Some(question) => self.send_question(question).await?,
                    None => return Ok(()),
                },
                read = self.stream.read_buf(self.buffer.unfilled()) => {
                    if read? == 0 {
                        return Err(End::Closed);
                    }
                    // From a stream that is out of step only what cannot be read comes.
                    if self.take_messages().await? == Sense::Made {
                        silence = Silence::Quiet;
                        until = Instant::now() + self.settings.keepalive_after;
                    }
                }
                () = stopped(stop) => return Ok(()),
                () = sleep_until(until) => match silence {
                    Silence::Quiet => {
                        self.send_echo_test().await?;
                        silence = Silence::Suspicious;
                        until = Instant::now() + self.settings.response_timeout;
                    }
                    Silence::Suspicious => return Err(End::Slow("answer the echo test")),
                },
            }
        }
    }

    /// Waits for the answers to the questions in flight, no longer than each of them waits.
    async fn drain(&mut self) {
        let patience = self.settings.response_timeout;
        let answered = async {
            while self.in_flight() > 0 {
                if self.stream.read_buf(self.buffer.unfilled()).await? == 0 {
                    return Err(End::Closed);
                }
                self.take_messages().await?;
            }
            Ok(())
        };
        if !matches!(timeout(patience, answered).await, Ok(Ok(()))) {
            warn!(in_flight = self.in_flight(), "stopped without the bank's answers");
        }
    }

    async fn send_question(&mut self, question: Question) -> Result<(), End> {
        let Question { key, frame, started, answer } = question;
        if started.send(()).is_err() {
            return Ok(());
        }
        // A caller that gave up leaves a sender behind; there are never more of them than questions in flight.
        self.waiting.retain(|(_, answer)| !answer.is_closed());
        self.waiting.push((key, answer));
        self.send(&frame).await
    }

    async fn send(&mut self, frame: &[u8]) -> Result<(), End> {
        let written = timeout(self.settings.response_timeout, self.stream.write_all(frame)).await;
        Ok(written.map_err(|_| End::Slow("read"))??)
    }

    /// Handles every message that is whole. One that cannot be read harms no other: whoever waits for it asks again.
    async fn take_messages(&mut self) -> Result<Sense, End> {
        let mut sense = Sense::Made;
        while let Some(bytes) = self.buffer.next_frame()? {
            let message = match Message::read(&bytes) {
                Ok(message) => message,
                Err(error) => {
                    warn!(%error, bytes = bytes.len(), "discarded what is no message of the bank");
                    sense = Sense::Lost;
                    continue;
                }
            };
            self.has_heard = true;
            match (message.mti().class(), message.mti().is_response()) {
                (NETWORK_MANAGEMENT, false) => self.answer_network(&message).await?,
                // Any message shows that the host is there; what an echo test is answered with says no more.
                (NETWORK_MANAGEMENT, true) => {}
                _ => self.hand_over(&message),
            }
        }
        Ok(sense)
    }

    /// Gives an answer to the callers of the question that it answers. Two may have asked the same at once: both get it.
    fn hand_over(&mut self, answer: &Message) {
        let key = Key::of_answer(answer);
        let matches =
            self.waiting.iter().filter_map(|(asked, _)| Some((asked.is_answered_by(&key)?, asked)));
        let Some((surest, question)) = matches.clone().max_by(|(a, _), (b, _)| a.cmp(b)) else {
            warn!(%key, "discarded a message of the bank that answers no question in flight");
            return;
        };
        if matches.clone().any(|(how, asked)| how == surest && asked != question) {
            warn!(%key, "discarded a message of the bank that may answer several questions in flight");
            return;
        }
        let question = question.clone();
        for (_, waiting) in self.waiting.extract_if(.., |(asked, _)| *asked == question) {
            // A caller that gave up since then does not want it; that is no error.
            let _ = waiting.send(answer.clone());
        }
    }

    async fn answer_network(&mut self, request: &Message) -> Result<(), End> {
        let echoed = [
            Field::TRANSMISSION_TIME,
            Field::STAN,
            Field::ACQUIRER,
            Field::RETRIEVAL_REFERENCE,
            Field::NETWORK_MANAGEMENT_CODE,
        ];
        let answer = request
            .response(&echoed)
            .and_then(|answer| answer.with(Field::RESPONSE_CODE, DONE).ok());
        match answer {
            Some(answer) => self.send(&frame(&answer)).await,
            None => Ok(()),
        }
    }

    async fn send_echo_test(&mut self) -> Result<(), End> {
        self.echoes = self.echoes % 999_999 + 1;
        let test = transmission_time(self.clock.now()).ok().and_then(|now| {
            let test =
                Message::new(Mti::NETWORK_REQUEST).with(Field::TRANSMISSION_TIME, now).ok()?;
            let test = test.with(Field::STAN, format!("{:06}", self.echoes)).ok()?;
            test.with(Field::NETWORK_MANAGEMENT_CODE, ECHO_TEST).ok()
        });
        let test = test.ok_or(End::Clock)?;
        self.send(&frame(&test)).await
    }

    /// How many questions wait for an answer.
    fn in_flight(&self) -> usize {
        self.waiting.iter().filter(|(_, answer)| !answer.is_closed()).count()
    }
}

/// How far the suspicion goes that the host is gone.
enum Silence {
    /// It has not been silent for long.
    Quiet,
    /// It was silent, and was sent an echo test.
    Suspicious,
}

/// Whether all that was read could be read as messages.
#[derive(Eq, PartialEq)]
enum Sense {
    /// It could, or nothing was whole yet.
    Made,
    /// Something could not.
    Lost,
}

/// Why a connection ended.
#[derive(Debug, Error)]
enum End {
    #[error("the bank closed it")]
    Closed,
    #[error("the bank did not {0} in time")]
    Slow(&'static str),
    #[error("what the bank sends is out of step: {0}")]
    Garbage(#[from] FrameError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the clock's time cannot be told in field 7")]
    Clock,
}
