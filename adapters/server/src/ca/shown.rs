//! What is about to be signed, as a person reads it before.

use std::{net::IpAddr, time::Duration};

use countersign_authority::Issuance;
use countersign_certs::{AuthorityProfile, PublicKey, Request};
use countersign_domain::hex;

use super::inspect::printable;

/// A certificate of an end entity.
pub(super) fn end_entity(issuance: &Issuance) -> String {
    let names = names(&issuance.dns_names, &issuance.ip_addresses);
    let subject = [format!("CN={}", issuance.common_name)].into_iter().chain(names);
    line(issuance.kind.name(), subject, &issuance.key, issuance.lifetime)
}

/// An authority's certificate.
pub(super) fn authority(
    profile: &AuthorityProfile<'_>,
    key: &PublicKey,
    lifetime: Duration,
) -> String {
    let part = |name, value: Option<&str>| value.map(|value| format!("{name}={value}"));
    let subject = [
        part("C", profile.country),
        part("O", profile.organization),
        part("CN", Some(profile.common_name)),
    ];
    let domains = profile.dns_domains.iter().map(|domain| format!("domain {domain}"));
    line(profile.kind.name(), subject.into_iter().flatten().chain(domains), key, lifetime)
}

/// The names that a request asks for.
pub(super) fn request(request: &Request) -> String {
    let name = request.common_name().map(|name| format!("CN={name}"));
    let names = name.into_iter().chain(names(request.dns_names(), request.ip_addresses()));
    let names = names.collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() { "no name".to_owned() } else { names };
    printable(&format!("the request asks for {names}"))
}

fn names(dns_names: &[String], ip_addresses: &[IpAddr]) -> impl Iterator<Item = String> {
    let dns_names: Vec<_> = dns_names.iter().map(|name| format!("DNS:{name}")).collect();
    let addresses: Vec<_> = ip_addresses.iter().map(|address| format!("IP:{address}")).collect();
    dns_names.into_iter().chain(addresses)
}

fn line(
    profile: &str,
    subject: impl Iterator<Item = String>,
    key: &PublicKey,
    lifetime: Duration,
) -> String {
    let subject = printable(&subject.collect::<Vec<_>>().join(", "));
    let (days, key) = (lifetime.as_secs() / 86_400, hex::encode(&key.sha256()));
    format!("to be signed: {profile}, {subject}, for {days} days, for the key with SHA-256 {key}")
}
