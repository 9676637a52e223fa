//! What the applicant checks of the authority's answers.

use countersign_certs::{Certificate, KeyKind, KeyPair, KeyUse, RecipientCertificate};
use countersign_set::{
    applicant::{Begun, FormAsked, Invitation},
    asn1::Received,
    cardholder::WalletError,
    message::{
        registration::{CardCInitResTbs, CertResData, RegFormResTbs, RegWakeUpData},
        wrapper::Message,
    },
    protect::{Authority, Digest, ProtectError, Sealed, Signed},
    table::Content,
    testing::{
        GATEWAY, Issuer,
        registration::{AUTHORITY, Registry},
    },
};
use der::{Decode as _, Encode as _};

use super::{Forged, at, back_key, known, opened_answer};
use crate::forge::{self, Edit};

/// The authority's signers that an answer may come from: its own, and those that must be refused.
pub(super) struct Signers {
    pub(super) own: (Certificate, KeyPair),
    of_another_root: (Certificate, KeyPair),
    of_another_role: (Certificate, KeyPair),
    namesake: (Certificate, KeyPair),
}

impl Signers {
    /// Takes the authority's own, so that it is known here.
    pub(super) fn new(registry: &mut Registry) -> Self {
        let own = registry.issuer.authority(AUTHORITY, KeyUse::Signature);
        let foreign = Issuer::new(registry.now(), KeyKind::default());
        let signers = Self {
            of_another_root: foreign.authority(AUTHORITY, KeyUse::Signature),
            of_another_role: registry.issuer.gateway(GATEWAY, KeyUse::Signature),
            namesake: registry.issuer.authority(AUTHORITY, KeyUse::Signature),
            own,
        };
        let pem = signers.own.1.expose_pem().unwrap();
        let authority = std::sync::Arc::get_mut(&mut registry.authority).unwrap();
        authority.keys.certificate = signers.own.0.clone();
        authority.keys.key = std::sync::Arc::new(KeyPair::from_pem(&pem).unwrap());
        signers
    }
}

pub(super) fn is_refused<T>(result: Result<T, WalletError>) -> bool {
    matches!(result, Err(WalletError::NotAuthentic(ProtectError::Signed { .. })))
}

/// One that waits for an answer, and reads it.
pub(super) type Reads<'a, T> = &'a dyn Fn(&Signed<T, Authority>) -> Result<(), WalletError>;

