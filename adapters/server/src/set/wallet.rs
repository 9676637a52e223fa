//! `countersign set wallet`: makes a wallet, and takes its certificate.

use std::{
    io::{self, Read as _},
    path::Path,
};

use countersign_domain::{card::Card, ports::Clock as _};
use countersign_set::wallet_file::{NewWallet, WalletFile};
use zeroize::Zeroizing;

use super::arguments::{Certify, New};
use crate::{
    file::{Failure, read_text, unusable, write},
    folder::{pem_of, read_certificates},
    system::{SystemClock, SystemEntropy},
};

/// Longest file with a card that is read, in bytes.
const MAX_CARD_BYTES: u64 = 256;

/// Makes a wallet.
pub(super) fn new(arguments: &New) -> Result<(), Failure> {
    let card = card(&arguments.card_file)?;
    let password = new_password(arguments.password_file.as_deref())?;
    let new = NewWallet { card: &card, brand: &arguments.brand, language: &arguments.language };
    let (mut wallet, request) = WalletFile::new(&new, &password, &SystemEntropy::default())?;
    if let Some(authorities) = &arguments.trust {
        wallet.trust(&certificates(authorities)?).map_err(|error| unusable(authorities, &error))?;
    }
    wallet.create(&arguments.wallet)?;
    if !arguments.unsigned {
        let beside = arguments.wallet.with_extension("csr");
        let path = arguments.request.as_ref().unwrap_or(&beside);
        write(path, request.as_bytes())?;
        super::say(&format!("{}: have a certificate issued for it", path.display()));
    }
    Ok(())
}

/// Takes the certificate of a wallet.
pub(super) fn certify(arguments: &Certify) -> Result<(), Failure> {
    let path = &arguments.wallet;
    let mut wallet = WalletFile::read(path).map_err(|error| unusable(path, &error))?;
    let authorities = certificates(&arguments.trust)?;
    wallet.trust(&authorities).map_err(|error| unusable(&arguments.trust, &error))?;
    let own = certificates(&arguments.certificate)?;
    let certified = wallet.certify(&own, SystemClock::default().now());
    certified.map_err(|error| unusable(&arguments.certificate, &error))?;
    Ok(wallet.replace(path)?)
}

/// The certificates of a file, PEM or DER, as a wallet keeps them.
fn certificates(path: &Path) -> Result<String, Failure> {
    pem_of(&read_certificates(path)?)
}

/// The card in a file or on standard input, never in an argument: every user of a machine sees those.
pub(super) fn card(path: &Path) -> Result<Card, Failure> {
    let text = if path == Path::new("-") {
        let mut text = Zeroizing::new(String::new());
        io::stdin().take(MAX_CARD_BYTES).read_to_string(&mut text)?;
        text
    } else {
        Zeroizing::new(read_text(path)?)
    };
    let mut words = text.split_whitespace();
    let (Some(number), Some(expiry), None) = (words.next(), words.next(), words.next()) else {
        return Err("the card is not a number and an expiry, such as 4970100000000154 12/29".into());
    };
    Ok(Card::new(number, expiry.try_into()?)?)
}

/// A new password: from a file, or typed twice at the terminal.
pub(super) fn new_password(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let first = password(file, "New password of the wallet: ")?;
    if file.is_none() && *first != *password(None, "Once more: ")? {
        return Err("the two passwords differ".into());
    }
    Ok(first)
}

/// The password: from a file, without the end of its line; or typed at the terminal, which does not show it.
pub(super) fn password(file: Option<&Path>, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if let Some(file) = file {
        let text = Zeroizing::new(read_text(file)?);
        return Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    let typed = rpassword::prompt_password(prompt);
    let typed = typed.map_err(|error| format!("no terminal ({error}): give --password-file"))?;
    Ok(Zeroizing::new(typed))
}
