//! Records one purchase of each kind, and writes what is in it. Not made again: keys, nonces and ECDSA are random.

use std::{collections::BTreeSet, fs};

use countersign_certs::{KeyKind, RecipientCertificate};
use countersign_domain::{
    binding::ShortReference,
    digest::Sha256Digest,
    hex,
    testing::{START, card},
};
use countersign_set::{
    asn1::Received,
    message::{
        code::{CodeStartData, CodeSubmission, CodeSubmissionTbe},
        common::AccountName,
        failure::{ErrorCode, ErrorMessage, ErrorTbs},
        initiation::PWakeUp,
        purchase::{HodInput, Hpi, OiData, PiData, PiDataUnsigned, PiTbs, PurchaseName},
        registration::RegWakeUp,
        wrapper::{Message, MessageHeader, MessageWrapper},
    },
    protect::{Digest, Sealed},
    table::{Described as _, Role, Row as _, Shape},
};
use der::{Decode as _, Encode as _, asn1::GeneralizedTime};

use super::{Vector, digest};
use crate::{
    house::{House, Said, folder, pair, recipient_keys, write_keys},
    module::of as of_role,
    walk::{Found, row, walk},
};

/// Writes keys and files where there are none.
pub(super) async fn write() {
    for (of, kind) in [("p256", KeyKind::P256), ("rsa3072", KeyKind::Rsa3072)] {
        if folder(of).exists() {
            continue;
        }
        write_keys(of, kind);
        let mut said = House::new(of).dual_signed().await;
        if kind == KeyKind::P256 {
            said.extend(House::new(of).unsigned().await);
            said.extend(House::new(of).settled().await);
            said.extend(House::new(of).counted().await);
            said.extend(House::new(of).certificates().await);
            said.extend(errors().await);
        }
        let mut files = Files::new(of);
        for (name, message) in said {
            files.message(name, &message);
        }
        files.composed();
        files.write();
    }
}

/// Writes what is another one under the profile psd2: that a PIN is asked for, and the code with the PIN. Made of the purchase
/// without, unless they are there: an envelope is random.
pub(super) fn write_with_pin() {
    const OF: &str = "p256";
    let good = super::read(OF);
    if good.iter().any(|vector| vector.name.ends_with("-pin")) {
        return;
    }
    let der = |kind: &str| &good.iter().find(|vector| vector.kind() == kind).unwrap().der;
    let mut start = CodeStartData::from_der(der("CodeStartData")).unwrap();
    start.pin_asked = Some(true);
    let mut typed = CodeSubmissionTbe::from_der(der("CodeSubmissionTBE")).unwrap();
    typed.pin = Some("283915".try_into().unwrap());
    let gateway = RecipientCertificate::new(&pair(OF, "gateway-exchange").0).unwrap();
    let sealed: CodeSubmission = Sealed::seal(&typed, &gateway).unwrap();
    let (start, typed) = (start.to_der().unwrap(), typed.to_der().unwrap());
    let mut files = Files { vectors: good, ..Files::new(OF) };
    let first = files.vectors.len();
    let named = |name: &str, number: u16, der: &[u8]| {
        vec![("type", row(name).name.to_owned()), ("digest", digest(number, der))]
    };
    let fields = named("CodeStartData", 203, &start);
    files.push(
        "CodeStartData-pin".to_owned(),
        "The same, with a PIN beside the code.",
        fields,
        start,
    );
    let fields = vec![
        ("type", "Sealed".to_owned()),
        ("to", of_role(Role::Gateway).to_owned()),
        ("content", hex::encode(&typed)),
    ];
    let why = "A code and a PIN, encrypted to the gateway.";
    files.push("sealed-to-gateway-pin".to_owned(), why, fields, sealed.to_der().unwrap());
    let fields = named("CodeSubmissionTBE", 204, &typed);
    let why = "A typed code with the PIN, for the gateway alone (F11.11).";
    files.push("CodeSubmissionTBE-pin".to_owned(), why, fields, typed);
    files.vectors.drain(..first);
    files.write();
}

