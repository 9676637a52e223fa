//! A purchase in which one message, or what is signed or encrypted in it, is overwritten before it is signed and encrypted:
//! by a cardholder, a merchant or a gateway with good keys. Whatever comes, merchant and gateway answer, and never that it
//! is their own fault.
#![no_main]

use std::{cell::RefCell, sync::LazyLock, time::Duration};

use countersign_certs::{
    Certificate, RecipientCertificate, SigningKey, UnixTime,
    cms::{
        sealed,
        signed::{self, Form, Signer},
    },
};
use countersign_set::{
    asn1::{CertificateElement, Received},
    message::{
        authorization::{AuthReq, AuthReqData, AuthReqPayload, AuthReqTbs, AuthTags, CheckDigests},
        code::{CodeDirectReq, CodeReqTbs, CodeSubmissionTbe},
        common::{Chain, RrTags},
        failure::{ErrorCode, ErrorMessage},
        purchase::{Hpi, Inputs, PReq, Pi, PiData, PiDualSigned, PiDualSignedTbe, PiTbs},
        wrapper::{Message, MessageHeader, MessageWrapper},
    },
    protect::{Digest, KeyOf},
    table::{CONTENT_TYPES, Content},
    testing::{MERCHANT, Parties},
};
use der::{Decode, Encode};
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    // What is not authentic is answered after a wait, which costs nothing here.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime")
});

/// How many purchases a house sees before another is built: what it keeps is in memory.
const PURCHASES: u32 = 20;

thread_local! {
    static HOUSE: RefCell<(u32, Parties)> = RefCell::new((0, Parties::new()));
}

libfuzzer_sys::fuzz_target!(|input: (u8, u16, &[u8])| {
    let (layer, at, with) = input;
    HOUSE.with_borrow_mut(|(purchases, parties)| {
        *purchases += 1;
        if *purchases > PURCHASES {
            (*purchases, *parties) = (0, Parties::new());
        }
        RUNTIME.block_on(Attack { parties, layer: layer % 13, at: at.into(), with }.run());
    });
});

struct Attack<'a> {
    parties: &'a Parties,
    /// Where it is overwritten.
    layer: u8,
    at: usize,
    with: &'a [u8],
}

