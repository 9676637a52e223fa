//! The pages and the API on which people and programs enrol.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderName, Request, StatusCode, header, response::Parts},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_authority::{AuthorityService, Enrolments, routes};
use countersign_certs::{Authority, EndEntityKind, KeyPair, UnixTime, Validity};
use countersign_domain::{
    agreement::Agreement,
    challenge::ChallengeRequest,
    code::TypedCode,
    id::SessionId,
    outbox::Outbox,
    policy::Policy,
    testing::{START, alice, unbounded},
    verifier::Verifier,
};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::{House, Phone, died::Dying};

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
                Verifier::new(ports.clone(), Policy::default()).with_limits(unbounded()),
            ),
            ports,
            relying_party: "authority".try_into().unwrap(),
            kind: EndEntityKind::TlsClient,
            origin: "ca.example.com".try_into().unwrap(),
        };
        let chain = vec![house.root.certificate().clone()];
        Self { routes: routes(Arc::new(AuthorityService::new(enrolments, chain))), house }
    }

    /// Status, cookie and text of the answer to a stranger; a body makes it a form.
    async fn ask(&self, path: &str, languages: &str, form: &str) -> (StatusCode, String, String) {
        let (head, body) = self.ask_with("", path, languages, form).await;
        (head.status, of_head(&head, header::SET_COOKIE), body)
    }

    async fn ask_with(
        &self,
        cookie: &str,
        path: &str,
        languages: &str,
        form: &str,
    ) -> (Parts, String) {
        let method = if form.is_empty() { "GET" } else { "POST" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Cookie", cookie)
            .header("Accept-Language", languages)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        let answer = self.routes.clone().oneshot(request.unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head, String::from_utf8_lossy(&body).into_owned())
    }

    /// Begins an enrolment in a new browser, which is led to the page of the code.
    async fn begin(&self, languages: &'static str, form: &str) -> Browser<'_> {
        let (head, body) = self.ask_with("", "/enrol", languages, form).await;
        assert_eq!(head.status, 303, "{body}");
        let cookie = of_head(&head, header::SET_COOKIE);
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Browser { desk: self, cookie, path: of_head(&head, header::LOCATION), languages }
    }

    /// The text that the phone shows.
    async fn message(&self) -> String {
        let ports = self.house.ports();
        let verifier =
            Arc::new(Verifier::new(ports.clone(), Policy::default()).with_limits(unbounded()));
        let outbox = Outbox::new(ports, verifier, Arc::new(countersign_web::words::SHARED));
        let due = outbox.due(1).await.unwrap();
        let phone = Phone::default();
        outbox.send(due.first().unwrap(), &phone).await.unwrap();
        phone.0.into_inner().unwrap()
    }
}

fn of_head(head: &Parts, name: HeaderName) -> String {
    let value = head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    value.unwrap_or_default()
}

/// A browser that is at the page of a code.
struct Browser<'a> {
    desk: &'a Desk,
    cookie: String,
    path: String,
    languages: &'static str,
}

impl Browser<'_> {
    async fn ask(&self, path: &str, form: &str) -> (Parts, String) {
        self.desk.ask_with(&self.cookie, path, self.languages, form).await
    }

    /// The page, looked at again.
    async fn page(&self) -> (StatusCode, String) {
        let (head, body) = self.ask(&self.path, "").await;
        (head.status, body)
    }

    async fn submit(&self, what: &str, form: &str) -> (StatusCode, String) {
        let (head, body) = self.ask(&format!("{}/{what}", self.path), form).await;
        (head.status, body)
    }
}

#[tokio::test]
async fn the_page_of_the_code_is_found_again_by_its_browser_alone() {
    let desk = Desk::new();
    let browser = desk.begin("en", &format!("identifier=alice&number={NUMBER}")).await;
    let (status, first) = browser.page().await;
    assert_eq!(status, 200, "{first}");
    assert!(first.contains("Type the code") && first.contains("name=\"passphrase\""), "{first}");
    // Reloaded, in another language, and where the forms are sent to.
    assert_eq!(browser.page().await.1, first);
    let (head, french) = browser.ask(&format!("{}?language=fr", browser.path), "").await;
    assert_eq!(head.status, 200);
    assert!(french.contains("Tapez le code"), "{french}");
    for form in ["code", "resend"] {
        let (head, _) = browser.ask(&format!("{}/{form}", browser.path), "").await;
        assert_eq!(head.status, 303);
        assert_eq!(of_head(&head, header::LOCATION), browser.path);
    }
    // None of that had a message sent.
    desk.message().await;
    assert!(desk.house.ports().store.due("message", START, 1).await.unwrap().is_empty());
    // What leads there says nothing of it without the session.
    let other = desk.begin("en", &format!("identifier=bob&number={NUMBER}")).await;
    for cookie in [String::new(), other.cookie.clone()] {
        let path = browser.path.clone();
        let stranger = Browser { desk: &desk, cookie, path, languages: "en" };
        for (form, what) in [("", ""), ("code=123456", "/code"), ("resend=", "/resend")] {
            let (head, shown) = stranger.ask(&format!("{}{what}", browser.path), form).await;
            assert!(head.status.is_client_error(), "{what}: {shown}");
            assert!(!shown.contains("id=\"code\""), "{what}: {shown}");
        }
    }
    assert!(browser.page().await.1.contains("3 attempts left"));
    let (status, _, nothing) = desk.ask("/enrol/nothing", "en", "").await;
    assert_eq!(status, 404, "{nothing}");
}

