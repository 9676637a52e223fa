//! A signed message (CMS SignedData), its content in it or beside it.
#![no_main]

use countersign_certs::cms::{ContentType, signed};

/// What the seeds sign.
const CONTENT: &[u8] = b"signed";

libfuzzer_sys::fuzz_target!(|message: &[u8]| {
    for detached in [None, Some(CONTENT)] {
        let Ok(read) = signed::verify(message, ContentType::DATA, detached, &[]) else {
            continue;
        };
        // No signature passes over what was not signed, and nobody here has the keys.
        assert_eq!(read.content, CONTENT);
        assert!(!read.chain.is_empty());
        // Where the content is, is no matter of taste.
        let other = if detached.is_some() { None } else { Some(CONTENT) };
        assert!(signed::verify(message, ContentType::DATA, other, &[]).is_err());
    }
});