/// Each kind of error.
async fn errors() -> Vec<Said> {
    let house = House::new("p256");
    let unsigned = MessageWrapper {
        header: MessageHeader {
            version: 1.try_into().unwrap(),
            revision: 0.try_into().unwrap(),
            date: GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(
                START.unix_seconds(),
            ))
            .unwrap(),
            sw_ident: "Countersign".try_into().unwrap(),
            rrpid: [1; 20].into(),
            xid: None,
        },
        message: Message::Error(ErrorMessage::Unsigned(ErrorTbs {
            error_code: ErrorCode::DecodingFailure,
            error_nonce: [2; 20].into(),
            rrpid: Some([1; 20].into()),
        })),
    };
    let unsigned = unsigned.to_der().unwrap();
    vec![
        ("Error", house.merchant.answer(&unsigned).await.unwrap()),
        ("Error", house.gateway.answer(&unsigned).await.unwrap()),
        ("Error", unsigned),
    ]
}

pub(crate) struct Files {
    of: &'static str,
    vectors: Vec<Vector>,
    seen: BTreeSet<String>,
    /// What is digested and sent nowhere as a whole.
    found: Vec<Found>,
}

impl Files {
    pub(crate) fn new(of: &'static str) -> Self {
        Self { of, vectors: Vec::new(), seen: BTreeSet::new(), found: Vec::new() }
    }

    pub(crate) fn write(&self) {
        for vector in &self.vectors {
            fs::write(folder(self.of).join(vector.file()), vector.to_string()).unwrap();
        }
    }