/// Where flows share a store, as with `[access]` or `[set.authority]` beside the authority.
#[tokio::test]
async fn a_code_for_something_else_certifies_nothing() {
    let access = Agreement::Access { to: "payroll".try_into().unwrap() };
    let of_card = Agreement::Certificate { name: "Example ...0154".try_into().unwrap() };
    for agreement in [access, of_card] {
        let desk = Desk::new();
        let session = SessionId::try_from(format!("ses_{}", "1".repeat(32))).unwrap();
        let request = ChallengeRequest {
            relying_party: "authority".try_into().unwrap(),
            person: alice(session.clone(), "ca.example.com"),
            agreement,
            from: None,
            waiting: None,
            correlation: None,
        };
        let verifier =
            Verifier::new(desk.house.ports(), Policy::default()).with_limits(unbounded());
        let challenge = verifier.start_challenge(request).await.unwrap().done().unwrap();
        let text = desk.message().await;
        let (_, code) = text.rsplit_once('#').unwrap();
        let id = challenge.id().as_str();
        let proof = STANDARD.encode(format!("{id}.{}:{code}", session.as_str()));
        let pem = KeyPair::generate().unwrap().to_request_pem("alice").unwrap();
        let request = Request::post("/.well-known/est/simpleenroll")
            .header("Authorization", format!("Basic {proof}"))
            .header("Content-Type", "application/pkcs10")
            .body(Body::from(pem));
        let answer = desk.routes.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), 401);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body);
        assert!(body.contains("problem:no-enrolment"), "{body}");
        let cookie = format!("__Host-countersign-session={}", session.as_str());
        let browser =
            Browser { desk: &desk, cookie, path: format!("/enrol/{id}"), languages: "en" };
        let (status, page) = browser.page().await;
        assert_eq!(status, 404, "{page}");
        let form = format!("code={code}&passphrase=correct-horse-battery");
        let (status, page) = browser.submit("code", &form).await;
        assert_eq!(status, 404, "{page}");
        // It is still good for what it is for.
        let typed = TypedCode::try_from(code).unwrap();
        let answer = verifier.finish_challenge(challenge.id(), &session, &typed).await.unwrap();
        assert!(answer.done().is_ok());
    }
}

#[tokio::test]
async fn when_no_code_is_accepted_any_more_the_page_says_so_and_one_begins_again() {
    let desk = Desk::new();
    let browser = desk.begin("en", &format!("identifier=alice&number={NUMBER}")).await;
    desk.house.clock.advance_seconds(301);
    let (status, late) = browser.page().await;
    assert_eq!(status, 410, "{late}");
    assert!(late.contains("id=\"identifier\"") && !late.contains("id=\"code\""), "{late}");
}

#[tokio::test]
async fn the_page_of_a_code_that_was_right_when_the_process_died_asks_for_it_again() {
    let mut house = House::new();
    let store = Dying::on(Arc::clone(&house.store));
    house.store = store.clone();
    let desk = Desk::of(house);
    let browser = desk.begin("en", &format!("identifier=alice&number={NUMBER}")).await;
    let text = desk.message().await;
    let (_, code) = text.rsplit_once('#').unwrap();
    let wrong = if code == "111111" { "222222" } else { "111111" };
    let [right, wrong] =
        [code, wrong].map(|code| format!("code={code}&passphrase=correct-horse-battery"));
    let asks = |page: &str| page.contains("id=\"code\"") && !page.contains("/resend\"");
    store.set_dying(true);
    for _ in 0..2 {
        let (status, died) = browser.submit("code", &right).await;
        let leads_back = died.contains(&format!("href=\"{}\"", browser.path));
        assert!(status.is_server_error() && leads_back, "{status}: {died}");
        let (status, again) = browser.page().await;
        assert!(status == 200 && asks(&again), "{status}: {again}");
        assert!(again.contains("3 attempts left"), "{again}");
    }
    store.set_dying(false);
    let (_, refused) = browser.submit("code", &wrong).await;
    assert!(asks(&refused) && refused.contains("2 attempts left"), "{refused}");
    let (head, _) = browser.ask(&format!("{}/code", browser.path), &right).await;
    assert_eq!(head.status, 200);
    assert_eq!(of_head(&head, header::CONTENT_TYPE), "application/x-pkcs12");
    // It was used: one begins again.
    let (status, over) = browser.page().await;
    assert!(status.is_client_error() && over.contains("id=\"identifier\""), "{over}");
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
    let browser = desk.begin("fr", &form).await;
    let (status, asked) = browser.page().await;
    assert_eq!(status, 200, "{asked}");
    for said in
        ["Tapez le code", "3 essais restants", "Temps restant : 5 min 0 s", "Phrase de passe"]
    {
        assert!(asked.contains(said), "{said}: {asked}");
    }
    let text = desk.message().await;
    assert!(text.starts_with("Certificat pour \"alice\"\n"), "{text}");
    let wrong = if text.ends_with("#111111") { "222222" } else { "111111" };
    let form = format!("code={wrong}&passphrase=correct-horse-battery");
    let (status, refused) = browser.submit("code", &form).await;
    assert_eq!(status, 422, "{refused}");
    for said in ["Ce n’est pas le code", "2 essais restants", "aria-invalid=\"true\""] {
        assert!(refused.contains(said), "{said}: {refused}");
    }
    let form = format!("code={wrong}&passphrase=short");
    let (_, refused) = browser.submit("code", &form).await;
    assert!(refused.contains("La phrase de passe est trop courte"), "{refused}");
}

