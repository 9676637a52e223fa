//! OpenSSL reads every signature and envelope of a recorded purchase, and makes those of another.

use std::path::Path;

use countersign_domain::testing::{START, card};
use countersign_set::{
    asn1::{CertificateElement, Random, Received},
    message::{
        authorization::{
            AuthCode, AuthReq, AuthReqData, AuthReqPayload, AuthReqTbs, AuthResTbs, AuthTags,
            CheckDigests,
        },
        code::{CodeDirectReq, CodeDirectResData, CodeSubmissionTbe},
        common::{Chain, CurrencyAmount, RrTags, TransIds},
        initiation::PWakeUp,
        purchase::{
            HodInput, Hpi, Inputs, OiData, PanData, Pi, PiData, PiDualSigned, PiDualSignedTbe,
            PiHead, PiTbs, ReceiptData,
        },
        wrapper::{Message, MessageHeader, MessageWrapper},
    },
    protect::{Digest, KeyOf, Merchant, Signed},
    table::{CONTENT_TYPES, Content, Described as _, Role},
    testing::{BRAND, MERCHANT},
};
use der::{Decode, Encode, asn1::GeneralizedTime};
use tempfile::TempDir;

use crate::{
    house::{House, NAMES, folder, pair, pan_secret, recipient_keys},
    module::of,
    programs::{done, read, run, write},
    vectors,
    walk::{Found, walk},
};

/// Everything that is signed or encrypted in the recorded purchases.
fn protected(of: &str) -> Vec<Found> {
    let keys = recipient_keys(of);
    let messages = vectors::read(of).into_iter().filter_map(|vector| match vector.kind() {
        "MessageWrapper" => Some(walk(MessageWrapper::KIND, &vector.der, &keys)),
        "Signed" if vector.field("of") == Some("PWakeUpData") => {
            Some(walk(PWakeUp::KIND, &vector.der, &keys))
        }
        _ => None,
    });
    messages.flatten().collect()
}

/// A folder with every key, as `NAME.pem` and `NAME.key`, and the root.
fn with_keys(of: &str) -> TempDir {
    let there = tempfile::tempdir().unwrap();
    let files = NAMES.iter().flat_map(|name| [format!("{name}.pem"), format!("{name}.key")]);
    for file in files.chain(["root.pem".to_owned()]) {
        let from = folder(of).join("keys").join(format!("test-only-{file}"));
        std::fs::copy(from, there.path().join(file)).unwrap();
    }
    there
}

fn verify(folder: &Path, more: &str) -> (bool, String) {
    let at = START.unix_seconds();
    let arguments = format!(
        "cms -verify -binary -inform DER -in signed.der -CAfile root.pem -purpose any -attime {at} {more}"
    );
    run(folder, "openssl", &arguments)
}

fn decrypt(folder: &Path, to: &str) -> Vec<u8> {
    let arguments = format!(
        "cms -decrypt -binary -inform DER -in sealed.der -recip {to}-exchange.pem -inkey {to}-exchange.key -out opened.der"
    );
    done(folder, "openssl", &arguments);
    read(folder, "opened.der")
}

/// The same certificate, however it is written.
fn is_signed_by(folder: &Path, role: Role) -> bool {
    let name = match role {
        Role::Cardholder => "cardholder",
        Role::Merchant => "merchant-signature",
        Role::Gateway => "gateway-signature",
        // Of registrations: registration.rs.
        Role::Authority | Role::Applicant => unreachable!("{role:?} in a purchase"),
    };
    let [signer, own] = ["signer.pem".to_owned(), format!("{name}.pem")]
        .map(|file| done(folder, "openssl", &format!("x509 -in {file} -outform PEM")));
    signer == own
}

