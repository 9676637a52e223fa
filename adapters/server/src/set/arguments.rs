//! What can be said to `countersign set`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `countersign set ...`
#[derive(Args)]
pub struct Set {
    #[command(subcommand)]
    pub(crate) command: SetCommand,
}

#[derive(Subcommand)]
pub(crate) enum SetCommand {
    /// A wallet: makes one, certifies it.
    Wallet(Wallet),
    /// Registers the card at an authority: a code goes to its phone, and the wallet's key is certified with both. Ends with
    /// 0 when the wallet has its certificate, 2 when the authority refuses or it was called off, and 1 when something failed.
    Register(Register),
    /// Registers a merchant or a gateway at an authority, whose operator approves it. Ends with 0 when both certificates are
    /// there, 2 when the operator has not decided or the authority refuses, and 1 when something failed. Said again with the
    /// same files, it asks again for the same keys.
    RegisterAs(RegisterAs),
    /// The authority's operator: the merchants and gateways that register, approved or refused. A server may be running.
    Registrations(Registrations),
    /// Pays an order. Ends with 0 when it is paid, 2 when it was refused, declined or called off, and 1 when something
    /// failed: then the same order may be paid again, and is not paid twice.
    Pay(Pay),
}

#[derive(Args)]
pub(crate) struct Wallet {
    #[command(subcommand)]
    pub(crate) command: WalletCommand,
}

#[derive(Subcommand)]
pub(crate) enum WalletCommand {
    /// Makes a wallet with a new key, and the request for its certificate.
    New(New),
    /// Puts the certificate into a wallet that was issued for its request.
    Certify(Certify),
}

#[derive(Args)]
pub(crate) struct New {
    /// The wallet's file; it must not be there yet.
    #[arg(long)]
    pub(crate) wallet: PathBuf,
    /// The file with the card, number and expiry such as `4970100000000154 12/29`; `-` for standard input. Never kept in
    /// clear.
    #[arg(long)]
    pub(crate) card_file: PathBuf,
    /// The card's brand.
    #[arg(long)]
    pub(crate) brand: String,
    /// The language of messages (RFC 5646).
    #[arg(long, default_value = "en")]
    pub(crate) language: String,
    /// The file with the new password; without it, it is asked for at the terminal.
    #[arg(long)]
    pub(crate) password_file: Option<PathBuf>,
    /// Where the request for a certificate goes (PKCS#10, PEM). Default: the wallet's name with `.csr`.
    #[arg(long, conflicts_with = "unsigned")]
    pub(crate) request: Option<PathBuf>,
    /// Makes no request: the wallet pays without a certificate, and always with a code.
    #[arg(long, requires = "trust")]
    pub(crate) unsigned: bool,
    /// PEM of the authorities that are trusted for merchants and gateways.
    #[arg(long)]
    pub(crate) trust: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Certify {
    /// The wallet's file.
    #[arg(long)]
    pub(crate) wallet: PathBuf,
    /// PEM of the certificate and those above it.
    #[arg(long)]
    pub(crate) certificate: PathBuf,
    /// PEM of the authorities that are trusted for merchants and gateways.
    #[arg(long)]
    pub(crate) trust: PathBuf,
}

#[derive(Args)]
pub(crate) struct Register {
    /// The wallet's file. When it is not there, it is made of the card.
    #[arg(long)]
    pub(crate) wallet: PathBuf,
    /// For a new wallet: the file with the card, number and expiry such as `4970100000000154 12/29`; `-` for standard input.
    /// Never kept in clear.
    #[arg(long, requires = "brand", requires = "trust")]
    pub(crate) card_file: Option<PathBuf>,
    /// For a new wallet: the card's brand.
    #[arg(long, requires = "card_file")]
    pub(crate) brand: Option<String>,
    /// For a new wallet: the language of messages (RFC 5646).
    #[arg(long, default_value = "en")]
    pub(crate) language: String,
    /// For a new wallet: PEM of the authorities that are trusted, this one's root among them.
    #[arg(long, requires = "card_file")]
    pub(crate) trust: Option<PathBuf>,
    /// The file with the wallet's password; without it, it is asked for at the terminal.
    #[arg(long)]
    pub(crate) password_file: Option<PathBuf>,
    /// Does not ask whether the authority's terms are agreed to.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Says what happens as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// PEM of the authorities that may have issued the listener's TLS certificate. Default: those that the system trusts.
    #[arg(long)]
    pub(crate) tls_authorities: Option<PathBuf>,
    /// Where the authority says how one registers, such as `https://ca.example.com:8447/set/registration`.
    pub(crate) authority_url: String,
}

/// What is registered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum As {
    Merchant,
    Gateway,
}