/// Every answer is of the authority whose initiation was followed, and of this question.
pub(super) fn check_answers<T: Content>(
    registry: &Registry,
    signers: &Signers,
    data: &Received<T>,
    reads: Reads<'_, T>,
    edits: &[(&'static str, Edit<T>)],
) {
    let signed = |data: &Received<T>, pair: &(Certificate, KeyPair)| {
        Signed::sign(data, &forge::signer(pair), at(registry)).unwrap()
    };
    assert_eq!(reads(&signed(data, &signers.own)), Ok(()));
    assert!(is_refused(reads(&signed(data, &signers.of_another_root))));
    assert!(is_refused(reads(&signed(data, &signers.of_another_role))));
    let namesake = reads(&signed(data, &signers.namesake));
    assert_eq!(namesake, Err(WalletError::Mismatch("signer")));
    for (field, edit) in edits {
        let other = forge::changed(data, edit);
        let found = reads(&signed(&other, &signers.own));
        assert_eq!(found, Err(WalletError::Mismatch(field)));
    }
}

#[tokio::test]
async fn the_applicant_checks_every_answer_of_the_authority() {
    let mut registry = known().await;
    let signers = Signers::new(&mut registry);
    let registry = &registry;
    let registrant = registry.registrant();
    let now = registry.now();
    let own = |message: &[u8]| forge::read(message);

    let wake_up = registry.authority.wake_up().unwrap();
    let foreign = Signed::<RegWakeUpData, Authority>::from_der(&wake_up).unwrap();
    let (data, _) = foreign.verify(&registrant.trust, at(registry)).unwrap();
    for pair in [&signers.of_another_root, &signers.of_another_role] {
        let signed: Signed<RegWakeUpData, Authority> =
            Signed::sign(&data, &forge::signer(pair), at(registry)).unwrap();
        assert!(is_refused(Invitation::read(&signed.to_der().unwrap(), &registrant.trust, now)));
    }

    let invitation = Invitation::read(&wake_up, &registrant.trust, now).unwrap();
    let (message, begun) = invitation.begin(&registry.entropy, now).unwrap();
    let answer = registry.authority.answer(&message).await.unwrap();
    let wrapper = own(&answer);
    let Message::CardCInitRes(signed) = &wrapper.message else { panic!() };
    let (data, _) = signed.verify(&registrant.trust, at(registry)).unwrap();
    let reads = |signed: &Signed<CardCInitResTbs, Authority>| {
        let message = forge::write(&wrapper.header, Message::CardCInitRes(signed.clone()));
        Begun::accept(begun.clone(), &message, &registrant, now).map(|_| ())
    };
    check_answers(
        registry,
        &signers,
        &data,
        &reads,
        &[
            ("rrpid", |data| data.rrpid = [9; 20].into()),
            ("lid-EE", |data| data.lid_ee = vec![9].try_into().unwrap()),
            ("chall-EE", |data| data.chall_ee = [9; 20].into()),
        ],
    );
    // To nobody but the authority is encrypted.
    for (name, role) in [(GATEWAY, KeyUse::KeyExchange), (AUTHORITY, KeyUse::Signature)] {
        let (other, _) = match role {
            KeyUse::KeyExchange => registry.issuer.gateway(name, role),
            KeyUse::Signature => registry.issuer.authority(name, role),
        };
        let other = forge::changed(&data, |data| {
            data.cae_certificates = forge::chain(&other);
        });
        let signed = Signed::sign(&other, &forge::signer(&signers.own), at(registry)).unwrap();
        assert!(is_refused(reads(&signed)), "{name}");
    }
    let (other, _) = registry.issuer.authority("authority-2", KeyUse::KeyExchange);
    let other = forge::changed(&data, |data| data.cae_certificates = forge::chain(&other));
    let signed = Signed::sign(&other, &forge::signer(&signers.own), at(registry)).unwrap();
    assert_eq!(reads(&signed), Err(WalletError::Mismatch("Cert-CAE")));

    let introduced = begun.accept(&answer, &registrant, now).unwrap();
    let (message, asked) = introduced.ask_form(&registrant, &registry.entropy, now).unwrap();
    let answer = registry.authority.answer(&message).await.unwrap();
    let wrapper = own(&answer);
    let Message::RegFormRes(signed) = &wrapper.message else { panic!() };
    let (data, _) = signed.verify(&registrant.trust, at(registry)).unwrap();
    let reads = |signed: &Signed<RegFormResTbs, Authority>| {
        let message = forge::write(&wrapper.header, Message::RegFormRes(signed.clone()));
        FormAsked::accept(asked.clone(), &message, &registrant, now).map(|_| ())
    };
    check_answers(
        registry,
        &signers,
        &data,
        &reads,
        &[
            ("rrpid", |data| data.rrpid = [9; 20].into()),
            ("lid-EE", |data| data.lid_ee = vec![9].try_into().unwrap()),
            ("chall-EE2", |data| data.chall_ee2 = [9; 20].into()),
        ],
    );

    let form = asked.accept(&answer, &registrant, now).unwrap();
    let (message, asked, registration) = form.request(&registrant, &registry.entropy, now).unwrap();
    let answer = registry.authority.answer(&message).await.unwrap();
    let wrapper = own(&answer);
    let Message::CertRes(sealed) = &wrapper.message else { panic!() };
    let forged = Forged { registry, registrant: &registrant };
    let data = Received::new(opened_answer(&forged, &message, sealed)).unwrap();
    let (id, key) = back_key(&forged, &message);
    let reads = |signed: &Signed<CertResData, Authority>| {
        let sealed = Sealed::seal(signed, &RecipientCertificate::shared(&id, &key)).unwrap();
        let message = forge::write(&wrapper.header, Message::CertRes(sealed));
        registration.answer(&asked, &message, &registrant, now).map(|_| ())
    };
    check_answers(
        registry,
        &signers,
        &data,
        &reads,
        &[
            ("rrpid", |data| data.rrpid = [9; 20].into()),
            ("lid-EE", |data| data.lid_ee = vec![9].try_into().unwrap()),
            ("chall-EE3", |data| data.chall_ee3 = [9; 20].into()),
            ("hCertReq", |data| data.h_cert_req = Digest::from_bytes([9; 32])),
        ],
    );
    // An answer under another key is none.
    let flipped = forge::write(&wrapper.header, Message::CertRes(forge::flipped(sealed)));
    let flipped = registration.answer(&asked, &flipped, &registrant, now).map(|_| ());
    assert!(matches!(flipped, Err(WalletError::NotAuthentic(ProtectError::Sealed { .. }))));
}
