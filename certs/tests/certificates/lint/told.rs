//! What an authority is told and would write as it is: refused where it would break a rule.

use countersign_certs::{Authority, Certificate, Error, KeyPair};

use crate::support::{openssl, read, write};

/// RFC 5280 section 4.1.2.4: the issuer is the authority's subject. One that cannot be written so has no valid chain.
#[test]
fn an_authority_whose_name_would_be_written_otherwise_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    write(
        folder.path(),
        "root.key",
        key.expose_pem().unwrap().as_str(),
    );
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
    for subject in [
        "/DC=com/DC=example/CN=Root",
        "/OU=One/OU=Two/CN=Root",
        "/O=House+OU=One/CN=Root",
    ] {
        assert_eq!(named(subject), Err(Error::AuthorityName), "{subject}");
    }
}
