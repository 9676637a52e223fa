//! Payments: the bank and the domain's gateway, one of each in a process, whichever flows take payments.

use std::sync::Arc;

use countersign_bank::{Iso8583Bank, Iso8583Settings};
use countersign_domain::{
    gateway::Gateway,
    ports::{IssuingBank, Ports},
    verifier::Verifier,
};
use tokio::sync::watch;

use crate::{
    drivers,
    error::ConfigError,
    metered::Metered,
    metrics::Metrics,
    mount::Mount,
    workers::{self, Signals, Task},
};

/// Payments, and the bank that they are asked of.
pub(crate) struct Payments {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) bank: Arc<dyn IssuingBank>,
}

/// Payments that are asked of that bank. The mount keeps the connection to it, and resumes payments.
pub(crate) fn payments(
    bank: Iso8583Settings,
    ports: &Ports,
    verifier: &Arc<Verifier>,
    metrics: &Arc<Metrics>,
    signals: &Signals,
) -> Result<(Payments, Mount), ConfigError> {
    let bank = Arc::new(drivers::bank(bank, Arc::clone(&ports.clock))?);
    let metered: Arc<dyn IssuingBank> =
        Arc::new(Metered { inner: Arc::clone(&bank), metrics: Arc::clone(metrics) });
    let gateway = Gateway::new(ports.clone(), Arc::clone(&metered), Arc::clone(verifier));
    let gateway = Arc::new(gateway);
    let resuming: Task =
        Box::pin(workers::resume_payments(Arc::clone(&gateway), signals.stopping.clone()));
    let connection: Task = Box::pin(keep_connected(bank, signals.closing.clone()));
    let mount = Mount { tasks: vec![resuming], connections: vec![connection], ..Mount::default() };
    Ok((Payments { gateway, bank: metered }, mount))
}

/// Keeps the connection to the bank: what is under way may have to ask it to the end.
async fn keep_connected(bank: Arc<Iso8583Bank>, mut closing: watch::Receiver<bool>) {
    let until_closed = async {
        let _: Result<_, _> = closing.wait_for(|closing| *closing).await;
        bank.stop();
    };
    tokio::join!(bank.run(), until_closed);
}
