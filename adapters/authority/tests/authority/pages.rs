//! The pages and the API on which people and programs enrol.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_authority::{AuthorityService, Enrolments, routes};
use countersign_certs::{Authority, EndEntityKind, KeyPair, UnixTime, Validity};
use countersign_domain::{outbox::Outbox, policy::Policy, testing::START, verifier::Verifier};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::{House, Phone};

const NUMBER: &str = "%2B33639980001";

/// An authority that is asked over HTTP.
struct Desk {
    house: House,
    routes: Router,
}

impl Desk {
    fn new() -> Self {
        Self::of(House::new())
    }

    fn of(mut house: House) -> Self {
        let ports = house.ports();
        let enrolments = Enrolments {
            authority: Arc::new(house.authority()),
            verifier: Arc::new(
                Verifier::new(ports.clone(), Policy::default())
                    .with_limits(countersign_domain::testing::unbounded()),
            ),
            ports,
            relying_party: "authority".try_into().unwrap(),
            kind: EndEntityKind::TlsClient,
            origin: "ca.example.com".try_into().unwrap(),
        };
        let chain = vec![house.root.certificate().clone()];
        Self { routes: routes(Arc::new(AuthorityService::new(enrolments, chain))), house }
    }

    /// Status, cookie and text of the answer; a body makes it a form.
    async fn ask(&self, path: &str, languages: &str, form: &str) -> (StatusCode, String, String) {
        let method = if form.is_empty() { "GET" } else { "POST" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Accept-Language", languages)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        let answer = self.routes.clone().oneshot(request.unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let cookie = head.headers.get(header::SET_COOKIE);
        let cookie = cookie.map(|cookie| cookie.to_str().unwrap().to_owned());
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, cookie.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    }

    /// The text that the phone shows.
    async fn message(&self) -> String {
        let ports = self.house.ports();
        let verifier = Arc::new(
            Verifier::new(ports.clone(), Policy::default())
                .with_limits(countersign_domain::testing::unbounded()),
        );
        let outbox = Outbox::new(ports, verifier, Arc::new(countersign_web::words::SHARED));
        let due = outbox.due(1).await.unwrap();
        let phone = Phone::default();
        outbox.send(due.first().unwrap(), &phone).await.unwrap();
        phone.0.into_inner().unwrap()
    }
}

#[tokio::test]
async fn the_page_speaks_the_language_that_is_chosen_or_that_the_browser_asks_for() {
    let desk = Desk::new();
    for (path, languages, title) in [
        ("/enrol", "", "Get a certificate"),
        ("/enrol", "fr-CA,en;q=0.5", "Obtenir un certificat"),
        ("/enrol?language=fr", "en", "Obtenir un certificat"),
        ("/enrol?language=de", "en", "Get a certificate"),
    ] {
        let (status, cookie, page) = desk.ask(path, languages, "").await;
        assert_eq!(status, 200);
        assert!(page.contains(&format!("<title>{title}</title>")), "{path} {languages}: {page}");
        let is_kept = cookie.starts_with("__Host-countersign-language=fr; ");
        assert_eq!(is_kept, path.ends_with("=fr"), "{cookie}");
    }
}

#[tokio::test]
async fn a_french_enrolment_is_french_to_the_phone_and_when_it_is_refused() {
    let desk = Desk::new();
    let form = format!("identifier=alice&number={NUMBER}");
    let (status, _, asked) = desk.ask("/enrol", "fr", &form).await;
    assert_eq!(status, 200, "{asked}");
    for said in
        ["Tapez le code", "3 essais restants", "Temps restant : 5 min 0 s", "Phrase de passe"]
    {
        assert!(asked.contains(said), "{said}: {asked}");
    }
    let text = desk.message().await;
    assert!(text.starts_with("Certificat pour \"alice\"\n"), "{text}");
    let (_, rest) = asked.split_once("name=\"enrolment\" value=\"").unwrap();
    let token = rest.split('"').next().unwrap();
    let wrong = if text.ends_with("#111111") { "222222" } else { "111111" };
    let form = format!("enrolment={token}&code={wrong}&passphrase=correct-horse-battery");
    let (status, _, refused) = desk.ask("/enrol/code", "fr", &form).await;
    assert_eq!(status, 422, "{refused}");
    for said in ["Ce n’est pas le code", "2 essais restants", "aria-invalid=\"true\""] {
        assert!(refused.contains(said), "{said}: {refused}");
    }
    let form = format!("enrolment={token}&code={wrong}&passphrase=short");
    let (_, _, refused) = desk.ask("/enrol/code", "fr", &form).await;
    assert!(refused.contains("La phrase de passe est trop courte"), "{refused}");
}

#[tokio::test]
async fn a_number_is_read_as_people_paste_it_and_a_national_zero_is_asked_about() {
    let escaped = |c: char| match c {
        '\0'..='\u{7f}' => c.to_string(),
        other => other.to_string().bytes().map(|octet| format!("%{octet:02X}")).collect(),
    };
    for (number, status, said) in [
        ("+33-6-39-98-00-01", 200, "Type the code"),
        ("\u{202d}+33 6 39 98 00 01\u{202c}", 200, "Type the code"),
        ("\u{200e}+33639980001", 200, "Type the code"),
        ("0033\u{a0}6\u{202f}39 98 00 01", 200, "Type the code"),
        ("+44 (0)7700 900106", 422, "not +33 (0)6 12 34 56 78"),
        ("+33639980001 ext 7", 422, "without an extension"),
        ("06 39 98 00 01", 422, "with + and the country code"),
    ] {
        let desk = Desk::new();
        let typed: String = number.replace('+', "%2B").chars().map(escaped).collect();
        let (found, _, page) =
            desk.ask("/enrol", "en", &format!("identifier=alice&number={typed}")).await;
        assert_eq!(found, status, "{number:?}: {page}");
        assert!(page.contains(said), "{number:?}: {page}");
        let body = serde_json::json!({ "identifier": "alice", "number": number }).to_string();
        let (found, _, answer) = desk.ask("/v1/enrolments", "", &body).await;
        let expected = if status == 200 { 201 } else { status };
        assert_eq!(found, expected, "{number:?}: {answer}");
    }
}

#[tokio::test]
async fn a_passphrase_that_cannot_seal_the_file_is_refused_before_the_code_is_used_up() {
    let desk = Desk::new();
    let (_, _, asked) =
        desk.ask("/enrol", "en", &format!("identifier=alice&number={NUMBER}")).await;
    let text = desk.message().await;
    let (_, code) = text.rsplit_once('#').unwrap();
    let (_, rest) = asked.split_once("name=\"enrolment\" value=\"").unwrap();
    let token = rest.split('"').next().unwrap();
    // "correct😀horse😀battery"
    let emoji = "correct%F0%9F%98%80horse%F0%9F%98%80battery";
    let form = format!("enrolment={token}&code={code}&passphrase={emoji}");
    let (status, _, refused) = desk.ask("/enrol/code", "en", &form).await;
    assert_eq!(status, 422, "{refused}");
    assert!(refused.contains("cannot be sealed under"), "{refused}");
    // The code is still good. A request takes the place of the passphrase, as the page says.
    let request = KeyPair::generate().unwrap().to_request_pem("alice").unwrap();
    let request = request.replace('+', "%2B").replace('=', "%3D").replace('\n', "%0A");
    let form = format!("enrolment={token}&code={code}&passphrase=&request={request}");
    let (status, _, issued) = desk.ask("/enrol/code", "en", &form).await;
    assert_eq!(status, 200, "{issued}");
    assert!(issued.starts_with("-----BEGIN CERTIFICATE"), "{issued}");
}

#[tokio::test]
async fn est_is_served_under_any_label_but_an_operations_name() {
    let desk = Desk::new();
    for (path, expected) in [
        ("/.well-known/est/cacerts", 200),
        ("/.well-known/est/csrattrs", 200),
        ("/.well-known/est/people/cacerts", 200),
        ("/.well-known/est/arbitrary%20Label1/csrattrs", 200),
        ("/.well-known/est/people", 404),
        ("/.well-known/est/people/elsewhere", 404),
        ("/.well-known/est/cacerts/cacerts", 404),
        ("/.well-known/est/simpleenroll/cacerts", 404),
        ("/.well-known/est/a/b/cacerts", 404),
    ] {
        let (status, _, answer) = desk.ask(path, "en", "").await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    for (path, expected) in [
        ("/.well-known/est/people/simpleenroll", 401),
        ("/.well-known/est/people/simplereenroll", 403),
        ("/.well-known/est/people/cacerts", 405),
    ] {
        let (status, _, answer) = desk.ask(path, "en", "x=1").await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
}

/// An enrolment that waits for its code, and the proof that both are (RFC 7617).
async fn proof(desk: &Desk) -> String {
    let form = format!("identifier=alice&number={NUMBER}");
    let (_, _, asked) = desk.ask("/enrol", "en", &form).await;
    let text = desk.message().await;
    let (_, code) = text.rsplit_once('#').unwrap();
    let (_, rest) = asked.split_once("name=\"enrolment\" value=\"").unwrap();
    let token = rest.split('"').next().unwrap();
    STANDARD.encode(format!("{token}:{code}"))
}

#[tokio::test]
async fn est_reads_a_request_in_base64_in_der_and_in_pem() {
    let pem = || KeyPair::generate().unwrap().to_request_pem("alice").unwrap();
    let base64 = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let der = |pem: &str| STANDARD.decode(base64(pem)).unwrap();
    let lines = |pem: &str| base64(pem).replace('A', "A\r\n").into_bytes();
    let older = |pem: &str| {
        format!("\u{feff}\n{}", pem.replace("CERTIFICATE", "NEW CERTIFICATE")).into_bytes()
    };
    let (one, two, three, four, five) = (pem(), pem(), pem(), pem(), pem());
    for (form, body, expected) in [
        ("base64", lines(&one), 200),
        ("DER", der(&two), 200),
        ("PEM", three.into_bytes(), 200),
        ("PEM as others write it", older(&four), 200),
        ("PEM in base64", STANDARD.encode(five).into_bytes(), 200),
        ("neither", b"not a request".to_vec(), 422),
        ("PEM of another kind", pem().replace("CERTIFICATE REQUEST", "PKCS7").into_bytes(), 422),
    ] {
        let desk = Desk::new();
        let request = Request::post("/.well-known/est/people/simpleenroll")
            .header("Authorization", format!("Basic {}", proof(&desk).await))
            .header("Content-Type", "application/pkcs10; charset=utf-8")
            .body(Body::from(body));
        let answer = desk.routes.clone().oneshot(request.unwrap()).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(status, expected, "{form}: {}", String::from_utf8_lossy(&body));
    }
}

#[tokio::test]
async fn est_s_body_is_read_whatever_its_encoding_is_called_and_however_its_type_is_written() {
    for (content_type, encoding, expected) in [
        (Some("application/pkcs10"), None, 200),
        (Some("application/pkcs10"), Some("base64"), 200),
        (Some("application/pkcs10"), Some("8bit"), 200),
        (Some("application/pkcs10"), Some("binary"), 200),
        (Some("APPLICATION/PKCS10"), Some("BASE64"), 200),
        (Some("application/pkcs10; name=\"a;b\"; charset=us-ascii"), None, 200),
        (Some(" application/pkcs10 ;"), None, 200),
        (Some("application/pkcs7-mime"), None, 415),
        (None, None, 415),
    ] {
        let desk = Desk::new();
        let pem = KeyPair::generate().unwrap().to_request_pem("alice").unwrap();
        let base64 = pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let mut request = Request::post("/.well-known/est/simpleenroll")
            .header("Authorization", format!("Basic {}", proof(&desk).await));
        for (name, value) in
            [("Content-Type", content_type), ("Content-Transfer-Encoding", encoding)]
        {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = desk.routes.clone().oneshot(request.body(Body::from(base64)).unwrap()).await;
        assert_eq!(answer.unwrap().status(), expected, "{content_type:?} {encoding:?}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_not_quoted() {
    let desk = Desk::new();
    for body in [r#"{"identifier":"alice","number":33639980001}"#, r#"{"33639980001":""}"#] {
        let (status, _, refused) = desk.ask("/v1/enrolments", "", body).await;
        assert_eq!(status, 400, "{refused}");
        assert!(refused.contains("malformed-json"), "{refused}");
        assert!(!refused.contains("33639980001"), "{refused}");
    }
}

#[tokio::test]
async fn a_list_is_signed_anew_after_a_minute_of_the_clock() {
    let desk = Desk::new();
    let list = async || {
        let request = Request::get("/list.crl").body(Body::empty()).unwrap();
        let answer = desk.routes.clone().oneshot(request).await.unwrap();
        answer.into_body().collect().await.unwrap().to_bytes()
    };
    let first = list().await;
    desk.house.clock.advance_seconds(59);
    assert_eq!(list().await, first);
    desk.house.clock.advance_seconds(1);
    assert_ne!(list().await, first);
}

#[tokio::test]
async fn where_nothing_is_a_browser_gets_the_way_on_and_a_program_the_problem() {
    let desk = Desk::new();
    for (accept, is_page) in
        [("text/html,*/*;q=0.8", true), ("application/json", false), ("", false)]
    {
        let request = Request::builder().uri("/nowhere").header("Accept", accept);
        let request = request.body(Body::empty()).unwrap();
        let answer = desk.routes.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 404);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body);
        assert_eq!(body.contains("<a href=\"/enrol\">"), is_page, "{accept}: {body}");
        assert_eq!(body.contains("urn:countersign:problem:not-found"), !is_page, "{body}");
    }
}

#[tokio::test]
async fn a_code_is_sent_again_after_a_while_and_counts_as_one_of_the_days() {
    let desk = Desk::new();
    let form = format!("identifier=alice&number={NUMBER}");
    let (_, _, asked) = desk.ask("/enrol", "en", &form).await;
    let first = desk.message().await;
    let (_, rest) = asked.split_once("name=\"enrolment\" value=\"").unwrap();
    let again = format!("enrolment={}", rest.split('"').next().unwrap());
    let (status, _, early) = desk.ask("/enrol/resend", "en", &again).await;
    assert_eq!(status, 429, "{early}");
    assert!(early.contains("Too soon for another message"), "{early}");
    // It is asked for on the page that is still the code's.
    assert!(early.contains("name=\"passphrase\""), "{early}");
    desk.house.clock.advance_seconds(31);
    let (status, _, sent) = desk.ask("/enrol/resend", "en", &again).await;
    assert_eq!(status, 200, "{sent}");
    let second = desk.message().await;
    let code = |text: &str| text.rsplit_once('#').unwrap().1.to_owned();
    assert_eq!(code(&first), code(&second));
    // Two of five are used up.
    for _ in 0..3 {
        assert_eq!(desk.ask("/enrol", "en", &form).await.0, 200);
    }
    assert_eq!(desk.ask("/enrol", "en", &form).await.0, 429);
}

#[tokio::test]
async fn what_enrolment_says_speaks_of_no_amount() {
    let desk = Desk::new();
    for language in ["en", "fr"] {
        let form = format!("identifier=alice&number={NUMBER}");
        let (_, _, asked) = desk.ask("/enrol", language, &form).await;
        let text = desk.message().await;
        for said in [&asked, &text] {
            let said = said.to_lowercase().replace("class=\"amount", "").replace(".amount{", "");
            for word in ["amount", "montant", "pay ", "payer "] {
                assert!(!said.contains(word), "{language}, {word}: {said}");
            }
        }
        desk.house.clock.advance_seconds(90_000);
    }
}

#[tokio::test]
async fn an_authority_whose_time_is_over_uses_up_no_code() {
    let mut house = House::new();
    // Two minutes from now: a code is good for five.
    let begin = UnixTime::since_unix_epoch(Duration::from_secs(START.unix_seconds() - 86_400));
    let validity = Validity::new(begin, Duration::from_secs(86_400 + 120)).unwrap();
    house.root = Authority::root("Root", validity).unwrap();
    let desk = Desk::of(house);
    let (_, _, asked) =
        desk.ask("/enrol", "en", &format!("identifier=alice&number={NUMBER}")).await;
    let text = desk.message().await;
    let (_, code) = text.rsplit_once('#').unwrap();
    let (_, rest) = asked.split_once("name=\"enrolment\" value=\"").unwrap();
    let token = rest.split('"').next().unwrap();
    desk.house.clock.advance_seconds(180);
    let form = format!("enrolment={token}&code={code}&passphrase=correct-horse-battery");
    let (status, _, failed) = desk.ask("/enrol/code", "en", &form).await;
    assert_eq!(status, 500, "{failed}");
    // It is shown once more, with all its attempts.
    assert!(failed.contains("3 attempts left"), "{failed}");
}
