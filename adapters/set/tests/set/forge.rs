//! An attacker's tools: messages are opened with the keys of the house, changed, and made anew.

use std::sync::atomic::Ordering;

use countersign_certs::{
    Certificate, KeyPair, RecipientCertificate, RecipientKey, RevocationReason, Revoked,
    SigningKey, TrustAnchors, UnixTime, Validity, cms::signed::Signer,
};
use countersign_set::{
    asn1::{CertificateElement, Random, Received, SecretOctets},
    cardholder::{Asked, Identity, Purchase, Sent},
    merchant::MerchantServer,
    message::{
        authorization::{Answer, AuthReq, AuthReqTbs},
        code::{CodeDirectResData, CodeReqTbs, CodeSubmission, CodeSubmissionTbe},
        common::{Chain, RrTags, TransIds},
        failure::{ErrorCode, ErrorMessage},
        purchase::{
            Hpi, OiData, PReq, PReqDualSigned, PResData, Pi, PiDualSigned, PiDualSignedTbe, PiTbs,
            PiUnsignedTbe,
        },
        wrapper::{Message, MessageHeader, MessageWrapper},
    },
    protect::{Digest, Gateway, Merchant, Sealed, Signature, Signed},
    table::Content,
    testing::{Issuer, Parties},
};
use der::{
    Any, AnyRef, Decode as _, Encode as _,
    asn1::{BitString, GeneralizedTime},
};

/// A certificate and its key.
pub(crate) type Issued = (Certificate, KeyPair);

/// Changes a structure.
pub(crate) type Edit<T> = fn(&mut T);

pub(crate) fn read(message: &[u8]) -> MessageWrapper {
    MessageWrapper::from_der(message).unwrap()
}

pub(crate) fn write(header: &MessageHeader, message: Message) -> Vec<u8> {
    MessageWrapper { header: header.clone(), message }.to_der().unwrap()
}

/// The same message, its body changed.
pub(crate) fn edited(message: &[u8], edit: impl FnOnce(&mut MessageWrapper)) -> Vec<u8> {
    let mut wrapper = read(message);
    edit(&mut wrapper);
    wrapper.to_der().unwrap()
}

/// The same protected part, its last octet (of a tag, of a signature) flipped.
pub(crate) fn flipped<T: der::Encode + for<'a> der::Decode<'a, Error = der::Error>>(part: &T) -> T {
    let mut bytes = part.to_der().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    T::from_der(&bytes).unwrap()
}

/// The same bytes, presumed to be of another type.
pub(crate) fn presumed<T: for<'a> der::Decode<'a, Error = der::Error>>(
    part: &impl der::Encode,
) -> T {
    T::from_der(&part.to_der().unwrap()).unwrap()
}

pub(crate) fn at(parties: &Parties) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(parties.now().unix_seconds()))
}

pub(crate) fn merchant_signer(parties: &Parties) -> Signer<'_> {
    let keys = &parties.merchant.keys;
    Signer { certificate: &keys.certificate, key: keys.key.as_ref(), above: &keys.above }
}

pub(crate) fn gateway_signer(parties: &Parties) -> Signer<'_> {
    let keys = &parties.gateway.keys;
    Signer { certificate: &keys.certificate, key: keys.key.as_ref(), above: &keys.above }
}

pub(crate) fn signer(pair: &(Certificate, impl SigningKey)) -> Signer<'_> {
    Signer { certificate: &pair.0, key: &pair.1, above: &[] }
}

pub(crate) fn identity_signer(identity: &Identity) -> Signer<'_> {
    Signer { certificate: &identity.certificate, key: &identity.key, above: &identity.above }
}

pub(crate) fn cert_pe(parties: &Parties) -> RecipientCertificate {
    RecipientCertificate::new(&parties.gateway.keys.exchange[0]).unwrap()
}

pub(crate) fn cert_me(parties: &Parties) -> RecipientCertificate {
    RecipientCertificate::new(&parties.merchant.keys.exchange[0]).unwrap()
}

/// A purchase whose authorization the merchant has sent, and the gateway has not seen.
pub(crate) async fn held(parties: &Parties, euros: &str) -> (Sent, Vec<u8>) {
    parties.wire.is_cut.store(true, Ordering::SeqCst);
    let (sent, progress) = parties.buy(euros).await;
    progress.unwrap();
    parties.wire.is_cut.store(false, Ordering::SeqCst);
    (sent, parties.wire.held.lock().unwrap().last().unwrap().clone())
}

