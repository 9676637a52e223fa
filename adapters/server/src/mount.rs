//! What the server is given to run.

use std::pin::Pin;

use countersign_web::api::ApiPart;

use crate::{error::StartError, listener::Endpoint, workers::Task};

/// What is asked of the store before anything is listened to.
pub(crate) type Check = Pin<Box<dyn Future<Output = Result<(), StartError>> + Send>>;

/// What a flow gives the server to run.
#[derive(Default)]
pub(crate) struct Mount {
    /// Without any of these the server does not start.
    pub(crate) checks: Vec<Check>,
    /// Listeners of its own.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Its part of the API for relying parties.
    pub(crate) api: Vec<ApiPart>,
    /// What runs beside the listeners until [`crate::workers::Signals::stopping`].
    pub(crate) tasks: Vec<Task>,
    /// What those may still need meanwhile: it runs until [`crate::workers::Signals::closing`].
    pub(crate) connections: Vec<Task>,
}

impl Mount {
    /// What two flows give, together.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.checks.extend(other.checks);
        self.endpoints.extend(other.endpoints);
        self.api.extend(other.api);
        self.tasks.extend(other.tasks);
        self.connections.extend(other.connections);
        self
    }
}
