//! The description is of what is there.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use countersign_domain::element::Element;
use serde_json::Value;

use crate::support::{Shop, order};

/// The sources of the routes: what is in them and not described would not be noticed otherwise.
const ROUTES: [&str; 2] =
    [include_str!("../../src/api.rs"), include_str!("../../../web/src/subscribers.rs")];

async fn description(shop: &Shop) -> Value {
    let served = shop.call("nobody", "GET", "/openapi.json", &[], "").await;
    assert_eq!(served.status, StatusCode::OK, "no key is asked for");
    served.json()
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let description = description(&Shop::new()).await;
    assert_eq!(description["openapi"], "3.1.0");
    let described: BTreeSet<&str> =
        description["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let routes = ROUTES.iter().flat_map(|source| source.split(".route(\"").skip(1));
    let routes: BTreeSet<&str> = routes.filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(described, routes);
    assert_eq!(described.len(), 8);
}

#[tokio::test]
async fn every_operation_that_is_described_answers_and_asks_for_a_key() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let id = page.strip_prefix("/pay/").unwrap();
    let description = description(&shop).await;
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let path = path.replace("{id}", id).replace("{identifier}", "alice");
            let method = method.to_uppercase();
            assert!(operation["security"][0]["api_key"].is_array(), "{path}");
            let refused = shop.call("nobody", &method, &path, &[], "").await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            let body = match method.as_str() {
                "PUT" => r#"{"number":"+33612345678"}"#.to_owned(),
                _ => order().to_string(),
            };
            let answered = shop.call("dupont", &method, &path, &[], body).await;
            let status = answered.status.as_str();
            let responses = operation["responses"].as_object().unwrap();
            let kind = format!("{}XX", &status[..1]);
            let is_described = responses.contains_key(status) || responses.contains_key(&kind);
            assert!(is_described, "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn every_reference_in_the_description_leads_somewhere() {
    let description = description(&Shop::new()).await;
    let text = description.to_string();
    let references: BTreeSet<&str> =
        text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!references.is_empty());
    for reference in references {
        assert!(description.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn pins_are_described_as_secrets_and_elements_by_their_names() {
    let description = description(&Shop::new()).await;
    let schema = |pointer: &str| {
        let found = description.pointer(&format!("/components/schemas/{pointer}"));
        found.unwrap_or_else(|| unreachable!("{pointer}")).clone()
    };
    let pin = schema("EnrolSubscriber/properties/pin");
    assert_eq!((&pin["format"], &pin["writeOnly"]), (&"password".into(), &true.into()));
    assert!(schema("CodeView/properties/pin").to_string().contains("/PinAsked\""));
    assert!(schema("PinAsked").to_string().contains("\"asked_or_set\""));
    assert!(schema("MerchantView").to_string().contains("/ElementName\""));
    let elements = schema("ElementName").to_string();
    for element in Element::ALL {
        assert!(elements.contains(&format!("\"{}\"", element.name())), "{element:?}: {elements}");
    }
}