/// A merchant's request for an authorization, opened.
#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    pub(crate) header: MessageHeader,
    pub(crate) tbs: AuthReqTbs,
    pub(crate) pi: Pi,
}

impl Authorization {
    pub(crate) fn open(parties: &Parties, message: &[u8]) -> Self {
        let MessageWrapper { header, message } = read(message);
        let Message::AuthReq(AuthReq { enc, baggage }) = message else { panic!("no AuthReq") };
        let signed = enc.open(&parties.gateway.keys.exchange_keys).unwrap();
        let (tbs, _) = signed.verify(&parties.issuer.trust(), at(parties)).unwrap();
        Self { header, tbs: tbs.into_value(), pi: baggage.into_value() }
    }

    /// As the merchant would send it: the payment beside it is the one that is signed.
    pub(crate) fn close(&self, parties: &Parties) -> Vec<u8> {
        self.close_as(parties, &merchant_signer(parties))
    }

    pub(crate) fn close_as(&self, parties: &Parties, signer: &Signer<'_>) -> Vec<u8> {
        let baggage = Received::new(self.pi.clone()).unwrap();
        let h_baggage = Digest::of(&baggage).unwrap();
        let tbs = AuthReqTbs { h_baggage, ..self.tbs.clone() };
        let signed = sign(parties, &tbs, signer);
        self.carry(Sealed::seal(&signed, &cert_pe(parties)).unwrap())
    }

    /// As `close`, to another gateway.
    pub(crate) fn close_to(&self, parties: &Parties, recipient: &RecipientCertificate) -> Vec<u8> {
        let baggage = Received::new(self.pi.clone()).unwrap();
        let tbs = AuthReqTbs { h_baggage: Digest::of(&baggage).unwrap(), ..self.tbs.clone() };
        let signed = sign(parties, &tbs, &merchant_signer(parties));
        self.carry(Sealed::seal(&signed, recipient).unwrap())
    }

    /// What an answer to it names.
    pub(crate) fn named(&self) -> (RrTags, Digest<AuthReqTbs>, TransIds) {
        let tags = self.tbs.auth_req_data.auth_tags.clone();
        let digest = Digest::of(&Received::new(self.tbs.clone()).unwrap()).unwrap();
        (tags.auth_rr_tags, digest, tags.trans_ids)
    }

    /// Anything in place of the envelope.
    pub(crate) fn carry(&self, enc: Sealed<Signed<AuthReqTbs, Merchant>, Gateway>) -> Vec<u8> {
        let baggage = Received::new(self.pi.clone()).unwrap();
        write(&self.header, Message::AuthReq(AuthReq { enc, baggage }))
    }

    /// A request of its own about the same purchase.
    pub(crate) fn renamed(&self, parties: &Parties) -> Self {
        let mut other = self.clone();
        other.header.rrpid = parties.random().into();
        other.tbs.auth_req_data.auth_tags.auth_rr_tags.rrpid = other.header.rrpid.clone();
        other
    }

    /// Signed by the cardholder as it was, with something else in it.
    pub(crate) fn resealed(
        &self,
        parties: &Parties,
        edit: impl FnOnce(&mut PiDualSignedTbe),
    ) -> Self {
        let Pi::DualSigned(pi) = &self.pi else { panic!("not signed") };
        let mut tbe = pi.pi_sealed.open(&parties.gateway.keys.exchange_keys).unwrap();
        edit(&mut tbe);
        let pi_sealed = Sealed::seal(&tbe, &cert_pe(parties)).unwrap();
        let pi = PiDualSigned { pi_signature: pi.pi_signature.clone(), pi_sealed };
        Self { pi: Pi::DualSigned(pi), ..self.clone() }
    }

