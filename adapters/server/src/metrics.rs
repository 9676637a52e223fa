//! What an operator watches: counters, latencies and depths, in the text form of OpenMetrics (Prometheus reads it).
//!
//! What happens is counted where it is committed, from the facts: a metric and a line in the trace cannot disagree.
//! No label holds anything of a person, and each has a small, fixed set of values.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use countersign_domain::{
    event::Event, id::MessageId, refusal::Refusal, settlement::BankOperation,
};
use countersign_store::{InUse, Inspected};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use crate::log;

/// Name and value of each label.
type Labels = Vec<(&'static str, String)>;

/// Upper bounds in seconds: from a commit to a person who looks for the phone.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

/// Messages that wait for their receipts and whose sending is remembered; of more, the oldest are not measured.
const MAX_REMEMBERED: usize = 10_000;

/// Why a connection had no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotServed {
    /// Its address has all connections that it may have.
    Address,
    /// Its address has all handshakes that it may have.
    Handshakes,
    /// Its handshake took too long.
    HandshakeTimeout,
    /// There was no TLS session.
    NoSession,
    /// It asked nothing in time.
    Silent,
    /// It could not be accepted: out of file descriptors, mostly.
    Accept,
}

impl NotServed {
    const ALL: [Self; 6] = [
        Self::Address,
        Self::Handshakes,
        Self::HandshakeTimeout,
        Self::NoSession,
        Self::Silent,
        Self::Accept,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Handshakes => "handshakes",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::NoSession => "no_session",
            Self::Silent => "silent",
            Self::Accept => "accept",
        }
    }
}

/// All metrics of one server.
pub(crate) struct Metrics {
    registry: Registry,
    challenges: Family<Labels, Counter>,
    attempts: Counter,
    limits: Family<Labels, Counter>,
    refusals: Family<Labels, Counter>,
    payments: Family<Labels, Counter>,
    messages: Family<Labels, Counter>,
    texts: Counter,
    submission: Family<Labels, Histogram>,
    receipt: Histogram,
    bank: Family<Labels, Histogram>,
    http: Family<Labels, Histogram>,
    connections: Family<Labels, Gauge>,
    not_served: Family<Labels, Counter>,
    depths: Family<Labels, Gauge>,
    stuck: Family<Labels, Gauge>,
    sms_bound: Gauge,
    store: Family<Labels, Gauge>,
    store_connections: Family<Labels, Gauge>,
    store_connections_max: Family<Labels, Gauge>,
    store_waiting: Family<Labels, Gauge>,
    /// When messages were taken over by the network. Their ids are in order of time: the first one is about the oldest.
    sent: Mutex<BTreeMap<MessageId, Instant>>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let timed =
            || Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let mut metrics = Self {
            registry: Registry::with_prefix("countersign"),
            challenges: Family::default(),
            attempts: Counter::default(),
            limits: Family::default(),
            refusals: Family::default(),
            payments: Family::default(),
            messages: Family::default(),
            texts: Counter::default(),
            submission: timed(),
            receipt: Histogram::new(BUCKETS),
            bank: timed(),
            http: timed(),
            connections: Family::default(),
            not_served: Family::default(),
            depths: Family::default(),
            stuck: Family::default(),
            sms_bound: Gauge::default(),
            store: Family::default(),
            store_connections: Family::default(),
            store_connections_max: Family::default(),
            store_waiting: Family::default(),
            sent: Mutex::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        let help = "Challenges, by outcome (started, verified, refused) and cause";
        registry.register("challenges", help, self.challenges.clone());
        registry.register("attempts", "Responses that were counted", self.attempts.clone());
        let help = "Messages that a limit refused, by the limit";
        registry.register("limits", help, self.limits.clone());
        let help = "What was asked of the codes and refused, in every flow, by reason";
        registry.register("refusals", help, self.refusals.clone());
        let help = "Payments, by outcome and cause";
        registry.register("payments", help, self.payments.clone());
        let help = "Messages to phones, by outcome";
        registry.register("messages", help, self.messages.clone());
        registry.register("inbound_texts", "Texts from phones", self.texts.clone());
        let help = "From handing a message to the network to its answer, by outcome";
        registry.register_with_unit("sms_submission", help, Unit::Seconds, self.submission.clone());
        let help = "From the network's answer to the receipt that the phone has the message";
        registry.register_with_unit("sms_receipt", help, Unit::Seconds, self.receipt.clone());
        let help = "From a question to the bank to its answer, by operation and outcome";
        registry.register_with_unit("bank", help, Unit::Seconds, self.bank.clone());
        let help = "From a request to its answer, by listener, method, route and status";
        registry.register_with_unit("http", help, Unit::Seconds, self.http.clone());
        let help = "Connections that are open, by listener";
        registry.register("connections", help, self.connections.clone());
        let help = "Connections that were refused or given up, by listener and cause";
        registry.register("connections_refused", help, self.not_served.clone());
        let help = "What is to be done now and is not yet, by kind: messages are the outbox";
        registry.register("due", help, self.depths.clone());
        let help = "Payments at which a person must look, by what the bank does not do";
        registry.register("stuck_payments", help, self.stuck.clone());
        let help = "Whether there is a session with the SMS centre";
        registry.register("sms_bound", help, self.sms_bound.clone());
        let help = "What is known of the store's file: 1 for one of running, whole, damaged";
        registry.register("store_inspection", help, self.store.clone());
        let help =
            "Connections to the database, by what for (reads, commits) and state (busy, idle)";
        registry.register("store_connections", help, self.store_connections.clone());
        let help = "Connections to the database that there may be, by what for";
        registry.register("store_connections_max", help, self.store_connections_max.clone());
        let help = "Reads that wait for a connection, and batches that wait for their commit";
        registry.register("store_waiting", help, self.store_waiting.clone());
        let help = "Lines of the log that were dropped, as they were not read in time, or could not be written";
        registry.register("log_lines_dropped", help, log::dropped().clone());
    }