    fn push(
        &mut self,
        name: String,
        why: &str,
        mut fields: Vec<(&'static str, String)>,
        der: Vec<u8>,
    ) {
        let place = self.vectors.len() + 1;
        fields.push(("expect", "the same bytes".to_owned()));
        let name = name.to_lowercase();
        self.vectors.push(Vector { place, name, why: why.trim().to_owned(), fields, der });
    }

    /// A message, and what is in it.
    pub(crate) fn message(&mut self, name: &'static str, message: &[u8]) {
        let keys = recipient_keys(self.of);
        let found = if name == "PWakeUp" {
            walk(PWakeUp::KIND, message, &keys)
        } else if name == "RegWakeUp" {
            walk(RegWakeUp::KIND, message, &keys)
        } else {
            let Shape::Choice(messages) = row("Message").shape else { unreachable!("a choice") };
            let doc = messages.iter().find(|one| one.name.eq_ignore_ascii_case(name)).unwrap().doc;
            let fields = vec![("type", "MessageWrapper".to_owned()), ("message", name.to_owned())];
            self.push(format!("message-{name}"), doc, fields, message.to_vec());
            walk(MessageWrapper::KIND, message, &keys)
        };
        for one in found {
            self.part(&one);
            self.found.push(one);
        }
    }

    fn part(&mut self, found: &Found) {
        match found {
            Found::Structure { row, der } => self.structure(row.name, der),
            Found::Signed { what, by, content, message } => {
                if !self.is_new(format!("signed {what} {by:?}")) {
                    return;
                }
                let kind = if content.is_some() { "Signed" } else { "Signature" };
                let fields = vec![
                    ("type", kind.to_owned()),
                    ("of", (*what).to_owned()),
                    ("by", of_role(*by).to_owned()),
                ];
                let why = format!("{what}, signed by the {}.", of_role(*by));
                self.push(format!("{kind}-{what}"), &why, fields, message.clone());
            }
            Found::Sealed { to, content, message } => self.sealed(*to, content, message),
            Found::Digest { .. } => {}
        }
    }

    fn sealed(&mut self, to: Role, content: &[u8], message: &[u8]) {
        // Named after what is in it, which comes next.
        if !self.is_new(format!("sealed {}", hex::encode(content))) {
            return;
        }
        let to = of_role(to);
        let fields = vec![
            ("type", "Sealed".to_owned()),
            ("to", to.to_owned()),
            ("content", hex::encode(content)),
        ];
        self.push(
            format!("sealed-to-{to}"),
            &format!("Encrypted to the {to}."),
            fields,
            message.to_vec(),
        );
    }

    fn structure(&mut self, name: &'static str, der: &[u8]) {
        let row = row(name);
        // Of a choice each alternative, of the rest one. Of a purchase with RSA what is signed and encrypted, as the rest
        // is the same.
        let tag = match row.shape {
            Shape::Enumerated(_) => return,
            Shape::Sequence(_) => None,
            Shape::Choice(_) => der.first(),
        };
        let is_in_a_message = ["MessageWrapper", "Message"].contains(&name);
        if self.of == "rsa3072" || is_in_a_message || !self.is_new(format!("{name} {tag:?}")) {
            return;
        }
        let mut fields = vec![("type", name.to_owned())];
        fields.extend(row.number.map(|number| ("digest", digest(number, der))));
        self.push(name.to_owned(), row.doc, fields, der.to_vec());
    }

    fn is_new(&mut self, key: String) -> bool {
        self.seen.insert(key)
    }

    /// What is digested, or signed, and sent nowhere: both sides make it of what they know.
    fn composed(&mut self) {
        let all = |name: &'static str| -> Vec<Vec<u8>> {
            let own = self.found.iter().filter_map(|found| match found {
                Found::Structure { row, der } if row.name == name => Some(der.clone()),
                Found::Structure { .. }
                | Found::Signed { .. }
                | Found::Sealed { .. }
                | Found::Digest { .. } => None,
            });
            own.collect()
        };
        let mut composed: Vec<(&'static str, Vec<u8>)> = Vec::new();
        let mut signed_tbs = String::new();
        let orders: BTreeSet<_> = all("OIData").into_iter().collect();
        let (signed, unsigned) = (all("PIData"), all("PIDataUnsigned"));
        let wake_up = all("PWakeUpData").remove(0);
        let wake_up =
            countersign_set::message::initiation::PWakeUpData::from_der(&wake_up).unwrap();
        for order in &orders {
            let order: Received<OiData> = Received::from_der(order).unwrap();
            let hod = HodInput {
                od: wake_up.order_description.clone(),
                purch_amt: wake_up.purch_amt.clone(),
                od_salt: order.od_salt.clone(),
            };
            composed.push((HodInput::STRUCTURE.name, hod.to_der().unwrap()));
            let pi_datas = signed.iter().map(|pi_data| {
                let pi_data: Received<PiData> = Received::from_der(pi_data).unwrap();
                (pi_data.pi_head.clone(), Hpi::Signed(Digest::of(&pi_data).unwrap()))
            });
            let pi_datas = pi_datas.chain(unsigned.iter().map(|pi_data| {
                let pi_data: Received<PiDataUnsigned> = Received::from_der(pi_data).unwrap();
                (pi_data.pi_head.clone(), Hpi::Unsigned(Digest::of(&pi_data).unwrap()))
            }));
            let (head, hpi) =
                pi_datas.into_iter().find(|(head, _)| head.trans_ids == order.trans_ids).unwrap();
            let h_oi_data = Digest::of(&order).unwrap();
            let tbs = PiTbs { hpi, h_oi_data, gateway: order.gateway.clone() };
            let tbs_der = tbs.to_der().unwrap();
            if let Hpi::Signed(_) = tbs.hpi {
                signed_tbs = hex::encode(&tbs_der);
            }
            composed.push((PiTbs::STRUCTURE.name, tbs_der));
            let name = PurchaseName {
                xid: order.trans_ids.xid.clone(),
                merchant_id: head.merchant_id,
                purch_amt: head.inputs.purch_amt,
                gateway: order.gateway.clone(),
            };
            composed.push((PurchaseName::STRUCTURE.name, name.to_der().unwrap()));
        }
        let account = AccountName {
            pan: card().expose_number().try_into().unwrap(),
            card_expiry: "202912".try_into().unwrap(),
        };
        composed.push((AccountName::STRUCTURE.name, account.to_der().unwrap()));
        for (name, der) in composed {
            self.compose(name, der);
        }
        let signature = self.vectors.iter_mut().find(|vector| vector.kind() == "Signature");
        signature.unwrap().fields.insert(3, ("content", signed_tbs));
    }

    fn compose(&mut self, name: &'static str, der: Vec<u8>) {
        let row = row(name);
        let mut fields = vec![("type", name.to_owned())];
        if let Some(number) = row.number {
            let digest = digest(number, &der);
            if name == PurchaseName::STRUCTURE.name {
                let bytes = hex::decode(&digest).unwrap().try_into().unwrap();
                let reference = ShortReference::of(&Sha256Digest::new(bytes));
                fields.push(("reference", reference.as_str().to_owned()));
            }
            fields.insert(1, ("digest", digest));
        }
        self.push(name.to_owned(), row.doc, fields, der.clone());
        // Its choice is a structure too, and is in no message.
        if name == PiTbs::STRUCTURE.name {
            walk(PiTbs::KIND, &der, &[]).iter().skip(1).for_each(|found| self.part(found));
        }
    }
}
