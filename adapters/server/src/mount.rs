//! What the server is given to run.

use countersign_web::api::ApiPart;

use crate::{listener::Endpoint, workers::Task};

/// What a flow gives the server to run.
#[derive(Default)]
pub(crate) struct Mount {
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
        self.endpoints.extend(other.endpoints);
        self.api.extend(other.api);
        self.tasks.extend(other.tasks);
        self.connections.extend(other.connections);
        self
    }
}