    /// Counts what happened.
    pub(crate) fn happened(&self, event: &Event) {
        let challenge = |outcome, cause| count(&self.challenges, outcome, cause);
        let payment = |outcome, cause| count(&self.payments, outcome, cause);
        let message = |outcome| count(&self.messages, outcome, "");
        match event {
            Event::ChallengeStarted { .. } => {
                challenge("started", "");
                message("queued");
            }
            Event::CodeResent { .. } => message("queued_again"),
            Event::AttemptCounted { .. } => {
                self.attempts.inc();
            }
            Event::ChallengeVerified { .. } => challenge("verified", ""),
            Event::ChallengeRefused { cause } => challenge("refused", cause.name()),
            Event::PhoneBlocked { .. } => {
                challenge("blocked", "");
                message("queued");
            }
            Event::PhoneUnblocked { .. } => challenge("unblocked", ""),
            Event::MessageSent { message: id, .. } => {
                message("sent");
                self.remember(id);
            }
            Event::MessageDelivered { message: id } => {
                message("delivered");
                self.received(id);
            }
            Event::MessageFailed { message: id, .. } => {
                message("failed");
                self.forget(id);
            }
            Event::MessageUnconfirmed { message: id } => {
                message("unconfirmed");
                self.forget(id);
            }
            Event::TextReceived { .. } => {
                self.texts.inc();
            }
            Event::PaymentStarted { .. } => payment("started", ""),
            Event::PaymentAuthorized { .. } => payment("authorized", ""),
            Event::PaymentDeclined { .. } => payment("declined", ""),
            Event::PaymentAgreed => payment("agreed", ""),
            Event::CaptureAsked { .. } => payment("capture_asked", ""),
            Event::PaymentCaptured { .. } => payment("captured", ""),
            Event::CreditAsked { .. } => payment("credit_asked", ""),
            Event::PaymentCredited { .. } => payment("credited", ""),
            Event::CreditRefused { .. } => payment("credit_refused", ""),
            Event::CreditReversalAsked { .. } => payment("credit_reversal_asked", ""),
            Event::CreditReversed { .. } => payment("credit_reversed", ""),
            Event::CreditReversalRefused { .. } => payment("credit_reversal_refused", ""),
            Event::PaymentVoiding { cause } => payment("voiding", cause.name()),
            Event::PaymentVoided => payment("voided", ""),
            Event::BankRefused { operation, .. } => payment("bank_refused", operation.name()),
            Event::PaymentStuck { operation } => payment("stuck", operation.name()),
            Event::RetryAsked { operation } => payment("retry_asked", operation.name()),
            Event::PaymentSettled { settlement, .. } => payment("settled", settlement.name()),
            // Rare, and in the log.
            Event::SubscriberEntered
            | Event::SubscriberLocked
            | Event::SubscriberUnlocked
            | Event::SubscriberRemoved => {}
            // Counted as a challenge.
            Event::CodeAsked { .. } => {}
        }
    }

    /// A limit refused a batch: that of the counter of that name.
    pub(crate) fn limited(&self, counter: &str) {
        self.limits.get_or_create(&vec![("limit", counter.to_owned())]).inc();
        self.said_no(&Refusal::of_counter(counter, 0));
    }

