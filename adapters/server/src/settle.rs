//! `countersign payments`: the payments at which a person must look, and movements from wallets to cards that are as stuck,
//! and how a person ends them. A server may be running.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand, ValueEnum};
use countersign_domain::{
    gateway::StuckPayments,
    id::PaymentId,
    invalid::InvalidInput,
    payment::Stuck,
    ports::Clock,
    settlement::{Because, Settlement},
};
use countersign_wallet::{flow::StuckTransfers, record::TransferId};
use jiff::Timestamp as Instant;

use crate::{config::Config, store_place, system::SystemClock};

/// Payments that the bank refuses to end, or never answers about; and movements from wallets to cards.
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
        /// The payment, `pay_...`, or the movement to a card, `trf_...`.
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
        /// The payment, `pay_...`, or the movement to a card, `trf_...`.
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
            for stuck in Desk::of(&config).await?.payments.list(MAX_LISTED).await? {
                match json {
                    true => println!("{}", serde_json::to_string(&stuck)?),
                    false => println!("{}", line(&stuck)),
                }
            }
        }
        Command::Settle { payment: id, settlement, because, config } => {
            let because = Because::try_from(because)?;
            let state = settle(&config, &id, settlement.into(), &because).await?;
            println!("{id} is {state}");
        }
        Command::Retry { payment, config } => {
            let (id, desk) = (payment, Desk::of(&config).await?);
            let state = match Waiting::try_from(id.clone())? {
                Waiting::Payment(id) => desk.payments.retry(&id).await?.state().name(),
                Waiting::Transfer(id) => desk.transfers.retry(&id).await?,
            };
            println!("{id} is {state}; the bank is told again");
        }
    }
    Ok(())
}

/// Ends what is stuck under that name in the store of that configuration, as a person confirms it. Gives its state then.
///
/// # Errors
/// When the store cannot be used, or nothing of that name is stuck.
pub async fn settle(
    config: &Path,
    id: &str,
    settlement: Settlement,
    because: &Because,
) -> Result<&'static str, Box<dyn std::error::Error>> {
    let desk = Desk::of(config).await?;
    Ok(match Waiting::try_from(id.to_owned())? {
        Waiting::Payment(id) => {
            desk.payments.settle(&id, settlement, because).await?.state().name()
        }
        Waiting::Transfer(id) => desk.transfers.settle(&id, settlement, because).await?,
    })
}

/// What can be stuck.
enum Waiting {
    Payment(PaymentId),
    Transfer(TransferId),
}

impl TryFrom<String> for Waiting {
    type Error = InvalidInput;

    /// What is no transfer's name is a payment's, or wrong.
    fn try_from(id: String) -> Result<Self, InvalidInput> {
        match TransferId::try_from(id.clone()) {
            Ok(transfer) => Ok(Self::Transfer(transfer)),
            Err(_) => PaymentId::try_from(id).map(Self::Payment),
        }
    }
}

/// Where a person looks and settles.
struct Desk {
    payments: StuckPayments,
    transfers: StuckTransfers,
}

impl Desk {
    /// That of the store of that configuration, which must be there.
    async fn of(config: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let (store, _) = store_place::existing(&Config::read(config)?).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        Ok(Self {
            payments: StuckPayments::new(Arc::clone(&store), Arc::clone(&clock)),
            transfers: StuckTransfers::new(store, clock),
        })
    }
}

/// A line for people.
fn line(stuck: &Stuck) -> String {
    let Stuck {
        id,
        operation,
        bank_reference,
        relying_party,
        since,
        tries,
        response,
        card_does_not_open,
        ..
    } = stuck;
    let operation = operation.name();
    let since = i64::try_from(since.unix_seconds()).ok();
    let since = since.and_then(|since| Instant::from_second(since).ok());
    let since = since.map(|since| since.to_string()).unwrap_or_default();
    let said = match (card_does_not_open, response) {
        (true, _) => "not told, as the key of its card is missing".to_owned(),
        (false, Some(response)) => format!("refused with {response}"),
        (false, None) => "no answer".to_owned(),
    };
    format!(
        "{id} {operation}: {said}, {tries} tries since {since}, bank reference {bank_reference}, for {relying_party}"
    )
}
