//! Figure 11: the gateway and the merchant, each a flow of its own; the cardholder is a command.

pub(crate) mod gateway;
pub(crate) mod merchant;

use std::{sync::Arc, time::Duration};

use countersign_certs::{Certificate, EndEntityKind, RevocationList, TrustAnchors, UnixTime};
use countersign_domain::ports::Clock;
use countersign_set::Trust;

use crate::{
    backbone::Backbone,
    error::ConfigError,
    revocation::{PutInForce, follow},
    trust::Authorities,
    workers::Task,
};

/// The authorities of a role, less what they have revoked.
struct RoleTrust {
    authorities: Authorities,
    revoked: Vec<RevocationList>,
    anchors: TrustAnchors,
}

impl RoleTrust {
    fn read(authorities: Authorities) -> Result<Self, ConfigError> {
        let revoked = authorities.lists()?;
        let anchors = authorities.anchors(&revoked)?;
        Ok(Self { authorities, revoked, anchors })
    }

    /// Says in the log what others will say of a certificate of ours: it may have expired, or be of another role. The
    /// server starts all the same, as it may be renewed meanwhile.
    fn look_at(
        &self,
        certificate: &Certificate,
        above: &[Certificate],
        role: EndEntityKind,
        key: &'static str,
        clock: &dyn Clock,
    ) {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(clock.now().unix_seconds()));
        let chain = std::iter::once(certificate).chain(above);
        let chain: Vec<_> = chain.map(|one| one.der().clone()).collect();
        if let Err(refusal) = self.anchors.verify(&chain, now, role) {
            tracing::warn!(key, %refusal, "this certificate will be refused");
        }
    }
}

/// The anchors, and a task that keeps a role's trust at what the files say: `trust` finds it in the role.
fn followed<T: Send + Sync + 'static>(
    authorities: Authorities,
    revoked: Vec<RevocationList>,
    role: &Arc<T>,
    trust: fn(&T) -> &Trust,
    backbone: &Backbone,
) -> Option<Task> {
    let (role, anchors) = (Arc::clone(role), authorities.clone());
    let put: PutInForce = Box::new(move |lists| {
        trust(&role).replace(anchors.anchors(lists)?);
        Ok(())
    });
    follow(authorities, revoked, put, backbone)
}
