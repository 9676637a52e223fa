//! TLS to the server: it must have a certificate of its name, from an authority that is trusted.

use countersign_domain::secret::Secret;
use countersign_store::{Database, DatabaseError, make_schema, testing};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::open;

fn database(url: &str, roots: RootCertStore) -> Database {
    Database::at(&Secret::new(url.to_owned()), roots).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_encrypted_to_a_server_of_its_name_and_a_trusted_authority_only() {
    let [server, other] = [testing::Encrypted::start(), testing::Encrypted::start()];
    let roots = |server: &testing::Encrypted| {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(server.root()).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        roots
    };
    let (named, numbered) = (
        format!("{}?sslmode=verify-full", server.url("localhost")),
        format!("{}?sslmode=require", server.url("127.0.0.1")),
    );
    for (url, roots, why) in [
        (&named, RootCertStore::empty(), "UnknownIssuer"),
        (&named, roots(&other), "invalid peer certificate"),
        (&numbered, roots(&server), "certificate not valid for name"),
    ] {
        let refused = make_schema(&database(url, roots)).await.unwrap_err();
        let DatabaseError::Unusable { cause, .. } = &refused else { panic!("{refused}") };
        assert!(cause.contains(why), "{url}: {cause}");
    }
    let none = "SELECT to_regnamespace('countersign') IS NULL";
    assert_eq!(testing::sql(&server.socket(), none), "t");

    let trusted = database(&named, roots(&server));
    assert_eq!(make_schema(&trusted).await, Ok(true));
    let _store = open(&trusted).await.unwrap();
    let encrypted = "SELECT bool_and(ssl), bool_and(version = 'TLSv1.3') FROM pg_stat_ssl
                     JOIN pg_stat_activity USING (pid) WHERE application_name = 'countersign'";
    assert_eq!(testing::sql(&server.socket(), encrypted), "t|t");
}
