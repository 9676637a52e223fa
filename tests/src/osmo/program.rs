//! A program that runs as long as its owner.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often an early end is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How much of a log an error shows.
const LOG_LINES_SHOWN: usize = 40;

/// A running program. Dropping it kills exactly this process.
///
/// A thread of its own starts the process and waits for it: `setpriv --pdeathsig` then ends the process also when the
/// test is killed, because the signal comes when the thread that started it is gone.
pub(super) struct Program {
    pub(super) name: &'static str,
    log: PathBuf,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts `command`; its output goes to `NAME.log` in `folder`.
    pub(super) fn start(
        name: &'static str,
        mut command: Command,
        folder: &Path,
    ) -> io::Result<Self> {
        let log = folder.join(name).with_extension("log");
        let output = File::create(&log)?;
        command.current_dir(folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);

        let (stop, stopped) = channel();
        let (started, outcome) = channel();
        let thread = thread::spawn(move || match command.spawn() {
            Ok(child) => {
                drop(started);
                attend(child, &stopped);
            }
            Err(error) => drop(started.send(error)),
        });
        match outcome.recv() {
            Ok(error) => Err(error),
            // Hung up without an error: it runs.
            Err(_) => Ok(Self { name, log, stop: Some(stop), thread: Some(thread) }),
        }
    }

    /// Whether it ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines of it.
    pub(super) fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there could only hide the one that a test is unwinding from.
            drop(thread.join());
        }
    }
}

/// Waits until the process ends or its owner lets go, then sees that it is gone.
fn attend(mut child: Child, stopped: &Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK_INTERVAL) {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
    }
    // Both fail only for a process that is gone.
    drop(child.kill());
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Program::start("sh", command, folder).unwrap()
    }

    #[test]
    fn an_early_end_is_seen_and_its_words_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let program = shell("echo no such port >&2; exit 1", folder.path());
        while !program.has_ended() {
            thread::sleep(LOOK_INTERVAL);
        }
        assert_eq!(program.log_end(), "no such port");
    }

    #[test]
    fn dropping_ends_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let program = shell("echo $$; exec sleep 60", folder.path());
        while program.log_end().is_empty() {
            thread::sleep(LOOK_INTERVAL);
        }
        let process = Path::new("/proc").join(program.log_end());
        assert!(process.exists());
        drop(program);
        assert!(!process.exists());
    }

    #[test]
    fn a_program_that_is_not_there_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = Program::start("none", Command::new("no-such-program-here"), folder.path())
            .err()
            .unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
