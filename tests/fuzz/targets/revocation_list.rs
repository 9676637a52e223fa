//! A revocation list, PEM or DER, as an authority of others publishes it.
#![no_main]

use countersign_certs::RevocationList;

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let Ok(list) = RevocationList::from_file(content) else {
        return;
    };
    let _ = (list.number(), list.next_update());
    assert_eq!(list.is_empty(), list.len() == 0);
    // What is read, is written and read again as the same.
    let pem = list.to_pem().expect("any bytes can be written as PEM");
    assert_eq!(RevocationList::from_file(pem.as_bytes()).as_ref(), Ok(&list));
    assert_eq!(RevocationList::from_file(list.der()).as_ref(), Ok(&list));
});