    /// Something was refused, and there is no fact of it.
    pub(crate) fn said_no(&self, refusal: &Refusal) {
        self.refusals.get_or_create(&vec![("reason", refusal.name().to_owned())]).inc();
    }

    /// The network answered.
    pub(crate) fn submitted(&self, outcome: &'static str, took: Duration) {
        observe(&self.submission, vec![("outcome", outcome.to_owned())], took);
    }

    /// The bank answered, or did not.
    pub(crate) fn bank_asked(
        &self,
        operation: &'static str,
        outcome: &'static str,
        took: Duration,
    ) {
        let labels = vec![("operation", operation.to_owned()), ("outcome", outcome.to_owned())];
        observe(&self.bank, labels, took);
    }

    /// A request was answered; `route` is the pattern, not the path.
    pub(crate) fn answered(
        &self,
        listener: &'static str,
        method: &str,
        route: &str,
        status: u16,
        took: Duration,
    ) {
        let labels = vec![
            ("listener", listener.to_owned()),
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        observe(&self.http, labels, took);
    }

    /// A listener is there: nothing was refused by it yet, which is said, too.
    pub(crate) fn listens(&self, listener: &'static str) {
        self.connected(listener, 0);
        for cause in NotServed::ALL {
            drop(self.not_served.get_or_create(&not_served(listener, cause)));
        }
    }

    /// How many connections a listener has.
    pub(crate) fn connected(&self, listener: &'static str, count: u32) {
        let labels = vec![("listener", listener.to_owned())];
        self.connections.get_or_create(&labels).set(i64::from(count));
    }

    /// A connection was refused, or given up before its first request.
    pub(crate) fn refused(&self, listener: &'static str, cause: NotServed) {
        self.not_served.get_or_create(&not_served(listener, cause)).inc();
    }

    /// How many there are of something that is to be done now.
    pub(crate) fn due(&self, kind: &'static str, count: u64) {
        let labels = vec![("kind", kind.to_owned())];
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.depths.get_or_create(&labels).set(count);
    }

    /// How many payments are stuck at that.
    pub(crate) fn stuck(&self, operation: BankOperation, count: usize) {
        let labels = vec![("kind", operation.name().to_owned())];
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.stuck.get_or_create(&labels).set(count);
    }

    pub(crate) fn sms_bound(&self, is_bound: bool) {
        self.sms_bound.set(i64::from(is_bound));
    }

    pub(crate) fn inspected(&self, store: &Inspected) {
        let states = [
            ("running", matches!(store, Inspected::Running { .. })),
            ("whole", matches!(store, Inspected::Whole { .. })),
            ("damaged", matches!(store, Inspected::Damaged { .. })),
        ];
        for (state, is_so) in states {
            let labels = vec![("state", state.to_owned())];
            self.store.get_or_create(&labels).set(i64::from(is_so));
        }
    }

    /// The connections that a store has for that.
    pub(crate) fn in_use(&self, of: &'static str, in_use: &InUse) {
        let InUse { busy, idle, max, waiting } = *in_use;
        let with_state = |state: &str| vec![("of", of.to_owned()), ("state", state.to_owned())];
        let of = || vec![("of", of.to_owned())];
        for (family, labels, count) in [
            (&self.store_connections, with_state("busy"), busy),
            (&self.store_connections, with_state("idle"), idle),
            (&self.store_connections_max, of(), max),
            (&self.store_waiting, of(), waiting),
        ] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            family.get_or_create(&labels).set(count);
        }
    }

    /// All metrics, as `application/openmetrics-text; version=1.0.0`.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn remember(&self, id: &MessageId) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() >= MAX_REMEMBERED {
            sent.pop_first();
        }
        sent.insert(id.clone(), Instant::now());
    }

    fn forget(&self, id: &MessageId) -> Option<Instant> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    fn received(&self, id: &MessageId) {
        if let Some(at) = self.forget(id) {
            self.receipt.observe(at.elapsed().as_secs_f64());
        }
    }
}

fn not_served(listener: &'static str, cause: NotServed) -> Labels {
    vec![("listener", listener.to_owned()), ("cause", cause.name().to_owned())]
}

fn count(family: &Family<Labels, Counter>, outcome: &'static str, cause: &'static str) {
    let labels = vec![("outcome", outcome.to_owned()), ("cause", cause.to_owned())];
    family.get_or_create(&labels).inc();
}

fn observe(family: &Family<Labels, Histogram>, labels: Labels, took: Duration) {
    family.get_or_create(&labels).observe(took.as_secs_f64());
}
