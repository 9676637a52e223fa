//! Parts of long messages, in any order, of any total, from anybody: what is kept is bounded.
#![no_main]

use std::time::Duration;

use countersign_channels::sms::{
    header,
    reassembly::{Key, Reassembly},
};
use tokio::time::Instant;

libfuzzer_sys::fuzz_target!(|parts: Vec<(u8, &[u8])>| {
    let now = Instant::now();
    let mut reassembly = Reassembly::new(3, Duration::from_secs(60));
    for (after, user_data) in parts.into_iter().take(64) {
        let Some((Some(part), octets)) = header::read(user_data) else {
            continue;
        };
        assert!(octets.len() < user_data.len());
        assert!((1..=part.total).contains(&part.part));
        let key = Key::new("33612345678", "38000", 0, part);
        let now = now + Duration::from_secs(u64::from(after));
        if reassembly.add(&key, part.part, octets.to_vec().into(), now).is_some() {
            reassembly.forget(&key);
        }
    }
});
