//! The DNS names and addresses that an authority's certificate permits, and common names that are held to them.
//!
//! RFC 5280 section 4.2.1.10 limits DNS names in subjectAltName. Where there is none, OpenSSL and the JDK hold a common
//! name to the limits, too, if it looks like a DNS name: `alice.martin` does.

use std::net::IpAddr;

use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, GeneralSubtree},
};

use crate::error::Error;

/// The limits that the certificates of a path set, an authority's own and those above it: each must permit a name.
#[derive(Debug, Default)]
pub(crate) struct Limits(Vec<Domains>);

impl Limits {
    /// Those of an authority's certificate.
    pub(crate) fn of(authority: &X509Certificate<'_>) -> Result<Self, Error> {
        Ok(Self(vec![Domains::of(authority)?]))
    }

    /// The same below that authority, too.
    pub(crate) fn below(&mut self, authority: &X509Certificate<'_>) -> Result<(), Error> {
        self.0.push(Domains::of(authority)?);
        Ok(())
    }

    /// Refuses a common name that would have the certificate refused by others.
    pub(crate) fn check_common_name(&self, name: &str) -> Result<(), Error> {
        self.0.iter().try_for_each(|domains| domains.check_common_name(name))
    }

    /// Refuses names of a server that would have the certificate refused by everybody.
    pub(crate) fn check_server(&self, names: &[&str], addresses: &[IpAddr]) -> Result<(), Error> {
        self.0.iter().try_for_each(|domains| domains.check_server(names, addresses))
    }

    /// Refuses domains for an authority below that it could never issue in.
    pub(crate) fn check_domains(&self, domains: &[&str]) -> Result<(), Error> {
        self.check_server(domains, &[])
    }
}

/// The limits that one certificate sets.
#[derive(Debug, Default)]
struct Domains {
    permitted: Vec<String>,
    excluded: Vec<String>,
    permitted_addresses: Vec<Subnet>,
    excluded_addresses: Vec<Subnet>,
}

/// An address and its mask, 4 octets each or 16 (RFC 5280 section 4.2.1.10).
#[derive(Debug)]
struct Subnet(Vec<(u8, u8)>);

impl Domains {
    fn of(authority: &X509Certificate<'_>) -> Result<Self, Error> {
        let found = authority.name_constraints().map_err(|_| Error::MalformedCertificate)?;
        let Some(constraints) = found.map(|found| found.value) else {
            return Ok(Self::default());
        };
        let permitted = constraints.permitted_subtrees.as_deref();
        let excluded = constraints.excluded_subtrees.as_deref();
        Ok(Self {
            permitted: dns_names(permitted),
            excluded: dns_names(excluded),
            permitted_addresses: subnets(permitted),
            excluded_addresses: subnets(excluded),
        })
    }

    fn check_common_name(&self, name: &str) -> Result<(), Error> {
        if looks_like_dns_name(name) && !self.permits(name) {
            return Err(Error::CommonNameOutsideDomains);
        }
        Ok(())
    }

    fn check_server(&self, names: &[&str], addresses: &[IpAddr]) -> Result<(), Error> {
        let is_permitted = names.iter().all(|name| self.permits(name))
            && addresses.iter().all(|address| self.permits_address(*address));
        if is_permitted { Ok(()) } else { Err(Error::NameOutsideDomains) }
    }

    fn permits(&self, name: &str) -> bool {
        let is_below = |domain: &String| is_within(name, domain);
        (self.permitted.is_empty() || self.permitted.iter().any(is_below))
            && !self.excluded.iter().any(is_below)
    }

    fn permits_address(&self, address: IpAddr) -> bool {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let is_in = |subnet: &Subnet| subnet.contains(&octets);
        (self.permitted_addresses.is_empty() || self.permitted_addresses.iter().any(is_in))
            && !self.excluded_addresses.iter().any(is_in)
    }
}

impl Subnet {
    fn of(octets: &[u8]) -> Option<Self> {
        let (address, mask) = octets.split_at_checked(octets.len() / 2)?;
        Some(Self(address.iter().copied().zip(mask.iter().copied()).collect()))
    }

    fn contains(&self, address: &[u8]) -> bool {
        let mut pairs = self.0.iter().zip(address);
        self.0.len() == address.len() && pairs.all(|((net, mask), own)| net & mask == own & mask)
    }
}

