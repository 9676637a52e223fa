//! What a shop asks of the merchant's server over HTTP, before and after a purchase.

use axum::Router;
use countersign_domain::{policy::PolicySettings, relying_party::RelyingParty};
use countersign_set::{
    OrderId,
    batches::batches_api,
    settlements::settlements_api,
    shop::shop_api,
    testing::{MERCHANT, OTHER_MERCHANT, Parties, Setup},
};
use countersign_web::{
    api::api,
    relying_party::{ApiClient, KeyHash, RelyingParties},
    testing::{Answer, call},
};
use serde_json::{Value, json};

/// The merchant's API. A party's key is its id.
struct Shop {
    parties: Parties,
    api: Router,
}

impl Shop {
    fn new() -> Self {
        let policy = PolicySettings { credit_days: 30, ..PolicySettings::bank_first() };
        let parties = Parties::with(policy, Setup { capture_later: true, ..Setup::default() });
        let client = |id: &str| ApiClient {
            party: RelyingParty {
                id: id.try_into().unwrap(),
                name: "Librairie Dupont".try_into().unwrap(),
                may_enrol: false,
                tells_unknown: false,
            },
            api_key_sha256: KeyHash::of(id),
        };
        let clients = RelyingParties::new(vec![client(MERCHANT), client(OTHER_MERCHANT)]);
        let merchant = &parties.merchant;
        let api = api([
            shop_api(merchant.clone(), clients.clone()),
            settlements_api(merchant.clone(), clients.clone()),
            batches_api(merchant.clone(), clients),
        ]);
        Self { parties, api }
    }

    async fn post(&self, key: &str, path: &str, idempotency: &str, body: &Value) -> Answer {
        let headers = [("Idempotency-Key", idempotency)];
        call(&self.api, key, "POST", path, &headers, body.to_string()).await
    }

    async fn order(&self) -> String {
        let body = json!({
            "amount": { "value": "49.90", "currency": "EUR" }, "description": "Two books",
        });
        let created = self.post(MERCHANT, "/v1/set/orders", "order-1", &body).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.text("/id")
    }

    async fn shown(&self, id: &str) -> Answer {
        call(&self.api, MERCHANT, "GET", &format!("/v1/set/orders/{id}"), &[], "").await
    }

    /// An order whose purchase is authorized.
    async fn authorized(&self) -> String {
        let id = self.order().await;
        let order_id = OrderId::try_from(id.clone()).unwrap();
        let (order, _) = self.parties.merchant.order(&order_id).await.unwrap();
        let (sent, _) = self.parties.buy_order(&order).await;
        assert_eq!(self.shown(&id).await.text("/status"), "code_asked");
        let (code, _) = self.parties.phone().await.unwrap();
        self.parties.type_code(&sent, &code).await.unwrap();
        assert_eq!(self.shown(&id).await.text("/status"), "authorized");
        id
    }
}

#[tokio::test]
async fn an_order_is_paid_when_it_is_captured_and_says_what_of_it_was_given_back() {
    let shop = Shop::new();
    let id = shop.authorized().await;
    let path = format!("/v1/set/orders/{id}/settlements");
    let part = json!({ "kind": "capture", "amount": { "value": "20.00", "currency": "EUR" } });
    let captured = shop.post(MERCHANT, &path, "capture-1", &part).await;
    assert_eq!((captured.status.as_u16(), captured.text("/code")), (201, "success".to_owned()));
    let again = shop.post(MERCHANT, &path, "capture-1", &part).await;
    assert_eq!(again.text("/id"), captured.text("/id"), "one request has one effect");
    let credit = json!({ "kind": "credit", "amount": { "value": "5.00", "currency": "EUR" } });
    assert_eq!(shop.post(MERCHANT, &path, "credit-1", &credit).await.text("/code"), "success");
    let shown = shop.shown(&id).await;
    assert_eq!(shown.text("/status"), "paid");
    assert_eq!(shown.text("/captured/value"), "20.00");
    assert_eq!(shown.text("/credited/value"), "5.00");
    assert_eq!(shop.parties.fixture.bank.call_names(), ["authorize", "capture", "credit"]);
}

