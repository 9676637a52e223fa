//! What an authority is told and would write as it is: refused where it would break a rule.

use countersign_certs::{Authority, Certificate, Error, KeyPair, Profile};

use crate::support::{days, openssl, read, write};

fn server<'a>(dns_names: &'a [&'a str]) -> Profile<'a> {
    Profile::TlsServer { common_name: "shop", dns_names, ip_addresses: &[] }
}

/// RFC 5280 section 4.2.1.6: a URI in ASCII, with a scheme and something behind it.
#[test]
fn an_address_of_the_list_that_is_no_uri_is_refused() {
    let told = |url: &str| {
        let root = Authority::root("Root", days(365)).unwrap();
        root.with_revocation_list_url(Some(url.to_owned())).map(|_| ())
    };
    assert_eq!(told("http://authority.example/list.crl"), Ok(()));
    for url in [
        "",
        "list.crl",
        "http:",
        "://authority.example/list.crl",
        "http://authority.example/a list.crl",
        "http://authority.example/\u{e9}.crl",
        "http://authority.example/list.crl\n",
    ] {
        assert_eq!(told(url), Err(Error::InvalidRevocationListUrl), "{url}");
    }
}

/// RFC 5280 section 4.1.2.4: the issuer is the authority's subject. One that cannot be written so has no valid chain.
#[test]
fn an_authority_whose_name_would_be_written_otherwise_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    write(folder.path(), "root.key", key.expose_pem().unwrap().as_str());
    let named = |subject: &str| {
        let request = format!(
            "req -x509 -new -key root.key -days 36500 -multivalue-rdn -subj {subject} -out root.pem"
        );
        openssl(folder.path(), &request);
        let pem = String::from_utf8(read(folder.path(), "root.pem")).unwrap();
        let key = KeyPair::from_pem(&key.expose_pem().unwrap()).unwrap();
        Authority::new(Certificate::from_pem(&pem).unwrap(), key).map(|_| ())
    };
    assert_eq!(named("/DC=example/O=House/CN=Root"), Ok(()));
    for subject in
        ["/DC=com/DC=example/CN=Root", "/OU=One/OU=Two/CN=Root", "/O=House+OU=One/CN=Root"]
    {
        assert_eq!(named(subject), Err(Error::AuthorityName), "{subject}");
    }
}

/// RFC 1034 section 3.5, as RFC 5280 section 4.2.1.6 has it: with a dot at its end it is compared with no name.
#[test]
fn a_dns_name_with_a_dot_at_its_end_is_refused() {
    let root = Authority::root("Root", days(365)).unwrap();
    let key = KeyPair::generate().unwrap();
    let issued = root.issue(&server(&["shop.example."]), key.public_key(), days(30));
    assert_eq!(issued.unwrap_err(), Error::InvalidDnsName);
}
