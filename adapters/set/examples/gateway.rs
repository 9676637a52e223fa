//! The payment gateway of figure 11 in somebody's own server, with a bank of its own behind the port. It runs with the
//! domain's fakes: a server has a store and a way to the phones (docs/guides/set.md says what you supply).

use std::{collections::BTreeMap, error::Error, sync::Arc};

use axum::{Router, routing::get};
use countersign_certs::{KeyKind, KeyUse, RecipientKey};
use countersign_domain::{
    amount::Amount,
    bank::{ApprovalCode, BankError, BankRequest, Decision},
    directory::Subscribers,
    gateway::Gateway,
    ports::{Clock as _, IssuingBank},
    relying_party::RelyingParty,
    testing::Fixture,
};
use countersign_set::{
    Trust,
    gateway::{GatewayKeys, GatewaySettings, PaymentGateway},
    http::gateway_routes,
    testing::Issuer,
};

/// Approves everything: yours asks your host.
struct OwnBank {
    approval: ApprovalCode,
}

#[async_trait::async_trait]
impl IssuingBank for OwnBank {
    async fn authorize(&self, _: &BankRequest) -> Result<Decision, BankError> {
        Ok(Decision::Approved { approval: self.approval.clone() })
    }

    async fn capture(&self, _: &BankRequest, _: &ApprovalCode, _: Amount) -> Result<(), BankError> {
        Ok(())
    }

    async fn credit(&self, _: &BankRequest) -> Result<(), BankError> {
        Ok(())
    }

    async fn reverse_credit(&self, _: &BankRequest) -> Result<(), BankError> {
        Ok(())
    }

    async fn void(&self, _: &BankRequest, _: Option<&ApprovalCode>) -> Result<(), BankError> {
        Ok(())
    }
}

fn routes(yours: &Fixture) -> Result<Router, Box<dyn Error>> {
    let issuer = Issuer::new(yours.clock.now(), KeyKind::P256);
    let (certificate, key) = issuer.gateway("gateway-1", KeyUse::Signature);
    let (cert_pe, exchange_key) = issuer.gateway("gateway-1", KeyUse::KeyExchange);
    let bank = OwnBank { approval: "123456".to_owned().try_into()? };
    let payments = Gateway::new(yours.ports.clone(), Arc::new(bank), yours.verifier.clone());
    let dupont = RelyingParty {
        id: "dupont".try_into()?,
        name: "Librairie Dupont".try_into()?,
        may_enrol: false,
        tells_unknown: false,
    };
    let gateway = PaymentGateway {
        ports: yours.ports.clone(),
        directory: Arc::new(Subscribers::new(yours.ports.clone())),
        payments: Arc::new(payments),
        keys: GatewayKeys {
            certificate,
            above: Vec::new(),
            key: Arc::new(key),
            exchange_keys: vec![RecipientKey::new(&cert_pe, &exchange_key)?],
            phones: vec![RecipientKey::new(&cert_pe, &exchange_key)?],
            exchange_above: Vec::new(),
            exchange: vec![cert_pe],
        },
        settings: GatewaySettings {
            brands: vec!["Example".try_into()?],
            unsigned: true,
            url: "http://127.0.0.1:3000/payments/set".try_into()?,
            merchants: BTreeMap::from([(dupont.id.clone(), dupont)]),
            successors: BTreeMap::new(),
        },
        trust: Trust::new(issuer.trust()),
    };
    let own = Router::new().route("/", get(async || "my own page"));
    Ok(own.nest("/payments", gateway_routes(Arc::new(gateway))))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, routes(&Fixture::new())?).await?)
}

#[tokio::test]
async fn all_routes_answer() {
    use tower::ServiceExt as _;
    let app = routes(&Fixture::new()).unwrap();
    for (path, method, status) in [("/", "GET", 200), ("/payments/set", "POST", 415)] {
        let request = axum::http::Request::builder().method(method).uri(path);
        let request = request.body(axum::body::Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status, "{path}");
    }
}
