//! The API's description, served at `/openapi.json`.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::api;

#[derive(OpenApi)]
#[openapi(
    paths(api::create, api::show, api::void, api::trace, api::enrol),
    modifiers(&ApiKey),
    info(title = "Countersign checkout", description = "A merchant creates a checkout and sends the payer's browser to its `url`. Every refusal is a problem document (RFC 9457).")
)]
struct Description;

struct ApiKey;

impl Modify for ApiKey {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme =
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("api_key", scheme);
    }
}

/// The description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
