//! A number goes into a certificate only after its holder typed back a code that was sent to it: EST (RFC 7030) and the
//! page, with `curl` and `openssl` as the people who enrol.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod refused;
mod retention;
mod support;
mod untold;

use support::{NUMBER, Town};

#[tokio::test(flavor = "multi_thread")]
async fn who_types_the_code_back_is_issued_a_certificate_with_the_number_and_the_name_that_was_proved()
 {
    let town = Town::new(false).await;
    town.request("alice");
    let token = town.begin("alice", NUMBER);
    let code = town.code(1).await;
    let (status, answer) = town.est("simpleenroll", &format!("{token}:{code}"), "alice", &[]);
    assert_eq!(status, 200, "{answer}");
    town.unpack(&answer, "alice");
    let verified = town.openssl(
        "verify -x509_strict -purpose sslclient -CAfile root/authority.pem -untrusted ca/authority.pem alice.pem",
    );
    assert_eq!(verified.trim(), "alice.pem: OK");
    let text = town.openssl("x509 -in alice.pem -noout -text");
    assert!(text.contains(&format!("URI:tel:{NUMBER}")), "{text}");
    assert!(text.contains("Subject: O = Example, CN = alice"), "{text}");
    // The same proof is good once, and the same key is certified once.
    town.request("again");
    let (status, answer) = town.est("simpleenroll", &format!("{token}:{code}"), "again", &[]);
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("The code was used already"), "{answer}");
}

