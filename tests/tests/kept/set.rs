//! Figure 11: what a cardholder's program keeps of a purchase that is under way.

use std::{process::Command, sync::Arc};

use axum::Router;
use countersign_domain::policy::PolicySettings;
use countersign_set::{
    cardholder_server::{CardholderServer, cardholder_routes},
    http::merchant_routes,
    link::HttpClient,
    testing::{Parties, Setup},
    wallet_file::{NewWallet, WalletFile},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde_json::json;
use tokio::net::TcpListener;

use crate::Kept;

const PASSWORD: &str = "a long password";

/// Serves the routes on a port of its own.
async fn served(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

fn page(kept: &Kept, parties: &Parties, file: &WalletFile, ids: &[&str]) -> Router {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let client = HttpClient::new(Arc::new(tls));
    let ports = kept.ports(&parties.fixture, ids);
    cardholder_routes(Arc::new(CardholderServer::new(ports, file.clone(), client).unwrap()))
}

/// A form, as a browser sends it; the status, and where it leads to.
fn post(url: &str, form: &str) -> String {
    let arguments =
        ["-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"];
    let origin = ["-H", "Sec-Fetch-Site: same-origin", "-d", form, url];
    let said = Command::new("curl").args(arguments).args(origin).output().unwrap();
    String::from_utf8(said.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn under_another_key_a_purchase_that_waits_for_its_code_is_paid() {
    let kept = Kept::new();
    let mut parties = Parties::with(PolicySettings::bank_first(), Setup::default());
    parties.enrol().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/set", listener.local_addr().unwrap());
    Arc::get_mut(&mut parties.merchant).unwrap().settings.url = url.as_str().try_into().unwrap();
    let routes = merchant_routes(parties.merchant.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let new = NewWallet { card: &parties.wallet.card, brand: "Example", language: "en" };
    let (mut file, _) = WalletFile::new(&new, PASSWORD, &parties.entropy).unwrap();
    file.trust(&parties.issuer.root.certificate().to_pem().unwrap()).unwrap();

    let before = served(page(&kept, &parties, &file, &["k1"])).await;
    let order = parties.order("49.90").await;
    let offered = post(&format!("{before}/"), &format!("order={url}/orders/{}", order.id));
    let (status, path) = offered.split_once(' ').unwrap();
    assert_eq!(status, "303");
    let path = path.strip_prefix(&before).unwrap();
    let paid = post(&format!("{before}{path}/pay"), &format!("password={PASSWORD}"));
    assert!(paid.starts_with("303 "), "{paid}");

    let seals = kept.key_changed().await;
    assert_eq!(seals, json!({ "set_cardholder_purchase": 1 }));

    let after = served(page(&kept, &parties, &file, &["k2"])).await;
    let (code, _) = parties.phone().await.unwrap();
    let typed = post(&format!("{after}{path}/code"), &format!("code={code}"));
    assert!(typed.starts_with("303 "), "{typed}");
    assert_eq!(parties.fixture.bank.call_names().last(), Some(&"capture"));
}
