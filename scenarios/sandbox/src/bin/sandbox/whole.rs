//! Everything around one server.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use countersign_domain::{plan::Order, policy::Profile};
use countersign_sandbox::{ExternalCentre, Sandbox, Settings};

use crate::{End, Failure, say};

#[derive(Args)]
pub(crate) struct WholeArguments {
    /// Where certificates, configuration and store go, to be kept; must be empty or not there [default: a temporary
    /// folder, removed at the end].
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Where payers' browsers are served.
    #[arg(long, default_value = "127.0.0.1:8443")]
    checkout: SocketAddr,
    /// Where merchants' back ends are served.
    #[arg(long, default_value = "127.0.0.1:9443")]
    api: SocketAddr,
    /// Where metrics, health and readiness are served.
    #[arg(long, default_value = "127.0.0.1:9464")]
    operations: SocketAddr,
    /// Where handsets, accounts and the clock are looked at and changed.
    #[arg(long, default_value = "127.0.0.1:8080")]
    control: SocketAddr,
    /// Asks the phone before the bank (F7.v1).
    #[arg(long)]
    code_first: bool,
    /// Asks for a PIN beside the code of each payment: the policy's profile is psd2, and a PIN can be set with a code.
    #[arg(long)]
    psd2: bool,
    /// Starts a telecom operator beside the server, which computes and sends the codes of tickets (F12.v1).
    #[arg(long)]
    operator: bool,
    /// An SMS centre of your own, host:port, instead of the sandbox's.
    #[arg(long, requires = "smpp_system_id", requires = "smpp_password_file")]
    smpp: Option<String>,
    /// The account there.
    #[arg(long)]
    smpp_system_id: Option<String>,
    /// The file with its password.
    #[arg(long)]
    smpp_password_file: Option<PathBuf>,
    /// The sender of its messages: a name, a number with +, or a short code.
    #[arg(long, default_value = "Dupont")]
    smpp_source: String,
    /// Asks that centre to deliver at once and to answer only then (SMPP 3.4 transaction mode).
    #[arg(long)]
    smpp_transaction_mode: bool,
}

pub(crate) async fn run(arguments: WholeArguments, end: End) -> Result<(), Failure> {
    let temporary = match &arguments.folder {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("countersign-sandbox-").tempdir()?),
    };
    let folder = temporary
        .as_ref()
        .map(|folder| folder.path().to_owned())
        .or_else(|| arguments.folder.clone())
        .unwrap_or_default();
    let settings = arguments.settings(folder)?;
    let shows_texts = settings.centre.is_none();
    let sandbox = Sandbox::start(settings).await?;
    say(&sandbox.introduction());
    tokio::select! {
        () = end.comes() => {}
        () = show_texts(&sandbox), if shows_texts => {}
    }
    sandbox.stop().await;
    Ok(())
}

impl WholeArguments {
    fn settings(&self, folder: PathBuf) -> Result<Settings, Failure> {
        let mut settings = Settings::in_folder(folder);
        settings.checkout = self.checkout;
        settings.api = self.api;
        settings.control = self.control;
        settings.operations = self.operations;
        settings.furnished = true;
        settings.operator = self.operator;
        settings.profile = self.psd2.then_some(Profile::Psd2);
        if self.code_first {
            settings.order = Order::CodeFirst;
        }
        if let (Some(address), Some(system_id), Some(file)) =
            (&self.smpp, &self.smpp_system_id, &self.smpp_password_file)
        {
            let password = std::fs::read_to_string(file)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            settings.centre = Some(ExternalCentre {
                address: address.clone(),
                system_id: system_id.clone(),
                password: password.trim().to_owned(),
                source: self.smpp_source.clone(),
                transaction_mode: self.smpp_transaction_mode,
            });
        }
        Ok(settings)
    }
}

/// Shows what comes to handsets, as it comes.
async fn show_texts(sandbox: &Sandbox) {
    let mut texts = sandbox.texts();
    loop {
        for (number, message) in texts.next().await {
            let text = message.text.replace('\n', "\n    ");
            say(&format!("\n  The phone {number} shows, from {}:\n    {text}\n", message.from));
        }
    }
}
