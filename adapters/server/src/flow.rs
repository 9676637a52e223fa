//! What a flow is to the server: read from its section of the configuration, then mounted on the backbone.

use std::sync::Arc;

use countersign_domain::{
    id::RelyingPartyId,
    ports::{Operator, Ports},
    verifier::Waits,
};

use crate::{backbone::Backbone, error::StartError, mount::Mount};

/// A flow whose section is there, with everything that the section names.
pub(crate) trait Flow: Send {
    /// What of it waits for codes, beside payments: the one verifier of the process tells it in the commit in which a code is
    /// accepted, and is made before any flow is mounted.
    fn awaited(&self, _ports: &Ports) -> Vec<Arc<dyn Waits>> {
        Vec::new()
    }

    /// By whom the codes of a relying party's payments are computed, sent and compared, where that is not this process.
    fn operator(&self) -> Option<(RelyingPartyId, Arc<dyn Operator>)> {
        None
    }

    /// Puts it on the backbone. Nothing of it runs yet.
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError>;
}
