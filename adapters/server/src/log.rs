//! The log of a process that serves: whoever reads it slowly, or not at all, makes no request wait.
//!
//! A line goes into memory, and a thread of its own writes what is there. Where too much waits, lines are dropped and
//! counted; that some were is said as soon as there is room again. The last words of a process, a panic or why it could
//! not start, are written past the filter of the log, and waited for.

mod panics;

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use clap::ValueEnum;
use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::fmt::MakeWriter;

/// Octets that are not written yet, with those that are being written, some 15,000 lines: a pipe's reader may be away for
/// seconds under full load.
const MAX_WAITING: usize = 4 << 20;

/// The same for last words: there is room for some, with a backtrace, where there is none for other lines.
const MAX_WITH_LAST_WORDS: usize = MAX_WAITING + (64 << 10);

/// For what waits at the end of the process, and for each panic.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// The log is of the process, and so is this, however many servers are in it.
static DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Lines that nobody will read.
pub(crate) fn dropped() -> &'static Counter {
    &DROPPED
}

/// How lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogForm {
    /// For people.
    Text,
    /// For programs: each line is a JSON object.
    Json,
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
    /// Octets that were taken out and are not written yet.
    being_written: usize,
    /// How many writes are over.
    writes: u64,
}

impl Waiting {
    const fn is_over(&self) -> bool {
        self.lines.is_empty() && self.being_written == 0
    }

    /// How many writes are over once all that is here is written.
    fn writes_at_the_end(&self) -> u64 {
        let to_come = u64::from(self.being_written > 0) + u64::from(!self.lines.is_empty());
        self.writes.saturating_add(to_come)
    }
}

impl Log {
    /// A log to standard error, for a process that serves. A thread that panics says so in it, too.
    ///
    /// # Errors
    /// When its thread cannot be started.
    pub fn to_standard_error(form: LogForm) -> io::Result<(Self, LogEnd)> {
        let (log, end) = Self::to(io::stderr(), dropped().clone())?;
        panics::say_in(log.clone(), form);
        Ok((log, end))
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
        self.0.add(line, MAX_WAITING);
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

    /// A line is dropped and counted where there would be more than `max` octets with it.
    fn add(&self, line: &[u8], max: usize) {
        let mut waiting = self.waiting();
        let there = waiting.lines.len().saturating_add(waiting.being_written);
        if there.saturating_add(line.len()) > max {
            self.dropped.inc();
            return;
        }
        let is_idle = waiting.is_over();
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        // A thread that writes looks again by itself.
        if is_idle {
            self.changed.notify_all();
        }
    }

    /// Returns once the line is written: the process may not live to write it later.
    fn say_now(&self, line: &str) {
        self.add(line.as_bytes(), MAX_WITH_LAST_WORDS);
        let end = self.waiting().writes_at_the_end();
        self.wait_while(|waiting| waiting.writes < end);
    }

    /// What is not written in time stays unread: nobody may be reading.
    fn wait_while(&self, is_under_way: impl Fn(&Waiting) -> bool) {
        let is_under_way = |waiting: &mut Waiting| is_under_way(waiting);
        drop(self.changed.wait_timeout_while(self.waiting(), END_TIMEOUT, is_under_way));
    }

    /// Writes what comes, for ever; what came during a write goes in one piece.
    fn write_to(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        let mut told = 0;
        loop {
            lines.clear();
            self.take(&mut lines);
            if out.write_all(&lines).and_then(|()| out.flush()).is_err() {
                let lost = lines.iter().filter(|octet| **octet == b'\n').count();
                self.dropped.inc_by(u64::try_from(lost).unwrap_or(u64::MAX));
            } else {
                told = self.tell_what_was_dropped(told);
            }
        }
    }

    /// Waits for lines and takes them all; what was taken before is written.
    fn take(&self, lines: &mut Vec<u8>) {
        let mut waiting = self.waiting();
        if mem::take(&mut waiting.being_written) > 0 {
            waiting.writes = waiting.writes.saturating_add(1);
            self.changed.notify_all();
        }
        let is_over = |waiting: &mut Waiting| waiting.is_over();
        let lock = self.changed.wait_while(waiting, is_over);
        waiting = lock.unwrap_or_else(PoisonError::into_inner);
        mem::swap(lines, &mut waiting.lines);
        waiting.being_written = lines.len();
    }

    /// How many lines were dropped, which is said when they are more than what was told of before. The count is since the
    /// start: were this line dropped, too, the next one would say all.
    fn tell_what_was_dropped(&self, told: u64) -> u64 {
        let since_start = self.dropped.get();
        if since_start > told {
            tracing::warn!(
                since_start,
                "lines of the log were dropped: they were not read in time, or could not be written"
            );
        }
        since_start
    }
}

impl LogEnd {
    /// Says what the process ends with, whatever the filter, and ends the log. Nothing may be printed to standard error
    /// afterwards: where nobody reads it, that would wait for ever.
    pub fn say(self, text: &str) {
        self.0.add(format!("{text}\n").as_bytes(), MAX_WITH_LAST_WORDS);
    }
}

impl Drop for LogEnd {
    fn drop(&mut self) {
        self.0.wait_while(|waiting| !waiting.is_over());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, SyncSender, sync_channel},
        time::Instant,
    };

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

    fn until(what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(120), "not in time: {what}");
            thread::yield_now();
        }
    }

    fn line(number: usize) -> Vec<u8> {
        format!("{number:01023}\n").into_bytes()
    }

    #[test]
    fn what_nobody_reads_waits_up_to_a_bound_and_is_counted_beyond_it() {
        let (log, _end, dropped, read) = slow();
        let mut writer = log.make_writer();
        writer.write_all(&line(0)).unwrap();
        until("its thread waits for the reader", || log.0.waiting().being_written > 0);
        // What is being written is in memory, too.
        let fit = MAX_WAITING / 1024 - 1;
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
    fn last_words_have_room_where_nothing_else_has_and_are_waited_for() {
        let (log, end, dropped, read) = slow();
        while dropped.get() == 0 {
            log.make_writer().write_all(&line(0)).unwrap();
        }
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            while !all.ends_with(b"it cannot start\n") {
                all.extend(read.recv().unwrap());
            }
            (all, read)
        });
        log.0.say_now("a thread has panicked\n");
        assert!(log.0.waiting().is_over(), "it was not waited for");
        end.say("it cannot start");
        let (all, _read) = reader.join().unwrap();
        assert_eq!(dropped.get(), 1);
        assert_eq!(all.len() / 1024, MAX_WAITING / 1024);
        let last = String::from_utf8(all).unwrap();
        let last: Vec<&str> = last.lines().filter(|line| !line.starts_with('0')).collect();
        assert_eq!(last.first(), Some(&"a thread has panicked"));
        assert_eq!(last.last(), Some(&"it cannot start"));
    }

    #[test]
    fn a_panic_that_nobody_reads_of_holds_its_thread_up_for_a_while_only() {
        let (log, _end, dropped, _read) = slow();
        for _ in 0..3 {
            log.0.say_now(&"x".repeat(MAX_WAITING / 2));
        }
        assert_eq!(dropped.get(), 1);
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_those_after_them_are_tried() {
        let (log, end, dropped, read) = slow();
        drop(read);
        for number in 1..=3 {
            log.make_writer().write_all(&line(number)).unwrap();
            // Else one write might take them all.
            until("it is counted", || usize::try_from(dropped.get()) == Ok(number));
        }
        drop(end);
        assert_eq!(dropped.get(), 3);
    }
}
