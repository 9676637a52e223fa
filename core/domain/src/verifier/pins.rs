//! PINs beside codes. A PIN is hashed and compared whether or not the code is right, and one answer is given for either being
//! wrong, so that neither answer nor time says which was (RTS art. 4(3)(a)).

use std::sync::Arc;

use super::Verifier;
use crate::{
    agreement::Agreement,
    challenge::{Attempt, Challenge, Transition, Verified},
    element::{Element, are_independent},
    error::Error,
    invalid::{Field, InvalidInput},
    pin::{NewPin, Pin, PinDemand, PinError, PinFrom, PinHasher, TypedPin},
    policy::{Policy, Profile},
    record::{Batch, Versioned},
    refusal::Outcome,
    response::Response,
    secret::Secret,
    time::Timestamp,
};

/// A hash of what was typed, and the salt that it was made with.
struct Hashed {
    salt: [u8; 16],
    hash: Secret<[u8; 32]>,
}

impl Policy {
    /// Whether a PIN is asked for beside the code of that, which may open an account from which payments are made.
    pub(super) const fn pin_of(&self, agreement: &Agreement, opens_account: bool) -> PinDemand {
        let is_of_psd2 = match agreement {
            Agreement::Payment { .. } => true,
            Agreement::Access { .. } => opens_account,
            Agreement::Certificate { .. } | Agreement::Document(_) => false,
        };
        match (self.limits().profile, self.limits().pin_from) {
            (Some(Profile::Psd2), PinFrom::Enrolment) if is_of_psd2 => PinDemand::Ask,
            (Some(Profile::Psd2), PinFrom::Code) if is_of_psd2 => PinDemand::AskOrSet,
            (Some(Profile::Psd2) | None, PinFrom::Enrolment | PinFrom::Code) => PinDemand::No,
        }
    }
}

impl Verifier {
    /// PINs are hashed by that.
    #[must_use]
    pub fn with_pins(mut self, hasher: Arc<dyn PinHasher>) -> Self {
        self.pins = Some(hasher);
        self
    }

    /// A new PIN is for a challenge that lets a person set one.
    pub(super) fn must_be_settable(
        challenge: &Challenge,
        response: &Response,
    ) -> Result<(), InvalidInput> {
        match (challenge.pin(), &response.new_pin) {
            (PinDemand::No | PinDemand::Ask, Some(_)) => {
                Err(InvalidInput::new(Field::NewPin, "cannot be set here"))
            }
            (PinDemand::No | PinDemand::Ask, None) | (PinDemand::AskOrSet, _) => Ok(()),
        }
    }

    /// Draws the conclusion of a counted response, of which `code_is_right` is known.
    pub(super) async fn conclude_response(
        &self,
        counted: Versioned<Challenge>,
        attempt: Attempt,
        code_is_right: bool,
        response: &Response,
    ) -> Result<Outcome<Verified>, Error> {
        let conclude = |challenge: Challenge, right: bool, elements: Vec<Element>, now| {
            challenge.conclude_with(attempt, right, elements, now)
        };
        match (counted.value.pin(), &response.new_pin) {
            (PinDemand::No, _) => {
                let conclude =
                    |challenge, now| conclude(challenge, code_is_right, vec![Element::Phone], now);
                self.conclude(counted, conclude).await
            }
            (PinDemand::AskOrSet, Some(pin)) => {
                self.set_pin(counted, attempt, code_is_right, pin).await
            }
            (PinDemand::Ask | PinDemand::AskOrSet, _) => {
                let conclude = |challenge, pin: Option<Element>, now| {
                    // The phone twice is one element, and takes as long to look at as two.
                    let elements = [Element::Phone, pin.unwrap_or(Element::Phone)];
                    let right = are_independent(&elements) & code_is_right;
                    let proved = if right { elements.to_vec() } else { Vec::new() };
                    conclude(challenge, right, proved, now)
                };
                self.conclude_pin(counted, code_is_right, response.pin.as_ref(), conclude).await
            }
        }
    }

    /// The conclusion of a response with a PIN; its failures are counted in the same batch, compared with the version that they
    /// were read in, so that of many at once none is answered uncounted.
    pub(super) async fn conclude_pin(
        &self,
        counted: Versioned<Challenge>,
        code_is_right: bool,
        typed: Option<&TypedPin>,
        conclusion: impl Fn(Challenge, Option<Element>, Timestamp) -> Transition<Verified>,
    ) -> Result<Outcome<Verified>, Error> {
        let id = Pin::id_of(counted.value.person());
        let hashed = self.hashed(&id, typed).await?;
        let (id, hashed, conclusion) = (id.as_str(), hashed.as_ref(), &conclusion);
        let change = |found: Versioned<Challenge>| async move {
            let now = self.ports.clock.now();
            let mut batch = Batch::default();
            let mut proved = None;
            if let (Some(pin), Some(Hashed { salt, hash })) =
                (self.ports.store.find::<Pin>(id).await?, hashed)
            {
                proved = pin.value.proves(*salt, hash);
                // Written in any case: what a right code alone costs in time would tell that it is right.
                let right = proved.is_some();
                let tried = |pin: Pin| if code_is_right { pin.tried(right) } else { pin };
                batch.replace(&pin.map(tried))?;
            }
            let before = found.clone();
            let transition = conclusion(found.value, proved, now);
            let outcome = self.add_conclusion(&before, transition, now, &mut batch).await?;
            Ok((batch, outcome))
        };
        self.ports.store.change_found(counted, change).await
    }

    /// Sets a PIN with a right code. It ends the challenge without a proof: a PIN that came into being by the code is no second
    /// element beside that code.
    async fn set_pin(
        &self,
        counted: Versioned<Challenge>,
        attempt: Attempt,
        code_is_right: bool,
        pin: &NewPin,
    ) -> Result<Outcome<Verified>, Error> {
        let id = Pin::id_of(counted.value.person());
        let change = |found: Versioned<Challenge>| {
            let id = id.clone();
            async move {
                let now = self.ports.clock.now();
                let mut batch = Batch::default();
                let (hasher, entropy) = (self.hasher()?, self.ports.entropy.as_ref());
                // Before the code is looked at, so that both answers take the same time.
                let set = Pin::set(id.clone(), pin, PinFrom::Code, hasher, entropy).await?;
                let challenge = found.clone();
                let transition = match code_is_right {
                    true => found.value.conclude_pin_set(now),
                    false => found.value.conclude(attempt, false, now),
                };
                if code_is_right && matches!(transition, Transition::Ended(..)) {
                    let before = self.ports.store.find::<Pin>(&id).await?;
                    batch.put(before.map(|before| before.version), set)?;
                }
                let outcome = self.add_conclusion(&challenge, transition, now, &mut batch).await?;
                Ok((batch, outcome))
            }
        };
        self.ports.store.change_found(counted, change).await
    }

    /// Hashes what was typed, for a person who has no PIN, too. `None` when nothing was typed.
    async fn hashed(&self, id: &str, typed: Option<&TypedPin>) -> Result<Option<Hashed>, Error> {
        let Some(typed) = typed else { return Ok(None) };
        let kept = self.ports.store.find::<Pin>(id).await?;
        let salt = kept.and_then(|kept| kept.value.salt()).unwrap_or_default();
        let hash = self.hasher()?.hash(typed, salt).await?;
        Ok(Some(Hashed { salt, hash }))
    }

    fn hasher(&self) -> Result<&dyn PinHasher, Error> {
        let none = || PinError { cause: "nothing hashes PINs here".to_owned() };
        Ok(self.pins.as_deref().ok_or_else(none)?)
    }
}
