//! The description is of what is there.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{House, access};

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let house = House::new().await;
    let description = house.call("nobody", "GET", "/openapi.json", &[], "").await.json();
    let described: BTreeSet<&str> =
        description["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let routes = include_str!("../../src/api.rs").split(".route(\"").skip(1);
    let routes: BTreeSet<&str> = routes.filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(described, routes);
    assert_eq!(described.len(), 6);
}

#[tokio::test]
async fn every_operation_answers_as_it_is_described() {
    let house = House::new().await;
    let description = house.call("nobody", "GET", "/openapi.json", &[], "").await.json();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            // What an operation before has caused: of several messages that wait, no order is promised.
            house.fixture.next_message().await;
            let started = house.start(&access()).await;
            let code = house.code().await;
            let body = match path.rsplit('/').next() {
                Some("challenges") => access(),
                Some("response") => started.typed(&code),
                Some("resend") => json!({ "session": started.session }),
                _ => json!(null),
            };
            house.fixture.clock.advance_seconds(30);
            let called = path.replace("{id}", &started.id);
            let method = method.to_uppercase();
            let answered = house.call("acme", &method, &called, &[], body.to_string()).await;
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key(answered.status.as_str()), "{path}: {answered:?}");
            assert!(operation["security"][0]["api_key"].is_array(), "{path}");
        }
    }
}

#[tokio::test]
async fn every_reference_in_the_description_leads_somewhere() {
    let house = House::new().await;
    let description = house.call("nobody", "GET", "/openapi.json", &[], "").await.json();
    let text = description.to_string();
    let references: BTreeSet<&str> =
        text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!references.is_empty());
    for reference in references {
        assert!(description.pointer(reference).is_some(), "{reference}");
    }
}
