//! A server's configuration.
#![no_main]

use std::path::Path;

use countersign_server::Config;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Config::from_toml(text, Path::new("/nowhere"));
});
