//! What a sandbox is to be like.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use countersign_domain::{plan::Order, policy::Profile};

/// Up to this many cents a payment is normal (C24).
pub(crate) const NORMAL_UP_TO_MINOR: u64 = 500;

/// What a sandbox is to be like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where certificates, configuration and store go; must be empty, or not there.
    pub folder: PathBuf,
    /// Whether the policy asks the bank or the phone first.
    pub order: Order,
    /// Whether limits, and what is told of whom, are those by default. Otherwise, as by default in a sandbox, whose one person
    /// plays with one phone, there are nearly no limits, the bank is asked first for names, and merchants say whom they do not know.
    pub limited: bool,
    /// The profile that the server's policy is of. Under one, PINs come from relying parties, and from the code's page.
    pub profile: Option<Profile>,
    /// Where handsets, accounts and the clock are told what to do.
    pub control: SocketAddr,
    /// Where payers' browsers are served; port 0 takes a free one.
    pub checkout: SocketAddr,
    /// Where merchants' back ends are served; port 0 takes a free one.
    pub api: SocketAddr,
    /// Where metrics, health and readiness are served; port 0 takes a free one.
    pub operations: SocketAddr,
    /// A centre of one's own, instead of the sandbox's. Its handsets cannot be looked at from here.
    pub centre: Option<ExternalCentre>,
    /// Whether a telecom operator, which is another server, computes and sends the codes of tickets (F12.v1).
    pub operator: bool,
    /// The store in a PostgreSQL database in which everything is kept, instead of a file in the folder.
    pub database: Option<StoreSchema>,
    /// Whether the person is in the directory from the beginning, and a second one with her.
    pub furnished: bool,
}

/// A store in a PostgreSQL database, whose schema is there.
#[derive(Clone, Debug)]
pub struct StoreSchema {
    /// Where to connect to, and as which role.
    pub url: String,
    /// For `store.schema`.
    pub schema: String,
}

/// An SMS centre that is not the sandbox's.
#[derive(Clone, Debug)]
pub struct ExternalCentre {
    /// `host:port`.
    pub address: String,
    /// The account there.
    pub system_id: String,
    /// Its password.
    pub password: String,
    /// From whom messages come: a name, a number with `+`, or a short code.
    pub source: String,
    /// Whether it is to deliver at once and to answer only then.
    pub transaction_mode: bool,
}

impl Settings {
    /// A sandbox on loopback, on free ports, that asks the bank first.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            folder: folder.into(),
            order: Order::BankFirst,
            limited: false,
            profile: None,
            control: free,
            checkout: free,
            api: free,
            operations: free,
            centre: None,
            operator: false,
            database: None,
            furnished: false,
        }
    }
}
