//! Which host a request is for (RFC 9112 section 3.2, RFC 9113 section 8.3.1): said once, well, and ours.

use std::net::Ipv6Addr;

use axum::http::{HeaderValue, StatusCode, Version, header, request::Parts};
use countersign_domain::origin::Origin;

use crate::problem::Problem;

/// What is known of a connection's own host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here<'a> {
    /// The host that the client named in its TLS session.
    pub server_name: Option<&'a str>,
    /// The host where people reach what is served.
    pub public: Option<&'a Origin>,
    /// Whether the peer ends TLS for us, and so speaks for hosts that we do not know.
    pub is_terminator: bool,
}

/// Checks for which host a request is, and leaves it in `Host`, whichever way it was said.
///
/// # Errors
/// `bad-host` when it is not said, said twice, or is none; `misdirected` when it is another's.
pub fn check_host(parts: &mut Parts, here: Here<'_>) -> Result<(), Problem> {
    let bad = || Problem::shared(StatusCode::BAD_REQUEST, "bad-host");
    let mut said = parts.headers.get_all(header::HOST).iter();
    let (first, second) = (said.next(), said.next());
    if second.is_some() {
        return Err(bad());
    }
    let field = first.map(|value| host(value.to_str().ok()?).map(|found| (value, found)));
    let field = field.map(|field| field.ok_or_else(bad)).transpose()?;
    // HTTP/2 says it in `:authority`, as does HTTP/1.1 to a proxy.
    let target = parts.uri.authority().map(ToString::to_string);
    let target_host = target.as_deref().map(|target| host(target).ok_or_else(bad)).transpose()?;
    let found = match (field, target_host) {
        (Some((_, found)), None) => found,
        // The target counts (RFC 9112 section 3.2.2); the two may not differ (RFC 9113 section 8.3.1).
        (Some((_, found)), Some(target)) if parts.version >= Version::HTTP_2 => {
            if found != target {
                return Err(bad());
            }
            target
        }
        (Some(_), Some(target)) => target,
        // Before HTTP/1.1 there was no Host to send (RFC 9112 section 3.2).
        (None, Some(target)) if parts.version != Version::HTTP_11 => target,
        (None, None) if parts.version < Version::HTTP_11 => return Ok(()),
        (None, _) => return Err(bad()),
    };
    if !is_ours(&found, here) {
        return Err(Problem::shared(StatusCode::MISDIRECTED_REQUEST, "misdirected"));
    }
    if let Some(target) = target {
        let value = HeaderValue::try_from(target).map_err(|_| bad())?;
        parts.headers.insert(header::HOST, value);
    }
    Ok(())
}

/// A host by its address is the one that was reached. One by its name is ours when the client named it in its TLS session,
/// where our certificate had to bear it, or when it is the one where people reach us. A client that named none there is a proxy
/// or a probe, whose name for us is nobody else's matter: browsers always name one (RFC 6066 section 3).
fn is_ours(host: &Host, here: Here<'_>) -> bool {
    let is_public = here.public.is_some_and(|public| public.as_str() == host.name);
    let is_named = match here.server_name {
        Some(name) => name.trim_end_matches('.').eq_ignore_ascii_case(&host.name),
        None => true,
    };
    host.is_address || is_public || is_named || here.is_terminator
}

/// A host that is one, in lower case, with its port.
#[derive(Debug, PartialEq)]
struct Host {
    name: String,
    is_address: bool,
    port: Option<u16>,
}

