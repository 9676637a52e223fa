//! Figure 11: gateway, merchant, cardholder and authority, each a flow of its own; the cardholder is a command, too, and so
//! are those who register and the authority's operator.

mod arguments;
pub(crate) mod authority;
pub(crate) mod cardholder;
pub(crate) mod gateway;
pub(crate) mod merchant;
mod pay;
mod register;
mod register_as;
mod registrations;
mod wallet;

use std::{sync::Arc, time::Duration};

use countersign_certs::{Certificate, EndEntityKind, RevocationList, TrustAnchors, UnixTime};
use countersign_domain::ports::Clock;
use countersign_set::Trust;

pub use arguments::Set;
use arguments::{SetCommand, WalletCommand};

use crate::{
    backbone::Backbone,
    error::ConfigError,
    file::Failure,
    mount::Mount,
    revocation::{PutInForce, follow},
    trust::Authorities,
};

/// What became of a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was done; a purchase is paid.
    Done,
    /// The purchase will not be paid, or nothing be registered: it was refused, declined or called off, or is not approved yet.
    NotPaid,
}

/// Does what was said at the command.
///
/// # Errors
/// What to tell the person there.
pub async fn run(set: Set) -> Result<Outcome, Failure> {
    match set.command {
        SetCommand::Wallet(wallet) => match wallet.command {
            WalletCommand::New(arguments) => wallet::new(&arguments)?,
            WalletCommand::Certify(arguments) => wallet::certify(&arguments)?,
        },
        SetCommand::Register(arguments) => return register::register(&arguments).await,
        SetCommand::RegisterAs(arguments) => return register_as::register_as(&arguments).await,
        SetCommand::Registrations(arguments) => registrations::run(arguments.command).await?,
        SetCommand::Pay(arguments) => return pay::pay(&arguments).await,
    }
    Ok(Outcome::Done)
}

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

/// What keeps a role's trust at what the files say: `trust` finds it in the role.
fn followed<T: Send + Sync + 'static>(
    authorities: Authorities,
    revoked: Vec<RevocationList>,
    role: &Arc<T>,
    trust: fn(&T) -> &Trust,
    backbone: &Backbone,
) -> Mount {
    let (role, anchors) = (Arc::clone(role), authorities.clone());
    let put: PutInForce = Box::new(move |lists| {
        trust(&role).replace(anchors.anchors(lists)?);
        Ok(())
    });
    follow(authorities, revoked, put, backbone)
}

fn say(text: &str) {
    #[expect(clippy::print_stderr, reason = "this is a program")]
    {
        eprintln!("{text}");
    }
}
