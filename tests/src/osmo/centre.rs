//! The switching centre: preparing its folder, starting both programs, stopping them.

use std::fs;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::error::CentreError;
use super::loopback::LoopbackAddress;
use super::program::Program;
use super::vty::Vty;

const HLR_CONFIGURATION: &str = include_str!("../../osmo/osmo-hlr.cfg");
const MSC_CONFIGURATION: &str = include_str!("../../osmo/osmo-msc.cfg");
const SCTP_OVER_TCP: &str = include_str!("../../osmo/sctp_over_tcp.c");

const SMPP_PORT: u16 = 2775;
const MSC_VTY_PORT: u16 = 4254;
const HLR_VTY_PORT: u16 = 4258;
const SGS_PORT: u16 = 29_118;

const SYSTEM_ID: &str = "countersign";
const PASSWORD: &str = "on-trial";
const SHORT_CODE: &str = "3800";

/// How long each program may take until it is ready, and each console command.
const READY_WITHIN: Duration = Duration::from_secs(10);
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// `nobody` and `nogroup` on Debian: who the centre runs as when the tests run as root.
const UNPRIVILEGED: u32 = 65_534;

/// A running GSM switching centre with its SMSC and subscriber register. Both programs end when it is dropped.
pub struct OsmoCentre {
    msc: Program,
    _hlr: Program,
    _folder: TempDir,
    address: LoopbackAddress,
}

impl OsmoCentre {
    /// Starts a centre of its own for one test, in well under a second.
    ///
    /// # Errors
    /// When a program is missing, or one is not ready in time; the error shows the end of its log.
    pub async fn start() -> Result<Self, CentreError> {
        for program in ["osmo-hlr", "osmo-msc", "gcc", "setpriv"] {
            require(program)?;
        }
        let address = LoopbackAddress::claim()?;
        let folder =
            prepare_folder(&address).map_err(|error| preparation("folder of the centre", error))?;

        // The register first: the MSC tries to reach it once, and again only ten seconds later.
        let hlr = start_program("osmo-hlr", folder.path(), None)?;
        let shim = compile_shim(folder.path())?;
        let mut register = console(&hlr, address.port(HLR_VTY_PORT)).await?;

        let msc = start_program("osmo-msc", folder.path(), Some(&shim))?;
        console(&msc, address.port(MSC_VTY_PORT)).await?;
        await_registered_msc(&msc, &mut register).await?;
        Ok(Self { msc, _hlr: hlr, _folder: folder, address })
    }

    /// Adds a subscriber. `msisdn` is in international form without a plus sign.
    ///
    /// # Errors
    /// When the register refuses it, as it does for an IMSI or a number that it has already.
    pub async fn add_subscriber(&self, imsi: &str, msisdn: &str) -> Result<(), CentreError> {
        let commands = [
            (format!("subscriber imsi {imsi} create"), "% Created subscriber"),
            (format!("subscriber imsi {imsi} update msisdn {msisdn}"), "% Updated subscriber"),
        ];
        let dialogue = async {
            let mut register = Vty::connect(self.address.port(HLR_VTY_PORT)).await?;
            for (command, accepted) in commands {
                let answer = register.command(&command).await?;
                if !answer.contains(accepted) {
                    return Ok(Err(CentreError::Refused { command, answer }));
                }
            }
            Ok(Ok(()))
        };
        within_time(dialogue).await.map_err(|error| preparation("console of osmo-hlr", error))?
    }

    /// Where an ESME binds, SMPP 3.4 without TLS.
    #[must_use]
    pub fn smpp_address(&self) -> SocketAddr {
        self.address.port(SMPP_PORT).into()
    }

    /// The one account that may bind. Receipts and messages to the short code go to it.
    #[must_use]
    pub fn system_id(&self) -> &'static str {
        SYSTEM_ID
    }

    /// Password of [`Self::system_id`].
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The number to which a phone sends what the ESME shall get.
    #[must_use]
    pub fn short_code(&self) -> &'static str {
        SHORT_CODE
    }

    /// How many receipts and texts the ESME has answered. A burst loses some on the centre's own side: what it writes to
    /// the ESME waits in a queue of ten, and what does not fit is dropped.
    #[must_use]
    pub fn deliveries_answered(&self) -> usize {
        self.msc.log().matches("Rx DELIVER-SM RESP").count()
    }

    /// Where a phone attaches.
    pub(super) fn sgs_address(&self) -> SocketAddrV4 {
        self.address.port(SGS_PORT)
    }
}