#[derive(Args)]
pub(crate) struct RegisterAs {
    /// What it is.
    pub(crate) role: As,
    /// The merchant's id at the gateway, or the gateway's name: what its certificates shall bear.
    #[arg(long)]
    pub(crate) name: String,
    /// The number of the acquirer, six digits.
    #[arg(long)]
    pub(crate) acquirer: String,
    /// The brand of the cards that it takes.
    #[arg(long)]
    pub(crate) brand: String,
    /// PEM of the authorities that are trusted, this one's root among them.
    #[arg(long)]
    pub(crate) trust: PathBuf,
    /// How the files begin: FILES-signature.key and FILES-exchange.key, which are made where they are not there;
    /// FILES-signature.pem and FILES-exchange.pem for the certificates and those above them.
    #[arg(long, value_name = "FILES")]
    pub(crate) files: String,
    /// Makes RSA keys of 3072 bits, and not P-256.
    #[arg(long)]
    pub(crate) rsa: bool,
    /// How long to wait for the operator.
    #[arg(long, default_value_t = 0)]
    pub(crate) wait_seconds: u64,
    /// Does not ask whether the authority's terms are agreed to.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Says what happens as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// PEM of the authorities that may have issued the listener's TLS certificate. Default: those that the system trusts.
    #[arg(long)]
    pub(crate) tls_authorities: Option<PathBuf>,
    /// Where the authority says how one registers, such as `https://ca.example.com:8447/set/registration`.
    pub(crate) authority_url: String,
}

#[derive(Args)]
pub(crate) struct Registrations {
    #[command(subcommand)]
    pub(crate) command: RegistrationsCommand,
}

#[derive(Subcommand)]
pub(crate) enum RegistrationsCommand {
    /// Those that wait for the operator, and those that are approved and have not fetched their certificates.
    List {
        #[command(flatten)]
        of: AuthorityConfig,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Has both keys certified when they are asked for again. Compare the id with what the applicant reads out.
    Approve {
        #[command(flatten)]
        of: AuthorityConfig,
        /// The one that asks is the holder of the certificates which that name has already.
        #[arg(long)]
        same_holder: bool,
        /// SHA-256 of the key that signs.
        id: String,
    },
    /// Refuses, for good: the same keys are never certified.
    Refuse {
        #[command(flatten)]
        of: AuthorityConfig,
        /// SHA-256 of the key that signs.
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct AuthorityConfig {
    /// The configuration file of the server with `[set.authority]`.
    #[arg(long)]
    pub(crate) config: PathBuf,
}

#[derive(Args)]
pub(crate) struct Pay {
    /// The wallet's file.
    #[arg(long)]
    pub(crate) wallet: PathBuf,
    /// The file with the wallet's password; without it, it is asked for at the terminal.
    #[arg(long)]
    pub(crate) password_file: Option<PathBuf>,
    /// The file with the PIN, where the gateway asks for one; without it, it is asked for at the terminal.
    #[arg(long)]
    pub(crate) pin_file: Option<PathBuf>,
    /// Sends the code straight to the gateway, and not through the merchant.
    #[arg(long)]
    pub(crate) direct: bool,
    /// Does not ask whether to pay.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Says what happens as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes the gateway's receipt to this file (CMS SignedData, DER).
    #[arg(long)]
    pub(crate) receipt: Option<PathBuf>,
    /// PEM of the authorities that may have issued the merchant's and the gateway's TLS certificates. Default: those that
    /// the system trusts.
    #[arg(long)]
    pub(crate) tls_authorities: Option<PathBuf>,
    /// The address of the order.
    pub(crate) order_url: String,
}
