//! Payers who are known, and payers whom nobody knows: beginning to pay, and a wrong code. What is answered is the same (ASVS
//! 6.3.8); here is what it takes, with the store in memory.

use std::{hint::black_box, sync::Arc};

use countersign_domain::{
    address::Msisdn,
    code::TypedCode,
    directory::Subscribers,
    payment::PaymentRequest,
    person::Person,
    pin::{NewPin, TypedPin},
    plan::KnownBy,
    policy::{PolicySettings, Profile},
    ports::Directory as _,
    record::Batch,
    response::Response,
    subscriber::Subscriber,
    testing::{Fixture, QuickHasher, card},
};
use countersign_tests::load::welch::Samples;

use crate::{measure, now};

/// A payment by userId, of a phone that no other payment has.
fn payment(shop: &Fixture, phone: usize) -> PaymentRequest {
    let mut request = PaymentRequest { known_by: KnownBy::UserId, ..shop.purchase("49.90") };
    request.person.address = Msisdn::try_from(format!("+336{phone:08}")).unwrap().into();
    request
}

/// Looking the payer up, and beginning a payment that waits for a code.
pub(crate) fn begin() -> Samples {
    let prepare = |kinds: &[bool]| {
        let shop = Arc::new(Fixture::with_policy(PolicySettings::default()));
        let directory = Arc::new(Subscribers::new(shop.ports.clone()));
        let alice = Subscriber {
            identifier: "alice".try_into().unwrap(),
            address: Msisdn::try_from("+33639980001").unwrap().into(),
            card: Some(card()),
        };
        now(directory.enrol(&alice)).unwrap();
        let one = |(phone, unknown): (usize, &bool)| {
            (shop.clone(), directory.clone(), payment(&shop, phone), *unknown)
        };
        kinds.iter().enumerate().map(one).collect()
    };
    measure(prepare, |(shop, directory, request, unknown)| {
        let name = if unknown { "clara" } else { "alice" };
        let name = name.try_into().unwrap();
        let found = black_box(now(directory.by_identifier(&name)).unwrap());
        let batch = Batch::default();
        let begun = match found {
            Some(_) => now(shop.gateway.start_payment(request, batch)),
            None => {
                let nobody = Subscriber::nobody(name, "clara").unwrap();
                let request = PaymentRequest { card: nobody.card.unwrap(), ..request };
                now(shop.gateway.start_untold_payment(request, false, batch))
            }
        };
        let _ = black_box(begun.unwrap());
    })
}

/// What is typed beside a wrong code, and whether there is such a PIN.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Beside {
    Nothing,
    /// Of a payer who has none, where the payer is known.
    Pin,
    /// Of a payer who has another, where the payer is known.
    OtherPin,
}

/// A wrong code, and what is beside it.
pub(crate) fn wrong_code(beside: Beside) -> Samples {
    let with_pin = beside != Beside::Nothing;
    let profile = with_pin.then_some(Profile::Psd2);
    let settings = PolicySettings { profile, ..PolicySettings::default() };
    let prepare = |kinds: &[bool]| {
        let shop = Arc::new(Fixture::with_policy(settings.clone()));
        let directory = Subscribers::new(shop.ports.clone()).with_pins(Arc::new(QuickHasher));
        let begin = |(phone, unknown): (usize, &bool)| {
            let request = payment(&shop, phone);
            if beside == Beside::OtherPin && !unknown {
                let Person { identifier, address, .. } = request.person.clone();
                let pin = NewPin::try_from("604823".to_owned()).unwrap();
                let subscriber = Subscriber { identifier, address, card: None };
                now(directory.enrol_with(&subscriber, Some(&pin))).unwrap();
            }
            let (id, session) = (request.payment.clone(), request.person.session.clone());
            let batch = Batch::default();
            let _ = match unknown {
                true => now(shop.gateway.start_untold_payment(request, false, batch)).unwrap(),
                false => now(shop.gateway.start_payment(request, batch)).unwrap(),
            };
            let payment = now(shop.gateway.payment(&id)).unwrap();
            let code = TypedCode::try_from("0000000000").unwrap();
            let pin = with_pin.then(|| TypedPin::try_from("283915".to_owned()).unwrap());
            (shop.clone(), payment, session, Response::new(code, pin))
        };
        kinds.iter().enumerate().map(begin).collect()
    };
    measure(prepare, |(shop, payment, session, response)| {
        let refused = now(shop.gateway.finish_payment(&payment, &session, response));
        let _ = black_box(refused.unwrap());
    })
}
