//! What an enrolment is refused for, each with its words: to EST, to a program and on the page.

use crate::support::{NUMBER, Town};

/// No pause between two messages, which would have to be waited for.
const AT_ONCE: &str = "limits = { pause_seconds = 0 }";

/// A code that is wrong for certain.
fn wrong(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

/// A program asks for a code.
fn start(town: &Town, language: &str) -> (u16, String) {
    let body = format!(r#"{{"identifier":"alice","number":"{NUMBER}","locale":"{language}"}}"#);
    town.curl("/v1/enrolments", &["-H", "content-type: application/json", "-d", &body])
}

/// A person does, in that language.
fn start_on_the_page(town: &Town, language: &str) -> (u16, String) {
    let language = format!("Accept-Language: {language}");
    let number = format!("number={NUMBER}");
    let form = ["--data-urlencode", "identifier=alice", "--data-urlencode", &number];
    town.curl("/enrol", &[&["-H", &language][..], &form].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_with_a_certified_key_is_a_wrong_code_and_a_right_one_stays_good_for_another()
{
    let town = Town::under(false, AT_ONCE).await;
    for name in ["alice", "new"] {
        town.request(name);
    }
    let proof = format!("{}:{}", town.begin("alice", NUMBER), town.code(1).await);
    let (status, answer) = town.est("simpleenroll", &proof, "alice", &[]);
    assert_eq!(status, 200, "{answer}");
    town.unpack(&answer, "alice");
    let with_old = ["--cert", "alice.pem", "--key", "alice.key"];
    let token = town.begin("alice", NUMBER);
    let code = town.code(2).await;
    let renew = |code: &str, name: &str| {
        town.est("simplereenroll", &format!("{token}:{code}"), name, &with_old)
    };
    let (status, answer) = renew(wrong(&code), "alice");
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("problem:wrong-code"), "{answer}");
    assert!(answer.contains("\"attempts_left\":2"), "{answer}");
    assert!(!answer.contains("serial"), "whose key is certified is told: {answer}");
    let (status, answer) = renew(&code, "alice");
    assert_eq!(status, 409, "{answer}");
    assert!(answer.contains("This key has a certificate"), "{answer}");
    let (status, answer) = renew(&code, "new");
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_attempt_with_a_certified_key_ends_the_renewal() {
    let town = Town::under(false, AT_ONCE).await;
    for name in ["alice", "new"] {
        town.request(name);
    }
    let proof = format!("{}:{}", town.begin("alice", NUMBER), town.code(1).await);
    let (_, answer) = town.est("simpleenroll", &proof, "alice", &[]);
    town.unpack(&answer, "alice");
    let with_old = ["--cert", "alice.pem", "--key", "alice.key"];
    let token = town.begin("alice", NUMBER);
    let code = town.code(2).await;
    for (code, name, problem) in [
        (wrong(&code), "alice", "wrong-code"),
        (wrong(&code), "new", "wrong-code"),
        (wrong(&code), "alice", "too-many-attempts"),
        (&code, "alice", "too-many-attempts"),
        (&code, "new", "too-many-attempts"),
    ] {
        let proof = format!("{token}:{code}");
        let (status, answer) = town.est("simplereenroll", &proof, name, &with_old);
        assert_eq!(status, 401, "{answer}");
        assert!(answer.contains(&format!("problem:{problem}\"")), "{problem}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_wrong_codes_the_sixth_is_not_looked_at_and_the_number_is_blocked() {
    let town = Town::under(false, AT_ONCE).await;
    town.request("mallory");
    let mut said = Vec::new();
    let (mut token, mut code) = (town.begin("mallory", NUMBER), town.code(1).await);
    for nth in 1..=6 {
        // Three end an enrolment.
        if nth == 4 {
            (token, code) = (town.begin("mallory", NUMBER), town.code(2).await);
        }
        let proof = format!("{token}:{}", wrong(&code));
        let (status, answer) = town.est("simpleenroll", &proof, "mallory", &[]);
        assert_eq!(status, 401, "{nth}: {answer}");
        let (_, rest) = answer.split_once("countersign:problem:").unwrap();
        said.push(rest.split('"').next().unwrap().to_owned());
    }
    let wrong_code = "wrong-code";
    assert_eq!(
        said,
        [wrong_code, wrong_code, "too-many-attempts", wrong_code, wrong_code, "blocked"]
    );
    // Not the right one either.
    let (status, answer) = town.est("simpleenroll", &format!("{token}:{code}"), "mallory", &[]);
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("problem:blocked\""), "{answer}");
    let (status, answer) = start(&town, "en");
    assert_eq!(status, 429, "{answer}");
    assert!(answer.contains("problem:blocked\"") && answer.contains("wait_seconds"), "{answer}");
    for (language, words) in [
        ("en", "Too many wrong codes were typed for this phone"),
        ("fr", "Trop de codes faux ont été saisis pour ce téléphone"),
    ] {
        let (status, page) = start_on_the_page(&town, language);
        assert_eq!(status, 429, "{page}");
        assert!(page.contains(words) && page.contains("15 minutes"), "{page}");
        assert!(page.contains("id=\"identifier\""), "one begins again there: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixth_code_of_a_day_is_not_sent_whoever_asks_for_it() {
    let town = Town::under(false, AT_ONCE).await;
    for nth in 1..=5 {
        town.begin(&format!("person-{nth}"), NUMBER);
        town.code(nth).await;
    }
    let (status, answer) = start(&town, "en");
    assert_eq!(status, 429, "{answer}");
    assert!(
        answer.contains("problem:message-limit\"") && answer.contains("wait_seconds"),
        "{answer}"
    );
    for (language, words) in
        [("en", "No further message for now"), ("fr", "Pas d’autre message pour le moment")]
    {
        let (status, page) = start_on_the_page(&town, language);
        assert_eq!(status, 429, "{page}");
        assert!(page.contains(words), "{page}");
    }
    assert_eq!(town.messages(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_messages_and_countries_hold_for_enrolment_too() {
    for (limits, number, problem) in [
        ("pause_seconds = 0, messages_per_number_an_hour = 1", NUMBER, "message-limit"),
        ("pause_seconds = 0, messages_per_client_an_hour = 1", "+33639970001", "message-limit"),
        ("pause_seconds = 600", NUMBER, "message-too-soon"),
        ("pause_seconds = 0", "+881639980001", "phone-not-served"),
    ] {
        let town = Town::under(false, &format!("limits = {{ {limits} }}")).await;
        town.begin("alice", NUMBER);
        let body = format!(r#"{{"identifier":"alice","number":"{number}"}}"#);
        let json = ["-H", "content-type: application/json", "-d", &body];
        let (status, answer) = town.curl("/v1/enrolments", &json);
        assert!((400..500).contains(&status), "{limits}: {answer}");
        assert!(answer.contains(&format!("problem:{problem}\"")), "{limits}: {answer}");
    }
}
