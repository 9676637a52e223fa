//! Whether the time of a gateway's answer tells why a merchant's message is not authentic: `cargo bench -p
//! countersign-tests --bench set_timing`, on a machine that does nothing else. Fails when it does, or when it would not have
//! noticed. Takes nine minutes: each answer is waited for, several at once.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use countersign_certs::{
    Certificate, KeyPair, KeyUse, RecipientCertificate, UnixTime, cms::signed::Signer,
};
use countersign_domain::ports::Entropy as _;
use countersign_server::SystemEntropy;
use countersign_set::{
    asn1::Received,
    message::{
        authorization::{AuthReq, AuthReqTbs},
        wrapper::{Message, MessageWrapper},
    },
    protect::{Merchant, Sealed, Signed},
    testing::{Issuer, MERCHANT, Parties},
};
use countersign_tests::load::welch::{LIMIT, Samples};
use der::{Decode as _, Encode as _};
use tokio::runtime::{Builder, Runtime};

/// Samples of each comparison.
const SAMPLES: usize = 100_000;
/// Clients that ask at once. An answer is waited for some 26 ms, of which its checks take less than one.
const CLIENTS: usize = 16;
/// What the planted leak must come to.
const PLANTED: f64 = 10.0 * LIMIT;

fn main() -> ExitCode {
    let house = runtime().block_on(House::new());
    println!(
        "Welch's t as dudect does it, {SAMPLES} samples of two kinds, interleaved at random, {CLIENTS} clients"
    );
    let [tag, signature, root] = [&house.tag, &house.signature, &house.root];
    let verdicts = [
        judge("a tag that is wrong | a signature", &house.answers(tag, signature), |t| t < LIMIT),
        judge("a tag that is wrong | a foreign root", &house.answers(tag, root), |t| t < LIMIT),
        judge("a signature | a foreign root", &house.answers(signature, root), |t| t < LIMIT),
        judge("self-check, without the wait (must fail)", &house.checks(tag, root), |t| {
            t > PLANTED
        }),
    ];
    if verdicts.into_iter().all(|passed| passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn judge(what: &str, samples: &Samples, passes: impl Fn(f64) -> bool) -> bool {
    let ([first, second], t) = (samples.medians(), samples.t());
    let passed = passes(t.abs());
    let verdict = if passed { "" } else { "  FAILED" };
    println!("{what:<44} {first:>10} {second:>10} {t:>9.2}{verdict}");
    passed
}

/// A gateway, and a request for an authorization that is not authentic, each for its own reason.
struct House {
    parties: Parties,
    tag: Vec<u8>,
    signature: Vec<u8>,
    root: Vec<u8>,
}

impl House {
    async fn new() -> Self {
        let parties = Parties::new();
        let (_, progress) = parties.buy("49.90").await;
        progress.unwrap();
        let message = parties.wire.seen.lock().unwrap().first().unwrap().0.clone();
        let wrapper = MessageWrapper::from_der(&message).unwrap();
        let Message::AuthReq(AuthReq { enc, baggage }) = wrapper.message else { unreachable!() };
        let keys = &parties.gateway.keys;
        let seconds = parties.now().unix_seconds();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let honest = enc.open(&keys.exchange_keys).unwrap();
        let (tbs, _) = honest.verify(&parties.issuer.trust(), at).unwrap();
        let recipient = RecipientCertificate::new(keys.exchange.first().unwrap()).unwrap();
        let carried = |enc| {
            let message = Message::AuthReq(AuthReq { enc, baggage: baggage.clone() });
            MessageWrapper { header: wrapper.header.clone(), message }.to_der().unwrap()
        };
        let foreign = Issuer::new(parties.now(), Default::default());
        let foreign = foreign.merchant(MERCHANT, KeyUse::Signature);
        let root = carried(Sealed::seal(&signed(&tbs, &foreign, at), &recipient).unwrap());
        let signature = carried(Sealed::seal(&flipped(&honest), &recipient).unwrap());
        let tag = carried(flipped(&enc));
        Self { parties, tag, signature, root }
    }

    /// The time of whole answers.
    fn answers(&self, one: &[u8], other: &[u8]) -> Samples {
        let mut samples = Samples::default();
        thread::scope(|scope| {
            let ask = || runtime().block_on(self.asked(one, other));
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
            for (kind, nanos) in clients.into_iter().flat_map(|client| client.join().unwrap()) {
                samples.add(kind, nanos);
            }
        });
        samples
    }

    /// The times that one client sees.
    async fn asked(&self, one: &[u8], other: &[u8]) -> Vec<(bool, u64)> {
        let mut times = Vec::new();
        for kind in kinds(SAMPLES / CLIENTS) {
            let begun = Instant::now();
            self.parties.gateway.answer(if kind { other } else { one }).await.unwrap();
            times.push((kind, u64::try_from(begun.elapsed().as_nanos()).unwrap()));
        }
        times
    }

    /// The time of the checks alone.
    fn checks(&self, one: &[u8], other: &[u8]) -> Samples {
        let (trust, seconds) = (self.parties.issuer.trust(), self.parties.now().unix_seconds());
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let mut samples = Samples::default();
        for kind in kinds(SAMPLES) {
            let begun = Instant::now();
            let wrapper = MessageWrapper::from_der(if kind { other } else { one }).unwrap();
            let Message::AuthReq(request) = wrapper.message else { unreachable!() };
            let opened = request.enc.open(&self.parties.gateway.keys.exchange_keys);
            assert!(opened.ok().and_then(|signed| signed.verify(&trust, at).ok()).is_none());
            samples.add(kind, u64::try_from(begun.elapsed().as_nanos()).unwrap());
        }
        samples
    }
}

fn signed(
    tbs: &Received<AuthReqTbs>,
    (certificate, key): &(Certificate, KeyPair),
    at: UnixTime,
) -> Signed<AuthReqTbs, Merchant> {
    Signed::sign(tbs, &Signer { certificate, key, above: &[] }, at).unwrap()
}

/// The same, its last octet changed: of a tag, of a signature.
fn flipped<T: der::Encode + for<'a> der::Decode<'a, Error = der::Error>>(part: &T) -> T {
    let mut bytes = part.to_der().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    T::from_der(&bytes).unwrap()
}

/// Which of two kinds each sample is of.
fn kinds(samples: usize) -> Vec<bool> {
    let mut bytes = vec![0; samples];
    SystemEntropy::default().fill(&mut bytes).unwrap();
    bytes.into_iter().map(|byte| byte & 1 == 1).collect()
}
