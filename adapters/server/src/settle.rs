//! `countersign payments`: the payments at which a person must look, and how a person ends them. A server may be running.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, Subcommand, ValueEnum};
use countersign_domain::{
    gateway::StuckPayments,
    id::PaymentId,
    payment::Stuck,
    settlement::{Because, Settlement},
};
use jiff::Timestamp as Instant;

use crate::{config::Config, store_place, system::SystemClock};

/// Payments that the bank refuses to end, or never answers about.
#[derive(Args)]
pub struct Payments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows them, the oldest first.
    List {
        /// Those at which a person must look; others are not listed.
        #[arg(long, required = true)]
        stuck: bool,
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// As JSON, a line for each.
        #[arg(long)]
        json: bool,
    },
    /// Ends one as what you confirm, having asked the bank. Amounts are posted accordingly, and the card is forgotten.
    Settle {
        /// The payment, `pay_...`.
        payment: String,
        /// What became of it at the bank.
        #[arg(long = "as", value_enum)]
        settlement: Confirmed,
        /// How you know; kept for ever as a fact.
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Has a server tell the bank again, from the start.
    Retry {
        /// The payment, `pay_...`.
        payment: String,
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

/// What a person confirms.
#[derive(Clone, Copy, ValueEnum)]
enum Confirmed {
    /// The amount is debited.
    Captured,
    /// Nothing is held, and nothing debited.
    Voided,
    /// The amount is given back.
    Credited,
    /// It is not given back.
    NotCredited,
    /// What was given back is debited again.
    CreditReversed,
    /// It is not debited again.
    CreditNotReversed,
}

impl From<Confirmed> for Settlement {
    fn from(confirmed: Confirmed) -> Self {
        match confirmed {
            Confirmed::Captured => Self::Captured,
            Confirmed::Voided => Self::Voided,
            Confirmed::Credited => Self::Credited,
            Confirmed::NotCredited => Self::NotCredited,
            Confirmed::CreditReversed => Self::CreditReversed,
            Confirmed::CreditNotReversed => Self::CreditNotReversed,
        }
    }
}

/// The most that are listed: whoever has more settles these first.
const MAX_LISTED: usize = 10_000;

/// Runs the command.
///
/// # Errors
/// When the store cannot be used, or the payment is not stuck.
#[expect(clippy::print_stdout, reason = "this is a program")]
pub async fn run(payments: Payments) -> Result<(), Box<dyn std::error::Error>> {
    match payments.command {
        Command::List { stuck: _, config, json } => {
            for stuck in opened(&config).await?.list(MAX_LISTED).await? {
                match json {
                    true => println!("{}", serde_json::to_string(&stuck)?),
                    false => println!("{}", line(&stuck)),
                }
            }
        }
        Command::Settle { payment, settlement, because, config } => {
            let (id, because) = (PaymentId::try_from(payment)?, Because::try_from(because)?);
            let settled = opened(&config).await?.settle(&id, settlement.into(), &because).await?;
            println!("{id} is {}", settled.state().name());
        }
        Command::Retry { payment, config } => {
            let id = PaymentId::try_from(payment)?;
            let retried = opened(&config).await?.retry(&id).await?;
            println!("{id} is {}; the bank is told again", retried.state().name());
        }
    }
    Ok(())
}

/// The store of that configuration, which must be there.
async fn opened(config: &std::path::Path) -> Result<StuckPayments, Box<dyn std::error::Error>> {
    let config = Config::read(config)?;
    let (store, _) = store_place::existing(&config).await?;
    Ok(StuckPayments::new(store, Arc::new(SystemClock::default())))
}

/// A line for people.
fn line(stuck: &Stuck) -> String {
    let Stuck {
        id, operation, bank_reference, relying_party, at: _, since, tries, response, ..
    } = stuck;
    let operation = operation.name();
    let since = i64::try_from(since.unix_seconds()).ok();
    let since = since.and_then(|since| Instant::from_second(since).ok());
    let since = since.map(|since| since.to_string()).unwrap_or_default();
    let said = match response {
        Some(response) => format!("refused with {response}"),
        None => "no answer".to_owned(),
    };
    format!(
        "{id} {operation}: {said}, {tries} tries since {since}, bank reference {bank_reference}, for {relying_party}"
    )
}
