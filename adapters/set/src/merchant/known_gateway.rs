//! The gateway as the merchant knows it, and how the merchant learns that it has another key.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use countersign_certs::{Certificate, EndEntityKind};
use countersign_domain::time::Timestamp;

use super::{MerchantServer, authorization::question};
use crate::{
    asn1::Received,
    message::{
        certificates::{PCertReqData, PCertResTbs},
        wrapper::Message,
    },
    name::unix_time,
    protect::{Gateway, KeyOf, Signed},
    record::Question,
    trust::verify_chain,
    wire::{Failure, unwrap},
};

/// How often the gateway is asked which certificate it has, in seconds.
const EVERY_SECONDS: u32 = 3_600;
/// How soon after a question that was not answered.
const AFTER_NO_ANSWER_SECONDS: u32 = 60;
/// How soon after the last question when the gateway could not read a message.
const AFTER_DOUBT_SECONDS: u32 = 10;
/// How many keys are remembered: purchases that were named under an earlier one are still bought.
const MAX_KNOWN: usize = 4;

/// The gateway that a merchant works with.
#[derive(Debug)]
pub struct KnownGateway {
    /// Its name in its certificates.
    name: Option<String>,
    /// Its certificates to encrypt to, each with those above it, the current one first.
    chains: RwLock<Arc<Vec<Vec<Certificate>>>>,
    schedule: Mutex<Schedule>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Schedule {
    asked_at: Option<Timestamp>,
    next_at: Option<Timestamp>,
}

impl KnownGateway {
    /// The gateway of that certificate to encrypt to, which comes with those above it.
    pub fn new(chain: Vec<Certificate>) -> Self {
        Self {
            name: chain.first().and_then(Certificate::common_name),
            chains: RwLock::new(Arc::new(vec![chain])),
            schedule: Mutex::default(),
        }
    }

    fn chains(&self) -> Arc<Vec<Vec<Certificate>>> {
        Arc::clone(&self.chains.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Its certificate to encrypt to, and those above it.
    pub fn current(&self) -> Vec<Certificate> {
        self.chains().first().cloned().unwrap_or_default()
    }

    /// Whether it has, or had, that key.
    pub(crate) fn has(&self, key: &KeyOf<Gateway>) -> bool {
        let chains = self.chains();
        let mut known = chains.iter().filter_map(|chain| chain.first());
        known.any(|known| known.key_sha256() == *key.as_bytes())
    }

    /// Whether a signer bears its name.
    pub(crate) fn is_named(&self, signer: &str) -> bool {
        self.name.as_deref() == Some(signer)
    }

    /// Encrypts to that one from now on.
    fn replace(&self, chain: Vec<Certificate>) {
        let key = chain.first().map(Certificate::key_sha256);
        let others = self.chains();
        let others = others.iter().filter(|one| one.first().map(Certificate::key_sha256) != key);
        let known = std::iter::once(chain).chain(others.cloned()).take(MAX_KNOWN).collect();
        *self.chains.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }

    fn scheduled(&self, change: impl FnOnce(&mut Schedule)) {
        change(&mut self.schedule.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether it is to be asked now; it counts as asked then.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut is_due = false;
        self.scheduled(|schedule| {
            is_due = schedule.next_at.is_none_or(|next_at| now >= next_at);
            if is_due {
                let next_at = Some(now.plus_seconds(AFTER_NO_ANSWER_SECONDS));
                *schedule = Schedule { asked_at: Some(now), next_at };
            }
        });
        is_due
    }

    /// It could not process a message: it may have another key.
    fn is_doubted(&self) {
        self.scheduled(|schedule| {
            let soon = schedule.asked_at.map(|asked| asked.plus_seconds(AFTER_DOUBT_SECONDS));
            schedule.next_at = soon.min(schedule.next_at);
        });
    }
}

impl MerchantServer {
    /// Asks the gateway which certificate is to be encrypted to, when it is time to: each hour, and when it could not process a
    /// message. What it says is followed at once.
    ///
    /// # Errors
    /// When a key or the source of randomness fails; that the gateway does not answer is none.
    pub async fn follow_gateway(&self) -> Result<(), Failure> {
        let now = self.ports.clock.now();
        if !self.gateway.is_due(now) {
            return Ok(());
        }
        let asked = self.certificate_question()?;
        // Asked by itself and not by `send`, which comes here when the gateway cannot process what it is sent.
        let answered = match self.exchanged(&asked, None).await? {
            Ok(answered) => answered,
            Err(error) => {
                tracing::warn!(%error, "asking the gateway for its certificates again later");
                return Ok(());
            }
        };
        match self.certificates_in(&answered, &asked) {
            Ok(chain) => {
                let next_at = Some(now.plus_seconds(EVERY_SECONDS));
                self.gateway.scheduled(|schedule| schedule.next_at = next_at);
                if chain != self.gateway.current() {
                    tracing::info!("encrypting to another certificate of the gateway from now on");
                    self.gateway.replace(chain);
                }
            }
            Err(why) => tracing::error!(why, "the gateway's certificates are not accepted"),
        }
        Ok(())
    }

    /// After an answer that the message could not be processed.
    pub(super) async fn doubt_gateway(&self) -> Result<(), Failure> {
        self.gateway.is_doubted();
        self.follow_gateway().await
    }

    fn certificate_question(&self) -> Result<Question, Failure> {
        let (rr_tags, own) = self.tags()?;
        let data = Received::new(PCertReqData { rr_tags })?;
        let now = unix_time(self.ports.clock.now());
        let signed = Signed::sign(&data, &self.signer(), now)?;
        question(&data, &Message::PCertReq(signed), &own)
    }

    /// The certificate in an answer with those above it, if the gateway that the merchant works with has signed it, to this very
    /// question, and it is one of that gateway's to encrypt to. The error says why it is not accepted.
    fn certificates_in(
        &self,
        answered: &[u8],
        asked: &Question,
    ) -> Result<Vec<Certificate>, &'static str> {
        let (anchors, now) = (self.trust.anchors(), unix_time(self.ports.clock.now()));
        let Ok(Message::PCertRes(signed)) = unwrap(answered).map(|one| one.message) else {
            return Err("it is no answer to this question");
        };
        let (tbs, signer) = signed.verify(&anchors, now).map_err(|_| "it is not authentic")?;
        let PCertResTbs { rr_tags, h_p_cert_req, pe_certificates } = tbs.into_value();
        let receives = EndEntityKind::GatewayKeyExchange;
        let receiver = verify_chain(&anchors, &pe_certificates, now, receives);
        let receiver = receiver.map_err(|_| "its certificate cannot be trusted")?;
        let is_named = |name: Option<&str>| name.is_some_and(|name| self.gateway.is_named(name));
        let checks = [
            (is_named(signer.common_name()), "another gateway has signed it"),
            (rr_tags.rrpid.as_bytes() == asked.rrpid.0, "it is to another request"),
            (
                rr_tags.merchant_id.as_str() == self.settings.id.as_str(),
                "it is to another merchant",
            ),
            (*h_p_cert_req.as_bytes() == asked.digest.0, "it is to another content"),
            (is_named(receiver.common_name()), "its certificate is another gateway's"),
        ];
        if let Some(why) = checks.into_iter().find_map(|(fits, why)| (!fits).then_some(why)) {
            return Err(why);
        }
        let certificates = pe_certificates.as_slice().iter();
        let certificates =
            certificates.map(|one| Certificate::from_der(one.as_bytes().to_vec().into()));
        certificates.collect::<Result<_, _>>().map_err(|_| "its certificates cannot be read")
    }
}
