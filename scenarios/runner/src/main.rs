//! The `scenario` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign_runner::cli::main()
}
