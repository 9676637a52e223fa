//! A registration in which one message, or what is signed or encrypted in it, is overwritten before it is signed and
//! encrypted: by an applicant with a good key, or on the way back. Whatever comes, the authority answers, and never that it
//! is its own fault; and nobody is certified without the code, no merchant without the operator.
#![no_main]

use std::{cell::RefCell, sync::LazyLock, time::Duration};

use countersign_certs::{
    KeyKind, KeyPair, RecipientCertificate, UnixTime,
    cms::{
        sealed,
        signed::{self, Form, Signer},
    },
    to_self_certified,
};
use countersign_set::{
    applicant::{Invitation, Registrant, business::Business},
    message::{
        failure::{ErrorCode, ErrorMessage},
        registration::{CertInqReqTbs, CertReqTbs, CertSubject, ExchangeKeyTbs},
        wrapper::{Message, MessageWrapper},
    },
    table::{CONTENT_TYPES, Content},
    testing::{business::merchant, registration::Registry},
};
use der::{Decode, Encode};
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    // What is not authentic is answered after a wait, which costs nothing here.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime")
});

/// How many registrations an authority sees before another is built: no more codes are asked for with one card in a day.
const REGISTRATIONS: u32 = 5;

/// Where something can be overwritten: first of a cardholder, from [`OF_MERCHANT`] on of a merchant.
const LAYERS: u8 = 15;
const OF_MERCHANT: u8 = 10;

thread_local! {
    static AUTHORITY: RefCell<(u32, Registry)> = RefCell::new((0, new()));
}

fn new() -> Registry {
    let registry = Registry::new(KeyKind::P256);
    RUNTIME.block_on(registry.enrol());
    registry
}

libfuzzer_sys::fuzz_target!(|input: (u8, u16, &[u8])| {
    let (layer, at, with) = input;
    AUTHORITY.with_borrow_mut(|(registrations, registry)| {
        *registrations += 1;
        if *registrations > REGISTRATIONS {
            (*registrations, *registry) = (0, new());
        }
        let registrant = registry.registrant();
        let attack = Attack { registry, registrant, layer: layer % LAYERS, at: at.into(), with };
        RUNTIME.block_on(attack.run());
        // Where the code itself is overwritten, it may be the right one.
        assert!(layer % LAYERS == 5 || registry.register.count() == 0, "nobody has typed the code");
    });
});

struct Attack<'a> {
    registry: &'a Registry,
    registrant: Registrant,
    /// Where it is overwritten.
    layer: u8,
    at: usize,
    with: &'a [u8],
}

