//! What a merchant can do with its own keys to a purchase that came to it, and what another gateway can do to a payment that
//! was meant for it. Keys are read from the sandbox's folder, where those of all parties are.

use std::{fs, path::Path, time::Duration};

use countersign_certs::{
    Certificate, CertificateDer, KeyPair, RecipientCertificate, RecipientKey, TrustAnchors,
    UnixTime, cms::signed::Signer,
};
use countersign_domain::{amount::Amount, randomness::Entropy as _, time::Timestamp};
use countersign_set::{
    asn1::{CertificateElement, Random, Received},
    message::{
        authorization::{AuthReq, AuthReqData, AuthReqPayload, AuthReqTbs, AuthTags, CheckDigests},
        common::{Chain, CurrencyAmount, RrTags},
        failure::ErrorMessage,
        initiation::PInitResData,
        purchase::{OiData, PReq, Pi, PiDualSigned},
        wrapper::{Message, MessageHeader, MessageWrapper},
    },
    protect::{Digest, KeyOf, Merchant, Party, Sealed, Signed},
    table::Content,
};
use der::{Decode as _, Encode as _, asn1::GeneralizedTime};
use rustls::pki_types::pem::PemObject as _;

use super::{Program, not_der};
use crate::failure::Failure;

/// The sandbox's merchant, by its id and the names of its files.
pub(crate) const MERCHANT: &str = "dupont";
/// The merchant that is not the sandbox's.
pub(crate) const OTHER_MERCHANT: &str = "martin";
/// The sandbox's gateway, by the files of the key to which it has changed.
pub(crate) const GATEWAY: &str = "gateway-next";
/// The gateway that is not the sandbox's.
pub(crate) const OTHER_GATEWAY: &str = "other-gateway";

/// A purchase that a dishonest merchant has, and has told nobody about.
#[derive(Debug)]
pub(crate) struct Taken {
    /// As the wallet sent it.
    pub(crate) message: Vec<u8>,
    pub(crate) gateway_url: String,
}

/// What was asked of the gateway, and what it said.
#[derive(Debug)]
pub(crate) struct QuestionToGateway {
    pub(crate) message: Vec<u8>,
    pub(crate) answer: Vec<u8>,
    /// The name of its answer, or of its error.
    pub(crate) said: String,
}

/// A merchant that does what it likes.
pub(crate) struct Dishonest<'a> {
    pub(crate) id: &'static str,
    pub(crate) folder: &'a Path,
    pub(crate) trust: &'a TrustAnchors,
    pub(crate) program: &'a Program,
}

