//! The cardholder's side of registration (F11.1): from an initiation to a certificate for a new key. That of merchants and
//! gateways is in business.rs. It knows no network: messages in, messages out.
//!
//! ```text
//!   Invitation::read(wake-up)
//!   Invitation::begin    -> CardCInitReq   Begun::accept(CardCInitRes)      -> Introduced
//!   Introduced::ask_form -> RegFormReq     FormAsked::accept(RegFormRes)    -> Form
//!   Form::request        -> CertReq        Registration::answer(CertRes)    -> Standing
//!   Registration::prove  -> CertInqReq     Registration::answer(CertInqRes) -> Standing
//! ```

pub mod business;

use countersign_certs::{
    Certificate, CertificateDer, EndEntityKind, KeyPair, RecipientCertificate, RecipientKey,
    TrustAnchors, UnixTime, VerifiedCertificate, cms::signed::Signer, to_self_certified,
};
use countersign_domain::{card::Card, randomness::Entropy, time::Timestamp};
use der::Decode as _;

use crate::{
    asn1::{Random, Received, SecretOctets, Text},
    cardholder::{WalletError, read, unexpected},
    message::{
        common::{BrandId, Chain, LocalId},
        failure::ErrorCode,
        purchase::PanData,
        registration::{
            BackKey, CardCInitReq, CardWish, CertInqReqTbs, CertReqTbs, CertStatusCode,
            CertSubject, PhoneProof, RegCodeStart, RegFormOrReferral, RegFormReqTbe, RegFormRes,
            RegWakeUp, RegWakeUpData,
        },
        wrapper::Message,
    },
    name::{card_digits, random, timestamp, unix_time},
    protect::{self, Authority, Digest, KeyOf, ProtectError, Sealed, Signed},
    table::Content,
    trust::verify_chain,
    wire::wrap,
};

/// The one that registers, as a wallet has it: a card, and a key that has no certificate yet.
#[derive(Debug)]
pub struct Registrant {
    /// What the key shall pay with.
    pub card: Card,
    /// Its brand.
    pub brand: BrandId,
    /// The key to be certified.
    pub key: KeyPair,
    /// What ties the card to the name in the certificate.
    pub pan_secret: SecretOctets,
    /// The authorities that are trusted.
    pub trust: TrustAnchors,
    /// The language of the message to the phone (RFC 5646).
    pub language: Text<35>,
}

/// Where one registers, its signature verified.
#[derive(Clone, Debug)]
pub struct Invitation {
    data: RegWakeUpData,
    authority: KeyOf<Authority>,
}

impl Invitation {
    /// The invitation in an initiation.
    ///
    /// # Errors
    /// When it is not signed by an authority that is trusted.
    pub fn read(wake_up: &[u8], trust: &TrustAnchors, now: Timestamp) -> Result<Self, WalletError> {
        let unreadable = |_| WalletError::Unreadable(ErrorCode::DecodingFailure);
        let wake_up = RegWakeUp::from_der(wake_up).map_err(unreadable)?;
        let (data, signer) = wake_up.verify(trust, unix_time(now))?;
        let authority = KeyOf::new(*signer.key_sha256());
        Ok(Self { data: data.into_value(), authority })
    }

    /// The authority, by the name that people know.
    pub fn authority_name(&self) -> &str {
        self.data.ca_name.as_str()
    }

    /// Where it takes messages.
    pub fn url(&self) -> &str {
        self.data.set_url.as_str()
    }

    /// The first message.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn begin(
        self,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Begun), WalletError> {
        let request = CardCInitReq {
            rrpid: random(entropy)?.into(),
            lid_ee: LocalId::try_from(random(entropy)?.to_vec())?,
            chall_ee: random(entropy)?.into(),
        };
        let message = wrap(Message::CardCInitReq(request.clone()), &request.rrpid, None, now)?;
        Ok((message, Begun { authority: self.authority, request }))
    }
}

/// A registration whose authority has not said yet who is encrypted to.
#[derive(Clone, Debug)]
pub struct Begun {
    authority: KeyOf<Authority>,
    request: CardCInitReq,
}