    /// Signed anew, with something else in it: what a thief of the key can do.
    pub(crate) fn resigned(
        &self,
        parties: &Parties,
        signer: &Signer<'_>,
        edit: impl FnOnce(&mut PiDualSignedTbe),
    ) -> Self {
        let Pi::DualSigned(pi) = &self.pi else { panic!("not signed") };
        let mut tbe = pi.pi_sealed.open(&parties.gateway.keys.exchange_keys).unwrap();
        edit(&mut tbe);
        let signed = Received::new(PiTbs {
            hpi: Hpi::Signed(Digest::of(&tbe.pi_data).unwrap()),
            h_oi_data: tbe.h_oi_data.clone(),
            gateway: tbe.pi_data.pi_head.gateway.clone(),
        });
        let pi = PiDualSigned {
            pi_signature: Signature::sign(&signed.unwrap(), signer, at(parties)).unwrap(),
            pi_sealed: Sealed::seal(&tbe, &cert_pe(parties)).unwrap(),
        };
        Self { pi: Pi::DualSigned(pi), ..self.clone() }
    }

    /// Without a signature, with something else in it.
    pub(crate) fn unsigned(
        &self,
        parties: &Parties,
        edit: impl FnOnce(&mut PiUnsignedTbe),
    ) -> Self {
        let Pi::Unsigned(pi) = &self.pi else { panic!("signed") };
        let mut tbe = pi.open(&parties.gateway.keys.exchange_keys).unwrap();
        edit(&mut tbe);
        Self { pi: Pi::Unsigned(Sealed::seal(&tbe, &cert_pe(parties)).unwrap()), ..self.clone() }
    }
}

/// The same structure with something else in it, encoded anew.
pub(crate) fn changed<T: der::Encode + Clone>(
    received: &Received<T>,
    change: impl FnOnce(&mut T),
) -> Received<T> {
    let mut value = received.clone().into_value();
    change(&mut value);
    Received::new(value).unwrap()
}

pub(crate) fn sign<T: Content, P: countersign_set::protect::Party>(
    parties: &Parties,
    structure: &T,
    signer: &Signer<'_>,
) -> Signed<T, P> {
    Signed::sign(&Received::new(structure.clone()).unwrap(), signer, at(parties)).unwrap()
}

/// A merchant's question about a purchase, with a code or without.
pub(crate) fn code_req(
    parties: &Parties,
    about: &AuthReqTbs,
    code_submission: Option<CodeSubmission>,
) -> (MessageHeader, CodeReqTbs) {
    let mut auth_tags = about.auth_req_data.auth_tags.clone();
    auth_tags.auth_rr_tags.rrpid = parties.random().into();
    let rrpid = auth_tags.auth_rr_tags.rrpid.clone();
    let me_certificates = about.auth_req_data.me_certificates.clone();
    let header = header(parties, rrpid);
    (header, CodeReqTbs { auth_tags, me_certificates, code_submission })
}

pub(crate) fn closed_code_req(
    parties: &Parties,
    (header, tbs): &(MessageHeader, CodeReqTbs),
    signer: &Signer<'_>,
) -> Vec<u8> {
    let sealed = Sealed::seal(&sign(parties, tbs, signer), &cert_pe(parties)).unwrap();
    write(header, Message::CodeReq(sealed))
}

pub(crate) fn time(seconds: u64) -> GeneralizedTime {
    let time = der::DateTime::from_unix_duration(std::time::Duration::from_secs(seconds));
    GeneralizedTime::from_date_time(time.unwrap())
}

pub(crate) fn later(parties: &Parties) -> GeneralizedTime {
    time(parties.now().unix_seconds() + 1)
}

pub(crate) fn header(parties: &Parties, rrpid: Random) -> MessageHeader {
    MessageHeader {
        version: 1.try_into().unwrap(),
        revision: 0.try_into().unwrap(),
        date: time(parties.now().unix_seconds()),
        sw_ident: "an attacker".try_into().unwrap(),
        rrpid,
        xid: None,
    }
}

/// A purchase under the name of another request, signed anew by the house's cardholder.
pub(crate) fn renamed_p_req(parties: &Parties, message: &[u8], rrpid: &Random) -> Vec<u8> {
    edited_p_req(
        parties,
        message,
        |oi_data| oi_data.rrpid = rrpid.clone(),
        |header| {
            header.rrpid = rrpid.clone();
        },
    )
}

