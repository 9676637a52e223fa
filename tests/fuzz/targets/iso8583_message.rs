//! ISO 8583: frames of a stream in two pieces, and messages. What was read is written and read again as the same.
#![no_main]

use countersign_iso8583::{Field, FrameBuffer, FrameError, Message};

libfuzzer_sys::fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    if let Ok(message) = Message::decode(bytes) {
        let written = message.encode();
        let again = Message::decode(&written).expect("what we wrote");
        assert_eq!(written.as_slice(), again.encode().as_slice());
        assert_eq!(Message::read(bytes).as_ref(), Ok(&message));
    }
    if let Ok(message) = Message::read(bytes) {
        let shown = format!("{message:?}");
        assert!(shown.len() < 16_384, "{shown}");
        let _ = message.response(Field::ALL).map(|response| Message::decode(&response.encode()).expect("our own"));
    }

    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let mut buffer = FrameBuffer::new();
    'stream: for piece in [first, second] {
        for chunk in piece.chunks(512) {
            buffer.unfilled().extend_from_slice(chunk);
            loop {
                match buffer.next_message() {
                    Ok(Some(_)) | Err(FrameError::Message(_)) => {}
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
        }
    }
});
