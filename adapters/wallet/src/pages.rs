//! People's pages, beside the API for their programs: one visit, by a cookie; in English and French, and without a script.
//!
//! ```text
//!   /  sign in --code--> wallets, cards --> a wallet: statement, pay in --code-->, take out, close
//!   /open ------code-->
//!   /pay?ticket=...  (from the merchant)  --wallet or card--> /payments/ID --code--> receipt --form--> the merchant
//! ```

mod cards;
mod desk;
mod pay;
mod typed;
mod visit;
mod voice;
mod wallet;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use countersign_web::{astray::to_its_page, own_forms::own_forms_only};

use crate::Wallets;

/// Longest form that is read, in bytes: a ticket of the longest, and a few fields.
const MAX_BODY_BYTES: usize = 24 * 1024;

/// The pages, to be merged with [`client_routes`](crate::http::client_routes), whose cookie is theirs, too.
pub fn page_routes(wallets: Arc<Wallets>) -> Router {
    Router::new()
        .route("/", get(visit::home))
        .route("/sign-in", get(visit::sign_in_code).post(visit::start_sign_in))
        .route("/sign-in/code", get(to_its_page).post(visit::finish_sign_in))
        .route("/sign-in/resend", get(to_its_page).post(visit::resend_sign_in_code))
        .route("/sign-out", post(visit::sign_out))
        .route("/open", get(visit::open).post(visit::start_opening))
        .route("/openings/{id}", get(visit::opening_code))
        .route("/openings/{id}/code", get(to_its_page).post(visit::finish_opening))
        .route("/openings/{id}/resend", get(to_its_page).post(visit::resend_opening_code))
        .route("/cards", get(cards::list).post(cards::tie))
        .route("/cards/{id}/untie", post(cards::untie))
        .route("/wallets/{number}", get(wallet::show))
        .route("/wallets/{number}/pay-in", get(to_its_page).post(wallet::pay_in))
        .route("/wallets/{number}/take-out", get(to_its_page).post(wallet::take_out))
        .route("/wallets/{number}/close", get(to_its_page).post(wallet::close))
        .route("/transfers/{id}", get(wallet::transfer))
        .route("/transfers/{id}/code", get(to_its_page).post(wallet::type_code))
        .route("/transfers/{id}/resend", get(to_its_page).post(wallet::resend))
        .route("/pay", get(pay::ticket).post(pay::start))
        .route("/payments/{id}", get(pay::show))
        .route("/payments/{id}/code", get(to_its_page).post(pay::type_code))
        .route("/payments/{id}/resend", get(to_its_page).post(pay::resend))
        .route("/payments/{id}/cancel", get(to_its_page).post(pay::cancel))
        .route("/payments/{id}/receipt", get(pay::receipt))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(&wallets), desk::as_pages))
        .layer(from_fn(own_forms_only))
        .with_state(wallets)
}