/// A purchase whose order is another, and its header: signed anew by the house's cardholder.
pub(crate) fn edited_p_req(
    parties: &Parties,
    message: &[u8],
    order: impl FnOnce(&mut OiData),
    header: impl FnOnce(&mut MessageHeader),
) -> Vec<u8> {
    edited(message, |wrapper| {
        header(&mut wrapper.header);
        let Message::PReq(PReq::DualSigned(request)) = &mut wrapper.message else { panic!() };
        let oi_data = changed(&request.oi_dual_signed.oi_data, order);
        let mut tbe =
            request.pi_dual_signed.pi_sealed.open(&parties.gateway.keys.exchange_keys).unwrap();
        tbe.h_oi_data = Digest::of(&oi_data).unwrap();
        let signed = Received::new(PiTbs {
            hpi: Hpi::Signed(Digest::of(&tbe.pi_data).unwrap()),
            h_oi_data: tbe.h_oi_data.clone(),
            gateway: oi_data.gateway.clone(),
        });
        let signer = identity_signer(parties.wallet.identity.as_ref().unwrap());
        request.pi_dual_signed = PiDualSigned {
            pi_signature: Signature::sign(&signed.unwrap(), &signer, at(parties)).unwrap(),
            pi_sealed: Sealed::seal(&tbe, &cert_pe(parties)).unwrap(),
        };
        request.oi_dual_signed.oi_data = oi_data;
    })
}

/// The code that is in a message to the gateway, opened.
pub(crate) fn submission(parties: &Parties, message: &[u8]) -> CodeSubmissionTbe {
    let sealed = match read(message).message {
        Message::CodeForwardReq(request) => request.code_submission,
        Message::CodeDirectReq(request) => request.code_submission,
        _ => panic!("no code"),
    };
    sealed.open(&parties.gateway.keys.exchange_keys).unwrap()
}

/// The code of an error.
pub(crate) fn error_code(wrapper: MessageWrapper, parties: &Parties) -> ErrorCode {
    let (trust, now) = (parties.issuer.trust(), at(parties));
    match wrapper.message {
        Message::Error(ErrorMessage::OfGateway(error)) => {
            error.verify(&trust, now).unwrap().0.error_code
        }
        Message::Error(ErrorMessage::OfMerchant(error)) => {
            error.verify(&trust, now).unwrap().0.error_code
        }
        _ => panic!("neither an answer nor an error"),
    }
}

/// What the gateway answers a merchant.
pub(crate) async fn ask(parties: &Parties, message: &[u8]) -> Result<Answer, ErrorCode> {
    let answer = parties.tell_gateway(message).await;
    answer_of(parties, &answer, &parties.merchant.keys.exchange_key)
}

pub(crate) fn answer_of(
    parties: &Parties,
    answer: &[u8],
    key: &RecipientKey,
) -> Result<Answer, ErrorCode> {
    let (keys, wrapper) = (std::slice::from_ref(key), read(answer));
    let (trust, now) = (parties.issuer.trust(), at(parties));
    match wrapper.message {
        Message::AuthRes(sealed) => {
            Ok(sealed.open(keys).unwrap().verify(&trust, now).unwrap().0.into_value().answer)
        }
        Message::CodeRes(sealed) => {
            Ok(sealed.open(keys).unwrap().verify(&trust, now).unwrap().0.into_value().answer)
        }
        _ => Err(error_code(wrapper, parties)),
    }
}

/// What the merchant answers a cardholder.
pub(crate) async fn tell(parties: &Parties, message: &[u8]) -> Result<PResData, ErrorCode> {
    let wrapper = read(&parties.tell_merchant(message).await);
    match wrapper.message {
        Message::PRes(signed) | Message::InqRes(signed) | Message::CodeForwardRes(signed) => {
            Ok(signed.verify(&parties.issuer.trust(), at(parties)).unwrap().0.into_value())
        }
        _ => Err(error_code(wrapper, parties)),
    }
}

/// An answer of the gateway to the merchant, with something else in it: what another gateway could make.
pub(crate) fn reanswered(
    parties: &Parties,
    answer: &[u8],
    signer: &Signer<'_>,
    edit: impl FnOnce(&mut countersign_set::message::authorization::AuthResTbs),
) -> Vec<u8> {
    let MessageWrapper { header, message } = read(answer);
    let Message::AuthRes(sealed) = message else { panic!("no AuthRes") };
    let opened = sealed.open(std::slice::from_ref(&parties.merchant.keys.exchange_key)).unwrap();
    let (tbs, _) = opened.verify(&parties.issuer.trust(), at(parties)).unwrap();
    let mut tbs = tbs.into_value();
    edit(&mut tbs);
    let signed = sign(parties, &tbs, signer);
    write(&header, Message::AuthRes(Sealed::seal(&signed, &cert_me(parties)).unwrap()))
}