impl Drop for OsmoCentre {
    #[expect(
        clippy::print_stderr,
        reason = "the test harness keeps this for the report of a test that fails"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} logged last:\n{}", self.msc.name, self.msc.log_end());
        }
    }
}

/// Refuses at once what would fail in the middle.
fn require(program: &'static str) -> Result<(), CentreError> {
    match Command::new(program).arg("--version").output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(CentreError::NotInstalled { program })
        }
        _ => Ok(()),
    }
}

/// A temporary folder with configurations and the source of the shim, owned by the user that the centre runs as.
fn prepare_folder(address: &LoopbackAddress) -> io::Result<TempDir> {
    let folder = TempDir::with_prefix("osmo-")?;
    for (name, template) in
        [("osmo-hlr.cfg", HLR_CONFIGURATION), ("osmo-msc.cfg", MSC_CONFIGURATION)]
    {
        let configuration = template
            .replace("ADDRESS", &address.ip().to_string())
            .replace("SYSTEM_ID", SYSTEM_ID)
            .replace("PASSWORD", PASSWORD)
            .replace("SHORT_CODE", SHORT_CODE);
        fs::write(folder.path().join(name), configuration)?;
    }
    fs::write(folder.path().join("sctp_over_tcp.c"), SCTP_OVER_TCP)?;
    if is_root()? {
        chown(folder.path(), Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
    }
    Ok(folder)
}

/// Compiles the shim and says where it is.
fn compile_shim(folder: &Path) -> Result<String, CentreError> {
    let step = "compiling sctp_over_tcp.c";
    let mut compiler = Command::new("gcc");
    compiler.current_dir(folder).args([
        "-Wall",
        "-Wextra",
        "-shared",
        "-fPIC",
        "-o",
        "sctp_over_tcp.so",
        "sctp_over_tcp.c",
        "-ldl",
    ]);
    let output = compiler.output().map_err(|error| preparation(step, error))?;
    if !output.status.success() {
        return Err(preparation(step, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(folder.join("sctp_over_tcp.so").to_string_lossy().into_owned())
}

/// Starts one of the two programs, without privileges, and so that it does not outlive the tests.
fn start_program(
    name: &'static str,
    folder: &Path,
    preload: Option<&str>,
) -> Result<Program, CentreError> {
    let failed = |error| preparation("starting a program of the centre", error);
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if is_root().map_err(failed)? {
        let user = UNPRIVILEGED.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
    }
    command.args([name, "-c", &format!("{name}.cfg")]);
    if let Some(library) = preload {
        command.env("LD_PRELOAD", library);
    }
    Program::start(name, command, folder).map_err(failed)
}

/// Whether this process is root: its own entry in /proc belongs to its effective user.
fn is_root() -> io::Result<bool> {
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

/// The console of a program that has just been started. It is there when the program is ready.
async fn console(program: &Program, address: SocketAddrV4) -> Result<Vty, CentreError> {
    let end = Instant::now() + READY_WITHIN;
    loop {
        if let Ok(Ok(vty)) = timeout(READY_WITHIN, Vty::connect(address)).await {
            return Ok(vty);
        }
        wait_a_little(program, end).await?;
    }
}

/// Waits until the MSC's GSUP connection is up, without which no phone can attach.
async fn await_registered_msc(msc: &Program, register: &mut Vty) -> Result<(), CentreError> {
    let end = Instant::now() + READY_WITHIN;
    loop {
        let connections = within_time(register.command("show gsup-connections")).await;
        if connections.is_ok_and(|answer| answer.contains("'MSC-")) {
            return Ok(());
        }
        wait_a_little(msc, end).await?;
    }
}

/// Sleeps, unless there is no point in waiting for `program` any longer.
async fn wait_a_little(program: &Program, end: Instant) -> Result<(), CentreError> {
    let reason = if program.has_ended() {
        String::from("ended early")
    } else if Instant::now() > end {
        format!("was not ready within {} s", READY_WITHIN.as_secs())
    } else {
        sleep(RETRY_INTERVAL).await;
        return Ok(());
    };
    Err(CentreError::NotReady { program: program.name, reason, log: program.log_end() })
}

async fn within_time<T>(dialogue: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(READY_WITHIN, dialogue).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn preparation(step: &'static str, reason: impl ToString) -> CentreError {
    CentreError::Preparation { step, reason: reason.to_string() }
}
