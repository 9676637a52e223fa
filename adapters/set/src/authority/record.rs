//! What an authority keeps while somebody registers: no card, no number, no code.

use countersign_domain::{
    hex,
    id::{ChallengeId, SessionId},
    record::Stored,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{message::registration::CertReqTbs, protect::Digest};

/// A wish for a certificate whose code is waited for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Registration {
    /// The digest of the wish.
    pub(super) id: String,
    /// Of one card, request and key: what is not of it is not looked at.
    pub(super) session: SessionId,
    /// None when a limit was reached: then no code is right.
    pub(super) challenge: Option<ChallengeId>,
    pub(super) reference: String,
    pub(super) attempts_left: u8,
    pub(super) expires_at: Timestamp,
}

impl Stored for Registration {
    const COLLECTION: &'static str = "set_registration";

    fn id(&self) -> &str {
        &self.id
    }

    fn final_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Registration {
    pub(super) fn id_of(h_cert_req: &Digest<CertReqTbs>) -> String {
        hex::encode(h_cert_req.as_bytes())
    }

    pub(super) fn attempted(self) -> Self {
        Self { attempts_left: self.attempts_left.saturating_sub(1), ..self }
    }
}

/// How many codes were asked for with a card on a day.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct CodesAsked {
    /// The keyed hash of the card's number.
    card: String,
    /// Days since the Unix epoch.
    day: u64,
    count: u8,
}

impl Stored for CodesAsked {
    const COLLECTION: &'static str = "set_codes_asked";

    fn id(&self) -> &str {
        &self.card
    }

    /// With its day.
    fn final_at(&self) -> Option<Timestamp> {
        Some(end_of(self.day))
    }
}

impl CodesAsked {
    pub(super) const fn new(card: String, day: u64, count: u8) -> Self {
        Self { card, day, count }
    }

    /// When the day of that moment is over.
    pub(super) fn end_of(now: Timestamp) -> Timestamp {
        end_of(now.unix_seconds() / 86_400)
    }

    /// How many on that day.
    pub(super) const fn on(&self, day: u64) -> u8 {
        if self.day == day { self.count } else { 0 }
    }
}

const fn end_of(day: u64) -> Timestamp {
    Timestamp::from_unix_seconds(day.saturating_add(1).saturating_mul(86_400))
}
