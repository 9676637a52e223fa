//! What the store gives back, were it damaged: read or refused, and what is read is written and read again as the same.
#![no_main]

use countersign_domain::{challenge::Challenge, message::Message, payment::Payment, record::{Batch, Record, RecordKey, Stored, Version, Versioned}};

fn read<T: Stored + PartialEq + std::fmt::Debug>(body: &str) {
    let record = Record {
        key: RecordKey::of::<T>("id"),
        version: Version(1),
        due_at: None, final_at: None,
        body: body.to_owned(),
    };
    let Ok(found) = Versioned::<T>::try_from(record) else {
        return;
    };
    let mut batch = Batch::default();
    batch.insert(&found.value).expect("what was read can be written");
    let written = batch.inserts.pop().expect("one record");
    let again = Versioned::<T>::try_from(written).expect("what we wrote");
    assert_eq!(again.value, found.value);
}

libfuzzer_sys::fuzz_target!(|body: &str| {
    read::<Challenge>(body);
    read::<Payment>(body);
    read::<Message>(body);
});
