//! The log of a process that serves: whoever reads it slowly, or not at all, makes no request wait.
//!
//! A line goes into memory, and a thread of its own writes what is there. Where too much waits, lines are dropped and
//! counted; that some were is said as soon as there is room again.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, Write},
    mem,
    panic::{self, PanicHookInfo},
    sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;
use tracing::field::display;
use tracing_subscriber::fmt::MakeWriter;

/// Octets that may wait to be written, some 15,000 lines: a pipe's reader may be away for seconds under full load.
const MAX_WAITING: usize = 4 << 20;

/// For what waits at the end of the process.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// The log is of the process, and so is this, however many servers are in it.
static DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Lines that nobody will read.
pub(crate) fn dropped() -> &'static Counter {
    &DROPPED
}

/// Where lines wait; a writer for `tracing_subscriber`.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

/// Ends the log when it is dropped: waits, for a while, until what was logged is written.
#[must_use = "what was logged is written when it is dropped"]
pub struct LogEnd(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    dropped: Counter,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// What was taken out is not written yet.
    is_writing: bool,
    /// As many dropped lines were there when some were last told of.
    told: u64,
}

impl Waiting {
    const fn is_over(&self) -> bool {
        self.lines.is_empty() && !self.is_writing
    }
}

impl Log {
    /// A log to standard error, for a process that serves. A thread that panics says so in it, too.
    ///
    /// # Errors
    /// When its thread cannot be started.
    pub fn to_standard_error() -> io::Result<(Self, LogEnd)> {
        let log = Self::to(io::stderr(), dropped().clone())?;
        // The default hook writes to standard error itself, and would wait for its reader.
        panic::set_hook(Box::new(log_panic));
        Ok(log)
    }

    fn to(out: impl Write + Send + 'static, dropped: Counter) -> io::Result<(Self, LogEnd)> {
        let waiting = Mutex::default();
        let shared = Arc::new(Shared { waiting, changed: Condvar::new(), dropped });
        let its = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || its.write_to(out))?;
        Ok((Self(Arc::clone(&shared)), LogEnd(shared)))
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// Each call is a line, whole.
impl Write for &Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.waiting();
        if waiting.lines.len().saturating_add(line.len()) > MAX_WAITING {
            self.0.dropped.inc();
            return Ok(line.len());
        }
        let is_idle = waiting.is_over();
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        // A thread that writes looks again by itself.
        if is_idle {
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what comes, for ever; what came during a write goes in one piece.
    fn write_to(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        loop {
            lines.clear();
            self.take(&mut lines);
            if out.write_all(&lines).and_then(|()| out.flush()).is_err() {
                let lost = lines.iter().filter(|octet| **octet == b'\n').count();
                self.dropped.inc_by(u64::try_from(lost).unwrap_or(u64::MAX));
            } else {
                self.tell_what_was_dropped();
            }
        }
    }

    /// Waits for lines and takes them all; what was taken before is written.
    fn take(&self, lines: &mut Vec<u8>) {
        let mut waiting = self.waiting();
        waiting.is_writing = false;
        if waiting.is_over() {
            self.changed.notify_all();
        }
        let is_over = |waiting: &mut Waiting| waiting.is_over();
        let lock = self.changed.wait_while(waiting, is_over);
        waiting = lock.unwrap_or_else(PoisonError::into_inner);
        mem::swap(lines, &mut waiting.lines);
        waiting.is_writing = true;
    }

    /// The count is since the start: were this line dropped, too, the next one would say all.
    fn tell_what_was_dropped(&self) {
        let since_start = self.dropped.get();
        let told = mem::replace(&mut self.waiting().told, since_start);
        if since_start > told {
            tracing::warn!(
                since_start,
                "lines of the log were dropped: they were not read in time"
            );
        }
    }
}

impl Drop for LogEnd {
    fn drop(&mut self) {
        let is_under_way = |waiting: &mut Waiting| !waiting.is_over();
        let waiting = self.0.waiting();
        // What is not written by then stays unread: the process ends all the same.
        drop(self.0.changed.wait_timeout_while(waiting, END_TIMEOUT, is_under_way));
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let is_asked_for = backtrace.status() == BacktraceStatus::Captured;
    let backtrace = is_asked_for.then(|| display(backtrace));
    tracing::error!(%panic, backtrace, "a thread has panicked");
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// Standard error with a reader that takes one write at a time.
    struct Slow(SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.send(octets.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Log, LogEnd, Counter, Receiver<Vec<u8>>) {
        let (written, read) = sync_channel(0);
        let dropped = Counter::default();
        let (log, end) = Log::to(Slow(written), dropped.clone()).unwrap();
        (log, end, dropped, read)
    }

    fn line(number: usize) -> Vec<u8> {
        format!("{number:01023}\n").into_bytes()
    }

    #[test]
    fn what_nobody_reads_waits_up_to_a_bound_and_is_counted_beyond_it() {
        let (log, _end, dropped, read) = slow();
        let mut writer = log.make_writer();
        writer.write_all(&line(0)).unwrap();
        // Its thread has taken the first one, and waits for the reader.
        while !log.0.waiting().is_writing {
            thread::yield_now();
        }
        let fit = MAX_WAITING / 1024;
        for number in 1..=fit + 7 {
            writer.write_all(&line(number)).unwrap();
        }
        assert_eq!(dropped.get(), 7);
        // What waited comes whole, in order and in one piece.
        assert_eq!(read.recv().unwrap(), line(0));
        let rest: Vec<u8> = (1..=fit).flat_map(line).collect();
        assert!(read.recv().unwrap() == rest);
        writer.write_all(&line(1)).unwrap();
        assert_eq!((read.recv().unwrap(), dropped.get()), (line(1), 7));
    }

    #[test]
    fn the_end_waits_for_what_was_logged_but_not_for_ever() {
        let (log, end, _, read) = slow();
        log.make_writer().write_all(&line(1)).unwrap();
        let reader = thread::spawn(move || (read.recv().unwrap(), read));
        drop(end);
        let (first, read) = reader.join().unwrap();
        assert_eq!(first, line(1));

        log.make_writer().write_all(&line(2)).unwrap();
        drop(LogEnd(Arc::clone(&log.0)));
        assert_eq!(read.recv().unwrap(), line(2));
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_those_after_them_are_tried() {
        let (log, end, dropped, read) = slow();
        drop(read);
        for number in 1..=3 {
            log.make_writer().write_all(&line(number)).unwrap();
        }
        drop(end);
        assert_eq!(dropped.get(), 3);
    }
}
