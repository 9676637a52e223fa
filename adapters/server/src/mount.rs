//! What a flow is to the server: read from its section of the configuration, then mounted on the backbone.

use countersign_web::api::ApiPart;

use crate::{backbone::Backbone, error::StartError, listener::Endpoint, workers::Task};

/// A flow whose section is there, with everything that the section names.
pub(crate) trait Flow: Send {
    /// Puts it on the backbone. Nothing of it runs yet.
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError>;
}

/// What a flow gives the server to run.
#[derive(Default)]
pub(crate) struct Mount {
    /// Listeners of its own.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Its part of the API for relying parties.
    pub(crate) api: Vec<ApiPart>,
    /// What runs beside the listeners until [`crate::backbone::Signals::stopping`].
    pub(crate) tasks: Vec<Task>,
    /// What those may still need meanwhile: it runs until [`crate::backbone::Signals::closing`].
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
