//! What the time of an answer to a code and a PIN says of which was wrong. The hash of the PIN costs nothing here, so that what
//! is around it is seen: Argon2id takes its milliseconds for right and wrong alike, before anything is compared.

use std::{hint::black_box, sync::Arc};

use countersign_domain::{
    code::TypedCode,
    pin::TypedPin,
    policy::{Policy, PolicySettings, Profile},
    response::Response,
    testing::MemoryStore,
};
use countersign_server::SystemEntropy;
use countersign_tests::{
    desk::{Desk, PAYEE},
    load::welch::Samples,
};

use crate::{measure, now};

const RIGHT: &str = "283915";
const WRONG: &str = "750418";

/// How somebody answers: with the right code or not, with the right PIN, a wrong one, or none.
#[derive(Clone, Copy)]
pub(crate) struct Typed {
    code: bool,
    pin: Option<bool>,
}

impl Typed {
    pub(crate) const fn new(code: bool, pin: Option<bool>) -> Self {
        Self { code, pin }
    }

    /// What is sent, to a challenge with that code.
    fn response(self, code: String) -> Response {
        // Both kinds are made anew, so that both lie in memory in the same way.
        let wrong: String =
            code.chars().map(|digit| if digit == '1' { '2' } else { '1' }).collect();
        let typed = TypedCode::try_from(if self.code { code } else { wrong }).unwrap();
        let pin = self.pin.map(|is_right| if is_right { RIGHT } else { WRONG });
        Response::new(typed, pin.map(|pin| TypedPin::try_from(pin.to_owned()).unwrap()))
    }
}

/// Whole answers to one way and to another, to people who have a PIN, with the store in memory.
pub(crate) fn answers([one, other]: [Typed; 2]) -> Samples {
    let entropy = Arc::new(SystemEntropy::default());
    let psd2 = PolicySettings { profile: Some(Profile::Psd2), ..PolicySettings::default() };
    let policy = Policy::try_from(psd2).unwrap();
    let at_desk = |kinds: &[bool]| {
        let store = Arc::new(MemoryStore::default());
        let desk = Arc::new(Desk::open(store, entropy.clone(), policy.clone()));
        let asked = |kind: &bool| {
            let session = desk.session().unwrap();
            let challenge = now(desk.ask(&session, "49.90", PAYEE)).unwrap();
            now(desk.enter_pin(&challenge, RIGHT)).unwrap();
            let code = now(desk.read_digits(&challenge)).unwrap().unwrap();
            let response = if *kind { other } else { one }.response(code);
            (Arc::clone(&desk), challenge.id().clone(), session, response)
        };
        kinds.iter().map(asked).collect()
    };
    measure(at_desk, |(desk, challenge, session, response)| {
        let answer = now(desk.verifier.finish_challenge(&challenge, &session, response));
        let _ = black_box(answer.unwrap());
    })
}
