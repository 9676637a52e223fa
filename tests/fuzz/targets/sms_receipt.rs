//! Receipts in their text form, and validity periods.
#![no_main]

use std::time::Duration;

use countersign_channels::sms::{receipt, validity};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let read = receipt::read(text);
    // What was read stands in what was written.
    for part in [&read.id, &read.error].into_iter().flatten() {
        assert!(text.contains(part.as_str()), "{part}");
    }
    if let Some(period) = validity::read_relative(text) {
        // What we write is bounded: 99 days, and the rest of the last one.
        let longest = Duration::from_secs(100 * 86_400 - 1);
        let written = validity::relative(period);
        assert_eq!(validity::read_relative(&written), Some(period.min(longest)));
    }
});