fn dns_names(subtrees: Option<&[GeneralSubtree<'_>]>) -> Vec<String> {
    let names = subtrees.unwrap_or_default().iter().filter_map(|subtree| match subtree.base {
        GeneralName::DNSName(name) => Some(name.to_owned()),
        _ => None,
    });
    names.collect()
}

fn subnets(subtrees: Option<&[GeneralSubtree<'_>]>) -> Vec<Subnet> {
    let nets = subtrees.unwrap_or_default().iter().filter_map(|subtree| match subtree.base {
        GeneralName::IPAddress(octets) => Subnet::of(octets),
        _ => None,
    });
    nets.collect()
}

/// With nothing or with labels in front (RFC 5280 section 4.2.1.10); every name is within the empty one.
fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    match name.strip_suffix(&domain) {
        Some(front) => {
            front.is_empty() || domain.is_empty() || domain.starts_with('.') || front.ends_with('.')
        }
        None => false,
    }
}

/// As OpenSSL has it: two labels or more of letters, digits, `_` and inner `-`. An IPv4 address looks like one, too; what
/// has an `@`, a blank, an asterisk, a letter beyond ASCII or a dot at its end does not.
fn looks_like_dns_name(name: &str) -> bool {
    let mut labels = name.split('.');
    let is_label = |label: &str| {
        let is_inner = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_' || octet == b'-';
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(is_inner)
    };
    labels.clone().count() > 1 && labels.all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTSIDE: Result<(), Error> = Err(Error::CommonNameOutsideDomains);

    fn domains(permitted: &[&str], excluded: &[&str]) -> Domains {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Domains { permitted: owned(permitted), excluded: owned(excluded), ..Domains::default() }
    }

    #[test]
    fn a_common_name_is_held_to_the_domains_if_it_looks_like_a_dns_name() {
        let shop = domains(&["shop.example"], &[]);
        for name in ["shop.example", "SHOP.example", "www.shop.example", "a_b.shop.example"] {
            assert_eq!(shop.check_common_name(name), Ok(()), "{name}");
        }
        for name in ["alice.martin", "a.b-c", "10.0.0.1", "example", "workshop.example", "a_b.c"] {
            let expected = if name.contains('.') { OUTSIDE } else { Ok(()) };
            assert_eq!(shop.check_common_name(name), expected, "{name}");
        }
    }

    #[test]
    fn what_does_not_look_like_a_dns_name_is_free() {
        let nothing = domains(&["shop.example"], &[""]);
        for name in [
            "alice",
            "alice martin",
            "alice@bank.example",
            "alice.martin.",
            ".alice",
            "alice..martin",
            "*.example",
            "-a.b",
            "a-.b",
            "a.-b",
            "a.b-",
            "ren\u{e9}.martin",
            "a/b.c",
        ] {
            assert_eq!(nothing.check_common_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_server_has_no_name_or_address_outside_the_domains() {
        let nothing = Subnet::of(&[0; 8]).unwrap();
        let own = Subnet::of(&[192, 0, 2, 0, 255, 255, 255, 0]).unwrap();
        let shop = Domains {
            permitted_addresses: vec![own],
            excluded_addresses: Vec::new(),
            ..domains(&["shop.example"], &[])
        };
        let without = Domains { excluded_addresses: vec![nothing], ..Domains::default() };
        let outside = Err(Error::NameOutsideDomains);
        for (domains, name, address, expected) in [
            (&shop, "www.shop.example", "192.0.2.7", Ok(())),
            (&shop, "shop", "192.0.2.7", outside.clone()),
            (&shop, "www.other.example", "192.0.2.7", outside.clone()),
            (&shop, "www.shop.example", "192.0.3.7", outside.clone()),
            (&shop, "www.shop.example", "::1", outside.clone()),
            (&without, "other.example", "192.0.2.7", outside),
            (&without, "other.example", "::1", Ok(())),
        ] {
            let checked = domains.check_server(&[name], &[address.parse().unwrap()]);
            assert_eq!(checked, expected, "{name} {address}");
        }
    }

    #[test]
    fn an_empty_domain_has_every_name_in_it() {
        assert_eq!(domains(&[], &[""]).check_common_name("alice.martin"), OUTSIDE);
        assert_eq!(domains(&[], &["bank.example"]).check_common_name("a.bank.example"), OUTSIDE);
        assert_eq!(domains(&[], &["bank.example"]).check_common_name("alice.martin"), Ok(()));
        assert_eq!(domains(&[], &[]).check_common_name("alice.martin"), Ok(()));
    }
}