#[test]
fn openssl_verifies_every_signature_of_a_purchase_and_decrypts_every_envelope() {
    for kind in ["p256", "rsa3072"] {
        let there = with_keys(kind);
        let folder = there.path();
        let (mut signed, mut sealed, mut detached) = (0, 0, 0);
        for found in protected(kind) {
            match found {
                Found::Signed { what, by, content, message } => {
                    write(folder, "signed.der", message);
                    let Some(content) = content else {
                        detached += 1;
                        continue;
                    };
                    let (verified, said) = verify(folder, "-signer signer.pem -out content.der");
                    assert!(verified, "{kind} {what}: {said}");
                    assert!(is_signed_by(folder, by), "{kind} {what}");
                    assert_eq!(read(folder, "content.der"), content, "{kind} {what}");
                    signed += 1;
                }
                Found::Sealed { to, content, message } => {
                    write(folder, "sealed.der", message);
                    assert_eq!(decrypt(folder, of(to)), content, "{kind}");
                    sealed += 1;
                }
                Found::Structure { .. } | Found::Digest { .. } => {}
            }
        }
        assert!(signed >= 15 && sealed >= 7, "{kind}: {signed} signed, {sealed} sealed");
        assert_eq!(detached, 2, "the purchase, and the payment that is handed on");
    }
}

#[test]
fn openssl_verifies_the_dual_signature_over_what_it_is_over_and_nothing_else() {
    for kind in ["p256", "rsa3072"] {
        let there = with_keys(kind);
        let folder = there.path();
        let vectors = vectors::read(kind);
        let signature = vectors.iter().find(|vector| vector.kind() == "Signature").unwrap();
        let content = countersign_domain::hex::decode(signature.field("content").unwrap()).unwrap();
        write(folder, "signed.der", &signature.der);
        write(folder, "pi-tbs.der", &content);
        let beside = "-content pi-tbs.der -signer signer.pem -out content.der";
        let (verified, said) = verify(folder, beside);
        assert!(verified, "{kind}: {said}");
        assert!(is_signed_by(folder, Role::Cardholder), "{kind}");
        let other = content.iter().map(|byte| byte ^ 1).collect::<Vec<_>>();
        write(folder, "pi-tbs.der", other);
        assert!(!verify(folder, beside).0, "{kind}");
    }
}

/// The page's own command, as it stands there.
#[test]
fn a_receipt_is_verified_with_the_command_on_the_page() {
    let page = include_str!("../../../../docs/reference/set.md");
    let (_, after) = page.split_once("<!-- receipt: this is run by a test -->\n```sh\n").unwrap();
    let (script, _) = after.split_once("```").unwrap();
    for kind in ["p256", "rsa3072"] {
        let there = with_keys(kind);
        let folder = there.path();
        write(folder, "verify.sh", format!("set -eu\nAT={}\n{script}", START.unix_seconds()));
        let receipt = protected(kind).into_iter().find_map(|found| match found {
            Found::Signed { what: "ReceiptData", content, message, .. } => {
                Some((content?, message))
            }
            Found::Signed { .. }
            | Found::Structure { .. }
            | Found::Sealed { .. }
            | Found::Digest { .. } => None,
        });
        let (content, receipt) = receipt.unwrap();
        write(folder, "receipt.der", &receipt);
        let said = done(folder, "sh", "verify.sh");
        assert!(said.contains("CN = gateway-1"), "{said}");
        assert!(said.contains("Librairie Dupont"), "{said}");
        assert_eq!(read(folder, "receipt-data.der"), content);
        // One octet of what is signed.
        let at = receipt.windows(9).position(|window| window == b"Librairie").unwrap();
        let mut changed = receipt;
        changed[at] = b'X';
        write(folder, "receipt.der", changed);
        assert!(!run(folder, "sh", "verify.sh").0, "{kind}");
    }
}

