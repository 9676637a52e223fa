//! What becomes of a challenge.

use axum::http::header;
use serde_json::{Value, json};

use crate::support::{House, access, payment};

#[tokio::test]
async fn the_right_code_in_its_session_is_verified_once() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let code = house.code().await;
    let verified = house.respond(&started, &code).await;
    let expected = json!({
        "id": started.id,
        "status": "verified",
        "user_id": "alice",
        "number": "+33•••••••78",
        "purpose": { "access_to": "Acme" },
    });
    assert_eq!((verified.status.as_u16(), verified.json()), (200, expected));
    let again = house.respond(&started, &code).await;
    assert_eq!(again.refusal(), (409, "code-already-used".to_owned()));
    assert_eq!(house.look(&started).await.text("/status"), "verified");
}

#[tokio::test]
async fn of_two_right_responses_at_once_one_is_verified() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let code = house.code().await;
    let (one, two) = tokio::join!(house.respond(&started, &code), house.respond(&started, &code));
    let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
    assert_eq!(won.status, 200, "{won:?}");
    assert_eq!(lost.refusal(), (409, "code-already-used".to_owned()), "{lost:?}");
}

#[tokio::test]
async fn a_challenge_that_was_started_says_all_that_a_page_shows_beside_the_field() {
    let house = House::new().await;
    let started = house.post("/v1/challenges", &access()).await;
    assert_eq!(started.header(header::CACHE_CONTROL), "no-store");
    let path = format!("/v1/challenges/{}", started.text("/id"));
    assert_eq!(started.header(header::LOCATION), path);
    let mut code = started.json()["code"].clone();
    let reference = code.as_object_mut().unwrap().remove("reference").unwrap();
    assert!(house.sms().await.contains(&format!("ref {}", reference.as_str().unwrap())));
    let expected = json!({
        "number": "+33•••••••78",
        "message": "queued",
        "attempts_left": 3,
        "expires_in_seconds": 300,
        "resend_in_seconds": 30,
    });
    assert_eq!(code, expected);
}

#[tokio::test]
async fn a_message_about_access_says_to_what_and_no_amount() {
    let house = House::new().await;
    let mut to_a_part = access();
    to_a_part["purpose"] = json!({ "access_to": "payroll" });
    for (body, said) in [(access(), "Access to Acme\n"), (to_a_part, "Access to Acme: payroll\n")] {
        house.start(&body).await;
        let sms = house.sms().await;
        assert!(sms.starts_with(said), "{sms}");
        assert!(!sms.contains("EUR") && !sms.contains("amount"), "{sms}");
    }
}

#[tokio::test]
async fn a_message_about_a_payment_says_amount_and_payee_and_what_is_bought() {
    let house = House::new().await;
    let started = house.start(&payment()).await;
    let sms = house.sms().await;
    assert!(sms.starts_with("Pay 49.90 EUR to Acme\nCode "), "{sms}");
    assert!(sms.contains("Do not type it.\n2 x ISBN 2070360245"), "{sms}");
    let verified = house.respond(&started, &house.code().await).await;
    let expected = json!({
        "amount": { "value": "49.90", "currency": "EUR" },
        "payee": "Acme",
        "reference": "order-1",
        "items": [{ "name": "ISBN 2070360245", "quantity": 2 }],
    });
    assert_eq!(verified.json()["purpose"]["payment"], expected);
    assert!(house.fixture.bank.call_names().is_empty(), "no bank is asked");
}

#[tokio::test]
async fn a_message_speaks_the_language_that_is_asked_for() {
    let house = House::new().await;
    let mut french = access();
    french["locale"] = json!("fr");
    house.start(&french).await;
    assert!(house.sms().await.starts_with("Accès à Acme\n"));
}

#[tokio::test]
async fn the_last_line_binds_the_code_to_the_origin_that_is_given_and_is_absent_without_one() {
    let house = House::new().await;
    house.start(&access()).await;
    let sms = house.sms().await;
    assert!(!sms.contains('@'), "{sms}");
    let mut bound = access();
    bound["origin"] = json!("login.example.com");
    house.start(&bound).await;
    let sms = house.sms().await;
    let (_, line) = sms.rsplit_once('\n').unwrap();
    assert!(line.starts_with("@login.example.com #"), "{sms}");
}

#[tokio::test]
async fn wrong_codes_are_counted_and_the_third_ends_the_challenge() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let (right, wrong) = house.codes().await;
    for attempts_left in [2, 1] {
        let refused = house.respond(&started, &wrong).await;
        assert_eq!(refused.refusal(), (422, "wrong-code".to_owned()));
        assert_eq!(refused.json()["attempts_left"], attempts_left);
    }
    for code in [&wrong, &right] {
        let refused = house.respond(&started, code).await;
        assert_eq!(refused.refusal(), (403, "too-many-attempts".to_owned()));
    }
    let seen = house.look(&started).await;
    let ended = (seen.text("/status"), seen.text("/cause"));
    assert_eq!(ended, ("refused".to_owned(), "too-many-attempts".to_owned()));
    assert_eq!(seen.json().get("code"), None);
}

