//! What is said of a thread that panics.
//!
//! It is said past the filter and without `tracing`, whose locks the panic may have come from under, and it is written
//! before the hook returns: a second panic during the first one ends the process at once.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic,
};

use serde_json::json;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime as _, SystemTime},
};

use super::{Log, LogForm};

/// Says in the log what the default hook says on standard error, whose reader it would wait for.
pub(super) fn say_in(log: Log, form: LogForm) {
    panic::set_hook(Box::new(move |panic| {
        let backtrace = Backtrace::capture();
        let is_asked_for = backtrace.status() == BacktraceStatus::Captured;
        let backtrace = is_asked_for.then(|| backtrace.to_string());
        log.0.say_now(&line(form, &panic.to_string(), backtrace.as_deref()));
    }));
}

/// It looks like the lines of `tracing_subscriber`.
fn line(form: LogForm, panic: &str, backtrace: Option<&str>) -> String {
    const LEVEL: &str = "ERROR";
    const MESSAGE: &str = "a thread has panicked";
    let (now, target) = (now(), module_path!());
    match form {
        LogForm::Text => {
            let backtrace = backtrace.map(|text| format!("\n{text}")).unwrap_or_default();
            format!("{now} {LEVEL:>5} {target}: {MESSAGE}: {panic}{backtrace}\n")
        }
        LogForm::Json => {
            let fields = json!({ "message": MESSAGE, "panic": panic, "backtrace": backtrace });
            let line =
                json!({ "timestamp": now, "level": LEVEL, "fields": fields, "target": target });
            format!("{line}\n")
        }
    }
}

fn now() -> String {
    let mut now = String::new();
    // A line without its time is better than none.
    let _ = SystemTime.format_time(&mut Writer::new(&mut now));
    now
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        os::unix::process::ExitStatusExt as _,
        process::{Command, Output},
        thread,
    };

    use clap::ValueEnum as _;
    use serde_json::Value;
    use tracing_subscriber::EnvFilter;

    use super::*;

    /// What this test is in the process that panics: the hook is of a whole process.
    const ITSELF: &str =
        "log::panics::tests::panics_are_said_whatever_is_logged_before_they_end_the_process";
    const FORM: &str = "COUNTERSIGN_TEST_PANICS_IN";
    const SIGABRT: i32 = 6;

    struct PanicsAgain;

    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            panic!("the second one");
        }
    }

    fn panic_twice(form: LogForm) {
        let (log, _end) = Log::to_standard_error(form).unwrap();
        let filter = EnvFilter::new("countersign_channels=debug");
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(log).init();
        tracing::error!("nobody asked for this line");
        let thread = thread::spawn(|| {
            let _again = PanicsAgain;
            panic!("the first one");
        });
        let _ = thread.join();
    }

    fn said_by_one_that_panics_twice(form: &str, backtrace: &str) -> String {
        let Output { status, stderr, .. } = Command::new(env::current_exe().unwrap())
            .args(["--exact", ITSELF, "--nocapture"])
            .env(FORM, form)
            .env("RUST_BACKTRACE", backtrace)
            .output()
            .unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.signal(), Some(SIGABRT), "{said}");
        said
    }

    #[test]
    fn panics_are_said_whatever_is_logged_before_they_end_the_process() {
        if let Some(form) = env::var_os(FORM) {
            return panic_twice(LogForm::from_str(&form.to_string_lossy(), false).unwrap());
        }
        let said = said_by_one_that_panics_twice("text", "0");
        assert!(!said.contains("nobody asked"), "{said}");
        let mut lines = said.lines().skip_while(|line| !line.contains("a thread has panicked"));
        assert!(lines.next().unwrap().contains("panics.rs:"), "{said}");
        assert_eq!(lines.next(), Some("the first one"), "{said}");
        let mut lines = lines.skip_while(|line| !line.contains("a thread has panicked"));
        assert_eq!(lines.nth(1), Some("the second one"), "{said}");

        let said = said_by_one_that_panics_twice("json", "1");
        let lines = said.lines().filter(|line| line.starts_with('{'));
        let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        // The last is the standard library's, before it aborts.
        let panics = ["the first one", "the second one", "panic in a destructor during cleanup"];
        assert_eq!(lines.len(), panics.len(), "{said}");
        for (line, panic) in lines.iter().zip(panics) {
            assert_eq!(line["level"], "ERROR", "{line}");
            assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
            assert!(line["fields"]["panic"].as_str().unwrap().ends_with(panic), "{line}");
            assert!(line["fields"]["backtrace"].as_str().unwrap().contains("panic_twice"));
        }
    }
}
