//! The certificate that the payer's browser presented: in our own TLS session, or in one that ended at a trusted
//! terminator, which passes it on in `Client-Cert` (RFC 9440).

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{client_address::is_trusted, problem::Problem};

/// The header with the client's own certificate (RFC 9440 §2.2).
pub const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
/// The header with the rest of its chain (RFC 9440 §2.3).
pub const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// Longest accepted header, in bytes of base64.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Most certificates in a chain.
const MAX_CHAIN: usize = 8;

/// The certificates of the peer, its own first, each in DER. Empty when none was presented. Present in a request's
/// extensions: the listener puts it there, see [`peer_certificates`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PeerCertificates(pub Vec<Vec<u8>>);

impl PeerCertificates {
    /// As they are kept in a record.
    pub fn to_base64(&self) -> Vec<String> {
        self.0.iter().map(|der| STANDARD.encode(der)).collect()
    }

    /// Those that were kept in a record; one that was not written here is none.
    pub fn from_base64(kept: &[String]) -> Self {
        Self(kept.iter().map(|base64| STANDARD.decode(base64).unwrap_or_default()).collect())
    }
}

/// Which certificates count: those of the TLS session; of a trusted terminator, those in the headers alone. The terminator's
/// own certificate is not its client's, and a request without the header is one of a client without certificate (RFC 9440
/// section 2.4). The headers are taken off the request in any case, so that they cannot be mistaken further down.
///
/// # Errors
/// When an address that is not trusted sends the headers, or a trusted terminator sends them malformed: either means
/// that the deployment is misconfigured, so the request is refused and not served without certificate.
pub fn peer_certificates(
    from_tls: PeerCertificates,
    peer: IpAddr,
    trusted_terminators: &[IpAddr],
    headers: &mut HeaderMap,
) -> Result<PeerCertificates, Problem> {
    let own = take_one(headers, &CLIENT_CERT)?;
    let chain = take_one(headers, &CLIENT_CERT_CHAIN)?;
    let is_trusted = is_trusted(peer, trusted_terminators);
    if own.is_none() && chain.is_none() {
        return Ok(if is_trusted { PeerCertificates::default() } else { from_tls });
    }
    if !is_trusted {
        return Err(refuse("this address is not configured as a trusted terminator"));
    }
    let own = own.ok_or_else(|| refuse("Client-Cert-Chain came without Client-Cert"))?;
    let mut certificates = vec![byte_sequence(&own)?];
    if let Some(chain) = chain {
        for member in chain.split(',') {
            certificates.push(byte_sequence(member)?);
        }
    }
    if certificates.len() > MAX_CHAIN {
        return Err(refuse("the chain has too many certificates"));
    }
    Ok(PeerCertificates(certificates))
}

fn take_one(headers: &mut HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    if headers.get_all(name).iter().count() > 1 {
        return Err(refuse("the header came more than once"));
    }
    let Some(value) = headers.remove(name) else {
        return Ok(None);
    };
    if value.len() > MAX_HEADER_BYTES {
        return Err(refuse("the header is too long"));
    }
    let text = value.to_str().map_err(|_| refuse("the header is not ASCII"))?;
    Ok(Some(text.to_owned()))
}

/// A byte sequence of structured fields: base64 between colons (RFC 8941 §3.3.5).
fn byte_sequence(text: &str) -> Result<Vec<u8>, Problem> {
    let base64 = text.trim().strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    base64
        .and_then(|base64| STANDARD.decode(base64).ok())
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| refuse("the header is not base64 between colons"))
}

fn refuse(detail: &str) -> Problem {
    let title = "The Client-Cert header is refused";
    Problem::new(
        StatusCode::BAD_REQUEST,
        "client-cert-header",
        title,
        format!("RFC 9440: {detail}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn taken(headers: &[(&HeaderName, &str)], trusted: &[IpAddr]) -> Result<Vec<Vec<u8>>, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let from_tls = PeerCertificates(vec![b"tls".to_vec()]);
        let taken = peer_certificates(from_tls, PROXY, trusted, &mut map);
        assert!(map.is_empty() || taken.is_err(), "headers stay on the request");
        taken.map(|certificates| certificates.0).map_err(|problem| problem.explanation())
    }

    #[test]
    fn a_trusted_terminator_speaks_for_the_peer() {
        let headers = [(&CLIENT_CERT, ":b3du:"), (&CLIENT_CERT_CHAIN, ":Y2E=:, :cm9vdA==:")];
        assert_eq!(
            taken(&headers, &[PROXY]),
            Ok(vec![b"own".to_vec(), b"ca".to_vec(), b"root".to_vec()])
        );
    }

    #[test]
    fn without_the_headers_the_tls_session_counts_and_of_a_terminator_nothing() {
        assert_eq!(taken(&[], &[]), Ok(vec![b"tls".to_vec()]));
        assert_eq!(taken(&[], &[PROXY]), Ok(Vec::new()));
    }

    #[test]
    fn a_terminator_is_known_by_its_mapped_address_too() {
        let mapped = "::ffff:10.0.0.1".parse().unwrap();
        let headers = [(&CLIENT_CERT, ":b3du:")];
        assert_eq!(taken(&headers, &[mapped]), Ok(vec![b"own".to_vec()]));
    }

    /// Headers, trusted addresses, and the rule that is broken.
    type Rule<'a> = (&'a [(&'a HeaderName, &'a str)], &'a [IpAddr], &'a str);

    #[test]
    fn a_bad_header_is_refused_by_the_rule_it_breaks() {
        let long = format!(":{}:", "A".repeat(MAX_HEADER_BYTES));
        let nine = [":AA==:"; 8].join(",");
        let rules: [Rule<'_>; 8] = [
            (
                &[(&CLIENT_CERT, ":AA==:"), (&CLIENT_CERT, ":AA==:")],
                &[PROXY],
                "the header came more than once",
            ),
            (&[(&CLIENT_CERT, &long)], &[PROXY], "the header is too long"),
            (
                &[(&CLIENT_CERT, ":AA==:")],
                &[],
                "this address is not configured as a trusted terminator",
            ),
            (
                &[(&CLIENT_CERT_CHAIN, ":AA==:")],
                &[PROXY],
                "Client-Cert-Chain came without Client-Cert",
            ),
            (&[(&CLIENT_CERT, "AA==")], &[PROXY], "the header is not base64 between colons"),
            (&[(&CLIENT_CERT, "::")], &[PROXY], "the header is not base64 between colons"),
            (&[(&CLIENT_CERT, ":A*==:")], &[PROXY], "the header is not base64 between colons"),
            (
                &[(&CLIENT_CERT, ":AA==:"), (&CLIENT_CERT_CHAIN, &nine)],
                &[PROXY],
                "the chain has too many certificates",
            ),
        ];
        for (headers, trusted, rule) in rules {
            assert_eq!(taken(headers, trusted), Err(format!("RFC 9440: {rule}.")));
        }
    }
}
