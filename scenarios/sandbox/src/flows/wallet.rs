//! Wallets (figure 12): the intermediation server. The shop has a till, and testers have theirs.

mod shop;

use std::net::{Ipv4Addr, SocketAddr};

use countersign_certs::KeyPair;

pub(super) use self::shop::routes;
use super::Ground;
use crate::{
    address::{free_port, host},
    error::SandboxError,
    folder::write_secret,
};

/// The relying party that has the wallets.
pub(crate) const HOUSE: &str = "wallets";
/// What receipts are signed with.
const KEY: &str = "wallet.key";

/// Its section of the server's configuration.
pub(super) fn section(ground: &Ground<'_>) -> Result<String, SandboxError> {
    write_secret(&ground.folder.join(KEY), &KeyPair::generate()?.expose_pem()?)?;
    let listen = free_port(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let host = host(listen);
    Ok(format!(
        r#"
[wallet]
listen = "{listen}"
public_origin = "https://{host}"
relying_party = "{HOUSE}"
signing_key = "{KEY}"
limits = [{{ currency = "EUR", balance = "500.00", payment = "200.00", day = "300.00" }}]
fee_basis_points = 100
"#
    ))
}