impl Attack<'_> {
    /// Ends early where the applicant refuses what was overwritten.
    async fn run(&self) -> Option<()> {
        if self.layer == 0 {
            self.answered(self.with).await;
            return None;
        }
        if self.layer >= OF_MERCHANT {
            return self.run_merchant().await;
        }
        let (registry, registrant) = (self.registry, &self.registrant);
        let (entropy, now) = (&registry.entropy, registry.now());
        let wake_up = registry.authority.wake_up().expect("an initiation");
        let invitation = Invitation::read(&wake_up, &registrant.trust, now).expect("ours");
        let (message, begun) = invitation.begin(entropy, now).expect("a CardCInitReq");
        let answer = self.answered(&self.over(1, message)).await;
        let introduced = begun.accept(&self.over(7, answer), registrant, now).ok()?;

        let (message, asked) = introduced.ask_form(registrant, entropy, now).expect("a form");
        let answer = self.answered(&self.form_asked(&message)?).await;
        let form = asked.accept(&self.over(8, answer), registrant, now).ok()?;

        let request = form.request(registrant, entropy, now);
        let (message, asked, registration) = request.expect("a CertReq");
        let answer = self.answered(&self.remade(&message)?).await;
        registration.answer(&asked, &self.over(9, answer), registrant, now).ok()?;

        let (message, _) = registration.prove("000000", registrant, entropy, now).expect("a code");
        self.answered(&self.remade(&message)?).await;
        Some(())
    }

    async fn run_merchant(&self) -> Option<()> {
        let (registry, now) = (self.registry, self.registry.now());
        let (entropy, business) = (&registry.entropy, registry.business(merchant("dupont")));
        let wake_up = registry.authority.wake_up().expect("an initiation");
        let invitation = Invitation::read(&wake_up, &business.trust, now).expect("ours");
        let (message, introducing) =
            invitation.introduce(&business, entropy, now).expect("a Me-AqCInitReq");
        let answer = self.answered(&self.over(10, message)).await;
        let form = introducing.accept(&self.over(11, answer), &business, now).ok()?;
        let (message, asked, waiting) = form.request(&business, entropy, now).expect("a CertReq");
        let answer = self.answered(&self.remade_wish(&business, &message)?).await;
        waiting.answer(&asked, &self.over(14, answer), &business, now).ok()?;
        let (message, _) = waiting.inquire(&business, entropy, now).expect("a CertInqReq");
        self.answered(&message).await;
        Some(())
    }

    /// A merchant's wish, signed by its new keys over what is overwritten.
    fn remade_wish(&self, business: &Business, message: &[u8]) -> Option<Vec<u8>> {
        let mut wrapper = MessageWrapper::from_der(message).expect("ours");
        let keys = &self.registry.authority.keys.exchange_keys;
        if let Message::CertReq(request) = &mut wrapper.message {
            let (tbs, _) = request.open(keys).expect("ours").verify_new_key().expect("ours");
            let mut tbs = tbs.into_value();
            if let CertSubject::Business(wish) = &mut tbs.subject {
                let (belongs, _) = wish.exchange_key.verify_new_key().expect("ours");
                let belongs = self.over(12, belongs.as_bytes().to_vec());
                let key = &business.exchange_key;
                let signed = self.signed::<ExchangeKeyTbs>(key, &belongs);
                wish.exchange_key = Decode::from_der(&signed).ok()?;
            }
            let tbs = self.over(13, tbs.to_der().ok()?);
            let signed = self.signed::<CertReqTbs>(&business.key, &tbs);
            *request = Decode::from_der(&self.sealed(&signed)).ok()?;
        }
        wrapper.to_der().ok()
    }

    /// Overwrites, if this is the layer.
    fn over(&self, layer: u8, mut bytes: Vec<u8>) -> Vec<u8> {
        if layer == self.layer && !bytes.is_empty() {
            let at = self.at % bytes.len();
            for (byte, with) in bytes.iter_mut().skip(at).zip(self.with) {
                *byte = *with;
            }
        }
        bytes
    }

    /// An answer that can be read, and does not blame the one who gives it.
    async fn answered(&self, message: &[u8]) -> Vec<u8> {
        let answer = self.registry.authority.answer(message).await.expect("an answer");
        let code = match MessageWrapper::from_der(&answer).expect("what was written").message {
            Message::Error(ErrorMessage::OfAuthority(signed)) => {
                let verified = signed.verify(&self.registrant.trust, self.time());
                Some(verified.expect("signed").0.error_code)
            }
            _ => None,
        };
        assert_ne!(code, Some(ErrorCode::UnspecifiedFailure));
        answer
    }

    fn time(&self) -> UnixTime {
        let now = self.registry.now().unix_seconds();
        UnixTime::since_unix_epoch(Duration::from_secs(now))
    }

    /// The wish for a form, overwritten in its envelope.
    fn form_asked(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut wrapper = MessageWrapper::from_der(message).expect("ours");
        let keys = &self.registry.authority.keys.exchange_keys;
        if let Message::RegFormReq(request) = &mut wrapper.message {
            let opened = request.open(keys).expect("ours").to_der().expect("ours");
            *request = Decode::from_der(&self.sealed(&self.over(2, opened))).ok()?;
        }
        wrapper.to_der().ok()
    }

    /// A wish, or a code, signed by the new key over what is overwritten.
    fn remade(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut wrapper = MessageWrapper::from_der(message).expect("ours");
        let keys = &self.registry.authority.keys.exchange_keys;
        let key = &self.registrant.key;
        match &mut wrapper.message {
            Message::CertReq(request) => {
                let (tbs, _) = request.open(keys).expect("ours").verify_new_key().expect("ours");
                let signed = self.signed::<CertReqTbs>(key, &self.over(3, tbs.as_bytes().to_vec()));
                *request = Decode::from_der(&self.sealed(&self.over(4, signed))).ok()?;
            }
            Message::CertInqReq(request) => {
                let (tbs, _) = request.open(keys).expect("ours").verify_new_key().expect("ours");
                let signed = self.signed::<CertInqReqTbs>(key, &self.over(5, tbs.as_bytes().to_vec()));
                *request = Decode::from_der(&self.sealed(&self.over(6, signed))).ok()?;
            }
            _ => {}
        }
        wrapper.to_der().ok()
    }

    fn signed<T: Content>(&self, key: &KeyPair, content: &[u8]) -> Vec<u8> {
        let own = to_self_certified(key, self.time()).expect("a certificate");
        let signer = Signer { certificate: &own, key, above: &[] };
        let content_type = format!("{CONTENT_TYPES}.{}", T::NUMBER).parse().expect("a type");
        let signed = signed::sign(content, content_type, Form::Attached, &signer, self.time());
        signed.expect("a signature")
    }

    fn sealed(&self, content: &[u8]) -> Vec<u8> {
        let own = self.registry.authority.keys.exchange.first().expect("a certificate");
        let recipient = RecipientCertificate::new(own).expect("a recipient");
        sealed::seal(content, &[recipient]).expect("an envelope")
    }
}
