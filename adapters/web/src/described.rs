//! What the description of the API says once for all operations, and the words that answers have for what is one of a few.
#![expect(clippy::indexing_slicing, reason = "the description is made here, and not read")]

use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::idempotency::MAX_KEY;

/// Where the message to the phone stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum MessageStanding {
    /// It is in the outbox.
    Queued,
    /// The centre asked to wait, or cannot be reached.
    Waiting,
    /// It is being handed to the centre.
    Sending,
    /// The centre has it.
    Sent,
    /// The phone has it.
    Delivered,
    /// It will not come.
    Failed,
    /// The centre did not say whether it has it.
    Unconfirmed,
}

/// What is asked for beside the code.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum PinAsked {
    /// The PIN.
    Asked,
    /// The PIN, or a new one, which is set with the code.
    AskedOrSet,
}

/// What a person proved.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ElementName {
    /// To have the phone.
    Phone,
    /// To have the key of a certificate.
    CertificateKey,
    /// To know the PIN.
    Pin,
    /// To have set the PIN, by a code.
    PinSetByCode,
}

/// The document with what holds for every operation: what is refused and how, the headers, and where the API is.
pub(crate) fn complete(mut document: Value) -> Value {
    document["servers"] =
        json!([{ "url": "/", "description": "The listener that serves this document." }]);
    let components = &mut document["components"];
    components["schemas"]["Problem"] = problem();
    components["responses"] = json!({
        "Refused": answer("Refused: `type` says by which rule, `detail` what to do.", true),
        "Failed": answer("Not done, or not known whether it was: `type` says which.", false),
    });
    components["parameters"] = json!({ "Idempotency-Key": key(), "traceparent": trace_parent() });
    let paths = document["paths"].as_object_mut();
    let paths = paths.into_iter().flatten();
    let operations = paths.flat_map(|(path, operations)| {
        let operations = operations.as_object_mut().into_iter().flatten();
        operations.map(move |(method, operation)| (format!("{method}{path}"), operation))
    });
    for (name, operation) in operations {
        // Two flows may call theirs the same.
        let id: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        operation["operationId"] = id.into();
        let responses = &mut operation["responses"];
        responses["4XX"] = json!({ "$ref": "#/components/responses/Refused" });
        responses["5XX"] = json!({ "$ref": "#/components/responses/Failed" });
        if let Some(created) = responses.get_mut(StatusCode::CREATED.as_str()) {
            created["headers"] = json!({ "Location": {
                "description": "Where it is shown.",
                "schema": { "type": "string", "format": "uri-reference" },
            }});
        }
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            if let Some(name @ ("Idempotency-Key" | "traceparent")) = parameter["name"].as_str() {
                *parameter = json!({ "$ref": format!("#/components/parameters/{name}") });
            }
        }
    }
    document
}

/// RFC 9457, with the members of our own.
fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A problem document (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri",
                "pattern": "^urn:countersign:problem:[a-z0-9]+(-[a-z0-9]+)*$",
                "description": "What happened, by a name that is a promise.",
            },
            "title": { "type": "string", "description": "What happened, in English.", "minLength": 1 },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What to do about it, in English.", "minLength": 1 },
            "field": {
                "type": "string",
                "description": "The value at fault, as the request wrote it: a member by its path, a header by its name.",
            },
            "state": { "type": "string", "description": "With `not-now`: where it stands." },
            "attempts_left": { "type": "integer", "minimum": 0, "description": "With `wrong-code`." },
            "wait_seconds": {
                "type": "integer",
                "minimum": 0,
                "description": "In how many seconds the answer may be another one.",
            },
        },
        "example": {
            "type": "urn:countersign:problem:invalid-value",
            "title": "A value is not valid",
            "status": 422,
            "detail": "amount.value must be above zero.",
            "field": "amount.value",
        },
    })
}

fn answer(description: &str, is_refusal: bool) -> Value {
    let mut headers = json!({ "Retry-After": {
        "description": "In how many seconds to ask again (RFC 9110), where time alone makes the answer another one.",
        "schema": { "type": "integer", "minimum": 0 },
    }});
    if is_refusal {
        headers["WWW-Authenticate"] = json!({
            "description": "With 401.", "schema": { "type": "string" },
        });
        headers["Allow"] = json!({
            "description": "With 405: the methods that there are.", "schema": { "type": "string" },
        });
    }
    json!({
        "description": description,
        "headers": headers,
        "content": { "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" },
        }},
    })
}

fn key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": format!(
            "Repeated with the same body, the request has one effect and one answer. 1 to {MAX_KEY} printable ASCII \
             characters: as a string of structured fields, in quotes, or bare.",
        ),
        "schema": {
            "type": "string",
            "pattern": format!(
                r#"^([!#-+\--~]{{1,{MAX_KEY}}}|"([ !#-\[\]-~]|\\["\\]){{1,{MAX_KEY}}}")$"#,
            ),
        },
        "example": "\"order-1\"",
    })
}

fn trace_parent() -> Value {
    json!({
        "name": "traceparent",
        "in": "header",
        "description": "W3C Trace Context: its trace id follows the request through the logs, to the SMS centre and to the bank. \
                        One that is not valid is left aside.",
        "schema": { "type": "string" },
        "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    })
}
