//! Alphabets: any octets under any data coding are read or refused; any text is coded, split, and reads back the same.
#![no_main]

use countersign_channels::sms::{header, text};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8], &str)| {
    let (data_coding, octets, written) = input;
    let _ = text::decode(data_coding, octets);

    let Ok(encoded) = text::encode(written, data_coding) else {
        return;
    };
    let mut whole = Vec::new();
    for part in &encoded.parts {
        let user_data = if encoded.parts.len() == 1 {
            part.as_slice()
        } else {
            header::read(part).expect("a part of ours has a header").1
        };
        assert!(part.len() <= 160);
        whole.extend_from_slice(user_data);
    }
    let read = text::decode(encoded.alphabet.data_coding(), &whole).expect("an alphabet of ours");
    assert_eq!(read.as_str(), written);
});
