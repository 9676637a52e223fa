//! `sandbox centre`: an SMS centre alone.

use std::net::SocketAddr;

use clap::Args;
use countersign_sandbox::{LoneCentre, centre::Account};
use serde_json::json;

use crate::{End, Failure, say};

/// Runs the SMS centre alone: SMPP 3.4 over TCP, with handsets that are looked at in a browser.
///
/// It takes transceivers, joins the parts of long messages, and sends receipts. At the control,
/// handsets are looked at, switched off, barred and added: in a browser, or as docs/guides/scenarios.md says.
#[derive(Args)]
pub(crate) struct CentreArguments {
    /// Where clients connect; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:2775")]
    listen: SocketAddr,
    /// Where handsets are looked at and changed, over HTTP; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8082")]
    control: SocketAddr,
    /// The account that may bind, up to 15 characters.
    #[arg(long, default_value = "countersign", value_parser = fits::<15>)]
    system_id: String,
    /// Its password, up to 8 characters; a secret of nobody.
    #[arg(long, default_value = "sandbox", value_parser = fits::<8>)]
    password: String,
    /// A handset, by its number with +. Can be given several times.
    #[arg(
        long = "handset",
        value_name = "NUMBER",
        value_parser = number,
        default_values = ["+33639980001", "+33639980002"]
    )]
    handsets: Vec<String>,
    /// Says where it listens as one line of JSON, for a program to read.
    #[arg(long)]
    json: bool,
}

/// SMPP 3.4 section 4.1.1 says how long the two may be.
fn fits<const MAX: usize>(text: &str) -> Result<String, String> {
    if !(1..=MAX).contains(&text.len()) || !text.is_ascii() {
        return Err(format!("it has 1 to {MAX} ASCII characters"));
    }
    Ok(text.to_owned())
}

fn number(text: &str) -> Result<String, String> {
    match countersign_domain::address::Msisdn::typed(text) {
        Ok(number) => Ok(number.expose().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) async fn run(arguments: CentreArguments, end: End) -> Result<(), Failure> {
    let system_id = arguments.system_id;
    let account = Account { system_id: system_id.clone(), password: arguments.password };
    let lone = LoneCentre::start(arguments.listen, arguments.control, account).await?;
    for number in &arguments.handsets {
        lone.centre().add_handset(number)?;
    }
    let (address, control) = (lone.centre().address(), lone.control_url());
    if arguments.json {
        let said = json!({ "centre": address, "control": control, "system_id": system_id });
        say(&said.to_string());
    } else {
        say(&format!(
            "The SMS centre speaks SMPP 3.4 at {address}, to {system_id}; its phones are at {control}. Ctrl-C ends it."
        ));
    }
    end.comes().await;
    Ok(())
}