#[tokio::test]
async fn the_code_of_one_session_is_refused_in_another_and_uses_up_no_attempt() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let code = house.code().await;
    let other = house.start(&access()).await;
    let body = json!({ "session": other.session, "code": code });
    for _ in 0..4 {
        let refused = house.post(&started.path("/response"), &body).await;
        assert_eq!(refused.refusal(), (403, "other-session".to_owned()));
    }
    let resent = house.post(&started.path("/resend"), &json!({ "session": other.session })).await;
    assert_eq!(resent.refusal(), (403, "other-session".to_owned()));
    assert_eq!(house.respond(&started, &code).await.status, 200);
}

#[tokio::test]
async fn a_code_that_comes_late_is_refused_and_a_challenge_nobody_answers_is_expired() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let code = house.code().await;
    house.fixture.clock.advance_seconds(300);
    assert_eq!(house.look(&started).await.text("/status"), "expired", "nobody looked before");
    let late = house.respond(&started, &code).await;
    assert_eq!(late.refusal(), (410, "late-code".to_owned()));
    assert_eq!(house.look(&started).await.text("/status"), "expired");
}

#[tokio::test]
async fn a_message_is_sent_again_after_a_while_with_the_same_code_and_not_for_ever() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let code = house.code().await;
    let resend = || async {
        let body = json!({ "session": started.session });
        house.post(&started.path("/resend"), &body).await
    };
    let soon = resend().await;
    assert_eq!(soon.refusal(), (429, "message-too-soon".to_owned()));
    assert_eq!(soon.json()["wait_seconds"], 30);
    for _ in 0..2 {
        house.fixture.clock.advance_seconds(30);
        let resent = resend().await;
        assert_eq!((resent.status.as_u16(), resent.text("/code/message")), (200, "queued".into()));
        assert_eq!(house.code().await, code);
    }
    house.fixture.clock.advance_seconds(30);
    assert_eq!(resend().await.refusal(), (429, "too-many-messages".to_owned()));
    assert_eq!(house.look(&started).await.json()["code"].get("resend_in_seconds"), None);
    assert_eq!(house.respond(&started, &code).await.status, 200);
}

#[tokio::test]
async fn a_challenge_that_is_cancelled_stays_so_and_one_that_is_verified_cannot_be() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let code = house.code().await;
    let cancel = async |path: String| house.call("acme", "POST", &path, &[], "").await;
    for _ in 0..2 {
        let cancelled = cancel(started.path("/cancel")).await;
        assert_eq!(cancelled.status, 200, "{cancelled:?}");
        let ended = (cancelled.text("/status"), cancelled.text("/cause"));
        assert_eq!(ended, ("refused".to_owned(), "cancelled".to_owned()));
    }
    assert_eq!(house.respond(&started, &code).await.refusal(), (410, "cancelled".to_owned()));
    let verified = house.start(&access()).await;
    let code = house.code().await;
    assert_eq!(house.respond(&verified, &code).await.status, 200);
    let refused = cancel(verified.path("/cancel")).await;
    assert_eq!(refused.refusal(), (409, "not-now".to_owned()));
    assert_eq!(refused.text("/state"), "verified");
}

#[tokio::test]
async fn a_challenge_whose_time_has_run_out_is_expired_and_cannot_be_cancelled() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    house.fixture.clock.advance_seconds(300);
    let refused = house.call("acme", "POST", &started.path("/cancel"), &[], "").await;
    assert_eq!(refused.refusal(), (409, "not-now".to_owned()));
    assert_eq!(refused.text("/state"), "expired");
    assert_eq!(house.look(&started).await.text("/status"), "expired");
}

#[tokio::test]
async fn a_challenge_is_followed_by_the_trace_id_of_the_request() {
    let house = House::new().await;
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let headers = [("traceparent", &*format!("00-{id}-00f067aa0ba902b7-01"))];
    let body = access().to_string();
    let started = house.call("acme", "POST", "/v1/challenges", &headers, body).await;
    assert_eq!(started.text("/correlation_id"), id);
}

#[tokio::test]
async fn the_trace_tells_what_happened_and_gives_nothing_away() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let (right, wrong) = house.codes().await;
    house.respond(&started, &wrong).await;
    house.respond(&started, &right).await;
    let trace = house.call("acme", "GET", &started.path("/trace"), &[], "").await;
    let facts = trace.json();
    let events: Vec<&Value> = facts.as_array().unwrap().iter().map(|fact| &fact["event"]).collect();
    let expected = [
        "challenge_started",
        "message_sent",
        "attempt_counted",
        "attempt_counted",
        "challenge_verified",
    ];
    assert_eq!(events, expected);
    for secret in [&*right, &started.session, "612345678"] {
        assert!(!trace.body.contains(secret), "{trace:?}");
    }
}
