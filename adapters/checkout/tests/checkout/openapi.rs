//! The description is of what is there.

use axum::http::StatusCode;

use crate::support::Shop;

#[tokio::test]
async fn every_operation_that_is_described_is_there() {
    let shop = Shop::new();
    let served = shop.call("nobody", "GET", "/openapi.json", &[], "").await;
    let description = served.json();
    assert_eq!(description["openapi"], "3.1.0", "{served:?}");
    let paths = description["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 5, "{:?}", paths.keys());
    for (path, operations) in paths {
        for method in operations.as_object().unwrap().keys() {
            let path = path
                .replace("{id}", "co_1")
                .replace("{identifier}", "alice");
            let method = method.to_uppercase();
            let answer = shop.call("nobody", &method, &path, &[], "").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
}
