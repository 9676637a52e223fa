//! Where our verdict on a path is not x509-limbo's, and why.

/// Reasons, each with the cases it is for.
pub(super) const DEVIATIONS: &[(&str, &[&str])] = &[
    // We refuse what may be accepted.
    (
        "an authority's certificate is no payer's, whatever it may do besides",
        &["pathlen::validation-ignores-pathlen-in-leaf", "rfc5280::ca-as-leaf"],
    ),
    (
        "the usage must stand there by name; without extendedKeyUsage a certificate is for anything",
        &["rfc5280::eku::ee-without-eku"],
    ),
    ("ten certificates are presented, and MAX_CHAIN is eight", &["cve::cve-2024-0567"]),
    (
        "rustls-webpki counts and constrains self-issued authorities like others, against RFC 5280 section 6.1.4 \
         (l) and (b)",
        &["pathlen::self-issued-certs-pathlen", "rfc5280::nc::permitted-self-issued"],
    ),
    (
        "rustls-webpki knows no constraints on mail addresses and refuses where there are any, as RFC 5280 section \
         4.2.1.10 permits",
        &[
            "rfc5280::nc::nc-permits-email-domain",
            "rfc5280::nc::nc-permits-email-exact",
            "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match",
            "rfc5280::nc::nc-permits-email-literal-double-asterisk",
            "rfc5280::nc::nc-permits-email-literal-mid-asterisk",
        ],
    ),
    ("likewise constraints on directory names", &["rfc5280::nc::permitted-dn-match"]),
    // We accept what may be refused.
    (
        "it is the anchor's: an anchor is configuration, and a path takes its name, key and constraints only (RFC \
         5280 section 6.1.1 (d)), not its dates or other extensions",
        &[
            "rfc5280::aki::critical-aki",
            "rfc5280::aki::cross-signed-root-missing-aki",
            "rfc5280::nc::permitted-dns-match-noncritical",
            "rfc5280::root-non-critical-basic-constraints",
            "rfc5280::ski::critical-ski",
            "rfc5280::ski::root-missing-ski",
            "rfc5280::unknown-critical-extension-root",
            "rfc5280::validity::expired-root",
            "webpki::aki::root-with-aki-all-fields",
            "webpki::aki::root-with-aki-authoritycertissuer",
            "webpki::aki::root-with-aki-authoritycertserialnumber",
            "webpki::aki::root-with-aki-missing-keyidentifier",
            "webpki::aki::root-with-aki-ski-mismatch",
            "webpki::eku::root-has-eku",
        ],
    ),
    (
        "it is the anchor's RSA key of 2052 bits, which is no weaker than one of 2048",
        &["webpki::forbidden-rsa-not-divisible-by-8-in-root"],
    ),
    (
        "the anchor's constraint begins with a period, which is read as subdomains only: less is permitted, not more",
        &["rfc5280::nc::invalid-dnsname-leading-period"],
    ),
    (
        "a server's name is not compared here, and a payer's is a tel: URI",
        &["rfc5280::san::underscore-dns"],
    ),
    (
        "the CA/Browser Forum forbids it for servers of the Web, RFC 5280 sections 4.2.1.6 and 4.2.1.12 do not",
        &[
            "webpki::eku::ee-anyeku",
            "webpki::eku::ee-critical-eku",
            "webpki::san::san-critical-with-nonempty-subject",
        ],
    ),
];