impl Begun {
    /// Checks the authority's answer (SET book 2, the cardholder's checks on CardCInitRes).
    ///
    /// # Errors
    /// The first check that fails.
    pub fn accept(
        self,
        answer: &[u8],
        registrant: &Registrant,
        now: Timestamp,
    ) -> Result<Introduced, WalletError> {
        let wrapper = read(answer)?;
        let Message::CardCInitRes(signed) = wrapper.message else {
            return Err(unexpected(wrapper, &registrant.trust, now));
        };
        let (answer, signer) = signed.verify(&registrant.trust, unix_time(now))?;
        let Self { authority, request } = self;
        all_equal([
            ("signer", is_key_of(&authority, &signer)),
            ("rrpid", answer.rrpid == request.rrpid),
            ("lid-EE", answer.lid_ee == request.lid_ee),
            ("chall-EE", answer.chall_ee == request.chall_ee),
        ])?;
        let recipient =
            recipient(&answer.cae_certificates, &signer, &registrant.trust, unix_time(now))?;
        Ok(Introduced { authority, recipient, lid_ee: request.lid_ee })
    }
}

/// The authority's certificate to encrypt to, of the name that its signer has.
fn recipient(
    chain: &Chain,
    signer: &VerifiedCertificate,
    trust: &TrustAnchors,
    at: UnixTime,
) -> Result<RecipientCertificate, WalletError> {
    let receiver = verify_chain(trust, chain, at, EndEntityKind::AuthorityKeyExchange)
        .map_err(|refusal| ProtectError::Signed { what: "Cert-CAE", refusal })?;
    all_equal([("Cert-CAE", receiver.common_name() == signer.common_name())])?;
    let recipient = Certificate::from_der(receiver.certificate().clone())
        .and_then(|certificate| RecipientCertificate::new(&certificate));
    Ok(recipient.map_err(|cause| ProtectError::Failed { what: "Cert-CAE", cause })?)
}

/// An authority that one can encrypt to.
#[derive(Clone, Debug)]
pub struct Introduced {
    authority: KeyOf<Authority>,
    recipient: RecipientCertificate,
    lid_ee: LocalId,
}

impl Introduced {
    /// Asks for the form of the card.
    ///
    /// # Errors
    /// When the source of randomness or a key fails.
    pub fn ask_form(
        self,
        registrant: &Registrant,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, FormAsked), WalletError> {
        let (pan, _) = card_digits(&registrant.card)?;
        let tbe = RegFormReqTbe {
            rrpid: random(entropy)?.into(),
            lid_ee: self.lid_ee.clone(),
            chall_ee2: random(entropy)?.into(),
            brand_id: registrant.brand.clone(),
            pan,
        };
        let sealed = Sealed::seal(&tbe, &self.recipient)?;
        let message = wrap(Message::RegFormReq(sealed), &tbe.rrpid, None, now)?;
        let RegFormReqTbe { rrpid, chall_ee2, .. } = tbe;
        Ok((message, FormAsked { authority: self, rrpid, chall_ee2 }))
    }
}

/// A form that was asked for.
#[derive(Clone, Debug)]
pub struct FormAsked {
    authority: Introduced,
    rrpid: Random,
    chall_ee2: Random,
}

impl FormAsked {
    /// Checks the form (SET book 2, the cardholder's checks on RegFormRes).
    ///
    /// # Errors
    /// The first check that fails; [`WalletError::Referred`] when the authority registers no such cards.
    pub fn accept(
        self,
        answer: &[u8],
        registrant: &Registrant,
        now: Timestamp,
    ) -> Result<Form, WalletError> {
        let wrapper = read(answer)?;
        let Message::RegFormRes(signed) = wrapper.message else {
            return Err(unexpected(wrapper, &registrant.trust, now));
        };
        let (answer, signer) = signed.verify(&registrant.trust, unix_time(now))?;
        all_equal([
            ("signer", is_key_of(&self.authority.authority, &signer)),
            ("rrpid", answer.rrpid == self.rrpid),
            ("lid-EE", answer.lid_ee == self.authority.lid_ee),
            ("chall-EE2", answer.chall_ee2 == self.chall_ee2),
        ])?;
        let policy = policy(&answer.reg_form_or_referral)?;
        Ok(Form { authority: self.authority, signed, policy })
    }
}

/// What is to be agreed to, unless such are not registered here.
fn policy(answer: &RegFormOrReferral) -> Result<String, WalletError> {
    match answer {
        RegFormOrReferral::Form(form) => Ok(form.policy_text.as_str().to_owned()),
        RegFormOrReferral::Referral(referral) => {
            Err(WalletError::Referred(referral.reason.as_str().to_owned()))
        }
    }
}