/// Everything that is signed or encrypted for the gateway is made by OpenSSL, and what the gateway says is read by it.
#[tokio::test]
async fn a_gateway_is_paid_by_a_cardholder_and_a_merchant_who_are_openssl() {
    for kind in ["p256", "rsa3072"] {
        let there = with_keys(kind);
        let foreign = Foreign { kind, folder: there.path() };
        let house = House::new(kind);
        let paid = foreign.purchase();
        let answer = house.gateway.answer(&wrapped(Message::AuthReq(paid.request))).await.unwrap();
        let Message::AuthRes(answer) = unwrapped(&answer) else { panic!("{answer:?}") };
        write(foreign.folder, "sealed.der", answer.as_bytes());
        let signed = decrypt(foreign.folder, "merchant");
        let answer: AuthResTbs = foreign.verified(&signed, Role::Gateway);
        assert_eq!(answer.answer.auth_code, AuthCode::CodePending, "{kind}");

        let submission = CodeSubmissionTbe {
            xid: xid(),
            h_pi_tbs: paid.h_pi_tbs,
            ex_nonce: [3; 20].into(),
            code: house.phone().await.as_str().try_into().unwrap(),
            pin: None,
        };
        let direct = CodeDirectReq {
            rrpid: [8; 20].into(),
            xid: xid(),
            code_submission: foreign.sealed(&submission.to_der().unwrap()),
        };
        let answer = house.gateway.answer(&wrapped(Message::CodeDirectReq(direct))).await.unwrap();
        let Message::CodeDirectRes(answer) = unwrapped(&answer) else { panic!("{answer:?}") };
        let answer: CodeDirectResData = foreign.verified(answer.as_bytes(), Role::Gateway);
        assert_eq!(answer.auth_code, AuthCode::Approved, "{kind}");
        let receipt: ReceiptData =
            foreign.verified(answer.receipt.unwrap().as_bytes(), Role::Gateway);
        assert!(receipt.code_verified);
    }
}

/// The number of the request and of the purchase.
fn xid() -> Random {
    [7; 20].into()
}

fn date() -> GeneralizedTime {
    let since = std::time::Duration::from_secs(START.unix_seconds());
    GeneralizedTime::from_unix_duration(since).unwrap()
}

fn wrapped(message: Message) -> Vec<u8> {
    let header = MessageHeader {
        version: 1.try_into().unwrap(),
        revision: 0.try_into().unwrap(),
        date: date(),
        sw_ident: "OpenSSL".try_into().unwrap(),
        rrpid: [8; 20].into(),
        xid: Some(xid()),
    };
    MessageWrapper { header, message }.to_der().unwrap()
}

fn unwrapped(message: &[u8]) -> Message {
    MessageWrapper::from_der(message).unwrap().message
}

/// A cardholder and a merchant who sign and encrypt with OpenSSL.
struct Foreign<'a> {
    kind: &'static str,
    folder: &'a Path,
}

struct Paid {
    request: AuthReq,
    h_pi_tbs: Digest<PiTbs>,
}

