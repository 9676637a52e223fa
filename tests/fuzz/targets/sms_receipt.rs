//! Receipts in their text form, and validity periods.
#![no_main]

use countersign_channels::sms::{receipt, validity};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let read = receipt::read(text);
    // What was read stands in what was written.
    for part in [&read.id, &read.error].into_iter().flatten() {
        assert!(text.contains(part.as_str()), "{part}");
    }
    if let Some(period) = validity::read_relative(text) {
        assert_eq!(
            validity::read_relative(&validity::relative(period)),
            Some(period)
        );
    }
});