/// A form, to be agreed to.
#[derive(Clone, Debug)]
pub struct Form {
    authority: Introduced,
    signed: RegFormRes,
    policy: String,
}

impl Form {
    /// What the person agrees to.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The wish for a certificate, signed with the new key.
    ///
    /// # Errors
    /// When the source of randomness or a key fails.
    pub fn request(
        self,
        registrant: &Registrant,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Asked, Registration), WalletError> {
        let (pan, card_expiry) = card_digits(&registrant.card)?;
        let pan_data = Received::new(PanData {
            pan,
            card_expiry,
            pan_secret: registrant.pan_secret.clone(),
            ex_nonce: SecretOctets::from(random(entropy)?),
        })?;
        let asked = Asked::new(entropy)?;
        let tbs = Received::new(CertReqTbs {
            rrpid: asked.rrpid.clone(),
            lid_ee: self.authority.lid_ee.clone(),
            chall_ee3: asked.chall_ee3.clone(),
            subject: CertSubject::Card(CardWish {
                language: registrant.language.clone(),
                reg_form_res: self.signed,
                pan_data: pan_data.clone(),
            }),
            ca_back_key: asked.back_key.clone(),
        })?;
        let wish = Wish { authority: self.authority, h_cert_req: Digest::of(&tbs)? };
        let sealed = wish.authority.sealed(&tbs, &registrant.key, now)?;
        let message = wrap(Message::CertReq(sealed), &asked.rrpid, None, now)?;
        Ok((message, asked, Registration { wish, pan_data }))
    }
}

impl Introduced {
    /// Signed with the new key, and encrypted to the authority.
    fn sealed<T: Content>(
        &self,
        tbs: &Received<T>,
        key: &KeyPair,
        now: Timestamp,
    ) -> Result<Sealed<Signed<T, protect::Applicant>, Authority>, WalletError> {
        Ok(Sealed::seal(&signed_with(key, tbs, now)?, &self.recipient)?)
    }
}

/// Signed with a new key, which shows no certificate but its own.
fn signed_with<T: Content>(
    key: &KeyPair,
    tbs: &Received<T>,
    now: Timestamp,
) -> Result<Signed<T, protect::Applicant>, WalletError> {
    let at = unix_time(now);
    let certificate = to_self_certified(key, at)
        .map_err(|cause| ProtectError::Failed { what: "the new key", cause })?;
    let signer = Signer { certificate: &certificate, key, above: &[] };
    Ok(Signed::sign(tbs, &signer, at)?)
}

/// A question to the authority that is not answered yet.
#[derive(Clone, Debug)]
pub struct Asked {
    rrpid: Random,
    chall_ee3: Random,
    back_key: BackKey,
}

impl Asked {
    fn new(entropy: &dyn Entropy) -> Result<Self, WalletError> {
        let mut back_key = zeroize::Zeroizing::new([0; 32]);
        entropy.fill(back_key.as_mut_slice())?;
        Ok(Self {
            rrpid: random(entropy)?.into(),
            chall_ee3: random(entropy)?.into(),
            back_key: BackKey::from(*back_key),
        })
    }

    /// What opens the answer.
    fn opens(&self) -> RecipientKey {
        RecipientKey::shared(self.rrpid.as_bytes(), self.back_key.expose())
    }
}

/// A wish for certificates as it was signed, and whose answers are to it.
#[derive(Debug)]
struct Wish {
    authority: Introduced,
    h_cert_req: Digest<CertReqTbs>,
}

/// A registration that was asked for, and what its answers must be of.
#[derive(Debug)]
pub struct Registration {
    wish: Wish,
    pan_data: Received<PanData>,
}

/// How a registration stands, as the authority says.
#[derive(Clone, Debug)]
pub struct Standing {
    /// How it stands.
    pub status: CertStatusCode,
    /// What to ask the person for.
    pub code: Option<CodeStart>,
    /// The certificate and those above it, once it is complete.
    pub certificates: Vec<Certificate>,
    /// Those of the key that is encrypted to, of a merchant or a gateway.
    pub exchange_certificates: Vec<Certificate>,
}

