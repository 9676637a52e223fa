//! NIST's PKITS, sections 4.4, 4.14 and 4.15: revocation as others wrote it down. See `tests/vectors/README.md`.
//!
//! Nothing that is to be refused is let in. What is to be let in and is not stands in [`NOT_LET_IN`] with the reason, and
//! must go on not being let in: an unexpected success fails as an unexpected failure does.

use std::collections::{BTreeMap, BTreeSet};

use countersign_certs::{
    Certificate, CertificateDer, Error, ListFault, Refusal, RevocationList, TrustAnchors,
};
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;

use crate::support::at;

/// 1 January 2020: PKITS lasts from 2010 to 2030.
const IN_2020: u64 = 1_577_836_800;

/// The lists that cannot be used. A server that is to go by one does not start.
const UNUSABLE: [(Error, &[&str]); 7] = [
    // Its signature has a number of bits that no octets hold.
    (Error::MalformedRevocationList, &["BadCRLSignatureCACRL"]),
    (
        Error::UnusableRevocationList(ListFault::CriticalExtension),
        &["UnknownCRLEntryExtensionCACRL", "UnknownCRLExtensionCACRL"],
    ),
    (
        Error::UnusableRevocationList(ListFault::Delta),
        &[
            "deltaCRLCA1deltaCRL",
            "deltaCRLCA2deltaCRL",
            "deltaCRLCA3deltaCRL",
            "deltaCRLIndicatorNoBaseCACRL",
        ],
    ),
    (
        Error::UnusableRevocationList(ListFault::Indirect),
        &[
            "indirectCRLCA1CRL",
            "indirectCRLCA3cRLIssuerCRL",
            "indirectCRLCA4cRLIssuerCRL",
            "indirectCRLCA5CRL",
        ],
    ),
    (
        Error::UnusableRevocationList(ListFault::SomeReasons),
        &[
            "onlySomeReasonsCA1compromiseCRL",
            "onlySomeReasonsCA1otherreasonsCRL",
            "onlySomeReasonsCA2CRL1",
            "onlySomeReasonsCA2CRL2",
            "onlySomeReasonsCA3compromiseCRL",
            "onlySomeReasonsCA3otherreasonsCRL",
            "onlySomeReasonsCA4compromiseCRL",
            "onlySomeReasonsCA4otherreasonsCRL",
        ],
    ),
    (
        Error::UnusableRevocationList(ListFault::AttributeCertificates),
        &["onlyContainsAttributeCertsCACRL"],
    ),
    (Error::UnusableRevocationList(ListFault::DistributionPoint), &["distributionPoint2CACRL"]),
];

/// What PKITS lets in and we do not.
const NOT_LET_IN: [(&str, &[&str]); 4] = [
    (
        "a list cannot be used",
        &[
            "4.14.5", "4.14.7", "4.14.18", "4.14.19", "4.14.22", "4.14.24", "4.14.25", "4.14.28",
            "4.14.29", "4.14.30", "4.14.33", "4.15.2", "4.15.5", "4.15.7", "4.15.8",
        ],
    ),
    (
        "points of lists are compared where they are URIs, and these are names in a directory",
        &["4.14.1", "4.14.4"],
    ),
    ("lists are signed with the key that signs certificates", &["4.4.19"]),
    ("its end entity is an authority, which never comes as a client", &["4.14.13"]),
];

#[derive(Deserialize)]
struct Vectors {
    certificates: BTreeMap<String, String>,
    lists: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    valid: bool,
    chain: Vec<String>,
    lists: Vec<String>,
}

impl Vectors {
    fn read() -> Self {
        serde_json::from_str(include_str!("../vectors/pkits.json")).unwrap()
    }

    fn list(&self, name: &str) -> Result<RevocationList, Error> {
        RevocationList::from_der(&der(&self.lists[name]))
    }

    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        der(&self.certificates[name])
    }

    /// Whether a server that is configured with the lists of the case starts, and lets the certificate in.
    fn lets_in(&self, case: &Case) -> bool {
        let lists = case.lists.iter().map(|name| self.list(name)).collect::<Result<Vec<_>, _>>();
        let Ok(lists) = lists else { return false };
        let anchor = Certificate::from_der(self.certificate("TrustAnchorRootCertificate")).unwrap();
        let anchors = TrustAnchors::new(&[anchor]).unwrap().with_revocation_lists(&lists).unwrap();
        let chain: Vec<_> = case.chain.iter().map(|name| self.certificate(name)).collect();
        let verdict = anchors.verify_handshake(&chain, at(IN_2020));
        let by_revocation = match case.id.as_str() {
            // Their end entities are authorities, which never come as clients.
            "4.14.11" | "4.14.13" => &[Err(Refusal::AuthorityAsClient)][..],
            _ => &[Ok(()), Err(Refusal::Revoked), Err(Refusal::RevocationUnknown)],
        };
        assert!(by_revocation.contains(&verdict), "{}: {verdict:?}", case.id);
        verdict.is_ok()
    }
}

#[test]
fn every_list_of_pkits_is_read_whole_or_refused_by_name() {
    let vectors = Vectors::read();
    let faults: BTreeMap<&str, Error> = UNUSABLE
        .iter()
        .flat_map(|(fault, names)| names.iter().map(|name| (*name, fault.clone())))
        .collect();
    for name in vectors.lists.keys() {
        let expected = faults.get(name.as_str()).cloned();
        assert_eq!(vectors.list(name).err(), expected, "{name}");
    }
    assert!(faults.keys().all(|name| vectors.lists.contains_key(*name)));
}

#[test]
fn what_pkits_refuses_is_never_let_in_and_what_it_lets_in_is_but_for_what_is_listed() {
    let vectors = Vectors::read();
    assert_eq!(vectors.cases.len(), 66);
    let mut not_let_in = BTreeSet::new();
    for case in &vectors.cases {
        match (case.valid, vectors.lets_in(case)) {
            (false, let_in) => assert!(!let_in, "{} is let in", case.id),
            (true, false) => {
                not_let_in.insert(case.id.as_str());
            }
            (true, true) => {}
        }
    }
    let listed: BTreeSet<_> = NOT_LET_IN.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    assert_eq!(not_let_in, listed);
}

/// The bytes, of a certificate or a list.
fn der(base64: &str) -> CertificateDer<'static> {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}
