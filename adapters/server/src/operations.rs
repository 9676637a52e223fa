//! What operators and their machines ask: metrics, health and readiness, over plain HTTP on an address of its own, which
//! is to be reached from inside only.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use countersign_channels::SmppMessenger;
use countersign_domain::{
    error::Error,
    gateway::StuckPayments,
    message::Message,
    payment::Payment,
    ports::{Clock, Store},
    record::{Batch, Stored as _},
    settlement::BankOperation,
};
use countersign_store::{Inspected, Inspection, PostgresStore};
use countersign_web::{icon, problem::Problem};
use serde::Serialize;
use tokio::{sync::watch, time::timeout};

use crate::{backbone::Backbone, listener::Endpoint, metrics::Metrics};

/// Its section.
const SECTION: &str = "operations";

const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// After which a store is said not to answer.
const STORE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Payments at which a person must look that are counted: from there on it is the number that alarms.
const MAX_STUCK: usize = 10_000;

/// What is reported on.
pub(crate) struct Operations {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) messenger: Option<Arc<SmppMessenger>>,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) inspection: Option<Arc<Inspection>>,
    pub(crate) database: Option<Arc<PostgresStore>>,
}

impl Operations {
    /// The operations of a server with that backbone.
    pub(crate) fn of(backbone: &Backbone) -> Self {
        Self {
            metrics: Arc::clone(&backbone.metrics),
            store: Arc::clone(&backbone.ports.store),
            clock: Arc::clone(&backbone.ports.clock),
            messenger: backbone.messenger.clone(),
            stopping: backbone.signals.stopping.clone(),
            inspection: backbone.inspection.clone(),
            database: backbone.database.clone(),
        }
    }

    /// What answers at that address, over plain HTTP.
    pub(crate) fn endpoint(self, address: SocketAddr) -> Endpoint {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/health", get(async || Json(Health { status: "up" })))
            .route("/ready", get(ready))
            .fallback(async || Problem::not_found("There are /metrics, /health and /ready."))
            .with_state(Arc::new(self))
            .merge(icon::routes());
        Endpoint {
            name: SECTION,
            address,
            tls: None,
            router,
            public_origin: None,
            trusted_terminators: Vec::new(),
        }
    }
}

type Shared = State<Arc<Operations>>;

/// The metrics; depths are looked up now.
async fn metrics(State(operations): Shared) -> Response {
    let Operations { metrics, store, clock, messenger, .. } = operations.as_ref();
    let looked_up = async {
        for (kind, collection) in
            [("messages", Message::COLLECTION), ("payments", Payment::COLLECTION)]
        {
            metrics.due(kind, store.count_due(collection, clock.now()).await?);
        }
        let stuck = StuckPayments::new(Arc::clone(store), Arc::clone(clock));
        let stuck = stuck.list(MAX_STUCK).await?;
        for operation in BankOperation::ALL {
            let of_kind = stuck.iter().filter(|stuck| stuck.operation == operation);
            metrics.stuck(operation, of_kind.count());
        }
        Ok::<_, Error>(())
    };
    // The other metrics are wanted all the more when the store does not answer, and a scraper waits no longer.
    match timeout(STORE_ANSWERS_WITHIN, looked_up).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "cannot look up depths"),
        Err(_) => tracing::error!("the store does not answer: depths are as they were"),
    }
    if let Some(database) = &operations.database {
        let [reads, commits] = database.in_use();
        metrics.in_use("reads", &reads);
        metrics.in_use("commits", &commits);
    }
    if let Some(inspection) = &operations.inspection {
        metrics.inspected(&inspection.state());
    }
    metrics.sms_bound(messenger.as_ref().is_some_and(|messenger| messenger.is_bound()));
    match metrics.text() {
        Ok(text) => {
            let media_type = HeaderValue::from_static(METRICS_TYPE);
            ([(header::CONTENT_TYPE, media_type)], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "cannot write the metrics");
            Problem::internal().into_response()
        }
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    store: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_inspection: Option<&'static str>,
    sms: &'static str,
}

/// A server is ready when its store answers and refuses no commit, and it is not stopping. A centre that is away makes none unready: messages wait
/// in the outbox, and all processes would be taken out at once. Nor does a damaged page, which is refused where it is read.
async fn ready(State(operations): Shared) -> Response {
    // A store on a database waits for another server to take the place of one that is gone; a monitor does not.
    let due = operations.store.due(Message::COLLECTION, operations.clock.now(), 1);
    // Nothing is in it. One that is not answered in time only waits, as for a standby, and reads go on.
    let commit = operations.store.commit(Batch::default());
    let (due, commit) =
        tokio::join!(timeout(STORE_ANSWERS_WITHIN, due), timeout(STORE_ANSWERS_WITHIN, commit));
    let answers = due.is_ok_and(|due| due.is_ok());
    let refuses = commit.is_ok_and(|commit| commit.is_err());
    let ready = answers && !refuses && !*operations.stopping.borrow();
    let answer = Readiness {
        ready,
        store: match (answers, refuses) {
            (false, _) => "does not answer",
            (true, true) => "refuses commits",
            (true, false) => "answers",
        },
        store_inspection: operations.inspection.as_ref().map(|inspection| {
            match inspection.state() {
                Inspected::Running { .. } => "running",
                Inspected::Whole { .. } => "whole",
                Inspected::Damaged { .. } => "damaged",
            }
        }),
        sms: match &operations.messenger {
            Some(messenger) if messenger.is_bound() => "bound",
            Some(_) => "not bound",
            None => "not configured",
        },
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(answer)).into_response()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use axum::body::to_bytes;
    use countersign_domain::{
        ports::Reads,
        record::StoreError,
        testing::{FakeClock, MemoryStore},
        time::Timestamp,
    };
    use serde_json::{Value, json};

    use super::*;

    /// A store that can be read and takes nothing.
    #[derive(Default)]
    struct Full(MemoryStore);

    #[async_trait]
    impl Store for Full {
        async fn commit(&self, _: Batch) -> Result<(), StoreError> {
            Err(StoreError::Unavailable { cause: "the store's log is full".to_owned() })
        }

        fn reads(&self) -> &(dyn Reads + 'static) {
            &self.0
        }
    }

    async fn asked(store: Arc<dyn Store>) -> (StatusCode, Value) {
        let operations = Operations {
            metrics: Arc::new(Metrics::new()),
            store,
            clock: Arc::new(FakeClock::at(Timestamp::from_unix_seconds(1_700_000_000))),
            messenger: None,
            stopping: watch::channel(false).1,
            inspection: None,
            database: None,
        };
        let answer = ready(State(Arc::new(operations))).await;
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_server_whose_store_refuses_commits_is_not_ready() {
        let body = |ready: bool, store: &str| json!({ "ready": ready, "store": store, "sms": "not configured" });
        assert_eq!(
            asked(Arc::new(MemoryStore::default())).await,
            (StatusCode::OK, body(true, "answers"))
        );
        assert_eq!(
            asked(Arc::new(Full::default())).await,
            (StatusCode::SERVICE_UNAVAILABLE, body(false, "refuses commits"))
        );
    }
}
