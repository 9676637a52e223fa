//! The `countersign` program.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{ArgGroup, Parser, Subcommand};
use countersign_domain::{address::Msisdn, ports::Clock as _, time::Timestamp};
use countersign_server::{
    Config, Log, LogEnd, LogForm, Phone, Server, SystemClock, Withdrawn, books, ca, copy_store,
    facts, keys, migrate, pages, reseal, schema,
    set::{self, Outcome},
    settle, unlock,
};
use tracing_subscriber::{EnvFilter, fmt::writer::BoxMakeWriter};

/// What a request needs is small and soon gone: a tenth less processor time than with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A code over a second network, for payment flows.
#[derive(Parser)]
#[command(name = "countersign", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// How log lines look.
    #[arg(long, value_enum, default_value = "text", global = true)]
    log: LogForm,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the flows whose sections are in the configuration until it is told to stop (SIGINT, SIGTERM).
    Serve {
        /// The configuration file; see docs/reference/configuration.md.
        #[arg(long)]
        config: PathBuf,
    },
    /// Reads a configuration and all that it names, and says whether a server would start with it and which flows it would run.
    Check {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Also reads every page of the store; a server may be running, and its log grows meanwhile.
        #[arg(long)]
        store: bool,
        /// Also recomputes every balance in the store from the postings; a server may be running.
        #[arg(long)]
        books: bool,
        /// Also proves that the facts in the store are those that were committed; a server may be running.
        #[arg(long)]
        facts: bool,
        /// Also counts what each master secret still seals in the store; a server may be running.
        #[arg(long)]
        keys: bool,
        /// Says what was found in store, books, facts and keys as JSON, a line for each; with none of these, what of the
        /// configuration somebody should look at.
        #[arg(long)]
        json: bool,
        /// Also writes the books to a file that must not exist yet, as JSON lines; see docs/reference/books.md.
        #[arg(long, requires = "books", value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// Copies the store, as of now, to a file that must not exist yet; a server may be running. See docs/guides/operate.md.
    Backup {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Where the copy is to be.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Makes the schema in the configured database, where it has none yet, or moves a store from a file to it; see
    /// docs/guides/postgresql.md.
    Migrate {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Moves the store in this file, on which no server runs. After an interruption the same command goes on.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// The database, in the place of `store.url`; its password is in `store.password_file` all the same.
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        /// Says what was done as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Payments that the bank refuses to end, or never answers about: shows them, and ends them as you confirm.
    Payments(settle::Payments),
    /// Ends the block of a phone for which too many wrong codes were typed in a row; a server may be running.
    #[command(group = ArgGroup::new("phone").args(["number", "subscriber"]).required(true))]
    Unlock {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// The phone's number, with + and the country code.
        #[arg(long)]
        number: Option<String>,
        /// The `userId` of the subscriber whose phone it is.
        #[arg(long, value_name = "USER_ID")]
        subscriber: Option<String>,
        /// Says what was done as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Seals under the current master secret what is still sealed under another one; a server may be running.
    Reseal {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Says what was done as JSON.
        #[arg(long)]
        json: bool,
    },
    /// A certificate authority: makes one, issues, inspects, renews, revokes; see docs/guides/authority.md.
    Ca(Box<ca::Ca>),
    /// The cardholder of figure 11: a wallet, and paying with it; see docs/guides/set.md.
    Set(Box<set::Set>),
}

/// `countersign unlock` ends with it when there was nothing to unlock.
const NOT_BLOCKED: u8 = 3;

/// `countersign set pay` ends with it when the purchase was refused, declined or called off.
const NOT_PAID: u8 = 2;

/// For threads, after a server has stopped.
const LAST_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let log_end = match start_log(arguments.log, &arguments.command) {
        Ok(log_end) => log_end,
        Err(error) => return failed(None, &error),
    };
    let done = match arguments.command {
        Command::Serve { config } => serve(&config),
        Command::Check { config, store, books, facts, keys, json, export } => {
            check(&config, &Asked { store, books, facts, keys, json, export })
        }
        Command::Backup { config, to } => copy(&config, &to),
        Command::Migrate { config, from, to, json } => {
            move_in(&config, from.as_deref(), to.as_deref(), json)
        }
        Command::Payments(command) => settle(command),
        Command::Unlock { config, number, subscriber, json } => {
            match unblock(&config, number, subscriber, json) {
                Ok(true) => Ok(()),
                Ok(false) => return ExitCode::from(NOT_BLOCKED),
                Err(error) => Err(error),
            }
        }
        Command::Reseal { config, json } => seal_anew(&config, json),
        Command::Ca(command) => certify(*command),
        Command::Set(command) => match purchase(*command) {
            Ok(Outcome::NotPaid) => return ExitCode::from(NOT_PAID),
            Ok(Outcome::Done) => Ok(()),
            Err(error) => Err(error),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(log_end, error.as_ref()),
    }
}

/// What serves ends also where nobody reads why.
#[expect(clippy::print_stderr, reason = "this is a program")]
fn failed(log_end: Option<LogEnd>, error: &dyn std::error::Error) -> ExitCode {
    let why = format!("countersign: {error}");
    match log_end {
        Some(log_end) => log_end.say(&why),
        None => eprintln!("{why}"),
    }
    ExitCode::FAILURE
}

fn serve(config: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::read(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(countersign_server::serve(config));
    // What computes on a thread of its own cannot be interrupted: the end does not wait for it.
    runtime.shutdown_timeout(LAST_TIMEOUT);
    served
}

/// What is asked of the store beside whether a server would start.
struct Asked {
    store: bool,
    books: bool,
    facts: bool,
    keys: bool,
    json: bool,
    export: Option<PathBuf>,
}

impl Asked {
    const fn is_of_the_store(&self) -> bool {
        self.store || self.books || self.facts || self.keys
    }
}

/// That a server would start, and what of the configuration somebody should look at.
fn of_configuration(
    path: &std::path::Path,
    config: &Config,
    flows: &[&str],
    now: Timestamp,
) -> (String, serde_json::Value) {
    let mut lines = vec![format!(
        "{}: a server would start with it and run: {}",
        path.display(),
        flows.join(", ")
    )];
    let without_lists = config.without_revocation_lists();
    lines.extend(
        without_lists
            .iter()
            .map(|key| format!("{key} is not there: revoked certificates would be accepted")),
    );
    let withdrawn = config.withdrawn(now);
    lines.extend(withdrawn.iter().map(|Withdrawn { key, currency, day, is_over }| {
        let is = if *is_over { "was" } else { "is" };
        format!("{key} names {currency}, which {is} withdrawn on {day}: no payment in it begins from then on")
    }));
    let of_one = |Withdrawn { key, currency, day, .. }: &Withdrawn| serde_json::json!({ "key": key, "currency": currency.code(), "from": day });
    let withdrawn: Vec<_> = withdrawn.iter().map(of_one).collect();
    let json = serde_json::json!({
        "flows": flows, "without_revocation_lists": without_lists, "withdrawn": withdrawn,
    });
    (lines.join("\n"), json)
}

fn check(path: &std::path::Path, asked: &Asked) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let config = Config::read(path)?;
    let clock = Arc::new(SystemClock::default());
    let now = clock.now();
    let flows = runtime.block_on(async { Server::check(&config, clock) })?;
    let pages = asked.store.then(|| runtime.block_on(pages(&config))).transpose()?;
    let books = asked
        .books
        .then(|| runtime.block_on(books(&config, asked.export.as_deref())))
        .transpose()?;
    let facts = asked.facts.then(|| runtime.block_on(facts(&config))).transpose()?;
    let keys = asked.keys.then(|| runtime.block_on(keys(&config))).transpose()?;
    let told = |text: &str, json: &serde_json::Value| tell(asked.json, text, json);
    if let Some(path) = config.exposed_secrets().first() {
        let path = path.display();
        return Err(format!(
            "{path} holds a secret, and others can read or change it: chmod o= {path}"
        )
        .into());
    }
    let schema = runtime.block_on(schema(&config));
    if schema.is_ok() && !(asked.json && asked.is_of_the_store()) {
        let (text, json) = of_configuration(path, &config, &flows, now);
        told(&text, &json);
    }
    if let Some(pages) = &pages {
        told(&pages.text, &pages.json);
    }
    if let Some(books) = &books {
        told(&books.text, &books.json);
    }
    if let Some(facts) = &facts {
        told(&facts.text, &facts.json);
    }
    if let Some(keys) = &keys {
        told(&keys.text, &keys.json);
    }
    if pages.is_some_and(|pages| !pages.right) {
        return Err("the store is damaged: restore a backup".into());
    }
    if books.is_some_and(|books| !books.right) {
        return Err("the books are wrong".into());
    }
    if facts.is_some_and(|facts| !facts.right) {
        return Err("the facts are not those that were committed".into());
    }
    if keys.is_some_and(|keys| !keys.right) {
        return Err("something is sealed under a key that is not configured".into());
    }
    Ok(schema?)
}

#[expect(clippy::print_stdout, reason = "this is a program")]
fn tell(as_json: bool, text: &str, json: &serde_json::Value) {
    match as_json {
        true => println!("{json}"),
        false => println!("{text}"),
    }
}

/// Whether there was a row of wrong codes to end.
fn unblock(
    config: &std::path::Path,
    number: Option<String>,
    subscriber: Option<String>,
    json: bool,
) -> Result<bool, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let phone = match (number, subscriber) {
        (Some(number), _) => Phone::Number(Msisdn::typed(&number)?),
        (None, Some(subscriber)) => Phone::OfSubscriber(subscriber.try_into()?),
        (None, None) => return Err("neither --number nor --subscriber is there".into()),
    };
    let done = runtime.block_on(unlock(&Config::read(config)?, &phone))?;
    tell(json, &done.text, &done.json);
    Ok(done.unlocked)
}

fn seal_anew(config: &std::path::Path, json: bool) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    #[expect(clippy::print_stderr, reason = "this is a program")]
    let told = |line: &str| eprintln!("{line}");
    let done = runtime.block_on(reseal(&Config::read(config)?, told))?;
    tell(json, &done.text, &done.json);
    if !done.right {
        return Err("not all could be resealed: their keys are still needed".into());
    }
    Ok(())
}

fn move_in(
    config: &std::path::Path,
    from: Option<&std::path::Path>,
    to: Option<&str>,
    json: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    #[expect(clippy::print_stderr, reason = "this is a program")]
    let told = |line: &str| eprintln!("{line}");
    let done = runtime.block_on(migrate(&Config::read(config)?, from, to, told))?;
    tell(json, &done.text, &done.json);
    Ok(())
}

fn copy(config: &std::path::Path, to: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    Ok(copy_store(&Config::read(config)?, to)?)
}

fn settle(command: settle::Payments) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(settle::run(command))
}

fn certify(command: ca::Ca) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(ca::run(command))
}

fn purchase(command: set::Set) -> Result<Outcome, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(set::run(command))
}

/// What is logged is chosen by `RUST_LOG`; without it, what an operator of a server wants to know, and a person at a
/// command. A command waits for whoever reads what it says, and loses nothing; what serves does not.
fn start_log(form: LogForm, command: &Command) -> std::io::Result<Option<LogEnd>> {
    let (level, serves) = match command {
        Command::Serve { .. } => ("info", true),
        Command::Ca(ca) if ca.serves() => ("info", true),
        Command::Check { .. } | Command::Backup { .. } | Command::Migrate { .. } => ("info", false),
        Command::Ca(_)
        | Command::Set(_)
        | Command::Payments(_)
        | Command::Unlock { .. }
        | Command::Reseal { .. } => ("warn", false),
    };
    let (writer, end) = if serves {
        let (log, end) = Log::to_standard_error(form)?;
        (BoxMakeWriter::new(log), Some(end))
    } else {
        (BoxMakeWriter::new(std::io::stderr), None)
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match form {
        LogForm::Text => log.init(),
        LogForm::Json => log.json().init(),
    }
    Ok(end)
}