#[tokio::test]
async fn a_batch_is_opened_filled_looked_at_and_closed() {
    let shop = Shop::new();
    let id = shop.authorized().await;
    let batch = "/v1/set/batches/20270115";
    let euro = json!({ "currency": "EUR" }).to_string();
    let put = || call(&shop.api, MERCHANT, "PUT", batch, &[], euro.clone());
    let get = |query: &'static str| {
        let api = &shop.api;
        async move { call(api, MERCHANT, "GET", &format!("{batch}{query}"), &[], "").await }
    };
    assert_eq!(put().await.text("/standing"), "open");
    let path = format!("/v1/set/orders/{id}/settlements");
    let part = json!({
        "kind": "capture", "amount": { "value": "20.00", "currency": "EUR" }, "batch": 20_270_115,
    });
    let captured = shop.post(MERCHANT, &path, "capture-1", &part).await;
    assert_eq!((captured.status.as_u16(), captured.text("/code")), (201, "success".to_owned()));
    assert_eq!(captured.json().pointer("/batch/item"), Some(&json!(1)));
    let shown = get("?from=1").await;
    for side in ["/counted", "/gateway/counted"] {
        assert_eq!(
            shown.json().pointer(&format!("{side}/debited_minor")),
            Some(&json!(2_000)),
            "{side}"
        );
    }
    assert_eq!(shown.text("/gateway/items/0/order"), id);
    assert_eq!(shown.text("/gateway/items/0/direction"), "debit");
    assert_eq!(get("?from=0").await.refusal(), (422, "invalid-value".to_owned()));
    let close = format!("{batch}/close");
    let closed = call(&shop.api, MERCHANT, "POST", &close, &[], "").await;
    assert_eq!(closed.text("/standing"), "closed");
    assert_eq!(put().await.text("/standing"), "closed", "opened again, it is as it was");
    for (rule, refused, refusal) in [
        (
            "closed twice",
            call(&shop.api, MERCHANT, "POST", &close, &[], "").await,
            (409, "not-now"),
        ),
        (
            "counted in a batch that is closed",
            shop.post(MERCHANT, &path, "capture-2", &part).await,
            (409, "not-now"),
        ),
        (
            "a batch that is none",
            call(&shop.api, MERCHANT, "GET", "/v1/set/batches/0", &[], "").await,
            (404, "not-found"),
        ),
        (
            "another merchant's shop",
            call(&shop.api, OTHER_MERCHANT, "GET", batch, &[], "").await,
            (404, "not-found"),
        ),
    ] {
        let (status, name) = refused.refusal();
        assert_eq!((status, name.as_str()), refusal, "{rule}");
    }
}

#[tokio::test]
async fn an_authorization_that_is_reversed_can_be_bought_again() {
    let shop = Shop::new();
    let id = shop.authorized().await;
    let path = format!("/v1/set/orders/{id}/settlements");
    let reversal = json!({ "kind": "auth_reversal" });
    assert_eq!(shop.post(MERCHANT, &path, "rev-1", &reversal).await.text("/code"), "success");
    let shown = shop.shown(&id).await;
    assert_eq!(
        (shown.text("/status"), shown.text("/auth_code")),
        ("refused".into(), "cancelled".into())
    );
    let order = OrderId::try_from(id).unwrap();
    let (order, _) = shop.parties.merchant.order(&order).await.unwrap();
    let (_, progress) = shop.parties.buy_order(&order).await;
    assert!(progress.unwrap().code.is_some(), "another purchase of the order asks for a code");
}

#[tokio::test]
async fn what_a_shop_asks_wrongly_is_refused_by_name() {
    let shop = Shop::new();
    let id = shop.order().await;
    let path = format!("/v1/set/orders/{id}/settlements");
    let capture = json!({ "kind": "capture" });
    let yen = json!({ "kind": "capture", "amount": { "value": "1.5", "currency": "JPY" } });
    for (rule, key, path, body, refusal) in [
        ("another merchant's order", OTHER_MERCHANT, path.as_str(), &capture, (404, "not-found")),
        (
            "an order that is none",
            MERCHANT,
            "/v1/set/orders/x/settlements",
            &capture,
            (404, "not-found"),
        ),
        ("nothing was bought", MERCHANT, &path, &capture, (409, "not-now")),
        ("no such kind", MERCHANT, &path, &json!({ "kind": "gift" }), (400, "malformed-json")),
        ("money that is none", MERCHANT, &path, &yen, (422, "invalid-value")),
    ] {
        let (status, name) = shop.post(key, path, &rule.replace(' ', "-"), body).await.refusal();
        assert_eq!((status, name.as_str()), refusal, "{rule}");
    }
    let used = shop.post(MERCHANT, "/v1/set/orders", "order-1", &capture).await;
    assert_eq!(used.status, 400, "{used:?}");
}
