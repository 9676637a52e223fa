//! The `sandbox` program: a newcomer's first command, and single counterparties for people who test something else.

mod bank;
mod centre;
mod whole;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use countersign_server::{Log, LogForm};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Starts Countersign with everything around it: a shop, an SMS centre with phones, a bank, certificates. Real protocols over
/// loopback; nobody's money, nobody's phone. Everything is made anew and forgotten at the end.
#[derive(Parser)]
#[command(
    name = "sandbox",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Ends with 0 on Ctrl-C, 1 when it cannot start, 2 when the arguments are wrong."
)]
struct Arguments {
    #[command(subcommand)]
    alone: Option<Alone>,
    #[command(flatten)]
    whole: whole::WholeArguments,
}

/// One counterparty alone.
#[derive(Subcommand)]
enum Alone {
    Bank(bank::BankArguments),
    Centre(centre::CentreArguments),
}

/// Why the program ends with 1.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (log, log_end) = match Log::to_standard_error(LogForm::Text) {
        Ok(log) => log,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "this is a program")]
            {
                eprintln!("sandbox: {error}");
            }
            return ExitCode::FAILURE;
        }
    };
    match run(arguments, log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log_end.say(&format!("sandbox: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments, log: Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(log).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let end = End::expected()?;
        match arguments.alone {
            Some(Alone::Bank(arguments)) => bank::run(arguments, end).await,
            Some(Alone::Centre(arguments)) => centre::run(arguments, end).await,
            None => whole::run(arguments.whole, end).await,
        }
    })
}

/// Ctrl-C, or the same from another program.
struct End {
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    /// Expected before anything is started, so that it does not come too early to be heard.
    fn expected() -> std::io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn comes(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is a program")]
fn say(text: &str) {
    println!("{text}");
}
