//! Threads that serve a queue until it closes.

use std::{io, thread};

/// A thread that is waited for when dropped. Declare it after the queue it serves, which is then closed first.
#[derive(Debug)]
pub(crate) struct Thread(Option<thread::JoinHandle<()>>);

impl Thread {
    pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        thread::Builder::new().name(name.to_owned()).spawn(work).map(Some).map(Self)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if self.0.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a thread of the store had panicked");
        }
    }
}
