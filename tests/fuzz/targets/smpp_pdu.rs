//! SMPP 3.4: what a centre may send. What was read is written and read again as the same.
#![no_main]

use countersign_channels::smpp::pdu::{Pdu, first_pdu};

libfuzzer_sys::fuzz_target!(|stream: &[u8]| {
    let Ok(Some(octets)) = first_pdu(stream) else {
        return;
    };
    let Ok(pdu) = Pdu::decode(octets) else {
        return;
    };
    let mut written = Vec::new();
    // Not all that may be read may be written: an unknown command, such as.
    if pdu.encode(&mut written).is_ok() {
        assert_eq!(Pdu::decode(&written).as_ref(), Ok(&pdu));
    }
});