/// `None` for what is no host, perhaps with a port (RFC 3986 section 3.2). Hosts are names in ASCII here, or addresses.
fn host(text: &str) -> Option<Host> {
    let (name, rest) = match text.strip_prefix('[') {
        Some(inside) => {
            let (address, rest) = inside.split_once(']')?;
            (address.parse::<Ipv6Addr>().ok()?.to_string(), rest)
        }
        None => {
            let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(), rest)
        }
    };
    let is_address = text.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_name = |name: &str| {
        name.len() <= 253
            && name.split('.').all(|label| !label.is_empty() && label.bytes().all(is_letter))
    };
    let port = match rest.strip_prefix(':') {
        // A port may be left out behind its colon (RFC 3986 section 3.2.3).
        Some("") => None,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
        None if rest.is_empty() => None,
        None => return None,
    };
    let port = port.filter(|port| *port != 443);
    (text.starts_with('[') || is_name(&name)).then_some(Host { name, is_address, port })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn checked(version: Version, target: &str, hosts: &[&str], here: Here<'_>) -> (u16, String) {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        match check_host(&mut parts, here) {
            Ok(()) => {
                let host = parts.headers.get(header::HOST);
                (200, host.map_or("", |host| host.to_str().unwrap()).to_owned())
            }
            Err(problem) => (problem.status().as_u16(), String::new()),
        }
    }

    #[test]
    fn the_host_is_said_once_well_and_is_ours() {
        use Version as V;
        let public = Origin::try_from("pay.example.com").unwrap();
        let here = Here {
            server_name: Some("api.example.com"),
            public: Some(&public),
            is_terminator: false,
        };
        for (rule, version, target, hosts, status) in [
            ("named in TLS", V::HTTP_11, "/", &["api.example.com"][..], 200),
            ("with a port", V::HTTP_11, "/", &["api.example.com:8443"], 200),
            ("with an empty port", V::HTTP_11, "/", &["api.example.com:"], 200),
            ("in capitals", V::HTTP_11, "/", &["API.Example.COM"], 200),
            ("with the root's dot", V::HTTP_11, "/", &["api.example.com."], 200),
            ("where people come", V::HTTP_11, "/", &["pay.example.com"], 200),
            ("an address", V::HTTP_11, "/", &["192.0.2.7:8443"], 200),
            ("an address in brackets", V::HTTP_11, "/", &["[2001:DB8::1]:8443"], 200),
            ("none", V::HTTP_11, "/", &[], 400),
            ("none, before 1.1", V::HTTP_10, "/", &[], 200),
            ("a target alone, before 1.1", V::HTTP_10, "https://api.example.com/", &[], 200),
            ("another's target, before 1.1", V::HTTP_10, "https://evil.example/", &[], 421),
            ("twice", V::HTTP_11, "/", &["api.example.com", "api.example.com"], 400),
            ("a list", V::HTTP_11, "/", &["api.example.com, api.example.com"], 400),
            ("empty", V::HTTP_11, "/", &[""], 400),
            ("a port alone", V::HTTP_11, "/", &[":443"], 400),
            ("a port that is none", V::HTTP_11, "/", &["api.example.com:x"], 400),
            ("a port above 65535", V::HTTP_11, "/", &["api.example.com:65536"], 400),
            ("a user", V::HTTP_11, "/", &["me@api.example.com"], 400),
            ("a path", V::HTTP_11, "/", &["api.example.com/x"], 400),
            ("an address that is none", V::HTTP_11, "/", &["[::1"], 400),
            ("no address in brackets", V::HTTP_11, "/", &["[api.example.com]"], 400),
            ("another's", V::HTTP_11, "/", &["evil.example"], 421),
            ("a part of ours", V::HTTP_11, "/", &["example.com"], 421),
            ("a target of another", V::HTTP_11, "https://evil.example/", &["api.example.com"], 421),
            ("the target counts", V::HTTP_11, "https://api.example.com/", &["evil.example"], 200),
            ("a target and no host", V::HTTP_11, "https://api.example.com/", &[], 400),
            ("HTTP/2", V::HTTP_2, "https://api.example.com/", &[], 200),
            (
                "HTTP/2 with both",
                V::HTTP_2,
                "https://api.example.com/",
                &["api.example.com:443"],
                200,
            ),
            ("HTTP/2 with two", V::HTTP_2, "https://api.example.com/", &["pay.example.com"], 400),
            (
                "HTTP/2 with another port",
                V::HTTP_2,
                "https://api.example.com/",
                &["api.example.com:1"],
                400,
            ),
            ("HTTP/2 with neither", V::HTTP_2, "/", &[], 400),
            ("HTTP/2 of another", V::HTTP_2, "https://evil.example/", &[], 421),
        ] {
            assert_eq!(checked(version, target, hosts, here).0, status, "{rule}");
        }
        let told = checked(V::HTTP_2, "https://api.example.com:8443/", &[], here);
        assert_eq!(told, (200, "api.example.com:8443".to_owned()));
    }

    #[test]
    fn a_client_that_names_no_host_in_tls_may_say_any_and_so_may_a_terminator() {
        let asked = |here| checked(Version::HTTP_11, "/", &["shop.example"], here).0;
        assert_eq!(asked(Here::default()), 200);
        let public = Origin::try_from("pay.example.com").unwrap();
        let known = Here { public: Some(&public), ..Here::default() };
        assert_eq!(asked(known), 200);
        let named = Here { server_name: Some("api.example.com"), ..known };
        assert_eq!(asked(named), 421);
        assert_eq!(asked(Here { is_terminator: true, ..named }), 200);
    }
}