#[tokio::test]
async fn a_number_is_read_as_people_paste_it_and_a_national_zero_is_asked_about() {
    let escaped = |c: char| match c {
        '\0'..='\u{7f}' => c.to_string(),
        other => other.to_string().bytes().map(|octet| format!("%{octet:02X}")).collect(),
    };
    for (number, status, said) in [
        ("+33-6-39-98-00-01", 303, ""),
        ("\u{202d}+33 6 39 98 00 01\u{202c}", 303, ""),
        ("\u{200e}+33639980001", 303, ""),
        ("0033\u{a0}6\u{202f}39 98 00 01", 303, ""),
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
        let expected = if status == 303 { 201 } else { status };
        assert_eq!(found, expected, "{number:?}: {answer}");
    }
}

#[tokio::test]
async fn a_passphrase_that_cannot_seal_the_file_is_refused_before_the_code_is_used_up() {
    let desk = Desk::new();
    let browser = desk.begin("en", &format!("identifier=alice&number={NUMBER}")).await;
    let text = desk.message().await;
    let (_, code) = text.rsplit_once('#').unwrap();
    // "correct😀horse😀battery"
    let emoji = "correct%F0%9F%98%80horse%F0%9F%98%80battery";
    let form = format!("code={code}&passphrase={emoji}");
    let (status, refused) = browser.submit("code", &form).await;
    assert_eq!(status, 422, "{refused}");
    assert!(refused.contains("cannot be sealed under"), "{refused}");
    // The code is still good. A request takes the place of the passphrase, as the page says.
    let request = KeyPair::generate().unwrap().to_request_pem("alice").unwrap();
    let request = request.replace('+', "%2B").replace('=', "%3D").replace('\n', "%0A");
    let form = format!("code={code}&passphrase=&request={request}");
    let (status, issued) = browser.submit("code", &form).await;
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
    let body = r#"{"identifier":"alice","number":"+33639980001"}"#;
    let (_, _, begun) = desk.ask("/v1/enrolments", "en", body).await;
    let begun: serde_json::Value = serde_json::from_str(&begun).unwrap();
    let token = begun.get("enrolment").unwrap().as_str().unwrap();
    let text = desk.message().await;
    let (_, code) = text.rsplit_once('#').unwrap();
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
    let browser = desk.begin("en", &form).await;
    let first = desk.message().await;
    let (status, early) = browser.submit("resend", "again=").await;
    assert_eq!(status, 429, "{early}");
    assert!(early.contains("Too soon for another message"), "{early}");
    // It is asked for on the page that is still the code's.
    assert!(early.contains("name=\"passphrase\""), "{early}");
    desk.house.clock.advance_seconds(31);
    let (status, sent) = browser.submit("resend", "again=").await;
    assert_eq!(status, 303, "{sent}");
    let second = desk.message().await;
    let code = |text: &str| text.rsplit_once('#').unwrap().1.to_owned();
    assert_eq!(code(&first), code(&second));
    // Two of five are used up.
    for _ in 0..3 {
        assert_eq!(desk.ask("/enrol", "en", &form).await.0, 303);
    }
    assert_eq!(desk.ask("/enrol", "en", &form).await.0, 429);
}

#[tokio::test]
async fn what_enrolment_says_speaks_of_no_amount() {
    let desk = Desk::new();
    for language in ["en", "fr"] {
        let form = format!("identifier=alice&number={NUMBER}");
        let (_, asked) = desk.begin(language, &form).await.page().await;
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
    let browser = desk.begin("en", &format!("identifier=alice&number={NUMBER}")).await;
    let text = desk.message().await;
    let (_, code) = text.rsplit_once('#').unwrap();
    desk.house.clock.advance_seconds(180);
    let form = format!("code={code}&passphrase=correct-horse-battery");
    let (status, failed) = browser.submit("code", &form).await;
    assert_eq!(status, 500, "{failed}");
    // It is shown once more, with all its attempts.
    assert!(failed.contains("3 attempts left"), "{failed}");
}
