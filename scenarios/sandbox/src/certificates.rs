//! Every certificate that a sandbox needs, made anew with it: two of clients that are good, three to be refused, and those of
//! the three parties of figure 11.
//!
//! ```text
//!   root --> issuing --+--> server         what browsers and curl see
//!    |                 +--> gateway        opens encrypted numbers, and payments by SET
//!    |                 +--> gateway-signature, dupont-signature, dupont-exchange, cardholder     figure 11
//!    |                 +--> other-gateway, martin-signature, martin-exchange, a thief     the same, for attacks
//!    |                 +--> gateway-next   opens payments by SET since the gateway has changed its key
//!    |                 +--> authority-signature, authority-exchange     where cardholders register; `authority` is its folder
//!    |                 +--> clear, encrypted, expired, moved     clients
//!   foreign root ---------> foreign        a client of somebody we do not know
//! ```

mod moved;
mod set;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use countersign_certs::{
    Authority, Card, Certificate, Holder, KeyPair, KeyUse, Phone, PhoneNumber, Profile, PublicKey,
    RecipientCertificate, UnixTime, Validity,
};
use countersign_domain::time::Timestamp;
use serde::Serialize;

use crate::{
    error::SandboxError,
    folder::{write_public, write_secret},
    person::Person,
};

/// The gateway's name in its certificates.
const GATEWAY: &str = "Countersign sandbox gateway";
/// The merchant's, which is its id at the gateway.
pub(crate) const MERCHANT: &str = "dupont";

/// The cardholder's wallet.
pub(crate) const WALLET: &str = "alice.wallet";
/// The static password of the sandbox's wallets (F11.7). It guards nothing of value: pages and guides say it.
pub(crate) const PASSWORD: &str = "figure eleven";
/// The authority's, for messages.
const AUTHORITY: &str = "Countersign sandbox registration";
/// Its folder.
pub(crate) const AUTHORITY_FOLDER: &str = "authority";
/// The brand of the sandbox's cards.
pub(crate) const BRAND: &str = "Sandbox";

const DAY: u64 = 86_400;

/// Client certificates of every kind that matters.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClientCertificates {
    /// Number and card, encrypted to the gateway (F13.v1).
    pub(crate) encrypted: ClientFiles,
    /// The number in clear.
    pub(crate) clear: ClientFiles,
    /// Issued by an authority that is not trusted here.
    pub(crate) foreign: ClientFiles,
    /// Expired yesterday.
    pub(crate) expired: ClientFiles,
    /// With the envelope of the first one: its number is another certificate's.
    pub(crate) moved: ClientFiles,
}

/// A client certificate: where it is, and what it says of its holder.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClientFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    #[serde(flatten)]
    pub(crate) holder: Person,
}

/// A cardholder's wallet, with which to pay by SET.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CardholderWallet {
    pub(crate) file: PathBuf,
    pub(crate) password: &'static str,
    #[serde(flatten)]
    pub(crate) holder: Person,
}

/// All that a sandbox tells of its certificates.
pub(crate) struct Certificates {
    pub(crate) clients: ClientCertificates,
    pub(crate) wallet: CardholderWallet,
}

/// Writes certificates and keys into a folder.
struct Maker<'a> {
    folder: &'a Path,
    now: u64,
    root: Authority,
    issuing: Authority,
}

/// Makes all of them in that folder: `root.pem`, `server.*`, `gateway.*`, the clients', and those of figure 11.
pub(crate) fn make(
    folder: &Path,
    holder: &Person,
    now: Timestamp,
) -> Result<Certificates, SandboxError> {
    let now = now.unix_seconds();
    let root = authority("Countersign sandbox root", now)?;
    let issuing = root.issuing("Countersign sandbox authority", two_years(now)?)?;
    let maker = Maker { folder, now, root, issuing };
    write_public(&folder.join("root.pem"), &maker.root.certificate().to_pem()?)?;
    maker.server()?;
    let gateway = maker.gateway()?;
    maker.parties()?;
    maker.authority()?;
    Ok(Certificates {
        clients: maker.clients(holder, &gateway)?,
        wallet: maker.wallets(holder, &gateway)?,
    })
}