impl Dishonest<'_> {
    /// Asks the gateway for that amount, with that payment beside the order of the purchase.
    pub(crate) async fn ask(
        &self,
        taken: &Taken,
        amount: Amount,
        pi: Pi,
    ) -> Result<QuestionToGateway, Failure> {
        self.send(&taken.gateway_url, self.auth_req(taken, amount, pi)?).await
    }

    /// Sends the gateway what may have been sent before.
    pub(crate) async fn send(
        &self,
        url: &str,
        message: Vec<u8>,
    ) -> Result<QuestionToGateway, Failure> {
        let answer = self.program.exchange(url, message.clone()).await?;
        let said = self.said(&answer)?;
        Ok(QuestionToGateway { message, answer, said })
    }

    fn auth_req(&self, taken: &Taken, amount: Amount, pi: Pi) -> Result<Vec<u8>, Failure> {
        let (_, order) = parts(&taken.message)?;
        let (oi_data, baggage) = (received(order.clone())?, received(pi)?);
        let gateway = self.certificate(GATEWAY)?;
        let rrpid = self.random()?;
        let auth_rr_tags = RrTags {
            rrpid: rrpid.clone(),
            merchant_id: self.id.try_into().map_err(not_der)?,
            date: generalized_time(self.program.now)?,
            gateway: KeyOf::new(gateway.key_sha256()),
        };
        let auth_req_data = AuthReqData {
            auth_tags: AuthTags { auth_rr_tags, trans_ids: order.trans_ids.clone() },
            check_digests: CheckDigests {
                h_oi_data: Digest::of(&oi_data).map_err(failed)?,
                hod2: order.hod,
            },
            auth_req_payload: AuthReqPayload {
                auth_req_amt: CurrencyAmount::try_from(amount).map_err(not_der)?,
                capture_now: true,
            },
            me_certificates: self.chain(&format!("{}-exchange", self.id))?,
        };
        let tbs = AuthReqTbs { auth_req_data, h_baggage: Digest::of(&baggage).map_err(failed)? };
        let recipient = RecipientCertificate::new(&gateway).map_err(failed)?;
        let enc = Sealed::seal(&self.signed(tbs)?, &recipient).map_err(failed)?;
        let header = MessageHeader {
            version: 1.try_into().map_err(not_der)?,
            revision: 0.try_into().map_err(not_der)?,
            date: generalized_time(self.program.now)?,
            sw_ident: "a dishonest merchant".try_into().map_err(not_der)?,
            rrpid,
            xid: Some(order.trans_ids.xid),
        };
        let message = Message::AuthReq(AuthReq { enc, baggage });
        MessageWrapper { header, message }.to_der().map_err(not_der)
    }

    /// The name of the gateway's answer, which only the merchant's key opens, or of its error.
    fn said(&self, answer: &[u8]) -> Result<String, Failure> {
        let at = at(self.program.now);
        match MessageWrapper::from_der(answer).map_err(not_der)?.message {
            Message::AuthRes(sealed) => {
                let keys = [recipient_key(self.folder, &format!("{}-exchange", self.id))?];
                let signed = sealed.open(&keys).map_err(failed)?;
                let (tbs, _) = signed.verify(self.trust, at).map_err(failed)?;
                Ok(tbs.answer.auth_code.name().to_owned())
            }
            Message::Error(ErrorMessage::OfGateway(error)) => {
                let (error, _) = error.verify(self.trust, at).map_err(failed)?;
                Ok(error.error_code.name().to_owned())
            }
            _ => Err(Failure::new("the gateway gave neither an answer nor an error")),
        }
    }

    /// What the merchant answered when it named a purchase.
    pub(crate) fn named(&self, answer: &[u8]) -> Result<PInitResData, Failure> {
        match MessageWrapper::from_der(answer).map_err(not_der)?.message {
            Message::PInitRes(signed) => {
                let verified = signed.verify(self.trust, at(self.program.now));
                Ok(verified.map_err(failed)?.0.into_value())
            }
            _ => Err(Failure::new("the merchant has not named the purchase")),
        }
    }

    /// The same, with another gateway's certificate.
    pub(crate) fn with_other_gateway(&self, answer: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut wrapper = MessageWrapper::from_der(answer).map_err(not_der)?;
        let pe_certificates = self.chain(OTHER_GATEWAY)?;
        let named = PInitResData { pe_certificates, ..self.named(answer)? };
        wrapper.message = Message::PInitRes(self.signed(named)?);
        wrapper.to_der().map_err(not_der)
    }

    /// A payment that was meant for the other gateway, opened by it and encrypted to the sandbox's.
    pub(crate) fn reenveloped(&self, pi: Pi) -> Result<Pi, Failure> {
        let keys = [recipient_key(self.folder, OTHER_GATEWAY)?];
        let gateway = RecipientCertificate::new(&self.certificate(GATEWAY)?).map_err(failed)?;
        match pi {
            Pi::DualSigned(pi) => {
                let opened = pi.pi_sealed.open(&keys).map_err(failed)?;
                let pi_sealed = Sealed::seal(&opened, &gateway).map_err(failed)?;
                Ok(Pi::DualSigned(PiDualSigned { pi_sealed, ..pi }))
            }
            Pi::Unsigned(sealed) => {
                let opened = sealed.open(&keys).map_err(failed)?;
                Ok(Pi::Unsigned(Sealed::seal(&opened, &gateway).map_err(failed)?))
            }
        }
    }

    fn signed<T: Content>(&self, structure: T) -> Result<Signed<T, Merchant>, Failure>
    where
        Merchant: Party,
    {
        let (chain, key) = issued(self.folder, &format!("{}-signature", self.id))?;
        let (certificate, above) =
            chain.split_first().ok_or_else(|| Failure::new("a chain without certificates"))?;
        let signer = Signer { certificate, key: &key, above };
        Signed::sign(&received(structure)?, &signer, at(self.program.now)).map_err(failed)
    }

    fn random(&self) -> Result<Random, Failure> {
        let mut octets = [0; 20];
        self.program.entropy.fill(&mut octets).map_err(failed)?;
        Ok(Random::from(octets))
    }

    fn certificate(&self, name: &str) -> Result<Certificate, Failure> {
        let first = issued(self.folder, name)?.0.into_iter().next();
        first.ok_or_else(|| Failure::new(format!("{name}: no certificate")))
    }

    fn chain(&self, name: &str) -> Result<Chain, Failure> {
        let (chain, _) = issued(self.folder, name)?;
        let elements = chain.iter().map(|one| CertificateElement::from_der(one.der()));
        let elements = elements.collect::<Result<Vec<_>, _>>().map_err(not_der)?;
        Chain::try_from(elements).map_err(not_der)
    }
}

/// The payment and the order in a purchase.
pub(crate) fn parts(message: &[u8]) -> Result<(Pi, OiData), Failure> {
    match MessageWrapper::from_der(message).map_err(not_der)?.message {
        Message::PReq(PReq::DualSigned(request)) => {
            let order = request.oi_dual_signed.oi_data.into_value();
            Ok((Pi::DualSigned(request.pi_dual_signed), order))
        }
        Message::PReq(PReq::Unsigned(request)) => {
            Ok((Pi::Unsigned(request.pi_unsigned), request.oi_unsigned.oi_data.into_value()))
        }
        _ => Err(Failure::new("it is no purchase")),
    }
}

/// A key of the sandbox's folder that opens what is encrypted to its certificate.
pub(crate) fn recipient_key(folder: &Path, name: &str) -> Result<RecipientKey, Failure> {
    let (chain, key) = issued(folder, name)?;
    let certificate = chain.first().ok_or_else(|| Failure::new(format!("{name}: empty")))?;
    RecipientKey::new(certificate, &key).map_err(failed)
}

/// A chain of the sandbox's folder, and the key of its first certificate.
fn issued(folder: &Path, name: &str) -> Result<(Vec<Certificate>, KeyPair), Failure> {
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    let of_file = |error: &dyn std::fmt::Display| Failure::new(format!("{name}: {error}"));
    let chain = CertificateDer::pem_file_iter(file("pem")).map_err(|error| of_file(&error))?;
    let chain = chain.map(|der| {
        let der = der.map_err(|error| of_file(&error))?;
        Certificate::from_der(der).map_err(|error| of_file(&error))
    });
    let key = fs::read_to_string(file("key")).map_err(|error| of_file(&error))?;
    let key = KeyPair::from_pem(&key).map_err(|error| of_file(&error))?;
    Ok((chain.collect::<Result<_, _>>()?, key))
}

fn received<T: der::Encode>(structure: T) -> Result<Received<T>, Failure> {
    Received::new(structure).map_err(not_der)
}

fn at(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(now.unix_seconds()))
}

fn generalized_time(now: Timestamp) -> Result<GeneralizedTime, Failure> {
    GeneralizedTime::from_unix_duration(Duration::from_secs(now.unix_seconds())).map_err(not_der)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