impl Foreign<'_> {
    fn signed<T: Content, S: for<'a> Decode<'a, Error = der::Error>>(
        &self,
        structure: &Received<T>,
        by: &str,
        form: &str,
    ) -> S {
        write(self.folder, "structure.der", structure.as_bytes());
        let arguments = format!(
            "cms -sign -binary {form} -outform DER -in structure.der -signer {by}.pem -inkey {by}.key \
             -md sha256 -econtent_type {CONTENT_TYPES}.{} -out signed.der",
            T::NUMBER
        );
        done(self.folder, "openssl", &arguments);
        S::from_der(&read(self.folder, "signed.der")).unwrap()
    }

    /// Encrypted to the gateway.
    fn sealed<S: for<'a> Decode<'a, Error = der::Error>>(&self, plaintext: &[u8]) -> S {
        write(self.folder, "plain.der", plaintext);
        let options = match self.kind {
            "p256" => "-aes256-wrap -recip gateway-exchange.pem -keyopt ecdh_kdf_md:sha256",
            _ => {
                "-recip gateway-exchange.pem -keyopt rsa_padding_mode:oaep -keyopt \
                 rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256"
            }
        };
        let arguments = format!(
            "cms -encrypt -binary -keyid -outform DER -in plain.der -out sealed.der -aes-256-gcm {options}"
        );
        done(self.folder, "openssl", &arguments);
        S::from_der(&read(self.folder, "sealed.der")).unwrap()
    }

    fn verified<T: Content>(&self, signed: &[u8], by: Role) -> T {
        write(self.folder, "signed.der", signed);
        let (verified, said) = verify(self.folder, "-signer signer.pem -out content.der");
        assert!(verified, "{said}");
        assert!(is_signed_by(self.folder, by));
        T::from_der(&read(self.folder, "content.der")).unwrap()
    }

    fn purchase(&self) -> Paid {
        let key_of = |name| pair(self.kind, name).0.key_sha256();
        let (gateway, merchant) = (key_of("gateway-exchange"), key_of("merchant-signature"));
        let trans_ids = TransIds {
            lid_c: vec![1].try_into().unwrap(),
            lid_m: vec![2].try_into().unwrap(),
            xid: xid(),
            p_req_date: date(),
            language: "en".try_into().unwrap(),
        };
        let amount = CurrencyAmount {
            currency: 978.try_into().unwrap(),
            amount: 4990.try_into().unwrap(),
            amt_exp10: (-2).try_into().unwrap(),
        };
        let hod_input = HodInput {
            od: "Two books".try_into().unwrap(),
            purch_amt: amount.clone(),
            od_salt: [4; 20].into(),
        };
        let hod = Digest::of(&Received::new(hod_input).unwrap()).unwrap();
        let oi_data = OiData {
            trans_ids: trans_ids.clone(),
            rrpid: [5; 20].into(),
            chall_c: [6; 20].into(),
            hod: hod.clone(),
            od_salt: [4; 20].into(),
            chall_m: [9; 20].into(),
            brand_id: BRAND.try_into().unwrap(),
            gateway: KeyOf::new(gateway),
        };
        let h_oi_data = Digest::of(&Received::new(oi_data).unwrap()).unwrap();
        let pi_head = PiHead {
            trans_ids: trans_ids.clone(),
            inputs: Inputs { hod: hod.clone(), purch_amt: amount.clone() },
            merchant_id: MERCHANT.try_into().unwrap(),
            merchant: KeyOf::new(merchant),
            brand_id: BRAND.try_into().unwrap(),
            gateway: KeyOf::new(gateway),
            sw_ident: "OpenSSL".try_into().unwrap(),
        };
        let (pi, h_pi_tbs) = self.payment(pi_head, h_oi_data.clone());
        let data = AuthReqData {
            auth_tags: AuthTags {
                auth_rr_tags: RrTags {
                    rrpid: [8; 20].into(),
                    merchant_id: MERCHANT.try_into().unwrap(),
                    date: date(),
                    gateway: KeyOf::new(gateway),
                },
                trans_ids,
            },
            check_digests: CheckDigests { h_oi_data, hod2: hod },
            auth_req_payload: AuthReqPayload { auth_req_amt: amount, capture_now: true },
            me_certificates: self.chain("merchant-exchange"),
        };
        let h_baggage = Digest::of(&pi).unwrap();
        let tbs = Received::new(AuthReqTbs { auth_req_data: data, h_baggage }).unwrap();
        let signed: Signed<AuthReqTbs, Merchant> =
            self.signed(&tbs, "merchant-signature", "-nodetach");
        let enc = self.sealed(signed.as_bytes());
        Paid { request: AuthReq { enc, baggage: pi }, h_pi_tbs }
    }

    /// The dual signature, and the envelope.
    fn payment(&self, pi_head: PiHead, h_oi_data: Digest<OiData>) -> (Received<Pi>, Digest<PiTbs>) {
        let gateway = pi_head.gateway.clone();
        let pan_data = PanData {
            pan: card().expose_number().try_into().unwrap(),
            card_expiry: "202912".try_into().unwrap(),
            pan_secret: pan_secret(),
            ex_nonce: [3; 20].into(),
        };
        let pi_data = Received::new(PiData { pi_head, pan_data }).unwrap();
        let hpi = Hpi::Signed(Digest::of(&pi_data).unwrap());
        let tbs = PiTbs { hpi, h_oi_data: h_oi_data.clone(), gateway };
        let tbs = Received::new(tbs).unwrap();
        let enclosed = PiDualSignedTbe { pi_data, h_oi_data };
        let pi = Pi::DualSigned(PiDualSigned {
            pi_signature: self.signed(&tbs, "cardholder", ""),
            pi_sealed: self.sealed(&enclosed.to_der().unwrap()),
        });
        (Received::new(pi).unwrap(), Digest::of(&tbs).unwrap())
    }

    fn chain(&self, name: &str) -> Chain {
        let certificate = pair(self.kind, name).0;
        vec![CertificateElement::new(&certificate).unwrap()].try_into().unwrap()
    }
}
