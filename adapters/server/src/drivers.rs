//! The drivers, each from its section of the configuration.

use std::{sync::Arc, time::Duration};

use countersign_bank::{Iso8583Bank, Iso8583Settings};
use countersign_certs::Certificate;
use countersign_channels::{
    DefaultAlphabet, IdForm, SmppMessenger, SmppSettings, SourceAddress, TlsSettings, Validity,
};
use countersign_domain::{ports::Clock, secret::Secret};
use countersign_web::relying_party::ApiClient;

use crate::{
    config::{BankSection, Files, ReceiptIds, SmsAlphabet, SmsSection, SmsValidity},
    error::ConfigError,
};

/// The acquirer number when none is configured.
const DEFAULT_ACQUIRER: &str = "1";

/// In which a question to the bank must be settled: shorter than a payment's lease, so that no two processes ask at once.
const MAX_BANK_PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn messenger(
    section: &SmsSection,
    files: &Files,
    clock: Arc<dyn Clock>,
) -> Result<SmppMessenger, ConfigError> {
    let (host, port) = host_and_port(&section.address, "sms.address")?;
    let password = files.secret(&section.password_file, "sms.password_file")?;
    let password = Secret::new(password.trim().to_owned());
    let source = source(&section.source)?;
    let mut settings = SmppSettings::new(host, port, &section.system_id, password, source);
    settings.system_type.clone_from(&section.system_type);
    settings.transaction_mode = section.transaction_mode;
    settings.max_per_second = section.max_per_second;
    settings.receipt_ids = section.receipt_ids.map(|form| match form {
        ReceiptIds::Same => IdForm::Same,
        ReceiptIds::Hexadecimal => IdForm::Hexadecimal,
        ReceiptIds::Decimal => IdForm::Decimal,
    });
    settings.default_alphabet = match section.default_alphabet {
        SmsAlphabet::Gsm7 => DefaultAlphabet::Gsm7,
        SmsAlphabet::Latin1 => DefaultAlphabet::Latin1,
    };
    settings.validity = match section.validity_period {
        SmsValidity::Relative => Validity::Relative,
        SmsValidity::Absolute => Validity::Absolute,
        SmsValidity::None => Validity::Unsaid,
    };
    settings.window = section.window.unwrap_or(settings.window);
    settings.response_timeout =
        seconds(section.response_timeout_seconds, settings.response_timeout);
    settings.keepalive_after = seconds(section.enquire_link_seconds, settings.keepalive_after);
    if let (Some(server_name), Some(authorities)) =
        (&section.tls_server_name, &section.tls_authorities)
    {
        let unusable = |error| ConfigError::unusable("sms.tls_authorities", error);
        let roots = Certificate::all_from_file(&files.content(authorities)?).map_err(unusable)?;
        let roots_pem = roots.iter().map(Certificate::to_pem).collect::<Result<_, _>>();
        let roots_pem = roots_pem.map_err(unusable)?;
        settings.tls = Some(TlsSettings { server_name: server_name.clone(), roots_pem });
    }
    SmppMessenger::new(settings, clock).map_err(|error| ConfigError::unusable("sms", error))
}

fn source(text: &str) -> Result<SourceAddress, ConfigError> {
    SourceAddress::try_from(text).map_err(|error| ConfigError::unusable("sms.source", error.why))
}

pub(crate) fn bank(
    settings: Iso8583Settings,
    clock: Arc<dyn Clock>,
) -> Result<Iso8583Bank, ConfigError> {
    Iso8583Bank::new(settings, clock).map_err(|error| ConfigError::unusable("bank", error))
}

pub(crate) fn bank_settings(
    section: &BankSection,
    parties: &[ApiClient],
) -> Result<Iso8583Settings, ConfigError> {
    let (host, port) = host_and_port(&section.address, "bank.address")?;
    let acquirer_id = section.acquirer_id.as_deref().unwrap_or(DEFAULT_ACQUIRER);
    let mut settings = Iso8583Settings::new(host, port, acquirer_id);
    settings.terminal_id = section.terminal_id.clone().unwrap_or(settings.terminal_id);
    settings.merchant_category =
        section.merchant_category.clone().unwrap_or(settings.merchant_category);
    settings.merchant_numbers.clone_from(&section.merchant_numbers);
    settings.response_timeout =
        seconds(section.response_timeout_seconds, settings.response_timeout);
    settings.tries = section.tries.map_or(settings.tries, u32::from);
    settings.check().map_err(|error| ConfigError::unusable("bank", error))?;
    check_merchant_numbers(parties, &settings)?;
    let once = settings.connect_timeout.saturating_add(settings.response_timeout);
    if once.saturating_mul(settings.tries) >= MAX_BANK_PATIENCE {
        let why = "times the waits of each try must stay below a minute: after that a payment is presumed abandoned";
        return Err(ConfigError::unusable("bank.tries", why));
    }
    Ok(settings)
}

/// The bank must know every relying party, and tell it from every other: none is paid for another.
fn check_merchant_numbers(
    parties: &[ApiClient],
    settings: &Iso8583Settings,
) -> Result<(), ConfigError> {
    let unusable = |why| ConfigError::unusable("bank.merchant_numbers", why);
    let parties = || parties.iter().map(|client| &client.party.id);
    let unknown = settings.merchant_numbers.keys().find(|named| !parties().any(|id| id == *named));
    if let Some(unknown) = unknown {
        return Err(unusable(format!("names {unknown}, which is no relying party")));
    }
    settings.check_parties(parties()).map_err(|error| unusable(error.why))
}

fn host_and_port<'a>(address: &'a str, key: &'static str) -> Result<(&'a str, u16), ConfigError> {
    let split = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    split
        .filter(|(host, port)| !host.is_empty() && *port != 0)
        .ok_or_else(|| ConfigError::unusable(key, "is not host:port"))
}

fn seconds(configured: Option<u64>, default: Duration) -> Duration {
    configured.map_or(default, Duration::from_secs)
}