impl Attack<'_> {
    async fn run(&self) {
        let parties = self.parties;
        if self.layer == 0 {
            self.merchant(self.with).await;
            return self.gateway(self.with).await;
        }
        let order = parties.order("49.90").await;
        if self.layer == 1 {
            let wake_up = parties.merchant.wake_up(&order.id).await.expect("a wake-up");
            let offer = parties.wallet.offer(&wake_up, parties.now()).expect("an offer");
            let begun = offer.begin(&parties.wallet, &parties.entropy, parties.now());
            return self.merchant(&self.over(1, begun.expect("a PInitReq").0)).await;
        }
        let purchase = parties.named(&order).await;
        let request = purchase.request(&parties.wallet, &parties.entropy, parties.now());
        let (message, asked, sent) = request.expect("a PReq");
        if self.layer <= 6 {
            return self.gateway(&self.auth_req(&message)).await;
        }
        // What the gateway answers to the merchant, altered or not of it.
        if self.layer == 7 {
            *parties.wire.instead.lock().expect("no panic") = Some(self.with.to_vec());
        }
        let message = self.over(8, message);
        let answer = self.answered(parties.merchant.answer(&message).await);
        let _ = sent.answer(&asked, &self.over(9, answer), &parties.wallet.trust, parties.now());
        match self.layer {
            10 => {
                let inquiry = sent.inquiry(&parties.wallet, &parties.entropy, parties.now());
                self.merchant(&self.over(10, inquiry.expect("an InqReq").0)).await;
            }
            11 => self.code(&message).await,
            _ => {
                let code = sent.code_forward("123456", &parties.entropy, parties.now());
                self.merchant(&self.over(12, code.expect("a CodeForwardReq").0)).await;
            }
        }
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

    async fn merchant(&self, message: &[u8]) {
        self.answered(self.parties.merchant.answer(message).await);
    }

    async fn gateway(&self, message: &[u8]) {
        self.answered(self.parties.gateway.answer(message).await);
    }

    /// An answer that can be read, and does not blame the one who gives it.
    fn answered(&self, answer: Result<Vec<u8>, countersign_set::Failure>) -> Vec<u8> {
        let answer = answer.expect("an answer");
        let (trust, at) = (&self.parties.wallet.trust, self.time());
        let code = match MessageWrapper::from_der(&answer).expect("what was written").message {
            Message::Error(ErrorMessage::OfMerchant(signed)) => {
                Some(signed.verify(trust, at).expect("signed").0.error_code)
            }
            Message::Error(ErrorMessage::OfGateway(signed)) => {
                Some(signed.verify(trust, at).expect("signed").0.error_code)
            }
            _ => None,
        };
        assert_ne!(code, Some(ErrorCode::UnspecifiedFailure));
        answer
    }

    fn time(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.parties.now().unix_seconds()))
    }

    /// An authorization of what the cardholder sent, with signatures and digests over what is overwritten.
    fn auth_req(&self, p_req: &[u8]) -> Vec<u8> {
        let MessageWrapper { header, message } = MessageWrapper::from_der(p_req).expect("ours");
        let Message::PReq(PReq::DualSigned(request)) = message else { unreachable!("signed") };
        let keys = &self.parties.gateway.keys.exchange_keys;
        let opened = request.pi_dual_signed.pi_sealed.open(keys).expect("ours");
        let (h_oi_data, head) = (opened.h_oi_data.clone(), opened.pi_data.pi_head.clone());
        let Some(pi) = self.pi(opened) else { return Vec::new() };
        let Inputs { hod, purch_amt } = head.inputs;
        let data = AuthReqData {
            auth_tags: AuthTags { auth_rr_tags: self.tags(&header), trans_ids: head.trans_ids },
            check_digests: CheckDigests { h_oi_data, hod2: hod },
            auth_req_payload: AuthReqPayload { auth_req_amt: purch_amt, capture_now: true },
            me_certificates: self.merchant_chain(),
        };
        let h_baggage = Digest::of(&pi).expect("a digest");
        let tbs = AuthReqTbs { auth_req_data: data, h_baggage }.to_der().expect("ours");
        let Ok(enc) = Decode::from_der(&self.signed_and_sealed::<AuthReqTbs>(4, 5, tbs)) else {
            return Vec::new();
        };
        let message = Message::AuthReq(AuthReq { enc, baggage: pi });
        self.over(6, MessageWrapper { header, message }.to_der().expect("ours"))
    }

    /// The payment, signed by its cardholder over what is overwritten in it.
    fn pi(&self, opened: PiDualSignedTbe) -> Option<Received<Pi>> {
        let pi_data = self.over(2, opened.pi_data.as_bytes().to_vec());
        let pi_data: Received<PiData> = Received::from_der(&pi_data).ok()?;
        let h_oi_data = opened.h_oi_data;
        let tbs = PiTbs {
            hpi: Hpi::Signed(Digest::of(&pi_data).ok()?),
            h_oi_data: h_oi_data.clone(),
            gateway: pi_data.pi_head.gateway.clone(),
        };
        let identity = self.parties.wallet.identity.as_ref()?;
        let tbs = tbs.to_der().ok()?;
        let key = (&identity.certificate, &identity.key as &dyn SigningKey);
        let signature = self.signed::<PiTbs>(&tbs, Form::Detached, key);
        let enclosed = PiDualSignedTbe { pi_data, h_oi_data }.to_der().ok()?;
        let pi = Pi::DualSigned(PiDualSigned {
            pi_signature: Decode::from_der(&signature).ok()?,
            pi_sealed: Decode::from_der(&self.sealed(&self.over(3, enclosed))).ok()?,
        });
        Received::new(pi).ok()
    }

    /// A code, overwritten in its envelope, straight to the gateway; and on its way by a merchant.
    async fn code(&self, p_req: &[u8]) {
        let MessageWrapper { mut header, message } = MessageWrapper::from_der(p_req).expect("ours");
        let Message::PReq(PReq::DualSigned(request)) = message else { unreachable!("signed") };
        let keys = &self.parties.gateway.keys.exchange_keys;
        let opened = request.pi_dual_signed.pi_sealed.open(keys).expect("ours");
        let head = &opened.pi_data.pi_head;
        let tbs = PiTbs {
            hpi: Hpi::Signed(Digest::of(&opened.pi_data).expect("a digest")),
            h_oi_data: opened.h_oi_data.clone(),
            gateway: head.gateway.clone(),
        };
        let xid = head.trans_ids.xid.clone();
        let submission = CodeSubmissionTbe {
            xid: xid.clone(),
            h_pi_tbs: Digest::of(&Received::new(tbs).expect("ours")).expect("a digest"),
            ex_nonce: opened.pi_data.pan_data.ex_nonce.clone(),
            code: "123456".try_into().expect("a code"),
            pin: None,
        };
        let submission = self.sealed(&self.over(11, submission.to_der().expect("ours")));
        let code_submission = Decode::from_der(&submission).expect("ours");
        let direct = CodeDirectReq { rrpid: header.rrpid.clone(), xid, code_submission };
        let message = Message::CodeDirectReq(direct);
        let wrapper = MessageWrapper { header: header.clone(), message };
        self.gateway(&wrapper.to_der().expect("ours")).await;

        header.rrpid = self.parties.random().into();
        let tbs = CodeReqTbs {
            auth_tags: AuthTags {
                auth_rr_tags: self.tags(&header),
                trans_ids: head.trans_ids.clone(),
            },
            me_certificates: self.merchant_chain(),
            code_submission: Decode::from_der(&submission).ok(),
        };
        let tbs = tbs.to_der().expect("ours");
        let sealed = self.signed_and_sealed::<CodeReqTbs>(u8::MAX, u8::MAX, tbs);
        let message = Message::CodeReq(Decode::from_der(&sealed).expect("ours"));
        self.gateway(&MessageWrapper { header, message }.to_der().expect("ours")).await;
    }

    fn tags(&self, header: &MessageHeader) -> RrTags {
        RrTags {
            rrpid: header.rrpid.clone(),
            merchant_id: MERCHANT.try_into().expect("a name"),
            date: header.date,
            gateway: KeyOf::new(self.own().key_sha256()),
        }
    }

    fn merchant_chain(&self) -> Chain {
        let certificates = self.parties.merchant.keys.exchange.iter();
        let elements = certificates.map(CertificateElement::new);
        let elements = elements.collect::<der::Result<Vec<_>>>().expect("certificates");
        elements.try_into().expect("a chain")
    }

    /// By the merchant, to the gateway; either may be overwritten.
    fn signed_and_sealed<T: Content>(&self, within: u8, around: u8, tbs: Vec<u8>) -> Vec<u8> {
        let keys = &self.parties.merchant.keys;
        let key = (&keys.certificate, keys.key.as_ref());
        let signed = self.signed::<T>(&self.over(within, tbs), Form::Attached, key);
        self.sealed(&self.over(around, signed))
    }

    fn signed<T: Content>(
        &self,
        content: &[u8],
        form: Form,
        (certificate, key): (&Certificate, &dyn SigningKey),
    ) -> Vec<u8> {
        let signer = Signer { certificate, key, above: &[] };
        let content_type = format!("{CONTENT_TYPES}.{}", T::NUMBER).parse().expect("a type");
        signed::sign(content, content_type, form, &signer, self.time()).expect("a signature")
    }

    fn sealed(&self, content: &[u8]) -> Vec<u8> {
        let recipient = RecipientCertificate::new(self.own()).expect("a recipient");
        sealed::seal(content, &[recipient]).expect("an envelope")
    }

    /// The gateway's certificate that is encrypted to.
    fn own(&self) -> &Certificate {
        self.parties.gateway.keys.exchange.first().expect("a certificate")
    }
}