/// A code is on its way to the phone that is vouched for the card, if there is one.
#[derive(Clone, Debug)]
pub struct CodeStart {
    /// How many digits it has.
    pub digits: u8,
    /// How many codes may still be typed.
    pub attempts_left: u8,
    /// The few characters that the message to the phone must show, too (W12).
    pub reference: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl From<&RegCodeStart> for CodeStart {
    fn from(start: &RegCodeStart) -> Self {
        Self {
            // Both are bounded far below by their types.
            digits: u8::try_from(start.digits.get()).unwrap_or(u8::MAX),
            attempts_left: u8::try_from(start.attempts_left.get()).unwrap_or(0),
            reference: start.reference.as_str().to_owned(),
            expires_at: timestamp(&start.expires_at),
        }
    }
}

impl Registration {
    /// The typed code.
    ///
    /// # Errors
    /// When it is no code, and when the source of randomness or a key fails.
    pub fn prove(
        &self,
        code: &str,
        registrant: &Registrant,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Asked), WalletError> {
        let proof = PhoneProof { pan_data: self.pan_data.clone(), code: code.try_into()? };
        self.wish.inquire(Some(proof), &registrant.key, entropy, now)
    }

    /// Checks an answer (SET book 2, the cardholder's checks on CertRes): it opens with the key that was sent along, the
    /// authority signed it, and it answers this question about this registration. That the certificate is the one that was
    /// asked for is for the wallet to check, which keeps it.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn answer(
        &self,
        asked: &Asked,
        answer: &[u8],
        registrant: &Registrant,
        now: Timestamp,
    ) -> Result<Standing, WalletError> {
        self.wish.answer(asked, answer, &registrant.trust, now)
    }
}

impl Wish {
    /// Asks how it stands, with what proves the phone where there is one.
    fn inquire(
        &self,
        phone_proof: Option<PhoneProof>,
        key: &KeyPair,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Asked), WalletError> {
        let asked = Asked::new(entropy)?;
        let tbs = Received::new(CertInqReqTbs {
            rrpid: asked.rrpid.clone(),
            lid_ee: self.authority.lid_ee.clone(),
            chall_ee3: asked.chall_ee3.clone(),
            h_cert_req: self.h_cert_req.clone(),
            ca_back_key: asked.back_key.clone(),
            phone_proof,
        })?;
        let sealed = self.authority.sealed(&tbs, key, now)?;
        Ok((wrap(Message::CertInqReq(sealed), &asked.rrpid, None, now)?, asked))
    }

    fn answer(
        &self,
        asked: &Asked,
        answer: &[u8],
        trust: &TrustAnchors,
        now: Timestamp,
    ) -> Result<Standing, WalletError> {
        let wrapper = read(answer)?;
        let (Message::CertRes(sealed) | Message::CertInqRes(sealed)) = wrapper.message else {
            return Err(unexpected(wrapper, trust, now));
        };
        let signed = sealed.open(&[asked.opens()])?;
        let (answer, signer) = signed.verify(trust, unix_time(now))?;
        all_equal([
            ("signer", is_key_of(&self.authority.authority, &signer)),
            ("rrpid", answer.rrpid == asked.rrpid),
            ("lid-EE", answer.lid_ee == self.authority.lid_ee),
            ("chall-EE3", answer.chall_ee3 == asked.chall_ee3),
            ("hCertReq", answer.h_cert_req == self.h_cert_req),
        ])?;
        Ok(Standing {
            status: answer.cert_status,
            code: answer.code_start.as_ref().map(CodeStart::from),
            certificates: certificates(answer.certificates.as_ref())?,
            exchange_certificates: certificates(answer.exchange_certificates.as_ref())?,
        })
    }
}

fn certificates(chain: Option<&Chain>) -> Result<Vec<Certificate>, WalletError> {
    let chain = chain.into_iter().flat_map(|chain| chain.as_slice());
    let read = chain.map(|one| {
        Certificate::from_der(CertificateDer::from(one.as_bytes().to_vec()))
            .map_err(|cause| ProtectError::Failed { what: "the certificate", cause })
    });
    Ok(read.collect::<Result<_, _>>()?)
}

fn is_key_of(authority: &KeyOf<Authority>, signer: &VerifiedCertificate) -> bool {
    *authority == KeyOf::new(*signer.key_sha256())
}

fn all_equal<const N: usize>(checks: [(&'static str, bool); N]) -> Result<(), WalletError> {
    match checks.into_iter().find(|(_, is_equal)| !is_equal) {
        Some((field, _)) => Err(WalletError::Mismatch(field)),
        None => Ok(()),
    }
}
