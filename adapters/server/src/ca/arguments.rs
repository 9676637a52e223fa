//! What can be said to `countersign ca`.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use countersign_certs::{
    AuthorityKind, EndEntityKind, RevocationReason, Serial, check_revocation_list_url,
};

use crate::{folder::Settings, key_uri::KeyUri};

/// `countersign ca ...`
#[derive(Args)]
pub struct Ca {
    #[command(subcommand)]
    pub(crate) command: CaCommand,
}

impl Ca {
    /// Whether it goes on until it is told to stop.
    pub const fn serves(&self) -> bool {
        matches!(self.command, CaCommand::Serve(_))
    }
}

/// What an authority is told to do.
#[derive(Subcommand)]
pub(crate) enum CaCommand {
    /// Makes an authority in a folder: key, certificate, register.
    ///
    /// A root signs itself. Any other needs --issuer, the folder of the authority above it; where that is on another
    /// machine, --request-only leaves authority.csr to be carried there (`countersign ca issue --profile brand --request
    /// authority.csr`), and --certificate takes what comes back.
    Init(Init),
    /// Issues a certificate, for a request (PKCS#10) or with a new key.
    Issue(Issue),
    /// Shows what stands in a certificate, and in the register about it.
    Inspect(Inspect),
    /// Issues a certificate in place of another, for a new key: same profile, same names.
    Renew(Renew),
    /// Revokes a certificate; it stands in every list from now on.
    Revoke(Revoke),
    /// Signs the list of what was revoked.
    Crl(Crl),
    /// Serves people and devices that enrol (EST, a page) until it is told to stop (SIGINT, SIGTERM).
    Serve(Serve),
}

#[derive(Args)]
pub(crate) struct Serve {
    /// The configuration file; see docs/guides/authority.md.
    #[arg(long)]
    pub(crate) config: PathBuf,
}

/// Which authority, and what opens its key.
#[derive(Args)]
pub(crate) struct Folder {
    /// The authority's folder.
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// The file with the passphrase of the authority's key; else the environment variable COUNTERSIGN_CA_PASSPHRASE.
    #[arg(long)]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// The subject and limits of an authority.
#[derive(Args)]
pub(crate) struct AuthorityName {
    /// The organisation: the brand. What is issued bears it too.
    #[arg(long)]
    pub(crate) organization: Option<String>,
    /// The country, two capital letters. What is issued bears it too.
    #[arg(long)]
    pub(crate) country: Option<String>,
    /// A domain that its servers may have names in; may be given several times. Any when none is given.
    #[arg(long = "domain")]
    pub(crate) domains: Vec<String>,
}

impl AuthorityName {
    pub(crate) fn domains(&self) -> Vec<&str> {
        self.domains.iter().map(String::as_str).collect()
    }

    /// Whether anything of it was said.
    pub(crate) const fn is_given(&self) -> bool {
        self.organization.is_some() || self.country.is_some() || !self.domains.is_empty()
    }
}

#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// What the authority is for.
    #[arg(long, default_value = "issuing", value_parser = kinds())]
    pub(crate) kind: String,
    /// Its common name.
    #[arg(long, required_unless_present = "certificate")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) subject: AuthorityName,
    /// How many days its certificate lasts. Default: 20 years for a root, 12 for a brand, 10 and 8 below.
    #[arg(long)]
    pub(crate) days: Option<u32>,
    /// Makes an RSA-3072 key instead of P-256.
    #[arg(long)]
    pub(crate) rsa: bool,
    /// The authority's key is in a token, and is made there if it is not there yet (PKCS #11, RFC 7512):
    /// "pkcs11:token=...;object=...?module-path=...&pin-source=file:...". The folder then has no key, and needs no
    /// passphrase.
    #[arg(long, conflicts_with = "certificate")]
    pub(crate) key: Option<KeyUri>,
    /// Where its revocation list will be published; stands in what it issues.
    #[arg(long, value_parser = url)]
    pub(crate) crl_url: Option<String>,
    /// It has the right to assert numbers: those in clear stand in a TNAuthList (RFC 8226), too.
    #[arg(long)]
    pub(crate) assert_numbers: bool,
    /// The folder of the authority above.
    #[arg(long, conflicts_with_all = ["request_only", "certificate"])]
    pub(crate) issuer: Option<PathBuf>,
    /// The file with the passphrase of the key above; else that of this authority.
    #[arg(long, requires = "issuer")]
    pub(crate) issuer_passphrase_file: Option<PathBuf>,
    /// Makes the key and a request only.
    #[arg(long, conflicts_with = "certificate")]
    pub(crate) request_only: bool,
    /// The certificate that was issued for the request, and the chain above it, in PEM: finishes what --request-only began.
    #[arg(long)]
    pub(crate) certificate: Option<PathBuf>,
}