impl Maker<'_> {
    fn server(&self) -> Result<(), SandboxError> {
        let profile = Profile::TlsServer {
            common_name: "Countersign sandbox",
            dns_names: &["localhost"],
            ip_addresses: &[IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)],
        };
        let key = KeyPair::generate()?;
        let certificate = self.issue(&profile, key.public_key())?;
        self.write("server", &certificate, &key, &self.issuing).map(|_| ())
    }

    fn gateway(&self) -> Result<RecipientCertificate, SandboxError> {
        let profile =
            Profile::PaymentGateway { common_name: GATEWAY, key_use: KeyUse::KeyExchange };
        let key = KeyPair::generate()?;
        let certificate = self.issue(&profile, key.public_key())?;
        self.write("gateway", &certificate, &key, &self.issuing)?;
        Ok(RecipientCertificate::new(&certificate)?)
    }

    /// The authority's folder, as `countersign ca` keeps it: those who register have their certificates of it (F11.1).
    fn authority(&self) -> Result<(), SandboxError> {
        let folder = self.folder.join(AUTHORITY_FOLDER);
        std::fs::create_dir(&folder).map_err(|error| SandboxError::file(&folder, &error))?;
        let key = self.issuing.key().to_encrypted_pem(PASSWORD)?;
        write_secret(&folder.join("authority.key"), &key)?;
        write_secret(&self.folder.join("authority.password"), PASSWORD)?;
        write_public(&folder.join("settings.toml"), "asserts_numbers = false\n")?;
        write_public(&folder.join("authority.pem"), &self.issuing.certificate().to_pem()?)?;
        write_public(&folder.join("chain.pem"), &self.root.certificate().to_pem()?)
    }

    fn clients(
        &self,
        person: &Person,
        gateway: &RecipientCertificate,
    ) -> Result<ClientCertificates, SandboxError> {
        let number = PhoneNumber::new(&person.number)?;
        let holder = Holder {
            number: number.clone(),
            card: Some(Card::new(&person.card.number, &person.card.expiry)?),
        };
        let client = |phone| Profile::TlsClient { common_name: &person.user_id, phone };
        let clear = client(Phone::Clear(&number));
        let gateways = std::slice::from_ref(gateway);
        let encrypted_phone = || Phone::Encrypted { holder: &holder, gateways };
        let encrypted = client(encrypted_phone());
        let files = |name, certificate: &Certificate, key: &KeyPair, issuer: &Authority| {
            let (certificate, key) = self.write(name, certificate, key, issuer)?;
            Ok::<_, SandboxError>(ClientFiles { certificate, key, holder: person.clone() })
        };

        let keys = [
            KeyPair::generate()?,
            KeyPair::generate()?,
            KeyPair::generate()?,
            KeyPair::generate()?,
            KeyPair::generate()?,
        ];
        let [for_encrypted, for_clear, for_foreign, for_expired, for_moved] = &keys;
        let good = self.issue(&encrypted, for_encrypted.public_key())?;
        let foreign = authority("Foreign root", self.now)?;
        let of_foreign = foreign.issue(&clear, for_foreign.public_key(), year(self.now)?)?;
        let last_month =
            Validity::new(at(self.now.saturating_sub(30 * DAY)), Duration::from_secs(29 * DAY))?;
        let expired = self.issuing.issue(&clear, for_expired.public_key(), last_month)?;
        let thief = Profile::TlsClient { common_name: "mallory", phone: encrypted_phone() };
        let moved = self.issue(&thief, for_moved.public_key())?;
        let moved = moved::with_envelope_of(&good, &moved, &self.issuing)?;
        Ok(ClientCertificates {
            encrypted: files("encrypted", &good, for_encrypted, &self.issuing)?,
            clear: files(
                "clear",
                &self.issue(&clear, for_clear.public_key())?,
                for_clear,
                &self.issuing,
            )?,
            foreign: files("foreign", &of_foreign, for_foreign, &foreign)?,
            expired: files("expired", &expired, for_expired, &self.issuing)?,
            moved: files("moved", &moved, for_moved, &self.issuing)?,
        })
    }

    fn issue(
        &self,
        profile: &Profile<'_>,
        subject_key: &PublicKey,
    ) -> Result<Certificate, SandboxError> {
        Ok(self.issuing.issue(profile, subject_key, year(self.now)?)?)
    }

    /// Writes `<name>.pem`, the certificate before its issuer's, and `<name>.key`.
    fn write(
        &self,
        name: &str,
        certificate: &Certificate,
        key: &KeyPair,
        issuer: &Authority,
    ) -> Result<(PathBuf, PathBuf), SandboxError> {
        let chain = certificate.to_pem()? + &issuer.certificate().to_pem()?;
        let certificate = self.folder.join(format!("{name}.pem"));
        let key_file = self.folder.join(format!("{name}.key"));
        write_public(&certificate, &chain)?;
        write_secret(&key_file, &key.expose_pem()?)?;
        Ok((certificate, key_file))
    }
}

fn authority(name: &str, now: u64) -> Result<Authority, SandboxError> {
    Ok(Authority::root(name, two_years(now)?)?)
}

/// One year behind and one ahead, so that what expired can be issued, too.
fn two_years(now: u64) -> Result<Validity, SandboxError> {
    let begin = now.saturating_sub(366 * DAY);
    Ok(Validity::new(at(begin), Duration::from_secs(2 * 366 * DAY))?)
}

/// From yesterday on, so that clocks may differ.
fn year(now: u64) -> Result<Validity, SandboxError> {
    let begin = now.saturating_sub(DAY);
    Ok(Validity::new(at(begin), Duration::from_secs(365 * DAY))?)
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
