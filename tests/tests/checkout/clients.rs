//! `curl` and `openssl` as clients and judges of our TLS and of our certificates.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{Trial, code_in};
use countersign_tests::curl::{Answer, Browser};
use serde_json::json;

fn certificate<'a>(trial: &'a Trial, name: &str) -> Browser<'a> {
    let folder = trial.sandbox.folder();
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    trial.shop.browser(name).with_certificate(&file("pem"), &file("key"))
}

fn openssl(folder: &Path, arguments: &str) -> (bool, String) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("openssl cannot be run, see tests/install.sh: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn curl_pays_with_a_certificate_that_bears_phone_and_card() {
    let trial = Trial::start(None).await;
    let browser = certificate(&trial, "encrypted");
    let page = trial.shop.order("49.90", &json!([]));
    let asked = browser.pay(&page, "");
    assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
    let typed = browser.type_code(&page, code_in(&trial.text()));
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
    assert_eq!(trial.movements(), ["held", "debited"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_versions_of_tls_take_a_client_certificate_and_no_older_one_is_spoken() {
    let trial = Trial::start(None).await;
    let page = trial.shop.order("49.90", &json!([]));
    for version in ["1.2", "1.3"] {
        let browser = certificate(&trial, "clear");
        let flags = [&format!("--tlsv{version}"), "--tls-max", version];
        let shown = browser.open(&page, &flags);
        assert_eq!((shown.status, version), (200, version), "{shown:?}");
    }
    let old =
        trial.shop.browser("old").open(&page, &["--tls-max", "1.1", "--ciphers", "ALL@SECLEVEL=0"]);
    assert_eq!(old.status, 0, "{old:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_certificate_that_is_not_trusted_is_refused_with_its_cause() {
    let trial = Trial::start(None).await;
    let page = trial.shop.order("49.90", &json!([]));
    let refused = |name: &str, version: &str| -> Answer {
        let browser = certificate(&trial, name);
        let flags = [&format!("--tlsv{version}"), "--tls-max", version];
        browser.open(&page, &flags)
    };
    for version in ["1.2", "1.3"] {
        // By TLS already (RFC 5246 section 7.2.2, RFC 8446 section 6.2).
        for (name, alerts) in [
            ("foreign", ["unknown ca"; 2]),
            // The second is how curl puts it over TLS 1.2.
            ("expired", ["certificate expired", "certificate verification failed"]),
        ] {
            let refused = refused(name, version);
            assert_eq!(refused.status, 0, "{name} over {version}: {refused:?}");
            assert!(
                alerts.iter().any(|alert| refused.complaint.contains(alert)),
                "{name} over {version}: {}",
                refused.complaint
            );
        }
        // By us: the path is good, the number in it is another certificate's.
        let browser = certificate(&trial, "moved");
        let refused = browser.pay(&page, "");
        assert_eq!(
            (refused.status, refused.text("/type")),
            (403, "urn:countersign:problem:certificate-phone-moved"),
            "{refused:?}"
        );
    }
    assert!(trial.movements().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn openssl_verifies_every_chain_and_refuses_what_is_to_be_refused() {
    let trial = Trial::start(None).await;
    let folder = trial.sandbox.folder();
    for (name, purpose) in
        [("server", "sslserver"), ("encrypted", "sslclient"), ("clear", "sslclient")]
    {
        let check = format!(
            "verify -x509_strict -purpose {purpose} -CAfile root.pem -untrusted {name}.pem {name}.pem"
        );
        let (verified, said) = openssl(folder, &check);
        assert!(verified, "{name}: {said}");
    }
    for (name, cause) in [
        ("foreign", "self-signed certificate in certificate chain"),
        ("expired", "certificate has expired"),
    ] {
        let check = format!("verify -CAfile root.pem -untrusted {name}.pem {name}.pem");
        let (verified, said) = openssl(folder, &check);
        assert!(!verified && said.contains(cause), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn openssl_sees_our_chain_and_that_a_client_certificate_is_asked_for() {
    let trial = Trial::start(None).await;
    let address = trial.shop.checkout.trim_start_matches("https://");
    for version in ["tls1_2", "tls1_3"] {
        let (connected, said) = openssl(
            trial.sandbox.folder(),
            &format!(
                "s_client -connect {address} -servername localhost -{version} -CAfile root.pem \
                 -verify_return_error -cert clear.pem -cert_chain clear.pem -key clear.key"
            ),
        );
        assert!(connected, "{version}: {said}");
        for expected in [
            "Verify return code: 0 (ok)",
            "Acceptable client certificate CA names",
            "CN = Countersign sandbox root",
        ] {
            assert!(said.contains(expected), "{version}: {expected}: {said}");
        }
    }
}