impl Init {
    /// What the authority is told once.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            crl_url: self.crl_url.clone(),
            asserts_numbers: self.assert_numbers,
            key: self.key.clone(),
        }
    }
}

/// Whose key it is, and where key and certificate go.
#[derive(Args)]
pub(crate) struct Key {
    /// A request, PKCS#10 in PEM or DER.
    #[arg(long, conflicts_with_all = ["new_key", "pkcs12"])]
    pub(crate) request: Option<PathBuf>,
    /// Makes a key and writes it to this file, PKCS#8 in PEM, encrypted when --key-passphrase-file is given.
    #[arg(long)]
    pub(crate) new_key: Option<PathBuf>,
    /// Makes a key and writes it with its chain to this PKCS#12 file, for a browser. Needs --key-passphrase-file.
    #[arg(long, requires = "key_passphrase_file")]
    pub(crate) pkcs12: Option<PathBuf>,
    /// The file with the passphrase for the new key.
    #[arg(long, conflicts_with = "request")]
    pub(crate) key_passphrase_file: Option<PathBuf>,
    /// Makes an RSA-3072 key instead of P-256.
    #[arg(long, conflicts_with = "request")]
    pub(crate) rsa: bool,
    /// Writes the certificate and the chain above it to this file instead of to standard output.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Issue {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// What the certificate is for.
    #[arg(long, value_parser = profiles())]
    pub(crate) profile: String,
    /// The subject's common name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A DNS name of a TLS server; may be given several times.
    #[arg(long = "dns")]
    pub(crate) dns_names: Vec<String>,
    /// An address of a TLS server; may be given several times.
    #[arg(long = "ip")]
    pub(crate) ip_addresses: Vec<IpAddr>,
    /// Takes the names that the request asks for, where --name, --dns and --ip do not say others. Look at them first, with
    /// --dry-run: anybody can write any name into a request.
    #[arg(long, requires = "request")]
    pub(crate) names_from_request: bool,
    /// Says what would be signed, or why it would be refused, and signs nothing. Makes no key: needs --request.
    #[arg(long, requires = "request")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) subject: AuthorityName,
    /// How many days it lasts. Default: 397 for TLS servers, 730 for people, 1095 for merchants and gateways.
    #[arg(long)]
    pub(crate) days: Option<u32>,
    #[command(flatten)]
    pub(crate) key: Key,
}

#[derive(Args)]
pub(crate) struct Inspect {
    /// A certificate, PEM or DER.
    #[arg(required_unless_present = "serial")]
    pub(crate) file: Option<PathBuf>,
    /// A serial number, as OpenSSL or this program prints it: looks into the register of --dir.
    #[arg(long, requires = "dir", conflicts_with = "file")]
    pub(crate) serial: Option<Serial>,
    /// The folder of the authority that issued it.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// A gateway's certificate: with --gateway-key, opens an encrypted number.
    #[arg(long, requires = "gateway_key")]
    pub(crate) gateway: Option<PathBuf>,
    /// The gateway's key, PKCS#8 in PEM.
    #[arg(long, requires = "gateway")]
    pub(crate) gateway_key: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// The serial number of the certificate to take the place of.
    #[arg(long)]
    pub(crate) serial: Serial,
    /// How many days the new one lasts.
    #[arg(long)]
    pub(crate) days: Option<u32>,
    #[command(flatten)]
    pub(crate) key: Key,
}

#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// The serial number.
    #[arg(long)]
    pub(crate) serial: Serial,
    /// Why (RFC 5280 section 5.3.1).
    #[arg(long, default_value = "unspecified", value_parser = reasons())]
    pub(crate) reason: String,
}

#[derive(Args)]
pub(crate) struct Crl {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// How many days the list is trusted. Default: 7, and 180 for an authority that makes authorities.
    #[arg(long)]
    pub(crate) days: Option<u32>,
    /// Writes the list to this file, too, DER if its name ends in .crl or .der and PEM otherwise. It is always in list.crl in the folder.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

fn url(text: &str) -> Result<String, countersign_certs::Error> {
    check_revocation_list_url(text).map(|()| text.to_owned())
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(AuthorityKind::ALL.map(AuthorityKind::name))
}

fn profiles() -> PossibleValuesParser {
    let end_entities = EndEntityKind::ALL.map(EndEntityKind::name);
    let authorities = AuthorityKind::ALL.map(AuthorityKind::name);
    // A root signs itself.
    PossibleValuesParser::new(end_entities.into_iter().chain(authorities.into_iter().skip(1)))
}

fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(RevocationReason::ALL.map(|(_, name)| name))
}

pub(crate) fn days(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 86_400)
}
