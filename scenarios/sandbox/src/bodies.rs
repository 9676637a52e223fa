//! What bodies say, name by name, with what is secret masked: for notes of what was sent.

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use serde_json::Value;

use crate::journal::{Detail, mask, mask_code};

/// What is typed and is a secret whatever it looks like, by its name in forms and in JSON.
const SECRETS: [&str; 4] = ["password", "passphrase", "pin", "new_pin"];

/// What a body says, name by name. A page is not repeated.
pub(crate) fn fields(headers: &HeaderMap, body: &Bytes) -> Detail {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media_type.starts_with("application/x-www-form-urlencoded") {
        let given = form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty());
        let shown = |name: &str, value: &str| match name {
            "code" => dots(value),
            name if SECRETS.contains(&name) => dots(value),
            _ => mask(value),
        };
        return given.map(|(name, value)| (mask(&name), shown(&name, &value))).collect();
    }
    if media_type.starts_with("text/html") {
        return vec![("page".to_owned(), format!("HTML, {} bytes", body.len()))];
    }
    let mut found = Vec::new();
    if let Ok(json) = serde_json::from_slice(body) {
        flatten(String::new(), &json, &mut found);
    }
    found
}

/// Members of members get names like `amount.value`. Names and numbers are whatever was sent, and masked as texts are.
pub(crate) fn flatten(name: String, json: &Value, found: &mut Detail) {
    let inside = |member: &str| match name.as_str() {
        "" => mask(member),
        name => format!("{name}.{}", mask(member)),
    };
    match json {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(inside(member), value, found);
            }
        }
        Value::Array(members) => {
            for (number, value) in members.iter().enumerate() {
                flatten(inside(&number.to_string()), value, found);
            }
        }
        // As it was typed: what the server says of codes is a word.
        Value::String(text) if is_code(&name) && text.contains(|c: char| c.is_ascii_digit()) => {
            found.push((name, dots(text)));
        }
        Value::String(text) if SECRETS.contains(&last(&name)) => found.push((name, dots(text))),
        Value::String(text) => found.push((name, mask_code(text))),
        value => found.push((name, mask(&value.to_string()))),
    }
}

/// Whether what has that name is a code.
fn is_code(name: &str) -> bool {
    last(name) == "code"
}

/// The member's own name, without those of what it stands in.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

fn dots(secret: &str) -> String {
    "•".repeat(secret.chars().count())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const CARD: &str = "4970100000000154";

    /// What is noted of a body of that type.
    fn noted(media_type: &'static str, body: &str) -> String {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        format!("{:?}", fields(&headers, &Bytes::from(body.to_owned())))
    }

    #[test]
    fn a_card_is_masked_however_it_is_written_and_wherever_it_stands() {
        let form = "application/x-www-form-urlencoded";
        for (media_type, body) in [
            (form, "card_number=4970100000000154"),
            (form, "card_number=4970+1000+0000+0154"),
            (form, "card_number=4970%201000%2D0000-0154"),
            (form, "card_number=%34%39%37%30%31%30%30%30%30%30%30%30%30%31%35%34"),
            (form, "user_id=4970100000000154"),
            (form, "4970100000000154=x"),
            ("application/json", r#"{"card":{"number":"4970 1000 0000 0154"}}"#),
            ("application/json", r#"{"card":{"number":4970100000000154}}"#),
            ("application/json", r#"{"4970100000000154":["4970100000000154"]}"#),
        ] {
            let shown = noted(media_type, body);
            let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
            assert!(!digits.contains(CARD), "{body}: {shown}");
            assert!(shown.contains('•'), "{body}: {shown}");
        }
    }

    #[test]
    fn a_code_in_json_is_masked_and_a_word_that_has_that_name_is_not() {
        for (body, shown) in [
            (r#"{"code":"123456"}"#, r#"[("code", "••••••")]"#),
            (r#"{"typed":{"code":"123-456"}}"#, r#"[("typed.code", "•••••••")]"#),
            (r#"{"code":"declined"}"#, r#"[("code", "declined")]"#),
        ] {
            assert_eq!(noted("application/json", body), shown);
        }
    }

    #[test]
    fn what_is_secret_is_masked_whatever_it_looks_like() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(noted(form, "code=123-456"), r#"[("code", "•••••••")]"#);
        for name in SECRETS {
            let masked = format!(r#"[("{name}", "•••••••")]"#);
            for secret in ["123-456", "horse_7", "battery"] {
                assert_eq!(noted(form, &format!("{name}={secret}")), masked);
                let json = format!(r#"{{"{name}":"{secret}"}}"#);
                assert_eq!(noted("application/json", &json), masked);
            }
        }
    }
}
