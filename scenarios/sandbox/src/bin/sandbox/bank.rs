//! `sandbox bank`: an issuing bank alone.

use std::net::SocketAddr;

use clap::Args;
use countersign_domain::{
    amount::{Amount, Currency},
    card::{Card, CardExpiry},
};
use countersign_sandbox::LoneBank;
use serde_json::json;

use crate::{End, Failure, say};

/// Runs the issuing bank alone: ISO 8583:1987 over TCP, accounts in memory.
///
/// It answers 0100 (holds), 0220 (debits once), 0400 (releases) and 0800 (echo), and each repeat as it was answered first.
/// At the control, accounts are looked at and changed: in a browser, or as docs/guides/scenarios.md says.
#[derive(Args)]
pub(crate) struct BankArguments {
    /// Where gateways connect; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8583")]
    listen: SocketAddr,
    /// Where accounts are looked at and changed, over HTTP; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8081")]
    control: SocketAddr,
    /// An account: its card, the card's expiry and its balance. Can be given several times.
    #[arg(
        long = "account",
        value_name = "CARD,YYYY-MM,AMOUNT",
        value_parser = account,
        default_values = ["4970100000000154,2035-12,1000.00 EUR", "4970100000000162,2035-12,1000.00 EUR"]
    )]
    accounts: Vec<Account>,
    /// Says where it listens as one line of JSON, for a program to read.
    #[arg(long)]
    json: bool,
}

#[derive(Clone)]
struct Account {
    card: Card,
    balance: Amount,
}

fn account(text: &str) -> Result<Account, String> {
    let parts: Vec<_> = text.split(',').map(str::trim).collect();
    let [number, expiry, balance] = parts.as_slice() else {
        return Err("an account is CARD,YYYY-MM,AMOUNT".to_owned());
    };
    let (value, currency) = balance.split_once(' ').unwrap_or((balance, ""));
    let read = || {
        let card = Card::new(number, CardExpiry::try_from(*expiry)?)?;
        Ok(Account { card, balance: Amount::from_decimal(value, Currency::try_from(currency)?)? })
    };
    read().map_err(|error: countersign_domain::invalid::InvalidInput| error.to_string())
}

pub(crate) async fn run(arguments: BankArguments, end: End) -> Result<(), Failure> {
    let lone = LoneBank::start(arguments.listen, arguments.control).await?;
    for Account { card, balance } in arguments.accounts {
        lone.bank().open_account(card, balance.amount_minor(), balance.currency());
    }
    let (address, control) = (lone.bank().address(), lone.control_url());
    if arguments.json {
        say(&json!({ "bank": address, "control": control }).to_string());
    } else {
        say(&format!(
            "The bank speaks ISO 8583 at {address}; its accounts are at {control}. Ctrl-C ends it."
        ));
    }
    end.comes().await;
    Ok(())
}
