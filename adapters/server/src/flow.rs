//! What a flow is to the server: read from its section of the configuration, then mounted on the backbone.

use crate::{backbone::Backbone, error::StartError, mount::Mount};

/// A flow whose section is there, with everything that the section names.
pub(crate) trait Flow: Send {
    /// Puts it on the backbone. Nothing of it runs yet.
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError>;
}
