//! Revocation lists, PEM or DER, as authorities of others publish them.
#![no_main]

use countersign_certs::RevocationList;

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let all = RevocationList::all_from_file(content);
    let Ok(list) = RevocationList::from_file(content) else {
        // What is refused as one may be several.
        assert!(all.is_err() || all.is_ok_and(|all| all.len() > 1));
        return;
    };
    assert_eq!(all.as_deref(), Ok([list.clone()].as_slice()));
    assert!(list.number_octets().len() <= 20);
    let _ = (list.number(), list.next_update());
    assert_eq!(list.is_empty(), list.len() == 0);
    // What is read, is written and read again as the same.
    let pem = list.to_pem().expect("any bytes can be written as PEM");
    assert_eq!(RevocationList::from_file(pem.as_bytes()).as_ref(), Ok(&list));
    assert_eq!(RevocationList::from_file(list.der()).as_ref(), Ok(&list));
});
