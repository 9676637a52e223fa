//! C2SP x509-limbo: paths of which others wrote down whether they are valid. See `tests/vectors/README.md`.
//!
//! What is judged otherwise here stands in [`DEVIATIONS`] with the reason, and must go on being judged otherwise: an
//! unexpected success fails as an unexpected failure does.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    time::Duration,
};

use rustls_pki_types::{CertificateDer, UnixTime, pem::PemObject};
use serde::Deserialize;

use super::deviations::DEVIATIONS;
use crate::{Certificate, EndEntityKind, RevocationList, TrustAnchors};

#[derive(Deserialize)]
struct Vectors {
    left_out: BTreeMap<String, Vec<String>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    kind: Kind,
    expected: Expected,
    time: Option<u64>,
    anchors: Vec<String>,
    intermediates: Vec<String>,
    peer: String,
    #[serde(default)]
    crls: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Client,
    Server,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Expected {
    Success,
    Failure,
}

#[test]
fn paths_are_judged_as_x509_limbo_has_it_but_for_what_is_listed() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../../tests/vectors/limbo.json")).unwrap();

    let deviates = |case: &Case| judge(case).is_ok() != (case.expected == Expected::Success);
    let deviating: BTreeSet<_> =
        vectors.cases.iter().filter(|case| deviates(case)).map(|case| case.id.as_str()).collect();
    let listed: BTreeSet<_> = DEVIATIONS.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();

    println!("{} as expected", vectors.cases.len() - deviating.len());
    for (reason, ids) in DEVIATIONS {
        println!("{} deviating: {reason}", ids.len());
    }
    for (reason, ids) in &vectors.left_out {
        println!("{} not applicable: {reason}", ids.len());
    }
    let unlisted: Vec<_> = deviating.difference(&listed).collect();
    assert!(unlisted.is_empty(), "deviating, not listed: {unlisted:#?}");
    let agreeing: Vec<_> = listed.difference(&deviating).collect();
    assert!(agreeing.is_empty(), "listed, not deviating: {agreeing:#?}");
}

/// Whether the path is trusted, and if not, why.
fn judge(case: &Case) -> Result<(), String> {
    let anchors = case
        .anchors
        .iter()
        .map(|anchor| Certificate::from_der(der(anchor)))
        .collect::<Result<Vec<_>, _>>()
        .and_then(|anchors| TrustAnchors::new(&anchors))
        .map_err(|error| error.to_string())?;
    let lists = case
        .crls
        .iter()
        .map(|list| RevocationList::from_der(&der(list)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let anchors = anchors.with_revocation_lists(&lists).map_err(|error| error.to_string())?;
    let chain: Vec<_> = iter::once(&case.peer)
        .chain(&case.intermediates)
        .map(|certificate| der(certificate))
        .collect();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.time.unwrap_or(ANY_TIME)));
    match case.kind {
        Kind::Client => anchors.verify_client(&chain, now).map(drop),
        // Most cases: the same rules as for clients, but for the name of the usage.
        Kind::Server => anchors.verify(&chain, now, EndEntityKind::TlsServer).map(drop),
    }
    .map_err(|refusal| refusal.to_string())
}

/// The bytes, of a certificate or a list.
fn der(base64: &str) -> CertificateDer<'static> {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// 15 January 2027. A case that tells no time has certificates from 1970 to 2969.
const ANY_TIME: u64 = 1_800_000_000;