/// One that is written as they are, and was never begun.
fn unknown_enrolment() -> String {
    let zeros = "0".repeat(31);
    format!("ch_1{zeros}.ses_1{zeros}:123456")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_code_nothing_is_issued() {
    let town = Town::new(false).await;
    town.request("mallory");
    let est = |proof: &str| town.est("simpleenroll", proof, "mallory", &[]);
    for proof in ["nobody:123456", &unknown_enrolment()] {
        let (status, answer) = est(proof);
        assert_eq!(status, 401, "{answer}");
    }
    let token = town.begin("mallory", NUMBER);
    let code = town.code(1).await;
    let wrong = if code == "111111" { "222222" } else { "111111" };
    for attempt in 1..=4 {
        let (status, answer) = est(&format!("{token}:{wrong}"));
        assert_eq!(status, 401, "{attempt}: {answer}");
    }
    // After too many, the right one comes too late.
    let (status, answer) = est(&format!("{token}:{code}"));
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("Too many wrong codes"), "{answer}");
    // The code of one enrolment is of no use for another.
    let (first, second) = (town.begin("mallory", NUMBER), town.begin("mallory", NUMBER));
    let code = town.code(3).await;
    let (status, answer) = est(&format!("{first}:{code}"));
    assert_eq!(status, 401, "{answer}");
    let (status, answer) = est(&format!("{second}:{code}"));
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_said_before_the_code_is_used_up() {
    let town = Town::new(false).await;
    town.request("alice");
    let token = town.begin("alice", NUMBER);
    let proof = format!("{token}:{}", town.code(1).await);
    std::fs::write(town.path().join("junk.b64"), "anVuaw==").unwrap();
    std::fs::write(town.path().join("none.b64"), "*").unwrap();
    town.openssl(
        "req -new -nodes -newkey rsa:2048 -keyout weak.key -outform DER -out weak.csr -subj /CN=a",
    );
    town.openssl("base64 -in weak.csr -out weak.b64");
    for (name, status, words) in [
        ("junk", 422, "ot a well-formed certificate request"),
        ("none", 422, "ot a well-formed certificate request"),
        ("weak", 422, "P-256, or RSA of 3072 or 4096 bits"),
    ] {
        let (found, answer) = town.est("simpleenroll", &proof, name, &[]);
        assert_eq!(found, status, "{name}: {answer}");
        assert!(answer.contains(words), "{name}: {answer}");
    }
    let kind = ["-u", &proof, "-H", "content-type: text/plain", "-d", "x"];
    let (status, answer) = town.curl("/.well-known/est/simpleenroll", &kind);
    assert_eq!(status, 415, "{answer}");
    let (status, answer) = town.est("simpleenroll", &proof, "alice", &[]);
    assert_eq!(status, 200, "{answer}");
    // And a key that has a certificate already costs no code.
    let token = town.begin("alice", NUMBER);
    let proof = format!("{token}:{}", town.code(2).await);
    let (status, answer) = town.est("simpleenroll", &proof, "alice", &[]);
    assert_eq!(status, 409, "{answer}");
    town.request("new");
    let (status, answer) = town.est("simpleenroll", &proof, "new", &[]);
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_when_it_is_presented_and_the_number_proved_again() {
    let town = Town::new(false).await;
    for name in ["alice", "new", "other"] {
        town.request(name);
    }
    let enrol = async |identifier: &str, path: &str, name: &str, messages: usize, more: &[&str]| {
        let token = town.begin(identifier, NUMBER);
        let proof = format!("{token}:{}", town.code(messages).await);
        town.est(path, &proof, name, more)
    };
    let (status, answer) = enrol("alice", "simpleenroll", "alice", 1, &[]).await;
    assert_eq!(status, 200, "{answer}");
    town.unpack(&answer, "alice");
    let with_old = ["--cert", "alice.pem", "--key", "alice.key"];
    let (status, answer) = enrol("alice", "simplereenroll", "new", 2, &[]).await;
    assert_eq!(status, 403, "without the old certificate: {answer}");
    let (status, answer) = enrol("bob", "simplereenroll", "other", 3, &with_old).await;
    assert_eq!(status, 403, "in another name: {answer}");
    let (status, answer) = enrol("alice", "simplereenroll", "new", 4, &with_old).await;
    assert_eq!(status, 200, "{answer}");
    town.unpack(&answer, "new");
    let serial = |name: &str| {
        let said = town.openssl(&format!("x509 -in {name}.pem -noout -serial"));
        said.trim().trim_start_matches("serial=").to_lowercase()
    };
    let old = serial("alice");
    let at_the_desk = format!(
        "renew --dir DIR/ca --passphrase-file DIR/pw --serial {old} --new-key DIR/desk.key"
    );
    let refused = town.try_ca(&at_the_desk).await.unwrap_err();
    assert!(refused.contains("must prove first"), "{refused}");
    town.ca(&format!(
        "revoke --dir DIR/ca --passphrase-file DIR/pw --serial {old} --reason superseded"
    ))
    .await;
    let (status, answer) = enrol("alice", "simplereenroll", "other", 5, &with_old).await;
    assert_eq!(status, 403, "after it was revoked: {answer}");
    assert!(answer.contains("certificate-revoked"), "{answer}");
    // A sixth code on one day is not sent.
    let body = format!(r#"{{"identifier":"alice","number":"{NUMBER}"}}"#);
    let json = ["-H", "content-type: application/json", "-d", &body];
    let (status, answer) = town.curl("/v1/enrolments", &json);
    assert_eq!(status, 429, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_est_tells_before_is_read_by_openssl() {
    let town = Town::new(false).await;
    let (status, answer) = town.curl("/.well-known/est/cacerts", &[]);
    assert_eq!(status, 200, "{answer}");
    let all = town.unpack(&answer, "authorities");
    assert_eq!(all.matches("BEGIN CERTIFICATE").count(), 2, "{all}");
    let (status, answer) = town.curl("/.well-known/est/csrattrs", &[]);
    assert_eq!(status, 200, "{answer}");
    std::fs::write(town.path().join("attributes.b64"), answer.replace('\r', "")).unwrap();
    town.openssl("base64 -d -in attributes.b64 -out attributes.der");
    let shown = town.openssl("asn1parse -inform DER -in attributes.der");
    for name in ["id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256"] {
        assert!(shown.contains(name), "{shown}");
    }
    let (status, _) = town.curl("/list.crl", &["-o", "list.crl"]);
    assert_eq!(status, 200);
    let list = town.openssl("crl -inform DER -in list.crl -noout -text -CAfile ca/authority.pem");
    assert!(list.contains("No Revoked Certificates"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_number_is_read_by_its_gateway_and_by_nobody_else() {
    let town = Town::new(true).await;
    town.request("alice");
    let token = town.begin("alice", NUMBER);
    let proof = format!("{token}:{}", town.code(1).await);
    let (status, answer) = town.est("simpleenroll", &proof, "alice", &[]);
    assert_eq!(status, 200, "{answer}");
    town.unpack(&answer, "alice");
    let text = town.openssl("x509 -in alice.pem -noout -text");
    assert!(!text.contains("33639980001"), "{text}");
    let certificate = countersign_certs::Certificate::from_pem(&town.read("alice.pem")).unwrap();
    let gateway = countersign_certs::Certificate::from_pem(&town.read("gateway.pem")).unwrap();
    let key = countersign_certs::KeyPair::from_pem(&town.read("gateway.key")).unwrap();
    let keys = [countersign_certs::RecipientKey::new(&gateway, &key).unwrap()];
    let extension = countersign_certs::PhoneExtension::default();
    let read = countersign_certs::read_phone(certificate.der(), extension, &keys);
    assert_eq!(read.unwrap().number.expose(), NUMBER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_a_file_to_import_from_the_page() {
    let town = Town::new(false).await;
    let (status, page) = town.curl("/enrol", &[]);
    assert_eq!(status, 200, "{page}");
    let number = format!("number={NUMBER}");
    let jar = ["-b", "jar", "-c", "jar", "-L"];
    let begin = ["--data-urlencode", "identifier=alice", "--data-urlencode", &number];
    let (status, page) = town.curl("/enrol", &[&jar[..], &begin].concat());
    assert_eq!(status, 200, "{page}");
    let (_, rest) = page.split_once("method=\"post\" action=\"").unwrap();
    let path = rest.split('"').next().unwrap();
    let code = town.code(1).await;
    let finish = |code: &str, passphrase: &str| {
        let (code, passphrase) = (format!("code={code}"), format!("passphrase={passphrase}"));
        town.curl(path, &["-b", "jar", "-o", "answer", "-d", &code, "-d", &passphrase])
    };
    assert_eq!(finish(&code, "short").0, 422);
    assert!(town.read("answer").contains("12 characters"));
    let wrong = if code == "111111" { "222222" } else { "111111" };
    assert_eq!(finish(wrong, "correct-horse-battery").0, 422);
    assert!(town.read("answer").contains("This is not the code"));
    assert_eq!(finish(&code, "correct-horse-battery").0, 200);
    let said = town.openssl("pkcs12 -in answer -nodes -passin pass:correct-horse-battery -info");
    assert!(said.contains("PBES2"), "{said}");
    // As Chromium and Firefox keep it.
    std::fs::create_dir(town.path().join("nss")).unwrap();
    for (program, arguments) in [
        ("certutil", "-d sql:nss -N --empty-password"),
        ("pk12util", "-d sql:nss -i answer -W correct-horse-battery"),
        ("certutil", "-d sql:nss -K"),
    ] {
        let arguments: Vec<_> = arguments.split_whitespace().collect();
        let (done, said) = town.program(program, &arguments);
        assert!(done, "{program}\n{said}");
    }
}