/// A purchase that the merchant has not seen.
pub(crate) async fn p_req(parties: &Parties, euros: &str) -> (Vec<u8>, Sent) {
    let (message, _, sent) = p_req_of(parties, euros).await;
    (message, sent)
}

pub(crate) async fn p_req_of(parties: &Parties, euros: &str) -> (Vec<u8>, Asked, Sent) {
    let order = parties.order(euros).await;
    let purchase = parties.named(&order).await;
    purchase.request(&parties.wallet, &parties.entropy, parties.now()).unwrap()
}

/// A purchase that another merchant has named.
pub(crate) async fn named_at(
    parties: &Parties,
    merchant: &MerchantServer,
    euros: &str,
) -> Purchase {
    let order = parties.order(euros).await;
    let wake_up = merchant.wake_up(&order.id).await.unwrap();
    let offer = parties.wallet.offer(&wake_up, parties.now()).unwrap();
    let (message, begun) = offer.begin(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    let answer = merchant.answer(&message).await.unwrap();
    begun.accept(&answer, &parties.wallet, parties.now()).unwrap()
}

/// An answer of the merchant to a cardholder, with something else in it.
pub(crate) fn edited_p_res(
    parties: &Parties,
    answer: &[u8],
    edit: impl FnOnce(&mut PResData),
) -> Vec<u8> {
    edited(answer, |wrapper| {
        let Message::PRes(signed) = &mut wrapper.message else { panic!("no PRes") };
        let (data, _) = signed.verify(&parties.issuer.trust(), at(parties)).unwrap();
        let data = changed(&data, edit).into_value();
        *signed = sign(parties, &data, &merchant_signer(parties));
    })
}

/// A role's certificate and key that are not to be trusted, each for its own reason; and the house's authority, which has
/// revoked the last.
pub(crate) fn not_trusted(
    parties: &mut Parties,
    issue: impl Fn(&Issuer) -> (Certificate, KeyPair),
) -> (Vec<(&'static str, Issued)>, TrustAnchors) {
    let foreign = issue(&Issuer::new(parties.now(), Default::default()));
    let valid = parties.issuer.validity;
    let begun = std::time::Duration::from_secs(parties.now().unix_seconds() - 3_000);
    let begun = UnixTime::since_unix_epoch(begun);
    let over = Validity::new(begun, std::time::Duration::from_secs(2_000)).unwrap();
    parties.issuer.validity = over;
    let expired = issue(&parties.issuer);
    parties.issuer.validity = valid;
    let revoked = issue(&parties.issuer);
    let anchors = revoking(parties, &revoked.0);
    (vec![("a foreign root", foreign), ("expired", expired), ("revoked", revoked)], anchors)
}

/// The house's authority, which has revoked that certificate a minute ago.
pub(crate) fn revoking(parties: &Parties, certificate: &Certificate) -> TrustAnchors {
    let seconds = parties.now().unix_seconds() - 60;
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let reason = RevocationReason::KeyCompromise;
    let entry = Revoked { serial: certificate.serial().unwrap(), at, reason };
    let day = Validity::new(at, std::time::Duration::from_secs(86_400)).unwrap();
    let list = parties.issuer.root.revocation_list(&[entry], 1, day).unwrap();
    parties.issuer.trust().with_revocation_lists(&[list]).unwrap()
}

/// Signs a purchase anew.
pub(crate) fn sign_p_req(parties: &Parties, request: &mut PReqDualSigned, signer: &Signer<'_>) {
    let signed = Received::new(PiTbs {
        hpi: Hpi::Signed(request.oi_dual_signed.h_pi_data.clone()),
        h_oi_data: Digest::of(&request.oi_dual_signed.oi_data).unwrap(),
        gateway: request.oi_dual_signed.oi_data.gateway.clone(),
    });
    request.pi_dual_signed.pi_signature =
        Signature::sign(&signed.unwrap(), signer, at(parties)).unwrap();
}

pub(crate) fn chain(certificate: &Certificate) -> Chain {
    Chain::try_from(vec![CertificateElement::new(certificate).unwrap()]).unwrap()
}

/// The same message, with another code in it, sealed for the gateway.
pub(crate) fn with_submission(
    parties: &Parties,
    message: &[u8],
    tbe: &CodeSubmissionTbe,
) -> Vec<u8> {
    with_sealed_submission(parties, message, Sealed::seal(tbe, &cert_pe(parties)).unwrap())
}

/// The same, in a request of its own.
pub(crate) fn with_sealed_submission(
    parties: &Parties,
    message: &[u8],
    submission: CodeSubmission,
) -> Vec<u8> {
    edited(message, |wrapper| {
        let Message::CodeDirectReq(request) = &mut wrapper.message else { panic!("not direct") };
        wrapper.header.rrpid = parties.random().into();
        request.rrpid = wrapper.header.rrpid.clone();
        request.code_submission = submission;
    })
}

/// What the gateway answers a cardholder.
pub(crate) async fn direct(
    parties: &Parties,
    message: &[u8],
) -> Result<CodeDirectResData, ErrorCode> {
    let wrapper = read(&parties.tell_gateway(message).await);
    match wrapper.message {
        Message::CodeDirectRes(signed) => {
            Ok(signed.verify(&parties.issuer.trust(), at(parties)).unwrap().0.into_value())
        }
        _ => Err(error_code(wrapper, parties)),
    }
}

/// A certificate for the wallet's card and another key, with the encrypted number of that certificate: the authority was
/// careless, or deceived.
pub(crate) fn with_phone_of(parties: &Parties, certificate: &Certificate) -> Identity {
    let secret = SecretOctets::from([5; 20]);
    let own = &parties.gateway.keys.exchange[0];
    let identity = parties.issuer.cardholder(&parties.wallet.card, &secret, own);
    let (theirs, number) = (identity.certificate.der().to_vec(), phone_in(certificate.der()));
    let place = phone_in(&theirs);
    assert_eq!(place.len(), number.len());
    let (tbs, algorithm): (Any, Any) = AnyRef::from_der(&theirs)
        .unwrap()
        .sequence(|reader| {
            let parts = (Any::decode(reader)?, Any::decode(reader)?);
            BitString::decode(reader)?;
            Ok::<_, der::Error>(parts)
        })
        .unwrap();
    let mut tbs = tbs.to_der().unwrap();
    let start = tbs.windows(place.len()).position(|window| window == place).unwrap();
    tbs[start..start + number.len()].copy_from_slice(number);
    let signature = parties.issuer.root.key().sign(&tbs).unwrap();
    let signature = BitString::from_bytes(&signature).unwrap();
    let value = [tbs, algorithm.to_der().unwrap(), signature.to_der().unwrap()].concat();
    let der = Any::new(der::Tag::Sequence, value).unwrap().to_der().unwrap();
    let certificate = Certificate::from_der(der.into()).unwrap();
    Identity { certificate, ..identity }
}

/// The envelope with the number: from the beginning of its ContentInfo, named AuthEnvelopedData (RFC 5083 section 2).
fn phone_in(certificate: &[u8]) -> &[u8] {
    const NAMED: [u8; 13] = [6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 23];
    let at = certificate.windows(NAMED.len()).position(|window| window == NAMED).unwrap();
    let [0x30, 0x82, high, low] = certificate[at - 4..at] else { panic!("another length") };
    &certificate[at - 4..at + usize::from(u16::from_be_bytes([high, low]))]
}

/// The message, each time with another bit of one of its parts flipped: so many places, from the first octet to the last.
pub(crate) fn bits_flipped(message: &[u8], part: &[u8], places: usize) -> Vec<Vec<u8>> {
    let start = message.windows(part.len()).position(|window| window == part).unwrap();
    let step = (part.len() / places).max(1);
    let places = (0..part.len()).step_by(step).chain([part.len() - 1]);
    let flip = |(bit, place): (usize, usize)| {
        let mut message = message.to_vec();
        message[start + place] ^= 1 << (bit % 8);
        message
    };
    places.enumerate().map(flip).collect()
}
