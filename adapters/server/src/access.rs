//! Access: a part of the API for relying parties that have pages of their own.

use std::sync::Arc;

use countersign_access::{Challenges, Origins, challenge_api};
use countersign_domain::directory::Subscribers;

use crate::{
    backbone::Backbone,
    config::{Config, needed},
    error::{ConfigError, StartError},
    flow::Flow,
    mount::Mount,
};

pub(crate) const SECTION: &str = "access";

struct Access {
    origins: Origins,
}

/// The flow, if its section is there.
pub(crate) fn read(config: &Config) -> Result<Option<Box<dyn Flow>>, ConfigError> {
    let Some(section) = &config.access else {
        return Ok(None);
    };
    needed(config.api.as_ref(), "api", SECTION)?;
    needed(config.store.as_ref(), "store", SECTION)?;
    needed(config.sms.as_ref(), "sms", SECTION)?;
    let parties = || config.relying_parties.iter().map(|client| &client.party.id);
    let unknown = section.origins.keys().find(|named| !parties().any(|id| id == *named));
    if let Some(unknown) = unknown {
        let why = format!("name {unknown}, which is no relying party");
        return Err(ConfigError::unusable("access.origins", why));
    }
    Ok(Some(Box::new(Access { origins: section.origins.clone() })))
}

impl Flow for Access {
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let challenges = Arc::new(Challenges {
            ports: backbone.ports.clone(),
            directory: Arc::new(Subscribers::new(backbone.ports.clone())),
            verifier: Arc::clone(&backbone.verifier),
            origins: self.origins,
        });
        let api = vec![challenge_api(challenges, backbone.parties.clone())];
        Ok(Mount { api, ..Mount::default() })
    }
}
